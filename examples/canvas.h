/* Pictures in memory, written as PNG. */
#ifndef EXAMPLES_CANVAS_H
#define EXAMPLES_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EX_BORDER = 4 };                           /* of an image, in pixels of the picture */
enum { EX_GLYPH_WIDTH = 6, EX_GLYPH_HEIGHT = 9 }; /* of a character, in dots */
enum { EX_KEY = 28 };                             /* height of a key, in pixels */
enum { EX_DOT = 2, EX_LINE = 22 };                /* pixels of a dot, and from one line of text to the next */

typedef struct ex_canvas {
    uint8_t *rgb;
    int64_t width, height;
} ex_canvas;

/* Blue and orange look different to everybody, also to those who cannot tell red from green. */
extern const uint8_t ex_white[3], ex_blue[3], ex_orange[3], ex_dark[3];

/* A white canvas.  Returns false, and says why in `why`, when there is none. */
bool ex_canvas_open(ex_canvas *c, int64_t width, int64_t height, const char **why);

/* Fills a rectangle; what is outside of the canvas is left out. */
void ex_canvas_fill(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height, const uint8_t color[3]);

/* A border around a place of width x height, EX_BORDER wide outside of it; dashed: with gaps. */
void ex_canvas_border(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height, const uint8_t color[3],
                      bool dashed);

/* An image (C, H, W) of bytes, enlarged, with room for a border around it. */
void ex_canvas_image(ex_canvas *c, int64_t x0, int64_t y0, const uint8_t *image, const int64_t shape[3], int64_t scale);

/* A signal of `count` values, as a line through a place of width x height that reaches from `low` to `high`, with room for a
 * border around it. */
void ex_canvas_line(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height, const float *values, int64_t count,
                    float low, float high);

/* A thin frame right around an image that is drawn into it afterwards. */
void ex_canvas_frame(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height);

/* Writes and releases the canvas. */
bool ex_canvas_close(ex_canvas *c, const char *path, const char **why);
/* The same in memory, which free() releases; NULL, with `why`: there is none. */
uint8_t *ex_canvas_pack(ex_canvas *c, size_t *size, const char **why);

/* ---- font.c */

int64_t ex_text_width(const char *text);
void ex_canvas_text(ex_canvas *c, int64_t x0, int64_t y0, const char *text, const uint8_t color[3]);

/* What a border means, beside a small piece of it.  Returns where the next one can be. */
int64_t ex_canvas_key(ex_canvas *c, int64_t x0, int64_t y0, const uint8_t color[3], bool dashed, const char *text);

/* A text in as many lines as it needs in a width.  Returns their height; c NULL: draws nothing. */
int64_t ex_canvas_caption(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, const char *text);

#endif
