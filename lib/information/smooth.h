/* An increasing function through some of its points: what ranks, which are a staircase, are a sample of. */
#ifndef DIM_INFORMATION_SMOOTH_H
#define DIM_INFORMATION_SMOOTH_H

#include "base/context.h"

typedef struct dim__smooth {
    int64_t count;       /* knots */
    double *x, *z, *slope;
} dim__smooth;

/* Through points of (n) rising x and z; of many, through those that are next to evenly spaced z. */
dim_status dim__smooth_make(dim_context *ctx, const double *x, const double *z, int64_t n, dim__smooth *out);
void dim__smooth_free(dim_context *ctx, dim__smooth *s);
double dim__smooth_at(const dim__smooth *s, double x, double *slope);

#endif
