#include "optim/rules.h"

#include <inttypes.h>
#include <math.h>

static dim_status bad(dim_context *ctx, const char *name, float value, const char *range)
{
    return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.%s is %g; it must be %s", name, (double)value, range);
}

static bool not_negative(float x)
{
    return x >= 0 && isfinite(x);
}

static bool fraction(float x)
{
    return x >= 0 && x < 1;
}

static dim_status check_schedule(dim_context *ctx, const dim_optimizer_options *o)
{
    if (!not_negative(o->gamma))
        return bad(ctx, "gamma", o->gamma, "finite and at least 0");
    if (!not_negative(o->min_lr))
        return bad(ctx, "min_lr", o->min_lr, "finite and at least 0");
    for (int i = 1; i < DIM_MAX_MILESTONES; i++)
        if (o->milestones[i] != 0 && o->milestones[i] <= o->milestones[i - 1])
            return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.milestones[%d] is %" PRIu64 " after %" PRIu64
                             "; they must increase, and 0 ends the list", i, o->milestones[i], o->milestones[i - 1]);
        else if (o->milestones[i] != 0 && o->milestones[i - 1] == 0)
            return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.milestones[%d] comes after the list's end", i);
    switch (o->schedule) {
    case DIM_SCHEDULE_CONSTANT:
    case DIM_SCHEDULE_STEP:
        return DIM_OK;
    case DIM_SCHEDULE_COSINE:
        if (o->total_steps == 0)
            return dim__fail(ctx, DIM_E_INVALID, "the cosine schedule needs dim_optimizer_options.total_steps");
        if (o->warmup_steps > o->total_steps)
            return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.warmup_steps is %" PRIu64
                             ", more than total_steps %" PRIu64, o->warmup_steps, o->total_steps);
        return DIM_OK;
    default:
        return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.schedule is %d, which is not a dim_schedule_kind",
                         (int)o->schedule);
    }
}

dim_status dim__optim_options(dim_context *ctx, const dim_optimizer_options *in, dim_optimizer_options *out)
{
    dim_optimizer_options o;
    DIM__TRY(dim__options_copy(ctx, "dim_optimizer_options", &o, sizeof o, in));
    if (dim__rule_of(o.kind) == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_options.kind is %d, which is not a dim_optimizer_kind",
                         (int)o.kind);
    if (!not_negative(o.lr))
        return bad(ctx, "lr", o.lr, "finite and at least 0");
    if (!(o.beta1 < 1))
        return bad(ctx, "beta1", o.beta1, "in [0, 1), or negative for exactly 0");
    if (!fraction(o.beta2))
        return bad(ctx, "beta2", o.beta2, "in [0, 1)");
    if (!not_negative(o.eps))
        return bad(ctx, "eps", o.eps, "finite and at least 0");
    if (!not_negative(o.weight_decay))
        return bad(ctx, "weight_decay", o.weight_decay, "finite and at least 0");
    if (!fraction(o.momentum))
        return bad(ctx, "momentum", o.momentum, "in [0, 1)");
    if (!fraction(o.alpha))
        return bad(ctx, "alpha", o.alpha, "in [0, 1)");
    if (!not_negative(o.clip_norm))
        return bad(ctx, "clip_norm", o.clip_norm, "finite and at least 0");
    if (!not_negative(o.clip_value))
        return bad(ctx, "clip_value", o.clip_value, "finite and at least 0");
    if (o.nesterov > 1)
        return bad(ctx, "nesterov", (float)o.nesterov, "0 or 1");
    if (o.nesterov == 1 && o.kind == DIM_OPTIMIZER_SGD && !(o.momentum > 0))
        return bad(ctx, "momentum", o.momentum, "more than 0 for Nesterov momentum");
    DIM__TRY(check_schedule(ctx, &o));
    o.lr = o.lr == 0 ? 1e-4f : o.lr;
    o.beta1 = o.beta1 == 0 ? 0.9f : o.beta1 < 0 ? 0 : o.beta1;
    o.beta2 = o.beta2 == 0 ? 0.999f : o.beta2;
    o.eps = o.eps == 0 ? 1e-8f : o.eps;
    o.alpha = o.alpha == 0 ? 0.99f : o.alpha;
    o.gamma = o.gamma == 0 ? 0.1f : o.gamma;
    *out = o;
    return DIM_OK;
}
