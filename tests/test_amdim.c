/* AMDIM's encoders and objective: one step's losses and all its gradients against PyTorch (fixtures/make_amdim.py), and
 * the authors' numbers of parameters. */
#include "amdim_tests.h"

enum { N = 4 };

static const char *const three_terms[][3] = { { "t15", "f1", "phi5" },
                                              { "t17", "f1", "phi7" },
                                              { "t55", "phi5", "phi5" } };
static const char *const one_term[][3] = { { "t17", "f1", "phi7" } };
static const int picks[2 * N] = { 11, 16, 5, 5, 12, 21, 21, 9 };

static void step_32(void **state)
{
    (void)state;
    check_step("amdim32", &(amdim_setup){ .side = 32, .ndf = 4, .depth = 2, .terms = three_terms, .n_terms = 3 }, N,
               picks);
}

static void step_64(void **state)
{
    (void)state;
    check_step("amdim64", &(amdim_setup){ .side = 64, .ndf = 2, .depth = 1, .terms = three_terms, .n_terms = 3 }, N,
               picks);
}

/* A small model of the one term, with k antecedents of temperature tau. */
static dim_model *small_model(uint32_t k, float tau)
{
    return amdim(&(amdim_setup){
        .side = 32, .ndf = 4, .depth = 1, .terms = one_term, .n_terms = 1, .mixture = k, .tau = tau });
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
    static const char *const reports[] = { "linear", "mlp" };
    int32_t classes[N] = { 3, 0, 4, 1 };
    dim_tensor *before[AMDIM_MAX_PARAMETERS], *labels, *logits, *one_view;
    (void)state;
    ok(dim_context_create(NULL, &ctx));
    dim_model *model = small_model(3, 2);
    add_classifier(model, "linear", 0);
    add_classifier(model, "mlp", 12);
    dim_tensor *images = images_of(32, N, 2);
    ok(dim_tensor_wrap(ctx, DIM_I32, 1, (int64_t[]){ N }, NULL, classes, NULL, NULL, &labels));
    set_weights(model);
    remember(model, before);
    ok(dim_model_step_labeled(model, images, labels));
    check_term("mixture", model, "t17");
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
    forget(model, before);
    dim_tensor_destroy(one_view);
    dim_tensor_destroy(logits);
    dim_tensor_destroy(labels);
    dim_tensor_destroy(images);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
}

/* Five antecedents of a temperature that keeps them apart less. */
static void mixture_of_five(void **state)
{
    (void)state;
    ok(dim_context_create(NULL, &ctx));
    dim_model *model = small_model(5, 0.5f);
    dim_tensor *images = images_of(32, N, 2);
    set_weights(model);
    ok(dim_model_evaluate(model, images));
    check_term("mixture5", model, "t17");
    dim_tensor_destroy(images);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
}

/* A mixture of one antecedent is InfoNCE of that antecedent: with the second layer at zero, of f1 itself. */
static void mixture_of_one(void **state)
{
    double loss[2];
    (void)state;
    for (int k = 0; k < 2; k++) {
        ok(dim_context_create(NULL, &ctx));
        dim_model *model = small_model((uint32_t)k, 2);
        dim_tensor *images = images_of(32, N, 2), *zero;
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
    (void)state;
    ok(dim_context_create(NULL, &ctx));
    dim_model *model = small_model(0, 0);
    dim_tensor *images = images_of(32, N, 2);
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
        to.y = one_term[0][1];
        to.x = one_term[0][2];
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
        cmocka_unit_test(mixture_of_five),
        cmocka_unit_test(mixture_of_one),
        cmocka_unit_test(means_of_maps),
        cmocka_unit_test(parameter_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
