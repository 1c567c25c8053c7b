#include "base/thread.h"

#include <stddef.h>

void dim__signals_that_wait(sigset_t *set)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };
    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(set, faults[i]);
}

int dim__thread_start(pthread_t *id, void *(*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    sigset_t set, old;
    size_t stack = 0;
    int code = pthread_attr_init(&attr);
    if (code != 0)
        return code;
    if (pthread_attr_getstacksize(&attr, &stack) == 0 && stack < DIM__THREAD_STACK)
        pthread_attr_setstacksize(&attr, DIM__THREAD_STACK);
    dim__signals_that_wait(&set);
    pthread_sigmask(SIG_SETMASK, &set, &old); /* which a thread inherits */
    code = pthread_create(id, &attr, fn, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return code;
}
