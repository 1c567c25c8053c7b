/* Online classifiers (AMDIM): linear or with one hidden layer, on features whose gradient is stopped. */
#include "model/model.h"

#include <math.h>
#include <stdio.h>

static dim_status check_numbers(dim_context *ctx, const char *name, const dim_classifier_options *o)
{
    if (o->classes < 2 || o->classes > (1u << 20))
        return dim__fail(ctx, DIM_E_INVALID, "classifier '%s': classes is %u; 2 to 1048576 are taken", name, o->classes);
    if (o->hidden > (1u << 24))
        return dim__fail(ctx, DIM_E_INVALID, "classifier '%s': hidden is %u; it must be 16777216 at most", name,
                         o->hidden);
    if (!(o->dropout >= 0 && o->dropout < 1))
        return dim__fail(ctx, DIM_E_INVALID, "classifier '%s': dropout is %g; it must be in [0, 1)", name,
                         (double)o->dropout);
    const float least0[2] = { o->clip, o->penalty };
    for (int i = 0; i < 2; i++)
        if (!(least0[i] >= 0) || !isfinite(least0[i]))
            return dim__fail(ctx, DIM_E_INVALID, "classifier '%s': %s is %g; it must be finite and at least 0", name,
                             i == 0 ? "clip" : "penalty", (double)least0[i]);
    if (!isfinite(o->weight))
        return dim__fail(ctx, DIM_E_INVALID, "classifier '%s': weight is %g; it must be finite", name,
                         (double)o->weight);
    return DIM_OK;
}

dim_status dim__model_add_classifier(dim_model *model, const dim_classifier_options *options)
{
    dim__classifier c = { .layer = 0 };
    dim_classifier_options *o = &c.o;
    if (model->fixed)
        return dim__fail(model->ctx, DIM_E_STATE, "the objective is fixed by its first use; add classifiers before");
    DIM__TRY(dim__options_copy(model->ctx, "dim_classifier_options", o, sizeof *o, options));
    const char *name = o->name != NULL ? o->name : "classifier";
    DIM__TRY(dim__model_check_name(model, name));
    DIM__TRY(dim__encoder_tap(model->enc, o->tap, &c.layer));
    if (dim__is_map(model->enc->stack.layers[c.layer].out))
        return dim__fail(model->ctx, DIM_E_SHAPE, "classifier '%s' reads a tap that is a map; it needs a vector", name);
    DIM__TRY(check_numbers(model->ctx, name, o));
    if (o->weight == 0)
        o->weight = 1;
    snprintf(c.name, sizeof c.name, "%s", name);
    o->name = o->tap = NULL;
    DIM__TRY(dim__grow(model->ctx, &model->classifiers, &model->cap_classifiers, model->n_classifiers + 1,
                       sizeof *model->classifiers));
    model->classifiers[model->n_classifiers++] = c;
    return DIM_OK;
}

static dim__vid dropout(const dim__net *net, const dim__classifier *c, dim__vid x)
{
    return net->training && c->o.dropout > 0 ? dim__op_dropout_(net->g, x, c->o.dropout) : x;
}

/* Logits before clipping. */
static dim__vid logits(const dim__net *net, const dim__classifier *c, dim__vid x)
{
    x = dropout(net, c, x);
    if (c->o.hidden > 0) {
        x = dim__nn_linear(net, "fc1", x, c->o.hidden, false, NULL);
        x = dim__op_relu_(net->g, dim__nn_batch_norm(net, "bn", x));
        x = dropout(net, c, x);
        return dim__nn_linear(net, "fc2", x, c->o.classes, true, NULL);
    }
    return dim__nn_linear(net, "fc1", x, c->o.classes, true, NULL);
}

static dim__net classifier_net(dim_model *model, dim__graph *g, const dim__classifier *c, bool training)
{
    int64_t group = 1 + model->n_priors + (c - model->classifiers);
    dim__net net = { .g = g, .params = &model->params, .training = training, .group = (uint32_t)group };
    snprintf(net.prefix, sizeof net.prefix, "%s.", c->name);
    return net;
}

static dim__vid clipped(dim__graph *g, dim__vid x, float clip)
{
    return clip == 0 ? x : dim__op_affine_(g, dim__op_tanh_(g, dim__op_affine_(g, x, 1 / (double)clip, 0)), clip, 0);
}

dim__class_nodes dim__emit_classifier(const dim__emission *e, const dim__classifier *c, dim__vid labels)
{
    dim__graph *g = e->g;
    dim__net net = classifier_net(e->model, g, c, true);
    dim__vid z = logits(&net, c, dim__op_stop_gradient_(g, e->layers[c->layer]));
    dim__class_nodes nodes = { dim__op_softmax_xent_(g, clipped(g, z, c->o.clip), labels), DIM__NONE };
    if (dim__graph_status(g) != DIM_OK)
        return nodes;
    nodes.probabilities = dim__out(nodes.loss, 1);
    if (c->o.penalty > 0)
        nodes.loss = dim__op_add_(g, nodes.loss, dim__op_sum_all_(g, dim__op_mul_(g, z, z),
                                                                  c->o.penalty / (double)dim__count_of(g, z)));
    nodes.loss = dim__op_affine_(g, nodes.loss, c->o.weight, 0);
    return nodes;
}

static dim_status find(const dim_model *model, const char *name, const dim__classifier **out)
{
    if (name == NULL)
        name = "classifier";
    for (int64_t i = 0; i < model->n_classifiers; i++)
        if (strcmp(model->classifiers[i].name, name) == 0) {
            *out = &model->classifiers[i];
            return DIM_OK;
        }
    return dim__fail(model->ctx, DIM_E_INVALID, "the model has no classifier '%.40s'", name);
}

typedef struct head { /* of a classifier alone: features in, logits out */
    dim__vid in, out;
} head;

typedef struct request {
    dim_model *model;
    const dim__classifier *c;
    const dim_tensor *features;
} request;

static dim__vid emit_head(void *arg, dim__graph *g, void *notes)
{
    const request *r = arg;
    head *h = notes;
    dim__net net = classifier_net(r->model, g, r->c, false);
    h->in = dim__graph_input(g, DIM_F32, dim__shape2(r->features->shape[0], r->features->shape[1]), false);
    h->out = clipped(g, logits(&net, r->c, h->in), r->c->o.clip);
    dim__graph_keep(g, h->out);
    return DIM__NONE;
}

static dim_status run_head(dim_model *model, const dim__classifier *c, const dim_tensor *features, dim_tensor *out)
{
    request r = { model, c, features };
    dim__compiled *p;
    DIM__TRY(dim__compile(&model->programs,
                          &(dim__recipe){ .key = { { DIM__PROGRAM_CLASSIFIER, c - model->classifiers, features->shape[0] } },
                                          .emit = emit_head, .arg = &r, .notes = sizeof(head) }, &p));
    const head *h = p->notes;
    memcpy(dim__program_data(p->program, h->in), features->data, (size_t)dim__tensor_count(features) * sizeof(float));
    dim__program_forward(p->program, 0, 0);
    int64_t shape[2] = { features->shape[0], c->o.classes }, stride[2] = { c->o.classes, 1 };
    dim__strided_copy(2, shape, DIM_F32, out->data, out->stride, DIM_F32, dim__program_data(p->program, h->out), stride);
    return DIM_OK;
}

dim_status dim__model_classify(dim_model *model, const char *name, const dim_tensor *images, dim_tensor *out)
{
    const dim__classifier *c = NULL;
    dim_tensor *features;
    int64_t batch;
    char text[128];
    DIM__TRY(find(model, name, &c));
    DIM__TRY(dim__model_fix(model));
    DIM__TRY(dim__encoder_check_images(model->enc, images, &batch));
    if (out->dtype != DIM_F32 || out->rank != 2 || out->shape[0] != batch || out->shape[1] != (int64_t)c->o.classes)
        return dim__fail(model->ctx, DIM_E_SHAPE, "logits are %s; they must be f32 (%lld, %u)",
                         dim__shape_text(text, out->rank, out->shape), (long long)batch, c->o.classes);
    DIM__TRY(dim__check_output(model->ctx, "logits", out));
    if (batch == 0)
        return DIM_OK;
    int64_t shape[2] = { batch, model->enc->stack.layers[c->layer].out[0] };
    DIM__TRY(dim__tensor_create(model->ctx, DIM_F32, 2, shape, &features));
    dim_status status = dim__encoder_encode(model->enc, images, c->layer, features);
    if (status == DIM_OK)
        status = run_head(model, c, features, out);
    dim__tensor_destroy(features);
    return status;
}
