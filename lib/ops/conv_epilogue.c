#include "ops/conv_epilogue.h"

#include "ops/rows.h"
#include "ops/tiles.h"

static size_t lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

bool dim__epilogue_does(int n_in, const dim__attr *attr, bool moments)
{
    return n_in > 2 || attr->activation.on || moments;
}

static size_t norm_size(int n_in, int64_t c) { return n_in == 6 ? lines(2 * (size_t)c * sizeof(float)) : 0; }

/* Moments, then scale and shift, then sums. */
size_t dim__epilogue_room(const dim_context *ctx, const struct dim__comm *comm, int n_in, int64_t c, bool moments, int64_t n_sums)
{
    return (moments ? lines(dim__moments_size(ctx, comm, c)) : 0) + norm_size(n_in, c) +
           lines((size_t)n_sums * sizeof(float));
}

dim__epilogue dim__epilogue_of(const dim__exec *e, int64_t n_sums)
{
    char *at = e->workspace;
    dim__epilogue p = { .e = e, .c = dim__shape_last(e->out_shape[0]), .takes_moments = e->out_shape[1] != NULL };
    p.room = dim__epilogue_room(e->ctx, e->comm, e->n_in, p.c, p.takes_moments, n_sums);
    if (p.takes_moments) {
        p.moments = dim__moments_of(e, p.c, at);
        at += lines(dim__moments_size(e->ctx, e->comm, p.c));
    }
    if (e->n_in == 3)
        p.bias = e->in[2];
    if (e->n_in == 6) {
        float *scale = (float *)at, *shift = scale + p.c;
        dim__frozen_norm(e->in[2], e->in[3], e->in[4], e->in[5], e->attr->conv.eps, scale, shift, p.c);
        p.scale = scale;
        p.shift = shift;
        at += norm_size(e->n_in, p.c);
    }
    if (n_sums > 0)
        p.sums = (float *)at;
    return p;
}

void dim__epilogue_restart(const dim__epilogue *p)
{
    if (p->takes_moments)
        dim__moments_clear(&p->moments);
}

/* A tile of pixels from `at` on, of which `y` has the sums. */
static void change(const dim__epilogue *p, int64_t at, int64_t rows, float *y)
{
    const dim__kernels *k = p->e->ctx->kernels;
    if (p->bias != NULL)
        k->add_bias(y, y, p->bias, rows, p->c);
    else if (p->scale != NULL)
        k->col_affine(y, y, p->scale, p->shift, rows, p->c);
    dim__activate(p->e, y, rows * p->c);
    if (p->sums != NULL)
        k->to_bf16((uint16_t *)p->e->out[0] + at * p->c, y, rows * p->c);
    if (p->sums != NULL && p->takes_moments) /* those of what came out */
        k->from_bf16(y, (const uint16_t *)p->e->out[0] + at * p->c, rows * p->c);
}

void dim__epilogue_run(const dim__epilogue *p, int64_t begin, int64_t end, int thread, float *y)
{
    bool changes = p->sums != NULL || dim__epilogue_does(p->e->n_in, p->e->attr, false);
    int64_t tile = dim__tile_rows(p->c);
    for (int64_t px = begin; changes && px < end; px += tile)
        change(p, px, dim__min64(tile, end - px), y + (px - begin) * p->c);
    if (p->takes_moments)
        dim__moments_add(&p->moments, thread, y, end - begin);
}

void dim__epilogue_finish(const dim__epilogue *p)
{
    if (p->takes_moments)
        dim__moments_finish(&p->moments, p->e->attr->conv.eps, p->e->out[1], p->e->out[2], p->e->out[3]);
}
