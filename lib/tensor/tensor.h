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

size_t dim__dtype_size(dim_dtype dtype);      /* 0 for a number that is no dtype */
const char *dim__dtype_name(dim_dtype dtype); /* "f32" and its like, "?" */

/* These check their arguments as the public functions promise; pointers must not be NULL where a public caller's must not. */
dim_status dim__tensor_create(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, dim_tensor **out);
dim_status dim__tensor_wrap(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, const int64_t *stride,
                            void *data, dim_release_fn release, void *user, dim_tensor **out);
dim_status dim__tensor_permute(dim_tensor *t, const int *order, dim_tensor **out);
dim_status dim__tensor_slice(dim_tensor *t, int axis, int64_t start, int64_t count, int64_t step, dim_tensor **out);
dim_status dim__tensor_reshape(dim_tensor *t, int rank, const int64_t *shape, dim_tensor **out);
dim_status dim__tensor_copy(dim_tensor *dst, const dim_tensor *src);
dim_status dim__tensor_view(dim_tensor *t, dim_tensor **out); /* the same elements: a second hold of the memory */
void dim__tensor_destroy(dim_tensor *t);                      /* NULL ok */

int64_t dim__tensor_count(const dim_tensor *t);
bool dim__tensor_contiguous(const dim_tensor *t);
/* The first element of an f32 tensor that is NaN or infinite, and its index along the first axis; NULL = there is none. */
const float *dim__tensor_not_finite(const dim_tensor *t, int64_t *row);

/* For tensors that a function writes.  DIM_E_INVALID when elements share memory; layouts whose axes interleave are refused,
 * too, as no slice or permutation of an array has them. */
dim_status dim__check_output(dim_context *ctx, const char *name, const dim_tensor *t);
/* DIM_E_INVALID when they share an element; NULL shares nothing. */
dim_status dim__check_apart(dim_context *ctx, const char *name_a, const dim_tensor *a, const char *name_b,
                            const dim_tensor *b);
/* Parameters, which are written, and their gradients, all contiguous: DIM_E_INVALID where a parameter shares memory with any
 * other of them. */
dim_status dim__check_updates_apart(dim_context *ctx, const char *function, int count, dim_tensor *const *written,
                                    const dim_tensor *const *read);
bool dim__tensors_share(const dim_tensor *a, const dim_tensor *b);
bool dim__tensors_same(const dim_tensor *a, const dim_tensor *b); /* of one shape: each element is the other's */

/* Copies between strided arrays of the same shape, converting. */
void dim__strided_copy(int rank, const int64_t *shape, dim_dtype dst_type, void *dst, const int64_t *dst_stride,
                       dim_dtype src_type, const void *src, const int64_t *src_stride);

/* Elements of a shape and row-major strides (stride may be NULL).  DIM_E_INVALID for a bad rank, size or dtype,
 * DIM_E_NOMEM when the bytes do not fit an address space; a size of 0 counts as 1 there.  *count is 0 after
 * a failure. */
dim_status dim__shape_check(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, int64_t *count,
                            int64_t *stride);

/* "(2, 3, 4)" for error texts. */
const char *dim__shape_text(char buffer[128], int rank, const int64_t *shape);

#endif
