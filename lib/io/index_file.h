#ifndef DIM_IO_INDEX_FILE_H
#define DIM_IO_INDEX_FILE_H

#include "eval/index.h"

dim_status dim__index_save(const dim_index *index, const char *path);
dim_status dim__index_load(dim_context *ctx, const char *path, dim_index **out);

#endif
