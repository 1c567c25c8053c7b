/* Batch norm with frozen statistics: y = (x - mean) / sqrt(var + eps) gamma + beta.  attr.norm.eps.
 * It may activate its result, see dim__activate(). */
#include "ops/ops.h"

#include "base/pool.h"
#include "kernels/kernels.h"
#include "ops/rows.h"
#include "ops/tiles.h"

typedef struct ca_job {
    const dim__exec *e;
    int64_t c;
    const float *mean;
    double *sums;
    float *scale, *shift;
    float *room; /* two tiles a thread, where an operand is bf16 */
} ca_job;

static dim_status channel_affine_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    DIM__TRY(dim__infer_vectors(inf, 1, 5));
    inf->out[0] = inf->in[0];
    return DIM_OK;
}

/* Floats of the tiles of all threads. */
static size_t tiles_size(const dim_context *ctx, int64_t c, dim_dtype a, dim_dtype b, dim_dtype y)
{
    bool half = a == DIM__BF16 || b == DIM__BF16 || y == DIM__BF16;
    return half ? 2 * (size_t)(dim__tile_rows(c) * c) * ctx->threads : 0;
}

static size_t channel_affine_workspace(const dim__infer *inf)
{
    int64_t c = dim__shape_last(&inf->in[0]);
    return (2 * (size_t)c + tiles_size(inf->ctx, c, inf->in_type[0], DIM_F32, inf->out_type[0])) * sizeof(float);
}

static void affine_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const ca_job *job = arg;
    int64_t c = job->c, block = dim__min64(1 + DIM__HOT / dim__max64(c, 1), dim__tile_rows(c));
    float *room = job->room + 2 * thread * dim__tile_rows(c) * c;
    for (int64_t r = begin; r < end; r += block) {
        int64_t rows = dim__min64(block, end - r);
        float *y = dim__write(job->e, 0, r * c, room);
        const float *x = dim__read(job->e, 0, r * c, rows * c, room);
        job->e->ctx->kernels->col_affine(y, x, job->scale, job->shift, rows, c);
        dim__activate(job->e, y, rows * c);
        dim__written(job->e, 0, r * c, rows * c, y);
    }
}

static void channel_affine_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]);
    ca_job job = { .e = e, .c = c, .scale = e->workspace };
    job.shift = job.scale + c;
    job.room = job.shift + c;
    dim__frozen_norm(e->in[1], e->in[2], e->in[3], e->in[4], e->attr->norm.eps, job.scale, job.shift, c);
    dim__parallel(e->ctx, rows, dim__row_grain(c), affine_task, &job);
}

static void channel_affine_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__vid dy = dim__op_before_activation(g, node, dout[0]);
    dim__vid in[5] = { dy, node->in[0], node->in[1], node->in[3], node->in[4] };
    dim__attr eps = { .norm = { .eps = node->attr.norm.eps } };
    dim__vid dx = dim__emit(g, &dim__op_channel_affine_grad, 5, in, &eps);
    for (int i = 0; i < 3; i++)
        din[i] = dim__out(dx, i);
}

const dim__op dim__op_channel_affine = {
    .name = "channel_affine", .min_in = 5, .max_in = 5, .n_out = 1, .attr_size = DIM__ATTR_SIZE(norm),
    .flags = DIM__OP_ACTIVATES | DIM__OP_REPEATABLE | DIM__OP_INPLACE0 | DIM__OP_BF16_IN(1) | DIM__OP_BF16_OUT(1),
    .infer = channel_affine_infer, .workspace = channel_affine_workspace, .backward = channel_affine_backward,
    .run = channel_affine_run,
};

dim__vid dim__emit_channel_affine(dim__graph *g, dim__vid x, dim__vid gamma, dim__vid beta, dim__vid mean, dim__vid var,
                                  double eps)
{
    dim__vid in[5] = { x, gamma, beta, mean, var };
    dim__attr attr = { .norm = { .eps = eps } };
    return dim__emit(g, &dim__op_channel_affine, 5, in, &attr);
}

/* ---- channel_affine_grad: (dy, x, gamma, mean, var) -> dx, dgamma, dbeta ----------------------------------------- */

static dim_status channel_affine_grad_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    DIM__TRY(dim__infer_vectors(inf, 2, 5));
    if (!dim__shape_equal(&inf->in[0], &inf->in[1]))
        return dim__infer_fail(inf, 0, "dy of the shape of x");
    inf->out[0] = inf->in[0];
    inf->out[1] = inf->out[2] = inf->in[2];
    return DIM_OK;
}

static size_t channel_affine_grad_workspace(const dim__infer *inf)
{
    int64_t c = dim__shape_last(&inf->in[0]);
    size_t tiles = tiles_size(inf->ctx, c, inf->in_type[0], inf->in_type[1], inf->out_type[0]);
    return dim__sums_size(inf->ctx, 2 * c) + (2 * (size_t)c + tiles) * sizeof(float);
}

static void sums_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const ca_job *job = arg;
    const dim__exec *e = job->e;
    int64_t c = job->c, rows = dim__tile_rows(c);
    double *sum = job->sums + 2 * thread * c;
    float *room = job->room + 2 * thread * rows * c;
    memset(sum, 0, 2 * (size_t)c * sizeof *sum);
    for (int64_t r = begin; r < end; r += rows) {
        int64_t n = dim__min64(rows, end - r);
        const float *dy = dim__read(e, 0, r * c, n * c, room), *x = dim__read(e, 1, r * c, n * c, room + rows * c);
        e->ctx->kernels->bn_grad_sums(sum, sum + c, dy, x, job->mean, n, c);
    }
}

static void channel_affine_grad_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]), grain = dim__row_grain(c);
    const float *gamma = e->in[2], *var = e->in[4];
    float *dgamma = e->out[1], *dbeta = e->out[2];
    ca_job job = { .e = e, .c = c, .mean = e->in[3], .sums = e->workspace };
    job.scale = (float *)(job.sums + 2 * e->ctx->threads * c);
    job.shift = job.scale + c;
    job.room = job.shift + c;
    dim__parallel(e->ctx, rows, grain, sums_task, &job);
    dim__sums_reduce(job.sums, dim__parallel_pieces(e->ctx, rows, grain), 2 * c);
    for (int64_t j = 0; j < c; j++) {
        double rstd = 1 / sqrt(var[j] + e->attr->norm.eps);
        dgamma[j] = (float)(job.sums[c + j] * rstd);
        dbeta[j] = (float)job.sums[j];
        job.scale[j] = (float)(gamma[j] * rstd);
        job.shift[j] = 0;
    }
    dim__parallel(e->ctx, rows, grain, affine_task, &job);
}

const dim__op dim__op_channel_affine_grad = {
    .name = "channel_affine_grad", .min_in = 5, .max_in = 5, .n_out = 3, .attr_size = DIM__ATTR_SIZE(norm),
    .flags = DIM__OP_INPLACE0 | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = channel_affine_grad_infer, .workspace = channel_affine_grad_workspace, .run = channel_affine_grad_run,
};
