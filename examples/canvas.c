/* Pictures in memory, written as PNG. */
#include "canvas.h"
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t ex_white[3] = { 255, 255, 255 }, ex_blue[3] = { 0, 114, 178 }, ex_orange[3] = { 230, 159, 0 };
const uint8_t ex_dark[3] = { 60, 60, 60 };

#if EX_HAVE_PNG
#include <png.h>

bool ex_canvas_open(ex_canvas *c, int64_t width, int64_t height, const char **why)
{
    *c = (ex_canvas){ malloc((size_t)(3 * width * height)), width, height };
    if (c->rgb == NULL) {
        *why = "out of memory";
        return false;
    }
    ex_canvas_fill(c, 0, 0, width, height, ex_white);
    return true;
}

static png_image image_of(const ex_canvas *c)
{
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    png.width = (png_uint_32)c->width;
    png.height = (png_uint_32)c->height;
    png.format = PNG_FORMAT_RGB;
    return png;
}

/* Releases the canvas, whether it was written or not. */
static void release(ex_canvas *c, const png_image *png, bool written, const char **why)
{
    static char message[128];
    free(c->rgb);
    c->rgb = NULL;
    if (!written) {
        snprintf(message, sizeof message, "%s", png->message[0] != '\0' ? png->message : "out of memory");
        *why = message;
    }
}

uint8_t *ex_canvas_pack(ex_canvas *c, size_t *size, const char **why)
{
    png_image png = image_of(c);
    png_alloc_size_t bytes = 0;
    uint8_t *packed = NULL;
    if (png_image_write_to_memory(&png, NULL, &bytes, 0, c->rgb, 0, NULL) != 0) /* how many there will be */
        packed = malloc(bytes);
    if (packed != NULL && png_image_write_to_memory(&png, packed, &bytes, 0, c->rgb, 0, NULL) == 0) {
        free(packed);
        packed = NULL;
    }
    release(c, &png, packed != NULL, why);
    *size = bytes;
    return packed;
}

bool ex_canvas_close(ex_canvas *c, const char *path, const char **why)
{
    size_t size;
    uint8_t *packed = ex_canvas_pack(c, &size, why);
    if (packed == NULL)
        return false;
    bool written = ex_write_file(path, packed, size);
    if (!written)
        *why = strerror(errno); /* before free() */
    free(packed);
    return written;
}

#else

bool ex_canvas_open(ex_canvas *c, int64_t width, int64_t height, const char **why)
{
    (void)c, (void)width, (void)height;
    *why = "this build is without libpng";
    return false;
}

bool ex_canvas_close(ex_canvas *c, const char *path, const char **why)
{
    (void)c, (void)path, (void)why;
    return false;
}

uint8_t *ex_canvas_pack(ex_canvas *c, size_t *size, const char **why)
{
    (void)c, (void)size, (void)why;
    return NULL;
}

#endif

void ex_canvas_fill(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height, const uint8_t color[3])
{
    int64_t x1 = x0 + width < c->width ? x0 + width : c->width, y1 = y0 + height < c->height ? y0 + height : c->height;
    for (int64_t y = y0 > 0 ? y0 : 0; y < y1; y++)
        for (int64_t x = x0 > 0 ? x0 : 0; x < x1; x++)
            memcpy(c->rgb + 3 * (y * c->width + x), color, 3);
}

void ex_canvas_border(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height, const uint8_t color[3],
                      bool dashed)
{
    enum { DASH = 8, B = EX_BORDER };
    int64_t w = width + 2 * B, h = height + 2 * B, step = dashed ? 2 * DASH : DASH;
    for (int64_t x = 0; x < w; x += step) {
        int64_t length = w - x < DASH ? w - x : DASH;
        ex_canvas_fill(c, x0 + x, y0, length, B, color);
        ex_canvas_fill(c, x0 + x, y0 + h - B, length, B, color);
    }
    for (int64_t y = 0; y < h; y += step) {
        int64_t length = h - y < DASH ? h - y : DASH;
        ex_canvas_fill(c, x0, y0 + y, B, length, color);
        ex_canvas_fill(c, x0 + w - B, y0 + y, B, length, color);
    }
}

void ex_canvas_image(ex_canvas *c, int64_t x0, int64_t y0, const uint8_t *image, const int64_t shape[3], int64_t scale)
{
    int64_t h = shape[1], w = shape[2];
    for (int64_t y = 0; y < h * scale; y++)
        for (int64_t x = 0; x < w * scale; x++)
            for (int64_t k = 0; k < 3; k++)
                c->rgb[3 * ((y0 + EX_BORDER + y) * c->width + x0 + EX_BORDER + x) + k] =
                    image[((shape[0] == 3 ? k : 0) * h + y / scale) * w + x / scale];
}

/* Where a value lies, in a height; what is beyond its range lies on the border. */
static int64_t row_of(float value, int64_t height, float low, float high)
{
    float at = high > low ? (high - value) / (high - low) : 0.5f;
    return (int64_t)((at > 0 ? at < 1 ? at : 1 : 0) * (float)(height - 1) + 0.5f);
}

void ex_canvas_line(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height, const float *values, int64_t count,
                    float low, float high)
{
    enum { PEN = 2 };
    int64_t last = row_of(values[0], height - PEN + 1, low, high);
    for (int64_t x = 0; x < width - PEN + 1; x++) {
        float at = (float)x * (float)(count - 1) / (float)(width - PEN);
        int64_t i = (int64_t)at, next = i + 1 < count ? i + 1 : i;
        float value = values[i] + (at - (float)i) * (values[next] - values[i]);
        int64_t row = row_of(value, height - PEN + 1, low, high), top = row < last ? row : last;
        ex_canvas_fill(c, x0 + EX_BORDER + x, y0 + EX_BORDER + top, PEN, (row > last ? row : last) - top + PEN, ex_dark);
        last = row;
    }
}

void ex_canvas_frame(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height)
{
    enum { THIN = 2, OUT = EX_BORDER - THIN };
    ex_canvas_fill(c, x0 + OUT, y0 + OUT, width + 2 * THIN, height + 2 * THIN, ex_dark);
    ex_canvas_fill(c, x0 + EX_BORDER, y0 + EX_BORDER, width, height, ex_white);
}
