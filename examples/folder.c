/* The folder that --out names, and whether a run in it may be replaced or continued. */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What makes a folder one with a run in it. */
static const char *const files[] = { "checkpoint.safetensors", "weights.safetensors", "log.csv" };
enum { CHECKPOINT, N_FILES = sizeof files / sizeof *files };

const char *ex_folder_file(const ex_run *run, const char *name, char path[EX_MAX_PATH])
{
    snprintf(path, EX_MAX_PATH, "%s/%s", run->o.out, name);
    return path;
}

static bool is_there(const ex_run *run, const char *name)
{
    char path[EX_MAX_PATH];
    struct stat info;
    if (lstat(ex_folder_file(run, name, path), &info) == 0)
        return true;
    if (errno != ENOENT && errno != ENOTDIR)
        ex_usage_error(run->program, "--out: cannot look at %s: %s", path, strerror(errno));
    return false;
}

/* The first file of a run; NULL where there is no run. */
static const char *find_run(const ex_run *run)
{
    for (int i = 0; i < N_FILES; i++)
        if (is_there(run, files[i]))
            return files[i];
    return NULL;
}

bool ex_folder_resumes(const ex_run *run) { return run->o.resume && is_there(run, files[CHECKPOINT]); }

/* Makes a folder and those above it. */
static void make(const ex_program *program, const char *path)
{
    char part[4096];
    struct stat info;
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            ex_usage_error(program, "--out: cannot make the folder %s: %s", part, strerror(errno));
    }
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        ex_usage_error(program, "--out: %s is not a folder", path);
}

void ex_folder_open(ex_run *run)
{
    const ex_options *o = &run->o;
    if (o->out == NULL)
        return;
    if (strlen(o->out) >= 4096)
        ex_usage_error(run->program, "--out: the path is too long");
    const char *file = find_run(run);
    bool checkpoint = file == files[CHECKPOINT];
    if (o->resume && !o->overwrite && file == NULL)
        ex_usage_error(run->program, "--resume: there is no run in %s; is --out right? To start one, leave --resume out",
                       o->out);
    if (o->resume && !o->overwrite && !checkpoint)
        ex_usage_error(run->program,
                       "--resume: there is no checkpoint in %s, but a %s, of a run that was killed before it wrote one; "
                       "--overwrite starts over in its place", o->out, file);
    if (!o->resume && !o->overwrite && file != NULL)
        ex_usage_error(run->program,
                       "--out: there is a run in %s already (%s); %s--overwrite replaces it, another folder keeps it",
                       o->out, file, checkpoint ? "--resume goes on from it, " : "");
    make(run->program, o->out);
}

void ex_folder_clear(const ex_run *run)
{
    char path[EX_MAX_PATH];
    for (int i = 0; i < N_FILES; i++)
        if (unlink(ex_folder_file(run, files[i], path)) != 0 && errno != ENOENT)
            ex_usage_error(run->program, "--overwrite: cannot remove %s: %s", path, strerror(errno));
}
