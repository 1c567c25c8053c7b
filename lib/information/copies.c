/* Rows that repeat others: copies, which count once, or rows of rounded columns, which count as often as they are there. */
#include "information/information.h"

#include "base/math.h"

/* Zeros on both sides make one row out of many, of which each is an observation: a row that a hundredth of all are, and far more than
 * other rows are there, is not copied. */
typedef struct atoms {
    const int32_t *seen;    /* (different): how often a row is there */
    int64_t least;          /* as often an atom is there; INT64_MAX = there is none */
    int64_t rows, different; /* of the others */
} atoms;

static atoms find_atoms(const int32_t *seen, int64_t n, int64_t different)
{
    enum { FAR_MORE = 8 };
    atoms a = { .seen = seen, .least = INT64_MAX };
    for (int64_t k = 0; k < different; k++)
        if ((int64_t)seen[k] * 100 <= n) {
            a.rows += seen[k];
            a.different++;
        }
    if (2 * a.different < different || a.different == 0) /* of few different rows each is a hundredth of all */
        return (atoms){ seen, INT64_MAX, n, different };
    a.least = dim__max64(n / 100 + 1, FAR_MORE * a.rows / a.different);
    a.rows = a.different = 0;
    for (int64_t k = 0; k < different; k++)
        if (seen[k] < a.least) {
            a.rows += seen[k];
            a.different++;
        }
    return a;
}

/* How many of an atom's rows stay, where of the others each stays once. */
static int64_t kept_of(const atoms *a, int64_t k)
{
    return a->seen[k] < a->least ? 1 : dim__max64(1, llrint((double)a->seen[k] * (double)a->different / (double)a->rows));
}

dim_status dim__mi_part_atoms(const dim__mi *m, int32_t *code, int64_t *different)
{
    int64_t known = *different;
    int32_t *seen = dim__calloc(m->ctx, (size_t)known, sizeof *seen);
    if (seen == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < m->n; i++)
        seen[code[i]]++;
    atoms a = find_atoms(seen, m->n, known);
    for (int64_t i = 0; i < m->n; i++) /* the first one keeps its number */
        if (seen[code[i]] >= a.least || seen[code[i]] < 0) {
            bool first = seen[code[i]] > 0;
            seen[code[i]] = -1;
            code[i] = first ? code[i] : (int32_t)(*different)++;
        }
    dim__free(m->ctx, seen);
    return DIM_OK;
}

typedef struct counts {     /* how often rows are there */
    int64_t rows, different;
    bool often;             /* all equally often, but for what chance does, as if each had been copied or drawn as often as any */
    bool exactly;           /* by less than chance would: a table that is there several times */
    bool mostly_once;
} counts;

static counts count_times(const atoms *a, int64_t all)
{
    int64_t n = a->rows, different = a->different;
    double mean = (double)n / (double)different, squares = 0, chance = mean * (double)(different - 1);
    for (int64_t k = 0; k < all; k++)
        squares += a->seen[k] < a->least ? ((double)a->seen[k] - mean) * ((double)a->seen[k] - mean) : 0;
    return (counts){ n, different, different >= DIM__MI_LEAST_ROWS && squares <= 2 * chance,
                    different >= DIM__MI_LEAST_ROWS && mean >= 2 && squares <= 0.25 * chance, 2 * different > n };
}

/* Whether the values are whole multiples of a step that a tenth of them are apart: rounded, and not measured.  Where rows are
 * there about once, rounding leaves gaps; without gaps they are numbers of the rows. */
static bool on_grid(const dim__mi_column *c, int64_t n, bool mostly_once, double *value)
{
    double step = (double)INFINITY;
    int64_t steps = 0;
    for (int64_t i = 0; i < n; i++)
        value[c->code[i]] = c->value[i];
    for (int64_t k = 1; k < c->distinct; k++)
        step = fmin(step, value[k] - value[k - 1]);
    for (int64_t k = 1; k < c->distinct; k++) {
        double apart = (value[k] - value[k - 1]) / step;
        if (!(fabs(apart - rint(apart)) < 0.01))
            return false;
        steps += apart < 1.5;
    }
    return steps * 10 >= c->distinct && !(mostly_once && steps * 20 >= c->distinct * 19);
}

/* Whether rows were copied, and columns not rounded: m has each row once.  Then columns are as continuous as can be, on no grid
 * unless a whole table was copied; of rows that were copied so often that their columns look discrete, those with fractions. */
static dim_status were_copied(dim__mi *m, const counts *t, bool *out)
{
    int32_t *count = dim__calloc(m->ctx, (size_t)m->n, sizeof *count);
    double *value = dim__calloc(m->ctx, (size_t)m->n, sizeof *value);
    bool any = false, tied = count == NULL || value == NULL;
    for (int k = 0; k < DIM__MI_SIDES && !tied; k++) {
        for (int64_t j = 0; j < m->side[k].d; j++) {
            dim__mi_column *c = &m->side[k].columns[j];
            bool looks = t->often && c->kind == DIM_INFORMATION_KIND_DISCRETE && c->found && !c->whole;
            bool changes = c->kind == DIM_INFORMATION_KIND_TIED || looks;
            if (changes)
                c->kind = dim__mi_find_kind(c, m->n, count);
            bool now = c->kind == DIM_INFORMATION_KIND_CONTINUOUS;
            any = any || now;
            tied = tied || c->kind == DIM_INFORMATION_KIND_TIED || (looks && !now) ||
                   (changes && now && !t->exactly && on_grid(c, m->n, t->mostly_once, value));
        }
        dim__mi_sum_up(&m->side[k]);
    }
    *out = any && !tied;
    bool room = count != NULL && value != NULL;
    dim__free(m->ctx, count);
    dim__free(m->ctx, value);
    return room ? DIM_OK : DIM_E_NOMEM;
}

/* Which dim__mi_subset() leaves out. */
static dim_status subset_rows(const dim__mi *m, const int32_t *rows, dim__mi *out)
{
    out->rows = dim__calloc(m->ctx, (size_t)out->n, sizeof *out->rows);
    for (int64_t i = 0; i < out->n && out->rows != NULL; i++)
        out->rows[i] = m->rows[rows[i]];
    return out->rows == NULL ? DIM_E_NOMEM : DIM_OK;
}

/* Beside labels alone, a column that is rounded repeats rows as copies do: of few rows most are then better than none. */
static bool may_be_rounded(const dim__mi *m, int64_t different)
{
    int64_t numbers = 0;
    for (int k = 0; k < DIM__MI_SIDES; k++)
        for (int64_t j = 0; j < m->side[k].d; j++)
            numbers += m->side[k].columns[j].kind == DIM_INFORMATION_KIND_TIED;
    return numbers == 1 && different < DIM__MI_LEAST_ROWS && 2 * different > m->n;
}

/* The rows (n) that stay of m: of each different one the first, of atoms as many as belong to them, or none. */
static dim_status take_rows(const dim__mi *m, const int32_t *code, int64_t different, const atoms *a, bool with_atoms, dim__mi *out)
{
    int32_t *rows = dim__calloc(m->ctx, (size_t)m->n, sizeof *rows), *met = dim__calloc(m->ctx, (size_t)different, sizeof *met);
    int64_t n = 0;
    dim_status status = rows == NULL || met == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t i = 0; i < m->n && status == DIM_OK; i++) {
        bool atom = a->seen[code[i]] >= a->least;
        if ((!atom || with_atoms) && met[code[i]]++ < kept_of(a, code[i]))
            rows[n++] = (int32_t)i;
    }
    if (status == DIM_OK)
        status = dim__mi_subset(m, rows, n, out);
    if (status == DIM_OK)
        status = subset_rows(m, rows, out);
    dim__free(m->ctx, rows);
    dim__free(m->ctx, met);
    return status;
}

/* Where rows are copies of others, each counts once; where they only look so, since columns are rounded, nothing changes.  code
 * (n): the row's number among those that `a` has.  discrete: all columns are. */
static dim_status use_once(dim__mi *m, const int32_t *code, int64_t different, const atoms *a, bool discrete)
{
    counts t = count_times(a, different);
    if (may_be_rounded(m, different) || (a->rows - a->different) * 100 <= a->rows || !(t.often || (t.mostly_once && !discrete)))
        return DIM_OK;
    dim__mi once = { .ctx = m->ctx };
    bool copied = false, ignored;
    dim_status status = take_rows(m, code, different, a, false, &once);
    if (status == DIM_OK)
        status = were_copied(&once, &t, &copied);
    if (status == DIM_OK && copied && a->different < different) {
        dim__mi_free(&once);
        once = (dim__mi){ .ctx = m->ctx };
        status = take_rows(m, code, different, a, true, &once);
        if (status == DIM_OK)
            status = were_copied(&once, &t, &ignored); /* for the kinds that columns have then */
    }
    if (status == DIM_OK && copied) {
        dim__mi old = *m;
        *m = once;
        once = old;
        for (int k = 0; k < DIM__MI_SIDES; k++) { /* of columns that were left out, too */
            m->side[k].kinds = once.side[k].kinds;
            once.side[k].kinds = NULL;
        }
    }
    dim__mi_free(&once);
    return status;
}

/* Rounded columns of which one is a function of the other, with some rows a value: those are counted.  Neighbours would see the
 * order of values, which tells nothing more, and take the two for continuous ones, whose information is infinite. */
static dim_status count_functions(dim__mi *m, int64_t different, const atoms *a)
{
    enum { ROWS_OF_A_VALUE = 5 };
    bool found = true;
    int64_t symbols[2] = { 0, 0 };
    for (int k = 0; k < 2; k++)
        for (int64_t j = 0; j < m->side[k].d; j++) {
            const dim__mi_column *c = &m->side[k].columns[j];
            found = found && (c->kind == DIM_INFORMATION_KIND_TIED ? c->found : c->kind != DIM_INFORMATION_KIND_CONTINUOUS);
        }
    if (!found || m->side[2].d > 0 || a->different * ROWS_OF_A_VALUE > a->rows)
        return DIM_OK;
    int32_t *side = dim__calloc(m->ctx, (size_t)m->n, sizeof *side);
    dim_status status = side == NULL ? DIM_E_NOMEM : DIM_OK;
    int64_t once = 0;
    for (int64_t k = 0; k < different; k++)
        once += a->seen[k] == 1;
    for (int k = 0; k < 2 && status == DIM_OK; k++)
        status = dim__mi_symbols(m, 1u << k, false, side, &symbols[k]);
    dim__free(m->ctx, side);
    if (status != DIM_OK || (symbols[0] != different && symbols[1] != different) || once * 10 > a->rows)
        return status;
    for (int k = 0; k < 2; k++) {
        for (int64_t j = 0; j < m->side[k].d; j++)
            if (m->side[k].columns[j].kind == DIM_INFORMATION_KIND_TIED) {
                m->side[k].columns[j].kind = DIM_INFORMATION_KIND_DISCRETE;
                m->side[k].columns[j].ready = NULL; /* what it was prepared for */
            }
        dim__mi_sum_up(&m->side[k]);
    }
    return DIM_OK;
}

static dim_status look_at(dim__mi *m, const int32_t *code, int64_t different, bool discrete)
{
    int64_t before = m->n;
    bool series = m->o.order == DIM_INFORMATION_ORDER_SERIES;
    bool repeats = false;
    int32_t *seen = dim__calloc(m->ctx, (size_t)different, sizeof *seen);
    dim_status status = seen == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t i = 0; i < m->n && seen != NULL; i++)
        seen[code[i]]++;
    if (status == DIM_OK) {
        atoms a = find_atoms(seen, m->n, different);
        if (!series && m->weights == NULL) /* weights say how often */
            status = use_once(m, code, different, &a, discrete);
        if (status == DIM_OK && m->n == before && !discrete)
            status = count_functions(m, different, &a);
        m->atom_rows = discrete || m->n < before ? 0 : before - a.rows;
        repeats = series && !discrete && (a.rows - a.different) * 100 > a.rows;
    }
    dim__free(m->ctx, seen);
    m->warnings |= m->n < before || repeats ? DIM_INFORMATION_DUPLICATES : 0;
    return status;
}

dim_status dim__mi_find_copies(dim__mi *m)
{
    int64_t different = 0;
    int32_t *code = dim__calloc(m->ctx, (size_t)m->n, sizeof *code);
    if (code == NULL)
        return DIM_E_NOMEM;
    dim_status status = dim__mi_symbols(m, 7, false, code, &different);
    bool discrete = m->side[0].discrete && m->side[1].discrete && (m->side[2].d == 0 || m->side[2].discrete);
    m->duplicates = m->n - different;
    if (status == DIM_OK && m->duplicates * 100 > m->n)
        status = look_at(m, code, different, discrete);
    dim__free(m->ctx, code);
    return status;
}
