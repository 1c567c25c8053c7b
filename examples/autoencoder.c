/* A variational autoencoder (arXiv 1312.6114): an encoder makes of an image x a Gaussian code, a decoder y an image again.
 *
 *     minimise  |y(z) - x|^2  +  gamma KL(q(z | x) || N(0, I)),    z drawn from q(z | x)
 *
 * Both are the bound on -log p(x) where y has noise of variance gamma / 2.  Codes drawn from N(0, I) become new images. */
#include "objective.h"

static const ex_program program = {
    .name = "autoencoder",
    .summary = "Trains a variational autoencoder on images; its picture has reconstructions and samples.",
    .units_help = "width of the code",
    .example = "--data idx:mnist --epochs 5 --out out",
    .objective = true,
    .generative = true,
    .defaults = { .epochs = 5, .batch = 64, .lr = 1e-3f, .units = 16, .prior_weight = 1 },
};

enum { WIDTH = 32, HIDDEN = 256 };

/* q(z | x) = N(mean, e^logvar); what comes out is a draw from it, or the mean where nothing is trained. */
static dim_network *build_encoder(ex_run *run)
{
    const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_CONV, .out = WIDTH, .kernel = 4, .stride = 2, .padding = 1 },
        { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_CONV, .out = 2 * WIDTH, .kernel = 4, .stride = 2, .padding = 1 },
        { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_LINEAR, .out = HIDDEN },
        { .kind = DIM_LAYER_RELU, .tap = "hidden" },
        { .kind = DIM_LAYER_LINEAR, .out = run->o.units, .name = "logvar", .tap = "logvar" },
        { .kind = DIM_LAYER_FROM, .from = "hidden" },
        { .kind = DIM_LAYER_LINEAR, .out = run->o.units, .name = "mean", .tap = "mean" },
        { .kind = DIM_LAYER_GAUSSIAN, .from = "logvar" },
    };
    return ex_network(run, run->shape, layers, sizeof layers / sizeof *layers);
}

static dim_network *build_decoder(ex_run *run)
{
    const uint32_t height = (uint32_t)run->shape[1] / 4, width = (uint32_t)run->shape[2] / 4;
    const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_LINEAR, .out = HIDDEN },
        { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_LINEAR, .out = 2 * WIDTH * height * width },
        { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_UNFLATTEN, .out = 2 * WIDTH, .height = height },
        { .kind = DIM_LAYER_CONV_TRANSPOSE, .out = WIDTH, .kernel = 4, .stride = 2, .padding = 1 },
        { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_CONV_TRANSPOSE, .out = (uint32_t)run->shape[0], .kernel = 4, .stride = 2, .padding = 1 },
        { .kind = DIM_LAYER_TANH }, /* bytes are in [-1, 1], too */
    };
    return ex_network(run, (int64_t[]){ run->o.units, 0, 0 }, layers, sizeof layers / sizeof *layers);
}

static dim_objective *build_objective(ex_run *run)
{
    const int64_t *image = run->shape;
    dim_network *encoder = build_encoder(run), *decoder = build_decoder(run);
    dim_objective *o = NULL;
    EX_TRY(run, dim_objective_create(run->ctx, NULL, &o));
    EX_TRY(run, dim_objective_add_input(o, EX_OPTIONS(dim_input_options, .name = "images",
                                                      .shape = { image[0], image[1], image[2] })));
    EX_TRY(run, dim_objective_add_input(o, EX_OPTIONS(dim_input_options, .name = "noise", .kind = DIM_INPUT_NORMAL,
                                                      .shape = { run->o.units })));
    EX_TRY(run, dim_objective_apply(o, encoder, "images", "encoder"));
    EX_TRY(run, dim_objective_apply(o, decoder, "encoder", "decoder"));
    EX_TRY(run, dim_objective_apply(o, decoder, "noise", "samples")); /* the same weights */
    EX_TRY(run, dim_objective_add_loss(o, EX_OPTIONS(dim_loss_options, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR,
                                                     .a = "decoder", .b = "images", .sum_units = 1)));
    EX_TRY(run, dim_objective_add_loss(o, EX_OPTIONS(dim_loss_options, .name = "kl", .kind = DIM_LOSS_KL,
                                                     .a = "encoder.mean", .b = "encoder.logvar", .sum_units = 1)));
    EX_TRY(run, dim_objective_add_player(o, EX_OPTIONS(dim_player_options, .name = "all",
                                                       .optimizer = EX_OPTIONS(dim_optimizer_options, .lr = run->o.lr))));
    EX_TRY(run, dim_objective_give(o, "all", "encoder"));
    EX_TRY(run, dim_objective_give(o, "all", "decoder"));
    EX_TRY(run, dim_objective_minimise(o, "all", "error", 1));
    EX_TRY(run, dim_objective_minimise(o, "all", "kl", run->o.prior_weight));
    dim_encoder_destroy(encoder); /* the objective holds both */
    dim_encoder_destroy(decoder);
    return o;
}

static bool draw(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    static const char *const values[] = { "images", "decoder", "samples" };
    static const int64_t rows[] = { 1, 1, 4 };
    (void)encoder;
    return ex_draw_values(run, values, rows, 3, 12, "First row: test images. Second row: their reconstructions. Below: images of "
                          "codes that were drawn from N(0, I).", path, why);
}

int main(int argc, char **argv)
{
    ex_run run;
    ex_task task = { .loss = "all.loss", .tested = 500, .drawing = draw, .drawing_name = "images.png",
                     .measures = { { "test.error", "an image", "error" }, { "test.kl", "nats", "kl" } } };
    ex_start(&run, &program, argc, argv); /* options, context, data */
    if (run.shape[1] % 4 != 0 || run.shape[2] % 4 != 0)
        ex_usage_error(&program, "--data: the images are %d x %d, but sides must be multiples of 4; --image-size makes the "
                       "images of a folder or of STL-10 so large", (int)run.shape[2], (int)run.shape[1]);
    task.objective = build_objective(&run);
    int code = ex_train_objective(&run, &task);
    dim_objective_destroy(task.objective);
    ex_finish(&run);
    return code;
}
