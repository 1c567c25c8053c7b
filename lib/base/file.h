/* Opening files: the only place of the library that does. */
#ifndef DIM_BASE_FILE_H
#define DIM_BASE_FILE_H

#include <dirent.h>
#include <fcntl.h>

/* open() and openat(), again when a signal comes, and closed on exec; -1 and errno.  Never as descriptor 0, 1 or 2: in a
 * process that has closed its standard error, the next message would go into the file. */
int dim__open(const char *path, int flags, mode_t mode);
int dim__open_at(int folder, const char *path, int flags, mode_t mode);
/* opendir() likewise. */
DIR *dim__open_folder(const char *path);

#endif
