/* The MLP probe: linear, dropout, batch norm, ReLU, linear, by cross-entropy, as the authors of Deep InfoMax have it
 * (cortex_DIM/evaluation_models/classification_eval.py): Adam (0.5, 0.999), 1e-4, batches of 64, a tenth of the rate after 50
 * and again after 100 epochs.  They train for 1000, and report what is right of test; here the epoch that is best on samples
 * that are held out counts.  Where `epochs` is below 150, the three stages are thirds of it.
 *
 * The network and its training are the library's own, an objective of one player. */
#include "base/math.h"
#include "base/rng.h"
#include "eval/eval.h"
#include "nn/encoder.h"
#include "train/objective.h"

#include <inttypes.h>

enum { EPOCHS = 60, BATCH = 64, STAGE = 50, BLOCK = 256 }; /* BLOCK: rows that are classified at once */
static const float RATE = 1e-4f, MOMENTUM = 0.5f;

typedef struct mlp {
    dim_context *ctx;
    const dim__probe_data *data;
    dim__scaler scaler;
    dim_encoder *net;
    dim_objective *obj;
    int64_t batch;
    int32_t *rows, *order;     /* train's samples, those that are held out last; those to fit, in an epoch */
    float *z, *scores;         /* (batch or BLOCK, d + 1), (BLOCK, classes) */
    int32_t *labels;           /* (batch) */
    dim_tensor *all, *inputs;  /* of z: the rows, and the first d numbers of each */
    dim_tensor *x, *y, *s;     /* of a batch: inputs, labels; of a block: scores */
    float *best;               /* all parameters at the best epoch */
} mlp;

static void mlp_free(mlp *m)
{
    dim_tensor *tensors[] = {m->x, m->y, m->s, m->inputs, m->all};
    void *all[] = {m->rows, m->order, m->z, m->scores, m->labels, m->best};
    dim__objective_destroy(m->obj);
    if (m->net != NULL)
        dim__encoder_release(m->net);
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++)
        dim__tensor_destroy(tensors[i]);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim__free(m->ctx, all[i]);
    dim__scaler_free(m->ctx, &m->scaler);
}

static dim_status make_network(mlp *m, const dim_probe_options *o)
{
    dim__stack s = {.ctx = m->ctx};
    dim_encoder_options eo;
    dim_status status;
    const int64_t shape[3] = {m->data->d, 0, 0};
    DIM_OPTIONS_INIT(&eo);
    eo.channels = (uint32_t)m->data->d;
    eo.seed = o->seed;
    const dim_layer_options layers[] = {
        {.kind = DIM_LAYER_LINEAR, .out = o->hidden},
        {.kind = DIM_LAYER_DROPOUT, .rate = o->dropout > 0 ? o->dropout : 0},
        {.kind = DIM_LAYER_BATCH_NORM},
        {.kind = DIM_LAYER_RELU},
        {.kind = DIM_LAYER_LINEAR, .out = (uint32_t)m->data->classes},
    };
    DIM__TRY_OR(done, dim__stack_add_input(&s, "input", shape));
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        DIM__TRY_OR(done, dim__add(&s, layers[i]));
    DIM__TRY_OR(done, dim__encoder_from_stack(&s, &eo, 0, &m->net));
done:
    dim__stack_free(&s); /* empty when the encoder took it */
    return status;
}

void dim__mlp_milestones(uint32_t epochs, uint64_t steps, uint64_t milestones[2])
{
    const bool few = epochs < 3 * STAGE;
    milestones[0] = few ? epochs * steps / 3 : STAGE * steps;
    milestones[1] = few ? 2 * epochs * steps / 3 : 2 * STAGE * steps;
    if (milestones[0] == 0) /* which would end the list */
        milestones[1] = 0;
}

static dim_status make_objective(mlp *m, const dim_probe_options *o, uint32_t epochs, uint64_t steps)
{
    dim_objective_options oo;
    dim_input_options x, y;
    dim_loss_options l;
    dim_player_options p;
    dim_optimizer_options adam;
    DIM_OPTIONS_INIT(&oo);
    DIM_OPTIONS_INIT(&x);
    DIM_OPTIONS_INIT(&y);
    DIM_OPTIONS_INIT(&l);
    DIM_OPTIONS_INIT(&p);
    DIM_OPTIONS_INIT(&adam);
    oo.seed = o->seed;
    x.name = "x";
    x.shape[0] = m->data->d;
    y.name = "y";
    y.dtype = DIM_I32;
    l.name = "loss";
    l.kind = DIM_LOSS_CROSS_ENTROPY;
    l.a = "mlp";
    l.b = "y";
    adam.lr = o->lr != 0 ? o->lr : RATE;
    adam.beta1 = MOMENTUM;
    adam.schedule = DIM_SCHEDULE_STEP;
    dim__mlp_milestones(epochs, steps, adam.milestones);
    p.name = "player";
    p.optimizer = &adam;
    DIM__TRY(dim__objective_create(m->ctx, &oo, &m->obj));
    DIM__TRY(dim__objective_add_input(m->obj, &x));
    DIM__TRY(dim__objective_add_input(m->obj, &y));
    DIM__TRY(dim__objective_apply(m->obj, m->net, "x", "mlp"));
    DIM__TRY(dim__objective_add_loss(m->obj, &l));
    DIM__TRY(dim__objective_add_player(m->obj, &p));
    DIM__TRY(dim__objective_give(m->obj, "player", "mlp"));
    DIM__TRY(dim__objective_minimise(m->obj, "player", "loss", 1));
    DIM__TRY(dim__objective_set(m->obj, "x", m->x));
    return dim__objective_set(m->obj, "y", m->y);
}

static int64_t count_weights(const mlp *m)
{
    int64_t count = 0;
    for (int64_t i = 0; i < m->net->params.count; i++)
        count += m->net->params.list[i]->count;
    return count;
}

static dim_status make_memory(mlp *m, int64_t cut)
{
    dim_context *ctx = m->ctx;
    const int64_t p = m->data->d + 1, rows = dim__max64(m->batch, BLOCK), classes = m->data->classes;
    m->order = dim__calloc(ctx, (size_t)cut, sizeof *m->order);
    m->z = dim__calloc(ctx, (size_t)rows, (size_t)p * sizeof *m->z);
    m->scores = dim__calloc(ctx, BLOCK, (size_t)classes * sizeof *m->scores);
    m->labels = dim__calloc(ctx, (size_t)m->batch, sizeof *m->labels);
    m->best = dim__calloc(ctx, (size_t)count_weights(m), sizeof *m->best);
    if (m->order == NULL || m->z == NULL || m->scores == NULL || m->labels == NULL || m->best == NULL)
        return DIM_E_NOMEM;
    DIM__TRY(dim__tensor_wrap(ctx, DIM_F32, 2, (const int64_t[]){rows, p}, NULL, m->z, NULL, NULL, &m->all));
    DIM__TRY(dim__tensor_slice(m->all, 1, 0, p - 1, 1, &m->inputs));
    DIM__TRY(dim__tensor_slice(m->inputs, 0, 0, m->batch, 1, &m->x));
    DIM__TRY(dim__tensor_wrap(ctx, DIM_I32, 1, &m->batch, NULL, m->labels, NULL, NULL, &m->y));
    return dim__tensor_wrap(ctx, DIM_F32, 2, (const int64_t[]){BLOCK, classes}, NULL, m->scores, NULL, NULL, &m->s);
}

static void keep(mlp *m, bool back)
{
    float *at = m->best;
    for (int64_t i = 0; i < m->net->params.count; i++) {
        const dim__param *p = m->net->params.list[i];
        memcpy(back ? p->data : at, back ? at : p->data, (size_t)p->count * sizeof *at);
        at += p->count;
    }
}

/* Scores of n rows of x, in m->scores. */
static dim_status score(mlp *m, const float *x, const int32_t *pick, int64_t first, int64_t n)
{
    dim_tensor *z = NULL, *s = NULL;
    dim_status status;
    dim__scaler_rows(m->ctx, &m->scaler, x, pick, first, n, m->z);
    DIM__TRY_OR(done, dim__tensor_slice(m->inputs, 0, 0, n, 1, &z));
    DIM__TRY_OR(done, dim__tensor_slice(m->s, 0, 0, n, 1, &s));
    DIM__TRY_OR(done, dim__encoder_encode(m->net, 1, (const dim_tensor *const[]){z}, m->net->global, s));
done:
    dim__tensor_destroy(z);
    dim__tensor_destroy(s);
    return status;
}

/* The share right of rows first .. last - 1 of x, or of those of pick, and their mean cross-entropy unless loss is NULL. */
static dim_status measure(mlp *m, const float *x, const int32_t *labels, const int32_t *pick, int64_t first, int64_t last,
                          double *share, double *loss)
{
    int64_t right = 0, classes = m->data->classes;
    double sum = 0;
    for (int64_t i = first; i < last; i += BLOCK) {
        int64_t n = dim__min64(BLOCK, last - i);
        DIM__TRY(score(m, x, pick, i, n));
        DIM__TRY(dim__scores_check(m->ctx, m->scores, n * classes));
        right += dim__count_right(m->scores, n, classes, pick != NULL ? labels : labels + i, pick != NULL ? pick + i : NULL,
                                  loss != NULL ? dim__cross_entropy : NULL, &sum);
    }
    *share = (double)right / (double)(last - first);
    if (loss != NULL)
        *loss = sum / (double)(last - first);
    return DIM_OK;
}

/* Whole batches of the first `cut` samples, in another order each time: what is left over differs. */
static dim_status train_epoch(mlp *m, int64_t cut, uint64_t seed, uint32_t number)
{
    dim__rng_permutation(m->order, cut, seed, number);
    for (int64_t i = 0; i < cut; i++)
        m->order[i] = m->rows[m->order[i]];
    for (int64_t i = 0; i + m->batch <= cut; i += m->batch) {
        dim__scaler_rows(m->ctx, &m->scaler, m->data->train, m->order, i, m->batch, m->z);
        for (int64_t k = 0; k < m->batch; k++)
            m->labels[k] = m->data->train_labels[m->order[i + k]];
        dim_status status = dim__objective_step(m->obj, DIM__REACH_ALL, -1);
        if (status == DIM_E_NUMERIC) /* in the caller's words */
            return dim__fail(m->ctx, status, "the MLP's loss or gradient is not finite: training diverged, which a smaller lr may prevent");
        DIM__TRY(status);
    }
    return DIM_OK;
}

/* Keeps the epoch with the most right on the samples from cut on; of equally good ones that of the least cross-entropy. */
static dim_status train(mlp *m, uint32_t epochs, uint64_t seed, int64_t cut, dim_probe_result *result)
{
    const dim__probe_data *data = m->data;
    double least = 0, share, loss;
    for (uint32_t i = 0; i < epochs; i++) {
        DIM__TRY(train_epoch(m, cut, seed, i));
        DIM__TRY(measure(m, data->train, data->train_labels, m->rows, cut, data->n, &share, &loss));
        if (i > 0 && (share < result->validation_accuracy || (share == result->validation_accuracy && !(loss < least))))
            continue;
        result->validation_accuracy = share;
        result->chosen = (double)i + 1;
        least = loss;
        keep(m, false);
    }
    keep(m, true);
    result->edge = result->chosen == (double)epochs;
    result->converged = !result->edge;
    if (result->edge)
        dim__log(m->ctx, DIM_LOG_WARNING, "MLP probe: the last epoch is the best one; more could be better");
    return DIM_OK;
}

static dim_status fit_once(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data, uint32_t run,
                           dim_probe_result *result)
{
    dim_status status;
    int64_t cut;
    mlp m = {.ctx = ctx, .data = data};
    const uint32_t epochs = o->epochs != 0 ? o->epochs : EPOCHS;
    DIM__TRY_OR(done, dim__probe_split(ctx, o, data->n, run, &cut, &m.rows));
    m.batch = dim__min64(o->batch != 0 ? o->batch : BATCH, cut);
    if (m.batch < 2) {
        status = dim__fail(ctx, DIM_E_INVALID, "MLP probe: batch norm needs minibatches of 2 samples at least, not of %" PRId64
                           "; %" PRId64 " of %" PRId64 " training samples are fitted, and batch is %" PRIu32, m.batch, cut, data->n,
                           o->batch != 0 ? o->batch : BATCH);
        goto done;
    }
    DIM__TRY_OR(done, dim__scaler_create(ctx, data->train, data->n, data->d, &m.scaler));
    DIM__TRY_OR(done, make_network(&m, o));
    DIM__TRY_OR(done, make_memory(&m, cut));
    DIM__TRY_OR(done, make_objective(&m, o, epochs, (uint64_t)(cut / m.batch)));
    DIM__TRY_OR(done, train(&m, epochs, dim__mix(o->seed, dim__hash_text("MLP probe")), cut, result));
    DIM__TRY_OR(done, measure(&m, data->train, data->train_labels, NULL, 0, data->n, &result->train_accuracy, NULL));
    DIM__TRY_OR(done, measure(&m, data->test, data->test_labels, NULL, 0, data->m, &result->accuracy, NULL));
done:
    mlp_free(&m);
    return status;
}

dim_status dim__probe_mlp(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                          dim_probe_result *result)
{
    return dim__probe_runs(ctx, o, data, fit_once, result);
}
