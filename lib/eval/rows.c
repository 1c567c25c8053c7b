/* Standardised rows in blocks, and what linear scores of them get right. */
#include "base/math.h"
#include "base/pool.h"
#include "eval/eval.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

/* A feature whose deviation is below one rounding of its mean says nothing. */
static const double CONSTANT = 1.0 / (1 << 23);
/* A test sample may lie any number of deviations away; its scores must stay finite. */
static const double FARTHEST = 1e15;

dim_status dim__scaler_create(dim_context *ctx, const float *x, int64_t n, int64_t d, dim__scaler *out)
{
    dim__scaler s = {.d = d};
    s.mean = dim__calloc(ctx, (size_t)d, sizeof *s.mean);
    s.inverse = dim__calloc(ctx, (size_t)d, sizeof *s.inverse);
    if (s.mean == NULL || s.inverse == NULL) {
        dim__scaler_free(ctx, &s);
        return DIM_E_NOMEM;
    }
    ctx->kernels->col_moments(s.mean, s.inverse, x, n, d);
    for (int64_t j = 0; j < d; j++) {
        double std = sqrt(s.inverse[j] / (double)n);
        s.inverse[j] = std > CONSTANT * fabs(s.mean[j]) ? 1 / std : 0;
    }
    *out = s;
    return DIM_OK;
}

void dim__scaler_free(dim_context *ctx, dim__scaler *s)
{
    dim__free(ctx, s->mean);
    dim__free(ctx, s->inverse);
}

typedef struct rows_task {
    const dim_context *ctx;
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
        const float *x = t->x + at * d;
        const double *mean = t->s->mean, *inverse = t->s->inverse;
        float *restrict out = t->out + i * (d + 1);
        for (int64_t j = 0; j < d; j++)
            out[j] = (float)(((double)x[j] - mean[j]) * inverse[j]);
        if (!(t->ctx->kernels->sum_sq(out, d) <= FARTHEST * FARTHEST))
            for (int64_t j = 0; j < d; j++)
                out[j] = fabsf(out[j]) <= (float)FARTHEST ? out[j] : copysignf((float)FARTHEST, out[j]);
        out[d] = 1;
    }
}

void dim__scaler_rows(dim_context *ctx, const dim__scaler *s, const float *x, const int32_t *pick, int64_t first,
                      int64_t n, float *out)
{
    rows_task t = {ctx, s, x, pick, first, out};
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

dim_status dim__scores_check(dim_context *ctx, const float *scores, int64_t count)
{
    if (ctx->kernels->finite(scores, count))
        return DIM_OK;
    return dim__fail(ctx, DIM_E_NUMERIC, "a probe's scores are not finite: training diverged, which a smaller lr may prevent");
}

int64_t dim__count_right(const float *scores, int64_t n, int64_t classes, const int32_t *labels, const int32_t *pick,
                         dim__scores_loss loss, double *sum)
{
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++, scores += classes) {
        int32_t label = labels[pick != NULL ? pick[i] : i];
        right += argmax(scores, classes) == label;
        if (loss != NULL)
            *sum += loss(scores, classes, label);
    }
    return right;
}

dim_status dim__linear_test_run(dim_context *ctx, const dim__linear_test *t, double *share, double *loss)
{
    dim_status status = DIM_E_NOMEM;
    int64_t block = dim__min64(DIM__EVAL_ROWS, t->last - t->first), right = 0, p = t->scaler->d + 1;
    double sum = 0;
    float *z = dim__calloc(ctx, (size_t)block, (size_t)p * sizeof *z);
    float *scores = dim__calloc(ctx, (size_t)block, (size_t)t->classes * sizeof *scores);
    if (z == NULL || scores == NULL)
        goto done;
    for (int64_t i = t->first; i < t->last; i += block) {
        int64_t n = dim__min64(block, t->last - i);
        dim__scaler_rows(ctx, t->scaler, t->x, t->pick, i, n, z);
        dim__gemm(ctx, false, false, n, t->classes, p, 1, z, p, t->w, t->classes, 0, scores, t->classes);
        DIM__TRY_OR(done, dim__scores_check(ctx, scores, n * t->classes));
        right += dim__count_right(scores, n, t->classes, t->pick != NULL ? t->labels : t->labels + i,
                                  t->pick != NULL ? t->pick + i : NULL, t->loss, &sum);
    }
    *share = (double)right / (double)(t->last - t->first);
    if (loss != NULL)
        *loss = sum / (double)(t->last - t->first);
    status = DIM_OK;
done:
    dim__free(ctx, z);
    dim__free(ctx, scores);
    return status;
}

dim_status dim__linear_result(dim_context *ctx, const dim__probe_data *data, const dim__scaler *s, const float *w,
                              dim_probe_result *result)
{
    dim__linear_test train = {.scaler = s, .x = data->train, .w = w, .labels = data->train_labels, .last = data->n,
                              .classes = data->classes};
    dim__linear_test test = {.scaler = s, .x = data->test, .w = w, .labels = data->test_labels, .last = data->m,
                             .classes = data->classes};
    DIM__TRY(dim__linear_test_run(ctx, &train, &result->train_accuracy, NULL));
    return dim__linear_test_run(ctx, &test, &result->accuracy, NULL);
}
