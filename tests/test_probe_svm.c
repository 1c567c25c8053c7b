/* The SVM probe: against LIBLINEAR (fixtures/make_probe_svm.py), threads, runs, the choice of C, and data that are odd. */
#include "probe_tests.h"

#include "probe_sets.h"

#include "eval/svm.h"

static char warned[256];

static void log_to_test(void *user, dim_log_level level, const char *text)
{
    (void)user;
    if (level == DIM_LOG_WARNING)
        snprintf(warned, sizeof warned, "%s", text);
}

/* w (d + 1, classes) of all of the set's train, of which z is the standardised samples. */
typedef struct machine {
    dim__svm s;
    float *z, *w;
} machine;

static machine fit(double c, int32_t classes, uint64_t seed)
{
    const int64_t p = data.d + 1;
    dim__scaler scaler;
    machine f = {.z = calloc((size_t)(data.n * p), sizeof *f.z), .w = calloc((size_t)(p * classes), sizeof *f.w)};
    assert_true(f.z != NULL && f.w != NULL);
    assert_int_equal(dim__scaler_create(ctx, data.train, data.n, data.d, &scaler), DIM_OK);
    dim__scaler_rows(ctx, &scaler, data.train, NULL, 0, data.n, f.z);
    dim__scaler_free(ctx, &scaler);
    f.s = (dim__svm){.ctx = ctx, .p = p, .classes = classes, .z = f.z, .labels = data.train_labels, .seed = seed,
                     .looks = 100000, .w = f.w};
    assert_int_equal(dim__svm_fit(&f.s, data.n, c), DIM_OK);
    return f;
}

static void drop(machine *f)
{
    free(f->z);
    free(f->w);
}

/* |w|^2 / 2 + C sum max(0, 1 - y w.z), added up over the classes; of two there is one. */
static double objective(const machine *f, double c)
{
    const int64_t p = f->s.p, classes = f->s.classes;
    double value = 0;
    for (int32_t k = 0; k < (classes == 2 ? 1 : classes); k++) {
        for (int64_t j = 0; j < p; j++)
            value += pow((double)f->w[j * classes + k], 2) / 2;
        for (int64_t i = 0; i < data.n; i++) {
            double score = 0;
            for (int64_t j = 0; j < p; j++)
                score += (double)f->z[i * p + j] * (double)f->w[j * classes + k];
            value += c * fmax(0, 1 - (data.train_labels[i] == k ? score : -score));
        }
    }
    return value;
}

static void test_against_liblinear(void **state)
{
    char name[32];
    int n, sets = 0;
    double c, value, accuracy;
    FILE *file = fopen(DIM_TEST_DATA "/probe_svm.txt", "r");
    (void)state;
    assert_non_null(file);
    for (; fscanf(file, "%31s %d %lf %lf %lf", name, &n, &c, &value, &accuracy) == 5; sets++) {
        read_set(name, n);
        int32_t classes = 0;
        for (int64_t i = 0; i < data.n; i++)
            classes = data.train_labels[i] >= classes ? data.train_labels[i] + 1 : classes;
        machine f = fit(c, classes, 1);
        double ours = objective(&f, c);
        if (!f.s.converged || fabs(ours - value) > 1e-3 * value)
            fail_msg("%s, C = %g: the objective is %.9g after %g looks, LIBLINEAR's %.9g", name, c, ours, f.s.most, value);
        drop(&f);
        dim_probe_options o = options(DIM_PROBE_SVM);
        o.lambda = (float)(1 / (c * n));
        o.epochs = 100000;
        dim_probe_result r = run(&data, &o);
        if (fabs(r.accuracy - accuracy) > 0.003 && fabs(r.accuracy - accuracy) * (double)data.m > 1.001)
            fail_msg("%s, C = %g: %.4f of test, LIBLINEAR has %.4f", name, c, r.accuracy, accuracy);
        assert_true(r.converged == 1 && r.edge == 0 && r.validation_accuracy == 0 && r.accuracy_std == 0 && r.runs == 1);
        if (c == 1) { /* C's default */
            o.lambda = 0;
            dim_probe_result usual = run(&data, &o);
            assert_true(fabs(usual.lambda - 1.0 / n) < 1e-12 && fabs(usual.accuracy - r.accuracy) * (double)data.m < 1.001);
        }
    }
    fclose(file);
    assert_int_equal(sets, 12);
}

/* The same bits whatever the number of threads; another order of samples comes to the same minimum, by other bits. */
static void test_threads_and_seeds(void **state)
{
    dim_context_options co;
    dim_context *usual = ctx;
    (void)state;
    read_set("digits", 600);
    machine two = fit(0.01, 10, 7), other = fit(0.01, 10, 8);
    DIM_OPTIONS_INIT(&co);
    co.threads = 1;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    machine one = fit(0.01, 10, 7);
    dim_context_destroy(ctx);
    ctx = usual;
    const size_t size = (size_t)(one.s.p * 10) * sizeof *one.w;
    assert_memory_equal(one.w, two.w, size);
    assert_memory_not_equal(one.w, other.w, size);
    assert_true(fabs(objective(&two, 0.01) - objective(&other, 0.01)) < 1e-5 * objective(&two, 0.01));
    drop(&one);
    drop(&two);
    drop(&other);
}

/* Runs: each on other samples, repeatable. */
static void test_runs(void **state)
{
    (void)state;
    read_set("rare", 400);
    dim_probe_options o = options(DIM_PROBE_SVM);
    o.runs = 5;
    o.seed = 3;
    dim_probe_result r = run(&data, &o), again = run(&data, &o);
    assert_memory_equal(&r, &again, sizeof r);
    assert_true(r.runs == 5 && r.accuracy_std > 0 && r.accuracy_std < 0.05 && r.converged == 1);
    assert_true(r.validation_accuracy > 0.8 && r.validation_accuracy < 1 && fabs(r.lambda - 1.0 / 360) < 1e-12);
    o.runs = 1;
    dim_probe_result one = run(&data, &o);
    assert_true(fabs(one.accuracy - r.accuracy) < 0.03 && one.accuracy_std == 0 && one.validation_accuracy == 0);
}

static dim_status known(dim_context *c, const dim_probe_options *o, const dim__probe_data *d, uint32_t at, dim_probe_result *r)
{
    static const double accuracies[] = {0.5, 0.75, 0.25, 0.5};
    static uint64_t last;
    (void)c;
    (void)d;
    assert_true(o->seed != last);
    last = o->seed;
    r->accuracy = accuracies[at];
    r->train_accuracy = at;
    r->validation_accuracy = 1;
    r->chosen = 7 + at;
    r->lambda = 0.5 + at;
    r->converged = at != 2;
    r->edge = at == 1;
    return DIM_OK;
}

static void test_means(void **state)
{
    dim_probe_options o = options(DIM_PROBE_SVM);
    dim_probe_result r = {.size = sizeof r, .converged = 1};
    (void)state;
    o.runs = 4;
    assert_int_equal(dim__probe_runs(ctx, &o, NULL, known, &r), DIM_OK);
    assert_true(fabs(r.accuracy - 0.5) < 1e-15 && fabs(r.accuracy_std - sqrt(0.125 / 3)) < 1e-15 && r.runs == 4);
    assert_true(fabs(r.train_accuracy - 1.5) < 1e-15 && fabs(r.validation_accuracy - 1) < 1e-15 && r.size == sizeof r);
    assert_true(r.chosen == 7 && r.lambda == 0.5 && r.converged == 0 && r.edge == 1);
    o.runs = 1;
    assert_int_equal(dim__probe_runs(ctx, &o, NULL, known, &r), DIM_OK);
    assert_true(r.accuracy == 0.5 && r.accuracy_std == 0 && r.converged == 1 && r.edge == 0);
}

/* Runs hold out parts that have nothing in common. */
static void test_parts_of_runs(void **state)
{
    enum { N = 400, RUNS = 5 };
    int seen[N] = {0};
    dim_probe_options o = options(DIM_PROBE_SVM);
    (void)state;
    for (uint32_t r = 0; r < RUNS; r++) {
        int64_t fitted;
        int32_t *rows;
        assert_int_equal(dim__probe_split(ctx, &o, N, r, &fitted, &rows), DIM_OK);
        for (int64_t i = fitted; i < N; i++)
            assert_int_equal(seen[rows[i]]++, 0);
        dim__free(ctx, rows);
    }
}

/* Lambda: asked for by `validation`. */
static void test_choice(void **state)
{
    (void)state;
    read_set("few", 60);
    dim_probe_options o = options(DIM_PROBE_SVM), given = o;
    o.validation = 0.2f;
    dim_probe_result r = run(&data, &o);
    double c = 1 / (60 * r.lambda), best = 0;
    assert_true(r.validation_accuracy > 0 && fabs(log10(c) - round(log10(c))) < 1e-9 && c < 2e2 && c > 5e-7);
    given.lambda = (float)r.lambda; /* fitted on all of train then */
    dim_probe_result same = run(&data, &given);
    assert_true(fabs(same.accuracy - r.accuracy) * (double)data.m < 1.001 && same.train_accuracy == r.train_accuracy);
    /* no other of the grid is better on the samples that are held out */
    o.runs = 2;
    dim_probe_result parts = run(&data, &o);
    assert_true(parts.runs == 2 && parts.validation_accuracy >= r.validation_accuracy / 2);
    for (int e = -6; e <= 2; e++) {
        int64_t cut;
        int32_t *rows;
        float w[41 * 3];
        double share;
        dim__scaler scaler;
        static float z[60 * 41];
        static int32_t labels[60];
        o.runs = 1;
        assert_int_equal(dim__probe_split(ctx, &o, 60, 0, &cut, &rows), DIM_OK);
        assert_int_equal(dim__scaler_create(ctx, data.train, data.n, data.d, &scaler), DIM_OK);
        dim__scaler_rows(ctx, &scaler, data.train, rows, 0, 60, z);
        for (int i = 0; i < 60; i++)
            labels[i] = data.train_labels[rows[i]];
        dim__svm s = {.ctx = ctx, .p = 41, .classes = 3, .z = z, .labels = labels, .seed = 1, .looks = 1000, .w = w};
        assert_int_equal(dim__svm_fit(&s, cut, pow(10, e)), DIM_OK);
        dim__linear_test held = {.scaler = &scaler, .x = data.train, .w = w, .labels = data.train_labels, .pick = rows,
                                 .first = cut, .last = 60, .classes = 3};
        assert_int_equal(dim__linear_test_run(ctx, &held, &share, NULL), DIM_OK);
        best = share > best ? share : best;
        dim__scaler_free(ctx, &scaler);
        dim__free(ctx, rows);
    }
    assert_true(fabs(best - r.validation_accuracy) < 1e-12);
}

static void test_looks(void **state)
{
    dim_context_options co;
    dim_context *usual = ctx;
    (void)state;
    DIM_OPTIONS_INIT(&co);
    co.log = log_to_test;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    read_set("cancer", 379);
    dim_probe_options o = options(DIM_PROBE_SVM);
    o.epochs = 2;
    warned[0] = '\0';
    dim_probe_result r = run(&data, &o);
    assert_true(r.converged == 0 && r.chosen == 2);
    assert_string_equal(warned, "SVM probe: not converged after 2 looks at train");
    o.epochs = 0;
    warned[0] = '\0';
    r = run(&data, &o);
    assert_true(r.converged == 1 && r.chosen > 2 && r.chosen <= 1000);
    assert_string_equal(warned, "");
    dim_context_destroy(ctx);
    ctx = usual;
}

/* One sample, one feature, one class, constant features, one sample of each class, all samples alike. */
static void test_odd_data(void **state)
{
    dim_probe_options o = options(DIM_PROBE_SVM);
    dim_probe_result r;
    (void)state;
    data.n = data.m = data.d = 1;
    data.train[0] = data.test[0] = 3;
    data.train_labels[0] = data.test_labels[0] = 5;
    r = run(&data, &o);
    assert_true(r.accuracy == 1 && r.converged == 1);
    o.runs = 2; /* nothing can be held out of one sample */
    dim_tensor *x = wrap(DIM_F32, data.train, 1, 1), *y = wrap(DIM_I32, data.train_labels, 1, 0);
    expect(DIM_E_INVALID, "1 training samples are too few", dim_probe_run(ctx, &o, x, y, x, y, &r));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    o.runs = 1;
    data.n = data.m = 8;
    for (int i = 0; i < 8; i++) { /* a line, of which a threshold tells two classes */
        data.train[i] = data.test[i] = (float)i;
        data.train_labels[i] = data.test_labels[i] = i >= 5;
    }
    r = run(&data, &o);
    assert_true(r.accuracy == 1 && r.converged == 1);
    for (int i = 0; i < 8; i++)
        data.train[i] = data.test[i] = 1e15f; /* constant: the more frequent class */
    r = run(&data, &o);
    assert_true(r.accuracy == 5.0 / 8 && r.converged == 1);
    data.d = 7;
    data.n = data.m = 7;
    for (int i = 0; i < 49; i++) /* a class each */
        data.train[i] = data.test[i] = 1e-15f * (i % 8 == 0);
    for (int i = 0; i < 7; i++)
        data.train_labels[i] = data.test_labels[i] = 10 * i;
    r = run(&data, &o);
    assert_true(r.accuracy == 1 && r.converged == 1);
    read_set("iris", 100);
    dim_probe_result once = run(&data, &o);
    memcpy(data.train + 100 * data.d, data.train, (size_t)(100 * data.d) * sizeof *data.train);
    memcpy(data.train_labels + 100, data.train_labels, 100 * sizeof *data.train_labels);
    data.n = 200; /* each sample twice, with the same lambda */
    r = run(&data, &o);
    assert_true(fabs(r.lambda - once.lambda / 2) < 1e-12);
    o.lambda = (float)once.lambda;
    r = run(&data, &o);
    assert_true(r.converged == 1 && fabs(r.accuracy - once.accuracy) < 0.021);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_liblinear), cmocka_unit_test(test_threads_and_seeds), cmocka_unit_test(test_runs),
        cmocka_unit_test(test_means),             cmocka_unit_test(test_parts_of_runs),     cmocka_unit_test(test_choice),
        cmocka_unit_test(test_looks),             cmocka_unit_test(test_odd_data),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
