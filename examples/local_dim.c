/* Local Deep InfoMax, DIM(L) of arXiv 1808.06670: an encoder E learns from images without labels, so that one can tell
 * from the summary of an image which patches are its own.
 *
 *     maximise  1/M^2 sum over locations (i, j) of I(C_ij(x) ; E(x))  -  gamma D(prior)
 *
 * C(x) is the map of local features in the middle of the encoder, E(x) its output.  I is a lower bound of mutual
 * information, or a relative of it, which a critic that scores pairs makes computable: a patch and a summary of the
 * same image must score high, those of different images low. */
#include "dim_terms.h"

static const ex_program program = {
    .name = "local_dim",
    .summary = "Trains local Deep InfoMax (DIM(L)) on images and probes the features it learns.",
    .units_help = "width of the space in which patches and summaries are compared (--critic dot)",
    .example = "--data cifar10:cifar-10-batches-bin --units 512 --prior none --steps 780 --eval-every 390 --out out",
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
        .shortcut = DIM_SHORTCUT_RANDOM, /* as the PyTorch program has it that this one is measured against */
        .prior = DIM_PRIOR_UNIFORM,
        .beta = 1,
        .prior_weight = 0.1f,
        .beta1 = 0.9f,
        .probe_train = 20000,
    },
};

int main(int argc, char **argv)
{
    ex_run run;
    ex_start(&run, &program, argc, argv); /* options, context, data */

    /* E: three strided convolutions (two for 28 x 28 images), a layer of 1024 units, 64 units. */
    dim_encoder *encoder = ex_conv_encoder(&run);
    dim_model *model = ex_dim_model(&run, encoder); /* terms, prior, classes, optimizer */

    int code = ex_train(&run, encoder, model); /* for each batch: dim_model_step(model, images) */

    dim_model_destroy(model);
    dim_encoder_destroy(encoder);
    ex_finish(&run);
    return code;
}
