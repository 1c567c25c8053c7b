#include "io/npy.h"

#include "data/npy.h"
#include "io/weights.h"

#include <stdio.h>

enum { ALIGN = 64 };

dim_status dim__npy_load(dim_context *ctx, const char *path, dim_tensor **out)
{
    dim__stream *s;
    DIM__TRY(dim__stream_open(ctx, path, false, &s));
    dim_status status = dim__npy_read(ctx, s, out);
    dim__stream_close(s);
    return status;
}

/* Magic, version, length and dict, padded with spaces so that the elements are aligned; returns the size. */
static size_t format_header(const dim_tensor *t, char buffer[512])
{
    static const char *const types[] = {
        [DIM_F32] = "<f4", [DIM_U8] = "|u1", [DIM_I32] = "<i4", [DIM_I64] = "<i8", [DIM_F64] = "<f8",
    };
    const char *descr = types[t->dtype];
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
    if (!dim__npy_little_endian())
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
