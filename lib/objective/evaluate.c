/* Losses without a model: a small graph for each shape that is asked for, kept for the next call of that shape. */
#include "base/math.h"
#include "objective/estimators/handle.h"
#include "ops/ops.h"
#include "tensor/tensor.h"

dim__param_spec dim__estimator_state_spec(void)
{
    return (dim__param_spec){ .shape = dim__scalar(), .fill = DIM__FILL_CONST, .a = NAN, .state = true,
                              .hidden = true };
}

dim_status dim__estimator_create(dim_context *ctx, const dim_estimator_options *checked, dim_estimator **out)
{
    dim_estimator *est = dim__calloc(ctx, 1, sizeof *est);
    if (est == NULL)
        return DIM_E_NOMEM;
    est->ctx = dim__context_retain(ctx);
    est->o = *checked;
    dim__programs_init(&est->programs, ctx, DIM__EVAL_PROGRAMS);
    dim__params_init(&est->params, ctx, 0);
    if (checked->kind == DIM_ESTIMATOR_MINE) {
        dim__param_spec spec = dim__estimator_state_spec();
        est->state = dim__params_get(&est->params, "mine.average", &spec);
        if (est->state == NULL) {
            dim__estimator_destroy(est);
            return DIM_E_NOMEM;
        }
    }
    *out = est;
    return DIM_OK;
}

void dim__estimator_destroy(dim_estimator *est)
{
    if (est == NULL)
        return;
    dim_context *ctx = est->ctx;
    dim__programs_free(&est->programs);
    dim__params_free(&est->params);
    dim__free(ctx, est);
    dim__context_release(ctx);
}

typedef struct eval { /* values of a compiled evaluation */
    dim__vid a, b;         /* inputs: global and local, scores, or positive and negative */
    dim__vid own, partner; /* shuffle: sample of each global, and of its negatives; own only when G > 1 */
    dim__vid record;
} eval;

/* Rows r of the scores are globals, r / G their samples. */
static dim__est_nodes emit_features(dim__graph *g, const dim_estimator *est, const dim__eval_key *k, eval *e)
{
    int64_t rows = k->n * k->g;
    e->a = dim__graph_input(g, DIM_F32, dim__shape2(rows, k->d), k->grad_a != 0);
    e->b = dim__graph_input(g, DIM_F32, dim__shape3(k->n, k->l, k->d), k->grad_b != 0);
    if (k->mode == DIM__EVAL_FEATURES)
        return dim__emit_dot_estimator(g, &est->o, e->a, e->b, k->n, est->state);
    dim__vid own = e->b;
    if (k->g > 1) {
        e->own = dim__graph_input(g, DIM_I32, dim__shape1(rows), false);
        own = dim__emit_gather(g, e->b, e->own);
    }
    e->partner = dim__graph_input(g, DIM_I32, dim__shape1(rows), false);
    dim__vid other = dim__emit_gather(g, e->b, e->partner);
    dim__vid pos = dim__emit_row_dot(g, own, e->a);
    dim__vid neg = dim__emit_row_dot(g, other, e->a);
    return dim__emit_estimator_pairs(g, &est->o, pos, neg, est->state);
}

/* Scores of the caller's are taken as scaled. */
static dim__est_nodes emit_scores(dim__graph *g, const dim_estimator *est, const dim__eval_key *k, eval *e)
{
    dim_estimator_options o = est->o;
    o.scale = 1;
    if (k->mode == DIM__EVAL_SCORES) {
        e->a = dim__graph_input(g, DIM_F32, dim__shape2(k->n * k->g, k->n * k->l), k->grad_a != 0);
        return dim__emit_estimator(g, &o, e->a, k->n, est->state);
    }
    e->a = dim__graph_input(g, DIM_F32, dim__shape2(k->n, k->g), k->grad_a != 0);
    e->b = dim__graph_input(g, DIM_F32, dim__shape2(k->n, k->l), k->grad_b != 0);
    return dim__emit_estimator_pairs(g, &o, e->a, e->b, est->state);
}

typedef struct request {
    const dim_estimator *est;
    const dim__eval_key *key;
} request;

static int emit(void *arg, dim__graph *g, void *notes, dim__aim *aims)
{
    const request *r = arg;
    const dim__eval_key *k = r->key;
    eval *e = notes;
    e->a = e->b = e->own = e->partner = DIM__NONE;
    bool features = k->mode == DIM__EVAL_FEATURES || k->mode == DIM__EVAL_SHUFFLE;
    dim__est_nodes nodes = features ? emit_features(g, r->est, k, e) : emit_scores(g, r->est, k, e);
    e->record = nodes.record;
    dim__graph_keep(g, nodes.loss);
    dim__graph_keep(g, e->record);
    aims[0] = (dim__aim){ nodes.loss, DIM__REACH_ALL };
    return k->grad_a || k->grad_b;
}

_Static_assert(sizeof(dim__eval_key) <= sizeof(dim__program_key), "an evaluation's key fits a program's");

static dim_status find(dim_estimator *est, const dim__eval_key *key, dim__compiled **out)
{
    request r = { est, key };
    dim__recipe recipe = { .emit = emit, .arg = &r, .notes = sizeof(eval), .exact = true };
    memcpy(&recipe.key, key, sizeof *key);
    return dim__compile(&est->programs, &recipe, out);
}

static void contiguous(int rank, const int64_t *shape, int64_t *stride)
{
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape[i];
    }
}

static int64_t first_not_finite(const float *x, int64_t n)
{
    int64_t i = 0;
    while (i < n && isfinite(x[i]))
        i++;
    return i;
}

static dim_status fill_input(const dim_estimator *est, dim__program *p, dim__vid v, const dim_tensor *t,
                             const char *name)
{
    int64_t stride[DIM_MAX_RANK], n = dim__count_of(dim__program_graph(p), v), at;
    float *data = dim__program_data(p, v);
    contiguous(t->rank, t->shape, stride);
    dim__strided_copy(t->rank, t->shape, DIM_F32, data, stride, t->dtype, t->data, t->stride);
    if (est->ctx->kernels->finite(data, n) || (at = first_not_finite(data, n)) == n)
        return DIM_OK;
    return dim__fail(est->ctx, DIM_E_NUMERIC, "%s: element %lld (in row-major order) is %g", name, (long long)at,
                     (double)data[at]);
}

static dim_status check_gradient(const dim_estimator *est, dim__program *p, dim__vid d, const dim_tensor *grad,
                                 const char *name)
{
    int64_t n = dim__count_of(dim__program_graph(p), d), at;
    const float *data = dim__program_data(p, d);
    if (grad == NULL || est->ctx->kernels->finite(data, n) || (at = first_not_finite(data, n)) == n)
        return DIM_OK;
    return dim__fail(est->ctx, DIM_E_NUMERIC,
                     "the gradient of %s is %g at element %lld: %s's gradient does not fit a float for such scores",
                     name, (double)data[at], (long long)at, dim__estimator_def_of(est->o.kind)->name);
}

static dim_status check_average(const dim_estimator *est)
{
    if (est->state == NULL || isfinite(*est->state->data))
        return DIM_OK;
    return dim__fail(est->ctx, DIM_E_NUMERIC, "MINE's moving average is beyond e^-100000 or e^100000 for such scores, and its "
                     "logarithm would not keep its digits; scale the scores, or use DV");
}

static void copy_gradient(dim__program *p, dim__vid d, dim_tensor *grad)
{
    int64_t stride[DIM_MAX_RANK];
    if (grad == NULL)
        return;
    contiguous(grad->rank, grad->shape, stride);
    dim__strided_copy(grad->rank, grad->shape, DIM_F32, grad->data, grad->stride, DIM_F32, dim__program_data(p, d),
                      stride);
}

static void fill_indices(dim__program *p, const eval *e, const dim__eval_key *key, const int32_t *partner)
{
    int32_t *own = dim__program_data(p, e->own), *other = dim__program_data(p, e->partner);
    for (int64_t r = 0; r < key->n * key->g; r++) {
        if (own != NULL)
            own[r] = (int32_t)(r / key->g);
        other[r] = partner[r / key->g];
    }
}

dim_status dim__estimator_run(dim_estimator *est, const dim__eval_key *key, const dim_tensor *a, const dim_tensor *b,
                              const int32_t *partner, const char *const names[2], dim_estimate *result,
                              dim_tensor *grad_a, dim_tensor *grad_b)
{
    dim__compiled *c;
    DIM__TRY(find(est, key, &c));
    dim__program *p = c->program;
    const eval *e = c->notes;
    dim__vid da = dim__graph_grad(dim__program_graph(p), e->a), db = dim__graph_grad(dim__program_graph(p), e->b);
    DIM__TRY(fill_input(est, p, e->a, a, names[0]));
    if (b != NULL)
        DIM__TRY(fill_input(est, p, e->b, b, names[1]));
    if (partner != NULL)
        fill_indices(p, e, key, partner);
    dim__program_forward(p, est->ctx->seed, 0);
    const double *record = dim__program_data(p, e->record);
    const dim_estimate found = { sizeof found, record[DIM__EST_RECORD_LOSS], record[DIM__EST_RECORD_VALUE],
                                 record[DIM__EST_RECORD_POS], record[DIM__EST_RECORD_NEG] };
    /* of the means, too: an infinite score of a positive pair, or one that is clipped, leaves the loss finite */
    if (!isfinite(found.loss) || !isfinite(found.value) || !isfinite(found.positive_mean + found.negative_mean))
        return dim__fail(est->ctx, DIM_E_NUMERIC,
                         "the loss is %g, the value %g (mean scores: positive %g, negative %g)", found.loss,
                         found.value, found.positive_mean, found.negative_mean);
    if (grad_a != NULL || grad_b != NULL) {
        float average = est->state != NULL ? *est->state->data : 0;
        dim__program_backward(p, est->ctx->seed, 0); /* moves MINE's average, too */
        dim_status status = check_average(est);
        if (status == DIM_OK)
            status = check_gradient(est, p, da, grad_a, names[0]);
        if (status == DIM_OK)
            status = check_gradient(est, p, db, grad_b, names[1]);
        if (status != DIM_OK) {
            if (est->state != NULL)
                *est->state->data = average;
            return status;
        }
    }
    copy_gradient(p, da, grad_a);
    copy_gradient(p, db, grad_b);
    *result = found;
    return DIM_OK;
}
