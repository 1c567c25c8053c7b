/* Cases of convolutions and of what they do in one go with it.  Tolerances as in op_cases_nn.c. */
#include "op_cases.h"

#include <math.h>

#define TOL 1e-6
#define TOL_GRAD 4e-6

static int64_t param(const op_case *c, int k) { return (int64_t)c->p[k]; }

static dim__window window(const op_case *c)
{
    return c->window.stride[0] > 0 ? c->window : dim__square(0, param(c, 0), param(c, 1));
}

/* Where pixel `o` of an axis of y has position k of the kernel, on that axis of x. */
static int64_t seen(const op_case *c, int axis, int64_t o, int64_t k)
{
    dim__window w = window(c);
    return o * w.stride[axis] - w.padding[axis] + k * w.dilation[axis];
}

/* The pixel of an axis of y that has position k of the kernel at pixel x; -1 = none. */
static int64_t seer(const op_case *c, int axis, int64_t x, int64_t k)
{
    dim__window w = window(c);
    int64_t o = x + w.padding[axis] - k * w.dilation[axis];
    return o >= 0 && o % w.stride[axis] == 0 ? o / w.stride[axis] : -1;
}

/* ---- conv2d: p = stride, padding, slope below zero of its activation (0 none, -1 a ReLU), offset of x --------------- */

static dim__vid emit_conv(dim__graph *g, const op_case *c, const dim__vid *in, const dim__op *op)
{
    dim__attr attr = dim__op_conv_attr(window(c));
    attr.conv.eps = OP_NORM_EPS;
    attr.activation.on = c->p[2] != 0;
    attr.activation.slope = c->p[2] > 0 ? c->p[2] : 0;
    return dim__emit(g, op, c->n_in, in, &attr);
}

static dim__vid build_conv2d(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return c->n_in == 2 && c->p[2] == 0 ? dim__emit_conv2d(g, in[0], in[1], window(c))
                                        : emit_conv(g, c, in, &dim__op_conv2d);
}

static double conv_at(const op_case *c, const double *const *in, int64_t n, int64_t oh, int64_t ow, int64_t o)
{
    const dim__shape *w = &c->in[1];
    double sum = 0;
    for (int64_t r = 0; r < w->d[1]; r++)
        for (int64_t s = 0; s < w->d[2]; s++)
            for (int64_t i = 0; i < w->d[3]; i++)
                sum += op_at(in[0], &c->in[0], n, seen(c, 0, oh, r), seen(c, 1, ow, s), i) *
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
    dim__attr attr = dim__op_conv_attr(window(c));
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
    for (int64_t e = 0; e < op_count(dw); e++) {
        int64_t i = e % dw->d[3], s = e / dw->d[3] % dw->d[2], r = e / dw->d[3] / dw->d[2] % dw->d[1];
        int64_t o = e / dw->d[3] / dw->d[2] / dw->d[1];
        out[0][e] = 0;
        for (int64_t n = 0; n < dy->d[0]; n++)
            for (int64_t oh = 0; oh < dy->d[1]; oh++)
                for (int64_t ow = 0; ow < dy->d[2]; ow++)
                    out[0][e] += op_at(in[0], dy, n, oh, ow, o) *
                                 op_at(in[1], &c->in[1], n, seen(c, 0, oh, r), seen(c, 1, ow, s), i);
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
    double sum = 0;
    for (int64_t r = 0; r < w->d[1]; r++)
        for (int64_t s = 0; s < w->d[2]; s++) {
            int64_t oh = seer(c, 0, h, r), ow = seer(c, 1, v, s); /* op_at() gives 0 where that is none */
            for (int64_t o = 0; o < w->d[0]; o++)
                sum += op_at(in[0], &c->in[0], n, oh, ow, o) * in[1][((o * w->d[1] + r) * w->d[2] + s) * w->d[3] + i];
        }
    return sum;
}

static dim__vid build_conv2d_transpose(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_conv2d_transpose(g, in[0], in[1], window(c), param(c, 2), param(c, 3));
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

/* Windows that differ by axis, and dilated ones. */
#define CONV_BY_AXIS(text, x, w, by, y)                                                                                \
    { .op = "conv2d", .label = text, .n_in = 2, .in = { x, w }, .grad = 3, .out = { y }, .window = by,                 \
      .build = build_conv2d, .ref = ref_conv2d, .tol = TOL, .tol_grad = TOL_GRAD }
#define CONV_DW_BY_AXIS(text, dy, x, by, o, kh, kw, i)                                                                 \
    { .op = "conv2d_dw", .label = text, .n_in = 2, .in = { dy, x }, .out = { S4(o, kh, kw, i) }, .window = by,         \
      .p = { 0, 0, kh, kw }, .build = build_conv2d_dw, .ref = ref_conv2d_dw, .tol = 3 * TOL }
#define CONV_DX_BY_AXIS(text, dy, w, by, n, h, v, i)                                                                   \
    { .op = "conv2d_dx", .label = text, .n_in = 2, .in = { dy, w }, .out = { S4(n, h, v, i) }, .window = by,           \
      .p = { 0, 0, h, v }, .build = build_conv2d_dx, .ref = ref_conv2d_dx, .tol = TOL }
#define TRANSPOSED_BY_AXIS(text, dy, w, by, n, h, v, i)                                                                \
    { .op = "conv2d_transpose", .label = text, .n_in = 2, .in = { dy, w }, .grad = 3, .out = { S4(n, h, v, i) },       \
      .window = by, .p = { 0, 0, h, v }, .build = build_conv2d_transpose, .ref = ref_conv2d_dx, .tol = TOL,            \
      .tol_grad = TOL_GRAD }

/* ---- depthwise: x (N, H, W, C), w (KH, KW, C) ---------------------------------------------------------------------- */

static dim__vid build_depthwise(dim__graph *g, const op_case *c, const dim__vid *in)
{
    return dim__emit_depthwise(g, in[0], in[1], window(c));
}

static void ref_depthwise(const op_case *c, const double *const *in, double *const *out)
{
    const dim__shape *w = &c->in[1], *y = &c->out[0];
    for (int64_t e = 0; e < op_count(y); e++) {
        int64_t ch = e % y->d[3], ow = e / y->d[3] % y->d[2], oh = e / y->d[3] / y->d[2] % y->d[1];
        int64_t n = e / y->d[3] / y->d[2] / y->d[1];
        out[0][e] = 0;
        for (int64_t r = 0; r < w->d[0]; r++)
            for (int64_t s = 0; s < w->d[1]; s++)
                out[0][e] += op_at(in[0], &c->in[0], n, seen(c, 0, oh, r), seen(c, 1, ow, s), ch) *
                             in[1][(r * w->d[1] + s) * w->d[2] + ch];
    }
}

#define DEPTHWISE(text, x, w, by, y)                                                                                   \
    { .op = "depthwise", .label = text, .n_in = 2, .in = { x, w }, .grad = 3, .out = { y }, .window = by,              \
      .build = build_depthwise, .ref = ref_depthwise, .tol = TOL, .tol_grad = TOL_GRAD }

/* in: dy, w; p[0], p[1] = H, W */
static dim__vid build_depthwise_dx(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = dim__op_conv_attr(window(c));
    attr.conv.height = param(c, 0);
    attr.conv.width = param(c, 1);
    return dim__emit2(g, &dim__op_depthwise_dx, in[0], in[1], &attr);
}

static void ref_depthwise_dx(const op_case *c, const double *const *in, double *const *out)
{
    const dim__shape *w = &c->in[1], *x = &c->out[0];
    for (int64_t e = 0; e < op_count(x); e++) {
        int64_t ch = e % x->d[3], v = e / x->d[3] % x->d[2], h = e / x->d[3] / x->d[2] % x->d[1];
        int64_t n = e / x->d[3] / x->d[2] / x->d[1];
        out[0][e] = 0;
        for (int64_t r = 0; r < w->d[0]; r++)
            for (int64_t s = 0; s < w->d[1]; s++)
                out[0][e] += op_at(in[0], &c->in[0], n, seer(c, 0, h, r), seer(c, 1, v, s), ch) *
                             in[1][(r * w->d[1] + s) * w->d[2] + ch];
    }
}

#define DEPTHWISE_DX(text, dy, w, by, n, h, v, ch)                                                                     \
    { .op = "depthwise_dx", .label = text, .n_in = 2, .in = { dy, w }, .out = { S4(n, h, v, ch) }, .window = by,       \
      .p = { h, v }, .build = build_depthwise_dx, .ref = ref_depthwise_dx, .tol = TOL }

/* in: dy, x; p[0], p[1] = KH, KW */
static dim__vid build_depthwise_dw(dim__graph *g, const op_case *c, const dim__vid *in)
{
    dim__attr attr = dim__op_conv_attr(window(c));
    attr.conv.height = param(c, 0);
    attr.conv.width = param(c, 1);
    return dim__emit2(g, &dim__op_depthwise_dw, in[0], in[1], &attr);
}

static void ref_depthwise_dw(const op_case *c, const double *const *in, double *const *out)
{
    const dim__shape *dy = &c->in[0], *dw = &c->out[0];
    for (int64_t e = 0; e < op_count(dw); e++) {
        int64_t ch = e % dw->d[2], s = e / dw->d[2] % dw->d[1], r = e / dw->d[2] / dw->d[1];
        out[0][e] = 0;
        for (int64_t n = 0; n < dy->d[0]; n++)
            for (int64_t oh = 0; oh < dy->d[1]; oh++)
                for (int64_t ow = 0; ow < dy->d[2]; ow++)
                    out[0][e] += op_at(in[0], dy, n, oh, ow, ch) *
                                 op_at(in[1], &c->in[1], n, seen(c, 0, oh, r), seen(c, 1, ow, s), ch);
    }
}

#define DEPTHWISE_DW(text, dy, x, by, kh, kw, ch)                                                                      \
    { .op = "depthwise_dw", .label = text, .n_in = 2, .in = { dy, x }, .out = { S3(kh, kw, ch) }, .window = by,        \
      .p = { kh, kw }, .build = build_depthwise_dw, .ref = ref_depthwise_dw, .tol = 3 * TOL }

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
    CONV_BY_AXIS("columns", S4(2, 7, 4, 3), S4(4, 3, 1, 3), WINDOW(3, 1, 2, 1, 1, 0, 1, 1), S4(2, 4, 4, 4)),
    CONV_BY_AXIS("rows", S4(2, 4, 9, 3), S4(4, 1, 5, 3), WINDOW(1, 5, 1, 2, 0, 2, 1, 1), S4(2, 4, 5, 4)),
    CONV_BY_AXIS("all by axis", S4(2, 9, 8, 2), S4(3, 3, 2, 2), WINDOW(3, 2, 2, 1, 0, 1, 1, 2), S4(2, 4, 8, 3)),
    CONV_BY_AXIS("dilated, padded by more than the kernel", S4(1, 5, 4, 3), S4(2, 3, 3, 3), WINDOW(3, 3, 1, 1, 5, 4, 2, 3),
                 S4(1, 11, 6, 2)),
    CONV_BY_AXIS("dilated columns", S4(2, 8, 3, 4), S4(2, 2, 2, 4), WINDOW(2, 2, 1, 1, 0, 0, 4, 1), S4(2, 4, 2, 2)),
    CONV_BY_AXIS("a signal", S4(2, 1, 17, 3), S4(5, 1, 5, 3), WINDOW(1, 5, 1, 2, 0, 2, 1, 1), S4(2, 1, 9, 5)),
    CONV_BY_AXIS("a signal, dilated", S4(2, 1, 12, 3), S4(5, 1, 3, 3), WINDOW(1, 3, 1, 1, 0, 4, 1, 4), S4(2, 1, 12, 5)),
    CONV_BY_AXIS("1x1, the height alone strided", S4(2, 5, 3, 4), S4(3, 1, 1, 4), WINDOW(1, 1, 2, 1, 0, 0, 1, 1),
                 S4(2, 3, 3, 3)),
    CONV_BY_AXIS("1x1, the width alone strided", S4(2, 3, 5, 4), S4(3, 1, 1, 4), WINDOW(1, 1, 1, 2, 0, 0, 1, 1),
                 S4(2, 3, 3, 3)),
    CONV_BY_AXIS("1x1, the height alone padded", S4(2, 3, 2, 4), S4(3, 1, 1, 4), WINDOW(1, 1, 1, 1, 1, 0, 1, 1),
                 S4(2, 5, 2, 3)),
    CONV_BY_AXIS("1x1, the width alone padded", S4(2, 2, 3, 4), S4(3, 1, 1, 4), WINDOW(1, 1, 1, 1, 0, 1, 1, 1),
                 S4(2, 2, 5, 3)),
    CONV_BY_AXIS("dilated, columns of dw", S4(2, 6, 5, 22), S4(2, 3, 3, 22), WINDOW(3, 3, 1, 1, 2, 2, 2, 2), S4(2, 6, 5, 2)),
    /* 2^24 products and more, which an accelerator is asked for */
    { .op = "conv2d", .label = "by axis, image by image", .n_in = 2, .in = { S4(23, 16, 16, 32), S4(24, 4, 3, 32) },
      .out = { S4(23, 8, 16, 24) }, .window = WINDOW(4, 3, 2, 1, 1, 1, 1, 1), .build = build_conv2d, .ref = ref_conv2d,
      .tol = 3 * TOL },
    { .op = "conv2d", .label = "dilated, image by image", .n_in = 2, .in = { S4(23, 16, 16, 32), S4(24, 3, 3, 32) },
      .out = { S4(23, 16, 16, 24) }, .window = WINDOW(3, 3, 1, 1, 2, 2, 2, 2), .build = build_conv2d, .ref = ref_conv2d,
      .tol = 3 * TOL },
    { .op = "conv2d", .label = "signals, one by one", .n_in = 2, .in = { S4(23, 1, 128, 32), S4(48, 1, 5, 32) },
      .out = { S4(23, 1, 128, 48) }, .window = WINDOW(1, 5, 1, 1, 0, 2, 1, 1), .build = build_conv2d, .ref = ref_conv2d,
      .tol = 3 * TOL },
    GRAD_OF("conv2d_dx", "conv2d"),
    TRANSPOSED("4x4 stride 2", S4(2, 3, 4, 5), S4(5, 4, 4, 3), 2, 1, 2, 6, 8, 3),
    TRANSPOSED("output padding", S4(2, 3, 4, 3), S4(3, 3, 3, 2), 2, 1, 2, 6, 8, 2),
    TRANSPOSED("stride larger than the kernel", S4(1, 3, 2, 3), S4(3, 2, 2, 4), 3, 0, 1, 8, 5, 4),
    TRANSPOSED("from one pixel", S4(3, 1, 1, 6), S4(6, 4, 4, 2), 1, 0, 3, 4, 4, 2),
    TRANSPOSED_BY_AXIS("by axis, dilated", S4(2, 3, 4, 5), S4(5, 3, 2, 3), WINDOW(3, 2, 2, 1, 1, 0, 1, 3), 2, 6, 7, 3),
    TRANSPOSED_BY_AXIS("a signal", S4(2, 1, 5, 4), S4(4, 1, 4, 3), WINDOW(1, 4, 1, 3, 0, 1, 1, 1), 2, 1, 14, 3),
    GRAD_OF("conv2d_dw", "conv2d"),
    CONV_DW_BY_AXIS("by axis, by pixels", S4(70, 9, 8, 4), S4(70, 9, 17, 3), WINDOW(3, 3, 1, 2, 1, 0, 1, 1), 4, 3, 3, 3),
    CONV_DW_BY_AXIS("dilated, many columns, several blocks", S4(10, 9, 8, 2), S4(10, 9, 8, 130),
                    WINDOW(3, 3, 1, 1, 2, 3, 2, 3), 2, 3, 3, 130),
    CONV_DX_BY_AXIS("dilated, several images a thread", S4(70, 9, 8, 4), S4(4, 3, 3, 3), WINDOW(3, 3, 1, 1, 2, 3, 2, 3), 70, 9,
                    8, 3),
    CONV_DX_BY_AXIS("by axis, image by image", S4(23, 8, 16, 24), S4(24, 4, 3, 32), WINDOW(4, 3, 2, 1, 1, 1, 1, 1), 23, 16, 16,
                    32),
    CONV_DX_BY_AXIS("dilated, one image of several blocks", S4(1, 20, 21, 2), S4(2, 3, 3, 130), WINDOW(3, 3, 1, 1, 1, 2, 1, 2),
                    1, 20, 21, 130),
    DEPTHWISE("3x3, padding 1", S4(2, 5, 7, 3), S3(3, 3, 3), WINDOW(3, 3, 1, 1, 1, 1, 1, 1), S4(2, 5, 7, 3)),
    DEPTHWISE("by axis", S4(2, 7, 8, 5), S3(3, 2, 5), WINDOW(3, 2, 1, 2, 1, 0, 2, 1), S4(2, 5, 4, 5)),
    DEPTHWISE("more channels than lanes", S4(2, 5, 4, 37), S3(3, 3, 37), WINDOW(3, 3, 2, 1, 1, 1, 1, 1), S4(2, 3, 4, 37)),
    DEPTHWISE("dilated, padded by more than the kernel", S4(1, 4, 5, 2), S3(3, 3, 2), WINDOW(3, 3, 1, 1, 5, 7, 2, 3),
              S4(1, 10, 13, 2)),
    DEPTHWISE("a signal", S4(3, 1, 15, 4), S3(1, 3, 4), WINDOW(1, 3, 1, 2, 0, 1, 1, 1), S4(3, 1, 8, 4)),
    DEPTHWISE("stride beyond the kernel", S4(2, 7, 8, 3), S3(2, 2, 3), WINDOW(2, 2, 3, 4, 0, 0, 1, 1), S4(2, 2, 2, 3)),
    DEPTHWISE("1x1", S4(2, 3, 4, 6), S3(1, 1, 6), WINDOW(1, 1, 1, 1, 0, 0, 1, 1), S4(2, 3, 4, 6)),
    DEPTHWISE("no images", S4(0, 4, 4, 2), S3(3, 3, 2), WINDOW(3, 3, 1, 1, 1, 1, 1, 1), S4(0, 4, 4, 2)),
    { .op = "depthwise", .label = "several threads", .n_in = 2, .in = { S4(12, 18, 17, 20), S3(3, 3, 20) },
      .out = { S4(12, 9, 17, 20) }, .window = WINDOW(3, 3, 2, 1, 1, 1, 1, 1), .build = build_depthwise, .ref = ref_depthwise,
      .tol = TOL },
    DEPTHWISE_DX("several threads", S4(12, 9, 17, 20), S3(3, 3, 20), WINDOW(3, 3, 2, 1, 1, 1, 1, 1), 12, 18, 17, 20),
    DEPTHWISE_DW("several threads", S4(12, 9, 17, 20), S4(12, 18, 17, 20), WINDOW(3, 3, 2, 1, 1, 1, 1, 1), 3, 3, 20),
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
    { "depthwise", "rank of x", 2, { S3(8, 8, 3), S3(3, 3, 3) }, 0, { 1, 1 }, build_depthwise },
    { "depthwise", "rank of w", 2, { S4(1, 8, 8, 3), S4(3, 3, 3, 1) }, 0, { 1, 1 }, build_depthwise },
    { "depthwise", "channels", 2, { S4(1, 8, 8, 3), S3(3, 3, 4) }, 0, { 1, 1 }, build_depthwise },
    { "depthwise", "kernel larger than the padded image", 2, { S4(1, 8, 2, 3), S3(5, 5, 3) }, 0, { 1, 1 }, build_depthwise },
    { "conv2d_moments", "one value per channel", 2, { S4(1, 3, 3, 2), S4(4, 3, 3, 2) }, 0, { 1, 0 },
      build_conv2d_moments },
    { .op = NULL },
};
