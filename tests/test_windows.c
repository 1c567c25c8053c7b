/* Layers with windows that differ by axis, dilated ones, depthwise ones, and all of them on signals: outputs and gradients
 * against PyTorch in double (fixtures/make_layers.py has the same networks); how signals come and go; what is refused. */
#define DIM_EXPERIMENTAL
#include "compile/compile.h"
#include "nn/encoder.h"
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LAYERS = 6 };

typedef struct network {
    const char *name;
    int64_t n;
    uint32_t in[3]; /* channels, height, width, as the builder wants them */
    dim_layer_options layer[LAYERS]; /* the size stands for "there is one" */
} network;

#define LAYER(...) { .size = sizeof(dim_layer_options), __VA_ARGS__ }

static const network networks[] = {
    { "conv1d", 2, { 3, 0, 17 }, { LAYER(.out = 4, .kernel = 5, .stride = 2, .padding = 2) } },
    { "conv1d, dilated", 2, { 3, 0, 16 }, { LAYER(.out = 5, .kernel = 3, .padding = 2, .dilation = 3, .no_bias = 1) } },
    { "conv1d, mirrored", 2, { 2, 0, 9 },
      { LAYER(.out = 3, .kernel = 5, .padding = 2, .padding_mode = DIM_PADDING_REFLECT) } },
    { "conv1d of one step", 3, { 4, 0, 1 }, { LAYER(.out = 2, .kernel = 3, .padding = 1) } },
    { "conv1d, a plain product", 2, { 5, 0, 7 }, { LAYER(.out = 3, .kernel = 1) } },
    { "conv2d", 2, { 3, 9, 8 },
      { LAYER(.out = 4, .kernel = 3, .kernel_w = 2, .stride = 2, .stride_w = 1, .padding_w = 1, .dilation_w = 2) } },
    { "conv2d, columns", 2, { 3, 7, 6 }, { LAYER(.out = 4, .kernel = 3, .kernel_w = 1, .padding_h = 1) } },
    { "conv2d, dilated", 2, { 3, 8, 7 }, { LAYER(.out = 4, .kernel = 3, .padding = 2, .dilation = 2) } },
    { "conv2d, mirrored", 2, { 2, 6, 8 },
      { LAYER(.out = 3, .kernel = 3, .kernel_w = 5, .stride_w = 2, .padding = 1, .padding_w = 1,
              .padding_mode = DIM_PADDING_REFLECT) } },
    { "depthwise1d", 2, { 4, 0, 15 }, { LAYER(.kind = DIM_LAYER_DEPTHWISE, .kernel = 3, .stride = 2, .padding = 1) } },
    { "depthwise2d", 2, { 5, 7, 8 },
      { LAYER(.kind = DIM_LAYER_DEPTHWISE, .out = 5, .kernel = 3, .kernel_w = 2, .stride = 1, .stride_w = 2,
              .padding_h = 1, .dilation = 2, .dilation_w = 1, .no_bias = 1) } },
    { "depthwise2d, more channels than lanes", 2, { 19, 5, 4 },
      { LAYER(.kind = DIM_LAYER_DEPTHWISE, .kernel = 3, .padding = 1) } },
    { "depthwise2d, mirrored", 1, { 3, 6, 5 },
      { LAYER(.kind = DIM_LAYER_DEPTHWISE, .kernel = 3, .stride = 3, .padding = 1, .padding_mode = DIM_PADDING_REFLECT) } },
    { "max_pool1d", 2, { 3, 0, 17 }, { LAYER(.kind = DIM_LAYER_MAX_POOL, .kernel = 3, .stride = 2, .padding = 1) } },
    { "max_pool1d, stride by itself", 2, { 3, 0, 9 }, { LAYER(.kind = DIM_LAYER_MAX_POOL, .kernel = 2) } },
    { "avg_pool1d", 2, { 3, 0, 11 }, { LAYER(.kind = DIM_LAYER_AVG_POOL, .kernel = 4, .stride = 2) } },
    { "max_pool2d 2 x 1", 2, { 3, 8, 5 }, { LAYER(.kind = DIM_LAYER_MAX_POOL, .kernel = 2, .kernel_w = 1) } },
    { "max_pool2d 3 x 2", 2, { 3, 7, 6 },
      { LAYER(.kind = DIM_LAYER_MAX_POOL, .kernel = 3, .kernel_w = 2, .stride = 2, .stride_w = 1, .padding = 1) } },
    { "avg_pool2d 2 x 3", 2, { 3, 6, 8 },
      { LAYER(.kind = DIM_LAYER_AVG_POOL, .kernel = 2, .kernel_w = 3, .stride = 1, .stride_w = 2) } },
    { "conv_transpose1d", 2, { 4, 0, 6 },
      { LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = 3, .kernel = 5, .stride = 3, .padding = 1, .output_padding = 2) } },
    { "conv_transpose1d, dilated", 2, { 4, 0, 6 },
      { LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = 3, .kernel = 3, .stride = 2, .padding = 2, .dilation = 3,
              .no_bias = 1) } },
    { "conv_transpose2d", 2, { 3, 4, 5 },
      { LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = 2, .kernel = 3, .kernel_w = 2, .stride = 2, .stride_w = 1,
              .padding_h = 1, .output_padding_h = 1, .dilation_w = 2) } },
    { "upsample1d", 2, { 3, 0, 5 }, { LAYER(.kind = DIM_LAYER_UPSAMPLE, .stride = 3) } },
    { "upsample2d", 2, { 3, 4, 3 }, { LAYER(.kind = DIM_LAYER_UPSAMPLE, .stride = 2, .stride_w = 3) } },
    { "global_max", 2, { 4, 0, 9 }, { LAYER(.kind = DIM_LAYER_GLOBAL_MAX) } },
    { "global_avg", 2, { 4, 0, 9 }, { LAYER(.kind = DIM_LAYER_GLOBAL_AVG) } },
    { "encoder of signals", 2, { 2, 0, 32 },
      { LAYER(.out = 6, .kernel = 5, .stride = 2, .padding = 2), LAYER(.kind = DIM_LAYER_LEAKY_RELU),
        LAYER(.kind = DIM_LAYER_DEPTHWISE, .kernel = 3, .padding = 2, .dilation = 2),
        LAYER(.kind = DIM_LAYER_MAX_POOL, .kernel = 2), LAYER(.kind = DIM_LAYER_FLATTEN),
        LAYER(.kind = DIM_LAYER_LINEAR, .out = 5) } },
    { "decoder of signals", 3, { 4, 0, 0 },
      { LAYER(.kind = DIM_LAYER_LINEAR, .out = 12), LAYER(.kind = DIM_LAYER_UNFLATTEN, .out = 3, .width = 4),
        LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = 4, .kernel = 4, .stride = 2, .padding = 1),
        LAYER(.kind = DIM_LAYER_RELU), LAYER(.kind = DIM_LAYER_UPSAMPLE), LAYER(.out = 2, .kernel = 3, .padding = 1) } },
};

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

static dim_status add(dim_encoder_builder *b, dim_layer_options o)
{
    o.size = sizeof o;
    return dim_encoder_builder_add(b, &o);
}

static dim_encoder *build(const network *n)
{
    dim_encoder_builder *b;
    dim_encoder *enc;
    ok(dim_encoder_builder_create(ctx, n->in[0], n->in[1], n->in[2], &b));
    for (int i = 0; i < LAYERS && n->layer[i].size > 0; i++)
        ok(dim_encoder_builder_add(b, &n->layer[i]));
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

/* ---- against PyTorch --------------------------------------------------------------------------------------------- */

static float number(int k, int64_t i) { return (float)((i * 7919 + 1013 * k) % 1024) / 512 - 1; }

/* (N, C, H, W), (N, C, L) or (N, d) of such numbers. */
static dim_tensor *batch_of(int k, int64_t n, const int64_t s[3])
{
    dim_tensor *t;
    int rank = dim__is_signal(s) ? 3 : dim__is_map(s) ? 4 : 2;
    int64_t shape[4] = { n, s[0], rank == 3 ? s[2] : s[1], s[2] };
    ok(dim_tensor_create(ctx, DIM_F32, rank, shape, &t));
    for (int64_t i = 0; i < n * dim__sample_size(s); i++)
        ((float *)dim_tensor_data(t))[i] = number(k, i);
    return t;
}

/* The next numbers of the fixture against what libdim has, which lies as (N, P, C) where the fixture has (N, C, P). */
typedef struct fixture {
    dim_tensor *all;
    int64_t at;
} fixture;

static void compare(fixture *f, const char *name, const char *what, const float *got, int64_t n, int64_t c, int64_t p)
{
    const double *want = (const double *)dim_tensor_const_data(f->all) + f->at;
    double top = 1;
    assert_true(f->at + n * c * p <= dim_tensor_count(f->all));
    for (int64_t i = 0; i < n * c * p; i++)
        top = fmax(top, fabs(want[i]));
    for (int64_t i = 0; i < n * c * p; i++) {
        float mine = got[i / (c * p) * c * p + i % p * c + i / p % c];
        if (!(fabs(mine - want[i]) <= 2e-6 * top)) /* sums of at most some hundred products, in f32 */
            fail_msg("%s, %s: [%lld] is %g, not %g", name, what, (long long)i, (double)mine, want[i]);
    }
    f->at += n * c * p;
}

static void set_parameters(dim_encoder *enc)
{
    for (int64_t k = 0; k < enc->params.count; k++) {
        dim__param *p = enc->params.list[k];
        float *values = malloc((size_t)p->count * sizeof *values);
        assert_non_null(values);
        for (int64_t i = 0; i < p->count; i++)
            values[i] = number(10 + (int)k, i) / 4;
        dim__param_import(p, values);
        free(values);
    }
}

static void compare_gradient(fixture *f, const char *name, const dim__param *p, float *gradient)
{
    dim__param view = *p;
    float *exported = malloc((size_t)p->count * sizeof *exported);
    assert_non_null(exported);
    view.data = gradient;
    dim__param_export(&view, exported);
    compare(f, name, p->name, exported, 1, 1, p->count);
    free(exported);
}

static void check_encoding(dim_encoder *enc, const network *n, dim_tensor *x, const float *y)
{
    const int64_t *s = enc->stack.layers[enc->global].out;
    dim_tensor *features = batch_of(3, n->n, s);
    int64_t c = s[0], pixels = dim__sample_size(s) / c;
    ok(dim_encoder_encode(enc, x, NULL, features));
    const float *got = dim_tensor_const_data(features);
    for (int64_t i = 0; i < n->n * c * pixels; i++)
        assert_true(fabsf(got[i] - y[i / (c * pixels) * c * pixels + i % pixels * c + i / pixels % c]) <= 1e-6f);
    dim_tensor_destroy(features);
}

static void check_network(const network *n, fixture *f)
{
    dim__graph *g;
    dim__program *p;
    int64_t batch;
    dim__vid out[LAYERS + 1], params[LAYERS * 2];
    dim_encoder *enc = build(n);
    dim_tensor *x = batch_of(1, n->n, enc->stack.inputs[0].shape);
    const int64_t *in = enc->stack.inputs[0].shape, *s = enc->stack.layers[enc->global].out;
    int64_t pixels = dim__sample_size(s) / s[0], in_pixels = dim__sample_size(in) / in[0];
    set_parameters(enc);
    ok(dim__encoder_check_input(enc, 0, x, &batch));
    assert_int_equal(batch, n->n);
    ok(dim__graph_create(ctx, &g));
    dim__scope scope = dim__encoder_scope(enc, g, true);
    dim__vid image = dim__graph_input(g, DIM_F32, dim__encoder_input_shape(enc, 0, n->n), true);
    dim__encoder_emit(enc, &scope, &image, out);
    dim__vid y = out[enc->global], weight = dim__graph_input(g, DIM_F32, *dim__shape_of(g, y), false);
    dim__graph_keep(g, y);
    for (int64_t k = 0; k < enc->params.count; k++)
        params[k] = dim__graph_param(g, enc->params.list[k], 0);
    ok(dim__graph_backward(g, dim__emit_sum_all(g, dim__emit_mul(g, y, weight), 1)));
    dim__vid dx = dim__graph_grad(g, image);
    ok(dim__program_create(g, &p));
    dim__encoder_fill_input(enc, 0, x, 0, n->n, dim__program_data(p, image));
    float *w = dim__program_data(p, weight);
    for (int64_t i = 0; i < n->n * s[0] * pixels; i++)
        w[i / (s[0] * pixels) * s[0] * pixels + i % pixels * s[0] + i / pixels % s[0]] = number(2, i);
    dim__program_forward(p, 0, 0);
    dim__program_backward(p, 0, 0);
    compare(f, n->name, "y", dim__program_data(p, y), n->n, s[0], pixels);
    compare(f, n->name, "dx", dim__program_data(p, dx), n->n, in[0], in_pixels);
    for (int64_t k = 0; k < enc->params.count; k++)
        compare_gradient(f, n->name, enc->params.list[k], dim__program_data(p, dim__graph_grad(g, params[k])));
    check_encoding(enc, n, x, dim__program_data(p, y));
    dim__program_destroy(p);
    dim_tensor_destroy(x);
    dim_encoder_destroy(enc);
}

static void test_pytorch(void **state)
{
    fixture f = { NULL, 0 };
    (void)state;
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/windows.npy", &f.all));
    assert_int_equal(dim_tensor_dtype(f.all), DIM_F64);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        check_network(&networks[i], &f);
    assert_int_equal(f.at, dim_tensor_count(f.all));
    dim_tensor_destroy(f.all);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static void has_shape(dim_encoder *enc, const char *name, int rank, const int64_t *shape)
{
    dim_tensor *w;
    ok(dim_encoder_get_parameter(enc, name, &w));
    assert_int_equal(dim_tensor_rank(w), rank);
    for (int i = 0; i < rank; i++)
        assert_int_equal(dim_tensor_size(w, i), shape[i]);
    dim_tensor_destroy(w);
}

/* PyTorch's shapes; of signals without a height. */
static void test_weights(void **state)
{
    static const struct { uint32_t height; int rank; } inputs[] = { { 0, 3 }, { 1, 4 }, { 9, 4 } };
    (void)state;
    for (int i = 0; i < 3; i++) {
        network n = { "", 1, { 4, inputs[i].height, 9 },
                      { LAYER(.out = 6, .kernel = 3, .padding = 1),
                        LAYER(.kind = DIM_LAYER_DEPTHWISE, .kernel = 3, .padding = 1),
                        LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = 2, .kernel = 3, .padding = 1) } };
        dim_encoder *enc = build(&n);
        has_shape(enc, "conv1.weight", inputs[i].rank, (int64_t[]){ 6, 4, 3, 3 });
        has_shape(enc, "depthwise1.weight", inputs[i].rank, (int64_t[]){ 6, 1, 3, 3 });
        has_shape(enc, "conv_transpose1.weight", inputs[i].rank, (int64_t[]){ 6, 2, 3, 3 });
        has_shape(enc, "depthwise1.bias", 1, (int64_t[]){ 6 });
        dim_encoder_destroy(enc);
    }
}

/* U(-b, b) with b = 1 / sqrt(9), as PyTorch has it: one channel feeds one. */
static void test_initial_weights(void **state)
{
    dim_tensor *w;
    float most = 0;
    (void)state;
    network n = { "", 1, { 200, 4, 4 }, { LAYER(.kind = DIM_LAYER_DEPTHWISE, .kernel = 3) } };
    dim_encoder *enc = build(&n);
    ok(dim_encoder_get_parameter(enc, "depthwise1.weight", &w));
    for (int i = 0; i < 200 * 9; i++)
        most = fmaxf(most, fabsf(((const float *)dim_tensor_const_data(w))[i]));
    assert_true(most <= 1 / 3.0f && most > 0.99f / 3);
    dim_tensor_destroy(w);
    ok(dim_encoder_get_parameter(enc, "depthwise1.bias", &w)); /* and so has the bias, in PyTorch */
    most = 0;
    for (int i = 0; i < 200; i++)
        most = fmaxf(most, fabsf(((const float *)dim_tensor_const_data(w))[i]));
    assert_true(most <= 1 / 3.0f && most > 0.95f / 3);
    dim_tensor_destroy(w);
    dim_encoder_destroy(enc);
}

/* ---- signals come and go ----------------------------------------------------------------------------------------- */

/* u8, strided, and both ranks give the same; features go into both, too, and into a flat one. */
static void test_tensors(void **state)
{
    enum { N = 3, C = 2, L = 10, OUT = 4 };
    dim_tensor *x[3], *y[3], *view;
    int64_t shape[3];
    (void)state;
    network n = { "", N, { C, 0, L }, { LAYER(.out = OUT, .kernel = 3, .padding = 1) } };
    dim_encoder *enc = build(&n);
    ok(dim_encoder_tap_shape(enc, NULL, shape));
    assert_true(shape[0] == OUT && shape[1] == 1 && shape[2] == L);
    ok(dim_tensor_create(ctx, DIM_U8, 3, (int64_t[]){ N, C, L }, &x[0]));
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ N, C, 1, L }, &x[1]));
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ N, L, C }, &view));
    ok(dim_tensor_permute(view, (int[]){ 0, 2, 1 }, &x[2])); /* read where it is */
    for (int i = 0; i < N * C * L; i++) {
        uint8_t pixel = (uint8_t)(i * 37);
        float value = (float)(pixel * (1 / 127.5f) + -1.0f);
        ((uint8_t *)dim_tensor_data(x[0]))[i] = pixel;
        ((float *)dim_tensor_data(x[1]))[i] = value;
        ((float *)dim_tensor_data(view))[(i / (C * L) * L + i % L) * C + i / L % C] = value;
    }
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ N, OUT, L }, &y[0]));
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ N, OUT, 1, L }, &y[1]));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, OUT * L }, &y[2]));
    for (int i = 0; i < 3; i++)
        ok(dim_encoder_encode(enc, x[i], NULL, y[i]));
    const float *want = dim_tensor_const_data(y[0]);
    for (int k = 1; k < 3; k++)
        for (int i = 0; i < N * OUT * L; i++)
            assert_true(fabsf(((const float *)dim_tensor_const_data(y[k]))[i] - want[i]) < 1e-6f);
    expect(DIM_E_SHAPE, "the encoder takes (N, 2, 10)", dim_encoder_encode(enc, y[0], NULL, y[0]));
    expect(DIM_E_SHAPE, "this tap gives (3, 4, 10)", dim_encoder_encode(enc, x[0], NULL, view));
    for (int i = 0; i < 3; i++) {
        dim_tensor_destroy(x[i]);
        dim_tensor_destroy(y[i]);
    }
    dim_tensor_destroy(view);
    dim_encoder_destroy(enc);
}

/* From a dataset of signals through a loader into a model with local terms. */
static void test_model(void **state)
{
    enum { N = 32, C = 2, L = 40 };
    dim_tensor *signals, *labels, *batch, *features;
    dim_dataset *data;
    dim_loader *loader;
    dim_loader_options lo;
    dim_encoder_builder *b;
    dim_encoder *enc;
    dim_model *model;
    double first = 0, last = 0;
    (void)state;
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ N, C, L }, &signals));
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ N }, &labels));
    for (int i = 0; i < N * C * L; i++) {
        float pitch = 0.1f + 0.05f * (float)(i / (C * L) % 7);
        ((float *)dim_tensor_data(signals))[i] = sinf((float)(i % L) * pitch) + number(1, i) / 8;
    }
    for (int i = 0; i < N; i++)
        ((int32_t *)dim_tensor_data(labels))[i] = i % 7;
    ok(dim_dataset_from_tensors(ctx, signals, labels, &data));
    DIM_OPTIONS_INIT(&lo);
    lo.batch = N;
    ok(dim_loader_create(data, &lo, &loader));
    ok(dim_encoder_builder_create(ctx, C, 0, L, &b));
    ok(add(b, (dim_layer_options){ .out = 16, .kernel = 5, .stride = 2, .padding = 2 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    ok(add(b, (dim_layer_options){ .out = 16, .kernel = 3, .stride = 2, .padding = 1 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = "local" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 8, .tap = "global" }));
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    ok(dim_model_create(enc, NULL, &model));
    ok(dim_model_add_term(model, &(dim_term_options){ .size = sizeof(dim_term_options), .name = "local" }));
    ok(dim_model_add_term(model, &(dim_term_options){ .size = sizeof(dim_term_options), .name = "whole", .x = "global:local",
                                                      .critic = DIM_CRITIC_CONCAT }));
    ok(dim_model_add_term(model, &(dim_term_options){ .size = sizeof(dim_term_options), .name = "top", .x = "global:local" }));
    for (int step = 0; step < 60; step++) {
        ok(dim_loader_next(loader, &batch, NULL));
        assert_true(dim_tensor_rank(batch) == 4 && dim_tensor_size(batch, 2) == 1);
        ok(dim_model_step(model, batch));
        ok(dim_model_report(model, "loss", step == 0 ? &first : &last));
    }
    ok(dim_model_step(model, signals)); /* as they are */
    assert_true(last < first);
    ok(dim_probe_features(enc, "local", data, 0, N, &features));
    assert_int_equal(dim_tensor_size(features, 1), 16 * 10);
    dim_tensor_destroy(features);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_encoder_builder_destroy(b);
    dim_loader_destroy(loader);
    dim_dataset_destroy(data);
    dim_tensor_destroy(signals);
    dim_tensor_destroy(labels);
}

/* A signal and a vector, which stands at each of its steps. */
static void test_two_inputs(void **state)
{
    enum { N = 2, C = 2, L = 5, D = 3 };
    dim_encoder_builder *b;
    dim_encoder *enc;
    dim_tensor *x, *z, *y;
    (void)state;
    ok(dim_encoder_builder_create(ctx, C, 0, L, &b));
    ok(dim_encoder_builder_add_input(b, "z", D, 0, 0));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "z" }));
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    x = batch_of(1, N, (int64_t[]){ C, 0, L });
    z = batch_of(2, N, (int64_t[]){ D, 0, 0 });
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ N, C + D, L }, &y));
    ok(dim_encoder_encode_inputs(enc, 2, (const dim_tensor *const[]){ x, z }, NULL, y));
    const float *got = dim_tensor_const_data(y);
    for (int i = 0; i < N * (C + D) * L; i++) {
        int n = i / ((C + D) * L), c = i / L % (C + D);
        assert_true(got[i] == (c < C ? number(1, (n * C + c) * L + i % L) : number(2, n * D + c - C)));
    }
    dim_tensor_destroy(x);
    dim_tensor_destroy(z);
    dim_tensor_destroy(y);
    dim_encoder_destroy(enc);
}

/* An autoencoder of signals, which an objective takes as (C, 0, L) and as (C, 1, L). */
static void check_objective(int64_t height)
{
    enum { N = 8, C = 2, L = 16 };
    network down = { "", N, { C, 0, L }, { LAYER(.out = 8, .kernel = 4, .stride = 2, .padding = 1, .tap = "local"),
                                           LAYER(.kind = DIM_LAYER_RELU), LAYER(.kind = DIM_LAYER_LINEAR, .out = 6) } };
    network up = { "", N, { 6, 0, 0 }, { LAYER(.kind = DIM_LAYER_LINEAR, .out = 64),
                                         LAYER(.kind = DIM_LAYER_UNFLATTEN, .out = 8, .width = 8), LAYER(.kind = DIM_LAYER_RELU),
                                         LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = C, .kernel = 4, .stride = 2,
                                               .padding = 1) } };
    dim_optimizer_options adam = { .size = sizeof adam, .lr = 1e-2f };
    dim_input_options input = { .size = sizeof input, .name = "x", .shape = { C, height, L }, .want_gradient = 1 };
    dim_encoder *f = build(&down), *g = build(&up);
    dim_tensor *x = batch_of(1, N, (int64_t[]){ C, 0, L }), *y = batch_of(2, N, (int64_t[]){ C, 0, L });
    dim_objective *obj;
    double first = 0, last = 0;
    ok(dim_objective_create(ctx, NULL, &obj));
    ok(dim_objective_add_input(obj, &input));
    ok(dim_objective_apply(obj, f, "x", "code"));
    ok(dim_objective_apply(obj, g, "code", "again"));
    ok(dim_objective_add_loss(obj, &(dim_loss_options){ .size = sizeof(dim_loss_options), .name = "far", .a = "again",
                                                        .b = "x", .kind = DIM_LOSS_SQUARED_ERROR }));
    ok(dim_objective_add_loss(obj, &(dim_loss_options){ .size = sizeof(dim_loss_options), .name = "mi", .a = "code.local",
                                                        .b = "code.local" })); /* of b one random step */
    ok(dim_objective_add_player(obj, &(dim_player_options){ .size = sizeof(dim_player_options), .name = "all",
                                                            .optimizer = &adam }));
    ok(dim_objective_give(obj, "all", "code"));
    ok(dim_objective_give(obj, "all", "again"));
    ok(dim_objective_give(obj, "all", "mi"));
    ok(dim_objective_minimise(obj, "all", "far", 1));
    ok(dim_objective_minimise(obj, "all", "mi", 0.01f));
    ok(dim_objective_set(obj, "x", x));
    for (int step = 0; step < 40; step++) {
        ok(dim_objective_step(obj));
        ok(dim_objective_report(obj, "far", step == 0 ? &first : &last));
    }
    assert_true(last < 0.8 * first);
    ok(dim_objective_compute(obj, "again", y));
    ok(dim_objective_gradient(obj, "far", "x", y));
    dim_tensor *other = batch_of(1, N, (int64_t[]){ C, 0, L + 1 });
    expect(DIM_E_SHAPE, height == 0 ? "it must be (N, 2, 16)" : "it must be (N, 2, 1, 16)",
           dim_objective_set(obj, "x", other));
    dim_tensor_destroy(other);
    dim_objective_destroy(obj);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_encoder_destroy(f);
    dim_encoder_destroy(g);
}

static void test_objective(void **state)
{
    (void)state;
    check_objective(0);
    check_objective(1);
}

/* An image of height 1 is what it was: its windows have two axes. */
static void test_image_of_one_row(void **state)
{
    int64_t shape[3];
    dim_tensor *x;
    dim_tensor *y;
    (void)state;
    network n = { "", 2, { 3, 1, 12 }, { LAYER(.out = 4, .kernel = 3, .stride = 2, .padding = 1) } };
    dim_encoder *enc = build(&n);
    has_shape(enc, "conv1.weight", 4, (int64_t[]){ 4, 3, 3, 3 });
    ok(dim_encoder_tap_shape(enc, NULL, shape));
    assert_true(shape[0] == 4 && shape[1] == 1 && shape[2] == 6);
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ 2, 3, 12 }, &x));
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ 2, 4, 6 }, &y));
    ok(dim_encoder_encode(enc, x, NULL, y));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_encoder_destroy(enc);
}

/* ---- what is the same, and what is refused ------------------------------------------------------------------------ */

/* Options that say the same in other words become the same, as files keep them. */
static void test_same_options(void **state)
{
    static const struct { uint32_t height; dim_layer_options a, b; } pairs[] = {
        { 8, LAYER(.out = 2, .kernel = 3), LAYER(.out = 2, .kernel = 3, .kernel_w = 3, .stride = 1, .stride_w = 1,
                                                  .dilation = 1, .dilation_w = 1) },
        { 8, LAYER(.out = 2, .kernel = 3, .padding = 2), LAYER(.out = 2, .kernel = 3, .padding_h = 2, .padding_w = 2) },
        { 8, LAYER(.out = 2, .kernel = 3, .padding = 1, .padding_w = 1),
          LAYER(.out = 2, .kernel = 3, .padding_h = 1, .padding_w = 2) },
        { 0, LAYER(.out = 2, .kernel = 3, .stride = 2, .padding = 1, .dilation = 2),
          LAYER(.out = 2, .kernel = 3, .kernel_w = 3, .stride_w = 2, .padding_w = 1, .dilation_w = 2) },
        { 8, LAYER(.kind = DIM_LAYER_MAX_POOL, .kernel = 2),
          LAYER(.kind = DIM_LAYER_MAX_POOL, .kernel = 2, .stride = 2, .stride_w = 2) },
        { 8, LAYER(.kind = DIM_LAYER_UPSAMPLE), LAYER(.kind = DIM_LAYER_UPSAMPLE, .stride = 2, .stride_w = 2) },
        { 8, LAYER(.kind = DIM_LAYER_DEPTHWISE, .kernel = 2), LAYER(.kind = DIM_LAYER_DEPTHWISE, .out = 3, .kernel = 2) },
        { 0, LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = 2, .kernel = 3, .stride = 2, .output_padding = 1),
          LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = 2, .kernel = 3, .stride = 2, .output_padding_w = 1) },
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        dim__stack s = { .ctx = ctx };
        dim_layer_options a = pairs[i].a, b = pairs[i].b;
        ok(dim__stack_add_input(&s, "input", (int64_t[]){ 3, pairs[i].height, 8 }));
        ok(dim__stack_add(&s, &a));
        dim__layer first = s.layers[0];
        s.count = 0;
        ok(dim__stack_add(&s, &b));
        assert_memory_equal(&first, &s.layers[0], sizeof first);
        dim__stack_free(&s);
    }
}

static void test_refused(void **state)
{
    dim_encoder_builder *map, *signal, *vector, *none;
    (void)state;
    ok(dim_encoder_builder_create(ctx, 3, 6, 6, &map));
    ok(dim_encoder_builder_create(ctx, 3, 0, 6, &signal));
    ok(dim_encoder_builder_create(ctx, 12, 0, 0, &vector));
    expect(DIM_E_INVALID, "height 0 for signals", dim_encoder_builder_create(ctx, 3, 6, 0, &none));
#define REFUSED(status, text, b, ...) expect(status, text, add(b, (dim_layer_options){ __VA_ARGS__ }))
    REFUSED(DIM_E_INVALID, "stride_w is 4097; it must be at most 4096", map, .out = 2, .kernel = 3, .stride_w = 4097);
    REFUSED(DIM_E_INVALID, "dilation is 4097", map, .out = 2, .kernel = 3, .dilation = 4097);
    REFUSED(DIM_E_INVALID, "dilation_w is 4097", map, .out = 2, .kernel = 3, .dilation_w = 4097);
    REFUSED(DIM_E_INVALID, "padding of the height is 4097", map, .out = 2, .kernel = 3, .padding_h = 4097);
    REFUSED(DIM_E_INVALID, "padding of the width is 4097", map, .out = 2, .kernel = 3, .padding = 2049, .padding_w = 2048);
    REFUSED(DIM_E_SHAPE, "larger than the padded map", map, .out = 2, .kernel = 3, .dilation_w = 3);
    REFUSED(DIM_E_SHAPE, "larger than the padded map", signal, .out = 2, .kernel = 3, .dilation = 3);
    REFUSED(DIM_E_SHAPE, "3 x 6 (C, L)", signal, .out = 2, .kernel = 7);
    REFUSED(DIM_E_INVALID, "one axis", signal, .out = 2, .kernel = 3, .padding_h = 1);
    REFUSED(DIM_E_INVALID, "one axis", signal, .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 2, .kernel = 3, .stride = 2,
            .output_padding_h = 1);
    REFUSED(DIM_E_SHAPE, "reflect padding", map, .out = 2, .kernel = 3, .padding_w = 6, .padding_mode = DIM_PADDING_REFLECT);
    REFUSED(DIM_E_SHAPE, "reflect padding", signal, .out = 2, .kernel = 3, .padding = 6, .padding_mode = DIM_PADDING_REFLECT);
    REFUSED(DIM_E_INVALID, "no dilation", map, .kind = DIM_LAYER_MAX_POOL, .kernel = 2, .dilation = 2);
    REFUSED(DIM_E_INVALID, "no dilation", signal, .kind = DIM_LAYER_AVG_POOL, .kernel = 2, .dilation = 2);
    REFUSED(DIM_E_INVALID, "half the pooling window", map, .kind = DIM_LAYER_MAX_POOL, .kernel = 2, .kernel_w = 1,
            .padding = 1);
    REFUSED(DIM_E_INVALID, "no padding", map, .kind = DIM_LAYER_AVG_POOL, .kernel = 2, .padding_w = 1);
    REFUSED(DIM_E_INVALID, "less than stride", map, .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 2, .kernel = 3, .stride = 2,
            .stride_w = 1, .output_padding = 1);
    REFUSED(DIM_E_INVALID, "is 4097; it must be at most 4096", map, .kind = DIM_LAYER_UPSAMPLE, .stride_w = 4097);
    REFUSED(DIM_E_INVALID, "as many channels", map, .kind = DIM_LAYER_DEPTHWISE, .out = 6, .kernel = 3);
    REFUSED(DIM_E_INVALID, "identity", map, .kind = DIM_LAYER_DEPTHWISE, .kernel = 1, .init = DIM_LAYER_INIT_IDENTITY);
    REFUSED(DIM_E_SHAPE, "needs a map", vector, .kind = DIM_LAYER_DEPTHWISE, .kernel = 1);
    REFUSED(DIM_E_INVALID, "stride is 2 and stride_w is 3", signal, .kind = DIM_LAYER_UPSAMPLE, .stride = 2, .stride_w = 3);
    REFUSED(DIM_E_INVALID, "kernel is 9 and kernel_w is 3", signal, .out = 2, .kernel = 9, .kernel_w = 3);
    REFUSED(DIM_E_INVALID, "kernel is 3 and kernel_w is 2", signal, .kind = DIM_LAYER_AVG_POOL, .kernel = 3, .kernel_w = 2);
    REFUSED(DIM_E_INVALID, "width of a signal", vector, .kind = DIM_LAYER_UNFLATTEN, .out = 3);
    REFUSED(DIM_E_SHAPE, "not the length", vector, .kind = DIM_LAYER_UNFLATTEN, .out = 3, .width = 5);
    dim_encoder_builder_destroy(map);
    dim_encoder_builder_destroy(signal);
    dim_encoder_builder_destroy(vector);
}

/* Layers that make a map or a signal larger end in a text, not in an overflow. */
static void test_too_large(void **state)
{
    const dim_layer_options larger[] = {
        { .kind = DIM_LAYER_UPSAMPLE, .stride = 4096 },
        { .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 3, .kernel = 4096, .stride = 4096 },
    };
    (void)state;
    for (int i = 0; i < 4; i++) {
        dim_encoder_builder *b;
        dim_status status = DIM_OK;
        ok(dim_encoder_builder_create(ctx, 3, i < 2 ? 8 : 0, 8, &b));
        for (int k = 0; k < 8 && status == DIM_OK; k++)
            status = add(b, larger[i % 2]);
        expect(DIM_E_SHAPE, "its output is too large", status);
        dim_encoder_builder_destroy(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pytorch), cmocka_unit_test(test_weights), cmocka_unit_test(test_initial_weights),
        cmocka_unit_test(test_tensors), cmocka_unit_test(test_model), cmocka_unit_test(test_two_inputs),
        cmocka_unit_test(test_objective), cmocka_unit_test(test_image_of_one_row),
        cmocka_unit_test(test_same_options), cmocka_unit_test(test_refused), cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
