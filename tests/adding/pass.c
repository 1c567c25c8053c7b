/* Takes each tanh for a sigmoid, which can be seen from outside. */
#include "compile/compile.h"
#include "ops/ops.h"

dim_status dim__pass_added(dim__graph *g)
{
    for (int64_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == &dim__op_tanh)
            g->nodes[i].op = &dim__op_sigmoid;
    return DIM_OK;
}
