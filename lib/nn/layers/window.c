#include "nn/layers/layer.h"

/* Size of a window's output along one side; 0 when the window does not fit. */
static int64_t window(int64_t size, int64_t kernel, int64_t stride, int64_t padding)
{
    int64_t room = size + 2 * padding - kernel;
    return room < 0 ? 0 : room / stride + 1;
}

dim_status dim__layer_wants_map(const dim__stack *s, const dim__layer *l, const int64_t in[3])
{
    return dim__is_map(in) ? DIM_OK : dim__layer_fail(s, l, DIM_E_SHAPE, "it needs a map, not a vector");
}

dim_status dim__layer_check_window(const dim__stack *s, dim__layer *l, uint32_t default_stride)
{
    dim_layer_options *o = &l->o;
    if (o->kernel == 0 || o->kernel > 4096 || o->kernel_w > 4096 || o->stride > 4096 || o->padding > 4096)
        return dim__layer_fail(s, l, DIM_E_INVALID, "kernel must be 1 to 4096, stride and padding at most 4096");
    if (o->kernel_w == 0)
        o->kernel_w = o->kernel;
    if (o->stride == 0)
        o->stride = default_stride;
    return DIM_OK;
}

dim_status dim__layer_window(const dim__stack *s, dim__layer *l, const int64_t in[3], uint32_t default_stride)
{
    const dim_layer_options *o = &l->o;
    DIM__TRY(dim__layer_wants_map(s, l, in));
    DIM__TRY(dim__layer_check_window(s, l, default_stride));
    if (o->padding_mode == DIM_PADDING_REFLECT && (o->padding >= in[1] || o->padding >= in[2]))
        return dim__layer_fail(s, l, DIM_E_SHAPE, "reflect padding must be less than the map's size");
    l->out[1] = window(in[1], o->kernel, o->stride, o->padding);
    l->out[2] = window(in[2], o->kernel_w, o->stride, o->padding);
    if (l->out[1] == 0 || l->out[2] == 0)
        return dim__layer_fail(s, l, DIM_E_SHAPE, "the kernel is larger than the padded map");
    return DIM_OK;
}
