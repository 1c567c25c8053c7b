/* Programs on <dim/objective.h>: what ex_train() is for models, and what both have in common. */
#ifndef EXAMPLES_OBJECTIVE_H
#define EXAMPLES_OBJECTIVE_H

#define DIM_EXPERIMENTAL
#include <dim/objective.h>

#include "common.h"

/* What is measured before and after training. */
typedef struct ex_measure {
    const char *name, *unit;      /* unit "%": the value is a share of 1; in log.csv and --json it stays one */
} ex_measure;

struct ex_task {
    dim_objective *objective;
    const char *loss;             /* the report that progress shows */
    ex_measure measures[EX_MAX_MEASURES]; /* one without a name ends the list */
    /* Sets the inputs of a step; images: a batch of the loader's, which stays until the next one. */
    void (*give)(ex_run *run, ex_task *task, dim_tensor *images);
    /* false when training is to end. */
    bool (*measure)(ex_run *run, ex_task *task, double values[EX_MAX_MEASURES]);
    ex_drawing *drawing;          /* at the end, from run->task, without an encoder */
    const char *drawing_name;     /* the file's */
    void *own;                    /* the program's */
};

/* Trains by the options, with measures, reports, and what --out asks for.  Returns the program's exit code. */
int ex_train_objective(ex_run *run, ex_task *task);

/* ---- objective.c: of the model or the objective that is trained */

uint64_t ex_steps(const ex_run *run);
int ex_reports(const ex_run *run);
const char *ex_report_name(const ex_run *run, int i);
bool ex_report(const ex_run *run, const char *name, double *value); /* false before the first step */
const char *ex_loss_name(const ex_run *run); /* of the report that progress shows */
int ex_measures(const ex_run *run); /* how many; 0 of a model, which has probes */
bool ex_evaluates(const ex_run *run); /* whether there are measures or probes */

#endif
