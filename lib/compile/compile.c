/* Programs that are made when somebody asks for them, and kept for the next time.  Everything that makes a program of a
 * graph goes through here, so that all of them are fused, differentiated and planned in one way. */
#include "compile/compile.h"

void dim__programs_init(dim__programs *ps, dim_context *ctx, int most)
{
    assert(most > 0 && most <= DIM__MOST_PROGRAMS);
    *ps = (dim__programs){ .ctx = ctx, .most = most };
}

static void drop(dim__programs *ps, dim__compiled *c)
{
    dim__program_destroy(c->program);
    dim__free(ps->ctx, c->notes);
    *c = (dim__compiled){ .program = NULL };
}

void dim__programs_free(dim__programs *ps)
{
    for (int i = 0; i < ps->most; i++)
        drop(ps, &ps->list[i]);
}

/* What has no gradient changes no state either: deferred nodes are for training steps. */
static dim_status finish(dim__graph *g, const dim__aim *aims, int n)
{
    if (n > 0)
        return dim__graph_backward_each(g, aims, n);
    DIM__TRY(dim__run_passes(g, DIM__BEFORE_GRADIENT));
    g->n_deferred = 0;
    return dim__graph_finish(g);
}

/* The graph that the recipe writes, ready for a program. */
static dim_status write(dim_context *ctx, const dim__recipe *r, void *notes, dim__graph **out)
{
    dim__graph *g = NULL;
    DIM__TRY(dim__graph_create(ctx, &g));
    g->no_bf16 = r->exact;
    dim__aim aims[DIM__MOST_AIMS];
    int n = r->emit(r->arg, g, notes, aims);
    dim_status status = dim__graph_status(g);
    if (status == DIM_OK)
        status = finish(g, aims, n);
    if (status == DIM_OK)
        *out = g;
    else
        dim__graph_destroy(g);
    return status;
}

static dim_status make(dim_context *ctx, const dim__recipe *r, dim__compiled *c)
{
    dim__graph *g;
    c->notes = dim__calloc(ctx, 1, r->notes);
    if (c->notes == NULL)
        return DIM_E_NOMEM;
    DIM__TRY(write(ctx, r, c->notes, &g));
    return dim__program_create(g, &c->program); /* which destroys the graph when it fails */
}

dim_status dim__recipe_arena(dim_context *ctx, const dim__recipe *r, int64_t *bytes)
{
    dim__graph *g;
    void *notes = dim__calloc(ctx, 1, r->notes);
    dim_status status = notes == NULL ? DIM_E_NOMEM : write(ctx, r, notes, &g);
    if (status == DIM_OK) {
        status = dim__graph_arena(g, bytes);
        dim__graph_destroy(g);
    }
    dim__free(ctx, notes);
    return status;
}

dim_status dim__compile(dim__programs *ps, const dim__recipe *r, dim__compiled **out)
{
    dim__compiled *oldest = &ps->list[0];
    for (int i = 0; i < ps->most; i++) {
        dim__compiled *c = &ps->list[i];
        if (c->program != NULL && memcmp(&c->key, &r->key, sizeof c->key) == 0) {
            c->used = ++ps->uses;
            *out = c;
            return DIM_OK;
        }
        if (c->used < oldest->used)
            oldest = c;
    }
    drop(ps, oldest); /* before the new one needs memory */
    dim_status status = make(ps->ctx, r, oldest);
    if (status != DIM_OK) {
        drop(ps, oldest);
        return status;
    }
    oldest->key = r->key;
    oldest->used = ++ps->uses;
    *out = oldest;
    return DIM_OK;
}
