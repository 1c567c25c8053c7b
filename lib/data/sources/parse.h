/* Parsers of whole streams, which lie in a file or in memory. */
#ifndef DIM_DATA_SOURCES_PARSE_H
#define DIM_DATA_SOURCES_PARSE_H

#include "data/stream.h"
#include "tensor/tensor.h"

/* IDX of bytes with so many axes, 3 at most, as a u8 tensor.  The stream is at its beginning. */
dim_status dim__idx_read(dim_context *ctx, dim__stream *s, int axes, dim_tensor **out);

typedef struct dim__csv_request {
    const char *label_column; /* name or number; NULL = "label", where there is one */
    bool no_labels;           /* the column of the labels is left out */
    int64_t image_size;       /* 0 = vectors */
} dim__csv_request;

/* Vectors (N, d) in f32, or images (N, C, H, W) in u8, and labels i32 (N); *labels stays NULL without a column of them. */
dim_status dim__csv_read(dim_context *ctx, dim__stream *s, const dim__csv_request *request, dim_tensor **images,
                         dim_tensor **labels);

#endif
