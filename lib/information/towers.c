/* What is learnt beyond the base: a network on each side, and with it the features of rows. */
#include "information/critic.h"

#include "base/math.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

/* ---- weights of one side --------------------------------------------------------------------------------------------- */

/* Where a layer's weights begin; that of DIM__MI_LAYERS is how many there are. */
static int64_t layer_start(int64_t d, int layer, int64_t *out, int64_t *in)
{
    const int64_t width[DIM__MI_LAYERS + 2] = { d, DIM__MI_HIDDEN, DIM__MI_HIDDEN, DIM__MI_OUT };
    int64_t at = 0;
    for (int l = 0; l < layer; l++)
        at += width[l + 1] * (width[l] + 1);
    *in = width[layer];
    *out = width[layer + 1];
    return at;
}

float *dim__mi_tower_layer(const dim__mi_tower *t, int layer, int64_t *out, int64_t *in)
{
    return t->memory + layer_start(t->d, layer, out, in);
}

dim_status dim__mi_tower_make(dim_context *ctx, int64_t d, dim__mi_tower *t)
{
    int64_t out, in;
    *t = (dim__mi_tower){ .d = d, .count = layer_start(d, DIM__MI_LAYERS, &out, &in) };
    t->memory = dim__calloc(ctx, (size_t)t->count, sizeof *t->memory);
    return t->memory == NULL ? DIM_E_NOMEM : DIM_OK;
}

/* y (n, out), rows `stride` apart, := x (n, in) W' + bias */
static void linear(dim_context *ctx, const dim__mi_tower *t, int layer, const float *x, int64_t n, float *y, int64_t stride)
{
    int64_t out, in;
    const float *w = dim__mi_tower_layer(t, layer, &out, &in);
    for (int64_t i = 0; i < n; i++)
        memcpy(y + i * stride, w + out * in, (size_t)out * sizeof *y);
    dim__gemm(ctx, false, true, n, out, in, 1, x, in, w, in, 1, y, stride);
}

void dim__mi_tower_run(dim_context *ctx, const dim__mi_tower *t, const float *x, int64_t n, float *first, float *second, float *out,
                       int64_t stride)
{
    linear(ctx, t, 0, x, n, first, DIM__MI_HIDDEN);
    ctx->kernels->relu(first, first, n * DIM__MI_HIDDEN);
    linear(ctx, t, 1, first, n, second, DIM__MI_HIDDEN);
    ctx->kernels->relu(second, second, n * DIM__MI_HIDDEN);
    linear(ctx, t, 2, second, n, out, stride);
}

/* ---- extended features ----------------------------------------------------------------------------------------------- */

int64_t dim__mi_critic_width(const dim__mi_critic *c, bool base_alone)
{
    return dim__mi_base_width(&c->base) + (base_alone ? 0 : DIM__MI_OUT + 1);
}

static dim_status side_features(const dim__mi *m, const dim__mi_critic *c, const dim__mi_inputs *in, int side, const int32_t *rows,
                                int64_t n, bool base_alone, float *out)
{
    int64_t d = in->d[side], base = dim__mi_base_width(&c->base), width = dim__mi_critic_width(c, base_alone);
    float *room = dim__calloc(m->ctx, (size_t)n, (size_t)(base + d + 2 * DIM__MI_HIDDEN) * sizeof *room);
    if (room == NULL)
        return DIM_E_NOMEM;
    float *x = room + n * base, *hidden = x + n * d;
    dim__mi_base_features(&c->base, in, side, rows, n, room);
    for (int64_t i = 0; i < n; i++)
        memcpy(out + i * width, room + i * base, (size_t)base * sizeof *out);
    for (int64_t i = 0; i < n && !base_alone; i++) {
        memcpy(x + i * d, in->x[side] + rows[i] * d, (size_t)d * sizeof *x);
        out[i * width + base + dim__mi_tower_one(side)] = 1;
    }
    if (!base_alone)
        dim__mi_tower_run(m->ctx, &c->tower[side], x, n, hidden, hidden + n * DIM__MI_HIDDEN, out + base + side, width);
    dim__free(m->ctx, room);
    return DIM_OK;
}

dim_status dim__mi_critic_features(const dim__mi *m, const dim__mi_critic *c, const dim__mi_inputs *in, const int32_t *rows, int64_t n,
                                   bool base_alone, float *x, float *y)
{
    in = c->narrow != NULL ? &c->narrow->in : in;
    DIM__TRY(side_features(m, c, in, 0, rows, n, base_alone, x));
    return side_features(m, c, in, 1, rows, n, base_alone, y);
}

void dim__mi_critic_free(dim_context *ctx, dim__mi_critic *c)
{
    dim__mi_narrow_free(ctx, c->narrow);
    dim__mi_base_free(ctx, &c->base);
    dim__free(ctx, c->tower[0].memory);
    dim__free(ctx, c->tower[1].memory);
}
