/* A classifier's logits for images. */
#include "model/model.h"

#include <stdio.h>

/* First number of the keys of these programs, which are kept with the objective's. */
enum { PROGRAM_CLASSIFIER = DIM__OBJECTIVE_GRADIENT + 1 };

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

static int emit_head(void *arg, dim__graph *g, void *notes, dim__aim *aims)
{
    (void)aims;
    const request *r = arg;
    head *h = notes;
    h->in = dim__graph_input(g, DIM_F32, dim__shape2(r->features->shape[0], r->features->shape[1]), false);
    dim__scope scope = { .g = g, .params = &r->model->obj->params, .group = DIM__NOBODY };
    snprintf(scope.prefix, sizeof scope.prefix, "%s.", r->c->name);
    h->out = dim__emit_logits(&scope, r->c, h->in);
    dim__graph_keep(g, h->out);
    return 0;
}

static dim_status run_head(dim_model *model, const dim__classifier *c, const dim_tensor *features, dim_tensor *out)
{
    request r = { model, c, features };
    dim__compiled *p;
    DIM__TRY(dim__compile(&model->obj->programs,
                          &(dim__recipe){ .key = { { PROGRAM_CLASSIFIER, c - model->classifiers, features->shape[0] } },
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
    DIM__TRY(dim__encoder_check_input(model->enc, 0, images, &batch));
    if (out->dtype != DIM_F32 || out->rank != 2 || out->shape[0] != batch || out->shape[1] != (int64_t)c->o.classes)
        return dim__fail(model->ctx, DIM_E_SHAPE, "logits are %s; they must be f32 (%lld, %u)",
                         dim__shape_text(text, out->rank, out->shape), (long long)batch, c->o.classes);
    DIM__TRY(dim__check_output(model->ctx, "logits", out));
    if (batch == 0)
        return DIM_OK;
    int64_t shape[2] = { batch, model->enc->stack.layers[c->layer].out[0] };
    DIM__TRY(dim__tensor_create(model->ctx, DIM_F32, 2, shape, &features));
    dim_status status = dim__encoder_encode(model->enc, 1, &images, c->layer, features);
    if (status == DIM_OK)
        status = run_head(model, c, features, out);
    dim__tensor_destroy(features);
    return status;
}
