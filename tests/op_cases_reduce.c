/* Cases of the reductions, losses and estimators' ops. */
#include "op_cases.h"

#include "base/math.h"
#include "objective/score_rows.h"

static dim__vid build_sum_all(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_sum_all(g, in[0], c->p[0]);
}
static void ref_sum_all(const op_case *c, const double *const *in, double *const *out)
{
    double sum = 0;
    for (int64_t i = 0; i < op_count(&c->in[0]); i++)
        sum += in[0][i];
    out[0][0] = c->p[0] * sum;
}

static dim__vid build_fill_from(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_fill_from(g, in[0], dim__shape2((int64_t)c->p[1], (int64_t)c->p[2]), c->p[0]);
}
static void ref_fill_from(const op_case *c, const double *const *in, double *const *out)
{
    for (int64_t i = 0; i < op_count(&c->out[0]); i++)
        out[0][i] = c->p[0] * in[0][0];
}

/* ---- log_sum_exp, softmax_xent ----------------------------------------------------------------------------------- */

static dim__vid build_lse(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_log_sum_exp(g, in[0]);
}
static double log_sum_exp(const double *x, int64_t n)
{
    double most = x[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (int64_t i = 0; i < n; i++)
        sum += exp(x[i] - most);
    return most + log(sum);
}
static void ref_lse(const op_case *c, const double *const *in, double *const *out)
{
    int64_t w = dim__shape_last(&c->in[0]);
    for (int64_t r = 0; r < dim__shape_rows(&c->in[0]); r++)
        out[0][r] = log_sum_exp(in[0] + r * w, w);
}
static void fill_scaled(const op_case *c, int input, float *x, int32_t *index, int64_t n) /* by p[5]; labels < p[0] */
{
    for (int64_t i = 0; i < n; i++)
        if (index != NULL)
            index[i] = (int32_t)((i * 5 + i / 2) % (int64_t)c->p[0]);
        else
            x[i] = (float)c->p[5] * op_random(input, i);
}

static void fill_some(const op_case *c, int input, float *x, int32_t *index, int64_t n) /* every third row has no label */
{
    fill_scaled(c, input, x, index, n);
    for (int64_t i = 0; i < n && index != NULL; i += 3)
        index[i] = -1;
}

static dim__vid build_xent(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_softmax_xent(g, in[0], in[1]);
}
static void ref_xent(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = c->in[0].d[0], w = c->in[0].d[1];
    int64_t labelled = 0;
    for (int64_t r = 0; r < n; r++)
        labelled += in[1][r] >= 0;
    out[0][0] = 0;
    for (int64_t r = 0; r < n; r++) {
        const double *x = in[0] + r * w;
        double lse = log_sum_exp(x, w);
        if (in[1][r] >= 0)
            out[0][0] += (lse - x[(int64_t)in[1][r]]) / (double)labelled;
        for (int64_t k = 0; k < w; k++)
            out[1][r * w + k] = exp(x[k] - lse);
    }
}

static dim__vid build_accuracy(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_accuracy(g, in[0], in[1]);
}
static void ref_accuracy(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = c->in[0].d[0], w = c->in[0].d[1];
    out[0][0] = 0;
    for (int64_t r = 0; r < n; r++) {
        bool largest = true;
        for (int64_t k = 0; k < w; k++)
            largest = largest && in[0][r * w + k] <= in[0][r * w + (int64_t)in[1][r]];
        out[0][0] += largest / (double)n;
    }
}

static dim__vid build_labelled(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_labelled(g, in[0]);
}
static void ref_labelled(const op_case *c, const double *const *in, double *const *out)
{
    double n = (double)c->in[0].d[0], count = 0;
    for (int64_t r = 0; r < c->in[0].d[0]; r++)
        count += in[0][r] >= 0;
    for (int64_t r = 0; r < c->in[0].d[0]; r++)
        out[0][r] = in[0][r] >= 0 ? sqrt(n / count) : 0;
}

/* ---- kl_normal, unit_stats --------------------------------------------------------------------------------------- */

static dim__vid build_kl(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_kl_normal(g, in[0], in[1], c->p[0]);
}
static void ref_kl(const op_case *c, const double *const *in, double *const *out)
{
    double sum = 0;
    for (int64_t i = 0; i < op_count(&c->in[0]); i++)
        sum += 0.5 * (in[0][i] * in[0][i] + exp(in[1][i]) - 1 - in[1][i]);
    out[0][0] = c->p[0] * sum;
}

static dim__vid build_stats(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_unit_stats(g, in[0]);
}
static void ref_stats(const op_case *c, const double *const *in, double *const *out)
{
    int64_t rows = dim__shape_rows(&c->in[0]), w = dim__shape_last(&c->in[0]);
    for (int64_t k = 0; k < w; k++) {
        double mean = 0, var = 0;
        for (int64_t r = 0; r < rows; r++)
            mean += in[0][r * w + k] / (double)rows;
        for (int64_t r = 0; r < rows; r++)
            var += (in[0][r * w + k] - mean) * (in[0][r * w + k] - mean) / (double)rows;
        out[0][k] = mean;
        out[1][k] = sqrt(var);
    }
}
/* Columns far from zero: a sum of squares would lose everything. */
static void fill_far(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    (void)index;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)c->p[5] + op_random(input, i);
}

/* ---- estimators: JSD here; all kinds have tests of their own ----------------------------------------------------- */

static const dim_estimator_options jsd = { .size = sizeof jsd, .kind = DIM_ESTIMATOR_JSD, .smile_tau = 5,
                                           .mine_rate = 0.01f, .scale = 1 };

static double softplus(double t) { return t > 30 ? t + exp(-t) : log1p(exp(t)); }

static dim__vid build_estimator(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_estimator(g, &jsd, in[0], (int64_t)c->p[0], NULL).loss;
}
static void ref_estimator(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = (int64_t)c->p[0], rows = c->in[0].d[0], columns = c->in[0].d[1], group = rows / n, l = columns / n;
    double pos = 0, neg = 0;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < columns; k++)
            if (r / group == k / l)
                pos += softplus(-in[0][r * columns + k]);
            else
                neg += softplus(in[0][r * columns + k]);
    out[0][0] = pos / (double)(rows * l) + neg / (double)(rows * (columns - l));
}
static dim__vid build_estimator_pairs(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_estimator_pairs(g, &jsd, in[0], in[1], NULL).loss;
}
static void ref_estimator_pairs(const op_case *c, const double *const *in, double *const *out)
{
    int64_t p = op_count(&c->in[0]), q = op_count(&c->in[1]);
    double pos = 0, neg = 0;
    for (int64_t i = 0; i < p; i++)
        pos += softplus(-in[0][i]);
    for (int64_t i = 0; i < q; i++)
        neg += softplus(in[1][i]);
    out[0][0] = pos / (double)p + neg / (double)q;
}

/* Scores 0.7 <y, x>, penalised and clipped, of JSD and InfoNCE.  p: samples, kind, most bytes of scores, penalty, clip */
static dim_estimator_options dot_options(const op_case *c)
{
    dim_estimator_options o = jsd;
    o.kind = (dim_estimator_kind)c->p[1];
    o.score_memory = (uint64_t)c->p[2];
    o.scale = 0.7f;
    o.penalty = (float)c->p[3];
    o.clip = (float)c->p[4];
    return o;
}
static dim__vid build_dot_estimator(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim_estimator_options o = dot_options(c);
    dim__attr attr = dim__score_attr(&o, (int64_t)c->p[0]);
    return dim__emit2(g, &dim__op_dot_estimator, in[0], in[1], &attr); /* never as a score tensor */
}
static dim__vid build_changed_scores(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim_estimator_options o = dot_options(c);
    return dim__emit_estimator(g, &o, in[0], (int64_t)c->p[0], NULL).loss;
}
static dim__vid build_changed_pairs(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim_estimator_options o = dot_options(c);
    return dim__emit_estimator_pairs(g, &o, in[0], in[1], NULL).loss;
}
/* One row of scores u, which are changed: those marked own are its positives.  Adds to the sums. */
typedef struct dot_sums {
    double nce, pos, neg, squares;
    int64_t n_pos, n_neg;
} dot_sums;
static void add_row(const op_case *c, double *u, const bool *own, int64_t n, dot_sums *sums)
{
    const dim_estimator_options o = dot_options(c);
    double others = 0;
    for (int64_t k = 0; k < n; k++) {
        double s = (double)o.scale * u[k];
        sums->squares += s * s;
        u[k] = o.clip > 0 ? o.clip * tanh(s / o.clip) : s;
        others += own[k] ? 0 : exp(u[k]);
    }
    for (int64_t k = 0; k < n; k++)
        if (own[k]) {
            sums->pos += softplus(-u[k]);
            sums->nce += log(exp(u[k]) + others) - u[k];
            sums->n_pos++;
        } else {
            sums->neg += softplus(u[k]);
            sums->n_neg++;
        }
}
static double dot_loss(const op_case *c, const dot_sums *sums)
{
    double penalty = (float)c->p[3] * sums->squares / (double)(sums->n_pos + sums->n_neg);
    if (c->p[1] == DIM_ESTIMATOR_INFONCE)
        return sums->nce / (double)sums->n_pos + penalty;
    return sums->pos / (double)sums->n_pos + sums->neg / (double)sums->n_neg + penalty;
}
enum { MOST_COLUMNS = 1024 };
static void ref_rows(const op_case *c, const double *u, const double *y, const double *x, int64_t d, int64_t rows,
                     int64_t columns, double *out)
{
    int64_t n = (int64_t)c->p[0], group = rows / n, l = columns / n;
    double row[MOST_COLUMNS];
    bool own[MOST_COLUMNS];
    dot_sums sums = { 0 };
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t k = 0; k < columns; k++) {
            row[k] = u != NULL ? u[r * columns + k] : 0;
            for (int64_t i = 0; i < d; i++)
                row[k] += y[r * d + i] * x[k * d + i];
            own[k] = r / group == k / l;
        }
        add_row(c, row, own, columns, &sums);
    }
    *out = dot_loss(c, &sums);
}
static void ref_dot_estimator(const op_case *c, const double *const *in, double *const *out)
{
    int64_t d = dim__shape_last(&c->in[0]);
    ref_rows(c, NULL, in[0], in[1], d, op_count(&c->in[0]) / d, op_count(&c->in[1]) / d, out[0]);
}
static void ref_changed_scores(const op_case *c, const double *const *in, double *const *out)
{
    ref_rows(c, in[0], NULL, NULL, 0, c->in[0].d[0], c->in[0].d[1], out[0]);
}
static void ref_changed_pairs(const op_case *c, const double *const *in, double *const *out)
{
    int64_t p = c->in[0].d[1], q = c->in[1].d[1];
    double row[MOST_COLUMNS];
    bool own[MOST_COLUMNS];
    dot_sums sums = { 0 };
    for (int64_t r = 0; r < c->in[0].d[0]; r++) {
        for (int64_t k = 0; k < p + q; k++) {
            own[k] = k < p;
            row[k] = own[k] ? in[0][r * p + k] : in[1][r * q + k - p];
        }
        add_row(c, row, own, p + q, &sums);
    }
    out[0][0] = dot_loss(c, &sums);
}

/* Tolerances: sums are in double, so a result near 1 is rounded once; vector exp and log add a little. */
const op_case op_cases_reduce[] = {
    { .op = "sum_all", .label = "", .n_in = 1, .in = { S3(3, 4, 5) }, .grad = 1, .out = { S0 }, .p = { 0.5 },
      .build = build_sum_all, .ref = ref_sum_all, .tol = 2e-7, .tol_grad = 1e-6 },
    { .op = "sum_all", .label = "many", .n_in = 1, .in = { S2(52, 1003) }, .grad = 1, .out = { S0 }, .p = { 1e-3 },
      .build = build_sum_all, .ref = ref_sum_all, .tol = 2e-7, .tol_grad = 1e-6 },
    { .op = "fill_from", .label = "", .n_in = 1, .in = { S0 }, .grad = 1, .out = { S2(3, 4) }, .p = { -0.3, 3, 4 },
      .build = build_fill_from, .ref = ref_fill_from, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "fill_from", .label = "many, from (1, 1)", .n_in = 1, .in = { S2(1, 1) }, .grad = 1,
      .out = { S2(50, 1000) }, .p = { 0.01, 50, 1000 }, .build = build_fill_from, .ref = ref_fill_from, .tol = 1e-7,
      .tol_grad = 1e-6 },
    { .op = "log_sum_exp", .label = "", .n_in = 1, .in = { S3(2, 3, 7) }, .grad = 1, .out = { S2(2, 3) },
      .p = { [5] = 3 }, .build = build_lse, .ref = ref_lse, .fill = fill_scaled, .tol = 3e-7, .tol_grad = 2e-6 },
    { .op = "log_sum_exp", .label = "|x| to 300", .n_in = 1, .in = { S2(5, 9) }, .grad = 1, .out = { S1(5) },
      .p = { [5] = 300 }, .build = build_lse, .ref = ref_lse, .fill = fill_scaled, .tol = 3e-7, .tol_grad = 2e-6 },
    { .op = "log_sum_exp", .label = "one column, to a scalar", .n_in = 1, .in = { S1(1) }, .grad = 1, .out = { S0 },
      .p = { [5] = 1 }, .build = build_lse, .ref = ref_lse, .fill = fill_scaled, .tol = 3e-7, .tol_grad = 2e-6 },
    { .op = "log_sum_exp", .label = "many", .n_in = 1, .in = { S2(70, 777) }, .grad = 1, .out = { S1(70) },
      .p = { [5] = 5 }, .build = build_lse, .ref = ref_lse, .fill = fill_scaled, .tol = 3e-7, .tol_grad = 2e-6 },
    { .op = "log_sum_exp_grad", .covered_by = "log_sum_exp" },
    { .op = "softmax_xent", .label = "", .n_in = 2, .in = { S2(6, 4), S1(6) }, .i32 = 2, .grad = 1, .n_out = 2,
      .no_grad_out = 2, .out = { S0, S2(6, 4) }, .p = { 4, [5] = 3 }, .build = build_xent, .ref = ref_xent,
      .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "softmax_xent", .label = "|x| to 200", .n_in = 2, .in = { S2(5, 3), S1(5) }, .i32 = 2, .grad = 1,
      .n_out = 2, .no_grad_out = 2, .out = { S0, S2(5, 3) }, .p = { 3, [5] = 200 }, .build = build_xent,
      .ref = ref_xent, .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "softmax_xent", .label = "many", .n_in = 2, .in = { S2(530, 100), S1(530) }, .i32 = 2, .grad = 1,
      .n_out = 2, .no_grad_out = 2, .out = { S0, S2(530, 100) }, .p = { 100, [5] = 2 }, .build = build_xent,
      .ref = ref_xent, .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "softmax_xent", .label = "some labelled", .n_in = 2, .in = { S2(53, 10), S1(53) }, .i32 = 2, .grad = 1,
      .n_out = 2, .no_grad_out = 2, .out = { S0, S2(53, 10) }, .p = { 10, [5] = 2 }, .build = build_xent,
      .ref = ref_xent, .fill = fill_some, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "softmax_xent", .label = "none labelled", .n_in = 2, .in = { S2(1, 4), S1(1) }, .i32 = 2, .grad = 1,
      .n_out = 2, .no_grad_out = 2, .out = { S0, S2(1, 4) }, .p = { 4, [5] = 2 }, .build = build_xent,
      .ref = ref_xent, .fill = fill_some, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "softmax_xent_grad", .covered_by = "softmax_xent" },
    { .op = "labelled", .label = "all", .n_in = 1, .in = { S1(6) }, .i32 = 1, .out = { S1(6) }, .p = { 4 },
      .build = build_labelled, .ref = ref_labelled, .fill = fill_scaled },
    { .op = "labelled", .label = "some", .n_in = 1, .in = { S1(53) }, .i32 = 1, .out = { S1(53) }, .p = { 10 },
      .build = build_labelled, .ref = ref_labelled, .fill = fill_some, .tol = 1e-7 },
    { .op = "labelled", .label = "none", .n_in = 1, .in = { S1(1) }, .i32 = 1, .out = { S1(1) }, .p = { 4 },
      .build = build_labelled, .ref = ref_labelled, .fill = fill_some },
    { .op = "accuracy", .label = "", .n_in = 2, .in = { S2(6, 4), S1(6) }, .i32 = 2, .out = { S0 }, .p = { 4, [5] = 3 },
      .build = build_accuracy, .ref = ref_accuracy, .fill = fill_scaled, .tol = 1e-7 },
    { .op = "accuracy", .label = "many", .n_in = 2, .in = { S2(530, 3), S1(530) }, .i32 = 2, .out = { S0 }, .p = { 3, [5] = 3 },
      .build = build_accuracy, .ref = ref_accuracy, .fill = fill_scaled, .tol = 1e-7 },
    { .op = "kl_normal", .label = "", .n_in = 2, .in = { S2(4, 6), S2(4, 6) }, .grad = 3, .out = { S0 },
      .p = { 1.0 / 24, [5] = 2 }, .build = build_kl, .ref = ref_kl, .fill = fill_scaled, .tol = 5e-7,
      .tol_grad = 1e-6 },
    { .op = "kl_normal", .label = "many, gradient of one", .n_in = 2, .in = { S2(64, 800), S2(64, 800) }, .grad = 2,
      .out = { S0 }, .p = { 1e-3, [5] = 1 }, .build = build_kl, .ref = ref_kl, .fill = fill_scaled, .tol = 5e-7,
      .tol_grad = 1e-6 },
    { .op = "kl_normal_grad", .covered_by = "kl_normal" },
    { .op = "unit_stats", .label = "", .n_in = 1, .in = { S2(7, 5) }, .n_out = 2, .out = { S1(5), S1(5) },
      .build = build_stats, .ref = ref_stats, .tol = 3e-7 },
    { .op = "unit_stats", .label = "one row", .n_in = 1, .in = { S2(1, 3) }, .n_out = 2, .out = { S1(3), S1(3) },
      .build = build_stats, .ref = ref_stats, .tol = 3e-7 },
    { .op = "unit_stats", .label = "mean 1000, many", .n_in = 1, .in = { S3(50, 30, 35) }, .n_out = 2,
      .out = { S1(35), S1(35) }, .p = { [5] = 1000 }, .build = build_stats, .ref = ref_stats, .fill = fill_far,
      .tol = 3e-7 },
    { .op = "estimator", .label = "JSD, two globals, three locations", .n_in = 1, .in = { S2(8, 12) }, .grad = 1,
      .out = { S0 }, .p = { 4, [5] = 4 }, .build = build_estimator, .ref = ref_estimator, .fill = fill_scaled,
      .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "estimator", .label = "JSD, many", .n_in = 1, .in = { S2(40, 40 * 16) }, .grad = 1, .out = { S0 },
      .p = { 40, [5] = 4 }, .build = build_estimator, .ref = ref_estimator, .fill = fill_scaled, .tol = 5e-7,
      .tol_grad = 1e-6 },
    { .op = "estimator_grad", .covered_by = "estimator" },
    { .op = "estimator_pairs", .label = "JSD", .n_in = 2, .in = { S2(5, 3), S2(5, 4) }, .grad = 3, .out = { S0 },
      .p = { [5] = 4 }, .build = build_estimator_pairs, .ref = ref_estimator_pairs, .fill = fill_scaled, .tol = 5e-7,
      .tol_grad = 1e-6 },
    { .op = "estimator_pairs_grad", .covered_by = "estimator_pairs" },
    /* with scale, penalty and clip; the clip's gradient 1 - tanh^2 is good to 1e-7 of 1 */
    { .op = "estimator", .label = "JSD, changed scores", .n_in = 1, .in = { S2(8, 12) }, .grad = 1, .out = { S0 },
      .p = { 4, DIM_ESTIMATOR_JSD, 0, 0.05, 2, 4 }, .build = build_changed_scores, .ref = ref_changed_scores,
      .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "estimator", .label = "InfoNCE, scaled only", .n_in = 1, .in = { S2(8, 12) }, .grad = 1, .out = { S0 },
      .p = { 4, DIM_ESTIMATOR_INFONCE, 0, 0, 0, 4 }, .build = build_changed_scores, .ref = ref_changed_scores,
      .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "estimator", .label = "InfoNCE, penalty only, many", .n_in = 1, .in = { S2(40, 640) }, .grad = 1,
      .out = { S0 }, .p = { 40, DIM_ESTIMATOR_INFONCE, 0, 0.05, 0, 4 }, .build = build_changed_scores,
      .ref = ref_changed_scores, .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "estimator_pairs", .label = "JSD, changed scores", .n_in = 2, .in = { S2(5, 3), S2(5, 4) }, .grad = 3,
      .out = { S0 }, .p = { 0, DIM_ESTIMATOR_JSD, 0, 0.05, 2, 4 }, .build = build_changed_pairs,
      .ref = ref_changed_pairs, .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "estimator_pairs", .label = "InfoNCE, changed scores, many", .n_in = 2, .in = { S2(50, 500), S2(50, 333) },
      .grad = 3, .out = { S0 }, .p = { 0, DIM_ESTIMATOR_INFONCE, 0, 0.05, 2, 4 }, .build = build_changed_pairs,
      .ref = ref_changed_pairs, .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "dot_estimator", .label = "JSD, a row at a time", .n_in = 2, .in = { S2(4, 5), S3(4, 3, 5) }, .grad = 3,
      .out = { S0 }, .p = { 4, DIM_ESTIMATOR_JSD, 1, 0, 0, 2 }, .build = build_dot_estimator, .ref = ref_dot_estimator,
      .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "dot_estimator", .label = "InfoNCE, changed, two globals, blocks of 3", .n_in = 2,
      .in = { S2(8, 5), S2(12, 5) }, .grad = 3, .out = { S0 }, .p = { 4, DIM_ESTIMATOR_INFONCE, 150, 0.05, 2, 2 },
      .build = build_dot_estimator, .ref = ref_dot_estimator, .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "dot_estimator", .label = "gradient of y alone", .n_in = 2, .in = { S2(8, 5), S2(12, 5) }, .grad = 1,
      .out = { S0 }, .p = { 4, DIM_ESTIMATOR_INFONCE, 150, 0.05, 2, 2 }, .build = build_dot_estimator,
      .ref = ref_dot_estimator, .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "dot_estimator", .label = "gradient of x alone", .n_in = 2, .in = { S2(8, 5), S2(12, 5) }, .grad = 2,
      .out = { S0 }, .p = { 4, DIM_ESTIMATOR_INFONCE, 150, 0.05, 2, 2 }, .build = build_dot_estimator,
      .ref = ref_dot_estimator, .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "dot_estimator", .label = "tiles in both directions", .n_in = 2, .in = { S2(41, 4), S2(41 * 16, 4) },
      .grad = 3, .out = { S0 }, .p = { 41, DIM_ESTIMATOR_INFONCE, 30000, 0.05, 2, 2 }, .build = build_dot_estimator,
      .ref = ref_dot_estimator, .fill = fill_scaled, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "dot_estimator_grad", .covered_by = "dot_estimator" },
    { .op = NULL }
};

const op_bad op_bads_reduce[] = {
    { .op = "fill_from", .label = "not one number", .n_in = 1, .in = { S1(2) }, .p = { 1, 3, 4 },
      .build = build_fill_from },
    { .op = "fill_from", .label = "negative", .n_in = 1, .in = { S0 }, .p = { 1, 3, -4 }, .build = build_fill_from },
    { .op = "log_sum_exp", .label = "scalar", .n_in = 1, .in = { S0 }, .build = build_lse },
    { .op = "log_sum_exp", .label = "of nothing", .n_in = 1, .in = { S2(3, 0) }, .build = build_lse },
    { .op = "softmax_xent", .label = "labels", .n_in = 2, .in = { S2(6, 4), S1(4) }, .i32 = 2, .build = build_xent },
    { .op = "softmax_xent", .label = "rank", .n_in = 2, .in = { S3(6, 4, 1), S1(6) }, .i32 = 2, .build = build_xent },
    { .op = "softmax_xent", .label = "empty", .n_in = 2, .in = { S2(0, 4), S1(0) }, .i32 = 2, .build = build_xent },
    { .op = "accuracy", .label = "labels", .n_in = 2, .in = { S2(6, 4), S1(5) }, .i32 = 2, .build = build_accuracy },
    { .op = "labelled", .label = "rank", .n_in = 1, .in = { S2(6, 1) }, .i32 = 1, .build = build_labelled },
    { .op = "kl_normal", .label = "sizes", .n_in = 2, .in = { S2(6, 4), S2(4, 6) }, .build = build_kl },
    { .op = "unit_stats", .label = "rank 1", .n_in = 1, .in = { S1(6) }, .build = build_stats },
    { .op = "unit_stats", .label = "no rows", .n_in = 1, .in = { S2(0, 6) }, .build = build_stats },
    { .op = "estimator", .label = "one sample", .n_in = 1, .in = { S2(1, 4) }, .p = { 1 }, .build = build_estimator },
    { .op = "estimator", .label = "columns", .n_in = 1, .in = { S2(4, 6) }, .p = { 4 }, .build = build_estimator },
    { .op = "dot_estimator", .label = "one sample", .n_in = 2, .in = { S2(1, 5), S2(3, 5) }, .p = { 1, 3, 1 },
      .build = build_dot_estimator },
    { .op = "dot_estimator", .label = "widths", .n_in = 2, .in = { S2(4, 5), S2(4, 6) }, .p = { 4, 3, 1 },
      .build = build_dot_estimator },
    { .op = "dot_estimator", .label = "rows", .n_in = 2, .in = { S2(4, 5), S2(6, 5) }, .p = { 4, 3, 1 },
      .build = build_dot_estimator },
    { .op = "estimator_pairs", .label = "rows", .n_in = 2, .in = { S2(5, 3), S2(4, 3) },
      .build = build_estimator_pairs },
    { .op = NULL }
};
