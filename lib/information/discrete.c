/* DISCRETE: counts of symbols, a row of a side being one symbol; entropies after Grassberger 2003.
 *
 *     I(X;Y|Z) = H(XZ) + H(YZ) - H(XYZ) - H(Z), and without a condition H(Z) = 0 */
#include "information/information.h"

#include "base/math.h"
#include "information/sort.h"
#include "information/special.h"

#include <stdio.h>

enum { SETS = 4 };
static const uint32_t sides_of[SETS] = { 5, 6, 7, 4 }; /* x and z, y and z, all, z */
static const int sign_of[SETS] = { 1, 1, -1, -1 };

typedef struct table {
    const dim__mi *m;
    int32_t *code[SETS];   /* (n): symbols of the set */
    int64_t symbols[SETS];
    double *count;         /* (n): of symbols, or their weights */
    double rows;           /* how many, or as many as the weights are worth */
} table;

static bool accepts(const dim__mi *m, char why[128])
{
    for (int k = 0; k < DIM__MI_SIDES; k++)
        if (m->side[k].d > 0 && !m->side[k].discrete) {
            snprintf(why, 128, "side %c is not discrete", m->side[k].letter);
            return false;
        }
    return true;
}

static dim_status make(const dim__mi *m, table *t)
{
    *t = (table){ .m = m, .rows = dim__mi_worth(m), .count = dim__calloc(m->ctx, (size_t)m->n + 1, sizeof(double)) };
    if (t->count == NULL)
        return DIM_E_NOMEM;
    for (int set = 0; set < SETS; set++) {
        t->code[set] = dim__calloc(m->ctx, (size_t)m->n, sizeof(int32_t));
        if (t->code[set] == NULL)
            return DIM_E_NOMEM;
        DIM__TRY(dim__mi_symbols(m, sides_of[set], false, t->code[set], &t->symbols[set]));
    }
    return DIM_OK;
}

static void end(table *t)
{
    for (int set = 0; set < SETS; set++)
        dim__free(t->m->ctx, t->code[set]);
    dim__free(t->m->ctx, t->count);
}

static void count(const table *t, int set)
{
    memset(t->count, 0, (size_t)t->symbols[set] * sizeof *t->count);
    for (int64_t i = 0; i < t->m->n; i++)
        t->count[t->code[set][i]] += t->m->weights != NULL ? t->m->weights[i] : 1;
}

/* Entropy of what was counted: Grassberger's, of weighted rows that of the frequencies and Miller's correction. */
static double entropy(const table *t, int64_t symbols, bool plain)
{
    double sum = 0, n = (double)t->m->n;
    for (int64_t s = 0; s < symbols; s++) {
        double c = t->count[s];
        if (c > 0)
            sum += c * (plain || t->m->weights != NULL ? log(c) : dim__grassberger((int64_t)c));
    }
    return log(n) - sum / n + (!plain && t->m->weights != NULL ? (double)(symbols - 1) / (2 * t->rows) : 0);
}

dim_status dim__mi_entropy(const dim__mi *m, int side, double *out)
{
    *out = (double)NAN;
    if (m->side[side].d == 0 || !m->side[side].discrete)
        return DIM_OK;
    table t = { .m = m, .rows = dim__mi_worth(m), .count = dim__calloc(m->ctx, (size_t)m->n + 1, sizeof(double)),
                .code = { dim__calloc(m->ctx, (size_t)m->n, sizeof(int32_t)) } };
    dim_status status = t.count == NULL || t.code[0] == NULL ? DIM_E_NOMEM : DIM_OK;
    if (status == DIM_OK)
        status = dim__mi_symbols(m, 1u << side, false, t.code[0], &t.symbols[0]);
    if (status == DIM_OK) {
        count(&t, 0);
        *out = fmax(0, entropy(&t, t.symbols[0], false));
    }
    end(&t);
    return status;
}

/* Pointwise values of the frequencies; their mean is what is returned. */
static double frequencies(const table *t, double *pointwise)
{
    double value = 0;
    memset(pointwise, 0, (size_t)t->m->n * sizeof *pointwise);
    for (int set = 0; set < SETS; set++) {
        count(t, set);
        value += sign_of[set] * entropy(t, t->symbols[set], true);
        for (int64_t i = 0; i < t->m->n; i++)
            pointwise[i] -= sign_of[set] * log(t->count[t->code[set][i]] / (double)t->m->n);
    }
    return value;
}

/* Where rows are alike, they count as fewer, and the correction is larger by as much. */
static double estimate(const table *t)
{
    double value = 0, plain = 0;
    int sets = t->m->side[2].d > 0 ? SETS : SETS - 1;
    bool alike = t->m->weights == NULL && t->rows < (double)t->m->n;
    for (int set = 0; set < sets; set++) {
        count(t, set);
        value += sign_of[set] * entropy(t, t->symbols[set], false);
        plain += alike ? sign_of[set] * entropy(t, t->symbols[set], true) : 0;
    }
    return alike ? plain - (plain - value) * (double)t->m->n / t->rows : value;
}

/* Of codes (n) below `symbols`; seen has room for as many. */
static double coverage(const int32_t *code, int64_t n, int64_t symbols, int32_t *seen)
{
    double once = 0;
    memset(seen, 0, (size_t)symbols * sizeof *seen);
    for (int64_t i = 0; i < n; i++)
        seen[code[i]]++;
    for (int64_t s = 0; s < symbols; s++)
        once += seen[s] == 1;
    return 1 - once / (double)n;
}

dim_status dim__mi_coverage(const dim__mi *m, uint32_t sides, double *out)
{
    int32_t *code = dim__calloc(m->ctx, (size_t)m->n, 2 * sizeof *code);
    int64_t symbols = 0;
    dim_status status = code == NULL ? DIM_E_NOMEM : dim__mi_symbols(m, sides, false, code, &symbols);
    if (status == DIM_OK)
        *out = coverage(code, m->n, symbols, code + m->n);
    dim__free(m->ctx, code);
    return status;
}

/* The estimate is normal, but near independence: there 2 N I of the frequencies is a chi-square of noncentrality 2 N I, whose
 * degrees of freedom are those of the table, or more where counts are small.  The interval has both, but where one side is a
 * function of the other: then the estimate is an entropy. */
static void interval(const table *t, double plain, dim_information_result *r)
{
    double z = dim__mi_z(t->m), tail = (1 - (double)t->m->o.confidence) / 2, twice = 2 * r->effective_rows;
    double degrees = (double)(t->symbols[0] - t->symbols[3]) * (double)(t->symbols[1] - t->symbols[3]) / (double)t->symbols[3];
    degrees = fmax(degrees, twice * (plain - r->raw));
    r->low = r->raw - z * r->standard_error;
    r->high = r->raw + z * r->standard_error;
    bool function = t->symbols[2] == t->symbols[0] || t->symbols[2] == t->symbols[1];
    if (!function && degrees > 0 && twice * r->raw < 5 * degrees) {
        r->low = fmin(r->low, dim__chi_square_shift(twice * plain, degrees, 1 - tail) / twice);
        r->high = fmax(r->high, dim__chi_square_shift(twice * plain, degrees, tail) / twice);
    }
}

static double entropy_of(const table *t, int set)
{
    count(t, set);
    return entropy(t, t->symbols[set], false);
}

static dim_status run(const dim__mi *m, dim__mi_answer *a)
{
    table t;
    dim_information_result *r = &a->r;
    dim_status status = make(m, &t);
    if (status == DIM_OK) {
        double plain = frequencies(&t, a->pointwise), condition = m->side[2].d > 0 ? entropy_of(&t, 3) : 0;
        r->raw = r->bound = estimate(&t);
        for (int64_t i = 0; i < m->n; i++)
            a->pointwise[i] += r->raw - plain;
        double error = dim__mi_error(m, a->pointwise, &r->effective_rows);
        /* The second is what is left where the first is 0: even symbols. */
        r->standard_error = sqrt(error * error + (double)t.symbols[2] / (r->effective_rows * r->effective_rows));
        r->rows = m->n;
        r->ceiling = fmin(entropy_of(&t, 0), entropy_of(&t, 1)) - condition;
        interval(&t, plain, r);
        double seen = coverage(t.code[2], m->n, t.symbols[2], (int32_t *)t.count); /* room for n doubles */
        if (seen < 0.9) { /* the correction itself is uncertain, by half of it on independent tables */
            r->warnings |= DIM_INFORMATION_UNDERSAMPLED;
            r->low = fmin(r->low, r->raw - (plain - r->raw) / 2);
        }
        if (seen < 0.5)
            r->verdict = DIM_INFORMATION_NONE;
    }
    end(&t);
    return status;
}

/* With y's rows in another order the tables that have y are counted again. */
static dim_status reorder(table *t, const int32_t *y, const int32_t *order, int32_t *moved)
{
    static const int from[2] = { 3, 0 }; /* z, and x and z */
    for (int64_t i = 0; i < t->m->n; i++)
        moved[i] = y[order[i]];
    for (int k = 0; k < 2; k++) {
        memcpy(t->code[1 + k], t->code[from[k]], (size_t)t->m->n * sizeof *moved);
        t->symbols[1 + k] = t->symbols[from[k]];
        DIM__TRY(dim__number_pairs(t->m->ctx, t->m->n, t->code[1 + k], &t->symbols[1 + k], moved));
    }
    return DIM_OK;
}

static dim_status null_values(const dim__mi *m, const dim__mi_orders *orders, double *values)
{
    table t;
    int64_t symbols;
    dim_status status = make(m, &t);
    int32_t *y = dim__calloc(m->ctx, (size_t)m->n, 3 * sizeof *y), *order = DIM__BEHIND(y, m->n), *moved = DIM__BEHIND(order, m->n);
    if (status == DIM_OK)
        status = y == NULL ? DIM_E_NOMEM : dim__mi_symbols(m, 2, false, y, &symbols);
    for (int64_t b = 0; b <= orders->count && status == DIM_OK; b++) {
        dim__mi_order(orders, b, order);
        status = reorder(&t, y, order, moved);
        values[b] = status == DIM_OK ? estimate(&t) : 0;
        if (status == DIM_OK)
            status = dim__mi_progress(m, (double)b / (double)dim__max64(1, orders->count), "permutations");
    }
    dim__free(m->ctx, y);
    end(&t);
    return status;
}

const dim__mi_method dim__mi_discrete = { "discrete", accepts, run, null_values };
