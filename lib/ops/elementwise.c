/* affine: scale x + shift.  exp: gradient dy y.  rsqrt: gradient -dy y^3 / 2.  add, mul: of equal shapes.  add may activate its
 * result, see dim__activate(). */
#include "ops/map.h"
#include "ops/ops.h"

#include <math.h>

static void affine_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    (void)thread;
    e->ctx->kernels->affine((float *)e->out[0] + begin, (const float *)e->in[0] + begin,
                            (float)e->attr->affine.scale, (float)e->attr->affine.shift, end - begin);
}

static void add_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t block = e->attr->activation.on ? DIM__HOT : dim__max64(end - begin, 1);
    (void)thread;
    for (int64_t i = begin; i < end; i += block) {
        int64_t n = dim__min64(block, end - i);
        float *y = (float *)e->out[0] + i;
        e->ctx->kernels->add(y, (const float *)e->in[0] + i, (const float *)e->in[1] + i, n);
        dim__activate(e, y, n);
    }
}

static void mul_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    (void)thread;
    e->ctx->kernels->mul((float *)e->out[0] + begin, (const float *)e->in[0] + begin, (const float *)e->in[1] + begin,
                         end - begin);
}

static void affine_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, affine_piece, (void *)e);
}

static void add_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, add_piece, (void *)e);
}

static void mul_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, mul_piece, (void *)e);
}

static void affine_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit_affine(g, dout[0], node->attr.affine.scale, 0);
}

static void add_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__vid d = dim__op_before_activation(g, node, dout[0]);
    for (int k = 0; k < 2; k++)
        if (dim__wants_grad(g, node->in[k]))
            din[k] = d;
}

static void mul_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    for (int k = 0; k < 2; k++)
        if (dim__wants_grad(g, node->in[k]))
            din[k] = dim__emit_mul(g, dout[0], node->in[1 - k]);
}

const dim__op dim__op_affine = {
    .name = "affine", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(affine),
    .flags = DIM__OP_INPLACE0 | DIM__OP_ELEMENTWISE,
    .infer = dim__infer_same, .backward = affine_backward, .run = affine_run,
};
const dim__op dim__op_add = {
    .name = "add", .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = DIM__OP_ACTIVATES | DIM__OP_INPLACE0 | DIM__OP_INPLACE1 | DIM__OP_ELEMENTWISE,
    .infer = dim__infer_same, .backward = add_backward, .run = add_run,
};
const dim__op dim__op_mul = {
    .name = "mul", .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = DIM__OP_INPLACE0 | DIM__OP_INPLACE1 | DIM__OP_ELEMENTWISE,
    .infer = dim__infer_same, .backward = mul_backward, .run = mul_run,
};

dim__vid dim__emit_affine(dim__graph *g, dim__vid x, double scale, double shift)
{
    dim__attr attr = { .affine = { .scale = scale, .shift = shift } };
    return dim__emit1(g, &dim__op_affine, x, &attr);
}

dim__vid dim__emit_add(dim__graph *g, dim__vid a, dim__vid b) { return dim__emit2(g, &dim__op_add, a, b, NULL); }
dim__vid dim__emit_mul(dim__graph *g, dim__vid a, dim__vid b) { return dim__emit2(g, &dim__op_mul, a, b, NULL); }

/* ---- exp --------------------------------------------------------------------------------------------------------- */

static void exp_run(const dim__exec *e) { dim__map_one(e, e->ctx->kernels->exp); }

static void exp_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit_mul(g, dout[0], node->out[0]);
}

const dim__op dim__op_exp = {
    .name = "exp", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_INPLACE0 | DIM__OP_ELEMENTWISE,
    .infer = dim__infer_same, .backward = exp_backward, .run = exp_run,
};

dim__vid dim__emit_exp(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_exp, x, NULL); }

/* ---- rsqrt ------------------------------------------------------------------------------------------------------- */

static void rsqrt_of(float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = 1 / sqrtf(x[i]);
}

static void rsqrt_run(const dim__exec *e) { dim__map_one(e, rsqrt_of); }

static void rsqrt_grad_of(float *dx, const float *dy, const float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        dx[i] = -0.5f * dy[i] * (y[i] * y[i] * y[i]);
}

static void rsqrt_grad_run(const dim__exec *e) { dim__map_two(e, rsqrt_grad_of); }

static void rsqrt_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit2(g, &dim__op_rsqrt_grad, dout[0], node->out[0], NULL);
}

const dim__op dim__op_rsqrt = {
    .name = "rsqrt", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_INPLACE0 | DIM__OP_ELEMENTWISE,
    .infer = dim__infer_same, .backward = rsqrt_backward, .run = rsqrt_run,
};
const dim__op dim__op_rsqrt_grad = {
    .name = "rsqrt_grad", .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = DIM__OP_INPLACE0 | DIM__OP_INPLACE1 | DIM__OP_ELEMENTWISE, .infer = dim__infer_same, .run = rsqrt_grad_run,
};

dim__vid dim__emit_rsqrt(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_rsqrt, x, NULL); }
