/* The loss of an estimator of the information between two values: features of the two sides, critic, estimator, for every
 * pair of views. */
#ifndef DIM_OBJECTIVE_LOSSES_INFORMATION_H
#define DIM_OBJECTIVE_LOSSES_INFORMATION_H

#include "nn/encoder.h"
#include "objective/critics/critics.h"
#include "objective/objective.h"

typedef struct dim__side { /* a value that a loss compares */
    dim__vid v;
    const int64_t *shape;      /* of a sample: C, H, W; H = W = 0 for a vector */
    int64_t views;
    bool labels;               /* i32, one a sample: shape tells nothing */
    bool whole;                /* information: pair this map as a whole (DIM(G)) */
    const dim_encoder *enc;    /* the network that made it, NULL for an input */
    int64_t layer;             /* of enc */
} dim__side;

typedef struct dim__information {
    dim_term_options o;        /* checked, defaults filled in; its pointers are NULL */
    dim_estimator_options estimator;
    dim__param *state;         /* MINE's moving average, once declared */
} dim__information;

extern const dim__table dim__term_table;
/* Checks the options but for name and sides; `name` is for the texts. */
dim_status dim__information_options(dim_context *ctx, const char *name, const dim_term_options *in, dim__information *out);
/* Checks the sides against them: the critic's convolutions, MINE's one average; `name` is for the texts. */
dim_status dim__information_check(dim_context *ctx, const char *name, const dim__information *t, const dim__side *x,
                                  const dim__side *y);
/* The nodes of all pairs of views, averaged; record is DIM__NONE.  scope has the prefix "<name>.". */
dim__est_nodes dim__emit_information(const dim__scope *scope, dim__information *t, const dim__side *x, const dim__side *y,
                                     int64_t samples);

#endif
