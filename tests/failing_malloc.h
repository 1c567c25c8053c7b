/* Fails an allocation of the process, whoever makes it: the C library, a BLAS, oneDNN.  A program that is linked with
 * failing_malloc.c has the C library's malloc() and its like, and mmap(), through it. */
#ifndef DIM_TESTS_FAILING_MALLOC_H
#define DIM_TESTS_FAILING_MALLOC_H

#include <stdbool.h>

/* The allocation number `at` from now on fails, counted from 1, and all later ones where `on`; 0 = none. */
void failing_malloc(long at, bool on);
long failing_malloc_calls(void);  /* since then */
long failing_malloc_failed(void); /* of these */

#endif
