/* SMILE (arXiv 1910.06222, eq. 13): trained by JSD; the value is Donsker-Varadhan's with e^u clipped to
 * [e^-tau, e^tau], which takes away most of its variance. */
#include "objective/estimators/fdiv.h"
#include "objective/estimators/sums.h"

#include "base/math.h"

enum { BLOCK = 512 };

static double clipped_log_sum(const dim__kernels *k, const float *x, int64_t n, float tau)
{
    float block[BLOCK];
    double total = -INFINITY;
    for (int64_t at = 0; at < n; at += BLOCK) {
        int64_t m = dim__min64(n - at, BLOCK);
        for (int64_t i = 0; i < m; i++) {
            float u = x[at + i];
            block[i] = u > tau ? tau : u < -tau ? -tau : u;
        }
        total = dim__log_add(total, dim__log_sum(k, block, m));
    }
    return total;
}

static void row_forward(const dim__est_batch *b, const dim__row *row, double *acc)
{
    dim__fdiv_row_forward(b, row, acc);
    acc[DIM__FDIV_ACC] = -INFINITY;
    for (int s = 0; s < DIM__EST_SEGMENTS; s++)
        acc[DIM__FDIV_ACC] = dim__log_add(acc[DIM__FDIV_ACC], clipped_log_sum(b->k, row->neg[s], row->n_neg[s],
                                                                              b->o->smile_tau));
}

static void finish(dim__est_batch *b, const double *acc, dim__est_result *r)
{
    dim__fdiv_finish(b, acc, r);
    r->value = b->pos_mean - (dim__column_log_sum(acc, b->rows, b->def->n_acc, DIM__FDIV_ACC) - log((double)b->n_neg));
}

static const dim__fdiv jsd = { DIM__FDIV_SOFTPLUS, DIM__FDIV_SOFTPLUS, 0, 0, 0 };

const dim__estimator_def dim__estimator_smile = {
    DIM_ESTIMATOR_SMILE, "smile", DIM_BOUND_ESTIMATE, DIM__FDIV_ACC + 1, row_forward, finish, dim__fdiv_row_backward,
    &jsd
};
