#include "objective/objective.h"
#include "ops/ops.h"

static dim__attr attr_of(const dim_estimator_options *o, int64_t samples)
{
    return (dim__attr){ .i = { samples, o->kind }, .f = { o->smile_tau, o->mine_rate } };
}

static dim__vid scalar_of(dim__graph *g, dim__vid stats, int64_t i)
{
    return dim__op_reshape_(g, dim__op_slice_(g, stats, i, 1), dim__scalar());
}

static dim__est_nodes emit(dim__graph *g, const dim__op *op, int n_in, dim__vid *in, const dim__attr *attr,
                           dim__param *state)
{
    dim__est_nodes nodes;
    dim__vid average = DIM__NONE;
    if (state != NULL)
        in[n_in++] = average = dim__graph_param(g, state);
    nodes.loss = dim__emit(g, op, n_in, in, attr);
    dim__vid stats = dim__out(nodes.loss, 1);
    nodes.value = scalar_of(g, stats, 0);
    nodes.pos = scalar_of(g, stats, 1);
    nodes.neg = scalar_of(g, stats, 2);
    nodes.record = dim__out(nodes.loss, 2);
    if (state != NULL) { /* the op has averaged already: the state becomes its output */
        dim__attr replace = dim__op_state_update_attr(1, 1);
        dim__vid update[2] = { average, dim__op_reshape_(g, dim__op_slice_(g, stats, 3, 1), state->spec.shape) };
        dim__graph_defer(g, &dim__op_state_update, 2, update, &replace);
    }
    return nodes;
}

dim__est_nodes dim__emit_estimator(dim__graph *g, const dim_estimator_options *o, dim__vid scores, int64_t samples,
                                   dim__param *state)
{
    dim__vid in[2] = { scores };
    dim__attr attr = attr_of(o, samples);
    return emit(g, &dim__op_estimator, 1, in, &attr, o->kind == DIM_ESTIMATOR_MINE ? state : NULL);
}

dim__est_nodes dim__emit_estimator_pairs(dim__graph *g, const dim_estimator_options *o, dim__vid pos, dim__vid neg,
                                         dim__param *state)
{
    dim__vid in[3] = { pos, neg };
    dim__attr attr = attr_of(o, 0);
    return emit(g, &dim__op_estimator_pairs, 2, in, &attr, o->kind == DIM_ESTIMATOR_MINE ? state : NULL);
}
