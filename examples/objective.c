/* The training loop of programs on <dim/objective.h>. */
#include "objective.h"

#include <errno.h>
#include <math.h>

static int measures_of(const ex_task *task)
{
    int count = 0;
    while (count < EX_MAX_MEASURES && task->measures[count].name != NULL)
        count++;
    return count;
}

/* ---- log.csv: a line a step; the measures' columns are filled before and after training */

static void open_log(ex_run *run, const ex_task *task)
{
    char path[EX_MAX_PATH];
    if (run->o.out == NULL)
        return;
    run->replaces = ex_folder_has_run(run);
    run->begun = true;
    run->log = fopen(ex_folder_file(run, run->replaces ? EX_NEW_LOG : "log.csv", path), "w");
    if (run->log == NULL)
        ex_usage_error(run->program, "--out: cannot write %s: %s", path, strerror(errno));
    setvbuf(run->log, NULL, _IOLBF, 0); /* every line is there at once, whatever happens */
    fprintf(run->log, "step,epoch,train_s,wait_s");
    for (int i = 0; i < dim_objective_report_count(task->objective); i++)
        fprintf(run->log, ",%s", dim_objective_report_name(task->objective, i));
    for (int i = 0; i < measures_of(task); i++)
        fprintf(run->log, ",%s", task->measures[i].name);
    fprintf(run->log, "\n");
}

/* The beginning of a line, before anything is measured: that may change what the objective reports. */
static void log_reports(ex_run *run, const ex_task *task, uint64_t step, uint64_t epoch)
{
    if (run->log == NULL)
        return;
    fprintf(run->log, "%llu,%llu,%.3f,%.3f", (unsigned long long)step, (unsigned long long)epoch, run->train_s, run->wait_s);
    for (int i = 0; i < dim_objective_report_count(task->objective); i++) {
        double value = 0;
        if (dim_objective_report(task->objective, dim_objective_report_name(task->objective, i), &value) == DIM_OK)
            fprintf(run->log, ",%.7g", value);
        else
            fprintf(run->log, ",");
    }
}

/* Its end; values NULL: nothing was measured. */
static void log_measures(ex_run *run, const ex_task *task, const double *values)
{
    if (run->log == NULL)
        return;
    for (int i = 0; i < measures_of(task); i++)
        if (values != NULL)
            fprintf(run->log, ",%.7g", values[i]);
        else
            fprintf(run->log, ",");
    fprintf(run->log, "\n");
}

/* ---- measures on stdout */

static void print_measures(ex_run *run, const ex_task *task, uint64_t step, double loss, const double *values)
{
    ex_report_clear();
    if (run->o.json) {
        printf("{\"step\":%llu,\"loss\":", (unsigned long long)step);
        ex_print_json_number(step > 0 ? loss : NAN);
        for (int i = 0; i < measures_of(task); i++) {
            printf(",\"%s\":", task->measures[i].name);
            ex_print_json_number(values[i]);
        }
        printf(",\"train_s\":%.3f,\"wait_s\":%.3f}\n", run->train_s, run->wait_s);
    } else {
        printf("step %6llu", (unsigned long long)step);
        if (step > 0)
            printf("  loss %8.4f", loss);
        else
            printf("  %-13s", "untrained");
        for (int i = 0; i < measures_of(task); i++) {
            const ex_measure *m = &task->measures[i];
            bool share = strcmp(m->unit, "%") == 0;
            printf(share ? " | %s: %.1f %s" : " | %s: %.3f %s", m->name, share ? 100 * values[i] : values[i], m->unit);
        }
        printf(" | trained %.1f s\n", run->train_s);
    }
    fflush(stdout);
}

/* ---- the loop */

/* After the steps so far: the line of the log, and before the first and after the last one the measures. */
static void record(ex_run *run, ex_task *task, uint64_t epoch)
{
    uint64_t step = dim_objective_steps(task->objective);
    double values[EX_MAX_MEASURES] = { 0 }, loss = 0;
    if (step > 0)
        EX_TRY(run, dim_objective_report(task->objective, task->loss, &loss));
    log_reports(run, task, step, epoch);
    bool measured = (step == 0 || step == run->o.steps) && !ex_stopped(run) &&
                    (task->measure == NULL || task->measure(run, task, values));
    log_measures(run, task, measured ? values : NULL);
    if (measured)
        print_measures(run, task, step, loss, values);
}

/* Steps until all are done, Ctrl-C, or a failure, which is returned. */
static dim_status train(ex_run *run, ex_task *task, dim_loader *loader)
{
    for (uint64_t step = 1; step <= run->o.steps && !ex_stopped(run); step++) {
        dim_tensor *images = NULL;
        double start = ex_seconds(), loss = 0;
        dim_status status = dim_loader_next(loader, &images, NULL);
        run->wait_s += ex_seconds() - start;
        if (status == DIM_OK) {
            task->give(run, task, images);
            status = dim_objective_step(task->objective);
        }
        if (status != DIM_OK)
            return status;
        run->train_s += ex_seconds() - start;
        EX_TRY(run, dim_objective_report(task->objective, task->loss, &loss));
        ex_report_progress(run, loss, step, step == run->o.steps || ex_stopped(run));
        record(run, task, dim_loader_epoch(loader));
    }
    return DIM_OK;
}

/* What --out asks for, of a run that was finished, interrupted or failed. */
static bool save(ex_run *run, ex_task *task)
{
    char path[EX_MAX_PATH];
    if (run->o.out == NULL)
        return true;
    bool saved = dim_objective_save(task->objective, ex_folder_file(run, "weights.safetensors", path)) == DIM_OK;
    if (saved) {
        ex_folder_replace(run, "weights.safetensors");
        fprintf(stderr, "weights:    %s\nlog:        %s/log.csv\n", path, run->o.out);
    } else
        fprintf(stderr, "%s: %s\n", run->program->name, dim_context_error(run->ctx));
    ex_release_signals();
    run->task = task;
    ex_draw(run, NULL, task->drawing, task->drawing_name);
    return saved;
}

int ex_train_objective(ex_run *run, ex_task *task)
{
    dim_loader *loader = NULL;
    dim_loader_options lo;
    DIM_OPTIONS_INIT(&lo);
    lo.batch = run->o.batch;
    EX_TRY(run, dim_loader_create(run->train, &lo, &loader));
    if (run->o.epochs > 0)
        run->o.steps = run->o.epochs * dim_loader_batches(loader);
    /* Asking for the parameters builds the objective: whether the options fit together shows now. */
    if (dim_objective_parameter_count(task->objective) == 0)
        ex_usage_error(run->program, "this objective is not possible: %s", dim_context_error(run->ctx));

    ex_catch_signals(run);
    open_log(run, task);
    record(run, task, 0);
    dim_status status = train(run, task, loader);
    bool unbegun = run->replaces && dim_objective_steps(task->objective) == 0 && (status != DIM_OK || ex_stopped(run));
    run->ended = true;
    ex_report_clear();
    if (status != DIM_OK)
        fprintf(stderr, "%s: %s%s\n", run->program->name, dim_context_error(run->ctx), ex_data_advice(run, status));
    if (ex_stop_signal() != 0)
        fprintf(stderr, "%s: interrupted after %llu steps\n", run->program->name,
                (unsigned long long)dim_objective_steps(task->objective));
    if (unbegun)
        ex_folder_restore(run);
    bool saved = unbegun || save(run, task);
    if (run->o.skip_broken)
        fprintf(stderr, "broken files in whose place another image was taken: %lld\n", (long long)ex_skipped(run));
    saved = ex_report_close(run) && saved;
    dim_loader_destroy(loader);
    return ex_stop_signal() != 0 ? 128 + ex_stop_signal() : saved && status == DIM_OK ? 0 : 1;
}
