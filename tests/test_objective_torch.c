/* Objectives of several networks, losses and players against PyTorch in double: losses and all parameters over 20 steps,
 * gradients of inputs in the first
 * (fixtures/make_objective.py). */
#define FIXTURE "objective.bin"
#include "torch_tests.h"

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

static const experiment list[] = {
    { "gan", gan, NULL }, { "gan-turns", gan_turns, NULL }, { "gan-minimax", gan_minimax, NULL },
    { "gan-least-squares", gan_least_squares, NULL }, { "infogan", infogan, NULL }, { "vae", vae, NULL }, { "vae-mean", vae_mean, NULL },
    { "two-inputs", two_inputs, NULL }, { "fine-tuning", fine_tuning, NULL },
};

int main(void) { return compare_experiments(list, sizeof list / sizeof *list); }
