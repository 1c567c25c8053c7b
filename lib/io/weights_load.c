#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include "io/weights.h"

#if DIM_HAVE_CJSON

#include "base/math.h"
#include "io/weights_header.h"
#include "tensor/tensor.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 65536 };
static const int64_t MAX_HEADER = 100000000; /* the format's own limit */

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

static float decode(dim__st_type type, const unsigned char *p)
{
    uint64_t bits;
    double wide;
    switch (type) {
    case DIM__ST_F64:
        bits = little_endian(p, 8);
        memcpy(&wide, &bits, sizeof wide);
        return (float)wide;
    case DIM__ST_F16:
        return from_half((uint32_t)little_endian(p, 2));
    case DIM__ST_BF16:
        return from_bits((uint32_t)little_endian(p, 2) << 16);
    default:
        return from_bits((uint32_t)little_endian(p, 4));
    }
}

static dim_status read_at(dim_context *ctx, const char *path, int fd, int64_t offset, void *into, size_t size)
{
    char *p = into;
    while (size > 0) {
        ssize_t n = pread(fd, p, size < ((size_t)1 << 30) ? size : (size_t)1 << 30, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dim__fail(ctx, DIM_E_IO, "cannot read: %s: %s", strerror(errno), path);
        if (n == 0)
            return dim__fail(ctx, DIM_E_IO, "the file became shorter while it was read: %s", path);
        p += n;
        offset += n;
        size -= (size_t)n;
    }
    return DIM_OK;
}

static dim_status read_floats(dim_context *ctx, const char *path, int fd, int64_t offset, const dim__st_entry *e,
                              float *out)
{
    unsigned char chunk[CHUNK];
    int size = element_bytes(e->type);
    for (int64_t at = e->begin; at < e->end;) {
        int64_t n = dim__min64(e->end - at, CHUNK);
        DIM__TRY(read_at(ctx, path, fd, offset + at, chunk, (size_t)n));
        for (int64_t i = 0; i < n; i += size)
            *out++ = decode(e->type, chunk + i);
        at += n;
    }
    return DIM_OK;
}

/* The tensor for an array, by its name or by prefix and name, with a dtype and shape that fit. */
static dim_status match(dim_context *ctx, const char *path, const dim__st_header *h, const char *prefix,
                        const dim__array *a, const dim__st_entry **out)
{
    char expected[128], found[128];
    const dim__st_entry *e = dim__st_header_find(h, a->name);
    if (e == NULL && prefix[0] != '\0') {
        size_t p = strlen(prefix), n = strlen(a->name);
        char *full = dim__alloc(ctx, p + n + 1);
        if (full == NULL)
            return DIM_E_NOMEM;
        memcpy(full, prefix, p);
        memcpy(full + p, a->name, n + 1);
        e = dim__st_header_find(h, full);
        dim__free(ctx, full);
    }
    if (e == NULL)
        return dim__fail(ctx, DIM_E_FORMAT, "tensor '%s' is missing: %s", a->name, path);
    if (e->type == DIM__ST_OTHER)
        return dim__fail(ctx, DIM_E_FORMAT, "tensor '%s' has dtype %.20s; F32, F64, F16 and BF16 can be read: %s",
                         a->name, e->dtype, path);
    if (e->rank > 8)
        return dim__fail(ctx, DIM_E_SHAPE, "tensor '%s' has %d axes, expected %d: %s", a->name, e->rank, a->rank, path);
    bool same = e->rank == a->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = e->shape[i] == a->shape[i];
    if (!same)
        return dim__fail(ctx, DIM_E_SHAPE, "tensor '%s' has shape %s, expected %s: %s", a->name,
                         dim__shape_text(found, e->rank, e->shape), dim__shape_text(expected, a->rank, a->shape), path);
    *out = e;
    return DIM_OK;
}

/* Reads the length and the header; *data_offset is where the data begin. */
static dim_status read_header(dim_context *ctx, const char *path, int fd, dim__st_header *h, int64_t *data_offset)
{
    struct stat st;
    unsigned char raw[8];
    if (fstat(fd, &st) != 0)
        return dim__fail(ctx, DIM_E_IO, "cannot read: %s: %s", strerror(errno), path);
    if (!S_ISREG(st.st_mode))
        return dim__fail(ctx, DIM_E_IO, "cannot read: it is no regular file: %s", path);
    int64_t file_size = (int64_t)st.st_size;
    if (file_size < 8)
        return dim__fail(ctx, DIM_E_FORMAT, "%" PRId64 " bytes are too few for a safetensors file: %s", file_size,
                         path);
    DIM__TRY(read_at(ctx, path, fd, 0, raw, sizeof raw));
    uint64_t length = little_endian(raw, 8);
    if (length > (uint64_t)MAX_HEADER || length > (uint64_t)(file_size - 8))
        return dim__fail(ctx, DIM_E_FORMAT, "no safetensors file, or a truncated one: the header should have %" PRIu64
                         " bytes, the file has %" PRId64 ": %s", length, file_size, path);
    char *text = dim__alloc(ctx, (size_t)length + 1);
    if (text == NULL)
        return DIM_E_NOMEM;
    text[length] = '\0';
    *data_offset = 8 + (int64_t)length;
    dim_status status = read_at(ctx, path, fd, 8, text, (size_t)length);
    if (status == DIM_OK)
        status = dim__st_header_parse(ctx, path, text, (int64_t)length, file_size - *data_offset, h);
    dim__free(ctx, text);
    return status;
}

/* All values are read into memory of our own first, so that a read error, too, leaves the arrays alone. */
static dim_status load(dim_context *ctx, const char *path, const char *prefix, int fd, const dim__array *arrays,
                       int64_t count)
{
    dim_status status;
    dim__st_header h = {0};
    const dim__st_entry **found = NULL;
    float *staged = NULL;
    int64_t data_offset = 0, total = 0;
    DIM__TRY(read_header(ctx, path, fd, &h, &data_offset));
    found = dim__calloc(ctx, (size_t)count, sizeof *found);
    if (found == NULL) {
        status = DIM_E_NOMEM;
        goto done;
    }
    for (int64_t i = 0; i < count; i++) {
        DIM__TRY_OR(done, match(ctx, path, &h, prefix, &arrays[i], &found[i]));
        total += (found[i]->end - found[i]->begin) / element_bytes(found[i]->type);
    }
    staged = dim__calloc(ctx, (size_t)total, sizeof *staged);
    if (staged == NULL) {
        status = DIM_E_NOMEM;
        goto done;
    }
    float *at = staged;
    for (int64_t i = 0; i < count; i++) {
        DIM__TRY_OR(done, read_floats(ctx, path, fd, data_offset, found[i], at));
        at += (found[i]->end - found[i]->begin) / element_bytes(found[i]->type);
    }
    at = staged;
    for (int64_t i = 0; i < count; i++) {
        int64_t n = (found[i]->end - found[i]->begin) / element_bytes(found[i]->type);
        if (n > 0)
            memcpy(arrays[i].data, at, (size_t)n * sizeof *at);
        at += n;
    }
    status = DIM_OK;
done:
    dim__free(ctx, staged);
    dim__free(ctx, found);
    dim__st_header_free(ctx, &h);
    return status;
}

dim_status dim__weights_load(dim_context *ctx, const char *path, const char *prefix, const dim__array *arrays,
                             int64_t count)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not block; it is refused by its type */
    if (fd < 0)
        return dim__fail(ctx, DIM_E_IO, "cannot open: %s: %s", strerror(errno), path);
    dim_status status = load(ctx, path, prefix, fd, arrays, count);
    (void)close(fd);
    return status;
}

#else

dim_status dim__weights_load(dim_context *ctx, const char *path, const char *prefix, const dim__array *arrays,
                             int64_t count)
{
    (void)prefix, (void)arrays, (void)count;
    return dim__fail(ctx, DIM_E_UNSUPPORTED, "this build has no cJSON, which reading weights needs: %s", path);
}

#endif
