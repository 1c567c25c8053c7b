/* safetensors and atomic files: io/. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failing_alloc.h"
#include "io/weights.h"
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static failing memory;
static dim_context *ctx;
static bool can_load; /* whether this build has a JSON parser */
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
    can_load = dim__weights_load(ctx, "/nonexistent/w", "", NULL, 0) != DIM_E_UNSUPPORTED;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    unlink(path);
    return rmdir(dir) == 0 && memory.live == 0 ? 0 : -1; /* rmdir: no temporary file may be left */
}

static int files_in_dir(void)
{
    int n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += e->d_name[0] != '.' || (e->d_name[1] != '\0' && e->d_name[1] != '.');
    closedir(d);
    return n;
}

static void write_file(const void *bytes, size_t size)
{
    unlink(path); /* some file systems flush a file that is truncated and written again */
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static size_t read_file(const char *name, unsigned char *bytes, size_t room)
{
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}

/* A file of this header and `data` bytes of data. */
static void write_raw(const char *header, size_t header_size, size_t data)
{
    unsigned char buffer[4096] = {0};
    assert_true(8 + header_size + data <= sizeof buffer);
    for (int k = 0; k < 8; k++)
        buffer[k] = (unsigned char)((uint64_t)header_size >> (8 * k));
    memcpy(buffer + 8, header, header_size);
    write_file(buffer, 8 + header_size + data);
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
    assert_int_equal(files_in_dir(), 1);
    fill(0);
    if (!can_load)
        fill(1.5f);
    else
        assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_OK);
    for (int i = 0; i < 12; i++)
        assert_true((&wx[0][0][0][0])[i] == 1.5f + (float)i / 3);
    for (int i = 0; i < 5; i++)
        assert_true(wy[i] == -1.5f * (float)i);
    assert_true(wz[0] == 1.5f);
    /* the bytes, against the format's text */
    size_t size = read_file(path, raw, sizeof raw - 1);
    raw[size] = '\0';
    assert_int_equal((raw[0] | raw[1] << 8) % 8, 0);
    assert_int_equal(raw[2] | raw[3] | raw[4] | raw[5] | raw[6] | raw[7], 0);
    assert_int_equal(size, 8 + (raw[0] | raw[1] << 8) + 18 * 4);
    const char *begin = "{\"__metadata__\":{\"format\":\"pt\"},\"conv1.weight\":{\"dtype\":\"F32\",\"shape\":[2,3,1,2],"
                        "\"data_offsets\":[0,48]},\"odd \\\"name\\\"\\\\\\u000a\":";
    assert_memory_equal(raw + 8, begin, strlen(begin));
}

static void test_umask_and_mode(void **state)
{
    dim__array a[4];
    struct stat st;
    (void)state;
    own_arrays(a);
    unlink(path);
    mode_t old = umask(027);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
    umask(old);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_fixture(void **state)
{
    float net[6], b[4], c[8], e[1], d[4], scalar;
    const char *file = DIM_TEST_DATA "/weights.safetensors";
    dim__array a[] = {{"a", 2, {2, 3}, net}, {"b", 1, {4}, b},    {"c", 1, {8}, c},
                      {"empty", 2, {0, 3}, e}, {"d", 2, {2, 2}, d}, {"scalar", 0, {0}, &scalar}};
    const float want_c[] = {0, -0.0f, 1, -65504, 0x1p-24f, 3 * 0x1p-20f, INFINITY, 0.333251953125f};
    (void)state;
    if (!can_load)
        skip();
    assert_int_equal(dim__weights_load(ctx, file, "net.", a, 6), DIM_OK);
    for (int i = 0; i < 6; i++)
        assert_true(net[i] == (float)i / 8 - 0.25f);
    assert_true(b[0] == (float)(1.0 / 3) && b[1] == (float)-1e-3 && isinf(b[2]) && b[3] == 5);
    for (int i = 0; i < 8; i++)
        assert_true(c[i] == want_c[i] && signbit(c[i]) == signbit(want_c[i]));
    uint32_t bits = 0x7f61; /* 3e38 cut to bfloat16 */
    bits <<= 16;
    float large;
    memcpy(&large, &bits, 4);
    assert_true(d[0] == 1 && d[1] == -2.5f && d[2] == 0x1p-130f && d[3] == large);
    assert_true(scalar == 42.5f);
}

static void test_mismatch_leaves_arrays(void **state)
{
    const char *file = DIM_TEST_DATA "/weights.safetensors";
    float net[6] = {9, 9, 9, 9, 9, 9}, b[4] = {9, 9, 9, 9};
    dim__array a[] = {{"net.a", 2, {2, 3}, net}, {"b", 2, {2, 2}, b}};
    (void)state;
    if (!can_load)
        skip();
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

static void test_malformed(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        const char *says;
    } cases[] = {
        {"", 0, "not a JSON object"},
        {"[]", 0, "not a JSON object"},
        {" {}", 0, "not a JSON object"},
        {"{", 0, "not a JSON object"},
        {"{ ", 0, "not a valid JSON"},
        {"{\"a\":1,", 0, "not a valid JSON"},
        {"{}x", 0, "goes on"},
        {"{}\n", 0, "goes on"},
        {"{} ", 4, "4 follow"},
        {"{\"a\":3}", 0, "not an object"},
        {"{\"__metadata__\":[]}", 0, "__metadata__"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "two of this name"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype"},
        {"{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 8, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "begin <= end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "begin <= end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,\"4\"]}}", 4, "begin <= end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,1e999]}}", 4, "begin <= end"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "not a size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "not a size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1e300],\"data_offsets\":[0,4]}}", 4, "not a size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[null],\"data_offsets\":[0,4]}}", 4, "not a size"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,1],\"data_offsets\":[0,0]}}", 0, "too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,1073741824],\"data_offsets\":[0,0]}}", 0, "do not fill"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "do not fill"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "do not fill"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "hole"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12, "hole"},
        {"{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "ends at"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "3 follow"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "5 follow"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "two of this name"},
    };
    float x = 7;
    dim__array a = {"a", 1, {1}, &x};
    (void)state;
    if (!can_load)
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_raw(cases[i].header, strlen(cases[i].header), cases[i].data);
        if (dim__weights_load(ctx, path, "", &a, 1) != DIM_E_FORMAT)
            fail_msg("accepted: %s", cases[i].header);
        assert_says(cases[i].says);
        assert_says(path);
        assert_true(x == 7);
    }
    write_raw("{\"a\":\0}", 7, 0); /* a NUL inside */
    assert_int_equal(dim__weights_load(ctx, path, "", &a, 1), DIM_E_FORMAT);
    static const char LARGE[16] = "\xff\xff\xff\xff\xff\xff\xff\x7f{}";
    write_file(LARGE, sizeof LARGE);
    assert_int_equal(dim__weights_load(ctx, path, "", &a, 1), DIM_E_FORMAT);
    static const char NEGATIVE[16] = "\xff\xff\xff\xff\xff\xff\xff\xff{}";
    write_file(NEGATIVE, sizeof NEGATIVE);
    assert_int_equal(dim__weights_load(ctx, path, "", &a, 1), DIM_E_FORMAT);
    /* what is odd but right: an unknown dtype that nobody asks for, more axes than we know, unknown keys */
    const char *odd = "{\"z\":{\"dtype\":\"F8_X\",\"shape\":[3],\"data_offsets\":[4,7]},"
                      "\"y\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,2],\"data_offsets\":[7,9],\"more\":[{}]},"
                      "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   ";
    write_raw(odd, strlen(odd), 9);
    assert_int_equal(dim__weights_load(ctx, path, "", &a, 1), DIM_OK);
    assert_true(x == 0);
}

static void test_truncated_everywhere(void **state)
{
    unsigned char raw[2048];
    dim__array a[4];
    (void)state;
    if (!can_load)
        skip();
    own_arrays(a);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
    size_t size = read_file(path, raw, sizeof raw);
    fill(3);
    for (size_t n = 0; n < size; n++) {
        write_file(raw, n);
        assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_E_FORMAT);
    }
    write_file(raw, size);
    assert_true(wz[0] == 3 && wy[1] == -3);
    assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_OK);
    raw[size] = 0;
    write_file(raw, size + 1);
    assert_int_equal(dim__weights_load(ctx, path, "", a, 4), DIM_E_FORMAT);
}

/* Whatever the bytes, the answer is a status; when it is an error the arrays are as they were. */
static void test_flipped_bytes(void **state)
{
    unsigned char raw[2048], bent[2048];
    dim__array a[4];
    uint32_t random = 12345;
    (void)state;
    if (!can_load)
        skip();
    own_arrays(a);
    fill(1);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
    size_t size = read_file(path, raw, sizeof raw);
    size_t header = 8 + (size_t)(raw[0] | raw[1] << 8);
    for (int round = 0; round < 3000; round++) {
        memcpy(bent, raw, size);
        for (int k = 0; k <= round % 3; k++) {
            random = random * 1664525u + 1013904223u;
            size_t at = (random >> 8) % header;
            random = random * 1664525u + 1013904223u;
            bent[at] = round % 2 == 0 ? (unsigned char)(random >> 24) : "0123456789{}[]\",:e-."[(random >> 24) % 20];
        }
        write_file(bent, size);
        fill(2);
        dim_status s = dim__weights_load(ctx, path, "", a, 4);
        assert_true(s == DIM_OK || s == DIM_E_FORMAT || s == DIM_E_SHAPE);
        assert_true(wz[0] == (s == DIM_OK ? 1 : 2));
    }
}

/* failure while writing */

static void test_unwritable(void **state)
{
    char name[192];
    dim__array a[4];
    (void)state;
    own_arrays(a);
    snprintf(name, sizeof name, "%s/missing/w", dir);
    assert_int_equal(dim__weights_save(ctx, name, a, 4, NULL, 0), DIM_E_IO);
    assert_says("missing/w");
    write_file("old", 3);
    snprintf(name, sizeof name, "%s/w.safetensors/w", dir); /* a file in place of a directory */
    assert_int_equal(dim__weights_save(ctx, name, a, 4, NULL, 0), DIM_E_IO);
    assert_int_equal(dim__weights_save(ctx, dir, a, 4, NULL, 0), DIM_E_IO);
    assert_int_equal(dim__weights_save(ctx, "/dev/null", a, 4, NULL, 0), DIM_E_IO); /* must stay a device */
    snprintf(name, sizeof name, "%s/", dir);
    assert_int_equal(dim__weights_save(ctx, name, a, 4, NULL, 0), DIM_E_IO);
    assert_int_equal(dim__weights_save(ctx, "", a, 4, NULL, 0), DIM_E_IO);
    if (geteuid() != 0) {
        assert_int_equal(chmod(dir, 0555), 0);
        assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_E_IO);
        assert_int_equal(chmod(dir, 0755), 0);
    }
    assert_int_equal(files_in_dir(), 1);
}

/* A limit on the size of files makes write() fail as a full disk does. */
static void test_full_disk_keeps_the_old_file(void **state)
{
    struct rlimit old, small;
    unsigned char raw[64];
    static float big[100000];
    dim__array a = {"big", 1, {100000}, big};
    (void)state;
    write_file("old contents", 12);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 100000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    dim_status s = dim__weights_save(ctx, path, &a, 1, NULL, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(s, DIM_E_IO);
    assert_int_equal(files_in_dir(), 1);
    assert_int_equal(read_file(path, raw, sizeof raw), 12);
    assert_memory_equal(raw, "old contents", 12);
}

static void test_abort_and_two_at_once(void **state)
{
    dim__outfile *f, *g;
    unsigned char raw[64];
    (void)state;
    write_file("old", 3);
    assert_int_equal(dim__outfile_open(ctx, path, &f), DIM_OK);
    assert_int_equal(dim__outfile_open(ctx, path, &g), DIM_OK);
    assert_int_equal(dim__outfile_write(f, "first", 5), DIM_OK);
    assert_int_equal(dim__outfile_write(g, "second", 6), DIM_OK);
    dim__outfile_abort(f);
    assert_int_equal(read_file(path, raw, sizeof raw), 3);
    assert_int_equal(dim__outfile_commit(g), DIM_OK);
    assert_int_equal(read_file(path, raw, sizeof raw), 6);
    assert_memory_equal(raw, "second", 6);
    assert_int_equal(files_in_dir(), 1);
    dim__outfile_abort(NULL);
}

/* A process that dies while it writes leaves a file, which the next one who writes the same removes; not that of another
 * that lives. */
static void test_leftovers(void **state)
{
    dim__outfile *f;
    dim__array a[4];
    (void)state;
    own_arrays(a);
    write_file("old", 3);
    for (int k = 0; k < 3; k++) {
        int code, gate[2], seen[2];
        char byte = 0;
        assert_int_equal(pipe(gate), 0);
        assert_int_equal(pipe(seen), 0);
        pid_t pid = fork();
        if (pid == 0) { /* two of them, half written, until the test goes on */
            dim__outfile *g;
            bool good = dim__outfile_open(ctx, path, &f) == DIM_OK && dim__outfile_open(ctx, path, &g) == DIM_OK &&
                        dim__outfile_write(f, "half", 4) == DIM_OK && write(seen[1], "!", 1) == 1;
            close(gate[1]);
            good = good && read(gate[0], &byte, 1) == 0;
            _exit(good ? 0 : 1);
        }
        close(gate[0]);
        close(seen[1]);
        assert_int_equal(read(seen[0], &byte, 1), 1);
        assert_int_equal(files_in_dir(), 3);
        assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
        assert_int_equal(files_in_dir(), 3);
        close(gate[1]);
        close(seen[0]);
        assert_int_equal(waitpid(pid, &code, 0), pid);
        assert_int_equal(code, 0);
        assert_int_equal(files_in_dir(), 3);
        if (k == 0) {
            assert_int_equal(dim__outfile_open(ctx, path, &f), DIM_OK);
            assert_int_equal(files_in_dir(), 2);
            dim__outfile_abort(f);
        } else {
            assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
        }
        assert_int_equal(files_in_dir(), 1);
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
    if (!can_load)
        skip();
    own_arrays(a);
    fill(1);
    memcpy(&wy[2], &nan, sizeof nan);
    assert_int_equal(dim__weights_save_checked(ctx, path, a, 4, meta, 2), DIM_OK);
    fill(2);
    assert_int_equal(dim__weights_file_open(ctx, path, &f), DIM_OK);
    assert_int_equal(dim__weights_file_verify(f), DIM_OK);
    assert_string_equal(dim__weights_file_meta(f, "one"), "1");
    assert_string_equal(dim__weights_file_meta(f, "two \"2\""), "\\\n");
    assert_null(dim__weights_file_meta(f, "three"));
    assert_true(dim__weights_file_meta_at(f, 3, &m)); /* after format and checksum */
    assert_string_equal(m.key, "two \"2\"");
    assert_false(dim__weights_file_meta_at(f, 4, &m));
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

static void test_no_memory(void **state)
{
    dim__array a[4];
    (void)state;
    own_arrays(a);
    fill(1);
    assert_int_equal(dim__weights_save(ctx, path, a, 4, NULL, 0), DIM_OK);
    for (int what = 0; what < (can_load ? 2 : 1); what++) {
        dim_status s = DIM_E_NOMEM;
        long live = memory.live;
        for (long n = 1; s != DIM_OK; n++) {
            memory.calls = 0;
            memory.fail_at = n;
            s = what == 0 ? dim__weights_save(ctx, path, a, 4, NULL, 0) : dim__weights_load(ctx, path, "x.", a, 4);
            assert_true(s == DIM_OK || s == DIM_E_NOMEM);
            assert_int_equal(memory.live, live);
            assert_int_equal(files_in_dir(), 1);
        }
        memory.fail_at = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_umask_and_mode),
        cmocka_unit_test(test_fixture),
        cmocka_unit_test(test_mismatch_leaves_arrays),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_truncated_everywhere),
        cmocka_unit_test(test_flipped_bytes),
        cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_full_disk_keeps_the_old_file),
        cmocka_unit_test(test_abort_and_two_at_once),
        cmocka_unit_test(test_leftovers),
        cmocka_unit_test(test_checked),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
