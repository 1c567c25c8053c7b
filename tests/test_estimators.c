/* Losses on features and scores of the caller's, against PyTorch's autograd in double (fixtures/make_estimators.py),
 * and against what must not be: bad inputs, lack of memory, changed outputs after a failure. */
#include "loss_tests.h"
#include "records.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { N_KINDS = DIM_ESTIMATOR_GAN + 1 };

/* ---- fixtures ---- */

static records fixtures;

static const void *find(const char *name, record *r) { return records_find(&fixtures, name, r); }

static int load(void **state)
{
    (void)state;
    return records_load(DIM_TEST_DATA "/estimators.bin", &fixtures);
}

static int unload(void **state)
{
    (void)state;
    records_free(&fixtures);
    return 0;
}

static dim_tensor *fixture(dim_context *ctx, const char *scenario, const char *what, bool drop_ones)
{
    char name[64];
    record r;
    snprintf(name, sizeof name, "%s/%s", scenario, what);
    const float *data = find(name, &r);
    if (data == NULL)
        return NULL;
    int64_t dim[4] = { r.dim[0], r.dim[1], r.dim[2], r.dim[3] };
    int rank = r.rank;
    if (drop_ones && rank == 3 && dim[1] == 1) { /* (N, 1, d) may come as (N, d) */
        dim[1] = dim[2];
        rank = 2;
    }
    return tensor(ctx, rank, dim, data);
}

/* ---- comparison ---- */

/* Scores are sums of few products of f32 numbers, each rounded to 6e-8 of their size, and exponentials turn absolute
 * into relative errors: 2e-6 of the largest element of a gradient covers |u| up to 10; scores given as such are exact,
 * and the kernels' exp and sigmoid good to 3e-7.  Sums of losses are made in double. */
static const double TOL_FEATURES = 2e-6, TOL_SCORES = 5e-7;

static bool representable(const char *scenario, const char *kind, const char *what)
{
    char name[64];
    record r;
    snprintf(name, sizeof name, "%s/%s/d%s", scenario, kind, what);
    const float *g = find(name, &r);
    assert_non_null(g);
    for (int64_t i = 0; i < record_count(&r); i++)
        if (!isfinite(g[i]))
            return false;
    return true;
}

static void check_numbers(const char *scenario, const char *kind, const dim_estimate *e, double tol)
{
    char name[64];
    record r;
    snprintf(name, sizeof name, "%s/%s/numbers", scenario, kind);
    const double *want = find(name, &r);
    assert_non_null(want);
    const double got[4] = { e->loss, e->value, e->positive_mean, e->negative_mean };
    for (int i = 0; i < 4; i++) {
        if (!(fabs(got[i] - want[i]) <= tol * (1 + fabs(want[i]))))
            print_error("%s number %d: %.9g, not %.9g\n", name, i, got[i], want[i]);
        assert_true(fabs(got[i] - want[i]) <= tol * (1 + fabs(want[i])));
    }
}

static void check_gradient(dim_context *ctx, const char *scenario, const char *kind, const char *what,
                           const dim_tensor *grad, double tol)
{
    char name[64];
    record r;
    snprintf(name, sizeof name, "%s/%s/d%s", scenario, kind, what);
    const float *want = find(name, &r);
    assert_non_null(want);
    int64_t dim[4], n = dim_tensor_count(grad);
    for (int i = 0; i < dim_tensor_rank(grad); i++)
        dim[i] = dim_tensor_size(grad, i);
    dim_tensor *copy = tensor(ctx, dim_tensor_rank(grad), dim, NULL);
    assert_int_equal(dim_tensor_copy(copy, grad), DIM_OK);
    const float *got = dim_tensor_const_data(copy);
    double largest = FLT_MIN / tol; /* below FLT_MIN numbers lose digits */
    for (int64_t i = 0; i < n; i++)
        if (fabs((double)want[i]) > largest) /* fmax() here is an internal error of GCC 12 for aarch64 */
            largest = fabs((double)want[i]);
    for (int64_t i = 0; i < n; i++) {
        if (!(fabs((double)got[i] - want[i]) <= tol * largest))
            print_error("%s [%d]: %.9g, not %.9g (largest %g)\n", name, (int)i, (double)got[i], (double)want[i],
                        largest);
        assert_true(fabs((double)got[i] - want[i]) <= tol * largest);
    }
    dim_tensor_destroy(copy);
}

static float number(const char *scenario, const char *what)
{
    char name[64];
    record r;
    snprintf(name, sizeof name, "%s/%s", scenario, what);
    const float *x = find(name, &r);
    return x == NULL ? 0 : *x;
}

/* With the scenario's penalty and clip. */
static dim_estimator *estimator_for(dim_context *ctx, const char *scenario, int kind, dim_negatives negatives,
                                    float scale, uint64_t score_memory)
{
    dim_estimator_options o;
    dim_estimator *est = NULL;
    DIM_OPTIONS_INIT(&o);
    o.kind = (dim_estimator_kind)kind;
    o.negatives = negatives;
    o.scale = scale;
    o.penalty = number(scenario, "penalty");
    o.clip = number(scenario, "clip");
    o.score_memory = score_memory;
    assert_int_equal(dim_estimator_create(ctx, &o, &est), DIM_OK);
    return est;
}

static dim_estimator *estimator(dim_context *ctx, int kind, dim_negatives negatives, float scale)
{
    return estimator_for(ctx, "", kind, negatives, scale, 0);
}

/* ---- against PyTorch ---- */

static void features_case(dim_context *ctx, const char *scenario, int kind, bool strided, uint64_t score_memory)
{
    char name[64];
    record r;
    dim_estimate e;
    const char *kind_name = dim_estimator_name((dim_estimator_kind)kind);
    snprintf(name, sizeof name, "%s/%s/numbers", scenario, kind_name);
    if (find(name, &r) == NULL)
        return;
    DIM_OPTIONS_INIT(&e);
    dim_tensor *global = fixture(ctx, scenario, "global", !strided), *local = fixture(ctx, scenario, "local", !strided);
    dim_tensor *dg = fixture(ctx, scenario, "global", !strided), *dl = fixture(ctx, scenario, "local", !strided);
    dim_tensor *permutation = NULL;
    float scale = number(scenario, "scale");
    snprintf(name, sizeof name, "%s/partner", scenario);
    const void *partner = find(name, &r);
    if (partner != NULL) {
        assert_int_equal(dim_tensor_create(ctx, DIM_I32, 1, r.dim, &permutation), DIM_OK);
        memcpy(dim_tensor_data(permutation), partner, (size_t)r.dim[0] * 4);
        if (strided) { /* as i64 */
            dim_tensor *wide;
            assert_int_equal(dim_tensor_create(ctx, DIM_I64, 1, r.dim, &wide), DIM_OK);
            assert_int_equal(dim_tensor_copy(wide, permutation), DIM_OK);
            dim_tensor_destroy(permutation);
            permutation = wide;
        }
    }
    if (strided) {
        dim_tensor *all[4] = { global, local, dg, dl };
        global = reversed(ctx, global);
        local = reversed(ctx, local);
        dg = reversed(ctx, dg);
        dl = reversed(ctx, dl);
        for (int i = 0; i < 4; i++)
            dim_tensor_destroy(all[i]);
    }
    dim_negatives negatives = partner != NULL ? DIM_NEGATIVES_SHUFFLE : DIM_NEGATIVES_ALL;
    dim_estimator *est = estimator_for(ctx, scenario, kind, negatives, scale, score_memory);
    /* every choice of outputs, then all again from the compiled programs */
    for (int round = 0; round < 5; round++) {
        int wanted = round < 4 ? round : 3;
        DIM_OPTIONS_INIT(&e);
        dim_status status = dim_estimator_evaluate(est, global, local, permutation, &e, wanted & 1 ? dg : NULL,
                                                   wanted & 2 ? dl : NULL);
        if (status != DIM_OK)
            print_error("%s/%s: %s\n", scenario, kind_name, dim_context_error(ctx));
        assert_int_equal(status, DIM_OK);
        if (kind == DIM_ESTIMATOR_MINE && round > 0)
            continue; /* its average has moved; the sequence test is about that */
        check_numbers(scenario, kind_name, &e, TOL_FEATURES);
    }
    check_gradient(ctx, scenario, kind_name, "global", dg, TOL_FEATURES);
    check_gradient(ctx, scenario, kind_name, "local", dl, TOL_FEATURES);
    dim_estimator_destroy(est);
    dim_tensor_destroy(global);
    dim_tensor_destroy(local);
    dim_tensor_destroy(dg);
    dim_tensor_destroy(dl);
    dim_tensor_destroy(permutation);
}

static void test_features(void **state)
{
    static const char *const scenarios[] = { "all/2-1-1-3", "all/5-1-1-4", "all/3-2-4-5", "all/4-3-16-6",
                                             "all/70-1-9-4", "shuffle/2-1-1-3", "shuffle/6-1-16-4", "shuffle/4-3-5-6",
                                             "changed/3-2-4-5", "changed/6-1-9-8", "changed/5-1-1-4",
                                             "changed/shuffle-4-3-5-6" };
    /* 0: the score tensor as a whole, which is small; else streamed: a row at a time, in uneven blocks */
    static const uint64_t score_memory[5] = { 0, 0, 0, 1, 200 };
    (void)state;
    for (int variant = 0; variant < 5; variant++) {
        dim_context *ctx = context(variant % 3 == 1 ? 3 : 1, variant == 2 ? DIM_CPU_REFERENCE : DIM_CPU_AUTO);
        for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
            for (int kind = 0; kind < N_KINDS; kind++)
                features_case(ctx, scenarios[i], kind, variant == 1, score_memory[variant]);
        dim_context_destroy(ctx);
        assert_int_equal(live, 0);
    }
}

/* Of scores that are clipped: tanh is good to 6e-8, which counts times the clip; its gradient 1 - tanh^2 to 6e-8
 * absolutely, which for a score of five clips is 3.3e-4 of it. */
static double tolerance_of_numbers(const char *scenario) { return TOL_SCORES + 2e-7 * number(scenario, "clip"); }

static double tolerance_of_gradient(const char *scenario)
{
    float clip = number(scenario, "clip");
    return clip == 0 ? TOL_SCORES : clip < 20 ? 4e-6 : 4e-4;
}

static void scores_case(dim_context *ctx, const char *scenario, int kind)
{
    const char *kind_name = dim_estimator_name((dim_estimator_kind)kind);
    dim_estimate e;
    dim_tensor *full = fixture(ctx, scenario, "scores", false), *scores = full;
    dim_estimator *est = estimator_for(ctx, scenario, kind, DIM_NEGATIVES_ALL, 3, 0); /* scale is for features only */
    bool fits = representable(scenario, kind_name, "scores");
    int64_t n = dim_tensor_size(full, 0), g = dim_tensor_size(full, 1), l = dim_tensor_size(full, 3);
    if (g == 1) { /* (N, N, L), or (N, N) */
        const int64_t dim[3] = { n, n, l };
        scores = tensor(ctx, l == 1 ? 2 : 3, dim, dim_tensor_const_data(full));
        dim_tensor_destroy(full);
    }
    dim_tensor *grad = reversed(ctx, scores);
    DIM_OPTIONS_INIT(&e);
    assert_int_equal(dim_estimator_evaluate_scores(est, scores, &e, NULL), DIM_OK);
    check_numbers(scenario, kind_name, &e, tolerance_of_numbers(scenario));
    dim_status status = dim_estimator_evaluate_scores(est, scores, &e, grad);
    assert_int_equal(status, fits ? DIM_OK : DIM_E_NUMERIC);
    if (fits) {
        check_gradient(ctx, scenario, kind_name, "scores", grad, tolerance_of_gradient(scenario));
    } else { /* refused, and the tensor for the gradient still holds what it held */
        dim_tensor *before = reversed(ctx, scores);
        assert_memory_equal(dim_tensor_const_data(grad), dim_tensor_const_data(before),
                            (size_t)dim_tensor_count(grad) * sizeof(float));
        assert_non_null(strstr(dim_context_error(ctx), kind_name));
        dim_tensor_destroy(before);
    }
    dim_tensor_destroy(grad);
    dim_tensor_destroy(scores);
    dim_estimator_destroy(est);
}

static void test_scores(void **state)
{
    static const char *const scenarios[] = { "scores/2-1-1", "scores/3-1-4", "scores/4-3-16", "scores/extreme",
                                             "scores/all-wrong", "scores/all-right", "changed/scores-3-2-5",
                                             "changed/scores-extreme", "changed/scores-all-wrong" };
    (void)state;
    for (int variant = 0; variant < 3; variant++) {
        dim_context *ctx = context(variant == 1 ? 2 : 1, variant == 2 ? DIM_CPU_REFERENCE : DIM_CPU_AUTO);
        for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
            for (int kind = 0; kind < N_KINDS; kind++)
                scores_case(ctx, scenarios[i], kind);
        dim_context_destroy(ctx);
    }
}

static void pairs_case(dim_context *ctx, const char *scenario, int kind)
{
    const char *kind_name = dim_estimator_name((dim_estimator_kind)kind);
    dim_estimate e;
    dim_tensor *pos = fixture(ctx, scenario, "positive", false), *neg = fixture(ctx, scenario, "negative", false);
    dim_tensor *dpos = reversed(ctx, pos), *dneg = reversed(ctx, neg);
    dim_negatives negatives = kind % 2 ? DIM_NEGATIVES_ALL : DIM_NEGATIVES_SHUFFLE;
    dim_estimator *est = estimator_for(ctx, scenario, kind, negatives, 3, 0);
    bool fits = representable(scenario, kind_name, "positive") && representable(scenario, kind_name, "negative");
    DIM_OPTIONS_INIT(&e);
    assert_int_equal(dim_estimator_evaluate_pairs(est, pos, neg, &e, NULL, NULL), DIM_OK);
    check_numbers(scenario, kind_name, &e, tolerance_of_numbers(scenario));
    assert_int_equal(dim_estimator_evaluate_pairs(est, pos, neg, NULL, dpos, dneg), fits ? DIM_OK : DIM_E_NUMERIC);
    if (fits) {
        check_gradient(ctx, scenario, kind_name, "positive", dpos, tolerance_of_gradient(scenario));
        check_gradient(ctx, scenario, kind_name, "negative", dneg, tolerance_of_gradient(scenario));
        if (kind != DIM_ESTIMATOR_MINE) { /* one at a time gives the same */
            assert_int_equal(dim_estimator_evaluate_pairs(est, pos, neg, NULL, NULL, dneg), DIM_OK);
            assert_int_equal(dim_estimator_evaluate_pairs(est, pos, neg, NULL, dpos, NULL), DIM_OK);
            check_gradient(ctx, scenario, kind_name, "positive", dpos, tolerance_of_gradient(scenario));
            check_gradient(ctx, scenario, kind_name, "negative", dneg, tolerance_of_gradient(scenario));
        }
    }
    dim_tensor_destroy(pos);
    dim_tensor_destroy(neg);
    dim_tensor_destroy(dpos);
    dim_tensor_destroy(dneg);
    dim_estimator_destroy(est);
}

static void test_pairs(void **state)
{
    static const char *const scenarios[] = { "pairs/5-1-3", "pairs/4-3-2", "pairs/1-1-1", "pairs/6-1-1",
                                             "pairs/extreme", "changed/pairs-4-3-2" };
    dim_context *ctx = context(2, DIM_CPU_AUTO);
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        for (int kind = 0; kind < N_KINDS; kind++)
            pairs_case(ctx, scenarios[i], kind);
    /* (N) and (N) */
    static const float up[2] = { 1, 2 }, un[2] = { -1, 3 };
    static const int64_t two = 2;
    dim_tensor *pos = tensor(ctx, 1, &two, up), *neg = tensor(ctx, 1, &two, un), *grad = tensor(ctx, 1, &two, NULL);
    dim_estimator *est = estimator(ctx, DIM_ESTIMATOR_W1, DIM_NEGATIVES_ALL, 0);
    dim_estimate e;
    DIM_OPTIONS_INIT(&e);
    assert_int_equal(dim_estimator_evaluate_pairs(est, pos, neg, &e, grad, NULL), DIM_OK);
    assert_true(e.value == 0.5 && e.loss == -0.5 && e.positive_mean == 1.5 && e.negative_mean == 1);
    assert_true(((float *)dim_tensor_data(grad))[1] == -0.5f);
    dim_estimator_destroy(est);
    dim_tensor_destroy(pos);
    dim_tensor_destroy(neg);
    dim_tensor_destroy(grad);
    dim_context_destroy(ctx);
}

/* Gradients over three batches use the average of all so far; a value without gradients, and a failure, leave it. */
static void test_mine_average(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    dim_estimator *est = estimator(ctx, DIM_ESTIMATOR_MINE, DIM_NEGATIVES_ALL, 0);
    dim_estimate e;
    (void)state;
    for (int step = 0; step < 3; step++) {
        char scenario[32];
        snprintf(scenario, sizeof scenario, "mine/%d", step);
        dim_tensor *scores = fixture(ctx, scenario, "scores", false), *grad = fixture(ctx, scenario, "scores", false);
        dim_tensor *bad = fixture(ctx, scenario, "scores", false);
        ((float *)dim_tensor_data(bad))[3] = NAN;
        DIM_OPTIONS_INIT(&e);
        assert_int_equal(dim_estimator_evaluate_scores(est, scores, &e, NULL), DIM_OK);
        assert_int_equal(dim_estimator_evaluate_scores(est, bad, &e, grad), DIM_E_NUMERIC);
        assert_int_equal(dim_estimator_evaluate_scores(est, scores, &e, grad), DIM_OK);
        check_numbers(scenario, "mine", &e, TOL_SCORES);
        /* the average's logarithm, up to about 90, is kept in a float: 4e-6 */
        check_gradient(ctx, scenario, "mine", "scores", grad, step == 0 ? TOL_SCORES : 8e-6);
        dim_tensor_destroy(scores);
        dim_tensor_destroy(grad);
        dim_tensor_destroy(bad);
    }
    dim_estimator_destroy(est);
    dim_context_destroy(ctx);
    assert_int_equal(live, 0);
}

/* A batch whose gradient does not fit a float is refused as a whole: the average has not seen it. */
static void test_mine_average_after_failure(void **state)
{
    static const int64_t dim[2] = { 2, 1 };
    static const float global[3][2] = { { 1, 1 }, { 3e38f, 3e38f }, { 1, 2 } };
    static const float local[3][2] = { { -50, -50 }, { 1e-37f, 1e-37f }, { 0.5f, -1 } };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    float after[2][2];
    (void)state;
    for (int skip = 0; skip < 2; skip++) {
        dim_estimator *est = estimator(ctx, DIM_ESTIMATOR_MINE, DIM_NEGATIVES_ALL, 0);
        dim_tensor *grad = tensor(ctx, 2, dim, NULL);
        for (int step = 0; step < 3; step += 1 + skip) {
            dim_tensor *g = tensor(ctx, 2, dim, global[step]), *l = tensor(ctx, 2, dim, local[step]);
            assert_int_equal(dim_estimator_evaluate(est, g, l, NULL, NULL, NULL, grad),
                             step == 1 ? DIM_E_NUMERIC : DIM_OK);
            dim_tensor_destroy(g);
            dim_tensor_destroy(l);
        }
        memcpy(after[skip], dim_tensor_data(grad), sizeof after[skip]);
        dim_tensor_destroy(grad);
        dim_estimator_destroy(est);
    }
    assert_memory_equal(after[0], after[1], sizeof after[0]);
    dim_context_destroy(ctx);
}

/* InfoNCE: other locations of the own sample are neither positives nor candidates of a location. */
static void test_own_locations(void **state)
{
    static const int64_t dim[3] = { 3, 3, 4 };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    dim_estimator *est = estimator(ctx, DIM_ESTIMATOR_INFONCE, DIM_NEGATIVES_ALL, 0);
    dim_estimate e;
    (void)state;
    float u[36];
    for (int i = 0; i < 36; i++)
        u[i] = 0.1f * (float)((i * 7) % 11) - 0.4f;
    double reference = 0; /* without sample 0's location 2 */
    u[2] = 80;
    for (int i = 0; i < 3; i++)
        for (int l = 0; l < 4; l++) {
            double sum = 0;
            for (int j = 0; j < 3; j++)
                for (int m = 0; m < 4; m++)
                    sum += j == i ? 0 : exp(u[(i * 3 + j) * 4 + m]);
            double own = u[(i * 3 + i) * 4 + l];
            reference += log(exp(own) + sum) - own;
        }
    dim_tensor *scores = tensor(ctx, 3, dim, u), *grad = tensor(ctx, 3, dim, NULL);
    DIM_OPTIONS_INIT(&e);
    assert_int_equal(dim_estimator_evaluate_scores(est, scores, &e, grad), DIM_OK);
    assert_true(fabs(e.loss - reference / 12) < 1e-6);
    assert_true(fabs(e.value - (log(9) - reference / 12)) < 1e-6);
    const float *d = dim_tensor_const_data(grad);
    /* settled, so no gradient; were it a candidate of the others, theirs would vanish */
    assert_true(fabsf(d[2]) < 1e-30f);
    assert_true(d[0] < -0.05f && d[1] < -0.05f && d[3] < -0.05f);
    dim_tensor_destroy(scores);
    dim_tensor_destroy(grad);
    dim_estimator_destroy(est);
    dim_context_destroy(ctx);
}

/* One thread or several: the same bits where no matrix product is divided, which may round otherwise (1e-5 of gradients
 * below 1).  Drawn permutations follow the seed. */
static void test_threads(void **state)
{
    static const int64_t gdim[3] = { 70, 1, 4 }, ldim[3] = { 70, 9, 4 };
    float *out[2][2];
    (void)state;
    for (int kind = 0; kind < 2 * N_KINDS; kind++) {
        for (int t = 0; t < 2; t++) {
            dim_context *ctx = context(t == 0 ? 1 : 3, DIM_CPU_AUTO);
            dim_tensor *global = fixture(ctx, "all/70-1-9-4", "global", false);
            dim_tensor *local = fixture(ctx, "all/70-1-9-4", "local", false);
            dim_tensor *dg = tensor(ctx, 3, gdim, NULL), *dl = tensor(ctx, 3, ldim, NULL);
            dim_estimator *est = estimator(ctx, kind / 2, kind % 2 ? DIM_NEGATIVES_SHUFFLE : DIM_NEGATIVES_ALL, 0.5f);
            assert_int_equal(dim_estimator_evaluate(est, global, local, NULL, NULL, dg, dl), DIM_OK);
            out[t][0] = malloc(70 * 4 * 4);
            out[t][1] = malloc(70 * 9 * 4 * 4);
            memcpy(out[t][0], dim_tensor_data(dg), 70 * 4 * 4);
            memcpy(out[t][1], dim_tensor_data(dl), 70 * 9 * 4 * 4);
            dim_tensor_destroy(global);
            dim_tensor_destroy(local);
            dim_tensor_destroy(dg);
            dim_tensor_destroy(dl);
            dim_estimator_destroy(est);
            dim_context_destroy(ctx);
        }
        if (kind % 2) /* the products of a shuffle do not depend on who makes them */
            assert_memory_equal(out[0][1], out[1][1], 70 * 9 * 4 * 4);
        for (int i = 0; i < 70 * 4; i++)
            assert_true(fabsf(out[0][0][i] - out[1][0][i]) < 1e-5f);
        for (int t = 0; t < 2; t++) {
            free(out[t][0]);
            free(out[t][1]);
        }
    }
}

/* ---- what must be refused ---- */

static void test_options(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    dim_estimator_options o;
    dim_estimator *est = NULL;
    dim_estimator_kind kind = DIM_ESTIMATOR_W1;
    (void)state;
#define REFUSED(field, x)                                                       \
    do {                                                                        \
        DIM_OPTIONS_INIT(&o);                                                   \
        o.field = x;                                                            \
        assert_int_equal(dim_estimator_create(ctx, &o, &est), DIM_E_INVALID);   \
        assert_non_null(strstr(dim_context_error(ctx), #field));                \
        assert_null(est);                                                       \
    } while (0)
    REFUSED(kind, (dim_estimator_kind)11);
    REFUSED(kind, (dim_estimator_kind)-1);
    REFUSED(negatives, (dim_negatives)2);
    REFUSED(smile_tau, -1);
    REFUSED(smile_tau, INFINITY);
    REFUSED(mine_rate, 1.5f);
    REFUSED(mine_rate, NAN);
    REFUSED(scale, NAN);
    REFUSED(penalty, -1);
    REFUSED(penalty, NAN);
    REFUSED(clip, -20);
    REFUSED(clip, INFINITY);
    REFUSED(score_memory, UINT64_MAX);
    REFUSED(reserved0, 1);
    REFUSED(size, 3);
    assert_int_equal(dim_estimator_create(NULL, NULL, &est), DIM_E_INVALID);
    assert_int_equal(dim_estimator_create(ctx, NULL, NULL), DIM_E_INVALID);
    dim_estimator_destroy(NULL);

    static const char *const names[] = { "jsd", "dv", "mine", "infonce", "nwj", "smile",
                                         "rkl", "h2", "x2",   "w1",      "gan" };
    static const dim_bound bounds[] = { DIM_BOUND_NONE, DIM_BOUND_ESTIMATE, DIM_BOUND_ESTIMATE, DIM_BOUND_LOWER,
                                        DIM_BOUND_LOWER, DIM_BOUND_ESTIMATE, DIM_BOUND_NONE, DIM_BOUND_NONE,
                                        DIM_BOUND_NONE, DIM_BOUND_NONE, DIM_BOUND_NONE };
    for (int i = 0; i < N_KINDS; i++) {
        assert_string_equal(dim_estimator_name((dim_estimator_kind)i), names[i]);
        assert_int_equal(dim_estimator_from_name(names[i], &kind), DIM_OK);
        assert_int_equal(kind, i);
        assert_int_equal(dim_estimator_bound((dim_estimator_kind)i), bounds[i]);
    }
    assert_null(dim_estimator_name((dim_estimator_kind)N_KINDS));
    assert_null(dim_estimator_name((dim_estimator_kind)-1));
    assert_int_equal(dim_estimator_bound((dim_estimator_kind)99), DIM_BOUND_NONE);
    assert_int_equal(dim_estimator_from_name("JSD", &kind), DIM_E_INVALID);
    assert_int_equal(dim_estimator_from_name(NULL, &kind), DIM_E_INVALID);
    assert_int_equal(dim_estimator_from_name("dv", NULL), DIM_E_INVALID);
    assert_int_equal(kind, DIM_ESTIMATOR_GAN);
    dim_context_destroy(ctx);
}

static void test_bad_features(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    static const int64_t nd[2] = { 4, 3 }, n1[2] = { 1, 3 }, nd5[2] = { 4, 5 }, m[2] = { 5, 3 }, four = 4;
    static const int64_t empty[3] = { 4, 0, 3 };
    static const float zeros[20];
    float x[12];
    for (int i = 0; i < 12; i++)
        x[i] = (float)i / 7;
    (void)state;
    dim_estimator *all = estimator(ctx, DIM_ESTIMATOR_DV, DIM_NEGATIVES_ALL, 0);
    dim_estimator *shuffle = estimator(ctx, DIM_ESTIMATOR_DV, DIM_NEGATIVES_SHUFFLE, 0);
    dim_tensor *g = tensor(ctx, 2, nd, x), *l = tensor(ctx, 2, nd, x), *dg = tensor(ctx, 2, nd, zeros);
    dim_tensor *one = tensor(ctx, 2, n1, x), *wide = tensor(ctx, 2, nd5, zeros), *more = tensor(ctx, 2, m, zeros);
    dim_tensor *vector = tensor(ctx, 1, &four, zeros), *none = tensor(ctx, 3, empty, NULL);
    dim_tensor *bytes, *perm, *flat;
    static const int64_t zero_stride[2] = { 0, 1 };
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, 2, nd, &bytes), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, 1, &four, &perm), DIM_OK);
    assert_int_equal(dim_tensor_wrap(ctx, DIM_F32, 2, nd, zero_stride, x, NULL, NULL, &flat), DIM_OK);
    dim_estimate e;
    DIM_OPTIONS_INIT(&e);
    e.loss = 42;

    assert_int_equal(dim_estimator_evaluate(NULL, g, l, NULL, &e, NULL, NULL), DIM_E_INVALID);
    expect(ctx, dim_estimator_evaluate(all, NULL, l, NULL, &e, dg, NULL), DIM_E_INVALID, "global is NULL");
    expect(ctx, dim_estimator_evaluate(all, g, NULL, NULL, &e, dg, NULL), DIM_E_INVALID, "local is NULL");
    expect(ctx, dim_estimator_evaluate(all, one, one, NULL, &e, NULL, NULL), DIM_E_SHAPE, "negatives");
    expect(ctx, dim_estimator_evaluate(all, g, wide, NULL, &e, dg, NULL), DIM_E_SHAPE, "(4, 5)");
    expect(ctx, dim_estimator_evaluate(all, g, more, NULL, &e, dg, NULL), DIM_E_SHAPE, "(5, 3)");
    expect(ctx, dim_estimator_evaluate(all, g, vector, NULL, &e, dg, NULL), DIM_E_SHAPE, "(4)");
    expect(ctx, dim_estimator_evaluate(all, g, none, NULL, &e, dg, NULL), DIM_E_SHAPE, "empty");
    expect(ctx, dim_estimator_evaluate(all, g, bytes, NULL, &e, dg, NULL), DIM_E_INVALID, "local has dtype u8; it must be f32");
    expect(ctx, dim_estimator_evaluate(all, g, l, NULL, &e, wide, NULL), DIM_E_SHAPE, "grad_global");
    expect(ctx, dim_estimator_evaluate(all, g, l, NULL, &e, NULL, bytes), DIM_E_INVALID, "grad_local");
    expect(ctx, dim_estimator_evaluate(all, g, l, NULL, &e, NULL, flat), DIM_E_INVALID, "stride 0");
    expect(ctx, dim_estimator_evaluate(all, g, l, perm, &e, dg, NULL), DIM_E_INVALID, "permutation");
    e.size = 4;
    expect(ctx, dim_estimator_evaluate(all, g, l, NULL, &e, dg, NULL), DIM_E_INVALID, "size");
    e.size = sizeof e;

    static const int32_t bad[4][4] = { { 1, 0, 2, 3 }, { 1, 0, 3, 4 }, { 1, 0, 1, 2 }, { -1, 0, 1, 2 } };
    static const char *const why[4] = { "permutation[2] is 2", "permutation[3] is 4", "permutation[2] is 1",
                                        "permutation[0] is -1" };
    for (int i = 0; i < 4; i++) {
        memcpy(dim_tensor_data(perm), bad[i], sizeof bad[i]);
        expect(ctx, dim_estimator_evaluate(shuffle, g, l, perm, &e, dg, NULL), DIM_E_INVALID, why[i]);
    }
    expect(ctx, dim_estimator_evaluate(shuffle, g, l, vector, &e, dg, NULL), DIM_E_INVALID, "i32");
    expect(ctx, dim_estimator_evaluate(shuffle, more, more, perm, &e, NULL, NULL), DIM_E_SHAPE, "(4)");
    static const float values[3] = { NAN, INFINITY, -INFINITY };
    for (int i = 0; i < 3; i++) {
        ((float *)dim_tensor_data(l))[7] = values[i];
        expect(ctx, dim_estimator_evaluate(all, g, l, NULL, &e, dg, NULL), DIM_E_NUMERIC, "local: element 7");
        expect(ctx, dim_estimator_evaluate(shuffle, l, g, NULL, &e, dg, NULL), DIM_E_NUMERIC, "global: element 7");
    }
    ((float *)dim_tensor_data(l))[7] = FLT_MAX;
    ((float *)dim_tensor_data(g))[7] = FLT_MAX;
    expect(ctx, dim_estimator_evaluate(all, g, l, NULL, &e, dg, NULL), DIM_E_NUMERIC, "loss");
    assert_true(e.loss == 42);
    assert_memory_equal(dim_tensor_data(dg), zeros, sizeof x);

    dim_tensor *list[] = { g, l, dg, one, wide, more, vector, none, bytes, perm, flat };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        dim_tensor_destroy(list[i]);
    dim_estimator_destroy(all);
    dim_estimator_destroy(shuffle);
    dim_context_destroy(ctx);
    assert_int_equal(live, 0);
}

static void test_bad_scores(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    static const int64_t nml[3] = { 3, 4, 2 }, ok[3] = { 3, 3, 2 }, ngl[4] = { 3, 2, 4, 1 }, n1[2] = { 1, 1 };
    static const int64_t two[1] = { 2 }, huge[3] = { 1 << 26, 1 << 26, 2 }, none[3] = { 0, 0, 0 };
    float x = 0;
    (void)state;
    dim_estimator *est = estimator(ctx, DIM_ESTIMATOR_JSD, DIM_NEGATIVES_ALL, 0);
    dim_estimator *shuffle = estimator(ctx, DIM_ESTIMATOR_JSD, DIM_NEGATIVES_SHUFFLE, 0);
    dim_tensor *a = tensor(ctx, 3, nml, NULL), *b = tensor(ctx, 3, ok, NULL), *c = tensor(ctx, 4, ngl, NULL);
    dim_tensor *d = tensor(ctx, 2, n1, NULL), *v = tensor(ctx, 1, two, NULL), *h;
    assert_int_equal(dim_tensor_wrap(ctx, DIM_F32, 3, huge, none, &x, NULL, NULL, &h), DIM_OK);
    assert_int_equal(dim_estimator_evaluate_scores(NULL, b, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_estimator_evaluate_pairs(NULL, b, b, NULL, NULL, NULL), DIM_E_INVALID);
    expect(ctx, dim_estimator_evaluate_scores(est, NULL, NULL, NULL), DIM_E_INVALID, "scores is NULL");
    expect(ctx, dim_estimator_evaluate_scores(est, a, NULL, NULL), DIM_E_SHAPE, "(3, 4, 2)");
    expect(ctx, dim_estimator_evaluate_scores(est, c, NULL, NULL), DIM_E_SHAPE, "(3, 2, 4, 1)");
    expect(ctx, dim_estimator_evaluate_scores(est, d, NULL, NULL), DIM_E_SHAPE, "batch of 1");
    expect(ctx, dim_estimator_evaluate_scores(est, v, NULL, NULL), DIM_E_SHAPE, "axes");
    expect(ctx, dim_estimator_evaluate_scores(est, h, NULL, NULL), DIM_E_NOMEM, "memory");
    expect(ctx, dim_estimator_evaluate_scores(est, b, NULL, a), DIM_E_SHAPE, "grad_scores");
    expect(ctx, dim_estimator_evaluate_scores(shuffle, b, NULL, NULL), DIM_E_INVALID, "shuffle");
    expect(ctx, dim_estimator_evaluate_pairs(est, d, v, NULL, NULL, NULL), DIM_E_SHAPE, "1 rows");
    expect(ctx, dim_estimator_evaluate_pairs(est, d, NULL, NULL, NULL, NULL), DIM_E_INVALID, "negative is NULL");
    expect(ctx, dim_estimator_evaluate_pairs(est, d, d, NULL, NULL, v), DIM_E_SHAPE, "grad_negative");
    ((float *)dim_tensor_data(b))[5] = INFINITY;
    expect(ctx, dim_estimator_evaluate_scores(est, b, NULL, NULL), DIM_E_NUMERIC, "scores: element 5");
    dim_tensor *list[] = { a, b, c, d, v, h };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        dim_tensor_destroy(list[i]);
    dim_estimator_destroy(est);
    dim_estimator_destroy(shuffle);
    dim_context_destroy(ctx);
}

/* Every allocation of an estimator's life fails in turn: DIM_E_NOMEM, no leak, and the next attempt works. */
static void test_no_memory(void **state)
{
    (void)state;
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        dim_context *ctx = context(1, DIM_CPU_AUTO);
        dim_tensor *global = fixture(ctx, "all/3-2-4-5", "global", false);
        dim_tensor *local = fixture(ctx, "all/3-2-4-5", "local", false);
        dim_tensor *grad = fixture(ctx, "all/3-2-4-5", "local", false);
        const long before = live;
        dim_status status = DIM_E_NOMEM;
        for (long allow = 0; status != DIM_OK; allow++) {
            dim_estimator_options o;
            dim_estimator *est = NULL;
            DIM_OPTIONS_INIT(&o);
            o.kind = DIM_ESTIMATOR_MINE;
            o.negatives = shuffle ? DIM_NEGATIVES_SHUFFLE : DIM_NEGATIVES_ALL;
            alloc_left = allow;
            status = dim_estimator_create(ctx, &o, &est);
            if (status == DIM_OK)
                status = dim_estimator_evaluate(est, global, local, NULL, NULL, NULL, grad);
            alloc_left = -1;
            if (status != DIM_OK) {
                assert_int_equal(status, DIM_E_NOMEM);
                assert_true(dim_context_error(ctx)[0] != '\0');
                if (est != NULL)
                    assert_int_equal(dim_estimator_evaluate(est, global, local, NULL, NULL, NULL, grad), DIM_OK);
            }
            dim_estimator_destroy(est);
            assert_int_equal(live, before);
            assert_true(allow < 1000);
        }
        dim_tensor_destroy(global);
        dim_tensor_destroy(local);
        dim_tensor_destroy(grad);
        dim_context_destroy(ctx);
        assert_int_equal(live, 0);
    }
}

/* A shape seen before allocates nothing for all pairs. */
static void test_programs_are_kept(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    dim_tensor *global = fixture(ctx, "all/3-2-4-5", "global", false);
    dim_tensor *local = fixture(ctx, "all/3-2-4-5", "local", false);
    dim_estimator *est = estimator(ctx, DIM_ESTIMATOR_INFONCE, DIM_NEGATIVES_ALL, 0);
    (void)state;
    /* gradients over the inputs */
    assert_int_equal(dim_estimator_evaluate(est, global, local, NULL, NULL, global, local), DIM_OK);
    uint64_t before = dim_context_allocations(ctx);
    for (int i = 0; i < 3; i++)
        assert_int_equal(dim_estimator_evaluate(est, global, local, NULL, NULL, global, local), DIM_OK);
    assert_int_equal(dim_context_allocations(ctx), before);
    /* other shapes push it out, and it comes back */
    for (int round = 0; round < 2; round++)
        for (int64_t n = 2; n < 9; n++) {
            const int64_t dim[3] = { n, n, 1 };
            dim_tensor *scores = tensor(ctx, 3, dim, NULL);
            assert_int_equal(dim_estimator_evaluate_scores(est, scores, NULL, NULL), DIM_OK);
            dim_tensor_destroy(scores);
        }
    assert_int_equal(dim_estimator_evaluate(est, global, local, NULL, NULL, global, local), DIM_OK);
    dim_estimator_destroy(est);
    dim_tensor_destroy(global);
    dim_tensor_destroy(local);
    dim_context_destroy(ctx);
    assert_int_equal(live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features),      cmocka_unit_test(test_scores),
        cmocka_unit_test(test_pairs),         cmocka_unit_test(test_mine_average),
        cmocka_unit_test(test_own_locations), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_options),       cmocka_unit_test(test_bad_features),
        cmocka_unit_test(test_bad_scores),    cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_programs_are_kept), cmocka_unit_test(test_mine_average_after_failure),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
