/* Products by the CBLAS that libdim is linked with: OpenBLAS, BLIS (DIM_BLAS_BLIS, through its own interface, which
 * takes 64-bit sizes and a number of threads per call) or any other. */
#include "kernels/gemm_backend.h"

#include "base/memory.h"

#include <limits.h>
#include <stdio.h>

#if defined(DIM_BLAS_BLIS)
#include <blis.h>

static const double THREADED = 1 << 20;

dim_status dim__gemm_cblas_setup(dim_context *ctx, dim__gemm_state *state)
{
    (void)ctx;
    state->in_tasks = state->blas_threads <= 1;
    snprintf(state->name, sizeof state->name, "BLIS %s", bli_info_get_version_str());
    return DIM_OK;
}

void dim__gemm_cblas_run(const dim__gemm_state *state, const dim__product *p)
{
    float alpha = p->alpha, beta = p->beta;
    /* BLIS starts its threads for each product anew, which small ones do not pay back. */
    bool threaded = state->blas_threads > 1 && (double)p->m * (double)p->n * (double)p->k > THREADED;
    rntm_t runtime;
    bli_rntm_init_from_global(&runtime); /* BLIS 0.9 and 1.x have no other way in common that tells how it threads */
    bli_rntm_set_num_threads(threaded ? (dim_t)state->blas_threads : 1, &runtime);
    bli_sgemm_ex(p->trans_a ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, p->trans_b ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE,
                 p->m, p->n, p->k, &alpha, (float *)p->a, p->lda, 1, (float *)p->b, p->ldb, 1, &beta, p->c, p->ldc, 1,
                 NULL, &runtime);
}

#else
#include <cblas.h>

/* A CBLAS takes int sizes; half of the range leaves room for what it adds to them. */
enum { CHUNK = 1 << 30 };

#if defined(DIM_BLAS_OPENBLAS)
/* What OpenBLAS takes and gives back around each product.  They are in none of its headers, so they may be missing. */
#pragma weak blas_memory_alloc
#pragma weak blas_memory_free
extern void *blas_memory_alloc(int purpose);
extern void blas_memory_free(void *buffer);

/* Of address space, on x86-64; others take less. */
static const size_t BUFFER = (128 << 20) + (64 << 10);

/* OpenBLAS maps a buffer for each thread that multiplies at the same time, when it first needs one, and keeps it.  Where the
 * system has no room for one it asks again for ever: so they are mapped here, once it is known that there is room. */
static dim_status take_buffers(dim_context *ctx, uint32_t threads)
{
    size_t size = threads * BUFFER;
    if (blas_memory_alloc == NULL || blas_memory_free == NULL)
        return DIM_OK;
    void **buffers = dim__calloc(ctx, threads, sizeof *buffers);
    void *room = buffers != NULL ? dim__system_alloc(NULL, size, 64) : NULL;
    dim_status status = room != NULL ? DIM_OK : DIM_E_NOMEM;
    if (buffers != NULL && room == NULL)
        dim__fail(ctx, DIM_E_NOMEM, "no room for the %u buffers of OpenBLAS, which take %zu bytes of addresses",
                  (unsigned)threads, size);
    if (room != NULL) {
        dim__system_free(NULL, room, size);
        for (uint32_t i = 0; i < threads; i++)
            buffers[i] = blas_memory_alloc(0);
        for (uint32_t i = 0; i < threads; i++)
            if (buffers[i] != NULL)
                blas_memory_free(buffers[i]);
    }
    dim__free(ctx, buffers);
    return status;
}

dim_status dim__gemm_cblas_setup(dim_context *ctx, dim__gemm_state *state)
{
    /* The one setting of the process that libdim changes, and only when told to. */
    if (state->blas_threads > 0)
        openblas_set_num_threads((int)state->blas_threads);
    int threads = openblas_get_num_threads();
    state->in_tasks = threads == 1;
    snprintf(state->name, sizeof state->name, "OpenBLAS (%s, %d thread%s)", openblas_get_corename(), threads,
             threads == 1 ? "" : "s");
    return state->kind == DIM_GEMM_REFERENCE ? DIM_OK : take_buffers(ctx, ctx->threads);
}
#else
dim_status dim__gemm_cblas_setup(dim_context *ctx, dim__gemm_state *state)
{
    (void)ctx;
    /* An unknown CBLAS cannot be asked: it is used from one thread only unless the caller says that it has but one. */
    state->in_tasks = state->blas_threads == 1;
    snprintf(state->name, sizeof state->name, "CBLAS");
    return DIM_OK;
}
#endif

static void run(const dim__product *p, void *user)
{
    (void)user;
    cblas_sgemm(CblasRowMajor, p->trans_a ? CblasTrans : CblasNoTrans, p->trans_b ? CblasTrans : CblasNoTrans,
                (int)p->m, (int)p->n, (int)p->k, p->alpha, p->a, (int)p->lda, p->b, (int)p->ldb, p->beta, p->c,
                (int)p->ldc);
}

void dim__gemm_cblas_run(const dim__gemm_state *state, const dim__product *p)
{
    (void)state;
    if (p->lda > INT_MAX || p->ldb > INT_MAX || p->ldc > INT_MAX)
        dim__gemm_ref_run(p); /* rows of more than 8 GB: slow, but right */
    else if (p->m > CHUNK || p->n > CHUNK || p->k > CHUNK)
        dim__gemm_chunked(p, CHUNK, run, NULL);
    else
        run(p, NULL);
}
#endif

bool dim__gemm_cblas_is_openblas(void)
{
#if defined(DIM_BLAS_OPENBLAS)
    return true;
#else
    return false;
#endif
}
