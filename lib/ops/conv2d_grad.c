/* The gradients of a convolution.  attr.conv as its own, with height and width of what they make: dw (from dy, x) KH and KW,
 * dx (from dy, w) H and W. */
#include "ops/conv.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "ops/ops.h"
#include <string.h>

/* What both ops want of dy (N, OH, OW, O) and the other operand. */
static dim_status check_operands(dim__infer *inf, const char *other)
{
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, OH, OW, O)");
    if (inf->in[1].rank != 4 || inf->in[1].d[3] < 1)
        return dim__infer_fail(inf, 1, other);
    const dim__attr_conv *a = &inf->attr->conv;
    if (a->height < 1 || a->width < 1)
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: size (%lld, %lld)", inf->op, (long long)a->height,
                         (long long)a->width);
    return dim__conv_check(inf);
}

/* dy must be what the convolution of x with w gives. */
static dim_status check_output(const dim__infer *inf, const dim__shape *x, const dim__shape *w)
{
    char text[3][128];
    const dim__shape *dy = &inf->in[0];
    int64_t oh, ow;
    dim__conv_size(&inf->attr->conv, x, w->d[1], w->d[2], &oh, &ow);
    if (oh == 0 || dy->d[0] != x->d[0] || dy->d[1] != oh || dy->d[2] != ow || dy->d[3] != w->d[0])
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: dy %s is not the output of x %s and weights %s", inf->op,
                         dim__op_shape_text(text[0], dy), dim__op_shape_text(text[1], x),
                         dim__op_shape_text(text[2], w));
    return DIM_OK;
}

/* ---- dw = dy^T patches ------------------------------------------------------------------------------------------- */

static dim_status dw_infer(dim__infer *inf)
{
    DIM__TRY(check_operands(inf, "rank 4 (N, H, W, I)"));
    inf->out[0] = dim__shape4(inf->in[0].d[3], inf->attr->conv.height, inf->attr->conv.width, inf->in[1].d[3]);
    DIM__TRY(check_output(inf, &inf->in[1], &inf->out[0]));
    dim__conv c = dim__conv_of(&inf->in[1], &inf->out[0], &inf->in[0], inf->attr);
    return dim__conv_accelerate(inf, &c, DIM__CONV_DW);
}

typedef struct dw_job {
    const dim__exec *e;
    dim__conv c;
    bool by_columns;  /* each thread has its columns of dw over all pixels; else its pixels, and dw is summed */
    int64_t block;
    float *patches;   /* `block` rows a thread */
    float *partial;   /* dw of threads 1 and up, when not by columns */
} dw_job;

/* By columns costs no memory and no final sum, but a product with few columns is a slow one. */
static bool dw_by_columns(const dim_context *ctx, const dim__conv *c) { return c->k >= 64 * (int64_t)ctx->threads; }

static int64_t dw_block(const dim_context *ctx, const dim__conv *c)
{
    return dim__conv_block(c, dw_by_columns(ctx, c) ? (c->k + ctx->threads - 1) / ctx->threads : c->k);
}

static size_t dw_workspace(const dim__infer *inf)
{
    dim__conv c = dim__conv_of(&inf->in[1], &inf->out[0], &inf->in[0], inf->attr);
    bool by_columns = dw_by_columns(inf->ctx, &c);
    if (dim__conv_plain(&c) || inf->in_type[0] == DIM__BF16)
        return dim__conv_workspace(inf, &c);
    size_t columns = (size_t)(by_columns ? (c.k + inf->ctx->threads - 1) / inf->ctx->threads : c.k);
    size_t floats = inf->ctx->threads * (size_t)dw_block(inf->ctx, &c) * columns;
    if (!by_columns)
        floats += (inf->ctx->threads - 1) * (size_t)(c.o * c.k);
    return floats * sizeof(float);
}

static void dw_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dw_job *job = arg;
    const dim__conv *c = &job->c;
    int64_t first = 0, last = c->k, px = begin, stop = end;
    float *dw = job->e->out[0], *patches;
    if (job->by_columns) {
        first = begin, last = end, px = 0, stop = c->pixels;
        dw += first;
        patches = job->patches + job->block * first;
    } else {
        dw = thread == 0 ? dw : job->partial + (thread - 1) * c->o * c->k;
        patches = job->patches + job->block * c->k * thread;
    }
    for (float beta = 0; px < stop; px += job->block, beta = 1) {
        int64_t rows = dim__min64(job->block, stop - px);
        dim__conv_patches(c, job->e->in[1], px, px + rows, first, last, patches);
        dim__gemm_serial(job->e->ctx, true, false, c->o, last - first, rows, 1,
                         (const float *)job->e->in[0] + px * c->o, c->o, patches, last - first, beta, dw, c->k);
    }
}

static void dw_run_in_tasks(dw_job *job)
{
    dim_context *ctx = job->e->ctx;
    const dim__conv *c = &job->c;
    if (job->by_columns) {
        dim__parallel(ctx, c->k, 64, dw_task, job);
        return;
    }
    int64_t grain = dim__max64(1, 65536 / dim__max64(1, c->k));
    int pieces = dim__parallel_pieces(ctx, c->pixels, grain);
    dim__parallel(ctx, c->pixels, grain, dw_task, job);
    for (int t = 1; t < pieces; t++)
        ctx->kernels->add(job->e->out[0], job->e->out[0], job->partial + (t - 1) * c->o * c->k, c->o * c->k);
}

static void dw_run(const dim__exec *e)
{
    dim_context *ctx = e->ctx;
    dw_job job = { .e = e, .c = dim__conv_of(e->in_shape[1], e->out_shape[0], e->in_shape[0], e->attr) };
    const dim__conv *c = &job.c;
    const float *dy = e->in[0];
    if (dim__conv_plain(c) || c->pixels == 0) {
        dim__product_run(e, dim__conv_product(c, DIM__CONV_DW, e->out_type[0]));
        return;
    }
    if (e->in_type[0] == DIM__BF16) {
        if (!dim__conv_run_bf16(e, c, DIM__CONV_DW, NULL))
            dim__conv_loops(e, c, DIM__CONV_DW, NULL);
        return;
    }
    job.by_columns = dw_by_columns(ctx, c);
    job.block = dw_block(ctx, c);
    job.patches = e->workspace;
    job.partial = job.patches + job.block * c->k * (job.by_columns ? 1 : ctx->threads);
    if (dim__gemm_in_tasks(ctx)) {
        dw_run_in_tasks(&job);
        return;
    }
    for (int64_t px = 0; px < c->pixels; px += job.block) {
        int64_t rows = dim__min64(job.block, c->pixels - px);
        dim__conv_patches_parallel(ctx, c, e->in[1], px, px + rows, job.patches);
        dim__gemm(ctx, true, false, c->o, c->k, rows, 1, dy + px * c->o, c->o, job.patches, c->k, px > 0, e->out[0],
                  c->k);
    }
}

static dim__product_form dw_product(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr)
{
    dim__product_form form = dim__conv_form(in[0], out[0], attr); /* dy' x */
    form.trans_a = true;
    return form;
}

const dim__op dim__op_conv2d_dw = {
    .name = "conv2d_dw", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(conv),
    .flags = DIM__OP_PRODUCT | DIM__OP_BF16_IN(3),
    .infer = dw_infer, .workspace = dw_workspace, .run = dw_run, .product = dw_product,
};

/* ---- dx: the gradient of the patches, dy w, added back to where they were cut ------------------------------------ */

dim_status dim__conv_dx_infer(dim__infer *inf)
{
    DIM__TRY(check_operands(inf, "weights (O, KH, KW, I)"));
    inf->out[0] = dim__shape4(inf->in[0].d[0], inf->attr->conv.height, inf->attr->conv.width, inf->in[1].d[3]);
    DIM__TRY(check_output(inf, &inf->out[0], &inf->in[1]));
    dim__conv c = dim__conv_of(&inf->out[0], &inf->in[1], &inf->in[0], inf->attr);
    return dim__conv_accelerate(inf, &c, DIM__CONV_DX);
}

size_t dim__conv_dx_workspace(const dim__infer *inf)
{
    dim__conv c = dim__conv_of(&inf->out[0], &inf->in[1], &inf->in[0], inf->attr);
    return dim__conv_workspace(inf, &c);
}

typedef struct dx_job {
    const dim__exec *e;
    dim__conv c;
    int64_t block;
    int64_t begin, end; /* pixels whose patches lie in the workspace, for spread_task */
} dx_job;

/* Adds channels first .. last - 1 of patches of pixels begin .. end - 1 to the image. */
static void spread(const dx_job *job, const float *patches, int64_t begin, int64_t end, int64_t first, int64_t last)
{
    const dim__conv *c = &job->c;
    void (*add)(float *, const float *, const float *, int64_t) = job->e->ctx->kernels->add;
    float *dx = job->e->out[0];
    bool whole = first == 0 && last == c->i;
    for (int64_t px = begin; px < end; px++) {
        int64_t ow = px % c->ow, oh = px / c->ow % c->oh, n = px / c->ow / c->oh;
        for (int64_t r = 0; r * c->run < c->k; r++, patches += c->run) {
            dim__conv_run run = dim__conv_run_of(c, n, oh, ow, r);
            if (whole && run.hi > run.lo)
                add(dx + run.at + run.lo, dx + run.at + run.lo, patches + run.lo, run.hi - run.lo);
            for (int64_t at = run.lo + first; !whole && at < run.hi; at += c->i)
                add(dx + run.at + at, dx + run.at + at, patches + at, last - first);
        }
    }
}

static void dx_task(void *arg, int64_t begin, int64_t end, int thread) /* images */
{
    const dx_job *job = arg;
    const dim__conv *c = &job->c;
    int64_t per_image = c->oh * c->ow, size = c->h * c->w * c->i;
    float *patches = (float *)job->e->workspace + thread * job->block * c->k;
    memset((float *)job->e->out[0] + begin * size, 0, (size_t)((end - begin) * size) * sizeof(float));
    for (int64_t px = begin * per_image; px < end * per_image; px += job->block) {
        int64_t rows = dim__min64(job->block, end * per_image - px);
        dim__gemm_serial(job->e->ctx, false, false, rows, c->k, c->o, 1, (const float *)job->e->in[0] + px * c->o, c->o,
                         job->e->in[1], c->k, 0, patches, c->k);
        spread(job, patches, px, px + rows, 0, c->i);
    }
}

static void spread_task(void *arg, int64_t begin, int64_t end, int thread) /* channels: disjoint whatever the pixels */
{
    const dx_job *job = arg;
    (void)thread;
    spread(job, job->e->workspace, job->begin, job->end, begin, end);
}

void dim__conv_dx_run(const dim__exec *e)
{
    dx_job job = { .e = e, .c = dim__conv_of(e->out_shape[0], e->in_shape[1], e->in_shape[0], e->attr) };
    const dim__conv *c = &job.c;
    if (dim__conv_plain(c)) {
        dim__product_run(e, dim__conv_product(c, DIM__CONV_DX, e->out_type[0]));
        return;
    }
    if (e->in_type[0] == DIM__BF16) {
        if (!dim__conv_run_bf16(e, c, DIM__CONV_DX, NULL))
            dim__conv_loops(e, c, DIM__CONV_DX, NULL);
        return;
    }
    if (e->attr->plan != NULL &&
        dim__conv_plan_run(e->ctx, e->attr->plan, c->n, e->in[0], e->in[1], e->out[0], e->workspace, NULL))
        return;
    job.block = dim__conv_block(c, c->k);
    if (dim__gemm_in_tasks(e->ctx)) {
        dim__parallel(e->ctx, c->n, dim__max64(1, 65536 / dim__max64(1, c->oh * c->ow * c->k)), dx_task, &job);
        return;
    }
    memset(e->out[0], 0, (size_t)dim__shape_count(e->out_shape[0]) * sizeof(float));
    int64_t block = job.block * e->ctx->threads; /* the threads' workspaces as one */
    for (job.begin = 0; job.begin < c->pixels; job.begin = job.end) {
        job.end = dim__min64(job.begin + block, c->pixels);
        dim__gemm(e->ctx, false, false, job.end - job.begin, c->k, c->o, 1, (const float *)e->in[0] + job.begin * c->o,
                  c->o, e->in[1], c->k, 0, e->workspace, c->k);
        dim__parallel(e->ctx, c->i, 16, spread_task, &job);
    }
}

dim__product_form dim__conv_dx_product(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr)
{
    (void)out;
    return dim__conv_form(in[0], in[1], attr); /* dy w */
}

const dim__op dim__op_conv2d_dx = {
    .name = "conv2d_dx", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(conv),
    .flags = DIM__OP_PRODUCT | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = dim__conv_dx_infer, .workspace = dim__conv_dx_workspace, .run = dim__conv_dx_run,
    .product = dim__conv_dx_product,
};
