/* The critics of <dim/information.h>: derivatives of what they say, what they see, and whose rows they know. */
#include "information_tests.h"

static dim_tensor *empty(int64_t n, int64_t d, dim_dtype dtype)
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, dtype, 2, (int64_t[]){ n, d }, &t));
    return t;
}

/* ---- gradients ------------------------------------------------------------------------------------------------------- */

/* x and y of d columns, n rows: linear, squared and common-scale dependence; then y's last column is a label of x's first. */
static sides draw_rich(int64_t n, int64_t dx, int64_t dy)
{
    sides s = new_sides(n, dx, dy, 0);
    for (int64_t i = 0; i < n; i++) {
        double scale = exp(0.5 * normal());
        for (int64_t j = 0; j < dx; j++)
            s.x[i * dx + j] = scale * normal() * (j == 1 ? 1000 : 1);
        for (int64_t j = 0; j < dy; j++)
            s.y[i * dy + j] = scale * normal() + (j == 0 ? 0.7 * s.x[i * dx] : 0);
    }
    return s;
}

static double value_at(const dim_information *info, const sides *s)
{
    double value;
    dim_tensor *x = tensor_of(s->x, s->n, s->dx), *y = tensor_of(s->y, s->n, s->dy);
    ok(dim_information_gradient(info, x, y, &value, NULL, NULL));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    return value;
}

/* Central differences by every number of both sides. */
static void compare_with_differences(const dim_information *info, sides *s)
{
    double value, most[2] = { 0 };
    dim_tensor *x = tensor_of(s->x, s->n, s->dx), *y = tensor_of(s->y, s->n, s->dy);
    dim_tensor *gx = empty(s->n, s->dx, DIM_F64), *gy = empty(s->n, s->dy, DIM_F64);
    ok(dim_information_gradient(info, x, y, &value, gx, gy));
    near(value_at(info, s), value, 0);
    for (int side = 0; side < 2; side++) {
        double *at = side == 0 ? s->x : s->y;
        const double *g = dim_tensor_data(side == 0 ? gx : gy);
        for (int64_t k = 0; k < s->n * (side == 0 ? s->dx : s->dy); k++) {
            double old = at[k], h = 1e-6 * fmax(fabs(old), 1e-2), up, down;
            at[k] = old + h;
            up = value_at(info, s);
            at[k] = old - h;
            down = value_at(info, s);
            at[k] = old;
            if (fabs((up - down) / (2 * h) - g[k]) > 1e-5 * fabs(g[k]) + 1e-7)
                fail_msg("number %lld of side %d: %.9g by differences, %.9g by the function", (long long)k, side, (up - down) / (2 * h),
                         g[k]);
            most[side] = fmax(most[side], fabs(g[k]));
        }
    }
    assert_true(most[0] > 1e-4 && most[1] > 1e-4);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_tensor_destroy(gx);
    dim_tensor_destroy(gy);
}

static dim_information *measured(const sides *s, const uint8_t *y_kinds, dim_information_options o)
{
    dim_information *info;
    o.size = sizeof o;
    ok(try_measure(s, &o, NULL, y_kinds, &info));
    return info;
}
#define MEASURED(s, kinds, ...) measured(s, kinds, (dim_information_options){ .size = 0, __VA_ARGS__ })

static void test_gradient(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        sides s = draw_rich(1500, wide ? 7 : 3, wide ? 6 : 2), few = draw_rich(9, s.dx, s.dy);
        dim_information *info = MEASURED(&s, NULL, .method = DIM_INFORMATION_CRITIC, .max_steps = 400);
        if (wide) /* else derivatives of a narrow critic are not looked at */
            assert_non_null(strstr(dim_information_report(info), "canonical pairs"));
        compare_with_differences(info, &few);
        dim_information_destroy(info);
        free_sides(&s);
        free_sides(&few);
    }
}

/* A label changes the value, but has no derivative; a constant column has no effect. */
static void test_gradient_of_labels(void **state)
{
    (void)state;
    double value, moved;
    const uint8_t kinds[3] = { DIM_INFORMATION_KIND_AUTO, DIM_INFORMATION_KIND_UNORDERED, DIM_INFORMATION_KIND_AUTO };
    sides s = draw_rich(900, 2, 3);
    for (int64_t i = 0; i < s.n; i++) {
        s.y[3 * i + 1] = s.x[2 * i] > 0 ? 3 : 7;
        s.y[3 * i + 2] = 5;
    }
    dim_information *info = MEASURED(&s, kinds, .method = DIM_INFORMATION_CRITIC, .max_steps = 200);
    s.n = 20;
    dim_tensor *x = tensor_of(s.x, 20, 2), *y = tensor_of(s.y, 20, 3), *gy = empty(20, 3, DIM_F32);
    ok(dim_information_gradient(info, x, y, &value, NULL, gy));
    const float *g = dim_tensor_data(gy);
    for (int64_t i = 0; i < 20; i++) {
        assert_true(g[3 * i] < 0 || g[3 * i] > 0);
        assert_true(!(g[3 * i + 1] < 0) && !(g[3 * i + 1] > 0) && !(g[3 * i + 2] < 0) && !(g[3 * i + 2] > 0));
    }
    for (int64_t i = 0; i < 20; i++)
        s.y[3 * i + 2] = 99;
    near(value_at(info, &s), value, 0);
    for (int64_t i = 0; i < 20; i++)
        s.y[3 * i + 1] = s.y[3 * i + 1] < 5 ? 7 : 3;
    moved = value_at(info, &s);
    assert_true(moved < value - 0.3);
    dim_information_destroy(info);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_tensor_destroy(gy);
    free_sides(&s);
}

/* Of the measured rows themselves it is close to the measurement's bound, and of new rows, too. */
static void test_gradient_value(void **state)
{
    (void)state;
    sides s = draw_rich(2000, 2, 2), other = draw_rich(2000, 2, 2);
    dim_information *info = MEASURED(&s, NULL, .method = DIM_INFORMATION_CRITIC);
    dim_information_result r = result_of(info);
    near(value_at(info, &s), r.bound, 0.08);
    near(value_at(info, &other), r.bound, 3 * sqrt(2) * r.standard_error + 0.02);
    dim_information_destroy(info);
    free_sides(&s);
    free_sides(&other);
}

/* The least number of a column is on the curve's end, not beyond the other one: numbers with edges show it. */
static void test_gradient_at_the_ends(void **state)
{
    enum { N = 300 };
    sides s = new_sides(N, 1, 1, 0);
    int least = 0;
    (void)state;
    for (int i = 0; i < N; i++) {
        s.x[i] = uniform();
        s.y[i] = s.x[i] + uniform();
        least = s.x[i] < s.x[least] ? i : least;
    }
    dim_information *info = MEASURED(&s, NULL, .method = DIM_INFORMATION_CRITIC, .max_steps = 20);
    near(value_at(info, &s), result_of(info).bound, 0.08);
    s.x[least] -= 1e-9; /* a step over the end is a small one */
    double before = value_at(info, &s);
    s.x[least] += 2e-9;
    near(value_at(info, &s), before, 1e-5);
    dim_information_destroy(info);
    free_sides(&s);
}

/* y knows one direction of a plane.  What a caller's feature, a projection of the plane, tells about y is raised to all that
 * there is, or brought down to nothing, by steps along the function's derivatives. */
static void climb(double sign, double *angle, double *information)
{
    enum { N = 600, ROUNDS = 8 };
    const double truth_at = 1.1;
    static double source[2 * N];
    sides s = new_sides(N, 1, 1, 0);
    for (int i = 0; i < N; i++) {
        double along;
        source[2 * i] = normal();
        source[2 * i + 1] = normal();
        along = source[2 * i] * cos(truth_at) + source[2 * i + 1] * sin(truth_at);
        s.y[i] = along * along * along + 0.5 * normal();
    }
    *angle = truth_at - 0.7;
    dim_tensor *y = tensor_of(s.y, N, 1), *g = empty(N, 1, DIM_F64);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < N; i++)
            s.x[i] = source[2 * i] * cos(*angle) + source[2 * i + 1] * sin(*angle);
        dim_information *info = MEASURED(&s, NULL, .method = DIM_INFORMATION_CRITIC, .max_steps = 200, .folds = 2);
        dim_tensor *x = tensor_of(s.x, N, 1);
        *information = result_of(info).value;
        ok(dim_information_gradient(info, x, y, NULL, g, NULL));
        double turn = 0;
        const double *by = dim_tensor_data(g);
        for (int i = 0; i < N; i++)
            turn += by[i] * (source[2 * i + 1] * cos(*angle) - source[2 * i] * sin(*angle));
        double most = 0.3 * pow(0.8, round);
        *angle += fmin(fmax(sign * turn, -most), most);
        dim_tensor_destroy(x);
        dim_information_destroy(info);
    }
    *angle -= truth_at;
    dim_tensor_destroy(y);
    dim_tensor_destroy(g);
    free_sides(&s);
}

static void test_climbing(void **state)
{
    (void)state;
    double angle, information;
    climb(1, &angle, &information);
    near(angle, 0, 0.1);
    assert_true(information > 0.8); /* 0.36 at the start, about 1 at the best angle */
    climb(-1, &angle, &information);
    near(angle, -acos(0), 0.3);
    assert_true(information < 0.1);
}

/* Numbers that are finite have values and derivatives that are, however far out. */
static void test_gradient_far_out(void **state)
{
    (void)state;
    sides s = draw_rich(300, 2, 1);
    dim_information *info = MEASURED(&s, NULL, .method = DIM_INFORMATION_CRITIC, .max_steps = 50);
    dim_tensor *y = tensor_of(s.y, 300, 1), *grad_x = empty(300, 2, DIM_F64), *grad_y = empty(300, 1, DIM_F64);
    static const double far[] = { 1e9, -1e30, 1e300, -1.7e308, 1.7e308 };
    for (int k = 0; k < 5; k++) {
        double value, *x = s.x;
        x[6] = far[k];
        dim_tensor *t = tensor_of(x, 300, 2);
        ok(dim_information_gradient(info, t, y, &value, grad_x, grad_y));
        assert_true(isfinite(value));
        for (int i = 0; i < 600; i++)
            assert_true(isfinite(((double *)dim_tensor_data(grad_x))[i]) && isfinite(((double *)dim_tensor_data(grad_y))[i / 2]));
        near(((double *)dim_tensor_data(grad_x))[6], 0, 0);
        dim_tensor_destroy(t);
    }
    dim_tensor_destroy(y);
    dim_tensor_destroy(grad_x);
    dim_tensor_destroy(grad_y);
    dim_information_destroy(info);
    free_sides(&s);
}

static void test_gradient_refused(void **state)
{
    (void)state;
    sides s = draw_rich(300, 2, 1), with = new_sides(300, 1, 1, 1);
    dim_tensor *x = tensor_of(s.x, 300, 2), *y = tensor_of(s.y, 300, 1), *short_y = tensor_of(s.y, 299, 1), *g = empty(300, 2, DIM_F32);
    dim_tensor *whole = empty(300, 2, DIM_I32), *row = tensor_of(s.x, 1, 2), *row_y = tensor_of(s.y, 1, 1);
    dim_information *info = MEASURED(&s, NULL, .method = DIM_INFORMATION_KNN);
    expect(DIM_E_STATE, "by knn", dim_information_gradient(info, x, y, NULL, g, NULL));
    dim_information_destroy(info);
    for (int i = 0; i < 300; i++) {
        with.x[i] = normal();
        with.y[i] = with.x[i] + normal();
        with.z[i] = with.x[i] + normal();
    }
    info = MEASURED(&with, NULL, .method = DIM_INFORMATION_CRITIC, .max_steps = 10);
    expect(DIM_E_STATE, "condition", dim_information_gradient(info, y, y, NULL, NULL, NULL));
    dim_information_destroy(info);
    info = MEASURED(&s, NULL, .method = DIM_INFORMATION_CRITIC, .max_steps = 10);
    expect(DIM_E_INVALID, "y is NULL", dim_information_gradient(info, x, NULL, NULL, g, NULL));
    expect(DIM_E_SHAPE, "x has shape (300, 1); it must be (n, 2)", dim_information_gradient(info, y, y, NULL, NULL, NULL));
    expect(DIM_E_SHAPE, "y has shape (299, 1)", dim_information_gradient(info, x, short_y, NULL, NULL, NULL));
    expect(DIM_E_SHAPE, "at least 2", dim_information_gradient(info, row, row_y, NULL, NULL, NULL));
    expect(DIM_E_SHAPE, "grad_y is f32 (300, 2); it must be f32 or f64 (300, 1)", dim_information_gradient(info, x, y, NULL, NULL, g));
    expect(DIM_E_SHAPE, "grad_x is i32", dim_information_gradient(info, x, y, NULL, whole, NULL));
    expect(DIM_E_INVALID, "x", dim_information_gradient(info, x, y, NULL, x, NULL));
    ((double *)dim_tensor_data(x))[7] = (double)NAN;
    expect(DIM_E_NUMERIC, "x: row 3, column 1 is not finite", dim_information_gradient(info, x, y, NULL, g, NULL));
    dim_information_destroy(info);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_tensor_destroy(short_y);
    dim_tensor_destroy(g);
    dim_tensor_destroy(whole);
    dim_tensor_destroy(row);
    dim_tensor_destroy(row_y);
    free_sides(&s);
    free_sides(&with);
}

/* ---- coordinates ----------------------------------------------------------------------------------------------------- */

/* Each side turned by a random orthogonal matrix. */
static void turn_side(double *x, int64_t n, int64_t d)
{
    double q[16][16], row[16];
    for (int64_t i = 0; i < d; i++) {
        double size = 0;
        for (int64_t j = 0; j < d; j++)
            q[i][j] = normal();
        for (int64_t k = 0; k < i; k++) {
            double along = 0;
            for (int64_t j = 0; j < d; j++)
                along += q[i][j] * q[k][j];
            for (int64_t j = 0; j < d; j++)
                q[i][j] -= along * q[k][j];
        }
        for (int64_t j = 0; j < d; j++)
            size += q[i][j] * q[i][j];
        for (int64_t j = 0; j < d; j++)
            q[i][j] /= sqrt(size);
    }
    for (int64_t r = 0; r < n; r++) {
        memcpy(row, x + r * d, (size_t)d * sizeof *row);
        for (int64_t i = 0; i < d; i++) {
            x[r * d + i] = 0;
            for (int64_t j = 0; j < d; j++)
                x[r * d + i] += q[i][j] * row[j];
        }
    }
}

/* Cubed Gaussians of five columns, 2 nats; turned or not. */
static sides draw_cubed(int64_t n, bool turned)
{
    sides s = new_sides(n, 5, 5, 0);
    double rho = sqrt(1 - exp(-0.8));
    for (int64_t i = 0; i < 5 * n; i++) {
        double a = normal(), b = rho * a + sqrt(1 - rho * rho) * normal();
        s.x[i] = a * a * a;
        s.y[i] = b * b * b;
    }
    if (turned) {
        turn_side(s.x, n, 5);
        turn_side(s.y, n, 5);
    }
    return s;
}

static void test_components(void **state)
{
    (void)state;
    sides s = draw_cubed(3000, true), axes = draw_cubed(3000, false);
    dim_information *info = MEASURED(&s, NULL, .seed = 1);
    assert_non_null(strstr(dim_information_report(info), "of independent components"));
    assert_true(result_of(info).value > 1.8 && result_of(info).value < 2.1);
    /* Single pairs are compared in the coordinates of the copula: pairs of columns would show more than theirs. */
    assert_int_equal(result_of(info).method, DIM_INFORMATION_GAUSS);
    assert_true(result_of(info).high < 2.2 && !(result_of(info).warnings & DIM_INFORMATION_METHODS_DISAGREE));
    assert_true(MEASURE(&s, .method = DIM_INFORMATION_GAUSS).value < 1.5); /* of the columns themselves */
    dim_information_destroy(info);
    info = MEASURED(&axes, NULL, .seed = 1);
    assert_null(strstr(dim_information_report(info), "components")); /* where columns are independent, nothing is to be found */
    near(result_of(info).value, 2, 0.1);
    dim_information_destroy(info);
    free_sides(&s);
    free_sides(&axes);
}

/* Three uniform columns with uniform noise, 0.5 nats each, of which a Gaussian copula has 0.32, turned together with two cubed Gaussians:
 * components are taken for the cubes, and single pairs of components show the edges, which single pairs of columns hide. */
static void test_components_with_edges(void **state)
{
    (void)state;
    enum { ROWS = 2000 };
    sides s = new_sides(ROWS, 5, 5, 0);
    double rho = sqrt(1 - exp(-1.0)), truth = 1 + 1.5;
    for (int64_t i = 0; i < 5 * s.n; i++) {
        double a = normal(), b = rho * a + sqrt(1 - rho * rho) * normal();
        s.x[i] = i % 5 < 2 ? a * a * a / 4 : 3.5 * uniform();
        s.y[i] = i % 5 < 2 ? b * b * b / 4 : s.x[i] + 3.5 * (uniform() - 0.5);
    }
    turn_side(s.x, ROWS, 5);
    turn_side(s.y, ROWS, 5);
    dim_information *info = MEASURED(&s, NULL, .seed = 1);
    dim_information_result r = result_of(info);
    assert_non_null(strstr(dim_information_report(info), "of independent components"));
    assert_true(r.low < truth && truth < r.high && (r.method == DIM_INFORMATION_CRITIC || (r.warnings & DIM_INFORMATION_METHODS_DISAGREE)));
    dim_information_destroy(info);
    free_sides(&s);
}

/* Two columns, whose number is not their place: a constant one comes first. */
static void test_components_gradient(void **state)
{
    (void)state;
    sides s = new_sides(1500, 3, 2, 0);
    for (int64_t i = 0; i < s.n; i++) {
        double a = normal(), b = normal(), c = 0.9 * a + 0.4 * normal(), d = 0.9 * b + 0.4 * normal();
        s.x[3 * i] = 4;
        s.x[3 * i + 1] = a * a * a + b * b * b;
        s.x[3 * i + 2] = 100 * (a * a * a - b * b * b);
        s.y[2 * i] = c * c * c;
        s.y[2 * i + 1] = d * d * d;
    }
    dim_information *info = MEASURED(&s, NULL, .method = DIM_INFORMATION_CRITIC, .max_steps = 200);
    assert_non_null(strstr(dim_information_report(info), "of independent components"));
    s.n = 7;
    compare_with_differences(info, &s);
    dim_information_destroy(info);
    free_sides(&s);
}

/* Two of twelve columns tell something, and a rotation by an angle that depends on the length of the row hides it from
 * correlations: 1.022 nats. */
static void test_narrow(void **state)
{
    (void)state;
    enum { D = 12 };
    sides s = new_sides(4000, D, D, 0);
    for (int64_t i = 0; i < s.n; i++)
        for (int side = 0; side < 2; side++) {
            double *x = (side == 0 ? s.x : s.y) + i * D;
            for (int64_t j = 0; j < D; j++)
                x[j] = side == 0 || j > 1 ? normal() : 0.8 * s.x[i * D + j] + 0.6 * normal();
        }
    for (int64_t i = 0; i < s.n; i++)
        for (int side = 0; side < 2; side++) {
            double *x = (side == 0 ? s.x : s.y) + i * D, square = 0, u = x[side], v = x[side + 1];
            for (int64_t j = 0; j < D; j++)
                square += x[j] * x[j];
            x[side] = u * cos(square / D) - v * sin(square / D);
            x[side + 1] = u * sin(square / D) + v * cos(square / D);
        }
    dim_information *info = MEASURED(&s, NULL, .seed = 1);
    dim_information_result r = result_of(info);
    assert_non_null(strstr(dim_information_report(info), "canonical pairs"));
    /* Much more than linear relations have, but not all: what an angle hides is learnt slowly, and the interval need not reach it. */
    assert_true(r.bound > MEASURE(&s, .method = DIM_INFORMATION_GAUSS).value + 0.1);
    assert_true(r.bound < 1.022 && r.low < 1.022 && r.value < 1.022 + 0.1);
    dim_information_destroy(info);
    free_sides(&s);
}

/* ---- weights --------------------------------------------------------------------------------------------------------- */

/* Three of four rows, whose y is that of others, have next to no weight: critics are to learn the rest, to be chosen by it, and what
 * the second half of the rows brought is counted by it. */
static void test_weights(void **state)
{
    (void)state;
    enum { ROWS = 2000, EVERY = 4 };
    sides s = new_sides(ROWS, 1, 1, 0), own = new_sides(ROWS / EVERY, 1, 1, 0);
    static double w[ROWS];
    for (int i = 0; i < ROWS; i++) {
        bool counts = i % EVERY == 0;
        double of = normal();
        w[i] = counts ? 1 : 0.002;
        s.x[i] = counts ? of : normal();
        s.y[i] = of * of + 0.3 * normal();
        if (counts) {
            own.x[i / EVERY] = s.x[i];
            own.y[i / EVERY] = s.y[i];
        }
    }
    dim_information_options o;
    dim_information *info;
    DIM_OPTIONS_INIT(&o);
    o.method = DIM_INFORMATION_CRITIC;
    o.order = DIM_INFORMATION_ORDER_IID;
    o.max_steps = 300;
    dim_information_result alone = measure_with(&own, o);
    tensors t = tensors_of(&s);
    t.data.weights = tensor_of(w, ROWS, 1);
    ok(dim_information_measure(ctx, &o, &t.data, &info));
    dim_information_result r = result_of(info);
    near(r.bound, alone.bound, 0.15);
    assert_true(r.raw > r.bound);
    dim_information_destroy(info);
    dim_tensor_destroy((dim_tensor *)t.data.weights);
    free_tensors(&t);
    free_sides(&s);
    free_sides(&own);
}

/* ---- p-values -------------------------------------------------------------------------------------------------------- */

/* Of nothing p is even.  Twice the mean of three folds' would be at most 0.25 in one of a hundred; a critic that has learnt nothing, of
 * which there are half, must not say 1 either. */
static void test_p_of_nothing(void **state)
{
    (void)state;
    int small = 0, large = 0;
    sides s = new_sides(200, 3, 3, 0);
    for (uint64_t round = 1; round <= 60; round++) {
        for (int64_t i = 0; i < 3 * s.n; i++) {
            s.x[i] = normal();
            s.y[i] = normal();
        }
        double p = MEASURE(&s, .method = DIM_INFORMATION_CRITIC, .permutations = 39, .max_steps = 20, .seed = round).p_value;
        small += p <= 0.25;
        large += p > 0.75;
    }
    assert_in_range(small, 5, 27);
    assert_in_range(large, 5, 27);
    free_sides(&s);
}

/* Critics of a few rows learn noise, the more the fewer rows: what they lose by it is not what more rows would show.  Of these ends
 * the largest would be 0.4 to 0.9, and the least 0, as if nothing could hide from 500 rows. */
static void test_high_of_nothing(void **state)
{
    (void)state;
    sides s = new_sides(500, 3, 3, 0);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        for (int64_t i = 0; i < 3 * s.n; i++) {
            s.x[i] = normal();
            s.y[i] = normal();
        }
        dim_information_result r = MEASURE(&s, .method = DIM_INFORMATION_CRITIC, .seed = seed);
        assert_true(r.high > 0.01 && r.high < 0.2 && r.low <= 0.01);
    }
    free_sides(&s);
}

static void test_p_with_condition(void **state)
{
    (void)state;
    sides s = new_sides(600, 1, 1, 1);
    for (int64_t i = 0; i < s.n; i++) {
        s.z[i] = normal();
        s.x[i] = s.z[i] + 0.5 * normal();
        s.y[i] = s.z[i] + 0.5 * normal();
    }
    dim_information_options o = { .method = DIM_INFORMATION_CRITIC, .permutations = 39, .max_steps = 100, .seed = 1 };
    assert_true(measure_with(&s, o).p_value > 0.1); /* rows exchanged at random would say 0.05 */
    for (int64_t i = 0; i < s.n; i++)
        s.y[i] += 0.5 * (s.x[i] - s.z[i]);
    near(measure_with(&s, o).p_value, 0.005, 1e-12);
    free_sides(&s);
}

/* Rows of a group share what they have: exchanged one by one they would often look dependent. */
static void test_p_with_groups(void **state)
{
    (void)state;
    enum { SIZE = 10 };
    int alarms = 0;
    static int32_t group[600];
    sides s = new_sides(600, 1, 1, 0);
    dim_tensor *groups;
    ok(dim_tensor_wrap(ctx, DIM_I32, 1, (int64_t[]){ s.n }, NULL, group, NULL, NULL, &groups));
    for (int round = 0; round < 11; round++) {
        for (int64_t i = 0; i < s.n; i++) {
            group[i] = (int32_t)(i / SIZE);
            s.x[i] = (i % SIZE == 0 ? normal() : s.x[i - i % SIZE]) + 0.01 * normal();
            s.y[i] = (round == 10 ? s.x[i] : i % SIZE == 0 ? normal() : s.y[i - i % SIZE]) + 0.01 * normal();
        }
        tensors t = tensors_of(&s);
        dim_information *info;
        dim_information_options o;
        DIM_OPTIONS_INIT(&o);
        o.method = DIM_INFORMATION_CRITIC;
        o.permutations = 39;
        o.max_steps = 50;
        t.data.groups = groups;
        ok(dim_information_measure(ctx, &o, &t.data, &info));
        if (round == 10)
            near(result_of(info).p_value, 0.005, 1e-12);
        else
            alarms += result_of(info).p_value <= 0.1;
        dim_information_destroy(info);
        free_tensors(&t);
    }
    assert_in_range(alarms, 0, 3);
    group[0] = 1; /* of 9 and 11 rows */
    tensors t = tensors_of(&s);
    dim_information *info;
    dim_information_options o;
    DIM_OPTIONS_INIT(&o);
    o.method = DIM_INFORMATION_CRITIC;
    o.permutations = 39;
    t.data.groups = groups;
    expect(DIM_E_UNSUPPORTED, "groups of one size", dim_information_measure(ctx, &o, &t.data, &info));
    t.data.groups = NULL;
    for (int64_t i = 0; i < s.n; i++)
        s.x[i] = 1 + fabs(s.x[i]);
    t.data.weights = tensor_of(s.x, s.n, 1);
    expect(DIM_E_UNSUPPORTED, "weighted rows", dim_information_measure(ctx, &o, &t.data, &info));
    dim_tensor_destroy((dim_tensor *)t.data.weights);
    t.data.weights = NULL;
    o.order = DIM_INFORMATION_ORDER_SERIES;
    o.block = 30;
    o.folds = 6; /* of 100 rows */
    expect(DIM_E_UNSUPPORTED, "turn 100 rows of a series round, too few for blocks of 30",
           dim_information_measure(ctx, &o, &t.data, &info));
    free_tensors(&t);
    dim_tensor_destroy(groups);
    free_sides(&s);
}

/* ---- progress -------------------------------------------------------------------------------------------------------- */

typedef struct heard {
    int times;
    double last;
} heard;

static int hear(void *user, double fraction, const char *text)
{
    heard *h = user;
    (void)text;
    assert_true(fraction >= h->last && fraction <= 1);
    h->last = fraction;
    return ++h->times < 0;
}

/* During each training, and never backwards; also through both trainings of a condition. */
static void test_progress(void **state)
{
    (void)state;
    sides s = new_sides(900, 1, 1, 1);
    for (int64_t i = 0; i < s.n; i++) {
        s.z[i] = normal();
        s.x[i] = s.z[i] + normal();
        s.y[i] = s.z[i] + normal();
    }
    heard h = { 0, 0 };
    (void)MEASURE(&s, .method = DIM_INFORMATION_CRITIC, .max_steps = 100, .progress = hear, .user = &h);
    assert_true(h.times >= 2 * 6 * 5);
    near(h.last, 1, 1e-12);
    free_sides(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient),       cmocka_unit_test(test_gradient_of_labels), cmocka_unit_test(test_gradient_value),
        cmocka_unit_test(test_climbing),       cmocka_unit_test(test_gradient_refused),
        cmocka_unit_test(test_components), cmocka_unit_test(test_components_with_edges),     cmocka_unit_test(test_components_gradient),
        cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_p_of_nothing), cmocka_unit_test(test_high_of_nothing),
        cmocka_unit_test(test_p_with_condition), cmocka_unit_test(test_p_with_groups),    cmocka_unit_test(test_progress),
        cmocka_unit_test(test_gradient_far_out), cmocka_unit_test(test_gradient_at_the_ends),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
