/* A file is written under a name of its own in the same directory and renamed at the end, so that at any moment `path`
 * is the old file or the whole new one, after a crash or a power cut too.
 *
 * Names are made of the path's, and who writes holds a lock, which ends with the process.  So whoever writes the same path
 * next can tell what a dead process left from what another one is just writing, and removes it.  Where a file system knows
 * no locks, leftovers stay. */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include "io/weights.h"

#include "base/rng.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMP_ROOM = 64 };

struct dim__outfile {
    dim_context *ctx;
    char *path;
    char *temp;
    size_t dir_length; /* of path, with its last slash; 0 = the working directory */
    int fd;
};

static dim_status fail_io(dim__outfile *f, const char *what)
{
    return dim__fail(f->ctx, DIM_E_IO, "%s: %s: %s", what, strerror(errno), f->path);
}

static void release(dim__outfile *f)
{
    dim_context *ctx = f->ctx;
    dim__free(ctx, f->path);
    dim__free(ctx, f->temp);
    dim__free(ctx, f);
}

static void name_temp(dim__outfile *f, unsigned n)
{
    snprintf(f->temp + f->dir_length, TEMP_ROOM, ".dim-%016" PRIx64 "-%u.tmp", dim__hash_text(f->path + f->dir_length), n);
}

/* Whether fd is still what the name stands for. */
static bool is_named(int fd, const char *name)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && lstat(name, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Removes f->temp when it is ours and nobody is writing it; errno ENOENT when there is no such file. */
static bool remove_leftover(const dim__outfile *f)
{
    struct stat st;
    int fd = open(f->temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool gone = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
                flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(fd, f->temp) && unlink(f->temp) == 0;
    (void)close(fd);
    errno = 0;
    return gone;
}

/* O_EXCL settles who owns a name, between threads and processes alike; mode 0666 leaves permissions to the umask. */
static dim_status open_temp(dim__outfile *f)
{
    unsigned n = 0, tries = 0;
    f->temp = dim__alloc(f->ctx, f->dir_length + TEMP_ROOM);
    if (f->temp == NULL)
        return DIM_E_NOMEM;
    memcpy(f->temp, f->path, f->dir_length);
    for (; n < 10000 && tries < 20000; tries++) {
        name_temp(f, n);
        f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd >= 0) {
            /* Before it was locked another one may have taken it for a leftover. */
            if ((flock(f->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && is_named(f->fd, f->temp))
                break;
            (void)close(f->fd);
            f->fd = -1;
        } else if (errno == EEXIST) {
            n += !remove_leftover(f);
        } else if (errno != EINTR) {
            break;
        }
    }
    if (f->fd < 0)
        return fail_io(f, "cannot create a temporary file in the directory of the file to write");
    for (unsigned more = n + 1; more < 10000; more++) { /* of writers that died beside others */
        name_temp(f, more);
        if (!remove_leftover(f) && errno == ENOENT)
            break;
    }
    name_temp(f, n);
    return DIM_OK;
}

dim_status dim__outfile_open(dim_context *ctx, const char *path, dim__outfile **out)
{
    struct stat old;
    dim_status status = DIM_E_NOMEM;
    dim__outfile *f = dim__calloc(ctx, 1, sizeof *f);
    if (f == NULL)
        return DIM_E_NOMEM;
    f->ctx = ctx;
    f->fd = -1;
    f->path = dim__strdup(ctx, path);
    if (f->path == NULL)
        goto failed;
    const char *slash = strrchr(path, '/');
    f->dir_length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (path[f->dir_length] == '\0') {
        status = dim__fail(ctx, DIM_E_IO, "cannot write a file without a name: '%s'", path);
        goto failed;
    }
    bool replaces = stat(path, &old) == 0;
    if (replaces && !S_ISREG(old.st_mode)) { /* the rename would put a plain file in place of a device */
        status = dim__fail(ctx, DIM_E_IO, "cannot write: it exists and is not a regular file: %s", path);
        goto failed;
    }
    DIM__TRY_OR(failed, open_temp(f));
    if (replaces) /* who could not read the old file shall not read the new one; best effort where modes are foreign */
        (void)!fchmod(f->fd, old.st_mode & 0777);
    *out = f;
    return DIM_OK;
failed:
    release(f);
    return status;
}

dim_status dim__outfile_write(dim__outfile *f, const void *data, size_t size)
{
    const char *p = data;
    while (size > 0) {
        size_t chunk = size < ((size_t)1 << 30) ? size : (size_t)1 << 30;
        ssize_t n = write(f->fd, p, chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_io(f, "cannot write");
        p += n;
        size -= (size_t)n;
    }
    return DIM_OK;
}

/* Makes the new name durable.  The new file is in place by now and complete, so failure is no error: some file systems
 * cannot do this. */
static void sync_directory(dim__outfile *f)
{
    char *dir = f->temp;
    memcpy(dir, f->path, f->dir_length);
    memcpy(dir + f->dir_length, ".", 2);
    int fd = open(dir, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

dim_status dim__outfile_commit(dim__outfile *f)
{
    dim_status status = DIM_OK;
    if (fsync(f->fd) != 0 && errno != EINVAL && errno != ENOTSUP)
        status = fail_io(f, "cannot write");
    if (status == DIM_OK && rename(f->temp, f->path) != 0)
        status = fail_io(f, "cannot replace");
    if (status != DIM_OK)
        (void)unlink(f->temp);
    (void)close(f->fd); /* ends the lock, so the name must be done with; everything was written by fsync() */
    if (status == DIM_OK)
        sync_directory(f);
    release(f);
    return status;
}

void dim__outfile_abort(dim__outfile *f)
{
    if (f == NULL)
        return;
    (void)unlink(f->temp);
    (void)close(f->fd);
    release(f);
}
