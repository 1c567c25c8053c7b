/* Inputs that are drawn: their moments, that draws differ from turn to turn, and that they can be given; and the noise of a
 * Gaussian code. */
#include "objective_tests.h"

#include <math.h>

/* The seed is fixed, so five standard errors are no chance of failure; they are how far a wrong draw must be off. */
static const double ERRORS = 5;

static void expect_near(const char *what, double got, double want, double error)
{
    if (!(fabs(got - want) <= ERRORS * error))
        fail_msg("%s is %.6g, not %.6g +- %.2g", what, got, want, error);
}

static dim_tensor *computed(dim_objective *obj, const char *value, int rank, const int64_t *shape)
{
    dim_tensor *t = f32_tensor(rank, shape, NULL);
    ok(dim_objective_compute(obj, value, t));
    return t;
}

static double correlation(const float *x, const float *y, int64_t n)
{
    double xy = 0, xx = 0, yy = 0, mx = 0, my = 0;
    for (int64_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        xy += (x[i] - mx) * (y[i] - my);
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
    }
    return xy / sqrt(xx * yy);
}

static double moment(const float *x, int64_t n, int power)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += pow(x[i], power);
    return sum / (double)n;
}

static void test_moments(void **state)
{
    enum { N = 5000, C = 2, L = 3, ALL = N * C * L };
    const double n = ALL;
    (void)state;
    dim_objective *obj = objective(3);
    INPUT(obj, .name = "normal", .kind = DIM_INPUT_NORMAL, .shape = { C, 1, L });
    INPUT(obj, .name = "uniform", .kind = DIM_INPUT_UNIFORM, .shape = { C * L });
    dim_tensor *map = computed(obj, "normal", 4, (int64_t[]){ N, C, 1, L });
    dim_tensor *vector = computed(obj, "uniform", 2, (int64_t[]){ N, C * L });
    const float *z = dim_tensor_const_data(map), *u = dim_tensor_const_data(vector);
    expect_near("normal: mean", moment(z, ALL, 1), 0, sqrt(1 / n));
    expect_near("normal: variance", moment(z, ALL, 2), 1, sqrt(2 / n));
    expect_near("normal: third moment", moment(z, ALL, 3), 0, sqrt(15 / n));
    expect_near("normal: fourth moment", moment(z, ALL, 4), 3, sqrt(96 / n));
    expect_near("normal: neighbours", correlation(z, z + 1, ALL - 1), 0, sqrt(1 / n));
    expect_near("uniform: mean", moment(u, ALL, 1), 0.5, sqrt(1 / (12 * n)));
    expect_near("uniform: second moment", moment(u, ALL, 2), 1.0 / 3, sqrt(4 / (45 * n)));
    expect_near("uniform: fourth moment", moment(u, ALL, 4), 0.2, sqrt(16 / (225 * n)));
    expect_near("uniform: neighbours", correlation(u, u + 1, ALL - 1), 0, sqrt(1 / n));
    for (int i = 0; i < ALL; i++)
        assert_true(u[i] >= 0 && u[i] <= 1);
    dim_tensor_destroy(map);
    dim_tensor_destroy(vector);
    dim_objective_destroy(obj);
}

/* Uniform from low to high; what cannot be drawn is refused, and a checkpoint of another range. */
static void test_range(void **state)
{
    enum { N = 20000 };
    static const char file[] = "test_objective_range.safetensors";
    (void)state;
    dim_objective *obj = objective(3), *unit = objective(3);
    INPUT(obj, .name = "c", .kind = DIM_INPUT_UNIFORM, .shape = { 1 }, .low = -3, .high = 1);
    INPUT(unit, .name = "c", .kind = DIM_INPUT_UNIFORM, .shape = { 1 });
    dim_tensor *c = computed(obj, "c", 2, (int64_t[]){ N, 1 }), *u = computed(unit, "c", 2, (int64_t[]){ N, 1 });
    const float *x = dim_tensor_const_data(c), *y = dim_tensor_const_data(u);
    for (int i = 0; i < N; i++)
        assert_true(x[i] == -3 + 4 * y[i] && x[i] >= -3 && x[i] <= 1);
    expect_near("mean", moment(x, N, 1), -1, sqrt(16.0 / (12 * N)));
    ok(dim_objective_checkpoint_save(unit, NULL, file)); /* as before there were ranges */
    expect(DIM_E_INVALID, "input.c has low -3 here, but the checkpoint does not have it", dim_objective_checkpoint_load(obj, NULL, file));
    ok(dim_objective_checkpoint_save(obj, NULL, file));
    expect(DIM_E_INVALID, "input.c has low -3 in the checkpoint, but it is missing here", dim_objective_checkpoint_load(unit, NULL, file));
    ok(dim_objective_checkpoint_load(obj, NULL, file));
    remove(file);
    dim_tensor_destroy(c);
    dim_tensor_destroy(u);
    dim_objective_destroy(unit);
    dim_objective_destroy(obj);

    static const struct {
        dim_input_kind kind;
        float low, high;
        const char *text;
    } bad[] = {
        { DIM_INPUT_UNIFORM, 1, 1, "'c' cannot be drawn from 1 to 1" },
        { DIM_INPUT_UNIFORM, 1, 0, "'c' cannot be drawn from 1 to 0" },
        { DIM_INPUT_UNIFORM, -3e38f, 3e38f, "'c' cannot be drawn from -3e+38 to 3e+38" },
        { DIM_INPUT_UNIFORM, NAN, 1, "low is nan" },
        { DIM_INPUT_UNIFORM, 0, INFINITY, "high is inf" },
        { DIM_INPUT_NORMAL, 0, 2, "'c' has low 0 and high 2, which only DIM_INPUT_UNIFORM takes" },
    };
    obj = objective(3);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dim_input_options o = { .size = sizeof o, .name = "c", .kind = bad[i].kind, .shape = { 1 }, .low = bad[i].low,
                                .high = bad[i].high };
        expect(DIM_E_INVALID, bad[i].text, dim_objective_add_input(obj, &o));
    }
    dim_objective_destroy(obj);
}

static double softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }

/* A game whose networks have batch norms: what a step makes of a value is what its losses are of, and asking for it changes
 * nothing. */
static dim_objective *game(void)
{
    dim_objective *obj = objective(3);
    VECTOR(obj, "x", 4);
    INPUT(obj, .name = "z", .kind = DIM_INPUT_NORMAL, .shape = { 3 });
    apply(obj, network_of(3, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 5 }, { .kind = DIM_LAYER_BATCH_NORM },
                                          { .kind = DIM_LAYER_RELU }, { .kind = DIM_LAYER_LINEAR, .out = 4 })), "z", "made");
    dim_network *d = network_of(4, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 6 }, { .kind = DIM_LAYER_BATCH_NORM },
                                                { .kind = DIM_LAYER_RELU }, { .kind = DIM_LAYER_LINEAR, .out = 1 }));
    ok(dim_objective_apply(obj, d, "x", "d_true"));
    apply(obj, d, "made", "d_made");
    LOSS(obj, .name = "apart", .kind = DIM_LOSS_TELL_APART, .a = "d_true", .b = "d_made");
    LOSS(obj, .name = "pass", .kind = DIM_LOSS_PASS_AS_TRUE, .a = "d_made");
    PLAYER(obj, OF(.name = "D"), .lr = 1e-2f);
    PLAYER(obj, OF(.name = "G", .afterwards = 1), .lr = 1e-2f);
    own(obj, "D", "d_true");
    own(obj, "G", "made");
    minimise(obj, "D", "apart", 1);
    minimise(obj, "G", "pass", 1);
    return obj;
}

static void test_value_of_a_step(void **state)
{
    enum { N = 6 };
    float data[N * 4];
    (void)state;
    for (int i = 0; i < N * 4; i++)
        data[i] = (float)(i * 7 % 11) / 3 - 1;
    dim_objective *asked = game(), *other = game();
    set_input(asked, "x", f32_tensor(2, (int64_t[]){ N, 4 }, data));
    set_input(other, "x", f32_tensor(2, (int64_t[]){ N, 4 }, data));
    for (int step = 0; step < 3; step++) {
        dim_tensor *of[2] = { f32_tensor(2, (int64_t[]){ N, 1 }, NULL), f32_tensor(2, (int64_t[]){ N, 1 }, NULL) };
        dim_tensor *z = f32_tensor(2, (int64_t[]){ N, 3 }, NULL), *frozen = computed(asked, "d_true", 2, (int64_t[]){ N, 1 });
        ok(dim_objective_evaluate_value(asked, "d_true", of[0]));
        ok(dim_objective_evaluate_value(asked, "z", z));
        if (step < 2) { /* the step draws it all the same */
            set_input(asked, "z", z);
            z = f32_tensor(2, (int64_t[]){ N, 3 }, NULL);
        }
        ok(dim_objective_evaluate_value(asked, "d_made", of[1]));
        if (step == 1) {
            dim_tensor *other_made = f32_tensor(2, (int64_t[]){ N, 1 }, NULL);
            set_input(asked, "z", f32_tensor(2, (int64_t[]){ N, 3 }, data)); /* others than those of the step */
            ok(dim_objective_evaluate_value(asked, "d_made", other_made));
            assert_memory_not_equal(dim_tensor_data(other_made), dim_tensor_data(of[1]), sizeof(float) * N);
            dim_tensor_destroy(other_made);
        }
        const float *a = dim_tensor_const_data(of[0]), *b = dim_tensor_const_data(of[1]);
        double apart = 0;
        for (int i = 0; i < N; i++)
            apart += (softplus(-(double)a[i]) + softplus((double)b[i])) / N;
        assert_memory_not_equal(a, dim_tensor_const_data(frozen), sizeof(float) * N);
        ok(dim_objective_step(asked));
        ok(dim_objective_step(other));
        assert_true(fabs(report(asked, "apart") - apart) < 1e-6);
        assert_true(report(asked, "apart") == report(other, "apart") && report(asked, "pass") == report(other, "pass"));
        ok(dim_objective_set(asked, "z", NULL));
        for (int i = 0; i < 2; i++)
            dim_tensor_destroy(of[i]);
        dim_tensor_destroy(z);
        dim_tensor_destroy(frozen);
    }
    dim_tensor *one = f32_tensor(2, (int64_t[]){ 1, 3 }, NULL);
    expect(DIM_E_SHAPE, "'z' of 1 sample: a step has 2 at least", dim_objective_evaluate_value(asked, "z", one));
    dim_tensor_destroy(one);
    dim_objective_destroy(asked);
    dim_objective_destroy(other);
}

static void test_one_hot(void **state)
{
    enum { N = 7000, K = 7 };
    int count[K] = { 0 }, repeats = 0, last = -1;
    (void)state;
    dim_objective *obj = objective(3);
    INPUT(obj, .name = "class", .kind = DIM_INPUT_ONE_HOT, .shape = { K });
    dim_tensor *t = computed(obj, "class", 2, (int64_t[]){ N, K });
    const float *x = dim_tensor_const_data(t);
    for (int i = 0; i < N; i++) {
        int ones = 0, which = -1;
        for (int k = 0; k < K; k++) {
            assert_true(x[i * K + k] == 0 || x[i * K + k] == 1);
            if (x[i * K + k] == 1)
                ones++, which = k;
        }
        assert_int_equal(ones, 1);
        count[which]++;
        repeats += which == last;
        last = which;
    }
    for (int k = 0; k < K; k++)
        expect_near("a class's share", count[k] / (double)N, 1.0 / K, sqrt((K - 1.0) / (K * K) / N));
    expect_near("share of repeated classes", repeats / (double)N, 1.0 / K, sqrt((K - 1.0) / (K * K) / N));
    dim_tensor_destroy(t);
    dim_objective_destroy(obj);
}

/* Two inputs, two draws and two seeds have nothing in common; one seed and one name give the same bits. */
static void test_independent(void **state)
{
    enum { N = 4000, D = 5, ALL = N * D };
    const int64_t shape[2] = { N, D };
    dim_tensor *draw[6];
    (void)state;
    for (int i = 0; i < 3; i++) {
        dim_objective *obj = objective(i < 2 ? 3 : 4);
        INPUT(obj, .name = "one", .kind = DIM_INPUT_NORMAL, .shape = { D });
        INPUT(obj, .name = "two", .kind = DIM_INPUT_NORMAL, .shape = { D });
        draw[2 * i] = computed(obj, "one", 2, shape);
        draw[2 * i + 1] = computed(obj, i == 0 ? "two" : "one", 2, shape);
        dim_objective_destroy(obj);
    }
    const float *first = dim_tensor_const_data(draw[0]);
    assert_memory_equal(first, dim_tensor_const_data(draw[2]), ALL * sizeof(float));
    for (int i = 1; i < 6; i++)
        if (i != 2)
            expect_near("correlation of draws", correlation(first, dim_tensor_const_data(draw[i]), ALL), 0, sqrt(1.0 / ALL));
    for (int i = 0; i < 6; i++)
        dim_tensor_destroy(draw[i]);
}

/* ---- turns ---------------------------------------------------------------------------------------------------------- */

/* w of y = w z, from 0, against a target so far away that an update is 2 lr target mean(z), whatever w is. */
static dim_objective *walkers(uint32_t turns, uint32_t afterwards)
{
    enum { N = 4 };
    static const char *const player[] = { "one", "two" }, *const net[] = { "first", "second" }, *const error[] = { "e1", "e2" };
    const float far[N] = { 1e6f, 1e6f, 1e6f, 1e6f };
    dim_objective *obj = objective(3);
    VECTOR(obj, "far", 1);
    INPUT(obj, .name = "z", .kind = DIM_INPUT_NORMAL, .shape = { 1 });
    for (int i = 0; i < 2; i++) {
        apply(obj, network_of(1, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 1, .no_bias = 1,
                                                .init = DIM_LAYER_INIT_ZERO })), "z", net[i]);
        LOSS(obj, .name = error[i], .kind = DIM_LOSS_SQUARED_ERROR, .a = net[i], .b = "far");
        PLAYER(obj, OF(.name = player[i], .turns = i == 0 ? turns : 1, .afterwards = i == 1 ? afterwards : 0),
               .kind = DIM_OPTIMIZER_SGD, .lr = 1e-6f);
        own(obj, player[i], net[i]);
        minimise(obj, player[i], error[i], 1);
    }
    set_input(obj, "far", f32_tensor(2, (int64_t[]){ N, 1 }, far));
    return obj;
}

static double weight_of(dim_objective *obj, const char *name)
{
    dim_tensor *t;
    ok(dim_objective_get_parameter(obj, name, &t));
    double w = ((const float *)dim_tensor_const_data(t))[0];
    dim_tensor_destroy(t);
    return w;
}

static void walk(uint32_t turns, uint32_t afterwards, int steps, double w[2])
{
    dim_objective *obj = walkers(turns, afterwards);
    for (int i = 0; i < steps; i++)
        ok(dim_objective_step(obj));
    w[0] = weight_of(obj, "first.linear1.weight");
    w[1] = weight_of(obj, "second.linear1.weight");
    dim_objective_destroy(obj);
}

static void test_turns(void **state)
{
    double once[2], twice[2], steps[2], after[2];
    (void)state;
    walk(1, 0, 1, once);
    walk(2, 0, 1, twice);
    walk(1, 0, 2, steps);
    walk(1, 1, 1, after);
    assert_true(fabs(once[0]) > 0.01);
    assert_true(once[0] == once[1]);                                  /* at the same time: one draw */
    assert_true(fabs(twice[0] - once[0]) > 1e-3 * fabs(once[0]));     /* another turn */
    assert_true(fabs(twice[0] - 2 * once[0]) > 0.1 * fabs(once[0]));  /* has another draw */
    assert_true(fabs(steps[0] - 2 * once[0]) > 0.1 * fabs(once[0]));
    assert_true(twice[1] == once[1]);
    assert_true(after[0] == once[0]);
    assert_true(fabs(after[1] - once[1]) > 0.1 * fabs(once[1]));      /* afterwards: another draw */
}

/* An evaluation has the draws of the step that follows, and does not use them up. */
static void test_evaluation(void **state)
{
    double plain[3], watched[3];
    (void)state;
    for (int watch = 0; watch < 2; watch++) {
        dim_objective *obj = walkers(1, 0);
        for (int i = 0; i < 3; i++) {
            double seen = 0;
            if (watch) {
                ok(dim_objective_evaluate(obj));
                seen = report(obj, "e1");
                dim_tensor_destroy(computed(obj, "z", 2, (int64_t[]){ 4, 1 }));
            }
            ok(dim_objective_step(obj));
            assert_true(!watch || report(obj, "e1") == seen);
            (watch ? watched : plain)[i] = weight_of(obj, "first.linear1.weight");
        }
        dim_objective_destroy(obj);
    }
    assert_memory_equal(plain, watched, sizeof plain);
}

/* ---- a variational autoencoder, noise and all --------------------------------------------------------------------------- */

enum { VAE_ROWS = 6, VAE_WIDTH = 3, VAE_CODE = 2 };

static dim_objective *autoencoder(void)
{
    float x[VAE_ROWS * VAE_WIDTH];
    dim_objective *obj = objective(3);
    for (int i = 0; i < VAE_ROWS * VAE_WIDTH; i++)
        x[i] = (float)sin(2.1 * i);
    VECTOR(obj, "x", VAE_WIDTH);
    apply(obj, network_of(VAE_WIDTH, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = VAE_CODE, .tap = "logvar" },
                                                  { .kind = DIM_LAYER_FROM, .from = "input" },
                                                  { .kind = DIM_LAYER_LINEAR, .out = VAE_CODE, .tap = "mean" },
                                                  { .kind = DIM_LAYER_GAUSSIAN, .from = "logvar" })), "x", "enc");
    apply(obj, network_of(VAE_CODE, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = VAE_WIDTH })), "enc", "dec");
    LOSS(obj, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR, .a = "dec", .b = "x", .sum_units = 1);
    LOSS(obj, .name = "kl", .kind = DIM_LOSS_KL, .a = "enc.mean", .b = "enc.logvar", .sum_units = 1);
    PLAYER(obj, OF(.name = "all"), .kind = DIM_OPTIMIZER_SGD, .lr = 1);
    own(obj, "all", "enc");
    own(obj, "all", "dec");
    minimise(obj, "all", "error", 1);
    minimise(obj, "all", "kl", 0.5f);
    set_input(obj, "x", f32_tensor(2, (int64_t[]){ VAE_ROWS, VAE_WIDTH }, x));
    return obj;
}

/* With the noise of the next step. */
static double minimised(dim_objective *obj)
{
    ok(dim_objective_evaluate(obj));
    return report(obj, "error") + 0.5 * report(obj, "kl");
}

/* d minimised / d parameter[i] by differences of fourth order, and the parameter as it was. */
static double slope(dim_objective *obj, const char *name, dim_tensor *t, int64_t i)
{
    static const double at[4] = { -2, -1, 1, 2 }, weight[4] = { 1, -8, 8, -1 };
    float *w = dim_tensor_data(t), middle = w[i];
    double sum = 0;
    const double step = 1.0 / 32;
    for (int k = 0; k < 4; k++) {
        w[i] = (float)(middle + at[k] * step);
        ok(dim_objective_set_parameter(obj, name, t));
        sum += weight[k] * minimised(obj);
    }
    w[i] = middle;
    ok(dim_objective_set_parameter(obj, name, t));
    return sum / (12 * step);
}

/* What a step moves is the gradient of a loss that samples: through mean and log-variance alike. */
static void test_noise(void **state)
{
    enum { PARAMETERS = 6, ROOM = 9 };
    double want[PARAMETERS][ROOM], steepest = 0;
    dim_tensor *before[PARAMETERS], *after;
    (void)state;
    dim_objective *obj = autoencoder();
    assert_int_equal(dim_objective_parameter_count(obj), PARAMETERS);
    for (int p = 0; p < PARAMETERS; p++) {
        const char *name = dim_objective_parameter_name(obj, p);
        ok(dim_objective_get_parameter(obj, name, &before[p]));
        assert_in_range(dim_tensor_count(before[p]), 1, ROOM);
        for (int64_t i = 0; i < dim_tensor_count(before[p]); i++)
            want[p][i] = slope(obj, name, before[p], i);
    }
    ok(dim_objective_step(obj));
    for (int p = 0; p < PARAMETERS; p++) {
        const char *name = dim_objective_parameter_name(obj, p);
        ok(dim_objective_get_parameter(obj, name, &after));
        const float *start = dim_tensor_const_data(before[p]), *end = dim_tensor_const_data(after);
        for (int64_t i = 0; i < dim_tensor_count(after); i++) {
            double moved = start[i] - end[i];
            steepest = fmax(steepest, fabs(moved));
            if (!(fabs(moved - want[p][i]) <= 3e-5)) /* losses of up to 4, good to 2^-24 of it: 18 4 2^-24 / (12 / 32) = 1.2e-5 */
                fail_msg("%s[%d] moves by %.6g, but the slope is %.6g", name, (int)i, moved, want[p][i]);
        }
        dim_tensor_destroy(before[p]);
        dim_tensor_destroy(after);
    }
    assert_true(steepest > 0.3);
    dim_objective_destroy(obj);
}

/* ---- drawn inputs that are given ------------------------------------------------------------------------------------- */

/* Codes that are given for computing are as many as the caller likes, whatever the step's batch is, and no step takes them. */
static void test_given(void **state)
{
    enum { D = 1, CODES = 7 };
    const int64_t shape[2] = { CODES, D };
    const float codes[CODES * D] = { -3, -2, -1, 0, 1, 2, 3 };
    (void)state;
    dim_objective *obj = walkers(1, 0), *other = walkers(1, 0);
    ok(dim_objective_step(obj));
    ok(dim_objective_step(other));
    set_input(obj, "z", f32_tensor(2, shape, codes));
    dim_tensor *y = computed(obj, "first", 2, shape);
    const float w = (float)weight_of(obj, "first.linear1.weight");
    for (int i = 0; i < CODES; i++)
        assert_true(((const float *)dim_tensor_const_data(y))[i] == w * codes[i]);
    ok(dim_objective_step(obj));
    ok(dim_objective_step(other));
    assert_true(weight_of(obj, "first.linear1.weight") == weight_of(other, "first.linear1.weight"));
    dim_tensor_destroy(y);
    dim_objective_destroy(obj);
    dim_objective_destroy(other);
}

/* A loss that nobody minimises is that of a step's first pass, as an evaluation before it has it, and of no later one. */
static void test_reported_once(void **state)
{
    (void)state;
    for (uint32_t afterwards = 0; afterwards < 2; afterwards++) {
        dim_objective *obj = walkers(3, afterwards);
        LOSS(obj, .name = "idle", .kind = DIM_LOSS_GAUSSIAN, .a = "z", .b = "first");
        ok(dim_objective_evaluate(obj));
        double before = report(obj, "idle"), minimised = report(obj, "e1");
        ok(dim_objective_step(obj));
        assert_true(report(obj, "idle") == before);
        assert_true(report(obj, "e1") != minimised); /* of its player's last turn */
        dim_objective_destroy(obj);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments), cmocka_unit_test(test_range), cmocka_unit_test(test_value_of_a_step),
        cmocka_unit_test(test_one_hot), cmocka_unit_test(test_independent),
        cmocka_unit_test(test_turns), cmocka_unit_test(test_evaluation), cmocka_unit_test(test_noise),
        cmocka_unit_test(test_given), cmocka_unit_test(test_reported_once),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
