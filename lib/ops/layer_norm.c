/* Layer normalisation of each row of x (rows, c).  attr.norm.eps.  Outputs: y, mean (rows), rstd (rows). */
#include "ops/ops.h"

#include "base/pool.h"
#include "kernels/kernels.h"
#include "ops/rows.h"
#include "ops/tiles.h"

static dim_status layer_norm_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    DIM__TRY(dim__infer_vectors(inf, 1, 3));
    if (dim__shape_last(&inf->in[0]) < 1)
        return dim__infer_fail(inf, 0, "at least one channel");
    inf->out[0] = inf->in[0];
    inf->out[1] = inf->out[2] = dim__shape1(dim__shape_rows(&inf->in[0]));
    return DIM_OK;
}

static void layer_norm_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = dim__shape_last(e->in_shape[0]);
    (void)thread;
    e->ctx->kernels->layer_norm((float *)e->out[0] + begin * c, (float *)e->out[1] + begin, (float *)e->out[2] + begin,
                                (const float *)e->in[0] + begin * c, e->in[1], e->in[2], (float)e->attr->norm.eps,
                                end - begin, c);
}

static void layer_norm_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]);
    dim__parallel(e->ctx, rows, dim__row_grain(c), layer_norm_task, (void *)e);
}

static void layer_norm_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dout[0] == DIM__NONE)
        return;
    dim__vid in[5] = { dout[0], node->in[0], node->out[1], node->out[2], node->in[1] };
    dim__vid dx = dim__emit(g, &dim__op_layer_norm_grad, 5, in, NULL);
    for (int i = 0; i < 3; i++)
        din[i] = dim__out(dx, i);
}

const dim__op dim__op_layer_norm = {
    .name = "layer_norm", .min_in = 3, .max_in = 3, .n_out = 3, .attr_size = DIM__ATTR_SIZE(norm),
    .flags = DIM__OP_REPEATABLE | DIM__OP_INPLACE0 | DIM__OP_BY_ROW | DIM__OP_WHOLE(6),
    .infer = layer_norm_infer, .backward = layer_norm_backward, .run = layer_norm_run,
};

dim__vid dim__emit_layer_norm(dim__graph *g, dim__vid x, dim__vid gamma, dim__vid beta, double eps)
{
    dim__attr attr = { .norm = { .eps = eps } };
    return dim__emit3(g, &dim__op_layer_norm, x, gamma, beta, &attr);
}

/* ---- layer_norm_grad: (dy, x, mean, rstd, gamma) -> dx, dgamma, dbeta -------------------------------------------- */

static dim_status layer_norm_grad_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    DIM__TRY(dim__infer_vectors(inf, 4, 5));
    if (!dim__shape_equal(&inf->in[0], &inf->in[1]))
        return dim__infer_fail(inf, 0, "dy of the shape of x");
    for (int i = 2; i < 4; i++)
        if (inf->in[i].rank != 1 || inf->in[i].d[0] != dim__shape_rows(&inf->in[0]))
            return dim__infer_fail(inf, i, "one element a row");
    inf->out[0] = inf->in[0];
    inf->out[1] = inf->out[2] = inf->in[4];
    return DIM_OK;
}

static size_t layer_norm_grad_workspace(const dim__infer *inf)
{
    int64_t c = dim__shape_last(&inf->in[0]);
    bool half = inf->in_type[0] == DIM__BF16 || inf->in_type[1] == DIM__BF16 || inf->out_type[0] == DIM__BF16;
    size_t tiles = half ? 3 * (size_t)(dim__tile_rows(c) * c) * inf->ctx->threads : 0;
    return dim__sums_size(inf->ctx, 2 * c) + tiles * sizeof(float);
}

static void layer_norm_grad_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = dim__shape_last(e->in_shape[0]), rows = dim__tile_rows(c), tile = rows * c;
    double *sums = (double *)e->workspace + 2 * thread * c;
    float *room = (float *)((double *)e->workspace + 2 * e->ctx->threads * c) + 3 * thread * tile;
    memset(sums, 0, 2 * (size_t)c * sizeof *sums);
    for (int64_t r = begin; r < end; r += rows) {
        int64_t n = dim__min64(rows, end - r), at = r * c;
        const float *dy = dim__read(e, 0, at, n * c, room), *x = dim__read(e, 1, at, n * c, room + tile);
        float *dx = dim__write(e, 0, at, room + 2 * tile);
        e->ctx->kernels->layer_norm_grad(dx, sums, sums + c, dy, x, (const float *)e->in[2] + r,
                                         (const float *)e->in[3] + r, e->in[4], n, c);
        dim__written(e, 0, at, n * c, dx);
    }
}

static void layer_norm_grad_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]), grain = dim__row_grain(c);
    double *sums = e->workspace;
    float *dgamma = e->out[1], *dbeta = e->out[2];
    dim__parallel(e->ctx, rows, grain, layer_norm_grad_task, (void *)e);
    dim__sums_reduce(sums, dim__parallel_pieces(e->ctx, rows, grain), 2 * c);
    for (int64_t j = 0; j < c; j++) {
        dgamma[j] = (float)sums[j];
        dbeta[j] = (float)sums[c + j];
    }
}

const dim__op dim__op_layer_norm_grad = {
    .name = "layer_norm_grad", .min_in = 5, .max_in = 5, .n_out = 3,
    .flags = DIM__OP_INPLACE0 | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = layer_norm_grad_infer, .workspace = layer_norm_grad_workspace, .run = layer_norm_grad_run,
};
