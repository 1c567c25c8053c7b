/* The DCGAN-like encoders of the DIM paper (arXiv 1808.06670, appendix): strided convolutions, 1024 units, linear code. */
#include "nn/encoder.h"

static dim_status build_conv32(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(dim__add_conv_bn_relu(s, 64, 4, 2, 1, NULL));
    DIM__TRY(dim__add_conv_bn_relu(s, 128, 4, 2, 1, "local"));
    DIM__TRY(dim__add_conv_bn_relu(s, 256, 4, 2, 1, "conv"));
    DIM__TRY(dim__add_linear_bn_relu(s, 1024, "fc"));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .tap = "global" });
}

static dim_status build_conv28(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(dim__add_conv_bn_relu(s, 64, 5, 2, 2, NULL));
    DIM__TRY(dim__add_conv_bn_relu(s, 128, 5, 2, 2, "local"));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "local", .tap = "conv" }));
    DIM__TRY(dim__add_linear_bn_relu(s, 1024, "fc"));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .tap = "global" });
}

static dim_status build_conv64(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(dim__add_conv_bn_relu(s, 64, 4, 2, 1, NULL));
    DIM__TRY(dim__add_conv_bn_relu(s, 128, 4, 2, 1, NULL));
    DIM__TRY(dim__add_conv_bn_relu(s, 256, 4, 2, 1, "local"));
    DIM__TRY(dim__add_conv_bn_relu(s, 512, 4, 2, 1, "conv"));
    DIM__TRY(dim__add_linear_bn_relu(s, 1024, "fc"));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .tap = "global" });
}

const dim__encoder_def dim__encoder_conv32 = { DIM_ENCODER_CONV32, "conv32", 3, 32, 64, build_conv32 };
const dim__encoder_def dim__encoder_conv28 = { DIM_ENCODER_CONV28, "conv28", 1, 28, 64, build_conv28 };
const dim__encoder_def dim__encoder_conv64 = { DIM_ENCODER_CONV64, "conv64", 3, 64, 64, build_conv64 };
