/* What <dim/information.h> makes of each kind of input: the table of docs/information.md, row by row. */
#include "information_tests.h"

static sides linear(int64_t n, int64_t dx, int64_t dy)
{
    sides s = new_sides(n, dx, dy, 0);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < dx; j++)
            s.x[i * dx + j] = normal();
        for (int64_t j = 0; j < dy; j++)
            s.y[i * dy + j] = s.x[i * dx + j % dx] + normal();
    }
    return s;
}

static void has(const dim_information *info, dim_information_warning bit, const char *part)
{
    const char *text = dim_information_warning_text(info, bit);
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in '%s'\n%s", part, text, dim_information_report(info));
}

static dim_information *measured(const dim_information_data *data, dim_information_options o)
{
    dim_information *info;
    o.size = sizeof o;
    ok(dim_information_measure(ctx, &o, data, &info));
    return info;
}
#define MEASURED(data, ...) measured(data, (dim_information_options){ .size = 0, __VA_ARGS__ })

static void refused(dim_status status, const char *text, const dim_information_data *data, dim_information_options o)
{
    dim_information *info = NULL;
    o.size = sizeof o;
    expect(status, text, dim_information_measure(ctx, &o, data, &info));
    assert_null(info);
}
#define REFUSED(status, text, data, ...) refused(status, text, data, (dim_information_options){ .size = 0, __VA_ARGS__ })

/* ---- arguments ------------------------------------------------------------------------------------------------------- */

static void test_sizes(void **state)
{
    sides s = linear(60, 1, 1);
    tensors t = tensors_of(&s);
    dim_information *info = NULL;
    dim_information_options o = { .size = 3 };
    (void)state;
    expect(DIM_E_INVALID, "size", dim_information_measure(ctx, &o, &t.data, &info));
    t.data.size = 0;
    expect(DIM_E_INVALID, "size", dim_information_measure(ctx, NULL, &t.data, &info));
    t.data.size = sizeof t.data;
    dim_tensor *number;
    ok(dim_tensor_create(ctx, DIM_F64, 0, NULL, &number));
    t.data.x = number;
    expect(DIM_E_SHAPE, "x has shape ()", dim_information_measure(ctx, NULL, &t.data, &info));
    dim_tensor_destroy(number);
    t.data.x = t.x;
    t.data.z_kinds = (const uint8_t[]){ 0 };
    expect(DIM_E_SHAPE, "z_kinds is given, but z is not", dim_information_measure(ctx, NULL, &t.data, &info));
    assert_null(info);
    free_tensors(&t);
    free_sides(&s);
}

/* The lag may leave 30 rows, and no fewer. */
static void test_lags(void **state)
{
    sides s = linear(64, 1, 1);
    tensors t = tensors_of(&s);
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        dim_information *info = MEASURED(&t.data, .lag = 34 * sign);
        assert_int_equal(result_of(info).rows, 30);
        dim_information_destroy(info);
        REFUSED(DIM_E_INVALID, "which leaves fewer than 30 of 64 rows", &t.data, .lag = 35 * sign);
    }
    REFUSED(DIM_E_INVALID, "lag is 9223372036854775807", &t.data, .lag = INT64_MAX);
    free_tensors(&t);
    free_sides(&s);
}

static void test_weights(void **state)
{
    sides s = linear(100, 2, 2);
    tensors t = tensors_of(&s);
    double w[100];
    (void)state;
    for (int i = 0; i < 100; i++)
        w[i] = 1 + i % 3;
    t.z = tensor_of(w, 100, 1);
    double *weights = dim_tensor_data(t.z);
    t.data.weights = t.z;
    weights[7] = -0.5;
    REFUSED(DIM_E_INVALID, "weights: row 7 is -0.5; it must be at least 0", &t.data, .method = DIM_INFORMATION_AUTO);
    weights[7] = NAN;
    REFUSED(DIM_E_INVALID, "weights: row 7 is NaN", &t.data, .method = DIM_INFORMATION_AUTO);
    dim_information *info = MEASURED(&t.data, .missing = DIM_INFORMATION_MISSING_DROP);
    assert_int_equal(result_of(info).dropped, 1);
    assert_int_equal(result_of(info).method, DIM_INFORMATION_GAUSS); /* AUTO leaves neighbours out */
    dim_information_destroy(info);
    for (int i = 0; i < 100; i++) /* worth 20 rows, which is not 30 */
        weights[i] = i < 20 ? 1 : 0;
    info = MEASURED(&t.data, .method = DIM_INFORMATION_AUTO);
    assert_int_equal(result_of(info).verdict, DIM_INFORMATION_NONE);
    near(result_of(info).effective_rows, 20, 1e-9);
    has(info, DIM_INFORMATION_SMALL_SAMPLE, "100 rows are too few for these columns: their weights differ, so that they are "
                                          "worth 20 independent ones");
    dim_information_destroy(info);
    free_tensors(&t);
    free_sides(&s);
}

/* ---- missing values -------------------------------------------------------------------------------------------------- */

/* However far down a column it is, the first column's is told. */
static void test_first_missing(void **state)
{
    sides s = new_sides(400, 2, 2, 0);
    (void)state;
    for (int i = 0; i < 800; i++)
        s.x[i] = s.y[i] = normal();
    tensors t = tensors_of(&s);
    double *x = dim_tensor_data(t.x), *y = dim_tensor_data(t.y);
    y[2 * 3 + 1] = NAN;
    y[2 * 301] = y[2 * 390] = NAN;
    REFUSED(DIM_E_NUMERIC, "y: row 301, column 0 is NaN; 3 rows have", &t.data, .seed = 1);
    x[2 * 399 + 1] = INFINITY;
    REFUSED(DIM_E_NUMERIC, "x: row 399, column 1 is infinite; 4 rows have", &t.data, .seed = 1);
    free_tensors(&t);
    free_sides(&s);
}

static void test_named_missing(void **state)
{
    static const char *const names[2] = { "pressure", "yield" };
    sides s = new_sides(60, 2, 2, 1);
    (void)state;
    for (int i = 0; i < 120; i++)
        s.x[i] = s.y[i] = s.z[i / 2] = normal();
    tensors t = tensors_of(&s);
    double *y = dim_tensor_data(t.y), *z = dim_tensor_data(t.z);
    t.data.y_names = names;
    y[2 * 17 + 1] = NAN;
    for (int i = 20; i < 54; i++)
        y[2 * i] = NAN;
    REFUSED(DIM_E_NUMERIC, "y: row 20, column 0 'pressure' is NaN; 35 rows have missing values (missing = DROP leaves them out)",
            &t.data, .seed = 1);
    dim_information *info = MEASURED(&t.data, .missing = DIM_INFORMATION_MISSING_DROP); /* 25 rows are left */
    dim_information_result r = result_of(info);
    assert_int_equal(r.verdict, DIM_INFORMATION_NONE);
    assert_int_equal(r.dropped, 35);
    has(info, DIM_INFORMATION_DROPPED_ROWS, "35 rows");
    dim_information_destroy(info);
    for (int i = 20; i < 54; i++)
        y[2 * i] = 0.5 + i;
    REFUSED(DIM_E_NUMERIC, "y: row 17, column 1 'yield' is NaN; 1 row has missing values", &t.data, .seed = 1);
    y[2 * 17 + 1] = 0;
    z[59] = -INFINITY;
    REFUSED(DIM_E_NUMERIC, "z: row 59, column 0 is infinite; 1 row has", &t.data, .seed = 1);
    t.data.z = NULL; /* with a lag, rows are those of the tensor that has the value */
    y[2 * 40] = NAN;
    REFUSED(DIM_E_NUMERIC, "y: row 40, column 0 'pressure'", &t.data, .lag = 3);
    free_tensors(&t);
    free_sides(&s);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static void test_few_rows(void **state)
{
    sides s = linear(31, 1, 1), wide = linear(300, 3, 2), many = linear(210, 100, 1), few = linear(60, 29, 1);
    dim_information *info;
    (void)state;
    for (s.n = 29; s.n <= 31; s.n++) {
        dim_information_result r = MEASURE(&s, .seed = 1);
        assert_int_equal(r.verdict == DIM_INFORMATION_NONE, s.n == 29);
        assert_true(r.warnings & DIM_INFORMATION_SMALL_SAMPLE);
        assert_int_equal(isnan(r.value) != 0, s.n == 29);
        assert_int_equal(isnan(r.high) != 0, s.n == 29);
    }
    dim_information_result r = MEASURE(&wide, .seed = 1); /* fewer than 500 rows of more than 3 columns */
    assert_int_equal(r.method, DIM_INFORMATION_GAUSS);
    assert_true((r.warnings & DIM_INFORMATION_SMALL_SAMPLE) && (r.warnings & DIM_INFORMATION_PARAMETRIC));
    r = MEASURE(&many, .seed = 1, .max_steps = 20); /* at most 2 * 101 + 10 + 2: no correlations */
    assert_int_equal(r.method, DIM_INFORMATION_CRITIC);
    assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
    assert_true((r.warnings & DIM_INFORMATION_SMALL_SAMPLE) && isinf(r.high));
    ok(try_measure(&few, NULL, NULL, NULL, &info)); /* of no method, and each says why */
    has(info, DIM_INFORMATION_SMALL_SAMPLE, "no method can take these columns: knn: it errs downward in more than 6 columns, and can be asked "
        "for by name; gauss: 60 rows are too few for the correlations of 30 columns; critic: 60 rows are too few");
    dim_information_destroy(info);
    free_sides(&s);
    free_sides(&wide);
    free_sides(&many);
    free_sides(&few);
}

/* A seeded sample; of a series the first rows. */
static void test_subsample(void **state)
{
    sides s = linear(2000, 1, 1);
    tensors t = tensors_of(&s);
    dim_tensor *out;
    double raw[3];
    (void)state;
    ok(dim_tensor_create(ctx, DIM_F64, 1, (int64_t[]){ s.n }, &out));
    for (int k = 0; k < 3; k++) {
        dim_information *info = MEASURED(&t.data, .max_rows = 500, .seed = k == 2 ? 2 : 1);
        raw[k] = result_of(info).raw;
        assert_int_equal(result_of(info).rows, 500);
        has(info, DIM_INFORMATION_SUBSAMPLED, "500 rows of 2000");
        dim_information_destroy(info);
    }
    assert_true(raw[0] == raw[1] && raw[0] != raw[2]);
    dim_information *info = MEASURED(&t.data, .max_rows = 500, .order = DIM_INFORMATION_ORDER_SERIES);
    ok(dim_information_pointwise(info, out));
    const double *p = dim_tensor_const_data(out);
    for (int i = 0; i < s.n; i++)
        assert_int_equal(isnan(p[i]) != 0, i >= 500);
    dim_information_destroy(info);
    dim_tensor_destroy(out);
    free_tensors(&t);
    free_sides(&s);
}

/* ---- columns --------------------------------------------------------------------------------------------------------- */

static void test_left_out(void **state)
{
    static const char *const names[4] = { "a", "pressure", NULL, "d" };
    sides s = linear(400, 4, 1);
    (void)state;
    for (int i = 0; i < s.n; i++) {
        s.x[4 * i + 1] = 7;
        s.x[4 * i + 2] = 3 * exp(s.x[4 * i]) - 2; /* an increasing function of the first */
    }
    tensors t = tensors_of(&s);
    t.data.x_names = names;
    dim_information *info = MEASURED(&t.data, .seed = 1);
    has(info, DIM_INFORMATION_CONSTANT_COLUMNS, "column 1 'pressure' of x is constant, column 2 of x repeats another");
    assert_int_equal(result_of(info).method, DIM_INFORMATION_KNN); /* of the 3 that are left */
    dim_information_destroy(info);
    free_tensors(&t);
    for (int i = 0; i < s.n; i++)
        s.y[i] = -1;
    dim_information_result r = MEASURE(&s, .permutations = 19);
    assert_int_equal(r.method, DIM_INFORMATION_CONSTANT);
    assert_int_equal(r.verdict, DIM_INFORMATION_ESTIMATE);
    assert_true(r.value == 0 && r.low == 0 && r.high == 0 && (r.warnings & DIM_INFORMATION_CONSTANT_COLUMNS));
    free_sides(&s);
}

/* Columns that are combinations of others of their side are left out, and listed.  Ranks keep a combination where it is that of
 * two values. */
/* What a program says of columns and of the answer, without reading the report. */
static void test_said(void **state)
{
    (void)state;
    enum { ROWS = 400, COLUMNS = 6 };
    static const dim_information_kind kinds[COLUMNS] = {
        DIM_INFORMATION_KIND_CONSTANT, DIM_INFORMATION_KIND_CONTINUOUS, DIM_INFORMATION_KIND_DISCRETE, DIM_INFORMATION_KIND_TIED,
        DIM_INFORMATION_KIND_AUTO, DIM_INFORMATION_KIND_UNORDERED,
    };
    const uint8_t given[COLUMNS] = { 0, 0, 0, 0, 0, DIM_INFORMATION_KIND_UNORDERED };
    sides s = new_sides(2 * ROWS, COLUMNS, 1, 0);
    for (int doubled = 0; doubled < 2; doubled++) { /* rows that are there twice count once: that is another measurement inside */
        s.n = doubled ? 2 * ROWS : ROWS;
        for (int64_t i = 0; i < s.n; i++) {
            double *x = s.x + COLUMNS * i;
            if (i >= ROWS) {
                memcpy(x, s.x + COLUMNS * (i - ROWS), COLUMNS * sizeof *x);
                s.y[i] = s.y[i - ROWS];
                continue;
            }
            x[0] = 3;
            x[1] = i; /* sorted, and y goes with it */
            x[2] = floor(4 * uniform());
            x[3] = doubled ? normal() : 0.02 * rint(50 * normal());
            x[4] = 2 * x[1]; /* repeats column 1 */
            x[5] = floor(3 * uniform());
            s.y[i] = 0.01 * (double)i + normal();
        }
        dim_information_options o;
        dim_information *info;
        DIM_OPTIONS_INIT(&o);
        o.order = doubled ? DIM_INFORMATION_ORDER_IID : DIM_INFORMATION_ORDER_AUTO;
        ok(try_measure(&s, &o, given, NULL, &info));
        for (int64_t j = 0; j < COLUMNS; j++)
            assert_int_equal(dim_information_column_kind(info, 'x', j), doubled && j == 3 ? DIM_INFORMATION_KIND_CONTINUOUS : kinds[j]);
        assert_int_equal(dim_information_column_kind(info, 'y', 0), DIM_INFORMATION_KIND_CONTINUOUS);
        assert_int_equal(dim_information_column_kind(info, 'x', COLUMNS), DIM_INFORMATION_KIND_AUTO);
        assert_int_equal(dim_information_column_kind(info, 'x', -1), DIM_INFORMATION_KIND_AUTO);
        assert_int_equal(dim_information_column_kind(info, 'z', 0), DIM_INFORMATION_KIND_AUTO);
        assert_int_equal(dim_information_column_kind(info, 'w', 0), DIM_INFORMATION_KIND_AUTO);
        int64_t count = dim_information_remarks(info), warnings = 0;
        for (int bit = 0; bit < 32; bit++)
            warnings += result_of(info).warnings >> bit & 1;
        assert_int_equal(count, warnings + !doubled); /* and that the rows are sorted */
        assert_non_null(strstr(dim_information_remark(info, 0), doubled ? "" : "the rows are sorted by column 1 of x"));
        for (int64_t i = 0; i < count; i++) { /* each in the report */
            char line[600];
            snprintf(line, sizeof line, "note: %s\n", dim_information_remark(info, i));
            assert_non_null(strstr(dim_information_report(info), line));
        }
        assert_string_equal(dim_information_remark(info, count), "");
        assert_string_equal(dim_information_remark(info, -1), "");
        dim_information_destroy(info);
    }
    assert_int_equal(dim_information_remarks(NULL), 0);
    assert_string_equal(dim_information_remark(NULL, 0), "");
    assert_string_equal(dim_information_candidate_remark(NULL, 0), "");
    assert_int_equal(dim_information_column_kind(NULL, 'x', 0), DIM_INFORMATION_KIND_AUTO);
    free_sides(&s);
    s = new_sides(500, 1, 1, 0); /* of which a Gaussian copula sees nothing */
    for (int64_t i = 0; i < s.n; i++) {
        s.x[i] = normal();
        s.y[i] = s.x[i] * s.x[i] + 0.1 * normal();
    }
    dim_information *info;
    ok(try_measure(&s, NULL, NULL, NULL, &info));
    assert_string_equal(dim_information_candidate_remark(info, 0), "");
    assert_string_equal(dim_information_candidate_remark(info, 1), "the dependence is not that of a Gaussian copula");
    assert_string_equal(dim_information_candidate_remark(info, 2), "");
    dim_information_destroy(info);
    free_sides(&s);
}

static void test_dependent_columns(void **state)
{
    sides s = linear(600, 3, 2);
    (void)state;
    for (int i = 0; i < s.n; i++) {
        int a = i % 2, b = i / 2 % 2;
        s.x[3 * i] = a;
        s.x[3 * i + 1] = a == b ? normal() : 3 + normal();
        s.x[3 * i + 2] = -a; /* the other way round: not the same codes */
    }
    tensors t = tensors_of(&s);
    dim_information *info = MEASURED(&t.data, .method = DIM_INFORMATION_GAUSS, .order = DIM_INFORMATION_ORDER_IID);
    dim_information_result r = result_of(info);
    assert_int_equal(r.verdict, DIM_INFORMATION_ESTIMATE);
    has(info, DIM_INFORMATION_CONSTANT_COLUMNS, "column 2 of x follows from others");
    assert_non_null(strstr(dim_information_report(info), "column 2 of x follows from others"));
    dim_information_destroy(info);
    free_tensors(&t);
    for (int i = 0; i < s.n; i++) { /* the same without it */
        s.x[2 * i] = i % 2;
        s.x[2 * i + 1] = s.x[3 * i + 1];
    }
    s.dx = 2;
    near(MEASURE(&s, .method = DIM_INFORMATION_GAUSS, .order = DIM_INFORMATION_ORDER_IID).raw, r.raw, 1e-12);
    free_sides(&s);
}

/* y has a column that is an increasing, or a decreasing, function of one of x's. */
static void test_copy_across(void **state)
{
    sides s = linear(600, 3, 2);
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int i = 0; i < s.n; i++)
            s.y[2 * i + 1] = sign * exp(s.x[3 * i + 2]);
        dim_information_result r = MEASURE(&s, .seed = 1);
        assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
        assert_true((r.warnings & DIM_INFORMATION_DETERMINISTIC) && isinf(r.high) && r.low > 3);
        r = MEASURE(&s, .method = DIM_INFORMATION_GAUSS);
        assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
        assert_true(r.warnings & DIM_INFORMATION_DETERMINISTIC);
    }
    free_sides(&s);
}

/* A label per row tells nothing of anything, and the text says which column it is. */
static void test_column_of_numbers(void **state)
{
    static const char *const names[1] = { "id" };
    const uint8_t labels = DIM_INFORMATION_KIND_UNORDERED;
    sides s = linear(700, 1, 1);
    (void)state;
    for (int discrete = 0; discrete < 2; discrete++) {
        for (int i = 0; i < s.n; i++) {
            s.x[i] = i;
            s.y[i] = discrete == 1 ? floor(3 * uniform()) : normal();
        }
        tensors t = tensors_of(&s);
        t.data.x_kinds = &labels;
        t.data.x_names = names;
        dim_information *info = MEASURED(&t.data, .seed = 1);
        assert_int_equal(result_of(info).verdict, DIM_INFORMATION_NONE);
        has(info, DIM_INFORMATION_UNDERSAMPLED, "column 0 'id' of x has a value per row, which tells nothing");
        assert_non_null(strstr(dim_information_report(info), "no answer"));
        dim_information_destroy(info);
        free_tensors(&t);
    }
    free_sides(&s);
}

/* Labels that are there once tell nothing that could be seen: where they are most, or all others are alike, there is no answer, and
 * where they are many, what the others tell is not all. */
static void test_labels_mostly_once(void **state)
{
    static const int once[4] = { 280, 120, 160, 60 }, classes[4] = { 1, 1, 2, 2 };
    const uint8_t labels = DIM_INFORMATION_KIND_UNORDERED;
    sides s = new_sides(300, 1, 1, 0);
    (void)state;
    for (int which = 0; which < 4; which++) {
        dim_information *info;
        for (int i = 0; i < 300; i++) {
            s.x[i] = i < once[which] ? i : 1000 + i % classes[which];
            s.y[i] = (s.x[i] > 1000 ? 8 : 0) + normal();
        }
        dim_information_options o;
        DIM_OPTIONS_INIT(&o);
        o.order = DIM_INFORMATION_ORDER_IID;
        ok(try_measure(&s, &o, &labels, NULL, &info));
        dim_information_result r = result_of(info);
        has(info, DIM_INFORMATION_UNDERSAMPLED, "too many symbols were seen once");
        assert_int_equal(r.verdict, which < 3 ? DIM_INFORMATION_NONE : DIM_INFORMATION_ESTIMATE);
        assert_int_equal(r.rows, which < 3 ? 300 : 240);
        if (which == 3) {
            has(info, DIM_INFORMATION_UNDERSAMPLED, "is not to be used as it is");
            assert_true(r.low < 0.9 * r.value && r.value <= r.high);
            near(r.value, log(2), 0.05);
        }
        assert_null(strstr(dim_information_report(info), ": nan"));
        dim_information_destroy(info);
    }
    free_sides(&s);
}

/* A side tells no more than the entropy that is printed for it. */
static void test_entropy_caps(void **state)
{
    sides s = new_sides(150, 2, 1, 0);
    (void)state;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 150; i++) {
            s.y[i] = i % 3;
            s.x[2 * i] = 4 * s.y[i] + normal();
            s.x[2 * i + 1] = normal();
        }
        dim_information_result r = MEASURE(&s, .order = DIM_INFORMATION_ORDER_IID);
        near(r.entropy_y, log(3), 1e-3);
        assert_true(r.low <= r.value && r.value <= r.high && r.high <= r.entropy_y);
    }
    free_sides(&s);
}

/* A thousand columns on a side. */
static void test_many_columns(void **state)
{
    sides s = linear(300, 1000, 1);
    tensors t = tensors_of(&s);
    (void)state;
    REFUSED(DIM_E_UNSUPPORTED, "300 rows are too few for the correlations of 1001 columns", &t.data, .method = DIM_INFORMATION_GAUSS);
    REFUSED(DIM_E_UNSUPPORTED, "1001 columns are too many for nearest neighbours", &t.data, .method = DIM_INFORMATION_KNN);
    dim_information *info = MEASURED(&t.data, .max_steps = 10);
    dim_information_result r = result_of(info);
    assert_int_equal(r.method, DIM_INFORMATION_CRITIC);
    assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
    assert_true(r.low < 0.35 + 0.1); /* ln 2 / 2 */
    dim_information_destroy(info);
    free_tensors(&t);
    free_sides(&s);
}

/* More than there is room for, of tensors that are one number again and again: sizes must not wrap around. */
static void test_too_large(void **state)
{
    static const double one = 1;
    const int64_t none[2] = { 0, 0 };
    static const int64_t shapes[3][2] = { { INT64_C(1) << 41, 2 }, { 31, INT64_C(1) << 57 }, { 200, INT64_C(1) << 40 } };
    static const char *const texts[3] = { "x has 2199023255552 rows", "x has 31 rows of 144115188075855872 columns, for which no machine has memory",
                                          "x has 200 rows of 1099511627776 columns" };
    (void)state;
    for (int k = 0; k < 3; k++) {
        dim_information_data data;
        dim_tensor *x, *y;
        DIM_OPTIONS_INIT(&data);
        ok(dim_tensor_wrap(ctx, k == 1 ? DIM_U8 : DIM_F64, 2, shapes[k], none, (void *)(uintptr_t)&one, NULL, NULL, &x));
        ok(dim_tensor_wrap(ctx, DIM_F64, 1, shapes[k], none, (void *)(uintptr_t)&one, NULL, NULL, &y));
        data.x = x;
        data.y = y;
        REFUSED(k == 0 ? DIM_E_INVALID : DIM_E_NOMEM, texts[k], &data, .seed = 1);
        dim_tensor_destroy(x);
        dim_tensor_destroy(y);
    }
}

/* ---- types ----------------------------------------------------------------------------------------------------------- */

/* Whole numbers beyond what a double holds are told apart: here all are, and half of the column's order is in their last bits. */
static void test_whole_numbers(void **state)
{
    enum { ROWS = 1000 };
    dim_tensor *x, *y, *same;
    dim_information_data data;
    (void)state;
    ok(dim_tensor_create(ctx, DIM_I64, 1, (int64_t[]){ ROWS }, &x));
    ok(dim_tensor_create(ctx, DIM_F64, 1, (int64_t[]){ ROWS }, &y));
    ok(dim_tensor_create(ctx, DIM_F64, 1, (int64_t[]){ ROWS }, &same));
    int64_t *whole = dim_tensor_data(x);
    double *other = dim_tensor_data(y), *small = dim_tensor_data(same);
    for (int i = 0; i < ROWS; i++) {
        int at = i * 7 % ROWS;
        whole[i] = (INT64_C(1) << 62) + at;
        small[i] = at;
        other[i] = at + 100 * normal();
    }
    DIM_OPTIONS_INIT(&data);
    data.x = x;
    data.y = y;
    dim_information *info = MEASURED(&data, .seed = 1);
    dim_information_result r = result_of(info);
    dim_information_destroy(info);
    data.x = same;
    info = MEASURED(&data, .seed = 1);
    assert_true(result_of(info).raw == r.raw && r.raw > 0.5);
    dim_information_destroy(info);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_tensor_destroy(same);
}

/* The same bits from every type that holds the numbers, and from every way to lie in memory. */
static void test_types_and_strides(void **state)
{
    enum { ROWS = 400 };
    static const dim_dtype types[5] = { DIM_F64, DIM_F32, DIM_I32, DIM_I64, DIM_U8 };
    static double room[ROWS * 6];
    sides s = new_sides(ROWS, 2, 1, 0);
    double raw[3] = { 0 };
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        s.y[i] = normal();
        for (int j = 0; j < 2; j++)
            s.x[2 * i + j] = floor(128 + 30 * (normal() + s.y[i]) / 2);
    }
    tensors t = tensors_of(&s);
    for (int k = 0; k < 5; k++) {
        dim_tensor *x;
        ok(dim_tensor_create(ctx, types[k], 2, (int64_t[]){ ROWS, 2 }, &x));
        for (int i = 0; i < 2 * ROWS; i++) {
            double v = s.x[i];
            switch (types[k]) {
            case DIM_F64: ((double *)dim_tensor_data(x))[i] = v; break;
            case DIM_F32: ((float *)dim_tensor_data(x))[i] = (float)v; break;
            case DIM_I32: ((int32_t *)dim_tensor_data(x))[i] = (int32_t)v; break;
            case DIM_I64: ((int64_t *)dim_tensor_data(x))[i] = (int64_t)v; break;
            default: ((uint8_t *)dim_tensor_data(x))[i] = (uint8_t)v; break;
            }
        }
        t.data.x = x;
        dim_information *info = MEASURED(&t.data, .seed = 1);
        raw[0] = k == 0 ? result_of(info).raw : raw[0];
        assert_true(result_of(info).raw == raw[0]);
        dim_information_destroy(info);
        dim_tensor_destroy(x);
    }
    static const int64_t strides[4][2] = { { 1, ROWS }, { 6, 2 }, { -2, 1 }, { -6, -3 } }; /* transposed, with gaps, backwards */
    static const int64_t first[4] = { 0, 0, 2 * (ROWS - 1), 6 * ROWS - 1 };
    for (int k = 0; k < 4; k++) {
        dim_tensor *x;
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < 2; j++)
                room[first[k] + i * strides[k][0] + j * strides[k][1]] = s.x[2 * i + j];
        ok(dim_tensor_wrap(ctx, DIM_F64, 2, (int64_t[]){ ROWS, 2 }, strides[k], room + first[k], NULL, NULL, &x));
        t.data.x = x;
        dim_information *info = MEASURED(&t.data, .seed = 1);
        assert_true(result_of(info).raw == raw[0]);
        dim_information_destroy(info);
        dim_tensor_destroy(x);
    }
    free_tensors(&t);
    free_sides(&s);
}

/* Numbers that differ beyond f32 alone are the same in it, and equal values are put in any order; f64 tells them apart. */
static void test_precision(void **state)
{
    sides s = new_sides(1000, 1, 1, 0);
    (void)state;
    for (int i = 0; i < s.n; i++) {
        double x = normal();
        s.x[i] = 1 + 1e-10 * x;
        s.y[i] = x + normal();
    }
    tensors t = tensors_of(&s);
    dim_tensor *x;
    near(MEASURE(&s, .seed = 1).raw, log(2) / 2, 0.1);
    ok(dim_tensor_create(ctx, DIM_F32, 1, (int64_t[]){ s.n }, &x));
    for (int i = 0; i < s.n; i++)
        ((float *)dim_tensor_data(x))[i] = (float)s.x[i];
    t.data.x = x;
    dim_information *info = MEASURED(&t.data, .seed = 1);
    assert_int_equal(result_of(info).method, DIM_INFORMATION_CONSTANT);
    dim_information_destroy(info);
    dim_tensor_destroy(x);
    free_tensors(&t);
    free_sides(&s);
}

/* ---- time ------------------------------------------------------------------------------------------------------------ */

/* A copula has a part of what there is, and critics find the rest if they are let: where they are not, nothing is said about it. */
static void expect_cut(const sides *s, dim_information_options o, uint32_t warning, const char *text)
{
    dim_information *info;
    o.size = sizeof o;
    ok(try_measure(s, &o, NULL, NULL, &info));
    dim_information_result r = result_of(info);
    assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
    assert_true(r.warnings & warning);
    assert_true(isinf(r.high) && r.low > 0.4 && r.low < 1.1 && r.value >= r.low);
    assert_non_null(strstr(dim_information_warning_text(info, (dim_information_warning)warning), text));
    dim_information_destroy(info);
}

static void test_training_cut(void **state)
{
    sides s = new_sides(600, 5, 2, 0);
    (void)state;
    for (int64_t i = 0; i < s.n; i++) {
        for (int j = 0; j < 5; j++)
            s.x[5 * i + j] = normal();
        s.y[2 * i] = s.x[5 * i] * s.x[5 * i + 1] + 0.1 * normal();
        s.y[2 * i + 1] = s.x[5 * i] + 0.5 * normal();
    }
    dim_information_result r = MEASURE(&s, .seed = 1); /* ends by itself, long before 3000 steps */
    assert_int_equal(r.method, DIM_INFORMATION_CRITIC);
    assert_int_equal(r.verdict, DIM_INFORMATION_ESTIMATE);
    assert_true(isfinite(r.high) && r.low > 1);
    for (int auto_too = 0; auto_too < 2; auto_too++) {
        dim_information_options o = { .seed = 1, .method = auto_too ? DIM_INFORMATION_AUTO : DIM_INFORMATION_CRITIC };
        o.max_steps = 1;
        expect_cut(&s, o, DIM_INFORMATION_NOT_CONVERGED, "max_steps, 1, while");
        o.max_steps = 0;
        o.max_seconds = 1e-6f;
        expect_cut(&s, o, DIM_INFORMATION_TIME_LIMIT, "max_seconds");
    }
    r = MEASURE(&s, .seed = 1, .max_seconds = 1e6f);
    assert_int_equal(r.warnings & DIM_INFORMATION_TIME_LIMIT, 0);
    assert_int_equal(r.verdict, DIM_INFORMATION_ESTIMATE);
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_lags),         cmocka_unit_test(test_weights),
        cmocka_unit_test(test_first_missing),
        cmocka_unit_test(test_named_missing),  cmocka_unit_test(test_few_rows),     cmocka_unit_test(test_subsample),
        cmocka_unit_test(test_left_out),       cmocka_unit_test(test_said), cmocka_unit_test(test_dependent_columns),
        cmocka_unit_test(test_copy_across),
        cmocka_unit_test(test_column_of_numbers), cmocka_unit_test(test_labels_mostly_once),
        cmocka_unit_test(test_entropy_caps), cmocka_unit_test(test_many_columns), cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_whole_numbers),  cmocka_unit_test(test_types_and_strides), cmocka_unit_test(test_precision),
        cmocka_unit_test(test_training_cut),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
