/* Crops of maps.  crop_rows says which pixels make them, as rows of the maps seen as (N H W, C); gather fetches these, and its
 * gradient adds up what crops that overlap have of a pixel. */
#include "graph/graph.h"
#include "ops/ops.h"
#include "ops/run.h"

static int64_t places(int64_t size, int64_t kernel, int64_t stride) { return (size - kernel) / stride + 1; }

static dim_status infer(dim__infer *inf)
{
    const dim__attr_crops *a = &inf->attr->crops;
    bool good = a->n > 0 && a->kernel_h > 0 && a->kernel_w > 0 && a->stride_h > 0 && a->stride_w > 0 &&
                a->kernel_h <= a->height && a->kernel_w <= a->width;
    int64_t maps = a->n, count = a->n;
    if (good && dim__mul64(maps, a->height, &maps) && dim__mul64(maps, a->width, &maps) && maps <= INT32_MAX &&
        dim__mul64(count, places(a->height, a->kernel_h, a->stride_h) * a->kernel_h, &count) &&
        dim__mul64(count, places(a->width, a->kernel_w, a->stride_w) * a->kernel_w, &count) && count <= INT32_MAX) {
        inf->out[0] = dim__shape1(count);
        inf->out_type[0] = DIM_I32;
        return DIM_OK;
    }
    return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: crops of %lld x %lld, %lld x %lld apart, of %lld maps of %lld x %lld", inf->op,
                     (long long)a->kernel_h, (long long)a->kernel_w, (long long)a->stride_h, (long long)a->stride_w,
                     (long long)a->n, (long long)a->height, (long long)a->width);
}

static void piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    const dim__attr_crops *a = &e->attr->crops;
    int64_t across = places(a->width, a->kernel_w, a->stride_w), down = places(a->height, a->kernel_h, a->stride_h);
    (void)thread;
    for (int64_t crop = begin; crop < end; crop++) {
        int64_t map = crop / (down * across), i = crop / across % down, j = crop % across;
        int32_t *out = (int32_t *)e->out[0] + crop * a->kernel_h * a->kernel_w;
        for (int64_t y = 0; y < a->kernel_h; y++)
            for (int64_t x = 0; x < a->kernel_w; x++)
                *out++ = (int32_t)((map * a->height + i * a->stride_h + y) * a->width + j * a->stride_w + x);
    }
}

static void run(const dim__exec *e)
{
    int64_t size = e->attr->crops.kernel_h * e->attr->crops.kernel_w;
    dim__run_rows(e, e->out_shape[0]->d[0] / size, size, piece);
}

const dim__op dim__op_crop_rows = {
    .name = "crop_rows", .min_in = 0, .max_in = 0, .n_out = 1, .attr_size = DIM__ATTR_SIZE(crops),
    .infer = infer, .run = run,
};

dim__vid dim__emit_crops(dim__graph *g, dim__vid x, dim__window window)
{
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    dim__shape s = *dim__shape_of(g, x);
    int64_t kh = window.kernel[0], kw = window.kernel[1];
    dim__attr attr = { .crops = { s.d[0], s.d[1], s.d[2], kh, kw, window.stride[0], window.stride[1] } };
    dim__vid rows = dim__emit(g, &dim__op_crop_rows, 0, NULL, &attr);
    dim__vid y = dim__emit_gather(g, dim__emit_reshape(g, x, dim__shape2(s.d[0] * s.d[1] * s.d[2], s.d[3])), rows);
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    return dim__emit_reshape(g, y, dim__shape4(dim__shape_of(g, y)->d[0] / (kh * kw), kh, kw, s.d[3]));
}
