/* JSD, GAN, NWJ, RKL, H2, X2 and W1: dual forms of f-divergences (f-GAN, arXiv 1606.00709, table 6, written for scores
 * u that are already activated).  Each is one line of functions in the table at the end. */
#include "objective/estimators/fdiv.h"

#include "objective/estimators/sums.h"

#include <math.h>

/* What finish() needs of some scores: the sum of f over them, or its logarithm for EXP, without shift; LINEAR parts
 * come from the means of the scores. */
static double measure(const dim__kernels *k, dim__fdiv_form form, int sign, const float *x, int64_t n)
{
    switch (form) {
    case DIM__FDIV_SOFTPLUS:
        return k->sum_softplus(x, (float)sign, n);
    case DIM__FDIV_EXP:
        return sign > 0 ? dim__log_sum(k, x, n) : dim__log_sum_negated(k, x, n);
    case DIM__FDIV_QUADRATIC:
        return k->sum_sq(x, n);
    case DIM__FDIV_LINEAR:
        break;
    }
    return 0;
}

void dim__fdiv_row_forward(const dim__est_batch *b, const dim__row *row, double *acc)
{
    const dim__fdiv *f = b->def->data;
    double part[DIM__EST_SEGMENTS];
    acc[0] = measure(b->k, f->pos, -1, row->pos, row->n_pos);
    for (int s = 0; s < DIM__EST_SEGMENTS; s++)
        part[s] = measure(b->k, f->neg, 1, row->neg[s], row->n_neg[s]);
    acc[1] = f->neg == DIM__FDIV_EXP ? dim__log_add(part[0], part[1]) : part[0] + part[1];
}

/* The mean of f over n scores. */
static double mean_of(const dim__est_batch *b, dim__fdiv_form form, int sign, const double *acc, int column,
                      double shift, int64_t n, double score_mean)
{
    int stride = b->def->n_acc;
    switch (form) {
    case DIM__FDIV_SOFTPLUS:
        return dim__column_sum(acc, b->rows, stride, column) / (double)n;
    case DIM__FDIV_EXP:
        return exp(dim__column_log_sum(acc, b->rows, stride, column) + shift - log((double)n));
    case DIM__FDIV_QUADRATIC:
        return score_mean + dim__column_sum(acc, b->rows, stride, column) / (4 * (double)n);
    case DIM__FDIV_LINEAR:
        break;
    }
    return sign * score_mean;
}

void dim__fdiv_finish(dim__est_batch *b, const double *acc, dim__est_result *r)
{
    const dim__fdiv *f = b->def->data;
    double pos = mean_of(b, f->pos, -1, acc, 0, 0, b->n_pos, b->pos_mean);
    double neg = mean_of(b, f->neg, 1, acc, 1, f->neg_shift, b->n_neg, b->neg_mean);
    r->loss = pos + neg + f->offset;
    r->value = f->lift - r->loss;
}

/* dx = scale times d/du f(sign u) */
static void slope(const dim__kernels *k, dim__fdiv_form form, int sign, double shift, const float *x, float *dx,
                  int64_t n, double scale)
{
    switch (form) {
    case DIM__FDIV_LINEAR:
        dim__fill(dx, n, sign * scale);
        break;
    case DIM__FDIV_SOFTPLUS:
        dim__sigmoid_scaled(k, dx, x, n, sign, sign * scale);
        break;
    case DIM__FDIV_EXP:
        if (sign < 0) {
            k->affine(dx, x, -1, 0, n);
            x = dx;
        }
        dim__exp_scaled(k, dx, x, n, (dim__log_parts){ 0, -shift }, sign * scale);
        break;
    case DIM__FDIV_QUADRATIC:
        k->affine(dx, x, (float)(scale / 2), (float)scale, n);
        break;
    }
}

void dim__fdiv_row_backward(const dim__est_batch *b, const dim__row *row, const double *acc)
{
    const dim__fdiv *f = b->def->data;
    (void)acc;
    slope(b->k, f->pos, -1, 0, row->pos, row->dpos, row->n_pos, b->scale / (double)b->n_pos);
    for (int s = 0; s < DIM__EST_SEGMENTS; s++)
        slope(b->k, f->neg, 1, f->neg_shift, row->neg[s], row->dneg[s], row->n_neg[s], b->scale / (double)b->n_neg);
}

#define TWO_LOG_2 1.38629436111989061883

#define FDIV(lower, upper, gives, ...)                                                                          \
    static const dim__fdiv lower = { __VA_ARGS__ };                                                             \
    const dim__estimator_def dim__estimator_##lower = {                                                         \
        DIM_ESTIMATOR_##upper, #lower, DIM_BOUND_##gives, DIM__FDIV_ACC, dim__fdiv_row_forward, dim__fdiv_finish, \
        dim__fdiv_row_backward, &lower                                                                          \
    }

/*   name, kind, value is,    pos(-u),            neg(u),             shift, offset, lift            estimate  */
FDIV(jsd, JSD, NONE,  DIM__FDIV_SOFTPLUS, DIM__FDIV_SOFTPLUS,  0,  0, TWO_LOG_2); /* E[-sp(-u)] - E[sp(u)] */
FDIV(gan, GAN, NONE,  DIM__FDIV_SOFTPLUS, DIM__FDIV_SOFTPLUS,  0,  0, 0);         /* the same */
FDIV(nwj, NWJ, LOWER, DIM__FDIV_LINEAR,   DIM__FDIV_EXP,       -1, 0, 0);         /* E[u] - E[e^(u-1)] */
FDIV(rkl, RKL, NONE,  DIM__FDIV_EXP,      DIM__FDIV_LINEAR,    0, -1, 0);         /* E[-e^-u] - E[u - 1] */
FDIV(h2,  H2,  NONE,  DIM__FDIV_EXP,      DIM__FDIV_EXP,       0, -2, 0);         /* E[1 - e^-u] - E[e^u - 1] */
FDIV(x2,  X2,  NONE,  DIM__FDIV_LINEAR,   DIM__FDIV_QUADRATIC, 0,  0, 0);         /* E[u] - E[u + u^2/4] */
FDIV(w1,  W1,  NONE,  DIM__FDIV_LINEAR,   DIM__FDIV_LINEAR,    0,  0, 0);         /* E[u] - E[u] */
