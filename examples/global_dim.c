/* Global Deep InfoMax, DIM(G) of arXiv 1808.06670: the whole map of local features and the encoder's output.
 *
 *     maximise  I(C(x) ; E(x))  -  gamma D(prior)
 *
 * The paper uses it as the contrast to DIM(L): knowing as much as possible of an image's details makes poorer features
 * than knowing what its patches have in common. */
#include "dim_terms.h"

static const ex_program program = {
    .name = "global_dim",
    .summary = "Trains global Deep InfoMax (DIM(G)) on images and probes the features it learns.",
    .units_help = "width of the space in which maps and outputs are compared (--critic dot)",
    .example = "--data cifar10:cifar-10-batches-bin --units 512 --critic concat --epochs 5 --out out",
    .taps = "conv,fc,global",
    .conv = true,
    .classes = true,
    .code = "global",
    .dim = true,
    .preset = ex_dim_preset,
    .defaults = {
        .epochs = 10,
        .batch = 64,
        .lr = 1e-4f,
        .units = 2048,
        .estimator = DIM_ESTIMATOR_JSD,
        .critic = DIM_CRITIC_DOT,
        .prior = DIM_PRIOR_UNIFORM,
        .alpha = 1,
        .prior_weight = 1.0f,
        .beta1 = 0.9f,
        .probe_train = 20000,
    },
};

int main(int argc, char **argv)
{
    ex_run run;
    ex_start(&run, &program, argc, argv); /* options, context, data */

    dim_encoder *encoder = ex_conv_encoder(&run);
    dim_model *model = ex_dim_model(&run, encoder); /* terms, prior, classes, optimizer */

    int code = ex_train(&run, encoder, model);

    dim_model_destroy(model);
    dim_encoder_destroy(encoder);
    ex_finish(&run);
    return code;
}
