/* Files that a program writes at once; and which files are the same. */
#ifndef EXAMPLES_OUTPUT_H
#define EXAMPLES_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes a file of `size` bytes, which replaces an old one only when all of it is on the disk.  What is there and is not a plain
 * file, such as a device or a pipe, is written to as it is, and never removed.  False: errno says why, and an old file is as before. */
bool ex_write_file(const char *path, const void *bytes, size_t size);

/* A plain file, or one that is to be made: by its folder and name then. */
typedef struct ex_identity {
    bool known;
    dev_t device;
    ino_t number;
    const char *name;             /* NULL = the file is there; else in the path that was given */
} ex_identity;

ex_identity ex_identity_of(const char *path);
bool ex_is_same(const ex_identity *a, const ex_identity *b);

#endif
