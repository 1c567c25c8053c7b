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
    dim__free(model->ctx, e.layers);
    return dim__graph_status(g);
}

/* Notes with room for what a program of this model has. */
static size_t notes_size(const dim_model *model)
{
    return sizeof(dim__model_program) +
           (size_t)(model->enc->params.count + model->params.count) * sizeof(const float *) +
           (size_t)model->n_terms * sizeof(dim__term_nodes) + (size_t)model->n_priors * sizeof(dim__prior_nodes) +
           (size_t)model->n_classifiers * sizeof(dim__class_nodes);
}

static void lay_out(const dim_model *model, dim__model_program *p)
{
    p->grads = (const float **)(p + 1);
    p->objective.terms = (dim__term_nodes *)(p->grads + model->enc->params.count + model->params.count);
    p->objective.priors = (dim__prior_nodes *)(p->objective.terms + model->n_terms);
    p->objective.classes = (dim__class_nodes *)(p->objective.priors + model->n_priors);
}

typedef struct request {
    dim_model *model;
    int64_t batch;
    dim__run_mode mode;
} request;

static dim__vid emit(void *arg, dim__graph *g, void *notes)
{
    const request *r = arg;
    dim__model_program *p = notes;
    lay_out(r->model, p);
    p->mode = r->mode;
    dim__graph_fail(g, dim__model_emit(r->model, g, r->batch, r->mode, &p->objective));
    return r->mode == DIM__RUN_EVALUATE ? DIM__NONE : p->objective.total;
}

dim_status dim__model_compile(dim_model *model, int64_t batch, dim__run_mode mode, dim__model_program **out)
{
    request r = { model, batch, mode };
    dim__compiled *c;
    DIM__TRY(dim__compile(&model->programs,
                          &(dim__recipe){ .key = { { DIM__PROGRAM_OBJECTIVE, mode, batch } }, .emit = emit, .arg = &r,
                                          .notes = notes_size(model) }, &c));
    *out = c->notes;
    (*out)->program = c->program;
    return DIM_OK;
}

dim_status dim__model_declare(dim_model *model)
{
    dim__graph *g = NULL;
    request r = { model, 2 * model->views, DIM__RUN_LABELED };
    void *notes = dim__calloc(model->ctx, 1, notes_size(model));
    dim_status status = notes == NULL ? DIM_E_NOMEM : dim__graph_create(model->ctx, &g);
    if (status == DIM_OK) {
        emit(&r, g, notes);
        status = dim__graph_status(g);
    }
    dim__graph_destroy(g);
    dim__free(model->ctx, notes);
    return status;
}
