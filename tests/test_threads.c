/* One context a thread: contexts share nothing, so threads neither race (run it under the thread sanitizer) nor change
 * each other's results. */
#include <dim/dim.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Large enough that products and rows are divided over the threads of a context. */
enum { JOBS = 4, BATCH = 64, FEATURES = 48, STEPS = 4, ITEMS = 192 };

typedef struct job {
    uint32_t threads; /* of its context */
    uint64_t seed;
    dim_status status;
    double loss[STEPS];
    double estimate;
} job;

/* Numbers that need no library to make. */
static void fill(float *x, int n, uint64_t seed)
{
    uint64_t state = seed * 2654435761u + 1;
    for (int i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(state >> 40) * 0x1p-23f - 1;
    }
}

static dim_status train(job *j, dim_context *ctx, dim_dataset *data)
{
    dim_encoder *enc = NULL;
    dim_model *model = NULL;
    dim_loader *loader = NULL;
    dim_encoder_options eo;
    dim_term_options to;
    dim_loader_options lo;
    DIM_OPTIONS_INIT(&eo);
    DIM_OPTIONS_INIT(&to);
    DIM_OPTIONS_INIT(&lo);
    eo.kind = DIM_ENCODER_MLP;
    eo.channels = FEATURES;
    eo.units = 32;
    eo.hidden[0] = 256;
    to.x = "fc";
    to.units = 512;
    lo.batch = BATCH;
    dim_status status = dim_encoder_create(ctx, &eo, &enc);
    if (status == DIM_OK)
        status = dim_model_create(enc, NULL, &model);
    if (status == DIM_OK)
        status = dim_model_add_term(model, &to);
    if (status == DIM_OK)
        status = dim_loader_create(data, &lo, &loader);
    for (int i = 0; status == DIM_OK && i < STEPS; i++) {
        dim_tensor *batch;
        status = dim_loader_next(loader, &batch, NULL);
        if (status == DIM_OK)
            status = dim_model_step(model, batch);
        if (status == DIM_OK)
            status = dim_model_report(model, "loss", &j->loss[i]);
    }
    dim_loader_destroy(loader);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    return status;
}

static dim_status evaluate(job *j, dim_context *ctx, dim_tensor *x)
{
    dim_estimator *est = NULL;
    dim_estimate result;
    dim_estimator_options o;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&result);
    o.kind = DIM_ESTIMATOR_INFONCE;
    dim_status status = dim_estimator_create(ctx, &o, &est);
    if (status == DIM_OK)
        status = dim_estimator_evaluate(est, x, x, NULL, &result, NULL, NULL);
    j->estimate = result.value;
    dim_estimator_destroy(est);
    return status;
}

static void *run(void *arg)
{
    job *j = arg;
    static const int64_t shape[2] = {ITEMS, FEATURES};
    float *x = malloc(sizeof *x * ITEMS * FEATURES);
    dim_context *ctx = NULL;
    dim_tensor *t = NULL;
    dim_dataset *data = NULL;
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.threads = j->threads;
    o.seed = j->seed;
    fill(x, ITEMS * FEATURES, j->seed);
    j->status = dim_context_create(&o, &ctx);
    if (j->status == DIM_OK)
        j->status = dim_tensor_wrap(ctx, DIM_F32, 2, shape, NULL, x, NULL, NULL, &t);
    if (j->status == DIM_OK)
        j->status = dim_dataset_from_tensors(ctx, t, NULL, &data);
    if (j->status == DIM_OK)
        j->status = train(j, ctx, data);
    if (j->status == DIM_OK)
        j->status = evaluate(j, ctx, t);
    if (j->status != DIM_OK)
        print_error("seed %d: %s: %s\n", (int)j->seed, dim_status_name(j->status), dim_context_error(ctx));
    dim_dataset_destroy(data);
    dim_tensor_destroy(t);
    dim_context_destroy(ctx);
    free(x);
    return NULL;
}

static void one_context_a_thread(void **state)
{
    (void)state;
    job alone[JOBS] = {0}, together[JOBS] = {0};
    pthread_t id[JOBS];
    for (int i = 0; i < JOBS; i++) {
        alone[i].threads = 1 + (uint32_t)i % 2;
        alone[i].seed = 1 + (uint64_t)i;
        together[i] = alone[i];
        run(&alone[i]);
        assert_int_equal(alone[i].status, DIM_OK);
    }
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(pthread_create(&id[i], NULL, run, &together[i]), 0);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(pthread_join(id[i], NULL), 0);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(together[i].status, DIM_OK);
        assert_memory_equal(together[i].loss, alone[i].loss, sizeof alone[i].loss); /* the same bits */
        assert_true(together[i].estimate == alone[i].estimate);
        assert_true(alone[i].loss[0] != alone[i].loss[STEPS - 1]);
        assert_true(i == 0 || alone[i].loss[0] != alone[i - 1].loss[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_context_a_thread)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
