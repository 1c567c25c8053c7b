/* The ops that turn features into a loss without ever holding all of their scores.
 *
 * dot_estimator:      y (N G, d), x (N L, d) [, state]: the scores are u = y x', rows and columns as of op estimator.
 *                     attr, outputs: as op estimator's.
 * dot_estimator_grad: y, x, record, d loss -> dy, dx; the one that attr does not want is empty.
 *
 * Forward, an estimator wants whole rows: scores are made some rows at a time, against all of x.
 * Backward, the rows' accumulators are known and every score's gradient is its own affair, so that scores are made anew
 * in tiles, turned into gradients in place, and multiplied:
 *
 *                x' tile         for each tile of columns          u  = y x'
 *              +--------+          for each tile of rows           u <- du
 *     y tile   |   u    |            dy rows    += du x
 *              +--------+            dx columns += du' y
 *
 * x and dx then pass through memory once, and y and dy, which are smaller, once a tile of columns.  The order of sums
 * is that of the tiles, so results depend on the sizes and the number of threads only. */
#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include "objective/score_rows.h"

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

typedef struct tiling {
    int64_t rows;                    /* forward: of a block */
    int64_t tile_rows, tile_columns; /* backward */
} tiling;

static tiling tiles_of(int64_t rows, int64_t columns, int64_t limit)
{
    int64_t block = (limit > 0 ? limit : USUAL_BLOCK) / (int64_t)sizeof(float);
    int64_t tile = (limit > 0 ? limit : USUAL_TILE) / (int64_t)sizeof(float);
    tiling t = { .rows = dim__max64(block / columns, limit > 0 ? 1 : USUAL_ROWS) };
    t.rows = dim__min64(t.rows, rows);
    t.tile_columns = dim__min64(dim__max64(tile / rows, LEAST_COLUMNS), columns);
    t.tile_rows = dim__min64(dim__max64(tile / t.tile_columns, 1), rows);
    return t;
}

typedef struct dot_task {
    dim__score_rows rows;
    float *scores;             /* a block, or a tile */
    float *scratch;            /* backward: parts of a row for each thread */
    int64_t row, column, width; /* of its first score, and of all */
} dot_task;

static void forward_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const dot_task *t = arg;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        float *u = t->scores + r * t->width;
        dim__score_row_forward(&t->rows, t->row + r, dim__score_columns(&t->rows, t->row + r, 0, t->width, u, u));
    }
}

static void backward_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const dot_task *t = arg;
    float *scratch = t->scratch + thread * 2 * DIM__SCORE_PART;
    for (int64_t r = begin; r < end; r++)
        for (int64_t at = 0; at < t->width; at += DIM__SCORE_PART) {
            float *u = t->scores + r * t->width + at;
            int64_t n = dim__min64(t->width - at, DIM__SCORE_PART);
            dim__score_row_backward(&t->rows, t->row + r,
                                    dim__score_columns(&t->rows, t->row + r, t->column + at, n, u, u), scratch);
        }
}

static void run_rows(dot_task *t, dim_context *ctx, int64_t rows, dim__task_fn fn)
{
    dim__parallel(ctx, rows, dim__max64(1, GRAIN / t->width), fn, t);
}

/* The products apply the scale, so that rows begin with s = scale u. */
static float set_up(dot_task *t, const dim__exec *e, double *record)
{
    memset(t, 0, sizeof *t);
    dim__score_rows_all(&t->rows, e->ctx, e->attr, record, dim__shape_rows(e->in_shape[0]),
                        dim__shape_rows(e->in_shape[1]));
    t->scores = e->workspace;
    t->width = t->rows.columns;
    float scale = t->rows.o.scale;
    t->rows.o.scale = 1;
    return scale;
}

static void run_dot_estimator(const dim__exec *e)
{
    dot_task t;
    const float *y = e->in[0], *x = e->in[1];
    float scale = set_up(&t, e, e->out[2]);
    int64_t d = dim__shape_last(e->in_shape[0]), rows = t.rows.batch.rows;
    int64_t step = tiles_of(rows, t.width, e->attr->i[2]).rows;
    for (; t.row < rows; t.row += step) {
        int64_t m = dim__min64(rows - t.row, step);
        dim__gemm(e->ctx, false, true, m, t.width, d, scale, y + t.row * d, d, x, d, 0, t.scores, t.width);
        run_rows(&t, e->ctx, m, forward_rows);
    }
    dim__score_rows_finish(&t.rows, e->n_in > 2 ? *(const float *)e->in[2] : NAN, e->out[0], e->out[1]);
}

static void run_dot_estimator_grad(const dim__exec *e)
{
    dot_task t;
    dim_context *ctx = e->ctx;
    float scale = set_up(&t, e, e->in[2]);
    bool want_y = e->attr->i[3] != 0, want_x = e->attr->i[4] != 0;
    int64_t d = dim__shape_last(e->in_shape[0]), rows = t.rows.batch.rows, columns = t.rows.columns;
    tiling tile = tiles_of(rows, columns, e->attr->i[2]);
    t.scratch = t.scores + tile.tile_rows * tile.tile_columns;
    dim__score_rows_resume(&t.rows, *(const float *)e->in[3]);
    for (t.column = 0; t.column < columns; t.column += tile.tile_columns) {
        const float *x = (const float *)e->in[1] + t.column * d;
        t.width = dim__min64(columns - t.column, tile.tile_columns);
        for (t.row = 0; t.row < rows; t.row += tile.tile_rows) {
            const float *y = (const float *)e->in[0] + t.row * d;
            int64_t m = dim__min64(rows - t.row, tile.tile_rows);
            dim__gemm(ctx, false, true, m, t.width, d, scale, y, d, x, d, 0, t.scores, t.width);
            run_rows(&t, ctx, m, backward_rows);
            if (want_y)
                dim__gemm(ctx, false, false, m, d, t.width, scale, t.scores, t.width, x, d, t.column > 0,
                          (float *)e->out[0] + t.row * d, d);
            if (want_x)
                dim__gemm(ctx, true, false, t.width, d, m, scale, t.scores, t.width, y, d, t.row > 0,
                          (float *)e->out[1] + t.column * d, d);
        }
    }
}

static tiling tiles_of_node(const dim__infer *inf)
{
    return tiles_of(dim__shape_rows(&inf->in[0]), dim__shape_rows(&inf->in[1]), inf->attr->i[2]);
}

static size_t workspace_forward(const dim__infer *inf)
{
    return (size_t)tiles_of_node(inf).rows * (size_t)dim__shape_rows(&inf->in[1]) * sizeof(float);
}

static size_t workspace_backward(const dim__infer *inf)
{
    tiling t = tiles_of_node(inf);
    return (size_t)t.tile_rows * (size_t)t.tile_columns * sizeof(float) + dim__score_scratch(inf->ctx);
}

static dim_status infer(dim__infer *inf)
{
    const dim__shape *y = &inf->in[0], *x = &inf->in[1];
    int64_t n = inf->attr->i[0];
    DIM__TRY(dim__infer_types(inf, 0));
    if (n < 2)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: a batch of %lld has no negatives", inf->op, (long long)n);
    if (y->rank < 2 || dim__shape_count(y) < 1 || dim__shape_rows(y) % n != 0)
        return dim__infer_fail(inf, 0, "(N G, d), a multiple of the samples");
    if (x->rank < 2 || dim__shape_count(x) < 1 || dim__shape_rows(x) % n != 0 ||
        dim__shape_last(x) != dim__shape_last(y))
        return dim__infer_fail(inf, 1, "(N L, d), a multiple of the samples, as wide as input 0");
    return dim__score_infer(inf, dim__shape_rows(y), 2);
}

/* Emitted by the op's own backward only. */
static dim_status infer_grad(dim__infer *inf)
{
    for (int k = 0; k < inf->n_in; k++)
        if (inf->in_type[k] != (k == 2 ? DIM_F64 : DIM_F32))
            return dim__infer_fail(inf, k, "features, a record and a gradient");
    for (int k = 0; k < 2; k++)
        inf->out[k] = inf->attr->i[3 + k] != 0 ? inf->in[k] : dim__shape1(0);
    return DIM_OK;
}

static void backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dout[0] == DIM__NONE)
        return;
    dim__vid in[4] = { node->in[0], node->in[1], node->out[2], dout[0] };
    dim__attr attr = node->attr;
    attr.i[3] = dim__wants_grad(g, in[0]);
    attr.i[4] = dim__wants_grad(g, in[1]);
    dim__vid first = dim__emit(g, &dim__op_dot_estimator_grad, 4, in, &attr);
    for (int k = 0; k < 2; k++)
        din[k] = attr.i[3 + k] != 0 ? dim__out(first, k) : DIM__NONE;
}

const dim__op dim__op_dot_estimator = { .name = "dot_estimator", .min_in = 2, .max_in = 3, .n_out = 3, .infer = infer,
                                        .workspace = workspace_forward, .backward = backward,
                                        .run = run_dot_estimator };
const dim__op dim__op_dot_estimator_grad = { .name = "dot_estimator_grad", .min_in = 4, .max_in = 4, .n_out = 2,
                                             .infer = infer_grad, .workspace = workspace_backward,
                                             .run = run_dot_estimator_grad };
