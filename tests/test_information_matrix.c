/* dim_information_matrix(): each entry has the bits that dim_information_measure() gives for the two columns, whatever the
 * columns, the options and the number of threads are. */
#include "failing_alloc.h"
#include "information_tests.h"

enum { ROWS = 240, X = 6, Y = 5, OUTPUTS = 4 };

typedef struct outputs {
    double number[OUTPUTS][X * Y]; /* value, low, high, p */
} outputs;

static dim_context *context_of(uint32_t threads)
{
    dim_context *c;
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    assert_int_equal(dim_context_create(&o, &c), DIM_OK);
    return c;
}

/* Continuous, heavy-tailed, rounded, numbers of a die, constant, labels; against a noisy copy, a function, labels of a
 * column, independent, rounded. */
static sides make_table(void)
{
    sides s = new_sides(ROWS, X, Y, 0);
    draws = 88172645463325252u;
    for (int i = 0; i < ROWS; i++) {
        double *x = s.x + i * X, *y = s.y + i * Y;
        x[0] = normal();
        x[1] = exp(3 * normal());
        x[2] = floor(40 * normal()) / 40 * 3;
        x[3] = floor(6 * uniform());
        x[4] = 7;
        x[5] = floor(4 * uniform());
        y[0] = x[0] + 0.5 * normal();
        y[1] = x[1] * x[1];
        y[2] = x[3] < 3 ? x[5] : floor(3 * uniform());
        y[3] = uniform();
        y[4] = floor(10 * (x[2] + x[0])) / 10;
    }
    return s;
}

static const uint8_t x_kinds[X] = { [5] = DIM_INFORMATION_KIND_UNORDERED }, y_kinds[Y] = { [2] = DIM_INFORMATION_KIND_UNORDERED };

/* The same by measurements of the pairs. */
static outputs one_by_one(const tensors *t, const dim_information_options *o)
{
    outputs out;
    for (int64_t i = 0; i < X; i++)
        for (int64_t j = 0; j < Y; j++) {
            dim_tensor *x, *y;
            dim_information_data pair = t->data;
            dim_information *info = NULL;
            ok(dim_tensor_slice(t->x, 1, i, 1, 1, &x));
            ok(dim_tensor_slice(t->y, 1, j, 1, 1, &y));
            pair.x = x;
            pair.y = y;
            pair.x_kinds = x_kinds + i;
            pair.y_kinds = y_kinds + j;
            ok(dim_information_measure(ctx, o, &pair, &info));
            dim_information_result r = result_of(info);
            out.number[0][i * Y + j] = r.value;
            out.number[1][i * Y + j] = r.low;
            out.number[2][i * Y + j] = r.high;
            out.number[3][i * Y + j] = r.p_value;
            dim_information_destroy(info);
            dim_tensor_destroy(x);
            dim_tensor_destroy(y);
        }
    return out;
}

static void same(const double *got, const double *want, const char *what, const char *output, uint32_t threads)
{
    for (int k = 0; k < X * Y; k++)
        if (memcmp(&got[k], &want[k], sizeof *got) != 0 && !(isnan(got[k]) && isnan(want[k])))
            fail_msg("%s, %s of pair %d, %d with %u threads: %.17g is not %.17g", what, output, k / Y, k % Y, threads, got[k], want[k]);
}

/* All outputs at 1, 2 and 3 threads, and the values alone, for which no interval is made. */
static void check_table(const sides *s, dim_information_options o, const dim_tensor *groups, const char *what)
{
    static const char *const names[OUTPUTS] = { "value", "low", "high", "p" };
    tensors t = tensors_of(s);
    dim_tensor *out[OUTPUTS];
    o.size = sizeof o;
    t.data.x_kinds = x_kinds;
    t.data.y_kinds = y_kinds;
    t.data.groups = groups;
    outputs want = one_by_one(&t, &o);
    for (int k = 0; k < OUTPUTS; k++)
        ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ X, Y }, &out[k]));
    for (uint32_t threads = 1; threads <= 3; threads++) {
        dim_context *c = context_of(threads);
        size_t before = dim_context_memory(c);
        bool p = o.permutations > 0;
        for (int values_only = 0; values_only < 2; values_only++) {
            dim_status status = dim_information_matrix(c, &o, &t.data, out[0], values_only ? NULL : out[1], values_only ? NULL : out[2],
                                                       p && !values_only ? out[3] : NULL);
            if (status != DIM_OK)
                fail_msg("%s: %s", what, dim_context_error(c));
            for (int k = 0; k < (values_only ? 1 : p ? 4 : 3); k++)
                same(dim_tensor_data(out[k]), want.number[k], what, names[k], threads);
        }
        assert_int_equal(dim_context_memory(c), before);
        dim_context_destroy(c);
    }
    for (int k = 0; k < OUTPUTS; k++)
        dim_tensor_destroy(out[k]);
    free_tensors(&t);
}

#define CHECK(s, groups, what, ...) check_table(s, (dim_information_options){ .size = 0, __VA_ARGS__ }, groups, what)

static void test_pairs(void **state)
{
    sides s = make_table();
    (void)state;
    CHECK(&s, NULL, "defaults", .seed = 3);
    CHECK(&s, NULL, "permutations", .seed = 4, .permutations = 19, .order = DIM_INFORMATION_ORDER_IID);
    CHECK(&s, NULL, "lag", .seed = 5, .lag = -7, .neighbors = 2, .confidence = 0.9f);
    CHECK(&s, NULL, "series", .seed = 6, .order = DIM_INFORMATION_ORDER_SERIES, .permutations = 19);
    CHECK(&s, NULL, "sample of the rows", .seed = 7, .max_rows = 100, .dithers = 9);
    free_sides(&s);
}

/* A missing value costs only the pairs that it is in. */
static void test_missing(void **state)
{
    sides s = make_table();
    (void)state;
    s.x[7 * X] = (double)NAN;
    s.y[11 * Y + 3] = (double)INFINITY;
    tensors t = tensors_of(&s);
    dim_tensor *out;
    ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ X, Y }, &out));
    expect(DIM_E_NUMERIC, "x: row 7, column 0 is NaN; 2 rows have", dim_information_matrix(ctx, NULL, &t.data, out, NULL, NULL, NULL));
    dim_tensor_destroy(out);
    free_tensors(&t);
    CHECK(&s, NULL, "missing values", .seed = 8, .missing = DIM_INFORMATION_MISSING_DROP, .permutations = 19);
    free_sides(&s);
}

/* Every third row again: copies are used once, in which a pair's rows become fewer than those that were prepared. */
static void test_copies_and_memory(void **state)
{
    sides s = make_table(), walk = make_table();
    (void)state;
    for (int i = 3; i < ROWS; i += 3) {
        memcpy(s.x + i * X, s.x, X * sizeof *s.x);
        memcpy(s.y + i * Y, s.y, Y * sizeof *s.y);
    }
    CHECK(&s, NULL, "copies", .seed = 9);
    for (int i = 1; i < ROWS; i++) {
        walk.x[i * X] += 0.9 * walk.x[(i - 1) * X];
        walk.y[i * Y + 3] += 0.9 * walk.y[(i - 1) * Y + 3];
    }
    CHECK(&walk, NULL, "autocorrelated", .seed = 10, .permutations = 19);
    free_sides(&s);
    free_sides(&walk);
}

static void test_groups(void **state)
{
    sides s = make_table();
    dim_tensor *groups;
    (void)state;
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ ROWS }, &groups));
    for (int i = 0; i < ROWS; i++)
        ((int32_t *)dim_tensor_data(groups))[i] = i % 40;
    CHECK(&s, groups, "groups", .seed = 11, .permutations = 19);
    free_sides(&s);
    dim_tensor_destroy(groups);
}

typedef struct listener {
    int calls, stop_at;
    double last;
} listener;

static int hear(void *user, double fraction, const char *text)
{
    listener *l = user;
    assert_string_equal(text, "pairs");
    assert_true(fraction >= l->last && fraction <= 1);
    l->last = fraction;
    return ++l->calls == l->stop_at;
}

static void test_progress(void **state)
{
    sides s = make_table();
    tensors t = tensors_of(&s);
    dim_information_options o;
    dim_tensor *out;
    listener l = { 0, 0, 0 };
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.progress = hear;
    o.user = &l;
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ X, Y }, &out));
    ok(dim_information_matrix(ctx, &o, &t.data, out, NULL, NULL, NULL));
    assert_true(l.calls >= X * Y);
    o.permutations = 19; /* which begin from 0 again in each pair */
    l = (listener){ 0, 0, 0 };
    ok(dim_information_matrix(ctx, &o, &t.data, NULL, NULL, NULL, out));
    near(l.last, 1, 0);
    l = (listener){ 0, 200, 0 };
    memset(dim_tensor_data(out), 0, X * Y * sizeof(float));
    expect(DIM_E_CALLBACK, " of 30 pairs", dim_information_matrix(ctx, &o, &t.data, NULL, NULL, NULL, out));
    assert_int_equal(l.calls, 200); /* and no more */
    for (int k = 0; k < X * Y; k++) /* untouched */
        near((double)((float *)dim_tensor_data(out))[k], 0, 0);
    free_tensors(&t);
    free_sides(&s);
    dim_tensor_destroy(out);
}

/* Of four pairs on four threads the caller's is seldom the last; it hears of the end all the same. */
static void test_progress_of_threads(void **state)
{
    dim_context_options co;
    sides s = new_sides(300, 2, 2, 0);
    dim_context *outer = ctx;
    (void)state;
    for (int i = 0; i < 2 * 300; i++) {
        s.x[i] = normal();
        s.y[i] = normal();
    }
    DIM_OPTIONS_INIT(&co);
    co.threads = 4;
    ok(dim_context_create(&co, &ctx));
    tensors t = tensors_of(&s);
    dim_tensor *out;
    ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ 2, 2 }, &out));
    for (int round = 0; round < 20; round++) {
        listener l = { 0, 0, 0 };
        dim_information_options o;
        DIM_OPTIONS_INIT(&o);
        o.progress = hear;
        o.user = &l;
        ok(dim_information_matrix(ctx, &o, &t.data, out, NULL, NULL, NULL));
        near(l.last, 1, 0);
    }
    dim_tensor_destroy(out);
    free_tensors(&t);
    dim_context_destroy(ctx);
    ctx = outer;
    free_sides(&s);
}

/* Every seventh allocation fails once, in the caller's thread or in another one: a status, outputs as before, nothing lost. */
static void test_no_memory(void **state)
{
    failing memory = { 0 };
    dim_context_options co;
    sides s = make_table();
    tensors t = tensors_of(&s);
    dim_information_options o;
    dim_tensor *out;
    dim_context *c;
    long calls, failures = 0;
    (void)state;
    DIM_OPTIONS_INIT(&co);
    co.threads = 2;
    co.alloc = take;
    co.free = give;
    co.alloc_user = &memory;
    assert_int_equal(dim_context_create(&co, &c), DIM_OK);
    DIM_OPTIONS_INIT(&o);
    o.permutations = 19;
    ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ X, Y }, &out));
    calls = memory.calls;
    assert_int_equal(dim_information_matrix(c, &o, &t.data, out, NULL, NULL, NULL), DIM_OK);
    calls = memory.calls - calls;
    memset(dim_tensor_data(out), 0, X * Y * sizeof(double));
    for (long k = 1; k <= calls; k += 7) {
        long live = memory.live;
        memory.fail_at = memory.calls + k;
        dim_status status = dim_information_matrix(c, &o, &t.data, out, NULL, NULL, NULL);
        memory.fail_at = 0;
        assert_int_equal(memory.live, live);
        if (status == DIM_OK) { /* threads share the pairs as it comes, and need a few allocations more or less for that */
            memset(dim_tensor_data(out), 0, X * Y * sizeof(double));
            continue;
        }
        failures++;
        assert_int_equal(status, DIM_E_NOMEM);
        assert_non_null(strstr(dim_context_error(c), "no memory for "));
        for (int i = 0; i < X * Y; i++)
            near(((double *)dim_tensor_data(out))[i], 0, 0);
    }
    assert_true(failures > calls / 7 - calls / 20);
    dim_context_destroy(c);
    dim_tensor_destroy(out);
    free_tensors(&t);
    free_sides(&s);
}

/* Two columns of labels, next to every pair of which is there once: measure() would train critics. */
static void test_never_a_critic(void **state)
{
    enum { N = 600 };
    sides s = new_sides(N, 1, 1, 0);
    const uint8_t labels = DIM_INFORMATION_KIND_UNORDERED;
    tensors t;
    dim_tensor *out;
    dim_information_options o;
    (void)state;
    for (int i = 0; i < N; i++) {
        s.x[i] = floor(20 * uniform());
        s.y[i] = floor(20 * uniform());
    }
    t = tensors_of(&s);
    t.data.x_kinds = t.data.y_kinds = &labels;
    DIM_OPTIONS_INIT(&o);
    ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ 1, 1 }, &out));
    ok(dim_information_matrix(ctx, &o, &t.data, out, NULL, NULL, NULL));
    o.method = DIM_INFORMATION_DISCRETE;
    dim_information *info = NULL;
    ok(dim_information_measure(ctx, &o, &t.data, &info));
    dim_information_result r = result_of(info);
    assert_true((r.warnings & DIM_INFORMATION_UNDERSAMPLED) != 0);
    near(*(double *)dim_tensor_data(out), r.value, 0);
    dim_information_destroy(info);
    dim_tensor_destroy(out);
    free_tensors(&t);
    free_sides(&s);
}

static void test_refused(void **state)
{
    sides s = make_table();
    tensors t = tensors_of(&s);
    dim_tensor *out, *wrong, *weights;
    dim_information_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ X, Y }, &out));
    ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ Y, X }, &wrong));
    ok(dim_tensor_create(ctx, DIM_F64, 1, (int64_t[]){ ROWS }, &weights));
    expect(DIM_E_INVALID, "data is NULL", dim_information_matrix(ctx, &o, NULL, out, NULL, NULL, NULL));
    expect(DIM_E_INVALID, "at least one must be given", dim_information_matrix(ctx, &o, &t.data, NULL, NULL, NULL, NULL));
    expect(DIM_E_INVALID, "permutations is 0", dim_information_matrix(ctx, &o, &t.data, NULL, NULL, NULL, out));
    expect(DIM_E_SHAPE, "low is f64 (5, 6)", dim_information_matrix(ctx, &o, &t.data, out, wrong, NULL, NULL));
    expect(DIM_E_INVALID, "value and high share memory", dim_information_matrix(ctx, &o, &t.data, out, NULL, out, NULL));
    t.data.weights = weights;
    expect(DIM_E_UNSUPPORTED, "weights are given", dim_information_matrix(ctx, &o, &t.data, out, NULL, NULL, NULL));
    t.data.weights = NULL;
    t.data.z = t.y;
    expect(DIM_E_UNSUPPORTED, "z is given", dim_information_matrix(ctx, &o, &t.data, out, NULL, NULL, NULL));
    t.data.z = NULL;
    o.method = DIM_INFORMATION_CRITIC;
    expect(DIM_E_UNSUPPORTED, "method critic", dim_information_matrix(ctx, &o, &t.data, out, NULL, NULL, NULL));
    o.method = DIM_INFORMATION_DISCRETE;
    expect(DIM_E_UNSUPPORTED, "column 0 of x with column 0 of y: method discrete: side x is not discrete",
           dim_information_matrix(ctx, &o, &t.data, out, NULL, NULL, NULL));
    dim_tensor_destroy(out);
    dim_tensor_destroy(wrong);
    dim_tensor_destroy(weights);
    free_tensors(&t);
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),    cmocka_unit_test(test_missing),        cmocka_unit_test(test_copies_and_memory),
        cmocka_unit_test(test_groups),   cmocka_unit_test(test_progress), cmocka_unit_test(test_progress_of_threads),
             cmocka_unit_test(test_never_a_critic),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
