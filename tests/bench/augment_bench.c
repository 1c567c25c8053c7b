/* Views a second of processor time of each preset, and what preparing them costs a training that runs meanwhile: the wait for
 * each batch, and the time of a step beside that of the same step on a batch that is there already.  One JSON object a
 * line. */
#include "tools.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES = 512, BATCH = 64, VIEWS = 2 };

/* Of this process' threads: what other programs do is not counted. */
static double processor(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static dim_context *context(uint32_t threads)
{
    dim_context_options o;
    dim_context *ctx;
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    check(NULL, dim_context_create(&o, &ctx));
    return ctx;
}

/* Smooth colours with noise: what the operations cost does not hang on it. */
static dim_tensor *pictures(dim_context *ctx, int64_t n, int64_t side)
{
    dim_tensor *t;
    const int64_t shape[4] = { n, 3, side, side };
    uint32_t noise = 1;
    check(ctx, dim_tensor_create(ctx, DIM_U8, 4, shape, &t));
    for (int64_t i = 0; i < dim_tensor_count(t); i++) {
        noise = noise * 1664525u + 1013904223u;
        ((uint8_t *)dim_tensor_data(t))[i] = (uint8_t)((i % side * 200 / side) + (noise >> 27));
    }
    return t;
}

static dim_augment *augment(dim_context *ctx, dim_augment_preset preset)
{
    dim_augment_options o;
    dim_augment *aug;
    DIM_OPTIONS_INIT(&o);
    o.preset = preset;
    check(ctx, dim_augment_create(ctx, &o, &aug));
    return aug;
}

static void throughput(const char *name, dim_augment_preset preset, int64_t side, double seconds)
{
    dim_context *ctx = context(1);
    dim_augment *aug = augment(ctx, preset);
    dim_augment_apply_options o;
    dim_tensor *images = pictures(ctx, BATCH, side), *out;
    int64_t shape[4], in[3] = { 3, side, side }, made = 0;
    DIM_OPTIONS_INIT(&o);
    check(ctx, dim_augment_shape(aug, in, shape + 1));
    shape[0] = BATCH;
    check(ctx, dim_tensor_create(ctx, DIM_F32, 4, shape, &out));
    double begin = processor();
    for (; processor() - begin < seconds; o.epoch++, made += BATCH)
        check(ctx, dim_augment_apply(aug, images, &o, out));
    printf("{\"preset\": \"%s\", \"side\": %d, \"views_per_s\": %.0f, \"us_per_view\": %.1f}\n", name, (int)side,
           (double)made / (processor() - begin), 1e6 * (processor() - begin) / (double)made);
    dim_tensor_destroy(images);
    dim_tensor_destroy(out);
    dim_augment_destroy(aug);
    dim_context_destroy(ctx);
}

static dim_model *local_dim(dim_context *ctx)
{
    dim_encoder *enc;
    dim_model *model;
    dim_term_options term;
    DIM_OPTIONS_INIT(&term);
    term.units = 512;
    check(ctx, dim_encoder_create(ctx, NULL, &enc));
    check(ctx, dim_model_create(enc, NULL, &model));
    check(ctx, dim_model_add_term(model, &term));
    dim_encoder_destroy(enc);
    return model;
}

/* Local DIM on 128 views a step: batches from a loader, against one batch that stays. */
static void overlap(double seconds, uint32_t threads, uint32_t workers)
{
    dim_context *ctx = context(threads);
    dim_augment *aug = augment(ctx, DIM_AUGMENT_AMDIM32);
    dim_tensor *images = pictures(ctx, SAMPLES, 32), *batch;
    dim_model *model = local_dim(ctx);
    dim_loader_options o;
    dim_dataset *data;
    dim_loader *loader;
    double wait = 0, longest = 0;
    int steps = 0, alone = 0;
    DIM_OPTIONS_INIT(&o);
    o.batch = BATCH;
    o.augment = aug;
    o.views = VIEWS;
    o.workers = workers;
    check(ctx, dim_dataset_from_tensors(ctx, images, NULL, &data));
    check(ctx, dim_loader_create(data, &o, &loader));
    check(ctx, dim_loader_next(loader, &batch, NULL));
    check(ctx, dim_model_step(model, batch)); /* compiles */
    double begin = seconds_of(CLOCK_MONOTONIC);
    for (; seconds_of(CLOCK_MONOTONIC) - begin < seconds; steps++) {
        double asked = seconds_of(CLOCK_MONOTONIC);
        check(ctx, dim_loader_next(loader, &batch, NULL));
        double waited = seconds_of(CLOCK_MONOTONIC) - asked;
        wait += waited;
        longest = waited > longest ? waited : longest;
        check(ctx, dim_model_step(model, batch));
    }
    double with = (seconds_of(CLOCK_MONOTONIC) - begin) / steps;
    struct timespec pause = { 0, 50000000 }; /* until the workers have nothing to do */
    nanosleep(&pause, NULL);
    for (begin = seconds_of(CLOCK_MONOTONIC); seconds_of(CLOCK_MONOTONIC) - begin < seconds; alone++)
        check(ctx, dim_model_step(model, batch));
    printf("{\"overlap\": \"local DIM, %d views a step\", \"threads\": %u, \"workers\": %u, \"step_ms\": %.2f, "
           "\"wait_ms\": %.3f, \"longest_wait_ms\": %.3f, \"step_without_loader_ms\": %.2f}\n", BATCH * VIEWS, threads,
           workers, 1e3 * with, 1e3 * wait / steps, 1e3 * longest, 1e3 * (seconds_of(CLOCK_MONOTONIC) - begin) / alone);
    dim_loader_destroy(loader);
    dim_dataset_destroy(data);
    dim_model_destroy(model);
    dim_tensor_destroy(images);
    dim_augment_destroy(aug);
    dim_context_destroy(ctx);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 0.5;
    int threads = argc > 2 ? atoi(argv[2]) : 2;
    if (argc > 3 || !(seconds > 0) || threads < 1 || threads > 256) {
        bool asked = argc > 1 && strcmp(argv[1], "--help") == 0;
        fputs("Usage: augment_bench [SECONDS for each measurement (0.5)] [THREADS of the training, 1 to 256 (2)]\n",
              asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    throughput("amdim32", DIM_AUGMENT_AMDIM32, 32, seconds);
    throughput("amdim32 test", DIM_AUGMENT_AMDIM32_TEST, 32, seconds);
    throughput("amdim64", DIM_AUGMENT_AMDIM64, 96, seconds);
    throughput("amdim128", DIM_AUGMENT_AMDIM128, 256, seconds);
    for (uint32_t workers = 1; workers <= 2; workers++)
        overlap(seconds, (uint32_t)threads, workers);
    return 0;
}
