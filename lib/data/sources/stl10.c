/* STL-10's binary files: images of three 96 x 96 planes, each column after column, and labels 1 .. 10 in files of their
 * own.  The unlabeled images are 2.7 GB, so that images stay in the file and are read one by one. */
#include "data/source.h"
#include "data/stream.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { SIDE = 96, PLANE = SIDE * SIDE, IMAGE = 3 * PLANE, CLASSES = 10 };

typedef struct stl10 {
    dim__reader base;
    dim_context *ctx;
    dim__stream *images;
    int64_t count;
    uint8_t *labels; /* as in the file; NULL = none */
} stl10;

/* Columns become rows, in place. */
static void transpose(uint8_t *plane)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = y + 1; x < SIDE; x++) {
            uint8_t pixel = plane[y * SIDE + x];
            plane[y * SIDE + x] = plane[x * SIDE + y];
            plane[x * SIDE + y] = pixel;
        }
}

static dim_status read_sample(dim__reader *base, int64_t index, uint8_t *image, int64_t *label,
                              dim__sample_error *error)
{
    const stl10 *r = (const stl10 *)base;
    for (size_t got = 0; image != NULL && got < IMAGE;) {
        off_t at = (off_t)(index * IMAGE + (int64_t)got);
        ssize_t n = pread(dim__stream_file(r->images), image + got, IMAGE - got, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dim__sample_fail(error, DIM_E_IO, "%s: reading image %lld: error %d", dim__stream_path(r->images),
                                    (long long)index, errno);
        if (n == 0)
            return dim__sample_fail(error, DIM_E_FORMAT, "%s ends within image %lld; it was longer when it was opened",
                                    dim__stream_path(r->images), (long long)index);
        got += (size_t)n;
    }
    for (int c = 0; image != NULL && c < 3; c++)
        transpose(image + (size_t)c * PLANE);
    *label = r->labels != NULL ? r->labels[index] - 1 : -1;
    return DIM_OK;
}

static void destroy(dim__reader *base)
{
    stl10 *r = (stl10 *)base;
    dim__stream_close(r->images);
    dim__free(r->ctx, r->labels);
    dim__free(r->ctx, r);
}

static dim_status open_file(dim_context *ctx, const char *dir, const char *name, dim__stream **out)
{
    dim_status status;
    char *path = dim__path_join(ctx, dir, name, "");
    if (path == NULL)
        return DIM_E_NOMEM;
    status = dim__path_exists(path) ? dim__stream_open(ctx, path, false, out)
                                    : dim__source_missing(ctx, path, dir, "stl10_binary");
    dim__free(ctx, path);
    return status;
}

static dim_status read_labels(dim_context *ctx, const char *dir, const char *name, stl10 *r)
{
    dim__stream *s = NULL;
    DIM__TRY(open_file(ctx, dir, name, &s));
    dim_status status = DIM_E_NOMEM;
    if (dim__stream_size(s) != r->count) {
        status = dim__fail(ctx, DIM_E_FORMAT, "%s has %lld labels, %s has %lld images", dim__stream_path(s),
                           (long long)dim__stream_size(s), dim__stream_path(r->images), (long long)r->count);
        goto done;
    }
    r->labels = dim__alloc(ctx, (size_t)r->count);
    if (r->labels == NULL)
        goto done;
    DIM__TRY_OR(done, dim__stream_read(s, r->labels, (size_t)r->count));
    for (int64_t i = 0; i < r->count; i++)
        if (r->labels[i] < 1 || r->labels[i] > CLASSES) {
            status = dim__fail(ctx, DIM_E_FORMAT, "%s: label %d of image %lld is not in 1 .. %d", dim__stream_path(s),
                               r->labels[i], (long long)i, CLASSES);
            goto done;
        }
done:
    dim__stream_close(s);
    return status;
}

dim_status dim__source_stl10(dim_context *ctx, const dim__request *request, dim__samples *out)
{
    static const char *const parts[] = { "train", "test", "unlabeled" };
    const char *part = parts[request->split];
    bool labeled = request->split != DIM_SPLIT_UNLABELED && request->options.labels != DIM_LABELS_NONE;
    char image_name[24], label_name[24];
    dim__samples read = { .shape = { 3, SIDE, SIDE }, .classes = labeled ? CLASSES : 0 };
    dim_status status;
    snprintf(image_name, sizeof image_name, "%s_X.bin", part);
    snprintf(label_name, sizeof label_name, "%s_y.bin", part);
    stl10 *r = dim__calloc(ctx, 1, sizeof *r);
    if (r == NULL)
        return DIM_E_NOMEM;
    r->base = (dim__reader){ read_sample, NULL, destroy };
    r->ctx = ctx;
    DIM__TRY_OR(fail, open_file(ctx, request->dir, image_name, &r->images));
    int64_t size = dim__stream_size(r->images);
    if (size == 0 || size % IMAGE != 0) {
        status = dim__fail(ctx, DIM_E_FORMAT, "%s %s: %lld bytes are not a whole number of images of %d bytes",
                           dim__stream_path(r->images), size == 0 ? "is empty" : "is truncated or oversized",
                           (long long)size, IMAGE);
        goto fail;
    }
    r->count = read.count = size / IMAGE;
    if (labeled) {
        DIM__TRY_OR(fail, read_labels(ctx, request->dir, label_name, r));
        DIM__TRY_OR(fail, dim__names_read(ctx, request->dir, "class_names.txt", CLASSES, &read.names));
    }
    read.reader = &r->base;
    *out = read;
    return DIM_OK;
fail:
    destroy(&r->base);
    return status;
}
