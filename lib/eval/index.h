/* An index of features: its rows, and what is known of them as keys of a search. */
#ifndef DIM_EVAL_INDEX_H
#define DIM_EVAL_INDEX_H

#include "eval/nearest.h"
#ifndef DIM_EXPERIMENTAL
#define DIM_EXPERIMENTAL
#endif
#include <dim/index.h>

static const int64_t DIM__INDEX_FEATURES = INT32_MAX; /* at most */

struct dim_index {
    dim_context *ctx;
    dim_probe_kind kind;
    int64_t count, features;
    float *rows;
    int64_t room;   /* numbers that `rows` has room for */
    dim__keys keys; /* of as many of the rows as the last search saw */
};

dim_status dim__index_create(dim_context *ctx, dim_probe_kind kind, int64_t features, dim_index **out);
void dim__index_release(dim_index *index);
dim_status dim__index_add(dim_index *index, const dim_tensor *rows);
dim_status dim__index_search(dim_index *index, const dim_tensor *queries, dim_tensor *indices, dim_tensor *distances);

#endif
