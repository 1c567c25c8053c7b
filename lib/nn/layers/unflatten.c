/* (d) -> (C, H, W), or (C, L) without a height, in PyTorch's order: what flatten undoes. */
#include "nn/layers/layer.h"

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    dim_layer_options *o = &l->o;
    int64_t columns = (int64_t)o->out * (o->height > 0 ? o->height : 1); /* of which there are `width` */
    if (dim__is_map(in))
        return dim__layer_fail(s, l, DIM_E_SHAPE, "it needs a vector, not a map");
    if ((o->height == 0 && o->width == 0) || o->height > 65536 || o->width > 65536)
        return dim__layer_fail(s, l, DIM_E_INVALID, "height is %u and width %u; height of a map, or width of a signal, must be 1 to "
                               "65536", o->height, o->width);
    if (o->width == 0 && in[0] / columns <= 65536)
        o->width = (uint32_t)(in[0] / columns);
    if (o->width == 0 || in[0] % columns != 0 || in[0] / columns != o->width)
        return dim__layer_fail(s, l, DIM_E_SHAPE, "out x height x width is not the length of the vector");
    l->out[0] = o->out;
    l->out[1] = o->height;
    l->out[2] = o->width;
    return DIM_OK;
}

/* (N, C H W) -> (N, H, W, C) */
static dim__vid emit(const dim__layer_in *e)
{
    const int64_t *out = e->l->out;
    dim__graph *g = e->scope->g;
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    int64_t n = dim__shape_of(g, e->x)->d[0];
    dim__vid x = dim__emit_reshape(g, e->x, dim__shape3(n, out[0], dim__map_height(out) * out[2]));
    x = dim__emit_swap_last(g, x);
    return dim__emit_reshape(g, x, dim__shape4(n, dim__map_height(out), out[2], out[0]));
}

const dim__layer_def dim__layer_unflatten = { .name = "unflatten", .sized = true, .shape = shape, .emit = emit };
