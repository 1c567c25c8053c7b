/* Tensors of queries and results, for searches among keys. */
#include "eval/nearest.h"
#include "kernels/kernels.h"
#include "tensor/tensor.h"

#include <inttypes.h>

dim_status dim__matrix_of(dim_context *ctx, const char *name, const dim_tensor *t, dim__matrix *out)
{
    char text[128];
    if (t->dtype != DIM_F32)
        return dim__fail(ctx, DIM_E_INVALID, "%s has dtype %s; it must be f32", name, dim__dtype_name(t->dtype));
    int64_t count = dim__tensor_count(t);
    if (t->rank < 2 || count == 0)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has shape %s; it must be (N, d) or (N, C, H, W), and not empty", name,
                         dim__shape_text(text, t->rank, t->shape));
    *out = (dim__matrix){.x = (const float *)(const void *)t->data, .n = t->shape[0], .d = count / t->shape[0]};
    if (!dim__tensor_contiguous(t)) {
        int64_t stride[DIM_MAX_RANK], step = 1;
        for (int i = t->rank - 1; i >= 0; step *= t->shape[i--])
            stride[i] = step;
        out->owned = dim__calloc(ctx, (size_t)count, sizeof *out->owned);
        if (out->owned == NULL)
            return DIM_E_NOMEM;
        dim__strided_copy(t->rank, t->shape, DIM_F32, out->owned, stride, DIM_F32, t->data, t->stride);
        out->x = out->owned;
    }
    for (int64_t i = 0; i < out->n; i++)
        if (!ctx->kernels->finite(out->x + i * out->d, out->d))
            return dim__fail(ctx, DIM_E_NUMERIC, "%s has a value that is not finite in row %" PRId64, name, i);
    return DIM_OK;
}

/* Whether both results can be written: their types, shapes and memory. */
static dim_status check_results(dim_context *ctx, int64_t m, int64_t n, const dim_tensor *indices,
                                const dim_tensor *distances)
{
    char text[128];
    if (indices->dtype != DIM_I64)
        return dim__fail(ctx, DIM_E_INVALID, "indices has dtype %s; it must be i64", dim__dtype_name(indices->dtype));
    if (indices->rank != 2 || indices->shape[0] != m || indices->shape[1] < 1 || indices->shape[1] > n)
        return dim__fail(ctx, DIM_E_SHAPE, "indices has shape %s; for %" PRId64 " queries and %" PRId64 " keys it "
                         "must be (%" PRId64 ", k), k from 1 to %" PRId64,
                         dim__shape_text(text, indices->rank, indices->shape), m, n, m, n);
    DIM__TRY(dim__check_output(ctx, "indices", indices));
    if (distances == NULL)
        return DIM_OK;
    if (distances->dtype != DIM_F32 && distances->dtype != DIM_F64)
        return dim__fail(ctx, DIM_E_INVALID, "distances has dtype %s; it must be f32 or f64",
                         dim__dtype_name(distances->dtype));
    if (distances->rank != 2 || distances->shape[0] != m || distances->shape[1] != indices->shape[1])
        return dim__fail(ctx, DIM_E_SHAPE, "distances has shape %s; it must be that of indices, (%" PRId64 ", %" PRId64 ")",
                         dim__shape_text(text, distances->rank, distances->shape), m, indices->shape[1]);
    DIM__TRY(dim__check_output(ctx, "distances", distances));
    return dim__check_apart(ctx, "indices", indices, "distances", distances);
}

static dim_status check_apart_from(dim_context *ctx, const char *name, const dim_tensor *t, const dim_tensor *indices,
                                   const dim_tensor *distances)
{
    DIM__TRY(dim__check_apart(ctx, "indices", indices, name, t));
    return dim__check_apart(ctx, "distances", distances, name, t);
}

static dim_status search(dim_context *ctx, const dim__keys *keys, const dim__matrix *q, dim_tensor *indices, dim_tensor *distances)
{
    dim_status status = DIM_E_NOMEM;
    const int64_t k = indices->shape[1], stride[2] = {k, 1};
    int64_t *found = dim__calloc(ctx, (size_t)q->n, (size_t)k * sizeof *found);
    double *far = distances != NULL ? dim__calloc(ctx, (size_t)q->n, (size_t)k * sizeof *far) : NULL;
    if (found == NULL || (distances != NULL && far == NULL))
        goto done;
    DIM__TRY_OR(done, dim__keys_search(ctx, keys, q->x, q->n, k, found, far, NULL));
    dim__strided_copy(2, indices->shape, DIM_I64, indices->data, indices->stride, DIM_I64, found, stride);
    if (distances != NULL)
        dim__strided_copy(2, distances->shape, distances->dtype, distances->data, distances->stride, DIM_F64, far, stride);
done:
    dim__free(ctx, found);
    dim__free(ctx, far);
    return status;
}

dim_status dim__keys_nearest(dim_context *ctx, dim__keys *keys, const float *x, int64_t n, const dim_tensor *rows,
                             const dim_tensor *queries, dim_tensor *indices, dim_tensor *distances)
{
    dim_status status;
    dim__matrix q = {0};
    DIM__TRY_OR(done, dim__matrix_of(ctx, "queries", queries, &q));
    if (q.d != keys->d) {
        status = dim__fail(ctx, DIM_E_SHAPE, "queries have %" PRId64 " features, but keys have %" PRId64, q.d, keys->d);
        goto done;
    }
    DIM__TRY_OR(done, check_results(ctx, q.n, n, indices, distances));
    DIM__TRY_OR(done, check_apart_from(ctx, "queries", queries, indices, distances));
    if (rows != NULL)
        DIM__TRY_OR(done, check_apart_from(ctx, "keys", rows, indices, distances));
    DIM__TRY_OR(done, dim__keys_prepare(ctx, keys, x, n, rows == NULL));
    status = search(ctx, keys, &q, indices, distances);
done:
    dim__free(ctx, q.owned);
    return status;
}

dim_status dim__check_nearest_kind(dim_context *ctx, dim_probe_kind kind)
{
    if (kind != DIM_PROBE_KNN_COSINE && kind != DIM_PROBE_KNN_EUCLIDEAN)
        return dim__fail(ctx, DIM_E_INVALID, "kind is %d; neighbours are by KNN_COSINE or KNN_EUCLIDEAN", (int)kind);
    return DIM_OK;
}

dim_status dim__probe_nearest(dim_context *ctx, dim_probe_kind kind, const dim_tensor *queries, const dim_tensor *keys,
                              dim_tensor *indices, dim_tensor *distances)
{
    dim_status status;
    dim__matrix b = {0};
    dim__keys known = {.cosine = kind == DIM_PROBE_KNN_COSINE};
    DIM__TRY(dim__check_nearest_kind(ctx, kind));
    DIM__TRY_OR(done, dim__matrix_of(ctx, "keys", keys, &b));
    known.d = b.d;
    status = dim__keys_nearest(ctx, &known, b.x, b.n, keys, queries, indices, distances);
done:
    dim__keys_free(ctx, &known);
    dim__free(ctx, b.owned);
    return status;
}
