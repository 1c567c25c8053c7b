#include "data/augment/op.h"

static dim_status check(dim_context *ctx, const dim_augment_op_options *o)
{
    const float most = 1e3f;
    if (!dim__augment_in(o->brightness, 0, most) || !dim__augment_in(o->contrast, 0, most) ||
        !dim__augment_in(o->saturation, 0, most))
        return dim__fail(ctx, DIM_E_INVALID, "color jitter: brightness %g, contrast %g, saturation %g; each must "
                         "be 0 to 1000", (double)o->brightness, (double)o->contrast, (double)o->saturation);
    if (!dim__augment_in(o->hue, 0, 0.5f))
        return dim__fail(ctx, DIM_E_INVALID, "color jitter: hue is %g; it must be 0 to 0.5", (double)o->hue);
    return DIM_OK;
}

static float factor(float number, float strength)
{
    return (float)dim__augment_uniform(number, strength < 1 ? 1 - (double)strength : 0, 1 + (double)strength);
}

static void draw(const dim_augment_op_options *o, const int64_t in[3], dim__augment_draw *out)
{
    const float *number = out->number + 1;
    (void)in;
    out->brightness = factor(number[0], o->brightness);
    out->contrast = factor(number[1], o->contrast);
    out->saturation = factor(number[2], o->saturation);
    out->hue = (float)dim__augment_uniform(number[3], -(double)o->hue, (double)o->hue);
    for (int i = 0; i < 4; i++)
        out->order[i] = i;
    for (int i = 3; i > 0; i--) {
        int64_t j = dim__augment_between(number[4 + i], 0, i);
        int swap = out->order[i];
        out->order[i] = out->order[j];
        out->order[j] = swap;
    }
}

static void run(dim__augment_work *w, const dim_augment_op_options *o, const dim__augment_draw *draw,
                const int64_t after[3])
{
    (void)after;
    for (int i = 0; i < 4; i++) {
        if (draw->order[i] == 0 && o->brightness > 0)
            dim__pixels_brightness(w->image, w->shape, draw->brightness);
        if (draw->order[i] == 1 && o->contrast > 0)
            dim__pixels_contrast(w->image, w->shape, draw->contrast);
        if (draw->order[i] == 2 && o->saturation > 0)
            dim__pixels_saturation(w->image, w->shape, draw->saturation);
        if (draw->order[i] == 3 && o->hue > 0)
            dim__pixels_hue(w->image, w->shape, draw->hue);
    }
}

const dim__augment_def dim__augment_op_color_jitter = {
    .name = "color jitter", .p = 1, .sharing = DIM_AUGMENT_SHARING_VIEW, .check = check, .draw = draw, .run = run,
};
