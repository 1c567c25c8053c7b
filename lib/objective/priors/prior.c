#include "objective/priors/prior.h"

#include "optim/optim.h"

dim_status dim__prior_options(dim_context *ctx, const dim_prior_options *in, dim__prior_spec *out)
{
    dim__prior_spec spec = { .own_optimizer = false };
    dim_prior_options *o = &spec.o;
    DIM__TRY(dim__options_copy(ctx, "dim_prior_options", o, sizeof *o, in));
    if (o->kind != DIM_PRIOR_KL && o->kind != DIM_PRIOR_UNIFORM && o->kind != DIM_PRIOR_GAUSSIAN)
        return dim__fail(ctx, DIM_E_INVALID, "kind is %d, which is not a dim_prior_kind", (int)o->kind);
    if (o->sum_units > 1 || o->minimax > 1)
        return dim__fail(ctx, DIM_E_INVALID, "%s is %u; it is a switch, 0 or 1",
                         o->sum_units > 1 ? "sum_units" : "minimax", o->sum_units > 1 ? o->sum_units : o->minimax);
    if (o->reserved0 != 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_prior_options.reserved0 is %u; it must be 0", o->reserved0);
    if (o->hidden1 > (1u << 24) || o->hidden2 > (1u << 24))
        return dim__fail(ctx, DIM_E_INVALID, "hidden%d is %u; it must be 16777216 at most",
                         o->hidden1 > (1u << 24) ? 1 : 2, o->hidden1 > (1u << 24) ? o->hidden1 : o->hidden2);
    if (o->hidden1 == 0)
        o->hidden1 = 1000;
    if (o->hidden2 == 0)
        o->hidden2 = 200;
    if (o->optimizer != NULL) {
        spec.own_optimizer = true;
        DIM__TRY(dim__optim_options(ctx, o->optimizer, &spec.optimizer));
        o->optimizer = NULL;
    }
    *out = spec;
    return DIM_OK;
}

dim__vid dim__emit_prior_kl(dim__graph *g, const dim_prior_options *o, dim__vid mean, dim__vid logvar)
{
    const dim__shape *s = dim__shape_of(g, mean);
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    double count = (double)dim__shape_rows(s) * (o->sum_units ? 1 : (double)dim__shape_last(s));
    return dim__op_kl_normal_(g, mean, logvar, 1 / count);
}

/* D: units-hidden1-hidden2-1 with ReLU (DIM, appendix). */
static dim__vid discriminator(const dim__net *net, const dim_prior_options *o, dim__vid x)
{
    x = dim__op_relu_(net->g, dim__nn_linear(net, "fc1", x, o->hidden1, true, NULL));
    x = dim__op_relu_(net->g, dim__nn_linear(net, "fc2", x, o->hidden2, true, NULL));
    return dim__nn_linear(net, "fc3", x, 1, true, NULL);
}

/* mean of softplus(sign d), times scale */
static dim__vid mean_softplus(dim__graph *g, dim__vid d, double sign, double scale)
{
    double n = (double)dim__count_of(g, d);
    return dim__op_sum_all_(g, dim__op_softplus_(g, sign < 0 ? dim__op_affine_(g, d, -1, 0) : d), scale / n);
}

/* DIM eq. 7: D maximises E_V[log D] + E_U[log(1 - D)]; -log D = softplus(-d), -log(1 - D) = softplus(d) of the logit d.
 * The encoder minimises -E_U[log D], or E_U[log(1 - D)] with minimax. */
dim__prior_nodes dim__emit_prior_adversarial(const dim__net *net, const dim_prior_options *o, dim__vid code)
{
    dim__graph *g = net->g;
    bool uniform = o->kind == DIM_PRIOR_UNIFORM;
    dim__net held = *net;
    held.frozen = true;
    dim__vid u = uniform ? dim__op_sigmoid_(g, code) : code;
    if (dim__graph_status(g) != DIM_OK)
        return (dim__prior_nodes){ DIM__NONE, DIM__NONE };
    dim__shape shape = *dim__shape_of(g, u);
    dim__vid v = uniform ? dim__op_noise_uniform_(g, shape) : dim__op_noise_normal_(g, shape);
    dim__vid on_code = discriminator(&held, o, u);
    dim__vid real = discriminator(net, o, v), fake = discriminator(net, o, dim__op_stop_gradient_(g, u));
    dim__prior_nodes nodes = {
        .penalty = o->minimax ? mean_softplus(g, on_code, 1, -1) : mean_softplus(g, on_code, -1, 1),
        .disc = dim__op_add_(g, mean_softplus(g, real, -1, 1), mean_softplus(g, fake, 1, 1))
    };
    return nodes;
}
