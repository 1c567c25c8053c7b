/* Scalar functions in their stable forms, in double; the vector kernels and tests follow these definitions. */
#ifndef DIM_BASE_MATH_H
#define DIM_BASE_MATH_H

#include "base/strict_math.h"
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

static inline double dim__softplus(double t) /* log(1 + e^t) */
{
    return (t > 0 ? t : 0) + log1p(exp(-fabs(t)));
}

static inline double dim__sigmoid(double t)
{
    double e = exp(-fabs(t));
    return t >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* An infinity for what does not fit, without the exception that the conversion itself would raise.  NaN stays; isgreater()
 * raises none for it, unlike the operator. */
static inline float dim__to_float(double x)
{
    bool large = isgreater(fabs(x), FLT_MAX);
    float y = (float)(large ? 0 : x);
    return large ? (float)copysign(INFINITY, x) : y;
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
