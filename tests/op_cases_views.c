/* Cases of the ops that multi-view models add: views of a batch, padded channels, NCE scores. */
#include "op_cases.h"

#include "objective/objective.h"

#include <math.h>

static dim__vid build_view(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__op_view_rows_(g, in[0], (int64_t)c->p[0], (int64_t)c->p[1]);
}
static void ref_view(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = op_count(&c->in[0]) / (int64_t)c->p[1];
    for (int64_t i = 0; i < n; i++)
        out[0][i] = in[0][(int64_t)c->p[0] * n + i];
}

static dim__vid build_pad(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__op_pad_last_(g, in[0], (int64_t)c->p[0]);
}
static void ref_pad(const op_case *c, const double *const *in, double *const *out)
{
    int64_t w = dim__shape_last(&c->in[0]), wide = (int64_t)c->p[0];
    for (int64_t r = 0; r < dim__shape_rows(&c->in[0]); r++)
        for (int64_t k = 0; k < wide; k++)
            out[0][r * wide + k] = k < w ? in[0][r * w + k] : 0;
}

static dim__vid build_nce(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_nce_scores(g, in[0], (int64_t)c->p[0]);
}
/* InfoNCE: u - log(e^u + sum over other samples' locations of e^u'), shifted by the largest of them all. */
static void ref_nce(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = (int64_t)c->p[0], rows = c->in[0].d[0], columns = c->in[0].d[1], each = rows / n, l = columns / n;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < l; i++) {
            const double *u = in[0] + r * columns;
            int64_t own = r / each;
            double pos = u[own * l + i], most = pos, sum;
            for (int64_t k = 0; k < columns; k++)
                most = k / l != own && u[k] > most ? u[k] : most;
            sum = exp(pos - most);
            for (int64_t k = 0; k < columns; k++)
                sum += k / l != own ? exp(u[k] - most) : 0;
            out[0][r * l + i] = pos - most - log(sum);
        }
}
static void fill_scores(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    (void)index;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)c->p[5] * op_random(input, i);
}

/* A copy is exact; a score is rounded after a difference in double. */
const op_case op_cases_views[] = {
    { .op = "view_rows", .label = "first of two", .n_in = 1, .in = { S3(6, 2, 3) }, .grad = 1, .out = { S3(3, 2, 3) },
      .p = { 0, 2 }, .build = build_view, .ref = ref_view, .tol = 0, .tol_grad = 1e-6 },
    { .op = "view_rows", .label = "last of three", .n_in = 1, .in = { S2(9, 5) }, .grad = 1, .out = { S2(3, 5) },
      .p = { 2, 3 }, .build = build_view, .ref = ref_view, .tol = 0, .tol_grad = 1e-6 },
    { .op = "view_rows", .label = "many", .n_in = 1, .in = { S2(90, 1111) }, .grad = 1, .out = { S2(45, 1111) },
      .p = { 1, 2 }, .build = build_view, .ref = ref_view, .tol = 0, .tol_grad = 1e-6 },
    { .op = "view_rows_grad", .covered_by = "view_rows" },
    { .op = "slice_grad", .label = "as padding", .n_in = 1, .in = { S3(2, 3, 4) }, .grad = 1, .out = { S3(2, 3, 7) },
      .p = { 7 }, .build = build_pad, .ref = ref_pad, .tol = 0, .tol_grad = 1e-6 },
    { .op = "slice_grad", .label = "by nothing", .n_in = 1, .in = { S2(3, 4) }, .grad = 1, .out = { S2(3, 4) },
      .p = { 4 }, .build = build_pad, .ref = ref_pad, .tol = 0, .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "two samples", .n_in = 1, .in = { S2(2, 2) }, .grad = 1, .out = { S2(2, 1) },
      .p = { 2, [5] = 3 }, .build = build_nce, .ref = ref_nce, .fill = fill_scores, .tol = 3e-7, .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "three globals, four locations", .n_in = 1, .in = { S2(9, 12) }, .grad = 1,
      .out = { S2(9, 4) }, .p = { 3, [5] = 3 }, .build = build_nce, .ref = ref_nce, .fill = fill_scores, .tol = 3e-7,
      .tol_grad = 1e-6 },
    { .op = "nce_scores", .label = "|u| to 100", .n_in = 1, .in = { S2(6, 12) }, .grad = 1, .out = { S2(6, 2) },
      .p = { 6, [5] = 100 }, .build = build_nce, .ref = ref_nce, .fill = fill_scores, .tol = 3e-7, .tol_grad = 2e-6 },
    { .op = "nce_scores", .label = "many", .n_in = 1, .in = { S2(40, 480) }, .grad = 1, .out = { S2(40, 24) },
      .p = { 20, [5] = 5 }, .build = build_nce, .ref = ref_nce, .fill = fill_scores, .tol = 3e-7, .tol_grad = 2e-6 },
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
    { .op = "slice_grad", .label = "narrower", .n_in = 1, .in = { S2(3, 4) }, .p = { 3 }, .build = build_pad },
    { .op = "nce_scores", .label = "one sample", .n_in = 1, .in = { S2(2, 3) }, .p = { 1 }, .build = build_nce },
    { .op = "nce_scores",
      .label = "columns do not divide",
      .n_in = 1,
      .in = { S2(4, 5) },
      .p = { 2 },
      .build = build_nce },
    { .op = "nce_scores", .label = "rank 3", .n_in = 1, .in = { S3(2, 2, 2) }, .p = { 2 }, .build = build_nce },
    { .op = NULL },
};
