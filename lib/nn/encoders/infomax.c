/* The encoder of Infomax with a Gaussian code (kexue.fm/archives/6024): stages of conv 3x3, batch norm, LeakyReLU 0.2 and
 * 2x2 max pooling whose widths double up to the code's, two convolutions, a global maximum, mean and log-variance. */
#include "nn/encoder.h"

static dim_status conv(dim__stack *s, uint32_t width)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = width, .kernel = 3, .padding = 1 }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LEAKY_RELU, .slope = 0.2f });
}

static dim_status build(dim__stack *s, const dim_encoder_options *o, int stages)
{
    if (o->units >> (stages - 1) == 0 || o->units % (1u << (stages - 1)) != 0)
        return dim__fail(s->ctx, DIM_E_INVALID, "units is %u, but this encoder needs a multiple of %d", o->units,
                         1 << (stages - 1));
    for (int i = stages - 1; i >= 0; i--) {
        DIM__TRY(conv(s, o->units >> i));
        DIM__TRY(
            dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_MAX_POOL, .kernel = 2, .tap = i == 0 ? "map" : NULL }));
    }
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "map", .tap = "local" }));
    DIM__TRY(conv(s, o->units));
    DIM__TRY(conv(s, o->units));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_GLOBAL_MAX, .tap = "top" }));
    DIM__TRY(dim__add(
        s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .name = "logvar", .tap = "logvar" }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "top" }));
    DIM__TRY(
        dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .name = "mean", .tap = "mean" }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_GAUSSIAN, .from = "logvar", .tap = "global" });
}

static dim_status build_infomax32(dim__stack *s, const dim_encoder_options *o) { return build(s, o, 3); }
static dim_status build_infomax64(dim__stack *s, const dim_encoder_options *o) { return build(s, o, 4); }

const dim__encoder_def dim__encoder_infomax32 = { DIM_ENCODER_INFOMAX32, "infomax32", 3, 32, 256, build_infomax32 };
const dim__encoder_def dim__encoder_infomax64 = { DIM_ENCODER_INFOMAX64, "infomax64", 3, 64, 256, build_infomax64 };
