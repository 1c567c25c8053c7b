/* InfoNCE (DIM eq. 5): each positive against all negatives of its row,
 * mean of log(e^u / (e^u + S)) = -sp(log S - u), S the sum of e^u over the row's negatives.  Other positives of the row
 * are in no denominator but their own. */
#include "objective/estimators/sums.h"

#include "base/math.h"

enum { HIGH, LOW, LOSS, WEIGHT, N_ACC }; /* HIGH + LOW: log S */

static void row_forward(const dim__est_batch *b, const dim__row *row, double *acc)
{
    dim__log_parts s = dim__row_log_sum(b->k, row);
    double loss = 0, weight = 0;
    for (int64_t l = 0; l < row->n_pos; l++) {
        double above = (s.high - row->pos[l]) + s.low;
        loss += dim__softplus(above);
        weight += dim__sigmoid(above);
    }
    acc[HIGH] = s.high;
    acc[LOW] = s.low;
    acc[LOSS] = loss;
    acc[WEIGHT] = weight;
}

static void finish(dim__est_batch *b, const double *acc, dim__est_result *r)
{
    r->loss = dim__column_sum(acc, b->rows, N_ACC, LOSS) / (double)b->n_pos;
    r->value = log(1 + (double)b->row_neg) - r->loss;
}

/* d/du of a negative: sum over the row's positives of e^u / (e^u_pos + S) = e^u / S sigmoid(log S - u_pos). */
static void row_backward(const dim__est_batch *b, const dim__row *row, const double *acc)
{
    const dim__log_parts sum = { acc[HIGH], acc[LOW] };
    double scale = b->scale / (double)b->n_pos;
    for (int64_t l = 0; l < row->n_pos; l++)
        row->dpos[l] = (float)(-scale * dim__sigmoid((sum.high - row->pos[l]) + sum.low));
    for (int s = 0; s < DIM__EST_SEGMENTS; s++)
        dim__exp_scaled(b->k, row->dneg[s], row->neg[s], row->n_neg[s], sum, scale * acc[WEIGHT]);
}

const dim__estimator_def dim__estimator_infonce = {
    DIM_ESTIMATOR_INFONCE, "infonce", DIM_BOUND_LOWER, N_ACC, row_forward, finish, row_backward, NULL
};
