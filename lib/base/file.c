#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include "base/file.h"

#include <errno.h>
#include <unistd.h>

/* Moves a descriptor up.  While it was low, another thread may have read or written by it. */
static int raise_descriptor(int low, int flags)
{
    int fd = fcntl(low, F_DUPFD_CLOEXEC, 3), error = errno;
    (void)close(low);
    if (fd >= 0 && (flags & O_EXCL) != 0)
        (void)!ftruncate(fd, 0);
    if (fd >= 0)
        (void)lseek(fd, 0, SEEK_SET);
    errno = error;
    return fd;
}

int dim__open_at(int folder, const char *path, int flags, mode_t mode)
{
    int fd;
    do
        fd = openat(folder, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd < 0 || fd > 2 ? fd : raise_descriptor(fd, flags);
}

int dim__open(const char *path, int flags, mode_t mode) { return dim__open_at(AT_FDCWD, path, flags, mode); }

DIR *dim__open_folder(const char *path)
{
    int fd = dim__open(path, O_RDONLY | O_DIRECTORY, 0);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    int error = errno;
    if (folder == NULL && fd >= 0)
        (void)close(fd);
    errno = error;
    return folder;
}
