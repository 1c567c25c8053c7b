/* Ops that move numbers. */
#include "ops/ops.h"
#include "ops/run.h"

#include <stdio.h>
#include <string.h>

/* ---- reshape, stop_gradient: aliases ----------------------------------------------------------------------------- */

static dim_status reshape_infer(dim__infer *inf)
{
    const dim__attr_shape *a = &inf->attr->shape;
    dim__shape *to = &inf->out[0];
    char text[128], wanted[160];
    int64_t n = 1;
    DIM__TRY(dim__infer_types(inf, 0));
    bool fits = a->rank >= 0 && a->rank <= DIM__MAX_DIMS;
    to->rank = fits ? (int)a->rank : 0;
    for (int k = 0; k < to->rank; k++) {
        to->d[k] = a->d[k];
        fits = fits && dim__mul64(n, to->d[k], &n);
    }
    if (!fits || n != dim__shape_count(&inf->in[0])) {
        snprintf(wanted, sizeof wanted, "as many elements as %s", dim__op_shape_text(text, to));
        return dim__infer_fail(inf, 0, wanted);
    }
    return DIM_OK;
}

static void reshape_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit_reshape(g, dout[0], *dim__shape_of(g, node->in[0]));
}

const dim__op dim__op_reshape = {
    .name = "reshape", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(shape),
    .flags = DIM__OP_ALIAS,
    .infer = reshape_infer, .backward = reshape_backward,
};
const dim__op dim__op_stop_gradient = {
    .name = "stop_gradient", .min_in = 1, .max_in = 1, .n_out = 1, .flags = DIM__OP_ALIAS,
    .infer = dim__infer_same,
};

dim__vid dim__emit_reshape(dim__graph *g, dim__vid x, dim__shape shape)
{
    dim__attr attr = dim__attr_given(shape);
    return dim__emit1(g, &dim__op_reshape, x, &attr);
}

dim__vid dim__emit_stop_gradient(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_stop_gradient, x, NULL); }

/* ---- concat, slice: along the last axis -------------------------------------------------------------------------- */

static dim_status concat_infer(dim__infer *inf)
{
    const dim__shape *a = &inf->in[0], *b = &inf->in[1];
    char text[128], wanted[160];
    DIM__TRY(dim__infer_types(inf, 0));
    if (a->rank < 1)
        return dim__infer_fail(inf, 0, "rank 1 at least");
    bool equal = a->rank == b->rank;
    for (int k = 0; equal && k + 1 < a->rank; k++)
        equal = a->d[k] == b->d[k];
    if (!equal) {
        snprintf(wanted, sizeof wanted, "%s but for the last axis", dim__op_shape_text(text, a));
        return dim__infer_fail(inf, 1, wanted);
    }
    inf->out[0] = *a;
    inf->out[0].d[a->rank - 1] += b->d[a->rank - 1];
    return DIM_OK;
}

static void concat_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    size_t ca = (size_t)dim__shape_last(e->in_shape[0]), cb = (size_t)dim__shape_last(e->in_shape[1]);
    const float *a = e->in[0], *b = e->in[1];
    float *y = e->out[0];
    (void)thread;
    for (size_t r = (size_t)begin; r < (size_t)end; r++) {
        memcpy(y + r * (ca + cb), a + r * ca, ca * sizeof *y);
        memcpy(y + r * (ca + cb) + ca, b + r * cb, cb * sizeof *y);
    }
}

static void concat_run(const dim__exec *e)
{
    dim__run_rows(e, dim__shape_rows(e->out_shape[0]), dim__shape_last(e->out_shape[0]), concat_piece);
}

static void concat_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    int64_t ca = dim__shape_last(dim__shape_of(g, node->in[0])), cb = dim__shape_last(dim__shape_of(g, node->in[1]));
    if (dim__wants_grad(g, node->in[0]))
        din[0] = dim__emit_slice(g, dout[0], 0, ca);
    if (dim__wants_grad(g, node->in[1]))
        din[1] = dim__emit_slice(g, dout[0], ca, cb);
}

const dim__op dim__op_concat = {
    .name = "concat", .min_in = 2, .max_in = 2, .n_out = 1, .flags = DIM__OP_REPEATABLE | DIM__OP_BY_ROW,
    .infer = concat_infer, .backward = concat_backward, .run = concat_run,
};

dim__vid dim__emit_concat(dim__graph *g, dim__vid a, dim__vid b) { return dim__emit2(g, &dim__op_concat, a, b, NULL); }

static dim_status slice_infer(dim__infer *inf)
{
    const dim__shape *x = &inf->in[0];
    int64_t start = inf->attr->slice.start, n = inf->attr->slice.n;
    char wanted[96];
    DIM__TRY(dim__infer_types(inf, 0));
    if (x->rank < 1 || start < 0 || n < 0 || start > dim__shape_last(x) || n > dim__shape_last(x) - start) {
        snprintf(wanted, sizeof wanted, "a last axis that holds %lld elements from %lld", (long long)n,
                 (long long)start);
        return dim__infer_fail(inf, 0, wanted);
    }
    inf->out[0] = *x;
    inf->out[0].d[x->rank - 1] = n;
    return DIM_OK;
}

static void slice_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    size_t c = (size_t)dim__shape_last(e->in_shape[0]), n = (size_t)e->attr->slice.n;
    const float *x = (const float *)e->in[0] + e->attr->slice.start;
    float *y = e->out[0];
    (void)thread;
    for (size_t r = (size_t)begin; r < (size_t)end; r++)
        memcpy(y + r * n, x + r * c, n * sizeof *y);
}

static void slice_run(const dim__exec *e)
{
    dim__run_rows(e, dim__shape_rows(e->in_shape[0]), e->attr->slice.n, slice_piece);
}

static void slice_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__attr attr = node->attr;
    attr.slice.whole = dim__shape_last(dim__shape_of(g, node->in[0]));
    din[0] = dim__emit1(g, &dim__op_slice_grad, dout[0], &attr);
}

static dim_status slice_grad_infer(dim__infer *inf)
{
    const dim__shape *dy = &inf->in[0];
    int64_t start = inf->attr->slice.start, n = inf->attr->slice.n, c = inf->attr->slice.whole;
    DIM__TRY(dim__infer_types(inf, 0));
    if (dy->rank < 1 || dim__shape_last(dy) != n || start < 0 || n < 0 || c < n || start > c - n)
        return dim__infer_fail(inf, 0, "the gradient of a slice");
    inf->out[0] = *dy;
    inf->out[0].d[dy->rank - 1] = c;
    return DIM_OK;
}

static void slice_grad_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    din[0] = dim__emit_slice(g, dout[0], node->attr.slice.start, node->attr.slice.n);
}

static void slice_grad_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    const dim__attr_slice *a = &e->attr->slice;
    size_t start = (size_t)a->start, n = (size_t)a->n, c = (size_t)a->whole;
    const float *dy = e->in[0];
    float *dx = e->out[0];
    (void)thread;
    for (size_t r = (size_t)begin; r < (size_t)end; r++) {
        memset(dx + r * c, 0, start * sizeof *dx);
        memcpy(dx + r * c + start, dy + r * n, n * sizeof *dx);
        memset(dx + r * c + start + n, 0, (c - start - n) * sizeof *dx);
    }
}

static void slice_grad_run(const dim__exec *e)
{
    dim__run_rows(e, dim__shape_rows(e->out_shape[0]), e->attr->slice.whole, slice_grad_piece);
}

const dim__op dim__op_slice = {
    .name = "slice", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(slice),
    .flags = DIM__OP_REPEATABLE | DIM__OP_BY_ROW,
    .infer = slice_infer, .backward = slice_backward, .run = slice_run,
};
const dim__op dim__op_slice_grad = {
    .name = "slice_grad", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(slice),
    .flags = DIM__OP_REPEATABLE | DIM__OP_BY_ROW,
    .infer = slice_grad_infer, .backward = slice_grad_backward, .run = slice_grad_run,
};

dim__vid dim__emit_slice(dim__graph *g, dim__vid x, int64_t start, int64_t n)
{
    dim__attr attr = { .slice = { .start = start, .n = n } };
    return dim__emit1(g, &dim__op_slice, x, &attr);
}

dim__vid dim__emit_pad_last(dim__graph *g, dim__vid x, int64_t c)
{
    dim__attr attr = { .slice = { .n = dim__shape_last(dim__shape_of(g, x)), .whole = c } };
    return dim__emit1(g, &dim__op_slice_grad, x, &attr);
}

/* ---- broadcast_mid, sum_mid: each other's gradient --------------------------------------------------------------- */

static dim_status broadcast_mid_infer(dim__infer *inf)
{
    int64_t l = inf->attr->times, n;
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank != 2)
        return dim__infer_fail(inf, 0, "rank 2");
    if (!dim__mul64(dim__shape_count(&inf->in[0]), l, &n))
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: cannot repeat %lld times", inf->op, (long long)l);
    inf->out[0] = dim__shape3(inf->in[0].d[0], l, inf->in[0].d[1]);
    return DIM_OK;
}

static void broadcast_mid_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t l = e->attr->times, c = dim__shape_last(e->in_shape[0]);
    const float *x = e->in[0];
    float *y = e->out[0];
    (void)thread;
    for (int64_t r = begin; r < end; r++) /* r = n l + position */
        memcpy(y + r * c, x + r / l * c, (size_t)c * sizeof *y);
}

static void broadcast_mid_run(const dim__exec *e)
{
    dim__run_rows(e, dim__shape_rows(e->out_shape[0]), dim__shape_last(e->out_shape[0]), broadcast_mid_piece);
}

static void broadcast_mid_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    (void)node;
    din[0] = dim__emit_sum_mid(g, dout[0], 1);
}

static dim_status sum_mid_infer(dim__infer *inf)
{
    const dim__shape *x = &inf->in[0];
    DIM__TRY(dim__infer_types(inf, 0));
    if (x->rank < 2)
        return dim__infer_fail(inf, 0, "rank 2 at least");
    inf->out[0] = dim__shape2(x->d[0], dim__shape_last(x));
    return DIM_OK;
}

enum { SUM_COLUMNS = 512 };

static int64_t sum_mid_blocks(int64_t c) { return (c + SUM_COLUMNS - 1) / SUM_COLUMNS; }

/* Item = one block of columns of one sample: sums in double, in the order of the locations whatever the threads. */
static void sum_mid_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t n = e->out_shape[0]->d[0], c = e->out_shape[0]->d[1], blocks = sum_mid_blocks(c);
    int64_t l = dim__shape_rows(e->in_shape[0]) / dim__max64(n, 1);
    double sum[SUM_COLUMNS];
    (void)thread;
    for (int64_t item = begin; item < end; item++) {
        int64_t sample = item / blocks, first = item % blocks * SUM_COLUMNS;
        int64_t width = dim__min64(SUM_COLUMNS, c - first);
        const float *x = (const float *)e->in[0] + sample * l * c + first;
        float *y = (float *)e->out[0] + sample * c + first;
        memset(sum, 0, (size_t)width * sizeof *sum);
        if (width == c)
            e->ctx->kernels->col_sum(sum, x, l, c);
        else
            for (int64_t r = 0; r < l; r++)
                e->ctx->kernels->col_sum(sum, x + r * c, 1, width);
        for (int64_t k = 0; k < width; k++)
            y[k] = (float)(e->attr->scale * sum[k]);
    }
}

static void sum_mid_run(const dim__exec *e)
{
    int64_t n = e->out_shape[0]->d[0], c = e->out_shape[0]->d[1], items = n * sum_mid_blocks(c);
    dim__run_rows(e, items, dim__shape_count(e->in_shape[0]) / dim__max64(items, 1), sum_mid_piece);
}

static void sum_mid_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__shape x = *dim__shape_of(g, node->in[0]);
    dim__vid d = node->attr.scale == 1 ? dout[0] : dim__emit_affine(g, dout[0], node->attr.scale, 0);
    if (x.rank > 2) {
        int64_t l = 1;
        for (int k = 1; k + 1 < x.rank; k++)
            l *= x.d[k];
        d = dim__emit_broadcast_mid(g, d, l);
    }
    din[0] = x.rank > 3 ? dim__emit_reshape(g, d, x) : d;
}

const dim__op dim__op_broadcast_mid = {
    .name = "broadcast_mid", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(times),
    .flags = DIM__OP_REPEATABLE | DIM__OP_BY_SAMPLE,
    .infer = broadcast_mid_infer, .backward = broadcast_mid_backward, .run = broadcast_mid_run,
};
const dim__op dim__op_sum_mid = {
    .name = "sum_mid", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(scale),
    .flags = DIM__OP_BY_SAMPLE,
    .infer = sum_mid_infer, .backward = sum_mid_backward, .run = sum_mid_run,
};

dim__vid dim__emit_broadcast_mid(dim__graph *g, dim__vid x, int64_t l)
{
    dim__attr attr = { .times = l };
    const dim__shape *s = dim__shape_of(g, x);
    if (l == 1 && s->rank == 2) /* nothing to repeat */
        return dim__emit_reshape(g, x, dim__shape3(s->d[0], 1, s->d[1]));
    return dim__emit1(g, &dim__op_broadcast_mid, x, &attr);
}

dim__vid dim__emit_sum_mid(dim__graph *g, dim__vid x, double scale)
{
    dim__attr attr = { .scale = scale };
    const dim__shape *s = dim__shape_of(g, x);
    if (scale == 1 && s->rank > 2 && dim__shape_count(s) == s->d[0] * dim__shape_last(s)) /* nothing to add up */
        return dim__emit_reshape(g, x, dim__shape2(s->d[0], dim__shape_last(s)));
    return dim__emit1(g, &dim__op_sum_mid, x, &attr);
}
