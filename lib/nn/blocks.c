/* Layers that often come together. */
#include "nn/encoder.h"

#include <stdio.h>

dim_status dim__add(dim__stack *s, dim_layer_options layer)
{
    layer.size = sizeof layer;
    return dim__stack_add(s, &layer);
}

static dim_status add_bn_relu(dim__stack *s, const char *tap)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = tap });
}

dim_status dim__add_conv_bn_relu(dim__stack *s, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t padding,
                                 const char *tap)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = out, .kernel = kernel, .stride = stride,
                                              .padding = padding, .no_bias = 1 }));
    return add_bn_relu(s, tap);
}

dim_status dim__add_linear_bn_relu(dim__stack *s, uint32_t out, const char *tap)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = out, .no_bias = 1 }));
    return add_bn_relu(s, tap);
}

const char *dim__tap_here(dim__stack *s)
{
    dim__layer *l = &s->layers[s->count - 1];
    if (l->tap[0] == '\0')
        snprintf(l->tap, sizeof l->tap, "_%lld", (long long)s->count);
    return l->tap;
}
