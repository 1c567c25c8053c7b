/* Pictures in memory, written as PNG. */
#include "canvas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t ex_white[3] = { 255, 255, 255 }, ex_green[3] = { 46, 160, 67 }, ex_red[3] = { 215, 58, 73 };
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

bool ex_canvas_close(ex_canvas *c, const char *path, const char **why)
{
    static char message[128];
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    png.width = (png_uint_32)c->width;
    png.height = (png_uint_32)c->height;
    png.format = PNG_FORMAT_RGB;
    bool written = png_image_write_to_file(&png, path, 0, c->rgb, 0, NULL) != 0;
    free(c->rgb);
    c->rgb = NULL;
    if (!written) {
        snprintf(message, sizeof message, "%s", png.message);
        *why = message;
    }
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

#endif

void ex_canvas_fill(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height, const uint8_t color[3])
{
    for (int64_t y = y0; y < y0 + height; y++)
        for (int64_t x = x0; x < x0 + width; x++)
            memcpy(c->rgb + 3 * (y * c->width + x), color, 3);
}

void ex_canvas_image(ex_canvas *c, int64_t x0, int64_t y0, const uint8_t *image, const int64_t shape[3], int64_t scale,
                     const uint8_t border[3])
{
    int64_t h = shape[1], w = shape[2];
    ex_canvas_fill(c, x0, y0, w * scale + 2 * EX_BORDER, h * scale + 2 * EX_BORDER, border);
    for (int64_t y = 0; y < h * scale; y++)
        for (int64_t x = 0; x < w * scale; x++)
            for (int64_t k = 0; k < 3; k++)
                c->rgb[3 * ((y0 + EX_BORDER + y) * c->width + x0 + EX_BORDER + x) + k] =
                    image[((shape[0] == 3 ? k : 0) * h + y / scale) * w + x / scale];
}

void ex_canvas_number(ex_canvas *c, int64_t x0, int64_t y0, double value, const uint8_t color[3])
{
    enum { DOT = 2 }; /* pixels of a dot of the characters, which are 3 dots wide and 5 high */
    static const char known[] = "0123456789-.";
    static const uint16_t dots[] = { 075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717,
                                     000700, 000002 }; /* an octal digit a row */
    char text[32];
    snprintf(text, sizeof text, "%.2f", value);
    for (int64_t i = 0; text[i] != '\0' && x0 + 4 * DOT * (i + 1) <= c->width; i++) {
        const char *at = strchr(known, text[i]);
        for (int k = 0; at != NULL && k < 15; k++)
            if (dots[at - known] >> (14 - k) & 1)
                ex_canvas_fill(c, x0 + DOT * (4 * i + k % 3), y0 + DOT * (k / 3), DOT, DOT, color);
    }
}
