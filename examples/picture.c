/* The retrieval picture: each row a query image and the 9 images of the test set that its features are nearest to. */
#include "common.h"

#if EX_HAVE_PNG
#include <png.h>
#include <stdlib.h>

enum { ROWS = 10, NEAREST = 9, BORDER = 3, MARGIN = 3, GAP = 14 };

typedef struct canvas {
    uint8_t *rgb;
    int64_t width, height;
} canvas;

static const uint8_t white[3] = { 255, 255, 255 }, green[3] = { 46, 160, 67 }, red[3] = { 215, 58, 73 },
                     dark[3] = { 60, 60, 60 };

static void fill(canvas *c, int64_t x0, int64_t y0, int64_t width, int64_t height, const uint8_t color[3])
{
    for (int64_t y = y0; y < y0 + height; y++)
        for (int64_t x = x0; x < x0 + width; x++)
            memcpy(c->rgb + 3 * (y * c->width + x), color, 3);
}

/* An image (C, H, W) of bytes, enlarged, inside a border. */
static void draw(canvas *c, int64_t x0, int64_t y0, const uint8_t *image, const int64_t shape[3], int64_t scale,
                 const uint8_t color[3])
{
    int64_t h = shape[1], w = shape[2];
    fill(c, x0, y0, w * scale + 2 * BORDER, h * scale + 2 * BORDER, color);
    for (int64_t y = 0; y < h * scale; y++)
        for (int64_t x = 0; x < w * scale; x++)
            for (int64_t k = 0; k < 3; k++)
                c->rgb[3 * ((y0 + BORDER + y) * c->width + x0 + BORDER + x) + k] =
                    image[((shape[0] == 3 ? k : 0) * h + y / scale) * w + x / scale];
}

/* The first image of each class, then, if there are few classes, the first images again. */
static void choose_queries(const int64_t *labels, int64_t count, int64_t queries[ROWS])
{
    int64_t chosen = 0;
    for (int64_t i = 0; i < count && chosen < ROWS; i++) {
        bool seen = false;
        for (int64_t j = 0; j < chosen; j++)
            seen |= labels[queries[j]] == labels[i];
        if (!seen)
            queries[chosen++] = i;
    }
    for (int64_t i = 0; chosen < ROWS; i = (i + 1) % count)
        queries[chosen++] = i;
    for (int64_t i = 1; i < chosen; i++) /* in the order of their classes */
        for (int64_t j = i; j > 0 && labels[queries[j]] < labels[queries[j - 1]]; j--) {
            int64_t swap = queries[j];
            queries[j] = queries[j - 1];
            queries[j - 1] = swap;
        }
}

/* found[row]: the query itself comes first, as a rule, and is left out. */
static void find_nearest(ex_run *run, dim_encoder *encoder, const int64_t queries[ROWS], int64_t found[ROWS][NEAREST])
{
    dim_tensor *keys = NULL, *some = NULL, *indices = NULL;
    EX_TRY(run, dim_probe_features(encoder, run->program->code, run->test, 0, dim_dataset_count(run->test), &keys));
    int64_t width = dim_tensor_size(keys, 1), shape[2] = { ROWS, width }, nearest[2] = { ROWS, NEAREST + 1 };
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, shape, &some));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 2, nearest, &indices));
    for (int64_t i = 0; i < ROWS; i++)
        memcpy((float *)dim_tensor_data(some) + i * width,
               (const float *)dim_tensor_const_data(keys) + queries[i] * width, (size_t)width * sizeof(float));
    EX_TRY(run, dim_probe_neighbors(run->ctx, DIM_PROBE_KNN_COSINE, some, keys, indices));
    const int64_t *index = dim_tensor_const_data(indices);
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0, k = 0; j <= NEAREST && k < NEAREST; j++)
            if (index[i * (NEAREST + 1) + j] != queries[i])
                found[i][k++] = index[i * (NEAREST + 1) + j];
    dim_tensor_destroy(indices);
    dim_tensor_destroy(some);
    dim_tensor_destroy(keys);
}

static bool write_png(const canvas *c, const char *path, const char **why)
{
    static char message[128];
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    png.width = (png_uint_32)c->width;
    png.height = (png_uint_32)c->height;
    png.format = PNG_FORMAT_RGB;
    if (png_image_write_to_file(&png, path, 0, c->rgb, 0, NULL))
        return true;
    snprintf(message, sizeof message, "%s", png.message);
    *why = message;
    return false;
}

bool ex_picture(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    int64_t count = dim_dataset_count(run->test), queries[ROWS], found[ROWS][NEAREST];
    int64_t scale = run->shape[1] >= 64 ? 1 : 2;
    int64_t cell_w = run->shape[2] * scale + 2 * BORDER, cell_h = run->shape[1] * scale + 2 * BORDER;
    canvas c = { NULL, cell_w + GAP + NEAREST * (cell_w + MARGIN) + 2 * GAP - MARGIN,
                 ROWS * (cell_h + MARGIN) + 2 * GAP - MARGIN };
    dim_tensor *images = NULL, *all_labels = NULL;
    if (dim_dataset_dtype(run->test) != DIM_U8 || (run->shape[0] != 1 && run->shape[0] != 3) || count <= NEAREST) {
        *why = "it needs at least 10 test images of bytes, gray or RGB";
        return false;
    }
    int64_t shape[4] = { count, run->shape[0], run->shape[1], run->shape[2] }, size = shape[1] * shape[2] * shape[3];
    c.rgb = malloc((size_t)(3 * c.width * c.height));
    if (c.rgb == NULL) {
        *why = "out of memory";
        return false;
    }
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, shape, &images));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 1, shape, &all_labels));
    EX_TRY(run, dim_dataset_read(run->test, 0, count, images, all_labels));
    const uint8_t *pixels = dim_tensor_const_data(images);
    const int64_t *labels = dim_tensor_const_data(all_labels);
    choose_queries(labels, count, queries);
    find_nearest(run, encoder, queries, found);

    fill(&c, 0, 0, c.width, c.height, white);
    for (int64_t i = 0; i < ROWS; i++) {
        int64_t y = GAP + i * (cell_h + MARGIN), x = GAP;
        draw(&c, x, y, pixels + queries[i] * size, run->shape, scale, dark);
        x += cell_w + GAP;
        for (int64_t j = 0; j < NEAREST; j++, x += cell_w + MARGIN)
            draw(&c, x, y, pixels + found[i][j] * size, run->shape, scale,
                 labels[found[i][j]] == labels[queries[i]] ? green : red);
    }
    bool written = write_png(&c, path, why);
    free(c.rgb);
    dim_tensor_destroy(images);
    dim_tensor_destroy(all_labels);
    return written;
}

#else

bool ex_picture(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    (void)run, (void)encoder, (void)path;
    *why = "this build is without libpng";
    return false;
}

#endif
