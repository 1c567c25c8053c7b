/* A sum of a product and something else is made where that lies: a BLAS adds to what it finds.  So residuals, biases and
 * gradients that meet cost no pass over memory of their own, and no memory for the product alone.
 *
 *      p = a b            becomes      y = a b onto x
 *      y = p + x
 *
 * where nobody else reads p and nothing runs in between, so that a and b live no longer than they did.  It comes after
 * passes/precision.c: a product in bf16 rounds its result before anything is added. */
#include "compile/compile.h"
#include "ops/ops.h"

typedef struct pass {
    dim__graph *g;
    bool *alive;      /* nodes */
    int32_t *readers; /* of each value, by nodes that are alive */
    int64_t *maker;   /* of each value: node + 1, or 0 */
} pass;

static bool all_floats(const dim__graph *g, const dim__node *node)
{
    bool all = g->values[node->out[0]].dtype == DIM_F32;
    for (int k = 0; k < node->n_in; k++)
        all = all && g->values[node->in[k]].dtype == DIM_F32;
    return all;
}

/* The node as a plain product, if it is one. */
static bool as_product(const dim__graph *g, const dim__node *node, dim__node *product)
{
    *product = *node;
    if ((node->op->flags & DIM__OP_PRODUCT) == 0 || node->n_in != 2 || node->op->n_out != 1 || node->attr.activation.on ||
        !all_floats(g, node))
        return false;
    dim__product_form form = dim__product_of(g, node);
    product->op = &dim__op_matmul;
    product->attr = (dim__attr){ .matmul = { .trans_a = form.trans_a, .trans_b = form.trans_b } };
    return form.plain;
}

/* The only reader of v reads, under whatever shape, the whole of what this node makes, and it is the last to run before
 * node `at`; or NULL. */
static const dim__node *just_made(const pass *p, dim__vid v, int64_t at)
{
    const dim__graph *g = p->g;
    int64_t last = at - 1;
    while (last >= 0 && (!p->alive[last] || (g->nodes[last].op->flags & DIM__OP_ALIAS) != 0))
        last--;
    while (p->maker[v] != 0 && p->readers[v] == 1 && !g->values[v].keep) {
        const dim__node *node = &g->nodes[p->maker[v] - 1];
        if (node->op != &dim__op_reshape)
            return p->maker[v] - 1 == last && v == node->out[0] ? node : NULL;
        v = node->in[0];
    }
    return NULL;
}

/* Turns a sum into a product onto its other term, where it can be. */
static void rewrite(pass *p, int64_t at)
{
    dim__graph *g = p->g;
    dim__node *sum = &g->nodes[at], product;
    int terms = sum->op == &dim__op_add ? 2 : sum->op == &dim__op_add_bias ? 1 : 0;
    if (terms == 0 || sum->attr.activation.on || g->values[sum->out[0]].dtype != DIM_F32)
        return;
    for (int k = 0; k < terms; k++) {
        dim__vid onto = sum->in[1 - k];
        const dim__node *made = just_made(p, sum->in[k], at);
        if (made == NULL || g->values[onto].dtype != DIM_F32 || !as_product(g, made, &product))
            continue;
        if (terms == 1 && dim__shape_last(dim__shape_of(g, made->out[0])) != dim__count_of(g, onto))
            continue; /* under another shape a bias is not one of the product's rows */
        p->alive[made - g->nodes] = false;
        product.in[2] = onto;
        product.n_in = 3;
        product.out[0] = sum->out[0];
        *sum = product;
        dim__graph_fail(g, dim__node_infer(g, sum));
        return;
    }
}

dim_status dim__pass_accumulate(dim__graph *g)
{
    dim_context *ctx = g->ctx;
    pass p = { .g = g };
    p.alive = dim__calloc(ctx, (size_t)g->n_nodes + 1, sizeof *p.alive);
    p.readers = dim__calloc(ctx, (size_t)g->n_values + 1, sizeof *p.readers);
    p.maker = dim__calloc(ctx, (size_t)g->n_values + 1, sizeof *p.maker);
    dim_status status = p.alive == NULL || p.readers == NULL || p.maker == NULL ? DIM_E_NOMEM
                                                                               : dim__pass_dead(g, p.alive);
    for (int64_t i = 0; status == DIM_OK && i < g->n_nodes; i++) {
        for (int k = 0; k < g->nodes[i].op->n_out; k++)
            p.maker[g->nodes[i].out[k]] = i + 1;
        for (int k = 0; k < g->nodes[i].n_in && p.alive[i]; k++)
            p.readers[g->nodes[i].in[k]]++;
    }
    for (int64_t i = 0; status == DIM_OK && i < g->n_nodes; i++)
        if (p.alive[i])
            rewrite(&p, i);
    dim__free(ctx, p.alive);
    dim__free(ctx, p.readers);
    dim__free(ctx, p.maker);
    return status == DIM_OK ? g->status : status;
}
