/* KNN and KNN2: Kraskov's estimators on normal scores, with an interval that knows of their bias. */
#include "information/information.h"

#include "base/math.h"
#include "base/rng.h"
#include "eval/eval.h"
#include "information/kdtree.h"
#include "information/kraskov.h"
#include "information/sort.h"
#include "information/special.h"

#include <stdio.h>


typedef struct points {           /* all rows, as the estimator takes them */
    dim__kraskov in;
    const float *list[DIM__MI_SIDES][DIM__KDTREE_COORDINATES];
    float *memory;                /* (coordinates, n) */
    int32_t *symbols[DIM__MI_SIDES];
    float *line;                  /* (coordinates of y, n): what is linear in the condition; NULL = there is none */
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
    dim__free(m->ctx, p->line);
    for (int k = 0; k < DIM__MI_SIDES; k++)
        dim__free(m->ctx, p->symbols[k]);
}

/* Coordinates and labels of one dither. */
static dim_status make_points(const dim__mi *m, uint32_t dither, bool second, points *p)
{
    *p = (points){ .in = { .n = m->n, .k = (int)m->o.neighbors, .apart = m->groups != NULL ? 0 : m->theiler,
                           .group = m->theiler > 0 ? m->groups : NULL, .second = second, .conditional = m->side[2].d > 0 } };
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

/* ---- what a caller hears --------------------------------------------------------------------------------------------- */

typedef struct course {       /* of a measurement */
    const dim__mi *m;
    double done, now, total;  /* rows that were looked at, that are being looked at, and that will have been */
    const char *text;
} course;

static dim_status heard(void *user, double share)
{
    const course *c = user;
    return dim__mi_progress(c->m, fmin((c->done + share * c->now) / c->total, 1), c->text);
}

static dim_status estimate(course *c, points *p, double *pointwise, double *value, int64_t *used)
{
    c->now = (double)p->in.n;
    p->in.heard = c->m->o.progress != NULL ? heard : NULL;
    p->in.user = c;
    dim_status status = dim__kraskov_run(c->m->ctx, &p->in, pointwise, value, used);
    c->done += c->now;
    return status;
}

/* ---- y of other rows --------------------------------------------------------------------------------------------------- */

/* With a condition rows meet others that are near in it, but not quite: y keeps what is linear in its own condition, and takes from the
 * other row what is left. */
static dim_status find_line(const dim__mi *m, points *p)
{
    dim_context *ctx = m->ctx;
    int64_t n = m->n, dy = p->in.d[1], dz = p->in.d[2];
    if (dy == 0 || dz == 0)
        return DIM_OK;
    double *square = dim__calloc(ctx, (size_t)dz, (size_t)(dz + dy) * sizeof *square), *slope = DIM__BEHIND(square, dz * dz);
    p->line = dim__calloc(ctx, (size_t)dy * sizeof *p->line, (size_t)n);
    bool definite = false;
    if (square == NULL || p->line == NULL) {
        dim__free(ctx, square);
        return DIM_E_NOMEM;
    }
    for (int64_t a = 0; a < dz; a++)
        for (int64_t i = 0; i < n; i++) {
            double z = (double)p->list[2][a][i] / (double)n;
            for (int64_t b = 0; b <= a; b++)
                square[a * dz + b] += z * (double)p->list[2][b][i];
            for (int64_t c = 0; c < dy; c++)
                slope[a * dy + c] += z * (double)p->list[1][c][i];
        }
    for (int64_t a = 0; a < dz; a++) { /* columns may say the same */
        square[a * dz + a] += 1e-6;
        for (int64_t b = 0; b < a; b++)
            square[b * dz + a] = square[a * dz + b];
    }
    dim_status status = dim__mi_factor(ctx, square, dz, &definite);
    if (status == DIM_OK && definite) {
        dim__cholesky_solve(ctx, square, dz, dz, slope, dy);
        for (int64_t c = 0; c < dy; c++)
            for (int64_t a = 0; a < dz; a++)
                for (int64_t i = 0; i < n; i++)
                    p->line[c * n + i] += (float)slope[a * dy + c] * p->list[2][a][i];
    }
    dim__free(ctx, square);
    return status;
}

/* All rows, y's row of i being order[i]. */
static dim_status reorder(const dim__mi *m, const points *all, const int32_t *order, points *p)
{
    int64_t n = m->n;
    *p = (points){ .in = all->in };
    p->memory = dim__alloc(m->ctx, (size_t)all->in.d[1] * sizeof *p->memory * (size_t)n);
    if (p->memory == NULL)
        return DIM_E_NOMEM;
    for (int c = 0; c < all->in.d[1]; c++) {
        float *y = p->memory + c * n;
        p->list[1][c] = y;
        for (int64_t i = 0; i < n; i++)
            y[i] = all->list[1][c][order[i]];
        for (int64_t i = 0; i < n && all->line != NULL; i++)
            y[i] += all->line[c * n + i] - all->line[c * n + order[i]];
    }
    p->in.x[1] = p->list[1];
    if (all->symbols[1] == NULL)
        return DIM_OK;
    p->symbols[1] = dim__alloc(m->ctx, (size_t)n * sizeof(int32_t));
    p->in.symbol[1] = p->symbols[1];
    for (int64_t i = 0; i < n && p->symbols[1] != NULL; i++)
        p->symbols[1][i] = all->symbols[1][order[i]];
    return p->symbols[1] == NULL ? DIM_E_NOMEM : DIM_OK;
}

/* ---- the interval ---------------------------------------------------------------------------------------------------- */

enum { MOST_PARTS = 8, PART_GROUPS = 4 };

typedef struct spread {
    double error;   /* standard error that disjoint parts show (Holmes & Nemenman 2019) */
    double drift;   /* value of all rows less that of quarters: about what is gained beyond them, too */
    bool room;      /* in quarters: they can show nearly as much as all rows can */
    double curve[DIM__MI_CURVE][4];
    int64_t n_curve;
} spread;

/* Parts of the rows, each with normal scores of its own.  Rows are sorted by each coordinate once; a part's ranks are then the
 * numbers in which its rows are met on the way through all of them. */
typedef struct parts {
    const dim__mi *m;
    const points *all;
    int64_t columns;
    int32_t *sorted;       /* (columns, n): rows by each coordinate */
    int32_t *order;        /* (n): rows, those of a part beside each other */
    int32_t *at;           /* (n): where in `order` a row is */
    float *x;              /* (columns, n): the coordinates of the rows in this order, scored part by part */
    float *scores[2];      /* of parts of the two sizes that there are */
    double *pointwise;     /* (n) */
} parts;

static void parts_end(parts *p)
{
    dim__free(p->m->ctx, p->sorted);
    dim__free(p->m->ctx, p->order);
    dim__free(p->m->ctx, p->x);
    dim__free(p->m->ctx, p->scores[0]);
    dim__free(p->m->ctx, p->pointwise);
}

static dim_status sort_rows(const parts *p)
{
    int64_t n = p->m->n, column = 0;
    uint64_t *key = dim__alloc(p->m->ctx, (size_t)n * sizeof *key);
    for (int k = 0; k < DIM__MI_SIDES && key != NULL; k++)
        for (int c = 0; c < p->all->in.d[k]; c++, column++) {
            for (int64_t i = 0; i < n; i++)
                key[i] = dim__key_of_double((double)p->all->list[k][c][i]);
            dim__sort_keys(key, n, p->sorted + column * n, p->at);
        }
    dim__free(p->m->ctx, key);
    return key == NULL ? DIM_E_NOMEM : DIM_OK;
}

static dim_status parts_begin(const dim__mi *m, const points *all, parts *p)
{
    size_t n = (size_t)m->n;
    *p = (parts){ .m = m, .all = all, .columns = all->in.d[0] + all->in.d[1] + all->in.d[2] };
    p->sorted = dim__alloc(m->ctx, (size_t)p->columns * sizeof *p->sorted * n);
    p->order = dim__alloc(m->ctx, 2 * sizeof *p->order * n);
    p->at = DIM__BEHIND(p->order, m->n);
    p->x = dim__alloc(m->ctx, (size_t)p->columns * sizeof *p->x * n);
    p->scores[0] = dim__alloc(m->ctx, (n + 2) * sizeof *p->scores[0]); /* half of the rows each, at most */
    p->scores[1] = DIM__BEHIND(p->scores[0], m->n / 2 + 1);
    p->pointwise = dim__alloc(m->ctx, sizeof *p->pointwise * n);
    bool room = p->sorted != NULL && p->order != NULL && p->x != NULL && p->scores[0] != NULL && p->pointwise != NULL;
    return room ? sort_rows(p) : DIM_E_NOMEM;
}

static int64_t part_first(const parts *p, int64_t part, int64_t count) { return p->m->n * part / count; }

/* Coordinates of all parts, of which there are `count`. */
static void score_parts(const parts *p, int64_t count)
{
    int64_t n = p->m->n, small = n / count;
    for (int more = 0; more < 2; more++)
        dim__mi_even_scores(p->m, small + more, p->scores[more]);
    for (int64_t i = 0; i < n; i++)
        p->at[p->order[i]] = (int32_t)i;
    for (int64_t column = 0; column < p->columns; column++) {
        int64_t next[MOST_PARTS] = { 0 };
        const float *scores[MOST_PARTS];
        float *x = p->x + column * n;
        for (int64_t part = 0; part < count; part++)
            scores[part] = p->scores[part_first(p, part + 1, count) - part_first(p, part, count) - small];
        for (int64_t i = 0; i < n; i++) {
            int32_t at = p->at[p->sorted[column * n + i]];
            int64_t part = (count * ((int64_t)at + 1) - 1) / n; /* part_first() of it is not behind `at` */
            x[at] = scores[part][next[part]++];
        }
    }
}

static dim_status take_symbols(const parts *p, int64_t first, points *one)
{
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        if (p->all->symbols[k] == NULL)
            continue;
        one->symbols[k] = dim__alloc(p->m->ctx, (size_t)one->in.n * sizeof(int32_t));
        one->in.symbol[k] = one->symbols[k];
        if (one->symbols[k] == NULL)
            return DIM_E_NOMEM;
        for (int64_t i = 0; i < one->in.n; i++)
            one->symbols[k][i] = p->all->symbols[k][p->order[first + i]];
    }
    return DIM_OK;
}

static dim_status part_values(const parts *p, int64_t count, course *c, double *values)
{
    score_parts(p, count);
    for (int64_t part = 0; part < count; part++) {
        int64_t first = part_first(p, part, count), column = 0, used;
        points one = { .in = p->all->in };
        one.in.n = part_first(p, part + 1, count) - first;
        one.in.group = p->all->in.group != NULL ? p->all->in.group + first : NULL; /* stretches, in their order */
        for (int k = 0; k < DIM__MI_SIDES; k++) {
            one.in.x[k] = one.list[k];
            for (int j = 0; j < p->all->in.d[k]; j++)
                one.list[k][j] = p->x + column++ * p->m->n + first;
        }
        dim_status status = take_symbols(p, first, &one);
        if (status == DIM_OK)
            status = estimate(c, &one, p->pointwise, &values[part], &used);
        free_points(p->m, &one);
        if (status != DIM_OK)
            return status;
    }
    return DIM_OK;
}

static void order_of_parts(const dim__mi *m, int number, int32_t *order)
{
    for (int64_t i = 0; i < m->n; i++)
        order[i] = (int32_t)i;
    if (m->theiler == 0)
        dim__rng_permutation(order, m->n, m->o.seed, DIM__MI_STREAM_PARTS + (uint64_t)number);
}

/* A point of the curve, the fewest rows first; fill() adds its interval. */
static void note(const dim__mi *m, spread *s, int count, double mean)
{
    double point[4] = { (double)(m->n / count), mean, mean, mean };
    memmove(s->curve[1], s->curve[0], (size_t)s->n_curve * sizeof s->curve[0]);
    memcpy(s->curve[0], point, sizeof point);
    s->n_curve++;
}

static bool has_room(const dim__mi *m, int64_t count, int k) { return m->n / count >= 4 * ((int64_t)k + 1); }

/* Which parts are looked at, and how often: parts of a series, and of groups, are stretches, of which there is one set.  A part of
 * few groups has its neighbours in still fewer.  Halves and quarters are looked at if they can be: without them nobody knows how
 * far the value would still rise. */
static int splits_of(const dim__mi *m, int64_t count, int k)
{
    bool groups = m->groups == NULL || m->n_groups >= PART_GROUPS * count;
    bool enough = has_room(m, count, k) || (count <= 4 && m->n / count >= (int64_t)k + 2);
    return !groups || !enough ? 0 : count == 4 && m->theiler == 0 ? 3 : 1;
}

typedef struct split_sums {
    double squares, weight;  /* of the deviations of parts */
    double mean;             /* summed over splits of one size */
    int splits;
} split_sums;

static void add_split(const double *values, int count, bool first, split_sums *t)
{
    double mean = dim__mi_mean(values, count), deviation = dim__mi_deviation(values, count);
    if (isnan(mean)) /* labels that nobody shares in a part, or one group */
        return;
    t->mean += mean;
    t->splits++;
    if (first) {
        t->squares += (count - 1) * deviation * deviation / count;
        t->weight += count - 1;
    }
}

/* Of an error that falls with the square root of the rows, the part that is left at all of them, in what it was larger at halves. */
static const double LEFT_BY_HALVES = 2.414;

static dim_status find_spread(const dim__mi *m, const points *all, double value, course *c, spread *out)
{
    double values[MOST_PARTS];
    split_sums t = { 0 };
    parts p;
    dim_status status = parts_begin(m, all, &p);
    for (int count = 2, number = 0; count <= MOST_PARTS && status == DIM_OK; count *= 2, number++) {
        t.mean = t.splits = 0;
        for (int again = 0; again < splits_of(m, count, all->in.k) && status == DIM_OK; again++) {
            order_of_parts(m, number + MOST_PARTS * again, p.order);
            status = part_values(&p, count, c, values);
            if (status == DIM_OK)
                add_split(values, count, again == 0, &t);
        }
        if (t.splits > 0)
            note(m, out, count, t.mean / t.splits);
        if (t.splits > 0 && count <= 4)
            out->drift = (value - t.mean / t.splits) * (count == 2 ? LEFT_BY_HALVES : 1);
    }
    parts_end(&p);
    out->room = has_room(m, 4, all->in.k);
    out->error = t.weight > 0 ? sqrt(t.squares / t.weight) : 0;
    return status;
}

/* ---- the method ------------------------------------------------------------------------------------------------------ */

typedef struct total { /* over dithers */
    double raw, squares, error;
    spread parts;
    int64_t used, labels; /* labels: of the side that has most */
} total;

/* One dither: adds to the pointwise values and to the total.  Few repetitions of the interval's parts are enough. */
static dim_status add_dither(const dim__mi *m, int k, uint32_t dither, bool second, course *c, double *pointwise, double *one,
                             total *t)
{
    points p;
    double value = 0;
    spread s = { 0 };
    dim_status status = make_points(m, dither, second, &p);
    p.in.k = k;
    for (int side = 0; side < DIM__MI_SIDES; side++)
        t->labels = dim__max64(t->labels, p.in.symbols[side]);
    if (status == DIM_OK)
        status = estimate(c, &p, one, &value, &t->used);
    if (status == DIM_OK && dither == 0 && !m->value_only)
        status = find_spread(m, &p, value, c, &s);
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

static dim_status measure(const dim__mi *m, int k, bool second, const char *text, double *pointwise, total *t)
{
    uint32_t count = dithers(m) ? m->o.dithers : 1;
    int splits = m->value_only ? 0 : splits_of(m, 2, k) + splits_of(m, 4, k) + splits_of(m, 8, k);
    course c = { .m = m, .total = (double)m->n * (count + (uint32_t)splits), .text = text };
    double *one = dim__calloc(m->ctx, (size_t)m->n, sizeof *one);
    dim_status status = one == NULL ? DIM_E_NOMEM : DIM_OK;
    *t = (total){ 0 };
    memset(pointwise, 0, (size_t)m->n * sizeof *pointwise);
    for (uint32_t r = 0; r < count && status == DIM_OK; r++)
        status = add_dither(m, k, r, second, &c, pointwise, one, t);
    dim__free(m->ctx, one);
    for (int64_t i = 0; i < m->n; i++)
        pointwise[i] /= count;
    double mean = t->raw / count, between = count > 1 ? fmax(0, t->squares / count - mean * mean) * count / (count - 1) : 0;
    t->raw = mean;
    t->error = sqrt(t->error / count * (t->error / count) + between / count);
    return status;
}

/* Of the drift, in the value's, as measured on normal, uniform and Student pairs. */
static const double DRIFT_ERROR = 1.2;

/* A standard error to one side, on which lies the drift, whose own counts for no more than the drift does. */
static double error_with(double s, double drift)
{
    return sqrt(s * s + fmin(drift * drift, DRIFT_ERROR * DRIFT_ERROR * s * s));
}

/* What is still missing, in drifts.  Neighbours of D numbers are n^-1/D away, and at edges of densities the value errs by as much: from
 * a quarter of the rows to all it gains 4^1/D - 1 times what it has left to gain.  That is 1 of two numbers, and less of more. */
static double drifts_to_come(const dim__mi *m)
{
    int64_t numbers = dim__max64(2, coordinates(m, 0) + coordinates(m, 1) + coordinates(m, 2));
    return 1 / (pow(4, 1 / (double)numbers) - 1);
}

/* Of parts the interval is that of sampling as many rows. */
static void fill_curve(const dim__mi *m, const total *t, double s, dim__mi_answer *a)
{
    double z = dim__mi_z(m);
    memcpy(a->curve, t->parts.curve, sizeof a->curve);
    a->n_curve = t->parts.n_curve;
    for (int64_t k = 0; k < a->n_curve; k++) {
        double wide = z * s * sqrt((double)m->n / a->curve[k][0]);
        a->curve[k][2] -= wide;
        a->curve[k][3] += wide;
    }
}

/* Rows with a label that no other row has are left out.  What they tell may be anything from 0; where they are most rows, or all
 * others have one label, so may the answer. */
static void allow_for_lone_labels(const dim__mi *m, const total *t, dim__mi_answer *a)
{
    dim_information_result *r = &a->r;
    double most = 0;
    if ((m->n - t->used) * 100 <= m->n)
        return;
    for (int64_t i = 0; i < m->n; i++)
        most = isnan(a->pointwise[i]) ? most : fmax(most, fabs(a->pointwise[i]));
    r->warnings |= DIM_INFORMATION_UNDERSAMPLED;
    r->low *= r->low > 0 ? (double)t->used / (double)m->n : 1;
    if (2 * t->used < m->n || t->used < DIM__MI_LEAST_ROWS || most < 1e-9)
        r->verdict = DIM_INFORMATION_NONE;
}

static void find_saturation(const dim__mi *m, int k, const total *t, dim_information_result *r)
{
    /* Labels cap what a side can tell; else more than this is where the estimate leaves off following the truth.  Where one side is
     * a function of the other, the value grows as ln N: by ln 4 from a quarter of the rows to all. */
    bool continuous = coordinates(m, 0) > 0 && coordinates(m, 1) > 0;
    bool above = (k == 1 || !m->free_neighbors) && t->raw > r->ceiling - 1;
    if (continuous && (above || (t->parts.room && t->parts.drift > 0.5 * log(4)))) {
        r->warnings |= DIM_INFORMATION_SATURATED;
        r->verdict = DIM_INFORMATION_LOWER_BOUND;
        r->high = (double)INFINITY;
    }
    if (continuous && t->parts.room && t->parts.drift > 0.8 * log(4))
        r->warnings |= DIM_INFORMATION_DETERMINISTIC;
}

/* A label of few rows has its neighbours far away.  The error is about that of one row of each label, upward where its numbers have
 * tails and downward where they have edges (normal, Student, Laplace, exponential and uniform ones, 10 to 80 rows a label); parts
 * do not show it, whose labels have too few rows for as many neighbours.  Labels that tell nothing have none. */
static double error_of_labels(const total *t)
{
    return fmin((double)t->labels / (double)dim__max64(1, t->used), fmax(t->raw, 0) / 2);
}

/* Interval of docs/information.md: what parts show, and to the side of the drift what it lets expect. */
static void fill(const dim__mi *m, int k, const total *t, dim__mi_answer *a)
{
    double s = 1.1 * fmax(t->parts.error, t->error), z = dim__mi_z(m), few = error_of_labels(t), rows = 0;
    double drift = t->parts.drift, missing = drift * drifts_to_come(m);
    dim_information_result *r = &a->r;
    (void)dim__mi_error(m, a->pointwise, &rows);
    r->raw = r->bound = t->raw;
    r->standard_error = s;
    r->effective_rows = rows;
    r->deficit = fmax(0, missing);
    r->low = t->raw - z * error_with(s, fmin(0, drift)) + fmin(0, missing) - few;
    r->high = t->raw + z * error_with(s, fmax(0, drift)) + r->deficit + few;
    r->ceiling = dim__digamma((double)t->used) - dim__digamma(k);
    r->rows = t->used;
    if (fabs(drift) > fmax(0.1 * t->raw + 0.02, 1.65 * DRIFT_ERROR * s)) /* 1 in 10 by chance */
        r->warnings |= DIM_INFORMATION_NOT_CONVERGED;
    if (dithers(m))
        r->warnings |= DIM_INFORMATION_DITHERED;
    find_saturation(m, k, t, r);
    allow_for_lone_labels(m, t, a);
    fill_curve(m, t, s, a);
}

static dim_status run_with(const dim__mi *m, bool second, dim__mi_answer *a)
{
    total t;
    int k = (int)m->o.neighbors;
    DIM__TRY(measure(m, k, second, "neighbours", a->pointwise, &t));
    if (m->free_neighbors && t.raw > dim__digamma((double)t.used) - dim__digamma(k) - 2.5) { /* one neighbour sees further */
        k = 1;
        DIM__TRY(measure(m, k, second, "neighbours again, one of each row", a->pointwise, &t));
    }
    fill(m, k, &t, a);
    return DIM_OK;
}

static dim_status run_first(const dim__mi *m, dim__mi_answer *a) { return run_with(m, false, a); }
static dim_status run_second(const dim__mi *m, dim__mi_answer *a) { return run_with(m, true, a); }

static dim_status null_value(course *c, const points *all, const int32_t *order, double *pointwise, double *value)
{
    points p;
    int64_t used;
    dim_status status = reorder(c->m, all, order, &p);
    if (status == DIM_OK)
        status = estimate(c, &p, pointwise, value, &used);
    free_points(c->m, &p);
    return status;
}

static dim_status null_with(const dim__mi *m, const dim__mi_orders *orders, bool second, double *values)
{
    points p;
    course c = { .m = m, .total = (double)m->n * ((double)orders->count + 1), .text = "permutations" };
    int32_t *order = dim__alloc(m->ctx, (size_t)m->n * sizeof *order);
    double *pointwise = dim__alloc(m->ctx, (size_t)m->n * sizeof *pointwise);
    dim_status status = make_points(m, 0, second, &p);
    if (order == NULL || pointwise == NULL)
        status = DIM_E_NOMEM;
    if (status == DIM_OK)
        status = find_line(m, &p);
    for (int64_t b = 0; b <= orders->count && status == DIM_OK; b++) {
        dim__mi_order(orders, b, order);
        status = null_value(&c, &p, order, pointwise, &values[b]);
        if (status == DIM_OK)
            status = dim__mi_progress(m, c.done / c.total, c.text);
    }
    free_points(m, &p);
    dim__free(m->ctx, order);
    dim__free(m->ctx, pointwise);
    return status;
}

static dim_status null_first(const dim__mi *m, const dim__mi_orders *o, double *values) { return null_with(m, o, false, values); }
static dim_status null_second(const dim__mi *m, const dim__mi_orders *o, double *values) { return null_with(m, o, true, values); }

const dim__mi_method dim__mi_knn = { "knn", accepts, run_first, null_first };
const dim__mi_method dim__mi_knn2 = { "knn2", accepts_second, run_second, null_second };
