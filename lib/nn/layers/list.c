#include "nn/layers/layer.h"

static const dim__layer_def *const defs[] = {
#define X(KIND, name) [DIM_LAYER_##KIND] = &dim__layer_##name,
#include "nn/layers/layer_list.def"
#undef X
};

const dim__layer_def *dim__layer_def_of(dim_layer_kind kind)
{
    bool known = (int)kind >= 0 && (size_t)kind < sizeof defs / sizeof *defs;
    return known ? defs[kind] : NULL;
}

const char *dim__layer_name(int kind)
{
    const dim__layer_def *def = dim__layer_def_of((dim_layer_kind)kind);
    return def != NULL ? def->name : NULL;
}
