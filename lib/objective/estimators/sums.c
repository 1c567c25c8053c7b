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

dim__log_parts dim__log_join(dim__log_parts a, dim__log_parts b)
{
    if (b.high > a.high) {
        dim__log_parts swap = a;
        a = b;
        b = swap;
    }
    if (b.high == -INFINITY || isnan(a.high))
        return a;
    if (isnan(b.high))
        return b;
    a.low += log1p(exp((b.high - a.high) + (b.low - a.low)));
    return a;
}

static const dim__log_parts nothing = { -INFINITY, 0 };

dim__log_parts dim__row_log_sum(const dim__kernels *k, const dim__row *row)
{
    dim__log_parts total = nothing;
    for (int s = 0; s < DIM__EST_SEGMENTS; s++) {
        int64_t n = row->n_neg[s];
        dim__log_parts part = { n == 1 ? row->neg[s][0] : n > 0 ? k->max(row->neg[s], n) : -INFINITY, 0 };
        if (n > 1 && isfinite(part.high))
            part.low = log(k->sum_exp(row->neg[s], (float)part.high, n));
        total = dim__log_join(total, part);
    }
    return total;
}

dim__log_parts dim__column_log_join(const double *acc, int64_t rows, int stride, int i)
{
    dim__log_parts all = nothing;
    double sum = 0;
    for (int64_t r = 0; r < rows; r++) {
        double high = acc[r * stride + i];
        if (isnan(high) || high > all.high)
            all.high = high;
        if (isnan(high))
            return all;
    }
    if (!isfinite(all.high))
        return all;
    for (int64_t r = 0; r < rows; r++)
        sum += exp((acc[r * stride + i] - all.high) + acc[r * stride + i + 1]);
    all.low = log(sum);
    return all;
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

void dim__exp_scaled(const dim__kernels *k, float *y, const float *x, int64_t n, dim__log_parts by, double scale)
{
    if (scale == 0) {
        dim__fill(y, n, 0);
        return;
    }
    if (n == 1) { /* in double nothing overflows on the way */
        y[0] = dim__to_float(scale * exp((x[0] - by.high) - by.low));
        return;
    }
    /* The scale goes into the exponent, so that a product which fits does not overflow on the way; what rounding the
     * exponent loses goes back into the factor. */
    double rest = by.low - log(fabs(scale));
    if (isgreater(fabs(by.high), 0x1p20)) { /* a sum of both would round away what matters; no e^(x - high) is above 1 */
        k->exp_shift(y, x, (float)by.high, dim__to_float(copysign(exp(-rest), scale)), n);
        return;
    }
    double exact = by.high + rest;
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
