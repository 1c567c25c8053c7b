/* Pooling over windows of an NHWC map.  attr.pool; padding of max_pool only.
 *
 * max_pool before the batch norm that it came after (passes/fuse.c) has gamma as input 1: where that is negative, the norm turns
 * the order around, so that it is the minimum that is wanted.  Its gradient is then max_pool_grad with input 3, (a, b, k) of
 * each channel: dx = a (what the windows give) + b x + k. */
#include "ops/ops.h"

#include "base/pool.h"
#include "ops/rows.h"

typedef struct pool_job {
    const dim__exec *e;
    int64_t h, w, c, oh, ow, kernel, stride, padding;
    const float *x;
} pool_job;

static pool_job job_of(const dim__exec *e, const dim__shape *x, const dim__shape *y)
{
    const dim__attr_pool *a = &e->attr->pool;
    return (pool_job){ .e = e, .h = x->d[1], .w = x->d[2], .c = x->d[3], .oh = y->d[1], .ow = y->d[2],
                       .kernel = a->kernel_h, .stride = a->stride_h, .padding = a->pad_h };
}

/* Part of output pixel `o`'s window that lies on an axis of `size`. */
static int64_t window(const pool_job *job, int64_t o, int64_t size, int64_t *end)
{
    int64_t begin = o * job->stride - job->padding;
    *end = dim__min64(begin + job->kernel, size);
    return dim__max64(begin, 0);
}

static dim_status infer_windows(dim__infer *inf, const dim__shape *x, dim__shape *y)
{
    char text[128];
    const dim__attr_pool *a = &inf->attr->pool;
    int64_t kernel = a->kernel_h, stride = a->stride_h, padding = a->pad_h;
    bool square = a->kernel_w == kernel && a->stride_w == stride && a->pad_w == padding;
    if (!square || kernel < 1 || stride < 1 || padding < 0 || padding > kernel / 2)
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: kernel %lld, stride %lld, padding %lld (at most half of kernel)",
                         inf->op, (long long)kernel, (long long)stride, (long long)padding);
    if (x->d[1] + 2 * padding < kernel || x->d[2] + 2 * padding < kernel || x->d[1] < 1 || x->d[2] < 1)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: kernel %lld is larger than x %s padded by %lld", inf->op,
                         (long long)kernel, dim__op_shape_text(text, x), (long long)padding);
    *y = dim__shape4(x->d[0], (x->d[1] + 2 * padding - kernel) / stride + 1,
                     (x->d[2] + 2 * padding - kernel) / stride + 1, x->d[3]);
    return DIM_OK;
}

static dim_status pool_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, H, W, C)");
    DIM__TRY(dim__infer_vectors(inf, 1, inf->n_in));
    return infer_windows(inf, &inf->in[0], &inf->out[0]);
}

/* ---- max_pool ---------------------------------------------------------------------------------------------------- */

static void max_task(void *arg, int64_t begin, int64_t end, int thread) /* output rows (n, oh) */
{
    const pool_job *job = arg;
    const dim__kernels *k = job->e->ctx->kernels;
    const float *gamma = job->e->n_in > 1 ? job->e->in[1] : NULL;
    int64_t c = job->c, h1, w1;
    (void)thread;
    for (int64_t row = begin; row < end; row++) {
        const float *image = job->x + row / job->oh * job->h * job->w * c;
        int64_t h0 = window(job, row % job->oh, job->h, &h1);
        for (int64_t ow = 0; ow < job->ow; ow++) {
            int64_t w0 = window(job, ow, job->w, &w1);
            const float *x = image + (h0 * job->w + w0) * c;
            float *y = (float *)job->e->out[0] + (row * job->ow + ow) * c;
            if (gamma != NULL)
                k->window_extreme(y, x, gamma, h1 - h0, w1 - w0, job->w * c, c);
            else
                k->window_max(y, x, h1 - h0, w1 - w0, job->w * c, c);
        }
    }
}

static void max_pool_run(const dim__exec *e)
{
    pool_job job = job_of(e, e->in_shape[0], e->out_shape[0]);
    job.x = e->in[0];
    dim__parallel(e->ctx, e->out_shape[0]->d[0] * job.oh, dim__row_grain(job.w * job.stride * job.c), max_task, &job);
}

static void max_pool_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (node->n_in == 1) /* else batch_norm_again has emitted it */
        din[0] = dim__emit3(g, &dim__op_max_pool_grad, dout[0], node->in[0], node->out[0], &node->attr);
}

const dim__op dim__op_max_pool = {
    .name = "max_pool", .min_in = 1, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(pool),
    .flags = DIM__OP_MAXIMUM | DIM__OP_REPEATABLE | DIM__OP_BY_SAMPLE | DIM__OP_WHOLE(2),
    .infer = pool_infer, .backward = max_pool_backward, .run = max_pool_run,
};

dim__vid dim__op_max_pool_(dim__graph *g, dim__vid x, int kernel, int stride, int padding)
{
    dim__attr attr = dim__attr_square_pool(kernel, stride, padding);
    return dim__emit1(g, &dim__op_max_pool, x, &attr);
}

/* ---- max_pool_grad: (dy, x, y, and perhaps a, b, k: (3, C)) -> dx ------------------------------------------------- */

static dim_status max_pool_grad_infer(dim__infer *inf)
{
    dim__shape y;
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[1].rank != 4)
        return dim__infer_fail(inf, 1, "rank 4 (N, H, W, C)");
    DIM__TRY(infer_windows(inf, &inf->in[1], &y));
    if (!dim__shape_equal(&inf->in[0], &y))
        return dim__infer_fail(inf, 0, "dy of the shape of y");
    if (!dim__shape_equal(&inf->in[2], &y))
        return dim__infer_fail(inf, 2, "y of the pooled shape of x");
    if (inf->n_in > 3 && !dim__shape_equal(&inf->in[3], &(dim__shape){ 2, { 3, y.d[3] } }))
        return dim__infer_fail(inf, 3, "three numbers a channel");
    inf->out[0] = inf->in[1];
    return DIM_OK;
}

/* Whether every input pixel lies in one window: what is given to it is all there is. */
static bool tiled(const pool_job *job)
{
    return job->kernel == job->stride && job->padding == 0 && job->oh * job->stride == job->h &&
           job->ow * job->stride == job->w;
}

/* Rows of an image, from `at` on. */
static void apply_norm(const pool_job *job, int64_t at, int64_t rows)
{
    const float *abk = job->e->n_in > 3 ? job->e->in[3] : NULL;
    int64_t c = job->c;
    float *dx = (float *)job->e->out[0] + at;
    if (abk != NULL)
        job->e->ctx->kernels->bn_grad_apply(dx, dx, job->x + at, abk, abk + c, abk + 2 * c, rows * job->w, c);
}

static void max_grad_task(void *arg, int64_t begin, int64_t end, int thread) /* images */
{
    const pool_job *job = arg;
    int64_t c = job->c, in_size = job->h * job->w * c, h1, w1;
    const float *dy = (const float *)job->e->in[0] + begin * job->oh * job->ow * c;
    const float *y = (const float *)job->e->in[2] + begin * job->oh * job->ow * c;
    bool set = tiled(job);
    (void)thread;
    for (int64_t n = begin; n < end; n++) {
        float *dx = (float *)job->e->out[0] + n * in_size;
        if (!set)
            memset(dx, 0, (size_t)in_size * sizeof *dx);
        for (int64_t oh = 0; oh < job->oh; oh++) {
            int64_t h0 = window(job, oh, job->h, &h1);
            for (int64_t ow = 0; ow < job->ow; ow++, dy += c, y += c) {
                int64_t w0 = window(job, ow, job->w, &w1), at = (h0 * job->w + w0) * c;
                job->e->ctx->kernels->window_max_grad(dx + at, dy, job->x + n * in_size + at, y, set, h1 - h0, w1 - w0,
                                                      job->w * c, c);
            }
            if (set) /* while these rows are in a cache */
                apply_norm(job, n * in_size + h0 * job->w * c, h1 - h0);
        }
        if (!set)
            apply_norm(job, n * in_size, job->h);
    }
}

static void max_pool_grad_run(const dim__exec *e)
{
    pool_job job = job_of(e, e->out_shape[0], e->in_shape[0]);
    job.x = e->in[1];
    dim__parallel(e->ctx, e->out_shape[0]->d[0], dim__row_grain(job.h * job.w * job.c), max_grad_task, &job);
}

const dim__op dim__op_max_pool_grad = {
    .name = "max_pool_grad", .min_in = 3, .max_in = 4, .n_out = 1, .attr_size = DIM__ATTR_SIZE(pool),
    .flags = DIM__OP_BY_SAMPLE | DIM__OP_WHOLE(8),
    .infer = max_pool_grad_infer, .run = max_pool_grad_run,
};

/* ---- avg_pool ---------------------------------------------------------------------------------------------------- */

static void avg_task(void *arg, int64_t begin, int64_t end, int thread) /* output rows (n, oh) */
{
    const pool_job *job = arg;
    int64_t c = job->c, h1, w1;
    float scale = 1 / (float)(job->kernel * job->kernel);
    (void)thread;
    for (int64_t row = begin; row < end; row++) {
        const float *image = job->x + row / job->oh * job->h * job->w * c;
        int64_t h0 = window(job, row % job->oh, job->h, &h1);
        for (int64_t ow = 0; ow < job->ow; ow++) {
            int64_t w0 = window(job, ow, job->w, &w1);
            job->e->ctx->kernels->window_sum((float *)job->e->out[0] + (row * job->ow + ow) * c,
                                             image + (h0 * job->w + w0) * c, scale, h1 - h0, w1 - w0, job->w * c, c);
        }
    }
}

static void avg_pool_run(const dim__exec *e)
{
    pool_job job = job_of(e, e->in_shape[0], e->out_shape[0]);
    job.x = e->in[0];
    dim__parallel(e->ctx, e->out_shape[0]->d[0] * job.oh, dim__row_grain(job.w * job.stride * job.c), avg_task, &job);
}

static void avg_pool_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__attr attr = node->attr;
    attr.pool.height = dim__shape_of(g, node->in[0])->d[1];
    attr.pool.width = dim__shape_of(g, node->in[0])->d[2];
    din[0] = dim__emit1(g, &dim__op_avg_pool_grad, dout[0], &attr);
}

const dim__op dim__op_avg_pool = {
    .name = "avg_pool", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(pool),
    .flags = DIM__OP_REPEATABLE | DIM__OP_BY_SAMPLE,
    .infer = pool_infer, .backward = avg_pool_backward, .run = avg_pool_run,
};

dim__vid dim__op_avg_pool_(dim__graph *g, dim__vid x, int kernel, int stride)
{
    dim__attr attr = dim__attr_square_pool(kernel, stride, 0);
    return dim__emit1(g, &dim__op_avg_pool, x, &attr);
}

/* ---- avg_pool_grad: dy -> dx; attr.pool.height, width: H, W ------------------------------------------------------- */

static dim_status avg_pool_grad_infer(dim__infer *inf)
{
    dim__shape y;
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank != 4)
        return dim__infer_fail(inf, 0, "rank 4 (N, OH, OW, C)");
    inf->out[0] = dim__shape4(inf->in[0].d[0], inf->attr->pool.height, inf->attr->pool.width, inf->in[0].d[3]);
    DIM__TRY(infer_windows(inf, &inf->out[0], &y));
    if (!dim__shape_equal(&inf->in[0], &y))
        return dim__infer_fail(inf, 0, "dy of the pooled shape");
    return DIM_OK;
}

static void avg_grad_task(void *arg, int64_t begin, int64_t end, int thread) /* images */
{
    const pool_job *job = arg;
    int64_t c = job->c, size = job->h * job->w * c, h1, w1;
    const float *dy = (const float *)job->e->in[0] + begin * job->oh * job->ow * c;
    float scale = 1 / (float)(job->kernel * job->kernel);
    (void)thread;
    memset((float *)job->e->out[0] + begin * size, 0, (size_t)((end - begin) * size) * sizeof(float));
    for (int64_t row = begin * job->oh; row < end * job->oh; row++) {
        float *image = (float *)job->e->out[0] + row / job->oh * size;
        int64_t h0 = window(job, row % job->oh, job->h, &h1);
        for (int64_t ow = 0; ow < job->ow; ow++, dy += c) {
            int64_t w0 = window(job, ow, job->w, &w1);
            job->e->ctx->kernels->window_add(image + (h0 * job->w + w0) * c, dy, scale, h1 - h0, w1 - w0, job->w * c,
                                             c);
        }
    }
}

static void avg_pool_grad_run(const dim__exec *e)
{
    pool_job job = job_of(e, e->out_shape[0], e->in_shape[0]);
    dim__parallel(e->ctx, e->out_shape[0]->d[0], dim__row_grain(job.h * job.w * job.c), avg_grad_task, &job);
}

const dim__op dim__op_avg_pool_grad = {
    .name = "avg_pool_grad", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(pool),
    .flags = DIM__OP_BY_SAMPLE,
    .infer = avg_pool_grad_infer, .run = avg_pool_grad_run,
};
