/* Matrix products in double.  Sizes are those of a Gram matrix, far below an int's range. */
#include "kernels/gemm_backend.h"

#include "base/math.h"
#include "base/pool.h"

#include <limits.h>

typedef struct dproduct {
    const dim_context *ctx;
    bool trans_a, trans_b;
    int64_t m, n, k;
    double alpha, beta;
    const double *a, *b;
    double *c;
    int64_t lda, ldb, ldc;
} dproduct;

static void reference(const dproduct *p)
{
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            double sum = 0, *c = p->c + i * p->ldc + j;
            for (int64_t l = 0; l < p->k; l++)
                sum += p->a[p->trans_a ? l * p->lda + i : i * p->lda + l] *
                       p->b[p->trans_b ? j * p->ldb + l : l * p->ldb + j];
            *c = p->alpha * sum + (p->beta == 0 ? 0 : p->beta * *c);
        }
}

#if defined(DIM_BLAS_BLIS)
#include <blis.h>

static bool on_one_thread(const dim_context *ctx)
{
    return ((const dim__gemm_state *)ctx->gemm_state)->blas_threads <= 1;
}

static void run(const dproduct *p)
{
    const dim__gemm_state *state = p->ctx->gemm_state;
    double alpha = p->alpha, beta = p->beta;
    rntm_t runtime;
    bli_rntm_init_from_global(&runtime);
    bli_rntm_set_num_threads(state->blas_threads > 1 ? (dim_t)state->blas_threads : 1, &runtime);
    bli_dgemm_ex(p->trans_a ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, p->trans_b ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, p->m,
                 p->n, p->k, &alpha, (double *)p->a, p->lda, 1, (double *)p->b, p->ldb, 1, &beta, p->c, p->ldc, 1, NULL,
                 &runtime);
}

#else
#include <cblas.h>

static bool on_one_thread(const dim_context *ctx)
{
    (void)ctx;
#if defined(DIM_BLAS_OPENBLAS)
    return openblas_get_num_threads() == 1;
#else
    return false; /* it may thread by itself */
#endif
}

static void run(const dproduct *p)
{
    cblas_dgemm(CblasRowMajor, p->trans_a ? CblasTrans : CblasNoTrans, p->trans_b ? CblasTrans : CblasNoTrans,
                (int)p->m, (int)p->n, (int)p->k, p->alpha, p->a, (int)p->lda, p->b, (int)p->ldb, p->beta, p->c,
                (int)p->ldc);
}
#endif

/* Rows of a piece, by the product's size alone: how a BLAS sums depends on how many rows it is given, and the bits of a product are not
 * to depend on the number of threads.  Of many rows pieces are large, since a BLAS copies all of b for each. */
static int64_t piece_of(const dproduct *p)
{
    enum { LEAST = 128, MOST = 512, MANY = 16 };
    return dim__min64(dim__max64((p->m / MANY + 15) / 16 * 16, LEAST), MOST);
}

static void multiply(dproduct p)
{
    dim__exit *exit = &((dim__gemm_state *)p.ctx->gemm_state)->exit;
    bool plain = ((const dim__gemm_state *)p.ctx->gemm_state)->kind == DIM_GEMM_REFERENCE || p.k == 0 ||
                 dim__max64(dim__max64(p.lda, p.ldb), p.ldc) > INT_MAX;
    if (!plain && dim__exit_enter(exit)) {
        run(&p);
        dim__exit_leave(exit);
    } else
        reference(&p);
}

static void pieces(void *arg, int64_t begin, int64_t end, int thread)
{
    const dproduct *all = arg;
    int64_t rows = piece_of(all);
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        dproduct p = *all;
        p.m = dim__min64(rows, all->m - i * rows);
        p.a += i * rows * (p.trans_a ? 1 : p.lda);
        p.c += i * rows * p.ldc;
        multiply(p);
    }
}

void dim__dgemm(dim_context *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, double alpha,
                const double *a, int64_t lda, const double *b, int64_t ldb, double beta, double *c, int64_t ldc)
{
    dproduct p = { ctx, trans_a, trans_b, m, n, k, alpha, beta, a, b, c, lda, ldb, ldc };
    bool small = (double)m * (double)n * (double)k < 1 << 16;
    if (m == 0 || n == 0)
        return;
    if (!small && on_one_thread(ctx))
        dim__parallel(ctx, (m + piece_of(&p) - 1) / piece_of(&p), 1, pieces, &p);
    else
        multiply(p);
}
