#include "objective/estimators/estimators.h"

#include <math.h>

static const dim__estimator_def *const all[] = {
#define X(name) &dim__estimator_##name,
#include "objective/estimators/estimator_list.def"
#undef X
};

const dim__estimator_def *dim__estimator_def_of(dim_estimator_kind kind)
{
    int n = (int)(sizeof all / sizeof *all);
    return (int)kind >= 0 && (int)kind < n && all[kind]->kind == kind ? all[kind] : NULL;
}

dim_status dim__estimator_options(dim_context *ctx, const dim_estimator_options *in, dim_estimator_options *out)
{
    dim_estimator_options o;
    DIM__TRY(dim__options_copy(ctx, "estimator options", &o, sizeof o, in));
    if (dim__estimator_def_of(o.kind) == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "estimator options: kind is %d, which is not a dim_estimator_kind",
                         (int)o.kind);
    if (o.negatives != DIM_NEGATIVES_ALL && o.negatives != DIM_NEGATIVES_SHUFFLE)
        return dim__fail(ctx, DIM_E_INVALID, "estimator options: negatives %d is neither ALL nor SHUFFLE",
                         (int)o.negatives);
    if (!(o.smile_tau >= 0) || !isfinite(o.smile_tau))
        return dim__fail(ctx, DIM_E_INVALID, "estimator options: smile_tau is %g; it must be positive",
                         (double)o.smile_tau);
    if (!(o.mine_rate >= 0 && o.mine_rate <= 1))
        return dim__fail(ctx, DIM_E_INVALID, "estimator options: mine_rate is %g; it must be in (0, 1]",
                         (double)o.mine_rate);
    if (!isfinite(o.scale))
        return dim__fail(ctx, DIM_E_INVALID, "estimator options: scale is not finite");
    if (!(o.penalty >= 0) || !isfinite(o.penalty))
        return dim__fail(ctx, DIM_E_INVALID, "estimator options: penalty is %g; it must not be negative",
                         (double)o.penalty);
    if (!(o.clip >= 0) || !isfinite(o.clip))
        return dim__fail(ctx, DIM_E_INVALID, "estimator options: clip is %g; it must be positive, or 0 for none",
                         (double)o.clip);
    if (o.score_memory > INT64_MAX)
        return dim__fail(ctx, DIM_E_INVALID, "estimator options: score_memory is %llu bytes; at most 2^63 - 1 are possible",
                         (unsigned long long)o.score_memory);
    if (o.reserved0 != 0)
        return dim__fail(ctx, DIM_E_INVALID, "estimator options: reserved0 is %u; it must be 0", (unsigned)o.reserved0);
    if (o.smile_tau == 0)
        o.smile_tau = 5;
    if (o.mine_rate == 0)
        o.mine_rate = 0.01f;
    if (o.scale == 0)
        o.scale = 1;
    *out = o;
    return DIM_OK;
}
