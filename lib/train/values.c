/* Names: of what an objective is made of, and of values, "x" or "fx.local". */
#include "train/objective.h"

bool dim__objective_has(const dim_objective *obj, const char *name)
{
    for (int64_t i = 0; i < obj->n_inputs; i++)
        if (strcmp(obj->inputs[i].name, name) == 0)
            return true;
    for (int64_t i = 0; i < obj->n_applications; i++)
        if (strcmp(obj->applications[i].name, name) == 0)
            return true;
    for (int64_t i = 0; i < obj->n_losses; i++)
        if (strcmp(obj->losses[i].loss.name, name) == 0)
            return true;
    for (int64_t i = 0; i < obj->n_players; i++)
        if (strcmp(obj->players[i].name, name) == 0)
            return true;
    return false;
}

dim_status dim__objective_check_name(const dim_objective *obj, const char *what, const char *name)
{
    if (obj->fixed)
        return dim__fail(obj->ctx, DIM_E_STATE, "the objective is fixed by its first use; add '%.40s' before",
                         name != NULL ? name : "");
    if (name == NULL)
        return dim__fail(obj->ctx, DIM_E_INVALID, "%s is required", what);
    DIM__TRY(dim__check_name(obj->ctx, what, name, false));
    bool taken = dim__objective_has(obj, name) || (obj->owner != NULL && obj->owner->taken(obj->owned_by, name));
    return taken ? dim__fail(obj->ctx, DIM_E_INVALID, "the name '%s' is taken", name) : DIM_OK;
}

static bool is(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

dim_status dim__objective_find(const dim_objective *obj, const char *text, size_t length, dim__ref *out)
{
    const char *dot = memchr(text, '.', length);
    size_t head = dot != NULL ? (size_t)(dot - text) : length;
    for (int64_t i = 0; i < obj->n_inputs && dot == NULL; i++)
        if (is(obj->inputs[i].name, text, head)) {
            *out = (dim__ref){ -1, i };
            return DIM_OK;
        }
    for (int64_t i = 0; i < obj->n_applications; i++) {
        char tap[DIM__TAP_SIZE];
        if (!is(obj->applications[i].name, text, head))
            continue;
        size_t rest = dot != NULL ? length - head - 1 : 0;
        if (rest >= sizeof tap)
            return dim__fail(obj->ctx, DIM_E_INVALID, "there is no value '%.*s'", (int)length, text);
        memcpy(tap, text + length - rest, rest);
        tap[rest] = '\0';
        out->application = i;
        dim_status status = dim__encoder_tap(dim__network_of(obj, i), dot != NULL ? tap : NULL, &out->index);
        if (status == DIM_OK)
            return DIM_OK;
        char why[sizeof obj->ctx->error]; /* an objective has several networks: the text must say which one */
        memcpy(why, obj->ctx->error, sizeof why);
        return dim__fail(obj->ctx, status, "'%.*s': %s", (int)length, text, why);
    }
    return dim__fail(obj->ctx, DIM_E_INVALID, "there is no value '%.*s': no input or application has that name",
                     (int)(length < 80 ? length : 80), text);
}

int64_t dim__objective_find_input(const dim_objective *obj, const char *name)
{
    for (int64_t i = 0; i < obj->n_inputs; i++)
        if (strcmp(obj->inputs[i].name, name) == 0)
            return i;
    dim__fail(obj->ctx, DIM_E_INVALID, "there is no input '%.40s'", name);
    return -1;
}

int64_t dim__objective_find_loss(const dim_objective *obj, const char *name)
{
    for (int64_t i = 0; i < obj->n_losses; i++)
        if (strcmp(obj->losses[i].loss.name, name) == 0)
            return i;
    dim__fail(obj->ctx, DIM_E_INVALID, "there is no loss '%.40s'", name);
    return -1;
}

int64_t dim__objective_find_player(const dim_objective *obj, const char *name)
{
    for (int64_t i = 0; i < obj->n_players; i++)
        if (strcmp(obj->players[i].name, name) == 0)
            return i;
    dim__fail(obj->ctx, DIM_E_INVALID, "there is no player '%.40s'", name);
    return -1;
}

dim__side dim__objective_side(const dim_objective *obj, dim__ref ref)
{
    if (ref.application < 0) {
        const dim__objective_input *in = &obj->inputs[ref.index];
        return (dim__side){ .v = DIM__NONE, .shape = in->o.shape, .views = (int64_t)in->o.views, .labels = dim__is_label(in) };
    }
    const dim_encoder *net = dim__network_of(obj, ref.application);
    return (dim__side){ .v = DIM__NONE, .shape = net->stack.layers[ref.index].out,
                        .views = obj->applications[ref.application].views, .enc = net, .layer = ref.index };
}
