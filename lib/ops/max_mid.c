/* Maximum over the middle axes: (N, L..., C) -> (N, C). */
#include "ops/ops.h"

#include "base/pool.h"
#include "ops/rows.h"

typedef struct mid_job {
    const float *x, *y, *dy;
    float *out;
    int64_t l, c;
} mid_job;

static dim_status max_mid_infer(dim__infer *inf)
{
    const dim__shape *x = &inf->in[0];
    DIM__TRY(dim__infer_types(inf, 0));
    if (x->rank < 2)
        return dim__infer_fail(inf, 0, "(N, L..., C)");
    for (int i = 1; i + 1 < x->rank; i++)
        if (x->d[i] < 1)
            return dim__infer_fail(inf, 0, "at least one location");
    inf->out[0] = dim__shape2(x->d[0], dim__shape_last(x));
    return DIM_OK;
}

static int64_t locations(const dim__shape *x)
{
    int64_t l = 1;
    for (int i = 1; i + 1 < x->rank; i++)
        l *= x->d[i];
    return l;
}

static void max_mid_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const mid_job *job = arg;
    int64_t c = job->c;
    (void)thread;
    for (int64_t n = begin; n < end; n++) {
        const float *restrict x = job->x + n * job->l * c;
        float *restrict y = job->out + n * c;
        memcpy(y, x, (size_t)c * sizeof *y);
        for (int64_t l = 0; l < job->l; l++, x += c)
            for (int64_t j = 0; j < c; j++)
                y[j] = x[j] > y[j] || x[j] != x[j] ? x[j] : y[j]; /* NaN wins */
    }
}

static void max_mid_run(const dim__exec *e)
{
    mid_job job = { .x = e->in[0], .out = e->out[0], .l = locations(e->in_shape[0]),
                    .c = dim__shape_last(e->in_shape[0]) };
    dim__parallel(e->ctx, e->in_shape[0]->d[0], dim__row_grain(job.l * job.c), max_mid_task, &job);
}

static void max_mid_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit3(g, &dim__op_max_mid_grad, dout[0], node->in[0], node->out[0], NULL);
}

const dim__op dim__op_max_mid = {
    .name = "max_mid", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_MAXIMUM | DIM__OP_BY_SAMPLE,
    .infer = max_mid_infer, .backward = max_mid_backward, .run = max_mid_run,
};

dim__vid dim__emit_max_mid(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_max_mid, x, NULL); }

/* ---- max_mid_grad: (dy, x, y) -> dx, to the first of equal maxima ------------------------------------------------ */

static dim_status max_mid_grad_infer(dim__infer *inf)
{
    const dim__shape *x = &inf->in[1];
    DIM__TRY(dim__infer_types(inf, 0));
    if (x->rank < 2)
        return dim__infer_fail(inf, 1, "(N, L..., C)");
    dim__shape y = dim__shape2(x->d[0], dim__shape_last(x));
    if (!dim__shape_equal(&inf->in[0], &y))
        return dim__infer_fail(inf, 0, "dy (N, C)");
    if (!dim__shape_equal(&inf->in[2], &y))
        return dim__infer_fail(inf, 2, "y (N, C)");
    inf->out[0] = *x;
    return DIM_OK;
}

enum { LANES = 64 }; /* channels at a time */

static void max_mid_grad_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const mid_job *job = arg;
    int64_t c = job->c;
    (void)thread;
    for (int64_t n = begin; n < end; n++)
        for (int64_t j0 = 0; j0 < c; j0 += LANES) {
            float left[LANES]; /* what is not given away yet */
            int64_t lanes = dim__min64(LANES, c - j0), at = n * job->l * c + j0;
            const float *restrict y = job->y + n * c + j0;
            memcpy(left, job->dy + n * c + j0, (size_t)lanes * sizeof *left);
            for (int64_t l = 0; l < job->l; l++, at += c) {
                const float *restrict x = job->x + at;
                float *restrict dx = job->out + at;
                for (int64_t j = 0; j < lanes; j++) {
                    bool hit = x[j] == y[j] || x[j] != x[j];
                    dx[j] = hit ? left[j] : 0;
                    left[j] = hit ? 0 : left[j];
                }
            }
        }
}

static void max_mid_grad_run(const dim__exec *e)
{
    mid_job job = { .dy = e->in[0], .x = e->in[1], .y = e->in[2], .out = e->out[0], .l = locations(e->in_shape[1]),
                    .c = dim__shape_last(e->in_shape[1]) };
    dim__parallel(e->ctx, e->in_shape[1]->d[0], dim__row_grain(job.l * job.c), max_mid_grad_task, &job);
}

const dim__op dim__op_max_mid_grad = {
    .name = "max_mid_grad", .min_in = 3, .max_in = 3, .n_out = 1, .flags = DIM__OP_BY_SAMPLE,
    .infer = max_mid_grad_infer, .run = max_mid_grad_run,
};
