/* AMDIM's encoders and objective: one step's losses and all its gradients against PyTorch (fixtures/make_amdim.py), and
 * the authors' numbers of parameters. */
#include "model/model.h"
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 4 };

static dim_context *ctx;

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

/* Uniform in [-1, 1), the same as in the fixture's script. */
static double hashed(uint32_t i, uint32_t seed)
{
    uint32_t x = i * 2654435761u + seed;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return x / 2147483648.0 - 1;
}

static uint32_t fnv(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static int is_state(const char *name) { return strstr(name, "running_") != NULL; }

static void set_weights(dim_model *model)
{
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        char name[160];
        dim_tensor *t;
        snprintf(name, sizeof name, "%s", dim_model_parameter_name(model, i));
        if (is_state(name))
            continue;
        ok(dim_model_get_parameter(model, name, &t));
        int64_t n = dim_tensor_count(t), fan_in = dim_tensor_rank(t) > 0 ? n / dim_tensor_size(t, 0) : 1;
        size_t length = strlen(name);
        int bias = length > 4 && strcmp(name + length - 4, "bias") == 0;
        float *x = dim_tensor_data(t);
        for (int64_t k = 0; k < n; k++) {
            double u = hashed((uint32_t)k, fnv(name));
            x[k] = (float)(dim_tensor_rank(t) > 1 ? 1.7 / sqrt((double)fan_in) * u : bias ? 0.1 * u : 1 + 0.2 * u);
        }
        ok(dim_model_set_parameter(model, name, t));
        dim_tensor_destroy(t);
    }
}

static dim_tensor *images_of(int side)
{
    static const int shift[N] = { 20, 60, 100, 140 };
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ 2 * N, 3, side, side }, &t));
    uint8_t *x = dim_tensor_data(t);
    int64_t each = 3 * side * side;
    for (int64_t i = 0; i < 2 * N * each; i++)
        x[i] = (uint8_t)((int)((hashed((uint32_t)i, 5) + 1) * 128) / 4 + shift[i / each % N]);
    return t;
}

/* One number of the fixture: the `nth` of a line "<case> <kind> <name> numbers". */
static double wanted(const char *key, int nth)
{
    static char text[65536];
    if (text[0] == '\0') {
        FILE *f = fopen(DIM_TEST_DATA "/amdim.txt", "r");
        assert_non_null(f);
        size_t n = fread(text + 1, 1, sizeof text - 2, f);
        fclose(f);
        text[0] = '\n';
        text[n + 1] = '\0';
    }
    char line[256];
    snprintf(line, sizeof line, "\n%s ", key);
    char *at = strstr(text, line);
    if (at == NULL)
        fail_msg("the fixture has no line '%s'", key);
    at += strlen(line);
    for (int k = 0; k < nth; k++)
        strtod(at, &at);
    return strtod(at, NULL);
}

static void close_to(const char *what, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: %.9g, PyTorch %.9g", what, got, want);
}

/* Trained by plain SGD at rate 1, a parameter moves by exactly its gradient. */
static void check_gradients(const char *name, dim_model *model, dim_tensor **before)
{
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        char key[240];
        dim_tensor *after;
        double norm = 0, a = 0, b = 0, largest = 0;
        const char *parameter = dim_model_parameter_name(model, i);
        snprintf(key, sizeof key, "%s grad %s", name, parameter);
        if (is_state(parameter))
            continue;
        ok(dim_model_get_parameter(model, parameter, &after));
        const float *x = dim_tensor_const_data(before[i]), *y = dim_tensor_const_data(after);
        for (int64_t k = 0; k < dim_tensor_count(after); k++) {
            double g = (double)x[k] - y[k];
            largest = fmax(largest, fabs(x[k]));
            norm += g * g;
            a += g * hashed((uint32_t)k, 11);
            b += g * hashed((uint32_t)k, 12);
        }
        /* float32 through some twenty layers, some gradients zero but for rounding; and the difference of weights is rounded as the weights are */
        double want = wanted(key, 0),
               tolerance = 3e-6 + 2e-5 * want + 3e-8 * largest * sqrt((double)dim_tensor_count(after));
        close_to(key, sqrt(norm), want, tolerance);
        close_to(key, a, wanted(key, 1), tolerance);
        close_to(key, b, wanted(key, 2), tolerance);
        dim_tensor_destroy(after);
    }
}

static void remember(dim_model *model, dim_tensor **out)
{
    for (int i = 0; i < dim_model_parameter_count(model); i++)
        ok(dim_model_get_parameter(model, dim_model_parameter_name(model, i), &out[i]));
}

static dim_model *amdim(int side, uint32_t ndf, uint32_t rkhs, uint32_t depth, const char *const terms[][3],
                        int n_terms, uint32_t mixture)
{
    dim_encoder_options eo;
    dim_model_options mo;
    dim_estimator_options so;
    dim_term_options to;
    dim_optimizer_options oo;
    dim_encoder *enc;
    dim_estimator *est;
    dim_model *model;
    DIM_OPTIONS_INIT(&eo);
    eo.kind = side == 32 ? DIM_ENCODER_AMDIM32 : DIM_ENCODER_AMDIM64;
    eo.ndf = ndf;
    eo.units = rkhs;
    eo.depth = depth;
    ok(dim_encoder_create(ctx, &eo, &enc));
    DIM_OPTIONS_INIT(&mo);
    mo.views = 2;
    ok(dim_model_create(enc, &mo, &model));
    DIM_OPTIONS_INIT(&so);
    so.kind = DIM_ESTIMATOR_INFONCE;
    so.scale = (float)(1 / sqrt((double)rkhs));
    so.penalty = 0.05f;
    so.clip = 3;
    ok(dim_estimator_create(ctx, &so, &est));
    for (int i = 0; i < n_terms; i++) {
        DIM_OPTIONS_INIT(&to);
        to.name = terms[i][0];
        to.y = terms[i][1];
        to.x = terms[i][2];
        to.critic = DIM_CRITIC_PLAIN_DOT;
        to.estimator = est;
        to.mixture = mixture;
        to.mixture_tau = 2;
        ok(dim_model_add_term(model, &to));
    }
    DIM_OPTIONS_INIT(&oo);
    oo.kind = DIM_OPTIMIZER_SGD;
    oo.lr = 1;
    ok(dim_model_set_optimizer(model, &oo));
    dim_estimator_destroy(est);
    dim_encoder_destroy(enc);
    return model;
}

static double report(dim_model *model, const char *name)
{
    double value;
    ok(dim_model_report(model, name, &value));
    return value;
}

/* What the script's PICKS must be. */
static void check_picks(dim_model *model, const int picks[2][N])
{
    dim__graph *g = dim__program_graph(model->programs[0].program);
    int found = 0;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].op != &dim__op_random_location)
            continue;
        const int32_t *at = dim__program_data(model->programs[0].program, g->nodes[i].out[0]);
        for (int n = 0; n < N; n++)
            if (at[n] - n * 25 != picks[found][n])
                fail_msg("direction %d draws locations %d %d %d %d", found, at[0], at[1] - 25, at[2] - 50, at[3] - 75);
        found++;
    }
    assert_int_equal(found, 2);
}

static void step(const char *name, int side, uint32_t ndf, uint32_t depth, const int picks[2][N])
{
    static const char *const terms[][3] = { { "t15", "f1", "phi5" },
                                            { "t17", "f1", "phi7" },
                                            { "t55", "phi5", "phi5" } };
    char key[64];
    dim_context_options co;
    dim_tensor *before[256];
    DIM_OPTIONS_INIT(&co);
    co.seed = 1;
    co.threads = 2;
    co.executor = DIM_EXECUTOR_REFERENCE; /* keeps every value readable: the draws */
    for (int planned = 0; planned < 2; planned++) {
        ok(dim_context_create(&co, &ctx));
        dim_model *model = amdim(side, ndf, 16, depth, terms, 3, 0);
        dim_tensor *images = images_of(side);
        set_weights(model);
        remember(model, before);
        ok(dim_model_step(model, images));
        if (!planned)
            check_picks(model, picks);
        for (int i = 0; i < 3; i++) {
            snprintf(key, sizeof key, "%s term %s", name, terms[i][0]);
            close_to(key, report(model, terms[i][0]), wanted(key, 0), 3e-6 * wanted(key, 0));
        }
        snprintf(key, sizeof key, "%s loss", name);
        close_to(key, report(model, "loss"), wanted(key, 0), 3e-6 * wanted(key, 0));
        check_gradients(name, model, before);
        for (int i = 0; i < dim_model_parameter_count(model); i++)
            dim_tensor_destroy(before[i]);
        dim_tensor_destroy(images);
        dim_model_destroy(model);
        dim_context_destroy(ctx);
        co.executor = DIM_EXECUTOR_PLANNED;
    }
}

static void step_32(void **state)
{
    static const int picks[2][N] = { { 11, 16, 5, 5 }, { 12, 21, 21, 9 } };
    (void)state;
    step("amdim32", 32, 4, 2, picks);
}

static void step_64(void **state)
{
    static const int picks[2][N] = { { 11, 16, 5, 5 }, { 12, 21, 21, 9 } };
    (void)state;
    step("amdim64", 64, 2, 1, picks);
}

static void add_classifier(dim_model *model, const char *name, uint32_t hidden)
{
    dim_classifier_options o;
    DIM_OPTIONS_INIT(&o);
    o.name = name;
    o.tap = "f1";
    o.classes = 5;
    o.hidden = hidden;
    o.clip = 10;
    o.penalty = 1e-3f;
    ok(dim_model_add_classifier(model, &o));
}

static void mixture_and_classifiers(void **state)
{
    static const char *const terms[][3] = { { "t17", "f1", "phi7" } };
    static const char *const reports[] = { "linear", "mlp" };
    int32_t classes[N] = { 3, 0, 4, 1 };
    dim_tensor *before[256], *labels, *logits, *one_view;
    (void)state;
    ok(dim_context_create(NULL, &ctx));
    dim_model *model = amdim(32, 4, 16, 1, terms, 1, 3);
    add_classifier(model, "linear", 0);
    add_classifier(model, "mlp", 12);
    dim_tensor *images = images_of(32);
    ok(dim_tensor_wrap(ctx, DIM_I32, 1, (int64_t[]){ N }, NULL, classes, NULL, NULL, &labels));
    set_weights(model);
    remember(model, before);
    ok(dim_model_step_labeled(model, images, labels));
    close_to("t17", report(model, "t17"), wanted("mixture term t17", 0), 2e-5);
    for (int i = 0; i < 2; i++) {
        char key[64];
        snprintf(key, sizeof key, "mixture term %s", reports[i]);
        close_to(key, report(model, reports[i]), wanted(key, 0), 1e-5);
    }
    check_gradients("mixture", model, before);
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, 5 }, &logits));
    ok(dim_tensor_slice(images, 0, 0, N, 1, &one_view));
    ok(dim_model_classify(model, "mlp", one_view, logits));
    for (int i = 0; i < N * 5; i++)
        assert_true(fabsf(((float *)dim_tensor_data(logits))[i]) <= 10);
    assert_int_equal(dim_model_classify(model, "none", one_view, logits), DIM_E_INVALID);
    classes[2] = 5;
    assert_int_equal(dim_model_step_labeled(model, images, labels), DIM_E_INVALID);
    assert_non_null(strstr(dim_context_error(ctx), "image 2"));
    assert_int_equal(dim_model_steps(model), 1);
    ok(dim_model_step(model, images)); /* without labels the classifiers stay */
    assert_true(isnan(report(model, "linear")));
    for (int i = 0; i < dim_model_parameter_count(model); i++)
        dim_tensor_destroy(before[i]);
    dim_tensor_destroy(one_view);
    dim_tensor_destroy(logits);
    dim_tensor_destroy(labels);
    dim_tensor_destroy(images);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
}

/* A mixture of one antecedent is InfoNCE of that antecedent: with the second layer at zero, of f1 itself. */
static void mixture_of_one(void **state)
{
    static const char *const terms[][3] = { { "t17", "f1", "phi7" } };
    double loss[2];
    (void)state;
    for (int k = 0; k < 2; k++) {
        ok(dim_context_create(NULL, &ctx));
        dim_model *model = amdim(32, 4, 16, 1, terms, 1, (uint32_t)k);
        dim_tensor *images = images_of(32), *zero;
        set_weights(model);
        for (int i = 0; k == 1 && i < 2; i++) {
            const char *name = i == 0 ? "t17.mixture.fc2.weight" : "t17.mixture.fc2.bias";
            ok(dim_tensor_create(ctx, DIM_F32, 2 - i, (int64_t[]){ 16, 16 }, &zero));
            ok(dim_model_set_parameter(model, name, zero));
            dim_tensor_destroy(zero);
        }
        ok(dim_model_evaluate(model, images));
        loss[k] = report(model, "loss");
        dim_tensor_destroy(images);
        dim_model_destroy(model);
        dim_context_destroy(ctx);
    }
    close_to("mixture of one", loss[1], loss[0], 2e-6 * loss[0]);
}

/* The probes' taps are the maps' means over locations. */
static void means_of_maps(void **state)
{
    static const char *const taps[2][2] = { { "phi7", "phi7_mean" }, { "phi5", "phi5_mean" } };
    static const char *const terms[][3] = { { "t17", "f1", "phi7" } };
    (void)state;
    ok(dim_context_create(NULL, &ctx));
    dim_model *model = amdim(32, 4, 16, 1, terms, 1, 0);
    dim_tensor *images = images_of(32);
    set_weights(model);
    for (int t = 0; t < 2; t++) {
        dim_tensor *map, *mean;
        int64_t places = t == 0 ? 49 : 25;
        ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 2 * N, 16 * places }, &map));
        ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 2 * N, 16 }, &mean));
        ok(dim_encoder_encode(model->enc, images, taps[t][0], map));
        ok(dim_encoder_encode(model->enc, images, taps[t][1], mean));
        const float *x = dim_tensor_const_data(map), *y = dim_tensor_const_data(mean);
        for (int64_t i = 0; i < 2 * N * 16; i++) {
            double sum = 0, size = 0;
            for (int64_t l = 0; l < places; l++) {
                sum += x[i * places + l];
                size += fabs(x[i * places + l]);
            }
            close_to(taps[t][1], y[i], sum / (double)places, 1e-6 * size / (double)places + 1e-9);
        }
        dim_tensor_destroy(map);
        dim_tensor_destroy(mean);
    }
    dim_tensor_destroy(images);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
}

/* 5.56 M and 21.12 M with the evaluation's heads (AMDIM); the authors' code has exactly as many, norms included. */
static void parameter_counts(void **state)
{
    static const char *const terms[][3] = { { "t17", "f1", "phi7" } };
    (void)state;
    for (uint32_t ndf = 64; ndf <= 128; ndf *= 2) {
        dim_encoder_options eo;
        dim_encoder *enc;
        dim_model *model;
        int64_t total = 0;
        dim_term_options to;
        ok(dim_context_create(NULL, &ctx));
        DIM_OPTIONS_INIT(&eo);
        eo.kind = DIM_ENCODER_AMDIM32;
        eo.ndf = ndf;
        eo.units = 8 * ndf;
        eo.block_norm = 1;
        ok(dim_encoder_create(ctx, &eo, &enc));
        ok(dim_model_create(enc, NULL, &model));
        DIM_OPTIONS_INIT(&to);
        to.y = terms[0][1];
        to.x = terms[0][2];
        to.critic = DIM_CRITIC_PLAIN_DOT;
        ok(dim_model_add_term(model, &to));
        for (int h = 0; h < 2; h++) {
            dim_classifier_options o;
            DIM_OPTIONS_INIT(&o);
            o.name = h == 0 ? "linear" : "mlp";
            o.classes = 10;
            o.hidden = h == 0 ? 0 : 1024;
            ok(dim_model_add_classifier(model, &o));
        }
        for (int i = 0; i < dim_model_parameter_count(model); i++) {
            dim_tensor *t;
            ok(dim_model_get_parameter(model, dim_model_parameter_name(model, i), &t));
            total += is_state(dim_model_parameter_name(model, i)) ? 0 : dim_tensor_count(t);
            dim_tensor_destroy(t);
        }
        assert_int_equal(total, ndf == 64 ? 5562068 : 21122452);
        dim_model_destroy(model);
        dim_encoder_destroy(enc);
        dim_context_destroy(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_32),
        cmocka_unit_test(step_64),
        cmocka_unit_test(mixture_and_classifiers),
        cmocka_unit_test(mixture_of_one),
        cmocka_unit_test(means_of_maps),
        cmocka_unit_test(parameter_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
