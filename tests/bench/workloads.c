/* The workloads of the peer (torch_steps.py), through the public API.  A workload is one entry of the table. */
#include "bench.h"

static dim_encoder *preset(dim_context *ctx, dim_encoder_kind kind)
{
    dim_encoder_options o;
    dim_encoder *enc = NULL;
    DIM_OPTIONS_INIT(&o);
    o.kind = kind;
    check(ctx, dim_encoder_create(ctx, &o, &enc));
    return enc;
}

static dim_encoder *conv32(dim_context *ctx) { return preset(ctx, DIM_ENCODER_CONV32); }
static dim_encoder *infomax32(dim_context *ctx) { return preset(ctx, DIM_ENCODER_INFOMAX32); }

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

static void add_term(dim_context *ctx, dim_model *model, dim_estimator_kind kind, dim_negatives negatives,
                     dim_term_options term)
{
    dim_estimator_options o;
    dim_estimator *est = NULL;
    DIM_OPTIONS_INIT(&o);
    o.kind = kind;
    o.negatives = negatives;
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
    add_term(ctx, model, w->estimator, DIM_NEGATIVES_ALL, (dim_term_options){ .units = w->units });
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
    add_term(ctx, model, w->estimator, DIM_NEGATIVES_SHUFFLE, global);
    add_term(ctx, model, w->estimator, DIM_NEGATIVES_SHUFFLE, local);
    add_prior(ctx, model, DIM_PRIOR_KL, 0.01f);
}

static void mine(dim_context *ctx, dim_model *model, const workload *w)
{
    add_term(ctx, model, w->estimator, DIM_NEGATIVES_SHUFFLE,
             (dim_term_options){ .x = "x", .y = "y", .critic = DIM_CRITIC_MLP, .hidden = { 256, 256 } });
}

#define IMAGE { 3, 32, 32 }

const workload workloads[] = {
    { "dim-local-jsd", 64, IMAGE, 1e-4f, conv32, local_dim, DIM_ESTIMATOR_JSD, 2048, false },
    { "dim-local-nce", 64, IMAGE, 1e-4f, conv32, local_dim, DIM_ESTIMATOR_INFONCE, 2048, false },
    { "dim-local-dv", 64, IMAGE, 1e-4f, conv32, local_dim, DIM_ESTIMATOR_DV, 2048, false },
    { "dim-local-prior", 64, IMAGE, 1e-4f, conv32, local_dim, DIM_ESTIMATOR_JSD, 2048, true },
    { "dim-local-512", 64, IMAGE, 1e-4f, conv32, local_dim, DIM_ESTIMATOR_JSD, 512, false },
    { "infomax-kl", 64, IMAGE, 1e-3f, infomax32, infomax_kl, DIM_ESTIMATOR_JSD, 0, false },
    { "mine-20d", 512, { 40, 0, 0 }, 1e-4f, halves, mine, DIM_ESTIMATOR_DV, 0, false },
    { "encode-32", 256, IMAGE, 0, conv32, NULL, DIM_ESTIMATOR_JSD, 0, false },
    { .name = NULL }
};
