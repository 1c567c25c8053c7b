/* A file is written under another name beside it and renamed at the end, so a full disk costs no old file. */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t n = write(fd, at, size < ((size_t)1 << 30) ? size : (size_t)1 << 30);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* close() that keeps what went wrong before it; an error of its own counts where nothing had gone wrong. */
static bool finish(int fd, bool written)
{
    int error = errno;
    bool closed = close(fd) == 0;
    if (!written)
        errno = error;
    return written && closed;
}

static bool write_there(const char *path, int flags, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | flags, 0666);
    return fd >= 0 && finish(fd, write_all(fd, bytes, size));
}

/* A file of its own beside `path`, whose name goes to `temp`.  Until it is complete it is the owner's alone where it replaces one. */
static int open_beside(const char *path, bool replaces, char *temp, size_t room)
{
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < 1000; tries++) {
        snprintf(temp, room, "%s.%ld-%d.tmp", path, (long)getpid(), tries);
        fd = open(temp, O_WRONLY | O_CREAT | O_EXCL, replaces ? 0600 : 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

/* old NULL: there is none. */
static bool replace(const char *path, const struct stat *old, const void *bytes, size_t size)
{
    size_t room = strlen(path) + 40;
    char *temp = malloc(room);
    if (temp == NULL)
        return false;
    int fd = open_beside(path, old != NULL, temp, room);
    bool done = false;
    if (fd >= 0) {
        done = write_all(fd, bytes, size);
        if (old != NULL && (fchown(fd, (uid_t)-1, old->st_gid) == 0 || old->st_gid == getegid()))
            (void)!fchmod(fd, old->st_mode & 0777);
        done = done && (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP);
        done = finish(fd, done) && rename(temp, path) == 0;
        if (!done) {
            int error = errno;
            unlink(temp); /* O_EXCL made it, so it is ours */
            errno = error;
        }
    }
    int error = errno;
    free(temp);
    errno = error;
    return done;
}

bool ex_write_file(const char *path, const void *bytes, size_t size)
{
    struct stat old, link;
    bool there = stat(path, &old) == 0;
    if (there && !S_ISREG(old.st_mode))
        return write_there(path, 0, bytes, size);
    if (!there && lstat(path, &link) == 0) /* a link to nothing yet */
        return write_there(path, O_CREAT, bytes, size);
    if (!there)
        return replace(path, NULL, bytes, size);
    if (access(path, W_OK) != 0)
        return false;
    char *real = realpath(path, NULL); /* links stay, and what they name is replaced */
    bool done = real != NULL && replace(real, &old, bytes, size);
    int error = errno;
    free(real);
    errno = error;
    return done;
}

ex_identity ex_identity_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    struct stat at;
    ex_identity id = { .known = false };
    if (stat(path, &at) == 0)
        id = (ex_identity){ S_ISREG(at.st_mode), at.st_dev, at.st_ino, NULL };
    else if (folder != NULL && stat(folder, &at) == 0)
        id = (ex_identity){ true, at.st_dev, at.st_ino, slash != NULL ? slash + 1 : path };
    free(folder);
    return id;
}

bool ex_is_same(const ex_identity *a, const ex_identity *b)
{
    return a->known && b->known && a->device == b->device && a->number == b->number && (a->name == NULL) == (b->name == NULL) &&
           (a->name == NULL || strcmp(a->name, b->name) == 0);
}
