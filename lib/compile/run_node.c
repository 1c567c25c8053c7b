/* Runs one node; by tiles, see graph/tiling.c, where an operand is in bf16 that the op does not take itself. */
#include "compile/compile.h"

#include "graph/tiling.h"
#include "ops/tiles.h"

typedef struct task {
    const dim__op *op;
    const dim__exec *e;
    dim__tiling tiles;
} task;

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

static void run_tile(const task *t, int64_t at, int64_t n, float *room)
{
    const dim__exec *e = t->e;
    int64_t units = t->tiles.units, tile = t->tiles.tile;
    dim__exec part = *e;
    dim__shape in[DIM__MAX_IN], out[DIM__MAX_OUT];
    for (int k = 0; k < e->n_in; k++) {
        int64_t each = dim__per_unit(e->in_shape[k], units);
        if (dim__input_is_whole(t->op, k))
            continue;
        in[k] = part_of(t->op, e->in_shape[k], units, n);
        part.in_shape[k] = &in[k];
        part.in_type[k] = DIM_F32;
        if (e->in_type[k] == DIM__BF16) {
            part.in[k] = room;
            e->ctx->kernels->from_bf16(room, (const uint16_t *)e->in[k] + at * each, n * each);
            room += dim__padded(tile * each);
        } else { /* of whatever type, four bytes */
            part.in[k] = (float *)e->in[k] + at * each;
        }
    }
    for (int k = 0; k < t->op->n_out; k++) {
        int64_t each = dim__per_unit(e->out_shape[k], units);
        out[k] = part_of(t->op, e->out_shape[k], units, n);
        part.out_shape[k] = &out[k];
        part.out_type[k] = DIM_F32;
        part.out[k] = e->out_type[k] == DIM__BF16 ? room : (float *)e->out[k] + at * each;
        room += e->out_type[k] == DIM__BF16 ? dim__padded(tile * each) : 0;
    }
    t->op->run(&part);
    for (int k = 0; k < t->op->n_out; k++) {
        int64_t each = dim__per_unit(e->out_shape[k], units);
        dim__written(e, k, at * each, n * each, part.out[k]);
    }
}

static void run_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const task *t = arg;
    float *room = (float *)t->e->workspace + thread * t->tiles.room;
    for (int64_t at = begin; at < end; at += t->tiles.tile)
        run_tile(t, at, dim__min64(t->tiles.tile, end - at), room);
}

void dim__run_node(const dim__op *op, const dim__exec *e)
{
    task t = { .op = op, .e = e };
    dim__operands o = { e->n_in, e->in_shape, e->out_shape, e->in_type, e->out_type };
    if (!dim__tiling_of(op, &o, &t.tiles)) {
        op->run(e);
        return;
    }
    int64_t each = dim__per_unit(e->out_shape[0], t.tiles.units);
    dim__parallel(e->ctx, t.tiles.units, dim__row_grain(each), run_task, &t);
}
