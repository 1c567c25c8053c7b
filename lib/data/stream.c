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
    int fd;               /* -1: bytes in memory */
    const char *memory;
    int64_t at;           /* in memory */
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

bool dim__path_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
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

/* Up to `size` bytes of the file; *got is less only at its end. */
static dim_status read_raw(dim__stream *s, void *data, size_t size, size_t *got)
{
    *got = 0;
    if (s->memory != NULL) {
        int64_t left = s->size - s->at;
        *got = left < (int64_t)size ? (size_t)left : size;
        memcpy(data, s->memory + s->at, *got);
        s->at += (int64_t)*got;
        return DIM_OK;
    }
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
static voidpf z_alloc(voidpf ctx, uInt n, uInt size) { return dim__calloc(ctx, n, size); }
static void z_free(voidpf ctx, voidpf memory) { dim__free(ctx, memory); }

static dim_status inflate_begin(dim__stream *s)
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

/* What a file is that is not gzip data: a browser unpacks some without a word, and a server may answer with a page. */
static const char *kind_of(const unsigned char *b, size_t n)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *what;
    } kinds[] = {
        { "\0\0\x08", 3, "a plain IDX file, unpacked already: take .gz off its name" },
        { "\x93NUMPY", 6, "a plain NPY file: take .gz off its name" },
        { "PK\x03\x04", 4, "a zip archive" },
        { "\xfd" "7zXZ", 5, "an xz file" },
        { "BZh", 3, "a bzip2 file" },
        { "\x28\xb5\x2f\xfd", 4, "a zstd file" },
        { "<", 1, "a web page or XML" },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (n >= kinds[i].n && memcmp(b, kinds[i].bytes, kinds[i].n) == 0)
            return kinds[i].what;
    for (size_t i = 0; i < n; i++)
        if ((b[i] < ' ' && b[i] != '\t' && b[i] != '\r' && b[i] != '\n') || b[i] > '~')
            return "of a kind that libdim does not know";
    return "plain text: take .gz off its name";
}

/* The first bytes of a file that says it is gzip data. */
static dim_status check_magic(dim__stream *s)
{
    size_t n;
    DIM__TRY(read_raw(s, s->in, CHUNK, &n));
    s->z.next_in = s->in;
    s->z.avail_in = (uInt)n;
    if (n == 0)
        return DIM_OK; /* empty: whoever reads says so */
    if (s->in[0] == 0x1f && (n == 1 || s->in[1] == 0x8b))
        return DIM_OK;
    return dim__fail(s->ctx, DIM_E_FORMAT, "%s is not gzip data: it begins with 0x%02x%02x and is %s", s->path, s->in[0],
                     n > 1 ? s->in[1] : 0, kind_of(s->in, n < 16 ? n : 16));
}
#endif

/* What files and memory share. */
static dim_status stream_new(dim_context *ctx, const char *path, bool gzip, dim__stream **out)
{
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
    if (s->path == NULL) {
        dim__stream_close(s);
        return DIM_E_NOMEM;
    }
    *out = s;
    return DIM_OK;
}

static dim_status begin(dim__stream *s)
{
#if DIM_HAVE_ZLIB
    if (s->gzip) {
        DIM__TRY(inflate_begin(s));
        return check_magic(s);
    }
#endif
    (void)s;
    return DIM_OK;
}

static dim_status open_file(dim__stream *s)
{
    struct stat st;
    s->fd = dim__open(s->path, O_RDONLY | O_NONBLOCK, 0); /* not to wait for the writer of a pipe */
    if (s->fd < 0 || fstat(s->fd, &st) != 0)
        return dim__fail(s->ctx, DIM_E_IO, "cannot open %.4096s: %s", s->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return dim__fail(s->ctx, DIM_E_IO, "%s is not a regular file", s->path);
    s->size = (int64_t)st.st_size;
    return DIM_OK;
}

dim_status dim__stream_open(dim_context *ctx, const char *path, bool gzip, dim__stream **out)
{
    dim__stream *s;
    DIM__TRY(stream_new(ctx, path, gzip, &s));
    dim_status status = open_file(s);
    if (status == DIM_OK)
        status = begin(s);
    if (status == DIM_OK)
        *out = s;
    else
        dim__stream_close(s);
    return status;
}

dim_status dim__stream_open_memory(dim_context *ctx, const char *name, const void *data, size_t size, bool gzip,
                                   dim__stream **out)
{
    dim__stream *s;
    DIM__TRY(stream_new(ctx, name, gzip, &s));
    s->memory = data != NULL ? data : "";
    s->size = (int64_t)size;
    dim_status status = begin(s);
    if (status == DIM_OK)
        *out = s;
    else
        dim__stream_close(s);
    return status;
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

dim_status dim__stream_some(dim__stream *s, void *data, size_t size, size_t *got)
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
    DIM__TRY(dim__stream_some(s, data, size, &got));
    if (got < size)
        return dim__fail(s->ctx, DIM_E_FORMAT, "%s is truncated: %lld bytes of content, at least %lld expected", s->path,
                         (long long)s->given, (long long)(s->given + (int64_t)(size - got)));
    return DIM_OK;
}

dim_status dim__stream_rewind(dim__stream *s)
{
    s->given = s->at = 0;
    if (s->memory == NULL && lseek(s->fd, 0, SEEK_SET) != 0)
        return dim__fail(s->ctx, DIM_E_IO, "reading %s again: %s", s->path, strerror(errno));
#if DIM_HAVE_ZLIB
    if (s->gzip) {
        inflateReset(&s->z);
        s->z.avail_in = 0;
        s->at_member = true;
    }
#endif
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
    DIM__TRY(dim__stream_some(s, &more, 1, &got));
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
