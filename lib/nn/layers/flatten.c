#include "nn/layers/layer.h"

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    (void)s;
    if (dim__is_map(in))
        l->out[0] = in[0] * in[1] * in[2];
    l->out[1] = l->out[2] = 0;
    return DIM_OK;
}

/* (N, H, W, C) -> (N, C H W) in PyTorch's order. */
static dim__vid emit(const dim__layer_in *e)
{
    const int64_t *in = e->shape;
    dim__graph *g = e->net->g;
    if (!dim__is_map(in) || dim__graph_status(g) != DIM_OK)
        return e->x;
    int64_t n = dim__shape_of(g, e->x)->d[0];
    dim__vid x = dim__op_reshape_(g, e->x, dim__shape3(n, in[1] * in[2], in[0]));
    x = dim__op_swap_last_(g, x);
    return dim__op_reshape_(g, x, dim__shape2(n, in[0] * in[1] * in[2]));
}

const dim__layer_def dim__layer_flatten = { .name = "flatten", .shape = shape, .emit = emit };
