/* Rows that are not independent of each other, for <dim/information.h>: series, groups, copies. */
#include "information_tests.h"

/* Each column remembers itself alone. */
static void remember(double *x, int64_t n, int64_t d, double rho)
{
    for (int64_t i = 0; i < n * d; i++)
        x[i] = (i < d ? 0 : rho * x[i - d]) + normal();
}

/* ---- series ---------------------------------------------------------------------------------------------------------- */

/* Two walks seem to have much to do with each other, however many rows they have: no answer, and why. */
static void test_walks(void **state)
{
    sides s = new_sides(2000, 1, 1, 0);
    int answers = 0;
    (void)state;
    for (uint64_t round = 0; round < 200; round++) {
        remember(s.x, s.n, 1, 1);
        remember(s.y, s.n, 1, 1);
        dim_information_result r = MEASURE(&s, .seed = round + 1, .permutations = 19);
        answers += r.verdict != DIM_INFORMATION_NONE;
        if (r.verdict == DIM_INFORMATION_NONE)
            assert_true(isnan(r.low) && isnan(r.p_value) && (r.warnings & DIM_INFORMATION_SMALL_SAMPLE));
    }
    assert_in_range(answers, 0, 4);
    dim_information *info;
    ok(try_measure(&s, NULL, NULL, NULL, &info));
    const char *text = dim_information_warning_text(info, DIM_INFORMATION_SMALL_SAMPLE);
    static const char few[] = "2000 rows are too few for these columns: they remember those before them, so that they are worth ";
    assert_int_equal(strncmp(text, few, sizeof few - 1), 0);
    near(atof(text + sizeof few - 1), result_of(info).effective_rows, 0.5);
    assert_int_equal(result_of(info).rows, 2000);
    dim_information_destroy(info);
    remember(s.y, s.n, 1, 0); /* a walk, and what forgets at once */
    assert_int_equal(MEASURE(&s, .order = DIM_INFORMATION_ORDER_SERIES).verdict, DIM_INFORMATION_ESTIMATE);
    free_sides(&s);
}

/* What correlations have of bias grows with the memory; it is taken out as if the rows were as few as they count. */
static void test_series_bias(void **state)
{
    sides s = new_sides(1000, 3, 3, 0);
    double mean = 0, rows = 0;
    int certain = 0;
    (void)state;
    for (int round = 0; round < 60; round++) {
        remember(s.x, s.n, 3, 0.9);
        remember(s.y, s.n, 3, 0.9);
        dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_GAUSS);
        assert_true(r.warnings & DIM_INFORMATION_AUTOCORRELATED);
        mean += r.raw / 60;
        rows += r.effective_rows / 60;
        certain += r.low > 0;
    }
    near(mean, 0, 0.012);    /* 0.04 without, with a standard error of 0.003 */
    near(rows, 105, 40);     /* (1 - 0.81) / (1 + 0.81) of them */
    assert_in_range(certain, 0, 6);
    free_sides(&s);
}

/* Thresholds are of rows that count: 2000 of these are fewer than a critic wants. */
static void test_series_thresholds(void **state)
{
    sides s = new_sides(2000, 2, 2, 0);
    (void)state;
    remember(s.x, s.n, 2, 0.9);
    remember(s.y, s.n, 2, 0.9);
    dim_information_result r = MEASURE(&s, .seed = 1);
    assert_true((r.warnings & DIM_INFORMATION_SMALL_SAMPLE) && (r.warnings & DIM_INFORMATION_PARAMETRIC));
    assert_int_equal(r.method, DIM_INFORMATION_GAUSS);
    sides wide = new_sides(1200, 26, 26, 0); /* worth 126, which is not above 2 * 52 + 10 by much, and 100 are not */
    remember(wide.x, wide.n, 26, 0.92);
    remember(wide.y, wide.n, 26, 0.92);
    dim_information *info = NULL;
    dim_information_options o;
    DIM_OPTIONS_INIT(&o);
    o.method = DIM_INFORMATION_GAUSS;
    expect(DIM_E_UNSUPPORTED, "1200 rows of a series are too few for the correlations of 52 columns",
           try_measure(&wide, &o, NULL, NULL, &info));
    free_sides(&wide);
    free_sides(&s);
}

/* Labels that stay for a while, on either side. */
static void test_series_of_labels(void **state)
{
    enum { ROWS = 1000 };
    sides s = new_sides(ROWS, 1, 1, 0);
    const uint8_t kind = DIM_INFORMATION_KIND_UNORDERED;
    double mean = 0, of_single_rows = 0;
    (void)state;
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < ROWS; i++) {
            s.x[i] = i > 0 && uniform() < 0.9 ? s.x[i - 1] : floor(4 * uniform());
            s.y[i] = i > 0 && uniform() < 0.9 ? s.y[i - 1] : floor(4 * uniform());
        }
        dim_information *info;
        ok(try_measure(&s, NULL, &kind, &kind, &info));
        dim_information_result r = result_of(info);
        assert_true(r.warnings & DIM_INFORMATION_AUTOCORRELATED);
        mean += r.raw / 40;
        dim_information_destroy(info);
        of_single_rows += MEASURE(&s, .order = DIM_INFORMATION_ORDER_IID).raw / 40;
    }
    near(mean, 0, 0.015);
    assert_true(of_single_rows > 0.025); /* 9 / 2N times the memory less one */
    free_sides(&s);
}

/* ---- groups ---------------------------------------------------------------------------------------------------------- */

static dim_information_result measure_groups(const sides *s, const int32_t *group, dim_information_options o)
{
    dim_tensor *groups;
    dim_information *info;
    tensors t = tensors_of(s);
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ s->n }, &groups));
    memcpy(dim_tensor_data(groups), group, (size_t)s->n * sizeof *group);
    t.data.groups = groups;
    o.size = sizeof o;
    ok(dim_information_measure(ctx, &o, &t.data, &info));
    dim_information_result r = result_of(info);
    dim_information_destroy(info);
    dim_tensor_destroy(groups);
    free_tensors(&t);
    return r;
}

/* Groups of 1 to 19 rows that are alike in themselves: worth little more than one row a group. */
static void test_groups_of_several_sizes(void **state)
{
    enum { ROWS = 600 };
    sides s = new_sides(ROWS, 1, 1, 0);
    int32_t group[ROWS];
    double mean = 0;
    dim_information *info = NULL;
    (void)state;
    for (int round = 0; round < 60; round++) {
        double x = 0, y = 0;
        for (int i = 0, g = 0, left = 0; i < ROWS; i++, left--) {
            if (left == 0) {
                left = 1 + (++g * 7) % 19;
                x = normal();
                y = normal();
            }
            group[i] = g;
            s.x[i] = x + 0.2 * normal();
            s.y[i] = y + 0.2 * normal();
        }
        dim_information_result r = measure_groups(&s, group, (dim_information_options){ .method = DIM_INFORMATION_GAUSS });
        assert_true(r.effective_rows < 100);
        mean += r.raw / 60;
    }
    near(mean, 0, 0.006); /* 0.011 without */
    tensors t = tensors_of(&s);
    dim_information_options o;
    DIM_OPTIONS_INIT(&o);
    o.permutations = 19;
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ ROWS }, &t.z));
    memcpy(dim_tensor_data(t.z), group, sizeof group);
    t.data.groups = t.z;
    expect(DIM_E_UNSUPPORTED, "permutations need groups of one size, but one has 8 rows and another 15",
           dim_information_measure(ctx, &o, &t.data, &info));
    free_tensors(&t);
    for (int i = 0; i < ROWS; i++) /* a few large groups are worth less than 30 rows */
        group[i] = i / 60;
    for (int i = 0; i < ROWS; i++) {
        s.x[i] = group[i] * 7 % 10 + normal();
        s.y[i] = group[i] * 3 % 10 + normal();
    }
    dim_information_result r = measure_groups(&s, group, (dim_information_options){ .size = 0 });
    assert_int_equal(r.verdict, DIM_INFORMATION_NONE);
    assert_true(r.warnings & DIM_INFORMATION_SMALL_SAMPLE);
    free_sides(&s);
}

/* Neighbours of one's own group tell nothing: they are near on both sides whatever these have to do with each other. */
static void test_groups_and_neighbors(void **state)
{
    enum { ROWS = 500, SIZE = 10 };
    sides s = new_sides(ROWS, 1, 1, 0);
    int32_t group[ROWS];
    double mean = 0, found = 0;
    int certain = 0;
    (void)state;
    for (int round = 0; round < 20; round++) {
        double x[ROWS / SIZE], y[ROWS / SIZE];
        for (int g = 0; g < ROWS / SIZE; g++) {
            x[g] = normal();
            y[g] = normal();
        }
        for (int i = 0; i < ROWS; i++) { /* groups are not in a row */
            group[i] = i * 7 % (ROWS / SIZE);
            s.x[i] = x[group[i]] + 0.3 * normal();
            s.y[i] = y[group[i]] + 0.3 * normal();
        }
        dim_information_result r = measure_groups(&s, group, (dim_information_options){ .seed = 1 });
        assert_int_equal(r.method, DIM_INFORMATION_KNN);
        mean += r.raw / 20;
        certain += r.low > 0;
        for (int i = 0; i < ROWS; i++)
            s.y[i] = s.x[i] + 0.5 * normal();
        found += measure_groups(&s, group, (dim_information_options){ .seed = 1 }).raw / 20;
    }
    near(mean, 0, 0.09);     /* 0.14 with them */
    assert_in_range(certain, 0, 2);
    near(found, log(1 + 1.09 / 0.25) / 2, 0.15);
    free_sides(&s);
}

static void test_groups_of_a_series(void **state)
{
    sides s = new_sides(100, 1, 1, 0);
    dim_information *info = NULL;
    dim_information_options o;
    (void)state;
    remember(s.x, s.n, 1, 0);
    remember(s.y, s.n, 1, 0);
    tensors t = tensors_of(&s);
    ok(dim_tensor_create(ctx, DIM_I64, 1, (int64_t[]){ s.n }, &t.z));
    t.data.groups = t.z;
    DIM_OPTIONS_INIT(&o);
    o.order = DIM_INFORMATION_ORDER_SERIES;
    expect(DIM_E_INVALID, "groups are given, and dim_information_options.order is SERIES",
           dim_information_measure(ctx, &o, &t.data, &info));
    free_tensors(&t);
    free_sides(&s);
}

/* What labels groups have, and which rows of others they lie beside, tells nothing.  One group has no answer; of few there is no curve, and
 * a warning. */
static void test_labels_of_groups(void **state)
{
    enum { ROWS = 300 };
    sides s = new_sides(ROWS, 1, 1, 0);
    int32_t group[ROWS], other[ROWS];
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        s.x[i] = (i % 3 == 0 ? normal() : s.x[i - i % 3]) + 0.3 * normal();
        s.y[i] = s.x[i] + normal();
        group[i] = i / 3;
        other[i] = (int32_t)(group[i] * 37 % 100) - 50;
    }
    static const dim_information_method methods[] = { DIM_INFORMATION_KNN, DIM_INFORMATION_GAUSS, DIM_INFORMATION_CRITIC };
    for (int k = 0; k < 3; k++) {
        dim_information_options o = { .method = methods[k], .max_steps = 50, .permutations = 19, .seed = 3 };
        dim_information_result a = measure_groups(&s, group, o), b = measure_groups(&s, other, o);
        assert_memory_equal(&a, &b, sizeof a);
    }
    for (int count = 1; count <= 9; count++) {
        for (int i = 0; i < ROWS; i++)
            group[i] = i % count;
        tensors t = tensors_of(&s);
        dim_information *info;
        dim_tensor *curve;
        ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ ROWS }, &t.z));
        memcpy(dim_tensor_data(t.z), group, sizeof group);
        t.data.groups = t.z;
        ok(dim_information_measure(ctx, NULL, &t.data, &info));
        dim_information_result r = result_of(info);
        assert_int_equal(r.verdict, count == 1 ? DIM_INFORMATION_NONE : DIM_INFORMATION_ESTIMATE);
        const char *text = dim_information_warning_text(info, DIM_INFORMATION_SMALL_SAMPLE);
        assert_non_null(strstr(text, count == 1 ? "all rows are of one group" : "groups are too few"));
        ok(dim_information_curve(info, &curve));
        const double *points = dim_tensor_data(curve);
        for (int64_t k = 0; k < 4 * dim_tensor_size(curve, 0) && count > 1; k++)
            assert_true(isfinite(points[k]));
        if (count > 1)
            near(r.value, log(2.09) / 2, 0.2);
        dim_tensor_destroy(curve);
        dim_information_destroy(info);
        free_tensors(&t);
    }
    free_sides(&s);
}

/* ---- sorted tables --------------------------------------------------------------------------------------------------- */

/* Sorted by labels, or by a number: rows are independent.  What remembers by itself is a series, whatever stands beside it: time,
 * or its regimes. */
static void test_sorted_tables(void **state)
{
    enum { ROWS = 600 };
    static const uint8_t labels = DIM_INFORMATION_KIND_UNORDERED;
    static const double rho[5] = { 0, 0, 0, 1, 0.9 };
    sides s = new_sides(ROWS, 1, 1, 0);
    int series[5] = { 0 };
    (void)state;
    for (int round = 0; round < 20; round++)
        for (int which = 0; which < 5; which++) {
            bool regimes = which % 2 == 0;
            dim_information *info;
            remember(s.y, ROWS, 1, rho[which]);
            for (int i = 0; i < ROWS; i++) {
                s.x[i] = regimes ? (i / 200 + 1) % 3 : which == 2 ? -i : i;
                s.y[i] += rho[which] > 0 ? 0 : regimes ? s.x[i] : 0.005 * i;
            }
            ok(try_measure(&s, NULL, regimes ? &labels : NULL, NULL, &info));
            series[which] += (result_of(info).warnings & DIM_INFORMATION_AUTOCORRELATED) != 0;
            if (which == 0 && round == 0)
                assert_non_null(strstr(dim_information_report(info), "the rows are sorted by column 0 of x, and are otherwise like "
                                                                     "independent ones; if they are in the order of time, say "
                                                                     "order SERIES"));
            if (which == 3 && round == 0)
                assert_non_null(strstr(dim_information_report(info), "the rows look like a series, or are sorted: if they are "
                                                                     "independent of each other, say order IID"));
            dim_information_destroy(info);
        }
    for (int which = 0; which < 5; which++)
        if (which < 3 ? series[which] > 3 : series[which] < 20)
            fail_msg("case %d: %d of 20 were taken as series", which, series[which]);
    free_sides(&s);
}

/* ---- orders ---------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* However many are asked for, each order there is is used once, and p says of how many it is. */
static void expect_orders(const sides *s, const int32_t *group, dim_information_options o, uint32_t count, double p)
{
    dim_tensor *groups, *null;
    dim_information *info;
    tensors t = tensors_of(s);
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ s->n }, &groups));
    if (group != NULL) {
        memcpy(dim_tensor_data(groups), group, (size_t)s->n * sizeof *group);
        t.data.groups = groups;
    }
    o.size = sizeof o;
    ok(dim_information_measure(ctx, &o, &t.data, &info));
    dim_information_result r = result_of(info);
    assert_int_equal(r.permutations, count);
    near(r.p_value, p, 1e-12);
    ok(dim_information_null(info, &null));
    assert_int_equal(dim_tensor_size(null, 0), count);
    double *values = dim_tensor_data(null);
    qsort(values, count, sizeof *values, ascending);
    for (uint32_t k = 1; k < count; k++)
        assert_true(values[k] > values[k - 1]);
    dim_tensor_destroy(null);
    dim_information_destroy(info);
    dim_tensor_destroy(groups);
    free_tensors(&t);
}

static void test_few_orders(void **state)
{
    sides s = new_sides(300, 1, 1, 0);
    int32_t group[300];
    (void)state;
    remember(s.x, s.n, 1, 0.5);
    for (int i = 0; i < s.n; i++) {
        group[i] = i / 60;
        s.y[i] = s.x[i] + 0.5 * normal();
    }
    s.n = 100;
    dim_information_options o = { .method = DIM_INFORMATION_GAUSS, .order = DIM_INFORMATION_ORDER_SERIES, .block = 10 };
    o.permutations = 9999;
    expect_orders(&s, NULL, o, 99, 1.0 / 100);
    o.permutations = 40;
    expect_orders(&s, NULL, o, 40, 1.0 / 41);
    s.n = 300;
    o.permutations = 999;
    o.method = DIM_INFORMATION_CRITIC;
    o.max_steps = 20;
    expect_orders(&s, NULL, o, 99, 1.0 / 100); /* of 100 rows a fold */
    expect_orders(&s, group, (dim_information_options){ .method = DIM_INFORMATION_GAUSS, .permutations = 999 }, 119, 1.0 / 120);
    for (int i = 0; i < s.n; i++)
        group[i] = i / 20;
    dim_information_options critic = { .method = DIM_INFORMATION_CRITIC, .permutations = 999, .max_steps = 20, .folds = 3 };
    expect_orders(&s, group, critic, 119, 1.0 / 120); /* of 5 groups a fold */
    free_sides(&s);
}

/* ---- copies ---------------------------------------------------------------------------------------------------------- */

/* Rows `often` times each, one after another or the whole table again. */
static sides copies(const sides *s, int often, bool in_a_row)
{
    sides t = new_sides(s->n * often, s->dx, s->dy, 0);
    for (int64_t i = 0; i < t.n; i++) {
        int64_t from = in_a_row ? i / often : i % s->n;
        memcpy(t.x + i * s->dx, s->x + from * s->dx, (size_t)s->dx * sizeof(double));
        memcpy(t.y + i * s->dy, s->y + from * s->dy, (size_t)s->dy * sizeof(double));
    }
    return t;
}

/* However often rows were copied, 2 times or so that columns seem to have few values, the answer is that of the rows. */
static void test_copied_tables(void **state)
{
    static const int often[3] = { 2, 12, 40 };
    (void)state;
    for (int labels = 0; labels < 2; labels++)
        for (int k = 0; k < 3; k++)
            for (int in_a_row = 0; in_a_row < 2; in_a_row++) {
                sides s = new_sides(150, 1, 1, 0);
                for (int i = 0; i < 150; i++) {
                    s.x[i] = normal();
                    s.y[i] = labels == 1 ? s.x[i] + normal() > 0 : s.x[i] + normal();
                }
                sides t = copies(&s, often[k], in_a_row == 1);
                dim_information_result once = MEASURE(&s, .seed = 1), r = MEASURE(&t, .seed = 1);
                assert_int_equal(r.rows, 150);
                assert_int_equal(r.duplicates, 150 * (often[k] - 1));
                assert_true(r.warnings & DIM_INFORMATION_DUPLICATES);
                assert_false(r.warnings & DIM_INFORMATION_AUTOCORRELATED);
                assert_int_equal(r.method, once.method);
                near(r.value, once.value, 1e-9);
                near(r.high, once.high, 1e-9);
                free_sides(&s);
                free_sides(&t);
            }
}

/* Rows drawn with replacement count once, too. */
static void test_resampled_table(void **state)
{
    sides s = new_sides(150, 1, 1, 0), t = new_sides(6000, 1, 1, 0);
    (void)state;
    for (int i = 0; i < 150; i++) {
        s.x[i] = normal();
        s.y[i] = s.x[i] + normal();
    }
    for (int i = 0; i < 6000; i++) {
        int from = (int)(150 * uniform());
        t.x[i] = s.x[from];
        t.y[i] = s.y[from];
    }
    dim_information_result once = MEASURE(&s, .seed = 1), r = MEASURE(&t, .seed = 1);
    assert_int_equal(r.rows, 150);
    assert_true(once.low <= r.value && r.value <= once.high);
    free_sides(&s);
    free_sides(&t);
}

/* Critics: the same critics on the same rows, in another order. */
static void test_doubled_columns(void **state)
{
    sides s = new_sides(600, 3, 3, 0);
    (void)state;
    for (int i = 0; i < 1800; i++) {
        s.x[i] = normal();
        s.y[i] = s.x[i] + normal();
    }
    sides t = copies(&s, 2, false);
    dim_information_result once = MEASURE(&s, .seed = 1, .method = DIM_INFORMATION_CRITIC);
    dim_information_result r = MEASURE(&t, .seed = 1, .method = DIM_INFORMATION_CRITIC);
    assert_int_equal(r.rows, 600);
    assert_true(once.low <= r.value && r.value <= once.high);
    free_sides(&s);
    free_sides(&t);
}

/* What is discrete stays so, though its rows repeat: codes that tell each other, steps of a half, a rounded normal pair and what
 * is decided by it, a table with all its cells. */
static void test_what_only_repeats(void **state)
{
    enum { ROWS = 4000 };
    sides s = new_sides(ROWS, 1, 1, 0);
    (void)state;
    for (int which = 0; which < 4; which++) {
        for (int i = 0; i < ROWS; i++) {
            double at = floor(50 * uniform()), z = rint(10 * normal()) / 10;
            s.x[i] = which == 0 ? at : which == 1 ? at / 2 : which == 2 ? z : floor(20 * uniform()) / 4;
            s.y[i] = which == 0 ? 17 * (int)at % 50 : which == 1 ? floor(at / 10) / 2 : which == 2 ? z > 1 : floor(20 * uniform()) / 4;
        }
        dim_information_result r = MEASURE(&s, .seed = 1);
        assert_int_equal(r.rows, ROWS);
        assert_int_equal(r.method, DIM_INFORMATION_DISCRETE);
        assert_false(r.warnings & DIM_INFORMATION_DUPLICATES);
        static const double truth[4] = { 3.912, 1.609, 0.4205, 0 }; /* ln 50, ln 5, of 14.7 % */
        near(r.value, truth[which], 0.04);
    }
    free_sides(&s);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the values that there are, with Miller's correction. */
static double entropy_of(const double *values, int64_t n)
{
    double *x = malloc((size_t)n * sizeof *x), sum = -0.5 / (double)n;
    memcpy(x, values, (size_t)n * sizeof *x);
    qsort(x, (size_t)n, sizeof *x, by_value);
    for (int64_t i = 0, first = 0; i < n; i++)
        if (i + 1 == n || x[i + 1] > x[i]) {
            double p = (double)(i + 1 - first) / (double)n;
            sum += 0.5 / (double)n - p * log(p);
            first = i + 1;
        }
    free(x);
    return sum;
}

static double function_of(int which, double x)
{
    switch (which) {
    case 0: return x;
    case 1: return x * x;
    case 2: return rint(10 * x * x) / 10;
    case 3: return sin(5 * x);
    case 4: return 1.8 * x + 32;
    default: return floor(x);
    }
}

/* y a function of a rounded x tells as much as y has, however many rows repeat; not more, and not nothing.  With many rows a value
 * it is counted. */
static void test_rounded_functions(void **state)
{
    static const double steps[4] = { 0.1, 1, 0.01, 0.001 };
    static const int64_t rows[3] = { 250, 1000, 4000 };
    (void)state;
    for (int step = 0; step < 4; step++)
        for (int size = 0; size < 3; size++)
            for (int which = 0; which < 6; which++) {
                sides s = new_sides(rows[size], 1, 1, 0);
                for (int64_t i = 0; i < s.n; i++) {
                    s.x[i] = step == 1 ? rint(20 * normal()) : rint(normal() / steps[step]) * steps[step];
                    s.y[i] = function_of(which, s.x[i]);
                }
                double truth = entropy_of(s.y, s.n);
                dim_information_result r = MEASURE(&s, .seed = 1);
                if (step < 3)
                    assert_int_equal(r.rows > s.n - 10, 1); /* labels that are there once are left out */
                if (step < 2 && size > 0)
                    assert_int_equal(r.method, DIM_INFORMATION_DISCRETE);
                if (step < 2 && !(r.low <= truth && truth <= r.high + 0.05)) /* high is an entropy, which has an error, too */
                    fail_msg("function %d, step %g, %d rows: %g [%g, %g] does not hold %g", which, steps[step], (int)s.n, r.value, r.low,
                             r.high, truth);
                /* That of x's distribution: many of its values were seen once, or not at all. */
                double all = which == 5 ? 1.47 : which == 2 ? 3.26 : 1.419 - log(steps[step]) - (which == 1 ? log(2) : 0);
                if (step > 1 && which != 3 && !(r.low <= all && r.high >= truth - 0.1))
                    fail_msg("function %d, step %g, %d rows: %g [%g, %g], but it is %g", which, steps[step], (int)s.n, r.value, r.low,
                             r.high, all);
                free_sides(&s);
            }
}

/* 500 prices in cents, and a tax of 20 %, in cents too. */
static void test_prices(void **state)
{
    sides s = new_sides(500, 1, 1, 0);
    (void)state;
    for (int64_t i = 0; i < s.n; i++) {
        s.x[i] = rint(10 * exp(1 + normal())) / 10;
        s.y[i] = rint(100 * 0.2 * s.x[i]) / 100;
    }
    dim_information_result r = MEASURE(&s, .seed = 1);
    assert_int_equal(r.rows, 500);
    assert_true(r.low <= 4.72 && r.low > 4 && r.high > 4.72); /* 1 + 1.419 + ln 10 */
    free_sides(&s);
}

/* Two gauges that are dry together half of the time, else independent, tell ln 2 of each other.  That zeros meet zeros is no copy,
 * though all other rows are there once; nor is it where the table is there twice, nor for critics, whose folds copies are not parted by. */
static void test_shared_zeros(void **state)
{
    enum { N = 600 };
    sides s = new_sides(2 * N, 1, 1, 0);
    int wet = 0;
    (void)state;
    for (int i = 0; i < N; i++) {
        bool rain = uniform() < 0.5;
        wet += rain;
        s.x[i] = s.x[N + i] = rain ? exponential() : 0;
        s.y[i] = s.y[N + i] = rain ? exponential() : 0;
    }
    s.n = N;
    dim_information *info;
    char text[64];
    ok(try_measure(&s, NULL, NULL, NULL, &info));
    snprintf(text, sizeof text, "; %d rows are alike in all columns and count as", N - wet);
    assert_non_null(strstr(dim_information_warning_text(info, DIM_INFORMATION_DITHERED), text));
    dim_information_result r = result_of(info);
    dim_information_destroy(info);
    assert_true(r.rows == N && r.duplicates == N - wet - 1 && (r.warnings & DIM_INFORMATION_DUPLICATES) == 0);
    near(r.value, log(2), 0.05);
    assert_true(r.low <= log(2) && log(2) <= r.high);
    r = MEASURE(&s, .seed = 1, .method = DIM_INFORMATION_CRITIC, .max_steps = 100);
    near(r.bound, log(2), 0.1);
    s.n = 2 * N;
    r = MEASURE(&s, .seed = 1);
    assert_true(r.rows == N && (r.warnings & DIM_INFORMATION_DUPLICATES) != 0);
    near(r.value, log(2), 0.05);
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks),           cmocka_unit_test(test_series_bias),
        cmocka_unit_test(test_series_thresholds), cmocka_unit_test(test_series_of_labels),
        cmocka_unit_test(test_groups_of_several_sizes), cmocka_unit_test(test_groups_and_neighbors),
        cmocka_unit_test(test_groups_of_a_series), cmocka_unit_test(test_labels_of_groups),
        cmocka_unit_test(test_few_orders), cmocka_unit_test(test_copied_tables),
        cmocka_unit_test(test_resampled_table), cmocka_unit_test(test_doubled_columns),
        cmocka_unit_test(test_what_only_repeats), cmocka_unit_test(test_rounded_functions),
        cmocka_unit_test(test_prices), cmocka_unit_test(test_sorted_tables), cmocka_unit_test(test_shared_zeros),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
