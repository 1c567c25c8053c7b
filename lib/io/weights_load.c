#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include "io/weights.h"

#if DIM_HAVE_CJSON

#include "base/math.h"
#include "io/weights_header.h"
#include "tensor/tensor.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 65536 };
static const int64_t MAX_HEADER = 100000000; /* the format's own limit */

struct dim__weights_file {
    dim_context *ctx;
    char *path;
    int fd;
    dim__st_header header;
    int64_t data_offset, size; /* bytes from the file's start */
};

static uint64_t little_endian(const unsigned char *p, int bytes)
{
    uint64_t v = 0;
    for (int k = 0; k < bytes; k++)
        v |= (uint64_t)p[k] << (8 * k);
    return v;
}

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static float from_half(uint32_t h)
{
    uint32_t sign = (h & 0x8000u) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
    if (exponent == 0) { /* zero and subnormals: fraction times 2^-24, exact in a float */
        float v = (float)fraction * 0x1p-24f;
        return sign != 0 ? -v : v;
    }
    if (exponent == 31)
        return from_bits(sign | 0x7f800000u | fraction << 13);
    return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

static int element_bytes(dim__st_type type)
{
    return type == DIM__ST_F64 ? 8 : type == DIM__ST_F32 ? 4 : 2;
}

static void decode(dim__st_type type, const unsigned char *p, float *out)
{
    uint32_t bits;
    uint64_t wide_bits;
    double wide;
    switch (type) {
    case DIM__ST_F64:
        wide_bits = little_endian(p, 8);
        memcpy(&wide, &wide_bits, sizeof wide);
        *out = (float)wide;
        break;
    case DIM__ST_F16:
        *out = from_half((uint32_t)little_endian(p, 2));
        break;
    case DIM__ST_BF16:
        *out = from_bits((uint32_t)little_endian(p, 2) << 16);
        break;
    default: /* never as a float, so that a NaN stays the one it was */
        bits = (uint32_t)little_endian(p, 4);
        memcpy(out, &bits, sizeof bits);
        break;
    }
}

static dim_status read_at(const dim__weights_file *f, int64_t offset, void *into, size_t size)
{
    char *p = into;
    while (size > 0) {
        ssize_t n = pread(f->fd, p, size < ((size_t)1 << 30) ? size : (size_t)1 << 30, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dim__fail(f->ctx, DIM_E_IO, "cannot read: %s: %s", strerror(errno), f->path);
        if (n == 0)
            return dim__fail(f->ctx, DIM_E_IO, "the file became shorter while it was read: %s", f->path);
        p += n;
        offset += n;
        size -= (size_t)n;
    }
    return DIM_OK;
}

static dim_status read_floats(const dim__weights_file *f, const dim__st_entry *e, float *out)
{
    unsigned char chunk[CHUNK];
    int size = element_bytes(e->type);
    for (int64_t at = e->begin; at < e->end;) {
        int64_t n = dim__min64(e->end - at, CHUNK);
        DIM__TRY(read_at(f, f->data_offset + at, chunk, (size_t)n));
        for (int64_t i = 0; i < n; i += size)
            decode(e->type, chunk + i, out++);
        at += n;
    }
    return DIM_OK;
}

/* The tensor for an array, by its name or by prefix and name. */
static dim_status find(const dim__weights_file *f, const char *prefix, const dim__array *a, const dim__st_entry **out)
{
    const dim__st_entry *e = dim__st_header_find(&f->header, a->name);
    if (e == NULL && prefix[0] != '\0') {
        size_t p = strlen(prefix), n = strlen(a->name);
        char *full = dim__alloc(f->ctx, p + n + 1);
        if (full == NULL)
            return DIM_E_NOMEM;
        memcpy(full, prefix, p);
        memcpy(full + p, a->name, n + 1);
        e = dim__st_header_find(&f->header, full);
        dim__free(f->ctx, full);
    }
    if (e == NULL)
        return dim__fail(f->ctx, DIM_E_FORMAT, "tensor '%s' is missing: %s", a->name, f->path);
    *out = e;
    return DIM_OK;
}

/* ... with a dtype and shape that fit. */
static dim_status match(const dim__weights_file *f, const char *prefix, bool exact, const dim__array *a,
                        const dim__st_entry **out)
{
    char expected[128], found[128];
    const dim__st_entry *e = NULL;
    DIM__TRY(find(f, prefix, a, &e));
    if (e->type == DIM__ST_OTHER || (exact && e->type != DIM__ST_F32))
        return dim__fail(f->ctx, DIM_E_FORMAT, "tensor '%s' has dtype %.20s; %s can be read: %s", a->name, e->dtype,
                         exact ? "F32 alone" : "F32, F64, F16 and BF16", f->path);
    if (e->rank > 8)
        return dim__fail(f->ctx, DIM_E_SHAPE, "tensor '%s' has %d axes, expected %d: %s", a->name, e->rank, a->rank,
                         f->path);
    bool same = e->rank == a->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = e->shape[i] == a->shape[i];
    if (!same)
        return dim__fail(f->ctx, DIM_E_SHAPE, "tensor '%s' has shape %s, expected %s: %s", a->name,
                         dim__shape_text(found, e->rank, e->shape), dim__shape_text(expected, a->rank, a->shape),
                         f->path);
    *out = e;
    return DIM_OK;
}

/* Reads the length and the header. */
static dim_status read_header(dim__weights_file *f)
{
    struct stat st;
    unsigned char raw[8];
    if (fstat(f->fd, &st) != 0)
        return dim__fail(f->ctx, DIM_E_IO, "cannot read: %s: %s", strerror(errno), f->path);
    if (!S_ISREG(st.st_mode))
        return dim__fail(f->ctx, DIM_E_IO, "cannot read: it is not a regular file: %s", f->path);
    f->size = (int64_t)st.st_size;
    if (f->size < 8)
        return dim__fail(f->ctx, DIM_E_FORMAT, "%" PRId64 " bytes are too few for a safetensors file: %s", f->size,
                         f->path);
    DIM__TRY(read_at(f, 0, raw, sizeof raw));
    uint64_t length = little_endian(raw, 8);
    if (length > (uint64_t)MAX_HEADER || length > (uint64_t)(f->size - 8))
        return dim__fail(f->ctx, DIM_E_FORMAT, "not a safetensors file, or a truncated one: the header should "
                         "have %" PRIu64 " bytes, the file has %" PRId64 ": %s", length, f->size, f->path);
    char *text = dim__alloc(f->ctx, (size_t)length + 1);
    if (text == NULL)
        return DIM_E_NOMEM;
    text[length] = '\0';
    f->data_offset = 8 + (int64_t)length;
    dim_status status = read_at(f, 8, text, (size_t)length);
    if (status == DIM_OK)
        status = dim__st_header_parse(f->ctx, f->path, text, (int64_t)length, f->size - f->data_offset, &f->header);
    dim__free(f->ctx, text);
    return status;
}

dim_status dim__weights_file_open(dim_context *ctx, const char *path, dim__weights_file **out)
{
    dim_status status;
    dim__weights_file *f = dim__calloc(ctx, 1, sizeof *f);
    if (f == NULL)
        return DIM_E_NOMEM;
    f->ctx = ctx;
    f->path = dim__strdup(ctx, path);
    f->fd = f->path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not block */
    if (f->path == NULL)
        status = DIM_E_NOMEM;
    else if (f->fd < 0)
        status = dim__fail(ctx, DIM_E_IO, "cannot open: %s: %s", strerror(errno), path);
    else
        status = read_header(f);
    if (status == DIM_OK)
        *out = f;
    else
        dim__weights_file_close(f);
    return status;
}

void dim__weights_file_close(dim__weights_file *f)
{
    if (f == NULL)
        return;
    if (f->fd >= 0)
        (void)close(f->fd);
    dim__st_header_free(f->ctx, &f->header);
    dim__free(f->ctx, f->path);
    dim__free(f->ctx, f);
}

dim_status dim__weights_file_verify(dim__weights_file *f)
{
    static const char begin[] = DIM__ST_CHECKED_BEGIN;
    enum { DIGITS_END = sizeof begin - 1 + DIM__ST_CHECKSUM_DIGITS };
    unsigned char chunk[CHUNK];
    char stored[DIM__ST_CHECKSUM_DIGITS + 1] = "", own[DIM__ST_CHECKSUM_DIGITS + 1];
    uint64_t h = DIM__ST_CHECKSUM_START;
    for (int64_t at = 8; at < f->size;) {
        int64_t n = dim__min64(f->size - at, CHUNK);
        DIM__TRY(read_at(f, at, chunk, (size_t)n));
        if (at == 8) {
            if (n < DIGITS_END || f->size % 4 != 0 || memcmp(chunk, begin, sizeof begin - 1) != 0)
                return dim__fail(f->ctx, DIM_E_FORMAT, "it was not written as a checkpoint: %s", f->path);
            memcpy(stored, chunk + sizeof begin - 1, DIM__ST_CHECKSUM_DIGITS);
            memset(chunk + sizeof begin - 1, '0', DIM__ST_CHECKSUM_DIGITS);
        }
        h = dim__st_checksum_bytes(h, chunk, n);
        at += n;
    }
    snprintf(own, sizeof own, "%016" PRIx64, h);
    if (strcmp(stored, own) != 0)
        return dim__fail(f->ctx, DIM_E_FORMAT, "damaged: its contents have checksum %s, not %.16s: %s", own, stored,
                         f->path);
    return DIM_OK;
}

int64_t dim__weights_file_most(const dim__weights_file *f) { return (f->size - f->data_offset) / 2; }

const char *dim__weights_file_meta(const dim__weights_file *f, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(f->header.metadata, key);
    return item == NULL ? NULL : item->valuestring;
}

bool dim__weights_file_meta_at(const dim__weights_file *f, int64_t index, dim__meta *out)
{
    const cJSON *metadata = f->header.metadata, *item = metadata == NULL ? NULL : metadata->child;
    while (item != NULL && index-- > 0)
        item = item->next;
    if (item == NULL)
        return false;
    *out = (dim__meta){item->string, item->valuestring};
    return true;
}

dim_status dim__weights_file_read(dim__weights_file *f, const char *prefix, bool exact, const dim__array *arrays,
                                  int64_t count)
{
    dim_status status = DIM_OK;
    const dim__st_entry **found = dim__calloc(f->ctx, (size_t)count, sizeof *found);
    if (found == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < count && status == DIM_OK; i++)
        status = match(f, prefix, exact, &arrays[i], &found[i]);
    for (int64_t i = 0; i < count && status == DIM_OK; i++)
        status = read_floats(f, found[i], arrays[i].data);
    dim__free(f->ctx, found);
    return status;
}

static int64_t element_count(const dim__array *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->rank; i++)
        n *= a->shape[i];
    return n;
}

/* All values are read into memory of our own first, so that a read error, too, leaves the arrays alone. */
static dim_status load(dim__weights_file *f, const char *prefix, const dim__array *arrays, int64_t count)
{
    dim_status status;
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++)
        total += element_count(&arrays[i]);
    dim__array *staged = dim__calloc(f->ctx, (size_t)count, sizeof *staged);
    float *data = dim__calloc(f->ctx, (size_t)total, sizeof *data);
    if (staged == NULL || data == NULL) {
        status = DIM_E_NOMEM;
        goto done;
    }
    float *at = data;
    for (int64_t i = 0; i < count; i++) {
        staged[i] = arrays[i];
        staged[i].data = at;
        at += element_count(&arrays[i]);
    }
    DIM__TRY_OR(done, dim__weights_file_read(f, prefix, false, staged, count));
    for (int64_t i = 0; i < count; i++) {
        size_t n = (size_t)element_count(&arrays[i]);
        if (n > 0)
            memcpy(arrays[i].data, staged[i].data, n * sizeof *data);
    }
done:
    dim__free(f->ctx, data);
    dim__free(f->ctx, staged);
    return status;
}

dim_status dim__weights_load(dim_context *ctx, const char *path, const char *prefix, const dim__array *arrays,
                             int64_t count)
{
    dim__weights_file *f;
    DIM__TRY(dim__weights_file_open(ctx, path, &f));
    dim_status status = load(f, prefix, arrays, count);
    dim__weights_file_close(f);
    return status;
}

#else

dim_status dim__weights_file_open(dim_context *ctx, const char *path, dim__weights_file **out)
{
    (void)out;
    return dim__fail(ctx, DIM_E_UNSUPPORTED, "this build has no cJSON, which reading weights needs: %s", path);
}

void dim__weights_file_close(dim__weights_file *f) { (void)f; }

/* Without an open file there is nothing more to do. */
dim_status dim__weights_file_verify(dim__weights_file *f) { return (void)f, DIM_E_UNSUPPORTED; }
int64_t dim__weights_file_most(const dim__weights_file *f) { return (void)f, 0; }
const char *dim__weights_file_meta(const dim__weights_file *f, const char *key) { return (void)f, (void)key, NULL; }

bool dim__weights_file_meta_at(const dim__weights_file *f, int64_t index, dim__meta *out)
{
    return (void)f, (void)index, (void)out, false;
}

dim_status dim__weights_file_read(dim__weights_file *f, const char *prefix, bool exact, const dim__array *arrays,
                                  int64_t count)
{
    return (void)f, (void)prefix, (void)exact, (void)arrays, (void)count, DIM_E_UNSUPPORTED;
}

dim_status dim__weights_load(dim_context *ctx, const char *path, const char *prefix, const dim__array *arrays,
                             int64_t count)
{
    dim__weights_file *f;
    (void)prefix, (void)arrays, (void)count;
    return dim__weights_file_open(ctx, path, &f);
}

#endif
