/* Products and sums of rows with rows.  With s (N, L), a (N, L, C), b (N, C):
 *   row_dot   s[n, l]    = <a[n, l], b[n]>
 *   row_scale a[n, l, :] = s[n, l] b[n]
 *   row_mix   b[n]       = sum over l of s[n, l] a[n, l]
 * Each one's gradients are the other two.  row_dot and row_scale also work without the axis L. */
#include "ops/ops.h"
#include "ops/run.h"

#include <string.h>

/* ---- row_dot ----------------------------------------------------------------------------------------------------- */

static dim_status row_dot_infer(dim__infer *inf)
{
    const dim__shape *a = &inf->in[0], *b = &inf->in[1];
    DIM__TRY(dim__infer_types(inf, 0));
    if (a->rank != 2 && a->rank != 3)
        return dim__infer_fail(inf, 0, "(N, L, C) or (N, C)");
    if (b->rank != 2 || b->d[0] != a->d[0] || b->d[1] != dim__shape_last(a))
        return dim__infer_fail(inf, 1, "first and last axis of input 0");
    inf->out[0] = *a;
    inf->out[0].rank = a->rank - 1;
    return DIM_OK;
}

static void row_dot_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = dim__shape_last(e->in_shape[0]), l = e->in_shape[0]->rank == 3 ? e->in_shape[0]->d[1] : 1;
    const float *a = e->in[0], *b = e->in[1];
    float *s = e->out[0];
    (void)thread;
    for (int64_t r = begin; r < end; r++)
        s[r] = (float)e->ctx->kernels->dot(a + r * c, b + r / l * c, c);
}

static void row_dot_run(const dim__exec *e)
{
    dim__run_rows(e, dim__shape_rows(e->in_shape[0]), dim__shape_last(e->in_shape[0]), row_dot_piece);
}

static void row_dot_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    bool mid = dim__shape_of(g, node->in[0])->rank == 3;
    if (dim__wants_grad(g, node->in[0]))
        din[0] = dim__emit_row_scale(g, dout[0], node->in[1]);
    if (dim__wants_grad(g, node->in[1]))
        din[1] = mid ? dim__emit2(g, &dim__op_row_mix, dout[0], node->in[0], NULL)
                     : dim__emit_row_scale(g, dout[0], node->in[0]);
}

const dim__op dim__op_row_dot = {
    .name = "row_dot", .min_in = 2, .max_in = 2, .n_out = 1, .flags = DIM__OP_BY_SAMPLE,
    .infer = row_dot_infer, .backward = row_dot_backward, .run = row_dot_run,
};

dim__vid dim__emit_row_dot(dim__graph *g, dim__vid a, dim__vid b) { return dim__emit2(g, &dim__op_row_dot, a, b, NULL); }

/* ---- row_scale --------------------------------------------------------------------------------------------------- */

static dim_status row_scale_infer(dim__infer *inf)
{
    const dim__shape *s = &inf->in[0], *b = &inf->in[1];
    DIM__TRY(dim__infer_types(inf, 0));
    if (s->rank != 1 && s->rank != 2)
        return dim__infer_fail(inf, 0, "(N, L) or (N)");
    if (b->rank != 2 || b->d[0] != s->d[0])
        return dim__infer_fail(inf, 1, "rank 2 and the first axis of input 0");
    inf->out[0] = *s;
    inf->out[0].rank = s->rank + 1;
    inf->out[0].d[s->rank] = b->d[1];
    return DIM_OK;
}

static void row_scale_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = dim__shape_last(e->in_shape[1]), l = e->in_shape[0]->rank == 2 ? e->in_shape[0]->d[1] : 1;
    const float *s = e->in[0], *b = e->in[1];
    float *a = e->out[0];
    (void)thread;
    for (int64_t r = begin; r < end; r++)
        e->ctx->kernels->affine(a + r * c, b + r / l * c, s[r], 0, c);
}

static void row_scale_run(const dim__exec *e)
{
    dim__run_rows(e, dim__shape_rows(e->out_shape[0]), dim__shape_last(e->out_shape[0]), row_scale_piece);
}

static void row_scale_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    bool mid = dim__shape_of(g, node->in[0])->rank == 2;
    if (dim__wants_grad(g, node->in[0]))
        din[0] = dim__emit_row_dot(g, dout[0], node->in[1]);
    if (dim__wants_grad(g, node->in[1]))
        din[1] = mid ? dim__emit2(g, &dim__op_row_mix, node->in[0], dout[0], NULL)
                     : dim__emit_row_scale(g, node->in[0], dout[0]);
}

const dim__op dim__op_row_scale = {
    .name = "row_scale", .min_in = 2, .max_in = 2, .n_out = 1, .flags = DIM__OP_BY_SAMPLE,
    .infer = row_scale_infer, .backward = row_scale_backward, .run = row_scale_run,
};

dim__vid dim__emit_row_scale(dim__graph *g, dim__vid s, dim__vid b)
{
    return dim__emit2(g, &dim__op_row_scale, s, b, NULL);
}

/* ---- row_mix ----------------------------------------------------------------------------------------------------- */

static dim_status row_mix_infer(dim__infer *inf)
{
    const dim__shape *s = &inf->in[0], *a = &inf->in[1];
    DIM__TRY(dim__infer_types(inf, 0));
    if (s->rank != 2)
        return dim__infer_fail(inf, 0, "(N, L)");
    if (a->rank != 3 || a->d[0] != s->d[0] || a->d[1] != s->d[1])
        return dim__infer_fail(inf, 1, "rank 3 and the axes of input 0 first");
    inf->out[0] = dim__shape2(a->d[0], a->d[2]);
    return DIM_OK;
}

static void row_mix_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t l = e->in_shape[1]->d[1], c = e->in_shape[1]->d[2];
    const float *s = e->in[0], *a = e->in[1];
    float *b = e->out[0];
    (void)thread;
    memset(b + begin * c, 0, (size_t)((end - begin) * c) * sizeof *b);
    for (int64_t n = begin; n < end; n++)
        for (int64_t r = n * l; r < (n + 1) * l; r++)
            e->ctx->kernels->axpy(b + n * c, s[r], a + r * c, c);
}

static void row_mix_run(const dim__exec *e)
{
    dim__run_rows(e, e->in_shape[1]->d[0], e->in_shape[1]->d[1] * e->in_shape[1]->d[2], row_mix_piece);
}

static void row_mix_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dim__wants_grad(g, node->in[0]))
        din[0] = dim__emit_row_dot(g, node->in[1], dout[0]);
    if (dim__wants_grad(g, node->in[1]))
        din[1] = dim__emit_row_scale(g, node->in[0], dout[0]);
}

const dim__op dim__op_row_mix = {
    .name = "row_mix", .min_in = 2, .max_in = 2, .n_out = 1, .flags = DIM__OP_BY_SAMPLE,
    .infer = row_mix_infer, .backward = row_mix_backward, .run = row_mix_run,
};

/* ---- pair_sum ---------------------------------------------------------------------------------------------------- */

static dim_status pair_sum_infer(dim__infer *inf)
{
    const dim__shape *a = &inf->in[0], *b = &inf->in[1];
    int64_t n;
    DIM__TRY(dim__infer_types(inf, 0));
    if (a->rank != 2)
        return dim__infer_fail(inf, 0, "rank 2");
    if (b->rank != 2 || b->d[1] != a->d[1])
        return dim__infer_fail(inf, 1, "rank 2 and the last axis of input 0");
    if (!dim__mul64(a->d[0], dim__shape_count(b), &n))
        return dim__infer_fail(inf, 1, "fewer pairs");
    inf->out[0] = dim__shape3(a->d[0], b->d[0], a->d[1]);
    return DIM_OK;
}

static void pair_sum_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t m = e->in_shape[1]->d[0], c = e->in_shape[1]->d[1];
    (void)thread;
    for (int64_t r = begin; r < end; r++)
        e->ctx->kernels->add_bias((float *)e->out[0] + r * m * c, e->in[1], (const float *)e->in[0] + r * c, m, c);
}

static void pair_sum_run(const dim__exec *e)
{
    dim__run_rows(e, e->in_shape[0]->d[0], dim__shape_count(e->in_shape[1]), pair_sum_piece);
}

static void pair_sum_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    if (dim__wants_grad(g, node->in[0]))
        din[0] = dim__emit_sum_mid(g, dout[0], 1);
    if (dim__wants_grad(g, node->in[1])) { /* the sum over the first axis, seen as a middle one */
        dim__shape b = *dim__shape_of(g, node->in[1]);
        int64_t r = dim__shape_of(g, node->in[0])->d[0], mc = dim__shape_count(&b);
        dim__vid sum = dim__emit_sum_mid(g, dim__emit_reshape(g, dout[0], dim__shape3(1, r, mc)), 1);
        din[1] = dim__emit_reshape(g, sum, b);
    }
}

const dim__op dim__op_pair_sum = {
    .name = "pair_sum", .min_in = 2, .max_in = 2, .n_out = 1, .flags = DIM__OP_REPEATABLE,
    .infer = pair_sum_infer, .backward = pair_sum_backward, .run = pair_sum_run,
};

dim__vid dim__emit_pair_sum(dim__graph *g, dim__vid a, dim__vid b)
{
    return dim__emit2(g, &dim__op_pair_sum, a, b, NULL);
}
