/* A checkpoint's settings: of a model that uses every option, each option in turn is another one.  A resume is refused
 * with a text that names it; or, when the option does not matter to the steps to come, it is taken. */
#include <dim/dim.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SAMPLES = 16, LAYERS = 15, TERMS = 4, OPS = 8 };

/* Everything that a training is made of. */
typedef struct options {
    uint32_t side, n_ops;
    dim_encoder_options encoder; /* init, mean, std, seed */
    dim_layer_options layer[LAYERS];
    dim_model_options model;
    dim_estimator_options estimator[TERMS];
    dim_term_options term[TERMS];
    dim_prior_options prior[2];
    float prior_weight[2];
    dim_optimizer_options optimizer[2]; /* the model's, the second prior's */
    dim_classifier_options classifier[2];
    dim_augment_op_options op[OPS];
    dim_loader_options loader;
} options;

#define LAYER(...) { .size = sizeof(dim_layer_options), __VA_ARGS__ }
#define OP(...) { .size = sizeof(dim_augment_op_options), __VA_ARGS__ }
#define SIZE(type) .size = sizeof(type)

static const options usual = {
    .side = 12,
    .n_ops = OPS,
    .encoder = { SIZE(dim_encoder_options), .mean = { 0.5f, 0.4f, 0.3f }, .std = { 0.2f, 0.3f, 0.4f }, .seed = 2 },
    .layer = {
        LAYER(.kind = DIM_LAYER_CONV, .out = 8, .kernel = 4, .stride = 2, .padding = 1,
              .padding_mode = DIM_PADDING_REFLECT),
        LAYER(.kind = DIM_LAYER_BATCH_NORM),
        LAYER(.kind = DIM_LAYER_LEAKY_RELU, .slope = 0.1f, .tap = "local"),
        LAYER(.kind = DIM_LAYER_LINEAR, .out = 24),
        LAYER(.kind = DIM_LAYER_RELU),
        LAYER(.kind = DIM_LAYER_DROPOUT, .rate = 0.1f, .tap = "all"),
        LAYER(.kind = DIM_LAYER_SLICE, .start = 2, .out = 20, .tap = "fc"),
        LAYER(.kind = DIM_LAYER_LINEAR, .out = 8, .tap = "code"),
        LAYER(.kind = DIM_LAYER_FROM, .from = "fc"),
        LAYER(.kind = DIM_LAYER_LINEAR, .out = 8, .tap = "logvar"),
        LAYER(.kind = DIM_LAYER_FROM, .from = "code"),
        LAYER(.kind = DIM_LAYER_GAUSSIAN, .from = "logvar", .tap = "global"),
        LAYER(.kind = DIM_LAYER_FROM, .from = "code"),
        LAYER(.kind = DIM_LAYER_UNFLATTEN, .out = 2, .height = 2),
        LAYER(.kind = DIM_LAYER_CONV_TRANSPOSE, .out = 3, .kernel = 3, .stride = 2),
    },
    .model = { SIZE(dim_model_options), .seed = 3 },
    .estimator = {
        { SIZE(dim_estimator_options), .kind = DIM_ESTIMATOR_INFONCE, .scale = 0.5f, .penalty = 0.01f, .clip = 5,
          .score_memory = 4096 },
        { SIZE(dim_estimator_options), .kind = DIM_ESTIMATOR_SMILE, .smile_tau = 3 },
        { SIZE(dim_estimator_options), .kind = DIM_ESTIMATOR_MINE, .mine_rate = 0.1f },
        { SIZE(dim_estimator_options) },
    },
    .term = {
        { SIZE(dim_term_options), .name = "dot", .weight = 0.7f, .units = 16, .mixture = 2, .mixture_tau = 2 },
        { SIZE(dim_term_options), .name = "mlp", .critic = DIM_CRITIC_MLP, .x = "fc", .y = "local", .hidden = { 16, 12 } },
        { SIZE(dim_term_options), .name = "bilinear", .critic = DIM_CRITIC_BILINEAR, .x = "fc" },
        { SIZE(dim_term_options), .name = "whole", .x = "global:local", .units = 12 },
    },
    .prior = {
        { SIZE(dim_prior_options), .kind = DIM_PRIOR_KL },
        { SIZE(dim_prior_options), .kind = DIM_PRIOR_UNIFORM, .hidden1 = 20, .hidden2 = 10 },
    },
    .prior_weight = { 0.1f, 0.2f },
    .optimizer = {
        { SIZE(dim_optimizer_options), .kind = DIM_OPTIMIZER_ADAM, .lr = 0.5f, .beta1 = 0.75f, .beta2 = 0.75f,
          .eps = 0.5f, .weight_decay = 0.5f, .momentum = 0.5f, .alpha = 0.75f, .clip_norm = 1, .clip_value = 0.5f,
          .schedule = DIM_SCHEDULE_COSINE, .gamma = 0.5f, .min_lr = 0.5f, .warmup_steps = 5, .total_steps = 100,
          .milestones = { 4, 8 } }, /* short numbers: both lines are to fit into a message */
        { SIZE(dim_optimizer_options), .kind = DIM_OPTIMIZER_SGD, .lr = 0.01f, .momentum = 0.9f },
    },
    .classifier = {
        { SIZE(dim_classifier_options), .name = "linear", .tap = "fc", .classes = 3, .dropout = 0.1f, .clip = 10,
          .penalty = 1e-3f, .weight = 0.5f },
        { SIZE(dim_classifier_options), .name = "deep", .classes = 3, .hidden = 12 },
    },
    .op = {
        OP(.op = DIM_AUGMENT_OP_FLIP, .p = 0.4f),
        OP(.op = DIM_AUGMENT_OP_TRANSLATE, .shift = 2),
        OP(.op = DIM_AUGMENT_OP_RESIZED_CROP, .height = 12, .width = 12, .area_min = 0.4f, .area_max = 0.9f,
           .aspect_min = 0.8f, .aspect_max = 1.2f),
        OP(.op = DIM_AUGMENT_OP_COLOR_JITTER, .brightness = 0.1f, .contrast = 0.2f, .saturation = 0.3f, .hue = 0.1f),
        OP(.op = DIM_AUGMENT_OP_RESIZE, .height = 14),
        OP(.op = DIM_AUGMENT_OP_CENTER_CROP, .height = 12),
        OP(.op = DIM_AUGMENT_OP_NORMALIZE, .mean = { 0.5f, 0.4f, 0.3f }, .std = { 0.2f, 0.3f, 0.4f }),
        OP(.op = DIM_AUGMENT_OP_GRAYSCALE, .p = 0.3f),
    },
    .loader = { SIZE(dim_loader_options), .seed = 4, .batch = 5, .views = 2, .ranks = 2 },
};

typedef struct world {
    dim_context *ctx;
    dim_loader *loader;
    dim_model *model;
} world;

static dim_context *ctx; /* for messages */

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static dim_loader *open_loader(const options *o)
{
    dim_loader_options lo = o->loader;
    dim_tensor *images, *labels;
    dim_dataset *data;
    dim_augment *aug;
    dim_loader *loader;
    ok(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ SAMPLES, 3, o->side, o->side }, &images));
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ SAMPLES }, &labels));
    ok(dim_dataset_from_tensors(ctx, images, labels, &data));
    ok(dim_augment_create(ctx, NULL, &aug));
    for (uint32_t i = 0; i < o->n_ops; i++)
        ok(dim_augment_add(aug, &o->op[i]));
    lo.augment = aug;
    ok(dim_loader_create(data, &lo, &loader));
    dim_augment_destroy(aug);
    dim_dataset_destroy(data);
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    return loader;
}

static dim_encoder *open_encoder(const options *o)
{
    dim_encoder_builder *b;
    dim_encoder *enc;
    ok(dim_encoder_builder_create(ctx, 3, o->side, o->side, &b));
    for (int i = 0; i < LAYERS; i++)
        ok(dim_encoder_builder_add(b, &o->layer[i]));
    ok(dim_encoder_builder_finish(b, &o->encoder, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

static dim_model *open_model(const options *o)
{
    dim_encoder *enc = open_encoder(o);
    dim_model *model;
    ok(dim_model_create(enc, &o->model, &model));
    for (int i = 0; i < TERMS; i++) {
        dim_term_options term = o->term[i];
        dim_estimator *estimator;
        ok(dim_estimator_create(ctx, &o->estimator[i], &estimator));
        term.estimator = estimator;
        ok(dim_model_add_term(model, &term));
        dim_estimator_destroy(estimator);
    }
    for (int i = 0; i < 2; i++) {
        dim_prior_options prior = o->prior[i];
        dim_prior *made;
        prior.optimizer = i == 1 ? &o->optimizer[1] : NULL;
        ok(dim_prior_create(ctx, &prior, &made));
        ok(dim_model_add_prior(model, made, o->prior_weight[i]));
        dim_prior_destroy(made);
        ok(dim_model_add_classifier(model, &o->classifier[i]));
    }
    ok(dim_model_set_optimizer(model, &o->optimizer[0]));
    dim_encoder_destroy(enc);
    return model;
}

static world opened(const options *o)
{
    dim_context_options co;
    DIM_OPTIONS_INIT(&co);
    co.threads = 1;
    co.seed = 1;
    ok(dim_context_create(&co, &ctx));
    world w = { .ctx = ctx };
    w.loader = open_loader(o);
    w.model = open_model(o);
    return w;
}

static void closed(world *w)
{
    dim_model_destroy(w->model);
    dim_loader_destroy(w->loader);
    dim_context_destroy(w->ctx);
}

/* ---- the changes ---- */

typedef enum type { U32, U64, F32, TEXT } type;

typedef struct change {
    const char *member;  /* of struct options */
    size_t at;
    type type;
    double number;
    const char *text;    /* TEXT: the value */
    const char *key;     /* of the setting; NULL when the change does not matter */
    const char *says;    /* NULL: the member's name and the number */
} change;

#define CHANGE(type, member, number, key) { #member, offsetof(options, member), type, number, NULL, key, NULL }
#define SAYING(type, member, number, key, says) { #member, offsetof(options, member), type, number, NULL, key, says }
#define NAMING(member, text, key, says) { #member, offsetof(options, member), TEXT, 0, text, key, says }
#define TAKEN(type, member, number) { #member, offsetof(options, member), type, number, NULL, NULL, NULL }

static const change changes[] = {
    SAYING(U32, side, 13, "loader.dataset", "'3 x 13 x 13' here"),
    SAYING(U32, n_ops, OPS - 1, "loader.augment6", "missing here"),
    SAYING(F32, encoder.mean[0], 0.25, "encoder.pixels", "mean 0.25 "),
    SAYING(F32, encoder.mean[2], 0.25, "encoder.pixels", " 0.25 here"),
    SAYING(F32, encoder.std[1], 0.25, "encoder.pixels", " 0.25 0.4"),
    TAKEN(U32, encoder.init, DIM_INIT_DCGAN),
    TAKEN(U64, encoder.seed, 12),

    SAYING(U32, layer[4].kind, DIM_LAYER_TANH, "encoder.layer4", "'tanh1' here"),
    CHANGE(U32, layer[0].out, 9, "encoder.layer0"),
    CHANGE(U32, layer[0].kernel, 6, "encoder.layer0"),
    CHANGE(U32, layer[0].kernel_w, 6, "encoder.layer0"),
    CHANGE(U32, layer[0].stride, 3, "encoder.layer0"),
    CHANGE(U32, layer[0].padding, 2, "encoder.layer0"),
    SAYING(U32, layer[0].padding_mode, DIM_PADDING_ZERO, "encoder.layer0", "padding_mode 1"),
    CHANGE(U32, layer[0].no_bias, 1, "encoder.layer0"),
    CHANGE(U32, layer[0].stride_w, 3, "encoder.layer0"),
    CHANGE(U32, layer[0].padding_h, 1, "encoder.layer0"),
    CHANGE(U32, layer[0].padding_w, 1, "encoder.layer0"),
    CHANGE(U32, layer[0].dilation, 2, "encoder.layer0"),
    CHANGE(U32, layer[0].dilation_w, 2, "encoder.layer0"),
    CHANGE(F32, layer[2].slope, 0.25, "encoder.layer2"),
    CHANGE(F32, layer[5].rate, 0.25, "encoder.layer5"),
    CHANGE(U32, layer[6].start, 3, "encoder.layer6"),
    CHANGE(U32, layer[13].height, 4, "encoder.layer13"),
    CHANGE(U32, layer[14].output_padding, 1, "encoder.layer14"),
    CHANGE(U32, layer[14].output_padding_h, 1, "encoder.layer14"),
    CHANGE(U32, layer[14].output_padding_w, 1, "encoder.layer14"),
    TAKEN(U32, layer[3].init, DIM_LAYER_INIT_ZERO),
    NAMING(layer[8].from, "all", "encoder.layer8", " and 5"),
    NAMING(layer[3].name, "other", "encoder.layer3", "'other' here"),
    NAMING(layer[1].tap, "early", NULL, NULL), /* only what reads it matters */

    TAKEN(U64, model.seed, 13),
    SAYING(U32, model.occlude, 3, "occlude", "missing in the checkpoint"),

    SAYING(U32, estimator[1].kind, DIM_ESTIMATOR_DV, "term.mlp.estimator", "dv"),
    CHANGE(U32, estimator[1].negatives, DIM_NEGATIVES_SHUFFLE, "term.mlp.estimator"),
    CHANGE(F32, estimator[1].smile_tau, 4, "term.mlp.estimator"),
    CHANGE(F32, estimator[2].mine_rate, 0.25, "term.bilinear.estimator"),
    CHANGE(F32, estimator[0].scale, 0.25, "term.dot.estimator"),
    CHANGE(F32, estimator[0].penalty, 0.25, "term.dot.estimator"),
    CHANGE(F32, estimator[0].clip, 6, "term.dot.estimator"),
    CHANGE(U64, estimator[0].score_memory, 8192, "term.dot.estimator"),

    NAMING(term[0].name, "other", "term.other", "missing in the checkpoint"),
    NAMING(term[2].x, "all", "term.bilinear", "layers 5 and 11"),
    NAMING(term[1].x, "global:local", "term.mlp", "as a whole"),
    NAMING(term[2].y, "code", "term.bilinear", "layers 6 and 7"),
    SAYING(U32, term[2].critic, DIM_CRITIC_DOT, "term.bilinear", "critic 0"),
    CHANGE(F32, term[0].weight, 0.25, "term.dot"),
    CHANGE(U32, term[0].units, 20, "term.dot"),
    CHANGE(U32, term[1].batch_norm, 1, "term.mlp"),
    SAYING(U32, term[1].hidden[0], 20, "term.mlp", "hidden 20 12"),
    SAYING(U32, term[1].hidden[1], 20, "term.mlp", "hidden 16 20"),
    SAYING(U32, term[1].hidden[2], 20, "term.mlp", "hidden 16 12 20"),
    CHANGE(U32, term[0].mixture, 3, "term.dot"),
    CHANGE(F32, term[0].mixture_tau, 0.25, "term.dot"),
    CHANGE(U32, term[0].shortcut, DIM_SHORTCUT_RANDOM, "term.dot"),
    CHANGE(U32, term[0].local_samples, 5, "term.dot"),
    CHANGE(U32, term[1].global_samples, 2, "term.mlp"),
    CHANGE(F32, term[2].act_penalty, 0.25, "term.bilinear"),
    CHANGE(U32, term[3].repeat, DIM_REPEAT_FROM_TAP, "term.whole"),

    SAYING(U32, prior[1].kind, DIM_PRIOR_GAUSSIAN, "prior1", "gaussian"),
    CHANGE(U32, prior[0].sum_units, 1, "prior"),
    CHANGE(U32, prior[1].minimax, 1, "prior1"),
    CHANGE(U32, prior[1].hidden1, 22, "prior1"),
    CHANGE(U32, prior[1].hidden2, 12, "prior1"),
    CHANGE(F32, prior[1].gradient_penalty, 0.25, "prior1"),
    SAYING(F32, prior_weight[0], 0.25, "prior", "weight 0.25 here"),
    SAYING(F32, prior_weight[1], 0.25, "prior1", "weight 0.25 here"),

    SAYING(U32, optimizer[0].kind, DIM_OPTIMIZER_ADAMW, "optimizer0", "'adamw' here"),
    CHANGE(F32, optimizer[0].lr, 0.25, "optimizer0"),
    CHANGE(F32, optimizer[0].beta1, 0.25, "optimizer0"),
    CHANGE(F32, optimizer[0].beta2, 0.25, "optimizer0"),
    CHANGE(F32, optimizer[0].eps, 0.25, "optimizer0"),
    CHANGE(F32, optimizer[0].weight_decay, 0.25, "optimizer0"),
    CHANGE(F32, optimizer[0].momentum, 0.25, "optimizer0"),
    CHANGE(F32, optimizer[0].alpha, 0.25, "optimizer0"),
    CHANGE(U32, optimizer[0].nesterov, 1, "optimizer0"),
    CHANGE(F32, optimizer[0].clip_norm, 0.25, "optimizer0"),
    CHANGE(F32, optimizer[0].clip_value, 0.25, "optimizer0"),
    SAYING(U32, optimizer[0].schedule, DIM_SCHEDULE_STEP, "optimizer0", "'step' here"),
    CHANGE(F32, optimizer[0].gamma, 0.25, "optimizer0"),
    CHANGE(F32, optimizer[0].min_lr, 0.25, "optimizer0"),
    CHANGE(U64, optimizer[0].warmup_steps, 6, "optimizer0"),
    CHANGE(U64, optimizer[0].total_steps, 101, "optimizer0"),
    SAYING(U64, optimizer[0].milestones[0], 5, "optimizer0", "milestones 5 8"),
    SAYING(U64, optimizer[0].milestones[1], 9, "optimizer0", "milestones 4 9"),
    SAYING(U64, optimizer[0].milestones[2], 9, "optimizer0", "milestones 4 8 9"),
    CHANGE(F32, optimizer[1].lr, 0.25, "optimizer2"),
    CHANGE(F32, optimizer[1].momentum, 0.25, "optimizer2"),

    NAMING(classifier[0].name, "other", "classifier.other", "missing in the checkpoint"),
    NAMING(classifier[0].tap, "code", "classifier.linear", "layer 7"),
    CHANGE(U32, classifier[0].classes, 4, "classifier.linear"),
    CHANGE(U32, classifier[1].hidden, 14, "classifier.deep"),
    CHANGE(F32, classifier[0].dropout, 0.25, "classifier.linear"),
    CHANGE(F32, classifier[0].clip, 0.25, "classifier.linear"),
    CHANGE(F32, classifier[0].penalty, 0.25, "classifier.linear"),
    CHANGE(F32, classifier[0].weight, 0.25, "classifier.linear"),

    SAYING(U32, op[7].op, DIM_AUGMENT_OP_COLOR_JITTER, "loader.augment6", "operation 3"),
    CHANGE(U32, op[0].sharing, DIM_AUGMENT_SHARING_VIEW, "loader.augment0"),
    CHANGE(F32, op[0].p, 0.25, "loader.augment0"),
    CHANGE(U32, op[1].shift, 3, "loader.augment1"),
    CHANGE(U32, op[2].height, 13, "loader.augment2"),
    CHANGE(U32, op[2].width, 13, "loader.augment2"),
    CHANGE(F32, op[2].area_min, 0.25, "loader.augment2"),
    CHANGE(F32, op[2].area_max, 0.75, "loader.augment2"),
    CHANGE(F32, op[2].aspect_min, 0.75, "loader.augment2"),
    CHANGE(F32, op[2].aspect_max, 1.25, "loader.augment2"),
    CHANGE(F32, op[3].brightness, 0.25, "loader.augment3"),
    CHANGE(F32, op[3].contrast, 0.25, "loader.augment3"),
    CHANGE(F32, op[3].saturation, 0.25, "loader.augment3"),
    CHANGE(F32, op[3].hue, 0.25, "loader.augment3"),
    CHANGE(U32, op[4].height, 15, "loader.augment4"),
    SAYING(F32, op[6].mean[0], 0.25, "loader.augment", "mean 0.25 "),
    SAYING(F32, op[6].mean[1], 0.25, "loader.augment", " 0.25 0.3 here"),
    SAYING(F32, op[6].mean[2], 0.25, "loader.augment", " 0.25 here"),
    SAYING(F32, op[6].std[0], 0.25, "loader.augment", "std 0.25 "),
    SAYING(F32, op[6].std[1], 0.25, "loader.augment", " 0.25 0.4"),
    SAYING(F32, op[6].std[2], 0.25, "loader.augment", "0.3 0.25 here"),

    TAKEN(U64, loader.seed, 14),
    SAYING(U32, loader.batch, 6, "loader.batch", "'12' here"),
    SAYING(U32, loader.in_order, 1, "loader.order", "'in order' here"),
    SAYING(U32, loader.keep_last, 1, "loader.last_batch", "'6' here"),
    TAKEN(U32, loader.prefetch, 3),
    TAKEN(U32, loader.no_thread, 1),
    SAYING(U32, loader.views, 3, "loader.views", "'3' here"),
    TAKEN(U32, loader.workers, 2),
    TAKEN(U32, loader.rank, 1),
    SAYING(U32, loader.ranks, 3, "loader.batch", "'15' here"),
};

enum { CHANGES = sizeof changes / sizeof *changes };

static size_t size_of(const change *c)
{
    return c->type == TEXT ? sizeof c->text : c->type == U64 ? sizeof(uint64_t) : sizeof(uint32_t);
}

static void apply(const change *c, options *o)
{
    uint32_t u32 = (uint32_t)c->number;
    uint64_t u64 = (uint64_t)c->number;
    float f32 = (float)c->number;
    const void *from = c->type == TEXT  ? (const void *)&c->text
                       : c->type == U32 ? (const void *)&u32
                       : c->type == U64 ? (const void *)&u64
                                        : (const void *)&f32;
    memcpy((char *)o + c->at, from, size_of(c));
}

/* "op[3].hue" at 0.25: "hue 0.25". */
static void wanted_text(const change *c, char text[64])
{
    if (c->says != NULL)
        snprintf(text, 64, "%s", c->says);
    else
        snprintf(text, 64, "%s %.9g", strrchr(c->member, '.') + 1, c->number);
}

static void check(const change *c, const char *path)
{
    options o = usual;
    char says[64], key[64];
    apply(c, &o);
    world w = opened(&o);
    dim_status status = dim_checkpoint_load(w.model, w.loader, path);
    const char *error = dim_context_error(w.ctx);
    if (c->key == NULL) {
        if (status != DIM_OK)
            fail_msg("%s: %s", c->member, error);
    } else {
        wanted_text(c, says);
        snprintf(key, sizeof key, "%s ", c->key);
        if (status != DIM_E_INVALID)
            fail_msg("another %s: %s", c->member, dim_status_name(status));
        if (strncmp(error, key, strlen(key)) != 0 || strstr(error, says) == NULL)
            fail_msg("another %s: '%s' and '%s' are not in '%s'", c->member, key, says, error);
    }
    closed(&w);
}

static void test_each_option(void **state)
{
    char path[] = "/tmp/dim-settings-XXXXXX";
    int file = mkstemp(path);
    (void)state;
    assert_true(file >= 0);
    close(file);
    world w = opened(&usual);
    ok(dim_checkpoint_save(w.model, w.loader, path));
    dim_status status = dim_checkpoint_load(w.model, w.loader, path);
    closed(&w);
    if (status != DIM_E_UNSUPPORTED) {
        assert_int_equal(status, DIM_OK);
        for (int i = 0; i < CHANGES; i++)
            check(&changes[i], path);
    }
    unlink(path);
}

/* ---- no option was forgotten ---- */

typedef struct part { /* of struct options: `count` options of one type */
    const char *name;
    size_t at, size;
    int count;
    const size_t *exempt; /* places of what no change is for, 0 ends the list; the size is one more */
} part;

#define AT(type, member) offsetof(dim_##type##_options, member)

static const size_t none[] = { 0 };
static const size_t of_model[] = { AT(model, views), 0 }; /* MINE has one; see test_resume.c */
static const size_t of_layer[] = { AT(layer, width), 0 }; /* height and out leave it no choice */
static const size_t of_estimator[] = { AT(estimator, reserved0), 0 };
static const size_t of_term[] = { AT(term, estimator), AT(term, estimator) + 4, AT(term, reserved1), 0 };
static const size_t of_prior[] = { AT(prior, optimizer), AT(prior, optimizer) + 4, 0 };
static const size_t of_loader[] = { AT(loader, reserved0), AT(loader, augment), AT(loader, augment) + 4, 0 };

#define PART(member, n, exempt) { #member, offsetof(options, member), sizeof(usual.member) / (n), n, exempt }

static const part parts[] = {
    PART(layer, LAYERS, of_layer), PART(model, 1, of_model),     PART(estimator, TERMS, of_estimator),
    PART(term, TERMS, of_term), PART(prior, 2, of_prior),     PART(optimizer, 2, none),
    PART(classifier, 2, none),  PART(op, OPS, none),          PART(loader, 1, of_loader),
};

/* Whether some change, or an exemption, is of these four bytes; or of those before, in the same array. */
static int known(const part *p, size_t at)
{
    for (const size_t *e = p->exempt; *e != 0; e++)
        if (*e == at)
            return 1;
    for (int i = 0; i < CHANGES; i++) {
        const change *c = &changes[i];
        if (c->at < p->at || c->at >= p->at + p->size * (size_t)p->count)
            continue;
        size_t from = (c->at - p->at) % p->size, to = from + size_of(c);
        if (strcmp(p->name, "term") == 0 && from == AT(term, hidden))
            to += sizeof usual.term[0].hidden - sizeof(uint32_t);
        if (strcmp(p->name, "optimizer") == 0 && from == AT(optimizer, milestones))
            to += sizeof usual.optimizer[0].milestones - sizeof(uint64_t);
        if (at >= from && at < to)
            return 1;
    }
    return 0;
}

/* Whoever adds an option, which keeps these structs unpadded, adds it here. */
static void test_all_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (size_t at = sizeof(size_t); at < parts[i].size; at += 4)
            if (!known(&parts[i], at))
                fail_msg("no change is of the option at byte %zu of '%s'", at, parts[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_option),
        cmocka_unit_test(test_all_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
