#include "objective/estimators/estimators.h"

#include "base/enums.h"

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

const char *dim__estimator_name(int kind)
{
    const dim__estimator_def *def = dim__estimator_def_of((dim_estimator_kind)kind);
    return def != NULL ? def->name : NULL;
}

static const dim__range kinds = { .type = "dim_estimator_kind", .name = dim__estimator_name };

#define F(member, kind, range, usual) DIM__FIELD(dim_estimator_options, member, kind, range, usual)
static const dim__field fields[] = {
    DIM__QUIET(dim_estimator_options, kind, U32, &kinds, 0),
    F(negatives, U32, &dim__negatives_range, 0),
    F(smile_tau, F32, &dim__not_negative, 5),
    F(mine_rate, F32, &dim__share, 0.01),
    F(scale, F32, &dim__finite, 1),
    F(penalty, F32, &dim__not_negative, 0),
    F(clip, F32, &dim__not_negative, 0),
    F(score_memory, U64, NULL, 0),
    DIM__QUIET(dim_estimator_options, reserved0, U32, &dim__reserved, 0),
};
#undef F
const dim__table dim__estimator_table = DIM__TABLE(dim_estimator_options, fields);

dim_status dim__estimator_options(dim_context *ctx, const dim_estimator_options *in, dim_estimator_options *out)
{
    dim_estimator_options o;
    DIM__TRY(dim__options_read(ctx, &dim__estimator_table, in, &o));
    if (o.score_memory > INT64_MAX)
        return dim__fail(ctx, DIM_E_INVALID, "dim_estimator_options.score_memory is %llu bytes; at most 2^63 - 1 are "
                         "possible", (unsigned long long)o.score_memory);
    *out = o;
    return DIM_OK;
}
