/* Folders of image files: what is listed, in which order and class; broken files failing or skipped; Tiny ImageNet. */
#include "image_tests.h"

#include <dim/dataset.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

static failing_memory memory;
static dim_context *ctx;
static char dir[64];

static int setup(void **state)
{
    (void)state;
    ctx = test_context(&memory);
    strcpy(dir, "/tmp/dim-folder-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    return remove_tree(dir);
}

static const char *spec_of(const char *kind)
{
    static char spec[96];
    snprintf(spec, sizeof spec, "%s:%s", kind, dir);
    return spec;
}

static dim_dataset_options options(uint32_t image_size, dim_on_error on_error)
{
    dim_dataset_options o;
    DIM_OPTIONS_INIT(&o);
    o.image_size = image_size;
    o.on_error = on_error;
    return o;
}

#if DIM_HAVE_JPEG && DIM_HAVE_PNG

static image_file file;
static unsigned char rows[1 << 16];

/* The path of a file in the folder; the folders on the way are made. */
static const char *in_dir(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    for (char *at = path + strlen(dir) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
    return path;
}

/* A file of W x H pixels, all of the colour (value, value + 1, value + 2). */
static void put_sized(const char *name, int value, int w, int h)
{
    for (int i = 0; i < 3 * w * h; i++)
        rows[i] = (unsigned char)(value + i % 3);
    make_png(&file, PNG_COLOR_TYPE_RGB, 8, 0, w, h, rows);
    write_bytes(in_dir(name), file.bytes, file.size);
}

static void put(const char *name, int value) { put_sized(name, value, 6, 4); }

static void put_text(const char *name, const char *text) { write_bytes(in_dir(name), text, strlen(text)); }

static dim_dataset *open_with(const char *kind, dim_split split, uint32_t image_size, dim_on_error on_error)
{
    dim_dataset *ds = NULL;
    dim_dataset_options o = options(image_size, on_error);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of(kind), split, &o, &ds), DIM_OK, NULL, NULL);
    return ds;
}

static void assert_open_fails(const char *kind, dim_split split, dim_on_error on_error, dim_status want,
                              const char *part, const char *part2)
{
    dim_dataset *const untouched = (dim_dataset *)&memory;
    dim_dataset *ds = untouched;
    dim_dataset_options o = options(0, on_error);
    size_t before = dim_context_memory(ctx);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of(kind), split, &o, &ds), want, part, part2);
    assert_ptr_equal(ds, untouched);
    assert_int_equal(dim_context_memory(ctx), before);
}

static dim_tensor *tensor(dim_dtype dtype, int rank, const int64_t *shape)
{
    dim_tensor *t;
    assert_int_equal(dim_tensor_create(ctx, dtype, rank, shape, &t), DIM_OK);
    return t;
}

/* The samples of a dataset are files of put() with these values and labels. */
static void assert_samples(dim_dataset *ds, int64_t n, const int *values, const int *labels)
{
    int64_t s[3];
    if (dim_dataset_count(ds) != n)
        fail_msg("%lld samples, not %lld", (long long)dim_dataset_count(ds), (long long)n);
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_int_equal(s[0], 3);
    int64_t plane = s[1] * s[2];
    dim_tensor *images = tensor(DIM_F32, 4, (int64_t[]){ n, 3, s[1], s[2] }), *got = tensor(DIM_I64, 1, &n);
    dim_tensor *alone = tensor(DIM_I32, 1, &n);
    assert_fails_with(ctx, dim_dataset_read(ds, 0, n, images, got), DIM_OK, NULL, NULL);
    assert_int_equal(dim_dataset_read(ds, 0, n, NULL, alone), DIM_OK); /* labels without pictures are the same */
    const float *x = dim_tensor_data(images);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(((int64_t *)dim_tensor_data(got))[i], labels[i]);
        assert_int_equal(((int32_t *)dim_tensor_data(alone))[i], labels[i]);
        for (int64_t k = 0; k < 3 * plane; k++)
            if (x[i * 3 * plane + k] != (float)(values[i] + k / plane))
                fail_msg("sample %lld has %g, not %d", (long long)i, (double)x[i * 3 * plane], values[i]);
    }
    dim_tensor_destroy(images);
    dim_tensor_destroy(got);
    dim_tensor_destroy(alone);
}

#define ASSERT_SAMPLES(ds, n, values, ...) assert_samples(ds, n, (const int[])values, (const int[])__VA_ARGS__)
#define LIST(...) { __VA_ARGS__ }

/* 8 files in 3 classes, and much that is none. */
static void put_tree(void)
{
    put("train/a/2.png", 20);
    put("train/a/10.PNG", 10);
    put("train/a/sub/deep/x.png", 30);
    put("train/a-b/z.png", 40);
    put("train/a-b/y.JPEG", 50); /* a PNG by its contents */
    put("train/c/1.png", 60);
    put("train/c/images/0.png", 70);
    put("train/c/images/1.jpg", 80);
    put_text("train/c/readme.txt", "no image");
    put_text("train/notes.png", "a file beside the classes");
    put_text("train/c/.hidden.png", "x");
    put_text("train/.git/a.png", "x");
    mkdir(in_dir("train/empty"), 0700);
}

static void test_listing(void **state)
{
    (void)state;
    put_tree();
    dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_FAIL);
    assert_int_equal(dim_dataset_classes(ds), 4);
    assert_string_equal(dim_dataset_class_name(ds, 0), "a");
    assert_string_equal(dim_dataset_class_name(ds, 1), "a-b");
    assert_string_equal(dim_dataset_class_name(ds, 2), "c");
    assert_string_equal(dim_dataset_class_name(ds, 3), "empty");
    assert_null(dim_dataset_class_name(ds, 4));
    assert_null(dim_dataset_class_name(ds, -1));
    assert_int_equal(dim_dataset_dtype(ds), DIM_U8);
    ASSERT_SAMPLES(ds, 8, LIST(10, 20, 30, 50, 40, 60, 70, 80), { 0, 0, 0, 1, 1, 2, 2, 2 });
    assert_int_equal(dim_dataset_skipped(ds), 0);
    dim_dataset_destroy(ds);

    assert_open_fails("folder", DIM_SPLIT_TEST, DIM_ON_ERROR_FAIL, DIM_E_IO, "val or test", dir);
    put("test/c/1.png", 90); /* the classes are those of train */
    ds = open_with("folder", DIM_SPLIT_TEST, 0, DIM_ON_ERROR_FAIL);
    assert_int_equal(dim_dataset_classes(ds), 4);
    ASSERT_SAMPLES(ds, 1, LIST(90), { 2 });
    dim_dataset_destroy(ds);
    put("val/a-b/1.png", 100); /* and val comes before test */
    ds = open_with("folder", DIM_SPLIT_TEST, 0, DIM_ON_ERROR_FAIL);
    ASSERT_SAMPLES(ds, 1, LIST(100), { 1 });
    dim_dataset_destroy(ds);
    put("val/new/1.png", 100);
    assert_open_fails("folder", DIM_SPLIT_TEST, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, in_dir("val/new"), "train does not");
}

/* What the log says while a folder is opened. */
static char log_text[2048];
static int log_lines;

static void keep_line(void *user, dim_log_level level, const char *message)
{
    (void)user;
    log_lines += level == DIM_LOG_WARNING;
    snprintf(log_text + strlen(log_text), sizeof log_text - strlen(log_text), "%s\n", message);
}

/* Opens with a log; the number of names that were left out. */
static int64_t left_out(const char *kind, dim_split split, dim_labels labels, int lines)
{
    dim_context_options co;
    dim_context *other;
    dim_dataset *ds = NULL;
    dim_dataset_options o = options(0, DIM_ON_ERROR_FAIL);
    o.labels = labels;
    DIM_OPTIONS_INIT(&co);
    co.threads = 1;
    co.log = keep_line;
    assert_int_equal(dim_context_create(&co, &other), DIM_OK); /* which may have something to say */
    log_text[0] = '\0';
    log_lines = 0;
    assert_fails_with(other, dim_dataset_open_with(other, spec_of(kind), split, &o, &ds), DIM_OK, NULL, NULL);
    int64_t n = dim_dataset_left_out(ds);
    dim_dataset_destroy(ds);
    dim_context_destroy(other);
    if (log_lines != lines)
        fail_msg("%d lines: %s", log_lines, log_text);
    return n;
}

static void assert_logged(const char *part)
{
    if (strstr(log_text, part) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", log_text, part);
}

/* Nothing is left out without a count and a line in the log. */
static void test_left_out(void **state)
{
    (void)state;
    put("train/a/1.png", 10);
    put("train/b/1.png", 20);
    assert_int_equal(left_out("folder", DIM_SPLIT_TRAIN, DIM_LABELS_FINE, 0), 0);
    assert_string_equal(log_text, "");
    put_text("train/a/.DS_Store", "x");
    put_text("train/.hidden/a.png", "x");
    assert_int_equal(left_out("folder", DIM_SPLIT_TRAIN, DIM_LABELS_FINE, 0), 2); /* for information, no warning */
    assert_logged("2 hidden");
    put_text("train/a/2.webp", "x");
    put_text("train/a/deep/3.bmp", "x");
    put_text("train/b/4.gif", "x");
    put_text("train/b/5.TIF", "x");
    put_text("train/b/none", "x");
    put_text("train/6.png", "beside the classes");
    assert_int_equal(symlink("nowhere", in_dir("train/b/folder")), 0);
    put("train/__MACOSX/a/._1.png", 99);
    put("train/a/@eaDir/SYNOPHOTO_THUMB_S.jpg", 99);
    assert_int_equal(left_out("folder", DIM_SPLIT_TRAIN, DIM_LABELS_FINE, 1), 2 + 6 + 1 + 2);
    assert_logged("2 hidden, 6 of other kinds than JPEG and PNG or beside the classes, 1 links that lead nowhere, 2 folders of the "
                  "system's; the first is ");
    assert_logged(in_dir("train/"));
    dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_FAIL);
    assert_int_equal(dim_dataset_classes(ds), 2);
    ASSERT_SAMPLES(ds, 2, LIST(10, 20), { 0, 1 });
    dim_dataset_destroy(ds);
    put("val/a/1.png", 10); /* the count is the split's own */
    assert_int_equal(left_out("folder", DIM_SPLIT_TEST, DIM_LABELS_FINE, 0), 0);
    assert_int_equal(mkdir(in_dir("train/empty"), 0700), 0);
    assert_int_equal(left_out("folder", DIM_SPLIT_TRAIN, DIM_LABELS_FINE, 2), 11);
    assert_logged("1 of 3 classes have no image; the first is empty");
}

/* A link among the classes that leads nowhere would move the labels of the others. */
static void test_lost_class(void **state)
{
    (void)state;
    put("train/a/1.png", 10);
    put("train/c/1.png", 20);
    put("val/a/1.png", 10);
    assert_int_equal(symlink("../not/mounted", in_dir("train/b")), 0);
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_SKIP, DIM_E_FORMAT, in_dir("train/b"), "leads nowhere");
    assert_open_fails("folder", DIM_SPLIT_TEST, DIM_ON_ERROR_SKIP, DIM_E_FORMAT, in_dir("train/b"), "leads nowhere");
    unlink(in_dir("train/b"));
    assert_int_equal(symlink("b", in_dir("train/b")), 0);
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_SKIP, DIM_E_FORMAT, in_dir("train/b"), "leads nowhere");
}

/* Two links in each of 18 folders to the next one: 2^18 ways, each folder once. */
static void test_links_that_fan_out(void **state)
{
    char name[64], to[96];
    (void)state;
    put("train/a/0/x.png", 10);
    for (int i = 1; i <= 18; i++) {
        snprintf(name, sizeof name, "pool/%d/x.png", i);
        put(name, 10);
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof name, i == 1 ? "train/a/0/%d" : "pool/%d/%c", i == 1 ? k : i - 1, 'a' + k);
            snprintf(to, sizeof to, "%s/pool/%d", dir, i);
            assert_int_equal(symlink(to, in_dir(name)), 0);
        }
    }
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, "must not be there twice", in_dir("train/a/0/"));
    assert_true(strlen(dim_context_error(ctx)) < 500);
    for (int i = 1; i <= 18; i++) { /* without the second links each is there once */
        snprintf(name, sizeof name, i == 1 ? "train/a/0/%d" : "pool/%d/%c", i == 1 ? 1 : i - 1, 'b');
        assert_int_equal(unlink(in_dir(name)), 0);
    }
    dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_FAIL);
    assert_int_equal(dim_dataset_count(ds), 19);
    dim_dataset_destroy(ds);
    for (int i = 0; i < 200; i++) { /* the table of folders grows */
        snprintf(name, sizeof name, "train/b/%d/x.png", i);
        put(name, 10);
    }
    ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_FAIL);
    assert_int_equal(dim_dataset_count(ds), 219);
    dim_dataset_destroy(ds);
    assert_int_equal(symlink("../a/0", in_dir("train/b/again")), 0);
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, in_dir("train/b/again"), "must not be there twice");
}

/* Images without class folders: a hint, or with DIM_LABELS_NONE all of them. */
static void test_without_labels(void **state)
{
    dim_dataset *ds;
    dim_dataset_options o = options(0, DIM_ON_ERROR_FAIL);
    (void)state;
    o.labels = DIM_LABELS_NONE;
    put("b.png", 20);
    put("deep/a.png", 30);
    put("a.jpg", 10);
    put_text("notes.txt", "x");
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_IO, in_dir("train"), "belong into a folder train");
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_OK, NULL, NULL);
    assert_int_equal(dim_dataset_classes(ds), 0);
    assert_null(dim_dataset_class_name(ds, 0));
    assert_int_equal(dim_dataset_left_out(ds), 1);
    ASSERT_SAMPLES(ds, 3, LIST(10, 20, 30), { -1, -1, -1 });
    dim_dataset_destroy(ds);
    assert_int_equal(left_out("folder", DIM_SPLIT_TRAIN, DIM_LABELS_NONE, 1), 1);
    unlink(in_dir("deep/a.png"));
    rmdir(in_dir("deep"));
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_IO, "has 2 image files itself", "DIM_LABELS_NONE");
    put("test/x/1.png", 40);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_IO, "which images",
                      in_dir("test"));
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TEST, &o, &ds), DIM_OK, NULL, NULL);
    ASSERT_SAMPLES(ds, 1, LIST(40), { -1 });
    dim_dataset_destroy(ds);
    put("train/1.png", 50);
    put("train/0/2.png", 60);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_OK, NULL, NULL);
    ASSERT_SAMPLES(ds, 2, LIST(60, 50), { -1, -1 });
    dim_dataset_destroy(ds);
    unlink(in_dir("train/0/2.png"));
    rmdir(in_dir("train/0"));
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, "no class folders, but 1 image files",
                      "DIM_LABELS_NONE");
    unlink(in_dir("train/1.png"));
    put_text("train/1.webp", "x");
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_FORMAT,
                      "in or below it", in_dir("train"));
}

/* Both options get to the decoders. */
static void test_image_options(void **state)
{
    static const unsigned char exif[] = "\xff\xe1\0\x22" "Exif\0\0" "II*\0\x8\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0";
    dim_dataset *ds;
    dim_dataset_options o = options(0, DIM_ON_ERROR_FAIL);
    int64_t s[3];
    (void)state;
    paint(rows, 6, 4, 3, 1);
    make_jpeg(&file, 3, false, 6, 4, rows);
    memmove(file.bytes + 2 + sizeof exif - 1, file.bytes + 2, file.size - 2);
    memcpy(file.bytes + 2, exif, sizeof exif - 1);
    write_bytes(in_dir("train/a/1.jpg"), file.bytes, file.size + sizeof exif - 1);
    for (uint32_t keep = 0; keep < 2; keep++) {
        o.keep_orientation = keep;
        assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_OK, NULL, NULL);
        dim_dataset_shape(ds, s);
        assert_true(s[1] == (keep ? 4 : 6) && s[2] == (keep ? 6 : 4));
        dim_dataset_destroy(ds);
    }
    o.image_memory = 71;
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_FORMAT,
                      in_dir("train/a/1.jpg"), "6 x 4 pixels take 72 bytes to decode; image_memory allows 71");
    o.image_memory = 72;
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_OK, NULL, NULL);
    dim_dataset_destroy(ds);
}

static void test_links(void **state)
{
    (void)state;
    put("train/a/1.png", 10);
    put("elsewhere/b/1.png", 20);
    assert_int_equal(symlink("../elsewhere/b", in_dir("train/b")), 0);
    assert_int_equal(symlink("../a/1.png", in_dir("train/b/2.png")), 0); /* below elsewhere, where it leads nowhere */
    dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_SKIP);
    ASSERT_SAMPLES(ds, 3, LIST(10, 20, 10), { 0, 1, 0 });
    assert_int_equal(dim_dataset_skipped(ds), 1);
    dim_dataset_destroy(ds);
    assert_int_equal(unlink(in_dir("train/b/2.png")), 0);
    assert_int_equal(symlink("../../train/a/1.png", in_dir("train/b/2.png")), 0);
    ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_FAIL);
    ASSERT_SAMPLES(ds, 3, LIST(10, 20, 10), { 0, 1, 1 });
    dim_dataset_destroy(ds);
    assert_int_equal(symlink("..", in_dir("train/a/up")), 0);
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, in_dir("train/a/up"), "link");
    assert_int_equal(unlink(in_dir("train/a/up")), 0);
    char deep[200] = "train/a";
    for (int i = 0; i < 40; i++)
        strcat(deep, "/d");
    strcat(deep, "/x.png");
    put(deep, 1);
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, "32 folders deep", dir);
}

static void test_folder_named_as_a_file(void **state)
{
    (void)state;
    put("train/a/1.png", 10);
    put("train/a/2.jpg/1.png", 20);
    put("train/b.png/1.png", 30);
    dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_FAIL);
    ASSERT_SAMPLES(ds, 3, LIST(10, 20, 30), { 0, 0, 1 });
    dim_dataset_destroy(ds);
}

static void test_nothing_there(void **state)
{
    (void)state;
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_IO, "cannot find", "/train");
    assert_int_equal(mkdir(in_dir("tiny-imagenet-200"), 0700), 0);
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_IO, "tiny-imagenet-200", "is that the one");
    put_text("train", "a file");
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_IO, "cannot open the", in_dir("train"));
    unlink(in_dir("train"));
    put("train/x.png", 1);
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, "no class folders", in_dir("train"));
    put_text("train/a/readme", "x");
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, ".png files", in_dir("train"));
    assert_open_fails("folder", DIM_SPLIT_UNLABELED, DIM_ON_ERROR_FAIL, DIM_E_INVALID, "folder has no unlabeled split", "train and test");
    put_text("train/a/1.png", "x");
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_SKIP, DIM_E_FORMAT, "none of 1 files",
                      in_dir("train/a/1.png"));
}

static void test_sizes(void **state)
{
    int64_t s[3];
    (void)state;
    put_sized("train/a/1.png", 10, 9, 7);
    put_sized("train/a/2.png", 20, 9, 7);
    put_sized("train/a/3.png", 30, 7, 9);
    dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_SKIP); /* not broken, so not skipped */
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_true(s[1] == 7 && s[2] == 9);
    dim_tensor *images = tensor(DIM_U8, 4, (int64_t[]){ 3, 3, 7, 9 });
    assert_fails_with(ctx, dim_dataset_read(ds, 0, 3, images, NULL), DIM_E_SHAPE, in_dir("train/a/3.png"),
                      "7 x 9 pixels, but the first file has 9 x 7");
    assert_int_equal(((uint8_t *)dim_tensor_data(images))[3 * 7 * 9], 20); /* those before it are there */
    dim_tensor_destroy(images);
    dim_dataset_destroy(ds);
    ds = open_with("folder", DIM_SPLIT_TRAIN, 5, DIM_ON_ERROR_FAIL);
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_true(s[0] == 3 && s[1] == 5 && s[2] == 5);
    ASSERT_SAMPLES(ds, 3, LIST(10, 20, 30), { 0, 0, 0 });
    dim_dataset_destroy(ds);
}

/* Files that are broken in every way, among good ones. */
static void put_broken(void)
{
    put("train/a/0.png", 1);
    write_bytes(in_dir("train/a/0.png"), file.bytes, file.size - 20);
    put("train/a/1.png", 10);
    put_text("train/a/2.jpg", "");
    put_text("train/a/3.jpg", "not an image");
    put("train/b/4.png", 20);
    assert_int_equal(mkfifo(in_dir("train/b/5.png"), 0600), 0);
    assert_int_equal(symlink("nowhere", in_dir("train/b/6.png")), 0);
    assert_int_equal(mkfifo(in_dir("train/b/7.png"), 0600), 0);
    put_sized("train/b/8.png", 0, 16385, 1);
    make_jpeg(&file, 3, false, 6, 4, rows);
    write_bytes(in_dir("train/b/9.jpg"), file.bytes, file.size / 2);
}

enum { BROKEN_FILES = 8 };

static void test_broken(void **state)
{
    static const struct { int index; dim_status status; const char *name, *text; } want[] = {
        { 2, DIM_E_FORMAT, "train/a/2.jpg", "empty" },     { 3, DIM_E_FORMAT, "train/a/3.jpg", "neither" },
        { 5, DIM_E_IO, "train/b/5.png", "regular" },       { 6, DIM_E_IO, "train/b/6.png", "cannot open" },
        { 7, DIM_E_IO, "train/b/7.png", "regular" },       { 8, DIM_E_FORMAT, "train/b/8.png", "16385" },
        { 9, DIM_E_FORMAT, "train/b/9.jpg", "JPEG" },
    };
    (void)state;
    put_broken();
    assert_open_fails("folder", DIM_SPLIT_TRAIN, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, in_dir("train/a/0.png"), "PNG");
    put("train/a/0.png", 5);
    dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_FAIL);
    dim_tensor *image = tensor(DIM_U8, 4, (int64_t[]){ 1, 3, 4, 6 });
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_fails_with(ctx, dim_dataset_read(ds, want[i].index, 1, image, NULL), want[i].status,
                          in_dir(want[i].name), want[i].text);
    assert_int_equal(dim_dataset_read(ds, 4, 1, image, NULL), DIM_OK);
    assert_int_equal(*(uint8_t *)dim_tensor_data(image), 20);

    dim_loader_options lo; /* a batch with a broken file fails, the next one is there */
    DIM_OPTIONS_INIT(&lo);
    lo.batch = 2;
    lo.in_order = 1;
    dim_loader *loader;
    dim_tensor *images;
    assert_int_equal(dim_loader_create(ds, &lo, &loader), DIM_OK);
    assert_int_equal(dim_loader_next(loader, &images, NULL), DIM_OK);
    assert_fails_with(ctx, dim_loader_next(loader, &images, NULL), DIM_E_FORMAT, in_dir("train/a/2.jpg"), "empty");
    assert_fails_with(ctx, dim_loader_next(loader, &images, NULL), DIM_E_IO, in_dir("train/b/5.png"), NULL);
    dim_loader_destroy(loader);
    dim_tensor_destroy(image);
    dim_dataset_destroy(ds);
}

static void test_skipping(void **state)
{
    (void)state;
    put_broken();
    for (int labels_first = 0; labels_first < 2; labels_first++) {
        dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_SKIP);
        assert_int_equal(dim_dataset_skipped(ds), 1); /* opening needs the size of one */
        if (labels_first) {
            int64_t ten = 10;
            dim_tensor *labels = tensor(DIM_I32, 1, &ten);
            assert_int_equal(dim_dataset_read(ds, 0, 10, NULL, labels), DIM_OK);
            assert_int_equal(dim_dataset_skipped(ds), BROKEN_FILES);
            dim_tensor_destroy(labels);
        }
        for (int pass = 0; pass < 2; pass++) {
            ASSERT_SAMPLES(ds, 10, LIST(10, 10, 20, 20, 20, 10, 10, 10, 10, 10), { 0, 0, 1, 1, 1, 0, 0, 0, 0, 0 });
            assert_int_equal(dim_dataset_skipped(ds), BROKEN_FILES);
        }
        dim_dataset_destroy(ds);
    }
    dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_SKIP);
    unlink(in_dir("train/a/1.png")); /* the last ones go away while it is open */
    unlink(in_dir("train/b/4.png"));
    dim_tensor *image = tensor(DIM_U8, 4, (int64_t[]){ 1, 3, 4, 6 });
    assert_fails_with(ctx, dim_dataset_read(ds, 3, 1, image, NULL), DIM_E_FORMAT, "empty", "2.jpg");
    assert_fails_with(ctx, dim_dataset_read(ds, 3, 1, image, NULL), DIM_E_FORMAT, "no file can be read", dir);
    assert_int_equal(dim_dataset_skipped(ds), 10);
    dim_tensor_destroy(image);
    dim_dataset_destroy(ds);
}

static uint64_t hash(uint64_t h, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        h = (h ^ ((const unsigned char *)data)[i]) * 1099511628211u;
    return h;
}

static uint64_t epochs_of(dim_loader *loader)
{
    uint64_t h = 1;
    dim_tensor *images, *labels;
    for (int i = 0; i < 30; i++) {
        assert_fails_with(ctx, dim_loader_next(loader, &images, &labels), DIM_OK, NULL, NULL);
        h = hash(h, dim_tensor_data(images), 4 * 72);
        h = hash(h, dim_tensor_data(labels), 4 * 4);
    }
    return h;
}

/* The same batches with any prefetch and any number of workers; several loaders' threads in one dataset at once. */
static void test_loaders(void **state)
{
    enum { LOADERS = 4 };
    uint64_t first = 0;
    char name[32];
    (void)state;
    put_broken();
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "train/c/%d.png", i);
        put(name, 30 + 5 * i);
    }
    dim_dataset *ds = open_with("folder", DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_SKIP);
    dim_loader *loaders[LOADERS];
    for (uint32_t i = 0; i < LOADERS; i++) {
        dim_loader_options o;
        DIM_OPTIONS_INIT(&o);
        o.batch = 4;
        o.seed = 3;
        o.prefetch = 1 + 3 * i;
        o.no_thread = i == 0;
        o.workers = i;
        assert_int_equal(dim_loader_create(ds, &o, &loaders[i]), DIM_OK);
    }
    for (int i = 0; i < LOADERS; i++) {
        uint64_t h = epochs_of(loaders[i]);
        if (i == 0)
            first = h;
        assert_true(h == first);
    }
    assert_int_equal(dim_dataset_skipped(ds), BROKEN_FILES);
    dim_dataset_destroy(ds); /* the loaders keep it */
    for (int i = 0; i < LOADERS; i++)
        dim_loader_destroy(loaders[i]);
}

static void put_tiny(void)
{
    put("train/n02/images/n02_0.JPEG", 10);
    put("train/n01/images/n01_0.JPEG", 20);
    put("train/n01/images/n01_1.JPEG", 30);
    put_text("train/n01/n01_boxes.txt", "n01_0.JPEG\t0\t0\t62\t62\n");
    put("val/images/val_1.JPEG", 40);
    put("val/images/val_2.JPEG", 50);
    put("val/images/val_10.JPEG", 60);
    put("val/images/not listed.JPEG", 70);
    put_text("val/val_annotations.txt",
             "val_2.JPEG\tn01\t0\t32\t44\t62\nval_1.JPEG\tn02\t52\t55\t57\t59\r\n\nval_10.JPEG\tn01");
    put("test/images/test_0.JPEG", 80);
}

static void test_tiny(void **state)
{
    static const char *const kinds[] = { "tiny", "folder" };
    (void)state;
    put_tiny();
    assert_int_equal(left_out("tiny", DIM_SPLIT_TRAIN, DIM_LABELS_FINE, 1), 1);
    assert_int_equal(left_out("tiny", DIM_SPLIT_TEST, DIM_LABELS_FINE, 1), 1);
    assert_logged("1 without a class; the first is ");
    assert_logged(in_dir("val/images/not listed.JPEG"));
    for (int k = 0; k < 2; k++) {
        dim_dataset *ds = open_with(kinds[k], DIM_SPLIT_TRAIN, 0, DIM_ON_ERROR_FAIL);
        assert_int_equal(dim_dataset_classes(ds), 2);
        assert_string_equal(dim_dataset_class_name(ds, 1), "n02");
        ASSERT_SAMPLES(ds, 3, LIST(20, 30, 10), { 0, 0, 1 });
        dim_dataset_destroy(ds);
        ds = open_with(kinds[k], DIM_SPLIT_TEST, 0, DIM_ON_ERROR_FAIL);
        assert_int_equal(dim_dataset_classes(ds), 2);
        ASSERT_SAMPLES(ds, 3, LIST(60, 50, 40), { 0, 0, 1 });
        dim_dataset_destroy(ds);
    }
}

static void test_tiny_broken(void **state)
{
    static const struct { const char *text, *part; } bad[] = {
        { "val_1.JPEG n01\n", "line 1 must be a file and its class" },
        { "val_1.JPEG\tn01\nval_2.JPEG\tn03\t1\n", "line 2: class \"n03\" is not a folder of train" },
        { "val_1.JPEG\t\t1\n", "class \"\" is not a folder" },
        { "../val_1.JPEG\tn01\n", "not the name of a file" },
        { "\tn01\n", "not the name of a file" },
        { "val_1.JPEG\tn01\nval_2.JPEG\tn01\nval_1.JPEG\tn02\n", "has two lines for images/val_1.JPEG" },
        { "val_1.JPEG\tn01\nval_1.JPEG\tn01\n", "has two lines for images/val_1.JPEG" },
        { "", ".png files" },
        { "\n\n", ".png files" },
    };
    (void)state;
    put_tiny();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_text("val/val_annotations.txt", bad[i].text);
        assert_open_fails("folder", DIM_SPLIT_TEST, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, in_dir("val/val_annotations.txt"),
                          bad[i].part);
    }
    write_bytes(in_dir("val/val_annotations.txt"), "val_1.JPEG\tn01\n\0\n", 17);
    assert_open_fails("tiny", DIM_SPLIT_TEST, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, "not a text file", dir);
    put_text("val/val_annotations.txt", "missing.JPEG\tn01\nval_1.JPEG\tn01\n");
    assert_open_fails("tiny", DIM_SPLIT_TEST, DIM_ON_ERROR_FAIL, DIM_E_IO, "cannot open", "val/images/missing.JPEG");
    dim_dataset *ds = open_with("tiny", DIM_SPLIT_TEST, 0, DIM_ON_ERROR_SKIP);
    ASSERT_SAMPLES(ds, 2, LIST(40, 40), { 0, 0 });
    dim_dataset_destroy(ds);
    unlink(in_dir("val/val_annotations.txt"));
    assert_open_fails("tiny", DIM_SPLIT_TEST, DIM_ON_ERROR_FAIL, DIM_E_IO, in_dir("val/val_annotations.txt"), NULL);
    assert_open_fails("folder", DIM_SPLIT_TEST, DIM_ON_ERROR_FAIL, DIM_E_FORMAT, in_dir("val/images"), "train does");
}

static void test_options(void **state)
{
    dim_dataset *ds;
    dim_dataset_options o;
    (void)state;
    put("train/a/1.png", 1);
    o = options(4097, DIM_ON_ERROR_FAIL);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "image_size", "4097");
    o = options(4, (dim_on_error)2);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "on_error is 2", NULL);
    o = options(0, DIM_ON_ERROR_FAIL);
    o.labels = DIM_LABELS_COARSE;
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "no coarse labels", "folder");
    o.labels = (dim_labels)7;
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("cifar100"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "labels is 7", NULL);
    o = options(0, DIM_ON_ERROR_FAIL);
    o.keep_orientation = 2;
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "keep_orientation is 2", NULL);
    o.keep_orientation = 1;
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("cifar10"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "keep_orientation", "cifar10 has no image files");
    o = options(0, DIM_ON_ERROR_FAIL);
    o.image_memory = 7;
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("stl10"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "image_memory is 7", "stl10 has no image files");
    o = options(0, DIM_ON_ERROR_FAIL);
    o.label_column = "y";
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "label_column is \"y\"", "folder has no columns");
    o = options(32, DIM_ON_ERROR_FAIL);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("cifar10"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "image_size is 32", "cifar10");
    assert_int_equal(dim_dataset_open_with(NULL, "folder:/", DIM_SPLIT_TRAIN, NULL, &ds), DIM_E_INVALID);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, NULL, DIM_SPLIT_TRAIN, NULL, &ds), DIM_E_INVALID, "spec", NULL);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, "folder:/", DIM_SPLIT_TRAIN, NULL, NULL), DIM_E_INVALID, "out",
                      NULL);
    assert_int_equal(dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, NULL, &ds), DIM_OK);
    dim_dataset_destroy(ds);
}

static dim_status open_and_read(dim_context *c, const char *kind, dim_split split, uint32_t size)
{
    dim_dataset *ds = NULL;
    dim_dataset_options o = options(size, DIM_ON_ERROR_SKIP);
    dim_status status = dim_dataset_open_with(c, spec_of(kind), split, &o, &ds);
    dim_dataset_destroy(ds);
    return status;
}

static dim_status open_folder(dim_context *c) { return open_and_read(c, "folder", DIM_SPLIT_TRAIN, 0); }
static dim_status open_tiny_train(dim_context *c) { return open_and_read(c, "tiny", DIM_SPLIT_TRAIN, 3); }
static dim_status open_tiny_test(dim_context *c) { return open_and_read(c, "folder", DIM_SPLIT_TEST, 3); }

static void test_allocation_failures(void **state)
{
    char name[40];
    (void)state;
    put_tiny();
    put_broken();
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "train/c%d/%d.png", i % 5, i);
        put(name, i);
    }
    fail_each_allocation(ctx, &memory, open_folder);
    fail_each_allocation(ctx, &memory, open_tiny_train);
    fail_each_allocation(ctx, &memory, open_tiny_test);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_left_out), TEST(test_lost_class), TEST(test_links_that_fan_out), TEST(test_without_labels),
        TEST(test_image_options),
        TEST(test_listing), TEST(test_links), TEST(test_folder_named_as_a_file), TEST(test_nothing_there), TEST(test_sizes),
        TEST(test_broken),  TEST(test_skipping), TEST(test_loaders),      TEST(test_tiny),
        TEST(test_tiny_broken), TEST(test_options), TEST(test_allocation_failures),
    };
    return cmocka_run_group_tests_name("folders", tests, NULL, NULL);
}

#else

static void test_without_libraries(void **state)
{
    dim_dataset *ds;
    dim_dataset_options o = options(0, DIM_ON_ERROR_FAIL);
    char path[96];
    (void)state;
#if !DIM_HAVE_JPEG && !DIM_HAVE_PNG
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_UNSUPPORTED,
                      "libjpeg", "libpng");
#else
#if DIM_HAVE_JPEG
    static const char lacks[] = "libpng", first[] = "\x89PNG\r\n\x1a\n";
#else
    static const char lacks[] = "libjpeg", first[] = "\xff\xd8\xff\xe0";
#endif
    static const char *const parts[] = { "train", "train/a" };
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, parts[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s/train/a/1.png", dir);
    write_bytes(path, first, sizeof first);
    o.on_error = DIM_ON_ERROR_SKIP; /* a library that lacks is no broken file */
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("folder"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_UNSUPPORTED,
                      lacks, path);
#endif
    (void)path;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_without_libraries, setup, teardown) };
    return cmocka_run_group_tests_name("folders", tests, NULL, NULL);
}

#endif
