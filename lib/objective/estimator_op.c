/* The ops that turn score tensors into a loss.
 *
 * estimator:       scores u (N G, N L) [, state]; row r holds the scores of a global of sample r / G, columns j L + l.
 *                  The positives of the row are columns of its own sample, the negatives all others.  Of several ranks, columns
 *                  are of all, rows of this one; loss and the rest are those of all rows.
 * estimator_pairs: pos (N, P), neg (N, Q) [, state].
 * attr: dim__score_attr().
 * Outputs: loss; value, mean positive score, mean negative score, new state (4); record, f64: coefficients, results and
 * accumulators, for the backward ops and for callers who want results in double. */
#include "base/comm.h"
#include "base/math.h"
#include "base/pool.h"
#include "objective/score_rows.h"

enum { GRAIN = 8192 }; /* scores that are worth a thread */

typedef struct rows_task {
    dim__score_rows rows;
    bool pairs;
    const float *pos, *neg; /* all pairs: neg are the scores */
    float *dpos, *dneg;     /* backward only */
    float *scratch;         /* forward: a row a thread, where rows change; backward: parts of one */
} rows_task;

static int64_t columns_of(const dim__shape *s) { return dim__shape_count(s) / s->d[0]; }

static int64_t row_size(const rows_task *t) { return t->rows.columns + (t->pairs ? t->rows.n_pos : 0); }

static dim__row pairs_row(const rows_task *t, int64_t r, float *dpos, float *dneg)
{
    dim__row row = { .pos = t->pos + r * t->rows.n_pos, .n_pos = t->rows.n_pos, .dpos = dpos };
    row.neg[0] = row.neg[1] = t->neg + r * t->rows.columns;
    row.n_neg[0] = t->rows.columns;
    row.dneg[0] = row.dneg[1] = dneg;
    return row;
}

static void forward_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const rows_task *t = arg;
    const dim__score_rows *s = &t->rows;
    float *room = t->scratch == NULL ? NULL : t->scratch + thread * row_size(t);
    for (int64_t r = begin; r < end; r++)
        dim__score_row_forward(s, r, t->pairs ? pairs_row(t, r, room, room == NULL ? NULL : room + s->n_pos)
                                              : dim__score_columns(s, r, 0, s->columns, t->neg + r * s->columns, room));
}

/* A part of a row has positives only, then negatives only. */
static void backward_pairs(const rows_task *t, int64_t r, float *scratch)
{
    const dim__score_rows *s = &t->rows;
    const dim__row row = pairs_row(t, r, t->dpos + r * s->n_pos, t->dneg + r * s->columns);
    for (int64_t at = 0; at < row.n_pos + row.n_neg[0];) {
        dim__row part = row;
        int64_t neg = dim__max64(at - row.n_pos, 0);
        part.n_pos = dim__min64(dim__max64(row.n_pos - at, 0), DIM__SCORE_PART);
        part.n_neg[0] = part.n_pos > 0 ? 0 : dim__min64(row.n_neg[0] - neg, DIM__SCORE_PART);
        part.pos += row.n_pos > at ? at : 0;
        part.dpos += row.n_pos > at ? at : 0;
        part.neg[0] += neg;
        part.dneg[0] += neg;
        dim__score_row_backward(s, r, part, scratch);
        at += part.n_pos + part.n_neg[0];
    }
}

static void backward_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const rows_task *t = arg;
    const dim__score_rows *s = &t->rows;
    float *scratch = t->scratch + thread * 2 * DIM__SCORE_PART;
    for (int64_t r = begin; r < end; r++) {
        if (t->pairs) {
            backward_pairs(t, r, scratch);
            continue;
        }
        for (int64_t at = 0; at < s->columns; at += DIM__SCORE_PART) {
            int64_t first = r * s->columns + at, n = dim__min64(s->columns - at, DIM__SCORE_PART);
            dim__score_row_backward(s, r, dim__score_columns(s, r, at, n, t->neg + first, t->dneg + first), scratch);
        }
    }
}

static void set_up(rows_task *t, const dim__exec *e, bool pairs, double *record)
{
    const dim__shape *scores = e->in_shape[0];
    *t = (rows_task){ .pairs = pairs, .pos = e->in[0], .neg = e->in[pairs ? 1 : 0] };
    if (pairs)
        dim__score_rows_pairs(&t->rows, e, record, scores->d[0], columns_of(scores), columns_of(e->in_shape[1]));
    else
        dim__score_rows_all(&t->rows, e, record, scores->d[0], columns_of(scores));
    t->scratch = e->workspace;
}

static void run_rows(rows_task *t, dim_context *ctx, dim__task_fn fn)
{
    dim__parallel(ctx, t->rows.rows, dim__max64(1, GRAIN / dim__max64(row_size(t), 1)), fn, t);
}

static void forward(const dim__exec *e, bool pairs)
{
    rows_task t;
    int state = pairs ? 2 : 1; /* which input */
    set_up(&t, e, pairs, e->out[2]);
    run_rows(&t, e->ctx, forward_rows);
    dim__score_rows_finish(&t.rows, e->n_in > state ? *(const float *)e->in[state] : NAN, e->out[0], e->out[1]);
}

static void run_estimator(const dim__exec *e) { forward(e, false); }
static void run_estimator_pairs(const dim__exec *e) { forward(e, true); }

/* Inputs: as forward without state, then the record and d loss. */
static void backward(const dim__exec *e, bool pairs)
{
    rows_task t;
    set_up(&t, e, pairs, e->in[pairs ? 2 : 1]);
    t.dpos = e->out[0];
    t.dneg = e->out[pairs ? 1 : 0];
    dim__score_rows_resume(&t.rows, *(const float *)e->in[pairs ? 3 : 2]);
    run_rows(&t, e->ctx, backward_rows);
}

static void run_estimator_grad(const dim__exec *e) { backward(e, false); }
static void run_estimator_pairs_grad(const dim__exec *e) { backward(e, true); }

/* A row a thread, for s'. */
static size_t room(const dim__infer *inf, int64_t row)
{
    bool changes = dim__scores_change(&inf->attr->scores.options);
    return changes ? (size_t)inf->ctx->threads * (size_t)row * sizeof(float) : 0;
}

static size_t workspace_all(const dim__infer *inf) { return room(inf, columns_of(&inf->in[0])); }

static size_t workspace_pairs(const dim__infer *inf)
{
    return room(inf, columns_of(&inf->in[0]) + columns_of(&inf->in[1]));
}

static size_t workspace_backward(const dim__infer *inf) { return dim__score_scratch(inf->ctx); }

static dim_status infer_estimator(dim__infer *inf)
{
    const dim__shape *s = &inf->in[0];
    int64_t n = inf->attr->scores.samples, all = n * dim__ranks(inf->comm);
    DIM__TRY(dim__infer_types(inf, 0));
    if (n < 2)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: a batch of %lld has no negatives", inf->op, (long long)n);
    if (s->rank < 2 || s->d[0] < n || s->d[0] % n != 0 || columns_of(s) < all || columns_of(s) % all != 0)
        return dim__infer_fail(inf, 0, "rows and columns that are multiples of the samples");
    return dim__score_infer(inf, s->d[0], 1);
}

static dim_status infer_estimator_pairs(dim__infer *inf)
{
    const dim__shape *p = &inf->in[0], *q = &inf->in[1];
    DIM__TRY(dim__infer_types(inf, 0));
    if (p->rank < 1 || dim__shape_count(p) < 1)
        return dim__infer_fail(inf, 0, "scores (N, P)");
    if (q->rank < 1 || q->d[0] != p->d[0] || dim__shape_count(q) < 1)
        return dim__infer_fail(inf, 1, "scores (N, Q) with as many rows as the positives");
    return dim__score_infer(inf, p->d[0], 2);
}

/* Emitted by the ops' own backward only. */
static dim_status infer_grad(dim__infer *inf)
{
    for (int k = 0; k < inf->n_in; k++)
        if (inf->in_type[k] != (k == inf->n_in - 2 ? DIM_F64 : DIM_F32))
            return dim__infer_fail(inf, k, "scores, a record and a gradient");
    inf->out[0] = inf->in[0];
    inf->out[1] = inf->in[1]; /* of the pairs' op */
    return DIM_OK;
}

static void backward_estimator(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dout[0] != DIM__NONE)
        din[0] = dim__emit3(g, &dim__op_estimator_grad, node->in[0], node->out[2], dout[0], &node->attr);
}

static void backward_estimator_pairs(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dout[0] == DIM__NONE)
        return;
    dim__vid in[4] = { node->in[0], node->in[1], node->out[2], dout[0] };
    din[0] = dim__emit(g, &dim__op_estimator_pairs_grad, 4, in, &node->attr);
    din[1] = dim__out(din[0], 1);
}

const dim__op dim__op_estimator = {
    .name = "estimator", .min_in = 1, .max_in = 2, .n_out = 3, .attr_size = DIM__ATTR_SIZE(scores),
    .flags = DIM__OP_RANKS, .infer = infer_estimator, .workspace = workspace_all, .backward = backward_estimator, .run = run_estimator,
};
const dim__op dim__op_estimator_grad = {
    .name = "estimator_grad", .min_in = 3, .max_in = 3, .n_out = 1, .attr_size = DIM__ATTR_SIZE(scores),
    .flags = DIM__OP_INPLACE0, .infer = infer_grad, .workspace = workspace_backward, .run = run_estimator_grad,
};
const dim__op dim__op_estimator_pairs = {
    .name = "estimator_pairs", .min_in = 2, .max_in = 3, .n_out = 3, .attr_size = DIM__ATTR_SIZE(scores),
    .flags = DIM__OP_RANKS, .infer = infer_estimator_pairs, .workspace = workspace_pairs, .backward = backward_estimator_pairs,
    .run = run_estimator_pairs,
};
const dim__op dim__op_estimator_pairs_grad = {
    .name = "estimator_pairs_grad", .min_in = 4, .max_in = 4, .n_out = 2, .attr_size = DIM__ATTR_SIZE(scores),
    .flags = DIM__OP_INPLACE0, .infer = infer_grad, .workspace = workspace_backward, .run = run_estimator_pairs_grad,
};
