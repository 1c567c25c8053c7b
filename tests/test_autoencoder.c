/* The variational autoencoder of the examples, as the program builds it, against PyTorch in double: both losses, and what is
 * minimised, over 20 steps.  PyTorch reads the noise that libdim draws (fixtures/make_autoencoder.py). */
#include "base/rng.h"
#include "ops/ops.h"
#include "train/objective.h"

#define main autoencoder_main
#include "../examples/autoencoder.c"
#undef main
#include "hashed.h"
#include "objective_tests.h"

#include <math.h>

enum { STEPS = 20, BATCHES = 4, N = 8, SIDE = 28, UNITS = 16, SEED = 1 };

/* Relative to 1 + |loss|.  PyTorch's own float32 run is off by 2e-7; a noise of other numbers, by 1e-2 in the first step. */
static const double TOLERANCE = 1e-6;

typedef struct expected { /* of a step */
    double error, kl, loss, first, last; /* first and last number of the noise */
} expected;

static dim_objective *objective_here(void)
{
    ex_run run = { .program = &program, .ctx = ctx, .shape = { 1, SIDE, SIDE },
                   .o = { .units = UNITS, .prior_weight = 0.25f, .lr = 1e-3f } };
    return build_objective(&run);
}

static int load(expected list[STEPS])
{
    FILE *f = fopen(DIM_TEST_DATA "/autoencoder.txt", "r");
    int n = 0;
    assert_non_null(f);
    for (expected e; fscanf(f, "%lf %lf %lf %lf %lf", &e.error, &e.kl, &e.loss, &e.first, &e.last) == 5; n++)
        if (n < STEPS)
            list[n] = e;
    fclose(f);
    return n;
}

static void set_weights(dim_objective *obj)
{
    for (int i = 0; i < dim_objective_parameter_count(obj); i++) {
        char name[64];
        dim_tensor *t;
        snprintf(name, sizeof name, "%s", dim_objective_parameter_name(obj, i));
        ok(dim_objective_get_parameter(obj, name, &t));
        int64_t n = dim_tensor_count(t);
        double scale = dim_tensor_rank(t) == 1 ? 0.1 : 1.7 / sqrt((double)(n / dim_tensor_size(t, 0)));
        for (int64_t k = 0; k < n; k++)
            ((float *)dim_tensor_data(t))[k] = (float)(scale * hashed((uint32_t)k, fnv(name)));
        ok(dim_objective_set_parameter(obj, name, t));
        dim_tensor_destroy(t);
    }
}

static void set_images(dim_objective *obj, int step)
{
    static const int shift[4] = { 20, 60, 100, 140 };
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ N, 1, SIDE, SIDE }, &t));
    uint8_t *x = dim_tensor_data(t);
    for (int i = 0; i < N * SIDE * SIDE; i++)
        x[i] = (uint8_t)((int)((hashed((uint32_t)i, (uint32_t)(step % BATCHES)) + 1) * 128) / 4 + shift[i / (SIDE * SIDE) % 4]);
    set_input(obj, "images", t);
}

static void compare(const char *what, int step, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
        fail_msg("step %d: %s is %.9g, PyTorch's %.9g", step, what, got, want);
}

/* The fixture's noise is what the step's only node that draws has drawn: else all else differs for no other reason. */
static void compare_noise(dim_objective *obj, int step, const expected *want)
{
    const dim__graph *g = dim__program_graph(obj->programs.list[0].program);
    float noise[N * UNITS];
    int nodes = 0;
    for (int64_t i = 0; i < g->n_nodes; i++)
        if ((g->nodes[i].op->flags & DIM__OP_RANDOM) != 0) {
            dim__rng_normal(noise, N * UNITS, dim__mix(SEED, (uint64_t)step), g->nodes[i].stream, 0);
            nodes++;
        }
    assert_int_equal(nodes, 1);
    compare("first of the noise", step, (double)noise[0], want->first, 1e-7);
    compare("last of the noise", step, (double)noise[N * UNITS - 1], want->last, 1e-7);
}

static void compare_curve(dim_context_options options)
{
    expected want[STEPS];
    assert_int_equal(load(want), STEPS);
    options.size = sizeof options;
    options.seed = SEED;
    ok(dim_context_create(&options, &ctx));
    dim_objective *obj = objective_here();
    set_weights(obj);
    for (int step = 0; step < STEPS; step++) {
        set_images(obj, step);
        ok(dim_objective_step(obj));
        compare_noise(obj, step, &want[step]);
        compare("error", step, report(obj, "error"), want[step].error, TOLERANCE);
        compare("kl", step, report(obj, "kl"), want[step].kl, TOLERANCE);
        compare("all.loss", step, report(obj, "all.loss"), want[step].loss, TOLERANCE);
    }
    dim_objective_destroy(obj);
    dim_context_destroy(ctx);
}

static void test_planned(void **state)
{
    (void)state;
    compare_curve((dim_context_options){ .threads = 1 });
    compare_curve((dim_context_options){ .threads = 2, .blas_threads = 1 });
    compare_curve((dim_context_options){ .threads = 1, .disabled_passes = 127 });
}

static void test_reference(void **state)
{
    (void)state;
    compare_curve((dim_context_options){ .threads = 1, .executor = DIM_EXECUTOR_REFERENCE, .cpu = DIM_CPU_REFERENCE,
                                         .gemm = DIM_GEMM_REFERENCE });
}

/* Images of drawn codes come out of the decoder that reconstructs: given as a code, an image's mean becomes its
 * reconstruction. */
static void test_samples(void **state)
{
    const int64_t shape[4] = { N, 1, SIDE, SIDE }, codes[2] = { N, UNITS };
    (void)state;
    ok(dim_context_create(&(dim_context_options){ .size = sizeof(dim_context_options), .threads = 1, .seed = SEED }, &ctx));
    dim_objective *obj = objective_here();
    dim_tensor *mean = f32_tensor(2, codes, NULL), *again = f32_tensor(4, shape, NULL), *drawn = f32_tensor(4, shape, NULL);
    set_images(obj, 0);
    ok(dim_objective_step(obj));
    ok(dim_objective_compute(obj, "encoder.mean", mean));
    ok(dim_objective_compute(obj, "decoder", again));
    ok(dim_objective_compute(obj, "samples", drawn));
    const size_t bytes = (size_t)dim_tensor_count(again) * sizeof(float);
    assert_memory_not_equal(dim_tensor_data(drawn), dim_tensor_data(again), bytes);
    ok(dim_objective_set(obj, "noise", mean));
    ok(dim_objective_compute(obj, "samples", drawn));
    assert_memory_equal(dim_tensor_data(drawn), dim_tensor_data(again), bytes);
    dim_tensor_destroy(mean);
    dim_tensor_destroy(again);
    dim_tensor_destroy(drawn);
    dim_objective_destroy(obj);
    dim_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planned), cmocka_unit_test(test_reference), cmocka_unit_test(test_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
