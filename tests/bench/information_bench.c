/* What mutual information costs: one job on one data set, timed several times; compare_information runs it beside peers.
 *
 * A line of JSON: least processor and wall time of a call in seconds, the value, and the peak of the process.  Times are of
 * everything from the caller's columns to the value. */
#include "information/information.h"
#include "information/kraskov.h"

#include "base/rng.h"
#include "tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static uint32_t threads, permutations, steps;
static int64_t rows = 10000, columns = 1;
static int repeats = 3;
static const char *save;

typedef struct job {
    const char *name, *what;
    double (*run)(dim_context *ctx, const dim_information_data *data);
    bool twisted, one;  /* y has one column */
    int64_t least, most; /* columns */
} job;

static void need(bool there)
{
    if (there)
        return;
    fprintf(stderr, "information_bench: no memory\n");
    exit(1);
}

/* Columns first and first + 1 turned in their plane by the squared length of the row over its columns. */
static void twist(double *row, int64_t first)
{
    double square = 0, u = row[first], v = row[first + 1];
    for (int64_t j = 0; j < columns; j++)
        square += row[j] * row[j];
    row[first] = u * cos(square / (double)columns) - v * sin(square / (double)columns);
    row[first + 1] = u * sin(square / (double)columns) + v * cos(square / (double)columns);
}

/* Standard normals, as doubles that no two rows share; each column of y, which has all or the first one alone, has a correlation of
 * 0.75 with its column of x.  Twisted: 0.8, and the first two columns alone (1.022 nats), which correlations then do not show. */
static void make_data(dim_context *ctx, const job *j, dim_tensor **x, dim_tensor **y)
{
    int64_t shape[2] = { rows, columns }, of_y[2] = { rows, j->one ? 1 : columns }, count = rows * columns;
    float *normal = malloc((size_t)columns * 3 * sizeof *normal);
    check(ctx, dim_tensor_create(ctx, DIM_F64, 2, shape, x));
    check(ctx, dim_tensor_create(ctx, DIM_F64, 2, of_y, y));
    need(normal != NULL);
    double *to_x = dim_tensor_data(*x), *to_y = dim_tensor_data(*y);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 0; k < 3; k++)
            dim__rng_normal(normal + k * columns, columns, 1, 1, k * count + i * columns);
        for (int64_t k = 0; k < columns; k++) {
            double rho = !j->twisted ? 0.75 : k < 2 ? 0.8 : 0, *out = to_x + i * columns + k;
            *out = (double)normal[k] + 1e-7 * (double)normal[2 * columns + k];
            if (k < of_y[1])
                to_y[i * of_y[1] + k] = rho * *out + sqrt(1 - rho * rho) * (double)normal[columns + k];
        }
    }
    for (int64_t i = 0; i < rows && j->twisted; i++) {
        twist(to_x + i * columns, 0);
        twist(to_y + i * columns, 1);
    }
    free(normal);
}

/* ---- jobs ------------------------------------------------------------------------------------------------------------ */

/* The whole call: value, interval, candidates' checks, and the p-value where permutations are asked for. */
static double whole_call(dim_context *ctx, const dim_information_data *data, dim_information_method method)
{
    dim_information_options o;
    dim_information *info;
    dim_information_result r;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&r);
    o.method = method;
    o.permutations = permutations;
    o.max_steps = steps;
    check(ctx, dim_information_measure(ctx, &o, data, &info));
    check(ctx, dim_information_get_result(info, &r));
    dim_information_destroy(info);
    return r.raw;
}

static double run_knn(dim_context *ctx, const dim_information_data *data) { return whole_call(ctx, data, DIM_INFORMATION_KNN); }
static double run_gauss(dim_context *ctx, const dim_information_data *data) { return whole_call(ctx, data, DIM_INFORMATION_GAUSS); }
static double run_critic(dim_context *ctx, const dim_information_data *data) { return whole_call(ctx, data, DIM_INFORMATION_CRITIC); }

/* What peers compute: one value without an interval, from the same columns by the same parts of the library. */
static double run_estimate(dim_context *ctx, const dim_information_data *data)
{
    dim__mi m = { .ctx = ctx };
    const float *list[DIM__MI_SIDES][64];
    double value;
    int64_t used;
    m.o.seed = 1;
    m.o.method = DIM_INFORMATION_KNN;
    check(ctx, dim__mi_read(&m, data));
    float *scores = malloc((size_t)(m.side[0].d + m.side[1].d) * (size_t)m.n * sizeof *scores), *next = scores;
    double *pointwise = malloc((size_t)m.n * sizeof *pointwise);
    need(scores != NULL && pointwise != NULL);
    dim__kraskov in = { .n = m.n, .k = 3 };
    for (int k = 0; k < 2; k++) {
        in.x[k] = list[k];
        in.d[k] = (int)m.side[k].d;
        for (int64_t j = 0; j < m.side[k].d; j++, next += m.n) {
            list[k][j] = next;
            check(ctx, dim__mi_dithered(&m, &m.side[k], &m.side[k].columns[j], 0, next));
        }
    }
    check(ctx, dim__kraskov_run(ctx, &in, pointwise, &value, &used));
    free(scores);
    free(pointwise);
    dim__mi_free(&m);
    return value;
}

/* Each column with the one of y: values alone; that of the first. */
static double run_matrix(dim_context *ctx, const dim_information_data *data)
{
    int64_t shape[2] = { columns, 1 };
    dim_tensor *value;
    check(ctx, dim_tensor_create(ctx, DIM_F64, 2, shape, &value));
    check(ctx, dim_information_matrix(ctx, NULL, data, value, NULL, NULL, NULL));
    double first = *(const double *)dim_tensor_data(value);
    dim_tensor_destroy(value);
    return first;
}

static const job jobs[] = {
    { "estimate", "nearest neighbours, the value alone", run_estimate, false, false, 1, 64 },
    { "knn", "nearest neighbours with the interval", run_knn, false, false, 1, 64 },
    { "gauss", "Gaussian copula with the interval", run_gauss, false, false, 1, 64 },
    { "critic", "critics: three wide, three narrow, three of half the rows, twisted", run_critic, true, false, 3, 64 },
    { "matrix", "each column with one of y, values alone", run_matrix, false, true, 1, 100000 },
    { .name = NULL },
};

/* ---- the program ----------------------------------------------------------------------------------------------------- */

static void time_job(const job *j)
{
    dim_context_options co;
    dim_context *ctx;
    dim_information_data data;
    dim_tensor *x, *y;
    char path[4096];
    struct rusage used;
    double wall = INFINITY, cpu = INFINITY, value = NAN;
    DIM_OPTIONS_INIT(&co);
    co.threads = threads;
    check(NULL, dim_context_create(&co, &ctx));
    make_data(ctx, j, &x, &y);
    for (int k = 0; k < 2 && save != NULL; k++) {
        snprintf(path, sizeof path, "%s%c.npy", save, "xy"[k]);
        check(ctx, dim_tensor_save_npy(k == 0 ? x : y, path));
    }
    DIM_OPTIONS_INIT(&data);
    data.x = x;
    data.y = y;
    for (int i = 0; i < repeats; i++) {
        double start = seconds_of(CLOCK_MONOTONIC), before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        value = j->run(ctx, &data);
        wall = fmin(wall, seconds_of(CLOCK_MONOTONIC) - start);
        cpu = fmin(cpu, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - before);
    }
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_context_destroy(ctx);
    getrusage(RUSAGE_SELF, &used);
    printf("{\"job\": \"%s\", \"rows\": %lld, \"columns\": %lld, \"cpu_s\": %.6f, \"wall_s\": %.6f, \"value\": %.17g, \"rss_mb\": %.1f}\n",
           j->name, (long long)rows, (long long)columns, cpu, wall, value, (double)used.ru_maxrss / 1024);
}

static void usage(void)
{
    printf("Usage: information_bench JOB [options]\n"
           "  --rows N          (10000)\n"
           "  --columns D       of each side (1)\n"
           "  --threads N       0 = one a processor (0)\n"
           "  --repeat N        of which the quickest counts (3)\n"
           "  --permutations N  of the whole call, for a p-value (0)\n"
           "  --steps N         of training a critic, at most (0 = the default)\n"
           "  --save PREFIX     writes PREFIXx.npy and PREFIXy.npy, the data, too\n"
           "Jobs:\n");
    for (const job *j = jobs; j->name != NULL; j++)
        printf("  %-17s %s\n", j->name, j->what);
}

/* The argument's number, or the end of the program. */
static int64_t number(const char *name, const char *text, int64_t least, int64_t most)
{
    char *end;
    long long value = text == NULL ? -1 : strtoll(text, &end, 10);
    if (text != NULL && end != text && *end == '\0' && value >= least && value <= most)
        return value;
    fprintf(stderr, "information_bench: %s takes a number from %lld to %lld, not '%s'; see --help\n", name, (long long)least,
            (long long)most, text == NULL ? "" : text);
    exit(2);
}

int main(int argc, char **argv)
{
    const job *chosen = NULL;
    for (int i = 1; i < argc; i += 2) { /* the job, then pairs */
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(name, "--help") == 0)
            return usage(), 0;
        if (i == 1) {
            for (const job *j = jobs; j->name != NULL; j++)
                chosen = strcmp(name, j->name) == 0 ? j : chosen;
            i--;
        } else if (strcmp(name, "--rows") == 0) {
            rows = number(name, value, 30, 100000000);
        } else if (strcmp(name, "--columns") == 0) {
            columns = number(name, value, 1, INT32_MAX);
        } else if (strcmp(name, "--threads") == 0) {
            threads = (uint32_t)number(name, value, 0, 256);
        } else if (strcmp(name, "--repeat") == 0) {
            repeats = (int)number(name, value, 1, 1000);
        } else if (strcmp(name, "--permutations") == 0) {
            permutations = (uint32_t)number(name, value, 0, 1000000);
        } else if (strcmp(name, "--steps") == 0) {
            steps = (uint32_t)number(name, value, 0, 1000000);
        } else if (strcmp(name, "--save") == 0 && value != NULL) {
            save = value;
        } else {
            fprintf(stderr, "information_bench: unknown option %s; see --help\n", name);
            return 2;
        }
    }
    if (chosen == NULL) {
        fprintf(stderr, "information_bench: the first argument is a job; see --help\n");
        return 2;
    }
    if (columns < chosen->least || columns > chosen->most) {
        fprintf(stderr, "information_bench: %s takes %lld to %lld columns, not %lld\n", chosen->name, (long long)chosen->least,
                (long long)chosen->most, (long long)columns);
        return 2;
    }
    time_job(chosen);
    return 0;
}
