/* Programs of the objective. */
#include "base/math.h"
#include "train/objective.h"

#include <stdio.h>

static int64_t n_grads(const dim_objective *obj)
{
    int64_t n = 0;
    for (int64_t i = 0; i < obj->n_players; i++)
        n += obj->players[i].n_params;
    return n;
}

/* Notes with room for what a program of this objective has. */
static size_t notes_size(const dim_objective *obj)
{
    return sizeof(dim__objective_program) + (size_t)n_grads(obj) * sizeof(const float *) +
           (size_t)(obj->n_inputs + obj->n_reports + obj->n_players) * sizeof(dim__vid);
}

static void lay_out(const dim_objective *obj, dim__objective_program *p)
{
    p->grads = (const float **)(p + 1);
    p->inputs = (dim__vid *)(p->grads + n_grads(obj));
    p->reports = p->inputs + obj->n_inputs;
    p->sums = p->reports + obj->n_reports;
}

typedef struct request {
    dim_objective *obj;
    const dim__wanted *w;
} request;

static int emit(void *arg, dim__graph *g, void *notes, dim__aim *aims)
{
    const request *r = arg;
    lay_out(r->obj, notes);
    return dim__objective_emit(r->obj, r->w, g, notes, aims);
}

dim_status dim__objective_compile(dim_objective *obj, const dim__wanted *w, dim__objective_program **out)
{
    request r = { obj, w };
    dim__compiled *c;
    bool compute = w->mode == DIM__OBJECTIVE_COMPUTE || w->mode == DIM__OBJECTIVE_OBSERVE, gradient = w->mode == DIM__OBJECTIVE_GRADIENT;
    dim__program_key key = { { w->mode, w->samples, w->movers, w->others + 2 * (w->without + 1),
                               compute ? w->value.application : gradient ? w->loss : 0,
                               compute ? w->value.index : gradient ? w->input : 0 } };
    DIM__TRY(dim__compile(&obj->programs, &(dim__recipe){ .key = key, .emit = emit, .arg = &r, .notes = notes_size(obj) }, &c));
    *out = c->notes;
    (*out)->program = c->program;
    return DIM_OK;
}

/* Critics' parameters and reports are declared by being emitted once. */
static dim_status declare(dim_objective *obj)
{
    dim__graph *g = NULL;
    dim__aim aims[DIM__MOST_AIMS];
    dim__wanted w = { .mode = DIM__OBJECTIVE_EVALUATE, .samples = 2, .without = -1 };
    dim__objective_program *p = dim__calloc(obj->ctx, 1, notes_size(obj));
    if (p == NULL)
        return DIM_E_NOMEM;
    lay_out(obj, p);
    p->reports = NULL; /* there are none yet */
    dim_status status = dim__graph_create(obj->ctx, &g);
    if (status == DIM_OK) {
        dim__objective_emit(obj, &w, g, p, aims);
        status = dim__graph_status(g);
    }
    dim__graph_destroy(g);
    dim__free(obj->ctx, p);
    return status;
}

/* The parameters of what the player was given; their number.  list NULL: only counts. */
static int64_t list_params(const dim_objective *obj, uint32_t player, dim__param **list, int64_t *counts)
{
    int64_t n = 0;
    for (int64_t i = 0; i < obj->n_trained; i++) {
        const dim__trained *t = &obj->trained[i];
        const dim__params *from = t->network != NULL ? &t->network->params : &obj->params;
        char prefix[DIM__TAP_SIZE + 2] = "";
        if (t->player != player)
            continue;
        if (t->network == NULL)
            snprintf(prefix, sizeof prefix, "%s.", obj->losses[t->at].loss.name);
        for (int64_t k = 0; k < from->count; k++) {
            dim__param *p = from->list[k];
            if (p->spec.state || strncmp(p->name, prefix, strlen(prefix)) != 0)
                continue;
            if (list != NULL) {
                list[n] = p;
                counts[n] = p->count;
            }
            n++;
        }
    }
    return n;
}

static dim_status make_optimizer(dim_objective *obj, uint32_t player)
{
    dim__player *p = &obj->players[player];
    p->n_params = list_params(obj, player, NULL, NULL);
    p->params = dim__calloc(obj->ctx, (size_t)p->n_params, sizeof *p->params);
    int64_t *counts = dim__calloc(obj->ctx, (size_t)p->n_params, sizeof *counts);
    dim_status status = p->params != NULL && counts != NULL ? dim__optim_init(&p->optim, obj->ctx, &p->optimizer) : DIM_E_NOMEM;
    if (status == DIM_OK) {
        list_params(obj, player, p->params, counts);
        status = p->n_params > 0 ? dim__optim_prepare(&p->optim, p->n_params, counts) : DIM_OK;
    }
    for (int64_t i = 0; status == DIM_OK && i < p->n_params; i++)
        p->optim.slots[i].w = p->params[i]->data;
    dim__free(obj->ctx, counts);
    return status;
}

/* Who minimises something trains something. */
static dim_status check_given(const dim_objective *obj)
{
    for (int64_t i = 0; i < obj->n_players; i++) {
        bool given = obj->players[i].n_aims == 0;
        for (int64_t k = 0; k < obj->n_trained; k++)
            given = given || obj->trained[k].player == (uint32_t)i;
        if (!given)
            return dim__fail(obj->ctx, DIM_E_STATE, "player '%s' minimises a loss, but has no network: dim_objective_give() gives "
                             "one", obj->players[i].name);
    }
    return DIM_OK;
}

/* Who trains something minimises something: a player who was forgotten would stay silent. */
static dim_status check_aims(const dim_objective *obj)
{
    for (int64_t i = 0; i < obj->n_players; i++)
        if (obj->players[i].n_aims == 0 && obj->players[i].n_params > 0)
            return dim__fail(obj->ctx, DIM_E_STATE, "player '%s' was given something to train, but minimises nothing: "
                             "dim_objective_minimise() gives it a loss", obj->players[i].name);
    return DIM_OK;
}

/* A step has as many programs as passes, at most, and none of them is to be made twice. */
static int programs_of_a_step(const dim_objective *obj)
{
    int64_t rounds = 0;
    for (int64_t i = 0; i < obj->n_players; i++)
        rounds += 1 + (obj->players[i].turns > 1); /* with all, with those that have turns left */
    return (int)dim__min64(DIM__USUAL_PROGRAMS + rounds, DIM__MOST_PROGRAMS);
}

void dim__objective_undeclare(dim_objective *obj)
{
    for (int64_t i = 0; i < obj->n_players; i++) {
        dim__optim_free(&obj->players[i].optim);
        dim__free(obj->ctx, obj->players[i].params);
        obj->players[i].params = NULL;
        obj->players[i].n_params = 0;
    }
    obj->n_reports = 0;
    obj->fixed = false;
}

dim_status dim__objective_fix(dim_objective *obj)
{
    if (obj->fixed)
        return DIM_OK;
    return obj->owner != NULL ? obj->owner->fix(obj->owned_by) : dim__objective_declare(obj);
}

dim_status dim__objective_declare(dim_objective *obj)
{
    DIM__TRY(check_given(obj));
    dim_status status = declare(obj);
    if (obj->n_players > 1)
        obj->programs.most = programs_of_a_step(obj);
    if (status == DIM_OK)
        status = dim__objective_list_reports(obj);
    for (int64_t i = 0; status == DIM_OK && i < obj->n_players; i++)
        status = make_optimizer(obj, (uint32_t)i);
    if (status == DIM_OK)
        status = check_aims(obj);
    if (status != DIM_OK)
        dim__objective_undeclare(obj);
    else
        obj->fixed = true;
    return status;
}
