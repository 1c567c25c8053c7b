/* Sources beside class folders and CIFAR: NumPy arrays, CSV, the names of IDX files, data without labels; files in memory. */
#include "data_tests.h"

#include "data/npy.h"
#include "data/sources/number.h"
#include "data/sources/parse.h"
#include <dim/dataset.h>
#include <math.h>
#include <stdbool.h>
#include <sys/stat.h>
#if DIM_HAVE_ZLIB
#include <zlib.h>
#endif

static failing_memory memory;
static dim_context *ctx;
static char dir[64];

/* libdim's numbers must not depend on the locale, few of which a machine has: so no point may get to strtof(). */
static bool watched;
float __real_strtof(const char *text, char **end);
float __wrap_strtof(const char *text, char **end);
float __wrap_strtof(const char *text, char **end)
{
    if (watched)
        assert_null(strchr(text, '.'));
    return __real_strtof(text, end);
}

static int setup(void **state)
{
    (void)state;
    ctx = test_context(&memory);
    strcpy(dir, "/tmp/dim-sources-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    return remove_tree(dir);
}

static const char *in_dir(const char *name)
{
    static char path[4][256];
    static int turn;
    snprintf(path[turn = (turn + 1) % 4], sizeof *path, "%s/%s", dir, name);
    return path[turn];
}

static void put_text(const char *name, const char *text) { write_bytes(in_dir(name), text, strlen(text)); }

/* `kind`:the folder, or a name in it. */
static dim_status open_it(const char *kind, const char *name, dim_split split, const dim_dataset_options *o, dim_dataset **ds)
{
    char spec[300];
    snprintf(spec, sizeof spec, "%s:%s%s%s", kind, dir, *name != '\0' ? "/" : "", name);
    return dim_dataset_open_with(ctx, spec, split, o, ds);
}

static dim_dataset *open_good(const char *kind, const char *name, dim_split split, const dim_dataset_options *o)
{
    dim_dataset *ds = NULL;
    assert_fails_with(ctx, open_it(kind, name, split, o, &ds), DIM_OK, NULL, NULL);
    return ds;
}

static void assert_refused(const char *kind, const char *name, dim_split split, const dim_dataset_options *o, dim_status want,
                           const char *part, const char *part2)
{
    dim_dataset *const untouched = (dim_dataset *)&memory;
    dim_dataset *ds = untouched;
    size_t before = dim_context_memory(ctx);
    assert_fails_with(ctx, open_it(kind, name, split, o, &ds), want, part, part2);
    assert_ptr_equal(ds, untouched);
    assert_int_equal(dim_context_memory(ctx), before);
}

/* All numbers of a dataset as floats, and its labels; the shape of a sample is `shape`, `rank` sizes. */
static void assert_data(dim_dataset *ds, dim_dtype dtype, int rank, const int64_t *shape, int64_t n, const float *want,
                        const int *labels)
{
    int64_t got[4] = { n };
    assert_int_equal(dim_dataset_count(ds), n);
    assert_int_equal(dim_dataset_dtype(ds), dtype);
    assert_int_equal(dim_dataset_shape(ds, got + 1), rank);
    for (int i = 0; i < rank; i++)
        assert_int_equal(got[i + 1], shape[i]);
    dim_tensor *x, *y;
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, rank + 1, got, &x), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_I64, 1, &n, &y), DIM_OK);
    assert_fails_with(ctx, dim_dataset_read(ds, 0, n, x, y), DIM_OK, NULL, NULL);
    for (int64_t i = 0; i < dim_tensor_count(x); i++)
        if (((float *)dim_tensor_data(x))[i] != want[i])
            fail_msg("number %lld is %.9g, not %.9g", (long long)i, (double)((float *)dim_tensor_data(x))[i], (double)want[i]);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(((int64_t *)dim_tensor_data(y))[i], labels != NULL ? labels[i] : -1);
    if (labels == NULL)
        assert_int_equal(dim_dataset_classes(ds), 0);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
}

static size_t npy_bytes(char *bytes, const char *descr, const char *shape, const void *data, size_t size)
{
    memcpy(bytes, "\x93NUMPY\x01\0", 8);
    int n = snprintf(bytes + 10, 200, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape);
    bytes[8] = (char)n;
    bytes[9] = 0;
    memcpy(bytes + 10 + n, data, size);
    return 10 + (size_t)n + size;
}

static void put_npy(const char *name, const char *descr, const char *shape, const void *data, size_t size)
{
    static char bytes[1 << 16];
    write_bytes(in_dir(name), bytes, npy_bytes(bytes, descr, shape, data, size));
}

static dim_dataset_options options(dim_labels labels)
{
    dim_dataset_options o;
    DIM_OPTIONS_INIT(&o);
    o.labels = labels;
    return o;
}

static void test_npy_layouts(void **state)
{
    uint8_t bytes[2 * 6 * 5 * 3];
    float want[2 * 6 * 5 * 3];
    dim_dataset *ds;
    (void)state;
    for (int i = 0; i < 180; i++)
        bytes[i] = (uint8_t)(i * 3 + 1);
    put_npy("x.npy", "|u1", "(2, 6, 5, 3)", bytes, 180); /* channels last */
    for (int i = 0; i < 2; i++)
        for (int c = 0; c < 3; c++)
            for (int p = 0; p < 30; p++)
                want[(i * 3 + c) * 30 + p] = bytes[(i * 30 + p) * 3 + c];
    ds = open_good("npy", "x.npy", DIM_SPLIT_TRAIN, NULL);
    assert_data(ds, DIM_U8, 3, (int64_t[]){ 3, 6, 5 }, 2, want, NULL);
    dim_dataset_destroy(ds);
    for (int i = 0; i < 180; i++)
        want[i] = bytes[i];
    static const struct { const char *shape; int rank; int64_t n, sample[3]; } kept[] = {
        { "(2, 3, 6, 5)", 3, 2, { 3, 6, 5 } }, { "(10, 3, 2, 3)", 3, 10, { 3, 2, 3 } }, { "(6, 6, 5)", 3, 6, { 1, 6, 5 } },
        { "(9, 20)", 1, 9, { 20 } },           { "(2, 9, 5, 2)", 3, 2, { 9, 5, 2 } },
    };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        put_npy("x.npy", "|u1", kept[i].shape, bytes, 180);
        ds = open_good("npy", "x.npy", DIM_SPLIT_TRAIN, NULL);
        assert_data(ds, DIM_U8, kept[i].rank, kept[i].sample, kept[i].n, want, NULL);
        dim_dataset_destroy(ds);
    }
    assert_refused("npy", "x.npy", DIM_SPLIT_TEST, NULL, DIM_E_IO, "one file", "test.npy");
    put_npy("x.npy", "|u1", "(180,)", bytes, 180);
    assert_refused("npy", "x.npy", DIM_SPLIT_TRAIN, NULL, DIM_E_SHAPE, in_dir("x.npy"), "(180)");
    put_npy("x.npy", "|u1", "(0, 4)", bytes, 0);
    assert_refused("npy", "x.npy", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, in_dir("x.npy"), "empty");
    put_npy("x.npy", "<i2", "(2, 3, 5)", bytes, 60);
    assert_refused("npy", "x.npy", DIM_SPLIT_TRAIN, NULL, DIM_E_SHAPE, in_dir("x.npy"), "(N, C, 1, L)");
    assert_refused("npy", "none.npy", DIM_SPLIT_TRAIN, NULL, DIM_E_IO, in_dir("none.npy"), NULL);
    assert_refused("npy", "", DIM_SPLIT_TRAIN, NULL, DIM_E_IO, "cannot find train.npy", dir);
    assert_refused("npy", "", DIM_SPLIT_TEST, NULL, DIM_E_IO, "val or test.npy", dir);
    assert_refused("npy", "", DIM_SPLIT_UNLABELED, NULL, DIM_E_INVALID, "npy has no unlabeled split", NULL);
}

static void test_npy_labels(void **state)
{
    static const double x[4] = { 1.5, -2, 1e30, 0.25 };
    static const float want[4] = { 1.5, -2, 1e30f, 0.25 };
    dim_dataset *ds;
    (void)state;
    put_npy("train.npy", "<f8", "(2, 2)", x, sizeof x);
    put_npy("train.labels.npy", "<u2", "(2,)", "\2\0\1\0", 4);
    put_npy("test.npy", "<f8", "(1, 2)", x + 2, 16);
    put_npy("test.labels.npy", "|u1", "(1,)", "\7", 1);
    ds = open_good("npy", "", DIM_SPLIT_TRAIN, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 2 }, 2, want, (int[]){ 2, 1 });
    assert_int_equal(dim_dataset_classes(ds), 3);
    dim_dataset_destroy(ds);
    ds = open_good("npy", "", DIM_SPLIT_TEST, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 2 }, 1, want + 2, (int[]){ 7 });
    dim_dataset_destroy(ds);
    put_npy("val.npy", "<f8", "(1, 2)", x, 16); /* val comes before test, without labels */
    ds = open_good("npy", "", DIM_SPLIT_TEST, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 2 }, 1, want, NULL);
    dim_dataset_destroy(ds);
    dim_dataset_options none = options(DIM_LABELS_NONE);
    ds = open_good("npy", "train.npy", DIM_SPLIT_TRAIN, &none);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 2 }, 2, want, NULL);
    dim_dataset_destroy(ds);
    put_npy("train.labels.npy", "<i8", "(2,)", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16);
    ds = open_good("npy", "", DIM_SPLIT_TRAIN, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 2 }, 2, want, NULL);
    dim_dataset_destroy(ds);
    put_npy("train.labels.npy", "|i1", "(2,)", "\xff\1", 2);
    assert_refused("npy", "", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, in_dir("train.labels.npy"), "label -1 of sample 0");
    put_npy("train.labels.npy", "|i1", "(1,)", "\1", 1);
    assert_refused("npy", "", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, in_dir("train.labels.npy"), "(2)");
    put_npy("train.labels.npy", "<f8", "(2,)", x, 16);
    assert_refused("npy", "", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, in_dir("train.labels.npy"), "f64");
    put_npy("train.npy", "<f8", "(2, 2)", (const double[]){ 1, 2, 3, 1e300 }, 32); /* no float */
    assert_refused("npy", "", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, in_dir("train.npy"), "number 1 of sample 1");
    put_npy("train.npy", "<f4", "(2, 2)", (const float[]){ 1, NAN, 3, 1 }, 16);
    assert_refused("npy", "", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, in_dir("train.npy"), "number 1 of sample 0 is nan");
}

static void test_numbers(void **state)
{
    static const char *const good[] = { "0", "-0", "1", "+1.5", "-2.25e3", ".5", "5.", "1e-3", "16777216", "16777217", "0.1",
                                        "3.4028235e38", "1e-45", "1e-400", "123456789.123456789", "0.30000001192092896",
                                        "1E+05", "9007199254740993", "000000000000000000000000001.0", "33554431", "1e10",
                                        "0.000000000000000000000000000000000000011754943508" };
    static const char *const bad[] = { "", "-", ".", "e5", "1e", "1e+", "nan", "inf", "1e39", "-1e400", "0x10", "1,5", "1 ",
                                       " 1", "1.2.3", "--1", "+-1", "1f", "1_000" };
    char text[200];
    float got;
    (void)state;
    watched = true;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(dim__number_parse(good[i], &got));
        if (memcmp(&got, &(float){ __real_strtof(good[i], NULL) }, sizeof got) != 0)
            fail_msg("%s is %.9g", good[i], (double)got);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (dim__number_parse(bad[i], &got))
            fail_msg("\"%s\" is no number", bad[i]);
    uint32_t random = 1;
    for (int i = 0; i < 20000; i++) { /* every float that is printed comes back, and shorter texts as strtof() has them */
        float x;
        random = random * 1664525u + 1013904223u;
        uint32_t bits = random ^ random >> 13;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        snprintf(text, sizeof text, "%.*g", 1 + i % 17, (double)x);
        assert_true(dim__number_parse(text, &got) == isfinite(__real_strtof(text, NULL)));
        if (isfinite(got) && got != __real_strtof(text, NULL))
            fail_msg("%s is %.9g", text, (double)got);
    }
    memset(text, '1', sizeof text);
    text[199] = '\0';
    assert_false(dim__number_parse(text, &got));
    watched = false;
}

static void test_csv(void **state)
{
    static const float want[6] = { 1, 2.5f, -3, 1e-3f, 5, 6 };
    dim_dataset *ds;
    dim_dataset_options o = options(DIM_LABELS_FINE);
    (void)state;
    put_text("x.csv", "1,2.5,-3\n1e-3,5,6\n");
    ds = open_good("csv", "x.csv", DIM_SPLIT_TRAIN, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 3 }, 2, want, NULL);
    dim_dataset_destroy(ds);
    /* a mark of UTF-8, blanks, quotes, CR LF, empty lines, no newline at the end */
    put_text("x.csv", "\xef\xbb\xbf\"a, b\",\"say \"\"c\"\"\", label ,d\r\n\r\n 1 , \"2.5\",0,-3\r\n  \n1e-3,5,2.0,+6");
    ds = open_good("csv", "x.csv", DIM_SPLIT_TRAIN, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 3 }, 2, want, (int[]){ 0, 2 });
    assert_int_equal(dim_dataset_classes(ds), 3);
    dim_dataset_destroy(ds);
    o.labels = DIM_LABELS_NONE; /* the column is left out, too */
    ds = open_good("csv", "x.csv", DIM_SPLIT_TRAIN, &o);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 3 }, 2, want, NULL);
    dim_dataset_destroy(ds);
    o.labels = DIM_LABELS_FINE;
    o.label_column = "say \"c\"";
    assert_refused("csv", "x.csv", DIM_SPLIT_TRAIN, &o, DIM_E_FORMAT, "line 3: label \"2.5\"", NULL);
    o.labels = DIM_LABELS_NONE; /* and not looked at */
    ds = open_good("csv", "x.csv", DIM_SPLIT_TRAIN, &o);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 3 }, 2, (const float[]){ 1, 0, -3, 1e-3f, 2, 6 }, NULL);
    dim_dataset_destroy(ds);
    o.labels = DIM_LABELS_FINE;
    put_text("x.csv", "1\t4\t2.5\t-3\n1e-3\t2\t5\t6\n");
    o.label_column = "1";
    ds = open_good("csv", "x.csv", DIM_SPLIT_TRAIN, &o);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 3 }, 2, want, (int[]){ 4, 2 });
    dim_dataset_destroy(ds);
    o.label_column = "4";
    assert_refused("csv", "x.csv", DIM_SPLIT_TRAIN, &o, DIM_E_INVALID, "label_column is \"4\"", "below 4");
    o.label_column = "y";
    assert_refused("csv", "x.csv", DIM_SPLIT_TRAIN, &o, DIM_E_INVALID, "label_column is \"y\"", "there is none");
    put_text("train.csv", "x,y,z\n1,2.5,-3\n");
    put_text("test.csv", "1e-3,5,6\n");
    ds = open_good("csv", "", DIM_SPLIT_TRAIN, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 3 }, 1, want, NULL);
    dim_dataset_destroy(ds);
    ds = open_good("csv", "", DIM_SPLIT_TEST, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 3 }, 1, want + 3, NULL);
    dim_dataset_destroy(ds);
}

static void test_csv_images(void **state)
{
    dim_dataset_options o = options(DIM_LABELS_FINE);
    static const float want[8] = { 0, 255, 7, 8, 1, 2, 3, 4 };
    (void)state;
    o.image_size = 2;
    put_text("x.csv", "label,p0,p1,p2,p3\n5,0,255,7,8\n0,1,2,3,4.0\n");
    dim_dataset *ds = open_good("csv", "x.csv", DIM_SPLIT_TRAIN, &o);
    assert_data(ds, DIM_U8, 3, (int64_t[]){ 1, 2, 2 }, 2, want, (int[]){ 5, 0 });
    dim_dataset_destroy(ds);
    put_text("x.csv", "0,255,7,8,1,2,3,4,9,10,11,12\n");
    ds = open_good("csv", "x.csv", DIM_SPLIT_TRAIN, &o);
    assert_data(ds, DIM_U8, 3, (int64_t[]){ 3, 2, 2 }, 1, (float[]){ 0, 255, 7, 8, 1, 2, 3, 4, 9, 10, 11, 12 }, NULL);
    dim_dataset_destroy(ds);
    put_text("x.csv", "0,256,7,8\n");
    assert_refused("csv", "x.csv", DIM_SPLIT_TRAIN, &o, DIM_E_FORMAT, "line 1, field 1: \"256\"", "pixel");
    put_text("x.csv", "0,0.5,7,8\n");
    assert_refused("csv", "x.csv", DIM_SPLIT_TRAIN, &o, DIM_E_FORMAT, "field 1: \"0.5\"", "pixel");
    put_text("x.csv", "0,0,7,8,9\n");
    assert_refused("csv", "x.csv", DIM_SPLIT_TRAIN, &o, DIM_E_SHAPE, "5 columns of pixels", "4 or 12");
}

static void test_csv_broken(void **state)
{
    static const struct { const char *text, *part; } bad[] = {
        { "", "empty" },
        { "\n \r\n", "empty" },
        { "a,b\n", "no line of numbers" },
        { "1,2\n3\n", "line 2 has 1 fields, but the first one has 2" },
        { "1,2\n3,4,\n", "line 2 has 3 fields" },
        { "1,2\n3,\n", "line 2, field 1: \"\"" },
        { "1,2\n3,x\n", "line 2, field 1: \"x\"" },
        { "1,nan\n3,4\n", "line 1, field 1: \"nan\"" }, /* not taken for a header */
        { "1,-1e400\n3,4\n", "line 1, field 1: \"-1e400\"" },
        { ",2\n3,4\n", "line 1, field 0: \"\"" },
        { "1,2\n3,inf\n", "\"inf\"" },
        { "1,2\n\"3\"5,4\n", "line 2, field 0: \"\"3\"5\"" }, /* nothing behind a quote is dropped */
        { "1,2\n3,\"4\n", "line 2, field 1: \"\"4\"" },
        { "1;2\n3;4\n5;x\n", "line 2, field 0: \"3;4\"" },
        { "label\n1\n2\n", "no column but the labels'" },
        { "label,x\n-1,2\n", "line 2: label \"-1\"" },
        { "label,x\n1.5,2\n", "line 2: label \"1.5\"" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_text("x.csv", bad[i].text);
        assert_refused("csv", "x.csv", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, in_dir("x.csv"), bad[i].part);
    }
    write_bytes(in_dir("x.csv"), "1,2\n3,4\0\n", 9);
    assert_refused("csv", "x.csv", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, "line 2 has a zero byte", NULL);
    memory.largest = 0; /* nothing is allocated for lines that only the first of them makes long */
    FILE *f = fopen(in_dir("x.csv"), "w");
    assert_non_null(f);
    for (int i = 0; i < 20000; i++)
        fputs(i == 0 ? "1" : ",1", f);
    for (int i = 0; i < 20000; i++)
        fputs("\n1", f);
    fclose(f);
    assert_refused("csv", "x.csv", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, "line 2 has 1 fields, but the first one has 20000", NULL);
    assert_true(memory.largest < 1 << 20);
}

/* A line that is longer than what is read at once. */
static void test_csv_long_lines(void **state)
{
    enum { N = 40000 };
    static float want[2 * N];
    (void)state;
    FILE *f = fopen(in_dir("x.csv"), "w");
    assert_non_null(f);
    for (int i = 0; i < 2 * N; i++) {
        fprintf(f, "%s%d.5", i % N == 0 ? (i == 0 ? "" : "\n") : ",", i);
        want[i] = (float)i + 0.5f;
    }
    fclose(f);
    dim_dataset *ds = open_good("csv", "x.csv", DIM_SPLIT_TRAIN, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ N }, 2, want, NULL);
    dim_dataset_destroy(ds);
}

static size_t idx_bytes(unsigned char *p, int images, unsigned char n)
{
    memset(p, 0, 16);
    p[2] = 8;
    p[3] = images ? 3 : 1;
    p[7] = n;
    p[11] = 2;
    p[15] = 3;
    size_t at = images ? 16 : 8, size = images ? 6u * n : n;
    for (size_t i = 0; i < size; i++)
        p[at + i] = (unsigned char)i;
    return at + size;
}

static void put_idx(const char *name, int images)
{
    unsigned char bytes[64];
    write_bytes(in_dir(name), bytes, idx_bytes(bytes, images, 4));
}

static void test_idx_names(void **state)
{
    static const char *const names[][3] = { /* files of images and labels, what stands after idx: */
        { "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "" },
        { "train-images.idx3-ubyte", "train-labels.idx1-ubyte", "" },
        { "emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte", "emnist-letters" },
        { "emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte", "" },
        { "t10k-images.idx3-ubyte", "t10k-labels-idx1-ubyte", "" },
        { "test-images-idx3-ubyte", "test-labels-idx1-ubyte", "" },
        { "emnist-digits-test-images-idx3-ubyte", "emnist-digits-test-labels-idx1-ubyte", "emnist-digits" },
    };
    float want[24];
    dim_dataset *ds;
    (void)state;
    for (int i = 0; i < 24; i++)
        want[i] = (float)i;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put_idx(names[i][0], 1);
        put_idx(names[i][1], 0);
        dim_split split = strstr(names[i][0], "train") != NULL ? DIM_SPLIT_TRAIN : DIM_SPLIT_TEST;
        ds = open_good("idx", names[i][2], split, NULL);
        assert_data(ds, DIM_U8, 3, (int64_t[]){ 1, 2, 3 }, 4, want, (int[]){ 0, 1, 2, 3 });
        dim_dataset_destroy(ds);
        unlink(in_dir(names[i][0]));
        unlink(in_dir(names[i][1]));
    }
    put_idx("emnist-letters-train-images-idx3-ubyte", 1);
    put_idx("emnist-digits-train-images-idx3-ubyte", 1);
    assert_refused("idx", "", DIM_SPLIT_TRAIN, NULL, DIM_E_INVALID, "several data sets", "emnist-digits, or emnist-letters");
    put_idx("train-images-idx3-ubyte", 1); /* the plain name comes first */
    assert_refused("idx", "", DIM_SPLIT_TRAIN, NULL, DIM_E_IO, "/train-labels-idx1-ubyte", "DIM_LABELS_NONE");
    dim_dataset_options none = options(DIM_LABELS_NONE);
    ds = open_good("idx", "", DIM_SPLIT_TRAIN, &none);
    assert_data(ds, DIM_U8, 3, (int64_t[]){ 1, 2, 3 }, 4, want, NULL);
    dim_dataset_destroy(ds);
    put_idx("train-labels-idx1-ubyte", 0); /* and those that are there are not read */
    ds = open_good("idx", "", DIM_SPLIT_TRAIN, &none);
    assert_data(ds, DIM_U8, 3, (int64_t[]){ 1, 2, 3 }, 4, want, NULL);
    assert_null(dim_dataset_class_name(ds, 0));
    dim_dataset_destroy(ds);
    assert_refused("idx", "nothing", DIM_SPLIT_TRAIN, NULL, DIM_E_IO, in_dir("nothing/train-images-idx3-ubyte"), NULL);
}

/* CIFAR without labels is the same images. */
static void test_cifar_without_labels(void **state)
{
    static unsigned char record[3073 * 2];
    dim_dataset_options none = options(DIM_LABELS_NONE);
    (void)state;
    memset(record, 3, sizeof record);
    write_bytes(in_dir("test_batch.bin"), record, sizeof record);
    put_text("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    dim_dataset *ds = open_good("cifar10", "", DIM_SPLIT_TEST, &none);
    assert_int_equal(dim_dataset_count(ds), 2);
    assert_int_equal(dim_dataset_classes(ds), 0);
    assert_null(dim_dataset_class_name(ds, 3));
    int64_t two = 2;
    dim_tensor *y;
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, 1, &two, &y), DIM_OK);
    assert_int_equal(dim_dataset_read(ds, 0, 2, NULL, y), DIM_OK);
    assert_int_equal(*(int32_t *)dim_tensor_data(y), -1);
    dim_tensor_destroy(y);
    dim_dataset_destroy(ds);
}

static dim__stream *stream(const void *data, size_t size, bool gzip)
{
    dim__stream *s = NULL;
    assert_fails_with(ctx, dim__stream_open_memory(ctx, "bytes", data, size, gzip, &s), DIM_OK, NULL, NULL);
    return s;
}

/* The parsers on bytes in memory, cut anywhere. */
static void test_memory(void **state)
{
    unsigned char idx[64];
    char npy[256];
    static const char csv[] = "a,label,b\n1,2,3.5\n4,5,6\n";
    const dim__csv_request request = { NULL, false, 0 };
    dim_tensor *x = NULL, *y = NULL;
    size_t n = idx_bytes(idx, 1, 4);
    (void)state;
    for (size_t size = 0; size <= n; size++) {
        dim__stream *s = stream(idx, size, false);
        assert_fails_with(ctx, dim__idx_read(ctx, s, 3, &x), size == n ? DIM_OK : DIM_E_FORMAT, size == n ? NULL : "bytes", NULL);
        dim__stream_close(s);
    }
    assert_int_equal(dim_tensor_size(x, 0), 4);
    dim_tensor_destroy(x);
    n = npy_bytes(npy, ">i2", "(2, 2)", "\0\1\0\2\0\3\0\4", 8);
    for (size_t size = 0; size <= n; size++) {
        dim__stream *s = stream(npy, size, false);
        assert_fails_with(ctx, dim__npy_read(ctx, s, &x), size == n ? DIM_OK : DIM_E_FORMAT, size == n ? NULL : "bytes", NULL);
        dim__stream_close(s);
    }
    assert_int_equal(((int32_t *)dim_tensor_data(x))[3], 4);
    dim_tensor_destroy(x);
    for (size_t size = 0; size < sizeof csv; size++) {
        dim__stream *s = stream(csv, size, false);
        dim_status status = dim__csv_read(ctx, s, &request, &x, &y);
        dim__stream_close(s);
        if (status != DIM_OK) {
            assert_int_equal(status, DIM_E_FORMAT);
            continue;
        }
        if (size == sizeof csv - 1) {
            assert_int_equal(dim_tensor_size(x, 0), 2);
            assert_int_equal(((int32_t *)dim_tensor_data(y))[1], 5);
        }
        dim_tensor_destroy(x);
        dim_tensor_destroy(y);
        x = y = NULL;
    }
    assert_null(x);
}

static dim_status life(dim_context *c)
{
    char spec[300];
    dim_dataset *ds = NULL;
    snprintf(spec, sizeof spec, "npy:%s/x.npy", dir);
    dim_status status = dim_dataset_open(c, spec, DIM_SPLIT_TRAIN, &ds);
    dim_dataset_destroy(ds);
    if (status != DIM_OK)
        return status;
    snprintf(spec, sizeof spec, "csv:%s/x.csv", dir);
    status = dim_dataset_open(c, spec, DIM_SPLIT_TRAIN, &ds);
    if (status != DIM_OK)
        return status;
    dim_dataset_destroy(ds);
    snprintf(spec, sizeof spec, "idx:%s", dir);
    ds = NULL;
    status = dim_dataset_open(c, spec, DIM_SPLIT_TRAIN, &ds);
    dim_dataset_destroy(ds);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    put_npy("x.npy", ">i2", "(2, 5, 1, 1)", "\0\1\0\2\0\3\0\4\0\5\0\1\0\2\0\3\0\4\0\5", 20);
    put_npy("x.labels.npy", "|u1", "(2,)", "\1\0", 2);
    put_text("x.csv", "a,label\n1,2\n3,4\n");
    put_idx("emnist-letters-train-images-idx3-ubyte", 1);
    put_idx("emnist-letters-train-labels-idx1-ubyte", 0);
    fail_each_allocation(ctx, &memory, life);
}

#if DIM_HAVE_ZLIB
static void put_gz(const char *name, const void *data, size_t size)
{
    gzFile f = gzopen(in_dir(name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, data, (unsigned)size), size);
    assert_int_equal(gzclose(f), Z_OK);
}

static void test_gzip(void **state)
{
    static const char csv[] = "1,2.5,-3\n1e-3,5,6\n";
    unsigned char bytes[64];
    dim_dataset *ds;
    (void)state;
    put_gz("train.csv.gz", csv, sizeof csv - 1);
    ds = open_good("csv", "", DIM_SPLIT_TRAIN, NULL);
    assert_data(ds, DIM_F32, 1, (int64_t[]){ 3 }, 2, (float[]){ 1, 2.5f, -3, 1e-3f, 5, 6 }, NULL);
    dim_dataset_destroy(ds);
    put_gz("train-images.idx3-ubyte.gz", bytes, idx_bytes(bytes, 1, 4));
    put_gz("train-labels.idx1-ubyte.gz", bytes, idx_bytes(bytes, 0, 4));
    ds = open_good("idx", "", DIM_SPLIT_TRAIN, NULL);
    assert_int_equal(dim_dataset_classes(ds), 4);
    dim_dataset_destroy(ds);
    static const struct { const char *bytes; size_t size; const char *what; } plain[] = {
        { "\0\0\x8\3\0\0\0\1", 8, "begins with 0x0000 and is a plain IDX file" },
        { "PK\3\4", 4, "a zip archive" },
        { "\xfd" "7zXZ\0", 6, "an xz file" },
        { "BZh9", 4, "a bzip2 file" },
        { "<!DOCTYPE html>", 15, "a web page" },
        { "1,2\n3,4\n", 8, "plain text" },
        { "\1\2\3", 3, "of a kind that libdim does not know" },
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        write_bytes(in_dir("train-images.idx3-ubyte.gz"), plain[i].bytes, plain[i].size);
        assert_refused("idx", "", DIM_SPLIT_TRAIN, NULL, DIM_E_FORMAT, in_dir("train-images.idx3-ubyte.gz is not gzip data"),
                       plain[i].what);
    }
}
#endif

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_npy_layouts), TEST(test_npy_labels), TEST(test_numbers), TEST(test_csv), TEST(test_csv_images),
        TEST(test_csv_broken), TEST(test_csv_long_lines), TEST(test_idx_names), TEST(test_cifar_without_labels),
        TEST(test_memory), TEST(test_allocation_failures),
#if DIM_HAVE_ZLIB
        TEST(test_gzip),
#endif
    };
    return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
