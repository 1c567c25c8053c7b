/* Estimators on pairs whose mutual information is known: x, y in R^20, each y_k correlated with x_k by rho, so that
 * I(x; y) = -20/2 log(1 - rho^2).  The score is f(x) . g(y) with two ReLU networks, which can express the log-ratio of
 * the densities (sums of x_k y_k, x_k^2, y_k^2) up to a few percent.  Every batch is new: nothing is learnt by heart. */
#include <dim/model.h>

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

enum { D = 20, HIDDEN = 256, SPACE = 32 };

static const uint64_t FRESH = 1000000; /* batches that no training saw */

static void draw(dim_tensor *t, double rho, uint64_t batch)
{
    float *x = dim_tensor_data(t);
    int64_t n = dim_tensor_size(t, 0);
    dim__rng_normal(x, n * 2 * D, 7, batch, 0);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = i * 2 * D; k < i * 2 * D + D; k++)
            x[k + D] = (float)(rho * x[k] + sqrt(1 - rho * rho) * x[k + D]);
}

static void add(dim_context *ctx, dim_encoder_builder *b, const dim_layer_options *l)
{
    dim_status status = dim_encoder_builder_add(b, l);
    if (status != DIM_OK)
        print_error("%s\n", dim_context_error(ctx));
    assert_int_equal(status, DIM_OK);
}

/* Both networks in one encoder of [x ; y]: taps "x" and "global". */
static dim_encoder *two_networks(dim_context *ctx)
{
    dim_encoder_builder *b = NULL;
    dim_encoder *enc = NULL;
    assert_int_equal(dim_encoder_builder_create(ctx, 2 * D, 0, 0, &b), DIM_OK);
    for (uint32_t side = 0; side < 2; side++) {
        dim_layer_options l;
        DIM_OPTIONS_INIT(&l);
        l.kind = DIM_LAYER_FROM;
        l.from = "input";
        add(ctx, b, &l);
        DIM_OPTIONS_INIT(&l);
        l.kind = DIM_LAYER_SLICE;
        l.start = side * D;
        l.out = D;
        add(ctx, b, &l);
        DIM_OPTIONS_INIT(&l);
        l.kind = DIM_LAYER_LINEAR;
        l.out = HIDDEN;
        add(ctx, b, &l);
        DIM_OPTIONS_INIT(&l);
        l.kind = DIM_LAYER_RELU;
        add(ctx, b, &l);
        DIM_OPTIONS_INIT(&l);
        l.kind = DIM_LAYER_LINEAR;
        l.out = SPACE;
        l.tap = side == 0 ? "x" : "global";
        add(ctx, b, &l);
    }
    assert_int_equal(dim_encoder_builder_finish(b, NULL, &enc), DIM_OK);
    dim_encoder_builder_destroy(b);
    return enc;
}

static dim_model *model_of(dim_context *ctx, dim_estimator_kind kind, uint64_t steps)
{
    dim_encoder *enc = two_networks(ctx);
    dim_model *model = NULL;
    dim_estimator *est = NULL;
    dim_estimator_options e;
    dim_term_options term;
    dim_optimizer_options opt;
    DIM_OPTIONS_INIT(&e);
    e.kind = kind;
    assert_int_equal(dim_estimator_create(ctx, &e, &est), DIM_OK);
    assert_int_equal(dim_model_create(enc, NULL, &model), DIM_OK);
    DIM_OPTIONS_INIT(&term);
    term.name = "mi";
    term.x = "x";
    term.estimator = est;
    term.critic = DIM_CRITIC_PLAIN_DOT;
    assert_int_equal(dim_model_add_term(model, &term), DIM_OK);
    DIM_OPTIONS_INIT(&opt);
    opt.lr = 2e-3f;
    opt.schedule = DIM_SCHEDULE_COSINE;
    opt.total_steps = steps;
    assert_int_equal(dim_model_set_optimizer(model, &opt), DIM_OK);
    dim_estimator_destroy(est);
    dim_encoder_destroy(enc);
    return model;
}

typedef struct measured {
    double mean, error; /* over batches that were not trained on, and the standard error of the mean */
} measured;

static measured measure(dim_estimator_kind kind, double mi, int64_t n, int steps)
{
    dim_context_options o;
    dim_context *ctx = NULL;
    dim_tensor *pairs = NULL;
    const int64_t shape[2] = { n, 2 * D };
    const int fresh = 64;
    double rho = sqrt(1 - exp(-2 * mi / D)), sum = 0, squares = 0, value;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    o.blas_threads = 1;
    o.seed = 3;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    dim_model *model = model_of(ctx, kind, (uint64_t)steps);
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, 2, shape, &pairs), DIM_OK);
    for (int s = 0; s < steps; s++) {
        draw(pairs, rho, (uint64_t)s);
        dim_status status = dim_model_step(model, pairs);
        if (status != DIM_OK)
            print_error("step %d: %s\n", s, dim_context_error(ctx));
        assert_int_equal(status, DIM_OK);
    }
    for (int k = 0; k < fresh; k++) {
        draw(pairs, rho, FRESH + (uint64_t)k);
        assert_int_equal(dim_model_evaluate(model, pairs), DIM_OK);
        assert_int_equal(dim_model_report(model, "mi.value", &value), DIM_OK);
        sum += value / fresh;
        squares += value * value / fresh;
    }
    dim_tensor_destroy(pairs);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
    return (measured){ sum, sqrt((squares - sum * sum) / (fresh - 1)) };
}

/* Within 10 % at 2 nats; a lower bound not above them by more than three standard errors (0.01 each). */
static void at_two_nats(dim_estimator_kind kind)
{
    measured m = measure(kind, 2, 512, 600);
    print_message("%s at 2 nats: %.3f +- %.3f\n", dim_estimator_name(kind), m.mean, m.error);
    assert_true(m.error < 0.03);
    assert_true(m.mean > 1.8 && m.mean < 2.2);
    if (dim_estimator_bound(kind) == DIM_BOUND_LOWER)
        assert_true(m.mean < 2 + 3 * m.error);
}

static void test_dv(void **state) { (void)state; at_two_nats(DIM_ESTIMATOR_DV); }
static void test_mine(void **state) { (void)state; at_two_nats(DIM_ESTIMATOR_MINE); }
static void test_nwj(void **state) { (void)state; at_two_nats(DIM_ESTIMATOR_NWJ); }
static void test_smile(void **state) { (void)state; at_two_nats(DIM_ESTIMATOR_SMILE); }
static void test_infonce(void **state) { (void)state; at_two_nats(DIM_ESTIMATOR_INFONCE); }

/* Nothing in common, nothing found: a bound may lie a little below zero, not above by more than noise. */
static void test_independent(void **state)
{
    static const dim_estimator_kind kinds[] = { DIM_ESTIMATOR_DV, DIM_ESTIMATOR_MINE, DIM_ESTIMATOR_NWJ,
                                                DIM_ESTIMATOR_SMILE, DIM_ESTIMATOR_INFONCE, DIM_ESTIMATOR_JSD };
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        measured m = measure(kinds[k], 0, 128, 100);
        print_message("%s at 0 nats: %.4f +- %.4f\n", dim_estimator_name(kinds[k]), m.mean, m.error);
        assert_true(m.mean > -0.1 && m.mean < 3 * m.error + 1e-3);
    }
}

/* InfoNCE cannot say more than the log of its candidates, however much there is to find. */
static void test_infonce_limit(void **state)
{
    measured m = measure(DIM_ESTIMATOR_INFONCE, 10, 16, 500);
    (void)state;
    print_message("infonce with 16 candidates at 10 nats: %.3f, limit %.3f\n", m.mean, log(16));
    assert_true(m.mean <= log(16) && m.mean > 0.9 * log(16));
}

/* The Jensen-Shannon value grows with the information and stays below 2 log 2. */
static void test_jsd(void **state)
{
    measured one = measure(DIM_ESTIMATOR_JSD, 1, 256, 300), eight = measure(DIM_ESTIMATOR_JSD, 8, 256, 300);
    (void)state;
    print_message("jsd at 1 and 8 nats: %.3f, %.3f\n", one.mean, eight.mean);
    assert_true(one.mean > 0.2 && eight.mean > one.mean + 0.4 && eight.mean < 2 * log(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dv),          cmocka_unit_test(test_mine),  cmocka_unit_test(test_nwj),
        cmocka_unit_test(test_smile),       cmocka_unit_test(test_infonce), cmocka_unit_test(test_independent),
        cmocka_unit_test(test_infonce_limit), cmocka_unit_test(test_jsd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
