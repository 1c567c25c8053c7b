/* STL-10's files, whole and broken; CIFAR's coarse labels; names of classes. */
#include "data_tests.h"

#include <dim/dataset.h>
#include <stdbool.h>
#include <sys/stat.h>

enum { PLANE = 96 * 96, IMAGE = 3 * PLANE, MOST = 8 };

static failing_memory memory;
static dim_context *ctx;
static char dir[64], spec[96];
static unsigned char bytes[MOST * IMAGE + 1];

static const char *const names[] = { "train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "unlabeled_X.bin",
                                     "class_names.txt", "train.bin", "fine_label_names.txt", "coarse_label_names.txt" };

static const char *in_dir(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int setup(void **state)
{
    (void)state;
    ctx = test_context(&memory);
    strcpy(dir, "/tmp/dim-stl10-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_dir(names[i]));
    return rmdir(dir);
}

static const char *spec_of(const char *kind)
{
    snprintf(spec, sizeof spec, "%s:%s", kind, dir);
    return spec;
}

static unsigned char pixel(int sample, int channel, int row, int column)
{
    return (unsigned char)(sample * 31 + channel * 67 + row * 2 + column * 5 + row * column / 7);
}

static void put_images(const char *name, int first, int n)
{
    unsigned char *p = bytes;
    for (int i = first; i < first + n; i++)
        for (int c = 0; c < 3; c++)
            for (int x = 0; x < 96; x++) /* column after column */
                for (int y = 0; y < 96; y++)
                    *p++ = pixel(i, c, y, x);
    write_bytes(in_dir(name), bytes, (size_t)n * IMAGE);
}

static void put_labels(const char *name, int n)
{
    unsigned char labels[16];
    for (int i = 0; i < n; i++)
        labels[i] = (unsigned char)(1 + i * 3 % 10);
    write_bytes(in_dir(name), labels, (size_t)n);
}

static void put_all(void)
{
    put_images("train_X.bin", 0, 5);
    put_labels("train_y.bin", 5);
    put_images("test_X.bin", 5, 3);
    put_labels("test_y.bin", 3);
    put_images("unlabeled_X.bin", 8, MOST);
}

/* The first `labeled` samples have labels; those from `gap` on are what was written `jump` samples later. */
static void assert_split(dim_split split, int first, int64_t n, int64_t labeled, int64_t gap, int jump)
{
    dim_dataset *ds;
    dim_tensor *images, *labels;
    int64_t s[3];
    memory.largest = 0;
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("stl10"), split, &ds), DIM_OK, NULL, NULL);
    assert_true(memory.largest < 2 * IMAGE); /* images stay in the file */
    assert_int_equal(dim_dataset_count(ds), n);
    assert_int_equal(dim_dataset_classes(ds), labeled > 0 ? 10 : 0);
    assert_int_equal(dim_dataset_dtype(ds), DIM_U8);
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_true(s[0] == 3 && s[1] == 96 && s[2] == 96);
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ n, 3, 96, 96 }, &images), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, 1, &n, &labels), DIM_OK);
    assert_int_equal(dim_dataset_read(ds, 0, n, images, labels), DIM_OK);
    const uint8_t *p = dim_tensor_data(images);
    for (int i = 0; i < n; i++) {
        assert_int_equal(((int32_t *)dim_tensor_data(labels))[i], i < labeled ? i * 3 % 10 : -1);
        for (int k = 0; k < IMAGE; k++)
            if (*p++ != pixel(first + i + (i >= gap ? jump : 0), k / PLANE, k % PLANE / 96, k % 96))
                fail_msg("sample %d, byte %d", i, k);
    }
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    dim_dataset_destroy(ds);
}

static void test_splits(void **state)
{
    dim_dataset *ds;
    (void)state;
    put_all();
    assert_split(DIM_SPLIT_TRAIN, 0, 5, 5, 5, 0);
    assert_split(DIM_SPLIT_TEST, 5, 3, 3, 3, 0);
    assert_split(DIM_SPLIT_UNLABELED, 8, MOST, 0, MOST, 0);
    assert_split(DIM_SPLIT_TRAIN_UNLABELED, 0, 5 + MOST, 5, 5, 3); /* as one set */
    assert_int_equal(dim_dataset_open_with(ctx, spec_of("stl10"), DIM_SPLIT_TRAIN_UNLABELED,
                                           &(dim_dataset_options){ .size = sizeof(dim_dataset_options), .labels = DIM_LABELS_NONE }, &ds),
                     DIM_OK);
    assert_true(dim_dataset_count(ds) == 5 + MOST && dim_dataset_classes(ds) == 0);
    dim_dataset_destroy(ds);
}

/* Resized as any image is: a grey one stays grey, and a half of each colour meets in the middle; labels are as before. */
static void test_resized(void **state)
{
    enum { SMALL = 64, LEFT = 20, RIGHT = 200 };
    dim_dataset_options o;
    dim_dataset *ds;
    dim_tensor *images, *labels;
    int64_t n = 2, s[3];
    (void)state;
    for (int i = 0; i < IMAGE; i++) { /* column after column: the left half of the second image is dark */
        bytes[i] = 77;
        bytes[IMAGE + i] = i % PLANE / 96 < 48 ? LEFT : RIGHT;
    }
    write_bytes(in_dir("train_X.bin"), bytes, 2 * IMAGE);
    put_labels("train_y.bin", 2);
    DIM_OPTIONS_INIT(&o);
    o.image_size = SMALL;
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("stl10"), DIM_SPLIT_TRAIN, &o, &ds), DIM_OK, NULL, NULL);
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_true(s[0] == 3 && s[1] == SMALL && s[2] == SMALL);
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ n, 3, SMALL, SMALL }, &images), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, 1, &n, &labels), DIM_OK);
    assert_int_equal(dim_dataset_read(ds, 0, n, images, labels), DIM_OK);
    const uint8_t *p = dim_tensor_data(images);
    for (int i = 0; i < 3 * SMALL * SMALL; i++) {
        int x = i % SMALL;
        assert_int_equal(p[i], 77);
        if (x < SMALL / 2 - 3 || x >= SMALL / 2 + 3) /* farther from the edge than the filter is wide */
            assert_int_equal(p[3 * SMALL * SMALL + i], x < SMALL / 2 ? LEFT : RIGHT);
    }
    assert_int_equal(((int32_t *)dim_tensor_data(labels))[1], 3);
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    dim_dataset_destroy(ds);
}

static void assert_open_fails(dim_split split, dim_status want, const char *part, const char *part2)
{
    dim_dataset *const untouched = (dim_dataset *)&memory;
    dim_dataset *ds = untouched;
    size_t before = dim_context_memory(ctx);
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("stl10"), split, &ds), want, part, part2);
    assert_ptr_equal(ds, untouched);
    assert_int_equal(dim_context_memory(ctx), before);
}

static void test_broken(void **state)
{
    (void)state;
    assert_open_fails(DIM_SPLIT_TRAIN, DIM_E_IO, in_dir("train_X.bin"), "cannot find");
    put_all();
    unlink(in_dir("test_y.bin"));
    assert_open_fails(DIM_SPLIT_TEST, DIM_E_IO, in_dir("test_y.bin"), "cannot find");
    put_labels("test_y.bin", 4);
    assert_open_fails(DIM_SPLIT_TEST, DIM_E_FORMAT, "4 labels", "3 images");
    write_bytes(in_dir("test_y.bin"), "\1\2\13", 3);
    assert_open_fails(DIM_SPLIT_TEST, DIM_E_FORMAT, "label 11 of image 2", in_dir("test_y.bin"));
    write_bytes(in_dir("test_y.bin"), "\1\0\2", 3);
    assert_open_fails(DIM_SPLIT_TEST, DIM_E_FORMAT, "label 0 of image 1", in_dir("test_y.bin"));
    write_bytes(in_dir("unlabeled_X.bin"), bytes, IMAGE - 1);
    assert_open_fails(DIM_SPLIT_UNLABELED, DIM_E_FORMAT, "27647 bytes", in_dir("unlabeled_X.bin"));
    write_bytes(in_dir("unlabeled_X.bin"), bytes, IMAGE + 1);
    assert_open_fails(DIM_SPLIT_UNLABELED, DIM_E_FORMAT, "27649 bytes", in_dir("unlabeled_X.bin"));
    write_bytes(in_dir("unlabeled_X.bin"), bytes, 0);
    assert_open_fails(DIM_SPLIT_UNLABELED, DIM_E_FORMAT, "empty", in_dir("unlabeled_X.bin"));
    assert_open_fails(DIM_SPLIT_TRAIN_UNLABELED, DIM_E_FORMAT, "empty", in_dir("unlabeled_X.bin"));
    unlink(in_dir("unlabeled_X.bin"));
    assert_int_equal(mkdir(in_dir("unlabeled_X.bin"), 0700), 0);
    assert_open_fails(DIM_SPLIT_UNLABELED, DIM_E_IO, "regular", in_dir("unlabeled_X.bin"));
    assert_int_equal(rmdir(in_dir("unlabeled_X.bin")), 0);
    assert_int_equal(mkdir(in_dir("stl10_binary"), 0700), 0);
    assert_open_fails(DIM_SPLIT_UNLABELED, DIM_E_IO, "is that the one", in_dir("stl10_binary"));
    assert_int_equal(rmdir(in_dir("stl10_binary")), 0);
}

/* The file shrinks while it is open: an error of the sample, on a loader's thread too. */
static void test_cut_later(void **state)
{
    dim_dataset *ds;
    dim_loader *loader;
    dim_loader_options o;
    dim_tensor *images;
    (void)state;
    put_all();
    assert_int_equal(dim_dataset_open(ctx, spec_of("stl10"), DIM_SPLIT_UNLABELED, &ds), DIM_OK);
    assert_int_equal(truncate(in_dir("unlabeled_X.bin"), 2 * IMAGE + 100), 0);
    DIM_OPTIONS_INIT(&o);
    o.batch = 2;
    o.in_order = 1;
    assert_int_equal(dim_loader_create(ds, &o, &loader), DIM_OK);
    assert_int_equal(dim_loader_next(loader, &images, NULL), DIM_OK);
    assert_fails_with(ctx, dim_loader_next(loader, &images, NULL), DIM_E_FORMAT, in_dir("unlabeled_X.bin"), "image 2");
    dim_loader_destroy(loader);
    dim_dataset_destroy(ds);
}

static void test_loader(void **state)
{
    dim_dataset *ds;
    dim_loader *loader;
    dim_loader_options o;
    dim_tensor *images, *labels;
    (void)state;
    put_all();
    assert_int_equal(dim_dataset_open(ctx, spec_of("stl10"), DIM_SPLIT_TRAIN, &ds), DIM_OK);
    DIM_OPTIONS_INIT(&o);
    o.batch = 1;
    assert_int_equal(dim_loader_create(ds, &o, &loader), DIM_OK);
    dim_dataset_destroy(ds);
    for (int k = 0; k < 20; k++) {
        assert_int_equal(dim_loader_next(loader, &images, &labels), DIM_OK);
        const uint8_t *p = dim_tensor_data(images);
        int sample = -1; /* its first pixel tells */
        for (int i = 0; i < 5; i++)
            if (p[0] == pixel(i, 0, 0, 0))
                sample = i;
        assert_true(sample >= 0);
        assert_int_equal(*(int32_t *)dim_tensor_data(labels), sample * 3 % 10);
        assert_int_equal(p[96 + 2], pixel(sample, 0, 1, 2));
    }
    dim_loader_destroy(loader);
}

static void test_no_unlabeled_elsewhere(void **state)
{
    static const char *const kinds[] = { "cifar10", "cifar100", "idx", "folder", "tiny" };
    dim_dataset *ds;
    (void)state;
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 2; k++)
            assert_fails_with(ctx, dim_dataset_open(ctx, spec_of(kinds[i]), k == 0 ? DIM_SPLIT_UNLABELED : DIM_SPLIT_TRAIN_UNLABELED, &ds),
                              DIM_E_INVALID, k == 0 ? "no unlabeled split" : "no train+unlabeled split", kinds[i]);
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("stl10"), (dim_split)4, &ds), DIM_E_INVALID, "split 4", NULL);
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("stl10"), (dim_split)-1, &ds), DIM_E_INVALID, "split -1",
                      NULL);
}

static void test_class_names(void **state)
{
    dim_dataset *ds;
    (void)state;
    put_all();
    assert_int_equal(dim_dataset_open(ctx, spec_of("stl10"), DIM_SPLIT_TRAIN, &ds), DIM_OK);
    assert_null(dim_dataset_class_name(ds, 0));
    dim_dataset_destroy(ds);
    const char *text = "airplane\r\n\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck";
    write_bytes(in_dir("class_names.txt"), text, strlen(text));
    assert_int_equal(dim_dataset_open(ctx, spec_of("stl10"), DIM_SPLIT_TRAIN, &ds), DIM_OK);
    assert_string_equal(dim_dataset_class_name(ds, 0), "airplane");
    assert_string_equal(dim_dataset_class_name(ds, 1), "bird");
    assert_string_equal(dim_dataset_class_name(ds, 9), "truck");
    assert_null(dim_dataset_class_name(ds, 10));
    assert_null(dim_dataset_class_name(NULL, 0));
    assert_int_equal(dim_dataset_skipped(NULL), 0);
    assert_int_equal(dim_dataset_skipped(ds), 0);
    dim_dataset_destroy(ds);
    write_bytes(in_dir("class_names.txt"), text, 20); /* not the names of ten classes: as if it were not there */
    assert_int_equal(dim_dataset_open(ctx, spec_of("stl10"), DIM_SPLIT_TRAIN, &ds), DIM_OK);
    assert_null(dim_dataset_class_name(ds, 0));
    dim_dataset_destroy(ds);
}

static void test_cifar100_labels(void **state)
{
    dim_dataset *ds;
    dim_dataset_options o;
    dim_tensor *labels;
    int64_t n = 7;
    char text[200] = "";
    (void)state;
    for (int i = 0; i < n; i++) {
        bytes[i * 3074] = (unsigned char)(i * 3);
        bytes[i * 3074 + 1] = (unsigned char)(93 + i);
    }
    write_bytes(in_dir("train.bin"), bytes, (size_t)n * 3074);
    for (int i = 0; i < 20; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "group%d\n", i);
    write_bytes(in_dir("coarse_label_names.txt"), text, strlen(text));
    DIM_OPTIONS_INIT(&o);
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, 1, &n, &labels), DIM_OK);
    for (int coarse = 0; coarse < 2; coarse++) {
        o.labels = coarse ? DIM_LABELS_COARSE : DIM_LABELS_FINE;
        assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("cifar100"), DIM_SPLIT_TRAIN, &o, &ds), DIM_OK, NULL,
                          NULL);
        assert_int_equal(dim_dataset_classes(ds), coarse ? 20 : 100);
        assert_int_equal(dim_dataset_read(ds, 0, n, NULL, labels), DIM_OK);
        for (int i = 0; i < n; i++)
            assert_int_equal(((int32_t *)dim_tensor_data(labels))[i], coarse ? i * 3 : 93 + i);
        if (coarse)
            assert_string_equal(dim_dataset_class_name(ds, 19), "group19");
        else
            assert_null(dim_dataset_class_name(ds, 19));
        dim_dataset_destroy(ds);
    }
    dim_tensor_destroy(labels);
    assert_fails_with(ctx, dim_dataset_open_with(ctx, spec_of("cifar10"), DIM_SPLIT_TRAIN, &o, &ds), DIM_E_INVALID,
                      "cifar10 has no coarse labels", NULL);
}

static dim_status open_split(dim_context *c, const char *kind, dim_split split)
{
    dim_dataset *ds = NULL;
    dim_status status = dim_dataset_open(c, spec_of(kind), split, &ds);
    dim_dataset_destroy(ds);
    return status;
}

static dim_status open_train(dim_context *c) { return open_split(c, "stl10", DIM_SPLIT_TRAIN); }
static dim_status open_both(dim_context *c) { return open_split(c, "stl10", DIM_SPLIT_TRAIN_UNLABELED); }
static dim_status open_unlabeled(dim_context *c) { return open_split(c, "stl10", DIM_SPLIT_UNLABELED); }

static void test_allocation_failures(void **state)
{
    const char *text = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";
    (void)state;
    put_all();
    write_bytes(in_dir("class_names.txt"), text, strlen(text));
    fail_each_allocation(ctx, &memory, open_train);
    fail_each_allocation(ctx, &memory, open_unlabeled);
    fail_each_allocation(ctx, &memory, open_both);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_splits),      TEST(test_resized),                TEST(test_broken),        TEST(test_cut_later),
        TEST(test_loader),      TEST(test_no_unlabeled_elsewhere), TEST(test_class_names),   TEST(test_cifar100_labels),
        TEST(test_allocation_failures),
    };
    return cmocka_run_group_tests_name("stl10", tests, NULL, NULL);
}
