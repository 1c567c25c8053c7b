/* Where samples come from.  A kind of files is one function in sources/ and one line in sources.def. */
#ifndef DIM_DATA_SOURCE_H
#define DIM_DATA_SOURCE_H

#include "tensor/tensor.h"
#include <dim/dataset.h>

typedef struct dim__samples {
    dim_tensor *images; /* (N, C, H, W), N > 0 */
    dim_tensor *labels; /* i32 (N), each >= 0; or NULL */
    int64_t classes;    /* 0 = largest label + 1 */
} dim__samples;

/* Reads a split from the folder `dir`.  Sets *out on success only; the caller destroys the tensors. */
typedef dim_status (*dim__source_fn)(dim_context *ctx, const char *dir, dim_split split, dim__samples *out);

#define DIM_SOURCE(kind, function, what) dim_status function(dim_context *, const char *, dim_split, dim__samples *);
#include "data/sources.def"
#undef DIM_SOURCE

/* A missing file's error, with a hint when the files seem to lie in dir/folder. */
dim_status dim__source_missing(dim_context *ctx, const char *path, const char *dir, const char *folder);

#endif
