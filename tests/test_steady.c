/* A training that runs for long: 10,000 steps allocate nothing, and the process does not grow. */
#include "sanitized.h"
#include <dim/dim.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

enum { STEPS = 10000, WARM = 200, ROWS = 16 };

/* What the system itself may move in the meantime, in bytes: less than 7 a step. */
static const long SLACK = 64 << 10;

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

/* A convolution on 6 x 6 maps, with what DIM has around it: local features against a global one. */
static dim_encoder *tiny_encoder(void)
{
    dim_encoder_builder *b;
    dim_encoder *enc;
    ok(dim_encoder_builder_create(ctx, 1, 6, 6, &b));
    add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = 4, .kernel = 3, .stride = 2, .no_bias = 1 });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = "local" });
    add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 5, .tap = "global" });
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

static dim_model *tiny_model(dim_encoder *enc)
{
    dim_model *model;
    dim_prior *prior;
    dim_term_options term;
    dim_optimizer_options adam;
    DIM_OPTIONS_INIT(&term);
    DIM_OPTIONS_INIT(&adam);
    term.units = 8;
    adam.clip_norm = 1;
    ok(dim_model_create(enc, NULL, &model));
    ok(dim_model_add_term(model, &term));
    dim_prior_options po = { .size = sizeof po, .kind = DIM_PRIOR_UNIFORM, .hidden1 = 6, .hidden2 = 6 };
    ok(dim_prior_create(ctx, &po, &prior));
    ok(dim_model_add_prior(model, prior, 0.1f));
    dim_prior_destroy(prior);
    ok(dim_model_set_optimizer(model, &adam));
    return model;
}

/* Bytes that are no file's (code that runs for the first time is no growth); -1 where the system does not tell.  Counted
 * page by page: statm adds up what each processor may be late with. */
static long resident(void)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    while (f != NULL && kb < 0 && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Anonymous: %ld kB", &kb) != 1)
            kb = -1;
    if (f != NULL)
        fclose(f);
    return kb < 0 ? -1 : kb * 1024;
}

static long faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void run(dim_model *model, dim_tensor *const *batches, int steps, bool read_reports)
{
    for (int i = 0; i < steps; i++) {
        double loss;
        ok(dim_model_step(model, batches[i % 2]));
        ok(dim_model_report(model, "loss", &loss));
        if (read_reports && i % 100 == 0)
            ok(dim_model_evaluate(model, batches[1 - i % 2]));
    }
}

/* Batches of two sizes: each has a program of its own. */
static void steady(uint32_t threads, dim_gemm gemm, int steps)
{
    dim_context_options o;
    dim_tensor *batches[2];
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    o.gemm = gemm;
    o.blas_threads = 1;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    dim_encoder *enc = tiny_encoder();
    dim_model *model = tiny_model(enc);
    for (int k = 0; k < 2; k++) {
        ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ ROWS - 4 * k, 1, 6, 6 }, &batches[k]));
        float *x = dim_tensor_data(batches[k]);
        for (int64_t i = 0; i < dim_tensor_count(batches[k]); i++)
            x[i] = (float)sin(0.37 * (double)(i * i % 211));
    }
    run(model, batches, WARM, true);
    uint64_t allocations = dim_context_allocations(ctx);
    size_t memory = dim_context_memory(ctx);
    long before = resident(), faults_before = faults();
    run(model, batches, steps, true);
    assert_int_equal(dim_context_allocations(ctx), allocations);
    assert_int_equal(dim_context_memory(ctx), memory);
    if (!SANITIZED && resident() > before + SLACK)
        fail_msg("%d steps: resident memory grew from %ld to %ld bytes", steps, before, resident());
    if (!SANITIZED && faults() - faults_before > SLACK / 4096)
        fail_msg("%d steps: %ld page faults", steps, faults() - faults_before);
    for (int k = 0; k < 2; k++)
        dim_tensor_destroy(batches[k]);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
}

static void ten_thousand_steps(void **state)
{
    (void)state;
    steady(1, DIM_GEMM_AUTO, STEPS);
}

static void with_threads(void **state)
{
    (void)state;
    steady(2, DIM_GEMM_AUTO, STEPS / 10);
}

static void with_the_cblas(void **state)
{
    (void)state;
    steady(1, DIM_GEMM_BLAS, STEPS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_steps),
        cmocka_unit_test(with_threads),
        cmocka_unit_test(with_the_cblas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
