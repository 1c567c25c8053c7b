/* The caller's images and vectors as the input of a graph. */
#include "base/math.h"
#include "base/pool.h"
#include "nn/encoder.h"

bool dim__sample_fits(const dim_tensor *t, const int64_t s[3])
{
    if (!dim__is_map(s))
        return t->rank == 2 && t->shape[1] == s[0];
    if (t->rank == 3)
        return dim__map_height(s) == 1 && t->shape[1] == s[0] && t->shape[2] == s[2];
    return t->rank == 4 && t->shape[1] == s[0] && t->shape[2] == dim__map_height(s) && t->shape[3] == s[2];
}

void dim__sample_strides(const dim_tensor *t, int64_t stride[3])
{
    stride[0] = t->rank > 1 ? t->stride[1] : 0;
    stride[1] = t->rank > 3 ? t->stride[2] : 0;
    stride[2] = t->rank > 2 ? t->stride[t->rank - 1] : 0;
}

dim_status dim__encoder_check_images(const dim_encoder *enc, const dim_tensor *images, int64_t *batch)
{
    const int64_t *in = enc->stack.input;
    char text[128];
    bool fits = dim__sample_fits(images, in);
    if (!fits && dim__is_signal(in))
        return dim__fail(enc->ctx, DIM_E_SHAPE, "signals have shape %s, the encoder takes (N, %lld, %lld)",
                         dim__shape_text(text, images->rank, images->shape), (long long)in[0], (long long)in[2]);
    if (!fits && dim__is_map(in))
        return dim__fail(enc->ctx, DIM_E_SHAPE, "images have shape %s, the encoder takes (N, %lld, %lld, %lld)",
                         dim__shape_text(text, images->rank, images->shape), (long long)in[0], (long long)in[1],
                         (long long)in[2]);
    if (!fits)
        return dim__fail(enc->ctx, DIM_E_SHAPE, "vectors have shape %s, the encoder takes (N, %lld)",
                         dim__shape_text(text, images->rank, images->shape), (long long)in[0]);
    if (images->dtype != DIM_F32 && images->dtype != DIM_U8)
        return dim__fail(enc->ctx, DIM_E_INVALID, "images have dtype %s; they must be u8 or f32",
                         dim__dtype_name(images->dtype));
    *batch = images->shape[0];
    return DIM_OK;
}

typedef struct fill_task {
    const dim_encoder *enc;
    const dim_tensor *images;
    int64_t first;
    float *out;
} fill_task;

/* One channel's pixel x becomes a x + b. */
static void pixel_scale(const dim_encoder *enc, int64_t channel, bool bytes, float *a, float *b)
{
    *a = bytes ? 1 / 127.5f : 1;
    *b = bytes ? -1.0f : 0;
    if (enc->normalise) {
        *a = 1 / (enc->std[channel] * (bytes ? 255.0f : 1.0f));
        *b = -enc->mean[channel] / enc->std[channel];
    }
}

static void fill_samples(void *arg, int64_t begin, int64_t end, int thread)
{
    const fill_task *t = arg;
    const int64_t *in = t->enc->stack.input;
    bool bytes = t->images->dtype == DIM_U8;
    int64_t c = in[0], h = dim__map_height(in), w = dim__map_width(in), stride[3];
    dim__sample_strides(t->images, stride);
    (void)thread;
    for (int64_t n = begin; n < end; n++)
        for (int64_t k = 0; k < c; k++) {
            float a, b, *out = t->out + n * h * w * c + k;
            int64_t base = (t->first + n) * t->images->stride[0] + k * stride[0];
            pixel_scale(t->enc, k, bytes, &a, &b);
            for (int64_t y = 0; y < h; y++)
                for (int64_t x = 0; x < w; x++, out += c) {
                    int64_t at = base + y * stride[1] + x * stride[2];
                    *out = a * (bytes ? (float)((const uint8_t *)t->images->data)[at]
                                      : ((const float *)t->images->data)[at]) +
                           b;
                }
        }
}

void dim__encoder_fill_input(const dim_encoder *enc, const dim_tensor *images, int64_t first, int64_t n, float *out)
{
    fill_task t = { enc, images, first, out };
    dim__parallel(enc->ctx, n, 1 + 16384 / dim__sample_size(enc->stack.input), fill_samples, &t);
}

const float *dim__encoder_ready_input(const dim_encoder *enc, const dim_tensor *images, int64_t first)
{
    const int64_t *in = enc->stack.input;
    int64_t c = in[0], each = dim__sample_size(in), stride[3];
    dim__sample_strides(images, stride);
    if (images->dtype != DIM_F32 || enc->normalise || images->stride[0] != each || stride[0] != 1 ||
        (images->rank > 2 && stride[2] != c) || (images->rank > 3 && stride[1] != in[2] * c))
        return NULL;
    return (const float *)images->data + first * each;
}
