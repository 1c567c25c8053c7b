/* Means, deviations and standard errors. */
#include "information/information.h"

#include "base/math.h"
#include "information/special.h"

double dim__mi_z(const dim__mi *m) { return dim__normal_quantile(0.5 + (double)m->o.confidence / 2); }

double dim__mi_mean(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return n > 0 ? sum / (double)n : (double)NAN;
}

double dim__mi_deviation(const double *x, int64_t n)
{
    double mean = dim__mi_mean(x, n), sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sqrt(sum / (double)(n - 1)) : 0;
}

/* Weighted rows count as (sum w)^2 / sum w^2 of them.  In a series the variance of the mean is that of the means of blocks
 * (batch means), which has what neighbouring rows have in common. */
double dim__mi_error(const dim__mi *m, const double *influence, double *effective_rows)
{
    double mean = 0, square = 0, weights = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < m->n; i++)
        if (!isnan(influence[i])) {
            double w = m->weights != NULL ? m->weights[i] : 1;
            mean += w * influence[i];
            weights += w;
            n++;
        }
    mean /= weights;
    double squares = 0, block_sum = 0, block_weight = 0, between = 0;
    int64_t in_block = 0, blocks = 0;
    for (int64_t i = 0; i < m->n; i++) {
        if (isnan(influence[i]))
            continue;
        double w = m->weights != NULL ? m->weights[i] : 1, away = influence[i] - mean;
        squares += w * w;
        square += w * w * away * away;
        block_sum += w * away;
        block_weight += w;
        if (++in_block == m->block) {
            between += block_sum * block_sum;
            blocks++;
            block_sum = block_weight = 0;
            in_block = 0;
        }
    }
    double rows = n > 0 ? weights * weights / squares : 0;
    double variance = n > 1 ? square / (weights * weights) * (double)n / (double)(n - 1) : 0;
    if (m->series && blocks > 1) {
        double whole = (double)(blocks * m->block) * weights / (double)n;
        double longrun = between / (whole * whole) * (double)blocks / (double)(blocks - 1);
        rows = longrun > variance ? rows * variance / longrun : rows;
        variance = fmax(variance, longrun);
    }
    if (effective_rows != NULL)
        *effective_rows = rows;
    return sqrt(variance);
}
