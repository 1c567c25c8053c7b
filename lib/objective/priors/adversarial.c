/* Priors by an adversary: the code looks like samples of the prior when a discriminator cannot tell them apart. */
#include "objective/losses/losses.h"
#include "objective/priors/prior.h"

typedef struct played { /* what D makes of its input */
    dim__vid h1, h2, logit;
} played;

/* D: units-hidden1-hidden2-1 with ReLU (DIM, appendix). */
static played discriminator(const dim__scope *scope, const dim_prior_options *o, dim__vid x)
{
    played d;
    d.h1 = dim__emit_relu(scope->g, dim__nn_linear(scope, "fc1", x, o->hidden1, true, NULL));
    d.h2 = dim__emit_relu(scope->g, dim__nn_linear(scope, "fc2", d.h1, o->hidden2, true, NULL));
    d.logit = dim__nn_linear(scope, "fc3", d.h2, 1, true, NULL);
    return d;
}

static dim__vid weight_of(const dim__scope *scope, const char *layer, int64_t out, int64_t in)
{
    dim__param_spec spec = { .shape = dim__shape2(out, in) }; /* it is there already */
    return dim__nn_param(scope, layer, "weight", &spec);
}

/* Half the mean of |grad D|^2 over the rows of D's input.  The gradient, W1' [h1 > 0] W2' [h2 > 0] w3, is written as a forward part:
 * what is differentiated of it are the weights, since the masks are flat, and so is what lies before the input. */
static dim__vid slope(const dim__scope *scope, const dim_prior_options *o, const played *d, int64_t n, int64_t units)
{
    dim__graph *g = scope->g;
    int64_t h1 = o->hidden1, h2 = o->hidden2;
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    dim__vid of_logit = dim__graph_const(g, dim__shape2(n, 1), 1);
    dim__vid all = dim__emit_matmul(g, of_logit, weight_of(scope, "fc3", 1, h2), false, false);
    dim__vid of_h2 = dim__emit2(g, &dim__op_relu_grad, all, d->h2, NULL);
    dim__vid of_h1 = dim__emit_matmul(g, of_h2, weight_of(scope, "fc2", h2, h1), false, false);
    of_h1 = dim__emit2(g, &dim__op_relu_grad, of_h1, d->h1, NULL);
    dim__vid of_x = dim__emit_matmul(g, of_h1, weight_of(scope, "fc1", h1, units), false, false);
    return dim__emit_sum_all(g, dim__emit_mul(g, of_x, of_x), 0.5 / (double)n);
}

/* DIM eq. 7.  u: made of the code; v: drawn from the prior.  One pass of D over the code is for both players: each one's
 * gradient is a walk of its own, which ends at the other's parameters. */
static dim__prior_nodes play(const dim__prior_in *in, dim__vid u, dim__vid v)
{
    dim__graph *g = in->scope.g;
    const dim_prior_options *o = in->o;
    dim_adversary how = o->minimax ? DIM_ADVERSARY_MINIMAX : DIM_ADVERSARY_NON_SATURATING;
    played real = discriminator(&in->scope, o, v), fake = discriminator(&in->scope, o, u);
    dim__vid penalty = dim__emit_pass_as_true(g, how, fake.logit);
    dim__prior_nodes nodes = { penalty, dim__emit_tell_apart(g, how, real.logit, fake.logit) };
    if (dim__graph_status(g) != DIM_OK || o->gradient_penalty == 0)
        return nodes;
    int64_t n = dim__shape_of(g, u)->d[0], units = dim__shape_of(g, u)->d[1];
    dim__vid of_real = slope(&in->scope, o, &real, n, units), of_fake = slope(&in->scope, o, &fake, n, units);
    dim__vid slopes = dim__emit_affine(g, dim__emit_add(g, of_real, of_fake), o->gradient_penalty, 0);
    nodes.disc = dim__emit_add(g, nodes.disc, slopes);
    return nodes;
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
