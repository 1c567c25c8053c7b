/* Shuffled batches, prepared ahead on threads. */
#ifndef DIM_DATA_LOADER_H
#define DIM_DATA_LOADER_H

#include "data/augment/augment.h"
#include "data/dataset.h"

struct dim_loader;

typedef struct dim__loader_position { /* what decides about all further batches of a loader */
    uint64_t seed;
    uint64_t next; /* number of the next batch to give, over all epochs */
} dim__loader_position;

typedef struct dim__loader_info {
    const dim_dataset *dataset;
    const dim__augment_fit *augment; /* or NULL */
    int64_t batch, last;             /* samples, of all ranks; of an epoch's smaller last batch, 0 = none */
    int64_t views;
    bool in_order;
    dim__loader_position position;   /* after the batch that was given last, however far the threads are */
} dim__loader_info;

dim_status dim__loader_create(dim_dataset *ds, const dim_loader_options *options, dim_loader **out);
dim_status dim__loader_next(dim_loader *loader, dim_tensor **images, dim_tensor **labels);
void dim__loader_describe(const dim_loader *loader, dim__loader_info *out);
/* Goes on from there; batches given before are no longer valid.  Cannot fail. */
void dim__loader_seek(dim_loader *loader, const dim__loader_position *position);
void dim__loader_destroy(dim_loader *loader); /* NULL ok */
dim_context *dim__loader_context(const dim_loader *loader);
uint64_t dim__loader_epoch(const dim_loader *loader);
uint64_t dim__loader_batches(const dim_loader *loader);

#endif
