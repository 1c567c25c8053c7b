/* Reading NumPy's .npy files.  What has no element type here becomes the next wider one. */
#include "data/npy.h"

#include "base/math.h"

enum { MAX_HEADER = 1 << 20 };

/* Elements in a file: what NumPy calls them after the byte order, their bytes, and what they become. */
typedef enum element_kind { HALF, FLOAT, DOUBLE, SIGNED, UNSIGNED, BOOL } element_kind;
typedef struct element_type {
    const char *name;
    size_t size;
    element_kind kind;
    dim_dtype dtype;
} element_type;

static const element_type types[] = {
    { "f2", 2, HALF, DIM_F32 },     { "f4", 4, FLOAT, DIM_F32 },    { "f8", 8, DOUBLE, DIM_F64 },
    { "i1", 1, SIGNED, DIM_I32 },   { "i2", 2, SIGNED, DIM_I32 },   { "i4", 4, SIGNED, DIM_I32 },
    { "i8", 8, SIGNED, DIM_I64 },   { "u1", 1, UNSIGNED, DIM_U8 },  { "u2", 2, UNSIGNED, DIM_I32 },
    { "u4", 4, UNSIGNED, DIM_I64 }, { "u8", 8, UNSIGNED, DIM_I64 }, { "b1", 1, BOOL, DIM_U8 },
};

typedef struct npy_header {
    const element_type *type;
    bool big_endian;
    bool fortran;
    int rank;
    int64_t shape[DIM_MAX_RANK];
} npy_header;

/* The header is a Python dict with the keys descr, fortran_order and shape, each once, in any order. */
typedef struct parser {
    dim_context *ctx;
    const char *path;
    const char *at; /* in a text that ends with '\0' */
} parser;

static dim_status bad_header(const parser *p, const char *what)
{
    return dim__fail(p->ctx, DIM_E_FORMAT, "%s: NPY header: %s at \"%.20s\"", p->path, what, p->at);
}

static void skip_space(parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')
        p->at++;
}

static bool accept(parser *p, const char *token)
{
    size_t n = strlen(token);
    skip_space(p);
    if (strncmp(p->at, token, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool parse_string(parser *p, char *text, size_t size)
{
    size_t n = 0;
    skip_space(p);
    char quote = *p->at;
    if (quote != '\'' && quote != '"')
        return false;
    for (p->at++; *p->at != quote; p->at++) {
        if (*p->at == '\0' || *p->at == '\\' || n + 1 >= size)
            return false;
        text[n++] = *p->at;
    }
    text[n] = '\0';
    p->at++;
    return true;
}

static dim_status parse_descr(parser *p, npy_header *h)
{
    char text[32];
    skip_space(p);
    if (*p->at == '[')
        return dim__fail(p->ctx, DIM_E_UNSUPPORTED, "%s: NPY with fields (%.40s)", p->path, p->at);
    if (!parse_string(p, text, sizeof text))
        return bad_header(p, "descr is not a type");
    bool big = text[0] == '>', order = big || text[0] == '<' || text[0] == '|';
    for (size_t i = 0; order && i < sizeof types / sizeof *types; i++)
        if (strcmp(text + 1, types[i].name) == 0 && (text[0] != '|' || types[i].size == 1)) {
            h->type = &types[i];
            h->big_endian = big;
            return DIM_OK;
        }
    return dim__fail(p->ctx, DIM_E_UNSUPPORTED, "%s: NPY of type '%s'; known are f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 "
                     "after < or >, and |b1", p->path, text);
}

static dim_status parse_shape(parser *p, npy_header *h)
{
    if (!accept(p, "("))
        return bad_header(p, "shape is not a tuple");
    for (h->rank = 0; !accept(p, ")"); h->rank++) {
        int64_t size = 0;
        skip_space(p);
        if (*p->at < '0' || *p->at > '9')
            return bad_header(p, "a size in shape is not a number >= 0");
        for (; *p->at >= '0' && *p->at <= '9'; p->at++) {
            if (size > (INT64_MAX - 9) / 10)
                return bad_header(p, "a size in shape is too large");
            size = size * 10 + (*p->at - '0');
        }
        if (*p->at == 'L') /* Python 2 */
            p->at++;
        if (h->rank == DIM_MAX_RANK)
            return dim__fail(p->ctx, DIM_E_UNSUPPORTED, "%s: NPY with more than %d axes", p->path, DIM_MAX_RANK);
        h->shape[h->rank] = size;
        if (!accept(p, ",")) {
            skip_space(p);
            if (*p->at != ')')
                return bad_header(p, "shape is not a tuple");
            if (h->rank == 0) /* (3) is a number in Python */
                return bad_header(p, "shape is not a tuple");
        }
    }
    return DIM_OK;
}

static dim_status parse_header(parser *p, npy_header *h)
{
    unsigned seen = 0;
    char key[16];
    if (!accept(p, "{"))
        return bad_header(p, "a dict is missing");
    while (!accept(p, "}")) {
        unsigned bit;
        if (!parse_string(p, key, sizeof key) || !accept(p, ":"))
            return bad_header(p, "a key is missing");
        if (strcmp(key, "descr") == 0) {
            bit = 1;
            DIM__TRY(parse_descr(p, h));
        } else if (strcmp(key, "fortran_order") == 0) {
            bit = 2;
            h->fortran = accept(p, "True");
            if (!h->fortran && !accept(p, "False"))
                return bad_header(p, "fortran_order is neither True nor False");
        } else if (strcmp(key, "shape") == 0) {
            bit = 4;
            DIM__TRY(parse_shape(p, h));
        } else {
            return bad_header(p, "unknown key before this");
        }
        if ((seen & bit) != 0)
            return bad_header(p, "key given twice before this");
        seen |= bit;
        if (!accept(p, ",")) {
            skip_space(p);
            if (*p->at != '}')
                return bad_header(p, "a comma is missing");
        }
    }
    skip_space(p);
    if (*p->at != '\0')
        return bad_header(p, "text after the dict");
    return seen == 7 ? DIM_OK : bad_header(p, "descr, fortran_order or shape is missing");
}

/* Reads magic, version and header; *offset is where the elements begin. */
static dim_status read_header(dim_context *ctx, dim__stream *s, npy_header *h, int64_t *offset)
{
    unsigned char start[12];
    const char *path = dim__stream_path(s);
    if (dim__stream_size(s) < 10)
        return dim__fail(ctx, DIM_E_FORMAT, "%s is not an NPY file: %lld bytes", path, (long long)dim__stream_size(s));
    DIM__TRY(dim__stream_read(s, start, 10));
    if (memcmp(start, "\x93NUMPY", 6) != 0)
        return dim__fail(ctx, DIM_E_FORMAT, "%s is not an NPY file: it does not begin with \\x93NUMPY", path);
    if (start[6] < 1 || start[6] > 3 || start[7] != 0)
        return dim__fail(ctx, DIM_E_FORMAT, "%s: NPY version %d.%d; known are 1.0, 2.0, 3.0", path, start[6], start[7]);
    uint32_t size = start[8] | (uint32_t)start[9] << 8;
    *offset = 10;
    if (start[6] > 1) {
        DIM__TRY(dim__stream_read(s, start + 10, 2));
        size |= (uint32_t)start[10] << 16 | (uint32_t)start[11] << 24;
        *offset = 12;
    }
    if (size > MAX_HEADER || *offset + size > dim__stream_size(s))
        return dim__fail(ctx, DIM_E_FORMAT, "%s is truncated: a header of %lu bytes in a file of %lld", path,
                         (unsigned long)size, (long long)dim__stream_size(s));
    *offset += size;
    char *text = dim__alloc(ctx, (size_t)size + 1);
    if (text == NULL)
        return DIM_E_NOMEM;
    dim_status status = dim__stream_read(s, text, size);
    if (status == DIM_OK) {
        parser p = { ctx, path, text };
        text[size] = '\0';
        status = strlen(text) == size ? parse_header(&p, h) : bad_header(&p, "a zero byte in it");
    }
    dim__free(ctx, text);
    return status;
}

/* Less than which any conversion would not be worth its buffer. */
enum { PIECE = 2048 };

static float half_to_float(uint32_t h)
{
    uint32_t sign = (h & 0x8000u) << 16, exponent = h >> 10 & 31, fraction = h & 1023, bits;
    float x;
    if (exponent == 0) { /* zero and what is denormal: fraction 2^-24 */
        x = (float)fraction * 0x1p-24f;
        return sign != 0 ? -x : x;
    }
    bits = sign | (exponent == 31 ? 255u << 23 : (exponent + 112) << 23) | fraction << 13;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* One element's bytes as a number, little-endian or big-endian. */
static uint64_t bits_of(const unsigned char *b, size_t size, bool big)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | b[big ? i : size - 1 - i];
    return bits;
}

static int64_t signed_of(uint64_t bits, size_t size)
{
    uint64_t sign = (uint64_t)1 << (8 * size - 1);
    return (bits & sign) == 0 ? (int64_t)bits : -(int64_t)(~bits & (sign - 1)) - 1;
}

/* An element into place; false where it does not fit. */
static bool put(const element_type *type, uint64_t bits, void *to)
{
    int64_t whole = type->kind == SIGNED ? signed_of(bits, type->size) : (int64_t)(bits & INT64_MAX);
    uint32_t low = (uint32_t)bits;
    float half;
    switch (type->kind) {
    case HALF: half = half_to_float(low); memcpy(to, &half, sizeof half); return true;
    case FLOAT: memcpy(to, &low, sizeof low); return true;
    case DOUBLE: memcpy(to, &bits, sizeof bits); return true;
    case BOOL: *(uint8_t *)to = bits != 0; return true;
    case SIGNED:
    case UNSIGNED: break;
    }
    if (type->dtype == DIM_U8)
        *(uint8_t *)to = (uint8_t)whole;
    else if (type->dtype == DIM_I32)
        *(int32_t *)to = (int32_t)whole;
    else
        *(int64_t *)to = whole;
    return type->kind != UNSIGNED || bits <= INT64_MAX;
}

static dim_status convert(dim_context *ctx, dim__stream *s, const npy_header *h, int64_t count, char *to)
{
    unsigned char piece[PIECE];
    const element_type *type = h->type;
    size_t step = dim__dtype_size(type->dtype);
    for (int64_t at = 0, n; at < count; at += n) {
        n = count - at < (int64_t)(PIECE / type->size) ? count - at : (int64_t)(PIECE / type->size);
        DIM__TRY(dim__stream_read(s, piece, (size_t)n * type->size));
        for (int64_t i = 0; i < n; i++)
            if (!put(type, bits_of(piece + (size_t)i * type->size, type->size, h->big_endian), to + (size_t)(at + i) * step))
                return dim__fail(ctx, DIM_E_UNSUPPORTED, "%s: element %lld of type u8 is above 2^63 - 1",
                                 dim__stream_path(s), (long long)(at + i));
    }
    return DIM_OK;
}

/* The elements in the order of the file. */
static dim_status read_flat(dim_context *ctx, dim__stream *s, const npy_header *h, int64_t count, void *to)
{
    const element_type *type = h->type;
    bool same = (!h->big_endian || type->size == 1) && type->size == dim__dtype_size(type->dtype) && type->kind != BOOL &&
                (type->kind != UNSIGNED || type->size == 1);
    return same ? dim__stream_read(s, to, (size_t)count * type->size) : convert(ctx, s, h, count, to);
}

static dim_status read_elements(dim_context *ctx, dim__stream *s, const npy_header *h, int64_t count, dim_tensor **out)
{
    dim_dtype dtype = h->type->dtype;
    int64_t shape[DIM_MAX_RANK] = { 0 }, stride[DIM_MAX_RANK] = { 0 };
    dim_tensor *t = NULL, *columns = NULL;
    dim_status status = dim__tensor_create(ctx, dtype, h->rank, h->shape, &t);
    if (status != DIM_OK)
        return status;
    if (!h->fortran || h->rank < 2) {
        DIM__TRY_OR(done, read_flat(ctx, s, h, count, t->data));
    } else { /* Fortran order is C order of the axes reversed */
        for (int i = 0; i < h->rank; i++)
            shape[i] = h->shape[h->rank - 1 - i];
        DIM__TRY_OR(done, dim__tensor_create(ctx, dtype, h->rank, shape, &columns));
        DIM__TRY_OR(done, read_flat(ctx, s, h, count, columns->data));
        for (int i = 0; i < h->rank; i++)
            stride[i] = columns->stride[h->rank - 1 - i];
        dim__strided_copy(h->rank, h->shape, dtype, t->data, t->stride, dtype, columns->data, stride);
    }
    *out = t;
    t = NULL;
done:
    dim__tensor_destroy(columns);
    dim__tensor_destroy(t);
    return status;
}

bool dim__npy_little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

dim_status dim__npy_read(dim_context *ctx, dim__stream *s, dim_tensor **out)
{
    char text[128];
    const char *path = dim__stream_path(s);
    npy_header h = { .rank = 0 };
    int64_t count, offset = 0;
    if (!dim__npy_little_endian())
        return dim__fail(ctx, DIM_E_UNSUPPORTED, "%s: NPY on a big-endian machine", path);
    DIM__TRY(read_header(ctx, s, &h, &offset));
    int64_t there = dim__stream_size(s) - offset, element = (int64_t)h.type->size, bytes;
    if (dim__shape_check(ctx, h.type->dtype, h.rank, h.shape, &count, NULL) != DIM_OK ||
        !dim__mul64(count, element, &bytes) || bytes != there)
        return dim__fail(ctx, DIM_E_FORMAT, "%s: shape %s of %lld-byte elements does not fit the %lld bytes of data", path,
                         dim__shape_text(text, h.rank, h.shape), (long long)element, (long long)there);
    return read_elements(ctx, s, &h, count, out);
}
