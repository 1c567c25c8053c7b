/* What <dim/estimator.h> and docs/estimators.md claim of the values: exact divergences of a small table of probabilities at the
 * best critic and less at others, and means over batches of Gaussians whose best critic and information are known. */
#include "loss_tests.h"

#include "base/rng.h"

#include <math.h>

enum { N_KINDS = DIM_ESTIMATOR_GAN + 1 };

static double evaluate(dim_context *ctx, dim_estimator_kind kind, int64_t n, int64_t l, const float *scores)
{
    dim_estimator_options o;
    dim_estimator *est;
    dim_estimate e;
    int64_t square[3] = { n, n, l };
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&e);
    o.kind = kind;
    dim_tensor *t = tensor(ctx, 3, square, scores);
    assert_int_equal(dim_estimator_create(ctx, &o, &est), DIM_OK);
    assert_int_equal(dim_estimator_evaluate_scores(est, t, &e, NULL), DIM_OK);
    dim_estimator_destroy(est);
    dim_tensor_destroy(t);
    return e.value;
}

/* ---- divergences of a table ---- */

/* p(x, y) in sixteenths, with marginals 1/2: a list of 16 positive pairs has it exactly, one of 4 negative pairs their product. */
static const double joint[2][2] = { { 7 / 16.0, 1 / 16.0 }, { 1 / 16.0, 7 / 16.0 } };

static double value_of_table(dim_context *ctx, dim_estimator_kind kind, double u[2][2])
{
    float pos[16], neg[16];
    int64_t n = 0, m = 0, sixteen = 16;
    for (int x = 0; x < 2; x++)
        for (int y = 0; y < 2; y++) {
            for (int i = 0; i < joint[x][y] * 16; i++)
                pos[n++] = (float)u[x][y];
            for (int i = 0; i < 4; i++)
                neg[m++] = (float)u[x][y];
        }
    dim_estimator_options o;
    dim_estimator *est;
    dim_estimate e;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&e);
    o.kind = kind;
    dim_tensor *p = tensor(ctx, 1, &sixteen, pos), *q = tensor(ctx, 1, &sixteen, neg);
    assert_int_equal(dim_estimator_create(ctx, &o, &est), DIM_OK);
    assert_int_equal(dim_estimator_evaluate_pairs(est, p, q, &e, NULL, NULL), DIM_OK);
    dim_estimator_destroy(est);
    dim_tensor_destroy(p);
    dim_tensor_destroy(q);
    return e.value;
}

typedef struct truth { /* of one kind: the value at the best critic, and that critic of the ratio r = p(x, y) / (p(x) p(y)) */
    double value;
    double (*critic)(double r);
} truth;

static double log_ratio(double r) { return log(r); }
static double log_ratio_1(double r) { return 1 + log(r); }
static double half_log_ratio(double r) { return log(r) / 2; }
static double twice_ratio_1(double r) { return 2 * (r - 1); }

static truth truth_of(dim_estimator_kind kind)
{
    double kl = 0, reverse = 0, jsd = 0, hellinger = 0, chi = 0;
    for (int x = 0; x < 2; x++)
        for (int y = 0; y < 2; y++) {
            double p = joint[x][y], q = 0.25, m = (p + q) / 2;
            kl += p * log(p / q);
            reverse += q * log(q / p);
            jsd += (p * log(p / m) + q * log(q / m)) / 2;
            hellinger += (sqrt(p) - sqrt(q)) * (sqrt(p) - sqrt(q));
            chi += (p - q) * (p - q) / q;
        }
    switch (kind) {
    case DIM_ESTIMATOR_JSD:
        return (truth){ 2 * jsd, log_ratio };
    case DIM_ESTIMATOR_GAN:
        return (truth){ 2 * jsd - 2 * log(2), log_ratio };
    case DIM_ESTIMATOR_NWJ:
        return (truth){ kl, log_ratio_1 };
    case DIM_ESTIMATOR_RKL:
        return (truth){ reverse, log_ratio };
    case DIM_ESTIMATOR_H2:
        return (truth){ hellinger, half_log_ratio };
    case DIM_ESTIMATOR_X2:
        return (truth){ chi, twice_ratio_1 };
    default: /* DV, MINE, and SMILE where it clips nothing */
        return (truth){ kl, log_ratio };
    }
}

static void test_divergences(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    (void)state;
    for (int kind = 0; kind < N_KINDS; kind++) {
        if (kind == DIM_ESTIMATOR_INFONCE || kind == DIM_ESTIMATOR_W1)
            continue;
        truth want = truth_of((dim_estimator_kind)kind);
        double u[2][2];
        for (int i = 0; i < 4; i++)
            u[i / 2][i % 2] = want.critic(joint[i / 2][i % 2] * 4);
        double best = value_of_table(ctx, (dim_estimator_kind)kind, u);
        if (!(fabs(best - want.value) < 1e-6))
            fail_msg("%s: %g at its best critic, not %g", dim_estimator_name((dim_estimator_kind)kind), best, want.value);
        for (int i = 0; i < 8 && kind != DIM_ESTIMATOR_SMILE; i++) { /* whose value is no optimum of what it trains */
            double other[2][2], change = i % 2 == 0 ? 0.2 : -0.2;
            memcpy(other, u, sizeof u);
            other[i / 4][i / 2 % 2] += change;
            assert_true(value_of_table(ctx, (dim_estimator_kind)kind, other) < best);
        }
    }
    dim_context_destroy(ctx);
}

/* ---- Gaussians: pairs of d numbers with correlation rho have -d / 2 log(1 - rho^2) nats in common ---- */

enum { MOST_N = 512, D = 20 };

/* Scores of all pairs of a batch: `times` the log-ratio, + add. */
static void gaussian_scores(float *u, int64_t n, double nats, uint64_t batch, double times, double add)
{
    static float x[MOST_N * D], y[MOST_N * D];
    double rest = exp(-2 * nats / D), rho = sqrt(1 - rest);
    dim__rng_normal(x, n * D, 7, 2 * batch, 0);
    dim__rng_normal(y, n * D, 7, 2 * batch + 1, 0);
    for (int64_t i = 0; i < n * D; i++)
        y[i] = (float)(rho * x[i] + sqrt(rest) * y[i]);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = nats;
            for (int k = 0; k < D; k++) {
                double a = x[i * D + k], b = y[j * D + k];
                sum += (2 * rho * a * b - rho * rho * (a * a + b * b)) / (2 * rest);
            }
            u[i * n + j] = (float)(times * sum + add);
        }
}

typedef struct measured {
    double mean, error, median;
} measured;

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static measured over_batches(dim_context *ctx, dim_estimator_kind kind, int64_t n, double nats, int batches, double times,
                             double add)
{
    static float u[MOST_N * MOST_N];
    static double values[20000];
    double sum = 0, squares = 0;
    for (int b = 0; b < batches; b++) {
        gaussian_scores(u, n, nats, (uint64_t)b, times, add);
        values[b] = evaluate(ctx, kind, n, 1, u);
        sum += values[b] / batches;
        squares += values[b] * values[b] / batches;
    }
    qsort(values, (size_t)batches, sizeof *values, by_size);
    measured m = { sum, sqrt((squares - sum * sum) / (batches - 1)), values[batches / 2] };
    print_message("%s, %d pairs, %g nats, critic %g u + %g: mean %.3f +- %.3f, median %.3f\n", dim_estimator_name(kind),
                  (int)n, nats, times, add, m.mean, m.error, m.median);
    return m;
}

/* A batch's log-mean-exp is too low, so that DV is too high; the more pairs, the less.  MINE's value is DV's. */
static void test_dv_is_biased(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    measured four = over_batches(ctx, DIM_ESTIMATOR_DV, 4, 4, 3000, 1, 0);
    measured more = over_batches(ctx, DIM_ESTIMATOR_MINE, 16, 4, 1000, 1, 0);
    measured many = over_batches(ctx, DIM_ESTIMATOR_DV, 128, 4, 150, 1, 0);
    (void)state;
    assert_true(four.mean > 4 + 1.5 && more.mean > 4 + 0.2 && more.mean < 4 + 0.5 && fabs(many.mean - 4) < 0.1);
    assert_int_equal(dim_estimator_bound(DIM_ESTIMATOR_DV), DIM_BOUND_ESTIMATE);
    assert_int_equal(dim_estimator_bound(DIM_ESTIMATOR_MINE), DIM_BOUND_ESTIMATE);

    /* 64 symbols that arrive as they are sent, 4.16 nats, and a critic that is right but not calibrated: nearly all batches of
     * 4 have no pair of equal symbols among the negatives. */
    double mean = 0;
    for (int b = 0; b < 2000; b++) {
        float u[16];
        uint64_t sent[4];
        for (int i = 0; i < 4; i++)
            sent[i] = dim__rng_below(64, 3, 3, (uint64_t)(4 * b + i));
        for (int i = 0; i < 16; i++)
            u[i] = sent[i / 4] == sent[i % 4] ? 10 : -10;
        mean += evaluate(ctx, DIM_ESTIMATOR_DV, 4, 1, u) / 2000;
    }
    assert_true(mean > 17 && mean < 20);
    dim_context_destroy(ctx);
}

/* NWJ has no bias, however small the batch.  But its mean comes from rare batches with a low value: of much information one is
 * likely to see more than there is, by 1 at most. */
static void test_nwj_is_unbiased(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    measured four = over_batches(ctx, DIM_ESTIMATOR_NWJ, 4, 1, 20000, 1, 1);
    measured other = over_batches(ctx, DIM_ESTIMATOR_NWJ, 4, 1, 20000, 0.5, 1);
    measured high = over_batches(ctx, DIM_ESTIMATOR_NWJ, 128, 12, 100, 1, 1);
    (void)state;
    assert_true(fabs(four.mean - 1) < 3 * four.error && four.error < 0.03);
    assert_true(other.mean < 1 - 3 * other.error);
    assert_true(high.median > 12 + 0.4 && high.median < 12 + 1);
    dim_context_destroy(ctx);
}

/* InfoNCE stays below the information and the log of its candidates with any critic and any batch. */
static void test_infonce_is_below(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    static const double critics[][2] = { { 1, 0 }, { 3, 0 }, { 0.3, 5 } };
    (void)state;
    for (int c = 0; c < 3; c++)
        for (int big = 0; big < 2; big++) {
            double nats = big ? 8 : 0.3;
            measured m = over_batches(ctx, DIM_ESTIMATOR_INFONCE, 4, nats, 4000, critics[c][0], critics[c][1]);
            assert_true(m.mean < nats + 3 * m.error && m.mean <= log(4));
        }
    dim_context_destroy(ctx);
}

/* Two images, 16 locations each that are all alike, N = 2: log 2 nats, of which InfoNCE says 1.42, and the formula that is safe
 * less than that. */
static void test_infonce_of_alike_locations(void **state)
{
    enum { L = 16 };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    double mean = 0;
    (void)state;
    for (int other = 0; other < 2; other++) { /* the second image is the first one, or the other one */
        float u[2 * 2 * L];
        for (int i = 0; i < 2 * 2 * L; i++)
            u[i] = other == 0 || i / L == 0 || i / L == 3 ? 20 : -20;
        mean += evaluate(ctx, DIM_ESTIMATOR_INFONCE, 2, L, u) / 2;
    }
    assert_true(fabs(mean - log(17) / 2) < 1e-6 && mean > log(2) + 0.7);
    double safe = mean - log(1 + L) + log(2);
    assert_true(safe < log(2));
    dim_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_divergences),      cmocka_unit_test(test_dv_is_biased),
        cmocka_unit_test(test_nwj_is_unbiased),  cmocka_unit_test(test_infonce_is_below),
        cmocka_unit_test(test_infonce_of_alike_locations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
