#include "nn/layers/layer.h"

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    (void)s;
    l->out[0] = dim__sample_size(in);
    l->out[1] = l->out[2] = 0;
    return DIM_OK;
}

/* (N, H, W, C) -> (N, C H W) in PyTorch's order. */
static dim__vid emit(const dim__layer_in *e)
{
    const int64_t *in = e->shape;
    dim__graph *g = e->scope->g;
    if (!dim__is_map(in) || dim__graph_status(g) != DIM_OK)
        return e->x;
    int64_t n = dim__shape_of(g, e->x)->d[0];
    dim__vid x = dim__emit_reshape(g, e->x, dim__shape3(n, dim__map_height(in) * in[2], in[0]));
    x = dim__emit_swap_last(g, x);
    return dim__emit_reshape(g, x, dim__shape2(n, dim__sample_size(in)));
}

const dim__layer_def dim__layer_flatten = { .name = "flatten", .shape = shape, .emit = emit };
