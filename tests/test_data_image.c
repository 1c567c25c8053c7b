/* Image files: every kind of pixels, every size that is refused, and files that are damaged anywhere. */
#include "image_tests.h"

#include "data/image.h"
#include <sys/resource.h>

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

/* ---- EXIF */

static void put16(uint8_t *p, bool big, uint32_t x)
{
    p[big ? 0 : 1] = (uint8_t)(x >> 8);
    p[big ? 1 : 0] = (uint8_t)x;
}

static void put32(uint8_t *p, bool big, uint32_t x)
{
    put16(p + (big ? 0 : 2), big, x >> 16);
    put16(p + (big ? 2 : 0), big, x & 0xffff);
}

/* A TIFF block whose second entry is the orientation, of the type SHORT or LONG. */
enum { TIFF = 8 + 2 + 2 * 12 + 4 };
static void make_tiff(uint8_t *b, bool big, bool wide, uint32_t orientation)
{
    memset(b, 0, TIFF);
    memcpy(b, big ? "MM\0*" : "II*\0", 4);
    put32(b + 4, big, 8);
    put16(b + 8, big, 2);
    put16(b + 10, big, 0x0100);
    put16(b + 12, big, 3);
    put32(b + 14, big, 1);
    put16(b + 18, big, 77);
    put16(b + 22, big, 0x0112);
    put16(b + 24, big, wide ? 4 : 3);
    put32(b + 26, big, 1);
    if (wide)
        put32(b + 30, big, orientation);
    else
        put16(b + 30, big, orientation);
}

static void insert(size_t at, const void *bytes, size_t size)
{
    assert_true(file.size + size <= sizeof file.bytes);
    memmove(file.bytes + at + size, file.bytes + at, file.size - at);
    memcpy(file.bytes + at, bytes, size);
    file.size += size;
}

/* Into the JPEG file, behind the first segment. */
static void insert_app1(const uint8_t *tiff)
{
    uint8_t segment[10 + TIFF] = { 0xff, 0xe1, 0, 8 + TIFF, 'E', 'x', 'i', 'f', 0, 0 };
    memcpy(segment + 10, tiff, TIFF);
    insert(4 + (size_t)(file.bytes[4] << 8 | file.bytes[5]), segment, sizeof segment);
}

static uint32_t checksum(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

/* Into the PNG file, behind its header, or before its end. */
static void insert_chunk(const char *name, const uint8_t *data, size_t size, bool late)
{
    static uint8_t chunk[1 << 12];
    put32(chunk, true, (uint32_t)size);
    memcpy(chunk + 4, name, 4);
    memcpy(chunk + 8, data, size);
    put32(chunk + 8 + size, true, checksum(chunk + 4, size + 4));
    insert(late ? file.size - 12 : 33, chunk, size + 12);
}

/* Where the file's row 0 and column 0 are to be seen, as the TIFF standard tells it. */
static const struct { char row, column; } seen_at[9] = {
    { 't', 'l' }, { 't', 'l' }, { 't', 'r' }, { 'b', 'r' }, { 'b', 'l' }, { 'l', 't' }, { 'r', 't' }, { 'r', 'b' }, { 'l', 'b' },
};

static void place(char side, int i, int height, int width, int *y, int *x)
{
    if (side == 't' || side == 'b')
        *y = side == 't' ? i : height - 1 - i;
    else
        *x = side == 'l' ? i : width - 1 - i;
}

/* The file's planes are the picture `want`, turned. */
static void assert_turned(int orientation, const unsigned char *want, int tolerance)
{
    static uint8_t planes[3 * N], fitted[3 * H * H], square[3 * H * H];
    dim__image image;
    dim__sample_error error;
    int height = orientation > 4 ? W : H, width = orientation > 4 ? H : W;
    assert_int_equal(decode(&image, &error), DIM_OK);
    assert_int_equal(image.height, height);
    assert_int_equal(image.width, width);
    dim__image_planes(&image, planes);
    for (int r = 0; r < H; r++)
        for (int c = 0; c < W; c++)
            for (int k = 0; k < 3; k++) {
                int y = -1, x = -1;
                place(seen_at[orientation].row, r, height, width, &y, &x);
                place(seen_at[orientation].column, c, height, width, &y, &x);
                int got = planes[k * N + y * width + x];
                if (abs(got - want[3 * (r * W + c) + k]) > tolerance)
                    fail_msg("orientation %d: row %d, column %d is %d, not %d", orientation, r, c, got, want[3 * (r * W + c) + k]);
            }
    assert_int_equal(dim__image_fit(&image, H, "x", &rules, fitted, &error), DIM_OK); /* the centre of what is shown */
    for (int k = 0; k < 3; k++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < H; x++)
                square[(k * H + y) * H + x] = planes[k * N + (y + (height - H) / 2) * width + x + (width - H) / 2];
    assert_memory_equal(fitted, square, sizeof square);
    free(image.pixels);
}

static void test_orientation(void **state)
{
    unsigned char want[3 * N];
    uint8_t tiff[TIFF];
    (void)state;
    for (int orientation = 0; orientation <= 9; orientation++)
        for (int kind = 0; kind < 4; kind++) {
            int turn = orientation <= 8 ? orientation : 0; /* 0 and 9 mean nothing */
            make_tiff(tiff, kind & 1, kind & 2, (uint32_t)orientation);
            paint(rows, W, H, 3, 1);
            memcpy(want, rows, sizeof want);
            make_jpeg(&file, 3, kind & 2, W, H, rows);
            insert_app1(tiff);
            assert_turned(turn, want, 6);
            paint(rows, W, H, 3, 1);
            make_png(&file, PNG_COLOR_TYPE_RGB, 8, kind & 1, W, H, rows);
            insert_chunk("eXIf", tiff, TIFF, kind & 2);
            assert_turned(turn, want, 0);
            rules.keep_orientation = true;
            assert_turned(1, want, 0);
            rules.keep_orientation = false;
        }
}

/* Damaged blocks turn nothing, and nothing behind them is read. */
static void test_orientation_damaged(void **state)
{
    uint8_t tiff[TIFF];
    uint32_t random = 99;
    (void)state;
    for (int png = 0; png < 2; png++) {
        paint(rows, W, H, 3, 1);
        if (png)
            make_png(&file, PNG_COLOR_TYPE_RGB, 8, 0, W, H, rows);
        else
            make_jpeg(&file, 3, false, W, H, rows);
        make_tiff(tiff, png, false, 6);
        if (png)
            insert_chunk("eXIf", tiff, TIFF, false);
        else
            insert_app1(tiff);
        size_t most = png ? 33 + 12 + TIFF : 20 + 10 + TIFF;
        for (size_t size = 0; size <= file.size; size++) {
            uint8_t *cut = malloc(size > 0 ? size : 1);
            assert_non_null(cut);
            memcpy(cut, file.bytes, size);
            assert_int_equal(dim__exif_orientation(cut, size), size < most ? 1 : 6);
            free(cut);
        }
        for (int i = 0; i < 20000; i++) {
            uint8_t *copy = malloc(most + 40);
            assert_non_null(copy);
            memcpy(copy, file.bytes, most + 40);
            for (int flips = 0; flips <= i % 4; flips++) {
                random = random * 1664525u + 1013904223u;
                copy[(random >> 8) % (most + 40)] ^= (uint8_t)(1u << (random >> 29));
            }
            int got = dim__exif_orientation(copy, most + 40);
            assert_true(got >= 1 && got <= 8);
            free(copy);
        }
    }
}

/* ---- what an image may cost */

/* A PNG file that claims a text of 2^31 - 1 bytes: libpng would take and clear them. */
static void test_long_chunks(void **state)
{
    static const char *const names[] = { "tEXt", "zTXt", "iTXt", "iCCP", "eXIf", "sPLT", "hIST", "puNk" };
    struct rusage before, after;
    (void)state;
    paint(rows, W, H, 3, 1);
    getrusage(RUSAGE_SELF, &before);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        make_png(&file, PNG_COLOR_TYPE_RGB, 8, 0, W, H, rows);
        put32(file.bytes + 33, true, 0x7fffffff);
        memcpy(file.bytes + 37, names[i], 4);
        file.size = 44;
        assert_refused(DIM_E_FORMAT, "PNG");
    }
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 100 << 10); /* kilobytes */
    unsigned char want[3 * N]; /* those that are there are passed over */
    static uint8_t data[2000];
    memcpy(want, rows, sizeof want);
    make_png(&file, PNG_COLOR_TYPE_RGB, 8, 0, W, H, rows);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        insert_chunk(names[i], data, sizeof data, i % 2);
    assert_pixels(want, 0);
}

/* A grey JPEG file in which each coefficient comes bit by bit, in a scan of its own: 1 + 63 * 7 scans. */
static void make_many_scans(int w, int h)
{
    static jpeg_scan_info scans[1 + 63 * 7];
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    int n = 0;
    scans[n++] = (jpeg_scan_info){ 1, { 0 }, 0, 0, 0, 0 };
    for (int k = 1; k < 64; k++)
        for (int bit = 6; bit >= 0; bit--)
            scans[n++] = (jpeg_scan_info){ 1, { 0 }, k, k, bit == 6 ? 0 : bit + 1, bit };
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = (JDIMENSION)w;
    jpeg.image_height = (JDIMENSION)h;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg.scan_info = scans;
    jpeg.num_scans = n;
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < h; y++) {
        JSAMPROW row = rows;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    assert_true(size <= sizeof file.bytes);
    memcpy(file.bytes, bytes, size);
    file.size = size;
    free(bytes);
}

static void test_many_scans(void **state)
{
    dim__image image;
    dim__sample_error error;
    (void)state;
    paint(rows, 256, 1, 1, 1);
    make_many_scans(256, 256);
    assert_int_equal(decode(&image, &error), DIM_OK); /* 29 million pixels in all are no work */
    free(image.pixels);
    rules.memory = 12 * 65536; /* 24 scans */
    assert_refused(DIM_E_FORMAT, "25 scans or more over 65536 pixels");
    rules.memory = 221 * 65536;
    assert_int_equal(decode(&image, &error), DIM_OK); /* 442 scans */
    free(image.pixels);
    rules.memory = 221 * 65536 - 1;
    assert_refused(DIM_E_FORMAT, "scans or more");
    rules.memory = DIM__IMAGE_MEMORY;
}

/* The size of a JPEG file of four inks, in several scans: that of its coefficients counts. */
static void test_memory(void **state)
{
    enum { SIDE = 64, NEED = 3 * SIDE * SIDE + 4 * 2 * SIDE * SIDE };
    dim__image image;
    dim__sample_error error;
    (void)state;
    paint(rows, SIDE, SIDE, 4, 1);
    make_jpeg(&file, 4, true, SIDE, SIDE, rows);
    rules.memory = NEED;
    if (decode(&image, &error) != DIM_OK)
        fail_msg("%s", error.text);
    free(image.pixels);
    rules.memory = NEED - 1;
    malloc_calls = 0;
    assert_refused(DIM_E_FORMAT, "64 x 64 pixels take 45056 bytes to decode; image_memory allows 45055");
    assert_int_equal(malloc_calls, 1); /* the copy here */
    rules.memory = DIM__IMAGE_MEMORY;
    for (size_t i = 0; i + 9 < file.size; i++) /* the size in the header of the frame: 8000 x 8000 */
        if (file.bytes[i] == 0xff && file.bytes[i + 1] == 0xc2)
            memcpy(file.bytes + i + 5, "\x1f\x40\x1f\x40", 4);
    malloc_calls = 0;
    assert_refused(DIM_E_FORMAT, "8000 x 8000 pixels take 704000000 bytes");
    assert_int_equal(malloc_calls, 1);
    make_jpeg(&file, 4, false, SIDE, SIDE, rows); /* in one scan rows are enough */
    rules.memory = 3 * SIDE * SIDE;
    assert_int_equal(decode(&image, &error), DIM_OK);
    uint8_t planes[3 * 16 * 16];
    assert_int_equal(dim__image_fit(&image, 16, "x", &rules, planes, &error), DIM_E_FORMAT);
    assert_non_null(strstr(error.text, "bytes to resize; image_memory allows 12288"));
    free(image.pixels);
    make_png(&file, PNG_COLOR_TYPE_RGB, 8, 0, SIDE, SIDE, rows);
    assert_refused(DIM_E_FORMAT, "image_memory allows 12288");
    rules.memory += SIDE * sizeof(void *);
    assert_int_equal(decode(&image, &error), DIM_OK);
    free(image.pixels);
    rules.memory = DIM__IMAGE_MEMORY;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_orientation_damaged),
        cmocka_unit_test(test_long_chunks),
        cmocka_unit_test(test_many_scans),
        cmocka_unit_test(test_memory),
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
