#include "base/exit.h"

#include <time.h>
#include <unistd.h>

/* Calls of a library take milliseconds.  One does not end when a signal handler in it called exit(). */
enum { MOST_MILLISECONDS = 1000 };

void dim__exit_init(dim__exit *e)
{
    atomic_init(&e->ended, false);
    atomic_init(&e->inside, 0);
    e->home = getpid();
}

#if defined(__GLIBC__)
/* Of the C++ ABI: the second calls and forgets what the first registered for an owner.  So nothing stays behind when a context
 * ends, as it would by atexit(). */
extern int __cxa_atexit(void (*fn)(void *), void *arg, void *owner);
extern void __cxa_finalize(void *owner);

static void end(void *arg)
{
    dim__exit *e = arg;
    const struct timespec moment = { 0, 1000000 };
    if (atomic_exchange(&e->ended, true) || e->home != getpid()) /* in a forked child nobody else is running */
        return;
    for (int i = 0; i < MOST_MILLISECONDS && (i == 0 || atomic_load(&e->inside) > 0); i++)
        nanosleep(&moment, NULL);
}

bool dim__exit_watch(dim__exit *e) { return __cxa_atexit(end, e, e) == 0; }

void dim__exit_forget(dim__exit *e)
{
    atomic_store(&e->ended, true);
    __cxa_finalize(e);
}
#else
bool dim__exit_watch(dim__exit *e)
{
    (void)e;
    return true;
}

void dim__exit_forget(dim__exit *e) { (void)e; }
#endif
