/* Reading image files: by what is in them, one of the decoders. */
#include "data/image.h"

#include "base/file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 28 };

dim_status dim__image_decode(const uint8_t *data, size_t size, const char *name, const dim__image_rules *rules,
                             dim__image *out, dim__sample_error *error)
{
    static const uint8_t png[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    char text[DIM__IMAGE_TEXT] = "";
    dim_status status;
    if (size == 0)
        return dim__sample_fail(error, DIM_E_FORMAT, "%s is empty", name);
    /* By what is in it: collections have files with the other ending. */
    if (size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff)
        status = dim__jpeg_decode(data, size, rules->memory, out, text);
    else if (size >= sizeof png && memcmp(data, png, sizeof png) == 0)
        status = dim__png_decode(data, size, rules->memory, out, text);
    else
        return dim__sample_fail(error, DIM_E_FORMAT, "%s is neither a JPEG nor a PNG file", name);
    if (status == DIM_E_NOMEM)
        return dim__sample_fail(error, status, "%s: no memory to decode it", name);
    if (status != DIM_OK)
        return dim__sample_fail(error, status, "%s: %s", name, text);
    out->orientation = rules->keep_orientation ? 1 : dim__exif_orientation(data, size);
    if (out->orientation > 4) {
        int64_t swap = out->height;
        out->height = out->width;
        out->width = swap;
    }
    return DIM_OK;
}

/* A shortage of memory or descriptors says nothing about the file. */
static dim_status io_fail(const char *name, const char *what, int code, dim__sample_error *error)
{
    dim_status status = code == ENOMEM ? DIM_E_NOMEM : code == EMFILE || code == ENFILE ? DIM_E_SYSTEM : DIM_E_IO;
    char reason[100];
    if (strerror_r(code, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", code);
    return dim__sample_fail(error, status, "cannot %s %s: %s", what, name, reason);
}

/* The whole file, into memory of malloc(). */
static dim_status read_file(int fd, const char *name, uint8_t **out, size_t *size, dim__sample_error *error)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return io_fail(name, "read", errno, error);
    if (!S_ISREG(st.st_mode))
        return dim__sample_fail(error, DIM_E_IO, "%s is not a regular file", name);
    if (st.st_size > MAX_FILE)
        return dim__sample_fail(error, DIM_E_FORMAT, "%s has %lld bytes; an image file must have %d at most", name,
                                (long long)st.st_size, MAX_FILE);
    size_t got = 0, room = (size_t)st.st_size;
    uint8_t *data = malloc(room > 0 ? room : 1);
    if (data == NULL)
        return dim__sample_fail(error, DIM_E_NOMEM, "no memory for the %zu bytes of %s", room, name);
    while (got < room) {
        ssize_t n = read(fd, data + got, room - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            dim_status status = io_fail(name, "read", errno, error);
            free(data);
            return status;
        }
        if (n == 0) /* it has been cut meanwhile; the decoder tells */
            break;
        got += (size_t)n;
    }
    *out = data;
    *size = got;
    return DIM_OK;
}

dim_status dim__image_load(int folder, const char *root, const char *path, const dim__image_rules *rules, dim__image *out,
                           dim__sample_error *error)
{
    char name[300]; /* in errors */
    uint8_t *data = NULL;
    size_t size = 0, long_by = strlen(path) > 150 ? strlen(path) - 150 : 0; /* cut in front, where it says least */
    snprintf(name, sizeof name, "%.140s/%s%.150s", root, long_by > 0 ? "..." : "", path + long_by);
    int fd = dim__open_at(folder, path, O_RDONLY | O_NONBLOCK, 0); /* not to wait for the writer of a pipe */
    if (fd < 0)
        return io_fail(name, "open", errno, error);
    dim_status status = read_file(fd, name, &data, &size, error);
    close(fd);
    if (status != DIM_OK)
        return status;
    status = dim__image_decode(data, size, name, rules, out, error);
    free(data);
    return status;
}
