/* The networks, losses and the player of a variational autoencoder. */
#include "autoencoder.h"

#define TRY(call) do { dim_status status = (call); if (status != DIM_OK) return status; } while (0)
#define OPTIONS(type, ...) (&(type){ .size = sizeof(type), __VA_ARGS__ })
#define LAYER(...) TRY(dim_encoder_builder_add(b, OPTIONS(dim_layer_options, __VA_ARGS__)))

enum { WIDTH = 32, HIDDEN = 256 };

/* q(z | x) = N(mean, e^logvar); what comes out is a draw from it, or the mean where nothing is trained. */
static dim_status encoder_layers(dim_encoder_builder *b, uint32_t units)
{
    LAYER(.kind = DIM_LAYER_CONV, .out = WIDTH, .kernel = 4, .stride = 2, .padding = 1);
    LAYER(.kind = DIM_LAYER_RELU);
    LAYER(.kind = DIM_LAYER_CONV, .out = 2 * WIDTH, .kernel = 4, .stride = 2, .padding = 1);
    LAYER(.kind = DIM_LAYER_RELU);
    LAYER(.kind = DIM_LAYER_LINEAR, .out = HIDDEN);
    LAYER(.kind = DIM_LAYER_RELU, .tap = "hidden");
    LAYER(.kind = DIM_LAYER_LINEAR, .out = units, .name = "logvar", .tap = "logvar");
    LAYER(.kind = DIM_LAYER_FROM, .from = "hidden");
    LAYER(.kind = DIM_LAYER_LINEAR, .out = units, .name = "mean", .tap = "mean");
    LAYER(.kind = DIM_LAYER_GAUSSIAN, .from = "logvar");
    return DIM_OK;
}

static dim_status decoder_layers(dim_encoder_builder *b, const int64_t image[3])
{
    const uint32_t channels = (uint32_t)image[0], height = (uint32_t)image[1] / 4, width = (uint32_t)image[2] / 4;
    LAYER(.kind = DIM_LAYER_LINEAR, .out = HIDDEN);
    LAYER(.kind = DIM_LAYER_RELU);
    LAYER(.kind = DIM_LAYER_LINEAR, .out = 2 * WIDTH * height * width);
    LAYER(.kind = DIM_LAYER_RELU);
    LAYER(.kind = DIM_LAYER_UNFLATTEN, .out = 2 * WIDTH, .height = height);
    LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = WIDTH, .kernel = 4, .stride = 2, .padding = 1);
    LAYER(.kind = DIM_LAYER_RELU);
    LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = channels, .kernel = 4, .stride = 2, .padding = 1);
    LAYER(.kind = DIM_LAYER_TANH); /* bytes are in [-1, 1], too */
    return DIM_OK;
}

dim_status autoencoder_objective(dim_context *ctx, const int64_t image[3], uint32_t units, float kl_weight, float lr,
                                 dim_objective **out)
{
    const dim_optimizer_options adam = { .size = sizeof adam, .lr = lr };
    dim_encoder_builder *b[2];
    dim_network *encoder, *decoder;
    TRY(dim_encoder_builder_create(ctx, (uint32_t)image[0], (uint32_t)image[1], (uint32_t)image[2], &b[0]));
    TRY(dim_encoder_builder_create(ctx, units, 0, 0, &b[1]));
    TRY(encoder_layers(b[0], units));
    TRY(decoder_layers(b[1], image));
    TRY(dim_encoder_builder_finish(b[0], NULL, &encoder));
    TRY(dim_encoder_builder_finish(b[1], NULL, &decoder));
    TRY(dim_objective_create(ctx, NULL, out));
    TRY(dim_objective_add_input(*out, OPTIONS(dim_input_options, .name = "images", .shape = { image[0], image[1], image[2] })));
    TRY(dim_objective_add_input(*out, OPTIONS(dim_input_options, .name = "noise", .kind = DIM_INPUT_NORMAL, .shape = { units })));
    TRY(dim_objective_apply(*out, encoder, "images", "encoder"));
    TRY(dim_objective_apply(*out, decoder, "encoder", "decoder"));
    TRY(dim_objective_apply(*out, decoder, "noise", "samples")); /* the same weights */
    TRY(dim_objective_add_loss(*out, OPTIONS(dim_loss_options, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR,
                                             .a = "decoder", .b = "images", .sum_units = 1)));
    TRY(dim_objective_add_loss(*out, OPTIONS(dim_loss_options, .name = "kl", .kind = DIM_LOSS_KL, .a = "encoder.mean",
                                             .b = "encoder.logvar", .sum_units = 1)));
    TRY(dim_objective_add_player(*out, OPTIONS(dim_player_options, .name = "all", .optimizer = &adam)));
    TRY(dim_objective_give(*out, "all", "encoder"));
    TRY(dim_objective_give(*out, "all", "decoder"));
    TRY(dim_objective_minimise(*out, "all", "error", 1));
    TRY(dim_objective_minimise(*out, "all", "kl", kl_weight));
    dim_encoder_builder_destroy(b[0]);
    dim_encoder_builder_destroy(b[1]);
    dim_encoder_destroy(encoder);
    dim_encoder_destroy(decoder);
    return DIM_OK;
}
