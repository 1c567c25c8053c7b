/* Small trainings, each of several parts of libdim, for files that a library of long ago wrote: fixtures/old/ has them, and
 * program.c says of which commit.  Built again from here, each takes its files and goes on as it did then.  So nothing here
 * may change, and it keeps to the functions and options of the headers in old/include/. */
#ifndef OLD_WORLD_H
#define OLD_WORLD_H

#include <dim/dim.h>
#include <stdbool.h>

enum { OLD_SAMPLES = 30, OLD_BATCH = 8, OLD_CLASSES = 3, OLD_BEFORE = 3, OLD_AFTER = 3 };

typedef enum old_recipe {
    OLD_LOCAL,    /* three terms, uniform prior with an optimizer of its own, classifier; Adam, loader */
    OLD_GAUSSIAN, /* Gaussian code and KL prior, shuffled pairs, dropout; RMSprop with momentum; no loader */
    OLD_MINE,     /* vectors, moving average, Gaussian prior with the model's optimizer; AdamW; no loader */
    OLD_VIEWS,    /* AMDIM: augmented views, mixture, penalty and clip, classifier of two layers; Adam, loader */
    OLD_RECIPES
} old_recipe;

static const char *const old_names[OLD_RECIPES] = { "local", "gaussian", "mine", "views" };

/* What a run chooses itself: results of the same files agree to rounding. */
typedef struct old_way {
    uint64_t seed; /* the files' own is OLD_SEED */
    uint32_t threads;
    dim_gemm gemm;
    dim_cpu_level cpu;
    dim_executor executor;
} old_way;

enum { OLD_SEED = 7 };

typedef struct old_world {
    old_recipe recipe;
    uint64_t seed;
    dim_context *ctx;
    dim_dataset *data;
    dim_loader *loader; /* NULL: batches are cut out of the dataset by the number of the step */
    dim_tensor *batch;
    dim_encoder *enc;
    dim_model *model;
} old_world;

#define OLD_TRY(call)              \
    do {                           \
        dim_status s_ = (call);    \
        if (s_ != DIM_OK)          \
            return s_;             \
    } while (0)

static inline void old_close(old_world *w)
{
    dim_model_destroy(w->model);
    dim_encoder_destroy(w->enc);
    dim_tensor_destroy(w->batch);
    dim_loader_destroy(w->loader);
    dim_dataset_destroy(w->data);
    dim_context_destroy(w->ctx);
    memset(w, 0, sizeof *w);
}

/* Integers alone, so that every machine has the same samples. */
static inline uint32_t old_noise(uint32_t i)
{
    i = i * 2654435761u + 97;
    i ^= i >> 15;
    i *= 2246822519u;
    return (i ^ i >> 13) & 255;
}

/* Bands whose period, direction and shade differ from sample to sample, with noise. */
static inline uint8_t old_pixel(uint32_t n, uint32_t c, uint32_t y, uint32_t x)
{
    uint32_t at = (n % 3 + 1) * 16 * x + (n % 5) * 11 * y + c * 40 + n * 29;
    uint32_t band = at % 256 < 128 ? at % 128 : 127 - at % 128;
    return (uint8_t)(band + old_noise(((n * 3 + c) * 64 + y) * 64 + x) / 4 + n % 7 * 8);
}

static inline void old_fill(dim_tensor *images, uint32_t side)
{
    const bool bytes = dim_tensor_dtype(images) == DIM_U8;
    uint8_t *u = dim_tensor_data(images);
    float *f = dim_tensor_data(images);
    for (uint32_t n = 0; n < OLD_SAMPLES; n++)
        for (uint32_t c = 0; c < 3; c++)
            for (uint32_t y = 0; y < side; y++)
                for (uint32_t x = 0; x < side; x++) {
                    if (bytes)
                        *u++ = old_pixel(n, c, y, x);
                    else
                        *f++ = (float)old_pixel(n, c, y, x) / 256;
                }
}

static inline dim_status old_data(old_world *w)
{
    dim_tensor *images = NULL, *labels = NULL;
    const int64_t side = w->recipe == OLD_VIEWS ? 32 : 8;
    const int64_t shape[4] = { OLD_SAMPLES, 3, side, side }, vectors[2] = { OLD_SAMPLES, 6 };
    const bool flat = w->recipe == OLD_MINE;
    const dim_dtype dtype = flat || w->recipe == OLD_GAUSSIAN ? DIM_F32 : DIM_U8;
    dim_status status = dim_tensor_create(w->ctx, dtype, flat ? 2 : 4, flat ? vectors : shape, &images);
    if (status == DIM_OK)
        status = dim_tensor_create(w->ctx, DIM_I32, 1, shape, &labels);
    if (status == DIM_OK) {
        int32_t *classes = dim_tensor_data(labels);
        if (flat) {
            float *v = dim_tensor_data(images);
            for (uint32_t i = 0; i < OLD_SAMPLES * 6; i++)
                v[i] = ((float)old_noise(i) + (float)old_noise(i / 6 + 1000) - 255) / 128;
        } else {
            old_fill(images, (uint32_t)side);
        }
        for (int32_t i = 0; i < OLD_SAMPLES; i++)
            classes[i] = i % OLD_CLASSES;
        status = dim_dataset_from_tensors(w->ctx, images, labels, &w->data);
    }
    if (status == DIM_OK)
        status = flat ? dim_tensor_create(w->ctx, dtype, 2, (int64_t[]){ OLD_BATCH, 6 }, &w->batch)
                      : dim_tensor_create(w->ctx, dtype, 4, (int64_t[]){ OLD_BATCH, 3, side, side }, &w->batch);
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    return status;
}

static inline dim_status old_loader(old_world *w)
{
    dim_augment *aug = NULL;
    dim_status status = DIM_OK;
    dim_augment_options a;
    dim_loader_options o;
    DIM_OPTIONS_INIT(&a);
    DIM_OPTIONS_INIT(&o);
    if (w->recipe != OLD_LOCAL && w->recipe != OLD_VIEWS)
        return DIM_OK;
    o.seed = w->seed + 1;
    o.batch = OLD_BATCH;
    o.keep_last = 1;
    if (w->recipe == OLD_VIEWS) {
        a.preset = DIM_AUGMENT_AMDIM32;
        o.views = 2;
        status = dim_augment_create(w->ctx, &a, &aug);
        o.augment = aug;
    }
    if (status == DIM_OK)
        status = dim_loader_create(w->data, &o, &w->loader);
    dim_augment_destroy(aug);
    return status;
}

static inline dim_status old_layers(old_world *w, const dim_encoder_options *o, const dim_layer_options *layers, int count)
{
    dim_encoder_builder *b = NULL;
    dim_status status = dim_encoder_builder_create(w->ctx, 3, 8, 8, &b);
    for (int i = 0; status == DIM_OK && i < count; i++) {
        dim_layer_options layer = layers[i];
        layer.size = sizeof layer;
        status = dim_encoder_builder_add(b, &layer);
    }
    if (status == DIM_OK)
        status = dim_encoder_builder_finish(b, o, &w->enc);
    dim_encoder_builder_destroy(b);
    return status;
}

static inline dim_status old_encoder(old_world *w)
{
    static const dim_layer_options local[] = {
        { .kind = DIM_LAYER_CONV, .out = 6, .kernel = 4, .stride = 2, .padding = 1, .no_bias = 1 },
        { .kind = DIM_LAYER_BATCH_NORM },
        { .kind = DIM_LAYER_RELU, .tap = "local" },
        { .kind = DIM_LAYER_LINEAR, .out = 10, .no_bias = 1 }, /* of a flattened map: a layout of its own */
        { .kind = DIM_LAYER_BATCH_NORM },
        { .kind = DIM_LAYER_RELU, .tap = "fc" },
        { .kind = DIM_LAYER_LINEAR, .out = 8 },
    };
    static const dim_layer_options gaussian[] = {
        { .kind = DIM_LAYER_CONV, .out = 6, .kernel = 3, .padding = 1, .padding_mode = DIM_PADDING_REFLECT, .name = "first" },
        { .kind = DIM_LAYER_LEAKY_RELU },
        { .kind = DIM_LAYER_AVG_POOL, .kernel = 2, .tap = "local" },
        { .kind = DIM_LAYER_LAYER_NORM },
        { .kind = DIM_LAYER_DROPOUT, .rate = 0.2f },
        { .kind = DIM_LAYER_LINEAR, .out = 10 },
        { .kind = DIM_LAYER_TANH, .tap = "fc" },
        { .kind = DIM_LAYER_LINEAR, .out = 6, .tap = "mean" },
        { .kind = DIM_LAYER_FROM, .from = "fc" },
        { .kind = DIM_LAYER_LINEAR, .out = 6, .init = DIM_LAYER_INIT_ZERO, .tap = "logvar" },
        { .kind = DIM_LAYER_FROM, .from = "mean" },
        { .kind = DIM_LAYER_GAUSSIAN, .from = "logvar", .tap = "global" },
    };
    dim_encoder_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = w->seed + 2;
    if (w->recipe == OLD_LOCAL)
        return old_layers(w, &o, local, sizeof local / sizeof *local);
    if (w->recipe == OLD_GAUSSIAN) {
        for (int c = 0; c < 3; c++) {
            o.mean[c] = 0.375f;
            o.std[c] = 0.25f;
        }
        return old_layers(w, &o, gaussian, sizeof gaussian / sizeof *gaussian);
    }
    if (w->recipe == OLD_MINE) {
        o.kind = DIM_ENCODER_MLP;
        o.channels = 6;
        o.units = 4;
        o.hidden[0] = 12;
    } else {
        o.kind = DIM_ENCODER_AMDIM32;
        o.ndf = 2;
        o.units = 8;
        o.depth = 1;
        o.block_norm = 1;
    }
    return dim_encoder_create(w->ctx, &o, &w->enc);
}

static inline dim_status old_term(old_world *w, const dim_estimator_options *how, dim_term_options term)
{
    dim_estimator *estimator = NULL;
    OLD_TRY(dim_estimator_create(w->ctx, how, &estimator));
    term.estimator = estimator;
    dim_status status = dim_model_add_term(w->model, &term);
    dim_estimator_destroy(estimator);
    return status;
}

static inline dim_status old_terms(old_world *w)
{
    dim_estimator_options how;
    dim_term_options t;
    DIM_OPTIONS_INIT(&how);
    DIM_OPTIONS_INIT(&t);
    switch (w->recipe) {
    case OLD_LOCAL:
        t.units = 16;
        OLD_TRY(old_term(w, &how, t)); /* JSD, dot product, named "local" */
        how.kind = DIM_ESTIMATOR_INFONCE;
        t.x = "global:local";
        t.units = 8;
        t.shortcut = DIM_SHORTCUT_RANDOM;
        t.weight = 0.5f;
        OLD_TRY(old_term(w, &how, t)); /* named "global" */
        how.kind = DIM_ESTIMATOR_DV;
        t.x = "fc";
        t.critic = DIM_CRITIC_CONCAT;
        t.units = 0;
        t.shortcut = DIM_SHORTCUT_IDENTITY;
        t.hidden[0] = 12;
        return old_term(w, &how, t); /* named "term2" */
    case OLD_GAUSSIAN:
        how.negatives = DIM_NEGATIVES_SHUFFLE;
        t.critic = DIM_CRITIC_CONCAT;
        t.hidden[0] = 12;
        t.hidden[1] = 10;
        return old_term(w, &how, t);
    case OLD_MINE:
        how.kind = DIM_ESTIMATOR_MINE;
        how.mine_rate = 0.1f;
        t.name = "vectors";
        t.x = "fc";
        t.critic = DIM_CRITIC_MLP;
        t.hidden[0] = 12;
        return old_term(w, &how, t);
    default:
        how.kind = DIM_ESTIMATOR_INFONCE;
        how.penalty = 0.05f;
        how.clip = 5;
        how.scale = 0.5f;
        t.name = "f1-phi7";
        t.x = "phi7";
        t.y = "f1";
        t.critic = DIM_CRITIC_PLAIN_DOT;
        t.mixture = 2;
        OLD_TRY(old_term(w, &how, t));
        t.name = "phi5-phi5";
        t.x = "phi5";
        t.y = "phi5";
        t.mixture = 0;
        return old_term(w, &how, t);
    }
}

static inline dim_status old_prior(old_world *w)
{
    dim_prior *prior = NULL;
    dim_prior_options o;
    dim_optimizer_options own;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&own);
    if (w->recipe == OLD_VIEWS)
        return DIM_OK;
    o.kind = w->recipe == OLD_GAUSSIAN ? DIM_PRIOR_KL : w->recipe == OLD_LOCAL ? DIM_PRIOR_UNIFORM : DIM_PRIOR_GAUSSIAN;
    if (w->recipe != OLD_GAUSSIAN) {
        o.hidden1 = 12;
        o.hidden2 = 6;
    }
    own.kind = DIM_OPTIMIZER_SGD;
    own.momentum = 0.9f;
    own.nesterov = 1;
    own.lr = 0.05f;
    o.optimizer = w->recipe == OLD_LOCAL ? &own : NULL;
    OLD_TRY(dim_prior_create(w->ctx, &o, &prior));
    dim_status status = dim_model_add_prior(w->model, prior, w->recipe == OLD_GAUSSIAN ? 0.1f : 0.5f);
    dim_prior_destroy(prior);
    return status;
}

static inline dim_status old_classifier(old_world *w)
{
    dim_classifier_options o;
    DIM_OPTIONS_INIT(&o);
    o.classes = OLD_CLASSES;
    if (w->recipe == OLD_LOCAL) {
        o.tap = "fc";
        return dim_model_add_classifier(w->model, &o);
    }
    if (w->recipe != OLD_VIEWS)
        return DIM_OK;
    o.name = "mlp";
    o.tap = "f1";
    o.hidden = 10;
    o.dropout = 0.2f;
    o.clip = 10;
    o.penalty = 1e-3f;
    return dim_model_add_classifier(w->model, &o);
}

static inline dim_status old_optimizer(old_world *w)
{
    dim_optimizer_options o;
    DIM_OPTIONS_INIT(&o);
    o.lr = w->recipe == OLD_MINE ? 0.02f : 5e-3f;
    o.eps = 1e-3f; /* an update by what only rounding makes of a gradient stays small */
    if (w->recipe == OLD_LOCAL) {
        o.schedule = DIM_SCHEDULE_COSINE;
        o.total_steps = 20;
        o.warmup_steps = 2;
        o.min_lr = 1e-4f;
        o.clip_norm = 1;
    } else if (w->recipe == OLD_GAUSSIAN) {
        o.kind = DIM_OPTIMIZER_RMSPROP;
        o.momentum = 0.5f;
        o.alpha = 0.9f;
        o.clip_value = 0.5f;
    } else if (w->recipe == OLD_MINE) {
        o.kind = DIM_OPTIMIZER_ADAMW;
        o.weight_decay = 0.05f;
        o.schedule = DIM_SCHEDULE_STEP;
        o.milestones[0] = 2;
        o.milestones[1] = 4;
        o.gamma = 0.5f;
    }
    return dim_model_set_optimizer(w->model, &o);
}

/* *w is all NULL; what there is after a failure is closed with old_close(), too. */
static inline dim_status old_open(old_world *w, old_recipe recipe, const old_way *way)
{
    dim_context_options o;
    dim_model_options mo;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&mo);
    w->recipe = recipe;
    w->seed = way->seed;
    o.seed = way->seed;
    o.threads = way->threads;
    o.blas_threads = 1;
    o.gemm = way->gemm;
    o.cpu = way->cpu;
    o.executor = way->executor;
    OLD_TRY(dim_context_create(&o, &w->ctx));
    OLD_TRY(old_data(w));
    OLD_TRY(old_loader(w));
    OLD_TRY(old_encoder(w));
    mo.seed = way->seed + 3;
    mo.views = recipe == OLD_VIEWS ? 2 : 0;
    OLD_TRY(dim_model_create(w->enc, &mo, &w->model));
    OLD_TRY(old_terms(w));
    OLD_TRY(old_prior(w));
    OLD_TRY(old_classifier(w));
    return old_optimizer(w);
}

/* The batch for step number `step`, which matters where there is no loader. */
static inline dim_status old_next_batch(old_world *w, int step, dim_tensor **images, dim_tensor **labels)
{
    *images = w->batch;
    *labels = NULL;
    if (w->loader != NULL)
        return dim_loader_next(w->loader, images, labels);
    return dim_dataset_read(w->data, step * 5 % (OLD_SAMPLES - OLD_BATCH), OLD_BATCH, *images, NULL);
}

static inline dim_status old_train(old_world *w, const dim_tensor *images, const dim_tensor *labels)
{
    if (w->recipe == OLD_LOCAL || w->recipe == OLD_VIEWS)
        return dim_model_step_labeled(w->model, images, labels);
    return dim_model_step(w->model, images);
}

static inline dim_status old_step(old_world *w, int step)
{
    dim_tensor *images, *labels;
    OLD_TRY(old_next_batch(w, step, &images, &labels));
    return old_train(w, images, labels);
}

#endif
