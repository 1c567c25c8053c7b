/* Numbers of <dim/information.h> that hardly move an answer when they are wrong, each where it can be seen. */
#include "information/critic.h"

#include "information_tests.h"

/* Columns read as a measurement reads them; freed by free_tensors() and dim__mi_free(). */
static dim__mi read_sides(const sides *s, tensors *t)
{
    *t = tensors_of(s);
    dim__mi m = { .ctx = ctx, .o = { .seed = 1, .folds = 3, .confidence = 0.95f, .order = DIM_INFORMATION_ORDER_IID } };
    ok(dim__mi_read(&m, &t->data));
    ok(dim__mi_find_order(&m));
    return m;
}

/* With a condition rows meet others that are near in it, half of them at a time, and each is met once. */
static void test_local_orders(void **state)
{
    enum { ROWS = 400 };
    sides s = new_sides(ROWS, 1, 1, 1);
    tensors t;
    dim__mi_orders orders;
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        s.x[i] = normal();
        s.y[i] = normal();
        s.z[i] = i; /* row i + k is k away */
    }
    dim__mi m = read_sides(&s, &t);
    ok(dim__mi_orders_create(&m, &orders));
    for (int number = 1; number <= 20; number++) {
        int32_t order[ROWS];
        int met[ROWS] = { 0 }, different = 0, moved = 0;
        dim__mi_order(&orders, number, order);
        for (int i = 0; i < ROWS; i++) {
            assert_in_range(order[i] - i + 6, 0, 12);
            assert_int_equal(order[order[i]], i);
            different += met[order[i]]++ == 0;
            moved += order[i] != i;
        }
        assert_int_equal(different, ROWS);
        assert_in_range(moved, ROWS * 35 / 100, ROWS * 60 / 100);
    }
    dim__mi_orders_free(&orders);
    dim__mi_free(&m);
    free_tensors(&t);
    free_sides(&s);
}

/* Independent columns by GAUSS: N times the value is half a chi-square, whose deviation does not show in the rows' shares; and of
 * weighted rows the bias is that of as many as they are worth. */
static void test_gauss_of_nothing(void **state)
{
    enum { ROWS = 600, ROUNDS = 20 };
    sides s = new_sides(ROWS, 6, 6, 0), one = new_sides(ROWS, 1, 1, 0);
    static double w[ROWS];
    double mean = 0;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 6 * ROWS; i++) {
            s.x[i] = one.x[i % ROWS] = normal();
            s.y[i] = one.y[i % ROWS] = normal();
            w[i % ROWS] = exp(normal());
        }
        dim_information_result r = MEASURE(&one, .method = DIM_INFORMATION_GAUSS, .order = DIM_INFORMATION_ORDER_IID);
        assert_true(r.standard_error >= 0.7 / ROWS);
        tensors t = tensors_of(&s);
        dim_information *info;
        dim_information_options o;
        DIM_OPTIONS_INIT(&o);
        o.method = DIM_INFORMATION_GAUSS;
        o.order = DIM_INFORMATION_ORDER_IID;
        t.data.weights = tensor_of(w, ROWS, 1);
        ok(dim_information_measure(ctx, &o, &t.data, &info));
        mean += result_of(info).raw / ROUNDS;
        dim_information_destroy(info);
        dim_tensor_destroy((dim_tensor *)t.data.weights);
        free_tensors(&t);
    }
    near(mean, 0, 0.02); /* 0.05 by the number of rows */
    free_sides(&s);
    free_sides(&one);
}

/* Where columns are independent, components of them are not better than they are. */
static void test_components_of_axes(void **state)
{
    sides s = new_sides(300, 2, 2, 0);
    int count = 0;
    (void)state;
    for (int round = 0; round < 20; round++) {
        tensors t;
        dim__mi turned;
        bool better;
        for (int i = 0; i < 2 * 300; i++) {
            double a = normal(), b = 0.6 * a + 0.8 * normal();
            s.x[i] = a * fabs(a);
            s.y[i] = b * fabs(b);
        }
        dim__mi m = read_sides(&s, &t);
        ok(dim__mi_components(&m, &turned, &better));
        count += better;
        dim__mi_components_free(&turned);
        dim__mi_free(&m);
        free_tensors(&t);
    }
    assert_in_range(count, 0, 5); /* a small gain by chance is there in most draws */
    free_sides(&s);
}

/* What a result makes of scores: 1.5 gains are the value, but half of the score at most; 2.5 the end, with their error. */
static void test_fill(void **state)
{
    enum { ROWS = 300 };
    static double zeros[ROWS], pointwise[ROWS];
    (void)state;
    for (int much = 0; much < 2; much++) {
        double gain = much ? 1 : 0.01, z = 1.959964;
        dim__mi m = { .ctx = ctx, .n = ROWS, .o = { .confidence = 0.95f } };
        dim__mi_crossfit c = { .pointwise = zeros, .influence = zeros, .inclusive = zeros, .score = 0.2, .inclusive_score = 0.2,
                               .gain = gain, .gain_error = 0.03, .ceiling = 5 };
        dim__mi_answer a = { .pointwise = pointwise };
        dim__mi_critic_fill(&m, &c, &a);
        near(a.r.bound, 0.2, 0);
        near(a.r.raw, much ? 0.3 : 0.215, 1e-12);
        near(a.r.high, 0.2 + 2.5 * gain + z * 2.5 * 0.03, 1e-6);
        assert_int_equal((a.r.warnings & DIM_INFORMATION_NOT_CONVERGED) != 0, much);
    }
}

/* Neighbours that show more than critics' score raise the end of the critics' interval, others do not. */
static void test_allow_for_neighbors(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        dim_information_result critic = { .bound = 0.5, .raw = 0.7, .high = 1, .deficit = 0.4 };
        dim_information_result knn = { .raw = k == 1 ? 0.49 : 0.6, .high = k == 2 ? 0.9 : 1.5 };
        knn.verdict = k == 3 ? DIM_INFORMATION_NONE : DIM_INFORMATION_ESTIMATE;
        dim__mi_critic_allow_for(&knn, &critic);
        near(critic.high, k == 0 ? 1.5 : 1, 1e-12);
        near(critic.deficit, k == 0 ? 0.9 : 0.4, 1e-12);
    }
}

/* dim_information_gradient() has the mean of all folds' critics. */
static void test_folds_of_gradient(void **state)
{
    sides s = new_sides(400, 1, 1, 0);
    dim_information *info;
    dim_information_options o;
    double mean = 0, value;
    (void)state;
    for (int i = 0; i < 400; i++) {
        s.x[i] = normal();
        s.y[i] = 0.8 * s.x[i] + 0.6 * normal();
    }
    DIM_OPTIONS_INIT(&o);
    o.method = DIM_INFORMATION_CRITIC;
    o.folds = 4;
    o.max_steps = 20;
    ok(try_measure(&s, &o, NULL, NULL, &info));
    tensors t = tensors_of(&s);
    ok(dim_information_gradient(info, t.x, t.y, &value, NULL, NULL));
    dim__mi_fitted one = *info->answers[0].fitted;
    assert_int_equal(one.count, 4);
    for (int k = 0; k < 4; k++, one.critic++) {
        double of_fold;
        one.count = 1;
        ok(dim__mi_gradient(ctx, &one, t.x, t.y, &of_fold, NULL, NULL));
        mean += of_fold / 4;
    }
    near(value, mean, 1e-9);
    dim_information_destroy(info);
    free_tensors(&t);
    free_sides(&s);
}

/* Critics that have learnt nothing say 0 of any rows: the mean over others is of n - 1. */
static void test_gradient_of_nothing(void **state)
{
    sides s = new_sides(240, 1, 1, 0);
    dim_information *info;
    dim_information_options o;
    double value;
    (void)state;
    for (int i = 0; i < 240; i++) {
        s.x[i] = normal();
        s.y[i] = normal();
    }
    DIM_OPTIONS_INIT(&o);
    o.method = DIM_INFORMATION_CRITIC;
    o.max_steps = 5;
    ok(try_measure(&s, &o, NULL, NULL, &info));
    s.n = 6;
    tensors t = tensors_of(&s);
    ok(dim_information_gradient(info, t.x, t.y, &value, NULL, NULL));
    near(value, 0, 1e-6);
    dim_information_destroy(info);
    free_tensors(&t);
    free_sides(&s);
}

/* Random orders of equal values differ, and the standard error knows by how much.  Of 31 rows there are no parts, which might hide it. */
static void test_dithers(void **state)
{
    enum { ROWS = 31, ROUNDS = 100 };
    sides s = new_sides(ROWS, 1, 1, 0);
    const uint8_t tied = DIM_INFORMATION_KIND_TIED;
    double one = 0, two = 0, between = 0;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        dim_information_result r[2];
        for (int i = 0; i < ROWS; i++) {
            s.x[i] = normal();
            s.y[i] = rint(0.6 * (s.x[i] + normal()));
        }
        for (uint32_t dithers = 1; dithers <= 2; dithers++) {
            dim_information *info;
            dim_information_options o;
            DIM_OPTIONS_INIT(&o);
            o.method = DIM_INFORMATION_KNN;
            o.order = DIM_INFORMATION_ORDER_IID;
            o.dithers = dithers;
            ok(try_measure(&s, &o, NULL, &tied, &info));
            r[dithers - 1] = result_of(info);
            dim_information_destroy(info);
        }
        double apart = 2 * (r[1].raw - r[0].raw); /* of the second from the first */
        one += r[0].standard_error * r[0].standard_error / 1.21 / ROUNDS;
        two += r[1].standard_error * r[1].standard_error / 1.21 / ROUNDS;
        between += apart * apart / 4 / ROUNDS; /* variance of the mean of two */
    }
    near(two, one + between, 0.4 * between);
    free_sides(&s);
}

/* Labels that two rows have each: in parts of the rows many are alone, which is not a number, and no reason for one. */
static void test_pairs_of_labels(void **state)
{
    (void)state;
    for (int64_t n = 64; n <= 256; n *= 2) {
        sides s = new_sides(n, 1, 1, 0);
        const uint8_t labels = DIM_INFORMATION_KIND_UNORDERED;
        dim_information *info;
        dim_tensor *curve;
        for (int64_t i = 0; i < n; i++) {
            s.x[i] = (double)(i / 2);
            s.y[i] = normal();
        }
        dim_information_options o;
        DIM_OPTIONS_INIT(&o);
        o.method = DIM_INFORMATION_KNN;
        o.order = DIM_INFORMATION_ORDER_IID;
        ok(try_measure(&s, &o, &labels, NULL, &info));
        ok(dim_information_curve(info, &curve));
        const double *numbers = dim_tensor_const_data(curve);
        for (int64_t k = 0; k < dim_tensor_count(curve); k++)
            assert_false(isnan(numbers[k]));
        for (int64_t k = 0; k < dim_tensor_size(curve, 0); k++) /* nor 0, which it may have become */
            assert_true(numbers[4 * k + 3] > 0);
        dim_information_result r = result_of(info);
        assert_false(isnan(r.standard_error) || isnan(r.deficit));
        dim_tensor_destroy(curve);
        dim_information_destroy(info);
        free_sides(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local_orders), cmocka_unit_test(test_gauss_of_nothing), cmocka_unit_test(test_components_of_axes),
        cmocka_unit_test(test_fill), cmocka_unit_test(test_allow_for_neighbors), cmocka_unit_test(test_folds_of_gradient),
        cmocka_unit_test(test_pairs_of_labels),
        cmocka_unit_test(test_gradient_of_nothing), cmocka_unit_test(test_dithers),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
