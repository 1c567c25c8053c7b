/* Cases of the elementwise ops, and of those that move or pair rows.  Large ones are cut between threads. */
#include "op_cases.h"

#include "base/math.h"

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

static dim__vid build_relu(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_relu(g, in[0]);
}
static dim__vid build_leaky(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_leaky_relu(g, in[0], c->p[0]);
}
static dim__vid build_sigmoid(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_affine(g, dim__emit_sigmoid(g, in[0]), c->p[0], 0);
}
static dim__vid build_tanh(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_tanh(g, in[0]);
}
static dim__vid build_softplus(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_softplus(g, in[0]);
}
static dim__vid build_rsqrt(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_rsqrt(g, in[0]);
}
static dim__vid build_exp(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_exp(g, in[0]);
}
static dim__vid build_cast(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_cast(g, c->p[0] != 0 ? in[0] : dim__emit_cast(g, in[0], DIM__BF16), DIM_F32);
}

/* To 8 bits, ties to even. */
static void ref_cast(const op_case *c, const double *const *in, double *const *out)
{
    for (int64_t i = 0; i < op_count(&c->in[0]); i++) {
        int exponent;
        double x = frexp(in[0][i], &exponent);
        out[0][i] = c->p[0] != 0 ? in[0][i] : ldexp(rint(ldexp(x, 8)), exponent - 8);
    }
}

static dim__vid build_affine(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_affine(g, in[0], c->p[0], c->p[1]);
}
static dim__vid build_add(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_add(g, in[0], in[1]);
}
static dim__vid build_mul(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_mul(g, in[0], in[1]);
}
static dim__vid build_square(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_mul(g, in[0], in[0]);
}

#define REF_UNARY(name, expression)                                                                   \
    static void ref_##name(const op_case *c, const double *const *in, double *const *out)             \
    {                                                                                                 \
        for (int64_t i = 0; i < op_count(&c->in[0]); i++) {                                           \
            double x = in[0][i];                                                                      \
            out[0][i] = (expression);                                                                 \
        }                                                                                             \
    }
REF_UNARY(relu, x > 0 ? x : 0)
REF_UNARY(leaky, x > 0 ? x : c->p[0] * x)
REF_UNARY(sigmoid, c->p[0] / (1 + exp(-x)))
REF_UNARY(tanh, tanh(x))
REF_UNARY(softplus, x > 30 ? x + exp(-x) : log1p(exp(x)))
REF_UNARY(exp, exp(x))
REF_UNARY(rsqrt, 1 / sqrt(x))
REF_UNARY(affine, c->p[0] * x + c->p[1])
REF_UNARY(square, x * x)
REF_UNARY(same, x)
REF_UNARY(add, x + in[1][i])
REF_UNARY(mul, x * in[1][i])

/* Over all of float's interesting range for functions that saturate: -p[5] .. p[5]. */
static void fill_wide(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    (void)index;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)c->p[5] * op_random(input, i);
}

static void fill_far(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    (void)index;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)c->p[5] + op_random(input, i);
}

/* ---- moving numbers ---------------------------------------------------------------------------------------------- */

static dim__vid build_reshape(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_reshape(g, in[0], dim__shape3((int64_t)c->p[0], (int64_t)c->p[1], (int64_t)c->p[2]));
}
static dim__vid build_stop(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_stop_gradient(g, in[0]);
}
static dim__vid build_concat(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_concat(g, in[0], in[1]);
}
static void ref_concat(const op_case *c, const double *const *in, double *const *out)
{
    int64_t rows = dim__shape_rows(&c->in[0]), a = dim__shape_last(&c->in[0]), b = dim__shape_last(&c->in[1]);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < a + b; k++)
            out[0][r * (a + b) + k] = k < a ? in[0][r * a + k] : in[1][r * b + k - a];
}
static dim__vid build_slice(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_slice(g, in[0], (int64_t)c->p[0], (int64_t)c->p[1]);
}
static void ref_slice(const op_case *c, const double *const *in, double *const *out)
{
    int64_t rows = dim__shape_rows(&c->in[0]), w = dim__shape_last(&c->in[0]);
    int64_t start = (int64_t)c->p[0], n = (int64_t)c->p[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < n; k++)
            out[0][r * n + k] = in[0][r * w + start + k];
}
static dim__vid build_swap(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_swap_last(g, in[0]);
}
static void ref_swap(const op_case *c, const double *const *in, double *const *out)
{
    const int64_t *d = c->in[0].d;
    for (int64_t n = 0; n < d[0]; n++)
        for (int64_t i = 0; i < d[1]; i++)
            for (int64_t j = 0; j < d[2]; j++)
                out[0][(n * d[2] + j) * d[1] + i] = in[0][(n * d[1] + i) * d[2] + j];
}
static dim__vid build_broadcast(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_broadcast_mid(g, in[0], (int64_t)c->p[0]);
}
static void ref_broadcast(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = c->in[0].d[0], w = c->in[0].d[1], l = (int64_t)c->p[0];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < l; j++)
            for (int64_t k = 0; k < w; k++)
                out[0][(i * l + j) * w + k] = in[0][i * w + k];
}
static dim__vid build_sum_mid(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_sum_mid(g, in[0], c->p[0]);
}
static void ref_sum_mid(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = c->in[0].d[0], w = dim__shape_last(&c->in[0]), l = dim__shape_rows(&c->in[0]) / n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < w; k++) {
            double sum = 0;
            for (int64_t j = 0; j < l; j++)
                sum += in[0][(i * l + j) * w + k];
            out[0][i * w + k] = c->p[0] * sum;
        }
}

/* ---- rows by index ----------------------------------------------------------------------------------------------- */

static dim__vid build_gather(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_gather(g, in[0], in[1]);
}
static void ref_gather(const op_case *c, const double *const *in, double *const *out)
{
    int64_t w = op_count(&c->in[0]) / c->in[0].d[0];
    for (int64_t m = 0; m < c->in[1].d[0]; m++)
        for (int64_t k = 0; k < w; k++)
            out[0][m * w + k] = in[0][(int64_t)in[1][m] * w + k];
}
static dim__vid build_scatter(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = { .rows = (int64_t)c->p[0] };
    return dim__emit2(g, &dim__op_scatter_add, in[0], in[1], &attr);
}
static void ref_scatter(const op_case *c, const double *const *in, double *const *out)
{
    int64_t w = op_count(&c->in[0]) / c->in[0].d[0];
    for (int64_t i = 0; i < (int64_t)c->p[0] * w; i++)
        out[0][i] = 0;
    for (int64_t m = 0; m < c->in[1].d[0]; m++)
        for (int64_t k = 0; k < w; k++)
            out[0][(int64_t)in[1][m] * w + k] += in[0][m * w + k];
}
static void fill_index(const op_case *c, int input, float *x, int32_t *index, int64_t n) /* below p[0], repeating */
{
    if (index == NULL)
        op_fill_default(c, input, x, index, n);
    for (int64_t i = 0; index != NULL && i < n; i++)
        index[i] = (int32_t)((i * 7 + i / 3) % (int64_t)c->p[0]);
}

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

static dim__vid build_row_dot(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_row_dot(g, in[0], in[1]);
}
static void ref_row_dot(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = c->in[1].d[0], w = c->in[1].d[1], l = op_count(&c->in[0]) / (n * w);
    for (int64_t r = 0; r < n * l; r++) {
        out[0][r] = 0;
        for (int64_t k = 0; k < w; k++)
            out[0][r] += in[0][r * w + k] * in[1][r / l * w + k];
    }
}
static dim__vid build_row_scale(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_row_scale(g, in[0], in[1]);
}
static void ref_row_scale(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = c->in[1].d[0], w = c->in[1].d[1], l = op_count(&c->in[0]) / n;
    for (int64_t r = 0; r < n * l; r++)
        for (int64_t k = 0; k < w; k++)
            out[0][r * w + k] = in[0][r] * in[1][r / l * w + k];
}
static dim__vid build_row_mix(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit2(g, &dim__op_row_mix, in[0], in[1], NULL);
}
static void ref_row_mix(const op_case *c, const double *const *in, double *const *out)
{
    int64_t n = c->in[1].d[0], l = c->in[1].d[1], w = c->in[1].d[2];
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < w; k++) {
            out[0][i * w + k] = 0;
            for (int64_t j = 0; j < l; j++)
                out[0][i * w + k] += in[0][i * l + j] * in[1][(i * l + j) * w + k];
        }
}
static dim__vid build_pair_sum(dim__graph *g, const op_case *c, const dim__vid *in)
{
    (void)c;
    return dim__emit_pair_sum(g, in[0], in[1]);
}
static void ref_pair_sum(const op_case *c, const double *const *in, double *const *out)
{
    int64_t rows = c->in[0].d[0], m = c->in[1].d[0], w = c->in[0].d[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < m; j++)
            for (int64_t k = 0; k < w; k++)
                out[0][(r * m + j) * w + k] = in[0][r * w + k] + in[1][j * w + k];
}

/* Tolerances: 1e-6 is a few units in the last place of results near 1, for one or two roundings and the vector kernels'
 * exp and tanh; moved numbers are exact; sums of n terms of size 1 get more with n.  Gradients carry the error of the
 * differences, too, some 1e-9 relative. */
const op_case op_cases_basic[] = {
    { .op = "relu", .label = "rank 4", .n_in = 1, .in = { S4(2, 3, 4, 5) }, .grad = 1, .out = { S4(2, 3, 4, 5) },
      .build = build_relu, .ref = ref_relu, .tol = 0, .tol_grad = 1e-6 },
    { .op = "relu", .label = "many", .n_in = 1, .in = { S2(53, 1001) }, .grad = 1, .out = { S2(53, 1001) },
      .build = build_relu, .ref = ref_relu, .tol = 0, .tol_grad = 1e-6 },
    { .op = "relu_grad", .covered_by = "relu" },
    { .op = "leaky_relu", .label = "slope 0.2", .n_in = 1, .in = { S2(7, 11) }, .grad = 1, .out = { S2(7, 11) },
      .p = { 0.2 }, .build = build_leaky, .ref = ref_leaky, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "leaky_relu", .label = "many", .n_in = 1, .in = { S1(50021) }, .grad = 1, .out = { S1(50021) },
      .p = { 0.01 }, .build = build_leaky, .ref = ref_leaky, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "leaky_relu_grad", .covered_by = "leaky_relu" },
    { .op = "sigmoid", .label = "wide", .n_in = 1, .in = { S2(9, 33) }, .grad = 1, .out = { S2(9, 33) },
      .p = { 1, [5] = 20 }, .build = build_sigmoid, .ref = ref_sigmoid, .fill = fill_wide, .tol = 5e-7,
      .tol_grad = 1e-6 },
    { .op = "sigmoid", .label = "far left keeps relative precision", .n_in = 1, .in = { S1(40) },
      .out = { S1(40) }, .p = { 1e18, [5] = -41 }, .build = build_sigmoid, .ref = ref_sigmoid, .fill = fill_far,
      .tol = 2e-6 },
    { .op = "sigmoid", .label = "many", .n_in = 1, .in = { S3(5, 100, 101) }, .grad = 1, .out = { S3(5, 100, 101) },
      .p = { 1, [5] = 4 }, .build = build_sigmoid, .ref = ref_sigmoid, .fill = fill_wide, .tol = 5e-7,
      .tol_grad = 1e-6 },
    { .op = "sigmoid_grad", .covered_by = "sigmoid" },
    { .op = "tanh", .label = "wide", .n_in = 1, .in = { S2(9, 33) }, .grad = 1, .out = { S2(9, 33) }, .p = { [5] = 12 },
      .build = build_tanh, .ref = ref_tanh, .fill = fill_wide, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "tanh", .label = "many", .n_in = 1, .in = { S1(50003) }, .grad = 1, .out = { S1(50003) }, .p = { [5] = 1 },
      .build = build_tanh, .ref = ref_tanh, .fill = fill_wide, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "tanh_grad", .covered_by = "tanh" },
    { .op = "softplus", .label = "wide", .n_in = 1, .in = { S2(9, 33) }, .grad = 1, .out = { S2(9, 33) },
      .p = { [5] = 100 }, .build = build_softplus, .ref = ref_softplus, .fill = fill_wide, .tol = 5e-7,
      .tol_grad = 1e-6 },
    { .op = "softplus", .label = "many", .n_in = 1, .in = { S1(50003) }, .grad = 1, .out = { S1(50003) },
      .p = { [5] = 3 }, .build = build_softplus, .ref = ref_softplus, .fill = fill_wide, .tol = 5e-7,
      .tol_grad = 1e-6 },
    { .op = "softplus_grad", .covered_by = "softplus" },
    { .op = "exp", .label = "to e^20", .n_in = 1, .in = { S2(9, 33) }, .grad = 1, .out = { S2(9, 33) },
      .p = { [5] = 20 }, .build = build_exp, .ref = ref_exp, .fill = fill_wide, .tol = 1e-6, .tol_grad = 2e-6 },
    { .op = "exp", .label = "many", .n_in = 1, .in = { S1(50003) }, .grad = 1, .out = { S1(50003) }, .p = { [5] = 2 },
      .build = build_exp, .ref = ref_exp, .fill = fill_wide, .tol = 1e-6, .tol_grad = 2e-6 },
    { .op = "rsqrt", .label = "", .n_in = 1, .in = { S2(9, 33) }, .grad = 1, .out = { S2(9, 33) },
      .p = { [5] = 2 }, .build = build_rsqrt, .ref = ref_rsqrt, .fill = fill_far, .tol = 2e-7, .tol_grad = 1e-6 },
    { .op = "rsqrt", .label = "many", .n_in = 1, .in = { S1(50003) }, .grad = 1, .out = { S1(50003) },
      .p = { [5] = 2 }, .build = build_rsqrt, .ref = ref_rsqrt, .fill = fill_far, .tol = 2e-7, .tol_grad = 1e-6 },
    { .op = "rsqrt_grad", .covered_by = "rsqrt" },
    { .op = "cast", .label = "to bf16 and back", .n_in = 1, .in = { S2(51, 1000) }, .out = { S2(51, 1000) },
      .build = build_cast, .ref = ref_cast, .tol = 1e-9 },
    { .op = "cast", .label = "to what it is", .n_in = 1, .in = { S1(5) }, .out = { S1(5) }, .p = { 1 },
      .build = build_cast, .ref = ref_cast, .tol = 1e-9 },
    { .op = "affine", .label = "", .n_in = 1, .in = { S2(51, 1000) }, .grad = 1, .out = { S2(51, 1000) },
      .p = { -2.5, 0.75 }, .build = build_affine, .ref = ref_affine, .tol = 2e-7, .tol_grad = 1e-6 },
    { .op = "affine", .label = "scalar", .n_in = 1, .in = { S0 }, .grad = 1, .out = { S0 }, .p = { 3, -1 },
      .build = build_affine, .ref = ref_affine, .tol = 2e-7, .tol_grad = 1e-6 },
    { .op = "add", .label = "", .n_in = 2, .in = { S3(3, 5, 7), S3(3, 5, 7) }, .grad = 3, .out = { S3(3, 5, 7) },
      .build = build_add, .ref = ref_add, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "add", .label = "many", .n_in = 2, .in = { S1(50003), S1(50003) }, .grad = 3, .out = { S1(50003) },
      .build = build_add, .ref = ref_add, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "mul", .label = "", .n_in = 2, .in = { S3(3, 5, 7), S3(3, 5, 7) }, .grad = 3, .out = { S3(3, 5, 7) },
      .build = build_mul, .ref = ref_mul, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "mul", .label = "gradient of the right factor only", .n_in = 2, .in = { S1(50003), S1(50003) }, .grad = 2,
      .out = { S1(50003) }, .build = build_mul, .ref = ref_mul, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "mul", .label = "with itself", .n_in = 1, .in = { S2(4, 9) }, .grad = 1, .out = { S2(4, 9) },
      .build = build_square, .ref = ref_square, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "reshape", .label = "", .n_in = 1, .in = { S2(6, 10) }, .grad = 1, .out = { S3(3, 4, 5) }, .p = { 3, 4, 5 },
      .build = build_reshape, .ref = ref_same, .tol = 0, .tol_grad = 1e-6 },
    { .op = "stop_gradient", .label = "forward", .n_in = 1, .in = { S2(4, 5) }, .out = { S2(4, 5) },
      .build = build_stop, .ref = ref_same, .tol = 0 },
    { .op = "concat", .label = "rows", .n_in = 2, .in = { S2(5, 3), S2(5, 4) }, .grad = 3, .out = { S2(5, 7) },
      .build = build_concat, .ref = ref_concat, .tol = 0, .tol_grad = 1e-6 },
    { .op = "concat", .label = "many", .n_in = 2, .in = { S3(20, 50, 33), S3(20, 50, 20) }, .grad = 3,
      .out = { S3(20, 50, 53) }, .build = build_concat, .ref = ref_concat, .tol = 0, .tol_grad = 1e-6 },
    { .op = "slice", .label = "middle", .n_in = 1, .in = { S2(5, 9) }, .grad = 1, .out = { S2(5, 4) }, .p = { 2, 4 },
      .build = build_slice, .ref = ref_slice, .tol = 0, .tol_grad = 1e-6 },
    { .op = "slice", .label = "many", .n_in = 1, .in = { S3(10, 60, 101) }, .grad = 1, .out = { S3(10, 60, 100) },
      .p = { 1, 100 }, .build = build_slice, .ref = ref_slice, .tol = 0, .tol_grad = 1e-6 },
    { .op = "slice_grad", .covered_by = "slice" },
    { .op = "swap_last", .label = "", .n_in = 1, .in = { S3(2, 3, 5) }, .grad = 1, .out = { S3(2, 5, 3) },
      .build = build_swap, .ref = ref_swap, .tol = 0, .tol_grad = 1e-6 },
    { .op = "swap_last", .label = "many", .n_in = 1, .in = { S3(50, 20, 53) }, .grad = 1, .out = { S3(50, 53, 20) },
      .build = build_swap, .ref = ref_swap, .tol = 0, .tol_grad = 1e-6 },
    { .op = "broadcast_mid", .label = "", .n_in = 1, .in = { S2(3, 5) }, .grad = 1, .out = { S3(3, 4, 5) }, .p = { 4 },
      .build = build_broadcast, .ref = ref_broadcast, .tol = 0, .tol_grad = 1e-6 },
    { .op = "broadcast_mid", .label = "many", .n_in = 1, .in = { S2(16, 64) }, .grad = 1, .out = { S3(16, 64, 64) },
      .p = { 64 }, .build = build_broadcast, .ref = ref_broadcast, .tol = 0, .tol_grad = 1e-6 },
    { .op = "sum_mid", .label = "rank 4", .n_in = 1, .in = { S4(3, 2, 4, 5) }, .grad = 1, .out = { S2(3, 5) },
      .p = { 0.125 }, .build = build_sum_mid, .ref = ref_sum_mid, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "sum_mid", .label = "rank 2 has nothing to sum", .n_in = 1, .in = { S2(3, 5) }, .grad = 1,
      .out = { S2(3, 5) }, .p = { 2 }, .build = build_sum_mid, .ref = ref_sum_mid, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "sum_mid", .label = "wide, in blocks of columns", .n_in = 1, .in = { S3(1, 40, 1301) }, .grad = 1,
      .out = { S2(1, 1301) }, .p = { 1 }, .build = build_sum_mid, .ref = ref_sum_mid, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "sum_mid", .label = "many", .n_in = 1, .in = { S3(13, 64, 64) }, .grad = 1, .out = { S2(13, 64) },
      .p = { 1.0 / 64 }, .build = build_sum_mid, .ref = ref_sum_mid, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "gather", .label = "rows, some twice", .n_in = 2, .in = { S3(5, 2, 3), S1(7) }, .i32 = 2, .grad = 1,
      .out = { S3(7, 2, 3) }, .p = { 5 }, .build = build_gather, .ref = ref_gather, .fill = fill_index, .tol = 0,
      .tol_grad = 1e-6 },
    { .op = "gather", .label = "many", .n_in = 2, .in = { S2(40, 1000), S1(55) }, .i32 = 2, .grad = 1,
      .out = { S2(55, 1000) }, .p = { 40 }, .build = build_gather, .ref = ref_gather, .fill = fill_index, .tol = 0,
      .tol_grad = 1e-6 },
    { .op = "scatter_add", .label = "rows, some twice, one never", .n_in = 2, .in = { S2(6, 4), S1(6) }, .i32 = 2,
      .grad = 1, .out = { S2(5, 4) }, .p = { 5 }, .build = build_scatter, .ref = ref_scatter, .fill = fill_index,
      .tol = 3e-7, .tol_grad = 1e-6 },
    { .op = "row_dot", .label = "(N, L, C)", .n_in = 2, .in = { S3(3, 4, 5), S2(3, 5) }, .grad = 3, .out = { S2(3, 4) },
      .build = build_row_dot, .ref = ref_row_dot, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "row_dot", .label = "(N, C)", .n_in = 2, .in = { S2(6, 5), S2(6, 5) }, .grad = 3, .out = { S1(6) },
      .build = build_row_dot, .ref = ref_row_dot, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "row_dot", .label = "many", .n_in = 2, .in = { S3(12, 41, 128), S2(12, 128) }, .grad = 3,
      .out = { S2(12, 41) }, .build = build_row_dot, .ref = ref_row_dot, .tol = 1e-6, .tol_grad = 2e-6 },
    { .op = "row_scale", .label = "(N, L)", .n_in = 2, .in = { S2(3, 4), S2(3, 5) }, .grad = 3, .out = { S3(3, 4, 5) },
      .build = build_row_scale, .ref = ref_row_scale, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "row_scale", .label = "(N), many", .n_in = 2, .in = { S1(400), S2(400, 130) }, .grad = 3,
      .out = { S2(400, 130) }, .build = build_row_scale, .ref = ref_row_scale, .tol = 1e-7, .tol_grad = 2e-6 },
    { .op = "row_mix", .label = "", .n_in = 2, .in = { S2(3, 4), S3(3, 4, 5) }, .grad = 3, .out = { S2(3, 5) },
      .build = build_row_mix, .ref = ref_row_mix, .tol = 5e-7, .tol_grad = 1e-6 },
    { .op = "row_mix", .label = "many", .n_in = 2, .in = { S2(13, 33), S3(13, 33, 120) }, .grad = 3,
      .out = { S2(13, 120) }, .build = build_row_mix, .ref = ref_row_mix, .tol = 2e-6, .tol_grad = 2e-6 },
    { .op = "pair_sum", .label = "", .n_in = 2, .in = { S2(3, 5), S2(4, 5) }, .grad = 3, .out = { S3(3, 4, 5) },
      .build = build_pair_sum, .ref = ref_pair_sum, .tol = 1e-7, .tol_grad = 1e-6 },
    { .op = "pair_sum", .label = "many", .n_in = 2, .in = { S2(17, 32), S2(100, 32) }, .grad = 3,
      .out = { S3(17, 100, 32) }, .build = build_pair_sum, .ref = ref_pair_sum, .tol = 1e-7, .tol_grad = 2e-6 },
    { .op = NULL }
};

const op_bad op_bads_basic[] = {
    { .op = "add", .label = "sizes", .n_in = 2, .in = { S2(3, 4), S2(4, 3) }, .build = build_add },
    { .op = "add", .label = "ranks", .n_in = 2, .in = { S2(3, 1), S1(3) }, .build = build_add },
    { .op = "mul", .label = "scalar", .n_in = 2, .in = { S2(3, 4), S0 }, .build = build_mul },
    { .op = "reshape", .label = "count", .n_in = 1, .in = { S2(3, 4) }, .p = { 3, 2, 3 }, .build = build_reshape },
    { .op = "reshape", .label = "negative", .n_in = 1, .in = { S2(3, 4) }, .p = { -3, -4, 1 }, .build = build_reshape },
    { .op = "concat", .label = "scalars", .n_in = 2, .in = { S0, S0 }, .build = build_concat },
    { .op = "concat", .label = "rows", .n_in = 2, .in = { S2(3, 4), S2(2, 4) }, .build = build_concat },
    { .op = "concat", .label = "ranks", .n_in = 2, .in = { S3(3, 2, 4), S2(6, 4) }, .build = build_concat },
    { .op = "slice", .label = "past the end", .n_in = 1, .in = { S2(3, 4) }, .p = { 2, 3 }, .build = build_slice },
    { .op = "slice", .label = "before the start", .n_in = 1, .in = { S2(3, 4) }, .p = { -1, 3 }, .build = build_slice },
    { .op = "slice", .label = "negative", .n_in = 1, .in = { S2(3, 4) }, .p = { 2, -1 }, .build = build_slice },
    { .op = "slice", .label = "scalar", .n_in = 1, .in = { S0 }, .p = { 0, 1 }, .build = build_slice },
    { .op = "swap_last", .label = "rank 2", .n_in = 1, .in = { S2(3, 4) }, .build = build_swap },
    { .op = "broadcast_mid", .label = "rank 3", .n_in = 1, .in = { S3(3, 4, 5) }, .p = { 2 },
      .build = build_broadcast },
    { .op = "broadcast_mid", .label = "negative", .n_in = 1, .in = { S2(3, 4) }, .p = { -2 },
      .build = build_broadcast },
    { .op = "sum_mid", .label = "rank 1", .n_in = 1, .in = { S1(3) }, .build = build_sum_mid },
    { .op = "gather", .label = "scalar", .n_in = 2, .in = { S0, S1(3) }, .i32 = 2, .build = build_gather },
    { .op = "gather", .label = "index of rank 2", .n_in = 2, .in = { S2(3, 4), S2(3, 1) }, .i32 = 2,
      .build = build_gather },
    { .op = "gather", .label = "nothing to take", .n_in = 2, .in = { S2(0, 4), S1(3) }, .i32 = 2,
      .build = build_gather },
    { .op = "scatter_add", .label = "indices", .n_in = 2, .in = { S2(3, 4), S1(4) }, .i32 = 2, .p = { 3 },
      .build = build_scatter },
    { .op = "scatter_add", .label = "rows", .n_in = 2, .in = { S2(3, 4), S1(3) }, .i32 = 2, .p = { -1 },
      .build = build_scatter },
    { .op = "row_dot", .label = "rank", .n_in = 2, .in = { S1(3), S2(3, 4) }, .build = build_row_dot },
    { .op = "row_dot", .label = "widths", .n_in = 2, .in = { S3(3, 4, 5), S2(3, 4) }, .build = build_row_dot },
    { .op = "row_dot", .label = "samples", .n_in = 2, .in = { S3(3, 4, 5), S2(4, 5) }, .build = build_row_dot },
    { .op = "row_scale", .label = "samples", .n_in = 2, .in = { S2(3, 4), S2(4, 5) }, .build = build_row_scale },
    { .op = "row_scale", .label = "rank", .n_in = 2, .in = { S3(3, 4, 5), S2(3, 5) }, .build = build_row_scale },
    { .op = "row_mix", .label = "locations", .n_in = 2, .in = { S2(3, 4), S3(3, 5, 2) }, .build = build_row_mix },
    { .op = "row_mix", .label = "rank", .n_in = 2, .in = { S1(3), S3(3, 1, 2) }, .build = build_row_mix },
    { .op = "pair_sum", .label = "widths", .n_in = 2, .in = { S2(3, 4), S2(3, 5) }, .build = build_pair_sum },
    { .op = "pair_sum", .label = "rank", .n_in = 2, .in = { S3(3, 1, 4), S2(3, 4) }, .build = build_pair_sum },
    { .op = NULL }
};
