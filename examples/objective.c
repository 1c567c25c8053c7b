/* What is trained, a model or an objective: what the frame of the programs asks of both. */
#include "objective.h"

uint64_t ex_steps(const ex_run *run)
{
    return run->task != NULL ? dim_objective_steps(run->task->objective) : dim_model_steps(run->model);
}

int ex_reports(const ex_run *run)
{
    return run->task != NULL ? dim_objective_report_count(run->task->objective) : dim_model_report_count(run->model);
}

const char *ex_report_name(const ex_run *run, int i)
{
    return run->task != NULL ? dim_objective_report_name(run->task->objective, i) : dim_model_report_name(run->model, i);
}

bool ex_report(const ex_run *run, const char *name, double *value)
{
    return (run->task != NULL ? dim_objective_report(run->task->objective, name, value)
                              : dim_model_report(run->model, name, value)) == DIM_OK;
}

const char *ex_loss_name(const ex_run *run) { return run->task != NULL ? run->task->loss : "loss"; }

int ex_measures(const ex_run *run)
{
    int count = 0;
    while (run->task != NULL && count < EX_MAX_MEASURES && run->task->measures[count].name != NULL)
        count++;
    return count;
}

bool ex_evaluates(const ex_run *run) { return run->task != NULL || run->o.probe_train > 0; }
