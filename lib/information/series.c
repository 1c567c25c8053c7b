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

/* Symbols have no order that could be correlated.  How often two rows have the same one, less what chance brings, stands in:
 * the correlation of the symbols' indicators. */
static bool as_symbols(const dim__mi_column *c)
{
    return c->kind == DIM_INFORMATION_KIND_UNORDERED || c->kind == DIM_INFORMATION_KIND_DISCRETE;
}

static double beyond(double share, double chance) { return chance < 1 ? (share - chance) / (1 - chance) : 0; }

/* That two rows have the same symbol by chance.  count (distinct) is left at 0. */
static double chance_of(const dim__mi_column *c, int64_t n, int32_t *count)
{
    double chance = 0;
    for (int64_t i = 0; i < n; i++)
        count[c->code[i]]++;
    for (int64_t k = 0; k < c->distinct; k++) {
        chance += (double)count[k] * (double)count[k] / ((double)n * (double)n);
        count[k] = 0;
    }
    return chance;
}

typedef struct numbers {         /* of a column, (n) each */
    double *z;                   /* normal scores, whose mean is 0 */
    int32_t *count;              /* 0 */
} numbers;

static dim_status open_numbers(const dim__mi *m, const dim__mi_column *c, double **even, numbers *out)
{
    *out = (numbers){ dim__calloc(m->ctx, (size_t)m->n, sizeof *out->z), dim__calloc(m->ctx, (size_t)m->n, sizeof *out->count) };
    return out->z == NULL || out->count == NULL ? DIM_E_NOMEM : dim__mi_scores_kept(m, c, even, out->z);
}

static void close_numbers(const dim__mi *m, numbers *x)
{
    dim__free(m->ctx, x->z);
    dim__free(m->ctx, x->count);
}

/* ---- a series -------------------------------------------------------------------------------------------------------- */

/* All up to 32, then a sixteenth more each time, which makes 372 up to 2^31. */
static int64_t next_lag(int64_t lag) { return lag + (lag < 32 ? 1 : lag / 16); }

static double correlation(const double *z, int64_t n, int64_t lag)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i + lag < n; i++)
        sum += z[i] * z[i + lag];
    for (int64_t i = 0; i < n; i++)
        squares += z[i] * z[i];
    return squares > 0 ? sum / squares * (double)n / (double)(n - lag) : 0;
}

static double agreement(const int32_t *code, double chance, int64_t n, int64_t lag)
{
    int64_t same = 0;
    for (int64_t i = 0; i + lag < n; i++)
        same += code[i] == code[i + lag];
    return beyond((double)same / (double)(n - lag), chance);
}

/* A column counts until it has forgotten: beyond that there is noise. */
dim_status dim__mi_remember(const dim__mi *m, const dim__mi_column *c, double **even, dim__mi_memory *out)
{
    if (c->ready != NULL) {
        *out = c->ready->memory;
        return DIM_OK;
    }
    numbers x;
    double noise = 2 / sqrt((double)m->n), r = 1;
    dim_status status = open_numbers(m, c, even, &x);
    *out = (dim__mi_memory){ .lag = 1 };
    double chance = status == DIM_OK && as_symbols(c) ? chance_of(c, m->n, x.count) : 0;
    for (int64_t lag = 1, k = 0; lag <= m->n / 2 && fabs(r) >= noise && status == DIM_OK; lag = next_lag(lag), k++) {
        r = as_symbols(c) ? agreement(c->code, chance, m->n, lag) : correlation(x.z, m->n, lag);
        out->lag = lag;
        if (k == 0)
            out->first = fabs(r);
        if (fabs(r) >= noise)
            out->r[k] = r;
    }
    close_numbers(m, &x);
    return status;
}

/* Of a side: mean, and largest absolute value, of the columns. */
static dim_status memory_of(const dim__mi *m, const dim__mi_side *s, dim__mi_memory *mean, dim__mi_memory *most)
{
    double *even = NULL;
    dim__mi_memory *one = dim__calloc(m->ctx, 1, sizeof *one);
    dim_status status = one == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t j = 0; j < s->d && status == DIM_OK; j++) {
        status = dim__mi_remember(m, &s->columns[j], &even, one);
        most->first = fmax(most->first, one->first);
        most->lag = dim__max64(most->lag, one->lag);
        for (int k = 0; k < DIM__MI_LAGS; k++) {
            mean->r[k] += one->r[k] / (double)s->d;
            most->r[k] = fmax(most->r[k], fabs(one->r[k]));
        }
    }
    dim__free(m->ctx, one);
    dim__free(m->ctx, even);
    return status;
}

/* 1 / tau; a lag of the list stands for all up to the next. */
static double share(const dim__mi_memory *x, const dim__mi_memory *y)
{
    double tau = 1;
    for (int64_t lag = 1, before = 0, k = 0; k < DIM__MI_LAGS && lag < INT32_MAX; before = lag, lag = next_lag(lag), k++)
        tau += (double)(next_lag(lag) - before) * x->r[k] * y->r[k];
    return 1 / fmax(1, tau);
}

static dim_status find_series(dim__mi *m, dim__mi_memory mean[2], dim__mi_memory most[2])
{
    for (int k = 0; k < 2; k++)
        DIM__TRY(memory_of(m, &m->side[k], &mean[k], &most[k]));
    /* Twice what 2 of 40 independent columns reach by chance. */
    double noise = 4 / sqrt((double)m->n);
    if (!m->series && most[0].first > noise && most[1].first > noise) {
        DIM__TRY(dim__mi_find_sorted(m));
        m->series = m->sorted == 0;
        m->warnings |= m->series ? DIM_INFORMATION_AUTOCORRELATED : 0;
    }
    if (!m->series)
        return DIM_OK;
    int64_t memory = dim__min64(5 * dim__max64(most[0].lag, most[1].lag), m->n / 20);
    m->block = m->o.block != 0 ? (int64_t)m->o.block : dim__max64(1, memory);
    m->theiler = m->o.theiler != 0 ? (int64_t)m->o.theiler : m->block;
    m->share = share(&mean[0], &mean[1]);
    m->least_share = share(&most[0], &most[1]);
    return DIM_OK;
}

/* ---- groups ---------------------------------------------------------------------------------------------------------- */

/* Mean of z_i z_j, or of "the same symbol" less what chance brings, over the pairs of rows in one group. */
static dim_status likeness_of(const dim__mi *m, const dim__mi_column *c, double pairs, double *out)
{
    numbers x;
    double *even = NULL;
    dim_status status = open_numbers(m, c, &even, &x);
    double together = 0, all = 0, chance = status == DIM_OK && as_symbols(c) ? chance_of(c, m->n, x.count) : 0;
    for (int64_t i = 0, first = 0; i < m->n && status == DIM_OK; i++) {
        all += x.z[i] * x.z[i];
        if (i + 1 < m->n && m->groups[i + 1] == m->groups[i])
            continue;
        double sum = 0, squares = 0;
        for (int64_t j = first; j <= i; j++) {
            sum += x.z[j];
            squares += x.z[j] * x.z[j];
            together += as_symbols(c) ? 2 * (double)x.count[c->code[j]]++ : 0;
        }
        together += as_symbols(c) ? 0 : sum * sum - squares;
        for (; first <= i; first++)
            x.count[c->code[first]] = 0;
    }
    close_numbers(m, &x);
    dim__free(m->ctx, even);
    *out = as_symbols(c) ? beyond(together / pairs, chance) : all > 0 ? together / pairs / all * (double)m->n : 0;
    return status;
}

/* Rows of a group are alike, and not neighbours of each other. */
static dim_status find_groups(dim__mi *m)
{
    double pairs = 0, mean[2] = { 0 }, most[2] = { 0 };
    int64_t largest = 1;
    for (int64_t i = 0, size = 1; i < m->n; i++, size++)
        if (i + 1 == m->n || m->groups[i + 1] != m->groups[i]) {
            pairs += (double)size * (double)(size - 1);
            largest = dim__max64(largest, size);
            size = 0;
        }
    m->theiler = largest - 1;
    for (int k = 0; k < 2 && pairs > 0; k++)
        for (int64_t j = 0; j < m->side[k].d; j++) {
            double r = 0;
            DIM__TRY(likeness_of(m, &m->side[k].columns[j], pairs, &r));
            mean[k] += r / (double)m->side[k].d;
            most[k] = fmax(most[k], fabs(r));
        }
    m->share = 1 / fmax(1, 1 + mean[0] * mean[1] * pairs / (double)m->n);
    m->least_share = 1 / fmax(1, 1 + most[0] * most[1] * pairs / (double)m->n);
    return DIM_OK;
}

dim_status dim__mi_find_order(dim__mi *m)
{
    m->series = m->o.order == DIM_INFORMATION_ORDER_SERIES;
    m->share = m->least_share = 1;
    if (m->n < DIM__MI_LEAST_ROWS)
        return DIM_OK;
    if (m->groups != NULL)
        return find_groups(m);
    if (m->o.order == DIM_INFORMATION_ORDER_IID)
        return DIM_OK;
    dim__mi_memory *room = dim__calloc(m->ctx, 4, sizeof *room);
    dim_status status = room == NULL ? DIM_E_NOMEM : find_series(m, room, room + 2);
    dim__free(m->ctx, room);
    return status;
}
