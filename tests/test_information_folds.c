/* Which rows critics are trained on, chosen by and tested on, and what is made of their scores. */
#include "information/critic.h"

#include "information_tests.h"

enum { N = 960, BLOCK = 12 };

typedef struct plan { /* of row i in each fold: 0 nothing, 1 train, 2 validation, 3 test */
    int8_t in[3][N], half[3][N];
    int64_t train[3], validation[3], test[3], halves[3];
} plan;

static void mark(int8_t *to, const int32_t *rows, int64_t n, int8_t as)
{
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(rows[i], 0, N - 1);
        assert_int_equal(to[rows[i]], 0); /* in one set, once */
        to[rows[i]] = as;
    }
}

static void make_plan(const dim__mi *m, plan *p)
{
    dim__mi_folds folds;
    dim__mi_rows r;
    memset(p, 0, sizeof *p);
    ok(dim__mi_folds_make(m, &folds));
    for (int k = 0; k < 3; k++)
        for (int half = 0; half < 2; half++) {
            int8_t *to = half ? p->half[k] : p->in[k];
            dim__mi_folds_rows(&folds, k, half ? 0.5 : 1, &r);
            mark(to, r.train, r.n_train, 1);
            mark(to, r.validation, r.n_validation, 2);
            mark(to, r.test, r.n_test, 3);
            if (half) {
                p->halves[k] = r.n_train;
                continue;
            }
            p->train[k] = r.n_train;
            p->validation[k] = r.n_validation;
            p->test[k] = r.n_test;
        }
    dim__mi_folds_free(ctx, &folds);
}

/* Whatever the rows are: each is tested once, and half the training rows of a fold are some of them, with the same others. */
static void check_plan(const plan *p, bool few)
{
    for (int i = 0; i < N; i++) {
        int tested = 0;
        for (int k = 0; k < 3; k++) {
            tested += p->in[k][i] == 3;
            assert_true(p->half[k][i] == p->in[k][i] || (p->in[k][i] == 1 && p->half[k][i] == 0));
        }
        assert_int_equal(tested, 1);
    }
    for (int k = 0; k < 3; k++)
        assert_in_range(p->halves[k], p->train[k] * (few ? 3 : 4) / 10, p->train[k] * (few ? 7 : 6) / 10);
}

static dim__mi measurement(int32_t *numbers)
{
    static dim__mi_column columns[2];
    for (int side = 0; side < 2; side++)
        columns[side] = (dim__mi_column){ .kind = DIM_INFORMATION_KIND_CONTINUOUS, .distinct = N, .code = numbers };
    dim__mi m = { .ctx = ctx, .n = N };
    for (int side = 0; side < 2; side++)
        m.side[side] = (dim__mi_side){ .d = 1, .given = 1, .columns = &columns[side] };
    m.o.seed = 3;
    m.o.folds = 3;
    return m;
}

static void test_rows(void **state)
{
    (void)state;
    static plan p;
    static int32_t numbers[N];
    for (int i = 0; i < N; i++)
        numbers[i] = i;
    dim__mi m = measurement(numbers);
    make_plan(&m, &p);
    check_plan(&p, false);
    int changes = 0;
    for (int k = 0; k < 3; k++) {
        assert_int_equal(p.test[k], N / 3);
        assert_in_range(p.validation[k], N / 12 - 8, N / 12 + 8);
        assert_int_equal(p.train[k] + p.validation[k] + p.test[k], N); /* nothing is lost */
    }
    for (int i = 1; i < N; i++)
        changes += p.in[0][i] != p.in[0][i - 1];
    assert_true(changes > N / 4); /* not stretches */
}

/* Twenty rows of a group, or four copies of a row, are all in one set. */
static void test_together(void **state)
{
    (void)state;
    static plan p;
    static int32_t numbers[N];
    for (int groups = 0; groups < 2; groups++) {
        int together = groups ? 20 : 4;
        for (int i = 0; i < N; i++)
            numbers[i] = i % (N / together);
        dim__mi m = measurement(numbers);
        for (int side = 0; side < 2; side++)
            m.side[side].columns[0].distinct = N / together;
        if (groups) {
            m.groups = numbers;
            m.n_groups = N / together;
        }
        make_plan(&m, &p);
        check_plan(&p, groups);
        for (int k = 0; k < 3; k++) {
            for (int i = N / together; i < N; i++) {
                assert_int_equal(p.in[k][i], p.in[k][i % (N / together)]);
                assert_int_equal(p.half[k][i], p.half[k][i % (N / together)]);
            }
            assert_in_range(p.test[k], N / 3 - together, N / 3 + together);
            assert_in_range(p.validation[k], 1, N / 6);
        }
    }
}

/* Of a series the test rows are a stretch, and no row that is trained on or chosen by is within a block of them; nor is one that is
 * trained on within a block of those chosen by.  Halves are made of blocks. */
static void test_series(void **state)
{
    (void)state;
    static plan p;
    static int32_t numbers[N];
    for (int i = 0; i < N; i++)
        numbers[i] = i;
    dim__mi m = measurement(numbers);
    m.series = true;
    m.block = BLOCK;
    make_plan(&m, &p);
    check_plan(&p, true);
    for (int k = 0; k < 3; k++) {
        int tests = 0, parts = 0;
        for (int i = 0; i < N; i++) {
            tests += p.in[k][i] == 3 && (i == 0 || p.in[k][i - 1] != 3);
            parts += i > 0 && p.in[k][i] == 1 && p.in[k][i - 1] == 1 && p.half[k][i] != p.half[k][i - 1];
            for (int j = i - BLOCK + 1; j < i + BLOCK && p.in[k][i] == 1; j++)
                assert_true(j < 0 || j >= N || p.in[k][j] == 1 || p.in[k][j] == 0);
            for (int j = i - BLOCK + 1; j < i + BLOCK && p.in[k][i] == 2; j++)
                assert_true(j < 0 || j >= N || p.in[k][j] != 3);
        }
        assert_int_equal(tests, 1);
        assert_int_equal(p.test[k], N / 3);
        assert_in_range(parts, 5, N / BLOCK);
        assert_in_range(p.validation[k], N / 12 - BLOCK, N / 12);
        assert_true(p.train[k] >= N * 2 / 3 - N / 12 - 4 * BLOCK);
    }
}

/* Of symbols, and of rounded numbers beside them, rows are the same without being copies: they are parted as any others. */
static void test_symbols(void **state)
{
    (void)state;
    static plan p;
    static int32_t numbers[2][N];
    for (int rounded = 0; rounded < 2; rounded++) {
        for (int i = 0; i < N; i++) {
            numbers[0][i] = i % (rounded ? 60 : 2);
            numbers[1][i] = i / 60 % 2;
        }
        dim__mi m = measurement(numbers[0]);
        m.side[0].columns[0].kind = rounded ? DIM_INFORMATION_KIND_TIED : DIM_INFORMATION_KIND_DISCRETE;
        m.side[0].columns[0].distinct = rounded ? 60 : 2;
        m.side[1].columns[0] = (dim__mi_column){ .kind = DIM_INFORMATION_KIND_DISCRETE, .distinct = 2, .code = numbers[1] };
        make_plan(&m, &p);
        check_plan(&p, false);
        for (int k = 0; k < 3; k++) {
            int trained[2][2] = { { 0 } };
            for (int i = 0; i < N; i++)
                trained[numbers[0][i] % 2][numbers[1][i]] += p.in[k][i] == 1;
            assert_int_equal(p.test[k], N / 3);
            for (int cell = 0; cell < 4; cell++)
                assert_in_range(trained[cell / 2][cell % 2], N / 10, N / 5);
        }
    }
}

/* ---- what is made of the scores -------------------------------------------------------------------------------------- */

/* What half of the rows cannot learn is missing in a critic of all of them, too: value and interval lie above the score. */
static void test_gain(void **state)
{
    (void)state;
    sides s = new_sides(900, 2, 2, 0);
    for (int64_t i = 0; i < s.n; i++) {
        s.x[2 * i] = normal();
        s.x[2 * i + 1] = normal();
        s.y[2 * i] = s.x[2 * i] * s.x[2 * i + 1] + 0.5 * normal();
        s.y[2 * i + 1] = normal();
    }
    dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_CRITIC, .seed = 1);
    assert_true(r.bound > 0.2 && r.value > r.bound + 0.02 && r.deficit > 0.04);
    assert_true((r.warnings & DIM_INFORMATION_NOT_CONVERGED) != 0);
    assert_true(r.ceiling > log(299) && r.ceiling < log(301)); /* rows of a fold */
    free_sides(&s);
}

/* Where the base is believed, nothing is left of what the critic's own scores said: saturated here, as the base is not. */
static void test_base_instead(void **state)
{
    (void)state;
    static int32_t numbers[N];
    static double critic[N], base[N], pointwise[N];
    dim__mi m = measurement(numbers);
    m.o.confidence = 0.95f;
    for (int i = 0; i < N; i++) {
        critic[i] = 2.2 + normal();
        base[i] = 2 + normal();
    }
    dim__mi_crossfit c = { .pointwise = critic, .influence = critic, .inclusive = critic, .base_pointwise = base, .base_influence = base,
                           .base_inclusive = base, .score = 2.2, .inclusive_score = 2, .base_score = 2, .base_inclusive_score = 1.95,
                           .gain = 0.1, .gain_error = 0.01, .ceiling = 6 };
    dim__mi_answer a = { .r = { .size = sizeof a.r }, .pointwise = pointwise };
    dim__mi_critic_fill(&m, &c, &a);
    assert_int_equal(a.r.verdict, DIM_INFORMATION_LOWER_BOUND);
    assert_true(isinf(a.r.high) && (a.r.warnings & DIM_INFORMATION_SATURATED));
    double high = dim__mi_critic_high(&m, &c);
    dim__mi_critic_fill_base(&m, &c, &a);
    assert_int_equal(a.r.verdict, DIM_INFORMATION_ESTIMATE);
    assert_false(a.r.warnings & DIM_INFORMATION_SATURATED);
    near(a.r.high, high, 1e-12);
    near(a.r.raw, 2, 1e-12);
    near(a.r.deficit, high - 2 - (2 - a.r.low), 1e-9);
}

/* Rows beside each other in time remember each other: without gaps their critic would know the test rows. */
static void test_no_leak(void **state)
{
    (void)state;
    enum { ROWS = 1200, D = 3 };
    sides s = new_sides(ROWS, D, D, 0);
    for (int64_t i = 0; i < ROWS * D; i++) {
        s.x[i] = 0.95 * (i < D ? 0 : s.x[i - D]) + 0.31 * normal();
        s.y[i] = 0.95 * (i < D ? 0 : s.y[i - D]) + 0.31 * normal();
    }
    dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_CRITIC, .order = DIM_INFORMATION_ORDER_SERIES, .seed = 1);
    assert_true(r.bound < 0.1);
    r = MEASURE(&s, .method = DIM_INFORMATION_CRITIC, .order = DIM_INFORMATION_ORDER_IID, .seed = 1);
    assert_true(r.bound > 0.2); /* this is what it would look like */
    free_sides(&s);
}

/* A binary symmetric channel that flips one row in ten. */
static void test_channel(void **state)
{
    (void)state;
    sides s = new_sides(1000, 1, 1, 0);
    for (int64_t i = 0; i < s.n; i++) {
        s.x[i] = uniform() < 0.5;
        s.y[i] = uniform() < 0.1 ? 1 - s.x[i] : s.x[i];
    }
    dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_CRITIC, .permutations = 39, .max_steps = 200, .seed = 1);
    near(r.value, MEASURE(&s, .method = DIM_INFORMATION_DISCRETE).value, 0.02);
    assert_true(r.low > 0.25 && r.p_value < 0.06);
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows), cmocka_unit_test(test_together), cmocka_unit_test(test_series), cmocka_unit_test(test_gain),
        cmocka_unit_test(test_no_leak), cmocka_unit_test(test_symbols), cmocka_unit_test(test_channel),
        cmocka_unit_test(test_base_instead),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
