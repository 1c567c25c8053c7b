/* Pictures in memory, written as PNG. */
#ifndef EXAMPLES_CANVAS_H
#define EXAMPLES_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

enum { EX_BORDER = 3 }; /* of an image, in pixels of the picture */

typedef struct ex_canvas {
    uint8_t *rgb;
    int64_t width, height;
} ex_canvas;

extern const uint8_t ex_white[3], ex_green[3], ex_red[3], ex_dark[3];

/* A white canvas.  Returns false, and says why in `why`, when there is none. */
bool ex_canvas_open(ex_canvas *c, int64_t width, int64_t height, const char **why);

void ex_canvas_fill(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height, const uint8_t color[3]);

/* An image (C, H, W) of bytes, enlarged, inside a border. */
void ex_canvas_image(ex_canvas *c, int64_t x0, int64_t y0, const uint8_t *image, const int64_t shape[3], int64_t scale,
                     const uint8_t border[3]);

/* A number with two decimals; each character is 8 x 10 pixels. */
void ex_canvas_number(ex_canvas *c, int64_t x0, int64_t y0, double value, const uint8_t color[3]);

/* Writes and releases the canvas. */
bool ex_canvas_close(ex_canvas *c, const char *path, const char **why);

#endif
