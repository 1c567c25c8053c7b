/* Donsker-Varadhan (DIM eq. 2): E_pos[u] - log E_neg[e^u], the mean taken over all negatives of the batch. */
#include "objective/estimators/dv.h"

#include "objective/estimators/sums.h"

#include <math.h>

void dim__dv_row_forward(const dim__est_batch *b, const dim__row *row, double *acc)
{
    dim__log_parts sum = dim__row_log_sum(b->k, row);
    acc[0] = sum.high;
    acc[1] = sum.low;
}

void dim__dv_finish(dim__est_batch *b, const double *acc, dim__est_result *r)
{
    dim__log_parts sum = dim__column_log_join(acc, b->rows, DIM__DV_ACC, 0);
    b->coef[0] = sum.high;
    b->coef[1] = sum.low;
    r->loss = (sum.high - b->pos_mean) + (sum.low - log((double)b->n_neg));
    r->value = -r->loss;
}

/* coef[0] + coef[1] is the log of what the negatives' e^u are divided by. */
void dim__dv_row_backward(const dim__est_batch *b, const dim__row *row, const double *acc)
{
    const dim__log_parts by = { b->coef[0], b->coef[1] };
    (void)acc;
    dim__fill(row->dpos, row->n_pos, -b->scale / (double)b->n_pos);
    for (int s = 0; s < DIM__EST_SEGMENTS; s++)
        dim__exp_scaled(b->k, row->dneg[s], row->neg[s], row->n_neg[s], by, b->scale);
}

const dim__estimator_def dim__estimator_dv = {
    DIM_ESTIMATOR_DV, "dv", DIM_BOUND_ESTIMATE, DIM__DV_ACC, dim__dv_row_forward, dim__dv_finish, dim__dv_row_backward, NULL
};
