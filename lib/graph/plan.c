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
 * Values that share memory form one buffer: an alias with its root, and the output of an op that may run in place with
 * its input where that input dies there.  With share = false every buffer gets bytes of its own: the oracle. */
#include "base/math.h"
#include "graph/graph.h"

#include <stdlib.h>

enum { ALIGN = 64 };

typedef struct buffer {
    int64_t size, first, last, offset;
    dim__vid root;
} buffer;

typedef struct planner {
    const dim__graph *g;
    const bool *alive;
    bool share;
    dim__vid *root;      /* the value whose buffer each value uses */
    int64_t *first, *last; /* life of each root */
    buffer *buffers;
    int64_t n_buffers;
} planner;

static int64_t padded(int64_t size) { return (size + ALIGN - 1) / ALIGN * ALIGN; }

static int64_t bytes_of(const dim__graph *g, dim__vid v)
{
    return dim__count_of(g, v) * (int64_t)dim_dtype_size(g->values[v].dtype);
}

static bool in_arena(const dim__graph *g, dim__vid v) { return g->values[v].kind != DIM__PARAM; }

static dim__vid find_root(const planner *p, dim__vid v)
{
    while (p->root[v] != v)
        v = p->root[v];
    return v;
}

static void use(planner *p, dim__vid v, int64_t at)
{
    dim__vid r = find_root(p, v);
    if (p->first[r] < 0 || at < p->first[r])
        p->first[r] = at;
    if (at > p->last[r])
        p->last[r] = at;
}

/* Lives of all values, aliases merged into their roots. */
static void find_lives(planner *p)
{
    const dim__graph *g = p->g;
    for (int64_t v = 0; v < g->n_values; v++) {
        p->root[v] = g->values[v].alias_of != DIM__NONE ? g->values[v].alias_of : (dim__vid)v;
        p->first[v] = p->last[v] = -1;
    }
    for (int64_t v = 0; v < g->n_values; v++)
        if (g->values[v].kind == DIM__INPUT || g->values[v].kind == DIM__CONST)
            use(p, (dim__vid)v, 0); /* filled before the first node, so nothing may lie on it until its last use */
    for (int64_t i = 0; i < g->n_nodes; i++) {
        if (!p->alive[i])
            continue;
        for (int k = 0; k < g->nodes[i].op->n_out; k++)
            use(p, g->nodes[i].out[k], i + 1);
        for (int k = 0; k < g->nodes[i].n_in; k++)
            use(p, g->nodes[i].in[k], i + 1);
    }
    for (int64_t v = 0; v < g->n_values; v++) {
        bool constant = g->values[v].kind == DIM__CONST; /* written once, when the program is made */
        if ((g->values[v].keep || constant) && p->last[find_root(p, (dim__vid)v)] >= 0)
            use(p, (dim__vid)v, g->n_nodes + 1);
    }
}

/* Lets outputs lie on inputs that die at their node. */
static void share_in_place(planner *p)
{
    const dim__graph *g = p->g;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const dim__node *node = &g->nodes[i];
        if (!p->alive[i])
            continue;
        for (int k = 0; k < 2 && k < node->n_in; k++) {
            dim__vid out = node->out[0], in = find_root(p, node->in[k]);
            bool allowed = (node->op->flags & (k == 0 ? DIM__OP_INPLACE0 : DIM__OP_INPLACE1)) != 0;
            bool read_once = true; /* no other input may lie on the same memory */
            for (int j = 0; j < node->n_in; j++)
                read_once = read_once && (j == k || find_root(p, node->in[j]) != in);
            if (!allowed || !read_once || find_root(p, out) != out || g->values[in].kind != DIM__TEMP ||
                p->last[in] != i + 1 || bytes_of(g, in) != bytes_of(g, out))
                continue;
            p->root[out] = in;
            p->last[in] = dim__max64(p->last[in], p->last[out]);
            break;
        }
    }
}

static int by_size(const void *a, const void *b)
{
    const buffer *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->root < y->root ? -1 : x->root > y->root;
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

static int64_t place_all(planner *p, int64_t *order)
{
    int64_t size = 0;
    if (p->share)
        qsort(p->buffers, (size_t)p->n_buffers, sizeof *p->buffers, by_size);
    for (int64_t n = 0; n < p->n_buffers; n++) {
        if (p->share) {
            place(p->buffers, n, order);
            size = dim__max64(size, p->buffers[n].offset + p->buffers[n].size);
        } else {
            p->buffers[n].offset = size;
            size += p->buffers[n].size;
        }
    }
    return size;
}

/* Buffers of values, and of nodes' workspaces (root = -1 - node). */
static void list_buffers(planner *p)
{
    const dim__graph *g = p->g;
    for (int64_t v = 0; v < g->n_values; v++)
        if (in_arena(g, (dim__vid)v) && p->root[v] == v && p->last[v] >= 0)
            p->buffers[p->n_buffers++] = (buffer){ .size = padded(bytes_of(g, (dim__vid)v)), .first = p->first[v],
                                                   .last = p->last[v], .root = (dim__vid)v };
    for (int64_t i = 0; i < g->n_nodes; i++)
        if (p->alive[i] && g->nodes[i].workspace > 0)
            p->buffers[p->n_buffers++] = (buffer){ .size = padded((int64_t)g->nodes[i].workspace), .first = i + 1,
                                                   .last = i + 1, .root = (dim__vid)(-1 - i) };
}

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
        plan->offset[v] = plan->offset[find_root(p, (dim__vid)v)];
}

dim_status dim__plan_create(const dim__graph *g, const bool *alive, bool share, dim__plan *plan)
{
    dim_context *ctx = g->ctx;
    size_t values = (size_t)g->n_values + 1, buffers = values + (size_t)g->n_nodes;
    planner p = { .g = g, .alive = alive, .share = share };
    int64_t *order = dim__calloc(ctx, buffers, sizeof *order);
    dim_status status = DIM_E_NOMEM;
    p.root = dim__calloc(ctx, values, sizeof *p.root);
    p.first = dim__calloc(ctx, values, sizeof *p.first);
    p.last = dim__calloc(ctx, values, sizeof *p.last);
    p.buffers = dim__calloc(ctx, buffers, sizeof *p.buffers);
    plan->offset = dim__calloc(ctx, values, sizeof *plan->offset);
    plan->workspace = dim__calloc(ctx, (size_t)g->n_nodes + 1, sizeof *plan->workspace);
    if (order != NULL && p.root != NULL && p.first != NULL && p.last != NULL && p.buffers != NULL &&
        plan->offset != NULL && plan->workspace != NULL) {
        find_lives(&p);
        if (share && dim__pass_on(ctx, DIM_PASS_INPLACE))
            share_in_place(&p);
        list_buffers(&p);
        plan->size = place_all(&p, order);
        report(&p, plan);
        status = DIM_OK;
    } else {
        dim__plan_free(ctx, plan);
    }
    dim__free(ctx, order);
    dim__free(ctx, p.root);
    dim__free(ctx, p.first);
    dim__free(ctx, p.last);
    dim__free(ctx, p.buffers);
    return status;
}

void dim__plan_free(dim_context *ctx, dim__plan *plan)
{
    dim__free(ctx, plan->offset);
    dim__free(ctx, plan->workspace);
    plan->offset = plan->workspace = NULL;
}
