/* The retrieval picture: each row a query image and the 9 images of the test set that its features are nearest to. */
#include "canvas.h"
#include "common.h"

enum { ROWS = 10, NEAREST = 9, MARGIN = 3, GAP = 14 };

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

bool ex_picture(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    int64_t count = dim_dataset_count(run->test), queries[ROWS], found[ROWS][NEAREST];
    int64_t scale = run->shape[1] >= 64 ? 1 : 2;
    int64_t cell_w = run->shape[2] * scale + 2 * EX_BORDER, cell_h = run->shape[1] * scale + 2 * EX_BORDER;
    ex_canvas c;
    dim_tensor *images = NULL, *all_labels = NULL;
    if (dim_dataset_dtype(run->test) != DIM_U8 || (run->shape[0] != 1 && run->shape[0] != 3) || count <= NEAREST) {
        *why = "it needs at least 10 test images of bytes, gray or RGB";
        return false;
    }
    int64_t shape[4] = { count, run->shape[0], run->shape[1], run->shape[2] }, size = shape[1] * shape[2] * shape[3];
    if (!ex_canvas_open(&c, cell_w + GAP + NEAREST * (cell_w + MARGIN) + 2 * GAP - MARGIN,
                        ROWS * (cell_h + MARGIN) + 2 * GAP - MARGIN, why))
        return false;
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, shape, &images));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 1, shape, &all_labels));
    EX_TRY(run, dim_dataset_read(run->test, 0, count, images, all_labels));
    const uint8_t *pixels = dim_tensor_const_data(images);
    const int64_t *labels = dim_tensor_const_data(all_labels);
    choose_queries(labels, count, queries);
    find_nearest(run, encoder, queries, found);

    for (int64_t i = 0; i < ROWS; i++) {
        int64_t y = GAP + i * (cell_h + MARGIN), x = GAP;
        ex_canvas_image(&c, x, y, pixels + queries[i] * size, run->shape, scale, ex_dark);
        x += cell_w + GAP;
        for (int64_t j = 0; j < NEAREST; j++, x += cell_w + MARGIN)
            ex_canvas_image(&c, x, y, pixels + found[i][j] * size, run->shape, scale,
                            labels[found[i][j]] == labels[queries[i]] ? ex_green : ex_red);
    }
    dim_tensor_destroy(images);
    dim_tensor_destroy(all_labels);
    return ex_canvas_close(&c, path, why);
}
