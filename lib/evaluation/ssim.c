/* Structural similarity (Wang, Bovik, Sheikh & Simoncelli 2004) and MS-SSIM (Wang, Simoncelli & Bovik 2003).  Windows
 * are Gaussian, and moments are those of the window itself: no sample covariance. */
#include "evaluation/evaluation.h"

#include "base/fields.h"
#include "base/math.h"
#include "base/pool.h"
#include "eval/eval.h"
#include "tensor/tensor.h"

#include <inttypes.h>

enum { MOST_SCALES = 5, MOST_WINDOW = 1023 };
static const double WEIGHTS[MOST_SCALES] = { 0.0448, 0.2856, 0.3001, 0.2363, 0.1333 };

static const char *kind_name(int kind)
{
    static const char *const names[] = { "SINGLE", "MULTI", "PADDED" };
    return kind >= 0 && kind < (int)(sizeof names / sizeof *names) ? names[kind] : NULL;
}

static const dim__range kinds = { .type = "dim_ssim_kind", .name = kind_name };
static const dim__range scales = DIM__UP_TO(5);
static const dim__range windows = { 3, MOST_WINDOW, "odd, from 3 to 1023", NULL, NULL };

#define F(member, kind, range, usual) DIM__QUIET(dim_ssim_options, member, kind, range, usual)
static const dim__field fields[] = {
    F(kind, U32, &kinds, 0),
    F(window, U32, NULL, DIM__SSIM_WINDOW),
    F(sigma, F32, &dim__not_negative, 1.5),
    F(range, F32, &dim__not_negative, 2),
    F(scales, U32, &scales, 0),
    F(reserved0, U32, &dim__reserved, 0),
};
#undef F
static const dim__table table = DIM__TABLE(dim_ssim_options, fields);

typedef struct comparison {
    dim_ssim_options o;
    int64_t n, c, h, w;
    const float *a, *b;  /* (n, c, h, w) */
    int64_t scales, pad; /* pad: zeros on each side */
    double c1, c2;
    double *taps;        /* (window) */
    double *room;        /* (threads, each) */
    int64_t each;
    double *out;         /* (n) */
} comparison;

typedef struct plane {   /* of both images, and what filtering needs */
    int64_t h, w;
    double base;         /* what was taken off all pixels, so that variances keep their digits */
    double *a, *b;       /* (h, w) */
    double *across[5];   /* (h, w): a, b, a^2, b^2, ab, filtered along the rows */
    double *line;        /* (5, w) */
} plane;

/* out (m) := the window along `from`, whose elements are `step` apart from one tap to the next. */
static void filter(const comparison *k, const double *from, int64_t step, double *out, int64_t m)
{
    memset(out, 0, (size_t)m * sizeof *out);
    for (int64_t i = 0; i < k->o.window; i++)
        for (int64_t x = 0; x < m; x++)
            out[x] += k->taps[i] * from[i * step + x];
}

/* Along the rows: of both images, their squares and their product. */
static void filter_rows(const comparison *k, const plane *p, int64_t ow)
{
    for (int64_t y = 0; y < p->h; y++) {
        const double *a = p->a + y * p->w, *b = p->b + y * p->w;
        double *aa = p->line, *bb = aa + p->w, *ab = bb + p->w;
        for (int64_t x = 0; x < p->w; x++) {
            aa[x] = a[x] * a[x];
            bb[x] = b[x] * b[x];
            ab[x] = a[x] * b[x];
        }
        const double *const from[5] = { a, b, aa, bb, ab };
        for (int m = 0; m < 5; m++)
            filter(k, from[m], 1, p->across[m] + y * ow, ow);
    }
}

/* Contrast times structure.  Rounding makes no variance negative, and no covariance larger than both allow. */
static double contrast(const comparison *k, double va, double vb, double vab)
{
    va = fmax(va, 0);
    vb = fmax(vb, 0);
    double most = sqrt(va) * sqrt(vb);
    return (2 * fmin(fmax(vab, -most), most) + k->c2) / (va + vb + k->c2);
}

/* Means over the windows of contrast times structure, and of all three. */
static void similarity(const comparison *k, const plane *p, double *structure, double *all)
{
    int64_t ow = p->w - k->o.window + 1, oh = p->h - k->o.window + 1;
    double sums[2] = { 0, 0 };
    filter_rows(k, p, ow);
    for (int64_t y = 0; y < oh; y++) {
        for (int m = 0; m < 5; m++)
            filter(k, p->across[m] + y * ow, ow, p->line + m * ow, ow);
        for (int64_t x = 0; x < ow; x++) {
            double ma = p->line[x], mb = p->line[ow + x], va = p->line[2 * ow + x] - ma * ma,
                   vb = p->line[3 * ow + x] - mb * mb, cs = contrast(k, va, vb, p->line[4 * ow + x] - ma * mb);
            ma += p->base;
            mb += p->base;
            sums[0] += cs;
            sums[1] += cs * (2 * ma * mb + k->c1) / (ma * ma + mb * mb + k->c1);
        }
    }
    *structure = sums[0] / (double)(ow * oh);
    *all = sums[1] / (double)(ow * oh);
}

/* Means of 2 x 2 pixels, in place; the last line of an odd side is paired with itself. */
static void halve(double *x, int64_t h, int64_t w)
{
    int64_t hh = (h + 1) / 2, hw = (w + 1) / 2;
    for (int64_t i = 0; i < hh; i++)
        for (int64_t j = 0; j < hw; j++) {
            int64_t y0 = 2 * i, y1 = dim__min64(y0 + 1, h - 1), x0 = 2 * j, x1 = dim__min64(x0 + 1, w - 1);
            x[i * hw + j] = (x[y0 * w + x0] + x[y0 * w + x1] + x[y1 * w + x0] + x[y1 * w + x1]) / 4;
        }
}

static void fill(const comparison *k, const float *from, double base, double *to)
{
    int64_t w = k->w + 2 * k->pad;
    memset(to, 0, (size_t)((k->h + 2 * k->pad) * w) * sizeof *to);
    for (int64_t y = 0; y < k->h; y++)
        for (int64_t x = 0; x < k->w; x++)
            to[(y + k->pad) * w + x + k->pad] = (double)from[y * k->w + x] - base;
}

/* The mean of both channels; but zeros around them stay what they are. */
static double base_of(const comparison *k, const float *a, const float *b)
{
    double sum = 0;
    for (int64_t i = 0; i < k->h * k->w && k->pad == 0; i++)
        sum += (double)a[i] + (double)b[i];
    return sum / (2 * (double)(k->h * k->w));
}

static double one_channel(const comparison *k, int64_t at, plane p)
{
    double product = 1, total = 0, structure, all;
    const float *a = k->a + at * k->h * k->w, *b = k->b + at * k->h * k->w;
    p.base = base_of(k, a, b);
    fill(k, a, p.base, p.a);
    fill(k, b, p.base, p.b);
    if (k->scales == 1) {
        similarity(k, &p, &structure, &all);
        return all;
    }
    for (int64_t s = 0; s < k->scales; s++)
        total += WEIGHTS[s];
    for (int64_t s = 0; s < k->scales; s++) {
        similarity(k, &p, &structure, &all);
        product *= pow(fmax(s + 1 < k->scales ? structure : all, 0), WEIGHTS[s] / total);
        halve(p.a, p.h, p.w);
        halve(p.b, p.h, p.w);
        p.h = (p.h + 1) / 2;
        p.w = (p.w + 1) / 2;
    }
    return product;
}

static void some_images(void *arg, int64_t begin, int64_t end, int thread)
{
    const comparison *k = arg;
    plane p = { .h = k->h + 2 * k->pad, .w = k->w + 2 * k->pad };
    double *room = k->room + thread * k->each;
    int64_t size = p.h * p.w;
    p.a = room;
    p.b = room + size;
    for (int m = 0; m < 5; m++)
        p.across[m] = room + (2 + m) * size;
    p.line = room + 7 * size;
    for (int64_t i = begin; i < end; i++) {
        double sum = 0;
        for (int64_t c = 0; c < k->c; c++)
            sum += one_channel(k, i * k->c + c, p);
        k->out[i] = sum / (double)k->c;
    }
}

/* How many scales fit, and whether that is enough. */
static dim_status set_scales(dim_context *ctx, comparison *k)
{
    int64_t fit = 0, side = dim__min64(k->h, k->w);
    k->pad = k->o.kind == DIM_SSIM_PADDED ? k->o.window / 2 : 0;
    for (int64_t s = side; s >= k->o.window && fit < MOST_SCALES; s = (s + 1) / 2)
        fit++;
    k->scales = k->o.kind != DIM_SSIM_MULTI ? 1 : k->o.scales != 0 ? k->o.scales : fit;
    if (k->o.kind == DIM_SSIM_PADDED)
        return DIM_OK;
    if (fit == 0)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_ssim: images of %" PRId64 " x %" PRId64 " are smaller than the window, "
                         "%u; take a smaller window, or kind PADDED", k->h, k->w, k->o.window);
    if (k->scales > fit)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_ssim: scales is %" PRId64 ", but images of %" PRId64 " x %" PRId64
                         " have %" PRId64 " that are as large as the window, %u", k->scales, k->h, k->w, fit, k->o.window);
    return DIM_OK;
}

static dim_status check_options(dim_context *ctx, const dim_ssim_options *given, dim_ssim_options *o)
{
    DIM__TRY(dim__options_read(ctx, &table, given, o));
    if (o->window < (uint32_t)windows.least || o->window > MOST_WINDOW || o->window % 2 == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_ssim_options.window is %u; it must be %s", o->window, windows.text);
    if (o->scales != 0 && o->kind != DIM_SSIM_MULTI)
        return dim__fail(ctx, DIM_E_INVALID, "dim_ssim_options.scales is %u, but kind %s has one scale", o->scales,
                         kind_name((int)o->kind));
    return DIM_OK;
}

static dim_status check_images(dim_context *ctx, const dim_tensor *a, const dim_tensor *b, dim_tensor *each)
{
    char text[128], other[128];
    bool same = a->rank == 4 && b->rank == 4;
    for (int i = 0; i < 4 && same; i++)
        same = a->shape[i] == b->shape[i];
    if (!same)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_ssim: a is %s and b %s; both must be one (N, C, H, W)",
                         dim__shape_text(text, a->rank, a->shape), dim__shape_text(other, b->rank, b->shape));
    if (each == NULL)
        return DIM_OK;
    if (each->dtype != DIM_F64 || each->rank != 1 || each->shape[0] != a->shape[0])
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_ssim: each is %s %s; it must be f64 (%" PRId64 ")",
                         dim__dtype_name(each->dtype), dim__shape_text(text, each->rank, each->shape), a->shape[0]);
    DIM__TRY(dim__check_output(ctx, "each", each));
    DIM__TRY(dim__check_apart(ctx, "each", each, "a", a));
    return dim__check_apart(ctx, "each", each, "b", b);
}

static dim_status compare(dim_context *ctx, comparison *k)
{
    int64_t size = (k->h + 2 * k->pad) * (k->w + 2 * k->pad), window = k->o.window, middle = window / 2;
    double sum = 0, sigma = (double)k->o.sigma, range = k->o.kind == DIM_SSIM_PADDED ? 1 : (double)k->o.range;
    k->c1 = 0.01 * range * 0.01 * range;
    k->c2 = 0.03 * range * 0.03 * range;
    k->each = 7 * size + 5 * (k->w + 2 * k->pad);
    k->taps = dim__calloc(ctx, (size_t)window, sizeof *k->taps);
    k->out = dim__calloc(ctx, (size_t)k->n, sizeof *k->out);
    k->room = dim__calloc(ctx, (size_t)(k->each * dim__parallel_pieces(ctx, k->n, 1)), sizeof *k->room);
    if (k->taps == NULL || k->out == NULL || k->room == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < window; i++) {
        double x = (double)(i - middle) / sigma;
        sum += k->taps[i] = exp(-x * x / 2);
    }
    for (int64_t i = 0; i < window; i++)
        k->taps[i] /= sum;
    dim__parallel(ctx, k->n, 1, some_images, k);
    return DIM_OK;
}

dim_status dim__evaluation_ssim(dim_context *ctx, const dim_ssim_options *options, const dim_tensor *a, const dim_tensor *b,
                                double *mean, dim_tensor *each)
{
    comparison k = { .n = 0 };
    dim__matrix ma = { 0 }, mb = { 0 };
    dim_status status;
    double sum = 0;
    DIM__TRY(check_options(ctx, options, &k.o));
    DIM__TRY(check_images(ctx, a, b, each));
    DIM__TRY_OR(done, dim__matrix_of(ctx, "a", a, &ma));
    DIM__TRY_OR(done, dim__matrix_of(ctx, "b", b, &mb));
    k.n = a->shape[0];
    k.c = a->shape[1];
    k.h = a->shape[2];
    k.w = a->shape[3];
    k.a = ma.x;
    k.b = mb.x;
    DIM__TRY_OR(done, set_scales(ctx, &k));
    DIM__TRY_OR(done, compare(ctx, &k));
    for (int64_t i = 0; i < k.n; i++)
        sum += k.out[i];
    if (mean != NULL)
        *mean = sum / (double)k.n;
    if (each != NULL)
        dim__strided_copy(1, &k.n, DIM_F64, each->data, each->stride, DIM_F64, k.out, &(const int64_t){ 1 });
done:
    dim__free(ctx, k.taps);
    dim__free(ctx, k.out);
    dim__free(ctx, k.room);
    dim__free(ctx, ma.owned);
    dim__free(ctx, mb.owned);
    return status;
}
