/* Transposed convolution, as PyTorch's ConvTranspose2d: the gradient of a convolution from `out` channels to those that
 * come in, with its weights. */
#include "nn/layers/layer.h"

/* One side of the output. */
static int64_t side(int64_t in, const dim__window *w, int axis, int64_t more)
{
    return (in - 1) * w->stride[axis] - 2 * w->padding[axis] + (w->kernel[axis] - 1) * w->dilation[axis] + 1 + more;
}

/* Rows and columns more. */
static dim_status output_padding(const dim__stack *s, dim__layer *l, bool signal, int64_t more[2])
{
    dim_layer_options *o = &l->o;
    more[1] = (int64_t)o->output_padding + o->output_padding_w;
    more[0] = signal ? 0 : (int64_t)o->output_padding + o->output_padding_h;
    if (signal && o->output_padding_h != 0)
        return dim__layer_fail(s, l, DIM_E_INVALID, "output_padding_h is of a map; a signal has one axis");
    if (more[0] >= l->window.stride[0] || more[1] >= l->window.stride[1])
        return dim__layer_fail(s, l, DIM_E_INVALID, "output_padding is %lld x %lld; it must be less than stride, %lld x %lld",
                               (long long)more[0], (long long)more[1], (long long)l->window.stride[0], (long long)l->window.stride[1]);
    dim__layer_split(signal ? more[1] : more[0], more[1], &o->output_padding, &o->output_padding_h, &o->output_padding_w);
    return DIM_OK;
}

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    const dim_layer_options *o = &l->o;
    int64_t more[2];
    DIM__TRY(dim__layer_wants_map(s, l, in));
    DIM__TRY(dim__layer_check_window(s, l, in, false));
    if (o->padding_mode != DIM_PADDING_ZERO)
        return dim__layer_fail(s, l, DIM_E_INVALID, "its padding is of zeros");
    if (o->init == DIM_LAYER_INIT_IDENTITY)
        return dim__layer_fail(s, l, DIM_E_INVALID, "it cannot start as the identity");
    DIM__TRY(output_padding(s, l, dim__is_signal(in), more));
    int64_t height = side(dim__map_height(in), &l->window, 0, more[0]), width = side(in[2], &l->window, 1, more[1]);
    if (height < 1 || width < 1)
        return dim__layer_fail(s, l, DIM_E_SHAPE, "padding leaves nothing of the output");
    l->out[0] = o->out;
    dim__layer_set_size(l, in, height, width);
    return DIM_OK;
}

static dim__vid emit(const dim__layer_in *e)
{
    const int64_t *out = e->l->out;
    dim__scope mine = *e->scope;
    mine.layer_init = e->l->o.init;
    dim__filters kernel = { out[0], dim__is_signal(out), !e->l->o.no_bias };
    return dim__nn_conv_transpose(&mine, e->l->name, e->x, &e->l->window, dim__map_height(out), out[2], &kernel);
}

const dim__layer_def dim__layer_conv_transpose = { .name = "conv_transpose", .sized = true, .shape = shape, .emit = emit };
