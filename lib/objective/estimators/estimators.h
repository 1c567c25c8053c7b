/* An estimator is one file with one descriptor and one line in estimator_list.def.
 *
 * It sees the scores a row at a time: a row holds the positives of one global feature and its negatives, so masks are
 * exact by construction, rows run on all threads, and a batch too large for one score tensor can be streamed:
 *   forward: row_forward() for every row writes `n_acc` doubles; finish() reduces them, in the order of rows, into the
 *            batch's coefficients and the reported numbers;
 *   backward: row_backward() for every row, or part of a row: a score's gradient depends on it and the accumulators.
 * What these functions see are the scores after scaling and clipping. */
#ifndef DIM_OBJECTIVE_ESTIMATORS_H
#define DIM_OBJECTIVE_ESTIMATORS_H

#include "base/fields.h"
#include "kernels/kernels.h"
#include <dim/estimator.h>

enum { DIM__EST_MAX_ACC = 8, DIM__EST_MAX_COEF = 8, DIM__EST_SEGMENTS = 2 };

typedef struct dim__row {
    const float *pos;
    int64_t n_pos;
    const float *neg[DIM__EST_SEGMENTS]; /* all-pairs: before and after the own sample; shuffle: one segment */
    int64_t n_neg[DIM__EST_SEGMENTS];
    float *dpos;                         /* d loss / d score; backward only */
    float *dneg[DIM__EST_SEGMENTS];
} dim__row;

struct dim__estimator_def;

typedef struct dim__est_batch {
    const struct dim__estimator_def *def;
    const dim_estimator_options *o;      /* checked, defaults filled in */
    const struct dim__kernels *k;
    int64_t rows;
    int64_t n_pos, n_neg;                /* pairs of the whole batch */
    int64_t row_neg;                     /* negatives of one row */
    double pos_mean, neg_mean;           /* of the scores; known from finish() on */
    double state;                        /* MINE: log of the moving average before this batch; NAN at first */
    double scale;                        /* row_backward() multiplies its gradient by this: d objective / d loss */
    double coef[DIM__EST_MAX_COEF];      /* from finish() to row_backward() */
} dim__est_batch;

typedef struct dim__est_result {
    double loss, value;                  /* as dim_estimate */
    double state;                        /* after this batch */
} dim__est_result;

typedef struct dim__estimator_def {
    dim_estimator_kind kind;
    const char *name;
    dim_bound bound;
    int n_acc;
    /* acc: n_acc doubles of this row; the harness sums scores for the means itself.  A row may have no negatives. */
    void (*row_forward)(const dim__est_batch *b, const dim__row *row, double *acc);
    void (*finish)(dim__est_batch *b, const double *acc /* rows x n_acc */, dim__est_result *r);
    /* dpos may be pos and dneg may be neg */
    void (*row_backward)(const dim__est_batch *b, const dim__row *row, const double *acc);
    const void *data;                    /* of the estimator's own */
} dim__estimator_def;

#define X(name) extern const dim__estimator_def dim__estimator_##name;
#include "objective/estimators/estimator_list.def"
#undef X

const dim__estimator_def *dim__estimator_def_of(dim_estimator_kind kind); /* NULL for what is not a kind */
const char *dim__estimator_name(int kind);                                /* likewise */
extern const dim__table dim__estimator_table;

/* Checked options with defaults filled in. */
dim_status dim__estimator_options(dim_context *ctx, const dim_estimator_options *in, dim_estimator_options *out);

#endif
