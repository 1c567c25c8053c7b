#include "model/settings.h"

#include "base/enums.h"
#include "objective/estimators/handle.h"

#include <stdarg.h>
#include <stdio.h>

dim_status dim__settings_add(dim__settings *s, const char *key, const char *format, ...)
{
    va_list args;
    DIM__TRY(dim__grow(s->ctx, &s->list, &s->capacity, s->count + 1, sizeof *s->list));
    dim__setting *new = &s->list[s->count++];
    snprintf(new->key, sizeof new->key, "%s", key);
    va_start(args, format);
    vsnprintf(new->value, sizeof new->value, format, args);
    va_end(args);
    return DIM_OK;
}

const char *dim__settings_find(const dim__settings *s, const char *key)
{
    for (int64_t i = 0; i < s->count; i++)
        if (strcmp(s->list[i].key, key) == 0)
            return s->list[i].value;
    return NULL;
}

void dim__settings_free(dim__settings *s)
{
    dim__free(s->ctx, s->list);
    s->list = NULL;
    s->count = s->capacity = 0;
}

/* "<head>, <name> <value>, ..." with the fields that are not 0. */
static dim_status add_fields(dim__settings *s, const char *key, const char *head, const void *options,
                             const dim__table *table)
{
    char line[DIM__SETTING_VALUE];
    size_t used = (size_t)snprintf(line, sizeof line, "%s", head);
    dim__fields_put(line, used, sizeof line, table, options);
    return dim__settings_add(s, key, "%s", line);
}

static dim_status add_optimizer(dim__settings *s, int64_t group, const dim_optimizer_options *o)
{
    char key[DIM__SETTING_KEY], head[32];
    snprintf(key, sizeof key, "optimizer%lld", (long long)group);
    snprintf(head, sizeof head, "%s, %s", dim__rule_name((int)o->kind),
             dim__schedule_name((int)o->schedule));
    return add_fields(s, key, head, o, &dim__optimizer_table);
}

/* "encoder.input", and "encoder.input1" on with their names. */
static dim_status add_inputs(dim__settings *s, const dim__stack *stack)
{
    for (int k = 0; k < stack->n_inputs; k++) {
        const dim__input *in = &stack->inputs[k];
        char key[DIM__SETTING_KEY] = "encoder.input";
        if (k > 0)
            snprintf(key, sizeof key, "encoder.input%d", k);
        DIM__TRY(dim__settings_add(s, key, "%s%s%lld x %lld x %lld", k > 0 ? in->name : "", k > 0 ? ", " : "",
                                   (long long)in->shape[0], (long long)in->shape[1], (long long)in->shape[2]));
    }
    return DIM_OK;
}

static dim_status add_encoder(dim__settings *s, const dim_encoder *enc)
{
    static const dim__field fields[] = {
        DIM__FIELDS(dim_encoder, mean, F32, DIM_MAX_CHANNELS, NULL),
        DIM__FIELDS(dim_encoder, std, F32, DIM_MAX_CHANNELS, NULL),
    };
    static const dim__table pixels = DIM__TABLE(dim_encoder, fields);
    const dim__stack *stack = &enc->stack;
    DIM__TRY(add_inputs(s, stack));
    DIM__TRY(add_fields(s, "encoder.pixels", enc->normalise ? "normalised" : "plain", enc, &pixels));
    for (int64_t i = 0; i < stack->count; i++) {
        const dim__layer *l = &stack->layers[i];
        char key[DIM__SETTING_KEY], head[96];
        snprintf(key, sizeof key, "encoder.layer%lld", (long long)i);
        snprintf(head, sizeof head, "%s, kind %d, reads %lld", l->name, (int)l->o.kind, (long long)l->input);
        if (l->from != DIM__LAYER_NONE)
            snprintf(head + strlen(head), sizeof head - strlen(head), " and %lld", (long long)l->from);
        DIM__TRY(add_fields(s, key, head, &l->o, &dim__layer_table));
    }
    return dim__settings_add(s, "encoder.code", "layer %lld", (long long)enc->global);
}

static dim_status add_term(dim__settings *s, const dim__term *t)
{
    char key[DIM__SETTING_KEY], head[96];
    snprintf(key, sizeof key, "term.%s", t->name);
    snprintf(head, sizeof head, "layers %lld%s and %lld, critic %d", (long long)t->x, t->whole ? " as a whole" : "",
             (long long)t->y, (int)t->information.o.critic);
    DIM__TRY(add_fields(s, key, head, &t->information.o, &dim__term_table));
    snprintf(key, sizeof key, "term.%s.estimator", t->name);
    return add_fields(s, key, dim__estimator_name((int)t->information.estimator.kind), &t->information.estimator,
                      &dim__estimator_table);
}

static dim_status add_prior(dim__settings *s, const dim__model_prior *p)
{
    char head[64], weight[32];
    dim__put_float(weight, sizeof weight, p->weight);
    snprintf(head, sizeof head, "%s, weight %s", dim__prior_name((int)p->spec.o.kind), weight);
    return add_fields(s, p->name, head, &p->spec.o, &dim__prior_table);
}

static dim_status add_classifier(dim__settings *s, const dim__classifier *c)
{
    char key[DIM__SETTING_KEY], head[64];
    snprintf(key, sizeof key, "classifier.%s", c->name);
    snprintf(head, sizeof head, "layer %lld", (long long)c->layer);
    return add_fields(s, key, head, &c->o, &dim__classifier_table);
}

dim_status dim__settings_of_model(dim__settings *s, const dim_model *model)
{
    DIM__TRY(dim__settings_add(s, "views", "%lld", (long long)model->views));
    DIM__TRY(add_encoder(s, model->enc));
    for (int64_t i = 0; i < model->n_terms; i++)
        DIM__TRY(add_term(s, &model->terms[i]));
    for (int64_t i = 0; i < model->n_priors; i++)
        DIM__TRY(add_prior(s, &model->priors[i]));
    for (int64_t i = 0; i < model->n_classifiers; i++)
        DIM__TRY(add_classifier(s, &model->classifiers[i]));
    for (int64_t i = 0; i <= model->n_priors; i++)
        DIM__TRY(add_optimizer(s, i, dim__model_player_options(model, i)));
    return DIM_OK;
}

static dim_status add_augment(dim__settings *s, const dim__augment_list *list)
{
    static const dim__field fields[] = {
        DIM__FIELDS(dim__augment_list, mean, F32, 3, NULL), DIM__FIELDS(dim__augment_list, std, F32, 3, NULL),
    };
    static const dim__table normalize = DIM__TABLE(dim__augment_list, fields);
    for (int i = 0; i < list->count; i++) {
        char key[DIM__SETTING_KEY], head[32];
        snprintf(key, sizeof key, "loader.augment%d", i);
        snprintf(head, sizeof head, "operation %d", (int)list->op[i].op);
        DIM__TRY(add_fields(s, key, head, &list->op[i], &dim__augment_op_table));
    }
    return add_fields(s, "loader.augment", list->normalize ? "normalised" : "plain", list, &normalize);
}

dim_status dim__settings_of_loader(dim__settings *s, const dim_loader *loader)
{
    dim__loader_info info;
    dim__loader_describe(loader, &info);
    const dim_dataset *ds = info.dataset;
    DIM__TRY(dim__settings_add(s, "loader.dataset", "%lld samples, %lld x %lld x %lld, %s, %lld classes",
                               (long long)ds->count, (long long)ds->shape[0], (long long)ds->shape[1],
                               (long long)ds->shape[2], dim__dtype_name(ds->dtype), (long long)ds->classes));
    DIM__TRY(dim__settings_add(s, "loader.batch", "%lld", (long long)info.batch));
    DIM__TRY(dim__settings_add(s, "loader.last_batch", "%lld", (long long)info.last));
    DIM__TRY(dim__settings_add(s, "loader.order", "%s", info.in_order ? "in order" : "shuffled"));
    DIM__TRY(dim__settings_add(s, "loader.views", "%lld", (long long)info.views));
    return info.augment == NULL ? DIM_OK : add_augment(s, &info.augment->list);
}
