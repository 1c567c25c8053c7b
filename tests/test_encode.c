/* Encoding from outside: what images in memory of several kinds come to. */
#include "nn/encoder.h"

#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static dim_context *ctx;

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

/* Without oneDNN, of whose shapes a context takes notes; what it holds before anything else is made. */
static size_t open_context(uint32_t threads)
{
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    o.gemm = DIM_GEMM_BLAS;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    return dim_context_memory(ctx);
}

/* Bytes and floats in [0, 1] with mean and std are what an encoder without them is given normalised. */
static void pixels_are_normalised(void **state)
{
    static const float mean[3] = { 0.4f, 0.5f, 0.6f }, std[3] = { 0.2f, 0.25f, 0.3f };
    enum { WIDE = 32, VALUES = 2 * 3 * WIDE * WIDE };
    (void)state;
    size_t held = open_context(1);
    dim_encoder_options o;
    dim_encoder *with, *without;
    dim_tensor *images[3], *features[3];
    DIM_OPTIONS_INIT(&o);
    o.seed = 5;
    ok(dim_encoder_create(ctx, &o, &without));
    memcpy(o.mean, mean, sizeof mean);
    memcpy(o.std, std, sizeof std);
    ok(dim_encoder_create(ctx, &o, &with));
    for (int k = 0; k < 3; k++) {
        ok(dim_tensor_create(ctx, k == 0 ? DIM_U8 : DIM_F32, 4, (int64_t[]){ 2, 3, WIDE, WIDE }, &images[k]));
        ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 2, 64 }, &features[k]));
    }
    for (int i = 0; i < VALUES; i++) {
        int byte = i * 37 % 256, c = i / (WIDE * WIDE) % 3;
        ((uint8_t *)dim_tensor_data(images[0]))[i] = (uint8_t)byte;
        ((float *)dim_tensor_data(images[1]))[i] = (float)byte / 255.0f;
        ((float *)dim_tensor_data(images[2]))[i] = ((float)byte / 255.0f - mean[c]) / std[c];
    }
    for (int k = 0; k < 3; k++)
        ok(dim_encoder_encode(k < 2 ? with : without, images[k], NULL, features[k]));
    const float *want = dim_tensor_const_data(features[2]);
    for (int i = 0; i < 2 * 64; i++) /* 256 for 255 would change every feature by some 1e-3 */
        for (int k = 0; k < 2; k++)
            assert_true(fabsf(((const float *)dim_tensor_const_data(features[k]))[i] - want[i]) < 1e-5f);
    for (int k = 0; k < 3; k++) {
        dim_tensor_destroy(images[k]);
        dim_tensor_destroy(features[k]);
    }
    dim_encoder_destroy(with);
    dim_encoder_destroy(without);
    assert_int_equal(dim_context_memory(ctx), held);
    dim_context_destroy(ctx);
}

/* Floats with channels last are read where they are, and give the same bits; so do they in pieces, and after a copy. */
static void images_are_read_in_place(void **state)
{
    enum { WIDE = 32, COUNT = 259, VALUES = COUNT * 3 * WIDE * WIDE };
    (void)state;
    size_t held = open_context(2);
    dim_encoder *enc;
    dim_tensor *nhwc, *view, *nchw, *features[3], *map;
    ok(dim_encoder_create(ctx, NULL, &enc));
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ COUNT, WIDE, WIDE, 3 }, &nhwc));
    ok(dim_tensor_permute(nhwc, (int[]){ 0, 3, 1, 2 }, &view));
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ COUNT, 3, WIDE, WIDE }, &nchw));
    for (int k = 0; k < 3; k++)
        ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ COUNT, 64 }, &features[k]));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ COUNT, 4096 }, &map)); /* the convolution's tap, flat */
    float *pixels = dim_tensor_data(nhwc), *before = malloc(VALUES * sizeof *before);
    assert_non_null(before);
    for (int round = 0; round < 2; round++) { /* the second with other pixels in the same place */
        for (int i = 0; i < VALUES; i++)
            before[i] = pixels[i] = (float)sin(0.01 * (i + 1) * (round + 1));
        ok(dim_tensor_copy(nchw, view));
        ok(dim_encoder_encode(enc, view, NULL, features[0]));
        ok(dim_encoder_encode(enc, nchw, NULL, features[1]));
        ok(dim_encoder_encode(enc, view, NULL, features[2]));
        ok(dim_encoder_encode(enc, view, "conv", map));
        assert_memory_equal(pixels, before, VALUES * sizeof *before);
        for (int k = 1; k < 3; k++)
            assert_memory_equal(dim_tensor_const_data(features[0]), dim_tensor_const_data(features[k]),
                                COUNT * 64 * sizeof(float));
    }
    free(before);
    for (int k = 0; k < 3; k++)
        dim_tensor_destroy(features[k]);
    dim_tensor_destroy(map);
    dim_tensor_destroy(nchw);
    dim_tensor_destroy(view);
    dim_tensor_destroy(nhwc);
    dim_encoder_destroy(enc);
    assert_int_equal(dim_context_memory(ctx), held);
    dim_context_destroy(ctx);
}

typedef struct counted { /* an allocator that knows what is held, and what was at most */
    size_t held, most;
} counted;

static void *take(void *user, size_t size, size_t align)
{
    counted *c = user;
    c->held += size;
    c->most = c->held > c->most ? c->held : c->most;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void give_back(void *user, void *memory, size_t size)
{
    ((counted *)user)->held -= size;
    free(memory);
}

/* Wide maps of many crops: 256 samples at a time would take half a gigabyte. */
static dim_encoder *wide_encoder(void)
{
    static const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_CROPS, .kernel = 16, .stride = 8 },
        { .kind = DIM_LAYER_CONV, .out = 32, .kernel = 1 }, { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_MAX_POOL, .kernel = 16, .stride = 16 },
        { .kind = DIM_LAYER_FOLD, .tap = "local" },
        { .kind = DIM_LAYER_LINEAR, .out = 8, .tap = "global" },
    };
    dim_encoder_builder *b;
    dim_encoder *enc;
    ok(dim_encoder_builder_create(ctx, 1, 64, 64, &b));
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        dim_layer_options layer = layers[i];
        layer.size = sizeof layer;
        ok(dim_encoder_builder_add(b, &layer));
    }
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

/* What encoding takes has a bound, and what a sample's features are does not depend on the pieces. */
static void memory_has_a_bound(void **state)
{
    enum { WIDE = 64, COUNT = 256, PART = 3, UNITS = 8, PIXELS = WIDE * WIDE };
    counted c = { 0, 0 };
    dim_context_options o;
    dim_tensor *images, *features[2], *some[2];
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    o.gemm = DIM_GEMM_BLAS;
    o.alloc = take;
    o.free = give_back;
    o.alloc_user = &c;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    dim_encoder *enc = wide_encoder();
    ok(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ COUNT, 1, WIDE, WIDE }, &images));
    for (int i = 0; i < COUNT * PIXELS; i++)
        ((uint8_t *)dim_tensor_data(images))[i] = (uint8_t)(i / 7 * 37 + i / PIXELS * 11 + i % 13);
    for (int k = 0; k < 2; k++)
        ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ COUNT, UNITS }, &features[k]));
    size_t before = c.held;
    c.most = before;
    ok(dim_encoder_encode(enc, images, NULL, features[0]));
    assert_true(c.most - before > 64u << 20); /* else this test says nothing */
    assert_true(c.most - before < 136u << 20); /* 128 MiB, and what programs are made of */
    for (int first = 0; first < COUNT; first += PART) {
        int n = COUNT - first < PART ? COUNT - first : PART;
        ok(dim_tensor_slice(images, 0, first, n, 1, &some[0]));
        ok(dim_tensor_slice(features[1], 0, first, n, 1, &some[1]));
        ok(dim_encoder_encode(enc, some[0], NULL, some[1]));
        dim_tensor_destroy(some[0]);
        dim_tensor_destroy(some[1]);
    }
    for (int i = 0; i < COUNT * UNITS; i++)
        assert_true(fabsf(((const float *)dim_tensor_const_data(features[0]))[i] -
                          ((const float *)dim_tensor_const_data(features[1]))[i]) < 1e-5f);
    for (int k = 0; k < 2; k++)
        dim_tensor_destroy(features[k]);
    dim_tensor_destroy(images);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
    assert_int_equal(c.held, 0);
}

/* The papers' encoders: the small ones are encoded 256 at a time, the folded ones by few. */
static void pieces_by_encoder(void **state)
{
    static const struct {
        dim_encoder_kind kind;
        const char *tap;
        int64_t least, most;
    } cases[] = {
        { DIM_ENCODER_CONV32, NULL, 256, 256 },        { DIM_ENCODER_AMDIM32, NULL, 256, 256 },
        { DIM_ENCODER_ALEX64, NULL, 32, 64 },          { DIM_ENCODER_FOLDALEX64, NULL, 8, 16 },
        { DIM_ENCODER_FOLDALEX64, "local", 8, 16 },    { DIM_ENCODER_FOLDMULTIALEX64, NULL, 8, 16 },
        { DIM_ENCODER_FOLDRESNET19, NULL, 32, 64 },
    };
    (void)state;
    size_t held = open_context(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dim_encoder_options o;
        dim_encoder *enc;
        int64_t layer, piece = 0, again = 0;
        DIM_OPTIONS_INIT(&o);
        o.kind = cases[i].kind;
        ok(dim_encoder_create(ctx, &o, &enc));
        ok(dim__encoder_tap(enc, cases[i].tap, &layer));
        ok(dim__encoder_piece(enc, layer, &piece));
        ok(dim__encoder_piece(enc, layer, &again));
        assert_in_range(piece, cases[i].least, cases[i].most);
        assert_int_equal(piece, again);
        dim_encoder_destroy(enc);
    }
    assert_int_equal(dim_context_memory(ctx), held);
    dim_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_normalised),
        cmocka_unit_test(images_are_read_in_place),
        cmocka_unit_test(memory_has_a_bound),
        cmocka_unit_test(pieces_by_encoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
