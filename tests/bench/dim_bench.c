/* Times one training step, or one encoding pass, of the workloads that libdim is measured on, and prints one JSON
 * object a line: {"workload", "mode", "batch", "median_s", "min_s", "loss", "rss_mb", "page_faults", "allocations"}.
 * rss_mb is the peak of the whole process: run each workload in a process of its own to know its memory.  The last two are
 * those of all timed steps together; a steady step has none. */
#include "bench.h"

#include "base/enums.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_WORKLOADS = 64, MAX_STEPS = 100000 };

typedef struct arguments {
    const workload *list[MAX_WORKLOADS];
    int count;
    int steps, warmup, threads;
    bool profile, shapes;
    dim_gemm gemm;
    uint32_t without; /* passes */
    bool f32, bf16;     /* of modes */
} arguments;

static const char usage[] =
    "Usage: dim_bench [WORKLOAD...] [options]\n"
    "  --modes LIST      f32, bf16 or both, separated by a comma (f32)\n"
    "  --steps N         timed steps (5)\n"
    "  --warmup N        steps before them (2)\n"
    "  --threads N       0 = one a processor (2)\n"
    "  --gemm NAME       auto, blas, onednn or reference (auto)\n"
    "  --without P,...   leave out passes: fuse, accumulate, dead, inplace, stream, recompute, order; again adds more\n"
    "  --profile         time, FLOP/s and bytes/s of each op, on stderr\n"
    "  --shapes          the profile by op and shapes\n"
    "  --list            names of the workloads\n";

static void die(const char *format, const char *what)
{
    fprintf(stderr, "dim_bench: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "\n");
    exit(2);
}

void check(dim_context *ctx, dim_status status)
{
    if (status == DIM_OK)
        return;
    fprintf(stderr, "dim_bench: %s: %s\n", dim_status_name(status), dim_context_error(ctx));
    exit(1);
}

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- one workload ------------------------------------------------------------------------------------------------ */

typedef struct bench {
    const workload *w;
    dim_context *ctx;
    dim_encoder *enc;
    dim_model *model;      /* NULL when only encoding */
    dim_tensor *images, *features;
    dim__programs programs;
    dim__program *program; /* that encodes several taps at once, with its input and first tap; else NULL */
    dim__vid in, out;
} bench;

static dim_tensor *random_batch(dim_context *ctx, const workload *w)
{
    int64_t shape[4] = { w->batch, w->shape[0], w->shape[1], w->shape[2] };
    dim_tensor *t = NULL;
    check(ctx, dim_tensor_create(ctx, DIM_F32, w->shape[1] > 0 ? 4 : 2, shape, &t));
    dim__rng_uniform(dim_tensor_data(t), dim_tensor_count(t), 0, 1, 0);
    return t;
}

/* The public call encodes one tap.  What it does for one, for several: the peer computes them all, too. */
static int emit_taps(void *arg, dim__graph *g, void *notes, dim__aim *aims)
{
    bench *b = arg;
    dim__vid *values = calloc((size_t)b->enc->stack.count, sizeof *values);
    (void)notes;
    (void)aims;
    if (values == NULL)
        die("%s", "out of memory");
    dim__scope net = dim__encoder_scope(b->enc, g, false);
    b->in = dim__graph_input(g, DIM_F32, dim__encoder_input_shape(b->enc, 0, b->w->batch), false);
    dim__encoder_emit(b->enc, &net, &b->in, values);
    for (int i = 0; i < 4 && b->w->taps[i] != NULL; i++) {
        int64_t layer;
        check(b->ctx, dim__encoder_tap(b->enc, b->w->taps[i], &layer));
        dim__graph_keep(g, values[layer]);
        b->out = i == 0 ? values[layer] : b->out;
    }
    free(values);
    return 0;
}

static void compile_taps(bench *b)
{
    dim__compiled *c;
    dim__programs_init(&b->programs, b->ctx, 1);
    check(b->ctx, dim__compile(&b->programs, &(dim__recipe){ .emit = emit_taps, .arg = b }, &c));
    b->program = c->program;
}

static void say_why(void *user, dim_log_level level, const char *message)
{
    (void)user;
    if (level == DIM_LOG_WARNING)
        fprintf(stderr, "dim_bench: %s\n", message);
}

static void set_up(bench *b, const workload *w, dim_precision precision, const arguments *args)
{
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.threads = (uint32_t)args->threads;
    o.blas_threads = 1;
    o.gemm = args->gemm;
    o.disabled_passes = args->without;
    o.precision = precision;
    o.log = say_why;
    *b = (bench){ .w = w };
    if (dim_context_create(&o, &b->ctx) != DIM_OK)
        die("%s", "the context cannot be created with these threads and this gemm");
    b->enc = w->encoder(b->ctx);
    b->images = random_batch(b->ctx, w);
    if (w->lr > 0) {
        dim_optimizer_options adam;
        DIM_OPTIONS_INIT(&adam);
        adam.lr = w->lr;
        dim_model_options m;
        DIM_OPTIONS_INIT(&m);
        m.views = w->views;
        check(b->ctx, dim_model_create(b->enc, &m, &b->model));
        w->objective(b->ctx, b->model, w);
        check(b->ctx, dim_model_set_optimizer(b->model, &adam));
    } else if (w->taps[0] != NULL) {
        compile_taps(b);
    } else {
        int64_t shape[3];
        check(b->ctx, dim_encoder_tap_shape(b->enc, "global", shape));
        check(b->ctx, dim_tensor_create(b->ctx, DIM_F32, 2, (int64_t[]){ w->batch, shape[0] }, &b->features));
    }
}

static void tear_down(bench *b)
{
    dim_tensor_destroy(b->images);
    dim_tensor_destroy(b->features);
    dim__programs_free(&b->programs);
    dim_model_destroy(b->model);
    dim_encoder_destroy(b->enc);
    dim_context_destroy(b->ctx);
}

/* The loss, or the sum of the features, as the peer prints. */
static double step(bench *b)
{
    double loss = 0;
    if (b->model != NULL) {
        check(b->ctx, dim_model_step(b->model, b->images));
        check(b->ctx, dim_model_report(b->model, "loss", &loss));
    } else if (b->program != NULL) {
        dim__encoder_fill_input(b->enc, 0, b->images, 0, b->w->batch, dim__program_data(b->program, b->in));
        dim__program_forward(b->program, 0, 0);
        loss = b->ctx->kernels->sum(dim__program_data(b->program, b->out),
                                    dim__count_of(dim__program_graph(b->program), b->out));
    } else {
        check(b->ctx, dim_encoder_encode(b->enc, b->images, "global", b->features));
        loss = b->ctx->kernels->sum(dim_tensor_const_data(b->features), dim_tensor_count(b->features));
    }
    return loss;
}

static void attach_all(profile *p, const dim__programs *ps)
{
    for (int i = 0; i < ps->most; i++)
        if (ps->list[i].program != NULL)
            profile_attach(p, ps->list[i].program);
}

/* What the warm-up has compiled. */
static void attach(profile *p, const bench *b)
{
    if (b->model != NULL)
        attach_all(p, &b->model->obj->programs);
    attach_all(p, &b->programs);
    attach_all(p, &b->enc->programs);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static struct rusage process(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r;
}

/* What a steady step should not do, of all timed steps. */
typedef struct unsteady {
    long faults;
    uint64_t allocations;
} unsteady;

static unsteady unsteady_now(const dim_context *ctx)
{
    return (unsteady){ process().ru_minflt, dim_context_allocations(ctx) };
}

static void print_result(const workload *w, const char *mode, double *times, int steps, double loss, unsteady before,
                         unsteady after)
{
    qsort(times, (size_t)steps, sizeof *times, by_value);
    double median = steps % 2 ? times[steps / 2] : (times[steps / 2 - 1] + times[steps / 2]) / 2;
    printf("{\"workload\": \"%s\", \"mode\": \"%s\", \"batch\": %lld, \"median_s\": %.6g, \"min_s\": %.6g, "
           "\"loss\": %.9g, \"rss_mb\": %ld, \"page_faults\": %ld, \"allocations\": %llu}\n", w->name, mode,
           (long long)w->batch, median, times[0], loss, (process().ru_maxrss + 512) / 1024, after.faults - before.faults,
           (unsigned long long)(after.allocations - before.allocations));
    fflush(stdout);
}

static void run(const workload *w, dim_precision precision, const arguments *args)
{
    bench b;
    profile *p = NULL;
    double total = 0, loss = 0;
    double *times = malloc((size_t)args->steps * sizeof *times);
    if (times == NULL)
        die("%s", "out of memory");
    set_up(&b, w, precision, args);
    for (int i = 0; i < args->warmup; i++)
        step(&b);
    if (args->profile) {
        p = profile_create(b.ctx, args->shapes);
        attach(p, &b);
    }
    unsteady before = unsteady_now(b.ctx);
    for (int i = 0; i < args->steps; i++) {
        double start = now();
        loss = step(&b);
        times[i] = now() - start;
        total += times[i];
    }
    print_result(w, precision == DIM_PRECISION_BF16 ? "bf16" : "f32", times, args->steps, loss, before,
                 unsteady_now(b.ctx));
    if (p != NULL)
        profile_print(p, w->name, args->steps, total);
    profile_destroy(p);
    free(times);
    tear_down(&b);
}

static void run_modes(const workload *w, const arguments *args)
{
    if (args->f32)
        run(w, DIM_PRECISION_F32, args);
    if (args->bf16)
        run(w, DIM_PRECISION_BF16, args);
}

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static const workload *find(const char *name)
{
    for (const workload *w = workloads; w->name != NULL; w++)
        if (strcmp(w->name, name) == 0)
            return w;
    die("there is no workload '%s'; --list names them", name);
    return NULL;
}

static int number(const char *option, const char *text, int least)
{
    char *end;
    long n = text == NULL ? -1 : strtol(text, &end, 10);
    char what[128];
    if (text == NULL || end == text || *end != '\0' || n < least || n > MAX_STEPS) {
        snprintf(what, sizeof what, "%s takes a number from %d to %d, not '%s'", option, least, (int)MAX_STEPS,
                 text == NULL ? "" : text);
        die("%s", what);
    }
    return (int)n;
}

static dim_gemm gemm_of(const char *name)
{
    int gemm = name == NULL ? -1 : dim__enum_value(dim__gemm_kind_name, name);
    if (gemm < 0)
        die("--gemm is auto, blas, onednn or reference, not '%s'", name == NULL ? "" : name);
    return (dim_gemm)gemm;
}

static uint32_t pass_of(const char *names, const char *name, size_t length)
{
    static const struct {
        const char *name;
        dim_pass pass;
    } passes[] = {
#define DIM__PASS(name, bit, stage) { #name, (dim_pass)bit },
#define DIM__SWITCH(name, bit) { #name, bit },
#include "compile/passes/pass_list.def"
#undef DIM__PASS
#undef DIM__SWITCH
    };
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        if (strlen(passes[i].name) == length && strncmp(name, passes[i].name, length) == 0 &&
            passes[i].pass != 0)
            return (uint32_t)passes[i].pass;
    die("--without takes passes that --help lists, not '%s'", names);
    return 0;
}

/* Of names with commas between them. */
static uint32_t passes_of(const char *names)
{
    uint32_t sum = 0;
    if (names == NULL)
        names = "";
    for (const char *at = names;; at++) {
        size_t length = strcspn(at, ",");
        sum |= pass_of(names, at, length);
        at += length;
        if (*at == '\0')
            return sum;
    }
}

/* Names with commas between them. */
static void modes_of(const char *text, arguments *a)
{
    a->f32 = a->bf16 = false;
    for (const char *at = text; at != NULL; at = *at == ',' ? at + 1 : NULL) {
        size_t n = strcspn(at, ",");
        bool f32 = n == 3 && strncmp(at, "f32", n) == 0, bf16 = n == 4 && strncmp(at, "bf16", n) == 0;
        if (!f32 && !bf16)
            die("--modes takes f32, bf16 or both with a comma, not '%s'", text);
        a->f32 = a->f32 || f32;
        a->bf16 = a->bf16 || bf16;
        at += n;
    }
    if (text == NULL)
        die("%s", "--modes takes f32, bf16 or both with a comma");
}

static void list(void)
{
    for (const workload *w = workloads; w->name != NULL; w++)
        puts(w->name);
    exit(0);
}

static void parse(int argc, char **argv, arguments *a)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(arg, "--help") == 0) {
            fputs(usage, stdout);
            exit(0);
        }
        if (strcmp(arg, "--list") == 0)
            list();
        if (strcmp(arg, "--profile") == 0)
            a->profile = true;
        else if (strcmp(arg, "--shapes") == 0)
            a->profile = a->shapes = true;
        else if (strcmp(arg, "--modes") == 0 && ++i)
            modes_of(value, a);
        else if (strcmp(arg, "--steps") == 0 && ++i)
            a->steps = number(arg, value, 1);
        else if (strcmp(arg, "--warmup") == 0 && ++i)
            a->warmup = number(arg, value, 1); /* one at least: it compiles the programs */
        else if (strcmp(arg, "--threads") == 0 && ++i)
            a->threads = number(arg, value, 0);
        else if (strcmp(arg, "--gemm") == 0 && ++i)
            a->gemm = gemm_of(value);
        else if (strcmp(arg, "--without") == 0 && ++i)
            a->without |= passes_of(value);
        else if (arg[0] == '-')
            die("unknown option %s; see --help", arg);
        else if (a->count < MAX_WORKLOADS)
            a->list[a->count++] = find(arg);
    }
}

int main(int argc, char **argv)
{
    arguments a = { .f32 = true, .steps = 5, .warmup = 2, .threads = 2 };
    parse(argc, argv, &a);
    for (const workload *w = workloads; a.count == 0 && w->name != NULL; w++)
        run_modes(w, &a);
    for (int i = 0; i < a.count; i++)
        run_modes(a.list[i], &a);
    return 0;
}
