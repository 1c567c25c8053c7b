#include "data/augment/op.h"

static void run(dim__augment_work *w, const dim_augment_op_options *o, const dim__augment_draw *draw,
                const int64_t after[3])
{
    (void)o;
    (void)draw;
    dim__augment_resize_whole(w, after);
}

const dim__augment_def dim__augment_op_resize = {
    .name = "resize", .p = 1, .sharing = DIM_AUGMENT_SHARING_VIEW, .always = true, .sized = true, .keeps_aspect = true,
    .shape = dim__augment_shape_given, .scratch = dim__augment_resize_scratch, .run = run,
};
