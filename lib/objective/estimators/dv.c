/* Donsker-Varadhan (DIM eq. 2): E_pos[u] - log E_neg[e^u], the mean taken over all negatives of the batch. */
#include "objective/estimators/dv.h"

#include "objective/estimators/sums.h"

#include <math.h>

void dim__dv_row_forward(const dim__est_batch *b, const dim__row *row, double *acc)
{
    acc[0] = dim__row_log_sum(b->k, row);
}

void dim__dv_finish(dim__est_batch *b, const double *acc, dim__est_result *r)
{
    b->coef[0] = dim__column_log_sum(acc, b->rows, 1, 0);
    r->loss = b->coef[0] - log((double)b->n_neg) - b->pos_mean;
    r->value = -r->loss;
}

/* coef[0] is the log of what the negatives' e^u are divided by. */
void dim__dv_row_backward(const dim__est_batch *b, const dim__row *row, const double *acc)
{
    (void)acc;
    dim__fill(row->dpos, row->n_pos, -b->scale / (double)b->n_pos);
    for (int s = 0; s < DIM__EST_SEGMENTS; s++)
        dim__exp_scaled(b->k, row->dneg[s], row->neg[s], row->n_neg[s], -b->coef[0], b->scale);
}

const dim__estimator_def dim__estimator_dv = {
    DIM_ESTIMATOR_DV, "dv", DIM_BOUND_LOWER, 1, dim__dv_row_forward, dim__dv_finish, dim__dv_row_backward, NULL
};
