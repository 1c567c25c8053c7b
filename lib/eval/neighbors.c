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
    FEW = 8,              /* queries, for which larger blocks of keys that are prepared cost less */
    MANY_KEYS = 16384,
    CHUNK = 64,           /* keys that are looked at together */
    CANDIDATES = 1 << 19, /* of a block of queries */
    WIDEST = 1 << 22      /* features, beyond which a product in float says nothing */
};

static void prepare_queries(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__search *s = arg;
    const dim__keys *keys = s->keys;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        dim__query *q = s->query + i;
        *q = (dim__query){.row = s->rows[s->q_first + i], .limit = (double)INFINITY, .list = s->list + i * s->keep};
        const float *x = s->queries + q->row * s->d;
        if (keys->cosine)
            q->square = dim__wide_dot(x, x, s->d);
        q->unit = keys->cosine ? dim__keys_unit(q->square.high) : 1;
        q->half = dim__keys_half(keys, x, q->unit);
        q->norm = sqrt(2 * q->half);
        q->error = dim__keys_half_error(keys, q->half);
        int exponent = dim__keys_exponent(q->half);
        q->scale = ldexp(1, exponent + keys->exponent);
        dim__keys_put(keys, s->wide, s->q, i, x, q->unit, exponent);
    }
}

static void prepare_keys(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__search *s = arg;
    const dim__keys *keys = s->keys;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = s->b_first + i;
        dim__keys_put(keys, s->wide, s->b, i, keys->x + row * s->d, keys->unit[row], keys->exponent);
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
        const float *narrow = (const float *)s->scores + i * s->stride;
        const double *wide = (const double *)s->scores + i * s->stride;
        if (q->unit == 0) /* all are equally far */
            continue;
        for (int64_t j = 0; j < s->b_count && !q->hard; j += CHUNK) {
            const double *near = s->keys->near + s->b_first + j, *slack = s->slack + s->b_first + j;
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

/* A block of keys as they are multiplied: those that are kept, or made now. */
static const void *prepared_keys(const dim__search *s)
{
    if (s->keys->packed != NULL && !s->wide)
        return s->keys->packed + s->b_first * s->d;
    dim__parallel(s->ctx, s->b_count, 1 + 16384 / s->d, prepare_keys, (void *)s);
    return s->b;
}

static void search_block(dim__search *s, int64_t queries)
{
    int64_t n = s->keys->n;
    dim__parallel(s->ctx, queries, 1 + 16384 / s->d, prepare_queries, s);
    for (s->b_first = 0; s->b_first < n; s->b_first += s->stride) {
        s->b_count = dim__min64(s->stride, n - s->b_first);
        const void *b = prepared_keys(s);
        if (s->wide)
            dim__dgemm(s->ctx, false, true, queries, s->b_count, s->d, 1, s->q, s->d, b, s->d, 0, s->scores, s->stride);
        else
            dim__gemm(s->ctx, false, true, queries, s->b_count, s->d, 1, s->q, s->d, b, s->d, 0, s->scores, s->stride);
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
    int64_t n = s->keys->n, hard = 0;
    int64_t most = dim__min64(wide ? QUERIES / 2 : QUERIES, dim__max64(1, CANDIDATES / s->keep));
    int64_t block = dim__min64(*count, most);
    bool made = wide || s->keys->packed == NULL;
    double *slack = wide ? dim__calloc(ctx, (size_t)n, sizeof *slack) : NULL;
    s->wide = wide;
    s->patience = wide ? INT64_MAX : n / 16 + 2 * s->keep;
    s->stride = dim__min64(n, made || block > FEW ? KEYS : MANY_KEYS);
    s->q = dim__calloc(ctx, (size_t)block, d * number);
    s->b = made ? dim__calloc(ctx, (size_t)s->stride, d * number) : NULL;
    s->scores = dim__calloc(ctx, (size_t)block, (size_t)s->stride * number);
    s->query = dim__calloc(ctx, (size_t)block, sizeof *s->query);
    s->list = dim__calloc(ctx, (size_t)block, (size_t)s->keep * sizeof *s->list);
    if (s->q == NULL || (made && s->b == NULL) || s->scores == NULL || s->query == NULL || s->list == NULL || (wide && slack == NULL))
        goto done;
    if (wide)
        dim__keys_slack(s->keys, true, 0, slack);
    s->slack = wide ? slack : s->keys->slack;
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
    dim__free(ctx, slack);
    dim__free(ctx, s->q);
    dim__free(ctx, s->b);
    dim__free(ctx, s->scores);
    dim__free(ctx, s->query);
    dim__free(ctx, s->list);
    return status;
}

dim_status dim__keys_search(dim_context *ctx, const dim__keys *keys, const float *queries, int64_t m, int64_t k,
                            int64_t *indices, double *distances, dim__neighbors_work *work)
{
    dim_status status = DIM_OK;
    int64_t count = m;
    dim__search s = {.ctx = ctx, .keys = keys, .queries = queries, .d = keys->d, .k = k, .keep = dim__min64(keys->n, 2 * k + 64),
                     .indices = indices, .distances = distances};
    s.rows = dim__calloc(ctx, (size_t)m, sizeof *s.rows);
    if (s.rows == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < m; i++)
        s.rows[i] = i;
    if (keys->d < WIDEST)
        DIM__TRY_OR(done, pass(&s, false, &count));
    s.work.again = count;
    if (count > 0)
        DIM__TRY_OR(done, pass(&s, true, &count));
    if (work != NULL)
        *work = s.work;
done:
    dim__free(ctx, s.rows);
    return status;
}

dim_status dim__neighbors(dim_context *ctx, bool cosine, const float *queries, int64_t m, const float *keys, int64_t n,
                          int64_t d, int64_t k, int64_t *indices, double *distances, dim__neighbors_work *work)
{
    dim__keys known = {.cosine = cosine, .d = d};
    dim_status status = dim__keys_prepare(ctx, &known, keys, n, false);
    if (status == DIM_OK)
        status = dim__keys_search(ctx, &known, queries, m, k, indices, distances, work);
    dim__keys_free(ctx, &known);
    return status;
}
