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

void ex_log_continue(ex_run *run, FILE *log, const char *header, uint64_t steps)
{
    char path[4200], *line = NULL;
    size_t room = 0;
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
        fputs(line, log);
        sscanf(end, ",%*u,%lf,%lf", &run->train_s, &run->wait_s);
    }
    free(line);
    fclose(old);
}
