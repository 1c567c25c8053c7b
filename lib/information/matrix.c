/* Small matrices: factors, what solves by them, and lengths by them. */
#include "information/information.h"

#include "base/math.h"
#include "eval/eval.h"
#include "kernels/gemm.h"

enum { BLOCK = 256 }; /* rows whose lengths are found at once, in the cache */

dim_status dim__mi_factor(dim_context *ctx, double *a, int64_t n, bool *definite)
{
    double *work = dim__calloc(ctx, DIM__CHOLESKY_WORK, sizeof *work);
    if (work == NULL)
        return DIM_E_NOMEM;
    *definite = dim__cholesky(ctx, a, n, n, work);
    dim__free(ctx, work);
    return DIM_OK;
}

void dim__mi_solve_lower(const double *l, int64_t n, double *x, int64_t m)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < i; k++)
            for (int64_t j = 0; j < m; j++)
                x[i * m + j] -= l[i * n + k] * x[k * m + j];
        for (int64_t j = 0; j < m; j++)
            x[i * m + j] /= l[i * n + i];
    }
}

void dim__mi_solve_upper(const double *l, int64_t n, double *x)
{
    for (int64_t i = n - 1; i >= 0; i--) {
        for (int64_t k = i + 1; k < n; k++)
            x[i] -= l[k * n + i] * x[k];
        x[i] /= l[i * n + i];
    }
}

/* |L^-1 z|^2 by the inverse of L, so that products do nearly all of it. */
dim_status dim__mi_add_lengths(dim_context *ctx, const double *l, int64_t d, const double *z, const int64_t *column, int64_t n,
                               double factor, double *out)
{
    double *inverse = dim__calloc(ctx, (size_t)d * sizeof *inverse, (size_t)d);
    double *rows = dim__calloc(ctx, (size_t)d * sizeof *rows, 2 * BLOCK), *turned = DIM__BEHIND(rows, d * BLOCK);
    bool room = inverse != NULL && rows != NULL;
    for (int64_t j = 0; j < d && room; j++)
        inverse[j * d + j] = 1;
    if (room)
        dim__mi_solve_lower(l, d, inverse, d);
    for (int64_t first = 0; first < n && room; first += BLOCK) {
        int64_t some = dim__min64(BLOCK, n - first);
        for (int64_t j = 0; j < d; j++)
            memcpy(rows + j * some, z + (column != NULL ? column[j] : j) * n + first, (size_t)some * sizeof *rows);
        dim__dgemm(ctx, false, false, d, some, d, 1, inverse, d, rows, some, 0, turned, some);
        for (int64_t j = 0; j < d; j++)
            for (int64_t i = 0; i < some; i++)
                out[first + i] += factor * turned[j * some + i] * turned[j * some + i];
    }
    dim__free(ctx, inverse);
    dim__free(ctx, rows);
    return room ? DIM_OK : DIM_E_NOMEM;
}
