/* --checkpoint-every and --resume: DIR/checkpoint.safetensors, and the part of DIR/log.csv that belongs to it. */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

bool ex_checkpoint_save(ex_run *run, dim_model *model, const dim_loader *loader)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", run->o.out);
    run->checkpoint_failed = dim_checkpoint_save(model, loader, path) != DIM_OK;
    if (!run->checkpoint_failed)
        return true;
    ex_report_note(run, NULL);
    fprintf(stderr, "%s: %s\n", run->program->name, dim_context_error(run->ctx));
    return false;
}

bool ex_checkpoint_load(ex_run *run, dim_model *model, dim_loader *loader)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", run->o.out);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return false;
    if (dim_checkpoint_load(model, loader, path) != DIM_OK)
        ex_usage_error(run->program, "--resume: %s: %s", path, dim_context_error(run->ctx));
    fprintf(stderr, "%s: goes on after step %llu\n", run->program->name, (unsigned long long)dim_model_steps(model));
    return true;
}

/* The last line that is kept, if it lacks the probes' accuracies: "step,epoch,train_s,wait_s" and a column a report come
 * before these. */
static void keep_row(ex_run *run, const dim_model *model, const char *line, long at)
{
    int probes = ex_log_probes(run), count = dim_model_report_count(model);
    size_t length = strlen(line) - 1; /* without its newline */
    if (length < (size_t)probes || strspn(line + length - probes, ",") < (size_t)probes) {
        run->evaluated = true;
        return;
    }
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

void ex_log_continue(ex_run *run, FILE *log, const char *header, const dim_model *model)
{
    char path[4200], *line = NULL;
    size_t room = 0;
    uint64_t steps = dim_model_steps(model);
    snprintf(path, sizeof path, "%s/log.csv", run->o.out);
    FILE *old = fopen(path, "r");
    if (old == NULL)
        return;
    if (getline(&line, &room, old) > 0 && strcmp(line, header) != 0)
        ex_usage_error(run->program, "--resume: %s has other columns; are --taps the same as before?", path);
    while (getline(&line, &room, old) > 0) {
        char *end;
        unsigned long long step = strtoull(line, &end, 10);
        if (end == line || line[strlen(line) - 1] != '\n' || step > steps)
            break; /* of steps after the checkpoint, which are made again */
        if (step == steps)
            keep_row(run, model, line, ftell(log));
        fputs(line, log);
        sscanf(end, ",%*u,%lf,%lf", &run->train_s, &run->wait_s);
    }
    free(line);
    fclose(old);
}
