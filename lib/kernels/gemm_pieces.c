/* Products of parts of matrices. */
#include "kernels/gemm_backend.h"

#include "base/math.h"

dim__product dim__product_rows(const dim__product *p, int64_t begin, int64_t end)
{
    dim__product part = *p;
    part.m = end - begin;
    part.a += p->trans_a ? begin : begin * p->lda;
    part.c += begin * p->ldc;
    return part;
}

dim__product dim__product_columns(const dim__product *p, int64_t begin, int64_t end)
{
    dim__product part = *p;
    part.n = end - begin;
    part.b += p->trans_b ? begin * p->ldb : begin;
    part.c += begin;
    return part;
}

void dim__gemm_chunked(const dim__product *p, int64_t chunk, void (*run)(const dim__product *, void *), void *user)
{
    for (int64_t i = 0; i < p->m; i += chunk) {
        dim__product rows = dim__product_rows(p, i, dim__min64(p->m, i + chunk));
        for (int64_t j = 0; j < p->n; j += chunk) {
            dim__product part = dim__product_columns(&rows, j, dim__min64(p->n, j + chunk));
            for (int64_t l = 0; l < p->k; l += chunk) {
                part.k = dim__min64(p->k - l, chunk);
                run(&part, user);
                part.a += p->trans_a ? chunk * p->lda : chunk;
                part.b += p->trans_b ? chunk : chunk * p->ldb;
                part.beta = 1;
            }
        }
    }
}
