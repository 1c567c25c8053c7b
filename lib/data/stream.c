#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "data/stream.h"

#include "base/file.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#if DIM_HAVE_ZLIB
#include <zlib.h>
#endif

enum { CHUNK = 1 << 16 };

struct dim__stream {
    dim_context *ctx;
    char *path;
    int fd;
    bool gzip;
    int64_t size;  /* of the file */
    int64_t given; /* bytes handed out, for error texts */
#if DIM_HAVE_ZLIB
    unsigned char *in;
    z_stream z;
    bool z_ready;
    bool at_member; /* nothing of the next gzip member has been read */
#endif
};

bool dim__path_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

char *dim__path_join(dim_context *ctx, const char *dir, const char *name, const char *suffix)
{
    size_t size = strlen(dir) + strlen(name) + strlen(suffix) + 2;
    char *path = dim__alloc(ctx, size);
    if (path != NULL)
        snprintf(path, size, "%s/%s%s", dir, name, suffix);
    return path;
}

const char *dim__stream_path(const dim__stream *s) { return s->path; }
int64_t dim__stream_size(const dim__stream *s) { return s->size; }
int dim__stream_file(const dim__stream *s) { return s->fd; }
bool dim__stream_gzip(const dim__stream *s) { return s->gzip; }

#if DIM_HAVE_ZLIB
static voidpf z_alloc(voidpf ctx, uInt n, uInt size) { return dim__calloc(ctx, n, size); }
static void z_free(voidpf ctx, voidpf memory) { dim__free(ctx, memory); }

static dim_status gzip_open(dim__stream *s)
{
    s->in = dim__alloc(s->ctx, CHUNK);
    if (s->in == NULL)
        return DIM_E_NOMEM;
    s->z.zalloc = z_alloc;
    s->z.zfree = z_free;
    s->z.opaque = s->ctx;
    int code = inflateInit2(&s->z, 15 + 16); /* largest window, gzip header */
    if (code != Z_OK)
        return code == Z_MEM_ERROR ? DIM_E_NOMEM
                                   : dim__fail(s->ctx, DIM_E_UNSUPPORTED, "zlib does not start: %d", code);
    s->z_ready = true;
    s->at_member = true;
    return DIM_OK;
}
#endif

dim_status dim__stream_open(dim_context *ctx, const char *path, bool gzip, dim__stream **out)
{
    struct stat st;
    dim_status status = DIM_E_NOMEM;
#if !DIM_HAVE_ZLIB
    if (gzip)
        return dim__fail(ctx, DIM_E_UNSUPPORTED, "%s: this build has no zlib to read .gz files; gunzip it", path);
#endif
    dim__stream *s = dim__calloc(ctx, 1, sizeof *s);
    if (s == NULL)
        return DIM_E_NOMEM;
    s->ctx = ctx;
    s->fd = -1;
    s->gzip = gzip;
    s->path = dim__strdup(ctx, path);
    if (s->path == NULL)
        goto fail;
    s->fd = dim__open(path, O_RDONLY | O_NONBLOCK, 0); /* not to wait for the writer of a pipe */
    if (s->fd < 0 || fstat(s->fd, &st) != 0) {
        status = dim__fail(ctx, DIM_E_IO, "cannot open %.4096s: %s", path, strerror(errno));
        goto fail;
    }
    if (!S_ISREG(st.st_mode)) {
        status = dim__fail(ctx, DIM_E_IO, "%s is not a regular file", path);
        goto fail;
    }
    s->size = (int64_t)st.st_size;
#if DIM_HAVE_ZLIB
    if (gzip)
        DIM__TRY_OR(fail, gzip_open(s));
#endif
    *out = s;
    return DIM_OK;
fail:
    dim__stream_close(s);
    return status;
}

/* Up to `size` bytes of the file; *got is less only at its end. */
static dim_status read_raw(dim__stream *s, void *data, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        size_t want = size - *got < (1u << 30) ? size - *got : 1u << 30;
        ssize_t n = read(s->fd, (char *)data + *got, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dim__fail(s->ctx, DIM_E_IO, "reading %s: %s", s->path, strerror(errno));
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return DIM_OK;
}

#if DIM_HAVE_ZLIB
static dim_status read_gzip(dim__stream *s, void *data, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        if (s->z.avail_in == 0) {
            size_t n;
            DIM__TRY(read_raw(s, s->in, CHUNK, &n));
            if (n == 0 && s->at_member)
                return DIM_OK;
            if (n == 0)
                return dim__fail(s->ctx, DIM_E_FORMAT, "%s is truncated: its %lld bytes end within the gzip data",
                                 s->path, (long long)s->size);
            s->z.next_in = s->in;
            s->z.avail_in = (uInt)n;
        }
        uInt want = (uInt)(size - *got < (1u << 30) ? size - *got : 1u << 30);
        s->at_member = false;
        s->z.next_out = (Bytef *)data + *got;
        s->z.avail_out = want;
        int code = inflate(&s->z, Z_NO_FLUSH);
        *got += want - s->z.avail_out;
        if (code == Z_STREAM_END) { /* gzip files may be joined one after the other */
            s->at_member = true;
            code = inflateReset(&s->z);
        }
        if (code == Z_MEM_ERROR)
            return dim__fail(s->ctx, DIM_E_NOMEM, "no memory to decompress %s", s->path);
        if (code != Z_OK && code != Z_BUF_ERROR)
            return dim__fail(s->ctx, DIM_E_FORMAT, "%s is not valid gzip data after %lld bytes of content: %s", s->path,
                             (long long)(s->given + (int64_t)*got), s->z.msg != NULL ? s->z.msg : "damaged");
    }
    return DIM_OK;
}
#endif

static dim_status read_some(dim__stream *s, void *data, size_t size, size_t *got)
{
    dim_status status;
#if DIM_HAVE_ZLIB
    status = s->gzip ? read_gzip(s, data, size, got) : read_raw(s, data, size, got);
#else
    status = read_raw(s, data, size, got);
#endif
    s->given += (int64_t)*got;
    return status;
}

dim_status dim__stream_read(dim__stream *s, void *data, size_t size)
{
    size_t got;
    DIM__TRY(read_some(s, data, size, &got));
    if (got < size)
        return dim__fail(s->ctx, DIM_E_FORMAT, "%s is truncated: %lld bytes of content, at least %lld expected", s->path,
                         (long long)s->given, (long long)(s->given + (int64_t)(size - got)));
    return DIM_OK;
}

dim_status dim__stream_skip(dim__stream *s, int64_t size)
{
    char drop[4096];
    while (size > 0) {
        size_t n = size < (int64_t)sizeof drop ? (size_t)size : sizeof drop;
        DIM__TRY(dim__stream_read(s, drop, n));
        size -= (int64_t)n;
    }
    return DIM_OK;
}

dim_status dim__stream_end(dim__stream *s)
{
    char more;
    size_t got;
    int64_t expected = s->given;
    DIM__TRY(read_some(s, &more, 1, &got));
    if (got != 0)
        return dim__fail(s->ctx, DIM_E_FORMAT, "%s has more than the %lld bytes of content expected", s->path,
                         (long long)expected);
    return DIM_OK;
}

void dim__stream_close(dim__stream *s)
{
    if (s == NULL)
        return;
#if DIM_HAVE_ZLIB
    if (s->z_ready)
        inflateEnd(&s->z);
    dim__free(s->ctx, s->in);
#endif
    if (s->fd >= 0)
        close(s->fd);
    dim__free(s->ctx, s->path);
    dim__free(s->ctx, s);
}
