/* Priors by an adversary: the code looks like samples of the prior when a discriminator cannot tell them apart. */
#include "objective/losses/losses.h"
#include "objective/priors/prior.h"

/* D: units-hidden1-hidden2-1 with ReLU (DIM, appendix). */
static dim__vid discriminator(const dim__scope *scope, const dim_prior_options *o, dim__vid x)
{
    x = dim__emit_relu(scope->g, dim__nn_linear(scope, "fc1", x, o->hidden1, true, NULL));
    x = dim__emit_relu(scope->g, dim__nn_linear(scope, "fc2", x, o->hidden2, true, NULL));
    return dim__nn_linear(scope, "fc3", x, 1, true, NULL);
}

/* DIM eq. 7.  u: made of the code; v: drawn from the prior.  One pass of D over the code is for both players: each one's
 * gradient is a walk of its own, which ends at the other's parameters. */
static dim__prior_nodes play(const dim__prior_in *in, dim__vid u, dim__vid v)
{
    dim__graph *g = in->scope.g;
    dim_adversary how = in->o->minimax ? DIM_ADVERSARY_MINIMAX : DIM_ADVERSARY_NON_SATURATING;
    dim__vid real = discriminator(&in->scope, in->o, v);
    dim__vid fake = discriminator(&in->scope, in->o, u);
    dim__vid penalty = dim__emit_pass_as_true(g, how, fake);
    return (dim__prior_nodes){ penalty, dim__emit_tell_apart(g, how, real, fake) };
}

static dim__prior_nodes emit_uniform(const dim__prior_in *in)
{
    dim__graph *g = in->scope.g;
    dim__vid u = dim__emit_sigmoid(g, in->code);
    if (dim__graph_status(g) != DIM_OK)
        return (dim__prior_nodes){ DIM__NONE, DIM__NONE };
    return play(in, u, dim__emit_noise_uniform(g, *dim__shape_of(g, u)));
}

static dim__prior_nodes emit_gaussian(const dim__prior_in *in)
{
    dim__graph *g = in->scope.g;
    if (dim__graph_status(g) != DIM_OK)
        return (dim__prior_nodes){ DIM__NONE, DIM__NONE };
    return play(in, in->code, dim__emit_noise_normal(g, *dim__shape_of(g, in->code)));
}

const dim__prior_def dim__prior_uniform = { .name = "uniform", .emit = emit_uniform };
const dim__prior_def dim__prior_gaussian = { .name = "gaussian", .emit = emit_gaussian };
