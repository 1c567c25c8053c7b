/* Floating-point exceptions: a program that has traps for overflow, invalid operations and divisions by zero (feenableexcept)
 * is not stopped by a call that ends well.  A trap fires where a flag is raised, so the flags are looked at. */
#include "loss_tests.h"

#include "kernels/kernels.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

enum { N_KINDS = DIM_ESTIMATOR_GAN + 1, CARED = FE_OVERFLOW | FE_INVALID | FE_DIVBYZERO };

static const char *raised(void)
{
    static char text[64];
    int flags = fetestexcept(CARED);
    snprintf(text, sizeof text, "%s%s%s", (flags & FE_OVERFLOW) != 0 ? " overflow" : "", (flags & FE_INVALID) != 0 ? " invalid" : "",
             (flags & FE_DIVBYZERO) != 0 ? " division by 0" : "");
    feclearexcept(FE_ALL_EXCEPT);
    return flags == 0 ? NULL : text;
}

static void each_level(void (*check)(dim_context *ctx))
{
    for (int level = DIM_CPU_BASELINE; level <= DIM_CPU_REFERENCE; level++) {
        if (dim__kernels_select((dim_cpu_level)level) == NULL)
            continue;
        /* A BLAS and oneDNN read past the ends of arrays, and may raise over what is there. */
        dim_context_options co;
        dim_context *ctx = NULL;
        DIM_OPTIONS_INIT(&co);
        co.threads = 1;
        co.seed = 1;
        co.cpu = (dim_cpu_level)level;
        co.gemm = DIM_GEMM_REFERENCE;
        assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
        check(ctx);
        dim_context_destroy(ctx);
    }
}

/* ---- kernels, by themselves ---- */

static const float numbers[] = { 0,    -0.0f,  1e-45f, 1,     -1,    88,     -88,    -103,    -104, -200,
                                 1e5f, -1e10f, 1e19f,  -1e19f, 2e38f, -2e38f, FLT_MAX, -FLT_MAX };
enum { NUMBERS = sizeof numbers / sizeof *numbers, LONGEST = 40 };

static void check_kernels(dim_context *ctx)
{
    const dim__kernels *k = ctx->kernels;
    const float zeros[LONGEST] = { 0 };
    float x[LONGEST], y[LONGEST];
    const char *flags;
    for (int n = 1; n <= LONGEST; n++)
        for (int v = 0; v < NUMBERS; v++) {
            double limit[4] = { INFINITY, INFINITY, 88.5, 88.5 }; /* above which the result is infinite */
            for (int f = 0; f < 4; f++) {
                for (int i = 0; i < n; i++)
                    x[i] = numbers[(v + i) % NUMBERS] > limit[f] ? 1 : numbers[(v + i) % NUMBERS];
                raised();
                switch (f) {
                case 0: k->tanh(y, x, n), k->sigmoid(y, x, n), k->sigmoid_scale(y, x, -0.5f, n); break;
                case 1: k->softplus(y, x, n), (void)k->sum_softplus(x, -1, n), (void)k->sum_softplus(x, 1, n); break;
                case 2: k->exp(y, x, n), k->exp_from(y, x, zeros, n); break;
                case 3: k->exp_shift(y, x, 0, 0.5f, n); break;
                }
                if ((flags = raised()) != NULL)
                    fail_msg("%s, functions %d of %d numbers from %g on:%s", k->name, f, n, (double)numbers[v], flags);
            }
            for (int i = 0; i < n; i++)
                x[i] = numbers[(v + i) % NUMBERS];
            raised();
            float most = k->max(x, n);
            double sum = k->sum_exp(x, most, n);
            if ((flags = raised()) != NULL || !(sum >= 1))
                fail_msg("%s, sum_exp of %d numbers from %g on: %g,%s", k->name, n, (double)numbers[v], sum, flags);
            float high = 1e6f; /* far above all that is there, as padding would not be */
            for (int i = 0; i < n; i++)
                x[i] = high - (float)(i % 7);
            k->exp_shift(y, x, high, 1, n);
            for (int i = 0; i < n; i++)
                x[i] = -high + (float)(i % 7);
            k->exp_shift(y, x, -high + 6, 1, n);
            if ((flags = raised()) != NULL)
                fail_msg("%s, exp_shift of %d large numbers:%s", k->name, n, flags);
        }
}

static void test_kernels(void **state)
{
    (void)state;
    each_level(check_kernels);
}

/* ---- estimators ---- */

enum { MOST_N = 9, MOST_L = 5 };

static uint32_t seed;

static float draw(void) /* U(-1, 1) */
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / (1 << 23) - 1;
}

typedef struct shape {
    int64_t n, l;
} shape;
static const shape shapes[] = { { 2, 1 }, { 3, 1 }, { 5, 3 }, { 9, 5 } };
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* All calls of one kind with scores about `offset`, `spread` apart; with gradients and without. */
static void check_calls(dim_context *ctx, const dim_estimator_options *o, const shape *s, double offset, double spread)
{
    static float scores[MOST_N * MOST_N * MOST_L];
    const char *flags;
    dim_estimator *est;
    dim_estimate e;
    int64_t square[3] = { s->n, s->n, s->l }, pairs[2] = { s->n, s->l };
    DIM_OPTIONS_INIT(&e);
    for (int64_t i = 0; i < s->n * s->n * s->l; i++)
        scores[i] = (float)(offset + spread * (double)draw());
    dim_tensor *u = tensor(ctx, 3, square, scores), *du = tensor(ctx, 3, square, NULL);
    dim_tensor *p = tensor(ctx, 2, pairs, scores), *q = tensor(ctx, 2, pairs, scores + s->n * s->l);
    dim_tensor *dp = tensor(ctx, 2, pairs, NULL), *dq = tensor(ctx, 2, pairs, NULL);
    assert_int_equal(dim_estimator_create(ctx, o, &est), DIM_OK);
    for (int grads = 0; grads < 2; grads++)
        for (int twice = 0; twice < 2; twice++) { /* the second time with MINE's average */
            raised();
            dim_status status = dim_estimator_evaluate_scores(est, u, &e, grads ? du : NULL);
            flags = raised();
            if (status != DIM_E_NUMERIC && (flags != NULL || status != DIM_OK))
                fail_msg("%s, %s, scores (%d, %d, %d) %g +- %g, gradients %d: status %d,%s", ctx->kernels->name,
                         dim_estimator_name(o->kind), (int)s->n, (int)s->n, (int)s->l, offset, spread, grads, (int)status, flags);
            status = dim_estimator_evaluate_pairs(est, p, q, &e, grads ? dp : NULL, grads ? dq : NULL);
            flags = raised();
            if (status != DIM_E_NUMERIC && (flags != NULL || status != DIM_OK))
                fail_msg("%s, %s, pairs (%d, %d) %g +- %g, gradients %d: status %d,%s", ctx->kernels->name,
                         dim_estimator_name(o->kind), (int)s->n, (int)s->l, offset, spread, grads, (int)status, flags);
        }
    dim_tensor *all[] = { u, du, p, q, dp, dq };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dim_tensor_destroy(all[i]);
    dim_estimator_destroy(est);
}

static void check_estimators(dim_context *ctx)
{
    static const double ranges[][2] = { { 0, 1 },   { 5, 10 },    { 0, 60 },     { 1000, 5 },  { -1000, 5 }, { 97, 1 },
                                        { 0, 500 }, { -1e5, 10 }, { 1e5, 1e4 }, { 0, 1e10 }, { 1e20, 1e20 }, { 0, 1.5e38 },
                                        { 0, 3e38 } };
    for (int kind = 0; kind < N_KINDS; kind++)
        for (int variant = 0; variant < 3; variant++) {
            dim_estimator_options o;
            DIM_OPTIONS_INIT(&o);
            o.kind = (dim_estimator_kind)kind;
            if (variant == 1)
                o.clip = 20, o.penalty = 0.04f;
            if (variant == 2)
                o.mine_rate = 1;
            for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
                for (int s = 0; s < SHAPES; s++)
                    check_calls(ctx, &o, &shapes[s], ranges[r][0], ranges[r][1]);
        }
}

static void test_estimators(void **state)
{
    (void)state;
    each_level(check_estimators);
}

/* From features, through products, made as a whole and streamed, with shuffled negatives and mixtures' rows. */
static void check_features(dim_context *ctx)
{
    enum { N = 9, L = 5, D = 7 };
    static float global[N * D], local[N * L * D];
    int64_t of_global[2] = { N, D }, of_local[3] = { N, L, D };
    const char *flags;
    dim_estimate e;
    DIM_OPTIONS_INIT(&e);
    for (int kind = 0; kind < 3 * N_KINDS; kind++) {
        dim_estimator_options o;
        dim_estimator *est;
        DIM_OPTIONS_INIT(&o);
        o.kind = (dim_estimator_kind)(kind / 3);
        o.negatives = kind % 3 == 1 ? DIM_NEGATIVES_SHUFFLE : DIM_NEGATIVES_ALL;
        o.score_memory = kind % 3 == 2 ? 64 : 0;
        assert_int_equal(dim_estimator_create(ctx, &o, &est), DIM_OK);
        for (double size = 0.1; size < 1e6; size *= 30) {
            for (int i = 0; i < N * D; i++)
                global[i] = (float)size * draw();
            for (int i = 0; i < N * L * D; i++)
                local[i] = (float)size * draw();
            dim_tensor *g = tensor(ctx, 2, of_global, global), *l = tensor(ctx, 3, of_local, local);
            dim_tensor *dg = tensor(ctx, 2, of_global, NULL), *dl = tensor(ctx, 3, of_local, NULL);
            raised();
            dim_status status = dim_estimator_evaluate(est, g, l, NULL, &e, dg, dl);
            flags = raised();
            if (status != DIM_E_NUMERIC && (flags != NULL || status != DIM_OK))
                fail_msg("%s, %s, features of size %g: status %d,%s", ctx->kernels->name, dim_estimator_name(o.kind), size,
                         (int)status, flags);
            dim_tensor *all[] = { g, l, dg, dl };
            for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                dim_tensor_destroy(all[i]);
        }
        dim_estimator_destroy(est);
    }
}

static void test_features(void **state)
{
    (void)state;
    each_level(check_features);
}

/* A loss beyond a float: the double says it, and nothing is raised on the way. */
static void test_losses_beyond_floats(void **state)
{
    static const float scores[4] = { 1, 120, 130, 2 };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    int64_t square[2] = { 2, 2 };
    dim_tensor *u = tensor(ctx, 2, square, scores);
    static const dim_estimator_kind kinds[] = { DIM_ESTIMATOR_NWJ, DIM_ESTIMATOR_H2 };
    (void)state;
    for (int i = 0; i < 2; i++) {
        dim_estimator_options o;
        dim_estimator *est;
        dim_estimate e;
        DIM_OPTIONS_INIT(&o);
        DIM_OPTIONS_INIT(&e);
        o.kind = kinds[i];
        assert_int_equal(dim_estimator_create(ctx, &o, &est), DIM_OK);
        raised();
        assert_int_equal(dim_estimator_evaluate_scores(est, u, &e, NULL), DIM_OK);
        assert_null(raised());
        double want = (exp(120) + exp(130)) / 2 * (i == 0 ? exp(-1) : 1);
        assert_true(fabs(e.loss / want - 1) < 1e-12);
        dim_estimator_destroy(est);
    }
    dim_tensor_destroy(u);
    dim_context_destroy(ctx);
}

/* ---- optimizers ---- */

static void check_optimizers(dim_context *ctx)
{
    static const float gradients[] = { 0, 1e-45f, 1e-30f, 1, -1e10f, 1e18f, -3e18f, 1e19f, 0 };
    enum { N = 37 };
    static float w[N], g[N];
    int64_t n = N;
    const char *flags;
    dim_tensor *p = tensor(ctx, 1, &n, w), *d = tensor(ctx, 1, &n, g);
    for (int kind = 0; kind <= 2 * DIM_OPTIMIZER_RMSPROP + 1; kind++) {
        dim_optimizer_options o;
        dim_optimizer *opt;
        DIM_OPTIONS_INIT(&o);
        o.kind = (dim_optimizer_kind)(kind / 2);
        o.lr = o.kind == DIM_OPTIMIZER_SGD ? 1e-20f : 0.01f;
        o.momentum = kind % 2 == 1 ? 0.5f : 0;
        o.weight_decay = kind % 2 == 1 ? 0.1f : 0;
        o.clip_norm = kind % 2 == 1 ? 1e15f : 0;
        assert_int_equal(dim_optimizer_create(ctx, &o, &opt), DIM_OK);
        memset(dim_tensor_data(p), 0, sizeof w);
        for (size_t step = 0; step < sizeof gradients / sizeof *gradients; step++) {
            float *to = dim_tensor_data(d);
            for (int i = 0; i < N; i++)
                to[i] = gradients[step] * (i % 3 == 0 ? 1 : draw());
            raised();
            dim_status status = dim_optimizer_update(opt, 1, &p, (const dim_tensor *[]){ d });
            if ((flags = raised()) != NULL || status != DIM_OK)
                fail_msg("%s, optimizer %d, gradient %g: status %d,%s", ctx->kernels->name, kind, (double)gradients[step],
                         (int)status, flags);
        }
        dim_optimizer_destroy(opt);
    }
    dim_tensor_destroy(p);
    dim_tensor_destroy(d);
}

static void test_optimizers(void **state)
{
    (void)state;
    each_level(check_optimizers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),  cmocka_unit_test(test_estimators),           cmocka_unit_test(test_features),
        cmocka_unit_test(test_optimizers), cmocka_unit_test(test_losses_beyond_floats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
