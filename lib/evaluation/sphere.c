/* Alignment and uniformity of codes on the unit sphere (Wang & Isola 2020), with alpha = 2 and t = 2. */
#include "evaluation/evaluation.h"

#include "base/math.h"
#include "base/pool.h"
#include "eval/eval.h"
#include "kernels/gemm.h"
#include "tensor/tensor.h"

#include <inttypes.h>

enum { BLOCK = 256 };

/* Rows divided by their lengths; (n, d) for the caller to release. */
static dim_status directions(dim_context *ctx, const char *name, const dim_tensor *t, int64_t *n, int64_t *d, double **out)
{
    dim__matrix m = { 0 };
    double *x = NULL;
    dim_status status = dim__matrix_of(ctx, name, t, &m);
    if (status == DIM_OK) {
        x = dim__calloc(ctx, (size_t)(m.n * m.d), sizeof *x);
        status = x == NULL ? DIM_E_NOMEM : DIM_OK;
    }
    for (int64_t i = 0; status == DIM_OK && i < m.n; i++) {
        const float *row = m.x + i * m.d;
        double square = 0;
        for (int64_t j = 0; j < m.d; j++)
            square += (double)row[j] * (double)row[j];
        if (!(square > 0))
            status = dim__fail(ctx, DIM_E_NUMERIC, "%s: row %" PRId64 " is all zeros, which has no direction", name, i);
        for (int64_t j = 0; status == DIM_OK && j < m.d; j++)
            x[i * m.d + j] = (double)row[j] / sqrt(square);
    }
    *n = m.n;
    *d = m.d;
    *out = x;
    dim__free(ctx, m.owned);
    return status;
}

dim_status dim__evaluation_alignment(dim_context *ctx, const dim_tensor *x, const dim_tensor *y, double *alignment)
{
    dim_status status;
    int64_t n, d, other_n, other_d;
    double *a = NULL, *b = NULL, sum = 0;
    DIM__TRY_OR(done, directions(ctx, "x", x, &n, &d, &a));
    DIM__TRY_OR(done, directions(ctx, "y", y, &other_n, &other_d, &b));
    if (n != other_n || d != other_d) {
        status = dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_alignment: x has %" PRId64 " rows of %" PRId64 ", but y has %" PRId64
                           " of %" PRId64, n, d, other_n, other_d);
        goto done;
    }
    for (int64_t i = 0; i < n * d; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    *alignment = sum / (double)n;
done:
    dim__free(ctx, a);
    dim__free(ctx, b);
    return status;
}

typedef struct potential {
    const double *product; /* (BLOCK, BLOCK) */
    int64_t columns, row, column; /* row, column: of its first element */
    double *sums;          /* (BLOCK) */
} potential;

/* e^(-2 |x - y|^2) = e^(4 x.y - 4), of pairs whose column comes after the row. */
static void add_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const potential *p = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        p->sums[i] = 0;
        for (int64_t j = dim__max64(0, p->row + i + 1 - p->column); j < p->columns; j++)
            p->sums[i] += exp(4 * p->product[i * BLOCK + j] - 4);
    }
}

dim_status dim__evaluation_uniformity(dim_context *ctx, const dim_tensor *x, double *uniformity)
{
    dim_status status;
    int64_t n, d;
    double *a = NULL, *room = NULL, sum = 0;
    DIM__TRY_OR(done, directions(ctx, "x", x, &n, &d, &a));
    if (n < 2) {
        status = dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_uniformity: x has 1 row; it must have 2 at least");
        goto done;
    }
    room = dim__calloc(ctx, (size_t)(BLOCK * BLOCK + BLOCK), sizeof *room);
    if (room == NULL) {
        status = DIM_E_NOMEM;
        goto done;
    }
    for (int64_t i = 0; i < n; i += BLOCK)
        for (int64_t j = i; j < n; j += BLOCK) {
            int64_t rows = dim__min64(BLOCK, n - i), columns = dim__min64(BLOCK, n - j);
            potential p = { room, columns, i, j, room + BLOCK * BLOCK };
            dim__dgemm(ctx, false, true, rows, columns, d, 1, a + i * d, d, a + j * d, d, 0, room, BLOCK);
            dim__parallel(ctx, rows, 16, add_rows, &p);
            for (int64_t k = 0; k < rows; k++)
                sum += p.sums[k];
        }
    *uniformity = log(sum / ((double)n * (double)(n - 1) / 2));
done:
    dim__free(ctx, a);
    dim__free(ctx, room);
    return status;
}
