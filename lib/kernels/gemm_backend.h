/* Inside of the matrix products; what ops may use is in gemm.h.  A backend multiplies on the calling thread or, when the
 * CBLAS does so by itself, on threads of its own. */
#ifndef DIM_KERNELS_GEMM_BACKEND_H
#define DIM_KERNELS_GEMM_BACKEND_H

#include "base/exit.h"
#include "kernels/gemm.h"

typedef struct dim__product { /* C (m, n) = alpha op(A) op(B) + beta C */
    bool trans_a, trans_b;
    int64_t m, n, k;
    float alpha, beta;
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc;
} dim__product;

typedef struct dim__gemm_state {
    dim_gemm kind;          /* never AUTO */
    bool in_tasks;          /* the backend stays on the calling thread */
    bool cblas_avx2;        /* oneDNN leaves some products to the CBLAS, see gemm.c */
    uint32_t blas_threads;
    char name[96];
    dim__exit exit;
    struct dim__onednn *onednn; /* NULL where it is not there or not wanted; see onednn.h */
} dim__gemm_state;

/* Each takes m, n, k > 0. */
void dim__gemm_ref_run(const dim__product *p);
void dim__gemm_cblas_run(const dim__gemm_state *state, const dim__product *p);
bool dim__gemm_onednn_run(struct dim__onednn *d, const dim__product *p); /* false: it has no memory */

/* Products that are bound by memory or too narrow for a BLAS's blocking, by the context's own inner loops. */
bool dim__gemm_is_skinny(const dim__product *p);
void dim__gemm_skinny_run(const struct dim__kernels *kernels, const dim__product *p);

/* Runs p in pieces of at most `chunk` along m, n and k; `run` sees only sizes up to that. */
void dim__gemm_chunked(const dim__product *p, int64_t chunk, void (*run)(const dim__product *, void *), void *user);

/* Rows [begin, end) of C, or columns. */
dim__product dim__product_rows(const dim__product *p, int64_t begin, int64_t end);
dim__product dim__product_columns(const dim__product *p, int64_t begin, int64_t end);

/* Fills the state, which is the context's. */
dim_status dim__gemm_cblas_setup(dim_context *ctx, dim__gemm_state *state);
bool dim__gemm_cblas_is_openblas(void);

#endif
