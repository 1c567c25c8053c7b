/* nce_scores: the log-probability of each positive among itself and the negatives of its row,
 *   s[r, l] = u'_l - log(e^u'_l + S_r),  S_r the sum of e^u' over the locations of all other samples,
 * of scores u = scale y x' that are never held all at once (score_tiles.c); u' = clip tanh(u / clip), or u.
 * InfoNCE is the mean of s; mixtures (AMDIM, section 3.6) weigh the antecedents of one sample against each other with it.
 *
 * y (R, d), x (N L, d) -> s (R, L); penalty mean(u^2); the means of u over positive and over negative pairs (2); and the
 * rows' record, R times { log S in two parts, sum of u^2, of positive u, of all u }, in double.  R = N G, row r is global r % G of
 * sample r / G; of several ranks, x is of all, y of this one, and penalty and means are over all rows.  attr.scores.
 * nce_scores_grad: (ds, d penalty, y, x, s, record) -> dy, dx; the one that attr does not want is empty. */
#include "objective/estimators/sums.h"
#include "objective/objective.h"
#include "objective/score_rows.h"

#include "base/comm.h"
#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "ops/ops.h"

#include <math.h>

enum { HIGH, LOW, SQUARES, POSITIVE, ALL, N_RECORD };

typedef struct nce_task {
    const dim__exec *e;
    const dim__kernels *k;
    int64_t l, group, columns;
    int64_t sample;      /* number of the first row's sample among the columns' */
    float clip;
    double *record;
    float *s;            /* forward */
    const float *ds, *of_s; /* backward: of the output, and the output */
    double *weight;      /* backward, of each row: the sum of its positives' gradients */
    float *scratch;      /* backward: parts of rows for each thread */
    double of_penalty;   /* backward: d loss / d u^2 */
} nce_task;

static int64_t rows_of(const dim__shape *s) { return dim__shape_rows(s); }

/* y and x are inputs `at` and `at` + 1. */
static dim__tiles set_up(nce_task *t, const dim__exec *e, int at, dim__tile_fn fn)
{
    int64_t rows = rows_of(e->in_shape[at]), columns = rows_of(e->in_shape[at + 1]), n = e->attr->scores.samples;
    const dim_estimator_options *o = &e->attr->scores.options;
    *t = (nce_task){ .e = e, .k = e->ctx->kernels, .l = columns / (n * dim__ranks(e->comm)), .group = rows / n,
                     .columns = columns, .sample = n * dim__rank(e->comm), .clip = o->clip };
    return (dim__tiles){ .ctx = e->ctx, .y = e->in[at], .x = e->in[at + 1], .rows = rows, .columns = columns,
                         .d = dim__shape_last(e->in_shape[at]), .scale = o->scale, .limit = dim__score_limit(e->attr),
                         .workspace = e->workspace, .fn = fn, .arg = t };
}

static void forward_row(void *arg, int64_t r, int64_t first, int64_t n, float *u, int thread)
{
    const nce_task *t = arg;
    const dim__kernels *k = t->k;
    int64_t own = (t->sample + r / t->group) * t->l, after = own + t->l;
    double *record = t->record + r * N_RECORD;
    (void)first; /* whole rows: 0 */
    (void)thread;
    record[SQUARES] = k->sum_sq(u, n);
    record[POSITIVE] = k->sum(u + own, t->l);
    record[ALL] = k->sum(u, n);
    if (t->clip > 0)
        dim__score_clip(k, t->clip, u, u, u, n);
    float most = fmaxf(k->max(u, own), k->max(u + after, n - after));
    record[HIGH] = most;
    record[LOW] = log(k->sum_exp(u, most, own) + k->sum_exp(u + after, most, n - after));
    for (int64_t i = 0; i < t->l; i++)
        t->s[r * t->l + i] = (float)-dim__softplus((record[HIGH] - u[own + i]) + record[LOW]);
}

static void nce_run(const dim__exec *e)
{
    nce_task t;
    dim__tiles tiles = set_up(&t, e, 0, forward_row);
    double sum[N_RECORD] = { 0 };
    t.s = e->out[0];
    t.record = e->out[3];
    dim__tiles_forward(&tiles);
    for (int64_t r = 0; r < tiles.rows; r++)
        for (int i = 0; i < N_RECORD; i++)
            sum[i] += t.record[r * N_RECORD + i];
    if (e->comm != NULL)
        dim__comm_totals(e->comm, sum, sum, N_RECORD, e->workspace);
    int64_t rows = tiles.rows * dim__ranks(e->comm);
    double positives = (double)(rows * t.l), all = (double)(rows * t.columns);
    *(float *)e->out[1] = (float)((double)e->attr->scores.options.penalty * (sum[SQUARES] / all));
    ((float *)e->out[2])[0] = (float)(sum[POSITIVE] / positives);
    ((float *)e->out[2])[1] = (float)((sum[ALL] - sum[POSITIVE]) / (all - positives));
}

/* d u' of a positive, which is one of the candidates of its own s alone: ds (1 - e^s). */
static double own_gradient(const nce_task *t, int64_t r, int64_t i)
{
    return -(double)t->ds[r * t->l + i] * expm1((double)t->of_s[r * t->l + i]);
}

static void backward_row(void *arg, int64_t r, int64_t first, int64_t n, float *u, int thread)
{
    const nce_task *t = arg;
    const dim__kernels *k = t->k;
    int64_t own = (t->sample + r / t->group) * t->l - first; /* the positives, cut to these columns */
    int64_t begin = dim__min64(dim__max64(own, 0), n), end = dim__min64(dim__max64(own + t->l, 0), n);
    double weight = t->weight[r];
    const dim__log_parts sum = { t->record[r * N_RECORD + HIGH], t->record[r * N_RECORD + LOW] };
    float *kept = t->scratch + thread * 2 * DIM__SCORE_PART, *tanh = kept + DIM__SCORE_PART;
    if (t->of_penalty != 0)
        memcpy(kept, u, (size_t)n * sizeof *u);
    if (t->clip > 0)
        dim__score_clip(k, t->clip, u, tanh, u, n);
    dim__exp_scaled(k, u, u, begin, sum, -weight);
    for (int64_t i = begin; i < end; i++)
        u[i] = (float)own_gradient(t, r, i - own);
    dim__exp_scaled(k, u + end, u + end, n - end, sum, -weight);
    if (t->clip > 0)
        k->tanh_grad(u, u, tanh, n);
    if (t->of_penalty != 0)
        k->axpy(u, (float)t->of_penalty, kept, n);
}

static void weigh(void *arg, int64_t begin, int64_t end, int thread)
{
    nce_task *t = arg;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        t->weight[r] = 0;
        for (int64_t i = 0; i < t->l; i++)
            t->weight[r] += own_gradient(t, r, i);
    }
}

static void nce_grad_run(const dim__exec *e)
{
    nce_task t;
    const int64_t *wants = e->attr->scores.wants;
    dim__tiles tiles = set_up(&t, e, 2, backward_row);
    t.ds = e->in[0];
    t.of_s = e->in[4];
    t.record = e->in[5];
    double penalty = e->attr->scores.options.penalty;
    t.of_penalty = *(const float *)e->in[1] * 2 * penalty / ((double)tiles.rows * (double)dim__ranks(e->comm) * (double)tiles.columns);
    t.weight = e->workspace; /* first, since doubles want their alignment */
    t.scratch = (float *)(t.weight + tiles.rows);
    tiles.workspace = (char *)t.scratch + dim__score_scratch(e->ctx);
    dim__parallel(e->ctx, tiles.rows, 1 + 1024 / t.l, weigh, &t);
    dim__tiles_backward(&tiles, wants[0] ? e->out[0] : NULL, wants[1] ? e->out[1] : NULL);
}

static size_t nce_workspace(const dim__infer *inf)
{
    size_t scores = dim__tiles_forward_size(rows_of(&inf->in[0]), rows_of(&inf->in[1]), dim__score_limit(inf->attr));
    size_t totals = inf->comm != NULL ? (size_t)dim__ranks(inf->comm) * N_RECORD * sizeof(double) : 0;
    return scores > totals ? scores : totals;
}

static size_t nce_grad_workspace(const dim__infer *inf)
{
    int64_t rows = rows_of(&inf->in[2]);
    return dim__tiles_backward_size(rows, rows_of(&inf->in[3]), dim__score_limit(inf->attr)) +
           dim__score_scratch(inf->ctx) + (size_t)rows * sizeof(double);
}

static dim_status nce_infer(dim__infer *inf)
{
    const dim__shape *y = &inf->in[0], *x = &inf->in[1];
    int64_t n = inf->attr->scores.samples, all = n * dim__ranks(inf->comm);
    DIM__TRY(dim__infer_types(inf, 0));
    if (n < 2 || y->rank < 2 || dim__shape_count(y) < 1 || rows_of(y) % n != 0)
        return dim__infer_fail(inf, 0, "(N G, d) with N >= 2 samples");
    if (x->rank < 2 || dim__shape_count(x) < 1 || rows_of(x) % all != 0 || dim__shape_last(x) != dim__shape_last(y))
        return dim__infer_fail(inf, 1, "(N L, d), a multiple of the samples, as wide as input 0");
    inf->out[0] = dim__shape2(rows_of(y), rows_of(x) / all);
    inf->out[1] = dim__scalar();
    inf->out[2] = dim__shape1(2);
    inf->out[3] = dim__shape1(rows_of(y) * N_RECORD);
    inf->out_type[3] = DIM_F64;
    return DIM_OK;
}

/* Emitted by the op's own backward only. */
static dim_status nce_grad_infer(dim__infer *inf)
{
    for (int i = 0; i < 2; i++)
        inf->out[i] = inf->attr->scores.wants[i] ? inf->in[2 + i] : dim__shape1(0);
    return DIM_OK;
}

static void nce_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__attr attr = node->attr;
    if (dout[0] == DIM__NONE && dout[1] == DIM__NONE)
        return;
    dim__vid in[6] = { dout[0], dout[1], node->in[0], node->in[1], node->out[0], node->out[3] };
    for (int i = 0; i < 2; i++) {
        if (in[i] == DIM__NONE)
            in[i] = dim__graph_const(g, *dim__shape_of(g, node->out[i]), 0);
        attr.scores.wants[i] = dim__wants_grad(g, node->in[i]);
    }
    dim__vid first = dim__emit(g, &dim__op_nce_scores_grad, 6, in, &attr);
    for (int i = 0; i < 2; i++)
        din[i] = attr.scores.wants[i] ? dim__out(first, i) : DIM__NONE;
}

const dim__op dim__op_nce_scores = {
    .name = "nce_scores", .min_in = 2, .max_in = 2, .n_out = 4, .attr_size = DIM__ATTR_SIZE(scores),
    .flags = DIM__OP_RANKS, .infer = nce_infer, .workspace = nce_workspace, .backward = nce_backward, .run = nce_run,
};
const dim__op dim__op_nce_scores_grad = {
    .name = "nce_scores_grad", .min_in = 6, .max_in = 6, .n_out = 2, .attr_size = DIM__ATTR_SIZE(scores),
    .infer = nce_grad_infer, .workspace = nce_grad_workspace, .run = nce_grad_run,
};

dim__vid dim__emit_nce_scores(dim__graph *g, const dim_estimator_options *o, dim__vid y, dim__vid x, int64_t samples)
{
    dim__attr attr = dim__score_attr(o, samples);
    return dim__emit2(g, &dim__op_nce_scores, y, x, &attr);
}
