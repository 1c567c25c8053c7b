#include "data/augment/op.h"

static dim_status shape(dim_context *ctx, const dim_augment_op_options *o, const int64_t in[3], int64_t out[3])
{
    DIM__TRY(dim__augment_shape_given(ctx, o, in, out));
    if (out[1] > in[1] || out[2] > in[2])
        return dim__fail(ctx, DIM_E_SHAPE, "center crop: %lld x %lld is larger than an image of %lld x %lld",
                         (long long)out[1], (long long)out[2], (long long)in[1], (long long)in[2]);
    return DIM_OK;
}

static int64_t half_to_even(int64_t n) /* n / 2, as Python rounds it */
{
    int64_t half = n / 2;
    return n % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

static void run(dim__augment_work *w, const dim_augment_op_options *o, const dim__augment_draw *draw,
                const int64_t after[3])
{
    dim__box box = { half_to_even(w->shape[1] - after[1]), half_to_even(w->shape[2] - after[2]), after[1], after[2] };
    (void)o;
    (void)draw;
    dim__pixels_crop(w->spare, w->image, w->shape, &box);
    dim__augment_moved(w, after);
}

const dim__augment_def dim__augment_op_center_crop = {
    .name = "center crop", .p = 1, .sharing = DIM_AUGMENT_SHARING_VIEW, .always = true, .sized = true, .shape = shape,
    .run = run,
};
