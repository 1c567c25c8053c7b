/* The other ranks, as graphs and steps see them: the caller's functions, the first of which that fails ends it.
 *
 * Programs cannot fail.  So a failed call leaves zeros, no further function is called, and the step looks here after each of
 * its phases. */
#ifndef DIM_BASE_COMM_H
#define DIM_BASE_COMM_H

#ifndef DIM_EXPERIMENTAL
#define DIM_EXPERIMENTAL
#endif
#include "base/context.h"
#include <dim/comm.h>

typedef struct dim__comm {
    dim_comm calls;
    const char *failed; /* the function that did; NULL = none has */
    int code;           /* what it returned */
} dim__comm;

/* Of graphs: NULL is one rank. */
static inline int64_t dim__ranks(const dim__comm *comm) { return comm != NULL ? (int64_t)comm->calls.ranks : 1; }
static inline int64_t dim__rank(const dim__comm *comm) { return comm != NULL ? (int64_t)comm->calls.rank : 0; }

/* Everybody's bytes in the order of ranks; `mine` may lie in its place in `all`. */
void dim__comm_gather(dim__comm *comm, const void *mine, void *all, size_t bytes);
void dim__comm_sum(dim__comm *comm, float *data, int64_t count);
void dim__comm_scatter_sum(dim__comm *comm, const float *all, float *mine, int64_t count);
void dim__comm_broadcast(dim__comm *comm, void *data, size_t bytes);
/* total = the sum of everybody's n doubles, in the order of ranks; room: ranks n; it may begin with `mine`, which stays. */
void dim__comm_totals(dim__comm *comm, const double *mine, double *total, int64_t n, double *room);

/* DIM_E_CALLBACK once a function has failed. */
dim_status dim__comm_status(dim_context *ctx, const dim__comm *comm);

#endif
