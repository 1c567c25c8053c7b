/* The geometry of a convolution, and blocks of its patch matrix. */
#include "ops/conv.h"

#include "base/math.h"
#include "base/pool.h"
#include <string.h>

dim__conv dim__conv_of(const dim__shape *x, const dim__shape *w, const dim__shape *y, const dim__attr *attr)
{
    const dim__attr_conv *a = &attr->conv;
    return (dim__conv){
        .n = x->d[0], .h = x->d[1], .w = x->d[2], .i = x->d[3],
        .o = w->d[0], .kh = w->d[1], .kw = w->d[2],
        .oh = y->d[1], .ow = y->d[2],
        .stride_h = a->stride_h, .stride_w = a->stride_w, .pad_h = a->pad_h, .pad_w = a->pad_w,
        .dilation_h = a->dilation_h, .dilation_w = a->dilation_w,
        .k = w->d[1] * w->d[2] * x->d[3],
        .pixels = x->d[0] * y->d[1] * y->d[2],
        .run = (a->dilation_w == 1 ? w->d[2] : 1) * x->d[3],
    };
}

dim_status dim__conv_check(const dim__infer *inf)
{
    const dim__attr_conv *a = &inf->attr->conv;
    const int64_t most = 1 << 20;
    if (a->stride_h < 1 || a->stride_w < 1 || a->pad_h < 0 || a->pad_w < 0 || a->pad_h > most || a->pad_w > most ||
        a->dilation_h < 1 || a->dilation_w < 1 || a->dilation_h > most || a->dilation_w > most)
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: stride %lld and %lld, padding %lld and %lld, dilation %lld and %lld",
                         inf->op, (long long)a->stride_h, (long long)a->stride_w, (long long)a->pad_h, (long long)a->pad_w,
                         (long long)a->dilation_h, (long long)a->dilation_w);
    return DIM_OK;
}

static int64_t places(int64_t size, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation)
{
    int64_t room = size + 2 * pad - ((kernel - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
}

void dim__conv_size(const dim__attr_conv *a, const dim__shape *x, int64_t kh, int64_t kw, int64_t *oh, int64_t *ow)
{
    *oh = places(x->d[1], kh, a->stride_h, a->pad_h, a->dilation_h);
    *ow = places(x->d[2], kw, a->stride_w, a->pad_w, a->dilation_w);
    if (*ow == 0)
        *oh = 0;
}

bool dim__conv_plain(const dim__conv *c)
{
    bool pointwise = c->kh == 1 && c->kw == 1 && c->stride_h == 1 && c->stride_w == 1;
    bool whole = c->kh == c->h && c->kw == c->w;
    return c->pad_h == 0 && c->pad_w == 0 && (pointwise || whole);
}

/* About a second-level cache of patches, but enough rows that packing the weights once a block does not show. */
int64_t dim__conv_block(const dim__conv *c, int64_t columns)
{
    int64_t rows = ((int64_t)1 << 18) / dim__max64(1, columns);
    rows = dim__min64(dim__max64(rows, 192), 4096) / 32 * 32;
    return dim__min64(rows, dim__max64(c->pixels, 1));
}

/* Runs of some floats, for which a call of memcpy() is most of the work. */
static void copy(float *to, const float *from, int64_t n)
{
    if (n >= 64) {
        memcpy(to, from, (size_t)n * sizeof *to);
        return;
    }
    for (; n >= 8; n -= 8, to += 8, from += 8)
        memcpy(to, from, 8 * sizeof *to);
    if (n >= 4) {
        memcpy(to, from, 4 * sizeof *to);
        n -= 4, to += 4, from += 4;
    }
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i];
}

void dim__conv_patches(const dim__conv *c, const float *x, int64_t begin, int64_t end, int64_t first, int64_t last,
                       float *patches)
{
    int64_t row = c->run;
    int64_t ow = begin % c->ow, oh = begin / c->ow % c->oh, n = begin / c->ow / c->oh;
    for (int64_t px = begin; px < end; px++) {
        for (int64_t r = first / row; r * row < last; r++) {
            dim__conv_run run = dim__conv_run_of(c, n, oh, ow, r);
            int64_t a = dim__max64(first - r * row, 0), b = dim__min64(last - r * row, row);
            int64_t lo = dim__min64(dim__max64(run.lo, a), b), hi = dim__max64(dim__min64(run.hi, b), lo);
            if (lo > a)
                memset(patches, 0, (size_t)(lo - a) * sizeof *patches);
            if (hi > lo)
                copy(patches + (lo - a), x + run.at + lo, hi - lo);
            if (b > hi)
                memset(patches + (hi - a), 0, (size_t)(b - hi) * sizeof *patches);
            patches += b - a;
        }
        if (++ow == c->ow) {
            ow = 0;
            if (++oh == c->oh) {
                oh = 0;
                n++;
            }
        }
    }
}

typedef struct patches_job {
    const dim__conv *c;
    const float *x;
    int64_t first;
    float *patches;
} patches_job;

static void patches_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const patches_job *job = arg;
    (void)thread;
    dim__conv_patches(job->c, job->x, job->first + begin, job->first + end, 0, job->c->k,
                      job->patches + begin * job->c->k);
}

void dim__conv_patches_parallel(dim_context *ctx, const dim__conv *c, const float *x, int64_t begin, int64_t end,
                                float *patches)
{
    patches_job job = { c, x, begin, patches };
    dim__parallel(ctx, end - begin, dim__max64(1, 32768 / dim__max64(1, c->k)), patches_task, &job);
}
