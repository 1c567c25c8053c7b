/* safetensors: files of io/.  Their headers: test_weights_header.c. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failing_alloc.h"
#include "file_tests.h"
#include "io/weights.h"
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static failing memory;
static dim_context *ctx;
static char dir[64], path[128];

static int setup(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    o.alloc = take;
    o.free = give;
    o.alloc_user = &memory;
    strcpy(dir, "/tmp/dim-weights-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/w.safetensors", dir);
    if (dim_context_create(&o, &ctx) != DIM_OK)
        return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    unlink(path);
    return rmdir(dir) == 0 && memory.live == 0 ? 0 : -1; /* rmdir: no temporary file may be left */
}

/* A file of this header and `data` bytes of data. */
static void write_raw(const char *header, size_t header_size, size_t data)
{
    unsigned char buffer[4096] = {0};
    assert_true(8 + header_size + data <= sizeof buffer);
    for (int k = 0; k < 8; k++)
        buffer[k] = (unsigned char)((uint64_t)header_size >> (8 * k));
    memcpy(buffer + 8, header, header_size);
    write_bytes(path, buffer, 8 + header_size + data);
}

static void assert_says(const char *what)
{
    if (strstr(dim_context_error(ctx), what) == NULL)
        fail_msg("'%s' is not in '%s'", what, dim_context_error(ctx));
}

/* saving and loading */

static float wx[2][3][1][2], wy[5], wz[1];

static void own_arrays(dim__array a[4])
{
    a[0] = (dim__array){"conv1.weight", 4, {2, 3, 1, 2}, &wx[0][0][0][0]};
    a[1] = (dim__array){"odd \"name\"\\\n", 1, {5}, wy};
    a[2] = (dim__array){"scalar", 0, {0}, wz};
    a[3] = (dim__array){"nothing", 2, {0, 4}, NULL};
}

static void fill(float start)
{
    for (int i = 0; i < 12; i++)
        (&wx[0][0][0][0])[i] = start + (float)i / 3;
    for (int i = 0; i < 5; i++)
        wy[i] = -start * (float)i;
    wz[0] = start;
}

static void test_round_trip(void **state)
{
    dim__array a[4];
    unsigned char raw[1024];
    (void)state;
    own_arrays(a);
    fill(1.5f);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
    assert_int_equal(files_in(dir), 1);
    fill(0);
    assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_OK);
    for (int i = 0; i < 12; i++)
        assert_true((&wx[0][0][0][0])[i] == 1.5f + (float)i / 3);
    for (int i = 0; i < 5; i++)
        assert_true(wy[i] == -1.5f * (float)i);
    assert_true(wz[0] == 1.5f);
    /* the bytes, against the format's text */
    size_t size = read_bytes(path, raw, sizeof raw - 1);
    raw[size] = '\0';
    assert_int_equal((raw[0] | raw[1] << 8) % 8, 0);
    assert_int_equal(raw[2] | raw[3] | raw[4] | raw[5] | raw[6] | raw[7], 0);
    assert_int_equal(size, 8 + (raw[0] | raw[1] << 8) + 18 * 4);
    const char *begin = "{\"__metadata__\":{\"format\":\"pt\",\"dim.checksum\":\"", *middle = "\",\"dim.state.header\":\"";
    const char *end = "\"},\"conv1.weight\":{\"dtype\":\"F32\",\"shape\":[2,3,1,2],\"data_offsets\":[0,48]},"
                      "\"odd \\\"name\\\"\\\\\\u000a\":";
    const unsigned char *at = raw + 8;
    assert_memory_equal(at, begin, strlen(begin));
    at += strlen(begin) + 16;
    assert_memory_equal(at, middle, strlen(middle));
    at += strlen(middle) + 16;
    assert_memory_equal(at, end, strlen(end));
}

static void test_fixture(void **state)
{
    float net[6], b[4], c[8], e[1], d[4], scalar;
    const char *file = DIM_TEST_DATA "/weights.safetensors";
    dim__array a[] = {{"a", 2, {2, 3}, net}, {"b", 1, {4}, b},    {"c", 1, {8}, c},
                      {"empty", 2, {0, 3}, e}, {"d", 2, {2, 2}, d}, {"scalar", 0, {0}, &scalar}};
    const float want_c[] = {0, -0.0f, 1, -65504, 0x1p-24f, 3 * 0x1p-20f, 65504, 0.333251953125f};
    (void)state;
    assert_int_equal(dim__weights_load(ctx, file, "net.", a, 6), DIM_OK);
    for (int i = 0; i < 6; i++)
        assert_true(net[i] == (float)i / 8 - 0.25f);
    assert_true(b[0] == (float)(1.0 / 3) && b[1] == (float)-1e-3 && b[2] == 3.4e38f && b[3] == 5);
    for (int i = 0; i < 8; i++)
        assert_true(c[i] == want_c[i] && signbit(c[i]) == signbit(want_c[i]));
    uint32_t bits = 0x7f61; /* 3e38 cut to bfloat16 */
    bits <<= 16;
    float large;
    memcpy(&large, &bits, 4);
    assert_true(d[0] == 1 && d[1] == -2.5f && d[2] == 0x1p-130f && d[3] == large);
    assert_true(scalar == 42.5f);
}

/* What a float does not hold is an error that has the place. */
static void test_numbers(void **state)
{
    static const struct {
        dim__array a;
        const char *says;
    } cases[] = {
        { {"wide", 2, {2, 3}, NULL}, "tensor 'wide': element (1, 1) is -1e+300, which is too large for a float: /" },
        { {"infinite", 1, {3}, NULL}, "tensor 'infinite': element (1) is inf: /" },
        { {"nan", 2, {1, 2}, NULL}, "tensor 'nan': element (0, 0) is nan: /" },
    };
    dim__weights_file *f;
    float x[18], nan;
    uint32_t bits = 0x7fa12345;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dim__array a = cases[i].a;
        a.data = x;
        assert_int_equal(dim__weights_load(ctx, DIM_TEST_DATA "/weights.safetensors", "", &a, 1), DIM_E_NUMERIC);
        assert_says(cases[i].says);
    }
    /* F32; and far behind the first piece that is read */
    static float big[40000];
    dim__array a[] = {{"s", 0, {0}, &nan}, {"big", 2, {200, 200}, big}};
    memcpy(&nan, &bits, sizeof nan);
    assert_int_equal(dim__weights_save(ctx, path, a, 1, NULL, 0), DIM_OK);
    assert_int_equal(dim__weights_load(ctx, path, "", a, 1), DIM_E_NUMERIC);
    assert_says("element () is nan");
    nan = 1;
    big[39999] = -INFINITY;
    assert_int_equal(dim__weights_save(ctx, path, a, 2, NULL, 0), DIM_OK);
    assert_int_equal(dim__weights_load(ctx, path, "", a, 2), DIM_E_NUMERIC);
    assert_says("tensor 'big': element (199, 199) is -inf");
    /* a checkpoint takes every bit pattern as it is, and what nobody asks for does not matter */
    assert_int_equal(dim__weights_file_open(ctx, path, &f), DIM_OK);
    assert_int_equal(dim__weights_file_read(f, "", true, a, 2), DIM_OK);
    assert_int_equal(dim__weights_file_read(f, "", false, a, 1), DIM_OK);
    dim__weights_file_close(f);
}

static void test_prefix(void **state)
{
    float x[4] = {1, 2, 3, 4}, y[4];
    dim__array wrapped[] = {{"module.encoder.conv.weight", 1, {2}, x}, {"module.encoder.conv.bias", 1, {1}, x + 2},
                            {"module.head.bias", 1, {1}, x + 3}};
    dim__array own[] = {{"conv.bias", 1, {1}, y}, {"conv.weight", 1, {2}, y + 1}, {"fc.bias", 1, {1}, y + 3}};
    (void)state;
    assert_int_equal(dim__weights_save(ctx, path, wrapped, 3, NULL, 0), DIM_OK);
    assert_int_equal(dim__weights_load(ctx, path, "encoder.", own, 2), DIM_E_FORMAT);
    assert_says("tensor 'conv.bias' is missing; the file has all 2, but with 'module.encoder.' before each name");
    assert_int_equal(dim__weights_load(ctx, path, "module.encoder.", own, 2), DIM_OK);
    assert_true(y[0] == 3 && y[1] == 1 && y[2] == 2);
    /* no prefix fits all: nothing is said of one */
    assert_int_equal(dim__weights_load(ctx, path, "", own, 3), DIM_E_FORMAT);
    assert_says("tensor 'conv.bias' is missing: /");
}

static void test_mismatch_leaves_arrays(void **state)
{
    const char *file = DIM_TEST_DATA "/weights.safetensors";
    float net[6] = {9, 9, 9, 9, 9, 9}, b[4] = {9, 9, 9, 9};
    dim__array a[] = {{"net.a", 2, {2, 3}, net}, {"b", 2, {2, 2}, b}};
    (void)state;
    assert_int_equal(dim__weights_load(ctx, file, "", a, 2), DIM_E_SHAPE);
    assert_says("'b'");
    assert_says("(4)");
    assert_says("(2, 2)");
    assert_says("weights.safetensors");
    a[1] = (dim__array){"nobody", 1, {4}, b};
    assert_int_equal(dim__weights_load(ctx, file, "net.", a, 2), DIM_E_FORMAT);
    assert_says("'nobody' is missing");
    a[1] = (dim__array){"steps", 1, {1}, b};
    assert_int_equal(dim__weights_load(ctx, file, "", a, 2), DIM_E_FORMAT);
    assert_says("I64");
    for (int i = 0; i < 6; i++)
        assert_true(net[i] == 9);
    assert_int_equal(dim__weights_load(ctx, "/nonexistent/w", "", a, 2), DIM_E_IO);
    assert_says("/nonexistent/w");
    assert_int_equal(dim__weights_load(ctx, dir, "", a, 2), DIM_E_IO);
}

/* files that are wrong */

static void test_wrong_length(void **state)
{
    static const struct {
        unsigned char bytes[16];
        const char *says;
    } cases[] = {
        { "\x09\0\0\0\0\0\0\0{}", "truncated one: the header should have 9 bytes, the file has 16" },
        { "\0\xe1\xf5\x05\0\0\0\0{}", "truncated one: the header should have 100000000 bytes" },
        { "\1\xe1\xf5\x05\0\0\0\0{}", "header's length of 100000001 bytes, of which 100000000 are allowed" },
        { "\xff\xff\xff\xff\xff\xff\xff\x7f{}", "of which 100000000 are allowed" },
        { "\xff\xff\xff\xff\xff\xff\xff\xff{}", "header's length of 18446744073709551615 bytes" },
        { "PK\3\4\0\0\0\0\0\0\0\0\0\0\0", "truncated" },
    };
    float x = 7;
    dim__array a = {"a", 1, {1}, &x};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_bytes(path, cases[i].bytes, sizeof cases[i].bytes);
        assert_int_equal(dim__weights_load(ctx, path, "", &a, 1), DIM_E_FORMAT);
        assert_says(cases[i].says);
        assert_says(path);
        assert_true(x == 7);
    }
}

static void test_odd_but_right(void **state)
{
    float x = 7;
    dim__array a = {"a", 1, {1}, &x};
    (void)state;
    /* an unknown dtype that nobody asks for, more axes than we know, unknown keys */
    const char *odd = "{\"z\":{\"dtype\":\"F8_X\",\"shape\":[3],\"data_offsets\":[4,7]},"
                      "\"y\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,2],\"data_offsets\":[7,9],\"more\":[{}]},"
                      "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   ";
    write_raw(odd, strlen(odd), 9);
    assert_int_equal(dim__weights_load(ctx, path, "", &a, 1), DIM_OK);
    assert_true(x == 0);
    /* a name that goes on behind a NUL is another one */
    const char *longer = "{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    write_raw(longer, strlen(longer), 4);
    assert_int_equal(dim__weights_load(ctx, path, "", &a, 1), DIM_E_FORMAT);
    assert_says("'a' is missing");
}

static void test_truncated_everywhere(void **state)
{
    unsigned char raw[2048];
    dim__array a[4];
    (void)state;
    own_arrays(a);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
    size_t size = read_bytes(path, raw, sizeof raw);
    fill(3);
    for (size_t n = 0; n < size; n++) {
        write_bytes(path, raw, n);
        assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_E_FORMAT);
    }
    write_bytes(path, raw, size);
    assert_true(wz[0] == 3 && wy[1] == -3);
    assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_OK);
    raw[size] = 0;
    write_bytes(path, raw, size + 1);
    assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_E_FORMAT);
}

/* Whatever the bytes of the header, the answer is a status; what is accepted is what was written. */
static void test_flipped_bytes(void **state)
{
    unsigned char raw[2048], bent[2048];
    dim__array a[4];
    uint32_t random = 12345;
    (void)state;
    own_arrays(a);
    fill(1);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
    size_t size = read_bytes(path, raw, sizeof raw);
    size_t header = 8 + (size_t)(raw[0] | raw[1] << 8);
    for (int round = 0; round < 3000; round++) {
        memcpy(bent, raw, size);
        for (int k = 0; k <= round % 3; k++) {
            random = random * 1664525u + 1013904223u;
            size_t at = (random >> 8) % header;
            random = random * 1664525u + 1013904223u;
            bent[at] = round % 2 == 0 ? (unsigned char)(random >> 24) : "0123456789{}[]\",:e-."[(random >> 24) % 20];
        }
        write_bytes(path, bent, size);
        fill(2);
        dim_status s = dim__weights_load(ctx, path, "", a, 4);
        assert_true(s == DIM_OK || s == DIM_E_FORMAT || s == DIM_E_SHAPE);
        assert_true(s != DIM_OK || (wz[0] == 1 && wy[4] == -4));
    }
}

static void test_checked(void **state)
{
    dim__array a[4];
    dim__weights_file *f;
    dim__meta m;
    const dim__meta meta[] = { { "one", "1" }, { "two \"2\"", "\\\n" } };
    const uint32_t nan = 0x7fa12345; /* a signalling one, with a payload */
    uint32_t back;
    (void)state;
    own_arrays(a);
    fill(1);
    memcpy(&wy[2], &nan, sizeof nan);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, meta, 2), DIM_OK);
    fill(2);
    assert_int_equal(dim__weights_file_open(ctx, path, &f), DIM_OK);
    assert_int_equal(dim__weights_file_verify(f), DIM_OK);
    assert_string_equal(dim__weights_file_meta(f, "one"), "1");
    assert_string_equal(dim__weights_file_meta(f, "two \"2\""), "\\\n");
    assert_null(dim__weights_file_meta(f, "three"));
    assert_true(dim__weights_file_meta_at(f, 4, &m)); /* after format and two checksums */
    assert_string_equal(m.key, "two \"2\"");
    assert_false(dim__weights_file_meta_at(f, 5, &m));
    assert_false(dim__weights_file_meta_at(f, -1, &m));
    assert_int_equal(dim__weights_file_read(f, "", true, a, 4), DIM_OK);
    dim__weights_file_close(f);
    memcpy(&back, &wy[2], sizeof back);
    assert_int_equal(back, nan);
    assert_true(wx[1][2][0][1] == 1 + 11 / 3.0f);
    /* F32 alone is exact; a file without a checksum cannot be verified */
    float net[6];
    dim__array half = { "c", 1, { 8 }, (float[8]){ 0 } }, plain = { "net.a", 2, { 2, 3 }, net };
    assert_int_equal(dim__weights_file_open(ctx, DIM_TEST_DATA "/weights.safetensors", &f), DIM_OK);
    assert_int_equal(dim__weights_file_verify(f), DIM_E_FORMAT);
    assert_int_equal(dim__weights_file_read(f, "net.", true, &half, 1), DIM_E_FORMAT);
    assert_says("F32 alone");
    assert_int_equal(dim__weights_file_read(f, "net.", true, &plain, 1), DIM_OK);
    dim__weights_file_close(f);
    dim__weights_file_close(NULL);
}

/* Every bit of the data of weights is checked where they are read, and what another program writes is not. */
static void count_warnings(void *user, dim_log_level level, const char *text)
{
    *(int *)user += level == DIM_LOG_WARNING && strstr(text, "checksums say nothing") != NULL;
}

static void test_checksum(void **state)
{
    static unsigned char raw[4096];
    dim__array a[4];
    (void)state;
    own_arrays(a);
    fill(1);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, &(dim__meta){"k", "v"}, 1), DIM_OK);
    size_t size = read_bytes(path, raw, sizeof raw), header = 8 + (size_t)(raw[0] | raw[1] << 8);
    for (size_t at = header; at < size; at++) { /* of all arrays, and of one: the others count, too */
        raw[at] ^= 1;
        write_bytes(path, raw, size);
        assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_E_FORMAT);
        assert_says("damaged, or changed while it was read");
        assert_int_equal(dim__weights_load(ctx, path, "", a + 2, 1), DIM_E_FORMAT);
        raw[at] ^= 1;
    }
    /* the metadata copied, the sums with it: by a program that sorts otherwise, or one that changes the data in place */
    static const char begin[] = "\"dim.state.header\":\"";
    unsigned char *digits = raw + 8;
    while (memcmp(digits, begin, sizeof begin - 1) != 0)
        digits++;
    digits += sizeof begin - 1;
    digits[0] = digits[0] == '0' ? '1' : '0';
    raw[size - 1] ^= 1; /* of the last element of `scalar`, the last array that has any */
    write_bytes(path, raw, size);
    assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_OK);
    dim_context_options o; /* but it is said */
    dim_context *listening;
    int warnings = 0;
    DIM_OPTIONS_INIT(&o);
    o.log = count_warnings;
    o.log_user = &warnings;
    assert_int_equal(dim_context_create(&o, &listening), DIM_OK);
    assert_int_equal(dim__weights_load(listening, path, "", a, 4), DIM_OK);
    assert_int_equal(warnings, 1);
    dim_context_destroy(listening);
    dim__weights_file *f;
    assert_int_equal(dim__weights_file_open(ctx, path, &f), DIM_OK);
    assert_int_equal(dim__weights_file_verify(f), DIM_E_FORMAT);
    assert_says("rewritten by another program");
    dim__weights_file_close(f);
}

/* Cuts the open file and gives it its size, and its time, again: what comes back is zeros. */
static void regrow(const struct stat *st)
{
    assert_int_equal(truncate(path, 300), 0);
    assert_int_equal(truncate(path, st->st_size), 0);
}

static void test_regrown(void **state)
{
    static unsigned char raw[4096];
    dim__array a[4];
    dim__weights_file *f;
    struct stat st;
    (void)state;
    own_arrays(a);
    for (int checked = 0; checked < 2; checked++) {
        fill(1);
        assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
        size_t size = read_bytes(path, raw, sizeof raw);
        raw[8 + 20] = 'F'; /* of "format": no checksum is looked for then */
        if (!checked)
            write_bytes(path, raw, size);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(dim__weights_file_open(ctx, path, &f), DIM_OK);
        if (!checked) /* the time must tell: a clock of the file system may tick slowly */
            for (struct stat now = st; now.st_mtim.tv_sec == st.st_mtim.tv_sec && now.st_mtim.tv_nsec == st.st_mtim.tv_nsec;) {
                regrow(&st);
                assert_int_equal(stat(path, &now), 0);
            }
        regrow(&st);
        if (checked)
            assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){ st.st_atim, st.st_mtim }, 0), 0);
        assert_int_equal(dim__weights_file_read(f, "", false, a, 4), checked ? DIM_E_FORMAT : DIM_E_IO);
        assert_says(checked ? "checksum" : "the file was changed while it was read");
        dim__weights_file_close(f);
    }
}

static void test_no_memory(void **state)
{
    dim__array a[4];
    (void)state;
    own_arrays(a);
    fill(1);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
    for (int what = 0; what < 2; what++) {
        dim_status s = DIM_E_NOMEM;
        long live = memory.live;
        for (long n = 1; s != DIM_OK; n++) {
            memory.calls = 0;
            memory.fail_at = n;
            s = what == 0 ? dim__weights_save(ctx, path, a, 4, NULL, 0) : dim__weights_load(ctx, path, "x.", a, 4);
            assert_true(s == DIM_OK || s == DIM_E_NOMEM);
            assert_int_equal(memory.live, live);
            assert_int_equal(files_in(dir), 1);
        }
        memory.fail_at = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_fixture),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_mismatch_leaves_arrays),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_wrong_length),
        cmocka_unit_test(test_odd_but_right),
        cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_flipped_bytes),
        cmocka_unit_test(test_checked),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_regrown),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
