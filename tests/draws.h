/* Random numbers of known distributions, the same on every machine: for the tests and the measurements of <dim/information.h>. */
#ifndef DIM_TESTS_DRAWS_H
#define DIM_TESTS_DRAWS_H

#include <math.h>
#include <stdint.h>

static uint64_t draws = 88172645463325252u; /* xorshift64 */

static inline double uniform(void)
{
    draws ^= draws << 13;
    draws ^= draws >> 7;
    draws ^= draws << 17;
    return ((double)(draws >> 11) + 0.5) / 9007199254740992.0;
}

static inline double normal(void) { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()); }
static inline double exponential(void) { return -log(uniform()); }

/* Marsaglia & Tsang 2000; shape >= 1 */
static inline double gamma_of(double shape)
{
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = normal(), v = 1 + c * x;
        v = v * v * v;
        if (v > 0 && log(uniform()) < x * x / 2 + d - d * v + d * log(v))
            return d * v;
    }
}

static inline double poisson(double mean)
{
    double limit = exp(-mean), product = uniform();
    int count = 0;
    for (; product > limit; product *= uniform())
        count++;
    return count;
}

#endif
