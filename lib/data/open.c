/* Specifications, KIND:DIR. */
#include "base/enums.h"
#include "data/dataset.h"

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

static const dim__range image_size = DIM__UP_TO(4096);
static const dim__field fields[] = {
    DIM__QUIET(dim_dataset_options, labels, U32, &dim__labels_range, 0),
    DIM__QUIET(dim_dataset_options, on_error, U32, &dim__on_error_range, 0),
    DIM__QUIET(dim_dataset_options, image_size, U32, &image_size, 0),
    DIM__QUIET(dim_dataset_options, keep_orientation, U32, &dim__switch, 0),
    DIM__QUIET(dim_dataset_options, image_memory, U64, NULL, 0),
};
static const dim__table table = DIM__TABLE(dim_dataset_options, fields);

static dim_status check(dim_context *ctx, const source *s, dim_split split, const dim_dataset_options *o)
{
    if (dim__split_name((int)split) == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "split %d is unknown", (int)split);
    if (split != DIM_SPLIT_TRAIN && split != DIM_SPLIT_TEST && (s->takes & DIM__TAKES_UNLABELED) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "%s has no %s split, but train and test; labels = DIM_LABELS_NONE leaves their "
                         "labels out", s->kind, dim__split_name((int)split));
    if (o->labels == DIM_LABELS_COARSE && (s->takes & DIM__TAKES_COARSE) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: %s has no coarse labels", s->kind);
    if (o->image_size != 0 && (s->takes & DIM__TAKES_IMAGE_SIZE) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: image_size is %u, but images of %s are of one size",
                         (unsigned)o->image_size, s->kind);
    if (o->keep_orientation != 0 && (s->takes & DIM__TAKES_FILES) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: keep_orientation is 1, but %s has no image files", s->kind);
    if (o->image_memory != 0 && (s->takes & DIM__TAKES_FILES) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: image_memory is %llu, but %s has no image files",
                         (unsigned long long)o->image_memory, s->kind);
    if (o->label_column != NULL && (s->takes & DIM__TAKES_COLUMN) == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_dataset_options: label_column is \"%.100s\", but %s has no columns",
                         o->label_column, s->kind);
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
        return dim__fail(ctx, DIM_E_INVALID, "spec \"%.200s\" is not KIND:DIR or KIND:FILE with one of the kinds"
#define DIM_SOURCE(kind, function, takes, what) " " kind
#include "data/sources.def"
#undef DIM_SOURCE
                         , spec);
    request.dir = colon + 1;
    request.split = split;
    DIM__TRY(dim__options_read(ctx, &table, options, &request.options));
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
    ds->left_out = samples.left_out;
    if (request.options.labels == DIM_LABELS_NONE)
        dim__dataset_drop_labels(ds);
    *out = ds;
    return DIM_OK;
}
