/* Infomax of a discrete code: minus I(X; Y) = H(Y) - H(Y|X), of a class Y whose probabilities are the softmax of logits.  Both are
 * sums, so nothing is estimated but the mean over the batch in p(y).  Of a map each location is a code by itself, and the
 * information is the mean over the locations.
 *
 * All in logarithms, of which none is infinite: log p(y) is the log-sum-exp of log p(y|x) over the batch, less log N. */
#include "base/comm.h"
#include "objective/losses/losses.h"

#include <math.h>

/* x (R, C) less the log-sum-exp of each row */
static dim__vid log_softmax(dim__graph *g, dim__vid x)
{
    dim__shape s = *dim__shape_of(g, x);
    dim__vid lse = dim__emit_reshape(g, dim__emit_log_sum_exp(g, x), dim__shape2(s.d[0], 1));
    dim__vid all = dim__emit_reshape(g, dim__emit_broadcast_mid(g, lse, s.d[1]), s);
    return dim__emit_add(g, x, dim__emit_affine(g, all, -1, 0));
}

/* - scale times the sum of e^x x */
static dim__vid entropy(dim__graph *g, dim__vid x, double scale)
{
    return dim__emit_sum_all(g, dim__emit_mul(g, dim__emit_exp(g, x), x), -scale);
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__graph *g = in->scope.g;
    dim__vid a = dim__emit_gather_ranks(g, dim__nn_rows(&in->scope, in->side[0].v));
    if (dim__graph_status(g) != DIM_OK)
        return dim__loss_alone(DIM__NONE);
    int64_t n = in->samples * in->side[0].views * dim__ranks(g->comm), c = dim__shape_last(dim__shape_of(g, a));
    int64_t l = dim__count_of(g, a) / (n * c);
    dim__vid given_x = log_softmax(g, a);
    dim__vid by_class = dim__emit_swap_last(g, dim__emit_reshape(g, given_x, dim__shape3(1, n, l * c)));
    dim__vid mean = dim__emit_log_sum_exp(g, dim__emit_reshape(g, by_class, dim__shape2(l * c, n)));
    dim__vid of_y = entropy(g, dim__emit_affine(g, mean, 1, -log((double)n)), 1 / (double)l);
    dim__vid of_y_given_x = entropy(g, given_x, 1 / (double)(n * l));
    dim__vid loss = dim__emit_add(g, of_y_given_x, dim__emit_affine(g, of_y, -1, 0));
    return (dim__loss_nodes){ .ranks = DIM__LOSS_ALIKE, .loss = loss, .against = DIM__NONE, .n_reports = 3,
                              .reports = { { ".value", DIM__LOSS_REPORT_SCALAR, dim__emit_affine(g, loss, -1, 0) },
                                           { ".entropy", DIM__LOSS_REPORT_SCALAR, of_y },
                                           { ".given", DIM__LOSS_REPORT_SCALAR, of_y_given_x } } };
}

static dim_status check(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given)
{
    (void)given;
    return side[0].shape[0] >= 2 ? DIM_OK : dim__fail(ctx, DIM_E_SHAPE, "loss '%s': a has 1 class; a code needs 2 at least", loss->name);
}

const dim__loss_def dim__loss_discrete = {
    .kind = DIM_LOSS_DISCRETE, .name = "discrete", .least = 1, .most = 1, .check = check, .emit = emit
};
