/* Nearest rows, against brute force in long double, on sets where float alone would not find them. */
#include "probe_tests.h"

#include <string.h>

enum { D = 64, N = 1500, M = 40 };

static float keys[N * D], queries[M * D];

static long double true_far[M * N]; /* half the squares of Euclidean distances, or 1 - cosine, of a set */

static long double length(const float *x, int64_t d)
{
    long double square = 0;
    for (int64_t j = 0; j < d; j++)
        square += (long double)x[j] * (long double)x[j];
    return sqrtl(square);
}

static void measure_all(bool cosine, const float *q, int64_t m, const float *b, int64_t n, int64_t d)
{
    static long double lengths[N];
    for (int64_t i = 0; i < n; i++)
        lengths[i] = cosine ? length(b + i * d, d) : 1;
    for (int64_t i = 0; i < m; i++) {
        long double own = cosine ? length(q + i * d, d) : 1;
        for (int64_t k = 0; k < n; k++) {
            long double sum = own == 0 || lengths[k] == 0 ? 2 : 0, scale = 1 / own, other = 1 / lengths[k];
            for (int64_t j = 0; j < d && own != 0 && lengths[k] != 0; j++) {
                long double v = (long double)q[i * d + j] * scale - (long double)b[k * d + j] * other;
                sum += v * v;
            }
            true_far[i * n + k] = sum / 2;
        }
    }
}

/* Of the n keys exactly the nearest are listed, in order; what differs by less than `tolerance` of itself may change places,
 * but not equal rows.  With a tolerance of 0, equal distances go by index. */
static void check_row(const int64_t *row, const double *far, const long double *wanted, const float *b, int64_t n,
                      int64_t d, int64_t k, long double tolerance)
{
    static char seen[N];
    long double slack = tolerance > 0 ? 1e-36L : 0; /* what long double makes of 0 */
    long double last = wanted[row[k - 1]];
    memset(seen, 0, sizeof seen);
    for (int64_t j = 0; j < k; j++) {
        long double here = wanted[row[j]], before = j > 0 ? wanted[row[j - 1]] : 0;
        assert_true(row[j] >= 0 && row[j] < n && !seen[row[j]]);
        seen[row[j]] = 1;
        if (before > here * (1 + tolerance) + slack)
            fail_msg("neighbour %d, row %d, is farther than the next: %.17Lg, %.17Lg", (int)j, (int)row[j - 1], before, here);
        if (fabsl((long double)far[j] - here) > 1e-12L * here + slack)
            fail_msg("the distance of row %d is %.17g, not %.17Lg", (int)row[j], far[j], here);
        bool equal = j > 0 && (memcmp(b + row[j] * d, b + row[j - 1] * d, (size_t)d * sizeof *b) == 0 ||
                               (tolerance == 0 && before == here));
        assert_true(!equal || row[j] > row[j - 1]);
    }
    for (int64_t j = 0; j < n; j++) {
        if (seen[j])
            continue;
        if (wanted[j] * (1 + tolerance) + slack < last)
            fail_msg("row %d at %.17Lg is not listed, but row %d at %.17Lg", (int)j, wanted[j], (int)row[k - 1], last);
        bool equal = memcmp(b + j * d, b + row[k - 1] * d, (size_t)d * sizeof *b) == 0 ||
                     (tolerance == 0 && wanted[j] == last);
        assert_true(!equal || j > row[k - 1]);
    }
}

static void check_set(bool cosine, const float *q, int64_t m, const float *b, int64_t n, int64_t d, int64_t k,
                      long double tolerance)
{
    int64_t *found = calloc((size_t)(m * k), sizeof *found);
    double *far = calloc((size_t)(m * k), sizeof *far);
    assert_true(found != NULL && far != NULL);
    dim_tensor *tq = wrap(DIM_F32, (void *)q, m, d), *tb = wrap(DIM_F32, (void *)b, n, d);
    dim_tensor *tf = wrap(DIM_I64, found, m, k), *td = wrap(DIM_F64, far, m, k);
    assert_int_equal(dim_probe_nearest(ctx, cosine ? DIM_PROBE_KNN_COSINE : DIM_PROBE_KNN_EUCLIDEAN, tq, tb, tf, td),
                     DIM_OK);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < k && !cosine; j++)
            far[i * k + j] *= far[i * k + j] / 2;
        check_row(found + i * k, far + i * k, true_far + i * n, b, n, d, k, tolerance);
    }
    dim_tensor_destroy(tq);
    dim_tensor_destroy(tb);
    dim_tensor_destroy(tf);
    dim_tensor_destroy(td);
    free(found);
    free(far);
}

static void check(const float *q, int64_t m, const float *b, int64_t n, int64_t d, long double tolerance)
{
    for (int cosine = 0; cosine < 2; cosine++) {
        long double some = cosine && tolerance == 0 ? 1e-12L : tolerance;
        measure_all(cosine, q, m, b, n, d);
        check_set(cosine, q, m, b, n, d, 1, some);
        check_set(cosine, q, m, b, n, d, n < 20 ? n : 20, some);
        check_set(cosine, q, m < 3 ? m : 3, b, n, d, n, some);
    }
}

/* Values of a kind: queries are some of the keys themselves, and others like them. */
static void fill(float (*value)(int64_t i, int64_t j))
{
    for (int64_t i = 0; i < N + M; i++)
        for (int64_t j = 0; j < D; j++)
            *(i < N ? &keys[i * D + j] : &queries[(i - N) * D + j]) = value(i, j);
    for (int64_t i = 0; i < M / 2; i++)
        memcpy(queries + i * D, keys + (i * 37) * D, D * sizeof *keys);
}

static float plain(int64_t i, int64_t j) { return (void)i, (void)j, gauss(); }
static float integers(int64_t i, int64_t j) { return (void)i, (void)j, rintf(2 * uniform()); }
static float groups(int64_t i, int64_t j) { return (void)j, gauss() + (i % 2 == 0 ? 3000.0f : 0); }
static float far_groups(int64_t i, int64_t j) { return (void)j, gauss() + (float)(i % 5) * 1e6f; }
static float one_large(int64_t i, int64_t j) { return j == 5 ? (i * 7 % 3 == 0 ? 1e4f : 0) : gauss(); }
static float offset(int64_t i, int64_t j) { return (void)i, (void)j, 1e4f + gauss(); }
static float large_offset(int64_t i, int64_t j) { return (void)i, (void)j, 1e6f + gauss(); }
static float small(int64_t i, int64_t j) { return (void)i, (void)j, 1e-15f * gauss(); }
static float tiny(int64_t i, int64_t j) { return (void)i, (void)j, 1e-30f * gauss(); }
static float huge(int64_t i, int64_t j) { return (void)i, (void)j, 1e30f * gauss(); }
static float line(int64_t i, int64_t j) { return (void)i, j == 0 ? uniform() : 0; }
static float any_size(int64_t i, int64_t j) { return (void)j, ldexpf(gauss(), (int)(i * 29 % 180) - 90); }
static float copies(int64_t i, int64_t j) { return (float)((i % 7 + 3) * (j + 1) % 11); }
static float denormal(int64_t i, int64_t j) { return (void)i, (void)j, ldexpf(rintf(8 * uniform()), -149); }

static void test_every_kind_of_set(void **state)
{
    static const struct {
        float (*value)(int64_t i, int64_t j);
        long double tolerance; /* 0: distances are exact in double */
    } sets[] = {{plain, 1e-13L},      {integers, 0},    {groups, 1e-13L}, {far_groups, 1e-13L}, {one_large, 1e-13L},
                {offset, 1e-13L},     {large_offset, 1e-13L}, {small, 1e-13L},  {tiny, 1e-13L},       {huge, 1e-13L},
                {line, 1e-13L},       {any_size, 1e-13L}, {copies, 0},      {denormal, 1e-13L}};
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        random_state = 1;
        fill(sets[i].value);
        check(queries, M, keys, N, D, sets[i].tolerance);
        check(queries, 9, keys, N, 1, sets[i].tolerance); /* as rows of a single feature */
        check(queries, 2, keys, 5, 19, sets[i].tolerance);
    }
}

/* Rows of zeros have no direction: all cosines are 0 there. */
static void test_no_direction(void **state)
{
    (void)state;
    random_state = 3;
    fill(plain);
    memset(keys + 5 * D, 0, 3 * D * sizeof *keys);
    memset(queries + 3 * D, 0, D * sizeof *queries);
    for (int j = 0; j < D; j++) { /* and one at a right angle to all that can be: no nearer than those */
        keys[100 * D + j] = j == 0;
        queries[4 * D + j] = j == 1;
    }
    check(queries, M, keys, N, D, 1e-13L);
    memset(keys, 0, sizeof keys);
    check(queries, M, keys, N, D, 0);
}

/* Parallel rows are equally far by cosine, whatever their lengths; equal rows go by index, however many there are. */
static void test_ties(void **state)
{
    static int64_t found[3 * 40];
    static double far[3 * 40];
    (void)state;
    random_state = 4;
    fill(plain);
    for (int i = 0; i < 40; i++)
        for (int j = 0; j < D; j++)
            keys[(7 + 35 * i) * D + j] = (float)(j % 9 - 3) * (float)(1 + (i * 11 + 5) % 40);
    for (int j = 0; j < D; j++) {
        queries[j] = (float)(j % 9 - 3) * 7;
        queries[D + j] = (float)(j % 9 - 3) + 0.25f * (float)(j % 2);
        queries[2 * D + j] = (float)(j % 9 - 3) * 1e-20f;
    }
    dim_tensor *q = wrap(DIM_F32, queries, 3, D), *b = wrap(DIM_F32, keys, N, D), *f = wrap(DIM_I64, found, 3, 40);
    dim_tensor *t = wrap(DIM_F64, far, 3, 40);
    assert_int_equal(dim_probe_nearest(ctx, DIM_PROBE_KNN_COSINE, q, b, f, t), DIM_OK);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 40; j++)
            assert_true(found[i * 40 + j] == 7 + 35 * j && far[i * 40 + j] == far[i * 40]);
    assert_true(far[0] == 0 && far[40] > 1e-4 && far[40] < 0.1 && far[80] < 1e-13);
    dim_tensor *all[] = {q, b, f, t};
    for (size_t i = 0; i < 4; i++)
        dim_tensor_destroy(all[i]);
    for (int i = 0; i < 1200; i++) /* more copies than there are candidates */
        memcpy(keys + (100 + i) * D, keys, D * sizeof *keys);
    memcpy(queries, keys, D * sizeof *keys);
    check(queries, 1, keys, N, D, 1e-13L);
}

/* What the library does beside the product stays small where float can tell, and no more than needed where it cannot. */
static void test_work(void **state)
{
    static int64_t found[M * 20];
    dim__neighbors_work work;
    static const struct {
        float (*value)(int64_t i, int64_t j);
        int64_t measured, again; /* at most, at least */
    } sets[] = {{plain, 30 * M, 0}, {offset, 30 * M, 0}, {huge, 30 * M, 0},
              {groups, 500 * M, M}};
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int cosine = 0; cosine < 2; cosine++) {
            random_state = 1;
            fill(sets[i].value);
            assert_int_equal(dim__neighbors(ctx, cosine, queries, M, keys, N, D, 20, found, NULL, &work), DIM_OK);
            if (work.measured > sets[i].measured || (!cosine && work.again < sets[i].again))
                fail_msg("set %d, cosine %d: %lld measured, %lld again", (int)i, cosine, (long long)work.measured,
                         (long long)work.again);
        }
}

/* Whatever multiplies, on however many threads: the bits are the same, since no product decides anything. */
static void test_same_everywhere(void **state)
{
    static int64_t found[M * 20], other[M * 20];
    static double far[M * 20], other_far[M * 20];
    static const struct {
        uint32_t threads;
        dim_gemm gemm;
        dim_cpu_level cpu;
    } contexts[] = {{1, DIM_GEMM_AUTO, DIM_CPU_AUTO}, {3, DIM_GEMM_BLAS, DIM_CPU_AUTO},
                    {2, DIM_GEMM_REFERENCE, DIM_CPU_REFERENCE}};
    static float (*const sets[])(int64_t i, int64_t j) = {plain, groups, offset, integers};
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int cosine = 0; cosine < 2; cosine++) {
            random_state = 1;
            fill(sets[i]);
            assert_int_equal(dim__neighbors(ctx, cosine, queries, M, keys, N, D, 20, found, far, NULL), DIM_OK);
            for (size_t k = 0; k < sizeof contexts / sizeof *contexts; k++) {
                dim_context_options o;
                dim_context *one;
                DIM_OPTIONS_INIT(&o);
                o.threads = contexts[k].threads;
                o.gemm = contexts[k].gemm;
                o.cpu = contexts[k].cpu;
                o.blas_threads = 1;
                assert_int_equal(dim_context_create(&o, &one), DIM_OK);
                assert_int_equal(dim__neighbors(one, cosine, queries, M, keys, N, D, 20, other, other_far, NULL), DIM_OK);
                assert_memory_equal(found, other, sizeof found);
                assert_memory_equal(far, other_far, sizeof far);
                dim_context_destroy(one);
            }
        }
}

/* One row of distances in float, strided; the same indices as without distances. */
static void test_distances(void **state)
{
    float b[4][2] = {{3, 4}, {0, 0}, {-6, -8}, {1, 0}}, q[1][2] = {{6, 8}}, room[8];
    int64_t found[4], other[4];
    static const float euclidean[] = {5, 9.4339811f, 10, 20}, cosine[] = {0, 0.4f, 1, 2};
    static const int64_t by_euclidean[] = {0, 3, 1, 2}, by_cosine[] = {0, 3, 1, 2}, shape[] = {1, 4}, stride[] = {8, 2};
    dim_tensor *tq = wrap(DIM_F32, q, 1, 2), *tb = wrap(DIM_F32, b, 4, 2), *tf = wrap(DIM_I64, found, 1, 4), *td;
    dim_tensor *to = wrap(DIM_I64, other, 1, 4);
    (void)state;
    assert_int_equal(dim_tensor_wrap(ctx, DIM_F32, 2, shape, stride, room, NULL, NULL, &td), DIM_OK);
    for (int kind = 0; kind < 2; kind++) {
        assert_int_equal(dim_probe_nearest(ctx, (dim_probe_kind)kind, tq, tb, tf, td), DIM_OK);
        assert_int_equal(dim_probe_neighbors(ctx, (dim_probe_kind)kind, tq, tb, to), DIM_OK);
        assert_memory_equal(found, other, sizeof found);
        for (int j = 0; j < 4; j++) {
            assert_true(found[j] == (kind == 0 ? by_cosine : by_euclidean)[j]);
            assert_true(fabsf(room[2 * j] - (kind == 0 ? cosine : euclidean)[j]) < 1e-6f);
        }
    }
    dim_tensor *all[] = {tq, tb, tf, td, to};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim_tensor_destroy(all[i]);
}

static void test_bad_neighbors(void **state)
{
    static int64_t found[100 * 3];
    static double far[100 * 3];
    static float x[400 * 12];
    dim_tensor *a = wrap(DIM_F32, x, 400, 12), *b = wrap(DIM_F32, x, 100, 12), *narrow = wrap(DIM_F32, x, 100, 11);
    dim_tensor *out = wrap(DIM_I64, found, 100, 3), *few = wrap(DIM_I64, found, 99, 3), *two = wrap(DIM_F32, x, 2, 12);
    dim_tensor *flat = wrap(DIM_I64, found, 100, 0), *distances = wrap(DIM_F64, far, 100, 3);
    dim_tensor *short_distances = wrap(DIM_F64, far, 100, 2), *shared = wrap(DIM_F64, found, 100, 3);
    dim_tensor *on_keys = wrap(DIM_I64, x + 1200, 100, 3), *far_on_keys = wrap(DIM_F64, x + 1200, 100, 3);
    dim_tensor *on_queries = wrap(DIM_I64, x + 600, 100, 3);
    dim_tensor *two_wide = wrap(DIM_F32, x + 2400, 100, 12);
    (void)state;
    memset(found, 1, sizeof found);
    memset(far, 1, sizeof far);
#define FIND(queries_, keys_, indices_) dim_probe_neighbors(ctx, DIM_PROBE_KNN_COSINE, queries_, keys_, indices_)
#define NEAREST(indices_, distances_) dim_probe_nearest(ctx, DIM_PROBE_KNN_COSINE, b, a, indices_, distances_)
    expect(DIM_E_INVALID, "kind", dim_probe_neighbors(ctx, DIM_PROBE_RIDGE, b, a, out));
    expect(DIM_E_INVALID, "i64", FIND(b, a, b));
    expect(DIM_E_INVALID, "keys is NULL", FIND(b, NULL, out));
    expect(DIM_E_SHAPE, "(99, 3)", FIND(b, a, few));
    expect(DIM_E_SHAPE, "(100)", FIND(b, a, flat));
    expect(DIM_E_SHAPE, "k from 1 to 2", FIND(b, two, out));
    expect(DIM_E_SHAPE, "features", FIND(narrow, a, out));
    assert_int_equal(dim_probe_neighbors(NULL, DIM_PROBE_KNN_COSINE, b, a, out), DIM_E_INVALID);
    expect(DIM_E_INVALID, "distances is NULL", NEAREST(out, NULL));
    expect(DIM_E_INVALID, "dim_probe_nearest: indices is NULL", NEAREST(NULL, distances));
    expect(DIM_E_INVALID, "distances has dtype i64", NEAREST(out, out));
    expect(DIM_E_SHAPE, "(100, 2); it must be that of indices, (100, 3)", NEAREST(out, short_distances));
    expect(DIM_E_INVALID, "indices and distances share memory", NEAREST(out, shared));
    expect(DIM_E_INVALID, "indices and keys share memory", NEAREST(on_keys, distances));
    expect(DIM_E_INVALID, "distances and keys share memory", NEAREST(out, far_on_keys));
    expect(DIM_E_INVALID, "indices and queries share memory", FIND(b, two_wide, on_queries));
    assert_int_equal(dim_probe_nearest(NULL, DIM_PROBE_KNN_COSINE, b, a, out, distances), DIM_E_INVALID);
    assert_true(found[0] == 0x0101010101010101 && memcmp(far, found, sizeof far) == 0);
    x[42 * 12 + 1] = INFINITY;
    expect(DIM_E_NUMERIC, "row 42", FIND(b, a, out));
    dim_tensor *all[] = {a, b, narrow, out, few, two, flat, distances, short_distances, shared,
                         on_keys, far_on_keys, on_queries, two_wide};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim_tensor_destroy(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_set), cmocka_unit_test(test_no_direction), cmocka_unit_test(test_ties),
        cmocka_unit_test(test_work),              cmocka_unit_test(test_same_everywhere),
        cmocka_unit_test(test_distances),         cmocka_unit_test(test_bad_neighbors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
