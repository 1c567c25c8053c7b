/* Closed-form ridge classifier on standardised features and one-hot classes.  Lambda is chosen on samples that are held
 * out, then W is fitted on all of train. */
#include "eval/ridge.h"

#include "base/math.h"

/* In standardised features a direction has a variance of 1 on average, and of d at most.  So this grid goes from where lambda
 * does little, and products in float still carry it, to the first number above d, where it is larger than all that the data
 * has. */
static const double LAMBDAS[] = {1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
enum { MIDDLE = 4, MOST = sizeof LAMBDAS / sizeof LAMBDAS[0] };

static double squared_error(const float *scores, int64_t classes, int32_t label)
{
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) {
        double e = (double)scores[c] - (c == label);
        sum += e * e;
    }
    return sum;
}

typedef struct choice {
    double best, error; /* the largest share so far, and the squared error with that lambda */
    double least;       /* the least squared error so far */
    int at;             /* LAMBDAS[at] is the choice; -1 = none yet */
} choice;

/* Tries a lambda on the samples that are held out, from cut on.  The choice is the one with the most right, of equally good ones
 * that of the least squared error.  *better: whether it is the best so far in either. */
static dim_status try_lambda(dim__ridge *r, int64_t cut, int i, choice *c, bool *better)
{
    const dim__probe_data *data = r->data;
    dim__linear_test held = {.scaler = &r->scaler, .x = data->train, .w = r->w, .labels = data->train_labels,
                             .pick = r->pick, .first = cut, .last = data->n, .classes = data->classes,
                             .loss = squared_error};
    double share, error;
    *better = c->at < 0; /* a larger one may be solvable */
    if (!dim__ridge_fit(r, cut, LAMBDAS[i]))
        return DIM_OK;
    DIM__TRY(dim__linear_test_run(r->ctx, &held, &share, &error));
    *better = c->at < 0 || share > c->best || error < c->least;
    if (c->at < 0 || share > c->best || (share == c->best && error < c->error)) {
        c->best = share;
        c->error = error;
        c->at = i;
    }
    c->least = error < c->least ? error : c->least;
    return DIM_OK;
}

/* Walks the grid from its middle up, then down, as long as something gets better: the squared error has one minimum, but for
 * chance, and each try solves the whole system. */
static dim_status choose(dim__ridge *r, int64_t cut, dim_probe_result *result)
{
    choice c = {.at = -1, .least = (double)INFINITY};
    int last = MIDDLE;
    bool better = true;
    while (last + 1 < MOST && LAMBDAS[last] <= (double)r->data->d)
        last++;
    for (int i = MIDDLE; i <= last && better; i++)
        DIM__TRY(try_lambda(r, cut, i, &c, &better));
    better = c.at >= 0;
    for (int i = MIDDLE - 1; i >= 0 && better; i--)
        DIM__TRY(try_lambda(r, cut, i, &c, &better));
    if (c.at < 0)
        return dim__fail(r->ctx, DIM_E_NUMERIC, "ridge probe: the features' covariance is not positive definite");
    result->chosen = LAMBDAS[c.at];
    result->validation_accuracy = c.best;
    result->edge = c.at == 0 || c.at == last;
    return DIM_OK;
}

/* On all samples, of which products in float may not carry a lambda that those of fewer did: then the next one of the grid, if the
 * caller named none. */
static dim_status fit_all(dim__ridge *r, bool may_choose, dim_probe_result *result)
{
    bool fits = dim__ridge_fit(r, r->data->n, result->chosen);
    for (int i = 0; i < MOST && may_choose && !fits; i++)
        if (LAMBDAS[i] > result->chosen) {
            result->chosen = LAMBDAS[i];
            fits = dim__ridge_fit(r, r->data->n, result->chosen);
        }
    result->lambda = result->chosen;
    return fits ? DIM_OK
                : dim__fail(r->ctx, DIM_E_NUMERIC, "ridge probe: the features' covariance with lambda %g is not positive definite",
                            result->chosen);
}

dim_status dim__probe_ridge(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                            dim_probe_result *result)
{
    dim_status status;
    int64_t cut = 0;
    dim__ridge r = {.ctx = ctx};
    if (data->n < 2)
        return dim__fail(ctx, DIM_E_INVALID, "ridge probe: 1 training sample; it needs 2 at least");
    if (o->lambda == 0)
        DIM__TRY(dim__probe_split(ctx, o, data->n, 0, &cut, &r.pick));
    DIM__TRY_OR(done, dim__ridge_init(&r, data));
    result->chosen = (double)o->lambda;
    if (o->lambda == 0) {
        dim__ridge_add(&r, 0, cut);
        DIM__TRY_OR(done, choose(&r, cut, result));
    }
    dim__ridge_add(&r, cut, data->n);
    DIM__TRY_OR(done, fit_all(&r, o->lambda == 0, result));
    DIM__TRY_OR(done, dim__linear_result(ctx, data, &r.scaler, r.w, result));
done:
    dim__ridge_free(&r);
    return status;
}
