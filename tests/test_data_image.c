/* Image files: every kind of pixels, every size that is refused, and files that are damaged anywhere. */
#include "image_tests.h"

#include "data/image.h"

/* Allocations of the decoders, by the linker's --wrap; those of the libraries go the ordinary way. */
static long malloc_calls, malloc_fails_at;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return ++malloc_calls == malloc_fails_at ? NULL : __real_malloc(size);
}

#if DIM_HAVE_JPEG && DIM_HAVE_PNG

enum { W = 24, H = 20, N = W * H };

static image_file file;
static unsigned char rows[1 << 16];
static dim__image_rules rules = { .memory = DIM__IMAGE_MEMORY };

static dim_status decode(dim__image *image, dim__sample_error *error)
{
    /* of its own size on the heap, so that a sanitizer sees what is read behind it */
    uint8_t *copy = malloc(file.size > 0 ? file.size : 1);
    assert_non_null(copy);
    memcpy(copy, file.bytes, file.size);
    memset(error, 0, sizeof *error);
    dim_status status = dim__image_decode(copy, file.size, "the file", &rules, image, error);
    free(copy);
    assert_int_equal(error->status, status);
    if (status == DIM_OK)
        assert_true(image->width >= 1 && image->height >= 1 && image->width * image->height <= DIM__IMAGE_PIXELS);
    else
        assert_int_equal(strncmp(error->text, "the file", 8), 0);
    return status;
}

/* The file's pixels are `want`, within `tolerance`. */
static void assert_pixels(const unsigned char *want, int tolerance)
{
    dim__image image;
    dim__sample_error error;
    if (decode(&image, &error) != DIM_OK)
        fail_msg("%s", error.text);
    assert_int_equal(image.width, W);
    assert_int_equal(image.height, H);
    for (int i = 0; i < 3 * N; i++)
        if (abs(image.pixels[i] - want[i]) > tolerance)
            fail_msg("pixel %d channel %d is %d, not %d", i / 3, i % 3, image.pixels[i], want[i]);
    free(image.pixels);
}

static void test_png(void **state)
{
    unsigned char want[3 * N];
    (void)state;
    for (int interlace = 0; interlace < 2; interlace++) {
        paint(rows, W, H, 3, 1);
        memcpy(want, rows, sizeof want);
        make_png(&file, PNG_COLOR_TYPE_RGB, 8, interlace, W, H, rows);
        assert_pixels(want, 0);
        for (int i = 0; i < N; i++) { /* alpha is dropped, not multiplied in */
            memcpy(rows + 4 * i, want + 3 * i, 3);
            rows[4 * i + 3] = (unsigned char)i;
        }
        make_png(&file, PNG_COLOR_TYPE_RGBA, 8, interlace, W, H, rows);
        assert_pixels(want, 0);
        for (int i = 0; i < 3 * N; i++) { /* of 16 bits the upper 8 */
            rows[2 * i] = want[i];
            rows[2 * i + 1] = 0xff;
        }
        make_png(&file, PNG_COLOR_TYPE_RGB, 16, interlace, W, H, rows);
        assert_pixels(want, 0);
        for (int i = 0; i < N; i++) {
            rows[2 * i] = (unsigned char)(i * 3);
            rows[2 * i + 1] = (unsigned char)i;
            memset(want + 3 * i, i * 3, 3);
        }
        make_png(&file, PNG_COLOR_TYPE_GRAY_ALPHA, 8, interlace, W, H, rows);
        assert_pixels(want, 0);
        make_png(&file, PNG_COLOR_TYPE_GRAY, 16, interlace, W, H, rows);
        assert_pixels(want, 0);
        for (int i = 0; i < N; i++)
            rows[i] = want[3 * i];
        make_png(&file, PNG_COLOR_TYPE_GRAY, 8, interlace, W, H, rows);
        assert_pixels(want, 0);
        for (int i = 0; i < N; i++) { /* two pixels a byte, the first in the upper half */
            int v = i % 11;
            rows[i / 2] = (unsigned char)(i % 2 ? rows[i / 2] | v : v << 4);
            memset(want + 3 * i, v * 17, 3);
        }
        make_png(&file, PNG_COLOR_TYPE_GRAY, 4, interlace, W, H, rows);
        assert_pixels(want, 0);
        for (int i = 0; i < N; i++) {
            int v = i % 11;
            want[3 * i] = (unsigned char)(v * 16);
            want[3 * i + 1] = (unsigned char)(255 - v);
            want[3 * i + 2] = (unsigned char)(v * v);
        }
        make_png(&file, PNG_COLOR_TYPE_PALETTE, 4, interlace, W, H, rows);
        assert_pixels(want, 0);
    }
}

static void test_jpeg(void **state)
{
    unsigned char want[3 * N];
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        /* smooth, of quality 100: colour is halved in resolution, and rounded twice */
        paint(rows, W, H, 3, 1);
        memcpy(want, rows, sizeof want);
        make_jpeg(&file, 3, progressive, W, H, rows);
        assert_pixels(want, 6);
        paint(rows, W, H, 1, 1);
        for (int i = 0; i < N; i++)
            memset(want + 3 * i, rows[i], 3);
        make_jpeg(&file, 1, progressive, W, H, rows);
        assert_pixels(want, 2);
        paint(rows, W, H, 4, 1); /* inks, 255 = none */
        for (int i = 0; i < N; i++)
            for (int c = 0; c < 3; c++)
                want[3 * i + c] = (unsigned char)(rows[4 * i + c] * rows[4 * i + 3] / 255);
        make_jpeg(&file, 4, progressive, W, H, rows);
        assert_pixels(want, 3);
    }
}

static void assert_refused(dim_status want, const char *part)
{
    dim__image image;
    dim__sample_error error;
    assert_int_equal(decode(&image, &error), want);
    if (strstr(error.text, part) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", error.text, part);
}

/* Sizes of a forged header: nothing is allocated for them, of whatever length the file is. */
static void test_sizes(void **state)
{
    (void)state;
    memset(rows, 0, sizeof rows);
    make_png(&file, PNG_COLOR_TYPE_GRAY, 1, 0, 16385, 1, rows);
    malloc_calls = 0;
    assert_refused(DIM_E_FORMAT, "16385 x 1 pixels");
    assert_true(malloc_calls < 2); /* the copy here */
    make_png(&file, PNG_COLOR_TYPE_GRAY, 1, 0, 16384, 1, rows);
    dim__image image;
    dim__sample_error error;
    assert_int_equal(decode(&image, &error), DIM_OK);
    free(image.pixels);
    paint(rows, W, H, 3, 0);
    make_jpeg(&file, 3, false, W, H, rows);
    for (size_t i = 0; i + 9 < file.size; i++)
        if (file.bytes[i] == 0xff && file.bytes[i + 1] == 0xc0) { /* start of frame: length, bits, height, width */
            memset(file.bytes + i + 5, 0xff, 4);
            malloc_calls = 0;
            assert_refused(DIM_E_FORMAT, "65");
            memcpy(file.bytes + i + 5, "\x20\x01\x20\x01", 4); /* 8193 x 8193: each side will do, both together not */
            assert_refused(DIM_E_FORMAT, "8193 x 8193 pixels");
            assert_true(malloc_calls <= 2); /* the copies here */
            return;
        }
    fail();
}

static void test_strangers(void **state)
{
    (void)state;
    file.size = 0;
    assert_refused(DIM_E_FORMAT, "empty");
    memcpy(file.bytes, "GIF89a", 6);
    for (file.size = 1; file.size <= 6; file.size++)
        assert_refused(DIM_E_FORMAT, "neither a JPEG nor a PNG");
    memset(file.bytes, 0xff, 64);
    file.size = 64;
    assert_refused(DIM_E_FORMAT, "neither");
    file.bytes[1] = 0xd8;
    assert_refused(DIM_E_FORMAT, "JPEG");
}

static void make_kind(int kind)
{
    static const struct { int jpeg, type, depth, flag; } kinds[] = {
        { 1, 3, 0, 0 }, { 1, 3, 0, 1 }, { 1, 1, 0, 0 }, { 1, 4, 0, 1 },
        { 0, PNG_COLOR_TYPE_RGB, 8, 0 }, { 0, PNG_COLOR_TYPE_PALETTE, 4, 1 }, { 0, PNG_COLOR_TYPE_RGBA, 16, 1 },
    };
    paint(rows, W, H, 8, kind);
    for (int i = 0; kinds[kind].type == PNG_COLOR_TYPE_PALETTE && i < N; i++)
        rows[i] &= 0x7f;
    if (kinds[kind].jpeg)
        make_jpeg(&file, kinds[kind].type, kinds[kind].flag, W, H, rows);
    else
        make_png(&file, kinds[kind].type, kinds[kind].depth, kinds[kind].flag, W, H, rows);
}

/* Damage anywhere: a status, whatever it is, and no crash; and a file that was cut is never taken. */
static void test_damaged(void **state)
{
    dim__image image;
    dim__sample_error error;
    uint32_t random = 12345;
    (void)state;
    for (int kind = 0; kind < 7; kind++) {
        make_kind(kind);
        size_t size = file.size;
        for (file.size = 0; file.size < size; file.size += file.size < 700 || size - file.size < 50 ? 1 : 7)
            assert_int_equal(decode(&image, &error), DIM_E_FORMAT);
        file.size = size;
        assert_int_equal(decode(&image, &error), DIM_OK);
        free(image.pixels);
        static unsigned char whole[IMAGE_ROOM];
        memcpy(whole, file.bytes, size);
        for (int i = 0; i < 700; i++) {
            for (int flips = 0; flips <= i % 3; flips++) {
                random = random * 1664525u + 1013904223u;
                /* half of them in the headers */
                size_t at = (random >> 8) % (i % 2 ? (size < 200 ? size : 200) : size);
                file.bytes[at] ^= (unsigned char)(1u << (random >> 29));
            }
            dim_status status = decode(&image, &error);
            if (status == DIM_OK)
                free(image.pixels);
            else
                assert_int_equal(status, DIM_E_FORMAT);
            memcpy(file.bytes, whole, size);
        }
    }
}

static void test_no_memory(void **state)
{
    unsigned char planes[3 * 16 * 16];
    (void)state;
    for (int kind = 0; kind < 7; kind++) {
        dim_status status = DIM_E_NOMEM;
        make_kind(kind);
        for (long n = 1; status != DIM_OK; n++) {
            dim__image image = { .pixels = NULL };
            dim__sample_error error;
            assert_true(n < 20);
            malloc_calls = 0;
            malloc_fails_at = n;
            memset(planes, 99, sizeof planes);
            status = dim__image_decode(file.bytes, file.size, "the file", &rules, &image, &error);
            if (status == DIM_OK) {
                status = dim__image_fit(&image, 16, "the file", &rules, planes, &error);
                free(image.pixels);
            }
            malloc_fails_at = 0;
            if (status != DIM_OK) {
                assert_int_equal(status, DIM_E_NOMEM);
                assert_non_null(strstr(error.text, "no memory"));
            } else {
                assert_true(malloc_calls < n && n > 3);
            }
        }
    }
}

/* Without resizing: the centre, where torchvision's CenterCrop cuts it; halves go to the even number. */
static void test_fit_cuts_the_centre(void **state)
{
    static const int extra[] = { 0, 1, 2, 3, 4, 5, 7, 9 }, from[] = { 0, 0, 1, 2, 2, 2, 4, 4 };
    uint8_t planes[3 * 64];
    dim__sample_error error;
    (void)state;
    for (int i = 0; i < 8; i++)
        for (int tall = 0; tall < 2; tall++) {
            dim__image image = { tall ? 8 + extra[i] : 8, tall ? 8 : 8 + extra[i], rows, 1 };
            for (int k = 0; k < image.height * image.width; k++)
                for (int c = 0; c < 3; c++)
                    rows[3 * k + c] = (uint8_t)(k + 50 * c);
            assert_int_equal(dim__image_fit(&image, 8, "x", &rules, planes, &error), DIM_OK);
            for (int c = 0; c < 3; c++)
                for (int k = 0; k < 64; k++) {
                    int64_t y = k / 8 + (tall ? from[i] : 0), x = k % 8 + (tall ? 0 : from[i]);
                    assert_int_equal(planes[64 * c + k], (uint8_t)(y * image.width + x + 50 * c));
                }
        }
}

static void test_fit_resizes(void **state)
{
    static uint8_t planes[3 * 256 * 256];
    dim__sample_error error;
    (void)state;
    static const int sizes[][3] = { { 30, 50, 16 }, { 50, 30, 16 }, { 7, 5, 64 },
                                    { 1, 1, 256 },  { 1, 40, 9 },   { 64, 64, 32 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) { /* one colour stays, wherever it is cut */
        dim__image image = { sizes[i][0], sizes[i][1], rows, 1 };
        int n = sizes[i][2] * sizes[i][2];
        for (int k = 0; k < image.height * image.width; k++)
            memcpy(rows + 3 * k, "\x0a\x80\xff", 3);
        assert_int_equal(dim__image_fit(&image, sizes[i][2], "x", &rules, planes, &error), DIM_OK);
        for (int k = 0; k < 3 * n; k++)
            assert_int_equal(planes[k], k < n ? 10 : k < 2 * n ? 128 : 255);
    }
    dim__image half = { 8, 16, rows, 1 }; /* a step from 0 to 200 in the middle stays there */
    for (int k = 0; k < 8 * 16 * 3; k++)
        rows[k] = k / 3 % 16 < 8 ? 0 : 200;
    assert_int_equal(dim__image_fit(&half, 4, "x", &rules, planes, &error), DIM_OK);
    for (int y = 0; y < 4; y++) {
        assert_true(planes[4 * y] < 20 && planes[4 * y + 1] < 40);
        assert_true(planes[4 * y + 2] > 160 && planes[4 * y + 3] > 180);
    }
    dim__image thin = { 1, 16384, rows, 1 };
    assert_int_equal(dim__image_fit(&thin, 128, "x", &rules, planes, &error), DIM_E_FORMAT);
    assert_non_null(strstr(error.text, "16384 x 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png),
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_fit_cuts_the_centre),
        cmocka_unit_test(test_fit_resizes),
    };
    return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}

#else

/* A build without the libraries names the one that it lacks. */
static void test_unsupported(void **state)
{
    dim__image image;
    dim__sample_error error;
    dim__image_rules rules = { .memory = DIM__IMAGE_MEMORY };
    (void)state;
#if !DIM_HAVE_JPEG
    assert_int_equal(dim__image_decode((const uint8_t *)"\xff\xd8\xff\xe0", 4, "a.jpg", &rules, &image, &error),
                     DIM_E_UNSUPPORTED);
    assert_non_null(strstr(error.text, "a.jpg: this build has no libjpeg"));
#endif
#if !DIM_HAVE_PNG
    assert_int_equal(dim__image_decode((const uint8_t *)"\x89PNG\r\n\x1a\n", 8, "a.png", &rules, &image, &error),
                     DIM_E_UNSUPPORTED);
    assert_non_null(strstr(error.text, "a.png: this build has no libpng"));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_unsupported) };
    return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}

#endif
