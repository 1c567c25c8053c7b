/* view_rows: the rows of one view of a batch, (V N, ...) -> (N, ...), which holds its views one after the other: where
 * they are, without a copy.
 * view_rows_grad: back, with zeros in the other views.  view_rows_add: back, on top of a gradient that is there already. */
#include "ops/ops.h"
#include "ops/tiles.h"

#include <string.h>

/* Floats of a tile of bf16, which is on the stack: a caller may have little of it. */
enum { ROOM = 512 };

static dim_status view_infer(dim__infer *inf)
{
    int64_t view = inf->attr->view.view, views = inf->attr->view.views;
    DIM__TRY(dim__infer_types(inf, 0));
    if (views < 1 || view < 0 || view >= views)
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: there is no view %lld of %lld", inf->op, (long long)view,
                         (long long)views);
    if (inf->in[0].rank < 1 || inf->in[0].d[0] % views != 0)
        return dim__infer_fail(inf, 0, "a first axis that the number of views divides");
    inf->out[0] = inf->in[0];
    inf->out[0].d[0] /= views;
    inf->offset = view * dim__shape_count(&inf->out[0]);
    return DIM_OK;
}

static void view_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit1(g, &dim__op_view_rows_grad, dout[0], &node->attr);
}

static dim_status view_grad_infer(dim__infer *inf)
{
    int64_t view = inf->attr->view.view, views = inf->attr->view.views;
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank < 1 || views < 1 || view < 0 || view >= views)
        return dim__infer_fail(inf, 0, "the gradient of a view");
    inf->out[0] = inf->in[0];
    inf->out[0].d[0] *= views;
    return DIM_OK;
}

static void view_grad_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t each = dim__shape_count(e->in_shape[0]), mine = e->attr->view.view;
    float room[ROOM];
    (void)thread;
    for (int64_t at = begin; at < end;) { /* a piece may cross views */
        int64_t view = at / each, offset = at % each, n = dim__min64(dim__min64(each - offset, end - at), ROOM);
        float *dx = dim__write(e, 0, at, room);
        const float *dy = view == mine ? dim__read(e, 0, offset, n, room) : NULL;
        if (dy == NULL)
            memset(dx, 0, (size_t)n * sizeof *dx);
        else if (dx != dy)
            memcpy(dx, dy, (size_t)n * sizeof *dx);
        dim__written(e, 0, at, n, dx);
        at += n;
    }
}

static void view_grad_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, view_grad_piece, (void *)e);
}

/* ---- view_rows_add: (sum (V N, ...), x (N, ...)) -> sum with x added to its rows of the view ------------------------ */

static dim_status view_add_infer(dim__infer *inf)
{
    int64_t view = inf->attr->view.view, views = inf->attr->view.views;
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[1].rank < 1 || views < 1 || view < 0 || view >= views)
        return dim__infer_fail(inf, 1, "the gradient of a view");
    inf->out[0] = inf->in[1];
    inf->out[0].d[0] *= views;
    return dim__shape_equal(&inf->out[0], &inf->in[0]) ? DIM_OK : dim__infer_fail(inf, 0, "the shape of all views");
}

static void view_add_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t first = e->attr->view.view * dim__shape_count(e->in_shape[1]);
    float room[ROOM], more[ROOM];
    (void)thread;
    for (int64_t at = begin; at < end; at += ROOM) {
        int64_t n = dim__min64(ROOM, end - at);
        float *y = dim__write(e, 0, first + at, room);
        e->ctx->kernels->add(y, dim__read(e, 0, first + at, n, room), dim__read(e, 1, at, n, more), n);
        dim__written(e, 0, first + at, n, y);
    }
}

static void copy_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    float room[ROOM];
    (void)thread;
    for (int64_t at = begin; at < end; at += ROOM) {
        int64_t n = dim__min64(ROOM, end - at);
        float *y = dim__write(e, 0, at, room);
        const float *x = dim__read(e, 0, at, n, room);
        if (x != y)
            memcpy(y, x, (size_t)n * sizeof *y);
        dim__written(e, 0, at, n, y);
    }
}

static void view_add_run(const dim__exec *e)
{
    if (e->out[0] != e->in[0])
        dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, copy_piece, (void *)e);
    dim__parallel(e->ctx, dim__shape_count(e->in_shape[1]), DIM__GRAIN, view_add_piece, (void *)e);
}

const dim__op dim__op_view_rows_add = {
    .name = "view_rows_add", .min_in = 2, .max_in = 2, .n_out = 1, .attr_size = DIM__ATTR_SIZE(view),
    .flags = DIM__OP_INPLACE0 | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = view_add_infer, .run = view_add_run,
};
const dim__op dim__op_view_rows = {
    .name = "view_rows", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(view),
    .flags = DIM__OP_REPEATABLE | DIM__OP_ALIAS,
    .infer = view_infer, .backward = view_backward,
};
const dim__op dim__op_view_rows_grad = {
    .name = "view_rows_grad", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(view),
    .flags = DIM__OP_BF16_IN(1) | DIM__OP_BF16_OUT(1),
    .infer = view_grad_infer, .run = view_grad_run,
};

dim__vid dim__emit_view_rows(dim__graph *g, dim__vid x, int64_t view, int64_t views)
{
    dim__attr attr = { .view = { .view = view, .views = views } };
    return dim__emit1(g, &dim__op_view_rows, x, &attr);
}
