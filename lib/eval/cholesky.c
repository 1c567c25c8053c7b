/* Blocked, left-looking: a block of columns takes what all columns before it subtract in one matrix product.  The
 * triangle above the diagonal is never touched, so that the caller can keep the matrix itself there. */
#include "base/math.h"
#include "base/pool.h"
#include "eval/eval.h"
#include "kernels/gemm.h"

enum { NB = 64 };
_Static_assert(NB * NB == DIM__CHOLESKY_WORK, "a block");

/* L of one diagonal block in place. */
static bool factor_block(double *a, int64_t n, int64_t lda)
{
    for (int64_t j = 0; j < n; j++) {
        double *row = a + j * lda;
        for (int64_t i = 0; i < j; i++) {
            double sum = row[i];
            for (int64_t k = 0; k < i; k++)
                sum -= row[k] * a[i * lda + k];
            row[i] = sum / a[i * lda + i];
        }
        double pivot = row[j];
        for (int64_t k = 0; k < j; k++)
            pivot -= row[k] * row[k];
        if (!(pivot > 0) || !isfinite(pivot))
            return false;
        row[j] = sqrt(pivot);
    }
    return true;
}

typedef struct below_task {
    double *a;         /* rows below the diagonal block, at its first column */
    int64_t n, lda;
    const double *lt;  /* (n, NB): the block's L transposed */
} below_task;

/* x L' = a for each row: x_j is final once those before it are subtracted. */
static void solve_below(void *arg, int64_t begin, int64_t end, int thread)
{
    const below_task *t = arg;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        double *restrict row = t->a + r * t->lda;
        for (int64_t j = 0; j < t->n; j++) {
            const double *restrict l = t->lt + j * NB;
            double x = row[j] / l[j];
            row[j] = x;
            for (int64_t i = j + 1; i < t->n; i++)
                row[i] -= x * l[i];
        }
    }
}

bool dim__cholesky(dim_context *ctx, double *a, int64_t n, int64_t lda, double *block)
{
    for (int64_t k = 0; k < n; k += NB) {
        int64_t nb = dim__min64(NB, n - k), rest = n - k - nb;
        double *left = a + k * lda, *diagonal = left + k, *below = diagonal + nb * lda;
        if (k > 0) {
            dim__dgemm(ctx, false, true, nb, nb, k, 1, left, lda, left, lda, 0, block, NB);
            for (int64_t i = 0; i < nb; i++)
                for (int64_t j = 0; j <= i; j++)
                    diagonal[i * lda + j] -= block[i * NB + j];
        }
        if (!factor_block(diagonal, nb, lda))
            return false;
        if (k > 0)
            dim__dgemm(ctx, false, true, rest, nb, k, -1, left + nb * lda, lda, left, lda, 1, below, lda);
        for (int64_t i = 0; i < nb; i++)
            for (int64_t j = 0; j <= i; j++)
                block[j * NB + i] = diagonal[i * lda + j];
        below_task t = {below, nb, lda, block};
        dim__parallel(ctx, rest, 16, solve_below, &t);
    }
    return true;
}

typedef struct block_task {
    const double *l;   /* (n, n) at the diagonal, n <= NB */
    int64_t n, lda;
    double *y;         /* (n, m) */
    int64_t m;
} block_task;

enum { TILE = 256 };   /* columns whose block stays in the cache */

static void solve_forward(void *arg, int64_t begin, int64_t end, int thread)
{
    const block_task *t = arg;
    (void)thread;
    for (int64_t tile = begin; tile < end; tile += TILE) {
        int64_t width = dim__min64(TILE, end - tile);
        for (int64_t i = 0; i < t->n; i++) {
            double *restrict y = t->y + i * t->m + tile;
            for (int64_t j = 0; j < i; j++) {
                const double *restrict x = t->y + j * t->m + tile;
                double factor = t->l[i * t->lda + j];
                for (int64_t c = 0; c < width; c++)
                    y[c] -= factor * x[c];
            }
            for (int64_t c = 0; c < width; c++)
                y[c] /= t->l[i * t->lda + i];
        }
    }
}

static void solve_back(void *arg, int64_t begin, int64_t end, int thread)
{
    const block_task *t = arg;
    (void)thread;
    for (int64_t tile = begin; tile < end; tile += TILE) {
        int64_t width = dim__min64(TILE, end - tile);
        for (int64_t i = t->n - 1; i >= 0; i--) {
            double *restrict y = t->y + i * t->m + tile;
            for (int64_t j = i + 1; j < t->n; j++) {
                const double *restrict x = t->y + j * t->m + tile;
                double factor = t->l[j * t->lda + i];
                for (int64_t c = 0; c < width; c++)
                    y[c] -= factor * x[c];
            }
            for (int64_t c = 0; c < width; c++)
                y[c] /= t->l[i * t->lda + i];
        }
    }
}

void dim__cholesky_solve(dim_context *ctx, const double *l, int64_t n, int64_t lda, double *x, int64_t m)
{
    for (int64_t k = 0; k < n; k += NB) { /* L y = x */
        block_task t = { l + k * lda + k, dim__min64(NB, n - k), lda, x + k * m, m };
        if (k > 0)
            dim__dgemm(ctx, false, false, t.n, m, k, -1, l + k * lda, lda, x, m, 1, t.y, m);
        dim__parallel(ctx, m, TILE, solve_forward, &t);
    }
    for (int64_t k = (n - 1) / NB * NB; k >= 0; k -= NB) { /* L' x = y */
        block_task t = { l + k * lda + k, dim__min64(NB, n - k), lda, x + k * m, m };
        int64_t rest = n - k - t.n;
        if (rest > 0)
            dim__dgemm(ctx, true, false, t.n, m, rest, -1, t.l + t.n * lda, lda, t.y + t.n * m, m, 1, t.y, m);
        dim__parallel(ctx, m, TILE, solve_back, &t);
    }
}
