#include "data/augment/op.h"

static void run(dim__augment_work *w, const dim_augment_op_options *o, const dim__augment_draw *draw,
                const int64_t after[3])
{
    (void)o;
    (void)draw;
    dim__pixels_flip(w->spare, w->image, w->shape);
    dim__augment_moved(w, after);
}

const dim__augment_def dim__augment_op_flip = {
    .name = "flip", .p = 0.5f, .sharing = DIM_AUGMENT_SHARING_IMAGE, .run = run,
};
