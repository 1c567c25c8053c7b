/* Values that are cheap to make again are given up while the peak of the memory passes.
 *
 * At the node where most bytes live there are values that were made long before and are read only long after: results of the
 * forward part that the gradient needs.  Where one of them is the result of cheap ops (batch norm with its statistics at
 * hand, an activation, a product with few terms) on values that live on anyway, copies of these ops are put before the
 * first reader after the peak, and all later readers read the copy:
 *
 *      x ---+-- a ------------ v ........ peak ........ reader      v lives over the peak
 *      x ---+-- a -- v ....... peak ... a' -- v' ------ reader      x lives over it anyway, a and v do not
 *
 * (cf. Chen et al., arXiv 1604.06174.)  What nobody reads before the peak is not copied but moved, whatever op makes it.
 * What a later reader's copies made already is not made twice: they read the new ones, where the peak falls even so.
 *
 * One value after the other, the most bytes for the least work first, as long as the peak falls; of the states on the way
 * the one is kept that is worth its work.  A copy has the bits of the first. */
#include "compile/lives.h"
#include "ops/ops.h"

#include "base/math.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_COPIES = 12,   /* ops for one value */
    MOST_NEW = 48,      /* nodes that one value brings, other names of it included; and at most twice as many values */
    MOST_TRIES = 32,    /* candidates that are tried at one peak */
    MOST_VALUES = 64,   /* that are made again in one graph */
    ROOM = MOST_VALUES * 16 /* for new values and nodes */
};

/* Work is counted in bytes moved; a processor does some 16 operations of a product in the time of one. */
static const double FLOPS_PER_BYTE = 16;

/* The price rises: the first per cent of extra work must save recompute_worth per cent of the peak; after ten per cent,
 * the next must save four times that.  So a graph with much to gain goes far, and no graph goes too far. */
static const double DEARER = 15;

typedef struct snapshot {
    dim__node *nodes;
    dim__value *values;
    int64_t n_nodes, n_values, gradient_nodes;
} snapshot;

typedef struct chain { /* nodes to copy, in order, for one value */
    dim__vid v;
    int64_t before;     /* the node that reads it */
    int64_t nodes[MOST_COPIES];
    int n;
    int64_t held;       /* bytes of inputs that live longer for it */
    double work;        /* at most: some nodes may be moved, not copied, or serve other copies, too */
} chain;

typedef struct candidate {
    chain c;
    double score; /* bytes for work */
} candidate;

typedef struct edit { /* nodes to insert, and what readers read instead */
    dim__graph *g;
    dim__node nodes[MOST_NEW];
    int n;
    dim__vid old[MOST_COPIES + 1], copy[MOST_COPIES + 1];
    int n_copies;
    bool merged;
} edit;

typedef struct pass {
    dim__graph *g;
    dim__lives lives;
    bool *alive, *needed;
    int64_t *bytes;     /* that live at each node */
    int64_t *maker;     /* node that makes each value, or -1 */
    int64_t *next, *last; /* of each value with its other names: first reader after the peak and last reader of all */
    int64_t *first, *readers; /* first reader of all, how many there are */
    bool *here, *kept;  /* it is read at the peak; it is to be readable after the run */
    snapshot before, best;
    edit *edit;         /* that is being made */
    candidate *list;    /* MOST_TRIES of them */
    int64_t room_nodes, room_values;
} pass;

/* ---- memory of the pass ------------------------------------------------------------------------------------------ */

static dim_status make_snapshot(dim__graph *g, snapshot *s)
{
    s->nodes = dim__calloc(g->ctx, (size_t)g->n_nodes + ROOM, sizeof *s->nodes);
    s->values = dim__calloc(g->ctx, (size_t)g->n_values + ROOM, sizeof *s->values);
    return s->nodes != NULL && s->values != NULL ? DIM_OK : DIM_E_NOMEM;
}

static void save(const dim__graph *g, snapshot *s)
{
    memcpy(s->nodes, g->nodes, (size_t)g->n_nodes * sizeof *s->nodes);
    memcpy(s->values, g->values, (size_t)g->n_values * sizeof *s->values);
    s->n_nodes = g->n_nodes;
    s->n_values = g->n_values;
    s->gradient_nodes = g->gradient_nodes;
}

static void restore(dim__graph *g, const snapshot *s)
{
    memcpy(g->nodes, s->nodes, (size_t)s->n_nodes * sizeof *s->nodes);
    memcpy(g->values, s->values, (size_t)s->n_values * sizeof *s->values);
    g->n_nodes = s->n_nodes;
    g->n_values = s->n_values;
    g->gradient_nodes = s->gradient_nodes;
}

static void close_pass(pass *p)
{
    dim_context *ctx = p->g->ctx;
    void *const all[] = { p->alive, p->needed, p->bytes, p->maker, p->next, p->last, p->first, p->readers, p->here,
                          p->kept, p->before.nodes, p->before.values, p->best.nodes, p->best.values, p->edit,
                          p->list };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim__free(ctx, all[i]);
    dim__lives_free(ctx, &p->lives);
}

static dim_status open_pass(dim__graph *g, pass *p)
{
    dim_context *ctx = g->ctx;
    size_t nodes = (size_t)g->n_nodes + ROOM + 3, values = (size_t)g->n_values + ROOM;
    *p = (pass){ .g = g, .room_nodes = g->n_nodes + ROOM, .room_values = g->n_values + ROOM };
    dim_status status = dim__grow(ctx, &g->nodes, &g->cap_nodes, (int64_t)nodes, sizeof *g->nodes);
    if (status == DIM_OK)
        status = dim__grow(ctx, &g->values, &g->cap_values, (int64_t)values, sizeof *g->values);
    if (status == DIM_OK)
        status = dim__lives_create(ctx, (int64_t)values, &p->lives);
    if (status == DIM_OK)
        status = make_snapshot(g, &p->before);
    if (status == DIM_OK)
        status = make_snapshot(g, &p->best);
    if (status != DIM_OK)
        return status;
    p->alive = dim__calloc(ctx, nodes, sizeof *p->alive);
    p->bytes = dim__calloc(ctx, nodes, sizeof *p->bytes);
    p->needed = dim__calloc(ctx, values, sizeof *p->needed);
    p->maker = dim__calloc(ctx, values, sizeof *p->maker);
    p->next = dim__calloc(ctx, values, sizeof *p->next);
    p->last = dim__calloc(ctx, values, sizeof *p->last);
    p->first = dim__calloc(ctx, values, sizeof *p->first);
    p->readers = dim__calloc(ctx, values, sizeof *p->readers);
    p->here = dim__calloc(ctx, values, sizeof *p->here);
    p->kept = dim__calloc(ctx, values, sizeof *p->kept);
    p->edit = dim__calloc(ctx, 1, sizeof *p->edit);
    p->list = dim__calloc(ctx, MOST_TRIES, sizeof *p->list);
    return p->alive != NULL && p->bytes != NULL && p->needed != NULL && p->maker != NULL && p->next != NULL &&
                   p->last != NULL && p->first != NULL && p->readers != NULL && p->here != NULL && p->kept != NULL &&
                   p->edit != NULL && p->list != NULL
               ? DIM_OK
               : DIM_E_NOMEM;
}

/* ---- work -------------------------------------------------------------------------------------------------------- */

static double work_of(const dim__graph *g, const dim__node *node)
{
    double work = dim__flops_of(g, node) / FLOPS_PER_BYTE;
    if ((node->op->flags & DIM__OP_ALIAS) != 0)
        return 0;
    for (int k = 0; k < node->n_in; k++)
        work += (double)dim__value_bytes(g, node->in[k]);
    for (int k = 0; k < node->op->n_out; k++)
        work += (double)dim__value_bytes(g, node->out[k]);
    return work;
}

static double work_of_all(const pass *p)
{
    double work = 0;
    for (int64_t i = 0; i < p->g->n_nodes; i++)
        work += p->alive[i] ? work_of(p->g, &p->g->nodes[i]) : 0;
    return work;
}

/* ---- the peak, and who lives over it ----------------------------------------------------------------------------- */

static dim__level measure(pass *p)
{
    const dim__graph *g = p->g;
    dim__mark_alive(g, p->needed, p->alive);
    dim__lives_find(&p->lives, g, p->alive, dim__pass_on(g->ctx, DIM_PASS_INPLACE));
    return dim__lives_level(&p->lives, p->bytes);
}

static void find_readers(pass *p, int64_t peak)
{
    const dim__graph *g = p->g;
    for (int64_t v = 0; v < g->n_values; v++) {
        p->maker[v] = p->next[v] = p->last[v] = p->first[v] = -1;
        p->readers[v] = 0;
        p->here[v] = p->kept[v] = false;
    }
    for (int64_t v = 0; v < g->n_values; v++)
        if (g->values[v].keep)
            p->kept[dim__graph_origin(g, (dim__vid)v, NULL)] = true;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const dim__node *node = &g->nodes[i];
        for (int k = 0; k < node->op->n_out; k++)
            p->maker[node->out[k]] = i;
        if (!p->alive[i] || (node->op->flags & DIM__OP_ALIAS) != 0)
            continue;
        for (int k = 0; k < node->n_in; k++) {
            dim__vid v = dim__graph_origin(g, node->in[k], NULL);
            p->readers[v] += p->last[v] != i;
            p->last[v] = i;
            p->first[v] = p->first[v] < 0 ? i : p->first[v];
            p->here[v] = p->here[v] || i == peak;
            if (i > peak && p->next[v] < 0)
                p->next[v] = i;
        }
    }
}

/* ---- chains of copies -------------------------------------------------------------------------------------------- */

static bool may_repeat(const dim__op *op) { return (op->flags & (DIM__OP_REPEATABLE | DIM__OP_ELEMENTWISE)) != 0; }

/* The node that makes the same output 0 again: with the statistics that are there. */
static dim__node again(const dim__node *node)
{
    dim__node copy = *node;
    if (node->op == &dim__op_conv2d_moments) {
        copy.op = &dim__op_conv2d;
        copy.attr.conv.eps = 0; /* nobody takes moments */
    }
    if (node->op == &dim__op_batch_norm_again)
        copy.n_in = 5;
    if (node->op == &dim__op_batch_norm) {
        copy.op = &dim__op_batch_norm_again;
        copy.in[3] = node->out[1];
        copy.in[4] = node->out[3];
        copy.n_in = 5;
    }
    return copy;
}

/* Whether `input` can be read at c->before without living longer for that, or with a quarter of what is given up left as
 * a gain. */
static bool at_hand(const pass *p, chain *c, dim__vid input)
{
    const dim__value *value = &p->g->values[input];
    int64_t size = dim__value_bytes(p->g, input);
    if (value->kind != DIM__TEMP || p->kept[input] || p->last[input] >= c->before)
        return true;
    if (4 * (c->held + size) > 3 * dim__value_bytes(p->g, c->v))
        return false;
    c->held += size;
    return true;
}

/* Adds the maker of v, after those of its inputs that are not at hand.  moved: nobody else reads v, so that it is made
 * later, not again. */
static bool add_to_chain(const pass *p, chain *c, dim__vid v, bool moved)
{
    const dim__graph *g = p->g;
    int64_t at = p->maker[v];
    if (at < 0 || g->nodes[at].out[0] != v)
        return false;
    const dim__op *op = g->nodes[at].op;
    if (!may_repeat(op) && (!moved || op->n_out > 1 || (op->flags & DIM__OP_EFFECT) != 0))
        return false;
    for (int i = 0; i < c->n; i++)
        if (c->nodes[i] == at)
            return true;
    dim__node node = again(&g->nodes[at]);
    for (int k = 0; k < node.n_in; k++) {
        dim__vid input = dim__graph_origin(g, node.in[k], NULL);
        if (!at_hand(p, c, input) &&
            (c->n >= MOST_COPIES || !add_to_chain(p, c, input, moved && p->readers[input] == 1)))
            return false;
    }
    if (c->n >= MOST_COPIES)
        return false;
    c->nodes[c->n++] = at;
    c->work += moved ? 0 : work_of(g, &node);
    return true;
}

static dim__vid new_value(dim__graph *g, dim__vid like)
{
    dim__value value = g->values[like];
    value.kind = DIM__TEMP;
    value.keep = false;
    g->values[g->n_values] = value;
    return (dim__vid)g->n_values++;
}

/* What to read instead of v: its copy, under another name where v is one; v itself when it was not copied.  DIM__NONE
 * when there is no room. */
static dim__vid instead_of(edit *e, const pass *p, dim__vid v)
{
    dim__graph *g = e->g;
    int64_t offset;
    dim__vid from = dim__graph_origin(g, v, &offset), copy = DIM__NONE;
    for (int i = 0; i < e->n_copies; i++)
        if (e->old[i] == from)
            copy = e->copy[i];
    if (copy == DIM__NONE)
        return v;
    if (v == from)
        return copy;
    if (e->n == MOST_NEW || p->maker[v] < 0)
        return DIM__NONE;
    dim__node node = g->nodes[p->maker[v]];
    node.in[0] = copy;
    node.out[0] = new_value(g, v);
    g->values[node.out[0]].alias_of = copy;
    g->values[node.out[0]].offset = offset;
    e->nodes[e->n++] = node;
    return node.out[0];
}

static bool copy_chain(edit *e, const pass *p, const chain *c)
{
    for (int i = 0; i < c->n; i++) {
        dim__node node = again(&e->g->nodes[c->nodes[i]]);
        dim__vid old = e->g->nodes[c->nodes[i]].out[0];
        for (int k = 0; k < node.n_in; k++)
            if ((node.in[k] = instead_of(e, p, node.in[k])) == DIM__NONE)
                return false;
        for (int k = 0; k < node.op->n_out; k++)
            node.out[k] = new_value(e->g, node.out[k]);
        if (node.op != e->g->nodes[c->nodes[i]].op) /* with a plan and a workspace of its own */
            dim__graph_fail(e->g, dim__node_infer(e->g, &node));
        if (e->n == MOST_NEW || e->g->status != DIM_OK)
            return false;
        e->nodes[e->n++] = node;
        e->old[e->n_copies] = old;
        e->copy[e->n_copies++] = node.out[0];
    }
    return true;
}

static bool same(const dim__node *a, const dim__node *b)
{
    return a->op == b->op && a->n_in == b->n_in && a->stream == b->stream && a->out[0] != b->out[0] &&
           memcmp(a->in, b->in, (size_t)a->n_in * sizeof *a->in) == 0 &&
           dim__attr_equal(&a->attr, &b->attr, a->op->attr_size);
}

/* Readers of what `node` makes read what a new node makes, if that is the same. */
static void merge(edit *e, const dim__node *node)
{
    if ((node->op->flags & DIM__OP_ALIAS) != 0)
        return;
    for (int i = 0; i < e->n; i++)
        if (e->n_copies <= MOST_COPIES && same(&e->nodes[i], node)) {
            e->old[e->n_copies] = node->out[0];
            e->copy[e->n_copies++] = e->nodes[i].out[0];
            e->merged = true;
            return;
        }
}

/* From c->before on the copy is read.  Nodes that only give another name read it, too, and so do their readers.  share:
 * what earlier chains copied to later places, and this one copied now, is not made once more. */
static bool redirect(edit *e, const pass *p, const chain *c, bool share)
{
    dim__graph *g = e->g;
    e->old[0] = c->v; /* the others of the chain have no readers left */
    e->copy[0] = e->copy[e->n_copies - 1];
    e->n_copies = 1;
    for (int64_t i = c->before; i < g->n_nodes; i++) {
        dim__node *node = &g->nodes[i];
        for (int k = 0; k < node->n_in; k++) {
            dim__vid v = instead_of(e, p, node->in[k]);
            if (v == DIM__NONE)
                return false;
            if ((node->op->flags & DIM__OP_ALIAS) != 0 && v != node->in[k])
                g->values[node->out[0]].alias_of = dim__graph_origin(g, v, NULL);
            node->in[k] = v;
        }
        if (share)
            merge(e, node);
    }
    return true;
}

/* Whether it went through; if not, the graph is to be restored.  *share: see redirect(); whether there was anything. */
static bool apply(pass *p, const chain *c, bool *share)
{
    dim__graph *g = p->g;
    edit *e = p->edit;
    e->g = g;
    e->n = e->n_copies = 0;
    e->merged = false;
    if (g->n_values + 2 * MOST_NEW > p->room_values || g->n_nodes + MOST_NEW > p->room_nodes ||
        !copy_chain(e, p, c) || !redirect(e, p, c, *share))
        return false;
    memmove(g->nodes + c->before + e->n, g->nodes + c->before, (size_t)(g->n_nodes - c->before) * sizeof *g->nodes);
    memcpy(g->nodes + c->before, e->nodes, (size_t)e->n * sizeof *g->nodes);
    g->n_nodes += e->n;
    g->gradient_nodes += e->n;
    *share = e->merged;
    return true;
}

/* ---- the search -------------------------------------------------------------------------------------------------- */

static int by_score(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->c.v < y->c.v ? -1 : x->c.v > y->c.v;
}

/* The best candidates for lowering the peak; their number. */
static int list_candidates(pass *p, const dim__level *l, candidate *list)
{
    const dim__graph *g = p->g;
    int n = 0;
    find_readers(p, l->at - 1);
    for (int64_t v = 0; v < g->n_values; v++) {
        int64_t size = dim__value_bytes(g, (dim__vid)v);
        if (g->values[v].kind != DIM__TEMP || g->values[v].alias_of != DIM__NONE || p->kept[v] || p->here[v] ||
            p->maker[v] < 0 || p->maker[v] >= l->at - 1 || p->next[v] < g->forward_nodes ||
            p->next[v] >= g->gradient_nodes || size < l->peak / 64)
            continue;
        candidate new = { .c = { .v = (dim__vid)v, .before = p->next[v] } };
        if (!add_to_chain(p, &new.c, (dim__vid)v, p->first[v] == p->next[v]))
            continue;
        new.score = (double)(size - new.c.held) / (new.c.work + 1);
        if (n == MOST_TRIES && by_score(&new, &list[n - 1]) >= 0)
            continue;
        list[n == MOST_TRIES ? n - 1 : n++] = new;
        qsort(list, (size_t)n, sizeof *list, by_score);
    }
    return n;
}

/* What a candidate is worth where it lowers the peak, or leaves fewer nodes as high; 0 where it does not.  *share: see
 * redirect().  The graph is as it was afterwards. */
static double try_out(pass *p, const candidate *new, const dim__level *l, double work, bool *share)
{
    double score = 0;
    if (apply(p, &new->c, share)) {
        dim__level now = measure(p);
        double more = work_of_all(p) - work;
        if (now.peak < l->peak || (now.peak == l->peak && now.n_peaks < l->n_peaks))
            score = (double)(dim__value_bytes(p->g, new->c.v) - new->c.held) / (more > 0 ? more + 1 : 1);
    }
    restore(p->g, &p->before);
    return score;
}

/* Makes one value again; false when there is none that helps.  *work: of the whole graph. */
static bool lower(pass *p, dim__level *l, double *work)
{
    candidate *list = p->list;
    int n = list_candidates(p, l, list), best = -1;
    bool share_best = false;
    double best_score = 0;
    save(p->g, &p->before);
    for (int i = 0; i < n; i++) {
        bool share = true;
        double score = try_out(p, &list[i], l, *work, &share);
        if (score <= 0 && share) {
            share = false;
            score = try_out(p, &list[i], l, *work, &share);
        }
        if (score > best_score) {
            best = i;
            best_score = score;
            share_best = share;
        }
    }
    if (best < 0 || !apply(p, &list[best].c, &share_best))
        return false;
    *l = measure(p);
    *work = work_of_all(p);
    return true;
}

dim_status dim__pass_recompute(dim__graph *g)
{
    pass p;
    if (g->forward_nodes >= g->gradient_nodes || dim__graph_bytes(g) < g->ctx->recompute_from)
        return DIM_OK;
    dim_status status = open_pass(g, &p);
    if (status == DIM_OK) {
        dim__level l = measure(&p);
        double start = (double)l.peak, all = work_of_all(&p), work = all, best = 0;
        save(g, &p.best);
        for (int i = 0; l.peak >= g->ctx->recompute_from && i < MOST_VALUES && lower(&p, &l, &work); i++) {
            double more = (work - all) / all;
            double gain = 1 - (double)l.peak / start - g->ctx->recompute_worth * more * (1 + DEARER * more);
            if (gain > best) {
                best = gain;
                save(g, &p.best);
            }
        }
        restore(g, &p.best);
    }
    close_pass(&p);
    return status == DIM_OK ? g->status : status;
}
