/* The workloads that libdim is compared with PyTorch on, through the public API.  A workload is one entry of the table. */
#include "bench.h"

#include <math.h>

static dim_encoder *preset(dim_context *ctx, dim_encoder_kind kind, uint32_t ndf, uint32_t units)
{
    dim_encoder_options o;
    dim_encoder *enc = NULL;
    DIM_OPTIONS_INIT(&o);
    o.kind = kind;
    o.ndf = ndf;
    o.units = units;
    check(ctx, dim_encoder_create(ctx, &o, &enc));
    return enc;
}

static dim_encoder *conv32(dim_context *ctx) { return preset(ctx, DIM_ENCODER_CONV32, 0, 0); }
static dim_encoder *infomax32(dim_context *ctx) { return preset(ctx, DIM_ENCODER_INFOMAX32, 0, 0); }
static dim_encoder *amdim_64(dim_context *ctx) { return preset(ctx, DIM_ENCODER_AMDIM32, 64, 512); }
static dim_encoder *amdim_128(dim_context *ctx) { return preset(ctx, DIM_ENCODER_AMDIM32, 128, 1024); }

static void add_layer(dim_context *ctx, dim_encoder_builder *b, dim_layer_options layer)
{
    layer.size = sizeof layer;
    check(ctx, dim_encoder_builder_add(b, &layer));
}

/* Two variables of 20 dimensions, side by side in a vector of 40. */
static dim_encoder *halves(dim_context *ctx)
{
    dim_encoder_builder *b = NULL;
    dim_encoder *enc = NULL;
    check(ctx, dim_encoder_builder_create(ctx, 40, 0, 0, &b));
    add_layer(ctx, b, (dim_layer_options){ .kind = DIM_LAYER_SLICE, .start = 0, .out = 20, .tap = "x" });
    add_layer(ctx, b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "input" });
    add_layer(ctx, b, (dim_layer_options){ .kind = DIM_LAYER_SLICE, .start = 20, .out = 20, .tap = "y" });
    check(ctx, dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

static void add_term(dim_context *ctx, dim_model *model, dim_estimator_options o, dim_term_options term)
{
    dim_estimator *est = NULL;
    o.size = sizeof o;
    check(ctx, dim_estimator_create(ctx, &o, &est));
    term.size = sizeof term;
    term.estimator = est;
    check(ctx, dim_model_add_term(model, &term));
    dim_estimator_destroy(est);
}

static void add_prior(dim_context *ctx, dim_model *model, dim_prior_kind kind, float weight)
{
    dim_prior_options o;
    dim_prior *prior = NULL;
    DIM_OPTIONS_INIT(&o);
    o.kind = kind;
    check(ctx, dim_prior_create(ctx, &o, &prior));
    check(ctx, dim_model_add_prior(model, prior, weight));
    dim_prior_destroy(prior);
}

/* DIM(L) with a dot critic. */
static void local_dim(dim_context *ctx, dim_model *model, const workload *w)
{
    add_term(ctx, model, (dim_estimator_options){ .kind = w->estimator }, (dim_term_options){ .units = w->units });
    if (w->prior)
        add_prior(ctx, model, DIM_PRIOR_UNIFORM, 0.1f);
}

/* Infomax-KL: concat critics, JSD, one shuffled partner a sample. */
static void infomax_kl(dim_context *ctx, dim_model *model, const workload *w)
{
    dim_term_options global = { .name = "global", .x = "global", .critic = DIM_CRITIC_CONCAT, .weight = 0.5f,
                                .hidden = { 256, 256, 256 } };
    dim_term_options local = { .name = "local", .x = "map", .critic = DIM_CRITIC_CONCAT, .weight = 1.5f,
                               .hidden = { 256, 256, 256 } };
    dim_estimator_options shuffled = { .kind = w->estimator, .negatives = DIM_NEGATIVES_SHUFFLE };
    add_term(ctx, model, shuffled, global);
    add_term(ctx, model, shuffled, local);
    add_prior(ctx, model, DIM_PRIOR_KL, 0.01f);
}

static void mine(dim_context *ctx, dim_model *model, const workload *w)
{
    add_term(ctx, model, (dim_estimator_options){ .kind = w->estimator, .negatives = DIM_NEGATIVES_SHUFFLE },
             (dim_term_options){ .x = "x", .y = "y", .critic = DIM_CRITIC_MLP, .hidden = { 256, 256 } });
}

/* 1 -> 5, 1 -> 7 and 5 -> 5, with the penalty of the authors' code. */
static void amdim(dim_context *ctx, dim_model *model, const workload *w)
{
    static const char *const terms[][3] = {
        { "t15", "f1", "phi5" }, { "t17", "f1", "phi7" }, { "t55", "phi5", "phi5" }
    };
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
        add_term(ctx, model,
                 (dim_estimator_options){ .kind = w->estimator, .scale = (float)(1 / sqrt((double)w->units)),
                                          .penalty = 0.05f, .clip = 20 },
                 (dim_term_options){ .name = terms[i][0], .y = terms[i][1], .x = terms[i][2],
                                     .critic = DIM_CRITIC_PLAIN_DOT });
}

#define IMAGE { 3, 32, 32 }

const workload workloads[] = {
    { .name = "dim-local-jsd", .batch = 64, .shape = IMAGE, .lr = 1e-4f, .encoder = conv32, .objective = local_dim,
      .estimator = DIM_ESTIMATOR_JSD, .units = 2048 },
    { .name = "dim-local-nce", .batch = 64, .shape = IMAGE, .lr = 1e-4f, .encoder = conv32, .objective = local_dim,
      .estimator = DIM_ESTIMATOR_INFONCE, .units = 2048 },
    { .name = "dim-local-dv", .batch = 64, .shape = IMAGE, .lr = 1e-4f, .encoder = conv32, .objective = local_dim,
      .estimator = DIM_ESTIMATOR_DV, .units = 2048 },
    { .name = "dim-local-prior", .batch = 64, .shape = IMAGE, .lr = 1e-4f, .encoder = conv32, .objective = local_dim,
      .estimator = DIM_ESTIMATOR_JSD, .units = 2048, .prior = true },
    { .name = "dim-local-512", .batch = 64, .shape = IMAGE, .lr = 1e-4f, .encoder = conv32, .objective = local_dim,
      .estimator = DIM_ESTIMATOR_JSD, .units = 512 },
    { .name = "infomax-kl", .batch = 64, .shape = IMAGE, .lr = 1e-3f, .encoder = infomax32, .objective = infomax_kl,
      .estimator = DIM_ESTIMATOR_JSD },
    { .name = "amdim-64", .batch = 128, .shape = IMAGE, .lr = 2e-4f, .encoder = amdim_64, .objective = amdim,
      .estimator = DIM_ESTIMATOR_INFONCE, .units = 512, .views = 2 },
    { .name = "amdim-128", .batch = 128, .shape = IMAGE, .lr = 2e-4f, .encoder = amdim_128, .objective = amdim,
      .estimator = DIM_ESTIMATOR_INFONCE, .units = 1024, .views = 2 },
    { .name = "mine-20d", .batch = 512, .shape = { 40, 0, 0 }, .lr = 1e-4f, .encoder = halves, .objective = mine,
      .estimator = DIM_ESTIMATOR_DV },
    { .name = "encode-32", .batch = 256, .shape = IMAGE, .encoder = conv32 },
    { .name = "encode-amdim-64", .batch = 64, .shape = IMAGE, .encoder = amdim_64, .taps = { "phi7", "phi5", "f1" } },
    { .name = NULL }
};
