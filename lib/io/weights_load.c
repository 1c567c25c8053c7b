#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include "base/file.h"
#include "base/math.h"
#include "io/weights_header.h"
#include "tensor/tensor.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 65536 };
static const int64_t MAX_HEADER = 100000000; /* the format's own limit */

/* Of the checksum in the header, see weights_header.h. */
typedef enum sum_state { SUM_NONE, SUM_COPIED, SUM_OLD, SUM_OWN } sum_state;

struct dim__weights_file {
    dim_context *ctx;
    char *path;
    int fd;
    char *text;                /* of the header */
    dim__st_header header;
    int64_t data_offset, size; /* bytes from the file's start */
    struct timespec changed;
    sum_state state;
    uint64_t sum, header_sum;  /* what the file says; what its header adds up to */
    unsigned char *chunk;
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

static bool is_finite(const float *x) /* by its bits, whatever the compiler assumes */
{
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return (bits & 0x7f800000u) != 0x7f800000u;
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

/* ---- checksums ------------------------------------------------------------------------------------------------------- */

static bool get_digits(const char *text, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    *out = 0;
    for (int i = 0; i < DIM__ST_DIGITS; i++) {
        const char *found = text[i] == '\0' ? NULL : strchr(digits, text[i]);
        if (found == NULL)
            return false;
        *out = *out << 4 | (uint64_t)(found - digits);
    }
    return true;
}

/* What the header adds up to with zeros for some of its digits, which the text has again afterwards. */
static uint64_t sum_without(char *text, int64_t length, size_t at, bool both)
{
    char kept[2][DIM__ST_DIGITS];
    memcpy(kept[0], text + at, DIM__ST_DIGITS);
    memset(text + at, '0', DIM__ST_DIGITS);
    if (both) {
        memcpy(kept[1], text + DIM__ST_OWN_DIGITS_AT, DIM__ST_DIGITS);
        memset(text + DIM__ST_OWN_DIGITS_AT, '0', DIM__ST_DIGITS);
    }
    uint64_t h = dim__st_checksum_bytes(DIM__ST_CHECKSUM_START, (const unsigned char *)text, length);
    memcpy(text + at, kept[0], DIM__ST_DIGITS);
    if (both)
        memcpy(text + DIM__ST_OWN_DIGITS_AT, kept[1], DIM__ST_DIGITS);
    return h;
}

/* Before the header is parsed, which changes its text. */
static void find_sum(dim__weights_file *f, int64_t length)
{
    static const char begin[] = DIM__ST_CHECKED_BEGIN, own[] = DIM__ST_OWN_BEGIN;
    uint64_t header;
    f->state = SUM_NONE;
    if (length < DIM__ST_OWN_DIGITS_AT + DIM__ST_DIGITS || length % 4 != 0 || f->size % 4 != 0 ||
        memcmp(f->text, begin, sizeof begin - 1) != 0 || !get_digits(f->text + DIM__ST_DIGITS_AT, &f->sum))
        return;
    f->header_sum = sum_without(f->text, length, DIM__ST_DIGITS_AT, false);
    if (memcmp(f->text + DIM__ST_OWN_AT, own, sizeof own - 1) != 0)
        f->state = SUM_OLD;
    else if (get_digits(f->text + DIM__ST_OWN_DIGITS_AT, &header) &&
             header == sum_without(f->text, length, DIM__ST_DIGITS_AT, true))
        f->state = SUM_OWN;
    else {
        f->state = SUM_COPIED;
        dim__log(f->ctx, DIM_LOG_WARNING, "%s: its header was not written by libdim as it is, so its checksums say nothing", f->path);
    }
}

/* Adds a part of the data up. */
static dim_status sum_data(const dim__weights_file *f, int64_t begin, int64_t end, uint64_t *h)
{
    for (int64_t at = begin; at < end;) {
        int64_t n = dim__min64(end - at, CHUNK);
        DIM__TRY(read_at(f, f->data_offset + at, f->chunk, (size_t)n));
        *h = dim__st_checksum_bytes(*h, f->chunk, n);
        at += n;
    }
    return DIM_OK;
}

static dim_status check_sum(const dim__weights_file *f, uint64_t h)
{
    if (h == f->sum)
        return DIM_OK;
    return dim__fail(f->ctx, DIM_E_FORMAT, "damaged, or changed while it was read: its contents have checksum %016" PRIx64
                     ", not %016" PRIx64 ": %s", h, f->sum, f->path);
}

dim_status dim__weights_file_verify(dim__weights_file *f)
{
    uint64_t h = f->header_sum;
    if (f->state == SUM_NONE)
        return dim__fail(f->ctx, DIM_E_FORMAT, "it has no checksum of libdim's: another program wrote it, or it is damaged: %s",
                         f->path);
    if (f->state == SUM_COPIED)
        return dim__fail(f->ctx, DIM_E_FORMAT, "damaged, or rewritten by another program: the checksum of its header is not "
                         "right: %s", f->path);
    DIM__TRY(sum_data(f, 0, f->size - f->data_offset, &h));
    return check_sum(f, h);
}

/* ---- opening --------------------------------------------------------------------------------------------------------- */

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
    f->changed = st.st_mtim;
    if (f->size < 8)
        return dim__fail(f->ctx, DIM_E_FORMAT, "%" PRId64 " bytes are too few for a safetensors file: %s", f->size,
                         f->path);
    DIM__TRY(read_at(f, 0, raw, sizeof raw));
    uint64_t length = little_endian(raw, 8);
    if (length > (uint64_t)MAX_HEADER)
        return dim__fail(f->ctx, DIM_E_FORMAT, "not a safetensors file, or one with too large a header: it begins with a "
                         "header's length of %" PRIu64 " bytes, of which %" PRId64 " are allowed: %s", length, MAX_HEADER,
                         f->path);
    if (length > (uint64_t)(f->size - 8))
        return dim__fail(f->ctx, DIM_E_FORMAT, "not a safetensors file, or a truncated one: the header should "
                         "have %" PRIu64 " bytes, the file has %" PRId64 ": %s", length, f->size, f->path);
    f->chunk = dim__alloc(f->ctx, CHUNK);
    f->text = dim__alloc(f->ctx, (size_t)length);
    if (f->chunk == NULL || f->text == NULL)
        return DIM_E_NOMEM;
    f->data_offset = 8 + (int64_t)length;
    DIM__TRY(read_at(f, 8, f->text, (size_t)length));
    find_sum(f, (int64_t)length);
    return dim__st_header_parse(f->ctx, f->path, f->text, (int64_t)length, f->size - f->data_offset, &f->header);
}

dim_status dim__weights_file_open(dim_context *ctx, const char *path, dim__weights_file **out)
{
    dim_status status;
    dim__weights_file *f = dim__calloc(ctx, 1, sizeof *f);
    if (f == NULL)
        return DIM_E_NOMEM;
    f->ctx = ctx;
    f->path = dim__strdup(ctx, path);
    f->fd = f->path == NULL ? -1 : dim__open(path, O_RDONLY | O_NONBLOCK, 0); /* a pipe must not block */
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
    dim__free(f->ctx, f->text);
    dim__free(f->ctx, f->chunk);
    dim__free(f->ctx, f->path);
    dim__free(f->ctx, f);
}

int64_t dim__weights_file_most(const dim__weights_file *f) { return (f->size - f->data_offset) / 2; }

const char *dim__weights_file_meta(const dim__weights_file *f, const char *key)
{
    return dim__st_header_meta(&f->header, key);
}

bool dim__weights_file_meta_at(const dim__weights_file *f, int64_t index, dim__meta *out)
{
    if (index < 0 || index >= f->header.n_meta)
        return false;
    *out = f->header.meta[index];
    return true;
}

/* ---- finding --------------------------------------------------------------------------------------------------------- */

typedef struct request { /* of dim__weights_file_read() */
    dim__weights_file *file;
    const char *prefix;
    bool exact;
    const dim__array *arrays;
    int64_t count;
    char *name;           /* room for a prefix and a name */
} request;

typedef struct wanted {
    const dim__st_entry *e;
    const dim__array *a;
} wanted;

static const dim__st_entry *find_with(const request *r, const char *prefix, size_t length, const char *name)
{
    memcpy(r->name, prefix, length);
    memcpy(r->name + length, name, strlen(name) + 1);
    return dim__st_header_find(&r->file->header, r->name);
}

/* Room for the longest prefix that may be tried, which is in front of a name of the file's. */
static dim_status make_room(request *r)
{
    size_t prefix = strlen(r->prefix), name = 0;
    for (int64_t i = 0; i < r->file->header.count; i++)
        prefix = (size_t)dim__max64((int64_t)prefix, (int64_t)strlen(r->file->header.entries[i].name));
    for (int64_t i = 0; i < r->count; i++)
        name = (size_t)dim__max64((int64_t)name, (int64_t)strlen(r->arrays[i].name));
    r->name = dim__alloc(r->file->ctx, prefix + name + 1);
    return r->name != NULL ? DIM_OK : DIM_E_NOMEM;
}

/* What a wrapper of modules has put before all names, such as "module.": its length before a name of the file's, or 0. */
static size_t common_prefix(const request *r, const char *name, const char **where)
{
    const dim__st_header *h = &r->file->header;
    size_t n = strlen(name);
    int tries = 16; /* more are not a common prefix */
    for (int64_t i = 0; i < h->count && tries > 0; i++) {
        size_t length = strlen(h->entries[i].name);
        if (length <= n || strcmp(h->entries[i].name + length - n, name) != 0)
            continue;
        int64_t found = 0;
        while (found < r->count && find_with(r, h->entries[i].name, length - n, r->arrays[found].name) != NULL)
            found++;
        *where = h->entries[i].name;
        if (found == r->count)
            return length - n;
        tries--;
    }
    return 0;
}

static dim_status fail_missing(const request *r, const char *name)
{
    const char *where = NULL;
    size_t n = common_prefix(r, name, &where);
    if (n == 0)
        return dim__fail(r->file->ctx, DIM_E_FORMAT, "tensor '%s' is missing: %s", name, r->file->path);
    return dim__fail(r->file->ctx, DIM_E_FORMAT, "tensor '%s' is missing; the file has all %lld, but with '%.*s' before each "
                     "name: write it without this prefix: %s", name, (long long)r->count, (int)dim__min64((int64_t)n, 100), where,
                     r->file->path);
}

/* The tensor for an array, by its name or by prefix and name, with a dtype and shape that fit. */
static dim_status match(const request *r, const dim__array *a, const dim__st_entry **out)
{
    const dim__weights_file *f = r->file;
    char expected[128], found[128];
    int64_t shape[DIM__ST_MAX_RANK];
    const dim__st_entry *e = dim__st_header_find(&f->header, a->name);
    if (e == NULL)
        e = find_with(r, r->prefix, strlen(r->prefix), a->name);
    if (e == NULL)
        return fail_missing(r, a->name);
    if (e->type == DIM__ST_OTHER || (r->exact && e->type != DIM__ST_F32))
        return dim__fail(f->ctx, DIM_E_FORMAT, "tensor '%s' has dtype %.20s; %s can be read: %s", a->name, e->dtype,
                         r->exact ? "F32 alone" : "F32, F64, F16 and BF16", f->path);
    if (e->rank > DIM__ST_MAX_RANK)
        return dim__fail(f->ctx, DIM_E_SHAPE, "tensor '%s' has %d axes, expected %d: %s", a->name, e->rank, a->rank,
                         f->path);
    dim__st_header_shape(&f->header, e, shape);
    bool same = e->rank == a->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = shape[i] == a->shape[i];
    if (!same)
        return dim__fail(f->ctx, DIM_E_SHAPE, "tensor '%s' has shape %s, expected %s: %s", a->name,
                         dim__shape_text(found, e->rank, shape), dim__shape_text(expected, a->rank, a->shape),
                         f->path);
    *out = e;
    return DIM_OK;
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static dim_status fail_number(const dim__weights_file *f, const dim__st_entry *e, const dim__array *a, int64_t index,
                              const unsigned char *p, float x)
{
    char place[128];
    int64_t at[DIM__ST_MAX_RANK];
    for (int i = a->rank - 1; i >= 0; i--) {
        at[i] = index % a->shape[i];
        index /= a->shape[i];
    }
    dim__shape_text(place, a->rank, at);
    double wide = (double)x;
    if (e->type == DIM__ST_F64) {
        uint64_t bits = little_endian(p, 8);
        memcpy(&wide, &bits, sizeof wide);
    }
    return dim__fail(f->ctx, DIM_E_NUMERIC, "tensor '%s': element %s is %g%s: %s", a->name, place, wide,
                     wide == wide && wide - wide == 0 ? ", which is too large for a float" : "", f->path);
}

static dim_status read_floats(const dim__weights_file *f, bool exact, const wanted *w, uint64_t *h)
{
    const dim__st_entry *e = w->e;
    float *out = w->a->data;
    int size = element_bytes(e->type);
    for (int64_t at = e->begin; at < e->end;) {
        int64_t n = dim__min64(e->end - at, CHUNK);
        DIM__TRY(read_at(f, f->data_offset + at, f->chunk, (size_t)n));
        if (f->state == SUM_OWN)
            *h = dim__st_checksum_bytes(*h, f->chunk, n);
        for (int64_t i = 0; i < n; i += size, out++) {
            decode(e->type, f->chunk + i, out);
            if (!exact && !is_finite(out))
                return fail_number(f, e, w->a, out - w->a->data, f->chunk + i, *out);
        }
        at += n;
    }
    return DIM_OK;
}

static int by_offset(const void *a, const void *b)
{
    const dim__st_entry *x = ((const wanted *)a)->e, *y = ((const wanted *)b)->e;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* In the file's order, and all of it where there is a checksum: what is added up must be what is used. */
static dim_status read_all(const dim__weights_file *f, bool exact, wanted *list, int64_t count)
{
    bool checks = f->state == SUM_OWN;
    uint64_t h = f->header_sum, again = 0;
    int64_t at = 0;
    struct stat st;
    if (count > 0)
        qsort(list, (size_t)count, sizeof *list, by_offset);
    for (int64_t i = 0; i < count; i++) {
        const dim__st_entry *e = list[i].e;
        bool twice = e->begin < at; /* two arrays are of one tensor */
        if (checks && !twice)
            DIM__TRY(sum_data(f, at, e->begin, &h));
        DIM__TRY(read_floats(f, exact, &list[i], twice ? &again : &h));
        at = dim__max64(at, e->end);
    }
    if (checks) {
        DIM__TRY(sum_data(f, at, f->size - f->data_offset, &h));
        return check_sum(f, h);
    }
    if (fstat(f->fd, &st) != 0 || (int64_t)st.st_size != f->size || st.st_mtim.tv_sec != f->changed.tv_sec ||
        st.st_mtim.tv_nsec != f->changed.tv_nsec)
        return dim__fail(f->ctx, DIM_E_IO, "the file was changed while it was read: %s", f->path);
    return DIM_OK;
}

dim_status dim__weights_file_read(dim__weights_file *f, const char *prefix, bool exact, const dim__array *arrays,
                                  int64_t count)
{
    dim_status status;
    request r = { .file = f, .prefix = prefix, .exact = exact, .arrays = arrays, .count = count };
    wanted *list = dim__calloc(f->ctx, (size_t)count, sizeof *list);
    if (list == NULL)
        return DIM_E_NOMEM;
    DIM__TRY_OR(done, make_room(&r));
    for (int64_t i = 0; i < count; i++) {
        list[i].a = &arrays[i];
        DIM__TRY_OR(done, match(&r, &arrays[i], &list[i].e));
    }
    status = read_all(f, exact, list, count);
done:
    dim__free(f->ctx, r.name);
    dim__free(f->ctx, list);
    return status;
}

dim_status dim__weights_load(dim_context *ctx, const char *path, const char *prefix, const dim__array *arrays,
                             int64_t count)
{
    dim__weights_file *f;
    DIM__TRY(dim__weights_file_open(ctx, path, &f));
    dim_status status = dim__weights_file_read(f, prefix, false, arrays, count);
    dim__weights_file_close(f);
    return status;
}
