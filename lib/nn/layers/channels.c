/* Layers that leave channels out or append some. */
#include "nn/layers/layer.h"

static dim_status shape_slice(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    l->out[0] = l->o.out;
    return (int64_t)l->o.start + l->o.out <= in[0]
               ? DIM_OK
               : dim__layer_fail(s, l, DIM_E_SHAPE, "start + out is beyond the channels");
}

static dim_status shape_pad(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    l->out[0] = l->o.out;
    return (int64_t)l->o.out >= in[0]
               ? DIM_OK
               : dim__layer_fail(s, l, DIM_E_SHAPE, "out is less than the channels that come in");
}

static dim__vid emit_slice(const dim__layer_in *e) { return dim__emit_slice(e->scope->g, e->x, e->l->o.start, e->l->o.out); }
static dim__vid emit_pad(const dim__layer_in *e) { return dim__emit_pad_last(e->scope->g, e->x, e->l->o.out); }

const dim__layer_def dim__layer_slice = { .name = "slice", .sized = true, .shape = shape_slice, .emit = emit_slice };
const dim__layer_def dim__layer_pad_channels = { .name = "pad", .sized = true, .shape = shape_pad, .emit = emit_pad };
