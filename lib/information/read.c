/* Arguments, missing values, lag, weights, groups: which rows count. */
#include "information/information.h"

#include "base/math.h"
#include "base/rng.h"
#include "information/sort.h"

#include <stdio.h>
#include <stdlib.h>

enum { X_SIDE, Y_SIDE, Z_SIDE };
#define MOST_NUMBERS (INT64_C(1) << 42) /* of 8 bytes each */

/* ---- arguments ----------------------------------------------------------------------------------------------------- */

static dim_status check_tensor(dim_context *ctx, const char *name, const dim_tensor *t, int64_t rows)
{
    char text[128];
    if (t->rank < 1 || t->rank > 2)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has shape %s; it must be (N) or (N, columns)", name,
                         dim__shape_text(text, t->rank, t->shape));
    if (t->shape[0] != rows)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has %lld rows, but x has %lld", name, (long long)t->shape[0], (long long)rows);
    if (dim__mi_columns_of(t) < 1)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has no columns", name);
    if (rows > 0 && dim__mi_columns_of(t) > MOST_NUMBERS / rows) /* a view may have them all in one place, and looking takes years */
        return dim__fail(ctx, DIM_E_NOMEM, "%s has %lld rows of %lld columns, for which no machine has memory", name, (long long)rows,
                         (long long)dim__mi_columns_of(t));
    return DIM_OK;
}

static dim_status check_kinds(dim_context *ctx, char letter, const dim__mi_source *s)
{
    if (s->t == NULL)
        return s->kinds == NULL && s->names == NULL ? DIM_OK
               : dim__fail(ctx, DIM_E_SHAPE, "%c_%s is given, but %c is not", letter, s->kinds != NULL ? "kinds" : "names", letter);
    for (int64_t j = 0; s->kinds != NULL && j < dim__mi_columns_of(s->t); j++)
        if (s->kinds[j] > DIM_INFORMATION_KIND_TIED)
            return dim__fail(ctx, DIM_E_INVALID, "%c_kinds[%lld] is %d; a kind that can be given is 0 to %d", letter, (long long)j,
                             s->kinds[j], DIM_INFORMATION_KIND_TIED);
    return DIM_OK;
}

static dim_status check_row_numbers(const dim__mi *m, const dim_information_data *d, int64_t rows)
{
    dim_context *ctx = m->ctx;
    if (d->weights != NULL) {
        DIM__TRY(check_tensor(ctx, "weights", d->weights, rows));
        if (dim__mi_columns_of(d->weights) != 1)
            return dim__fail(ctx, DIM_E_SHAPE, "weights have %lld columns; they must have 1",
                             (long long)dim__mi_columns_of(d->weights));
    }
    if (d->groups != NULL) {
        DIM__TRY(check_tensor(ctx, "groups", d->groups, rows));
        if (m->o.order == DIM_INFORMATION_ORDER_SERIES)
            return dim__fail(ctx, DIM_E_INVALID, "groups are given, and dim_information_options.order is SERIES; rows are "
                             "one or the other");
        if (dim__mi_columns_of(d->groups) != 1 || (d->groups->dtype != DIM_I32 && d->groups->dtype != DIM_I64))
            return dim__fail(ctx, DIM_E_SHAPE, "groups must be i32 or i64 (N), but are %s with %lld columns",
                             dim__dtype_name(d->groups->dtype), (long long)dim__mi_columns_of(d->groups));
    }
    return DIM_OK;
}

static dim_status check(dim__mi *m, const dim_information_data *d, dim__mi_source source[DIM__MI_SIDES])
{
    dim_context *ctx = m->ctx;
    if (d->x == NULL || d->y == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_information_data.%c is NULL", d->x == NULL ? 'x' : 'y');
    source[X_SIDE] = (dim__mi_source){ d->x, d->x_kinds, d->x_names, 0 };
    source[Y_SIDE] = (dim__mi_source){ d->y, d->y_kinds, d->y_names, 0 };
    source[Z_SIDE] = (dim__mi_source){ d->z, d->z_kinds, d->z_names, 0 };
    int64_t rows = d->x->rank < 1 ? 0 : d->x->shape[0];
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        char name[2] = { "xyz"[k], '\0' };
        if (source[k].t != NULL)
            DIM__TRY(check_tensor(ctx, name, source[k].t, rows));
        DIM__TRY(check_kinds(ctx, name[0], &source[k]));
    }
    if (rows > INT32_MAX)
        return dim__fail(ctx, DIM_E_INVALID, "x has %lld rows; at most %d are supported", (long long)rows, INT32_MAX);
    m->given = rows;
    return check_row_numbers(m, d, rows);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

typedef struct missing {
    bool *row;               /* (pairs) */
    int64_t count;
    int64_t at_row, at_column; /* the first one found */
    char letter;
    double value;
    const char *name;
} missing;

/* The first one of the first column that has some is told. */
static void mark_missing(const dim__mi_source *s, char letter, int64_t row, int64_t column, double x, missing *found)
{
    if (found->letter == '\0' || (found->letter == letter && column < found->at_column)) {
        found->letter = letter;
        found->at_row = row + s->offset;
        found->at_column = column;
        found->value = x;
        found->name = s->names != NULL ? s->names[column] : NULL;
    }
    found->count += !found->row[row];
    found->row[row] = true;
}

static void find_missing(const dim__mi_source *s, char letter, int64_t pairs, missing *found)
{
    if (s->t == NULL || (s->t->dtype != DIM_F32 && s->t->dtype != DIM_F64))
        return;
    for (int64_t first = 0; first < pairs; first += DIM__MI_READ)
        for (int64_t j = 0; j < dim__mi_columns_of(s->t); j++) {
            double x[DIM__MI_READ];
            int64_t some = dim__min64(DIM__MI_READ, pairs - first);
            dim__mi_values(s->t, j, NULL, first + s->offset, some, x);
            for (int64_t k = 0; k < some; k++)
                if (!isfinite(x[k]))
                    mark_missing(s, letter, first + k, j, x[k], found);
        }
}

static dim_status refuse_missing(dim__mi *m, const missing *f)
{
    char name[DIM__MI_NAME + 4] = "";
    if (f->name != NULL)
        snprintf(name, sizeof name, " '%.*s'", DIM__MI_NAME, f->name);
    return dim__fail(m->ctx, DIM_E_NUMERIC, "%c: row %lld, column %lld%s is %s; %lld row%s missing values (missing = DROP "
                     "leaves them out)", f->letter, (long long)f->at_row, (long long)f->at_column, name,
                     isnan(f->value) ? "NaN" : "infinite", (long long)f->count, f->count == 1 ? " has" : "s have");
}

/* At most `most` of the rows, in their order: for a series a stretch of them, else a sample without replacement. */
static dim_status subsample(dim__mi *m, int64_t most)
{
    if (m->n <= most)
        return DIM_OK;
    m->warnings |= DIM_INFORMATION_SUBSAMPLED;
    if (m->o.order == DIM_INFORMATION_ORDER_SERIES) {
        m->n = most;
        return DIM_OK;
    }
    int64_t left = most, kept = 0;
    for (int64_t i = 0; i < m->n && left > 0; i++) /* each row with the chance that is left (Knuth, algorithm S) */
        if ((int64_t)dim__rng_below((uint64_t)(m->n - i), m->o.seed, DIM__MI_STREAM_SUBSAMPLE, (uint64_t)i) < left) {
            m->rows[kept++] = m->rows[i];
            left--;
        }
    m->n = kept;
    return DIM_OK;
}

/* Scores of critics grow with the square of the rows. */
static int64_t most_rows(const dim__mi *m, const dim__mi_source source[DIM__MI_SIDES])
{
    int64_t columns = 0;
    for (int k = 0; k < DIM__MI_SIDES; k++)
        columns += source[k].t != NULL ? dim__mi_columns_of(source[k].t) : 0;
    bool critics = !m->pairwise && (m->o.method == DIM_INFORMATION_CRITIC || (m->o.method == DIM_INFORMATION_AUTO && columns > 3));
    uint64_t most = m->o.max_rows != 0 ? m->o.max_rows : critics ? 200000 : 2000000;
    return most < INT32_MAX ? (int64_t)most : INT32_MAX;
}

static dim_status choose_rows(dim__mi *m, dim__mi_source source[DIM__MI_SIDES], const dim__mi_source *weights)
{
    int64_t lag = m->o.lag, gap = lag == INT64_MIN ? INT64_MAX : lag < 0 ? -lag : lag;
    if (lag != 0 && (gap == INT64_MAX || gap > m->given - DIM__MI_LEAST_ROWS))
        return dim__fail(m->ctx, DIM_E_INVALID, "dim_information_options.lag is %lld, which leaves fewer than %d of %lld rows",
                         (long long)lag, DIM__MI_LEAST_ROWS, (long long)m->given);
    int64_t pairs = m->given - gap, first = lag < 0 ? gap : 0;
    for (int k = 0; k < DIM__MI_SIDES; k++)
        source[k].offset = k == Y_SIDE ? first + lag : first;
    missing found = { .row = dim__calloc(m->ctx, (size_t)pairs, sizeof *found.row) };
    m->rows = dim__calloc(m->ctx, (size_t)pairs, sizeof *m->rows);
    if (found.row == NULL || m->rows == NULL) {
        dim__free(m->ctx, found.row);
        return DIM_E_NOMEM;
    }
    for (int k = 0; k < DIM__MI_SIDES; k++)
        find_missing(&source[k], "xyz"[k], pairs, &found);
    if (weights->t != NULL) {
        dim__mi_source w = *weights;
        w.offset = first;
        find_missing(&w, 'w', pairs, &found);
    }
    dim_status status = DIM_OK;
    if (found.count > 0 && m->o.missing == DIM_INFORMATION_MISSING_FAIL)
        status = found.letter == 'w' ? dim__fail(m->ctx, DIM_E_INVALID, "weights: row %lld is %s", (long long)found.at_row,
                                                 isnan(found.value) ? "NaN" : "infinite")
                                     : refuse_missing(m, &found);
    for (int64_t i = 0; i < pairs; i++)
        if (!found.row[i])
            m->rows[m->n++] = (int32_t)(i + first);
    for (int k = 0; k < DIM__MI_SIDES; k++) /* rows are numbered as x's from here on */
        source[k].offset -= first;
    m->dropped = found.count;
    if (found.count > 0)
        m->warnings |= DIM_INFORMATION_DROPPED_ROWS;
    dim__free(m->ctx, found.row);
    return status == DIM_OK ? subsample(m, most_rows(m, source)) : status;
}

/* ---- weights and groups --------------------------------------------------------------------------------------------- */

static dim_status read_weights(dim__mi *m, const dim_tensor *t)
{
    double sum = 0;
    uint64_t key;
    m->weights = dim__calloc(m->ctx, (size_t)m->n, sizeof *m->weights);
    if (m->weights == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < m->n; i++) {
        double w = dim__mi_element(t, m->rows[i], 0, &key);
        if (!(w >= 0))
            return dim__fail(m->ctx, DIM_E_INVALID, "weights: row %lld is %g; it must be at least 0", (long long)m->rows[i], w);
        m->weights[i] = w;
        sum += w;
    }
    if (m->n > 0 && !(sum > 0 && isfinite(sum)))
        return dim__fail(m->ctx, DIM_E_INVALID, "weights: their sum over %lld rows is %g; it must be above 0 and finite",
                         (long long)m->n, sum);
    for (int64_t i = 0; i < m->n; i++)
        m->weights[i] *= (double)m->n / sum;
    return DIM_OK;
}

/* Numbers of the groups, by the rows that they begin with, so that labels do not matter.  Rows are put in the groups' order. */
dim_status dim__mi_read_groups(dim__mi *m, const dim_tensor *t)
{
    uint64_t *key = dim__calloc(m->ctx, (size_t)m->n, sizeof *key);
    int32_t *order = dim__calloc(m->ctx, (size_t)m->n, 3 * sizeof *order), *spare = DIM__BEHIND(order, m->n);
    int32_t *code = DIM__BEHIND(spare, m->n);
    m->groups = dim__calloc(m->ctx, (size_t)m->n, sizeof *m->groups);
    bool room = key != NULL && order != NULL && m->groups != NULL;
    for (int64_t i = 0; i < m->n && room; i++)
        (void)dim__mi_element(t, m->rows[i], 0, &key[i]);
    if (room) {
        dim__sort_keys(key, m->n, order, spare);
        int64_t next = 0, labels = dim__code_keys(key, m->n, order, code);
        memset(spare, 0, (size_t)m->n * sizeof *spare);
        for (int64_t i = 0; i < m->n; i++) {
            int32_t *number = &spare[code[i]]; /* from 1 */
            *number = *number != 0 ? *number : (int32_t)++next;
            key[i] = (uint64_t)*number;
            code[i] = *number - 1;
        }
        m->n_groups = labels;
        dim__sort_keys(key, m->n, order, spare);
        memcpy(spare, m->rows, (size_t)m->n * sizeof *spare);
        for (int64_t i = 0; i < m->n; i++) {
            m->rows[i] = spare[order[i]];
            m->groups[i] = code[order[i]];
        }
    }
    dim__free(m->ctx, key);
    dim__free(m->ctx, order);
    return room ? DIM_OK : DIM_E_NOMEM;
}

/* ---- all together --------------------------------------------------------------------------------------------------- */

dim_status dim__mi_read_rows(dim__mi *m, const dim_information_data *data, dim__mi_source source[DIM__MI_SIDES])
{
    DIM__TRY(check(m, data, source));
    return choose_rows(m, source, &(dim__mi_source){ data->weights, NULL, NULL, 0 });
}

dim_status dim__mi_read(dim__mi *m, const dim_information_data *data)
{
    dim__mi_source source[DIM__MI_SIDES] = { { .t = NULL } };
    DIM__TRY(dim__mi_read_rows(m, data, source));
    if (data->groups != NULL)
        DIM__TRY(dim__mi_read_groups(m, data->groups));
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        m->side[k].letter = "xyz"[k];
        m->side[k].discrete = m->side[k].symbols = true;
        if (source[k].t != NULL)
            DIM__TRY(dim__mi_read_side(m, k, &source[k]));
    }
    if (data->weights != NULL)
        DIM__TRY(read_weights(m, data->weights));
    return dim__mi_find_copies(m);
}
