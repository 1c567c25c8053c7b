/* The options of DIM's objective against PyTorch in double: coordinates, occlusion, several globals, subsets of locations, penalty of
 * activations, discrete codes and pairs of them, penalty of the discriminator's gradient, the authors' global critic
 * (fixtures/make_options.py, which draws libdim's numbers a second time). */
#define FIXTURE "options.bin"
#include "torch_tests.h"

static dim_network *encoder(void)
{
    return network_of(2, 6, 6, LAYERS(CONV(.out = 4, .kernel = 3, .stride = 2, .padding = 1, .no_bias = 1), BATCH_NORM,
                                      RELU(.tap = "map"), LINEAR(.out = 6)));
}

static void begin(dim_objective *obj, float lr)
{
    INPUT(obj, .name = "x", .shape = { 2, 6, 6 });
    apply(obj, encoder(), "x", "encoder");
    PLAYER(obj, OF(.name = "trainer"), .lr = lr);
    own(obj, "trainer", "encoder");
}

static void add_where(dim_objective *obj, uint32_t is_relative)
{
    begin(obj, 2e-3f);
    LOSS(obj, .name = "where", .kind = DIM_LOSS_COORDINATES, .a = "encoder.map", .b = "encoder", .relative = is_relative);
    own(obj, "trainer", "where");
    minimise(obj, "trainer", "where", 1);
}

static void coordinates(dim_objective *obj) { add_where(obj, 0); }
static void relative(dim_objective *obj) { add_where(obj, 1); }

static dim_estimator *estimator(dim_estimator_kind kind, dim_negatives negatives)
{
    dim_estimator *made;
    dim_estimator_options o = { .size = sizeof o, .kind = kind, .negatives = negatives };
    ok(dim_estimator_create(ctx, &o, &made));
    return made;
}

static void globals(dim_objective *obj)
{
    begin(obj, 1e-3f);
    dim_estimator *shuffle = estimator(DIM_ESTIMATOR_JSD, DIM_NEGATIVES_SHUFFLE);
    dim_estimator *infonce = estimator(DIM_ESTIMATOR_INFONCE, DIM_NEGATIVES_ALL);
    dim_term_options all = { .size = sizeof all, .units = 8, .local_samples = 5, .global_samples = DIM_ALL_LOCATIONS,
                             .act_penalty = 0.01f };
    dim_term_options some = { .size = sizeof some, .critic = DIM_CRITIC_CONCAT, .hidden = { 7 }, .estimator = shuffle,
                              .global_samples = 2, .act_penalty = 0.02f };
    dim_term_options pairs = { .size = sizeof pairs, .critic = DIM_CRITIC_BILINEAR, .estimator = infonce,
                               .global_samples = DIM_ALL_LOCATIONS };
    LOSS(obj, .name = "all", .a = "encoder.map", .b = "encoder.map", .term = &all);
    LOSS(obj, .name = "some", .a = "encoder.map", .b = "encoder.map", .term = &some);
    LOSS(obj, .name = "pairs", .a = "encoder.map", .b = "encoder.map", .term = &pairs);
    dim_estimator_destroy(shuffle);
    dim_estimator_destroy(infonce);
    own(obj, "trainer", "all");
    own(obj, "trainer", "some");
    own(obj, "trainer", "pairs");
    minimise(obj, "trainer", "all", 1);
    minimise(obj, "trainer", "some", 0.5f);
    minimise(obj, "trainer", "pairs", 0.25f);
}

static void discrete(dim_objective *obj)
{
    begin(obj, 2e-3f);
    LOSS(obj, .name = "whole", .kind = DIM_LOSS_DISCRETE, .a = "encoder");
    LOSS(obj, .name = "each", .kind = DIM_LOSS_DISCRETE, .a = "encoder.map");
    minimise(obj, "trainer", "whole", 1);
    minimise(obj, "trainer", "each", 0.5f);
}

static void paired(dim_objective *obj)
{
    static const struct {
        const char *name, *a, *b;
        float weight;
    } losses[] = { { "views", "encoder", "other_encoder", 1 }, { "parts", "encoder", "encoder.map", 0.5f },
                   { "maps", "encoder.map", "other_encoder.map", 0.25f } };
    dim_network *net = encoder();
    INPUT(obj, .name = "x", .shape = { 2, 6, 6 });
    INPUT(obj, .name = "other", .shape = { 2, 6, 6 });
    ok(dim_objective_apply(obj, net, "x", "encoder"));
    apply(obj, net, "other", "other_encoder");
    PLAYER(obj, OF(.name = "trainer"), .lr = 2e-3f);
    own(obj, "trainer", "encoder");
    for (int k = 0; k < 3; k++) {
        LOSS(obj, .name = losses[k].name, .kind = DIM_LOSS_DISCRETE, .a = losses[k].a, .b = losses[k].b);
        minimise(obj, "trainer", losses[k].name, losses[k].weight);
    }
}

/* A model on a network whose only reference it keeps. */
static dim_model *model_on(dim_network *net, dim_model_options options, dim_optimizer_options optimizer)
{
    dim_model *model;
    options.size = sizeof options;
    options.seed = 1;
    optimizer.size = sizeof optimizer;
    ok(dim_model_create(net, &options, &model));
    dim_encoder_destroy(net);
    ok(dim_model_set_optimizer(model, &optimizer));
    return model;
}

static dim_model *occlusion(void)
{
    dim_term_options term = { .size = sizeof term, .x = "map", .name = "local", .units = 8 };
    dim_model *model = model_on(encoder(), (dim_model_options){ .occlude = 3 }, (dim_optimizer_options){ .lr = 1e-3f });
    ok(dim_model_add_term(model, &term));
    return model;
}

static dim_model *penalty(void)
{
    dim_prior *prior;
    dim_prior_options o = { .size = sizeof o, .kind = DIM_PRIOR_UNIFORM, .hidden1 = 12, .hidden2 = 8, .gradient_penalty = 2 };
    dim_model *model = model_on(encoder(), (dim_model_options){ .size = 0 }, (dim_optimizer_options){ .lr = 1e-3f, .beta1 = 0.5f });
    ok(dim_prior_create(ctx, &o, &prior));
    ok(dim_model_add_prior(model, prior, 0.5f));
    dim_prior_destroy(prior);
    return model;
}

static dim_model *authors(void)
{
    dim_network *net = network_of(2, 8, 8, LAYERS(CONV(.out = 3, .kernel = 3, .padding = 1, .no_bias = 1), BATCH_NORM, RELU(),
                                                  CONV(.out = 4, .kernel = 4, .stride = 2, .padding = 1, .no_bias = 1), BATCH_NORM,
                                                  RELU(.tap = "map"), LINEAR(.out = 10, .no_bias = 1), BATCH_NORM, RELU(),
                                                  LINEAR(.out = 5)));
    dim_term_options term = { .size = sizeof term, .x = "global:map", .units = 7, .repeat = DIM_REPEAT_FROM_TAP, .weight = 0.5f,
                              .act_penalty = 0.1f };
    dim_model *model = model_on(net, (dim_model_options){ .size = 0 }, (dim_optimizer_options){ .lr = 1e-3f });
    ok(dim_model_add_term(model, &term));
    return model;
}

static const experiment list[] = {
    { "coordinates", coordinates, NULL }, { "relative", relative, NULL }, { "occlusion", NULL, occlusion },
    { "globals", globals, NULL }, { "discrete", discrete, NULL }, { "penalty", NULL, penalty }, { "authors", NULL, authors },
    { "paired", paired, NULL },
};

int main(void) { return compare_experiments(list, sizeof list / sizeof *list); }
