/* Signals that a program handles on the thread that calls libdim: an interval timer fires all through matrix products. */
#include <dim/dim.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/time.h>

#include <cmocka.h>

/* Products large enough that oneDNN 2.6, unless protected, fails: see lib/kernels/onednn.h. */
enum { N = 400, D = 1200 };

static volatile sig_atomic_t ticks;

static void on_tick(int number)
{
    (void)number;
    ticks++;
}

static void set_timer(int microseconds)
{
    struct itimerval t = { { 0, microseconds }, { 0, microseconds } };
    assert_int_equal(setitimer(ITIMER_REAL, &t, NULL), 0);
}

static double ridge(dim_context *ctx, const dim_tensor *features, const dim_tensor *labels)
{
    dim_probe_options o;
    dim_probe_result result;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&result);
    o.kind = DIM_PROBE_RIDGE;
    o.lambda = 0.1f;
    assert_int_equal(dim_probe_run(ctx, &o, features, labels, features, labels, &result), DIM_OK);
    return result.accuracy;
}

static void same_result_under_a_timer(void **state)
{
    (void)state;
    const int64_t shape[2] = { N, D };
    struct sigaction action;
    dim_context *ctx = NULL;
    dim_context_options o;
    dim_tensor *features = NULL, *labels = NULL;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1; /* the calling thread does everything */
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, 2, shape, &features), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, 1, shape, &labels), DIM_OK);
    srand(1);
    for (int64_t i = 0; i < N * D; i++)
        ((float *)dim_tensor_data(features))[i] = (float)rand() / (float)RAND_MAX;
    for (int32_t i = 0; i < N; i++)
        ((int32_t *)dim_tensor_data(labels))[i] = i % 10;
    double calm = ridge(ctx, features, labels);

    memset(&action, 0, sizeof action);
    action.sa_handler = on_tick;
    action.sa_flags = SA_RESTART;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    set_timer(200);
    for (int i = 0; i < 12; i++)
        assert_true(ridge(ctx, features, labels) == calm);
    set_timer(0);
    assert_true(ticks > 0);

    dim_tensor_destroy(labels);
    dim_tensor_destroy(features);
    dim_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(same_result_under_a_timer) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
