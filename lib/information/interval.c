/* Means, deviations and standard errors. */
#include "information/information.h"

#include "base/math.h"
#include "information/special.h"

double dim__mi_z(const dim__mi *m) { return dim__normal_quantile(0.5 + (double)m->o.confidence / 2); }

/* In weights: (sum w)^2 / sum w^2. */
static double weighted_rows(const dim__mi *m)
{
    double squares = 0;
    for (int64_t i = 0; i < m->n && m->weights != NULL; i++)
        squares += m->weights[i] * m->weights[i];
    return m->weights != NULL && m->n > 0 ? (double)m->n * (double)m->n / squares : (double)m->n;
}

double dim__mi_worth(const dim__mi *m) { return weighted_rows(m) * (m->series || m->groups != NULL ? m->share : 1); }

double dim__mi_least_worth(const dim__mi *m)
{
    return weighted_rows(m) * (m->series || m->groups != NULL ? fmin(m->share, m->least_share) : 1);
}

double dim__mi_least(double own, double rounding) { return isfinite(own) ? own - rounding * fmax(1, fabs(own)) : own; }

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

typedef struct sums {
    double mean, weights, squares, square; /* of the weights; of the weighted distances from the mean */
    int64_t n;
} sums;

static double weight_of(const dim__mi *m, int64_t i) { return m->weights != NULL ? m->weights[i] : 1; }

static sums add_up(const dim__mi *m, const double *x)
{
    sums s = { 0 };
    for (int64_t i = 0; i < m->n; i++)
        if (!isnan(x[i])) {
            s.mean += weight_of(m, i) * x[i];
            s.weights += weight_of(m, i);
            s.squares += weight_of(m, i) * weight_of(m, i);
            s.n++;
        }
    s.mean /= s.weights;
    for (int64_t i = 0; i < m->n; i++)
        if (!isnan(x[i]))
            s.square += weight_of(m, i) * weight_of(m, i) * (x[i] - s.mean) * (x[i] - s.mean);
    return s;
}

double dim__mi_weighted_mean(const dim__mi *m, const double *x) { return add_up(m, x).mean; }

/* Variance of the mean by that of the sums of what belongs together: groups, or blocks of a series (batch means). */
static double by_blocks(const dim__mi *m, const double *x, const sums *s)
{
    double between = 0, sum = 0, weights = 0;
    int64_t blocks = 0, held = 0;
    for (int64_t i = 0; i < m->n; i++) {
        if (!isnan(x[i])) {
            sum += weight_of(m, i) * (x[i] - s->mean);
            weights += weight_of(m, i);
            held++;
        }
        bool ends = m->groups != NULL ? i + 1 == m->n || m->groups[i + 1] != m->groups[i] : held == m->block;
        if (ends && held > 0) {
            between += sum * sum;
            blocks++;
            sum = 0;
            held = 0;
        }
    }
    /* What is left over at a series' end is in neither. */
    double whole = m->groups != NULL ? weights : weights * (double)(blocks * m->block) / (double)s->n;
    return blocks > 1 ? between / (whole * whole) * (double)blocks / (double)(blocks - 1) : 0;
}

/* Weighted rows count as (sum w)^2 / sum w^2 of them. */
double dim__mi_error(const dim__mi *m, const double *influence, double *effective_rows)
{
    sums s = add_up(m, influence);
    double rows = s.n > 0 ? s.weights * s.weights / s.squares : 0;
    double variance = s.n > 1 ? s.square / (s.weights * s.weights) * (double)s.n / (double)(s.n - 1) : 0;
    if (m->series || m->groups != NULL) {
        double together = by_blocks(m, influence, &s);
        rows = together > variance ? rows * variance / together : rows;
        variance = fmax(variance, together);
    }
    if (effective_rows != NULL)
        *effective_rows = fmin(rows, dim__mi_worth(m));
    return sqrt(variance);
}

bool dim__mi_disagrees(const dim__mi_answer *other, const dim__mi_answer *taken)
{
    const dim_information_result *r = &taken->r;
    return other->remark == NULL && other->r.verdict == DIM_INFORMATION_ESTIMATE && r->verdict == DIM_INFORMATION_ESTIMATE &&
           (other->r.value < r->low || other->r.value > r->high);
}
