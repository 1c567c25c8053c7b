/* What the critic's networks see of a side: the normal scores of its columns, labels as zeros and ones, and two log radii,
 * which make a scale that columns have in common a linear matter.  All are functions of the side. */
#include "information/critic.h"

#include "base/math.h"
#include "eval/eval.h"
#include "information/sort.h"
#include "information/special.h"
#include "kernels/gemm.h"

#include <stdlib.h>

enum { MOST_LABELS = 256 };

typedef struct building {
    const dim__mi *m;
    dim__mi_inputs *in;
    int side;            /* 0 or 1 */
    int64_t room, used;  /* columns */
    double *column;      /* (n) */
} building;

static bool one_hot(const dim__mi_side *s, const dim__mi_column *c)
{
    return c->kind == DIM_INFORMATION_KIND_UNORDERED || (s->discrete && c->distinct <= MOST_LABELS);
}

static void put_column(building *b, const double *column)
{
    for (int64_t i = 0; i < b->m->n; i++)
        b->in->x[b->side][i * b->room + b->used] = (float)column[i];
    b->used++;
}

/* Normal scores of numbers, equal ones sharing theirs. */
static dim_status put_scores_of(building *b, double *x)
{
    int64_t n = b->m->n;
    uint64_t *key = dim__calloc(b->m->ctx, (size_t)n, sizeof *key);
    int32_t *order = dim__calloc(b->m->ctx, (size_t)n, 3 * sizeof *order);
    dim__mi_column c = { .code = DIM__BEHIND(order, 2 * n) };
    dim_status status = key == NULL || order == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t i = 0; i < n && status == DIM_OK; i++)
        key[i] = dim__key_of_double(x[i]);
    if (status == DIM_OK) {
        dim__sort_keys(key, n, order, order + n);
        c.distinct = dim__code_keys(key, n, order, c.code);
        status = dim__mi_scores(b->m, &c, x);
    }
    dim__free(b->m->ctx, key);
    dim__free(b->m->ctx, order);
    if (status == DIM_OK && c.distinct > 1)
        put_column(b, x);
    return status;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int64_t n)
{
    qsort(x, (size_t)n, sizeof *x, by_size);
    return n % 2 == 1 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* Adds ((x - median) / (1.4826 MAD))^2 to sum; columns that are constant for more than half of the rows have no such scale. */
static void add_raw_radius(const double *x, int64_t n, double *spare, double *sum)
{
    memcpy(spare, x, (size_t)n * sizeof *spare);
    double middle = median(spare, n);
    for (int64_t i = 0; i < n; i++)
        spare[i] = fabs(x[i] - middle);
    double scale = 1.4826 * median(spare, n);
    for (int64_t i = 0; i < n && scale > 0; i++) {
        double away = (x[i] - middle) / scale;
        sum[i] += fmin(away * away, 1e200);
    }
}

static dim_status put_raw_radius(building *b, const dim__mi_side *s)
{
    int64_t n = b->m->n;
    double *sum = dim__calloc(b->m->ctx, (size_t)n, 2 * sizeof *sum);
    if (sum == NULL)
        return DIM_E_NOMEM;
    for (int64_t j = 0; j < s->d; j++)
        if (!one_hot(s, &s->columns[j]))
            add_raw_radius(s->columns[j].value, n, sum + n, sum);
    dim_status status = put_scores_of(b, sum);
    dim__free(b->m->ctx, sum);
    return status;
}

/* Squared lengths of the scores' rows by the inverse of their covariance. */
static dim_status put_radius(building *b, int64_t first, int64_t d)
{
    dim_context *ctx = b->m->ctx;
    int64_t n = b->m->n;
    double *z = dim__calloc(ctx, (size_t)d * sizeof *z, (size_t)n), *w = dim__calloc(ctx, (size_t)d * sizeof *w, (size_t)n);
    double *s = dim__calloc(ctx, (size_t)d * sizeof *s, (size_t)d), *sum = dim__calloc(ctx, (size_t)n, sizeof *sum);
    dim_status status = z == NULL || w == NULL || s == NULL || sum == NULL ? DIM_E_NOMEM : DIM_OK;
    if (status == DIM_OK) {
        for (int64_t j = 0; j < d; j++)
            for (int64_t i = 0; i < n; i++)
                z[j * n + i] = (double)b->in->x[b->side][i * b->room + first + j];
        dim__dgemm(ctx, false, true, d, d, n, 1 / (double)n, z, n, z, n, 0, s, d);
        for (int64_t j = 0; j < d; j++)
            s[j * d + j] += 1e-6; /* columns that others explain */
        memcpy(w, z, (size_t)(d * n) * sizeof *w);
        bool definite = false;
        status = dim__mi_factor(ctx, s, d, &definite);
        if (status == DIM_OK && definite)
            dim__cholesky_solve(ctx, s, d, d, w, n);
        for (int64_t j = 0; j < d; j++)
            for (int64_t i = 0; i < n; i++)
                sum[i] += z[j * n + i] * w[j * n + i];
        if (status == DIM_OK)
            status = put_scores_of(b, sum);
    }
    dim__free(ctx, z);
    dim__free(ctx, w);
    dim__free(ctx, s);
    dim__free(ctx, sum);
    return status;
}

static void put_labels(building *b, const dim__mi_column *c)
{
    for (int64_t k = 1; k < c->distinct; k++) {
        for (int64_t i = 0; i < b->m->n; i++)
            b->column[i] = c->code[i] == k;
        put_column(b, b->column);
    }
}

static dim_status put_columns(building *b, const dim__mi_side *s, bool labels)
{
    for (int64_t j = 0; j < s->d; j++) {
        if (one_hot(s, &s->columns[j]) != labels)
            continue;
        if (labels) {
            put_labels(b, &s->columns[j]);
            continue;
        }
        DIM__TRY(dim__mi_scores(b->m, &s->columns[j], b->column));
        put_column(b, b->column);
    }
    return DIM_OK;
}

/* Scores of all sides of the set first, then labels, then radii. */
static dim_status put_sides(building *b, uint32_t sides)
{
    int64_t first[DIM__MI_SIDES + 1] = { 0 };
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        if (sides >> k & 1)
            DIM__TRY(put_columns(b, &b->m->side[k], false));
        first[k + 1] = b->used;
    }
    for (int k = 0; k < DIM__MI_SIDES; k++)
        if (sides >> k & 1)
            DIM__TRY(put_columns(b, &b->m->side[k], true));
    b->in->plain[b->side] = b->used;
    for (int k = 0; k < DIM__MI_SIDES; k++)
        if ((sides >> k & 1) && first[k + 1] > first[k]) {
            DIM__TRY(put_radius(b, first[k], first[k + 1] - first[k]));
            DIM__TRY(put_raw_radius(b, &b->m->side[k]));
        }
    return DIM_OK;
}

/* Rows closer together, where fewer columns came than there was room for. */
static void tighten(building *b)
{
    float *x = b->in->x[b->side];
    for (int64_t i = 1; i < b->m->n && b->used < b->room; i++)
        memmove(x + i * b->used, x + i * b->room, (size_t)b->used * sizeof *x);
    b->in->d[b->side] = b->used;
}

dim_status dim__mi_inputs_make(const dim__mi *m, const uint32_t sides[2], dim__mi_inputs *out)
{
    *out = (dim__mi_inputs){ .n = m->n };
    for (int side = 0; side < 2; side++) {
        building b = { .m = m, .in = out, .side = side, .column = dim__calloc(m->ctx, (size_t)m->n, sizeof(double)) };
        for (int k = 0; k < DIM__MI_SIDES; k++)
            for (int64_t j = 0; j < m->side[k].d && (sides[side] >> k & 1); j++)
                b.room += (one_hot(&m->side[k], &m->side[k].columns[j]) ? m->side[k].columns[j].distinct : 1) + (j == 0 ? 2 : 0);
        out->x[side] = dim__calloc(m->ctx, (size_t)b.room * sizeof(float), (size_t)m->n);
        dim_status status = b.column == NULL || out->x[side] == NULL ? DIM_E_NOMEM : DIM_OK;
        if (status == DIM_OK)
            status = put_sides(&b, sides[side]);
        if (status == DIM_OK)
            tighten(&b);
        dim__free(m->ctx, b.column);
        DIM__TRY(status);
    }
    return DIM_OK;
}

void dim__mi_inputs_free(const dim__mi *m, dim__mi_inputs *in)
{
    for (int side = 0; side < 2; side++)
        dim__free(m->ctx, in->x[side]);
}
