/* What the example programs say: progress on stderr, evaluations on stdout as text or JSON, log.csv. */
#include "objective.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- log.csv: a line a step; the probes' columns are filled where they ran */

static void print_columns(const ex_run *run, FILE *to)
{
    fprintf(to, "step,epoch,train_s,wait_s");
    for (int i = 0; i < ex_reports(run); i++)
        fprintf(to, ",%s", ex_report_name(run, i));
    for (int i = 0; i < ex_measures(run); i++)
        fprintf(to, ",%s", run->task->measures[i].name);
    for (int i = 0; i < EX_MAX_TAPS && run->taps[i] != NULL; i++)
        for (int k = 0; run->probes[k] != NULL; k++)
            fprintf(to, ",%s.%s", run->taps[i], run->probes[k]->name);
    for (int i = 0; i < EX_MAX_CLASSIFIERS && run->classifiers[i] != NULL; i++)
        fprintf(to, ",%s.test", run->classifiers[i]);
    fprintf(to, "\n");
}

/* Whether all that was written so far is on the disk. */
static bool is_written(FILE *file)
{
    errno = 0;
    return fflush(file) == 0 && !ferror(file) && (fsync(fileno(file)) == 0 || errno == EINVAL);
}

/* Puts the log that goes on in the place of the old one, which is kept where it could not be read. */
static void replace_log(ex_run *run, const ex_old_log *old, const char *path, const char *name)
{
    char aside[EX_MAX_PATH];
    if (old->broken && rename(name, ex_folder_file(run, "log.csv.broken", aside)) == 0)
        fprintf(stderr, "%s: %s has no first line with names of columns: it is %s now, and a new log begins\n",
                run->program->name, name, aside);
    if (rename(path, name) != 0)
        ex_usage_error(run->program, "--out: cannot write %s: %s", name, strerror(errno));
    if (old->last > ex_steps(run))
        fprintf(stderr, "%s: the run had come to step %llu; %s\n", run->program->name, old->last,
                run->o.steps > ex_steps(run) ? "the steps after the checkpoint are made again"
                                                      : "the log's lines after the checkpoint are left out");
}

void ex_log_open(ex_run *run, bool resumed)
{
    char path[EX_MAX_PATH], name[EX_MAX_PATH], *header = NULL;
    ex_old_log old = { .last = 0 };
    size_t size;
    if (run->o.out == NULL)
        return;
    ex_folder_file(run, "log.csv", name);
    ex_folder_file(run, resumed || run->replaces ? EX_NEW_LOG : "log.csv", path);
    run->log = fopen(path, "w");
    FILE *columns = open_memstream(&header, &size);
    if (run->log == NULL || columns == NULL)
        ex_usage_error(run->program, "--out: cannot write %s: %s", path, strerror(errno));
    print_columns(run, columns);
    fclose(columns);
    setvbuf(run->log, NULL, _IOLBF, 0); /* every line is there at once, whatever happens */
    fputs(header, run->log);
    if (resumed)
        old = ex_log_continue(run, run->log, header);
    free(header);
    bool unneeded = resumed && ex_nothing_left(run), written = is_written(run->log);
    if (unneeded || old.other || !written)
        unlink(path);
    if (unneeded) { /* the old log stays as it is */
        fclose(run->log);
        run->log = NULL;
    } else if (old.other)
        ex_usage_error(run->program, "--resume: %s has other columns; are --taps and --probes the same as before?", name);
    else if (!written)
        ex_usage_error(run->program, "--out: cannot write %s: %s", path, strerror(errno));
    else if (resumed)
        replace_log(run, &old, path, name);
}

void ex_report_take(ex_run *run)
{
    int count = ex_reports(run);
    if (run->reports == NULL)
        run->reports = calloc((size_t)count + 1, sizeof *run->reports);
    if (run->reports == NULL)
        ex_usage_error(run->program, "out of memory");
    for (int i = 0; i < count; i++)
        if (!ex_report(run, ex_report_name(run, i), &run->reports[i]))
            run->reports[i] = NAN;
}

/* Report i of the last step. */
static bool report_of(const ex_run *run, int i, double *value)
{
    if (run->reports == NULL)
        return false;
    *value = run->reports[i];
    return true;
}

static bool loss_of(const ex_run *run, double *value)
{
    for (int i = 0; i < ex_reports(run); i++)
        if (strcmp(ex_report_name(run, i), ex_loss_name(run)) == 0)
            return report_of(run, i, value);
    return false;
}

static void log_probes(const ex_run *run, const ex_evaluation *e)
{
    for (int i = 0; i < ex_measures(run); i++)
        if (e->valid)
            fprintf(run->log, ",%.7g", e->measure[i]);
        else
            fprintf(run->log, ",");
    for (int i = 0; i < EX_MAX_TAPS && run->taps[i] != NULL; i++)
        for (int k = 0; run->probes[k] != NULL; k++)
            if (e->valid)
                fprintf(run->log, ",%.4f", e->tap[i].of[k]);
            else
                fprintf(run->log, ",");
    for (int i = 0; i < EX_MAX_CLASSIFIERS && run->classifiers[i] != NULL; i++)
        if (e->valid)
            fprintf(run->log, ",%.4f", e->classifier[i]);
        else
            fprintf(run->log, ",");
    fprintf(run->log, "\n");
}

int ex_log_probes(const ex_run *run)
{
    int columns = ex_measures(run);
    for (int i = 0; i < EX_MAX_TAPS && run->taps[i] != NULL; i++)
        for (int k = 0; run->probes[k] != NULL; k++)
            columns++;
    for (int i = 0; i < EX_MAX_CLASSIFIERS && run->classifiers[i] != NULL; i++)
        columns++;
    return columns;
}

void ex_log_step(ex_run *run, uint64_t step, uint64_t epoch, const ex_evaluation *e)
{
    if (run->log == NULL)
        return;
    free(run->row);
    run->row = NULL;
    run->row_at = ftell(run->log);
    fprintf(run->log, "%llu,%llu,%.3f,%.3f", (unsigned long long)step, (unsigned long long)epoch, run->train_s,
            run->wait_s);
    for (int i = 0; i < ex_reports(run); i++) {
        double value;
        if (step > 0 && report_of(run, i, &value))
            fprintf(run->log, ",%.7g", value);
        else
            fprintf(run->log, ",");
    }
    log_probes(run, e);
}

void ex_log_evaluation(ex_run *run, uint64_t step, uint64_t epoch, const ex_evaluation *e)
{
    if (run->log == NULL || fseek(run->log, run->row_at, SEEK_SET) != 0)
        return;
    if (run->row == NULL) {
        ex_log_step(run, step, epoch, e);
        return;
    }
    fputs(run->row, run->log); /* over the same line, which is shorter */
    log_probes(run, e);
}

/* ---- evaluations on stdout */

void ex_print_number(double value)
{
    if (isfinite(value))
        printf("%.7g", value);
    else
        printf("null"); /* JSON has no other word for it */
}

static void print_json(const ex_run *run, uint64_t step, const ex_evaluation *e)
{
    double value = NAN;
    const char *comma = "";
    if (step > 0)
        loss_of(run, &value);
    printf("{\"step\":%llu,\"loss\":", (unsigned long long)step);
    ex_print_number(value);
    printf(",\"terms\":{");
    for (int i = 0; step > 0 && i < ex_reports(run); i++) {
        const char *name = ex_report_name(run, i);
        if (strcmp(name, ex_loss_name(run)) == 0 || !report_of(run, i, &value))
            continue;
        printf("%s\"%s\":", comma, name);
        ex_print_number(value);
        comma = ",";
    }
    printf(run->task != NULL ? "},\"measure\":{" : "},\"probe\":{");
    for (int i = 0; e->valid && i < ex_measures(run); i++) {
        printf("%s\"%s\":", i > 0 ? "," : "", run->task->measures[i].name);
        ex_print_number(e->measure[i]);
    }
    for (int i = 0; e->valid && i < EX_MAX_TAPS && run->taps[i] != NULL; i++)
        for (int k = 0; run->probes[k] != NULL; k++) {
            if (k == 0)
                printf("%s\"%s\":{", i > 0 ? "," : "", run->taps[i]);
            printf("%s\"%s\":%.4f%s", k > 0 ? "," : "", run->probes[k]->name, e->tap[i].of[k],
                   run->probes[k + 1] == NULL ? "}" : "");
        }
    if (run->classifiers[0] != NULL)
        printf("},\"classifier\":{");
    for (int i = 0; e->valid && i < EX_MAX_CLASSIFIERS && run->classifiers[i] != NULL; i++)
        printf("%s\"%s\":%.4f", i > 0 ? "," : "", run->classifiers[i], e->classifier[i]);
    printf("},\"train_s\":%.3f,\"wait_s\":%.3f}\n", run->train_s, run->wait_s);
}

static void print_text(const ex_run *run, uint64_t step, const ex_evaluation *e)
{
    double loss = 0;
    printf("step %6llu", (unsigned long long)step);
    if (step > 0 && loss_of(run, &loss))
        printf("  loss %8.4f", loss);
    else
        printf("  %-13s", run->o.init != NULL ? "as given" : "untrained");
    for (int i = 0; e->valid && i < ex_measures(run); i++) {
        const ex_measure *m = &run->task->measures[i];
        bool share = strcmp(m->unit, "%") == 0;
        printf(share ? " | %s: %.1f %s" : " | %s: %.3f %s", m->name, share ? 100 * e->measure[i] : e->measure[i], m->unit);
    }
    for (int i = 0; e->valid && i < EX_MAX_TAPS && run->taps[i] != NULL; i++)
        for (int k = 0; run->probes[k] != NULL; k++) {
            if (k == 0)
                printf(" | %s:", run->taps[i]);
            printf(" %s %.1f %%", run->probes[k]->title, 100 * e->tap[i].of[k]);
        }
    for (int i = 0; e->valid && i < EX_MAX_CLASSIFIERS && run->classifiers[i] != NULL; i++)
        printf(" | %s classifier: %.1f %%", run->classifiers[i], 100 * e->classifier[i]);
    printf(" | trained %.1f s\n", run->train_s);
}

void ex_report_evaluation(ex_run *run, uint64_t step, const ex_evaluation *e)
{
    ex_report_clear();
    if (!e->valid && ex_evaluates(run))
        return; /* interrupted; --resume makes it */
    if (run->task != NULL && run->task->print != NULL)
        run->task->print(run, run->task, e);
    else if (run->o.json)
        print_json(run, step, e);
    else
        print_text(run, step, e);
    fflush(stdout);
}

/* ---- progress on stderr: one line that is rewritten on a terminal, else a line now and then */

/* Whether progress is to be shown now: not more often than one can read it, or wants it in a file. */
static bool is_time(ex_run *run)
{
    double now = ex_seconds();
    if (now - run->last_report < (isatty(STDERR_FILENO) ? 0.2 : 10.0))
        return false;
    run->last_report = now;
    return true;
}

static void begin_line(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

static void end_line(void)
{
    if (!isatty(STDERR_FILENO))
        fprintf(stderr, "\n");
    fflush(stderr);
}

void ex_report_clear(void)
{
    int reason = errno; /* of which the caller may be about to tell; isatty() has one of its own */
    begin_line();
    fflush(stderr);
    errno = reason;
}

static void say(const char *format, va_list list)
{
    begin_line();
    vfprintf(stderr, format, list);
    end_line();
}

void ex_report_note(ex_run *run, const char *format, ...)
{
    va_list list;
    if (!is_time(run) && !isatty(STDERR_FILENO))
        return;
    va_start(list, format);
    say(format, list);
    va_end(list);
}

void ex_report_count(ex_run *run, const char *format, ...)
{
    va_list list;
    if (!is_time(run))
        return;
    va_start(list, format);
    say(format, list);
    va_end(list);
}

static void format_time(char *text, size_t size, double seconds)
{
    long s = seconds < 0 || seconds > 1e8 ? 0 : (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}

void ex_report_progress(ex_run *run, uint64_t step, bool last)
{
    double loss = 0, each = run->train_s / (double)step;
    char left[32];
    if (!is_time(run) && !last)
        return;
    loss_of(run, &loss);
    format_time(left, sizeof left, each * (double)(run->o.steps - step));
    begin_line();
    fprintf(stderr, "step %llu of %llu: loss %.4f, %.0f ms a step, %s left", (unsigned long long)step,
            (unsigned long long)run->o.steps, loss, 1000 * each, left);
    end_line();
}

/* ---- the table of --table, on stderr where stdout is JSON's */

static void print_row(FILE *to, const ex_run *run, const char *what, const char *features, int64_t width, const ex_accuracy *a)
{
    fprintf(to, "%-20s %-8s %6lld", what, features, (long long)width);
    for (int k = 0; run->probes[k] != NULL; k++)
        fprintf(to, "   %6.1f %%", 100 * a->of[k]);
    fprintf(to, "\n");
}

void ex_report_table(const ex_run *run, const dim_encoder *encoder)
{
    const char *const *taps = run->taps;
    const char *before = run->o.init != NULL ? "encoder as given" : "untrained encoder";
    FILE *to = run->o.json ? stderr : stdout;
    if (!run->pixels.valid || !run->first.valid || !run->last.valid)
        return;
    fprintf(to, "\nAccuracy on %lld test %s, with %u labelled training %s\n\n", (long long)dim_dataset_count(run->test),
            ex_noun(run), (unsigned)run->o.probe_train, ex_noun(run));
    fprintf(to, "%-20s %-8s %6s", "", "features", "width");
    for (int k = 0; run->probes[k] != NULL; k++)
        fprintf(to, "   %8s", run->probes[k]->title);
    fprintf(to, "\n");
    const char *raw = run->program->data_help == NULL ? "raw pixels" : "raw signals";
    print_row(to, run, raw, "", run->shape[0] * run->shape[1] * run->shape[2], &run->pixels.tap[0]);
    for (int trained = 0; trained < 2; trained++)
        for (int i = 0; i < EX_MAX_TAPS && taps[i] != NULL; i++) {
            int64_t shape[3] = { 0, 0, 0 };
            dim_encoder_tap_shape(encoder, taps[i], shape);
            print_row(to, run, i > 0 ? "" : trained ? "trained encoder" : before, taps[i],
                      shape[0] * shape[1] * shape[2], &(trained ? &run->last : &run->first)->tap[i]);
        }
    fflush(to);
}

/* Closes a stream and says so when anything written to it was lost, as on a full disk. */
static bool close_stream(const ex_run *run, FILE *stream, const char *what)
{
    bool lost = ferror(stream) != 0;
    errno = 0;
    lost |= fclose(stream) != 0;
    if (lost)
        fprintf(stderr, "%s: cannot write %s%s%s\n", run->program->name, what, errno != 0 ? ": " : "",
                errno != 0 ? strerror(errno) : "");
    return !lost;
}

bool ex_report_close(ex_run *run)
{
    bool good = close_stream(run, stdout, "to standard output");
    if (run->log != NULL)
        good = close_stream(run, run->log, "log.csv") && good;
    run->log = NULL;
    return good;
}
