/* Hides a block of each sample: y is x, but 0 in a window of fixed size at a random place (attr.pool.kernel_h, kernel_w), wholly
 * inside the map.  A place is a function of (seed, step, stream, sample), as other draws are. */
#include "base/math.h"
#include "base/rng.h"
#include "ops/ops.h"
#include "ops/run.h"

#include <string.h>

static dim_status infer(dim__infer *inf)
{
    const dim__shape *x = &inf->in[0];
    const dim__attr_pool *a = &inf->attr->pool;
    if (x->rank != 4)
        return dim__infer_fail(inf, 0, "(N, H, W, C)");
    if (a->kernel_h < 1 || a->kernel_w < 1 || a->kernel_h > x->d[1] || a->kernel_w > x->d[2])
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: a block of %lld x %lld does not fit into %lld x %lld", inf->op,
                         (long long)a->kernel_h, (long long)a->kernel_w, (long long)x->d[1], (long long)x->d[2]);
    return dim__infer_same(inf);
}

static void piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    const dim__shape *s = e->in_shape[0];
    const dim__attr_pool *a = &e->attr->pool;
    int64_t h = s->d[1], w = s->d[2], c = s->d[3], each = h * w * c;
    uint64_t seed = dim__mix(e->seed, e->step);
    (void)thread;
    for (int64_t n = begin; n < end; n++) {
        const float *x = (const float *)e->in[0] + n * each;
        float *y = (float *)e->out[0] + n * each;
        int64_t run;
        uint64_t number = 2 * (uint64_t)dim__draw_number(e, s->d[0], n, end, &run);
        int64_t top = (int64_t)dim__rng_below((uint64_t)(h - a->kernel_h + 1), seed, e->stream, number);
        int64_t left = (int64_t)dim__rng_below((uint64_t)(w - a->kernel_w + 1), seed, e->stream, number + 1);
        if (y != x)
            memcpy(y, x, (size_t)each * sizeof *y);
        for (int64_t i = top; i < top + a->kernel_h; i++)
            memset(y + (i * w + left) * c, 0, (size_t)(a->kernel_w * c) * sizeof *y);
    }
}

static void run(const dim__exec *e)
{
    int64_t n = e->in_shape[0]->d[0];
    dim__run_rows(e, n, dim__shape_count(e->in_shape[0]) / dim__max64(n, 1), piece);
}

static void backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__attr attr = node->attr;
    attr.stream = node->stream + 1; /* what was hidden gets no gradient */
    din[0] = dim__emit1(g, &dim__op_occlude, dout[0], &attr);
}

const dim__op dim__op_occlude = {
    .name = "occlude", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(pool),
    .flags = DIM__OP_REPEATABLE | DIM__OP_INPLACE0 | DIM__OP_RANDOM,
    .infer = infer, .backward = backward, .run = run,
};

dim__vid dim__emit_occlude(dim__graph *g, dim__vid x, int64_t height, int64_t width)
{
    dim__attr attr = { .pool = { .kernel_h = height, .kernel_w = width } };
    return dim__emit1(g, &dim__op_occlude, x, &attr);
}
