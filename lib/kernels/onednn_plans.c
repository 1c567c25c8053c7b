#include "kernels/onednn_plans.h"

#include "kernels/gemm_backend.h"

#if defined(DIM_HAVE_ONEDNN)
#include <string.h>

static void *key_of(dim__onednn_plan *p) { return p + 1; }

static void free_plan(dim__onednn *d, dim__onednn_plan *p)
{
    p->kind->release(d, p);
    dim__free(d->ctx, p);
}

static void drop(dim__onednn *d, dim__onednn_plan *p)
{
    dim__onednn_plan **at = &d->plans;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    if (!p->usable)
        d->n_useless--;
    else if (p->holds == 0)
        d->n_idle--;
    free_plan(d, p);
}

/* The one used longest ago of the plans that nobody holds, or of the shapes without one. */
static dim__onednn_plan *oldest(const dim__onednn *d, bool usable)
{
    dim__onednn_plan *found = NULL;
    for (dim__onednn_plan *p = d->plans; p != NULL; p = p->next)
        if (p->usable == usable && p->holds == 0)
            found = p;
    return found;
}

static dim_status add(dim__onednn *d, const dim__plan_kind *kind, const void *key, dim__onednn_plan **out)
{
    dim__onednn_guard guard;
    dim__onednn_plan *p = dim__calloc(d->ctx, 1, kind->size);
    if (p == NULL)
        return DIM_E_NOMEM;
    p->kind = kind;
    memcpy(key_of(p), key, kind->key_size);
    d->no_memory = false;
    if (dim__onednn_enter(d, &guard)) { /* primitives are made for as many threads as there are now */
        p->usable = kind->make(d, p);
        dim__onednn_leave(d, &guard);
        d->no_memory = d->no_memory || !dim__exit_watch(d->exit);
    }
    if (d->no_memory) { /* which says nothing about the shape */
        free_plan(d, p);
        return DIM_E_NOMEM;
    }
    p->next = d->plans;
    d->plans = p;
    d->forget = dim__plans_forget;
    if (p->usable)
        d->n_idle++;
    else if (++d->n_useless > DIM__KEEP_PLANS)
        drop(d, oldest(d, false));
    *out = p;
    return DIM_OK;
}

dim_status dim__plan_get(dim__onednn *d, const dim__plan_kind *kind, const void *key, dim__onednn_plan **out)
{
    dim__onednn_plan **at = &d->plans;
    while (*at != NULL && ((*at)->kind != kind || memcmp(key_of(*at), key, kind->key_size) != 0))
        at = &(*at)->next;
    dim__onednn_plan *p = *at;
    if (p == NULL) {
        DIM__TRY(add(d, kind, key, &p));
    } else { /* to the front: what is used last goes last */
        *at = p->next;
        p->next = d->plans;
        d->plans = p;
    }
    *out = p->usable ? p : NULL;
    return DIM_OK;
}

void dim__plan_hold(dim_context *ctx, const void *plan, int by)
{
    dim__onednn *d = ((dim__gemm_state *)ctx->gemm_state)->onednn;
    dim__onednn_plan *p = (dim__onednn_plan *)plan;
    d->n_idle -= p->holds == 0;
    p->holds += by;
    d->n_idle += p->holds == 0;
}

void dim__plans_trim(dim_context *ctx)
{
    dim__onednn *d = ((dim__gemm_state *)ctx->gemm_state)->onednn;
    while (d != NULL && d->n_idle > DIM__KEEP_PLANS)
        drop(d, oldest(d, true));
}

void dim__plans_forget(dim_context *ctx)
{
    dim__onednn *d = ((dim__gemm_state *)ctx->gemm_state)->onednn;
    while (d != NULL && d->plans != NULL)
        drop(d, d->plans);
}

#else
void dim__plan_hold(dim_context *ctx, const void *plan, int by)
{
    (void)ctx;
    (void)plan;
    (void)by;
}

void dim__plans_trim(dim_context *ctx) { (void)ctx; }
void dim__plans_forget(dim_context *ctx) { (void)ctx; }
#endif
