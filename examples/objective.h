/* Programs on <dim/objective.h>: what ex_train() is for models, and what both have in common. */
#ifndef EXAMPLES_OBJECTIVE_H
#define EXAMPLES_OBJECTIVE_H

#define DIM_EXPERIMENTAL
#include <dim/objective.h>

#include "common.h"

/* An options struct in one expression: what its fields do not say is the library's default. */
#define EX_OPTIONS(type, ...) (&(type){ .size = sizeof(type), __VA_ARGS__ })

/* What is measured before and after training. */
typedef struct ex_measure {
    const char *name, *unit;      /* unit "%": the value is a share of 1; in log.csv and --json it stays one */
    const char *report;           /* of the objective; NULL = the program measures by itself */
} ex_measure;

struct ex_task {
    dim_objective *objective;
    const char *loss;             /* the report that progress shows */
    ex_measure measures[EX_MAX_MEASURES]; /* one without a name ends the list */
    int64_t tested;               /* without `measure`: reports are of so many test images */
    /* Sets the inputs of a step; images: a batch of the loader's, which stays until the next one.  NULL: the input "images" is
     * all there is. */
    void (*give)(ex_run *run, ex_task *task, dim_tensor *images);
    /* false when training is to end.  NULL: the measures' reports of an evaluation on test images. */
    bool (*measure)(ex_run *run, ex_task *task, double values[EX_MAX_MEASURES]);
    void (*stepped)(ex_run *run, ex_task *task); /* after each step; NULL = nothing */
    void (*print)(ex_run *run, ex_task *task, const ex_evaluation *e); /* an evaluation; NULL = as for other programs */
    /* At the end of a run that was finished, when it is saved and drawn; false, and says why, where it fails.  NULL = nothing. */
    bool (*finish)(ex_run *run, ex_task *task);
    ex_drawing *drawing;          /* at the end, from run->task, without an encoder */
    const char *drawing_name;     /* the file's */
    void *own;                    /* the program's */
};

/* Trains by the options, with measures, reports, and what --out asks for.  Returns the program's exit code. */
int ex_train_objective(ex_run *run, ex_task *task);

/* ---- objective.c: parts of objectives, of the task's */

/* A network of n layers, whose sizes need not be set, for samples of that shape. */
dim_network *ex_network(ex_run *run, const int64_t shape[3], const dim_layer_options *layers, size_t n);

void ex_give(ex_run *run, dim_tensor *images);
int64_t ex_give_tested(ex_run *run, int64_t most); /* ex_tested_images(); their number */
bool ex_task_finish(ex_run *run); /* what the task does at the end; false, and says why */
bool ex_measure_all(ex_run *run, double values[EX_MAX_MEASURES]);

/* Draws n values, 8 at most, as ex_draw_grid(): those of `columns` test images in one row, those of drawn inputs in rows[i]. */
bool ex_draw_values(ex_run *run, const char *const *values, const int64_t *rows, int n, int64_t columns, const char *caption,
                    const char *path, const char **why);

/* ---- objective.c: of the model or the objective that is trained */

uint64_t ex_steps(const ex_run *run);
int ex_reports(const ex_run *run);
const char *ex_report_name(const ex_run *run, int i);
bool ex_report(const ex_run *run, const char *name, double *value); /* false before the first step */
const char *ex_loss_name(const ex_run *run); /* of the report that progress shows */
int ex_measures(const ex_run *run); /* how many; 0 of a model, which has probes */
bool ex_evaluates(const ex_run *run); /* whether there are measures or probes */

#endif
