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

/* The lines that models had before they were presets on objectives: old checkpoints have them. */
dim_status dim__settings_of_model(dim__settings *s, const void *of)
{
    const dim_model *model = of;
    DIM__TRY(dim__settings_add(s, "views", "%lld", (long long)model->views));
    DIM__TRY(dim__settings_of_network(s, "encoder", model->enc));
    for (int64_t i = 0; i < model->n_terms; i++)
        DIM__TRY(add_term(s, &model->terms[i]));
    for (int64_t i = 0; i < model->n_priors; i++)
        DIM__TRY(add_prior(s, &model->priors[i]));
    for (int64_t i = 0; i < model->n_classifiers; i++)
        DIM__TRY(add_classifier(s, &model->classifiers[i]));
    for (int64_t i = 0; i <= model->n_priors; i++)
        DIM__TRY(dim__settings_of_optimizer(s, i, dim__model_player_options(model, i)));
    return DIM_OK;
}
