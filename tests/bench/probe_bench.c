/* What a probe says of a data set, and what it costs; compare_probes runs it beside peers.
 *
 * A line of JSON: least processor and wall time of a call in seconds, and what the probe found. */
#include "tools.h"

#include <math.h>
#include <string.h>

typedef struct job {
    const char *name, *what;
    dim_probe_kind kind;
    int neighbors; /* finds them, and classifies nothing */
} job;

static const job jobs[] = {
    { "svm", "support vector machines", DIM_PROBE_SVM, 0 },
    { "mlp", "the MLP", DIM_PROBE_MLP, 0 },
    { "linear", "linear softmax", DIM_PROBE_LINEAR, 0 },
    { "ridge", "ridge", DIM_PROBE_RIDGE, 0 },
    { "knn", "the 20 nearest by Euclidean distance", DIM_PROBE_KNN_EUCLIDEAN, 1 },
    { NULL, NULL, DIM_PROBE_KNN_COSINE, 0 },
};
enum { NEIGHBORS = 20, FILES = 4 };
static const char *const files[FILES] = { "train", "train_labels", "test", "test_labels" };

static dim_tensor *read_file(dim_context *ctx, const char *prefix, const char *name)
{
    char path[4096];
    dim_tensor *t;
    snprintf(path, sizeof path, "%s%s.npy", prefix, name);
    check(ctx, dim_tensor_load_npy(ctx, path, &t));
    return t;
}

static void run_job(const job *j, const char *prefix, uint32_t threads, int repeats, const dim_probe_options *o)
{
    dim_context_options co;
    dim_context *ctx;
    dim_tensor *t[FILES], *found = NULL;
    dim_probe_result r;
    double wall = INFINITY, cpu = INFINITY;
    DIM_OPTIONS_INIT(&co);
    DIM_OPTIONS_INIT(&r);
    co.threads = threads;
    check(NULL, dim_context_create(&co, &ctx));
    for (int i = 0; i < FILES; i++)
        t[i] = read_file(ctx, prefix, files[i]);
    if (j->neighbors)
        check(ctx, dim_tensor_create(ctx, DIM_I64, 2, (const int64_t[]){ dim_tensor_size(t[2], 0), NEIGHBORS }, &found));
    for (int i = 0; i < repeats; i++) {
        double start = seconds_of(CLOCK_MONOTONIC), before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        check(ctx, j->neighbors ? dim_probe_neighbors(ctx, j->kind, t[2], t[0], found)
                                : dim_probe_run(ctx, o, t[0], t[1], t[2], t[3], &r));
        wall = fmin(wall, seconds_of(CLOCK_MONOTONIC) - start);
        cpu = fmin(cpu, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - before);
    }
    for (int i = 0; i < FILES; i++)
        dim_tensor_destroy(t[i]);
    dim_tensor_destroy(found);
    dim_context_destroy(ctx);
    printf("{\"job\": \"%s\", \"cpu_s\": %.6f, \"wall_s\": %.6f, \"accuracy\": %.9g, \"std\": %.9g, \"train\": %.9g, "
           "\"validation\": %.9g, \"chosen\": %.9g, \"lambda\": %.9g, \"converged\": %u, \"edge\": %u}\n",
           j->name, cpu, wall, r.accuracy, r.accuracy_std, r.train_accuracy, r.validation_accuracy, r.chosen, r.lambda,
           (unsigned)r.converged, (unsigned)r.edge);
}

static void usage(void)
{
    printf("Usage: probe_bench JOB PREFIX [options]\n"
           "Reads PREFIXtrain.npy, PREFIXtrain_labels.npy, PREFIXtest.npy and PREFIXtest_labels.npy.\n"
           "  --threads N     0 = one a processor (0)\n"
           "  --repeat N      of which the quickest counts (1)\n"
           "  --epochs N, --batch N, --runs N, --seed N, --lr X, --lambda X, --validation X: the probe's options\n"
           "Jobs:\n");
    for (const job *j = jobs; j->name != NULL; j++)
        printf("  %-8s %s\n", j->name, j->what);
}

/* The argument's number, or the end of the program. */
static double number(const char *name, const char *text)
{
    char *end;
    double value = text == NULL ? -1 : strtod(text, &end);
    if (text != NULL && end != text && *end == '\0' && value >= 0 && value < 4e9)
        return value;
    fprintf(stderr, "probe_bench: %s takes a number from 0 to 4e9, not '%s'; see --help\n", name, text == NULL ? "" : text);
    exit(2);
}

int main(int argc, char **argv)
{
    const job *chosen = NULL;
    uint32_t threads = 0;
    int repeats = 1;
    dim_probe_options o;
    DIM_OPTIONS_INIT(&o);
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(), 0;
    for (const job *j = jobs; argc > 1 && j->name != NULL; j++)
        chosen = strcmp(argv[1], j->name) == 0 ? j : chosen;
    if (chosen == NULL || argc < 3) {
        fprintf(stderr, "probe_bench: the first arguments are a job and a prefix; see --help\n");
        return 2;
    }
    o.kind = chosen->kind;
    for (int i = 3; i < argc; i += 2) {
        const char *name = argv[i];
        double value = number(name, argv[i + 1]);
        if (strcmp(name, "--threads") == 0)
            threads = (uint32_t)value;
        else if (strcmp(name, "--repeat") == 0)
            repeats = value < 1 ? 1 : (int)value;
        else if (strcmp(name, "--epochs") == 0)
            o.epochs = (uint32_t)value;
        else if (strcmp(name, "--batch") == 0)
            o.batch = (uint32_t)value;
        else if (strcmp(name, "--runs") == 0)
            o.runs = (uint32_t)value;
        else if (strcmp(name, "--seed") == 0)
            o.seed = (uint64_t)value;
        else if (strcmp(name, "--lr") == 0)
            o.lr = (float)value;
        else if (strcmp(name, "--lambda") == 0)
            o.lambda = (float)value;
        else if (strcmp(name, "--validation") == 0)
            o.validation = (float)value;
        else {
            fprintf(stderr, "probe_bench: unknown option %s; see --help\n", name);
            return 2;
        }
    }
    run_job(chosen, argv[2], threads, repeats, &o);
    return 0;
}
