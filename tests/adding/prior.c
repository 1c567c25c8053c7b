/* The mean square of the code's units. */
#include "objective/priors/prior.h"

static dim__prior_nodes emit(const dim__prior_in *in)
{
    dim__graph *g = in->scope.g;
    if (dim__graph_status(g) != DIM_OK)
        return (dim__prior_nodes){ DIM__NONE, DIM__NONE };
    double n = (double)dim__count_of(g, in->code);
    return (dim__prior_nodes){ dim__emit_sum_all(g, dim__emit_mul(g, in->code, in->code), 1 / n), DIM__NONE };
}

const dim__prior_def dim__prior_added = { .name = "added", .emit = emit };
