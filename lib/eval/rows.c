/* Standardised rows in blocks, and what linear scores of them get right. */
#include "base/math.h"
#include "base/pool.h"
#include "eval/eval.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

dim_status dim__scaler_create(dim_context *ctx, const float *x, int64_t n, int64_t d, dim__scaler *out)
{
    dim_status status = DIM_E_NOMEM;
    dim__scaler s = {.d = d};
    double *moments = dim__calloc(ctx, (size_t)d * 2, sizeof *moments);
    s.mean = dim__alloc(ctx, (size_t)d * sizeof *s.mean);
    s.std = dim__alloc(ctx, (size_t)d * sizeof *s.std);
    if (moments == NULL || s.mean == NULL || s.std == NULL)
        goto done;
    ctx->kernels->col_moments(moments, moments + d, x, n, d);
    for (int64_t j = 0; j < d; j++) {
        s.mean[j] = (float)moments[j];
        s.std[j] = (float)sqrt(moments[d + j] / (double)(n - 1)) + 1e-6f;
    }
    *out = s;
    s = (dim__scaler){0};
    status = DIM_OK;
done:
    dim__scaler_free(ctx, &s);
    dim__free(ctx, moments);
    return status;
}

void dim__scaler_free(dim_context *ctx, dim__scaler *s)
{
    dim__free(ctx, s->mean);
    dim__free(ctx, s->std);
}

typedef struct rows_task {
    const dim__scaler *s;
    const float *x;
    const int32_t *pick;
    int64_t first;
    float *out;
} rows_task;

static void fill_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const rows_task *t = arg;
    const int64_t d = t->s->d;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t at = t->pick != NULL ? t->pick[t->first + i] : t->first + i;
        const float *x = t->x + at * d, *mean = t->s->mean, *std = t->s->std;
        float *restrict out = t->out + i * (d + 1);
        for (int64_t j = 0; j < d; j++)
            out[j] = (x[j] - mean[j]) / std[j];
        out[d] = 1;
    }
}

void dim__scaler_rows(dim_context *ctx, const dim__scaler *s, const float *x, const int32_t *pick, int64_t first,
                      int64_t n, float *out)
{
    rows_task t = {s, x, pick, first, out};
    dim__parallel(ctx, n, 1 + 16384 / s->d, fill_rows, &t);
}

static int64_t argmax(const float *x, int64_t n) /* the first of equals */
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

dim_status dim__linear_accuracy(dim_context *ctx, const dim__scaler *s, const float *x, const int32_t *labels,
                                const int32_t *pick, int64_t first, int64_t last, const float *w, int64_t classes,
                                double *out)
{
    dim_status status = DIM_E_NOMEM;
    int64_t block = dim__min64(DIM__EVAL_ROWS, last - first), right = 0;
    float *z = dim__calloc(ctx, (size_t)block, (size_t)(s->d + 1) * sizeof *z);
    float *scores = dim__calloc(ctx, (size_t)block, (size_t)classes * sizeof *scores);
    if (z == NULL || scores == NULL)
        goto done;
    for (int64_t i = first; i < last; i += block) {
        int64_t n = dim__min64(block, last - i);
        dim__scaler_rows(ctx, s, x, pick, i, n, z);
        dim__gemm(ctx, false, false, n, classes, s->d + 1, 1, z, s->d + 1, w, classes, 0, scores, classes);
        for (int64_t k = 0; k < n; k++)
            right += argmax(scores + k * classes, classes) == labels[pick != NULL ? pick[i + k] : i + k];
    }
    *out = (double)right / (double)(last - first);
    status = DIM_OK;
done:
    dim__free(ctx, z);
    dim__free(ctx, scores);
    return status;
}
