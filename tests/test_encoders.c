/* The encoders of the DIM paper: shapes of taps and numbers of parameters as in the authors' code, features as a PyTorch program in
 * double has them (fixtures/make_encoders.py); layers on crops: a training step against PyTorch, and what is refused. */
#define DIM_EXPERIMENTAL
#include "nn/encoder.h"
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
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

static int open_context(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    return dim_context_create(&o, &ctx) == DIM_OK ? 0 : -1;
}

static int close_context(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    return 0;
}

/* ---- the table of the authors' encoders ------------------------------------------------------------------------------ */

typedef struct tap {
    const char *name; /* NULL ends the list */
    int64_t shape[3];
} tap;

typedef struct wanted {
    const char *name;
    dim_encoder_kind kind;
    int64_t in[3], parameters; /* without running statistics */
    bool fixture;              /* is in the fixture, in this order */
    tap taps[5];
} wanted;

#define CODE { "global", { 64, 1, 1 } }
#define FC(n) { "fc", { n, 1, 1 } }

static const wanted table[] = {
    { "basic28x28", DIM_ENCODER_CONV28, { 1, 28, 28 }, 6696960, false,
      { { "local", { 128, 7, 7 } }, { "conv", { 128, 7, 7 } }, FC(1024), CODE } },
    { "basic32x32", DIM_ENCODER_CONV32, { 3, 32, 32 }, 4921280, false,
      { { "local", { 128, 8, 8 } }, { "conv", { 256, 4, 4 } }, FC(1024), CODE } },
    { "basic64x64", DIM_ENCODER_CONV64, { 3, 64, 64 }, 11213760, false,
      { { "local", { 256, 8, 8 } }, { "conv", { 512, 4, 4 } }, FC(1024), CODE } },
    { "alex64x64", DIM_ENCODER_ALEX64, { 3, 64, 64 }, 58416160, false,
      { { "local", { 384, 15, 15 } }, { "conv", { 192, 7, 7 } }, FC(4096), CODE } },
    { "foldalex64x64", DIM_ENCODER_FOLDALEX64, { 3, 64, 64 }, 17921024, true,
      { { "local", { 192, 7, 7 } }, { "conv", { 192, 7, 7 } }, FC(4096), CODE } },
    { "foldmultialex64x64", DIM_ENCODER_FOLDMULTIALEX64, { 3, 64, 64 }, 3194592, true,
      { { "local", { 192, 7, 7 } }, { "conv", { 192, 7, 7 } }, { "global", { 192, 5, 5 } } } },
    { "resnet19_32x32", DIM_ENCODER_RESNET19, { 3, 32, 32 }, 20281216, true,
      { { "local", { 512, 8, 8 } }, { "conv", { 1024, 4, 4 } }, FC(1024), CODE } },
    { "resnet34_32x32", DIM_ENCODER_RESNET34, { 3, 32, 32 }, 22589056, true,
      { { "local", { 512, 8, 8 } }, { "conv", { 1024, 4, 4 } }, FC(1024), CODE } },
    { "foldresnet19_32x32", DIM_ENCODER_FOLDRESNET19, { 3, 32, 32 }, 54884224, true,
      { { "local", { 1024, 7, 7 } }, { "conv", { 1024, 7, 7 } }, FC(1024), CODE } },
    { "foldresnet34_32x32", DIM_ENCODER_FOLDRESNET34, { 3, 32, 32 }, 57121664, true,
      { { "local", { 1024, 7, 7 } }, { "conv", { 1024, 7, 7 } }, FC(1024), CODE } },
};

static void check_table(const dim_encoder *enc, const wanted *w)
{
    int64_t parameters = 0, shape[3];
    for (int64_t i = 0; i < enc->params.count; i++)
        parameters += enc->params.list[i]->spec.state ? 0 : enc->params.list[i]->count;
    if (parameters != w->parameters)
        fail_msg("%s: %lld parameters, not %lld", w->name, (long long)parameters, (long long)w->parameters);
    int i = 0;
    for (; w->taps[i].name != NULL; i++) {
        assert_string_equal(dim_encoder_tap_name(enc, i), w->taps[i].name);
        ok(dim_encoder_tap_shape(enc, w->taps[i].name, shape));
        if (memcmp(shape, w->taps[i].shape, sizeof shape) != 0)
            fail_msg("%s, %s: %lld x %lld x %lld", w->name, w->taps[i].name, (long long)shape[0], (long long)shape[1],
                     (long long)shape[2]);
    }
    assert_int_equal(dim_encoder_tap_count(enc), i);
}

/* ---- against PyTorch --------------------------------------------------------------------------------------------------- */

/* As in the fixture's program. */
static double number(int64_t k, int64_t i)
{
    uint32_t h = (uint32_t)i * 2654435761u + 40503u * (uint32_t)k;
    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    return (double)(h >> 8) / 8388608 - 1;
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static void fill(dim_encoder *enc)
{
    bool norm = false; /* the layer has running statistics: those of a batch norm come last, so its weight is a vector */
    for (int64_t k = 0; k < enc->params.count; k++) {
        dim__param *p = enc->params.list[k];
        int64_t shape[4], rank = dim__param_export_shape(p, shape);
        float *values = malloc((size_t)p->count * sizeof *values);
        assert_non_null(values);
        double scale = sqrt(6 / ((double)p->count / (double)shape[0]));
        if (ends_in(p->name, ".weight"))
            norm = rank == 1;
        bool ones = rank == 1 && norm && (ends_in(p->name, ".weight") || ends_in(p->name, ".running_var"));
        for (int64_t i = 0; i < p->count; i++) {
            double u = number(10 + k, i);
            values[i] = (float)(rank > 1 ? u * scale : ones ? 1 + u / 4 : u / 4);
        }
        dim__param_import(p, values);
        free(values);
    }
}

typedef struct fixture {
    dim_tensor *all;
    int64_t at;
} fixture;

static double next(fixture *f)
{
    assert_true(f->at < dim_tensor_count(f->all));
    return ((const double *)dim_tensor_const_data(f->all))[f->at++];
}

/* At most `most` of n numbers, at even distances; `least` bounds what the largest of them counts as. */
static void compare(fixture *f, const char *name, const char *what, const float *got, int64_t n, int64_t most, double bound)
{
    int64_t step = n / most > 2 ? n / most - 1 : 1, count = (n + step - 1) / step;
    double top = 0;
    fixture ahead = *f;
    count = count > most ? most : count;
    for (int64_t i = 0; i < count; i++)
        top = fmax(top, fabs(next(&ahead)));
    for (int64_t i = 0; i < count; i++) {
        double want = next(f);
        if (!(fabs(got[i * step] - want) <= bound * top))
            fail_msg("%s, %s: [%lld] is %.9g, not %.9g (the largest is %g)", name, what, (long long)(i * step),
                     (double)got[i * step], want, top);
    }
}

static void check_features(dim_encoder *enc, const wanted *w, dim_tensor *x, const char *at, fixture *f)
{
    int64_t s[3], n = 2;
    dim_tensor *y;
    ok(dim_encoder_tap_shape(enc, at, s));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ n, s[0] * s[1] * s[2] }, &y));
    ok(dim_encoder_encode(enc, x, at, y));
    compare(f, w->name, at, dim_tensor_const_data(y), dim_tensor_count(y), 128, 1e-5);
    dim_tensor_destroy(y);
}

/* One creation of each: the largest has 60 million parameters. */
static void test_table(void **state)
{
    fixture f = { NULL, 0 };
    (void)state;
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/encoders.npy", &f.all));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const wanted *w = &table[i];
        dim_encoder *enc;
        dim_tensor *x;
        dim_encoder_options o;
        DIM_OPTIONS_INIT(&o);
        o.kind = w->kind;
        ok(dim_encoder_create(ctx, &o, &enc));
        check_table(enc, w);
        if (w->fixture) {
            ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 2, w->in[0], w->in[1], w->in[2] }, &x));
            for (int64_t k = 0; k < dim_tensor_count(x); k++)
                ((float *)dim_tensor_data(x))[k] = (float)number(1, k);
            fill(enc);
            check_features(enc, w, x, "local", &f);
            check_features(enc, w, x, "global", &f);
            dim_tensor_destroy(x);
        }
        dim_encoder_destroy(enc);
    }
    dim_tensor_destroy(f.all);
}

/* ---- crops --------------------------------------------------------------------------------------------------------------- */

static dim_status add(dim_encoder_builder *b, dim_layer_options o)
{
    o.size = sizeof o;
    return dim_encoder_builder_add(b, &o);
}

/* Batch norms over all crops, and a residual sum among them. */
static dim_encoder *small(void)
{
    dim_encoder_builder *b;
    dim_encoder *enc;
    ok(dim_encoder_builder_create(ctx, 3, 8, 8, &b));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CROPS, .kernel = 4, .stride = 2 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = 4, .kernel = 3, .padding = 1 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = "_x" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = 4, .kernel = 1, .no_bias = 1 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_ADD, .from = "_x" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_MAX_POOL, .kernel = 4 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FOLD, .tap = "local" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = 5, .kernel = 2, .tap = "global" }));
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

static dim_tensor *input(dim_objective *obj, const char *name, int64_t k, const int64_t shape[3])
{
    dim_input_options o;
    dim_tensor *t;
    DIM_OPTIONS_INIT(&o);
    o.name = name;
    o.want_gradient = k == 1;
    memcpy(o.shape, shape, sizeof o.shape);
    ok(dim_objective_add_input(obj, &o));
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 2, shape[0], shape[1], shape[2] }, &t));
    for (int64_t i = 0; i < dim_tensor_count(t); i++)
        ((float *)dim_tensor_data(t))[i] = (float)number(k, i);
    return t;
}

static dim_objective *step_objective(dim_encoder *enc)
{
    dim_objective *obj;
    dim_loss_options loss;
    dim_player_options player;
    dim_optimizer_options sgd;
    DIM_OPTIONS_INIT(&loss);
    DIM_OPTIONS_INIT(&player);
    DIM_OPTIONS_INIT(&sgd);
    ok(dim_objective_create(ctx, NULL, &obj));
    dim_tensor *x = input(obj, "x", 1, (int64_t[]){ 3, 8, 8 }), *target = input(obj, "target", 2, (int64_t[]){ 5, 2, 2 });
    ok(dim_objective_apply(obj, enc, "x", "f"));
    loss.name = "error";
    loss.kind = DIM_LOSS_SQUARED_ERROR;
    loss.a = "f";
    loss.b = "target";
    ok(dim_objective_add_loss(obj, &loss));
    sgd.kind = DIM_OPTIMIZER_SGD;
    sgd.lr = 1;
    player.name = "p";
    player.optimizer = &sgd;
    ok(dim_objective_add_player(obj, &player));
    ok(dim_objective_give(obj, "p", "f"));
    ok(dim_objective_minimise(obj, "p", "error", 1));
    ok(dim_objective_set(obj, "x", x));
    ok(dim_objective_set(obj, "target", target));
    dim_tensor_destroy(x);
    dim_tensor_destroy(target);
    return obj;
}

/* What is in the fixture behind the encoders. */
static void test_step(void **state)
{
    fixture f = { NULL, 0 };
    double loss;
    dim_tensor *dx, *p;
    (void)state;
    dim_encoder *enc = small();
    fill(enc);
    dim_objective *obj = step_objective(enc);
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/encoders.npy", &f.all));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        f.at += table[i].fixture ? 256 : 0;
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 2, 3, 8, 8 }, &dx));
    ok(dim_objective_gradient(obj, "error", "x", dx));
    ok(dim_objective_step(obj));
    ok(dim_objective_report(obj, "error", &loss));
    assert_true(fabs(loss - next(&f)) <= 1e-6 * loss);
    compare(&f, "small", "dx", dim_tensor_const_data(dx), dim_tensor_count(dx), 384, 1e-5);
    for (int i = 0; i < dim_encoder_parameter_count(enc); i++) {
        const char *name = dim_encoder_parameter_name(enc, i);
        ok(dim_encoder_get_parameter(enc, name, &p));
        compare(&f, "small", name, dim_tensor_const_data(p), dim_tensor_count(p), 1 << 20, 1e-6);
        dim_tensor_destroy(p);
    }
    assert_int_equal(f.at, dim_tensor_count(f.all));
    dim_tensor_destroy(f.all);
    dim_tensor_destroy(dx);
    dim_objective_destroy(obj);
    dim_encoder_destroy(enc);
}

/* Crops of a signal become a signal. */
static void test_signal(void **state)
{
    dim_encoder_builder *b;
    dim_encoder *enc;
    dim_tensor *x, *y;
    (void)state;
    ok(dim_encoder_builder_create(ctx, 2, 0, 9, &b));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CROPS, .kernel = 3 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FLATTEN }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FOLD }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_MAX_POOL, .kernel = 1 }));
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ 1, 2, 9 }, &x));
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ 1, 6, 3 }, &y));
    for (int i = 0; i < 18; i++)
        ((float *)dim_tensor_data(x))[i] = (float)i;
    ok(dim_encoder_encode(enc, x, NULL, y));
    for (int c = 0; c < 2; c++)
        for (int k = 0; k < 3; k++)
            for (int l = 0; l < 3; l++)
                assert_true(((const float *)dim_tensor_const_data(y))[(c * 3 + k) * 3 + l] == (float)(c * 9 + l * 3 + k));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_encoder_destroy(enc);
}

static void test_refused(void **state)
{
    const dim_layer_options crops = { .kind = DIM_LAYER_CROPS, .kernel = 4, .stride = 2 }, fold = { .kind = DIM_LAYER_FOLD };
    dim_encoder_builder *b;
    dim_encoder *enc = NULL;
    int64_t shape[3];
    (void)state;
    ok(dim_encoder_builder_create(ctx, 3, 8, 8, &b));
    expect(DIM_E_INVALID, "not crops", add(b, fold));
    expect(DIM_E_INVALID, "neither padding", add(b, (dim_layer_options){ .kind = DIM_LAYER_CROPS, .kernel = 4, .padding = 1 }));
    expect(DIM_E_INVALID, "neither padding", add(b, (dim_layer_options){ .kind = DIM_LAYER_CROPS, .kernel = 2, .dilation = 2 }));
    expect(DIM_E_SHAPE, "larger than", add(b, (dim_layer_options){ .kind = DIM_LAYER_CROPS, .kernel = 9 }));
    expect(DIM_E_INVALID, "cannot be a tap", add(b, (dim_layer_options){ .kind = DIM_LAYER_CROPS, .kernel = 4, .tap = "x" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = "whole" }));
    ok(add(b, crops));
    expect(DIM_E_INVALID, "crops already", add(b, crops));
    expect(DIM_E_SHAPE, "FLATTEN", add(b, fold));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FLATTEN, .tap = "_flat" }));
    expect(DIM_E_SHAPE, "other crops", add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "whole" }));
    expect(DIM_E_INVALID, "cannot be a tap", add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "_flat", .tap = "x" }));
    expect(DIM_E_SHAPE, "add a layer FOLD", dim_encoder_builder_finish(b, NULL, &enc));
    ok(add(b, fold));
    expect(DIM_E_SHAPE, "other crops", add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "_flat" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "_flat" }));
    ok(add(b, fold));
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    ok(dim_encoder_tap_shape(enc, "global", shape));
    assert_true(shape[0] == 48 && shape[1] == 3 && shape[2] == 3);
    expect(DIM_E_INVALID, "no tap '_flat'", dim_encoder_tap_shape(enc, "_flat", shape));
    dim_encoder_destroy(enc);
}

static void expect_encoder(dim_status want, const char *text, dim_encoder_options o)
{
    dim_encoder *enc = NULL;
    o.size = sizeof o;
    expect(want, text, dim_encoder_create(ctx, &o, &enc));
    assert_null(enc);
}

/* Kinds that cannot be what is asked for, and builders. */
static void test_impossible(void **state)
{
    dim_encoder_options o = { .size = sizeof o, .init = (dim_init)9 };
    dim_encoder_builder *b;
    dim_encoder *enc = NULL;
    (void)state;
    expect_encoder(DIM_E_INVALID, "vectors needs their size", (dim_encoder_options){ .kind = DIM_ENCODER_MLP });
    expect_encoder(DIM_E_INVALID, "units is 100, but the last block pads its channels: it needs 128 at least",
                   (dim_encoder_options){ .kind = DIM_ENCODER_AMDIM32, .units = 100, .ndf = 32, .depth = 1 });
    expect_encoder(DIM_E_INVALID, "units is 100, but the last block pads its channels: it needs 256 at least",
                   (dim_encoder_options){ .kind = DIM_ENCODER_AMDIM64, .units = 100, .ndf = 32, .depth = 1 });
    expect_encoder(DIM_E_INVALID, "units is 30, but this encoder needs a multiple of 4",
                   (dim_encoder_options){ .kind = DIM_ENCODER_INFOMAX32, .units = 30 });
    ok(dim_encoder_builder_create(ctx, 3, 8, 8, &b));
    expect(DIM_E_STATE, "has no layers", dim_encoder_builder_finish(b, NULL, &enc));
    expect(DIM_E_INVALID, "only a 1 x 1 convolution",
           add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = 3, .kernel = 3, .init = DIM_LAYER_INIT_IDENTITY }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = "map" }));
    expect(DIM_E_SHAPE, "a Gaussian code is a vector", add(b, (dim_layer_options){ .kind = DIM_LAYER_GAUSSIAN, .from = "map" }));
    expect(DIM_E_INVALID, "slope is -1; it must be above 0", add(b, (dim_layer_options){ .kind = DIM_LAYER_LEAKY_RELU, .slope = -1 }));
    expect(DIM_E_INVALID, "rate is 1; it must be in [0, 1)", add(b, (dim_layer_options){ .kind = DIM_LAYER_DROPOUT, .rate = 1 }));
    expect(DIM_E_INVALID, "init is 9", dim_encoder_builder_finish(b, &o, &enc));
    assert_null(enc);
    dim_encoder_builder_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_impossible),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
