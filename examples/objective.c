/* Parts of objectives; and what is trained, a model or an objective: what the frame of the programs asks of both. */
#include "objective.h"

dim_network *ex_network(ex_run *run, const int64_t shape[3], const dim_layer_options *layers, size_t n)
{
    dim_network *network = NULL;
    dim_encoder_builder *b = NULL;
    EX_TRY(run, dim_encoder_builder_create(run->ctx, (uint32_t)shape[0], (uint32_t)shape[1], (uint32_t)shape[2], &b));
    for (size_t i = 0; i < n; i++)
        ex_add_layer(run, b, layers[i]);
    EX_TRY(run, dim_encoder_builder_finish(b, NULL, &network));
    dim_encoder_builder_destroy(b);
    return network;
}

void ex_give(ex_run *run, dim_tensor *images)
{
    if (run->task->give != NULL)
        run->task->give(run, run->task, images);
    else
        EX_TRY(run, dim_objective_set(run->task->objective, "images", images));
}

int64_t ex_give_tested(ex_run *run, int64_t most)
{
    dim_tensor *images = ex_tested_images(run, most);
    int64_t count = dim_tensor_size(images, 0);
    ex_give(run, images); /* the objective holds them */
    dim_tensor_destroy(images);
    return count;
}

bool ex_measure_all(ex_run *run, double values[EX_MAX_MEASURES])
{
    const ex_task *task = run->task;
    if (task->measure != NULL)
        return task->measure(run, run->task, values);
    ex_give_tested(run, task->tested);
    EX_TRY(run, dim_objective_evaluate(task->objective));
    for (int i = 0; i < ex_measures(run); i++)
        EX_TRY(run, dim_objective_report(task->objective, task->measures[i].report, &values[i]));
    return true;
}

bool ex_task_finish(ex_run *run)
{
    return run->task->finish == NULL || run->task->finish(run, run->task);
}

bool ex_draw_values(ex_run *run, const char *const *values, const int64_t *rows, int n, int64_t columns, const char *caption,
                    const char *path, const char **why)
{
    dim_tensor *part[8];
    columns = ex_give_tested(run, columns); /* there may be fewer */
    for (int i = 0; i < n; i++) {
        const int64_t shape[4] = { rows[i] * columns, run->shape[0], run->shape[1], run->shape[2] };
        EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 4, shape, &part[i]));
        EX_TRY(run, dim_objective_compute(run->task->objective, values[i], part[i]));
    }
    bool drawn = ex_draw_grid((const dim_tensor *const *)part, n, columns, caption, path, why);
    for (int i = 0; i < n; i++)
        dim_tensor_destroy(part[i]);
    return drawn;
}

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
