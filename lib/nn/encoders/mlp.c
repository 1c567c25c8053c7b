/* ReLU layers for vectors. */
#include "nn/encoder.h"

static dim_status build_mlp(dim__stack *s, const dim_encoder_options *o)
{
    const uint32_t usual[DIM_MAX_HIDDEN] = { 1024 };
    const uint32_t *hidden = o->hidden[0] != 0 ? o->hidden : usual;
    for (int i = 0; i < DIM_MAX_HIDDEN && hidden[i] != 0; i++) {
        bool last = i + 1 == DIM_MAX_HIDDEN || hidden[i + 1] == 0;
        DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = hidden[i] }));
        DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = last ? "fc" : NULL }));
    }
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .tap = "global" });
}

const dim__encoder_def dim__encoder_mlp = { DIM_ENCODER_MLP, "mlp", 0, 0, 64, build_mlp };
