/* Players: who trains what to which end. */
#include "train/objective.h"

#include <math.h>

static const dim__range turns = DIM__UP_TO(1000);
static const dim__field fields[] = {
    DIM__FIELD(dim_player_options, turns, U32, &turns, 1),
    DIM__FIELD(dim_player_options, afterwards, U32, &dim__switch, 0),
};
static const dim__table table = DIM__TABLE(dim_player_options, fields);

dim_status dim__objective_add_player(dim_objective *obj, const dim_player_options *options)
{
    dim__player p = { .aims = NULL };
    dim_player_options o;
    DIM__TRY(dim__options_read(obj->ctx, &table, options, &o));
    DIM__TRY(dim__objective_check_name(obj, "the player's name", o.name));
    DIM__TRY(dim__optim_options(obj->ctx, o.optimizer, &p.optimizer));
    memcpy(p.name, o.name, strlen(o.name) + 1);
    p.turns = o.turns;
    p.afterwards = o.afterwards != 0;
    return dim__objective_put_player(obj, &p);
}

dim_status dim__objective_put_player(dim_objective *obj, const dim__player *player)
{
    if (obj->n_players == DIM__MOST_PLAYERS)
        return dim__fail(obj->ctx, DIM_E_INVALID, "an objective has %d players at most%s", DIM__MOST_PLAYERS,
                         obj->owner != NULL ? "; so have a model with its priors and classifiers, which have one each" : "");
    DIM__TRY(dim__grow(obj->ctx, &obj->players, &obj->cap_players, obj->n_players + 1, sizeof *obj->players));
    obj->players[obj->n_players++] = *player;
    return DIM_OK;
}

dim_status dim__objective_put_aim(dim_objective *obj, int64_t player, dim__aimed aim)
{
    dim__player *p = &obj->players[player];
    DIM__TRY(dim__grow(obj->ctx, &p->aims, &p->cap_aims, p->n_aims + 1, sizeof *p->aims));
    p->aims[p->n_aims++] = aim;
    return DIM_OK;
}

/* What can be given under that name. */
static dim__trained *find_trained(const dim_objective *obj, const char *as)
{
    for (int64_t i = 0; i < obj->n_applications; i++)
        if (strcmp(obj->applications[i].name, as) == 0)
            return &obj->trained[obj->applications[i].trained];
    for (int64_t i = 0; i < obj->n_losses; i++)
        if (strcmp(obj->losses[i].loss.name, as) == 0 && obj->losses[i].trained >= 0)
            return &obj->trained[obj->losses[i].trained];
    return NULL;
}

static dim_status check_open(const dim_objective *obj)
{
    return obj->fixed ? dim__fail(obj->ctx, DIM_E_STATE, "the objective is fixed by its first use") : DIM_OK;
}

dim_status dim__objective_give(dim_objective *obj, const char *player, const char *as)
{
    DIM__TRY(check_open(obj));
    int64_t i = dim__objective_find_player(obj, player);
    if (i < 0)
        return DIM_E_INVALID;
    dim__trained *t = find_trained(obj, as);
    if (t == NULL)
        return dim__fail(obj->ctx, DIM_E_INVALID, "'%.40s' is neither an application nor a loss with a critic", as);
    if (t->player != DIM__NOBODY && t->player != (uint32_t)i)
        return dim__fail(obj->ctx, DIM_E_INVALID, "'%.40s' is trained by the player '%s' already", as,
                         obj->players[t->player].name);
    t->player = (uint32_t)i;
    return DIM_OK;
}

dim_status dim__objective_minimise(dim_objective *obj, const char *player, const char *loss, float weight)
{
    DIM__TRY(check_open(obj));
    int64_t i = dim__objective_find_player(obj, player), l = dim__objective_find_loss(obj, loss);
    if (i < 0)
        dim__objective_find_player(obj, player); /* its text, not the loss's */
    if (i < 0 || l < 0)
        return DIM_E_INVALID;
    if (!isfinite(weight))
        return dim__fail(obj->ctx, DIM_E_INVALID, "the weight of '%s' is %g; it must be finite", loss, (double)weight);
    const dim__player *p = &obj->players[i];
    for (int64_t k = 0; k < p->n_aims; k++)
        if (p->aims[k].loss == l)
            return dim__fail(obj->ctx, DIM_E_INVALID, "the player '%s' minimises '%s' already", player, loss);
    if (obj->losses[l].loss.def->reports_only)
        return dim__fail(obj->ctx, DIM_E_INVALID, "'%s' only reports: nobody can minimise it", loss);
    return dim__objective_put_aim(obj, i, (dim__aimed){ l, weight, false });
}
