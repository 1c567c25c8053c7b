/* Rows of scores on their way through an estimator's descriptor; what the ops on score tensors and those that stream
 * scores in blocks have in common.
 *
 * A score u becomes s = scale u, of which the penalty is taken, and then the estimator's s' = clip tanh(s / clip).  A
 * row is a dim__row of scores u.  Gradients may lie on the scores themselves. */
#ifndef DIM_OBJECTIVE_SCORE_ROWS_H
#define DIM_OBJECTIVE_SCORE_ROWS_H

#include "objective/objective.h"
#include "objective/score_tiles.h"

#define X(name) DIM__OP_DECLARE(name)
#include "objective/op_list.def"
#undef X

/* Attributes of every op here. */
dim__attr dim__score_attr(const dim_estimator_options *o, int64_t samples);
/* Most bytes of scores at once; 0 = the usual number. */
static inline int64_t dim__score_limit(const dim__attr *attr) { return (int64_t)attr->scores.options.score_memory; }
/* Whether scale or clip changes the scores.  dim__score_row_forward() then stores the changed scores in dpos and dneg
 * of its row. */
bool dim__scores_change(const dim_estimator_options *o);

typedef struct dim__score_rows { /* of one tensor of scores, or of a pair of tensors */
    dim__est_batch batch;
    dim_estimator_options o;
    struct dim__comm *comm; /* whose rows are of one batch with these; NULL = this rank is alone */
    int64_t rows;    /* of this rank; the batch has those of all */
    int64_t group;   /* all pairs: rows of one sample */
    int64_t sample;  /* all pairs: number of the first row's sample among the columns' */
    int64_t columns; /* all pairs: of the scores; pairs: negatives of a row */
    int64_t n_pos;   /* of a row */
    double *record;
    double *all_acc, *all_sums; /* of all ranks' rows */
    double *acc;     /* of each row: the estimator's */
    double *sums;    /* of each row: enum row_sums */
} dim__score_rows;

/* f64 numbers in the record of so many rows */
int64_t dim__score_record_size(const dim__estimator_def *def, int64_t rows);

/* All pairs: rows N G, columns N L of all ranks.  The batch's own pointers are into *t, which must stay where it is. */
void dim__score_rows_all(dim__score_rows *t, const dim__exec *e, double *record, int64_t rows, int64_t columns);
/* n_pos positives and n_neg negatives a row */
void dim__score_rows_pairs(dim__score_rows *t, const dim__exec *e, double *record, int64_t rows, int64_t n_pos, int64_t n_neg);

/* Columns [first, first + n) of row r of all pairs: u is the first of these scores, d the first gradient or NULL. */
dim__row dim__score_columns(const dim__score_rows *t, int64_t r, int64_t first, int64_t n, const float *u, float *d);

/* Adds up a whole row: accumulators and sums of row r.  Where s' is not u, it goes to dpos and dneg, which may be the
 * scores' own memory. */
void dim__score_row_forward(const dim__score_rows *t, int64_t r, dim__row row);
/* Sums of all ranks' rows to loss, stats (4) and the record; state: MINE's before this batch. */
void dim__score_rows_finish(dim__score_rows *t, double state, float *loss, float *stats);

/* What backward needs from the record, and d loss. */
void dim__score_rows_resume(dim__score_rows *t, double dloss);
/* Gradients with respect to u of a part of row r; scratch: 2 DIM__SCORE_PART floats. */
void dim__score_row_backward(const dim__score_rows *t, int64_t r, dim__row part, float *scratch);
/* Bytes of scratch of all threads. */
static inline size_t dim__score_scratch(const dim_context *ctx)
{
    return (size_t)ctx->threads * 2 * DIM__SCORE_PART * sizeof(float);
}

/* s' = clip tanh(s / clip) of n scores; tanh(s / clip) goes to `tanh`.  s', tanh and s may be one another. */
void dim__score_clip(const dim__kernels *k, float clip, float *clipped, float *tanh, const float *s, int64_t n);

/* infer of the ops' common outputs: loss, stats, record, of so many rows of this rank; input `state` is MINE's average, if there
 * is one. */
dim_status dim__score_infer(dim__infer *inf, int64_t rows, int state);

#endif
