/* Datasets: files of every kind, whole and broken, tensors and callbacks.  Files are made here, in a folder of their own. */
#include "data_tests.h"

#include <dim/dataset.h>
#include <sys/stat.h>

#if DIM_HAVE_ZLIB
#include <zlib.h>
#endif

static failing_memory memory;
static dim_context *ctx;
static char dir[64], spec[96];

static int setup(void **state)
{
    (void)state;
    ctx = test_context(&memory);
    strcpy(dir, "/tmp/dim-data-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static const char *in_dir(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static const char *const names[] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin",
    "train.bin", "test.bin", "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
};

static void clean(void)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_dir(names[i]));
}

static int each_teardown(void **state)
{
    (void)state;
    clean();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    assert_int_equal(rmdir(dir), 0);
    return 0;
}

static const char *spec_of(const char *kind)
{
    snprintf(spec, sizeof spec, "%s:%s", kind, dir);
    return spec;
}

static unsigned char pixel(int64_t sample, int64_t at) { return (unsigned char)(sample * 31 + at * 7 + at / 256); }

/* `n` CIFAR records from sample `first` on; `labels` bytes before each image, the last of them sample % 10. */
static size_t cifar_bytes(unsigned char *bytes, int first, int n, int labels)
{
    unsigned char *p = bytes;
    for (int i = first; i < first + n; i++) {
        if (labels == 2)
            *p++ = (unsigned char)(i % 20);
        *p++ = (unsigned char)(labels == 2 ? 90 + i % 10 : i % 10);
        for (int k = 0; k < 3072; k++)
            *p++ = pixel(i, k);
    }
    return (size_t)(p - bytes);
}

static unsigned char big[1 << 18];

static void write_cifar10(void)
{
    for (int f = 0; f < 6; f++) /* 1, 2, 3, 4, 40, 6 records; 40 is more than is read at a time */
        write_bytes(in_dir(names[f]), big, cifar_bytes(big, f * (f + 1) / 2, f == 4 ? 40 : f + 1, 1));
}

static void put32(unsigned char *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(x >> (24 - 8 * i));
}

static size_t idx_bytes(unsigned char *bytes, int images, uint32_t n, uint32_t h, uint32_t w)
{
    unsigned char *p = bytes;
    put32(p, images ? 0x803 : 0x801);
    put32(p + 4, n);
    if (images) {
        put32(p + 8, h);
        put32(p + 12, w);
    }
    p += images ? 16 : 8;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < (images ? h * w : 1); k++)
            *p++ = images ? pixel(i, k) : (unsigned char)(i % 7);
    return (size_t)(p - bytes);
}

static void write_idx(const char *part, uint32_t n, uint32_t h, uint32_t w)
{
    char name[64];
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
    write_bytes(in_dir(name), big, idx_bytes(big, 1, n, h, w));
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
    write_bytes(in_dir(name), big, idx_bytes(big, 0, n, 0, 0));
}

static void assert_open_fails(const char *kind, dim_split split, dim_status want, const char *part, const char *part2)
{
    dim_dataset *const untouched = (dim_dataset *)&memory;
    dim_dataset *ds = untouched;
    size_t before = dim_context_memory(ctx);
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of(kind), split, &ds), want, part, part2);
    assert_ptr_equal(ds, untouched);
    assert_int_equal(dim_context_memory(ctx), before);
}

/* All samples of a dataset whose sample i has pixel(i0 + i, k) and the label base + (i0 + i) % mod. */
static void assert_samples(dim_dataset *ds, int64_t i0, int64_t n, int base, int mod)
{
    dim_tensor *images, *labels;
    int64_t s[3], size;
    assert_int_equal(dim_dataset_count(ds), n);
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_int_equal(dim_dataset_dtype(ds), DIM_U8);
    size = s[0] * s[1] * s[2];
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ n, s[0], s[1], s[2] }, &images), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_I64, 1, &n, &labels), DIM_OK);
    assert_int_equal(dim_dataset_read(ds, 0, n, images, labels), DIM_OK);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(((int64_t *)dim_tensor_data(labels))[i], base + (i0 + i) % mod);
        for (int64_t k = 0; k < size; k++)
            assert_true(((float *)dim_tensor_data(images))[i * size + k] == pixel(i0 + i, k));
    }
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
}

static void test_cifar10(void **state)
{
    dim_dataset *ds;
    int64_t s[3];
    (void)state;
    write_cifar10();
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("cifar10"), DIM_SPLIT_TRAIN, &ds), DIM_OK, NULL, NULL);
    assert_int_equal(dim_dataset_classes(ds), 10);
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_true(s[0] == 3 && s[1] == 32 && s[2] == 32);
    assert_samples(ds, 0, 50, 0, 10);
    dim_dataset_destroy(ds);
    assert_int_equal(dim_dataset_open(ctx, spec_of("cifar10"), DIM_SPLIT_TEST, &ds), DIM_OK);
    assert_samples(ds, 15, 6, 0, 10);
    dim_dataset_destroy(ds);
}

static void test_cifar100(void **state)
{
    dim_dataset *ds;
    (void)state;
    write_bytes(in_dir("train.bin"), big, cifar_bytes(big, 0, 35, 2));
    write_bytes(in_dir("test.bin"), big, cifar_bytes(big, 3, 2, 2));
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("cifar100"), DIM_SPLIT_TRAIN, &ds), DIM_OK, NULL, NULL);
    assert_int_equal(dim_dataset_classes(ds), 100);
    assert_samples(ds, 0, 35, 90, 10);
    dim_dataset_destroy(ds);
    assert_int_equal(dim_dataset_open(ctx, spec_of("cifar100"), DIM_SPLIT_TEST, &ds), DIM_OK);
    assert_samples(ds, 3, 2, 90, 10);
    dim_dataset_destroy(ds);

    size_t n = cifar_bytes(big, 0, 2, 2);
    big[3074] = 20; /* coarse */
    write_bytes(in_dir("test.bin"), big, n);
    assert_open_fails("cifar100", DIM_SPLIT_TEST, DIM_E_FORMAT, in_dir("test.bin"), "label 20 of record 1");
    big[3074] = 0;
    big[1] = 100;
    write_bytes(in_dir("test.bin"), big, n);
    assert_open_fails("cifar100", DIM_SPLIT_TEST, DIM_E_FORMAT, in_dir("test.bin"), "label 100 of record 0");
    write_bytes(in_dir("test.bin"), big, n - 2); /* whole records of CIFAR-10 */
    assert_open_fails("cifar100", DIM_SPLIT_TEST, DIM_E_FORMAT, in_dir("test.bin"), "6146 bytes");
}

static void test_cifar10_broken(void **state)
{
    (void)state;
    write_cifar10();
    size_t n = cifar_bytes(big, 0, 36, 1);
    write_bytes(in_dir("data_batch_3.bin"), big, n - 1);
    assert_open_fails("cifar10", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir("data_batch_3.bin"), "110627 bytes");
    write_bytes(in_dir("data_batch_3.bin"), big, n + 1);
    assert_open_fails("cifar10", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir("data_batch_3.bin"), "110629 bytes");
    write_bytes(in_dir("data_batch_3.bin"), big, 0);
    assert_open_fails("cifar10", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir("data_batch_3.bin"), "empty");
    big[34 * 3073] = 10;
    write_bytes(in_dir("data_batch_3.bin"), big, n);
    assert_open_fails("cifar10", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir("data_batch_3.bin"), "label 10 of record 34");
    unlink(in_dir("data_batch_3.bin"));
    assert_open_fails("cifar10", DIM_SPLIT_TRAIN, DIM_E_IO, in_dir("data_batch_3.bin"), "cannot find");
    assert_int_equal(mkdir(in_dir("data_batch_3.bin"), 0700), 0);
    assert_open_fails("cifar10", DIM_SPLIT_TRAIN, DIM_E_IO, in_dir("data_batch_3.bin"), "regular");
    assert_int_equal(rmdir(in_dir("data_batch_3.bin")), 0);
    assert_int_equal(mkdir(in_dir("cifar-10-batches-bin"), 0700), 0); /* the archive's folder, one level down */
    assert_open_fails("cifar10", DIM_SPLIT_TRAIN, DIM_E_IO, in_dir("data_batch_3.bin"), "is that the one");
    assert_open_fails("cifar10", DIM_SPLIT_TRAIN, DIM_E_IO, in_dir("cifar-10-batches-bin"), NULL);
    assert_int_equal(rmdir(in_dir("cifar-10-batches-bin")), 0);
}

static void test_idx(void **state)
{
    dim_dataset *ds;
    int64_t s[3];
    (void)state;
    write_idx("train", 20, 28, 28);
    write_idx("t10k", 3, 2, 5);
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("idx"), DIM_SPLIT_TRAIN, &ds), DIM_OK, NULL, NULL);
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_true(s[0] == 1 && s[1] == 28 && s[2] == 28);
    assert_int_equal(dim_dataset_classes(ds), 7);
    assert_samples(ds, 0, 20, 0, 7);
    dim_dataset_destroy(ds);
    assert_int_equal(dim_dataset_open(ctx, spec_of("idx"), DIM_SPLIT_TEST, &ds), DIM_OK);
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_true(s[0] == 1 && s[1] == 2 && s[2] == 5);
    assert_int_equal(dim_dataset_classes(ds), 3); /* largest label + 1 */
    assert_samples(ds, 0, 3, 0, 7);
    dim_dataset_destroy(ds);
}

/* Breaks the file as `write` puts it there, plain or .gz, and expects each time an error that names it. */
static void check_idx_broken(const char *images, const char *labels, void (*write)(const char *, const void *, size_t))
{
    size_t n = idx_bytes(big, 1, 6, 4, 5);
    for (size_t cut = 0; cut < n; cut += cut < 20 ? 1 : 13) {
        write(in_dir(images), big, cut);
        assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(images), cut < 16 ? NULL : "truncated");
    }
    big[n] = 0;
    write(in_dir(images), big, n + 1);
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(images), NULL);
    for (int i = 0; i < 4; i++) {
        big[i] ^= 1;
        write(in_dir(images), big, n);
        assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(images), "magic");
        big[i] ^= 1;
    }
    for (int axis = 0; axis < 3; axis++) { /* sizes of 0, and huge ones: nothing is allocated for them */
        static const uint32_t huge[3][3] = { { 0xffffffffu, 0, 0 }, { 0xffffffffu, 0xffffffffu, 0 },
                                             { 0xffffffffu, 0xffffffffu, 0xffffffffu } };
        idx_bytes(big, 1, 6, 4, 5);
        put32(big + 4 + 4 * axis, 0);
        write(in_dir(images), big, n);
        assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(images), "size 0");
        for (int k = 0; k < 3; k++)
            put32(big + 4 + 4 * k, huge[axis][k] != 0 ? huge[axis][k] : 20);
        write(in_dir(images), big, n);
        memory.largest = 0;
        assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(images), NULL);
        assert_true(memory.largest < 1 << 18);
    }
    write(in_dir(images), big, idx_bytes(big, 1, 6, 4, 5));
    unlink(in_dir(labels));
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_IO, in_dir("train-labels-idx1-ubyte"), ".gz");
    write(in_dir(labels), big, idx_bytes(big, 0, 5, 0, 0));
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, "6 images", "5 labels");
    n = idx_bytes(big, 0, 6, 0, 0);
    write(in_dir(labels), big, n - 1);
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(labels), "truncated");
    write(in_dir(labels), big, n + 1);
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(labels), NULL);
    write(in_dir(labels), big, idx_bytes(big, 1, 6, 1, 1));
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(labels), "magic");
}

static void test_idx_broken(void **state)
{
    (void)state;
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_IO, in_dir("train-images-idx3-ubyte"), "cannot open");
    write_idx("train", 6, 4, 5);
    check_idx_broken("train-images-idx3-ubyte", "train-labels-idx1-ubyte", write_bytes);
    write_bytes(in_dir("train-images-idx3-ubyte"), big, 0);
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir("train-images-idx3-ubyte"), "empty");
}

#if DIM_HAVE_ZLIB

static void write_gz(const char *path, const void *data, size_t size)
{
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, data, (unsigned)size), size);
    assert_int_equal(gzclose(f), Z_OK);
}

static const char *const gz_images = "train-images-idx3-ubyte.gz", *const gz_labels = "train-labels-idx1-ubyte.gz";

static void write_idx_gz(void)
{
    write_gz(in_dir(gz_images), big, idx_bytes(big, 1, 6, 28, 28));
    write_gz(in_dir(gz_labels), big, idx_bytes(big, 0, 6, 0, 0));
}

static size_t slurp(const char *path, unsigned char *bytes, size_t room)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}

static void test_idx_gz(void **state)
{
    static unsigned char raw[1 << 14];
    dim_dataset *ds;
    (void)state;
    write_idx_gz();
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("idx"), DIM_SPLIT_TRAIN, &ds), DIM_OK, NULL, NULL);
    assert_samples(ds, 0, 6, 0, 7);
    dim_dataset_destroy(ds);

    size_t n = slurp(in_dir(gz_images), raw, sizeof raw);
    assert_true(n > 100 && n < sizeof raw - 1);
    for (size_t cut = 0; cut < n; cut += 11) {
        write_bytes(in_dir(gz_images), raw, cut);
        assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(gz_images), NULL);
    }
    write_bytes(in_dir(gz_images), raw, n - 1); /* all the content, part of the check sum */
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(gz_images), "truncated");
    raw[n] = 'x';
    write_bytes(in_dir(gz_images), raw, n + 1);
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(gz_images), NULL);
    for (size_t at = 12; at < n; at += 37) { /* damage is found by the check sum at the latest */
        raw[at] ^= 0x10;
        write_bytes(in_dir(gz_images), raw, n);
        assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(gz_images), NULL);
        raw[at] ^= 0x10;
    }
    write_bytes(in_dir(gz_images), "no gzip at all", 14);
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(gz_images), "gzip");

    write_idx_gz();
    check_idx_broken(gz_images, gz_labels, write_gz);
}

static void test_idx_gz_joined(void **state)
{
    dim_dataset *ds;
    static unsigned char raw[1 << 14];
    (void)state;
    write_idx_gz();
    size_t n = idx_bytes(big, 1, 6, 28, 28), first = 0;
    write_gz(in_dir(gz_images), big, 1000); /* gzip files may be joined; so do tools that compress in pieces */
    first = slurp(in_dir(gz_images), raw, sizeof raw);
    write_gz(in_dir(gz_images), big + 1000, n - 1000);
    n = slurp(in_dir(gz_images), raw + first, sizeof raw - first);
    write_bytes(in_dir(gz_images), raw, first + n);
    assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("idx"), DIM_SPLIT_TRAIN, &ds), DIM_OK, NULL, NULL);
    assert_samples(ds, 0, 6, 0, 7);
    dim_dataset_destroy(ds);
    /* a plain file comes first */
    write_idx("train", 2, 3, 3);
    assert_int_equal(dim_dataset_open(ctx, spec_of("idx"), DIM_SPLIT_TRAIN, &ds), DIM_OK);
    assert_samples(ds, 0, 2, 0, 7);
    dim_dataset_destroy(ds);
}

/* Above the size that is taken on a header's word: 70 MB of zeros that compress to little. */
static void test_idx_gz_large(void **state)
{
    static unsigned char zeros[1 << 20];
    unsigned char header[16];
    dim_dataset *ds;
    (void)state;
    for (int missing = 0; missing < 2; missing++) {
        gzFile f = gzopen(in_dir(gz_images), "wb1");
        idx_bytes(header, 1, 0, 1024, 1024);
        put32(header + 4, 70);
        assert_int_equal(gzwrite(f, header, 16), 16);
        for (int i = 0; i < 70; i++)
            assert_int_not_equal(gzwrite(f, zeros, (unsigned)(sizeof zeros - (i == 0 && missing))), 0);
        assert_int_equal(gzclose(f), Z_OK);
        write_gz(in_dir(gz_labels), big, idx_bytes(big, 0, 70, 0, 0));
        memory.largest = 0;
        if (missing) {
            assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_FORMAT, in_dir(gz_images), "truncated");
            assert_true(memory.largest < 1 << 18);
        } else {
            assert_fails_with(ctx, dim_dataset_open(ctx, spec_of("idx"), DIM_SPLIT_TRAIN, &ds), DIM_OK, NULL, NULL);
            assert_int_equal(dim_dataset_count(ds), 70);
            dim_dataset_destroy(ds);
        }
    }
}

#else

static void test_idx_gz(void **state)
{
    (void)state;
    write_bytes(in_dir("train-images-idx3-ubyte.gz"), "\x1f\x8b", 2);
    assert_open_fails("idx", DIM_SPLIT_TRAIN, DIM_E_UNSUPPORTED, "zlib", "train-images-idx3-ubyte.gz");
}

#endif

static void test_spec(void **state)
{
    static const char *const bad[] = { "", ":", "cifar10", "cifar10:", "cifar:/tmp", "cifar1:/tmp", "cifar1000:/tmp", "/tmp" };
    dim_dataset *ds;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails_with(ctx, dim_dataset_open(ctx, bad[i], DIM_SPLIT_TRAIN, &ds), DIM_E_INVALID, "cifar10 cifar100 idx",
                          bad[i]);
    assert_fails_with(ctx, dim_dataset_open(ctx, "idx:/tmp", (dim_split)2, &ds), DIM_E_INVALID, "idx has no unlabeled split",
                      "train and test");
    assert_fails_with(ctx, dim_dataset_open(ctx, "idx:/nowhere/at all", DIM_SPLIT_TEST, &ds), DIM_E_IO,
                      "/nowhere/at all/t10k-images-idx3-ubyte", NULL);
    assert_int_equal(dim_dataset_open(NULL, "idx:/tmp", DIM_SPLIT_TRAIN, &ds), DIM_E_INVALID);
    assert_fails_with(ctx, dim_dataset_open(ctx, NULL, DIM_SPLIT_TRAIN, &ds), DIM_E_INVALID, "spec", NULL);
    assert_fails_with(ctx, dim_dataset_open(ctx, "idx:/tmp", DIM_SPLIT_TRAIN, NULL), DIM_E_INVALID, "out", NULL);
    assert_int_equal(dim_dataset_count(NULL), 0);
    assert_int_equal(dim_dataset_classes(NULL), 0);
    assert_int_equal(dim_dataset_dtype(NULL), 0);
    assert_int_equal(dim_dataset_shape(NULL, NULL), 0);
    assert_int_equal(dim_dataset_read(NULL, 0, 0, NULL, NULL), DIM_E_INVALID);
    dim_dataset_destroy(NULL);
}

static dim_tensor *tensor(dim_dtype dtype, int rank, const int64_t *shape)
{
    dim_tensor *t;
    assert_int_equal(dim_tensor_create(ctx, dtype, rank, shape, &t), DIM_OK);
    return t;
}

#define TENSOR(dtype, ...) \
    tensor(dtype, (int)(sizeof(int64_t[]){ __VA_ARGS__ } / sizeof(int64_t)), (int64_t[]){ __VA_ARGS__ })

static void note_release(void *user, void *data)
{
    (void)data;
    ++*(int *)user;
}

static void test_tensors(void **state)
{
    float numbers[5 * 2 * 3 * 2];
    int64_t classes[5] = { 4, 0, 2, 9, 1 }, s[3];
    int released = 0;
    dim_tensor *base, *images, *labels, *got = TENSOR(DIM_F64, 2, 2, 2, 3), *got_labels = TENSOR(DIM_I32, 2);
    dim_dataset *ds;
    (void)state;
    for (int i = 0; i < 60; i++)
        numbers[i] = (float)i / 4;
    /* NHWC memory seen as NCHW; the tensors themselves are destroyed at once */
    assert_int_equal(dim_tensor_wrap(ctx, DIM_F32, 4, (int64_t[]){ 5, 2, 3, 2 }, NULL, numbers, note_release, &released,
                                     &base), DIM_OK);
    assert_int_equal(dim_tensor_permute(base, (int[]){ 0, 3, 1, 2 }, &images), DIM_OK);
    assert_int_equal(dim_tensor_wrap(ctx, DIM_I64, 1, (int64_t[]){ 5 }, (int64_t[]){ -1 }, classes + 4, NULL, NULL,
                                     &labels), DIM_OK);
    assert_int_equal(dim_dataset_from_tensors(ctx, images, labels, &ds), DIM_OK);
    dim_tensor_destroy(base);
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    assert_int_equal(released, 0);
    assert_int_equal(dim_dataset_count(ds), 5);
    assert_int_equal(dim_dataset_classes(ds), 10);
    assert_int_equal(dim_dataset_dtype(ds), DIM_F32);
    assert_int_equal(dim_dataset_shape(ds, s), 3);
    assert_true(s[0] == 2 && s[1] == 2 && s[2] == 3);
    assert_int_equal(dim_dataset_read(ds, 3, 2, got, got_labels), DIM_OK);
    const double *g = dim_tensor_const_data(got);
    for (int n = 3; n < 5; n++)
        for (int c = 0; c < 2; c++)
            for (int h = 0; h < 2; h++)
                for (int w = 0; w < 3; w++)
                    assert_true(*g++ == (double)numbers[((n * 2 + h) * 3 + w) * 2 + c]);
    assert_memory_equal(dim_tensor_data(got_labels), ((int32_t[]){ 0, 4 }), 8);
    assert_int_equal(dim_dataset_read(ds, 5, 0, NULL, NULL), DIM_OK);

    assert_fails_with(ctx, dim_dataset_read(ds, 4, 2, got, NULL), DIM_E_INVALID, "2 samples from 4", "5");
    assert_int_equal(dim_dataset_read(ds, -1, 1, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_dataset_read(ds, 0, -1, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_dataset_read(ds, INT64_MAX, INT64_MAX, NULL, NULL), DIM_E_INVALID);
    assert_fails_with(ctx, dim_dataset_read(ds, 0, 3, got, NULL), DIM_E_SHAPE, "(2, 2, 2, 3)", "(3, 2, 2, 3)");
    assert_fails_with(ctx, dim_dataset_read(ds, 0, 3, NULL, got_labels), DIM_E_SHAPE, "labels", "(3)");
    assert_fails_with(ctx, dim_dataset_read(ds, 0, 2, NULL, got), DIM_E_INVALID, "labels", "f64");
    dim_dataset_destroy(ds);
    assert_int_equal(released, 1);
    dim_tensor_destroy(got);
    dim_tensor_destroy(got_labels);
}

static void test_tensors_without_labels(void **state)
{
    dim_tensor *images = TENSOR(DIM_U8, 4, 7), *got = TENSOR(DIM_U8, 4, 7), *labels = TENSOR(DIM_I64, 4);
    dim_dataset *ds;
    int64_t s[3];
    (void)state;
    ((uint8_t *)dim_tensor_data(images))[27] = 9;
    assert_int_equal(dim_dataset_from_tensors(ctx, images, NULL, &ds), DIM_OK);
    assert_int_equal(dim_dataset_classes(ds), 0);
    assert_int_equal(dim_dataset_shape(ds, s), 1);
    assert_true(s[0] == 7 && s[1] == 1 && s[2] == 1);
    assert_int_equal(dim_dataset_read(ds, 0, 4, got, labels), DIM_OK);
    assert_int_equal(((uint8_t *)dim_tensor_data(got))[27], 9);
    for (int i = 0; i < 4; i++)
        assert_int_equal(((int64_t *)dim_tensor_data(labels))[i], -1);
    dim_dataset_destroy(ds);
    dim_tensor_destroy(images);
    dim_tensor_destroy(got);
    dim_tensor_destroy(labels);
}

/* Some labels, or all of them, are -1: these samples have none. */
static void test_few_labels(void **state)
{
    dim_tensor *images = TENSOR(DIM_U8, 3, 1, 2, 2), *labels = TENSOR(DIM_I64, 3), *read = TENSOR(DIM_I32, 3);
    int64_t *of = dim_tensor_data(labels);
    dim_dataset *some, *none;
    (void)state;
    of[0] = of[1] = -1;
    of[2] = 4;
    assert_int_equal(dim_dataset_from_tensors(ctx, images, labels, &some), DIM_OK);
    assert_int_equal(dim_dataset_classes(some), 5);
    assert_int_equal(dim_dataset_read(some, 0, 3, NULL, read), DIM_OK);
    assert_memory_equal(dim_tensor_const_data(read), ((int32_t[]){ -1, -1, 4 }), 3 * sizeof(int32_t));
    of[2] = -1;
    assert_int_equal(dim_dataset_from_tensors(ctx, images, labels, &none), DIM_OK);
    assert_true(dim_dataset_classes(none) == 0);
    dim_dataset_destroy(some);
    dim_dataset_destroy(none);
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    dim_tensor_destroy(read);
}

static void test_tensors_bad(void **state)
{
    failing_memory m;
    dim_context *other = test_context(&m);
    dim_dataset *ds;
    dim_tensor *images = TENSOR(DIM_U8, 3, 1, 2, 2), *i32 = TENSOR(DIM_I32, 3, 4), *vector = TENSOR(DIM_F32, 3),
               *none = TENSOR(DIM_F32, 0, 4), *hollow = TENSOR(DIM_F32, 3, 0), *short_labels = TENSOR(DIM_I32, 2),
               *labels = TENSOR(DIM_I64, 3);
    (void)state;
    assert_fails_with(ctx, dim_dataset_from_tensors(ctx, i32, NULL, &ds), DIM_E_INVALID, "i32", NULL);
    assert_fails_with(ctx, dim_dataset_from_tensors(ctx, vector, NULL, &ds), DIM_E_SHAPE, "(3)", NULL);
    assert_fails_with(ctx, dim_dataset_from_tensors(ctx, none, NULL, &ds), DIM_E_INVALID, "(0, 4)", "empty");
    assert_fails_with(ctx, dim_dataset_from_tensors(ctx, hollow, NULL, &ds), DIM_E_INVALID, "(3, 0)", "empty");
    assert_fails_with(ctx, dim_dataset_from_tensors(ctx, images, short_labels, &ds), DIM_E_SHAPE, "(2)", "(3)");
    assert_fails_with(ctx, dim_dataset_from_tensors(ctx, images, vector, &ds), DIM_E_INVALID, "labels", "f32");
    assert_fails_with(ctx, dim_dataset_from_tensors(ctx, images, i32, &ds), DIM_E_SHAPE, "(3, 4)", NULL);
    ((int64_t *)dim_tensor_data(labels))[1] = -2;
    assert_fails_with(ctx, dim_dataset_from_tensors(ctx, images, labels, &ds), DIM_E_INVALID, "labels[1] = -2", NULL);
    ((int64_t *)dim_tensor_data(labels))[1] = INT32_MAX;
    assert_fails_with(ctx, dim_dataset_from_tensors(ctx, images, labels, &ds), DIM_E_INVALID, "2147483647", NULL);
    assert_fails_with(other, dim_dataset_from_tensors(other, images, NULL, &ds), DIM_E_INVALID, "another context", NULL);
    assert_int_equal(dim_dataset_from_tensors(NULL, images, NULL, &ds), DIM_E_INVALID);
    assert_int_equal(dim_dataset_from_tensors(ctx, NULL, NULL, &ds), DIM_E_INVALID);
    assert_int_equal(dim_dataset_from_tensors(ctx, images, NULL, NULL), DIM_E_INVALID);
    dim_tensor *all[] = { images, i32, vector, none, hollow, short_labels, labels };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim_tensor_destroy(all[i]);
    dim_context_destroy(other);
    assert_int_equal(m.live, 0);
}

typedef struct source {
    int64_t fails, wrong, wrong_label;
} source;

/* Sample i: three floats i, i + 0.25, i + 0.5 of class i % 4. */
static int give_sample(void *user, int64_t index, void *image, int64_t *label)
{
    const source *s = user;
    for (int k = 0; k < 3; k++)
        ((float *)image)[k] = (float)index + (float)k / 4;
    *label = index == s->wrong ? s->wrong_label : index % 4;
    return index == s->fails ? 42 : 0;
}

static void test_callback(void **state)
{
    source s = { -1, -1, 0 };
    const int64_t three = 3;
    dim_dataset *ds;
    dim_tensor *t = TENSOR(DIM_F64, 3, 4), *images, *labels = TENSOR(DIM_I32, 4);
    (void)state;
    assert_int_equal(dim_tensor_permute(t, (int[]){ 1, 0 }, &images), DIM_OK);
    assert_int_equal(dim_dataset_from_callback(ctx, 10, DIM_F32, 1, &three, 4, give_sample, &s, &ds), DIM_OK);
    assert_int_equal(dim_dataset_count(ds), 10);
    assert_int_equal(dim_dataset_classes(ds), 4);
    assert_int_equal(dim_dataset_shape(ds, NULL), 1);
    assert_int_equal(dim_dataset_read(ds, 5, 4, images, labels), DIM_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(((int32_t *)dim_tensor_data(labels))[i], (5 + i) % 4);
        for (int k = 0; k < 3; k++)
            assert_true(((double *)dim_tensor_data(t))[k * 4 + i] == 5 + i + k / 4.0);
    }
    s.fails = 7;
    assert_fails_with(ctx, dim_dataset_read(ds, 5, 4, images, labels), DIM_E_CALLBACK, "sample 7", "42");
    s.fails = -1;
    s.wrong = 6;
    const int64_t wrong[] = { 4, -2, INT64_MAX, INT64_MIN };
    for (int i = 0; i < 4; i++) {
        s.wrong_label = wrong[i];
        assert_fails_with(ctx, dim_dataset_read(ds, 5, 4, images, NULL), DIM_E_CALLBACK, "sample 6", "label");
    }
    s.wrong_label = -1; /* has none */
    assert_int_equal(dim_dataset_read(ds, 5, 4, NULL, labels), DIM_OK);
    assert_int_equal(((int32_t *)dim_tensor_data(labels))[1], -1);
    dim_dataset_destroy(ds);

    assert_int_equal(dim_dataset_from_callback(ctx, 10, DIM_F32, 1, &three, 0, give_sample, &s, &ds), DIM_OK);
    assert_int_equal(dim_dataset_read(ds, 0, 4, NULL, labels), DIM_OK); /* no classes: labels are not looked at */
    for (int i = 0; i < 4; i++)
        assert_int_equal(((int32_t *)dim_tensor_data(labels))[i], -1);
    dim_dataset_destroy(ds);
    dim_tensor_destroy(images);
    dim_tensor_destroy(t);
    dim_tensor_destroy(labels);
}

static void test_callback_bad(void **state)
{
    source s = { -1, -1, 0 };
    dim_dataset *ds;
    const int64_t good[3] = { 3, 4, 4 }, none[3] = { 3, 0, 4 }, negative[3] = { 3, -1, 4 },
                  huge[3] = { INT64_MAX, INT64_MAX, 2 };
    (void)state;
#define CALLBACK(count, dtype, rank, shape, classes, read, out) \
    dim_dataset_from_callback(ctx, count, (dim_dtype)(dtype), rank, shape, classes, read, &s, out)
    assert_fails_with(ctx, CALLBACK(0, DIM_U8, 3, good, 2, give_sample, &ds), DIM_E_INVALID, "count", "0");
    assert_fails_with(ctx, CALLBACK(1, DIM_I32, 3, good, 2, give_sample, &ds), DIM_E_INVALID, "i32", NULL);
    assert_fails_with(ctx, CALLBACK(1, 17, 3, good, 2, give_sample, &ds), DIM_E_INVALID, "dtype", NULL);
    assert_fails_with(ctx, CALLBACK(1, DIM_U8, 2, good, 2, give_sample, &ds), DIM_E_INVALID, "rank", "2");
    assert_fails_with(ctx, CALLBACK(1, DIM_U8, 3, none, 2, give_sample, &ds), DIM_E_INVALID, "(3, 0, 4)", NULL);
    assert_fails_with(ctx, CALLBACK(1, DIM_U8, 3, negative, 2, give_sample, &ds), DIM_E_INVALID, "(3, -1, 4)", NULL);
    assert_int_equal(CALLBACK(1, DIM_U8, 3, huge, 2, give_sample, &ds), DIM_E_NOMEM);
    assert_fails_with(ctx, CALLBACK(1, DIM_U8, 3, good, -1, give_sample, &ds), DIM_E_INVALID, "classes", "-1");
    assert_fails_with(ctx, CALLBACK(1, DIM_U8, 3, good, (int64_t)1 << 40, give_sample, &ds), DIM_E_INVALID, "classes", NULL);
    assert_fails_with(ctx, CALLBACK(1, DIM_U8, 3, good, 2, NULL, &ds), DIM_E_INVALID, "read", NULL);
    assert_fails_with(ctx, CALLBACK(1, DIM_U8, 3, NULL, 2, give_sample, &ds), DIM_E_INVALID, "shape", NULL);
    assert_fails_with(ctx, CALLBACK(1, DIM_U8, 3, good, 2, give_sample, NULL), DIM_E_INVALID, "out", NULL);
    assert_int_equal(dim_dataset_from_callback(NULL, 1, DIM_U8, 3, good, 2, give_sample, &s, &ds), DIM_E_INVALID);
}

static dim_status open_and_close(dim_context *c, const char *kind)
{
    dim_dataset *ds = NULL;
    dim_status status = dim_dataset_open(c, spec_of(kind), DIM_SPLIT_TRAIN, &ds);
    dim_dataset_destroy(ds);
    return status;
}

static dim_status cifar_life(dim_context *c) { return open_and_close(c, "cifar10"); }
static dim_status idx_life(dim_context *c) { return open_and_close(c, "idx"); }

static dim_status memory_life(dim_context *c)
{
    static source s = { -1, -1, 0 };
    dim_tensor *images = NULL, *labels = NULL, *got = NULL;
    dim_dataset *a = NULL, *b = NULL;
    dim_status status = dim_tensor_create(c, DIM_U8, 2, (int64_t[]){ 2, 3 }, &images);
    if (status == DIM_OK)
        status = dim_tensor_create(c, DIM_I32, 1, (int64_t[]){ 2 }, &labels);
    if (status == DIM_OK)
        status = dim_tensor_create(c, DIM_F32, 2, (int64_t[]){ 2, 3 }, &got);
    if (status == DIM_OK)
        status = dim_dataset_from_tensors(c, images, labels, &a);
    if (status == DIM_OK)
        status = dim_dataset_from_callback(c, 2, DIM_F32, 1, (int64_t[]){ 3 }, 4, give_sample, &s, &b);
    if (status == DIM_OK)
        status = dim_dataset_read(a, 0, 2, got, labels);
    if (status == DIM_OK)
        status = dim_dataset_read(b, 0, 2, got, labels);
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    dim_tensor_destroy(got);
    dim_dataset_destroy(a);
    dim_dataset_destroy(b);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    write_cifar10();
    fail_each_allocation(ctx, &memory, cifar_life);
    clean();
    assert_int_equal(mkdir(in_dir("cifar-10-batches-bin"), 0700), 0); /* the hint needs memory too */
    memory.calls = 0;
    for (long n = 1; n < 4; n++) {
        memory.calls = 0;
        memory.fail_at = n;
        dim_status status = cifar_life(ctx);
        memory.fail_at = 0;
        assert_int_equal(status, n < 3 ? DIM_E_NOMEM : DIM_E_IO);
    }
    assert_int_equal(rmdir(in_dir("cifar-10-batches-bin")), 0);
    write_idx("train", 4, 3, 3);
    fail_each_allocation(ctx, &memory, idx_life);
#if DIM_HAVE_ZLIB
    clean();
    write_idx_gz();
    fail_each_allocation(ctx, &memory, idx_life);
#endif
    fail_each_allocation(ctx, &memory, memory_life);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_cifar10, each_teardown),
        cmocka_unit_test_teardown(test_cifar100, each_teardown),
        cmocka_unit_test_teardown(test_cifar10_broken, each_teardown),
        cmocka_unit_test_teardown(test_idx, each_teardown),
        cmocka_unit_test_teardown(test_idx_broken, each_teardown),
        cmocka_unit_test_teardown(test_idx_gz, each_teardown),
#if DIM_HAVE_ZLIB
        cmocka_unit_test_teardown(test_idx_gz_joined, each_teardown),
        cmocka_unit_test_teardown(test_idx_gz_large, each_teardown),
#endif
        cmocka_unit_test(test_spec),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_tensors_without_labels),
        cmocka_unit_test(test_few_labels),
        cmocka_unit_test(test_tensors_bad),
        cmocka_unit_test(test_callback),
        cmocka_unit_test(test_callback_bad),
        cmocka_unit_test_teardown(test_allocation_failures, each_teardown),
    };
    return cmocka_run_group_tests_name("dataset", tests, setup, teardown);
}
