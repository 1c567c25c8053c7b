/* Whether rows follow each other in time, how long they remember, and as how many independent rows they count.
 *
 * The correlation of two columns that have nothing to do with each other has the variance tau / n,
 *
 *     tau = 1 + 2 sum over lags of r_x(lag) r_y(lag)                                   in a series (Bartlett 1935)
 *     tau = 1 + r_x r_y (mean number of others in a row's group)                       in groups, r within groups
 *
 * so n / tau independent rows would do as well.  The mean over all pairs of columns is that of the sides' mean correlations. */
#include "information/information.h"

#include "base/math.h"

enum { LAGS = 400, DENSE = 32 }; /* to 2^31 rows; every lag up to DENSE, then a sixteenth more each time */

typedef struct memory {          /* of a side */
    double first;                /* largest |correlation| at lag 1 */
    int64_t lag;                 /* the first at which all columns have forgotten */
    double mean[LAGS], most[LAGS]; /* correlations at the lags of the list: mean, and largest absolute value, of the columns */
} memory;

/* ---- a series ----------------------------------------------------------------------------------------------------------- */

/* Their number in *count. */
static void make_lags(int64_t last, int64_t lags[LAGS], int *count)
{
    *count = 0;
    for (int64_t lag = 1; lag <= last && *count < LAGS; lag += lag < DENSE ? 1 : lag / 16)
        lags[(*count)++] = lag;
}

/* Of normal scores, whose mean is 0, of rows `lag` apart. */
static double correlation(const double *z, int64_t n, int64_t lag)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i + lag < n; i++)
        sum += z[i] * z[i + lag];
    for (int64_t i = 0; i < n; i++)
        squares += z[i] * z[i];
    return squares > 0 ? sum / squares * (double)n / (double)(n - lag) : 0;
}

/* Whether a column is taken as labels, as it is where both sides are counted. */
static bool as_labels(const dim__mi *m, const dim__mi_column *c)
{
    return c->kind == DIM_INFORMATION_KIND_UNORDERED || (m->side[0].discrete && m->side[1].discrete);
}

/* Labels have no order that could be correlated.  How often rows have the same one, less what chance brings, stands in: the
 * correlation of the labels' indicators. */
static double agreement(const int32_t *code, double chance, int64_t n, int64_t lag)
{
    int64_t same = 0;
    for (int64_t i = 0; i + lag < n; i++)
        same += code[i] == code[i + lag];
    return chance < 1 ? ((double)same / (double)(n - lag) - chance) / (1 - chance) : 0;
}

/* That two rows have the same value by chance. */
static double chance_of(const dim__mi_column *c, int64_t n, int32_t *count)
{
    double chance = 0;
    memset(count, 0, (size_t)c->distinct * sizeof *count);
    for (int64_t i = 0; i < n; i++)
        count[c->code[i]]++;
    for (int64_t k = 0; k < c->distinct; k++)
        chance += (double)count[k] * (double)count[k] / ((double)n * (double)n);
    return chance;
}

/* A column counts until it has forgotten: beyond that there is noise. */
static dim_status memory_of(const dim__mi *m, const dim__mi_side *s, const int64_t *lags, int count, memory *out)
{
    double *z = dim__calloc(m->ctx, (size_t)m->n, sizeof *z);
    dim_status status = z == NULL ? DIM_E_NOMEM : DIM_OK;
    double noise = 2 / sqrt((double)m->n);
    for (int64_t j = 0; j < s->d && status == DIM_OK; j++) {
        const dim__mi_column *c = &s->columns[j];
        bool labels = as_labels(m, c);
        double chance = labels ? chance_of(c, m->n, (int32_t *)z) : 0, r = 1;
        status = labels ? DIM_OK : dim__mi_scores(m, c, z);
        for (int k = 0; k < count && fabs(r) >= noise && status == DIM_OK; k++) {
            r = labels ? agreement(c->code, chance, m->n, lags[k]) : correlation(z, m->n, lags[k]);
            out->first = k == 0 ? fmax(out->first, fabs(r)) : out->first;
            out->lag = dim__max64(out->lag, lags[k]);
            if (fabs(r) < noise)
                break;
            out->mean[k] += r / (double)s->d;
            out->most[k] = fmax(out->most[k], fabs(r));
        }
    }
    dim__free(m->ctx, z);
    return status;
}

/* n / tau: of the columns' mean, or of those that remember longest. */
static double worth(int64_t n, const int64_t *lags, int count, const double *x, const double *y)
{
    double tau = 1;
    for (int k = 0; k < count; k++) {
        int64_t before = k > 0 ? lags[k - 1] : 0, after = k + 1 < count ? lags[k + 1] : lags[k] + 1;
        tau += (double)(after - before) * x[k] * y[k];
    }
    return (double)n / fmax(1, tau);
}

/* ---- groups ----------------------------------------------------------------------------------------------------------- */

typedef struct likeness {        /* of the rows of a group */
    double mean, most;           /* correlation; of the columns, absolute */
} likeness;

/* Mean of z_i z_j, or of "the same label" less what chance brings, over the pairs of rows in one group. */
static double likeness_of(const dim__mi *m, const dim__mi_column *c, const double *z, int32_t *count, double pairs)
{
    bool labels = as_labels(m, c);
    double together = 0, sum = 0, squares = 0, all = 0, chance = labels ? chance_of(c, m->n, count) : 0;
    memset(count, 0, (size_t)c->distinct * sizeof *count);
    for (int64_t k = 0, first = 0; k < m->n; k++) {
        int32_t i = m->by_group[k];
        if (labels)
            together += 2 * count[c->code[i]]++;
        sum += z[i];
        squares += z[i] * z[i];
        all += z[i] * z[i];
        if (k + 1 < m->n && m->groups[m->by_group[k + 1]] == m->groups[i])
            continue;
        together += labels ? 0 : sum * sum - squares;
        for (; first <= k; first++)
            count[c->code[m->by_group[first]]] = 0;
        sum = squares = 0;
    }
    if (labels)
        return chance < 1 ? (together / pairs - chance) / (1 - chance) : 0;
    return all > 0 ? together / pairs / (all / (double)m->n) : 0;
}

static dim_status find_likeness(const dim__mi *m, const dim__mi_side *s, double pairs, likeness *out)
{
    double *z = dim__calloc(m->ctx, (size_t)m->n, sizeof *z);
    int32_t *count = dim__calloc(m->ctx, (size_t)m->n, sizeof *count);
    dim_status status = z == NULL || count == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t j = 0; j < s->d && status == DIM_OK; j++) {
        status = dim__mi_scores(m, &s->columns[j], z);
        double r = status == DIM_OK ? likeness_of(m, &s->columns[j], z, count, pairs) : 0;
        out->mean += r / (double)s->d;
        out->most = fmax(out->most, fabs(r));
    }
    dim__free(m->ctx, z);
    dim__free(m->ctx, count);
    return status;
}

static dim_status find_groups_share(dim__mi *m)
{
    likeness side[2] = { { 0 } };
    double pairs = 0;
    for (int64_t k = 0, size = 1; k < m->n; k++, size++)
        if (k + 1 == m->n || m->groups[m->by_group[k + 1]] != m->groups[m->by_group[k]]) {
            pairs += (double)size * (double)(size - 1);
            size = 0;
        }
    if (pairs == 0)
        return DIM_OK;
    for (int k = 0; k < 2; k++)
        DIM__TRY(find_likeness(m, &m->side[k], pairs, &side[k]));
    m->share = 1 / fmax(1, 1 + side[0].mean * side[1].mean * pairs / (double)m->n);
    m->least_share = 1 / fmax(1, 1 + side[0].most * side[1].most * pairs / (double)m->n);
    return DIM_OK;
}

/* ---- all together ------------------------------------------------------------------------------------------------------ */

static dim_status find_order(dim__mi *m, memory side[2])
{
    int64_t lags[LAGS];
    int count;
    make_lags(m->n / 2, lags, &count);
    for (int k = 0; k < 2; k++)
        DIM__TRY(memory_of(m, &m->side[k], lags, count, &side[k]));
    /* Twice what 2 of 40 independent columns reach by chance. */
    double noise = 4 / sqrt((double)m->n);
    if (!m->series && side[0].first > noise && side[1].first > noise) {
        m->series = true;
        m->warnings |= DIM_INFORMATION_AUTOCORRELATED;
    }
    if (!m->series)
        return DIM_OK;
    m->block = m->o.block != 0 ? (int64_t)m->o.block : 5 * dim__max64(1, dim__max64(side[0].lag, side[1].lag));
    m->block = dim__max64(1, dim__min64(m->block, m->n / 20));
    m->theiler = m->o.theiler != 0 ? (int64_t)m->o.theiler : m->block;
    m->share = worth(m->n, lags, count, side[0].mean, side[1].mean) / (double)m->n;
    m->least_share = worth(m->n, lags, count, side[0].most, side[1].most) / (double)m->n;
    return DIM_OK;
}

dim_status dim__mi_find_order(dim__mi *m)
{
    m->series = m->o.order == DIM_INFORMATION_ORDER_SERIES;
    m->share = m->least_share = 1;
    if (m->groups != NULL && m->n >= DIM__MI_LEAST_ROWS)
        DIM__TRY(find_groups_share(m));
    if ((!m->series && m->groups != NULL) || m->o.order == DIM_INFORMATION_ORDER_IID || m->n < DIM__MI_LEAST_ROWS)
        return DIM_OK;
    memory *side = dim__calloc(m->ctx, 2, sizeof *side);
    dim_status status = side == NULL ? DIM_E_NOMEM : find_order(m, side);
    dim__free(m->ctx, side);
    return status;
}
