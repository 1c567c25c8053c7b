/* Checkpoints and --resume: DIR/checkpoint.safetensors, and the part of DIR/log.csv that belongs to it. */
#include "common.h"

#include <stdlib.h>

static const char checkpoint[] = "checkpoint.safetensors";

bool ex_checkpoint_save(ex_run *run, dim_model *model, const dim_loader *loader)
{
    char path[EX_MAX_PATH];
    run->checkpoint_at = dim_model_steps(model);
    run->has_checkpoint = dim_checkpoint_save(model, loader, ex_folder_file(run, checkpoint, path)) == DIM_OK;
    if (run->has_checkpoint)
        return true;
    ex_report_clear();
    fprintf(stderr, "%s: %s\n", run->program->name, dim_context_error(run->ctx));
    return false;
}

void ex_checkpoint_load(ex_run *run, dim_model *model, dim_loader *loader)
{
    char path[EX_MAX_PATH];
    if (dim_checkpoint_load(model, loader, ex_folder_file(run, checkpoint, path)) != DIM_OK)
        ex_usage_error(run->program, "--resume: %s: %s", path, dim_context_error(run->ctx));
    run->has_checkpoint = true;
    run->checkpoint_at = dim_model_steps(model);
    fprintf(stderr, "%s: goes on after step %llu\n", run->program->name, (unsigned long long)run->checkpoint_at);
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
    char path[EX_MAX_PATH], *line = NULL;
    size_t room = 0;
    unsigned long long last = dim_model_steps(model);
    FILE *old = fopen(ex_folder_file(run, "log.csv", path), "r");
    if (old == NULL)
        return;
    if (getline(&line, &room, old) > 0 && strcmp(line, header) != 0)
        ex_usage_error(run->program, "--resume: %s has other columns; are --taps the same as before?", path);
    while (getline(&line, &room, old) > 0) {
        char *end;
        unsigned long long step = strtoull(line, &end, 10), steps = dim_model_steps(model);
        if (end == line || line[strlen(line) - 1] != '\n')
            break;
        last = step;
        if (step > steps) /* after the checkpoint */
            continue;
        if (step == steps)
            keep_row(run, model, line, ftell(log));
        fputs(line, log);
        sscanf(end, ",%*u,%lf,%lf", &run->train_s, &run->wait_s);
    }
    if (last > dim_model_steps(model))
        fprintf(stderr, "%s: the run had come to step %llu; the steps after the checkpoint are made again\n",
                run->program->name, last);
    free(line);
    fclose(old);
}
