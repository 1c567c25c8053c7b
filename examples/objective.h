/* Programs on <dim/objective.h>: what ex_train() is for models. */
#ifndef EXAMPLES_OBJECTIVE_H
#define EXAMPLES_OBJECTIVE_H

#ifndef DIM_EXPERIMENTAL
#define DIM_EXPERIMENTAL
#endif
#include <dim/objective.h>

#include "common.h"

#define EX_MAX_MEASURES 8

/* What is measured before and after training. */
typedef struct ex_measure {
    const char *name, *unit;      /* unit "%": the value is a share of 1; in log.csv and --json it stays one */
} ex_measure;

typedef struct ex_task ex_task;
struct ex_task {
    dim_objective *objective;
    const char *loss;             /* the report that progress shows */
    ex_measure measures[EX_MAX_MEASURES]; /* without a name: the end of the list */
    /* Sets the inputs of a step; images: a batch of the loader's, which stays until the next one. */
    void (*give)(ex_run *run, ex_task *task, dim_tensor *images);
    /* NULL = nothing is measured; false when training is to end. */
    bool (*measure)(ex_run *run, ex_task *task, double values[EX_MAX_MEASURES]);
    ex_drawing *drawing;          /* at the end, with run->task and without an encoder */
    const char *drawing_name;
    void *own;                    /* the program's */
};

/* Trains by the options, with measures before and after it, and what --out asks for.  Returns the program's exit code. */
int ex_train_objective(ex_run *run, ex_task *task);

#endif
