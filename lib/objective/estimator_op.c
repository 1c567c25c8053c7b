/* The ops that turn scores into a loss: rows of scores go through an estimator's descriptor.
 *
 * estimator:       scores (N G, N L) [, state]; row r holds the scores of a global of sample r / G, columns j L + l.
 *                  The positives of the row are columns of its own sample, the negatives all others.
 * estimator_pairs: pos (N, P), neg (N, Q) [, state].
 * attr: i[0] samples N, i[1] kind; f[0] smile_tau, f[1] mine_rate.
 * Outputs: loss; value, mean positive score, mean negative score, new state (4); record, f64: coefficients, results and
 * accumulators, for the backward ops and for callers who want results in double. */
#include "base/math.h"
#include "base/pool.h"
#include "objective/objective.h"

enum { GRAIN = 8192 }; /* scores that are worth a thread */

typedef struct rows_task { /* all rows of one tensor of scores, or of a pair of tensors */
    dim__est_batch batch;
    bool pairs;
    const float *pos, *neg; /* all pairs: both are the scores */
    float *dpos, *dneg;     /* backward only */
    int64_t group;          /* all pairs: rows of one sample */
    int64_t columns;        /* of neg; all pairs: of the scores */
    int64_t n_pos;          /* of a row */
    int n_acc;
    double *acc, *sums;     /* of the rows: the estimator's, and sums of positive and of negative scores */
} rows_task;

static dim__row row_of(const rows_task *t, int64_t r)
{
    if (t->pairs) {
        dim__row row = { .pos = t->pos + r * t->n_pos, .n_pos = t->n_pos };
        row.neg[0] = t->neg + r * t->columns;
        row.n_neg[0] = t->columns;
        row.neg[1] = row.neg[0];
        if (t->dpos != NULL) {
            row.dpos = t->dpos + r * t->n_pos;
            row.dneg[0] = row.dneg[1] = t->dneg + r * t->columns;
        }
        return row;
    }
    int64_t own = r / t->group * t->n_pos, at = r * t->columns;
    dim__row row = { .pos = t->pos + at + own, .n_pos = t->n_pos };
    row.neg[0] = t->neg + at;
    row.n_neg[0] = own;
    row.neg[1] = row.pos + t->n_pos;
    row.n_neg[1] = t->columns - own - t->n_pos;
    if (t->dpos != NULL) {
        row.dneg[0] = t->dneg + at;
        row.dpos = t->dpos + at + own;
        row.dneg[1] = row.dpos + t->n_pos;
    }
    return row;
}

static void forward_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const rows_task *t = arg;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        dim__row row = row_of(t, r);
        double neg = 0;
        for (int s = 0; s < DIM__EST_SEGMENTS; s++)
            neg += t->batch.k->sum(row.neg[s], row.n_neg[s]);
        t->sums[2 * r] = t->batch.k->sum(row.pos, row.n_pos);
        t->sums[2 * r + 1] = neg;
        t->batch.def->row_forward(&t->batch, &row, t->acc + r * t->n_acc);
    }
}

static void backward_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const rows_task *t = arg;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        dim__row row = row_of(t, r);
        t->batch.def->row_backward(&t->batch, &row, t->acc + r * t->n_acc);
    }
}

static int64_t columns_of(const dim__shape *s) { return dim__shape_count(s) / s->d[0]; }

static int64_t record_size(const dim__estimator_def *def, int64_t rows)
{
    return DIM__EST_RECORD_ROWS + rows * (def->n_acc + 2);
}

static void set_up(rows_task *t, dim_estimator_options *o, const dim__exec *e, bool pairs, double *record)
{
    const dim__shape *scores = e->in_shape[0];
    *o = (dim_estimator_options){ .size = sizeof *o, .kind = (dim_estimator_kind)e->attr->i[1],
                                  .smile_tau = (float)e->attr->f[0], .mine_rate = (float)e->attr->f[1] };
    *t = (rows_task){ .pairs = pairs, .pos = e->in[0], .neg = e->in[pairs ? 1 : 0] };
    dim__est_batch *b = &t->batch;
    b->def = dim__estimator_def_of(o->kind);
    b->o = o;
    b->k = e->ctx->kernels;
    b->rows = scores->d[0];
    if (pairs) {
        t->columns = columns_of(e->in_shape[1]);
        t->n_pos = columns_of(scores);
        b->row_neg = t->columns;
    } else {
        t->columns = columns_of(scores);
        t->group = b->rows / e->attr->i[0];
        t->n_pos = t->columns / e->attr->i[0];
        b->row_neg = t->columns - t->n_pos;
    }
    b->n_pos = b->rows * t->n_pos;
    b->n_neg = b->rows * b->row_neg;
    b->state = NAN;
    t->n_acc = b->def->n_acc;
    t->acc = record + DIM__EST_RECORD_ROWS;
    t->sums = t->acc + b->rows * t->n_acc;
}

static void run_rows(rows_task *t, dim_context *ctx, dim__task_fn fn)
{
    dim__parallel(ctx, t->batch.rows, dim__max64(1, GRAIN / dim__max64(t->columns, 1)), fn, t);
}

static void forward(const dim__exec *e, bool pairs)
{
    rows_task t;
    dim_estimator_options o;
    dim__est_result r = { .state = NAN };
    float *loss = e->out[0], *stats = e->out[1];
    double *record = e->out[2];
    int state = pairs ? 2 : 1; /* which input */
    set_up(&t, &o, e, pairs, record);
    dim__est_batch *b = &t.batch;
    if (e->n_in > state)
        b->state = *(const float *)e->in[state];
    run_rows(&t, e->ctx, forward_rows);
    for (int64_t i = 0; i < b->rows; i++) {
        b->pos_mean += t.sums[2 * i];
        b->neg_mean += t.sums[2 * i + 1];
    }
    b->pos_mean /= (double)b->n_pos;
    b->neg_mean /= (double)b->n_neg;
    b->def->finish(b, t.acc, &r);

    const double results[] = { r.loss, r.value, b->pos_mean, b->neg_mean, r.state };
    memset(record, 0, DIM__EST_RECORD_ROWS * sizeof *record);
    memcpy(record + DIM__EST_RECORD_COEF, b->coef, sizeof b->coef);
    memcpy(record + DIM__EST_RECORD_LOSS, results, sizeof results);
    *loss = (float)r.loss;
    for (int i = 0; i < 4; i++)
        stats[i] = (float)results[1 + i];
}

static void run_estimator(const dim__exec *e) { forward(e, false); }
static void run_estimator_pairs(const dim__exec *e) { forward(e, true); }

/* Inputs: as forward without state, then the record and d loss. */
static void backward(const dim__exec *e, bool pairs)
{
    rows_task t;
    dim_estimator_options o;
    double *record = e->in[pairs ? 2 : 1];
    set_up(&t, &o, e, pairs, record);
    t.dpos = e->out[0];
    t.dneg = e->out[pairs ? 1 : 0];
    t.batch.scale = *(const float *)e->in[pairs ? 3 : 2];
    memcpy(t.batch.coef, record + DIM__EST_RECORD_COEF, sizeof t.batch.coef);
    run_rows(&t, e->ctx, backward_rows);
}

static void run_estimator_grad(const dim__exec *e) { backward(e, false); }
static void run_estimator_pairs_grad(const dim__exec *e) { backward(e, true); }

static dim_status infer_outputs(dim__infer *inf, int state)
{
    const dim__estimator_def *def = dim__estimator_def_of((dim_estimator_kind)inf->attr->i[1]);
    if (def == NULL)
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: kind %lld is no estimator", inf->op,
                         (long long)inf->attr->i[1]);
    if (inf->n_in > state && dim__shape_count(&inf->in[state]) != 1)
        return dim__infer_fail(inf, state, "one number");
    inf->out[0] = dim__scalar();
    inf->out[1] = dim__shape1(4);
    inf->out[2] = dim__shape1(record_size(def, inf->in[0].d[0]));
    inf->out_type[2] = DIM_F64;
    return DIM_OK;
}

static dim_status infer_estimator(dim__infer *inf)
{
    const dim__shape *s = &inf->in[0];
    int64_t n = inf->attr->i[0];
    DIM__TRY(dim__infer_types(inf, 0));
    if (n < 2)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: a batch of %lld has no negatives", inf->op, (long long)n);
    if (s->rank < 2 || s->d[0] < n || s->d[0] % n != 0 || columns_of(s) < n || columns_of(s) % n != 0)
        return dim__infer_fail(inf, 0, "rows and columns that are multiples of the samples");
    return infer_outputs(inf, 1);
}

static dim_status infer_estimator_pairs(dim__infer *inf)
{
    const dim__shape *p = &inf->in[0], *q = &inf->in[1];
    DIM__TRY(dim__infer_types(inf, 0));
    if (p->rank < 1 || dim__shape_count(p) < 1)
        return dim__infer_fail(inf, 0, "scores (N, P)");
    if (q->rank < 1 || q->d[0] != p->d[0] || dim__shape_count(q) < 1)
        return dim__infer_fail(inf, 1, "scores (N, Q) with as many rows as the positives");
    return infer_outputs(inf, 2);
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

const dim__op dim__op_estimator = { .name = "estimator", .min_in = 1, .max_in = 2, .n_out = 3,
                                    .infer = infer_estimator, .backward = backward_estimator, .run = run_estimator };
const dim__op dim__op_estimator_grad = { .name = "estimator_grad", .min_in = 3, .max_in = 3, .n_out = 1,
                                         .flags = DIM__OP_INPLACE0, .infer = infer_grad, .run = run_estimator_grad };
const dim__op dim__op_estimator_pairs = { .name = "estimator_pairs", .min_in = 2, .max_in = 3, .n_out = 3,
                                          .infer = infer_estimator_pairs, .backward = backward_estimator_pairs,
                                          .run = run_estimator_pairs };
const dim__op dim__op_estimator_pairs_grad = { .name = "estimator_pairs_grad", .min_in = 4, .max_in = 4, .n_out = 2,
                                               .flags = DIM__OP_INPLACE0, .infer = infer_grad,
                                               .run = run_estimator_pairs_grad };
