/* Weights that say which layers they are of: dim_encoder_save() and dim_encoder_open(). */
#include "failing_alloc.h"
#include "io/weights.h"
#include "nn/network_text.h"
#include <dim/dim.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static dim_context *ctx;
static const char path[] = "network.safetensors";

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static int open_context(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    o.gemm = DIM_GEMM_BLAS; /* oneDNN's plans would stay and count */
    return dim_context_create(&o, &ctx) == DIM_OK ? 0 : -1;
}

static int close_context(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    remove(path);
    return 0;
}

/* Features of a tap of two samples; the caller frees them. */
static float *features(dim_encoder *enc, const char *tap, const int64_t in[3], int64_t *n)
{
    dim_tensor *x, *y;
    int64_t shape[3], size = 2 * in[0] * (in[1] > 0 ? in[1] : 1) * (in[2] > 0 ? in[2] : 1);
    bool signal = in[1] == 0 && in[2] > 0;
    ok(dim_encoder_tap_shape(enc, tap, shape));
    *n = 2 * shape[0] * shape[1] * shape[2];
    ok(dim_tensor_create(ctx, DIM_F32, in[1] > 0 ? 4 : signal ? 3 : 2,
                         (int64_t[]){ 2, in[0], signal ? in[2] : in[1], in[2] }, &x));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 2, *n / 2 }, &y));
    for (int64_t i = 0; i < size; i++)
        ((float *)dim_tensor_data(x))[i] = (float)(i * 7919 % 1000) / 500 - 1;
    ok(dim_encoder_encode(enc, x, tap, y));
    float *out = malloc((size_t)*n * sizeof *out);
    assert_non_null(out);
    memcpy(out, dim_tensor_const_data(y), (size_t)*n * sizeof *out);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    return out;
}

/* What was opened has the taps, parameters and features of what was saved, to the bit. */
static void same(dim_encoder *a, dim_encoder *b, const int64_t in[3])
{
    assert_int_equal(dim_encoder_tap_count(a), dim_encoder_tap_count(b));
    assert_int_equal(dim_encoder_parameter_count(a), dim_encoder_parameter_count(b));
    for (int i = 0; i < dim_encoder_parameter_count(a); i++)
        assert_string_equal(dim_encoder_parameter_name(a, i), dim_encoder_parameter_name(b, i));
    for (int i = 0; i < dim_encoder_tap_count(a); i++) {
        int64_t n, m;
        const char *tap = dim_encoder_tap_name(a, i);
        assert_string_equal(tap, dim_encoder_tap_name(b, i));
        float *x = features(a, tap, in, &n), *y = features(b, tap, in, &m);
        assert_int_equal(n, m);
        assert_memory_equal(x, y, (size_t)n * sizeof *x);
        free(x);
        free(y);
    }
}

static void test_named(void **state)
{
    static const struct { dim_encoder_kind kind; int64_t in[3]; } kinds[] = {
        { DIM_ENCODER_CONV28, { 1, 28, 28 } }, { DIM_ENCODER_CONV32, { 3, 32, 32 } }, { DIM_ENCODER_CONV64, { 3, 64, 64 } },
        { DIM_ENCODER_ALEX64, { 3, 64, 64 } }, { DIM_ENCODER_INFOMAX32, { 3, 32, 32 } }, { DIM_ENCODER_MLP, { 20, 0, 0 } },
        { DIM_ENCODER_AMDIM32, { 3, 32, 32 } }, { DIM_ENCODER_AMDIM128, { 3, 128, 128 } },
        { DIM_ENCODER_INFOMAX64, { 3, 64, 64 } }, { DIM_ENCODER_AMDIM64, { 3, 64, 64 } },
        { DIM_ENCODER_FOLDMULTIALEX64, { 3, 64, 64 } }, { DIM_ENCODER_RESNET19, { 3, 32, 32 } },
    };
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t held = dim_context_memory(ctx);
        dim_encoder *enc, *again;
        dim_encoder_options o;
        DIM_OPTIONS_INIT(&o);
        o.kind = kinds[k].kind;
        o.channels = (uint32_t)kinds[k].in[0];
        o.units = 40;
        o.ndf = 4;
        o.depth = 1;
        o.block_norm = k % 2;
        o.seed = 5;
        if (kinds[k].in[0] == 3)
            for (int c = 0; c < 3; c++) {
                o.mean[c] = 0.1f * (float)(c + 1);
                o.std[c] = 1 / 3.0f;
            }
        ok(dim_encoder_create(ctx, &o, &enc));
        ok(dim_encoder_save(enc, path));
        ok(dim_encoder_open(ctx, path, &again));
        same(enc, again, kinds[k].in);
        dim_encoder_destroy(enc);
        dim_encoder_destroy(again);
        assert_int_equal(dim_context_memory(ctx), held);
    }
}

static void add(dim_encoder_builder *b, dim_layer_options o)
{
    o.size = sizeof o;
    ok(dim_encoder_builder_add(b, &o));
}

static dim_encoder *every_layer(void)
{
    dim_encoder_builder *b;
    dim_encoder *enc;
    ok(dim_encoder_builder_create(ctx, 3, 12, 12, &b));
    add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = 6, .kernel = 3, .kernel_w = 5, .stride = 2, .padding = 2,
                                .padding_mode = DIM_PADDING_REFLECT, .no_bias = 1, .name = "a.b-c_0", .tap = "local" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_LEAKY_RELU, .slope = 0.1f });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_ADD, .from = "local" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_LAYER_NORM, .tap = "_mine" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "_mine" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_SLICE, .start = 2, .out = 7 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_PAD_CHANNELS, .out = 8 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_DEPTHWISE, .kernel = 3, .kernel_w = 2, .padding_h = 1, .dilation_w = 2 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_UPSAMPLE, .stride_w = 3 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_MAX_POOL, .kernel = 3, .stride = 2, .padding = 1 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_AVG_POOL, .kernel = 2 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 4, .kernel = 3, .stride = 2, .output_padding = 1 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_SIGMOID });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_TANH, .tap = "map" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_GLOBAL_MAX });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "map" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_GLOBAL_AVG });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "input" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_FLATTEN });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 12 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_DROPOUT, .rate = 1 / 3.0f });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_UNFLATTEN, .out = 3, .height = 2 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_SOFTPLUS });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 5, .tap = "mean" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "map" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 5, .tap = "logvar" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "mean" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_GAUSSIAN, .from = "logvar" });
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

static void test_every_layer(void **state)
{
    dim_encoder *again;
    (void)state;
    dim_encoder *enc = every_layer();
    ok(dim_encoder_save(enc, path));
    ok(dim_encoder_open(ctx, path, &again));
    same(enc, again, (int64_t[]){ 3, 12, 12 });
    dim_encoder_destroy(again);
    dim_encoder_destroy(enc);
}

static dim_encoder *of_signals(void)
{
    dim_encoder_builder *b;
    dim_encoder *enc;
    ok(dim_encoder_builder_create(ctx, 3, 0, 24, &b));
    add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = 6, .kernel = 5, .stride = 2, .padding = 2, .tap = "local" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_DEPTHWISE, .kernel = 3, .padding = 2, .dilation = 2 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_ADD, .from = "local" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_MAX_POOL, .kernel = 2 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 10 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_UNFLATTEN, .out = 2, .width = 5 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 2, .kernel = 3, .stride = 2, .output_padding = 1 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_UPSAMPLE, .stride = 3 });
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

/* What files of older versions say is said as it was; what is new comes behind it. */
static void test_text(void **state)
{
    static const char *const wanted[] = {
        "conv a.b-c_0 as local, out 6, kernel 3, kernel_w 5, stride 2, padding 2, padding_mode 1, no_bias 1\n",
        "\nmax_pool max_pool1, kernel 3, kernel_w 3, stride 2, padding 1\n",
        "\navg_pool avg_pool1, kernel 2, kernel_w 2, stride 2\n",
        "\nconv_transpose conv_transpose1, out 4, kernel 3, kernel_w 3, stride 2, output_padding 1\n",
        "\ndepthwise depthwise1, kernel 3, kernel_w 2, stride 1, padding_h 1, dilation_w 2\n",
        "\nupsample upsample1, stride 2, stride_w 3\n",
    };
    char *text;
    (void)state;
    dim_encoder *enc = every_layer();
    ok(dim__network_write(enc, &text));
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (strstr(text, wanted[i]) == NULL)
            fail_msg("'%s' is not in '%s'", wanted[i], text);
    dim__free(ctx, text);
    dim_encoder_destroy(enc);
    enc = of_signals();
    ok(dim__network_write(enc, &text));
    assert_non_null(strstr(text, "input 3 0 24\nconv conv1 as local, out 6, kernel 5, kernel_w 5, stride 2, padding 2\n"));
    dim__free(ctx, text);
    dim_encoder_destroy(enc);
}

static void test_signals(void **state)
{
    dim_encoder *again;
    (void)state;
    dim_encoder *enc = of_signals();
    ok(dim_encoder_save(enc, path));
    ok(dim_encoder_open(ctx, path, &again));
    same(enc, again, (int64_t[]){ 3, 0, 24 });
    dim_encoder_destroy(again);
    dim_encoder_destroy(enc);
}

/* A model's file has its encoder. */
static void test_model(void **state)
{
    dim_encoder_options o;
    dim_encoder *enc, *again;
    dim_model *model;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_ENCODER_CONV28;
    ok(dim_encoder_create(ctx, &o, &enc));
    ok(dim_model_create(enc, NULL, &model));
    ok(dim_model_add_term(model, NULL));
    ok(dim_model_save(model, path));
    ok(dim_encoder_open(ctx, path, &again));
    same(enc, again, (int64_t[]){ 1, 28, 28 });
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_encoder_destroy(again);
}

/* A file with that network, and weights of a linear layer from 2 to 3. */
static void write_file(const char *network)
{
    float w[6] = { 1, 2, 3, 4, 5, 6 }, bias[3] = { 0 };
    const dim__array arrays[] = { { "linear1.weight", 2, { 3, 2 }, w }, { "linear1.bias", 1, { 3 }, bias } };
    ok(dim__weights_save(ctx, path, arrays, 2, &(dim__meta){ "dim.network", network }, network != NULL));
}

static void test_refused(void **state)
{
    static const struct { dim_status status; const char *network, *text; } bad[] = {
        { DIM_E_FORMAT, NULL, "does not say which layers" },
        { DIM_E_FORMAT, "", "has no layers" },
        { DIM_E_FORMAT, "input 2 0 0\n", "has no layers" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1, out 3", "ends within a line" },
        { DIM_E_FORMAT, "input 2 0\nlinear linear1, out 3\n", "line 1" },
        { DIM_E_FORMAT, "input 0 0 0\nlinear linear1, out 3\n", "line 1" },
        { DIM_E_FORMAT, "input 2 3 0\nlinear linear1, out 3\n", "line 1" },
        { DIM_E_FORMAT, "input 99999999999999999999 0 0\n", "line 1" },
        { DIM_E_FORMAT, "input 2 0 0 0\nlinear linear1, out 3\n", "line 1" },
        { DIM_E_FORMAT, "input -2 0 0\nlinear linear1, out 3\n", "line 1" },
        { DIM_E_FORMAT, "input x 2 0 0\nlinear linear1, out 3\n", "'input CHANNELS HEIGHT WIDTH'" },
        { DIM_E_FORMAT, "input z 2 0 0\ninput 2 0 0\nlinear linear1, out 3\n", "line 1" },
        { DIM_E_FORMAT, "input 2 0 0\ninput\nlinear linear1, out 3\n", "line 2" },
        { DIM_E_FORMAT, "input 2 0 0\ninput \nlinear linear1, out 3\n", "'input NAME CHANNELS HEIGHT WIDTH'" },
        { DIM_E_FORMAT, "input 2 0 0\ninput 2 0 0\nlinear linear1, out 3\n", "'input NAME CHANNELS HEIGHT WIDTH'" },
        { DIM_E_FORMAT, "input 2 0 0\ninput z 2 0\nlinear linear1, out 3\n", "'input NAME CHANNELS HEIGHT WIDTH'" },
        { DIM_E_FORMAT, "input 2 0 0\ninput z 2 0 0 0\nlinear linear1, out 3\n", "'input NAME CHANNELS HEIGHT WIDTH'" },
        { DIM_E_FORMAT, "input 2 0 0\ninput z -2 0 0\nlinear linear1, out 3\n", "line 2" },
        { DIM_E_FORMAT, "input 2 0 0\ninput z 99999999999999999999 0 0\nlinear linear1, out 3\n", "line 2" },
        { DIM_E_FORMAT, "input 2 0 0\ninput z 2 3 0\nlinear linear1, out 3\n", "'z' of 2 x 3 x 0" },
        { DIM_E_FORMAT, "input 2 0 0\ninput input 2 0 0\nlinear linear1, out 3\n", "cannot be named 'input'" },
        { DIM_E_FORMAT, "input 2 0 0\ninput global 2 0 0\nlinear linear1, out 3\n", "cannot be named 'global'" },
        { DIM_E_FORMAT, "input 2 0 0\ninput z 2 0 0\ninput z 2 0 0\nlinear linear1, out 3\n", "line 3" },
        { DIM_E_FORMAT, "input 2 0 0\ninput a/b 2 0 0\nlinear linear1, out 3\n", "input name 'a/b'" },
        { DIM_E_FORMAT, "input 2 0 0\ninput 0123456789012345678901234567890x 2 0 0\nlinear linear1, out 3\n", "line 2" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1 as z, out 3\ninput z 2 0 0\n", "cannot be named 'z'" },
        { DIM_E_FORMAT, "input 2 0 0\nconcat c from z\ninput z 2 0 0\nlinear linear1, out 3\n", "does not exist" },
        { DIM_E_FORMAT, "input 2 0 0\ninput a 2 0 0\ninput b 2 0 0\ninput c 2 0 0\ninput d 2 0 0\ninput e 2 0 0\n"
                        "input f 2 0 0\ninput g 2 0 0\ninput h 2 0 0\nlinear linear1, out 3\n", "at most 8 inputs" },
        { DIM_E_FORMAT, "input 2 0 0\ninput z 16777216 0 0\nconcat c from z\nlinear linear1, out 3\n",
          "more weights than the file" },
        { DIM_E_SHAPE, "input 2 0 0\ninput z 2 0 0\nconcat c from z\nlinear linear1, out 3\n", "linear1.weight" },
        { DIM_E_FORMAT, "input 2 0 0\npixels, mean x\nlinear linear1, out 3\n", "line 2" },
        { DIM_E_FORMAT, "input 2 0 0\npixels, std 0.5 -0.5\nlinear linear1, out 3\n", "line 2" },
        { DIM_E_FORMAT, "input 2 0 0\npixels, mean 0.5 0.5\nlinear linear1, out 3\n", "std[0] is 0" },
        { DIM_E_FORMAT, "input 17 0 0\npixels, std 1\nlinear linear1, out 3\n", "at most 16 channels" },
        { DIM_E_FORMAT, "input 2 0 0\nmystery m, out 3\n", "kind of layer" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear\n", "no name" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1 like x, out 3\n", "'from TAP'" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1 as\n", "'from TAP'" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1 as a as b, out 3\n", "'from TAP'" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1, out 3 4\n", "options" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1, out -3\n", "options" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1, out 4294967299\n", "options" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1, out\n", "options" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1, size 3\n", "options" },
        { DIM_E_FORMAT, "input 2 0 0\nleaky_relu r, slope nan\n", "options" },
        { DIM_E_FORMAT, "input 2 0 0\nleaky_relu r, slope 1e999\n", "options" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1, out 0\n", "out is 0; it must be 1 to 16777216" },
        { DIM_E_FORMAT, "input 2 0 0\nconv c, out 3, kernel 3\n", "needs a map" },
        { DIM_E_FORMAT, "input 2 0 0\nadd a from nowhere\n", "does not exist" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1, out 3\nlinear linear1, out 3\n", "line 3" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear linear1, out 16777216\n", "more weights than the file" },
        { DIM_E_FORMAT, "input 16777216 0 0\nlinear linear1, out 16777216\n", "more weights than the file" },
        { DIM_E_SHAPE, "input 3 0 0\nlinear linear1, out 2\n", "linear1.weight" },
        { DIM_E_FORMAT, "input 2 0 0\nlinear other, out 3\n", "other.weight" },
    };
    (void)state;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        size_t held = dim_context_memory(ctx);
        dim_encoder *enc = NULL;
        write_file(bad[k].network);
        dim_status status = dim_encoder_open(ctx, path, &enc);
        if (status != bad[k].status || enc != NULL || strstr(dim_context_error(ctx), bad[k].text) == NULL)
            fail_msg("%s: %s: %s", bad[k].network, dim_status_name(status), dim_context_error(ctx));
        assert_non_null(strstr(dim_context_error(ctx), path));
        assert_int_equal(dim_context_memory(ctx), held);
    }
    dim_encoder *enc;
    write_file("input 2 0 0\nlinear linear1, out 3\n");
    ok(dim_encoder_open(ctx, path, &enc));
    dim_encoder_destroy(enc);
}

static const char several[] = "input 3 4 4\npixels, mean 0.5 0.5 0.5, std 0.25 0.25 0.25\ninput z 5 0 0\ninput m.2 2 4 4\n"
                              "concat concat1 from z\nconcat concat2 from m.2 as joined\nfrom from1 from input\n"
                              "conv conv1, out 2, kernel 3, kernel_w 3, stride 1, padding 1\nconcat concat3 from joined\n"
                              "flatten flatten1\nlinear linear1 as global, out 3\n";

/* Texts of networks of several inputs stay as they are, wherever the lines of the inputs stood. */
static void test_several_inputs(void **state)
{
    static const char late[] = "input 3 4 4\npixels, mean 0.5 0.5 0.5, std 0.25 0.25 0.25\ninput z 5 0 0\nconcat concat1 from z\n"
                               "input m.2 2 4 4\nconcat concat2 from m.2 as joined\nfrom from1 from input\n"
                               "conv conv1, out 2, kernel 3, kernel_w 3, stride 1, padding 1\nconcat concat3 from joined\n"
                               "flatten flatten1\nlinear linear1 as global, out 3\n";
    const char *const texts[] = { several, late };
    (void)state;
    for (int i = 0; i < 2; i++) {
        dim_encoder *enc;
        char *again;
        ok(dim__network_read(ctx, texts[i], path, 0, &enc));
        ok(dim__network_write(enc, &again));
        assert_string_equal(again, several);
        dim__free(ctx, again);
        dim_encoder_destroy(enc);
    }
}

/* Damaged texts: read or refused, and nothing is lost. */
static void test_damaged(void **state)
{
    static const char bytes[] = "0 9\n,-.zinputm";
    size_t held = dim_context_memory(ctx);
    int read = 0, refused = 0;
    uint32_t random = 1;
    (void)state;
    for (int i = 0; i < 4000; i++) {
        char text[2 * sizeof several];
        dim_encoder *enc = NULL;
        size_t n = sizeof several - 1;
        memcpy(text, several, sizeof several);
        for (int k = 0; k <= i % 3; k++) {
            random = random * 1664525 + 1013904223;
            size_t at = (random >> 8) % n, what = random >> 29;
            if (what < 3) { /* another byte */
                text[at] = bytes[(random >> 4) % (sizeof bytes - 1)];
            } else if (what < 5) { /* a byte less */
                memmove(text + at, text + at + 1, n - at);
                n--;
            } else { /* the same line twice, or another's end */
                size_t line = at;
                while (line > 0 && text[line - 1] != '\n')
                    line--;
                size_t size = what < 7 ? strcspn(text + line, "\n") + 1 : n - at;
                if (line + size > n || n + size >= sizeof text)
                    continue;
                memmove(text + line + size, text + line, n - line + 1);
                n += size;
            }
        }
        dim_status status = dim__network_read(ctx, text, path, 1000, &enc);
        if (status == DIM_OK)
            read++;
        else if ((status == DIM_E_FORMAT || status == DIM_E_NOMEM) && enc == NULL)
            refused++;
        else
            fail_msg("%s: %s: %s", dim_status_name(status), dim_context_error(ctx), text);
        dim_encoder_destroy(enc);
        assert_int_equal(dim_context_memory(ctx), held);
    }
    assert_true(read > 100 && refused > 1000);
}

/* Every allocation fails once: a status, and nothing is lost. */
static void test_no_memory(void **state)
{
    dim_status status = DIM_E_NOMEM;
    (void)state;
    dim_encoder *saved = every_layer();
    ok(dim_encoder_save(saved, path));
    dim_encoder_destroy(saved);
    for (long n = 1; status != DIM_OK; n++) {
        failing f = { 0, 0, 0 };
        dim_context_options o;
        dim_context *c;
        dim_encoder *enc = NULL;
        DIM_OPTIONS_INIT(&o);
        o.threads = 1;
        o.alloc = take;
        o.free = give;
        o.alloc_user = &f;
        assert_int_equal(dim_context_create(&o, &c), DIM_OK);
        f.fail_at = f.calls + n;
        status = dim_encoder_open(c, path, &enc);
        assert_true(status == DIM_OK || (status == DIM_E_NOMEM && enc == NULL));
        f.fail_at = 0;
        dim_encoder_destroy(enc);
        dim_context_destroy(c);
        assert_int_equal(f.live, 0);
        assert_true(n < 2000);
    }
}

/* Numbers that a float does not hold: none is loaded, and what was there stays.  dim_encoder_set_parameter() takes what is
 * not finite as it is, but nothing that becomes so. */
static void test_numbers(void **state)
{
    dim_tensor *bias, *wide, *after;
    (void)state;
    dim_encoder *enc = every_layer();
    const char *name = dim_encoder_parameter_name(enc, 1);
    ok(dim_encoder_get_parameter(enc, name, &bias));
    int64_t n = dim_tensor_count(bias);
    assert_int_equal(dim_tensor_rank(bias), 1);
    ok(dim_tensor_create(ctx, DIM_F64, 1, &n, &wide));
    double *values = dim_tensor_data(wide);
    for (int64_t i = 0; i < n; i++)
        values[i] = 0.5;
    values[n - 1] = -1e39;
    assert_int_equal(dim_encoder_set_parameter(enc, name, wide), DIM_E_NUMERIC);
    assert_non_null(strstr(dim_context_error(ctx), name));
    ok(dim_encoder_get_parameter(enc, name, &after));
    assert_memory_equal(dim_tensor_const_data(after), dim_tensor_const_data(bias), (size_t)n * sizeof(float));
    dim_tensor_destroy(after);
    values[n - 1] = -INFINITY;
    ok(dim_encoder_set_parameter(enc, name, wide));
    ok(dim_encoder_save(enc, path));
    ok(dim_encoder_set_parameter(enc, name, bias));
    assert_int_equal(dim_encoder_load(enc, path), DIM_E_NUMERIC);
    assert_non_null(strstr(dim_context_error(ctx), name));
    assert_non_null(strstr(dim_context_error(ctx), "is -inf"));
    ok(dim_encoder_get_parameter(enc, name, &after));
    assert_memory_equal(dim_tensor_const_data(after), dim_tensor_const_data(bias), (size_t)n * sizeof(float));
    dim_encoder *opened = NULL;
    assert_int_equal(dim_encoder_open(ctx, path, &opened), DIM_E_NUMERIC);
    assert_null(opened);
    dim_tensor_destroy(after);
    dim_tensor_destroy(bias);
    dim_tensor_destroy(wide);
    dim_encoder_destroy(enc);
}

static void *save_and_read(void *result)
{
    static const char deep[] = "deep.safetensors";
    static char nested[1 << 16];
    dim_encoder *enc = every_layer(), *again = NULL;
    bool good = dim_encoder_save(enc, path) == DIM_OK && dim_encoder_load(enc, path) == DIM_OK &&
                dim_encoder_open(ctx, path, &again) == DIM_OK;
    FILE *f = fopen(deep, "wb");
    memset(nested, '[', sizeof nested);
    memcpy(nested, "\xf8\xff\0\0\0\0\0\0{\"a\":", 13);
    good = good && f != NULL && fwrite(nested, 1, sizeof nested, f) == sizeof nested;
    good = f != NULL && fclose(f) == 0 && good && dim_encoder_load(enc, deep) == DIM_E_FORMAT;
    remove(deep);
    dim_encoder_destroy(enc);
    dim_encoder_destroy(again);
    *(bool *)result = good;
    return NULL;
}

/* On a thread with 128 KiB of stack, of which the BLAS's variables of each thread take half; and no depth of a file's changes
 * that. */
static void test_small_stack(void **state)
{
    pthread_attr_t small;
    pthread_t thread;
    bool good = false;
    (void)state;
    assert_int_equal(pthread_attr_init(&small), 0);
    assert_int_equal(pthread_attr_setstacksize(&small, 128 << 10), 0);
    assert_int_equal(pthread_create(&thread, &small, save_and_read, &good), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&small);
    if (!good)
        fail_msg("%s", dim_context_error(ctx));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_named), cmocka_unit_test(test_every_layer),
                                        cmocka_unit_test(test_text), cmocka_unit_test(test_signals),
                                        cmocka_unit_test(test_model), cmocka_unit_test(test_refused),
                                        cmocka_unit_test(test_several_inputs), cmocka_unit_test(test_damaged),
                                        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_numbers),
                                        cmocka_unit_test(test_small_stack) };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
