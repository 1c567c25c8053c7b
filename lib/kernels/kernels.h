/* The table of inner loops.  One table per instruction set, made from one source (vec.c) compiled several times, and one
 * in plain C with double accumulation (ref.c) that the others are tested against.  Functions work on one thread; ops
 * divide the work with dim__parallel().  Arrays are contiguous; y may be x unless said.  Rows are (rows, c) row-major. */
#ifndef DIM_KERNELS_KERNELS_H
#define DIM_KERNELS_KERNELS_H

#include "base/context.h"

/* Batch norm's gradient, one number a column of each.  Both differences are taken before anything is multiplied: of x and of
 * dy only what varies matters, and may be small beside their means. */
typedef struct dim__bn_grad {
    const float *scale, *dy_mean, *x_mean, *slope;
} dim__bn_grad;

/* Points of d coordinates, one array (points + DIM__NEAR) a coordinate, and DIM__NEAR of them whose neighbours are looked for. */
enum { DIM__NEAR = 16 };
typedef struct dim__near {
    const float *const *x;
    const int32_t *row;    /* as x: when each point was, or its group; those at most `apart` from one are not its neighbours */
    int64_t at;            /* the first of those that ask */
    int32_t apart;
    int d;
    bool shared;           /* points may have the same `row` */
} dim__near;

typedef struct dim__kernels {
    const char *name;

    /* elementwise, n elements */
    void (*add)(float *y, const float *a, const float *b, int64_t n);
    void (*mul)(float *y, const float *a, const float *b, int64_t n);
    void (*affine)(float *y, const float *x, float scale, float shift, int64_t n);  /* y = scale x + shift */
    void (*axpy)(float *y, float a, const float *x, int64_t n);                     /* y += a x; y is not x */
    void (*relu)(float *y, const float *x, int64_t n);
    void (*relu_grad)(float *dx, const float *dy, const float *y, int64_t n);       /* dy where y > 0 */
    void (*leaky)(float *y, const float *x, float slope, int64_t n);
    void (*leaky_grad)(float *dx, const float *dy, const float *y, float slope, int64_t n);
    void (*sigmoid)(float *y, const float *x, int64_t n);
    void (*sigmoid_grad)(float *dx, const float *dy, const float *y, int64_t n);    /* dy y (1 - y) */
    void (*tanh)(float *y, const float *x, int64_t n);
    void (*tanh_grad)(float *dx, const float *dy, const float *y, int64_t n);       /* dy (1 - y^2) */
    void (*softplus)(float *y, const float *x, int64_t n);
    void (*exp)(float *y, const float *x, int64_t n);
    void (*exp_shift)(float *y, const float *x, float shift, float scale, int64_t n);   /* scale e^(x - shift) */
    void (*exp_from)(float *y, const float *x, const float *from, int64_t n);           /* e^(x - from), whose differences are finite */
    void (*sigmoid_scale)(float *y, const float *x, float scale, int64_t n);            /* scale sigmoid(x) */
    /* bf16 is the upper half of a float.  Rounds to nearest even; NaN stays, quiet; denormals are kept: the same bits on
     * every processor, which the instruction for it (vcvtneps2bf16) would not give. */
    void (*to_bf16)(uint16_t *y, const float *x, int64_t n);   /* y is not x */
    void (*from_bf16)(float *y, const uint16_t *x, int64_t n); /* y is not x */

    /* reductions over n elements, n >= 0 */
    double (*sum)(const float *x, int64_t n);
    double (*sum_sq)(const float *x, int64_t n);
    double (*dot)(const float *a, const float *b, int64_t n);
    float (*max)(const float *x, int64_t n);                        /* -inf for n = 0; NaN when one is */
    double (*sum_exp)(const float *x, float shift, int64_t n);      /* sum of e^(x - shift); each x - shift may be any */
    double (*sum_softplus)(const float *x, float sign, int64_t n);  /* sum of softplus(sign x) */
    bool (*finite)(const float *x, int64_t n);

    /* rows */
    /* y[i] = a_i . x for rows a_i = a + i lda of n numbers, in float over several lanes; the same for any `rows` */
    void (*dot_rows)(float *y, const float *a, int64_t lda, const float *x, int64_t rows, int64_t n);
    /* y[j] += sum over i of x[i inc_x] a_i[j]; y is neither a nor x */
    void (*add_rows)(float *y, const float *a, int64_t lda, const float *x, int64_t inc_x, int64_t rows, int64_t n);
    /* y_i[j] += x_i[j] w[j] for rows y_i = y + i ldy and x_i = x + i ldx of c numbers; y is neither x nor w */
    void (*add_scaled)(float *y, int64_t ldy, const float *x, int64_t ldx, const float *w, int64_t rows, int64_t c);
    /* y[j] = the largest of y[j] and x_i[j] over rows x_i = x + i ldx of c numbers; NaN in x is passed over */
    void (*col_max)(float *y, const float *x, int64_t ldx, int64_t rows, int64_t c);
    void (*add_bias)(float *y, const float *x, const float *bias, int64_t rows, int64_t c);
    void (*col_sum)(double *sum, const float *x, int64_t rows, int64_t c);          /* adds to sum[c] */
    /* adds to sum[c] the sums of a_i[j] b_i[j] over rows a_i = a + i lda, b_i = b + i ldb */
    void (*col_dot)(double *sum, const float *a, int64_t lda, const float *b, int64_t ldb, int64_t rows, int64_t c);
    /* mean and sum of squared deviations of each column, without cancellation */
    void (*col_moments)(double *mean, double *m2, const float *x, int64_t rows, int64_t c);
    void (*col_affine)(float *y, const float *x, const float *scale, const float *shift, int64_t rows, int64_t c);
    /* adds to sum_dy[c] and sum_dyx[c] the sums of dy and of dy (x - mean) */
    void (*bn_grad_sums)(double *sum_dy, double *sum_dyx, const float *dy, const float *x, const float *mean,
                         int64_t rows, int64_t c);
    /* dx = scale (dy - dy_mean - (x - x_mean) slope); dx may be dy or x */
    void (*bn_grad_apply)(float *dx, const float *dy, const float *x, const dim__bn_grad *by, int64_t rows, int64_t c);
    /* layer norm of each row: y = (x - mean) rstd gamma + beta; mean[rows] and rstd[rows] are outputs */
    void (*layer_norm)(float *y, float *mean, float *rstd, const float *x, const float *gamma, const float *beta,
                       float eps, int64_t rows, int64_t c);
    /* dx, and adds to dgamma[c], dbeta[c] */
    void (*layer_norm_grad)(float *dx, double *dgamma, double *dbeta, const float *dy, const float *x,
                            const float *mean, const float *rstd, const float *gamma, int64_t rows, int64_t c);

    /* windows of h x w pixels of c channels; pixel (r, s) of one begins at x + r row + s c, and dx likewise */
    /* y[j] = maximum over the window; NaN wins; y is not x */
    void (*window_max)(float *y, const float *x, int64_t h, int64_t w, int64_t row, int64_t c);
    /* the same, but the minimum where sign[j] < 0, and the first pixel where it is 0 or NaN */
    void (*window_extreme)(float *y, const float *x, const float *sign, int64_t h, int64_t w, int64_t row, int64_t c);
    /* the first pixel, row by row, that is the maximum y[j] gets dy[j]: added to dx, or with `set` in its place, 0 for
     * the others */
    void (*window_max_grad)(float *dx, const float *dy, const float *x, const float *y, bool set, int64_t h, int64_t w,
                            int64_t row, int64_t c);
    /* y[j] = scale times the sum over the window; y is not x */
    void (*window_sum)(float *y, const float *x, float scale, int64_t h, int64_t w, int64_t row, int64_t c);
    /* scale dy[j] is added to each pixel of the window */
    void (*window_add)(float *dx, const float *dy, float scale, int64_t h, int64_t w, int64_t row, int64_t c);

    /* distances in max-norm, with the same bits in every table */
    /* best (k, DIM__NEAR) are the least distances so far, in order; points first .. first + n - 1 are added */
    void (*near_least)(float *best, int k, const dim__near *s, int64_t first, int64_t n);
    /* whether a box is nearer to one of those that ask than its reach (DIM__NEAR) */
    bool (*near_box)(const float *reach, const dim__near *s, const float *low, const float *high);
    /* how many of the points first .. first + n - 1 are nearer to `at` (d) than eps */
    int64_t (*near_count)(const float *const *x, int d, const float *at, float eps, int64_t first, int64_t n);

    /* optimizer updates of n elements; the rules are in optim/ */
    /* decay_grad w is added to grad_scale g; then w = decay_weight w - step_size m / (sqrt(v) inv_sqrt_bc2 + eps) */
    void (*adam)(float *w, float *m, float *v, const float *g, float step_size, float beta1, float beta2,
                 float inv_sqrt_bc2, float eps, float decay_grad, float decay_weight, float grad_scale, int64_t n);
} dim__kernels;

/* The table for a level; AUTO = the best of this processor.  NULL when level is above what the processor has. */
const dim__kernels *dim__kernels_select(dim_cpu_level level);

#endif
