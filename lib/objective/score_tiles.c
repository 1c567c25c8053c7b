/* Forward, whole rows are wanted: scores are made some rows at a time, against all of x.
 * Backward every score's gradient is its own affair, so that scores are made anew in tiles, turned into gradients in
 * place, and multiplied:
 *
 *                x' tile         for each tile of columns          s  = scale y x'
 *              +--------+          for each tile of rows           s <- ds
 *     y tile   |   s    |            dy rows    += scale ds x
 *              +--------+            dx columns += scale ds' y
 *
 * x and dx then pass through memory once, and y and dy, which are smaller, once a tile of columns.  The order of sums
 * is that of the tiles, so results depend on the sizes and the number of threads only. */
#include "objective/score_tiles.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"

enum {
    GRAIN = 8192,          /* scores that are worth a thread */
    LEAST_COLUMNS = 256,   /* of a tile that does not hold all rows: fewer make slow products */
    /* When the caller sets no limit.  On one core of a Zen 5, 1024 pairs of amdim32 (50176 columns, d 512): forward takes
     * 685 ms with blocks of 4 MB, 370 with 16, 320 with 32, 274 with all scores at once, as x is read once a block;
     * backward 696 with tiles of 4 MB, 725 with 16 and 758 with 64. */
    USUAL_ROWS = 128,
    USUAL_BLOCK = 16 << 20,
    USUAL_TILE = 8 << 20
};

typedef struct sizes {
    int64_t rows;                    /* forward: of a block */
    int64_t tile_rows, tile_columns; /* backward */
} sizes;

static sizes sizes_of(int64_t rows, int64_t columns, int64_t limit)
{
    int64_t block = (limit > 0 ? limit : USUAL_BLOCK) / (int64_t)sizeof(float);
    int64_t tile = (limit > 0 ? limit : USUAL_TILE) / (int64_t)sizeof(float);
    sizes z = { .rows = dim__max64(block / columns, limit > 0 ? 1 : USUAL_ROWS) };
    z.rows = dim__min64(z.rows, rows);
    z.tile_columns = dim__min64(dim__max64(tile / rows, LEAST_COLUMNS), columns);
    z.tile_rows = dim__min64(dim__max64(tile / z.tile_columns, 1), rows);
    return z;
}

size_t dim__tiles_forward_size(int64_t rows, int64_t columns, int64_t limit)
{
    return (size_t)sizes_of(rows, columns, limit).rows * (size_t)columns * sizeof(float);
}

size_t dim__tiles_backward_size(int64_t rows, int64_t columns, int64_t limit)
{
    sizes z = sizes_of(rows, columns, limit);
    return (size_t)z.tile_rows * (size_t)z.tile_columns * sizeof(float);
}

typedef struct block { /* one block or tile */
    const dim__tiles *t;
    int64_t row, column, width, part;
} block;

static void run_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const block *b = arg;
    for (int64_t r = begin; r < end; r++) {
        float *s = (float *)b->t->workspace + r * b->width;
        for (int64_t at = 0; at < b->width; at += b->part)
            b->t->fn(b->t->arg, b->row + r, b->column + at, dim__min64(b->width - at, b->part), s + at, thread);
    }
}

/* s = scale y x' for `rows` rows of the block, and fn on them. */
static void make(block *b, int64_t rows)
{
    const dim__tiles *t = b->t;
    dim__gemm(t->ctx, false, true, rows, b->width, t->d, t->scale, t->y + b->row * t->d, t->d, t->x + b->column * t->d,
              t->d, 0, t->workspace, b->width);
    dim__parallel(t->ctx, rows, dim__max64(1, GRAIN / b->width), run_rows, b);
}

void dim__tiles_forward(const dim__tiles *t)
{
    int64_t step = sizes_of(t->rows, t->columns, t->limit).rows;
    block b = { .t = t, .width = t->columns, .part = t->columns };
    for (; b.row < t->rows; b.row += step)
        make(&b, dim__min64(t->rows - b.row, step));
}

void dim__tiles_backward(const dim__tiles *t, float *dy, float *dx)
{
    sizes z = sizes_of(t->rows, t->columns, t->limit);
    block b = { .t = t, .part = DIM__SCORE_PART };
    for (; b.column < t->columns; b.column += z.tile_columns) {
        b.width = dim__min64(t->columns - b.column, z.tile_columns);
        for (b.row = 0; b.row < t->rows; b.row += z.tile_rows) {
            int64_t m = dim__min64(t->rows - b.row, z.tile_rows), d = t->d;
            make(&b, m);
            if (dy != NULL)
                dim__gemm(t->ctx, false, false, m, d, b.width, t->scale, t->workspace, b.width, t->x + b.column * d, d,
                          b.column > 0, dy + b.row * d, d);
            if (dx != NULL)
                dim__gemm(t->ctx, true, false, b.width, d, m, t->scale, t->workspace, b.width, t->y + b.row * d, d,
                          b.row > 0, dx + b.column * d, d);
        }
    }
}
