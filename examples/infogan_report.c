/* What infogan says while it trains: the information in the codes, and what goes wrong. */
#include "infogan.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

static const double PI = 3.14159265358979323846;

static double processor(void) /* seconds of all threads */
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void infogan_give(ex_run *run, ex_task *task, dim_tensor *images)
{
    infogan *own = task->own;
    EX_TRY(run, dim_objective_set(task->objective, "images", images));
    own->wall = ex_seconds();
    own->cpu = processor();
}

/* ---- information */

/* With a fixed deviation, what a Gaussian would say whose deviation is that of Q's errors: the best of those. */
double infogan_nats(const infogan *own, int code, double loss)
{
    const infogan_code *c = &own->code[code];
    if (c->classes > 0 || own->learned)
        return c->prior - loss;
    double square = 2 * loss - log(2 * PI); /* mean squared error */
    return c->prior - 0.5 * log(2 * PI * exp(1) * (square > 1e-12 ? square : 1e-12));
}

/* The authors' number for a continuous code: with a fixed deviation, log N(c; mean, 1) - log N(c; 0, 1), of which the second is
 * E c^2 / 2 = 1/6 apart from what both have in common. */
static double score(const infogan *own, int code, double loss)
{
    return own->code[code].classes > 0 || own->learned ? own->code[code].prior - loss : 1.0 / 6 - (loss - 0.5 * log(2 * PI));
}

static double total(const infogan *own, const infogan_losses *l, bool categorical)
{
    double sum = 0;
    for (int k = 0; k < own->n_codes; k++)
        if ((own->code[k].classes > 0) == categorical)
            sum += score(own, k, l->code[k] / (double)l->steps);
    return sum;
}

static double nats_of(const infogan *own, int code, const infogan_losses *l)
{
    return infogan_nats(own, code, l->code[code] / (double)l->steps);
}

/* ---- lines */

static double mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return n > 0 ? sum / (double)n : 0;
}

static void field(const char *name, double value, double unit)
{
    printf(", \"%s\": ", name);
    ex_print_number(round(value * unit) / unit);
}

static void train_json(const ex_run *run, const infogan *own)
{
    const infogan_losses *l = &own->line;
    size_t n = (size_t)l->steps;
    printf("{\"event\": \"train\", \"step\": %llu", (unsigned long long)ex_steps(run));
    field("d_loss", l->d / (double)n, 1e4);
    field("g_loss", l->g / (double)n, 1e4);
    field("mi_disc", total(own, l, true), 1e4);
    field("mi_cont", total(own, l, false), 1e4);
    field("step_ms", 1e3 * mean(own->walls + own->n_times - n, n), 10);
    field("cpu_ms", 1e3 * mean(own->cpus + own->n_times - n, n), 10);
    field("seconds", run->train_s - run->wait_s, 10);
    printf(", \"nats\": {");
    for (int k = 0; k < own->n_codes; k++) {
        printf("%s\"%s\": ", k > 0 ? ", " : "", own->code[k].name);
        ex_print_number(round(1e4 * nats_of(own, k, l)) / 1e4);
    }
    printf("}}\n");
}

static void train_text(const ex_run *run, const infogan *own)
{
    const infogan_losses *l = &own->line;
    size_t n = (size_t)l->steps;
    printf("step %6llu | D %.3f G %.3f | nats:", (unsigned long long)ex_steps(run), l->d / (double)n, l->g / (double)n);
    for (int k = 0; k < own->n_codes; k++) {
        const infogan_code *c = &own->code[k];
        printf(c->classes > 0 ? " %s %.3f of %.3f" : " %s %.3f", c->name, nats_of(own, k, l), c->prior);
    }
    printf(" | %.0f ms a step\n", 1e3 * mean(own->walls + own->n_times - n, n));
}

static void note_time(ex_run *run, infogan *own)
{
    if (own->n_times == own->room) {
        size_t room = own->room > 0 ? 2 * own->room : 1024;
        double *walls = realloc(own->walls, room * sizeof *walls);
        own->walls = walls != NULL ? walls : own->walls;
        double *cpus = realloc(own->cpus, room * sizeof *cpus);
        own->cpus = cpus != NULL ? cpus : own->cpus;
        if (walls == NULL || cpus == NULL)
            ex_usage_error(run->program, "out of memory");
        own->room = room;
    }
    own->walls[own->n_times] = ex_seconds() - own->wall;
    own->cpus[own->n_times++] = processor() - own->cpu;
}

static double report(ex_run *run, const char *name)
{
    double value = NAN;
    EX_TRY(run, dim_objective_report(run->task->objective, name, &value));
    return value;
}

void infogan_stepped(ex_run *run, ex_task *task)
{
    infogan *own = task->own;
    infogan_losses *const sums[] = { &own->line, &own->since };
    note_time(run, own);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        sums[i]->steps++;
        sums[i]->d += report(run, "apart");
        sums[i]->g += report(run, "pass");
        for (int k = 0; k < own->n_codes; k++)
            sums[i]->code[k] += report(run, own->code[k].loss);
    }
    uint64_t step = ex_steps(run);
    if (step % run->o.every != 0 && step != run->o.steps)
        return;
    ex_report_clear();
    if (run->o.json)
        train_json(run, own);
    else
        train_text(run, own);
    fflush(stdout);
    own->line = (infogan_losses){ .steps = 0 };
}

/* ---- warnings */

enum { SOON = 50 }; /* the steps after which these say something */

static void warn_of_code(const ex_run *run, const infogan *own, int k)
{
    const infogan_code *c = &own->code[k];
    const char *name = run->program->name;
    double nats = nats_of(own, k, &own->since);
    if (c->classes > 0 && nats < 0.05 * c->prior)
        fprintf(stderr, "%s: Q learns nothing of %s: %.3f of %.3f nats; does its gradient get through? (--lambda is %g)\n", name,
                c->name, nats, c->prior, (double)run->o.lambda);
    else if (c->classes == 0 && nats < 0.05)
        fprintf(stderr, "%s: Q learns nothing of %s: %.3f nats; does its gradient get through? (--lambda-cont is %g)\n", name,
                c->name, nats, (double)run->o.lambda_cont);
    else if (c->classes > 0 && own->match[k].used < c->classes)
        fprintf(stderr, "%s: categories die: only %lld of the %lld of %s get more than %.3g %% of the test images\n", name,
                (long long)own->match[k].used, (long long)c->classes, c->name, 100 * infogan_least_share(c));
}

static void warn(const ex_run *run, const infogan *own, const double *m)
{
    const char *name = run->program->name;
    const infogan_losses *l = &own->since;
    if (own->n_times < SOON || ex_steps(run) < SOON || l->steps == 0)
        return;
    if (l->d / (double)l->steps < 0.2 && m[INFOGAN_D_TRUE] > 0.95 && m[INFOGAN_D_MADE] > 0.95)
        fprintf(stderr, "%s: D wins: it knows %.0f %% of true and %.0f %% of made images, and G learns little from it; a smaller "
                "--lr-d or a larger --lr-g helps\n", name, 100 * m[INFOGAN_D_TRUE], 100 * m[INFOGAN_D_MADE]);
    for (int k = 0; k < own->n_codes && !run->o.gan; k++) /* of which G without information shows nothing */
        warn_of_code(run, own, k);
}

/* ---- evaluations */

static double rounded(double value, double unit) { return round(value * unit) / unit; }

static void eval_fields(const infogan *own, const double *m)
{
    static const struct {
        const char *name;
        int at;
        double unit;
    } fields[] = { { "error", INFOGAN_ERROR, 1e4 }, { "error_majority", INFOGAN_MAJORITY, 1e4 },
                   { "error_eval_bn", INFOGAN_RUNNING, 1e4 }, { "used", INFOGAN_USED, 1 }, { "q_accuracy", INFOGAN_FOUND, 1e4 },
                   { "diversity", INFOGAN_DIVERSITY, 1e3 }, { "d_true", INFOGAN_D_TRUE, 1e4 }, { "d_made", INFOGAN_D_MADE, 1e4 } };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        printf(", \"%s\": ", fields[i].name);
        ex_print_number(rounded(m[fields[i].at], fields[i].unit));
    }
    if (own->n_categorical > 0)
        printf(", \"code\": \"%s\"", own->code[own->best].name);
}

static void print_confusion(const ex_run *run, const infogan *own)
{
    const infogan_matching *m = &own->match[own->best];
    const infogan_code *c = &own->code[own->best];
    printf("test images of each class (columns) by the category of %s (rows), beside the class that it is matched with\n", c->name);
    for (int64_t k = 0; k < c->classes; k++) {
        const char *name = m->class_of[k] >= 0 ? ex_class_name(run, run->train, m->class_of[k]) : "none";
        char number[24];
        if (name == NULL) {
            snprintf(number, sizeof number, "class %lld", (long long)m->class_of[k]);
            name = number;
        }
        printf("%4lld %-12.12s", (long long)k, name);
        for (int64_t j = 0; j < own->classes; j++)
            printf(" %5lld", (long long)m->counts[k * own->classes + j]);
        printf("\n");
    }
}

static void eval_text(const ex_run *run, const infogan *own, const double *m)
{
    enum { WIDE = 20 }; /* classes that fit on a line */
    printf("step %6llu | D knows %.1f %% of true, %.1f %% of made images", (unsigned long long)ex_steps(run),
           100 * m[INFOGAN_D_TRUE], 100 * m[INFOGAN_D_MADE]);
    if (own->n_categorical > 0) {
        const infogan_code *c = &own->code[own->best];
        printf(" | Q finds %.1f %% of categories | %s: %lld of %lld categories in use", 100 * m[INFOGAN_FOUND], c->name,
               (long long)m[INFOGAN_USED], (long long)c->classes);
        if (own->classes > 0)
            printf(", error %.1f %% (running statistics %.1f %%, majority %.1f %%)", 100 * m[INFOGAN_ERROR],
                   100 * m[INFOGAN_RUNNING], 100 * m[INFOGAN_MAJORITY]);
    }
    printf(" | diversity %.2f | trained %.1f s\n", m[INFOGAN_DIVERSITY], run->train_s);
    if (own->n_categorical > 0 && own->classes > 0 && own->classes <= WIDE && ex_steps(run) == run->o.steps)
        print_confusion(run, own);
}

void infogan_print(ex_run *run, ex_task *task, const ex_evaluation *e)
{
    infogan *own = task->own;
    if (run->o.json) {
        printf("{\"event\": \"eval\", \"step\": %llu", (unsigned long long)ex_steps(run));
        eval_fields(own, e->measure);
        printf("}\n");
    } else
        eval_text(run, own, e->measure);
    fflush(stdout);
    warn(run, own, e->measure);
    own->since = (infogan_losses){ .steps = 0 };
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, compare);
    return (x[(n - 1) / 2] + x[n / 2]) / 2;
}

void infogan_done(const ex_run *run, const infogan *own)
{
    size_t n = own->n_times;
    if (!run->o.json || !run->last.valid)
        return;
    printf("{\"event\": \"done\", \"steps\": %llu, \"seed\": %llu, \"threads\": %u, \"libdim\": \"%s\"",
           (unsigned long long)ex_steps(run), (unsigned long long)run->o.seed, (unsigned)run->o.threads, dim_version());
    if (n > 0) {
        field("step_ms_median", 1e3 * median(own->walls, n), 10);
        field("step_ms_min", 1e3 * own->walls[0], 10);
        field("cpu_ms_median", 1e3 * median(own->cpus, n), 10);
    }
    field("seconds", run->train_s - run->wait_s, 10);
    eval_fields(own, run->last.measure);
    printf("}\n");
    fflush(stdout);
}
