/* bf16: which values are stored in it, and which products multiply it.
 *
 * A temporary is stored in bf16 when it is large enough to matter, its node can write it and all that read it can.  What
 * the caller sees is kept, and so in f32; so are gradients of parameters on their way there.  Losses, estimators and
 * statistics never read bf16, which keeps what goes into them in f32, too: by their ops, or, where a loss is made of ops that
 * read bf16, since its values are marked as exact.
 *
 * A product or convolution of some size takes both operands in bf16.  What is in f32, such as a weight, is cast once for all
 * that multiply it; where the processor does not multiply bf16, the operands are made floats again:
 *
 *      native       x (bf16) ----------+            elsewhere    x (bf16) ------------ cast (f32) --+
 *                   w -- cast (bf16) --+-- matmul                w -- cast (bf16) ---- cast (f32) --+-- matmul -- cast (bf16)
 *
 * so that both multiply the same numbers, and sum in f32. */
#include "base/math.h"
#include "compile/compile.h"
#include "graph/tiling.h"
#include "ops/ops.h"

enum {
    LEAST = 8192,      /* elements of a value that is worth storing in bf16 */
    THIN = 16          /* a product with a side below this is bound by memory, or too small */
};
static const double WORK = 1 << 18; /* least multiply-adds of a product in bf16 */

typedef struct pass {
    dim__graph *g;
    bool *alive;     /* nodes */
    bool *half;      /* by value: the memory that it names is in bf16 */
    bool *gradient;  /* by value: it is added up to a gradient of a parameter */
    dim__vid *cast;  /* by value: its copy in bf16, or DIM__NONE */
    int64_t n_values; /* before the pass */
} pass;

static bool is_product(const dim__op *op) { return (op->flags & DIM__OP_PRODUCT) != 0; }

static bool at_least(const dim__graph *g, int64_t a, int64_t b, int64_t c)
{
    return g->all_bf16 || (a >= THIN && b >= THIN && c >= THIN && (double)a * (double)b * (double)c >= WORK);
}

/* Whether a node multiplies in bf16: by its sizes alone, so that it does on every machine. */
static bool multiplies(const dim__graph *g, const dim__node *node)
{
    if (!is_product(node->op))
        return false;
    dim__product_form form = dim__product_of(g, node);
    return !(form.onto && node->n_in > 2) && /* that is in f32 */
           at_least(g, form.m, form.n, form.k);
}

/* Values that may be in bf16 by what they are. */
static void nominate(pass *p)
{
    const dim__graph *g = p->g;
    for (int64_t v = 0; v < g->n_values; v++)
        p->half[v] = g->values[v].kind == DIM__TEMP && g->values[v].dtype == DIM_F32 &&
                     (g->all_bf16 || dim__count_of(g, (dim__vid)v) >= LEAST);
    for (int64_t v = 0; v < g->n_values; v++)
        if (g->values[v].keep || g->values[v].exact)
            p->half[dim__graph_origin(g, (dim__vid)v, NULL)] = false;
}

/* What is added up to a gradient of a parameter stays in f32, as that does: nodes from the last to the first. */
static void spare_gradients(pass *p)
{
    const dim__graph *g = p->g;
    for (int64_t v = 0; v < g->n_grads; v++)
        if (g->values[v].kind == DIM__PARAM && g->grads[v] != DIM__NONE)
            p->gradient[dim__graph_origin(g, g->grads[v], NULL)] = true;
    for (int64_t i = g->n_nodes - 1; i >= 0; i--) {
        const dim__node *node = &g->nodes[i];
        if (node->op != &dim__op_add || !p->gradient[dim__graph_origin(g, node->out[0], NULL)])
            continue;
        for (int k = 0; k < node->n_in; k++)
            p->gradient[dim__graph_origin(g, node->in[k], NULL)] = true;
    }
    for (int64_t v = 0; v < g->n_values; v++)
        p->half[v] = p->half[v] && !p->gradient[v];
}

/* Strikes what a node cannot read or write. */
static void strike(pass *p)
{
    const dim__graph *g = p->g;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const dim__node *node = &g->nodes[i];
        bool f32 = is_product(node->op) && !multiplies(g, node);
        if (!p->alive[i] || (node->op->flags & DIM__OP_ALIAS) != 0)
            continue;
        for (int k = 0; k < node->op->n_out; k++)
            if (f32 || !dim__op_writes_bf16(node->op, k))
                p->half[dim__graph_origin(g, node->out[k], NULL)] = false;
        for (int k = 0; k < node->n_in; k++)
            if (f32 || !dim__op_reads_bf16(node->op, k))
                p->half[dim__graph_origin(g, node->in[k], NULL)] = false;
    }
}

/* The gradient of a maximum finds it by comparison: it must not be rounded when what it was taken from is not. */
static void match_maxima(pass *p)
{
    const dim__graph *g = p->g;
    for (bool again = true; again;) {
        again = false;
        for (int64_t i = 0; i < g->n_nodes; i++) {
            const dim__node *node = &g->nodes[i];
            if ((node->op->flags & DIM__OP_MAXIMUM) == 0)
                continue;
            bool *x = &p->half[dim__graph_origin(g, node->in[0], NULL)];
            bool *y = &p->half[dim__graph_origin(g, node->out[0], NULL)];
            again = again || *x != *y;
            *x = *y = *x && *y;
        }
    }
}

static void retype(pass *p)
{
    for (int64_t v = 0; v < p->n_values; v++)
        if (p->half[dim__graph_origin(p->g, (dim__vid)v, NULL)])
            p->g->values[v].dtype = DIM__BF16;
}

/* v in bf16: itself, or its copy under the shape of v.  Another name of the whole of a value shares its copy. */
static dim__vid in_bf16(pass *p, dim__vid v)
{
    dim__graph *g = p->g;
    dim__vid from = dim__graph_origin(g, v, NULL);
    if (g->values[v].dtype == DIM__BF16 || g->status != DIM_OK)
        return v;
    if (dim__count_of(g, from) != dim__count_of(g, v))
        from = v;
    if (p->cast[from] == DIM__NONE)
        p->cast[from] = dim__emit_cast(g, from, DIM__BF16);
    if (from == v || p->cast[from] == DIM__NONE)
        return p->cast[from];
    return dim__emit_reshape(g, p->cast[from], g->values[v].shape);
}

static void append(dim__graph *g, const dim__node *node)
{
    dim__graph_fail(g, dim__grow(g->ctx, &g->nodes, &g->cap_nodes, g->n_nodes + 1, sizeof *g->nodes));
    if (g->status == DIM_OK)
        g->nodes[g->n_nodes++] = *node;
}

/* Appends a product in bf16, or what stands for it. */
static void append_product(pass *p, dim__node *node)
{
    dim__graph *g = p->g;
    for (int k = 0; k < 2; k++)
        node->in[k] = in_bf16(p, node->in[k]);
    if (g->status == DIM_OK)
        dim__graph_fail(g, dim__node_infer(g, node));
    if (g->status != DIM_OK || node->attr.plan != NULL) {
        append(g, node);
        return;
    }
    dim__vid result = node->out[0];
    dim__value f32 = g->values[result];
    for (int k = 0; k < 2; k++)
        node->in[k] = dim__emit_cast(g, node->in[k], DIM_F32);
    if (f32.dtype == DIM__BF16) {
        f32.dtype = DIM_F32;
        node->out[0] = dim__graph_value(g, &f32);
    }
    if (g->status == DIM_OK)
        dim__graph_fail(g, dim__node_infer(g, node));
    append(g, node);
    if (g->status != DIM_OK || node->out[0] == result)
        return;
    dim__node down = { .op = &dim__op_cast, .n_in = 1, .in = { node->out[0] }, .out = { result },
                       .attr = { .type = DIM__BF16 } };
    append(g, &down);
}

static bool touched(const dim__graph *g, const dim__node *node)
{
    bool any = false;
    for (int k = 0; k < node->n_in; k++)
        any = any || g->values[node->in[k]].dtype == DIM__BF16;
    for (int k = 0; k < node->op->n_out; k++)
        any = any || g->values[node->out[k]].dtype == DIM__BF16;
    return any;
}

/* Writes the nodes that matter anew, with casts between them. */
static void rewrite(pass *p, const dim__node *nodes, int64_t n)
{
    dim__graph *g = p->g;
    int64_t forward = g->forward_nodes, gradient = g->gradient_nodes;
    for (int64_t i = 0; i <= n && g->status == DIM_OK; i++) {
        if (i == forward)
            g->forward_nodes = g->n_nodes;
        if (i == gradient)
            g->gradient_nodes = g->n_nodes;
        if (i == n || !p->alive[i])
            continue;
        dim__node node = nodes[i];
        if (multiplies(g, &node)) {
            append_product(p, &node);
            continue;
        }
        if (touched(g, &node) && (node.op->flags & DIM__OP_ALIAS) == 0)
            dim__graph_fail(g, dim__node_infer(g, &node));
        append(g, &node);
    }
}

dim_status dim__pass_precision(dim__graph *g)
{
    dim_context *ctx = g->ctx;
    pass p = { .g = g, .n_values = g->n_values };
    dim__node *nodes = g->nodes;
    int64_t n = g->n_nodes;
    if (ctx->precision != DIM_PRECISION_BF16 || g->no_bf16 || n == 0)
        return DIM_OK;
    p.alive = dim__calloc(ctx, (size_t)n, sizeof *p.alive);
    p.half = dim__calloc(ctx, (size_t)g->n_values, sizeof *p.half);
    p.gradient = dim__calloc(ctx, (size_t)g->n_values, sizeof *p.gradient);
    p.cast = dim__calloc(ctx, (size_t)g->n_values, sizeof *p.cast);
    dim_status status = DIM_E_NOMEM;
    if (p.alive == NULL || p.half == NULL || p.gradient == NULL || p.cast == NULL)
        goto done;
    for (int64_t v = 0; v < g->n_values; v++)
        p.cast[v] = DIM__NONE;
    DIM__TRY_OR(done, dim__pass_dead(g, p.alive));
    nominate(&p);
    spare_gradients(&p);
    strike(&p);
    match_maxima(&p);
    retype(&p);
    g->nodes = NULL;
    g->n_nodes = g->cap_nodes = 0;
    rewrite(&p, nodes, n);
    dim__free(ctx, nodes);
    status = g->status;
done:
    dim__free(ctx, p.alive);
    dim__free(ctx, p.half);
    dim__free(ctx, p.gradient);
    dim__free(ctx, p.cast);
    return status;
}
