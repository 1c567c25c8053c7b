/* What a program does before anything else. */
#ifndef EXAMPLES_PROCESS_H
#define EXAMPLES_PROCESS_H

#include <stdbool.h>

/* Started without standard input, output or error it must not get a file of its own in their place; and a file that may not
 * become larger is an error of write(), which is said.  Returns whether standard output was open. */
bool ex_process_start(void);
/* Whether descriptor 0, 1 or 2 was open then. */
bool ex_process_had(int fd);

#endif
