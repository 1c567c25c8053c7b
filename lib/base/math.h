/* Scalar functions in their stable forms, in double; the vector kernels and tests follow these definitions. */
#ifndef DIM_BASE_MATH_H
#define DIM_BASE_MATH_H

#include "base/strict_math.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline double dim__softplus(double t) /* log(1 + e^t) */
{
    return (t > 0 ? t : 0) + log1p(exp(-fabs(t)));
}

static inline double dim__sigmoid(double t)
{
    double e = exp(-fabs(t));
    return t >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* An infinity for what does not fit, without the exception that the conversion itself would raise; NaN stays.  By bits, since
 * compilers compute both sides of a choice of numbers, and compare vectors with an exception for NaN. */
static inline float dim__to_float(double x)
{
    const uint64_t most = 0x47efffffe0000000, infinite = 0x7ff0000000000000; /* FLT_MAX, INFINITY */
    uint64_t bits, size;
    memcpy(&bits, &x, sizeof bits);
    size = bits & 0x7fffffffffffffff;
    uint64_t large = size > most && size <= infinite;
    bits = (bits & (large - 1)) | ((bits >> 63 << 63 | infinite) & -large);
    memcpy(&x, &bits, sizeof x);
    return (float)x;
}

static inline int64_t dim__min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t dim__max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* a * b into *out; false when it does not fit or one is negative. */
static inline bool dim__mul64(int64_t a, int64_t b, int64_t *out)
{
    if (a < 0 || b < 0 || (b != 0 && a > INT64_MAX / b))
        return false;
    *out = a * b;
    return true;
}

#endif
