/* What docs/estimators.md and the headers say of a model's critics and reports: parameters' names, what the weight multiplies,
 * after what a gradient's norm is taken, whose standard deviation a code has, how partners are shuffled. */
#include "loss_tests.h"

#include "base/rng.h"
#include <dim/dim.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 5, SIDE = 8, CODE = 6 };

static void ok(dim_context *ctx, dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s", dim_context_error(ctx));
}

static dim_encoder *encoder(dim_context *ctx)
{
    static const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_CONV, .out = 4, .kernel = 3, .padding = 1 },
        { .kind = DIM_LAYER_RELU, .tap = "local" },
        { .kind = DIM_LAYER_LINEAR, .out = CODE, .tap = "global" },
    };
    dim_encoder_builder *b;
    dim_encoder *enc;
    ok(ctx, dim_encoder_builder_create(ctx, 3, SIDE, SIDE, &b));
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        dim_layer_options o = layers[i];
        o.size = sizeof o;
        ok(ctx, dim_encoder_builder_add(b, &o));
    }
    ok(ctx, dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

typedef struct setup {
    dim_term_options term;
    dim_estimator_options estimator;
    dim_optimizer_options optimizer;
} setup;

static setup usual(void)
{
    setup s;
    DIM_OPTIONS_INIT(&s.term);
    DIM_OPTIONS_INIT(&s.estimator);
    DIM_OPTIONS_INIT(&s.optimizer);
    s.term.units = CODE;
    s.term.hidden[0] = 7;
    return s;
}

static dim_model *model_of(dim_context *ctx, dim_encoder *enc, const setup *s)
{
    dim_model *model;
    dim_estimator *est;
    dim_term_options term = s->term;
    ok(ctx, dim_estimator_create(ctx, &s->estimator, &est));
    ok(ctx, dim_model_create(enc, NULL, &model));
    term.estimator = est;
    ok(ctx, dim_model_add_term(model, &term));
    ok(ctx, dim_model_set_optimizer(model, &s->optimizer));
    dim_estimator_destroy(est);
    return model;
}

static dim_tensor *images(dim_context *ctx)
{
    static float x[N * 3 * SIDE * SIDE];
    int64_t shape[4] = { N, 3, SIDE, SIDE };
    dim__rng_normal(x, N * 3 * SIDE * SIDE, 1, 1, 0);
    return tensor(ctx, 4, shape, x);
}

static double report(dim_context *ctx, dim_model *model, const char *name)
{
    double value = NAN;
    ok(ctx, dim_model_report(model, name, &value));
    return value;
}

/* Of the term; the encoder's own begin with "encoder.". */
static void check_names(dim_context *ctx, const setup *s, const char *const *want)
{
    dim_encoder *enc = encoder(ctx);
    dim_model *model = model_of(ctx, enc, s);
    int n = 0;
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        const char *name = dim_model_parameter_name(model, i);
        if (strncmp(name, "encoder.", 8) == 0)
            continue;
        bool known = false;
        for (int k = 0; want[k] != NULL; k++)
            known = known || strcmp(name, want[k]) == 0;
        if (!known)
            fail_msg("%s of %s", name, dim_critic_name(s->term.critic));
        n++;
    }
    for (int k = 0; want[k] != NULL; k++)
        n--;
    assert_int_equal(n, 0);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
}

#define PROJECTION(side)                                                                                                   \
    side "fc1.weight", side "bn.weight", side "bn.bias", side "bn.running_mean", side "bn.running_var", side "fc2.weight", \
        side "fc2.bias", side "shortcut.weight", side "norm.weight", side "norm.bias"

static void test_names(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    setup s = usual();
    (void)state;
    check_names(ctx, &s, (const char *[]){ PROJECTION("local.x."), PROJECTION("local.y."), NULL });
    /* DIM(G): the layers after the tap again; y as it is when it has `units` numbers, else projected */
    s.term.x = "global:local";
    check_names(ctx, &s, (const char *[]){ "global.x.linear1.weight", "global.x.linear1.bias", NULL });
    s.term.units = CODE + 1;
    check_names(ctx, &s, (const char *[]){ "global.x.linear1.weight", "global.x.linear1.bias", PROJECTION("global.y."), NULL });
    s.term.critic = DIM_CRITIC_CONCAT;
    check_names(ctx, &s, (const char *[]){ "global.conv1.weight", "global.conv1.bias", "global.conv2.weight",
                                           "global.conv2.bias", "global.fc1.weight", "global.fc1.bias", "global.fc2.weight",
                                           "global.fc2.bias", NULL });
    s = usual();
    s.term.critic = DIM_CRITIC_CONCAT;
    s.term.batch_norm = 1;
    check_names(ctx, &s, (const char *[]){ "local.fc1.weight", "local.fc1.bias", "local.bn1.weight", "local.bn1.bias",
                                           "local.bn1.running_mean", "local.bn1.running_var", "local.fc2.weight",
                                           "local.fc2.bias", NULL });
    s = usual();
    s.term.critic = DIM_CRITIC_BILINEAR;
    check_names(ctx, &s, (const char *[]){ "local.weight", NULL });
    s.term.critic = DIM_CRITIC_DOT;
    s.term.mixture = 2;
    s.estimator.kind = DIM_ESTIMATOR_INFONCE;
    check_names(ctx, &s, (const char *[]){ PROJECTION("local.x."), PROJECTION("local.y."), "local.mixture.fc1.weight",
                                           "local.mixture.fc1.bias", "local.mixture.fc2.weight", "local.mixture.fc2.bias", NULL });
    dim_context_destroy(ctx);
}

/* A term's weight multiplies the penalty, too; the value has neither. */
static void test_weight_of_penalty(void **state)
{
    double loss[2], value[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        dim_context *ctx = context(1, DIM_CPU_AUTO);
        setup s = usual();
        s.term.weight = i == 0 ? 1 : 4;
        s.estimator.penalty = 0.5f;
        dim_encoder *enc = encoder(ctx);
        dim_model *model = model_of(ctx, enc, &s);
        dim_tensor *x = images(ctx);
        ok(ctx, dim_model_evaluate(model, x));
        loss[i] = report(ctx, model, "local");
        value[i] = report(ctx, model, "local.value");
        assert_true(fabs(loss[i] - report(ctx, model, "loss")) < 1e-9);
        dim_tensor_destroy(x);
        dim_model_destroy(model);
        dim_encoder_destroy(enc);
        dim_context_destroy(ctx);
    }
    assert_true(fabs(loss[1] / loss[0] - 4) < 1e-6 && value[0] == value[1]);
    assert_true(loss[0] > -(value[0] - 2 * log(2)) + 0.01); /* there is a penalty */
}

/* The norm that is reported, and clipped to, is that of the gradients after clip_value. */
static void test_norm_after_clip_value(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    setup s = usual();
    int64_t count = 0;
    (void)state;
    s.optimizer.clip_norm = 1e9f;
    s.optimizer.clip_value = 1e-6f;
    dim_encoder *enc = encoder(ctx);
    dim_model *model = model_of(ctx, enc, &s);
    dim_tensor *x = images(ctx);
    ok(ctx, dim_model_step(model, x));
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        dim_tensor *t;
        ok(ctx, dim_model_get_parameter(model, dim_model_parameter_name(model, i), &t));
        count += dim_tensor_count(t);
        dim_tensor_destroy(t);
    }
    double norm = report(ctx, model, "grad_norm"), most = 1e-6 * sqrt((double)count);
    assert_true(norm <= most && norm > most / 2);
    dim_tensor_destroy(x);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
}

/* Divided by the number of samples, not by one less. */
static void test_std_of_a_code(void **state)
{
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    setup s = usual();
    int64_t shape[2] = { N, CODE };
    float means[CODE], stds[CODE];
    double average = 0;
    (void)state;
    dim_encoder *enc = encoder(ctx);
    dim_model *model = model_of(ctx, enc, &s);
    dim_tensor *x = images(ctx), *code = tensor(ctx, 2, shape, NULL);
    ok(ctx, dim_encoder_encode(enc, x, NULL, code));
    ok(ctx, dim_model_evaluate(model, x));
    ok(ctx, dim_model_code_stats(model, means, stds));
    const float *c = dim_tensor_const_data(code);
    for (int j = 0; j < CODE; j++) {
        double mean = 0, var = 0;
        for (int i = 0; i < N; i++)
            mean += c[i * CODE + j] / (double)N;
        for (int i = 0; i < N; i++)
            var += (c[i * CODE + j] - mean) * (c[i * CODE + j] - mean) / N;
        assert_true(fabs(stds[j] / sqrt(var) - 1) < 1e-5);
        average += sqrt(var) / CODE;
    }
    assert_true(fabs(report(ctx, model, "code.std") / average - 1) < 1e-5);
    dim_tensor_destroy(x);
    dim_tensor_destroy(code);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
}

/* Options that a kind of layer does not have change nothing. */
static void test_options_of_others(void **state)
{
    static const dim_layer_options plain[] = { { .kind = DIM_LAYER_RELU }, { .kind = DIM_LAYER_LINEAR, .out = 4 },
                                               { .kind = DIM_LAYER_BATCH_NORM } };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        int64_t shape[2][3];
        for (int more = 0; more < 2; more++) {
            dim_layer_options o = plain[i];
            dim_encoder_builder *b;
            dim_encoder *enc;
            o.size = sizeof o;
            if (more) {
                o.out = o.kind == DIM_LAYER_LINEAR ? o.out : 77;
                o.kernel = o.stride = o.padding = o.start = o.height = o.width = o.dilation = o.output_padding = 3;
                o.rate = o.slope = 7;
            }
            ok(ctx, dim_encoder_builder_create(ctx, 3, SIDE, SIDE, &b));
            ok(ctx, dim_encoder_builder_add(b, &o));
            ok(ctx, dim_encoder_builder_finish(b, NULL, &enc));
            ok(ctx, dim_encoder_tap_shape(enc, "global", shape[more]));
            dim_encoder_destroy(enc);
            dim_encoder_builder_destroy(b);
        }
        assert_memory_equal(shape[0], shape[1], sizeof shape[0]);
    }
    dim_context_destroy(ctx);
}

/* Of the nine permutations of four that leave none in its place, only the six that are one cycle, all alike: each of the others
 * is a sample's partner equally often. */
static void test_partners(void **state)
{
    int partner[4][4] = { { 0 } };
    (void)state;
    for (uint64_t seed = 0; seed < 6000; seed++) {
        int32_t p[4];
        dim__rng_derangement(p, 4, seed, 2);
        assert_true(p[p[0]] != 0 && p[p[p[0]]] != 0);
        for (int i = 0; i < 4; i++)
            partner[i][p[i]]++;
    }
    for (int i = 0; i < 16; i++)
        assert_in_range(partner[i / 4][i % 4], i % 5 == 0 ? 0 : 2000 - 185, i % 5 == 0 ? 0 : 2000 + 185); /* 5 sigma */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_weight_of_penalty),
        cmocka_unit_test(test_norm_after_clip_value), cmocka_unit_test(test_std_of_a_code),
        cmocka_unit_test(test_partners),      cmocka_unit_test(test_options_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
