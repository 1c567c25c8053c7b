/* Tensors: tensor/ by way of the public functions. */
#include "data_tests.h"

#include <dim/tensor.h>
#include <math.h>

static failing_memory memory;
static dim_context *ctx;

static int setup(void **state)
{
    (void)state;
    ctx = test_context(&memory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    return 0;
}

#define SHAPE(...) (int)(sizeof(int64_t[]){ __VA_ARGS__ } / sizeof(int64_t)), (int64_t[]){ __VA_ARGS__ }

/* 0, 1, 2, ... as i32 */
static dim_tensor *counting(int rank, const int64_t *shape)
{
    dim_tensor *t;
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, rank, shape, &t), DIM_OK);
    for (int64_t i = 0; i < dim_tensor_count(t); i++)
        ((int32_t *)dim_tensor_data(t))[i] = (int32_t)i;
    return t;
}

/* Elements of any tensor in row-major order, by way of a copy. */
static void assert_elements(const dim_tensor *t, const int32_t *want)
{
    int64_t shape[DIM_MAX_RANK];
    dim_tensor *c;
    for (int i = 0; i < dim_tensor_rank(t); i++)
        shape[i] = dim_tensor_size(t, i);
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, dim_tensor_rank(t), shape, &c), DIM_OK);
    assert_int_equal(dim_tensor_copy(c, t), DIM_OK);
    assert_memory_equal(dim_tensor_data(c), want, (size_t)dim_tensor_count(c) * sizeof *want);
    dim_tensor_destroy(c);
}

static void test_create(void **state)
{
    dim_tensor *t;
    (void)state;
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, SHAPE(2, 3, 4), &t), DIM_OK);
    assert_int_equal(dim_tensor_dtype(t), DIM_F32);
    assert_int_equal(dim_tensor_rank(t), 3);
    assert_int_equal(dim_tensor_count(t), 24);
    assert_int_equal(dim_tensor_size(t, 1), 3);
    assert_int_equal(dim_tensor_size(t, 3), 0);
    assert_int_equal(dim_tensor_size(t, -1), 0);
    assert_int_equal(dim_tensor_stride(t, 0), 12);
    assert_int_equal(dim_tensor_stride(t, 2), 1);
    assert_int_equal(dim_tensor_is_contiguous(t), 1);
    assert_int_equal((uintptr_t)dim_tensor_data(t) % 64, 0);
    for (int i = 0; i < 24; i++)
        assert_true(((const float *)dim_tensor_const_data(t))[i] == 0);
    dim_tensor_destroy(t);

    assert_int_equal(dim_tensor_create(ctx, DIM_F64, 0, NULL, &t), DIM_OK); /* a scalar */
    assert_int_equal(dim_tensor_count(t), 1);
    *(double *)dim_tensor_data(t) = 3;
    dim_tensor_destroy(t);

    assert_int_equal(dim_tensor_create(ctx, DIM_U8, SHAPE(3, 0, 5), &t), DIM_OK);
    assert_int_equal(dim_tensor_count(t), 0);
    assert_int_equal(dim_tensor_is_contiguous(t), 1);
    assert_int_equal(dim_tensor_copy(t, t), DIM_OK);
    dim_tensor_destroy(t);

    const size_t sizes[] = { 4, 1, 4, 8, 8 };
    for (int d = 0; d < 5; d++)
        assert_int_equal(dim_dtype_size((dim_dtype)d), sizes[d]);
    assert_int_equal(dim_dtype_size((dim_dtype)5), 0);
    assert_int_equal(dim_dtype_size((dim_dtype)-1), 0);
}

static void test_bad_arguments(void **state)
{
    dim_tensor *const untouched = (dim_tensor *)&memory;
    dim_tensor *t = untouched;
    int64_t one = 1;
    (void)state;
    assert_int_equal(dim_tensor_create(NULL, DIM_F32, 1, &one, &t), DIM_E_INVALID);
    assert_fails_with(ctx, dim_tensor_create(ctx, DIM_F32, 1, &one, NULL), DIM_E_INVALID, "out", NULL);
    assert_fails_with(ctx, dim_tensor_create(ctx, (dim_dtype)9, 1, &one, &t), DIM_E_INVALID, "dtype", "9");
    assert_fails_with(ctx, dim_tensor_create(ctx, DIM_F32, 9, &one, &t), DIM_E_INVALID, "rank", "9");
    assert_fails_with(ctx, dim_tensor_create(ctx, DIM_F32, -1, &one, &t), DIM_E_INVALID, "rank", "-1");
    assert_fails_with(ctx, dim_tensor_create(ctx, DIM_F32, 2, NULL, &t), DIM_E_INVALID, "shape", NULL);
    assert_fails_with(ctx, dim_tensor_create(ctx, DIM_F32, SHAPE(2, -3), &t), DIM_E_INVALID, "(2, -3)", NULL);
    /* The product overflows; the bytes overflow; memory cannot have it; a size of 0 beside. */
    assert_fails_with(ctx, dim_tensor_create(ctx, DIM_U8, SHAPE(INT64_MAX, 4), &t), DIM_E_NOMEM, "too large", NULL);
    assert_fails_with(ctx, dim_tensor_create(ctx, DIM_F64, SHAPE(INT64_MAX / 4), &t), DIM_E_NOMEM, "too large", NULL);
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, SHAPE((int64_t)1 << 61), &t), DIM_E_NOMEM);
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, SHAPE(0, INT64_MAX, INT64_MAX), &t), DIM_E_NOMEM);
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, SHAPE(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
                                                           INT64_MAX, INT64_MAX, INT64_MAX), &t), DIM_E_NOMEM);
    assert_ptr_equal(t, untouched);

    assert_int_equal(dim_tensor_copy(NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_tensor_permute(NULL, NULL, &t), DIM_E_INVALID);
    assert_int_equal(dim_tensor_slice(NULL, 0, 0, 0, 1, &t), DIM_E_INVALID);
    assert_int_equal(dim_tensor_reshape(NULL, 1, &one, &t), DIM_E_INVALID);
    assert_int_equal(dim_tensor_save_npy(NULL, "x"), DIM_E_INVALID);
    assert_int_equal(dim_tensor_dtype(NULL), 0);
    assert_int_equal(dim_tensor_rank(NULL), 0);
    assert_int_equal(dim_tensor_size(NULL, 0), 0);
    assert_int_equal(dim_tensor_stride(NULL, 0), 0);
    assert_int_equal(dim_tensor_count(NULL), 0);
    assert_int_equal(dim_tensor_is_contiguous(NULL), 0);
    assert_null(dim_tensor_data(NULL));
    assert_null(dim_tensor_const_data(NULL));
    dim_tensor_destroy(NULL);
}

typedef struct release_log {
    int calls;
    void *data;
} release_log;

static void on_release(void *user, void *data)
{
    release_log *log = user;
    log->calls++;
    log->data = data;
}

static void test_wrap_releases_once(void **state)
{
    int32_t numbers[6] = { 0, 1, 2, 3, 4, 5 };
    release_log log = { 0, NULL };
    dim_tensor *t, *row, *back;
    (void)state;
    assert_int_equal(dim_tensor_wrap(ctx, DIM_I32, SHAPE(2, 3), NULL, numbers, on_release, &log, &t), DIM_OK);
    assert_ptr_equal(dim_tensor_data(t), numbers);
    assert_int_equal(dim_tensor_slice(t, 0, 1, 1, 1, &row), DIM_OK);
    assert_int_equal(dim_tensor_slice(row, 1, 2, 3, -1, &back), DIM_OK);
    dim_tensor_destroy(t);
    dim_tensor_destroy(row);
    assert_int_equal(log.calls, 0);
    assert_elements(back, (int32_t[]){ 5, 4, 3 });
    dim_tensor_destroy(back);
    assert_int_equal(log.calls, 1);
    assert_ptr_equal(log.data, numbers);

    /* Not called when wrapping fails. */
    assert_int_equal(dim_tensor_wrap(ctx, DIM_I32, SHAPE(2, -3), NULL, numbers, on_release, &log, &t), DIM_E_INVALID);
    assert_fails_with(ctx, dim_tensor_wrap(ctx, DIM_I32, SHAPE(2, 3), NULL, NULL, on_release, &log, &t), DIM_E_INVALID,
                      "data", "(2, 3)");
    assert_fails_with(ctx, dim_tensor_wrap(ctx, DIM_I32, SHAPE(1), NULL, (char *)numbers + 1, on_release, &log, &t),
                      DIM_E_INVALID, "aligned", NULL);
    const int64_t far[] = { INT64_MIN, INT64_MAX, INT64_MAX / 2 };
    for (int i = 0; i < 3; i++)
        assert_fails_with(ctx, dim_tensor_wrap(ctx, DIM_I32, SHAPE(3), &far[i], numbers, on_release, &log, &t),
                          DIM_E_INVALID, "stride", "axis 0");
    assert_int_equal(dim_tensor_wrap(ctx, DIM_I32, SHAPE(3), NULL, numbers, NULL, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_tensor_wrap(NULL, DIM_I32, SHAPE(3), NULL, numbers, NULL, NULL, &t), DIM_E_INVALID);
    assert_int_equal(log.calls, 1);

    assert_int_equal(dim_tensor_wrap(ctx, DIM_I32, SHAPE(0, 3), NULL, NULL, on_release, &log, &t), DIM_OK);
    dim_tensor_destroy(t);
    assert_int_equal(log.calls, 2);
}

static void test_wrap_strides(void **state)
{
    int32_t numbers[6] = { 0, 1, 2, 3, 4, 5 };
    dim_tensor *t, *to;
    (void)state;
    /* columns of a (2, 3), the last first */
    assert_int_equal(dim_tensor_wrap(ctx, DIM_I32, SHAPE(3, 2), (int64_t[]){ -1, 3 }, numbers + 2, NULL, NULL, &t), DIM_OK);
    assert_int_equal(dim_tensor_is_contiguous(t), 0);
    assert_elements(t, (int32_t[]){ 2, 5, 1, 4, 0, 3 });
    dim_tensor_destroy(t);
    /* a row repeated: to read, not to write */
    assert_int_equal(dim_tensor_wrap(ctx, DIM_I32, SHAPE(2, 3), (int64_t[]){ 0, 1 }, numbers, NULL, NULL, &t), DIM_OK);
    assert_elements(t, (int32_t[]){ 0, 1, 2, 0, 1, 2 });
    to = counting(SHAPE(2, 3));
    assert_fails_with(ctx, dim_tensor_copy(t, to), DIM_E_INVALID, "stride 0", "axis 0");
    dim_tensor_destroy(to);
    dim_tensor_destroy(t);
    /* strides of axes of size 1 say nothing */
    assert_int_equal(dim_tensor_wrap(ctx, DIM_I32, SHAPE(1, 6), (int64_t[]){ INT64_MIN, 1 }, numbers, NULL, NULL, &t),
                     DIM_OK);
    assert_int_equal(dim_tensor_is_contiguous(t), 1);
    assert_elements(t, numbers);
    dim_tensor_destroy(t);
}

static void test_views(void **state)
{
    dim_tensor *t = counting(SHAPE(2, 3, 4)), *p, *s, *r, *untouched = (dim_tensor *)&memory, *v = untouched;
    int32_t want[24];
    (void)state;
    assert_int_equal(dim_tensor_permute(t, (int[]){ 2, 0, 1 }, &p), DIM_OK);
    assert_int_equal(dim_tensor_size(p, 0), 4);
    assert_int_equal(dim_tensor_stride(p, 0), 1);
    for (int k = 0, n = 0; k < 4; k++)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++)
                want[n++] = i * 12 + j * 4 + k;
    assert_elements(p, want);
    assert_int_equal(dim_tensor_slice(p, 0, 3, 2, -2, &s), DIM_OK); /* k = 3, 1 */
    for (int n = 0, k = 3; k > 0; k -= 2)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++)
                want[n++] = i * 12 + j * 4 + k;
    assert_elements(s, want);
    assert_fails_with(ctx, dim_tensor_reshape(s, SHAPE(12), &v), DIM_E_INVALID, "not contiguous", NULL);
    dim_tensor_destroy(s);
    dim_tensor_destroy(p);

    assert_int_equal(dim_tensor_reshape(t, SHAPE(4, 1, 6), &r), DIM_OK);
    assert_int_equal(dim_tensor_stride(r, 0), 6);
    assert_ptr_equal(dim_tensor_data(r), dim_tensor_data(t));
    dim_tensor_destroy(r);
    assert_fails_with(ctx, dim_tensor_reshape(t, SHAPE(5, 5), &v), DIM_E_SHAPE, "(5, 5)", "(2, 3, 4)");
    assert_int_equal(dim_tensor_reshape(t, SHAPE(INT64_MAX, INT64_MAX), &v), DIM_E_SHAPE);
    assert_int_equal(dim_tensor_reshape(t, SHAPE(-24), &v), DIM_E_INVALID);
    assert_int_equal(dim_tensor_reshape(t, 9, (int64_t[9]){ 24, 1, 1, 1, 1, 1, 1, 1, 1 }, &v), DIM_E_INVALID);

    assert_fails_with(ctx, dim_tensor_permute(t, (int[]){ 0, 1, 1 }, &v), DIM_E_INVALID, "order[2]", "1");
    assert_int_equal(dim_tensor_permute(t, (int[]){ 0, 1, 3 }, &v), DIM_E_INVALID);
    assert_int_equal(dim_tensor_permute(t, (int[]){ -1, 1, 2 }, &v), DIM_E_INVALID);
    assert_int_equal(dim_tensor_permute(t, NULL, &v), DIM_E_INVALID);

    const struct { int axis; int64_t start, count, step; } bad[] = {
        { 3, 0, 1, 1 }, { -1, 0, 1, 1 }, { 1, -1, 1, 1 }, { 1, 3, 1, 1 }, { 1, 0, 4, 1 }, { 1, 0, -1, 1 }, { 1, 0, 2, 0 },
        { 1, 2, 3, 1 }, { 1, 1, 3, -1 }, { 1, 0, 2, 3 }, { 1, 0, 2, INT64_MAX }, { 1, 2, 2, INT64_MIN },
        { 1, 0, INT64_MAX, INT64_MAX }, { 1, 4, 0, 1 }, { 1, INT64_MAX, 1, 1 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(dim_tensor_slice(t, bad[i].axis, bad[i].start, bad[i].count, bad[i].step, &v), DIM_E_INVALID);
    assert_ptr_equal(v, untouched);

    assert_int_equal(dim_tensor_slice(t, 1, 3, 0, 1, &v), DIM_OK); /* nothing, from the end */
    assert_int_equal(dim_tensor_count(v), 0);
    dim_tensor_destroy(v);
    assert_int_equal(dim_tensor_slice(t, 1, 2, 1, INT64_MIN, &v), DIM_OK); /* one index: the step is idle */
    assert_elements(v, (int32_t[]){ 8, 9, 10, 11, 20, 21, 22, 23 });
    dim_tensor_destroy(v);
    dim_tensor_destroy(t);
}

static void test_overlap(void **state)
{
    dim_tensor *t = counting(SHAPE(8)), *a, *b;
    int32_t *data = dim_tensor_data(t);
    (void)state;
    assert_int_equal(dim_tensor_copy(t, t), DIM_OK);
    assert_elements(t, (int32_t[]){ 0, 1, 2, 3, 4, 5, 6, 7 });
    /* forward and backward shifts, and a reversal in place */
    assert_int_equal(dim_tensor_slice(t, 0, 0, 6, 1, &a), DIM_OK);
    assert_int_equal(dim_tensor_slice(t, 0, 2, 6, 1, &b), DIM_OK);
    assert_int_equal(dim_tensor_copy(b, a), DIM_OK);
    assert_memory_equal(data, ((int32_t[]){ 0, 1, 0, 1, 2, 3, 4, 5 }), 32);
    assert_int_equal(dim_tensor_copy(a, b), DIM_OK);
    assert_memory_equal(data, ((int32_t[]){ 0, 1, 2, 3, 4, 5, 4, 5 }), 32);
    dim_tensor_destroy(a);
    dim_tensor_destroy(b);
    assert_int_equal(dim_tensor_slice(t, 0, 7, 8, -1, &a), DIM_OK);
    assert_int_equal(dim_tensor_copy(t, a), DIM_OK);
    assert_memory_equal(data, ((int32_t[]){ 5, 4, 5, 4, 3, 2, 1, 0 }), 32);
    dim_tensor_destroy(a);
    /* interleaved, not overlapping */
    assert_int_equal(dim_tensor_slice(t, 0, 0, 4, 2, &a), DIM_OK);
    assert_int_equal(dim_tensor_slice(t, 0, 1, 4, 2, &b), DIM_OK);
    assert_int_equal(dim_tensor_copy(a, b), DIM_OK);
    assert_memory_equal(data, ((int32_t[]){ 4, 4, 4, 4, 2, 2, 0, 0 }), 32);
    dim_tensor_destroy(a);
    dim_tensor_destroy(b);
    dim_tensor_destroy(t);
    t = counting(SHAPE(2, 3));
    b = counting(SHAPE(3, 2));
    assert_fails_with(ctx, dim_tensor_copy(t, b), DIM_E_SHAPE, "(2, 3)", "(3, 2)");
    assert_int_equal(dim_tensor_copy(t, NULL), DIM_E_INVALID);
    assert_int_equal(dim_tensor_copy(NULL, t), DIM_E_INVALID);
    dim_tensor_destroy(t);
    dim_tensor_destroy(b);
}

/* n elements of one type to another by way of wrapped arrays; `gap` copies with a stride of 2 on both sides. */
static void convert(dim_dtype from, void *src, dim_dtype to, void *dst, int64_t n, int gap)
{
    dim_tensor *a, *b;
    int64_t stride = gap ? 2 : 1;
    assert_int_equal(dim_tensor_wrap(ctx, from, 1, &n, &stride, src, NULL, NULL, &a), DIM_OK);
    assert_int_equal(dim_tensor_wrap(ctx, to, 1, &n, &stride, dst, NULL, NULL, &b), DIM_OK);
    assert_int_equal(dim_tensor_copy(b, a), DIM_OK);
    dim_tensor_destroy(a);
    dim_tensor_destroy(b);
}

static void test_saturation(void **state)
{
    (void)state;
    float f[] = { NAN, -NAN, INFINITY, -INFINITY, 0.5f, 1.5f, 2.5f, -0.5f, 254.4f, 254.6f, 300, -3, 3e9f, -3e9f, 1e20f, -1e20f };
    const uint8_t f_u8[] = { 0, 0, 255, 0, 0, 2, 2, 0, 254, 255, 255, 0, 255, 0, 255, 0 };
    const int32_t f_i32[] = { 0, 0, INT32_MAX, INT32_MIN, 0, 2, 2, 0, 254, 255, 300, -3, INT32_MAX, INT32_MIN, INT32_MAX,
                              INT32_MIN };
    const int64_t f_i64[] = { 0, 0, INT64_MAX, INT64_MIN, 0, 2, 2, 0, 254, 255, 300, -3, 3000000000, -3000000000, INT64_MAX,
                              INT64_MIN };
    enum { N = sizeof f / sizeof *f };
    uint8_t u8[N];
    int32_t i32[N];
    int64_t i64[N];
    double f64[N];
    convert(DIM_F32, f, DIM_U8, u8, N, 0);
    assert_memory_equal(u8, f_u8, sizeof u8);
    convert(DIM_F32, f, DIM_I32, i32, N, 0);
    assert_memory_equal(i32, f_i32, sizeof i32);
    convert(DIM_F32, f, DIM_I64, i64, N, 0);
    assert_memory_equal(i64, f_i64, sizeof i64);
    convert(DIM_F32, f, DIM_F64, f64, N, 0);
    assert_true(isnan(f64[0]) && f64[2] == INFINITY && f64[8] == (double)254.4f);
    convert(DIM_F64, f64, DIM_U8, u8, N, 0);
    assert_memory_equal(u8, f_u8, sizeof u8);
    convert(DIM_F64, f64, DIM_I32, i32, N, 0);
    assert_memory_equal(i32, f_i32, sizeof i32);
    convert(DIM_F64, f64, DIM_I64, i64, N, 0);
    assert_memory_equal(i64, f_i64, sizeof i64);

    double edge[] = { 2147483646.4, 2147483646.6, 2147483647.4, -2147483648.4, -2147483648.6, 9223372036854774784.0,
                      9223372036854775808.0, -9223372036854775808.0 };
    convert(DIM_F64, edge, DIM_I32, i32, 5, 0);
    assert_memory_equal(i32, ((int32_t[]){ 2147483646, INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN }), 20);
    convert(DIM_F64, edge + 5, DIM_I64, i64, 3, 0);
    assert_memory_equal(i64, ((int64_t[]){ 9223372036854774784, INT64_MAX, INT64_MIN }), 24);
    double big = 1e300;
    float narrow;
    convert(DIM_F64, &big, DIM_F32, &narrow, 1, 0);
    assert_true(isinf(narrow));

    int64_t wide[] = { -1, 256, 255, INT64_MAX, INT64_MIN, (int64_t)INT32_MAX + 1, (int64_t)INT32_MIN - 1, 17 };
    convert(DIM_I64, wide, DIM_U8, u8, 8, 0);
    assert_memory_equal(u8, ((uint8_t[]){ 0, 255, 255, 255, 0, 255, 0, 17 }), 8);
    convert(DIM_I64, wide, DIM_I32, i32, 8, 0);
    assert_memory_equal(i32, ((int32_t[]){ -1, 256, 255, INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, 17 }), 32);
    convert(DIM_I32, i32, DIM_U8, u8, 8, 0);
    assert_memory_equal(u8, ((uint8_t[]){ 0, 255, 255, 255, 0, 255, 0, 17 }), 8);
}

/* Numbers that every type has arrive in every type, with and without gaps; what lies in the gaps stays. */
static void test_all_pairs(void **state)
{
    enum { N = 40 };
    const dim_dtype types[] = { DIM_F32, DIM_U8, DIM_I32, DIM_I64, DIM_F64 };
    (void)state;
    for (int gap = 0; gap < 2; gap++)
        for (int a = 0; a < 5; a++)
            for (int b = 0; b < 5; b++) {
                int64_t start[2 * N], from[2 * N], to[2 * N], back[2 * N]; /* room for any type */
                for (int i = 0; i < 2 * N; i++) {
                    start[i] = (i * 37) % 256;
                    to[i] = -1;
                    back[i] = -1;
                }
                memset(from, 0, sizeof from);
                convert(DIM_I64, start, types[a], from, N, gap);
                convert(types[a], from, types[b], to, N, gap);
                convert(types[b], to, DIM_I64, back, N, gap);
                for (int i = 0; i < N; i++)
                    assert_int_equal(back[gap ? 2 * i : i], start[gap ? 2 * i : i]);
                size_t size = dim_dtype_size(types[b]);
                const unsigned char *bytes = (const unsigned char *)to;
                for (size_t i = 0; gap && i < size; i++)
                    assert_int_equal(bytes[size + i], 255);
            }
}

/* Random axes orders and steps against element-by-element indexing. */
static void test_copy_any_strides(void **state)
{
    dim_tensor *t = counting(SHAPE(3, 4, 2, 5)), *p, *s, *c;
    unsigned random = 12345;
    (void)state;
    for (int round = 0; round < 50; round++) {
        int order[4] = { 0, 1, 2, 3 };
        int64_t shape[4], n = 0;
        for (int i = 3; i > 0; i--) {
            int j = (int)((random = random * 1103515245u + 12345u) >> 16) % (i + 1), swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
        assert_int_equal(dim_tensor_permute(t, order, &p), DIM_OK);
        int axis = round % 4;
        int64_t size = dim_tensor_size(p, axis);
        assert_int_equal(dim_tensor_slice(p, axis, size - 1, round % 3 == 0 ? size : (size + 1) / 2,
                                          round % 3 == 0 ? -1 : -2, &s), DIM_OK);
        for (int i = 0; i < 4; i++)
            shape[i] = dim_tensor_size(s, i);
        assert_int_equal(dim_tensor_create(ctx, DIM_F64, 4, shape, &c), DIM_OK);
        assert_int_equal(dim_tensor_copy(c, s), DIM_OK);
        const int32_t *base = dim_tensor_const_data(s);
        const double *got = dim_tensor_const_data(c);
        for (int64_t i = 0; i < shape[0]; i++)
            for (int64_t j = 0; j < shape[1]; j++)
                for (int64_t k = 0; k < shape[2]; k++)
                    for (int64_t l = 0; l < shape[3]; l++)
                        assert_int_equal((int32_t)got[n++], base[i * dim_tensor_stride(s, 0) + j * dim_tensor_stride(s, 1) +
                                                                 k * dim_tensor_stride(s, 2) + l * dim_tensor_stride(s, 3)]);
        dim_tensor_destroy(c);
        dim_tensor_destroy(s);
        dim_tensor_destroy(p);
    }
    dim_tensor_destroy(t);
}

static dim_status tensor_life(dim_context *c)
{
    dim_tensor *t = NULL, *p = NULL, *s = NULL, *r = NULL, *w = NULL;
    static float numbers[4];
    dim_status status = dim_tensor_create(c, DIM_F32, SHAPE(4, 4), &t);
    if (status == DIM_OK)
        status = dim_tensor_permute(t, (int[]){ 1, 0 }, &p);
    if (status == DIM_OK)
        status = dim_tensor_slice(p, 0, 3, 4, -1, &s);
    if (status == DIM_OK)
        status = dim_tensor_reshape(t, SHAPE(16), &r);
    if (status == DIM_OK)
        status = dim_tensor_copy(s, p); /* by way of a buffer */
    if (status == DIM_OK)
        status = dim_tensor_wrap(c, DIM_F32, SHAPE(4), NULL, numbers, NULL, NULL, &w);
    dim_tensor_destroy(t);
    dim_tensor_destroy(r);
    dim_tensor_destroy(p);
    dim_tensor_destroy(w);
    dim_tensor_destroy(s);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fail_each_allocation(ctx, &memory, tensor_life);
}

static void test_context_outlived(void **state)
{
    failing_memory m;
    dim_context *other = test_context(&m);
    dim_tensor *t, *v;
    (void)state;
    assert_int_equal(dim_tensor_create(other, DIM_F32, SHAPE(2, 2), &t), DIM_OK);
    assert_int_equal(dim_tensor_slice(t, 0, 1, 1, 1, &v), DIM_OK);
    dim_context_destroy(other);
    dim_tensor_destroy(t);
    assert_true(((float *)dim_tensor_data(v))[1] == 0);
    assert_true(m.live > 0);
    dim_tensor_destroy(v);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_wrap_releases_once),
        cmocka_unit_test(test_wrap_strides),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_saturation),
        cmocka_unit_test(test_all_pairs),
        cmocka_unit_test(test_copy_any_strides),
        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_context_outlived),
    };
    return cmocka_run_group_tests_name("tensor", tests, setup, teardown);
}
