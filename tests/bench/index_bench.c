/* What an index costs: searches for queries of several numbers at once, timed several times; compare_index runs it beside peers.
 *
 * A line of JSON: least processor and wall time in seconds of a search for all queries, `batch` at a time, in an index that has seen
 * one search; the same of dim_probe_nearest(), which prepares the rows each time; and the sum of all distances. */
#define DIM_EXPERIMENTAL
#include "tools.h"

#include <dim/index.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct settings {
    int64_t rows, features, queries, batch, k, repeats, threads, cosine, loop;
    const char *save;
} settings;

typedef struct task {
    dim_context *ctx;
    const settings *s;
    dim_index *index;
    dim_tensor *rows, **queries, **indices, **distances; /* in batches */
} task;

static uint64_t state = 1;

/* Sums of 4 uniform numbers: near enough to normal ones. */
static dim_tensor *make(dim_context *ctx, int64_t n, int64_t d)
{
    dim_tensor *t = NULL;
    check(ctx, dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ n, d }, &t));
    float *x = dim_tensor_data(t);
    for (int64_t i = 0; i < n * d; i++) {
        float sum = -2;
        for (int k = 0; k < 4; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            sum += (float)(state >> 40) / (float)(1 << 24);
        }
        x[i] = sum;
    }
    return t;
}

static void search(const task *t, bool by_index)
{
    for (int64_t i = 0; i * t->s->batch < t->s->queries; i++)
        if (by_index)
            check(t->ctx, dim_index_search(t->index, t->queries[i], t->indices[i], t->distances[i]));
        else
            check(t->ctx, dim_probe_nearest(t->ctx, dim_index_kind(t->index), t->queries[i], t->rows, t->indices[i], t->distances[i]));
}

static void time_search(const task *t, bool by_index, double *cpu, double *wall)
{
    *cpu = *wall = INFINITY;
    for (int64_t i = 0; i < t->s->repeats; i++) {
        double start = seconds_of(CLOCK_MONOTONIC), before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        search(t, by_index);
        *wall = fmin(*wall, seconds_of(CLOCK_MONOTONIC) - start);
        *cpu = fmin(*cpu, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - before);
    }
}

static dim_tensor **list_of(int64_t n)
{
    dim_tensor **list = calloc((size_t)n, sizeof *list);
    if (list == NULL)
        exit(1);
    return list;
}

static void cut_queries(task *t, dim_tensor *queries)
{
    const settings *s = t->s;
    int64_t batches = (s->queries + s->batch - 1) / s->batch;
    t->queries = list_of(batches);
    t->indices = list_of(batches);
    t->distances = list_of(batches);
    for (int64_t i = 0; i < batches; i++) {
        int64_t end = (i + 1) * s->batch < s->queries ? (i + 1) * s->batch : s->queries, shape[2] = { end - i * s->batch, s->k };
        check(t->ctx, dim_tensor_slice(queries, 0, i * s->batch, shape[0], 1, &t->queries[i]));
        check(t->ctx, dim_tensor_create(t->ctx, DIM_I64, 2, shape, &t->indices[i]));
        check(t->ctx, dim_tensor_create(t->ctx, DIM_F64, 2, shape, &t->distances[i]));
    }
}

/* Of all distances; releases the batches. */
static double sum_and_release(task *t)
{
    double sum = 0;
    for (int64_t i = 0; i * t->s->batch < t->s->queries; i++) {
        const double *far = dim_tensor_const_data(t->distances[i]);
        for (int64_t j = 0; j < dim_tensor_count(t->distances[i]); j++)
            sum += far[j];
        dim_tensor_destroy(t->queries[i]);
        dim_tensor_destroy(t->indices[i]);
        dim_tensor_destroy(t->distances[i]);
    }
    free(t->queries);
    free(t->indices);
    free(t->distances);
    return sum;
}

static void save(dim_context *ctx, const settings *s, const char *name, const dim_tensor *t)
{
    char path[4096];
    if (s->save == NULL)
        return;
    snprintf(path, sizeof path, "%s%s.npy", s->save, name);
    check(ctx, dim_tensor_save_npy(t, path));
}

static void run(const settings *s)
{
    dim_context_options co;
    task t = { .s = s };
    double cpu, wall, loop_cpu = 0, loop_wall = 0;
    DIM_OPTIONS_INIT(&co);
    co.threads = (uint32_t)s->threads;
    co.blas_threads = 1;
    check(NULL, dim_context_create(&co, &t.ctx));
    t.rows = make(t.ctx, s->rows, s->features);
    dim_tensor *queries = make(t.ctx, s->queries, s->features);
    save(t.ctx, s, "rows", t.rows);
    save(t.ctx, s, "queries", queries);
    cut_queries(&t, queries);
    check(t.ctx, dim_index_create(t.ctx, s->cosine ? DIM_PROBE_KNN_COSINE : DIM_PROBE_KNN_EUCLIDEAN, s->features, &t.index));
    check(t.ctx, dim_index_add(t.index, t.rows));
    search(&t, true);
    time_search(&t, true, &cpu, &wall);
    if (s->loop)
        time_search(&t, false, &loop_cpu, &loop_wall);
    double sum = sum_and_release(&t);
    printf("{\"cpu_s\": %.6f, \"wall_s\": %.6f, \"loop_cpu_s\": %.6f, \"loop_wall_s\": %.6f, \"sum\": %.9g}\n", cpu, wall, loop_cpu,
           loop_wall, sum);
    dim_tensor_destroy(queries);
    dim_tensor_destroy(t.rows);
    dim_index_destroy(t.index);
    dim_context_destroy(t.ctx);
}

int main(int argc, char **argv)
{
    settings s = { 50000, 64, 1000, 1000, 10, 3, 1, 0, 0, NULL };
    const struct {
        const char *name;
        int64_t *at, least;
    } options[] = { { "--rows", &s.rows, 1 }, { "--features", &s.features, 1 }, { "--queries", &s.queries, 1 }, { "--batch", &s.batch, 1 },
                    { "--k", &s.k, 1 }, { "--repeat", &s.repeats, 1 }, { "--threads", &s.threads, 0 }, { "--cosine", &s.cosine, 0 },
                    { "--loop", &s.loop, 0 } };
    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;
        char *end = NULL;
        while (k < sizeof options / sizeof *options && strcmp(options[k].name, argv[i]) != 0)
            k++;
        if (i + 1 < argc && strcmp(argv[i], "--save") == 0) {
            s.save = argv[i + 1];
            continue;
        }
        if (k < sizeof options / sizeof *options && i + 1 < argc)
            *options[k].at = strtoll(argv[i + 1], &end, 10);
        if (end == NULL || end == argv[i + 1] || *end != '\0' || *options[k].at < options[k].least || *options[k].at > 100000000) {
            fprintf(stderr, "index_bench: options, each with a number: --rows --features --queries --batch --k --repeat --threads "
                            "--cosine 0|1 --loop 0|1; --save PREFIX; not %s\n", argv[i]);
            return 2;
        }
    }
    run(&s);
    return 0;
}
