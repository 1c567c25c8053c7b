/* Sums over a whole tensor or its rows, and losses.  Each piece of the work sums in double into a slot of its own; the
 * slots are added in order, so a result depends on the number of threads only.
 * sum_all, fill_from, kl_normal and its gradient: f[0] = scale; fill_from: i[0] = rank, i[1..5] = sizes. */
#include "base/comm.h"
#include "ops/ops.h"
#include "ops/run.h"

typedef struct sums {
    const dim__exec *e;
    double slot[DIM__MAX_PIECES];
} sums;

/* Sum of what fn leaves in the slots; grain in items. */
static double total(const dim__exec *e, int64_t n, int64_t grain, dim__task_fn fn)
{
    sums s;
    double sum = 0;
    int pieces = dim__parallel_pieces(e->ctx, n, grain);
    s.e = e;
    dim__parallel(e->ctx, n, grain, fn, &s);
    for (int k = 0; k < pieces; k++)
        sum += s.slot[k];
    return sum;
}

static dim_status scalar_fail(const dim__infer *inf, int input) { return dim__infer_fail(inf, input, "one number"); }

/* ---- sum_all, fill_from: each other's gradient ------------------------------------------------------------------- */

static dim_status sum_all_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    inf->out[0] = dim__scalar();
    return DIM_OK;
}

static void sum_all_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    sums *s = arg;
    s->slot[thread] = s->e->ctx->kernels->sum((const float *)s->e->in[0] + begin, end - begin);
}

static void sum_all_run(const dim__exec *e)
{
    double sum = total(e, dim__shape_count(e->in_shape[0]), DIM__GRAIN, sum_all_piece);
    *(float *)e->out[0] = (float)(e->attr->scale * sum);
}

static void sum_all_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit_fill_from(g, dout[0], *dim__shape_of(g, node->in[0]), node->attr.scale);
}

static dim_status fill_from_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    return dim__shape_count(&inf->in[0]) == 1 ? dim__infer_given(inf) : scalar_fail(inf, 0);
}

static void fill_from_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    float value = (float)(e->attr->shape.scale * *(const float *)e->in[0]);
    float *y = e->out[0];
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        y[i] = value;
}

static void fill_from_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, fill_from_piece, (void *)e);
}

static void fill_from_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__shape s = *dim__shape_of(g, node->in[0]);
    dim__vid sum = dim__emit_sum_all(g, dout[0], node->attr.shape.scale);
    din[0] = s.rank == 0 ? sum : dim__emit_reshape(g, sum, s);
}

const dim__op dim__op_sum_all = {
    .name = "sum_all", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(scale),
    .infer = sum_all_infer, .backward = sum_all_backward, .run = sum_all_run,
};
const dim__op dim__op_fill_from = {
    .name = "fill_from", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(shape),
    .infer = fill_from_infer, .backward = fill_from_backward, .run = fill_from_run,
};

dim__vid dim__emit_sum_all(dim__graph *g, dim__vid x, double scale)
{
    dim__attr attr = { .scale = scale };
    return dim__emit1(g, &dim__op_sum_all, x, &attr);
}

dim__vid dim__emit_fill_from(dim__graph *g, dim__vid s, dim__shape shape, double scale)
{
    dim__attr attr = dim__attr_given(shape);
    attr.shape.scale = scale;
    return dim__emit1(g, &dim__op_fill_from, s, &attr);
}

/* ---- log_sum_exp ------------------------------------------------------------------------------------------------- */

static dim_status log_sum_exp_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank < 1 || dim__shape_last(&inf->in[0]) < 1)
        return dim__infer_fail(inf, 0, "rank 1 at least, a last axis that is not empty");
    inf->out[0] = inf->in[0];
    inf->out[0].rank--;
    return DIM_OK;
}

static void log_sum_exp_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    const dim__kernels *k = e->ctx->kernels;
    int64_t c = dim__shape_last(e->in_shape[0]);
    float *y = e->out[0];
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        const float *x = (const float *)e->in[0] + r * c;
        float most = k->max(x, c);
        /* an infinite (or NaN) maximum is the result; taking it off would give inf - inf */
        y[r] = isfinite(most) ? (float)(most + log(k->sum_exp(x, most, c))) : most;
    }
}

static void log_sum_exp_run(const dim__exec *e)
{
    dim__run_rows(e, dim__shape_rows(e->in_shape[0]), dim__shape_last(e->in_shape[0]), log_sum_exp_piece);
}

static void log_sum_exp_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit2(g, &dim__op_log_sum_exp_grad, dout[0], node->in[0], NULL);
}

/* dy (rows), x (rows, c) -> dx = dy softmax(x).  Not by the sums' logarithms: rounded to floats they lose what matters where x is
 * large. */
static dim_status log_sum_exp_grad_infer(dim__infer *inf)
{
    int64_t rows = dim__shape_rows(&inf->in[1]);
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[1].rank < 1)
        return dim__infer_fail(inf, 1, "rank 1 at least");
    if (inf->in[0].rank != inf->in[1].rank - 1 || dim__shape_count(&inf->in[0]) != rows)
        return dim__infer_fail(inf, 0, "input 1 without its last axis");
    inf->out[0] = inf->in[1];
    return DIM_OK;
}

static void log_sum_exp_grad_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = dim__shape_last(e->in_shape[1]);
    const dim__kernels *k = e->ctx->kernels;
    const float *dy = e->in[0];
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        const float *x = (const float *)e->in[1] + r * c;
        float most = k->max(x, c);
        k->exp_shift((float *)e->out[0] + r * c, x, most, (float)(dy[r] / k->sum_exp(x, most, c)), c);
    }
}

static void log_sum_exp_grad_run(const dim__exec *e)
{
    dim__run_rows(e, dim__shape_rows(e->in_shape[1]), dim__shape_last(e->in_shape[1]), log_sum_exp_grad_piece);
}

const dim__op dim__op_log_sum_exp = {
    .name = "log_sum_exp", .min_in = 1, .max_in = 1, .n_out = 1,
    .infer = log_sum_exp_infer, .backward = log_sum_exp_backward, .run = log_sum_exp_run,
};
const dim__op dim__op_log_sum_exp_grad = {
    .name = "log_sum_exp_grad", .min_in = 2, .max_in = 2, .n_out = 1, .flags = DIM__OP_INPLACE1,
    .infer = log_sum_exp_grad_infer, .run = log_sum_exp_grad_run,
};

dim__vid dim__emit_log_sum_exp(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_log_sum_exp, x, NULL); }

/* ---- softmax_xent: labels are not checked while running, see gather.c; -1 = the row has none ----------------------- */

/* Of all ranks' rows those with a label, by input `k`; 1 when none has, since it divides sums that are 0 then. */
static double labelled_of_all(const dim__exec *e, int k)
{
    const int32_t *label = e->in[k];
    double count = 0;
    for (int64_t r = 0; r < e->in_shape[k]->d[0]; r++)
        count += label[r] >= 0;
    if (e->comm != NULL)
        dim__comm_totals(e->comm, &count, &count, 1, e->workspace);
    return count > 0 ? count : 1;
}

/* For one number of each rank. */
static size_t ranks_workspace(const dim__infer *inf)
{
    return inf->comm != NULL ? (size_t)dim__ranks(inf->comm) * sizeof(double) : 0;
}

static dim_status softmax_xent_infer(dim__infer *inf)
{
    const dim__shape *x = &inf->in[0];
    DIM__TRY(dim__infer_types(inf, 2));
    if (x->rank != 2 || x->d[0] < 1 || x->d[1] < 1)
        return dim__infer_fail(inf, 0, "(N, C), not empty");
    if (inf->in[1].rank != 1 || inf->in[1].d[0] != x->d[0])
        return dim__infer_fail(inf, 1, "one label a row of input 0");
    inf->out[0] = dim__scalar();
    inf->out[1] = *x;
    return DIM_OK;
}

static void softmax_xent_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    sums *s = arg;
    const dim__exec *e = s->e;
    const dim__kernels *k = e->ctx->kernels;
    const int32_t *label = e->in[1];
    int64_t c = dim__shape_last(e->in_shape[0]);
    double loss = 0;
    for (int64_t r = begin; r < end; r++) {
        const float *x = (const float *)e->in[0] + r * c;
        float *p = (float *)e->out[1] + r * c;
        float most = k->max(x, c);
        double sum = k->sum_exp(x, most, c);
        if (label[r] >= 0)
            loss += log(sum) - ((double)x[label[r]] - most);
        k->exp_shift(p, x, most, (float)(1 / sum), c);
    }
    s->slot[thread] = loss;
}

static void softmax_xent_run(const dim__exec *e)
{
    int64_t n = e->in_shape[0]->d[0];
    double sum = total(e, n, dim__row_grain(e->in_shape[0]->d[1]), softmax_xent_piece);
    if (e->comm != NULL)
        dim__comm_totals(e->comm, &sum, &sum, 1, e->workspace);
    *(float *)e->out[0] = (float)(sum / labelled_of_all(e, 1));
}

static void softmax_xent_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dout[0] != DIM__NONE) /* through the probabilities no gradient passes */
        din[0] = dim__emit3(g, &dim__op_softmax_xent_grad, dout[0], node->out[1], node->in[1], NULL);
}

/* dloss (scalar), p (N, C), labels (N) -> dlogits = dloss / labelled rows (p - onehot), 0 in the other rows */
static dim_status softmax_xent_grad_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 4));
    if (dim__shape_count(&inf->in[0]) != 1)
        return scalar_fail(inf, 0);
    if (inf->in[1].rank != 2)
        return dim__infer_fail(inf, 1, "(N, C)");
    if (inf->in[2].rank != 1 || inf->in[2].d[0] != inf->in[1].d[0])
        return dim__infer_fail(inf, 2, "one label a row of input 1");
    inf->out[0] = inf->in[1];
    return DIM_OK;
}

typedef struct xent_grad {
    const dim__exec *e;
    float scale;
} xent_grad;

static void softmax_xent_grad_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const xent_grad *t = arg;
    const dim__exec *e = t->e;
    int64_t c = dim__shape_last(e->in_shape[1]);
    const int32_t *label = e->in[2];
    float *dx = e->out[0];
    (void)thread;
    e->ctx->kernels->affine(dx + begin * c, (const float *)e->in[1] + begin * c, t->scale, 0, (end - begin) * c);
    for (int64_t r = begin; r < end; r++) {
        if (label[r] >= 0)
            dx[r * c + label[r]] -= t->scale;
        else
            memset(dx + r * c, 0, (size_t)c * sizeof *dx);
    }
}

static void softmax_xent_grad_run(const dim__exec *e)
{
    int64_t n = e->in_shape[1]->d[0];
    xent_grad t = { e, *(const float *)e->in[0] / (float)labelled_of_all(e, 2) };
    dim__parallel(e->ctx, n, dim__row_grain(e->in_shape[1]->d[1]), softmax_xent_grad_piece, &t);
}

const dim__op dim__op_softmax_xent = {
    .name = "softmax_xent", .min_in = 2, .max_in = 2, .n_out = 2, .flags = DIM__OP_RANKS,
    .infer = softmax_xent_infer, .workspace = ranks_workspace, .backward = softmax_xent_backward, .run = softmax_xent_run,
};
const dim__op dim__op_softmax_xent_grad = {
    .name = "softmax_xent_grad", .min_in = 3, .max_in = 3, .n_out = 1, .flags = DIM__OP_INPLACE1 | DIM__OP_RANKS,
    .infer = softmax_xent_grad_infer, .workspace = ranks_workspace, .run = softmax_xent_grad_run,
};

dim__vid dim__emit_softmax_xent(dim__graph *g, dim__vid logits, dim__vid labels)
{
    return dim__emit2(g, &dim__op_softmax_xent, logits, labels, NULL);
}

/* ---- labelled: which rows have a label --------------------------------------------------------------------------- */

static dim_status labelled_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 1));
    if (inf->in[0].rank != 1)
        return dim__infer_fail(inf, 0, "rank 1");
    inf->out[0] = inf->in[0];
    return DIM_OK;
}

static void labelled_run(const dim__exec *e)
{
    const int32_t *label = e->in[0];
    float *y = e->out[0];
    int64_t n = e->in_shape[0]->d[0];
    float share = (float)sqrt((double)(n * dim__ranks(e->comm)) / labelled_of_all(e, 0));
    for (int64_t r = 0; r < n; r++)
        y[r] = label[r] >= 0 ? share : 0;
}

const dim__op dim__op_labelled = {
    .name = "labelled", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_RANKS,
    .infer = labelled_infer, .workspace = ranks_workspace, .run = labelled_run,
};

dim__vid dim__emit_labelled(dim__graph *g, dim__vid labels) { return dim__emit1(g, &dim__op_labelled, labels, NULL); }

/* ---- kl_normal: KL(N(mu, e^lv) || N(0, 1)) of every unit --------------------------------------------------------- */

static dim_status kl_normal_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_same(inf));
    inf->out[0] = dim__scalar();
    return DIM_OK;
}

static void kl_normal_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    sums *s = arg;
    const dim__kernels *k = s->e->ctx->kernels;
    const float *mu = (const float *)s->e->in[0] + begin, *lv = (const float *)s->e->in[1] + begin;
    int64_t n = end - begin;
    s->slot[thread] = k->sum_sq(mu, n) + k->sum_exp(lv, 0, n) - (double)n - k->sum(lv, n);
}

static void kl_normal_run(const dim__exec *e)
{
    double sum = total(e, dim__shape_count(e->in_shape[0]), DIM__GRAIN, kl_normal_piece);
    *(float *)e->out[0] = (float)(0.5 * e->attr->scale * sum);
}

static void kl_normal_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit3(g, &dim__op_kl_normal_grad, dout[0], node->in[0], node->in[1], &node->attr);
    din[1] = dim__out(din[0], 1);
}

/* d (scalar), mu, lv -> dmu = scale d mu, dlv = scale d (e^lv - 1) / 2 */
static dim_status kl_normal_grad_infer(dim__infer *inf)
{
    char text[128];
    DIM__TRY(dim__infer_types(inf, 0));
    if (dim__shape_count(&inf->in[0]) != 1)
        return scalar_fail(inf, 0);
    if (!dim__shape_equal(&inf->in[1], &inf->in[2]))
        return dim__infer_fail(inf, 2, dim__op_shape_text(text, &inf->in[1]));
    inf->out[0] = inf->out[1] = inf->in[1];
    return DIM_OK;
}

static void kl_normal_grad_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    const dim__kernels *k = e->ctx->kernels;
    float d = (float)(e->attr->scale * *(const float *)e->in[0]), *dlv = (float *)e->out[1] + begin;
    int64_t n = end - begin;
    (void)thread;
    k->affine((float *)e->out[0] + begin, (const float *)e->in[1] + begin, d, 0, n);
    k->exp(dlv, (const float *)e->in[2] + begin, n);
    k->affine(dlv, dlv, 0.5f * d, -0.5f * d, n);
}

static void kl_normal_grad_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->in_shape[1]), DIM__GRAIN, kl_normal_grad_piece, (void *)e);
}

const dim__op dim__op_kl_normal = {
    .name = "kl_normal", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(scale),
    .infer = kl_normal_infer, .backward = kl_normal_backward, .run = kl_normal_run,
};
const dim__op dim__op_kl_normal_grad = {
    .name = "kl_normal_grad", .min_in = 3, .max_in = 3, .n_out = 2, .attr_size = DIM__ATTR_SIZE(scale),
    .flags = DIM__OP_INPLACE1,
    .infer = kl_normal_grad_infer, .run = kl_normal_grad_run,
};

dim__vid dim__emit_kl_normal(dim__graph *g, dim__vid mu, dim__vid lv, double scale)
{
    dim__attr attr = { .scale = scale };
    return dim__emit2(g, &dim__op_kl_normal, mu, lv, &attr);
}
