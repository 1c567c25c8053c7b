/* The objective as a graph (DIM eq. 8): alpha I_global + beta / M^2 sum I_local - gamma D(prior). */
#include "model/model.h"

static dim__vid plus(dim__graph *g, dim__vid sum, dim__vid more)
{
    if (more == DIM__NONE)
        return sum;
    return sum == DIM__NONE ? more : dim__op_add_(g, sum, more);
}

/* Of the code for downstream use: a Gaussian code's mean. */
static void emit_code_stats(dim__emission *e)
{
    const dim_encoder *enc = e->model->enc;
    const dim__layer *l = &enc->stack.layers[enc->global];
    dim__model_program *p = e->program;
    int64_t layer = l->o.kind == DIM_LAYER_GAUSSIAN ? l->input : enc->global;
    dim__vid code = dim__stack_value(layer, &p->input, e->layers);
    p->code_mean = p->code_std = DIM__NONE;
    if (!dim__is_map(l->out)) {
        p->code_mean = dim__op_unit_stats_(e->g, code);
        p->code_std = dim__out(p->code_mean, 1);
    }
    dim__emit_report(e, DIM__REPORT_MEAN, p->code_mean, "code", ".mean");
    dim__emit_report(e, DIM__REPORT_MEAN, p->code_std, "code", ".std");
}

static void emit_objective(dim__emission *e)
{
    dim_model *model = e->model;
    dim__vid loss = DIM__NONE; /* of encoder and critics */
    int64_t at = dim__emit_report(e, DIM__REPORT_SCALAR, DIM__NONE, "loss", "");
    for (int64_t i = 0; i < model->n_terms; i++)
        loss = plus(e->g, loss, dim__emit_term(e, &model->terms[i]));
    for (int64_t i = 0; i < model->n_priors; i++) {
        dim__prior_nodes nodes = dim__emit_prior(e, i);
        loss = plus(e->g, loss, nodes.penalty);
        e->discs[i] = nodes.disc;
    }
    dim__emission_value(e, at, loss);
    dim__vid total = loss;
    for (int64_t i = 0; i < model->n_priors; i++)
        total = plus(e->g, total, e->discs[i]);
    for (int64_t i = 0; i < model->n_classifiers; i++)
        total = plus(e->g, total, dim__emit_classifier(e, &model->classifiers[i]));
    dim__graph_keep(e->g, total);
    e->program->total = total;
}

void dim__model_emit(dim_model *model, dim__graph *g, int64_t batch, dim__model_program *p)
{
    dim__emission e = { .model = model, .g = g, .batch = batch, .program = p };
    size_t layers = (size_t)model->enc->stack.count;
    dim__vid *values = dim__calloc(model->ctx, 1 + layers + (size_t)model->n_priors, sizeof *values);
    if (values == NULL) {
        dim__graph_fail(g, DIM_E_NOMEM);
        return;
    }
    e.layers = values + 1;
    e.discs = e.layers + layers;
    dim__net net = dim__encoder_net(model->enc, g, true);
    p->input = dim__graph_input(g, DIM_F32, dim__encoder_input_shape(model->enc, 0, batch), false);
    p->labels = p->mode == DIM__RUN_LABELED ? dim__graph_input(g, DIM_I32, dim__shape1(batch), false) : DIM__NONE;
    dim__graph_keep(g, p->labels); /* accuracies are counted after the run */
    e.layers[DIM__LAYER_INPUT(0)] = p->input;
    dim__encoder_emit(model->enc, &net, &p->input, e.layers);
    if (dim__graph_status(g) == DIM_OK)
        emit_objective(&e);
    if (dim__graph_status(g) == DIM_OK)
        emit_code_stats(&e);
    dim__free(model->ctx, values);
}
