/* Vectors, through the added layer and a tanh. */
#include "nn/encoder.h"

static dim_status build(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_ADDED, .tap = "added" }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_TANH, .tap = "squashed" }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .tap = "global" });
}

const dim__encoder_def dim__encoder_added = { DIM_ENCODER_ADDED, "added", 0, 0, 4, build };
