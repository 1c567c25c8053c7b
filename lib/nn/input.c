/* The caller's images and vectors as the input of a graph. */
#include "base/math.h"
#include "base/pool.h"
#include "nn/encoder.h"

#include <stdio.h>

const char *dim__encoder_input_text(const dim_encoder *enc, int k, char text[DIM__INPUT_TEXT])
{
    const dim__input *in = &enc->stack.inputs[k];
    if (enc->stack.n_inputs == 1)
        return dim__is_map(in->shape) ? "images" : "vectors";
    snprintf(text, DIM__INPUT_TEXT, "samples of '%s'", in->name);
    return text;
}

dim_status dim__encoder_check_input(const dim_encoder *enc, int k, const dim_tensor *images, int64_t *batch)
{
    const int64_t *in = enc->stack.inputs[k].shape;
    bool map = dim__is_map(in);
    char text[128], room[DIM__INPUT_TEXT];
    const char *what = dim__encoder_input_text(enc, k, room);
    if (images == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "%s are NULL", what);
    bool fits = images->rank == (map ? 4 : 2) && images->shape[1] == in[0] &&
                (!map || (images->shape[2] == in[1] && images->shape[3] == in[2]));
    if (!fits && map)
        return dim__fail(enc->ctx, DIM_E_SHAPE, "%s have shape %s, the encoder takes (N, %lld, %lld, %lld)", what,
                         dim__shape_text(text, images->rank, images->shape), (long long)in[0], (long long)in[1],
                         (long long)in[2]);
    if (!fits)
        return dim__fail(enc->ctx, DIM_E_SHAPE, "%s have shape %s, the encoder takes (N, %lld)", what,
                         dim__shape_text(text, images->rank, images->shape), (long long)in[0]);
    if (images->dtype != DIM_F32 && images->dtype != DIM_U8)
        return dim__fail(enc->ctx, DIM_E_INVALID, "%s have dtype %s; they must be u8 or f32", what,
                         dim__dtype_name(images->dtype));
    *batch = images->shape[0];
    return DIM_OK;
}

typedef struct fill_task {
    const dim_encoder *enc;
    int k;
    const dim_tensor *images;
    int64_t first;
    float *out;
} fill_task;

/* Mean and std are those of the first input. */
static bool normalised(const dim_encoder *enc, int k) { return k == 0 && enc->normalise; }

/* One channel's pixel x becomes a x + b. */
static void pixel_scale(const dim_encoder *enc, int k, int64_t channel, bool bytes, float *a, float *b)
{
    *a = bytes ? 1 / 127.5f : 1;
    *b = bytes ? -1.0f : 0;
    if (normalised(enc, k)) {
        *a = 1 / (enc->std[channel] * (bytes ? 255.0f : 1.0f));
        *b = -enc->mean[channel] / enc->std[channel];
    }
}

static void fill_samples(void *arg, int64_t begin, int64_t end, int thread)
{
    const fill_task *t = arg;
    const int64_t *in = t->enc->stack.inputs[t->k].shape, *stride = t->images->stride;
    bool map = dim__is_map(in), bytes = t->images->dtype == DIM_U8;
    int64_t c = in[0], h = map ? in[1] : 1, w = map ? in[2] : 1, sy = map ? stride[2] : 0, sx = map ? stride[3] : 0;
    (void)thread;
    for (int64_t n = begin; n < end; n++)
        for (int64_t i = 0; i < c; i++) {
            float a, b, *out = t->out + n * h * w * c + i;
            int64_t base = (t->first + n) * stride[0] + i * stride[1];
            pixel_scale(t->enc, t->k, i, bytes, &a, &b);
            for (int64_t y = 0; y < h; y++)
                for (int64_t x = 0; x < w; x++, out += c) {
                    int64_t at = base + y * sy + x * sx;
                    *out = a * (bytes ? (float)((const uint8_t *)t->images->data)[at]
                                      : ((const float *)t->images->data)[at]) +
                           b;
                }
        }
}

void dim__encoder_fill_input(const dim_encoder *enc, int k, const dim_tensor *images, int64_t first, int64_t n, float *out)
{
    fill_task t = { enc, k, images, first, out };
    const int64_t *in = enc->stack.inputs[k].shape;
    int64_t each = dim__shape_count(&(dim__shape){ 3, { in[0], dim__max64(in[1], 1), dim__max64(in[2], 1) } });
    dim__parallel(enc->ctx, n, 1 + 16384 / each, fill_samples, &t);
}

const float *dim__encoder_ready_input(const dim_encoder *enc, int k, const dim_tensor *images, int64_t first)
{
    const int64_t *in = enc->stack.inputs[k].shape, *stride = images->stride;
    bool map = dim__is_map(in);
    int64_t c = in[0], each = map ? in[1] * in[2] * c : c;
    if (images->dtype != DIM_F32 || normalised(enc, k) || stride[0] != each || stride[1] != 1 ||
        (map && (stride[3] != c || stride[2] != in[2] * c)))
        return NULL;
    return (const float *)images->data + first * each;
}
