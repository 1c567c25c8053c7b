/* The folded AlexNet-like encoders of the DIM paper's comparison with CPC, for 64 x 64 images: 7 x 7 crops of 16 x 16 go through
 * alex64's convolutions, each by itself, and become the 7 x 7 pixels of one map. */
#include "nn/encoder.h"

/* In the authors' file what foldalex64 has begins as N(0, 0.02), with biases, though a batch norm takes them out again. */
static dim_status conv(dim__stack *s, uint32_t out, bool normal)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = out, .kernel = 3, .padding = 1, .no_bias = !normal,
                                              .init = normal ? DIM_LAYER_INIT_NORMAL : DIM_LAYER_INIT_DEFAULT }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU });
}

static dim_status pool(dim__stack *s)
{
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_MAX_POOL, .kernel = 3, .stride = 2 });
}

/* [local], which is also [conv] */
static dim_status folded(dim__stack *s, bool normal)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_CROPS, .kernel = 16, .stride = 8 }));
    DIM__TRY(conv(s, 96, normal));
    DIM__TRY(pool(s));
    DIM__TRY(conv(s, 192, normal));
    DIM__TRY(pool(s));
    DIM__TRY(conv(s, 384, normal));
    DIM__TRY(conv(s, 384, normal));
    DIM__TRY(conv(s, 192, normal));
    DIM__TRY(pool(s));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FOLD, .tap = "local" }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "local", .tap = "conv" });
}

static dim_status dropout_bn_relu(dim__stack *s, const char *tap)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_DROPOUT, .rate = 0.1f }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = tap });
}

/* The authors drop whole channels of the map, here it is single numbers. */
static dim_status build_foldalex64(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(folded(s, true));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = 384, .kernel = 3, .stride = 2, .no_bias = 1 }));
    DIM__TRY(dropout_bn_relu(s, NULL));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 4096, .init = DIM_LAYER_INIT_NORMAL }));
    DIM__TRY(dropout_bn_relu(s, "fc"));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .tap = "global" });
}

static dim_status build_foldmultialex64(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(folded(s, false));
    DIM__TRY(dim__add_conv_bn_relu(s, 192, 3, 1, 0, NULL));
    return dim__add_conv_bn_relu(s, o->units, 1, 1, 0, "global");
}

const dim__encoder_def dim__encoder_foldalex64 = { DIM_ENCODER_FOLDALEX64, "foldalex64", 3, 64, 64, build_foldalex64 };
const dim__encoder_def dim__encoder_foldmultialex64 = { DIM_ENCODER_FOLDMULTIALEX64, "foldmultialex64", 3, 64, 192,
                                                        build_foldmultialex64 };
