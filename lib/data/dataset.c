#include "data/dataset.h"

#include "base/math.h"
#include "base/rng.h"

#include <unistd.h>

static bool make_lock(dim_dataset *ds)
{
    if (pthread_mutex_init(&ds->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&ds->is_free, NULL) == 0)
        return true;
    pthread_mutex_destroy(&ds->lock);
    return false;
}

static dim_status dataset_new(dim_context *ctx, dim_dataset **out)
{
    dim_dataset *ds = dim__calloc(ctx, 1, sizeof *ds);
    if (ds == NULL)
        return DIM_E_NOMEM;
    if (!make_lock(ds)) {
        dim__free(ctx, ds);
        return dim__fail(ctx, DIM_E_SYSTEM, "the system has no lock for a dataset");
    }
    ds->home = getpid();
    ds->refs = 1;
    ds->ctx = dim__context_retain(ctx);
    *out = ds;
    return DIM_OK;
}

void dim__dataset_release(dim_dataset *ds)
{
    if (ds == NULL || --ds->refs > 0)
        return;
    dim_context *ctx = ds->ctx;
    dim__tensor_destroy(ds->images);
    dim__tensor_destroy(ds->labels);
    if (ds->reader != NULL)
        ds->reader->destroy(ds->reader);
    dim__free(ctx, ds->names);
    dim__free(ctx, ds->scratch);
    pthread_cond_destroy(&ds->is_free);
    pthread_mutex_destroy(&ds->lock);
    dim__free(ctx, ds);
    dim__context_release(ctx);
}

void dim__dataset_drop_labels(dim_dataset *ds)
{
    dim__tensor_destroy(ds->labels);
    dim__free(ds->ctx, ds->names);
    ds->labels = NULL;
    ds->names = NULL;
    ds->classes = 0;
}

static int64_t label_at(const dim_tensor *labels, int64_t i)
{
    const void *p = labels->data + i * labels->stride[0] * (int64_t)dim__dtype_size(labels->dtype);
    return labels->dtype == DIM_I32 ? *(const int32_t *)p : *(const int64_t *)p;
}

/* Classes, and which samples have no label. */
static dim_status check_labels(dim_context *ctx, const dim_tensor *labels, int64_t count, dim_dataset *out)
{
    char text[128];
    int64_t largest = -1, missing = 0;
    uint64_t marks = 0;
    if (labels->dtype != DIM_I32 && labels->dtype != DIM_I64)
        return dim__fail(ctx, DIM_E_INVALID, "labels are %s; they must be i32 or i64", dim__dtype_name(labels->dtype));
    if (labels->rank != 1 || labels->shape[0] != count)
        return dim__fail(ctx, DIM_E_SHAPE, "labels have shape %s; for these images it must be (%lld)",
                         dim__shape_text(text, labels->rank, labels->shape), (long long)count);
    for (int64_t i = 0; i < count; i++) {
        int64_t label = label_at(labels, i);
        if (label < -1 || label >= INT32_MAX)
            return dim__fail(ctx, DIM_E_INVALID, "labels[%lld] = %lld is not in 0 .. %d, and is not -1 for none", (long long)i,
                             (long long)label, INT32_MAX - 1);
        largest = dim__max64(largest, label);
        missing += label < 0;
        if (label < 0)
            marks = dim__mix(marks, (uint64_t)i);
    }
    out->classes = largest + 1;
    out->unlabelled = largest >= 0 ? missing : 0;
    out->marks = marks;
    return DIM_OK;
}

/* Signals (N, C, L) as (N, C, 1, L). */
static void as_maps(dim_tensor *view)
{
    view->rank = 4;
    view->shape[3] = view->shape[2];
    view->stride[3] = view->stride[2];
    view->shape[2] = 1;
    view->stride[2] = view->shape[3] * view->stride[3];
}

dim_status dim__dataset_from_tensors(dim_context *ctx, dim_tensor *images, dim_tensor *labels, dim_dataset **out)
{
    char text[128];
    dim_dataset labelled = { .classes = 0 }, *ds = NULL;
    if (images->ctx != ctx || (labels != NULL && labels->ctx != ctx))
        return dim__fail(ctx, DIM_E_INVALID, "%s belong to another context", images->ctx != ctx ? "images" : "labels");
    if (images->dtype != DIM_U8 && images->dtype != DIM_F32)
        return dim__fail(ctx, DIM_E_INVALID, "images are %s; they must be u8 or f32", dim__dtype_name(images->dtype));
    if (images->rank < 2 || images->rank > 4)
        return dim__fail(ctx, DIM_E_SHAPE, "images have shape %s; it must be (N, C, H, W), (N, C, L) or (N, features)",
                         dim__shape_text(text, images->rank, images->shape));
    if (dim__tensor_count(images) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "images of shape %s are empty",
                         dim__shape_text(text, images->rank, images->shape));
    if (labels != NULL)
        DIM__TRY(check_labels(ctx, labels, images->shape[0], &labelled));
    DIM__TRY(dataset_new(ctx, &ds));
    dim_status status;
    DIM__TRY_OR(fail, dim__tensor_view(images, &ds->images));
    if (images->rank == 3)
        as_maps(ds->images);
    ds->count = images->shape[0];
    ds->classes = labelled.classes;
    ds->unlabelled = labelled.unlabelled;
    ds->marks = labelled.marks;
    ds->dtype = images->dtype;
    ds->rank = ds->images->rank - 1;
    for (int i = 0; i < 3; i++)
        ds->shape[i] = i < ds->rank ? ds->images->shape[i + 1] : 1;
    ds->bytes = (size_t)(ds->shape[0] * ds->shape[1] * ds->shape[2]) * dim__dtype_size(ds->dtype);
    if (labels != NULL)
        DIM__TRY_OR(fail, dim__tensor_view(labels, &ds->labels));
    *out = ds;
    return DIM_OK;
fail:
    dim__dataset_release(ds);
    return status;
}

dim_status dim__dataset_from_callback(dim_context *ctx, int64_t count, dim_dtype dtype, int rank, const int64_t *shape,
                                      int64_t classes, dim_sample_fn read, void *user, dim_dataset **out)
{
    char text[128];
    int64_t elements;
    dim_dataset *ds = NULL;
    if (count < 1)
        return dim__fail(ctx, DIM_E_INVALID, "count is %lld; it must be at least 1", (long long)count);
    if (dtype != DIM_U8 && dtype != DIM_F32)
        return dim__fail(ctx, DIM_E_INVALID, "dtype is %s; it must be u8 or f32", dim__dtype_name(dtype));
    if (rank != 3 && rank != 1)
        return dim__fail(ctx, DIM_E_INVALID, "rank is %d; it must be 3 (C, H, W) or 1 (features)", rank);
    if (classes < 0 || classes > INT32_MAX)
        return dim__fail(ctx, DIM_E_INVALID, "classes is %lld; it must be 0 .. %d", (long long)classes, INT32_MAX);
    DIM__TRY(dim__shape_check(ctx, dtype, rank, shape, &elements, NULL));
    if (elements == 0)
        return dim__fail(ctx, DIM_E_INVALID, "a sample of shape %s is empty", dim__shape_text(text, rank, shape));
    DIM__TRY(dataset_new(ctx, &ds));
    ds->count = count;
    ds->classes = classes;
    ds->dtype = dtype;
    ds->rank = rank;
    for (int i = 0; i < 3; i++)
        ds->shape[i] = i < rank ? shape[i] : 1;
    ds->bytes = (size_t)elements * dim__dtype_size(dtype);
    ds->read = read;
    ds->user = user;
    ds->scratch = dim__alloc(ctx, ds->bytes);
    if (ds->scratch == NULL) {
        dim__dataset_release(ds);
        return DIM_E_NOMEM;
    }
    *out = ds;
    return DIM_OK;
}

dim_status dim__dataset_from_reader(dim_context *ctx, const dim__samples *samples, dim_dataset **out)
{
    dim_dataset *ds = NULL;
    DIM__TRY(dataset_new(ctx, &ds));
    ds->count = samples->count;
    ds->classes = samples->classes;
    ds->dtype = DIM_U8;
    ds->rank = 3;
    memcpy(ds->shape, samples->shape, sizeof ds->shape);
    ds->bytes = (size_t)(ds->shape[0] * ds->shape[1] * ds->shape[2]);
    ds->scratch = dim__alloc(ctx, ds->bytes);
    if (ds->scratch == NULL) {
        dim__dataset_release(ds);
        return DIM_E_NOMEM;
    }
    ds->reader = samples->reader;
    *out = ds;
    return DIM_OK;
}

void dim__dataset_settle(dim_dataset *ds)
{
    if (ds->home != getpid()) { /* the lock may have been held at the fork, by a thread that is not here */
        make_lock(ds);
        ds->reading = DIM__READING_NONE;
        ds->home = getpid();
        return;
    }
    pthread_mutex_lock(&ds->lock);
    if (ds->reading == DIM__READING_CALLER) {
        ds->reading = DIM__READING_NONE;
        pthread_cond_broadcast(&ds->is_free);
    }
    pthread_mutex_unlock(&ds->lock);
}

static void begin_reading(dim_dataset *ds, dim__reading side)
{
    pthread_mutex_lock(&ds->lock);
    while (ds->reading != DIM__READING_NONE)
        pthread_cond_wait(&ds->is_free, &ds->lock);
    ds->reading = side;
    pthread_mutex_unlock(&ds->lock);
}

static void end_reading(dim_dataset *ds)
{
    pthread_mutex_lock(&ds->lock);
    ds->reading = DIM__READING_NONE;
    pthread_cond_signal(&ds->is_free);
    pthread_mutex_unlock(&ds->lock);
}

/* Calls the caller's function, alone and with no lock held, which an exception of C++ would leave locked. */
static dim_status call_back(dim_dataset *ds, int64_t index, void *image, int64_t *label, dim__sample_error *error)
{
    int64_t got = -1;
    int code = ds->read(ds->user, index, image, &got);
    if (ds->classes == 0)
        got = -1;
    if (code != 0 || got < -1 || (got >= ds->classes && got != -1)) {
        *error = (dim__sample_error){ .index = index, .label = got, .code = code };
        return DIM_E_CALLBACK;
    }
    *label = got;
    return DIM_OK;
}

dim_status dim__dataset_sample(dim_dataset *ds, dim__reading side, int64_t index, void *image, int64_t *label,
                               dim__sample_error *error)
{
    if (ds->reader != NULL)
        return ds->reader->sample(ds->reader, index, image, label, error);
    if (ds->images == NULL) {
        begin_reading(ds, side);
        dim_status status = call_back(ds, index, image, label, error);
        end_reading(ds);
        return status;
    }
    const dim_tensor *t = ds->images;
    const char *from = t->data + index * t->stride[0] * (int64_t)dim__dtype_size(t->dtype);
    int64_t packed[3] = { ds->shape[1] * ds->shape[2], ds->shape[2], 1 };
    dim__strided_copy(ds->rank, ds->shape, ds->dtype, image, ds->rank == 3 ? packed : packed + 2, ds->dtype, from,
                      t->stride + 1);
    *label = ds->labels != NULL ? label_at(ds->labels, index) : -1;
    return DIM_OK;
}

dim_status dim__dataset_sample_fail(dim_dataset *ds, const dim__sample_error *error)
{
    if (error->status != DIM_OK)
        return dim__fail(ds->ctx, error->status, "%s", error->text);
    if (error->code != 0)
        return dim__fail(ds->ctx, DIM_E_CALLBACK, "the callback failed with %d for sample %lld", error->code,
                         (long long)error->index);
    return dim__fail(ds->ctx, DIM_E_CALLBACK, "the callback gave label %lld for sample %lld; it must be -1 .. %lld",
                     (long long)error->label, (long long)error->index, (long long)ds->classes - 1);
}

/* Shapes and types of what samples are read into. */
static dim_status check_targets(dim_dataset *ds, int64_t count, const dim_tensor *images, const dim_tensor *labels)
{
    char want[128], got[128];
    if (images != NULL) {
        int64_t shape[4] = { count, ds->shape[0], ds->shape[1], ds->shape[2] };
        if (images->rank != ds->rank + 1 || memcmp(images->shape, shape, (size_t)images->rank * sizeof *shape) != 0)
            return dim__fail(ds->ctx, DIM_E_SHAPE, "images are %s; they must be %s",
                             dim__shape_text(got, images->rank, images->shape),
                             dim__shape_text(want, ds->rank + 1, shape));
        DIM__TRY(dim__check_output(ds->ctx, "images", images));
    }
    if (labels != NULL) {
        if (labels->dtype != DIM_I32 && labels->dtype != DIM_I64)
            return dim__fail(ds->ctx, DIM_E_INVALID, "labels are %s; they must be i32 or i64",
                             dim__dtype_name(labels->dtype));
        if (labels->rank != 1 || labels->shape[0] != count)
            return dim__fail(ds->ctx, DIM_E_SHAPE, "labels are %s; they must be (%lld)",
                             dim__shape_text(got, labels->rank, labels->shape), (long long)count);
        DIM__TRY(dim__check_output(ds->ctx, "labels", labels));
    }
    return dim__check_apart(ds->ctx, "images", images, "labels", labels);
}

static void put_label(dim_tensor *labels, int64_t i, int64_t label)
{
    void *p = labels->data + i * labels->stride[0] * (int64_t)dim__dtype_size(labels->dtype);
    if (labels->dtype == DIM_I32)
        *(int32_t *)p = (int32_t)label;
    else
        *(int64_t *)p = label;
}

/* Samples that are not in memory pass through the scratch. */
static dim_status read_each(dim_dataset *ds, int64_t first, int64_t count, dim_tensor *images, dim_tensor *labels)
{
    int64_t packed[3] = { ds->shape[1] * ds->shape[2], ds->shape[2], 1 };
    for (int64_t i = 0; i < count; i++) {
        int64_t label;
        dim__sample_error error;
        void *image = images != NULL || ds->reader == NULL ? ds->scratch : NULL; /* a callback always gets room */
        dim_status status = dim__dataset_sample(ds, DIM__READING_CALLER, first + i, image, &label, &error);
        if (status != DIM_OK)
            return dim__dataset_sample_fail(ds, &error);
        if (images != NULL)
            dim__strided_copy(ds->rank, ds->shape, images->dtype,
                              images->data + i * images->stride[0] * (int64_t)dim__dtype_size(images->dtype),
                              images->stride + 1, ds->dtype, ds->scratch, ds->rank == 3 ? packed : packed + 2);
        if (labels != NULL)
            put_label(labels, i, label);
    }
    return DIM_OK;
}

dim_status dim__dataset_read(dim_dataset *ds, int64_t first, int64_t count, dim_tensor *images, dim_tensor *labels)
{
    if (first < 0 || count < 0 || count > ds->count || first > ds->count - count)
        return dim__fail(ds->ctx, DIM_E_INVALID, "%lld samples from %lld on are not in a dataset of %lld",
                         (long long)count, (long long)first, (long long)ds->count);
    DIM__TRY(check_targets(ds, count, images, labels));
    dim__dataset_settle(ds);
    if (ds->images == NULL)
        return read_each(ds, first, count, images, labels);
    if (images != NULL && count > 0) {
        dim_tensor part = *ds->images; /* a view on the stack: it lives in this call only */
        part.shape[0] = count;
        part.data += first * part.stride[0] * (int64_t)dim__dtype_size(part.dtype);
        DIM__TRY(dim__tensor_copy(images, &part));
    }
    for (int64_t i = 0; labels != NULL && i < count; i++)
        put_label(labels, i, ds->labels != NULL ? label_at(ds->labels, first + i) : -1);
    return DIM_OK;
}
