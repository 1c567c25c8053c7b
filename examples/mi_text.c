/* What dim-mi prints. */
#include "mi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double mi_scale(const mi_run *run) { return run->o.bits ? 1 / log(2) : 1; }
const char *mi_unit(const mi_run *run) { return run->o.bits ? "bits" : "nats"; }
const char *mi_what(const mi_run *run) { return run->data.side[MI_Z].t != NULL ? "I(X;Y|Z)" : "I(X;Y)"; }

const char *mi_name(const char *name, char *buffer, size_t room)
{
    size_t n = strlen(name), kept = n < room ? n : room - 4;
    while (n >= room && kept > 0 && ((unsigned char)name[kept] & 0xc0) == 0x80) /* a character stays whole */
        kept--;
    memcpy(buffer, name, kept);
    snprintf(buffer + kept, room - kept, n < room ? "" : "...");
    mi_tame(buffer);
    return buffer;
}

/* ---- texts of the library -------------------------------------------------------------------------------------------------------- */

typedef struct phrase {
    const char *library, *program;
} phrase;

static const phrase phrases[] = {
    { "order IID", "--iid" },
    { "order SERIES", "--series" },
    { "missing = DROP", "--missing drop" },
    { "max_seconds", "--time" },
    { "dim_information_options.", "--" },
};

/* How many bytes of "column 3 'name'" its number is, with the blank behind; 0: no name follows. */
static size_t number_before_name(const char *text, const char *at)
{
    size_t digits = strspn(at, "0123456789");
    bool column = at - text >= 7 && strncmp(at - 7, "column ", 7) == 0;
    return column && digits > 0 && strncmp(at + digits, " '", 2) == 0 ? digits + 1 : 0;
}

const char *mi_plain(const char *text, char buffer[MI_TEXT_ROOM])
{
    size_t used = 0;
    for (const char *at = text; *at != '\0' && used + 64 < MI_TEXT_ROOM;) {
        size_t k = 0, count = sizeof phrases / sizeof *phrases;
        at += number_before_name(text, at);
        while (k < count && strncmp(at, phrases[k].library, strlen(phrases[k].library)) != 0)
            k++;
        if (k < count) {
            used += (size_t)snprintf(buffer + used, MI_TEXT_ROOM - used, "%s", phrases[k].program);
            at += strlen(phrases[k].library);
        } else {
            buffer[used++] = *at++;
        }
    }
    buffer[used] = '\0';
    return buffer;
}

const char *mi_note(const dim_information *info, int64_t i, char buffer[MI_TEXT_ROOM])
{
    return mi_plain(dim_information_remark(info, i), buffer);
}

/* "2 continuous, 1 tied", or "constant"; in the order in which docs/information.md has kinds. */
static void kinds_of(const mi_run *run, int side, char *text, size_t room)
{
    static const dim_information_kind kinds[] = { DIM_INFORMATION_KIND_CONTINUOUS, DIM_INFORMATION_KIND_DISCRETE,
                                                  DIM_INFORMATION_KIND_UNORDERED, DIM_INFORMATION_KIND_TIED };
    static const char *const names[] = { "continuous", "discrete", "labels", "tied" };
    size_t used = 0;
    snprintf(text, room, "constant");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        int64_t count = 0;
        for (int64_t j = 0; j < run->data.side[side].columns; j++)
            count += dim_information_column_kind(run->info, "xyz"[side], j) == kinds[k];
        if (count > 0)
            used += (size_t)snprintf(text + used, room - used, "%s%lld %s", used > 0 ? ", " : "", (long long)count, names[k]);
    }
}

/* ---- a measurement -------------------------------------------------------------------------------------------------------------- */

/* 12000 as "12,000" */
static const char *thousands(int64_t n, char buffer[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            buffer[at++] = ',';
        buffer[at++] = digits[i];
    }
    buffer[at] = '\0';
    return buffer;
}

/* Names, as many as there is room for, and how many there are. */
static void list_names(const mi_side *s, char *text, size_t room)
{
    size_t used = 0;
    for (int64_t j = 0; j < s->columns; j++) {
        char name[28];
        mi_name(s->names[j], name, sizeof name);
        if (used + strlen(name) + 2 > room - 16) {
            snprintf(text + used, room - used, ", ... (%lld)", (long long)s->columns);
            return;
        }
        used += (size_t)snprintf(text + used, room - used, "%s%s", j > 0 ? ", " : "", name);
    }
}

static void put_sides(const mi_run *run, FILE *to)
{
    char names[56], kinds[128], a[32], b[32];
    for (int k = 0; k < MI_SIDES; k++) {
        if (run->data.side[k].t == NULL)
            continue;
        list_names(&run->data.side[k], names, sizeof names);
        kinds_of(run, k, kinds, sizeof kinds);
        fprintf(to, "%c  %-22s  %s", "xyz"[k], names, kinds);
        if (k == 0)
            fprintf(to, "%*s%s row%s, %s dropped", strlen(kinds) < 22 ? 22 - (int)strlen(kinds) : 2, "", thousands(run->r.rows, a),
                    run->r.rows == 1 ? "" : "s", thousands(run->r.dropped, b));
        fputc('\n', to);
    }
}

static void put_range(const mi_run *run, const dim_information_result *r, FILE *to)
{
    if (isinf(r->high))
        fprintf(to, "[%.3f, inf)", r->low * mi_scale(run));
    else
        fprintf(to, "[%.3f, %.3f]", r->low * mi_scale(run), r->high * mi_scale(run));
}

static void put_reasons(const dim_information *info, const char *begin, FILE *to)
{
    char buffer[MI_TEXT_ROOM];
    for (int64_t i = 0; i < dim_information_remarks(info); i++) {
        fprintf(to, "%s%s", begin, mi_note(info, i, buffer));
        begin = "; ";
    }
}

/* Reasons of a verdict NONE. */
static void put_nothing(const mi_run *run, FILE *to)
{
    fprintf(to, "%s: no answer", mi_what(run));
    put_reasons(run->info, ": ", to);
    fputc('\n', to);
}

static void put_answer(const mi_run *run, FILE *to)
{
    const dim_information_result *r = &run->r;
    double confidence = run->o.confidence > 0 ? run->o.confidence : 0.95;
    fprintf(to, "%s %s %.3f %s     %.9g %% interval ", mi_what(run), r->verdict == DIM_INFORMATION_LOWER_BOUND ? ">=" : "=",
            r->value * mi_scale(run), mi_unit(run), 100 * confidence);
    put_range(run, r, to);
    if (r->permutations > 0 && !isnan(r->p_value))
        fprintf(to, "     p = %.4g (%u permutations)", r->p_value, r->permutations);
    fprintf(to, "\n         |rho| of a Gaussian pair with this information: %.2f\n", r->correlation);
    if (!isnan(r->entropy_x) || !isnan(r->entropy_y)) {
        fprintf(to, "         entropy");
        if (!isnan(r->entropy_x))
            fprintf(to, " of x %.3f", r->entropy_x * mi_scale(run));
        if (!isnan(r->entropy_y))
            fprintf(to, "%s of y %.3f", !isnan(r->entropy_x) ? "," : "", r->entropy_y * mi_scale(run));
        fputc('\n', to);
    }
}

static void put_candidates(const mi_run *run, FILE *to)
{
    for (int64_t i = 0; i < dim_information_candidates(run->info); i++) {
        dim_information_result r;
        char buffer[MI_TEXT_ROOM];
        const char *remark = mi_plain(dim_information_candidate_remark(run->info, i), buffer);
        DIM_OPTIONS_INIT(&r);
        mi_try(run, dim_information_get_candidate(run->info, i, &r));
        fprintf(to, "%-11s %-9s", i == 0 ? "method" : "candidate", dim_information_method_name(r.method));
        if (r.verdict == DIM_INFORMATION_NONE)
            fprintf(to, "no answer");
        else {
            fprintf(to, "%.3f ", r.value * mi_scale(run));
            put_range(run, &r, to);
        }
        fprintf(to, "%s%s%s\n", *remark != '\0' ? "   (" : "", remark, *remark != '\0' ? ")" : "");
    }
}

/* Values of a quarter of the rows and of all of them that agree within the former's error; of other methods than neighbours and critics
 * nobody else looks. */
static const char *course_of(const mi_run *run, const double *row, int64_t count)
{
    const double *first = row, *all = row + 4 * (count - 1);
    if ((run->r.warnings & DIM_INFORMATION_NOT_CONVERGED) != 0)
        return " (not converged)";
    return first[0] <= all[0] / 4 && all[1] >= first[2] && all[1] <= first[3] ? " (converged)" : "";
}

static void put_curve(const mi_run *run, FILE *to)
{
    dim_tensor *t = NULL;
    char buffer[32];
    mi_try(run, dim_information_curve(run->info, &t));
    const double *row = dim_tensor_const_data(t);
    int64_t count = dim_tensor_size(t, 0);
    if (count > 1) {
        fprintf(to, "rows used  ");
        for (int64_t i = 0; i < count; i++) {
            double value = row[4 * i + 1] * mi_scale(run);
            fprintf(to, " %s: %.3f  ", thousands((int64_t)row[4 * i], buffer), fabs(value) < 0.0005 ? 0 : value); /* no -0.000 */
        }
        fprintf(to, "%s\n", course_of(run, row, count));
    }
    dim_tensor_destroy(t);
}

static void put_lags(const mi_run *run, FILE *to)
{
    fprintf(to, "   lag   %s    interval%s\n", mi_unit(run), run->o.permutations > 0 ? "            p" : "");
    for (int64_t k = 0; k < run->n_lags; k++) {
        const mi_lag *l = &run->lags[k];
        if (l->r.verdict == DIM_INFORMATION_NONE) {
            fprintf(to, "%6lld   no answer\n", (long long)l->lag);
            continue;
        }
        fprintf(to, "%6lld  %6.3f   ", (long long)l->lag, l->r.value * mi_scale(run));
        put_range(run, &l->r, to);
        if (!isnan(l->r.p_value))
            fprintf(to, "   %.4g", l->r.p_value);
        fprintf(to, "\n");
    }
    if (run->o.permutations > 0)
        fprintf(to, "p: of each lag alone, not corrected for the %lld lags\n", (long long)run->n_lags);
    for (int64_t k = 0; k < run->n_lags; k++)
        if (run->lags[k].r.value == run->r.value) {
            fprintf(to, "largest at lag %lld:\n", (long long)run->lags[k].lag);
            break;
        }
}

/* ---- all pairs -------------------------------------------------------------------------------------------------------------------- */

typedef struct pair {
    double value;
    int64_t at;
} pair;

static int by_value(const void *a, const void *b)
{
    const pair *p = a, *q = b;
    if (isnan(p->value) || isnan(q->value) || p->value == q->value)
        return isnan(p->value) != isnan(q->value) ? (isnan(p->value) ? 1 : -1) : p->at < q->at ? -1 : p->at > q->at;
    return p->value > q->value ? -1 : 1;
}

int64_t *mi_sorted_pairs(const mi_run *run, int64_t *count)
{
    int64_t rows = run->data.side[MI_X].columns, columns = run->data.square ? rows : run->data.side[MI_Y].columns;
    pair *pairs = mi_alloc((size_t)rows * sizeof *pairs, (size_t)columns);
    int64_t n = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = run->data.square ? i + 1 : 0; j < columns; j++)
            pairs[n++] = (pair){ run->value[i * columns + j], i * columns + j };
    qsort(pairs, (size_t)n, sizeof *pairs, by_value);
    int64_t *sorted = mi_alloc((size_t)n, sizeof *sorted);
    for (int64_t k = 0; k < n; k++)
        sorted[k] = pairs[k].at;
    free(pairs);
    *count = n;
    return sorted;
}

static int widest(const mi_side *s)
{
    size_t most = 1;
    for (int64_t j = 0; j < s->columns; j++)
        most = strlen(s->names[j]) > most ? strlen(s->names[j]) : most;
    return most < 30 ? (int)most : 30;
}

/* Why pairs have no answer: each kind of reasons once, with the first pair that has them.  These pairs stand at the end. */
static void put_unanswered(const mi_run *run, FILE *to, const int64_t *pairs, int64_t count)
{
    enum { LOOKED_AT = 64, MOST = 8 };
    const mi_side *x = &run->data.side[MI_X], *y = run->data.square ? x : &run->data.side[MI_Y];
    uint32_t seen[MOST];
    int64_t first = count, kinds = 0;
    while (first > 0 && isnan(run->value[pairs[first - 1]]))
        first--;
    for (int64_t k = first, same; k < count && k < first + LOOKED_AT && kinds < MOST; k++) {
        int64_t i = pairs[k] / y->columns, j = pairs[k] % y->columns;
        dim_information *info = mi_measure_pair(run, i, j);
        dim_information_result r;
        char a[32], b[32];
        DIM_OPTIONS_INIT(&r);
        mi_try(run, dim_information_get_result(info, &r));
        for (same = 0; same < kinds && seen[same] != r.warnings; same++)
            ;
        if (same == kinds) {
            seen[kinds++] = r.warnings;
            fprintf(to, "no answer, %s%s and %s", count - first > 1 ? "such as " : "", mi_name(x->names[i], a, sizeof a),
                    mi_name(y->names[j], b, sizeof b));
            put_reasons(info, ": ", to);
            fputc('\n', to);
        }
        dim_information_destroy(info);
    }
}

static void put_matrix(const mi_run *run, FILE *to)
{
    int64_t count, *pairs = mi_sorted_pairs(run, &count);
    const mi_side *x = &run->data.side[MI_X], *y = run->data.square ? x : &run->data.side[MI_Y];
    int wide_x = widest(x), wide_y = widest(y);
    fprintf(to, "%-*s  %-*s  %6s%s\n", wide_x, "x", wide_y, "y", mi_unit(run), run->p != NULL ? "  p" : "");
    for (int64_t k = 0; k < count; k++) {
        int64_t i = pairs[k] / y->columns, j = pairs[k] % y->columns;
        char a[32], b[32];
        fprintf(to, "%-*s  %-*s  ", wide_x, mi_name(x->names[i], a, sizeof a), wide_y, mi_name(y->names[j], b, sizeof b));
        if (isnan(run->value[pairs[k]]))
            fprintf(to, "no answer");
        else
            fprintf(to, "%6.3f", run->value[pairs[k]] * mi_scale(run));
        if (run->p != NULL && !isnan(run->p[pairs[k]]))
            fprintf(to, "  %.4g", run->p[pairs[k]]);
        fputc('\n', to);
    }
    if (run->p != NULL)
        fprintf(to, "p: of %u permutations, not corrected for the %lld pair%s\n", (unsigned)run->o.permutations, (long long)count,
                count == 1 ? "" : "s");
    put_unanswered(run, to, pairs, count);
    free(pairs);
}

void mi_print(const mi_run *run, FILE *to)
{
    if (run->value != NULL) {
        put_matrix(run, to);
        return;
    }
    if (run->lags != NULL)
        put_lags(run, to);
    put_sides(run, to);
    if (run->r.verdict == DIM_INFORMATION_NONE) {
        put_nothing(run, to);
        return;
    }
    put_answer(run, to);
    put_candidates(run, to);
    put_curve(run, to);
}
