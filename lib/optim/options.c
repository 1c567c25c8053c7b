#include "base/enums.h"
#include "optim/rules.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

static const dim__range kinds = { .type = "dim_optimizer_kind", .name = dim__rule_name };
static const dim__range beta1 = { -INFINITY, 1 - (double)FLT_EPSILON / 2, "in [0, 1), or negative for exactly 0", NULL, NULL };
static const dim__range nesterov = { 0, 1, "0 or 1", NULL, NULL };

#define F(member, kind, range, usual) DIM__FIELD(dim_optimizer_options, member, kind, range, usual)
static const dim__field fields[] = {
    DIM__QUIET(dim_optimizer_options, kind, U32, &kinds, 0),
    DIM__QUIET(dim_optimizer_options, schedule, U32, &dim__schedule_range, 0),
    F(lr, F32, &dim__not_negative, 1e-4),
    F(beta1, F32, &beta1, 0.9),
    F(beta2, F32, &dim__fraction, 0.999),
    F(eps, F32, &dim__not_negative, 1e-8),
    F(weight_decay, F32, &dim__not_negative, 0),
    F(momentum, F32, &dim__fraction, 0),
    F(alpha, F32, &dim__fraction, 0.99),
    F(nesterov, U32, &nesterov, 0),
    F(clip_norm, F32, &dim__not_negative, 0),
    F(clip_value, F32, &dim__not_negative, 0),
    F(gamma, F32, &dim__not_negative, 0.1),
    F(min_lr, F32, &dim__not_negative, 0),
    F(warmup_steps, U64, NULL, 0),
    F(total_steps, U64, NULL, 0),
    DIM__FIELDS(dim_optimizer_options, milestones, U64, DIM_MAX_MILESTONES, NULL),
};
#undef F
const dim__table dim__optimizer_table = DIM__TABLE(dim_optimizer_options, fields);

static dim_status check_schedule(dim_context *ctx, const dim_optimizer_options *o)
{
    for (int i = 1; i < DIM_MAX_MILESTONES; i++)
        if (o->milestones[i] != 0 && o->milestones[i] <= o->milestones[i - 1])
            return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.milestones[%d] is %" PRIu64 " after %" PRIu64
                             "; they must increase, and 0 ends the list", i, o->milestones[i], o->milestones[i - 1]);
        else if (o->milestones[i] != 0 && o->milestones[i - 1] == 0)
            return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.milestones[%d] comes after the list's end", i);
    if (o->schedule != DIM_SCHEDULE_COSINE)
        return DIM_OK;
    if (o->total_steps == 0)
        return dim__fail(ctx, DIM_E_INVALID, "the cosine schedule needs dim_optimizer_options.total_steps");
    if (o->warmup_steps > o->total_steps)
        return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.warmup_steps is %" PRIu64
                         ", more than total_steps %" PRIu64, o->warmup_steps, o->total_steps);
    return DIM_OK;
}

dim_status dim__optim_options(dim_context *ctx, const dim_optimizer_options *in, dim_optimizer_options *out)
{
    dim_optimizer_options o;
    DIM__TRY(dim__options_read(ctx, &dim__optimizer_table, in, &o));
    if (o.nesterov == 1 && o.kind == DIM_OPTIMIZER_SGD && !(o.momentum > 0))
        return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.momentum is %g; it must be more than 0 for Nesterov "
                         "momentum", (double)o.momentum);
    DIM__TRY(check_schedule(ctx, &o));
    if (o.beta1 < 0)
        o.beta1 = 0;
    *out = o;
    return DIM_OK;
}
