/* Mixture features (AMDIM, section 3.6).  For each consequent, with s_j the NCE score of antecedent j,
 *   maximise sum_j q_j s_j + alpha H(q),  q = softmax_j(tau s_j),  alpha = 1 / tau.
 * At that q, which is the maximiser, the sum equals 1/tau log sum_j e^(tau s_j) (Gibbs), and so does its gradient, with or
 * without the part through q.  With one antecedent it is InfoNCE. */
#include "objective/objective.h"
#include "ops/ops.h"

#include <math.h>

/* The options' scale, penalty and clip, as of score_rows.c but on the tensor as a whole.  *penalty: DIM__NONE for none. */
static dim__vid changed(dim__graph *g, const dim_estimator_options *o, dim__vid s, dim__vid *penalty)
{
    if (o->scale != 1)
        s = dim__op_affine_(g, s, o->scale, 0);
    *penalty = DIM__NONE;
    if (o->penalty > 0)
        *penalty = dim__op_sum_all_(g, dim__op_row_dot_(g, s, s), o->penalty / (double)dim__count_of(g, s));
    if (o->clip > 0)
        s = dim__op_affine_(g, dim__op_tanh_(g, dim__op_affine_(g, s, 1 / (double)o->clip, 0)), o->clip, 0);
    return s;
}

dim__est_nodes dim__emit_mixture(dim__graph *g, const dim_estimator_options *o, dim__vid scores, int64_t samples, int64_t k,
                                 double tau)
{
    dim__est_nodes nodes = dim__emit_estimator(g, o, dim__op_stop_gradient_(g, scores), samples, NULL); /* for the means */
    if (dim__graph_status(g) != DIM_OK)
        return nodes;
    int64_t columns = dim__shape_last(dim__shape_of(g, scores)), l = columns / samples;
    dim__vid penalty, s = changed(g, o, scores, &penalty);
    s = dim__emit_nce_scores(g, s, samples);                         /* (N k, L) */
    s = dim__op_reshape_(g, s, dim__shape3(samples, k, l));
    s = dim__op_affine_(g, dim__op_swap_last_(g, s), tau, 0);        /* (N, L, k) */
    s = dim__op_log_sum_exp_(g, s);
    nodes.loss = dim__op_sum_all_(g, s, -1 / (tau * (double)(samples * l)));
    /* for reporting the mean over j, not the sum, so that k equal antecedents have the value of one */
    nodes.value = dim__op_affine_(g, nodes.loss, -1, log(1 + (double)(columns - l)) - log((double)k) / tau);
    if (penalty != DIM__NONE)
        nodes.loss = dim__op_add_(g, nodes.loss, penalty);
    nodes.record = DIM__NONE;
    return nodes;
}
