/* What losses that compare values unit by unit share. */
#include "objective/losses/losses.h"

dim_status dim__loss_same_shape(dim_context *ctx, const dim__loss *loss, const dim__side *side, int n)
{
    for (int k = 1; k < n; k++) {
        const int64_t *a = side[0].shape, *b = side[k].shape;
        if (!dim__same_sample(a, b))
            return dim__fail(ctx, DIM_E_SHAPE, "loss '%s': a has shape (%lld, %lld, %lld), but %c has (%lld, %lld, %lld)",
                             loss->name, (long long)a[0], (long long)a[1], (long long)a[2], 'a' + k, (long long)b[0],
                             (long long)b[1], (long long)b[2]);
    }
    return DIM_OK;
}

dim__vid dim__loss_mean(dim__graph *g, const dim__loss *loss, dim__vid x, double scale)
{
    const dim__shape *s = dim__shape_of(g, x);
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    return dim__emit_sum_all(g, x, scale / (double)(loss->o.sum_units ? s->d[0] : dim__shape_count(s)));
}
