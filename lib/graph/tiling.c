/* Ops by element, row or sample on operands in bf16: each thread converts a tile of the inputs to floats, runs the op as it
 * is on the tile, and converts the result back.  No op needs a second implementation for that, and the tiles stay in
 * the cache, so what is read from and written to memory is half.  Here is how large they are; compile/run_node.c runs them. */
#include "graph/tiling.h"

enum { TILE = 4096 }; /* floats */

static bool by_tiles(const dim__op *op)
{
    return (op->flags & (DIM__OP_ELEMENTWISE | DIM__OP_BY_ROW | DIM__OP_BY_SAMPLE)) != 0;
}

bool dim__op_reads_bf16(const dim__op *op, int input)
{
    if (by_tiles(op) || (op->flags & DIM__OP_ALIAS) != 0)
        return !dim__input_is_whole(op, input);
    return (op->flags & DIM__OP_BF16_IN(1u << input)) != 0;
}

bool dim__op_writes_bf16(const dim__op *op, int output)
{
    return by_tiles(op) ? output == 0 : (op->flags & DIM__OP_BF16_OUT(1u << output)) != 0;
}

/* Elements, rows or samples of a node, of which tiles are made. */
static int64_t units_of(const dim__op *op, const dim__shape *out)
{
    if ((op->flags & DIM__OP_ELEMENTWISE) != 0)
        return dim__shape_count(out);
    return (op->flags & DIM__OP_BY_ROW) != 0 ? dim__shape_rows(out) : out->rank > 0 ? out->d[0] : 1;
}

static bool any_bf16(const dim__op *op, const dim__operands *o)
{
    bool any = false;
    for (int k = 0; k < o->n_in; k++)
        any = any || o->in_type[k] == DIM__BF16;
    for (int k = 0; k < op->n_out; k++)
        any = any || o->out_type[k] == DIM__BF16;
    return any;
}

/* A tile is as many units as make TILE elements of the widest operand, one at least. */
static dim__tiling divide(const dim__op *op, const dim__operands *o)
{
    dim__tiling t = { .units = units_of(op, o->out[0]) };
    int64_t widest = 1;
    for (int k = 0; k < o->n_in; k++)
        if (!dim__input_is_whole(op, k))
            widest = dim__max64(widest, dim__per_unit(o->in[k], t.units));
    for (int k = 0; k < op->n_out; k++)
        widest = dim__max64(widest, dim__per_unit(o->out[k], t.units));
    t.tile = dim__max64(1, TILE / widest);
    for (int k = 0; k < o->n_in; k++)
        t.room += o->in_type[k] == DIM__BF16 ? dim__padded(t.tile * dim__per_unit(o->in[k], t.units)) : 0;
    for (int k = 0; k < op->n_out; k++)
        t.room += o->out_type[k] == DIM__BF16 ? dim__padded(t.tile * dim__per_unit(o->out[k], t.units)) : 0;
    return t;
}

bool dim__tiling_of(const dim__op *op, const dim__operands *o, dim__tiling *t)
{
    if (!by_tiles(op) || !any_bf16(op, o))
        return false;
    *t = divide(op, o);
    return true;
}

size_t dim__node_workspace(const dim__op *op, const dim__infer *inf)
{
    const dim__shape *in[DIM__MAX_IN], *out[DIM__MAX_OUT];
    dim__tiling t;
    for (int k = 0; k < inf->n_in; k++)
        in[k] = &inf->in[k];
    for (int k = 0; k < op->n_out; k++)
        out[k] = &inf->out[k];
    if (dim__tiling_of(op, &(dim__operands){ inf->n_in, in, out, inf->in_type, inf->out_type }, &t))
        return (size_t)inf->ctx->threads * (size_t)t.room * sizeof(float);
    return op->workspace != NULL ? op->workspace(inf) : 0;
}
