/* Convolution.  attr.conv; attr.plan: that of an accelerator that does it (kernels/conv.h), set by infer.
 *
 * What passes/fuse.c makes part of it is done to each block of pixels while that is in a cache (ops/conv_epilogue.h): a bias
 * or frozen batch norm, whose parameters are inputs 2 and up, and an activation; conv2d_moments takes moments, too. */
#include "ops/conv.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include "ops/conv_epilogue.h"
#include "ops/ops.h"
#include "ops/rows.h"

static dim_status infer(dim__infer *inf, bool moments)
{
    char x_text[128], w_text[128];
    const dim__shape *x = &inf->in[0], *w = &inf->in[1];
    int64_t oh, ow;
    DIM__TRY(dim__infer_types(inf, 0));
    DIM__TRY(dim__conv_check(inf));
    if (x->rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, H, W, I)");
    if (w->rank != 4 || w->d[1] < 1 || w->d[2] < 1 || w->d[3] < 1)
        return dim__infer_fail(inf, 1, "weights (O, KH, KW, I)");
    if (x->d[3] != w->d[3])
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: x %s has %lld channels, weights %s want %lld", inf->op,
                         dim__op_shape_text(x_text, x), (long long)x->d[3], dim__op_shape_text(w_text, w),
                         (long long)w->d[3]);
    dim__conv_size(&inf->attr->conv, x, w->d[1], w->d[2], &oh, &ow);
    if (oh == 0)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: the kernel of weights %s is larger than x %s padded by %lld and %lld",
                         inf->op, dim__op_shape_text(w_text, w), dim__op_shape_text(x_text, x),
                         (long long)inf->attr->conv.pad_h, (long long)inf->attr->conv.pad_w);
    if (inf->n_in != 2 && inf->n_in != 3 && inf->n_in != 6)
        return dim__infer_fail(inf, inf->n_in - 1, "none, a bias, or gamma, beta, mean and variance");
    for (int k = 2; k < inf->n_in; k++)
        if (inf->in[k].rank != 1 || inf->in[k].d[0] != w->d[0])
            return dim__infer_fail(inf, k, "one element for each output channel");
    inf->out[0] = dim__shape4(x->d[0], oh, ow, w->d[0]);
    dim__conv c = dim__conv_of(x, w, &inf->out[0], inf->attr);
    dim__infer product = *inf; /* in floats where the epilogue rounds */
    if (dim__epilogue_does(inf->n_in, inf->attr, moments))
        product.out_type[0] = DIM_F32;
    return dim__conv_accelerate(&product, &c, DIM__CONV_FORWARD);
}

static dim_status conv2d_infer(dim__infer *inf) { return infer(inf, false); }

/* Floats for sums that the epilogue rounds: an image for each thread, or the whole map of a plain product. */
static int64_t sums_of(const dim_context *ctx, const dim__conv *c, int n_in, const dim__attr *attr, dim_dtype y,
                       bool moments)
{
    if (y != DIM__BF16 || !dim__epilogue_does(n_in, attr, moments))
        return 0;
    return dim__conv_plain(c) ? c->pixels * c->o : ctx->threads * c->oh * c->ow * c->o;
}

static size_t workspace_of(const dim__infer *inf, bool moments)
{
    dim__conv c = dim__conv_of(&inf->in[0], &inf->in[1], &inf->out[0], inf->attr);
    int64_t n_sums = sums_of(inf->ctx, &c, inf->n_in, inf->attr, inf->out_type[0], moments);
    return dim__epilogue_room(inf->ctx, inf->comm, inf->n_in, c.o, moments, n_sums) + dim__conv_workspace(inf, &c);
}

static size_t conv2d_workspace(const dim__infer *inf) { return workspace_of(inf, false); }

typedef struct conv2d_job {
    const dim__exec *e;
    dim__conv c;
    int64_t block;
    const dim__epilogue *then; /* NULL where nothing is to be done */
    int64_t begin; /* pixel 0 of then_task */
} conv2d_job;

/* Where the sums of pixel px of the whole result are. */
static float *sums_at(const conv2d_job *job, int64_t px) { return (float *)job->e->out[0] + px * job->c.o; }

static void then_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const conv2d_job *job = arg;
    begin += job->begin;
    dim__epilogue_run(job->then, begin, job->begin + end, thread, sums_at(job, begin));
}

/* The epilogue of pixels [begin, end), by all threads. */
static void then_parallel(conv2d_job *job, int64_t begin, int64_t end)
{
    job->begin = begin;
    if (job->then != NULL)
        dim__parallel(job->e->ctx, end - begin, dim__row_grain(job->c.o), then_task, job);
}

static void then_image(void *arg, int64_t image, int thread)
{
    const conv2d_job *job = arg;
    int64_t pixels = job->c.oh * job->c.ow;
    float *y = job->then->sums != NULL ? job->then->sums + thread * pixels * job->c.o : sums_at(job, image * pixels);
    dim__epilogue_run(job->then, image * pixels, (image + 1) * pixels, thread, y);
}

static void conv2d_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const conv2d_job *job = arg;
    const dim__conv *c = &job->c;
    float *patches = (float *)job->e->workspace + thread * job->block * c->k;
    for (int64_t px = begin; px < end; px += job->block) {
        int64_t stop = dim__min64(px + job->block, end);
        dim__conv_patches(c, job->e->in[0], px, stop, 0, c->k, patches);
        dim__gemm_serial(job->e->ctx, false, true, stop - px, c->o, c->k, 1, patches, c->k, job->e->in[1], c->k, 0,
                         sums_at(job, px), c->o);
        if (job->then != NULL)
            dim__epilogue_run(job->then, px, stop, thread, sums_at(job, px));
    }
}

/* By products with blocks of the patch matrix. */
static void convolve_patches(conv2d_job *job)
{
    const dim__exec *e = job->e;
    const dim__conv *c = &job->c;
    job->block = dim__conv_block(c, c->k);
    if (dim__gemm_in_tasks(e->ctx)) {
        dim__parallel(e->ctx, c->pixels, dim__max64(1, 65536 / dim__max64(1, c->k)), conv2d_task, job);
        return;
    }
    int64_t block = job->block * e->ctx->threads; /* the threads' workspaces as one */
    for (int64_t px = 0; px < c->pixels; px += block) {
        int64_t stop = dim__min64(px + block, c->pixels);
        dim__conv_patches_parallel(e->ctx, c, e->in[0], px, stop, e->workspace);
        dim__gemm(e->ctx, false, true, stop - px, c->o, c->k, 1, e->workspace, c->k, e->in[1], c->k, 0,
                  sums_at(job, px), c->o);
        then_parallel(job, px, stop);
    }
}

static void restart(const conv2d_job *job)
{
    if (job->then != NULL)
        dim__epilogue_restart(job->then);
}

static void convolve(conv2d_job *job)
{
    const dim__exec *e = job->e;
    const dim__conv *c = &job->c;
    dim__conv_after after = { then_image, job, job->then != NULL ? job->then->sums : NULL };
    const dim__conv_after *then = job->then != NULL ? &after : NULL;
    if (dim__conv_plain(c)) {
        dim__product_run(e, dim__conv_product(c, DIM__CONV_FORWARD, e->out_type[0]));
        then_parallel(job, 0, c->pixels);
    } else if (e->in_type[0] == DIM__BF16) {
        if (dim__conv_run_bf16(e, c, DIM__CONV_FORWARD, then))
            return;
        restart(job);
        dim__conv_loops(e, c, DIM__CONV_FORWARD, then);
    } else if (e->attr->plan == NULL || !dim__conv_plan_run(e->ctx, e->attr->plan, c->n, e->in[0], e->in[1],
                                                            e->out[0], e->workspace, then)) {
        restart(job);
        convolve_patches(job);
    }
}

static void conv2d_run(const dim__exec *e)
{
    bool moments = e->out_shape[1] != NULL;
    conv2d_job job = { .c = dim__conv_of(e->in_shape[0], e->in_shape[1], e->out_shape[0], e->attr) };
    dim__epilogue then = dim__epilogue_of(e, sums_of(e->ctx, &job.c, e->n_in, e->attr, e->out_type[0], moments));
    dim__exec product = *e;
    product.n_in = 2;
    if (then.room > 0) /* else the workspace may be NULL */
        product.workspace = (char *)e->workspace + then.room;
    if (then.sums != NULL) {
        product.out[0] = then.sums;
        product.out_type[0] = DIM_F32;
    }
    job.e = &product;
    if (dim__epilogue_does(e->n_in, e->attr, moments))
        job.then = &then;
    convolve(&job);
    dim__epilogue_finish(&then);
}

/* Nothing flows through moments: they feed batch_norm_again, whose gradient knows of them, and running statistics.
 * Frozen batch norm is taken over only where nobody wants a gradient. */
static void conv2d_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__vid x = node->in[0], w = node->in[1], bias = node->n_in == 3 ? node->in[2] : DIM__NONE;
    dim__attr attr = { .conv = node->attr.conv };
    dim__vid dy = dim__op_before_activation(g, node, dout[0]);
    if (dy == DIM__NONE)
        return;
    if (bias != DIM__NONE && dim__wants_grad(g, bias))
        din[2] = node->attr.conv.centred ? dim__graph_const(g, *dim__shape_of(g, bias), 0)
                                         : dim__emit1(g, &dim__op_bias_grad, dy, NULL);
    if (dim__wants_grad(g, w)) {
        attr.conv.height = dim__shape_of(g, w)->d[1];
        attr.conv.width = dim__shape_of(g, w)->d[2];
        din[1] = dim__emit2(g, &dim__op_conv2d_dw, dy, x, &attr);
    }
    if (dim__wants_grad(g, x)) {
        attr.conv.height = dim__shape_of(g, x)->d[1];
        attr.conv.width = dim__shape_of(g, x)->d[2];
        din[0] = dim__emit2(g, &dim__op_conv2d_dx, dy, w, &attr);
    }
}

static dim__product_form conv2d_product(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr)
{
    dim__product_form form = dim__conv_form(out[0], in[1], attr); /* x w' */
    form.trans_b = true;
    return form;
}

const dim__op dim__op_conv2d = {
    .name = "conv2d", .min_in = 2, .max_in = 6, .n_out = 1, .attr_size = DIM__ATTR_SIZE(conv),
    .flags = DIM__OP_ACTIVATES | DIM__OP_REPEATABLE | DIM__OP_PRODUCT | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = conv2d_infer, .workspace = conv2d_workspace, .backward = conv2d_backward, .run = conv2d_run,
    .product = conv2d_product,
};

dim__attr dim__op_conv_attr(dim__window w)
{
    return (dim__attr){ .conv = { .stride_h = w.stride[0], .stride_w = w.stride[1], .pad_h = w.padding[0],
                                  .pad_w = w.padding[1], .dilation_h = w.dilation[0], .dilation_w = w.dilation[1] } };
}

dim__vid dim__emit_conv2d(dim__graph *g, dim__vid x, dim__vid w, dim__window window)
{
    dim__attr attr = dim__op_conv_attr(window);
    return dim__emit2(g, &dim__op_conv2d, x, w, &attr);
}

/* ---- conv2d_moments: y, and mean, variance and 1 / sqrt(variance + eps) of its channels.  What conv2d and then
 * batch_norm give, but for the order in which blocks of pixels are combined. ----------------------------------------------- */

static dim_status conv2d_moments_infer(dim__infer *inf)
{
    if (inf->n_in > 3)
        return dim__infer_fail(inf, 3, "no more than a bias");
    DIM__TRY(infer(inf, true));
    if (dim__shape_rows(&inf->out[0]) < 2)
        return dim__infer_fail(inf, 0, "more than one value per channel");
    inf->out[1] = inf->out[2] = inf->out[3] = dim__shape1(inf->out[0].d[3]);
    return DIM_OK;
}

static size_t conv2d_moments_workspace(const dim__infer *inf) { return workspace_of(inf, true); }

const dim__op dim__op_conv2d_moments = {
    .name = "conv2d_moments", .min_in = 2, .max_in = 3, .n_out = 4, .attr_size = DIM__ATTR_SIZE(conv),
    .flags = DIM__OP_REPEATABLE | DIM__OP_PRODUCT | DIM__OP_RANKS | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = conv2d_moments_infer, .workspace = conv2d_moments_workspace, .backward = conv2d_backward,
    .run = conv2d_run, .product = conv2d_product,
};
