#include "data/dataset.h"
#include "eval/eval.h"
#include "nn/encoder.h"

dim_status dim_probe_run(dim_context *ctx, const dim_probe_options *options, const dim_tensor *train,
                         const dim_tensor *train_labels, const dim_tensor *test, const dim_tensor *test_labels,
                         dim_probe_result *result)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (train == NULL || train_labels == NULL || test == NULL || test_labels == NULL || result == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_probe_run: %s is NULL",
                         train == NULL ? "train" : train_labels == NULL ? "train_labels" : test == NULL ? "test" :
                         test_labels == NULL ? "test_labels" : "result");
    return dim__probe_run(ctx, options, train, train_labels, test, test_labels, result);
}

dim_status dim_probe_features(dim_encoder *enc, const char *tap, dim_dataset *ds, int64_t first, int64_t count,
                              dim_tensor **out)
{
    if (enc == NULL)
        return DIM_E_INVALID;
    if (ds == NULL || out == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "dim_probe_features: %s is NULL", ds == NULL ? "ds" : "out");
    return dim__probe_features(enc, tap, ds, first, count, out);
}

dim_status dim_probe_neighbors(dim_context *ctx, dim_probe_kind kind, const dim_tensor *queries,
                               const dim_tensor *keys, dim_tensor *indices)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (queries == NULL || keys == NULL || indices == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_probe_neighbors: %s is NULL",
                         queries == NULL ? "queries" : keys == NULL ? "keys" : "indices");
    return dim__probe_nearest(ctx, kind, queries, keys, indices, NULL);
}

dim_status dim_probe_nearest(dim_context *ctx, dim_probe_kind kind, const dim_tensor *queries, const dim_tensor *keys,
                             dim_tensor *indices, dim_tensor *distances)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (queries == NULL || keys == NULL || indices == NULL || distances == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_probe_nearest: %s is NULL",
                         queries == NULL ? "queries" : keys == NULL ? "keys" : indices == NULL ? "indices" : "distances");
    return dim__probe_nearest(ctx, kind, queries, keys, indices, distances);
}
