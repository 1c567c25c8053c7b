/* nce_scores: the log-probability of each positive among itself and the negatives of its row,
 *   s[r, l] = u_l - log(e^u_l + S_r),  S_r the sum of e^u over the locations of all other samples.
 * scores (R, N L), R = N G, row r is global r % G of sample r / G -> s (R, L), and log S (R) in double.  i[0] = N.
 * InfoNCE is the mean of s; mixtures (AMDIM, section 3.6) weigh the antecedents of one sample against each other with it.
 * nce_scores_grad: (ds, scores, log S) -> d scores. */
#include "objective/estimators/sums.h"
#include "objective/objective.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "ops/ops.h"

#include <math.h>

static dim_status nce_infer(dim__infer *inf)
{
    const dim__shape *u = &inf->in[0];
    int64_t n = inf->attr->i[0];
    DIM__TRY(dim__infer_types(inf, 0));
    if (u->rank != 2 || n < 2 || u->d[0] % n != 0 || u->d[1] % n != 0 || u->d[0] == 0 || u->d[1] == 0)
        return dim__infer_fail(inf, 0, "(N G, N L) with N >= 2 samples");
    inf->out[0] = dim__shape2(u->d[0], u->d[1] / n);
    inf->out[1] = dim__shape1(u->d[0]);
    inf->out_type[1] = DIM_F64;
    return DIM_OK;
}

typedef struct nce_row { /* where what is in a row */
    int64_t columns, l, own;
} nce_row;

static nce_row row_of(const dim__exec *e, const dim__shape *scores, int64_t r)
{
    int64_t n = e->attr->i[0], l = scores->d[1] / n, g = scores->d[0] / n;
    return (nce_row){ scores->d[1], l, r / g * l };
}

static void nce_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    const dim__kernels *k = e->ctx->kernels;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        nce_row row = row_of(e, e->in_shape[0], r);
        int64_t after = row.own + row.l;
        const float *u = (const float *)e->in[0] + r * row.columns;
        float *s = (float *)e->out[0] + r * row.l;
        float most = fmaxf(k->max(u, row.own), k->max(u + after, row.columns - after));
        double sum = k->sum_exp(u, most, row.own) + k->sum_exp(u + after, most, row.columns - after);
        double log_s = most + log(sum);
        ((double *)e->out[1])[r] = log_s;
        for (int64_t i = 0; i < row.l; i++)
            s[i] = (float)-dim__softplus(log_s - u[row.own + i]);
    }
}

static void nce_run(const dim__exec *e)
{
    int64_t columns = e->in_shape[0]->d[1];
    dim__parallel(e->ctx, e->in_shape[0]->d[0], 1 + 4096 / columns, nce_piece, (void *)e);
}

static void nce_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dout[0] != DIM__NONE)
        din[0] = dim__emit3(g, &dim__op_nce_scores_grad, dout[0], node->in[0], node->out[1], &node->attr);
}

static dim_status nce_grad_infer(dim__infer *inf)
{
    inf->out[0] = inf->in[1];
    return DIM_OK;
}

static void nce_grad_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    const dim__kernels *k = e->ctx->kernels;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        nce_row row = row_of(e, e->in_shape[1], r);
        int64_t after = row.own + row.l;
        const float *ds = (const float *)e->in[0] + r * row.l, *u = (const float *)e->in[1] + r * row.columns;
        float *du = (float *)e->out[0] + r * row.columns;
        double log_s = ((const double *)e->in[2])[r], weight = 0;
        for (int64_t i = 0; i < row.l; i++) {
            double d = ds[i] * dim__sigmoid(log_s - u[row.own + i]);
            weight += d;
            du[row.own + i] = (float)d;
        }
        dim__exp_scaled(k, du, u, row.own, -log_s, -weight);
        dim__exp_scaled(k, du + after, u + after, row.columns - after, -log_s, -weight);
    }
}

static void nce_grad_run(const dim__exec *e)
{
    int64_t columns = e->in_shape[1]->d[1];
    dim__parallel(e->ctx, e->in_shape[1]->d[0], 1 + 4096 / columns, nce_grad_piece, (void *)e);
}

const dim__op dim__op_nce_scores = { "nce_scores", 1, 1, 2, 0, nce_infer, NULL, nce_backward, nce_run };
/* In place over the scores: an element is read before it is written. */
const dim__op dim__op_nce_scores_grad = { "nce_scores_grad", 3, 3, 1, DIM__OP_INPLACE1, nce_grad_infer, NULL, NULL,
                                          nce_grad_run };

dim__vid dim__emit_nce_scores(dim__graph *g, dim__vid scores, int64_t samples)
{
    dim__attr attr = { .i = { samples } };
    return dim__emit1(g, &dim__op_nce_scores, scores, &attr);
}
