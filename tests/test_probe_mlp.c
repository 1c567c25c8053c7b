/* The MLP probe: against the same protocol in PyTorch (fixtures/make_probe_mlp.py), its schedule, options, and data that are odd. */
#include "probe_tests.h"

#include "probe_sets.h"

static char warned[256];

static void log_to_test(void *user, dim_log_level level, const char *text)
{
    (void)user;
    if (level == DIM_LOG_WARNING)
        snprintf(warned, sizeof warned, "%s", text);
}

/* The means of ten seeds differ by chance: some seeds of "rare" are 2.6 points off, so that 1.5 points between means are that. */
static void test_against_pytorch(void **state)
{
    char name[32];
    int n, sets = 0;
    unsigned epochs;
    double rate, accuracy;
    FILE *file = fopen(DIM_TEST_DATA "/probe_mlp.txt", "r");
    (void)state;
    assert_non_null(file);
    for (; fscanf(file, "%31s %d %u %lf %lf", name, &n, &epochs, &rate, &accuracy) == 5; sets++) {
        read_set(name, n);
        dim_probe_options o = options(DIM_PROBE_MLP);
        o.epochs = epochs;
        o.lr = (float)rate;
        o.runs = 10;
        dim_probe_result r = run(&data, &o);
        if (fabs(r.accuracy - accuracy) > 0.015)
            fail_msg("%s: %.4f of test, PyTorch has %.4f", name, r.accuracy, accuracy);
        assert_true(r.runs == 10 && r.accuracy_std < 0.04 && r.validation_accuracy > 0.85 && r.train_accuracy > 0.9);
    }
    fclose(file);
    assert_int_equal(sets, 3);
}

static void test_schedule(void **state)
{
    static const struct {
        uint32_t epochs;
        uint64_t steps, at[2];
    } cases[] = {{1000, 704, {35200, 70400}}, {150, 10, {500, 1000}}, {149, 3, {149, 298}}, {30, 7, {70, 140}},
                 {1, 3, {1, 2}}, {2, 1, {0, 0}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t at[2];
        dim__mlp_milestones(cases[i].epochs, cases[i].steps, at);
        assert_true(at[0] == cases[i].at[0] && at[1] == cases[i].at[1]);
    }
}

/* A seed gives a result; hidden units, dropout, rate and batch change it. */
static void test_options(void **state)
{
    (void)state;
    read_set("digits", 600);
    dim_probe_options o = options(DIM_PROBE_MLP), other;
    o.epochs = 6;
    o.lr = 1e-3f;
    o.seed = 4;
    dim_probe_result r = run(&data, &o), again = run(&data, &o);
    assert_memory_equal(&r, &again, sizeof r);
    assert_true(r.accuracy > 0.8 && r.runs == 1 && r.accuracy_std == 0);
    other = o;
    other.hidden = 200;
    other.dropout = 0.1f;
    other.batch = 64;
    again = run(&data, &other);
    assert_memory_equal(&r, &again, sizeof r); /* what 0 stands for */
    other = o;
    other.hidden = 1;
    assert_true(run(&data, &other).accuracy < r.accuracy - 0.2);
    other = o;
    other.lr = 0; /* 1e-4 */
    assert_true(run(&data, &other).train_accuracy < r.train_accuracy);
    other = o;
    other.dropout = 0.9f;
    assert_true(run(&data, &other).train_accuracy < r.train_accuracy);
    other.dropout = -1;
    dim_probe_result none = run(&data, &other);
    assert_true(none.train_accuracy >= r.train_accuracy - 0.02 && memcmp(&none, &r, sizeof r) != 0);
    other = o;
    other.seed = 5;
    again = run(&data, &other);
    assert_true(memcmp(&again, &r, sizeof r) != 0);
}

/* Other runs hold other samples out, and have other weights. */
static void test_runs(void **state)
{
    (void)state;
    read_set("rare", 400);
    dim_probe_options o = options(DIM_PROBE_MLP);
    o.epochs = 10;
    o.lr = 1e-3f;
    o.runs = 4;
    dim_probe_result r = run(&data, &o);
    assert_true(r.runs == 4 && r.accuracy_std > 0 && r.accuracy_std < 0.05 && r.accuracy > 0.8);
    o.runs = 1;
    assert_true(run(&data, &o).runs == 1);
}

/* The best epoch counts: where more of them only learn train by heart, an earlier one. */
static void test_best_epoch(void **state)
{
    dim_context_options co;
    dim_context *usual = ctx;
    (void)state;
    DIM_OPTIONS_INIT(&co);
    co.log = log_to_test;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    read_set("few", 60);
    dim_probe_options o = options(DIM_PROBE_MLP);
    o.epochs = 1;
    warned[0] = '\0';
    dim_probe_result r = run(&data, &o);
    assert_true(r.chosen == 1 && r.edge == 1 && r.converged == 0);
    assert_string_equal(warned, "MLP probe: the last epoch is the best one; more could be better");
    o.epochs = 60;
    o.lr = 0.03f;
    for (int64_t i = 0; i < data.n; i++) /* labels that features say nothing of */
        data.train_labels[i] = (int32_t)(i * i / 7 % 3);
    warned[0] = '\0';
    r = run(&data, &o);
    assert_true(r.chosen < 10 && r.edge == 0 && r.converged == 1 && r.train_accuracy < 0.85); /* the last one has 0.92 */
    assert_string_equal(warned, "");
    dim_context_destroy(ctx);
    ctx = usual;
}

static void expect_status(dim_status status, const char *says, const dim_probe_options *o)
{
    dim_probe_result r = {.size = sizeof r, .accuracy = 7};
    dim_tensor *x = wrap(DIM_F32, data.train, data.n, data.d), *y = wrap(DIM_I32, data.train_labels, data.n, 0);
    expect(status, says, dim_probe_run(ctx, o, x, y, x, y, &r));
    assert_true(r.accuracy == 7);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
}

static void expect_error(const char *says, const dim_probe_options *o) { expect_status(DIM_E_INVALID, says, o); }

/* Weights that are no numbers any more are no classifier, also when the last step made them so. */
static void test_what_diverges(void **state)
{
    static const dim_probe_kind kinds[] = {DIM_PROBE_LINEAR, DIM_PROBE_MLP};
    (void)state;
    read_set("few", 60);
    for (int i = 0; i < 4; i++) {
        dim_probe_options o = options(kinds[i / 2]);
        o.lr = 3e38f;
        o.epochs = i % 2 == 0 ? 1 : 20;
        o.batch = i % 2 == 0 ? 1000 : 16;
        expect_status(DIM_E_NUMERIC, "training diverged, which a smaller lr may prevent", &o);
    }
}

static void test_odd_data(void **state)
{
    dim_probe_options o = options(DIM_PROBE_MLP);
    dim_probe_result r;
    (void)state;
    o.lr = 0.01f;
    data.d = 1;
    for (int i = 0; i < 40; i++) {
        data.train[i] = data.test[i] = (float)i;
        data.train_labels[i] = data.test_labels[i] = i >= 25;
    }
    data.n = 1;
    expect_error("1 training samples are too few", &o);
    data.n = 2;
    expect_error("minibatches of 2 samples at least, not of 1; 1 of 2 training samples are fitted, and batch is 64", &o);
    data.n = 40;
    o.batch = 1;
    expect_error("and batch is 1", &o);
    o.batch = 0;
    data.m = 40;
    r = run(&data, &o); /* a threshold */
    assert_true(r.accuracy > 0.9);
    for (int i = 0; i < 40; i++)
        data.train_labels[i] = data.test_labels[i] = 0; /* one class */
    assert_true(run(&data, &o).accuracy == 1);
    for (int i = 0; i < 40; i++) { /* constant features: the more frequent class */
        data.train[i] = data.test[i] = -1e15f;
        data.train_labels[i] = data.test_labels[i] = i % 4 == 0;
    }
    assert_true(run(&data, &o).accuracy == 0.75);
    for (int i = 0; i < 40; i++) { /* classes of one sample, and duplicates */
        data.train[i] = data.test[i] = 1e-15f * (float)(i / 2);
        data.train_labels[i] = data.test_labels[i] = i < 36 ? i / 18 : i;
    }
    r = run(&data, &o);
    assert_true(r.accuracy > 0.7 && r.accuracy <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_pytorch), cmocka_unit_test(test_schedule), cmocka_unit_test(test_options),
        cmocka_unit_test(test_runs),            cmocka_unit_test(test_best_epoch), cmocka_unit_test(test_odd_data),
        cmocka_unit_test(test_what_diverges),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
