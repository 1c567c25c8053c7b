/* The two sides of a game over true and made samples (GAN, arXiv 1406.2661; least squares: LSGAN, arXiv 1611.04076).  With
 * D the sigmoid of a logit d, -log D = softplus(-d) and -log(1 - D) = softplus(d). */
#include "objective/losses/losses.h"

/* mean of softplus(sign d), times scale */
static dim__vid mean_softplus(dim__graph *g, dim__vid d, double sign, double scale)
{
    double n = (double)dim__count_of(g, d);
    return dim__emit_sum_all(g, dim__emit_softplus(g, sign < 0 ? dim__emit_affine(g, d, -1, 0) : d), scale / n);
}

/* half the mean of (d - target)^2 */
static dim__vid half_square(dim__graph *g, dim__vid d, double target)
{
    double n = (double)dim__count_of(g, d);
    dim__vid x = target != 0 ? dim__emit_affine(g, d, 1, -target) : d;
    return dim__emit_sum_all(g, dim__emit_mul(g, x, x), 0.5 / n);
}

dim__vid dim__emit_tell_apart(dim__graph *g, dim_adversary how, dim__vid a, dim__vid b)
{
    bool squares = how == DIM_ADVERSARY_LEAST_SQUARES;
    dim__vid of_true = squares ? half_square(g, a, 1) : mean_softplus(g, a, -1, 1);
    dim__vid of_made = squares ? half_square(g, b, 0) : mean_softplus(g, b, 1, 1);
    return dim__emit_add(g, of_true, of_made);
}

dim__vid dim__emit_pass_as_true(dim__graph *g, dim_adversary how, dim__vid a)
{
    switch (how) {
    case DIM_ADVERSARY_MINIMAX: return mean_softplus(g, a, 1, -1);
    case DIM_ADVERSARY_LEAST_SQUARES: return half_square(g, a, 1);
    default: return mean_softplus(g, a, -1, 1);
    }
}

static dim__loss_nodes emit_tell_apart(const dim__loss_in *in)
{
    return dim__loss_alone(dim__emit_tell_apart(in->scope.g, in->loss->o.adversary, in->side[0].v, in->side[1].v));
}

static dim__loss_nodes emit_pass_as_true(const dim__loss_in *in)
{
    return dim__loss_alone(dim__emit_pass_as_true(in->scope.g, in->loss->o.adversary, in->side[0].v));
}

const dim__loss_def dim__loss_tell_apart = {
    .kind = DIM_LOSS_TELL_APART, .name = "tell-apart", .least = 2, .most = 2, .options = DIM__LOSS_TAKES_ADVERSARY,
    .emit = emit_tell_apart
};
const dim__loss_def dim__loss_pass_as_true = {
    .kind = DIM_LOSS_PASS_AS_TRUE, .name = "pass-as-true", .least = 1, .most = 1, .options = DIM__LOSS_TAKES_ADVERSARY,
    .emit = emit_pass_as_true
};
