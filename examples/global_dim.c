/* Global Deep InfoMax, DIM(G) of arXiv 1808.06670: the whole map of local features and the encoder's output.
 *
 *     maximise  I(C(x) ; E(x))  -  gamma D(prior)
 *
 * The paper uses it as the contrast to DIM(L): knowing as much as possible of an image's details makes poorer features
 * than knowing what its patches have in common. */
#include "common.h"

static const ex_program program = {
    .name = "global_dim",
    .summary = "Trains global Deep InfoMax (DIM(G)) on images and probes the features it learns.",
    .units_help = "width of the space in which maps and outputs are compared (--critic dot)",
    .example = "--data cifar10:cifar-10-batches-bin --units 512 --critic concat --epochs 5 --out out",
    .taps = "conv,fc,global",
    .conv = true,
    .classes = true,
    .code = "global",
    .defaults = {
        .epochs = 10,
        .batch = 64,
        .lr = 1e-4f,
        .units = 2048,
        .estimator = DIM_ESTIMATOR_JSD,
        .critic = DIM_CRITIC_DOT,
        .prior = DIM_PRIOR_UNIFORM,
        .prior_weight = 1.0f,
        .probe_train = 20000,
    },
};

int main(int argc, char **argv)
{
    ex_run run;
    ex_start(&run, &program, argc, argv); /* options, context, data */

    dim_encoder *encoder = ex_conv_encoder(&run);
    dim_model *model = NULL;
    EX_TRY(&run, dim_model_create(encoder, NULL, &model));

    dim_estimator *estimator = NULL;
    dim_estimator_options how;
    DIM_OPTIONS_INIT(&how);
    how.kind = (dim_estimator_kind)run.o.estimator;
    EX_TRY(&run, dim_estimator_create(run.ctx, &how, &estimator));

    /* I(C(x) ; E(x)).  With the dot product the map goes through a copy of the encoder's later layers with weights of
     * its own, into `units` dimensions; with concatenation through two convolutions, then joined with E(x). */
    dim_term_options term;
    DIM_OPTIONS_INIT(&term);
    term.name = "global";
    term.x = "global:local";
    term.y = "global";
    term.estimator = estimator;
    term.critic = (dim_critic)run.o.critic;
    term.units = run.o.units;
    term.shortcut = (dim_shortcut)run.o.shortcut;
    if (!run.o.finetune)
        EX_TRY(&run, dim_model_add_term(model, &term));

    ex_add_prior(&run, model); /* - gamma D(prior) */

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
