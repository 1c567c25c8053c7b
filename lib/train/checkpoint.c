/* Checkpoints: one safetensors file with the parameters under the names of saved weights, the hidden states under theirs,
 * the optimizers' moments under "optimizer.m." and "optimizer.v." and the parameter's name, and in its metadata the
 * settings ("dim.") and the numbers that count on ("dim.state.").
 *
 * Noise is a function of seed and step, and a loader's batches are of seed and number, so these numbers are all the state
 * that random draws have.  No parameter is named "optimizer.m..." or "optimizer.v...": behind a term's name and its dot
 * there are only the names of critics' networks. */
#include "train/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>

static const char FORMAT[] = "1";
#define KEY "dim."
#define STATE KEY "state."
enum { NAME_SIZE = DIM__FULL_NAME_SIZE + 16 };

typedef struct item { /* an array of the file and the memory that it is of */
    char name[NAME_SIZE];
    dim__param view; /* a parameter, or one whose data are a moment of it */
} item;

typedef struct items {
    item *list;
    dim__array *arrays;
    float *data; /* of the arrays that are not in place */
    int64_t count;
} items;

static void items_free(dim_context *ctx, items *it)
{
    dim__free(ctx, it->list);
    dim__free(ctx, it->arrays);
    dim__free(ctx, it->data);
    *it = (items){ NULL, NULL, NULL, 0 };
}

static void add_item(items *it, const char *kind, const char *prefix, const dim__param *p, float *data)
{
    item *new = &it->list[it->count++];
    if (data == NULL) { /* a moment that the rule does not have */
        it->count--;
        return;
    }
    snprintf(new->name, sizeof new->name, "%s%s%s", kind, prefix, p->name);
    new->view = *p;
    new->view.data = data;
}

static const char *prefix_of(const dim__objective_groups *groups, const dim__param *p)
{
    for (int k = 0; k < groups->n; k++)
        for (int64_t i = 0; i < groups->list[k].params->count; i++)
            if (groups->list[k].params->list[i] == p)
                return groups->list[k].prefix;
    return "";
}

static void list_items(const dim_objective *obj, const dim__objective_groups *groups, items *it)
{
    for (int k = 0; k < groups->n; k++)
        for (int64_t i = 0; i < groups->list[k].params->count; i++) {
            const dim__param *p = groups->list[k].params->list[i];
            add_item(it, "", groups->list[k].prefix, p, p->data);
        }
    for (int64_t k = 0; k < obj->n_players; k++) {
        const dim__player *player = &obj->players[k];
        for (int64_t i = 0; i < player->n_params; i++) {
            const dim__slot *slot = &player->optim.slots[i];
            const char *prefix = prefix_of(groups, player->params[i]);
            add_item(it, "optimizer.m.", prefix, player->params[i], slot->m);
            add_item(it, "optimizer.v.", prefix, player->params[i], slot->v);
        }
    }
}

/* Parameters, and two moments of each, at most. */
static int64_t most_items(const dim__objective_groups *groups)
{
    int64_t n = 0;
    for (int k = 0; k < groups->n; k++)
        n += 3 * groups->list[k].params->count;
    return n;
}

/* All arrays.  in_place: their data are the model's own where the file has the same layout, to be read only. */
static dim_status items_make(dim_objective *obj, const dim__objective_groups *groups, bool in_place, items *it)
{
    dim_context *ctx = obj->ctx;
    int64_t most = most_items(groups), total = 0;
    *it = (items){ .list = dim__calloc(ctx, (size_t)most, sizeof *it->list) };
    if (it->list == NULL)
        return DIM_E_NOMEM;
    list_items(obj, groups, it);
    for (int64_t i = 0; i < it->count; i++)
        if (!in_place || it->list[i].view.spec.layout != DIM__LAYOUT_PLAIN)
            total += it->list[i].view.count;
    it->arrays = dim__calloc(ctx, (size_t)it->count, sizeof *it->arrays);
    it->data = dim__calloc(ctx, (size_t)total, sizeof *it->data);
    if (it->arrays == NULL || it->data == NULL) {
        items_free(ctx, it);
        return DIM_E_NOMEM;
    }
    float *data = it->data;
    for (int64_t i = 0; i < it->count; i++) {
        dim__param *view = &it->list[i].view;
        dim__array *a = &it->arrays[i];
        a->name = it->list[i].name;
        a->rank = dim__param_export_shape(view, a->shape);
        a->data = in_place && view->spec.layout == DIM__LAYOUT_PLAIN ? view->data : data;
        data += a->data == data ? view->count : 0;
    }
    return DIM_OK;
}

static dim_status list_settings(const dim__saved *what, const dim_loader *loader, dim__settings *s)
{
    DIM__TRY(dim__settings_add(s, "format", "%s", FORMAT));
    if (loader != NULL) /* first: schedules, and so the optimizers, follow from how many batches there are */
        DIM__TRY(dim__settings_of_loader(s, loader));
    return what->settings(s, what->of);
}

static dim_status list_states(const dim__saved *what, const dim_loader *loader, dim__settings *s)
{
    const dim_objective *obj = what->obj;
    char key[DIM__SETTING_KEY];
    DIM__TRY(dim__settings_add(s, "state.steps", "%" PRIu64, obj->steps));
    DIM__TRY(dim__settings_add(s, "state.seed", "%" PRIu64, obj->seed));
    for (int64_t k = 0; k < obj->n_players; k++) {
        snprintf(key, sizeof key, "state.optimizer%lld.steps", (long long)k);
        DIM__TRY(dim__settings_add(s, key, "%" PRIu64, obj->players[k].optim.steps));
    }
    if (obj->draws != obj->steps)
        DIM__TRY(dim__settings_add(s, "state.draws", "%" PRIu64, obj->draws));
    if (what->made != NULL)
        DIM__TRY(dim__settings_add(s, "state.encoder", "%s", what->made));
    DIM__TRY(dim__settings_add(s, "state.computed_with", "%s", obj->ctx->describe));
    if (loader == NULL)
        return DIM_OK;
    dim__loader_info info;
    uint64_t batches = dim__loader_batches(loader);
    dim__loader_describe(loader, &info);
    DIM__TRY(dim__settings_add(s, "state.loader.seed", "%" PRIu64, info.position.seed));
    DIM__TRY(dim__settings_add(s, "state.loader.epoch", "%" PRIu64, info.position.next / batches));
    return dim__settings_add(s, "state.loader.batch", "%" PRIu64, info.position.next % batches);
}

dim_status dim__checkpoint_save(const dim__saved *what, const dim_loader *loader, const char *path)
{
    dim_status status;
    dim_context *ctx = what->obj->ctx;
    dim__settings s = { .ctx = ctx };
    dim__meta *meta = NULL;
    char (*keys)[DIM__SETTING_KEY + sizeof KEY] = NULL;
    items it = { NULL, NULL, NULL, 0 };
    dim__objective_groups groups;
    if (dim__rank(what->obj->comm) > 0) /* rank 0 writes the file, for all */
        return dim__objective_fix(what->obj);
    DIM__TRY(dim__objective_groups_make(what->obj, &groups));
    DIM__TRY_OR(done, list_settings(what, loader, &s));
    DIM__TRY_OR(done, list_states(what, loader, &s));
    DIM__TRY_OR(done, items_make(what->obj, &groups, true, &it));
    meta = dim__calloc(ctx, (size_t)s.count, sizeof *meta);
    keys = dim__calloc(ctx, (size_t)s.count, sizeof *keys);
    if (meta == NULL || keys == NULL) {
        status = DIM_E_NOMEM;
        goto done;
    }
    for (int64_t i = 0; i < s.count; i++) {
        snprintf(keys[i], sizeof keys[i], KEY "%s", s.list[i].key);
        meta[i] = (dim__meta){ keys[i], s.list[i].value };
    }
    for (int64_t i = 0; i < it.count; i++)
        if (it.arrays[i].data != it.list[i].view.data)
            dim__param_export(&it.list[i].view, it.arrays[i].data);
    status = dim__weights_save(ctx, path, it.arrays, it.count, meta, s.count);
done:
    dim__settings_free(&s);
    dim__free(ctx, meta);
    dim__free(ctx, keys);
    items_free(ctx, &it);
    dim__objective_groups_free(what->obj, &groups);
    return status;
}

typedef struct states { /* the numbers of a file */
    uint64_t steps, draws, seed;
    uint64_t *optim_steps; /* of each group */
    dim__loader_position position;
} states;

/* Of steps and batches: far more than there ever are, and far from where counting goes on at 0. */
static const uint64_t most_steps = (uint64_t)1 << 62;

static dim_status get_number(dim_context *ctx, const dim__weights_file *f, const char *key, uint64_t most, uint64_t *out)
{
    const char *text = dim__weights_file_meta(f, key);
    uint64_t x = 0;
    bool good = text != NULL && *text != '\0';
    for (; good && *text != '\0'; text++) {
        unsigned digit = (unsigned)(*text - '0');
        good = digit < 10 && x <= (most - digit) / 10;
        x = 10 * x + digit;
    }
    *out = x;
    return good ? DIM_OK : dim__fail(ctx, DIM_E_FORMAT, "the checkpoint's '%s' is missing or is not a number up to %" PRIu64, key,
                                     most);
}

static dim_status get_states(const dim_objective *obj, const dim_loader *loader, const dim__weights_file *f, states *out)
{
    dim_context *ctx = obj->ctx;
    char key[DIM__SETTING_KEY];
    uint64_t epoch, batch;
    DIM__TRY(get_number(ctx, f, STATE "steps", most_steps, &out->steps));
    out->draws = out->steps;
    if (dim__weights_file_meta(f, STATE "draws") != NULL)
        DIM__TRY(get_number(ctx, f, STATE "draws", most_steps, &out->draws));
    DIM__TRY(get_number(ctx, f, STATE "seed", UINT64_MAX, &out->seed));
    for (int64_t k = 0; k < obj->n_players; k++) {
        snprintf(key, sizeof key, STATE "optimizer%lld.steps", (long long)k);
        DIM__TRY(get_number(ctx, f, key, most_steps, &out->optim_steps[k]));
    }
    if (loader == NULL)
        return DIM_OK;
    uint64_t batches = dim__loader_batches(loader);
    DIM__TRY(get_number(ctx, f, STATE "loader.seed", UINT64_MAX, &out->position.seed));
    DIM__TRY(get_number(ctx, f, STATE "loader.epoch", most_steps, &epoch));
    DIM__TRY(get_number(ctx, f, STATE "loader.batch", most_steps, &batch));
    if (batch >= batches || epoch > (most_steps - batch) / batches)
        return dim__fail(ctx, DIM_E_FORMAT,
                         "the checkpoint is at batch %" PRIu64 " of epoch %" PRIu64 ", but an epoch has %" PRIu64
                         " batches, and there are at most 2^62",
                         batch, epoch, batches);
    out->position.next = epoch * batches + batch;
    return DIM_OK;
}

static bool starts_with(const char *text, const char *begin) { return strncmp(text, begin, strlen(begin)) == 0; }

/* Every setting here is in the file, and the other way round.  Where layers differ, what they were made by tells more. */
static dim_status compare(const char *here, const dim__settings *s, const dim_loader *loader,
                          const dim__weights_file *f)
{
    const char *made = dim__weights_file_meta(f, STATE "encoder");
    char key[DIM__SETTING_KEY + sizeof KEY];
    dim__meta m;
    if (loader != NULL && dim__weights_file_meta(f, KEY "loader.batch") == NULL)
        return dim__fail(s->ctx, DIM_E_INVALID,
                         "the checkpoint was saved without a loader: it has no place in the data");
    for (int64_t i = 0; i < s->count; i++) {
        const dim__setting *own = &s->list[i];
        snprintf(key, sizeof key, KEY "%s", own->key);
        const char *value = dim__weights_file_meta(f, key);
        if (made != NULL && here != NULL && starts_with(own->key, "encoder.layer") && (value == NULL || strcmp(value, own->value) != 0))
            DIM__TRY(dim__settings_compare(s->ctx, "encoder", made, here));
        if (value == NULL)
            return dim__fail(s->ctx, DIM_E_INVALID, "%s is '%s' here, but missing in the checkpoint", own->key,
                             own->value);
        DIM__TRY(dim__settings_compare(s->ctx, own->key, value, own->value));
    }
    for (int64_t i = 0; dim__weights_file_meta_at(f, i, &m); i++) {
        bool setting = starts_with(m.key, KEY) && !starts_with(m.key, STATE) && strcmp(m.key, KEY "checksum") != 0 &&
                       (loader != NULL || !starts_with(m.key, KEY "loader."));
        bool missing = setting && dim__settings_find(s, m.key + strlen(KEY)) == NULL;
        if (missing && made != NULL && here != NULL && starts_with(m.key, KEY "encoder.layer"))
            DIM__TRY(dim__settings_compare(s->ctx, "encoder", made, here));
        if (missing)
            return dim__fail(s->ctx, DIM_E_INVALID, "%s is '%s' in the checkpoint, but missing here",
                             m.key + strlen(KEY), m.value);
    }
    return DIM_OK;
}

static void warn_of_seed(const dim_objective *obj, const dim_loader *loader, const states *st)
{
    dim__loader_info info = { .position = st->position };
    if (loader != NULL)
        dim__loader_describe(loader, &info);
    if (st->seed != obj->seed)
        dim__log(obj->ctx, DIM_LOG_WARNING, "the seed is the checkpoint's, %" PRIu64 ", in place of %" PRIu64,
                 st->seed, obj->seed);
    else if (st->position.seed != info.position.seed)
        dim__log(obj->ctx, DIM_LOG_WARNING,
                 "the loader's seed is the checkpoint's, %" PRIu64 ", in place of %" PRIu64, st->position.seed,
                 info.position.seed);
}

/* From here on nothing can fail. */
static void take_over(dim_objective *obj, dim_loader *loader, items *it, const states *st)
{
    for (int64_t i = 0; i < it->count; i++)
        dim__param_import(&it->list[i].view, it->arrays[i].data);
    for (int64_t k = 0; k < obj->n_players; k++)
        dim__optim_replaced(&obj->players[k].optim, st->optim_steps[k]);
    obj->same = false;
    obj->steps = st->steps;
    obj->draws = st->draws;
    obj->seed = st->seed;
    if (loader != NULL)
        dim__loader_seek(loader, &st->position);
}

/* Sums in other orders make other last bits. */
static void warn_of_machine(dim_context *ctx, const dim__weights_file *f)
{
    const char *then = dim__weights_file_meta(f, STATE "computed_with"), *now = ctx->describe;
    if (then != NULL && strcmp(then, now) != 0)
        dim__log(ctx, DIM_LOG_WARNING,
                 "the checkpoint was computed with '%s'; with '%s' the steps to come may differ in "
                 "their last bits",
                 then, now);
}

dim_status dim__checkpoint_load(const dim__saved *what, dim_loader *loader, const char *path)
{
    dim_objective *obj = what->obj;
    dim_status status;
    dim_context *ctx = obj->ctx;
    dim__settings s = { .ctx = ctx };
    dim__weights_file *f = NULL;
    items it = { NULL, NULL, NULL, 0 };
    states st = { .steps = 0 };
    dim__objective_groups groups;
    DIM__TRY(dim__objective_groups_make(obj, &groups));
    DIM__TRY_OR(done, dim__weights_file_open(ctx, path, &f));
    DIM__TRY_OR(done, dim__weights_file_verify(f));
    if (dim__weights_file_meta(f, KEY "format") == NULL) {
        status = dim__fail(ctx, DIM_E_FORMAT, "it has weights alone and was not written as a checkpoint: %s", path);
        goto done;
    }
    DIM__TRY_OR(done, list_settings(what, loader, &s));
    DIM__TRY_OR(done, compare(what->made, &s, loader, f));
    st.optim_steps = dim__calloc(ctx, (size_t)obj->n_players, sizeof *st.optim_steps);
    if (st.optim_steps == NULL) {
        status = DIM_E_NOMEM;
        goto done;
    }
    DIM__TRY_OR(done, get_states(obj, loader, f, &st));
    DIM__TRY_OR(done, items_make(obj, &groups, false, &it));
    DIM__TRY_OR(done, dim__weights_file_read(f, "", true, it.arrays, it.count));
    warn_of_machine(ctx, f);
    warn_of_seed(obj, loader, &st);
    take_over(obj, loader, &it, &st);
done:
    dim__settings_free(&s);
    dim__weights_file_close(f);
    dim__free(ctx, st.optim_steps);
    items_free(ctx, &it);
    dim__objective_groups_free(obj, &groups);
    return status;
}
