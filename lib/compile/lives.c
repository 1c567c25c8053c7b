/* Lives of values, for the memory plan and for passes that want to lower its peak. */
#include "compile/lives.h"

#include "base/math.h"

#include <string.h>

enum { ALIGN = 64 };

int64_t dim__arena_bytes(int64_t size) { return (size + ALIGN - 1) / ALIGN * ALIGN; }

int64_t dim__value_bytes(const dim__graph *g, dim__vid v)
{
    return dim__count_of(g, v) * (int64_t)dim__value_size(g->values[v].dtype);
}

dim_status dim__lives_create(dim_context *ctx, int64_t values, dim__lives *lives)
{
    *lives = (dim__lives){ .root = dim__calloc(ctx, (size_t)values + 1, sizeof *lives->root) };
    lives->first = dim__calloc(ctx, (size_t)values + 1, sizeof *lives->first);
    lives->last = dim__calloc(ctx, (size_t)values + 1, sizeof *lives->last);
    if (lives->root != NULL && lives->first != NULL && lives->last != NULL)
        return DIM_OK;
    dim__lives_free(ctx, lives);
    return DIM_E_NOMEM;
}

void dim__lives_free(dim_context *ctx, dim__lives *lives)
{
    dim__free(ctx, lives->root);
    dim__free(ctx, lives->first);
    dim__free(ctx, lives->last);
    *lives = (dim__lives){ .root = NULL };
}

static void use(dim__lives *l, dim__vid v, int64_t at)
{
    dim__vid r = dim__lives_root(l, v);
    if (l->first[r] < 0 || at < l->first[r])
        l->first[r] = at;
    if (at > l->last[r])
        l->last[r] = at;
}

/* Lives of all values, aliases merged into their roots. */
static void find_lives(dim__lives *l)
{
    const dim__graph *g = l->g;
    for (int64_t v = 0; v < g->n_values; v++) {
        l->root[v] = g->values[v].alias_of != DIM__NONE ? g->values[v].alias_of : (dim__vid)v;
        l->first[v] = l->last[v] = -1;
    }
    for (int64_t v = 0; v < g->n_values; v++)
        if (g->values[v].kind == DIM__INPUT || g->values[v].kind == DIM__CONST)
            use(l, (dim__vid)v, 0); /* filled before the first node, so nothing may lie on it until its last use */
    for (int64_t i = 0; i < g->n_nodes; i++) {
        if (!l->alive[i])
            continue;
        for (int k = 0; k < g->nodes[i].op->n_out; k++)
            use(l, g->nodes[i].out[k], i + 1);
        for (int k = 0; k < g->nodes[i].n_in; k++)
            use(l, g->nodes[i].in[k], i + 1);
    }
    for (int64_t v = 0; v < g->n_values; v++) {
        bool constant = g->values[v].kind == DIM__CONST; /* written once, when the program is made */
        if ((g->values[v].keep || constant) && l->last[dim__lives_root(l, (dim__vid)v)] >= 0)
            use(l, (dim__vid)v, g->n_nodes + 1);
    }
}

/* Lets outputs lie on inputs that die at their node. */
static void share_in_place(dim__lives *l)
{
    static const uint32_t flags[] = { DIM__OP_INPLACE0, DIM__OP_INPLACE1, DIM__OP_INPLACE2 };
    const dim__graph *g = l->g;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const dim__node *node = &g->nodes[i];
        if (!l->alive[i])
            continue;
        for (int k = 0; k < 3 && k < node->n_in; k++) {
            dim__vid out = node->out[0], in = dim__lives_root(l, node->in[k]);
            bool allowed = (node->op->flags & flags[k]) != 0;
            bool read_once = true; /* no other input may lie on the same memory */
            for (int j = 0; j < node->n_in; j++)
                read_once = read_once && (j == k || dim__lives_root(l, node->in[j]) != in);
            if (!allowed || !read_once || dim__lives_root(l, out) != out || g->values[in].kind != DIM__TEMP ||
                l->last[in] != i + 1 || dim__value_bytes(g, in) != dim__value_bytes(g, out) ||
                dim__value_bytes(g, node->in[k]) != dim__value_bytes(g, out)) /* a part of it may not do */
                continue;
            l->root[out] = in;
            l->last[in] = dim__max64(l->last[in], l->last[out]);
            break;
        }
    }
}

void dim__lives_find(dim__lives *l, const dim__graph *g, const bool *alive, bool in_place)
{
    l->g = g;
    l->alive = alive;
    find_lives(l);
    if (in_place)
        share_in_place(l);
}

dim__level dim__lives_level(const dim__lives *l, int64_t *bytes)
{
    const dim__graph *g = l->g;
    dim__level level = { .peak = 0 };
    int64_t live = 0;
    memset(bytes, 0, (size_t)(g->n_nodes + 3) * sizeof *bytes);
    for (int64_t v = 0; v < g->n_values; v++)
        if (g->values[v].kind != DIM__PARAM && l->root[v] == v && l->last[v] >= 0) {
            int64_t size = dim__arena_bytes(dim__value_bytes(g, (dim__vid)v));
            bytes[l->first[v]] += size;
            bytes[l->last[v] + 1] -= size;
        }
    for (int64_t t = 0; t <= g->n_nodes + 1; t++) {
        live += bytes[t];
        bytes[t] = live;
        if (t >= 1 && t <= g->n_nodes && l->alive[t - 1])
            bytes[t] += dim__arena_bytes((int64_t)g->nodes[t - 1].workspace);
        if (bytes[t] > level.peak)
            level = (dim__level){ .peak = bytes[t], .at = t };
        level.n_peaks += bytes[t] == level.peak;
    }
    return level;
}

int64_t dim__graph_bytes(const dim__graph *g)
{
    int64_t sum = 0;
    for (int64_t v = 0; v < g->n_values; v++)
        sum += g->values[v].kind == DIM__PARAM ? 0 : dim__value_bytes(g, (dim__vid)v);
    for (int64_t i = 0; i < g->n_nodes; i++)
        sum += (int64_t)g->nodes[i].workspace;
    return sum;
}
