/* Small blocks are the C library's.  Large ones are pages of their own: huge ones where the system has them for who asks,
 * which spares a step over 100 MB most of its address translation, and given back when they are freed, so that they do not
 * teach malloc() to keep large blocks.  Nothing is touched here: a page belongs to the thread that first writes it. */
#define _GNU_SOURCE /* madvise */

#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* The sanitizers want to see every block. */
#if defined(__linux__) && !DIM__SANITIZED
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, LARGE = 2 * HUGE_PAGE };

static bool is_large(size_t size) { return size >= LARGE; }

/* Whole pages, of which the largest usual ones have 64 kB. */
static size_t whole(size_t size) { return (size + 65535) / 65536 * 65536; }

/* More than is needed, of which both ends are given back: the block begins with a huge page. */
static void *map(size_t size)
{
    char *at = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    size_t head = (HUGE_PAGE - (uintptr_t)at % HUGE_PAGE) % HUGE_PAGE;
    if (head > 0)
        munmap(at, head);
    munmap(at + head + size, HUGE_PAGE - head);
    madvise(at + head, size, MADV_HUGEPAGE); /* a wish: without huge pages, small ones do */
    return at + head;
}

static void unmap(void *memory, size_t size) { munmap(memory, size); }
#else
static bool is_large(size_t size)
{
    (void)size;
    return false;
}
static size_t whole(size_t size) { return size; }
static void *map(size_t size) { return malloc(size); }
static void unmap(void *memory, size_t size)
{
    (void)size;
    free(memory);
}
#endif

void *dim__system_alloc(void *user, size_t size, size_t align)
{
    (void)user;
    if (size > SIZE_MAX / 2)
        return NULL;
    return is_large(size) ? map(whole(size)) : aligned_alloc(align, (size + align - 1) / align * align);
}

void dim__system_free(void *user, void *memory, size_t size)
{
    (void)user;
    if (is_large(size))
        unmap(memory, whole(size));
    else
        free(memory);
}
