#include "nn/layers/layer.h"

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    if (l->o.init == DIM_LAYER_INIT_IDENTITY && (l->o.kernel != 1 || l->o.kernel_w > 1))
        return dim__layer_fail(s, l, DIM_E_INVALID, "only a 1 x 1 convolution can start as the identity");
    l->out[0] = l->o.out;
    return dim__layer_window(s, l, in, 1);
}

static dim__vid emit(const dim__layer_in *e)
{
    const dim_layer_options *o = &e->l->o;
    dim__net mine = *e->net;
    dim__vid x = e->x;
    mine.layer_init = o->init;
    bool reflect = o->padding_mode == DIM_PADDING_REFLECT && o->padding > 0;
    if (reflect)
        x = dim__op_pad2d_(mine.g, x, (int)o->padding, true);
    return dim__nn_conv(&mine, e->l->name, x, o->out, o->kernel, o->kernel_w, (int)o->stride,
                        reflect ? 0 : (int)o->padding, !o->no_bias);
}

const dim__layer_def dim__layer_conv = { .name = "conv", .sized = true, .shape = shape, .emit = emit };
