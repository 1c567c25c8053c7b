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

/* Samples as clean views, in memory: they are read again and again. */
static dim_dataset *clean_copy(ex_run *run, ex_samples s)
{
    int64_t shape[4] = { s.count, run->shape[0], run->shape[1], run->shape[2] };
    dim_tensor *views = NULL, *labels = NULL;
    dim_dataset *copy = NULL;
    s.clean = run->clean;
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, shape, &views));
    if (dim_dataset_classes(s.data) > 0)
        labels = ex_samples_labels(run, &s);
    for (int64_t at = 0; at < s.count; at += PIECE) {
        dim_tensor *some = NULL;
        int64_t count = s.count - at < PIECE ? s.count - at : PIECE;
        ex_report_count(run, "preparing images for the probes: %lld of %lld", (long long)at, (long long)s.count);
        EX_TRY(run, dim_tensor_slice(views, 0, at, count, 1, &some));
        ex_samples_read(run, &s, at, count, some, NULL);
        dim_tensor_destroy(some);
    }
    EX_TRY(run, dim_dataset_from_tensors(run->ctx, views, labels, &copy));
    dim_tensor_destroy(views);
    dim_tensor_destroy(labels);
    ex_report_clear();
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
    run->clean = preset_of(run, clean);
    if (run->test != NULL) {
        dim_dataset *test = run->test;
        run->test = clean_copy(run, ex_samples_of(test, INT64_MAX));
        run->skipped += dim_dataset_skipped(test);
        dim_dataset_destroy(test);
    }
    if (run->o.probe_train > 0) {
        dim_dataset *copy = clean_copy(run, run->probed);
        if (run->labelled != run->train) {
            run->skipped += dim_dataset_skipped(run->labelled);
            dim_dataset_destroy(run->labelled);
        }
        run->labelled = copy;
        run->probed = ex_samples_of(copy, INT64_MAX);
        run->tested = ex_samples_of(run->test, INT64_MAX);
    }
}
