/* Transposed convolution, as PyTorch's ConvTranspose2d: the gradient of a convolution from `out` channels to those that
 * come in, with its weights. */
#include "nn/layers/layer.h"

/* One side of the output. */
static int64_t side(int64_t in, int64_t kernel, const dim_layer_options *o)
{
    return (in - 1) * o->stride - 2 * (int64_t)o->padding + kernel + o->output_padding;
}

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    dim_layer_options *o = &l->o;
    DIM__TRY(dim__layer_wants_map(s, l, in));
    DIM__TRY(dim__layer_check_window(s, l, 1));
    if (o->padding_mode != DIM_PADDING_ZERO)
        return dim__layer_fail(s, l, DIM_E_INVALID, "its padding is of zeros");
    if (o->init == DIM_LAYER_INIT_IDENTITY)
        return dim__layer_fail(s, l, DIM_E_INVALID, "it cannot start as the identity");
    if (o->output_padding >= o->stride)
        return dim__layer_fail(s, l, DIM_E_INVALID, "output_padding must be less than stride");
    l->out[0] = o->out;
    l->out[1] = side(in[1], o->kernel, o);
    l->out[2] = side(in[2], o->kernel_w, o);
    if (l->out[1] < 1 || l->out[2] < 1)
        return dim__layer_fail(s, l, DIM_E_SHAPE, "padding leaves nothing of the output");
    return DIM_OK;
}

static dim__vid emit(const dim__layer_in *e)
{
    const dim_layer_options *o = &e->l->o;
    dim__net mine = *e->net;
    mine.layer_init = o->init;
    return dim__nn_conv_transpose(&mine, e->l->name, e->x, o->kernel, o->kernel_w, (int)o->stride, (int)o->padding,
                                  e->l->out, !o->no_bias);
}

const dim__layer_def dim__layer_conv_transpose = { .name = "conv_transpose", .sized = true, .shape = shape, .emit = emit };
