/* A decoder of frozen codes (DIM, arXiv 1808.06670, section 4; the network of the authors' code), and how like its
 * images are. */
#include "evaluation/study.h"

#include "base/math.h"
#include "eval/eval.h"
#include "kernels/kernels.h"
#include "tensor/tensor.h"

#include <inttypes.h>

enum { LEAST_SIDE = 4, LAST_WIDTH = 64, MOST_WIDTH = 1024, MOST_HALVINGS = 6, MOST_LAYERS = 6 + 3 * MOST_HALVINGS,
       MOST_UNITS = 1 << 24 /* of a layer */ };

typedef struct decoding {
    dim__study s;
    const dim_tensor *images, *test_images;
    dim__matrix codes, test_codes;
    float *truth, *made;     /* (m, C, H, W) in [-1, 1]: the test images, and what the decoder makes */
    int32_t *rows;           /* 0, 1, ...: as many as the larger part has */
    dim_reconstruction r;
} decoding;

/* How often both sides are halved. */
static int halvings(const int64_t *shape)
{
    int count = 0;
    int64_t h = shape[2], w = shape[3];
    for (; count < MOST_HALVINGS && h % 2 == 0 && w % 2 == 0 && h / 2 >= LEAST_SIDE && w / 2 >= LEAST_SIDE; count++) {
        h /= 2;
        w /= 2;
    }
    return count;
}

static uint32_t width_before(int left) { return left > 4 ? MOST_WIDTH : (uint32_t)LAST_WIDTH << left; }

dim_status dim__decoder_make(const dim__study *s, const int64_t shape[4], dim_encoder **out)
{
    dim_layer_options layers[MOST_LAYERS];
    int n = 0, up = halvings(shape);
    uint32_t h = (uint32_t)(shape[2] >> up), w = (uint32_t)(shape[3] >> up), width = width_before(up);
    layers[n++] = (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = width * h * w, .no_bias = 1 };
    layers[n++] = (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM };
    layers[n++] = (dim_layer_options){ .kind = DIM_LAYER_RELU };
    layers[n++] = (dim_layer_options){ .kind = DIM_LAYER_UNFLATTEN, .out = width, .height = h, .width = w };
    for (int left = up - 1; left >= 0; left--) {
        layers[n++] = (dim_layer_options){ .kind = DIM_LAYER_CONV_TRANSPOSE, .out = width_before(left), .kernel = 4, .stride = 2,
                                           .padding = 1, .no_bias = 1 };
        layers[n++] = (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM };
        layers[n++] = (dim_layer_options){ .kind = DIM_LAYER_RELU };
    }
    layers[n++] = (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = (uint32_t)shape[1], .kernel = 3, .stride = 1, .padding = 1,
                                       .no_bias = 1 };
    layers[n++] = (dim_layer_options){ .kind = DIM_LAYER_TANH };
    return dim__study_network(s, (int64_t[]){ s->d, 0, 0 }, 0, layers, n, out);
}

/* ---- arguments ------------------------------------------------------------------------------------------------------- */

/* Sides of which the decoder can make a first map, and which it can halve. */
static dim_status check_sides(dim_context *ctx, const char *name, const int64_t *shape)
{
    int up = halvings(shape);
    int64_t h = shape[2] >> up, w = shape[3] >> up, width = width_before(up);
    if (up == 0)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_reconstruct: %s are of %" PRId64 " x %" PRId64 "; both sides must be "
                         "even and 8 at least", name, shape[2], shape[3]);
    if (h > MOST_UNITS / width / w)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_reconstruct: %s are of %" PRId64 " x %" PRId64 "; the decoder would begin with "
                         "%" PRId64 " maps of %" PRId64 " x %" PRId64 ", of which %d units are the most: sides that can be halved more often "
                         "have smaller ones", name, shape[2], shape[3], width, h, w, (int)MOST_UNITS);
    return DIM_OK;
}

/* Pixels of bytes are what they are; floats are in [-1, 1], as the decoder's are. */
static dim_status check_images(dim_context *ctx, const char *name, const dim_tensor *t)
{
    char text[128];
    dim__matrix m = { 0 };
    if (t->dtype != DIM_F32 && t->dtype != DIM_U8)
        return dim__fail(ctx, DIM_E_INVALID, "dim_evaluation_reconstruct: %s is %s; it must be f32 or u8", name,
                         dim__dtype_name(t->dtype));
    if (t->rank != 4 || dim__tensor_count(t) == 0)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_reconstruct: %s has shape %s; it must be (N, C, H, W), and not empty", name,
                         dim__shape_text(text, t->rank, t->shape));
    DIM__TRY(check_sides(ctx, name, t->shape));
    if (t->dtype == DIM_U8)
        return DIM_OK;
    dim_status status = dim__matrix_of(ctx, name, t, &m);
    for (int64_t i = 0; status == DIM_OK && i < m.n * m.d; i++)
        if (fabsf(m.x[i]) > 1)
            status = dim__fail(ctx, DIM_E_INVALID, "dim_evaluation_reconstruct: a pixel of sample %" PRId64 " of %s is %g; it must "
                               "be in [-1, 1]", i / m.d, name, (double)m.x[i]);
    dim__free(ctx, m.owned);
    return status;
}

static dim_status check(dim_context *ctx, decoding *d, const dim_tensor *codes, const dim_tensor *test_codes)
{
    char text[128], other[128];
    const dim_tensor *a = d->images, *b = d->test_images;
    DIM__TRY(dim__study_refuse(ctx, d->s.what, "held_out", d->s.o.held_out != 0));
    DIM__TRY(dim__study_refuse(ctx, d->s.what, "sigmoid", d->s.o.sigmoid != 0));
    DIM__TRY(dim__study_refuse(ctx, d->s.what, "mine", d->s.o.mine != DIM_MINE_NETWORK));
    DIM__TRY(check_images(ctx, "images", a));
    DIM__TRY(check_images(ctx, "test_images", b));
    for (int i = 1; i < 4; i++)
        if (a->shape[i] != b->shape[i])
            return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_reconstruct: images has shape %s, but test_images %s",
                             dim__shape_text(text, 4, a->shape), dim__shape_text(other, 4, b->shape));
    DIM__TRY(dim__matrix_of(ctx, "codes", codes, &d->codes));
    DIM__TRY(dim__matrix_of(ctx, "test_codes", test_codes, &d->test_codes));
    if (d->codes.n != a->shape[0] || d->test_codes.n != b->shape[0])
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_reconstruct: %" PRId64 " codes of %" PRId64 " images, and %" PRId64
                         " test_codes of %" PRId64 " test_images; each image must have one", d->codes.n, a->shape[0], d->test_codes.n,
                         b->shape[0]);
    if (d->codes.d != d->test_codes.d)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_reconstruct: codes has %" PRId64 " units, but test_codes %" PRId64,
                         d->codes.d, d->test_codes.d);
    return dim__max64(d->codes.n, d->test_codes.n) <= INT32_MAX ? DIM_OK :
        dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_reconstruct: more than %d codes", INT32_MAX);
}

/* ---- the work -------------------------------------------------------------------------------------------------------- */

static dim_status train(decoding *d)
{
    dim_encoder *net = NULL;
    dim_loss_options l;
    DIM__TRY(dim__study_begin(&d->s));
    DIM__TRY(dim__study_player(&d->s, d->s.o.steps / 3, (uint64_t)d->s.o.steps * 2 / 3));
    DIM__TRY(dim__decoder_make(&d->s, d->images->shape, &net));
    dim_status status = dim__objective_apply(d->s.obj, net, "z", "decoder");
    dim__encoder_release(net);
    DIM__TRY(status);
    DIM__TRY(dim__study_give(&d->s, "decoder"));
    DIM_OPTIONS_INIT(&l);
    l.kind = DIM_LOSS_SQUARED_ERROR;
    l.name = "error";
    l.a = "decoder";
    l.b = "x";
    DIM__TRY(dim__objective_add_loss(d->s.obj, &l));
    DIM__TRY(dim__objective_minimise(d->s.obj, "player", "error", 1));
    DIM__TRY(dim__study_train(&d->s, d->rows, d->codes.n));
    d->r.trained_squared_error = dim__objective_find_report(d->s.obj, "error", "")->value;
    return DIM_OK;
}

/* The test images as the decoder has them. */
static void take_truth(const decoding *d, int64_t size)
{
    const dim_tensor *t = d->test_images;
    int64_t stride[4] = { size, t->shape[2] * t->shape[3], t->shape[3], 1 };
    dim__strided_copy(4, t->shape, DIM_F32, d->truth, stride, t->dtype, t->data, t->stride);
    for (int64_t i = 0; t->dtype == DIM_U8 && i < t->shape[0] * size; i++)
        d->truth[i] = d->truth[i] / 127.5f - 1;
}

static dim_status compare(decoding *d, int64_t size)
{
    dim_context *ctx = d->s.ctx;
    const int64_t *shape = d->test_images->shape;
    double *const values[3] = { &d->r.ssim, &d->r.ms_ssim, &d->r.padded_ssim };
    dim_tensor *truth = NULL, *made = NULL;
    dim_status status;
    double sum = 0;
    take_truth(d, size);
    for (int64_t i = 0; i < shape[0] * size; i++)
        sum += ((double)d->truth[i] - (double)d->made[i]) * ((double)d->truth[i] - (double)d->made[i]);
    d->r.squared_error = sum / ((double)shape[0] * (double)size);
    DIM__TRY_OR(done, dim__tensor_wrap(ctx, DIM_F32, 4, shape, NULL, d->truth, NULL, NULL, &truth));
    DIM__TRY_OR(done, dim__tensor_wrap(ctx, DIM_F32, 4, shape, NULL, d->made, NULL, NULL, &made));
    for (int k = DIM_SSIM_SINGLE; k <= DIM_SSIM_PADDED; k++) {
        const dim_ssim_options o = { .size = sizeof o, .kind = (dim_ssim_kind)k };
        *values[k] = (double)NAN;
        if (k != DIM_SSIM_PADDED && dim__min64(shape[2], shape[3]) < DIM__SSIM_WINDOW)
            continue;
        DIM__TRY_OR(done, dim__evaluation_ssim(ctx, &o, truth, made, values[k], NULL));
    }
    status = DIM_OK;
done:
    dim__tensor_destroy(truth);
    dim__tensor_destroy(made);
    return status;
}

static dim_status decode(decoding *d)
{
    dim_context *ctx = d->s.ctx;
    int64_t m = d->test_codes.n, most = dim__max64(d->codes.n, m), size = dim__tensor_count(d->test_images) / m;
    DIM__TRY(dim__study_sizes(&d->s, 64, d->codes.n));
    d->rows = dim__calloc(ctx, (size_t)most, sizeof *d->rows);
    d->truth = dim__calloc(ctx, (size_t)m, (size_t)size * sizeof *d->truth);
    d->made = dim__calloc(ctx, (size_t)m, (size_t)size * sizeof *d->made);
    if (d->rows == NULL || d->truth == NULL || d->made == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < most; i++)
        d->rows[i] = (int32_t)i;
    d->s.z = d->codes.x;
    d->s.n = d->codes.n;
    d->s.d = d->codes.d;
    d->s.x = d->images;
    DIM__TRY(train(d));
    d->s.z = d->test_codes.x;
    d->s.x = NULL; /* of which nothing is gathered any more */
    DIM__TRY(dim__study_compute(&d->s, "decoder", d->rows, m, NULL, size, d->made));
    if (!ctx->kernels->finite(d->made, m * size))
        return dim__fail(ctx, DIM_E_NUMERIC, "dim_evaluation_reconstruct: the decoder's images are not finite: training diverged, or a "
                         "row of test_codes is far from all others");
    return compare(d, size);
}

static dim_status give_images(const decoding *d, dim_tensor **out)
{
    dim_tensor *t;
    DIM__TRY(dim__tensor_create(d->s.ctx, DIM_F32, 4, d->test_images->shape, &t));
    memcpy(t->data, d->made, (size_t)dim__tensor_count(t) * sizeof(float));
    *out = t;
    return DIM_OK;
}

dim_status dim__evaluation_reconstruct(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *codes,
                                       const dim_tensor *images, const dim_tensor *test_codes, const dim_tensor *test_images,
                                       dim_reconstruction *result, dim_tensor **out)
{
    decoding d = { .s = { .ctx = ctx, .what = "reconstruct" }, .images = images, .test_images = test_images };
    dim_status status;
    size_t size = 0;
    if (result != NULL)
        DIM__TRY(dim__struct_size(ctx, "dim_reconstruction", result, sizeof size, &size));
    DIM__TRY(dim__study_options(ctx, options, &d.s.o));
    DIM__TRY_OR(done, check(ctx, &d, codes, test_codes));
    DIM__TRY_OR(done, decode(&d));
    if (out != NULL)
        DIM__TRY_OR(done, give_images(&d, out));
    if (result != NULL)
        dim__give_result(result, size, &d.r, sizeof d.r);
done:
    dim__study_end(&d.s);
    dim__free(ctx, d.rows);
    dim__free(ctx, d.truth);
    dim__free(ctx, d.made);
    dim__free(ctx, d.codes.owned);
    dim__free(ctx, d.test_codes.owned);
    return status;
}
