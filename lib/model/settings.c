#include "model/settings.h"

#include "objective/estimators/handle.h"

#include <inttypes.h>
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

/* Options structs by tables: names and places of the fields that matter. */
typedef enum field_type { U32, U64, F32 } field_type;

typedef struct field {
    const char *name;
    size_t offset;
    field_type type;
    int count; /* an array of so many; its zeros at the end are left out */
} field;

#define FIELD(type, member, kind) { #member, offsetof(type, member), kind, 1 }
#define FIELDS(type, member, kind, n) { #member, offsetof(type, member), kind, n }

/* So that a float is the same text in every locale: what is between the digits is a point. */
static void put_float(char *text, size_t room, float x)
{
    char raw[32];
    size_t n = 0;
    snprintf(raw, sizeof raw, "%.9g", (double)x);
    for (const char *c = raw; *c != '\0' && n + 1 < room; c++)
        if (strchr("0123456789+-einfa", *c) != NULL)
            text[n++] = *c;
        else if (n == 0 || text[n - 1] != '.')
            text[n++] = '.';
    text[n] = '\0';
}

static bool element(const field *f, const void *options, int i, char text[32])
{
    const char *p = (const char *)options + f->offset;
    uint32_t u32;
    uint64_t u64;
    float f32;
    switch (f->type) {
    case U32:
        memcpy(&u32, p + (size_t)i * sizeof u32, sizeof u32);
        snprintf(text, 32, "%" PRIu32, u32);
        return u32 != 0;
    case U64:
        memcpy(&u64, p + (size_t)i * sizeof u64, sizeof u64);
        snprintf(text, 32, "%" PRIu64, u64);
        return u64 != 0;
    default:
        memcpy(&f32, p + (size_t)i * sizeof f32, sizeof f32);
        put_float(text, 32, f32);
        return f32 != 0;
    }
}

/* "<head>, <name> <value>, ..." with the fields that are not 0. */
static dim_status add_fields(dim__settings *s, const char *key, const char *head, const void *options,
                             const field *fields, size_t n_fields)
{
    char line[DIM__SETTING_VALUE], text[32];
    size_t at = (size_t)snprintf(line, sizeof line, "%s", head);
    for (size_t k = 0; k < n_fields; k++) {
        int used = fields[k].count;
        while (used > 0 && !element(&fields[k], options, used - 1, text))
            used--;
        for (int i = 0; i < used && at < sizeof line; i++) {
            element(&fields[k], options, i, text);
            at += (size_t)(i == 0 ? snprintf(line + at, sizeof line - at, ", %s %s", fields[k].name, text)
                                  : snprintf(line + at, sizeof line - at, " %s", text));
        }
    }
    return dim__settings_add(s, key, "%s", line);
}

#define ADD_FIELDS(s, key, head, options, fields) \
    add_fields(s, key, head, options, fields, sizeof(fields) / sizeof(fields)[0])

static dim_status add_optimizer(dim__settings *s, int64_t group, const dim_optimizer_options *o)
{
    static const char *const kinds[] = { "adam", "adamw", "sgd", "rmsprop" };
    static const char *const schedules[] = { "constant", "step", "cosine" };
#define F(member, kind) FIELD(dim_optimizer_options, member, kind)
    static const field fields[] = {
        F(lr, F32), F(beta1, F32), F(beta2, F32), F(eps, F32), F(weight_decay, F32), F(momentum, F32), F(alpha, F32),
        F(nesterov, U32), F(clip_norm, F32), F(clip_value, F32), F(gamma, F32), F(min_lr, F32), F(warmup_steps, U64),
        F(total_steps, U64), FIELDS(dim_optimizer_options, milestones, U64, DIM_MAX_MILESTONES),
    };
#undef F
    char key[DIM__SETTING_KEY], head[32];
    snprintf(key, sizeof key, "optimizer%lld", (long long)group);
    snprintf(head, sizeof head, "%s, %s", kinds[o->kind], schedules[o->schedule]);
    return ADD_FIELDS(s, key, head, o, fields);
}

static dim_status add_encoder(dim__settings *s, const dim_encoder *enc)
{
#define F(member, kind) FIELD(dim_layer_options, member, kind)
    static const field fields[] = {
        F(out, U32), F(kernel, U32), F(kernel_w, U32), F(stride, U32), F(padding, U32), F(padding_mode, U32),
        F(no_bias, U32), F(slope, F32), F(rate, F32), F(start, U32), F(output_padding, U32), F(height, U32), F(width, U32),
    };
#undef F
    static const field pixels[] = {
        FIELDS(dim_encoder, mean, F32, DIM_MAX_CHANNELS), FIELDS(dim_encoder, std, F32, DIM_MAX_CHANNELS),
    };
    const dim__stack *stack = &enc->stack;
    DIM__TRY(dim__settings_add(s, "encoder.input", "%lld x %lld x %lld", (long long)stack->input[0],
                               (long long)stack->input[1], (long long)stack->input[2]));
    DIM__TRY(ADD_FIELDS(s, "encoder.pixels", enc->normalise ? "normalised" : "plain", enc, pixels));
    for (int64_t i = 0; i < stack->count; i++) {
        const dim__layer *l = &stack->layers[i];
        char key[DIM__SETTING_KEY], head[96];
        snprintf(key, sizeof key, "encoder.layer%lld", (long long)i);
        snprintf(head, sizeof head, "%s, kind %d, reads %lld", l->name, (int)l->o.kind, (long long)l->input);
        if (l->from != -2)
            snprintf(head + strlen(head), sizeof head - strlen(head), " and %lld", (long long)l->from);
        DIM__TRY(ADD_FIELDS(s, key, head, &l->o, fields));
    }
    return dim__settings_add(s, "encoder.code", "layer %lld", (long long)enc->global);
}

static dim_status add_term(dim__settings *s, const dim__term *t)
{
#define F(member, kind) FIELD(dim_term_options, member, kind)
    static const field fields[] = {
        F(weight, F32), F(units, U32), F(batch_norm, U32), FIELDS(dim_term_options, hidden, U32, DIM_MAX_HIDDEN),
        F(mixture, U32), F(mixture_tau, F32), F(shortcut, U32),
    };
#undef F
#define F(member, kind) FIELD(dim_estimator_options, member, kind)
    static const field estimator[] = {
        F(negatives, U32), F(smile_tau, F32), F(mine_rate, F32), F(scale, F32), F(penalty, F32), F(clip, F32),
        F(score_memory, U64),
    };
#undef F
    char key[DIM__SETTING_KEY], head[96];
    snprintf(key, sizeof key, "term.%s", t->name);
    snprintf(head, sizeof head, "layers %lld%s and %lld, critic %d", (long long)t->x, t->whole ? " as a whole" : "",
             (long long)t->y, (int)t->o.critic);
    DIM__TRY(ADD_FIELDS(s, key, head, &t->o, fields));
    snprintf(key, sizeof key, "term.%s.estimator", t->name);
    return ADD_FIELDS(s, key, dim__estimator_def_of(t->estimator.kind)->name, &t->estimator, estimator);
}

static dim_status add_prior(dim__settings *s, const dim__model_prior *p)
{
    static const char *const kinds[] = { "kl", "uniform", "gaussian" };
#define F(member, kind) FIELD(dim_prior_options, member, kind)
    static const field fields[] = { F(sum_units, U32), F(minimax, U32), F(hidden1, U32), F(hidden2, U32) };
#undef F
    char head[64], weight[32];
    put_float(weight, sizeof weight, p->weight);
    snprintf(head, sizeof head, "%s, weight %s", kinds[p->spec.o.kind], weight);
    return ADD_FIELDS(s, p->name, head, &p->spec.o, fields);
}

static dim_status add_classifier(dim__settings *s, const dim__classifier *c)
{
#define F(member, kind) FIELD(dim_classifier_options, member, kind)
    static const field fields[] = {
        F(classes, U32), F(hidden, U32), F(dropout, F32), F(clip, F32), F(penalty, F32), F(weight, F32),
    };
#undef F
    char key[DIM__SETTING_KEY], head[64];
    snprintf(key, sizeof key, "classifier.%s", c->name);
    snprintf(head, sizeof head, "layer %lld", (long long)c->layer);
    return ADD_FIELDS(s, key, head, &c->o, fields);
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
        DIM__TRY(add_optimizer(s, i, dim__model_group_options(model, i)));
    return DIM_OK;
}

static dim_status add_augment(dim__settings *s, const dim__augment_list *list)
{
#define F(member, kind) FIELD(dim_augment_op_options, member, kind)
    static const field fields[] = {
        F(sharing, U32), F(p, F32), F(shift, U32), F(height, U32), F(width, U32), F(area_min, F32), F(area_max, F32),
        F(aspect_min, F32), F(aspect_max, F32), F(brightness, F32), F(contrast, F32), F(saturation, F32), F(hue, F32),
    };
#undef F
    static const field normalize[] = {
        FIELDS(dim__augment_list, mean, F32, 3), FIELDS(dim__augment_list, std, F32, 3),
    };
    for (int i = 0; i < list->count; i++) {
        char key[DIM__SETTING_KEY], head[32];
        snprintf(key, sizeof key, "loader.augment%d", i);
        snprintf(head, sizeof head, "operation %d", (int)list->op[i].op);
        DIM__TRY(ADD_FIELDS(s, key, head, &list->op[i], fields));
    }
    return ADD_FIELDS(s, "loader.augment", list->normalize ? "normalised" : "plain", list, normalize);
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
