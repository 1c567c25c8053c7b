/* What is learnt beyond the base: a network on each side, trained to tell a row's own partner from those of the rest of a
 * batch, in both directions. */
#include "information/critic.h"

#include "base/math.h"
#include "base/rng.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "objective/estimators/handle.h"
#include "train/objective.h"

#include <stdio.h>

enum { BATCH = 256, PATIENCE = 5 };
static const uint64_t BATCH_STREAM = 0x6d690500;
static const double GAIN = 1e-4; /* of the score, for which training goes on */

/* ---- weights of one side --------------------------------------------------------------------------------------------- */

/* Two hidden layers; f or g, and a or b: PyTorch's layout (out, in). */
static const char *const names[DIM__MI_LAYERS] = { "hidden1", "hidden2", "inner", "own" };

static void sizes_of(int layer, int64_t d, int64_t *out, int64_t *in)
{
    *in = layer == 0 ? d : DIM__MI_HIDDEN;
    *out = layer < 2 ? DIM__MI_HIDDEN : layer == 2 ? DIM__MI_WIDTH : 1;
}

static float *weights_of(const dim__mi_tower *t, int layer, int64_t *bias)
{
    int64_t at = 0, out, in;
    for (int l = 0; l < layer; l++) {
        sizes_of(l, t->d, &out, &in);
        at += out * in + out;
    }
    sizes_of(layer, t->d, &out, &in);
    *bias = out * in;
    return t->memory + at;
}

const float *dim__mi_tower_layer(const dim__mi_tower *t, int layer, int64_t *out, int64_t *in)
{
    int64_t bias;
    sizes_of(layer, t->d, out, in);
    return weights_of(t, layer, &bias);
}

static dim_status make_tower(const dim__mi *m, int64_t d, dim__mi_tower *t)
{
    int64_t out, in;
    *t = (dim__mi_tower){ .d = d };
    for (int l = 0; l < DIM__MI_LAYERS; l++) {
        sizes_of(l, d, &out, &in);
        t->count += out * in + out;
    }
    t->memory = dim__calloc(m->ctx, (size_t)t->count, sizeof *t->memory);
    return t->memory == NULL ? DIM_E_NOMEM : DIM_OK;
}

/* y (n, out) := x (n, in) W' + bias */
static void linear(const dim__mi *m, const dim__mi_tower *t, int layer, const float *x, int64_t n, bool relu, float *y)
{
    int64_t out, in, bias;
    const float *w = weights_of(t, layer, &bias);
    sizes_of(layer, t->d, &out, &in);
    for (int64_t i = 0; i < n; i++)
        memcpy(y + i * out, w + bias, (size_t)out * sizeof *y);
    dim__gemm(m->ctx, false, true, n, out, in, 1, x, in, w, in, 1, y, out);
    for (int64_t i = 0; i < n * out && relu; i++)
        y[i] = y[i] > 0 ? y[i] : 0;
}

/* inner (n, WIDTH) and own (n) of rows x (n, d); hidden has room for 2 n HIDDEN. */
static void run_tower(const dim__mi *m, const dim__mi_tower *t, const float *x, int64_t n, float *hidden, float *inner, float *own)
{
    float *second = hidden + n * DIM__MI_HIDDEN;
    linear(m, t, 0, x, n, true, hidden);
    linear(m, t, 1, hidden, n, true, second);
    linear(m, t, 2, second, n, false, inner);
    linear(m, t, 3, second, n, false, own);
}

/* ---- extended features ----------------------------------------------------------------------------------------------- */

int64_t dim__mi_critic_width(const dim__mi_critic *c, bool base_alone)
{
    return dim__mi_base_width(&c->base) + (base_alone ? 0 : DIM__MI_WIDTH + 2);
}

static dim_status side_features(const dim__mi *m, const dim__mi_critic *c, const dim__mi_inputs *in, int side, const int32_t *rows,
                                int64_t n, bool base_alone, float *out)
{
    int64_t d = in->d[side], base = dim__mi_base_width(&c->base), width = dim__mi_critic_width(c, base_alone);
    float *room = dim__calloc(m->ctx, (size_t)n, (size_t)(base + d + 2 * DIM__MI_HIDDEN + DIM__MI_WIDTH + 1) * sizeof *room);
    if (room == NULL)
        return DIM_E_NOMEM;
    float *x = room + n * base, *hidden = x + n * d, *inner = hidden + 2 * n * DIM__MI_HIDDEN, *own = inner + n * DIM__MI_WIDTH;
    dim__mi_base_features(&c->base, in, side, rows, n, room);
    for (int64_t i = 0; i < n; i++)
        memcpy(x + i * d, in->x[side] + rows[i] * d, (size_t)d * sizeof *x);
    if (!base_alone)
        run_tower(m, &c->tower[side], x, n, hidden, inner, own);
    for (int64_t i = 0; i < n; i++) {
        float *to = out + i * width;
        memcpy(to, room + i * base, (size_t)base * sizeof *to);
        if (base_alone)
            continue;
        memcpy(to + base, inner + i * DIM__MI_WIDTH, DIM__MI_WIDTH * sizeof *to);
        to[base + DIM__MI_WIDTH] = side == 0 ? own[i] : 1;
        to[base + DIM__MI_WIDTH + 1] = side == 0 ? 1 : own[i];
    }
    dim__free(m->ctx, room);
    return DIM_OK;
}

dim_status dim__mi_critic_features(const dim__mi *m, const dim__mi_critic *c, const dim__mi_inputs *in, const int32_t *rows, int64_t n,
                                   bool base_alone, float *x, float *y)
{
    in = c->narrow != NULL ? &c->narrow->in : in;
    DIM__TRY(side_features(m, c, in, 0, rows, n, base_alone, x));
    return side_features(m, c, in, 1, rows, n, base_alone, y);
}

/* ---- the objective --------------------------------------------------------------------------------------------------- */

typedef struct training {
    const dim__mi *m;
    const dim__mi_inputs *in;
    const dim__mi_rows *rows;
    dim__mi_critic *critic;      /* gets the best weights so far */
    dim_objective *objective;
    dim_encoder *network[2];
    float *base[2];              /* (n_train, width) */
    float *batch[2][2];          /* columns, base: of one batch */
    float *one;                  /* (batch): ones */
    dim__mi_tower average[2];    /* exponential, of the weights */
    int32_t *order;              /* (n_train): the epoch's */
    float *features[2];          /* of validation rows */
    int64_t size;                /* of a batch */
    uint64_t seed, epoch;
    int64_t at, last;            /* in the epoch; rows that it has */
    dim__mi_span span;
} training;

static const char *const columns[2] = { "x", "y" }, *const bases[2] = { "base-x", "base-y" }, *const applied[2] = { "fx", "gy" };

static dim_status add(dim__stack *s, dim_layer_options layer) { return dim__add(s, layer); }

/* columns, base and a one -> [base, f, a, 1] or [base, g, 1, b] */
static dim_status build_network(const training *t, int side, dim_encoder **out)
{
    dim__stack s = { .ctx = t->m->ctx };
    dim_encoder_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = dim__mix(t->seed, (uint64_t)side + 1);
    dim_status status = dim__stack_add_input(&s, "input", (int64_t[]){ t->in->d[side], 0, 0 });
    if (status == DIM_OK)
        status = dim__stack_add_input(&s, "base", (int64_t[]){ dim__mi_base_width(&t->critic->base), 0, 0 });
    if (status == DIM_OK)
        status = dim__stack_add_input(&s, "one", (int64_t[]){ 1, 0, 0 });
    const char *third = side == 0 ? "own" : "one", *fourth = side == 0 ? "one" : "own";
    const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_LINEAR, .out = DIM__MI_HIDDEN, .name = names[0] },
        { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_LINEAR, .out = DIM__MI_HIDDEN, .name = names[1] },
        { .kind = DIM_LAYER_RELU, .tap = "hidden" },
        { .kind = DIM_LAYER_LINEAR, .out = DIM__MI_WIDTH, .name = names[2], .tap = "inner" },
        { .kind = DIM_LAYER_FROM, .from = "hidden" },
        { .kind = DIM_LAYER_LINEAR, .out = 1, .name = names[3], .tap = "own" },
        { .kind = DIM_LAYER_FROM, .from = "base" },
        { .kind = DIM_LAYER_CONCAT, .from = "inner" },
        { .kind = DIM_LAYER_CONCAT, .from = third },
        { .kind = DIM_LAYER_CONCAT, .from = fourth, .tap = "global" },
    };
    for (size_t i = 0; i < sizeof layers / sizeof layers[0] && status == DIM_OK; i++)
        status = add(&s, layers[i]);
    if (status == DIM_OK)
        status = dim__encoder_from_stack(&s, &o, 0, out);
    if (status != DIM_OK)
        dim__stack_free(&s);
    return status;
}

/* The last layers begin small, so that training begins at the base. */
static void calm(dim_encoder *enc)
{
    for (int64_t k = 0; k < enc->params.count; k++) {
        dim__param *p = enc->params.list[k];
        bool last = strncmp(p->name, "inner.", 6) == 0 || strncmp(p->name, "own.", 4) == 0;
        for (int64_t i = 0; i < p->count && last; i++)
            p->data[i] *= strstr(p->name, ".bias") != NULL ? 0.0f : 0.1f;
    }
}

static dim_status add_input(training *t, const char *name, int64_t width, float *memory)
{
    dim_input_options in;
    dim_tensor *batch = NULL;
    DIM_OPTIONS_INIT(&in);
    in.name = name;
    in.shape[0] = width;
    DIM__TRY(dim__objective_add_input(t->objective, &in));
    DIM__TRY(dim__tensor_wrap(t->m->ctx, DIM_F32, 2, (int64_t[]){ t->size, width }, NULL, memory, NULL, NULL, &batch));
    dim_status status = dim__objective_set(t->objective, name, batch);
    dim__tensor_destroy(batch);
    return status;
}

static dim_status add_side(training *t, int side)
{
    char of[64];
    int64_t width = dim__mi_base_width(&t->critic->base);
    DIM__TRY(add_input(t, columns[side], t->in->d[side], t->batch[side][0]));
    DIM__TRY(add_input(t, bases[side], width, t->batch[side][1]));
    if (side == 0)
        DIM__TRY(add_input(t, "one", 1, t->one));
    DIM__TRY(build_network(t, side, &t->network[side]));
    calm(t->network[side]);
    snprintf(of, sizeof of, "%s %s one", columns[side], bases[side]);
    return dim__objective_apply(t->objective, t->network[side], of, applied[side]);
}

/* The information, each side choosing among the other's. */
static dim_status add_loss(training *t, const char *name, int from, int to)
{
    dim_estimator *estimator = NULL;
    dim_estimator_options how;
    dim_term_options term;
    dim_loss_options loss;
    DIM_OPTIONS_INIT(&how);
    DIM_OPTIONS_INIT(&term);
    DIM_OPTIONS_INIT(&loss);
    how.kind = DIM_ESTIMATOR_INFONCE;
    DIM__TRY(dim__estimator_options(t->m->ctx, &how, &how));
    DIM__TRY(dim__estimator_create(t->m->ctx, &how, &estimator));
    term.estimator = estimator;
    term.critic = DIM_CRITIC_PLAIN_DOT;
    loss.name = name;
    loss.a = applied[from];
    loss.b = applied[to];
    loss.term = &term;
    dim_status status = dim__objective_add_loss(t->objective, &loss);
    dim__estimator_destroy(estimator);
    return status == DIM_OK ? dim__objective_minimise(t->objective, "critic", name, 0.5f) : status;
}

static dim_status build_objective(training *t)
{
    dim_objective_options o;
    dim_player_options player;
    dim_optimizer_options adam;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&player);
    DIM_OPTIONS_INIT(&adam);
    o.seed = t->seed;
    adam.kind = DIM_OPTIMIZER_ADAMW;
    adam.lr = 1e-3f;
    adam.weight_decay = 1e-4f;
    adam.clip_norm = 5;
    player.name = "critic";
    player.optimizer = &adam;
    DIM__TRY(dim__objective_create(t->m->ctx, &o, &t->objective));
    DIM__TRY(add_side(t, 0));
    DIM__TRY(add_side(t, 1));
    DIM__TRY(dim__objective_add_player(t->objective, &player));
    DIM__TRY(add_loss(t, "rows", 0, 1));
    DIM__TRY(add_loss(t, "columns", 1, 0));
    DIM__TRY(dim__objective_give(t->objective, "critic", applied[0]));
    return dim__objective_give(t->objective, "critic", applied[1]);
}

/* ---- steps ----------------------------------------------------------------------------------------------------------- */

/* An order of the training rows.  With weights an epoch has each row with a chance of its share of the largest weight. */
static void new_epoch(training *t)
{
    int64_t n = t->rows->n_train;
    uint64_t stream = dim__mix(BATCH_STREAM, t->epoch++);
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
    int64_t width = dim__mi_base_width(&t->critic->base);
    if (t->at + t->size > t->last)
        new_epoch(t);
    for (int64_t i = 0; i < t->size; i++) {
        int64_t k = t->order[t->at++], row = t->rows->train[k];
        for (int side = 0; side < 2; side++) {
            int64_t d = t->in->d[side];
            memcpy(t->batch[side][0] + i * d, t->in->x[side] + row * d, (size_t)d * sizeof(float));
            memcpy(t->batch[side][1] + i * width, t->base[side] + k * width, (size_t)width * sizeof(float));
        }
    }
}

static void average_weights(training *t, int64_t step)
{
    char name[64];
    double share = fmin(0.99, (1 + (double)step) / (10 + (double)step));
    for (int side = 0; side < 2; side++)
        for (int l = 0; l < DIM__MI_LAYERS; l++) {
            int64_t bias, out, in;
            float *to = weights_of(&t->average[side], l, &bias);
            sizes_of(l, t->average[side].d, &out, &in);
            for (int part = 0; part < 2; part++) {
                snprintf(name, sizeof name, "%s.%s", names[l], part == 0 ? "weight" : "bias");
                const dim__param *p = dim__params_find(&t->network[side]->params, name);
                float *old = to + (part == 0 ? 0 : bias);
                for (int64_t i = 0; i < p->count; i++)
                    old[i] = (float)(share * (double)old[i] + (1 - share) * (double)p->data[i]);
            }
        }
}

/* Score of the averaged weights on validation rows, all pairs, the own one included. */
static dim_status validate(training *t, bool base_alone, double *score)
{
    const dim__mi_rows *r = t->rows;
    dim__mi_critic now = { .narrow = t->critic->narrow, .base = t->critic->base, .tower = { t->average[0], t->average[1] } };
    dim__mi_held_out out = { 0 };
    int64_t width = dim__mi_critic_width(&now, base_alone);
    DIM__TRY(dim__mi_critic_features(t->m, &now, t->in, r->validation, r->n_validation, base_alone, t->features[0], t->features[1]));
    DIM__TRY(dim__mi_held_out_score(t->m->ctx, t->features[0], t->features[1], NULL, r->n_validation, width, &out));
    *score = out.inclusive_score;
    return DIM_OK;
}

/* The base is the first checkpoint: a critic that never beats it is the base. */
static dim_status train(training *t)
{
    int64_t every = dim__max64(10, dim__min64(100, 4 * t->rows->n_train / 256));
    int waited = 0;
    DIM__TRY(validate(t, true, &t->critic->validation));
    for (int64_t step = 0; step < (int64_t)t->m->o.max_steps && waited < PATIENCE; step++) {
        if (t->m->deadline > 0 && dim__mi_now() > t->m->deadline)
            break;
        fill_batch(t);
        DIM__TRY(dim__objective_step(t->objective, DIM__REACH_ALL, -1));
        average_weights(t, step);
        if ((step + 1) % every != 0)
            continue;
        double score, done = (double)(step + 1) / (double)t->m->o.max_steps;
        DIM__TRY(dim__mi_progress(t->m, t->span.begin + done * (t->span.end - t->span.begin), "critics"));
        DIM__TRY(validate(t, false, &score));
        waited++;
        if (score > t->critic->validation + GAIN) {
            t->critic->validation = score;
            t->critic->residual = true;
            waited = 0;
            for (int side = 0; side < 2; side++)
                memcpy(t->critic->tower[side].memory, t->average[side].memory, (size_t)t->average[side].count * sizeof(float));
        }
    }
    return DIM_OK;
}

static dim_status make_room(training *t)
{
    const dim__mi_rows *r = t->rows;
    int64_t base = dim__mi_base_width(&t->critic->base), width = dim__mi_critic_width(t->critic, false);
    t->size = dim__max64(2, dim__min64(BATCH, r->n_train / 2));
    t->one = dim__calloc(t->m->ctx, (size_t)t->size, sizeof(float));
    t->order = dim__calloc(t->m->ctx, (size_t)r->n_train, sizeof(int32_t));
    if (t->one == NULL || t->order == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < t->size; i++)
        t->one[i] = 1;
    for (int side = 0; side < 2; side++) {
        DIM__TRY(make_tower(t->m, t->in->d[side], &t->average[side]));
        DIM__TRY(make_tower(t->m, t->in->d[side], &t->critic->tower[side]));
        t->base[side] = dim__calloc(t->m->ctx, (size_t)r->n_train, (size_t)base * sizeof(float));
        t->batch[side][0] = dim__calloc(t->m->ctx, (size_t)t->size, (size_t)t->in->d[side] * sizeof(float));
        t->batch[side][1] = dim__calloc(t->m->ctx, (size_t)t->size, (size_t)base * sizeof(float));
        t->features[side] = dim__calloc(t->m->ctx, (size_t)r->n_validation, (size_t)width * sizeof(float));
        if (t->base[side] == NULL || t->batch[side][0] == NULL || t->batch[side][1] == NULL || t->features[side] == NULL)
            return DIM_E_NOMEM;
        dim__mi_base_features(&t->critic->base, t->in, side, r->train, r->n_train, t->base[side]);
    }
    return DIM_OK;
}

dim_status dim__mi_critic_train(const dim__mi *m, const dim__mi_inputs *in, const dim__mi_rows *rows, uint64_t seed, dim__mi_span span,
                                dim__mi_critic *out)
{
    training t = { .m = m, .in = out->narrow != NULL ? &out->narrow->in : in, .rows = rows, .critic = out, .seed = seed, .span = span };
    dim_status status = dim__mi_base_fit(m, t.in, rows->train, rows->n_train, &out->base);
    if (status == DIM_OK)
        status = make_room(&t);
    if (status == DIM_OK)
        status = build_objective(&t);
    if (status == DIM_OK) {
        new_epoch(&t);
        status = train(&t);
    }
    dim__objective_destroy(t.objective);
    for (int side = 0; side < 2; side++) {
        if (t.network[side] != NULL)
            dim__encoder_release(t.network[side]);
        dim__free(m->ctx, t.average[side].memory);
        dim__free(m->ctx, t.base[side]);
        dim__free(m->ctx, t.batch[side][0]);
        dim__free(m->ctx, t.batch[side][1]);
        dim__free(m->ctx, t.features[side]);
    }
    dim__free(m->ctx, t.one);
    dim__free(m->ctx, t.order);
    return status;
}

void dim__mi_critic_free(dim_context *ctx, dim__mi_critic *c)
{
    dim__mi_narrow_free(ctx, c->narrow);
    dim__mi_base_free(ctx, &c->base);
    dim__free(ctx, c->tower[0].memory);
    dim__free(ctx, c->tower[1].memory);
}
