/* 20 steps of objectives and models against PyTorch in double: losses and all parameters in each step or at the end
 * (fixtures/objectives.py).  A test builds them, in `experiments`. */
#ifndef DIM_TESTS_TORCH_TESTS_H
#define DIM_TESTS_TORCH_TESTS_H

#include "objective_tests.h"
#include "records.h"

#include <math.h>

enum { STEPS = 20, BATCHES = 4, N = 8 };

/* Relative to 1 + |value|.  PyTorch itself is off by up to 6e-7 in float32, both in losses and in parameters: a few roundings
 * of 6e-8 a step.  A wrong factor, a player's missing turn or a statistic of the wrong batch is off by 1e-3 and more. */
static const double LOSS_TOLERANCE = 2e-6, VALUE_TOLERANCE = 2e-6;
static const double GRADIENT_TOLERANCE = 1e-7; /* they are below 0.1 */

#ifndef FIXTURE
#error "the test says which file"
#endif
static records fixtures;

static inline int load(void **state)
{
    (void)state;
    return records_load(DIM_TEST_DATA "/" FIXTURE, &fixtures);
}

static inline int unload(void **state)
{
    (void)state;
    records_free(&fixtures);
    return 0;
}

#define LINEAR(...) { .kind = DIM_LAYER_LINEAR, __VA_ARGS__ }
#define CONV(...) { .kind = DIM_LAYER_CONV, __VA_ARGS__ }
#define TRANSPOSED(...) { .kind = DIM_LAYER_CONV_TRANSPOSE, __VA_ARGS__ }
#define BATCH_NORM { .kind = DIM_LAYER_BATCH_NORM }
#define RELU(...) { .kind = DIM_LAYER_RELU, __VA_ARGS__ }
#define LEAKY(...) { .kind = DIM_LAYER_LEAKY_RELU, __VA_ARGS__ }
#define FROM(which) { .kind = DIM_LAYER_FROM, .from = which }
#define CONCAT(which) { .kind = DIM_LAYER_CONCAT, .from = which }

/* ---- experiments ----------------------------------------------------------------------------------------------------- */

typedef struct experiment {
    const char *name;
    void (*build)(dim_objective *obj);
    dim_model *(*model)(void); /* instead of it */
} experiment;

/* The last part of the name of a record "<experiment>/<part>/<last>"; NULL for other records. */
static inline const char *last_part(const record *r, const experiment *e, const char *part)
{
    char prefix[64];
    size_t n = (size_t)snprintf(prefix, sizeof prefix, "%s/%s/", e->name, part);
    return strncmp(r->name, prefix, n) == 0 ? r->name + n : NULL;
}

static inline void set_parameters(dim_objective *obj, const experiment *e)
{
    record r;
    const float *data;
    const char *name;
    int count = 0;
    for (size_t at = 0; (data = records_next(&fixtures, &at, &r)) != NULL;) {
        if ((name = last_part(&r, e, "start")) == NULL)
            continue;
        dim_tensor *t = f32_tensor(r.rank, r.dim, data);
        ok(dim_objective_set_parameter(obj, name, t));
        dim_tensor_destroy(t);
        count++;
    }
    assert_int_equal(count, dim_objective_parameter_count(obj));
}

/* A model gets its images by the step. */
static inline dim_tensor *set_inputs(dim_objective *obj, const experiment *e, int step)
{
    record r;
    const char *data, *name;
    for (size_t at = 0; (data = records_next(&fixtures, &at, &r)) != NULL;) {
        if ((name = last_part(&r, e, "in")) == NULL)
            continue;
        dim_tensor *t;
        size_t bytes = (size_t)record_count(&r) / BATCHES * 4;
        assert_int_equal(r.dim[0], BATCHES * N);
        r.dim[0] = N;
        ok(dim_tensor_create(ctx, r.dtype == RECORD_I32 ? DIM_I32 : DIM_F32, r.rank, r.dim, &t));
        memcpy(dim_tensor_data(t), data + bytes * (size_t)(step % BATCHES), bytes);
        if (e->model != NULL)
            return t;
        set_input(obj, name, t);
    }
    return NULL;
}

static inline void step(dim_objective *obj, dim_model *model, dim_tensor *images)
{
    ok(model != NULL ? dim_model_step(model, images) : dim_objective_step(obj));
    dim_tensor_destroy(images);
}

/* Reports of a model's losses are the model's. */
static inline double reported(const dim_objective *obj, const dim_model *model, const char *name)
{
    double value = 0;
    ok(model != NULL ? dim_model_report(model, name, &value) : dim_objective_report(obj, name, &value));
    return value;
}

static inline void compare_gradients(dim_objective *obj, const experiment *e)
{
    record r;
    const double *want;
    const char *name;
    for (size_t at = 0; (want = (const double *)records_next(&fixtures, &at, &r)) != NULL;) {
        char loss[16];
        if ((name = last_part(&r, e, "gradient")) == NULL)
            continue;
        snprintf(loss, sizeof loss, "%.*s", (int)strcspn(name, "/"), name);
        dim_tensor *t = f32_tensor(r.rank, r.dim, NULL);
        ok(dim_objective_gradient(obj, loss, strchr(name, '/') + 1, t));
        const float *got = dim_tensor_const_data(t);
        for (int64_t i = 0; i < record_count(&r); i++)
            if (!(fabs(got[i] - want[i]) <= GRADIENT_TOLERANCE))
                fail_msg("%s: gradient %s[%d] is %.9g, PyTorch's %.9g", e->name, name, (int)i, (double)got[i], want[i]);
        dim_tensor_destroy(t);
    }
}

static inline void compare_losses(const dim_objective *obj, const dim_model *model, const experiment *e, int at_step)
{
    record r;
    const double *want;
    const char *name;
    for (size_t at = 0; (want = (const double *)records_next(&fixtures, &at, &r)) != NULL;) {
        if ((name = last_part(&r, e, "loss")) == NULL)
            continue;
        double loss = reported(obj, model, name);
        if (!(fabs(loss - want[at_step]) <= LOSS_TOLERANCE * (1 + fabs(want[at_step]))))
            fail_msg("%s step %d: %s is %.9g, PyTorch's %.9g", e->name, at_step, name, loss, want[at_step]);
    }
}

static inline void compare_parameters(dim_objective *obj, const experiment *e)
{
    record r;
    const double *want;
    const char *name;
    for (size_t at = 0; (want = (const double *)records_next(&fixtures, &at, &r)) != NULL;) {
        if ((name = last_part(&r, e, "end")) == NULL)
            continue;
        dim_tensor *t;
        ok(dim_objective_get_parameter(obj, name, &t));
        const float *got = dim_tensor_const_data(t);
        assert_int_equal(dim_tensor_count(t), record_count(&r));
        for (int64_t i = 0; i < record_count(&r); i++)
            if (!(fabs(got[i] - want[i]) <= VALUE_TOLERANCE * (1 + fabs(want[i]))))
                fail_msg("%s: %s[%d] is %.9g, PyTorch's %.9g", e->name, name, (int)i, (double)got[i], want[i]);
        dim_tensor_destroy(t);
    }
}

static inline void compare_experiment(const experiment *e)
{
    dim_model *model = e->model != NULL ? e->model() : NULL;
    dim_objective *obj = model != NULL ? dim_model_objective(model) : objective(1);
    if (model == NULL)
        e->build(obj);
    set_parameters(obj, e);
    for (int i = 0; i < STEPS; i++) {
        dim_tensor *images = set_inputs(obj, e, i);
        if (i == 0)
            compare_gradients(obj, e);
        step(obj, model, images);
        compare_losses(obj, model, e, i);
    }
    compare_parameters(obj, e);
    dim_objective_destroy(obj); /* which leaves a model's alone */
    dim_model_destroy(model);
}

/* ---- all of them, in each context */

static const experiment *experiments;
static size_t n_experiments;

static inline void compare_all(dim_context_options options)
{
    options.size = sizeof options;
    for (size_t i = 0; i < n_experiments; i++) {
        ok(dim_context_create(&options, &ctx));
        compare_experiment(&experiments[i]);
        dim_context_destroy(ctx);
    }
}

static inline void test_planned(void **state)
{
    (void)state;
    in_planned_contexts(compare_all);
}

static inline void test_reference(void **state)
{
    (void)state;
    in_reference_context(compare_all);
}

static inline int compare_experiments(const experiment *list, size_t n)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_planned), cmocka_unit_test(test_reference) };
    experiments = list;
    n_experiments = n;
    return cmocka_run_group_tests(tests, load, unload);
}

#endif
