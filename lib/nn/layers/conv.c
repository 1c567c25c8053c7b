/* Convolutions: over all channels, or of each channel by itself. */
#include "nn/layers/layer.h"

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    l->out[0] = l->o.out;
    DIM__TRY(dim__layer_window(s, l, in, false));
    if (l->o.init == DIM_LAYER_INIT_IDENTITY && l->window.kernel[0] * l->window.kernel[1] != 1)
        return dim__layer_fail(s, l, DIM_E_INVALID, "only a 1 x 1 convolution can start as the identity");
    return DIM_OK;
}

static dim_status shape_depthwise(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    if (l->o.out != 0 && l->o.out != in[0])
        return dim__layer_fail(s, l, DIM_E_INVALID, "as many channels come out as come in; out may be 0");
    l->o.out = 0; /* said or not */
    if (l->o.init == DIM_LAYER_INIT_IDENTITY)
        return dim__layer_fail(s, l, DIM_E_INVALID, "it cannot start as the identity");
    return dim__layer_window(s, l, in, false);
}

static dim__vid emit(const dim__layer_in *e)
{
    dim__window window;
    dim__scope mine = *e->scope;
    mine.layer_init = e->l->o.init;
    dim__vid x = dim__layer_emit_border(e, &window);
    dim__filters kernel = { e->l->out[0], dim__is_signal(e->shape), !e->l->o.no_bias };
    return e->l->def == &dim__layer_depthwise ? dim__nn_depthwise(&mine, e->l->name, x, &window, &kernel)
                                              : dim__nn_conv(&mine, e->l->name, x, &window, &kernel);
}

const dim__layer_def dim__layer_conv = { .name = "conv", .sized = true, .shape = shape, .emit = emit };
const dim__layer_def dim__layer_depthwise = { .name = "depthwise", .shape = shape_depthwise, .emit = emit };
