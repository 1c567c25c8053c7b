/* Estimators whose loss is a mean over the positives plus a mean over the negatives. */
#ifndef DIM_OBJECTIVE_FDIV_H
#define DIM_OBJECTIVE_FDIV_H

#include "objective/estimators/estimators.h"

typedef enum dim__fdiv_form { /* a function f of t = u or t = -u */
    DIM__FDIV_LINEAR,    /* t */
    DIM__FDIV_SOFTPLUS,  /* log(1 + e^t) */
    DIM__FDIV_EXP,       /* e^(t + shift) */
    DIM__FDIV_QUADRATIC  /* t + t^2 / 4, for t = u */
} dim__fdiv_form;

/* loss = E_pos[pos(-u)] + E_neg[neg(u)] + offset; value = -loss + lift */
typedef struct dim__fdiv {
    dim__fdiv_form pos, neg;
    double neg_shift;
    double offset;
    double lift;
} dim__fdiv;

enum { DIM__FDIV_ACC = 2 };

/* For estimators whose `data` is a dim__fdiv; they use accumulators 0 and 1 of def->n_acc. */
void dim__fdiv_row_forward(const dim__est_batch *b, const dim__row *row, double *acc);
void dim__fdiv_finish(dim__est_batch *b, const double *acc, dim__est_result *r);
void dim__fdiv_row_backward(const dim__est_batch *b, const dim__row *row, const double *acc);

#endif
