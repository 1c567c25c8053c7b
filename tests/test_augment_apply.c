/* Applying augmentations: the operations in their order, independence of threads and batches, strides, errors. */
#include "augment_tests.h"

#include <math.h>

static failing_memory memory;
static dim_context *ctx; /* of 1 thread */

static int setup(void **state)
{
    (void)state;
    ctx = test_context(&memory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    return 0;
}

static void fill(dim_tensor *images, uint32_t seed)
{
    uint8_t *p = dim_tensor_data(images);
    for (int64_t i = 0; i < dim_tensor_count(images); i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(seed >> 24);
    }
}

static dim_augment_apply_options apply_options(uint64_t seed, uint32_t views)
{
    dim_augment_apply_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = seed;
    o.views = views;
    return o;
}

static void apply(const dim_augment *aug, const dim_tensor *images, const dim_augment_apply_options *o, dim_tensor *out)
{
    assert_fails_with(ctx, dim_augment_apply(aug, images, o, out), DIM_OK, NULL, NULL);
}

/* The list is done in its order, with what is drawn for each place. */
static void test_composition(void **state)
{
    static const int64_t shape[3] = { 3, 40, 50 };
    enum { N = 24, VIEWS = 3, OUT = 3 * 64 * 64 };
    dim_augment *aug = augment(ctx, DIM_AUGMENT_AMDIM64);
    dim_tensor *images = tensor(ctx, DIM_U8, N, shape), *out = tensor(ctx, DIM_F32, VIEWS * N, (int64_t[]){ 3, 64, 64 });
    dim_tensor *bytes = tensor(ctx, DIM_U8, VIEWS * N, (int64_t[]){ 3, 64, 64 });
    dim_augment_apply_options o = apply_options(21, VIEWS);
    const int64_t after[3] = { 3, 64, 64 };
    static uint8_t a[OUT], b[OUT];
    void *scratch = malloc(dim__pixels_resize_scratch(shape, 64, 64));
    int flips = 0;
    (void)state;
    fill(images, 4);
    o.epoch = 5;
    apply(aug, images, &o, out);
    apply(aug, images, &o, bytes);
    for (int row = 0; row < VIEWS * N; row++) {
        dim__augment_key key = { 21, 5, (uint64_t)(row % N), (uint64_t)(row / N) };
        const uint8_t *from = (const uint8_t *)dim_tensor_data(images) + row % N * 6000;
        dim__augment_draw d[4];
        for (int k = 0; k < 4; k++)
            dim__augment_draw_op(&aug->list.op[k], k, &key, k < 2 ? shape : after, &d[k]);
        memcpy(a, from, 6000);
        if (d[0].done)
            dim__pixels_flip(a, from, shape);
        flips += d[0].done;
        dim__pixels_resize(b, a, shape, &d[1].box, 64, 64, scratch);
        for (int k = 0; d[2].done && k < 4; k++) {
            if (d[2].order[k] == 0)
                dim__pixels_brightness(b, after, d[2].brightness);
            else if (d[2].order[k] == 1)
                dim__pixels_contrast(b, after, d[2].contrast);
            else if (d[2].order[k] == 2)
                dim__pixels_saturation(b, after, d[2].saturation);
            else
                dim__pixels_hue(b, after, d[2].hue);
        }
        if (d[3].done)
            dim__pixels_grayscale(b, after);
        assert_memory_equal((const uint8_t *)dim_tensor_data(bytes) + row * OUT, b, OUT);
        static const double mean[3] = { 0.43, 0.42, 0.39 }, std[3] = { 0.27, 0.26, 0.27 };
        const float *got = (const float *)dim_tensor_data(out) + row * OUT;
        for (int i = 0; i < OUT; i++)
            assert_true(fabs((double)got[i] - (b[i] / 255.0 - mean[i / 4096]) / std[i / 4096]) < 1e-6);
    }
    assert_true(flips > 0 && flips < VIEWS * N && flips % VIEWS == 0);
    free(scratch);
    dim_tensor_destroy(images);
    dim_tensor_destroy(out);
    dim_tensor_destroy(bytes);
    dim_augment_destroy(aug);
}

/* A view is the same with any threads, in any batch, and with any number of other views. */
static void test_independence(void **state)
{
    static const int64_t shape[3] = { 3, 32, 32 };
    enum { N = 29, VIEW = 3 * 32 * 32 };
    dim_augment *aug = augment(ctx, DIM_AUGMENT_AMDIM32);
    dim_tensor *images = tensor(ctx, DIM_U8, N, shape), *out = tensor(ctx, DIM_F32, 2 * N, shape);
    dim_augment_apply_options o = apply_options(9, 2);
    (void)state;
    fill(images, 1);
    o.epoch = 3;
    apply(aug, images, &o, out);
    const float *want = dim_tensor_const_data(out);
    for (uint32_t threads = 2; threads <= 4; threads += 2) {
        dim_context_options co;
        dim_context *other;
        DIM_OPTIONS_INIT(&co);
        co.threads = threads;
        assert_int_equal(dim_context_create(&co, &other), DIM_OK);
        dim_augment *aug2 = augment(other, DIM_AUGMENT_AMDIM32);
        dim_tensor *images2 = tensor(other, DIM_U8, N, shape), *out2 = tensor(other, DIM_F32, 2 * N, shape);
        memcpy(dim_tensor_data(images2), dim_tensor_data(images), N * VIEW);
        assert_int_equal(dim_augment_apply(aug2, images2, &o, out2), DIM_OK);
        assert_memory_equal(dim_tensor_data(out2), want, sizeof(float) * 2 * N * VIEW);
        dim_context_destroy(other);
        dim_tensor_destroy(images2);
        dim_tensor_destroy(out2);
        dim_augment_destroy(aug2);
    }
    /* Every image alone, three views, from the last to the first. */
    dim_tensor *three = tensor(ctx, DIM_F32, 3, shape);
    for (int64_t i = N - 1; i >= 0; i--) {
        dim_tensor *one;
        const float *got = dim_tensor_const_data(three);
        assert_int_equal(dim_tensor_slice(images, 0, i, 1, 1, &one), DIM_OK);
        o.views = 3;
        o.index = &i;
        apply(aug, one, &o, three);
        assert_memory_equal(got, want + i * VIEW, VIEW * sizeof(float));
        assert_memory_equal(got + VIEW, want + (N + i) * VIEW, VIEW * sizeof(float));
        assert_memory_not_equal(got + VIEW, got, VIEW * sizeof(float));
        assert_memory_not_equal(got + 2 * VIEW, got, VIEW * sizeof(float));
        dim_tensor_destroy(one);
    }
    /* Another seed or epoch: other views.  Seed 0 is the context's, 7. */
    dim_tensor *again = tensor(ctx, DIM_F32, 2 * N, shape);
    o = apply_options(9, 2);
    o.epoch = 4;
    apply(aug, images, &o, again);
    assert_memory_not_equal(dim_tensor_data(again), want, sizeof(float) * 2 * N * VIEW);
    o = apply_options(7, 2);
    apply(aug, images, &o, again);
    assert_memory_not_equal(dim_tensor_data(again), want, sizeof(float) * 2 * N * VIEW);
    o.seed = 0;
    apply(aug, images, &o, out);
    assert_memory_equal(dim_tensor_data(again), want, sizeof(float) * 2 * N * VIEW);
    dim_tensor_destroy(again);
    dim_tensor_destroy(three);
    dim_tensor_destroy(images);
    dim_tensor_destroy(out);
    dim_augment_destroy(aug);
}

/* Images that lie (N, H, W, C), backwards, into views that lie so too. */
static void test_strides(void **state)
{
    static const int64_t shape[3] = { 3, 20, 24 };
    const int to_nhwc[4] = { 0, 2, 3, 1 }, to_nchw[4] = { 0, 3, 1, 2 };
    enum { N = 5 };
    dim_augment *aug = augment(ctx, DIM_AUGMENT_AMDIM32);
    dim_tensor *images = tensor(ctx, DIM_U8, N, shape), *out = tensor(ctx, DIM_F32, 2 * N, shape), *view, *view2;
    dim_augment_apply_options o = apply_options(2, 2);
    (void)state;
    fill(images, 8);
    apply(aug, images, &o, out);
    dim_tensor *nhwc = tensor(ctx, DIM_U8, N, (int64_t[]){ 20, 24, 3 });
    dim_tensor *out_nhwc = tensor(ctx, DIM_F32, 2 * N, (int64_t[]){ 20, 24, 3 });
    assert_int_equal(dim_tensor_permute(images, to_nhwc, &view), DIM_OK);
    assert_int_equal(dim_tensor_copy(nhwc, view), DIM_OK);
    dim_tensor_destroy(view);
    assert_int_equal(dim_tensor_permute(nhwc, to_nchw, &view), DIM_OK);
    assert_int_equal(dim_tensor_permute(out_nhwc, to_nchw, &view2), DIM_OK);
    apply(aug, view, &o, view2);
    dim_tensor *back = tensor(ctx, DIM_F32, 2 * N, shape);
    assert_int_equal(dim_tensor_copy(back, view2), DIM_OK);
    assert_memory_equal(dim_tensor_data(back), dim_tensor_data(out), sizeof(float) * 2 * N * 3 * 20 * 24);
    dim_tensor_destroy(view);
    dim_tensor_destroy(view2);
    dim_tensor_destroy(nhwc);
    dim_tensor_destroy(out_nhwc);
    dim_tensor_destroy(back);
    dim_tensor_destroy(images);
    dim_tensor_destroy(out);
    dim_augment_destroy(aug);
}

/* Saturation, hue and grayscale leave grey images alone, and a preset normalises them by its first channel. */
static void test_one_channel(void **state)
{
    static const int64_t shape[3] = { 1, 28, 28 };
    dim_augment *color = augment(ctx, DIM_AUGMENT_EMPTY), *preset = augment(ctx, DIM_AUGMENT_AMDIM32_TEST);
    dim_augment_op_options jitter = op(DIM_AUGMENT_OP_COLOR_JITTER), grey = op(DIM_AUGMENT_OP_GRAYSCALE);
    dim_tensor *images = tensor(ctx, DIM_U8, 4, shape), *out = tensor(ctx, DIM_U8, 8, shape);
    dim_tensor *values = tensor(ctx, DIM_F32, 4, shape);
    dim_augment_apply_options o = apply_options(2, 2);
    (void)state;
    jitter.saturation = 0.9f;
    jitter.hue = 0.5f;
    assert_int_equal(dim_augment_add(color, &jitter), DIM_OK);
    assert_int_equal(dim_augment_add(color, &grey), DIM_OK);
    fill(images, 3);
    const uint8_t *p = dim_tensor_data(images);
    apply(color, images, &o, out);
    assert_memory_equal(dim_tensor_data(out), p, 4 * 784);
    assert_memory_equal((const uint8_t *)dim_tensor_data(out) + 4 * 784, p, 4 * 784);
    apply(preset, images, NULL, values);
    for (int i = 0; i < 4 * 784; i++)
        assert_true(fabs((double)((float *)dim_tensor_data(values))[i] - (p[i] - 125.3) / 63.0) < 1e-6);
    jitter.brightness = 0.9f; /* which does change them */
    assert_int_equal(dim_augment_add(color, &jitter), DIM_OK);
    apply(color, images, &o, out);
    assert_memory_not_equal(dim_tensor_data(out), p, 4 * 784);
    dim_augment_destroy(color);
    dim_augment_destroy(preset);
    dim_tensor_destroy(images);
    dim_tensor_destroy(out);
    dim_tensor_destroy(values);
}

/* p 1, sharing of every operation, an empty list, normalisation wherever it is added. */
static void test_lists(void **state)
{
    static const int64_t shape[3] = { 3, 8, 8 };
    enum { N = 6, ALL = 192 * N };
    dim_tensor *images = tensor(ctx, DIM_U8, N, shape), *out = tensor(ctx, DIM_F32, 2 * N, shape);
    dim_augment_apply_options o = apply_options(5, 2);
    (void)state;
    fill(images, 9);
    const uint8_t *p = dim_tensor_data(images);
    const float *x = dim_tensor_const_data(out);
    dim_augment *aug = augment(ctx, DIM_AUGMENT_EMPTY);
    apply(aug, images, &o, out);
    for (int i = 0; i < 2 * ALL; i++) /* as ToTensor */
        assert_true(x[i] == (float)p[i % ALL] / 255);
    dim_augment_op_options normalize = op(DIM_AUGMENT_OP_NORMALIZE), flip = op(DIM_AUGMENT_OP_FLIP);
    normalize.mean[0] = 0.5f;
    normalize.std[0] = 0.25f; /* for all channels */
    flip.p = 1;
    assert_int_equal(dim_augment_add(aug, &normalize), DIM_OK);
    assert_int_equal(dim_augment_add(aug, &flip), DIM_OK);
    apply(aug, images, &o, out);
    for (int i = 0; i < 2 * ALL; i++)
        assert_true(x[i] == ((float)p[i % ALL / 8 * 8 + 7 - i % 8] / 255 - 0.5f) / 0.25f);
    normalize.mean[0] = 0;
    normalize.std[0] = 1.0f / 255; /* the later one counts */
    assert_int_equal(dim_augment_add(aug, &normalize), DIM_OK);
    apply(aug, images, &o, out);
    assert_true(fabsf(x[0] - p[7]) < 1e-4f);
    dim_augment_op_options move = op(DIM_AUGMENT_OP_TRANSLATE), jitter = op(DIM_AUGMENT_OP_COLOR_JITTER);
    move.sharing = jitter.sharing = DIM_AUGMENT_SHARING_IMAGE;
    jitter.brightness = jitter.hue = 0.5f;
    assert_int_equal(dim_augment_add(aug, &move), DIM_OK);
    assert_int_equal(dim_augment_add(aug, &jitter), DIM_OK);
    apply(aug, images, &o, out);
    assert_memory_equal(x, x + ALL, ALL * sizeof *x); /* all is shared: both views are the same */
    flip.p = 0;
    flip.sharing = DIM_AUGMENT_SHARING_VIEW;
    assert_int_equal(dim_augment_add(aug, &flip), DIM_OK);
    apply(aug, images, &o, out);
    assert_memory_not_equal(x, x + ALL, ALL * sizeof *x);
    dim_augment_destroy(aug);
    dim_tensor_destroy(images);
    dim_tensor_destroy(out);
}

static void assert_shape(const dim_augment *aug, int64_t c, int64_t h, int64_t w, int64_t h2, int64_t w2)
{
    const int64_t in[3] = { c, h, w };
    int64_t out[3];
    assert_fails_with(ctx, dim_augment_shape(aug, in, out), DIM_OK, NULL, NULL);
    assert_true(out[0] == c && out[1] == h2 && out[2] == w2);
}

static void test_shapes(void **state)
{
    dim_augment *aug = augment(ctx, DIM_AUGMENT_AMDIM64_TEST);
    int64_t shape[3] = { -1, -1, -1 };
    (void)state;
    assert_shape(aug, 3, 96, 96, 64, 64);
    assert_shape(aug, 3, 1, 96, 64, 64);
    dim_augment_destroy(aug);
    aug = augment(ctx, DIM_AUGMENT_AMDIM128);
    assert_shape(aug, 1, 500, 375, 128, 128);
    assert_shape(aug, 3, 1, 1, 128, 128);
    dim_augment_destroy(aug);
    aug = augment(ctx, DIM_AUGMENT_AMDIM32);
    assert_shape(aug, 3, 28, 30, 28, 30);
    assert_fails_with(ctx, dim_augment_shape(aug, (int64_t[]){ 3, 32, 4 }, shape), DIM_E_SHAPE, "shift 4", "32 x 4");
    assert_fails_with(ctx, dim_augment_shape(aug, (int64_t[]){ 2, 32, 32 }, shape), DIM_E_SHAPE, "2 x 32 x 32", NULL);
    assert_fails_with(ctx, dim_augment_shape(aug, (int64_t[]){ 3, 0, 32 }, shape), DIM_E_SHAPE, "3 x 0 x 32", NULL);
    assert_int_equal(dim_augment_shape(aug, (int64_t[]){ 3, 32, 1 << 20 }, shape), DIM_E_SHAPE);
    /* sizes whose product is no number: a sanitizer sees it when it is made before they are checked */
    assert_int_equal(dim_augment_shape(aug, (int64_t[]){ 3, INT64_MAX, INT64_MAX }, shape), DIM_E_SHAPE);
    assert_int_equal(dim_augment_shape(aug, (int64_t[]){ INT64_MAX, 32, 32 }, shape), DIM_E_SHAPE);
    assert_int_equal(dim_augment_shape(aug, NULL, shape), DIM_E_INVALID);
    assert_int_equal(dim_augment_shape(aug, shape, NULL), DIM_E_INVALID);
    assert_int_equal(shape[0], -1);
    dim_augment_op_options crop = op(DIM_AUGMENT_OP_CENTER_CROP);
    crop.height = 20;
    crop.width = 31;
    assert_int_equal(dim_augment_add(aug, &crop), DIM_OK);
    assert_shape(aug, 3, 20, 31, 20, 31);
    assert_fails_with(ctx, dim_augment_shape(aug, (int64_t[]){ 3, 32, 30 }, shape), DIM_E_SHAPE, "20 x 31", "32 x 30");
    dim_augment_destroy(aug);
    aug = augment(ctx, DIM_AUGMENT_EMPTY);
    dim_augment_op_options resize = op(DIM_AUGMENT_OP_RESIZE);
    resize.height = 16384; /* the longer side would be larger */
    assert_int_equal(dim_augment_add(aug, &resize), DIM_OK);
    assert_int_equal(dim_augment_shape(aug, (int64_t[]){ 3, 4, 5 }, shape), DIM_E_SHAPE);
    dim_augment_destroy(aug);
}

static void refuse(dim_augment *aug, dim_augment_op_options o, const char *part, const char *part2)
{
    assert_fails_with(ctx, dim_augment_add(aug, &o), DIM_E_INVALID, part, part2);
}

#define REFUSE(kind, set, part, part2)            \
    do {                                          \
        dim_augment_op_options o = op(kind);      \
        set;                                      \
        refuse(aug, o, part, part2);              \
    } while (0)

static void test_bad_operations(void **state)
{
    dim_augment *aug = augment(ctx, DIM_AUGMENT_EMPTY), *other = NULL;
    dim_augment_options create;
    (void)state;
    REFUSE((dim_augment_op)8, (void)0, "op is 8", "dim_augment_op");
    REFUSE((dim_augment_op)-1, (void)0, "op is -1", "dim_augment_op");
    REFUSE(DIM_AUGMENT_OP_FLIP, o.p = 1.5f, "flip", "1.5");
    REFUSE(DIM_AUGMENT_OP_FLIP, o.p = -0.1f, "p is -0.1", NULL);
    REFUSE(DIM_AUGMENT_OP_FLIP, o.p = NAN, "nan", NULL);
    REFUSE(DIM_AUGMENT_OP_FLIP, o.sharing = (dim_augment_sharing)3, "sharing is 3", "dim_augment_sharing");
    REFUSE(DIM_AUGMENT_OP_RESIZED_CROP, (o.area_min = 0.9f, o.area_max = 0.2f), "area_min 0.9", "area_max 0.2");
    REFUSE(DIM_AUGMENT_OP_RESIZED_CROP, o.area_max = 1.5f, "area_max 1.5", NULL);
    REFUSE(DIM_AUGMENT_OP_RESIZED_CROP, o.aspect_min = -1, "aspect_min -1", NULL);
    REFUSE(DIM_AUGMENT_OP_RESIZED_CROP, o.aspect_max = INFINITY, "aspect_max inf", NULL);
    REFUSE(DIM_AUGMENT_OP_RESIZED_CROP, o.height = 100000, "100000", NULL);
    REFUSE(DIM_AUGMENT_OP_RESIZED_CROP, o.width = 64, "height is 0, the image's, but width is 64", NULL);
    REFUSE(DIM_AUGMENT_OP_COLOR_JITTER, o.hue = 0.6f, "hue is 0.6", NULL);
    REFUSE(DIM_AUGMENT_OP_COLOR_JITTER, o.contrast = -1, "contrast -1", NULL);
    REFUSE(DIM_AUGMENT_OP_COLOR_JITTER, o.brightness = NAN, "brightness", "nan");
    REFUSE(DIM_AUGMENT_OP_RESIZE, (void)0, "resize", "height is 0");
    REFUSE(DIM_AUGMENT_OP_CENTER_CROP, o.width = 9, "center crop", "height is 0");
    REFUSE(DIM_AUGMENT_OP_CENTER_CROP, (o.height = 9, o.p = 0.5f), "center crop", "0.5");
    REFUSE(DIM_AUGMENT_OP_NORMALIZE, (void)0, "std[0] is 0", NULL);
    REFUSE(DIM_AUGMENT_OP_NORMALIZE, (o.std[0] = 1, o.std[2] = 1), "std[1] is 0", NULL);
    REFUSE(DIM_AUGMENT_OP_NORMALIZE, (o.std[0] = 1, o.mean[0] = NAN), "mean[0]", "nan");
    assert_int_equal(aug->list.count, 0);
    assert_int_equal(dim_augment_add(aug, NULL), DIM_E_INVALID);
    dim_augment_op_options flip = op(DIM_AUGMENT_OP_FLIP);
    for (int i = 0; i < 16; i++)
        assert_int_equal(dim_augment_add(aug, &flip), DIM_OK);
    refuse(aug, flip, "at most 16", NULL);
    DIM_OPTIONS_INIT(&create);
    create.preset = (dim_augment_preset)7;
    assert_fails_with(ctx, dim_augment_create(ctx, &create, &other), DIM_E_INVALID, "preset is 7", "dim_augment_preset");
    create.preset = DIM_AUGMENT_AMDIM32;
    create.reserved0 = 1;
    assert_fails_with(ctx, dim_augment_create(ctx, &create, &other), DIM_E_INVALID, "reserved0", NULL);
    assert_int_equal(dim_augment_create(ctx, NULL, NULL), DIM_E_INVALID);
    assert_null(other);
    dim_augment_destroy(aug);
}

static void test_bad_tensors(void **state)
{
    static const int64_t shape[3] = { 3, 8, 8 };
    failing_memory m;
    dim_context *other = test_context(&m);
    dim_augment *aug = augment(ctx, DIM_AUGMENT_AMDIM32);
    dim_tensor *images = tensor(ctx, DIM_U8, 4, shape), *out = tensor(ctx, DIM_F32, 8, shape);
    dim_tensor *four = tensor(ctx, DIM_F32, 4, shape), *labels = tensor(ctx, DIM_I32, 4, shape);
    dim_tensor *foreign = tensor(other, DIM_U8, 4, shape), *same, *none = tensor(ctx, DIM_U8, 0, shape), *flat;
    dim_augment_apply_options o = apply_options(1, 2);
    const int64_t index[4] = { 0, 1, -2, 3 }, zero[4] = { 192, 64, 8, 0 };
    static float data[192 * 8];
    (void)state;
    memset(dim_tensor_data(out), 0x55, 8 * 192 * 4);
    assert_fails_with(ctx, dim_augment_apply(aug, images, &o, four), DIM_E_SHAPE, "(4, 3, 8, 8)", "(8, 3, 8, 8)");
    assert_fails_with(ctx, dim_augment_apply(aug, four, &o, out), DIM_E_INVALID, "images are f32", NULL);
    assert_fails_with(ctx, dim_augment_apply(aug, images, NULL, labels), DIM_E_INVALID, "out is i32", NULL);
    assert_fails_with(ctx, dim_augment_apply(aug, foreign, &o, out), DIM_E_INVALID, "another context", NULL);
    assert_int_equal(dim_tensor_reshape(images, 3, (int64_t[]){ 12, 8, 8 }, &flat), DIM_OK);
    assert_fails_with(ctx, dim_augment_apply(aug, flat, &o, out), DIM_E_SHAPE, "(12, 8, 8)", NULL);
    o.index = index;
    assert_fails_with(ctx, dim_augment_apply(aug, images, &o, out), DIM_E_INVALID, "index[2] is -2", NULL);
    o = apply_options(1, 2);
    o.reserved0 = 1;
    assert_fails_with(ctx, dim_augment_apply(aug, images, &o, out), DIM_E_INVALID, "reserved0", NULL);
    o = apply_options(1, 2);
    assert_int_equal(dim_tensor_wrap(ctx, DIM_F32, 4, (int64_t[]){ 8, 3, 8, 8 }, zero, data, NULL, NULL, &same), DIM_OK);
    assert_fails_with(ctx, dim_augment_apply(aug, images, &o, same), DIM_E_INVALID, "stride 0", "axis 3");
    assert_int_equal(dim_augment_apply(aug, NULL, &o, out), DIM_E_INVALID);
    assert_int_equal(dim_augment_apply(aug, images, &o, NULL), DIM_E_INVALID);
    for (int i = 0; i < 8 * 192 * 4; i++)
        assert_int_equal(((uint8_t *)dim_tensor_data(out))[i], 0x55);
    assert_int_equal(dim_augment_apply(aug, none, NULL, none), DIM_OK); /* no image, no view */
    dim_context_destroy(other);
    dim_tensor_destroy(foreign);
    dim_tensor_destroy(images);
    dim_tensor_destroy(out);
    dim_tensor_destroy(four);
    dim_tensor_destroy(labels);
    dim_tensor_destroy(same);
    dim_tensor_destroy(none);
    dim_tensor_destroy(flat);
    dim_augment_destroy(aug);
}

/* Large factors, crops to other sizes and whole-image shifts stay within memory (for the sanitizers) and in range. */
static void test_extreme(void **state)
{
    static const int64_t shapes[4][3] = { { 3, 5, 40 }, { 1, 40, 5 }, { 3, 9, 9 }, { 1, 5, 5 } };
    dim_augment *aug = augment(ctx, DIM_AUGMENT_EMPTY);
    dim_augment_op_options move = op(DIM_AUGMENT_OP_TRANSLATE), jitter = op(DIM_AUGMENT_OP_COLOR_JITTER);
    dim_augment_op_options crop = op(DIM_AUGMENT_OP_RESIZED_CROP);
    (void)state;
    jitter.brightness = jitter.contrast = jitter.saturation = 1000;
    jitter.hue = 0.5f;
    crop.area_min = 0.001f;
    crop.aspect_min = 0.001f;
    crop.aspect_max = 1000;
    crop.p = 0.7f;
    crop.height = 17;
    crop.width = 90;
    assert_int_equal(dim_augment_add(aug, &crop), DIM_OK);
    crop.height = 5;
    crop.width = 7;
    assert_int_equal(dim_augment_add(aug, &crop), DIM_OK);
    assert_int_equal(dim_augment_add(aug, &move), DIM_OK);
    assert_int_equal(dim_augment_add(aug, &jitter), DIM_OK);
    assert_int_equal(dim_augment_add(aug, &jitter), DIM_OK);
    for (int i = 0; i < 4; i++) {
        dim_tensor *images = tensor(ctx, DIM_U8, 50, shapes[i]);
        dim_tensor *out = tensor(ctx, DIM_F32, 100, (int64_t[]){ shapes[i][0], 5, 7 });
        dim_augment_apply_options o = apply_options(3, 2);
        fill(images, (uint32_t)i);
        apply(aug, images, &o, out);
        for (int64_t k = 0; k < dim_tensor_count(out); k++)
            assert_true(((float *)dim_tensor_data(out))[k] >= 0 && ((float *)dim_tensor_data(out))[k] <= 1);
        dim_tensor_destroy(images);
        dim_tensor_destroy(out);
    }
    dim_augment_destroy(aug);
}

static dim_status augment_life(dim_context *c)
{
    static const int64_t in[4] = { 3, 3, 12, 12 }, to[4] = { 6, 3, 64, 64 };
    dim_augment_options o;
    dim_augment_apply_options apply_o = apply_options(1, 2);
    dim_augment *aug = NULL;
    dim_tensor *images = NULL, *out = NULL;
    DIM_OPTIONS_INIT(&o);
    o.preset = DIM_AUGMENT_AMDIM64;
    dim_status status = dim_augment_create(c, &o, &aug);
    if (status == DIM_OK)
        status = dim_tensor_create(c, DIM_U8, 4, in, &images);
    if (status == DIM_OK)
        status = dim_tensor_create(c, DIM_F32, 4, to, &out);
    if (status == DIM_OK)
        status = dim_augment_apply(aug, images, &apply_o, out);
    dim_tensor_destroy(images);
    dim_tensor_destroy(out);
    dim_augment_destroy(aug);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fail_each_allocation(ctx, &memory, augment_life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_composition),
        cmocka_unit_test(test_independence),
        cmocka_unit_test(test_strides),
        cmocka_unit_test(test_one_channel),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_bad_operations),
        cmocka_unit_test(test_bad_tensors),
        cmocka_unit_test(test_extreme),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests_name("augment_apply", tests, setup, teardown);
}
