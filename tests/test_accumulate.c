/* Sums that are made as products onto their other term, and sums that must not be: with the pass and without it, with a
 * gradient and without. */
#include "compile/compile.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { C = 8, SIDE = 6, INPUTS = 5, MOST = 24, ROWS = 2 * SIDE * SIDE };

static dim_context *ctx;

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

typedef struct sums {
    dim__vid y[MOST];  /* all that is compared */
    bool only[MOST];   /* not a part of the loss, so that nobody else reads it */
    int n;
} sums;

static dim__vid see(dim__graph *g, sums *s, dim__vid v)
{
    assert_true(s->n < MOST);
    dim__graph_keep(g, v);
    s->y[s->n++] = v;
    return v;
}

/* in: images (2, SIDE, SIDE, C), weights (C, 1, 1, C), (C, 1, 3, C), a vector (C), weights (3, 1, 1, C) */
static dim__vid emit(dim__graph *g, const dim__vid *in, sums *s)
{
    dim__vid x = in[0], w = in[1], wide = in[2], bias = in[3], narrow = in[4], y, m;
    const dim__window once = dim__square(0, 1, 0); /* stride 1, no padding */
    dim__vid rows = dim__emit_reshape(g, x, dim__shape2(ROWS, C)), plain = dim__emit_reshape(g, w, dim__shape2(C, C));
    /* a residual; again onto what is multiplied and then not needed any more */
    y = dim__emit_tanh(g, dim__emit_add(g, dim__emit_conv2d(g, x, w, once), x));
    y = dim__emit_tanh(g, dim__emit_add(g, y, dim__emit_conv2d(g, y, w, once)));
    see(g, s, y);
    /* a stride, padding and a wider kernel are no plain products */
    dim__vid pooled = dim__emit_avg_pool(g, y, dim__square(2, 2, 0)), padded = dim__emit_pad2d(g, x, 1, 1, false);
    see(g, s, dim__emit_add(g, pooled, dim__emit_conv2d(g, y, w, dim__square(0, 2, 0))));
    see(g, s, dim__emit_add(g, padded, dim__emit_conv2d(g, x, w, dim__square(0, 1, 1))));
    see(g, s, dim__emit_add(g, dim__emit_conv2d(g, y, wide, once), dim__emit_conv2d(g, x, wide, once)));
    for (int axis = 0; axis < 2; axis++) { /* nor are those of one axis alone */
        dim__window apart = once, border = once;
        apart.stride[axis] = 2;
        border.padding[axis] = 1;
        dim__vid small = dim__emit_avg_pool(g, x, (dim__window){ .kernel = { 2 - axis, 1 + axis }, .stride = { 2 - axis, 1 + axis },
                                                                .dilation = { 1, 1 } });
        dim__vid large = dim__emit_pad2d(g, x, 1 - axis, axis, false);
        see(g, s, dim__emit_add(g, small, dim__emit_conv2d(g, y, w, apart)));
        see(g, s, dim__emit_add(g, large, dim__emit_conv2d(g, x, w, border)));
    }
    /* a product that somebody else reads, two that the caller reads, one under another shape */
    m = dim__emit_matmul(g, rows, plain, false, true);
    y = dim__emit_add(g, rows, m);
    see(g, s, dim__emit_mul(g, y, m));
    m = see(g, s, dim__emit_matmul(g, rows, plain, false, false));
    see(g, s, dim__emit_add(g, m, rows));
    s->only[s->n] = true;
    m = see(g, s, dim__emit_matmul(g, rows, plain, false, true));
    see(g, s, dim__emit_add(g, m, rows));
    m = dim__emit_reshape(g, dim__emit_matmul(g, rows, plain, false, false), *dim__shape_of(g, x));
    see(g, s, dim__emit_add(g, x, m));
    /* a sum of three, two products, a bias */
    dim__vid third = dim__emit_tanh(g, rows);
    y = dim__emit_add(g, dim__emit_matmul(g, rows, plain, false, false), rows);
    see(g, s, dim__emit_add(g, y, third));
    m = dim__emit_matmul(g, third, plain, false, true);
    see(g, s, dim__emit_add(g, m, dim__emit_matmul(g, rows, plain, false, false)));
    see(g, s, dim__emit_add_bias(g, dim__emit_matmul(g, third, plain, false, false), bias));
    /* a bias of another shape than the product's rows */
    m = dim__emit_matmul(g, third, dim__emit_reshape(g, wide, dim__shape2(C, 3 * C)), false, false);
    see(g, s, dim__emit_add_bias(g, dim__emit_reshape(g, m, dim__shape2(3 * ROWS, C)), bias));
    /* weights of two maps that want no gradient */
    dim__vid one = dim__emit_stop_gradient(g, x), two = dim__emit_stop_gradient(g, padded);
    see(g, s, dim__emit_conv2d(g, one, narrow, once));
    see(g, s, dim__emit_conv2d(g, two, narrow, once));
    /* one with itself */
    m = dim__emit_matmul(g, third, plain, false, false);
    see(g, s, dim__emit_add(g, m, m));
    dim__vid loss = DIM__NONE;
    for (int i = 0; i < s->n; i++) {
        if (s->only[i])
            continue;
        dim__vid part = dim__emit_sum_all(g, dim__emit_mul(g, s->y[i], s->y[i]), 1e-2 * (i + 1));
        loss = loss == DIM__NONE ? part : dim__emit_add(g, loss, part);
    }
    return loss;
}

typedef struct outcome {
    float *data[MOST + INPUTS];
    int64_t count[MOST + INPUTS];
    int n, onto, in_place; /* products that are added to something, and where that lies */
} outcome;

static void count_onto(void *user, const dim__op *op, const dim__exec *e, double seconds)
{
    outcome *o = user;
    (void)seconds;
    o->onto += op == &dim__op_matmul && e->n_in > 2;
    o->in_place += op == &dim__op_matmul && e->n_in > 2 && e->in[2] == e->out[0];
}

static void copy(outcome *o, dim__program *p, dim__vid v)
{
    int64_t n = o->count[o->n] = dim__count_of(dim__program_graph(p), v);
    o->data[o->n] = malloc((size_t)n * sizeof(float));
    assert_non_null(o->data[o->n]);
    memcpy(o->data[o->n++], dim__program_data(p, v), (size_t)n * sizeof(float));
}

static outcome run(uint32_t without, uint32_t threads, bool gradient, dim_gemm gemm)
{
    const dim__shape shapes[INPUTS] = { dim__shape4(2, SIDE, SIDE, C), dim__shape4(C, 1, 1, C), dim__shape4(C, 1, 3, C),
                                        dim__shape1(C), dim__shape4(3, 1, 1, C) };
    outcome o = { .n = 0 };
    sums s = { .n = 0 };
    dim__graph *g;
    dim__program *p;
    dim__vid in[INPUTS];
    dim_context_options co;
    DIM_OPTIONS_INIT(&co);
    co.threads = threads;
    co.blas_threads = 1;
    co.gemm = gemm;
    co.disabled_passes = without;
    ok(dim_context_create(&co, &ctx));
    ok(dim__graph_create(ctx, &g));
    for (int i = 0; i < INPUTS; i++)
        in[i] = dim__graph_input(g, DIM_F32, shapes[i], gradient);
    dim__vid loss = emit(g, in, &s);
    dim__graph_keep(g, loss);
    ok(gradient ? dim__graph_backward(g, loss) : dim__graph_finish(g));
    ok(dim__program_create(g, &p));
    for (int i = 0; i < INPUTS; i++) {
        float *data = dim__program_data(p, in[i]);
        for (int64_t k = 0; k < dim__count_of(g, in[i]); k++)
            data[k] = (float)sin(1.7 * (double)k + i) * 0.3f;
    }
    dim__program_profile(p, count_onto, &o);
    dim__program_forward(p, 1, 1);
    dim__program_backward(p, 1, 1);
    for (int i = 0; i < s.n; i++)
        copy(&o, p, s.y[i]);
    for (int i = 0; i < INPUTS && gradient; i++)
        copy(&o, p, dim__graph_grad(g, in[i]));
    dim__program_destroy(p);
    dim_context_destroy(ctx);
    return o;
}

/* Sums of at most some hundred terms around 1, in another order. */
static const double TOLERANCE = 4e-6;

static void compare(outcome *got, outcome *want)
{
    assert_int_equal(got->n, want->n);
    for (int i = 0; i < got->n; i++) {
        double scale = 1;
        assert_int_equal(got->count[i], want->count[i]);
        for (int64_t k = 0; k < got->count[i]; k++) /* not fmax(): GCC 12 for ARM breaks down over it */
            if (fabs((double)want->data[i][k]) > scale)
                scale = fabs((double)want->data[i][k]);
        for (int64_t k = 0; k < got->count[i]; k++)
            if (!(fabs((double)got->data[i][k] - (double)want->data[i][k]) <= TOLERANCE * scale))
                fail_msg("value %d, element %lld: %.9g, not %.9g", i, (long long)k, got->data[i][k], want->data[i][k]);
        free(got->data[i]);
        free(want->data[i]);
    }
}

static void check(uint32_t threads, bool gradient, dim_gemm gemm)
{
    outcome with = run(0, threads, gradient, gemm), without = run(DIM_PASS_ACCUMULATE, threads, gradient, gemm);
    assert_int_equal(without.onto, 0);
    /* Forward: two residuals, one under another shape, one of three, one of two, a bias.  With a gradient those of the
     * inputs and weights that several read, too. */
    if (!gradient)
        assert_int_equal(with.onto, 6);
    else
        assert_true(with.onto > 6 && with.in_place > 0);
    compare(&with, &without);
}

static void sums_are_what_they_were(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 2; threads++)
        for (int gradient = 0; gradient < 2; gradient++) {
            check(threads, gradient != 0, DIM_GEMM_AUTO);
            check(threads, gradient != 0, DIM_GEMM_REFERENCE); /* reads operands late, so that lost ones show */
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sums_are_what_they_were) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
