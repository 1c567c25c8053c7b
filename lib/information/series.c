/* Whether rows follow each other in time, and how long they remember. */
#include "information/information.h"

#include "base/math.h"

/* Correlation of the normal scores of rows `lag` apart. */
static double correlation(const double *z, int64_t n, int64_t lag)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i + lag < n; i++)
        sum += z[i] * z[i + lag];
    for (int64_t i = 0; i < n; i++)
        squares += z[i] * z[i];
    return squares > 0 ? sum / squares * (double)n / (double)(n - lag) : 0;
}

typedef struct memory {
    double first;   /* largest |correlation| at lag 1 */
    int64_t lag;    /* the first at which all columns have forgotten */
} memory;

/* Normal scores of a column have mean 0.  Labels have no order that could be correlated: whether a row has the label of the
 * one before it stands in. */
static dim_status memory_of(const dim__mi *m, const dim__mi_side *s, memory *out)
{
    double *z = dim__calloc(m->ctx, (size_t)m->n, sizeof *z), *even = NULL;
    dim_status status = z == NULL ? DIM_E_NOMEM : DIM_OK;
    double noise = 2 / sqrt((double)m->n);
    int64_t most = m->n / 20;
    for (int64_t j = 0; j < s->d && status == DIM_OK; j++) {
        status = dim__mi_scores_kept(m, &s->columns[j], &even, z);
        double r = status == DIM_OK ? fabs(correlation(z, m->n, 1)) : 0;
        int64_t lag = 1;
        out->first = fmax(out->first, r);
        for (; r >= noise && lag < most; )
            r = fabs(correlation(z, m->n, ++lag));
        out->lag = dim__max64(out->lag, lag);
    }
    dim__free(m->ctx, z);
    dim__free(m->ctx, even);
    return status;
}

dim_status dim__mi_find_order(dim__mi *m)
{
    memory x = { 0, 1 }, y = { 0, 1 };
    m->series = m->o.order == DIM_INFORMATION_ORDER_SERIES;
    if (m->o.order == DIM_INFORMATION_ORDER_IID || m->n < DIM__MI_LEAST_ROWS)
        return DIM_OK;
    DIM__TRY(memory_of(m, &m->side[0], &x));
    DIM__TRY(memory_of(m, &m->side[1], &y));
    /* Twice what 2 of 40 independent columns reach by chance. */
    double noise = 4 / sqrt((double)m->n);
    if (!m->series && x.first > noise && y.first > noise && m->groups == NULL) {
        m->series = true;
        m->warnings |= DIM_INFORMATION_AUTOCORRELATED;
    }
    if (!m->series)
        return DIM_OK;
    m->block = m->o.block != 0 ? (int64_t)m->o.block : 5 * dim__max64(x.lag, y.lag);
    m->block = dim__max64(1, dim__min64(m->block, m->n / 20));
    m->theiler = m->o.theiler != 0 ? (int64_t)m->o.theiler : m->block;
    return DIM_OK;
}
