/* Whole training runs against PyTorch's, from the same weights and batches (fixtures/make_train.py). */
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 20, BATCHES = 4 };

static dim_context *ctx;

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static void add(dim_encoder_builder *b, dim_layer_options layer)
{
    layer.size = sizeof layer;
    ok(dim_encoder_builder_add(b, &layer));
}

static dim_encoder *small_encoder(void)
{
    static const char *const taps[] = { NULL, "local", "conv" };
    static const uint32_t widths[] = { 8, 12, 16 };
    dim_encoder_builder *b;
    dim_encoder *enc;
    ok(dim_encoder_builder_create(ctx, 3, 24, 24, &b));
    for (int i = 0; i < 3; i++) {
        add(b, (dim_layer_options){
                   .kind = DIM_LAYER_CONV, .out = widths[i], .kernel = 4, .stride = 2, .padding = 1, .no_bias = 1 });
        add(b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
        add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = taps[i] });
    }
    add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 24, .no_bias = 1 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = "fc" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 6 });
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

typedef struct run {
    const char *name;
    dim_critic critic;
    const char *x;
    dim_estimator_kind estimator;
    dim_optimizer_options optimizer;
} run;

/* The losses and norms that the fixture has for a name: a line of 20 losses, then lines "name parameter norm". */
static bool find_line(FILE *f, const char *name, const char *parameter, double *out, int n)
{
    char line[1024], *at;
    size_t length = strlen(name);
    rewind(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, length) != 0 || line[length] != ' ')
            continue;
        at = line + length + 1;
        if (parameter != NULL) {
            size_t more = strlen(parameter);
            if (strncmp(at, parameter, more) != 0 || at[more] != ' ')
                continue;
            at += more;
        }
        for (int i = 0; i < n; i++)
            out[i] = strtod(at, &at);
        return true;
    }
    return false;
}

static double norm_of(dim_model *model, const char *name)
{
    dim_tensor *t;
    double sum = 0;
    ok(dim_model_get_parameter(model, name, &t));
    const float *x = dim_tensor_const_data(t);
    for (int64_t i = 0; i < dim_tensor_count(t); i++)
        sum += (double)x[i] * x[i];
    dim_tensor_destroy(t);
    return sqrt(sum);
}

static void compare(const run *r, const dim_context_options *options)
{
    static const char *const watched[] = { "encoder.conv1.weight", "encoder.bn2.running_mean",
                                           "encoder.bn2.running_var", "encoder.linear1.weight",
                                           "encoder.linear2.bias" };
    double want[STEPS], loss;
    dim_term_options term;
    dim_estimator_options est_options;
    dim_estimator *est;
    dim_model *model;
    dim_tensor *images, *batch, *flat;
    FILE *f = fopen(DIM_TEST_DATA "/train.txt", "r");
    assert_non_null(f);
    assert_true(find_line(f, r->name, NULL, want, STEPS));
    ok(dim_context_create(options, &ctx));
    dim_encoder *enc = small_encoder();
    DIM_OPTIONS_INIT(&est_options);
    est_options.kind = r->estimator;
    ok(dim_estimator_create(ctx, &est_options, &est));
    DIM_OPTIONS_INIT(&term);
    term.name = r->name;
    term.x = r->x;
    term.estimator = est;
    term.critic = r->critic;
    term.units = 20;
    term.hidden[0] = term.hidden[1] = 16;
    ok(dim_model_create(enc, NULL, &model));
    ok(dim_model_add_term(model, &term));
    ok(dim_model_set_optimizer(model, &r->optimizer));
    ok(dim_model_load(model, DIM_TEST_DATA "/train.safetensors"));
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/train_images.npy", &images));
    for (int step = 0; step < STEPS; step++) {
        ok(dim_tensor_slice(images, 0, step % BATCHES, 1, 1, &batch));
        ok(dim_tensor_reshape(batch, 4, (int64_t[]){ 8, 3, 24, 24 }, &flat));
        ok(dim_model_step(model, flat));
        dim_tensor_destroy(flat);
        dim_tensor_destroy(batch);
        ok(dim_model_report(model, "loss", &loss));
        /* PyTorch itself is off by up to 2.3e-6 in float32; rules that divide by small gradients let it grow. */
        double tolerance = (4e-6 + 2e-6 * step) * (1 + fabs(want[step]));
        if (fabs(loss - want[step]) > tolerance)
            fail_msg("%s step %d: loss %.8g, PyTorch %.8g", r->name, step, loss, want[step]);
    }
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        double norm = norm_of(model, watched[i]);
        assert_true(find_line(f, r->name, watched[i], want, 1));
        if (fabs(norm - want[0]) > 2e-4 * want[0])
            fail_msg("%s: norm of %s %.8g, PyTorch %.8g", r->name, watched[i], norm, want[0]);
    }
    fclose(f);
    dim_tensor_destroy(images);
    dim_model_destroy(model);
    dim_estimator_destroy(est);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
}

#define OPTIONS(...) { .size = sizeof(dim_optimizer_options), __VA_ARGS__ }

static const run runs[] = {
    { "dot-jsd", DIM_CRITIC_DOT, NULL, DIM_ESTIMATOR_JSD, OPTIONS(.lr = 1e-3f) },
    { "dot-dv", DIM_CRITIC_DOT, NULL, DIM_ESTIMATOR_DV, OPTIONS(.lr = 2e-4f, .kind = DIM_OPTIMIZER_RMSPROP) },
    { "dot-infonce", DIM_CRITIC_DOT, NULL, DIM_ESTIMATOR_INFONCE,
      OPTIONS(.lr = 1e-3f, .kind = DIM_OPTIMIZER_ADAMW, .weight_decay = 0.1f) },
    { "whole-dot", DIM_CRITIC_DOT, "global:local", DIM_ESTIMATOR_JSD, OPTIONS(.lr = 1e-3f) },
    { "concat", DIM_CRITIC_CONCAT, NULL, DIM_ESTIMATOR_JSD,
      OPTIONS(.lr = 0.05f, .kind = DIM_OPTIMIZER_SGD, .momentum = 0.9f) },
    { "whole-concat", DIM_CRITIC_CONCAT, "global:local", DIM_ESTIMATOR_JSD, OPTIONS(.lr = 1e-3f) },
    { "bilinear", DIM_CRITIC_BILINEAR, "fc", DIM_ESTIMATOR_NWJ, OPTIONS(.lr = 1e-3f) },
};

static void compare_all(dim_context_options options)
{
    options.size = sizeof options;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        compare(&runs[i], &options);
}

static void equals_pytorch(void **state)
{
    (void)state;
    compare_all((dim_context_options){ .threads = 1 });
    compare_all((dim_context_options){ .threads = 2, .blas_threads = 1 });
}

static void reference_equals_pytorch(void **state)
{
    (void)state;
    compare_all((dim_context_options){ .threads = 1, .executor = DIM_EXECUTOR_REFERENCE, .cpu = DIM_CPU_REFERENCE,
                                       .gemm = DIM_GEMM_REFERENCE });
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(equals_pytorch), cmocka_unit_test(reference_equals_pytorch) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
