/* 2 (E_pos[u] - E_neg[u]) */
#include "objective/estimators/estimators.h"
#include "objective/estimators/sums.h"

static void row_forward(const dim__est_batch *b, const dim__row *row, double *acc)
{
    (void)b, (void)row;
    acc[0] = 0;
}

static void finish(dim__est_batch *b, const double *acc, dim__est_result *r)
{
    (void)acc;
    r->loss = 2 * (b->neg_mean - b->pos_mean);
    r->value = -r->loss;
}

static void row_backward(const dim__est_batch *b, const dim__row *row, const double *acc)
{
    (void)acc;
    dim__fill(row->dpos, row->n_pos, -2 * b->scale / (double)b->n_pos);
    for (int s = 0; s < DIM__EST_SEGMENTS; s++)
        dim__fill(row->dneg[s], row->n_neg[s], 2 * b->scale / (double)b->n_neg);
}

const dim__estimator_def dim__estimator_added = {
    DIM_ESTIMATOR_ADDED, "added", DIM_BOUND_NONE, 1, row_forward, finish, row_backward, NULL
};
