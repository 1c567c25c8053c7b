/* Whether this is built with a sanitizer. */
#ifndef DIM_TESTS_SANITIZED_H
#define DIM_TESTS_SANITIZED_H

#include "base/memory.h"

/* It keeps what a BLAS frees: for tests that look at the process's memory. */
enum { SANITIZED = DIM__SANITIZED };

/* With its checks between them, clang may fuse a product with a sum in one loop, and not in another of the same numbers. */
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
enum { FUSES_ALIKE = 0 };
#else
enum { FUSES_ALIKE = 1 };
#endif
#else
enum { FUSES_ALIKE = 1 };
#endif

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
