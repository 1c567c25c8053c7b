#include "io/weights_header.h"

#if DIM_HAVE_CJSON

#include "base/math.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>

typedef struct dtype_name {
    char name[8];
    int size;
    dim__st_type type;
} dtype_name;

static const dtype_name DTYPES[] = {
    {"F32", 4, DIM__ST_F32},   {"F64", 8, DIM__ST_F64},   {"F16", 2, DIM__ST_F16},     {"BF16", 2, DIM__ST_BF16},
    {"I64", 8, DIM__ST_OTHER}, {"U64", 8, DIM__ST_OTHER}, {"I32", 4, DIM__ST_OTHER},   {"U32", 4, DIM__ST_OTHER},
    {"I16", 2, DIM__ST_OTHER}, {"U16", 2, DIM__ST_OTHER}, {"I8", 1, DIM__ST_OTHER},    {"U8", 1, DIM__ST_OTHER},
    {"BOOL", 1, DIM__ST_OTHER},
};

/* A whole number that a double holds exactly. */
static bool whole(const cJSON *item, int64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > 9007199254740992.0 /* 2^53 */)
        return false;
    *out = (int64_t)item->valuedouble;
    return (double)*out == item->valuedouble;
}

static dim_status bad(dim_context *ctx, const char *path, const char *name, const char *what)
{
    return dim__fail(ctx, DIM_E_FORMAT, "tensor '%.100s': %s: %s", name, what, path);
}

static dim_status parse_entry(dim_context *ctx, const char *path, const cJSON *item, dim__st_entry *e)
{
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    int64_t elements = 1, bytes;
    e->name = item->string;
    if (!cJSON_IsObject(item))
        return bad(ctx, path, e->name, "its entry is not an object");
    if (!cJSON_IsString(dtype))
        return bad(ctx, path, e->name, "dtype is missing or is not a text");
    if (!cJSON_IsArray(shape))
        return bad(ctx, path, e->name, "shape is missing or is not a list");
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2)
        return bad(ctx, path, e->name, "data_offsets is missing or is not two numbers");
    bool empty = false;
    for (const cJSON *axis = shape->child; axis != NULL; axis = axis->next) {
        int64_t n;
        if (!whole(axis, &n))
            return bad(ctx, path, e->name, "shape has an entry that is not a size");
        empty = empty || n == 0;
        if (e->rank < 8)
            e->shape[e->rank] = n;
        e->rank++;
        if (n != 0 && !dim__mul64(elements, n, &elements))
            return bad(ctx, path, e->name, "shape is too large");
    }
    if (empty)
        elements = 0;
    if (!whole(offsets->child, &e->begin) || !whole(offsets->child->next, &e->end) || e->end < e->begin)
        return bad(ctx, path, e->name, "data_offsets are not begin <= end");
    e->dtype = dtype->valuestring;
    for (size_t i = 0; i < sizeof DTYPES / sizeof DTYPES[0]; i++) {
        if (strcmp(DTYPES[i].name, e->dtype) != 0)
            continue;
        e->type = DTYPES[i].type;
        if (!dim__mul64(elements, DTYPES[i].size, &bytes) || bytes != e->end - e->begin)
            return dim__fail(ctx, DIM_E_FORMAT, "tensor '%.100s': %" PRId64 " elements of %s do not fill data_offsets "
                             "[%" PRId64 ", %" PRId64 "]: %s", e->name, elements, e->dtype, e->begin, e->end, path);
    }
    return DIM_OK; /* a dtype newer than this table has an unknown size; its place is checked all the same */
}

static int by_offset(const void *a, const void *b)
{
    const dim__st_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const dim__st_entry *)a)->name, ((const dim__st_entry *)b)->name);
}

/* Tensors in the order of their offsets must follow each other exactly, as the format's authors demand. */
static dim_status check_layout(dim_context *ctx, const char *path, dim__st_header *h, int64_t data_size)
{
    int64_t at = 0;
    if (h->count > 0)
        qsort(h->entries, (size_t)h->count, sizeof *h->entries, by_offset);
    for (int64_t i = 0; i < h->count; i++) {
        const dim__st_entry *e = &h->entries[i];
        if (e->begin != at)
            return dim__fail(ctx, DIM_E_FORMAT, "tensor '%.100s' begins at byte %" PRId64 " of the data, %s %" PRId64
                             ": %s", e->name, e->begin, e->begin < at ? "but the one before ends at" :
                             "which leaves a hole after", at, path);
        at = e->end;
    }
    if (at != data_size)
        return dim__fail(ctx, DIM_E_FORMAT, "the tensors take %" PRId64 " bytes, but %" PRId64 " follow the header: %s",
                         at, data_size, path);
    if (h->count > 0)
        qsort(h->entries, (size_t)h->count, sizeof *h->entries, by_name);
    for (int64_t i = 1; i < h->count; i++)
        if (by_name(&h->entries[i - 1], &h->entries[i]) == 0)
            return bad(ctx, path, h->entries[i].name, "there are two of this name");
    return DIM_OK;
}

static dim_status check_metadata(dim_context *ctx, const char *path, const cJSON *item)
{
    bool good = cJSON_IsObject(item);
    for (const cJSON *c = good ? item->child : NULL; c != NULL; c = c->next)
        good = good && cJSON_IsString(c);
    return good ? DIM_OK : dim__fail(ctx, DIM_E_FORMAT, "__metadata__ is not an object of texts: %s", path);
}

dim_status dim__st_header_parse(dim_context *ctx, const char *path, const char *text, int64_t size, int64_t data_size,
                                dim__st_header *out)
{
    dim_status status;
    dim__st_header h = {0};
    const char *end = NULL;
    if (size < 2 || text[0] != '{' || memchr(text, '\0', (size_t)size) != NULL)
        return dim__fail(ctx, DIM_E_FORMAT, "the header is not a JSON object: %s", path);
    cJSON *json = cJSON_ParseWithLengthOpts(text, (size_t)size, &end, 0);
    if (!cJSON_IsObject(json)) {
        status = dim__fail(ctx, DIM_E_FORMAT, "the header is not a valid JSON object (near byte %td of %" PRId64
                           "): %s",
                           end == NULL ? 0 : end - text, size, path);
        goto failed;
    }
    for (; end < text + size; end++)
        if (*end != ' ') {
            status = dim__fail(ctx, DIM_E_FORMAT, "the header goes on after its JSON object, at byte %td: %s",
                               end - text, path);
            goto failed;
        }
    int64_t capacity = 0;
    for (const cJSON *item = json->child; item != NULL; item = item->next)
        capacity++;
    h.entries = dim__calloc(ctx, (size_t)capacity, sizeof *h.entries);
    if (h.entries == NULL) {
        status = DIM_E_NOMEM;
        goto failed;
    }
    bool metadata = false;
    for (const cJSON *item = json->child; item != NULL; item = item->next) {
        if (strcmp(item->string, "__metadata__") != 0) {
            DIM__TRY_OR(failed, parse_entry(ctx, path, item, &h.entries[h.count++]));
            continue;
        }
        DIM__TRY_OR(failed, metadata ? bad(ctx, path, item->string, "there are two of this name") : DIM_OK);
        DIM__TRY_OR(failed, check_metadata(ctx, path, item));
        metadata = true;
        h.metadata = item;
    }
    DIM__TRY_OR(failed, check_layout(ctx, path, &h, data_size));
    h.json = json;
    *out = h;
    return DIM_OK;
failed:
    dim__free(ctx, h.entries);
    cJSON_Delete(json);
    return status;
}

void dim__st_header_free(dim_context *ctx, dim__st_header *h)
{
    dim__free(ctx, h->entries);
    cJSON_Delete(h->json);
    memset(h, 0, sizeof *h);
}

const dim__st_entry *dim__st_header_find(const dim__st_header *h, const char *name)
{
    dim__st_entry key = {.name = name};
    return h->count == 0 ? NULL : bsearch(&key, h->entries, (size_t)h->count, sizeof key, by_name);
}

#else

typedef int dim__st_header_is_empty; /* a build without cJSON has no loader; ISO C wants a declaration */

#endif
