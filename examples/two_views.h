/* What two_views.c shares with its other half, two_views_retrieval.c. */
#ifndef EXAMPLES_TWO_VIEWS_H
#define EXAMPLES_TWO_VIEWS_H

#include "objective.h"

enum { LEFT, RIGHT, SIDES };
extern const char *const two_views_sides[SIDES]; /* inputs */

typedef struct two_views {
    dim_network *network[SIDES];
    dim_tensor *images;           /* of the test set */
    float *scores;                /* of left half i and right half j */
    const char *value;            /* the report of the loss that is measured on test images */
} two_views;

int64_t two_views_half(const ex_run *run); /* the width of a half */

/* Of an ex_task whose `own` is a two_views. */
void two_views_give(ex_run *run, ex_task *task, dim_tensor *images);
bool two_views_measure(ex_run *run, ex_task *task, double values[EX_MAX_MEASURES]);
ex_drawing two_views_draw;

#endif
