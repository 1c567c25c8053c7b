/* The ops that turn features into a loss without ever holding all of their scores (score_tiles.c): forward, rows go through the
 * estimator as they are made; backward, the rows' accumulators are known.
 *
 * dot_estimator:      y (N G, d), x (N L, d) [, state]: the scores are u = y x', rows and columns as of op estimator; x is of all
 *                     ranks.
 *                     attr, outputs: as op estimator's.
 * dot_estimator_grad: y, x, record, d loss -> dy, dx; the one that attr does not want is empty. */
#include "base/comm.h"
#include "objective/score_rows.h"
#include "objective/score_tiles.h"

#include <math.h>

typedef struct dot_task {
    dim__score_rows rows;
    float *scratch; /* backward: parts of a row for each thread */
} dot_task;

static void forward_row(void *arg, int64_t r, int64_t first, int64_t n, float *s, int thread)
{
    const dot_task *t = arg;
    (void)thread;
    dim__score_row_forward(&t->rows, r, dim__score_columns(&t->rows, r, first, n, s, s));
}

static void backward_row(void *arg, int64_t r, int64_t first, int64_t n, float *s, int thread)
{
    const dot_task *t = arg;
    dim__score_row_backward(&t->rows, r, dim__score_columns(&t->rows, r, first, n, s, s),
                            t->scratch + thread * 2 * DIM__SCORE_PART);
}

/* The products apply the scale, so that rows begin with s = scale u. */
static dim__tiles set_up(dot_task *t, const dim__exec *e, double *record, dim__tile_fn fn)
{
    dim__tiles tiles = { .ctx = e->ctx, .y = e->in[0], .x = e->in[1], .rows = dim__shape_rows(e->in_shape[0]),
                         .columns = dim__shape_rows(e->in_shape[1]), .d = dim__shape_last(e->in_shape[0]),
                         .limit = dim__score_limit(e->attr), .workspace = e->workspace, .fn = fn, .arg = t };
    memset(t, 0, sizeof *t);
    dim__score_rows_all(&t->rows, e, record, tiles.rows, tiles.columns);
    tiles.scale = t->rows.o.scale;
    t->rows.o.scale = 1;
    return tiles;
}

static void run_dot_estimator(const dim__exec *e)
{
    dot_task t;
    dim__tiles tiles = set_up(&t, e, e->out[2], forward_row);
    dim__tiles_forward(&tiles);
    dim__score_rows_finish(&t.rows, e->n_in > 2 ? *(const float *)e->in[2] : NAN, e->out[0], e->out[1]);
}

static void run_dot_estimator_grad(const dim__exec *e)
{
    dot_task t;
    const int64_t *wants = e->attr->scores.wants;
    dim__tiles tiles = set_up(&t, e, e->in[2], backward_row);
    size_t scores = dim__tiles_backward_size(tiles.rows, tiles.columns, tiles.limit);
    t.scratch = (float *)e->workspace + scores / sizeof(float);
    dim__score_rows_resume(&t.rows, *(const float *)e->in[3]);
    dim__tiles_backward(&tiles, wants[0] ? e->out[0] : NULL, wants[1] ? e->out[1] : NULL);
}

static size_t workspace_forward(const dim__infer *inf)
{
    int64_t limit = dim__score_limit(inf->attr);
    return dim__tiles_forward_size(dim__shape_rows(&inf->in[0]), dim__shape_rows(&inf->in[1]), limit);
}

static size_t workspace_backward(const dim__infer *inf)
{
    int64_t limit = dim__score_limit(inf->attr);
    return dim__tiles_backward_size(dim__shape_rows(&inf->in[0]), dim__shape_rows(&inf->in[1]), limit) +
           dim__score_scratch(inf->ctx);
}

static dim_status infer(dim__infer *inf)
{
    const dim__shape *y = &inf->in[0], *x = &inf->in[1];
    int64_t n = inf->attr->scores.samples, all = n * dim__ranks(inf->comm);
    DIM__TRY(dim__infer_types(inf, 0));
    if (n < 2)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: a batch of %lld has no negatives", inf->op, (long long)n);
    if (y->rank < 2 || dim__shape_count(y) < 1 || dim__shape_rows(y) % n != 0)
        return dim__infer_fail(inf, 0, "(N G, d), a multiple of the samples");
    if (x->rank < 2 || dim__shape_count(x) < 1 || dim__shape_rows(x) % all != 0 ||
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
        inf->out[k] = inf->attr->scores.wants[k] ? inf->in[k] : dim__shape1(0);
    return DIM_OK;
}

static void backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dout[0] == DIM__NONE)
        return;
    dim__vid in[4] = { node->in[0], node->in[1], node->out[2], dout[0] };
    dim__attr attr = node->attr;
    for (int k = 0; k < 2; k++)
        attr.scores.wants[k] = dim__wants_grad(g, in[k]);
    dim__vid first = dim__emit(g, &dim__op_dot_estimator_grad, 4, in, &attr);
    for (int k = 0; k < 2; k++)
        din[k] = attr.scores.wants[k] ? dim__out(first, k) : DIM__NONE;
}

const dim__op dim__op_dot_estimator = {
    .name = "dot_estimator", .min_in = 2, .max_in = 3, .n_out = 3, .attr_size = DIM__ATTR_SIZE(scores),
    .flags = DIM__OP_RANKS, .infer = infer, .workspace = workspace_forward, .backward = backward, .run = run_dot_estimator,
};
const dim__op dim__op_dot_estimator_grad = {
    .name = "dot_estimator_grad", .min_in = 4, .max_in = 4, .n_out = 2, .attr_size = DIM__ATTR_SIZE(scores),
    .infer = infer_grad, .workspace = workspace_backward, .run = run_dot_estimator_grad,
};
