/* Cases of matrix products, normalisation, pooling and padding.
 *
 * Tolerances: outputs are sums of K products of numbers below 1 in size, accumulated in f32: 1e-6 covers K up to a few
 * hundred.  Gradients are compared with central differences of the double reference, good to about 1e-8, so theirs is
 * f32 rounding again; normalisation divides by deviations and gets a digit more. */
#include "op_cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOL 1e-6
#define TOL_GRAD 4e-6
#define TOL_NORM 1e-5

static int64_t param(const op_case *c, int k) { return (int64_t)c->p[k]; }

/* ---- matmul: p = transposed a, transposed b ---------------------------------------------------------------------- */

static dim__vid build_matmul(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_matmul(g, in[0], in[1], c->p[0] != 0, c->p[1] != 0);
}

static void ref_matmul(const op_case *c, const double *const *in, double *const *out)
{
    int64_t m = c->out[0].d[0], n = c->out[0].d[1];
    int64_t a_last = dim__shape_last(&c->in[0]), b_last = dim__shape_last(&c->in[1]);
    int64_t k = c->p[0] != 0 ? dim__shape_rows(&c->in[0]) : a_last;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t t = 0; t < k; t++)
                sum += in[0][c->p[0] != 0 ? t * a_last + i : i * a_last + t] *
                       in[1][c->p[1] != 0 ? j * b_last + t : t * b_last + j];
            out[0][i * n + j] = sum;
        }
}

/* The product added to input 2: under another shape, or to each row. */
static dim__vid build_onto(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = { .matmul = { .trans_a = c->p[0] != 0, .trans_b = c->p[1] != 0 } };
    return dim__emit3(g, &dim__op_matmul, in[0], in[1], in[2], &attr);
}

static void ref_onto(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->out[0]), onto = op_count(&c->in[2]);
    ref_matmul(c, in, out);
    for (int64_t i = 0; i < n; i++)
        out[0][i] += in[2][i % onto];
}

#define ONTO(text, a, b, x, ta, tb, y)                                                                                 \
    { .op = "matmul", .label = text, .n_in = 3, .in = { a, b, x }, .grad = 7, .out = { y }, .p = { ta, tb },           \
      .build = build_onto, .ref = ref_onto, .tol = TOL, .tol_grad = TOL_GRAD }

#define MATMUL(text, a, b, ta, tb, y)                                                                                  \
    { .op = "matmul", .label = text, .n_in = 2, .in = { a, b }, .grad = 3, .out = { y }, .p = { ta, tb },              \
      .build = build_matmul, .ref = ref_matmul, .tol = TOL, .tol_grad = TOL_GRAD }

/* ---- add_bias ---------------------------------------------------------------------------------------------------- */

static dim__vid build_add_bias(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_add_bias(g, in[0], in[1]);
}

static void ref_add_bias(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]), ch = c->in[1].d[0];
    for (int64_t i = 0; i < n; i++)
        out[0][i] = in[0][i] + in[1][i % ch];
}

#define ADD_BIAS(text, x, ch)                                                                                          \
    { .op = "add_bias", .label = text, .n_in = 2, .in = { x, S1(ch) }, .grad = 3, .out = { x },                        \
      .build = build_add_bias, .ref = ref_add_bias, .tol = TOL, .tol_grad = TOL_GRAD }

/* ---- batch_norm: p = eps, offset of x ---------------------------------------------------------------------------- */

static dim__vid build_batch_norm(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_batch_norm(g, in[0], in[1], in[2], c->p[0]);
}

static void ref_batch_norm(const op_case *c, const double *const *in, double *const *out)
{
    int64_t rows = dim__shape_rows(&c->in[0]), ch = dim__shape_last(&c->in[0]);
    for (int64_t j = 0; j < ch; j++) {
        double mean, var;
        op_moments(in[0] + j, rows, ch, &mean, &var);
        out[1][j] = mean;
        out[2][j] = var;
        out[3][j] = 1 / sqrt(var + c->p[0]);
        for (int64_t i = 0; i < rows; i++)
            out[0][i * ch + j] = (in[0][i * ch + j] - mean) * out[3][j] * in[1][j] + in[2][j];
    }
}

static void fill_offset(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    (void)index;
    for (int64_t i = 0; i < n; i++)
        x[i] = op_random(input, i) + (input == 0 ? (float)c->p[1] : 0);
}

#define BATCH_NORM(text, x, ch, offset, tolerance)                                                                     \
    { .op = "batch_norm", .label = text, .n_in = 3, .in = { x, S1(ch), S1(ch) }, .grad = 7, .n_out = 4,                \
      .no_grad_out = 14, .out = { x, S1(ch), S1(ch), S1(ch) }, .p = { 1e-5, offset }, .build = build_batch_norm,       \
      .ref = ref_batch_norm, .fill = fill_offset, .tol = tolerance, .tol_grad = tolerance }

/* ---- batch_norm_again: in: x, gamma, beta, mean, rstd ------------------------------------------------------------ */

static dim__vid build_batch_norm_again(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit(g, &dim__op_batch_norm_again, 5, in, NULL);
}

static void ref_batch_norm_again(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]), ch = dim__shape_last(&c->in[0]);
    for (int64_t i = 0; i < n; i++)
        out[0][i] = (in[0][i] - in[3][i % ch]) * in[4][i % ch] * in[1][i % ch] + in[2][i % ch];
}

#define BATCH_NORM_AGAIN(text, x, ch)                                                                                  \
    { .op = "batch_norm_again", .label = text, .n_in = 5, .in = { x, S1(ch), S1(ch), S1(ch), S1(ch) }, .out = { x },   \
      .build = build_batch_norm_again, .ref = ref_batch_norm_again, .tol = TOL }

/* ---- channel_affine: p = eps ------------------------------------------------------------------------------------- */

static dim__vid build_channel_affine(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_channel_affine(g, in[0], in[1], in[2], in[3], in[4], c->p[0]);
}

static void ref_channel_affine(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]), ch = dim__shape_last(&c->in[0]);
    for (int64_t i = 0; i < n; i++)
        out[0][i] = (in[0][i] - in[3][i % ch]) / sqrt(in[4][i % ch] + c->p[0]) * in[1][i % ch] + in[2][i % ch];
}

static void fill_positive_variance(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    op_fill_default(c, input, x, index, n);
    for (int64_t i = 0; input == 4 && i < n; i++)
        x[i] = 0.2f + fabsf(x[i]);
}

#define CHANNEL_AFFINE(text, x, ch)                                                                                    \
    { .op = "channel_affine", .label = text, .n_in = 5, .in = { x, S1(ch), S1(ch), S1(ch), S1(ch) }, .grad = 7,        \
      .out = { x }, .p = { 1e-5 }, .build = build_channel_affine, .ref = ref_channel_affine,                           \
      .fill = fill_positive_variance, .tol = TOL, .tol_grad = TOL_NORM }

/* ---- layer_norm: p = eps, offset of x ---------------------------------------------------------------------------- */

static dim__vid build_layer_norm(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_layer_norm(g, in[0], in[1], in[2], c->p[0]);
}

static void ref_layer_norm(const op_case *c, const double *const *in, double *const *out)
{
    int64_t rows = dim__shape_rows(&c->in[0]), ch = dim__shape_last(&c->in[0]);
    for (int64_t i = 0; i < rows; i++) {
        double mean, var;
        op_moments(in[0] + i * ch, ch, 1, &mean, &var);
        out[1][i] = mean;
        out[2][i] = 1 / sqrt(var + c->p[0]);
        for (int64_t j = 0; j < ch; j++)
            out[0][i * ch + j] = (in[0][i * ch + j] - mean) * out[2][i] * in[1][j] + in[2][j];
    }
}

#define LAYER_NORM(text, x, rows, ch, offset, tolerance)                                                               \
    { .op = "layer_norm", .label = text, .n_in = 3, .in = { x, S1(ch), S1(ch) }, .grad = 7, .n_out = 3,                \
      .no_grad_out = 6, .out = { x, S1(rows), S1(rows) }, .p = { 1e-5, offset }, .build = build_layer_norm,            \
      .ref = ref_layer_norm, .fill = fill_offset, .tol = tolerance, .tol_grad = tolerance }

/* ---- pooling: p = kernel, stride, padding; upsample: p = factors ------------------------------------------------- */

static dim__window window(const op_case *c)
{
    return c->window.kernel[0] > 0 ? c->window : dim__square(param(c, 0), param(c, 1), param(c, 2));
}

static dim__vid build_max_pool(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_max_pool(g, in[0], window(c));
}

static dim__vid build_avg_pool(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_avg_pool(g, in[0], window(c));
}

static double pool_at(const op_case *c, const double *x, int64_t n, int64_t oh, int64_t ow, int64_t ch, bool average)
{
    dim__window by = window(c);
    double top = -INFINITY, sum = 0;
    for (int64_t r = 0; r < by.kernel[0]; r++)
        for (int64_t s = 0; s < by.kernel[1]; s++) {
            int64_t h = oh * by.stride[0] - by.padding[0] + r, w = ow * by.stride[1] - by.padding[1] + s;
            if (h < 0 || w < 0 || h >= c->in[0].d[1] || w >= c->in[0].d[2])
                continue;
            double value = op_at(x, &c->in[0], n, h, w, ch);
            sum += value;
            top = value > top ? value : top;
        }
    return average ? sum / (double)(by.kernel[0] * by.kernel[1]) : top;
}

static void ref_pool(const op_case *c, const double *x, double *to, bool average)
{
    const dim__shape *y = &c->out[0];
    for (int64_t n = 0; n < y->d[0]; n++)
        for (int64_t oh = 0; oh < y->d[1]; oh++)
            for (int64_t ow = 0; ow < y->d[2]; ow++)
                for (int64_t ch = 0; ch < y->d[3]; ch++)
                    *to++ = pool_at(c, x, n, oh, ow, ch, average);
}

static void ref_max_pool(const op_case *c, const double *const *in, double *const *out)
{
    ref_pool(c, in[0], out[0], false);
}

static dim__vid build_upsample(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_upsample(g, in[0], param(c, 0), param(c, 1));
}

static void ref_upsample(const op_case *c, const double *const *in, double *const *out)
{
    const dim__shape *y = &c->out[0];
    int64_t fh = param(c, 0), fw = param(c, 1);
    for (int64_t e = 0; e < op_count(y); e++) {
        int64_t ch = e % y->d[3], w = e / y->d[3] % y->d[2], h = e / y->d[3] / y->d[2] % y->d[1];
        out[0][e] = op_at(in[0], &c->in[0], e / y->d[3] / y->d[2] / y->d[1], h / fh, w / fw, ch);
    }
}

#define UPSAMPLE(text, x, fh, fw, y)                                                                                   \
    { .op = "upsample", .label = text, .n_in = 1, .in = { x }, .grad = 1, .out = { y }, .p = { fh, fw },               \
      .build = build_upsample, .ref = ref_upsample, .tol = TOL, .tol_grad = TOL }

static void ref_avg_pool(const op_case *c, const double *const *in, double *const *out)
{
    ref_pool(c, in[0], out[0], true);
}

/* The maximum only moves numbers: exact. */
#define MAX_POOL(text, x, kernel, stride, padding, y)                                                                  \
    { .op = "max_pool", .label = text, .n_in = 1, .in = { x }, .grad = 1, .out = { y },                                \
      .p = { kernel, stride, padding }, .build = build_max_pool, .ref = ref_max_pool, .fill = op_fill_distinct,        \
      .tol = 1e-15, .tol_grad = TOL }
#define AVG_POOL(text, x, kernel, stride, y)                                                                           \
    { .op = "avg_pool", .label = text, .n_in = 1, .in = { x }, .grad = 1, .out = { y },                                \
      .p = { kernel, stride }, .build = build_avg_pool, .ref = ref_avg_pool, .tol = TOL, .tol_grad = TOL }

/* Windows that differ by axis. */
#define MAX_POOL_BY_AXIS(text, x, by, y)                                                                               \
    { .op = "max_pool", .label = text, .n_in = 1, .in = { x }, .grad = 1, .out = { y }, .window = by,                  \
      .build = build_max_pool, .ref = ref_max_pool, .fill = op_fill_distinct, .tol = 1e-15, .tol_grad = TOL }
#define AVG_POOL_BY_AXIS(text, x, by, y)                                                                               \
    { .op = "avg_pool", .label = text, .n_in = 1, .in = { x }, .grad = 1, .out = { y }, .window = by,                  \
      .build = build_avg_pool, .ref = ref_avg_pool, .tol = TOL, .tol_grad = TOL }

/* ---- batch norm of what was pooled before it: in: x, gamma (some negative), beta; p[3] = slope as of conv2d -------- */

static dim__vid build_pooled_norm(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr windows = dim__op_pool_attr(window(c));
    dim__attr attr = { .norm = { .windows = windows.pool },
                       .activation = { .on = c->p[3] != 0, .slope = c->p[3] > 0 ? c->p[3] : 0 } };
    dim__vid norm = dim__emit_batch_norm(g, in[0], in[1], in[2], OP_NORM_EPS);
    dim__vid small = dim__emit2(g, &dim__op_max_pool, in[0], in[1], &windows);
    dim__vid all[6] = { small, in[1], in[2], dim__out(norm, 1), dim__out(norm, 3), in[0] };
    return dim__emit(g, &dim__op_batch_norm_again, 6, all, &attr);
}

/* As a network says it: batch norm, activation, maximum. */
static void ref_pooled_norm(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]), rows = dim__shape_rows(&c->in[0]), ch = dim__shape_last(&c->in[0]);
    double *y = malloc((size_t)n * sizeof *y);
    if (y == NULL)
        abort();
    for (int64_t j = 0; j < ch; j++) {
        double mean, var;
        op_moments(in[0] + j, rows, ch, &mean, &var);
        for (int64_t i = j; i < n; i += ch) {
            y[i] = (in[0][i] - mean) / sqrt(var + OP_NORM_EPS) * in[1][j] + in[2][j];
            y[i] = c->p[3] == 0 || y[i] > 0 ? y[i] : c->p[3] > 0 ? c->p[3] * y[i] : 0;
        }
    }
    ref_pool(c, y, out[0], false);
    free(y);
}

static void fill_signs(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    if (input == 0)
        op_fill_distinct(c, input, x, index, n);
    for (int64_t i = 0; input > 0 && i < n; i++)
        x[i] = input == 1 ? (i % 3 == 1 ? -1 : 1) * (0.5f + 0.1f * (float)(i % 7)) : 0.2f * op_random(input, i);
}

#define POOLED_NORM(text, x, ch, kernel, stride, padding, slope, y)                                                    \
    { .op = "batch_norm", .label = text, .also = "max_pool", .n_in = 3, .in = { x, S1(ch), S1(ch) }, .grad = 7, .out = { y }, \
      .p = { kernel, stride, padding, slope }, .build = build_pooled_norm, .ref = ref_pooled_norm, .fill = fill_signs, \
      .tol = TOL_NORM, .tol_grad = TOL_NORM }

static dim__vid build_extreme_pool(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = dim__op_pool_attr(window(c));
    return dim__emit2(g, &dim__op_max_pool, in[0], in[1], &attr);
}

/* ---- pad2d: p = padding of the height, of the width, reflect ----------------------------------------------------- */

static dim__vid build_pad2d(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_pad2d(g, in[0], param(c, 0), param(c, 1), c->p[2] != 0);
}

static int64_t mirrored(int64_t i, int64_t size) { return i < 0 ? -i : i >= size ? 2 * size - 2 - i : i; }

static void ref_pad2d(const op_case *c, const double *const *in, double *const *out)
{
    const dim__shape *x = &c->in[0], *y = &c->out[0];
    double *to = out[0];
    for (int64_t n = 0; n < y->d[0]; n++)
        for (int64_t oh = 0; oh < y->d[1]; oh++)
            for (int64_t ow = 0; ow < y->d[2]; ow++)
                for (int64_t ch = 0; ch < y->d[3]; ch++) {
                    int64_t h = oh - param(c, 0), w = ow - param(c, 1);
                    if (c->p[2] != 0)
                        h = mirrored(h, x->d[1]), w = mirrored(w, x->d[2]);
                    *to++ = op_at(in[0], x, n, h, w, ch);
                }
}

#define PAD2D(text, x, pad_h, pad_w, reflect, y)                                                                       \
    { .op = "pad2d", .label = text, .n_in = 1, .in = { x }, .grad = 1, .out = { y },                                   \
      .p = { pad_h, pad_w, reflect }, .build = build_pad2d, .ref = ref_pad2d, .tol = 1e-15, .tol_grad = TOL }

/* ---- max_mid ----------------------------------------------------------------------------------------------------- */

static dim__vid build_max_mid(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_max_mid(g, in[0]);
}

static void ref_max_mid(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = c->out[0].d[0], ch = c->out[0].d[1], l = op_count(&c->in[0]) / (n * ch);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < ch; j++) {
            double top = -INFINITY;
            for (int64_t k = 0; k < l; k++)
                top = fmax(top, in[0][(i * l + k) * ch + j]);
            out[0][i * ch + j] = top;
        }
}

#define MAX_MID(text, x, n, ch)                                                                                        \
    { .op = "max_mid", .label = text, .n_in = 1, .in = { x }, .grad = 1, .out = { S2(n, ch) },                         \
      .build = build_max_mid, .ref = ref_max_mid, .fill = op_fill_distinct, .tol = 1e-15, .tol_grad = TOL }

/* ---- Gradients as ops of their own, at sizes that several threads and blocks share -------------------------------- *
 * The gradient check covers them with small shapes only: differences of large ones would take minutes. */

/* in: dy, x; p = stride, padding, KH, KW */
static dim__vid build_bias_grad(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit1(g, &dim__op_bias_grad, in[0], NULL);
}

static void ref_bias_grad(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]), ch = c->out[0].d[0];
    memset(out[0], 0, (size_t)ch * sizeof(double));
    for (int64_t i = 0; i < n; i++)
        out[0][i % ch] += in[0][i];
}

/* in: dy, x, mean, rstd, gamma: the formula of the paper (Ioffe, Szegedy 2015), whatever mean and rstd are */
static dim__vid build_batch_norm_grad(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit(g, &dim__op_batch_norm_grad, 5, in, NULL);
}

static void ref_batch_norm_grad(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]), ch = c->in[2].d[0];
    double rows = (double)(n / ch);
    memset(out[1], 0, (size_t)ch * sizeof(double));
    memset(out[2], 0, (size_t)ch * sizeof(double));
    for (int64_t i = 0, j = 0; i < n; i++, j = i % ch) {
        out[1][j] += in[0][i] * (in[1][i] - in[2][j]) * in[3][j];
        out[2][j] += in[0][i];
    }
    for (int64_t i = 0, j = 0; i < n; i++, j = i % ch)
        out[0][i] = in[4][j] * in[3][j] *
                    (in[0][i] - out[2][j] / rows - (in[1][i] - in[2][j]) * in[3][j] * out[1][j] / rows);
}

/* in: dy, x, gamma, mean, var; p = eps */
static dim__vid build_channel_affine_grad(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = { .norm = { .eps = c->p[0] } };
    return dim__emit(g, &dim__op_channel_affine_grad, 5, in, &attr);
}

static void ref_channel_affine_grad(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]), ch = c->in[2].d[0];
    memset(out[1], 0, (size_t)ch * sizeof(double));
    memset(out[2], 0, (size_t)ch * sizeof(double));
    for (int64_t i = 0, j = 0; i < n; i++, j = i % ch) {
        double rstd = 1 / sqrt(in[4][j] + c->p[0]);
        out[0][i] = in[0][i] * in[2][j] * rstd;
        out[1][j] += in[0][i] * (in[1][i] - in[3][j]) * rstd;
        out[2][j] += in[0][i];
    }
}

/* in: dy, x, mean (rows), rstd (rows), gamma */
static dim__vid build_layer_norm_grad(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit(g, &dim__op_layer_norm_grad, 5, in, NULL);
}

static void ref_layer_norm_grad(const op_case *c, const double *const *in, double *const *out)
{
    int64_t rows = c->in[2].d[0], ch = c->in[4].d[0];
    memset(out[1], 0, (size_t)ch * sizeof(double));
    memset(out[2], 0, (size_t)ch * sizeof(double));
    for (int64_t i = 0; i < rows; i++) {
        const double *dy = in[0] + i * ch, *x = in[1] + i * ch, *gamma = in[4];
        double mean = in[2][i], rstd = in[3][i], sum = 0, dot = 0;
        for (int64_t j = 0; j < ch; j++) {
            double xhat = (x[j] - mean) * rstd;
            sum += dy[j] * gamma[j] / (double)ch;
            dot += dy[j] * gamma[j] * xhat / (double)ch;
            out[1][j] += dy[j] * xhat;
            out[2][j] += dy[j];
        }
        for (int64_t j = 0; j < ch; j++)
            out[0][i * ch + j] = rstd * (dy[j] * gamma[j] - sum - (x[j] - mean) * rstd * dot);
    }
}

#define GRAD_5(name, text, x, third, fourth, fifth, ch, fn)                                                            \
    { .op = #name, .label = text, .n_in = 5, .in = { x, x, third, fourth, fifth }, .n_out = 3,                         \
      .out = { x, S1(ch), S1(ch) }, .p = { 1e-5 }, .build = build_##name, .ref = ref_##name, .fill = fn,               \
      .tol = TOL_NORM }

/* in: dy, x; of equal maxima the first takes all.  x has four different values only. */
static void fill_ties(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    (void)c, (void)index;
    for (int64_t i = 0; i < n; i++)
        x[i] = input == 1 ? floorf(2 * op_random(input, i)) : op_random(input, i);
}

static dim__vid build_max_pool_grad(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = dim__op_pool_attr(window(c));
    dim__vid y = dim__emit_max_pool(g, in[1], window(c));
    return dim__emit3(g, &dim__op_max_pool_grad, in[0], in[1], y, &attr);
}

static void ref_max_pool_grad(const op_case *c, const double *const *in, double *const *out)
{
    const dim__shape *y = &c->in[0], *x = &c->in[1];
    int64_t kernel = param(c, 0);
    memset(out[0], 0, (size_t)op_count(x) * sizeof(double));
    for (int64_t e = 0; e < op_count(y); e++) {
        int64_t ch = e % y->d[3], ow = e / y->d[3] % y->d[2], oh = e / y->d[3] / y->d[2] % y->d[1];
        int64_t n = e / y->d[3] / y->d[2] / y->d[1], first = -1;
        for (int64_t k = 0; k < kernel * kernel; k++) {
            int64_t h = oh * param(c, 1) - param(c, 2) + k / kernel, w = ow * param(c, 1) - param(c, 2) + k % kernel;
            int64_t pixel = ((n * x->d[1] + h) * x->d[2] + w) * x->d[3] + ch;
            bool inside = h >= 0 && w >= 0 && h < x->d[1] && w < x->d[2];
            if (inside && (first < 0 || in[1][pixel] > in[1][first]))
                first = pixel;
        }
        out[0][first] += in[0][e];
    }
}

static dim__vid build_max_mid_grad(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit3(g, &dim__op_max_mid_grad, in[0], in[1], dim__emit_max_mid(g, in[1]), NULL);
}

static void ref_max_mid_grad(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = c->in[1].d[0], l = c->in[1].d[1], ch = c->in[1].d[2];
    memset(out[0], 0, (size_t)(n * l * ch) * sizeof(double));
    for (int64_t i = 0; i < n * ch; i++) {
        int64_t base = i / ch * l * ch + i % ch, first = 0;
        for (int64_t k = 1; k < l; k++)
            if (in[1][base + k * ch] > in[1][base + first * ch])
                first = k;
        out[0][base + first * ch] = in[0][i];
    }
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

const op_case op_cases_nn[] = {
    MATMUL("plain", S2(5, 7), S2(7, 3), 0, 0, S2(5, 3)),
    MATMUL("a transposed", S2(7, 5), S2(7, 3), 1, 0, S2(5, 3)),
    MATMUL("b transposed", S2(5, 7), S2(3, 7), 0, 1, S2(5, 3)),
    MATMUL("both transposed", S2(7, 5), S2(3, 7), 1, 1, S2(5, 3)),
    MATMUL("a map of rank 4 as rows", S4(2, 3, 1, 4), S2(5, 4), 0, 1, S2(6, 5)),
    MATMUL("maps of rank 3 on both sides, a transposed", S3(2, 3, 4), S3(3, 2, 2), 1, 0, S2(4, 2)),
    MATMUL("one by one", S2(1, 1), S2(1, 1), 0, 0, S2(1, 1)),
    MATMUL("wide second operand", S2(2, 33), S2(70, 33), 0, 1, S2(2, 70)),
    ONTO("onto a matrix", S2(4, 3), S2(3, 5), S2(4, 5), 0, 0, S2(4, 5)),
    ONTO("onto a map, b transposed", S2(6, 3), S2(5, 3), S4(1, 2, 3, 5), 0, 1, S2(6, 5)),
    ONTO("onto a row, a transposed", S2(3, 4), S2(3, 5), S1(5), 1, 0, S2(4, 5)),
    ONTO("onto a row, a column of one", S2(4, 3), S2(3, 1), S1(1), 0, 0, S2(4, 1)),
    ONTO("onto a vector that is a column, not a row", S2(4, 3), S2(3, 1), S1(4), 0, 0, S2(4, 1)),
    ONTO("no terms: what it is added to", S2(4, 0), S2(0, 5), S1(5), 0, 0, S2(4, 5)),
    { .op = "matmul", .label = "onto a matrix, several threads", .n_in = 3,
      .in = { S2(700, 40), S2(40, 90), S2(700, 90) }, .out = { S2(700, 90) }, .build = build_onto, .ref = ref_onto,
      .tol = 3 * TOL },
    { .op = "matmul", .label = "onto a row, several threads", .n_in = 3,
      .in = { S2(700, 40), S2(40, 90), S1(90) }, .out = { S2(700, 90) }, .build = build_onto, .ref = ref_onto,
      .tol = 3 * TOL },
    ADD_BIAS("rank 2", S2(5, 3), 3),
    ADD_BIAS("rank 4, many channels", S4(2, 3, 2, 37), 37),
    ADD_BIAS("one channel", S2(4, 1), 1),
    GRAD_OF("bias_grad", "add_bias"),
    { .op = "bias_grad", .label = "several threads", .n_in = 1, .in = { S3(50, 41, 37) }, .out = { S1(37) },
      .build = build_bias_grad, .ref = ref_bias_grad, .tol = TOL },
    BATCH_NORM("rank 2", S2(6, 5), 5, 0, TOL_NORM),
    BATCH_NORM("a map", S4(3, 2, 3, 4), 4, 0, TOL_NORM),
    BATCH_NORM("two rows", S2(2, 3), 3, 0, TOL_NORM),
    BATCH_NORM("one channel", S2(9, 1), 1, 0, TOL_NORM),
    BATCH_NORM("a large mean: 100 with deviations below 1", S2(8, 3), 3, 100, 2e-4),
    { .op = "batch_norm", .label = "moments of several threads", .n_in = 3, .in = { S2(3000, 37), S1(37), S1(37) },
      .n_out = 4, .out = { S2(3000, 37), S1(37), S1(37), S1(37) }, .p = { 1e-5, 2 }, .build = build_batch_norm,
      .ref = ref_batch_norm, .fill = fill_offset, .tol = TOL_NORM },
    BATCH_NORM_AGAIN("map", S4(3, 4, 2, 7), 7),
    BATCH_NORM_AGAIN("several threads", S2(3000, 37), 37),
    GRAD_OF("batch_norm_grad", "batch_norm"),
    GRAD_5(batch_norm_grad, "several threads", S2(3000, 37), S1(37), S1(37), S1(37), 37, op_fill_default),
    CHANNEL_AFFINE("rank 2", S2(4, 5), 5),
    CHANNEL_AFFINE("a map", S4(2, 2, 3, 3), 3),
    CHANNEL_AFFINE("one row", S2(1, 17), 17),
    GRAD_OF("channel_affine_grad", "channel_affine"),
    GRAD_5(channel_affine_grad, "several threads", S2(3000, 37), S1(37), S1(37), S1(37), 37, fill_positive_variance),
    LAYER_NORM("rank 2", S2(4, 7), 4, 7, 0, TOL_NORM),
    LAYER_NORM("a map", S4(2, 1, 3, 18), 6, 18, 0, TOL_NORM),
    LAYER_NORM("one row", S2(1, 5), 1, 5, 0, TOL_NORM),
    LAYER_NORM("one channel: y = beta", S2(3, 1), 3, 1, 0, TOL_NORM),
    LAYER_NORM("a large mean: 100 with deviations below 1", S2(3, 20), 3, 20, 100, 2e-4),
    GRAD_OF("layer_norm_grad", "layer_norm"),
    GRAD_5(layer_norm_grad, "several threads", S2(3000, 37), S1(3000), S1(3000), S1(37), 37, op_fill_default),
    MAX_POOL("2/2", S4(2, 4, 6, 3), 2, 2, 0, S4(2, 2, 3, 3)),
    MAX_POOL("3/2: windows overlap, an edge is left over", S4(2, 6, 8, 3), 3, 2, 0, S4(2, 2, 3, 3)),
    MAX_POOL("3/2 padded", S4(1, 5, 6, 2), 3, 2, 1, S4(1, 3, 3, 2)),
    MAX_POOL("3/1 padded, many channels", S4(1, 3, 4, 70), 3, 1, 1, S4(1, 3, 4, 70)),
    MAX_POOL("1/1", S4(1, 3, 2, 2), 1, 1, 0, S4(1, 3, 2, 2)),
    MAX_POOL("2/3: gaps between windows", S4(1, 5, 8, 2), 2, 3, 0, S4(1, 2, 3, 2)),
    MAX_POOL("window as large as the image", S4(2, 3, 3, 1), 3, 1, 0, S4(2, 1, 1, 1)),
    MAX_POOL_BY_AXIS("2 x 1", S4(2, 8, 5, 3), WINDOW(2, 1, 2, 1, 0, 0, 1, 1), S4(2, 4, 5, 3)),
    MAX_POOL_BY_AXIS("3 x 2, overlapping, padded", S4(2, 7, 6, 3), WINDOW(3, 2, 2, 1, 1, 1, 1, 1), S4(2, 4, 7, 3)),
    MAX_POOL_BY_AXIS("a signal", S4(2, 1, 17, 3), WINDOW(1, 3, 1, 2, 0, 1, 1, 1), S4(2, 1, 9, 3)),
    MAX_POOL_BY_AXIS("as many pixels as tiles would have, but a border", S4(2, 4, 6, 3), WINDOW(2, 3, 2, 3, 0, 1, 1, 1),
                     S4(2, 2, 2, 3)),
    MAX_POOL_BY_AXIS("the same above", S4(2, 6, 4, 3), WINDOW(3, 2, 3, 2, 1, 0, 1, 1), S4(2, 2, 2, 3)),
    MAX_POOL_BY_AXIS("tiles of 2 x 3, many channels", S4(2, 4, 6, 37), WINDOW(2, 3, 2, 3, 0, 0, 1, 1), S4(2, 2, 2, 37)),
    GRAD_OF("max_pool_grad", "max_pool"),
    POOLED_NORM("pooled 2/2", S4(2, 4, 6, 3), 3, 2, 2, 0, 0, S4(2, 2, 3, 3)),
    POOLED_NORM("pooled 2/2 and a ReLU", S4(2, 4, 6, 3), 3, 2, 2, 0, -1, S4(2, 2, 3, 3)),
    POOLED_NORM("pooled 2/2 and a leaky ReLU, an edge left over", S4(2, 5, 4, 4), 4, 2, 2, 0, 0.2, S4(2, 2, 2, 4)),
    POOLED_NORM("pooled 3/2, windows overlap", S4(2, 5, 5, 3), 3, 3, 2, 0, 0.2, S4(2, 2, 2, 3)),
    POOLED_NORM("pooled 3/2 padded", S4(1, 5, 6, 3), 3, 3, 2, 1, -1, S4(1, 3, 3, 3)),
    POOLED_NORM("pooled 2/3: gaps between windows", S4(1, 5, 8, 3), 3, 2, 3, 0, 0, S4(1, 2, 3, 3)),
    { .op = "batch_norm", .label = "pooled 3 x 2 by axis", .also = "max_pool", .n_in = 3,
      .in = { S4(2, 7, 6, 3), S1(3), S1(3) }, .grad = 7, .out = { S4(2, 4, 7, 3) }, .p = { [3] = 0.2 },
      .window = WINDOW(3, 2, 2, 1, 1, 1, 1, 1),
      .build = build_pooled_norm, .ref = ref_pooled_norm, .fill = fill_signs, .tol = TOL_NORM, .tol_grad = TOL_NORM },
    GRAD_OF("batch_norm_pooled_grad", "batch_norm"),
    { .op = "max_pool_grad", .label = "equal maxima, several threads", .n_in = 2,
      .in = { S4(40, 5, 6, 70), S4(40, 9, 11, 70) }, .out = { S4(40, 9, 11, 70) }, .p = { 3, 2, 1 },
      .build = build_max_pool_grad, .ref = ref_max_pool_grad, .fill = fill_ties, .tol = TOL },
    AVG_POOL("2/2", S4(2, 4, 6, 3), 2, 2, S4(2, 2, 3, 3)),
    AVG_POOL("3/2: windows overlap, an edge is left over", S4(2, 6, 8, 3), 3, 2, S4(2, 2, 3, 3)),
    AVG_POOL("1/1, one channel", S4(1, 3, 2, 1), 1, 1, S4(1, 3, 2, 1)),
    AVG_POOL("2/3: gaps between windows", S4(1, 5, 8, 2), 2, 3, S4(1, 2, 3, 2)),
    AVG_POOL("window as large as the image", S4(2, 4, 4, 2), 4, 4, S4(2, 1, 1, 2)),
    AVG_POOL_BY_AXIS("2 x 3", S4(2, 6, 8, 3), WINDOW(2, 3, 1, 2, 0, 0, 1, 1), S4(2, 5, 3, 3)),
    AVG_POOL_BY_AXIS("a signal", S4(2, 1, 11, 3), WINDOW(1, 4, 1, 2, 0, 0, 1, 1), S4(2, 1, 4, 3)),
    GRAD_OF("avg_pool_grad", "avg_pool"),
    UPSAMPLE("twice", S4(2, 3, 2, 5), 2, 2, S4(2, 6, 4, 5)),
    UPSAMPLE("three times, one channel", S4(1, 2, 3, 1), 3, 3, S4(1, 6, 9, 1)),
    UPSAMPLE("once", S4(2, 2, 2, 3), 1, 1, S4(2, 2, 2, 3)),
    UPSAMPLE("several threads", S4(9, 8, 8, 40), 2, 2, S4(9, 16, 16, 40)),
    UPSAMPLE("by axis", S4(2, 3, 4, 5), 2, 3, S4(2, 6, 12, 5)),
    UPSAMPLE("a signal", S4(2, 1, 4, 3), 1, 3, S4(2, 1, 12, 3)),
    UPSAMPLE("no images", S4(0, 2, 2, 3), 2, 2, S4(0, 4, 4, 3)),
    GRAD_OF("upsample_grad", "upsample"),
    PAD2D("zeros", S4(2, 3, 4, 2), 1, 1, 0, S4(2, 5, 6, 2)),
    PAD2D("zeros, wider than the image", S4(1, 2, 1, 3), 3, 3, 0, S4(1, 8, 7, 3)),
    PAD2D("reflected", S4(2, 3, 4, 2), 1, 1, 1, S4(2, 5, 6, 2)),
    PAD2D("reflected as far as it goes", S4(1, 4, 3, 1), 2, 2, 1, S4(1, 8, 7, 1)),
    PAD2D("zeros, by axis", S4(2, 3, 4, 2), 0, 2, 0, S4(2, 3, 8, 2)),
    PAD2D("reflected, by axis", S4(2, 4, 5, 2), 1, 3, 1, S4(2, 6, 11, 2)),
    PAD2D("a signal, reflected", S4(2, 1, 5, 3), 0, 4, 1, S4(2, 1, 13, 3)),
    PAD2D("none", S4(1, 2, 2, 2), 0, 0, 0, S4(1, 2, 2, 2)),
    GRAD_OF("pad2d_grad", "pad2d"),
    MAX_MID("a map", S4(2, 3, 2, 5), 2, 5),
    MAX_MID("a sequence, many channels", S3(2, 5, 70), 2, 70),
    MAX_MID("one location", S3(3, 1, 4), 3, 4),
    MAX_MID("no middle axes", S2(3, 4), 3, 4),
    GRAD_OF("max_mid_grad", "max_mid"),
    { .op = "max_mid_grad", .label = "equal maxima, several threads", .n_in = 2,
      .in = { S2(40, 70), S3(40, 20, 70) }, .out = { S3(40, 20, 70) }, .build = build_max_mid_grad,
      .ref = ref_max_mid_grad, .fill = fill_ties, .tol = 1e-15 },
    { .op = NULL },
};

const op_bad op_bads_nn[] = {
    { "matmul", "what it is added to: the number of elements", 3, { S2(2, 3), S2(3, 5), S2(2, 4) }, 0, { 0, 0 },
      build_onto },
    { "matmul", "what it is added to: the length of a row", 3, { S2(2, 3), S2(3, 5), S1(2) }, 0, { 0, 0 },
      build_onto },
    { "matmul", "inner sizes", 2, { S2(2, 3), S2(4, 5) }, 0, { 0, 0 }, build_matmul },
    { "matmul", "inner sizes, transposed", 2, { S2(2, 3), S2(3, 5) }, 0, { 0, 1 }, build_matmul },
    { "add_bias", "size", 2, { S2(2, 3), S1(2) }, 0, { 0 }, build_add_bias },
    { "add_bias", "rank of the bias", 2, { S2(2, 3), S2(1, 3) }, 0, { 0 }, build_add_bias },
    { "batch_norm", "one value per channel", 3, { S2(1, 3), S1(3), S1(3) }, 0, { 1e-5 }, build_batch_norm },
    { "batch_norm", "gamma", 3, { S2(4, 3), S1(2), S1(3) }, 0, { 1e-5 }, build_batch_norm },
    { "batch_norm", "beta", 3, { S2(4, 3), S1(3), S1(4) }, 0, { 1e-5 }, build_batch_norm },
    { "batch_norm_again", "rstd", 5, { S2(4, 3), S1(3), S1(3), S1(3), S1(1) }, 0, { 0 }, build_batch_norm_again },
    { "channel_affine", "variance", 5, { S2(4, 3), S1(3), S1(3), S1(3), S1(1) }, 0, { 1e-5 }, build_channel_affine },
    { "layer_norm", "gamma", 3, { S2(4, 3), S1(4), S1(3) }, 0, { 1e-5 }, build_layer_norm },
    { "layer_norm", "no channels", 3, { S2(4, 0), S1(0), S1(0) }, 0, { 1e-5 }, build_layer_norm },
    { "max_pool", "gamma", 2, { S4(1, 4, 4, 3), S1(2) }, 0, { 2, 2, 0 }, build_extreme_pool },
    { "max_pool", "rank", 1, { S3(4, 4, 3) }, 0, { 2, 2, 0 }, build_max_pool },
    { "max_pool", "window larger than the image", 1, { S4(1, 2, 8, 3) }, 0, { 3, 2, 0 }, build_max_pool },
    { "max_pool", "window wider than the image", 1, { S4(1, 8, 2, 3) }, 0, { 3, 2, 0 }, build_max_pool },
    { "max_pool", "no pixels", 1, { S4(1, 0, 3, 3) }, 0, { 2, 2, 1 }, build_max_pool },
    { "avg_pool", "window larger than the image", 1, { S4(1, 8, 2, 3) }, 0, { 3, 2 }, build_avg_pool },
    { "pad2d", "rank", 1, { S2(4, 3) }, 0, { 1, 1, 0 }, build_pad2d },
    { "pad2d", "a reflected border as wide as the image", 1, { S4(1, 3, 5, 3) }, 0, { 3, 3, 1 }, build_pad2d },
    { "pad2d", "a reflected border as wide as a signal", 1, { S4(1, 1, 5, 3) }, 0, { 0, 5, 1 }, build_pad2d },
    { "max_mid", "rank", 1, { S1(4) }, 0, { 0 }, build_max_mid },
    { "max_mid", "no locations", 1, { S3(2, 0, 4) }, 0, { 0 }, build_max_mid },
    { .op = NULL },
};
