#include "objective/score_rows.h"
#include "ops/ops.h"

/* Score tensors up to this size are made when the caller sets no limit: that is faster. */
static const int64_t USUAL_LIMIT = 64 << 20;

dim__vid dim__scalar_of(dim__graph *g, dim__vid vector, int64_t i)
{
    return dim__emit_reshape(g, dim__emit_slice(g, vector, i, 1), dim__scalar());
}

static dim__est_nodes emit(dim__graph *g, const dim__op *op, int n_in, dim__vid *in, const dim__attr *attr,
                           dim__param *state)
{
    dim__est_nodes nodes;
    dim__vid average = DIM__NONE;
    if (state != NULL)
        in[n_in++] = average = dim__graph_param(g, state, DIM__NOBODY);
    nodes.loss = dim__emit(g, op, n_in, in, attr);
    dim__vid stats = dim__out(nodes.loss, 1);
    nodes.value = dim__scalar_of(g, stats, 0);
    nodes.pos = dim__scalar_of(g, stats, 1);
    nodes.neg = dim__scalar_of(g, stats, 2);
    nodes.record = dim__out(nodes.loss, 2);
    if (state != NULL) { /* the op has averaged already: the state becomes its output */
        dim__attr replace = dim__op_state_update_attr(1, 1);
        dim__vid update[2] = { average, dim__emit_reshape(g, dim__emit_slice(g, stats, 3, 1), state->spec.shape) };
        dim__graph_defer(g, &dim__op_state_update, 2, update, &replace);
    }
    return nodes;
}

dim__est_nodes dim__emit_estimator(dim__graph *g, const dim_estimator_options *o, dim__vid scores, int64_t samples,
                                   dim__param *state)
{
    dim__vid in[2] = { scores };
    dim__attr attr = dim__score_attr(o, samples);
    return emit(g, &dim__op_estimator, 1, in, &attr, o->kind == DIM_ESTIMATOR_MINE ? state : NULL);
}

int64_t dim__stream_limit(const dim__graph *g, const dim_estimator_options *o)
{
    if ((g->ctx->disabled_passes & DIM_PASS_STREAM) != 0)
        return 0;
    if (o->score_memory > 0)
        return (int64_t)o->score_memory;
    return g->ctx->executor != DIM_EXECUTOR_REFERENCE ? USUAL_LIMIT : 0;
}

/* Whether the scores of y and x are to be streamed. */
static bool streams(const dim__graph *g, const dim_estimator_options *o, dim__vid y, dim__vid x)
{
    double bytes = (double)dim__shape_rows(dim__shape_of(g, y)) * (double)dim__shape_rows(dim__shape_of(g, x)) *
                   sizeof(float);
    int64_t limit = dim__stream_limit(g, o);
    return limit > 0 && bytes > (double)limit;
}

dim__est_nodes dim__emit_dot_estimator(dim__graph *g, const dim_estimator_options *o, dim__vid y, dim__vid x,
                                       int64_t samples, dim__param *state)
{
    if (!streams(g, o, y, x))
        return dim__emit_estimator(g, o, dim__emit_matmul(g, y, x, false, true), samples, state);
    dim__vid in[3] = { y, x };
    dim__attr attr = dim__score_attr(o, samples);
    return emit(g, &dim__op_dot_estimator, 2, in, &attr, o->kind == DIM_ESTIMATOR_MINE ? state : NULL);
}

dim__est_nodes dim__emit_estimator_pairs(dim__graph *g, const dim_estimator_options *o, dim__vid pos, dim__vid neg,
                                         dim__param *state)
{
    dim__vid in[3] = { pos, neg };
    dim__attr attr = dim__score_attr(o, 0);
    return emit(g, &dim__op_estimator_pairs, 2, in, &attr, o->kind == DIM_ESTIMATOR_MINE ? state : NULL);
}
