/* Ops become part of the op before them, where nobody else reads that op's result: one pass over memory less.
 *
 * A (leaky) ReLU is applied by the op before it, if it can.  After batch norm the gradient needs the input only, so the result
 * can be given up early.
 *
 * A convolution adds the bias, or applies the frozen batch norm that follows, to the block that it has just written,
 * while the block is in a cache; it activates the block, and takes the statistics of a batch norm:
 *
 *      conv2d -- y -- batch_norm        conv2d_moments --+- y ---------- batch_norm_again
 *                                                        +- mean, rstd --+
 *
 * Max pooling of such a batch norm comes before it, and the norm then has a map of a quarter to do:
 *
 *      y -- batch_norm_again -- max_pool        y -- max_pool of gamma's sign -- batch_norm_again
 *
 * A 1x1 convolution is left alone: it is one matrix product, and accumulate.c adds its bias. */
#include "compile/compile.h"
#include "ops/conv.h"
#include "ops/conv_epilogue.h"
#include "ops/ops.h"

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

static bool in_blocks(const dim__graph *g, const dim__node *conv)
{
    dim__conv c = dim__conv_of(dim__shape_of(g, conv->in[0]), dim__shape_of(g, conv->in[1]),
                               dim__shape_of(g, conv->out[0]), &conv->attr);
    return !dim__conv_plain(&c);
}

/* Ops that can apply a (leaky) ReLU. */
static bool can_activate(const dim__graph *g, const dim__node *node)
{
    return (node->op->flags & DIM__OP_ACTIVATES) != 0 && (!dim__op_convolves(node->op) || in_blocks(g, node));
}

/* The node becomes another name for its input. */
static void make_alias(dim__graph *g, dim__node *node)
{
    node->op = &dim__op_reshape;
    node->n_in = 1;
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

typedef struct pass {
    dim__graph *g;
    int32_t *uses;
    int64_t *maker; /* of each value: node + 1, or 0 */
} pass;

/* The convolution in blocks whose result, with all its channels last, the node alone reads; or NULL. */
static dim__node *convolution(const pass *p, const dim__node *node)
{
    const dim__graph *g = p->g;
    dim__node *conv = only_maker(g, p->maker, p->uses, node->in[0]);
    if (conv == NULL || !dim__op_convolves(conv->op) || !in_blocks(g, conv) ||
        dim__shape_last(dim__shape_of(g, node->in[0])) != dim__shape_last(dim__shape_of(g, conv->out[0])))
        return NULL;
    return conv;
}

static bool has_nothing_yet(const dim__node *conv)
{
    return conv->op == &dim__op_conv2d && conv->n_in == 2 && !conv->attr.activation.on;
}

/* Whether v is there when the node runs, and has no gradient that would come too late for who makes it. */
static bool is_there(const pass *p, dim__vid v, const dim__node *node)
{
    const dim__graph *g = p->g;
    return p->maker[v] - 1 < node - g->nodes ||
           (p->maker[dim__graph_origin(g, v, NULL)] == 0 && g->values[v].reach == 0);
}

/* A bias, or frozen batch norm: its vectors become inputs of the convolution. */
static dim_status give_vectors(pass *p, dim__node *node)
{
    dim__node *conv = convolution(p, node);
    if (conv == NULL || !has_nothing_yet(conv))
        return DIM_OK;
    for (int k = 1; k < node->n_in; k++)
        if (!is_there(p, node->in[k], conv))
            return DIM_OK;
    p->g->values[conv->out[0]].reach |= p->g->values[node->out[0]].reach;
    for (int k = 1; k < node->n_in; k++)
        conv->in[conv->n_in++] = node->in[k];
    if (node->op == &dim__op_channel_affine)
        conv->attr.conv.eps = node->attr.norm.eps;
    make_alias(p->g, node);
    return dim__node_infer(p->g, conv);
}

/* Batch norm: mean, variance and rstd keep their names and are the convolution's. */
static dim_status give_moments(pass *p, dim__node *norm)
{
    dim__graph *g = p->g;
    dim__node *conv = convolution(p, norm);
    if (conv == NULL || conv->op != &dim__op_conv2d || conv->n_in > 3)
        return DIM_OK;
    conv->op = &dim__op_conv2d_moments;
    conv->attr.conv.eps = norm->attr.norm.eps;
    conv->attr.conv.centred = !conv->attr.activation.on;
    norm->op = &dim__op_batch_norm_again;
    norm->n_in = 5;
    norm->in[3] = norm->out[1];
    norm->in[4] = norm->out[3];
    for (int k = 1; k <= 3; k++) {
        conv->out[k] = norm->out[k];
        norm->out[k] = DIM__NONE;
    }
    DIM__TRY(dim__node_infer(g, conv));
    return dim__node_infer(g, norm);
}

static dim_status give_activation(pass *p, dim__node *node)
{
    dim__node *before = only_maker(p->g, p->maker, p->uses, node->in[0]);
    if (before == NULL || !can_activate(p->g, before) || before->attr.activation.on)
        return DIM_OK;
    before->attr.activation.on = true;
    before->attr.activation.slope = node->op == &dim__op_leaky_relu ? node->attr.slope : 0;
    make_alias(p->g, node);
    return dim__node_infer(p->g, before);
}

/* The pooling takes the place of the batch norm and the other way round; what lies between is another name of the pooled map. */
static dim_status pool_first(pass *p, dim__node *pool)
{
    dim__graph *g = p->g;
    dim__node *norm = only_maker(g, p->maker, p->uses, pool->in[0]);
    if (norm == NULL || norm->op != &dim__op_batch_norm_again || norm->n_in != 5 ||
        !dim__shape_equal(dim__shape_of(g, pool->in[0]), dim__shape_of(g, norm->in[0])))
        return DIM_OK;
    dim__vid x = norm->in[0], small = norm->out[0], y = pool->out[0];
    for (dim__vid v = pool->in[0]; v != small; v = g->nodes[p->maker[v] - 1].in[0])
        g->values[v].shape = g->values[y].shape;
    g->values[small].shape = g->values[y].shape;
    dim__attr windows = pool->attr;
    *pool = *norm;
    pool->attr.norm.windows = windows.pool;
    pool->in[0] = small;
    pool->in[5] = x;
    pool->n_in = 6;
    pool->out[0] = y;
    norm->op = &dim__op_max_pool;
    norm->attr = windows;
    norm->n_in = 2; /* x and gamma */
    DIM__TRY(dim__node_infer(g, norm));
    return dim__node_infer(g, pool);
}

static dim_status fuse_node(pass *p, dim__node *node)
{
    if (node->op == &dim__op_max_pool)
        return pool_first(p, node);
    if (node->op == &dim__op_add_bias || (node->op == &dim__op_channel_affine && !p->g->gradient))
        return give_vectors(p, node);
    if (node->op == &dim__op_batch_norm)
        return give_moments(p, node);
    if (node->op == &dim__op_relu || node->op == &dim__op_leaky_relu)
        return give_activation(p, node);
    return DIM_OK;
}

dim_status dim__pass_fuse(dim__graph *g)
{
    pass p = { .g = g };
    dim_status status = DIM_OK;
    p.uses = dim__calloc(g->ctx, (size_t)g->n_values + 1, sizeof *p.uses);
    p.maker = dim__calloc(g->ctx, (size_t)g->n_values + 1, sizeof *p.maker);
    if (p.uses == NULL || p.maker == NULL)
        status = DIM_E_NOMEM;
    else
        count_uses(g, p.uses);
    for (int64_t i = 0; status == DIM_OK && i < g->n_nodes; i++) {
        dim__node *node = &g->nodes[i];
        for (int k = 0; k < node->op->n_out; k++)
            p.maker[node->out[k]] = i + 1;
        status = fuse_node(&p, node);
    }
    dim__free(g->ctx, p.uses);
    dim__free(g->ctx, p.maker);
    return status;
}
