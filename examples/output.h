/* Files that a program writes at once. */
#ifndef EXAMPLES_OUTPUT_H
#define EXAMPLES_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Writes a file of `size` bytes, which replaces an old one only when all of it is on the disk.  What is there and is not a plain
 * file, such as a device or a pipe, is written to as it is, and never removed.  False: errno says why, and an old file is as before. */
bool ex_write_file(const char *path, const void *bytes, size_t size);

#endif
