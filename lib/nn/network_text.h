/* An encoder's layers as text, for the metadata of weights: a file then says what network it is of.
 *
 *     input 3 32 32
 *     pixels, mean 0.5 0.5 0.5, std 0.25 0.25 0.25
 *     input z 16 0 0
 *     conv conv1 as local, out 64, kernel 4, kernel_w 4, stride 2, padding 1
 *     add add1 from local
 *
 * Inputs after the first have names.  One layer a line: kind, name, the taps that it reads and makes, options that are not 0.  Initial values are not among them. */
#ifndef DIM_NN_NETWORK_TEXT_H
#define DIM_NN_NETWORK_TEXT_H

#include "nn/encoder.h"

#define DIM__NETWORK_KEY "dim.network" /* of the metadata */

/* The caller frees *out. */
dim_status dim__network_write(const dim_encoder *enc, char **out);
/* The encoder, whose parameters have at most `most` elements together.  DIM_E_FORMAT names the line; `path` is for texts. */
dim_status dim__network_read(dim_context *ctx, const char *text, const char *path, int64_t most, dim_encoder **out);

#endif
