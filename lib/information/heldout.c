/* What a critic is worth on rows that it was not trained on.  Each row's own pair stands against its pairs with all other
 * rows, along its row and its column of the scores:
 *
 *     p_i = T_ii - 1/2 ln mean over j != i of e^T_ij - 1/2 ln mean over j != i of e^T_ji
 *
 * For a fixed critic each half is, up to O(1/n), a lower bound that forgives any error in the normalisation (Barber &
 * Agakov 2003, Poole et al. 2019).  Scores are made in tiles that stay in a processor's own cache, twice: memory does not
 * grow with n^2. */
#include "information/critic.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

enum { MOST_ROWS = 128, MOST_COLUMNS = 1024, GROUP = 4 }; /* of a tile; rows that are summed at once */
static const float NEVER = -1e30f; /* e^ of it is 0 */

typedef struct scoring {
    dim_context *ctx;
    const float *x, *y;
    const double *weights;
    int64_t n, width;
    int64_t rows, columns;          /* of most tiles */
    int64_t row, count, column, across; /* of this one: its first row and column, and how many of them */
    float *t;                       /* (count, columns): the tile, its own pairs taken out */
    float *log_weight, *weight;     /* (n), or NULL */
    double *own;                    /* (n) T_ii */
    double *by_row, *by_column;     /* (n) sums of e^(T - most) over others, weighted as these are; then ln of the sums of e^T */
    float *most_row, *most_column;  /* (n) largest so far; then the logarithms again */
    double *share_x, *share_y;      /* (n) w of docs/information.md */
    float *spare;                   /* (threads, GROUP + 1, columns) */
} scoring;

/* Parts of [0, n), about as large as each other, at most `most` and a multiple of `unit`. */
static int64_t even_part(int64_t n, int64_t most, int64_t unit)
{
    int64_t parts = (n + most - 1) / most, part = (n + parts - 1) / parts;
    return (part + unit - 1) / unit * unit;
}

static double weight_of(const scoring *s, int64_t i) { return s->weights != NULL ? s->weights[i] : 1; }

static void make_tile(scoring *s, int64_t row, int64_t column)
{
    s->row = row;
    s->column = column;
    s->count = dim__min64(s->rows, s->n - row);
    s->across = dim__min64(s->columns, s->n - column);
    dim__gemm(s->ctx, false, true, s->count, s->across, s->width, 1, s->x + row * s->width, s->width, s->y + column * s->width,
              s->width, 0, s->t, s->columns);
    for (int64_t i = dim__max64(row, column); i < dim__min64(row + s->count, column + s->across); i++) {
        float *t = s->t + (i - row) * s->columns + i - column;
        s->own[i] = (double)*t;
        *t = NEVER;
    }
}

/* Sums so far along rows. */
static void along_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const scoring *s = arg;
    const dim__kernels *kernels = s->ctx->kernels;
    float *spare = s->spare + thread * (GROUP + 1) * s->columns;
    for (int64_t r = begin; r < end; r++) {
        const float *t = s->t + r * s->columns;
        int64_t i = s->row + r;
        if (s->log_weight != NULL) {
            kernels->add(spare, t, s->log_weight + s->column, s->across);
            t = spare;
        }
        float before = s->most_row[i], most = kernels->max(t, s->across);
        s->most_row[i] = most = most > before ? most : before;
        s->by_row[i] = s->by_row[i] * exp((double)before - (double)most) + kernels->sum_exp(t, most, s->across);
    }
}

/* Columns begin ... end - 1 of a group of rows, weighted, and how far these lie apart. */
static const float *group_of(const scoring *s, int64_t r, int64_t count, int64_t begin, int64_t end, float *spare, int64_t *stride)
{
    *stride = s->columns;
    if (s->log_weight == NULL)
        return s->t + r * s->columns + begin;
    for (int64_t k = 0; k < count; k++)
        s->ctx->kernels->affine(spare + k * s->columns, s->t + (r + k) * s->columns + begin, 1, s->log_weight[s->row + r + k], end - begin);
    return spare;
}

/* Sums so far along columns. */
static void along_columns(void *arg, int64_t begin, int64_t end, int thread)
{
    const scoring *s = arg;
    const dim__kernels *kernels = s->ctx->kernels;
    float *spare = s->spare + thread * (GROUP + 1) * s->columns, *most = spare + GROUP * s->columns;
    double *sum = s->by_column + s->column + begin;
    int64_t n = end - begin, stride;
    memcpy(most, s->most_column + s->column + begin, (size_t)n * sizeof *most);
    for (int64_t r = 0; r < s->count; r += GROUP) {
        int64_t count = dim__min64(GROUP, s->count - r);
        const float *t = group_of(s, r, count, begin, end, spare, &stride);
        kernels->col_max(most, t, stride, count, n);
    }
    for (int64_t j = 0; j < n; j++) {
        float *before = s->most_column + s->column + begin + j;
        sum[j] *= exp((double)*before - (double)most[j]);
        *before = most[j];
    }
    for (int64_t r = 0; r < s->count; r += GROUP) {
        int64_t count = dim__min64(GROUP, s->count - r);
        const float *t = group_of(s, r, count, begin, end, spare, &stride);
        for (int64_t k = 0; k < count; k++)
            kernels->exp_from(spare + k * n, t + k * stride, most, n);
        kernels->col_sum(sum, spare, count, n);
    }
}

/* How much of the others' means rows and columns make up. */
static void shares_of_columns(void *arg, int64_t begin, int64_t end, int thread)
{
    const scoring *s = arg;
    float *spare = s->spare + thread * (GROUP + 1) * s->columns;
    for (int64_t r = 0; r < s->count; r += GROUP) {
        int64_t count = dim__min64(GROUP, s->count - r);
        for (int64_t k = 0; k < count; k++) {
            int64_t i = s->row + r + k;
            s->ctx->kernels->exp_shift(spare + k * (end - begin), s->t + (r + k) * s->columns + begin, s->most_row[i],
                                       s->weight != NULL ? s->weight[i] : 1, end - begin);
        }
        s->ctx->kernels->col_sum(s->share_y + s->column + begin, spare, count, end - begin);
    }
}

static void shares_of_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const scoring *s = arg;
    const dim__kernels *kernels = s->ctx->kernels;
    float *spare = s->spare + thread * (GROUP + 1) * s->columns;
    for (int64_t r = begin; r < end; r++) {
        kernels->exp_from(spare, s->t + r * s->columns, s->most_column + s->column, s->across);
        s->share_x[s->row + r] += s->weight != NULL ? kernels->dot(spare, s->weight + s->column, s->across)
                                                    : kernels->sum(spare, s->across);
    }
}

static bool make_room(scoring *s)
{
    size_t n = (size_t)s->n, columns;
    s->rows = even_part(s->n, MOST_ROWS, 1);
    s->columns = even_part(s->n, MOST_COLUMNS, 16);
    columns = (size_t)s->columns;
    s->t = dim__calloc(s->ctx, (size_t)s->rows * sizeof *s->t, columns);
    s->spare = dim__calloc(s->ctx, s->ctx->threads * (GROUP + 1) * sizeof *s->spare, columns);
    s->most_row = dim__calloc(s->ctx, n, 2 * sizeof *s->most_row);
    s->own = dim__calloc(s->ctx, n, 5 * sizeof *s->own);
    if (s->t == NULL || s->spare == NULL || s->most_row == NULL || s->own == NULL)
        return false;
    s->most_column = s->most_row + n;
    s->by_row = s->own + n;
    s->by_column = s->by_row + n;
    s->share_x = s->by_column + n;
    s->share_y = s->share_x + n;
    if (s->weights == NULL)
        return true;
    s->weight = dim__calloc(s->ctx, n, 2 * sizeof *s->weight);
    s->log_weight = DIM__BEHIND(s->weight, s->n);
    for (int64_t i = 0; i < s->n && s->weight != NULL; i++) {
        s->weight[i] = (float)s->weights[i];
        s->log_weight[i] = s->weights[i] > 0 ? (float)log(s->weights[i]) : NEVER;
    }
    return s->weight != NULL;
}

static void each_tile(scoring *s, void (*by_rows)(void *, int64_t, int64_t, int), void (*by_columns)(void *, int64_t, int64_t, int))
{
    for (int64_t row = 0; row < s->n; row += s->rows)
        for (int64_t column = 0; column < s->n; column += s->columns) {
            make_tile(s, row, column);
            dim__parallel(s->ctx, s->count, 8, by_rows, s);
            dim__parallel(s->ctx, s->across, 64, by_columns, s);
        }
}

static void measure(scoring *s, bool influence)
{
    for (int64_t i = 0; i < s->n; i++)
        s->most_row[i] = s->most_column[i] = NEVER;
    each_tile(s, along_rows, along_columns);
    for (int64_t i = 0; i < s->n; i++) {
        s->by_row[i] = (double)s->most_row[i] + log(s->by_row[i]);
        s->by_column[i] = (double)s->most_column[i] + log(s->by_column[i]);
        s->most_row[i] = (float)s->by_row[i];
        s->most_column[i] = (float)s->by_column[i];
    }
    if (influence)
        each_tile(s, shares_of_rows, shares_of_columns);
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
        double p = s.own[i] - (s.by_row[i] - others) / 2 - (s.by_column[i] - others) / 2;
        double with = s.own[i] - (log_add(s.by_row[i], own) + log_add(s.by_column[i], own)) / 2 + log(all);
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
    dim__free(ctx, s.most_row);
    dim__free(ctx, s.own);
    dim__free(ctx, s.weight);
    return room ? DIM_OK : DIM_E_NOMEM;
}
