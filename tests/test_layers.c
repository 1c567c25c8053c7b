/* Layers of decoders, from outside: against PyTorch in double, their shapes, initial weights, and what is refused. */
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static dim_context *ctx;

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static void expect(dim_status want, const char *text, dim_status got)
{
    assert_int_equal(got, want);
    if (strstr(dim_context_error(ctx), text) == NULL)
        fail_msg("'%s' is not in '%s'", text, dim_context_error(ctx));
}

static dim_status add(dim_encoder_builder *b, dim_layer_options o)
{
    o.size = sizeof o;
    return dim_encoder_builder_add(b, &o);
}

static int open_context(void **state)
{
    (void)state;
    return dim_context_create(NULL, &ctx) == DIM_OK ? 0 : -1;
}

static int close_context(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    return 0;
}

static dim_encoder_builder *builder(uint32_t channels, uint32_t height, uint32_t width)
{
    dim_encoder_builder *b;
    ok(dim_encoder_builder_create(ctx, channels, height, width, &b));
    return b;
}

static dim_encoder *finish(dim_encoder_builder *b)
{
    dim_encoder *enc;
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

/* The network of fixtures/make_layers.py. */
static dim_encoder *decoder(void)
{
    dim_encoder_builder *b = builder(7, 0, 0);
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 36 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_UNFLATTEN, .out = 6, .height = 3 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 5, .kernel = 4, .stride = 2, .padding = 1 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 4, .kernel = 3, .kernel_w = 2, .stride = 3,
                                   .padding = 1, .output_padding = 2, .no_bias = 1 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_UPSAMPLE }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = 2, .kernel = 3, .padding = 1 }));
    return finish(b);
}

static void test_pytorch(void **state)
{
    dim_tensor *x, *want, *got;
    int64_t shape[3];
    (void)state;
    dim_encoder *enc = decoder();
    ok(dim_encoder_load(enc, DIM_TEST_DATA "/layers.safetensors"));
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/layers_input.npy", &x));
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/layers_output.npy", &want));
    ok(dim_encoder_tap_shape(enc, NULL, shape));
    assert_true(shape[0] == 2 && shape[1] == 36 && shape[2] == 22);
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 5, 2, 36, 22 }, &got));
    ok(dim_encoder_encode(enc, x, NULL, got));
    assert_int_equal(dim_tensor_dtype(want), DIM_F64);
    for (int i = 0; i < 5 * 2 * 36 * 22; i++) /* sums of at most 36 products of numbers below 4, in f32 */
        assert_true(fabs(((const float *)dim_tensor_const_data(got))[i] - ((const double *)dim_tensor_const_data(want))[i]) < 2e-6);
    dim_tensor_destroy(x);
    dim_tensor_destroy(want);
    dim_tensor_destroy(got);
    dim_encoder_destroy(enc);
}

/* PyTorch's layout (in, out, height, width), and U(-b, b) with b = 1 / sqrt(out height width) as PyTorch counts. */
static void test_initial_weights(void **state)
{
    dim_tensor *w, *bias;
    float most = 0;
    (void)state;
    dim_encoder_builder *b = builder(8, 4, 4);
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 32, .kernel = 3, .kernel_w = 5 }));
    dim_encoder *enc = finish(b);
    ok(dim_encoder_get_parameter(enc, "conv_transpose1.weight", &w));
    ok(dim_encoder_get_parameter(enc, "conv_transpose1.bias", &bias));
    assert_true(dim_tensor_rank(w) == 4 && dim_tensor_size(w, 0) == 8 && dim_tensor_size(w, 1) == 32 &&
                dim_tensor_size(w, 2) == 3 && dim_tensor_size(w, 3) == 5);
    assert_int_equal(dim_tensor_size(bias, 0), 32);
    for (int i = 0; i < 8 * 32 * 15; i++)
        most = fmaxf(most, fabsf(((const float *)dim_tensor_const_data(w))[i]));
    assert_true(most <= 1 / sqrtf(480) && most > 0.99f / sqrtf(480));
    dim_tensor_destroy(w);
    dim_tensor_destroy(bias);
    dim_encoder_destroy(enc);
}

/* Unflatten undoes flatten. */
static void test_unflatten(void **state)
{
    enum { N = 3, C = 4, H = 5, W = 6, ALL = N * C * H * W };
    dim_tensor *x, *y;
    (void)state;
    dim_encoder_builder *b = builder(C, H, W);
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FLATTEN }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_UNFLATTEN, .out = C, .height = H, .width = W }));
    dim_encoder *enc = finish(b);
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ N, C, H, W }, &x));
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ N, C, H, W }, &y));
    for (int i = 0; i < ALL; i++)
        ((float *)dim_tensor_data(x))[i] = (float)i;
    ok(dim_encoder_encode(enc, x, NULL, y));
    assert_memory_equal(dim_tensor_const_data(x), dim_tensor_const_data(y), ALL * sizeof(float));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_encoder_destroy(enc);
}

static void test_refused(void **state)
{
    (void)state;
    dim_encoder_builder *map = builder(3, 4, 4), *vector = builder(12, 0, 0);
#define TRANSPOSED(...) add(map, (dim_layer_options){ .kind = DIM_LAYER_CONV_TRANSPOSE, __VA_ARGS__ })
#define UNFLATTEN(...) add(vector, (dim_layer_options){ .kind = DIM_LAYER_UNFLATTEN, __VA_ARGS__ })
    expect(DIM_E_INVALID, "out is 0; it must be 1 to 16777216", TRANSPOSED(.kernel = 3));
    expect(DIM_E_INVALID, "kernel is 0; it must be 1 to 4096", TRANSPOSED(.out = 2));
    expect(DIM_E_INVALID, "output_padding is 1 x 1; it must be less than stride, 1 x 1",
           TRANSPOSED(.out = 2, .kernel = 3, .output_padding = 1));
    expect(DIM_E_INVALID, "zeros", TRANSPOSED(.out = 2, .kernel = 3, .padding_mode = DIM_PADDING_REFLECT, .padding = 1));
    expect(DIM_E_INVALID, "identity", TRANSPOSED(.out = 2, .kernel = 1, .init = DIM_LAYER_INIT_IDENTITY));
    expect(DIM_E_SHAPE, "padding leaves nothing", TRANSPOSED(.out = 2, .kernel = 1, .padding = 2));
    expect(DIM_E_SHAPE, "needs a map", add(vector, (dim_layer_options){ .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 1, .kernel = 1 }));
    expect(DIM_E_SHAPE, "needs a map", add(vector, (dim_layer_options){ .kind = DIM_LAYER_UPSAMPLE }));
    expect(DIM_E_INVALID, "stride, the factor, is 4097; it must be at most 4096",
           add(map, (dim_layer_options){ .kind = DIM_LAYER_UPSAMPLE, .stride = 4097 }));
    expect(DIM_E_SHAPE, "needs a vector", add(map, (dim_layer_options){ .kind = DIM_LAYER_UNFLATTEN, .out = 3, .height = 1, .width = 1 }));
    expect(DIM_E_INVALID, "height is 0 and width 0; height of a map", UNFLATTEN(.out = 12));
    expect(DIM_E_SHAPE, "not the length", UNFLATTEN(.out = 5, .height = 1));
    expect(DIM_E_SHAPE, "not the length", UNFLATTEN(.out = 2, .height = 2, .width = 2));
    expect(DIM_E_SHAPE, "not the length", UNFLATTEN(.out = 1 << 24, .height = 65536, .width = 65536));
    dim_encoder_builder_destroy(map);
    dim_encoder_builder_destroy(vector);
}

/* Maps of 4 x 4 after stages whose widths double up to the code's. */
static void test_infomax(void **state)
{
    static const struct { dim_encoder_kind kind; int64_t side, stages; } kinds[] = {
        { DIM_ENCODER_INFOMAX32, 32, 3 }, { DIM_ENCODER_INFOMAX64, 64, 4 },
    };
    static const char *const vectors[] = { "top", "mean", "logvar", "global" };
    (void)state;
    for (int i = 0; i < 2; i++) {
        dim_encoder_options o;
        dim_encoder *enc;
        dim_tensor *w;
        int64_t shape[3];
        DIM_OPTIONS_INIT(&o);
        o.kind = kinds[i].kind;
        o.units = 24;
        ok(dim_encoder_create(ctx, &o, &enc));
        ok(dim_encoder_tap_shape(enc, "map", shape));
        assert_true(shape[0] == 24 && shape[1] == 4 && shape[2] == 4);
        for (int k = 0; k < 4; k++) {
            ok(dim_encoder_tap_shape(enc, vectors[k], shape));
            assert_true(shape[0] == 24 && shape[1] == 1 && shape[2] == 1);
        }
        for (int64_t k = 1; k <= kinds[i].stages + 2; k++) {
            char name[32];
            int64_t width = k < kinds[i].stages ? 24 >> (kinds[i].stages - k) : 24;
            snprintf(name, sizeof name, "conv%d.weight", (int)k);
            ok(dim_encoder_get_parameter(enc, name, &w));
            assert_int_equal(dim_tensor_size(w, 0), width);
            dim_tensor_destroy(w);
        }
        dim_encoder_destroy(enc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_pytorch), cmocka_unit_test(test_initial_weights),
                                        cmocka_unit_test(test_unflatten), cmocka_unit_test(test_refused),
                                        cmocka_unit_test(test_infomax) };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
