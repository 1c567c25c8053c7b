/* Known values of <dim/information.h>: closed forms within three standard errors and 0.01. */
#include "information_tests.h"

enum { N = 10000, FEW = 2000 };

static void close_to(const char *name, double truth, const sides *s, dim_information_options o, dim_information_method method)
{
    dim_information *info;
    o.size = sizeof o;
    ok(try_measure(s, &o, NULL, NULL, &info));
    dim_information_result r = result_of(info);
    if (method != DIM_INFORMATION_AUTO && r.method != method)
        fail_msg("%s: %s, not %s\n%s", name, dim_information_method_name(r.method), dim_information_method_name(method),
                 dim_information_report(info));
    if (r.verdict != DIM_INFORMATION_ESTIMATE || !(fabs(r.raw - truth) <= 3 * r.standard_error + 0.01))
        fail_msg("%s: %g, not %g, with a standard error of %g\n%s", name, r.raw, truth, r.standard_error, dim_information_report(info));
    if (r.low > r.value || r.value > r.high || !(r.low >= 0) || !isfinite(r.high))
        fail_msg("%s: %g is not in [%g, %g]", name, r.value, r.low, r.high);
    if (truth > 0)
        near(r.correlation, sqrt(1 - exp(-2 * r.value)), 1e-12);
    dim_information_destroy(info);
}
#define CLOSE(name, truth, method_, s, ...) \
    close_to(name, truth, s, (dim_information_options){ .size = 0, __VA_ARGS__ }, DIM_INFORMATION_##method_)

/* By AUTO, which is KNN in two or three columns, and by both forms of neighbours. */
static void neighbors_close_to(const char *name, double truth, const sides *s)
{
    CLOSE(name, truth, KNN, s, .seed = 1);
    CLOSE(name, truth, KNN, s, .method = DIM_INFORMATION_KNN);
    CLOSE(name, truth, KNN2, s, .method = DIM_INFORMATION_KNN2);
}

/* A critic's standard error is of sampling alone: what it has not learnt is in its interval. */
static void critic_covers(const char *name, double truth, const sides *s, dim_information_options o)
{
    dim_information *info;
    o.size = sizeof o;
    ok(try_measure(s, &o, NULL, NULL, &info));
    dim_information_result r = result_of(info);
    if (r.low > truth + 0.01 || r.high < truth - 0.01 || r.verdict == DIM_INFORMATION_NONE)
        fail_msg("%s: %g is not in [%g, %g]\n%s", name, truth, r.low, r.high, dim_information_report(info));
    dim_information_destroy(info);
}
#define COVERS(name, truth, s, ...) critic_covers(name, truth, s, (dim_information_options){ .seed = 1, __VA_ARGS__ })
#define BY_CRITIC .method = DIM_INFORMATION_CRITIC

/* The first rows. */
static sides few(const sides *s)
{
    sides f = *s;
    f.n = FEW;
    return f;
}

static void test_normal(void **state)
{
    static const double rhos[3] = { 0.5, 0.9, 0.99 };
    sides s = new_sides(N, 1, 1, 0);
    (void)state;
    for (int k = 0; k < 3; k++) {
        double rho = rhos[k], truth = -log(1 - rho * rho) / 2;
        for (int i = 0; i < N; i++) {
            s.x[i] = normal();
            s.y[i] = rho * s.x[i] + sqrt(1 - rho * rho) * normal();
        }
        neighbors_close_to("normal", truth, &s);
        CLOSE("normal, gauss", truth, GAUSS, &s, .method = DIM_INFORMATION_GAUSS);
        sides f = few(&s);
        COVERS("normal, critic", truth, &f, BY_CRITIC);
    }
    free_sides(&s);
}

/* All columns have the correlation 0.6. */
static void test_jointly_normal(void **state)
{
    const double truth = 0.475488;
    sides s = new_sides(N, 3, 2, 0);
    (void)state;
    for (int i = 0; i < N; i++) {
        double common = sqrt(0.6) * normal();
        for (int j = 0; j < 3; j++)
            s.x[3 * i + j] = common + sqrt(0.4) * normal();
        for (int j = 0; j < 2; j++)
            s.y[2 * i + j] = common + sqrt(0.4) * normal();
    }
    sides f = few(&s);
    CLOSE("jointly normal, auto", truth, GAUSS, &f, .seed = 1);
    CLOSE("jointly normal, gauss", truth, GAUSS, &s, .method = DIM_INFORMATION_GAUSS);
    CLOSE("jointly normal, knn", truth, KNN, &s, .method = DIM_INFORMATION_KNN);
    CLOSE("jointly normal, knn2", truth, KNN2, &s, .method = DIM_INFORMATION_KNN2);
    COVERS("jointly normal, critic", truth, &f, BY_CRITIC);
    free_sides(&s);
}

/* Z = X + Y + noise joins what is independent; X <- Z -> Y parts what is not. */
static void test_condition(void **state)
{
    sides s = new_sides(N, 1, 1, 1), pair = { N, 1, 1, 0, s.x, s.y, NULL };
    const double quarter = log(4.0 / 3) / 2;
    (void)state;
    for (int i = 0; i < N; i++) {
        s.x[i] = normal();
        s.y[i] = normal();
        s.z[i] = s.x[i] + s.y[i] + normal();
    }
    CLOSE("joined, given z", quarter, KNN, &s, .seed = 1);
    CLOSE("joined, given z, knn", quarter, KNN, &s, .method = DIM_INFORMATION_KNN);
    CLOSE("joined, given z, gauss", quarter, GAUSS, &s, .method = DIM_INFORMATION_GAUSS);
    neighbors_close_to("joined", 0, &pair);
    sides f = few(&s);
    COVERS("joined, given z, critic", quarter, &f, BY_CRITIC);
    for (int i = 0; i < N; i++) {
        s.z[i] = normal();
        s.x[i] = s.z[i] + normal();
        s.y[i] = s.z[i] + normal();
    }
    CLOSE("chain, given z", 0, KNN, &s, .seed = 1);
    CLOSE("chain, given z, knn", 0, KNN, &s, .method = DIM_INFORMATION_KNN);
    CLOSE("chain, given z, gauss", 0, GAUSS, &s, .method = DIM_INFORMATION_GAUSS);
    CLOSE("chain, gauss", quarter, GAUSS, &pair, .method = DIM_INFORMATION_GAUSS);
    neighbors_close_to("chain", quarter, &pair);
    COVERS("chain, given z, critic", 0, &f, BY_CRITIC);
    free_sides(&s);
}

static void test_one_column(void **state)
{
    sides s = new_sides(N, 1, 1, 0);
    (void)state;
    for (int i = 0; i < N; i++) {
        s.x[i] = uniform();
        s.y[i] = s.x[i] + 0.3 * (2 * uniform() - 1);
    }
    neighbors_close_to("uniform with noise 0.3", 0.810826, &s);
    for (int i = 0; i < N; i++)
        s.y[i] = s.x[i] + 2 * uniform() - 1;
    neighbors_close_to("uniform with noise 1", 0.25, &s);
    for (int k = 0; k < 2; k++) { /* without edges of their own */
        const double w = k == 0 ? 0.5 : 0.2;
        for (int i = 0; i < N; i++)
            s.y[i] = fmod(s.x[i] + w * uniform(), 1);
        neighbors_close_to("round a circle", -log(w), &s);
    }
    for (int i = 0; i < N; i++) {
        double scale = sqrt(3 / (2 * gamma_of(1.5)));
        s.x[i] = scale * normal();
        s.y[i] = scale * normal();
    }
    neighbors_close_to("Student, 3 degrees of freedom", 0.042411, &s);
    CLOSE("Student, 3 degrees of freedom, of which correlations see nothing", 0, GAUSS, &s, .method = DIM_INFORMATION_GAUSS);
    for (int a = 1; a <= 2; a++) {
        for (int i = 0; i < N; i++) {
            s.x[i] = gamma_of(a);
            s.y[i] = exponential() / s.x[i];
        }
        neighbors_close_to("gamma rate of an exponential", a == 1 ? 0.422784 : 0.229637, &s);
    }
    free_sides(&s);
}

static void test_mixed(void **state)
{
    static const double shares[3] = { 0, 0.15, 0.5 }, zero_inflated[3] = { 0.30124, 0.22978, 0.11638 };
    sides s = new_sides(N, 1, 1, 0), swapped = { N, 1, 1, 0, s.y, s.x, NULL };
    (void)state;
    for (int i = 0; i < N; i++) {
        s.x[i] = floor(3 * uniform());
        s.y[i] = s.x[i] + 2 * uniform();
    }
    CLOSE("three labels", 0.636514, KNN, &s, .seed = 1);
    CLOSE("three labels, knn", 0.636514, KNN, &s, .method = DIM_INFORMATION_KNN);
    near(MEASURE(&s, .seed = 1).raw, MEASURE(&swapped, .seed = 1).raw, 1e-12);
    near(MEASURE(&s, .seed = 1).entropy_x, log(3), 0.002);
    assert_true(isnan(MEASURE(&s, .seed = 1).entropy_y));
    for (int i = 0; i < N; i++) {
        s.x[i] = uniform() < 0.5;
        s.y[i] = uniform() < 0.1 ? 1 - s.x[i] : s.x[i];
    }
    CLOSE("binary symmetric channel", 0.368064, DISCRETE, &s, .seed = 1);
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < N; i++) {
            s.x[i] = exponential();
            s.y[i] = uniform() < shares[k] ? 0 : poisson(s.x[i]);
        }
        CLOSE("Poisson, zero-inflated", zero_inflated[k], KNN, &s, .seed = 1);
        CLOSE("Poisson, zero-inflated, knn", zero_inflated[k], KNN, &s, .method = DIM_INFORMATION_KNN);
    }
    free_sides(&s);
}

/* Numbers that are rounded carry nearly what they did; equal values must not show up as dependence. */
static void test_rounded(void **state)
{
    static const double grids[2] = { 0.01, 0.05 };
    sides s = new_sides(N, 1, 1, 0);
    (void)state;
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < N; i++) {
            double x = normal(), y = 0.75 * x + sqrt(1 - 0.5625) * normal();
            s.x[i] = grids[k] * rint(x / grids[k]);
            s.y[i] = grids[k] * rint(y / grids[k]);
        }
        CLOSE("rounded", 0.4133, KNN, &s, .seed = 1);
        assert_true(MEASURE(&s, .seed = 1).warnings & DIM_INFORMATION_DITHERED);
    }
    free_sides(&s);
}

static void test_many_columns(void **state)
{
    sides s = new_sides(2 * FEW, 5, 5, 0);
    double rho = sqrt(1 - exp(-0.4));
    (void)state;
    for (int i = 0; i < 10 * FEW; i++) { /* cubes: another margin, the same information */
        double x = normal(), y = rho * x + sqrt(1 - rho * rho) * normal();
        s.x[i] = x * x * x;
        s.y[i] = y;
    }
    CLOSE("five pairs, gauss", 1, GAUSS, &s, .method = DIM_INFORMATION_GAUSS);
    CLOSE("five pairs, auto", 1, GAUSS, &s, .seed = 1);
    dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_KNN, .seed = 1); /* in ten columns it errs downward */
    near(r.raw, 0.76, 0.08);
    assert_true(r.warnings & DIM_INFORMATION_NOT_CONVERGED && r.deficit > 0.05);
    CLOSE("five pairs, critic", 1, CRITIC, &s, .method = DIM_INFORMATION_CRITIC, .seed = 1);
    free_sides(&s);
    s = new_sides(1000, 20, 20, 0); /* so many correlations that those of a fold's rows say much less on others */
    rho = sqrt(1 - exp(-0.2));
    for (int i = 0; i < 20 * 1000; i++) {
        double x = normal(), y = rho * x + sqrt(1 - rho * rho) * normal();
        s.x[i] = x * x * x;
        s.y[i] = y * y * y;
    }
    CLOSE("twenty pairs, auto", 2, GAUSS, &s, .seed = 1);
    free_sides(&s);
}

/* What a Gaussian copula does not see, in more columns: a scale in common, 2 x 3; and a product of two of ten columns. */
static void test_interactions(void **state)
{
    sides s = new_sides(2 * FEW, 2, 3, 0), t = new_sides(2 * FEW, 10, 1, 0);
    (void)state;
    for (int i = 0; i < s.n; i++) {
        double scale = sqrt(2 / gamma_of(2));
        for (int j = 0; j < 2; j++)
            s.x[2 * i + j] = scale * normal();
        for (int j = 0; j < 3; j++)
            s.y[3 * i + j] = scale * normal();
        for (int j = 0; j < 10; j++)
            t.x[10 * i + j] = normal();
        t.y[i] = t.x[10 * i] * t.x[10 * i + 1] + normal() / 2;
    }
    COVERS("Student, 2 x 3, 4 degrees of freedom", 0.093529, &s, .method = DIM_INFORMATION_AUTO);
    COVERS("product of two of ten columns", 0.7332, &t, .method = DIM_INFORMATION_AUTO);
    free_sides(&s);
    free_sides(&t);
}

/* Uncorrelated, with a scale in common: Student, 2 degrees of freedom.  19 of 20 intervals have the truth. */
static void test_critic(void **state)
{
    const double truth = 0.448151;
    sides s = new_sides(2 * FEW, 5, 5, 0);
    int covered = 0;
    (void)state;
    for (uint64_t round = 1; round <= 5; round++) {
        for (int i = 0; i < 2 * FEW; i++) {
            double scale = sqrt(1 / exponential());
            for (int j = 0; j < 5; j++) {
                s.x[5 * i + j] = scale * normal();
                s.y[5 * i + j] = scale * normal();
            }
        }
        dim_information_result r = MEASURE(&s, .seed = round);
        assert_int_equal(r.method, DIM_INFORMATION_CRITIC);
        near(r.value, truth, 0.08);
        assert_true(r.bound < truth && r.bound < r.value); /* a lower bound */
        covered += r.low <= truth && truth <= r.high;
    }
    assert_in_range(covered, 3, 5); /* fewer once in a thousand, whatever the last bits that training ends with */
    free_sides(&s);
}

static void test_saturated(void **state)
{
    sides s = new_sides(1000, 1, 1, 0);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        s.x[i] = normal();
        s.y[i] = exp(s.x[i]);
    }
    dim_information_result r = MEASURE(&s, .seed = 1);
    assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
    assert_true((r.warnings & DIM_INFORMATION_DETERMINISTIC) && (r.warnings & DIM_INFORMATION_SATURATED));
    assert_true(r.low > 5 && isinf(r.high));
    for (int k = 0; k < 2; k++) { /* not monotone */
        for (int i = 0; i < 1000; i++)
            s.y[i] = k == 0 ? s.x[i] * s.x[i] : sin(3 * s.x[i]);
        r = MEASURE(&s, .seed = 1);
        assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
        assert_true(r.warnings & DIM_INFORMATION_DETERMINISTIC);
    }
    for (int i = 0; i < 1000; i++) /* a column with a value a row */
        s.y[i] = i;
    uint8_t kind = DIM_INFORMATION_KIND_UNORDERED;
    dim_information *info;
    dim_information_options o;
    DIM_OPTIONS_INIT(&o);
    o.method = DIM_INFORMATION_DISCRETE;
    ok(try_measure(&s, &o, &kind, &kind, &info));
    r = result_of(info);
    assert_int_equal(r.verdict, DIM_INFORMATION_NONE);
    assert_true(r.warnings & DIM_INFORMATION_UNDERSAMPLED);
    dim_information_destroy(info);
    free_sides(&s);
}

/* Uniform columns with uniform noise: 0.5 nats a pair, of which a Gaussian copula has 0.32 and critics learn nothing more.  Single
 * pairs show it: said, and the end of the interval allows for it. */
static void test_edges(void **state)
{
    sides s = new_sides(FEW, 5, 5, 0);
    dim_information *info;
    dim_information_options o;
    (void)state;
    for (int i = 0; i < 5 * FEW; i++) {
        s.x[i] = uniform();
        s.y[i] = s.x[i] + uniform() - 0.5;
    }
    DIM_OPTIONS_INIT(&o);
    o.seed = 1;
    ok(try_measure(&s, &o, NULL, NULL, &info));
    dim_information_result r = result_of(info);
    assert_true(r.low < 2.5 && 2.5 < r.high);
    if (r.method == DIM_INFORMATION_GAUSS) {
        assert_true(r.warnings & DIM_INFORMATION_METHODS_DISAGREE);
        assert_non_null(strstr(dim_information_warning_text(info, DIM_INFORMATION_METHODS_DISAGREE), "single pairs of columns"));
    }
    dim_information_destroy(info);
    free_sides(&s);
}

/* Neighbours of more columns are farther away, and gain less from more rows: the interval knows that more is missing.  With what is gained
 * as all that is missing, of two pairs none of these intervals has the truth. */
static void test_edges_of_neighbors(void **state)
{
    enum { ROUNDS = 10, ROWS = 1000 };
    int held = 0;
    sides s = new_sides(ROWS, 2, 2, 0);
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < 2 * ROWS; i++) {
            s.x[i] = uniform();
            s.y[i] = fmod(s.x[i] + 0.5 * uniform(), 1);
        }
        dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_KNN, .seed = round);
        held += r.low <= 2 * log(2) && 2 * log(2) <= r.high;
        assert_true(r.high < 2.2 && r.raw + r.deficit < r.high);
    }
    assert_in_range(held, ROUNDS - 2, ROUNDS);
    free_sides(&s);
}

/* Of three pairs critics learn a part, and neighbours see another: whichever is taken, the interval knows of both. */
static void test_edges_of_critics(void **state)
{
    enum { ROWS = 1500 };
    sides s = new_sides(ROWS, 3, 3, 0);
    dim_information_options o;
    dim_information *info;
    (void)state;
    for (int i = 0; i < 3 * ROWS; i++) {
        s.x[i] = uniform();
        s.y[i] = fmod(s.x[i] + 0.5 * uniform(), 1);
    }
    DIM_OPTIONS_INIT(&o);
    o.seed = 2;
    ok(try_measure(&s, &o, NULL, NULL, &info));
    dim_information_result r = result_of(info), one;
    assert_true(r.low <= 3 * log(2) && 3 * log(2) <= r.high);
    for (int64_t k = 0; k < dim_information_candidates(info); k++) {
        DIM_OPTIONS_INIT(&one);
        ok(dim_information_get_candidate(info, k, &one));
        if (one.method == DIM_INFORMATION_KNN && one.raw > r.bound)
            assert_true(r.high >= one.high);
    }
    dim_information_destroy(info);
    free_sides(&s);
}

/* Far above what rows can show: the bound is nearly as high as that, and its own error is small. */
static void test_saturated_critic(void **state)
{
    sides s = new_sides(1000, 5, 5, 0);
    (void)state;
    for (int i = 0; i < 5000; i++) { /* 9.8 nats; ln 333 is 5.8 */
        s.x[i] = normal();
        s.y[i] = 0.99 * s.x[i] + sqrt(1 - 0.99 * 0.99) * normal();
    }
    dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_CRITIC, .seed = 1);
    assert_int_equal(r.verdict, DIM_INFORMATION_LOWER_BOUND);
    assert_true((r.warnings & DIM_INFORMATION_SATURATED) && isinf(r.high));
    near(r.raw, log(1000.0 / 3), 0.3);
    assert_true(r.low > r.raw - 0.1 && r.low < r.raw);
    free_sides(&s);
}

/* Rows that are there twice count once, rounded numbers that meet by chance as often as they are there. */
static void test_copies(void **state)
{
    sides s = new_sides(2000, 1, 1, 0);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        s.x[i] = s.x[1999 - i] = normal();
        s.y[i] = s.y[1999 - i] = normal();
    }
    dim_information_result r = MEASURE(&s, .seed = 1, .order = DIM_INFORMATION_ORDER_IID);
    assert_true(r.warnings & DIM_INFORMATION_DUPLICATES);
    assert_int_equal(r.rows, 1000);
    assert_int_equal(r.duplicates, 1000);
    near(r.raw, 0, 0.1);
    assert_true(r.low < 0.02);
    for (int i = 0; i < 2000; i++) {
        s.x[i] = 0.05 * rint(20 * normal());
        s.y[i] = 0.05 * rint(20 * (s.x[i] + normal()));
    }
    r = MEASURE(&s, .seed = 1);
    assert_false(r.warnings & DIM_INFORMATION_DUPLICATES);
    assert_int_equal(r.rows, 2000);
    near(r.raw, log(2) / 2, 0.08);
    free_sides(&s);
}

/* Tables with few counts a cell: what is not there must not be found. */
static void test_sparse_tables(void **state)
{
    sides s = new_sides(1000, 1, 1, 0);
    int certain = 0;
    (void)state;
    for (uint64_t round = 0; round < 100; round++) {
        for (int i = 0; i < 1000; i++) {
            s.x[i] = floor(15 * uniform());
            s.y[i] = floor(15 * uniform());
        }
        dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_DISCRETE, .order = DIM_INFORMATION_ORDER_IID);
        certain += r.low > 0;
        assert_true(r.high >= r.value);
    }
    assert_in_range(certain, 0, 12);
    certain = 0;
    for (uint64_t round = 0; round < 50; round++) { /* undersampled: said, and not believed */
        s.n = 400;
        for (int i = 0; i < 400; i++) {
            s.x[i] = floor(20 * uniform());
            s.y[i] = floor(20 * uniform());
        }
        dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_DISCRETE, .order = DIM_INFORMATION_ORDER_IID);
        assert_true(r.warnings & DIM_INFORMATION_UNDERSAMPLED);
        certain += r.low > 0;
    }
    assert_in_range(certain, 0, 5);
    s.n = 1000;
    for (int i = 0; i < 1000; i++)
        s.x[i] = floor(15 * uniform());
    for (int i = 0; i < 1000; i++) /* and what is there stays */
        s.y[i] = uniform() < 0.5 ? s.x[i] : floor(15 * uniform());
    /* p(x = y) is 1/2 + 1/30, each other cell 1/30 */
    double same = 0.5 + 0.5 / 15, other = 0.5 / 15, truth = log(15) + same * log(same) + 14 * other * log(other);
    CLOSE("half of the symbols copied", truth, DISCRETE, &s, .order = DIM_INFORMATION_ORDER_IID);
    free_sides(&s);
}

/* Fifty groups of ten rows with effects of their own in x and y, which have nothing to do with each other. */
static void test_groups(void **state)
{
    enum { ROWS = 500 };
    sides s = new_sides(ROWS, 1, 1, 0);
    int32_t group[ROWS];
    int certain = 0, alarms = 0;
    dim_tensor *groups;
    (void)state;
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ ROWS }, &groups));
    for (uint64_t round = 0; round < 20; round++) {
        double x[50], y[50];
        for (int g = 0; g < 50; g++) {
            x[g] = normal();
            y[g] = normal();
        }
        for (int i = 0; i < ROWS; i++) {
            group[i] = i * 7 % 50;
            s.x[i] = x[group[i]] + 0.3 * normal();
            s.y[i] = y[group[i]] + 0.3 * normal();
        }
        memcpy(dim_tensor_data(groups), group, sizeof group);
        tensors t = tensors_of(&s);
        t.data.groups = groups;
        dim_information_options o;
        DIM_OPTIONS_INIT(&o);
        o.permutations = 39;
        o.seed = round + 1;
        o.method = DIM_INFORMATION_GAUSS;
        dim_information *info;
        ok(dim_information_measure(ctx, &o, &t.data, &info));
        dim_information_result r = result_of(info);
        certain += r.low > 0.005;
        alarms += r.p_value <= 0.05;
        assert_true(r.effective_rows <= ROWS);
        dim_information_destroy(info);
        free_tensors(&t);
    }
    assert_in_range(certain, 0, 4);
    assert_in_range(alarms, 0, 4);
    dim_tensor_destroy(groups);
    free_sides(&s);
}

/* A chain X <- Z -> Y in two columns each: nothing is left when Z is known; and labels as a condition. */
static void test_many_given(void **state)
{
    sides s = new_sides(1500, 2, 2, 2);
    (void)state;
    for (int i = 0; i < 3000; i++) {
        s.z[i] = normal();
        s.x[i] = s.z[i] + normal();
        s.y[i] = s.z[i] + normal();
    }
    dim_information_result r = MEASURE(&s, .seed = 1);
    near(r.value, 0, 0.05);
    assert_true(r.low < 0.02);
    free_sides(&s);
    s = new_sides(300, 1, 1, 1);
    int alarms = 0;
    for (uint64_t round = 0; round < 60; round++) {
        for (int i = 0; i < 300; i++) {
            s.z[i] = floor(3 * uniform());
            s.x[i] = s.z[i] + normal();
            s.y[i] = s.z[i] + normal();
        }
        alarms += MEASURE(&s, .permutations = 19, .seed = round + 1).p_value <= 0.1;
        if (round < 3) { /* and what is there is found */
            for (int i = 0; i < 300; i++)
                s.y[i] = s.z[i] + s.x[i] + normal();
            near(MEASURE(&s, .permutations = 39, .seed = round + 1).p_value, 0.025, 1e-12);
        }
    }
    assert_in_range(alarms, 1, 15);
    free_sides(&s);
}

/* Two walks that have nothing to do with each other: as single rows they seem to. */
static void test_series(void **state)
{
    sides s = new_sides(2000, 1, 1, 0);
    int alarms = 0, certain = 0, of_single_rows = 0;
    (void)state;
    for (uint64_t round = 1; round <= 10; round++) {
        for (int i = 0; i < 2000; i++) {
            s.x[i] = (i > 0 ? 0.95 * s.x[i - 1] : 0) + normal();
            s.y[i] = (i > 0 ? 0.95 * s.y[i - 1] : 0) + normal();
        }
        dim_information_result r = MEASURE(&s, .permutations = 19, .seed = round);
        assert_true(r.warnings & DIM_INFORMATION_AUTOCORRELATED);
        assert_true(r.effective_rows < 500);
        certain += r.low > 0.02;
        alarms += r.p_value <= 0.05;
        r = MEASURE(&s, .permutations = 19, .seed = round, .order = DIM_INFORMATION_ORDER_IID);
        assert_false(r.warnings & DIM_INFORMATION_AUTOCORRELATED);
        of_single_rows += r.p_value <= 0.05;
    }
    assert_in_range(certain, 0, 2);
    assert_in_range(alarms, 0, 3);
    assert_in_range(of_single_rows, 6, 10);
    /* y follows x by 3 rows */
    for (int i = 0; i < 2000; i++) {
        s.x[i] = normal();
        s.y[i] = (i >= 3 ? s.x[i - 3] : 0) + normal();
    }
    near(MEASURE(&s, .lag = 3, .seed = 1).value, log(2) / 2, 0.08);
    near(MEASURE(&s, .lag = -3, .seed = 1).value, 0, 0.05);
    assert_int_equal(MEASURE(&s, .lag = 3, .seed = 1).rows, 1997);
    free_sides(&s);
}

/* The same bits with any number of threads. */
static void test_threads(void **state)
{
    sides s = new_sides(3000, 2, 2, 0);
    double raw[2][2];
    dim_context *outer = ctx;
    (void)state;
    for (int i = 0; i < 6000; i++) {
        s.x[i] = floor(50 * uniform()); /* dithered */
        s.y[i] = s.x[i] + 10 * normal();
    }
    for (uint32_t threads = 1; threads <= 2; threads++) {
        dim_context_options o;
        DIM_OPTIONS_INIT(&o);
        o.threads = 1 + 2 * (threads - 1);
        o.gemm = DIM_GEMM_REFERENCE;
        ok(dim_context_create(&o, &ctx));
        raw[threads - 1][0] = MEASURE(&s, .method = DIM_INFORMATION_KNN).raw;
        raw[threads - 1][1] = MEASURE(&s, .method = DIM_INFORMATION_GAUSS).raw;
        dim_context_destroy(ctx);
    }
    ctx = outer;
    assert_memory_equal(raw[0], raw[1], sizeof raw[0]);
    free_sides(&s);
}

/* P-values under independence are even: at 0.05, 2.5 to 8 % of 400. */
static void test_false_alarms(void **state)
{
    sides s = new_sides(200, 1, 1, 0);
    int alarms = 0, certain = 0;
    (void)state;
    for (uint64_t round = 0; round < 400; round++) {
        for (int i = 0; i < 200; i++) {
            s.x[i] = normal();
            s.y[i] = uniform();
        }
        dim_information_result r = MEASURE(&s, .permutations = 39, .seed = round + 1);
        alarms += r.p_value <= 0.05;
        certain += r.low > 0;
    }
    assert_in_range(alarms, 10, 32);
    assert_in_range(certain, 0, 20);
    free_sides(&s);
}

/* The same where a Gaussian copula and neighbours compete, and the larger one is taken. */
static void test_false_alarms_of_rivals(void **state)
{
    enum { ROUNDS = 400, ROWS = 80 };
    sides s = new_sides(ROWS, 2, 2, 0);
    int alarms = 0, by_neighbors = 0;
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2 * ROWS; i++) {
            s.x[i] = normal();
            s.y[i] = normal();
        }
        dim_information_result r = MEASURE(&s, .permutations = 19, .seed = round + 1, .order = DIM_INFORMATION_ORDER_IID);
        alarms += r.p_value <= 0.05;
        by_neighbors += r.method == DIM_INFORMATION_KNN;
    }
    assert_in_range(alarms, ROUNDS / 40, ROUNDS * 8 / 100);
    assert_in_range(by_neighbors, ROUNDS / 50, ROUNDS / 2); /* both are taken, as it comes */
    for (int i = 0; i < ROWS; i++) /* and what only neighbours see is found */
        s.y[2 * i] = s.x[2 * i] * s.x[2 * i] + 0.1 * normal();
    assert_true(MEASURE(&s, .permutations = 99, .order = DIM_INFORMATION_ORDER_IID).p_value <= 0.03);
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal),       cmocka_unit_test(test_jointly_normal), cmocka_unit_test(test_interactions),
            cmocka_unit_test(test_condition),    cmocka_unit_test(test_one_column),
        cmocka_unit_test(test_mixed),        cmocka_unit_test(test_rounded),      cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_critic),
        cmocka_unit_test(test_edges),        cmocka_unit_test(test_edges_of_neighbors), cmocka_unit_test(test_edges_of_critics),
        cmocka_unit_test(test_saturated_critic),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_sparse_tables),
        cmocka_unit_test(test_many_given),
        cmocka_unit_test(test_saturated),    cmocka_unit_test(test_series),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_false_alarms),
        cmocka_unit_test(test_false_alarms_of_rivals),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
