/* Reductions; part of vec.c.  Sums run in double over a fixed number of lanes that are joined in a fixed order: they
 * depend on n only. */

enum { SUMS = 4 }; /* running at the same time, to hide the latency of an addition */

static double join(const vd *part, int parts)
{
    double total = 0;
    vd all = { 0 };
    for (int k = 0; k < parts; k++)
        all += part[k];
    for (int k = 0; k < HALF; k++)
        total += all[k];
    return total;
}

/* Defines a sum over i of `term`, made of the vector x_ (and y_) of doubles; the rest is added one by one. */
#define SUM(name, parameters, setup, term, setup_one, term_one)     \
    static double name parameters                                   \
    {                                                               \
        vd part[SUMS] = { { 0 } };                                  \
        int64_t i = 0;                                              \
        for (; i + SUMS * HALF <= n; i += SUMS * HALF)              \
            for (int k = 0; k < SUMS; k++) {                        \
                int64_t at = i + k * HALF;                          \
                setup;                                              \
                part[k] += term;                                    \
            }                                                       \
        double rest = 0;                                            \
        for (; i < n; i++) {                                        \
            setup_one;                                              \
            rest += term_one;                                       \
        }                                                           \
        return join(part, SUMS) + rest;                             \
    }

SUM(sum, (const float *x, int64_t n), vd u = widen(x + at), u, double u = x[i], u)
SUM(sum_sq, (const float *x, int64_t n), vd u = widen(x + at), u * u, double u = x[i], u * u)
SUM(dot, (const float *a, const float *b, int64_t n), vd u = widen(a + at), u * widen(b + at), double u = a[i], u * b[i])
SUM(sum_sq_around, (const float *x, double mean, int64_t n), vd u = widen(x + at) - mean, u * u, double u = x[i] - mean,
    u * u)
#undef SUM

/* As above for a sum of floats that are computed LANES at a time. */
#define SUM_OF(name, parameters, value)                             \
    static double name parameters                                   \
    {                                                               \
        vd part[2] = { { 0 } };                                     \
        int64_t i = 0;                                              \
        for (; i + LANES <= n; i += LANES) {                        \
            vf v = load(x + i), term = value;                       \
            part[0] += widen_first(term);                           \
            part[1] += widen_last(term);                            \
        }                                                           \
        double rest = 0;                                            \
        if (i < n) {                                                \
            vf v = load_last(x + i, n - i), term = value;           \
            for (int64_t k = 0; k < n - i; k++)                     \
                rest += term[k];                                    \
        }                                                           \
        return join(part, 2) + rest;                                \
    }

SUM_OF(sum_exp, (const float *x, float shift, int64_t n), vec_exp(vec_below(v, shift)))
SUM_OF(sum_softplus, (const float *x, float sign, int64_t n), vec_softplus(v * sign))
#undef SUM_OF

/* Rows of scores are short, so that what is left of a block, and what becomes of lanes, counts. */
static float max(const float *x, int64_t n)
{
    vf best[SUMS];
    vi nan = { 0 };
    int64_t i = 0;
    float top = -INFINITY;
    if (n < LANES) {
        for (; i < n; i++) {
            if (x[i] != x[i])
                return NAN;
            top = x[i] > top ? x[i] : top;
        }
        return top;
    }
    for (int k = 0; k < SUMS; k++)
        best[k] = vec_fill(-INFINITY);
    for (; i + SUMS * LANES <= n; i += SUMS * LANES)
        for (int k = 0; k < SUMS; k++) {
            vf v = load(x + i + k * LANES);
            best[k] = vec_max(v, best[k]);
            nan |= v != v;
        }
    for (; i < n; i += LANES) {
        vf v = load(x + (i < n - LANES ? i : n - LANES)); /* the last one may have some twice */
        best[0] = vec_max(v, best[0]);
        nan |= v != v;
    }
    for (int k = 1; k < SUMS; k++)
        best[0] = vec_max(best[k], best[0]);
    for (int k = 0; k < LANES; k++) {
        top = best[0][k] > top ? best[0][k] : top;
        if (nan[k])
            return NAN;
    }
    return top;
}

static bool finite_(const float *x, int64_t n)
{
    const int32_t exponent = 0x7f800000; /* all ones in NaN and infinities */
    vi bad = { 0 };
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        bad |= ((vi)load(x + i) & exponent) == exponent;
    for (int k = 0; k < LANES; k++)
        if (bad[k])
            return false;
    for (; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}
