/* upsample: (N, H, W, C) -> (N, fh H, fw W, C), every pixel fh x fw times (nearest neighbour).  attr.upsample: fh and fw.
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
    const dim__attr_upsample *a = &inf->attr->upsample;
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, H, W, C)");
    if (a->factor_h < 1 || a->factor_w < 1 || a->factor_h > MOST || a->factor_w > MOST)
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: factors are %lld and %lld, must be 1 to %d", inf->op,
                         (long long)a->factor_h, (long long)a->factor_w, MOST);
    return DIM_OK;
}

static dim_status upsample_infer(dim__infer *inf)
{
    const dim__shape *x = &inf->in[0];
    const dim__attr_upsample *a = &inf->attr->upsample;
    DIM__TRY(check(inf));
    inf->out[0] = dim__shape4(x->d[0], x->d[1] * a->factor_h, x->d[2] * a->factor_w, x->d[3]);
    return DIM_OK;
}

static dim_status upsample_grad_infer(dim__infer *inf)
{
    const dim__shape *dy = &inf->in[0];
    const dim__attr_upsample *a = &inf->attr->upsample;
    DIM__TRY(check(inf));
    if (dy->d[1] % a->factor_h != 0 || dy->d[2] % a->factor_w != 0)
        return dim__infer_fail(inf, 0, "height and width that the factors divide");
    inf->out[0] = dim__shape4(dy->d[0], dy->d[1] / a->factor_h, dy->d[2] / a->factor_w, dy->d[3]);
    return DIM_OK;
}

/* Rows (n, h) of the smaller map. */
static void upsample_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t fh = e->attr->upsample.factor_h, fw = e->attr->upsample.factor_w;
    int64_t w = e->in_shape[0]->d[2], c = e->in_shape[0]->d[3], row = fw * w * c;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        const float *x = (const float *)e->in[0] + r * w * c;
        float *y = (float *)e->out[0] + r * fh * row;
        for (int64_t at = 0; at < fw * w; at++)
            memcpy(y + at * c, x + at / fw * c, (size_t)c * sizeof *y);
        for (int64_t copy = 1; copy < fh; copy++)
            memcpy(y + copy * row, y, (size_t)row * sizeof *y);
    }
}

static void upsample_grad_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t fh = e->attr->upsample.factor_h, fw = e->attr->upsample.factor_w;
    int64_t w = e->out_shape[0]->d[2], c = e->out_shape[0]->d[3], row = fw * w * c;
    (void)thread;
    for (int64_t r = begin; r < end; r++)
        for (int64_t at = 0; at < w; at++)
            e->ctx->kernels->window_sum((float *)e->out[0] + (r * w + at) * c,
                                        (const float *)e->in[0] + r * fh * row + at * fw * c, 1, fh, fw, row, c);
}

static void by_rows(const dim__exec *e, const dim__shape *small, void (*task)(void *, int64_t, int64_t, int))
{
    int64_t times = e->attr->upsample.factor_h * e->attr->upsample.factor_w;
    dim__parallel(e->ctx, small->d[0] * small->d[1], dim__row_grain(times * small->d[2] * small->d[3]), task, (void *)e);
}

static void upsample_run(const dim__exec *e) { by_rows(e, e->in_shape[0], upsample_task); }
static void upsample_grad_run(const dim__exec *e) { by_rows(e, e->out_shape[0], upsample_grad_task); }

static void upsample_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit1(g, &dim__op_upsample_grad, dout[0], &node->attr);
}

const dim__op dim__op_upsample = {
    .name = "upsample", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(upsample),
    .flags = DIM__OP_BY_SAMPLE,
    .infer = upsample_infer, .backward = upsample_backward, .run = upsample_run,
};

const dim__op dim__op_upsample_grad = {
    .name = "upsample_grad", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(upsample),
    .flags = DIM__OP_BY_SAMPLE,
    .infer = upsample_grad_infer, .run = upsample_grad_run,
};

dim__vid dim__emit_upsample(dim__graph *g, dim__vid x, int64_t factor_h, int64_t factor_w)
{
    dim__attr attr = { .upsample = { factor_h, factor_w } };
    return dim__emit1(g, &dim__op_upsample, x, &attr);
}
