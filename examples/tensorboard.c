/* --tensorboard: what log.csv has, as an event file of each process that trained. */
#include "events.h"
#include "objective.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Training goes on without it; the program's exit code tells. */
static void check_written(ex_run *run, bool written)
{
    if (written)
        return;
    run->events_failed = true;
    ex_report_clear();
    fprintf(stderr, "%s: --tensorboard: cannot write to %s: %s; nothing more is written there\n", run->program->name,
            run->o.tensorboard, strerror(errno));
    if (run->events != NULL) /* what follows a torn record is never read */
        fclose(run->events);
    run->events = NULL;
}

void ex_tensorboard_open(ex_run *run)
{
    char path[EX_MAX_PATH], host[65] = "";
    if (run->o.tensorboard == NULL)
        return;
    if (strlen(run->o.tensorboard) >= 4000)
        ex_usage_error(run->program, "--tensorboard: the path is too long");
    ex_folder_make(run->program, "--tensorboard", run->o.tensorboard);
    (void)gethostname(host, sizeof host - 1);
    snprintf(path, sizeof path, "%s/events.out.tfevents.%010lld.%s.%ld", run->o.tensorboard, (long long)time(NULL),
             host[0] != '\0' && strchr(host, '/') == NULL ? host : "localhost", (long)getpid());
    run->events = fopen(path, "wb");
    if (run->events == NULL)
        ex_usage_error(run->program, "--tensorboard: cannot write %s: %s", path, strerror(errno));
    check_written(run, ex_event_version(run->events, seconds_now()));
}

static void put(ex_event *e, const char *name, double value)
{
    if (isfinite(value))
        ex_event_scalar(e, name, (float)value);
}

void ex_tensorboard_step(ex_run *run, uint64_t step)
{
    ex_event e;
    if (run->events == NULL || run->reports == NULL)
        return;
    ex_event_begin(&e, seconds_now(), (int64_t)step);
    for (int i = 0; i < ex_reports(run); i++)
        put(&e, ex_report_name(run, i), run->reports[i]);
    check_written(run, ex_event_end(&e, run->events));
}

void ex_tensorboard_evaluation(ex_run *run, uint64_t step, const ex_evaluation *found)
{
    ex_event e;
    char name[300];
    if (run->events == NULL || !found->valid)
        return;
    ex_event_begin(&e, seconds_now(), (int64_t)step);
    for (int i = 0; i < ex_measures(run); i++)
        put(&e, run->task->measures[i].name, found->measure[i]);
    for (int i = 0; i < EX_MAX_TAPS && run->taps[i] != NULL; i++)
        for (int k = 0; run->probes[k] != NULL; k++) {
            snprintf(name, sizeof name, "%s.%s", run->taps[i], run->probes[k]->name);
            put(&e, name, found->tap[i].of[k]);
        }
    for (int i = 0; i < EX_MAX_CLASSIFIERS && run->classifiers[i] != NULL; i++) {
        snprintf(name, sizeof name, "%s.test", run->classifiers[i]);
        put(&e, name, found->classifier[i]);
    }
    check_written(run, ex_event_end(&e, run->events));
}

bool ex_tensorboard_close(ex_run *run)
{
    FILE *events = run->events;
    run->events = NULL;
    if (events != NULL)
        check_written(run, fclose(events) == 0);
    return !run->events_failed;
}
