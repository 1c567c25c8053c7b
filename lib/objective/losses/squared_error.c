/* (a - b)^2. */
#include "objective/losses/losses.h"

static dim_status check(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given)
{
    (void)given;
    return dim__loss_same_shape(ctx, loss, side, 2);
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__graph *g = in->scope.g;
    dim__vid d = dim__emit_add(g, in->side[0].v, dim__emit_affine(g, in->side[1].v, -1, 0));
    return dim__loss_alone(dim__loss_mean(g, in->loss, dim__emit_mul(g, d, d), 1));
}

const dim__loss_def dim__loss_squared_error = {
    .kind = DIM_LOSS_SQUARED_ERROR, .name = "squared-error", .least = 2, .most = 2, .options = DIM__LOSS_TAKES_SUM,
    .check = check, .emit = emit
};
