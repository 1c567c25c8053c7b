/* Estimators on pairs whose mutual information is known: x, y in R^20, each y_k correlated with x_k by rho, so that
 * I(x; y) = -20/2 log(1 - rho^2).  The score is f(x) . g(y) with two ReLU networks, which can express the log-ratio of
 * the densities (sums of x_k y_k, x_k^2, y_k^2) up to a few percent.  Every batch is new: nothing is learnt by heart. */
#include "objective_tests.h"

#include "base/rng.h"

#include <math.h>

enum { D = 20, HIDDEN = 256, SPACE = 32 };

static const uint64_t FRESH = 1000000; /* batches that no training saw */

/* Batch number `batch` of n pairs, given to the objective. */
static void draw(dim_objective *obj, int64_t n, double rho, uint64_t batch)
{
    dim_tensor *x = f32_tensor(2, (int64_t[]){ n, D }, NULL), *y = f32_tensor(2, (int64_t[]){ n, D }, NULL);
    float *xs = dim_tensor_data(x), *ys = dim_tensor_data(y);
    dim__rng_normal(xs, n * D, 7, batch, 0);
    dim__rng_normal(ys, n * D, 8, batch, 0);
    for (int64_t i = 0; i < n * D; i++)
        ys[i] = (float)(rho * xs[i] + sqrt(1 - rho * rho) * ys[i]);
    set_input(obj, "x", x);
    set_input(obj, "y", y);
}

static void add_side(dim_objective *obj, const char *input, const char *as)
{
    VECTOR(obj, input, D);
    apply(obj, network_of(D, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = HIDDEN }, { .kind = DIM_LAYER_RELU },
                                          { .kind = DIM_LAYER_LINEAR, .out = SPACE })), input, as);
}

static dim_objective *information(dim_estimator_kind kind, uint64_t steps)
{
    dim_objective *obj = objective(0);
    dim_estimator *est;
    ok(dim_estimator_create(ctx, &(dim_estimator_options){ .size = sizeof(dim_estimator_options), .kind = kind }, &est));
    const dim_term_options term = { .size = sizeof term, .estimator = est, .critic = DIM_CRITIC_PLAIN_DOT };
    add_side(obj, "x", "fx");
    add_side(obj, "y", "gy");
    LOSS(obj, .name = "mi", .a = "fx", .b = "gy", .term = &term);
    dim_estimator_destroy(est);
    PLAYER(obj, OF(.name = "all"), .lr = 2e-3f, .schedule = DIM_SCHEDULE_COSINE, .total_steps = steps);
    own(obj, "all", "fx");
    own(obj, "all", "gy");
    minimise(obj, "all", "mi", 1);
    return obj;
}

typedef struct measured {
    double mean, error; /* over batches that were not trained on, and the standard error of the mean */
} measured;

static measured measure(dim_estimator_kind kind, double mi, int64_t n, int steps)
{
    const int fresh = 64;
    double rho = sqrt(1 - exp(-2 * mi / D)), sum = 0, squares = 0;
    ok(dim_context_create(&(dim_context_options){ .size = sizeof(dim_context_options), .threads = 1, .blas_threads = 1,
                                                  .seed = 3 }, &ctx));
    dim_objective *obj = information(kind, (uint64_t)steps);
    for (int s = 0; s < steps; s++) {
        draw(obj, n, rho, (uint64_t)s);
        ok(dim_objective_step(obj));
    }
    for (int k = 0; k < fresh; k++) {
        draw(obj, n, rho, FRESH + (uint64_t)k);
        ok(dim_objective_evaluate(obj));
        double value = report(obj, "mi.value");
        sum += value / fresh;
        squares += value * value / fresh;
    }
    dim_objective_destroy(obj);
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
