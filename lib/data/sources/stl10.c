/* STL-10's binary files: images of three 96 x 96 planes, each column after column, and labels 1 .. 10 in files of their
 * own.  The unlabeled images are 2.7 GB, so that images stay in the files and are read one by one. */
#include "data/pixels.h"
#include "data/source.h"
#include "data/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIDE = 96, PLANE = SIDE * SIDE, IMAGE = 3 * PLANE, CLASSES = 10 };

typedef struct stl10 {
    dim__reader base;
    dim_context *ctx;
    dim__stream *images[2]; /* one file, or that with labels and that without */
    int64_t count[2];       /* images of each */
    int64_t side;           /* of the images that are given */
    uint8_t *labels;        /* of the first file's images, as in the file of labels; NULL = none */
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

static dim_status read_image(const dim__stream *images, int64_t index, uint8_t *image, dim__sample_error *error)
{
    for (size_t got = 0; got < IMAGE;) {
        off_t at = (off_t)(index * IMAGE + (int64_t)got);
        ssize_t n = pread(dim__stream_file(images), image + got, IMAGE - got, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dim__sample_fail(error, DIM_E_IO, "%s: reading image %lld: error %d", dim__stream_path(images),
                                    (long long)index, errno);
        if (n == 0)
            return dim__sample_fail(error, DIM_E_FORMAT, "%s ends within image %lld; it was longer when it was opened",
                                    dim__stream_path(images), (long long)index);
        got += (size_t)n;
    }
    for (int c = 0; c < 3; c++)
        transpose(image + (size_t)c * PLANE);
    return DIM_OK;
}

/* On any thread: memory is the C library's. */
static dim_status read_resized(const stl10 *r, const dim__stream *images, int64_t index, uint8_t *out, dim__sample_error *error)
{
    static const int64_t shape[3] = { 3, SIDE, SIDE };
    const dim__box all = { 0, 0, SIDE, SIDE };
    const size_t scratch = dim__pixels_resize_scratch(shape, r->side, r->side);
    uint8_t *memory = aligned_alloc(64, scratch + IMAGE), *image = memory + scratch; /* both are multiples of 64 */
    if (memory == NULL)
        return dim__sample_fail(error, DIM_E_NOMEM, "%s: no memory to resize image %lld", dim__stream_path(images), (long long)index);
    dim_status status = read_image(images, index, image, error);
    if (status == DIM_OK)
        dim__pixels_resize(out, image, shape, &all, r->side, r->side, memory);
    free(memory);
    return status;
}

static dim_status read_sample(dim__reader *base, int64_t index, uint8_t *image, int64_t *label,
                              dim__sample_error *error)
{
    const stl10 *r = (const stl10 *)base;
    const int file = index >= r->count[0];
    index -= file == 1 ? r->count[0] : 0;
    *label = r->labels != NULL && file == 0 ? r->labels[index] - 1 : -1;
    if (image == NULL)
        return DIM_OK;
    return r->side == SIDE ? read_image(r->images[file], index, image, error)
                           : read_resized(r, r->images[file], index, image, error);
}

static void destroy(dim__reader *base)
{
    stl10 *r = (stl10 *)base;
    for (int k = 0; k < 2; k++)
        dim__stream_close(r->images[k]);
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

/* File k of images is "<part>_X.bin". */
static dim_status open_images(dim_context *ctx, const char *dir, const char *part, stl10 *r, int k)
{
    char name[24];
    snprintf(name, sizeof name, "%s_X.bin", part);
    DIM__TRY(open_file(ctx, dir, name, &r->images[k]));
    int64_t size = dim__stream_size(r->images[k]);
    if (size == 0 || size % IMAGE != 0)
        return dim__fail(ctx, DIM_E_FORMAT, "%s %s: %lld bytes are not a whole number of images of %d bytes",
                         dim__stream_path(r->images[k]), size == 0 ? "is empty" : "is truncated or oversized", (long long)size,
                         IMAGE);
    r->count[k] = size / IMAGE;
    return DIM_OK;
}

static dim_status read_labels(dim_context *ctx, const char *dir, const char *name, stl10 *r)
{
    dim__stream *s = NULL;
    DIM__TRY(open_file(ctx, dir, name, &s));
    dim_status status = DIM_E_NOMEM;
    if (dim__stream_size(s) != r->count[0]) {
        status = dim__fail(ctx, DIM_E_FORMAT, "%s has %lld labels, %s has %lld images", dim__stream_path(s),
                           (long long)dim__stream_size(s), dim__stream_path(r->images[0]), (long long)r->count[0]);
        goto done;
    }
    r->labels = dim__alloc(ctx, (size_t)r->count[0]);
    if (r->labels == NULL)
        goto done;
    DIM__TRY_OR(done, dim__stream_read(s, r->labels, (size_t)r->count[0]));
    for (int64_t i = 0; i < r->count[0]; i++)
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
    static const char *const parts[] = { "train", "test", "unlabeled", "train" };
    const dim_split split = request->split;
    const char *part = parts[split];
    bool labeled = split != DIM_SPLIT_UNLABELED && request->options.labels != DIM_LABELS_NONE;
    char label_name[24];
    int64_t side = request->options.image_size != 0 ? request->options.image_size : SIDE;
    dim__samples read = { .shape = { 3, side, side }, .classes = labeled ? CLASSES : 0 };
    dim_status status;
    snprintf(label_name, sizeof label_name, "%s_y.bin", part);
    stl10 *r = dim__calloc(ctx, 1, sizeof *r);
    if (r == NULL)
        return DIM_E_NOMEM;
    r->base = (dim__reader){ read_sample, NULL, destroy };
    r->ctx = ctx;
    r->side = side;
    DIM__TRY_OR(fail, open_images(ctx, request->dir, part, r, 0));
    if (split == DIM_SPLIT_TRAIN_UNLABELED)
        DIM__TRY_OR(fail, open_images(ctx, request->dir, "unlabeled", r, 1));
    read.count = r->count[0] + r->count[1];
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
