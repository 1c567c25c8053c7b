#include "data/augment/op.h"

static dim_status shape(dim_context *ctx, const dim_augment_op_options *o, const int64_t in[3], int64_t out[3])
{
    (void)out;
    if ((int64_t)o->shift >= in[1] || (int64_t)o->shift >= in[2])
        return dim__fail(ctx, DIM_E_SHAPE, "translate: shift %u is not less than the sides of an image of %lld x %lld",
                         o->shift, (long long)in[1], (long long)in[2]);
    return DIM_OK;
}

static void draw(const dim_augment_op_options *o, const int64_t in[3], dim__augment_draw *out)
{
    (void)in;
    out->down = dim__augment_between(out->number[1], -(int64_t)o->shift, o->shift);
    out->right = dim__augment_between(out->number[2], -(int64_t)o->shift, o->shift);
}

static void run(dim__augment_work *w, const dim_augment_op_options *o, const dim__augment_draw *draw,
                const int64_t after[3])
{
    (void)o;
    dim__pixels_translate(w->spare, w->image, w->shape, draw->down, draw->right);
    dim__augment_moved(w, after);
}

const dim__augment_def dim__augment_op_translate = {
    .name = "translate", .p = 1, .sharing = DIM_AUGMENT_SHARING_VIEW, .shape = shape, .draw = draw, .run = run,
};
