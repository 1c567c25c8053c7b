/* Objectives that are under something: what an owner, such as a model, puts into one that others have added to already. */
#include "train/objective.h"

dim_status dim__objective_check_free(const dim_objective *obj, const char *what)
{
    return obj->owner == NULL ? DIM_OK : dim__fail(obj->ctx, DIM_E_STATE, "%s: %s", what, obj->owner->text);
}

/* The last element before all others of the list. */
static void last_to_front(void *list, size_t size, int64_t n, void *room)
{
    char *first = list, *last = first + (size_t)(n - 1) * size;
    memcpy(room, last, size);
    memmove(first + size, first, (size_t)(last - first));
    memcpy(first, room, size);
}

static void rotate_losses(dim_objective *obj, int64_t by)
{
    dim__objective_loss room;
    int64_t n = obj->n_losses;
    for (int64_t k = 0; k < by; k++)
        last_to_front(obj->losses, sizeof room, n, &room);
    for (int64_t i = 0; i < obj->n_players; i++)
        for (int64_t k = 0; k < obj->players[i].n_aims; k++)
            obj->players[i].aims[k].loss = (obj->players[i].aims[k].loss + by) % n;
    for (int64_t i = 0; i < obj->n_trained; i++)
        if (obj->trained[i].network == NULL)
            obj->trained[i].at = (obj->trained[i].at + by) % n;
}

/* Of all but the first. */
static void rotate_players(dim_objective *obj, int64_t by)
{
    dim__player room;
    int64_t n = obj->n_players - 1;
    for (int64_t k = 0; k < by; k++)
        last_to_front(obj->players + 1, sizeof room, n, &room);
    for (int64_t i = 0; i < obj->n_trained; i++) {
        uint32_t player = obj->trained[i].player;
        if (player != DIM__NOBODY && player > 0)
            obj->trained[i].player = 1 + (uint32_t)((player - 1 + by) % n);
    }
}

void dim__objective_to_front(dim_objective *obj, int64_t losses, int64_t players)
{
    if (obj->n_losses > 0)
        rotate_losses(obj, losses);
    if (obj->n_players > 1)
        rotate_players(obj, players);
}

void dim__objective_from_front(dim_objective *obj, int64_t losses, int64_t players)
{
    dim__objective_to_front(obj, obj->n_losses - losses, obj->n_players - 1 - players);
}

void dim__objective_cut(dim_objective *obj, int64_t n_losses, int64_t n_players)
{
    for (int64_t i = n_players; i < obj->n_players; i++)
        dim__free(obj->ctx, obj->players[i].aims);
    obj->n_players = n_players;
    for (int64_t i = 0; i < n_players; i++) { /* aims are in the order in which they were put */
        dim__player *p = &obj->players[i];
        while (p->n_aims > 0 && p->aims[p->n_aims - 1].loss >= n_losses)
            p->n_aims--;
    }
    while (obj->n_trained > 0 && obj->trained[obj->n_trained - 1].network == NULL &&
           obj->trained[obj->n_trained - 1].at >= n_losses)
        obj->n_trained--;
    obj->n_losses = n_losses;
}
