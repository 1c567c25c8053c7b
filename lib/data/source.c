/* What sources share. */
#include "data/source.h"

#include "base/math.h"
#include "data/stream.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_NAMES = 1 << 16 /* bytes of a file of class names */ };

dim_status dim__source_missing(dim_context *ctx, const char *path, const char *dir, const char *folder)
{
    char *inside = dim__path_join(ctx, dir, folder, "");
    if (inside == NULL)
        return DIM_E_NOMEM;
    if (dim__path_exists(inside))
        dim__fail(ctx, DIM_E_IO, "cannot find %s; there is a folder %s: is that the one?", path, inside);
    else
        dim__fail(ctx, DIM_E_IO, "cannot find %s", path);
    dim__free(ctx, inside);
    return DIM_E_IO;
}

dim_status dim__source_file(dim_context *ctx, const dim__request *request, const char *const *endings, char **path)
{
    const char *const parts[] = { "train", "val", "test" };
    bool train = request->split == DIM_SPLIT_TRAIN;
    if (!dim__path_is_folder(request->dir)) {
        if (!train && dim__path_exists(request->dir))
            return dim__fail(ctx, DIM_E_IO, "%s is one file, of training data; a folder with train%s and test%s has both",
                             request->dir, endings[0], endings[0]);
        *path = dim__strdup(ctx, request->dir);
        return *path != NULL ? DIM_OK : DIM_E_NOMEM;
    }
    for (int i = train ? 0 : 1; i < (train ? 1 : 3); i++)
        for (int k = 0; endings[k] != NULL; k++) {
            char *one = dim__path_join(ctx, request->dir, parts[i], endings[k]);
            if (one == NULL)
                return DIM_E_NOMEM;
            if (dim__path_exists(one)) {
                *path = one;
                return DIM_OK;
            }
            dim__free(ctx, one);
        }
    return dim__fail(ctx, DIM_E_IO, "cannot find %s%s in %s", train ? "train" : "val or test", endings[0], request->dir);
}

dim_status dim__source_finite(dim_context *ctx, const char *path, const dim_tensor *images)
{
    const float *x = (const float *)(const void *)images->data;
    int64_t count = images->dtype == DIM_F32 ? dim__tensor_count(images) : 0, sample = count / images->shape[0];
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return dim__fail(ctx, DIM_E_FORMAT, "%s: number %lld of sample %lld is %g, or too large for a float", path,
                             (long long)(i % sample), (long long)(i / sample), (double)x[i]);
    return DIM_OK;
}

dim_status dim__sample_fail(dim__sample_error *error, dim_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    error->status = status;
    return status;
}

const char **dim__names_block(dim_context *ctx, const char *const *names, int64_t n)
{
    size_t bytes = (size_t)n * sizeof *names;
    for (int64_t i = 0; i < n; i++)
        bytes += strlen(names[i]) + 1;
    const char **block = dim__alloc(ctx, bytes);
    if (block == NULL)
        return NULL;
    char *text = (char *)(block + n);
    for (int64_t i = 0; i < n; i++) {
        size_t size = strlen(names[i]) + 1;
        block[i] = memcpy(text, names[i], size);
        text += size;
    }
    return block;
}

/* Cuts a text into its lines that are not empty.  @return how many; `lines` has room for `room` of them. */
static int64_t cut_lines(char *text, const char **lines, int64_t room)
{
    int64_t n = 0;
    for (char *at = text + strspn(text, "\r\n"); *at != '\0'; n++) {
        size_t length = strcspn(at, "\r\n");
        if (n < room)
            lines[n] = at;
        at += length;
        if (*at != '\0')
            *at++ = '\0';
        at += strspn(at, "\r\n");
    }
    return n;
}

dim_status dim__names_read(dim_context *ctx, const char *dir, const char *name, int64_t classes, const char ***out)
{
    dim_status status = DIM_E_NOMEM;
    dim__stream *s = NULL;
    const char **lines = NULL;
    char *text = NULL, *path = dim__path_join(ctx, dir, name, "");
    if (path == NULL)
        return status;
    if (!dim__path_exists(path)) {
        status = DIM_OK;
        goto done;
    }
    DIM__TRY_OR(done, dim__stream_open(ctx, path, false, &s));
    int64_t size = dim__stream_size(s);
    if (size > MAX_NAMES)
        goto done; /* not what it seems: DIM_OK */
    status = DIM_E_NOMEM;
    text = dim__calloc(ctx, (size_t)size + 1, 1);
    lines = dim__calloc(ctx, (size_t)classes, sizeof *lines);
    if (text == NULL || lines == NULL)
        goto done;
    DIM__TRY_OR(done, dim__stream_read(s, text, (size_t)size));
    if (cut_lines(text, lines, classes) == classes) {
        *out = dim__names_block(ctx, lines, classes);
        status = *out != NULL ? DIM_OK : DIM_E_NOMEM;
    }
done:
    dim__free(ctx, lines);
    dim__free(ctx, text);
    dim__stream_close(s);
    dim__free(ctx, path);
    return status;
}
