/* NPY files: io/npy.c.  Fixtures are written by NumPy (fixtures/make_npy.py); malformed files are made here. */
#include "data_tests.h"

#include <dim/tensor.h>
#include <dirent.h>
#include <sys/stat.h>

static failing_memory memory;
static dim_context *ctx;
static char dir[64], path[128];

static int setup(void **state)
{
    (void)state;
    ctx = test_context(&memory);
    strcpy(dir, "/tmp/dim-npy-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/x.npy", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    unlink(path);
    assert_int_equal(rmdir(dir), 0); /* nothing is left behind */
    assert_int_equal(memory.live, 0);
    return 0;
}

static const char *fixture(const char *name)
{
    static char file[512];
    snprintf(file, sizeof file, "%s/npy/%s.npy", DIM_TEST_DATA, name);
    return file;
}

static size_t slurp(const char *file, unsigned char *bytes, size_t room)
{
    FILE *f = fopen(file, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, room, f);
    fclose(f);
    assert_true(n < room);
    return n;
}

/* The values of make_npy.py. */
static void assert_values(dim_tensor *t)
{
    int64_t n = dim_tensor_count(t), shape[DIM_MAX_RANK];
    dim_tensor *c;
    for (int i = 0; i < dim_tensor_rank(t); i++)
        shape[i] = dim_tensor_size(t, i);
    assert_int_equal(dim_tensor_is_contiguous(t), 1);
    assert_int_equal(dim_tensor_create(ctx, DIM_F64, dim_tensor_rank(t), shape, &c), DIM_OK);
    assert_int_equal(dim_tensor_copy(c, t), DIM_OK);
    for (int64_t i = 0; i < n; i++)
        assert_true(((double *)dim_tensor_data(c))[i] == (double)(i * 7 % 200 - (dim_tensor_dtype(t) == DIM_U8 ? 0 : 50)));
    dim_tensor_destroy(c);
}

static const struct {
    const char *name;
    dim_dtype dtype;
    int rank;
    int64_t shape[DIM_MAX_RANK];
    int same_bytes; /* what we write of it is what NumPy wrote */
} good[] = {
    { "f4_c", DIM_F32, 3, { 2, 3, 4 }, 1 }, { "f4_f", DIM_F32, 3, { 2, 3, 4 }, 0 },
    { "f8_c", DIM_F64, 3, { 2, 3, 4 }, 1 }, { "f8_f", DIM_F64, 3, { 2, 3, 4 }, 0 },
    { "i4_c", DIM_I32, 3, { 2, 3, 4 }, 1 }, { "i4_f", DIM_I32, 3, { 2, 3, 4 }, 0 },
    { "i8_c", DIM_I64, 3, { 2, 3, 4 }, 1 }, { "i8_f", DIM_I64, 3, { 2, 3, 4 }, 0 },
    { "u1_c", DIM_U8, 3, { 2, 3, 4 }, 1 },  { "u1_f", DIM_U8, 3, { 2, 3, 4 }, 0 },
    { "v2", DIM_F32, 2, { 3, 2 }, 0 },      { "v3", DIM_F32, 2, { 3, 2 }, 0 },
    { "scalar", DIM_F64, 0, { 0 }, 1 },     { "vector", DIM_I64, 1, { 5 }, 1 },
    { "empty", DIM_F32, 2, { 3, 0 }, 1 },   { "rank8", DIM_U8, 8, { 1, 2, 1, 3, 1, 1, 2, 1 }, 1 },
};

static void test_numpy_files(void **state)
{
    unsigned char theirs[1024], ours[1024];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        dim_tensor *t, *back;
        assert_fails_with(ctx, dim_tensor_load_npy(ctx, fixture(good[i].name), &t), DIM_OK, NULL, NULL);
        assert_int_equal(dim_tensor_dtype(t), good[i].dtype);
        assert_int_equal(dim_tensor_rank(t), good[i].rank);
        for (int k = 0; k < good[i].rank; k++)
            assert_int_equal(dim_tensor_size(t, k), good[i].shape[k]);
        assert_values(t);

        assert_int_equal(dim_tensor_save_npy(t, path), DIM_OK);
        assert_int_equal(dim_tensor_load_npy(ctx, path, &back), DIM_OK);
        assert_int_equal(dim_tensor_dtype(back), good[i].dtype);
        assert_int_equal(dim_tensor_rank(back), good[i].rank);
        assert_values(back);
        size_t n = slurp(path, ours, sizeof ours);
        if (good[i].same_bytes) {
            assert_int_equal(slurp(fixture(good[i].name), theirs, sizeof theirs), n);
            assert_memory_equal(ours, theirs, n);
        }
        dim_tensor_destroy(back);
        dim_tensor_destroy(t);
    }
}

static void test_save_views(void **state)
{
    dim_tensor *t, *p, *s, *back;
    (void)state;
    assert_int_equal(dim_tensor_load_npy(ctx, fixture("i4_c"), &t), DIM_OK);
    assert_int_equal(dim_tensor_permute(t, (int[]){ 2, 0, 1 }, &p), DIM_OK);
    assert_int_equal(dim_tensor_slice(p, 0, 3, 4, -1, &s), DIM_OK);
    assert_int_equal(dim_tensor_save_npy(s, path), DIM_OK);
    assert_int_equal(dim_tensor_load_npy(ctx, path, &back), DIM_OK);
    assert_int_equal(dim_tensor_size(back, 0), 4);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++)
                assert_int_equal(((int32_t *)dim_tensor_data(back))[k * 6 + i * 3 + j],
                                 (i * 12 + j * 4 + 3 - k) * 7 % 200 - 50);
    dim_tensor_destroy(back);
    dim_tensor_destroy(s);
    dim_tensor_destroy(p);
    dim_tensor_destroy(t);
}

/* A file with this header, in version 1, followed by `data` zero bytes. */
static void write_npy(const char *header, size_t data)
{
    char bytes[2048] = "\x93NUMPY\x01";
    size_t n = strlen(header);
    bytes[8] = (char)(n & 255);
    bytes[9] = (char)(n >> 8);
    memcpy(bytes + 10, header, n);
    write_bytes(path, bytes, 10 + n + data);
}

static void test_headers(void **state)
{
    static const struct { const char *header; size_t data; dim_status status; const char *text; } cases[] = {
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24, DIM_OK, NULL },
        { "{\"shape\":(2,3,),\"descr\":\"<f4\",\"fortran_order\":True}", 24, DIM_OK, NULL },
        { " { 'shape' : ( 2L , 3L ) , 'fortran_order' : False , 'descr' : '|u1' } \n", 6, DIM_OK, NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, DIM_OK, NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 23, DIM_E_FORMAT, "(2, 3)" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 25, DIM_E_FORMAT, "25 bytes" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 0, DIM_E_FORMAT, "0 bytes" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", 24, DIM_E_FORMAT, "size in shape" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 24, DIM_E_FORMAT, "too large" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 4), }", 16, DIM_E_FORMAT, "does not fit" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }", 0, DIM_E_FORMAT, "does not fit" },
        { "{'descr': '|u1', 'fortran_order': False, 'shape': (9000000000000000000,), }", 16, DIM_E_FORMAT, "does not fit" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (6), }", 24, DIM_E_FORMAT, "tuple" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }", 24, DIM_E_FORMAT, "tuple" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,, 3), }", 24, DIM_E_FORMAT, "size in shape" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3", 24, DIM_E_FORMAT, "tuple" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3], }", 24, DIM_E_FORMAT, "tuple" },
        { "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3), }", 24, DIM_E_FORMAT, "fortran_order" },
        { "{'descr': 4, 'fortran_order': False, 'shape': (2, 3), }", 24, DIM_E_FORMAT, "descr" },
        { "{'descr': '<f4, 'fortran_order': False, 'shape': (2, 3), }", 24, DIM_E_UNSUPPORTED, "<f4, " },
        { "{'descr': '<f4", 24, DIM_E_FORMAT, "descr" },
        { "{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3), }", 24, DIM_E_FORMAT, "comma" },
        { "{'descr': '<f4', 'fortran_order': False, }", 24, DIM_E_FORMAT, "missing" },
        { "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24, DIM_E_FORMAT, "twice" },
        { "{'descr': '<f4', 'order': False, 'shape': (2, 3), }", 24, DIM_E_FORMAT, "unknown key" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } + 1", 24, DIM_E_FORMAT, "after the dict" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)", 24, DIM_E_FORMAT, "comma" },
        { "['descr', '<f4']", 24, DIM_E_FORMAT, "dict" },
        { "", 24, DIM_E_FORMAT, "dict" },
        { "{", 24, DIM_E_FORMAT, "key" },
        { "{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), }", 48, DIM_E_UNSUPPORTED, "<c8" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dim_tensor *const untouched = (dim_tensor *)&memory;
        dim_tensor *t = untouched;
        write_npy(cases[i].header, cases[i].data);
        memory.largest = 0;
        dim_status status = dim_tensor_load_npy(ctx, path, &t);
        if (status != cases[i].status)
            print_message("%s: %d, %s\n", cases[i].header, (int)status, dim_context_error(ctx));
        assert_int_equal(status, cases[i].status);
        assert_true(memory.largest < 4096); /* nothing was allocated for what the header only claims */
        if (status == DIM_OK) {
            dim_tensor_destroy(t);
        } else {
            assert_fails_with(ctx, status, cases[i].status, cases[i].text, path);
            assert_ptr_equal(t, untouched);
        }
    }
}

static void test_broken_files(void **state)
{
    unsigned char bytes[1024] = { 0 };
    dim_tensor *t;
    (void)state;
    size_t n = slurp(fixture("f4_c"), bytes, sizeof bytes);
    for (size_t cut = 0; cut < n; cut++) { /* truncated anywhere */
        write_bytes(path, bytes, cut);
        assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_FORMAT, path, NULL);
    }
    write_bytes(path, bytes, n + 1); /* one byte more */
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_FORMAT, path, "97 bytes");
    for (int i = 0; i < 8; i++) { /* another magic or version */
        bytes[i] ^= 0x40;
        write_bytes(path, bytes, n);
        assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_FORMAT, path, i < 6 ? "begin" : "version");
        bytes[i] ^= 0x40;
    }
    for (int v = 0; v < 6; v += 4) {
        bytes[6] = (unsigned char)v;
        write_bytes(path, bytes, n);
        assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_FORMAT, path, "version");
    }
    bytes[6] = 2; /* then the length is of 4 bytes: '{' and ' are its upper half */
    write_bytes(path, bytes, n);
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_FORMAT, path, "truncated");
    bytes[6] = 1;
    bytes[40] = 0;
    write_bytes(path, bytes, n);
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_FORMAT, path, "zero byte");
    unlink(path);
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_IO, path, "No such file");
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, dir, &t), DIM_E_IO, dir, "regular");
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, fixture("fields"), &t), DIM_E_UNSUPPORTED, "fields", NULL);
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, fixture("rank9"), &t), DIM_E_UNSUPPORTED, "axes", NULL);
    assert_int_equal(dim_tensor_load_npy(NULL, path, &t), DIM_E_INVALID);
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, NULL, &t), DIM_E_INVALID, "path", NULL);
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, NULL), DIM_E_INVALID, "out", NULL);
}

/* Element types that there are none of here become wider ones, from either byte order. */
static void test_other_types(void **state)
{
    static const struct { const char *descr; size_t bytes; const char *data; dim_dtype dtype; double want[3]; } cases[] = {
        { "<f2", 6, "\x00\x3c\x55\x35\xff\xfb", DIM_F32, { 1, 0.333251953125, -65504 } },
        { ">f2", 6, "\x3c\x00\x35\x55\xfb\xff", DIM_F32, { 1, 0.333251953125, -65504 } },
        { "<f2", 6, "\x01\x00\xff\x83\x00\x04", DIM_F32, { 0x1p-24, -1023 * 0x1p-24, 0x1p-14 } }, /* denormal, normal */
        { ">f4", 12, "\x3f\x80\0\0\xc0\x20\0\0\x3e\0\0\0", DIM_F32, { 1, -2.5, 0.125 } },
        { ">f8", 24, "\x3f\xf0\0\0\0\0\0\0\xc0\x04\0\0\0\0\0\0\x3f\xc0\0\0\0\0\0\0", DIM_F64, { 1, -2.5, 0.125 } },
        { "|i1", 3, "\x7f\x80\xff", DIM_I32, { 127, -128, -1 } },
        { "<i2", 6, "\xff\x7f\x00\x80\xff\xff", DIM_I32, { 32767, -32768, -1 } },
        { ">i2", 6, "\x7f\xff\x80\x00\xff\xff", DIM_I32, { 32767, -32768, -1 } },
        { ">i4", 12, "\x7f\xff\xff\xff\x80\0\0\0\0\0\1\2", DIM_I32, { 2147483647, -2147483648.0, 258 } },
        { ">i8", 24, "\0\1\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\0\0\0\0\1\2", DIM_I64, { 0x1p48, -2, 258 } },
        { "<u2", 6, "\xff\xff\x00\x80\x01\x00", DIM_I32, { 65535, 32768, 1 } },
        { ">u2", 6, "\xff\xff\x80\x00\x00\x01", DIM_I32, { 65535, 32768, 1 } },
        { "<u4", 12, "\xff\xff\xff\xff\0\0\0\x80\1\0\0\0", DIM_I64, { 4294967295.0, 2147483648.0, 1 } },
        { "<u8", 24, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\2\0\0\0\0\0\0\0", DIM_I64, { 1, 0x1p62, 2 } },
        { "|b1", 3, "\1\0\2", DIM_U8, { 1, 0, 1 } },
        { "|u1", 3, "\1\0\xff", DIM_U8, { 1, 0, 255 } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[256] = "\x93NUMPY\x01";
        dim_tensor *t, *wide;
        int n = snprintf(bytes + 10, 128, "{'descr': '%s', 'fortran_order': False, 'shape': (3,), }\n", cases[i].descr);
        bytes[8] = (char)n;
        memcpy(bytes + 10 + n, cases[i].data, cases[i].bytes);
        write_bytes(path, bytes, 10 + (size_t)n + cases[i].bytes);
        assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_OK, NULL, NULL);
        assert_int_equal(dim_tensor_dtype(t), cases[i].dtype);
        assert_int_equal(dim_tensor_create(ctx, DIM_F64, 1, (int64_t[]){ 3 }, &wide), DIM_OK);
        assert_int_equal(dim_tensor_copy(wide, t), DIM_OK);
        for (int k = 0; k < 3; k++)
            if (((double *)dim_tensor_data(wide))[k] != cases[i].want[k])
                fail_msg("%s: %.17g, not %.17g", cases[i].descr, ((double *)dim_tensor_data(wide))[k], cases[i].want[k]);
        dim_tensor_destroy(wide);
        dim_tensor_destroy(t);
        write_bytes(path, bytes, 10 + (size_t)n + cases[i].bytes - 1);
        assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_FORMAT, path, "does not fit");
    }
    dim_tensor *t;
    write_npy("{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }", 8);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, -1, SEEK_END);
    fputc(0x80, f);
    fclose(f);
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_UNSUPPORTED, path, "element 0 of type u8");
    write_npy("{'descr': '|i2', 'fortran_order': False, 'shape': (1,), }", 2);
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_E_UNSUPPORTED, "|i2", path);
}

/* More elements than one piece of the conversion, in Fortran order and big-endian: element (i, j) is 300 i + j. */
static void test_other_type_in_columns(void **state)
{
    enum { ROWS = 7, COLUMNS = 300 };
    static char bytes[128 + 2 * ROWS * COLUMNS] = "\x93NUMPY\x01";
    dim_tensor *t;
    (void)state;
    int n = snprintf(bytes + 10, 100, "{'descr': '>u2', 'fortran_order': True, 'shape': (%d, %d), }\n", ROWS, COLUMNS);
    bytes[8] = (char)n;
    for (int j = 0; j < COLUMNS; j++)
        for (int i = 0; i < ROWS; i++) {
            int value = 300 * i + j;
            char *at = bytes + 10 + n + 2 * (j * ROWS + i);
            at[0] = (char)(value >> 8);
            at[1] = (char)(value & 255);
        }
    write_bytes(path, bytes, 10 + (size_t)n + 2 * ROWS * COLUMNS);
    assert_fails_with(ctx, dim_tensor_load_npy(ctx, path, &t), DIM_OK, NULL, NULL);
    for (int k = 0; k < ROWS * COLUMNS; k++)
        assert_int_equal(((int32_t *)dim_tensor_data(t))[k], k);
    dim_tensor_destroy(t);
}

/* As NumPy wrote them. */
static void test_numpy_other_types(void **state)
{
    static const struct { const char *name; dim_dtype dtype; float want[2]; } files[] = {
        { "bool", DIM_U8, { 1, 0 } }, { "big_endian", DIM_F32, { -50, -43 } }, { "half", DIM_F32, { -50, -43 } },
    };
    (void)state;
    for (int i = 0; i < 3; i++) {
        dim_tensor *t;
        assert_fails_with(ctx, dim_tensor_load_npy(ctx, fixture(files[i].name), &t), DIM_OK, NULL, NULL);
        assert_int_equal(dim_tensor_dtype(t), files[i].dtype);
        for (int k = 0; k < 2; k++)
            assert_true((files[i].dtype == DIM_U8 ? ((uint8_t *)dim_tensor_data(t))[k] : ((float *)dim_tensor_data(t))[k]) ==
                        files[i].want[k]);
        dim_tensor_destroy(t);
    }
}

static void test_save_fails(void **state)
{
    char nowhere[160];
    dim_tensor *t;
    (void)state;
    snprintf(nowhere, sizeof nowhere, "%s/no/x.npy", dir);
    assert_int_equal(dim_tensor_load_npy(ctx, fixture("f4_c"), &t), DIM_OK);
    assert_fails_with(ctx, dim_tensor_save_npy(t, nowhere), DIM_E_IO, nowhere, NULL);
    assert_fails_with(ctx, dim_tensor_save_npy(t, NULL), DIM_E_INVALID, "path", NULL);
    dim_tensor_destroy(t);
}

static dim_status npy_life(dim_context *c)
{
    dim_tensor *t = NULL, *p = NULL;
    dim_status status = dim_tensor_load_npy(c, fixture("f8_f"), &t);
    if (status == DIM_OK)
        status = dim_tensor_permute(t, (int[]){ 1, 0, 2 }, &p);
    if (status == DIM_OK)
        status = dim_tensor_save_npy(p, path);
    dim_tensor_destroy(t);
    dim_tensor_destroy(p);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fail_each_allocation(ctx, &memory, npy_life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numpy_files),
        cmocka_unit_test(test_save_views),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_other_type_in_columns),
        cmocka_unit_test(test_numpy_other_types),
        cmocka_unit_test(test_save_fails),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests_name("npy", tests, setup, teardown);
}
