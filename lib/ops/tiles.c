/* Ops by element, row or sample on operands in bf16: each thread converts a tile of the inputs to floats, runs the op as it
 * is on the tile, and converts the result back.  No op needs a second implementation for that, and the tiles stay in
 * the cache, so what is read from and written to memory is half. */
#include "ops/tiles.h"

#include "base/pool.h"
#include "tensor/tensor.h"

enum { TILE = 4096, LINE = 16 }; /* floats */

size_t dim__value_size(dim_dtype type) { return type == DIM__BF16 ? sizeof(uint16_t) : dim__dtype_size(type); }

static bool by_tiles(const dim__op *op)
{
    return (op->flags & (DIM__OP_ELEMENTWISE | DIM__OP_BY_ROW | DIM__OP_BY_SAMPLE)) != 0;
}

static bool is_whole(const dim__op *op, int input) { return (op->flags & DIM__OP_WHOLE(1u << input)) != 0; }

bool dim__op_reads_bf16(const dim__op *op, int input)
{
    if (by_tiles(op) || (op->flags & DIM__OP_ALIAS) != 0)
        return !is_whole(op, input);
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

static int64_t per_unit(const dim__shape *s, int64_t units) { return dim__shape_count(s) / dim__max64(units, 1); }

static int64_t padded(int64_t floats) { return (floats + LINE - 1) / LINE * LINE; }

typedef struct tiling {
    const dim__op *op;
    const dim__exec *e;
    int64_t units, tile; /* of the node, of a tile */
    int64_t room;        /* floats of a thread */
} tiling;

/* A tile is as many units as make TILE elements of the widest operand, one at least. */
static void divide(tiling *t, int n_in, const dim__shape *const *in, const dim_dtype *in_type,
                   const dim__shape *const *out, const dim_dtype *out_type)
{
    int64_t widest = 1;
    t->units = units_of(t->op, out[0]);
    for (int k = 0; k < n_in; k++)
        if (!is_whole(t->op, k))
            widest = dim__max64(widest, per_unit(in[k], t->units));
    for (int k = 0; k < t->op->n_out; k++)
        widest = dim__max64(widest, per_unit(out[k], t->units));
    t->tile = dim__max64(1, TILE / widest);
    t->room = 0;
    for (int k = 0; k < n_in; k++)
        t->room += in_type[k] == DIM__BF16 ? padded(t->tile * per_unit(in[k], t->units)) : 0;
    for (int k = 0; k < t->op->n_out; k++)
        t->room += out_type[k] == DIM__BF16 ? padded(t->tile * per_unit(out[k], t->units)) : 0;
}

/* The part of a shape that n units are. */
static dim__shape part_of(const dim__op *op, const dim__shape *s, int64_t units, int64_t n)
{
    dim__shape part = *s;
    if ((op->flags & DIM__OP_BY_SAMPLE) != 0)
        part.d[0] = n;
    else if ((op->flags & DIM__OP_BY_ROW) != 0 && s->rank > 0 && dim__shape_rows(s) == units)
        part = dim__shape2(n, dim__shape_last(s));
    else /* elements, or one number a row */
        part = dim__shape1(n);
    return part;
}

static void run_tile(const tiling *t, int64_t at, int64_t n, float *room)
{
    const dim__exec *e = t->e;
    dim__exec part = *e;
    dim__shape in[DIM__MAX_IN], out[DIM__MAX_OUT];
    for (int k = 0; k < e->n_in; k++) {
        int64_t each = per_unit(e->in_shape[k], t->units);
        if (is_whole(t->op, k))
            continue;
        in[k] = part_of(t->op, e->in_shape[k], t->units, n);
        part.in_shape[k] = &in[k];
        part.in_type[k] = DIM_F32;
        if (e->in_type[k] == DIM__BF16) {
            part.in[k] = room;
            e->ctx->kernels->from_bf16(room, (const uint16_t *)e->in[k] + at * each, n * each);
            room += padded(t->tile * each);
        } else { /* of whatever type, four bytes */
            part.in[k] = (float *)e->in[k] + at * each;
        }
    }
    for (int k = 0; k < t->op->n_out; k++) {
        int64_t each = per_unit(e->out_shape[k], t->units);
        out[k] = part_of(t->op, e->out_shape[k], t->units, n);
        part.out_shape[k] = &out[k];
        part.out_type[k] = DIM_F32;
        part.out[k] = e->out_type[k] == DIM__BF16 ? room : (float *)e->out[k] + at * each;
        room += e->out_type[k] == DIM__BF16 ? padded(t->tile * each) : 0;
    }
    t->op->run(&part);
    for (int k = 0; k < t->op->n_out; k++) {
        int64_t each = per_unit(e->out_shape[k], t->units);
        dim__written(e, k, at * each, n * each, part.out[k]);
    }
}

static void run_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const tiling *t = arg;
    float *room = (float *)t->e->workspace + thread * t->room;
    for (int64_t at = begin; at < end; at += t->tile)
        run_tile(t, at, dim__min64(t->tile, end - at), room);
}

static bool any_bf16(const dim__op *op, int n_in, const dim_dtype *in, const dim_dtype *out)
{
    bool any = false;
    for (int k = 0; k < n_in; k++)
        any = any || in[k] == DIM__BF16;
    for (int k = 0; k < op->n_out; k++)
        any = any || out[k] == DIM__BF16;
    return any;
}

void dim__run_node(const dim__op *op, const dim__exec *e)
{
    tiling t = { .op = op, .e = e };
    if (!by_tiles(op) || !any_bf16(op, e->n_in, e->in_type, e->out_type)) {
        op->run(e);
        return;
    }
    divide(&t, e->n_in, e->in_shape, e->in_type, e->out_shape, e->out_type);
    int64_t each = dim__shape_count(e->out_shape[0]) / dim__max64(t.units, 1);
    dim__parallel(e->ctx, t.units, dim__row_grain(each), run_task, &t);
}

size_t dim__node_workspace(const dim__op *op, const dim__infer *inf)
{
    const dim__shape *in[DIM__MAX_IN], *out[DIM__MAX_OUT];
    tiling t = { .op = op };
    size_t own = op->workspace != NULL ? op->workspace(inf) : 0;
    if (!by_tiles(op) || !any_bf16(op, inf->n_in, inf->in_type, inf->out_type))
        return own;
    for (int k = 0; k < inf->n_in; k++)
        in[k] = &inf->in[k];
    for (int k = 0; k < op->n_out; k++)
        out[k] = &inf->out[k];
    divide(&t, inf->n_in, in, inf->in_type, out, inf->out_type);
    return (size_t)inf->ctx->threads * (size_t)t.room * sizeof(float);
}
