/* Products by oneDNN's sgemm, which generates code for the processor at its first use (some 20 ms). */
#include "kernels/gemm_backend.h"
#include "kernels/onednn.h"

#if defined(DIM_HAVE_ONEDNN)
#include <stdlib.h>

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

bool dim__gemm_onednn_run(dim__onednn *d, const dim__product *p)
{
    dim__onednn_guard guard;
    if (!atomic_load_explicit(&d->ready, memory_order_relaxed) && !dim__onednn_has_room())
        return false;
    fill_thread_cache(p);
    if (!dim__onednn_enter(d, &guard))
        return false;
    bool done = d->gemm.sgemm(p->trans_a ? 'T' : 'N', p->trans_b ? 'T' : 'N', p->m, p->n, p->k, p->alpha, p->a, p->lda,
                              p->b, p->ldb, p->beta, p->c, p->ldc) == 0;
    dim__onednn_leave(d, &guard);
    if (!atomic_load_explicit(&d->ready, memory_order_relaxed))
        atomic_store_explicit(&d->ready, dim__exit_watch(d->exit), memory_order_relaxed);
    return done;
}

#else
bool dim__gemm_onednn_run(struct dim__onednn *d, const dim__product *p)
{
    (void)d;
    (void)p;
    return false;
}
#endif
