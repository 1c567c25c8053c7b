/* A pool of threads that share the work of one call in a fixed division, so results depend on the number of threads only. */
#ifndef DIM_BASE_POOL_H
#define DIM_BASE_POOL_H

#include "base/context.h"

typedef struct dim__pool dim__pool;
typedef void (*dim__task_fn)(void *arg, int64_t begin, int64_t end, int thread);

dim_status dim__pool_create(dim_context *ctx, uint32_t threads, dim__pool **out);
void dim__pool_destroy(dim_context *ctx, dim__pool *pool);

/* Calls fn over [0, n) cut into at most `threads` contiguous pieces of at least `grain`; piece k runs as thread k.
 * Thread 0 is the caller.  In a forked child, where the workers are gone, the caller runs all pieces, with the same
 * numbers.  Called from inside a task it runs as one piece, thread 0, on the task's own thread. */
void dim__parallel(dim_context *ctx, int64_t n, int64_t grain, dim__task_fn fn, void *arg);

/* Pieces that dim__parallel would cut [0, n) into. */
int dim__parallel_pieces(const dim_context *ctx, int64_t n, int64_t grain);
/* Start of piece k: the first n % pieces pieces have one element more. */
int64_t dim__parallel_begin(int64_t n, int pieces, int k);

#endif
