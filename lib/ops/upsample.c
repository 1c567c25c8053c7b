/* upsample: (N, H, W, C) -> (N, f H, f W, C), every pixel f x f times (nearest neighbour).  attr.factor: f.
 * upsample_grad: its gradient, the sum over these. */
#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "ops/ops.h"
#include "ops/rows.h"

#include <string.h>

enum { MOST = 4096 };

static dim_status check(const dim__infer *inf)
{
    int64_t factor = inf->attr->factor;
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, H, W, C)");
    if (factor < 1 || factor > MOST)
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: factor is %lld, must be 1 to %d", inf->op, (long long)factor, MOST);
    return DIM_OK;
}

static dim_status upsample_infer(dim__infer *inf)
{
    const dim__shape *x = &inf->in[0];
    int64_t factor = inf->attr->factor;
    DIM__TRY(check(inf));
    inf->out[0] = dim__shape4(x->d[0], x->d[1] * factor, x->d[2] * factor, x->d[3]);
    return DIM_OK;
}

static dim_status upsample_grad_infer(dim__infer *inf)
{
    const dim__shape *dy = &inf->in[0];
    int64_t factor = inf->attr->factor;
    DIM__TRY(check(inf));
    if (dy->d[1] % factor != 0 || dy->d[2] % factor != 0)
        return dim__infer_fail(inf, 0, "height and width that the factor divides");
    inf->out[0] = dim__shape4(dy->d[0], dy->d[1] / factor, dy->d[2] / factor, dy->d[3]);
    return DIM_OK;
}

/* Rows (n, h) of the smaller map. */
static void upsample_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t factor = e->attr->factor, w = e->in_shape[0]->d[2], c = e->in_shape[0]->d[3], row = factor * w * c;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        const float *x = (const float *)e->in[0] + r * w * c;
        float *y = (float *)e->out[0] + r * factor * row;
        for (int64_t at = 0; at < factor * w; at++)
            memcpy(y + at * c, x + at / factor * c, (size_t)c * sizeof *y);
        for (int64_t copy = 1; copy < factor; copy++)
            memcpy(y + copy * row, y, (size_t)row * sizeof *y);
    }
}

static void upsample_grad_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t factor = e->attr->factor, w = e->out_shape[0]->d[2], c = e->out_shape[0]->d[3], row = factor * w * c;
    (void)thread;
    for (int64_t r = begin; r < end; r++)
        for (int64_t at = 0; at < w; at++)
            e->ctx->kernels->window_sum((float *)e->out[0] + (r * w + at) * c,
                                        (const float *)e->in[0] + r * factor * row + at * factor * c, 1, factor, factor,
                                        row, c);
}

static void by_rows(const dim__exec *e, const dim__shape *small, void (*task)(void *, int64_t, int64_t, int))
{
    int64_t factor = e->attr->factor;
    dim__parallel(e->ctx, small->d[0] * small->d[1], dim__row_grain(factor * factor * small->d[2] * small->d[3]), task,
                  (void *)e);
}

static void upsample_run(const dim__exec *e) { by_rows(e, e->in_shape[0], upsample_task); }
static void upsample_grad_run(const dim__exec *e) { by_rows(e, e->out_shape[0], upsample_grad_task); }

static void upsample_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit1(g, &dim__op_upsample_grad, dout[0], &node->attr);
}

const dim__op dim__op_upsample = {
    .name = "upsample", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(factor),
    .flags = DIM__OP_BY_SAMPLE,
    .infer = upsample_infer, .backward = upsample_backward, .run = upsample_run,
};

const dim__op dim__op_upsample_grad = {
    .name = "upsample_grad", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(factor),
    .flags = DIM__OP_BY_SAMPLE,
    .infer = upsample_grad_infer, .run = upsample_grad_run,
};

dim__vid dim__op_upsample_(dim__graph *g, dim__vid x, int factor)
{
    dim__attr attr = { .factor = factor };
    return dim__emit1(g, &dim__op_upsample, x, &attr);
}
