/* exit() with models about: in handlers that it calls after it has destroyed what oneDNN keeps for the process, and while
 * another thread trains.  Each is a child of its own. */
#include <dim/dim.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* LeakSanitizer breaks down when it looks for leaks while other threads go on; this process is to end just so. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

enum { BATCH = 64, FEATURES = 256, LATE = 40, BAD = 41 };

static dim_context *ctx;
static dim_model *model;
static dim_tensor *x;

static dim_status make(dim_gemm gemm)
{
    const int64_t shape[2] = { BATCH, FEATURES };
    dim_context_options o;
    dim_encoder_options eo;
    dim_term_options to;
    dim_encoder *enc = NULL;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&eo);
    DIM_OPTIONS_INIT(&to);
    o.gemm = gemm;
    o.threads = 2;
    o.blas_threads = 1;
    eo.kind = DIM_ENCODER_MLP;
    eo.channels = FEATURES;
    eo.hidden[0] = 256;
    eo.units = 64;
    to.x = "fc";
    to.units = 128;
    dim_status status = dim_context_create(&o, &ctx);
    if (status == DIM_OK)
        status = dim_encoder_create(ctx, &eo, &enc);
    if (status == DIM_OK)
        status = dim_model_create(enc, NULL, &model);
    if (status == DIM_OK)
        status = dim_model_add_term(model, &to);
    if (status == DIM_OK)
        status = dim_tensor_create(ctx, DIM_F32, 2, shape, &x);
    dim_encoder_destroy(enc);
    for (int i = 0; status == DIM_OK && i < BATCH * FEATURES; i++)
        ((float *)dim_tensor_data(x))[i] = (float)(i * 31 % 101) / 101;
    return status == DIM_OK ? dim_model_step(model, x) : status;
}

/* The last word of a child: its code says that all of this was possible. */
static void step_and_destroy(void)
{
    bool fine = dim_model_step(model, x) == DIM_OK;
    dim_tensor_destroy(x);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
    _exit(fine ? LATE : BAD);
}

/* Registered before there is a context, so that it runs after what oneDNN registers. */
static int in_handler(dim_gemm gemm)
{
    if (atexit(step_and_destroy) != 0 || make(gemm) != DIM_OK)
        _exit(BAD);
    return 0;
}

static void *train(void *started)
{
    for (*(volatile sig_atomic_t *)started = 1; dim_model_step(model, x) == DIM_OK;)
        continue;
    _exit(BAD);
}

static int while_training(dim_gemm gemm)
{
    static volatile sig_atomic_t started;
    const struct timespec moment = { 0, 20000000 };
    pthread_t id;
    if (make(gemm) != DIM_OK || pthread_create(&id, NULL, train, (void *)&started) != 0)
        _exit(BAD);
    while (!started)
        nanosleep(&moment, NULL);
    nanosleep(&moment, NULL);
    return 0;
}

/* What a child's exit code is that calls exit() with what `prepare` returns. */
static int exit_of(int (*prepare)(dim_gemm), dim_gemm gemm)
{
    int status = -1;
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        signal(SIGSEGV, SIG_DFL); /* cmocka's would go on */
        signal(SIGABRT, SIG_DFL);
        alarm(120);
        exit(prepare(gemm));
    }
    assert_int_equal(waitpid(id, &status, 0), id);
    if (WIFSIGNALED(status))
        print_message("signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void handlers(void **state)
{
    static const dim_gemm all[] = { DIM_GEMM_AUTO, DIM_GEMM_BLAS, DIM_GEMM_REFERENCE };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(exit_of(in_handler, all[i]), LATE);
}

/* A race: without the mend, every few times ends by a signal. */
static void other_threads(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(exit_of(while_training, DIM_GEMM_AUTO), 0);
        assert_int_equal(exit_of(while_training, DIM_GEMM_BLAS), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(handlers), cmocka_unit_test(other_threads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
