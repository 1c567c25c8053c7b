/* The losses of the list. */
#include "objective/losses/losses.h"

static const dim__loss_def *const defs[] = {
#define X(name) &dim__loss_##name,
#include "objective/losses/loss_list.def"
#undef X
};

const dim__loss_def *dim__loss_def_of(dim_loss_kind kind)
{
    for (size_t i = 0; i < sizeof defs / sizeof *defs; i++)
        if (defs[i]->kind == kind)
            return defs[i];
    return NULL;
}
