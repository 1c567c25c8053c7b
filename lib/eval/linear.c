/* Linear softmax classifier on standardised features, trained by Adam on minibatches; the epoch that is best on samples
 * that are held out counts.  Weights start at zero: the loss is convex, so there is nothing to draw. */
#include "base/math.h"
#include "base/rng.h"
#include "eval/eval.h"
#include "kernels/gemm.h"
#include "optim/optim.h"

typedef struct linear {
    dim_context *ctx;
    const dim__probe_data *data;
    dim__scaler scaler;
    dim__optim optim;
    int64_t p, batch;          /* features and the 1; samples a batch */
    float *w, *grad, *best;    /* (p, classes) */
    float *z, *scores;         /* (batch, p), (batch, classes) */
    int32_t *order;            /* of the samples to fit, in an epoch */
    int32_t *rows;             /* train's samples, those that are held out last */
} linear;

static void linear_free(linear *l)
{
    void *all[] = {l->w, l->grad, l->best, l->z, l->scores, l->order, l->rows};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim__free(l->ctx, all[i]);
    dim__optim_free(&l->optim);
    dim__scaler_free(l->ctx, &l->scaler);
}

static dim_status linear_init(linear *l, const dim_probe_options *o, int64_t rows)
{
    dim_context *ctx = l->ctx;
    dim_optimizer_options oo, checked;
    size_t p = (size_t)l->p, c = (size_t)l->data->classes, batch = (size_t)l->batch;
    int64_t count = l->p * l->data->classes;
    DIM_OPTIONS_INIT(&oo);
    oo.lr = o->lr;
    DIM__TRY(dim__optim_options(ctx, &oo, &checked));
    DIM__TRY(dim__optim_init(&l->optim, ctx, &checked));
    DIM__TRY(dim__optim_prepare(&l->optim, 1, &count));
    DIM__TRY(dim__scaler_create(ctx, l->data->train, l->data->n, l->data->d, &l->scaler));
    l->w = dim__calloc(ctx, p, c * sizeof *l->w);
    l->grad = dim__calloc(ctx, p, c * sizeof *l->grad);
    l->best = dim__calloc(ctx, p, c * sizeof *l->best);
    l->z = dim__calloc(ctx, batch, p * sizeof *l->z);
    l->scores = dim__calloc(ctx, batch, c * sizeof *l->scores);
    l->order = dim__calloc(ctx, (size_t)rows, sizeof *l->order);
    if (l->w == NULL || l->grad == NULL || l->best == NULL || l->z == NULL || l->scores == NULL || l->order == NULL)
        return DIM_E_NOMEM;
    l->optim.slots[0].w = l->w;
    l->optim.slots[0].g = l->grad;
    return DIM_OK;
}

/* Scores of a batch become the gradient of its mean cross-entropy: (softmax - one-hot) / n. */
static void softmax_grad(const linear *l, int64_t first, int64_t n)
{
    int64_t c = l->data->classes;
    for (int64_t i = 0; i < n; i++) {
        float *s = l->scores + i * c, top = s[0];
        double sum = 0;
        for (int64_t j = 1; j < c; j++)
            top = s[j] > top ? s[j] : top;
        for (int64_t j = 0; j < c; j++)
            sum += (double)(s[j] = expf(s[j] - top));
        float scale = (float)(1 / (sum * (double)n));
        for (int64_t j = 0; j < c; j++)
            s[j] *= scale;
        s[l->data->train_labels[l->order[first + i]]] -= 1 / (float)n;
    }
}

static void epoch(linear *l, int64_t rows, uint64_t seed, uint64_t number)
{
    int64_t c = l->data->classes;
    dim__rng_permutation(l->order, rows, seed, number);
    for (int64_t i = 0; i < rows; i++)
        l->order[i] = l->rows[l->order[i]];
    for (int64_t i = 0; i < rows; i += l->batch) {
        int64_t n = dim__min64(l->batch, rows - i);
        dim__scaler_rows(l->ctx, &l->scaler, l->data->train, l->order, i, n, l->z);
        dim__gemm(l->ctx, false, false, n, c, l->p, 1, l->z, l->p, l->w, c, 0, l->scores, c);
        softmax_grad(l, i, n);
        dim__gemm(l->ctx, true, false, l->p, c, n, 1, l->z, l->p, l->scores, c, 0, l->grad, c);
        dim__optim_step(&l->optim);
    }
}

dim_status dim__probe_linear(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                             dim_probe_result *result)
{
    dim_status status;
    int64_t cut;
    linear l = {.ctx = ctx, .data = data, .p = data->d + 1};
    uint64_t seed = dim__mix(o->seed != 0 ? o->seed : ctx->seed, dim__hash_text("linear probe"));
    DIM__TRY(dim__probe_split(ctx, o, data->n, &cut, &l.rows));
    l.batch = dim__min64(o->batch, cut);
    DIM__TRY_OR(done, linear_init(&l, o, cut));
    result->validation_accuracy = -1;
    for (uint32_t i = 0; i < o->epochs; i++) {
        double share;
        epoch(&l, cut, seed, i);
        DIM__TRY_OR(done, dim__linear_accuracy(ctx, &l.scaler, data->train, data->train_labels, l.rows, cut,
                                               data->n, l.w, data->classes, &share));
        if (share <= result->validation_accuracy)
            continue;
        result->validation_accuracy = share;
        result->chosen = (double)i + 1;
        memcpy(l.best, l.w, (size_t)(l.p * data->classes) * sizeof *l.w);
    }
    DIM__TRY_OR(done, dim__linear_accuracy(ctx, &l.scaler, data->train, data->train_labels, NULL, 0, data->n,
                                           l.best, data->classes, &result->train_accuracy));
    DIM__TRY_OR(done, dim__linear_accuracy(ctx, &l.scaler, data->test, data->test_labels, NULL, 0, data->m,
                                           l.best, data->classes, &result->accuracy));
done:
    linear_free(&l);
    return status;
}
