/* Ops that draw.  A draw is a function of (seed, step, stream, index), so it does not depend on threads, and a backward
 * that names its forward's stream in attr.stream sees the same draws. */
#include "base/comm.h"
#include "base/rng.h"
#include "ops/ops.h"
#include "ops/run.h"

#include <string.h>

static uint64_t run_seed(const dim__exec *e) { return dim__mix(e->seed, e->step); }

int64_t dim__draw_number(const dim__exec *e, int64_t n, int64_t at, int64_t end, int64_t *run)
{
    *run = end - at;
    if (e->comm == NULL)
        return at;
    int64_t block = dim__max64(n / e->attr->views, 1), view = at / block;
    *run = dim__min64(*run, (view + 1) * block - at);
    return at + (view * (dim__ranks(e->comm) - 1) + dim__rank(e->comm)) * block;
}

/* ---- dropout ----------------------------------------------------------------------------------------------------- */

static void dropout_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    const float *x = e->in[0];
    float *y = e->out[0];
    float rate = (float)e->attr->rate, scale = (float)(1 / (1 - e->attr->rate));
    float u[256];
    (void)thread;
    for (int64_t n, at = begin; at < end; at += n) {
        int64_t number = dim__draw_number(e, dim__shape_count(e->out_shape[0]), at, dim__min64(at + 256, end), &n);
        dim__rng_uniform(u, n, run_seed(e), e->stream, number);
        for (int64_t i = 0; i < n; i++)
            y[at + i] = u[i] < rate ? 0 : scale * x[at + i];
    }
}

static void dropout_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, dropout_piece, (void *)e);
}

static dim_status dropout_infer(dim__infer *inf)
{
    double rate = inf->attr->rate;
    if (!(rate >= 0 && rate < 1))
        return dim__fail(inf->ctx, DIM_E_INVALID, "%s: rate is %g, wants 0 <= rate < 1", inf->op, rate);
    return dim__infer_same(inf);
}

static void dropout_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__attr attr = node->attr;
    attr.stream = node->stream + 1; /* the gradient passes where the value did, times the same factor */
    din[0] = dim__emit1(g, &dim__op_dropout, dout[0], &attr);
}

const dim__op dim__op_dropout = {
    .name = "dropout", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(rate),
    .flags = DIM__OP_REPEATABLE | DIM__OP_INPLACE0 | DIM__OP_RANDOM,
    .infer = dropout_infer, .backward = dropout_backward, .run = dropout_run,
};

dim__vid dim__emit_dropout(dim__graph *g, dim__vid x, double rate)
{
    dim__attr attr = { .rate = rate };
    return dim__emit1(g, &dim__op_dropout, x, &attr);
}

/* ---- noise ------------------------------------------------------------------------------------------------------- */

static void draw(const dim__exec *e, int64_t begin, int64_t end,
                 void (*fill)(float *out, int64_t n, uint64_t seed, uint64_t stream, int64_t first))
{
    for (int64_t n, at = begin; at < end; at += n) {
        int64_t number = dim__draw_number(e, dim__shape_count(e->out_shape[0]), at, end, &n);
        fill((float *)e->out[0] + at, n, run_seed(e), e->stream, number);
    }
}

static void normal_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    draw(arg, begin, end, dim__rng_normal);
}

static void uniform_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    draw(arg, begin, end, dim__rng_uniform);
}

static void normal_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, normal_piece, (void *)e);
}

static void uniform_run(const dim__exec *e)
{
    dim__parallel(e->ctx, dim__shape_count(e->out_shape[0]), DIM__GRAIN, uniform_piece, (void *)e);
}

const dim__op dim__op_noise_normal = {
    .name = "noise_normal", .min_in = 0, .max_in = 0, .n_out = 1, .attr_size = DIM__ATTR_SIZE(shape),
    .flags = DIM__OP_RANDOM,
    .infer = dim__infer_given, .run = normal_run,
};
const dim__op dim__op_noise_uniform = {
    .name = "noise_uniform", .min_in = 0, .max_in = 0, .n_out = 1, .attr_size = DIM__ATTR_SIZE(shape),
    .flags = DIM__OP_RANDOM,
    .infer = dim__infer_given, .run = uniform_run,
};

dim__vid dim__emit_noise_normal(dim__graph *g, dim__shape shape)
{
    dim__attr attr = dim__attr_given(shape);
    return dim__emit(g, &dim__op_noise_normal, 0, NULL, &attr);
}

dim__vid dim__emit_noise_uniform(dim__graph *g, dim__shape shape)
{
    dim__attr attr = dim__attr_given(shape);
    return dim__emit(g, &dim__op_noise_uniform, 0, NULL, &attr);
}

/* ---- derangement ------------------------------------------------------------------------------------------------- */

/* Of all ranks' samples; each takes the partners of its own. */
static dim_status derangement_infer(dim__infer *inf)
{
    int64_t n = inf->attr->draw.n, all = n * dim__ranks(inf->comm);
    if (n < 2 || all > INT32_MAX)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: n is %lld, wants 2 at least", inf->op, (long long)n);
    inf->out[0] = dim__shape1(n);
    inf->out_type[0] = DIM_I32;
    return DIM_OK;
}

static size_t derangement_workspace(const dim__infer *inf)
{
    return inf->comm == NULL ? 0 : (size_t)(inf->attr->draw.n * dim__ranks(inf->comm)) * sizeof(int32_t);
}

static void derangement_run(const dim__exec *e)
{
    int64_t n = e->out_shape[0]->d[0];
    int32_t *all = e->comm == NULL ? e->out[0] : e->workspace;
    dim__rng_derangement(all, n * dim__ranks(e->comm), run_seed(e), e->stream);
    if (e->comm != NULL)
        memcpy(e->out[0], all + dim__rank(e->comm) * n, (size_t)n * sizeof *all);
}

const dim__op dim__op_derangement = {
    .name = "derangement", .min_in = 0, .max_in = 0, .n_out = 1, .attr_size = DIM__ATTR_SIZE(draw),
    .flags = DIM__OP_RANDOM,
    .infer = derangement_infer, .workspace = derangement_workspace, .run = derangement_run,
};

dim__vid dim__emit_derangement(dim__graph *g, int64_t n)
{
    dim__attr attr = { .draw = { .n = n } };
    return dim__emit(g, &dim__op_derangement, 0, NULL, &attr);
}

/* ---- random_location --------------------------------------------------------------------------------------------- */

static dim_status location_infer(dim__infer *inf)
{
    int64_t n = inf->attr->draw.n, l = inf->attr->draw.locations, k = inf->attr->draw.times;
    if (n < 1 || l < 1 || k < 1 || n > INT32_MAX / l || n > INT32_MAX / k)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: %lld of %lld locations of %lld samples", inf->op, (long long)k, (long long)l,
                         (long long)n);
    inf->out[0] = dim__shape1(n * k);
    inf->out_type[0] = DIM_I32;
    return DIM_OK;
}

static void location_run(const dim__exec *e)
{
    int32_t *out = e->out[0];
    int64_t n = e->attr->draw.n, l = e->attr->draw.locations, k = e->attr->draw.times;
    for (int64_t run, i = 0; i < n * k; i++) {
        uint64_t number = (uint64_t)dim__draw_number(e, n * k, i, n * k, &run);
        out[i] = (int32_t)(i / k * l + (int64_t)dim__rng_below((uint64_t)l, run_seed(e), e->stream, number));
    }
}

const dim__op dim__op_random_location = {
    .name = "random_location", .min_in = 0, .max_in = 0, .n_out = 1, .attr_size = DIM__ATTR_SIZE(draw),
    .flags = DIM__OP_RANDOM,
    .infer = location_infer, .run = location_run,
};

dim__vid dim__emit_random_location(dim__graph *g, int64_t n, int64_t times, int64_t l)
{
    dim__attr attr = { .draw = { .n = n, .locations = l, .times = times } };
    return dim__emit(g, &dim__op_random_location, 0, NULL, &attr);
}
