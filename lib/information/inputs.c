/* What the critic's networks see of a side: the normal scores of its columns, labels as zeros and ones, and two log radii,
 * which make a scale that columns have in common a linear matter.  All are functions of the side. */
#include "information/critic.h"

#include "base/math.h"
#include "information/sort.h"
#include "information/special.h"
#include "kernels/gemm.h"

enum { MOST_LABELS = 256, MOST_PAIRS = 16 };

typedef struct building {
    const dim__mi *m;
    dim__mi_inputs *in;
    int side;            /* 0 or 1 */
    int64_t room, used;  /* columns */
    double *column;      /* (n) */
    double *even;        /* scores of columns without ties, once there was one */
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

/* The column that was put last comes from x (n) by ranks; code and distinct as of a column. */
static dim_status remember(building *b, dim__mi_feature f, const double *x, const int32_t *code, int64_t distinct, const double *scores)
{
    double *value = dim__calloc(b->m->ctx, (size_t)distinct, 2 * sizeof *value), *score = DIM__BEHIND(value, distinct);
    dim_status status = value == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t i = 0; i < b->m->n && status == DIM_OK; i++) {
        value[code[i]] = x[i];
        score[code[i]] = scores[i];
    }
    if (status == DIM_OK)
        status = dim__smooth_make(b->m->ctx, value, score, distinct, &f.curve);
    dim__free(b->m->ctx, value);
    b->in->feature[b->side][b->used - 1] = f; /* also after a failure: its matrix is freed there */
    return status;
}

/* Normal scores of squared radii x (n), equal ones sharing theirs.  f's matrix is taken. */
static dim_status put_scores_of(building *b, double *x, dim__mi_feature f)
{
    int64_t n = b->m->n;
    uint64_t *key = dim__calloc(b->m->ctx, (size_t)n, sizeof *key);
    int32_t *order = dim__calloc(b->m->ctx, (size_t)n, 3 * sizeof *order);
    double *scores = dim__calloc(b->m->ctx, (size_t)n, sizeof *scores);
    dim__mi_column c = { .code = DIM__BEHIND(order, 2 * n) };
    dim_status status = key == NULL || order == NULL || scores == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t i = 0; i < n && status == DIM_OK; i++)
        key[i] = dim__key_of_double(x[i]);
    if (status == DIM_OK) {
        dim__sort_keys(key, n, order, order + n);
        c.distinct = dim__code_keys(key, n, order, c.code);
        status = dim__mi_scores_kept(b->m, &c, &b->even, scores);
    }
    if (status == DIM_OK && c.distinct > 1) {
        put_column(b, scores);
        status = remember(b, f, x, c.code, c.distinct, scores);
    } else {
        dim__free(b->m->ctx, f.matrix);
    }
    dim__free(b->m->ctx, key);
    dim__free(b->m->ctx, order);
    dim__free(b->m->ctx, scores);
    return status;
}

/* x (n) is reordered so that x[k] is what it would be if sorted, with none above it before it (Hoare). */
static double nth(double *x, int64_t n, int64_t k)
{
    for (int64_t low = 0, high = n - 1; low < high;) {
        double pivot = x[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            for (; x[i] < pivot; i++)
                continue;
            for (; x[j] > pivot; j--)
                continue;
            if (i <= j) {
                double swap = x[i];
                x[i++] = x[j];
                x[j--] = swap;
            }
        }
        high = k <= j ? j : high;
        low = k >= i ? i : low;
        if (k > j && k < i)
            break;
    }
    return x[k];
}

static double median(double *x, int64_t n)
{
    double upper = nth(x, n, n / 2);
    if (n % 2 == 1)
        return upper;
    double lower = x[0];
    for (int64_t i = 1; i < n / 2; i++)
        lower = fmax(lower, x[i]);
    return (lower + upper) / 2;
}

void dim__mi_scale(const double *x, int64_t n, double *spare, double *middle, double *scale)
{
    memcpy(spare, x, (size_t)n * sizeof *spare);
    *middle = median(spare, n);
    for (int64_t i = 0; i < n; i++)
        spare[i] = fabs(x[i] - *middle);
    *scale = 1.4826 * median(spare, n);
}

/* Adds ((x - median) / (1.4826 MAD))^2 to sum; columns that are constant for more than half of the rows have no such scale. */
static void add_raw_radius(const double *x, int64_t n, double *spare, double *sum, double *middle, double *scale)
{
    dim__mi_scale(x, n, spare, middle, scale);
    for (int64_t i = 0; i < n && *scale > 0; i++) {
        double away = (x[i] - *middle) / *scale;
        sum[i] += fmin(away * away, 1e200);
    }
}

static dim_status put_raw_radius(building *b, const dim__mi_side *s)
{
    int64_t n = b->m->n;
    double *sum = dim__calloc(b->m->ctx, (size_t)n, 2 * sizeof *sum);
    double *scales = dim__calloc(b->m->ctx, (size_t)s->d, 2 * sizeof *scales);
    bool room = sum != NULL && scales != NULL;
    for (int64_t j = 0; j < s->d && room; j++)
        if (!one_hot(s, &s->columns[j]))
            add_raw_radius(s->columns[j].value, n, sum + n, sum, &scales[j], &scales[s->d + j]);
    dim_status status = room ? put_scores_of(b, sum, (dim__mi_feature){ .kind = DIM__MI_RAW_RADIUS, .d = s->d, .matrix = scales })
                             : DIM_E_NOMEM;
    if (!room)
        dim__free(b->m->ctx, scales);
    dim__free(b->m->ctx, sum);
    return status;
}

/* Squared lengths of the scores' rows by the inverse of their covariance. */
static dim_status put_radius(building *b, int64_t first, int64_t d)
{
    dim_context *ctx = b->m->ctx;
    int64_t n = b->m->n;
    double *z = dim__calloc(ctx, (size_t)d * sizeof *z, (size_t)n);
    double *s = dim__calloc(ctx, (size_t)d * sizeof *s, (size_t)d), *sum = dim__calloc(ctx, (size_t)n, sizeof *sum);
    dim_status status = z == NULL || s == NULL || sum == NULL ? DIM_E_NOMEM : DIM_OK;
    if (status == DIM_OK) {
        for (int64_t j = 0; j < d; j++)
            for (int64_t i = 0; i < n; i++)
                z[j * n + i] = (double)b->in->x[b->side][i * b->room + first + j];
        dim__dgemm(ctx, false, true, d, d, n, 1 / (double)n, z, n, z, n, 0, s, d);
        for (int64_t j = 0; j < d; j++)
            s[j * d + j] += 1e-6; /* columns that others explain */
        bool definite = false;
        status = dim__mi_factor(ctx, s, d, &definite);
        for (int64_t j = 0; j < d * d && !definite; j++) /* cannot be, but for rounding */
            s[j] = j % (d + 1) == 0;
        if (status == DIM_OK)
            status = dim__mi_add_lengths(ctx, s, d, z, NULL, n, 1, sum);
        if (status == DIM_OK) {
            status = put_scores_of(b, sum, (dim__mi_feature){ .kind = DIM__MI_RADIUS, .first = first, .d = d, .matrix = s });
            s = NULL;
        }
    }
    dim__free(ctx, z);
    dim__free(ctx, s);
    dim__free(ctx, sum);
    return status;
}

static void put_labels(building *b, const dim__mi_column *c, int64_t number)
{
    for (int64_t k = 1; k < c->distinct; k++) {
        dim__mi_feature f = { .kind = DIM__MI_LABEL, .column = number };
        for (int64_t i = 0; i < b->m->n; i++) {
            b->column[i] = c->code[i] == k;
            f.label = c->code[i] == k ? c->value[i] : f.label;
        }
        put_column(b, b->column);
        b->in->feature[b->side][b->used - 1] = f;
    }
}

static dim_status put_columns(building *b, const dim__mi_side *s, bool labels)
{
    for (int64_t j = 0; j < s->d; j++) {
        if (one_hot(s, &s->columns[j]) != labels)
            continue;
        if (labels) {
            put_labels(b, &s->columns[j], j);
            continue;
        }
        const dim__mi_column *c = &s->columns[j];
        DIM__TRY(dim__mi_scores_kept(b->m, c, &b->even, b->column));
        put_column(b, b->column);
        DIM__TRY(remember(b, (dim__mi_feature){ .kind = DIM__MI_SCORE, .column = j }, c->value, c->code, c->distinct, b->column));
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

static dim_status begin(building *b)
{
    dim_context *ctx = b->m->ctx;
    b->column = dim__calloc(ctx, (size_t)b->m->n, sizeof *b->column);
    b->in->x[b->side] = dim__calloc(ctx, (size_t)b->room * sizeof(float), (size_t)b->m->n);
    b->in->feature[b->side] = dim__calloc(ctx, (size_t)b->room, sizeof(dim__mi_feature));
    return b->column == NULL || b->in->x[b->side] == NULL || b->in->feature[b->side] == NULL ? DIM_E_NOMEM : DIM_OK;
}

/* Rows closer together, where fewer columns came than there was room for. */
static void finish(building *b)
{
    float *x = b->in->x[b->side];
    for (int64_t i = 1; i < b->m->n && b->used < b->room && x != NULL; i++)
        memmove(x + i * b->used, x + i * b->room, (size_t)b->used * sizeof *x);
    b->in->d[b->side] = b->used;
    dim__free(b->m->ctx, b->column);
    dim__free(b->m->ctx, b->even);
}

dim_status dim__mi_inputs_make(const dim__mi *m, const uint32_t sides[2], dim__mi_inputs *out)
{
    *out = (dim__mi_inputs){ .n = m->n };
    for (int side = 0; side < 2; side++) {
        building b = { .m = m, .in = out, .side = side };
        for (int k = 0; k < DIM__MI_SIDES; k++)
            for (int64_t j = 0; j < m->side[k].d && (sides[side] >> k & 1); j++)
                b.room += (one_hot(&m->side[k], &m->side[k].columns[j]) ? m->side[k].columns[j].distinct : 1) + (j == 0 ? 2 : 0);
        dim_status status = begin(&b);
        if (status == DIM_OK)
            status = put_sides(&b, sides[side]);
        finish(&b);
        DIM__TRY(status);
    }
    return DIM_OK;
}

/* ---- narrow inputs ---------------------------------------------------------------------------------------------------- */

static dim_status copy_pairs(dim_context *ctx, const dim__mi_base *from, dim__mi_base *to)
{
    *to = (dim__mi_base){ .d = { from->d[0], from->d[1] }, .kept = dim__min64(from->kept, MOST_PAIRS) };
    for (int side = 0; side < 2; side++) {
        size_t d = (size_t)from->d[side], kept = (size_t)to->kept;
        to->mean[side] = dim__calloc(ctx, d, sizeof(double));
        to->direction[side] = dim__calloc(ctx, kept, d * sizeof(double));
        if (to->mean[side] == NULL || to->direction[side] == NULL)
            return DIM_E_NOMEM;
        memcpy(to->mean[side], from->mean[side], d * sizeof(double));
        memcpy(to->direction[side], from->direction[side], kept * d * sizeof(double));
    }
    return DIM_OK;
}

static dim_status put_pairs(building *b, const dim__mi_inputs *wide, const dim__mi_base *pairs)
{
    int64_t d = pairs->d[b->side];
    for (int64_t k = 0; k < pairs->kept; k++) {
        const double *direction = pairs->direction[b->side] + k * d;
        for (int64_t i = 0; i < b->m->n; i++) {
            const float *x = wide->x[b->side] + i * wide->d[b->side];
            b->column[i] = 0;
            for (int64_t j = 0; j < d; j++)
                b->column[i] += direction[j] * ((double)x[j] - pairs->mean[b->side][j]);
        }
        DIM__TRY(put_scores_of(b, b->column, (dim__mi_feature){ .kind = DIM__MI_PAIR, .column = k }));
    }
    b->in->plain[b->side] = b->used;
    for (int64_t j = wide->plain[b->side]; j < wide->d[b->side]; j++) {
        for (int64_t i = 0; i < b->m->n; i++)
            b->column[i] = (double)wide->x[b->side][i * wide->d[b->side] + j];
        put_column(b, b->column);
        b->in->feature[b->side][b->used - 1] = (dim__mi_feature){ .kind = DIM__MI_SAME, .column = j };
    }
    return DIM_OK;
}

dim_status dim__mi_narrow_make(const dim__mi *m, const dim__mi_inputs *wide, const dim__mi_base *base, dim__mi_narrow *out)
{
    *out = (dim__mi_narrow){ .in = { .n = m->n } };
    DIM__TRY(copy_pairs(m->ctx, base, &out->pairs));
    for (int side = 0; side < 2; side++) {
        building b = { .m = m, .in = &out->in, .side = side, .room = out->pairs.kept + wide->d[side] - wide->plain[side] };
        dim_status status = begin(&b);
        if (status == DIM_OK)
            status = put_pairs(&b, wide, &out->pairs);
        finish(&b);
        DIM__TRY(status);
    }
    return DIM_OK;
}

void dim__mi_narrow_free(dim_context *ctx, dim__mi_narrow *narrow)
{
    if (narrow == NULL)
        return;
    dim__mi_base_free(ctx, &narrow->pairs);
    dim__mi_inputs_free(ctx, &narrow->in);
    dim__free(ctx, narrow);
}

void dim__mi_inputs_forget(dim_context *ctx, dim__mi_inputs *in)
{
    for (int side = 0; side < 2; side++) {
        dim__free(ctx, in->x[side]);
        in->x[side] = NULL;
    }
}

void dim__mi_inputs_free(dim_context *ctx, dim__mi_inputs *in)
{
    for (int side = 0; side < 2; side++) {
        for (int64_t j = 0; j < in->d[side] && in->feature[side] != NULL; j++) {
            dim__free(ctx, in->feature[side][j].matrix);
            dim__smooth_free(ctx, &in->feature[side][j].curve);
        }
        dim__free(ctx, in->feature[side]);
    }
    dim__mi_inputs_forget(ctx, in);
}
