/* Every public function on a thread with 128 KiB of stack, which is what musl gives threads and what threads of servers have; the
 * C library and a BLAS take their thread-local variables from it.  Each runs in a process of its own, so that all that need more
 * are named.  The stack is painted, so that the deepest is told, too. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif
#include "every_run.h"
#include "sanitized.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifndef WATCHED
#define WATCHED SANITIZED
#endif
/* A sanitizer's frames are several times as large, and are not what anybody ships. */
enum { STACK = WATCHED ? 1 << 20 : 128 << 10, GUARD = 1 << 20, PAINT = 0xa5, OVERFLOW = 9, REFUSED = 8 };

static char *block; /* guard, stack */
static every_run run;
static int *deepest; /* bytes, of the child's call; in memory that is shared with it */

static void on_fault(int signal, siginfo_t *info, void *context)
{
    char *at = info->si_addr;
    (void)signal;
    (void)context;
    _exit(at >= block && at < block + GUARD + 4096 ? OVERFLOW : 1);
}

static void *call(void *unused)
{
    static char other[1 << 16];
    stack_t s = { .ss_sp = other, .ss_size = sizeof other }, before;
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    (void)unused;
    if (sigaltstack(&s, &before) != 0 || sigaction(SIGSEGV, &action, NULL) != 0 || sigaction(SIGBUS, &action, NULL) != 0)
        _exit(1);
    every_call(&run);
    sigaltstack(&before, NULL); /* a sanitizer's, which it unmaps */
    return NULL;
}

static void child(const every_function *f)
{
    pthread_attr_t attr;
    pthread_t thread;
    every_begin(&run, f, "on a small stack");
    memset(block + GUARD, PAINT, STACK);
    if (pthread_attr_init(&attr) != 0 || pthread_attr_setstack(&attr, block + GUARD, STACK) != 0 ||
        pthread_create(&thread, &attr, call, NULL) != 0 || pthread_join(thread, NULL) != 0)
        _exit(1);
    int used = STACK;
    while (used > 0 && (unsigned char)block[GUARD + STACK - used] == PAINT)
        used--;
    *deepest = used;
    dim_status status = run.r.status;
    if (status != DIM_OK && status != DIM_E_UNSUPPORTED)
        fprintf(stderr, "%s: %s\n", f->name, dim_context_error(run.w.ctx));
    every_end(&run, NULL);
    _exit(status == DIM_OK || status == DIM_E_UNSUPPORTED ? 0 : REFUSED);
}

static int overflows(const every_function *f)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(f);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == OVERFLOW)
        fprintf(stderr, "%s needs more than %d KiB of stack\n", f->name, STACK >> 10);
    else
        fprintf(stderr, "%s on a thread with %d KiB of stack: status %d\n", f->name, STACK >> 10, status);
    return 1;
}

static void test_small_stack(void **state)
{
    int bad = 0, most = 0;
    const every_function *which = every_functions;
    (void)state;
    block = mmap(NULL, GUARD + STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    deepest = mmap(NULL, sizeof *deepest, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(block != MAP_FAILED && (void *)deepest != MAP_FAILED);
    assert_int_equal(mprotect(block + GUARD, STACK, PROT_READ | PROT_WRITE), 0);
    for (const every_function *f = every_functions; f < every_functions + every_count; f++) {
        bad += overflows(f);
        if (*deepest > most) {
            most = *deepest;
            which = f;
        }
    }
    printf("deepest of those that end: %s, %d of %d KiB, thread-local variables included\n", which->name, most >> 10, STACK >> 10);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_small_stack) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
