/* Training: a row's own partner is to be told from those of the rest of a batch, in both directions (InfoNCE over the rows and over
 * the columns of one matrix of scores).  The networks are small, so that everything about a step is written out here: the products,
 * one matrix of scores for both directions, AdamW over each side's weights as one array. */
#include "information/critic.h"

#include "base/math.h"
#include "base/pool.h"
#include "base/rng.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

enum { BATCH = 256, PATIENCE = 5 };
static const double GAIN = 1e-4; /* of the score, for which training goes on */
static const double FLAT = 0.005; /* nats: what has risen by less over PATIENCE checks is at its end */
static const double RATE = 1e-3, DECAY = 1e-4, MOST_NORM = 5, BETA1 = 0.9, BETA2 = 0.999;

typedef struct side {
    dim__mi_tower weights, average; /* exponential, of the weights */
    float *gradient, *moment, *square; /* (weights.count) */
    float *base;                 /* (n_train, base's width) */
    float *x;                    /* (batch, d) */
    float *hidden[2], *by_hidden[2]; /* (batch, HIDDEN) */
    float *by_out;               /* (batch, OUT) */
    float *pairs;                /* (batch, width): extended features */
    float *features;             /* (n_validation, width) */
} side;

typedef struct training {
    const dim__mi *m;
    const dim__mi_inputs *in;
    const dim__mi_rows *rows;
    dim__mi_critic *critic;      /* gets the best weights so far */
    side side[2];
    double *weights;             /* (n_validation), or NULL */
    float *t, *rows_share;       /* (batch, batch): scores; softmax along the rows */
    float *most, *scale;         /* (batch): of columns */
    int32_t *order;              /* (n_train): the epoch's */
    int64_t size, base, width;   /* of a batch; of the base's features; of all features */
    uint64_t seed, epoch;
    int64_t at, last;            /* in the epoch; rows that it has */
    dim__mi_span span;
} training;

/* ---- a batch --------------------------------------------------------------------------------------------------------- */

/* An order of the training rows.  With weights an epoch has each row with a chance of its share of the largest weight. */
static void new_epoch(training *t)
{
    int64_t n = t->rows->n_train;
    uint64_t stream = dim__mix(DIM__MI_STREAM_BATCH, t->epoch++);
    t->at = 0;
    t->last = n;
    dim__rng_permutation(t->order, n, t->seed, stream);
    if (t->m->weights == NULL)
        return;
    double most = 0;
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, t->m->weights[t->rows->train[i]]);
    for (int64_t i = 0; i < n; i++) {
        float u;
        dim__rng_uniform(&u, 1, t->seed, stream + 1, i);
        if ((double)u * most < t->m->weights[t->rows->train[t->order[i]]]) {
            int32_t swap = t->order[kept];
            t->order[kept++] = t->order[i];
            t->order[i] = swap;
        }
    }
    t->last = dim__max64(kept, t->size);
}

static void fill_batch(training *t)
{
    if (t->at + t->size > t->last)
        new_epoch(t);
    for (int64_t i = 0; i < t->size; i++) {
        int64_t k = t->order[t->at++], row = t->rows->train[k];
        for (int s = 0; s < 2; s++) {
            int64_t d = t->in->d[s];
            memcpy(t->side[s].x + i * d, t->in->x[s] + row * d, (size_t)d * sizeof(float));
            memcpy(t->side[s].pairs + i * t->width, t->side[s].base + k * t->base, (size_t)t->base * sizeof(float));
            t->side[s].pairs[i * t->width + t->base + dim__mi_tower_one(s)] = 1;
        }
    }
}

/* ---- the loss -------------------------------------------------------------------------------------------------------- */

/* Each of the two softmaxes is half of the derivatives, by the mean over the rows. */
static void along_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const training *t = arg;
    const dim__kernels *kernels = t->m->ctx->kernels;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        float *share = t->rows_share + i * t->size, *row = t->t + i * t->size;
        kernels->exp_shift(share, row, kernels->max(row, t->size), 1, t->size);
        kernels->affine(share, share, (float)(0.5 / (double)t->size / kernels->sum(share, t->size)), 0, t->size);
    }
}

/* And both directions together, as derivatives of the loss by the scores, which they replace. */
static void along_columns(void *arg, int64_t begin, int64_t end, int thread)
{
    const training *t = arg;
    const dim__kernels *kernels = t->m->ctx->kernels;
    float *most = t->most + begin, *scale = t->scale + begin, *x = t->t + begin, half = 0.5f / (float)t->size;
    int64_t n = end - begin;
    (void)thread;
    memcpy(most, x, (size_t)n * sizeof *most);
    kernels->col_max(most, x + t->size, t->size, t->size - 1, n);
    memset(scale, 0, (size_t)n * sizeof *scale);
    for (int64_t i = 0; i < t->size; i++) {
        float *row = x + i * t->size;
        kernels->exp_from(row, row, most, n);
        kernels->add(scale, scale, row, n);
    }
    for (int64_t j = 0; j < n; j++)
        scale[j] = half / scale[j];
    for (int64_t i = 0; i < t->size; i++)
        kernels->col_affine(x + i * t->size, x + i * t->size, scale, t->rows_share + i * t->size + begin, 1, n);
    for (int64_t i = begin; i < end; i++)
        t->t[i * t->size + i] -= 2 * half;
}

/* ---- a step ---------------------------------------------------------------------------------------------------------- */

/* gradient of a layer's weights := by_y' x, of its biases the sums; by_x (batch, in) := by_y W where x, which a ReLU made, is not 0. */
static void layer_back(const training *t, side *s, int layer, const float *x, const float *by_y, float *by_x)
{
    dim_context *ctx = t->m->ctx;
    int64_t out, in;
    const float *w = dim__mi_tower_layer(&s->weights, layer, &out, &in);
    const float *ones = s->pairs + t->base + dim__mi_tower_one(s == &t->side[1]);
    float *g = s->gradient + (w - s->weights.memory), *bias = g + out * in;
    dim__gemm(ctx, true, false, out, in, t->size, 1, by_y, out, x, in, 0, g, in);
    dim__gemm(ctx, true, false, 1, out, t->size, 1, ones, t->width, by_y, out, 0, bias, out);
    if (by_x == NULL)
        return;
    dim__gemm(ctx, false, false, t->size, in, out, 1, by_y, out, w, in, 0, by_x, in);
    ctx->kernels->relu_grad(by_x, by_x, x, t->size * in);
}

/* Derivatives by a network's results: what the scores' are times the other side's features.  The one feature that is 1 has a product
 * of its own: a multiple of 16 columns is quicker. */
static void loss_back(const training *t, int number)
{
    enum { REST = DIM__MI_OUT - 1 };
    dim_context *ctx = t->m->ctx;
    const float *other = t->side[1 - number].pairs + t->base + number;
    float *out = t->side[number].by_out;
    int64_t n = t->size, one = dim__mi_tower_one(1 - number) - number, rest = one == 0 ? 1 : 0;
    dim__gemm(ctx, number == 1, false, n, REST, n, 1, t->t, n, other + rest, t->width, 0, out + rest, DIM__MI_OUT);
    dim__gemm(ctx, number == 1, false, n, 1, n, 1, t->t, n, other + one, t->width, 0, out + one, DIM__MI_OUT);
}

static void update(training *t, int64_t step)
{
    const dim__kernels *kernels = t->m->ctx->kernels;
    double share = fmin(0.99, (1 + (double)step) / (10 + (double)step)), count = (double)(step + 1), norm = 0;
    for (int s = 0; s < 2; s++)
        norm += kernels->sum_sq(t->side[s].gradient, t->side[s].weights.count);
    norm = sqrt(norm);
    for (int k = 0; k < 2 && isfinite(norm); k++) {
        side *s = &t->side[k];
        int64_t n = s->weights.count;
        kernels->adam(s->weights.memory, s->moment, s->square, s->gradient, (float)(RATE / (1 - pow(BETA1, count))), (float)BETA1,
                      (float)BETA2, (float)(1 / sqrt(1 - pow(BETA2, count))), 1e-8f, 0, (float)(1 - RATE * DECAY),
                      (float)fmin(1, MOST_NORM / (norm + 1e-6)), n);
        kernels->affine(s->average.memory, s->average.memory, (float)share, 0, n);
        kernels->axpy(s->average.memory, (float)(1 - share), s->weights.memory, n);
    }
}

static void take_step(training *t, int64_t step)
{
    dim_context *ctx = t->m->ctx;
    int64_t n = t->size, width = t->width;
    fill_batch(t);
    for (int k = 0; k < 2; k++) {
        side *s = &t->side[k];
        dim__mi_tower_run(ctx, &s->weights, s->x, n, s->hidden[0], s->hidden[1], s->pairs + t->base + k, width);
    }
    dim__gemm(ctx, false, true, n, n, width, 1, t->side[0].pairs, width, t->side[1].pairs, width, 0, t->t, n);
    dim__parallel(ctx, n, 64, along_rows, t);
    dim__parallel(ctx, n, 64, along_columns, t);
    for (int k = 0; k < 2; k++) {
        side *s = &t->side[k];
        loss_back(t, k);
        layer_back(t, s, 2, s->hidden[1], s->by_out, s->by_hidden[1]);
        layer_back(t, s, 1, s->hidden[0], s->by_hidden[1], s->by_hidden[0]);
        layer_back(t, s, 0, s->x, s->by_hidden[0], NULL);
    }
    update(t, step);
}

/* ---- all steps ------------------------------------------------------------------------------------------------------- */

/* Score of the averaged weights on validation rows, all pairs, the own one included. */
static dim_status validate(training *t, bool base_alone, double *score)
{
    const dim__mi_rows *r = t->rows;
    dim__mi_critic now = { .narrow = t->critic->narrow, .base = t->critic->base, .tower = { t->side[0].average, t->side[1].average } };
    dim__mi_held_out out = { 0 };
    float *x = t->side[0].features, *y = t->side[1].features;
    DIM__TRY(dim__mi_critic_features(t->m, &now, t->in, r->validation, r->n_validation, base_alone, x, y));
    DIM__TRY(dim__mi_held_out_score(t->m->ctx, x, y, t->weights, r->n_validation, dim__mi_critic_width(&now, base_alone), &out));
    *score = out.inclusive_score;
    return DIM_OK;
}

/* Whether training that was not patient enough has cut something off: by the best scores at the last checks and before. */
static bool rises(const double *best, int64_t checks) { return checks < PATIENCE || best[checks % PATIENCE] + FLAT < best[PATIENCE]; }

/* The base is the first checkpoint: a critic that never beats it is the base. */
static dim_status train(training *t)
{
    int64_t every = dim__max64(10, dim__min64(100, 4 * t->rows->n_train / 256)), checks = 0;
    int waited = 0;
    uint32_t ended = DIM_INFORMATION_NOT_CONVERGED;
    double best[PATIENCE + 1]; /* before each of the last checks, and now */
    DIM__TRY(validate(t, true, &t->critic->validation));
    best[PATIENCE] = t->critic->validation;
    for (int64_t step = 0; step < (int64_t)t->m->o.max_steps && waited < PATIENCE; step++) {
        if (t->m->deadline > 0 && dim__mi_now() > t->m->deadline) {
            ended = DIM_INFORMATION_TIME_LIMIT;
            break;
        }
        take_step(t, step);
        if ((step + 1) % every != 0)
            continue;
        double score, done = (double)(step + 1) / (double)t->m->o.max_steps;
        DIM__TRY(dim__mi_progress(t->m, t->span.begin + done * (t->span.end - t->span.begin), "critics"));
        DIM__TRY(validate(t, false, &score));
        waited++;
        best[checks++ % PATIENCE] = t->critic->validation;
        if (score > t->critic->validation + GAIN) {
            t->critic->validation = score;
            t->critic->residual = true;
            waited = 0;
            for (int s = 0; s < 2; s++)
                memcpy(t->critic->tower[s].memory, t->side[s].average.memory, (size_t)t->side[s].average.count * sizeof(float));
        }
        best[PATIENCE] = t->critic->validation;
    }
    t->critic->cut = waited < PATIENCE && rises(best, checks) ? ended : 0;
    return DIM_OK;
}

/* As PyTorch's linear layers; the last one begins small, so that training begins at the base. */
static void draw_weights(const training *t, int number)
{
    const dim__mi_tower *w = &t->side[number].weights;
    uint64_t stream = dim__mix(DIM__MI_STREAM_WEIGHTS, (uint64_t)number);
    int64_t out, in;
    dim__rng_uniform(w->memory, w->count, t->seed, stream, 0);
    for (int l = 0; l < DIM__MI_LAYERS; l++) {
        float *at = dim__mi_tower_layer(w, l, &out, &in), most = 1 / sqrtf((float)in);
        bool last = l == DIM__MI_LAYERS - 1;
        for (int64_t i = 0; i < out * (in + 1); i++)
            at[i] = !last ? (2 * at[i] - 1) * most : i < out * in ? 0.1f * (2 * at[i] - 1) * most : 0;
    }
    memcpy(t->side[number].average.memory, w->memory, (size_t)w->count * sizeof(float));
}

static dim_status make_side(training *t, int number)
{
    dim_context *ctx = t->m->ctx;
    const dim__mi_rows *r = t->rows;
    side *s = &t->side[number];
    int64_t d = t->in->d[number], n = t->size;
    DIM__TRY(dim__mi_tower_make(ctx, d, &s->weights));
    DIM__TRY(dim__mi_tower_make(ctx, d, &s->average));
    DIM__TRY(dim__mi_tower_make(ctx, d, &t->critic->tower[number]));
    s->gradient = dim__calloc(ctx, (size_t)s->weights.count, 3 * sizeof(float));
    s->base = dim__calloc(ctx, (size_t)r->n_train, (size_t)t->base * sizeof(float));
    s->features = dim__calloc(ctx, (size_t)r->n_validation, (size_t)t->width * sizeof(float));
    s->x = dim__calloc(ctx, (size_t)n, (size_t)(d + 4 * DIM__MI_HIDDEN + DIM__MI_OUT + t->width) * sizeof(float));
    if (s->gradient == NULL || s->base == NULL || s->features == NULL || s->x == NULL)
        return DIM_E_NOMEM;
    s->moment = s->gradient + s->weights.count;
    s->square = s->moment + s->weights.count;
    for (int k = 0; k < 2; k++) {
        s->hidden[k] = s->x + n * (d + 2 * k * DIM__MI_HIDDEN);
        s->by_hidden[k] = s->hidden[k] + n * DIM__MI_HIDDEN;
    }
    s->by_out = s->x + n * (d + 4 * DIM__MI_HIDDEN);
    s->pairs = s->by_out + n * DIM__MI_OUT;
    dim__mi_base_features(&t->critic->base, t->in, number, r->train, r->n_train, s->base);
    draw_weights(t, number);
    return DIM_OK;
}

static dim_status make_room(training *t)
{
    dim_context *ctx = t->m->ctx;
    t->base = dim__mi_base_width(&t->critic->base);
    t->width = dim__mi_critic_width(t->critic, false);
    t->size = dim__max64(2, dim__min64(BATCH, t->rows->n_train / 2));
    t->order = dim__calloc(ctx, (size_t)t->rows->n_train, sizeof(int32_t));
    t->t = dim__calloc(ctx, (size_t)t->size, 2 * (size_t)(t->size + 1) * sizeof(float));
    if (t->order == NULL || t->t == NULL)
        return DIM_E_NOMEM;
    if (t->m->weights != NULL) {
        t->weights = dim__calloc(ctx, (size_t)t->rows->n_validation, sizeof *t->weights);
        if (t->weights == NULL)
            return DIM_E_NOMEM;
        for (int64_t i = 0; i < t->rows->n_validation; i++)
            t->weights[i] = t->m->weights[t->rows->validation[i]];
    }
    t->rows_share = t->t + t->size * t->size;
    t->most = t->rows_share + t->size * t->size;
    t->scale = t->most + t->size;
    DIM__TRY(make_side(t, 0));
    return make_side(t, 1);
}

dim_status dim__mi_critic_train(const dim__mi *m, const dim__mi_inputs *in, const dim__mi_rows *rows, uint64_t seed, dim__mi_span span,
                                dim__mi_critic *out)
{
    training t = { .m = m, .in = out->narrow != NULL ? &out->narrow->in : in, .rows = rows, .critic = out, .seed = seed, .span = span };
    dim_status status = dim__mi_base_fit(m, t.in, rows->train, rows->n_train, &out->base);
    if (status == DIM_OK)
        status = make_room(&t);
    if (status == DIM_OK) {
        new_epoch(&t);
        status = train(&t);
    }
    for (int s = 0; s < 2; s++) {
        dim__free(m->ctx, t.side[s].weights.memory);
        dim__free(m->ctx, t.side[s].average.memory);
        dim__free(m->ctx, t.side[s].gradient);
        dim__free(m->ctx, t.side[s].base);
        dim__free(m->ctx, t.side[s].features);
        dim__free(m->ctx, t.side[s].x);
    }
    dim__free(m->ctx, t.weights);
    dim__free(m->ctx, t.t);
    dim__free(m->ctx, t.order);
    return status;
}
