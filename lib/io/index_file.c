/* The file of an index: safetensors with one tensor, the rows, and a line of metadata that says what they are. */
#include "io/index_file.h"
#include "io/weights.h"

#include <inttypes.h>
#include <stdio.h>

static const char KEY[] = "dim.index", ROWS[] = "rows";
static const char *const KINDS[] = {[DIM_PROBE_KNN_COSINE] = "cosine ", [DIM_PROBE_KNN_EUCLIDEAN] = "euclidean "};

dim_status dim__index_save(const dim_index *index, const char *path)
{
    char text[64];
    float none = 0;
    dim__array rows = {.name = ROWS, .rank = 2, .shape = {index->count, index->features}, .data = index->rows};
    if (index->count == 0)
        rows.data = &none;
    snprintf(text, sizeof text, "%s%" PRId64 " %" PRId64, KINDS[index->kind], index->count, index->features);
    return dim__weights_save(index->ctx, path, &rows, 1, &(dim__meta){KEY, text}, 1);
}

/* A whole number as dim__index_save() writes it, of no more than `most`; NULL = there is none. */
static const char *read_number(const char *text, int64_t most, int64_t *out)
{
    if (*text < '0' || *text > '9' || (*text == '0' && text[1] >= '0' && text[1] <= '9'))
        return NULL;
    for (*out = 0; *text >= '0' && *text <= '9'; text++) {
        if (*out > (most - (*text - '0')) / 10)
            return NULL;
        *out = *out * 10 + (*text - '0');
    }
    return text;
}

/* What the rows are, as far as the file can hold so many. */
static bool read_text(const char *text, int64_t most, dim_probe_kind *kind, int64_t *count, int64_t *features)
{
    for (int k = 0; k < (int)(sizeof KINDS / sizeof *KINDS); k++)
        if (strncmp(text, KINDS[k], strlen(KINDS[k])) == 0) {
            *kind = (dim_probe_kind)k;
            text = read_number(text + strlen(KINDS[k]), most, count);
            if (text == NULL || *text != ' ')
                return false;
            text = read_number(text + 1, DIM__INDEX_FEATURES, features);
            return text != NULL && *text == '\0' && *features > 0 && *count <= most / *features;
        }
    return false;
}

static dim_status read_rows(dim__weights_file *file, dim_index *index, int64_t count)
{
    dim__array rows = {.name = ROWS, .rank = 2, .shape = {count, index->features}};
    float none;
    if (count > 0)
        DIM__TRY(dim__grow(index->ctx, &index->rows, &index->room, count * index->features, sizeof *index->rows));
    rows.data = count > 0 ? index->rows : &none;
    DIM__TRY(dim__weights_file_read(file, "", false, &rows, 1));
    index->count = count;
    return DIM_OK;
}

dim_status dim__index_load(dim_context *ctx, const char *path, dim_index **out)
{
    dim_status status;
    dim_index *index = NULL;
    dim__weights_file *file = NULL;
    dim_probe_kind kind = DIM_PROBE_KNN_COSINE;
    int64_t count = 0, features = 0;
    DIM__TRY(dim__weights_file_open(ctx, path, &file));
    const char *text = dim__weights_file_meta(file, KEY);
    if (text == NULL || !read_text(text, dim__weights_file_most(file), &kind, &count, &features)) {
        status = text == NULL ? dim__fail(ctx, DIM_E_FORMAT, "not a file of dim_index_save(): its metadata has no %s: %s", KEY, path)
                              : dim__fail(ctx, DIM_E_FORMAT, "%s is '%.60s'; it must be 'cosine' or 'euclidean' and the numbers of rows "
                                          "and features that the file has: %s", KEY, text, path);
        goto done;
    }
    DIM__TRY_OR(done, dim__weights_file_verify(file));
    DIM__TRY_OR(done, dim__index_create(ctx, kind, features, &index));
    status = read_rows(file, index, count);
done:
    dim__weights_file_close(file);
    if (status == DIM_OK)
        *out = index;
    else if (index != NULL)
        dim__index_release(index);
    return status;
}
