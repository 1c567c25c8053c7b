/* Infomax with a Gaussian code and a closed-form prior (kexue.fm/archives/6024).
 *
 *     maximise  0.5 I(z ; z)  +  1.5 / M^2 sum over locations (i, j) of I(C_ij(x) ; z)  -  0.01 KL(p(z | x) || N(0, I))
 *
 * z = mean(x) + exp(logvar(x) / 2) noise.  Pairs are scored by networks on the concatenated pair; each image has one
 * negative, another image of the batch drawn by a permutation. */
#include "common.h"

static const ex_program program = {
    .name = "infomax_kl",
    .summary = "Trains Infomax with a Gaussian code and a KL prior on images and probes the features it learns.",
    .units_help = "width of the code, of the local map and of the critics' three hidden layers;\na multiple of 8",
    .example = "--data cifar10:cifar-10-batches-bin --steps 780 --eval-every 390 --out out",
    .taps = "map,mean",
    .classes = true,
    .code = "mean",
    .defaults = {
        .epochs = 50,
        .batch = 64,
        .lr = 1e-3f,
        .units = 256,
        .estimator = DIM_ESTIMATOR_JSD,
        .critic = DIM_CRITIC_CONCAT,
        .prior = DIM_PRIOR_KL,
        .prior_weight = 0.01f,
        .probe_train = 20000,
    },
};

static void add_conv(ex_run *run, dim_encoder_builder *b, uint32_t width)
{
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = width, .kernel = 3, .padding = 1 });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LEAKY_RELU, .slope = 0.2f });
}

/* What DIM_ENCODER_INFOMAX32 and 64 give, for any size of image: the builder's way to make an encoder of one's own. */
static dim_encoder *build_encoder(ex_run *run)
{
    uint32_t z = run->o.units;
    int stages = run->shape[1] < 64 ? 3 : 4;
    dim_encoder *encoder = NULL;
    dim_encoder_builder *b = NULL;
    EX_TRY(run, dim_encoder_builder_create(run->ctx, (uint32_t)run->shape[0], (uint32_t)run->shape[1],
                                           (uint32_t)run->shape[2], &b));
    for (int i = stages - 1; i >= 0; i--) { /* 32 -> 16 -> 8 -> 4, or 28 -> 14 -> 7 -> 3 */
        add_conv(run, b, z >> i);
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_MAX_POOL, .kernel = 2, .tap = i == 0 ? "map" : NULL });
    }
    add_conv(run, b, z);
    add_conv(run, b, z);
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_GLOBAL_MAX, .tap = "top" });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = z, .name = "logvar", .tap = "logvar" });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "top" });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = z, .name = "mean", .tap = "mean" });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_GAUSSIAN, .from = "logvar", .tap = "global" }); /* z */
    EX_TRY(run, dim_encoder_builder_finish(b, NULL, &encoder));
    dim_encoder_builder_destroy(b);
    return encoder;
}

/* weight I(x ; z) */
static void add_term(ex_run *run, dim_model *model, const dim_estimator *estimator, const char *x, const char *name,
                     float weight)
{
    dim_term_options term;
    DIM_OPTIONS_INIT(&term);
    term.name = name;
    term.x = x;
    term.y = "global";
    term.estimator = estimator;
    term.critic = (dim_critic)run->o.critic;
    term.weight = weight;
    term.units = term.hidden[0] = term.hidden[1] = term.hidden[2] = run->o.units;
    term.shortcut = (dim_shortcut)run->o.shortcut;
    if (!run->o.finetune)
        EX_TRY(run, dim_model_add_term(model, &term));
}

int main(int argc, char **argv)
{
    ex_run run;
    ex_start(&run, &program, argc, argv); /* options, context, data */
    if (run.o.units % 8 != 0)
        ex_usage_error(&program, "--units: %u is not a multiple of 8", (unsigned)run.o.units);

    dim_encoder *encoder = build_encoder(&run);
    dim_model *model = NULL;
    EX_TRY(&run, dim_model_create(encoder, NULL, &model));

    dim_estimator *estimator = NULL;
    dim_estimator_options how;
    DIM_OPTIONS_INIT(&how);
    how.kind = (dim_estimator_kind)run.o.estimator;
    how.negatives = DIM_NEGATIVES_SHUFFLE;
    EX_TRY(&run, dim_estimator_create(run.ctx, &how, &estimator));

    add_term(&run, model, estimator, "global", "global", 0.5f);
    add_term(&run, model, estimator, "map", "local", 1.5f);
    ex_add_prior(&run, model); /* - gamma KL, by default */

    ex_add_classes(&run, encoder, model); /* --classify-weight, --finetune */

    dim_optimizer_options adam;
    DIM_OPTIONS_INIT(&adam);
    adam.lr = run.o.lr;
    EX_TRY(&run, dim_model_set_optimizer(model, &adam));

    int code = ex_train(&run, encoder, model);

    dim_estimator_destroy(estimator);
    dim_model_destroy(model);
    dim_encoder_destroy(encoder);
    ex_finish(&run);
    return code;
}
