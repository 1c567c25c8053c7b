/* Cases of convolutions and of what they do in one go with it.  Tolerances as in op_cases_nn.c. */
#include "op_cases.h"

#include <math.h>

#define TOL 1e-6
#define TOL_GRAD 4e-6

static int64_t param(const op_case *c, int k) { return (int64_t)c->p[k]; }

/* ---- conv2d: p = stride, padding, slope below zero of its activation (0 none, -1 a ReLU), offset of x --------------- */

static dim__vid emit_conv(dim__graph *g, const op_case *c, const dim__vid *in, const dim__op *op)
{
    dim__attr attr = dim__attr_square_conv(param(c, 0), param(c, 1));
    attr.conv.eps = OP_NORM_EPS;
    attr.activation.on = c->p[2] != 0;
    attr.activation.slope = c->p[2] > 0 ? c->p[2] : 0;
    return dim__emit(g, op, c->n_in, in, &attr);
}

static dim__vid build_conv2d(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return c->n_in == 2 && c->p[2] == 0 ? dim__op_conv2d_(g, in[0], in[1], (int)c->p[0], (int)c->p[1])
                                        : emit_conv(g, c, in, &dim__op_conv2d);
}

static double conv_at(const op_case *c, const double *const *in, int64_t n, int64_t oh, int64_t ow, int64_t o)
{
    const dim__shape *w = &c->in[1];
    int64_t stride = param(c, 0), padding = param(c, 1);
    double sum = 0;
    for (int64_t r = 0; r < w->d[1]; r++)
        for (int64_t s = 0; s < w->d[2]; s++)
            for (int64_t i = 0; i < w->d[3]; i++)
                sum += op_at(in[0], &c->in[0], n, oh * stride - padding + r, ow * stride - padding + s, i) *
                       in[1][((o * w->d[1] + r) * w->d[2] + s) * w->d[3] + i];
    return sum;
}

/* What follows the sum: inputs 2 and up are a bias, or gamma, beta, mean and variance. */
static double conv_then(const op_case *c, const double *const *in, double y, int64_t o)
{
    if (c->n_in == 3)
        y += in[2][o];
    if (c->n_in == 6)
        y = (y - in[4][o]) / sqrt(in[5][o] + OP_NORM_EPS) * in[2][o] + in[3][o];
    return c->p[2] == 0 || y > 0 ? y : c->p[2] > 0 ? c->p[2] * y : 0;
}

static void ref_conv2d(const op_case *c, const double *const *in, double *const *out)
{
    const dim__shape *y = &c->out[0];
    double *to = out[0];
    for (int64_t n = 0; n < y->d[0]; n++)
        for (int64_t oh = 0; oh < y->d[1]; oh++)
            for (int64_t ow = 0; ow < y->d[2]; ow++)
                for (int64_t o = 0; o < y->d[3]; o++)
                    *to++ = conv_then(c, in, conv_at(c, in, n, oh, ow, o), o);
}

#define CONV(text, x, w, stride, padding, y)                                                                           \
    { .op = "conv2d", .label = text, .n_in = 2, .in = { x, w }, .grad = 3, .out = { y },                               \
      .p = { stride, padding }, .build = build_conv2d, .ref = ref_conv2d, .tol = TOL, .tol_grad = TOL_GRAD }

#define CONV_BIAS(text, x, w, stride, padding, slope, y, ch, gradient)                                                 \
    { .op = "conv2d", .label = text, .n_in = 3, .in = { x, w, S1(ch) }, .grad = (gradient) > 0 ? 7 : 0, .out = { y },  \
      .p = { stride, padding, slope }, .build = build_conv2d, .ref = ref_conv2d, .tol = 3 * TOL, .tol_grad = gradient }

static void fill_positive_variance_5(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    op_fill_default(c, input, x, index, n);
    for (int64_t i = 0; input == 5 && i < n; i++)
        x[i] = 0.2f + fabsf(x[i]);
}

#define CONV_NORM(text, x, w, stride, padding, slope, y, ch)                                                           \
    { .op = "conv2d", .label = text, .n_in = 6, .in = { x, w, S1(ch), S1(ch), S1(ch), S1(ch) }, .out = { y },          \
      .p = { stride, padding, slope }, .build = build_conv2d, .ref = ref_conv2d, .fill = fill_positive_variance_5,     \
      .tol = 5 * TOL }

/* ---- conv2d_moments ---------------------------------------------------------------------------------------------- */

static dim__vid build_conv2d_moments(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return emit_conv(g, c, in, &dim__op_conv2d_moments);
}

static void ref_conv2d_moments(const op_case *c, const double *const *in, double *const *out)
{
    int64_t rows = dim__shape_rows(&c->out[0]), ch = dim__shape_last(&c->out[0]);
    ref_conv2d(c, in, out);
    for (int64_t j = 0; j < ch; j++) {
        op_moments(out[0] + j, rows, ch, &out[1][j], &out[2][j]);
        out[3][j] = 1 / sqrt(out[2][j] + OP_NORM_EPS);
    }
}

static void fill_offset_3(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    (void)index;
    for (int64_t i = 0; i < n; i++)
        x[i] = op_random(input, i) + (input == 0 ? (float)c->p[3] : 0);
}

#define CONV_MOMENTS(text, n, x, w, stride, padding, slope, offset, y, ch, tolerance, gradient)                        \
    { .op = "conv2d_moments", .label = text, .n_in = n, .in = { x, w, S1(ch) }, .grad = (gradient) > 0 ? (1 << n) - 1 : 0, \
      .n_out = 4, .no_grad_out = 14, .out = { y, S1(ch), S1(ch), S1(ch) }, .p = { stride, padding, slope, offset },    \
      .build = build_conv2d_moments, .ref = ref_conv2d_moments, .fill = fill_offset_3, .tol = tolerance,               \
      .tol_grad = gradient }

/* ---- the gradients as ops of their own, at sizes that several threads and blocks share ---------------------------- */

static dim__attr gradient_attr(const op_case *c)
{
    dim__attr attr = dim__attr_square_conv(param(c, 0), param(c, 1));
    attr.conv.height = param(c, 2);
    attr.conv.width = param(c, 3);
    return attr;
}

static dim__vid build_conv2d_dw(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = gradient_attr(c);
    return dim__emit2(g, &dim__op_conv2d_dw, in[0], in[1], &attr);
}

static void ref_conv2d_dw(const op_case *c, const double *const *in, double *const *out)
{
    const dim__shape *dy = &c->in[0], *dw = &c->out[0];
    int64_t stride = param(c, 0), padding = param(c, 1);
    for (int64_t e = 0; e < op_count(dw); e++) {
        int64_t i = e % dw->d[3], s = e / dw->d[3] % dw->d[2], r = e / dw->d[3] / dw->d[2] % dw->d[1];
        int64_t o = e / dw->d[3] / dw->d[2] / dw->d[1];
        out[0][e] = 0;
        for (int64_t n = 0; n < dy->d[0]; n++)
            for (int64_t oh = 0; oh < dy->d[1]; oh++)
                for (int64_t ow = 0; ow < dy->d[2]; ow++)
                    out[0][e] += op_at(in[0], dy, n, oh, ow, o) *
                                 op_at(in[1], &c->in[1], n, oh * stride - padding + r, ow * stride - padding + s, i);
    }
}

#define CONV_DW(text, dy, x, stride, padding, o, kh, kw, i)                                                            \
    { .op = "conv2d_dw", .label = text, .n_in = 2, .in = { dy, x }, .out = { S4(o, kh, kw, i) },                       \
      .p = { stride, padding, kh, kw }, .build = build_conv2d_dw, .ref = ref_conv2d_dw, .tol = 3 * TOL }

/* in: dy, w; p = stride, padding, H, W */
static dim__vid build_conv2d_dx(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = gradient_attr(c);
    return dim__emit2(g, &dim__op_conv2d_dx, in[0], in[1], &attr);
}

static double conv_dx_at(const op_case *c, const double *const *in, int64_t n, int64_t h, int64_t v, int64_t i)
{
    const dim__shape *w = &c->in[1];
    int64_t stride = param(c, 0), padding = param(c, 1);
    double sum = 0;
    for (int64_t r = 0; r < w->d[1]; r++)
        for (int64_t s = 0; s < w->d[2]; s++) {
            int64_t oh = h + padding - r, ow = v + padding - s;
            for (int64_t o = 0; oh % stride == 0 && ow % stride == 0 && o < w->d[0]; o++)
                sum += op_at(in[0], &c->in[0], n, oh / stride, ow / stride, o) *
                       in[1][((o * w->d[1] + r) * w->d[2] + s) * w->d[3] + i];
        }
    return sum;
}

static dim__vid build_conv2d_transpose(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__op_conv2d_transpose_(g, in[0], in[1], (int)c->p[0], (int)c->p[1], param(c, 2), param(c, 3));
}

static void ref_conv2d_dx(const op_case *c, const double *const *in, double *const *out)
{
    const dim__shape *x = &c->out[0];
    double *to = out[0];
    for (int64_t n = 0; n < x->d[0]; n++)
        for (int64_t h = 0; h < x->d[1]; h++)
            for (int64_t v = 0; v < x->d[2]; v++)
                for (int64_t i = 0; i < x->d[3]; i++)
                    *to++ = conv_dx_at(c, in, n, h, v, i);
}

#define CONV_DX(text, dy, w, stride, padding, n, h, v, i)                                                              \
    { .op = "conv2d_dx", .label = text, .n_in = 2, .in = { dy, w }, .out = { S4(n, h, v, i) },                         \
      .p = { stride, padding, h, v }, .build = build_conv2d_dx, .ref = ref_conv2d_dx, .tol = TOL }

/* The same with gradients. */
#define TRANSPOSED(text, dy, w, stride, padding, n, h, v, i)                                                           \
    { .op = "conv2d_transpose", .label = text, .n_in = 2, .in = { dy, w }, .grad = 3, .out = { S4(n, h, v, i) },              \
      .p = { stride, padding, h, v }, .build = build_conv2d_transpose, .ref = ref_conv2d_dx, .tol = TOL,               \
      .tol_grad = TOL_GRAD }

/* ---- the table --------------------------------------------------------------------------------------------------- */

const op_case op_cases_conv[] = {
    CONV("3x3, padding 1, sides differ", S4(2, 5, 7, 3), S4(4, 3, 3, 3), 1, 1, S4(2, 5, 7, 4)),
    CONV("4x4, stride 2, padding 1", S4(3, 8, 6, 3), S4(5, 4, 4, 3), 2, 1, S4(3, 4, 3, 5)),
    CONV("5x5, stride 2, padding 2, one channel", S4(2, 7, 9, 1), S4(3, 5, 5, 1), 2, 2, S4(2, 4, 5, 3)),
    CONV("1x1", S4(2, 3, 2, 5), S4(4, 1, 1, 5), 1, 0, S4(2, 3, 2, 4)),
    CONV("1x1, stride 2: columns that no patch covers", S4(2, 4, 5, 3), S4(2, 1, 1, 3), 2, 0, S4(2, 2, 3, 2)),
    CONV("1x1, padding 1", S4(1, 2, 3, 2), S4(2, 1, 1, 2), 1, 1, S4(1, 4, 5, 2)),
    CONV("kernel as large as the image", S4(3, 3, 4, 2), S4(5, 3, 4, 2), 1, 0, S4(3, 1, 1, 5)),
    CONV("kernel as large as the padded image", S4(2, 2, 2, 2), S4(3, 4, 4, 2), 1, 1, S4(2, 1, 1, 3)),
    CONV("padding wider than the kernel", S4(1, 2, 2, 2), S4(2, 2, 2, 2), 1, 3, S4(1, 7, 7, 2)),
    CONV("2x3 kernel, stride 3", S4(1, 8, 9, 2), S4(2, 2, 3, 2), 3, 0, S4(1, 3, 3, 2)),
    CONV("batch 1, one output channel", S4(1, 4, 4, 2), S4(1, 3, 3, 2), 1, 0, S4(1, 2, 2, 1)),
    CONV("no images", S4(0, 4, 4, 2), S4(3, 3, 3, 2), 1, 1, S4(0, 4, 4, 3)),
    CONV("gradient of the weights by columns", S4(2, 4, 3, 22), S4(2, 3, 3, 22), 1, 1, S4(2, 4, 3, 2)),
    { .op = "conv2d", .label = "several blocks and threads", .n_in = 2, .in = { S4(70, 9, 8, 3), S4(4, 3, 3, 3) },
      .out = { S4(70, 9, 8, 4) }, .p = { 1, 1 }, .build = build_conv2d, .ref = ref_conv2d, .tol = TOL },
    { .op = "conv2d", .label = "many channels, several blocks", .n_in = 2,
      .in = { S4(16, 9, 8, 130), S4(3, 3, 3, 130) }, .out = { S4(16, 9, 8, 3) }, .p = { 1, 1 }, .build = build_conv2d,
      .ref = ref_conv2d, .tol = 3 * TOL },
    CONV_BIAS("a bias", S4(2, 5, 4, 3), S4(4, 3, 3, 3), 1, 1, 0, S4(2, 5, 4, 4), 4, TOL_GRAD),
    CONV_BIAS("a bias and a ReLU", S4(2, 5, 4, 3), S4(4, 3, 3, 3), 1, 1, -1, S4(2, 5, 4, 4), 4, TOL_GRAD),
    CONV_BIAS("a bias and a leaky ReLU", S4(2, 4, 4, 3), S4(3, 4, 4, 3), 2, 1, 0.2, S4(2, 2, 2, 3), 3, TOL_GRAD),
    CONV_BIAS("a bias and a ReLU, a plain product", S4(3, 4, 5, 6), S4(2, 1, 1, 6), 1, 0, -1, S4(3, 4, 5, 2), 2, TOL_GRAD),
    CONV_BIAS("a bias and a ReLU, several blocks and threads", S4(70, 9, 8, 3), S4(4, 3, 3, 3), 1, 1, -1,
              S4(70, 9, 8, 4), 4, 0),
    CONV_BIAS("a bias and a ReLU, image by image", S4(23, 16, 16, 32), S4(24, 4, 4, 32), 2, 1, -1, S4(23, 8, 8, 24), 24, 0),
    CONV_BIAS("a bias, no images", S4(0, 4, 4, 2), S4(3, 3, 3, 2), 1, 1, -1, S4(0, 4, 4, 3), 3, 0),
    CONV_NORM("frozen batch norm", S4(2, 5, 4, 3), S4(4, 3, 3, 3), 1, 1, 0, S4(2, 5, 4, 4), 4),
    CONV_NORM("frozen batch norm and a leaky ReLU, several blocks and threads", S4(70, 9, 8, 3), S4(4, 3, 3, 3), 1, 1,
              0.2, S4(70, 9, 8, 4), 4),
    CONV_NORM("frozen batch norm and a ReLU, image by image", S4(23, 16, 16, 32), S4(24, 4, 4, 32), 2, 1, -1,
              S4(23, 8, 8, 24), 24),
    CONV_MOMENTS("3x3", 2, S4(2, 5, 4, 3), S4(4, 3, 3, 3), 1, 1, 0, 0, S4(2, 5, 4, 4), 4, TOL, TOL_GRAD),
    CONV_MOMENTS("a plain product", 2, S4(3, 4, 5, 6), S4(2, 1, 1, 6), 1, 0, 0, 0, S4(3, 4, 5, 2), 2, TOL, TOL_GRAD),
    CONV_MOMENTS("a bias", 3, S4(2, 5, 4, 3), S4(4, 3, 3, 3), 1, 1, 0, 0, S4(2, 5, 4, 4), 4, TOL, TOL_GRAD),
    CONV_MOMENTS("after a bias and a leaky ReLU", 3, S4(2, 5, 4, 3), S4(4, 3, 3, 3), 1, 1, 0.2, 0, S4(2, 5, 4, 4), 4, TOL,
                 TOL_GRAD),
    CONV_MOMENTS("two pixels", 2, S4(2, 3, 3, 2), S4(5, 3, 3, 2), 2, 0, 0, 0, S4(2, 1, 1, 5), 5, 2e-5, TOL_GRAD),
    CONV_MOMENTS("several blocks and threads", 3, S4(70, 9, 8, 3), S4(4, 3, 3, 3), 1, 1, 0.2, 0, S4(70, 9, 8, 4), 4, TOL, 0),
    CONV_MOMENTS("a large mean, several blocks", 2, S4(16, 9, 8, 130), S4(3, 3, 3, 130), 1, 0, 0, 20, S4(16, 7, 6, 3), 3,
                 2e-4, 0),
    CONV_MOMENTS("image by image", 3, S4(23, 16, 16, 32), S4(24, 4, 4, 32), 2, 1, 0, 0, S4(23, 8, 8, 24), 24, 5e-5, 0),
    GRAD_OF("conv2d_dx", "conv2d"),
    TRANSPOSED("4x4 stride 2", S4(2, 3, 4, 5), S4(5, 4, 4, 3), 2, 1, 2, 6, 8, 3),
    TRANSPOSED("output padding", S4(2, 3, 4, 3), S4(3, 3, 3, 2), 2, 1, 2, 6, 8, 2),
    TRANSPOSED("stride larger than the kernel", S4(1, 3, 2, 3), S4(3, 2, 2, 4), 3, 0, 1, 8, 5, 4),
    TRANSPOSED("from one pixel", S4(3, 1, 1, 6), S4(6, 4, 4, 2), 1, 0, 3, 4, 4, 2),
    GRAD_OF("conv2d_dw", "conv2d"),
    CONV_DW("few columns: by pixels", S4(70, 9, 8, 4), S4(70, 9, 8, 3), 1, 1, 4, 3, 3, 3),
    CONV_DW("by pixels, 4x4, stride 2", S4(90, 8, 9, 5), S4(90, 16, 18, 3), 2, 1, 5, 4, 4, 3),
    CONV_DW("many columns, several blocks", S4(10, 9, 8, 2), S4(10, 9, 8, 130), 1, 1, 2, 3, 3, 130),
    CONV_DW("many columns, stride 2", S4(30, 4, 5, 3), S4(30, 8, 10, 40), 2, 1, 3, 4, 4, 40),
    /* 2^24 products and more, which an accelerator is asked for */
    CONV_DW("image by image", S4(23, 8, 8, 24), S4(23, 16, 16, 32), 2, 1, 24, 4, 4, 32),
    CONV_DX("image by image", S4(23, 8, 8, 24), S4(24, 4, 4, 32), 2, 1, 23, 16, 16, 32),
    CONV_DX("image by image, without a stride", S4(23, 8, 8, 32), S4(32, 3, 3, 48), 1, 1, 23, 8, 8, 48),
    CONV_DX("several images a thread", S4(70, 9, 8, 4), S4(4, 3, 3, 3), 1, 1, 70, 9, 8, 3),
    CONV_DX("4x4, stride 2, several blocks", S4(20, 8, 9, 5), S4(5, 4, 4, 40), 2, 1, 20, 16, 18, 40),
    CONV_DX("stride beyond the kernel", S4(7, 3, 4, 2), S4(2, 2, 2, 17), 3, 0, 7, 9, 12, 17),
    CONV_DX("one image of several blocks", S4(1, 20, 21, 2), S4(2, 3, 3, 130), 1, 1, 1, 20, 21, 130),
    { .op = NULL },
};

const op_bad op_bads_conv[] = {
    { "conv2d", "rank of x", 2, { S3(8, 8, 3), S4(4, 3, 3, 3) }, 0, { 1, 1 }, build_conv2d },
    { "conv2d", "rank of w", 2, { S4(1, 8, 8, 3), S2(4, 3) }, 0, { 1, 1 }, build_conv2d },
    { "conv2d", "channels", 2, { S4(1, 8, 8, 3), S4(4, 3, 3, 2) }, 0, { 1, 1 }, build_conv2d },
    { "conv2d", "kernel larger than the padded image", 2, { S4(1, 2, 8, 3), S4(4, 5, 5, 3) }, 0, { 1, 1 },
      build_conv2d },
    { "conv2d", "size of the bias", 3, { S4(1, 8, 8, 3), S4(4, 3, 3, 3), S1(3) }, 0, { 1, 1 }, build_conv2d },
    { "conv2d", "rank of the bias", 3, { S4(1, 8, 8, 3), S4(4, 3, 3, 3), S2(1, 4) }, 0, { 1, 1 }, build_conv2d },
    { "conv2d", "neither a bias nor a norm", 5, { S4(1, 8, 8, 3), S4(4, 3, 3, 3), S1(4), S1(4), S1(4) }, 0, { 1, 1 },
      build_conv2d },
    { "conv2d", "size of the variance", 6, { S4(1, 8, 8, 3), S4(4, 3, 3, 3), S1(4), S1(4), S1(4), S1(1) }, 0, { 1, 1 },
      build_conv2d },
    { "conv2d_moments", "one value per channel", 2, { S4(1, 3, 3, 2), S4(4, 3, 3, 2) }, 0, { 1, 0 },
      build_conv2d_moments },
    { .op = NULL },
};
