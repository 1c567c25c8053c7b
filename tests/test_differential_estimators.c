/* Estimators alone, of random features and scores, and the KL prior, against the plain evaluation in double of oracle/: values and
 * gradients, in calls that follow each other, since MINE remembers.   DIM_DIFFERENTIAL_SEED and DIM_DIFFERENTIAL_CASES choose
 * others than the usual cases. */
#include "objective_tests.h"

#include "oracle/losses.h"
#include <dim/estimator.h>
#include <dim/prior.h>

#include <math.h>

enum { CASES = 600, ROUGH = 3, MOST = 600 };
static const double TIMES = 10, FLOOR = 3e-6;

typedef struct drawn_case {
    uint64_t seed;
    loss_spec l;                       /* its estimator */
    int n, g, places, d, mode;         /* MODE_... */
    int p, q;                          /* of pairs */
    float a[MOST], b[MOST];
    int64_t partner[MAX_SAMPLES];
    int n_a, n_b;
} drawn_case;

enum { MODE_FEATURES, MODE_SCORES, MODE_PAIRS, MODES };

typedef struct outcome {
    double loss, value, pos, neg, da[MOST], db[MOST];
} outcome;

static uint64_t rng;
static int upto(int low, int high) { return low + below(&rng, high - low + 1); }
static bool chance(int percent) { return below(&rng, 100) < percent; }
static float size_or_0(int percent, double low, double high) { return chance(percent) ? (float)uniform(&rng, low, high) : 0; }

static void random_partners(drawn_case *c)
{
    bool good;
    do {
        good = true;
        for (int i = 0; i < c->n; i++)
            c->partner[i] = i;
        for (int i = c->n - 1; i > 0; i--) {
            int k = below(&rng, i + 1);
            int64_t other = c->partner[k];
            c->partner[k] = c->partner[i];
            c->partner[i] = other;
        }
        for (int i = 0; i < c->n; i++)
            good = good && c->partner[i] != i;
    } while (!good && c->n > 1);
}

static drawn_case *draw_case(uint64_t seed)
{
    static drawn_case c;
    dim_estimator_options *o = &c.l.est;
    memset(&c, 0, sizeof c);
    rng = c.seed = seed;
    c.mode = below(&rng, MODES);
    c.n = upto(c.mode == MODE_PAIRS ? 1 : 2, 5);
    c.g = chance(60) ? 1 : upto(1, 3);
    c.places = chance(50) ? 1 : upto(1, 4);
    c.d = upto(1, 6);
    c.p = upto(1, 4);
    c.q = upto(1, 6);
    o->kind = (dim_estimator_kind)below(&rng, DIM_ESTIMATOR_GAN + 1);
    o->negatives = c.mode == MODE_FEATURES && chance(40) ? DIM_NEGATIVES_SHUFFLE : DIM_NEGATIVES_ALL;
    o->smile_tau = size_or_0(50, 0.1, 3);
    o->mine_rate = size_or_0(60, 0.05, 1);
    o->scale = c.mode == MODE_FEATURES ? size_or_0(40, -1, 1) : 0;
    o->penalty = size_or_0(40, 0.01, 0.5);
    o->clip = size_or_0(40, 0.3, 5);
    o->score_memory = chance(40) ? (uint64_t)upto(1, 100) : 0;
    c.l.term.critic = DIM_CRITIC_PLAIN_DOT;
    c.n_a = c.mode == MODE_FEATURES ? c.n * c.g * c.d : c.mode == MODE_SCORES ? c.n * c.g * c.n * c.places : c.n * c.p;
    c.n_b = c.mode == MODE_FEATURES ? c.n * c.places * c.d : c.mode == MODE_SCORES ? 0 : c.n * c.q;
    double size = chance(20) ? uniform(&rng, 3, 12) : uniform(&rng, 0.2, 2);
    if (c.mode == MODE_FEATURES)
        size = sqrt(size);
    for (int i = 0; i < c.n_a; i++)
        c.a[i] = (float)(size * uniform(&rng, -1, 1));
    for (int i = 0; i < c.n_b; i++)
        c.b[i] = (float)(size * uniform(&rng, -1, 1));
    random_partners(&c);
    return &c;
}

/* ---- the oracle -------------------------------------------------------------------------------------------------------- */

static measured measure_case(const drawn_case *c, num *a, num *b, double *average)
{
    int partner[MAX_SAMPLES], pos = 0, neg = 0, rows = c->n * c->g, columns = c->n * c->places;
    for (int i = 0; i < c->n; i++)
        partner[i] = (int)c->partner[i];
    if (c->mode == MODE_FEATURES)
        return measure_features(&c->l, c->n, (value){ rows, { c->d, 0, 0 }, a }, (value){ columns, { c->d, 0, 0 }, b },
                                c->l.est.negatives == DIM_NEGATIVES_SHUFFLE ? partner : NULL, average);
    if (c->mode == MODE_PAIRS)
        return measure_scores(&c->l, c->n, a, c->p, b, c->q, average);
    num *positive = tape_nums(c->n_a), *negative = tape_nums(c->n_a);
    for (int i = 0; i < c->n_a; i++) {
        bool own = i / columns / c->g == i % columns / c->places;
        *(own ? &positive[pos++] : &negative[neg++]) = a[i];
    }
    return measure_scores(&c->l, rows, positive, c->places, negative, columns - c->places, average);
}

static void run_oracle(const drawn_case *c, uint64_t single, double *average, outcome *out)
{
    tape_reset(single);
    num *a = tape_nums(c->n_a), *b = tape_nums(c->n_b);
    for (int i = 0; i < c->n_a; i++)
        a[i] = leaf((double)c->a[i]);
    for (int i = 0; i < c->n_b; i++)
        b[i] = leaf((double)c->b[i]);
    measured m = measure_case(c, a, b, average);
    tape_backward(m.loss);
    *out = (outcome){ .loss = value_of(m.loss), .value = m.value, .pos = m.pos, .neg = m.neg };
    for (int i = 0; i < c->n_a; i++)
        out->da[i] = grad_of(a[i]);
    for (int i = 0; i < c->n_b; i++)
        out->db[i] = grad_of(b[i]);
}

/* ---- libdim ------------------------------------------------------------------------------------------------------------ */

static void take_gradient(dim_tensor *t, double *out)
{
    for (int64_t i = 0; i < dim_tensor_count(t); i++)
        out[i] = (double)((const float *)dim_tensor_const_data(t))[i];
    dim_tensor_destroy(t);
}

static void run_libdim(const drawn_case *c, dim_estimator *est, outcome *out)
{
    const int64_t global[3] = { c->n, c->g, c->d }, local[3] = { c->n, c->places, c->d };
    const int64_t scores[4] = { c->n, c->g, c->n, c->places }, pos[2] = { c->n, c->p }, neg[2] = { c->n, c->q };
    const int rank = c->mode == MODE_FEATURES ? 3 : c->mode == MODE_SCORES ? 4 : 2;
    const int64_t *sa = c->mode == MODE_FEATURES ? global : c->mode == MODE_SCORES ? scores : pos;
    const int64_t *sb = c->mode == MODE_FEATURES ? local : neg;
    dim_estimate e;
    dim_tensor *a = f32_tensor(rank, sa, c->a), *da = f32_tensor(rank, sa, NULL), *b = NULL, *db = NULL, *partner = NULL;
    DIM_OPTIONS_INIT(&e);
    if (c->mode != MODE_SCORES) {
        b = f32_tensor(rank, sb, c->b);
        db = f32_tensor(rank, sb, NULL);
    }
    if (c->l.est.negatives == DIM_NEGATIVES_SHUFFLE) {
        ok(dim_tensor_create(ctx, DIM_I64, 1, (int64_t[]){ c->n }, &partner));
        memcpy(dim_tensor_data(partner), c->partner, (size_t)c->n * sizeof *c->partner);
    }
    if (c->mode == MODE_FEATURES)
        ok(dim_estimator_evaluate(est, a, b, partner, &e, da, db));
    else if (c->mode == MODE_SCORES)
        ok(dim_estimator_evaluate_scores(est, a, &e, da));
    else
        ok(dim_estimator_evaluate_pairs(est, a, b, &e, da, db));
    *out = (outcome){ .loss = e.loss, .value = e.value, .pos = e.positive_mean, .neg = e.negative_mean };
    take_gradient(da, out->da);
    if (db != NULL)
        take_gradient(db, out->db);
    dim_tensor_destroy(a);
    dim_tensor_destroy(b);
    dim_tensor_destroy(partner);
}

/* ---- comparing --------------------------------------------------------------------------------------------------------- */

static double worst;

static void compare(const drawn_case *c, const char *what, int n, const double *got, const double *want,
                    const double *const rough[ROUGH], double size)
{
    double off = 0, may = 0;
    for (int i = 0; i < n; i++) {
        size = fmax(size, fabs(want[i]));
        off = fmax(off, isfinite(got[i]) ? fabs(got[i] - want[i]) : INFINITY);
        for (int r = 0; r < ROUGH; r++)
            may = fmax(may, fabs(rough[r][i] - want[i]));
    }
    may = TIMES * may + FLOOR * size;
    worst = fmax(worst, off / may);
    if (!(off <= may))
        fail_msg("%s of %s (mode %d, %d x %d x %d x %d, scale %g, penalty %g, clip %g) is off by %.3g, more than %.3g.  Repeat with "
                 "DIM_DIFFERENTIAL_SEED=%llu DIM_DIFFERENTIAL_CASES=1", what, dim_estimator_name(c->l.est.kind), c->mode, c->n,
                 c->g, c->places, c->d, (double)c->l.est.scale, (double)c->l.est.penalty, (double)c->l.est.clip, off, may,
                 (unsigned long long)c->seed);
}

static void check_case(uint64_t seed)
{
    static outcome want, got, rough[ROUGH];
    const drawn_case *c = draw_case(seed);
    double average = NAN, averages[ROUGH] = { NAN, NAN, NAN };
    dim_estimator_options o = c->l.est;
    dim_estimator *est;
    o.size = sizeof o;
    ok(dim_estimator_create(ctx, &o, &est));
    for (int call = 0; call < 2; call++) {
        run_oracle(c, 0, &average, &want);
        for (int r = 0; r < ROUGH; r++)
            run_oracle(c, seed * 8 + (uint64_t)r + 1, &averages[r], &rough[r]);
        run_libdim(c, est, &got);
        const double *const losses[ROUGH] = { &rough[0].loss, &rough[1].loss, &rough[2].loss };
        const double *const values[ROUGH] = { &rough[0].value, &rough[1].value, &rough[2].value };
        const double *const pos[ROUGH] = { &rough[0].pos, &rough[1].pos, &rough[2].pos };
        const double *const neg[ROUGH] = { &rough[0].neg, &rough[1].neg, &rough[2].neg };
        const double *const da[ROUGH] = { rough[0].da, rough[1].da, rough[2].da };
        const double *const db[ROUGH] = { rough[0].db, rough[1].db, rough[2].db };
        compare(c, "the loss", 1, &got.loss, &want.loss, losses, 0.3);
        compare(c, "the value", 1, &got.value, &want.value, values, 0.3);
        compare(c, "the positive mean", 1, &got.pos, &want.pos, pos, 0.1);
        compare(c, "the negative mean", 1, &got.neg, &want.neg, neg, 0.1);
        compare(c, "the first gradient", c->n_a, got.da, want.da, da, 1e-3);
        compare(c, "the second gradient", c->n_b, got.db, want.db, db, 1e-3);
    }
    dim_estimator_destroy(est);
}

static unsigned long long setting(const char *name, unsigned long long usual)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : usual;
}

static void test_estimators(void **state)
{
    unsigned long long seed = setting("DIM_DIFFERENTIAL_SEED", 3000000), cases = setting("DIM_DIFFERENTIAL_CASES", CASES);
    (void)state;
    for (unsigned long long i = 0; i < cases; i++)
        check_case(seed + i);
    tape_free();
    print_message("%llu cases; the worst error is %.2f of what it may be\n", cases, worst);
}

/* 0.5 (mean^2 + e^logvar - 1 - logvar), averaged or summed. */
static void test_kl_prior(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        rng = 4000000 + (uint64_t)i;
        int n = upto(1, 5), d = upto(1, 7), sum = chance(50);
        const int64_t sizes[2] = { n, d };
        double want = 0, got, scale = 1 / (double)(sum ? n : n * d);
        dim_prior_options o;
        dim_prior *prior;
        dim_tensor *t[4];
        DIM_OPTIONS_INIT(&o);
        o.sum_units = (uint32_t)sum;
        ok(dim_prior_create(ctx, &o, &prior));
        for (int k = 0; k < 4; k++)
            t[k] = f32_tensor(2, sizes, NULL);
        float *m = dim_tensor_data(t[0]), *v = dim_tensor_data(t[1]);
        for (int k = 0; k < n * d; k++) {
            m[k] = (float)uniform(&rng, -3, 3);
            v[k] = (float)uniform(&rng, -4, 3);
            want += 0.5 * ((double)m[k] * m[k] + exp((double)v[k]) - 1 - (double)v[k]) * scale;
        }
        ok(dim_prior_evaluate(prior, t[0], t[1], &got, t[2], t[3]));
        assert_true(fabs(got - want) <= 1e-6 * (1 + want));
        for (int k = 0; k < n * d; k++) {
            assert_true(fabs(((const float *)dim_tensor_const_data(t[2]))[k] - (double)m[k] * scale) <= 1e-6 * scale * 3);
            assert_true(fabs(((const float *)dim_tensor_const_data(t[3]))[k] - 0.5 * (exp((double)v[k]) - 1) * scale) <=
                        1e-6 * scale * 10);
        }
        for (int k = 0; k < 4; k++)
            dim_tensor_destroy(t[k]);
        dim_prior_destroy(prior);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_estimators), cmocka_unit_test(test_kl_prior) };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
