#include "io/index_file.h"

dim_status dim_index_create(dim_context *ctx, dim_probe_kind kind, int64_t features, dim_index **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_index_create: out is NULL");
    return dim__index_create(ctx, kind, features, out);
}

void dim_index_destroy(dim_index *index)
{
    if (index != NULL)
        dim__index_release(index);
}

dim_status dim_index_add(dim_index *index, const dim_tensor *rows)
{
    if (index == NULL)
        return DIM_E_INVALID;
    if (rows == NULL)
        return dim__fail(index->ctx, DIM_E_INVALID, "dim_index_add: rows is NULL");
    return dim__index_add(index, rows);
}

dim_status dim_index_search(dim_index *index, const dim_tensor *queries, dim_tensor *indices, dim_tensor *distances)
{
    if (index == NULL)
        return DIM_E_INVALID;
    if (queries == NULL || indices == NULL)
        return dim__fail(index->ctx, DIM_E_INVALID, "dim_index_search: %s is NULL", queries == NULL ? "queries" : "indices");
    return dim__index_search(index, queries, indices, distances);
}

int64_t dim_index_count(const dim_index *index) { return index != NULL ? index->count : 0; }

int64_t dim_index_features(const dim_index *index) { return index != NULL ? index->features : 0; }

dim_probe_kind dim_index_kind(const dim_index *index) { return index != NULL ? index->kind : DIM_PROBE_KNN_COSINE; }

dim_status dim_index_save(const dim_index *index, const char *path)
{
    if (index == NULL)
        return DIM_E_INVALID;
    if (path == NULL)
        return dim__fail(index->ctx, DIM_E_INVALID, "dim_index_save: path is NULL");
    return dim__index_save(index, path);
}

dim_status dim_index_load(dim_context *ctx, const char *path, dim_index **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (path == NULL || out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_index_load: %s is NULL", path == NULL ? "path" : "out");
    return dim__index_load(ctx, path, out);
}
