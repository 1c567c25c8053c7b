/* Ops that are one loop of the kernels over all elements. */
#ifndef DIM_OPS_MAP_H
#define DIM_OPS_MAP_H

#include "ops/run.h"

typedef struct dim__map { /* one of the two functions */
    const dim__exec *e;
    void (*one)(float *y, const float *x, int64_t n);
    void (*two)(float *y, const float *a, const float *b, int64_t n);
} dim__map;

static inline void dim__map_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__map *j = arg;
    float *y = (float *)j->e->out[0] + begin;
    const float *a = (const float *)j->e->in[0] + begin;
    (void)thread;
    if (j->one != NULL)
        j->one(y, a, end - begin);
    else
        j->two(y, a, (const float *)j->e->in[1] + begin, end - begin);
}

static inline void dim__map_one(const dim__exec *e, void (*fn)(float *, const float *, int64_t))
{
    dim__map j = { e, fn, NULL };
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, dim__map_piece, &j);
}

static inline void dim__map_two(const dim__exec *e, void (*fn)(float *, const float *, const float *, int64_t))
{
    dim__map j = { e, NULL, fn };
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, dim__map_piece, &j);
}

#endif
