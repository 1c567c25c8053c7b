/* Which nodes matter: those with an effect or a kept output, and all that they need. */
#include "compile/compile.h"

void dim__mark_alive(const dim__graph *g, bool *needed, bool *alive)
{
    bool all = !dim__pass_on(g->ctx, DIM_PASS_DEAD);
    for (int64_t v = 0; v < g->n_values; v++)
        needed[v] = g->values[v].keep;
    for (int64_t i = g->n_nodes - 1; i >= 0; i--) {
        const dim__node *node = &g->nodes[i];
        alive[i] = all || (node->op->flags & DIM__OP_EFFECT) != 0;
        for (int k = 0; k < node->op->n_out; k++)
            alive[i] = alive[i] || needed[node->out[k]];
        for (int k = 0; k < node->n_in && alive[i]; k++)
            needed[node->in[k]] = true;
    }
}

dim_status dim__pass_dead(dim__graph *g, bool *alive)
{
    bool *needed = dim__calloc(g->ctx, (size_t)g->n_values + 1, sizeof *needed);
    if (needed == NULL)
        return DIM_E_NOMEM;
    dim__mark_alive(g, needed, alive);
    dim__free(g->ctx, needed);
    return DIM_OK;
}
