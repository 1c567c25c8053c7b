/* KL(N(a, e^b) || N(0, I)) of a Gaussian code (VAE, arXiv 1312.6114, appendix B). */
#include "objective/losses/losses.h"

static dim_status check(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given)
{
    (void)given;
    return dim__loss_same_shape(ctx, loss, side, 2);
}

dim__vid dim__emit_kl(dim__graph *g, bool sum_units, dim__vid mean, dim__vid logvar)
{
    const dim__shape *s = dim__shape_of(g, mean);
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    return dim__emit_kl_normal(g, mean, logvar, 1 / (double)(sum_units ? s->d[0] : dim__shape_count(s)));
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    return dim__loss_alone(dim__emit_kl(in->scope.g, in->loss->o.sum_units != 0, in->side[0].v, in->side[1].v));
}

const dim__loss_def dim__loss_kl = {
    .kind = DIM_LOSS_KL, .name = "kl", .least = 2, .most = 2, .options = DIM__LOSS_TAKES_SUM, .check = check, .emit = emit
};
