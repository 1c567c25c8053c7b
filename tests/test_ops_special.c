/* Ops that test_ops.c cannot check against mathematics in double: draws, state updates, and what does not flow. */
#include "compile/compile.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after what it needs */
#include <cmocka.h>

enum { THREADS = 3, MANY = 60000 };

static dim_context *contexts[THREADS]; /* of 1, 2 and 3 threads */

static int open_contexts(void **state)
{
    (void)state;
    for (uint32_t k = 0; k < THREADS; k++) {
        dim_context_options o;
        DIM_OPTIONS_INIT(&o);
        o.threads = k + 1;
        o.blas_threads = 1;
        if (dim_context_create(&o, &contexts[k]) != DIM_OK)
            return -1;
    }
    return 0;
}

static int close_contexts(void **state)
{
    (void)state;
    for (int k = 0; k < THREADS; k++)
        dim_context_destroy(contexts[k]);
    return 0;
}

static dim__program *compile(dim__graph *g)
{
    dim__program *p = NULL;
    if (dim__graph_status(g) != DIM_OK)
        fail_msg("%s", dim_context_error(g->ctx));
    if (dim__program_create(g, &p) != DIM_OK)
        fail_msg("%s", dim_context_error(contexts[0]));
    return p;
}

static dim__graph *graph_of(dim_context *ctx)
{
    dim__graph *g = NULL;
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    return g;
}

/* ---- work -------------------------------------------------------------------------------------------------------- */

/* A depthwise convolution and its gradients: two operations for each of 5 x 7 outputs, 3 x 2 taps, 4 channels and 2 images. */
static void test_depthwise_flops(void **state)
{
    static const dim__shape x = { 4, { 2, 7, 8, 4 } }, y = { 4, { 2, 5, 7, 4 } }, w = { 3, { 3, 2, 4 } };
    static const struct {
        const dim__op *op;
        const dim__shape *in[2], *out[1];
    } ops[] = { { &dim__op_depthwise, { &x, &w }, { &y } },
                { &dim__op_depthwise_dx, { &y, &w }, { &x } },
                { &dim__op_depthwise_dw, { &y, &x }, { &w } } };
    dim__attr attr = dim__op_conv_attr((dim__window){ { 3, 2 }, { 1, 1 }, { 0, 0 }, { 1, 1 } });
    (void)state;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        assert_true(fabs(dim__op_flops(ops[i].op, ops[i].in, ops[i].out, &attr) - 2.0 * 2 * 5 * 7 * 4 * 3 * 2) < 0.5);
}

/* ---- noise ------------------------------------------------------------------------------------------------------- */

static void moments(const float *x, int64_t n, double *mean, double *var)
{
    *mean = *var = 0;
    for (int64_t i = 0; i < n; i++)
        *mean += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        *var += (x[i] - *mean) * (x[i] - *mean) / (double)n;
}

/* Two nodes of the same op, run at a step; copies of what they drew. */
static void draw_noise(dim_context *ctx, bool normal, uint64_t seed, uint64_t step, float *a, float *b)
{
    dim__graph *g = graph_of(ctx);
    dim__shape shape = dim__shape3(10, MANY / 100, 10);
    dim__vid x = normal ? dim__emit_noise_normal(g, shape) : dim__emit_noise_uniform(g, shape);
    dim__vid y = normal ? dim__emit_noise_normal(g, shape) : dim__emit_noise_uniform(g, shape);
    dim__graph_keep(g, x);
    dim__graph_keep(g, y);
    assert_int_equal(dim__graph_finish(g), DIM_OK);
    dim__program *p = compile(g);
    dim__program_forward(p, seed, step + 1); /* another step before must not matter */
    dim__program_forward(p, seed, step);
    memcpy(a, dim__program_data(p, x), MANY * sizeof *a);
    memcpy(b, dim__program_data(p, y), MANY * sizeof *b);
    dim__program_destroy(p);
}

static void check_noise(bool normal, double want_mean, double want_var)
{
    float *a = malloc(MANY * sizeof *a), *b = malloc(MANY * sizeof *b), *c = malloc(MANY * sizeof *c);
    double mean, var, product = 0;
    assert_true(a != NULL && b != NULL && c != NULL);
    draw_noise(contexts[0], normal, 11, 4, a, b);
    moments(a, MANY, &mean, &var);
    /* 5 standard errors: of the mean sqrt(var / n); of the variance below var sqrt(2 / n) */
    assert_true(fabs(mean - want_mean) < 5 * sqrt(want_var / MANY));
    assert_true(fabs(var - want_var) < 5 * want_var * sqrt(2.0 / MANY));
    for (int64_t i = 0; i < MANY; i++) {
        product += (a[i] - want_mean) * (b[i] - want_mean) / MANY;
        assert_true(isfinite(a[i]) && (normal || (a[i] >= 0 && a[i] < 1)));
    }
    assert_true(fabs(product) < 5 * want_var / sqrt(MANY)); /* nodes draw independently */
    product = 0;
    for (int64_t i = 1; i < MANY; i++)
        product += (a[i] - want_mean) * (a[i - 1] - want_mean) / MANY;
    assert_true(fabs(product) < 5 * want_var / sqrt(MANY)); /* so do neighbours */
    for (int k = 1; k < THREADS; k++) {
        draw_noise(contexts[k], normal, 11, 4, c, b);
        assert_memory_equal(a, c, MANY * sizeof *a);
    }
    draw_noise(contexts[0], normal, 11, 5, c, b);
    assert_memory_not_equal(a, c, MANY * sizeof *a);
    draw_noise(contexts[0], normal, 12, 4, c, b);
    assert_memory_not_equal(a, c, MANY * sizeof *a);
    free(a);
    free(b);
    free(c);
}

static void test_noise_normal(void **state) { (void)state; check_noise(true, 0, 1); }
static void test_noise_uniform(void **state) { (void)state; check_noise(false, 0.5, 1.0 / 12); }

static void test_noise_bad_shape(void **state)
{
    (void)state;
    dim__shape bad[2] = { dim__shape2(3, -1), { 6, { 1, 1, 1, 1, 1 } } };
    for (int k = 0; k < 2; k++) {
        dim__graph *g = graph_of(contexts[0]);
        assert_int_equal(dim__emit_noise_uniform(g, bad[k]), DIM__NONE);
        assert_int_equal(dim__graph_status(g), DIM_E_SHAPE);
        assert_non_null(strstr(dim_context_error(contexts[0]), "noise_uniform"));
        dim__graph_destroy(g);
    }
}

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

typedef struct dropped {
    float y[MANY], dx[MANY];
} dropped;

/* loss = sum(w * dropout(x)) with x = 1 + i / n and w = 2 - i / n */
static void run_dropout(dim_context *ctx, double rate, uint64_t step, dropped *d)
{
    dim__graph *g = graph_of(ctx);
    dim__vid x = dim__graph_input(g, DIM_F32, dim__shape1(MANY), true);
    dim__vid w = dim__graph_input(g, DIM_F32, dim__shape1(MANY), false);
    dim__vid other = dim__emit_dropout(g, x, rate); /* so that streams are not all 0; dead */
    dim__vid y = dim__emit_dropout(g, x, rate);
    assert_int_not_equal(other, DIM__NONE);
    dim__graph_keep(g, y);
    dim__vid loss = dim__emit_sum_all(g, dim__emit_mul(g, y, w), 1);
    dim__graph_keep(g, loss);
    assert_int_equal(dim__graph_backward(g, loss), DIM_OK);
    dim__vid dx = dim__graph_grad(g, x);
    dim__program *p = compile(g);
    for (int i = 0; i < MANY; i++) {
        ((float *)dim__program_data(p, x))[i] = 1 + (float)i / MANY;
        ((float *)dim__program_data(p, w))[i] = 2 - (float)i / MANY;
    }
    dim__program_forward(p, 3, step);
    dim__program_backward(p, 3, step);
    memcpy(d->y, dim__program_data(p, y), sizeof d->y);
    memcpy(d->dx, dim__program_data(p, dx), sizeof d->dx);
    dim__program_destroy(p);
}

static void test_dropout(void **state)
{
    dropped *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    double rate = 0.3;
    float scale = (float)(1 / (1 - rate));
    int zeros = 0;
    (void)state;
    assert_true(a != NULL && b != NULL);
    run_dropout(contexts[0], rate, 9, a);
    for (int i = 0; i < MANY; i++) {
        float x = 1 + (float)i / MANY, w = 2 - (float)i / MANY;
        zeros += a->y[i] == 0;
        assert_true(a->y[i] == 0 || a->y[i] == x * scale);
        assert_true(a->y[i] == 0 ? a->dx[i] == 0 : a->dx[i] == w * scale); /* the same elements survive */
    }
    assert_true(fabs(zeros - rate * MANY) < 5 * sqrt(rate * (1 - rate) * MANY));
    for (int k = 1; k < THREADS; k++) {
        run_dropout(contexts[k], rate, 9, b);
        assert_memory_equal(a, b, sizeof *a);
    }
    run_dropout(contexts[0], rate, 10, b);
    assert_memory_not_equal(a->y, b->y, sizeof a->y);
    run_dropout(contexts[0], 0, 9, b); /* nothing is dropped */
    for (int i = 0; i < MANY; i++)
        assert_true(b->y[i] == 1 + (float)i / MANY && b->dx[i] == 2 - (float)i / MANY);
    free(a);
    free(b);
}

/* ---- occlude ----------------------------------------------------------------------------------------------------- */

enum { IMAGES = 40, HIGH = 5, WIDE = 7, DEEP = 3, BLOCK_H = 2, BLOCK_W = 4, PIXELS = HIGH * WIDE * DEEP };

typedef struct hidden {
    float y[IMAGES][HIGH][WIDE][DEEP], dx[IMAGES][HIGH][WIDE][DEEP];
} hidden;

/* loss = sum(y y) / 2, so that dx = y where nothing is hidden. */
static void run_occlude(dim_context *ctx, uint64_t step, hidden *h)
{
    dim__graph *g = graph_of(ctx);
    dim__vid x = dim__graph_input(g, DIM_F32, dim__shape4(IMAGES, HIGH, WIDE, DEEP), true);
    dim__vid y = dim__emit_occlude(g, x, BLOCK_H, BLOCK_W);
    dim__graph_keep(g, y);
    dim__vid loss = dim__emit_sum_all(g, dim__emit_mul(g, y, y), 0.5);
    dim__graph_keep(g, loss);
    assert_int_equal(dim__graph_backward(g, loss), DIM_OK);
    dim__vid dx = dim__graph_grad(g, x);
    dim__program *p = compile(g);
    for (int i = 0; i < IMAGES * PIXELS; i++)
        ((float *)dim__program_data(p, x))[i] = 1 + (float)i;
    dim__program_forward(p, 3, step);
    dim__program_backward(p, 3, step);
    memcpy(h->y, dim__program_data(p, y), sizeof h->y);
    memcpy(h->dx, dim__program_data(p, dx), sizeof h->dx);
    dim__program_destroy(p);
}

/* One whole block of each image, in all channels; every place comes up; the gradient is hidden with it. */
static void test_occlude(void **state)
{
    enum { STEPS = 12 };
    hidden *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    int met[HIGH - BLOCK_H + 1][WIDE - BLOCK_W + 1] = { { 0 } };
    (void)state;
    assert_true(a != NULL && b != NULL);
    for (uint64_t step = 0; step < STEPS; step++) {
        run_occlude(contexts[0], step, a);
        assert_memory_equal(a->y, a->dx, sizeof a->y);
        for (int n = 0; n < IMAGES; n++) {
            int top = HIGH, left = WIDE, count = 0;
            for (int i = 0; i < HIGH; i++)
                for (int k = 0; k < WIDE; k++)
                    for (int c = 0; c < DEEP; c++) {
                        float x = 1 + (float)(((n * HIGH + i) * WIDE + k) * DEEP + c), y = a->y[n][i][k][c];
                        assert_true(y == x || y == 0);
                        if (y == 0) {
                            top = i < top ? i : top;
                            left = k < left ? k : left;
                            assert_true(i < top + BLOCK_H && k < left + BLOCK_W);
                            count++;
                        }
                    }
            assert_int_equal(count, BLOCK_H * BLOCK_W * DEEP);
            met[top][left]++;
        }
        for (int k = 1; k < THREADS; k++) {
            run_occlude(contexts[k], step, b);
            assert_memory_equal(a, b, sizeof *a);
        }
    }
    for (int i = 0; i <= HIGH - BLOCK_H; i++)
        for (int k = 0; k <= WIDE - BLOCK_W; k++)
            assert_in_range(met[i][k], 6, 60); /* of 30: 4.4 and 5.5 standard deviations */
    free(a);
    free(b);
}

static void test_occlude_bad_shape(void **state)
{
    const int64_t bad[][2] = { { 0, 1 }, { 1, 0 }, { 4, 1 }, { 1, 6 } };
    (void)state;
    for (int k = 0; k < 5; k++) {
        dim__graph *g = graph_of(contexts[0]);
        dim__vid x = dim__graph_input(g, DIM_F32, k < 4 ? dim__shape4(2, 3, 5, 1) : dim__shape3(2, 3, 5), true);
        assert_int_equal(k < 4 ? dim__emit_occlude(g, x, bad[k][0], bad[k][1]) : dim__emit_occlude(g, x, 1, 1), DIM__NONE);
        assert_int_equal(dim__graph_status(g), DIM_E_SHAPE);
        assert_non_null(strstr(dim_context_error(contexts[0]), "occlude"));
        dim__graph_destroy(g);
    }
}

/* ---- place ------------------------------------------------------------------------------------------------------- */

static void test_place(void **state)
{
    enum { N = 3, H = 4, W = 5, ROWS = N * H * W };
    (void)state;
    for (int axis = 0; axis < 2; axis++) {
        dim__graph *g = graph_of(contexts[0]);
        dim__vid from = dim__emit_random_location(g, N, H * W, H * W), v[2];
        dim__graph_keep(g, from);
        for (int k = 0; k < 2; k++)
            dim__graph_keep(g, v[k] = dim__emit_place(g, k == 0 ? DIM__NONE : from, ROWS, H, W, axis));
        assert_int_equal(dim__graph_finish(g), DIM_OK);
        dim__program *p = compile(g);
        dim__program_forward(p, 1, 5);
        const int32_t *f = dim__program_data(p, from), *at = dim__program_data(p, v[0]), *far = dim__program_data(p, v[1]);
        for (int r = 0; r < ROWS; r++) {
            int row = r / W % H, column = r % W, size = axis == 0 ? H : W;
            assert_int_equal(f[r] / (H * W), r / (H * W)); /* of the same sample */
            assert_int_equal(at[r], axis == 0 ? row : column);
            assert_int_equal(far[r], (axis == 0 ? row - f[r] / W % H : column - f[r] % W) + size - 1);
        }
        dim__program_destroy(p);
    }
    dim__graph *g = graph_of(contexts[0]);
    assert_int_equal(dim__emit_place(g, DIM__NONE, 7, 2, 3, 0), DIM__NONE);
    assert_int_equal(dim__graph_status(g), DIM_E_SHAPE);
    assert_non_null(strstr(dim_context_error(contexts[0]), "place"));
    dim__graph_destroy(g);
}

static void test_dropout_bad_rate(void **state)
{
    const double bad[] = { 1, 1.5, -0.1, NAN };
    (void)state;
    for (int k = 0; k < 4; k++) {
        dim__graph *g = graph_of(contexts[0]);
        dim__vid x = dim__graph_input(g, DIM_F32, dim__shape1(3), true);
        assert_int_equal(dim__emit_dropout(g, x, bad[k]), DIM__NONE);
        assert_int_equal(dim__graph_status(g), DIM_E_INVALID);
        assert_non_null(strstr(dim_context_error(contexts[0]), "dropout"));
        dim__graph_destroy(g);
    }
}

static void test_leaky_relu_bad_slope(void **state)
{
    const double bad[] = { 0, -0.2, NAN, INFINITY };
    (void)state;
    for (int k = 0; k < 4; k++) {
        dim__graph *g = graph_of(contexts[0]);
        dim__vid x = dim__graph_input(g, DIM_F32, dim__shape1(3), true);
        assert_int_equal(dim__emit_leaky_relu(g, x, bad[k]), DIM__NONE);
        assert_int_equal(dim__graph_status(g), DIM_E_INVALID);
        assert_non_null(strstr(dim_context_error(contexts[0]), "leaky_relu"));
        dim__graph_destroy(g);
    }
}

/* ---- derangement ------------------------------------------------------------------------------------------------- */

static void test_derangement(void **state)
{
    (void)state;
    for (int n = 2; n <= 50; n++) {
        int32_t last[50] = { 0 };
        int changed = 0;
        dim__graph *g = graph_of(contexts[n % THREADS]);
        dim__vid d = dim__emit_derangement(g, n);
        dim__graph_keep(g, d);
        assert_int_equal(dim__graph_finish(g), DIM_OK);
        dim__program *p = compile(g);
        for (uint64_t step = 0; step < 40; step++) {
            bool met[50] = { false };
            dim__program_forward(p, 1, step);
            const int32_t *partner = dim__program_data(p, d);
            for (int i = 0; i < n; i++) {
                assert_in_range(partner[i], 0, n - 1);
                assert_int_not_equal(partner[i], i);
                assert_false(met[partner[i]]);
                met[partner[i]] = true;
            }
            changed += memcmp(last, partner, sizeof *last * (size_t)n) != 0;
            memcpy(last, partner, sizeof *last * (size_t)n);
        }
        assert_true(n == 2 ? changed == 1 : changed > 15); /* there is one for n = 2, two for n = 3 */
        dim__program_forward(p, 1, 39);
        assert_memory_equal(last, dim__program_data(p, d), sizeof *last * (size_t)n);
        dim__program_destroy(p);
    }
}

/* Every location of every sample comes up, about equally often, and the same again for the same step. */
static void test_random_location(void **state)
{
    enum { N = 3, TIMES = 2, L = 5, STEPS = 2000 };
    int met[N * TIMES][L] = { { 0 } };
    int32_t last[N * TIMES];
    (void)state;
    dim__graph *g = graph_of(contexts[0]);
    dim__vid v = dim__emit_random_location(g, N, TIMES, L);
    dim__graph_keep(g, v);
    assert_int_equal(dim__graph_finish(g), DIM_OK);
    dim__program *p = compile(g);
    for (uint64_t step = 0; step < STEPS; step++) {
        dim__program_forward(p, 1, step);
        const int32_t *at = dim__program_data(p, v);
        for (int i = 0; i < N * TIMES; i++) {
            assert_in_range(at[i], i / TIMES * L, i / TIMES * L + L - 1);
            met[i][at[i] - i / TIMES * L]++;
        }
        memcpy(last, at, sizeof last);
    }
    for (int i = 0; i < N * TIMES; i++)
        for (int k = 0; k < L; k++)
            assert_in_range(met[i][k], STEPS / L - 100, STEPS / L + 100); /* 5.6 standard deviations */
    dim__program_forward(p, 1, STEPS - 1);
    assert_memory_equal(last, dim__program_data(p, v), sizeof last);
    dim__program_destroy(p);
    g = graph_of(contexts[0]);
    assert_int_equal(dim__emit_random_location(g, 2, 1, 0), DIM__NONE);
    assert_int_equal(dim__graph_status(g), DIM_E_SHAPE);
    dim__graph_destroy(g);
}

/* The pixels of each crop, map after map, along the rows of crops; sizes that do not fit are refused. */
static void test_crop_rows(void **state)
{
    enum { N = 3, H = 7, W = 6, KH = 3, KW = 2, SH = 2, SW = 3, DOWN = 3, ACROSS = 2 };
    static const dim__attr_crops bad[] = {
        { 0, H, W, KH, KW, SH, SW }, { N, H, W, H + 1, KW, SH, SW }, { N, H, W, KH, W + 1, SH, SW }, { N, H, W, 0, KW, SH, SW },
        { N, H, W, KH, KW, 0, SW }, { N, H, W, KH, KW, SH, -1 }, { INT32_MAX, 2, 1, 1, 1, 1, 1 },
        { 1 << 20, 64, 32, 32, 32, 1, 1 },
    };
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        dim__graph *g = graph_of(contexts[i]);
        dim__attr attr = { .crops = { N, H, W, KH, KW, SH, SW } };
        dim__vid v = dim__emit(g, &dim__op_crop_rows, 0, NULL, &attr);
        dim__graph_keep(g, v);
        assert_int_equal(dim__graph_finish(g), DIM_OK);
        assert_int_equal(dim__count_of(g, v), N * DOWN * ACROSS * KH * KW);
        dim__program *p = compile(g);
        dim__program_forward(p, 1, 0);
        const int32_t *at = dim__program_data(p, v);
        for (int n = 0; n < N; n++)
            for (int crop = 0; crop < DOWN * ACROSS; crop++)
                for (int pixel = 0; pixel < KH * KW; pixel++) {
                    int y = crop / ACROSS * SH + pixel / KW, x = crop % ACROSS * SW + pixel % KW;
                    assert_int_equal(*at++, (n * H + y) * W + x);
                }
        dim__program_destroy(p);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dim__graph *g = graph_of(contexts[0]);
        dim__attr attr = { .crops = bad[i] };
        assert_int_equal(dim__emit(g, &dim__op_crop_rows, 0, NULL, &attr), DIM__NONE);
        assert_int_equal(dim__graph_status(g), DIM_E_SHAPE);
        dim__graph_destroy(g);
    }
}

static void test_derangement_bad_size(void **state)
{
    const int64_t bad[] = { 1, 0, -3, INT64_C(1) << 40 };
    (void)state;
    for (int k = 0; k < 4; k++) {
        dim__graph *g = graph_of(contexts[0]);
        assert_int_equal(dim__emit_derangement(g, bad[k]), DIM__NONE);
        assert_int_equal(dim__graph_status(g), DIM_E_SHAPE);
        assert_non_null(strstr(dim_context_error(contexts[0]), "derangement"));
        dim__graph_destroy(g);
    }
}

/* ---- attributes -------------------------------------------------------------------------------------------------------- */

/* Equal by an op's own member and by what any op may have; what lies behind a small member says nothing. */
static void test_attributes_are_equal(void **state)
{
    const dim__attr a = { .slope = 0.1 };
    const size_t size = DIM__ATTR_SIZE(slope);
    dim__attr b;
    (void)state;
    memset(&b, 0xa5, sizeof b);
    b.slope = 0.1;
    b.activation.on = false;
    b.activation.slope = 0;
    b.stream = 0;
    b.views = 0;
    b.plan = NULL;
    assert_true(dim__attr_equal(&a, &b, size));
    dim__attr other[] = { b, b, b, b, b, b };
    other[0].slope = 0.2;
    other[1].activation.on = true;
    other[2].activation.slope = 0.1;
    other[3].stream = 1;
    other[4].plan = &b;
    other[5].views = 1;
    for (int k = 0; k < 6; k++)
        assert_false(dim__attr_equal(&a, &other[k], size));

    dim__attr conv = dim__op_conv_attr(dim__square(0, 2, 1)), wide = conv;
    assert_true(dim__attr_equal(&conv, &wide, DIM__ATTR_SIZE(conv)));
    wide.conv.eps = 1e-5; /* the last one */
    assert_false(dim__attr_equal(&conv, &wide, DIM__ATTR_SIZE(conv)));
}

/* A descriptor that forgets attr_size would have all its nodes equal. */
static void test_attributes_want_a_size(void **state)
{
    const dim__attr attr = { .scale = 2 };
    (void)state;
    dim__graph *g = graph_of(contexts[0]);
    dim__vid x = dim__graph_input(g, DIM_F32, dim__shape1(3), false);
    assert_int_equal(dim__emit1(g, &dim__op_relu, x, &attr), DIM__NONE);
    assert_int_equal(dim__graph_status(g), DIM_E_INVALID);
    assert_non_null(strstr(dim_context_error(contexts[0]), "relu has no attr_size"));
    dim__graph_destroy(g);
}

/* ---- state_update ------------------------------------------------------------------------------------------------ */

static void run_update(dim_context *ctx, double rate, double factor, float state[3], const float value[3])
{
    dim__params ps;
    dim__param_spec spec = { .shape = dim__shape1(3), .state = true };
    dim__params_init(&ps, ctx, 1);
    dim__param *param = dim__params_get(&ps, "running", &spec);
    assert_non_null(param);
    memcpy(param->data, state, 3 * sizeof *state);
    dim__graph *g = graph_of(ctx);
    dim__vid x = dim__graph_input(g, DIM_F32, dim__shape1(3), false);
    dim__vid in[2] = { dim__graph_param(g, param, 0), dim__emit_affine(g, x, 1, 0) };
    dim__attr attr = dim__op_state_update_attr(rate, factor);
    dim__graph_defer(g, &dim__op_state_update, 2, in, &attr);
    assert_int_equal(dim__graph_finish(g), DIM_OK);
    dim__program *p = compile(g);
    memcpy(dim__program_data(p, x), value, 3 * sizeof *value);
    dim__program_forward(p, 0, 0);
    for (int i = 0; i < 3; i++) /* not before the loss is known */
        assert_true(memcmp(&param->data[i], &state[i], sizeof *state) == 0);
    dim__program_backward(p, 0, 0);
    memcpy(state, param->data, 3 * sizeof *state);
    dim__program_destroy(p);
    dim__params_free(&ps);
}

static void test_state_update(void **unused)
{
    const float value[3] = { 10, -4, 0.5f };
    (void)unused;
    for (int k = 0; k < THREADS; k++) {
        float state[3] = { 1, 2, 3 }, first[3] = { NAN, INFINITY, 0 };
        run_update(contexts[k], 0.25, 1.5, state, value);
        for (int i = 0; i < 3; i++)
            assert_true(fabs(state[i] - (0.75 * (i + 1) + 0.25 * 1.5 * (double)value[i])) < 1e-6);
        run_update(contexts[k], 1, 1, first, value); /* at rate 1 nothing of the old state stays, NaN included */
        assert_memory_equal(first, value, sizeof value);
    }
}

static void test_state_update_bad_shape(void **state)
{
    (void)state;
    dim__graph *g = graph_of(contexts[0]);
    dim__vid a = dim__graph_input(g, DIM_F32, dim__shape1(3), false);
    dim__vid b = dim__graph_input(g, DIM_F32, dim__shape1(4), false);
    dim__emit2(g, &dim__op_state_update, a, b, NULL);
    assert_int_equal(dim__graph_status(g), DIM_E_SHAPE);
    assert_non_null(strstr(dim_context_error(contexts[0]), "state_update"));
    dim__graph_destroy(g);
}

/* ---- what does not flow ------------------------------------------------------------------------------------------ */

/* loss = sum(2 x + 3 stop(x)): the gradient is 2. */
static void test_stop_gradient(void **state)
{
    (void)state;
    dim__graph *g = graph_of(contexts[0]);
    dim__vid x = dim__graph_input(g, DIM_F32, dim__shape2(2, 3), true);
    dim__vid stopped = dim__emit_stop_gradient(g, x);
    assert_false(dim__wants_grad(g, stopped));
    dim__vid sum = dim__emit_add(g, dim__emit_affine(g, x, 2, 0), dim__emit_affine(g, stopped, 3, 0));
    dim__vid loss = dim__emit_sum_all(g, sum, 1);
    dim__graph_keep(g, loss);
    assert_int_equal(dim__graph_backward(g, loss), DIM_OK);
    dim__vid dx = dim__graph_grad(g, x);
    assert_int_not_equal(dx, DIM__NONE);
    dim__program *p = compile(g);
    for (int i = 0; i < 6; i++)
        ((float *)dim__program_data(p, x))[i] = (float)i;
    dim__program_forward(p, 0, 0);
    dim__program_backward(p, 0, 0);
    assert_true(dim__program_scalar(p, loss) == 5 * 15);
    for (int i = 0; i < 6; i++)
        assert_true(((float *)dim__program_data(p, dx))[i] == 2);
    dim__program_destroy(p);
}

/* Infinite scores: the sum of exponentials is what it should be, not NaN. */
static void test_log_sum_exp_of_infinities(void **state)
{
    const float rows[4][3] = { { -INFINITY, 0, -INFINITY }, { INFINITY, 0, 1 }, { -INFINITY, -INFINITY, -INFINITY },
                               { NAN, 0, 1 } };
    (void)state;
    dim__graph *g = graph_of(contexts[0]);
    dim__vid x = dim__graph_input(g, DIM_F32, dim__shape2(4, 3), false), y = dim__emit_log_sum_exp(g, x);
    dim__graph_keep(g, y);
    assert_int_equal(dim__graph_finish(g), DIM_OK);
    dim__program *p = compile(g);
    memcpy(dim__program_data(p, x), rows, sizeof rows);
    dim__program_forward(p, 0, 0);
    const float *out = dim__program_data(p, y);
    assert_true(fabsf(out[0]) < 1e-6f);
    assert_true(out[1] == INFINITY && out[2] == -INFINITY && isnan(out[3]));
    dim__program_destroy(p);
}

/* What a float keeps of a sum's logarithm is not what its gradient depends on. */
static void test_log_sum_exp_of_large_numbers(void **state)
{
    static const float sizes[] = { 300, 1e5f, 3e8f, -1e13f, 1e30f };
    (void)state;
    for (int i = 0; i < 5; i++) {
        float s = sizes[i], below = nextafterf(s, -INFINITY);
        const float rows[2][3] = { { s, s, s }, { s, below, s } };
        dim__graph *g = graph_of(contexts[0]);
        dim__vid x = dim__graph_input(g, DIM_F32, dim__shape2(2, 3), true);
        assert_int_equal(dim__graph_backward(g, dim__emit_sum_all(g, dim__emit_log_sum_exp(g, x), 1)), DIM_OK);
        dim__program *p = compile(g);
        memcpy(dim__program_data(p, x), rows, sizeof rows);
        dim__program_forward(p, 0, 0);
        dim__program_backward(p, 0, 0);
        const float *dx = dim__program_data(p, dim__graph_grad(g, x));
        double rest = exp((double)below - s);
        for (int k = 0; k < 3; k++) {
            assert_true(fabs(dx[k] - 1.0 / 3) < 1e-7);
            assert_true(fabs(dx[3 + k] - (k == 1 ? rest : 1) / (2 + rest)) < 1e-7);
        }
        dim__program_destroy(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depthwise_flops),
        cmocka_unit_test(test_noise_normal),
        cmocka_unit_test(test_noise_uniform),
        cmocka_unit_test(test_noise_bad_shape),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_dropout_bad_rate),
        cmocka_unit_test(test_occlude),
        cmocka_unit_test(test_occlude_bad_shape),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_leaky_relu_bad_slope),
        cmocka_unit_test(test_derangement),
        cmocka_unit_test(test_derangement_bad_size),
        cmocka_unit_test(test_random_location),
        cmocka_unit_test(test_crop_rows),
        cmocka_unit_test(test_attributes_are_equal),
        cmocka_unit_test(test_attributes_want_a_size),
        cmocka_unit_test(test_state_update),
        cmocka_unit_test(test_state_update_bad_shape),
        cmocka_unit_test(test_stop_gradient),
        cmocka_unit_test(test_log_sum_exp_of_infinities),
        cmocka_unit_test(test_log_sum_exp_of_large_numbers),
    };
    return cmocka_run_group_tests(tests, open_contexts, close_contexts);
}
