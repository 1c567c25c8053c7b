/* Few labels: a classifier whose gradient reaches the encoder, beside the objective of a model or alone.  A step with masked labels
 * as PyTorch has it in double (fixtures/make_few_labels.py); a batch without labels teaches what the objective alone does; the same
 * bits with one and two threads; a checkpoint on the way. */
#include "objective_tests.h"

#include <dim/checkpoint.h>
#include <math.h>

enum { N = 6, CLASSES = 3, MOST = 32 };
static const int32_t masked[N] = { -1, 2, -1, 0, -1, -1 }, none[N] = { -1, -1, -1, -1, -1, -1 };

static float number(int64_t k, int64_t i) { return (float)((i * 7919 + 1013 * k + i * i % 97 * 31) % 1024) / 512 - 1; }

typedef enum taught { BY_BOTH, BY_LABELS, BY_DIM } taught;

static dim_network *encoder(void)
{
    return network_of(2, 6, 6, LAYERS({ .kind = DIM_LAYER_CONV, .out = 4, .kernel = 3, .stride = 2, .padding = 1, .no_bias = 1 },
                                      { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_RELU, .tap = "local" },
                                      { .kind = DIM_LAYER_LINEAR, .out = 6 }));
}

static void add_term(dim_model *model)
{
    dim_estimator *infonce;
    dim_estimator_options how = { .size = sizeof how, .kind = DIM_ESTIMATOR_INFONCE };
    ok(dim_estimator_create(ctx, &how, &infonce));
    dim_term_options term = { .size = sizeof term, .name = "dim", .estimator = infonce, .critic = DIM_CRITIC_BILINEAR };
    ok(dim_model_add_term(model, &term));
    dim_estimator_destroy(infonce);
}

static void add_classes(dim_model *model, float weight, float dropout)
{
    dim_objective *obj = dim_model_objective(model);
    apply(obj, network_of(4, 3, 3, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 5, .no_bias = 1 },
                                          { .kind = DIM_LAYER_DROPOUT, .rate = dropout }, { .kind = DIM_LAYER_BATCH_NORM },
                                          { .kind = DIM_LAYER_RELU }, { .kind = DIM_LAYER_LINEAR, .out = CLASSES })),
          "encoder.local", "head");
    LOSS(obj, .name = "class", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "head", .b = "labels");
    own(obj, "model", "head");
    minimise(obj, "model", "class", weight);
}

static dim_model *model_of(taught by, float dropout)
{
    dim_model *model;
    dim_network *enc = encoder();
    dim_optimizer_options sgd = { .size = sizeof sgd, .kind = DIM_OPTIMIZER_SGD, .lr = 1 };
    ok(dim_model_create(enc, NULL, &model));
    dim_encoder_destroy(enc);
    if (by != BY_LABELS)
        add_term(model);
    if (by != BY_DIM)
        add_classes(model, by == BY_BOTH ? 0.75f : 1, dropout);
    ok(dim_model_set_optimizer(model, &sgd));
    return model;
}

/* As the fixture has it, by names. */
static int key(const char *name)
{
    int sum = 0;
    for (int i = 0; name[i] != '\0'; i++)
        sum += (i + 1) * name[i];
    return sum % 1000;
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static void fill(dim_model *model)
{
    for (int k = 0; k < dim_model_parameter_count(model); k++) {
        char name[64];
        dim_tensor *p;
        snprintf(name, sizeof name, "%s", dim_model_parameter_name(model, k));
        ok(dim_model_get_parameter(model, name, &p));
        float *x = dim_tensor_data(p);
        for (int64_t i = 0; i < dim_tensor_count(p); i++) {
            x[i] = number(key(name), i) / 2;
            if (ends_in(name, "running_var") || ends_in(name, "bn1.weight"))
                x[i] = 1 + x[i] / 2;
        }
        ok(dim_model_set_parameter(model, name, p));
        dim_tensor_destroy(p);
    }
}

static dim_tensor *images(int number_of)
{
    dim_tensor *x = f32_tensor(4, (int64_t[]){ N, 2, 6, 6 }, NULL);
    for (int64_t i = 0; i < dim_tensor_count(x); i++)
        ((float *)dim_tensor_data(x))[i] = number(number_of, i);
    return x;
}

static void step(dim_model *model, int number_of, const int32_t labels[N])
{
    dim_tensor *x = images(number_of), *y;
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ N }, &y));
    memcpy(dim_tensor_data(y), labels, N * sizeof *labels);
    ok(dim_model_step_labeled(model, x, y));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
}

static double of_model(const dim_model *model, const char *name)
{
    double value = 0;
    ok(dim_model_report(model, name, &value));
    return value;
}

/* ---- against PyTorch ----------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

static void compare_parameters(dim_model *model, const double **want)
{
    char names[MOST][64];
    int count = dim_model_parameter_count(model);
    assert_in_range(count, 1, MOST);
    for (int k = 0; k < count; k++)
        snprintf(names[k], sizeof names[k], "%s", dim_model_parameter_name(model, k));
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int k = 0; k < count; k++) {
        dim_tensor *p;
        ok(dim_model_get_parameter(model, names[k], &p));
        for (int64_t i = 0; i < dim_tensor_count(p); i++, ++*want) {
            double got = ((const float *)dim_tensor_const_data(p))[i];
            if (!(fabs(got - **want) <= 1e-6 * (1 + fabs(**want))))
                fail_msg("%s[%d] is %.9g, PyTorch's %.9g", names[k], (int)i, got, **want);
        }
        dim_tensor_destroy(p);
    }
}

static void test_pytorch(void **state)
{
    dim_tensor *all;
    (void)state;
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/few_labels.npy", &all));
    const double *want = dim_tensor_const_data(all), *end = want + dim_tensor_count(all);
    for (taught by = BY_BOTH; by <= BY_LABELS; by++) {
        dim_model *model = model_of(by, 0);
        fill(model);
        step(model, 1, masked);
        assert_true(fabs(of_model(model, "loss") - *want++) <= 2e-6);
        assert_true(fabs(of_model(model, "class") - *want++) <= 2e-6);
        compare_parameters(model, &want);
        dim_model_destroy(model);
    }
    assert_true(want == end);
    dim_tensor_destroy(all);
}

/* ---- masks ------------------------------------------------------------------------------------------------------------------ */

/* Of the model with labels that is also the other's. */
static void compare_encoders(dim_model *model, dim_model *other)
{
    for (int k = 0; k < dim_model_parameter_count(other); k++) {
        char name[64];
        dim_tensor *p, *q;
        snprintf(name, sizeof name, "%s", dim_model_parameter_name(other, k));
        ok(dim_model_get_parameter(model, name, &p));
        ok(dim_model_get_parameter(other, name, &q));
        assert_memory_equal(dim_tensor_const_data(p), dim_tensor_const_data(q), (size_t)dim_tensor_count(p) * sizeof(float));
        dim_tensor_destroy(p);
        dim_tensor_destroy(q);
    }
}

static void test_no_labels(void **state)
{
    (void)state;
    dim_model *both = model_of(BY_BOTH, 0), *alone = model_of(BY_DIM, 0);
    fill(both);
    fill(alone);
    step(both, 1, none);
    dim_tensor *x = images(1);
    ok(dim_model_step(alone, x));
    dim_tensor_destroy(x);
    assert_true(of_model(both, "class") == 0 && isnan(of_model(both, "class.accuracy")));
    assert_true(of_model(both, "loss") == of_model(alone, "loss"));
    compare_encoders(both, alone);
    dim_model_destroy(both);
    dim_model_destroy(alone);
}

/* ---- the same run ------------------------------------------------------------------------------------------------------------ */

enum { STEPS = 6 };

/* All steps, or with a checkpoint in the middle; the parameters afterwards. */
static int64_t train(uint32_t threads, dim_precision precision, bool stop, float *out, int64_t room)
{
    static const char *const path = "test_few_labels.safetensors";
    dim_context *mine = ctx;
    dim_context_options o = { .size = sizeof o, .threads = threads, .blas_threads = 1, .precision = precision };
    int64_t used = 0;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    dim_model *model = model_of(BY_BOTH, 0.1f);
    for (int i = 0; i < STEPS; i++) {
        step(model, i, i % 3 == 2 ? none : masked);
        if (!stop || i != STEPS / 2)
            continue;
        ok(dim_checkpoint_save(model, NULL, path));
        dim_model_destroy(model);
        model = model_of(BY_BOTH, 0.1f);
        ok(dim_checkpoint_load(model, NULL, path));
        remove(path);
    }
    for (int k = 0; k < dim_model_parameter_count(model); k++) {
        dim_tensor *p;
        ok(dim_model_get_parameter(model, dim_model_parameter_name(model, k), &p));
        int64_t n = dim_tensor_count(p);
        assert_true(used + n <= room);
        memcpy(out + used, dim_tensor_const_data(p), (size_t)n * sizeof *out);
        used += n;
        dim_tensor_destroy(p);
    }
    dim_model_destroy(model);
    dim_context_destroy(ctx);
    ctx = mine;
    return used;
}

static void test_same_run(void **state)
{
    enum { ROOM = 1024 };
    float one[ROOM], other[ROOM];
    (void)state;
    for (dim_precision p = DIM_PRECISION_F32; p <= DIM_PRECISION_BF16; p++) {
        int64_t n = train(1, p, false, one, ROOM);
        assert_int_equal(train(2, p, false, other, ROOM), n);
        assert_memory_equal(one, other, (size_t)n * sizeof *one);
        assert_int_equal(train(1, p, true, other, ROOM), n);
        assert_memory_equal(one, other, (size_t)n * sizeof *one);
    }
}

/* ---- which samples have a label is part of a run ------------------------------------------------------------------------------- */

static dim_loader *loader_of(const int32_t labels[N])
{
    dim_loader *loader;
    dim_dataset *ds;
    dim_loader_options o = { .size = sizeof o, .batch = 3, .no_thread = 1 };
    dim_tensor *x = images(1), *y;
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ N }, &y));
    memcpy(dim_tensor_data(y), labels, N * sizeof *labels);
    ok(dim_dataset_from_tensors(ctx, x, y, &ds));
    ok(dim_loader_create(ds, &o, &loader));
    dim_dataset_destroy(ds);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    return loader;
}

static void test_loader(void **state)
{
    static const char *const path = "test_few_labels.safetensors";
    static const int32_t others[N] = { -1, -1, 2, 0, -1, -1 }, fewer[N] = { -1, 2, -1, -1, -1, -1 };
    dim_model *model = model_of(BY_BOTH, 0);
    dim_loader *a = loader_of(masked), *same = loader_of(masked), *b = loader_of(others), *c = loader_of(fewer);
    (void)state;
    ok(dim_checkpoint_save(model, a, path));
    ok(dim_checkpoint_load(model, same, path));
    expect(DIM_E_INVALID, "loader.unlabelled", dim_checkpoint_load(model, b, path));
    expect(DIM_E_INVALID, "loader.unlabelled", dim_checkpoint_load(model, c, path));
    remove(path);
    dim_loader_destroy(a);
    dim_loader_destroy(same);
    dim_loader_destroy(b);
    dim_loader_destroy(c);
    dim_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pytorch),
        cmocka_unit_test(test_no_labels),
        cmocka_unit_test(test_same_run),
        cmocka_unit_test(test_loader),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
