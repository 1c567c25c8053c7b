/* The data of --data, and some samples of it as tensors, labels and features. */
#include "common.h"

#include <string.h>

enum { PIECE = 256 }; /* images that are encoded at once */

static bool is_kind(const ex_run *run, const char *kind)
{
    return strncmp(run->o.data, kind, strlen(kind)) == 0;
}

bool ex_data_has_files(const ex_run *run)
{
    return is_kind(run, "folder:") || is_kind(run, "tiny:");
}

bool ex_data_resizes(const ex_run *run) { return ex_data_has_files(run) || is_kind(run, "stl10:"); }

const char *ex_data_advice(const ex_run *run, dim_status status)
{
    return status == DIM_E_FORMAT && ex_data_has_files(run) && !run->o.skip_broken
               ? "; --skip-broken puts the next image in the place of a broken one" : "";
}

/* NULL where there is no such split and none is needed. */
static dim_dataset *open_split(ex_run *run, dim_split split, dim_labels labels, bool needed, const char *advice)
{
    dim_dataset *data = NULL;
    dim_dataset_options o;
    DIM_OPTIONS_INIT(&o);
    o.labels = labels;
    o.image_size = run->o.image_size;
    o.image_memory = run->o.image_memory;
    o.keep_orientation = run->o.keep_orientation;
    o.label_column = run->o.label_column;
    o.on_error = run->o.skip_broken ? DIM_ON_ERROR_SKIP : DIM_ON_ERROR_FAIL;
    dim_status status = dim_dataset_open_with(run->ctx, run->o.data, split, &o, &data);
    if (status == DIM_E_IO && !needed)
        return NULL;
    if (status == DIM_OK)
        return data;
    if (status != DIM_E_IO)
        advice = ex_data_advice(run, status);
    char error[1024]; /* the next call has an error of its own */
    snprintf(error, sizeof error, "%s", dim_context_error(run->ctx));
    o.on_error = DIM_ON_ERROR_SKIP;
    if (status == DIM_E_FORMAT && dim_dataset_open_with(run->ctx, run->o.data, split, &o, &data) != DIM_OK)
        advice = ""; /* it is not an image that is broken */
    if (strstr(error, "DIM_LABELS_NONE") != NULL && run->program->evaluates)
        advice = "; --probe-train 0 evaluates without labels";
    else if (strstr(error, "DIM_LABELS_NONE") != NULL && run->program->infogan)
        advice = "; --unlabelled trains without labels";
    else if (strstr(error, "DIM_LABELS_NONE") != NULL && !run->program->objective)
        advice = "; --unlabelled --probe-train 0 trains without labels";
    bool without = split == DIM_SPLIT_UNLABELED || labels == DIM_LABELS_NONE;
    ex_usage_error(run->program, "%s: %s%s", without && !run->program->evaluates ? "--unlabelled" : "--data", error, advice);
}

/* What is trained on. */
static dim_dataset *open_train(ex_run *run)
{
    if (run->o.with_unlabelled && !is_kind(run, "stl10:"))
        ex_usage_error(run->program, "--with-unlabelled: only stl10 has images with labels and others without");
    if (run->o.with_unlabelled)
        return open_split(run, DIM_SPLIT_TRAIN_UNLABELED, DIM_LABELS_FINE, true, "");
    if (!run->o.unlabelled)
        return open_split(run, DIM_SPLIT_TRAIN, DIM_LABELS_FINE, true, "");
    if (is_kind(run, "stl10:") && !run->program->evaluates)
        return open_split(run, DIM_SPLIT_UNLABELED, DIM_LABELS_FINE, true, "");
    return open_split(run, DIM_SPLIT_TRAIN, DIM_LABELS_NONE, true, "");
}

/* The labelled training images of the probes: of a folder, which is sorted by class, at even distances. */
static void open_probed(ex_run *run)
{
    int64_t all = dim_dataset_count(run->labelled);
    bool sorted = ex_data_has_files(run) || is_kind(run, "npy:") || is_kind(run, "csv:") || run->program->data_help != NULL;
    if (run->o.probe_train > all)
        run->o.probe_train = (uint32_t)all;
    if (run->o.probe_train < EX_LEAST_PROBED)
        ex_usage_error(run->program, "--probe-train: there are only %u labelled training %s, and probes need %d; "
                       "--probe-train 0 trains without them", (unsigned)run->o.probe_train, ex_noun(run), EX_LEAST_PROBED);
    run->probed = (ex_samples){ run->labelled, sorted ? all : run->o.probe_train, run->o.probe_train, NULL };
    run->tested = ex_samples_of(run->test, INT64_MAX);
    run->train_labels = ex_samples_labels(run, &run->probed);
    run->test_labels = ex_samples_labels(run, &run->tested);
}

void ex_data_open(ex_run *run)
{
    ex_options *o = &run->o;
    bool test_needed = (run->program->objective && !run->program->infogan) || o->probe_train > 0 ||
                       (o->embed != NULL && o->embed_split == EX_EMBED_TEST);
    ex_report_note(run, "opening %s", o->data);
    run->train = open_train(run);
    if (o->labels > 0)
        ex_hide_labels(run);
    run->test = open_split(run, DIM_SPLIT_TEST, o->unlabelled && o->probe_train == 0 ? DIM_LABELS_NONE : DIM_LABELS_FINE,
                           test_needed, o->probe_train > 0 ? "; --probe-train 0 does without test images" : "");
    ex_data_use(run);
    ex_report_clear();
}

void ex_data_use(ex_run *run)
{
    ex_options *o = &run->o;
    if (dim_dataset_shape(run->train, run->shape) != 3)
        ex_usage_error(run->program, "--data: %s has vectors, not %s%s", o->data, ex_noun(run),
                       is_kind(run, "csv:") ? "; --image-size makes images of their numbers" : "");
    if (o->batch > dim_dataset_count(run->train))
        ex_usage_error(run->program, "--batch: %u is more than the %lld training %s", (unsigned)o->batch,
                       (long long)dim_dataset_count(run->train), ex_noun(run));
    if (o->probe_train > 0) {
        if (run->labelled == NULL)
            run->labelled = o->unlabelled || o->with_unlabelled ? open_split(run, DIM_SPLIT_TRAIN, DIM_LABELS_FINE, true,
                                                   "; --probe-train 0 trains without labels") : run->train;
        if (dim_dataset_classes(run->labelled) == 0)
            ex_usage_error(run->program, "--probe-train: the %s have no labels, of which probes learn; --probe-train 0 trains "
                           "without them", ex_noun(run));
        if (dim_dataset_classes(run->labelled) < 2)
            ex_usage_error(run->program, "--probe-train: all %s are of one class, so that probes have nothing to tell; "
                           "--probe-train 0 trains without them", ex_noun(run));
        open_probed(run);
    }
}

const char *ex_noun(const ex_run *run) { return run->program->data_help == NULL ? "images" : "signals"; }

const char *ex_class_name(const ex_run *run, const dim_dataset *data, int64_t label)
{
    return run->class_names != NULL && label >= 0 ? run->class_names[label] : dim_dataset_class_name(data, label);
}

int64_t ex_skipped(const ex_run *run)
{
    int64_t count = run->skipped + dim_dataset_skipped(run->train);
    return run->test != NULL ? count + dim_dataset_skipped(run->test) : count;
}

ex_samples ex_samples_of(dim_dataset *data, int64_t most)
{
    int64_t all = data != NULL ? dim_dataset_count(data) : 0;
    return (ex_samples){ data, all, all < most ? all : most, NULL };
}

/* As they are in the dataset. */
static void read_plain(ex_run *run, const ex_samples *s, int64_t first, int64_t count, dim_tensor *images,
                       dim_tensor *labels)
{
    if (s->total == s->count) {
        EX_TRY(run, dim_dataset_read(s->data, first, count, images, labels));
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        dim_tensor *image = NULL, *label = NULL;
        if (images != NULL)
            EX_TRY(run, dim_tensor_slice(images, 0, i, 1, 1, &image));
        if (labels != NULL)
            EX_TRY(run, dim_tensor_slice(labels, 0, i, 1, 1, &label));
        EX_TRY(run, dim_dataset_read(s->data, (first + i) * s->total / s->count, 1, image, label));
        dim_tensor_destroy(image);
        dim_tensor_destroy(label);
    }
}

static dim_tensor *images_like(ex_run *run, dim_dataset *data, int64_t count)
{
    dim_tensor *images = NULL;
    int64_t shape[4] = { count };
    dim_dataset_shape(data, shape + 1);
    EX_TRY(run, dim_tensor_create(run->ctx, dim_dataset_dtype(data), 4, shape, &images));
    return images;
}

void ex_samples_read(ex_run *run, const ex_samples *s, int64_t first, int64_t count, dim_tensor *images,
                     dim_tensor *labels)
{
    if (s->clean == NULL || images == NULL) {
        read_plain(run, s, first, count, images, labels);
        return;
    }
    dim_tensor *whole = images_like(run, s->data, count);
    read_plain(run, s, first, count, whole, labels);
    EX_TRY(run, dim_augment_apply(s->clean, whole, NULL, images));
    dim_tensor_destroy(whole);
}

dim_tensor *ex_tested_images(ex_run *run, int64_t most)
{
    ex_samples some = ex_samples_of(run->test, INT64_MAX);
    some.count = some.count < most ? some.count : most;
    dim_tensor *images = images_like(run, run->test, some.count);
    ex_samples_read(run, &some, 0, some.count, images, NULL);
    return images;
}

dim_tensor *ex_samples_labels(ex_run *run, const ex_samples *s)
{
    dim_tensor *labels = NULL;
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 1, &s->count, &labels));
    ex_samples_read(run, s, 0, s->count, NULL, labels);
    return labels;
}

dim_tensor *ex_features(ex_run *run, dim_encoder *encoder, const char *tap, const ex_samples *s, const char *doing)
{
    dim_tensor *features = NULL;
    int64_t map[3];
    EX_TRY(run, dim_encoder_tap_shape(encoder, tap, map));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, (int64_t[]){ s->count, map[0] * map[1] * map[2] }, &features));
    ex_report_note(run, "%s", doing);
    for (int64_t at = 0, some; at < s->count; at += some) {
        dim_tensor *images = NULL, *part = NULL;
        int64_t shape[4] = { 0, run->shape[0], run->shape[1], run->shape[2] };
        some = shape[0] = s->count - at < PIECE ? s->count - at : PIECE;
        if (ex_stopped(run)) {
            dim_tensor_destroy(features);
            return NULL;
        }
        if (at > 0)
            ex_report_count(run, "%s: %lld of %lld", doing, (long long)at, (long long)s->count);
        EX_TRY(run, dim_tensor_create(run->ctx, dim_dataset_dtype(s->data), 4, shape, &images));
        EX_TRY(run, dim_tensor_slice(features, 0, at, some, 1, &part));
        ex_samples_read(run, s, at, some, images, NULL);
        EX_TRY(run, dim_encoder_encode(encoder, images, tap, part));
        dim_tensor_destroy(part);
        dim_tensor_destroy(images);
    }
    return features;
}
