/* Nearest rows, always the true ones.  Blocks of queries meet blocks of keys in a matrix product, so memory does not grow
 * with their numbers.  A product is rounded, but by no more than a bound; so what it says of a distance is an interval.  A key
 * whose interval lies beyond the k-th of those found so far is left out; the few others are measured again one by one
 * (nearest.c).  Where float leaves too many of them, because the rows' groups lie farther apart than float can tell
 * within a group, the query goes through a second pass with a product in double.
 *
 * By cosine, rows are first scaled to length 1: then half the squared distance of two is 1 - their cosine.  Beside rows of
 * length 0, which have no direction, all cosines count as 0. */
#include "eval/nearest.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

enum {
    QUERIES = 2048,       /* a block in float, less when many neighbours are asked for; half of it in double */
    KEYS = 1024,
    CHUNK = 64,           /* keys that are looked at together */
    CANDIDATES = 1 << 19, /* of a block of queries */
    WIDEST = 1 << 22      /* features, beyond which a product in float says nothing */
};

static double unit_of(double square)
{
    return square > 0 ? 1 / sqrt(square) : 0;
}

static void find_units(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__search *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const float *x = s->keys + i * s->d;
        if (s->cosine)
            s->square[i] = dim__wide_dot(x, x, s->d);
        s->unit[i] = s->cosine ? unit_of(s->square[i].high) : 1;
    }
}

static void find_centre(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__search *s = arg;
    (void)thread;
    for (int64_t i = 0; i < s->n; i++)
        for (int64_t j = begin; j < end; j++)
            s->centre[j] += (double)s->keys[i * s->d + j] * s->unit[i];
    for (int64_t j = begin; j < end; j++)
        s->centre[j] /= (double)s->n;
}

/* Half the square of a row's distance from the centre. */
static double half_square(const dim__search *s, const float *x, double unit)
{
    double part[8] = {0};
    int64_t j = 0;
    for (; j + 8 <= s->d; j += 8)
        for (int l = 0; l < 8; l++) {
            double v = (double)x[j + l] * unit - s->centre[j + l];
            part[l] += v * v;
        }
    for (; j < s->d; j++) {
        double v = (double)x[j] * unit - s->centre[j];
        part[0] += v * v;
    }
    return (((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]))) / 2;
}

static int exponent_of(double half)
{
    return half > 0 ? ilogb(sqrt(2 * half)) : 0;
}

/* Row `at` of a block: less the centre, times 2^-exponent, so that no product leaves the range of float. */
static void put_row(const dim__search *s, void *block, int64_t at, const float *x, double unit, int exponent)
{
    const double scale = ldexp(1, -exponent), *centre = s->centre;
    if (s->wide) {
        double *restrict out = (double *)block + at * s->d;
        for (int64_t j = 0; j < s->d; j++)
            out[j] = ((double)x[j] * unit - centre[j]) * scale;
    } else {
        float *restrict out = (float *)block + at * s->d;
        for (int64_t j = 0; j < s->d; j++)
            out[j] = (float)(((double)x[j] * unit - centre[j]) * scale);
    }
}

static void measure_keys(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__search *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        s->half[i] = half_square(s, s->keys + i * s->d, s->unit[i]);
}

/* What half the square of a norm may be off by, in units of rounding: a sum's, and by cosine a unit's on a row of length 1. */
static double half_error(const dim__search *s, double half)
{
    return s->epsilon * half + (s->cosine ? s->epsilon * (sqrt(2 * half) + s->epsilon) : 0);
}

/* What a product q.b of rows that have been rounded may be off by, for |q| = 1: (d + 4) roundings of |b|, by the usual
 * bound for any order of summation, and what is lost below the least number of float. */
static void find_bounds(dim__search *s)
{
    double most = 0, roundings = ldexp((double)s->d + 4, s->wide ? -53 : -24), share = roundings / (1 - roundings);
    for (int64_t i = 0; i < s->n; i++)
        most = s->half[i] > most ? s->half[i] : most;
    s->exponent = exponent_of(most);
    double lost = ldexp(4 * (double)s->d, s->exponent - (s->wide ? 1022 : 126));
    for (int64_t i = 0; i < s->n; i++) {
        s->slack[i] = share * sqrt(2 * s->half[i]) + lost;
        s->error[i] = half_error(s, s->half[i]);
        if (s->unit[i] == 0)
            s->half[i] += 0.5; /* makes 1 - cosine 1 */
        s->near[i] = s->half[i] - s->error[i];
    }
}

static void prepare_queries(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__search *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        dim__query *q = s->query + i;
        *q = (dim__query){.row = s->rows[s->q_first + i], .limit = (double)INFINITY, .list = s->list + i * s->keep};
        const float *x = s->queries + q->row * s->d;
        if (s->cosine)
            q->square = dim__wide_dot(x, x, s->d);
        q->unit = s->cosine ? unit_of(q->square.high) : 1;
        q->half = half_square(s, x, q->unit);
        q->norm = sqrt(2 * q->half);
        q->error = half_error(s, q->half);
        int exponent = exponent_of(q->half);
        q->scale = ldexp(1, exponent + s->exponent);
        put_row(s, s->q, i, x, q->unit, exponent);
    }
}

static void prepare_keys(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__search *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = s->b_first + i;
        put_row(s, s->b, i, s->keys + row * s->d, s->unit[row], s->exponent);
    }
}

/* Lower ends of what half the squared distances of n keys may be, less the query's part.  Apart from the comparisons with the
 * limit, so that compilers make vectors of it. */
static void lower_ends(const dim__query *q, const double *near, const double *slack, const float *product, int64_t n,
                       double *restrict low)
{
    const double scale = q->scale, norm = q->norm;
    for (int64_t j = 0; j < n; j++)
        low[j] = near[j] - scale * (double)product[j] - norm * slack[j];
}

static void lower_ends_wide(const dim__query *q, const double *near, const double *slack, const double *product, int64_t n,
                            double *restrict low)
{
    const double scale = q->scale, norm = q->norm;
    for (int64_t j = 0; j < n; j++)
        low[j] = near[j] - scale * product[j] - norm * slack[j];
}

static void select_near(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__search *s = arg;
    double low[CHUNK];
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        dim__query *q = s->query + i;
        const float *narrow = (const float *)s->scores + i * KEYS;
        const double *wide = (const double *)s->scores + i * KEYS;
        if (q->unit == 0) /* all are equally far */
            continue;
        for (int64_t j = 0; j < s->b_count && !q->hard; j += CHUNK) {
            const double *near = s->near + s->b_first + j, *slack = s->slack + s->b_first + j;
            int64_t n = dim__min64(CHUNK, s->b_count - j);
            if (s->wide)
                lower_ends_wide(q, near, slack, wide + j, n, low);
            else
                lower_ends(q, near, slack, narrow + j, n, low);
            for (int64_t l = 0; l < n && !q->hard; l++)
                if (!(low[l] > q->limit))
                    dim__nearest_add(s, q, s->b_first + j + l,
                                     q->scale * (s->wide ? wide[j + l] : (double)narrow[j + l]));
        }
    }
}

static void finish(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__search *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        if (!s->query[i].hard)
            dim__nearest_finish(s, s->query + i);
}

static void search_block(dim__search *s, int64_t queries)
{
    int64_t grain = 1 + 16384 / s->d;
    dim__parallel(s->ctx, queries, grain, prepare_queries, s);
    for (s->b_first = 0; s->b_first < s->n; s->b_first += KEYS) {
        s->b_count = dim__min64(KEYS, s->n - s->b_first);
        dim__parallel(s->ctx, s->b_count, grain, prepare_keys, s);
        if (s->wide)
            dim__dgemm(s->ctx, false, true, queries, s->b_count, s->d, 1, s->q, s->d, s->b, s->d, 0, s->scores, KEYS);
        else
            dim__gemm(s->ctx, false, true, queries, s->b_count, s->d, 1, s->q, s->d, s->b, s->d, 0, s->scores, KEYS);
        dim__parallel(s->ctx, queries, 16, select_near, s);
    }
    dim__parallel(s->ctx, queries, 4, finish, s);
}

/* Answers the queries of s->rows[0 .. *count - 1]; leaves there those that are too hard for float. */
static dim_status pass(dim__search *s, bool wide, int64_t *count)
{
    dim_status status = DIM_E_NOMEM;
    dim_context *ctx = s->ctx;
    size_t number = wide ? sizeof(double) : sizeof(float), d = (size_t)s->d;
    int64_t most = dim__min64(wide ? QUERIES / 2 : QUERIES, dim__max64(1, CANDIDATES / s->keep)), hard = 0;
    int64_t block = dim__min64(*count, most);
    s->wide = wide;
    s->patience = wide ? INT64_MAX : s->n / 16 + 2 * s->keep;
    s->q = dim__calloc(ctx, (size_t)block, d * number);
    s->b = dim__calloc(ctx, (size_t)dim__min64(s->n, KEYS), d * number);
    s->scores = dim__calloc(ctx, (size_t)block, KEYS * number);
    s->query = dim__calloc(ctx, (size_t)block, sizeof *s->query);
    s->list = dim__calloc(ctx, (size_t)block, (size_t)s->keep * sizeof *s->list);
    if (s->q == NULL || s->b == NULL || s->scores == NULL || s->query == NULL || s->list == NULL)
        goto done;
    dim__parallel(ctx, s->n, 1 + 16384 / s->d, measure_keys, s);
    find_bounds(s);
    for (s->q_first = 0; s->q_first < *count; s->q_first += block) {
        int64_t queries = dim__min64(block, *count - s->q_first);
        search_block(s, queries);
        for (int64_t i = 0; i < queries; i++) {
            s->work.measured += s->query[i].measured;
            if (s->query[i].hard)
                s->rows[hard++] = s->query[i].row;
        }
    }
    *count = hard;
    status = DIM_OK;
done:
    dim__free(ctx, s->q);
    dim__free(ctx, s->b);
    dim__free(ctx, s->scores);
    dim__free(ctx, s->query);
    dim__free(ctx, s->list);
    return status;
}

dim_status dim__neighbors(dim_context *ctx, bool cosine, const float *queries, int64_t m, const float *keys, int64_t n,
                          int64_t d, int64_t k, int64_t *indices, double *distances, dim__neighbors_work *work)
{
    dim_status status = DIM_E_NOMEM;
    int64_t count = m;
    dim__search s = {.ctx = ctx, .cosine = cosine, .queries = queries, .keys = keys, .n = n, .d = d, .k = k,
                     .keep = dim__min64(n, 2 * k + 64), .indices = indices, .distances = distances,
                     .epsilon = ldexp(2 * (double)d + 32, -53)};
    s.rows = dim__calloc(ctx, (size_t)m, sizeof *s.rows);
    s.centre = dim__calloc(ctx, (size_t)d, sizeof *s.centre);
    s.unit = dim__calloc(ctx, (size_t)n, sizeof *s.unit);
    s.half = dim__calloc(ctx, (size_t)n, sizeof *s.half);
    s.slack = dim__calloc(ctx, (size_t)n, sizeof *s.slack);
    s.error = dim__calloc(ctx, (size_t)n, sizeof *s.error);
    s.near = dim__calloc(ctx, (size_t)n, sizeof *s.near);
    s.square = cosine ? dim__calloc(ctx, (size_t)n, sizeof *s.square) : NULL;
    if (s.rows == NULL || s.centre == NULL || s.unit == NULL || s.half == NULL || s.slack == NULL || s.error == NULL ||
        s.near == NULL || (cosine && s.square == NULL))
        goto done;
    for (int64_t i = 0; i < m; i++)
        s.rows[i] = i;
    dim__parallel(ctx, n, 1 + 16384 / d, find_units, &s);
    dim__parallel(ctx, d, 1 + 16384 / n, find_centre, &s);
    if (d < WIDEST)
        DIM__TRY_OR(done, pass(&s, false, &count));
    s.work.again = count;
    if (count > 0)
        DIM__TRY_OR(done, pass(&s, true, &count));
    if (work != NULL)
        *work = s.work;
    status = DIM_OK;
done:
    dim__free(ctx, s.rows);
    dim__free(ctx, s.centre);
    dim__free(ctx, s.unit);
    dim__free(ctx, s.half);
    dim__free(ctx, s.slack);
    dim__free(ctx, s.error);
    dim__free(ctx, s.near);
    dim__free(ctx, s.square);
    return status;
}
