/* A border of zeros, or of the mirrored image.  attr.pad. */
#include "ops/ops.h"

#include "base/pool.h"
#include "ops/rows.h"

typedef struct pad_job {
    const float *in;
    float *out;
    int64_t h, w, c; /* of the image without border */
    dim__attr_pad a;
} pad_job;

static dim_status check_padding(const dim__infer *inf, const dim__shape *x)
{
    char text[128];
    const dim__attr_pad *a = &inf->attr->pad;
    if (a->pad_h < 0 || a->pad_w < 0)
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: padding %lld and %lld", inf->op, (long long)a->pad_h,
                         (long long)a->pad_w);
    if (a->reflect && (a->pad_h >= x->d[1] || a->pad_w >= x->d[2]))
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: x is %s; a reflected border of %lld and %lld wants larger sides", inf->op,
                         dim__op_shape_text(text, x), (long long)a->pad_h, (long long)a->pad_w);
    return DIM_OK;
}

static dim_status pad2d_infer(dim__infer *inf)
{
    const dim__shape *x = &inf->in[0];
    const dim__attr_pad *a = &inf->attr->pad;
    DIM__TRY(dim__infer_types(inf, 0));
    if (x->rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, H, W, C)");
    DIM__TRY(check_padding(inf, x));
    inf->out[0] = dim__shape4(x->d[0], x->d[1] + 2 * a->pad_h, x->d[2] + 2 * a->pad_w, x->d[3]);
    return DIM_OK;
}

/* Pixel of the image that position i of an axis with border shows; -1 = none. */
static int64_t source(const pad_job *job, int64_t i, int64_t border, int64_t size)
{
    i -= border;
    if (i >= 0 && i < size)
        return i;
    if (!job->a.reflect)
        return -1;
    return i < 0 ? -i : 2 * (size - 1) - i;
}

static void pad_task(void *arg, int64_t begin, int64_t end, int thread) /* output rows (n, h) */
{
    const pad_job *job = arg;
    int64_t p = job->a.pad_w, oh = job->h + 2 * job->a.pad_h, ow = job->w + 2 * p, c = job->c;
    size_t pixel = (size_t)c * sizeof(float);
    (void)thread;
    for (int64_t row = begin; row < end; row++) {
        float *out = job->out + row * ow * c;
        int64_t ih = source(job, row % oh, job->a.pad_h, job->h);
        if (ih < 0) {
            memset(out, 0, (size_t)ow * pixel);
            continue;
        }
        const float *in = job->in + (row / oh * job->h + ih) * job->w * c;
        memcpy(out + p * c, in, (size_t)job->w * pixel);
        for (int64_t i = 0; i < 2 * p; i++) {
            int64_t at = i < p ? i : job->w + i, iw = source(job, at, p, job->w);
            if (iw < 0)
                memset(out + at * c, 0, pixel);
            else
                memcpy(out + at * c, in + iw * c, pixel);
        }
    }
}

static void pad2d_run(const dim__exec *e)
{
    const dim__shape *x = e->in_shape[0], *y = e->out_shape[0];
    pad_job job = { e->in[0], e->out[0], x->d[1], x->d[2], x->d[3], e->attr->pad };
    dim__parallel(e->ctx, y->d[0] * y->d[1], dim__row_grain(y->d[2] * y->d[3]), pad_task, &job);
}

static void pad2d_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit1(g, &dim__op_pad2d_grad, dout[0], &node->attr);
}

const dim__op dim__op_pad2d = {
    .name = "pad2d", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(pad),
    .flags = DIM__OP_REPEATABLE | DIM__OP_BY_SAMPLE,
    .infer = pad2d_infer, .backward = pad2d_backward, .run = pad2d_run,
};

dim__vid dim__emit_pad2d(dim__graph *g, dim__vid x, int64_t pad_h, int64_t pad_w, bool reflect)
{
    dim__attr attr = { .pad = { .pad_h = pad_h, .pad_w = pad_w, .reflect = reflect } };
    return dim__emit1(g, &dim__op_pad2d, x, &attr);
}

/* ---- pad2d_grad: dy -> dx ---------------------------------------------------------------------------------------- */

static dim_status pad2d_grad_infer(dim__infer *inf)
{
    const dim__shape *y = &inf->in[0];
    const dim__attr_pad *a = &inf->attr->pad;
    DIM__TRY(dim__infer_types(inf, 0));
    if (y->rank != 4 || y->d[1] < 2 * a->pad_h || y->d[2] < 2 * a->pad_w)
        return dim__infer_fail(inf, 0, "rank 4 (N, H + 2 pad_h, W + 2 pad_w, C)");
    inf->out[0] = dim__shape4(y->d[0], y->d[1] - 2 * a->pad_h, y->d[2] - 2 * a->pad_w, y->d[3]);
    return check_padding(inf, &inf->out[0]);
}

static void pad_grad_task(void *arg, int64_t begin, int64_t end, int thread) /* images */
{
    const pad_job *job = arg;
    int64_t oh = job->h + 2 * job->a.pad_h, ow = job->w + 2 * job->a.pad_w, c = job->c, size = job->h * job->w * c;
    (void)thread;
    memset(job->out + begin * size, 0, (size_t)((end - begin) * size) * sizeof(float));
    for (int64_t row = begin * oh; row < end * oh; row++) {
        int64_t ih = source(job, row % oh, job->a.pad_h, job->h);
        for (int64_t i = 0; ih >= 0 && i < ow; i++) {
            int64_t iw = source(job, i, job->a.pad_w, job->w);
            const float *restrict dy = job->in + (row * ow + i) * c;
            float *restrict dx = job->out + row / oh * size + (ih * job->w + iw) * c;
            for (int64_t j = 0; iw >= 0 && j < c; j++)
                dx[j] += dy[j];
        }
    }
}

static void pad2d_grad_run(const dim__exec *e)
{
    const dim__shape *y = e->in_shape[0], *x = e->out_shape[0];
    pad_job job = { e->in[0], e->out[0], x->d[1], x->d[2], x->d[3], e->attr->pad };
    dim__parallel(e->ctx, y->d[0], dim__row_grain(y->d[1] * y->d[2] * y->d[3]), pad_grad_task, &job);
}

const dim__op dim__op_pad2d_grad = {
    .name = "pad2d_grad", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(pad),
    .flags = DIM__OP_BY_SAMPLE,
    .infer = pad2d_grad_infer, .run = pad2d_grad_run,
};
