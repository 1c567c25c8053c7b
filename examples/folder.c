/* The folder that --out names, and whether a run in it may be replaced or continued. */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What makes a folder one with a run in it. */
static const char *const files[] = { "checkpoint.safetensors", "weights.safetensors", "log.csv" };
enum { CHECKPOINT, WEIGHTS, LOG, N_FILES = sizeof files / sizeof *files };

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

/* A log without a step is not a run yet: the program ended at once, as at a broken image. */
static bool has_steps(const ex_run *run)
{
    static const char columns[] = "step,epoch,";
    char path[EX_MAX_PATH], *line = NULL;
    size_t room = 0;
    FILE *log = fopen(ex_folder_file(run, files[LOG], path), "r");
    if (log == NULL)
        return true; /* whatever it is, it must not be lost */
    bool first = getline(&line, &room, log) > 0, steps = first && strncmp(line, columns, sizeof columns - 1) != 0;
    while (first && !steps && getline(&line, &room, log) > 0)
        steps = line[0] != '0';
    free(line);
    fclose(log);
    return steps;
}

/* The first file of a run; NULL where there is no run. */
static const char *find_run(const ex_run *run)
{
    for (int i = 0; i < N_FILES; i++)
        if (is_there(run, files[i]) && (i != LOG || has_steps(run)))
            return files[i];
    return NULL;
}

bool ex_folder_has_run(const ex_run *run) { return find_run(run) != NULL; }

bool ex_folder_resumes(const ex_run *run) { return run->o.resume && is_there(run, files[CHECKPOINT]); }

void ex_folder_make(const ex_program *program, const char *option, const char *path)
{
    char part[4096];
    struct stat info;
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            ex_usage_error(program, "%s: cannot make the folder %s: %s", option, part, strerror(errno));
    }
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        ex_usage_error(program, "%s: %s is not a folder", option, path);
}

/* A folder is one program's until that ends; a lock of the system's goes with it, however it ends.   false where
 * there is no folder yet. */
static bool lock(ex_run *run)
{
    run->lock = open(run->o.out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->lock < 0)
        return errno != ENOENT;
    if (flock(run->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) /* some file systems have no locks */
        ex_usage_error(run->program, "--out: another program is writing a run into %s; wait until it ends, or name another "
                       "folder", run->o.out);
    return true;
}

/* Ends the program where the folder's run must not be replaced, or has nothing to go on from. */
static void refuse(const ex_run *run)
{
    const ex_options *o = &run->o;
    const char *file = find_run(run);
    bool checkpoint = file == files[CHECKPOINT];
    bool weights = file == files[WEIGHTS] && !run->program->objective; /* which has no --init */
    if (o->overwrite)
        return;
    if (o->resume && file == NULL)
        ex_usage_error(run->program, "--resume: there is no run in %s; is --out right? To start one, leave --resume out",
                       o->out);
    if (o->resume && !checkpoint)
        ex_usage_error(run->program,
                       "--resume: there is no checkpoint in %s, only a %s: the run ended before it could write one. "
                       "--overwrite in place of --resume starts over%s%s%s%s", o->out, file,
                       weights ? "; with --init " : "", weights ? o->out : "", weights ? "/" : "",
                       weights ? "weights.safetensors it starts with this encoder" : "");
    if (!o->resume && file != NULL)
        ex_usage_error(run->program,
                       "--out: there is a run in %s already (%s); %s--overwrite replaces it, another folder keeps it",
                       o->out, file, checkpoint ? "--resume goes on from it, " : "");
}

void ex_folder_open(ex_run *run)
{
    const ex_options *o = &run->o;
    run->lock = -1;
    if (o->out == NULL)
        return;
    if (strlen(o->out) >= 4096)
        ex_usage_error(run->program, "--out: the path is too long");
    if (run->program->evaluates) { /* what it writes is made anew by the same call, but for what belongs to a run */
        if (find_run(run) != NULL)
            ex_usage_error(run->program, "--out: there is a training run in %s, whose report.html this would replace; name another "
                           "folder, such as %s/eval", o->out, o->out);
        ex_folder_make(run->program, "--out", o->out);
        if (access(o->out, W_OK | X_OK) != 0) /* said now, not when all has been computed */
            ex_usage_error(run->program, "--out: cannot write into %s: %s", o->out, strerror(errno));
        lock(run);
        return;
    }
    bool there = lock(run);
    refuse(run);
    ex_folder_make(run->program, "--out", o->out);
    if (!there) {
        lock(run);
        refuse(run); /* a run that has come meanwhile */
    }
}

void ex_folder_replace(ex_run *run, const char *saved)
{
    char path[EX_MAX_PATH], log[EX_MAX_PATH];
    if (!run->replaces)
        return;
    run->replaces = false;
    for (int i = 0; i < LOG; i++)
        if (strcmp(files[i], saved) != 0)
            unlink(ex_folder_file(run, files[i], path));
    if (rename(ex_folder_file(run, EX_NEW_LOG, path), ex_folder_file(run, files[LOG], log)) != 0)
        fprintf(stderr, "%s: --overwrite: cannot replace %s: %s\n", run->program->name, log, strerror(errno));
}

void ex_folder_restore(ex_run *run)
{
    char path[EX_MAX_PATH];
    unlink(ex_folder_file(run, EX_NEW_LOG, path));
    run->begun = run->replaces = false;
    fprintf(stderr, "%s: no step was trained; the run in %s stays as it was\n", run->program->name, run->o.out);
}
