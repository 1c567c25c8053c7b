/* What several estimators compute of their scores.  Sums of exponentials are kept as logarithms, so that scores of any
 * size give finite numbers. */
#ifndef DIM_OBJECTIVE_SUMS_H
#define DIM_OBJECTIVE_SUMS_H

#include "objective/estimators/estimators.h"

double dim__log_add(double a, double b); /* log(e^a + e^b) */
/* log of the sum of e^x; -inf for n = 0 */
double dim__log_sum(const dim__kernels *k, const float *x, int64_t n);
/* log of the sum of e^-x */
double dim__log_sum_negated(const dim__kernels *k, const float *x, int64_t n);
/* dim__log_sum over all negatives of a row */
double dim__row_log_sum(const dim__kernels *k, const dim__row *row);

/* Column `i` of acc (rows x stride): log of the sum of e^acc, and the sum. */
double dim__column_log_sum(const double *acc, int64_t rows, int stride, int i);
double dim__column_sum(const double *acc, int64_t rows, int stride, int i);

void dim__fill(float *y, int64_t n, double value);
/* y = scale e^(x + shift), exact in shift and scale although the kernels compute in single precision; y may be x */
void dim__exp_scaled(const dim__kernels *k, float *y, const float *x, int64_t n, double shift, double scale);
/* y = scale sigmoid(sign x); y may be x */
void dim__sigmoid_scaled(const dim__kernels *k, float *y, const float *x, int64_t n, int sign, double scale);

#endif
