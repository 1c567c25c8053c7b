/* unit_stats: (rows, c) -> mean (c), standard deviation (c, biased); no gradient. */
#include "ops/moments.h"
#include "ops/ops.h"
#include "ops/run.h"

static size_t stats_workspace(const dim__infer *inf)
{
    return dim__moments_size(inf->ctx, inf->comm, dim__shape_last(&inf->in[0]));
}

static dim_status stats_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank < 2 || dim__shape_rows(&inf->in[0]) < 1)
        return dim__infer_fail(inf, 0, "rank 2 at least, one row at least");
    inf->out[0] = inf->out[1] = dim__shape1(dim__shape_last(&inf->in[0]));
    return DIM_OK;
}

typedef struct stats_job {
    const float *x;
    dim__moments moments;
} stats_job;

static void stats_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const stats_job *job = arg;
    dim__moments_add(&job->moments, thread, job->x + begin * job->moments.c, end - begin);
}

static void stats_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]);
    stats_job job = { e->in[0], dim__moments_of(e, c, e->workspace) };
    float *mean = e->out[0], *std = e->out[1];
    dim__parallel(e->ctx, rows, dim__row_grain(c), stats_piece, &job);
    dim__moments_combine(&job.moments);
    for (int64_t i = 0; i < c; i++) {
        mean[i] = (float)job.moments.mean[i];
        std[i] = (float)sqrt(job.moments.mean[c + i] / job.moments.mean[2 * c]);
    }
}

const dim__op dim__op_unit_stats = {
    .name = "unit_stats", .min_in = 1, .max_in = 1, .n_out = 2, .flags = DIM__OP_RANKS,
    .infer = stats_infer, .workspace = stats_workspace, .run = stats_run,
};

dim__vid dim__emit_unit_stats(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_unit_stats, x, NULL); }
