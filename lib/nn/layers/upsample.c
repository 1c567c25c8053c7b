/* Nearest-neighbour upsampling, as PyTorch's Upsample(scale_factor). */
#include "nn/layers/layer.h"

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    DIM__TRY(dim__layer_wants_map(s, l, in));
    if (l->o.stride == 0)
        l->o.stride = 2;
    if (l->o.stride > 4096)
        return dim__layer_fail(s, l, DIM_E_INVALID, "stride, the factor, must be at most 4096");
    l->out[1] = in[1] * l->o.stride;
    l->out[2] = in[2] * l->o.stride;
    return DIM_OK;
}

static dim__vid emit(const dim__layer_in *e) { return dim__op_upsample_(e->net->g, e->x, (int)e->l->o.stride); }

const dim__layer_def dim__layer_upsample = { .name = "upsample", .shape = shape, .emit = emit };
