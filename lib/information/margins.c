/* Whether a Gaussian copula's closed form can be believed of sides of several columns.
 *
 * Columns of normal scores are normal one by one, but not together.  With T = ln of the copula's p(x,y) / (p(x) p(y)), the mean
 * of e^T over y is 1 for each x where y is normal in the directions that count, and likewise over x.  Then p(y) e^T is a
 * density, T's mean a lower bound of the information, and the closed form estimates that bound.  The logarithms of the means
 * over the rows say how far it is from that; which rows belong together plays no part in it, so nothing has to be held out. */
#include "information/critic.h"

#include "base/math.h"
#include "base/rng.h"

enum { ROWS = 4000 }; /* whose pairs are scored */

/* T of a row less its held-out score is half the sum of both logarithms. */
static dim_status measure(const dim__mi *m, const dim__mi_base *base, const dim__mi_inputs *in, const int32_t *rows, int64_t n,
                          double *gap, double *error)
{
    int64_t width = dim__mi_base_width(base);
    float *x = dim__calloc(m->ctx, (size_t)(2 * width) * sizeof *x, (size_t)n), *y = DIM__BEHIND(x, n * width);
    double *p = dim__calloc(m->ctx, (size_t)n, sizeof *p);
    dim__mi_held_out out = { .pointwise = p };
    dim_status status = x == NULL || p == NULL ? DIM_E_NOMEM : DIM_OK;
    if (status == DIM_OK) {
        dim__mi_base_features(base, in, 0, rows, n, x);
        dim__mi_base_features(base, in, 1, rows, n, y);
        status = dim__mi_held_out_score(m->ctx, x, y, NULL, n, width, &out);
    }
    for (int64_t i = 0; i < n && status == DIM_OK; i++) {
        double own = 0;
        for (int64_t k = 0; k < width; k++)
            own += (double)x[i * width + k] * (double)y[i * width + k];
        p[i] = own - p[i];
    }
    if (status == DIM_OK) {
        *gap = dim__mi_mean(p, n);
        *error = dim__mi_deviation(p, n) / sqrt((double)n * dim__mi_worth(m) / (double)m->n);
    }
    dim__free(m->ctx, x);
    dim__free(m->ctx, p);
    return status;
}

dim_status dim__mi_margin_gap(const dim__mi *m, double *gap, double *error)
{
    static const uint32_t sides[2] = { 1, 2 };
    dim__mi_inputs in = { .n = m->n };
    dim__mi_base base = { .kept = 0 };
    int32_t *rows = dim__calloc(m->ctx, (size_t)m->n, sizeof *rows);
    dim_status status = rows == NULL ? DIM_E_NOMEM : dim__mi_inputs_make(m, sides, &in);
    if (status == DIM_OK)
        dim__rng_permutation(rows, m->n, m->o.seed, DIM__MI_STREAM_MARGINS);
    if (status == DIM_OK)
        status = dim__mi_base_fit(m, &in, rows, m->n, &base);
    if (status == DIM_OK)
        status = measure(m, &base, &in, rows, dim__min64(m->n, ROWS), gap, error);
    dim__mi_base_free(m->ctx, &base);
    dim__mi_inputs_free(m->ctx, &in);
    dim__free(m->ctx, rows);
    return status;
}
