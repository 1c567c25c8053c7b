/* Shuffled batches, prepared ahead on threads. */
#ifndef DIM_DATA_LOADER_H
#define DIM_DATA_LOADER_H

#include "data/dataset.h"

struct dim_loader;

dim_status dim__loader_create(dim_dataset *ds, const dim_loader_options *options, dim_loader **out);
dim_status dim__loader_next(dim_loader *loader, dim_tensor **images, dim_tensor **labels);
void dim__loader_destroy(dim_loader *loader); /* NULL ok */
dim_context *dim__loader_context(const dim_loader *loader);
uint64_t dim__loader_epoch(const dim_loader *loader);
uint64_t dim__loader_batches(const dim_loader *loader);

#endif
