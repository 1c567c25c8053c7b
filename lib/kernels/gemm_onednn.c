/* Products by oneDNN's sgemm, which generates code for the processor at its first use (some 20 ms).
 *
 * The library is loaded when a context asks for it rather than linked: programs that link libdim then run where oneDNN
 * is not installed, with the CBLAS, and libdim.so does not pull in its C++, OpenCL and OpenMP libraries.  Loading takes
 * about 1 ms.
 *
 * oneDNN divides a product over OpenMP threads, whose idle spinning would fight with our pool.  We call it with one
 * OpenMP thread from each of our own instead; that number is kept per thread by OpenMP and is put back after the call,
 * so neither the process's setting nor the caller's changes, and no OpenMP team is ever started.
 *
 * A signal handler that runs while a thread is inside oneDNN's generated code corrupts memory (version 2.6.3 on AVX-512:
 * a plain loop of dnnl_sgemm under an interval timer ends in "free(): invalid size"), so signals wait for the product's
 * end.  Workers of the pool have them blocked anyway; this is for the caller's thread. */
#include "kernels/gemm_backend.h"

#if defined(DIM_HAVE_ONEDNN)
#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

typedef const dnnl_version_t *(*version_fn)(void);

/* POSIX gives functions as object pointers; copying the bits is the conversion that C allows. */
static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

bool dim__gemm_onednn_setup(dim__gemm_state *state)
{
    version_fn version;
    /* Never unloaded: OpenMP's per-thread data outlives any context. */
    void *library = dlopen("libdnnl.so." TEXT(DNNL_VERSION_MAJOR), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL)
        return false;
    bool found = find(library, "dnnl_sgemm", &state->sgemm) && find(library, "dnnl_version", &version);
    if (found && version()->cpu_runtime == DNNL_RUNTIME_OMP)
        found = find(library, "omp_set_num_threads", &state->omp_set_threads) &&
                find(library, "omp_get_max_threads", &state->omp_get_threads);
    else if (found)
        found = version()->cpu_runtime == DNNL_RUNTIME_SEQ; /* other runtimes start threads of their own */
    if (found)
        snprintf(state->name, sizeof state->name, "oneDNN %d.%d.%d", version()->major, version()->minor,
                 version()->patch);
    dlclose(library);
    return found;
}

void dim__onednn_enter(const dim__gemm_state *state, dim__onednn_guard *guard)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP }; /* of the thread itself: cannot wait */
    sigset_t set;
    sigfillset(&set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&set, faults[i]);
    pthread_sigmask(SIG_BLOCK, &set, &guard->signals);
    guard->threads = state->omp_get_threads != NULL ? state->omp_get_threads() : 1;
    if (guard->threads != 1)
        state->omp_set_threads(1);
}

void dim__onednn_leave(const dim__gemm_state *state, const dim__onednn_guard *guard)
{
    if (guard->threads != 1)
        state->omp_set_threads(guard->threads);
    pthread_sigmask(SIG_SETMASK, &guard->signals, NULL);
}

/* Each product takes a megabyte or so from posix_memalign() for its copies.  glibc (seen in 2.36) frees the few bytes before
 * the aligned address by themselves, and the first seven such pieces of each size stay in the thread's cache of free
 * pieces, where they part the free memory around them: the next product does not fit any more and takes more from the
 * system, page by page, some 20 MB in all.  With a cache that is full already the pieces are merged again.  Filling it
 * takes a microsecond or two, so only products that take a hundred times as long do it. */
static void fill_thread_cache(const dim__product *p)
{
#if defined(__GLIBC__)
    enum { KEPT = 7, LEAST = 24, STEP = 16, SIZES = 10 }; /* pieces of 32, 48, ..., 176 bytes */
    void *volatile pieces[SIZES * KEPT]; /* volatile: else the compiler leaves it all out */
    if ((double)p->m * (double)p->n * (double)p->k < 1 << 24)
        return;
    for (size_t i = 0; i < SIZES * KEPT; i++)
        pieces[i] = malloc(LEAST + i / KEPT * STEP);
    for (size_t i = 0; i < SIZES * KEPT; i++)
        free(pieces[i]);
#else
    (void)p;
#endif
}

void dim__gemm_onednn_run(const dim__gemm_state *state, const dim__product *p)
{
    dim__onednn_guard guard;
    fill_thread_cache(p);
    dim__onednn_enter(state, &guard);
    int failed = state->sgemm(p->trans_a ? 'T' : 'N', p->trans_b ? 'T' : 'N', p->m, p->n, p->k, p->alpha, p->a, p->lda,
                              p->b, p->ldb, p->beta, p->c, p->ldc);
    dim__onednn_leave(state, &guard);
    if (failed) /* it has no memory for its copies */
        dim__gemm_cblas_run(state, p);
}

#else
bool dim__gemm_onednn_setup(dim__gemm_state *state)
{
    (void)state;
    return false;
}

void dim__gemm_onednn_run(const dim__gemm_state *state, const dim__product *p)
{
    dim__gemm_cblas_run(state, p);
}
#endif
