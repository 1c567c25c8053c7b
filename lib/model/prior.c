/* One prior of the objective: what it needs, and its emission. */
#include "model/model.h"

#include <math.h>
#include <stdio.h>

dim_status dim__model_add_prior(dim_model *model, const dim__prior_spec *spec, float weight)
{
    dim__model_prior p = { .spec = *spec, .weight = weight == 0 ? 1 : weight };
    if (model->obj->fixed)
        return dim__fail(model->ctx, DIM_E_STATE, "the objective is fixed by its first use; add priors before");
    if (!isfinite(weight))
        return dim__fail(model->ctx, DIM_E_INVALID, "a prior's weight is %g; it must be finite", (double)weight);
    const dim__prior_def *def = dim__prior_def_of(spec->o.kind);
    if (def->gaussian && model->enc->gaussian == DIM__LAYER_NONE)
        return dim__fail(model->ctx, DIM_E_INVALID,
                         "the prior %s needs an encoder with a Gaussian code (infomax, or a layer "
                         "DIM_LAYER_GAUSSIAN)", def->name);
    if (dim__is_map(model->enc->stack.layers[model->enc->global].out))
        return dim__fail(model->ctx, DIM_E_SHAPE,
                         "a prior needs a code that is a vector, but the tap 'global' is a map");
    if (model->n_priors == 0)
        snprintf(p.name, sizeof p.name, "prior");
    else
        snprintf(p.name, sizeof p.name, "prior%lld", (long long)model->n_priors);
    DIM__TRY(dim__grow(model->ctx, &model->priors, &model->cap_priors, model->n_priors + 1, sizeof *model->priors));
    model->priors[model->n_priors++] = p;
    return DIM_OK;
}

/* Sides: the code, and of a Gaussian code mean and log-variance. */
static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__prior_in p = { .scope = in->scope, .o = in->loss->more, .code = in->side[0].v, .mean = in->side[1].v,
                        .logvar = in->side[2].v };
    dim__prior_nodes n = dim__prior_def_of(p.o->kind)->emit(&p);
    dim__loss_nodes nodes = { .ranks = DIM__LOSS_OF_SAMPLES, .loss = n.penalty, .against = n.disc, .n_reports = n.disc != DIM__NONE };
    nodes.reports[0].suffix = ".disc";
    nodes.reports[0].v = n.disc;
    return nodes;
}

const dim__loss_def dim__loss_model_prior = { .name = "prior", .what = "penalty", .critic = true, .least = 1, .most = 3,
                                              .emit = emit };
