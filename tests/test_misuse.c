/* Wrong calls: sizes that were never set, memory that is used twice, names, limits, and what the texts say about them. */
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static dim_context *ctx;

static int setup(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    return dim_context_create(&o, &ctx) == DIM_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    return 0;
}

/* The status, and a piece of the text. */
static void expect(dim_status want, const char *says, dim_status got)
{
    if (got != want || strstr(dim_context_error(ctx), says) == NULL)
        fail_msg("%s (%s) instead of %s (%s)", dim_status_name(got), got == DIM_OK ? "" : dim_context_error(ctx),
                 dim_status_name(want), says);
}

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static dim_tensor *f32(int rank, int64_t a, int64_t b)
{
    const int64_t shape[2] = { a, b };
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_F32, rank, shape, &t));
    return t;
}

/* A struct whose size was never set must not be read: what follows may not be there. */
static void sizes_never_set(void **state)
{
    static const size_t sizes[] = { 4097, (size_t)1 << 40, SIZE_MAX };
    (void)state;
    dim_tensor *x = f32(2, 4, 3), *labels;
    const int64_t four = 4;
    ok(dim_tensor_create(ctx, DIM_I64, 1, &four, &labels));
    dim_estimator *est;
    ok(dim_estimator_create(ctx, NULL, &est));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t *block = malloc(sizeof *block); /* so that address sanitizer sees a read of one byte more */
        dim_encoder *enc;
        dim_context *other;
        assert_non_null(block);
        *block = sizes[i];
        const void *garbage = block;
        void *result = block;
        expect(DIM_E_INVALID, "DIM_OPTIONS_INIT", dim_encoder_create(ctx, garbage, &enc));
        assert_int_equal(dim_context_create(garbage, &other), DIM_E_INVALID);
        expect(DIM_E_INVALID, "DIM_OPTIONS_INIT", dim_estimator_evaluate(est, x, x, NULL, result, NULL, NULL));
        expect(DIM_E_INVALID, "DIM_OPTIONS_INIT", dim_probe_run(ctx, NULL, x, labels, x, labels, result));
        free(block);
    }
    dim_estimator_destroy(est);
    dim_tensor_destroy(x);
    dim_tensor_destroy(labels);
}

static dim_tensor *wrapped(void *data, int rank, const int64_t *shape, const int64_t *strides)
{
    dim_tensor *t;
    ok(dim_tensor_wrap(ctx, DIM_F32, rank, shape, strides, data, NULL, NULL, &t));
    return t;
}

static dim_tensor *columns(dim_tensor *t, int64_t first, int64_t count)
{
    dim_tensor *view;
    ok(dim_tensor_slice(t, 1, first, count, 1, &view));
    return view;
}

/* Layouts whose elements are apart, and layouts that are not, as dst of a copy. */
static void outputs_hold_all_elements(void **state)
{
    static const struct {
        int64_t shape[3], stride[3];
        bool fine;
    } cases[] = {
        { { 6, 4, 1 }, { 4, 1, 0 }, true },   { { 6, 4, 1 }, { 1, 6, 9 }, true },  { { 6, 4, 1 }, { -4, -1, 0 }, true },
        { { 6, 4, 1 }, { 1, 1, 0 }, false },  { { 6, 4, 1 }, { 3, 1, 0 }, false }, { { 6, 4, 1 }, { 4, -1, 0 }, true },
        { { 6, 4, 1 }, { 0, 1, 0 }, false },  { { 2, 3, 4 }, { 1, 2, 6 }, true },  { { 2, 3, 4 }, { 1, 2, 5 }, false },
        { { 2, 3, 4 }, { 1, -2, 5 }, false }, { { 0, 3, 4 }, { 0, 0, 0 }, true },  { { 2, 1, 4 }, { 8, 1, 2 }, true },
    };
    float room[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dim_tensor *dst = wrapped(room + 32, 3, cases[i].shape, cases[i].stride), *src;
        ok(dim_tensor_create(ctx, DIM_F32, 3, cases[i].shape, &src));
        if (cases[i].fine)
            ok(dim_tensor_copy(dst, src));
        else
            expect(DIM_E_INVALID, "dst has stride", dim_tensor_copy(dst, src));
        dim_tensor_destroy(dst);
        dim_tensor_destroy(src);
    }
}

/* Every function that writes asks for that. */
static void outputs_are_checked(void **state)
{
    static const int64_t shape[2] = { 6, 4 }, stride[2] = { 1, 1 }, rows[2] = { 6, 1 }, twice[1] = { 6 }, none[1] = { 0 };
    static float room[64];
    static int64_t whole[64];
    (void)state;
    dim_tensor *x = f32(2, 6, 4), *flat = wrapped(room, 2, shape, stride), *indices, *labels, *logits;
    dim_encoder_options eo;
    dim_classifier_options co;
    dim_encoder *enc;
    dim_model *model;
    dim_estimator *est;
    dim_prior *prior;
    dim_dataset *ds;
    double value;
    for (int i = 0; i < 24; i++)
        ((float *)dim_tensor_data(x))[i] = (float)(i * 7 % 5) / 5;
    DIM_OPTIONS_INIT(&eo);
    eo.kind = DIM_ENCODER_MLP;
    eo.channels = eo.units = 4;
    ok(dim_encoder_create(ctx, &eo, &enc));
    expect(DIM_E_INVALID, "features has stride", dim_encoder_encode(enc, x, NULL, flat));
    ok(dim_estimator_create(ctx, NULL, &est));
    expect(DIM_E_INVALID, "grad_global has stride", dim_estimator_evaluate(est, x, x, NULL, NULL, flat, NULL));
    expect(DIM_E_INVALID, "grad_negative has stride", dim_estimator_evaluate_pairs(est, x, x, NULL, NULL, flat));
    ok(dim_prior_create(ctx, NULL, &prior));
    expect(DIM_E_INVALID, "grad_mean has stride", dim_prior_evaluate(prior, x, x, &value, flat, NULL));
    ok(dim_tensor_wrap(ctx, DIM_I64, 2, shape, stride, whole, NULL, NULL, &indices));
    expect(DIM_E_INVALID, "indices has stride", dim_probe_neighbors(ctx, DIM_PROBE_KNN_COSINE, x, x, indices));
    ok(dim_tensor_wrap(ctx, DIM_I64, 1, twice, none, whole, NULL, NULL, &labels));
    ok(dim_dataset_from_tensors(ctx, x, NULL, &ds));
    expect(DIM_E_INVALID, "images has stride", dim_dataset_read(ds, 0, 6, flat, NULL));
    expect(DIM_E_INVALID, "labels has stride", dim_dataset_read(ds, 0, 6, NULL, labels));
    ok(dim_model_create(enc, NULL, &model));
    dim_term_options to;
    DIM_OPTIONS_INIT(&to);
    to.x = "fc";
    ok(dim_model_add_term(model, &to));
    DIM_OPTIONS_INIT(&co);
    co.classes = 4;
    ok(dim_model_add_classifier(model, &co));
    logits = wrapped(room, 2, shape, rows);
    expect(DIM_E_INVALID, "logits has stride", dim_model_classify(model, NULL, x, flat));
    ok(dim_model_classify(model, NULL, x, x)); /* the input was read by then */
    for (int i = 0; i < 64; i++)
        assert_true(room[i] == 0 && whole[i] == 0);
    dim_tensor *all[] = { x, flat, indices, labels, logits };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim_tensor_destroy(all[i]);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_estimator_destroy(est);
    dim_prior_destroy(prior);
    dim_dataset_destroy(ds);
}

/* Features over the images that are read after them. */
static void encode_apart(void **state)
{
    enum { N = 600, D = 4 };
    (void)state;
    dim_encoder_options eo;
    dim_encoder *enc;
    DIM_OPTIONS_INIT(&eo);
    eo.kind = DIM_ENCODER_MLP;
    eo.channels = eo.units = D;
    ok(dim_encoder_create(ctx, &eo, &enc));
    dim_tensor *room = f32(2, N + 3, 2 * D), *apart = f32(2, N, D), *left, *right, *middle, *x, *below;
    left = columns(room, 0, D);
    middle = columns(room, D - 1, D);
    right = columns(room, D, D);
    ok(dim_tensor_slice(left, 0, 0, N, 1, &x));
    for (int i = 0; i < N * 2 * D; i++)
        ((float *)dim_tensor_data(room))[i] = (float)(i * 31 % 17) / 17;
    ok(dim_tensor_slice(left, 0, 3, N, 1, &below));
    expect(DIM_E_INVALID, "vectors and features share memory", dim_encoder_encode(enc, x, NULL, x));
    expect(DIM_E_INVALID, "vectors and features share memory", dim_encoder_encode(enc, x, NULL, below));
    dim_tensor_destroy(below);
    ok(dim_tensor_slice(middle, 0, 0, N, 1, &below));
    expect(DIM_E_INVALID, "vectors and features share memory", dim_encoder_encode(enc, x, NULL, below));
    dim_tensor_destroy(below);
    ok(dim_tensor_slice(right, 0, 0, N, 1, &below)); /* the other columns of the same rows */
    ok(dim_encoder_encode(enc, x, NULL, below));
    ok(dim_encoder_encode(enc, x, NULL, apart));
    for (int i = 0; i < N; i++)
        assert_memory_equal((const float *)dim_tensor_data(below) + i * 2 * D,
                            (const float *)dim_tensor_data(apart) + i * D, D * sizeof(float));
    dim_tensor *all[] = { room, apart, left, right, middle, x, below };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim_tensor_destroy(all[i]);
    dim_encoder_destroy(enc);
}

/* Two outputs in one place; gradients in the place of what they belong to are all right. */
static void gradients_apart(void **state)
{
    enum { N = 40, D = 3 };
    (void)state;
    dim_estimator *est;
    dim_prior *prior;
    double value;
    ok(dim_estimator_create(ctx, NULL, &est));
    ok(dim_prior_create(ctx, NULL, &prior));
    dim_tensor *g = f32(2, N, D), *l = f32(2, N, D), *dg = f32(2, N, D), *dl = f32(2, N, D), *both = f32(2, N, 2 * D);
    dim_tensor *a = columns(both, 0, D), *b = columns(both, D, D), *c = columns(both, D - 1, D);
    for (int i = 0; i < N * D; i++) {
        ((float *)dim_tensor_data(g))[i] = (float)(i * 31 % 17) / 17;
        ((float *)dim_tensor_data(l))[i] = (float)(i * 13 % 19) / 19;
    }
    expect(DIM_E_INVALID, "grad_global and grad_local share", dim_estimator_evaluate(est, g, l, NULL, NULL, dg, dg));
    expect(DIM_E_INVALID, "grad_global and grad_local share", dim_estimator_evaluate(est, g, l, NULL, NULL, a, c));
    expect(DIM_E_INVALID, "grad_positive and grad_negative", dim_estimator_evaluate_pairs(est, g, l, NULL, dg, dg));
    expect(DIM_E_INVALID, "grad_mean and grad_logvar share", dim_prior_evaluate(prior, g, l, &value, dg, dg));
    ok(dim_estimator_evaluate(est, g, l, NULL, NULL, dg, dl));
    ok(dim_estimator_evaluate(est, g, l, NULL, NULL, a, b));
    for (int i = 0; i < N; i++) {
        const float *row = (const float *)dim_tensor_data(both) + i * 2 * D;
        assert_memory_equal(row, (const float *)dim_tensor_data(dg) + i * D, D * sizeof *row);
        assert_memory_equal(row + D, (const float *)dim_tensor_data(dl) + i * D, D * sizeof *row);
    }
    ok(dim_tensor_copy(a, g));
    ok(dim_tensor_copy(b, l));
    ok(dim_estimator_evaluate(est, a, b, NULL, NULL, b, a)); /* in place, and crosswise */
    for (int i = 0; i < N; i++) {
        const float *row = (const float *)dim_tensor_data(both) + i * 2 * D;
        assert_memory_equal(row + D, (const float *)dim_tensor_data(dg) + i * D, D * sizeof *row);
        assert_memory_equal(row, (const float *)dim_tensor_data(dl) + i * D, D * sizeof *row);
    }
    ok(dim_tensor_copy(a, g));
    ok(dim_tensor_copy(b, l));
    ok(dim_prior_evaluate(prior, g, l, &value, dg, dl));
    expect(DIM_E_INVALID, "grad_mean and mean share", dim_prior_evaluate(prior, a, l, &value, c, NULL));
    ok(dim_prior_evaluate(prior, a, b, &value, a, b));
    for (int i = 0; i < N; i++) {
        const float *row = (const float *)dim_tensor_data(both) + i * 2 * D;
        assert_memory_equal(row, (const float *)dim_tensor_data(dg) + i * D, D * sizeof *row);
        assert_memory_equal(row + D, (const float *)dim_tensor_data(dl) + i * D, D * sizeof *row);
    }
    dim_tensor *all[] = { g, l, dg, dl, both, a, b, c };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim_tensor_destroy(all[i]);
    dim_estimator_destroy(est);
    dim_prior_destroy(prior);
}

/* Views over the images they are made of, labels over images. */
static void data_apart(void **state)
{
    static const int64_t shape[4] = { 2, 3, 8, 8 }, six = 6;
    (void)state;
    dim_tensor *images, *labels, *part, *x = f32(2, 6, 4);
    dim_augment *aug;
    dim_dataset *ds;
    ok(dim_tensor_create(ctx, DIM_U8, 4, shape, &images));
    ok(dim_augment_create(ctx, NULL, &aug));
    expect(DIM_E_INVALID, "images and out share memory", dim_augment_apply(aug, images, NULL, images));
    ok(dim_tensor_create(ctx, DIM_I32, 1, &six, &labels));
    ok(dim_dataset_from_tensors(ctx, x, labels, &ds));
    ok(dim_tensor_wrap(ctx, DIM_I32, 1, &six, NULL, dim_tensor_data(images), NULL, NULL, &part));
    expect(DIM_E_SHAPE, "", dim_dataset_read(ds, 0, 6, images, part));
    dim_tensor *over = wrapped(dim_tensor_data(images), 2, (int64_t[]){ 6, 4 }, NULL);
    expect(DIM_E_INVALID, "images and labels share memory", dim_dataset_read(ds, 0, 6, over, part));
    dim_tensor_destroy(over);
    dim_tensor_destroy(part);
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    dim_tensor_destroy(x);
    dim_augment_destroy(aug);
    dim_dataset_destroy(ds);
}

static dim_encoder *mlp(void)
{
    dim_encoder_options o;
    dim_encoder *enc;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_ENCODER_MLP;
    o.channels = o.units = 4;
    ok(dim_encoder_create(ctx, &o, &enc));
    return enc;
}

static dim_status add(dim_encoder_builder *b, dim_layer_options o)
{
    o.size = sizeof o;
    return dim_encoder_builder_add(b, &o);
}

static void names(void **state)
{
    static const char *const bad[] = { "", "a b", "a/b", "a\n", "\xc3\xa4", "a\"", "a:b", "12345678901234567890123456789012" };
    char endless[3000];
    (void)state;
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    dim_encoder_builder *b;
    dim_encoder *enc = mlp();
    dim_model *model;
    dim_term_options to;
    dim_classifier_options co;
    ok(dim_model_create(enc, NULL, &model));
    ok(dim_encoder_builder_create(ctx, 4, 0, 0, &b));
    DIM_OPTIONS_INIT(&to);
    DIM_OPTIONS_INIT(&co);
    to.x = "fc";
    co.classes = 2;
    for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
        const char *name = i < sizeof bad / sizeof *bad ? bad[i] : endless;
        to.name = co.name = name;
        expect(DIM_E_INVALID, "of A-Z a-z 0-9 _ -", dim_model_add_term(model, &to));
        expect(DIM_E_INVALID, "of A-Z a-z 0-9 _ -", dim_model_add_classifier(model, &co));
        expect(DIM_E_INVALID, "of A-Z a-z 0-9 _ -", add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .name = name }));
        expect(DIM_E_INVALID, "of A-Z a-z 0-9 _ -", add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = name }));
    }
    to.name = "a.b";
    expect(DIM_E_INVALID, "dots are not allowed", dim_model_add_term(model, &to));
    to.name = "A-b_9";
    ok(dim_model_add_term(model, &to));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .name = "a.b-c_0", .tap = "t.0" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .name = "1234567890123456789012345678901" }));
    dim_encoder_builder_destroy(b);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
}

static void taps(void **state)
{
    (void)state;
    dim_tensor *x = f32(2, 4, 4), *y = f32(2, 4, 4);
    dim_encoder *enc = mlp();
    dim_encoder_builder *b;
    dim_model *model;
    dim_term_options to;
    int64_t shape[3];
    expect(DIM_E_INVALID, "no tap ''", dim_encoder_encode(enc, x, "", y));
    expect(DIM_E_INVALID, "no tap ''", dim_encoder_tap_shape(enc, "", shape));
    expect(DIM_E_INVALID, "'from'", dim_encoder_encode(enc, x, "input", y));
    ok(dim_model_create(enc, NULL, &model));
    DIM_OPTIONS_INIT(&to);
    to.x = "global:";
    expect(DIM_E_INVALID, "no tap ''", dim_model_add_term(model, &to));
    ok(dim_encoder_builder_create(ctx, 4, 0, 0, &b));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    expect(DIM_E_INVALID, "'from' is required", add(b, (dim_layer_options){ .kind = DIM_LAYER_ADD }));
    expect(DIM_E_INVALID, "does not exist", add(b, (dim_layer_options){ .kind = DIM_LAYER_ADD, .from = "" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_ADD, .from = "input" }));
    dim_encoder_builder_destroy(b);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
}

/* Memory that was never written is easily told. */
static void *take_garbage(void *user, size_t size, size_t align)
{
    void *p;
    (void)user;
    return posix_memalign(&p, align, size) == 0 ? memset(p, 0xa5, size) : NULL;
}

static void give_back(void *user, void *p, size_t size)
{
    (void)user;
    (void)size;
    free(p);
}

/* A code whose mean and log-variance are the input itself: there is no layer that they come from. */
static void codes_of_the_input(void **state)
{
    dim_context *usual = ctx;
    dim_context_options co;
    static const float x[8] = { 0, 1, -2, 0.5f, 3, -0.25f, 0, 2 };
    dim_encoder *enc;
    dim_encoder_builder *b;
    dim_model *model;
    dim_prior *prior;
    double value, want = 0, mean = 0;
    (void)state;
    DIM_OPTIONS_INIT(&co);
    co.threads = 1;
    co.alloc = take_garbage;
    co.free = give_back;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    ok(dim_encoder_builder_create(ctx, 4, 0, 0, &b));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_GAUSSIAN, .from = "input" }));
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    ok(dim_model_create(enc, NULL, &model));
    ok(dim_prior_create(ctx, NULL, &prior));
    ok(dim_model_add_prior(model, prior, 1));
    dim_prior_destroy(prior);
    dim_tensor *batch = f32(2, 2, 4);
    memcpy(dim_tensor_data(batch), x, sizeof x);
    ok(dim_model_evaluate(model, batch));
    for (int i = 0; i < 8; i++)
        want += 0.5 * (x[i] * (double)x[i] + exp(x[i]) - 1 - x[i]) / 8;
    for (int i = 0; i < 4; i++) /* of the units' absolute means */
        mean += fabs(x[i] + (double)x[4 + i]) / 8;
    ok(dim_model_report(model, "prior", &value));
    assert_true(fabs(value - want) < 1e-6 * want);
    ok(dim_model_report(model, "code.mean", &value));
    assert_true(fabs(value - mean) < 1e-6);
    dim_tensor_destroy(batch);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
    ctx = usual;
}

/* The dot critic on a whole map repeats the layers from the map to the code, so the code has to come after it. */
static void maps_after_the_code(void **state)
{
    static const struct { dim_layer_options code; } cases[] = {
        { { .kind = DIM_LAYER_LINEAR, .out = 4 } }, { { .kind = DIM_LAYER_GAUSSIAN, .from = "input" } },
    };
    (void)state;
    dim_tensor *batch = f32(2, 4, 8);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dim_layer_options code = cases[i].code;
        dim_encoder *enc;
        dim_encoder_builder *b;
        dim_model *model;
        dim_term_options to;
        code.tap = "global";
        ok(dim_encoder_builder_create(ctx, 8, 0, 0, &b));
        ok(add(b, code));
        ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "input" }));
        ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_UNFLATTEN, .out = 2, .height = 2, .tap = "map" }));
        ok(dim_encoder_builder_finish(b, NULL, &enc));
        dim_encoder_builder_destroy(b);
        ok(dim_model_create(enc, NULL, &model));
        DIM_OPTIONS_INIT(&to);
        to.x = "global:map";
        ok(dim_model_add_term(model, &to));
        expect(DIM_E_UNSUPPORTED, "does not come after the tap", dim_model_step(model, batch));
        dim_model_destroy(model);
        dim_encoder_destroy(enc);
    }
    dim_tensor_destroy(batch);
}

/* The first zero ends a list of widths. */
static void hidden_widths(void **state)
{
    (void)state;
    dim_encoder *enc = mlp(), *other;
    dim_model *model;
    dim_encoder_options eo;
    dim_term_options to;
    DIM_OPTIONS_INIT(&eo);
    eo.kind = DIM_ENCODER_MLP;
    eo.channels = eo.hidden[1] = 4;
    expect(DIM_E_INVALID, "hidden[0] is 0", dim_encoder_create(ctx, &eo, &other));
    ok(dim_model_create(enc, NULL, &model));
    DIM_OPTIONS_INIT(&to);
    to.x = "fc";
    to.critic = DIM_CRITIC_MLP;
    to.hidden[0] = to.hidden[2] = 4;
    expect(DIM_E_INVALID, "hidden[1] is 0", dim_model_add_term(model, &to));
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
}

/* The whole text: it tells of the option that is wrong, and of no other. */
static void expect_text(const char *says, dim_status got)
{
    if (got != DIM_E_INVALID || strcmp(dim_context_error(ctx), says) != 0)
        fail_msg("%s (%s) instead of '%s'", dim_status_name(got), dim_context_error(ctx), says);
}

static void one_culprit(void **state)
{
    dim_encoder *enc = mlp(), *other;
    dim_model *model;
    dim_encoder_options eo;
    dim_model_options mo;
    dim_term_options to;
    dim_classifier_options co;
    (void)state;
#define BAD(o, member, value, says, call) \
    do { \
        DIM_OPTIONS_INIT(&o); \
        o.member = value; \
        expect_text(says, call); \
    } while (0)
#define ENCODER(member, value, says) \
    BAD(eo, member, value, "dim_encoder_options." says, (eo.kind = DIM_ENCODER_AMDIM32, dim_encoder_create(ctx, &eo, &other)))
    ENCODER(depth, 1000, "depth is 1000; it must be 64 at most");
    ENCODER(ndf, 1 << 21, "ndf is 2097152; it must be 1048576 at most");
    ENCODER(block_norm, 2, "block_norm is 2; it is a switch, 0 or 1");
    ENCODER(units, 1 << 25, "units is 33554432; it must be 16777216 at most");
    ENCODER(channels, 1 << 25, "channels is 33554432; it must be 16777216 at most");
    BAD(mo, views, 9, "dim_model_options.views is 9; it must be 8 at most", dim_model_create(enc, &mo, &model));
    ok(dim_model_create(enc, NULL, &model));
#define TERM(member, value, says) \
    BAD(to, member, value, "dim_term_options." says, (to.x = "fc", dim_model_add_term(model, &to)))
    TERM(units, 1 << 25, "units is 33554432; it must be 16777216 at most");
    TERM(hidden[0], 1 << 25, "hidden[0] is 33554432; it must be 16777216 at most");
#define CLASSIFIER(member, value, says) \
    BAD(co, member, value, "classifier 'classifier': " says, \
        (co.classes = co.classes != 0 ? co.classes : 3, dim_model_add_classifier(model, &co)))
    CLASSIFIER(classes, 1, "classes is 1; it must be 2 to 1048576");
    CLASSIFIER(hidden, 1 << 25, "hidden is 33554432; it must be 16777216 at most");
    CLASSIFIER(dropout, 1, "dropout is 1; it must be in [0, 1)");
    CLASSIFIER(clip, -1, "clip is -1; it must be finite and at least 0");
    CLASSIFIER(penalty, INFINITY, "penalty is inf; it must be finite and at least 0");
    CLASSIFIER(weight, INFINITY, "weight is inf; it must be finite");
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
}

static void number_of_layers(void **state)
{
    dim_encoder_builder *b;
    dim_layer_options o;
    (void)state;
    ok(dim_encoder_builder_create(ctx, 3, 0, 0, &b));
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_LAYER_RELU;
    for (int i = 0; i < 4096; i++)
        ok(dim_encoder_builder_add(b, &o));
    expect_text("an encoder has at most 4096 layers", dim_encoder_builder_add(b, &o));
    dim_encoder_builder_destroy(b);
}

/* However long a name or path is, the text says what is wrong with it. */
static void long_texts(void **state)
{
    static char path[20000];
    (void)state;
    dim_dataset *ds;
    dim_tensor *t;
    int64_t shape[3];
    dim_encoder *enc = mlp();
    for (size_t length = 300; length < sizeof path; length = length * 5 / 2) {
        memset(path, 'x', length);
        path[length] = '\0';
        expect(DIM_E_IO, "cannot open", dim_tensor_load_npy(ctx, path, &t));
        expect(DIM_E_IO, "File name too long", dim_tensor_load_npy(ctx, path, &t));
        expect(DIM_E_INVALID, "it has fc, global", dim_encoder_tap_shape(enc, path, shape));
        memcpy(path, "idx:", 4);
        expect(DIM_E_IO, "cannot open", dim_dataset_open(ctx, path, DIM_SPLIT_TRAIN, &ds));
        memcpy(path, "odd:", 4);
        expect(DIM_E_INVALID, "cifar10", dim_dataset_open(ctx, path, DIM_SPLIT_TRAIN, &ds));
    }
    dim_encoder_destroy(enc);
}

/* What a call only reads or writes may be of another context; what an object keeps may not. */
static void of_other_contexts(void **state)
{
    dim_context *mine = NULL, *other = NULL;
    dim_encoder *enc = NULL;
    dim_tensor *x[2], *features[2];
    dim_dataset *data;
    (void)state;
    ok(dim_context_create(NULL, &mine));
    ok(dim_context_create(NULL, &other));
    ok(dim_encoder_create(mine, &(dim_encoder_options){ .size = sizeof(dim_encoder_options), .kind = DIM_ENCODER_MLP,
                                                        .channels = 8, .units = 4 }, &enc));
    for (int k = 0; k < 2; k++) {
        dim_context *its = k == 0 ? mine : other;
        ok(dim_tensor_create(its, DIM_F32, 2, (int64_t[]){ 4, 8 }, &x[k]));
        ok(dim_tensor_create(its, DIM_F32, 2, (int64_t[]){ 4, 4 }, &features[k]));
        for (int i = 0; i < 32; i++)
            ((float *)dim_tensor_data(x[k]))[i] = (float)i / 32;
        ok(dim_encoder_encode(enc, x[k], NULL, features[k]));
    }
    assert_memory_equal(dim_tensor_data(features[0]), dim_tensor_data(features[1]), 16 * sizeof(float));
    assert_int_equal(dim_dataset_from_tensors(mine, x[1], NULL, &data), DIM_E_INVALID);
    assert_non_null(strstr(dim_context_error(mine), "another context"));
    for (int k = 0; k < 2; k++) {
        dim_tensor_destroy(features[k]);
        dim_tensor_destroy(x[k]);
    }
    dim_encoder_destroy(enc);
    dim_context_destroy(other);
    dim_context_destroy(mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_never_set), cmocka_unit_test(outputs_hold_all_elements),
        cmocka_unit_test(outputs_are_checked), cmocka_unit_test(encode_apart),
        cmocka_unit_test(gradients_apart), cmocka_unit_test(data_apart),
        cmocka_unit_test(names), cmocka_unit_test(taps), cmocka_unit_test(hidden_widths),
        cmocka_unit_test(codes_of_the_input), cmocka_unit_test(maps_after_the_code),
        cmocka_unit_test(one_culprit), cmocka_unit_test(number_of_layers), cmocka_unit_test(long_texts),
        cmocka_unit_test(of_other_contexts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
