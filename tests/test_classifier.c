/* Online classifiers and the model beside which they learn: neither may change the other. */
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { N = 6, D = 5, CLASSES = 3 };

static void ok_at(dim_context *ctx, dim_status s, int line)
{
    if (s != DIM_OK)
        fail_msg("line %d: %s", line, dim_context_error(ctx));
}
#define ok(s) ok_at(ctx, s, __LINE__)

typedef struct setting {
    float clip_norm, lr;
    dim_optimizer_kind kind;
    bool classifier;
} setting;

static dim_model *make(dim_context *ctx, const setting *how)
{
    dim_encoder *enc;
    dim_model *model;
    dim_encoder_options eo;
    dim_term_options to;
    dim_optimizer_options oo;
    dim_classifier_options co;
    DIM_OPTIONS_INIT(&eo);
    eo.kind = DIM_ENCODER_MLP;
    eo.channels = D;
    eo.hidden[0] = 8;
    eo.units = 4;
    ok(dim_encoder_create(ctx, &eo, &enc));
    ok(dim_model_create(enc, NULL, &model));
    DIM_OPTIONS_INIT(&to);
    to.x = "fc";
    to.units = 8;
    ok(dim_model_add_term(model, &to));
    DIM_OPTIONS_INIT(&oo);
    oo.kind = how->kind;
    oo.lr = how->lr;
    oo.clip_norm = how->clip_norm;
    ok(dim_model_set_optimizer(model, &oo));
    DIM_OPTIONS_INIT(&co);
    co.classes = CLASSES;
    co.weight = 100; /* its gradients are the largest by far */
    if (how->classifier)
        ok(dim_model_add_classifier(model, &co));
    dim_encoder_destroy(enc);
    return model;
}

static dim_tensor *batch(dim_context *ctx, int number)
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, D }, &t));
    for (int i = 0; i < N * D; i++)
        ((float *)dim_tensor_data(t))[i] = sinf((float)(17 * i + 31 * number));
    return t;
}

static dim_tensor *classes(dim_context *ctx)
{
    static const int32_t of[N] = { 0, 1, 2, 0, 1, 2 };
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ N }, &t));
    memcpy(dim_tensor_data(t), of, sizeof of);
    return t;
}

static void weights_of(dim_context *ctx, dim_model *model, const char *name, float *out, int64_t n)
{
    dim_tensor *t;
    ok(dim_model_get_parameter(model, name, &t));
    assert_int_equal(dim_tensor_count(t), n);
    memcpy(out, dim_tensor_const_data(t), (size_t)n * sizeof *out);
    dim_tensor_destroy(t);
}

/* Clipping by norm scales all gradients of one optimizer; a classifier's are in another. */
static void encoders_do_not_feel_classifiers(void **state)
{
    (void)state;
    for (int clip = 0; clip < 2; clip++) {
        float weight[2][8 * D];
        double norm[2] = { 0, 0 };
        for (int with = 0; with < 2; with++) {
            dim_context *ctx = NULL;
            dim_context_options o;
            DIM_OPTIONS_INIT(&o);
            o.threads = 1;
            ok(dim_context_create(&o, &ctx));
            setting how = { .clip_norm = clip ? 0.01f : 0, .lr = 0.1f, .kind = DIM_OPTIMIZER_SGD, .classifier = with };
            dim_model *model = make(ctx, &how);
            dim_tensor *labels = classes(ctx);
            for (int i = 0; i < 5; i++) {
                dim_tensor *x = batch(ctx, i);
                ok(with ? dim_model_step_labeled(model, x, labels) : dim_model_step(model, x));
                dim_tensor_destroy(x);
            }
            weights_of(ctx, model, "encoder.linear1.weight", weight[with], 8 * D);
            if (clip)
                ok(dim_model_report(model, "grad_norm", &norm[with]));
            dim_tensor_destroy(labels);
            dim_model_destroy(model);
            dim_context_destroy(ctx);
        }
        assert_memory_equal(weight[0], weight[1], sizeof weight[0]);
        assert_true(norm[0] == norm[1] && (clip == 0) == (norm[0] == 0));
    }
}

/* Adam's first step has the size of the rate (its bias correction counts the classifier's own steps), however late it is. */
static void classifiers_count_labelled_steps(void **state)
{
    (void)state;
    dim_context *ctx = NULL;
    float before[CLASSES * 4], after[CLASSES * 4];
    const setting how = { .lr = 1e-3f, .kind = DIM_OPTIMIZER_ADAM, .classifier = true };
    ok(dim_context_create(NULL, &ctx));
    dim_model *model = make(ctx, &how);
    dim_tensor *labels = classes(ctx), *x = batch(ctx, 1);
    weights_of(ctx, model, "classifier.fc1.weight", before, CLASSES * 4);
    for (int i = 0; i < 50; i++)
        ok(dim_model_step(model, x));
    weights_of(ctx, model, "classifier.fc1.weight", after, CLASSES * 4);
    assert_memory_equal(before, after, sizeof before);
    ok(dim_model_step_labeled(model, x, labels));
    weights_of(ctx, model, "classifier.fc1.weight", after, CLASSES * 4);
    for (int i = 0; i < CLASSES * 4; i++) {
        double moved = fabs((double)after[i] - before[i]);
        assert_true(moved > 0.999e-3 && moved < 1.001e-3);
    }
    dim_tensor_destroy(x);
    dim_tensor_destroy(labels);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
}

/* A value whose square overflows makes a batch's variance infinite, though loss and gradients are not. */
static void infinite_variances_are_refused(void **state)
{
    (void)state;
    dim_context *ctx = NULL;
    dim_encoder_builder *b;
    dim_encoder *enc;
    dim_model *model;
    dim_term_options to;
    float before[4], after[4];
    ok(dim_context_create(NULL, &ctx));
    ok(dim_encoder_builder_create(ctx, D, 0, 0, &b));
    const dim_layer_options layers[] = { { .kind = DIM_LAYER_LINEAR, .out = 4 },
                                         { .kind = DIM_LAYER_BATCH_NORM },
                                         { .kind = DIM_LAYER_RELU, .tap = "fc" },
                                         { .kind = DIM_LAYER_LINEAR, .out = 4 } };
    for (int i = 0; i < 4; i++) {
        dim_layer_options l = layers[i];
        l.size = sizeof l;
        ok(dim_encoder_builder_add(b, &l));
    }
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    ok(dim_model_create(enc, NULL, &model));
    DIM_OPTIONS_INIT(&to);
    to.x = "fc";
    to.units = 8;
    ok(dim_model_add_term(model, &to));
    dim_tensor *x = batch(ctx, 2);
    ok(dim_model_step(model, x));
    weights_of(ctx, model, "encoder.bn1.running_var", before, 4);
    ((float *)dim_tensor_data(x))[3] = 1e30f;
    assert_int_equal(dim_model_step(model, x), DIM_E_NUMERIC);
    assert_int_equal(dim_model_steps(model), 1);
    weights_of(ctx, model, "encoder.bn1.running_var", after, 4);
    assert_memory_equal(before, after, sizeof before);
    ((float *)dim_tensor_data(x))[3] = 0;
    ok(dim_model_step(model, x));
    dim_tensor_destroy(x);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_encoder_builder_destroy(b);
    dim_context_destroy(ctx);
}

enum { F = 4 }; /* width of the code */

static dim_model *make_linear(dim_context *ctx)
{
    static const dim_layer_options layers[] = { { .kind = DIM_LAYER_LINEAR, .out = 8, .tap = "fc" },
                                                { .kind = DIM_LAYER_LINEAR, .out = F } };
    dim_encoder_builder *b;
    dim_encoder *enc;
    dim_model *model;
    const dim_term_options term = { .size = sizeof term, .x = "fc", .units = 8 };
    const dim_classifier_options classifier = { .size = sizeof classifier, .classes = CLASSES, .clip = 2, .penalty = 0.3f };
    const dim_optimizer_options sgd = { .size = sizeof sgd, .kind = DIM_OPTIMIZER_SGD, .lr = 1 };
    ok(dim_encoder_builder_create(ctx, D, 0, 0, &b));
    for (int i = 0; i < 2; i++) {
        dim_layer_options l = layers[i];
        l.size = sizeof l;
        ok(dim_encoder_builder_add(b, &l));
    }
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    ok(dim_model_create(enc, NULL, &model));
    ok(dim_model_add_term(model, &term));
    ok(dim_model_add_classifier(model, &classifier));
    ok(dim_model_set_optimizer(model, &sgd));
    dim_encoder_destroy(enc);
    return model;
}

/* The classifier by hand: its loss and the gradient of its weight, of the rows that have a label. */
static double by_hand(const float *weight, const float *bias, const float *features, const int32_t *label, double *gradient)
{
    double loss = 0;
    int labelled = 0;
    memset(gradient, 0, CLASSES * F * sizeof *gradient);
    for (int n = 0; n < N; n++)
        labelled += label[n] >= 0;
    for (int n = 0; n < N; n++) {
        double z[CLASSES], s[CLASSES], sum = 0;
        if (label[n] < 0)
            continue;
        for (int k = 0; k < CLASSES; k++) {
            z[k] = bias[k];
            for (int f = 0; f < F; f++)
                z[k] += (double)weight[k * F + f] * features[n * F + f];
            s[k] = 2 * tanh(z[k] / 2);
            sum += exp(s[k]);
        }
        loss += (log(sum) - s[label[n]]) / labelled;
        for (int k = 0; k < CLASSES; k++) {
            double slope = 1 - s[k] * s[k] / 4, dz = (exp(s[k]) / sum - (k == label[n])) / labelled * slope;
            loss += 0.3 * z[k] * z[k] / (labelled * CLASSES);
            dz += 2 * 0.3 * z[k] / (labelled * CLASSES);
            for (int f = 0; f < F; f++)
                gradient[k * F + f] += dz * features[n * F + f];
        }
    }
    return loss;
}

/* A label of -1: the image is in neither loss nor gradient nor accuracy; with no other labels the loss is 0. */
static void images_may_have_no_label(void **state)
{
    static const int32_t of[][N] = { { 0, 1, 2, 0, 1, 2 }, { 2, -1, -1, 0, -1, 1 }, { -1, -1, -1, -1, -1, 1 },
                                     { -1, -1, -1, -1, -1, -1 } };
    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        dim_context *ctx = NULL;
        dim_tensor *code;
        float before[CLASSES * F], bias[CLASSES], after[CLASSES * F];
        double want[CLASSES * F], loss, accuracy;
        ok(dim_context_create(NULL, &ctx));
        dim_model *model = make_linear(ctx);
        dim_tensor *x = batch(ctx, 3), *labels = classes(ctx), *weights;
        ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, CLASSES }, &code));
        memcpy(dim_tensor_data(labels), of[i], sizeof of[i]);
        weights_of(ctx, model, "classifier.fc1.weight", before, CLASSES * F);
        weights_of(ctx, model, "classifier.fc1.bias", bias, CLASSES);
        /* the features, through a classifier that passes one on after the other: its clip is undone */
        float features[N * F];
        ok(dim_model_get_parameter(model, "classifier.fc1.weight", &weights));
        for (int f = 0; f < F; f++) {
            float *w = dim_tensor_data(weights);
            memset(w, 0, CLASSES * F * sizeof *w);
            w[f] = 1;
            ok(dim_model_set_parameter(model, "classifier.fc1.weight", weights));
            ok(dim_model_classify(model, NULL, x, code));
            for (int n = 0; n < N; n++)
                features[n * F + f] = 2 * atanhf(((float *)dim_tensor_data(code))[n * CLASSES] / 2) - bias[0];
        }
        memcpy(dim_tensor_data(weights), before, sizeof before);
        ok(dim_model_set_parameter(model, "classifier.fc1.weight", weights));
        ok(dim_model_step_labeled(model, x, labels));
        weights_of(ctx, model, "classifier.fc1.weight", after, CLASSES * F);
        ok(dim_model_report(model, "classifier", &loss));
        ok(dim_model_report(model, "classifier.accuracy", &accuracy));
        double hand = by_hand(before, bias, features, of[i], want);
        assert_true(fabs(loss - hand) < 1e-5 && (i < 3 ? hand > 0.1 && accuracy >= 0 : loss == 0 && isnan(accuracy)));
        for (int k = 0; k < CLASSES * F; k++)
            if (!(fabs((double)before[k] - after[k] - want[k]) < 1e-5))
                fail_msg("labels %d: gradient %d is %g, by hand %g", (int)i, k, (double)before[k] - after[k], want[k]);
        ((int32_t *)dim_tensor_data(labels))[4] = -2;
        assert_int_equal(dim_model_step_labeled(model, x, labels), DIM_E_INVALID);
        assert_non_null(strstr(dim_context_error(ctx), "label -2 of image 4 is outside [0, 3), and is not -1 for none"));
        dim_tensor_destroy(weights);
        dim_tensor_destroy(labels);
        dim_tensor_destroy(code);
        dim_tensor_destroy(x);
        dim_model_destroy(model);
        dim_context_destroy(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoders_do_not_feel_classifiers),
        cmocka_unit_test(classifiers_count_labelled_steps),
        cmocka_unit_test(infinite_variances_are_refused),
        cmocka_unit_test(images_may_have_no_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
