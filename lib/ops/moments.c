#include "ops/moments.h"

#include "base/comm.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

/* Doubles of one thread, or of its room. */
static int64_t set_size(int64_t c) { return 2 * c + 1; }

static double *set_of(const dim__moments *m, int64_t k) { return m->mean + k * set_size(m->c); }

static int64_t rooms_of(const struct dim__comm *comm) { return comm != NULL ? dim__ranks(comm) : 0; }

size_t dim__moments_size(const dim_context *ctx, const struct dim__comm *comm, int64_t c)
{
    return (2 * ctx->threads + (size_t)rooms_of(comm)) * (size_t)set_size(c) * sizeof(double);
}

dim__moments dim__moments_of(const dim__exec *e, int64_t c, void *workspace)
{
    dim__moments m = { e->ctx, e->comm, c, workspace };
    dim__moments_clear(&m);
    return m;
}

void dim__moments_clear(const dim__moments *m)
{
    for (uint32_t t = 0; t < m->ctx->threads; t++)
        set_of(m, t)[2 * m->c] = 0;
}

/* Two sets of rows together, in the place of the first. */
static void combine(double *mean, const double *mean_k, int64_t c)
{
    double *m2 = mean + c, *rows = m2 + c, rows_k = mean_k[2 * c], total = *rows + rows_k;
    const double *m2_k = mean_k + c;
    double share = rows_k / total, weight = *rows * rows_k / total;
    for (int64_t j = 0; j < c; j++) {
        double delta = mean_k[j] - mean[j];
        mean[j] += delta * share;
        m2[j] += m2_k[j] + delta * delta * weight;
    }
    *rows = total;
}

void dim__moments_add(const dim__moments *m, int thread, const float *x, int64_t rows)
{
    int64_t c = m->c;
    double *sofar = set_of(m, thread);
    double *to = sofar[2 * c] == 0 ? sofar : set_of(m, (int64_t)m->ctx->threads + thread);
    if (rows == 0)
        return;
    m->ctx->kernels->col_moments(to, to + c, x, rows, c);
    to[2 * c] = (double)rows;
    if (to != sofar)
        combine(sofar, to, c);
}

/* In the order of ranks, so that all of them have the same bits. */
static void combine_ranks(const dim__moments *m)
{
    double *all = set_of(m, 0), *ranks = set_of(m, 2 * (int64_t)m->ctx->threads);
    int64_t size = set_size(m->c);
    dim__comm_gather(m->comm, all, ranks, (size_t)size * sizeof *all);
    memcpy(all, ranks, (size_t)size * sizeof *all);
    for (int64_t r = 1; r < dim__ranks(m->comm); r++)
        combine(all, ranks + r * size, m->c);
}

void dim__moments_combine(const dim__moments *m)
{
    double *all = set_of(m, 0);
    for (uint32_t t = 1; t < m->ctx->threads; t++)
        if (set_of(m, t)[2 * m->c] > 0) /* thread 0 takes part in all that is done */
            combine(all, set_of(m, t), m->c);
    if (m->comm != NULL)
        combine_ranks(m);
}

void dim__moments_finish(const dim__moments *m, double eps, float *mean, float *var, float *rstd)
{
    dim__moments_combine(m);
    const double *all = m->mean, *m2 = all + m->c;
    for (int64_t j = 0; j < m->c; j++) {
        double v = m2[j] / m2[m->c], r = 1 / sqrt(v + eps);
        mean[j] = (float)all[j];
        var[j] = (float)v;
        rstd[j] = (float)r;
    }
}
