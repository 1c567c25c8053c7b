#include "train/settings.h"

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
dim_status dim__settings_fields(dim__settings *s, const char *key, const char *head, const void *options,
                             const dim__table *table)
{
    char line[DIM__SETTING_VALUE];
    size_t used = (size_t)snprintf(line, sizeof line, "%s", head);
    dim__fields_put(line, used, sizeof line, table, options);
    return dim__settings_add(s, key, "%s", line);
}

dim_status dim__settings_of_optimizer(dim__settings *s, int64_t player, const dim_optimizer_options *o)
{
    char key[DIM__SETTING_KEY], head[32];
    snprintf(key, sizeof key, "optimizer%lld", (long long)player);
    snprintf(head, sizeof head, "%s, %s", dim__rule_name((int)o->kind),
             dim__schedule_name((int)o->schedule));
    return dim__settings_fields(s, key, head, o, &dim__optimizer_table);
}

/* "<name>.input", and "<name>.input1" on with their names. */
static dim_status add_inputs(dim__settings *s, const char *name, const dim__stack *stack)
{
    for (int k = 0; k < stack->n_inputs; k++) {
        const dim__input *in = &stack->inputs[k];
        char key[DIM__SETTING_KEY];
        if (k > 0)
            snprintf(key, sizeof key, "%s.input%d", name, k);
        else
            snprintf(key, sizeof key, "%s.input", name);
        DIM__TRY(dim__settings_add(s, key, "%s%s%lld x %lld x %lld", k > 0 ? in->name : "", k > 0 ? ", " : "",
                                   (long long)in->shape[0], (long long)in->shape[1], (long long)in->shape[2]));
    }
    return DIM_OK;
}

dim_status dim__settings_of_network(dim__settings *s, const char *name, const dim_encoder *enc)
{
    static const dim__field fields[] = {
        DIM__FIELDS(dim_encoder, mean, F32, DIM_MAX_CHANNELS, NULL),
        DIM__FIELDS(dim_encoder, std, F32, DIM_MAX_CHANNELS, NULL),
    };
    static const dim__table pixels = DIM__TABLE(dim_encoder, fields);
    const dim__stack *stack = &enc->stack;
    char key[DIM__SETTING_KEY];
    DIM__TRY(add_inputs(s, name, stack));
    snprintf(key, sizeof key, "%s.pixels", name);
    DIM__TRY(dim__settings_fields(s, key, enc->normalise ? "normalised" : "plain", enc, &pixels));
    for (int64_t i = 0; i < stack->count; i++) {
        const dim__layer *l = &stack->layers[i];
        char head[96];
        snprintf(key, sizeof key, "%s.layer%lld", name, (long long)i);
        snprintf(head, sizeof head, "%s, kind %d, reads %lld", l->name, (int)l->o.kind, (long long)l->input);
        if (l->from != DIM__LAYER_NONE)
            snprintf(head + strlen(head), sizeof head - strlen(head), " and %lld", (long long)l->from);
        DIM__TRY(dim__settings_fields(s, key, head, &l->o, &dim__layer_table));
    }
    snprintf(key, sizeof key, "%s.code", name);
    return dim__settings_add(s, key, "layer %lld", (long long)enc->global);
}

dim_status dim__settings_of_information(dim__settings *s, const char *name, const char *head, const dim__information *t)
{
    char key[DIM__SETTING_KEY];
    snprintf(key, sizeof key, "term.%s", name);
    DIM__TRY(dim__settings_fields(s, key, head, &t->o, &dim__term_table));
    snprintf(key, sizeof key, "term.%s.estimator", name);
    return dim__settings_fields(s, key, dim__estimator_name((int)t->estimator.kind), &t->estimator, &dim__estimator_table);
}

/* ---- an objective ---------------------------------------------------------------------------------------------------- */

dim_status dim__settings_of_input(dim__settings *s, const dim_objective *obj, int64_t input)
{
    const dim__objective_input *in = &obj->inputs[input];
    char key[DIM__SETTING_KEY], low[32], high[32], range[80] = "";
    snprintf(key, sizeof key, "input.%s", in->name);
    dim__put_float(low, sizeof low, in->o.low);
    dim__put_float(high, sizeof high, in->o.high);
    if (in->o.kind == DIM_INPUT_UNIFORM && (in->o.low != 0 || in->o.high != 1)) /* else as files of older versions have it */
        snprintf(range, sizeof range, ", low %s, high %s", low, high);
    return dim__settings_add(s, key, "kind %d, %s, %lld x %lld x %lld, views %u%s", (int)in->o.kind,
                             dim__dtype_name(in->o.dtype), (long long)in->o.shape[0], (long long)in->o.shape[1],
                             (long long)in->o.shape[2], in->o.views, range);
}

/* " fx.3 and x": the value is layer 3 of an application, or an input. */
static void put_values(const dim_objective *obj, const dim__ref *of, int n, char *text, size_t room)
{
    size_t used = 0;
    for (int k = 0; k < n && used < room; k++)
        used += (size_t)(of[k].application < 0
                             ? snprintf(text + used, room - used, "%s%s", k > 0 ? " and " : "", obj->inputs[of[k].index].name)
                             : snprintf(text + used, room - used, "%s%s.%lld", k > 0 ? " and " : "",
                                        obj->applications[of[k].application].name, (long long)of[k].index));
}

dim_status dim__settings_of_application(dim__settings *s, const dim_objective *obj, int64_t i)
{
    const dim__application *a = &obj->applications[i];
    const dim__trained *t = &obj->trained[a->trained];
    char key[DIM__SETTING_KEY], values[DIM__SETTING_VALUE];
    put_values(obj, a->of, a->n_of, values, sizeof values);
    snprintf(key, sizeof key, "application.%s", a->name);
    DIM__TRY(dim__settings_add(s, key, "network %s, of %.440s", obj->applications[t->at].name, values));
    return t->at == i ? dim__settings_of_network(s, a->name, t->network) : DIM_OK;
}

dim_status dim__settings_of_loss(dim__settings *s, const dim_objective *obj, int64_t loss)
{
    static const dim__field fields[] = { /* of the kinds that have them; files of older versions have no such losses */
        DIM__FIELD(dim_loss_options, invariance, F32, NULL, 0), DIM__FIELD(dim_loss_options, variance, F32, NULL, 0),
        DIM__FIELD(dim_loss_options, covariance, F32, NULL, 0), DIM__FIELD(dim_loss_options, redundancy, F32, NULL, 0),
    };
    static const dim__table table = DIM__TABLE(dim_loss_options, fields);
    const dim__objective_loss *l = &obj->losses[loss];
    char key[DIM__SETTING_KEY], values[DIM__SETTING_VALUE], head[32], weights[160] = "";
    put_values(obj, l->of, l->n_of, values, sizeof values);
    snprintf(key, sizeof key, "loss.%s", l->loss.name);
    dim__fields_put(weights, 0, sizeof weights, &table, &l->loss.o);
    DIM__TRY(dim__settings_add(s, key, "%s of %.400s%s, adversary %d, sum_units %u%s", l->loss.def->name, values,
                               l->whole ? " as a whole" : "", (int)l->loss.o.adversary, l->loss.o.sum_units, weights));
    if (l->loss.def != &dim__loss_information)
        return DIM_OK;
    snprintf(head, sizeof head, "critic %d", (int)l->loss.information.o.critic);
    return dim__settings_of_information(s, l->loss.name, head, &l->loss.information);
}

dim_status dim__settings_of_player(dim__settings *s, const dim_objective *obj, int64_t i)
{
    const dim__player *p = &obj->players[i];
    char key[DIM__SETTING_KEY], weight[32];
    snprintf(key, sizeof key, "player.%s", p->name);
    DIM__TRY(dim__settings_add(s, key, "turns %u, afterwards %d", p->turns, p->afterwards));
    for (int64_t k = 0; k < p->n_aims; k++) {
        dim__put_float(weight, sizeof weight, p->aims[k].weight);
        snprintf(key, sizeof key, "player.%s.minimises.%s", p->name, obj->losses[p->aims[k].loss].loss.name);
        DIM__TRY(dim__settings_add(s, key, "weight %s", weight));
    }
    for (int64_t k = 0; k < obj->n_trained; k++) {
        const dim__trained *t = &obj->trained[k];
        if (t->player != (uint32_t)i)
            continue;
        snprintf(key, sizeof key, "player.%s.trains.%s", p->name,
                 t->network != NULL ? obj->applications[t->at].name : obj->losses[t->at].loss.name);
        DIM__TRY(dim__settings_add(s, key, "%s", t->network != NULL ? "network" : "critic"));
    }
    return DIM_OK;
}

dim_status dim__settings_of_objective(dim__settings *s, const void *of)
{
    const dim_objective *obj = of;
    for (int64_t i = 0; i < obj->n_inputs; i++)
        DIM__TRY(dim__settings_of_input(s, obj, i));
    for (int64_t i = 0; i < obj->n_applications; i++)
        DIM__TRY(dim__settings_of_application(s, obj, i));
    for (int64_t i = 0; i < obj->n_losses; i++)
        DIM__TRY(dim__settings_of_loss(s, obj, i));
    for (int64_t i = 0; i < obj->n_players; i++) {
        DIM__TRY(dim__settings_of_player(s, obj, i));
        DIM__TRY(dim__settings_of_optimizer(s, i, &obj->players[i].optimizer));
    }
    return DIM_OK;
}

/* ---- a loader -------------------------------------------------------------------------------------------------------- */

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
        DIM__TRY(dim__settings_fields(s, key, head, &list->op[i], &dim__augment_op_table));
    }
    return dim__settings_fields(s, "loader.augment", list->normalize ? "normalised" : "plain", list, &normalize);
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
