#include "tensor/tensor.h"

#include "base/math.h"

#include <stdio.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [DIM_F32] = { "f32", 4 }, [DIM_U8] = { "u8", 1 }, [DIM_I32] = { "i32", 4 }, [DIM_I64] = { "i64", 8 },
    [DIM_F64] = { "f64", 8 },
};

static bool is_dtype(dim_dtype dtype)
{
    return (int)dtype >= 0 && (size_t)dtype < sizeof dtypes / sizeof *dtypes;
}

size_t dim__dtype_size(dim_dtype dtype)
{
    return is_dtype(dtype) ? dtypes[dtype].size : 0;
}

const char *dim__dtype_name(dim_dtype dtype)
{
    return is_dtype(dtype) ? dtypes[dtype].name : "?";
}

const char *dim__shape_text(char buffer[128], int rank, const int64_t *shape)
{
    size_t used = 0;
    buffer[used++] = '(';
    for (int i = 0; i < rank; i++) {
        int n = snprintf(buffer + used, 128 - used, "%s%lld", i > 0 ? ", " : "", (long long)shape[i]);
        if (n < 0 || used + (size_t)n >= 126) { /* keep room for what closes the text */
            used = used < 120 ? used : 120;
            memcpy(buffer + used, "...", 3);
            used += 3;
            break;
        }
        used += (size_t)n;
    }
    buffer[used++] = ')';
    buffer[used] = '\0';
    return buffer;
}

dim_status dim__shape_check(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, int64_t *count,
                            int64_t *stride)
{
    char text[128];
    size_t element = dim__dtype_size(dtype);
    int64_t span = 1, elements = 1;
    *count = 0;
    if (element == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dtype %d is unknown", (int)dtype);
    if (rank < 0 || rank > DIM_MAX_RANK)
        return dim__fail(ctx, DIM_E_INVALID, "rank %d is not in 0 .. %d", rank, DIM_MAX_RANK);
    if (rank > 0 && shape == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "shape is NULL with rank %d", rank);
    for (int i = 0; i < rank; i++)
        if (shape[i] < 0)
            return dim__fail(ctx, DIM_E_INVALID, "shape %s has a negative size", dim__shape_text(text, rank, shape));
    for (int i = rank - 1; i >= 0; i--) {
        if (stride != NULL)
            stride[i] = span;
        if (!dim__mul64(span, dim__max64(shape[i], 1), &span) || span > (int64_t)(PTRDIFF_MAX / 2) / (int64_t)element)
            return dim__fail(ctx, DIM_E_NOMEM, "shape %s is too large for memory", dim__shape_text(text, rank, shape));
        if (shape[i] == 0)
            elements = 0;
    }
    *count = elements == 0 ? 0 : span;
    return DIM_OK;
}

int64_t dim__tensor_count(const dim_tensor *t)
{
    int64_t count = 1;
    for (int i = 0; i < t->rank; i++)
        count *= t->shape[i];
    return count;
}

bool dim__tensor_contiguous(const dim_tensor *t)
{
    int64_t expect = 1;
    if (dim__tensor_count(t) == 0)
        return true;
    for (int i = t->rank - 1; i >= 0; i--) {
        if (t->shape[i] != 1 && t->stride[i] != expect)
            return false;
        expect *= t->shape[i];
    }
    return true;
}

static void storage_release(dim_context *ctx, dim__storage *s)
{
    if (s == NULL || --s->refs > 0)
        return;
    if (s->release != NULL)
        s->release(s->user, s->wrapped);
    dim__free(ctx, s->owned);
    dim__free(ctx, s);
}

/* A tensor with a storage that holds nothing yet. */
static dim_tensor *tensor_new(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, const int64_t *stride)
{
    dim_tensor *t = dim__calloc(ctx, 1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->storage = dim__calloc(ctx, 1, sizeof *t->storage);
    if (t->storage == NULL) {
        dim__free(ctx, t);
        return NULL;
    }
    t->storage->refs = 1;
    t->ctx = dim__context_retain(ctx);
    t->dtype = dtype;
    t->rank = rank;
    if (rank > 0) {
        memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
        memcpy(t->stride, stride, (size_t)rank * sizeof *stride);
    }
    return t;
}

dim_status dim__tensor_create(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, dim_tensor **out)
{
    int64_t count, stride[DIM_MAX_RANK] = { 0 };
    DIM__TRY(dim__shape_check(ctx, dtype, rank, shape, &count, stride));
    dim_tensor *t = tensor_new(ctx, dtype, rank, shape, stride);
    if (t == NULL)
        return DIM_E_NOMEM;
    t->storage->owned = dim__calloc(ctx, (size_t)count, dim__dtype_size(dtype));
    if (t->storage->owned == NULL) {
        dim__tensor_destroy(t);
        return DIM_E_NOMEM;
    }
    t->data = t->storage->owned;
    *out = t;
    return DIM_OK;
}

/* The farthest elements of the caller's strides must lie within an address space. */
static dim_status check_strides(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape,
                                const int64_t *stride)
{
    int64_t reach = 0, limit = (int64_t)(PTRDIFF_MAX / 2) / (int64_t)dim__dtype_size(dtype);
    for (int i = 0; i < rank; i++) {
        int64_t far;
        if (shape[i] <= 1)
            continue;
        if (stride[i] == INT64_MIN || !dim__mul64(shape[i] - 1, stride[i] < 0 ? -stride[i] : stride[i], &far) ||
            far > limit - reach)
            return dim__fail(ctx, DIM_E_INVALID, "stride %lld of axis %d with size %lld is too large for memory",
                             (long long)stride[i], i, (long long)shape[i]);
        reach += far;
    }
    return DIM_OK;
}

dim_status dim__tensor_wrap(dim_context *ctx, dim_dtype dtype, int rank, const int64_t *shape, const int64_t *stride,
                            void *data, dim_release_fn release, void *user, dim_tensor **out)
{
    char text[128];
    int64_t count, row_major[DIM_MAX_RANK] = { 0 };
    DIM__TRY(dim__shape_check(ctx, dtype, rank, shape, &count, row_major));
    if (stride != NULL)
        DIM__TRY(check_strides(ctx, dtype, rank, shape, stride));
    if (data == NULL && count > 0)
        return dim__fail(ctx, DIM_E_INVALID, "data is NULL for a tensor %s", dim__shape_text(text, rank, shape));
    if ((uintptr_t)data % dim__dtype_size(dtype) != 0)
        return dim__fail(ctx, DIM_E_INVALID, "data %p is not aligned to its element of %zu bytes", data,
                         dim__dtype_size(dtype));
    dim_tensor *t = tensor_new(ctx, dtype, rank, shape, stride != NULL ? stride : row_major);
    if (t == NULL)
        return DIM_E_NOMEM;
    t->storage->wrapped = data;
    t->storage->release = release;
    t->storage->user = user;
    t->data = data;
    *out = t;
    return DIM_OK;
}

dim_status dim__tensor_view(dim_tensor *t, dim_tensor **out)
{
    dim_tensor *view = dim__alloc(t->ctx, sizeof *view);
    if (view == NULL)
        return DIM_E_NOMEM;
    *view = *t;
    view->storage->refs++;
    dim__context_retain(view->ctx);
    *out = view;
    return DIM_OK;
}

dim_status dim__tensor_permute(dim_tensor *t, const int *order, dim_tensor **out)
{
    unsigned seen = 0;
    dim_tensor *view;
    for (int i = 0; i < t->rank; i++) {
        if (order[i] < 0 || order[i] >= t->rank || (seen >> order[i] & 1) != 0)
            return dim__fail(t->ctx, DIM_E_INVALID, "order[%d] = %d: order must name each of the %d axes once", i,
                             order[i], t->rank);
        seen |= 1u << order[i];
    }
    DIM__TRY(dim__tensor_view(t, &view));
    for (int i = 0; i < t->rank; i++) {
        view->shape[i] = t->shape[order[i]];
        view->stride[i] = t->stride[order[i]];
    }
    *out = view;
    return DIM_OK;
}

/* Index start + (count - 1) step without overflow, or -1 when it is outside [0, size). */
static int64_t last_index(int64_t size, int64_t start, int64_t count, int64_t step)
{
    int64_t far;
    if (count == 1)
        return start;
    if (step == INT64_MIN || !dim__mul64(count - 1, step < 0 ? -step : step, &far) || far >= size)
        return -1;
    return step < 0 ? start - far : start + far; /* both below 2^62 in size: shapes are bounded */
}

dim_status dim__tensor_slice(dim_tensor *t, int axis, int64_t start, int64_t count, int64_t step, dim_tensor **out)
{
    dim_tensor *view;
    if (axis < 0 || axis >= t->rank)
        return dim__fail(t->ctx, DIM_E_INVALID, "axis is %d, but the tensor has rank %d", axis, t->rank);
    int64_t size = t->shape[axis];
    if (count < 0 || step == 0)
        return dim__fail(t->ctx, DIM_E_INVALID, "count %lld must be >= 0 and step %lld not 0", (long long)count,
                         (long long)step);
    bool inside = start >= 0 && (count == 0 ? start <= size : start < size);
    if (inside && count > 0) {
        int64_t last = last_index(size, start, count, step);
        inside = last >= 0 && last < size;
    }
    if (!inside)
        return dim__fail(t->ctx, DIM_E_INVALID, "start %lld, count %lld, step %lld leave axis %d of size %lld",
                         (long long)start, (long long)count, (long long)step, axis, (long long)size);
    DIM__TRY(dim__tensor_view(t, &view));
    view->shape[axis] = count;
    if (dim__tensor_count(view) > 0) /* else there is no element to point to */
        view->data += start * t->stride[axis] * (int64_t)dim__dtype_size(t->dtype);
    if (count > 1) /* with one index the step says nothing, and might overflow */
        view->stride[axis] *= step;
    *out = view;
    return DIM_OK;
}

dim_status dim__tensor_reshape(dim_tensor *t, int rank, const int64_t *shape, dim_tensor **out)
{
    char from[128], to[128];
    int64_t count, stride[DIM_MAX_RANK] = { 0 };
    dim_tensor *view;
    dim_status status = dim__shape_check(t->ctx, t->dtype, rank, shape, &count, stride);
    if (status == DIM_E_INVALID)
        return status;
    if (status != DIM_OK || count != dim__tensor_count(t))
        return dim__fail(t->ctx, DIM_E_SHAPE, "shape %s does not have the elements of %s",
                         dim__shape_text(to, rank, shape), dim__shape_text(from, t->rank, t->shape));
    if (!dim__tensor_contiguous(t))
        return dim__fail(t->ctx, DIM_E_INVALID, "t of shape %s is not contiguous; copy it first",
                         dim__shape_text(from, t->rank, t->shape));
    DIM__TRY(dim__tensor_view(t, &view));
    view->rank = rank;
    memset(view->shape, 0, sizeof view->shape);
    if (rank > 0)
        memcpy(view->shape, shape, (size_t)rank * sizeof *shape);
    memcpy(view->stride, stride, sizeof view->stride);
    *out = view;
    return DIM_OK;
}

const float *dim__tensor_not_finite(const dim_tensor *t, int64_t *row)
{
    int64_t count = dim__tensor_count(t), each = t->rank > 0 && count > 0 ? count / t->shape[0] : 1;
    if (t->dtype != DIM_F32)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, at = 0;
        for (int axis = t->rank - 1; axis >= 0; axis--) {
            at += rest % t->shape[axis] * t->stride[axis];
            rest /= t->shape[axis];
        }
        const float *x = (const float *)t->data + at;
        if (!isfinite(*x)) {
            *row = i / each;
            return x;
        }
    }
    return NULL;
}

void dim__tensor_destroy(dim_tensor *t)
{
    if (t == NULL)
        return;
    dim_context *ctx = t->ctx;
    storage_release(ctx, t->storage);
    dim__free(ctx, t);
    dim__context_release(ctx);
}
