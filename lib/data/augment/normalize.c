/* Mean and standard deviation: not a step on the way, but how bytes become floats at its end. */
#include "data/augment/op.h"

#include <math.h>

static bool one_for_all(const dim_augment_op_options *o)
{
    return o->std[1] == 0 && o->std[2] == 0;
}

static dim_status check(dim_context *ctx, const dim_augment_op_options *o)
{
    for (int c = 0; c < (one_for_all(o) ? 1 : 3); c++) {
        if (!isfinite(o->mean[c]))
            return dim__fail(ctx, DIM_E_INVALID, "normalize: mean[%d] is %g; it must be finite", c, (double)o->mean[c]);
        if (!dim__augment_in(o->std[c], 1e-6f, 1e6f))
            return dim__fail(ctx, DIM_E_INVALID, "normalize: std[%d] is %g; it must be above 0 (1e-6 to 1e6) for the "
                             "first channel or for all three", c, (double)o->std[c]);
    }
    return DIM_OK;
}

static void set(dim__augment_list *list, const dim_augment_op_options *o)
{
    for (int c = 0; c < 3; c++) {
        list->mean[c] = o->mean[one_for_all(o) ? 0 : c];
        list->std[c] = o->std[one_for_all(o) ? 0 : c];
    }
    list->normalize = true;
}

const dim__augment_def dim__augment_op_normalize = {
    .name = "normalize", .p = 1, .sharing = DIM_AUGMENT_SHARING_VIEW, .check = check, .set = set,
};
