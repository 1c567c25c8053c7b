/* Named arrays of f32 to and from safetensors, and files that are written atomically. */
#ifndef DIM_IO_WEIGHTS_H
#define DIM_IO_WEIGHTS_H

#include "base/context.h"

typedef struct dim__array {
    const char *name;
    int rank;
    int64_t shape[8];
    float *data; /* contiguous; read on save, filled on load */
} dim__array;

/* One safetensors file with these F32 arrays, metadata format "pt".  DIM_E_IO, DIM_E_NOMEM. */
dim_status dim__weights_save(dim_context *ctx, const char *path, const dim__array *arrays, int64_t count);

/* Fills every array by name, converting from F32, F64, F16 or BF16; a name is also found with `prefix` before it ("" for
 * none).  More tensors in the file are ignored.  Everything is checked before the first array is written: header length,
 * JSON, offsets in range and not overlapping, shapes, finite sizes.  DIM_E_IO, DIM_E_FORMAT, DIM_E_SHAPE, DIM_E_NOMEM. */
dim_status dim__weights_load(dim_context *ctx, const char *path, const char *prefix, const dim__array *arrays,
                             int64_t count);

/* A new file that replaces `path` when it is complete: open, write, commit; abort removes what was written. */
typedef struct dim__outfile dim__outfile;
dim_status dim__outfile_open(dim_context *ctx, const char *path, dim__outfile **out);
dim_status dim__outfile_write(dim__outfile *f, const void *data, size_t size);
dim_status dim__outfile_commit(dim__outfile *f); /* fsync and rename; f is gone either way */
void dim__outfile_abort(dim__outfile *f);        /* NULL ok */

#endif
