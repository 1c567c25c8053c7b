/* A folder of class folders of image files, and Tiny ImageNet's.  Files are listed when it is opened and decoded when a
 * sample is asked for, by whatever thread asks. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "base/file.h"
#include "data/image.h"
#include "data/sources/listing.h"
#include "data/stream.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char annotations[] = "val_annotations.txt";

enum { UNKNOWN, READABLE, BROKEN };

typedef struct folder {
    dim__reader base;
    dim_context *ctx;
    dim__listing list;
    char *root;             /* of the split */
    int fd;                 /* of root */
    atomic_uchar *state;    /* of each file; NULL = a broken one fails */
    atomic_llong broken;
    int64_t height, width;  /* of a sample */
    int64_t size;           /* asked for; 0 = files have that size by themselves */
    dim__image_rules rules;
} folder;

/* Decodes file `index`; image NULL: only to see whether it can be done, and of which size it is. */
static dim_status decode_one(folder *f, int64_t index, uint8_t *image, dim__sample_error *error)
{
    const char *path = f->list.files[index].path;
    dim__image got = { .pixels = NULL };
    DIM__TRY(dim__image_load(f->fd, f->root, path, &f->rules, &got, error));
    dim_status status = DIM_OK;
    if (f->height == 0) {
        f->height = f->size != 0 ? f->size : got.height;
        f->width = f->size != 0 ? f->size : got.width;
    }
    if (image != NULL && f->size != 0)
        status = dim__image_fit(&got, f->size, path, &f->rules, image, error);
    else if (f->size == 0 && (got.height != f->height || got.width != f->width))
        status = dim__sample_fail(error, DIM_E_SHAPE, "%.100s/%.200s has %lld x %lld pixels, but the first file has "
                                  "%lld x %lld; image_size brings all to one size", f->root, path, (long long)got.width,
                                  (long long)got.height, (long long)f->width, (long long)f->height);
    else if (image != NULL)
        dim__image_planes(&got, image);
    free(got.pixels);
    return status;
}

static dim_status read_sample(dim__reader *base, int64_t index, uint8_t *image, int64_t *label,
                              dim__sample_error *error)
{
    folder *f = (folder *)base;
    bool tried = false;
    dim_status status = DIM_E_FORMAT;
    if (f->state == NULL) {
        *label = f->list.files[index].label;
        return image != NULL ? decode_one(f, index, image, error) : DIM_OK;
    }
    for (int64_t k = 0; k < f->list.count; k++) {
        int64_t i = (index + k) % f->list.count;
        int known = atomic_load(&f->state[i]);
        if (known == BROKEN)
            continue;
        tried = true;
        status = image == NULL && known == READABLE ? DIM_OK : decode_one(f, i, image, error);
        if (status == DIM_OK) {
            atomic_store(&f->state[i], READABLE);
            *label = f->list.files[i].label;
            return DIM_OK;
        }
        if (status != DIM_E_FORMAT && status != DIM_E_IO) /* not the file's fault */
            return status;
        if (atomic_exchange(&f->state[i], BROKEN) != BROKEN)
            atomic_fetch_add(&f->broken, 1);
    }
    return tried ? status : dim__sample_fail(error, status, "%.300s: no file can be read any more", f->root);
}

static int64_t skipped(dim__reader *base)
{
    return atomic_load(&((folder *)base)->broken);
}

static void destroy(dim__reader *base)
{
    folder *f = (folder *)base;
    dim__listing_free(&f->list);
    if (f->fd >= 0)
        close(f->fd);
    dim__free(f->ctx, f->state);
    dim__free(f->ctx, f->root);
    dim__free(f->ctx, f);
}

static dim_status list_annotated(folder *f, const char *path, const char *const *names, int64_t classes)
{
    dim__stream *s;
    DIM__TRY(dim__stream_open(f->ctx, path, false, &s));
    dim_status status = dim__annotations_read(&f->list, s, names, classes);
    dim__stream_close(s);
    return status;
}

/* There is no train.  What is there instead, says the error. */
static dim_status no_train(folder *f, const dim__request *request)
{
    dim__listing there = { .ctx = f->ctx };
    const char **names = NULL;
    int64_t count = 0;
    if (!dim__path_is_folder(request->dir))
        return dim__fail(f->ctx, DIM_E_IO, "cannot find %s; %s is not a folder", f->root, request->dir);
    dim_status status = dim__names_folders(&there, request->dir, &names, &count);
    if (status == DIM_OK && dim__names_find(names, count, "tiny-imagenet-200") < 0)
        status = dim__fail(f->ctx, DIM_E_IO, "cannot find %s; class folders, as %s and others in %s, belong into a folder train",
                           f->root, names[0], request->dir);
    else if (status == DIM_E_FORMAT && there.images > 0)
        status = dim__fail(f->ctx, DIM_E_IO, "cannot find %s; %s has %lld image files itself, which labels = DIM_LABELS_NONE "
                           "opens without classes", f->root, request->dir, (long long)there.images);
    else if (status != DIM_E_NOMEM)
        status = dim__source_missing(f->ctx, f->root, request->dir, "tiny-imagenet-200");
    dim__free(f->ctx, names);
    dim__listing_free(&there);
    return status;
}

/* Images without labels need no folder of the split. */
static dim_status take_whole(folder *f, const dim__request *request)
{
    const char *const parts[] = { "val", "test" };
    for (int i = 0; i < 2; i++) {
        char *part = dim__path_join(f->ctx, request->dir, parts[i], "");
        if (part == NULL)
            return DIM_E_NOMEM;
        bool there = dim__path_is_folder(part);
        dim__free(f->ctx, part);
        if (there)
            return dim__fail(f->ctx, DIM_E_IO, "cannot find %s, but there is a folder %s/%s: which images are to train on?",
                             f->root, request->dir, parts[i]);
    }
    char *whole = dim__strdup(f->ctx, request->dir);
    if (whole == NULL)
        return DIM_E_NOMEM;
    dim__free(f->ctx, f->root);
    f->root = whole;
    return DIM_OK;
}

/* Which folder the split is, and the file of its classes, where there is one. */
static dim_status find_split(folder *f, const dim__request *request, bool tiny, char **annotated)
{
    const char *const parts[] = { "train", "val", "test" };
    bool train = request->split == DIM_SPLIT_TRAIN;
    char *path;
    for (int i = train ? 0 : 1; i < (train ? 1 : 3); i++) {
        dim__free(f->ctx, f->root);
        f->root = dim__path_join(f->ctx, request->dir, parts[i], "");
        if (f->root == NULL)
            return DIM_E_NOMEM;
        if (dim__path_exists(f->root) || tiny)
            break;
    }
    if (!dim__path_exists(f->root) && train && request->options.labels == DIM_LABELS_NONE)
        DIM__TRY(take_whole(f, request));
    if (!dim__path_exists(f->root) && train)
        return no_train(f, request);
    if (!dim__path_exists(f->root))
        return dim__fail(f->ctx, DIM_E_IO, "cannot find a folder %s in %s", tiny ? "val" : "val or test",
                         request->dir);
    if (!train) {
        path = dim__path_join(f->ctx, f->root, annotations, "");
        if (path == NULL)
            return DIM_E_NOMEM;
        if (dim__path_exists(path) || tiny)
            *annotated = path;
        else
            dim__free(f->ctx, path);
    }
    f->fd = dim__open(f->root, O_RDONLY | O_DIRECTORY, 0);
    return f->fd >= 0 ? DIM_OK : dim__fail(f->ctx, DIM_E_IO, "cannot open the folder %.4096s: %s",
                                           f->root, strerror(errno));
}

/* The classes, and the files with their labels. */
static dim_status list_labelled(folder *f, const dim__request *request, const char *annotated, dim__samples *out)
{
    dim__listing elsewhere = { .ctx = f->ctx }; /* what is left out there is not this split's */
    dim_status status;
    char *train = dim__path_join(f->ctx, request->dir, "train", "");
    if (train == NULL)
        return DIM_E_NOMEM;
    /* The folders of train, so that a class has one number in both splits. */
    const char *root = dim__path_exists(train) || annotated != NULL ? train : f->root;
    DIM__TRY_OR(done, dim__names_folders(&elsewhere, root, &out->names, &out->classes));
    if (annotated != NULL)
        DIM__TRY_OR(done, list_annotated(f, annotated, out->names, out->classes));
    else
        DIM__TRY_OR(done, dim__listing_read(&f->list, f->root, out->names, out->classes));
    dim__listing_sort(&f->list);
    if (annotated != NULL && f->list.count > 0)
        DIM__TRY_OR(done, dim__listing_count_unlisted(&f->list, f->root, "images"));
done:
    dim__free(f->ctx, train);
    return status;
}

static dim_status list_files(folder *f, const dim__request *request, bool tiny, dim__samples *out)
{
    char *annotated = NULL;
    bool labels = request->options.labels != DIM_LABELS_NONE;
    dim_status status;
    DIM__TRY_OR(done, find_split(f, request, tiny, &annotated));
    if (labels) {
        DIM__TRY_OR(done, list_labelled(f, request, annotated, out));
    } else {
        DIM__TRY_OR(done, dim__listing_read_flat(&f->list, f->root));
        dim__listing_sort(&f->list);
    }
    out->left_out = dim__listing_left_out(&f->list);
    dim__listing_tell(&f->list, f->root, out->names, request->split == DIM_SPLIT_TRAIN ? out->classes : 0);
    if (f->list.count == 0 && labels)
        status = dim__fail(f->ctx, DIM_E_FORMAT, "%s has no .jpg, .jpeg or .png files in its %lld classes",
                           annotated != NULL ? annotated : f->root, (long long)out->classes);
    else if (f->list.count == 0)
        status = dim__fail(f->ctx, DIM_E_FORMAT, "%s has no .jpg, .jpeg or .png files in or below it", f->root);
done:
    dim__free(f->ctx, annotated);
    return status;
}

static dim_status open_folder(dim_context *ctx, const dim__request *request, bool tiny, dim__samples *out)
{
    dim__samples read = { .count = 0 };
    dim__sample_error error;
    int64_t label;
    dim_status status;
#if !DIM_HAVE_JPEG && !DIM_HAVE_PNG
    return dim__fail(ctx, DIM_E_UNSUPPORTED, "%s: this build has neither libjpeg nor libpng to read images",
                     request->dir);
#endif
    folder *f = dim__calloc(ctx, 1, sizeof *f);
    if (f == NULL)
        return DIM_E_NOMEM;
    f->base = (dim__reader){ read_sample, skipped, destroy };
    f->ctx = f->list.ctx = ctx;
    f->fd = -1;
    f->size = request->options.image_size;
    f->rules.memory = request->options.image_memory != 0 ? request->options.image_memory : DIM__IMAGE_MEMORY;
    f->rules.keep_orientation = request->options.keep_orientation != 0;
    atomic_init(&f->broken, 0);
    DIM__TRY_OR(fail, list_files(f, request, tiny, &read));
    if (request->options.on_error == DIM_ON_ERROR_SKIP) {
        f->state = dim__calloc(ctx, (size_t)f->list.count, sizeof *f->state);
        status = f->state != NULL ? DIM_OK : DIM_E_NOMEM;
        for (int64_t i = 0; status == DIM_OK && i < f->list.count; i++)
            atomic_init(&f->state[i], UNKNOWN);
        if (status == DIM_OK && read_sample(&f->base, 0, NULL, &label, &error) != DIM_OK)
            status = dim__fail(ctx, error.status, "%s: none of %lld files can be read; the last: %.300s", f->root,
                               (long long)f->list.count, error.text);
    } else if (decode_one(f, 0, NULL, &error) != DIM_OK) {
        status = dim__fail(ctx, error.status, "%s", error.text);
    }
    if (status != DIM_OK)
        goto fail;
    read.count = f->list.count;
    read.shape[0] = 3;
    read.shape[1] = f->height;
    read.shape[2] = f->width;
    read.reader = &f->base;
    *out = read;
    return DIM_OK;
fail:
    dim__free(ctx, read.names);
    destroy(&f->base);
    return status;
}

dim_status dim__source_folder(dim_context *ctx, const dim__request *request, dim__samples *out)
{
    return open_folder(ctx, request, false, out);
}

dim_status dim__source_tiny(dim_context *ctx, const dim__request *request, dim__samples *out)
{
    return open_folder(ctx, request, true, out);
}
