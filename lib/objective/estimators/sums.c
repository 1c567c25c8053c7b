#include "objective/estimators/sums.h"

#include "base/math.h"

enum { BLOCK = 512 };

double dim__log_add(double a, double b)
{
    double high = a > b ? a : b, low = a > b ? b : a;
    if (low == -INFINITY)
        return high;
    return high + log1p(exp(low - high));
}

double dim__log_sum(const dim__kernels *k, const float *x, int64_t n)
{
    if (n == 1) /* shuffled negatives: one a row */
        return x[0];
    float max = n > 0 ? k->max(x, n) : -INFINITY;
    if (!isfinite(max))
        return max;
    return max + log(k->sum_exp(x, max, n));
}

double dim__log_sum_negated(const dim__kernels *k, const float *x, int64_t n)
{
    float block[BLOCK];
    double total = -INFINITY;
    for (int64_t at = 0; at < n; at += BLOCK) {
        int64_t m = dim__min64(n - at, BLOCK);
        k->affine(block, x + at, -1, 0, m);
        total = dim__log_add(total, dim__log_sum(k, block, m));
    }
    return total;
}

double dim__row_log_sum(const dim__kernels *k, const dim__row *row)
{
    double total = -INFINITY;
    for (int s = 0; s < DIM__EST_SEGMENTS; s++)
        total = dim__log_add(total, dim__log_sum(k, row->neg[s], row->n_neg[s]));
    return total;
}

double dim__column_log_sum(const double *acc, int64_t rows, int stride, int i)
{
    double max = -INFINITY, sum = 0;
    for (int64_t r = 0; r < rows; r++) {
        if (isnan(acc[r * stride + i]))
            return acc[r * stride + i];
        max = fmax(max, acc[r * stride + i]);
    }
    if (!isfinite(max))
        return max;
    for (int64_t r = 0; r < rows; r++)
        sum += exp(acc[r * stride + i] - max);
    return max + log(sum);
}

double dim__column_sum(const double *acc, int64_t rows, int stride, int i)
{
    double sum = 0;
    for (int64_t r = 0; r < rows; r++)
        sum += acc[r * stride + i];
    return sum;
}

void dim__fill(float *y, int64_t n, double value)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)value;
}

void dim__exp_scaled(const dim__kernels *k, float *y, const float *x, int64_t n, double shift, double scale)
{
    if (scale == 0) {
        dim__fill(y, n, 0);
        return;
    }
    if (n == 1) { /* in double nothing overflows on the way */
        y[0] = (float)(scale * exp(x[0] + shift));
        return;
    }
    /* The scale goes into the exponent, so that a product which fits does not overflow on the way; what rounding the
     * exponent loses goes back into the factor. */
    double exact = -(shift + log(fabs(scale)));
    float rounded = (float)exact;
    k->exp_shift(y, x, rounded, (float)copysign(exp((double)rounded - exact), scale), n);
}

void dim__sigmoid_scaled(const dim__kernels *k, float *y, const float *x, int64_t n, int sign, double scale)
{
    if (sign < 0) {
        k->affine(y, x, -1, 0, n);
        x = y;
    }
    k->sigmoid_scale(y, x, (float)scale, n);
}
