/* Matrix times vector and products over a k of a few: a BLAS copies the matrix into its blocks first, which takes longer
 * than these products themselves. */
#include "kernels/gemm_backend.h"

#include "base/math.h"
#include "kernels/kernels.h"

/* Blocks are on the stack, of which a caller may have little: 4 KB at most for a function. */

bool dim__gemm_is_skinny(const dim__product *p)
{
    return p->m == 1 || p->n == 1 || (p->k <= DIM__FEW && p->n >= 16);
}

static float combine(const dim__product *p, double sum, float c)
{
    return (float)(p->beta == 0 ? p->alpha * sum : p->alpha * sum + (double)p->beta * c);
}

/* c[i inc_c] = alpha sum_l A[i, l] x[l inc_x] + beta c, A (m, k) row-major. */
static void matrix_vector(const dim__kernels *kernels, const dim__product *p, int64_t m, const float *a, int64_t lda,
                          const float *x, int64_t inc_x, int64_t inc_c)
{
    enum { BLOCK = 128, STEP = 512 };
    float packed[STEP], sum[BLOCK];
    double total[BLOCK];
    int64_t step = inc_x == 1 ? p->k : STEP; /* of k; x is packed where it is not contiguous */
    for (int64_t i = 0; i < m; i += BLOCK) {
        int64_t rows = dim__min64(m - i, BLOCK);
        memset(total, 0, sizeof total);
        for (int64_t l = 0; l < p->k; l += step) {
            int64_t size = dim__min64(p->k - l, step);
            for (int64_t j = 0; inc_x != 1 && j < size; j++)
                packed[j] = x[(l + j) * inc_x];
            kernels->dot_rows(sum, a + i * lda + l, lda, inc_x == 1 ? x : packed, rows, size);
            for (int64_t r = 0; r < rows; r++)
                total[r] += sum[r];
        }
        for (int64_t r = 0; r < rows; r++)
            p->c[(i + r) * inc_c] = combine(p, total[r], p->c[(i + r) * inc_c]);
    }
}

/* c[j inc_c] = alpha sum_l A[l, j] x[l inc_x] + beta c, A (k, n) row-major.  Sums of some rows are in float, so that k may
 * be long. */
static void vector_matrix(const dim__kernels *kernels, const dim__product *p, int64_t n, const float *a, int64_t lda,
                          const float *x, int64_t inc_x, int64_t inc_c)
{
    enum { ROWS = 512, BLOCK = 256 };
    float sum[BLOCK];
    double total[BLOCK];
    for (int64_t j = 0; j < n; j += BLOCK) {
        int64_t size = dim__min64(n - j, BLOCK);
        memset(total, 0, sizeof total);
        for (int64_t l = 0; l < p->k; l += ROWS) {
            memset(sum, 0, (size_t)size * sizeof *sum);
            kernels->add_rows(sum, a + l * lda + j, lda, x + l * inc_x, inc_x, dim__min64(p->k - l, ROWS), size);
            for (int64_t i = 0; i < size; i++)
                total[i] += sum[i];
        }
        for (int64_t i = 0; i < size; i++)
            p->c[(j + i) * inc_c] = combine(p, total[i], p->c[(j + i) * inc_c]);
    }
}

/* k <= DIM__FEW: each row of C is a sum of a few rows of op(B). */
static void few_rows(const dim__kernels *kernels, const dim__product *p)
{
    enum { BLOCK = 192 };
    float rows[DIM__FEW][BLOCK];
    for (int64_t j = 0; j < p->n; j += BLOCK) {
        int64_t size = dim__min64(p->n - j, BLOCK);
        for (int64_t l = 0; l < p->k; l++)
            for (int64_t i = 0; i < size; i++)
                rows[l][i] = p->alpha * (p->trans_b ? p->b[(j + i) * p->ldb + l] : p->b[l * p->ldb + j + i]);
        for (int64_t i = 0; i < p->m && p->beta != 0 && p->beta != 1; i++)
            kernels->affine(p->c + i * p->ldc + j, p->c + i * p->ldc + j, p->beta, 0, size);
        kernels->few_rows(p->c + j, p->ldc, p->beta != 0, p->a, p->trans_a ? 1 : p->lda, p->trans_a ? p->lda : 1, rows[0], BLOCK, p->m,
                          p->k, size);
    }
}

void dim__gemm_skinny_run(const dim__kernels *kernels, const dim__product *p)
{
    if (p->n == 1) {
        int64_t inc = p->trans_b ? 1 : p->ldb;
        if (p->trans_a)
            vector_matrix(kernels, p, p->m, p->a, p->lda, p->b, inc, p->ldc);
        else
            matrix_vector(kernels, p, p->m, p->a, p->lda, p->b, inc, p->ldc);
    } else if (p->m == 1) {
        int64_t inc = p->trans_a ? p->lda : 1;
        if (p->trans_b)
            matrix_vector(kernels, p, p->n, p->b, p->ldb, p->a, inc, 1);
        else
            vector_matrix(kernels, p, p->n, p->b, p->ldb, p->a, inc, 1);
    } else
        few_rows(kernels, p);
}
