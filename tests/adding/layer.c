/* x times slope, 2 if that is 0. */
#include "nn/layers/layer.h"

static dim_status shape(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    (void)s, (void)in;
    if (l->o.slope == 0)
        l->o.slope = 2;
    return DIM_OK;
}

static dim__vid emit(const dim__layer_in *e) { return dim__emit_affine(e->scope->g, e->x, e->l->o.slope, 0); }

const dim__layer_def dim__layer_added = { .name = "added", .shape = shape, .emit = emit };
