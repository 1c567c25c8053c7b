/* Ridge and linear probes against scikit-learn (fixtures/make_probe_sets.py) and against normal equations; and that neither
 * units nor offsets nor the numbers of classes matter to any probe. */
#include "probe_sets.h"

#include "eval/ridge.h"

#include <float.h>

static char warned[256];

/* against scikit-learn */

static void test_against_scikit_learn(void **state)
{
    static const struct {
        dim_probe_kind kind;
        float lambda;
    } cases[] = {{DIM_PROBE_LINEAR, 0},        {DIM_PROBE_LINEAR, 1},     {DIM_PROBE_RIDGE, 0.1f},
                 {DIM_PROBE_RIDGE, 0.001f}, {DIM_PROBE_KNN_COSINE, 0}, {DIM_PROBE_KNN_EUCLIDEAN, 0}};
    char name[32];
    int n, sets = 0;
    double expected[6];
    FILE *f = fopen(DIM_TEST_DATA "/probe_sets/expected.txt", "r");
    (void)state;
    assert_non_null(f);
    for (; fscanf(f, "%31s %d %lf %lf %lf %lf %lf %lf", name, &n, expected, expected + 1, expected + 2, expected + 3,
                  expected + 4, expected + 5) == 8; sets++) {
        read_set(name, n);
        for (int i = 0; i < 6; i++) {
            dim_probe_options o = options(cases[i].kind);
            o.lambda = cases[i].lambda;
            dim_probe_result r = run(&data, &o);
            if (fabs(r.accuracy - expected[i]) > 0.005 + 1e-6)
                fail_msg("%s, case %d: %.4f, scikit-learn has %.4f", name, i, r.accuracy, expected[i]);
            assert_true(r.converged == 1 && r.edge == 0 && r.validation_accuracy == 0);
        }
    }
    fclose(f);
    assert_int_equal(sets, 7);
}

/* units, offsets, numbers of classes */

static const struct {
    dim_probe_kind kind;
    float lr;
} probes[] = {{DIM_PROBE_LINEAR, 0}, {DIM_PROBE_LINEAR, 0.01f}, {DIM_PROBE_RIDGE, 0}, {DIM_PROBE_SVM, 0},
              {DIM_PROBE_MLP, 0.01f}, {DIM_PROBE_KNN_EUCLIDEAN, 0}, {DIM_PROBE_KNN_COSINE, 0}};
enum { PROBES = sizeof probes / sizeof probes[0], SCALED = 5 }; /* the first few standardise features */

static dim_probe_result run_probe(const set *s, int i)
{
    dim_probe_options o = options(probes[i].kind);
    o.lr = probes[i].lr;
    return run(s, &o);
}

static void expect_near(const char *what, int probe, const dim_probe_result *is, const dim_probe_result *wanted, double by)
{
    if (fabs(is->accuracy - wanted->accuracy) > by || fabs(is->train_accuracy - wanted->train_accuracy) > by)
        fail_msg("%s, probe %d: %.4f of test, %.4f of train; else %.4f, %.4f", what, probe, is->accuracy,
                 is->train_accuracy, wanted->accuracy, wanted->train_accuracy);
}

static void change(set *s, float scale, float offset)
{
    for (int64_t i = 0; i < s->n * s->d; i++)
        s->train[i] = s->train[i] * scale + offset;
    for (int64_t i = 0; i < s->m * s->d; i++)
        s->test[i] = s->test[i] * scale + offset;
}

static void test_units(void **state)
{
    static set other;
    static const float scales[] = {1e-15f, 1e15f, 1e-30f, 1e30f, 0x1p-60f};
    (void)state;
    read_set("cancer", 379);
    for (int i = 0; i < PROBES; i++) {
        dim_probe_result whole = run_probe(&data, i);
        for (size_t j = 0; j < sizeof scales / sizeof *scales; j++) {
            other = data;
            change(&other, scales[j], 0);
            dim_probe_result r = run_probe(&other, i);
            expect_near("units", i, &r, &whole, scales[j] == 0x1p-60f ? 0 : 0.006);
        }
        for (int64_t j = 0; j < data.d && i < SCALED; j++) { /* each feature in a unit of its own */
            float unit = ldexpf(1, (int)(j * 37 % 120) - 60);
            for (int64_t k = 0; k < data.n; k++)
                other.train[k * data.d + j] = data.train[k * data.d + j] * unit;
            for (int64_t k = 0; k < data.m; k++)
                other.test[k * data.d + j] = data.test[k * data.d + j] * unit;
        }
        if (i < SCALED) {
            dim_probe_result r = run_probe(&other, i);
            assert_memory_equal(&r, &whole, sizeof r);
        }
    }
}

/* 1e4 times the spread.  Cosine sees another angle then, so its neighbours are tested elsewhere. */
static void test_offsets(void **state)
{
    static set other;
    (void)state;
    read_set("few", 60);
    for (int i = 0; i + 1 < PROBES; i++) {
        other = data;
        change(&other, 1, 16384); /* first rounded as the offset will round */
        change(&other, 1, -16384);
        dim_probe_result whole = run_probe(&other, i);
        change(&other, 1, 16384);
        dim_probe_result r = run_probe(&other, i);
        expect_near("offset", i, &r, &whole, 0);
    }
}

/* (x - mean) / std of N exactly, at every scale; what deviates by less than a rounding of its mean is constant. */
static void test_standardisation(void **state)
{
    static const float scales[] = {1, 1e-30f, 1e30f, 1e-15f, 1e-6f};
    enum { N = 5, D = 4 };
    (void)state;
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
        const float c = scales[k];
        const float x[N][D] = {{c, 3 * c, 1000 * c, 7}, {2 * c, 3 * c, 1000 * c, nextafterf(7, 8)}, {4 * c, 3 * c, 1001 * c, 7},
                               {8 * c, 3 * c, 1000 * c, 7}, {-5 * c, 3 * c, 1000 * c, 7}};
        float z[N][D + 1];
        dim__scaler s;
        assert_int_equal(dim__scaler_create(ctx, x[0], N, D, &s), DIM_OK);
        dim__scaler_rows(ctx, &s, x[0], NULL, 0, N, z[0]);
        for (int j = 0; j < D; j++) {
            long double mean = 0, square = 0;
            for (int i = 0; i < N; i++)
                mean += (long double)x[i][j] / N;
            for (int i = 0; i < N; i++)
                square += ((long double)x[i][j] - mean) * ((long double)x[i][j] - mean) / N;
            for (int i = 0; i < N; i++) {
                long double wanted = j == 1 || j == 3 ? 0 : ((long double)x[i][j] - mean) / sqrtl(square);
                assert_true(fabsl((long double)z[i][j] - wanted) <= 1e-7L * fabsl(wanted));
                assert_true(z[i][D] == 1);
            }
        }
        dim__scaler_free(ctx, &s);
    }
}

static void test_numbers_of_classes(void **state)
{
    static set other;
    static const int32_t numbers[] = {999999, 0, 17, 3, 500, 2, 41, 9, 1000, 8};
    (void)state;
    read_set("digits", 600);
    for (int i = 0; i < PROBES; i++) {
        dim_probe_result whole = run_probe(&data, i);
        other = data;
        for (int64_t j = 0; j < data.n; j++)
            other.train_labels[j] = numbers[data.train_labels[j]];
        for (int64_t j = 0; j < data.m; j++)
            other.test_labels[j] = numbers[data.test_labels[j]];
        dim_probe_result r = run_probe(&other, i);
        if (i < SCALED)
            assert_memory_equal(&r, &whole, sizeof r);
        else /* a tie goes to the smallest number */
            expect_near("numbers", i, &r, &whole, 0.02);
    }
}

/* Of classes that train does not have no sample is right: neither below train's largest number nor above it. */
static void test_unknown_classes(void **state)
{
    static const int32_t unknown[] = {4, 10, 999999};
    (void)state;
    read_set("digits", 600);
    for (int64_t i = 0; i < data.n; i++)
        data.train_labels[i] += data.train_labels[i] >= 4; /* class 4 is free */
    for (size_t u = 0; u < sizeof unknown / sizeof *unknown; u++) {
        for (int64_t i = 0; i < data.m; i++)
            data.test_labels[i] = unknown[u];
        for (int i = 0; i < PROBES; i++) {
            dim_probe_result r = run_probe(&data, i);
            assert_true(r.accuracy == (unknown[u] == 10 ? r.accuracy : 0) && (unknown[u] != 10 || r.accuracy < 0.2));
        }
    }
    for (int64_t i = 0; i < data.n; i++)
        data.train_labels[i] = 0;
    data.test_labels[0] = 0; /* one class alone: all are taken for it */
    for (int i = 0; i < PROBES; i++)
        assert_true(run_probe(&data, i).accuracy == 1 / (double)data.m);
}

/* The ridge's weights by normal equations in double. */
static void reference_ridge(const set *s, int64_t n, double lambda, int64_t classes, double *w)
{
    const int64_t d = s->d, p = d + 1, width = p + classes;
    double *z = calloc((size_t)(s->n * p), sizeof *z), *a = calloc((size_t)(p * width), sizeof *a);
    assert_true(z != NULL && a != NULL);
    for (int64_t j = 0; j < p; j++) {
        double mean = 0, square = 0;
        for (int64_t i = 0; i < s->n && j < d; i++)
            mean += (double)s->train[i * d + j] / (double)s->n;
        for (int64_t i = 0; i < s->n && j < d; i++)
            square += pow((double)s->train[i * d + j] - mean, 2) / (double)s->n;
        for (int64_t i = 0; i < s->n; i++)
            z[i * p + j] = j < d ? ((double)s->train[i * d + j] - mean) / sqrt(square) : 1;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < p; j++) {
            for (int64_t l = 0; l < p; l++)
                a[j * width + l] += z[i * p + j] * z[i * p + l];
            a[j * width + p + s->train_labels[i]] += z[i * p + j];
        }
    for (int64_t j = 0; j < d; j++) /* the last one is the intercept */
        a[j * width + j] += lambda * (double)n;
    for (int64_t j = 0; j < p; j++) /* Gauss-Jordan; the matrix is positive definite */
        for (int64_t i = 0; i < p; i++) {
            double factor = a[i * width + j] / a[j * width + j];
            for (int64_t l = j; l < width && i != j; l++)
                a[i * width + l] -= factor * a[j * width + l];
        }
    for (int64_t j = 0; j < p; j++)
        for (int64_t c = 0; c < classes; c++)
            w[j * classes + c] = a[j * width + p + c] / a[j * width + j];
    free(z);
    free(a);
}

static void test_ridge_equations(void **state)
{
    static const struct {
        const char *name;
        int64_t n, classes, fitted;
        bool dual;
    } cases[] = {{"few", 60, 3, 60, false}, {"few", 60, 3, 47, false}, {"wide", 90, 4, 90, true}, {"wide", 90, 4, 71, true}};
    static double w[201 * 4];
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (double lambda = 1e-3; lambda < 2e3; lambda *= 1e3) {
            read_set(cases[k].name, cases[k].n);
            dim__probe_data d = {.n = data.n, .d = data.d, .classes = cases[k].classes, .train = data.train,
                                 .train_labels = data.train_labels};
            dim__ridge r = {.ctx = ctx};
            assert_int_equal(dim__ridge_init(&r, &d), DIM_OK);
            assert_true(r.dual == cases[k].dual && r.size == (r.dual ? data.n : data.d + 1));
            dim__ridge_add(&r, 0, cases[k].fitted);
            assert_true(dim__ridge_fit(&r, cases[k].fitted, 7.0)); /* fits leave the products as they are */
            assert_true(dim__ridge_fit(&r, cases[k].fitted, lambda));
            reference_ridge(&data, cases[k].fitted, lambda, cases[k].classes, w);
            double most = 0;
            for (int64_t i = 0; i < data.d * d.classes; i++)
                most = fmax(most, fabs(w[i]));
            for (int64_t i = 0; i < (data.d + 1) * d.classes; i++)
                if (fabs((double)r.w[i] - w[i]) > (2e-5 + 2e-7 / lambda) * (i < data.d * d.classes ? most : 1))
                    fail_msg("case %d, lambda %g: weight %d is %.9g, not %.9g", (int)k, lambda, (int)i, (double)r.w[i], w[i]);
            dim__ridge_free(&r);
        }
}

static void log_to_test(void *user, dim_log_level level, const char *text)
{
    (void)user;
    if (level == DIM_LOG_WARNING)
        snprintf(warned, sizeof warned, "%s", text);
}

/* What was chosen, and whether more could be better, stands in the result. */
static void test_what_was_chosen(void **state)
{
    dim_context_options co;
    dim_context *usual = ctx;
    (void)state;
    DIM_OPTIONS_INIT(&co);
    co.log = log_to_test;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    read_set("few", 60);
    dim_probe_options o = options(DIM_PROBE_LINEAR);
    warned[0] = '\0';
    dim_probe_result r = run(&data, &o);
    assert_true(r.converged == 1 && r.chosen > 5 && r.chosen < 100 && fabs(r.lambda - 1.0 / 60) < 1e-12);
    assert_string_equal(warned, "");
    o.epochs = 2;
    r = run(&data, &o);
    assert_true(r.converged == 0 && r.chosen == 2);
    assert_string_equal(warned, "linear probe: not converged after 2 iterations");
    o.lambda = 100; /* shrinks all to little more than the shares of classes */
    o.epochs = 0;
    r = run(&data, &o);
    assert_true(r.lambda == 100 && r.converged == 1 && r.train_accuracy < 0.99);

    o = options(DIM_PROBE_RIDGE);
    r = run(&data, &o);
    assert_true(r.lambda == r.chosen && r.edge == 0 && r.chosen >= 1e-3 && r.chosen <= 10);
    read_set("rare", 400);
    for (int64_t i = 0; i < data.n; i++) /* features that say nothing of the classes, of which one is frequent */
        data.train_labels[i] = i % 4 == 3;
    r = run(&data, &o);
    assert_true(r.edge == 1 && r.chosen == 100);
    for (int64_t i = 0; i < data.n; i++) /* one that says all: nothing is to be taken off */
        data.train_labels[i] = (data.train[i * data.d] = (float)(i % 2)) > 0;
    r = run(&data, &o);
    assert_true(r.edge == 1 && r.chosen == 1e-5);
    dim_context_destroy(ctx);
    ctx = usual;
}

/* Copies of four rows, but for their last digit: all but three directions are rounding, and all rows have more of it than those on
 * which lambda is chosen.  check_examples met features of which, by kernels for AVX2, the least lambda fitted these alone. */
static void test_copies(void **state)
{
    enum { ROWS = 80, KINDS = 4, WIDTH = 783 };
    static float x[ROWS * WIDTH];
    static int64_t labels[ROWS];
    dim_probe_options o = options(DIM_PROBE_RIDGE);
    dim_probe_result r;
    (void)state;
    random_state = 1;
    for (int i = 0; i < KINDS * WIDTH; i++)
        x[i] = gauss();
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < WIDTH && i >= KINDS; k++) /* but for their last digit */
            x[i * WIDTH + k] = x[i % KINDS * WIDTH + k] * (i % 3 == 0 ? 1 : 1 + FLT_EPSILON);
        labels[i] = i % KINDS;
    }
    dim_tensor *features = wrap(DIM_F32, x, ROWS, WIDTH), *classes = wrap(DIM_I64, labels, ROWS, 0);
    DIM_OPTIONS_INIT(&r);
    assert_int_equal(dim_probe_run(ctx, &o, features, classes, features, classes, &r), DIM_OK);
    assert_true(r.accuracy == 1 && r.lambda <= 1e-3);
    dim_tensor_destroy(features);
    dim_tensor_destroy(classes);
}

/* A caller whose struct is longer than the library's gets what the library knows; and one sample has no spread. */
static void test_longer_result(void **state)
{
    struct {
        dim_probe_result r;
        char more[16];
    } result = {{.size = sizeof result}, "untouched"};
    float x[] = {0, 1, 2, 3};
    int32_t y[] = {0, 0, 1, 1};
    dim_probe_options o = options(DIM_PROBE_RIDGE);
    (void)state;
    o.lambda = 1;
    dim_tensor *rows = wrap(DIM_F32, x, 4, 1), *labels = wrap(DIM_I32, y, 4, 0), *row, *label;
    assert_int_equal(dim_probe_run(ctx, &o, rows, labels, rows, labels, &result.r), DIM_OK);
    assert_true(result.r.accuracy == 1 && result.r.size == sizeof result && strcmp(result.more, "untouched") == 0);
    assert_int_equal(dim_tensor_slice(rows, 0, 0, 1, 1, &row), DIM_OK);
    assert_int_equal(dim_tensor_slice(labels, 0, 0, 1, 1, &label), DIM_OK);
    expect(DIM_E_INVALID, "1 training sample; it needs 2 at least", dim_probe_run(ctx, &o, row, label, rows, labels, &result.r));
    dim_tensor *all[] = {rows, labels, row, label};
    for (size_t i = 0; i < 4; i++)
        dim_tensor_destroy(all[i]);
}

/* Minibatches: where all epochs have all of a small held-out part right, the one of the least cross-entropy counts. */
static void test_ties_between_epochs(void **state)
{
    (void)state;
    data.n = data.m = 60;
    data.d = 1;
    for (int i = 0; i < 60; i++) {
        data.train_labels[i] = data.test_labels[i] = i % 2;
        data.train[i] = data.test[i] = (float)(i % 2) + 0.1f * (float)sin(i);
    }
    dim_probe_options o = options(DIM_PROBE_LINEAR);
    o.lr = 0.01f;
    dim_probe_result r = run(&data, &o);
    assert_true(r.validation_accuracy == 1 && r.chosen == 20 && r.edge == 1 && r.converged == 0);
    o.lr = 0.1f;
    o.lambda = 0.5f; /* of which the minimum is reached soon */
    o.epochs = 300;
    r = run(&data, &o);
    assert_true(r.validation_accuracy == 1 && r.chosen > 5 && r.chosen < 300 && r.edge == 0 && r.converged == 1);
}

/* A test sample may lie as far from train as floats reach: its scores are finite, and its class is told. */
static void test_far_samples(void **state)
{
    static const float far[] = {3e38f, -3e38f};
    (void)state;
    data.n = 60;
    data.m = 2;
    data.d = 2;
    for (int i = 0; i < 60; i++) {
        data.train_labels[i] = i % 2;
        data.train[2 * i] = 1e-30f * ((float)(i % 2) + 0.1f * (float)sin(i));
        data.train[2 * i + 1] = 1e-30f * ((float)(i % 2) + 0.5f * (float)cos(3 * i)); /* weighs less */
    }
    for (int i = 0; i < 2; i++) {
        data.test[2 * i] = far[i];
        data.test[2 * i + 1] = -far[i];
        data.test_labels[i] = i == 0;
    }
    for (int i = 0; i < SCALED; i++) {
        dim_probe_result r = run_probe(&data, i);
        if (r.accuracy != 1)
            fail_msg("probe %d: %g", i, r.accuracy);
    }
}

/* With more than 2^22 weights minibatches take over, which hold samples out and choose an epoch. */
static void test_many_weights(void **state)
{
    enum { MANY = 400, FEATURES = 20972, CLASSES = 200 };
    float *x = calloc((size_t)MANY * FEATURES, sizeof *x);
    int32_t labels[MANY];
    (void)state;
    assert_non_null(x);
    for (int i = 0; i < MANY; i++) {
        labels[i] = i % CLASSES;
        for (int j = 0; j < FEATURES; j++)
            x[(int64_t)i * FEATURES + j] = j % CLASSES == labels[i];
    }
    for (int less = 0; less < 2; less++) { /* 200 x 20973 weights and intercepts, and 200 x 20971 */
        dim_probe_options o = options(DIM_PROBE_LINEAR);
        dim_probe_result r;
        DIM_OPTIONS_INIT(&r);
        o.epochs = 1;
        const int64_t shape[2] = {MANY, FEATURES - 2 * less}, stride[2] = {FEATURES, 1};
        dim_tensor *a, *l = wrap(DIM_I32, labels, MANY, 0);
        assert_int_equal(dim_tensor_wrap(ctx, DIM_F32, 2, shape, stride, x, NULL, NULL, &a), DIM_OK);
        assert_int_equal(dim_probe_run(ctx, &o, a, l, a, l, &r), DIM_OK);
        assert_true(r.converged == 0 && r.edge == !less && (r.validation_accuracy > 0) == !less && r.accuracy > 0.9);
        dim_tensor_destroy(a);
        dim_tensor_destroy(l);
    }
    free(x);
}

/* sum of c_i (x_i - i)^2 / 2 and of log(1 + e^(x_i - i)), with c_i from 0.03 to 30 */
static double bowl(void *user, const double *x, double *gradient)
{
    double sum = 0;
    int *looks = user;
    ++*looks;
    for (int i = 0; i < 30; i++) {
        double c = pow(10, (double)i / 10 - 1.5), at = x[i] - i;
        sum += c * at * at / 2 + log1p(exp(at));
        gradient[i] = c * at + 1 / (1 + exp(-at));
    }
    return sum;
}

static void test_lbfgs(void **state)
{
    double x[30], gradient[30];
    int looks = 0;
    dim__lbfgs_result r;
    (void)state;
    for (int i = 0; i < 30; i++)
        x[i] = 100;
    assert_int_equal(dim__lbfgs(ctx, 30, x, bowl, &looks, 1000, 1e-9, &r), DIM_OK);
    (void)bowl(&looks, x, gradient);
    for (int i = 0; i < 30; i++)
        assert_true(fabs(gradient[i]) <= 1e-9);
    assert_true(r.converged && r.iterations > 10 && r.iterations < 300 && looks < 400);
    x[3] = 100;
    assert_int_equal(dim__lbfgs(ctx, 30, x, bowl, &looks, 1, 1e-9, &r), DIM_OK);
    assert_true(!r.converged && r.iterations == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_scikit_learn), cmocka_unit_test(test_units),
        cmocka_unit_test(test_offsets),              cmocka_unit_test(test_standardisation),
        cmocka_unit_test(test_numbers_of_classes),   cmocka_unit_test(test_unknown_classes),
        cmocka_unit_test(test_ridge_equations),      cmocka_unit_test(test_what_was_chosen), cmocka_unit_test(test_copies),
        cmocka_unit_test(test_ties_between_epochs),  cmocka_unit_test(test_far_samples),
        cmocka_unit_test(test_many_weights),         cmocka_unit_test(test_lbfgs),
        cmocka_unit_test(test_longer_result),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
