/* Batch normalisation over the rows of x (rows, c).  attr.norm.
 *
 * Where a convolution makes x, passes/fuse.c lets it take the moments as it writes (conv2d_moments), and batch_norm_again,
 * which has them as inputs, does the rest.
 * Where it activates its result (passes/fuse.c), the gradient finds the sign of what went into that again from x, so that
 * nobody has to keep the result. */
#include "ops/ops.h"

#include "base/comm.h"
#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "ops/moments.h"
#include "ops/rows.h"
#include "ops/tiles.h"

static dim_status batch_norm_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    DIM__TRY(dim__infer_vectors(inf, 1, 3));
    if (dim__shape_rows(&inf->in[0]) < 2)
        return dim__infer_fail(inf, 0, "more than one value per channel");
    inf->out[0] = inf->in[0];
    inf->out[1] = inf->out[2] = inf->out[3] = inf->in[1];
    return DIM_OK;
}

/* Floats of one tile of x, or of dy and x, where one of them is bf16. */
static int64_t tile_size(int64_t c) { return dim__tile_rows(c) * c; }

static bool any_bf16(const dim__infer *inf)
{
    return inf->in_type[0] == DIM__BF16 || inf->in_type[1] == DIM__BF16 || inf->out_type[0] == DIM__BF16;
}

static size_t batch_norm_workspace(const dim__infer *inf)
{
    int64_t c = dim__shape_last(&inf->in[0]);
    size_t tiles = any_bf16(inf) ? inf->ctx->threads * (size_t)tile_size(c) : 0;
    return dim__moments_size(inf->ctx, inf->comm, c) + (2 * (size_t)c + tiles) * sizeof(float);
}

typedef struct bn_job {
    const dim__exec *e;
    int64_t c;
    dim__moments moments;
    float *scale, *shift; /* y = scale x + shift */
    float *room;          /* a tile a thread, where one is needed */
} bn_job;

static void moments_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const bn_job *job = arg;
    const dim__exec *e = job->e;
    int64_t c = job->c, tile = e->in_type[0] == DIM__BF16 ? dim__tile_rows(c) : end - begin;
    float *room = job->room + thread * tile_size(c);
    for (int64_t r = begin; r < end; r += tile) {
        int64_t n = dim__min64(tile, end - r);
        dim__moments_add(&job->moments, thread, dim__read(e, 0, r * c, n * c, room), n);
    }
}

static void affine_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const bn_job *job = arg;
    const dim__kernels *k = job->e->ctx->kernels;
    int64_t c = job->c, block = dim__tile_rows(c);
    float *room = job->room + thread * tile_size(c);
    for (int64_t r = begin; r < end; r += block) {
        int64_t n = dim__min64(block, end - r);
        float *y = dim__write(job->e, 0, r * c, room);
        k->col_affine(y, dim__read(job->e, 0, r * c, n * c, room), job->scale, job->shift, n, c);
        dim__activate(job->e, y, n * c);
        dim__written(job->e, 0, r * c, n * c, y);
    }
}

/* y = scale x + shift, from the rounded statistics, so that the gradient comes to the same numbers. */
static void scale_shift(float *scale, float *shift, const float *mean, const float *rstd, const float *gamma,
                        const float *beta, int64_t c)
{
    for (int64_t j = 0; j < c; j++) {
        double s = (double)gamma[j] * rstd[j];
        scale[j] = (float)s;
        shift[j] = (float)(beta[j] - mean[j] * s);
    }
}

static void batch_norm_run(const dim__exec *e)
{
    dim_context *ctx = e->ctx;
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]), grain = dim__row_grain(c);
    bn_job job = { .e = e, .c = c, .moments = dim__moments_of(e, c, e->workspace) };
    job.scale = (float *)((char *)e->workspace + dim__moments_size(ctx, e->comm, c));
    job.shift = job.scale + c;
    job.room = job.shift + c;
    dim__parallel(ctx, rows, grain, moments_task, &job);
    dim__moments_finish(&job.moments, e->attr->norm.eps, e->out[1], e->out[2], e->out[3]);
    scale_shift(job.scale, job.shift, e->out[1], e->out[3], e->in[1], e->in[2], c);
    dim__parallel(ctx, rows, grain, affine_task, &job);
}

/* Nothing flows through mean, var and rstd: they feed the running statistics only. */
static void backward_from(dim__graph *g, const dim__node *node, dim__vid mean, dim__vid rstd, dim__vid dy, dim__vid *din)
{
    if (dy == DIM__NONE)
        return;
    dim__vid in[6] = { dy, node->in[0], mean, rstd, node->in[1], node->in[2] };
    int n_in = node->attr.activation.on ? 6 : 5;
    dim__attr attr = node->attr;
    dim__vid dx;
    if (node->n_in > 5) { /* what is normalised was pooled from the last input */
        attr.norm.rows = dim__shape_rows(dim__shape_of(g, node->in[5]));
        dx = dim__emit(g, &dim__op_batch_norm_pooled_grad, n_in, in, &attr);
        dim__attr windows = { .pool = attr.norm.windows };
        dim__vid pool[4] = { dx, node->in[5], node->in[0], dim__out(dx, 3) };
        din[5] = dim__emit(g, &dim__op_max_pool_grad, 4, pool, &windows);
    } else {
        dx = dim__emit(g, &dim__op_batch_norm_grad, n_in, in, &attr);
        din[0] = dx;
    }
    din[1] = dim__out(dx, 1);
    din[2] = dim__out(dx, 2);
}

static void batch_norm_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    backward_from(g, node, node->out[1], node->out[3], dout[0], din);
}

const dim__op dim__op_batch_norm = {
    .name = "batch_norm", .min_in = 3, .max_in = 3, .n_out = 4, .attr_size = DIM__ATTR_SIZE(norm),
    .flags = DIM__OP_ACTIVATES | DIM__OP_REPEATABLE | DIM__OP_INPLACE0 | DIM__OP_RANKS | DIM__OP_BF16_IN(1) | DIM__OP_BF16_OUT(1),
    .infer = batch_norm_infer, .workspace = batch_norm_workspace, .backward = batch_norm_backward,
    .run = batch_norm_run,
};

dim__vid dim__emit_batch_norm(dim__graph *g, dim__vid x, dim__vid gamma, dim__vid beta, double eps)
{
    dim__attr attr = { .norm = { .eps = eps } };
    return dim__emit3(g, &dim__op_batch_norm, x, gamma, beta, &attr);
}

/* ---- batch_norm_again: (x, gamma, beta, its mean, its rstd) -> y, with the bits of batch_norm.  With input 5, the map that x
 * was pooled from by attr.norm.windows, mean and rstd are those of that, which only the gradient reads. ------------------ */

static dim_status batch_norm_again_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    DIM__TRY(dim__infer_vectors(inf, 1, 5));
    if (inf->n_in > 5 && (inf->in[5].rank != 4 || dim__shape_last(&inf->in[5]) != dim__shape_last(&inf->in[0])))
        return dim__infer_fail(inf, 5, "the map that x was pooled from");
    inf->out[0] = inf->in[0];
    return DIM_OK;
}

static size_t batch_norm_again_workspace(const dim__infer *inf)
{
    int64_t c = dim__shape_last(&inf->in[0]);
    size_t tiles = any_bf16(inf) ? inf->ctx->threads * (size_t)tile_size(c) : 0;
    return (2 * (size_t)c + tiles) * sizeof(float);
}

static void batch_norm_again_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]);
    bn_job job = { .e = e, .c = c, .scale = e->workspace };
    job.shift = job.scale + c;
    job.room = job.shift + c;
    scale_shift(job.scale, job.shift, e->in[3], e->in[4], e->in[1], e->in[2], c);
    dim__parallel(e->ctx, rows, dim__row_grain(c), affine_task, &job);
}

/* As if mean and rstd were made here: they are those of x. */
static void batch_norm_again_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    backward_from(g, node, node->in[3], node->in[4], dout[0], din);
}

const dim__op dim__op_batch_norm_again = {
    .name = "batch_norm_again", .min_in = 5, .max_in = 6, .n_out = 1, .attr_size = DIM__ATTR_SIZE(norm),
    .flags = DIM__OP_ACTIVATES | DIM__OP_REPEATABLE | DIM__OP_INPLACE0 | DIM__OP_BF16_IN(33) | DIM__OP_BF16_OUT(1),
    .infer = batch_norm_again_infer, .workspace = batch_norm_again_workspace, .backward = batch_norm_again_backward,
    .run = batch_norm_again_run,
};

/* ---- batch_norm_grad: (dy, x, mean, rstd, gamma, beta after a ReLU) -> dx, dgamma, dbeta ---------------------------
 * batch_norm_pooled_grad, where x was pooled from attr.norm.rows rows, stops halfway: output 0 is dy before the activation,
 * output 3 the dim__bn_grad of each channel with which max_pool_grad goes on. ---------------------------------------------- */

static dim_status batch_norm_grad_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    DIM__TRY(dim__infer_vectors(inf, 2, inf->n_in));
    if (!dim__shape_equal(&inf->in[0], &inf->in[1]))
        return dim__infer_fail(inf, 0, "dy of the shape of x");
    inf->out[0] = inf->in[0];
    inf->out[1] = inf->out[2] = inf->in[2];
    inf->out[3] = dim__shape2(4, dim__shape_last(&inf->in[0]));
    return DIM_OK;
}

/* Doubles for the sums over all ranks, and for those of each. */
static int64_t total_size(const dim__comm *comm, int64_t c) { return comm != NULL ? 2 * c * (1 + dim__ranks(comm)) : 0; }

static size_t batch_norm_grad_workspace(const dim__infer *inf)
{
    int64_t c = dim__shape_last(&inf->in[0]);
    size_t tiles = (size_t)(inf->n_in > 5) + 2 * (size_t)any_bf16(inf);
    return dim__sums_size(inf->ctx, 2 * c) + (size_t)total_size(inf->comm, c) * sizeof(double) +
           (6 * (size_t)c + tiles * (size_t)tile_size(c) * inf->ctx->threads) * sizeof(float);
}

typedef struct bn_grad_job {
    const dim__exec *e;
    int64_t c;
    const float *mean;
    double *sums;          /* of dy and of dy (x - mean), of this rank */
    double *total;         /* of all ranks */
    float *by;             /* the numbers of `apply`, in its order */
    dim__bn_grad apply;
    float *scale, *shift;  /* after a ReLU: of what went into it */
    float *room;           /* tiles of each thread: of dy and x where one is needed, of what went into the ReLU */
    int64_t tiles;
} bn_grad_job;

/* A tile of dy, after a ReLU what it lets through of it, and of x. */
static const float *read_tile(const bn_grad_job *job, int64_t row, int64_t n, int thread, const float **x)
{
    const dim__exec *e = job->e;
    const dim__kernels *k = e->ctx->kernels;
    int64_t c = job->c, at = row * c;
    float *room = job->room + thread * job->tiles * tile_size(c);
    const float *dy = dim__read(e, 0, at, n * c, room);
    *x = dim__read(e, 1, at, n * c, room + tile_size(c));
    if (e->n_in <= 5)
        return dy;
    float *before = room + (job->tiles - 1) * tile_size(c);
    k->col_affine(before, *x, job->scale, job->shift, n, c);
    if (e->attr->activation.slope > 0)
        k->leaky_grad(before, dy, before, (float)e->attr->activation.slope, n * c);
    else
        k->relu_grad(before, dy, before, n * c);
    return before;
}

static void grad_sums_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const bn_grad_job *job = arg;
    const dim__exec *e = job->e;
    int64_t c = job->c, block = dim__tile_rows(c);
    double *sum = job->sums + 2 * thread * c;
    memset(sum, 0, 2 * (size_t)c * sizeof *sum);
    for (int64_t r = begin; r < end; r += block) {
        int64_t n = dim__min64(block, end - r);
        const float *x, *dy = read_tile(job, r, n, thread, &x);
        e->ctx->kernels->bn_grad_sums(sum, sum + c, dy, x, job->mean, n, c);
    }
}

static bool is_pooled(const dim__exec *e) { return e->out_shape[3] != NULL; }

static void grad_apply_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const bn_grad_job *job = arg;
    const dim__exec *e = job->e;
    int64_t c = job->c, block = dim__tile_rows(c);
    float *room = job->room + thread * job->tiles * tile_size(c);
    for (int64_t r = begin; r < end; r += block) {
        int64_t n = dim__min64(block, end - r);
        const float *x, *dy = read_tile(job, r, n, thread, &x);
        float *dx = dim__write(e, 0, r * c, room); /* on dy */
        if (is_pooled(e))
            memmove(dx, dy, (size_t)(n * c) * sizeof *dx);
        else
            e->ctx->kernels->bn_grad_apply(dx, dy, x, &job->apply, n, c);
        dim__written(e, 0, r * c, n * c, dx);
    }
}

static void grad_sums(bn_grad_job *job, int64_t rows)
{
    int64_t grain = dim__row_grain(job->c);
    dim__parallel(job->e->ctx, rows, grain, grad_sums_task, job);
    dim__sums_reduce(job->sums, dim__parallel_pieces(job->e->ctx, rows, grain), 2 * job->c);
    if (job->total != job->sums)
        dim__comm_totals(job->e->comm, job->sums, job->total, 2 * job->c, job->total + 2 * job->c);
}

/* With xhat = (x - mean) rstd: dx = gamma rstd (dy - mean(dy) - xhat mean(dy xhat)), where the means are over all ranks; dgamma and
 * dbeta are this rank's parts. */
static void set_apply(const bn_grad_job *job, double all)
{
    const dim__exec *e = job->e;
    const float *rstd = e->in[3], *gamma = e->in[4];
    float *dgamma = e->out[1], *dbeta = e->out[2];
    int64_t c = job->c;
    for (int64_t j = 0; j < c; j++) {
        double r = rstd[j], dy = job->total[j], dy_xhat = job->total[c + j] * r;
        dgamma[j] = (float)(job->sums[c + j] * r);
        dbeta[j] = (float)job->sums[j];
        job->by[j] = (float)(gamma[j] * r);
        job->by[c + j] = (float)(dy / all);
        job->by[2 * c + j] = job->mean[j];
        job->by[3 * c + j] = (float)(r * dy_xhat / all);
    }
}

static void batch_norm_grad_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]);
    const float *mean = e->in[2], *rstd = e->in[3], *gamma = e->in[4];
    bn_grad_job job = { .e = e, .c = c, .mean = mean, .sums = e->workspace };
    job.total = e->comm != NULL ? job.sums + 2 * (int64_t)e->ctx->threads * c : job.sums;
    job.by = (float *)(job.sums + 2 * (int64_t)e->ctx->threads * c + total_size(e->comm, c));
    job.apply = dim__bn_grad_of(job.by, c);
    job.scale = job.by + 4 * c;
    job.shift = job.scale + c;
    job.room = job.shift + c;
    job.tiles = (e->n_in > 5) + 2 * (e->in_type[0] == DIM__BF16 || e->in_type[1] == DIM__BF16 ||
                                     e->out_type[0] == DIM__BF16);
    if (e->n_in > 5)
        scale_shift(job.scale, job.shift, mean, rstd, gamma, e->in[5], c);
    grad_sums(&job, rows);
    set_apply(&job, (double)((is_pooled(e) ? e->attr->norm.rows : rows) * dim__ranks(e->comm)));
    if (is_pooled(e))
        memcpy(e->out[3], job.by, 4 * (size_t)c * sizeof(float));
    dim__parallel(e->ctx, rows, dim__row_grain(c), grad_apply_task, &job);
}

const dim__op dim__op_batch_norm_grad = {
    .name = "batch_norm_grad", .min_in = 5, .max_in = 6, .n_out = 3, .attr_size = DIM__ATTR_SIZE(norm),
    .flags = DIM__OP_INPLACE0 | DIM__OP_RANKS | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = batch_norm_grad_infer, .workspace = batch_norm_grad_workspace, .run = batch_norm_grad_run,
};

const dim__op dim__op_batch_norm_pooled_grad = {
    .name = "batch_norm_pooled_grad", .min_in = 5, .max_in = 6, .n_out = 4, .attr_size = DIM__ATTR_SIZE(norm),
    .flags = DIM__OP_INPLACE0 | DIM__OP_RANKS | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = batch_norm_grad_infer, .workspace = batch_norm_grad_workspace, .run = batch_norm_grad_run,
};
