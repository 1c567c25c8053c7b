/* What several operations need. */
#include "data/augment/op.h"

#include "base/math.h"

int64_t dim__augment_between(float number, int64_t low, int64_t high)
{
    return dim__min64(low + (int64_t)((double)number * (double)(high - low + 1)), high);
}

void dim__augment_moved(dim__augment_work *w, const int64_t shape[3])
{
    uint8_t *swap = w->image;
    w->image = w->spare;
    w->spare = swap;
    memcpy(w->shape, shape, sizeof w->shape);
}

dim_status dim__augment_shape_given(dim_context *ctx, const dim_augment_op_options *o, const int64_t in[3],
                                    int64_t out[3])
{
    int64_t h = in[1], w = in[2], side = o->height;
    (void)ctx;
    if (side == 0)
        return DIM_OK;
    out[1] = o->width != 0 || h <= w ? side : side * h / w;
    out[2] = o->width != 0 ? (int64_t)o->width : h <= w ? side * w / h : side;
    return DIM_OK;
}

void dim__augment_resize(dim__augment_work *w, const dim__box *box, const int64_t after[3])
{
    dim__pixels_resize(w->spare, w->image, w->shape, box, after[1], after[2], w->scratch);
    dim__augment_moved(w, after);
}

void dim__augment_resize_whole(dim__augment_work *w, const int64_t after[3])
{
    dim__box whole = { 0, 0, w->shape[1], w->shape[2] };
    dim__augment_resize(w, &whole, after);
}

size_t dim__augment_resize_scratch(const int64_t in[3], const int64_t out[3])
{
    return dim__pixels_resize_scratch(in, out[1], out[2]);
}
