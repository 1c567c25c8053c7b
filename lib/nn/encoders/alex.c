/* The AlexNet-like encoder of the DIM paper for 64 x 64 images: 3x3 convolutions, 3/2 max pooling, two 4096-unit layers. */
#include "nn/encoder.h"

static dim_status pool(dim__stack *s, const char *tap)
{
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_MAX_POOL, .kernel = 3, .stride = 2, .tap = tap });
}

static dim_status build_alex64(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(dim__add_conv_bn_relu(s, 96, 3, 1, 1, NULL));
    DIM__TRY(pool(s, NULL));
    DIM__TRY(dim__add_conv_bn_relu(s, 192, 3, 1, 1, NULL));
    DIM__TRY(pool(s, NULL));
    DIM__TRY(dim__add_conv_bn_relu(s, 384, 3, 1, 1, "local"));
    DIM__TRY(dim__add_conv_bn_relu(s, 384, 3, 1, 1, NULL));
    DIM__TRY(dim__add_conv_bn_relu(s, 192, 3, 1, 1, NULL));
    DIM__TRY(pool(s, "conv"));
    DIM__TRY(dim__add_linear_bn_relu(s, 4096, NULL));
    DIM__TRY(dim__add_linear_bn_relu(s, 4096, "fc"));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .tap = "global" });
}

const dim__encoder_def dim__encoder_alex64 = { DIM_ENCODER_ALEX64, "alex64", 3, 64, 64, build_alex64 };
