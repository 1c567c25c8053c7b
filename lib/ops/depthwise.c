/* Convolution of each channel by itself: x (N, H, W, C), w (KH, KW, C) -> (N, OH, OW, C), and its gradients.  attr.conv.
 *
 * A number is read and multiplied once for each tap of the kernel: a patch matrix would double the work.  Instead, for a row of
 * the output and a tap, what the tap meets is one run of pixels of the input, which is scaled and added. */
#include "base/pool.h"
#include "ops/conv.h"
#include "ops/ops.h"
#include "ops/rows.h"

/* ---- geometry ---------------------------------------------------------------------------------------------------- */

typedef struct axis {
    int64_t in, out, kernel, stride, padding, dilation;
} axis;

typedef struct job {
    const dim__exec *e;
    axis h, w;
    int64_t c;
} job;

static job job_of(const dim__exec *e, const dim__shape *x, const dim__shape *w, const dim__shape *y)
{
    const dim__attr_conv *a = &e->attr->conv;
    return (job){ .e = e, .h = { x->d[1], y->d[1], w->d[0], a->stride_h, a->pad_h, a->dilation_h },
                  .w = { x->d[2], y->d[2], w->d[1], a->stride_w, a->pad_w, a->dilation_w }, .c = x->d[3] };
}

/* Where on the input tap k of output pixel `o` is; it may be beside it. */
static int64_t at(const axis *a, int64_t o, int64_t k) { return o * a->stride - a->padding + k * a->dilation; }

/* Output pixels *begin .. *end - 1 whose tap k is on the input. */
static void seen(const axis *a, int64_t k, int64_t *begin, int64_t *end)
{
    int64_t first = a->padding - k * a->dilation, last = a->in - 1 + first; /* of o stride */
    *begin = first <= 0 ? 0 : (first + a->stride - 1) / a->stride;
    *end = last < 0 ? 0 : dim__min64(last / a->stride + 1, a->out);
}

/* What tap (r, s) meets along row `oh` of the output: pixels from *x on of the image, and from *y on of the row. */
static int64_t run_of(const job *j, int64_t oh, int64_t r, int64_t s, int64_t *x, int64_t *y)
{
    int64_t ih = at(&j->h, oh, r), begin, end;
    seen(&j->w, s, &begin, &end);
    if (ih < 0 || ih >= j->h.in || end <= begin)
        return 0;
    *x = (ih * j->w.in + at(&j->w, begin, s)) * j->c;
    *y = begin * j->c;
    return end - begin;
}

static dim_status check(dim__infer *inf, const dim__shape *x, const dim__shape *w, dim__shape *y)
{
    char x_text[128], w_text[128];
    int64_t oh, ow;
    DIM__TRY(dim__conv_check(inf));
    dim__op_shape_text(x_text, x);
    dim__op_shape_text(w_text, w);
    if (x->d[1] < 1 || x->d[2] < 1 || w->d[0] < 1 || w->d[1] < 1 || w->d[2] != x->d[3])
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: weights %s of x %s must be (KH, KW, channels)", inf->op, w_text, x_text);
    dim__conv_size(&inf->attr->conv, x, w->d[0], w->d[1], &oh, &ow);
    if (oh == 0)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: the kernel of weights %s is larger than x %s with its padding", inf->op,
                         w_text, x_text);
    *y = dim__shape4(x->d[0], oh, ow, x->d[3]);
    return DIM_OK;
}

static double flops_of(const dim__shape *y, int64_t taps) { return 2 * (double)dim__shape_count(y) * (double)taps; }

/* ---- depthwise --------------------------------------------------------------------------------------------------- */

static dim_status infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, H, W, C)");
    if (inf->in[1].rank != 3)
        return dim__infer_fail(inf, 1, "weights (KH, KW, C)");
    return check(inf, &inf->in[0], &inf->in[1], &inf->out[0]);
}

static void forward_task(void *arg, int64_t begin, int64_t end, int thread) /* output rows (n, oh) */
{
    const job *j = arg;
    const float *w = j->e->in[1];
    int64_t row = j->w.out * j->c, image = j->h.in * j->w.in * j->c, x_at, y_at;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const float *x = (const float *)j->e->in[0] + i / j->h.out * image;
        float *y = (float *)j->e->out[0] + i * row;
        memset(y, 0, (size_t)row * sizeof *y);
        for (int64_t tap = 0; tap < j->h.kernel * j->w.kernel; tap++) {
            int64_t n = run_of(j, i % j->h.out, tap / j->w.kernel, tap % j->w.kernel, &x_at, &y_at);
            if (n > 0)
                j->e->ctx->kernels->add_scaled(y + y_at, j->c, x + x_at, j->w.stride * j->c, w + tap * j->c, n, j->c);
        }
    }
}

static void run(const dim__exec *e)
{
    job j = job_of(e, e->in_shape[0], e->in_shape[1], e->out_shape[0]);
    dim__parallel(e->ctx, e->out_shape[0]->d[0] * j.h.out, dim__row_grain(j.w.out * j.c * j.h.kernel * j.w.kernel),
                  forward_task, &j);
}

static void backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__vid x = node->in[0], w = node->in[1];
    dim__attr attr = { .conv = node->attr.conv };
    if (dim__wants_grad(g, w)) {
        attr.conv.height = dim__shape_of(g, w)->d[0];
        attr.conv.width = dim__shape_of(g, w)->d[1];
        din[1] = dim__emit2(g, &dim__op_depthwise_dw, dout[0], x, &attr);
    }
    if (dim__wants_grad(g, x)) {
        attr.conv.height = dim__shape_of(g, x)->d[1];
        attr.conv.width = dim__shape_of(g, x)->d[2];
        din[0] = dim__emit2(g, &dim__op_depthwise_dx, dout[0], w, &attr);
    }
}

static double flops(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr)
{
    (void)attr;
    return flops_of(out[0], in[1]->d[0] * in[1]->d[1]);
}

const dim__op dim__op_depthwise = {
    .name = "depthwise", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(conv),
    .flags = DIM__OP_REPEATABLE | DIM__OP_BY_SAMPLE | DIM__OP_WHOLE(2),
    .infer = infer, .backward = backward, .run = run, .flops = flops,
};

dim__vid dim__emit_depthwise(dim__graph *g, dim__vid x, dim__vid w, dim__window window)
{
    dim__attr attr = dim__op_conv_attr(window);
    return dim__emit2(g, &dim__op_depthwise, x, w, &attr);
}

/* ---- depthwise_dx: dy, w -> dx; attr.conv.height, width: H, W ----------------------------------------------------- */

static dim_status dx_infer(dim__infer *inf)
{
    dim__shape y;
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, OH, OW, C)");
    if (inf->in[1].rank != 3)
        return dim__infer_fail(inf, 1, "weights (KH, KW, C)");
    inf->out[0] = dim__shape4(inf->in[0].d[0], inf->attr->conv.height, inf->attr->conv.width, inf->in[0].d[3]);
    DIM__TRY(check(inf, &inf->out[0], &inf->in[1], &y));
    return dim__shape_equal(&inf->in[0], &y) ? DIM_OK : dim__infer_fail(inf, 0, "dy of the shape of y");
}

static void dx_task(void *arg, int64_t begin, int64_t end, int thread) /* images */
{
    const job *j = arg;
    const float *w = j->e->in[1];
    int64_t row = j->w.out * j->c, image = j->h.in * j->w.in * j->c, x_at, y_at;
    (void)thread;
    memset((float *)j->e->out[0] + begin * image, 0, (size_t)((end - begin) * image) * sizeof(float));
    for (int64_t i = begin * j->h.out; i < end * j->h.out; i++) {
        const float *dy = (const float *)j->e->in[0] + i * row;
        float *dx = (float *)j->e->out[0] + i / j->h.out * image;
        for (int64_t tap = 0; tap < j->h.kernel * j->w.kernel; tap++) {
            int64_t n = run_of(j, i % j->h.out, tap / j->w.kernel, tap % j->w.kernel, &x_at, &y_at);
            if (n > 0)
                j->e->ctx->kernels->add_scaled(dx + x_at, j->w.stride * j->c, dy + y_at, j->c, w + tap * j->c, n, j->c);
        }
    }
}

static void dx_run(const dim__exec *e)
{
    job j = job_of(e, e->out_shape[0], e->in_shape[1], e->in_shape[0]);
    dim__parallel(e->ctx, e->out_shape[0]->d[0], dim__row_grain(j.h.out * j.w.out * j.c * j.h.kernel * j.w.kernel), dx_task,
                  &j);
}

static double dx_flops(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr)
{
    (void)out;
    (void)attr;
    return flops_of(in[0], in[1]->d[0] * in[1]->d[1]);
}

const dim__op dim__op_depthwise_dx = {
    .name = "depthwise_dx", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(conv),
    .flags = DIM__OP_BY_SAMPLE | DIM__OP_WHOLE(2), .infer = dx_infer, .run = dx_run, .flops = dx_flops,
};

/* ---- depthwise_dw: dy, x -> dw; attr.conv.height, width: KH, KW --------------------------------------------------- */

static dim_status dw_infer(dim__infer *inf)
{
    dim__shape y;
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, OH, OW, C)");
    if (inf->in[1].rank != 4)
        return dim__infer_fail(inf, 1, "rank 4 (N, H, W, C)");
    inf->out[0] = dim__shape3(inf->attr->conv.height, inf->attr->conv.width, inf->in[1].d[3]);
    DIM__TRY(check(inf, &inf->in[1], &inf->out[0], &y));
    return dim__shape_equal(&inf->in[0], &y) ? DIM_OK : dim__infer_fail(inf, 0, "dy of the shape of y");
}

static size_t dw_workspace(const dim__infer *inf) { return dim__sums_size(inf->ctx, dim__shape_count(&inf->out[0])); }

static void dw_task(void *arg, int64_t begin, int64_t end, int thread) /* output rows (n, oh) */
{
    const job *j = arg;
    int64_t taps = j->h.kernel * j->w.kernel, row = j->w.out * j->c, image = j->h.in * j->w.in * j->c, x_at, y_at;
    double *sum = (double *)j->e->workspace + thread * taps * j->c;
    memset(sum, 0, (size_t)(taps * j->c) * sizeof *sum);
    for (int64_t i = begin; i < end; i++) {
        const float *dy = (const float *)j->e->in[0] + i * row, *x = (const float *)j->e->in[1] + i / j->h.out * image;
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t n = run_of(j, i % j->h.out, tap / j->w.kernel, tap % j->w.kernel, &x_at, &y_at);
            if (n > 0)
                j->e->ctx->kernels->col_dot(sum + tap * j->c, x + x_at, j->w.stride * j->c, dy + y_at, j->c, n, j->c);
        }
    }
}

static void dw_run(const dim__exec *e)
{
    job j = job_of(e, e->in_shape[1], e->out_shape[0], e->in_shape[0]);
    int64_t rows = e->in_shape[0]->d[0] * j.h.out, count = dim__shape_count(e->out_shape[0]);
    int64_t grain = dim__row_grain(j.w.out * j.c * j.h.kernel * j.w.kernel);
    double *sum = e->workspace;
    dim__parallel(e->ctx, rows, grain, dw_task, &j);
    dim__sums_reduce(sum, dim__parallel_pieces(e->ctx, rows, grain), count);
    for (int64_t k = 0; k < count; k++)
        ((float *)e->out[0])[k] = (float)sum[k];
}

static double dw_flops(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr)
{
    (void)attr;
    return flops_of(in[0], out[0]->d[0] * out[0]->d[1]);
}

const dim__op dim__op_depthwise_dw = {
    .name = "depthwise_dw", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(conv),
    .infer = dw_infer, .workspace = dw_workspace, .run = dw_run, .flops = dw_flops,
};
