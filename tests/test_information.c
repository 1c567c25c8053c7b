/* Exact values of <dim/information.h>'s methods on a fixture of 64 rows, its trees against plain loops, bad input, and what
 * happens without memory. */
#include "information/kdtree.h"
#include "information/kraskov.h"
#include "information/special.h"

#include "failing_alloc.h"
#include "information_tests.h"

enum { ROWS = 64 };

/* ---- special functions ----------------------------------------------------------------------------------------------- */

/* psi(n) = -gamma + sum of 1/k, psi(n + 1/2) = -gamma - 2 ln 2 + sum of 2/(2k - 1), summed in long double. */
static void test_digamma(void **state)
{
    (void)state;
    const long double euler = 0.577215664901532860606512090082402431L, ln2 = 0.693147180559945309417232121458176568L;
    for (int half = 1; half < 400; half++) {
        long double want = half % 2 == 0 ? -euler : -euler - 2 * ln2;
        for (int k = 1; half % 2 == 0 ? k < half / 2 : k <= half / 2; k++)
            want += half % 2 == 0 ? 1.0L / k : 2.0L / (2 * k - 1);
        double got = dim__digamma(half / 2.0);
        if (fabsl((got - want) / want) > 1e-14L)
            fail_msg("digamma(%g) is %.17g, not %.17Lg", half / 2.0, got, want);
    }
}

static void test_quantile(void **state)
{
    (void)state;
    near(dim__normal_quantile(0.975), 1.959963984540054, 1e-14);
    near(dim__normal_quantile(1e-10), -6.361340902404056, 1e-13);
    near(dim__normal_quantile(0.3), -0.5244005127080409, 1e-15);
    for (double p = 1e-280; p < 0.5; p *= 3) /* there and back */
        near(dim__normal_tail(-dim__normal_quantile(p)) / p, 1, 2e-13 * -log(p));
}

/* Of scipy.stats.ncx2. */
static void test_chi_square(void **state)
{
    (void)state;
    near(dim__chi_square(3.841458820694124, 1, 0), 0.95, 1e-13);
    near(dim__chi_square(10, 4, 3), 0.7837631816817813, 1e-12);
    near(dim__chi_square(200, 9, 150), 0.9441693761042, 1e-11);
    near(dim__chi_square(20, 5, dim__chi_square_shift(20, 5, 0.025)), 0.025, 1e-9);
    near(dim__chi_square_shift(1, 5, 0.99), 0, 0);
}

/* 1/2 - atan(mean of tan(pi (1/2 - p))) / pi, by hand. */
static void test_combined_p(void **state)
{
    (void)state;
    const double most = 1 - 0.5 / 200, pi = 3.14159265358979323846;
    near(dim__combined_p((double[]){ 0.05, 0.05, 0.05 }, 3, most), 0.05, 0);   /* equal ones are it, to the bit */
    near(dim__combined_p((double[]){ 0.3 }, 1, most), 0.3, 0);
    near(dim__combined_p((double[]){ 0.25, 0.75 }, 2, most), 0.5, 1e-15);      /* tangents 1 and -1 */
    near(dim__combined_p((double[]){ 0.25, 0.5 }, 2, most), 0.352416382349567, 1e-14); /* tangents 1 and 0 */
    near(dim__combined_p((double[]){ 0.25, 0.5, 0.125 }, 3, most), 0.22947286165561948, 1e-14); /* 1, 0 and 1 + sqrt(2) */
    near(dim__combined_p((double[]){ 1, 1 }, 2, most), most, 0);
    double least = 0.005, tangents = tan(pi * (0.5 - least)) - tan(pi * (0.5 - 0.5 / 200)); /* a 1 is taken as 1 - 0.5 / 200 */
    near(dim__combined_p((double[]){ least, 1 }, 2, most), 0.5 - atan(tangents / 2) / pi, 1e-12);
    for (double p = 0.001; p < 1; p += 0.013)
        for (double q = 0.001; q < 1; q += 0.017) {
            double both = dim__combined_p((double[]){ p, q }, 2, most);
            assert_true(both >= fmin(fmin(p, q), most) && both <= fmax(p, q)); /* never below what permutations can give */
        }
}

static void test_grassberger(void **state)
{
    (void)state;
    near(dim__grassberger(1), -1.27036285, 1e-8);
    near(dim__grassberger(2), 0.72963715, 1e-8);
    near(dim__grassberger(4), 1.39630382, 1e-8);
}

/* ---- the fixture ----------------------------------------------------------------------------------------------------- */

static double at_x(int i) { return i * 0.6180339887498949 - floor(i * 0.6180339887498949); }
static double at_y(int i) { return at_x(i) * at_x(i) + 0.1 * sin(7.0 * i); }
static double at_z(int i) { return cos(3.0 * i) + at_x(i); }

static sides fixture(void)
{
    sides s = new_sides(ROWS, 1, 1, 0);
    for (int i = 0; i < ROWS; i++) {
        s.x[i] = at_x(i);
        s.y[i] = at_y(i);
    }
    return s;
}

static void test_fixture_scores(void **state)
{
    static const double knn[3] = { 1.439941467725, 1.165723410872, 1.134274310256 };
    sides s = fixture();
    (void)state;
    for (uint32_t k = 0; k < 3; k++)
        if (k > 0) /* with one neighbour the method would be k = 1 for another reason, too */
            near(MEASURE(&s, .method = DIM_INFORMATION_KNN, .neighbors = 2 * k + 1, .order = DIM_INFORMATION_ORDER_IID).raw,
                                knn[k], 1e-10);
    near(MEASURE(&s, .method = DIM_INFORMATION_KNN, .neighbors = 1, .order = DIM_INFORMATION_ORDER_IID).raw, knn[0], 1e-10);
    near(MEASURE(&s, .method = DIM_INFORMATION_GAUSS, .order = DIM_INFORMATION_ORDER_IID).raw, 0.956390143241, 1e-10);
    free_sides(&s);
}

static void test_fixture_counts(void **state)
{
    sides s = new_sides(ROWS, 1, 1, 0);
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        s.x[i] = i * i % 5;
        s.y[i] = (7 * i + i / 3) % 4;
    }
    uint8_t kind = DIM_INFORMATION_KIND_DISCRETE;
    dim_information *info;
    dim_information_options o;
    DIM_OPTIONS_INIT(&o);
    o.order = DIM_INFORMATION_ORDER_IID;
    ok(try_measure(&s, &o, &kind, &kind, &info));
    dim_information_result r = result_of(info);
    assert_int_equal(r.method, DIM_INFORMATION_DISCRETE);
    near(r.raw, 0.040451560154, 1e-10);
    dim_information_destroy(info);
    free_sides(&s);
}

static double kraskov(const float *x, const float *y, const float *z, const int32_t *labels, int64_t count, int k, bool second)
{
    const float *columns[3] = { x, y, z };
    dim__kraskov in = { .n = ROWS, .k = k, .second = second, .conditional = z != NULL };
    double pointwise[ROWS], value = 0;
    int64_t used;
    for (int side = 0; side < 3; side++)
        if (columns[side] != NULL) {
            in.d[side] = 1;
            in.x[side] = &columns[side];
        }
    in.symbol[1] = labels;
    in.symbols[1] = count;
    ok(dim__kraskov_run(ctx, &in, pointwise, &value, &used));
    assert_int_equal(used, ROWS);
    return value;
}

/* With a condition, and with labels, of values as they are. */
static void test_fixture_raw(void **state)
{
    float x[ROWS], y[ROWS], z[ROWS];
    int32_t labels[ROWS];
    static const int32_t number[5] = { 0, 1, -1, -1, 2 }; /* i^2 mod 5 is 0, 1 or 4 */
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        x[i] = (float)at_x(i);
        y[i] = (float)at_y(i);
        z[i] = (float)at_z(i);
        labels[i] = number[i * i % 5];
    }
    /* Distances of multiples of the golden ratio are equal but for rounding: as NumPy's float32 has them. */
    near(kraskov(x, y, NULL, NULL, 0, 1, false), 1.427036534117, 1e-10);
    near(kraskov(x, y, NULL, NULL, 0, 3, false), 1.142944801197, 1e-10);
    near(kraskov(x, y, NULL, NULL, 0, 5, false), 1.161258106211, 1e-10);
    near(kraskov(x, y, z, NULL, 0, 3, false), 0.631386154950, 1e-10);
    near(kraskov(x, NULL, NULL, labels, 3, 3, false), -0.255843839660, 1e-10);
}

/* ---- against plain loops --------------------------------------------------------------------------------------------- */

typedef struct cloud {
    int n, dx, dy;
    float x[5][300];
} cloud;

static double distance(const cloud *c, int from, int to, int i, int j)
{
    double most = 0;
    for (int k = from; k < to; k++)
        most = fmax(most, (double)fabsf(c->x[k][i] - c->x[k][j]));
    return most;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Equation 8 or 9 by comparing all rows with all. */
static double plain(const cloud *c, int k, bool second)
{
    double sum = 0;
    for (int i = 0; i < c->n; i++) {
        double away[300];
        int count = 0, near[2] = { 0, 0 };
        for (int j = 0; j < c->n; j++)
            if (j != i)
                away[count++] = distance(c, 0, c->dx + c->dy, i, j);
        qsort(away, (size_t)count, sizeof *away, by_size);
        for (int side = 0; side < 2; side++) {
            int from = side == 0 ? 0 : c->dx, to = side == 0 ? c->dx : c->dx + c->dy;
            double eps = away[k - 1], widest = 0;
            for (int j = 0; j < c->n; j++)
                if (j != i && distance(c, 0, c->dx + c->dy, i, j) <= eps)
                    widest = fmax(widest, distance(c, from, to, i, j));
            for (int j = 0; j < c->n; j++)
                near[side] += j != i && (second ? distance(c, from, to, i, j) <= widest : distance(c, from, to, i, j) < eps);
        }
        sum += second ? dim__digamma(k) - 1.0 / k + dim__digamma(c->n) - dim__digamma(near[0]) - dim__digamma(near[1])
                      : dim__digamma(k) + dim__digamma(c->n) - dim__digamma(near[0] + 1) - dim__digamma(near[1] + 1);
    }
    return sum / c->n;
}

static void test_trees(void **state)
{
    (void)state;
    for (int round = 0; round < 24; round++) {
        cloud c = { .n = 40 + 11 * round, .dx = 1 + round % 3, .dy = 1 + round % 2 };
        const float *columns[5];
        double pointwise[300], value;
        int64_t used;
        for (int k = 0; k < c.dx + c.dy; k++) {
            columns[k] = c.x[k];
            for (int i = 0; i < c.n; i++)
                c.x[k][i] = (float)(normal() + (k > 0 ? (double)c.x[0][i] : 0));
        }
        dim__kraskov in = { .n = c.n, .d = { c.dx, c.dy, 0 }, .x = { columns, columns + c.dx, NULL }, .k = 1 + round % 7,
                            .second = round % 2 == 1 };
        ok(dim__kraskov_run(ctx, &in, pointwise, &value, &used));
        near(value, plain(&c, in.k, in.second), 1e-12);
    }
}

/* Rows of one class alone, those close in time left out, and counts at any radius. */
static void test_tree_queries(void **state)
{
    enum { N = 500 };
    float x[2][N];
    const float *columns[2] = { x[0], x[1] };
    int32_t class_of[N];
    dim__kdtree *tree;
    dim__neighbor list[9];
    (void)state;
    for (int i = 0; i < N; i++) {
        class_of[i] = i * 7 % 3;
        x[0][i] = (float)floor(20 * uniform()); /* many equal distances */
        x[1][i] = (float)floor(20 * uniform());
    }
    dim__space space = { .n = N, .d = 2, .x = columns, .class_of = class_of, .classes = 3 };
    ok(dim__kdtree_create(ctx, &space, &tree));
    for (int32_t i = 0; i < N; i++) {
        double away[N];
        int count = 0, found = dim__kdtree_nearest(tree, i, 9, 4, list);
        for (int j = 0; j < N; j++)
            if (class_of[j] == class_of[i] && abs(j - i) > 4)
                away[count++] = fmax((double)fabsf(x[0][i] - x[0][j]), (double)fabsf(x[1][i] - x[1][j]));
        qsort(away, (size_t)count, sizeof *away, by_size);
        assert_int_equal(found, 9);
        for (int k = 0; k < 9; k++)
            near((double)list[k].distance, away[k], 0);
        for (float eps = 0; eps < 22; eps += 1.5f) {
            int want = 0;
            for (int j = 0; j < N; j++)
                want += class_of[j] == 1 && fmaxf(fabsf(x[0][i] - x[0][j]), fabsf(x[1][i] - x[1][j])) < eps;
            assert_int_equal(dim__kdtree_count(tree, (float[]){ x[0][i], x[1][i] }, 1, eps), want);
        }
    }
    dim__kdtree_destroy(ctx, tree);
}

/* ---- bad input ------------------------------------------------------------------------------------------------------- */

static dim_information *untouched = NULL;

static void refuse(dim_status status, const char *text, const sides *s, dim_information_options o)
{
    dim_information *info = untouched;
    o.size = sizeof o;
    expect(status, text, try_measure(s, &o, NULL, NULL, &info));
    assert_ptr_equal(info, untouched);
}
#define REFUSE(status, text, s, ...) refuse(status, text, s, (dim_information_options){ .size = 0, __VA_ARGS__ })

static void test_bad_options(void **state)
{
    sides s = fixture();
    (void)state;
    REFUSE(DIM_E_INVALID, "method is 9", &s, .method = (dim_information_method)9);
    REFUSE(DIM_E_INVALID, "constant", &s, .method = DIM_INFORMATION_CONSTANT);
    REFUSE(DIM_E_INVALID, "confidence is 0.5", &s, .confidence = 0.5f);
    REFUSE(DIM_E_INVALID, "confidence is 1", &s, .confidence = 1);
    REFUSE(DIM_E_INVALID, "confidence is nan", &s, .confidence = NAN);
    REFUSE(DIM_E_INVALID, "block is 99; it must be a quarter", &s, .block = 99, .order = DIM_INFORMATION_ORDER_SERIES);
    REFUSE(DIM_E_INVALID, "block is 4000000000; it must be a quarter", &s, .block = 4000000000u);
    REFUSE(DIM_E_INVALID, "permutations is 18", &s, .permutations = 18);
    REFUSE(DIM_E_INVALID, "folds is 1", &s, .folds = 1);
    REFUSE(DIM_E_INVALID, "folds is 21", &s, .folds = 21);
    REFUSE(DIM_E_INVALID, "order is 3", &s, .order = (dim_information_order)3);
    REFUSE(DIM_E_INVALID, "missing is 2", &s, .missing = (dim_information_missing)2);
    REFUSE(DIM_E_INVALID, "lag is 35", &s, .lag = 35);
    REFUSE(DIM_E_INVALID, "lag is -9223372036854775808", &s, .lag = INT64_MIN);
    REFUSE(DIM_E_INVALID, "max_seconds is -1", &s, .max_seconds = -1);
    REFUSE(DIM_E_UNSUPPORTED, "side x is not discrete", &s, .method = DIM_INFORMATION_DISCRETE);
    REFUSE(DIM_E_INVALID, "neighbors is 17; it must be a quarter of the 64 rows at most", &s, .neighbors = 17);
    REFUSE(DIM_E_UNSUPPORTED, "64 rows are too few to train", &s, .method = DIM_INFORMATION_CRITIC);
    free_sides(&s);
}

static void test_missing(void **state)
{
    sides s = fixture();
    (void)state;
    s.y[17] = NAN;
    s.x[40] = -INFINITY;
    s.x[17] = INFINITY;
    REFUSE(DIM_E_NUMERIC, "x: row 17, column 0 is infinite; 2 rows have missing values", &s, .seed = 0);
    dim_information *info;
    dim_information_options o;
    DIM_OPTIONS_INIT(&o);
    o.missing = DIM_INFORMATION_MISSING_DROP;
    ok(try_measure(&s, &o, NULL, NULL, &info));
    dim_information_result r = result_of(info);
    assert_int_equal(r.dropped, 2);
    assert_int_equal(r.rows, ROWS - 2);
    assert_true(r.warnings & DIM_INFORMATION_DROPPED_ROWS);
    assert_string_not_equal(dim_information_warning_text(info, DIM_INFORMATION_DROPPED_ROWS), "");
    assert_string_equal(dim_information_warning_text(info, DIM_INFORMATION_TIME_LIMIT), "");
    dim_tensor *pointwise;
    ok(dim_tensor_create(ctx, DIM_F64, 1, (int64_t[]){ ROWS }, &pointwise));
    ok(dim_information_pointwise(info, pointwise));
    const double *p = dim_tensor_const_data(pointwise);
    double sum = 0;
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(isnan(p[i]) != 0, i == 17 || i == 40);
        sum += isnan(p[i]) ? 0 : p[i];
    }
    near(sum / (ROWS - 2), r.raw, 1e-12);
    dim_tensor_destroy(pointwise);
    dim_information_destroy(info);
    free_sides(&s);
}

static void test_bad_tensors(void **state)
{
    dim_information_data d;
    dim_information *info = untouched;
    dim_tensor *x, *y, *none, *cube, *long_y;
    (void)state;
    ok(dim_tensor_create(ctx, DIM_F32, 1, (int64_t[]){ ROWS }, &x));
    ok(dim_tensor_create(ctx, DIM_I32, 2, (int64_t[]){ ROWS, 2 }, &y));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ ROWS, 0 }, &none));
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ ROWS, 1, 1 }, &cube));
    ok(dim_tensor_create(ctx, DIM_F32, 1, (int64_t[]){ ROWS + 1 }, &long_y));
    DIM_OPTIONS_INIT(&d);
    expect(DIM_E_INVALID, "x is NULL", dim_information_measure(ctx, NULL, &d, &info));
    d.x = x;
    expect(DIM_E_INVALID, "y is NULL", dim_information_measure(ctx, NULL, &d, &info));
    d.y = none;
    expect(DIM_E_SHAPE, "y has no columns", dim_information_measure(ctx, NULL, &d, &info));
    d.y = cube;
    expect(DIM_E_SHAPE, "y has shape (64, 1, 1)", dim_information_measure(ctx, NULL, &d, &info));
    d.y = long_y;
    expect(DIM_E_SHAPE, "y has 65 rows, but x has 64", dim_information_measure(ctx, NULL, &d, &info));
    d.y = y;
    d.y_kinds = (const uint8_t[]){ 0, DIM_INFORMATION_KIND_CONSTANT };
    expect(DIM_E_INVALID, "y_kinds[1] is 5", dim_information_measure(ctx, NULL, &d, &info));
    d.y_kinds = NULL;
    d.z_names = (const char *const[]){ "z" };
    expect(DIM_E_SHAPE, "z_names is given, but z is not", dim_information_measure(ctx, NULL, &d, &info));
    d.z_names = NULL;
    d.groups = x;
    expect(DIM_E_SHAPE, "groups must be i32 or i64", dim_information_measure(ctx, NULL, &d, &info));
    d.groups = NULL;
    d.weights = x; /* all 0 */
    expect(DIM_E_INVALID, "weights: their sum", dim_information_measure(ctx, NULL, &d, &info));
    d.weights = NULL;
    expect(DIM_E_INVALID, "data is NULL", dim_information_measure(ctx, NULL, NULL, &info));
    expect(DIM_E_INVALID, "out is NULL", dim_information_measure(ctx, NULL, &d, NULL));
    assert_int_equal(dim_information_measure(NULL, NULL, &d, &info), DIM_E_INVALID);
    assert_ptr_equal(info, untouched);
    ok(dim_information_measure(ctx, NULL, &d, &info)); /* constant sides */
    dim_information_result r = result_of(info);
    assert_int_equal(r.method, DIM_INFORMATION_CONSTANT);
    assert_int_equal(r.verdict, DIM_INFORMATION_ESTIMATE);
    assert_true(r.value == 0 && r.low == 0 && r.high == 0);
    assert_true(strstr(dim_information_warning_text(info, DIM_INFORMATION_CONSTANT_COLUMNS), "column 0 of x is constant") != NULL);
    dim_tensor *null;
    expect(DIM_E_STATE, "permutations were not asked for", dim_information_null(info, &null));
    expect(DIM_E_SHAPE, "it must be f64 (64)", dim_information_pointwise(info, x));
    expect(DIM_E_INVALID, "i is 1; there are 1", dim_information_get_candidate(info, 1, &r));
    dim_information_destroy(info);
    dim_information_destroy(NULL);
    assert_int_equal(dim_information_candidates(NULL), 0);
    assert_string_equal(dim_information_report(NULL), "");
    assert_string_equal(dim_information_method_name(DIM_INFORMATION_CRITIC), "critic");
    assert_null(dim_information_method_name((dim_information_method)7));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_tensor_destroy(none);
    dim_tensor_destroy(cube);
    dim_tensor_destroy(long_y);
}

static void test_few_rows(void **state)
{
    sides s = fixture();
    (void)state;
    s.n = 29;
    dim_information_result r = MEASURE(&s, .seed = 1);
    assert_int_equal(r.verdict, DIM_INFORMATION_NONE);
    assert_true(r.warnings & DIM_INFORMATION_SMALL_SAMPLE);
    assert_true(isnan(r.value) && isnan(r.low) && isnan(r.high));
    s.n = 0;
    r = MEASURE(&s, .seed = 1);
    assert_int_equal(r.verdict, DIM_INFORMATION_NONE);
    free_sides(&s);
}

static int stop(void *user, double fraction, const char *text)
{
    (void)text;
    assert_true(fraction >= 0 && fraction <= 1);
    return --*(int *)user == 0;
}

static void test_stopped(void **state)
{
    sides s = fixture();
    int left = 5;
    (void)state;
    REFUSE(DIM_E_CALLBACK, "stopped by progress", &s, .permutations = 99, .progress = stop, .user = &left);
    free_sides(&s);
}

/* ---- without memory -------------------------------------------------------------------------------------------------- */

/* group: rows of a group; 0 = no groups */
static void fail_all(const sides *s, int group, dim_information_options o)
{
    failing memory = { 0 };
    dim_context_options c;
    dim_context *outer = ctx;
    DIM_OPTIONS_INIT(&c);
    c.threads = 1;
    c.alloc = take;
    c.free = give;
    c.alloc_user = &memory;
    o.size = sizeof o;
    ok(dim_context_create(&c, &ctx));
    tensors t = tensors_of(s);
    dim_tensor *groups;
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ s->n }, &groups));
    for (int i = 0; i < s->n && group > 0; i++)
        ((int32_t *)dim_tensor_data(groups))[i] = i / group;
    t.data.groups = group > 0 ? groups : NULL;
    dim_information *info;
    long before = memory.calls, live = memory.live;
    ok(dim_information_measure(ctx, &o, &t.data, &info));
    long count = memory.calls - before;
    dim_information_destroy(info);
    assert_int_equal(memory.live, live);
    assert_true(count > 20);
    for (long k = 1; k <= count; k += 1 + count / 400) {
        info = untouched;
        memory.fail_at = memory.calls + k;
        dim_status status = dim_information_measure(ctx, &o, &t.data, &info);
        memory.fail_at = 0;
        if (status != DIM_E_NOMEM)
            fail_msg("%s: allocation %ld of %ld: %s", dim_information_method_name(o.method), k, count, dim_status_name(status));
        assert_ptr_equal(info, untouched);
        if (memory.live != live)
            fail_msg("allocation %ld of %ld: %ld blocks are left", k, count, memory.live - live);
    }
    free_tensors(&t);
    dim_tensor_destroy(groups);
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    ctx = outer;
}

static void test_no_memory(void **state)
{
    sides s = new_sides(240, 2, 2, 1), two = { 240, 2, 2, 0, s.x, s.y, NULL };
    (void)state;
    for (int i = 0; i < 480; i++) {
        s.x[i] = normal();
        s.y[i] = s.x[i] + normal();
        s.z[i / 2] = normal();
    }
    fail_all(&s, 0, (dim_information_options){ .method = DIM_INFORMATION_KNN, .permutations = 19 });
    fail_all(&s, 0, (dim_information_options){ .method = DIM_INFORMATION_GAUSS, .permutations = 19 });
    fail_all(&two, 0, (dim_information_options){ .seed = 1 }); /* with single pairs */
    fail_all(&two, 4, (dim_information_options){ .method = DIM_INFORMATION_KNN });
    fail_all(&two, 0, (dim_information_options){ .order = DIM_INFORMATION_ORDER_SERIES });
    fail_all(&two, 0, (dim_information_options){ .method = DIM_INFORMATION_CRITIC, .permutations = 19, .max_steps = 10, .folds = 2 });
    for (int i = 0; i < 480; i++) {
        s.x[i] = s.x[i] > 0;
        s.y[i] = floor(s.y[i]);
        s.z[i / 2] = normal() > 1;
    }
    fail_all(&s, 0, (dim_information_options){ .method = DIM_INFORMATION_DISCRETE, .permutations = 19 });
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digamma),       cmocka_unit_test(test_quantile),       cmocka_unit_test(test_chi_square),
        cmocka_unit_test(test_combined_p),
        cmocka_unit_test(test_grassberger),   cmocka_unit_test(test_fixture_scores), cmocka_unit_test(test_fixture_counts),
        cmocka_unit_test(test_fixture_raw),   cmocka_unit_test(test_trees),          cmocka_unit_test(test_tree_queries),
        cmocka_unit_test(test_bad_options),   cmocka_unit_test(test_missing),        cmocka_unit_test(test_bad_tensors),
        cmocka_unit_test(test_few_rows),      cmocka_unit_test(test_stopped),        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
