/* A part of random area and aspect, as torchvision's RandomResizedCrop. */
#include "data/augment/op.h"

#include "base/math.h"

enum { TRIES = 10 };
_Static_assert(1 + 2 * TRIES + 2 <= DIM__AUGMENT_NUMBERS, "a crop's numbers are drawn");

static dim_status check(dim_context *ctx, const dim_augment_op_options *o)
{
    if (!dim__augment_in(o->area_min, 1e-6f, 1) || !dim__augment_in(o->area_max, o->area_min, 1))
        return dim__fail(ctx, DIM_E_INVALID, "resized crop: area_min %g, area_max %g; they must be "
                         "1e-6 <= min <= max <= 1",
                         (double)o->area_min, (double)o->area_max);
    if (!dim__augment_in(o->aspect_min, 1e-3f, 1e3f) || !dim__augment_in(o->aspect_max, o->aspect_min, 1e3f))
        return dim__fail(ctx, DIM_E_INVALID, "resized crop: aspect_min %g, aspect_max %g; they must be "
                         "0.001 <= min <= max <= 1000", (double)o->aspect_min, (double)o->aspect_max);
    return DIM_OK;
}

/* A few tries for a box that fits, then the largest in the middle. */
static void draw(const dim_augment_op_options *o, const int64_t in[3], dim__augment_draw *out)
{
    const float *number = out->number + 1;
    dim__box *box = &out->box;
    double height = (double)in[1], width = (double)in[2];
    for (int i = 0; i < TRIES; i++, number += 2) {
        double area = height * width * dim__augment_uniform(number[0], (double)o->area_min, (double)o->area_max);
        double aspect = exp(dim__augment_uniform(number[1], log((double)o->aspect_min), log((double)o->aspect_max)));
        box->width = (int64_t)(sqrt(area * aspect) + 0.5);
        box->height = (int64_t)(sqrt(area / aspect) + 0.5);
        if (box->width >= 1 && box->width <= in[2] && box->height >= 1 && box->height <= in[1]) {
            number += 2 * (TRIES - i); /* the place's numbers come after those of all tries */
            box->top = dim__augment_between(number[0], 0, in[1] - box->height);
            box->left = dim__augment_between(number[1], 0, in[2] - box->width);
            return;
        }
    }
    box->width = in[2];
    box->height = in[1];
    if (width / height < (double)o->aspect_min)
        box->height = dim__max64((int64_t)(width / (double)o->aspect_min + 0.5), 1);
    else if (width / height > (double)o->aspect_max)
        box->width = dim__max64((int64_t)(height * (double)o->aspect_max + 0.5), 1);
    box->top = (in[1] - box->height) / 2;
    box->left = (in[2] - box->width) / 2;
}

static void run(dim__augment_work *w, const dim_augment_op_options *o, const dim__augment_draw *draw,
                const int64_t after[3])
{
    (void)o;
    dim__augment_resize(w, &draw->box, after);
}

const dim__augment_def dim__augment_op_resized_crop = {
    .name = "resized crop", .p = 1, .sharing = DIM_AUGMENT_SHARING_VIEW, .check = check,
    .shape = dim__augment_shape_given, .scratch = dim__augment_resize_scratch, .draw = draw, .run = run,
    .skip = dim__augment_resize_whole,
};
