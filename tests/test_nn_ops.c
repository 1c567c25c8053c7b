/* What the cases of test_ops.c cannot say of convolutions, matrix products and maxima: a CBLAS that threads itself, the
 * order in which gradients are emitted, gradients that nobody wants, NaN, and ops that are fused. */
#include "failing_onednn.h"
#include "compile/compile.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "ops/ops.h"
#include "ops/product.h"

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static dim_context *context(dim_gemm gemm, uint32_t threads, uint32_t blas_threads)
{
    dim_context *ctx = NULL;
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.gemm = gemm;
    o.threads = threads;
    o.blas_threads = blas_threads;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    return ctx;
}

static void fill(float *x, int64_t n, uint32_t seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / (float)(1 << 23) - 1;
    }
}

typedef struct conv_case {
    dim__shape x, w;
    int stride, padding;
} conv_case;

/* y, dw and dx of one convolution, one after the other in one array that the caller frees. */
static float *run_conv(dim_context *ctx, const conv_case *c, int64_t *count)
{
    dim__graph *g = NULL;
    dim__program *p = NULL;
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    dim__vid x = dim__graph_input(g, DIM_F32, c->x, true), w = dim__graph_input(g, DIM_F32, c->w, true);
    dim__vid y = dim__emit_conv2d(g, x, w, dim__square(0, c->stride, c->padding));
    dim__vid weight = dim__graph_input(g, DIM_F32, *dim__shape_of(g, y), false);
    dim__graph_keep(g, y);
    dim__vid loss = dim__emit_sum_all(g, dim__emit_mul(g, y, weight), 1);
    assert_int_equal(dim__graph_backward(g, loss), DIM_OK);
    dim__vid parts[3] = { y, dim__graph_grad(g, w), dim__graph_grad(g, x) };
    assert_int_equal(dim__program_create(g, &p), DIM_OK);
    fill(dim__program_data(p, x), dim__count_of(g, x), 1);
    fill(dim__program_data(p, w), dim__count_of(g, w), 2);
    fill(dim__program_data(p, weight), dim__count_of(g, weight), 3);
    dim__program_forward(p, 0, 0);
    dim__program_backward(p, 0, 0);
    *count = 0;
    for (int k = 0; k < 3; k++)
        *count += dim__count_of(g, parts[k]);
    float *all = malloc((size_t)*count * sizeof *all), *to = all;
    assert_non_null(all);
    for (int k = 0; k < 3; k++) {
        memcpy(to, dim__program_data(p, parts[k]), (size_t)dim__count_of(g, parts[k]) * sizeof *to);
        to += dim__count_of(g, parts[k]);
    }
    dim__program_destroy(p);
    return all;
}

/* A CBLAS with threads of its own takes whole blocks from the calling thread; here each path has several of them. */
static void test_threaded_cblas(void **state)
{
    static const conv_case cases[] = {
        { { 4, { 140, 9, 8, 3 } }, { 4, { 4, 3, 3, 3 } }, 1, 1 },
        { { 4, { 16, 9, 8, 130 } }, { 4, { 3, 3, 3, 130 } }, 1, 1 },
        { { 4, { 12, 16, 18, 40 } }, { 4, { 5, 4, 4, 40 } }, 2, 1 },
        { { 4, { 1, 33, 20, 80 } }, { 4, { 2, 5, 5, 80 } }, 1, 2 },
        { { 4, { 5, 6, 7, 9 } }, { 4, { 4, 1, 1, 9 } }, 1, 0 },
    };
    dim_context *threaded = context(DIM_GEMM_BLAS, 2, 2), *reference = context(DIM_GEMM_REFERENCE, 1, 0);
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int64_t n, m;
        float *got = run_conv(threaded, &cases[k], &n), *want = run_conv(reference, &cases[k], &m);
        float top = 1;
        assert_int_equal(n, m);
        for (int64_t i = 0; i < n; i++)
            top = fmaxf(top, fabsf(want[i]));
        for (int64_t i = 0; i < n; i++)
            if (!(fabsf(got[i] - want[i]) <= 2e-6f * top)) /* f32 accumulation of up to 10080 products */
                fail_msg("case %zu, element %lld: %g, not %g", k, (long long)i, (double)got[i], (double)want[i]);
        free(got);
        free(want);
    }
    dim_context_destroy(threaded);
    dim_context_destroy(reference);
}

/* ---- bias, activation and moments of a convolution: what the graph does not reach on every machine ---------------- */

typedef struct taken { /* by conv2d_moments, as floats */
    float *y, mean[16], var[16], rstd[16];
    int64_t n;
} taken;

/* Runs one node of conv2d_moments with a bias and a leaky ReLU; without its plan by what stands in when oneDNN fails, which is
 * also what a processor without bf16 has. */
static taken run_moments(dim_context *ctx, const conv_case *c, dim_dtype type, bool planned)
{
    const dim__op *op = &dim__op_conv2d_moments;
    dim__attr attr = dim__op_conv_attr(dim__square(0, c->stride, c->padding));
    attr.conv.eps = 1e-5;
    attr.activation.on = true;
    attr.activation.slope = 0.2;
    dim__infer inf = { .ctx = ctx, .op = op->name, .bf16 = 3, .n_in = 3, .in = { c->x, c->w, dim__shape1(c->w.d[0]) },
                       .in_type = { type, type, DIM_F32 }, .out_type = { type }, .attr = &attr };
    assert_int_equal(op->infer(&inf), DIM_OK);
    if (!planned)
        attr.plan = NULL;
    taken t = { .n = dim__shape_count(&inf.out[0]) };
    dim__exec e = { .ctx = ctx, .n_in = 3, .attr = &attr, .out_type = { type },
                    .out = { NULL, t.mean, t.var, t.rstd }, .workspace = aligned_alloc(64, (op->workspace(&inf) + 63) / 64 * 64) };
    for (int k = 0; k < 3; k++) {
        int64_t n = dim__shape_count(&inf.in[k]);
        float *x = malloc((size_t)n * sizeof *x);
        uint16_t *half = malloc((size_t)n * sizeof *half);
        assert_true(x != NULL && half != NULL);
        fill(x, n, (uint32_t)k + 1);
        ctx->kernels->to_bf16(half, x, n);
        ctx->kernels->from_bf16(x, half, n); /* the same numbers for both types */
        e.in[k] = inf.in_type[k] == DIM__BF16 ? (void *)half : (void *)x;
        free(inf.in_type[k] == DIM__BF16 ? (void *)x : (void *)half);
        e.in_shape[k] = &inf.in[k];
        e.in_type[k] = inf.in_type[k];
    }
    for (int k = 0; k < 4; k++)
        e.out_shape[k] = &inf.out[k];
    t.y = malloc((size_t)t.n * sizeof *t.y);
    uint16_t *half = malloc((size_t)t.n * sizeof *half);
    assert_true(t.y != NULL && half != NULL && e.workspace != NULL);
    e.out[0] = type == DIM__BF16 ? (void *)half : (void *)t.y;
    dim__hold_plan(op, &e, 1);
    op->run(&e);
    dim__hold_plan(op, &e, -1);
    if (type == DIM__BF16)
        ctx->kernels->from_bf16(t.y, half, t.n);
    free(half);
    free(e.workspace);
    for (int k = 0; k < 3; k++)
        free(e.in[k]);
    return t;
}

/* The moments are those of what came out. */
static void check_moments(const taken *t, int64_t c)
{
    for (int64_t j = 0; j < c; j++) {
        double mean = 0, var = 0, rows = (double)(t->n / c);
        for (int64_t i = j; i < t->n; i += c)
            mean += t->y[i] / rows;
        for (int64_t i = j; i < t->n; i += c)
            var += (t->y[i] - mean) * (t->y[i] - mean) / rows;
        assert_true(fabs(t->mean[j] - mean) <= 1e-6 * (1 + fabs(mean)) && fabs(t->var[j] - var) <= 1e-6 * (1 + var));
        assert_true(fabs(t->rstd[j] * sqrt(var + 1e-5) - 1) <= 1e-6);
    }
}

static void test_epilogues(void **state)
{
    static const conv_case cases[] = { /* several blocks for a CBLAS with two threads, several pieces for three */
        { { 4, { 20, 32, 32, 3 } }, { 4, { 5, 3, 3, 3 } }, 1, 1 },
        { { 4, { 40, 16, 16, 4 } }, { 4, { 16, 4, 4, 4 } }, 2, 1 },
        { { 4, { 36, 16, 16, 32 } }, { 4, { 16, 4, 4, 32 } }, 2, 1 }, /* large enough for a plan */
    };
    dim_context *all[] = { context(DIM_GEMM_REFERENCE, 1, 0), context(DIM_GEMM_BLAS, 2, 2), context(DIM_GEMM_AUTO, 3, 1) };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        taken want = run_moments(all[0], &cases[k], DIM_F32, true);
        for (int i = 0; i < 18; i++) {
            dim_dtype type = i % 6 < 3 ? DIM_F32 : DIM__BF16;
            fail_onednn(all[2], i < 12 ? INT_MAX : 7); /* after packing and some of the images: all begins anew */
            taken got = run_moments(all[i % 3], &cases[k], type, i < 6 || i >= 12);
            double rounding = type == DIM_F32 ? 0 : 0x1p-8; /* once, after the bias: half of bf16's last place */
            double sum = (double)(cases[k].w.d[1] * cases[k].w.d[2] * cases[k].w.d[3]) * 0x1p-23; /* of products below 1 */
            assert_int_equal(got.n, want.n);
            for (int64_t at = 0; at < got.n; at++)
                assert_true(fabs((double)got.y[at] - (double)want.y[at]) <=
                            sum + rounding * (fabs((double)want.y[at]) + sum));
            check_moments(&got, cases[k].w.d[0]);
            free(got.y);
        }
        free(want.y);
    }
    for (int i = 0; i < 3; i++)
        dim_context_destroy(all[i]);
}

/* Nodes of `op` after the forward part; *first is the size of the first one's result. */
static int emitted(const dim__graph *g, const dim__op *op, int64_t *first)
{
    int n = 0;
    for (int64_t i = g->forward_nodes; i < g->n_nodes; i++)
        if (g->nodes[i].op == op && n++ == 0)
            *first = dim__count_of(g, g->nodes[i].out[0]);
    return n;
}

static void test_smaller_gradient_first(void **state)
{
    dim_context *ctx = context(DIM_GEMM_AUTO, 1, 1);
    (void)state;
    for (int large = 0; large < 2; large++) {
        dim__graph *g = NULL;
        int64_t first = 0;
        assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
        dim__vid a = dim__graph_input(g, DIM_F32, dim__shape2(large == 0 ? 50 : 2, 6), true);
        dim__vid b = dim__graph_input(g, DIM_F32, dim__shape2(6, large == 1 ? 50 : 2), true);
        dim__vid loss = dim__emit_sum_all(g, dim__emit_matmul(g, a, b, false, false), 1);
        assert_int_equal(dim__graph_backward(g, loss), DIM_OK);
        assert_int_equal(emitted(g, &dim__op_matmul, &first), 2);
        assert_int_equal(first, 12);
        dim__graph_destroy(g);
    }
    dim_context_destroy(ctx);
}

static void test_unwanted_gradients(void **state)
{
    dim_context *ctx = context(DIM_GEMM_AUTO, 1, 1);
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        dim__graph *g = NULL;
        int64_t first = 0;
        assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
        dim__vid x = dim__graph_input(g, DIM_F32, dim__shape4(2, 5, 5, 3), wanted == 0);
        dim__vid w = dim__graph_input(g, DIM_F32, dim__shape4(4, 3, 3, 3), wanted == 1);
        dim__vid y = dim__emit_conv2d(g, x, w, dim__square(0, 1, 0));
        assert_int_equal(dim__graph_backward(g, dim__emit_sum_all(g, y, 1)), DIM_OK);
        assert_int_equal(emitted(g, &dim__op_conv2d_dx, &first), wanted == 0);
        assert_int_equal(emitted(g, &dim__op_conv2d_dw, &first), wanted == 1);
        dim__graph_destroy(g);
    }
    dim_context_destroy(ctx);
}

/* NaN wins a maximum wherever it stands, and takes the gradient of its windows only. */
static void test_nan_in_maximum(void **state)
{
    dim_context *ctx = context(DIM_GEMM_AUTO, 1, 1);
    (void)state;
    for (int where = 0; where < 4; where++) {
        dim__graph *g = NULL;
        dim__program *p = NULL;
        assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
        dim__vid x = dim__graph_input(g, DIM_F32, dim__shape4(1, 2, 4, 1), true);
        dim__vid pooled = dim__emit_max_pool(g, x, dim__square(2, 2, 0)), top = dim__emit_max_mid(g, x);
        dim__graph_keep(g, pooled);
        dim__graph_keep(g, top);
        assert_int_equal(dim__graph_backward(g, dim__emit_sum_all(g, pooled, 1)), DIM_OK);
        dim__vid grad = dim__graph_grad(g, x);
        assert_int_equal(dim__program_create(g, &p), DIM_OK);
        const float values[8] = { 1, 2, -1, -2, 3, 4, -3, -4 };
        const int windows[4] = { 0, 1, 4, 5 }; /* the left one's elements */
        memcpy(dim__program_data(p, x), values, sizeof values);
        ((float *)dim__program_data(p, x))[windows[where]] = NAN;
        dim__program_forward(p, 0, 0);
        dim__program_backward(p, 0, 0);
        const float *y = dim__program_data(p, pooled), *dx = dim__program_data(p, grad);
        assert_true(isnan(y[0]) && y[1] == -1);
        assert_true(isnan(((const float *)dim__program_data(p, top))[0]));
        for (int i = 0; i < 8; i++)
            assert_true(dx[i] == (i == windows[where] || i == 2 ? 1 : 0));
        dim__program_destroy(p);
    }
    dim_context_destroy(ctx);
}

/* ---- fusion: ops that activate their own results ---------------------------------------------------------------- */

static dim__vid build_fused(dim__graph *g, const dim__vid in[6], dim__vid keep[8])
{
    dim__shape flat = dim__shape3(700, 1, 37), rows = dim__shape2(700, 37);
    dim__vid a = dim__emit_relu(g, dim__emit_reshape(g, dim__emit_add_bias(g, in[0], in[1]), flat));
    a = dim__emit_reshape(g, a, rows);
    dim__vid b = dim__emit_leaky_relu(g, dim__emit_add(g, a, in[2]), 0.3);
    dim__vid c = dim__emit_relu(g, dim__emit_channel_affine(g, b, in[3], in[1], in[4], in[5], 1e-5));
    dim__vid d = dim__emit_leaky_relu(g, dim__emit_batch_norm(g, dim__emit_add(g, c, in[0]), in[3], in[1], 1e-5), 0.1);
    dim__vid sum = dim__emit_add(g, d, in[2]); /* read twice: must stay as it is */
    dim__vid e = dim__emit_mul(g, dim__emit_relu(g, sum), sum);
    memcpy(keep, (dim__vid[]){ a, b, c, d, e }, 5 * sizeof *keep);
    return dim__emit_sum_all(g, dim__emit_mul(g, e, dim__emit_add(g, a, c)), 1);
}

/* Values and gradients by one executor; `relus` is how many nodes still activate on their own. */
static float *run_fused(dim_executor executor, int64_t *count, int *relus)
{
    const dim__shape shapes[6] = { { 2, { 700, 37 } }, { 1, { 37 } }, { 2, { 700, 37 } }, { 1, { 37 } }, { 1, { 37 } },
                                   { 1, { 37 } } };
    dim_context_options o;
    dim_context *ctx;
    dim__graph *g = NULL;
    dim__program *p = NULL;
    dim__vid in[6], keep[8];
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    o.executor = executor;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    for (int i = 0; i < 6; i++)
        in[i] = dim__graph_input(g, DIM_F32, shapes[i], i < 4);
    dim__vid loss = build_fused(g, in, keep);
    for (int i = 0; i < 5; i++)
        dim__graph_keep(g, keep[i]);
    assert_int_equal(dim__graph_backward(g, loss), DIM_OK);
    *relus = 0;
    for (int64_t i = 0; i < g->forward_nodes; i++)
        *relus += g->nodes[i].op == &dim__op_relu || g->nodes[i].op == &dim__op_leaky_relu;
    assert_int_equal(dim__program_create(g, &p), DIM_OK);
    for (int i = 0; i < 6; i++) {
        float *x = dim__program_data(p, in[i]);
        for (int64_t k = 0; k < dim__count_of(g, in[i]); k++)
            x[k] = (float)((k * 7919 + i * 104729) % 1013) / 500 - (i == 5 ? -0.1f : 1);
    }
    dim__program_forward(p, 0, 0);
    dim__program_backward(p, 0, 0);
    for (int i = 0; i < 3; i++)
        keep[5 + i] = dim__graph_grad(g, in[i]);
    *count = 0;
    for (int i = 0; i < 8; i++)
        *count += dim__count_of(g, keep[i]);
    float *all = malloc((size_t)*count * sizeof *all), *to = all;
    assert_non_null(all);
    for (int i = 0; i < 8; i++) {
        memcpy(to, dim__program_data(p, keep[i]), (size_t)dim__count_of(g, keep[i]) * sizeof *to);
        to += dim__count_of(g, keep[i]);
    }
    dim__program_destroy(p);
    dim_context_destroy(ctx);
    return all;
}

static void test_fused_equals_unfused(void **state)
{
    int64_t n, m;
    int fused, unfused;
    float *got = run_fused(DIM_EXECUTOR_PLANNED, &n, &fused), *want = run_fused(DIM_EXECUTOR_REFERENCE, &m, &unfused);
    (void)state;
    assert_int_equal(fused, 1);
    assert_int_equal(unfused, 5);
    assert_int_equal(n, m);
    assert_memory_equal(got, want, (size_t)n * sizeof *got);
    free(got);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threaded_cblas),
        cmocka_unit_test(test_epilogues),
        cmocka_unit_test(test_smaller_gradient_first),
        cmocka_unit_test(test_unwanted_gradients),
        cmocka_unit_test(test_nan_in_maximum),
        cmocka_unit_test(test_fused_equals_unfused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
