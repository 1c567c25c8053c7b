/* Intervals and p-values of <dim/information.h> where what a method errs by is more than chance: edges, few ranks, a choice. */
#include "information/special.h"

#include "information_tests.h"

/* Neighbours of more columns are farther away, and gain less from more rows: the interval knows that more is missing.  With what is gained
 * as all that is missing, of two pairs none of these intervals has the truth. */
static void test_edges_of_neighbors(void **state)
{
    enum { ROUNDS = 10, ROWS = 1000 };
    int held = 0;
    sides s = new_sides(ROWS, 2, 2, 0);
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < 2 * ROWS; i++) {
            s.x[i] = uniform();
            s.y[i] = fmod(s.x[i] + 0.5 * uniform(), 1);
        }
        dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_KNN, .seed = round);
        held += r.low <= 2 * log(2) && 2 * log(2) <= r.high;
        assert_true(r.high < 2.2 && r.raw + r.deficit < r.high);
    }
    assert_in_range(held, ROUNDS - 2, ROUNDS);
    free_sides(&s);
}

/* Ranks of few rows bend columns, which is much where another leaves little of them: 0.19 nats less than there are, and a standard error
 * of 0.07.  And with a condition that leaves little noise it is 0.03 nats that are not there.  The interval knows of both; without, it has
 * the truth in 1 of 4 and in 3 of 4. */
static void test_bent_ranks(void **state)
{
    enum { ROUNDS = 40, ROWS = 300 };
    int held = 0, of_nothing = 0;
    sides s = new_sides(ROWS, 1, 1, 3), pair = { ROWS, 1, 1, 0, s.x, s.y, NULL };
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < ROWS; i++) {
            s.x[i] = normal();
            s.y[i] = 0.999 * s.x[i] + sqrt(1 - 0.999 * 0.999) * normal();
        }
        dim_information_result r = MEASURE(&pair, .method = DIM_INFORMATION_GAUSS, .seed = round);
        double truth = -log(1 - 0.999 * 0.999) / 2;
        held += r.low <= truth && truth <= r.high;
        assert_true(r.deficit > 0 && r.high < truth + 0.6);
        for (int i = 0; i < ROWS; i++) {
            double common = 0;
            for (int j = 0; j < 3; j++)
                common += (s.z[3 * i + j] = normal()) / sqrt(3);
            s.x[i] = common + 0.15 * normal();
            s.y[i] = common + 0.15 * normal();
        }
        of_nothing += !(MEASURE(&s, .method = DIM_INFORMATION_GAUSS, .seed = round).low > 0);
    }
    assert_in_range(held, 33, ROUNDS);
    assert_in_range(of_nothing, 35, ROUNDS);
    free_sides(&s);
}

/* Of three pairs critics learn a part, and neighbours see another: whichever is taken, the interval knows of both. */
static void test_edges_of_critics(void **state)
{
    enum { ROWS = 1500 };
    sides s = new_sides(ROWS, 3, 3, 0);
    dim_information_options o;
    dim_information *info;
    (void)state;
    for (int i = 0; i < 3 * ROWS; i++) {
        s.x[i] = uniform();
        s.y[i] = fmod(s.x[i] + 0.5 * uniform(), 1);
    }
    DIM_OPTIONS_INIT(&o);
    o.seed = 2;
    ok(try_measure(&s, &o, NULL, NULL, &info));
    dim_information_result r = result_of(info), one;
    assert_true(r.low <= 3 * log(2) && 3 * log(2) <= r.high);
    for (int64_t k = 0; k < dim_information_candidates(info); k++) {
        DIM_OPTIONS_INIT(&one);
        ok(dim_information_get_candidate(info, k, &one));
        if (one.method == DIM_INFORMATION_KNN && one.raw > r.bound)
            assert_true(r.high >= one.high);
    }
    dim_information_destroy(info);
    free_sides(&s);
}

/* Labels among numbers get critics or neighbours, whichever show more: p is of both, or false alarms would be 10 % at 0.05. */
static void test_p_of_a_choice(void **state)
{
    enum { ROWS = 300 };
    const uint8_t kinds[3] = { DIM_INFORMATION_KIND_UNORDERED };
    sides s = new_sides(ROWS, 3, 2, 0);
    int seen = 0;
    (void)state;
    for (uint64_t round = 1; round <= 6; round++) {
        dim_information_options o;
        dim_information *info;
        double p[2] = { 0 };
        for (int i = 0; i < ROWS; i++) {
            for (int j = 0; j < 3; j++)
                s.x[3 * i + j] = j == 0 ? floor(4 * uniform()) : normal();
            for (int j = 0; j < 2; j++)
                s.y[2 * i + j] = normal() + (round % 2 == 0 ? 0.2 * s.x[3 * i + 1] : 0);
        }
        DIM_OPTIONS_INIT(&o);
        o.permutations = 199;
        o.max_steps = 60;
        o.seed = round;
        for (int k = 0; k < 2; k++) {
            o.method = k == 0 ? DIM_INFORMATION_KNN : DIM_INFORMATION_CRITIC;
            ok(try_measure(&s, &o, kinds, NULL, &info));
            p[k] = result_of(info).p_value;
            dim_information_destroy(info);
        }
        o.method = DIM_INFORMATION_AUTO;
        ok(try_measure(&s, &o, kinds, NULL, &info));
        near(result_of(info).p_value, dim__combined_p(p, 2, 1 - 0.5 / 200), 1e-12);
        seen |= 1 << result_of(info).method;
        dim_information_destroy(info);
    }
    assert_int_equal(seen & ~(1 << DIM_INFORMATION_KNN | 1 << DIM_INFORMATION_CRITIC), 0);
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges_of_neighbors), cmocka_unit_test(test_edges_of_critics), cmocka_unit_test(test_bent_ranks),
        cmocka_unit_test(test_p_of_a_choice),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
