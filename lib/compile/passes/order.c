/* The nodes in an order in which less is alive at once.
 *
 * Autodiff walks backwards through the forward part, so a gradient that is complete early may wait long before it is
 * used, and keeps alive all that it needs: in an encoder with two heads the first head's gradient waits until the
 * second head's losses are through.  Of the nodes whose operands are ready we always take the one that frees most
 * memory, or needs least; of equals the earlier.
 *
 * Forward part and gradient are ordered each by itself, the forward part as if there were no gradient: the values that
 * the gradient reads live on in any order, or are made again (passes/recompute.c).  We keep an order if it lowers the
 * peak, or raises it by at most a 128th while less lives at all nodes together.  Values do not depend on the order. */
#include "compile/lives.h"

#include <string.h>

typedef struct pass {
    dim__graph *g;
    int64_t from, to;   /* the nodes to order */
    int64_t end;        /* of those that matter for it */
    dim__lives lives;
    bool *needed;
    int64_t *bytes;
    bool *alive;
    int64_t *made_by;   /* node among these that makes each value, or -1 */
    int64_t *readers;   /* nodes that are still to read each value, under all its names */
    bool *done;         /* of each node */
    dim__node *nodes;   /* in the new order */
} pass;

static bool is_alias(const dim__node *node) { return (node->op->flags & DIM__OP_ALIAS) != 0; }

static bool reads_twice(const pass *p, const dim__node *node, int input)
{
    for (int k = 0; k < input; k++)
        if (dim__graph_origin(p->g, node->in[k], NULL) == dim__graph_origin(p->g, node->in[input], NULL))
            return true;
    return false;
}

static void count(pass *p)
{
    const dim__graph *g = p->g;
    memset(p->done, 0, (size_t)g->n_nodes * sizeof *p->done);
    for (int64_t v = 0; v < g->n_values; v++) {
        p->made_by[v] = -1;
        p->readers[v] = 0;
    }
    for (int64_t v = 0; v < g->n_values; v++)
        if (g->values[v].keep || g->values[v].kind != DIM__TEMP)
            p->readers[dim__graph_origin(g, (dim__vid)v, NULL)] = INT32_MAX; /* stays */
    for (int64_t i = p->from; i < p->end; i++) {
        const dim__node *node = &g->nodes[i];
        for (int k = 0; k < node->op->n_out && i < p->to; k++)
            p->made_by[node->out[k]] = i;
        for (int k = 0; k < node->n_in && p->alive[i] && !is_alias(node); k++)
            p->readers[dim__graph_origin(g, node->in[k], NULL)] += !reads_twice(p, node, k);
    }
}

static bool ready(const pass *p, const dim__node *node)
{
    for (int k = 0; k < node->n_in; k++) {
        int64_t maker = p->made_by[node->in[k]];
        if (maker >= 0 && !p->done[maker])
            return false;
    }
    return true;
}

/* Bytes that live more after the node than before it. */
static int64_t growth(const pass *p, const dim__node *node)
{
    const dim__graph *g = p->g;
    int64_t bytes = 0;
    if (is_alias(node))
        return INT64_MIN; /* costs nothing, and others may wait for it */
    for (int k = 0; k < node->op->n_out; k++)
        bytes += p->readers[node->out[k]] > 0 ? dim__value_bytes(g, node->out[k]) : 0;
    for (int k = 0; k < node->n_in; k++)
        if (!reads_twice(p, node, k) && p->readers[dim__graph_origin(g, node->in[k], NULL)] == 1)
            bytes -= dim__value_bytes(g, dim__graph_origin(g, node->in[k], NULL));
    return bytes;
}

/* The next node to run, or a dead one in its turn. */
static int64_t choose(const pass *p)
{
    const dim__graph *g = p->g;
    int64_t best = -1, least = 0;
    for (int64_t i = p->from; i < p->to; i++) {
        if (p->done[i] || !ready(p, &g->nodes[i]))
            continue;
        int64_t bytes = p->alive[i] ? growth(p, &g->nodes[i]) : INT64_MIN;
        if (best < 0 || bytes < least) {
            best = i;
            least = bytes;
        }
    }
    return best;
}

static void sort(pass *p)
{
    dim__graph *g = p->g;
    dim__node *to = p->nodes;
    for (int64_t n = p->from; n < p->to; n++) {
        int64_t i = choose(p);
        const dim__node *node = &g->nodes[i];
        p->done[i] = true;
        *to++ = *node;
        for (int k = 0; k < node->n_in && p->alive[i] && !is_alias(node); k++)
            p->readers[dim__graph_origin(g, node->in[k], NULL)] -= !reads_twice(p, node, k);
    }
}

/* Exchanges the nodes and those of the pass. */
static void exchange(pass *p)
{
    dim__graph *g = p->g;
    for (int64_t i = p->from; i < p->to; i++) {
        dim__node node = g->nodes[i];
        g->nodes[i] = p->nodes[i - p->from];
        p->nodes[i - p->from] = node;
    }
}

/* Of the nodes before p->end: the peak, and what lives at all of them together. */
static int64_t peak(pass *p, double *sum)
{
    const dim__graph *g = p->g;
    dim__mark_alive(g, p->needed, p->alive);
    for (int64_t i = p->end; i < g->n_nodes; i++)
        p->alive[i] = false;
    dim__lives_find(&p->lives, g, p->alive, dim__pass_on(g->ctx, DIM_PASS_INPLACE));
    int64_t peak = dim__lives_level(&p->lives, p->bytes).peak;
    *sum = 0;
    for (int64_t i = p->from; i < p->to; i++)
        *sum += p->alive[i] ? (double)p->bytes[i + 1] : 0;
    return peak;
}

static void order(pass *p, int64_t from, int64_t to, int64_t end)
{
    p->from = from;
    p->to = to;
    p->end = end;
    double sum_before, sum;
    int64_t before = peak(p, &sum_before);
    count(p);
    sort(p);
    exchange(p);
    int64_t now = peak(p, &sum);
    if (now - before > before / 128 || (now >= before && sum >= sum_before))
        exchange(p);
}

dim_status dim__pass_order(dim__graph *g)
{
    dim_context *ctx = g->ctx;
    size_t values = (size_t)g->n_values + 1, nodes = (size_t)g->n_nodes + 3;
    if (g->forward_nodes >= g->gradient_nodes || dim__graph_bytes(g) < ctx->recompute_from)
        return DIM_OK;
    pass p = { .g = g, .made_by = dim__calloc(ctx, values, sizeof *p.made_by) };
    dim_status status = dim__lives_create(ctx, g->n_values, &p.lives);
    p.alive = dim__calloc(ctx, nodes, sizeof *p.alive);
    p.needed = dim__calloc(ctx, values, sizeof *p.needed);
    p.bytes = dim__calloc(ctx, nodes, sizeof *p.bytes);
    p.readers = dim__calloc(ctx, values, sizeof *p.readers);
    p.done = dim__calloc(ctx, nodes, sizeof *p.done);
    p.nodes = dim__calloc(ctx, nodes, sizeof *p.nodes);
    if (status == DIM_OK && p.made_by != NULL && p.alive != NULL && p.needed != NULL && p.bytes != NULL &&
        p.readers != NULL && p.done != NULL && p.nodes != NULL) {
        order(&p, 0, g->forward_nodes, g->forward_nodes);
        order(&p, g->forward_nodes, g->gradient_nodes, g->n_nodes);
    } else {
        status = DIM_E_NOMEM;
    }
    dim__lives_free(ctx, &p.lives);
    void *const all[] = { p.made_by, p.readers, p.done, p.nodes, p.alive, p.needed, p.bytes };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim__free(ctx, all[i]);
    return status;
}
