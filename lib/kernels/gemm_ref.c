/* The product as written in a textbook, summed in double: what the others are tested against. */
#include "kernels/gemm_backend.h"

void dim__gemm_ref_run(const dim__product *p)
{
    int64_t step_a = p->trans_a ? p->lda : 1, step_b = p->trans_b ? 1 : p->ldb;
    for (int64_t i = 0; i < p->m; i++) {
        const float *a = p->a + (p->trans_a ? i : i * p->lda);
        for (int64_t j = 0; j < p->n; j++) {
            const float *b = p->b + (p->trans_b ? j * p->ldb : j);
            float *c = p->c + i * p->ldc + j;
            double sum = 0;
            for (int64_t l = 0; l < p->k; l++)
                sum += (double)a[l * step_a] * b[l * step_b];
            sum *= p->alpha;
            *c = (float)(p->beta == 0 ? sum : sum + (double)p->beta * *c);
        }
    }
}
