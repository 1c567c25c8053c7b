/* For tests of what happens when there is no memory. */
#ifndef DIM_TESTS_FAILING_ALLOC_H
#define DIM_TESTS_FAILING_ALLOC_H

#include <stddef.h>
#include <stdlib.h>

typedef struct failing { /* an allocator that fails at its `fail_at`-th allocation; 0 = never */
    long calls, fail_at, live;
} failing;

static inline void *take(void *user, size_t size, size_t align)
{
    failing *f = user;
    if (++f->calls == f->fail_at)
        return NULL;
    f->live++;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static inline void give(void *user, void *memory, size_t size)
{
    (void)size;
    ((failing *)user)->live--;
    free(memory);
}

#endif
