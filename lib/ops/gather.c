/* Rows by index.  Indices are not checked while running: they come from a derangement of the graph's own, or from the
 * caller through the API, which checks them.  scatter_add: i[0] = rows of the result. */
#include "ops/ops.h"
#include "ops/run.h"

#include <string.h>

static int64_t row_size(const dim__shape *s)
{
    int64_t n = 1;
    for (int k = 1; k < s->rank; k++)
        n *= s->d[k];
    return n;
}

static dim_status gather_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 2));
    if (inf->in[0].rank < 1)
        return dim__infer_fail(inf, 0, "rank 1 at least");
    if (inf->in[1].rank != 1)
        return dim__infer_fail(inf, 1, "rank 1");
    if (inf->in[0].d[0] < 1 && inf->in[1].d[0] > 0)
        return dim__infer_fail(inf, 0, "a row to take");
    inf->out[0] = inf->in[0];
    inf->out[0].d[0] = inf->in[1].d[0];
    return DIM_OK;
}

static void gather_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = row_size(e->in_shape[0]);
    const float *x = e->in[0];
    const int32_t *index = e->in[1];
    float *y = e->out[0];
    (void)thread;
    for (int64_t m = begin; m < end; m++)
        memcpy(y + m * c, x + index[m] * c, (size_t)c * sizeof *y);
}

static void gather_run(const dim__exec *e)
{
    dim__run_rows(e, e->out_shape[0]->d[0], row_size(e->out_shape[0]), gather_piece);
}

static void gather_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__attr attr = { .rows = dim__shape_of(g, node->in[0])->d[0] };
    din[0] = dim__emit2(g, &dim__op_scatter_add, dout[0], node->in[1], &attr);
}

static dim_status scatter_add_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 2));
    if (inf->in[0].rank < 1)
        return dim__infer_fail(inf, 0, "rank 1 at least");
    if (inf->in[1].rank != 1 || inf->in[1].d[0] != inf->in[0].d[0])
        return dim__infer_fail(inf, 1, "one index a row of input 0");
    if (inf->attr->rows < 0)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: %lld rows", inf->op, (long long)inf->attr->rows);
    inf->out[0] = inf->in[0];
    inf->out[0].d[0] = inf->attr->rows;
    return DIM_OK;
}

/* A piece is a range of result rows: it looks through all indices, so equal ones are added in order. */
static void scatter_add_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = row_size(e->in_shape[0]), m = e->in_shape[1]->d[0];
    const float *dy = e->in[0];
    const int32_t *index = e->in[1];
    float *dx = e->out[0];
    (void)thread;
    memset(dx + begin * c, 0, (size_t)((end - begin) * c) * sizeof *dx);
    for (int64_t k = 0; k < m; k++)
        if (index[k] >= begin && index[k] < end)
            e->ctx->kernels->add(dx + index[k] * c, dx + index[k] * c, dy + k * c, c);
}

static void scatter_add_run(const dim__exec *e)
{
    dim__run_rows(e, e->out_shape[0]->d[0], row_size(e->out_shape[0]), scatter_add_piece);
}

static void scatter_add_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dim__wants_grad(g, node->in[0]))
        din[0] = dim__emit_gather(g, dout[0], node->in[1]);
}

const dim__op dim__op_gather = {
    .name = "gather", .min_in = 2, .max_in = 2, .n_out = 1, .flags = DIM__OP_REPEATABLE,
    .infer = gather_infer, .backward = gather_backward, .run = gather_run,
};
const dim__op dim__op_scatter_add = {
    .name = "scatter_add", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(rows),
    .infer = scatter_add_infer, .backward = scatter_add_backward, .run = scatter_add_run,
};

dim__vid dim__emit_gather(dim__graph *g, dim__vid x, dim__vid index)
{
    return dim__emit2(g, &dim__op_gather, x, index, NULL);
}
