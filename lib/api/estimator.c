/* Estimators for features and scores of the caller's. */
#include "base/enums.h"
#include "base/math.h"
#include "base/rng.h"
#include "objective/estimators/handle.h"
#include "tensor/tensor.h"

_Static_assert(sizeof(size_t) != 8 || sizeof(dim_estimator_options) == 8 + 6 * 4 + 2 * 4 + 8,
               "dim_estimator_options has no hidden padding");

dim_status dim_estimator_create(dim_context *ctx, const dim_estimator_options *options, dim_estimator **out)
{
    dim_estimator_options o;
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_estimator_create: out is NULL");
    DIM__TRY(dim__estimator_options(ctx, options, &o));
    return dim__estimator_create(ctx, &o, out);
}

void dim_estimator_destroy(dim_estimator *est) { dim__estimator_destroy(est); }

dim_bound dim_estimator_bound(dim_estimator_kind kind)
{
    const dim__estimator_def *def = dim__estimator_def_of(kind);
    return def != NULL ? def->bound : DIM_BOUND_NONE;
}

const char *dim_estimator_name(dim_estimator_kind kind)
{
    return dim__estimator_name(kind);
}

dim_status dim_estimator_from_name(const char *name, dim_estimator_kind *out)
{
    int kind = name == NULL || out == NULL ? -1 : dim__enum_value(dim__estimator_name, name);
    if (kind < 0)
        return DIM_E_INVALID;
    *out = (dim_estimator_kind)kind;
    return DIM_OK;
}

/* An f32 tensor of least to most axes, none of them empty. */
static dim_status check_tensor(dim_context *ctx, const dim_tensor *t, const char *name, int least, int most)
{
    char text[128];
    if (t == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "%s is NULL", name);
    if (t->dtype != DIM_F32)
        return dim__fail(ctx, DIM_E_INVALID, "%s has dtype %s; it must be f32", name, dim__dtype_name(t->dtype));
    if (t->rank < least || t->rank > most)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has shape %s; it needs %d to %d axes", name,
                         dim__shape_text(text, t->rank, t->shape), least, most);
    for (int i = 0; i < t->rank; i++)
        if (t->shape[i] < 1)
            return dim__fail(ctx, DIM_E_SHAPE, "%s has shape %s, which is empty", name,
                             dim__shape_text(text, t->rank, t->shape));
    return DIM_OK;
}

/* A place for the gradient of `of`; NULL is one, too. */
static dim_status check_gradient(dim_context *ctx, const dim_tensor *grad, const char *name, const dim_tensor *of)
{
    char a[128], b[128];
    if (grad == NULL)
        return DIM_OK;
    if (grad->dtype != DIM_F32)
        return dim__fail(ctx, DIM_E_INVALID, "%s has dtype %s; it must be f32", name, dim__dtype_name(grad->dtype));
    if (grad->rank != of->rank || memcmp(grad->shape, of->shape, (size_t)of->rank * sizeof *of->shape) != 0)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has shape %s; it must be the shape of its tensor, %s", name,
                         dim__shape_text(a, grad->rank, grad->shape), dim__shape_text(b, of->rank, of->shape));
    return dim__check_output(ctx, name, grad);
}

static dim_status check_result(dim_context *ctx, const dim_estimate *result)
{
    size_t size;
    return result == NULL ? DIM_OK /* no smaller one was ever published */
                          : dim__struct_size(ctx, "result", result, sizeof *result, &size);
}

static void give_result(dim_estimate *result, const dim_estimate *found)
{
    if (result == NULL)
        return;
    size_t size = result->size; /* what a newer header has beyond is not known here and stays as it is */
    *result = *found;
    result->size = size;
}

static dim_status check_batch(dim_context *ctx, const char *name, int64_t n)
{
    if (n < 2)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has a batch of %lld: without a second sample there are no negatives",
                         name, (long long)n);
    if (n > INT32_MAX)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has a batch of %lld, which is too large", name, (long long)n);
    return DIM_OK;
}

/* All sizes that a graph is made of fit into an int64_t. */
static dim_status check_size(dim_context *ctx, const dim__eval_key *k)
{
    int64_t rows, columns, scores;
    if (!dim__mul64(k->n, k->g, &rows) || !dim__mul64(k->n, k->l, &columns) || !dim__mul64(rows, columns, &scores) ||
        rows > INT32_MAX || scores > INT64_MAX / 64)
        return dim__fail(ctx, DIM_E_NOMEM, "too many pairs: %lld samples, %lld globals and %lld locations each",
                         (long long)k->n, (long long)k->g, (long long)k->l);
    return DIM_OK;
}

/* The partners of a shuffle, the caller's or drawn ones, as a block of the context's memory. */
static dim_status make_partners(dim_context *ctx, const dim_tensor *permutation, int64_t n, int32_t **out)
{
    if (permutation != NULL && permutation->dtype != DIM_I32 && permutation->dtype != DIM_I64)
        return dim__fail(ctx, DIM_E_INVALID, "permutation is neither i32 nor i64");
    if (permutation != NULL && (permutation->rank != 1 || permutation->shape[0] != n)) {
        char text[128];
        return dim__fail(ctx, DIM_E_SHAPE, "permutation has shape %s; it must be (%lld)",
                         dim__shape_text(text, permutation->rank, permutation->shape), (long long)n);
    }
    int32_t *partner = dim__calloc(ctx, (size_t)n, 2 * sizeof *partner); /* the second half marks who is taken */
    if (partner == NULL)
        return DIM_E_NOMEM;
    int32_t *taken = partner + n;
    if (permutation == NULL)
        dim__rng_derangement(partner, n, ctx->seed, dim__mix(dim__hash_text("estimator"), ctx->draws++));
    for (int64_t i = 0; permutation != NULL && i < n; i++) {
        const char *at = permutation->data;
        int64_t j, step = i * permutation->stride[0];
        j = permutation->dtype == DIM_I32 ? ((const int32_t *)at)[step] : ((const int64_t *)at)[step];
        dim_status status = DIM_OK;
        if (j < 0 || j >= n)
            status = dim__fail(ctx, DIM_E_INVALID, "permutation[%lld] is %lld; the batch has %lld samples",
                               (long long)i, (long long)j, (long long)n);
        else if (j == i)
            status = dim__fail(ctx, DIM_E_INVALID, "permutation[%lld] is %lld: a sample would be its own negative",
                               (long long)i, (long long)j);
        else if (taken[j]++)
            status = dim__fail(ctx, DIM_E_INVALID, "permutation[%lld] is %lld, and so is an earlier entry",
                               (long long)i, (long long)j);
        if (status != DIM_OK) {
            dim__free(ctx, partner);
            return status;
        }
        partner[i] = (int32_t)j;
    }
    *out = partner;
    return DIM_OK;
}

dim_status dim_estimator_evaluate(dim_estimator *est, const dim_tensor *global, const dim_tensor *local,
                                  const dim_tensor *permutation, dim_estimate *result, dim_tensor *grad_global,
                                  dim_tensor *grad_local)
{
    static const char *const names[2] = { "global", "local" };
    char a[128], b[128];
    dim_estimate found;
    int32_t *partner = NULL;
    if (est == NULL)
        return DIM_E_INVALID;
    dim_context *ctx = est->ctx;
    DIM__TRY(check_tensor(ctx, global, "global", 2, 3));
    DIM__TRY(check_tensor(ctx, local, "local", 2, 3));
    DIM__TRY(check_batch(ctx, "global", global->shape[0]));
    if (local->shape[0] != global->shape[0] || local->shape[local->rank - 1] != global->shape[global->rank - 1])
        return dim__fail(ctx, DIM_E_SHAPE, "global has shape %s and local has %s: batch or width differ",
                         dim__shape_text(a, global->rank, global->shape),
                         dim__shape_text(b, local->rank, local->shape));
    DIM__TRY(check_gradient(ctx, grad_global, "grad_global", global));
    DIM__TRY(check_gradient(ctx, grad_local, "grad_local", local));
    DIM__TRY(dim__check_apart(ctx, "grad_global", grad_global, "grad_local", grad_local));
    DIM__TRY(check_result(ctx, result));
    bool shuffle = est->o.negatives == DIM_NEGATIVES_SHUFFLE;
    if (permutation != NULL && !shuffle)
        return dim__fail(ctx, DIM_E_INVALID, "permutation is given, but the estimator's negatives are all pairs");
    const dim__eval_key key = { shuffle ? DIM__EVAL_SHUFFLE : DIM__EVAL_FEATURES,
                                global->shape[0],
                                global->rank == 3 ? global->shape[1] : 1,
                                local->rank == 3 ? local->shape[1] : 1,
                                global->shape[global->rank - 1],
                                grad_global != NULL,
                                grad_local != NULL };
    DIM__TRY(check_size(ctx, &key));
    if (shuffle)
        DIM__TRY(make_partners(ctx, permutation, key.n, &partner));
    dim_status status = dim__estimator_run(est, &key, global, local, partner, names, &found, grad_global, grad_local);
    dim__free(ctx, partner);
    if (status == DIM_OK)
        give_result(result, &found);
    return status;
}

dim_status dim_estimator_evaluate_scores(dim_estimator *est, const dim_tensor *scores, dim_estimate *result,
                                         dim_tensor *grad_scores)
{
    static const char *const names[2] = { "scores", NULL };
    char text[128];
    dim_estimate found;
    if (est == NULL)
        return DIM_E_INVALID;
    dim_context *ctx = est->ctx;
    if (est->o.negatives != DIM_NEGATIVES_ALL)
        return dim__fail(ctx, DIM_E_INVALID, "a score tensor has all pairs, but the estimator's negatives are a"
                                             " shuffle; dim_estimator_evaluate_pairs() takes those");
    DIM__TRY(check_tensor(ctx, scores, "scores", 2, 4));
    int64_t n = scores->shape[0];
    DIM__TRY(check_batch(ctx, "scores", n));
    if (scores->shape[scores->rank == 4 ? 2 : 1] != n)
        return dim__fail(ctx, DIM_E_SHAPE, "scores has shape %s; it needs (N, N), (N, N, L) or (N, G, N, L)",
                         dim__shape_text(text, scores->rank, scores->shape));
    DIM__TRY(check_gradient(ctx, grad_scores, "grad_scores", scores));
    DIM__TRY(check_result(ctx, result));
    const dim__eval_key key = { DIM__EVAL_SCORES, n, scores->rank == 4 ? scores->shape[1] : 1,
                                scores->rank == 2 ? 1 : scores->shape[scores->rank - 1], 0, grad_scores != NULL, 0 };
    DIM__TRY(check_size(ctx, &key));
    DIM__TRY(dim__estimator_run(est, &key, scores, NULL, NULL, names, &found, grad_scores, NULL));
    give_result(result, &found);
    return DIM_OK;
}

dim_status dim_estimator_evaluate_pairs(dim_estimator *est, const dim_tensor *positive, const dim_tensor *negative,
                                        dim_estimate *result, dim_tensor *grad_positive, dim_tensor *grad_negative)
{
    static const char *const names[2] = { "positive", "negative" };
    dim_estimate found;
    if (est == NULL)
        return DIM_E_INVALID;
    dim_context *ctx = est->ctx;
    DIM__TRY(check_tensor(ctx, positive, "positive", 1, 2));
    DIM__TRY(check_tensor(ctx, negative, "negative", 1, 2));
    if (positive->shape[0] != negative->shape[0])
        return dim__fail(ctx, DIM_E_SHAPE, "positive has %lld rows, but negative has %lld",
                         (long long)positive->shape[0], (long long)negative->shape[0]);
    DIM__TRY(check_gradient(ctx, grad_positive, "grad_positive", positive));
    DIM__TRY(check_gradient(ctx, grad_negative, "grad_negative", negative));
    DIM__TRY(dim__check_apart(ctx, "grad_positive", grad_positive, "grad_negative", grad_negative));
    DIM__TRY(check_result(ctx, result));
    const dim__eval_key key = { DIM__EVAL_PAIRS, positive->shape[0], positive->rank == 2 ? positive->shape[1] : 1,
                                negative->rank == 2 ? negative->shape[1] : 1, 0, grad_positive != NULL,
                                grad_negative != NULL };
    DIM__TRY(dim__estimator_run(est, &key, positive, negative, NULL, names, &found, grad_positive, grad_negative));
    give_result(result, &found);
    return DIM_OK;
}
