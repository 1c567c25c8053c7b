/**
 * @file tensor.h
 * @brief Tensors: dense arrays with strides, owned or wrapped, and NPY files.
 */
#ifndef DIM_TENSOR_H
#define DIM_TENSOR_H

#include <dim/context.h>

DIM_BEGIN_DECLS

/** Most dimensions of a tensor. */
#define DIM_MAX_RANK 8

/** Opaque tensor. */
typedef struct dim_tensor dim_tensor;

/** Element type. */
typedef enum dim_dtype {
    DIM_F32 = 0, /**< IEEE single */
    DIM_U8 = 1,  /**< unsigned byte: pixels */
    DIM_I32 = 2, /**< signed 32-bit: labels, indices */
    DIM_I64 = 3, /**< signed 64-bit: labels, indices */
    DIM_F64 = 4, /**< IEEE double: storage only, converted on use */
    DIM_DTYPE_FORCE_INT = 0x7fffffff
} dim_dtype;

/** @brief Bytes of one element; 0 for a number that is not a dtype. */
DIM_API size_t dim_dtype_size(dim_dtype dtype);

/** Called once, when the last tensor or view that uses wrapped memory is destroyed. */
typedef void (*dim_release_fn)(void *user, void *data);

/**
 * @brief Creates a contiguous (row-major) tensor filled with zeros.
 * @param ctx   context whose allocator gives the memory, aligned to 64 bytes
 * @param dtype element type
 * @param rank  0 (a scalar) to DIM_MAX_RANK
 * @param shape `rank` sizes, each >= 0; may be NULL when rank is 0
 * @param out   set only on DIM_OK; release with dim_tensor_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM (also when the size overflows).
 */
DIM_API dim_status dim_tensor_create(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, dim_tensor **out);

/**
 * @brief Makes a tensor of the caller's memory without copying.
 * @param ctx     context of the tensor
 * @param dtype   element type
 * @param rank    0 to DIM_MAX_RANK
 * @param shape   `rank` sizes, each >= 0; may be NULL when rank is 0
 * @param strides in elements, may be negative or 0; NULL = contiguous
 * @param data    address of element (0, 0, ...), aligned to the element; must stay valid until release is called
 * @param release NULL = nothing is called; never called when this function fails
 * @param user    passed to release
 * @param out     set only on DIM_OK; release with dim_tensor_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_tensor_wrap(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape,
                                   const int64_t *strides, void *data, dim_release_fn release, void *user,
                                   dim_tensor **out);

/**
 * @brief Another tensor on the same memory with axes reordered.
 * @param t     the tensor; it may be destroyed before its view
 * @param order axis i of the view is axis order[i] of t; each axis once
 * @param out   set only on DIM_OK; release with dim_tensor_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_tensor_permute(dim_tensor *t, const int *order, dim_tensor **out);

/**
 * @brief A view of indices start, start + step, ... along one axis.
 * @param t     the tensor; it may be destroyed before its view
 * @param axis  which axis, from 0
 * @param start first index
 * @param count number of indices, >= 0
 * @param step  not 0; may be negative
 * @param out   set only on DIM_OK; release with dim_tensor_destroy()
 * @return DIM_E_INVALID (indices that leave the axis), DIM_E_NOMEM.
 */
DIM_API dim_status dim_tensor_slice(dim_tensor *t, int axis, int64_t start, int64_t count, int64_t step,
                                    dim_tensor **out);

/**
 * @brief A view with another shape and as many elements.
 * @param t     the tensor, which must be contiguous; it may be destroyed before its view
 * @param rank  of the view
 * @param shape of the view
 * @param out   set only on DIM_OK; release with dim_tensor_destroy()
 * @return DIM_E_SHAPE (another number of elements), DIM_E_INVALID (not contiguous), DIM_E_NOMEM.
 */
DIM_API dim_status dim_tensor_reshape(dim_tensor *t, int rank, const int64_t *shape, dim_tensor **out);

/**
 * @brief Copies src into dst of the same shape, converting the element type.
 *
 * Float to integer rounds to nearest and saturates; NaN becomes 0.  Where src and dst overlap, src is first copied to
 * a buffer.
 * @param dst any strides with which no two elements share memory
 * @param src any strides
 * @return DIM_E_SHAPE, DIM_E_INVALID (elements of dst share memory), DIM_E_NOMEM (no buffer).
 */
DIM_API dim_status dim_tensor_copy(dim_tensor *dst, const dim_tensor *src);

/** @brief Element type; DIM_F32 for NULL. */
DIM_API dim_dtype dim_tensor_dtype(const dim_tensor *t);
/** @brief Number of axes. */
DIM_API int dim_tensor_rank(const dim_tensor *t);
/** @brief Size of an axis; 0 for an axis that does not exist. */
DIM_API int64_t dim_tensor_size(const dim_tensor *t, int axis);
/** @brief Stride of an axis in elements; 0 for an axis that does not exist. */
DIM_API int64_t dim_tensor_stride(const dim_tensor *t, int axis);
/** @brief Number of elements. */
DIM_API int64_t dim_tensor_count(const dim_tensor *t);
/** @brief 1 when the elements lie row-major without gaps, else 0. */
DIM_API int dim_tensor_is_contiguous(const dim_tensor *t);
/** @brief Address of element (0, 0, ...), valid while the tensor or a view of it lives. */
DIM_API void *dim_tensor_data(dim_tensor *t);
/** @brief As dim_tensor_data(), for reading. */
DIM_API const void *dim_tensor_const_data(const dim_tensor *t);

/**
 * @brief Reads a NumPy .npy file (versions 1 to 3; little- or big-endian; C or Fortran order).
 *
 * f4, f8, i4, i8 and u1 keep their type; f2 becomes f32; i1, i2 and u2 become i32; u4 and u8 become i64; bool becomes u8,
 * 0 or 1.
 * @param ctx  context of the tensor
 * @param path the file
 * @param out  set only on DIM_OK, contiguous; release with dim_tensor_destroy()
 * @return DIM_E_IO (missing, unreadable), DIM_E_FORMAT (not NPY, truncated, longer than its header says),
 *         DIM_E_UNSUPPORTED (another element type, a u8 above 2^63 - 1), DIM_E_NOMEM.
 */
DIM_API dim_status dim_tensor_load_npy(dim_context *ctx, const char *path, dim_tensor **out);

/**
 * @brief Writes a .npy file (version 1, C order) atomically: the old file or the whole new one, never a part.  A
 *        symbolic link is replaced by the file.
 * @return DIM_E_IO, DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_tensor_save_npy(const dim_tensor *t, const char *path);

/** @brief Releases a tensor or view; NULL is ignored. */
DIM_API void dim_tensor_destroy(dim_tensor *t);

DIM_END_DECLS

#endif
