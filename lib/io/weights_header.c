/* The text is read twice, first to check and to count, then to keep: so nothing that is kept ever has to grow. */
#include "io/weights_header.h"

#include "base/math.h"
#include "io/json.h"
#include <inttypes.h>
#include <stdio.h>
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
    {"C64", 8, DIM__ST_OTHER}, {"BOOL", 1, DIM__ST_OTHER},
};

typedef struct reader {
    dim_context *ctx;
    const char *path;
    char *text;
    dim__json j;
    dim__st_header *h;
    bool keep;      /* the second time */
    bool metadata;  /* there was some */
    int64_t size;   /* bytes of an element; 0 = unknown */
} reader;

static dim_status bad(const reader *r, const char *name, const char *what)
{
    return dim__fail(r->ctx, DIM_E_FORMAT, "tensor '%.100s': %s: %s", name, what, r->path);
}

static dim_status bad_json(const reader *r)
{
    return dim__fail(r->ctx, DIM_E_FORMAT, "the header is not valid JSON: %s, at byte %zu of %zu: %s", r->j.wrong, r->j.at,
                     r->j.size, r->path);
}

/* The key or string given last as a text, in its place. */
static const char *take(reader *r)
{
    char *at = r->text + r->j.begin;
    dim__json_decode(&r->j, at);
    return at;
}

static dim_status skip(reader *r, dim__json_token first)
{
    return dim__json_skip(&r->j, first) ? DIM_OK : bad_json(r);
}

/* ---- an entry -------------------------------------------------------------------------------------------------------- */

/* What is read of an entry before its name may become a text: errors quote it by this. */
typedef struct entry {
    dim__st_entry e;
    dim__json name;
    int64_t elements;
    unsigned seen; /* 1 dtype, 2 shape, 4 data_offsets */
} entry;

/* After this the reading ends, so the name may be made a text of. */
static dim_status bad_entry(reader *r, const entry *at, const char *what)
{
    char *name = r->text + at->name.begin;
    dim__json_decode(&at->name, name);
    return bad(r, name, what);
}

static dim_status read_dtype(reader *r, entry *at, dim__json_token token)
{
    if (token != DIM__JSON_STRING)
        return bad_entry(r, at, "dtype is missing or is not a text");
    for (size_t i = 0; i < sizeof DTYPES / sizeof DTYPES[0]; i++)
        if (dim__json_is(&r->j, DTYPES[i].name)) {
            at->e.type = DTYPES[i].type;
            r->size = DTYPES[i].size;
        }
    if (r->keep)
        at->e.dtype = take(r);
    return DIM_OK;
}

static dim_status read_shape(reader *r, entry *at, dim__json_token token)
{
    bool empty = false;
    if (token != DIM__JSON_ARRAY)
        return bad_entry(r, at, "shape is missing or is not a list");
    at->e.shape = (uint32_t)r->j.begin;
    while ((token = dim__json_next(&r->j)) != DIM__JSON_CLOSE) {
        int64_t n;
        if (token == DIM__JSON_BAD)
            return bad_json(r);
        if (token != DIM__JSON_NUMBER || !dim__json_whole(&r->j, &n))
            return bad_entry(r, at, "shape has an entry that is not a size");
        empty = empty || n == 0;
        at->e.rank++;
        if (n != 0 && !dim__mul64(at->elements, n, &at->elements))
            return bad_entry(r, at, "shape is too large");
    }
    if (empty)
        at->elements = 0;
    return DIM_OK;
}

static dim_status read_offsets(reader *r, entry *at, dim__json_token token)
{
    int64_t offsets[2] = { 0, 0 };
    int n = 0;
    bool sizes = true;
    if (token != DIM__JSON_ARRAY)
        return bad_entry(r, at, "data_offsets is missing or is not two numbers");
    while ((token = dim__json_next(&r->j)) != DIM__JSON_CLOSE) {
        if (token == DIM__JSON_BAD)
            return bad_json(r);
        if (n == 2 || token == DIM__JSON_ARRAY || token == DIM__JSON_OBJECT)
            return bad_entry(r, at, "data_offsets is missing or is not two numbers");
        sizes = sizes && token == DIM__JSON_NUMBER && dim__json_whole(&r->j, &offsets[n]);
        n++;
    }
    if (n != 2)
        return bad_entry(r, at, "data_offsets is missing or is not two numbers");
    if (!sizes || offsets[0] > offsets[1])
        return bad_entry(r, at, "data_offsets are not begin <= end");
    at->e.begin = offsets[0];
    at->e.end = offsets[1];
    return DIM_OK;
}

static dim_status read_member(reader *r, entry *at)
{
    static const char *const names[] = { "dtype", "shape", "data_offsets" };
    static dim_status (*const read[])(reader *, entry *, dim__json_token) = { read_dtype, read_shape, read_offsets };
    int k = 0;
    while (k < 3 && !dim__json_is(&r->j, names[k]))
        k++;
    dim__json_token token = dim__json_next(&r->j);
    if (token == DIM__JSON_BAD)
        return bad_json(r);
    if (k == 3)
        return skip(r, token);
    if ((at->seen & 1u << k) != 0) {
        char what[48];
        snprintf(what, sizeof what, "its entry has two of '%s'", names[k]);
        return bad_entry(r, at, what);
    }
    at->seen |= 1u << k;
    return read[k](r, at, token);
}

/* Behind its name, which the reader has just given. */
static dim_status read_entry(reader *r)
{
    entry at = { .name = r->j, .elements = 1 };
    dim__json_token token = dim__json_next(&r->j);
    int64_t bytes;
    r->size = 0;
    if (token == DIM__JSON_BAD)
        return bad_json(r);
    if (token != DIM__JSON_OBJECT)
        return bad_entry(r, &at, "its entry is not an object");
    while ((token = dim__json_next(&r->j)) == DIM__JSON_KEY)
        DIM__TRY(read_member(r, &at));
    if (token == DIM__JSON_BAD)
        return bad_json(r);
    if (at.seen != 7)
        return bad_entry(r, &at, (at.seen & 1) == 0 ? "dtype is missing or is not a text" : (at.seen & 2) == 0
                         ? "shape is missing or is not a list" : "data_offsets is missing or is not two numbers");
    if (r->size > 0 && (!dim__mul64(at.elements, r->size, &bytes) || bytes != at.e.end - at.e.begin)) {
        char what[128];
        snprintf(what, sizeof what, "%" PRId64 " elements of %" PRId64 " bytes do not fill data_offsets [%" PRId64 ", %" PRId64
                 "]", at.elements, r->size, at.e.begin, at.e.end);
        return bad_entry(r, &at, what);
    }
    if (r->keep) {
        at.e.name = r->text + at.name.begin;
        dim__json_decode(&at.name, r->text + at.name.begin);
        r->h->entries[r->h->count] = at.e;
    }
    r->h->count++;
    return DIM_OK; /* a dtype newer than this table has an unknown size; its place is checked all the same */
}

/* ---- the header ------------------------------------------------------------------------------------------------------ */

static dim_status read_metadata(reader *r)
{
    dim__json_token token = dim__json_next(&r->j);
    bool good = token == DIM__JSON_OBJECT;
    while (good && (token = dim__json_next(&r->j)) == DIM__JSON_KEY) {
        dim__meta m = { .key = r->keep ? take(r) : NULL };
        token = dim__json_next(&r->j);
        good = token == DIM__JSON_STRING;
        m.value = r->keep ? take(r) : NULL;
        if (r->keep)
            r->h->meta[r->h->n_meta] = m;
        r->h->n_meta += good;
    }
    if (token == DIM__JSON_BAD)
        return bad_json(r);
    return good ? DIM_OK : dim__fail(r->ctx, DIM_E_FORMAT, "__metadata__ is not an object of texts: %s", r->path);
}

static dim_status read_all(reader *r, size_t size)
{
    dim__json_token token;
    r->h->count = r->h->n_meta = 0;
    r->metadata = false;
    dim__json_begin(&r->j, r->text, size);
    if (dim__json_next(&r->j) != DIM__JSON_OBJECT || r->j.begin != 0)
        return dim__fail(r->ctx, DIM_E_FORMAT, "the header is not a JSON object, which begins with {: %s", r->path);
    while ((token = dim__json_next(&r->j)) == DIM__JSON_KEY) {
        if (!dim__json_is(&r->j, "__metadata__")) {
            DIM__TRY(read_entry(r));
            continue;
        }
        if (r->metadata)
            return bad(r, "__metadata__", "there are two of this name");
        r->metadata = true;
        DIM__TRY(read_metadata(r));
    }
    if (token == DIM__JSON_BAD)
        return bad_json(r);
    for (size_t end = r->j.at; end < size; end++)
        if (r->text[end] != ' ')
            return dim__fail(r->ctx, DIM_E_FORMAT, "the header goes on after its JSON object, at byte %zu: %s", end, r->path);
    return DIM_OK;
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

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const dim__meta *const *)a)->key, (*(const dim__meta *const *)b)->key);
}

/* Tensors in the order of their offsets must follow each other exactly, as the format's authors demand. */
static dim_status check_layout(const reader *r, int64_t data_size)
{
    dim__st_header *h = r->h;
    int64_t at = 0;
    if (h->count > 0)
        qsort(h->entries, (size_t)h->count, sizeof *h->entries, by_offset);
    for (int64_t i = 0; i < h->count; i++) {
        const dim__st_entry *e = &h->entries[i];
        if (e->begin != at)
            return dim__fail(r->ctx, DIM_E_FORMAT, "tensor '%.100s' begins at byte %" PRId64 " of the data, %s %" PRId64
                             ": %s", e->name, e->begin, e->begin < at ? "but the one before ends at" :
                             "which leaves a hole after", at, r->path);
        at = e->end;
    }
    if (at != data_size)
        return dim__fail(r->ctx, DIM_E_FORMAT, "the tensors take %" PRId64 " bytes, but %" PRId64 " follow the header: %s",
                         at, data_size, r->path);
    return DIM_OK;
}

static dim_status check_names(const reader *r)
{
    dim__st_header *h = r->h;
    if (h->count > 0)
        qsort(h->entries, (size_t)h->count, sizeof *h->entries, by_name);
    for (int64_t i = 1; i < h->count; i++)
        if (by_name(&h->entries[i - 1], &h->entries[i]) == 0)
            return bad(r, h->entries[i].name, "there are two of this name");
    for (int64_t i = 0; i < h->n_meta; i++)
        h->keys[i] = &h->meta[i];
    if (h->n_meta > 0)
        qsort(h->keys, (size_t)h->n_meta, sizeof *h->keys, by_key);
    for (int64_t i = 1; i < h->n_meta; i++)
        if (by_key(&h->keys[i - 1], &h->keys[i]) == 0)
            return dim__fail(r->ctx, DIM_E_FORMAT, "__metadata__ has '%.100s' twice: %s", h->keys[i]->key, r->path);
    return DIM_OK;
}

dim_status dim__st_header_parse(dim_context *ctx, const char *path, char *text, int64_t size, int64_t data_size,
                                dim__st_header *out)
{
    dim_status status;
    dim__st_header h = { .text = text, .size = size };
    reader r = { .ctx = ctx, .path = path, .text = text, .h = &h };
    DIM__TRY(read_all(&r, (size_t)size));
    h.entries = dim__calloc(ctx, (size_t)h.count, sizeof *h.entries);
    h.meta = dim__calloc(ctx, (size_t)h.n_meta, sizeof *h.meta);
    h.keys = dim__calloc(ctx, (size_t)h.n_meta, sizeof *h.keys);
    if (h.entries == NULL || h.meta == NULL || h.keys == NULL) {
        status = DIM_E_NOMEM;
        goto failed;
    }
    r.keep = true;
    DIM__TRY_OR(failed, read_all(&r, (size_t)size));
    DIM__TRY_OR(failed, check_layout(&r, data_size));
    DIM__TRY_OR(failed, check_names(&r));
    *out = h;
    return DIM_OK;
failed:
    dim__st_header_free(ctx, &h);
    return status;
}

void dim__st_header_free(dim_context *ctx, dim__st_header *h)
{
    dim__free(ctx, h->entries);
    dim__free(ctx, h->meta);
    dim__free(ctx, h->keys);
    memset(h, 0, sizeof *h);
}

const dim__st_entry *dim__st_header_find(const dim__st_header *h, const char *name)
{
    dim__st_entry wanted = {.name = name};
    return h->count == 0 ? NULL : bsearch(&wanted, h->entries, (size_t)h->count, sizeof wanted, by_name);
}

const char *dim__st_header_meta(const dim__st_header *h, const char *key)
{
    const dim__meta wanted = {.key = key}, *at = &wanted, **found = NULL;
    if (h->n_meta > 0)
        found = bsearch(&at, h->keys, (size_t)h->n_meta, sizeof at, by_key);
    return found == NULL ? NULL : (*found)->value;
}

void dim__st_header_shape(const dim__st_header *h, const dim__st_entry *e, int64_t shape[DIM__ST_MAX_RANK])
{
    dim__json j;
    dim__json_begin(&j, h->text + e->shape, (size_t)h->size - e->shape);
    (void)dim__json_next(&j);
    for (int i = 0; i < e->rank && i < DIM__ST_MAX_RANK; i++) {
        (void)dim__json_next(&j);
        (void)dim__json_whole(&j, &shape[i]);
    }
}
