/* The allocator of contexts without hooks of their own. */
#ifndef DIM_BASE_MEMORY_H
#define DIM_BASE_MEMORY_H

#include <stddef.h>

/* Whether this is built with a sanitizer that looks after memory: gcc and clang say so in different ways. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DIM__SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define DIM__SANITIZED 1
#endif
#endif
#if !defined(DIM__SANITIZED)
#define DIM__SANITIZED 0
#endif

/* dim_alloc_fn and dim_free_fn. */
void *dim__system_alloc(void *user, size_t size, size_t align);
void dim__system_free(void *user, void *memory, size_t size);

#endif
