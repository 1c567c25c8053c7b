/* What several estimators compute of their scores.  Sums of exponentials are kept as logarithms, so that scores of any
 * size give finite numbers. */
#ifndef DIM_OBJECTIVE_SUMS_H
#define DIM_OBJECTIVE_SUMS_H

#include "objective/estimators/estimators.h"

/* The logarithm of a sum of e^x, high + low: high is the largest x, as it is, and low is 0 or a little above.  Sums of
 * enormous scores keep their digits: x - high is exact, where x - (high + low) would be rounded. */
typedef struct dim__log_parts {
    double high, low;
} dim__log_parts;

dim__log_parts dim__log_join(dim__log_parts a, dim__log_parts b);                         /* of both sums */
dim__log_parts dim__row_log_sum(const dim__kernels *k, const dim__row *row);  /* over all negatives of a row */
/* Of all rows, which have theirs in acc (rows x stride) at i and i + 1. */
dim__log_parts dim__column_log_join(const double *acc, int64_t rows, int stride, int i);

double dim__log_add(double a, double b); /* log(e^a + e^b) */
/* log of the sum of e^x; -inf for n = 0 */
double dim__log_sum(const dim__kernels *k, const float *x, int64_t n);
/* log of the sum of e^-x */
double dim__log_sum_negated(const dim__kernels *k, const float *x, int64_t n);

/* Column `i` of acc (rows x stride): log of the sum of e^acc, and the sum. */
double dim__column_log_sum(const double *acc, int64_t rows, int stride, int i);
double dim__column_sum(const double *acc, int64_t rows, int stride, int i);

void dim__fill(float *y, int64_t n, double value);
/* y = scale e^x / e^by, exact in `by` and scale although the kernels compute in single precision; y may be x.  No x is above
 * by.high where that is beyond a million. */
void dim__exp_scaled(const dim__kernels *k, float *y, const float *x, int64_t n, dim__log_parts by, double scale);
/* y = scale sigmoid(sign x); y may be x */
void dim__sigmoid_scaled(const dim__kernels *k, float *y, const float *x, int64_t n, int sign, double scale);

#endif
