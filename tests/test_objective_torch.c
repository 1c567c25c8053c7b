/* Objectives of several networks, losses and players against PyTorch in double: losses and all parameters over 20 steps,
 * gradients of inputs in the first
 * (fixtures/make_objective.py). */
#include "objective_tests.h"
#include "records.h"

#include <math.h>

enum { STEPS = 20, BATCHES = 4, N = 8 };

/* Relative to 1 + |value|.  PyTorch itself is off by up to 6e-7 in float32, both in losses and in parameters: a few roundings
 * of 6e-8 a step.  A wrong factor, a player's missing turn or a statistic of the wrong batch is off by 1e-3 and more. */
static const double LOSS_TOLERANCE = 2e-6, VALUE_TOLERANCE = 2e-6;
static const double GRADIENT_TOLERANCE = 1e-7; /* they are below 0.1 */

static records fixtures;

static int load(void **state)
{
    (void)state;
    return records_load(DIM_TEST_DATA "/objective.bin", &fixtures);
}

static int unload(void **state)
{
    (void)state;
    records_free(&fixtures);
    return 0;
}

#define LINEAR(...) { .kind = DIM_LAYER_LINEAR, __VA_ARGS__ }
#define CONV(...) { .kind = DIM_LAYER_CONV, __VA_ARGS__ }
#define TRANSPOSED(...) { .kind = DIM_LAYER_CONV_TRANSPOSE, __VA_ARGS__ }
#define BATCH_NORM { .kind = DIM_LAYER_BATCH_NORM }
#define RELU(...) { .kind = DIM_LAYER_RELU, __VA_ARGS__ }
#define LEAKY(...) { .kind = DIM_LAYER_LEAKY_RELU, __VA_ARGS__ }
#define FROM(which) { .kind = DIM_LAYER_FROM, .from = which }
#define CONCAT(which) { .kind = DIM_LAYER_CONCAT, .from = which }

/* ---- the objectives of the fixture ---------------------------------------------------------------------------------- */

static dim_network *images_of_noise(void)
{
    return network_of(5, 0, 0, LAYERS(LINEAR(.out = 24, .no_bias = 1), BATCH_NORM, RELU(),
                                      { .kind = DIM_LAYER_UNFLATTEN, .out = 6, .height = 2 },
                                      TRANSPOSED(.out = 4, .kernel = 3, .padding = 1, .no_bias = 1), BATCH_NORM, RELU(),
                                      TRANSPOSED(.out = 2, .kernel = 4, .stride = 2, .padding = 1),
                                      { .kind = DIM_LAYER_TANH }));
}

static dim_network *critic_of_images(void)
{
    return network_of(2, 4, 4, LAYERS(CONV(.out = 5, .kernel = 3, .padding = 1, .no_bias = 1), BATCH_NORM, LEAKY(),
                                      CONV(.out = 6, .kernel = 4, .stride = 2, .padding = 1, .no_bias = 1), BATCH_NORM,
                                      LEAKY(), LINEAR(.out = 1)));
}

/* The generator moves with the discriminator's only turn, or after its second one. */
static void add_gan(dim_objective *obj, dim_adversary adversary, uint32_t turns)
{
    INPUT(obj, .name = "real", .shape = { 2, 4, 4 });
    VECTOR(obj, "noise", 5);
    apply(obj, images_of_noise(), "noise", "g");
    dim_network *d = critic_of_images();
    ok(dim_objective_apply(obj, d, "real", "real_d"));
    apply(obj, d, "g", "fake_d");
    LOSS(obj, .name = "apart", .kind = DIM_LOSS_TELL_APART, .a = "real_d", .b = "fake_d", .adversary = adversary);
    LOSS(obj, .name = "pass", .kind = DIM_LOSS_PASS_AS_TRUE, .a = "fake_d", .adversary = adversary);
    PLAYER(obj, OF(.name = "critic", .turns = turns), .lr = 2e-3f, .beta1 = 0.5f);
    PLAYER(obj, OF(.name = "forger", .afterwards = turns > 1), .lr = 1e-3f, .beta1 = 0.5f);
    own(obj, "critic", "real_d");
    own(obj, "forger", "g");
    minimise(obj, "critic", "apart", 1);
    minimise(obj, "forger", "pass", 1);
}

static void gan(dim_objective *obj) { add_gan(obj, DIM_ADVERSARY_NON_SATURATING, 1); }
static void gan_turns(dim_objective *obj) { add_gan(obj, DIM_ADVERSARY_NON_SATURATING, 2); }
static void gan_minimax(dim_objective *obj) { add_gan(obj, DIM_ADVERSARY_MINIMAX, 1); }
static void gan_least_squares(dim_objective *obj) { add_gan(obj, DIM_ADVERSARY_LEAST_SQUARES, 2); }

static dim_network *critic_with_heads(void)
{
    return network_of(10, 0, 0, LAYERS(LINEAR(.out = 12), LEAKY(), LINEAR(.out = 10, .no_bias = 1), BATCH_NORM,
                                       LEAKY(.tap = "trunk"), LINEAR(.out = 1, .tap = "logit"), FROM("trunk"),
                                       LINEAR(.out = 3, .tap = "class"), FROM("trunk"), LINEAR(.out = 2, .tap = "mean"),
                                       FROM("trunk"), LINEAR(.out = 2, .tap = "logvar")));
}

static dim_network *forger_of_codes(void)
{
    dim_encoder_builder *b;
    ok(dim_encoder_builder_create(ctx, 3, 0, 0, &b));
    ok(dim_encoder_builder_add_input(b, "angle", 2, 0, 0));
    ok(dim_encoder_builder_add_input(b, "noise", 4, 0, 0));
    return network_on(b, LAYERS(CONCAT("angle"), CONCAT("noise"), LINEAR(.out = 12, .no_bias = 1), BATCH_NORM, RELU(),
                                LINEAR(.out = 10)));
}

/* The heads that find class and angle again belong to the discriminator, and both players want them to. */
static void infogan(dim_objective *obj)
{
    static const char *const players[] = { "critic", "forger" };
    VECTOR(obj, "real", 10);
    VECTOR(obj, "class", 3);
    VECTOR(obj, "angle", 2);
    VECTOR(obj, "noise", 4);
    apply(obj, forger_of_codes(), "class angle noise", "g");
    dim_network *d = critic_with_heads();
    ok(dim_objective_apply(obj, d, "real", "real_d"));
    apply(obj, d, "g", "fake_d");
    LOSS(obj, .name = "apart", .kind = DIM_LOSS_TELL_APART, .a = "real_d.logit", .b = "fake_d.logit");
    LOSS(obj, .name = "pass", .kind = DIM_LOSS_PASS_AS_TRUE, .a = "fake_d.logit");
    LOSS(obj, .name = "class_again", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "fake_d.class", .b = "class");
    LOSS(obj, .name = "angle_again", .kind = DIM_LOSS_GAUSSIAN, .a = "angle", .b = "fake_d.mean", .c = "fake_d.logvar");
    PLAYER(obj, OF(.name = players[0]), .lr = 2e-3f);
    PLAYER(obj, OF(.name = players[1]), .lr = 1e-3f);
    own(obj, players[0], "real_d");
    own(obj, players[1], "g");
    minimise(obj, players[0], "apart", 1);
    minimise(obj, players[1], "pass", 1);
    for (int i = 0; i < 2; i++) {
        minimise(obj, players[i], "class_again", 1);
        minimise(obj, players[i], "angle_again", 0.5f);
    }
}

/* The noise of "code" is nothing to float32 where the log-variance is -40; "mean" has none. */
static void add_vae(dim_objective *obj, const char *code)
{
    VECTOR(obj, "x", 10);
    apply(obj, network_of(10, 0, 0, LAYERS(LINEAR(.out = 12), RELU(.tap = "h"), LINEAR(.out = 3, .tap = "mean"), FROM("h"),
                                           LINEAR(.out = 3, .tap = "logvar"), FROM("mean"),
                                           { .kind = DIM_LAYER_GAUSSIAN, .from = "logvar", .tap = "code" })), "x", "enc");
    apply(obj, network_of(3, 0, 0, LAYERS(LINEAR(.out = 12), RELU(), LINEAR(.out = 10))), code, "dec");
    LOSS(obj, .name = "kl", .kind = DIM_LOSS_KL, .a = "enc.mean", .b = "enc.logvar");
    LOSS(obj, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR, .a = "dec", .b = "x");
    PLAYER(obj, OF(.name = "all"), .lr = 2e-3f);
    own(obj, "all", "enc");
    own(obj, "all", "dec");
    minimise(obj, "all", "kl", 0.1f);
    minimise(obj, "all", "error", 1);
}

static void vae(dim_objective *obj) { add_vae(obj, "enc.code"); }
static void vae_mean(dim_objective *obj) { add_vae(obj, "enc.mean"); }

static void two_inputs(dim_objective *obj)
{
    dim_estimator *infonce;
    INPUT(obj, .name = "x", .shape = { 7 }, .want_gradient = 1);
    INPUT(obj, .name = "y", .shape = { 2, 5, 5 }, .want_gradient = 1);
    apply(obj, network_of(7, 0, 0, LAYERS(LINEAR(.out = 10), RELU(), LINEAR(.out = 6))), "x", "fx");
    apply(obj, network_of(2, 5, 5, LAYERS(CONV(.out = 4, .kernel = 3, .no_bias = 1), BATCH_NORM, RELU(.tap = "map"),
                                          LINEAR(.out = 5))), "y", "hy");
    ok(dim_estimator_create(ctx, &(dim_estimator_options){ .size = sizeof(dim_estimator_options), .kind = DIM_ESTIMATOR_INFONCE },
                            &infonce));
    dim_term_options bilinear = { .size = sizeof bilinear, .estimator = infonce, .critic = DIM_CRITIC_BILINEAR };
    dim_term_options dot = { .size = sizeof dot, .units = 8 };
    LOSS(obj, .name = "mi", .a = "fx", .b = "hy", .term = &bilinear);
    LOSS(obj, .name = "local", .a = "hy.map", .b = "fx", .term = &dot);
    dim_estimator_destroy(infonce);
    PLAYER(obj, OF(.name = "all"), .lr = 1e-3f);
    own(obj, "all", "fx");
    own(obj, "all", "hy");
    own(obj, "all", "mi");
    own(obj, "all", "local");
    minimise(obj, "all", "mi", 1);
    minimise(obj, "all", "local", 0.5f);
}

static void fine_tuning(dim_objective *obj)
{
    INPUT(obj, .name = "x", .shape = { 2, 6, 6 });
    INPUT(obj, .name = "label", .dtype = DIM_I32);
    apply(obj, network_of(2, 6, 6, LAYERS(CONV(.out = 4, .kernel = 3, .stride = 2, .padding = 1, .no_bias = 1), BATCH_NORM,
                                          RELU(), LINEAR(.out = 6))), "x", "enc");
    apply(obj, network_of(6, 0, 0, LAYERS(LINEAR(.out = 3))), "enc", "head");
    LOSS(obj, .name = "class", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "head", .b = "label");
    PLAYER(obj, OF(.name = "all"), .kind = DIM_OPTIMIZER_SGD, .lr = 0.05f, .momentum = 0.9f);
    own(obj, "all", "enc");
    own(obj, "all", "head");
    minimise(obj, "all", "class", 1);
}

/* ---- comparison ----------------------------------------------------------------------------------------------------- */

typedef struct experiment {
    const char *name;
    void (*build)(dim_objective *obj);
} experiment;

static const experiment experiments[] = {
    { "gan", gan }, { "gan-turns", gan_turns }, { "gan-minimax", gan_minimax }, { "gan-least-squares", gan_least_squares },
    { "infogan", infogan }, { "vae", vae }, { "vae-mean", vae_mean }, { "two-inputs", two_inputs },
    { "fine-tuning", fine_tuning },
};

/* The last part of the name of a record "<experiment>/<part>/<last>"; NULL for other records. */
static const char *last_part(const record *r, const experiment *e, const char *part)
{
    char prefix[64];
    size_t n = (size_t)snprintf(prefix, sizeof prefix, "%s/%s/", e->name, part);
    return strncmp(r->name, prefix, n) == 0 ? r->name + n : NULL;
}

static void set_parameters(dim_objective *obj, const experiment *e)
{
    record r;
    const float *data;
    const char *name;
    int count = 0;
    for (size_t at = 0; (data = records_next(&fixtures, &at, &r)) != NULL;) {
        if ((name = last_part(&r, e, "start")) == NULL)
            continue;
        dim_tensor *t = f32_tensor(r.rank, r.dim, data);
        ok(dim_objective_set_parameter(obj, name, t));
        dim_tensor_destroy(t);
        count++;
    }
    assert_int_equal(count, dim_objective_parameter_count(obj));
}

static void set_inputs(dim_objective *obj, const experiment *e, int step)
{
    record r;
    const char *data, *name;
    for (size_t at = 0; (data = records_next(&fixtures, &at, &r)) != NULL;) {
        if ((name = last_part(&r, e, "in")) == NULL)
            continue;
        dim_tensor *t;
        size_t bytes = (size_t)record_count(&r) / BATCHES * 4;
        assert_int_equal(r.dim[0], BATCHES * N);
        r.dim[0] = N;
        ok(dim_tensor_create(ctx, r.dtype == RECORD_I32 ? DIM_I32 : DIM_F32, r.rank, r.dim, &t));
        memcpy(dim_tensor_data(t), data + bytes * (size_t)(step % BATCHES), bytes);
        set_input(obj, name, t);
    }
}

static void compare_gradients(dim_objective *obj, const experiment *e)
{
    record r;
    const double *want;
    const char *name;
    for (size_t at = 0; (want = (const double *)records_next(&fixtures, &at, &r)) != NULL;) {
        char loss[16];
        if ((name = last_part(&r, e, "gradient")) == NULL)
            continue;
        snprintf(loss, sizeof loss, "%.*s", (int)strcspn(name, "/"), name);
        dim_tensor *t = f32_tensor(r.rank, r.dim, NULL);
        ok(dim_objective_gradient(obj, loss, strchr(name, '/') + 1, t));
        const float *got = dim_tensor_const_data(t);
        for (int64_t i = 0; i < record_count(&r); i++)
            if (!(fabs(got[i] - want[i]) <= GRADIENT_TOLERANCE))
                fail_msg("%s: gradient %s[%d] is %.9g, PyTorch's %.9g", e->name, name, (int)i, (double)got[i], want[i]);
        dim_tensor_destroy(t);
    }
}

static void compare_losses(const dim_objective *obj, const experiment *e, int step)
{
    record r;
    const double *want;
    const char *name;
    for (size_t at = 0; (want = (const double *)records_next(&fixtures, &at, &r)) != NULL;) {
        if ((name = last_part(&r, e, "loss")) == NULL)
            continue;
        double loss = report(obj, name);
        if (!(fabs(loss - want[step]) <= LOSS_TOLERANCE * (1 + fabs(want[step]))))
            fail_msg("%s step %d: %s is %.9g, PyTorch's %.9g", e->name, step, name, loss, want[step]);
    }
}

static void compare_parameters(dim_objective *obj, const experiment *e)
{
    record r;
    const double *want;
    const char *name;
    for (size_t at = 0; (want = (const double *)records_next(&fixtures, &at, &r)) != NULL;) {
        if ((name = last_part(&r, e, "end")) == NULL)
            continue;
        dim_tensor *t;
        ok(dim_objective_get_parameter(obj, name, &t));
        const float *got = dim_tensor_const_data(t);
        assert_int_equal(dim_tensor_count(t), record_count(&r));
        for (int64_t i = 0; i < record_count(&r); i++)
            if (!(fabs(got[i] - want[i]) <= VALUE_TOLERANCE * (1 + fabs(want[i]))))
                fail_msg("%s: %s[%d] is %.9g, PyTorch's %.9g", e->name, name, (int)i, (double)got[i], want[i]);
        dim_tensor_destroy(t);
    }
}

static void compare_all(dim_context_options options)
{
    options.size = sizeof options;
    for (size_t i = 0; i < sizeof experiments / sizeof *experiments; i++) {
        const experiment *e = &experiments[i];
        ok(dim_context_create(&options, &ctx));
        dim_objective *obj = objective(0);
        e->build(obj);
        set_parameters(obj, e);
        for (int step = 0; step < STEPS; step++) {
            set_inputs(obj, e, step);
            if (step == 0)
                compare_gradients(obj, e);
            ok(dim_objective_step(obj));
            compare_losses(obj, e, step);
        }
        compare_parameters(obj, e);
        dim_objective_destroy(obj);
        dim_context_destroy(ctx);
    }
}

static void test_planned(void **state)
{
    (void)state;
    in_planned_contexts(compare_all);
}

static void test_reference(void **state)
{
    (void)state;
    in_reference_context(compare_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_planned), cmocka_unit_test(test_reference) };
    return cmocka_run_group_tests(tests, load, unload);
}
