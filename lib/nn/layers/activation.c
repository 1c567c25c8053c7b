/* Layers that work by element. */
#include "nn/layers/layer.h"

#include <math.h>

static dim__vid emit_relu(const dim__layer_in *e) { return dim__emit_relu(e->scope->g, e->x); }
static dim__vid emit_sigmoid(const dim__layer_in *e) { return dim__emit_sigmoid(e->scope->g, e->x); }
static dim__vid emit_tanh(const dim__layer_in *e) { return dim__emit_tanh(e->scope->g, e->x); }
static dim__vid emit_softplus(const dim__layer_in *e) { return dim__emit_softplus(e->scope->g, e->x); }
static dim__vid emit_leaky_relu(const dim__layer_in *e) { return dim__emit_leaky_relu(e->scope->g, e->x, e->l->o.slope); }

static dim_status shape_leaky_relu(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    (void)in;
    if (l->o.slope == 0)
        l->o.slope = 0.2f;
    return l->o.slope > 0 && isfinite(l->o.slope)
               ? DIM_OK
               : dim__layer_fail(s, l, DIM_E_INVALID, "slope is %g; it must be above 0", (double)l->o.slope);
}

const dim__layer_def dim__layer_relu = { .name = "relu", .emit = emit_relu };
const dim__layer_def dim__layer_sigmoid = { .name = "sigmoid", .emit = emit_sigmoid };
const dim__layer_def dim__layer_tanh = { .name = "tanh", .emit = emit_tanh };
const dim__layer_def dim__layer_softplus = { .name = "softplus", .emit = emit_softplus };
const dim__layer_def dim__layer_leaky_relu = { .name = "leaky_relu", .shape = shape_leaky_relu, .emit = emit_leaky_relu };
