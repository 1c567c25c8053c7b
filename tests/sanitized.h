/* Whether this is built with a sanitizer, which keeps what a BLAS frees: for tests that look at the process's memory. */
#ifndef DIM_TESTS_SANITIZED_H
#define DIM_TESTS_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

#endif
