/* f32 to bf16 and back: attr.type is the type of the result.  Only passes/precision.c emits it, when gradients are there. */
#include "ops/ops.h"

#include "ops/run.h"

#include <string.h>

static dim_status cast_infer(dim__infer *inf)
{
    dim_dtype to = (dim_dtype)inf->attr->type;
    if (to != DIM_F32 && to != DIM__BF16)
        return dim__fail(inf->ctx, DIM_E_INVALID, "cast: type %d", (int)to);
    DIM__TRY(dim__infer_types(inf, 0));
    inf->out[0] = inf->in[0];
    inf->out_type[0] = to;
    return DIM_OK;
}

static void cast_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    const dim__kernels *k = e->ctx->kernels;
    (void)thread;
    if (e->in_type[0] == e->out_type[0])
        memcpy((char *)e->out[0] + begin * (int64_t)dim__value_size(e->in_type[0]),
               (const char *)e->in[0] + begin * (int64_t)dim__value_size(e->in_type[0]),
               (size_t)(end - begin) * dim__value_size(e->in_type[0]));
    else if (e->out_type[0] == DIM__BF16)
        k->to_bf16((uint16_t *)e->out[0] + begin, (const float *)e->in[0] + begin, end - begin);
    else
        k->from_bf16((float *)e->out[0] + begin, (const uint16_t *)e->in[0] + begin, end - begin);
}

static void cast_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, cast_piece, (void *)e);
}

const dim__op dim__op_cast = {
    .name = "cast", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(type),
    .flags = DIM__OP_REPEATABLE | DIM__OP_BF16_IN(1) | DIM__OP_BF16_OUT(1), .infer = cast_infer, .run = cast_run,
};

dim__vid dim__emit_cast(dim__graph *g, dim__vid x, dim_dtype type)
{
    dim__attr attr = { .type = type };
    return dim__emit1(g, &dim__op_cast, x, &attr);
}
