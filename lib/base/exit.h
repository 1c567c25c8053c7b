/* The process's end.  exit() destroys what other libraries keep for the process (oneDNN its code for matrix products, OpenBLAS
 * its buffers) while exit handlers that were registered earlier are still to run, and while other threads are running.  Who
 * calls such a library asks here first, and does without it when the process is ending. */
#ifndef DIM_BASE_EXIT_H
#define DIM_BASE_EXIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct dim__exit {
    atomic_bool ended;
    atomic_int inside; /* threads that are in a call of a library */
    pid_t home;
} dim__exit;

void dim__exit_init(dim__exit *e);
/* To be called after a library has made something that it keeps for the process: exit() goes backwards.  False when there is
 * no memory. */
bool dim__exit_watch(dim__exit *e);
void dim__exit_forget(dim__exit *e);

static inline bool dim__exit_begun(const dim__exit *e) { return atomic_load_explicit(&e->ended, memory_order_relaxed); }

/* Around a call that takes a while; false: it is too late for it. */
static inline bool dim__exit_enter(dim__exit *e)
{
    atomic_fetch_add(&e->inside, 1);
    if (!atomic_load(&e->ended))
        return true;
    atomic_fetch_sub(&e->inside, 1);
    return false;
}

static inline void dim__exit_leave(dim__exit *e) { atomic_fetch_sub(&e->inside, 1); }

#endif
