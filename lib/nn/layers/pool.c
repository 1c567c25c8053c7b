/* Pooling by windows, and over all positions. */
#include "nn/layers/layer.h"

static dim_status shape_pool(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    DIM__TRY(dim__layer_window(s, l, in, true));
    if (l->window.dilation[0] != 1 || l->window.dilation[1] != 1)
        return dim__layer_fail(s, l, DIM_E_INVALID, "pooling has no dilation");
    return DIM_OK;
}

static dim_status shape_max(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    const dim__window *w = &l->window;
    DIM__TRY(shape_pool(s, l, in));
    if (2 * w->padding[0] > w->kernel[0] || 2 * w->padding[1] > w->kernel[1])
        return dim__layer_fail(s, l, DIM_E_INVALID, "padding is more than half the pooling window");
    return DIM_OK;
}

static dim_status shape_avg(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    DIM__TRY(shape_pool(s, l, in));
    if (l->window.padding[0] != 0 || l->window.padding[1] != 0)
        return dim__layer_fail(s, l, DIM_E_INVALID, "average pooling has no padding");
    return DIM_OK;
}

static dim_status shape_global(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    l->out[1] = l->out[2] = 0;
    return dim__layer_wants_map(s, l, in);
}

static dim__vid emit_max(const dim__layer_in *e) { return dim__emit_max_pool(e->scope->g, e->x, e->l->window); }
static dim__vid emit_avg(const dim__layer_in *e) { return dim__emit_avg_pool(e->scope->g, e->x, e->l->window); }
static dim__vid emit_global_max(const dim__layer_in *e) { return dim__emit_max_mid(e->scope->g, e->x); }

static dim__vid emit_global_avg(const dim__layer_in *e)
{
    return dim__emit_sum_mid(e->scope->g, e->x, 1 / ((double)dim__map_height(e->shape) * (double)e->shape[2]));
}

const dim__layer_def dim__layer_max_pool = { .name = "max_pool", .shape = shape_max, .emit = emit_max };
const dim__layer_def dim__layer_avg_pool = { .name = "avg_pool", .shape = shape_avg, .emit = emit_avg };
const dim__layer_def dim__layer_global_max = { .name = "global_max", .shape = shape_global, .emit = emit_global_max };
const dim__layer_def dim__layer_global_avg = { .name = "global_avg", .shape = shape_global, .emit = emit_global_avg };
