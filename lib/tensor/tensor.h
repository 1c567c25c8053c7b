/* The inside of a tensor. */
#ifndef DIM_TENSOR_TENSOR_H
#define DIM_TENSOR_TENSOR_H

#include "base/context.h"
#include <dim/tensor.h>

typedef struct dim__storage { /* memory shared by a tensor and its views; one thread at a time, so a plain count */
    int refs;
    void *owned;              /* from dim__alloc, or NULL */
    void *wrapped;
    dim_release_fn release;
    void *user;
} dim__storage;

struct dim_tensor {
    dim_context *ctx;
    dim__storage *storage;
    char *data;               /* element (0, 0, ...) */
    dim_dtype dtype;
    int rank;
    int64_t shape[DIM_MAX_RANK];
    int64_t stride[DIM_MAX_RANK]; /* in elements */
};

dim_status dim__tensor_create(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, dim_tensor **out);
int64_t dim__tensor_count(const dim_tensor *t);
bool dim__tensor_contiguous(const dim_tensor *t);

/* Copies between strided arrays of the same shape, converting. */
void dim__strided_copy(int rank, const int64_t *shape, dim_dtype dst_type, void *dst, const int64_t *dst_stride,
                       dim_dtype src_type, const void *src, const int64_t *src_stride);

/* "(2, 3, 4)" for error texts. */
const char *dim__shape_text(char buffer[128], int rank, const int64_t *shape);

#endif
