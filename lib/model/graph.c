/* The objective as a graph. */
#include "model/model.h"

#include <stdio.h>

static dim__prior_nodes emit_prior(const dim__emission *e, int64_t index)
{
    const dim__model_prior *p = &e->model->priors[index];
    const dim_encoder *enc = e->model->enc;
    dim__prior_nodes nodes = { DIM__NONE, DIM__NONE };
    if (p->spec.o.kind == DIM_PRIOR_KL) {
        const dim__layer *l = &enc->stack.layers[enc->gaussian];
        nodes.penalty = dim__emit_prior_kl(e->g, &p->spec.o, e->layers[l->input], e->layers[l->from]);
    } else {
        dim__net net = { .g = e->g, .params = &e->model->params, .training = true, .group = (uint32_t)index + 1 };
        snprintf(net.prefix, sizeof net.prefix, "%s.", p->name);
        nodes = dim__emit_prior_adversarial(&net, &p->spec.o, e->layers[enc->global]);
    }
    nodes.penalty = dim__op_affine_(e->g, nodes.penalty, p->weight, 0);
    return nodes;
}

static dim__vid plus(dim__graph *g, dim__vid sum, dim__vid more)
{
    if (more == DIM__NONE)
        return sum;
    return sum == DIM__NONE ? more : dim__op_add_(g, sum, more);
}

/* Of the code for downstream use: a Gaussian code's mean. */
static void emit_code_stats(const dim__emission *e, dim__objective *o)
{
    const dim_encoder *enc = e->model->enc;
    const dim__layer *l = &enc->stack.layers[enc->global];
    dim__vid code = l->o.kind == DIM_LAYER_GAUSSIAN ? e->layers[l->input] : e->layers[enc->global];
    o->code_mean = o->code_std = DIM__NONE;
    if (dim__is_map(l->out))
        return;
    o->code_mean = dim__op_unit_stats_(e->g, code);
    o->code_std = dim__out(o->code_mean, 1);
    dim__graph_keep(e->g, o->code_mean);
    dim__graph_keep(e->g, o->code_std);
}

static void keep_reports(const dim__emission *e, const dim__objective *o)
{
    dim__graph_keep(e->g, o->loss);
    dim__graph_keep(e->g, o->total);
    dim__graph_keep(e->g, o->labels); /* accuracies are counted after the run */
    for (int64_t i = 0; i < e->model->n_terms; i++) {
        dim__graph_keep(e->g, o->terms[i].weighted);
        dim__graph_keep(e->g, o->terms[i].est.value);
        dim__graph_keep(e->g, o->terms[i].est.pos);
        dim__graph_keep(e->g, o->terms[i].est.neg);
    }
    for (int64_t i = 0; i < e->model->n_priors; i++) {
        dim__graph_keep(e->g, o->priors[i].penalty);
        dim__graph_keep(e->g, o->priors[i].disc);
    }
    for (int64_t i = 0; o->labels != DIM__NONE && i < e->model->n_classifiers; i++) {
        dim__graph_keep(e->g, o->classes[i].loss);
        dim__graph_keep(e->g, o->classes[i].probabilities);
    }
}

static void emit_objective(const dim__emission *e, dim__objective *o)
{
    o->loss = DIM__NONE;
    for (int64_t i = 0; i < e->model->n_terms; i++) {
        o->terms[i] = dim__emit_term(e, &e->model->terms[i]);
        o->loss = plus(e->g, o->loss, o->terms[i].weighted);
    }
    for (int64_t i = 0; i < e->model->n_priors; i++) {
        o->priors[i] = emit_prior(e, i);
        o->loss = plus(e->g, o->loss, o->priors[i].penalty);
    }
    o->total = o->loss;
    for (int64_t i = 0; i < e->model->n_priors; i++)
        o->total = plus(e->g, o->total, o->priors[i].disc);
    for (int64_t i = 0; o->labels != DIM__NONE && i < e->model->n_classifiers; i++) {
        o->classes[i] = dim__emit_classifier(e, &e->model->classifiers[i], o->labels);
        o->total = plus(e->g, o->total, o->classes[i].loss);
    }
}

dim_status dim__model_emit(dim_model *model, dim__graph *g, int64_t batch, dim__run_mode mode, dim__objective *o)
{
    dim__emission e = { .model = model, .g = g, .batch = batch };
    e.layers = dim__calloc(model->ctx, (size_t)model->enc->stack.count, sizeof *e.layers);
    if (e.layers == NULL)
        return DIM_E_NOMEM;
    dim__net net = dim__encoder_net(model->enc, g, true);
    o->input = dim__graph_input(g, DIM_F32, dim__encoder_input_shape(model->enc, batch), false);
    o->labels = mode == DIM__RUN_LABELED ? dim__graph_input(g, DIM_I32, dim__shape1(batch), false) : DIM__NONE;
    dim__encoder_emit(model->enc, &net, o->input, e.layers);
    if (dim__graph_status(g) == DIM_OK)
        emit_objective(&e, o);
    if (dim__graph_status(g) == DIM_OK)
        emit_code_stats(&e, o);
    if (dim__graph_status(g) == DIM_OK)
        keep_reports(&e, o);
    if (dim__graph_status(g) == DIM_OK && mode != DIM__RUN_EVALUATE)
        dim__graph_fail(g, dim__graph_backward(g, o->total));
    if (mode == DIM__RUN_EVALUATE) {
        g->n_deferred = 0; /* an evaluation changes no statistics */
        dim__graph_fail(g, dim__graph_finish(g));
    }
    dim__free(model->ctx, e.layers);
    return dim__graph_status(g);
}

dim_status dim__objective_create(dim_model *model, dim__objective *o)
{
    o->terms = dim__calloc(model->ctx, (size_t)model->n_terms, sizeof *o->terms);
    o->priors = dim__calloc(model->ctx, (size_t)model->n_priors, sizeof *o->priors);
    o->classes = dim__calloc(model->ctx, (size_t)model->n_classifiers, sizeof *o->classes);
    if (o->terms != NULL && o->priors != NULL && o->classes != NULL)
        return DIM_OK;
    dim__objective_free(model, o);
    return DIM_E_NOMEM;
}

void dim__objective_free(dim_model *model, dim__objective *o)
{
    dim__free(model->ctx, o->terms);
    dim__free(model->ctx, o->priors);
    dim__free(model->ctx, o->classes);
    o->terms = NULL;
    o->priors = NULL;
    o->classes = NULL;
}

void dim__model_program_free(dim_model *model, dim__model_program *p)
{
    dim__program_destroy(p->program);
    dim__objective_free(model, &p->objective);
    dim__free(model->ctx, p->grads);
    memset(p, 0, sizeof *p);
}

dim_status dim__model_compile(dim_model *model, int64_t batch, dim__run_mode mode, dim__model_program **out)
{
    dim__graph *g = NULL;
    for (int i = 0; i < DIM__MODEL_PROGRAMS; i++)
        if (model->programs[i].program != NULL && model->programs[i].batch == batch &&
            model->programs[i].mode == mode) {
            *out = &model->programs[i];
            return DIM_OK;
        }
    dim__model_program p = { .batch = batch, .mode = mode };
    DIM__TRY(dim__objective_create(model, &p.objective));
    dim_status status = dim__graph_create(model->ctx, &g);
    if (status == DIM_OK)
        status = dim__model_emit(model, g, batch, mode, &p.objective);
    if (status == DIM_OK)
        status = dim__program_create(g, &p.program);
    else
        dim__graph_destroy(g);
    if (status != DIM_OK) {
        dim__model_program_free(model, &p);
        return status;
    }
    dim__model_program *slot = &model->programs[model->next_program];
    model->next_program = (model->next_program + 1) % DIM__MODEL_PROGRAMS;
    dim__model_program_free(model, slot);
    *slot = p;
    *out = slot;
    return DIM_OK;
}
