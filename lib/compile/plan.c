/* Memory by lifetime.
 *
 * A buffer lives from the node that makes it to the last node that reads it.  Buffers whose lives do not meet may lie on
 * the same bytes of one arena:
 *
 *      address                       Buffers are placed largest first, each at the lowest address where it fits under
 *        ^   +-----A-----+           all already placed buffers that live at the same time (greedy by size, as in
 *        |   +--B--+--C--+--D--+     XNNPACK's and TFLite's planners; within a few percent of optimal in practice).
 *        |   +-------E---------+
 *        +----------------------> node
 *
 * No plan is smaller than what lives at the fullest node.  If the plan is larger than this bound, we put the buffer
 * that reaches highest first and place all again, up to 192 times; and this from three orders: largest first, those
 * that live at the fullest nodes first, longest life first.  The smallest plan wins.
 *
 * Values that share memory form one buffer: an alias with its root, and the output of an op that may run in place with
 * its input where that input dies there.  With share = false every buffer gets bytes of its own: the oracle. */
#include "base/math.h"
#include "compile/lives.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_PLANS = 192 }; /* from each of the orders */

typedef struct buffer {
    int64_t size, first, last, offset;
    int64_t pressure;   /* bytes that live at the fullest node of its life */
    dim__vid root;
} buffer;

typedef struct planner {
    const dim__graph *g;
    dim__lives lives;
    bool share;
    int64_t least;      /* no plan is smaller */
    buffer *buffers;
    int64_t n_buffers;
} planner;

static bool in_arena(const dim__graph *g, dim__vid v) { return g->values[v].kind != DIM__PARAM; }

static int by_size(const void *a, const void *b)
{
    const buffer *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->root < y->root ? -1 : x->root > y->root;
}

static int by_life(const void *a, const void *b)
{
    const buffer *x = a, *y = b;
    int64_t of_x = x->last - x->first, of_y = y->last - y->first;
    return of_x != of_y ? (of_x < of_y ? 1 : -1) : by_size(a, b);
}

static int by_pressure(const void *a, const void *b)
{
    const buffer *x = a, *y = b;
    return x->pressure != y->pressure ? (x->pressure < y->pressure ? 1 : -1) : by_life(a, b);
}

static bool meet(const buffer *a, const buffer *b) { return a->first <= b->last && b->first <= a->last; }

/* The lowest offset where buffer n fits among those already placed (0 .. n - 1, which `order` sorts by offset). */
static void place(buffer *buffers, int64_t n, int64_t *order)
{
    buffer *b = &buffers[n];
    int64_t at = 0;
    for (int64_t k = 0; k < n; k++) {
        const buffer *other = &buffers[order[k]];
        if (!meet(b, other))
            continue;
        if (at + b->size <= other->offset)
            break;
        at = dim__max64(at, other->offset + other->size);
    }
    b->offset = at;
    int64_t k = n;
    for (; k > 0 && buffers[order[k - 1]].offset > at; k--)
        order[k] = order[k - 1];
    order[k] = n;
}

/* The arena's size. */
static int64_t place_in_turn(buffer *buffers, int64_t n, int64_t *order)
{
    int64_t size = 0;
    for (int64_t k = 0; k < n; k++) {
        place(buffers, k, order);
        size = dim__max64(size, buffers[k].offset + buffers[k].size);
    }
    return size;
}

static void put_first(buffer *buffers, int64_t k)
{
    buffer b = buffers[k];
    memmove(buffers + 1, buffers, (size_t)k * sizeof *buffers);
    buffers[0] = b;
}

/* Plans that begin with the buffers in their order now; the best one's size.  p->buffers are those of the best so far,
 * `size` big. */
static int64_t improve(planner *p, int64_t *order, buffer *room, int64_t size)
{
    int64_t n = p->n_buffers;
    for (int i = 0; i < MOST_PLANS && size > p->least; i++) {
        int64_t now = place_in_turn(room, n, order), top = 0;
        if (now < size) {
            memcpy(p->buffers, room, (size_t)n * sizeof *room);
            size = now;
        }
        while (room[top].offset + room[top].size < now)
            top++;
        put_first(room, top);
    }
    return size;
}

/* room: for as many buffers again. */
static int64_t place_all(planner *p, int64_t *order, buffer *room)
{
    static int (*const by[])(const void *, const void *) = { by_size, by_pressure, by_life };
    int64_t n = p->n_buffers, size = 0;
    for (int64_t k = 0; k < n; size += p->buffers[k++].size)
        p->buffers[k].offset = size;
    for (size_t i = 0; i < sizeof by / sizeof *by && p->share; i++) {
        memcpy(room, p->buffers, (size_t)n * sizeof *room);
        qsort(room, (size_t)n, sizeof *room, by[i]);
        size = improve(p, order, room, size);
    }
    return size;
}

static void list_buffer(planner *p, const int64_t *bytes, buffer b)
{
    b.size = dim__arena_bytes(b.size);
    for (int64_t t = b.first; t <= b.last; t++)
        b.pressure = dim__max64(b.pressure, bytes[t]);
    p->buffers[p->n_buffers++] = b;
}

/* Buffers of values, and of nodes' workspaces (root = -1 - node).  bytes: that live at each node. */
static void list_buffers(planner *p, const int64_t *bytes)
{
    const dim__graph *g = p->g;
    const dim__lives *l = &p->lives;
    for (int64_t v = 0; v < g->n_values; v++)
        if (in_arena(g, (dim__vid)v) && l->root[v] == v && l->last[v] >= 0)
            list_buffer(p, bytes, (buffer){ .size = dim__value_bytes(g, (dim__vid)v), .first = l->first[v],
                                            .last = l->last[v], .root = (dim__vid)v });
    for (int64_t i = 0; i < g->n_nodes; i++)
        if (l->alive[i] && g->nodes[i].workspace > 0)
            list_buffer(p, bytes, (buffer){ .size = (int64_t)g->nodes[i].workspace, .first = i + 1, .last = i + 1,
                                            .root = (dim__vid)(-1 - i) });
}

#ifndef NDEBUG
/* What every plan promises: buffers that live at the same time share no byte. */
static bool none_meet(const planner *p)
{
    for (int64_t i = 0; i < p->n_buffers; i++)
        for (int64_t k = 0; k < i; k++) {
            const buffer *a = &p->buffers[i], *b = &p->buffers[k];
            if (meet(a, b) && a->offset < b->offset + b->size && b->offset < a->offset + a->size)
                return false;
        }
    return true;
}
#endif

static void report(const planner *p, dim__plan *plan)
{
    const dim__graph *g = p->g;
    for (int64_t v = 0; v < g->n_values; v++)
        plan->offset[v] = -1;
    for (int64_t i = 0; i < g->n_nodes; i++)
        plan->workspace[i] = -1;
    for (int64_t n = 0; n < p->n_buffers; n++) {
        const buffer *b = &p->buffers[n];
        if (b->root < 0)
            plan->workspace[-1 - (int64_t)b->root] = b->offset;
        else
            plan->offset[b->root] = b->offset;
    }
    for (int64_t v = 0; v < g->n_values; v++)
        plan->offset[v] = plan->offset[dim__lives_root(&p->lives, (dim__vid)v)];
}

dim_status dim__plan_create(const dim__graph *g, const bool *alive, bool share, dim__plan *plan)
{
    dim_context *ctx = g->ctx;
    size_t values = (size_t)g->n_values + 1, buffers = values + (size_t)g->n_nodes;
    planner p = { .g = g, .share = share };
    int64_t *order = dim__calloc(ctx, buffers + 3, sizeof *order);
    buffer *room = dim__calloc(ctx, buffers, sizeof *room);
    dim_status status = dim__lives_create(ctx, g->n_values, &p.lives);
    p.buffers = dim__calloc(ctx, buffers, sizeof *p.buffers);
    plan->offset = dim__calloc(ctx, values, sizeof *plan->offset);
    plan->workspace = dim__calloc(ctx, (size_t)g->n_nodes + 1, sizeof *plan->workspace);
    if (status == DIM_OK && order != NULL && room != NULL && p.buffers != NULL && plan->offset != NULL &&
        plan->workspace != NULL) {
        dim__lives_find(&p.lives, g, alive, share && dim__pass_on(ctx, DIM_PASS_INPLACE));
        p.least = dim__lives_level(&p.lives, order).peak; /* `order` has room for its bytes, too */
        list_buffers(&p, order);
        plan->size = place_all(&p, order, room);
        assert(none_meet(&p));
        assert(plan->size >= p.least);
        report(&p, plan);
    } else {
        status = DIM_E_NOMEM;
        dim__plan_free(ctx, plan);
    }
    dim__free(ctx, order);
    dim__free(ctx, room);
    dim__lives_free(ctx, &p.lives);
    dim__free(ctx, p.buffers);
    return status;
}

void dim__plan_free(dim_context *ctx, dim__plan *plan)
{
    dim__free(ctx, plan->offset);
    dim__free(ctx, plan->workspace);
    plan->offset = plan->workspace = NULL;
}
