/* Which method AUTO believes, where the first one that comes to mind is wrong. */
#include "information_tests.h"

static dim_information *measured(const sides *s, const uint8_t *x_kinds, const uint8_t *y_kinds, dim_information_options o)
{
    dim_information *info;
    o.size = sizeof o;
    o.order = DIM_INFORMATION_ORDER_IID;
    o.seed = 1;
    ok(try_measure(s, &o, x_kinds, y_kinds, &info));
    return info;
}
#define MEASURED(s, x_kinds, y_kinds, ...) measured(s, x_kinds, y_kinds, (dim_information_options){ .size = 0, __VA_ARGS__ })

static void holds(const dim_information *info, double truth)
{
    dim_information_result r = result_of(info);
    if (r.verdict != DIM_INFORMATION_ESTIMATE || !(r.low <= truth && truth <= r.high))
        fail_msg("%g is not in [%g, %g]\n%s", truth, r.low, r.high, dim_information_report(info));
}

static bool says(const dim_information *info, const char *text) { return strstr(dim_information_report(info), text) != NULL; }

static const uint8_t labels[8] = { DIM_INFORMATION_KIND_UNORDERED, DIM_INFORMATION_KIND_UNORDERED, DIM_INFORMATION_KIND_UNORDERED,
                                   DIM_INFORMATION_KIND_UNORDERED, DIM_INFORMATION_KIND_UNORDERED, DIM_INFORMATION_KIND_UNORDERED,
                                   DIM_INFORMATION_KIND_UNORDERED, DIM_INFORMATION_KIND_UNORDERED };

/* ---- labels and counts ------------------------------------------------------------------------------------------------- */

/* y is x, or in one row of two any of as many labels.  Critics learn some of it from so few rows, counts have it all. */
static void test_many_labels(void **state)
{
    (void)state;
    sides s = new_sides(700, 1, 1, 0);
    const double k = 20, same = 0.5 + 0.5 / k, other = 0.5 / k, truth = log(k) + same * log(same) + (k - 1) * other * log(other);
    for (int64_t i = 0; i < s.n; i++) {
        s.x[i] = floor(k * uniform());
        s.y[i] = uniform() < 0.5 ? s.x[i] : floor(k * uniform());
    }
    dim_information *info = MEASURED(&s, labels, labels, .max_steps = 200);
    assert_int_equal(result_of(info).method, DIM_INFORMATION_DISCRETE);
    assert_true(says(info, "counts show more"));
    holds(info, truth);
    dim_information_destroy(info);
    info = MEASURED(&s, labels, labels, .method = DIM_INFORMATION_CRITIC, .max_steps = 600);
    assert_true(result_of(info).bound > 0.05 && result_of(info).bound < truth); /* far below 0 from correlations of zeros and ones */
    holds(info, result_of(info).bound);
    dim_information_destroy(info);
    for (int64_t i = 0; i < s.n; i++)
        s.y[i] = floor(k * uniform());
    info = MEASURED(&s, labels, labels, .max_steps = 200);
    holds(info, 0);
    assert_true(result_of(info).high < 0.2);
    dim_information_destroy(info);
    free_sides(&s);
}

/* A label of six that the sides share in seven rows of ten, beside one of twelve on each side that tells nothing: most rows have symbols
 * of their own.  What critics find is there, but need not be all. */
static void test_labels_seen_once(void **state)
{
    (void)state;
    const double same = 0.75, other = 0.05, truth = log(6) + same * log(same) + 5 * other * log(other);
    sides s = new_sides(800, 2, 2, 0);
    for (int64_t i = 0; i < s.n; i++) {
        s.x[2 * i] = floor(6 * uniform());
        s.x[2 * i + 1] = floor(12 * uniform());
        s.y[2 * i] = uniform() < 0.7 ? s.x[2 * i] : floor(6 * uniform());
        s.y[2 * i + 1] = floor(12 * uniform());
    }
    dim_information *info = MEASURED(&s, labels, labels, .max_steps = 600);
    dim_information_result r = result_of(info);
    assert_int_equal(r.method, DIM_INFORMATION_CRITIC);
    assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
    assert_true(isinf(r.high) && r.low > 0.3 && r.low < truth && (r.warnings & DIM_INFORMATION_UNDERSAMPLED));
    assert_true(says(info, "nor learnt, and the value is a lower bound"));
    dim_information_destroy(info);
    info = MEASURED(&s, NULL, NULL, .max_steps = 600); /* numbers are learnt by their order */
    assert_int_equal(result_of(info).verdict, DIM_INFORMATION_ESTIMATE);
    dim_information_destroy(info);
    free_sides(&s);
}

/* Answers from 0 to 4 to questions about the one thing. */
static double answer(double thing)
{
    return fmin(fmax(rint(2 + thing + 0.8 * normal()), 0), 4);
}

/* Four questions against four have more answers than there are rows, which are in an order. */
static void test_answers(void **state)
{
    (void)state;
    sides s = new_sides(400, 4, 4, 0);
    for (int64_t i = 0; i < s.n; i++) {
        double thing = normal();
        for (int j = 0; j < 4; j++) {
            s.x[4 * i + j] = answer(thing);
            s.y[4 * i + j] = answer(thing);
        }
    }
    dim_information *info = MEASURED(&s, NULL, NULL, .seed = 1);
    assert_int_equal(result_of(info).method, DIM_INFORMATION_GAUSS);
    near(result_of(info).value, 0.6, 0.12);
    assert_true(says(info, "too many symbols were seen once"));
    dim_information_destroy(info);
    free_sides(&s);
    s = new_sides(600, 4, 4, 0); /* critics that had no time to learn tell nothing against it */
    for (int64_t i = 0; i < s.n; i++) {
        double thing = normal();
        for (int j = 0; j < 4; j++) {
            s.x[4 * i + j] = answer(thing);
            s.y[4 * i + j] = answer(thing);
        }
    }
    info = MEASURED(&s, NULL, NULL, .max_steps = 5);
    assert_int_equal(result_of(info).method, DIM_INFORMATION_GAUSS);
    near(result_of(info).value, 0.6, 0.12);
    assert_true(result_of(info).warnings & DIM_INFORMATION_PARAMETRIC);
    dim_information_destroy(info);
    free_sides(&s);
}

/* ---- conditions -------------------------------------------------------------------------------------------------------- */

/* x and y are the product of the first columns of z, each with its own noise: given z they tell nothing of each other. */
static sides draw_product(int64_t n, int64_t dz, int factors)
{
    sides s = new_sides(n, 1, 1, dz);
    for (int64_t i = 0; i < n; i++) {
        double product = 1;
        for (int64_t j = 0; j < dz; j++) {
            s.z[dz * i + j] = normal();
            product *= j < factors ? s.z[dz * i + j] : 1;
        }
        s.x[i] = product + 0.5 * normal();
        s.y[i] = product + 0.5 * normal();
    }
    return s;
}

/* Correlations do not see a product, and leave what it tells to y: 0.4 nats. */
static void test_condition(void **state)
{
    (void)state;
    static const int64_t rows[3] = { 400, 1200, 1200 }, columns[3] = { 2, 2, 6 };
    for (int k = 0; k < 3; k++) {
        sides s = draw_product(rows[k], columns[k], 2);
        dim_information *info = MEASURED(&s, NULL, NULL, .max_steps = 400);
        assert_true(MEASURE(&s, .method = DIM_INFORMATION_GAUSS).low > 0.2);
        assert_int_not_equal(result_of(info).method, DIM_INFORMATION_GAUSS);
        holds(info, 0);
        assert_true(result_of(info).value < 0.1);
        dim_information_destroy(info);
        free_sides(&s);
    }
    sides s = new_sides(1200, 2, 1, 1); /* a square of z, beside a column that tells nothing */
    for (int64_t i = 0; i < s.n; i++) {
        s.z[i] = normal();
        s.x[2 * i] = s.z[i] * s.z[i] + 0.5 * normal();
        s.x[2 * i + 1] = normal();
        s.y[i] = s.z[i] * s.z[i] + 0.5 * normal();
    }
    dim_information *info = MEASURED(&s, NULL, NULL, .max_steps = 400);
    assert_int_not_equal(result_of(info).method, DIM_INFORMATION_GAUSS);
    holds(info, 0);
    dim_information_destroy(info);
    free_sides(&s);
}

/* What neighbours err on in more columns: strong dependence that is a Gaussian copula's. */
static void test_strong_condition(void **state)
{
    (void)state;
    sides s = new_sides(400, 1, 1, 2);
    for (int64_t i = 0; i < s.n; i++) {
        s.z[2 * i] = normal();
        s.z[2 * i + 1] = normal();
        s.x[i] = s.z[2 * i] + s.z[2 * i + 1] + normal();
        s.y[i] = 8 * s.x[i] + s.z[2 * i] + normal();
    }
    dim_information *info = MEASURED(&s, NULL, NULL, .max_steps = 200);
    assert_int_equal(result_of(info).method, DIM_INFORMATION_GAUSS);
    near(result_of(info).value, log(65) / 2, 0.35);
    dim_information_destroy(info);
    free_sides(&s);
}

/* A condition that tells more than 1200 rows can show, twice: with y and without.  What these two differ by says nothing, and correlations
 * count without a check. */
static void test_saturated_condition(void **state)
{
    (void)state;
    sides s = new_sides(1200, 3, 3, 3);
    for (int64_t i = 0; i < 3 * s.n; i++) {
        s.z[i] = normal();
        s.x[i] = s.z[i] + 0.1 * normal();
        s.y[i] = s.z[i] + 0.1 * normal();
    }
    dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_CRITIC, .max_steps = 200);
    assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
    assert_true((r.warnings & DIM_INFORMATION_SATURATED) && isinf(r.high) && r.low <= 0);
    r = MEASURE(&s, .max_steps = 200);
    assert_int_equal(r.method, DIM_INFORMATION_GAUSS);
    assert_true(r.warnings & DIM_INFORMATION_PARAMETRIC);
    free_sides(&s);
}

/* A product of three of ten columns, which critics learn in part: more of it where y shows it, too. */
static void test_difference(void **state)
{
    (void)state;
    sides s = draw_product(2000, 10, 3);
    dim_information *info = MEASURED(&s, NULL, NULL, .max_steps = 1000);
    dim_information_result r = result_of(info);
    assert_int_equal(r.method, DIM_INFORMATION_CRITIC);
    assert_true(r.bound > 0.1 && r.bound - 2 * r.standard_error > 0); /* by which x and y would depend on each other */
    holds(info, 0);
    assert_non_null(strstr(dim_information_warning_text(info, DIM_INFORMATION_DIFFERENCE), "what z tells about x"));
    dim_information_destroy(info);
    free_sides(&s);
}

/* ---- many columns ------------------------------------------------------------------------------------------------------ */

/* Eight answers together are nearly all different, and no label: their order tells. */
static void test_many_answers(void **state)
{
    (void)state;
    sides s = new_sides(600, 8, 1, 0);
    for (int64_t i = 0; i < s.n; i++) {
        double thing = normal();
        for (int j = 0; j < 8; j++)
            s.x[8 * i + j] = answer(thing);
        s.y[i] = thing + normal();
    }
    for (s.n = 600; s.n >= 300; s.n /= 2) {
        dim_information *info = MEASURED(&s, NULL, NULL, .max_steps = 200);
        dim_information_result r = result_of(info);
        assert_true(r.method == DIM_INFORMATION_GAUSS || r.method == DIM_INFORMATION_CRITIC);
        near(r.value, 0.297, 0.13); /* of 300 rows its deviation is 0.038 */
        assert_true(r.low > 0.1 && r.high < 0.6);
        dim_information_destroy(info);
    }
    free_sides(&s);
}

/* Labels on both sides have no neighbours; given a number critics can still take them, of enough rows. */
static void test_labels_given_numbers(void **state)
{
    (void)state;
    sides s = new_sides(1000, 1, 1, 1);
    for (int64_t i = 0; i < s.n; i++) {
        s.z[i] = normal();
        s.x[i] = s.z[i] + normal() > 0;
        s.y[i] = s.z[i] + 2 * s.x[i] + normal() > 1;
    }
    dim_information *info = MEASURED(&s, labels, labels, .max_steps = 400);
    assert_int_equal(result_of(info).method, DIM_INFORMATION_CRITIC);
    near(result_of(info).value, 0.1614, 0.06);
    dim_information_destroy(info);
    s.n = 150;
    info = MEASURED(&s, labels, labels, .max_steps = 400);
    assert_int_equal(result_of(info).verdict, DIM_INFORMATION_NONE);
    const char *why = dim_information_warning_text(info, DIM_INFORMATION_SMALL_SAMPLE);
    assert_non_null(strstr(why, "knn: labels on both sides have no neighbours"));
    assert_non_null(strstr(why, "gauss: column 0 of x is labels"));
    assert_non_null(strstr(why, "critic: 150 rows are too few"));
    dim_information_destroy(info);
    free_sides(&s);
}

/* Of six columns neighbours show less than correlations do, of which there is a closed form here: who disagrees is said, and why. */
static void test_who_disagrees(void **state)
{
    enum { N = 450 };
    sides s = new_sides(N, 4, 2, 0);
    char text[128];
    (void)state;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < 4; j++)
            s.x[4 * i + j] = normal();
        s.y[2 * i] = s.x[4 * i] + s.x[4 * i + 1] + 0.5 * normal();
        s.y[2 * i + 1] = s.x[4 * i + 2] + 0.5 * normal();
    }
    dim_information *info = MEASURED(&s, NULL, NULL, .seed = 1);
    dim_information_result r = result_of(info), knn;
    DIM_OPTIONS_INIT(&knn);
    ok(dim_information_get_candidate(info, 1, &knn));
    assert_int_equal(r.method, DIM_INFORMATION_GAUSS);
    assert_true((r.warnings & DIM_INFORMATION_METHODS_DISAGREE) != 0 && knn.method == DIM_INFORMATION_KNN && knn.value < r.low);
    snprintf(text, sizeof text, "knn shows %.3f, which lies outside of the interval; of so many columns it errs downward", knn.value);
    assert_string_equal(dim_information_warning_text(info, DIM_INFORMATION_METHODS_DISAGREE), text);
    dim_information_destroy(info);
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_labels), cmocka_unit_test(test_labels_seen_once), cmocka_unit_test(test_answers),
        cmocka_unit_test(test_condition), cmocka_unit_test(test_strong_condition), cmocka_unit_test(test_saturated_condition),
        cmocka_unit_test(test_difference), cmocka_unit_test(test_many_answers), cmocka_unit_test(test_labels_given_numbers),
        cmocka_unit_test(test_who_disagrees),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
