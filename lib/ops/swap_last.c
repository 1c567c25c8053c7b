/* swap_last: (N, P, C) -> (N, C, P), a map's positions and channels exchanged; its own inverse. */
#include "base/pool.h"
#include "ops/ops.h"

dim__vid dim__emit_swap_last(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_swap_last, x, NULL); }

static dim_status infer(dim__infer *inf)
{
    if (inf->in[0].rank != 3 || inf->in_type[0] != DIM_F32)
        return dim__infer_fail(inf, 0, "f32 (N, P, C)");
    inf->out[0] = dim__shape3(inf->in[0].d[0], inf->in[0].d[2], inf->in[0].d[1]);
    return DIM_OK;
}

static void backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    (void)node;
    din[0] = dim__emit_swap_last(g, dout[0]);
}

static void task(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t p = e->in_shape[0]->d[1], c = e->in_shape[0]->d[2];
    (void)thread;
    for (int64_t n = begin; n < end; n++) {
        const float *in = (const float *)e->in[0] + n * p * c;
        float *out = (float *)e->out[0] + n * p * c;
        for (int64_t i = 0; i < p; i++)
            for (int64_t j = 0; j < c; j++)
                out[j * p + i] = in[i * c + j];
    }
}

static void run(const dim__exec *e)
{
    int64_t each = e->in_shape[0]->d[1] * e->in_shape[0]->d[2];
    dim__parallel(e->ctx, e->in_shape[0]->d[0], 1 + 16384 / (each + 1), task, (void *)e);
}

const dim__op dim__op_swap_last = {
    .name = "swap_last", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_REPEATABLE,
    .infer = infer, .backward = backward, .run = run,
};
