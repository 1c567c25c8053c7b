/* Training on random views of images, and the clean views that go with them. */
#include "common.h"

enum { PIECE = 256 }; /* images that are made clean at once */

static dim_augment *preset_of(ex_run *run, dim_augment_preset preset)
{
    dim_augment *augment = NULL;
    dim_augment_options o;
    dim_augment_op_options none;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&none);
    o.preset = preset;
    EX_TRY(run, dim_augment_create(run->ctx, &o, &augment));
    none.op = DIM_AUGMENT_OP_NORMALIZE; /* (x / 255 - 0) / 1 takes the place of the preset's mean and std */
    none.std[0] = 1;
    EX_TRY(run, dim_augment_add(augment, &none));
    return augment;
}

/* The first `count` images of a dataset as clean views, in memory. */
static dim_dataset *clean_copy(ex_run *run, dim_dataset *data, int64_t count, const dim_augment *clean)
{
    int64_t from[4] = { PIECE }, to[4] = { count }, classes = dim_dataset_classes(data);
    dim_tensor *views = NULL, *labels = NULL;
    dim_dataset *copy = NULL;
    dim_dataset_shape(data, from + 1);
    memcpy(to + 1, run->shape, sizeof run->shape);
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, to, &views));
    if (classes > 0)
        EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 1, to, &labels));
    for (int64_t at = 0; at < count; at += PIECE) {
        dim_tensor *images = NULL, *some = NULL, *their = NULL;
        from[0] = count - at < PIECE ? count - at : PIECE;
        EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, from, &images));
        EX_TRY(run, dim_tensor_slice(views, 0, at, from[0], 1, &some));
        if (labels != NULL)
            EX_TRY(run, dim_tensor_slice(labels, 0, at, from[0], 1, &their));
        EX_TRY(run, dim_dataset_read(data, at, from[0], images, their));
        EX_TRY(run, dim_augment_apply(clean, images, NULL, some));
        dim_tensor_destroy(their);
        dim_tensor_destroy(some);
        dim_tensor_destroy(images);
    }
    EX_TRY(run, dim_dataset_from_tensors(run->ctx, views, labels, &copy));
    dim_tensor_destroy(views);
    dim_tensor_destroy(labels);
    return copy;
}

void ex_use_views(ex_run *run, dim_augment_preset preset, dim_augment_preset clean, bool resize)
{
    const int64_t image[3] = { run->shape[0], run->shape[1], run->shape[2] };
    run->augment = preset_of(run, preset);
    if (dim_dataset_dtype(run->train) != DIM_U8 || dim_augment_shape(run->augment, image, run->shape) != DIM_OK)
        ex_usage_error(run->program, "--data: views are made of gray or RGB images of bytes");
    if (!resize)
        return;
    dim_augment *test = preset_of(run, clean);
    dim_dataset *all = run->test;
    run->test = clean_copy(run, all, dim_dataset_count(all), test);
    if (run->o.probe_train > 0) {
        dim_dataset *some = run->probed;
        run->probed = clean_copy(run, some, run->o.probe_train, test);
        if (some != run->train)
            dim_dataset_destroy(some);
    }
    dim_dataset_destroy(all);
    dim_augment_destroy(test);
}
