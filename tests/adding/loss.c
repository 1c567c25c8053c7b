/* The mean of a. */
#include "objective/losses/losses.h"

static dim__loss_nodes emit(const dim__loss_in *in)
{
    return dim__loss_alone(dim__loss_mean(in->scope.g, in->loss, in->side[0].v, 1));
}

const dim__loss_def dim__loss_added = {
    .kind = DIM_LOSS_ADDED, .name = "added", .least = 1, .most = 1, .options = DIM__LOSS_TAKES_SUM, .emit = emit
};
