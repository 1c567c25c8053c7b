/* What a model is made of, as lines of text. */
#include "model/model.h"
#include "train/settings.h"

#include <stdio.h>

static dim_status add_term(dim__settings *s, const dim__term *t)
{
    char head[96];
    snprintf(head, sizeof head, "layers %lld%s and %lld, critic %d", (long long)t->x, t->whole ? " as a whole" : "",
             (long long)t->y, (int)t->information.o.critic);
    return dim__settings_of_information(s, t->name, head, &t->information);
}

static dim_status add_prior(dim__settings *s, const dim__model_prior *p)
{
    char head[64], weight[32];
    dim__put_float(weight, sizeof weight, p->weight);
    snprintf(head, sizeof head, "%s, weight %s", dim__prior_name((int)p->spec.o.kind), weight);
    return dim__settings_fields(s, p->name, head, &p->spec.o, &dim__prior_table);
}

static dim_status add_classifier(dim__settings *s, const dim__classifier *c)
{
    char key[DIM__SETTING_KEY], head[64];
    snprintf(key, sizeof key, "classifier.%s", c->name);
    snprintf(head, sizeof head, "layer %lld", (long long)c->layer);
    return dim__settings_fields(s, key, head, &c->o, &dim__classifier_table);
}

/* What was added to the objective, with what the model's own player does with it. */
static dim_status add_added(dim__settings *s, const dim_model *model)
{
    const dim_objective *obj = model->obj;
    int64_t losses = obj->n_losses - model->added_losses, players = obj->n_players - model->added_players;
    if (obj->n_inputs == DIM__MODEL_INPUTS && obj->n_applications == model->own_applications &&
        model->added_losses + model->added_players == 0)
        return DIM_OK;
    for (int64_t i = DIM__MODEL_INPUTS; i < obj->n_inputs; i++)
        DIM__TRY(dim__settings_of_input(s, obj, i));
    for (int64_t i = model->own_applications; i < obj->n_applications; i++)
        DIM__TRY(dim__settings_of_application(s, obj, i));
    for (int64_t i = losses; i < obj->n_losses; i++)
        DIM__TRY(dim__settings_of_loss(s, obj, i));
    DIM__TRY(dim__settings_of_player(s, obj, 0));
    for (int64_t i = players; i < obj->n_players; i++) {
        DIM__TRY(dim__settings_of_player(s, obj, i));
        DIM__TRY(dim__settings_of_optimizer(s, i, &obj->players[i].optimizer));
    }
    return DIM_OK;
}

/* The lines that models had before they were presets on objectives: old checkpoints have them. */
dim_status dim__settings_of_model(dim__settings *s, const void *of)
{
    const dim_model *model = of;
    DIM__TRY(dim__settings_add(s, "views", "%lld", (long long)model->views));
    if (model->occlude > 0)
        DIM__TRY(dim__settings_add(s, "occlude", "%u", model->occlude));
    DIM__TRY(dim__settings_of_network(s, "encoder", model->enc));
    for (int64_t i = 0; i < model->n_terms; i++)
        DIM__TRY(add_term(s, &model->terms[i]));
    for (int64_t i = 0; i < model->n_priors; i++)
        DIM__TRY(add_prior(s, &model->priors[i]));
    for (int64_t i = 0; i < model->n_classifiers; i++)
        DIM__TRY(add_classifier(s, &model->classifiers[i]));
    for (int64_t i = 0; i <= model->n_priors; i++)
        DIM__TRY(dim__settings_of_optimizer(s, i, dim__model_player_options(model, i)));
    return add_added(s, model);
}
