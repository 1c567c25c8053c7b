/* Pooling over windows of an NHWC map.  attr.pool; padding of max_pool only.
 *
 * max_pool before the batch norm that it came after (passes/fuse.c) has gamma as input 1: where that is negative, the norm turns
 * the order around, so that it is the minimum that is wanted.  Its gradient is then max_pool_grad with input 3, the
 * numbers of batch norm's gradient (dim__bn_grad), in which dy is what the windows give. */
#include "ops/ops.h"

#include "base/pool.h"
#include "ops/rows.h"

typedef struct pool_job {
    const dim__exec *e;
    int64_t h, w, c, oh, ow;
    dim__attr_pool a;
    const float *x;
} pool_job;

static pool_job job_of(const dim__exec *e, const dim__shape *x, const dim__shape *y)
{
    return (pool_job){ .e = e, .h = x->d[1], .w = x->d[2], .c = x->d[3], .oh = y->d[1], .ow = y->d[2], .a = e->attr->pool };
}

/* Rows of the image that the window of row `oh` covers, and columns that the window of column `ow` covers. */
static int64_t rows_of(const pool_job *job, int64_t oh, int64_t *end)
{
    int64_t begin = oh * job->a.stride_h - job->a.pad_h;
    *end = dim__min64(begin + job->a.kernel_h, job->h);
    return dim__max64(begin, 0);
}

static int64_t columns_of(const pool_job *job, int64_t ow, int64_t *end)
{
    int64_t begin = ow * job->a.stride_w - job->a.pad_w;
    *end = dim__min64(begin + job->a.kernel_w, job->w);
    return dim__max64(begin, 0);
}

/* An axis's kernel, stride and padding. */
static bool possible(int64_t kernel, int64_t stride, int64_t padding)
{
    return kernel >= 1 && stride >= 1 && padding >= 0 && padding <= kernel / 2;
}

static dim_status infer_windows(dim__infer *inf, const dim__shape *x, dim__shape *y)
{
    char text[128];
    const dim__attr_pool *a = &inf->attr->pool;
    if (!possible(a->kernel_h, a->stride_h, a->pad_h) || !possible(a->kernel_w, a->stride_w, a->pad_w))
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: kernel %lld x %lld, stride %lld and %lld, padding %lld and %lld "
                         "(at most half of kernel)", inf->op, (long long)a->kernel_h, (long long)a->kernel_w, (long long)a->stride_h,
                         (long long)a->stride_w, (long long)a->pad_h, (long long)a->pad_w);
    if (x->d[1] + 2 * a->pad_h < a->kernel_h || x->d[2] + 2 * a->pad_w < a->kernel_w || x->d[1] < 1 || x->d[2] < 1)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: kernel %lld x %lld is larger than x %s padded by %lld and %lld", inf->op,
                         (long long)a->kernel_h, (long long)a->kernel_w, dim__op_shape_text(text, x), (long long)a->pad_h,
                         (long long)a->pad_w);
    *y = dim__shape4(x->d[0], (x->d[1] + 2 * a->pad_h - a->kernel_h) / a->stride_h + 1,
                     (x->d[2] + 2 * a->pad_w - a->kernel_w) / a->stride_w + 1, x->d[3]);
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
        int64_t h0 = rows_of(job, row % job->oh, &h1);
        for (int64_t ow = 0; ow < job->ow; ow++) {
            int64_t w0 = columns_of(job, ow, &w1);
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
    dim__parallel(e->ctx, e->out_shape[0]->d[0] * job.oh, dim__row_grain(job.w * job.a.stride_h * job.c), max_task, &job);
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

dim__attr dim__op_pool_attr(dim__window w)
{
    return (dim__attr){ .pool = { .kernel_h = w.kernel[0], .kernel_w = w.kernel[1], .stride_h = w.stride[0],
                                  .stride_w = w.stride[1], .pad_h = w.padding[0], .pad_w = w.padding[1] } };
}

dim__vid dim__emit_max_pool(dim__graph *g, dim__vid x, dim__window window)
{
    dim__attr attr = dim__op_pool_attr(window);
    return dim__emit1(g, &dim__op_max_pool, x, &attr);
}

/* ---- max_pool_grad: (dy, x, y, and perhaps the numbers of a dim__bn_grad: (4, C)) -> dx ---------------------- */

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
    if (inf->n_in > 3 && !dim__shape_equal(&inf->in[3], &(dim__shape){ 2, { 4, y.d[3] } }))
        return dim__infer_fail(inf, 3, "four numbers a channel");
    inf->out[0] = inf->in[1];
    return DIM_OK;
}

/* Whether every input pixel lies in one window: what is given to it is all there is. */
static bool tiled(const pool_job *job)
{
    const dim__attr_pool *a = &job->a;
    return a->kernel_h == a->stride_h && a->kernel_w == a->stride_w && a->pad_h == 0 && a->pad_w == 0 &&
           job->oh * a->stride_h == job->h && job->ow * a->stride_w == job->w;
}

/* Rows of an image, from `at` on. */
static void apply_norm(const pool_job *job, int64_t at, int64_t rows)
{
    float *dx = (float *)job->e->out[0] + at;
    if (job->e->n_in <= 3)
        return;
    const dim__bn_grad by = dim__bn_grad_of(job->e->in[3], job->c);
    job->e->ctx->kernels->bn_grad_apply(dx, dx, job->x + at, &by, rows * job->w, job->c);
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
            int64_t h0 = rows_of(job, oh, &h1);
            for (int64_t ow = 0; ow < job->ow; ow++, dy += c, y += c) {
                int64_t w0 = columns_of(job, ow, &w1), at = (h0 * job->w + w0) * c;
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
    float scale = 1 / (float)(job->a.kernel_h * job->a.kernel_w);
    (void)thread;
    for (int64_t row = begin; row < end; row++) {
        const float *image = job->x + row / job->oh * job->h * job->w * c;
        int64_t h0 = rows_of(job, row % job->oh, &h1);
        for (int64_t ow = 0; ow < job->ow; ow++) {
            int64_t w0 = columns_of(job, ow, &w1);
            job->e->ctx->kernels->window_sum((float *)job->e->out[0] + (row * job->ow + ow) * c,
                                             image + (h0 * job->w + w0) * c, scale, h1 - h0, w1 - w0, job->w * c, c);
        }
    }
}

static void avg_pool_run(const dim__exec *e)
{
    pool_job job = job_of(e, e->in_shape[0], e->out_shape[0]);
    job.x = e->in[0];
    dim__parallel(e->ctx, e->out_shape[0]->d[0] * job.oh, dim__row_grain(job.w * job.a.stride_h * job.c), avg_task, &job);
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

dim__vid dim__emit_avg_pool(dim__graph *g, dim__vid x, dim__window window)
{
    dim__attr attr = dim__op_pool_attr(window);
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
    float scale = 1 / (float)(job->a.kernel_h * job->a.kernel_w);
    (void)thread;
    memset((float *)job->e->out[0] + begin * size, 0, (size_t)((end - begin) * size) * sizeof(float));
    for (int64_t row = begin * job->oh; row < end * job->oh; row++) {
        float *image = (float *)job->e->out[0] + row / job->oh * size;
        int64_t h0 = rows_of(job, row % job->oh, &h1);
        for (int64_t ow = 0; ow < job->ow; ow++, dy += c) {
            int64_t w0 = columns_of(job, ow, &w1);
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
