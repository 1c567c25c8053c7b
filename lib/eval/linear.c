/* Linear softmax classifier on standardised features.  The loss is that of scikit-learn's LogisticRegression,
 *
 *     mean cross-entropy + lambda / 2 |W|^2,   lambda = 1 / (C N), the intercept not penalised,
 *
 * where of two classes there is one vector of weights, the difference of ours.  It is minimised on all samples at once, or
 * where they are too many on minibatches (minibatch.c).  Weights start at zero: the loss is convex, so there is nothing to
 * draw. */
#include "base/math.h"
#include "eval/eval.h"
#include "kernels/gemm.h"

#include <inttypes.h>

static const double TOLERANCE = 1e-4; /* of the gradient's elements, as LogisticRegression's */
enum { ITERATIONS = 1000 };
/* What is trained on all samples at once: multiply-adds of one look at them (at FEW_CLASSES at least, as the standardised
 * features are held), and weights. */
static const double WORK = 4294967296.0, WEIGHTS = 4194304;
enum { FEW_CLASSES = 16 };

typedef struct linear {
    dim_context *ctx;
    const dim__probe_data *data;
    dim__scaler scaler;
    int64_t p;            /* features and the 1 */
    double lambda;
    float *z;             /* (n, p) */
    float *scores;        /* (DIM__EVAL_ROWS, classes) */
    double *losses;       /* (DIM__EVAL_ROWS) */
    float *w, *part;      /* (p, classes): weights in float, and the gradient of some rows */
    double *x;            /* (p, classes): the weights */
} linear;

static void linear_free(linear *l)
{
    void *all[] = {l->z, l->scores, l->losses, l->w, l->part, l->x};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim__free(l->ctx, all[i]);
    dim__scaler_free(l->ctx, &l->scaler);
}

static dim_status linear_init(linear *l)
{
    dim_context *ctx = l->ctx;
    size_t p = (size_t)l->p, c = (size_t)l->data->classes;
    DIM__TRY(dim__scaler_create(ctx, l->data->train, l->data->n, l->data->d, &l->scaler));
    l->z = dim__calloc(ctx, (size_t)l->data->n, p * sizeof *l->z);
    l->scores = dim__calloc(ctx, DIM__EVAL_ROWS, c * sizeof *l->scores);
    l->losses = dim__calloc(ctx, DIM__EVAL_ROWS, sizeof *l->losses);
    l->w = dim__calloc(ctx, p, c * sizeof *l->w);
    l->part = dim__calloc(ctx, p, c * sizeof *l->part);
    l->x = dim__calloc(ctx, p, c * sizeof *l->x);
    return l->z == NULL || l->scores == NULL || l->losses == NULL || l->w == NULL || l->part == NULL || l->x == NULL
           ? DIM_E_NOMEM : DIM_OK;
}

static void narrow(linear *l, const double *x)
{
    for (int64_t i = 0; i < l->p * l->data->classes; i++)
        l->w[i] = (float)x[i];
}

/* The loss and its gradient.  Products are in float, a block of samples at a time; the blocks add up in double. */
static double look(void *user, const double *x, double *gradient)
{
    linear *l = user;
    const int64_t c = l->data->classes, n = l->data->n, weights = l->data->d * c;
    double loss = 0, square = 0;
    narrow(l, x);
    memset(gradient, 0, (size_t)(l->p * c) * sizeof *gradient);
    for (int64_t i = 0; i < n; i += DIM__EVAL_ROWS) {
        int64_t rows = dim__min64(DIM__EVAL_ROWS, n - i);
        const float *z = l->z + i * l->p;
        dim__gemm(l->ctx, false, false, rows, c, l->p, 1, z, l->p, l->w, c, 0, l->scores, c);
        dim__softmax_grad(l->ctx, l->scores, l->data->train_labels + i, NULL, rows, c, 1, l->losses);
        dim__gemm(l->ctx, true, false, l->p, c, rows, 1, z, l->p, l->scores, c, 0, l->part, c);
        for (int64_t j = 0; j < rows; j++)
            loss += l->losses[j];
        for (int64_t j = 0; j < l->p * c; j++)
            gradient[j] += (double)l->part[j];
    }
    for (int64_t j = 0; j < l->p * c; j++)
        gradient[j] /= (double)n;
    for (int64_t j = 0; j < weights; j++) { /* the intercepts come last */
        gradient[j] += l->lambda * x[j];
        square += x[j] * x[j];
    }
    return loss / (double)n + l->lambda / 2 * square;
}

static dim_status all_at_once(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data, double lambda,
                              dim_probe_result *result)
{
    dim_status status;
    dim__lbfgs_result found;
    linear l = {.ctx = ctx, .data = data, .p = data->d + 1, .lambda = lambda};
    uint32_t iterations = o->epochs != 0 ? o->epochs : ITERATIONS;
    DIM__TRY_OR(done, linear_init(&l));
    dim__scaler_rows(ctx, &l.scaler, data->train, NULL, 0, data->n, l.z);
    DIM__TRY_OR(done, dim__lbfgs(ctx, l.p * data->classes, l.x, look, &l, iterations, TOLERANCE, &found));
    narrow(&l, l.x);
    result->chosen = (double)found.iterations;
    result->converged = found.converged;
    if (!found.converged)
        dim__log(ctx, DIM_LOG_WARNING, "linear probe: not converged after %" PRIu32 " iterations", found.iterations);
    DIM__TRY_OR(done, dim__linear_result(ctx, data, &l.scaler, l.w, result));
done:
    linear_free(&l);
    return status;
}

dim_status dim__probe_linear(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                             dim_probe_result *result)
{
    double weights = ((double)data->d + 1) * (double)data->classes;
    double work = ((double)data->d + 1) * (double)data->n * (double)dim__max64(data->classes, FEW_CLASSES);
    result->lambda = o->lambda != 0 ? (double)o->lambda : 1 / (double)data->n;
    double penalty = data->classes == 2 ? 2 * result->lambda : result->lambda; /* of both halves of the difference */
    if (o->batch != 0 || o->lr != 0 || work > WORK || weights > WEIGHTS)
        return dim__linear_minibatch(ctx, o, data, penalty, result);
    return all_at_once(ctx, o, data, penalty, result);
}
