#include "nn/layers/layer.h"

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    (void)s;
    (void)in;
    l->out[0] = l->o.out;
    l->out[1] = l->out[2] = 0;
    return DIM_OK;
}

static dim__vid emit(const dim__layer_in *e)
{
    const int64_t *in = e->shape;
    int64_t out = e->units > 0 ? e->units : (int64_t)e->l->o.out;
    dim__scope mine = *e->scope;
    mine.layer_init = e->l->o.init;
    if (!dim__is_map(in))
        return dim__nn_linear(&mine, e->l->name, e->x, out, !e->l->o.no_bias, NULL);
    int64_t map[3] = { dim__map_height(in), in[2], in[0] }, n = dim__shape_of(mine.g, e->x)->d[0];
    if (dim__graph_status(mine.g) != DIM_OK)
        return DIM__NONE;
    dim__vid x = dim__emit_reshape(mine.g, e->x, dim__shape2(n, dim__sample_size(in)));
    return dim__nn_linear(&mine, e->l->name, x, out, !e->l->o.no_bias, map);
}

const dim__layer_def dim__layer_linear = { .name = "linear", .sized = true, .shape = shape, .emit = emit };
