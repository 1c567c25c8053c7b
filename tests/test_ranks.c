/* Several ranks train what one rank with all samples trains, loss by loss: reports of every step and the parameters at the end
 * are those of one rank up to rounding, and the same bits on every rank. */
#include "ranks_tests.h"

#include <math.h>

enum { ALL = 12, STEPS = 20, REPORTS = 24, INPUTS = 4, PARAMETERS = 64, NUMBERS = 40000 };

typedef struct given { /* an input that the test gives */
    const char *name;
    int64_t shape[3];
    uint32_t views;
    bool labels;
} given;

typedef struct example {
    const char *name;
    void (*build)(dim_objective *obj);
    given inputs[INPUTS];
    dim_context_options options;
    double tolerance; /* 0 = 3e-5 */
} example;

typedef struct history { /* of one rank */
    int n_reports;
    char names[REPORTS][64];
    double reports[STEPS][REPORTS], evaluated[REPORTS];
    int n_parameters;
    char parameters[PARAMETERS][64];
    int64_t counts[PARAMETERS];
    float numbers[NUMBERS]; /* of all parameters, one after the other */
} history;

typedef struct job {
    const example *of;
    history *ranks[MOST_RANKS];
    traffic last[MOST_RANKS]; /* of the last step */
} job;

/* ---- what is given ----------------------------------------------------------------------------------------------------- */

/* Of element i of sample n in view v: views of a sample are alike. */
static float element(int step, int64_t n, int64_t v, int64_t i)
{
    double which = (double)(n + ALL * step);
    return (float)(sin(1.7 * which + 0.61 * (double)i) + 0.3 * sin(2.3 * which + 1.1 * (double)i + 5.0 * (double)v));
}

static void give_labels(dim_objective *obj, const given *in, int step, int64_t first, int64_t n)
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_I32, 1, &n, &t));
    for (int64_t k = 0; k < n; k++) { /* most of the last rank's samples have none */
        int64_t at = first + k;
        ((int32_t *)dim_tensor_data(t))[k] = at > ALL / 2 || at == 1 ? -1 : (int32_t)((at + step) % 3);
    }
    set_input(obj, in->name, t);
}

static void give_samples(dim_objective *obj, const example *of, int step, int64_t first, int64_t n)
{
    for (const given *in = of->inputs; in < of->inputs + INPUTS && in->name != NULL; in++) {
        if (in->labels) {
            give_labels(obj, in, step, first, n);
            continue;
        }
        int64_t views = in->views > 1 ? in->views : 1, shape[4] = { views * n, in->shape[0], in->shape[1], in->shape[2] };
        int64_t each = shape[1] * (shape[2] > 0 ? shape[2] * shape[3] : 1);
        dim_tensor *t = f32_tensor(shape[2] > 0 ? 4 : 2, shape, NULL);
        float *x = dim_tensor_data(t);
        for (int64_t v = 0; v < views; v++)
            for (int64_t k = 0; k < n; k++)
                for (int64_t i = 0; i < each; i++)
                    *x++ = element(step, first + k, v, i);
        set_input(obj, in->name, t);
    }
}

/* ---- one rank's life --------------------------------------------------------------------------------------------------- */

static void note_reports(const dim_objective *obj, history *h, double *to)
{
    h->n_reports = dim_objective_report_count(obj);
    assert_in_range(h->n_reports, 1, REPORTS);
    for (int i = 0; i < h->n_reports; i++) {
        snprintf(h->names[i], sizeof h->names[i], "%s", dim_objective_report_name(obj, i));
        ok(dim_objective_report(obj, h->names[i], &to[i]));
    }
}

static void note_parameters(dim_objective *obj, history *h)
{
    int64_t n = 0;
    h->n_parameters = dim_objective_parameter_count(obj);
    assert_in_range(h->n_parameters, 1, PARAMETERS);
    for (int i = 0; i < h->n_parameters; i++) {
        dim_tensor *t;
        snprintf(h->parameters[i], sizeof h->parameters[i], "%s", dim_objective_parameter_name(obj, i));
        ok(dim_objective_get_parameter(obj, h->parameters[i], &t));
        h->counts[i] = dim_tensor_count(t);
        assert_true(n + h->counts[i] <= NUMBERS);
        memcpy(h->numbers + n, dim_tensor_const_data(t), (size_t)h->counts[i] * sizeof(float));
        n += h->counts[i];
        dim_tensor_destroy(t);
    }
}

static void train(member *me, void *arg)
{
    job *j = arg;
    history *h = j->ranks[me->rank];
    int64_t n = ALL / me->of->ranks;
    dim_objective *obj = objective(11);
    j->of->build(obj);
    dim_comm comm = comm_of(me);
    ok(dim_objective_communicate(obj, &comm));
    for (int s = 0; s < STEPS; s++) {
        give_samples(obj, j->of, s, me->rank * n, n);
        memset(&me->of->sent[me->rank], 0, sizeof(traffic));
        ok(dim_objective_step(obj));
        j->last[me->rank] = me->of->sent[me->rank];
        note_reports(obj, h, h->reports[s]);
    }
    ok(dim_objective_evaluate(obj));
    note_reports(obj, h, h->evaluated);
    note_parameters(obj, h);
    dim_objective_destroy(obj);
}

static job run(const example *of, uint32_t ranks)
{
    team t;
    job j = { .of = of };
    for (uint32_t r = 0; r < ranks; r++)
        assert_non_null(j.ranks[r] = calloc(1, sizeof(history)));
    team_init(&t, ranks);
    on_ranks(&t, of->options, train, &j);
    team_end(&t);
    return j;
}

static void end(job *j)
{
    for (int r = 0; r < MOST_RANKS; r++)
        free(j->ranks[r]);
}

/* ---- comparison -------------------------------------------------------------------------------------------------------- */

static void near(const example *of, uint32_t ranks, const char *what, int step, double got, double want)
{
    double error = (of->tolerance > 0 ? of->tolerance : 3e-5) * fmax(1, fabs(want));
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= error))
        fail_msg("%s, %u ranks, step %d: %s is %.9g, but of one rank %.9g", of->name, ranks, step, what, got, want);
}

static void compare(const example *of, uint32_t ranks, const history *got, const history *want)
{
    assert_int_equal(got->n_reports, want->n_reports);
    assert_int_equal(got->n_parameters, want->n_parameters);
    assert_memory_equal(got->counts, want->counts, sizeof want->counts);
    for (int s = 0; s < STEPS; s++)
        for (int i = 0; i < want->n_reports; i++)
            near(of, ranks, want->names[i], s, got->reports[s][i], want->reports[s][i]);
    for (int i = 0; i < want->n_reports; i++)
        near(of, ranks, want->names[i], STEPS, got->evaluated[i], want->evaluated[i]);
    for (int64_t i = 0, at = 0; i < want->n_parameters; i++)
        for (int64_t k = 0; k < want->counts[i]; k++, at++)
            near(of, ranks, want->parameters[i], STEPS, got->numbers[at], want->numbers[at]);
}

static void check(const example *of)
{
    job one = run(of, 1);
    for (uint32_t ranks = 2; ranks <= 3; ranks++) {
        job several = run(of, ranks);
        compare(of, ranks, several.ranks[0], one.ranks[0]);
        for (uint32_t r = 1; r < ranks; r++)
            assert_memory_equal(several.ranks[r], several.ranks[0], sizeof(history));
        end(&several);
    }
    end(&one);
}

/* ---- networks ---------------------------------------------------------------------------------------------------------- */

#define LINEAR(...) { .kind = DIM_LAYER_LINEAR, __VA_ARGS__ }
#define CONV(...) { .kind = DIM_LAYER_CONV, __VA_ARGS__ }
#define RELU(...) { .kind = DIM_LAYER_RELU, __VA_ARGS__ }
#define BATCH_NORM { .kind = DIM_LAYER_BATCH_NORM }

static dim_optimizer_options sgd(float lr) { return (dim_optimizer_options){ .kind = DIM_OPTIMIZER_SGD, .lr = lr, .momentum = 0.5f }; }

/* Convolutions with batch norm fused into them, and into a pooling: "local" 6 x 3 x 3, "global" 5. */
static dim_network *of_images(void)
{
    return network_of(2, 6, 6, LAYERS(CONV(.out = 4, .kernel = 3, .padding = 1), BATCH_NORM, RELU(),
                                      { .kind = DIM_LAYER_MAX_POOL, .kernel = 2 }, CONV(.out = 6, .kernel = 3, .padding = 1, .no_bias = 1),
                                      BATCH_NORM, RELU(.tap = "local"), LINEAR(.out = 7, .no_bias = 1), BATCH_NORM, RELU(),
                                      LINEAR(.out = 5)));
}

static dim_network *of_rows(int64_t in, uint32_t out)
{
    return network_of(in, 0, 0, LAYERS(LINEAR(.out = 8, .no_bias = 1), BATCH_NORM, RELU(), LINEAR(.out = out)));
}

static void trained_by(dim_objective *obj, const char *loss, dim_optimizer_options optimizer)
{
    add_player(obj, OF(.name = "all"), optimizer);
    own(obj, "all", "f");
    minimise(obj, "all", loss, 1);
}

static dim_estimator *estimator(dim_estimator_options o)
{
    dim_estimator *est;
    o.size = sizeof o;
    ok(dim_estimator_create(ctx, &o, &est));
    return est;
}

/* The information between two taps of an encoder of images, by this estimator and critic. */
static void local_term(dim_objective *obj, dim_estimator_options est, dim_term_options term)
{
    term.size = sizeof term;
    term.estimator = estimator(est);
    term.units = 8;
    term.hidden[0] = 9;
    term.hidden[1] = 7;
    INPUT(obj, .name = "x", .shape = { 2, 6, 6 }, .views = 1);
    apply(obj, of_images(), "x", "f");
    LOSS(obj, .name = "mi", .a = "f.local", .b = "f", .term = &term);
    trained_by(obj, "mi", sgd(0.01f));
    own(obj, "all", "mi");
    dim_estimator_destroy((dim_estimator *)term.estimator);
}

#define IMAGES .inputs = { { .name = "x", .shape = { 2, 6, 6 } } }

/* ---- estimators and critics ---------------------------------------------------------------------------------------------- */

#define TERM(function, est, ...) \
    static void function(dim_objective *obj) { local_term(obj, (dim_estimator_options)est, (dim_term_options){ __VA_ARGS__ }); }
#define E(...) { __VA_ARGS__ }

TERM(infonce_dot, E(.kind = DIM_ESTIMATOR_INFONCE), .critic = DIM_CRITIC_DOT)
TERM(infonce_clip, E(.kind = DIM_ESTIMATOR_INFONCE, .penalty = 0.04f, .clip = 3, .scale = 0.7f), .act_penalty = 0.1f)
TERM(jsd_dot, E(.kind = DIM_ESTIMATOR_JSD), .critic = DIM_CRITIC_DOT)
TERM(dv_dot, E(.kind = DIM_ESTIMATOR_DV), .critic = DIM_CRITIC_DOT)
TERM(mine_dot, E(.kind = DIM_ESTIMATOR_MINE, .mine_rate = 0.3f), .critic = DIM_CRITIC_DOT)
TERM(smile_bilinear, E(.kind = DIM_ESTIMATOR_SMILE), .critic = DIM_CRITIC_BILINEAR)
TERM(nwj_bilinear, E(.kind = DIM_ESTIMATOR_NWJ), .critic = DIM_CRITIC_BILINEAR)
TERM(infonce_concat, E(.kind = DIM_ESTIMATOR_INFONCE), .critic = DIM_CRITIC_CONCAT)
TERM(dv_concat, E(.kind = DIM_ESTIMATOR_DV), .critic = DIM_CRITIC_CONCAT, .batch_norm = 1)
TERM(streamed, E(.kind = DIM_ESTIMATOR_INFONCE, .score_memory = 500), .critic = DIM_CRITIC_DOT)
TERM(streamed_dv, E(.kind = DIM_ESTIMATOR_DV, .score_memory = 500, .penalty = 0.01f), .critic = DIM_CRITIC_DOT)
TERM(jsd_shuffle, E(.kind = DIM_ESTIMATOR_JSD, .negatives = DIM_NEGATIVES_SHUFFLE), .critic = DIM_CRITIC_DOT)
TERM(mine_shuffle, E(.kind = DIM_ESTIMATOR_MINE, .negatives = DIM_NEGATIVES_SHUFFLE), .critic = DIM_CRITIC_DOT)
TERM(concat_shuffle, E(.kind = DIM_ESTIMATOR_DV, .negatives = DIM_NEGATIVES_SHUFFLE), .critic = DIM_CRITIC_CONCAT)
TERM(drawn_locations, E(.kind = DIM_ESTIMATOR_INFONCE), .local_samples = 3)

/* Two views; y is a map, of which locations are drawn, or mixtures are made. */
static void two_views(dim_objective *obj, dim_estimator_options est, dim_term_options term, const char *y)
{
    term.size = sizeof term;
    term.estimator = estimator(est);
    term.units = 6;
    INPUT(obj, .name = "x", .shape = { 2, 6, 6 }, .views = 2);
    apply(obj, of_images(), "x", "f");
    LOSS(obj, .name = "mi", .a = "f.local", .b = y, .term = &term);
    trained_by(obj, "mi", sgd(0.01f));
    own(obj, "all", "mi");
    dim_estimator_destroy((dim_estimator *)term.estimator);
}

static void mixture(dim_objective *obj)
{
    two_views(obj, (dim_estimator_options){ .kind = DIM_ESTIMATOR_INFONCE, .penalty = 0.04f, .clip = 5, .score_memory = 900 },
              (dim_term_options){ .mixture = 3, .mixture_tau = 0.5f }, "f");
}

static void several_globals(dim_objective *obj)
{
    two_views(obj, (dim_estimator_options){ .kind = DIM_ESTIMATOR_INFONCE },
              (dim_term_options){ .critic = DIM_CRITIC_BILINEAR, .global_samples = 2 }, "f.local");
}

#define VIEWS_OF_IMAGES .inputs = { { .name = "x", .shape = { 2, 6, 6 }, .views = 2 } }

static const example estimators[] = {
    { "InfoNCE, dot", infonce_dot, IMAGES },
    { "InfoNCE, clipped, with penalties", infonce_clip, IMAGES },
    { "JSD, dot", jsd_dot, IMAGES },
    { "DV, dot", dv_dot, IMAGES },
    { "MINE, dot", mine_dot, IMAGES, .tolerance = 1e-4 },
    { "SMILE, bilinear", smile_bilinear, IMAGES },
    { "NWJ, bilinear", nwj_bilinear, IMAGES },
    { "InfoNCE, concat", infonce_concat, IMAGES },
    { "DV, concat with batch norm", dv_concat, IMAGES },
    { "InfoNCE, streamed", streamed, IMAGES },
    { "DV, streamed", streamed_dv, IMAGES },
    { "JSD, shuffled", jsd_shuffle, IMAGES },
    { "MINE, shuffled", mine_shuffle, IMAGES, .tolerance = 1e-4 },
    { "DV, concat, shuffled", concat_shuffle, IMAGES },
    { "InfoNCE, drawn locations", drawn_locations, IMAGES },
    { "mixture of two views", mixture, VIEWS_OF_IMAGES },
    { "several globals of two views", several_globals, VIEWS_OF_IMAGES },
    { "InfoNCE, dot, two threads", infonce_dot, IMAGES, .options = { .threads = 2, .blas_threads = 1 } },
    { "InfoNCE, dot, plain passes", infonce_dot, IMAGES, .options = { .disabled_passes = 127 } },
};

static void test_estimators(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof estimators / sizeof *estimators; i++)
        check(&estimators[i]);
}

/* ---- losses of samples, and of statistics ---------------------------------------------------------------------------------- */

/* A Gaussian code that is decoded again: KL, squared error, and a likelihood. */
static void autoencoder(dim_objective *obj)
{
    INPUT(obj, .name = "x", .shape = { 6 });
    apply(obj, network_of(6, 0, 0, LAYERS(LINEAR(.out = 8, .no_bias = 1), BATCH_NORM, RELU(.tap = "h"), LINEAR(.out = 3, .tap = "mean"),
                                          { .kind = DIM_LAYER_FROM, .from = "h" }, LINEAR(.out = 3, .tap = "logvar"),
                                          { .kind = DIM_LAYER_FROM, .from = "mean" },
                                          { .kind = DIM_LAYER_GAUSSIAN, .from = "logvar", .tap = "code" })), "x", "f");
    apply(obj, of_rows(3, 6), "f.code", "decoder");
    LOSS(obj, .name = "kl", .kind = DIM_LOSS_KL, .a = "f.mean", .b = "f.logvar", .sum_units = 1);
    LOSS(obj, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR, .a = "decoder", .b = "x");
    LOSS(obj, .name = "likelihood", .kind = DIM_LOSS_GAUSSIAN, .a = "x", .b = "decoder");
    trained_by(obj, "kl", (dim_optimizer_options){ .kind = DIM_OPTIMIZER_SGD, .lr = 0.05f, .clip_norm = 0.5f });
    own(obj, "all", "decoder");
    minimise(obj, "all", "error", 2);
    minimise(obj, "all", "likelihood", 0.5f);
}

/* The discriminator and the generator move at the same time, from one pass, or one after the other. */
static void adversaries(dim_objective *obj, bool afterwards, dim_adversary adversary)
{
    INPUT(obj, .name = "x", .shape = { 6 });
    INPUT(obj, .name = "z", .kind = DIM_INPUT_NORMAL, .shape = { 4 });
    dim_network *d = of_rows(6, 1);
    apply(obj, of_rows(4, 6), "z", "f");
    ok(dim_objective_apply(obj, d, "x", "true"));
    ok(dim_objective_apply(obj, d, "f", "made"));
    dim_encoder_destroy(d);
    LOSS(obj, .name = "apart", .kind = DIM_LOSS_TELL_APART, .a = "true", .b = "made", .adversary = adversary);
    LOSS(obj, .name = "pass", .kind = DIM_LOSS_PASS_AS_TRUE, .a = "made", .adversary = adversary);
    add_player(obj, OF(.name = "judge", .turns = afterwards ? 2 : 1), sgd(0.05f));
    own(obj, "judge", "true");
    minimise(obj, "judge", "apart", 1);
    add_player(obj, OF(.name = "forger", .afterwards = afterwards), sgd(0.05f));
    own(obj, "forger", "f");
    minimise(obj, "forger", "pass", 1);
}

static void at_once(dim_objective *obj) { adversaries(obj, false, DIM_ADVERSARY_NON_SATURATING); }
static void afterwards(dim_objective *obj) { adversaries(obj, true, DIM_ADVERSARY_LEAST_SQUARES); }

/* Codes that are drawn, and told again from what was made of them; the forger moves when the judge has moved. */
static void infogan(dim_objective *obj)
{
    dim_encoder_builder *b;
    INPUT(obj, .name = "x", .shape = { 6 });
    INPUT(obj, .name = "class", .kind = DIM_INPUT_ONE_HOT, .shape = { 3 });
    INPUT(obj, .name = "angle", .kind = DIM_INPUT_UNIFORM, .shape = { 2 }, .low = -1, .high = 1);
    INPUT(obj, .name = "noise", .kind = DIM_INPUT_NORMAL, .shape = { 4 });
    ok(dim_encoder_builder_create(ctx, 3, 0, 0, &b));
    ok(dim_encoder_builder_add_input(b, "angle", 2, 0, 0));
    ok(dim_encoder_builder_add_input(b, "noise", 4, 0, 0));
    dim_network *g = network_on(b, LAYERS({ .kind = DIM_LAYER_CONCAT, .from = "angle" }, { .kind = DIM_LAYER_CONCAT, .from = "noise" },
                                          LINEAR(.out = 9, .no_bias = 1), BATCH_NORM, RELU(), LINEAR(.out = 6)));
    apply(obj, g, "class angle noise", "g");
    dim_network *d = network_of(6, 0, 0, LAYERS(LINEAR(.out = 9, .no_bias = 1), BATCH_NORM, { .kind = DIM_LAYER_LEAKY_RELU, .tap = "h" },
                                                LINEAR(.out = 1, .tap = "logit"), { .kind = DIM_LAYER_FROM, .from = "h" },
                                                LINEAR(.out = 3, .tap = "class"), { .kind = DIM_LAYER_FROM, .from = "h" },
                                                LINEAR(.out = 2, .tap = "mean")));
    ok(dim_objective_apply(obj, d, "x", "true"));
    ok(dim_objective_apply(obj, d, "g", "made"));
    dim_encoder_destroy(d);
    LOSS(obj, .name = "apart", .kind = DIM_LOSS_TELL_APART, .a = "true.logit", .b = "made.logit");
    LOSS(obj, .name = "pass", .kind = DIM_LOSS_PASS_AS_TRUE, .a = "made.logit");
    LOSS(obj, .name = "which", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "made.class", .b = "class");
    LOSS(obj, .name = "where", .kind = DIM_LOSS_GAUSSIAN, .a = "angle", .b = "made.mean");
    for (int k = 0; k < 2; k++) {
        const char *player = k == 0 ? "judge" : "forger";
        add_player(obj, OF(.name = player, .afterwards = k == 1), sgd(0.05f));
        own(obj, player, k == 0 ? "true" : "g");
        minimise(obj, player, k == 0 ? "apart" : "pass", 1);
        minimise(obj, player, "which", 0.5f);
        minimise(obj, player, "where", 0.5f);
    }
}

/* Dropout and occlusion of two views, and labels, of which ranks have different numbers. */
static void labels_of_views(dim_objective *obj)
{
    INPUT(obj, .name = "x", .shape = { 2, 6, 6 }, .views = 2);
    INPUT(obj, .name = "class", .dtype = DIM_I32);
    apply(obj, network_of(2, 6, 6, LAYERS({ .kind = DIM_LAYER_OCCLUDE, .kernel = 2 }, CONV(.out = 4, .kernel = 3), RELU(),
                                          { .kind = DIM_LAYER_DROPOUT, .rate = 0.3f }, LINEAR(.out = 3))), "x", "f");
    LOSS(obj, .name = "class_of", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "f", .b = "class");
    trained_by(obj, "class_of", (dim_optimizer_options){ .lr = 1e-3f, .eps = 1e-4f });
}

static void coordinates(dim_objective *obj, uint32_t relative)
{
    INPUT(obj, .name = "x", .shape = { 2, 6, 6 }, .views = 2);
    apply(obj, of_images(), "x", "f");
    LOSS(obj, .name = "where", .kind = DIM_LOSS_COORDINATES, .a = "f.local", .b = "f", .relative = relative);
    trained_by(obj, "where", sgd(0.02f));
    own(obj, "all", "where");
}

static void places(dim_objective *obj) { coordinates(obj, 0); }
static void distances(dim_objective *obj) { coordinates(obj, 1); }

static void alike(dim_objective *obj, dim_loss_options loss)
{
    INPUT(obj, .name = "x", .shape = { 6 }, .views = 3);
    apply(obj, of_rows(6, 5), "x", "f");
    loss.name = "l";
    loss.a = "f";
    add_loss(obj, loss);
    trained_by(obj, "l", sgd(0.01f));
}

static void vicreg(dim_objective *obj) { alike(obj, (dim_loss_options){ .kind = DIM_LOSS_VICREG }); }
static void barlow(dim_objective *obj) { alike(obj, (dim_loss_options){ .kind = DIM_LOSS_BARLOW_TWINS }); }
static void discrete(dim_objective *obj) { alike(obj, (dim_loss_options){ .kind = DIM_LOSS_DISCRETE }); }

/* What two networks say of one sample, where one says it at each location. */
static void two_codes(dim_objective *obj)
{
    INPUT(obj, .name = "x", .shape = { 2, 6, 6 });
    apply(obj, of_images(), "x", "f");
    apply(obj, network_of(2, 6, 6, LAYERS(CONV(.out = 3, .kernel = 3, .padding = 1), RELU(), LINEAR(.out = 4))), "x", "h");
    LOSS(obj, .name = "l", .kind = DIM_LOSS_DISCRETE, .a = "h", .b = "f.local");
    trained_by(obj, "l", sgd(0.05f));
    own(obj, "all", "h");
}

#define ROWS .inputs = { { .name = "x", .shape = { 6 } } }
#define VIEWS_OF_ROWS .inputs = { { .name = "x", .shape = { 6 }, .views = 3 } }

static const example losses[] = {
    { "KL, squared error, Gaussian", autoencoder, ROWS },
    { "two players at once", at_once, ROWS },
    { "two players, one afterwards", afterwards, ROWS },
    { "InfoGAN", infogan, ROWS },
    { "labels, dropout, occlusion", labels_of_views,
      .inputs = { { .name = "x", .shape = { 2, 6, 6 }, .views = 2 }, { .name = "class", .labels = true } } },
    { "coordinates", places, VIEWS_OF_IMAGES },
    { "distances", distances, VIEWS_OF_IMAGES },
    { "VICReg", vicreg, VIEWS_OF_ROWS },
    { "Barlow Twins", barlow, VIEWS_OF_ROWS },
    { "discrete code", discrete, VIEWS_OF_ROWS },
    { "two discrete codes", two_codes, IMAGES },
};

static void test_losses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        check(&losses[i]);
}

/* In bf16 a sum in another order is another number of eight bits here and there.  Maps and products are large enough to be in it with
 * three ranks, too. */
static void wide(dim_objective *obj)
{
    dim_term_options term = { .size = sizeof term, .units = 32 };
    INPUT(obj, .name = "x", .shape = { 2, 12, 12 });
    apply(obj, network_of(2, 12, 12, LAYERS(CONV(.out = 32, .kernel = 3, .padding = 1), BATCH_NORM, RELU(),
                                            CONV(.out = 32, .kernel = 3, .padding = 1, .no_bias = 1), BATCH_NORM, RELU(.tap = "local"),
                                            { .kind = DIM_LAYER_MAX_POOL, .kernel = 2 }, LINEAR(.out = 16))), "x", "f");
    LOSS(obj, .name = "mi", .a = "f.local", .b = "f", .term = &term);
    trained_by(obj, "mi", sgd(0.005f));
    own(obj, "all", "mi");
}

static void test_bf16(void **state)
{
    (void)state;
    check(&(example){ "JSD in bf16", wide, .inputs = { { .name = "x", .shape = { 2, 12, 12 } } },
                      .options = { .precision = DIM_PRECISION_BF16 }, .tolerance = 0.05 });
}

/* What docs/several-machines.md says of a step of local DIM by InfoNCE and the dot critic, of n samples a rank and l locations. */
static void test_traffic(void **state)
{
    enum { UNITS = 8, L = 9, ROW = 4 + 5, SAID = 64 };
    static const int64_t channels[] = { 4, 6, 7, UNITS, UNITS }; /* of batch norms */
    (void)state;
    for (uint32_t ranks = 2; ranks <= 3; ranks++) {
        job j = run(&estimators[0], ranks);
        int64_t n = ALL / ranks, others = ranks - 1, said = SAID + n * ROW * 8, parameters = 0;
        const history *h = j.ranks[0];
        for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
            said += (2 * channels[i] + 1 + 2 * channels[i]) * 8;
        for (int i = 0; i < h->n_parameters; i++)
            parameters += strstr(h->parameters[i], "running_") == NULL ? h->counts[i] : 0;
        for (uint32_t r = 0; r < ranks; r++) {
            const traffic *t = &j.last[r];
            assert_int_equal(t->calls[0], 1 + 2 * 5 + 1 + 2); /* agreement, batch norms, x, rows */
            assert_int_equal(t->bytes[0], others * (said + n * L * UNITS * 4));
            assert_int_equal(t->calls[1], 1);
            assert_int_equal(t->bytes[1], 2 * parameters * 4 * others / ranks);
            assert_int_equal(t->calls[2], 1);
            assert_int_equal(t->bytes[2], others * n * L * UNITS * 4);
            assert_int_equal(t->calls[3], 0);
        }
        end(&j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_estimators),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
