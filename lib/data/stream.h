/* Reading files, or bytes in memory, from begin to end, plain or gzip, with errors that name them. */
#ifndef DIM_DATA_STREAM_H
#define DIM_DATA_STREAM_H

#include "base/context.h"

typedef struct dim__stream dim__stream;

/* DIM_E_IO (missing, not a regular file), DIM_E_NOMEM, DIM_E_UNSUPPORTED (gzip without zlib). */
dim_status dim__stream_open(dim_context *ctx, const char *path, bool gzip, dim__stream **out);
/* The same of bytes in memory, which must stay; `name` stands for the path. */
dim_status dim__stream_open_memory(dim_context *ctx, const char *name, const void *data, size_t size, bool gzip,
                                   dim__stream **out);
const char *dim__stream_path(const dim__stream *s);
int64_t dim__stream_size(const dim__stream *s); /* bytes of the file as it lies on disk, compressed or not */
int dim__stream_file(const dim__stream *s); /* the descriptor, for pread() in a plain file; any thread */
bool dim__stream_gzip(const dim__stream *s);

/* Exactly `size` bytes.  DIM_E_FORMAT when the file ends before or is damaged, DIM_E_IO. */
dim_status dim__stream_read(dim__stream *s, void *data, size_t size);
/* Up to `size` bytes; *got is less only at the end. */
dim_status dim__stream_some(dim__stream *s, void *data, size_t size, size_t *got);
/* To the beginning. */
dim_status dim__stream_rewind(dim__stream *s);
/* Reads and drops. */
dim_status dim__stream_skip(dim__stream *s, int64_t size);
/* DIM_E_FORMAT when something follows what was read. */
dim_status dim__stream_end(dim__stream *s);
void dim__stream_close(dim__stream *s); /* NULL ok */

bool dim__path_exists(const char *path);
bool dim__path_is_folder(const char *path);
char *dim__path_join(dim_context *ctx, const char *dir, const char *name, const char *suffix); /* NULL: no memory */

#endif
