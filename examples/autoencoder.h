/* What autoencoder.c trains, for any size of image and any context; tests/test_autoencoder.c trains it, too. */
#ifndef EXAMPLES_AUTOENCODER_H
#define EXAMPLES_AUTOENCODER_H

#ifndef DIM_EXPERIMENTAL
#define DIM_EXPERIMENTAL
#endif
#include <dim/objective.h>

/* Input "images", (C, H, W) with sides that are multiples of 4; values "encoder.mean", "decoder" (reconstructions) and
 * "samples" (images of codes that are drawn); losses "error" and "kl", of which the player "all" minimises
 * error + kl_weight kl by Adam. */
dim_status autoencoder_objective(dim_context *ctx, const int64_t image[3], uint32_t units, float kl_weight, float lr,
                                 dim_objective **out);

#endif
