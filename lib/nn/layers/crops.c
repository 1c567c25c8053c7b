/* Crops of a map, and one map of what became of them (DIM, section 4.3; Unfold and Fold of the authors' code).  Between the two
 * a batch has as many samples more as each has crops: dim__layer.crops says so. */
#include "nn/layers/layer.h"

static dim_status shape_crops(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    int64_t whole[3];
    memcpy(whole, in, sizeof whole);
    if (dim__in_crops(l))
        return dim__layer_fail(s, l, DIM_E_INVALID, "its input is crops already; fold them before");
    DIM__TRY(dim__layer_window(s, l, in, true));
    if (l->window.padding[0] != 0 || l->window.padding[1] != 0 || l->window.dilation[0] != 1 || l->window.dilation[1] != 1)
        return dim__layer_fail(s, l, DIM_E_INVALID, "crops have neither padding nor dilation");
    memcpy(l->crops, l->out + 1, sizeof l->crops); /* places of the window */
    dim__layer_set_size(l, whole, l->window.kernel[0], l->window.kernel[1]);
    return DIM_OK;
}

static dim_status shape_fold(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    if (!dim__in_crops(l))
        return dim__layer_fail(s, l, DIM_E_INVALID, "its input is not crops");
    if (dim__map_height(in) != 1 || dim__map_width(in) != 1)
        return dim__layer_fail(s, l, DIM_E_SHAPE, "a crop must have become a vector or one pixel; a layer FLATTEN makes a vector");
    memcpy(l->out + 1, l->crops, sizeof l->crops);
    l->crops[0] = l->crops[1] = 0;
    return DIM_OK;
}

static dim__vid emit_crops(const dim__layer_in *e) { return dim__emit_crops(e->scope->g, e->x, e->l->window); }

/* (N crops, 1, 1, C) or (N crops, C) -> (N, rows of crops, columns, C) */
static dim__vid emit_fold(const dim__layer_in *e)
{
    const int64_t *out = e->l->out;
    dim__graph *g = e->scope->g;
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    int64_t n = dim__shape_of(g, e->x)->d[0] / (dim__map_height(out) * out[2]);
    return dim__emit_reshape(g, e->x, dim__batch_shape(n, out));
}

const dim__layer_def dim__layer_crops = { .name = "crops", .shape = shape_crops, .emit = emit_crops };
const dim__layer_def dim__layer_fold = { .name = "fold", .shape = shape_fold, .emit = emit_fold };
