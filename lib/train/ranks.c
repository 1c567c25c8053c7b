/* Steps of several ranks.  What their graphs say to each other is in the ops (ops/ranks.c and those with DIM__OP_RANKS); here is
 * what is said between them: that all are about to do the same, rank 0's parameters, the sums of gradients, and what reports
 * count. */
#include "base/rng.h"
#include "train/objective.h"

typedef struct said { /* before a program runs */
    int64_t status;
    int64_t samples;
    uint64_t call;       /* hash of what is wanted */
    uint64_t talk;       /* of the program */
    uint64_t seed, steps, draws;
    int64_t same;        /* dim_objective.same */
} said;

static dim_status check_table(dim_context *ctx, const dim_comm *c)
{
    const struct {
        const char *name;
        bool given;
    } functions[] = { { "gather", c->gather != NULL }, { "sum", c->sum != NULL }, { "scatter_sum", c->scatter_sum != NULL },
                      { "broadcast", c->broadcast != NULL } };
    if (c->ranks < 1 || c->ranks > 65536)
        return dim__fail(ctx, DIM_E_INVALID, "dim_comm.ranks is %u; it must be from 1 to 65536", c->ranks);
    if (c->rank >= c->ranks)
        return dim__fail(ctx, DIM_E_INVALID, "dim_comm.rank is %u of %u ranks; it must be below their number", c->rank, c->ranks);
    for (size_t i = 0; i < sizeof functions / sizeof *functions && c->ranks > 1; i++)
        if (!functions[i].given)
            return dim__fail(ctx, DIM_E_INVALID, "dim_comm.%s is NULL", functions[i].name);
    return DIM_OK;
}

dim_status dim__objective_communicate(dim_objective *obj, const dim_comm *comm)
{
    dim_comm c;
    DIM__TRY(dim__options_copy(obj->ctx, "dim_comm", &c, sizeof c, comm));
    DIM__TRY(check_table(obj->ctx, &c));
    if (obj->fixed)
        return dim__fail(obj->ctx, DIM_E_STATE, "the objective is fixed by its first use; give it its communicator before");
    if (obj->comm != NULL)
        return dim__fail(obj->ctx, DIM_E_STATE, "the objective has a communicator already");
    if (c.ranks == 1)
        return DIM_OK;
    obj->comm = dim__calloc(obj->ctx, 1, sizeof *obj->comm + c.ranks * sizeof(said));
    if (obj->comm == NULL)
        return DIM_E_NOMEM;
    obj->comm->calls = c;
    return DIM_OK;
}

/* Room for what every rank says. */
static said *room_of(const dim_objective *obj) { return (said *)(obj->comm + 1); }

static uint64_t hash_of(const dim__wanted *w)
{
    const int64_t n[] = { w->mode, w->movers, w->others, w->without, w->value.application, w->value.index, w->loss, w->input };
    uint64_t hash = 0;
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        hash = dim__mix(hash, (uint64_t)n[i]);
    return hash;
}

static int64_t count_params(const dim_objective *obj)
{
    int64_t n = 0;
    for (int64_t k = 0; k < obj->n_players; k++)
        for (int64_t i = 0; i < obj->players[k].n_params; i++)
            n += obj->players[k].params[i]->count;
    return n;
}

static dim_status make_room(dim_objective *obj)
{
    if (obj->gradients == NULL)
        obj->gradients = dim__calloc(obj->ctx, (size_t)count_params(obj), sizeof *obj->gradients);
    return obj->gradients != NULL ? DIM_OK : DIM_E_NOMEM;
}

static const char *name_of(int64_t status)
{
#define NAME(name, number, text) if (status == (number)) return "DIM_" #name;
    DIM_STATUS_MAP(NAME)
#undef NAME
    return "an unknown status";
}

/* What the ranks said, compared with what rank 0 did. */
static dim_status compare(const dim_objective *obj, const said *all)
{
    for (uint32_t r = 0; r < obj->comm->calls.ranks; r++)
        if (all[r].status != DIM_OK)
            return dim__fail(obj->ctx, (dim_status)all[r].status, "rank %u failed with %s; nothing was done on any rank", r,
                             name_of(all[r].status));
    for (uint32_t r = 1; r < obj->comm->calls.ranks; r++) {
        const said *a = &all[0], *b = &all[r];
        if (a->samples != b->samples)
            return dim__fail(obj->ctx, DIM_E_SHAPE, "rank %u has %lld samples, but rank 0 has %lld; each rank must have as many", r,
                             (long long)b->samples, (long long)a->samples);
        if (a->seed != b->seed)
            return dim__fail(obj->ctx, DIM_E_STATE, "the seed of rank %u is %llu, but that of rank 0 is %llu", r,
                             (unsigned long long)b->seed, (unsigned long long)a->seed);
        if (a->steps != b->steps || a->draws != b->draws)
            return dim__fail(obj->ctx, DIM_E_STATE, "rank %u is at step %llu and draw %llu, but rank 0 at step %llu and draw %llu; each "
                             "rank must load the checkpoint", r, (unsigned long long)b->steps, (unsigned long long)b->draws,
                             (unsigned long long)a->steps, (unsigned long long)a->draws);
        if (a->call != b->call)
            return dim__fail(obj->ctx, DIM_E_STATE, "rank %u called another function than rank 0, or for another value", r);
        if (a->talk != b->talk)
            return dim__fail(obj->ctx, DIM_E_STATE, "the program of rank %u is not that of rank 0: objective, threads, precision, "
                             "executor and passes must be the same on every rank", r);
    }
    return DIM_OK;
}

/* Rank 0's parameters and states are everybody's. */
static dim_status share_params(dim_objective *obj)
{
    for (int64_t i = 0; i < obj->n_trained; i++)
        if (obj->trained[i].network != NULL) {
            const dim__params *p = &obj->trained[i].network->params;
            for (int64_t k = 0; k < p->count; k++)
                dim__comm_broadcast(obj->comm, p->list[k]->data, (size_t)p->list[k]->count * sizeof(float));
        }
    for (int64_t k = 0; k < obj->params.count; k++)
        dim__comm_broadcast(obj->comm, obj->params.list[k]->data, (size_t)obj->params.list[k]->count * sizeof(float));
    DIM__TRY(dim__comm_status(obj->ctx, obj->comm));
    obj->same = true;
    return DIM_OK;
}

static dim_status agree(dim_objective *obj, const said *mine)
{
    said *all = room_of(obj);
    bool same = true;
    DIM__TRY(dim__comm_status(obj->ctx, obj->comm));
    dim__comm_gather(obj->comm, mine, all, sizeof *mine);
    if (mine->status != DIM_OK)
        return (dim_status)mine->status; /* whose text stays */
    DIM__TRY(dim__comm_status(obj->ctx, obj->comm));
    DIM__TRY(compare(obj, all));
    for (uint32_t r = 0; r < obj->comm->calls.ranks; r++)
        same = same && all[r].same != 0;
    return same ? DIM_OK : share_params(obj);
}

dim_status dim__objective_agree(dim_objective *obj, dim_status status, const dim__wanted *w, dim__objective_program *p)
{
    if (obj->comm == NULL)
        return status;
    if (status == DIM_OK)
        status = make_room(obj);
    if (status == DIM_OK && p->talk == 0)
        p->talk = dim__program_talk(p->program);
    const said mine = { .status = status, .samples = w->samples, .call = hash_of(w), .talk = p != NULL ? p->talk : 0,
                        .seed = obj->seed, .steps = obj->steps, .draws = obj->draws, .same = obj->same };
    return agree(obj, &mine);
}

dim_status dim__objective_refuse(dim_objective *obj, dim_status status)
{
    if (obj->comm == NULL || status == DIM_OK || obj->comm->failed != NULL)
        return status;
    const said mine = { .status = status };
    return agree(obj, &mine);
}

dim_status dim__objective_sum_gradients(dim_objective *obj, uint32_t movers)
{
    float *to = obj->gradients;
    if (obj->comm == NULL)
        return DIM_OK;
    for (int64_t k = 0; k < obj->n_players; k++)
        for (int64_t i = 0; i < obj->players[k].n_params && (movers >> k & 1) != 0; i++) {
            dim__slot *slot = &obj->players[k].optim.slots[i];
            if (slot->g == NULL)
                continue;
            memcpy(to, slot->g, (size_t)slot->count * sizeof *to);
            slot->g = to;
            to += slot->count;
        }
    dim__comm_sum(obj->comm, obj->gradients, to - obj->gradients);
    return dim__comm_status(obj->ctx, obj->comm);
}

dim_status dim__objective_count(dim_objective *obj, const dim__objective_program *p)
{
    for (int64_t i = 0; i < obj->n_reports && obj->comm != NULL; i++) {
        double own[2];
        if (obj->reports[i].kind != DIM__OF_ACCURACY || p->reports[i] == DIM__NONE)
            continue;
        dim__objective_accuracy_counts(obj, p, i, own);
        dim__comm_totals(obj->comm, own, obj->reports[i].counted, 2, (double *)room_of(obj));
    }
    return dim__comm_status(obj->ctx, obj->comm);
}
