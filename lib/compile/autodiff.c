/* Reverse-mode differentiation: every op's backward emits nodes into the same graph, last node first.  One walk for each
 * loss: it goes only where something lies that the loss is to train. */
#include "compile/compile.h"
#include "ops/ops.h"

/* `more` on top of what there is.  Rows of one view are added without the zeros of the others. */
static dim__vid add_to(dim__graph *g, dim__vid have, dim__vid more)
{
    const dim__node *last = g->n_nodes > 0 ? &g->nodes[g->n_nodes - 1] : NULL;
    if (g->status != DIM_OK || last->op != &dim__op_view_rows_grad || last->out[0] != more)
        return dim__emit_add(g, have, more);
    dim__attr view = last->attr;
    return dim__emit2(g, &dim__op_view_rows_add, have, last->in[0], &view);
}

/* The gradient of v so far, plus `more`. */
static void accumulate(dim__graph *g, dim__vid v, dim__vid more)
{
    dim__vid have = g->grads[v];
    g->grads[v] = have == DIM__NONE ? more : add_to(g, have, more);
}

static void through_node(dim__graph *g, const dim__node *node)
{
    dim__vid dout[DIM__MAX_OUT], din[DIM__MAX_IN];
    bool any = false;
    for (int k = 0; k < node->op->n_out; k++) {
        dout[k] = g->grads[node->out[k]];
        any = any || dout[k] != DIM__NONE;
    }
    if (!any || node->op->backward == NULL || !dim__wants_grad(g, node->out[0]))
        return;
    for (int i = 0; i < DIM__MAX_IN; i++)
        din[i] = DIM__NONE;
    node->op->backward(g, node, dout, din);
    for (int i = 0; i < node->n_in && g->status == DIM_OK; i++)
        if (din[i] != DIM__NONE && dim__wants_grad(g, node->in[i]))
            accumulate(g, node->in[i], din[i]);
}

/* Walks back from one loss.  Afterwards the gradients that somebody may read are kept, and moved to `found`. */
static void walk(dim__graph *g, const dim__aim *aim, dim__vid *found)
{
    g->aim = aim->reach;
    for (int64_t v = 0; v < g->n_grads; v++)
        g->grads[v] = DIM__NONE;
    g->grads[aim->loss] = dim__graph_const(g, *dim__shape_of(g, aim->loss), 1);
    for (int64_t i = g->forward_nodes - 1; i >= 0 && g->status == DIM_OK; i--) {
        dim__node node = g->nodes[i]; /* a copy: emission moves the array */
        through_node(g, &node);
    }
    for (int64_t v = 0; v < g->n_grads; v++)
        if ((g->values[v].kind == DIM__PARAM || g->values[v].kind == DIM__INPUT) && g->grads[v] != DIM__NONE) {
            assert(found[v] == DIM__NONE); /* the aims share no bit */
            dim__graph_keep(g, g->grads[v]);
            found[v] = g->grads[v];
        }
    g->aim = DIM__REACH_ALL;
}

dim_status dim__graph_backward_each(dim__graph *g, const dim__aim *aims, int n)
{
    if (g->status != DIM_OK)
        return g->status;
    for (int k = 0; k < n; k++)
        if (dim__count_of(g, aims[k].loss) != 1)
            return dim__fail(g->ctx, DIM_E_SHAPE, "a loss must be one number");
    int64_t n_forward = g->n_nodes;
    g->gradient = true;
    DIM__TRY(dim__run_passes(g, DIM__BEFORE_GRADIENT));
    g->forward_nodes = n_forward;
    g->grads = dim__calloc(g->ctx, (size_t)g->n_values + 1, sizeof *g->grads);
    dim__vid *found = dim__calloc(g->ctx, (size_t)g->n_values + 1, sizeof *found);
    if (g->grads == NULL || found == NULL) {
        dim__free(g->ctx, found);
        return DIM_E_NOMEM;
    }
    g->n_grads = g->n_values; /* gradients of gradients are not kept track of */
    for (int64_t v = 0; v < g->n_grads; v++)
        found[v] = DIM__NONE;
    for (int k = 0; k < n && g->status == DIM_OK; k++)
        walk(g, &aims[k], found);
    dim__free(g->ctx, g->grads);
    g->grads = found;
    dim_status status = dim__graph_finish(g);
    g->forward_nodes = n_forward;
    return status;
}

dim_status dim__graph_backward(dim__graph *g, dim__vid loss)
{
    return dim__graph_backward_each(g, &(dim__aim){ loss, DIM__REACH_ALL }, 1);
}

dim__vid dim__graph_grad(const dim__graph *g, dim__vid v)
{
    return v == DIM__NONE || v >= g->n_grads ? DIM__NONE : g->grads[v];
}
