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

typedef struct dim__meta { /* a line of the file's metadata, UTF-8 */
    const char *key, *value;
} dim__meta;

/* One safetensors file with these F32 arrays; metadata format "pt", checksums and more.  Keys and names are UTF-8 and differ.
 * DIM_E_IO, DIM_E_NOMEM. */
dim_status dim__weights_save(dim_context *ctx, const char *path, const dim__array *arrays, int64_t count,
                             const dim__meta *meta, int64_t n_meta);

/* Fills every array by name, converting from F32, F64, F16 or BF16; a name is also found with `prefix` before it ("" for
 * none).  More tensors in the file are ignored.  Header, names and shapes are checked before the first array is written;
 * after DIM_E_NUMERIC (a number that is not finite as a float, its place in the text), a wrong checksum or a failure to
 * read, the arrays have no meaning.  DIM_E_IO, DIM_E_FORMAT, DIM_E_SHAPE, DIM_E_NUMERIC, DIM_E_NOMEM. */
dim_status dim__weights_load(dim_context *ctx, const char *path, const char *prefix, const dim__array *arrays,
                             int64_t count);

/* The same in steps; what is open is one file, even if its name gets another one meanwhile. */
typedef struct dim__weights_file dim__weights_file;
/* Reads and checks the header. */
dim_status dim__weights_file_open(dim_context *ctx, const char *path, dim__weights_file **out);
void dim__weights_file_close(dim__weights_file *f); /* NULL ok */
/* DIM_E_FORMAT unless dim__weights_save() wrote every bit of it. */
dim_status dim__weights_file_verify(dim__weights_file *f);
/* No more elements than this are in its tensors. */
int64_t dim__weights_file_most(const dim__weights_file *f);
/* Value of a key, NULL without; the index-th pair of the file, false out of range.  Texts belong to the file. */
const char *dim__weights_file_meta(const dim__weights_file *f, const char *key);
bool dim__weights_file_meta_at(const dim__weights_file *f, int64_t index, dim__meta *out);
/* Fills the arrays, which have no meaning after a failure.  exact: F32 only, whatever the bits; else converted, and
 * finite.  A checksum that dim__weights_save() wrote is checked over the bytes that are used. */
dim_status dim__weights_file_read(dim__weights_file *f, const char *prefix, bool exact, const dim__array *arrays,
                                  int64_t count);

/* A new file that replaces `path` when it is complete: open, write, commit; abort removes what was written.  Until then
 * nobody can read it who could not read the old one.  What a process left that died while writing is removed when the same
 * path is written the next time. */
typedef struct dim__outfile dim__outfile;
dim_status dim__outfile_open(dim_context *ctx, const char *path, dim__outfile **out);
dim_status dim__outfile_write(dim__outfile *f, const void *data, size_t size);
dim_status dim__outfile_commit(dim__outfile *f); /* fsync and rename; f is gone either way */
void dim__outfile_abort(dim__outfile *f);        /* NULL ok */

#endif
