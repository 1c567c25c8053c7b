/* Priors by an adversary: the code looks like samples of the prior when a discriminator cannot tell them apart. */
#include "objective/priors/prior.h"

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
 * The encoder minimises -E_U[log D], or E_U[log(1 - D)] with minimax.  u: made of the code; v: drawn from the prior.  One pass
 * of D over the code is for both players: each one's gradient is a walk of its own, which ends at the other's parameters. */
static dim__prior_nodes play(const dim__prior_in *in, dim__vid u, dim__vid v)
{
    const dim__net *net = &in->net;
    const dim_prior_options *o = in->o;
    dim__graph *g = net->g;
    dim__vid real = discriminator(net, o, v), fake = discriminator(net, o, u);
    dim__prior_nodes nodes = {
        .penalty = o->minimax ? mean_softplus(g, fake, 1, -1) : mean_softplus(g, fake, -1, 1),
        .disc = dim__op_add_(g, mean_softplus(g, real, -1, 1), mean_softplus(g, fake, 1, 1))
    };
    return nodes;
}

static dim__prior_nodes emit_uniform(const dim__prior_in *in)
{
    dim__graph *g = in->net.g;
    dim__vid u = dim__op_sigmoid_(g, in->code);
    if (dim__graph_status(g) != DIM_OK)
        return (dim__prior_nodes){ DIM__NONE, DIM__NONE };
    return play(in, u, dim__op_noise_uniform_(g, *dim__shape_of(g, u)));
}

static dim__prior_nodes emit_gaussian(const dim__prior_in *in)
{
    dim__graph *g = in->net.g;
    if (dim__graph_status(g) != DIM_OK)
        return (dim__prior_nodes){ DIM__NONE, DIM__NONE };
    return play(in, in->code, dim__op_noise_normal_(g, *dim__shape_of(g, in->code)));
}

const dim__prior_def dim__prior_uniform = { .name = "uniform", .emit = emit_uniform };
const dim__prior_def dim__prior_gaussian = { .name = "gaussian", .emit = emit_gaussian };
