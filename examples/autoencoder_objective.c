/* The networks, losses and the player of a variational autoencoder. */
#include "autoencoder.h"

enum { WIDTH = 32, HIDDEN = 256 };

#define TRY(call)                       \
    do {                                \
        dim_status status = (call);     \
        if (status != DIM_OK)           \
            return status;              \
    } while (0)
#define OPTIONS(type, ...) (&(type){ .size = sizeof(type), __VA_ARGS__ })
#define LAYER(...) TRY(dim_encoder_builder_add(b, OPTIONS(dim_layer_options, __VA_ARGS__)))

/* q(z | x) = N(mean, e^logvar): the tap "global", the last layer's, is a draw from it. */
static dim_status make_encoder(dim_context *ctx, const uint32_t image[3], uint32_t units, dim_network **out)
{
    dim_encoder_builder *b;
    TRY(dim_encoder_builder_create(ctx, image[0], image[1], image[2], &b));
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
    TRY(dim_encoder_builder_finish(b, NULL, out));
    dim_encoder_builder_destroy(b);
    return DIM_OK;
}

static dim_status make_decoder(dim_context *ctx, const uint32_t image[3], uint32_t units, dim_network **out)
{
    const uint32_t height = image[1] / 4, width = image[2] / 4;
    dim_encoder_builder *b;
    TRY(dim_encoder_builder_create(ctx, units, 0, 0, &b));
    LAYER(.kind = DIM_LAYER_LINEAR, .out = HIDDEN);
    LAYER(.kind = DIM_LAYER_RELU);
    LAYER(.kind = DIM_LAYER_LINEAR, .out = 2 * WIDTH * height * width);
    LAYER(.kind = DIM_LAYER_RELU);
    LAYER(.kind = DIM_LAYER_UNFLATTEN, .out = 2 * WIDTH, .height = height);
    LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = WIDTH, .kernel = 4, .stride = 2, .padding = 1);
    LAYER(.kind = DIM_LAYER_RELU);
    LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = image[0], .kernel = 4, .stride = 2, .padding = 1);
    LAYER(.kind = DIM_LAYER_TANH); /* bytes are in [-1, 1], too */
    TRY(dim_encoder_builder_finish(b, NULL, out));
    dim_encoder_builder_destroy(b);
    return DIM_OK;
}

dim_status autoencoder_objective(dim_context *ctx, const int64_t image[3], uint32_t units, float kl_weight, float lr,
                                 dim_objective **out)
{
    const uint32_t shape[3] = { (uint32_t)image[0], (uint32_t)image[1], (uint32_t)image[2] };
    const dim_optimizer_options adam = { .size = sizeof adam, .lr = lr };
    dim_network *encoder, *decoder;
    dim_objective *obj;
    TRY(make_encoder(ctx, shape, units, &encoder));
    TRY(make_decoder(ctx, shape, units, &decoder));
    TRY(dim_objective_create(ctx, NULL, &obj));
    TRY(dim_objective_add_input(obj, OPTIONS(dim_input_options, .name = "images", .shape = { image[0], image[1], image[2] })));
    TRY(dim_objective_add_input(obj, OPTIONS(dim_input_options, .name = "noise", .kind = DIM_INPUT_NORMAL, .shape = { units })));
    TRY(dim_objective_apply(obj, encoder, "images", "encoder"));
    TRY(dim_objective_apply(obj, decoder, "encoder", "decoder"));
    TRY(dim_objective_apply(obj, decoder, "noise", "samples")); /* the same weights */
    TRY(dim_objective_add_loss(obj, OPTIONS(dim_loss_options, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR,
                                            .a = "decoder", .b = "images", .sum_units = 1)));
    TRY(dim_objective_add_loss(obj, OPTIONS(dim_loss_options, .name = "kl", .kind = DIM_LOSS_KL, .a = "encoder.mean",
                                            .b = "encoder.logvar", .sum_units = 1)));
    TRY(dim_objective_add_player(obj, OPTIONS(dim_player_options, .name = "all", .optimizer = &adam)));
    TRY(dim_objective_give(obj, "all", "encoder"));
    TRY(dim_objective_give(obj, "all", "decoder"));
    TRY(dim_objective_minimise(obj, "all", "error", 1));
    TRY(dim_objective_minimise(obj, "all", "kl", kl_weight));
    dim_encoder_destroy(encoder);
    dim_encoder_destroy(decoder);
    *out = obj;
    return DIM_OK;
}
