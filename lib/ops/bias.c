/* Adding a vector to every row, and its gradient: the sum over the rows.  It may activate its result, see
 * dim__activate(). */
#include "ops/ops.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "ops/rows.h"
#include "ops/tiles.h"

static dim_status add_bias_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    DIM__TRY(dim__infer_vectors(inf, 1, 2));
    inf->out[0] = inf->in[0];
    return DIM_OK;
}

static void add_bias_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = dim__shape_last(e->in_shape[0]), block = dim__max64(end - begin, 1);
    (void)thread;
    if (e->attr->activation.on)
        block = 1 + DIM__HOT / dim__max64(c, 1);
    for (int64_t r = begin; r < end; r += block) {
        int64_t rows = dim__min64(block, end - r);
        float *y = (float *)e->out[0] + r * c;
        e->ctx->kernels->add_bias(y, (const float *)e->in[0] + r * c, e->in[1], rows, c);
        dim__activate(e, y, rows * c);
    }
}

static void add_bias_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]);
    dim__parallel(e->ctx, rows, dim__row_grain(c), add_bias_task, (void *)e);
}

static void add_bias_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__vid d = dim__op_before_activation(g, node, dout[0]);
    if (dim__wants_grad(g, node->in[0]))
        din[0] = d;
    if (dim__wants_grad(g, node->in[1]))
        din[1] = dim__emit1(g, &dim__op_bias_grad, d, NULL);
}

const dim__op dim__op_add_bias = {
    .name = "add_bias", .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = DIM__OP_ACTIVATES | DIM__OP_REPEATABLE | DIM__OP_INPLACE0 | DIM__OP_BY_ROW | DIM__OP_WHOLE(2),
    .infer = add_bias_infer, .backward = add_bias_backward, .run = add_bias_run,
};

dim__vid dim__emit_add_bias(dim__graph *g, dim__vid x, dim__vid bias)
{
    return dim__emit2(g, &dim__op_add_bias, x, bias, NULL);
}

/* ---- bias_grad: dy (rows, c) -> (c) ------------------------------------------------------------------------------ */

static dim_status bias_grad_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    inf->out[0] = dim__shape1(dim__shape_last(&inf->in[0]));
    return DIM_OK;
}

static size_t bias_grad_workspace(const dim__infer *inf)
{
    int64_t c = dim__shape_last(&inf->in[0]);
    size_t tiles = inf->in_type[0] == DIM__BF16 ? (size_t)(dim__tile_rows(c) * c) * inf->ctx->threads : 0;
    return dim__sums_size(inf->ctx, c) + tiles * sizeof(float);
}

static void bias_grad_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = dim__shape_last(e->in_shape[0]), tile = dim__tile_rows(c);
    double *sum = (double *)e->workspace + thread * c;
    float *room = (float *)((double *)e->workspace + e->ctx->threads * c) + thread * tile * c;
    memset(sum, 0, (size_t)c * sizeof *sum);
    for (int64_t r = begin; r < end; r += tile) {
        int64_t n = dim__min64(tile, end - r);
        e->ctx->kernels->col_sum(sum, dim__read(e, 0, r * c, n * c, room), n, c);
    }
}

static void bias_grad_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]);
    int pieces = dim__parallel_pieces(e->ctx, rows, dim__row_grain(c));
    double *sum = e->workspace;
    float *out = e->out[0];
    dim__parallel(e->ctx, rows, dim__row_grain(c), bias_grad_task, (void *)e);
    dim__sums_reduce(sum, pieces, c);
    for (int64_t j = 0; j < c; j++)
        out[j] = (float)sum[j];
}

const dim__op dim__op_bias_grad = {
    .name = "bias_grad", .min_in = 1, .max_in = 1, .n_out = 1,
    .flags = DIM__OP_BF16_IN(1),
    .infer = bias_grad_infer, .workspace = bias_grad_workspace, .run = bias_grad_run,
};
