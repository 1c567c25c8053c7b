/* Checkpoints and --resume: DIR/checkpoint.safetensors, and the part of DIR/log.csv that belongs to it. */
#include "objective.h"

#include <math.h>
#include <stdlib.h>

static const char checkpoint[] = "checkpoint.safetensors";

bool ex_checkpoint_save(ex_run *run, const dim_loader *loader)
{
    char path[EX_MAX_PATH];
    run->checkpoint_at = ex_steps(run);
    ex_folder_file(run, checkpoint, path);
    run->has_checkpoint = (run->task != NULL ? dim_objective_checkpoint_save(run->task->objective, loader, path)
                                             : dim_checkpoint_save(run->model, loader, path)) == DIM_OK;
    if (run->has_checkpoint) {
        ex_folder_replace(run, checkpoint);
        return true;
    }
    ex_report_clear();
    fprintf(stderr, "%s: %s\n", run->program->name, dim_context_error(run->ctx));
    return false;
}

void ex_checkpoint_load(ex_run *run, dim_loader *loader)
{
    char path[EX_MAX_PATH];
    ex_folder_file(run, checkpoint, path);
    if ((run->task != NULL ? dim_objective_checkpoint_load(run->task->objective, loader, path)
                           : dim_checkpoint_load(run->model, loader, path)) != DIM_OK)
        ex_usage_error(run->program, "--resume: %s: %s", path, dim_context_error(run->ctx));
    run->has_checkpoint = true;
    run->checkpoint_at = ex_steps(run);
    fprintf(stderr, "%s: goes on after step %llu\n", run->program->name, (unsigned long long)run->checkpoint_at);
}

/* Whether a column of so many bytes is a probe's or a classifier's: "fc.knn". */
static bool is_probe(const char *column, size_t length)
{
    size_t at = length;
    while (at > 0 && column[at - 1] != '.')
        at--;
    for (int i = 0; at > 0 && i <= EX_PROBES; i++) {
        const char *name = i < EX_PROBES ? ex_probes[i].name : "test";
        if (strlen(name) == length - at && memcmp(column + at, name, length - at) == 0)
            return true;
    }
    return false;
}

/* Whether a line names the columns of the same model and other probes, as with other --taps or --probes. */
static bool other_probes(const ex_run *run, const char *line, const char *header)
{
    int probes = ex_log_probes(run);
    const char *first = header + strlen(header);
    while (probes > 0 && first > header)
        probes -= *--first == ',';
    size_t same = (size_t)(first - header);
    if (strncmp(line, header, same) != 0 || line[strlen(line) - 1] != '\n')
        return false;
    for (const char *end = line + same; *end == ','; ) {
        size_t length = strcspn(end + 1, ",\n");
        if (!is_probe(end + 1, length))
            return false;
        end += 1 + length;
    }
    return true;
}

static int commas(const char *line)
{
    int count = 0;
    for (; *line != '\0'; line++)
        count += *line == ',';
    return count;
}

/* Whether a line has an evaluation: "step,epoch,train_s,wait_s" and a column a report come before its numbers. */
static bool has_evaluation(const ex_run *run, const char *line)
{
    size_t probes = (size_t)ex_log_probes(run), length = strlen(line) - 1; /* without its newline */
    return length < probes || strspn(line + length - probes, ",") < probes;
}

/* Where a number of an evaluation belongs, by its column. */
static double *number_of(ex_run *run, int column)
{
    int probes = 0, taps = 0;
    if (run->task != NULL)
        return &run->last.measure[column];
    while (probes < EX_PROBES && run->probes[probes] != NULL)
        probes++;
    while (taps < EX_MAX_TAPS && run->taps[taps] != NULL)
        taps++;
    return column < probes * taps ? &run->last.tap[column / probes].of[column % probes]
                                  : &run->last.classifier[column - probes * taps];
}

/* The last evaluation is that of the run that goes on, until there is another one. */
static void take_evaluation(ex_run *run, const char *line)
{
    const char *c = line;
    for (int i = 0; i < 4 + ex_reports(run); i++)
        c = strchr(c, ',') + 1;
    for (int i = 0; i < ex_log_probes(run); i++, c += strcspn(c, ",\n") + 1)
        *number_of(run, i) = *c == ',' || *c == '\n' ? (double)NAN : strtod(c, NULL);
    run->last.valid = true;
}

/* The last line that is kept, if it lacks an evaluation. */
static void keep_row(ex_run *run, const char *line, long at)
{
    int probes = ex_log_probes(run), count = ex_reports(run);
    size_t length = strlen(line) - 1;
    run->evaluated = has_evaluation(run, line);
    if (run->evaluated)
        return;
    run->row = calloc(length + 1, 1);
    run->reports = calloc((size_t)count + 1, sizeof *run->reports);
    if (run->row == NULL || run->reports == NULL)
        ex_usage_error(run->program, "out of memory");
    memcpy(run->row, line, length - (size_t)probes);
    run->row_at = at;
    const char *c = run->row;
    for (int i = 0; c != NULL && i < 4 + count; i++) {
        if (i >= 4)
            run->reports[i - 4] = strtod(c, NULL);
        c = strchr(c, ',');
        c = c != NULL ? c + 1 : NULL;
    }
}

/* Copies the rows up to the model's step.  @return the last row's step. */
static unsigned long long copy_rows(ex_run *run, FILE *old, FILE *log, const char *header)
{
    unsigned long long steps = ex_steps(run), last = steps;
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, old) > 0) {
        char *end;
        unsigned long long step = strtoull(line, &end, 10);
        if (end == line || line[strlen(line) - 1] != '\n' || commas(line) != commas(header))
            continue; /* written in part, by a run that was killed or had no room on the disk */
        last = step;
        if (step > steps) /* after the checkpoint */
            continue;
        if (ex_log_probes(run) > 0 && has_evaluation(run, line))
            take_evaluation(run, line);
        if (step == steps)
            keep_row(run, line, ftell(log));
        fputs(line, log);
        sscanf(end, ",%*u,%lf,%lf", &run->train_s, &run->wait_s);
    }
    free(line);
    return last;
}

ex_old_log ex_log_continue(ex_run *run, FILE *log, const char *header)
{
    char path[EX_MAX_PATH], *line = NULL;
    size_t room = 0;
    ex_old_log found = { .last = ex_steps(run) };
    FILE *old = fopen(ex_folder_file(run, "log.csv", path), "r");
    bool first = old != NULL && getline(&line, &room, old) > 0;
    if (first && strcmp(line, header) == 0)
        found.last = copy_rows(run, old, log, header);
    else if (first && other_probes(run, line, header))
        found.other = true;
    else
        found.broken = old != NULL;
    if (run->row == NULL) /* the next row comes after the last one */
        run->row_at = ftell(log);
    free(line);
    if (old != NULL)
        fclose(old);
    return found;
}
