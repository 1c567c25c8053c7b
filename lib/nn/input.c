/* The caller's images and vectors as the input of a graph. */
#include "base/math.h"
#include "base/pool.h"
#include "nn/encoder.h"

#include <stdio.h>

const char *dim__encoder_input_text(const dim_encoder *enc, int k, char text[DIM__INPUT_TEXT])
{
    const dim__input *in = &enc->stack.inputs[k];
    if (enc->stack.n_inputs == 1)
        return dim__is_signal(in->shape) ? "signals" : dim__is_map(in->shape) ? "images" : "vectors";
    snprintf(text, DIM__INPUT_TEXT, "samples of '%s'", in->name);
    return text;
}

dim_status dim__encoder_check_input(const dim_encoder *enc, int k, const dim_tensor *images, int64_t *batch)
{
    const int64_t *in = enc->stack.inputs[k].shape;
    char text[128], wanted[DIM__BATCH_TEXT], room[DIM__INPUT_TEXT];
    const char *what = dim__encoder_input_text(enc, k, room);
    if (images == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "%s are NULL", what);
    if (!dim__sample_fits(images, in))
        return dim__fail(enc->ctx, DIM_E_SHAPE, "%s have shape %s, the encoder takes %s", what,
                         dim__shape_text(text, images->rank, images->shape), dim__batch_text(wanted, -1, in));
    if (images->dtype != DIM_F32 && images->dtype != DIM_U8)
        return dim__fail(enc->ctx, DIM_E_INVALID, "%s have dtype %s; they must be u8 or f32", what,
                         dim__dtype_name(images->dtype));
    *batch = images->shape[0];
    return DIM_OK;
}

typedef struct fill_task {
    const int64_t *shape;       /* of a sample: C, H, W */
    const dim_encoder *pixels;
    const dim_tensor *images;
    int64_t first;
    float *out;
} fill_task;

/* One channel's pixel x becomes a x + b. */
static void pixel_scale(const dim_encoder *enc, int64_t channel, bool bytes, float *a, float *b)
{
    *a = bytes ? 1 / 127.5f : 1;
    *b = bytes ? -1.0f : 0;
    if (enc != NULL && enc->normalise) {
        *a = 1 / (enc->std[channel] * (bytes ? 255.0f : 1.0f));
        *b = -enc->mean[channel] / enc->std[channel];
    }
}

static void fill_samples(void *arg, int64_t begin, int64_t end, int thread)
{
    const fill_task *t = arg;
    bool bytes = t->images->dtype == DIM_U8;
    int64_t c = t->shape[0], h = dim__map_height(t->shape), w = dim__map_width(t->shape), stride[3];
    dim__sample_strides(t->images, stride);
    (void)thread;
    for (int64_t n = begin; n < end; n++)
        for (int64_t k = 0; k < c; k++) {
            float a, b, *out = t->out + n * h * w * c + k;
            int64_t base = (t->first + n) * t->images->stride[0] + k * stride[0];
            pixel_scale(t->pixels, k, bytes, &a, &b);
            for (int64_t y = 0; y < h; y++)
                for (int64_t x = 0; x < w; x++, out += c) {
                    int64_t at = base + y * stride[1] + x * stride[2];
                    *out = a * (bytes ? (float)((const uint8_t *)t->images->data)[at]
                                      : ((const float *)t->images->data)[at]) +
                           b;
                }
        }
}

void dim__fill_input(dim_context *ctx, const int64_t shape[3], const dim_encoder *pixels, const dim_tensor *images,
                     int64_t first, int64_t n, float *out)
{
    fill_task t = { shape, pixels, images, first, out };
    dim__parallel(ctx, n, 1 + 16384 / dim__sample_size(shape), fill_samples, &t);
}

/* Mean and std are those of the first input. */
static const dim_encoder *pixels_of(const dim_encoder *enc, int k) { return k == 0 ? enc : NULL; }

void dim__encoder_fill_input(const dim_encoder *enc, int k, const dim_tensor *images, int64_t first, int64_t n, float *out)
{
    dim__fill_input(enc->ctx, enc->stack.inputs[k].shape, pixels_of(enc, k), images, first, n, out);
}

void dim__deliver_gradient(const int64_t shape[3], const dim_encoder *pixels, float *grad, int64_t n, dim_tensor *out)
{
    int64_t c = shape[0];
    for (int64_t k = 0; k < c && pixels != NULL && pixels->normalise; k++) {
        float a, b;
        pixel_scale(pixels, k, false, &a, &b);
        for (int64_t i = k; i < n * dim__sample_size(shape); i += c)
            grad[i] *= a;
    }
    dim__deliver_features(shape, grad, 0, n, out);
}

const float *dim__encoder_ready_input(const dim_encoder *enc, int k, const dim_tensor *images, int64_t first)
{
    const int64_t *in = enc->stack.inputs[k].shape;
    int64_t c = in[0], each = dim__sample_size(in), stride[3];
    dim__sample_strides(images, stride);
    if (images->dtype != DIM_F32 || (k == 0 && enc->normalise) || images->stride[0] != each || stride[0] != 1 ||
        (images->rank > 2 && stride[2] != c) || (images->rank > 3 && stride[1] != in[2] * c))
        return NULL;
    return (const float *)images->data + first * each;
}
