#include "objective/score_rows.h"

#include "base/comm.h"
#include "base/math.h"

enum row_sums { /* of s' for the estimators, of s for reports, of s^2 for the penalty */
    SUM_POS,
    SUM_NEG,
    SUM_POS_REPORTED,
    SUM_NEG_REPORTED,
    SUM_SQUARES,
    N_SUMS
};

typedef struct segment { /* of a row */
    const float *u;
    float *d;
    int64_t n;
} segment;

enum { SEGMENTS = DIM__EST_SEGMENTS + 1 };

dim__attr dim__score_attr(const dim_estimator_options *o, int64_t samples)
{
    return (dim__attr){ .scores = { .samples = samples, .options = *o } };
}

bool dim__scores_change(const dim_estimator_options *o) { return o->scale != 1 || o->clip > 0; }

int64_t dim__score_record_size(const dim__estimator_def *def, int64_t rows)
{
    return DIM__EST_RECORD_ROWS + rows * (def->n_acc + N_SUMS);
}

static void set_up(dim__score_rows *t, const dim__exec *e, double *record, int64_t rows, int64_t row_neg)
{
    dim__est_batch *b = &t->batch;
    int64_t before = dim__rank(e->comm) * rows; /* rows of other ranks */
    t->o = e->attr->scores.options;
    t->comm = e->comm;
    t->rows = rows;
    b->def = dim__estimator_def_of(t->o.kind);
    b->o = &t->o;
    b->k = e->ctx->kernels;
    b->rows = rows * dim__ranks(e->comm);
    b->row_neg = row_neg;
    b->n_pos = b->rows * t->n_pos;
    b->n_neg = b->rows * row_neg;
    b->state = NAN;
    t->record = record;
    t->all_acc = record + DIM__EST_RECORD_ROWS;
    t->all_sums = t->all_acc + b->rows * b->def->n_acc;
    t->acc = t->all_acc + before * b->def->n_acc;
    t->sums = t->all_sums + before * N_SUMS;
}

void dim__score_rows_all(dim__score_rows *t, const dim__exec *e, double *record, int64_t rows, int64_t columns)
{
    int64_t n = e->attr->scores.samples, l = columns / (n * dim__ranks(e->comm));
    *t = (dim__score_rows){ .group = rows / n, .sample = n * dim__rank(e->comm), .columns = columns, .n_pos = l };
    set_up(t, e, record, rows, columns - l);
}

void dim__score_rows_pairs(dim__score_rows *t, const dim__exec *e, double *record, int64_t rows, int64_t n_pos, int64_t n_neg)
{
    *t = (dim__score_rows){ .columns = n_neg, .n_pos = n_pos };
    set_up(t, e, record, rows, n_neg);
}

dim__row dim__score_columns(const dim__score_rows *t, int64_t r, int64_t first, int64_t n, const float *u, float *d)
{
    int64_t own = (t->sample + r / t->group) * t->n_pos - first; /* where the positives begin and end, cut to these columns */
    int64_t begin = dim__min64(dim__max64(own, 0), n), end = dim__min64(dim__max64(own + t->n_pos, 0), n);
    dim__row row = { .pos = u + begin, .n_pos = end - begin };
    row.neg[0] = u;
    row.n_neg[0] = begin;
    row.neg[1] = u + end;
    row.n_neg[1] = n - end;
    if (d != NULL) {
        row.dpos = d + begin;
        row.dneg[0] = d;
        row.dneg[1] = d + end;
    }
    return row;
}

void dim__score_clip(const dim__kernels *k, float clip, float *clipped, float *tanh, const float *s, int64_t n)
{
    k->affine(tanh, s, 1 / clip, 0, n);
    k->tanh(tanh, tanh, n);
    k->affine(clipped, tanh, clip, 0, n);
}

/* Adds up a segment piece by piece, so that each piece is read from memory once; in `out`, unless s' is u, goes s'. */
static void add_segment(const dim__score_rows *t, segment x, double *sum, double *reported, double *squares)
{
    const dim__kernels *k = t->batch.k;
    for (int64_t at = 0; at < x.n; at += DIM__SCORE_PART) {
        int64_t n = dim__min64(x.n - at, DIM__SCORE_PART);
        const float *s = x.u + at;
        double of_s;
        if (t->o.scale != 1) {
            k->affine(x.d + at, s, t->o.scale, 0, n);
            s = x.d + at;
        }
        *reported += of_s = k->sum(s, n);
        if (t->o.penalty > 0)
            *squares += k->sum_sq(s, n);
        if (t->o.clip > 0) {
            float *y = x.d + at;
            dim__score_clip(k, t->o.clip, y, y, s, n);
            of_s = k->sum(y, n);
        }
        *sum += of_s;
    }
}

void dim__score_row_forward(const dim__score_rows *t, int64_t r, dim__row row)
{
    double *sums = t->sums + r * N_SUMS;
    memset(sums, 0, N_SUMS * sizeof *sums);
    add_segment(t, (segment){ row.pos, row.dpos, row.n_pos }, &sums[SUM_POS], &sums[SUM_POS_REPORTED],
                &sums[SUM_SQUARES]);
    for (int i = 0; i < DIM__EST_SEGMENTS; i++)
        add_segment(t, (segment){ row.neg[i], row.dneg[i], row.n_neg[i] }, &sums[SUM_NEG], &sums[SUM_NEG_REPORTED],
                    &sums[SUM_SQUARES]);
    if (dim__scores_change(&t->o)) {
        row.pos = row.dpos;
        for (int i = 0; i < DIM__EST_SEGMENTS; i++)
            row.neg[i] = row.dneg[i];
    }
    t->batch.def->row_forward(&t->batch, &row, t->acc + r * t->batch.def->n_acc);
}

/* The accumulators of all ranks' rows lie as those of one rank with all rows would. */
static void gather_rows(const dim__score_rows *t)
{
    dim__comm_gather(t->comm, t->acc, t->all_acc, (size_t)(t->rows * t->batch.def->n_acc) * sizeof(double));
    dim__comm_gather(t->comm, t->sums, t->all_sums, (size_t)(t->rows * N_SUMS) * sizeof(double));
}

void dim__score_rows_finish(dim__score_rows *t, double state, float *loss, float *stats)
{
    dim__est_batch *b = &t->batch;
    dim__est_result result = { .state = NAN };
    double total[N_SUMS] = { 0 };
    if (t->comm != NULL)
        gather_rows(t);
    for (int64_t r = 0; r < b->rows; r++)
        for (int i = 0; i < N_SUMS; i++)
            total[i] += t->all_sums[r * N_SUMS + i];
    b->pos_mean = total[SUM_POS] / (double)b->n_pos;
    b->neg_mean = total[SUM_NEG] / (double)b->n_neg;
    b->state = state;
    b->def->finish(b, t->all_acc, &result);
    if (t->o.penalty > 0)
        result.loss += t->o.penalty * (total[SUM_SQUARES] / (double)(b->n_pos + b->n_neg));

    const double results[] = { result.loss, result.value, total[SUM_POS_REPORTED] / (double)b->n_pos,
                               total[SUM_NEG_REPORTED] / (double)b->n_neg, result.state };
    memset(t->record, 0, DIM__EST_RECORD_ROWS * sizeof *t->record);
    memcpy(t->record + DIM__EST_RECORD_COEF, b->coef, sizeof b->coef);
    memcpy(t->record + DIM__EST_RECORD_LOSS, results, sizeof results);
    *loss = dim__to_float(result.loss);
    for (int i = 0; i < 4; i++)
        stats[i] = dim__to_float(results[1 + i]);
}

void dim__score_rows_resume(dim__score_rows *t, double dloss)
{
    t->batch.scale = dloss;
    memcpy(t->batch.coef, t->record + DIM__EST_RECORD_COEF, sizeof t->batch.coef);
}

void dim__score_row_backward(const dim__score_rows *t, int64_t r, dim__row part, float *scratch)
{
    const dim__est_batch *b = &t->batch;
    const dim__kernels *k = b->k;
    const double *acc = t->acc + r * b->def->n_acc;
    if (!dim__scores_change(&t->o) && t->o.penalty == 0) {
        b->def->row_backward(b, &part, acc);
        return;
    }
    const segment segments[SEGMENTS] = { { part.pos, part.dpos, part.n_pos },
                                         { part.neg[0], part.dneg[0], part.n_neg[0] },
                                         { part.neg[1], part.dneg[1], part.n_neg[1] } };
    float *s = scratch;
    for (int i = 0; i < SEGMENTS; s += segments[i++].n) { /* s' where the gradients will be */
        const segment *x = &segments[i];
        k->affine(s, x->u, t->o.scale, 0, x->n);
        if (t->o.clip > 0)
            dim__score_clip(k, t->o.clip, x->d, s + DIM__SCORE_PART, s, x->n);
        else
            memcpy(x->d, s, (size_t)x->n * sizeof *s);
    }
    part.pos = part.dpos;
    part.neg[0] = part.dneg[0];
    part.neg[1] = part.dneg[1];
    b->def->row_backward(b, &part, acc);
    double of_penalty = b->scale * 2 * t->o.penalty / (double)(b->n_pos + b->n_neg);
    s = scratch;
    for (int i = 0; i < SEGMENTS; s += segments[i++].n) {
        const segment *x = &segments[i];
        if (t->o.clip > 0)
            k->tanh_grad(x->d, x->d, s + DIM__SCORE_PART, x->n);
        if (t->o.penalty > 0)
            k->axpy(x->d, (float)of_penalty, s, x->n);
        if (t->o.scale != 1)
            k->affine(x->d, x->d, t->o.scale, 0, x->n);
    }
}

dim_status dim__score_infer(dim__infer *inf, int64_t rows, int state)
{
    dim_estimator_kind kind = inf->attr->scores.options.kind;
    const dim__estimator_def *def = dim__estimator_def_of(kind);
    if (def == NULL)
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: kind %d is not an estimator", inf->op, (int)kind);
    if (inf->n_in > state && dim__shape_count(&inf->in[state]) != 1)
        return dim__infer_fail(inf, state, "one number");
    inf->out[0] = dim__scalar();
    inf->out[1] = dim__shape1(4);
    inf->out[2] = dim__shape1(dim__score_record_size(def, rows * dim__ranks(inf->comm)));
    inf->out_type[2] = DIM_F64;
    return DIM_OK;
}
