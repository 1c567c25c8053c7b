/* Closed-form ridge classifier: W = (Z'Z + lambda n I)^-1 Z'T with Z the standardised features and a column of ones, T
 * the one-hot classes.  Lambda is chosen on samples that are held out, then W is fitted on all of train.
 *
 * One matrix of doubles serves for everything: Z'Z is kept above its diagonal, on which and below which each lambda's
 * factor is made anew; the held-out rows are added once lambda is known. */
#include "base/math.h"
#include "base/pool.h"
#include "eval/eval.h"
#include "kernels/gemm.h"

enum { PANEL = 256 };

typedef struct ridge {
    dim_context *ctx;
    const dim__probe_data *data;
    int32_t *pick;   /* train's samples, those that are held out last; NULL = as they are: nothing is chosen */
    dim__scaler scaler;
    int64_t p;       /* features and the 1 */
    double *gram;    /* (p, p), above the diagonal */
    double *diagonal;/* (p) */
    double *target;  /* (p, classes): Z'T */
    double *solution;
    float *w;        /* (p, classes) */
    float *z;        /* (DIM__EVAL_ROWS, p) */
    float *panel;    /* (PANEL, p) */
    int64_t first, rows, column; /* of the block at work */
} ridge;

static void ridge_free(ridge *r)
{
    void *all[] = {r->pick, r->gram, r->diagonal, r->target, r->solution, r->w, r->z, r->panel};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim__free(r->ctx, all[i]);
    dim__scaler_free(r->ctx, &r->scaler);
}

static dim_status ridge_init(ridge *r, const dim__probe_data *data)
{
    dim_context *ctx = r->ctx;
    size_t p = (size_t)data->d + 1, c = (size_t)data->classes;
    r->data = data;
    r->p = data->d + 1;
    DIM__TRY(dim__scaler_create(ctx, data->train, data->n, data->d, &r->scaler));
    r->gram = dim__calloc(ctx, p, p * sizeof *r->gram);
    r->diagonal = dim__calloc(ctx, p, sizeof *r->diagonal);
    r->target = dim__calloc(ctx, p, c * sizeof *r->target);
    r->solution = dim__calloc(ctx, p, c * sizeof *r->solution);
    r->w = dim__calloc(ctx, p, c * sizeof *r->w);
    r->z = dim__calloc(ctx, (size_t)dim__min64(DIM__EVAL_ROWS, data->n), p * sizeof *r->z);
    r->panel = dim__calloc(ctx, PANEL, p * sizeof *r->panel);
    return r->gram == NULL || r->diagonal == NULL || r->target == NULL || r->solution == NULL || r->w == NULL ||
           r->z == NULL || r->panel == NULL ? DIM_E_NOMEM : DIM_OK;
}

/* Rows of a panel of products, added to the Gram matrix in double. */
static void add_panel(void *arg, int64_t begin, int64_t end, int thread)
{
    const ridge *r = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const float *restrict from = r->panel + i * r->p;
        double *restrict to = r->gram + (r->column + i) * r->p + r->column;
        r->diagonal[r->column + i] += (double)from[i];
        for (int64_t j = i + 1; j < r->p - r->column; j++)
            to[j] += (double)from[j];
    }
}

/* Z'T for some features: each row goes to its class's column. */
static void add_targets(void *arg, int64_t begin, int64_t end, int thread)
{
    const ridge *r = arg;
    const int64_t c = r->data->classes;
    (void)thread;
    for (int64_t i = 0; i < r->rows; i++) {
        const float *z = r->z + i * r->p;
        int64_t at = r->pick != NULL ? r->pick[r->first + i] : r->first + i;
        double *to = r->target + r->data->train_labels[at];
        for (int64_t j = begin; j < end; j++)
            to[j * c] += (double)z[j];
    }
}

static void accumulate(ridge *r, int64_t first, int64_t last)
{
    for (r->first = first; r->first < last; r->first += r->rows) {
        r->rows = dim__min64(DIM__EVAL_ROWS, last - r->first);
        dim__scaler_rows(r->ctx, &r->scaler, r->data->train, r->pick, r->first, r->rows, r->z);
        dim__parallel(r->ctx, r->p, 64, add_targets, r);
        for (r->column = 0; r->column < r->p; r->column += PANEL) {
            int64_t n = dim__min64(PANEL, r->p - r->column);
            dim__gemm(r->ctx, true, false, n, r->p - r->column, r->rows, 1, r->z + r->column, r->p, r->z + r->column,
                      r->p, 0, r->panel, r->p);
            dim__parallel(r->ctx, n, 16, add_panel, r);
        }
    }
}

/* The Gram matrix mirrored below its diagonal, in tiles for the caches' sake. */
static void mirror(void *arg, int64_t begin, int64_t end, int thread)
{
    enum { TILE = 32 };
    const ridge *r = arg;
    (void)thread;
    for (int64_t i0 = begin * TILE; i0 < dim__min64(end * TILE, r->p); i0 += TILE)
        for (int64_t j0 = 0; j0 <= i0; j0 += TILE)
            for (int64_t i = i0; i < dim__min64(i0 + TILE, r->p); i++)
                for (int64_t j = j0; j < dim__min64(j0 + TILE, i); j++)
                    r->gram[i * r->p + j] = r->gram[j * r->p + i];
}

/* W from what has been accumulated, of n rows. */
static bool fit(ridge *r, int64_t n, double lambda)
{
    int64_t size = r->p * r->data->classes;
    dim__parallel(r->ctx, (r->p + 31) / 32, 1, mirror, r);
    for (int64_t i = 0; i < r->p; i++)
        r->gram[i * r->p + i] = r->diagonal[i] + lambda * (double)n;
    if (!dim__cholesky(r->ctx, r->gram, r->p, r->p))
        return false;
    memcpy(r->solution, r->target, (size_t)size * sizeof *r->solution);
    dim__cholesky_solve(r->ctx, r->gram, r->p, r->p, r->solution, r->data->classes);
    for (int64_t i = 0; i < size; i++)
        r->w[i] = (float)r->solution[i];
    return true;
}

/* On train's samples first .. last - 1 of r->pick. */
static dim_status accuracy(ridge *r, int64_t first, int64_t last, double *out)
{
    return dim__linear_accuracy(r->ctx, &r->scaler, r->data->train, r->data->train_labels, r->pick, first, last, r->w,
                                r->data->classes, out);
}

/* The best lambda by the samples that are held out, from cut on; of equally good ones the smallest. */
static dim_status choose(ridge *r, int64_t cut, dim_probe_result *result)
{
    static const double LAMBDAS[] = {1e-4, 1e-3, 1e-2, 1e-1};
    double best = -1;
    for (size_t i = 0; i < sizeof LAMBDAS / sizeof LAMBDAS[0]; i++) {
        double share;
        if (!fit(r, cut, LAMBDAS[i]))
            continue;
        DIM__TRY(accuracy(r, cut, r->data->n, &share));
        if (share > best) {
            best = share;
            result->chosen = LAMBDAS[i];
        }
    }
    if (best < 0)
        return dim__fail(r->ctx, DIM_E_NUMERIC, "ridge probe: the features' covariance is not positive definite");
    result->validation_accuracy = best;
    return DIM_OK;
}

dim_status dim__probe_ridge(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                            dim_probe_result *result)
{
    dim_status status;
    int64_t cut = 0;
    ridge r = {.ctx = ctx};
    if (data->n < 2)
        return dim__fail(ctx, DIM_E_INVALID, "a ridge probe needs 2 training samples at least");
    if (o->lambda == 0)
        DIM__TRY(dim__probe_split(ctx, o, data->n, &cut, &r.pick));
    DIM__TRY_OR(done, ridge_init(&r, data));
    result->chosen = (double)o->lambda;
    if (o->lambda == 0) {
        accumulate(&r, 0, cut);
        DIM__TRY_OR(done, choose(&r, cut, result));
    }
    accumulate(&r, cut, data->n);
    if (!fit(&r, data->n, result->chosen)) {
        status = dim__fail(ctx, DIM_E_NUMERIC, "ridge probe: the features' covariance with lambda %g is not positive "
                           "definite", result->chosen);
        goto done;
    }
    DIM__TRY_OR(done, accuracy(&r, 0, data->n, &result->train_accuracy));
    DIM__TRY_OR(done, dim__linear_accuracy(ctx, &r.scaler, data->test, data->test_labels, NULL, 0, data->m, r.w,
                                           data->classes, &result->accuracy));
done:
    ridge_free(&r);
    return status;
}
