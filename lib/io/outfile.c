/* A file is written under a name of its own in the same directory and renamed at the end, so that at any moment `path`
 * is the old file or the whole new one, after a crash or a power cut too.
 *
 * Names are made of the path's and a random number, which nobody can guess, and who writes holds a lock, which ends with
 * the process.  So whoever writes the same path next can tell what a dead process left from what another one is just
 * writing, and removes it.  Where a file system knows no locks, leftovers stay. */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include "io/weights.h"

#include "base/file.h"
#include "base/rng.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/random.h>
#endif

enum { TEMP_ROOM = 64, MAX_TRIES = 1000, MAX_ENTRIES = 4096 };

struct dim__outfile {
    dim_context *ctx;
    char *path;
    char *temp;
    size_t dir_length; /* of path, with its last slash; 0 = the working directory */
    int fd;
    bool replaces;
    struct stat old;   /* of what it replaces */
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

/* ---- the temporary file ---------------------------------------------------------------------------------------------- */

/* Where the system has no random numbers at hand, one that differs at least: O_EXCL keeps others out in any case. */
static uint64_t random_number(const void *unique)
{
    uint64_t number;
    struct timespec now;
#if defined(__linux__)
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) == (ssize_t)sizeof number)
        return number;
#endif
    clock_gettime(CLOCK_REALTIME, &now);
    number = dim__mix((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
    return dim__mix(number, dim__mix((uint64_t)getpid(), (uint64_t)(uintptr_t)unique));
}

/* ".dim-", the path's name as a number, "-": what all temporary files of a path begin with. */
static size_t name_begin(const dim__outfile *f, char begin[TEMP_ROOM])
{
    return (size_t)snprintf(begin, TEMP_ROOM, ".dim-%016" PRIx64 "-", dim__hash_text(f->path + f->dir_length));
}

static void name_temp(dim__outfile *f)
{
    char *name = f->temp + f->dir_length;
    size_t used = name_begin(f, name);
    snprintf(name + used, TEMP_ROOM - used, "%016" PRIx64 ".tmp", random_number(f));
}

/* Whether fd is still what the name stands for. */
static bool is_named(int fd, const char *name)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && lstat(name, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Removes f->temp when it is ours and nobody is writing it. */
static void remove_leftover(const dim__outfile *f)
{
    struct stat st;
    int fd = dim__open(f->temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        is_named(fd, f->temp))
        (void)unlink(f->temp);
    (void)close(fd);
}

/* Of writers that died.  Not all of them in a folder of very many files, whose number must not make a save slow. */
static void remove_leftovers(dim__outfile *f)
{
    char begin[TEMP_ROOM];
    size_t length = name_begin(f, begin);
    memcpy(f->temp, f->path, f->dir_length);
    memcpy(f->temp + f->dir_length, ".", 2);
    DIR *folder = dim__open_folder(f->temp);
    if (folder == NULL)
        return;
    const struct dirent *entry;
    for (int n = 0; n < MAX_ENTRIES && (entry = readdir(folder)) != NULL; n++) {
        size_t size = strlen(entry->d_name);
        if (size >= TEMP_ROOM || strncmp(entry->d_name, begin, length) != 0)
            continue;
        memcpy(f->temp + f->dir_length, entry->d_name, size + 1);
        remove_leftover(f);
    }
    (void)closedir(folder);
}

/* O_EXCL settles who owns a name, between threads and processes alike.  A file that replaces one is the owner's alone until
 * it is complete.  A new one has from the start what the umask, or the directory, gives to others. */
static dim_status open_temp(dim__outfile *f)
{
    f->temp = dim__alloc(f->ctx, f->dir_length + TEMP_ROOM);
    if (f->temp == NULL)
        return DIM_E_NOMEM;
    remove_leftovers(f);
    memcpy(f->temp, f->path, f->dir_length);
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        name_temp(f);
        f->fd = dim__open(f->temp, O_WRONLY | O_CREAT | O_EXCL, f->replaces ? 0600 : 0666);
        if (f->fd < 0 && errno != EEXIST)
            break;
        if (f->fd < 0)
            continue;
        /* Before it was locked another one may have taken it for a leftover. */
        if ((flock(f->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && is_named(f->fd, f->temp))
            return DIM_OK;
        (void)close(f->fd);
        f->fd = -1;
        errno = EAGAIN;
    }
    return fail_io(f, "cannot create a temporary file in the directory of the file to write");
}

/* Gives a complete file the group and the mode of the one that it replaces; best effort where these are foreign.  Where the
 * group cannot be had, its rights are those that everybody has. */
static void widen(const dim__outfile *f)
{
    struct stat own;
    mode_t mode = f->old.st_mode & 0777;
    if (!f->replaces || fstat(f->fd, &own) != 0)
        return;
    if (own.st_gid != f->old.st_gid && fchown(f->fd, (uid_t)-1, f->old.st_gid) != 0)
        mode &= 0707 | (mode & 07) << 3;
    (void)!fchmod(f->fd, mode);
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

dim_status dim__outfile_open(dim_context *ctx, const char *path, dim__outfile **out)
{
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
    f->replaces = stat(path, &f->old) == 0;
    if (f->replaces && !S_ISREG(f->old.st_mode)) { /* the rename would put a plain file in place of a device */
        status = dim__fail(ctx, DIM_E_IO, "cannot write: it exists and is not a regular file: %s", path);
        goto failed;
    }
    DIM__TRY_OR(failed, open_temp(f));
    *out = f;
    return DIM_OK;
failed:
    release(f);
    return status;
}

static bool is_pending(int number)
{
    sigset_t pending;
    sigemptyset(&pending);
    return sigpending(&pending) == 0 && sigismember(&pending, number) == 1;
}

/* write(), where a file that becomes larger than the process may make it is an error (EFBIG) and nothing else: the signal
 * that comes with it, to this thread, would end most programs. */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
    sigset_t limit, before;
    int number;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    (void)pthread_sigmask(SIG_BLOCK, &limit, &before);
    bool pending = is_pending(SIGXFSZ);
    ssize_t n = write(fd, data, size);
    int error = errno;
    if (n < 0 && error == EFBIG && !pending && is_pending(SIGXFSZ))
        (void)sigwait(&limit, &number);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n;
}

dim_status dim__outfile_write(dim__outfile *f, const void *data, size_t size)
{
    const char *p = data;
    while (size > 0) {
        size_t chunk = size < ((size_t)1 << 30) ? size : (size_t)1 << 30;
        ssize_t n = write_quietly(f->fd, p, chunk);
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
    int fd = dim__open(dir, O_RDONLY, 0);
    if (fd < 0)
        return;
    (void)fsync(fd);
    (void)close(fd);
}

dim_status dim__outfile_commit(dim__outfile *f)
{
    dim_status status = DIM_OK;
    widen(f);
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
