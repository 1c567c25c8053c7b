/* Cases of the ops that multi-view models add: views of a batch, padded channels, NCE scores. */
#include "op_cases.h"

#include "objective/objective.h"

#include <math.h>

static dim__vid build_view(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_view_rows(g, in[0], (int64_t)c->p[0], (int64_t)c->p[1]);
}
static void ref_view(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]) / (int64_t)c->p[1];
    for (int64_t i = 0; i < n; i++)
        out[0][i] = in[0][(int64_t)c->p[0] * n + i];
}

/* p = view, views */
static dim__vid build_view_add(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = { .view = { .view = (int64_t)c->p[0], .views = (int64_t)c->p[1] } };
    return dim__emit2(g, &dim__op_view_rows_add, in[0], in[1], &attr);
}
static void ref_view_add(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]), each = op_count(&c->in[1]), first = (int64_t)c->p[0] * each;
    for (int64_t i = 0; i < n; i++)
        out[0][i] = in[0][i] + (i >= first && i < first + each ? in[1][i - first] : 0);
}

static dim__vid build_pad(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_pad_last(g, in[0], (int64_t)c->p[0]);
}
static void ref_pad(const op_case *c, const double *const *in, double *const *out)
{
    int64_t w = dim__shape_last(&c->in[0]), wide = (int64_t)c->p[0];
    for (int64_t r = 0; r < dim__shape_rows(&c->in[0]); r++)
        for (int64_t k = 0; k < wide; k++)
            out[0][r * wide + k] = k < w ? in[0][r * w + k] : 0;
}

/* p: samples, largest score, bytes of scores at once, penalty, clip */
static dim_estimator_options nce_options(const op_case *c)
{
    dim_estimator_options o;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_ESTIMATOR_INFONCE;
    o.scale = 0.7f;
    o.score_memory = (uint64_t)c->p[2];
    o.penalty = (float)c->p[3];
    o.clip = (float)c->p[4];
    return o;
}
static dim__vid build_nce(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim_estimator_options o = nce_options(c);
    return dim__emit_nce_scores(g, &o, in[0], in[1], (int64_t)c->p[0]);
}
/* The sum of all s and the penalty, whose gradients meet. */
static dim__vid build_nce_total(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__vid s = build_nce(g, c, in);
    return dim__emit_add(g, dim__emit_sum_all(g, s, 1), dim__out(s, 1));
}
static dim__vid build_nce_penalty(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__out(build_nce(g, c, in), 1);
}
static dim__vid build_nce_means(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__out(build_nce(g, c, in), 2);
}

typedef struct nce_scores {
    double s[1024], penalty, mean[2];
} nce_scores;

/* InfoNCE: u' - log(e^u' + sum over other samples' locations of e^u'), shifted by the largest of them all. */
static void direct_nce(const op_case *c, const double *const *in, nce_scores *to)
{
    dim_estimator_options o = nce_options(c);
    int64_t n = (int64_t)c->p[0], d = dim__shape_last(&c->in[0]), rows = dim__shape_rows(&c->in[0]),
            columns = dim__shape_rows(&c->in[1]), each = rows / n, l = columns / n;
    double u[1024], count[2] = { (double)(rows * l), (double)(rows * (columns - l)) };
    to->penalty = to->mean[0] = to->mean[1] = 0;
    for (int64_t r = 0; r < rows; r++) {
        int64_t own = r / each;
        double most = -HUGE_VAL;
        for (int64_t k = 0; k < columns; k++) {
            u[k] = 0;
            for (int64_t i = 0; i < d; i++)
                u[k] += in[0][r * d + i] * in[1][k * d + i];
            u[k] *= (double)o.scale;
            to->penalty += (double)o.penalty * u[k] * u[k] / (count[0] + count[1]);
            to->mean[k / l != own] += u[k] / count[k / l != own];
            if (o.clip > 0)
                u[k] = (double)o.clip * tanh(u[k] / (double)o.clip);
            most = fmax(most, u[k]);
        }
        for (int64_t i = 0; i < l; i++) {
            double pos = u[own * l + i], sum = exp(pos - most);
            for (int64_t k = 0; k < columns; k++)
                sum += k / l != own ? exp(u[k] - most) : 0;
            to->s[r * l + i] = pos - most - log(sum);
        }
    }
}
static void ref_nce(const op_case *c, const double *const *in, double *const *out)
{
    nce_scores direct;
    direct_nce(c, in, &direct);
    for (int64_t i = 0; i < op_count(&c->out[0]); i++)
        out[0][i] = direct.s[i];
}
static void ref_nce_total(const op_case *c, const double *const *in, double *const *out)
{
    nce_scores direct;
    int64_t n = (int64_t)c->p[0], count = dim__shape_rows(&c->in[0]) * dim__shape_rows(&c->in[1]) / n;
    direct_nce(c, in, &direct);
    out[0][0] = direct.penalty;
    for (int64_t i = 0; i < count; i++)
        out[0][0] += direct.s[i];
}
static void ref_nce_penalty(const op_case *c, const double *const *in, double *const *out)
{
    nce_scores direct;
    direct_nce(c, in, &direct);
    out[0][0] = direct.penalty;
}
static void ref_nce_means(const op_case *c, const double *const *in, double *const *out)
{
    nce_scores direct;
    direct_nce(c, in, &direct);
    out[0][0] = direct.mean[0];
    out[0][1] = direct.mean[1];
}
/* Such that the largest scores are about p[1]. */
static void fill_features(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    double d = (double)dim__shape_last(&c->in[0]);
    (void)index;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(sqrt(c->p[1] / (0.7 * sqrt(d))) * op_random(input, i));
}

#define NCE(y, x, which) .n_in = 2, .in = { y, x }, .grad = which, .fill = fill_features

/* A copy is exact; a score is rounded after a difference in double. */
const op_case op_cases_views[] = {
    { .op = "view_rows", .label = "first of two", .n_in = 1, .in = { S3(6, 2, 3) }, .grad = 1, .out = { S3(3, 2, 3) },
      .p = { 0, 2 }, .build = build_view, .ref = ref_view, .tol = 0, .tol_grad = 1e-6 },
    { .op = "view_rows", .label = "last of three", .n_in = 1, .in = { S2(9, 5) }, .grad = 1, .out = { S2(3, 5) },
      .p = { 2, 3 }, .build = build_view, .ref = ref_view, .tol = 0, .tol_grad = 1e-6 },
    { .op = "view_rows", .label = "many", .n_in = 1, .in = { S2(90, 1111) }, .grad = 1, .out = { S2(45, 1111) },
      .p = { 1, 2 }, .build = build_view, .ref = ref_view, .tol = 0, .tol_grad = 1e-6 },
    { .op = "view_rows_grad", .covered_by = "view_rows" },
    { .op = "view_rows_add", .label = "last of two", .n_in = 2, .in = { S2(6, 5), S2(3, 5) }, .out = { S2(6, 5) },
      .p = { 1, 2 }, .build = build_view_add, .ref = ref_view_add, .tol = 1e-7 },
    { .op = "view_rows_add", .label = "many", .n_in = 2, .in = { S2(90, 1111), S2(30, 1111) },
      .out = { S2(90, 1111) }, .p = { 1, 3 }, .build = build_view_add, .ref = ref_view_add, .tol = 1e-7 },
    { .op = "slice_grad", .label = "as padding", .n_in = 1, .in = { S3(2, 3, 4) }, .grad = 1, .out = { S3(2, 3, 7) },
      .p = { 7 }, .build = build_pad, .ref = ref_pad, .tol = 0, .tol_grad = 1e-6 },
    { .op = "slice_grad", .label = "by nothing", .n_in = 1, .in = { S2(3, 4) }, .grad = 1, .out = { S2(3, 4) },
      .p = { 4 }, .build = build_pad, .ref = ref_pad, .tol = 0, .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "two samples", NCE(S2(2, 3), S2(2, 3), 3), .out = { S2(2, 1) }, .p = { 2, 3 },
      .build = build_nce, .ref = ref_nce, .tol = 3e-7, .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "three globals, four locations, a row at a time", NCE(S2(9, 5), S2(12, 5), 3),
      .out = { S2(9, 4) }, .p = { 3, 3, 1 }, .build = build_nce, .ref = ref_nce, .tol = 3e-7, .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "|u| to 100", NCE(S2(6, 4), S2(12, 4), 3), .out = { S2(6, 2) }, .p = { 6, 100 },
      .build = build_nce, .ref = ref_nce, .tol = 6e-7, .tol_grad = 1e-5 },
    { .op = "nce_scores", .label = "penalty and clip", NCE(S2(8, 5), S2(12, 5), 3), .out = { S0 },
      .p = { 4, 4, 0, 0.05, 2 }, .build = build_nce_total, .ref = ref_nce_total, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "penalty alone", NCE(S2(8, 5), S2(12, 5), 3), .out = { S0 }, .p = { 4, 4, 200, 0.05, 2 },
      .build = build_nce_penalty, .ref = ref_nce_penalty, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "gradient of y alone", NCE(S2(8, 5), S2(12, 5), 1), .out = { S2(8, 3) },
      .p = { 4, 4, 150, 0, 2 }, .build = build_nce, .ref = ref_nce, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "gradient of x alone", NCE(S2(8, 5), S2(12, 5), 2), .out = { S2(8, 3) },
      .p = { 4, 4, 150, 0, 2 }, .build = build_nce, .ref = ref_nce, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "means", NCE(S2(8, 5), S2(12, 5), 0), .out = { S1(2) }, .p = { 4, 4, 0, 0.05, 2 },
      .build = build_nce_means, .ref = ref_nce_means, .tol = 5e-7 },
    { .op = "nce_scores", .label = "tiles in both directions", NCE(S2(40, 4), S2(40 * 16, 4), 3), .out = { S2(40, 16) },
      .p = { 40, 5, 30000, 0, 3 }, .build = build_nce, .ref = ref_nce, .tol = 5e-7, .tol_grad = 2e-6 },
    { .op = "nce_scores_grad", .covered_by = "nce_scores" },
    { .op = NULL },
};

const op_bad op_bads_views[] = {
    { .op = "view_rows",
      .label = "does not divide",
      .n_in = 1,
      .in = { S2(5, 3) },
      .p = { 0, 2 },
      .build = build_view },
    { .op = "view_rows", .label = "scalar", .n_in = 1, .in = { S0 }, .p = { 0, 2 }, .build = build_view },
    { .op = "view_rows_add", .label = "other rows", .n_in = 2, .in = { S2(6, 5), S2(2, 5) }, .p = { 0, 2 },
      .build = build_view_add },
    { .op = "slice_grad", .label = "narrower", .n_in = 1, .in = { S2(3, 4) }, .p = { 3 }, .build = build_pad },
    { .op = "nce_scores", .label = "one sample", .n_in = 2, .in = { S2(2, 3), S2(2, 3) }, .p = { 1 }, .build = build_nce },
    { .op = "nce_scores", .label = "rows", .n_in = 2, .in = { S2(4, 5), S2(5, 5) }, .p = { 2 }, .build = build_nce },
    { .op = "nce_scores", .label = "widths", .n_in = 2, .in = { S2(4, 5), S2(4, 6) }, .p = { 2 }, .build = build_nce },
    { .op = "nce_scores", .label = "globals", .n_in = 2, .in = { S2(5, 5), S2(4, 5) }, .p = { 2 }, .build = build_nce },
    { .op = NULL },
};
