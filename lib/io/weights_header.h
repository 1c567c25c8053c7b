/* The header of a safetensors file, parsed and checked. */
#ifndef DIM_IO_WEIGHTS_HEADER_H
#define DIM_IO_WEIGHTS_HEADER_H

#include "base/context.h"

typedef enum dim__st_type { DIM__ST_OTHER, DIM__ST_F32, DIM__ST_F64, DIM__ST_F16, DIM__ST_BF16 } dim__st_type;

typedef struct dim__st_entry {
    const char *name;       /* in the JSON tree */
    const char *dtype;
    dim__st_type type;
    int rank;
    int64_t shape[8];       /* the first 8 axes */
    int64_t begin, end;     /* bytes, from the end of the header */
} dim__st_entry;

typedef struct dim__st_header {
    void *json;
    dim__st_entry *entries; /* by name */
    int64_t count;
} dim__st_header;

/* `text` has `size` bytes and a NUL after them.  Checked: JSON, types, offsets that cover [0, data_size) without gap or
 * overlap and agree with dtype and shape, names that differ.  `path` is for error texts.  DIM_E_FORMAT, DIM_E_NOMEM. */
dim_status dim__st_header_parse(dim_context *ctx, const char *path, const char *text, int64_t size, int64_t data_size,
                                dim__st_header *out);
void dim__st_header_free(dim_context *ctx, dim__st_header *h);
const dim__st_entry *dim__st_header_find(const dim__st_header *h, const char *name);

#endif
