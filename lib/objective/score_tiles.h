/* Scores s = scale y x' that are made in blocks, used up at once, and made again for the gradient; see score_tiles.c. */
#ifndef DIM_OBJECTIVE_SCORE_TILES_H
#define DIM_OBJECTIVE_SCORE_TILES_H

#include "base/context.h"

enum {
    DIM__SCORE_PART = 2048 /* scores that are differentiated at once; they and two copies fit a first-level cache */
};

/* Gets the scores of row `row`, columns [first, first + n).  Forward, `s` is scratch afterwards.  Backward, the
 * callback replaces it by d loss / d s. */
typedef void (*dim__tile_fn)(void *arg, int64_t row, int64_t first, int64_t n, float *s, int thread);

typedef struct dim__tiles {
    dim_context *ctx;
    const float *y, *x;   /* (rows, d), (columns, d) */
    int64_t rows, columns, d;
    float scale;
    int64_t limit;        /* most bytes of scores at once, but for one row; 0 = the usual */
    void *workspace;
    dim__tile_fn fn;
    void *arg;
} dim__tiles;

/* Bytes of workspace. */
size_t dim__tiles_forward_size(int64_t rows, int64_t columns, int64_t limit);
size_t dim__tiles_backward_size(int64_t rows, int64_t columns, int64_t limit);

/* fn sees every whole row once. */
void dim__tiles_forward(const dim__tiles *t);
/* fn turns scores, DIM__SCORE_PART at most, into gradients of s; dy (rows, d) and dx (columns, d) may be NULL. */
void dim__tiles_backward(const dim__tiles *t, float *dy, float *dx);

#endif
