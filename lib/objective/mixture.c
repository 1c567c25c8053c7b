/* Mixture features (AMDIM, section 3.6).  For each consequent, with s_j the NCE score of antecedent j,
 *   maximise sum_j q_j s_j + alpha H(q),  q = softmax_j(tau s_j),  alpha = 1 / tau.
 * At that q, which is the maximiser, the sum equals 1/tau log sum_j e^(tau s_j) (Gibbs), and so does its gradient, with or
 * without the part through q.  With one antecedent it is InfoNCE. */
#include "objective/objective.h"

#include "base/comm.h"
#include "ops/ops.h"

#include <math.h>

dim__est_nodes dim__emit_mixture(dim__graph *g, const dim_estimator_options *o, dim__vid y, dim__vid x, int64_t samples,
                                 int64_t k, double tau)
{
    dim__est_nodes nodes = { DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE };
    dim__vid s = dim__emit_nce_scores(g, o, y, x, samples), penalty = dim__out(s, 1), means = dim__out(s, 2); /* (N k, L) */
    if (dim__graph_status(g) != DIM_OK)
        return nodes;
    int64_t l = dim__shape_last(dim__shape_of(g, s));
    s = dim__emit_reshape(g, s, dim__shape3(samples, k, l));
    s = dim__emit_affine(g, dim__emit_swap_last(g, s), tau, 0); /* (N, L, k) */
    s = dim__emit_log_sum_exp(g, s);
    nodes.loss = dim__emit_mean_rank(g, dim__emit_sum_all(g, s, -1 / (tau * (double)(samples * l))));
    /* for reporting the mean over j, not the sum, so that k equal antecedents have the value of one */
    nodes.value = dim__emit_affine(g, nodes.loss, -1, log(1 + (double)((samples * dim__ranks(g->comm) - 1) * l)) - log((double)k) / tau);
    nodes.pos = dim__scalar_of(g, means, 0);
    nodes.neg = dim__scalar_of(g, means, 1);
    if (o->penalty > 0)
        nodes.loss = dim__emit_add(g, nodes.loss, penalty);
    return nodes;
}
