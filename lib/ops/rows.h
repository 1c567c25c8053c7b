/* What ops with one parameter a channel share: the check of it, and sums over the rows by several threads. */
#ifndef DIM_OPS_ROWS_H
#define DIM_OPS_ROWS_H

#include "ops/run.h"
#include <math.h>
#include <string.h>

/* Checks that inputs from, ..., to - 1 are vectors with one element a channel of input 0. */
static inline dim_status dim__infer_vectors(const dim__infer *inf, int from, int to)
{
    char x[128], v[128];
    if (inf->in[0].rank < 1)
        return dim__infer_fail(inf, 0, "(rows, channels)");
    for (int i = from; i < to; i++)
        if (inf->in[i].rank != 1 || inf->in[i].d[0] != dim__shape_last(&inf->in[0]))
            return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: input %d is %s; wants one element a channel of %s", inf->op, i,
                             dim__op_shape_text(v, &inf->in[i]), dim__op_shape_text(x, &inf->in[0]));
    return DIM_OK;
}

/* Frozen batch norm, (x - mean) / sqrt(var + eps) gamma + beta, as scale x + shift. */
static inline void dim__frozen_norm(const float *gamma, const float *beta, const float *mean, const float *var, double eps,
                                    float *scale, float *shift, int64_t c)
{
    for (int64_t j = 0; j < c; j++) {
        double s = gamma[j] / sqrt(var[j] + eps);
        scale[j] = (float)s;
        shift[j] = (float)(beta[j] - mean[j] * s);
    }
}

/* As it lies in memory, (4, c). */
static inline dim__bn_grad dim__bn_grad_of(const float *at, int64_t c)
{
    return (dim__bn_grad){ .scale = at, .dy_mean = at + c, .x_mean = at + 2 * c, .slope = at + 3 * c };
}

/* One block of `count` doubles a thread; thread k adds into block k. */
static inline size_t dim__sums_size(const dim_context *ctx, int64_t count)
{
    return (size_t)ctx->threads * (size_t)count * sizeof(double);
}

/* Block 0 = the sum of the first `pieces` blocks, always in the same order; of none: zeros. */
static inline void dim__sums_reduce(double *sums, int pieces, int64_t count)
{
    if (pieces == 0)
        memset(sums, 0, (size_t)count * sizeof *sums);
    for (int k = 1; k < pieces; k++)
        for (int64_t j = 0; j < count; j++)
            sums[j] += sums[k * count + j];
}

#endif
