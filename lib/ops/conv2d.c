/* Convolution.  attr.i[0]: stride, attr.i[1]: padding, the same for both axes; attr.p: the plan of
 * an accelerator that does it (kernels/conv.h), set by infer. */
#include "ops/conv.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include "ops/ops.h"
#include <string.h>

dim__conv dim__conv_of(const dim__shape *x, const dim__shape *w, const dim__shape *y, const dim__attr *attr)
{
    return (dim__conv){
        .n = x->d[0], .h = x->d[1], .w = x->d[2], .i = x->d[3],
        .o = w->d[0], .kh = w->d[1], .kw = w->d[2],
        .oh = y->d[1], .ow = y->d[2],
        .stride = attr->i[0], .padding = attr->i[1],
        .k = w->d[1] * w->d[2] * x->d[3],
        .pixels = x->d[0] * y->d[1] * y->d[2],
    };
}

bool dim__conv_plain(const dim__conv *c)
{
    bool pointwise = c->kh == 1 && c->kw == 1 && c->stride == 1;
    bool whole = c->kh == c->h && c->kw == c->w;
    return c->padding == 0 && (pointwise || whole);
}

/* About a second-level cache of patches, but enough rows that packing the weights once a block does not show. */
int64_t dim__conv_block(const dim__conv *c, int64_t columns)
{
    int64_t rows = ((int64_t)1 << 18) / dim__max64(1, columns);
    rows = dim__min64(dim__max64(rows, 192), 4096) / 32 * 32;
    return dim__min64(rows, dim__max64(c->pixels, 1));
}

void dim__conv_patches(const dim__conv *c, const float *x, int64_t begin, int64_t end, int64_t first, int64_t last,
                       float *patches)
{
    int64_t row = c->kw * c->i;
    int64_t ow = begin % c->ow, oh = begin / c->ow % c->oh, n = begin / c->ow / c->oh;
    for (int64_t px = begin; px < end; px++) {
        for (int64_t r = first / row; r * row < last; r++) {
            dim__conv_run run = dim__conv_run_of(c, n, oh, ow, r);
            int64_t a = dim__max64(first - r * row, 0), b = dim__min64(last - r * row, row);
            int64_t lo = dim__min64(dim__max64(run.lo, a), b), hi = dim__max64(dim__min64(run.hi, b), lo);
            memset(patches, 0, (size_t)(lo - a) * sizeof *patches);
            if (hi > lo)
                memcpy(patches + (lo - a), x + run.at + lo, (size_t)(hi - lo) * sizeof *patches);
            memset(patches + (hi - a), 0, (size_t)(b - hi) * sizeof *patches);
            patches += b - a;
        }
        if (++ow == c->ow) {
            ow = 0;
            if (++oh == c->oh) {
                oh = 0;
                n++;
            }
        }
    }
}

typedef struct patches_job {
    const dim__conv *c;
    const float *x;
    int64_t first;
    float *patches;
} patches_job;

static void patches_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const patches_job *job = arg;
    (void)thread;
    dim__conv_patches(job->c, job->x, job->first + begin, job->first + end, 0, job->c->k,
                      job->patches + begin * job->c->k);
}

void dim__conv_patches_parallel(dim_context *ctx, const dim__conv *c, const float *x, int64_t begin, int64_t end,
                                float *patches)
{
    patches_job job = { c, x, begin, patches };
    dim__parallel(ctx, end - begin, dim__max64(1, 32768 / dim__max64(1, c->k)), patches_task, &job);
}

/* ---- the op ------------------------------------------------------------------------------------------------------ */

static dim_status conv2d_infer(dim__infer *inf)
{
    char x_text[128], w_text[128];
    const dim__shape *x = &inf->in[0], *w = &inf->in[1];
    int64_t stride = inf->attr->i[0], padding = inf->attr->i[1];
    DIM__TRY(dim__infer_types(inf, 0));
    if (stride < 1 || padding < 0 || padding > 1 << 20)
        return dim__fail(inf->ctx, DIM_E_INVALID, "conv2d: stride %lld, padding %lld", (long long)stride,
                         (long long)padding);
    if (x->rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, H, W, I)");
    if (w->rank != 4 || w->d[1] < 1 || w->d[2] < 1 || w->d[3] < 1)
        return dim__infer_fail(inf, 1, "weights (O, KH, KW, I)");
    if (x->d[3] != w->d[3])
        return dim__fail(inf->ctx, DIM_E_SHAPE, "conv2d: x %s has %lld channels, weights %s want %lld",
                         dim__op_shape_text(x_text, x), (long long)x->d[3], dim__op_shape_text(w_text, w),
                         (long long)w->d[3]);
    if (x->d[1] + 2 * padding < w->d[1] || x->d[2] + 2 * padding < w->d[2])
        return dim__fail(inf->ctx, DIM_E_SHAPE, "conv2d: the kernel of weights %s is larger than x %s padded by %lld",
                         dim__op_shape_text(w_text, w), dim__op_shape_text(x_text, x), (long long)padding);
    inf->out[0] = dim__shape4(x->d[0], (x->d[1] + 2 * padding - w->d[1]) / stride + 1,
                              (x->d[2] + 2 * padding - w->d[2]) / stride + 1, w->d[0]);
    dim__conv c = dim__conv_of(x, w, &inf->out[0], inf->attr);
    return dim__conv_accelerate(inf, &c, DIM__CONV_FORWARD);
}

static size_t conv2d_workspace(const dim__infer *inf)
{
    dim__conv c = dim__conv_of(&inf->in[0], &inf->in[1], &inf->out[0], inf->attr);
    return dim__conv_workspace(inf, &c);
}

typedef struct conv2d_job {
    const dim__exec *e;
    dim__conv c;
    int64_t block;
} conv2d_job;

static void conv2d_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const conv2d_job *job = arg;
    const dim__conv *c = &job->c;
    float *patches = (float *)job->e->workspace + thread * job->block * c->k;
    for (int64_t px = begin; px < end; px += job->block) {
        int64_t stop = dim__min64(px + job->block, end);
        dim__conv_patches(c, job->e->in[0], px, stop, 0, c->k, patches);
        dim__gemm_serial(job->e->ctx, false, true, stop - px, c->o, c->k, 1, patches, c->k, job->e->in[1], c->k, 0,
                         (float *)job->e->out[0] + px * c->o, c->o);
    }
}

static void conv2d_run(const dim__exec *e)
{
    conv2d_job job = { .e = e, .c = dim__conv_of(e->in_shape[0], e->in_shape[1], e->out_shape[0], e->attr) };
    const dim__conv *c = &job.c;
    if (dim__conv_plain(c)) {
        dim__product_run(e, dim__conv_product(c, DIM__CONV_FORWARD, e->out_type[0]));
        return;
    }
    if (e->in_type[0] == DIM__BF16) {
        dim__conv_run_bf16(e, c, DIM__CONV_FORWARD);
        return;
    }
    if (e->attr->p != NULL &&
        dim__conv_plan_run(e->ctx, e->attr->p, c->n, e->in[0], e->in[1], e->out[0], e->workspace))
        return;
    job.block = dim__conv_block(c, c->k);
    if (dim__gemm_in_tasks(e->ctx)) {
        dim__parallel(e->ctx, c->pixels, dim__max64(1, 65536 / dim__max64(1, c->k)), conv2d_task, &job);
        return;
    }
    int64_t block = job.block * e->ctx->threads; /* the threads' workspaces as one */
    for (int64_t px = 0; px < c->pixels; px += block) {
        int64_t stop = dim__min64(px + block, c->pixels);
        dim__conv_patches_parallel(e->ctx, c, e->in[0], px, stop, e->workspace);
        dim__gemm(e->ctx, false, true, stop - px, c->o, c->k, 1, e->workspace, c->k, e->in[1], c->k, 0,
                  (float *)e->out[0] + px * c->o, c->o);
    }
}

static void conv2d_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__vid x = node->in[0], w = node->in[1];
    dim__attr attr = node->attr;
    if (dim__wants_grad(g, w)) {
        attr.i[2] = dim__shape_of(g, w)->d[1];
        attr.i[3] = dim__shape_of(g, w)->d[2];
        din[1] = dim__emit2(g, &dim__op_conv2d_dw, dout[0], x, &attr);
    }
    if (dim__wants_grad(g, x)) {
        attr.i[2] = dim__shape_of(g, x)->d[1];
        attr.i[3] = dim__shape_of(g, x)->d[2];
        din[0] = dim__emit2(g, &dim__op_conv2d_dx, dout[0], w, &attr);
    }
}

const dim__op dim__op_conv2d = {
    .name = "conv2d", .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = DIM__OP_PRODUCT | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = conv2d_infer, .workspace = conv2d_workspace, .backward = conv2d_backward, .run = conv2d_run,
};

dim__vid dim__op_conv2d_(dim__graph *g, dim__vid x, dim__vid w, int stride, int padding)
{
    dim__attr attr = { .i = { stride, padding } };
    return dim__emit2(g, &dim__op_conv2d, x, w, &attr);
}
