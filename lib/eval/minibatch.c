/* The linear probe where its samples are too many to be looked at all at once, or where the caller wants it: by Adam, on
 * minibatches.  The epoch that is best on samples that are held out counts. */
#include "base/math.h"
#include "base/rng.h"
#include "eval/eval.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "optim/optim.h"

enum { EPOCHS = 20, BATCH = 256 };
static const float RATE = 1e-3f;

typedef struct minibatch {
    dim_context *ctx;
    const dim__probe_data *data;
    dim__scaler scaler;
    dim__optim optim;
    float lambda;
    int64_t p, batch;          /* features and the 1; samples a batch */
    float *w, *grad, *best;    /* (p, classes) */
    float *z, *scores;         /* (batch, p), (batch, classes) */
    int32_t *order;            /* of the samples to fit, in an epoch */
    int32_t *rows;             /* train's samples, those that are held out last */
} minibatch;

static void minibatch_free(minibatch *l)
{
    void *all[] = {l->w, l->grad, l->best, l->z, l->scores, l->order, l->rows};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim__free(l->ctx, all[i]);
    dim__optim_free(&l->optim);
    dim__scaler_free(l->ctx, &l->scaler);
}

static dim_status minibatch_init(minibatch *l, const dim_probe_options *o, int64_t rows)
{
    dim_context *ctx = l->ctx;
    dim_optimizer_options oo, checked;
    size_t p = (size_t)l->p, c = (size_t)l->data->classes, batch = (size_t)l->batch;
    int64_t count = l->p * l->data->classes;
    DIM_OPTIONS_INIT(&oo);
    oo.lr = o->lr != 0 ? o->lr : RATE;
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

static void epoch(minibatch *l, int64_t rows, uint64_t seed, uint64_t number)
{
    int64_t c = l->data->classes;
    dim__rng_permutation(l->order, rows, seed, number);
    for (int64_t i = 0; i < rows; i++)
        l->order[i] = l->rows[l->order[i]];
    for (int64_t i = 0; i < rows; i += l->batch) {
        int64_t n = dim__min64(l->batch, rows - i);
        dim__scaler_rows(l->ctx, &l->scaler, l->data->train, l->order, i, n, l->z);
        dim__gemm(l->ctx, false, false, n, c, l->p, 1, l->z, l->p, l->w, c, 0, l->scores, c);
        dim__softmax_grad(l->ctx, l->scores, l->data->train_labels, l->order + i, n, c, 1 / (float)n, NULL);
        dim__gemm(l->ctx, true, false, l->p, c, n, 1, l->z, l->p, l->scores, c, 0, l->grad, c);
        l->ctx->kernels->axpy(l->grad, l->lambda, l->w, l->data->d * c); /* not of the intercepts, which come last */
        dim__optim_step(&l->optim);
    }
}

/* The epoch with the most right on the samples from cut on; of equally good ones that of the least cross-entropy. */
static dim_status train(minibatch *l, uint32_t epochs, uint64_t seed, int64_t cut, dim_probe_result *result)
{
    const dim__probe_data *data = l->data;
    dim__linear_test held = {.scaler = &l->scaler, .x = data->train, .w = l->w, .labels = data->train_labels,
                             .pick = l->rows, .first = cut, .last = data->n, .classes = data->classes,
                             .loss = dim__cross_entropy};
    double least = 0;
    result->validation_accuracy = -1;
    for (uint32_t i = 0; i < epochs; i++) {
        double share, loss;
        epoch(l, cut, seed, i);
        DIM__TRY(dim__linear_test_run(l->ctx, &held, &share, &loss));
        if (share < result->validation_accuracy || (share == result->validation_accuracy && !(loss < least)))
            continue;
        result->validation_accuracy = share;
        result->chosen = (double)i + 1;
        least = loss;
        memcpy(l->best, l->w, (size_t)(l->p * data->classes) * sizeof *l->w);
    }
    result->edge = result->chosen == (double)epochs;
    result->converged = !result->edge;
    if (result->edge)
        dim__log(l->ctx, DIM_LOG_WARNING, "linear probe: the last epoch is the best one; more could be better");
    return DIM_OK;
}

dim_status dim__linear_minibatch(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                                 double lambda, dim_probe_result *result)
{
    dim_status status;
    int64_t cut;
    minibatch l = {.ctx = ctx, .data = data, .lambda = (float)lambda, .p = data->d + 1};
    uint64_t seed = dim__mix(o->seed != 0 ? o->seed : ctx->seed, dim__hash_text("linear probe"));
    DIM__TRY(dim__probe_split(ctx, o, data->n, 0, &cut, &l.rows));
    l.batch = dim__min64(o->batch != 0 ? o->batch : BATCH, cut);
    DIM__TRY_OR(done, minibatch_init(&l, o, cut));
    DIM__TRY_OR(done, train(&l, o->epochs != 0 ? o->epochs : EPOCHS, seed, cut, result));
    DIM__TRY_OR(done, dim__linear_result(ctx, data, &l.scaler, l.best, result));
done:
    minibatch_free(&l);
    return status;
}
