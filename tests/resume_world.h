/* Small trainings of every kind, for the tests of checkpoints and the program that these kill. */
#ifndef RESUME_WORLD_H
#define RESUME_WORLD_H

#include <dim/dim.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

enum { SAMPLES = 30, SIDE = 12, PIXELS = 3 * SIDE * SIDE, CLASSES = 3 };

typedef enum recipe {
    LOCAL,       /* JSD with dot products, Adam, cosine schedule with warm-up, clipped */
    INFOMAX,     /* Gaussian code with noise, KL prior, shuffled pairs, RMSprop with momentum */
    ADVERSARIAL, /* uniform prior with an optimizer of its own */
    MINE,        /* a moving average; AdamW, step schedule */
    CLASSIFIERS, /* labels, dropout */
    VIEWS,       /* augmented views, mixture features */
    RECIPES
} recipe;

typedef struct plan { /* what a world is made like; zeros are the usual */
    recipe recipe;
    uint32_t threads;
    uint64_t seed;      /* of everything */
    uint32_t prefetch, workers, no_thread;
    uint32_t batch;     /* 0 = 8 */
    uint32_t in_order;
    uint32_t no_keep_last;
    int64_t samples;    /* 0 = SAMPLES */
    float lr;           /* 0 = the recipe's */
    float scale;        /* of the estimator */
    float brightness;   /* VIEWS */
    uint32_t units;     /* of the dot product; 0 = 16 */
    uint32_t more_terms; /* 1 = a second term */
    uint32_t width;     /* of the encoder's layer before the code; 0 = 24 */
    dim_alloc_fn alloc;
    dim_free_fn free;
    void *user;
    dim_log_fn log;
} plan;

typedef struct world {
    dim_context *ctx;
    dim_dataset *data;
    dim_loader *loader;
    dim_encoder *enc;
    dim_model *model;
    bool labeled;
} world;

static inline void world_close(world *w)
{
    dim_model_destroy(w->model);
    dim_encoder_destroy(w->enc);
    dim_loader_destroy(w->loader);
    dim_dataset_destroy(w->data);
    dim_context_destroy(w->ctx);
    *w = (world){ NULL, NULL, NULL, NULL, NULL, false };
}

#define TRY(call)                  \
    do {                           \
        dim_status s_ = (call);    \
        if (s_ != DIM_OK)          \
            return s_;             \
    } while (0)

static inline dim_status world_data(world *w, const plan *p)
{
    dim_tensor *images = NULL, *labels = NULL;
    const int64_t n = p->samples != 0 ? p->samples : SAMPLES, shape[4] = { n, 3, SIDE, SIDE };
    dim_status status = dim_tensor_create(w->ctx, DIM_U8, 4, shape, &images);
    if (status == DIM_OK)
        status = dim_tensor_create(w->ctx, DIM_I32, 1, shape, &labels);
    if (status == DIM_OK) {
        uint8_t *pixels = dim_tensor_data(images);
        int32_t *classes = dim_tensor_data(labels);
        for (int64_t i = 0; i < n * PIXELS; i++)
            pixels[i] = (uint8_t)(127 + 100 * sin((double)(i % PIXELS) * 0.05 * (double)(1 + i / PIXELS % 7) +
                                                  (double)(i / PIXELS)));
        for (int64_t i = 0; i < n; i++)
            classes[i] = (int32_t)(i % CLASSES);
        status = dim_dataset_from_tensors(w->ctx, images, labels, &w->data);
    }
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    return status;
}

static inline dim_status world_loader(world *w, const plan *p)
{
    dim_augment *aug = NULL;
    dim_status status = DIM_OK;
    dim_loader_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = p->seed + 1;
    o.batch = p->batch != 0 ? p->batch : 8;
    o.in_order = p->in_order;
    o.keep_last = !p->no_keep_last;
    o.prefetch = p->prefetch;
    o.workers = p->workers;
    o.no_thread = p->no_thread;
    if (p->recipe == VIEWS) {
        dim_augment_op_options jitter, flip;
        DIM_OPTIONS_INIT(&flip);
        DIM_OPTIONS_INIT(&jitter);
        flip.op = DIM_AUGMENT_OP_FLIP;
        jitter.op = DIM_AUGMENT_OP_COLOR_JITTER;
        jitter.brightness = p->brightness != 0 ? p->brightness : 0.4f;
        o.views = 2;
        status = dim_augment_create(w->ctx, NULL, &aug);
        if (status == DIM_OK)
            status = dim_augment_add(aug, &flip);
        if (status == DIM_OK)
            status = dim_augment_add(aug, &jitter);
        o.augment = aug;
    }
    if (status == DIM_OK)
        status = dim_loader_create(w->data, &o, &w->loader);
    dim_augment_destroy(aug);
    return status;
}

static inline dim_status world_encoder(world *w, const plan *p)
{
    dim_encoder_builder *b = NULL;
    dim_encoder_options o;
    const bool gaussian = p->recipe == INFOMAX;
    const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_CONV, .out = 8, .kernel = 4, .stride = 2, .padding = 1, .no_bias = 1 },
        { .kind = DIM_LAYER_BATCH_NORM },
        { .kind = DIM_LAYER_RELU, .tap = "local" },
        { .kind = DIM_LAYER_LINEAR, .out = p->width != 0 ? p->width : 24 }, /* of a flattened map: a layout of its own */
        { .kind = DIM_LAYER_BATCH_NORM },
        { .kind = DIM_LAYER_RELU, .tap = "fc" },
        { .kind = DIM_LAYER_LINEAR, .out = 8, .tap = gaussian ? "code" : "global" },
        { .kind = DIM_LAYER_FROM, .from = "fc" },
        { .kind = DIM_LAYER_LINEAR, .out = 8, .tap = "logvar" },
        { .kind = DIM_LAYER_FROM, .from = "code" },
        { .kind = DIM_LAYER_GAUSSIAN, .from = "logvar", .tap = "global" },
    };
    DIM_OPTIONS_INIT(&o);
    o.seed = p->seed + 2;
    dim_status status = dim_encoder_builder_create(w->ctx, 3, SIDE, SIDE, &b);
    for (int i = 0; status == DIM_OK && i < (gaussian ? 11 : 7); i++) {
        dim_layer_options layer = layers[i];
        layer.size = sizeof layer;
        status = dim_encoder_builder_add(b, &layer);
    }
    if (status == DIM_OK)
        status = dim_encoder_builder_finish(b, &o, &w->enc);
    dim_encoder_builder_destroy(b);
    return status;
}

static inline dim_status world_term(world *w, const plan *p, const char *name)
{
    static const dim_estimator_kind kinds[RECIPES] = {
        DIM_ESTIMATOR_JSD, DIM_ESTIMATOR_JSD, DIM_ESTIMATOR_INFONCE, DIM_ESTIMATOR_MINE, DIM_ESTIMATOR_INFONCE,
        DIM_ESTIMATOR_INFONCE,
    };
    dim_estimator *estimator = NULL;
    dim_estimator_options how;
    dim_term_options term;
    DIM_OPTIONS_INIT(&how);
    DIM_OPTIONS_INIT(&term);
    how.kind = kinds[p->recipe];
    how.scale = p->scale;
    how.mine_rate = p->recipe == MINE ? 0.1f : 0;
    how.negatives = p->recipe == INFOMAX ? DIM_NEGATIVES_SHUFFLE : DIM_NEGATIVES_ALL;
    term.name = name;
    term.critic = p->recipe == INFOMAX ? DIM_CRITIC_CONCAT : DIM_CRITIC_DOT;
    term.units = p->units != 0 ? p->units : 16;
    term.hidden[0] = p->recipe == INFOMAX ? 16 : 0;
    term.mixture = p->recipe == VIEWS ? 2 : 0;
    TRY(dim_estimator_create(w->ctx, &how, &estimator));
    term.estimator = estimator;
    dim_status status = dim_model_add_term(w->model, &term);
    dim_estimator_destroy(estimator);
    return status;
}

static inline dim_status world_prior(world *w, const plan *p)
{
    dim_prior *prior = NULL;
    dim_prior_options o;
    dim_optimizer_options own;
    if (p->recipe != INFOMAX && p->recipe != ADVERSARIAL)
        return DIM_OK;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&own);
    o.kind = p->recipe == INFOMAX ? DIM_PRIOR_KL : DIM_PRIOR_UNIFORM;
    o.hidden1 = 20;
    o.hidden2 = 10;
    own.kind = DIM_OPTIMIZER_SGD;
    own.momentum = 0.9f;
    own.nesterov = 1;
    own.lr = 0.01f;
    o.optimizer = p->recipe == INFOMAX ? NULL : &own;
    TRY(dim_prior_create(w->ctx, &o, &prior));
    dim_status status = dim_model_add_prior(w->model, prior, 0.1f);
    dim_prior_destroy(prior);
    return status;
}

static inline dim_status world_optimizer(world *w, const plan *p)
{
    dim_optimizer_options o;
    DIM_OPTIONS_INIT(&o);
    o.lr = p->lr != 0 ? p->lr : 2e-3f;
    if (p->recipe == LOCAL) {
        o.schedule = DIM_SCHEDULE_COSINE;
        o.total_steps = 12;
        o.warmup_steps = 5;
        o.clip_norm = 1;
    } else if (p->recipe == INFOMAX) {
        o.kind = DIM_OPTIMIZER_RMSPROP;
        o.momentum = 0.5f;
    } else if (p->recipe == MINE) {
        o.kind = DIM_OPTIMIZER_ADAMW;
        o.weight_decay = 0.01f;
        o.schedule = DIM_SCHEDULE_STEP;
        o.milestones[0] = 4;
        o.milestones[1] = 8;
    }
    return dim_model_set_optimizer(w->model, &o);
}

static inline dim_status world_classifiers(world *w, const plan *p)
{
    dim_classifier_options o;
    DIM_OPTIONS_INIT(&o);
    o.classes = CLASSES;
    w->labeled = p->recipe == CLASSIFIERS;
    if (!w->labeled)
        return DIM_OK;
    TRY(dim_model_add_classifier(w->model, &o));
    o.name = "mlp";
    o.hidden = 12;
    o.dropout = 0.2f;
    return dim_model_add_classifier(w->model, &o);
}

/* *w is all NULL; what there is after a failure is closed with world_close(), too. */
static inline dim_status world_open(world *w, const plan *p)
{
    dim_context_options o;
    dim_model_options mo;
    DIM_OPTIONS_INIT(&o);
    o.threads = p->threads != 0 ? p->threads : 1;
    o.blas_threads = 1;
    o.seed = p->seed;
    o.alloc = p->alloc;
    o.free = p->free;
    o.alloc_user = p->user;
    o.log = p->log;
    o.log_user = p->user;
    TRY(dim_context_create(&o, &w->ctx));
    TRY(world_data(w, p));
    TRY(world_loader(w, p));
    TRY(world_encoder(w, p));
    DIM_OPTIONS_INIT(&mo);
    mo.seed = p->seed + 3;
    mo.views = p->recipe == VIEWS ? 2 : 1;
    TRY(dim_model_create(w->enc, &mo, &w->model));
    TRY(world_term(w, p, "local"));
    if (p->more_terms != 0)
        TRY(world_term(w, p, "more"));
    TRY(world_prior(w, p));
    TRY(world_classifiers(w, p));
    return world_optimizer(w, p);
}

static inline dim_status world_step(world *w)
{
    dim_tensor *images, *labels;
    TRY(dim_loader_next(w->loader, &images, &labels));
    return w->labeled ? dim_model_step_labeled(w->model, images, labels) : dim_model_step(w->model, images);
}

#endif
