/* KNN and KNN2: Kraskov's estimators on normal scores, with an interval that knows of their bias. */
#include "information/information.h"

#include "base/math.h"
#include "base/rng.h"
#include "information/kdtree.h"
#include "information/kraskov.h"
#include "information/special.h"

#include <stdio.h>

static const uint64_t PARTS_STREAM = 0x6d690200;

typedef struct points {           /* all rows, as the estimator takes them */
    dim__kraskov in;
    const float *list[DIM__MI_SIDES][DIM__KDTREE_COORDINATES];
    float *memory;                /* (coordinates, n) */
    int32_t *symbols[DIM__MI_SIDES];
} points;

/* A side that is all discrete is taken as labels beside one that is not, and as a condition.  Two such sides are numbers to
 * this method, whose ties are dithered, but for labels. */
static bool as_symbols(const dim__mi *m, int k)
{
    bool both = m->side[0].discrete && m->side[1].discrete;
    return m->side[k].symbols || (m->side[k].discrete && (k == 2 || !both));
}

static int64_t coordinates(const dim__mi *m, int k)
{
    int64_t count = 0;
    for (int64_t j = 0; j < m->side[k].d && !as_symbols(m, k); j++)
        count += m->side[k].columns[j].kind != DIM_INFORMATION_KIND_UNORDERED;
    return count;
}

static bool has_labels(const dim__mi *m, int k)
{
    bool labels = as_symbols(m, k) && m->side[k].d > 0;
    for (int64_t j = 0; j < m->side[k].d; j++)
        labels = labels || m->side[k].columns[j].kind == DIM_INFORMATION_KIND_UNORDERED;
    return labels;
}

static bool dithers(const dim__mi *m)
{
    bool any = false;
    for (int k = 0; k < DIM__MI_SIDES; k++)
        for (int64_t j = 0; j < m->side[k].d && !as_symbols(m, k); j++)
            any = any || dim__mi_has_ties(&m->side[k].columns[j]);
    return any;
}

static bool accepts(const dim__mi *m, char why[128])
{
    int64_t all = coordinates(m, 0) + coordinates(m, 1) + coordinates(m, 2);
    if (m->weights != NULL)
        snprintf(why, 128, "nearest neighbours have no weights");
    else if (all > DIM__KDTREE_COORDINATES)
        snprintf(why, 128, "%lld columns are too many for nearest neighbours; at most %d", (long long)all, DIM__KDTREE_COORDINATES);
    else if (coordinates(m, 0) + coordinates(m, 1) == 0)
        snprintf(why, 128, "labels on both sides have no neighbours; use discrete");
    else
        return true;
    return false;
}

static bool accepts_second(const dim__mi *m, char why[128])
{
    if (m->side[2].d > 0)
        snprintf(why, 128, "it has no form with a condition");
    else if (has_labels(m, 0) || has_labels(m, 1))
        snprintf(why, 128, "it has no form for labels or discrete sides");
    else if (m->theiler > 0)
        snprintf(why, 128, "it has no form for series and groups");
    else
        return accepts(m, why);
    return false;
}

static void free_points(const dim__mi *m, points *p)
{
    dim__free(m->ctx, p->memory);
    for (int k = 0; k < DIM__MI_SIDES; k++)
        dim__free(m->ctx, p->symbols[k]);
}

/* Coordinates and labels of one dither. */
static dim_status make_points(const dim__mi *m, uint32_t dither, bool second, points *p)
{
    *p = (points){ .in = { .n = m->n, .k = (int)m->o.neighbors, .apart = m->theiler, .second = second,
                           .conditional = m->side[2].d > 0 } };
    int64_t all = coordinates(m, 0) + coordinates(m, 1) + coordinates(m, 2);
    p->memory = dim__calloc(m->ctx, (size_t)all * sizeof *p->memory, (size_t)m->n);
    float *next = p->memory;
    if (next == NULL)
        return DIM_E_NOMEM;
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        const dim__mi_side *s = &m->side[k];
        p->in.x[k] = p->list[k];
        if (has_labels(m, k)) {
            p->symbols[k] = dim__calloc(m->ctx, (size_t)m->n, sizeof(int32_t));
            if (p->symbols[k] == NULL)
                return DIM_E_NOMEM;
            DIM__TRY(dim__mi_symbols(m, 1u << k, !as_symbols(m, k), p->symbols[k], &p->in.symbols[k]));
            p->in.symbol[k] = p->symbols[k];
        }
        for (int64_t j = 0; j < s->d && !as_symbols(m, k); j++)
            if (s->columns[j].kind != DIM_INFORMATION_KIND_UNORDERED) {
                DIM__TRY(dim__mi_dithered(m, s, &s->columns[j], dither, next));
                p->list[k][p->in.d[k]++] = next;
                next += m->n;
            }
    }
    return DIM_OK;
}

/* ---- some of the rows, y of others ----------------------------------------------------------------------------------- */

/* Rows rows[0 .. n - 1] of all; y's row of i is order[i], if that is given.  Part of the rows has scores of its own. */
static dim_status take(const dim__mi *m, const points *all, const int32_t *rows, int64_t n, const int32_t *order, points *p)
{
    *p = (points){ .in = all->in };
    int64_t count = all->in.d[0] + all->in.d[1] + all->in.d[2];
    p->in.n = n;
    p->memory = dim__calloc(m->ctx, (size_t)count * sizeof *p->memory, (size_t)n);
    float *next = p->memory;
    if (next == NULL)
        return DIM_E_NOMEM;
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        p->in.x[k] = p->list[k];
        for (int c = 0; c < all->in.d[k]; c++, next += n) {
            p->list[k][c] = next;
            for (int64_t i = 0; i < n; i++)
                next[i] = all->list[k][c][k == 1 && order != NULL ? order[rows[i]] : rows[i]];
            if (n < all->in.n)
                DIM__TRY(dim__mi_rescore(m, next, n));
        }
        if (all->symbols[k] == NULL)
            continue;
        p->symbols[k] = dim__calloc(m->ctx, (size_t)n, sizeof(int32_t));
        p->in.symbol[k] = p->symbols[k];
        if (p->symbols[k] == NULL)
            return DIM_E_NOMEM;
        for (int64_t i = 0; i < n; i++)
            p->symbols[k][i] = all->symbols[k][k == 1 && order != NULL ? order[rows[i]] : rows[i]];
    }
    return DIM_OK;
}

static dim_status value_of(const dim__mi *m, const points *all, const int32_t *rows, int64_t n, const int32_t *order, double *value)
{
    points p;
    int64_t used;
    double *pointwise = dim__calloc(m->ctx, (size_t)n, sizeof *pointwise);
    dim_status status = pointwise == NULL ? DIM_E_NOMEM : take(m, all, rows, n, order, &p);
    if (pointwise != NULL) {
        if (status == DIM_OK)
            status = dim__kraskov_run(m->ctx, &p.in, pointwise, value, &used);
        free_points(m, &p);
    }
    dim__free(m->ctx, pointwise);
    return status;
}

/* ---- the interval ---------------------------------------------------------------------------------------------------- */

typedef struct spread {
    double error;   /* standard error that disjoint parts show (Holmes & Nemenman 2019) */
    double drift;   /* value of all rows less that of quarters: about what is gained beyond them, too */
    double curve[DIM__MI_CURVE][4];
    int64_t n_curve;
} spread;

/* m parts of the rows, contiguous in a series and in groups, else random: values (parts). */
static dim_status part_values(const dim__mi *m, const points *all, int parts, const int32_t *order, int32_t *rows, double *values)
{
    for (int part = 0; part < parts; part++) {
        int64_t first = m->n * part / parts, last = m->n * (part + 1) / parts;
        memcpy(rows, order + first, (size_t)(last - first) * sizeof *rows);
        DIM__TRY(value_of(m, all, rows, last - first, NULL, &values[part]));
    }
    return DIM_OK;
}

static void order_of_parts(const dim__mi *m, int number, int32_t *order)
{
    for (int64_t i = 0; i < m->n; i++)
        order[i] = (int32_t)i;
    if (m->theiler == 0)
        dim__rng_permutation(order, m->n, m->o.seed, PARTS_STREAM + (uint64_t)number);
}

/* A point of the curve, the fewest rows first. */
static void note(const dim__mi *m, spread *s, int parts, double mean, double deviation)
{
    double wide = dim__mi_z(m) * deviation / sqrt(parts), point[4] = { (double)(m->n / parts), mean, mean - wide, mean + wide };
    memmove(s->curve[1], s->curve[0], (size_t)s->n_curve * sizeof s->curve[0]);
    memcpy(s->curve[0], point, sizeof point);
    s->n_curve++;
}

static dim_status find_spread(const dim__mi *m, const points *all, double value, spread *out)
{
    enum { MOST = 8, SPLITS = 3 };
    int32_t *order = dim__calloc(m->ctx, (size_t)m->n, 2 * sizeof *order);
    double values[MOST], sum = 0, weight = 0, quarters = 0;
    int64_t least = 4 * ((int64_t)m->o.neighbors + 1);
    int splits = 0;
    dim_status status = order == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int parts = 2, number = 0; parts <= MOST && status == DIM_OK && m->n / parts >= least; parts *= 2, number++)
        for (int again = 0; again < (parts == 4 && m->theiler == 0 ? SPLITS : 1) && status == DIM_OK; again++) {
            order_of_parts(m, number + MOST * again, order);
            status = part_values(m, all, parts, order, order + m->n, values);
            double deviation = dim__mi_deviation(values, parts);
            if (parts == 4) {
                quarters += dim__mi_mean(values, parts);
                splits++;
            }
            if (again == 0) {
                sum += (parts - 1) * deviation * deviation / parts;
                weight += parts - 1;
                note(m, out, parts, dim__mi_mean(values, parts), deviation);
            }
        }
    dim__free(m->ctx, order);
    out->error = weight > 0 ? sqrt(sum / weight) : 0;
    out->drift = splits > 0 ? value - quarters / splits : 0;
    return status;
}

/* ---- the method ------------------------------------------------------------------------------------------------------ */

typedef struct total { /* over dithers */
    double raw, squares, error;
    spread parts;
    int64_t used;
} total;

/* One dither: adds to the pointwise values and to the total.  Few repetitions of the interval's parts are enough. */
static dim_status add_dither(const dim__mi *m, int k, uint32_t dither, bool second, double *pointwise, double *one, total *t)
{
    points p;
    double value = 0;
    spread s = { 0 };
    dim_status status = make_points(m, dither, second, &p);
    p.in.k = k;
    if (status == DIM_OK)
        status = dim__kraskov_run(m->ctx, &p.in, one, &value, &t->used);
    if (status == DIM_OK && dither == 0 && !m->value_only)
        status = find_spread(m, &p, value, &s);
    free_points(m, &p);
    if (status != DIM_OK)
        return status;
    for (int64_t i = 0; i < m->n; i++)
        pointwise[i] += one[i];
    t->raw += value;
    t->squares += value * value;
    t->error += dim__mi_error(m, one, NULL);
    if (dither == 0)
        t->parts = s;
    return DIM_OK;
}

static dim_status measure(const dim__mi *m, int k, bool second, double *pointwise, total *t)
{
    uint32_t count = dithers(m) ? m->o.dithers : 1;
    double *one = dim__calloc(m->ctx, (size_t)m->n, sizeof *one);
    dim_status status = one == NULL ? DIM_E_NOMEM : DIM_OK;
    *t = (total){ 0 };
    memset(pointwise, 0, (size_t)m->n * sizeof *pointwise);
    for (uint32_t r = 0; r < count && status == DIM_OK; r++)
        status = add_dither(m, k, r, second, pointwise, one, t);
    dim__free(m->ctx, one);
    for (int64_t i = 0; i < m->n; i++)
        pointwise[i] /= count;
    double mean = t->raw / count, between = count > 1 ? fmax(0, t->squares / count - mean * mean) * count / (count - 1) : 0;
    t->raw = mean;
    t->error = sqrt(t->error / count * (t->error / count) + between / count);
    return status;
}

/* A standard error to one side, on which lies the drift: its own error is about 1.2 of the value's, as measured on normal,
 * uniform and Student pairs, but counts for no more than the drift does. */
static double error_with(double s, double drift) { return sqrt(s * s + fmin(drift * drift, 1.44 * s * s)); }

/* Interval of docs/information.md: what parts show, and to the side of the drift the drift. */
static void fill(const dim__mi *m, int k, const total *t, dim__mi_answer *a)
{
    double s = 1.1 * fmax(t->parts.error, t->error), z = dim__mi_z(m), rows = 0;
    dim_information_result *r = &a->r;
    (void)dim__mi_error(m, a->pointwise, &rows);
    r->raw = r->bound = t->raw;
    r->standard_error = s;
    r->effective_rows = rows;
    r->deficit = fmax(0, t->parts.drift);
    r->low = t->raw - z * error_with(s, fmin(0, t->parts.drift)) + fmin(0, t->parts.drift);
    r->high = t->raw + z * error_with(s, r->deficit) + r->deficit;
    r->ceiling = dim__digamma((double)t->used) - dim__digamma(k);
    r->rows = t->used;
    if (fabs(t->parts.drift) > 0.1 * t->raw + 0.02)
        r->warnings |= DIM_INFORMATION_NOT_CONVERGED;
    if ((m->n - t->used) * 100 > m->n)
        r->warnings |= DIM_INFORMATION_UNDERSAMPLED;
    if (dithers(m))
        r->warnings |= DIM_INFORMATION_DITHERED;
    /* Labels cap what a side can tell; else more than this is where the estimate leaves off following the truth. */
    memcpy(a->curve, t->parts.curve, sizeof a->curve);
    a->n_curve = t->parts.n_curve;
    bool continuous = coordinates(m, 0) > 0 && coordinates(m, 1) > 0;
    if (continuous && (k == 1 || !m->free_neighbors) && t->raw > r->ceiling - 1) {
        r->warnings |= DIM_INFORMATION_SATURATED;
        r->verdict = DIM_INFORMATION_LOWER_BOUND;
        r->high = (double)INFINITY;
    }
    /* Where one side is a function of the other, the value grows as ln N: by ln 4 from a quarter of the rows to all. */
    if (continuous && t->parts.drift > 0.5 * log(4)) {
        r->warnings |= DIM_INFORMATION_SATURATED;
        r->verdict = DIM_INFORMATION_LOWER_BOUND;
        r->high = (double)INFINITY;
    }
    if (continuous && t->parts.drift > 0.8 * log(4))
        r->warnings |= DIM_INFORMATION_DETERMINISTIC;
}

static dim_status run_with(const dim__mi *m, bool second, dim__mi_answer *a)
{
    total t;
    int k = (int)m->o.neighbors;
    DIM__TRY(measure(m, k, second, a->pointwise, &t));
    if (m->free_neighbors && t.raw > dim__digamma((double)t.used) - dim__digamma(k) - 2.5) { /* one neighbour sees further */
        k = 1;
        DIM__TRY(measure(m, k, second, a->pointwise, &t));
    }
    fill(m, k, &t, a);
    return DIM_OK;
}

static dim_status run_first(const dim__mi *m, dim__mi_answer *a) { return run_with(m, false, a); }
static dim_status run_second(const dim__mi *m, dim__mi_answer *a) { return run_with(m, true, a); }

static dim_status null_with(const dim__mi *m, const dim__mi_orders *orders, bool second, double *values)
{
    points p;
    int32_t *rows = dim__calloc(m->ctx, (size_t)m->n, 2 * sizeof *rows), *order = DIM__BEHIND(rows, m->n);
    dim_status status = rows == NULL ? DIM_E_NOMEM : make_points(m, 0, second, &p);
    if (rows == NULL)
        return status;
    for (int64_t i = 0; i < m->n; i++)
        rows[i] = (int32_t)i;
    for (int64_t b = 0; b <= (int64_t)m->o.permutations && status == DIM_OK; b++) {
        dim__mi_order(orders, b, order);
        status = value_of(m, &p, rows, m->n, order, &values[b]);
        if (status == DIM_OK)
            status = dim__mi_progress(m, (double)b / m->o.permutations, "permutations");
    }
    free_points(m, &p);
    dim__free(m->ctx, rows);
    return status;
}

static dim_status null_first(const dim__mi *m, const dim__mi_orders *o, double *values) { return null_with(m, o, false, values); }
static dim_status null_second(const dim__mi *m, const dim__mi_orders *o, double *values) { return null_with(m, o, true, values); }

const dim__mi_method dim__mi_knn = { "knn", accepts, run_first, null_first };
const dim__mi_method dim__mi_knn2 = { "knn2", accepts_second, run_second, null_second };
