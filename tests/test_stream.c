/* Scores that are streamed in blocks: the same numbers as from the score tensor, in less memory. */
#include "loss_tests.h"

#include <dim/model.h>

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { N_KINDS = DIM_ESTIMATOR_GAN + 1 };

typedef struct problem { /* features, and room for gradients */
    int64_t n, g, l, d;
    float size; /* features are U(-size, size) */
    dim_tensor *global, *local, *dg, *dl;
} problem;

/* The same numbers for the same seed. */
static void fill(dim_tensor *t, uint32_t seed, float size)
{
    float *x = dim_tensor_data(t);
    for (int64_t i = 0; i < dim_tensor_count(t); i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = size * (float)((double)(seed >> 8) / (1 << 23) - 1);
    }
}

static void open_problem(dim_context *ctx, problem *p, uint32_t seed)
{
    const int64_t g[3] = { p->n, p->g, p->d }, l[3] = { p->n, p->l, p->d };
    p->global = tensor(ctx, 3, g, NULL);
    p->local = tensor(ctx, 3, l, NULL);
    p->dg = tensor(ctx, 3, g, NULL);
    p->dl = tensor(ctx, 3, l, NULL);
    fill(p->global, seed, p->size);
    fill(p->local, seed + 1, p->size);
}

static void close_problem(problem *p)
{
    dim_tensor_destroy(p->global);
    dim_tensor_destroy(p->local);
    dim_tensor_destroy(p->dg);
    dim_tensor_destroy(p->dl);
}

static dim_estimator *estimator(dim_context *ctx, int kind, bool change, uint64_t score_memory)
{
    dim_estimator_options o;
    dim_estimator *est = NULL;
    DIM_OPTIONS_INIT(&o);
    o.kind = (dim_estimator_kind)kind;
    o.score_memory = score_memory;
    if (change) {
        o.scale = 1.4f;
        o.penalty = 0.05f;
        o.clip = 2;
    }
    assert_int_equal(dim_estimator_create(ctx, &o, &est), DIM_OK);
    return est;
}

static dim_estimate evaluate(dim_context *ctx, dim_estimator *est, const problem *p)
{
    dim_estimate e;
    DIM_OPTIONS_INIT(&e);
    dim_status status = dim_estimator_evaluate(est, p->global, p->local, NULL, &e, p->dg, p->dl);
    if (status != DIM_OK)
        print_error("%s\n", dim_context_error(ctx));
    assert_int_equal(status, DIM_OK);
    return e;
}

/* Elements agree within tol of the largest. */
static void compare(const char *what, const dim_tensor *got, const dim_tensor *want, double tol)
{
    const float *a = dim_tensor_const_data(got), *b = dim_tensor_const_data(want);
    double most = FLT_MIN;
    for (int64_t i = 0; i < dim_tensor_count(want); i++)
        most = fmax(most, fabs((double)b[i]));
    for (int64_t i = 0; i < dim_tensor_count(want); i++)
        if (!(fabs((double)a[i] - b[i]) <= tol * most))
            fail_msg("%s[%d]: %.9g, not %.9g (largest %g)", what, (int)i, (double)a[i], (double)b[i], most);
}

static void compare_numbers(const char *what, dim_estimate got, dim_estimate want, double tol)
{
    const double a[4] = { got.loss, got.value, got.positive_mean, got.negative_mean };
    const double b[4] = { want.loss, want.value, want.positive_mean, want.negative_mean };
    for (int i = 0; i < 4; i++)
        if (!(fabs(a[i] - b[i]) <= tol * (1 + fabs(b[i]))))
            fail_msg("%s, number %d: %.12g, not %.12g", what, i, a[i], b[i]);
}

/* Scores are sums of d products, which blocks may add in another order: up to 1e-7 of scores below 5, and through an
 * exponential 5e-7 of a gradient; the gradients' own sums over tiles add some 1e-7 more.  Three batches, for MINE. */
static void streamed_case(dim_context *ctx, int kind, bool change, problem p, uint64_t score_memory)
{
    problem q = p;
    char what[96];
    dim_estimator *whole = estimator(ctx, kind, change, INT64_MAX);
    dim_estimator *streamed = estimator(ctx, kind, change, score_memory);
    for (uint32_t batch = 0; batch < (kind == DIM_ESTIMATOR_MINE ? 3 : 1); batch++) {
        snprintf(what, sizeof what, "%s, %d %d %d %d%s, %d bytes", dim_estimator_name((dim_estimator_kind)kind),
                 (int)p.n, (int)p.g, (int)p.l, (int)p.d, change ? " changed" : "", (int)score_memory);
        open_problem(ctx, &p, 10 * batch);
        open_problem(ctx, &q, 10 * batch);
        dim_estimate want = evaluate(ctx, whole, &p), got = evaluate(ctx, streamed, &q);
        compare_numbers(what, got, want, 1e-7);
        compare(what, q.dg, p.dg, 2e-6);
        compare(what, q.dl, p.dl, 2e-6);
        close_problem(&p);
        close_problem(&q);
    }
    dim_estimator_destroy(whole);
    dim_estimator_destroy(streamed);
}

static void test_equals_whole(void **state)
{
    static const problem problems[] = {
        { .n = 2, .g = 1, .l = 1, .d = 1, .size = 1 },   { .n = 7, .g = 1, .l = 1, .d = 5, .size = 1 },
        { .n = 5, .g = 3, .l = 4, .d = 6, .size = 1 },   { .n = 23, .g = 1, .l = 9, .d = 8, .size = 1 },
        { .n = 9, .g = 2, .l = 260, .d = 3, .size = 1 }, /* rows of more than one part */
    };
    /* a row at a time, and tiles a row high; odd blocks; all but some rows; tiles that begin in the midst of a sample */
    static const uint64_t limits[] = { 1, 1000, 4999, 19000 };
    (void)state;
    for (uint32_t threads = 1; threads < 4; threads += 2) {
        dim_context *ctx = context(threads, DIM_CPU_AUTO);
        for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
            for (size_t k = 0; k < sizeof limits / sizeof *limits; k++)
                for (int kind = 0; kind < 2 * N_KINDS; kind++)
                    streamed_case(ctx, kind / 2, kind % 2 != 0, problems[i], limits[k]);
        dim_context_destroy(ctx);
        assert_int_equal(live, 0);
    }
}

/* The same bits from call to call and from context to context with as many threads. */
static void test_deterministic(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads < 4; threads++) {
        problem first = { .n = 64, .g = 1, .l = 16, .d = 32, .size = 0.5f }, again = first;
        dim_context *one = context(threads, DIM_CPU_AUTO), *two = context(threads, DIM_CPU_AUTO);
        open_problem(one, &first, 3);
        open_problem(two, &again, 3);
        dim_estimator *a = estimator(one, DIM_ESTIMATOR_INFONCE, true, 30000);
        dim_estimator *b = estimator(two, DIM_ESTIMATOR_INFONCE, true, 30000);
        dim_estimate x = evaluate(one, a, &first);
        for (int i = 0; i < 2; i++) {
            dim_estimate y = evaluate(two, b, &again);
            assert_memory_equal(&x, &y, sizeof x);
            assert_memory_equal(dim_tensor_data(first.dg), dim_tensor_data(again.dg), 64 * 32 * 4);
            assert_memory_equal(dim_tensor_data(first.dl), dim_tensor_data(again.dl), 64 * 16 * 32 * 4);
        }
        close_problem(&first);
        close_problem(&again);
        dim_estimator_destroy(a);
        dim_estimator_destroy(b);
        dim_context_destroy(one);
        dim_context_destroy(two);
    }
}

enum { LARGE_N = 6, LARGE_L = 3, LARGE = LARGE_N * LARGE_L };

/* InfoNCE of the scores y x and its derivatives, in long double, straight from the definition. */
static long double infonce(const float *y, const float *x, long double clip, long double *dy, long double *dx)
{
    long double loss = 0;
    memset(dy, 0, LARGE_N * sizeof *dy);
    memset(dx, 0, LARGE * sizeof *dx);
    for (int i = 0; i < LARGE_N; i++)
        for (int own = i * LARGE_L; own < (i + 1) * LARGE_L; own++) {
            long double s[LARGE], slope[LARGE], sum = 0;
            for (int k = 0; k < LARGE; k++) {
                long double t = clip > 0 ? tanhl((long double)y[i] * x[k] / clip) : 0;
                s[k] = clip > 0 ? clip * t : (long double)y[i] * x[k];
                slope[k] = 1 - t * t;
                sum += k / LARGE_L != i || k == own ? expl(s[k]) : 0;
            }
            loss += (logl(sum) - s[own]) / LARGE;
            for (int k = 0; k < LARGE; k++) {
                if (k / LARGE_L == i && k != own)
                    continue;
                long double ds = (expl(s[k]) / sum - (k == own)) * slope[k] / LARGE;
                dy[i] += ds * x[k];
                dx[k] += ds * y[i];
            }
        }
    return loss;
}

static void compare_exact(int variant, const char *what, const dim_tensor *got, const long double *want, double tol)
{
    const float *x = dim_tensor_const_data(got);
    double most = 0;
    for (int64_t i = 0; i < dim_tensor_count(got); i++)
        most = fmax(most, fabs((double)want[i]));
    for (int64_t i = 0; i < dim_tensor_count(got); i++)
        if (!(fabs(x[i] - (double)want[i]) <= tol * most))
            fail_msg("variant %d, %s[%d]: %.9g, not %.9g (largest %g)", variant, what, (int)i, (double)x[i],
                     (double)want[i], most);
}

/* Integer features make scores without rounding, up to 100 in size: the gradients are exact to the rounding of their
 * terms, although float32 has steps of 8e-6 there.  With a clip scores end at 20, where they are rounded by 1e-6, and so
 * are the logarithms of the gradients. */
static void test_large_scores(void **state)
{
    static const float sizes[] = { -10, -5, -1, 0, 1, 4, 10 };
    static const int64_t gdim[2] = { LARGE_N, 1 }, ldim[3] = { LARGE_N, LARGE_L, 1 };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    float y[LARGE_N], x[LARGE];
    (void)state;
    for (int i = 0; i < LARGE; i++)
        x[i] = sizes[(i * 5 + i / 7) % 7];
    for (int i = 0; i < LARGE_N; i++)
        y[i] = i % 2 ? 10 : -10;
    for (int variant = 0; variant < 4; variant++) {
        dim_estimator_options o;
        dim_estimator *est;
        dim_estimate e;
        long double dy[LARGE_N], dx[LARGE];
        DIM_OPTIONS_INIT(&o);
        DIM_OPTIONS_INIT(&e);
        o.kind = DIM_ESTIMATOR_INFONCE;
        o.clip = variant & 1 ? 20 : 0;
        o.score_memory = variant & 2 ? 1 : 0;
        double loss = (double)infonce(y, x, o.clip, dy, dx);
        dim_tensor *global = tensor(ctx, 2, gdim, y), *local = tensor(ctx, 3, ldim, x);
        dim_tensor *dg = tensor(ctx, 2, gdim, NULL), *dl = tensor(ctx, 3, ldim, NULL);
        assert_int_equal(dim_estimator_create(ctx, &o, &est), DIM_OK);
        assert_int_equal(dim_estimator_evaluate(est, global, local, NULL, &e, dg, dl), DIM_OK);
        if (!(fabs(e.loss - loss) <= 2e-7 * loss))
            fail_msg("variant %d: %.12g, not %.12g", variant, e.loss, loss);
        compare_exact(variant, "global", dg, dy, o.clip > 0 ? 4e-6 : 2e-7);
        compare_exact(variant, "local", dl, dx, o.clip > 0 ? 4e-6 : 2e-7);
        dim_estimator_destroy(est);
        dim_tensor_destroy(global);
        dim_tensor_destroy(local);
        dim_tensor_destroy(dg);
        dim_tensor_destroy(dl);
    }
    dim_context_destroy(ctx);
}

/* Bytes that an estimator holds after one evaluation with both gradients. */
static size_t memory_of(dim_context *ctx, const problem *p, uint64_t score_memory)
{
    dim_estimator *est = estimator(ctx, DIM_ESTIMATOR_INFONCE, true, score_memory);
    size_t before = dim_context_memory(ctx);
    evaluate(ctx, est, p);
    size_t held = dim_context_memory(ctx) - before;
    uint64_t allocations = dim_context_allocations(ctx);
    evaluate(ctx, est, p);
    assert_int_equal(dim_context_allocations(ctx), allocations);
    dim_estimator_destroy(est);
    return held;
}

static void test_memory(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    problem p = { .n = 256, .g = 1, .l = 16, .d = 8, .size = 1 }; /* features 136 KB, scores 4 MB */
    (void)state;
    open_problem(ctx, &p, 1);
    size_t features = 256 * 17 * 8 * 4, scores = 256 * 256 * 16 * 4, limit = 1 << 17;
    assert_true(memory_of(ctx, &p, 0) > scores);
    assert_true(memory_of(ctx, &p, scores) > scores); /* it just fits */
    size_t held = memory_of(ctx, &p, limit);
    if (held > 2 * features + limit + (1 << 16))
        fail_msg("%zu bytes held", held);
    close_problem(&p);

    /* without a limit: whole up to 64 MB */
    p = (problem){ .n = 700, .g = 1, .l = 36, .d = 2, .size = 1 };
    open_problem(ctx, &p, 1);
    scores = (size_t)700 * 700 * 36 * 4; /* 67 MB */
    held = memory_of(ctx, &p, 0);
    if (held > scores / 2)
        fail_msg("%zu bytes held for %zu of scores", held, scores);
    close_problem(&p);
    dim_context_destroy(ctx);
    assert_int_equal(live, 0);
}

static void test_no_memory(void **state)
{
    dim_context *ctx = context(2, DIM_CPU_AUTO);
    problem p = { .n = 5, .g = 2, .l = 3, .d = 4, .size = 1 };
    dim_status status = DIM_E_NOMEM;
    (void)state;
    open_problem(ctx, &p, 1);
    const long before = live;
    for (long allow = 0; status != DIM_OK; allow++) {
        dim_estimator *est = NULL;
        dim_estimator_options o;
        DIM_OPTIONS_INIT(&o);
        o.kind = DIM_ESTIMATOR_MINE;
        o.clip = 3;
        o.score_memory = 1;
        alloc_left = allow;
        status = dim_estimator_create(ctx, &o, &est);
        if (status == DIM_OK)
            status = dim_estimator_evaluate(est, p.global, p.local, NULL, NULL, p.dg, NULL);
        alloc_left = -1;
        if (status != DIM_OK)
            assert_int_equal(status, DIM_E_NOMEM);
        if (est != NULL)
            assert_int_equal(dim_estimator_evaluate(est, p.global, p.local, NULL, NULL, p.dg, p.dl), DIM_OK);
        dim_estimator_destroy(est);
        assert_int_equal(live, before);
        assert_true(allow < 1000);
    }
    close_problem(&p);
    dim_context_destroy(ctx);
}

/* Numbers that no float holds are refused as from a score tensor. */
static void test_not_finite(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    problem p = { .n = 4, .g = 1, .l = 2, .d = 3, .size = 1 };
    static const float zeros[24];
    dim_estimate e;
    (void)state;
    open_problem(ctx, &p, 1);
    DIM_OPTIONS_INIT(&e);
    e.loss = 42;
    ((float *)dim_tensor_data(p.global))[3] = ((float *)dim_tensor_data(p.local))[6] = 3e38f;
    dim_estimator *est = estimator(ctx, DIM_ESTIMATOR_INFONCE, false, 1);
    expect(ctx, dim_estimator_evaluate(est, p.global, p.local, NULL, &e, p.dg, p.dl), DIM_E_NUMERIC, "loss");
    assert_true(e.loss == 42);
    assert_memory_equal(dim_tensor_data(p.dl), zeros, sizeof zeros);
    dim_estimator_destroy(est);
    close_problem(&p);
    dim_context_destroy(ctx);
}

/* ---- models ---- */

enum { BATCH = 18, FEATURES = 12 };

static dim_model *model_of(dim_context *ctx, dim_critic critic, dim_negatives negatives, uint64_t score_memory)
{
    dim_encoder_options eo;
    dim_estimator_options so;
    dim_term_options to;
    dim_encoder *enc;
    dim_estimator *est;
    dim_model *model;
    DIM_OPTIONS_INIT(&eo);
    eo.kind = DIM_ENCODER_MLP;
    eo.channels = FEATURES;
    eo.hidden[0] = 16;
    eo.units = 16;
    assert_int_equal(dim_encoder_create(ctx, &eo, &enc), DIM_OK);
    assert_int_equal(dim_model_create(enc, NULL, &model), DIM_OK);
    DIM_OPTIONS_INIT(&so);
    so.kind = DIM_ESTIMATOR_INFONCE;
    so.negatives = negatives;
    so.scale = 0.25f;
    so.penalty = 0.05f;
    so.clip = 5;
    so.score_memory = score_memory;
    assert_int_equal(dim_estimator_create(ctx, &so, &est), DIM_OK);
    DIM_OPTIONS_INIT(&to);
    to.name = "mi";
    to.x = "fc";
    to.critic = critic;
    to.units = 24;
    to.estimator = est;
    assert_int_equal(dim_model_add_term(model, &to), DIM_OK);
    dim_estimator_destroy(est);
    dim_encoder_destroy(enc);
    return model;
}

/* Adam's first steps have the size of the rate however small a gradient is, so that rounding may turn one of nearly
 * nothing around: reports are compared, which three such weights do not move. */
static void test_models(void **state)
{
    static const dim_critic critics[] = { DIM_CRITIC_DOT, DIM_CRITIC_PLAIN_DOT, DIM_CRITIC_BILINEAR,
                                          DIM_CRITIC_CONCAT };
    static const char *const reports[] = { "loss", "mi", "mi.value", "mi.pos", "mi.neg" };
    static const int64_t dim[2] = { BATCH, FEATURES };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof critics / sizeof *critics; i++) {
        dim_context *ctx = context(2, DIM_CPU_AUTO);
        dim_negatives negatives = i % 2 ? DIM_NEGATIVES_SHUFFLE : DIM_NEGATIVES_ALL;
        dim_model *whole = model_of(ctx, critics[i / 2], negatives, 0);
        dim_model *streamed = model_of(ctx, critics[i / 2], negatives, 200);
        dim_tensor *x = tensor(ctx, 2, dim, NULL);
        for (uint32_t step = 0; step < 3; step++) {
            fill(x, step, 2);
            for (int training = 0; training < 2; training++) {
                dim_status (*run)(dim_model *, const dim_tensor *) = training ? dim_model_step : dim_model_evaluate;
                assert_int_equal(run(whole, x), DIM_OK);
                assert_int_equal(run(streamed, x), DIM_OK);
                for (size_t k = 0; k < sizeof reports / sizeof *reports; k++) {
                    double want, got;
                    assert_int_equal(dim_model_report(whole, reports[k], &want), DIM_OK);
                    assert_int_equal(dim_model_report(streamed, reports[k], &got), DIM_OK);
                    if (!(fabs(got - want) <= 2e-6 * (1 + fabs(want))))
                        fail_msg("critic %d, step %u, %s: %.9g, not %.9g", (int)critics[i / 2], step, reports[k], got,
                                 want);
                }
            }
        }
        dim_tensor_destroy(x);
        dim_model_destroy(whole);
        dim_model_destroy(streamed);
        dim_context_destroy(ctx);
        assert_int_equal(live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_whole), cmocka_unit_test(test_deterministic), cmocka_unit_test(test_large_scores),
        cmocka_unit_test(test_memory),       cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
