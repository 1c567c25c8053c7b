/* How ops divide their work: pieces large enough that tiny tensors never wake the pool. */
#ifndef DIM_OPS_RUN_H
#define DIM_OPS_RUN_H

#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "graph/op.h"

enum {
    DIM__GRAIN = 16384,   /* least elements of a piece */
    DIM__MAX_PIECES = 256 /* as many as a context may have threads */
};

static inline int64_t dim__row_grain(int64_t c) /* in rows of c elements */
{
    return dim__max64(1, DIM__GRAIN / dim__max64(c, 1));
}

/* The (leaky) ReLU that an op applies to its result in the same pass, if any.  Of ops whose backward goes through
 * dim__op_before_activation(). */
static inline void dim__activate(const dim__exec *e, float *y, int64_t n)
{
    float slope = (float)e->attr->activation.slope;
    if (e->attr->activation.on && slope > 0)
        e->ctx->kernels->leaky(y, y, slope, n);
    else if (e->attr->activation.on)
        e->ctx->kernels->relu(y, y, n);
}

/* Elements that a thread computes before it activates them, while they are in its first-level cache. */
enum { DIM__HOT = 4096 };

/* Where several ranks draw for one batch, numbers are those of the whole batch's elements, which are (view, rank, sample, ...).  Of
 * n elements, of which `at` is one: its number; those after it, up to `*run` of them or `end`, have the numbers that follow. */
int64_t dim__draw_number(const dim__exec *e, int64_t n, int64_t at, int64_t end, int64_t *run);

/* Runs over the rows [0, rows) of c elements each; the task gets the exec record. */
static inline void dim__run_rows(const dim__exec *e, int64_t rows, int64_t c, dim__task_fn fn)
{
    dim__parallel(e->ctx, rows, dim__row_grain(c), fn, (void *)e);
}

#endif
