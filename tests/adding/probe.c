/* The share of test samples of class k. */
#include "eval/eval.h"

dim_status dim__probe_added(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data, dim_probe_result *result)
{
    int64_t right = 0;
    (void)ctx;
    for (int64_t i = 0; i < data->m; i++)
        right += data->test_labels[i] == (int32_t)o->k;
    result->accuracy = (double)right / (double)data->m;
    return DIM_OK;
}
