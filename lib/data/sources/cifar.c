/* CIFAR's binary files: records of one or two label bytes and a 3 x 32 x 32 image, nothing before or after. */
#include "data/source.h"
#include "data/stream.h"

enum { IMAGE = 3 * 32 * 32, MAX_FILES = 5, MAX_LABELS = 2, RECORDS = 32 /* read at a time */ };

typedef struct layout {
    const char *folder;            /* that the archive unpacks to */
    const char *files[2][MAX_FILES + 1];
    int labels;                    /* label bytes of a record */
    uint8_t classes[MAX_LABELS];
    const char *names[MAX_LABELS]; /* files of the classes' names */
} layout;

static const layout cifar10 = {
    "cifar-10-batches-bin",
    { { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", NULL },
      { "test_batch.bin", NULL } },
    1,
    { 10, 0 },
    { "batches.meta.txt", NULL },
};

static const layout cifar100 = {
    "cifar-100-binary",
    { { "train.bin", NULL }, { "test.bin", NULL } },
    2,
    { 20, 100 }, /* coarse, fine */
    { "coarse_label_names.txt", "fine_label_names.txt" },
};

/* Opens a file and counts its records. */
static dim_status open_file(dim_context *ctx, const layout *l, const char *dir, const char *name, dim__stream **out,
                            int64_t *records)
{
    dim_status status = DIM_E_NOMEM;
    dim__stream *s = NULL;
    int64_t record = IMAGE + l->labels;
    char *path = dim__path_join(ctx, dir, name, "");
    if (path == NULL)
        return status;
    if (!dim__path_exists(path)) {
        status = dim__source_missing(ctx, path, dir, l->folder);
        goto done;
    }
    DIM__TRY_OR(done, dim__stream_open(ctx, path, false, &s));
    int64_t size = dim__stream_size(s);
    if (size == 0 || size % record != 0) {
        status = dim__fail(ctx, DIM_E_FORMAT, "%s %s: %lld bytes are not a whole number of records of %lld bytes", path,
                           size == 0 ? "is empty" : "is truncated or oversized", (long long)size, (long long)record);
        goto done;
    }
    *records = size / record;
    *out = s;
    s = NULL;
done:
    dim__stream_close(s);
    dim__free(ctx, path);
    return status;
}

/* The label is byte `which` of a record. */
static dim_status read_records(dim_context *ctx, const layout *l, int which, dim__stream *s, int64_t records,
                               uint8_t *buffer, uint8_t *images, int32_t *labels)
{
    int64_t record = IMAGE + l->labels;
    for (int64_t first = 0; first < records; first += RECORDS) {
        int64_t n = records - first < RECORDS ? records - first : RECORDS;
        DIM__TRY(dim__stream_read(s, buffer, (size_t)(n * record)));
        for (int64_t i = 0; i < n; i++) {
            const uint8_t *r = buffer + i * record;
            for (int k = 0; k < l->labels; k++)
                if (r[k] >= l->classes[k])
                    return dim__fail(ctx, DIM_E_FORMAT, "%s: label %d of record %lld is not in 0 .. %d",
                                     dim__stream_path(s), r[k], (long long)(first + i), l->classes[k] - 1);
            labels[first + i] = r[which];
            memcpy(images + (first + i) * IMAGE, r + l->labels, IMAGE);
        }
    }
    return dim__stream_end(s);
}

static dim_status read_split(dim_context *ctx, const layout *l, int which, const dim__request *request,
                             dim__samples *out)
{
    const char *const *files = l->files[request->split];
    dim__stream *s[MAX_FILES] = { NULL };
    dim__samples read = { .classes = l->classes[which] };
    int64_t records[MAX_FILES], total = 0, at = 0;
    uint8_t *buffer = NULL;
    dim_status status = DIM_E_NOMEM;
    for (int i = 0; files[i] != NULL; i++) {
        DIM__TRY_OR(done, open_file(ctx, l, request->dir, files[i], &s[i], &records[i]));
        total += records[i];
    }
    DIM__TRY_OR(done, dim__tensor_create(ctx, DIM_U8, 4, (int64_t[]){ total, 3, 32, 32 }, &read.images));
    DIM__TRY_OR(done, dim__tensor_create(ctx, DIM_I32, 1, &total, &read.labels));
    buffer = dim__alloc(ctx, (size_t)RECORDS * (IMAGE + MAX_LABELS));
    status = buffer == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int i = 0; status == DIM_OK && files[i] != NULL; i++) {
        status = read_records(ctx, l, which, s[i], records[i], buffer, (uint8_t *)read.images->data + at * IMAGE,
                              (int32_t *)(void *)read.labels->data + at);
        at += records[i];
    }
    if (status == DIM_OK)
        status = dim__names_read(ctx, request->dir, l->names[which], read.classes, &read.names);
    if (status == DIM_OK)
        *out = read;
done:
    if (status != DIM_OK) {
        dim__tensor_destroy(read.images);
        dim__tensor_destroy(read.labels);
    }
    dim__free(ctx, buffer);
    for (int i = 0; i < MAX_FILES; i++)
        dim__stream_close(s[i]);
    return status;
}

dim_status dim__source_cifar10(dim_context *ctx, const dim__request *request, dim__samples *out)
{
    return read_split(ctx, &cifar10, 0, request, out);
}

dim_status dim__source_cifar100(dim_context *ctx, const dim__request *request, dim__samples *out)
{
    return read_split(ctx, &cifar100, request->options.labels == DIM_LABELS_COARSE ? 0 : 1, request, out);
}
