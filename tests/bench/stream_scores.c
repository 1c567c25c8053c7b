/* Peak memory and time of InfoNCE with AMDIM's scaling, penalty and clip, value and gradients, on features of amdim32's
 * 7x7 map in 512 dimensions: scores streamed in blocks beside the whole score tensor.
 *
 * Each measurement is a process of its own, so that its peak is known: "peak" is what the system counts, code and the
 * caller's own features and gradients included. */
#define _DEFAULT_SOURCE /* wait4 */
#include "tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOCATIONS = 49, WIDTH = 512 };

typedef struct measurement {
    double ms, cpu_ms, loss; /* the quickest of the repeats; cpu_ms: of all threads */
} measurement;

static uint32_t threads;
static int repeats = 3;
static double limit_mb; /* 0 = usual */

/* Features with a mean square of 1, cheaply made. */
static dim_tensor *features(dim_context *ctx, int rank, const int64_t *shape, uint32_t seed)
{
    dim_tensor *t;
    check(ctx, dim_tensor_create(ctx, DIM_F32, rank, shape, &t));
    float *x = dim_tensor_data(t);
    for (int64_t i = 0, n = dim_tensor_count(t); seed != 0 && i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)((double)(seed >> 8) / (1 << 24) - 0.5) * 3.4641f;
    }
    return t;
}

static measurement measure(int64_t batch, uint64_t score_memory)
{
    const int64_t g[2] = { batch, WIDTH }, l[3] = { batch, LOCATIONS, WIDTH };
    measurement m = { INFINITY, INFINITY, 0 };
    dim_context_options co;
    dim_estimator_options eo;
    dim_context *ctx;
    dim_estimator *est;
    dim_estimate e;
    DIM_OPTIONS_INIT(&co);
    co.threads = threads;
    co.blas_threads = 1;
    check(NULL, dim_context_create(&co, &ctx));
    DIM_OPTIONS_INIT(&eo);
    eo.kind = DIM_ESTIMATOR_INFONCE;
    eo.scale = (float)(1 / sqrt(WIDTH));
    eo.penalty = 0.04f;
    eo.clip = 20;
    eo.score_memory = score_memory;
    check(ctx, dim_estimator_create(ctx, &eo, &est));
    dim_tensor *global = features(ctx, 2, g, 1), *local = features(ctx, 3, l, 2);
    dim_tensor *dg = features(ctx, 2, g, 0), *dl = features(ctx, 3, l, 0);
    DIM_OPTIONS_INIT(&e);
    for (int i = 0; i <= repeats; i++) { /* the first one compiles and touches the memory */
        double start = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        check(ctx, dim_estimator_evaluate(est, global, local, NULL, &e, dg, dl));
        m.ms = i > 0 ? fmin(m.ms, 1e3 * (seconds_of(CLOCK_MONOTONIC) - start)) : m.ms;
        m.cpu_ms = i > 0 ? fmin(m.cpu_ms, 1e3 * (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu)) : m.cpu_ms;
    }
    m.loss = e.loss;
    dim_tensor_destroy(global);
    dim_tensor_destroy(local);
    dim_tensor_destroy(dg);
    dim_tensor_destroy(dl);
    dim_estimator_destroy(est);
    dim_context_destroy(ctx);
    return m;
}

/* In a child; its peak in MB. */
static measurement measure_apart(int64_t batch, uint64_t score_memory, double *peak)
{
    measurement m;
    struct rusage used;
    int ends[2], status;
    if (pipe(ends) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0) {
        m = measure(batch, score_memory);
        _exit(write(ends[1], &m, sizeof m) == sizeof m ? 0 : 1);
    }
    close(ends[1]);
    if (child < 0 || read(ends[0], &m, sizeof m) != sizeof m || wait4(child, &status, 0, &used) != child) {
        fprintf(stderr, "batch %lld failed\n", (long long)batch);
        exit(1);
    }
    close(ends[0]);
    *peak = (double)used.ru_maxrss / 1024;
    return m;
}

static void print(measurement m, double pairs, double peak)
{
    printf(" | %9.1f %9.1f %8.2f %8.0f", m.ms, m.cpu_ms, m.ms * 1e6 / pairs, peak);
}

static void row(int64_t batch)
{
    double pairs = (double)batch * (double)batch * LOCATIONS, peak[2];
    uint64_t limit = pairs < (double)(16 << 20) ? (uint64_t)pairs : 0; /* a quarter; from 64 MB on as usual */
    if (limit_mb > 0)
        limit = (uint64_t)(limit_mb * (1 << 20));
    measurement streamed = measure_apart(batch, limit, &peak[0]), whole = measure_apart(batch, INT64_MAX, &peak[1]);
    printf("%6lld %8.1f %9.1f", (long long)batch, pairs / 1e6, pairs * 4 / (1 << 20));
    print(streamed, pairs, peak[0]);
    print(whole, pairs, peak[1]);
    printf(" | %.1e\n", fabs(streamed.loss - whole.loss));
    fflush(stdout);
}

static const char usage[] =
    "Usage: stream_scores [options] [BATCH...]\n"
    "  --threads N       0 = one a processor (0)\n"
    "  --repeat N        of which the quickest counts (3)\n"
    "  --limit MB        of scores at once; 0 = a quarter of them, from 64 MB on as the library does (0)\n"
    "Batches: 64 128 256 512 1024 when none is given.\n";

/* The argument's number, or the end of the program. */
static double number(const char *name, const char *text, double least, double most)
{
    char *end;
    double value = text == NULL ? -1 : strtod(text, &end);
    if (text != NULL && end != text && *end == '\0' && value >= least && value <= most)
        return value;
    fprintf(stderr, "stream_scores: %s takes a number from %g to %g, not '%s'; see --help\n", name, least, most,
            text == NULL ? "" : text);
    exit(2);
}

int main(int argc, char **argv)
{
    static const int64_t usual[] = { 64, 128, 256, 512, 1024 };
    int first = 1;
    for (; first < argc && strncmp(argv[first], "--", 2) == 0; first += 2)
        if (strcmp(argv[first], "--help") == 0)
            return fputs(usage, stdout), 0;
        else if (strcmp(argv[first], "--threads") == 0)
            threads = (uint32_t)number("--threads", argv[first + 1], 0, 256);
        else if (strcmp(argv[first], "--repeat") == 0)
            repeats = (int)number("--repeat", argv[first + 1], 1, 1000);
        else if (strcmp(argv[first], "--limit") == 0)
            limit_mb = number("--limit", argv[first + 1], 0, 1 << 20);
        else
            return fprintf(stderr, "stream_scores: unknown option %s; see --help\n", argv[first]), 2;
    for (int i = first; i < argc; i++)
        number("a batch", argv[i], 2, 1 << 20);
    printf("InfoNCE, value and gradients: y (N, %d), x (N * %d, %d)\n\n", WIDTH, LOCATIONS, WIDTH);
    printf("                          |               streamed                |                 whole                 |\n");
    printf("     N   Mpairs scores MB |        ms    cpu ms  ns/pair  peak MB |        ms    cpu ms  ns/pair  peak MB |"
           " difference\n");
    for (int i = first; i < argc; i++)
        row(strtoll(argv[i], NULL, 10));
    for (size_t i = 0; first == argc && i < sizeof usual / sizeof *usual; i++)
        row(usual[i]);
    return 0;
}
