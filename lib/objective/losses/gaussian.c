/* -log N(a; b, e^c) = (log 2 pi + c + (a - b)^2 e^-c) / 2 of every unit; without c the variance is 1 (the continuous codes of
 * InfoGAN, arXiv 1606.03657). */
#include "objective/losses/losses.h"

static const double LOG_2_PI = 1.8378770664093454836;

static dim_status check(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given)
{
    return dim__loss_same_shape(ctx, loss, side, given->c != NULL ? 3 : 2);
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__graph *g = in->scope.g;
    dim__vid d = dim__emit_add(g, in->side[0].v, dim__emit_affine(g, in->side[1].v, -1, 0));
    dim__vid s = dim__emit_mul(g, d, d), c = in->side[2].v;
    if (c != DIM__NONE) {
        s = dim__emit_mul(g, s, dim__emit_exp(g, dim__emit_affine(g, c, -1, 0)));
        s = dim__emit_add(g, s, c);
    }
    return dim__loss_alone(dim__loss_mean(g, in->loss, dim__emit_affine(g, s, 0.5, 0.5 * LOG_2_PI), 1));
}

const dim__loss_def dim__loss_gaussian = {
    .kind = DIM_LOSS_GAUSSIAN, .name = "gaussian", .least = 2, .most = 3, .options = DIM__LOSS_TAKES_SUM, .check = check,
    .emit = emit
};
