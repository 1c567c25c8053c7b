/* An op that can activate its own result, followed by a (leaky) ReLU that alone reads it, becomes one op: a pass over memory
 * less.  After batch norm the gradient needs the input only, so the result can be given up early. */
#include "graph/graph.h"

/* How often each value is read. */
static void count_uses(const dim__graph *g, int32_t *uses)
{
    for (int64_t i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            uses[g->nodes[i].in[k]]++;
    for (int64_t i = 0; i < g->n_deferred; i++)
        for (int k = 0; k < g->deferred[i].n_in; k++)
            uses[g->deferred[i].in[k]]++;
}

/* Ops that apply a (leaky) ReLU when attr.i[0] is set, with the slope below zero in attr.f[1]. */
static bool can_activate(const dim__op *op)
{
    return op == &dim__op_batch_norm || op == &dim__op_channel_affine || op == &dim__op_add_bias || op == &dim__op_add;
}

/* The node becomes another name for its input. */
static void make_alias(dim__graph *g, dim__node *node)
{
    node->op = &dim__op_reshape;
    memset(&node->attr, 0, sizeof node->attr);
    g->values[node->out[0]].alias_of = node->in[0];
}

/* The node that makes what `v` names, if nobody but the reader of v reads it, under whatever shape; else NULL. */
static dim__node *only_maker(const dim__graph *g, const int64_t *maker, const int32_t *uses, dim__vid v)
{
    while (maker[v] != 0 && uses[v] == 1 && !g->values[v].keep) {
        dim__node *node = &g->nodes[maker[v] - 1];
        if (node->op != &dim__op_reshape)
            return v == node->out[0] ? node : NULL;
        v = node->in[0];
    }
    return NULL;
}

dim_status dim__pass_fuse(dim__graph *g)
{
    if (!dim__pass_on(g->ctx, DIM_PASS_FUSE))
        return DIM_OK;
    int32_t *uses = dim__calloc(g->ctx, (size_t)g->n_values + 1, sizeof *uses);
    int64_t *maker = dim__calloc(g->ctx, (size_t)g->n_values + 1, sizeof *maker);
    if (uses == NULL || maker == NULL) {
        dim__free(g->ctx, uses);
        dim__free(g->ctx, maker);
        return DIM_E_NOMEM;
    }
    count_uses(g, uses);
    for (int64_t i = 0; i < g->n_nodes; i++) {
        dim__node *node = &g->nodes[i];
        for (int k = 0; k < node->op->n_out; k++)
            maker[node->out[k]] = i + 1;
        if (node->op != &dim__op_relu && node->op != &dim__op_leaky_relu)
            continue;
        dim__node *before = only_maker(g, maker, uses, node->in[0]);
        if (before == NULL || !can_activate(before->op) || before->attr.i[0] != 0)
            continue;
        before->attr.i[0] = 1;
        before->attr.f[1] = node->op == &dim__op_leaky_relu ? node->attr.f[0] : 0;
        make_alias(g, node);
    }
    dim__free(g->ctx, uses);
    dim__free(g->ctx, maker);
    return DIM_OK;
}
