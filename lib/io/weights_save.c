/* safetensors: 8 bytes little-endian length of the header, the header (a JSON object, padded with spaces), the data. */
#include "io/weights.h"

#include "io/weights_header.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { CHUNK = 65536 };

typedef struct text { /* grows; status keeps the first failure */
    dim_context *ctx;
    char *data;
    int64_t size, capacity;
    dim_status status;
} text;

static void put_bytes(text *t, const char *bytes, size_t n)
{
    if (t->status == DIM_OK)
        t->status = dim__grow(t->ctx, &t->data, &t->capacity, t->size + (int64_t)n, 1);
    if (t->status != DIM_OK)
        return;
    memcpy(t->data + t->size, bytes, n);
    t->size += (int64_t)n;
}

static void put(text *t, const char *format, ...)
{
    char buffer[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    put_bytes(t, buffer, (size_t)n);
}

static void put_string(text *t, const char *s)
{
    put(t, "\"");
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 0x20)
            put(t, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            put(t, "\\%c", c);
        else
            put_bytes(t, s, 1);
    }
    put(t, "\"");
}

static int64_t element_count(const dim__array *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->rank; i++)
        n *= a->shape[i];
    return n;
}

typedef struct contents { /* of a file */
    const dim__array *arrays;
    int64_t count;
    const dim__meta *meta;
    int64_t n_meta;
} contents;

/* The digits of the checksums are 0 at first. */
static void put_metadata(text *t, const contents *c)
{
    put(t, "%s%0*d%s%0*d\"", DIM__ST_CHECKED_BEGIN, DIM__ST_DIGITS, 0, DIM__ST_OWN_BEGIN, DIM__ST_DIGITS, 0);
    for (int64_t i = 0; i < c->n_meta; i++) {
        put(t, ",");
        put_string(t, c->meta[i].key);
        put(t, ":");
        put_string(t, c->meta[i].value);
    }
    put(t, "}");
}

static void put_header(text *t, const contents *c)
{
    int64_t offset = 0;
    put_metadata(t, c);
    for (int64_t i = 0; i < c->count; i++) {
        const dim__array *a = &c->arrays[i];
        put(t, ",");
        put_string(t, a->name);
        put(t, ":{\"dtype\":\"F32\",\"shape\":[");
        for (int k = 0; k < a->rank; k++)
            put(t, "%s%" PRId64, k == 0 ? "" : ",", a->shape[k]);
        int64_t end = offset + element_count(a) * 4;
        put(t, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", offset, end);
        offset = end;
    }
    put(t, "}");
    while (t->status == DIM_OK && t->size % 8 != 0)
        put(t, " ");
}

static uint64_t sum_header(const text *t)
{
    return dim__st_checksum_bytes(DIM__ST_CHECKSUM_START, (const unsigned char *)t->data, t->size);
}

static void put_digits(text *t, int at, uint64_t sum)
{
    char digits[DIM__ST_DIGITS + 1];
    snprintf(digits, sizeof digits, "%0*" PRIx64, DIM__ST_DIGITS, sum);
    memcpy(t->data + at, digits, DIM__ST_DIGITS);
}

static void put_checksums(text *t, const contents *c)
{
    put_digits(t, DIM__ST_OWN_DIGITS_AT, sum_header(t));
    uint64_t h = sum_header(t);
    for (int64_t i = 0; i < c->count; i++) {
        int64_t n = element_count(&c->arrays[i]);
        for (int64_t k = 0; k < n; k++) {
            uint32_t word;
            memcpy(&word, &c->arrays[i].data[k], 4);
            h = dim__st_checksum_word(h, word);
        }
    }
    put_digits(t, DIM__ST_DIGITS_AT, h);
}

/* Byte by byte, so that the file is little-endian on every machine; compilers make a copy of it where it is one. */
static dim_status write_floats(dim__outfile *f, unsigned char *bytes, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n;) {
        size_t used = 0;
        for (; i < n && used < CHUNK; i++, used += 4) {
            uint32_t u;
            memcpy(&u, &x[i], 4);
            for (int k = 0; k < 4; k++)
                bytes[used + (size_t)k] = (unsigned char)(u >> (8 * k));
        }
        DIM__TRY(dim__outfile_write(f, bytes, used));
    }
    return DIM_OK;
}

static dim_status save(dim_context *ctx, const char *path, const contents *c)
{
    dim_status status;
    dim__outfile *file = NULL;
    unsigned char length[8], *bytes = dim__alloc(ctx, CHUNK);
    text header = {.ctx = ctx, .status = bytes != NULL ? DIM_OK : DIM_E_NOMEM};
    put_header(&header, c);
    DIM__TRY_OR(done, header.status);
    put_checksums(&header, c);
    for (int k = 0; k < 8; k++)
        length[k] = (unsigned char)((uint64_t)header.size >> (8 * k));
    DIM__TRY_OR(done, dim__outfile_open(ctx, path, &file));
    DIM__TRY_OR(done, dim__outfile_write(file, length, sizeof length));
    DIM__TRY_OR(done, dim__outfile_write(file, header.data, (size_t)header.size));
    for (int64_t i = 0; i < c->count; i++)
        DIM__TRY_OR(done, write_floats(file, bytes, c->arrays[i].data, element_count(&c->arrays[i])));
    status = dim__outfile_commit(file);
    file = NULL;
done:
    dim__outfile_abort(file);
    dim__free(ctx, header.data);
    dim__free(ctx, bytes);
    return status;
}

dim_status dim__weights_save(dim_context *ctx, const char *path, const dim__array *arrays, int64_t count,
                             const dim__meta *meta, int64_t n_meta)
{
    return save(ctx, path, &(contents){.arrays = arrays, .count = count, .meta = meta, .n_meta = n_meta});
}
