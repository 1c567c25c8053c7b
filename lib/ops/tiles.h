/* Operands of ops that take f32 and bf16: read and written as floats, in tiles that stay in a cache. */
#ifndef DIM_OPS_TILES_H
#define DIM_OPS_TILES_H

#include "ops/run.h"

/* n elements of input k from `at` on: as they lie there, or converted into `room`. */
static inline const float *dim__read(const dim__exec *e, int k, int64_t at, int64_t n, float *room)
{
    if (e->in_type[k] != DIM__BF16)
        return (const float *)e->in[k] + at;
    e->ctx->kernels->from_bf16(room, (const uint16_t *)e->in[k] + at, n);
    return room;
}

/* Where to write elements of output k from `at` on: in place, or into `room`; dim__written() then stores them. */
static inline float *dim__write(const dim__exec *e, int k, int64_t at, float *room)
{
    return e->out_type[k] != DIM__BF16 ? (float *)e->out[k] + at : room;
}

static inline void dim__written(const dim__exec *e, int k, int64_t at, int64_t n, const float *room)
{
    if (e->out_type[k] == DIM__BF16)
        e->ctx->kernels->to_bf16((uint16_t *)e->out[k] + at, room, n);
}

/* Rows of c elements that make a tile: it and its like stay in the cache between two loops over them.  Whole fours, as
 * the kernels sum them. */
static inline int64_t dim__tile_rows(int64_t c) { return 4 + 8192 / dim__max64(c, 1) / 4 * 4; }

#endif
