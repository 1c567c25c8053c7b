/* Reading NumPy's .npy files; io/npy.h writes them. */
#ifndef DIM_DATA_NPY_H
#define DIM_DATA_NPY_H

#include "data/stream.h"
#include "tensor/tensor.h"

/* A whole plain stream as dim_tensor_load_npy() promises. */
dim_status dim__npy_read(dim_context *ctx, dim__stream *s, dim_tensor **out);
/* What the machine must be; nothing here is made for the others. */
bool dim__npy_little_endian(void);

#endif
