#include "kernels/kernels.h"
#include "optim/optim.h"
#include "tensor/tensor.h"

#include <stdlib.h>

struct dim_optimizer {
    dim_context *ctx;
    dim__optim optim;
};

_Static_assert(sizeof(size_t) != 8 ||
               sizeof(dim_optimizer_options) == 8 + 14 * 4 + 2 * 8 + DIM_MAX_MILESTONES * 8,
               "dim_optimizer_options has no hidden padding");

dim_status dim_optimizer_create(dim_context *ctx, const dim_optimizer_options *options, dim_optimizer **out)
{
    dim_optimizer_options checked;
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_create: out is NULL");
    DIM__TRY(dim__optim_options(ctx, options, &checked));
    dim_optimizer *opt = dim__calloc(ctx, 1, sizeof *opt);
    if (opt == NULL)
        return DIM_E_NOMEM;
    dim_status status = dim__optim_init(&opt->optim, ctx, &checked);
    if (status != DIM_OK) {
        dim__free(ctx, opt);
        return status;
    }
    opt->ctx = dim__context_retain(ctx);
    *out = opt;
    return DIM_OK;
}

static dim_status check_pair(dim_context *ctx, int i, const dim_tensor *p, const dim_tensor *g)
{
    char left[128], right[128];
    if (p == NULL || g == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_update: %s %d is NULL",
                         p == NULL ? "parameter" : "gradient", i);
    if (p->dtype != DIM_F32 || g->dtype != DIM_F32)
        return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_update: parameter and gradient %d have dtypes %d and %d; "
                         "both must be DIM_F32", i, (int)p->dtype, (int)g->dtype);
    if (p->rank != g->rank || memcmp(p->shape, g->shape, (size_t)p->rank * sizeof p->shape[0]) != 0)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_optimizer_update: parameter %d has shape %s, but its gradient has %s",
                         i, dim__shape_text(left, p->rank, p->shape), dim__shape_text(right, g->rank, g->shape));
    if (!dim__tensor_contiguous(p) || !dim__tensor_contiguous(g))
        return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_update: parameter or gradient %d is not contiguous", i);
    return DIM_OK;
}

static dim_status why_not(dim_optimizer *opt)
{
    int64_t i = dim__optim_check(&opt->optim);
    const dim__slot *s = &opt->optim.slots[i];
    char text[160];
    if (!opt->ctx->kernels->finite(s->g, s->count))
        return dim__fail(opt->ctx, DIM_E_NUMERIC, "dim_optimizer_update: gradient %lld is not finite", (long long)i);
    dim__optim_why(&opt->optim, i, text, sizeof text);
    return dim__fail(opt->ctx, DIM_E_NUMERIC, "dim_optimizer_update: parameter %lld: %s; nothing was changed", (long long)i,
                     text);
}

dim_status dim_optimizer_update(dim_optimizer *opt, int count, dim_tensor *const *parameters,
                                const dim_tensor *const *gradients)
{
    if (opt == NULL)
        return DIM_E_INVALID;
    dim_context *ctx = opt->ctx;
    if (count < 1 || parameters == NULL || gradients == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_optimizer_update: count is %d, parameters %p, gradients %p; none may "
                         "be 0", count,
                         (const void *)parameters, (const void *)gradients);
    int64_t *counts = dim__alloc(ctx, (size_t)count * sizeof *counts);
    if (counts == NULL)
        return DIM_E_NOMEM;
    dim_status status;
    for (int i = 0; i < count; i++) {
        DIM__TRY_OR(done, check_pair(ctx, i, parameters[i], gradients[i]));
        counts[i] = dim__tensor_count(parameters[i]);
    }
    DIM__TRY_OR(done, dim__check_updates_apart(ctx, "dim_optimizer_update", count, parameters, gradients));
    DIM__TRY_OR(done, dim__optim_prepare(&opt->optim, count, counts));
    for (int i = 0; i < count; i++) {
        opt->optim.slots[i].w = (float *)(void *)parameters[i]->data;
        opt->optim.slots[i].g = (const float *)(const void *)gradients[i]->data;
    }
    if (!dim__optim_step(&opt->optim))
        status = why_not(opt);
done:
    dim__free(ctx, counts);
    return status;
}

float dim_optimizer_lr(const dim_optimizer *opt)
{
    return opt == NULL ? 0 : dim__schedule_lr(&opt->optim.o, opt->optim.steps);
}

uint64_t dim_optimizer_steps(const dim_optimizer *opt)
{
    return opt == NULL ? 0 : opt->optim.steps;
}

void dim_optimizer_destroy(dim_optimizer *opt)
{
    if (opt == NULL)
        return;
    dim_context *ctx = opt->ctx;
    dim__optim_free(&opt->optim);
    dim__free(ctx, opt);
    dim__context_release(ctx);
}
