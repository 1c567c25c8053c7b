/* Weights that carry their encoder's layers (nn/network_text.h). */
#ifndef DIM_IO_NETWORK_H
#define DIM_IO_NETWORK_H

#include "io/params.h"
#include "nn/encoder.h"

dim_status dim__network_save(const dim_encoder *enc, const dim__param_group *groups, int n, const char *path);
dim_status dim__network_open(dim_context *ctx, const char *path, dim_encoder **out);

#endif
