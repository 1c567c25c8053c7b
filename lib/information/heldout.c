/* What a critic is worth on rows that it was not trained on.  Each row's own pair stands against its pairs with all other
 * rows, along its row and its column of the scores:
 *
 *     p_i = T_ii - 1/2 ln mean over j != i of e^T_ij - 1/2 ln mean over j != i of e^T_ji
 *
 * For a fixed critic each half is, up to O(1/n), a lower bound that forgives any error in the normalisation (Barber &
 * Agakov 2003, Poole et al. 2019).  Scores are made in blocks of rows, twice: memory does not grow with n^2. */
#include "information/critic.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

enum { BLOCK = 128 };
static const float NEVER = -1e30f; /* e^ of it is 0 */

typedef struct scoring {
    dim_context *ctx;
    const float *x, *y;
    const double *weights;
    int64_t n, width, first, count; /* rows of the block */
    float *t;                       /* (BLOCK, n) */
    float *log_weight;              /* (n), or NULL */
    double *own;                    /* (n) T_ii */
    double *row, *column;           /* (n) ln of the sums of e^T over others, as weighted as they are */
    float *most;                    /* (n) largest so far of a column */
    double *sum;                    /* (n) of e^(T - most) so far */
    double *share_x, *share_y;      /* (n) w of docs/information.md */
    float *spare;                   /* (threads, n) */
} scoring;

static double weight_of(const scoring *s, int64_t i) { return s->weights != NULL ? s->weights[i] : 1; }

static void make_block(scoring *s, int64_t first)
{
    s->first = first;
    s->count = dim__min64(BLOCK, s->n - first);
    dim__gemm(s->ctx, false, true, s->count, s->n, s->width, 1, s->x + first * s->width, s->width, s->y, s->width, 0, s->t, s->n);
}

/* Sums along rows, the own pair left out, and the own pair taken out of the block. */
static void along_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const scoring *s = arg;
    float *spare = s->spare + thread * s->n;
    for (int64_t r = begin; r < end; r++) {
        float *t = s->t + r * s->n, *from = t;
        int64_t i = s->first + r;
        s->own[i] = (double)t[i];
        t[i] = NEVER;
        if (s->log_weight != NULL) {
            for (int64_t j = 0; j < s->n; j++)
                spare[j] = t[j] + s->log_weight[j];
            from = spare;
        }
        float most = s->ctx->kernels->max(from, s->n);
        s->row[i] = (double)most + log(s->ctx->kernels->sum_exp(from, most, s->n));
    }
}

/* Sums along columns so far. */
static void along_columns(void *arg, int64_t begin, int64_t end, int thread)
{
    const scoring *s = arg;
    int64_t n = end - begin;
    float *spare = s->spare + thread * s->n;
    for (int64_t j = begin; j < end; j++)
        spare[j] = s->most[j];
    for (int64_t r = 0; r < s->count; r++) {
        const float *t = s->t + r * s->n, w = s->log_weight != NULL ? s->log_weight[s->first + r] : 0;
        for (int64_t j = begin; j < end; j++)
            spare[j] = t[j] + w > spare[j] ? t[j] + w : spare[j];
    }
    for (int64_t j = begin; j < end; j++) {
        s->sum[j] *= exp((double)s->most[j] - (double)spare[j]);
        s->most[j] = spare[j];
    }
    for (int64_t r = 0; r < s->count; r++) {
        const float *t = s->t + r * s->n, w = s->log_weight != NULL ? s->log_weight[s->first + r] : 0;
        for (int64_t j = begin; j < end; j++)
            spare[j] = t[j] + w - s->most[j];
        s->ctx->kernels->exp(spare + begin, spare + begin, n);
        for (int64_t j = begin; j < end; j++)
            s->sum[j] += (double)spare[j];
    }
}

/* How much of the others' means rows and columns make up. */
static void shares(void *arg, int64_t begin, int64_t end, int thread)
{
    const scoring *s = arg;
    float *spare = s->spare + thread * s->n;
    for (int64_t r = 0; r < s->count; r++) {
        const float *t = s->t + r * s->n;
        int64_t i = s->first + r;
        float row = (float)s->row[i];
        for (int64_t j = begin; j < end; j++)
            spare[j] = t[j] - row;
        s->ctx->kernels->exp(spare + begin, spare + begin, end - begin);
        double w = weight_of(s, i);
        for (int64_t j = begin; j < end; j++)
            s->share_y[j] += w * (double)spare[j];
    }
}

static void shares_of_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const scoring *s = arg;
    float *spare = s->spare + thread * s->n;
    for (int64_t r = begin; r < end; r++) {
        const float *t = s->t + r * s->n;
        for (int64_t j = 0; j < s->n; j++)
            spare[j] = t[j] - (float)s->column[j];
        s->ctx->kernels->exp(spare, spare, s->n);
        double sum = 0;
        for (int64_t j = 0; j < s->n; j++)
            sum += weight_of(s, j) * (double)spare[j];
        s->share_x[s->first + r] = sum;
    }
}

static bool make_room(scoring *s)
{
    size_t n = (size_t)s->n;
    s->t = dim__calloc(s->ctx, BLOCK * sizeof *s->t, n);
    s->spare = dim__calloc(s->ctx, s->ctx->threads * sizeof *s->spare, n);
    s->most = dim__calloc(s->ctx, n, sizeof *s->most);
    s->own = dim__calloc(s->ctx, n, 6 * sizeof *s->own);
    if (s->t == NULL || s->spare == NULL || s->most == NULL || s->own == NULL)
        return false;
    s->row = s->own + n;
    s->column = s->row + n;
    s->sum = s->column + n;
    s->share_x = s->sum + n;
    s->share_y = s->share_x + n;
    if (s->weights == NULL)
        return true;
    s->log_weight = dim__calloc(s->ctx, n, sizeof *s->log_weight);
    for (int64_t i = 0; i < s->n && s->log_weight != NULL; i++)
        s->log_weight[i] = s->weights[i] > 0 ? (float)log(s->weights[i]) : NEVER;
    return s->log_weight != NULL;
}

static void measure(scoring *s, bool influence)
{
    for (int64_t i = 0; i < s->n; i++)
        s->most[i] = NEVER;
    for (int64_t first = 0; first < s->n; first += BLOCK) {
        make_block(s, first);
        dim__parallel(s->ctx, s->count, 8, along_rows, s);
        dim__parallel(s->ctx, s->n, 64, along_columns, s);
    }
    for (int64_t i = 0; i < s->n; i++)
        s->column[i] = (double)s->most[i] + log(s->sum[i]);
    for (int64_t first = 0; first < s->n && influence; first += BLOCK) {
        make_block(s, first);
        for (int64_t r = 0; r < s->count; r++)
            s->t[r * s->n + first + r] = NEVER;
        dim__parallel(s->ctx, s->n, 64, shares, s);
        dim__parallel(s->ctx, s->count, 8, shares_of_rows, s);
    }
}

/* ln(e^a + e^b) */
static double log_add(double a, double b)
{
    double most = fmax(a, b);
    return most + log1p(exp(fmin(a, b) - most));
}

dim_status dim__mi_held_out_score(dim_context *ctx, const float *x, const float *y, const double *weights, int64_t n, int64_t width,
                                  dim__mi_held_out *out)
{
    scoring s = { .ctx = ctx, .x = x, .y = y, .weights = weights, .n = n, .width = width };
    bool room = make_room(&s);
    double all = 0, sum = 0, inclusive = 0;
    for (int64_t i = 0; i < n && room; i++)
        all += weight_of(&s, i);
    if (room)
        measure(&s, out->influence != NULL);
    for (int64_t i = 0; i < n && room; i++) {
        double w = weight_of(&s, i), own = w > 0 ? s.own[i] + log(w) : (double)NEVER, others = log(all - w);
        double p = s.own[i] - (s.row[i] - others) / 2 - (s.column[i] - others) / 2;
        double with = s.own[i] - (log_add(s.row[i], own) + log_add(s.column[i], own)) / 2 + log(all);
        sum += w * p;
        inclusive += w * with;
        if (out->pointwise != NULL)
            out->pointwise[i] = p;
        if (out->inclusive != NULL)
            out->inclusive[i] = with;
        if (out->influence != NULL)
            out->influence[i] = p - (s.share_y[i] - 1) / 2 - (s.share_x[i] - 1) / 2;
    }
    out->score = sum / all;
    out->inclusive_score = inclusive / all;
    dim__free(ctx, s.t);
    dim__free(ctx, s.spare);
    dim__free(ctx, s.most);
    dim__free(ctx, s.own);
    dim__free(ctx, s.log_weight);
    return room ? DIM_OK : DIM_E_NOMEM;
}
