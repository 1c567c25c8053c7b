/* Transposed convolution: what conv2d_dx computes, with a gradient, in which convolution and transposed convolution change
 * places. */
#include "ops/conv.h"
#include "ops/ops.h"

/* It is linear in both operands. */
static void backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__vid x = node->in[0], w = node->in[1];
    const dim__shape *kernel = dim__shape_of(g, w);
    dim__attr attr = { .conv = node->attr.conv };
    attr.conv.height = kernel->d[1];
    attr.conv.width = kernel->d[2];
    if (dim__wants_grad(g, w))
        din[1] = dim__emit2(g, &dim__op_conv2d_dw, x, dout[0], &attr);
    if (dim__wants_grad(g, x))
        din[0] = dim__emit2(g, &dim__op_conv2d, dout[0], w, &attr);
}

const dim__op dim__op_conv2d_transpose = {
    .name = "conv2d_transpose", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(conv),
    .flags = DIM__OP_PRODUCT | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = dim__conv_dx_infer, .workspace = dim__conv_dx_workspace, .backward = backward, .run = dim__conv_dx_run,
    .product = dim__conv_dx_product,
};

dim__vid dim__emit_conv2d_transpose(dim__graph *g, dim__vid x, dim__vid w, dim__window window, int64_t height,
                                    int64_t width)
{
    dim__attr attr = dim__op_conv_attr(window);
    attr.conv.height = height;
    attr.conv.width = width;
    return dim__emit2(g, &dim__op_conv2d_transpose, x, w, &attr);
}
