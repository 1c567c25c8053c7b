/* Which operands of an op may be in bf16, and the tiles in which ops run that do not know about it. */
#ifndef DIM_GRAPH_TILING_H
#define DIM_GRAPH_TILING_H

#include "base/math.h"
#include "graph/op.h"

/* Whether a node of the op may have that operand in bf16.  Ops that work by element, row or sample take any: they run on
 * tiles that are converted. */
bool dim__op_reads_bf16(const dim__op *op, int input);
bool dim__op_writes_bf16(const dim__op *op, int output);

size_t dim__node_workspace(const dim__op *op, const dim__infer *inf); /* bytes that a run needs, its tiles included */

typedef struct dim__tiling {
    int64_t units, tile; /* of the node, of a tile: elements, rows or samples */
    int64_t room;        /* floats of a thread */
} dim__tiling;

typedef struct dim__operands { /* of a node */
    int n_in;
    const dim__shape *const *in, *const *out;
    const dim_dtype *in_type, *out_type;
} dim__operands;

/* The tiles of a node; false where the op runs on its operands as they are. */
bool dim__tiling_of(const dim__op *op, const dim__operands *o, dim__tiling *t);

static inline bool dim__input_is_whole(const dim__op *op, int input)
{
    return (op->flags & DIM__OP_WHOLE(1u << input)) != 0;
}

static inline int64_t dim__per_unit(const dim__shape *s, int64_t units)
{
    return dim__shape_count(s) / dim__max64(units, 1);
}

static inline int64_t dim__padded(int64_t floats) /* whole cache lines */
{
    return (floats + 15) / 16 * 16;
}

#endif
