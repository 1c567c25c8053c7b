#include "data/loader.h"

static dim_status open_with(dim_context *ctx, const char *function, const char *spec, dim_split split,
                            const dim_dataset_options *options, dim_dataset **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (spec == NULL || out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "%s: %s is NULL", function, spec == NULL ? "spec" : "out");
    return dim__dataset_open(ctx, spec, split, options, out);
}

dim_status dim_dataset_open(dim_context *ctx, const char *spec, dim_split split, dim_dataset **out)
{
    return open_with(ctx, "dim_dataset_open", spec, split, NULL, out);
}

dim_status dim_dataset_open_with(dim_context *ctx, const char *spec, dim_split split,
                                 const dim_dataset_options *options, dim_dataset **out)
{
    return open_with(ctx, "dim_dataset_open_with", spec, split, options, out);
}

dim_status dim_dataset_from_tensors(dim_context *ctx, dim_tensor *images, dim_tensor *labels, dim_dataset **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (images == NULL || out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_from_tensors: %s is NULL", images == NULL ? "images" : "out");
    return dim__dataset_from_tensors(ctx, images, labels, out);
}

dim_status dim_dataset_from_callback(dim_context *ctx, int64_t count, dim_dtype dtype, int rank, const int64_t *shape,
                                     int64_t classes, dim_sample_fn read, void *user, dim_dataset **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (shape == NULL || read == NULL || out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_from_callback: %s is NULL",
                         shape == NULL ? "shape" : read == NULL ? "read" : "out");
    return dim__dataset_from_callback(ctx, count, dtype, rank, shape, classes, read, user, out);
}

int64_t dim_dataset_count(const dim_dataset *ds)
{
    return ds != NULL ? ds->count : 0;
}

int64_t dim_dataset_classes(const dim_dataset *ds)
{
    return ds != NULL ? ds->classes : 0;
}

const char *dim_dataset_class_name(const dim_dataset *ds, int64_t label)
{
    return ds != NULL && ds->names != NULL && label >= 0 && label < ds->classes ? ds->names[label] : NULL;
}

int64_t dim_dataset_skipped(const dim_dataset *ds)
{
    return ds != NULL && ds->reader != NULL && ds->reader->skipped != NULL ? ds->reader->skipped(ds->reader) : 0;
}

int64_t dim_dataset_left_out(const dim_dataset *ds)
{
    return ds != NULL ? ds->left_out : 0;
}

dim_dtype dim_dataset_dtype(const dim_dataset *ds)
{
    return ds != NULL ? ds->dtype : DIM_F32;
}

int dim_dataset_shape(const dim_dataset *ds, int64_t shape[3])
{
    if (ds == NULL)
        return 0;
    if (shape != NULL)
        memcpy(shape, ds->shape, sizeof ds->shape);
    return ds->rank;
}

dim_status dim_dataset_read(dim_dataset *ds, int64_t first, int64_t count, dim_tensor *images, dim_tensor *labels)
{
    if (ds == NULL)
        return DIM_E_INVALID;
    return dim__dataset_read(ds, first, count, images, labels);
}

void dim_dataset_destroy(dim_dataset *ds)
{
    dim__dataset_release(ds);
}

dim_status dim_loader_create(dim_dataset *ds, const dim_loader_options *options, dim_loader **out)
{
    if (ds == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_create: out is NULL");
    return dim__loader_create(ds, options, out);
}

dim_status dim_loader_next(dim_loader *loader, dim_tensor **images, dim_tensor **labels)
{
    if (loader == NULL)
        return DIM_E_INVALID;
    if (images == NULL)
        return dim__fail(dim__loader_context(loader), DIM_E_INVALID, "dim_loader_next: images is NULL");
    return dim__loader_next(loader, images, labels);
}

uint64_t dim_loader_epoch(const dim_loader *loader)
{
    return loader != NULL ? dim__loader_epoch(loader) : 0;
}

uint64_t dim_loader_batches(const dim_loader *loader)
{
    return loader != NULL ? dim__loader_batches(loader) : 0;
}

void dim_loader_destroy(dim_loader *loader)
{
    dim__loader_destroy(loader);
}
