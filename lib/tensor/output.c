/* What a tensor must be like so that results can be written to it. */
#include "tensor/tensor.h"

#include "base/math.h"

#include <stdlib.h>

static int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }

dim_status dim__check_output(dim_context *ctx, const char *name, const dim_tensor *t)
{
    int axes[DIM_MAX_RANK], n = 0;
    int64_t reach = 0; /* the farthest element of the axes so far */
    if (dim__tensor_count(t) == 0)
        return DIM_OK;
    for (int i = 0; i < t->rank; i++) { /* by stride, the smallest first */
        int at = n;
        if (t->shape[i] == 1)
            continue;
        for (; at > 0 && magnitude(t->stride[axes[at - 1]]) > magnitude(t->stride[i]); at--)
            axes[at] = axes[at - 1];
        axes[at] = i;
        n++;
    }
    for (int k = 0; k < n; k++) {
        int64_t stride = t->stride[axes[k]];
        if (magnitude(stride) <= reach)
            return dim__fail(ctx, DIM_E_INVALID, "%s has stride %lld along axis %d, but its smaller strides reach %lld "
                             "elements far: elements of an output must not share memory", name, (long long)stride,
                             axes[k], (long long)reach);
        reach += magnitude(stride) * (t->shape[axes[k]] - 1);
    }
    return DIM_OK;
}

/* Part of a tensor: bytes from its lowest address on, strides in bytes and above 0. */
typedef struct block {
    uintptr_t begin, end;
    int64_t size; /* of an element */
    int rank;
    int64_t shape[DIM_MAX_RANK], stride[DIM_MAX_RANK];
} block;

static block block_of(const dim_tensor *t)
{
    block b = { .begin = (uintptr_t)t->data, .size = (int64_t)dim__dtype_size(t->dtype) };
    int64_t reach = b.size;
    for (int i = 0; i < t->rank; i++) {
        if (t->shape[i] == 1 || t->stride[i] == 0) /* such a stride is never used and may be any */
            continue;
        int64_t stride = t->stride[i] * b.size, far = (t->shape[i] - 1) * stride;
        if (far < 0)
            b.begin -= (uintptr_t)-far;
        reach += magnitude(far);
        b.shape[b.rank] = t->shape[i];
        b.stride[b.rank++] = magnitude(stride);
    }
    b.end = b.begin + (uintptr_t)reach;
    return b;
}

static bool is_dense(const block *b)
{
    int64_t bytes = b->size;
    for (int i = 0; i < b->rank; i++)
        if (!dim__mul64(bytes, b->shape[i], &bytes))
            return false;
    return (uintptr_t)bytes == b->end - b->begin;
}

/* Half of the axis with the largest stride. */
static block half_of(const block *b, bool upper)
{
    block h = *b;
    int axis = 0;
    for (int i = 1; i < b->rank; i++)
        if (b->stride[i] > b->stride[axis])
            axis = i;
    int64_t low = b->shape[axis] / 2, rest = b->shape[axis] - low;
    if (upper)
        h.begin += (uintptr_t)(low * b->stride[axis]);
    else
        h.end -= (uintptr_t)(rest * b->stride[axis]);
    h.shape[axis] = upper ? rest : low;
    if (h.shape[axis] == 1) {
        h.rank--;
        h.shape[axis] = h.shape[h.rank];
        h.stride[axis] = h.stride[h.rank];
    }
    return h;
}

/* Halves them until their address ranges are apart, or one without gaps meets the other's element.  Rows that lie between
 * the other's rows take few looks; what takes more than `looks` counts as shared. */
static bool share(const block *a, const block *b, int *looks)
{
    if (a->begin >= b->end || b->begin >= a->end)
        return false;
    bool dense_a = is_dense(a), dense_b = is_dense(b);
    if ((dense_a && dense_b) || --*looks <= 0)
        return true;
    bool cut_a = dense_b || (!dense_a && a->end - a->begin > b->end - b->begin);
    block low = half_of(cut_a ? a : b, false), high = half_of(cut_a ? a : b, true);
    return cut_a ? share(&low, b, looks) || share(&high, b, looks) : share(a, &low, looks) || share(a, &high, looks);
}

bool dim__tensors_share(const dim_tensor *a, const dim_tensor *b)
{
    int looks = 1 << 20;
    if (dim__tensor_count(a) == 0 || dim__tensor_count(b) == 0)
        return false;
    block x = block_of(a), y = block_of(b);
    return share(&x, &y, &looks);
}

dim_status dim__check_apart(dim_context *ctx, const char *name_a, const dim_tensor *a, const char *name_b,
                            const dim_tensor *b)
{
    if (a == NULL || b == NULL || !dim__tensors_share(a, b))
        return DIM_OK;
    return dim__fail(ctx, DIM_E_INVALID, "%s and %s share memory; they must not overlap", name_a, name_b);
}

typedef struct range {
    uintptr_t begin, end;
    int index;
    bool written;
} range;

static int by_begin(const void *a, const void *b)
{
    const range *x = a, *y = b;
    return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : 0;
}

static void add_range(range *list, int *n, const dim_tensor *t, int index, bool written)
{
    uintptr_t begin = (uintptr_t)t->data;
    if (dim__tensor_count(t) > 0)
        list[(*n)++] = (range){ begin, begin + (size_t)dim__tensor_count(t) * dim__dtype_size(t->dtype), index, written };
}

dim_status dim__check_updates_apart(dim_context *ctx, const char *function, int count, dim_tensor *const *written,
                                    const dim_tensor *const *read)
{
    static const char *const names[] = { "gradient", "parameter" };
    const range *writer = NULL, *any = NULL; /* of those so far, the one that reaches farthest */
    int n = 0;
    range *list = dim__calloc(ctx, (size_t)count, 2 * sizeof *list);
    if (list == NULL)
        return DIM_E_NOMEM;
    for (int i = 0; i < count; i++) {
        add_range(list, &n, written[i], i, true);
        add_range(list, &n, read[i], i, false);
    }
    qsort(list, (size_t)n, sizeof *list, by_begin);
    dim_status status = DIM_OK;
    for (int i = 0; i < n && status == DIM_OK; i++) {
        const range *r = &list[i], *other = r->written ? any : writer;
        if (other != NULL && other->end > r->begin)
            status = dim__fail(ctx, DIM_E_INVALID, "%s: %s %d and %s %d share memory; they must not overlap", function,
                               names[other->written], other->index, names[r->written], r->index);
        if (any == NULL || r->end > any->end)
            any = r;
        if (r->written && (writer == NULL || r->end > writer->end))
            writer = r;
    }
    dim__free(ctx, list);
    return status;
}
