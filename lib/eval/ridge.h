/* The system of equations of a ridge classifier. */
#ifndef DIM_EVAL_RIDGE_H
#define DIM_EVAL_RIDGE_H

#include "eval/eval.h"

/* One matrix of doubles serves for everything: the products are kept above its diagonal, on which and below which each
 * lambda's factor is made anew. */
typedef struct dim__ridge {
    dim_context *ctx;
    const dim__probe_data *data;
    int32_t *pick;    /* train's samples, those that are held out last; NULL = as they are: nothing is chosen */
    dim__scaler scaler;
    bool dual;        /* fewer samples than features: the products are of samples, not of features */
    int64_t p, size;  /* features and the 1; equations */
    double *gram;     /* (size, size), above the diagonal */
    double *diagonal; /* (size) */
    double *shift;    /* (size): what centring takes off, see dim__ridge_fit() */
    double *target;   /* (size, classes) */
    double *solution;
    double *sum;      /* (p): the fitted rows' sums, dual alone */
    double *work;     /* for the factor */
    float *w;         /* (p, classes), the result */
    float *z;         /* standardised rows: (DIM__EVAL_ROWS, p), dual (n, p) */
    float *panel;     /* products of a block, and in the dual the solution in float */
    int64_t first, rows, column; /* of the block at work */
} dim__ridge;

/* Allocates everything but pick. */
dim_status dim__ridge_init(dim__ridge *r, const dim__probe_data *data);
void dim__ridge_free(dim__ridge *r);
/* Adds samples first .. last - 1 of pick to the system. */
void dim__ridge_add(dim__ridge *r, int64_t first, int64_t last);
/* w from the first n samples, all of which have been added.  False when the matrix is not positive definite. */
bool dim__ridge_fit(dim__ridge *r, int64_t n, double lambda);

#endif
