/* Each pixel plus a number of 0 .. shift, the same for the whole view. */
#include "data/augment/op.h"

static void run(dim__augment_work *w, const dim_augment_op_options *o, const dim__augment_draw *draw, const int64_t after[3])
{
    int64_t more = dim__augment_between(draw->number[1], 0, o->shift);
    for (int64_t i = 0; i < after[0] * after[1] * after[2]; i++)
        w->image[i] = (uint8_t)(w->image[i] + more);
}

const dim__augment_def dim__augment_op_added = {
    .name = "added", .p = 1, .sharing = DIM_AUGMENT_SHARING_VIEW, .run = run
};
