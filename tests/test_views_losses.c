/* VICReg and Barlow Twins: values, reports and gradients as PyTorch has them in double (fixtures/make_views.py); the same bits with
 * one and two threads; bf16; what they are told, what a checkpoint keeps of it, and what is refused. */
#include "objective_tests.h"

#include <math.h>

static float number(int64_t k, int64_t i) { return (float)((i * 7919 + 1013 * k + i * i % 97 * 31) % 1024) / 512 - 1; }

typedef struct loss_case { /* as in the fixture */
    dim_loss_kind kind;
    int64_t n, d;
    float scale, shift;
    dim_loss_options o;
} loss_case;

static const loss_case cases[] = {
    { DIM_LOSS_VICREG, 5, 12, 1, 0, { 0 } },
    { DIM_LOSS_VICREG, 12, 5, 1, 0, { 0 } },
    { DIM_LOSS_VICREG, 9, 9, 3, 2, { .sum_units = 1 } },
    { DIM_LOSS_VICREG, 2, 7, 0.01f, 0, { 0 } },
    { DIM_LOSS_VICREG, 16, 6, 2, -1, { .invariance = 3, .variance = 7, .covariance = 0.5f } },
    { DIM_LOSS_BARLOW_TWINS, 5, 12, 1, 0, { 0 } },
    { DIM_LOSS_BARLOW_TWINS, 12, 5, 1, 3, { 0 } },
    { DIM_LOSS_BARLOW_TWINS, 8, 8, 0.125f, 0, { .redundancy = 0.25f } },
    { DIM_LOSS_BARLOW_TWINS, 3, 4, 2, 0, { 0 } },
};
enum { CASES = sizeof cases / sizeof *cases, OF_VIEWS = 3 };

static const loss_case of_views[OF_VIEWS] = {
    { DIM_LOSS_VICREG, 2, 4, 1, 0, { 0 } }, { DIM_LOSS_VICREG, 3, 4, 1, 0, { 0 } }, { DIM_LOSS_BARLOW_TWINS, 3, 4, 1, 0, { 0 } },
}; /* n: views, of 6 samples each */

static const char *const reported[2][3] = { { "l.invariance", "l.variance", "l.covariance" },
                                            { "l.invariance", "l.redundancy", NULL } };

/* ---- against PyTorch ------------------------------------------------------------------------------------------------- */

static dim_tensor *expected;
static int64_t at;

static double next(void)
{
    assert_true(at < dim_tensor_count(expected));
    return ((const double *)dim_tensor_const_data(expected))[at++];
}

static void compare(int k, const char *what, double got, double want, double top)
{
    if (!(fabs(got - want) <= 2e-6 * fmax(top, fabs(want))))
        fail_msg("case %d, %s: %.9g, not %.9g", k, what, got, want);
}

static void compare_gradient(int k, dim_objective *obj, const char *input, int64_t n, int64_t d)
{
    dim_tensor *g = f32_tensor(2, (int64_t[]){ n, d }, NULL);
    const double *want = (const double *)dim_tensor_const_data(expected) + at;
    double top = 0;
    ok(dim_objective_gradient(obj, "l", input, g));
    for (int64_t i = 0; i < n * d; i++)
        top = fmax(top, fabs(want[i]));
    for (int64_t i = 0; i < n * d; i++)
        compare(k, input, ((const float *)dim_tensor_const_data(g))[i], next(), 2 * top);
    dim_tensor_destroy(g);
}

static void give(dim_objective *obj, const char *input, int64_t k, int64_t n, int64_t d, float scale, float shift)
{
    dim_tensor *t = f32_tensor(2, (int64_t[]){ n, d }, NULL);
    for (int64_t i = 0; i < n * d; i++)
        ((float *)dim_tensor_data(t))[i] = (float)((double)number(k, i) * (double)scale + (double)shift);
    ok(dim_objective_set(obj, input, t));
    dim_tensor_destroy(t);
}

static dim_objective *two_views(const loss_case *c)
{
    dim_objective *obj = objective(0);
    dim_loss_options o = c->o;
    INPUT(obj, .name = "a", .shape = { c->d }, .want_gradient = 1);
    INPUT(obj, .name = "b", .shape = { c->d }, .want_gradient = 1);
    o.name = "l";
    o.kind = c->kind;
    o.a = "a";
    o.b = "b";
    add_loss(obj, o);
    return obj;
}

static dim_objective *one_value(const loss_case *c)
{
    dim_objective *obj = objective(0);
    INPUT(obj, .name = "a", .shape = { c->d }, .views = (uint32_t)c->n, .want_gradient = 1);
    LOSS(obj, .name = "l", .kind = c->kind, .a = "a");
    return obj;
}

static void compare_values(int k, dim_objective *obj, dim_loss_kind kind)
{
    const char *const *names = reported[kind == DIM_LOSS_BARLOW_TWINS];
    ok(dim_objective_evaluate(obj));
    compare(k, "loss", report(obj, "l"), next(), 0);
    for (int i = 0; i < 3 && names[i] != NULL; i++)
        compare(k, names[i], report(obj, names[i]), next(), 1e-3);
}

static void test_pytorch(void **state)
{
    (void)state;
    at = 0;
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/views.npy", &expected));
    for (int k = 0; k < CASES; k++) {
        const loss_case *c = &cases[k];
        dim_objective *obj = two_views(c);
        give(obj, "a", 2 * k, c->n, c->d, c->scale, c->shift);
        give(obj, "b", 2 * k + 1, c->n, c->d, 1, 0);
        compare_values(k, obj, c->kind);
        compare_gradient(k, obj, "a", c->n, c->d);
        compare_gradient(k, obj, "b", c->n, c->d);
        dim_objective_destroy(obj);
    }
    for (int k = 0; k < OF_VIEWS; k++) {
        const loss_case *c = &of_views[k];
        dim_objective *obj = one_value(c);
        give(obj, "a", 40 + c->n, c->n * 6, c->d, 1, 0);
        compare_values(CASES + k, obj, c->kind);
        compare_gradient(CASES + k, obj, "a", c->n * 6, c->d);
        dim_objective_destroy(obj);
    }
    assert_int_equal(at, dim_tensor_count(expected));
    dim_tensor_destroy(expected);
}

/* ---- in training ------------------------------------------------------------------------------------------------------ */

enum { N = 24, IN = 20, D = 48, STEPS = 30 };

/* One encoder on two noisy views of the same numbers. */
static dim_objective *trained(dim_loss_kind kind)
{
    dim_objective *obj = objective(3);
    INPUT(obj, .name = "x", .shape = { IN }, .views = 2);
    apply(obj, network_of(IN, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 32 }, { .kind = DIM_LAYER_BATCH_NORM },
                                           { .kind = DIM_LAYER_RELU }, { .kind = DIM_LAYER_LINEAR, .out = D })), "x", "f");
    LOSS(obj, .name = "l", .kind = kind, .a = "f");
    PLAYER(obj, OF(.name = "p"), .lr = 1e-3f);
    own(obj, "p", "f");
    minimise(obj, "p", "l", 1);
    give(obj, "x", 7, 2 * N, IN, 1, 0);
    return obj;
}

/* The loss after some steps, in a context of its own. */
static double train(dim_loss_kind kind, uint32_t threads, dim_precision precision, double *first)
{
    dim_context *mine = ctx;
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    o.blas_threads = 1;
    o.precision = precision;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    dim_objective *obj = trained(kind);
    for (int i = 0; i < STEPS; i++) {
        ok(dim_objective_step(obj));
        if (i == 0)
            *first = report(obj, "l");
    }
    double last = report(obj, "l");
    dim_objective_destroy(obj);
    dim_context_destroy(ctx);
    ctx = mine;
    return last;
}

static void test_training(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        dim_loss_kind kind = k == 0 ? DIM_LOSS_VICREG : DIM_LOSS_BARLOW_TWINS;
        double first, again, half;
        double one = train(kind, 1, DIM_PRECISION_F32, &first), two = train(kind, 2, DIM_PRECISION_F32, &again);
        assert_true(one < 0.9 * first);
        assert_true(one == two && first == again);
        double rounded = train(kind, 2, DIM_PRECISION_BF16, &half);
        assert_true(fabs(half - first) < 0.02 * first && fabs(rounded - one) < 0.1 * one);
    }
}

/* ---- options ------------------------------------------------------------------------------------------------------------ */

static void test_checkpoint(void **state)
{
    const char *const path = "test_views_losses.safetensors";
    const loss_case usual = { DIM_LOSS_VICREG, 2, 3, 1, 0, { 0 } };
    loss_case said = usual, other = usual;
    (void)state;
    said.o.invariance = said.o.variance = 25;
    said.o.covariance = 1;
    other.o.covariance = 2;
    dim_objective *a = two_views(&usual), *b = two_views(&said), *c = two_views(&other);
    ok(dim_objective_checkpoint_save(a, NULL, path));
    ok(dim_objective_checkpoint_load(b, NULL, path));
    expect(DIM_E_INVALID, "covariance 2", dim_objective_checkpoint_load(c, NULL, path));
    remove(path);
    dim_objective_destroy(a);
    dim_objective_destroy(b);
    dim_objective_destroy(c);
}

#define REFUSED(status, text, ...) \
    expect(status, text, dim_objective_add_loss(obj, &(dim_loss_options){ .size = sizeof(dim_loss_options), .name = "l", __VA_ARGS__ }))

static void test_refused(void **state)
{
    (void)state;
    dim_objective *obj = objective(0);
    VECTOR(obj, "a", 3);
    VECTOR(obj, "wide", 4);
    INPUT(obj, .name = "views", .shape = { 3 }, .views = 2);
    INPUT(obj, .name = "map", .shape = { 3, 4, 4 }, .views = 2);
    INPUT(obj, .name = "label", .dtype = DIM_I32);
    for (int k = DIM_LOSS_VICREG; k <= DIM_LOSS_BARLOW_TWINS; k++) {
        REFUSED(DIM_E_INVALID, "a of several views; a has one", .kind = (dim_loss_kind)k, .a = "a");
        REFUSED(DIM_E_SHAPE, "has shape", .kind = (dim_loss_kind)k, .a = "a", .b = "wide");
        REFUSED(DIM_E_SHAPE, "views", .kind = (dim_loss_kind)k, .a = "views", .b = "a");
        REFUSED(DIM_E_SHAPE, "a is a map", .kind = (dim_loss_kind)k, .a = "map");
        REFUSED(DIM_E_SHAPE, "cannot be labels", .kind = (dim_loss_kind)k, .a = "a", .b = "label");
        REFUSED(DIM_E_INVALID, "does not take c", .kind = (dim_loss_kind)k, .a = "a", .b = "a", .c = "a");
    }
    REFUSED(DIM_E_INVALID, "redundancy is not an option of vicreg", .kind = DIM_LOSS_VICREG, .a = "views", .redundancy = 1);
    REFUSED(DIM_E_INVALID, "covariance is not an option of barlow-twins", .kind = DIM_LOSS_BARLOW_TWINS, .a = "views",
            .covariance = 1);
    REFUSED(DIM_E_INVALID, "sum_units is not an option of barlow-twins", .kind = DIM_LOSS_BARLOW_TWINS, .a = "views",
            .sum_units = 1);
    REFUSED(DIM_E_INVALID, "variance is not an option of kl", .kind = DIM_LOSS_KL, .a = "a", .b = "a", .variance = 1);
    REFUSED(DIM_E_INVALID, "invariance", .kind = DIM_LOSS_VICREG, .a = "views", .invariance = -1);
    REFUSED(DIM_E_INVALID, "redundancy", .kind = DIM_LOSS_BARLOW_TWINS, .a = "views", .redundancy = NAN);
    dim_objective_destroy(obj);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pytorch),
        cmocka_unit_test(test_training),
        cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
