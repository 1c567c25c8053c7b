/* Priors for features of the caller's; models take them apart themselves. */
#include "objective/priors/prior.h"
#include "tensor/tensor.h"

dim_status dim_prior_create(dim_context *ctx, const dim_prior_options *options, dim_prior **out)
{
    dim__prior_spec spec;
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_prior_create: out is NULL");
    DIM__TRY(dim__prior_options(ctx, options, &spec));
    dim_prior *prior = dim__calloc(ctx, 1, sizeof *prior);
    if (prior == NULL)
        return DIM_E_NOMEM;
    prior->ctx = dim__context_retain(ctx);
    prior->spec = spec;
    *out = prior;
    return DIM_OK;
}

void dim_prior_destroy(dim_prior *prior)
{
    if (prior == NULL)
        return;
    dim_context *ctx = prior->ctx;
    dim__free(ctx, prior);
    dim__context_release(ctx);
}

static dim_status check(dim_context *ctx, const dim_tensor *t, const char *name, const dim_tensor *like, bool written)
{
    char a[128], b[128];
    if (t->dtype != DIM_F32)
        return dim__fail(ctx, DIM_E_INVALID, "%s has dtype %s; it must be f32", name, dim__dtype_name(t->dtype));
    if (t->rank != 2 || t->shape[0] < 1 || t->shape[1] < 1)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has shape %s; it needs (N, d)", name,
                         dim__shape_text(a, t->rank, t->shape));
    if (t->shape[0] != like->shape[0] || t->shape[1] != like->shape[1])
        return dim__fail(ctx, DIM_E_SHAPE, "%s has shape %s, but mean has %s",
                         name, dim__shape_text(a, t->rank, t->shape), dim__shape_text(b, like->rank, like->shape));
    return written ? dim__check_output(ctx, name, t) : DIM_OK;
}

/* Each element is read before its own place is written: in place is all right, shifted is not. */
static dim_status check_in_place(dim_context *ctx, const dim_tensor *grad, const char *name, const dim_tensor *mean,
                                 const dim_tensor *logvar)
{
    if (grad != NULL && !dim__tensors_same(grad, mean))
        DIM__TRY(dim__check_apart(ctx, name, grad, "mean", mean));
    if (grad != NULL && !dim__tensors_same(grad, logvar))
        DIM__TRY(dim__check_apart(ctx, name, grad, "logvar", logvar));
    return DIM_OK;
}

dim_status dim_prior_evaluate(dim_prior *prior, const dim_tensor *mean, const dim_tensor *logvar, double *value,
                              dim_tensor *grad_mean, dim_tensor *grad_logvar)
{
    if (prior == NULL)
        return DIM_E_INVALID;
    dim_context *ctx = prior->ctx;
    const dim__prior_def *def = dim__prior_def_of(prior->spec.o.kind);
    if (def->run == NULL)
        return dim__fail(ctx, DIM_E_UNSUPPORTED, "an adversarial prior has no value without its discriminator;"
                                                 " add it to a model");
    if (mean == NULL || logvar == NULL || value == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "%s is NULL",
                         mean == NULL ? "mean" : logvar == NULL ? "logvar" : "value");
    DIM__TRY(check(ctx, mean, "mean", mean, false));
    DIM__TRY(check(ctx, logvar, "logvar", mean, false));
    if (grad_mean != NULL)
        DIM__TRY(check(ctx, grad_mean, "grad_mean", mean, true));
    if (grad_logvar != NULL)
        DIM__TRY(check(ctx, grad_logvar, "grad_logvar", mean, true));
    DIM__TRY(check_in_place(ctx, grad_mean, "grad_mean", mean, logvar));
    DIM__TRY(check_in_place(ctx, grad_logvar, "grad_logvar", mean, logvar));
    DIM__TRY(dim__check_apart(ctx, "grad_mean", grad_mean, "grad_logvar", grad_logvar));
    return def->run(prior, mean, logvar, value, grad_mean, grad_logvar);
}

const char *dim_prior_name(dim_prior_kind kind)
{
    return dim__prior_name((int)kind);
}
