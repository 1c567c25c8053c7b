/* Windows of layers: options that are given once for both axes or for each, as numbers for each axis. */
#include "nn/layers/layer.h"

enum { MOST = 4096 };

dim_status dim__layer_wants_map(const dim__stack *s, const dim__layer *l, const int64_t in[3])
{
    return dim__is_map(in) ? DIM_OK : dim__layer_fail(s, l, DIM_E_SHAPE, "it needs a map, not a vector");
}

static uint32_t or_else(uint32_t given, uint32_t otherwise) { return given != 0 ? given : otherwise; }

static dim__window window_of(const dim_layer_options *o, bool stride_is_kernel)
{
    uint32_t kernel_w = or_else(o->kernel_w, o->kernel), dilation = or_else(o->dilation, 1);
    uint32_t stride_h = or_else(o->stride, stride_is_kernel ? o->kernel : 1);
    uint32_t stride_w = or_else(o->stride_w, or_else(o->stride, stride_is_kernel ? kernel_w : 1));
    return (dim__window){
        .kernel = { o->kernel, kernel_w }, .stride = { stride_h, stride_w },
        .padding = { (int64_t)o->padding + o->padding_h, (int64_t)o->padding + o->padding_w },
        .dilation = { dilation, or_else(o->dilation_w, dilation) },
    };
}

void dim__layer_split(int64_t h, int64_t w, uint32_t *both, uint32_t *more_h, uint32_t *more_w)
{
    int64_t least = h < w ? h : w;
    *both = (uint32_t)least;
    *more_h = (uint32_t)(h - least);
    *more_w = (uint32_t)(w - least);
}

dim_status dim__layer_check_one_axis(const dim__stack *s, const dim__layer *l)
{
    const dim_layer_options *o = &l->o;
    const struct {
        const char *name;
        uint32_t both, width;
    } pairs[] = { { "kernel", o->kernel, o->kernel_w }, { "stride", o->stride, o->stride_w },
                  { "dilation", o->dilation, o->dilation_w } };
    if (o->padding_h != 0)
        return dim__layer_fail(s, l, DIM_E_INVALID, "padding_h is of a map; a signal has one axis");
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (pairs[i].both == 0 || pairs[i].width == 0 || pairs[i].both == pairs[i].width)
            continue;
        return dim__layer_fail(s, l, DIM_E_INVALID, "a signal has one axis, but %s is %u and %s_w is %u", pairs[i].name, pairs[i].both,
                               pairs[i].name, pairs[i].width);
    }
    return DIM_OK;
}

/* Options of the same meaning become the same: they are what files of weights and checkpoints keep. */
static void write_back(const dim__window *w, dim_layer_options *o)
{
    o->kernel = (uint32_t)w->kernel[0];
    o->kernel_w = (uint32_t)w->kernel[1];
    o->stride = (uint32_t)w->stride[0];
    o->stride_w = w->stride[1] != w->stride[0] ? (uint32_t)w->stride[1] : 0;
    dim__layer_split(w->padding[0], w->padding[1], &o->padding, &o->padding_h, &o->padding_w);
    o->dilation = w->dilation[0] != 1 ? (uint32_t)w->dilation[0] : 0;
    o->dilation_w = w->dilation[1] != w->dilation[0] ? (uint32_t)w->dilation[1] : 0;
}

static dim_status check_sizes(const dim__stack *s, const dim__layer *l, const dim__window *w)
{
    const dim_layer_options *o = &l->o;
    const struct {
        const char *name;
        int64_t size;
    } all[] = { { "kernel", o->kernel }, { "kernel_w", o->kernel_w }, { "stride", o->stride }, { "stride_w", o->stride_w },
                { "dilation", o->dilation }, { "dilation_w", o->dilation_w }, { "padding of the height", w->padding[0] },
                { "padding of the width", w->padding[1] } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].size > MOST || (i == 0 && all[i].size == 0))
            return dim__layer_fail(s, l, DIM_E_INVALID, "%s is %lld; it must be %s", all[i].name, (long long)all[i].size,
                                   i == 0 ? "1 to 4096" : "at most 4096");
    return DIM_OK;
}

dim_status dim__layer_check_window(const dim__stack *s, dim__layer *l, const int64_t in[3], bool stride_is_kernel)
{
    dim_layer_options *o = &l->o;
    l->window = window_of(o, stride_is_kernel);
    DIM__TRY(check_sizes(s, l, &l->window));
    if (!dim__is_signal(in)) {
        write_back(&l->window, o);
        return DIM_OK;
    }
    DIM__TRY(dim__layer_check_one_axis(s, l));
    dim__window along = l->window; /* the options say what it is along the signal */
    along.kernel[0] = along.kernel[1];
    along.stride[0] = along.stride[1];
    along.padding[0] = along.padding[1];
    along.dilation[0] = along.dilation[1];
    write_back(&along, o);
    l->window.kernel[0] = l->window.stride[0] = l->window.dilation[0] = 1;
    l->window.padding[0] = 0;
    return DIM_OK;
}

/* Size of a window's output along one axis; 0 when the window does not fit. */
static int64_t places(const dim__window *w, int axis, int64_t size)
{
    int64_t room = size + 2 * w->padding[axis] - ((w->kernel[axis] - 1) * w->dilation[axis] + 1);
    return room < 0 ? 0 : room / w->stride[axis] + 1;
}

void dim__layer_set_size(dim__layer *l, const int64_t in[3], int64_t height, int64_t width)
{
    l->out[1] = dim__is_signal(in) ? 0 : height;
    l->out[2] = width;
}

dim_status dim__layer_window(const dim__stack *s, dim__layer *l, const int64_t in[3], bool stride_is_kernel)
{
    DIM__TRY(dim__layer_wants_map(s, l, in));
    DIM__TRY(dim__layer_check_window(s, l, in, stride_is_kernel));
    const dim__window *w = &l->window;
    int64_t height = dim__map_height(in), width = in[2];
    if (l->o.padding_mode == DIM_PADDING_REFLECT && (w->padding[0] >= height || w->padding[1] >= width))
        return dim__layer_fail(s, l, DIM_E_SHAPE, "reflect padding is %lld x %lld; it must be less than the map's size",
                               (long long)w->padding[0], (long long)w->padding[1]);
    int64_t out_h = places(w, 0, height), out_w = places(w, 1, width);
    if (out_h == 0 || out_w == 0)
        return dim__layer_fail(s, l, DIM_E_SHAPE, "the kernel is larger than the padded map");
    dim__layer_set_size(l, in, out_h, out_w);
    return DIM_OK;
}

dim__vid dim__layer_emit_border(const dim__layer_in *e, dim__window *window)
{
    *window = e->l->window;
    if (e->l->o.padding_mode != DIM_PADDING_REFLECT || (window->padding[0] == 0 && window->padding[1] == 0))
        return e->x;
    dim__vid x = dim__emit_pad2d(e->scope->g, e->x, window->padding[0], window->padding[1], true);
    window->padding[0] = window->padding[1] = 0;
    return x;
}
