/* How a graph is made of ops: what ops' emission functions and their backward are written with.
 *
 * Emitting never needs checks in between: after the first failure the graph remembers it and every further emission
 * returns DIM__NONE (dim__graph_status() tells). */
#ifndef DIM_GRAPH_EMIT_H
#define DIM_GRAPH_EMIT_H

#include "graph/op.h"

/* Adds a node; attr may be NULL.  Returns its output 0; output k is that + k. */
dim__vid dim__emit(dim__graph *g, const dim__op *op, int n_in, const dim__vid *in, const dim__attr *attr);
dim__vid dim__graph_const(dim__graph *g, dim__shape shape, float fill);
static inline dim__vid dim__out(dim__vid first, int k) { return first == DIM__NONE ? DIM__NONE : first + k; }

const dim__shape *dim__shape_of(const dim__graph *g, dim__vid v); /* a scalar's for DIM__NONE */
int64_t dim__count_of(const dim__graph *g, dim__vid v);
bool dim__wants_grad(const dim__graph *g, dim__vid v);

static inline dim__vid dim__emit1(dim__graph *g, const dim__op *op, dim__vid a, const dim__attr *attr)
{
    return dim__emit(g, op, 1, &a, attr);
}
static inline dim__vid dim__emit2(dim__graph *g, const dim__op *op, dim__vid a, dim__vid b, const dim__attr *attr)
{
    dim__vid in[2] = { a, b };
    return dim__emit(g, op, 2, in, attr);
}
static inline dim__vid dim__emit3(dim__graph *g, const dim__op *op, dim__vid a, dim__vid b, dim__vid c,
                                  const dim__attr *attr)
{
    dim__vid in[3] = { a, b, c };
    return dim__emit(g, op, 3, in, attr);
}

#endif
