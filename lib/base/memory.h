/* The allocator of contexts without hooks of their own. */
#ifndef DIM_BASE_MEMORY_H
#define DIM_BASE_MEMORY_H

#include <stddef.h>

/* dim_alloc_fn and dim_free_fn. */
void *dim__system_alloc(void *user, size_t size, size_t align);
void dim__system_free(void *user, void *memory, size_t size);

#endif
