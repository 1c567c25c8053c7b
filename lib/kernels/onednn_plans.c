#include "kernels/onednn_plans.h"

#include "kernels/gemm_backend.h"

#if defined(DIM_HAVE_ONEDNN)
#include <string.h>

static void *key_of(dim__plan *p) { return p + 1; }

static void free_plan(dim__onednn *d, dim__plan *p)
{
    p->kind->release(d, p);
    dim__free(d->ctx, p);
}

static void drop(dim__onednn *d, dim__plan *p)
{
    dim__plan **at = &d->plans;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    if (p->usable)
        d->n_plans--;
    else
        d->n_useless--;
    free_plan(d, p);
}

/* The oldest of the shapes without a plan. */
static void forget_one(dim__onednn *d)
{
    dim__plan *oldest = NULL;
    for (dim__plan *p = d->plans; p != NULL; p = p->next)
        oldest = p->usable ? oldest : p;
    drop(d, oldest);
}

static dim_status add(dim__onednn *d, const dim__plan_kind *kind, const void *key, dim__plan **out)
{
    dim__onednn_guard guard;
    dim__plan *p = dim__calloc(d->ctx, 1, kind->size);
    if (p == NULL)
        return DIM_E_NOMEM;
    p->kind = kind;
    memcpy(key_of(p), key, kind->key_size);
    d->no_memory = false;
    dim__onednn_enter(d, &guard); /* primitives are made for as many threads as there are now */
    p->usable = kind->make(d, p);
    dim__onednn_leave(d, &guard);
    if (d->no_memory) { /* which says nothing about the shape */
        free_plan(d, p);
        return DIM_E_NOMEM;
    }
    p->next = d->plans;
    d->plans = p;
    if (p->usable)
        d->n_plans++;
    else if (++d->n_useless > DIM__KEEP_PLANS)
        forget_one(d);
    *out = p;
    return DIM_OK;
}

dim_status dim__plan_get(dim__onednn *d, const dim__plan_kind *kind, const void *key, dim__plan **out)
{
    dim__plan *p = d->plans;
    while (p != NULL && (p->kind != kind || memcmp(key_of(p), key, kind->key_size) != 0))
        p = p->next;
    if (p == NULL)
        DIM__TRY(add(d, kind, key, &p));
    *out = p->usable ? p : NULL;
    return DIM_OK;
}

void dim__plan_hold(dim_context *ctx, const void *plan, int by)
{
    dim__onednn *d = ((dim__gemm_state *)ctx->gemm_state)->onednn;
    dim__plan *p = (dim__plan *)plan;
    p->holds += by;
    if (p->holds == 0 && d->n_plans > DIM__KEEP_PLANS)
        drop(d, p);
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

void dim__plans_forget(dim_context *ctx) { (void)ctx; }
#endif
