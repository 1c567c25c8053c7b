/* Matrix products, row-major: C (m, n) = alpha op(A) op(B) + beta C, op(A) (m, k), op(B) (k, n).  beta 0 ignores what C
 * holds, NaN included.  Zero sizes are allowed. */
#ifndef DIM_KERNELS_GEMM_H
#define DIM_KERNELS_GEMM_H

#include "base/context.h"

/* Uses the context's threads; not from inside a dim__parallel task. */
void dim__gemm(dim_context *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha,
               const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

/* On the calling thread alone, from inside a task, when dim__gemm_in_tasks(). */
void dim__gemm_serial(dim_context *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha,
                      const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

/* As dim__gemm in double, for the closed-form probes; by the CBLAS, or in plain C where the context wants that. */
void dim__dgemm(dim_context *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, double alpha,
                const double *a, int64_t lda, const double *b, int64_t ldb, double beta, double *c, int64_t ldc);

/* Whether tasks of a pool may each multiply for themselves (oneDNN, BLIS, a CBLAS with one thread).  When not, the CBLAS
 * threads by itself: an op calls dim__gemm() from the calling thread, one block after the other. */
bool dim__gemm_in_tasks(const dim_context *ctx);

/* Set-up of ctx->gemm_state for ctx->threads; DIM_E_UNSUPPORTED when the build lacks the backend. */
dim_status dim__gemm_setup(dim_context *ctx, dim_gemm kind, uint32_t blas_threads);
void dim__gemm_teardown(dim_context *ctx);
const char *dim__gemm_name(const dim_context *ctx);

#endif
