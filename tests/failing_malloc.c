#define _GNU_SOURCE /* syscall */

#include "failing_malloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own, by their other names. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static atomic_long calls, failed, fail_at;
static atomic_bool fail_on;

void failing_malloc(long at, bool on)
{
    atomic_store(&fail_at, 0);
    atomic_store(&calls, 0);
    atomic_store(&failed, 0);
    atomic_store(&fail_on, on);
    atomic_store(&fail_at, at);
}

long failing_malloc_calls(void) { return atomic_load(&calls); }
long failing_malloc_failed(void) { return atomic_load(&failed); }

static bool fails(void)
{
    long at = atomic_load(&fail_at), call = atomic_fetch_add(&calls, 1) + 1;
    bool yes = at != 0 && (call == at || (call > at && atomic_load(&fail_on)));
    if (yes) {
        atomic_fetch_add(&failed, 1);
        errno = ENOMEM;
    }
    return yes;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *memory, size_t size) { return fails() ? NULL : __libc_realloc(memory, size); }
void *memalign(size_t align, size_t size) { return fails() ? NULL : __libc_memalign(align, size); }
void *aligned_alloc(size_t align, size_t size) { return fails() ? NULL : __libc_memalign(align, size); }

int posix_memalign(void **out, size_t align, size_t size)
{
    if (fails())
        return ENOMEM;
    void *memory = __libc_memalign(align, size);
    if (memory == NULL)
        return ENOMEM;
    *out = memory;
    return 0;
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t at)
{
    return fails() ? MAP_FAILED : (void *)syscall(SYS_mmap, address, size, protection, flags, file, at);
}
