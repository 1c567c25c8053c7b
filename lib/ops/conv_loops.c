/* A convolution in bf16 and its gradients as a textbook has them: for a plan that ran out of memory. */
#include "ops/conv.h"

#include "base/pool.h"
#include "kernels/kernels.h"

typedef struct loops {
    const dim__exec *e;
    const dim__conv *c;
    dim__conv_pass pass;
} loops;

static double at(const dim__exec *e, int k, int64_t i)
{
    float x;
    e->ctx->kernels->from_bf16(&x, (const uint16_t *)e->in[k] + i, 1);
    return x;
}

/* The pixel of an axis of y that sees pixel `x` with what lies r pixels into the kernel, or -1. */
static int64_t seen_by(int64_t x, int64_t r, int64_t size, int64_t stride, int64_t padding)
{
    int64_t y = x + padding - r;
    return y >= 0 && y % stride == 0 && y / stride < size ? y / stride : -1;
}

static double element_of_y(const loops *l, int64_t n, int64_t oh, int64_t ow, int64_t o)
{
    const dim__conv *c = l->c;
    double sum = 0;
    for (int64_t r = 0; r < c->kh; r++)
        for (int64_t s = 0; s < c->kw; s++) {
            int64_t ih = oh * c->stride_h - c->pad_h + r * c->dilation_h, iw = ow * c->stride_w - c->pad_w + s * c->dilation_w;
            for (int64_t i = 0; ih >= 0 && ih < c->h && iw >= 0 && iw < c->w && i < c->i; i++)
                sum += at(l->e, 0, ((n * c->h + ih) * c->w + iw) * c->i + i) *
                       at(l->e, 1, ((o * c->kh + r) * c->kw + s) * c->i + i);
        }
    return sum;
}

static double element_of_dx(const loops *l, int64_t n, int64_t ih, int64_t iw, int64_t i)
{
    const dim__conv *c = l->c;
    double sum = 0;
    for (int64_t r = 0; r < c->kh; r++)
        for (int64_t s = 0; s < c->kw; s++) {
            int64_t oh = seen_by(ih, r * c->dilation_h, c->oh, c->stride_h, c->pad_h);
            int64_t ow = seen_by(iw, s * c->dilation_w, c->ow, c->stride_w, c->pad_w);
            for (int64_t o = 0; oh >= 0 && ow >= 0 && o < c->o; o++)
                sum += at(l->e, 0, ((n * c->oh + oh) * c->ow + ow) * c->o + o) *
                       at(l->e, 1, ((o * c->kh + r) * c->kw + s) * c->i + i);
        }
    return sum;
}

static double element_of_dw(const loops *l, int64_t o, int64_t r, int64_t s, int64_t i)
{
    const dim__conv *c = l->c;
    double sum = 0;
    for (int64_t px = 0; px < c->pixels; px++) {
        int64_t ow = px % c->ow, oh = px / c->ow % c->oh, n = px / c->ow / c->oh;
        int64_t ih = oh * c->stride_h - c->pad_h + r * c->dilation_h, iw = ow * c->stride_w - c->pad_w + s * c->dilation_w;
        if (ih >= 0 && ih < c->h && iw >= 0 && iw < c->w)
            sum += at(l->e, 0, px * c->o + o) * at(l->e, 1, ((n * c->h + ih) * c->w + iw) * c->i + i);
    }
    return sum;
}

static void loops_task(void *arg, int64_t begin, int64_t end, int thread)
{
    static double (*const element[])(const loops *, int64_t, int64_t, int64_t, int64_t) = {
        [DIM__CONV_FORWARD] = element_of_y, [DIM__CONV_DX] = element_of_dx, [DIM__CONV_DW] = element_of_dw
    };
    const loops *l = arg;
    const int64_t *d = l->e->out_shape[0]->d;
    (void)thread;
    for (int64_t j = begin; j < end; j++) {
        float value = (float)element[l->pass](l, j / d[3] / d[2] / d[1], j / d[3] / d[2] % d[1], j / d[3] % d[2], j % d[3]);
        if (l->e->out_type[0] == DIM__BF16)
            l->e->ctx->kernels->to_bf16((uint16_t *)l->e->out[0] + j, &value, 1);
        else
            ((float *)l->e->out[0])[j] = value;
    }
}

typedef struct image_loops {
    const dim__exec *e;
    const dim__conv *c;
    const dim__conv_after *after;
} image_loops;

/* Images of y in floats, each with what is to be done after it. */
static void images_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const image_loops *i = arg;
    const dim__conv *c = i->c;
    loops l = { i->e, c, DIM__CONV_FORWARD };
    int64_t size = c->oh * c->ow * c->o;
    for (int64_t n = begin; n < end; n++) {
        float *y = i->after->rooms != NULL ? (float *)i->after->rooms + thread * size : (float *)i->e->out[0] + n * size;
        for (int64_t j = 0; j < size; j++)
            y[j] = (float)element_of_y(&l, n, j / c->o / c->ow, j / c->o % c->ow, j % c->o);
        i->after->fn(i->after->arg, n, thread);
    }
}

void dim__conv_loops(const dim__exec *e, const dim__conv *c, dim__conv_pass pass, const dim__conv_after *after)
{
    loops l = { e, c, pass };
    image_loops i = { e, c, after };
    if (after != NULL)
        dim__parallel(e->ctx, c->n, 1, images_task, &i);
    else
        dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), 64, loops_task, &l);
}
