/* One prior of the objective: what it needs, and its emission. */
#include "model/model.h"

#include <math.h>
#include <stdio.h>

dim_status dim__model_add_prior(dim_model *model, const dim__prior_spec *spec, float weight)
{
    dim__model_prior p = { .spec = *spec, .weight = weight == 0 ? 1 : weight };
    if (model->fixed)
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

dim__prior_nodes dim__emit_prior(dim__emission *e, int64_t index)
{
    const dim__model_prior *p = &e->model->priors[index];
    const dim_encoder *enc = e->model->enc;
    const dim__layer *gaussian = enc->gaussian == DIM__LAYER_NONE ? NULL : &enc->stack.layers[enc->gaussian];
    const dim__vid *input = &e->program->input;
    dim__prior_in in = {
        .net = { .g = e->g, .params = &e->model->params, .training = true, .group = (uint32_t)index + 1 },
        .o = &p->spec.o, .code = e->layers[enc->global],
        .mean = gaussian == NULL ? DIM__NONE : dim__stack_value(gaussian->input, input, e->layers),
        .logvar = gaussian == NULL ? DIM__NONE : dim__stack_value(gaussian->from, input, e->layers),
    };
    snprintf(in.net.prefix, sizeof in.net.prefix, "%s.", p->name);
    dim__prior_nodes nodes = dim__prior_def_of(p->spec.o.kind)->emit(&in);
    nodes.penalty = dim__op_affine_(e->g, nodes.penalty, p->weight, 0);
    dim__emit_loss(e, nodes.penalty, "penalty", p->name);
    if (nodes.disc != DIM__NONE)
        dim__emit_report(e, DIM__REPORT_SCALAR, nodes.disc, p->name, ".disc");
    return nodes;
}
