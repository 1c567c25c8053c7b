/* Kraskov's estimators of points that are given, without anything around them. */
#ifndef DIM_INFORMATION_KRASKOV_H
#define DIM_INFORMATION_KRASKOV_H

#include "base/context.h"

typedef struct dim__kraskov {
    int64_t n;
    int d[3];                     /* coordinates of x, y and z */
    const float *const *x[3];     /* (d) arrays (n) */
    const int32_t *symbol[3];     /* (n): labels of x, y and z, numbered from 0; NULL = has none */
    int64_t symbols[3];           /* how many different ones */
    bool conditional;             /* z is given, if only as labels */
    int k;
    int64_t apart;                /* rows so close in time are not neighbours; 0 = all are */
    const int32_t *group;         /* (n), or NULL: rows of a group, which follow each other, are not neighbours; `apart` is 0 then */
    bool second;                  /* equation 9; without labels, condition, `apart` and groups */
    dim_status (*heard)(void *user, double share); /* told some times what share is done; ends the run with its status; or NULL */
    void *user;
} dim__kraskov;

/* log p(x,y) / (p(x) p(y)) of each row (n), NaN where a row has no neighbour of its labels, and the mean of the others, of which
 * there are *used. */
dim_status dim__kraskov_run(dim_context *ctx, const dim__kraskov *in, double *pointwise, double *value, int64_t *used);

#endif
