/* What single pairs of columns show beyond a Gaussian copula.
 *
 * If many columns have a Gaussian copula, each pair of them has one, and in a pair neighbours see everything.  Edges, of which
 * neither correlations nor critics see much in many columns, are plain there.  What pairs without a column in common have
 * beyond their Gaussian copulas adds up where pairs have nothing to do with each other; else that is as much as it can be
 * taken for, so it belongs to the end of an interval and not to a value. */
#include "information/information.h"

#include "base/math.h"
#include "base/rng.h"
#include "kernels/gemm.h"

enum { PAIRS = 16, ROWS = 10000 }; /* enough to see */

typedef struct scores {
    int64_t d[2];
    double *z[2];                /* (d, n) */
    double *r;                   /* (d[0], d[1]): correlations times n */
} scores;

static bool has_order(const dim__mi_column *c)
{
    return c->kind == DIM_INFORMATION_KIND_CONTINUOUS || c->kind == DIM_INFORMATION_KIND_TIED;
}

/* Columns without an order keep scores of 0. */
static dim_status make_scores(const dim__mi *m, double **even, scores *s)
{
    for (int k = 0; k < 2; k++) {
        s->d[k] = m->side[k].d;
        s->z[k] = dim__calloc(m->ctx, (size_t)s->d[k] * sizeof(double), (size_t)m->n);
        if (s->z[k] == NULL)
            return DIM_E_NOMEM;
        for (int64_t j = 0; j < s->d[k]; j++)
            if (has_order(&m->side[k].columns[j]))
                DIM__TRY(dim__mi_scores_kept(m, &m->side[k].columns[j], even, s->z[k] + j * m->n));
    }
    s->r = dim__calloc(m->ctx, (size_t)s->d[0] * sizeof(double), (size_t)s->d[1]);
    if (s->r == NULL)
        return DIM_E_NOMEM;
    dim__dgemm(m->ctx, false, true, s->d[0], s->d[1], m->n, 1, s->z[0], m->n, s->z[1], m->n, 0, s->r, s->d[1]);
    return DIM_OK;
}

/* The most correlated pair of columns that are left; takes them away. */
static bool next_pair(scores *s, int64_t *x, int64_t *y)
{
    double most = 0;
    for (int64_t i = 0; i < s->d[0]; i++)
        for (int64_t j = 0; j < s->d[1]; j++)
            if (fabs(s->r[i * s->d[1] + j]) > most) {
                most = fabs(s->r[i * s->d[1] + j]);
                *x = i;
                *y = j;
            }
    for (int64_t i = 0; i < s->d[0] && most > 0; i++)
        s->r[i * s->d[1] + *y] = 0;
    for (int64_t j = 0; j < s->d[1] && most > 0; j++)
        s->r[*x * s->d[1] + j] = 0;
    return most > 0;
}

/* Both methods on a pair, which is m with two of its columns. */
static dim_status add_pair(const dim__mi *pair, dim__mi_excess *out)
{
    dim__mi_answer *a = dim__calloc(pair->ctx, 2, sizeof *a);
    double *pointwise = dim__calloc(pair->ctx, (size_t)pair->n, 2 * sizeof *pointwise);
    dim_status status = a == NULL || pointwise == NULL ? DIM_E_NOMEM : DIM_OK;
    if (status == DIM_OK) {
        a[0].pointwise = pointwise;
        a[1].pointwise = pointwise + pair->n;
        status = dim__mi_knn.run(pair, &a[0]);
    }
    if (status == DIM_OK)
        status = dim__mi_gauss.run(pair, &a[1]);
    if (status == DIM_OK && a[0].r.verdict == DIM_INFORMATION_ESTIMATE && a[1].r.verdict == DIM_INFORMATION_ESTIMATE) {
        out->value += a[0].r.raw - a[1].r.raw;
        out->error = hypot(out->error, a[0].r.standard_error);
        out->high += fmax(0, a[0].r.high - a[1].r.raw);
    }
    dim__free(pair->ctx, pointwise);
    dim__free(pair->ctx, a);
    return status;
}

static dim_status run_pair(const dim__mi *m, int64_t x, int64_t y, const int32_t *rows, dim__mi_excess *out)
{
    dim__mi pair = *m, part;
    const int64_t column[2] = { x, y };
    for (int k = 0; k < 2; k++) {
        pair.side[k].columns = &m->side[k].columns[column[k]];
        pair.side[k].d = 1;
        pair.side[k].discrete = pair.side[k].symbols = false;
    }
    if (m->n <= ROWS)
        return add_pair(&pair, out);
    dim_status status = dim__mi_subset(&pair, rows, ROWS, &part);
    if (status == DIM_OK)
        status = add_pair(&part, out);
    dim__mi_free(&part);
    return status;
}

dim_status dim__mi_find_excess(const dim__mi *m, dim__mi_excess *out)
{
    scores s = { .r = NULL };
    int64_t x = 0, y = 0;
    double *even = NULL;
    *out = (dim__mi_excess){ 0 };
    if (m->side[2].d > 0 || m->weights != NULL)
        return DIM_OK;
    int32_t *rows = dim__calloc(m->ctx, (size_t)m->n, sizeof *rows);
    dim_status status = rows == NULL ? DIM_E_NOMEM : make_scores(m, &even, &s);
    dim__free(m->ctx, even);
    for (int64_t i = 0; i < m->n && status == DIM_OK; i++)
        rows[i] = (int32_t)i;
    if (status == DIM_OK && !m->series && m->groups == NULL)
        dim__rng_permutation(rows, m->n, m->o.seed, DIM__MI_STREAM_SINGLES);
    for (int k = 0; k < PAIRS && status == DIM_OK && next_pair(&s, &x, &y); k++)
        status = run_pair(m, x, y, rows, out);
    dim__free(m->ctx, rows);
    dim__free(m->ctx, s.z[0]);
    dim__free(m->ctx, s.z[1]);
    dim__free(m->ctx, s.r);
    return status;
}
