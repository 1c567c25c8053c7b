/* Parameters of one or several lists by name: copies in and out, files. */
#ifndef DIM_IO_PARAMS_H
#define DIM_IO_PARAMS_H

#include "graph/param.h"
#include "io/weights.h"
#include "tensor/tensor.h"

enum { DIM__FULL_NAME_SIZE = 160 };

typedef struct dim__param_group { /* a list and what precedes its names */
    const char *prefix;
    dim__params *params;
} dim__param_group;

/* Parameters that are part of saved weights, in order. */
int64_t dim__params_visible(const dim__param_group *groups, int n);
/* The index-th of them, its full name into `name`; NULL out of range. */
dim__param *dim__params_at(const dim__param_group *groups, int n, int64_t index, char name[DIM__FULL_NAME_SIZE]);

dim_status dim__params_get_tensor(dim_context *ctx, const dim__param_group *groups, int n, const char *name,
                                  dim_tensor **out);
dim_status dim__params_set_tensor(dim_context *ctx, const dim__param_group *groups, int n, const char *name,
                                  const dim_tensor *values);
/* With further metadata. */
dim_status dim__params_save(dim_context *ctx, const dim__param_group *groups, int n, const dim__meta *meta, int64_t n_meta,
                            const char *path);
/* file_prefix: names in the file may have it in front ("" for none). */
dim_status dim__params_load(dim_context *ctx, const dim__param_group *groups, int n, const char *file_prefix,
                            const char *path);
/* The same from a file that is open. */
dim_status dim__params_read(dim_context *ctx, const dim__param_group *groups, int n, const char *file_prefix,
                            dim__weights_file *file);

#endif
