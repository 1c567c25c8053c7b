/* The index of features: its answers are dim_probe_nearest()'s, bit for bit, however its rows came; its file. */
#include "probe_tests.h"

#include "eval/index.h"
#include "io/weights.h"

#include <string.h>

enum { D = 16, N = 1200, M = 30, K = 12 };

static float keys[N * D], queries[M * D];
static const char path[] = "test_index.safetensors";

static float plain(int64_t i, int64_t j) { return (void)i, (void)j, gauss(); }
static float groups(int64_t i, int64_t j) { return (void)j, gauss() + (float)(i % 5) * 1e6f; }
static float offset(int64_t i, int64_t j) { return (void)i, (void)j, 1e4f + gauss(); }
static float growing(int64_t i, int64_t j) { return (void)j, ldexpf(gauss(), (int)(i / 12) - 60); }
static float copies(int64_t i, int64_t j) { return (float)((i % 7 + 3) * (j + 1) % 11); }
static float zeros(int64_t i, int64_t j) { return (void)j, i % 3 == 0 ? 0 : gauss(); }

static void fill(float (*value)(int64_t i, int64_t j))
{
    random_state = 1;
    for (int64_t i = 0; i < N + M; i++)
        for (int64_t j = 0; j < D; j++)
            *(i < N ? &keys[i * D + j] : &queries[(i - N) * D + j]) = value(i, j);
    memcpy(queries, keys + 7 * D, 3 * D * sizeof *keys);
}

static dim_index *make(dim_probe_kind kind, int64_t features)
{
    dim_index *index = NULL;
    assert_int_equal(dim_index_create(ctx, kind, features, &index), DIM_OK);
    return index;
}

static void add(dim_index *index, int64_t first, int64_t n)
{
    dim_tensor *t = wrap(DIM_F32, keys + first * D, n, D);
    assert_int_equal(dim_index_add(index, t), DIM_OK);
    dim_tensor_destroy(t);
}

/* Its first n rows, asked by m queries at once. */
static void check(dim_index *index, int64_t n, int64_t m, int64_t k)
{
    static int64_t found[M * K], wanted[M * K];
    static double far[M * K], wanted_far[M * K];
    dim_tensor *b = wrap(DIM_F32, keys, n, D), *f = wrap(DIM_I64, wanted, m, k), *t = wrap(DIM_F64, wanted_far, m, k);
    dim_tensor *own = wrap(DIM_I64, found, m, k), *own_far = wrap(DIM_F64, far, m, k);
    assert_int_equal(dim_index_count(index), n);
    for (int64_t first = 0; first + m <= M; first += m) {
        dim_tensor *q = wrap(DIM_F32, queries + first * D, m, D);
        assert_int_equal(dim_probe_nearest(ctx, dim_index_kind(index), q, b, f, t), DIM_OK);
        memset(found, 1, sizeof found);
        memset(far, 1, sizeof far);
        assert_int_equal(dim_index_search(index, q, own, first % 2 == 0 ? own_far : NULL), DIM_OK);
        assert_memory_equal(found, wanted, (size_t)(m * k) * sizeof *found);
        if (first % 2 == 0)
            assert_memory_equal(far, wanted_far, (size_t)(m * k) * sizeof *far);
        dim_tensor_destroy(q);
    }
    dim_tensor *all[] = {b, f, t, own, own_far};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim_tensor_destroy(all[i]);
}

/* At once, in portions with searches between, one by one, and of a file. */
static void test_same_answers(void **state)
{
    static float (*const sets[])(int64_t i, int64_t j) = {plain, groups, offset, growing, copies, zeros};
    static const int64_t portions[] = {1, 1, 5, 93, 200, 1, 499, 400};
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int kind = 0; kind < 2; kind++) {
            fill(sets[i]);
            dim_index *whole = make((dim_probe_kind)kind, D), *parts = make((dim_probe_kind)kind, D), *read = NULL;
            add(whole, 0, N);
            check(whole, N, M, K);
            check(whole, N, 1, 1);
            check(whole, N, 10, K);
            int64_t n = 0;
            for (size_t p = 0; p < sizeof portions / sizeof *portions; p++) {
                add(parts, n, portions[p]);
                n += portions[p];
                check(parts, n, p % 2 == 0 ? 1 : M, n < K ? n : K);
            }
            assert_int_equal(n, N);
            assert_int_equal(dim_index_save(parts, path), DIM_OK);
            assert_int_equal(dim_index_load(ctx, path, &read), DIM_OK);
            assert_int_equal(dim_index_features(read), D);
            assert_int_equal(dim_index_kind(read), kind);
            check(read, N, M, K);
            add(read, 0, 0 + 1);
            assert_int_equal(dim_index_count(read), N + 1);
            dim_index_destroy(whole);
            dim_index_destroy(parts);
            dim_index_destroy(read);
        }
    remove(path);
}

/* Rows that come one by one, each with a search, are not all looked at anew each time: what is put in the place of another row's
 * numbers stays there.  It goes when the rows no longer have room, or a longer one asks for another scale. */
static void test_one_by_one(void **state)
{
    int64_t found[1], anew = 0;
    (void)state;
    fill(plain);
    dim_index *index = make(DIM_PROBE_KNN_EUCLIDEAN, D);
    dim_tensor *q = wrap(DIM_F32, queries, 1, D), *f = wrap(DIM_I64, found, 1, 1);
    add(index, 0, 100);
    for (int64_t i = 100; i < 900; i++) {
        assert_int_equal(dim_index_search(index, q, f, NULL), DIM_OK);
        assert_int_equal(found[0], 7);
        anew += index->keys.packed[50 * D] != 0;
        index->keys.packed[50 * D] = 0;
        add(index, i, 1);
    }
    assert_in_range(anew, 6, 8); /* 100, 150, 225, 337, 505, 757, and a longest row or two */
    for (int64_t j = 0; j < D; j++)
        keys[900 * D + j] = 1e6f;
    add(index, 900, 1);
    assert_int_equal(dim_index_search(index, q, f, NULL), DIM_OK);
    assert_true(found[0] == 7 && index->keys.packed[50 * D] != 0);
    dim_tensor_destroy(q);
    dim_tensor_destroy(f);
    dim_index_destroy(index);
}

static void test_bad_calls(void **state)
{
    static int64_t found[M * K];
    static double far[M * K];
    (void)state;
    fill(plain);
    dim_index *index = make(DIM_PROBE_KNN_COSINE, D), *none = NULL;
    dim_tensor *rows = wrap(DIM_F32, keys, 10, D), *narrow = wrap(DIM_F32, keys, 10, D - 1), *q = wrap(DIM_F32, queries, 4, D);
    dim_tensor *f = wrap(DIM_I64, found, 4, 10), *many = wrap(DIM_I64, found, 4, 11), *t = wrap(DIM_F64, far, 4, 10);
    expect(DIM_E_INVALID, "features is 0; it must be from 1", dim_index_create(ctx, DIM_PROBE_KNN_COSINE, 0, &none));
    expect(DIM_E_INVALID, "kind is 2", dim_index_create(ctx, DIM_PROBE_RIDGE, D, &none));
    expect(DIM_E_INVALID, "out is NULL", dim_index_create(ctx, DIM_PROBE_KNN_COSINE, D, NULL));
    assert_int_equal(dim_index_create(NULL, DIM_PROBE_KNN_COSINE, D, &none), DIM_E_INVALID);
    assert_null(none);
    expect(DIM_E_SHAPE, "the index has no rows", dim_index_search(index, q, f, t));
    expect(DIM_E_SHAPE, "rows have 15 features, but the index has 16", dim_index_add(index, narrow));
    expect(DIM_E_INVALID, "rows has dtype i64", dim_index_add(index, f));
    expect(DIM_E_INVALID, "rows is NULL", dim_index_add(index, NULL));
    keys[3 * D + 1] = NAN;
    expect(DIM_E_NUMERIC, "rows has a value that is not finite in row 3", dim_index_add(index, rows));
    assert_int_equal(dim_index_count(index), 0);
    keys[3 * D + 1] = 1;
    assert_int_equal(dim_index_add(index, rows), DIM_OK);
    expect(DIM_E_SHAPE, "k from 1 to 10", dim_index_search(index, q, many, NULL));
    expect(DIM_E_SHAPE, "queries have 15 features, but keys have 16", dim_index_search(index, narrow, f, t));
    expect(DIM_E_INVALID, "queries is NULL", dim_index_search(index, NULL, f, t));
    expect(DIM_E_INVALID, "indices is NULL", dim_index_search(index, q, NULL, t));
    expect(DIM_E_INVALID, "distances has dtype i64", dim_index_search(index, q, f, many));
    queries[D] = INFINITY;
    expect(DIM_E_NUMERIC, "queries has a value that is not finite in row 1", dim_index_search(index, q, f, t));
    expect(DIM_E_INVALID, "path is NULL", dim_index_save(index, NULL));
    expect(DIM_E_IO, "missing", dim_index_save(index, "missing/index"));
    expect(DIM_E_IO, "missing", dim_index_load(ctx, "missing/index", &none));
    assert_null(none);
    dim_index_destroy(NULL);
    assert_int_equal(dim_index_count(NULL), 0);
    dim_tensor *all[] = {rows, narrow, q, f, many, t};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim_tensor_destroy(all[i]);
    dim_index_destroy(index);
}

static size_t read_file(unsigned char *bytes, size_t room)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(bytes, 1, room, f);
    assert_true(size < room);
    fclose(f);
    return size;
}

static void write_file(const unsigned char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_true(f != NULL && fwrite(bytes, 1, size, f) == size && fclose(f) == 0);
}

/* Cut anywhere, or with any one bit changed, the file is refused. */
static void test_damaged_files(void **state)
{
    static unsigned char bytes[4096];
    (void)state;
    fill(plain);
    dim_index *index = make(DIM_PROBE_KNN_EUCLIDEAN, D), *none = NULL;
    add(index, 0, 3);
    assert_int_equal(dim_index_save(index, path), DIM_OK);
    size_t size = read_file(bytes, sizeof bytes);
    for (size_t at = 0; at < size; at++) {
        write_file(bytes, at);
        assert_int_equal(dim_index_load(ctx, path, &none), DIM_E_FORMAT);
        bytes[at] ^= (unsigned char)(1 << at % 8);
        write_file(bytes, size);
        assert_int_equal(dim_index_load(ctx, path, &none), DIM_E_FORMAT);
        bytes[at] ^= (unsigned char)(1 << at % 8);
    }
    assert_null(none);
    write_file(bytes, size);
    assert_int_equal(dim_index_load(ctx, path, &none), DIM_OK);
    dim_index_destroy(none);
    dim_index_destroy(index);
    remove(path);
}

/* Files that are whole, and say what cannot be. */
static void test_files_of_others(void **state)
{
    float x[6] = {1, 2, 3, 4, 5, 6};
    dim_index *none = NULL;
    static const char *const texts[] = {"", "cosine", "cosine 2", "cosine 2 ", "cosine 2 0", "cosine 03 2", "cosine 3 2 ", "cosine -3 2",
                                        "manhattan 3 2", "cosine 3 99999999999", "cosine 9223372036854775807 2",
                                        "cosine 3 99999999999999999999", " cosine 3 2"};
    (void)state;
    const dim__array rows = {.name = "rows", .rank = 2, .shape = {3, 2}, .data = x};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(dim__weights_save(ctx, path, &rows, 1, &(dim__meta){"dim.index", texts[i]}, 1), DIM_OK);
        expect(DIM_E_FORMAT, "dim.index is '", dim_index_load(ctx, path, &none));
    }
    assert_int_equal(dim__weights_save(ctx, path, &rows, 1, NULL, 0), DIM_OK);
    expect(DIM_E_FORMAT, "its metadata has no dim.index", dim_index_load(ctx, path, &none));
    assert_int_equal(dim__weights_save(ctx, path, &rows, 1, &(dim__meta){"dim.index", "cosine 2 3"}, 1), DIM_OK);
    expect(DIM_E_SHAPE, "rows", dim_index_load(ctx, path, &none));
    x[4] = NAN;
    assert_int_equal(dim__weights_save(ctx, path, &rows, 1, &(dim__meta){"dim.index", "cosine 3 2"}, 1), DIM_OK);
    expect(DIM_E_NUMERIC, "rows", dim_index_load(ctx, path, &none));
    assert_null(none);
    dim_index *empty = make(DIM_PROBE_KNN_COSINE, 5);
    assert_int_equal(dim_index_save(empty, path), DIM_OK);
    assert_int_equal(dim_index_load(ctx, path, &none), DIM_OK);
    assert_int_equal(dim_index_count(none), 0);
    assert_int_equal(dim_index_features(none), 5);
    dim_index_destroy(none);
    dim_index_destroy(empty);
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_answers),  cmocka_unit_test(test_one_by_one),     cmocka_unit_test(test_bad_calls),
        cmocka_unit_test(test_damaged_files), cmocka_unit_test(test_files_of_others),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
