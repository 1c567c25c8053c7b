/* Ops of graphs that several ranks run at once, each with its own samples of one batch.  What such a graph emits is a part of the
 * gradient: the sum over all ranks is the gradient of the loss, which has one value everywhere.
 *
 * gather_ranks:  (n, ...) -> (ranks n, ...), everybody's rows in the order of ranks.  What the ranks want of a row is added up for
 *                the one that has it: scatter_ranks.
 * mean_ranks:    scalars -> (their number), each the mean over the ranks.  Each rank's part of the gradient goes through its own.
 * share_ranks:   the same value; of what all ranks compute alike, each has one part in `ranks` of the gradient. */
#include "base/comm.h"
#include "graph/graph.h"
#include "ops/ops.h"
#include "ops/run.h"

#include <string.h>

static dim_status check_ranks(const dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    return inf->comm != NULL ? DIM_OK : dim__fail(inf->ctx, DIM_E_INVALID, "%s: this graph is of one rank", inf->op);
}

static dim_status gather_infer(dim__infer *inf)
{
    DIM__TRY(check_ranks(inf));
    if (inf->in[0].rank < 1)
        return dim__infer_fail(inf, 0, "rank 1 at least");
    inf->out[0] = inf->in[0];
    inf->out[0].d[0] *= dim__ranks(inf->comm);
    return DIM_OK;
}

static void gather_run(const dim__exec *e)
{
    dim__comm_gather(e->comm, e->in[0], e->out[0], (size_t)dim__shape_count(e->in_shape[0]) * sizeof(float));
}

static void gather_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    (void)node;
    din[0] = dim__emit1(g, &dim__op_scatter_ranks, dout[0], NULL);
}

const dim__op dim__op_gather_ranks = {
    .name = "gather_ranks", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_RANKS,
    .infer = gather_infer, .backward = gather_backward, .run = gather_run,
};

static dim_status scatter_infer(dim__infer *inf)
{
    DIM__TRY(check_ranks(inf));
    if (inf->in[0].rank < 1 || inf->in[0].d[0] % dim__ranks(inf->comm) != 0)
        return dim__infer_fail(inf, 0, "as many rows of each rank");
    inf->out[0] = inf->in[0];
    inf->out[0].d[0] /= dim__ranks(inf->comm);
    return DIM_OK;
}

static void scatter_run(const dim__exec *e)
{
    dim__comm_scatter_sum(e->comm, e->in[0], e->out[0], dim__shape_count(e->out_shape[0]));
}

const dim__op dim__op_scatter_ranks = { /* emitted by gather_ranks's backward only */
    .name = "scatter_ranks", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_RANKS,
    .infer = scatter_infer, .run = scatter_run,
};

static dim_status mean_infer(dim__infer *inf)
{
    DIM__TRY(check_ranks(inf));
    for (int k = 0; k < inf->n_in; k++)
        if (dim__shape_count(&inf->in[k]) != 1)
            return dim__infer_fail(inf, k, "one number");
    inf->out[0] = dim__shape1(inf->n_in);
    return DIM_OK;
}

static size_t mean_workspace(const dim__infer *inf)
{
    return (size_t)(dim__ranks(inf->comm) + 2) * (size_t)inf->n_in * sizeof(double);
}

static void mean_run(const dim__exec *e)
{
    double *mine = e->workspace, *total = mine + e->n_in;
    for (int k = 0; k < e->n_in; k++)
        mine[k] = *(const float *)e->in[k];
    dim__comm_totals(e->comm, mine, total, e->n_in, total + e->n_in);
    for (int k = 0; k < e->n_in; k++)
        ((float *)e->out[0])[k] = (float)(total[k] / (double)dim__ranks(e->comm));
}

static void mean_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    for (int k = 0; k < node->n_in && dout[0] != DIM__NONE; k++) {
        dim__vid part = dim__emit_affine(g, dim__emit_slice(g, dout[0], k, 1), 1 / (double)dim__ranks(g->comm), 0);
        din[k] = dim__emit_reshape(g, part, *dim__shape_of(g, node->in[k]));
    }
}

const dim__op dim__op_mean_ranks = {
    .name = "mean_ranks", .min_in = 1, .max_in = DIM__MAX_IN, .n_out = 1, .flags = DIM__OP_RANKS,
    .infer = mean_infer, .workspace = mean_workspace, .backward = mean_backward, .run = mean_run,
};

static dim_status share_infer(dim__infer *inf)
{
    DIM__TRY(check_ranks(inf));
    return dim__infer_same(inf);
}

static void share_run(const dim__exec *e)
{
    if (e->out[0] != e->in[0])
        memcpy(e->out[0], e->in[0], (size_t)dim__shape_count(e->in_shape[0]) * sizeof(float));
}

static void share_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    (void)node;
    din[0] = dim__emit_affine(g, dout[0], 1 / (double)dim__ranks(g->comm), 0);
}

const dim__op dim__op_share_ranks = {
    .name = "share_ranks", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_INPLACE0,
    .infer = share_infer, .backward = share_backward, .run = share_run,
};

/* Where this rank is alone nothing is emitted. */

dim__vid dim__emit_gather_ranks(dim__graph *g, dim__vid x)
{
    return g->comm == NULL ? x : dim__emit1(g, &dim__op_gather_ranks, x, NULL);
}

void dim__emit_mean_ranks(dim__graph *g, int n, dim__vid **x)
{
    dim__vid in[DIM__MAX_IN] = { 0 };
    if (g->comm == NULL)
        return;
    for (int k = 0; k < n; k++)
        in[k] = *x[k];
    dim__vid means = dim__emit(g, &dim__op_mean_ranks, n, in, NULL);
    for (int k = 0; k < n; k++)
        *x[k] = dim__emit_reshape(g, dim__emit_slice(g, means, k, 1), dim__scalar());
}

dim__vid dim__emit_mean_rank(dim__graph *g, dim__vid x)
{
    dim__vid *only = &x;
    dim__emit_mean_ranks(g, 1, &only);
    return x;
}

dim__vid dim__emit_share_ranks(dim__graph *g, dim__vid x)
{
    return g->comm == NULL ? x : dim__emit1(g, &dim__op_share_ranks, x, NULL);
}
