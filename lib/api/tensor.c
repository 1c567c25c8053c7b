#include "tensor/tensor.h"

size_t dim_dtype_size(dim_dtype dtype)
{
    return dim__dtype_size(dtype);
}

dim_status dim_tensor_create(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, dim_tensor **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_tensor_create: out is NULL");
    return dim__tensor_create(ctx, dtype, rank, shape, out);
}

dim_status dim_tensor_wrap(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, const int64_t *strides,
                           void *data, dim_release_fn release, void *user, dim_tensor **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_tensor_wrap: out is NULL");
    return dim__tensor_wrap(ctx, dtype, rank, shape, strides, data, release, user, out);
}

dim_status dim_tensor_permute(dim_tensor *t, const int *order, dim_tensor **out)
{
    if (t == NULL)
        return DIM_E_INVALID;
    if (out == NULL || (order == NULL && t->rank > 0))
        return dim__fail(t->ctx, DIM_E_INVALID, "dim_tensor_permute: %s is NULL", out == NULL ? "out" : "order");
    return dim__tensor_permute(t, order, out);
}

dim_status dim_tensor_slice(dim_tensor *t, int axis, int64_t start, int64_t count, int64_t step, dim_tensor **out)
{
    if (t == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(t->ctx, DIM_E_INVALID, "dim_tensor_slice: out is NULL");
    return dim__tensor_slice(t, axis, start, count, step, out);
}

dim_status dim_tensor_reshape(dim_tensor *t, int rank, const int64_t *shape, dim_tensor **out)
{
    if (t == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(t->ctx, DIM_E_INVALID, "dim_tensor_reshape: out is NULL");
    return dim__tensor_reshape(t, rank, shape, out);
}

dim_status dim_tensor_copy(dim_tensor *dst, const dim_tensor *src)
{
    if (dst == NULL)
        return src == NULL ? DIM_E_INVALID : dim__fail(src->ctx, DIM_E_INVALID, "dim_tensor_copy: dst is NULL");
    if (src == NULL)
        return dim__fail(dst->ctx, DIM_E_INVALID, "dim_tensor_copy: src is NULL");
    return dim__tensor_copy(dst, src);
}

dim_dtype dim_tensor_dtype(const dim_tensor *t)
{
    return t != NULL ? t->dtype : DIM_F32;
}

int dim_tensor_rank(const dim_tensor *t)
{
    return t != NULL ? t->rank : 0;
}

int64_t dim_tensor_size(const dim_tensor *t, int axis)
{
    return t != NULL && axis >= 0 && axis < t->rank ? t->shape[axis] : 0;
}

int64_t dim_tensor_stride(const dim_tensor *t, int axis)
{
    return t != NULL && axis >= 0 && axis < t->rank ? t->stride[axis] : 0;
}

int64_t dim_tensor_count(const dim_tensor *t)
{
    return t != NULL ? dim__tensor_count(t) : 0;
}

int dim_tensor_is_contiguous(const dim_tensor *t)
{
    return t != NULL && dim__tensor_contiguous(t);
}

void *dim_tensor_data(dim_tensor *t)
{
    return t != NULL ? t->data : NULL;
}

const void *dim_tensor_const_data(const dim_tensor *t)
{
    return t != NULL ? t->data : NULL;
}

void dim_tensor_destroy(dim_tensor *t)
{
    dim__tensor_destroy(t);
}
