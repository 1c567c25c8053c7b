/* Closed-form KL divergence of a diagonal Gaussian code from N(0, I) (Infomax-KL; VAE, arXiv 1312.6114, appendix B). */
#include "objective/losses/losses.h"
#include "objective/priors/prior.h"
#include "tensor/tensor.h"

#include <math.h>

/* In double over the caller's own memory: one pass, no graph needed. */
static double element(const dim_tensor *t, int64_t i, int64_t j)
{
    return ((const float *)t->data)[i * t->stride[0] + j * t->stride[1]];
}

static void set(dim_tensor *t, int64_t i, int64_t j, double x)
{
    ((float *)t->data)[i * t->stride[0] + j * t->stride[1]] = (float)x;
}

static dim_status run(dim_prior *prior, const dim_tensor *mean, const dim_tensor *logvar, double *value,
                      dim_tensor *grad_mean, dim_tensor *grad_logvar)
{
    int64_t n = mean->shape[0], d = mean->shape[1];
    double sum = 0, scale = 1 / (double)n / (prior->spec.o.sum_units ? 1 : (double)d);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++) {
            double mu = element(mean, i, j), lv = element(logvar, i, j);
            if (!isfinite(mu) || !isfinite(lv))
                return dim__fail(prior->ctx, DIM_E_NUMERIC, "%s[%lld, %lld] is %g, not finite",
                                 isfinite(mu) ? "logvar" : "mean", (long long)i, (long long)j, isfinite(mu) ? lv : mu);
            double g_lv = scale * 0.5 * expm1(lv);
            if (grad_logvar != NULL && !isfinite((float)g_lv))
                return dim__fail(prior->ctx, DIM_E_NUMERIC, "logvar[%lld, %lld] is %g: its gradient does not fit a "
                                 "float",
                                 (long long)i, (long long)j, lv);
            sum += 0.5 * (mu * mu + (expm1(lv) - lv));
        }
    if (!isfinite(sum))
        return dim__fail(prior->ctx, DIM_E_NUMERIC, "the penalty is %g, not finite", sum);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++) {
            double mu = element(mean, i, j), lv = element(logvar, i, j);
            if (grad_mean != NULL)
                set(grad_mean, i, j, scale * mu);
            if (grad_logvar != NULL)
                set(grad_logvar, i, j, scale * 0.5 * expm1(lv));
        }
    *value = scale * sum;
    return DIM_OK;
}

static dim__prior_nodes emit(const dim__prior_in *in)
{
    return (dim__prior_nodes){ dim__emit_kl(in->scope.g, in->o->sum_units != 0, in->mean, in->logvar), DIM__NONE };
}

const dim__prior_def dim__prior_kl = { .name = "kl", .gaussian = true, .emit = emit, .run = run };
