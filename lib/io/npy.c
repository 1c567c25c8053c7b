#include "io/npy.h"

#include "data/stream.h"
#include "io/weights.h"

#include <stdio.h>

enum { MAX_HEADER = 1 << 20, ALIGN = 64 };

static const struct {
    const char *descr;
    dim_dtype dtype;
} types[] = { { "<f4", DIM_F32 }, { "|u1", DIM_U8 }, { "<i4", DIM_I32 }, { "<i8", DIM_I64 }, { "<f8", DIM_F64 },
              { "<u1", DIM_U8 } };

typedef struct npy_header {
    dim_dtype dtype;
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
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(text, types[i].descr) == 0) {
            h->dtype = types[i].dtype;
            return DIM_OK;
        }
    return dim__fail(p->ctx, DIM_E_UNSUPPORTED, "%s: NPY of type '%s'; known are <f4, <f8, <i4, <i8, |u1",
                     p->path, text);
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

static dim_status read_elements(dim_context *ctx, dim__stream *s, const npy_header *h, int64_t count, dim_tensor **out)
{
    size_t bytes = (size_t)count * dim__dtype_size(h->dtype);
    int64_t shape[DIM_MAX_RANK] = { 0 }, stride[DIM_MAX_RANK] = { 0 };
    dim_tensor *t = NULL, *columns = NULL;
    dim_status status = dim__tensor_create(ctx, h->dtype, h->rank, h->shape, &t);
    if (status != DIM_OK)
        return status;
    if (!h->fortran || h->rank < 2) {
        DIM__TRY_OR(done, dim__stream_read(s, t->data, bytes));
    } else { /* Fortran order is C order of the axes reversed */
        for (int i = 0; i < h->rank; i++)
            shape[i] = h->shape[h->rank - 1 - i];
        DIM__TRY_OR(done, dim__tensor_create(ctx, h->dtype, h->rank, shape, &columns));
        DIM__TRY_OR(done, dim__stream_read(s, columns->data, bytes));
        for (int i = 0; i < h->rank; i++)
            stride[i] = columns->stride[h->rank - 1 - i];
        dim__strided_copy(h->rank, h->shape, h->dtype, t->data, t->stride, h->dtype, columns->data, stride);
    }
    *out = t;
    t = NULL;
done:
    dim__tensor_destroy(columns);
    dim__tensor_destroy(t);
    return status;
}

static bool little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

dim_status dim__npy_load(dim_context *ctx, const char *path, dim_tensor **out)
{
    char text[128];
    npy_header h = { DIM_F32, false, 0, { 0 } };
    dim__stream *s;
    int64_t count, offset = 0;
    if (!little_endian())
        return dim__fail(ctx, DIM_E_UNSUPPORTED, "%s: NPY on a big-endian machine", path);
    DIM__TRY(dim__stream_open(ctx, path, false, &s));
    dim_status status = read_header(ctx, s, &h, &offset);
    if (status != DIM_OK)
        goto done;
    int64_t there = dim__stream_size(s) - offset, element = (int64_t)dim__dtype_size(h.dtype);
    if (dim__shape_check(ctx, h.dtype, h.rank, h.shape, &count, NULL) != DIM_OK || count * element != there) {
        status = dim__fail(ctx, DIM_E_FORMAT, "%s: shape %s of %lld-byte elements does not fit the %lld bytes of data",
                           path, dim__shape_text(text, h.rank, h.shape), (long long)element, (long long)there);
        goto done;
    }
    status = read_elements(ctx, s, &h, count, out);
done:
    dim__stream_close(s);
    return status;
}

/* Magic, version, length and dict, padded with spaces so that the elements are aligned; returns the size. */
static size_t format_header(const dim_tensor *t, char buffer[512])
{
    const char *descr = "";
    for (size_t i = sizeof types / sizeof *types; i-- > 0;)
        if (types[i].dtype == t->dtype)
            descr = types[i].descr;
    size_t n = 10;
    n += (size_t)snprintf(buffer + n, 512 - n, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < t->rank; i++)
        n += (size_t)snprintf(buffer + n, 512 - n, "%s%lld", i > 0 ? ", " : "", (long long)t->shape[i]);
    n += (size_t)snprintf(buffer + n, 512 - n, "%s), }", t->rank == 1 ? "," : "");
    while ((n + 1) % ALIGN != 0)
        buffer[n++] = ' ';
    buffer[n++] = '\n';
    memcpy(buffer, "\x93NUMPY\x01\x00", 8);
    buffer[8] = (char)((n - 10) & 255);
    buffer[9] = (char)((n - 10) >> 8);
    return n;
}

dim_status dim__npy_save(const dim_tensor *t, const char *path)
{
    char header[512];
    dim_context *ctx = t->ctx;
    dim_tensor *packed = NULL;
    const char *data = t->data;
    dim__outfile *file = NULL;
    dim_status status = DIM_OK;
    if (!little_endian())
        return dim__fail(ctx, DIM_E_UNSUPPORTED, "%s: NPY on a big-endian machine", path);
    size_t header_size = format_header(t, header);
    if (!dim__tensor_contiguous(t)) {
        DIM__TRY(dim__tensor_create(ctx, t->dtype, t->rank, t->shape, &packed));
        dim__strided_copy(t->rank, t->shape, t->dtype, packed->data, packed->stride, t->dtype, t->data, t->stride);
        data = packed->data;
    }
    DIM__TRY_OR(done, dim__outfile_open(ctx, path, &file));
    DIM__TRY_OR(done, dim__outfile_write(file, header, header_size));
    size_t bytes = (size_t)dim__tensor_count(t) * dim__dtype_size(t->dtype);
    if (bytes > 0)
        DIM__TRY_OR(done, dim__outfile_write(file, data, bytes));
    status = dim__outfile_commit(file);
    file = NULL; /* gone either way */
done:
    if (file != NULL)
        dim__outfile_abort(file);
    dim__tensor_destroy(packed);
    return status;
}
