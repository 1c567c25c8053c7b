#include "ops/conv_epilogue.h"

#include "ops/rows.h"
#include "ops/tiles.h"

static size_t lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

static bool does(int n_in, const dim__attr *attr, bool moments)
{
    return n_in > 2 || attr->i[DIM__ACTIVATES] != 0 || moments;
}

static size_t norm_size(int n_in, int64_t c) { return n_in == 6 ? lines(2 * (size_t)c * sizeof(float)) : 0; }

/* Moments, then scale and shift, then tiles. */
size_t dim__epilogue_room(const dim_context *ctx, int n_in, const dim__attr *attr, int64_t c, dim_dtype y, bool moments)
{
    bool tiles = y == DIM__BF16 && does(n_in, attr, moments);
    return (moments ? lines(dim__moments_size(ctx, c)) : 0) + norm_size(n_in, c) +
           (tiles ? lines(ctx->threads * (size_t)(dim__tile_rows(c) * c) * sizeof(float)) : 0);
}

dim__epilogue dim__epilogue_of(const dim__exec *e)
{
    char *at = e->workspace;
    dim__epilogue p = { .e = e, .c = dim__shape_last(e->out_shape[0]), .takes_moments = e->out_shape[1] != NULL };
    p.room = dim__epilogue_room(e->ctx, e->n_in, e->attr, p.c, e->out_type[0], p.takes_moments);
    if (p.takes_moments) {
        p.moments = dim__moments_of(e->ctx, p.c, at);
        at += lines(dim__moments_size(e->ctx, p.c));
    }
    if (e->n_in == 3)
        p.bias = e->in[2];
    if (e->n_in == 6) {
        float *scale = (float *)at, *shift = scale + p.c;
        dim__frozen_norm(e->in[2], e->in[3], e->in[4], e->in[5], e->attr->f[0], scale, shift, p.c);
        p.scale = scale;
        p.shift = shift;
        at += norm_size(e->n_in, p.c);
    }
    p.tiles = (float *)at;
    return p;
}

bool dim__epilogue_does(const dim__epilogue *p) { return does(p->e->n_in, p->e->attr, p->takes_moments); }

void dim__epilogue_restart(const dim__epilogue *p)
{
    if (p->takes_moments)
        dim__moments_clear(&p->moments);
}

static const float *load(const dim__epilogue *p, int64_t at, int64_t n, float *room)
{
    if (p->e->out_type[0] != DIM__BF16)
        return (const float *)p->e->out[0] + at;
    p->e->ctx->kernels->from_bf16(room, (const uint16_t *)p->e->out[0] + at, n);
    return room;
}

/* A tile of y in its place. */
static void change(const dim__epilogue *p, int64_t at, int64_t rows, float *room)
{
    const dim__kernels *k = p->e->ctx->kernels;
    const float *x = load(p, at, rows * p->c, room);
    float *y = dim__write(p->e, 0, at, room);
    if (p->bias != NULL)
        k->add_bias(y, x, p->bias, rows, p->c);
    else if (p->scale != NULL)
        k->col_affine(y, x, p->scale, p->shift, rows, p->c);
    dim__activate(p->e, y, rows * p->c);
    dim__written(p->e, 0, at, rows * p->c, y);
}

void dim__epilogue_run(const dim__epilogue *p, int64_t begin, int64_t end, int thread)
{
    bool changes = does(p->e->n_in, p->e->attr, false), half = p->e->out_type[0] == DIM__BF16;
    int64_t tile = dim__tile_rows(p->c);
    float *room = p->tiles + (half ? thread * tile * p->c : 0);
    for (int64_t px = begin; changes && px < end; px += tile)
        change(p, px * p->c, dim__min64(tile, end - px), room);
    if (!half)
        tile = end - begin;
    for (int64_t px = begin; p->takes_moments && px < end; px += tile) {
        int64_t n = dim__min64(tile, end - px);
        dim__moments_add(&p->moments, thread, load(p, px * p->c, n * p->c, room), n);
    }
}

void dim__epilogue_finish(const dim__epilogue *p)
{
    if (p->takes_moments)
        dim__moments_finish(&p->moments, p->e->attr->f[0], p->e->out[1], p->e->out[2], p->e->out[3]);
}
