/* Options of DIM's objective: what they refuse, what occlusion leaves alone, the same bits with one thread and two, bf16, and a
 * checkpoint from which they go on.  Their numbers are compared in test_options_torch.c. */
#include "objective_tests.h"

#include <dim/checkpoint.h>

#include <math.h>
#include <unistd.h>

enum { N = 8, SIDE = 8, PIXELS = 2 * SIDE * SIDE };

static dim_network *encoder(void)
{
    return network_of(2, SIDE, SIDE, LAYERS({ .kind = DIM_LAYER_CONV, .out = 6, .kernel = 4, .stride = 2, .padding = 1 },
                                            { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_RELU, .tap = "local" },
                                            { .kind = DIM_LAYER_LINEAR, .out = 5 }));
}

static dim_tensor *images(int batch)
{
    dim_tensor *t = f32_tensor(4, (int64_t[]){ N, 2, SIDE, SIDE }, NULL);
    for (int i = 0; i < N * PIXELS; i++)
        ((float *)dim_tensor_data(t))[i] = (float)sin(0.37 * i * (1 + i / PIXELS) + batch);
    return t;
}

/* All options at once: local, global and local-local information, occlusion, coordinates both ways, discrete codes. */
static dim_model *model_with_all(void)
{
    dim_network *net = encoder();
    dim_model *model;
    dim_prior *prior;
    dim_model_options o = { .size = sizeof o, .seed = 3, .occlude = 3 };
    dim_prior_options po = { .size = sizeof po, .kind = DIM_PRIOR_UNIFORM, .hidden1 = 8, .hidden2 = 8, .gradient_penalty = 1 };
    dim_optimizer_options fast = { .size = sizeof fast, .lr = 1e-2f };
    ok(dim_model_create(net, &o, &model));
    dim_encoder_destroy(net);
    const dim_term_options terms[] = {
        { .size = sizeof *terms, .units = 8, .local_samples = 4, .act_penalty = 0.1f },
        { .size = sizeof *terms, .x = "global:local", .units = 8, .repeat = DIM_REPEAT_FROM_TAP },
        { .size = sizeof *terms, .name = "pairs", .x = "local", .y = "local", .units = 8, .global_samples = 3 },
    };
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
        ok(dim_model_add_term(model, &terms[i]));
    ok(dim_prior_create(ctx, &po, &prior));
    ok(dim_model_add_prior(model, prior, 0.1f));
    dim_prior_destroy(prior);
    dim_objective *obj = dim_model_objective(model);
    LOSS(obj, .name = "where", .kind = DIM_LOSS_COORDINATES, .a = "encoder.local", .b = "occluded");
    LOSS(obj, .name = "far", .kind = DIM_LOSS_COORDINATES, .a = "encoder.local", .b = "encoder", .relative = 1);
    LOSS(obj, .name = "class", .kind = DIM_LOSS_DISCRETE, .a = "encoder.local");
    LOSS(obj, .name = "both", .kind = DIM_LOSS_DISCRETE, .a = "occluded", .b = "encoder.local");
    own(obj, "model", "where");
    own(obj, "model", "far");
    minimise(obj, "model", "where", 1);
    minimise(obj, "model", "far", 1);
    minimise(obj, "model", "class", 0.5f);
    minimise(obj, "model", "both", 0.5f);
    ok(dim_model_set_optimizer(model, &fast));
    return model;
}

static void step_on(dim_model *model, int first, int n)
{
    for (int i = first; i < first + n; i++) {
        dim_tensor *batch = images(i);
        ok(dim_model_step(model, batch));
        dim_tensor_destroy(batch);
    }
}

static double value(const dim_model *model, const char *name)
{
    double x = 0;
    ok(dim_model_report(model, name, &x));
    return x;
}

typedef struct outcome { /* everything that is reported, and a sum over all parameters with their bits */
    double reports[64];
    int n;
    float parameters[8192];
    int64_t count;
} outcome;

static void take(dim_model *model, outcome *o)
{
    memset(o, 0, sizeof *o);
    o->n = dim_model_report_count(model);
    assert_in_range(o->n, 1, 64);
    for (int i = 0; i < o->n; i++)
        o->reports[i] = value(model, dim_model_report_name(model, i));
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        dim_tensor *t;
        ok(dim_model_get_parameter(model, dim_model_parameter_name(model, i), &t));
        int64_t n = dim_tensor_count(t);
        assert_true(o->count + n <= 8192);
        memcpy(o->parameters + o->count, dim_tensor_const_data(t), (size_t)n * sizeof(float));
        o->count += n;
        dim_tensor_destroy(t);
    }
}

static void in_context(dim_context_options o, int steps, outcome *out)
{
    o.size = sizeof o;
    ok(dim_context_create(&o, &ctx));
    dim_model *model = model_with_all();
    step_on(model, 0, steps);
    take(model, out);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
}

/* The same bits with one thread and two. */
static void test_threads(void **state)
{
    outcome *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    (void)state;
    assert_true(a != NULL && b != NULL);
    in_context((dim_context_options){ .threads = 1, .blas_threads = 1 }, 3, a);
    in_context((dim_context_options){ .threads = 2, .blas_threads = 1 }, 3, b);
    assert_memory_equal(a, b, sizeof *a);
    free(a);
    free(b);
}

/* bf16 has three digits: losses are near those of f32, and training goes as far. */
static void test_bf16(void **state)
{
    enum { STEPS = 60 };
    static const char *const near_f32[] = { "local", "global", "pairs", "where", "far", "class" };
    double first[2][6], last[2][6];
    (void)state;
    for (int k = 0; k < 2; k++) {
        dim_context_options o = { .size = sizeof o, .threads = 1, .precision = k == 0 ? DIM_PRECISION_F32 : DIM_PRECISION_BF16 };
        ok(dim_context_create(&o, &ctx));
        dim_model *model = model_with_all();
        step_on(model, 0, 1);
        for (int i = 0; i < 6; i++)
            first[k][i] = value(model, near_f32[i]);
        for (int i = 1; i < STEPS; i++)
            step_on(model, i % 4, 1);
        for (int i = 0; i < 6; i++)
            last[k][i] = value(model, near_f32[i]);
        dim_model_destroy(model);
        dim_context_destroy(ctx);
    }
    for (int i = 0; i < 6; i++) {
        if (!(fabs(first[1][i] - first[0][i]) <= 0.05 * (1 + fabs(first[0][i]))))
            fail_msg("%s: %g in f32, %g in bf16", near_f32[i], first[0][i], first[1][i]);
        if (!(last[1][i] < first[1][i]))
            fail_msg("%s: %g at first, %g at last", near_f32[i], first[1][i], last[1][i]);
    }
}

/* Goes on bit for bit. */
static void test_checkpoint(void **state)
{
    char path[] = "/tmp/dim-options-XXXXXX";
    int file = mkstemp(path);
    outcome *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    (void)state;
    assert_true(file >= 0 && a != NULL && b != NULL);
    close(file);
    open_context(NULL);
    dim_model *model = model_with_all(), *other = model_with_all();
    step_on(model, 0, 2);
    dim_status status = dim_checkpoint_save(model, NULL, path);
    step_on(model, 2, 2);
    take(model, a);
    if (status != DIM_E_UNSUPPORTED) {
        ok(status);
        ok(dim_checkpoint_load(other, NULL, path));
        step_on(other, 2, 2);
        take(other, b);
        assert_memory_equal(a, b, sizeof *a);
    }
    dim_model_destroy(model);
    dim_model_destroy(other);
    unlink(path);
    close_context(NULL);
    free(a);
    free(b);
}

/* In a step a block of each image is hidden, in what is encoded nothing is. */
static void test_what_is_hidden(void **state)
{
    (void)state;
    open_context(NULL);
    dim_model *model = model_with_all();
    dim_objective *obj = dim_model_objective(model);
    dim_tensor *x = images(0), *y = f32_tensor(4, (int64_t[]){ N, 2, SIDE, SIDE }, NULL);
    const float *in = dim_tensor_const_data(x), *out = dim_tensor_const_data(y);
    ok(dim_objective_set(obj, "images", x));
    ok(dim_objective_evaluate_value(obj, "hide", y));
    for (int n = 0; n < N; n++) {
        int hidden = 0;
        for (int i = n * PIXELS; i < (n + 1) * PIXELS; i++) {
            assert_true(out[i] == in[i] || out[i] == 0);
            hidden += out[i] == 0 && in[i] != 0;
        }
        assert_in_range(hidden, 2 * 3 * 3 - 1, 2 * 3 * 3); /* sin(0) is 0 by itself */
    }
    ok(dim_objective_compute(obj, "hide", y));
    assert_memory_equal(in, out, sizeof(float) * N * PIXELS);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_model_destroy(model);
    close_context(NULL);
}

enum { CODE_CLASSES = 4 };

/* Logits of codes: classes that are sure and evenly used, and one that is the same for all. */
static void fill_codes(float sure[N * CODE_CLASSES], float same[N * CODE_CLASSES])
{
    for (int n = 0; n < N; n++) {
        sure[n * CODE_CLASSES + n % CODE_CLASSES] = 300;
        same[n * CODE_CLASSES + 1] = 300;
    }
}

/* Known numbers: classes that are sure and evenly used tell log C, those that are the same for all tell nothing. */
static void test_discrete(void **state)
{
    enum { C = CODE_CLASSES };
    float sure[N * C] = { 0 }, same[N * C] = { 0 };
    (void)state;
    open_context(NULL);
    fill_codes(sure, same);
    dim_objective *obj = objective(1);
    VECTOR(obj, "a", C);
    LOSS(obj, .name = "l", .kind = DIM_LOSS_DISCRETE, .a = "a");
    const float *const cases[] = { sure, same };
    for (int k = 0; k < 2; k++) {
        set_input(obj, "a", f32_tensor(2, (int64_t[]){ N, C }, cases[k]));
        ok(dim_objective_evaluate(obj));
        double want = k == 0 ? log(C) : 0;
        assert_true(fabs(report(obj, "l.value") - want) < 1e-6 && fabs(report(obj, "l") + want) < 1e-6);
        assert_true(fabs(report(obj, "l.entropy") - want) < 1e-6 && fabs(report(obj, "l.given")) < 1e-6);
    }
    dim_objective_destroy(obj);
    close_context(NULL);
}

/* - I(A; B) of logits a (N, 3) and b (N, 4, 2), the mean over the two locations */
enum { A = 3, B = 4, PLACES = 2, ALL_A = N * A, ALL_B = N * B * PLACES };

static double softmax_at(const double *logits, int classes, int stride, int c)
{
    double sum = 0;
    for (int k = 0; k < classes; k++)
        sum += exp(logits[k * stride]);
    return exp(logits[c * stride]) / sum;
}

static double pair_loss(const double *a, const double *b)
{
    double information = 0;
    for (int l = 0; l < PLACES; l++) {
        double joint[A][B] = { { 0 } }, of_a[A] = { 0 }, of_b[B] = { 0 };
        for (int n = 0; n < N; n++)
            for (int i = 0; i < A; i++)
                for (int j = 0; j < B; j++)
                    joint[i][j] += softmax_at(a + n * A, A, 1, i) * softmax_at(b + n * B * PLACES + l, B, PLACES, j) / N;
        for (int i = 0; i < A; i++)
            for (int j = 0; j < B; j++) {
                of_a[i] += joint[i][j];
                of_b[j] += joint[i][j];
            }
        for (int i = 0; i < A; i++)
            for (int j = 0; j < B; j++)
                information += joint[i][j] * log(joint[i][j] / (of_a[i] * of_b[j])) / PLACES;
    }
    return -information;
}

/* Value and gradients of both sides against that in double, by finite differences. */
static void test_discrete_pairs(void **state)
{
    double x[ALL_A + ALL_B], *a = x, *b = x + ALL_A;
    float given[ALL_A + ALL_B];
    (void)state;
    open_context(NULL);
    for (int i = 0; i < ALL_A + ALL_B; i++) {
        given[i] = (float)(3 * sin(1.7 * i + 0.02 * i * i));
        x[i] = (double)given[i];
    }
    dim_objective *obj = objective(1);
    INPUT(obj, .name = "a", .shape = { A }, .want_gradient = 1);
    INPUT(obj, .name = "b", .shape = { B, PLACES, 1 }, .want_gradient = 1);
    LOSS(obj, .name = "l", .kind = DIM_LOSS_DISCRETE, .a = "a", .b = "b");
    set_input(obj, "a", f32_tensor(2, (int64_t[]){ N, A }, given));
    set_input(obj, "b", f32_tensor(4, (int64_t[]){ N, B, PLACES, 1 }, given + ALL_A));
    ok(dim_objective_evaluate(obj));
    double loss = pair_loss(a, b);
    assert_true(loss < -0.05 && fabs(report(obj, "l") - loss) < 1e-6 && fabs(report(obj, "l.value") + loss) < 1e-6);
    assert_true(fabs(report(obj, "l.entropy") - report(obj, "l.given") - report(obj, "l.value")) < 1e-6);
    for (int k = 0; k < 2; k++) {
        dim_tensor *grad = k == 0 ? f32_tensor(2, (int64_t[]){ N, A }, NULL) : f32_tensor(4, (int64_t[]){ N, B, PLACES, 1 }, NULL);
        ok(dim_objective_gradient(obj, "l", k == 0 ? "a" : "b", grad));
        for (int i = 0; i < (k == 0 ? ALL_A : ALL_B); i++) {
            double *at = k == 0 ? a + i : b + i, kept = *at, side[2];
            for (int j = 0; j < 2; j++) {
                *at = kept + (j == 0 ? -1e-5 : 1e-5);
                side[j] = pair_loss(a, b);
            }
            *at = kept;
            assert_true(fabs((double)((float *)dim_tensor_data(grad))[i] - (side[1] - side[0]) / 2e-5) < 1e-6);
        }
        dim_tensor_destroy(grad);
    }
    dim_objective_destroy(obj);
    close_context(NULL);
}

/* Codes that are sure: the same tell log C of each other, one that is the same for all nothing; no gradient is infinite. */
static void test_sure_pairs(void **state)
{
    enum { C = CODE_CLASSES };
    float sure[N * C] = { 0 }, same[N * C] = { 0 };
    (void)state;
    open_context(NULL);
    fill_codes(sure, same);
    dim_objective *obj = objective(1);
    INPUT(obj, .name = "a", .shape = { C }, .want_gradient = 1);
    VECTOR(obj, "b", C);
    LOSS(obj, .name = "l", .kind = DIM_LOSS_DISCRETE, .a = "a", .b = "b");
    set_input(obj, "a", f32_tensor(2, (int64_t[]){ N, C }, sure));
    const float *const cases[] = { sure, same };
    for (int k = 0; k < 2; k++) {
        set_input(obj, "b", f32_tensor(2, (int64_t[]){ N, C }, cases[k]));
        ok(dim_objective_evaluate(obj));
        double want = k == 0 ? log(C) : 0;
        assert_true(fabs(report(obj, "l.value") - want) < 1e-6 && fabs(report(obj, "l.entropy") - log(C)) < 1e-6);
        assert_true(fabs(report(obj, "l.given") - (log(C) - want)) < 1e-6);
        dim_tensor *grad = f32_tensor(2, (int64_t[]){ N, C }, NULL);
        ok(dim_objective_gradient(obj, "l", "a", grad));
        for (int i = 0; i < N * C; i++)
            assert_true(fabsf(((float *)dim_tensor_data(grad))[i]) < 1e-6f);
        dim_tensor_destroy(grad);
    }
    dim_objective_destroy(obj);
    close_context(NULL);
}

/* ---- globals ---------------------------------------------------------------------------------------------------------- */

static double in_pieces(dim_critic critic, dim_negatives negatives, uint64_t score_memory)
{
    dim_estimator *made;
    dim_estimator_options eo = { .size = sizeof eo, .kind = DIM_ESTIMATOR_DV, .negatives = negatives, .score_memory = score_memory };
    dim_term_options term = { .size = sizeof term, .critic = critic, .units = 6, .hidden = { 7, 5 }, .global_samples = 3,
                              .local_samples = 4 };
    float x[N * 2 * 5 * 3];
    for (int i = 0; i < N * 2 * 5 * 3; i++)
        x[i] = (float)sin(1.3 * i);
    dim_objective *obj = objective(1);
    ok(dim_estimator_create(ctx, &eo, &made));
    term.estimator = made;
    INPUT(obj, .name = "map", .shape = { 2, 5, 3 });
    LOSS(obj, .name = "l", .a = "map", .b = "map", .term = &term);
    dim_estimator_destroy(made);
    set_input(obj, "map", f32_tensor(4, (int64_t[]){ N, 2, 5, 3 }, x));
    ok(dim_objective_evaluate(obj));
    double loss = report(obj, "l");
    dim_objective_destroy(obj);
    return loss;
}

/* Scores of all globals that are made in blocks are those that are made at once. */
static void test_in_pieces(void **state)
{
    static const dim_critic critics[] = { DIM_CRITIC_DOT, DIM_CRITIC_CONCAT, DIM_CRITIC_BILINEAR, DIM_CRITIC_PLAIN_DOT };
    (void)state;
    open_context(NULL);
    for (int i = 0; i < 4; i++) {
        double at_once = in_pieces(critics[i], DIM_NEGATIVES_ALL, 1 << 20);
        double pieces = in_pieces(critics[i], DIM_NEGATIVES_ALL, 2000);
        if (!(fabs(at_once - pieces) <= 1e-6 * (1 + fabs(at_once))))
            fail_msg("critic %d: %.9g at once, %.9g in pieces", (int)critics[i], at_once, pieces);
        assert_true(isfinite(in_pieces(critics[i], DIM_NEGATIVES_SHUFFLE, 0)));
    }
    close_context(NULL);
}

/* Each view has a block of its own hidden, and a global of one view meets locations of the other. */
static void test_views(void **state)
{
    dim_model *model;
    dim_model_options o = { .size = sizeof o, .seed = 3, .views = 2, .occlude = 3 };
    dim_term_options term = { .size = sizeof term, .y = "local", .units = 8, .global_samples = DIM_ALL_LOCATIONS, .local_samples = 5 };
    (void)state;
    open_context(NULL);
    dim_network *net = encoder();
    ok(dim_model_create(net, &o, &model));
    dim_encoder_destroy(net);
    ok(dim_model_add_term(model, &term));
    dim_objective *obj = dim_model_objective(model);
    LOSS(obj, .name = "where", .kind = DIM_LOSS_COORDINATES, .a = "encoder.local", .b = "occluded", .relative = 1);
    own(obj, "model", "where");
    minimise(obj, "model", "where", 1);
    step_on(model, 0, 2);
    assert_true(isfinite(value(model, "where")) && value(model, "where") > 0);
    dim_tensor *x = images(0), *y = f32_tensor(4, (int64_t[]){ N, 2, SIDE, SIDE }, NULL);
    ok(dim_objective_set(obj, "images", x));
    ok(dim_objective_evaluate_value(obj, "hide", y));
    const float *out = dim_tensor_const_data(y);
    int apart = 0; /* samples of which another block is hidden in the second view */
    for (int n = 0; n < N / 2; n++)
        for (int i = 0; i < PIXELS && apart <= n; i++)
            apart += (out[n * PIXELS + i] == 0) != (out[(n + N / 2) * PIXELS + i] == 0);
    assert_true(apart > 0);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_model_destroy(model);
    close_context(NULL);
}

/* ---- what is refused -------------------------------------------------------------------------------------------------- */

static dim_status add(dim_objective *obj, dim_loss_options o)
{
    o.size = sizeof o;
    return dim_objective_add_loss(obj, &o);
}

static void test_refused_losses(void **state)
{
    (void)state;
    open_context(NULL);
    dim_objective *obj = objective(1);
    INPUT(obj, .name = "map", .shape = { 2, 4, 4 });
    INPUT(obj, .name = "two", .shape = { 3 }, .views = 2);
    VECTOR(obj, "v", 3);
    VECTOR(obj, "one", 1);
#define WHERE(...) add(obj, (dim_loss_options){ .name = "l", .kind = DIM_LOSS_COORDINATES, __VA_ARGS__ })
    expect(DIM_E_SHAPE, "loss 'l': a is a vector", WHERE(.a = "v", .b = "v"));
    expect(DIM_E_SHAPE, "loss 'l': a is a whole map", WHERE(.a = "global:map", .b = "v"));
    expect(DIM_E_SHAPE, "loss 'l': b is a map", WHERE(.a = "map", .b = "map"));
    expect(DIM_E_SHAPE, "loss 'l': its values have 1 and 2 views", WHERE(.a = "map", .b = "two"));
    expect(DIM_E_INVALID, "loss 'l': coordinates needs b", WHERE(.a = "map"));
    expect(DIM_E_INVALID, "relative is 2", WHERE(.a = "map", .b = "v", .relative = 2));
    expect(DIM_E_INVALID, "loss 'l': relative is not an option of discrete",
           add(obj, (dim_loss_options){ .name = "l", .kind = DIM_LOSS_DISCRETE, .a = "v", .relative = 1 }));
    expect(DIM_E_SHAPE, "loss 'l': a has 1 class", add(obj, (dim_loss_options){ .name = "l", .kind = DIM_LOSS_DISCRETE, .a = "one" }));
#define PAIR(...) add(obj, (dim_loss_options){ .name = "l", .kind = DIM_LOSS_DISCRETE, __VA_ARGS__ })
    expect(DIM_E_SHAPE, "loss 'l': b has 1 class", PAIR(.a = "v", .b = "one"));
    expect(DIM_E_SHAPE, "loss 'l': a is a map of 4 x 4 locations, so b must be one of as many", PAIR(.a = "map", .b = "v"));
    expect(DIM_E_SHAPE, "loss 'l': its values have 1 and 2 views", PAIR(.a = "v", .b = "two"));
    expect(DIM_E_INVALID, "loss 'l': discrete", PAIR(.a = "v", .b = "v", .c = "v"));
    dim_objective_destroy(obj);
    close_context(NULL);
}

static dim_status add_term(dim_model *model, dim_term_options o)
{
    o.size = sizeof o;
    return dim_model_add_term(model, &o);
}

static void test_refused_terms(void **state)
{
    dim_model *model, *none = NULL;
    dim_estimator *infonce;
    dim_estimator_options eo = { .size = sizeof eo, .kind = DIM_ESTIMATOR_INFONCE };
    dim_model_options mo = { .size = sizeof mo, .occlude = SIDE + 1 };
    dim_prior_options po = { .size = sizeof po, .kind = DIM_PRIOR_UNIFORM, .gradient_penalty = -1 };
    dim_prior *prior = NULL;
    (void)state;
    open_context(NULL);
    dim_network *net = encoder();
    ok(dim_model_create(net, NULL, &model));
    ok(dim_estimator_create(ctx, &eo, &infonce));
#define TERM(...) add_term(model, (dim_term_options){ __VA_ARGS__ })
    expect(DIM_E_SHAPE, "local_samples is 2, but x is a vector", TERM(.x = "global", .local_samples = 2));
    expect(DIM_E_SHAPE, "local_samples is 2, but x is a map as a whole", TERM(.x = "global:local", .local_samples = 2));
    expect(DIM_E_SHAPE, "global_samples is 2, but y is a vector", TERM(.global_samples = 2));
    expect(DIM_E_INVALID, "global_samples is 16777217; it must be 16777216 at most, or DIM_ALL_LOCATIONS",
           TERM(.y = "local", .global_samples = (1 << 24) + 1));
    expect(DIM_E_INVALID, "mixture is 2 and global_samples 3",
           TERM(.y = "local", .global_samples = 3, .mixture = 2, .estimator = infonce));
    expect(DIM_E_INVALID, "act_penalty is -1", TERM(.act_penalty = -1));
    expect(DIM_E_INVALID, "repeat is from-tap; it is an option of the dot critic on a whole map", TERM(.repeat = DIM_REPEAT_FROM_TAP));
    expect(DIM_E_INVALID, "repeat is from-tap", TERM(.x = "global:local", .critic = DIM_CRITIC_BILINEAR, .repeat = DIM_REPEAT_FROM_TAP));
    expect(DIM_E_INVALID, "repeat is 2", TERM(.x = "global:local", .repeat = (dim_repeat)2));
    expect(DIM_E_SHAPE, "kernel, the block that is hidden, is larger than the map", dim_model_create(net, &mo, &none));
    dim_network *vectors = network_of(7, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 3 }));
    mo.occlude = 2;
    expect(DIM_E_SHAPE, "occlude is 2, but the encoder reads vectors", dim_model_create(vectors, &mo, &none));
    expect(DIM_E_INVALID, "gradient_penalty is -1", dim_prior_create(ctx, &po, &prior));
    assert_true(none == NULL && prior == NULL);
    dim_encoder_destroy(vectors);
    dim_encoder_destroy(net);
    dim_estimator_destroy(infonce);
    dim_model_destroy(model);
    close_context(NULL);
}

/* A signal has columns only. */
static void test_signal(void **state)
{
    double row;
    (void)state;
    open_context(NULL);
    dim_objective *obj = objective(1);
    INPUT(obj, .name = "map", .shape = { 2, 0, 5 });
    VECTOR(obj, "v", 3);
    LOSS(obj, .name = "where", .kind = DIM_LOSS_COORDINATES, .a = "map", .b = "v", .relative = 1);
    set_input(obj, "map", f32_tensor(3, (int64_t[]){ N, 2, 5 }, (float[N * 2 * 5]){ 1, 2, 3 }));
    set_input(obj, "v", f32_tensor(2, (int64_t[]){ N, 3 }, (float[N * 3]){ 1, 2, 3 }));
    ok(dim_objective_evaluate(obj));
    assert_true(report(obj, "where") > 0 && report(obj, "where.column_accuracy") >= 0);
    expect(DIM_E_INVALID, "where.row_accuracy", dim_objective_report(obj, "where.row_accuracy", &row));
    assert_int_equal(dim_objective_parameter_count(obj), 10);
    dim_objective_destroy(obj);
    close_context(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads), cmocka_unit_test(test_bf16), cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_what_is_hidden), cmocka_unit_test(test_discrete), cmocka_unit_test(test_discrete_pairs),
        cmocka_unit_test(test_sure_pairs), cmocka_unit_test(test_refused_losses),
        cmocka_unit_test(test_refused_terms), cmocka_unit_test(test_signal),
        cmocka_unit_test(test_in_pieces), cmocka_unit_test(test_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
