#include "base/math.h"
#include "eval/eval.h"

#include <inttypes.h>

/* Majority of the k nearest; of equally many votes the smallest class. */
dim_status dim__probe_knn(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                          dim_probe_result *result)
{
    dim_status status = DIM_E_NOMEM;
    int64_t k = o->k, right = 0;
    if (k > data->n)
        return dim__fail(ctx, DIM_E_INVALID, "kNN probe: k is %" PRId64 ", but there are %" PRId64 " training samples",
                         k, data->n);
    int64_t *nearest = dim__calloc(ctx, (size_t)data->m, (size_t)k * sizeof *nearest);
    int32_t *votes = dim__calloc(ctx, (size_t)data->classes, sizeof *votes);
    if (nearest == NULL || votes == NULL)
        goto done;
    DIM__TRY_OR(done, dim__neighbors(ctx, o->kind == DIM_PROBE_KNN_COSINE, data->test, data->m, data->train, data->n,
                                     data->d, k, nearest, NULL, NULL));
    for (int64_t i = 0; i < data->m; i++) {
        int32_t best = -1;
        for (int64_t j = 0; j < k; j++) {
            int32_t c = data->train_labels[nearest[i * k + j]];
            votes[c]++;
        }
        for (int64_t j = 0; j < k; j++) {
            int32_t c = data->train_labels[nearest[i * k + j]];
            if (best < 0 || votes[c] > votes[best] || (votes[c] == votes[best] && data->names[c] < data->names[best]))
                best = c;
        }
        for (int64_t j = 0; j < k; j++)
            votes[data->train_labels[nearest[i * k + j]]] = 0;
        right += best == data->test_labels[i];
    }
    result->accuracy = (double)right / (double)data->m;
done:
    dim__free(ctx, nearest);
    dim__free(ctx, votes);
    return status;
}
