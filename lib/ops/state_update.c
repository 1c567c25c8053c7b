/* state = (1 - rate) state + rate factor value: running statistics. */
#include "ops/ops.h"
#include "ops/run.h"

static void update_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    float *state = e->in[0];
    const float *value = e->in[1];
    double rate = e->attr->update.rate, keep = 1 - rate, take = rate * e->attr->update.factor;
    (void)thread;
    for (int64_t i = begin; i < end; i++) /* at rate 1 what the state was does not matter, NaN included */
        state[i] = (float)(keep != 0 ? keep * state[i] + take * value[i] : take * value[i]);
}

static void update_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->in_shape[0]), DIM__GRAIN, update_piece, (void *)e);
}

/* No output, so nothing for dim__infer_same() to set. */
static dim_status update_infer(dim__infer *inf)
{
    char text[128];
    DIM__TRY(dim__infer_types(inf, 0));
    if (!dim__shape_equal(&inf->in[0], &inf->in[1]))
        return dim__infer_fail(inf, 1, dim__op_shape_text(text, &inf->in[0]));
    return DIM_OK;
}

const dim__op dim__op_state_update = {
    .name = "state_update", .min_in = 2, .max_in = 2, .n_out = 0, .attr_size = DIM__ATTR_SIZE(update),
    .flags = DIM__OP_EFFECT,
    .infer = update_infer, .run = update_run,
};

dim__attr dim__op_state_update_attr(double rate, double factor)
{
    return (dim__attr){ .update = { .rate = rate, .factor = factor } };
}
