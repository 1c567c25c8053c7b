/* The table in plain C with double accumulation and the C library's functions: what the others are tested against. */
#include "base/math.h"
#include "kernels/kernels.h"
#include "kernels/table.h"

#include <stdlib.h>
#include <string.h>

static void add(float *y, const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

static void mul(float *y, const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

static void affine(float *y, const float *x, float scale, float shift, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)((double)scale * x[i] + shift);
}

static void axpy(float *y, float a, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(y[i] + (double)a * x[i]);
}

/* The nearer of two neighbours, or the one with an even last bit. */
static void to_bf16(uint16_t *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits, next;
        memcpy(&bits, &x[i], sizeof bits);
        next = (bits & 0xffff0000) + 0x10000;
        y[i] = (uint16_t)(bits >> 16);
        if (isnan(x[i]))
            y[i] |= 0x40;
        else if ((bits & 0xffff) > 0x8000 || ((bits & 0xffff) == 0x8000 && (bits & 0x10000) != 0))
            y[i] = (uint16_t)(next >> 16);
    }
}

static void from_bf16(float *y, const uint16_t *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(&y[i], &bits, sizeof bits);
    }
}

static void relu(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays */
}

static void relu_grad(float *dx, const float *dy, const float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
}

static void leaky(float *y, const float *x, float slope, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : slope * x[i];
}

static void leaky_grad(float *dx, const float *dy, const float *y, float slope, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dx[i] = y[i] > 0 ? dy[i] : slope * dy[i];
}

static void sigmoid(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)dim__sigmoid(x[i]);
}

static void sigmoid_grad(float *dx, const float *dy, const float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dx[i] = (float)(dy[i] * (y[i] * (1.0 - y[i])));
}

static void tanh_(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)tanh(x[i]);
}

static void tanh_grad(float *dx, const float *dy, const float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dx[i] = (float)(dy[i] * (1 - (double)y[i] * y[i]));
}

static void softplus(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)dim__softplus(x[i]);
}

static void exp_(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)exp(x[i]);
}

static void exp_shift(float *y, const float *x, float shift, float scale, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(scale * exp((double)x[i] - shift));
}

static void exp_from(float *y, const float *x, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)exp((double)x[i] - from[i]);
}

static void sigmoid_scale(float *y, const float *x, float scale, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(scale * dim__sigmoid(x[i]));
}

static double sum(const float *x, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += x[i];
    return total;
}

static double sum_sq(const float *x, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += (double)x[i] * x[i];
    return total;
}

static double dot(const float *a, const float *b, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += (double)a[i] * b[i];
    return total;
}

static float max(const float *x, int64_t n)
{
    float best = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            return x[i];
        if (x[i] > best)
            best = x[i];
    }
    return best;
}

static double sum_exp(const float *x, float shift, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += exp((double)x[i] - shift);
    return total;
}

static double sum_softplus(const float *x, float sign, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++)
        total += dim__softplus((double)sign * x[i]);
    return total;
}

static bool finite_(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static void dot_rows(float *y, const float *a, int64_t lda, const float *x, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; i++)
        y[i] = (float)dot(a + i * lda, x, n);
}

static void add_rows(float *y, const float *a, int64_t lda, const float *x, int64_t inc_x, int64_t rows, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        double total = y[j];
        for (int64_t i = 0; i < rows; i++)
            total += (double)x[i * inc_x] * a[i * lda + j];
        y[j] = (float)total;
    }
}

static void add_scaled(float *y, int64_t ldy, const float *x, int64_t ldx, const float *w, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < c; j++)
            y[i * ldy + j] = (float)(y[i * ldy + j] + (double)x[i * ldx + j] * w[j]);
}

static void col_max(float *y, const float *x, int64_t ldx, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < c; j++)
            y[j] = x[i * ldx + j] > y[j] ? x[i * ldx + j] : y[j];
}

static void add_bias(float *y, const float *x, const float *bias, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++)
        add(y + i * c, x + i * c, bias, c);
}

static void col_sum(double *total, const float *x, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < c; j++)
            total[j] += x[i * c + j];
}

static void col_dot(double *total, const float *a, int64_t lda, const float *b, int64_t ldb, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < c; j++)
            total[j] += (double)a[i * lda + j] * b[i * ldb + j];
}

static void col_moments(double *mean, double *m2, const float *x, int64_t rows, int64_t c)
{
    for (int64_t j = 0; j < c; j++) {
        mean[j] = m2[j] = 0;
        for (int64_t i = 0; i < rows; i++)
            mean[j] += x[i * c + j];
        if (rows > 0)
            mean[j] /= (double)rows;
        for (int64_t i = 0; i < rows; i++)
            m2[j] += (x[i * c + j] - mean[j]) * (x[i * c + j] - mean[j]);
    }
}

static void col_affine(float *y, const float *x, const float *scale, const float *shift, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < c; j++)
            y[i * c + j] = (float)((double)x[i * c + j] * scale[j] + shift[j]);
}

static void bn_grad_sums(double *sum_dy, double *sum_dyx, const float *dy, const float *x, const float *mean,
                         int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < c; j++) {
            sum_dy[j] += dy[i * c + j];
            sum_dyx[j] += dy[i * c + j] * ((double)x[i * c + j] - mean[j]);
        }
}

static void bn_grad_apply(float *dx, const float *dy, const float *x, const dim__bn_grad *by, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < c; j++)
            dx[i * c + j] = (float)(by->scale[j] * ((double)dy[i * c + j] - by->dy_mean[j] -
                                                    ((double)x[i * c + j] - by->x_mean[j]) * by->slope[j]));
}

static void layer_norm(float *y, float *mean, float *rstd, const float *x, const float *gamma, const float *beta,
                       float eps, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++) {
        double mu = 0, m2 = 0;
        for (int64_t j = 0; j < c; j++)
            mu += x[i * c + j];
        mu /= (double)c;
        for (int64_t j = 0; j < c; j++)
            m2 += (x[i * c + j] - mu) * (x[i * c + j] - mu);
        double scale = 1 / sqrt(m2 / (double)c + eps);
        for (int64_t j = 0; j < c; j++)
            y[i * c + j] = (float)((x[i * c + j] - mu) * scale * gamma[j] + beta[j]);
        mean[i] = (float)mu;
        rstd[i] = (float)scale;
    }
}

static void layer_norm_grad(float *dx, double *dgamma, double *dbeta, const float *dy, const float *x,
                            const float *mean, const float *rstd, const float *gamma, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++) {
        const float *xi = x + i * c, *dyi = dy + i * c;
        double m = mean[i], r = rstd[i], g_mean = 0, gx_mean = 0;
        for (int64_t j = 0; j < c; j++) {
            double hat = (xi[j] - m) * r, g = (double)dyi[j] * gamma[j];
            g_mean += g;
            gx_mean += g * hat;
            dgamma[j] += dyi[j] * hat;
            dbeta[j] += dyi[j];
        }
        g_mean /= (double)c;
        gx_mean /= (double)c;
        for (int64_t j = 0; j < c; j++) {
            double hat = (xi[j] - m) * r, g = (double)dyi[j] * gamma[j];
            dx[i * c + j] = (float)(r * (g - g_mean - hat * gx_mean));
        }
    }
}

static void window_max(float *y, const float *x, int64_t h, int64_t w, int64_t row, int64_t c)
{
    for (int64_t j = 0; j < c; j++) {
        y[j] = x[j];
        for (int64_t k = 0; k < h * w; k++) {
            float v = x[k / w * row + k % w * c + j];
            if (v > y[j] || isnan(v))
                y[j] = v;
        }
    }
}

static void window_extreme(float *y, const float *x, const float *sign, int64_t h, int64_t w, int64_t row, int64_t c)
{
    for (int64_t j = 0; j < c; j++) {
        y[j] = x[j];
        for (int64_t r = 0; r < h; r++)
            for (int64_t s = 0; s < w; s++) {
                float v = x[r * row + s * c + j];
                if ((sign[j] > 0 && v > y[j]) || (sign[j] < 0 && v < y[j]) || isnan(v))
                    y[j] = v;
            }
    }
}

static void window_max_grad(float *dx, const float *dy, const float *x, const float *y, bool set, int64_t h, int64_t w,
                            int64_t row, int64_t c)
{
    for (int64_t j = 0; j < c; j++) {
        bool given = false;
        for (int64_t k = 0; k < h * w; k++) {
            int64_t at = k / w * row + k % w * c + j;
            bool hit = !given && (x[at] == y[j] || isnan(x[at]));
            dx[at] = (set ? 0 : dx[at]) + (hit ? dy[j] : 0);
            given = given || hit;
        }
    }
}

static void window_sum(float *y, const float *x, float scale, int64_t h, int64_t w, int64_t row, int64_t c)
{
    for (int64_t j = 0; j < c; j++) {
        double sum = 0;
        for (int64_t k = 0; k < h * w; k++)
            sum += x[k / w * row + k % w * c + j];
        y[j] = (float)(scale * sum);
    }
}

static void window_add(float *dx, const float *dy, float scale, int64_t h, int64_t w, int64_t row, int64_t c)
{
    for (int64_t k = 0; k < h * w; k++)
        for (int64_t j = 0; j < c; j++)
            dx[k / w * row + k % w * c + j] += scale * dy[j];
}

static float near_distance(const dim__near *s, int64_t i, int64_t j)
{
    float most = 0;
    for (int c = 0; c < s->d; c++)
        most = fmaxf(most, fabsf(s->x[c][i] - s->x[c][j]));
    return most;
}

static void near_least(float *best, int k, const dim__near *s, int64_t first, int64_t n)
{
    for (int q = 0; q < DIM__NEAR; q++)
        for (int64_t j = first; j < first + n; j++) {
            float one = near_distance(s, s->at + q, j);
            int p = k;
            if (llabs((long long)s->row[s->at + q] - s->row[j]) <= s->apart)
                continue;
            for (; p > 0 && best[(p - 1) * DIM__NEAR + q] > one; p--)
                if (p < k)
                    best[p * DIM__NEAR + q] = best[(p - 1) * DIM__NEAR + q];
            if (p < k)
                best[p * DIM__NEAR + q] = one;
        }
}

static bool near_box(const float *reach, const dim__near *s, const float *low, const float *high)
{
    bool any = false;
    for (int q = 0; q < DIM__NEAR; q++) {
        float near = 0;
        for (int c = 0; c < s->d; c++)
            near = fmaxf(near, fmaxf(low[c] - s->x[c][s->at + q], s->x[c][s->at + q] - high[c]));
        any = any || near < reach[q];
    }
    return any;
}

static int64_t near_count(const float *const *x, int d, const float *at, float eps, int64_t first, int64_t n)
{
    int64_t count = 0;
    for (int64_t j = first; j < first + n; j++) {
        float most = 0;
        for (int c = 0; c < d; c++)
            most = fmaxf(most, fabsf(x[c][j] - at[c]));
        count += most < eps;
    }
    return count;
}

static void adam(float *w, float *m, float *v, const float *g, float step_size, float beta1, float beta2,
                 float inv_sqrt_bc2, float eps, float decay_grad, float decay_weight, float grad_scale, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double grad = (double)grad_scale * g[i] + (double)decay_grad * w[i];
        m[i] = (float)((double)beta1 * m[i] + (1 - (double)beta1) * grad);
        v[i] = (float)((double)beta2 * v[i] + (1 - (double)beta2) * grad * grad);
        w[i] = (float)((double)decay_weight * w[i] - step_size * (double)m[i] / (sqrt(v[i]) * inv_sqrt_bc2 + eps));
    }
}

extern const dim__kernels dim__kernels_ref;
const dim__kernels dim__kernels_ref = {
    .name = "reference",
    DIM__KERNEL_FIELDS,
};
