/* Cross-entropy of logits against labels, of which a row may have none, or against rows of probabilities. */
#include "objective/losses/losses.h"

static dim_status check(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given)
{
    (void)given;
    if (dim__is_map(side[0].shape))
        return dim__fail(ctx, DIM_E_SHAPE, "loss '%s': logits are a vector, but a is a map", loss->name);
    return side[1].labels ? DIM_OK : dim__loss_same_shape(ctx, loss, side, 2);
}

dim__vid dim__loss_below_maximum(dim__graph *g, dim__vid a)
{
    dim__shape s = *dim__shape_of(g, a);
    dim__vid most = dim__emit_max_mid(g, dim__emit_reshape(g, dim__emit_stop_gradient(g, a), dim__shape3(s.d[0], s.d[1], 1)));
    dim__vid all = dim__emit_reshape(g, dim__emit_broadcast_mid(g, most, s.d[1]), s);
    return dim__emit_add(g, a, dim__emit_affine(g, all, -1, 0));
}

/* mean of log sum e^a - sum b a: two terms that are at least 0, where large logits would leave only their rounding */
static dim__vid against_rows(dim__graph *g, dim__vid a, dim__vid b)
{
    double n = (double)dim__shape_rows(dim__shape_of(g, a));
    a = dim__loss_below_maximum(g, a);
    dim__vid lse = dim__emit_sum_all(g, dim__emit_log_sum_exp(g, a), 1 / n);
    return dim__emit_add(g, lse, dim__emit_sum_all(g, dim__emit_mul(g, a, b), -1 / n));
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__graph *g = in->scope.g;
    dim__vid a = in->side[0].v, b = in->side[1].v;
    if (dim__graph_status(g) != DIM_OK || !in->side[1].labels)
        return dim__loss_alone(against_rows(g, a, b));
    dim__loss_nodes nodes = { .loss = dim__emit_softmax_xent(g, a, b), .against = DIM__NONE, .n_reports = 1 };
    nodes.reports[0].suffix = ".accuracy";
    nodes.reports[0].kind = DIM__LOSS_REPORT_ACCURACY;
    nodes.reports[0].v = dim__out(nodes.loss, 1);
    return nodes;
}

const dim__loss_def dim__loss_cross_entropy = {
    .kind = DIM_LOSS_CROSS_ENTROPY, .name = "cross-entropy", .least = 2, .most = 2, .labels = true, .check = check, .emit = emit
};
