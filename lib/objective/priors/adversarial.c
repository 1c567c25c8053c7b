/* Priors by an adversary: the code looks like samples of the prior when a discriminator cannot tell them apart. */
#include "objective/losses/losses.h"
#include "objective/priors/prior.h"

/* D: units-hidden1-hidden2-1 with ReLU (DIM, appendix). */
static dim__vid discriminator(const dim__net *net, const dim_prior_options *o, dim__vid x)
{
    x = dim__op_relu_(net->g, dim__nn_linear(net, "fc1", x, o->hidden1, true, NULL));
    x = dim__op_relu_(net->g, dim__nn_linear(net, "fc2", x, o->hidden2, true, NULL));
    return dim__nn_linear(net, "fc3", x, 1, true, NULL);
}

/* DIM eq. 7.  u: made of the code; v: drawn from the prior.  One pass of D over the code is for both players: each one's
 * gradient is a walk of its own, which ends at the other's parameters. */
static dim__prior_nodes play(const dim__prior_in *in, dim__vid u, dim__vid v)
{
    dim__graph *g = in->net.g;
    dim_adversary how = in->o->minimax ? DIM_ADVERSARY_MINIMAX : DIM_ADVERSARY_NON_SATURATING;
    dim__vid real = discriminator(&in->net, in->o, v);
    dim__vid fake = discriminator(&in->net, in->o, u);
    dim__vid penalty = dim__emit_pass_as_true(g, how, fake);
    return (dim__prior_nodes){ penalty, dim__emit_tell_apart(g, how, real, fake) };
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
