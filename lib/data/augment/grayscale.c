#include "data/augment/op.h"

static void run(dim__augment_work *w, const dim_augment_op_options *o, const dim__augment_draw *draw,
                const int64_t after[3])
{
    (void)o;
    (void)draw;
    (void)after;
    dim__pixels_grayscale(w->image, w->shape);
}

const dim__augment_def dim__augment_op_grayscale = {
    .name = "grayscale", .p = 1, .sharing = DIM_AUGMENT_SHARING_VIEW, .run = run,
};
