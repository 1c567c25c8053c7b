/* MINE (arXiv 1801.04062, section 3.2): Donsker-Varadhan's value; in its gradient a moving average of E_neg[e^u] takes
 * the place of the batch's own mean, which would bias it.  The average is kept as a logarithm. */
#include "objective/estimators/dv.h"
#include "objective/estimators/sums.h"

#include <math.h>

/* The average is kept as a float: beyond this it is off by half a per cent and more, and a gradient by as much. */
#define MOST 1e5

static void finish(dim__est_batch *b, const double *acc, dim__est_result *r)
{
    dim__dv_finish(b, acc, r);
    double rate = b->o->mine_rate, own = b->coef[0] + (b->coef[1] - log((double)b->n_neg));
    r->state = own;
    if (rate >= 1)
        return;
    if (!isnan(b->state))
        r->state = dim__log_add(log1p(-rate) + b->state, log(rate) + own);
    if (fabs(r->state) > MOST)
        r->state = NAN; /* and so are the gradients, which are refused */
    b->coef[0] = r->state;
    b->coef[1] = log((double)b->n_neg);
}

const dim__estimator_def dim__estimator_mine = {
    DIM_ESTIMATOR_MINE, "mine", DIM_BOUND_ESTIMATE, DIM__DV_ACC, dim__dv_row_forward, finish, dim__dv_row_backward, NULL
};
