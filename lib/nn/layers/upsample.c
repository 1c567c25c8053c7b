/* Nearest-neighbour upsampling, as PyTorch's Upsample(scale_factor). */
#include "nn/layers/layer.h"

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    dim_layer_options *o = &l->o;
    DIM__TRY(dim__layer_wants_map(s, l, in));
    if (dim__is_signal(in))
        DIM__TRY(dim__layer_check_one_axis(s, l));
    if (o->stride == 0)
        o->stride = 2;
    if (o->stride > 4096 || o->stride_w > 4096)
        return dim__layer_fail(s, l, DIM_E_INVALID, "stride, the factor, is %u; it must be at most 4096",
                               o->stride > 4096 ? o->stride : o->stride_w);
    int64_t factor = o->stride, factor_w = o->stride_w > 0 ? o->stride_w : factor;
    if (dim__is_signal(in))
        o->stride = (uint32_t)factor_w;
    o->stride_w = factor_w != o->stride ? (uint32_t)factor_w : 0;
    l->window.stride[0] = dim__is_signal(in) ? 1 : factor;
    l->window.stride[1] = factor_w;
    dim__layer_set_size(l, in, dim__map_height(in) * l->window.stride[0], in[2] * factor_w);
    return DIM_OK;
}

static dim__vid emit(const dim__layer_in *e)
{
    const int64_t *factor = e->l->window.stride;
    return dim__emit_upsample(e->scope->g, e->x, factor[0], factor[1]);
}

const dim__layer_def dim__layer_upsample = { .name = "upsample", .shape = shape, .emit = emit };
