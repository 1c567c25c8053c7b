/* Layers that read a second one. */
#include "nn/layers/layer.h"

static bool same_place(const int64_t a[3], const int64_t b[3]) { return a[1] == b[1] && a[2] == b[2]; }

dim_status dim__layer_same_as_from(const dim__stack *s, const dim__layer *l, const int64_t in[3])
{
    const int64_t *other = dim__stack_shape(s, l->from);
    return same_place(in, other) && in[0] == other[0]
               ? DIM_OK
               : dim__layer_fail(s, l, DIM_E_SHAPE, "the tap named in 'from' has another shape");
}

static dim_status shape_add(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    return dim__layer_same_as_from(s, l, in);
}

/* A vector goes with a map of any size. */
static dim_status shape_concat(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    const int64_t *other = dim__stack_shape(s, l->from);
    if (in[0] > INT64_MAX - other[0])
        return dim__layer_fail(s, l, DIM_E_SHAPE, "its output is too large");
    memcpy(l->out, dim__is_map(in) ? in : other, sizeof l->out);
    l->out[0] = in[0] + other[0];
    return same_place(in, other) || !dim__is_map(in) || !dim__is_map(other)
               ? DIM_OK
               : dim__layer_fail(s, l, DIM_E_SHAPE, "the tap named in 'from' has another height or width");
}

static dim_status shape_from(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    (void)in;
    memcpy(l->out, dim__stack_shape(s, l->from), sizeof l->out);
    return DIM_OK;
}

static dim__vid emit_add(const dim__layer_in *e) { return dim__emit_add(e->scope->g, e->x, e->from); }
static dim__vid emit_from(const dim__layer_in *e) { return e->from; }

/* v (N, C) at every position of a map (N, H, W, ...); what is not both, v itself. */
static dim__vid everywhere(dim__graph *g, dim__vid v, dim__vid map)
{
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    dim__shape s = *dim__shape_of(g, v), to = *dim__shape_of(g, map);
    if (s.rank != 2 || to.rank != 4)
        return v;
    v = dim__emit_broadcast_mid(g, v, to.d[1] * to.d[2]);
    return dim__emit_reshape(g, v, dim__shape4(s.d[0], to.d[1], to.d[2], s.d[1]));
}

static dim__vid emit_concat(const dim__layer_in *e)
{
    dim__graph *g = e->scope->g;
    dim__vid x = everywhere(g, e->x, e->from);
    return dim__emit_concat(g, x, everywhere(g, e->from, e->x));
}

const dim__layer_def dim__layer_add = { .name = "add", .from = true, .shape = shape_add, .emit = emit_add };
const dim__layer_def dim__layer_concat = { .name = "concat", .from = true, .shape = shape_concat, .emit = emit_concat };
const dim__layer_def dim__layer_from = { .name = "from", .from = true, .shape = shape_from, .emit = emit_from };
