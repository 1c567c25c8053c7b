/* How libdim starts its threads: those of a pool, of a loader. */
#ifndef DIM_BASE_THREAD_H
#define DIM_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

/* The least stack that they have: the default of a process may be less, as with musl, or where `ulimit -s` is low. */
enum { DIM__THREAD_STACK = 1 << 20 };

/* All signals that can wait: not those of faults of the thread itself. */
void dim__signals_that_wait(sigset_t *set);

/* As pthread_create().  The new thread has those signals blocked: the caller's handlers run on the caller's threads. */
int dim__thread_start(pthread_t *id, void *(*fn)(void *), void *arg);

#endif
