/* Nearest rows.  Blocks of queries meet blocks of keys in a matrix product, so memory does not grow with their numbers;
 * a few more candidates than asked for are kept of every query, and ranked again by scores in double. */
#include "base/math.h"
#include "base/pool.h"
#include "eval/eval.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

enum {
    QUERIES = 2048,      /* a block, less when many neighbours are asked for */
    KEYS = 1024,
    EXTRA = 16,          /* candidates beyond k: what rounding may push down */
    CANDIDATES = 1 << 20 /* of a block of queries */
};

static const double TINY = 1e-12; /* least norm, as in PyTorch's normalize */

typedef struct candidate {
    double score; /* larger is nearer */
    int64_t index;
} candidate;

typedef struct search {
    dim_context *ctx;
    bool cosine;
    const float *queries, *keys;
    int64_t n, d, k, keep;    /* keep: candidates of each query */
    float *centre;            /* Euclidean: a point amid the keys */
    float *q, *b;             /* (QUERIES, d), (KEYS, d): prepared rows of both blocks */
    double *scale, *shift;    /* (KEYS): score = scale q.b - shift */
    float *scores;            /* (QUERIES, KEYS) */
    candidate *heap;          /* (QUERIES, keep), the worst on top */
    int64_t *held;            /* (QUERIES): candidates so far */
    int64_t q_first, b_first, b_count;
    int64_t *indices;
} search;

static bool worse(candidate a, candidate b)
{
    return a.score < b.score || (a.score == b.score && a.index > b.index);
}

static void sift_down(candidate *heap, int64_t n, int64_t i)
{
    candidate moving = heap[i];
    for (int64_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && worse(heap[child + 1], heap[child]))
            child++;
        if (!worse(heap[child], moving))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moving;
}

static void sift_up(candidate *heap, int64_t i)
{
    candidate moving = heap[i];
    for (; i > 0 && worse(moving, heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = moving;
}

/* What is done to rows before the product is exact wherever it can be, so that equal distances stay equal.
 * Cosine: the row times a power of two that keeps squares in range; returns 1 / its norm.
 * Euclidean: the row less the centre; returns half its square, since q.b - |b|^2 / 2 orders by distance. */
static double prepare(const search *s, const float *x, float *out)
{
    if (s->cosine) {
        double norm = sqrt(s->ctx->kernels->sum_sq(x, s->d));
        norm = norm > TINY ? norm : TINY;
        int exponent = isfinite(norm) ? ilogb(norm) : 127;
        s->ctx->kernels->affine(out, x, ldexpf(1, -exponent), 0, s->d);
        return 1 / ldexp(norm, -exponent);
    }
    for (int64_t j = 0; j < s->d; j++)
        out[j] = x[j] - s->centre[j];
    return s->ctx->kernels->sum_sq(out, s->d) / 2;
}

static void prepare_queries(void *arg, int64_t begin, int64_t end, int thread)
{
    const search *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        (void)prepare(s, s->queries + (s->q_first + i) * s->d, s->q + i * s->d);
        s->held[i] = 0;
    }
}

static void prepare_keys(void *arg, int64_t begin, int64_t end, int thread)
{
    const search *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        double value = prepare(s, s->keys + (s->b_first + i) * s->d, s->b + i * s->d);
        s->scale[i] = s->cosine ? value : 1;
        s->shift[i] = s->cosine ? 0 : value;
    }
}

static void select_best(void *arg, int64_t begin, int64_t end, int thread)
{
    const search *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        candidate *heap = s->heap + i * s->keep;
        const float *row = s->scores + i * KEYS;
        for (int64_t j = 0; j < s->b_count; j++) {
            double score = s->scale[j] * (double)row[j] - s->shift[j];
            candidate c = {score >= -(double)INFINITY ? score : -(double)INFINITY, s->b_first + j}; /* NaN is far */
            if (s->held[i] < s->keep) {
                heap[s->held[i]] = c;
                sift_up(heap, s->held[i]++);
            } else if (worse(heap[0], c)) {
                heap[0] = c;
                sift_down(heap, s->keep, 0);
            }
        }
    }
}

/* In double and in an order that depends on the features alone, so that equal rows have equal scores. */
static double exact_score(const search *s, const float *q, const float *b)
{
    double products[8] = {0}, squares[8] = {0}, product = 0, square = 0;
    int64_t j = 0;
    for (; j + 8 <= s->d; j += 8)
        for (int l = 0; l < 8; l++) {
            double x = (double)q[j + l], y = (double)b[j + l];
            products[l] += x * y;
            squares[l] += s->cosine ? y * y : (x - y) * (x - y);
        }
    for (; j < s->d; j++) {
        double x = (double)q[j], y = (double)b[j];
        products[0] += x * y;
        squares[0] += s->cosine ? y * y : (x - y) * (x - y);
    }
    for (int l = 0; l < 8; l++) {
        product += products[l];
        square += squares[l];
    }
    double norm = sqrt(square);
    return s->cosine ? product / (norm > TINY ? norm : TINY) : -square;
}

static void rank(void *arg, int64_t begin, int64_t end, int thread)
{
    const search *s = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        candidate *heap = s->heap + i * s->keep;
        int64_t *out = s->indices + (s->q_first + i) * s->k;
        for (int64_t c = 0; c < s->keep; c++)
            heap[c].score = exact_score(s, s->queries + (s->q_first + i) * s->d, s->keys + heap[c].index * s->d);
        for (int64_t c = s->keep / 2 - 1; c >= 0; c--)
            sift_down(heap, s->keep, c);
        for (int64_t left = s->keep; left > 0; left--) { /* the worst comes off first */
            if (left <= s->k)
                out[left - 1] = heap[0].index;
            heap[0] = heap[left - 1];
            sift_down(heap, left - 1, 0);
        }
    }
}

/* Distances are taken around the keys' mean, lest a common offset drown them; the mean is rounded to the power of two
 * next to the deviation, so that taking it off loses no digit (and small integers stay such). */
static dim_status find_centre(search *s)
{
    double *mean = dim__calloc(s->ctx, (size_t)s->d * 2, sizeof *mean), *squares = mean + s->d;
    if (mean == NULL)
        return DIM_E_NOMEM;
    s->ctx->kernels->col_moments(mean, squares, s->keys, s->n, s->d);
    for (int64_t j = 0; j < s->d; j++) {
        double deviation = sqrt(squares[j] / (double)s->n);
        double grid = deviation > 0 && isfinite(deviation) ? ldexp(1, ilogb(deviation) + 1) : 0;
        s->centre[j] = (float)(grid > 0 ? nearbyint(mean[j] / grid) * grid : mean[j]);
    }
    dim__free(s->ctx, mean);
    return DIM_OK;
}

static void search_block(search *s, int64_t queries)
{
    int64_t grain = 1 + 16384 / s->d;
    dim__parallel(s->ctx, queries, grain, prepare_queries, s);
    for (s->b_first = 0; s->b_first < s->n; s->b_first += KEYS) {
        s->b_count = dim__min64(KEYS, s->n - s->b_first);
        dim__parallel(s->ctx, s->b_count, grain, prepare_keys, s);
        dim__gemm(s->ctx, false, true, queries, s->b_count, s->d, 1, s->q, s->d, s->b, s->d, 0, s->scores, KEYS);
        dim__parallel(s->ctx, queries, 16, select_best, s);
    }
    dim__parallel(s->ctx, queries, 4, rank, s);
}

dim_status dim__neighbors(dim_context *ctx, bool cosine, const float *queries, int64_t m, const float *keys, int64_t n,
                          int64_t d, int64_t k, int64_t *indices)
{
    dim_status status = DIM_E_NOMEM;
    search s = {.ctx = ctx, .cosine = cosine, .queries = queries, .keys = keys, .n = n, .d = d, .k = k,
                .keep = dim__min64(n, k + EXTRA), .indices = indices};
    int64_t block = dim__min64(dim__min64(m, QUERIES), dim__max64(1, CANDIDATES / s.keep));
    int64_t key_block = dim__min64(n, KEYS);
    s.centre = dim__calloc(ctx, (size_t)d, sizeof *s.centre);
    s.q = dim__calloc(ctx, (size_t)block, (size_t)d * sizeof *s.q);
    s.b = dim__calloc(ctx, (size_t)key_block, (size_t)d * sizeof *s.b);
    s.scale = dim__calloc(ctx, (size_t)key_block, sizeof *s.scale);
    s.shift = dim__calloc(ctx, (size_t)key_block, sizeof *s.shift);
    s.scores = dim__calloc(ctx, (size_t)block, KEYS * sizeof *s.scores);
    s.heap = dim__calloc(ctx, (size_t)block, (size_t)s.keep * sizeof *s.heap);
    s.held = dim__calloc(ctx, (size_t)block, sizeof *s.held);
    if (s.centre == NULL || s.q == NULL || s.b == NULL || s.scale == NULL || s.shift == NULL || s.scores == NULL ||
        s.heap == NULL || s.held == NULL)
        goto done;
    if (!cosine)
        DIM__TRY_OR(done, find_centre(&s));
    for (s.q_first = 0; s.q_first < m; s.q_first += block)
        search_block(&s, dim__min64(block, m - s.q_first));
    status = DIM_OK;
done:
    dim__free(ctx, s.centre);
    dim__free(ctx, s.q);
    dim__free(ctx, s.b);
    dim__free(ctx, s.scale);
    dim__free(ctx, s.shift);
    dim__free(ctx, s.scores);
    dim__free(ctx, s.heap);
    dim__free(ctx, s.held);
    return status;
}
