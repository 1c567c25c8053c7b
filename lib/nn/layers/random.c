/* Layers that draw numbers in training. */
#include "nn/layers/layer.h"

static dim_status shape_dropout(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    (void)in;
    return l->o.rate >= 0 && l->o.rate < 1
               ? DIM_OK
               : dim__layer_fail(s, l, DIM_E_INVALID, "rate is %g; it must be in [0, 1)", (double)l->o.rate);
}

static dim__vid emit_dropout(const dim__layer_in *e)
{
    return e->scope->training && e->l->o.rate > 0 ? dim__emit_dropout(e->scope->g, e->x, e->l->o.rate) : e->x;
}

static dim_status shape_occlude(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    DIM__TRY(dim__layer_wants_map(s, l, in));
    DIM__TRY(dim__layer_check_window(s, l, in, false));
    return l->window.kernel[0] <= dim__map_height(in) && l->window.kernel[1] <= in[2]
               ? DIM_OK
               : dim__layer_fail(s, l, DIM_E_SHAPE, "kernel, the block that is hidden, is larger than the map");
}

static dim__vid emit_occlude(const dim__layer_in *e)
{
    const int64_t *block = e->l->window.kernel;
    return e->scope->training ? dim__emit_occlude(e->scope->g, e->x, block[0], block[1]) : e->x;
}

static dim_status shape_gaussian(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    if (dim__is_map(in))
        return dim__layer_fail(s, l, DIM_E_SHAPE, "a Gaussian code is a vector");
    return dim__layer_same_as_from(s, l, in);
}

/* x is the mean, `from` the logarithm of the variance. */
static dim__vid emit_gaussian(const dim__layer_in *e)
{
    dim__graph *g = e->scope->g;
    if (!e->scope->training || dim__graph_status(g) != DIM_OK)
        return e->x;
    dim__vid noise = dim__emit_noise_normal(g, *dim__shape_of(g, e->x));
    dim__vid std = dim__emit_exp(g, dim__emit_affine(g, e->from, 0.5, 0));
    return dim__emit_add(g, e->x, dim__emit_mul(g, std, noise));
}

const dim__layer_def dim__layer_dropout = { .name = "dropout", .shape = shape_dropout, .emit = emit_dropout };
const dim__layer_def dim__layer_occlude = { .name = "occlude", .shape = shape_occlude, .emit = emit_occlude };
const dim__layer_def dim__layer_gaussian = {
    .name = "gaussian", .from = true, .shape = shape_gaussian, .emit = emit_gaussian
};
