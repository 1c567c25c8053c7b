/* Mean and variance of each column of a matrix whose rows come piece by piece.  Each thread adds the rows that it has at hand
 * to those it had before; at the end the threads' moments are combined, in a fixed order (Chan, Golub, LeVeque 1983), so that
 * nothing cancels. */
#ifndef DIM_OPS_MOMENTS_H
#define DIM_OPS_MOMENTS_H

#include "graph/op.h"

typedef struct dim__moments {
    const dim_context *ctx;
    struct dim__comm *comm; /* of the other ranks, whose rows are to be in, too; NULL = this rank is alone */
    int64_t c;
    double *mean; /* of thread 0: mean (c), sum of squared deviations (c), rows; then of the others; then room for each; then of
                   * each rank */
} dim__moments;

size_t dim__moments_size(const dim_context *ctx, const struct dim__comm *comm, int64_t c); /* bytes of workspace */
dim__moments dim__moments_of(const dim__exec *e, int64_t c, void *workspace); /* of no rows */
void dim__moments_clear(const dim__moments *m); /* of no rows again */
void dim__moments_add(const dim__moments *m, int thread, const float *x, int64_t rows);
/* All threads' and all ranks' together, as m->mean; the squared deviations and the number of rows follow there. */
void dim__moments_combine(const dim__moments *m);
/* The same, rounded: with the biased variance, and 1 / sqrt(var + eps). */
void dim__moments_finish(const dim__moments *m, double eps, float *mean, float *var, float *rstd);

#endif
