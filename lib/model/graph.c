/* The objective as a graph. */
#include "model/model.h"

#include "objective/estimators/handle.h"

#include <stdio.h>

typedef struct emission {
    dim_model *model;
    dim__graph *g;
    int64_t batch;
    dim__vid input;
    dim__vid *layers; /* of the encoder */
} emission;

static dim__net term_net(const emission *e, const dim__term *t)
{
    dim__net net = { .g = e->g, .params = &e->model->params, .training = true };
    snprintf(net.prefix, sizeof net.prefix, "%s.", t->name);
    return net;
}

/* DIM(G)'s x-side for a dot product (SPEC section 1): the encoder's own layers after the local tap again, with fresh
 * weights, the last linear layer `units` wide. */
static dim__vid repeat_top(const emission *e, const dim__term *t, const dim__net *net)
{
    const dim__stack *s = &e->model->enc->stack;
    dim__net mine = dim__net_in(net, "x.");
    int64_t last = e->model->enc->global;
    dim__vid *out = dim__calloc(e->model->ctx, (size_t)s->count, sizeof *out);
    if (out == NULL) {
        dim__graph_fail(e->g, DIM_E_NOMEM);
        return DIM__NONE;
    }
    mine.init = e->model->enc->init;
    for (int64_t i = t->x + 1; i <= last; i++)
        if (s->layers[i].input < t->x || (s->layers[i].from != -2 && s->layers[i].from < t->x) || last <= t->x) {
            dim__graph_fail(e->g, dim__fail(e->model->ctx, DIM_E_UNSUPPORTED, "term '%s': the layers after the tap cannot be "
                                            "repeated, because layer %lld reads what is before it", t->name, (long long)i));
            break;
        }
    if (dim__graph_status(e->g) == DIM_OK)
        dim__stack_emit(s, &mine, e->layers[t->x], t->x + 1, last, t->o.units, out);
    dim__vid top = out[last];
    dim__free(e->model->ctx, out);
    return top;
}

/* DIM(G)'s x-side for a concatenation: 3x3 conv 64, 3x3 conv 32, flattened. */
static dim__vid convolve_map(const emission *e, const dim__net *net, dim__vid x)
{
    x = dim__op_relu_(e->g, dim__nn_conv(net, "conv1", x, 64, 3, 3, 1, 0, true));
    return dim__op_relu_(e->g, dim__nn_conv(net, "conv2", x, 32, 3, 3, 1, 0, true));
}

static void pair_map(const emission *e, const dim__term *t, dim__pairing *p)
{
    dim__vid x = e->layers[t->x];
    if (t->o.critic == DIM_CRITIC_DOT) {
        x = repeat_top(e, t, &p->net);
        p->x_in_space = true;
    } else if (t->o.critic == DIM_CRITIC_CONCAT) {
        x = convolve_map(e, &p->net, x);
    }
    int64_t c = dim__shape_last(dim__shape_of(e->g, x)), size = dim__count_of(e->g, x) / e->batch;
    if (dim__graph_status(e->g) != DIM_OK)
        return;
    if (size > c) /* flattened as PyTorch does: channels first */
        x = dim__op_swap_last_(e->g, dim__op_reshape_(e->g, x, dim__shape3(e->batch, size / c, c)));
    p->l = 1;
    p->x = dim__op_reshape_(e->g, x, dim__shape3(e->batch, 1, size));
}

static void pair_locations(const emission *e, const dim__term *t, dim__pairing *p)
{
    dim__vid x = e->layers[t->x];
    if (dim__graph_status(e->g) != DIM_OK)
        return;
    int64_t c = dim__shape_last(dim__shape_of(e->g, x));
    p->l = dim__count_of(e->g, x) / (e->batch * c);
    p->x = dim__op_reshape_(e->g, x, dim__shape3(e->batch, p->l, c));
}

/* A state that lives with the model but not in its weights. */
static void declare_state(const emission *e, dim__term *t)
{
    char name[DIM__NAME_SIZE];
    dim__param_spec spec = dim__estimator_state_spec();
    if (t->estimator.kind != DIM_ESTIMATOR_MINE || t->state != NULL)
        return;
    snprintf(name, sizeof name, "%s.moving_average", t->name);
    t->state = dim__params_get(&e->model->params, name, &spec);
    if (t->state == NULL)
        dim__graph_fail(e->g, DIM_E_NOMEM);
}

static dim__term_nodes emit_term(const emission *e, dim__term *t)
{
    bool shuffle = t->estimator.negatives == DIM_NEGATIVES_SHUFFLE;
    dim__pairing p = { .net = term_net(e, t), .y = e->layers[t->y], .n = e->batch, .o = &t->o, .partner = DIM__NONE };
    dim__term_nodes nodes = { DIM__NONE, { DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE } };
    declare_state(e, t);
    if (t->whole)
        pair_map(e, t, &p);
    else
        pair_locations(e, t, &p);
    if (shuffle)
        p.partner = dim__op_derangement_(e->g, e->batch);
    dim__scores s = dim__critic_def_of(t->o.critic)->score(&p);
    float scale = t->estimator.scale;
    if (scale != 1) {
        s.all = s.all == DIM__NONE ? s.all : dim__op_affine_(e->g, s.all, scale, 0);
        s.pos = s.pos == DIM__NONE ? s.pos : dim__op_affine_(e->g, s.pos, scale, 0);
        s.neg = s.neg == DIM__NONE ? s.neg : dim__op_affine_(e->g, s.neg, scale, 0);
    }
    if (dim__graph_status(e->g) != DIM_OK)
        return nodes;
    nodes.est = shuffle ? dim__emit_estimator_pairs(e->g, &t->estimator, s.pos, s.neg, t->state)
                        : dim__emit_estimator(e->g, &t->estimator, s.all, e->batch, t->state);
    nodes.weighted = dim__op_affine_(e->g, nodes.est.loss, t->o.weight, 0);
    return nodes;
}

static dim__prior_nodes emit_prior(const emission *e, int64_t index)
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
static void emit_code_stats(const emission *e, dim__objective *o)
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

static void keep_reports(const emission *e, const dim__objective *o)
{
    dim__graph_keep(e->g, o->loss);
    dim__graph_keep(e->g, o->total);
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
}

static void emit_objective(const emission *e, dim__objective *o)
{
    o->loss = DIM__NONE;
    for (int64_t i = 0; i < e->model->n_terms; i++) {
        o->terms[i] = emit_term(e, &e->model->terms[i]);
        o->loss = plus(e->g, o->loss, o->terms[i].weighted);
    }
    for (int64_t i = 0; i < e->model->n_priors; i++) {
        o->priors[i] = emit_prior(e, i);
        o->loss = plus(e->g, o->loss, o->priors[i].penalty);
    }
    o->total = o->loss;
    for (int64_t i = 0; i < e->model->n_priors; i++)
        o->total = plus(e->g, o->total, o->priors[i].disc);
}

dim_status dim__model_emit(dim_model *model, dim__graph *g, int64_t batch, bool training, dim__objective *o)
{
    emission e = { .model = model, .g = g, .batch = batch };
    e.layers = dim__calloc(model->ctx, (size_t)model->enc->stack.count, sizeof *e.layers);
    if (e.layers == NULL)
        return DIM_E_NOMEM;
    dim__net net = dim__encoder_net(model->enc, g, true);
    o->input = dim__graph_input(g, DIM_F32, dim__encoder_input_shape(model->enc, batch), false);
    dim__encoder_emit(model->enc, &net, o->input, e.layers);
    if (dim__graph_status(g) == DIM_OK)
        emit_objective(&e, o);
    if (dim__graph_status(g) == DIM_OK)
        emit_code_stats(&e, o);
    if (dim__graph_status(g) == DIM_OK)
        keep_reports(&e, o);
    if (dim__graph_status(g) == DIM_OK && training)
        dim__graph_fail(g, dim__graph_backward(g, o->total));
    if (!training) {
        g->n_deferred = 0; /* an evaluation changes no statistics */
        dim__graph_fail(g, dim__graph_finish(g));
    }
    dim__free(model->ctx, e.layers);
    return dim__graph_status(g);
}

void dim__model_program_free(dim_model *model, dim__model_program *p)
{
    dim__program_destroy(p->program);
    dim__free(model->ctx, p->objective.terms);
    dim__free(model->ctx, p->objective.priors);
    dim__free(model->ctx, p->grads);
    memset(p, 0, sizeof *p);
}

dim_status dim__model_compile(dim_model *model, int64_t batch, bool training, dim__model_program **out)
{
    dim__graph *g = NULL;
    for (int i = 0; i < DIM__MODEL_PROGRAMS; i++)
        if (model->programs[i].program != NULL && model->programs[i].batch == batch && model->programs[i].training == training) {
            *out = &model->programs[i];
            return DIM_OK;
        }
    dim__model_program p = { .batch = batch, .training = training };
    p.objective.terms = dim__calloc(model->ctx, (size_t)model->n_terms, sizeof *p.objective.terms);
    p.objective.priors = dim__calloc(model->ctx, (size_t)model->n_priors, sizeof *p.objective.priors);
    dim_status status = p.objective.terms == NULL || p.objective.priors == NULL ? DIM_E_NOMEM
                                                                                  : dim__graph_create(model->ctx, &g);
    if (status == DIM_OK)
        status = dim__model_emit(model, g, batch, training, &p.objective);
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
