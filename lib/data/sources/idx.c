/* IDX files, plain or gzip, by the names of MNIST's: big-endian header 0, 0, type, axes, sizes; then the elements. */
#include "data/source.h"
#include "data/stream.h"

#include "base/math.h"

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

/* Finds dir/name or dir/name.gz and opens it. */
static dim_status open_file(dim_context *ctx, const char *dir, const char *name, dim__stream **out)
{
    dim_status status = DIM_E_NOMEM;
    char *plain = dim__path_join(ctx, dir, name, ""), *gz = NULL;
    if (plain == NULL)
        return status;
    if (dim__path_exists(plain)) {
        status = dim__stream_open(ctx, plain, false, out);
        goto done;
    }
    gz = dim__path_join(ctx, dir, name, ".gz");
    if (gz == NULL)
        goto done;
    if (dim__path_exists(gz))
        status = dim__stream_open(ctx, gz, true, out);
    else
        status = dim__fail(ctx, DIM_E_IO, "cannot open %s, and there is no %s.gz beside it", plain, name);
done:
    dim__free(ctx, gz);
    dim__free(ctx, plain);
    return status;
}

/* A u8 tensor with the file's axes. */
static dim_status read_file(dim_context *ctx, const char *dir, const char *name, int axes, dim_tensor **out)
{
    int64_t shape[3], count = 0;
    dim_tensor *t = NULL;
    dim__stream *s;
    DIM__TRY(open_file(ctx, dir, name, &s));
    dim_status status = read_header(ctx, s, axes, shape, &count);
    if (status != DIM_OK)
        goto done;
    if (dim__stream_gzip(s) && count > trusted) {
        DIM__TRY_OR(done, dim__stream_skip(s, count));
        dim__stream_close(s);
        s = NULL;
        DIM__TRY_OR(done, open_file(ctx, dir, name, &s));
        DIM__TRY_OR(done, dim__stream_skip(s, 4 + 4 * axes));
    }
    DIM__TRY_OR(done, dim__tensor_create(ctx, DIM_U8, axes, shape, &t));
    DIM__TRY_OR(done, dim__stream_read(s, t->data, (size_t)count));
    DIM__TRY_OR(done, dim__stream_end(s));
    *out = t;
    t = NULL;
done:
    dim__tensor_destroy(t);
    dim__stream_close(s);
    return status;
}

dim_status dim__source_idx(dim_context *ctx, const dim__request *request, dim__samples *out)
{
    const char *dir = request->dir, *part = request->split == DIM_SPLIT_TRAIN ? "train" : "t10k";
    char image_name[32], label_name[32];
    dim_tensor *images = NULL, *bytes = NULL;
    dim__samples read = { .classes = 0 };
    dim_status status;
    snprintf(image_name, sizeof image_name, "%s-images-idx3-ubyte", part);
    snprintf(label_name, sizeof label_name, "%s-labels-idx1-ubyte", part);
    DIM__TRY_OR(done, read_file(ctx, dir, image_name, 3, &images));
    DIM__TRY_OR(done, read_file(ctx, dir, label_name, 1, &bytes));
    if (images->shape[0] != bytes->shape[0]) {
        status = dim__fail(ctx, DIM_E_FORMAT, "%s: %lld images in %s, but %lld labels in %s", dir,
                           (long long)images->shape[0], image_name, (long long)bytes->shape[0], label_name);
        goto done;
    }
    int64_t *n = images->shape;
    DIM__TRY_OR(done, dim__tensor_create(ctx, DIM_I32, 1, bytes->shape, &read.labels));
    DIM__TRY_OR(done, dim__tensor_copy(read.labels, bytes));
    DIM__TRY_OR(done, dim__tensor_reshape(images, 4, (int64_t[]){ n[0], 1, n[1], n[2] }, &read.images));
    *out = read;
    read.labels = NULL;
done:
    dim__tensor_destroy(read.labels);
    dim__tensor_destroy(bytes);
    dim__tensor_destroy(images);
    return status;
}
