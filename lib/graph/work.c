/* What a node comes to as work, for passes. */
#include "graph/graph.h"

static void shapes_of(const dim__graph *g, const dim__node *node, const dim__shape **in, const dim__shape **out)
{
    for (int k = 0; k < node->n_in; k++)
        in[k] = dim__shape_of(g, node->in[k]);
    for (int k = 0; k < node->op->n_out; k++)
        out[k] = dim__shape_of(g, node->out[k]);
}

dim__product_form dim__product_of(const dim__graph *g, const dim__node *node)
{
    const dim__shape *in[DIM__MAX_IN], *out[DIM__MAX_OUT];
    shapes_of(g, node, in, out);
    return node->op->product(in, out, &node->attr);
}

double dim__flops_of(const dim__graph *g, const dim__node *node)
{
    const dim__shape *in[DIM__MAX_IN], *out[DIM__MAX_OUT];
    shapes_of(g, node, in, out);
    return dim__op_flops(node->op, in, out, &node->attr);
}
