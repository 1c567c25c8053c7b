#include "eval/index.h"

#include <inttypes.h>

dim_status dim__index_create(dim_context *ctx, dim_probe_kind kind, int64_t features, dim_index **out)
{
    DIM__TRY(dim__check_nearest_kind(ctx, kind));
    if (features < 1 || features > DIM__INDEX_FEATURES)
        return dim__fail(ctx, DIM_E_INVALID, "features is %" PRId64 "; it must be from 1 to %" PRId64, features, DIM__INDEX_FEATURES);
    dim_index *index = dim__calloc(ctx, 1, sizeof *index);
    if (index == NULL)
        return DIM_E_NOMEM;
    index->ctx = dim__context_retain(ctx);
    index->kind = kind;
    index->features = features;
    index->keys.cosine = kind == DIM_PROBE_KNN_COSINE;
    index->keys.d = features;
    *out = index;
    return DIM_OK;
}

void dim__index_release(dim_index *index)
{
    dim_context *ctx = index->ctx;
    dim__keys_free(ctx, &index->keys);
    dim__free(ctx, index->rows);
    dim__free(ctx, index);
    dim__context_release(ctx);
}

dim_status dim__index_add(dim_index *index, const dim_tensor *rows)
{
    dim_status status;
    dim_context *ctx = index->ctx;
    dim__matrix m = {0};
    DIM__TRY_OR(done, dim__matrix_of(ctx, "rows", rows, &m));
    if (m.d != index->features) {
        status = dim__fail(ctx, DIM_E_SHAPE, "rows have %" PRId64 " features, but the index has %" PRId64, m.d, index->features);
        goto done;
    }
    int64_t used = index->count * index->features, more = m.n * m.d;
    DIM__TRY_OR(done, dim__grow(ctx, &index->rows, &index->room, used + more, sizeof *index->rows));
    memcpy(index->rows + used, m.x, (size_t)more * sizeof *index->rows);
    index->count += m.n;
done:
    dim__free(ctx, m.owned);
    return status;
}

dim_status dim__index_search(dim_index *index, const dim_tensor *queries, dim_tensor *indices, dim_tensor *distances)
{
    if (index->count == 0)
        return dim__fail(index->ctx, DIM_E_SHAPE, "the index has no rows: add some before a search");
    return dim__keys_nearest(index->ctx, &index->keys, index->rows, index->count, NULL, queries, indices, distances);
}
