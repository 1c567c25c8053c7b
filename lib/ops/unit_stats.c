/* unit_stats: (rows, c) -> mean (c), standard deviation (c, biased); no gradient.  Pieces of rows are merged in order
 * (Chan, Golub, LeVeque), so nothing cancels. */
#include "ops/ops.h"
#include "ops/run.h"

/* Workspace: for each piece, mean[c] and sum of squared deviations[c]. */
static size_t stats_workspace(const dim__infer *inf)
{
    return (size_t)inf->ctx->threads * 2 * (size_t)dim__shape_last(&inf->in[0]) * sizeof(double);
}

static dim_status stats_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 0));
    if (inf->in[0].rank < 2 || dim__shape_rows(&inf->in[0]) < 1)
        return dim__infer_fail(inf, 0, "rank 2 at least, one row at least");
    inf->out[0] = inf->out[1] = dim__shape1(dim__shape_last(&inf->in[0]));
    return DIM_OK;
}

static void stats_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__exec *e = arg;
    int64_t c = dim__shape_last(e->in_shape[0]);
    double *mean = (double *)e->workspace + 2 * c * thread;
    e->ctx->kernels->col_moments(mean, mean + c, (const float *)e->in[0] + begin * c, end - begin, c);
}

static void stats_run(const dim__exec *e)
{
    int64_t rows = dim__shape_rows(e->in_shape[0]), c = dim__shape_last(e->in_shape[0]);
    int pieces = dim__parallel_pieces(e->ctx, rows, dim__row_grain(c));
    double *mean = e->workspace, *m2 = mean + c;
    float *out_mean = e->out[0], *out_std = e->out[1];
    int64_t n = rows / pieces + (rows % pieces > 0);
    dim__run_rows(e, rows, c, stats_piece);
    for (int k = 1; k < pieces; k++) {
        const double *mean_k = mean + 2 * c * k, *m2_k = mean_k + c;
        int64_t n_k = rows / pieces + (k < rows % pieces); /* the division of dim__parallel */
        for (int64_t i = 0; i < c; i++) {
            double d = mean_k[i] - mean[i], share = (double)n_k / (double)(n + n_k);
            mean[i] += d * share;
            m2[i] += m2_k[i] + d * d * share * (double)n;
        }
        n += n_k;
    }
    for (int64_t i = 0; i < c; i++) {
        out_mean[i] = (float)mean[i];
        out_std[i] = (float)sqrt(m2[i] / (double)rows);
    }
}

const dim__op dim__op_unit_stats = { "unit_stats", 1, 1, 2, 0, stats_infer, stats_workspace, NULL, stats_run };

dim__vid dim__op_unit_stats_(dim__graph *g, dim__vid x) { return dim__emit1(g, &dim__op_unit_stats, x, NULL); }
