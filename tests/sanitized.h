/* Whether this is built with a sanitizer. */
#ifndef DIM_TESTS_SANITIZED_H
#define DIM_TESTS_SANITIZED_H

#include "base/memory.h"

/* It keeps what a BLAS frees: for tests that look at the process's memory. */
enum { SANITIZED = DIM__SANITIZED };

/* It sees what is written past a block's end. */
#if defined(__SANITIZE_ADDRESS__)
enum { SEES_ENDS = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { SEES_ENDS = 1 };
#else
enum { SEES_ENDS = 0 };
#endif
#else
enum { SEES_ENDS = 0 };
#endif

#endif
