/* Pictures of rows of images that networks take and make. */
#include "canvas.h"
#include "common.h"

#include <stdlib.h>

enum { MARGIN = 4, GAP = 14, LEAST_WIDTH = 560 /* for the caption */ };

/* One image: x in [-1, 1] becomes a byte, as bytes became x. */
static void draw_image(ex_canvas *c, int64_t x, int64_t y, const float *image, const int64_t shape[3], int64_t scale,
                       uint8_t *bytes)
{
    for (int64_t i = 0; i < shape[0] * shape[1] * shape[2]; i++) {
        float value = (image[i] + 1) * 127.5f + 0.5f;
        bytes[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    ex_canvas_frame(c, x, y, shape[2] * scale, shape[1] * scale);
    ex_canvas_image(c, x, y, bytes, shape, scale);
}

bool ex_draw_grid(const dim_tensor *const *parts, int n, int64_t columns, const char *caption, const char *path,
                  const char **why)
{
    ex_canvas c;
    const int64_t shape[3] = { dim_tensor_size(parts[0], 1), dim_tensor_size(parts[0], 2), dim_tensor_size(parts[0], 3) };
    int64_t scale = shape[1] >= 64 ? 1 : 2, w = shape[2] * scale + 2 * EX_BORDER + MARGIN, rows = 0;
    int64_t h = shape[1] * scale + 2 * EX_BORDER + MARGIN, inside = columns * w - MARGIN;
    if (shape[0] != 1 && shape[0] != 3) {
        *why = "images are neither gray nor RGB";
        return false;
    }
    for (int i = 0; i < n; i++)
        rows += dim_tensor_size(parts[i], 0) / columns;
    inside = inside > LEAST_WIDTH ? inside : LEAST_WIDTH;
    int64_t top = GAP + ex_canvas_caption(NULL, 0, 0, inside, caption) + GAP / 2;
    uint8_t *bytes = malloc((size_t)(shape[0] * shape[1] * shape[2]));
    if (bytes == NULL) {
        *why = "out of memory";
        return false;
    }
    if (!ex_canvas_open(&c, inside + 2 * GAP, top + rows * h - MARGIN + n * GAP, why)) {
        free(bytes);
        return false;
    }
    ex_canvas_caption(&c, GAP, GAP, inside, caption);
    for (int i = 0; i < n; i++) {
        const float *image = dim_tensor_const_data(parts[i]);
        int64_t count = dim_tensor_size(parts[i], 0);
        for (int64_t k = 0; k < count; k++, image += shape[0] * shape[1] * shape[2])
            draw_image(&c, GAP + k % columns * w, top + k / columns * h, image, shape, scale, bytes);
        top += count / columns * h + GAP;
    }
    free(bytes);
    return ex_canvas_close(&c, path, why);
}
