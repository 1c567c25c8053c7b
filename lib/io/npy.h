/* NumPy's .npy files. */
#ifndef DIM_IO_NPY_H
#define DIM_IO_NPY_H

#include "tensor/tensor.h"

/* As dim_tensor_load_npy() and dim_tensor_save_npy() promise. */
dim_status dim__npy_load(dim_context *ctx, const char *path, dim_tensor **out);
dim_status dim__npy_save(const dim_tensor *t, const char *path);

#endif
