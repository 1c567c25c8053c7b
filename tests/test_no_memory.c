/* What happens when the process has no memory, whoever asks for it.
 *
 * Where the system's memory ends, a call returns a status whatever the settings are.  That any single allocation may fail, a
 * few bytes of a library's included, holds with the settings that docs/getting-started.md names: the call returns a status,
 * and succeeds the next time.  Each case is a child of its own.
 *
 * "test_no_memory auto" counts instead what becomes of children with oneDNN when single allocations fail. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "failing_malloc.h"

#include <dim/dim.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 12, N = 16, BATCH = 8, CLASSES = 4, UNITS = 8 };

/* How a child ended. */
enum { FINE = 0, STATUS = 10, WRONG = 20, STUCK = 30 };

typedef struct world {
    dim_context *ctx;
    dim_encoder *enc, *read;
    dim_model *model;
    dim_tensor *images, *labels, *features;
    dim_dataset *data;
    dim_loader *loader;
    dim_context_options settings;
    uint32_t width; /* channels of the layers: large ones have oneDNN make code for them */
    long failures; /* calls that had no memory */
    const char *wrong;
} world;

/* A call that has no memory says so, and has it the next time. */
static bool twice(world *w, const char *name, dim_status (*call)(world *))
{
    dim_status status = call(w);
    if (status == DIM_OK)
        return true;
    w->failures++;
    if ((status == DIM_E_NOMEM || status == DIM_E_SYSTEM) && failing_malloc_failed() == 1) /* SYSTEM: no thread */
        status = call(w);
    if (status != DIM_OK)
        w->wrong = name;
    return status == DIM_OK;
}

static dim_status create_context(world *w) { return dim_context_create(&w->settings, &w->ctx); }

static dim_status create_encoder(world *w)
{
    const dim_layer_options layers[] = {
        { .size = sizeof layers[0], .kind = DIM_LAYER_CONV, .out = w->width, .kernel = 3, .padding = 1 },
        { .size = sizeof layers[0], .kind = DIM_LAYER_BATCH_NORM },
        { .size = sizeof layers[0], .kind = DIM_LAYER_RELU },
        { .size = sizeof layers[0], .kind = DIM_LAYER_CONV, .out = w->width, .kernel = 4, .stride = 2 },
        { .size = sizeof layers[0], .kind = DIM_LAYER_RELU, .tap = "local" },
        { .size = sizeof layers[0], .kind = DIM_LAYER_LINEAR, .out = UNITS, .tap = "global" },
    };
    dim_encoder_builder *b = NULL;
    dim_status status = dim_encoder_builder_create(w->ctx, 3, SIDE, SIDE, &b);
    for (size_t i = 0; status == DIM_OK && i < sizeof layers / sizeof *layers; i++)
        status = dim_encoder_builder_add(b, &layers[i]);
    if (status == DIM_OK)
        status = dim_encoder_builder_finish(b, NULL, &w->enc);
    dim_encoder_builder_destroy(b);
    return status;
}

static dim_status create_model(world *w) { return dim_model_create(w->enc, NULL, &w->model); }

static dim_status add_term(world *w)
{
    dim_term_options o;
    DIM_OPTIONS_INIT(&o);
    o.x = "global:local";
    o.critic = DIM_CRITIC_DOT;
    o.units = 2 * w->width;
    return dim_model_add_term(w->model, &o);
}

static dim_status create_images(world *w)
{
    const int64_t shape[4] = { N, 3, SIDE, SIDE };
    return dim_tensor_create(w->ctx, DIM_U8, 4, shape, &w->images);
}

static dim_status create_labels(world *w)
{
    const int64_t shape[1] = { N };
    return dim_tensor_create(w->ctx, DIM_I32, 1, shape, &w->labels);
}

static dim_status create_features(world *w)
{
    const int64_t shape[2] = { N, UNITS };
    return dim_tensor_create(w->ctx, DIM_F32, 2, shape, &w->features);
}

static dim_status create_dataset(world *w)
{
    return dim_dataset_from_tensors(w->ctx, w->images, w->labels, &w->data);
}

static dim_status create_loader(world *w)
{
    dim_loader_options o;
    DIM_OPTIONS_INIT(&o);
    o.batch = BATCH;
    return dim_loader_create(w->data, &o, &w->loader);
}

static dim_status step(world *w)
{
    dim_tensor *batch;
    dim_status status = dim_loader_next(w->loader, &batch, NULL);
    return status != DIM_OK ? status : dim_model_step(w->model, batch);
}

static dim_status encode(world *w)
{
    return dim_encoder_encode(w->enc, w->images, "global", w->features);
}

static dim_status probe(world *w)
{
    dim_probe_options o;
    dim_probe_result result;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&result);
    o.kind = DIM_PROBE_RIDGE;
    return dim_probe_run(w->ctx, &o, w->features, w->labels, w->features, w->labels, &result);
}

static dim_status save(world *w) { return dim_encoder_save(w->enc, "no_memory.safetensors"); }

static dim_status load(world *w) { return dim_encoder_load(w->enc, "no_memory.safetensors"); }
static dim_status open_saved(world *w) { return dim_encoder_open(w->ctx, "no_memory.safetensors", &w->read); }

static void destroy(world *w)
{
    dim_encoder_destroy(w->read);
    dim_loader_destroy(w->loader);
    dim_dataset_destroy(w->data);
    dim_tensor_destroy(w->features);
    dim_tensor_destroy(w->labels);
    dim_tensor_destroy(w->images);
    dim_model_destroy(w->model);
    dim_encoder_destroy(w->enc);
    dim_context_destroy(w->ctx);
}

static const struct {
    const char *name;
    dim_status (*call)(world *);
} calls[] = {
    { "dim_context_create", create_context }, { "dim_encoder_create", create_encoder },
    { "dim_tensor_create", create_images }, { "dim_tensor_create (labels)", create_labels },
    { "dim_tensor_create (features)", create_features }, { "dim_dataset_from_tensors", create_dataset },
    { "dim_loader_create", create_loader }, { "dim_model_create", create_model }, { "dim_model_add_term", add_term },
    { "dim_model_step", step }, { "dim_model_step, the second", step }, { "dim_encoder_encode", encode },
    { "dim_probe_run", probe }, { "dim_encoder_save", save }, { "dim_encoder_load", load },
    { "dim_encoder_open", open_saved },
};

/* In a child: the whole of it, in which allocation `at` fails.  *made: how many there were. */
static int *at_call; /* shared with the children: what they are doing */

static int live(const dim_context_options *settings, long at, bool on, long *made)
{
    world w = { .settings = *settings, .width = settings->gemm == DIM_GEMM_AUTO ? 64 : 8 };
    bool fine = true;
    failing_malloc(at, on);
    for (size_t i = 0; fine && i < sizeof calls / sizeof *calls; i++) {
        *at_call = (int)i;
        fine = twice(&w, calls[i].name, calls[i].call);
        if (calls[i].call == create_images && fine)
            for (int j = 0; j < N * 3 * SIDE * SIDE; j++)
                ((uint8_t *)dim_tensor_data(w.images))[j] = (uint8_t)(j * 2654435761u >> 24);
        if (calls[i].call == create_labels && fine)
            for (int j = 0; j < N; j++)
                ((int32_t *)dim_tensor_data(w.labels))[j] = j % CLASSES;
    }
    if (made != NULL)
        *made = failing_malloc_calls();
    failing_malloc(0, false);
    if (w.wrong != NULL && !on)
        fprintf(stderr, "allocation %ld: %s failed twice, or not for want of memory: %s\n", at, w.wrong,
                dim_context_error(w.ctx));
    destroy(&w);
    return w.wrong != NULL && !on ? WRONG : w.failures > 0 ? STATUS : FINE;
}

/* The stack that a call may need is there before there is a limit, which holds for its growth, too: that would end in SIGSEGV. */
static int grow_stack(void)
{
    volatile char room[256 << 10];
    for (size_t i = 0; i < sizeof room; i += 1024)
        room[i] = 1;
    return room[sizeof room - 1024];
}

/* In a child: the process may have so many bytes more than it has now. */
static int live_within(const dim_context_options *settings, long bytes)
{
    long pages = 0;
    FILE *f = grow_stack() == 1 ? fopen("/proc/self/statm", "r") : NULL;
    if (f == NULL || fscanf(f, "%ld", &pages) != 1)
        return WRONG;
    fclose(f);
    rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)bytes;
    const struct rlimit limit = { most, most };
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return WRONG;
    return live(settings, 0, true, NULL);
}

typedef struct ends {
    long fine, status, wrong, left, aborted, stuck, other;
} ends;

static void in_child(const dim_context_options *settings, long at, bool on, long bytes, ends *e)
{
    int status = -1;
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka's would go on */
        signal(SIGSEGV, SIG_DFL);
        alarm(10);
        _exit(bytes > 0 ? live_within(settings, bytes) : live(settings, at, on, NULL));
    }
    assert_int_equal(waitpid(id, &status, 0), id);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1, number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    e->fine += code == FINE;
    e->status += code == STATUS;
    e->wrong += code == WRONG;
    e->left += code > 0 && code != STATUS && code != WRONG; /* a library's exit() */
    e->aborted += number == SIGABRT;
    e->stuck += number == SIGALRM;
    e->other += number != 0 && number != SIGABRT && number != SIGALRM;
    if (code != FINE && code != STATUS)
        print_message("allocation %ld%s: %s %d in %s()\n", at, on ? " and later" : "", number != 0 ? "signal" : "exit code",
                      number != 0 ? number : code, calls[*at_call].name);
}

/* How many allocations there are when none fails. */
static long count(const dim_context_options *settings)
{
    int pipes[2], status = -1;
    long made = 0;
    assert_int_equal(pipe(pipes), 0);
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(60);
        int code = live(settings, 0, false, &made);
        _exit(write(pipes[1], &made, sizeof made) == sizeof made ? code : WRONG);
    }
    close(pipes[1]);
    assert_int_equal(read(pipes[0], &made, sizeof made), sizeof made);
    close(pipes[0]);
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_int_equal(status, FINE);
    return made;
}

static ends try_all(const char *name, const dim_context_options *settings, bool on, long most)
{
    ends e = { 0 };
    long n = count(settings), step = n / most + 1;
    for (long at = 1; at <= n; at += step)
        in_child(settings, at, on, 0, &e);
    print_message("%s%s: %ld allocations, every %ld. fails: %ld unnoticed, %ld a status, %ld wrong, %ld exit(), %ld abort(), "
                  "%ld stuck, %ld other signals\n", name, on ? ", and all later ones" : "", n, step, e.fine, e.status,
                  e.wrong, e.left, e.aborted, e.stuck, e.other);
    return e;
}

static dim_context_options settings_of(dim_gemm gemm, uint32_t threads)
{
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.gemm = gemm;
    o.threads = threads;
    o.blas_threads = gemm == DIM_GEMM_REFERENCE ? 0 : 1;
    return o;
}

static void keeps(const char *name, dim_gemm gemm, uint32_t threads, long most)
{
    dim_context_options o = settings_of(gemm, threads);
    for (int on = 0; on < 2; on++) {
        ends e = try_all(name, &o, on, most);
        assert_true(e.status > 0);
        assert_int_equal(e.wrong + e.left + e.aborted + e.stuck + e.other, 0);
    }
}

static void reference(void **state)
{
    (void)state;
    keeps("reference", DIM_GEMM_REFERENCE, 1, 100);
}

static void cblas(void **state)
{
    (void)state;
    keeps("CBLAS", DIM_GEMM_BLAS, 2, 500);
}

static long broken(const ends *e) { return e->wrong + e->left + e->aborted + e->stuck + e->other; }

/* With less and less room for addresses. */
static void within(const char *name, dim_gemm gemm)
{
    dim_context_options o = settings_of(gemm, 2);
    ends e = { 0 };
    for (long mb = 0; mb < 600; mb += 5) {
        ends before = e;
        in_child(&o, 0, true, (mb << 20) + 4096, &e);
        if (broken(&e) > broken(&before)) { /* what comes back counts: with oneDNN one of some 2,000 ended by SIGSEGV under load */
            e = before;
            in_child(&o, 0, true, (mb << 20) + 4096, &e);
        }
    }
    print_message("%s within limits: %ld unnoticed, %ld a status, %ld wrong, %ld exit(), %ld abort(), %ld stuck, "
                  "%ld other signals\n", name, e.fine, e.status, e.wrong, e.left, e.aborted, e.stuck, e.other);
    assert_true(e.status > 0 && e.fine > 0);
    assert_int_equal(e.wrong + e.left + e.aborted + e.stuck + e.other, 0);
}

static void limits(void **state)
{
    (void)state;
    within("default", DIM_GEMM_AUTO);
    within("CBLAS", DIM_GEMM_BLAS);
}

int main(int argc, char **argv)
{
    at_call = mmap(NULL, sizeof *at_call, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at_call == MAP_FAILED)
        return 1;
    const struct CMUnitTest tests[] = { cmocka_unit_test(reference), cmocka_unit_test(cblas), cmocka_unit_test(limits) };
#ifdef DIM_BLAS_OPENBLAS
    const size_t count = sizeof tests / sizeof *tests;
#else
    const size_t count = 1; /* BLIS ends the process */
#endif
    if (argc > 1 && strcmp(argv[1], "auto") == 0) {
        dim_context_options o = settings_of(DIM_GEMM_AUTO, 2);
        try_all("oneDNN", &o, false, argc > 2 ? atol(argv[2]) : 100);
        try_all("oneDNN", &o, true, argc > 2 ? atol(argv[2]) : 100);
        return 0;
    }
    return _cmocka_run_group_tests("no memory", tests, count, NULL, NULL);
}
