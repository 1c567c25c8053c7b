/* Optimizers against PyTorch (fixtures/make_optim.py), schedules, clipping, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failing_alloc.h"
#include "optim/optim.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static failing memory;
static dim_context *ctx;

static int setup(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    o.alloc = take;
    o.free = give;
    o.alloc_user = &memory;
    return dim_context_create(&o, &ctx);
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    return memory.live == 0 ? 0 : -1;
}

static dim_tensor *wrap(float *x, int64_t n)
{
    dim_tensor *t = NULL;
    assert_int_equal(dim_tensor_wrap(ctx, DIM_F32, 1, &n, NULL, x, NULL, NULL, &t), DIM_OK);
    return t;
}

/* against PyTorch */

enum { STEPS = 25, PARAMS = 3, TOTAL = 23 };

static double number(FILE *f)
{
    double x = NAN;
    assert_int_equal(fscanf(f, "%lf", &x), 1);
    return x;
}

static void numbers(FILE *f, float *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (float)number(f);
}

static void read_options(FILE *f, dim_optimizer_options *o)
{
    DIM_OPTIONS_INIT(o);
    o->kind = (dim_optimizer_kind)number(f);
    float *plain[] = {&o->lr, &o->beta1, &o->beta2, &o->eps, &o->weight_decay, &o->momentum, &o->alpha};
    for (int i = 0; i < 7; i++)
        numbers(f, plain[i], 1);
    o->nesterov = (uint32_t)number(f);
    numbers(f, &o->clip_norm, 1);
    numbers(f, &o->clip_value, 1);
    o->schedule = (dim_schedule_kind)number(f);
    numbers(f, &o->gamma, 1);
    numbers(f, &o->min_lr, 1);
    o->warmup_steps = (uint64_t)number(f);
    o->total_steps = (uint64_t)number(f);
    for (int i = 0; i < 3; i++)
        o->milestones[i] = (uint64_t)number(f);
}

/* Weights of size one move by up to about one in all; each of 25 steps rounds to 6e-8, in PyTorch and here. */
static void assert_close(const float *got, FILE *f, int which, int step)
{
    for (int i = 0; i < TOTAL; i++) {
        double want = number(f);
        if (!(fabs((double)got[i] - want) <= 1e-6 * (fabs(want) + 1)))
            fail_msg("case %d, step %d, element %d: %.9g, PyTorch has %.9g", which, step, i, (double)got[i], want);
    }
}

static void run_case(FILE *f, int which, const int *sizes, const float *start, float (*grads)[TOTAL])
{
    dim_optimizer_options o;
    dim_optimizer *opt;
    float lrs[STEPS], w[TOTAL], g[TOTAL];
    dim_tensor *p[PARAMS], *d[PARAMS];
    read_options(f, &o);
    numbers(f, lrs, STEPS);
    assert_int_equal(dim_optimizer_create(ctx, &o, &opt), DIM_OK);
    memcpy(w, start, sizeof w);
    for (int i = 0, at = 0; i < PARAMS; at += sizes[i++]) {
        p[i] = wrap(w + at, sizes[i]);
        d[i] = wrap(g + at, sizes[i]);
    }
    for (int step = 0; step < STEPS; step++) {
        float lr = dim_optimizer_lr(opt);
        if (!(fabsf(lr - lrs[step]) <= 2e-7f * lrs[step]))
            fail_msg("case %d, step %d: lr %.9g, PyTorch has %.9g", which, step, (double)lr, (double)lrs[step]);
        memcpy(g, grads[step], sizeof g);
        assert_int_equal(dim_optimizer_update(opt, PARAMS, p, (const dim_tensor *const *)d), DIM_OK);
        assert_memory_equal(g, grads[step], sizeof g);
        if (step < 2 || step == STEPS - 1)
            assert_close(w, f, which, step);
    }
    assert_int_equal(dim_optimizer_steps(opt), STEPS);
    for (int i = 0; i < PARAMS; i++) {
        dim_tensor_destroy(p[i]);
        dim_tensor_destroy(d[i]);
    }
    dim_optimizer_destroy(opt);
}

static void test_against_pytorch(void **state)
{
    static float start[TOTAL], grads[STEPS][TOTAL];
    int sizes[PARAMS];
    (void)state;
    FILE *f = fopen(DIM_TEST_DATA "/optim.txt", "r");
    assert_non_null(f);
    assert_int_equal((int)number(f), STEPS);
    assert_int_equal((int)number(f), PARAMS);
    for (int i = 0; i < PARAMS; i++)
        sizes[i] = (int)number(f);
    numbers(f, start, TOTAL);
    numbers(f, grads[0], STEPS * TOTAL);
    int cases = (int)number(f);
    assert_true(cases >= 18);
    for (int i = 0; i < cases; i++)
        run_case(f, i, sizes, start, grads);
    fclose(f);
}

/* large arrays on threads */

/* Two threads and blocks of clamping must give what one array of one thread gives. */
static void test_division_does_not_matter(void **state)
{
    enum { N = 70001 };
    static float w[2][N], g[N];
    dim_optimizer_options o, checked;
    dim__optim one, many;
    dim_context *single;
    dim_context_options co;
    const int64_t counts[] = {1, 30000, 0, 40000};
    const int64_t all = N;
    (void)state;
    DIM_OPTIONS_INIT(&co);
    co.threads = 1;
    assert_int_equal(dim_context_create(&co, &single), DIM_OK);
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_OPTIMIZER_RMSPROP;
    o.momentum = 0.5f;
    o.lr = 0.01f;
    o.clip_value = 0.7f;
    o.clip_norm = 50;
    for (int i = 0; i < N; i++) {
        w[0][i] = w[1][i] = (float)(i % 13) - 6;
        g[i] = sinf((float)i);
    }
    assert_int_equal(dim__optim_options(ctx, &o, &checked), DIM_OK);
    assert_int_equal(dim__optim_init(&one, single, &checked), DIM_OK);
    assert_int_equal(dim__optim_init(&many, ctx, &checked), DIM_OK);
    assert_int_equal(dim__optim_prepare(&one, 1, &all), DIM_OK);
    assert_int_equal(dim__optim_prepare(&many, 4, counts), DIM_OK);
    one.slots[0].w = w[0];
    one.slots[0].g = g;
    for (int i = 0, at = 0; i < 4; at += (int)counts[i++]) {
        many.slots[i].w = w[1] + at;
        many.slots[i].g = g + at;
    }
    uint64_t allocations = dim_context_allocations(ctx);
    for (int step = 0; step < 3; step++) {
        dim__optim_step(&one);
        dim__optim_step(&many);
    }
    assert_true(dim_context_allocations(ctx) == allocations);
    double norm = 0;
    for (int i = 0; i < N; i++) {
        double c = fmin(fmax((double)g[i], -(double)0.7f), (double)0.7f);
        norm += c * c;
        assert_true(fabsf(w[0][i] - w[1][i]) <= 1e-6f);
        assert_true(w[0][i] != (float)(i % 13) - 6 || g[i] == 0);
    }
    assert_true(fabs(one.grad_norm / sqrt(norm) - 1) < 1e-6);
    assert_true(fabs(many.grad_norm / one.grad_norm - 1) < 1e-6); /* f32 kernels may sum in wider or narrower lanes */
    dim__optim_free(&one);
    dim__optim_free(&many);
    dim_context_destroy(single);
}

static void test_norm_that_is_not_finite(void **state)
{
    dim_optimizer_options o, checked;
    dim__optim opt;
    float w[2] = {1, 2}, g[2] = {1, NAN};
    const int64_t counts[] = {1, 1};
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.clip_norm = 1;
    o.clip_value = 1;
    assert_int_equal(dim__optim_options(ctx, &o, &checked), DIM_OK);
    assert_int_equal(dim__optim_init(&opt, ctx, &checked), DIM_OK);
    assert_int_equal(dim__optim_prepare(&opt, 2, counts), DIM_OK);
    for (int i = 0; i < 2; i++) {
        opt.slots[i].w = &w[i];
        opt.slots[i].g = &g[i];
    }
    dim__optim_step(&opt);
    assert_false(isfinite(opt.grad_norm));
    assert_int_equal(opt.steps, 0);
    assert_true(w[0] == 1 && w[1] == 2 && opt.slots[0].m[0] == 0 && opt.slots[0].v[0] == 0);
    opt.slots[1].g = NULL; /* a parameter without a gradient */
    dim__optim_step(&opt);
    assert_true(opt.grad_norm == 1 && opt.steps == 1 && w[0] < 1 && w[1] == 2);
    dim__optim_free(&opt);
    dim__optim_free(&opt);
}

/* numbers that hardly fit a float */

/* The rules as their papers have them, in double, of one element. */
typedef struct exact {
    double w, m, v;
} exact;

static void exact_step(exact *e, const dim_optimizer_options *o, double g, int t)
{
    double decay = o->weight_decay, b1 = 0.9f, b2 = 0.999f, alpha = 0.99f, eps = 1e-8f, lr = o->lr, mu = o->momentum;
    double d = g + (o->kind == DIM_OPTIMIZER_ADAMW ? 0 : decay * e->w);
    if (o->kind == DIM_OPTIMIZER_ADAM || o->kind == DIM_OPTIMIZER_ADAMW) {
        e->m = b1 * e->m + (1 - b1) * d;
        e->v = b2 * e->v + (1 - b2) * d * d;
        e->w *= o->kind == DIM_OPTIMIZER_ADAMW ? 1 - lr * decay : 1;
        e->w -= lr * (e->m / (1 - pow(b1, t))) / (sqrt(e->v / (1 - pow(b2, t))) + eps);
        return;
    }
    if (o->kind == DIM_OPTIMIZER_RMSPROP) {
        e->v = alpha * e->v + (1 - alpha) * d * d;
        d /= sqrt(e->v) + eps;
    }
    e->m = mu * e->m + d;
    e->w -= lr * (o->nesterov != 0 ? d + mu * e->m : e->m);
}

/* Some steps with enormous gradients, then with small ones: no element may stop, as it did when a square overflowed. */
static void test_enormous_gradients(void **state)
{
    static const dim_optimizer_options cases[] = {
        { .kind = DIM_OPTIMIZER_ADAM, .lr = 0.1f },
        { .kind = DIM_OPTIMIZER_ADAM, .lr = 0.1f, .weight_decay = 0.5f },
        { .kind = DIM_OPTIMIZER_ADAMW, .lr = 0.1f, .weight_decay = 0.5f },
        { .kind = DIM_OPTIMIZER_RMSPROP, .lr = 0.1f },
        { .kind = DIM_OPTIMIZER_RMSPROP, .lr = 0.1f, .momentum = 0.5f },
        { .kind = DIM_OPTIMIZER_SGD, .lr = 1e-20f },
        { .kind = DIM_OPTIMIZER_SGD, .lr = 1e-20f, .momentum = 0.9f, .nesterov = 1 },
    };
    static const float large[] = { 1e18f, 2e19f, -1.5e20f };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        dim_optimizer_options o = cases[c];
        dim_optimizer *opt;
        float w[2] = { 1, 2 }, g[2];
        exact e[2] = { { .w = 1 }, { .w = 2 } };
        dim_tensor *p = wrap(w, 2), *d = wrap(g, 2);
        o.size = sizeof o;
        assert_int_equal(dim_optimizer_create(ctx, &o, &opt), DIM_OK);
        for (int t = 1; t <= 12; t++) {
            g[0] = t <= 3 ? large[t - 1] : 1;
            g[1] = t == 2 ? 3e19f : 1e19f;
            float before[2] = { w[0], w[1] };
            assert_int_equal(dim_optimizer_update(opt, 1, &p, (const dim_tensor *[]){ d }), DIM_OK);
            for (int i = 0; i < 2; i++) {
                exact_step(&e[i], &o, g[i], t);
                if (!(fabs(w[i] - e[i].w) <= 2e-6 * (fabs(e[i].w) + 1)))
                    fail_msg("case %zu, step %d, element %d: %.9g, exactly %.9g", c, t, i, (double)w[i], e[i].w);
            }
            assert_true(w[1] != before[1]);
        }
        dim_tensor_destroy(p);
        dim_tensor_destroy(d);
        dim_optimizer_destroy(opt);
    }
}

/* What cannot be held is refused, and the optimizer goes on as if it had not seen it. */
static void test_what_does_not_fit(void **state)
{
    static const struct {
        dim_optimizer_options o;
        float w, before, g, after;
    } cases[] = {
        { { .kind = DIM_OPTIMIZER_ADAM, .lr = 0.1f }, 1, 1, 3e21f, 1 },
        { { .kind = DIM_OPTIMIZER_ADAMW, .lr = 0.1f }, 1, 1, -3e38f, 1 },
        { { .kind = DIM_OPTIMIZER_ADAM, .lr = 0.1f, .weight_decay = 1 }, 1e30f, 0, 1, 0 }, /* the decay alone */
        { { .kind = DIM_OPTIMIZER_ADAM, .lr = 3e38f }, 1e38f, 0, -1, 0 },
        { { .kind = DIM_OPTIMIZER_RMSPROP, .lr = 0.1f }, 1, 1, 1e21f, 1 },
        { { .kind = DIM_OPTIMIZER_RMSPROP, .lr = 3e38f }, 1, 0, 1, 0 },
        { { .kind = DIM_OPTIMIZER_SGD, .lr = 1e10f }, 1, 1, 1e30f, 1 },
        { { .kind = DIM_OPTIMIZER_SGD, .lr = 1e-38f, .momentum = 0.9f }, 1, 2e38f, 3e38f, 1 },
        { { .kind = DIM_OPTIMIZER_SGD, .lr = 1 }, -3e38f, 1, 3e38f, 1 },
        { { .kind = DIM_OPTIMIZER_SGD, .lr = 1, .clip_value = 1 }, 1, 1, INFINITY, 1 },
        { { .kind = DIM_OPTIMIZER_SGD, .lr = 1, .clip_norm = 1 }, 1, 1, -INFINITY, 1 },
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        dim_optimizer *opt[2];
        float w[2] = { cases[c].w, cases[c].w }, g;
        dim_tensor *d = wrap(&g, 1), *p[2] = { wrap(&w[0], 1), wrap(&w[1], 1) };
        for (int i = 0; i < 2; i++) {
            dim_optimizer_options o = cases[c].o;
            o.size = sizeof o;
            assert_int_equal(dim_optimizer_create(ctx, &o, &opt[i]), DIM_OK);
        }
        for (int step = 0; step < 3; step++) { /* the second is for one of them only */
            g = step == 0 ? cases[c].before : step == 1 ? cases[c].g : cases[c].after;
            for (int i = 0; i < 2 && g != 0; i++) {
                if (step == 1 && i == 1)
                    continue;
                dim_status s = dim_optimizer_update(opt[i], 1, &p[i], (const dim_tensor *[]){ d });
                if (s != (step == 1 ? DIM_E_NUMERIC : DIM_OK))
                    fail_msg("case %zu, step %d: status %d, w %g", c, step, (int)s, (double)w[i]);
                if (step == 1 && isfinite(g))
                    assert_non_null(strstr(dim_context_error(ctx), "would not fit a float; nothing was changed"));
            }
            assert_true(w[0] == w[1]);
            assert_int_equal(dim_optimizer_steps(opt[0]), dim_optimizer_steps(opt[1]));
        }
        for (int i = 0; i < 2; i++) {
            dim_optimizer_destroy(opt[i]);
            dim_tensor_destroy(p[i]);
        }
        dim_tensor_destroy(d);
    }
}

/* The joint norm of gradients is taken in double, and so is the factor, which a float would not hold. */
static void test_norm_of_enormous_gradients(void **state)
{
    enum { N = 5000 };
    static float w[N], g[N];
    dim_optimizer_options o;
    dim_optimizer *opt;
    dim_tensor *p = wrap(w, N), *d = wrap(g, N);
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_OPTIMIZER_SGD;
    o.lr = 1;
    o.clip_norm = 0.5f;
    for (int i = 0; i < N; i++)
        g[i] = i % 2 == 0 ? 3e38f : -1e38f;
    assert_int_equal(dim_optimizer_create(ctx, &o, &opt), DIM_OK);
    assert_int_equal(dim_optimizer_update(opt, 1, &p, (const dim_tensor *[]){ d }), DIM_OK);
    double norm = sqrt(N / 2 * ((double)3e38f * 3e38f + (double)1e38f * 1e38f));
    for (int i = 0; i < N; i++)
        assert_true(fabs(w[i] / (-0.5 * g[i] / norm) - 1) < 1e-6);
    dim_tensor_destroy(p);
    dim_tensor_destroy(d);
    dim_optimizer_destroy(opt);
}

/* errors */

static void test_bad_options(void **state)
{
    static const struct {
        dim_optimizer_options o;
        const char *says;
    } cases[] = {
        {{.kind = (dim_optimizer_kind)4}, "kind"},
        {{.kind = (dim_optimizer_kind)-1}, "kind"},
        {{.lr = -1}, "lr"},
        {{.lr = INFINITY}, "lr"},
        {{.lr = NAN}, "lr"},
        {{.beta1 = 1}, "beta1"},
        {{.beta1 = NAN}, "beta1"},
        {{.beta2 = 1}, "beta2"},
        {{.beta2 = -0.5f}, "beta2"},
        {{.eps = -1}, "eps"},
        {{.weight_decay = -1}, "weight_decay"},
        {{.momentum = 1}, "momentum"},
        {{.alpha = 1.5f}, "alpha"},
        {{.clip_norm = -1}, "clip_norm"},
        {{.clip_value = NAN}, "clip_value"},
        {{.kind = DIM_OPTIMIZER_SGD, .nesterov = 1}, "momentum"},
        {{.nesterov = 2}, "nesterov"},
        {{.schedule = (dim_schedule_kind)3}, "schedule"},
        {{.schedule = DIM_SCHEDULE_COSINE}, "total_steps"},
        {{.schedule = DIM_SCHEDULE_COSINE, .total_steps = 5, .warmup_steps = 6}, "warmup_steps"},
        {{.gamma = -1}, "gamma"},
        {{.min_lr = -1}, "min_lr"},
        {{.schedule = DIM_SCHEDULE_STEP, .milestones = {5, 5}}, "milestones[1]"},
        {{.schedule = DIM_SCHEDULE_STEP, .milestones = {5, 3}}, "milestones[1]"},
        {{.schedule = DIM_SCHEDULE_STEP, .milestones = {5, 0, 7}}, "milestones[2]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dim_optimizer_options o = cases[i].o;
        dim_optimizer *opt = NULL;
        o.size = sizeof o;
        if (dim_optimizer_create(ctx, &o, &opt) != DIM_E_INVALID || opt != NULL)
            fail_msg("case %zu was accepted", i);
        if (strstr(dim_context_error(ctx), cases[i].says) == NULL)
            fail_msg("'%s' is not in '%s'", cases[i].says, dim_context_error(ctx));
    }
    dim_optimizer *opt;
    assert_int_equal(dim_optimizer_create(NULL, NULL, &opt), DIM_E_INVALID);
    assert_int_equal(dim_optimizer_create(ctx, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_optimizer_create(ctx, NULL, &opt), DIM_OK);
    assert_true(dim_optimizer_lr(opt) == 1e-4f);
    dim_optimizer_destroy(opt);
    dim_optimizer_destroy(NULL);
    assert_true(dim_optimizer_lr(NULL) == 0 && dim_optimizer_steps(NULL) == 0);
}

static void test_bad_updates(void **state)
{
    float w[6] = {1, 2, 3, 4, 5, 6}, g[6] = {1, 1, 1, 1, 1, 1}, more[5] = {0};
    const float before[6] = {1, 2, 3, 4, 5, 6};
    int64_t two_three[] = {2, 3}, ints[] = {6};
    dim_optimizer *opt;
    dim_tensor *p6 = wrap(w, 6), *g6 = wrap(g, 6), *p5 = wrap(more, 5), *g5 = wrap(g, 5), *g23, *i6, *strided,
               *end = wrap(w + 5, 1), *one = wrap(g, 1);
    (void)state;
    assert_int_equal(dim_tensor_reshape(g6, 2, two_three, &g23), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, 1, ints, &i6), DIM_OK);
    assert_int_equal(dim_tensor_slice(g6, 0, 0, 3, 2, &strided), DIM_OK);
    assert_int_equal(dim_optimizer_create(ctx, NULL, &opt), DIM_OK);
#define UPDATE(p, d) dim_optimizer_update(opt, 1, (dim_tensor *[]){p}, (const dim_tensor *[]){d})
    assert_int_equal(dim_optimizer_update(NULL, 1, &p6, (const dim_tensor *[]){g6}), DIM_E_INVALID);
    assert_int_equal(dim_optimizer_update(opt, 0, &p6, (const dim_tensor *[]){g6}), DIM_E_INVALID);
    assert_int_equal(dim_optimizer_update(opt, 1, NULL, (const dim_tensor *[]){g6}), DIM_E_INVALID);
    assert_int_equal(dim_optimizer_update(opt, 1, &p6, NULL), DIM_E_INVALID);
    assert_int_equal(UPDATE(NULL, g6), DIM_E_INVALID);
    assert_int_equal(UPDATE(p6, NULL), DIM_E_INVALID);
    assert_int_equal(UPDATE(p6, i6), DIM_E_INVALID);
    assert_int_equal(UPDATE(p6, g5), DIM_E_SHAPE);
    assert_int_equal(UPDATE(p6, g23), DIM_E_SHAPE);
    assert_int_equal(UPDATE(strided, strided), DIM_E_INVALID);
    assert_int_equal(UPDATE(p6, p6), DIM_E_INVALID); /* shared memory */
    assert_int_equal(dim_optimizer_update(opt, 2, (dim_tensor *[]){end, p6}, (const dim_tensor *[]){one, g6}), DIM_E_INVALID);
    assert_non_null(strstr(dim_context_error(ctx), "parameter 1 and parameter 0 share memory"));
    g[4] = INFINITY;
    assert_int_equal(UPDATE(p6, g6), DIM_E_NUMERIC);
    assert_int_equal(dim_optimizer_steps(opt), 0);
    assert_memory_equal(w, before, sizeof w);
    g[4] = 1;
    assert_int_equal(UPDATE(p6, g6), DIM_OK);
    float after = w[0];
    assert_true(fabsf(1 - 1e-4f - after) < 1e-7f); /* Adam's first step has the size of the rate */
    assert_int_equal(UPDATE(p5, g5), DIM_E_SHAPE);
    float v[5] = {0};
    dim_tensor *apart = wrap(v, 5);
    assert_int_equal(dim_optimizer_update(opt, 2, (dim_tensor *[]){p6, apart}, (const dim_tensor *[]){g6, g5}),
                     DIM_E_SHAPE);
    dim_tensor_destroy(apart);
    assert_true(w[0] == after && dim_optimizer_steps(opt) == 1);
    assert_int_equal(UPDATE(p6, g6), DIM_OK);
    dim_tensor *all[] = {p6, g6, p5, g5, g23, i6, strided, end, one};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim_tensor_destroy(all[i]);
    dim_optimizer_destroy(opt);
}

/* A parameter that another tensor shares would get two updates, or one that depends on the order and the threads. */
static void test_overlap(void **state)
{
    float x[12] = {0};
    dim_optimizer *opt;
    dim_tensor *a = wrap(x, 4), *b = wrap(x + 4, 4), *c = wrap(x + 8, 4), *ab = wrap(x + 2, 4), *bc = wrap(x + 7, 4);
    const struct {
        dim_tensor *p[2];
        const dim_tensor *g[2];
        const char *text;
    } cases[] = {
        { { a, a }, { b, c }, "parameter 0 and parameter 1 share memory" },
        { { a, ab }, { c, c }, "parameter 0 and parameter 1 share memory" },
        { { a, b }, { a, c }, "parameter 0 and gradient 0 share memory" },
        { { a, b }, { c, ab }, "parameter 0 and gradient 1 share memory" },
        { { b, c }, { a, bc }, "parameter 0 and gradient 1 share memory" },
        { { a, c }, { bc, b }, "gradient 0 and parameter 1 share memory" },
    };
    (void)state;
    assert_int_equal(dim_optimizer_create(ctx, NULL, &opt), DIM_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(dim_optimizer_update(opt, 2, cases[i].p, cases[i].g), DIM_E_INVALID);
        assert_non_null(strstr(dim_context_error(ctx), cases[i].text));
    }
    assert_int_equal(dim_optimizer_update(opt, 2, (dim_tensor *[]){a, c}, (const dim_tensor *[]){b, b}), DIM_OK);
    dim_tensor *all[] = {a, b, c, ab, bc};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim_tensor_destroy(all[i]);
    dim_optimizer_destroy(opt);
}

static void test_no_memory(void **state)
{
    float w[6] = {0}, g[6] = {1, 1, 1, 1, 1, 1};
    dim_tensor *p = wrap(w, 6), *d = wrap(g, 6);
    dim_status s = DIM_E_NOMEM;
    long live = memory.live;
    (void)state;
    for (long n = 1; s != DIM_OK; n++) {
        dim_optimizer *opt = NULL;
        memory.calls = 0;
        memory.fail_at = n;
        s = dim_optimizer_create(ctx, NULL, &opt);
        if (s == DIM_OK)
            s = dim_optimizer_update(opt, 1, &p, (const dim_tensor *[]){d});
        memory.fail_at = 0;
        assert_true(s == DIM_OK || s == DIM_E_NOMEM);
        assert_true((w[0] == 0) == (s != DIM_OK));
        if (opt != NULL && s != DIM_OK) { /* it goes on when there is memory again */
            assert_int_equal(dim_optimizer_update(opt, 1, &p, (const dim_tensor *[]){d}), DIM_OK);
            memset(w, 0, sizeof w);
        }
        dim_optimizer_destroy(opt);
        assert_int_equal(memory.live, live);
    }
    dim_tensor_destroy(p);
    dim_tensor_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_pytorch),   cmocka_unit_test(test_division_does_not_matter),
        cmocka_unit_test(test_norm_that_is_not_finite), cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_updates),       cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_enormous_gradients), cmocka_unit_test(test_what_does_not_fit),
        cmocka_unit_test(test_norm_of_enormous_gradients),
        cmocka_unit_test(test_overlap),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
