/* Online classifiers (AMDIM): linear or with one hidden layer, on features.  Their player trains
 * nothing but them, so no gradient reaches the encoder. */
#include "model/model.h"

#include <stdio.h>

static const dim__range classes = { 2, 1 << 20, "2 to 1048576", NULL, NULL };

#define F(member, kind, range, usual) DIM__FIELD(dim_classifier_options, member, kind, range, usual)
static const dim__field fields[] = {
    F(classes, U32, &classes, 0),
    F(hidden, U32, &dim__width, 0),
    F(dropout, F32, &dim__fraction, 0),
    F(clip, F32, &dim__not_negative, 0),
    F(penalty, F32, &dim__not_negative, 0),
    F(weight, F32, &dim__finite, 1),
};
#undef F
const dim__table dim__classifier_table = DIM__TABLE(dim_classifier_options, fields);

dim_status dim__model_add_classifier(dim_model *model, const dim_classifier_options *options)
{
    dim__classifier c = { .layer = 0 };
    dim_classifier_options *o = &c.o;
    char where[64];
    if (model->obj->fixed)
        return dim__fail(model->ctx, DIM_E_STATE, "the objective is fixed by its first use; add classifiers before");
    DIM__TRY(dim__options_copy(model->ctx, "dim_classifier_options", o, sizeof *o, options));
    const char *name = o->name != NULL ? o->name : "classifier";
    DIM__TRY(dim__model_check_name(model, name));
    DIM__TRY(dim__encoder_tap(model->enc, o->tap, &c.layer));
    if (dim__is_map(model->enc->stack.layers[c.layer].out))
        return dim__fail(model->ctx, DIM_E_SHAPE, "classifier '%s' reads a tap that is a map; it needs a vector", name);
    snprintf(where, sizeof where, "classifier '%s': ", name);
    DIM__TRY(dim__options_check(model->ctx, where, &dim__classifier_table, o));
    dim__options_fill(&dim__classifier_table, o);
    snprintf(c.name, sizeof c.name, "%s", name);
    o->name = o->tap = NULL;
    DIM__TRY(dim__grow(model->ctx, &model->classifiers, &model->cap_classifiers, model->n_classifiers + 1,
                       sizeof *model->classifiers));
    model->classifiers[model->n_classifiers++] = c;
    return DIM_OK;
}

static dim__vid dropout(const dim__scope *scope, const dim__classifier *c, dim__vid x)
{
    return scope->training && c->o.dropout > 0 ? dim__emit_dropout(scope->g, x, c->o.dropout) : x;
}

/* Logits before clipping. */
static dim__vid logits(const dim__scope *scope, const dim__classifier *c, dim__vid x)
{
    x = dropout(scope, c, x);
    if (c->o.hidden > 0) {
        x = dim__nn_linear(scope, "fc1", x, c->o.hidden, false, NULL);
        x = dim__emit_relu(scope->g, dim__nn_batch_norm(scope, "bn", x));
        x = dropout(scope, c, x);
        return dim__nn_linear(scope, "fc2", x, c->o.classes, true, NULL);
    }
    return dim__nn_linear(scope, "fc1", x, c->o.classes, true, NULL);
}

static dim__vid clipped(dim__graph *g, dim__vid x, float clip)
{
    return clip == 0 ? x : dim__emit_affine(g, dim__emit_tanh(g, dim__emit_affine(g, x, 1 / (double)clip, 0)), clip, 0);
}

dim__vid dim__emit_logits(const dim__scope *scope, const dim__classifier *c, dim__vid x)
{
    return clipped(scope->g, logits(scope, c, x), c->o.clip);
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    const dim__classifier *c = in->loss->more;
    dim__graph *g = in->scope.g;
    dim__vid z = logits(&in->scope, c, in->side[0].v);
    dim__loss_nodes nodes = { .loss = dim__emit_softmax_xent(g, clipped(g, z, c->o.clip), in->side[1].v),
                              .against = DIM__NONE, .n_reports = 1 };
    nodes.reports[0].suffix = ".accuracy";
    nodes.reports[0].kind = DIM__LOSS_REPORT_ACCURACY;
    nodes.reports[0].v = dim__out(nodes.loss, 1);
    if (dim__graph_status(g) == DIM_OK && c->o.penalty > 0) {
        dim__vid own = dim__emit_row_scale(g, dim__emit_labelled(g, in->side[1].v), z);
        dim__vid square = dim__emit_sum_all(g, dim__emit_mul(g, own, own), c->o.penalty / (double)dim__count_of(g, z));
        nodes.loss = dim__emit_add(g, nodes.loss, dim__emit_mean_rank(g, square));
    }
    return nodes;
}

const dim__loss_def dim__loss_classifier = { .name = "classifier", .critic = true, .labels = true, .least = 2, .most = 2,
                                             .emit = emit };
