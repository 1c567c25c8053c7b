/* Specifications, KIND:DIR, and what sources share. */
#include "data/dataset.h"
#include "data/stream.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_IMAGE_SIZE = 4096, MAX_NAMES = 1 << 16 /* bytes of a file of class names */ };

typedef struct source {
    const char *kind;
    dim__source_fn read;
    int takes;
} source;

static const source sources[] = {
#define DIM_SOURCE(kind, function, takes, what) { kind, function, takes },
#include "data/sources.def"
#undef DIM_SOURCE
};

static const source *find_source(const char *spec, const char *colon)
{
    size_t length = colon != NULL ? (size_t)(colon - spec) : strlen(spec);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (strlen(sources[i].kind) == length && strncmp(spec, sources[i].kind, length) == 0)
            return &sources[i];
    return NULL;
}

static dim_status check(dim_context *ctx, const source *s, dim_split split, const dim_dataset_options *o)
{
    if (split != DIM_SPLIT_TRAIN && split != DIM_SPLIT_TEST && split != DIM_SPLIT_UNLABELED)
        return dim__fail(ctx, DIM_E_INVALID, "split %d is unknown", (int)split);
    if (split == DIM_SPLIT_UNLABELED && (s->takes & DIM__TAKES_UNLABELED) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "%s has no unlabeled split (%d)", s->kind, (int)split);
    if (o->labels != DIM_LABELS_FINE && o->labels != DIM_LABELS_COARSE)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: labels is %d, which is not a dim_labels",
                         (int)o->labels);
    if (o->labels != DIM_LABELS_FINE && (s->takes & DIM__TAKES_LABELS) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: %s has no coarse labels", s->kind);
    if (o->on_error != DIM_ON_ERROR_FAIL && o->on_error != DIM_ON_ERROR_SKIP)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: on_error is %d, which is not a dim_on_error",
                         (int)o->on_error);
    if (o->image_size > MAX_IMAGE_SIZE)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: image_size is %u; it must be at most %d",
                         (unsigned)o->image_size, MAX_IMAGE_SIZE);
    if (o->image_size != 0 && (s->takes & DIM__TAKES_IMAGE_SIZE) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: image_size is %u, but images of %s are of one size",
                         (unsigned)o->image_size, s->kind);
    if (o->reserved0 != 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: reserved0 is %u; it must be 0",
                         (unsigned)o->reserved0);
    return DIM_OK;
}

dim_status dim__dataset_open(dim_context *ctx, const char *spec, dim_split split, const dim_dataset_options *options,
                             dim_dataset **out)
{
    dim__samples samples = { .count = 0 };
    dim__request request;
    dim_dataset *ds = NULL;
    const char *colon = strchr(spec, ':');
    const source *s = find_source(spec, colon);
    if (s == NULL || colon == NULL || colon[1] == '\0')
        return dim__fail(ctx, DIM_E_INVALID, "spec \"%.200s\" is not KIND:DIR with one of the kinds"
#define DIM_SOURCE(kind, function, takes, what) " " kind
#include "data/sources.def"
#undef DIM_SOURCE
                         , spec);
    request.dir = colon + 1;
    request.split = split;
    DIM__TRY(dim__options_copy(ctx, "dim_dataset_options", &request.options, sizeof request.options, options));
    DIM__TRY(check(ctx, s, split, &request.options));
    DIM__TRY(s->read(ctx, &request, &samples));
    dim_status status = samples.reader != NULL
                            ? dim__dataset_from_reader(ctx, &samples, &ds)
                            : dim__dataset_from_tensors(ctx, samples.images, samples.labels, &ds);
    dim__tensor_destroy(samples.images);
    dim__tensor_destroy(samples.labels);
    if (status != DIM_OK) {
        if (samples.reader != NULL)
            samples.reader->destroy(samples.reader);
        dim__free(ctx, samples.names);
        return status;
    }
    if (samples.classes > 0)
        ds->classes = samples.classes;
    ds->names = samples.names;
    *out = ds;
    return DIM_OK;
}

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
