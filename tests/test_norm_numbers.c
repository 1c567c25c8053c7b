/* Gradients of batch norm and layer norm where the mean is far above the spread, and of few rows, where nearly all of a
 * gradient cancels: against double precision, and against PyTorch's errors on the same numbers. */
#include "compile/compile.h"
#include "kernels/kernels.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { C = 16, MOST_ROWS = 1024, N_ROWS = 5, N_RATIOS = 6 };
static const int64_t row_counts[N_ROWS] = { 2, 4, 16, 128, 1024 };

static float x[MOST_ROWS * C], dy[MOST_ROWS * C], gamma[C], beta[C], dx[MOST_ROWS * C];
static double want[MOST_ROWS * C], error_scale;

/* Of spread 1 around the mean. */
static void fill(float *to, int64_t n, uint32_t seed, double mean)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (float)(mean + 1.7320508 * ((double)(seed >> 8) / (1 << 23) - 1));
    }
}

/* `count` numbers `step` apart are normalised; weights are those of dy. */
static void reference(int64_t count, int64_t step, const float *weights, int64_t weight_step, const float *values,
                      const float *grad, double *out)
{
    double mean = 0, var = 0, sum = 0, dot = 0;
    for (int64_t i = 0; i < count; i++)
        mean += values[i * step] / (double)count;
    for (int64_t i = 0; i < count; i++)
        var += (values[i * step] - mean) * (values[i * step] - mean) / (double)count;
    double rstd = 1 / sqrt(var + 1e-5);
    for (int64_t i = 0; i < count; i++) {
        double g = (double)grad[i * step] * weights[i * weight_step];
        sum += g / (double)count;
        dot += g * (values[i * step] - mean) * rstd / (double)count;
    }
    for (int64_t i = 0; i < count; i++) {
        double g = (double)grad[i * step] * weights[i * weight_step];
        out[i * step] = rstd * (g - sum - (values[i * step] - mean) * rstd * dot);
        error_scale = fmax(error_scale, fabs(rstd * g));
    }
}

typedef enum form { PLAIN, ACTIVATED, POOLED, LAYER, N_FORMS } form;
static const char *const names[N_FORMS] = { "batch norm", "with a leaky ReLU", "pooled", "layer norm" };

/* As passes/fuse.c leaves it: the maximum, here of one pixel, is taken first. */
static dim__vid emit_pooled(dim__graph *g, const dim__vid in[3])
{
    dim__attr windows = dim__op_pool_attr(dim__square(1, 1, 0));
    dim__attr attr = { .norm = { .windows = windows.pool } };
    dim__vid norm = dim__emit_batch_norm(g, in[0], in[1], in[2], 1e-5);
    dim__vid small = dim__emit2(g, &dim__op_max_pool, in[0], in[1], &windows);
    dim__vid all[6] = { small, in[1], in[2], dim__out(norm, 1), dim__out(norm, 3), in[0] };
    return dim__emit(g, &dim__op_batch_norm_again, 6, all, &attr);
}

static dim__vid emit(dim__graph *g, form f, const dim__vid in[3])
{
    switch (f) {
    case LAYER:
        return dim__emit_layer_norm(g, in[0], in[1], in[2], 1e-5);
    case POOLED:
        return emit_pooled(g, in);
    case ACTIVATED:
        return dim__emit_leaky_relu(g, dim__emit_batch_norm(g, in[0], in[1], in[2], 1e-5), 0.5);
    default:
        return dim__emit_batch_norm(g, in[0], in[1], in[2], 1e-5);
    }
}

static void run(dim_context *ctx, form f, int64_t rows)
{
    dim__graph *g;
    dim__program *p;
    dim__shape map = f == POOLED ? dim__shape4(rows, 1, 1, C) : dim__shape2(rows, C);
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    dim__vid in[4] = { dim__graph_input(g, DIM_F32, map, true), dim__graph_input(g, DIM_F32, dim__shape1(C), true),
                       dim__graph_input(g, DIM_F32, dim__shape1(C), true), dim__graph_input(g, DIM_F32, map, false) };
    dim__vid loss = dim__emit_sum_all(g, dim__emit_mul(g, emit(g, f, in), in[3]), 1);
    assert_int_equal(dim__graph_backward(g, loss), DIM_OK);
    assert_int_equal(dim__program_create(g, &p), DIM_OK);
    const float *const given[4] = { x, gamma, beta, dy };
    for (int k = 0; k < 4; k++)
        memcpy(dim__program_data(p, in[k]), given[k], (size_t)dim__count_of(g, in[k]) * sizeof *x);
    dim__program_forward(p, 0, 0);
    dim__program_backward(p, 0, 0);
    memcpy(dx, dim__program_data(p, dim__graph_grad(g, in[0])), (size_t)(rows * C) * sizeof *dx);
    dim__program_destroy(p);
}

/* The largest error of dx, in units of the largest term that goes into it. */
static double error_of(dim_context *ctx, form f, int64_t rows, double mean)
{
    int64_t n = rows * C;
    double most = 0;
    fill(x, n, 1, mean);
    fill(dy, n, 2, 0.5);
    fill(gamma, C, 3, 2);
    fill(beta, C, 4, 0);
    error_scale = 0;
    for (int64_t j = 0; f != LAYER && j < C; j++)
        reference(rows, C, gamma + j, 0, x + j, dy + j, want + j);
    for (int64_t i = 0; f == LAYER && i < rows; i++)
        reference(C, 1, gamma, 1, x + i * C, dy + i * C, want + i * C);
    for (int64_t i = 0; f == ACTIVATED && i < n; i++) { /* far from its kink, on either side */
        beta[i % C] = i % 2 == 0 ? 200 : -200;
        dy[i] = i % 2 == 0 ? dy[i] : 2 * dy[i];
    }
    run(ctx, f, rows);
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(dx[i] - want[i]));
    return most / error_scale;
}

/* Of PyTorch 1.13's batch_norm and layer_norm on the same numbers, for means of 1, 10, ..., 1e5 times the spread: with the
 * mean in single precision more is not to be had. */
static const double torch_batch[N_ROWS][N_RATIOS] = {
    { 3.7e-07, 6.4e-06, 4.8e-06, 2.2e-04, 6.6e-03, 1.7e-02 }, { 7.6e-08, 1.3e-06, 6.8e-06, 5.5e-05, 4.4e-04, 3.6e-03 },
    { 1.0e-07, 1.3e-06, 4.2e-06, 3.4e-05, 6.0e-04, 1.0e-02 }, { 1.8e-07, 9.6e-07, 1.0e-05, 9.8e-05, 2.0e-03, 1.2e-02 },
    { 6.2e-07, 2.3e-06, 2.2e-05, 1.7e-04, 3.4e-03, 1.7e-02 },
};
static const double torch_layer[N_ROWS][N_RATIOS] = {
    { 1.5e-07, 1.7e-07, 2.0e-06, 1.5e-05, 2.7e-04, 3.5e-03 }, { 1.5e-07, 3.7e-07, 2.9e-06, 4.1e-05, 4.4e-04, 3.5e-03 },
    { 1.9e-07, 2.0e-06, 1.2e-05, 1.6e-04, 5.9e-04, 4.3e-03 }, { 1.7e-07, 1.8e-06, 1.0e-05, 1.4e-04, 8.7e-04, 5.9e-03 },
    { 2.3e-07, 1.6e-06, 9.9e-06, 1.6e-04, 1.4e-03, 1.1e-02 },
};

static void test_errors(void **state)
{
    dim_context *ctx;
    (void)state;
    assert_int_equal(dim_context_create(NULL, &ctx), DIM_OK);
    for (int level = DIM_CPU_BASELINE; level <= DIM_CPU_REFERENCE; level++) {
        const dim__kernels *kernels = dim__kernels_select((dim_cpu_level)level);
        if (kernels == NULL)
            continue;
        ctx->kernels = kernels;
        for (int f = 0; f < N_FORMS; f++)
            for (int r = 0; r < N_ROWS; r++)
                for (int k = 0; k < N_RATIOS; k++) {
                    double limit = 1.25 * (f == LAYER ? torch_layer : torch_batch)[r][k];
                    double error = error_of(ctx, (form)f, row_counts[r], pow(10, k));
                    if (!(error <= limit))
                        fail_msg("%s, %s, %d rows, mean 1e%d: error %g, at most %g", kernels->name, names[f],
                                 (int)row_counts[r], k, error, limit);
                }
    }
    dim_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_errors) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
