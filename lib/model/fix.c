/* The objective of a model (DIM eq. 8): alpha I_global + beta / M^2 sum I_local - gamma D(prior).  Inputs, the encoder's
 * application and the model's player are in it from the start, so that more can be added; the first use puts the rest. */
#include "model/model.h"

#include <stdio.h>

/* No name that a user can give begins like this, so the players of priors and classifiers are in nobody's way. */
#define OWN "@"

enum { ENCODER, HIDE, OCCLUDED }; /* applications; the last two where something is hidden */

dim__ref dim__model_layer(int64_t layer)
{
    return layer < 0 ? (dim__ref){ -1, DIM__MODEL_IMAGES } : (dim__ref){ ENCODER, layer };
}

dim__ref dim__model_antecedent(const dim_model *model, int64_t layer)
{
    dim__ref ref = dim__model_layer(layer);
    if (model->occlude > 0)
        ref = layer < 0 ? (dim__ref){ HIDE, 0 } : (dim__ref){ OCCLUDED, layer };
    return ref;
}

static bool taken(const void *model, const char *name) { return dim__model_name_taken(model, name); }
static dim_status fix(void *model);
static const dim__owner owner = { taken, fix, "the objective is under a model, which steps, evaluates and saves it" };

/* The network that hides a square of the images.  It takes pixels as the encoder does, which gets them ready from it. */
static dim_status make_hide(dim_model *model, dim_encoder **out)
{
    const dim_encoder *enc = model->enc;
    const int64_t *shape = enc->stack.inputs[0].shape;
    dim_encoder_options o = { .size = sizeof o, .channels = (uint32_t)shape[0] };
    dim__stack s = { .ctx = model->ctx };
    memcpy(o.mean, enc->mean, sizeof o.mean);
    memcpy(o.std, enc->std, sizeof o.std);
    dim_status status = DIM_OK;
    if (!dim__is_map(shape))
        status = dim__fail(model->ctx, DIM_E_SHAPE, "dim_model_options.occlude is %u, but the encoder reads vectors, of which no "
                           "block can be hidden", model->occlude);
    if (status == DIM_OK)
        status = dim__stack_add_input(&s, "input", shape);
    if (status == DIM_OK)
        status = dim__add(&s, (dim_layer_options){ .kind = DIM_LAYER_OCCLUDE, .kernel = model->occlude });
    if (status == DIM_OK)
        status = dim__encoder_from_stack(&s, &o, 0, out);
    dim__stack_free(&s); /* empty when the network took it */
    return status;
}

static dim_status put_occluded(dim_model *model)
{
    dim_objective *obj = model->obj;
    dim__application hide = { .name = "hide", .n_of = 1, .of = { { -1, DIM__MODEL_IMAGES } }, .views = model->views };
    dim__application occluded = { .name = "occluded", .n_of = 1, .of = { { HIDE, 0 } }, .views = model->views };
    dim_encoder *network = NULL;
    DIM__TRY(make_hide(model, &network));
    dim_status status = dim__objective_put_application(obj, network, &hide);
    dim__encoder_release(network);
    DIM__TRY(status);
    obj->trained[obj->applications[HIDE].trained].player = 0; /* so that it hides: it has nothing to train */
    return dim__objective_put_application(obj, model->enc, &occluded);
}

dim_status dim__model_begin(dim_model *model)
{
    dim_objective *obj = model->obj;
    dim__objective_input images = { .name = "images", .o = { .dtype = DIM_F32, .views = (uint32_t)model->views } };
    dim__objective_input labels = { .name = "labels", .o = { .dtype = DIM_I32, .views = (uint32_t)model->views } };
    dim__application encoder = { .name = "encoder", .n_of = 1, .of = { { -1, DIM__MODEL_IMAGES } }, .views = model->views };
    dim__player player = { .name = "model", .turns = 1 };
    obj->owner = &owner;
    obj->owned_by = model;
    memcpy(images.o.shape, model->enc->stack.inputs[0].shape, sizeof images.o.shape);
    DIM__TRY(dim__objective_put_input(obj, &images));
    DIM__TRY(dim__objective_put_input(obj, &labels));
    DIM__TRY(dim__objective_put_application(obj, model->enc, &encoder));
    DIM__TRY(dim__objective_put_player(obj, &player));
    obj->trained[obj->applications[ENCODER].trained].player = 0;
    if (model->occlude > 0)
        DIM__TRY(put_occluded(model));
    model->own_applications = obj->n_applications;
    return DIM_OK;
}

const dim_optimizer_options *dim__model_player_options(const dim_model *model, int64_t player)
{
    const dim__model_prior *p = player >= 1 && player <= model->n_priors ? &model->priors[player - 1] : NULL;
    return p != NULL && p->spec.own_optimizer ? &p->spec.optimizer : &model->optimizer;
}

static dim_status put_players(dim_model *model)
{
    model->obj->players[0].optimizer = model->optimizer;
    for (int64_t i = 1; i < dim__model_players_count(model); i++) {
        dim__player p = { .optimizer = *dim__model_player_options(model, i), .turns = 1 };
        const char *name = i <= model->n_priors ? model->priors[i - 1].name
                                                : model->classifiers[i - 1 - model->n_priors].name;
        snprintf(p.name, sizeof p.name, OWN "%.*s", DIM__TAP_SIZE - 2, name);
        DIM__TRY(dim__objective_put_player(model->obj, &p));
    }
    return DIM_OK;
}

/* Number of the model's player while those that were added are still before it. */
static int64_t at(const dim_model *model, int64_t player) { return player == 0 ? 0 : model->added_players + player; }

/* A loss of the model; its critic, if it has one, and its aim are the player's. */
static dim_status put(dim_model *model, const char *name, dim__objective_loss *l, int64_t player)
{
    snprintf(l->loss.name, sizeof l->loss.name, "%s", name);
    DIM__TRY(dim__objective_put_loss(model->obj, l));
    int64_t loss = model->obj->n_losses - 1, trained = model->obj->losses[loss].trained;
    if (trained >= 0)
        model->obj->trained[trained].player = (uint32_t)at(model, player);
    return DIM_OK;
}

static dim_status aim(dim_model *model, int64_t player, bool against)
{
    return dim__objective_put_aim(model->obj, at(model, player), (dim__aimed){ model->obj->n_losses - 1, 1, against });
}

static dim_status put_term(dim_model *model, const dim__term *t)
{
    dim__objective_loss l = { .loss = { .def = &dim__loss_information, .information = t->information, .weighted = true,
                                        .weight = t->information.o.weight },
                              .n_of = 2, .of = { dim__model_layer(t->x), dim__model_antecedent(model, t->y) }, .whole = t->whole };
    DIM__TRY(put(model, t->name, &l, 0));
    return aim(model, 0, false);
}

static dim_status put_prior(dim_model *model, int64_t index)
{
    const dim__model_prior *p = &model->priors[index];
    const dim_encoder *enc = model->enc;
    dim__objective_loss l = { .loss = { .def = &dim__loss_model_prior, .more = &p->spec.o, .weighted = true, .weight = p->weight },
                              .n_of = 1, .of = { dim__model_layer(enc->global) } };
    if (enc->gaussian != DIM__LAYER_NONE) {
        const dim__layer *g = &enc->stack.layers[enc->gaussian];
        l.n_of = 3;
        l.of[1] = dim__model_layer(g->input);
        l.of[2] = dim__model_layer(g->from);
    }
    DIM__TRY(put(model, p->name, &l, index + 1));
    DIM__TRY(aim(model, 0, false));
    return p->spec.o.kind == DIM_PRIOR_KL ? DIM_OK : aim(model, index + 1, true);
}

static dim_status put_classifier(dim_model *model, int64_t index)
{
    const dim__classifier *c = &model->classifiers[index];
    dim__objective_loss l = { .loss = { .def = &dim__loss_classifier, .more = c, .weighted = true, .weight = c->o.weight },
                              .n_of = 2, .of = { dim__model_layer(c->layer), { -1, DIM__MODEL_LABELS } } };
    int64_t player = 1 + model->n_priors + index;
    DIM__TRY(put(model, c->name, &l, player));
    return aim(model, player, false);
}

/* Of the code for downstream use: a Gaussian code's mean. */
static dim_status put_code(dim_model *model)
{
    const dim_encoder *enc = model->enc;
    const dim__layer *l = &enc->stack.layers[enc->global];
    dim__objective_loss code = { .loss = { .def = &dim__loss_code }, .n_of = 1,
                                 .of = { dim__model_layer(l->o.kind == DIM_LAYER_GAUSSIAN ? l->input : enc->global) } };
    return put(model, "code", &code, 0);
}

static dim_status put_together(dim_model *model)
{
    DIM__TRY(put_players(model));
    for (int64_t i = 0; i < model->n_terms; i++)
        DIM__TRY(put_term(model, &model->terms[i]));
    for (int64_t i = 0; i < model->n_priors; i++)
        DIM__TRY(put_prior(model, i));
    for (int64_t i = 0; i < model->n_classifiers; i++)
        DIM__TRY(put_classifier(model, i));
    return put_code(model);
}

static dim_status make_room_for_code(dim_model *model)
{
    const int64_t *code = model->enc->stack.layers[model->enc->global].out;
    size_t units = dim__is_map(code) ? 0 : (size_t)code[0];
    if (model->code_mean == NULL)
        model->code_mean = dim__calloc(model->ctx, units, sizeof *model->code_mean);
    if (model->code_std == NULL)
        model->code_std = dim__calloc(model->ctx, units, sizeof *model->code_std);
    return model->code_mean != NULL && model->code_std != NULL ? DIM_OK : DIM_E_NOMEM;
}

static dim_status declare(dim_model *model)
{
    DIM__TRY(dim__objective_declare(model->obj));
    dim_status status = dim__model_list_reports(model);
    if (status != DIM_OK)
        dim__objective_undeclare(model->obj);
    return status;
}

/* On failure there is again what was added, and nothing else. */
static dim_status fix(void *arg)
{
    dim_model *model = arg;
    dim_objective *obj = model->obj;
    if (model->n_terms + model->n_priors == 0 && obj->players[0].n_aims == 0)
        return dim__fail(model->ctx, DIM_E_STATE, "the model has no terms: add one with dim_model_add_term()");
    DIM__TRY(make_room_for_code(model));
    model->added_losses = obj->n_losses;
    model->added_players = obj->n_players - 1;
    dim_status status = put_together(model);
    if (status == DIM_OK) {
        int64_t losses = obj->n_losses - model->added_losses, players = dim__model_players_count(model) - 1;
        dim__objective_to_front(obj, losses, players);
        status = declare(model);
        if (status != DIM_OK)
            dim__objective_from_front(obj, losses, players);
    }
    if (status != DIM_OK) {
        model->n_reports = 0;
        dim__objective_cut(obj, model->added_losses, model->added_players + 1);
    }
    return status;
}

dim_status dim__model_fix(dim_model *model) { return dim__objective_fix(model->obj); }
