#include "objective/priors/prior.h"

#include "optim/optim.h"

const char *dim__prior_name(int kind)
{
    static const char *const names[] = {
#define X(KIND, name) [DIM_PRIOR_##KIND] = #name,
#include "objective/priors/prior_list.def"
#undef X
    };
    return kind >= 0 && kind < (int)(sizeof names / sizeof *names) ? names[kind] : NULL;
}

static const dim__range kinds = { .type = "dim_prior_kind", .name = dim__prior_name };

#define F(member, kind, range, usual) DIM__FIELD(dim_prior_options, member, kind, range, usual)
static const dim__field fields[] = {
    DIM__QUIET(dim_prior_options, kind, U32, &kinds, 0),
    F(sum_units, U32, &dim__switch, 0),
    F(minimax, U32, &dim__switch, 0),
    F(hidden1, U32, &dim__width, 1000),
    F(hidden2, U32, &dim__width, 200),
    DIM__QUIET(dim_prior_options, reserved0, U32, &dim__reserved, 0),
};
#undef F
const dim__table dim__prior_table = DIM__TABLE(dim_prior_options, fields);

dim_status dim__prior_options(dim_context *ctx, const dim_prior_options *in, dim__prior_spec *out)
{
    dim__prior_spec spec = { .own_optimizer = false };
    dim_prior_options *o = &spec.o;
    DIM__TRY(dim__options_read(ctx, &dim__prior_table, in, o));
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
