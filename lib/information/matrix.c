#include "information/information.h"

#include "eval/eval.h"

dim_status dim__mi_factor(dim_context *ctx, double *a, int64_t n, bool *definite)
{
    double *work = dim__calloc(ctx, DIM__CHOLESKY_WORK, sizeof *work);
    if (work == NULL)
        return DIM_E_NOMEM;
    *definite = dim__cholesky(ctx, a, n, n, work);
    dim__free(ctx, work);
    return DIM_OK;
}
