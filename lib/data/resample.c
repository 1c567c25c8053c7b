/* Bicubic resizing in 22-bit fixed point, rows first, bytes between: as PIL does, so that results agree to the byte. */
#include "data/pixels.h"

#include "base/math.h"

enum { FIXED_BITS = 22 };

/* The weights of one direction: output i is the sum over k < count[i] of weight[i * taps + k] * input[first[i] + k]. */
typedef struct filter {
    int64_t taps;
    int32_t *first, *count, *weight;
} filter;

static double bicubic(double x)
{
    x = fabs(x);
    if (x < 1)
        return ((-0.5 + 2.0) * x - (-0.5 + 3.0)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * -0.5;
    return 0;
}

static int64_t taps_of(int64_t in, int64_t out)
{
    double scale = (double)in / (double)out;
    return (int64_t)ceil(2 * (scale < 1 ? 1 : scale)) * 2 + 1;
}

static int32_t fixed(double weight)
{
    return (int32_t)((weight < 0 ? -0.5 : 0.5) + weight * (1 << FIXED_BITS));
}

static void make_filter(filter *f, int64_t in, int64_t out, double *weight)
{
    double scale = (double)in / (double)out, wide = scale < 1 ? 1 : scale, support = 2 * wide, inverse = 1 / wide;
    f->taps = taps_of(in, out);
    for (int64_t i = 0; i < out; i++) {
        double center = ((double)i + 0.5) * scale, sum = 0;
        int64_t first = (int64_t)(center - support + 0.5), end = (int64_t)(center + support + 0.5);
        first = dim__max64(first, 0);
        end = dim__min64(end, in);
        for (int64_t k = 0; k < end - first; k++) {
            weight[k] = bicubic(((double)(k + first) - center + 0.5) * inverse);
            sum += weight[k];
        }
        f->first[i] = (int32_t)first;
        f->count[i] = (int32_t)(end - first);
        for (int64_t k = 0; k < end - first; k++)
            f->weight[i * f->taps + k] = fixed(sum != 0 ? weight[k] / sum : weight[k]);
    }
}

static uint8_t byte_of(int32_t sum)
{
    sum >>= FIXED_BITS; /* of a negative number too: rounded down by every compiler that is meant here, then cut to 0 */
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void resize_row(uint8_t *dst, const uint8_t *src, const filter *f, int64_t out)
{
    for (int64_t i = 0; i < out; i++) {
        const int32_t *weight = f->weight + i * f->taps;
        const uint8_t *from = src + f->first[i];
        int32_t sum = 1 << (FIXED_BITS - 1);
        for (int32_t k = 0; k < f->count[i]; k++)
            sum += from[k] * weight[k];
        dst[i] = byte_of(sum);
    }
}

static void resize_columns(uint8_t *dst, const uint8_t *src, const filter *f, int64_t out, int64_t width, int32_t *sum)
{
    for (int64_t i = 0; i < out; i++, dst += width) {
        for (int64_t x = 0; x < width; x++)
            sum[x] = 1 << (FIXED_BITS - 1);
        for (int32_t k = 0; k < f->count[i]; k++) {
            const uint8_t *from = src + (f->first[i] + k) * width;
            int32_t weight = f->weight[i * f->taps + k];
            for (int64_t x = 0; x < width; x++)
                sum[x] += from[x] * weight;
        }
        for (int64_t x = 0; x < width; x++)
            dst[x] = byte_of(sum[x]);
    }
}

/* The scratch:  | double weights | rows' filter | columns' filter | sums of a row | bytes between |  */
size_t dim__pixels_resize_scratch(const int64_t shape[3], int64_t height, int64_t width)
{
    int64_t tx = taps_of(shape[2], width), ty = taps_of(shape[1], height);
    int64_t words = width * (2 + tx) + height * (2 + ty) + width;
    size_t bytes = (size_t)dim__max64(tx, ty) * sizeof(double) + (size_t)words * sizeof(int32_t) +
                   (size_t)(shape[1] * width);
    return (bytes + 63) / 64 * 64;
}

void dim__pixels_resize(uint8_t *dst, const uint8_t *src, const int64_t shape[3], const dim__box *box, int64_t height,
                        int64_t width, void *scratch)
{
    int64_t tx = taps_of(box->width, width), ty = taps_of(box->height, height);
    double *weight = scratch;
    int32_t *words = (int32_t *)(void *)(weight + dim__max64(tx, ty));
    filter x = { tx, words, words + width, words + 2 * width };
    words += width * (2 + tx);
    filter y = { ty, words, words + height, words + 2 * height };
    int32_t *sum = words + height * (2 + ty);
    uint8_t *between = (uint8_t *)(sum + width);
    make_filter(&x, box->width, width, weight);
    make_filter(&y, box->height, height, weight);
    for (int64_t c = 0; c < shape[0]; c++) {
        const uint8_t *from = src + (c * shape[1] + box->top) * shape[2] + box->left;
        for (int64_t row = 0; row < box->height; row++)
            resize_row(between + row * width, from + row * shape[2], &x, width);
        resize_columns(dst + c * height * width, between, &y, height, width, sum);
    }
}
