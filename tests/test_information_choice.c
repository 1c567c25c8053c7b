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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_labels), cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
