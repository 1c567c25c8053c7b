/* IDX files, plain or gzip, by the names of MNIST's and EMNIST's: big-endian header 0, 0, type, axes, sizes; then the
 * elements. */
#include "data/source.h"
#include "data/sources/parse.h"

#include "base/file.h"
#include "base/math.h"

#include <dirent.h>
#include <stdio.h>

/* Elements that are allocated on a gzip header's word alone.  Beyond, the file is decompressed once to see them first. */
static const int64_t trusted = (int64_t)64 << 20;

static uint32_t big_endian(const unsigned char b[4])
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static dim_status read_header(dim_context *ctx, dim__stream *s, int axes, int64_t *shape, int64_t *count)
{
    unsigned char word[4];
    const char *path = dim__stream_path(s);
    if (dim__stream_size(s) == 0)
        return dim__fail(ctx, DIM_E_FORMAT, "%s is empty", path);
    DIM__TRY(dim__stream_read(s, word, 4));
    if (big_endian(word) != 0x0800u + (uint32_t)axes)
        return dim__fail(ctx, DIM_E_FORMAT, "%s: the magic number is 0x%08lx, but it must be 0x%08lx (bytes, %d axes)",
                         path, (unsigned long)big_endian(word), 0x0800ul + (unsigned long)axes, axes);
    *count = 1;
    for (int i = 0; i < axes; i++) {
        DIM__TRY(dim__stream_read(s, word, 4));
        shape[i] = big_endian(word);
        if (shape[i] == 0)
            return dim__fail(ctx, DIM_E_FORMAT, "%s: axis %d has size 0", path, i);
        if (!dim__mul64(*count, shape[i], count))
            return dim__fail(ctx, DIM_E_FORMAT, "%s: axis %d of size %lld makes it too large", path, i,
                             (long long)shape[i]);
    }
    int64_t header = 4 + 4 * axes;
    if (!dim__stream_gzip(s) && dim__stream_size(s) - header != *count)
        return dim__fail(ctx, DIM_E_FORMAT, "%s is %s: %lld bytes after the header, %lld expected", path,
                         dim__stream_size(s) - header < *count ? "truncated" : "oversized",
                         (long long)(dim__stream_size(s) - header), (long long)*count);
    return DIM_OK;
}

dim_status dim__idx_read(dim_context *ctx, dim__stream *s, int axes, dim_tensor **out)
{
    int64_t shape[3], count = 0;
    dim_tensor *t = NULL;
    dim_status status = read_header(ctx, s, axes, shape, &count);
    if (status != DIM_OK)
        goto done;
    if (dim__stream_gzip(s) && count > trusted) {
        DIM__TRY_OR(done, dim__stream_skip(s, count));
        DIM__TRY_OR(done, dim__stream_rewind(s));
        DIM__TRY_OR(done, dim__stream_skip(s, 4 + 4 * axes));
    }
    DIM__TRY_OR(done, dim__tensor_create(ctx, DIM_U8, axes, shape, &t));
    DIM__TRY_OR(done, dim__stream_read(s, t->data, (size_t)count));
    DIM__TRY_OR(done, dim__stream_end(s));
    *out = t;
    t = NULL;
done:
    dim__tensor_destroy(t);
    return status;
}

enum { NAME = 512, PATH = 4096 };

/* Where the files of a split are: names begin with `base`, "DIR/" or "DIR/emnist-letters-". */
typedef struct place {
    dim_context *ctx;
    char base[PATH];
    const char *parts[2]; /* what the split is called; the second may be NULL */
} place;

/* Number `k` of the names that a file of images or labels may have: all parts with a hyphen, then with a point, plain before
 * gzip.  False after the last. */
static bool name_of(const place *p, const char *what, int axes, int k, char *name, size_t room)
{
    int parts = p->parts[1] != NULL ? 2 : 1;
    if (k >= 4 * parts)
        return false;
    snprintf(name, room, "%s-%s%cidx%d-ubyte%s", p->parts[k / 4], what, k % 4 < 2 ? '-' : '.', axes, k % 2 ? ".gz" : "");
    return true;
}

/* Opens the file of images or labels. */
static dim_status open_file(const place *p, const char *what, int axes, const char *hint, dim__stream **out)
{
    char name[NAME], path[PATH + NAME];
    for (int k = 0; name_of(p, what, axes, k, name, sizeof name); k++) {
        snprintf(path, sizeof path, "%s%s", p->base, name);
        if (dim__path_exists(path))
            return dim__stream_open(p->ctx, path, k % 2 != 0, out);
    }
    name_of(p, what, axes, 0, name, sizeof name);
    return dim__fail(p->ctx, DIM_E_IO, "cannot open %s%s, and there is no %s.gz beside it%s", p->base, name, name, hint);
}

/* Whether a file's name is PREFIX- and a name of images; its prefix into `prefix`. */
static bool prefix_of(const place *p, const char *file, char prefix[NAME])
{
    char name[NAME];
    size_t length = strlen(file);
    for (int k = 0; name_of(p, "images", 3, k, name, sizeof name); k++) {
        size_t n = strlen(name);
        if (length > n + 1 && length < NAME && file[length - n - 1] == '-' && strcmp(file + length - n, name) == 0) {
            memcpy(prefix, file, length - n - 1);
            prefix[length - n - 1] = '\0';
            return true;
        }
    }
    return false;
}

/* In a folder without the usual names: the one prefix that names of images have there. */
static dim_status find_prefix(place *p, const char *dir)
{
    char first[NAME] = "", other[NAME];
    size_t used = strlen(p->base);
    struct dirent *entry;
    DIR *folder = dim__open_folder(dir);
    if (folder == NULL)
        return DIM_OK; /* opening the file says why */
    dim_status status = DIM_OK;
    while (status == DIM_OK && (entry = readdir(folder)) != NULL)
        if (!prefix_of(p, entry->d_name, other) || strcmp(first, other) == 0)
            continue;
        else if (first[0] == '\0')
            memcpy(first, other, sizeof first);
        else
            status = dim__fail(p->ctx, DIM_E_INVALID, "%s has several data sets; write idx:%s/%s, or %s for the other", dir, dir,
                               strcmp(first, other) < 0 ? first : other, strcmp(first, other) < 0 ? other : first);
    closedir(folder);
    if (status == DIM_OK && first[0] != '\0')
        snprintf(p->base + used, sizeof p->base - used, "%s-", first);
    return status;
}

static dim_status find_place(dim_context *ctx, const dim__request *request, place *p)
{
    char name[NAME], path[PATH + NAME];
    bool folder = dim__path_is_folder(request->dir);
    bool test = request->split == DIM_SPLIT_TEST;
    if (strlen(request->dir) + NAME >= sizeof p->base)
        return dim__fail(ctx, DIM_E_IO, "cannot open %.100s...: a path of %zu bytes is too long", request->dir,
                         strlen(request->dir));
    p->ctx = ctx;
    p->parts[0] = test ? "t10k" : "train";
    p->parts[1] = test ? "test" : NULL;
    /* What is not there at all is called as a folder would be, in the error. */
    bool prefix = false;
    snprintf(p->base, sizeof p->base, "%s-", request->dir);
    for (int k = 0; !folder && name_of(p, "images", 3, k, name, sizeof name); k++) {
        snprintf(path, sizeof path, "%s%s", p->base, name);
        prefix = prefix || dim__path_exists(path);
    }
    if (prefix)
        return DIM_OK;
    snprintf(p->base, sizeof p->base, "%s/", request->dir);
    for (int k = 0; name_of(p, "images", 3, k, name, sizeof name); k++) {
        snprintf(path, sizeof path, "%s%s", p->base, name);
        if (dim__path_exists(path))
            return DIM_OK;
    }
    return find_prefix(p, request->dir);
}

static dim_status read_file(const place *p, const char *what, int axes, const char *hint, dim_tensor **out)
{
    dim__stream *s;
    DIM__TRY(open_file(p, what, axes, hint, &s));
    dim_status status = dim__idx_read(p->ctx, s, axes, out);
    dim__stream_close(s);
    return status;
}

static dim_status read_labels(const place *p, const dim_tensor *images, dim_tensor **out)
{
    dim_tensor *bytes = NULL, *labels = NULL;
    dim_status status;
    DIM__TRY(read_file(p, "labels", 1, "; labels = DIM_LABELS_NONE opens the images alone", &bytes));
    if (images->shape[0] != bytes->shape[0]) {
        status = dim__fail(p->ctx, DIM_E_FORMAT, "%s: %lld images, but %lld labels in %s%s-labels", p->base,
                           (long long)images->shape[0], (long long)bytes->shape[0], p->base, p->parts[0]);
        goto done;
    }
    DIM__TRY_OR(done, dim__tensor_create(p->ctx, DIM_I32, 1, bytes->shape, &labels));
    DIM__TRY_OR(done, dim__tensor_copy(labels, bytes));
    *out = labels;
    labels = NULL;
done:
    dim__tensor_destroy(labels);
    dim__tensor_destroy(bytes);
    return status;
}

dim_status dim__source_idx(dim_context *ctx, const dim__request *request, dim__samples *out)
{
    dim_tensor *images = NULL;
    dim__samples read = { .classes = 0 };
    place *p = dim__calloc(ctx, 1, sizeof *p);
    dim_status status = p != NULL ? find_place(ctx, request, p) : DIM_E_NOMEM;
    if (status != DIM_OK)
        goto done;
    DIM__TRY_OR(done, read_file(p, "images", 3, "", &images));
    if (request->options.labels != DIM_LABELS_NONE)
        DIM__TRY_OR(done, read_labels(p, images, &read.labels));
    int64_t *n = images->shape;
    DIM__TRY_OR(done, dim__tensor_reshape(images, 4, (int64_t[]){ n[0], 1, n[1], n[2] }, &read.images));
    *out = read;
    read.labels = NULL;
done:
    dim__tensor_destroy(read.labels);
    dim__tensor_destroy(images);
    dim__free(ctx, p);
    return status;
}
