/* Local Deep InfoMax, DIM(L) of arXiv 1808.06670, on one-dimensional signals: an encoder E learns from signals without
 * labels, so that one can tell from the summary of a signal which stretches are its own.
 *
 *     maximise  1/M sum over places i of I(C_i(x) ; E(x))
 *
 * C(x) is the row of local features in the middle of the encoder, E(x) its output, I the Jensen-Shannon divergence by
 * default.  The signals are waves of six forms that a generator makes, or an array of the caller's. */
#include "signals.h"

static const ex_program program = {
    .name = "signals",
    .summary = "Trains local Deep InfoMax on one-dimensional signals and probes the features it learns.",
    .units_help = "width of the space in which stretches and summaries are compared (--critic dot)",
    .data_help = "waves: a generator makes 6000 signals of 128 values, sines, triangles, squares, saws, pulses and chirps of "
                 "random phase, frequency, amplitude and noise. Or npy:NAME.npy: an array (signals, channels, values), whose "
                 "labels, if it has any, are in NAME.labels.npy. Every fifth signal is for testing",
    .example = "--epochs 5 --table --out out",
    .taps = "local,global",
    .code = "global",
    .defaults = {
        .data = "waves",
        .epochs = 10,
        .batch = 64,
        .lr = 1e-3f,
        .units = 256,
        .estimator = DIM_ESTIMATOR_JSD,
        .critic = DIM_CRITIC_DOT,
        .prior = EX_PRIOR_NONE,
        .prior_weight = 0.1f,
        .probe_train = 4000,
    },
};

/* Strided convolutions along the signal, then the mean over places: a wave is the same one wherever it begins. */
static dim_encoder *build_encoder(ex_run *run)
{
    static const uint32_t widths[] = { 32, 64, 128, 128 };
    dim_encoder *encoder = NULL;
    dim_encoder_builder *b = NULL;
    EX_TRY(run, dim_encoder_builder_create(run->ctx, (uint32_t)run->shape[0], 0, (uint32_t)run->shape[2], &b));
    for (int i = 0; i < 4; i++) {
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = widths[i], .kernel = 5, .stride = 2, .padding = 2 });
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = i == 1 ? "local" : NULL });
    }
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_GLOBAL_AVG });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 64, .tap = "global" });
    EX_TRY(run, dim_encoder_builder_finish(b, NULL, &encoder));
    dim_encoder_builder_destroy(b);
    return encoder;
}

int main(int argc, char **argv)
{
    ex_run run;
    ex_start(&run, &program, argc, argv); /* options, context */
    signals_open(&run);                   /* data */

    dim_encoder *encoder = build_encoder(&run);
    dim_model *model = NULL;
    EX_TRY(&run, dim_model_create(encoder, NULL, &model));

    dim_estimator *estimator = NULL;
    dim_estimator_options how;
    DIM_OPTIONS_INIT(&how);
    how.kind = (dim_estimator_kind)run.o.estimator;
    EX_TRY(&run, dim_estimator_create(run.ctx, &how, &estimator));

    dim_term_options term; /* I(C_i(x) ; E(x)), averaged over the places: x is "local", y "global" */
    DIM_OPTIONS_INIT(&term);
    term.estimator = estimator;
    term.critic = (dim_critic)run.o.critic;
    term.units = run.o.units;
    term.shortcut = (dim_shortcut)run.o.shortcut;
    EX_TRY(&run, dim_model_add_term(model, &term));
    ex_add_prior(&run, model);

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
