/* relu, leaky_relu, sigmoid, tanh: gradients from the output y, so that y may replace x.  softplus: from x.  Only the gradient of
 * a ReLU can be differentiated again, for penalties of gradients (objective/priors/adversarial.c). */
#include "ops/map.h"
#include "ops/ops.h"

/* An op with its emission, and its gradient as an op of (dy, y): both straight from the kernel table. */
#define ACTIVATION(op, again)                                                                                             \
    static void op##_run(const dim__exec *e) { dim__map_one(e, e->ctx->kernels->op); }                                 \
    static void op##_grad_run(const dim__exec *e) { dim__map_two(e, e->ctx->kernels->op##_grad); }                     \
    static void op##_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)               \
    {                                                                                                                  \
        din[0] = dim__emit2(g, &dim__op_##op##_grad, dout[0], node->out[0], NULL);                                     \
    }                                                                                                                  \
    const dim__op dim__op_##op = {                                                                                     \
        .name = #op, .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_INPLACE0 | DIM__OP_ELEMENTWISE,            \
        .infer = dim__infer_same, .backward = op##_backward, .run = op##_run,                                          \
    };                                                                                                                 \
    const dim__op dim__op_##op##_grad = {                                                                              \
        .name = #op "_grad", .min_in = 2, .max_in = 2, .n_out = 1,                                                     \
        .flags = DIM__OP_INPLACE0 | DIM__OP_INPLACE1 | DIM__OP_ELEMENTWISE,                                            \
        .infer = dim__infer_same, .backward = (again), .run = op##_grad_run,                                             \
    };                                                                                                                 \
    dim__vid dim__emit_##op(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_##op, x, NULL); }

/* Linear in dy, and flat in y but where it is 0. */
static void relu_again(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dim__wants_grad(g, node->in[0]))
        din[0] = dim__emit2(g, &dim__op_relu_grad, dout[0], node->in[1], NULL);
}

ACTIVATION(relu, relu_again)
ACTIVATION(sigmoid, NULL)
ACTIVATION(tanh, NULL)

/* ---- leaky_relu: slope > 0, so the sign of y is that of x -------------------------------------------------------- */

static void leaky_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    (void)thread;
    e->ctx->kernels->leaky((float *)e->out[0] + begin, (const float *)e->in[0] + begin, (float)e->attr->slope,
                           end - begin);
}

static void leaky_grad_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    (void)thread;
    e->ctx->kernels->leaky_grad((float *)e->out[0] + begin, (const float *)e->in[0] + begin,
                                (const float *)e->in[1] + begin, (float)e->attr->slope, end - begin);
}

static void leaky_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, leaky_piece, (void *)e);
}

static void leaky_grad_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, leaky_grad_piece, (void *)e);
}

static dim_status leaky_infer(dim__infer *inf)
{
    if (!(inf->attr->slope > 0) || !isfinite(inf->attr->slope))
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: slope is %g, wants > 0", inf->op, inf->attr->slope);
    return dim__infer_same(inf);
}

static void leaky_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit2(g, &dim__op_leaky_relu_grad, dout[0], node->out[0], &node->attr);
}

const dim__op dim__op_leaky_relu = {
    .name = "leaky_relu", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(slope),
    .flags = DIM__OP_INPLACE0 | DIM__OP_ELEMENTWISE,
    .infer = leaky_infer, .backward = leaky_backward, .run = leaky_run,
};
const dim__op dim__op_leaky_relu_grad = {
    .name = "leaky_relu_grad", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(slope),
    .flags = DIM__OP_INPLACE0 | DIM__OP_INPLACE1 | DIM__OP_ELEMENTWISE,
    .infer = leaky_infer, .run = leaky_grad_run,
};

dim__vid dim__emit_leaky_relu(dim__graph *g, dim__vid x, double slope)
{
    dim__attr attr = { .slope = slope };
    return dim__emit1(g, &dim__op_leaky_relu, x, &attr);
}

dim__vid dim__op_before_activation(dim__graph *g, const dim__node *node, dim__vid dy)
{
    dim__attr slope = { .slope = node->attr.activation.slope };
    if (dy == DIM__NONE || !node->attr.activation.on)
        return dy;
    return slope.slope > 0 ? dim__emit2(g, &dim__op_leaky_relu_grad, dy, node->out[0], &slope)
                           : dim__emit2(g, &dim__op_relu_grad, dy, node->out[0], NULL);
}

/* ---- softplus: dx = dy sigmoid(x) -------------------------------------------------------------------------------- */

static void softplus_run(const dim__exec *e) { dim__map_one(e, e->ctx->kernels->softplus); }

static void softplus_grad_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    float *dx = (float *)e->out[0] + begin;
    (void)thread;
    /* dx is written before dy is read: it may lie on x, but not on dy */
    e->ctx->kernels->sigmoid(dx, (const float *)e->in[1] + begin, end - begin);
    e->ctx->kernels->mul(dx, dx, (const float *)e->in[0] + begin, end - begin);
}

static void softplus_grad_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, softplus_grad_piece, (void *)e);
}

static void softplus_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit2(g, &dim__op_softplus_grad, dout[0], node->in[0], NULL);
}

const dim__op dim__op_softplus = {
    .name = "softplus", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_INPLACE0 | DIM__OP_ELEMENTWISE,
    .infer = dim__infer_same, .backward = softplus_backward, .run = softplus_run,
};
const dim__op dim__op_softplus_grad = {
    .name = "softplus_grad", .min_in = 2, .max_in = 2, .n_out = 1,
    .flags = DIM__OP_INPLACE1 | DIM__OP_ELEMENTWISE,
    .infer = dim__infer_same, .run = softplus_grad_run,
};

dim__vid dim__emit_softplus(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_softplus, x, NULL); }
