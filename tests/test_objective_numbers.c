/* What losses and draws of an objective come to, by numbers that are known: sums over units, large logits, bf16, labels of views,
 * and noise that is each network's own and the same in every program. */
#include "objective_tests.h"

#include <math.h>

static void near(const char *what, double got, double want, double error)
{
    if (!(fabs(got - want) <= error))
        fail_msg("%s is %.9g, not %.9g +- %.2g", what, got, want, error);
}

/* ---- losses ------------------------------------------------------------------------------------------------------------ */

enum { N = 3, C = 2, H = 2, W = 3, UNITS = C * H * W };

static double unit(int which, int i) { return sin(1.3 * which + 0.7 * i); }

/* Of maps, so that a sum over units is not one over channels. */
static void test_sum_units(void **state)
{
    static const char *const names[] = { "a", "b", "c" };
    float x[3][N * UNITS];
    double error = 0, kl = 0, gaussian = 0, variance = 0;
    (void)state;
    dim_objective *obj = objective(3);
    for (int k = 0; k < 3; k++) {
        INPUT(obj, .name = names[k], .shape = { C, H, W });
        for (int i = 0; i < N * UNITS; i++)
            x[k][i] = (float)unit(k, i);
        set_input(obj, names[k], f32_tensor(4, (int64_t[]){ N, C, H, W }, x[k]));
    }
    for (int i = 0; i < N * UNITS; i++) {
        double a = x[0][i], b = x[1][i], c = x[2][i], square = (a - b) * (a - b);
        error += square / N;
        kl += 0.5 * (a * a + exp(b) - 1 - b) / N;
        gaussian += 0.5 * (log(2 * acos(-1)) + square) / N;
        variance += 0.5 * (log(2 * acos(-1)) + c + square * exp(-c)) / N;
    }
    for (uint32_t sum = 0; sum < 2; sum++) {
        LOSS(obj, .name = sum ? "error_sum" : "error", .kind = DIM_LOSS_SQUARED_ERROR, .a = "a", .b = "b", .sum_units = sum);
        LOSS(obj, .name = sum ? "kl_sum" : "kl", .kind = DIM_LOSS_KL, .a = "a", .b = "b", .sum_units = sum);
        LOSS(obj, .name = sum ? "g_sum" : "g", .kind = DIM_LOSS_GAUSSIAN, .a = "a", .b = "b", .sum_units = sum);
        LOSS(obj, .name = sum ? "v_sum" : "v", .kind = DIM_LOSS_GAUSSIAN, .a = "a", .b = "b", .c = "c", .sum_units = sum);
    }
    ok(dim_objective_evaluate(obj));
    near("error", report(obj, "error"), error / UNITS, 1e-6);
    near("kl", report(obj, "kl"), kl / UNITS, 1e-6);
    near("gaussian", report(obj, "g"), gaussian / UNITS, 1e-6);
    near("gaussian with a variance", report(obj, "v"), variance / UNITS, 1e-6);
    near("error, summed", report(obj, "error_sum"), error, 1e-5);
    near("kl, summed", report(obj, "kl_sum"), kl, 1e-5);
    near("gaussian, summed", report(obj, "g_sum"), gaussian, 1e-5);
    near("gaussian with a variance, summed", report(obj, "v_sum"), variance, 1e-5);
    dim_objective_destroy(obj);
}

/* Logits of a million leave a loss below 1 no digit when log sum e^a and sum b a are rounded each by itself. */
static void test_large_logits(void **state)
{
    static const float steps[4][3] = { { 0, -1, 0.5f }, { 2, 1.75f, -3 }, { -0.25f, 0, 0 }, { 1, 1, 1 } };
    static const float rows[4][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { 0.25f, 0.5f, 0.25f } };
    static const float large[4] = { 1048576, -1048576, 0, 4096 };
    float logits[4][3], *grad;
    double want = 0;
    (void)state;
    dim_objective *obj = objective(3);
    INPUT(obj, .name = "a", .shape = { 3 }, .want_gradient = 1);
    VECTOR(obj, "b", 3);
    LOSS(obj, .name = "l", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "a", .b = "b");
    for (int n = 0; n < 4; n++)
        for (int k = 0; k < 3; k++)
            logits[n][k] = large[n] + steps[n][k]; /* exact */
    set_input(obj, "a", f32_tensor(2, (int64_t[]){ 4, 3 }, logits[0]));
    set_input(obj, "b", f32_tensor(2, (int64_t[]){ 4, 3 }, rows[0]));
    dim_tensor *t = f32_tensor(2, (int64_t[]){ 4, 3 }, NULL);
    ok(dim_objective_gradient(obj, "l", "a", t));
    grad = dim_tensor_data(t);
    for (int n = 0; n < 4; n++) {
        double sum = exp(steps[n][0]) + exp(steps[n][1]) + exp(steps[n][2]);
        for (int k = 0; k < 3; k++) {
            want += rows[n][k] * (log(sum) - steps[n][k]) / 4;
            near("gradient", grad[3 * n + k], (exp(steps[n][k]) / sum - rows[n][k]) / 4, 1e-7);
        }
    }
    ok(dim_objective_evaluate(obj));
    near("cross-entropy", report(obj, "l"), want, 5e-7);
    dim_tensor_destroy(t);
    dim_objective_destroy(obj);
}

/* Information of codes: a number that all logits of a row have in common changes nothing. */
static void test_large_logits_of_codes(void **state)
{
    static const float steps[4][3] = { { 0, -1, 0.5f }, { 2, 1.75f, -3 }, { -0.25f, 0, 0 }, { 1, 3, 1 } };
    static const float large[2][4] = { { 0, 0, 0, 0 }, { 1048576, -1048576, 0, 4096 } };
    static const char *const names[6] = { "one.value", "one.entropy", "one.given", "two.value", "two.entropy", "two.given" };
    double seen[2][6];
    float grads[2][2][12];
    (void)state;
    dim_objective *obj = objective(3);
    INPUT(obj, .name = "a", .shape = { 3 }, .want_gradient = 1);
    INPUT(obj, .name = "b", .shape = { 3 });
    LOSS(obj, .name = "one", .kind = DIM_LOSS_DISCRETE, .a = "a");
    LOSS(obj, .name = "two", .kind = DIM_LOSS_DISCRETE, .a = "a", .b = "b");
    for (int l = 0; l < 2; l++) {
        float a[4][3], b[4][3];
        for (int n = 0; n < 4; n++)
            for (int k = 0; k < 3; k++) { /* exact */
                a[n][k] = large[l][n] + steps[n][k];
                b[n][k] = large[l][3 - n] + steps[n][(k + n) % 3];
            }
        set_input(obj, "a", f32_tensor(2, (int64_t[]){ 4, 3 }, a[0]));
        set_input(obj, "b", f32_tensor(2, (int64_t[]){ 4, 3 }, b[0]));
        for (int i = 0; i < 2; i++) {
            dim_tensor *t = f32_tensor(2, (int64_t[]){ 4, 3 }, NULL);
            ok(dim_objective_gradient(obj, i == 0 ? "one" : "two", "a", t));
            memcpy(grads[l][i], dim_tensor_const_data(t), sizeof grads[l][i]);
            dim_tensor_destroy(t);
        }
        ok(dim_objective_evaluate(obj));
        for (int i = 0; i < 6; i++)
            seen[l][i] = report(obj, names[i]);
    }
    for (int i = 0; i < 6; i++)
        near(names[i], seen[1][i], seen[0][i], 1e-6);
    for (int i = 0; i < 24; i++)
        near("gradient", grads[1][i / 12][i % 12], grads[0][i / 12][i % 12], 1e-7);
    assert_true(seen[0][0] > 0.1 && seen[0][3] > 0.01);
    dim_objective_destroy(obj);
}

/* Activations in bf16 have 8 bits, of which a difference of a thousandth leaves none: no loss is computed from them. */
static void test_losses_in_bf16(void **state)
{
    enum { SAMPLES = 128, WIDTH = 128, ALL = SAMPLES * WIDTH };
    static float a[ALL], half[ALL], c[ALL], hot[ALL];
    const int64_t shape[2] = { SAMPLES, WIDTH };
    dim_context *single = ctx;
    dim_context_options o;
    double error = 0, gaussian = 0, entropy = 0;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    o.precision = DIM_PRECISION_BF16;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    for (int n = 0; n < SAMPLES; n++) {
        double sum = 0;
        for (int i = n * WIDTH; i < (n + 1) * WIDTH; i++) {
            half[i] = 0.5f + 0.25f * (float)sin(i);
            a[i] = 2 * half[i] + 1e-3f * (float)cos(3 * i);
            c[i] = -13.8155f + 0.01f * (float)sin(5 * i);
            hot[i] = i == n * WIDTH + 5;
            double d = (double)a[i] - 2 * half[i];
            error += d * d / ALL;
            gaussian += 0.5 * (log(2 * acos(-1)) + c[i] + d * d * exp(-c[i])) / ALL;
            sum += exp(2 * half[i]);
        }
        entropy += (log(sum) - 2 * half[n * WIDTH + 5]) / SAMPLES;
    }
    dim_objective *obj = objective(3);
    VECTOR(obj, "a", WIDTH);
    VECTOR(obj, "half", WIDTH);
    VECTOR(obj, "c", WIDTH);
    VECTOR(obj, "hot", WIDTH);
    dim_network *twice = network_of(WIDTH, 0, 0, LAYERS({ .kind = DIM_LAYER_ADD, .from = "input" }));
    ok(dim_objective_apply(obj, twice, "half", "b"));
    apply(obj, twice, "half", "again"); /* what one loss wants in f32 is no help to the other */
    LOSS(obj, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR, .a = "a", .b = "b");
    LOSS(obj, .name = "gaussian", .kind = DIM_LOSS_GAUSSIAN, .a = "b", .b = "a", .c = "c");
    LOSS(obj, .name = "entropy", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "again", .b = "hot");
    set_input(obj, "a", f32_tensor(2, shape, a));
    set_input(obj, "half", f32_tensor(2, shape, half));
    set_input(obj, "c", f32_tensor(2, shape, c));
    set_input(obj, "hot", f32_tensor(2, shape, hot));
    ok(dim_objective_evaluate(obj));
    near("error", report(obj, "error"), error, 1e-5 * error);
    near("gaussian", report(obj, "gaussian"), gaussian, 1e-5);
    near("entropy", report(obj, "entropy"), entropy, 1e-5);
    dim_objective_destroy(obj);
    dim_context_destroy(ctx);
    ctx = single;
}

/* A batch has all samples of the first view, then all of the second, and a sample's label is that of all its views. */
static void test_labels_of_views(void **state)
{
    enum { SAMPLES = 3, VIEWS = 2, K = 2 };
    static const int32_t labels[SAMPLES] = { 0, 1, -1 };
    static const float logits[VIEWS * SAMPLES][K] = { { 2, 0 }, { 0, 1 }, { 9, 0 }, { 0, 0.5f }, { 0, 3 }, { 9, 0 } };
    static const double margin[] = { 2, 1, -0.5, 3 }; /* of the labelled rows: how far the label's logit is above the other */
    double want = 0;
    int64_t shape[2] = { VIEWS * SAMPLES, K }, samples = SAMPLES;
    dim_tensor *t;
    (void)state;
    dim_objective *obj = objective(3);
    INPUT(obj, .name = "a", .shape = { K }, .views = VIEWS);
    INPUT(obj, .name = "label", .dtype = DIM_I32);
    LOSS(obj, .name = "l", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "a", .b = "label");
    set_input(obj, "a", f32_tensor(2, shape, logits[0]));
    ok(dim_tensor_create(ctx, DIM_I32, 1, &samples, &t));
    memcpy(dim_tensor_data(t), labels, sizeof labels);
    set_input(obj, "label", t);
    for (int i = 0; i < 4; i++)
        want += log(1 + exp(-margin[i])) / 4;
    ok(dim_objective_evaluate(obj));
    near("cross-entropy", report(obj, "l"), want, 1e-6);
    near("accuracy", report(obj, "l.accuracy"), 0.75, 1e-12);
    dim_objective_destroy(obj);
}

/* ---- draws ------------------------------------------------------------------------------------------------------------- */

enum { ROWS = 2000 };

/* A difference of mean m and variance v has the mean square m^2 + v; its square the variance 2 v^2 + 4 m^2 v.  The codes have
 * mean and log-variance 1, and nothing in common. */
static void test_draws_of_a_step(void **state)
{
    const int64_t rows[2] = { ROWS, 1 };
    dim_encoder_builder *b;
    (void)state;
    dim_objective *obj = objective(3);
    INPUT(obj, .name = "x", .shape = { 1 });
    INPUT(obj, .name = "one", .kind = DIM_INPUT_NORMAL, .shape = { 1 });
    INPUT(obj, .name = "two", .kind = DIM_INPUT_NORMAL, .shape = { 1 });
    ok(dim_encoder_builder_create(ctx, 1, 0, 0, &b)); /* two codes of mean and log-variance x */
    dim_network *net = network_on(b, LAYERS({ .kind = DIM_LAYER_GAUSSIAN, .from = "input", .tap = "code" },
                                            { .kind = DIM_LAYER_FROM, .from = "input" },
                                            { .kind = DIM_LAYER_GAUSSIAN, .from = "input", .tap = "other" },
                                            { .kind = DIM_LAYER_LINEAR, .out = 1 }));
    ok(dim_objective_apply(obj, net, "x", "f"));
    apply(obj, net, "x", "g");
    static const char *const pairs[][2] = { { "one", "two" }, { "f.code", "f.other" }, { "f.code", "g.code" },
                                            { "f.code", "one" }, { "f.other", "g.code" } };
    static const char *const names[] = { "p0", "p1", "p2", "p3", "p4" };
    for (int i = 0; i < 5; i++)
        LOSS(obj, .name = names[i], .kind = DIM_LOSS_SQUARED_ERROR, .a = pairs[i][0], .b = pairs[i][1]);
    LOSS(obj, .name = "same", .kind = DIM_LOSS_SQUARED_ERROR, .a = "f", .b = "x");
    PLAYER(obj, OF(.name = "all"), .lr = 1e-3f);
    own(obj, "all", "f");
    minimise(obj, "all", "same", 1);
    dim_tensor *x = f32_tensor(2, rows, NULL);
    for (int i = 0; i < ROWS; i++)
        ((float *)dim_tensor_data(x))[i] = 1;
    set_input(obj, "x", x);
    ok(dim_objective_step(obj));
    for (int i = 0; i < 5; i++) {
        double m = i == 3 ? 1 : 0, v = i == 0 ? 2 : i == 3 ? exp(1) + 1 : 2 * exp(1);
        near(pairs[i][0], report(obj, names[i]), m * m + v, 5 * sqrt((2 * v * v + 4 * m * m * v) / ROWS));
    }
    dim_objective_destroy(obj);
}

/* x of one unit through a linear layer, plus noise. */
static void add_code(dim_objective *obj, const char *as)
{
    apply(obj, network_of(1, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 1, .tap = "mean" },
                                          { .kind = DIM_LAYER_GAUSSIAN, .from = "mean" })), "x", as);
}

/* The gradient of a loss by itself has the noise that this loss has beside the others. */
static void test_gradient_has_the_noise_of_the_step(void **state)
{
    enum { SAMPLES = 4 };
    float x[SAMPLES] = { 0.5f, -1, 0.25f, 2 };
    const int64_t shape[2] = { SAMPLES, 1 };
    const double step = 1.0 / 16;
    (void)state;
    dim_objective *obj = objective(3);
    INPUT(obj, .name = "x", .shape = { 1 }, .want_gradient = 1);
    add_code(obj, "f");
    add_code(obj, "g");
    LOSS(obj, .name = "first", .kind = DIM_LOSS_SQUARED_ERROR, .a = "f", .b = "x");
    LOSS(obj, .name = "second", .kind = DIM_LOSS_SQUARED_ERROR, .a = "g", .b = "x");
    PLAYER(obj, OF(.name = "all"), .lr = 1e-3f);
    own(obj, "all", "f");
    own(obj, "all", "g");
    minimise(obj, "all", "first", 1);
    minimise(obj, "all", "second", 1);
    dim_tensor *grad = f32_tensor(2, shape, NULL);
    set_input(obj, "x", f32_tensor(2, shape, x));
    ok(dim_objective_step(obj));
    ok(dim_objective_gradient(obj, "second", "x", grad));
    for (int i = 0; i < SAMPLES; i++) {
        double loss[2], middle = x[i];
        for (int k = 0; k < 2; k++) {
            x[i] = (float)(middle + (k == 0 ? -step : step));
            set_input(obj, "x", f32_tensor(2, shape, x));
            ok(dim_objective_evaluate(obj));
            loss[k] = report(obj, "second");
        }
        x[i] = (float)middle;
        near("gradient", ((float *)dim_tensor_data(grad))[i], (loss[1] - loss[0]) / (2 * step), 1e-3);
    }
    dim_tensor_destroy(grad);
    dim_objective_destroy(obj);
}

/* Where a network has mean and std, the gradient is that of what the caller gave, channel by channel. */
static void test_gradient_of_pixels(void **state)
{
    enum { SAMPLES = 2 };
    const int64_t shape[4] = { SAMPLES, C, H, W };
    static const float mean[C] = { 0.5f, 0.25f }, std[C] = { 0.5f, 0.125f };
    float x[SAMPLES * UNITS];
    dim_encoder_builder *b;
    dim_encoder_options o;
    dim_layer_options twice = { .size = sizeof twice, .kind = DIM_LAYER_ADD, .from = "input" };
    dim_network *net;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    memcpy(o.mean, mean, sizeof mean);
    memcpy(o.std, std, sizeof std);
    ok(dim_encoder_builder_create(ctx, C, H, W, &b));
    ok(dim_encoder_builder_add(b, &twice));
    ok(dim_encoder_builder_finish(b, &o, &net));
    dim_encoder_builder_destroy(b);
    dim_objective *obj = objective(3);
    INPUT(obj, .name = "x", .shape = { C, H, W }, .want_gradient = 1);
    apply(obj, net, "x", "f");
    LOSS(obj, .name = "l", .kind = DIM_LOSS_KL, .a = "f", .b = "f", .sum_units = 1);
    for (int i = 0; i < SAMPLES * UNITS; i++)
        x[i] = (float)unit(1, i);
    set_input(obj, "x", f32_tensor(4, shape, x));
    dim_tensor *grad = f32_tensor(4, shape, NULL);
    ok(dim_objective_gradient(obj, "l", "x", grad));
    for (int i = 0; i < SAMPLES * UNITS; i++) {
        int c = i / (H * W) % C;
        double y = 2 * (x[i] - mean[c]) / std[c]; /* of (y^2 + e^y - 1 - y) / 2 */
        double want = (y + 0.5 * exp(y) - 0.5) * 2 / std[c] / SAMPLES;
        near("gradient", ((float *)dim_tensor_data(grad))[i], want, 1e-6 * (1 + fabs(want)));
    }
    dim_tensor_destroy(grad);
    dim_objective_destroy(obj);
}

/* ---- information between values of several views --------------------------------------------------------------------- */

enum { PAIRED = 5, WIDE = 4 };

/* Rows of one view of a side. */
static void view_of(int side, int view, float *x)
{
    for (int i = 0; i < PAIRED * WIDE; i++)
        x[i] = (float)(2 * sin(1.7 * side + 2.3 * view + 0.9 * i));
}

/* Information between so many views of a and of b; `first` is the number of the first one of each. */
static double information(uint32_t views_a, int first_a, uint32_t views_b, int first_b)
{
    const dim_term_options plain = { .size = sizeof plain, .critic = DIM_CRITIC_PLAIN_DOT };
    const uint32_t views[2] = { views_a, views_b };
    const int first[2] = { first_a, first_b };
    static const char *const names[2] = { "a", "b" };
    float x[3 * PAIRED * WIDE];
    dim_objective *obj = objective(3);
    for (int side = 0; side < 2; side++) {
        INPUT(obj, .name = names[side], .shape = { WIDE }, .views = views[side]);
        for (uint32_t v = 0; v < views[side]; v++)
            view_of(side, first[side] + (int)v, x + v * PAIRED * WIDE);
        set_input(obj, names[side], f32_tensor(2, (int64_t[]){ views[side] * PAIRED, WIDE }, x));
    }
    LOSS(obj, .name = "mi", .a = "a", .b = "b", .term = &plain);
    ok(dim_objective_evaluate(obj));
    double value = report(obj, "mi.value");
    near("loss", report(obj, "mi"), 2 * log(2) - value, 1e-5 * (1 + fabs(value))); /* JSD: value + 2 log 2 is what is minimised */
    dim_objective_destroy(obj);
    return value;
}

/* The mean over the pairs of views: of different ones where both sides have several, else of all. */
static void test_pairs_of_views(void **state)
{
    (void)state;
    for (uint32_t a = 1; a <= 3; a++)
        for (uint32_t b = 1; b <= 3; b++) {
            double sum = 0;
            int pairs = 0;
            for (int i = 0; i < (int)a; i++)
                for (int k = 0; k < (int)b; k++)
                    if (a == 1 || b == 1 || i != k) {
                        sum += information(1, i, 1, k);
                        pairs++;
                    }
            near("information", information(a, 0, b, 0), sum / pairs, 1e-5);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_units), cmocka_unit_test(test_large_logits),
        cmocka_unit_test(test_large_logits_of_codes), cmocka_unit_test(test_losses_in_bf16),
        cmocka_unit_test(test_labels_of_views),
        cmocka_unit_test(test_draws_of_a_step), cmocka_unit_test(test_gradient_has_the_noise_of_the_step),
        cmocka_unit_test(test_gradient_of_pixels), cmocka_unit_test(test_pairs_of_views),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
