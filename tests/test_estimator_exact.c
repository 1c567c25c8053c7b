/* DV, MINE and InfoNCE where scores are enormous and what matters is their differences: against values that are known
 * exactly, or to double precision. */
#include "loss_tests.h"

#include "compile/compile.h"
#include "objective/objective.h"
#include "objective/score_rows.h"
#include "ops/ops.h"

#include <float.h>
#include <math.h>

enum { N = 3, NN = N * N };

/* Scores (3, 3); the positives are the diagonal. */
typedef struct numbers {
    double loss, grad[NN];
} numbers;

/* By differences from the largest score of all, which are exact in double. */
static numbers reference(dim_estimator_kind kind, const float *u)
{
    numbers want = { 0, { 0 } };
    double top = -INFINITY, sum = 0, positives = 0;
    for (int i = 0; i < NN; i++) {
        top = i % (N + 1) != 0 && u[i] > top ? u[i] : top;
    }
    for (int i = 0; i < NN; i++)
        sum += i % (N + 1) != 0 ? exp(u[i] - top) : 0;
    if (kind != DIM_ESTIMATOR_INFONCE) {
        for (int i = 0; i < NN; i++) {
            want.grad[i] = i % (N + 1) == 0 ? -1.0 / N : exp(u[i] - top) / sum;
            positives += i % (N + 1) == 0 ? (u[i] - top) / N : 0;
        }
        want.loss = log(sum / (NN - N)) - positives;
        return want;
    }
    for (int r = 0; r < N; r++) {
        const float *row = u + r * N;
        double high = row[0], all = 0;
        for (int i = 1; i < N; i++)
            high = row[i] > high ? row[i] : high;
        for (int i = 0; i < N; i++)
            all += exp(row[i] - high);
        for (int i = 0; i < N; i++)
            want.grad[r * N + i] = (exp(row[i] - high) / all - (i == r ? 1 : 0)) / N;
        want.loss += (log(all) - (row[r] - high)) / N;
    }
    return want;
}

static void check(dim_context *ctx, dim_estimator_kind kind, const float *u)
{
    dim_estimator_options o;
    dim_estimator *est;
    dim_estimate e;
    int64_t square[2] = { N, N };
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&e);
    o.kind = kind;
    o.mine_rate = 1;
    dim_tensor *t = tensor(ctx, 2, square, u), *grad = tensor(ctx, 2, square, NULL);
    numbers want = reference(kind, u);
    assert_int_equal(dim_estimator_create(ctx, &o, &est), DIM_OK);
    assert_int_equal(dim_estimator_evaluate_scores(est, t, &e, grad), DIM_OK);
    if (!(fabs(e.loss - want.loss) <= 1e-7 * (1 + fabs(want.loss))))
        fail_msg("%s at %g: loss %.9g, not %.9g", dim_estimator_name(kind), (double)u[1], e.loss, want.loss);
    const float *got = dim_tensor_const_data(grad);
    for (int i = 0; i < NN; i++)
        if (!(fabs(got[i] - want.grad[i]) <= 4e-7 * (fabs(want.grad[i]) + 1e-3)))
            fail_msg("%s at %g: gradient %d is %.9g, not %.9g", dim_estimator_name(kind), (double)u[1], i, (double)got[i],
                     want.grad[i]);
    dim_estimator_destroy(est);
    dim_tensor_destroy(t);
    dim_tensor_destroy(grad);
}

/* Equal scores share a gradient whatever their size, and neighbours of floats differ by what they differ by. */
static void test_enormous_scores(void **state)
{
    static const dim_estimator_kind kinds[] = { DIM_ESTIMATOR_DV, DIM_ESTIMATOR_MINE, DIM_ESTIMATOR_INFONCE };
    static const float sizes[] = { 100, 1e5f, 9e6f, 16777212, 1e9f, 1e13f, -1e13f, 1e16f, 1e20f, -1e20f, 1e30f, 3e38f };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            float s = sizes[i], below = nextafterf(s, -INFINITY), next = nextafterf(below, -INFINITY);
            const float cases[3][NN] = {
                { s, s, s, s, s, s, s, s, s },
                { below, s, s, below, next, s, s, below, s },
                { next, below, s, s, s, next, below, below, below },
            };
            for (int c = 0; c < 3; c++)
                check(ctx, kinds[k], cases[c]);
        }
    dim_context_destroy(ctx);
}

/* The moving average is kept as a float's logarithm: what that cannot keep is refused, and nothing moves. */
static void test_average_that_is_refused(void **state)
{
    static const float fair[NN] = { 3, 1, 2, 0, 4, 1, 1, 2, 3 };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    int64_t square[2] = { N, N };
    float huge[NN];
    dim_estimator_options o;
    dim_estimator *est[2];
    dim_estimate e[2];
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_ESTIMATOR_MINE;
    for (int i = 0; i < NN; i++)
        huge[i] = 1e13f;
    dim_tensor *u = tensor(ctx, 2, square, fair), *v = tensor(ctx, 2, square, huge), *grad = tensor(ctx, 2, square, NULL);
    dim_tensor *grad_2 = tensor(ctx, 2, square, NULL);
    for (int i = 0; i < 2; i++) {
        DIM_OPTIONS_INIT(&e[i]);
        assert_int_equal(dim_estimator_create(ctx, &o, &est[i]), DIM_OK);
        assert_int_equal(dim_estimator_evaluate_scores(est[i], u, &e[i], i == 0 ? grad : grad_2), DIM_OK);
    }
    expect(ctx, dim_estimator_evaluate_scores(est[0], v, NULL, grad), DIM_E_NUMERIC, "MINE's moving average is beyond");
    assert_int_equal(dim_estimator_evaluate_scores(est[0], v, &e[0], NULL), DIM_OK); /* the value alone is exact */
    assert_true(e[0].value == 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(dim_estimator_evaluate_scores(est[i], u, &e[i], i == 0 ? grad : grad_2), DIM_OK);
    assert_memory_equal(dim_tensor_data(grad), dim_tensor_data(grad_2), sizeof fair);
    for (int i = 0; i < 2; i++)
        dim_estimator_destroy(est[i]);
    dim_tensor *all[] = { u, v, grad, grad_2 };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim_tensor_destroy(all[i]);
    dim_context_destroy(ctx);
}

/* Mixtures' log-probabilities: y = (S, S, S), x = (1, 1, 1/2), so that each row of scores is (S, S, S/2). */
static void test_enormous_mixture_scores(void **state)
{
    static const float sizes[] = { 1e13f, 1e16f, 1e30f };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    dim_estimator_options o, checked;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_ESTIMATOR_INFONCE;
    assert_int_equal(dim__estimator_options(ctx, &o, &checked), DIM_OK);
    for (int i = 0; i < 3; i++) {
        dim__graph *g;
        dim__program *p;
        assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
        dim__vid y = dim__graph_input(g, DIM_F32, dim__shape2(N, 1), true), x = dim__graph_input(g, DIM_F32, dim__shape2(N, 1), true);
        dim__vid s = dim__emit_nce_scores(g, &checked, y, x, N);
        dim__graph_keep(g, s);
        assert_int_equal(dim__graph_backward(g, dim__emit_sum_all(g, s, 1)), DIM_OK);
        assert_int_equal(dim__program_create(g, &p), DIM_OK);
        float *of_y = dim__program_data(p, y), *of_x = dim__program_data(p, x);
        for (int r = 0; r < N; r++) {
            of_y[r] = sizes[i];
            of_x[r] = r < 2 ? 1 : 0.5f;
        }
        dim__program_forward(p, 0, 0);
        dim__program_backward(p, 0, 0);
        const float *got = dim__program_data(p, s), *dx = dim__program_data(p, dim__graph_grad(g, x));
        const double probability[N] = { -log(2), -log(2), -(double)sizes[i] / 2 };
        const double slope[N] = { -0.5, -0.5, 1 }; /* of x over S: rows 0 and 1 cancel but for half of row 2 */
        for (int r = 0; r < N; r++) {
            assert_true(fabs(got[r] - probability[r]) <= 1e-6 * fabs(probability[r]));
            assert_true(fabs(dx[r] / sizes[i] - slope[r]) <= 1e-6);
        }
        dim__program_destroy(p);
    }
    dim_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enormous_scores),
        cmocka_unit_test(test_average_that_is_refused),
        cmocka_unit_test(test_enormous_mixture_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
