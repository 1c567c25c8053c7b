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

/* Products of bf16 with sums in f32: whether the processor does them (AVX512_BF16 or AMX, by oneDNN). */
bool dim__gemm_native_bf16(const dim_context *ctx);

typedef struct dim__product_key { /* only int64_t, so that memory compares; rows follow each other without gaps */
    int64_t trans_a, trans_b;
    int64_t m, n, k;
    int64_t bf16_out;      /* C in bf16, else in f32 */
    int64_t f32;           /* A and B in f32, else in bf16 */
} dim__product_key;

/* A product in bf16, or one in f32 for which that was measured to be faster, prepared; owned by the context and the same for
 * the same key.  *out is NULL where it would not be native, or not faster. */
typedef struct dim__product_plan dim__product_plan;
dim_status dim__product_plan_get(dim_context *ctx, const dim__product_key *key, const dim__product_plan **out);
size_t dim__product_plan_workspace(const dim_context *ctx, const dim__product_plan *plan);
bool dim__is_product_plan(const void *plan); /* else, where there is one, it is a convolution's */
/* False when oneDNN has no memory. */
bool dim__product_plan_run(dim_context *ctx, const dim__product_plan *plan, const void *a, const void *b, void *c,
                           void *workspace);

/* A program holds the plans of its nodes, of products and of convolutions (conv.h), and lets go of them: by = 1 or -1.  The
 * context keeps those that nobody holds for their next use; when a program is complete, all but the latest are released. */
void dim__plan_hold(dim_context *ctx, const void *plan, int by);
void dim__plans_trim(dim_context *ctx);
void dim__plans_forget(dim_context *ctx); /* all, which nobody may hold then */

/* Whether tasks of a pool may each multiply for themselves (oneDNN, BLIS, a CBLAS with one thread).  When not, the CBLAS
 * threads by itself: an op calls dim__gemm() from the calling thread, one block after the other. */
bool dim__gemm_in_tasks(const dim_context *ctx);

/* Set-up of ctx->gemm_state for ctx->threads; DIM_E_UNSUPPORTED when the build lacks the backend. */
dim_status dim__gemm_setup(dim_context *ctx, dim_gemm kind, uint32_t blas_threads);
void dim__gemm_teardown(dim_context *ctx);
const char *dim__gemm_name(const dim_context *ctx);

#endif
