/* A measurement in words. */
#include "information/information.h"

#include "base/math.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct text {
    char at[4096];
    size_t used;
} text;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void put(text *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(t->at + t->used, sizeof t->at - t->used, format, list);
    va_end(list);
    if (n > 0)
        t->used = (size_t)dim__min64((int64_t)(t->used + (size_t)n), (int64_t)sizeof t->at - 1);
}

/* ---- warnings -------------------------------------------------------------------------------------------------------- */

/* Often it is a column of numbers of the rows. */
static void put_id_column(const dim__mi *m, text *t)
{
    char name[96];
    for (int k = 0; k < DIM__MI_SIDES; k++)
        for (int64_t j = 0; j < m->side[k].d; j++) {
            const dim__mi_column *c = &m->side[k].columns[j];
            if (c->distinct < m->n || !(m->side[k].discrete || c->kind == DIM_INFORMATION_KIND_UNORDERED))
                continue;
            put(t, "; %s has a value per row, which tells nothing", dim__mi_column_text(name, &m->side[k], c));
            return;
        }
}

static void put_change(const dim__mi *m, const dim__mi_answer *a, text *t)
{
    double part = (double)NAN;
    const char *which = "half";
    for (int64_t k = 0; k < a->n_curve; k++) {
        int64_t rows = (int64_t)a->curve[k][0];
        if (rows != m->n / 4 && (rows != m->n / 2 || !isnan(part)))
            continue;
        part = a->curve[k][1];
        which = rows == m->n / 4 ? "a quarter" : which;
    }
    if (a->r.method == DIM_INFORMATION_CRITIC)
        put(t, "critics that were trained on half of these rows score less, so the value would still rise with more rows");
    else
        put(t, "the value still changes with the number of rows: %s of them shows %.3f, all show %.3f; more rows would give a "
               "better one", which, part, a->r.raw);
}

static void put_few(const dim__mi *m, const dim_information_result *r, text *t)
{
    double worth = dim__mi_least_worth(m);
    if (m->groups != NULL && m->n_groups == 1)
        put(t, "all rows are of one group, which can be compared with nothing");
    else if (m->groups != NULL && m->n_groups < DIM__MI_FEW_GROUPS)
        put(t, "%lld groups are too few to say how far another group would be from them", (long long)m->n_groups);
    if (m->groups != NULL && m->n_groups < DIM__MI_FEW_GROUPS)
        return;
    put(t, "%lld row%s %s few for these columns", (long long)m->n, m->n == 1 ? " is" : "s are",
        r->verdict == DIM_INFORMATION_NONE ? "too" : "rather");
    if (!(worth < 0.999 * (double)m->n))
        return;
    put(t, ": %s%s%s, so that they are worth %.0f independent ones", m->weights != NULL ? "their weights differ" : "",
        m->weights != NULL && (m->series || m->groups != NULL) ? ", and " : "",
        m->series ? "they remember those before them" : m->groups != NULL ? "those of a group are alike" : "", worth);
    if (r->verdict == DIM_INFORMATION_NONE && (m->warnings & DIM_INFORMATION_AUTOCORRELATED) != 0)
        put(t, "; the rows look like a series, or are sorted: if they are independent of each other, say order IID");
}

/* What the first of those says that the warning is about. */
static void put_disagreement(const dim__mi *m, const dim_information *info, text *t)
{
    const dim__mi_answer *a = &info->answers[0], *other = NULL;
    for (int64_t k = info->count - 1; k > 0; k--)
        other = dim__mi_disagrees(&info->answers[k], a) ? &info->answers[k] : other;
    if (other == NULL) {
        put(t, "%s", a->remark != NULL ? a->remark : "");
        return;
    }
    put(t, "%s shows %.3f, which lies outside of the interval", dim__mi_method_name((int)other->r.method), other->r.value);
    if (dim__mi_method_of(other->r.method) == &dim__mi_knn && other->r.value < a->r.low && m->side[0].d + m->side[1].d + m->side[2].d > 4)
        put(t, "; of so many columns it errs downward");
    if (a->remark != NULL)
        put(t, "; %s", a->remark);
}

static void explain(const dim__mi *m, const dim_information *info, uint32_t bit, text *t)
{
    const dim__mi_answer *a = &info->answers[0];
    const dim_information_result *r = &a->r;
    switch (bit) {
    case DIM_INFORMATION_SATURATED:
        put(t, "%lld rows cannot show more than about %.1f nats by this method: the value is a lower bound", (long long)r->rows,
            r->ceiling);
        break;
    case DIM_INFORMATION_DETERMINISTIC:
        put(t, "one side is a function of the other: the mutual information of continuous variables is infinite then, and what is "
               "given grows like the logarithm of the rows");
        break;
    case DIM_INFORMATION_NOT_CONVERGED:
        if ((a->cut & bit) != 0)
            put(t, "training ended after max_steps, %u, while the critics' score still rose", m->o.max_steps);
        else
            put_change(m, a, t);
        break;
    case DIM_INFORMATION_SMALL_SAMPLE:
        if (a->reasons[0] != '\0')
            put(t, "no method can take these columns: %s", a->reasons);
        else
            put_few(m, r, t);
        break;
    case DIM_INFORMATION_UNDERSAMPLED:
        put(t, "too many symbols were seen once: what they tell cannot be counted%s",
            r->verdict == DIM_INFORMATION_NONE ? "" : r->method == DIM_INFORMATION_CRITIC ? ", nor learnt, and the value is a lower bound"
                                                                                         : ", and the value is not to be used as it is");
        put_id_column(m, t);
        break;
    case DIM_INFORMATION_DUPLICATES:
        put(t, "%lld row%s in all columns%s", (long long)m->duplicates, m->duplicates == 1 ? " repeats another" : "s repeat another",
            m->series ? "" : "; each was used once");
        break;
    case DIM_INFORMATION_AUTOCORRELATED:
        put(t, "both sides are autocorrelated, as of a series, or of a sorted table; the rows were taken as a series with blocks of %lld "
               "rows; order IID switches that off", (long long)m->block);
        break;
    case DIM_INFORMATION_DROPPED_ROWS:
        put(t, "%lld row%s left out", (long long)m->dropped, m->dropped == 1 ? " with missing values was" : "s with missing values were");
        break;
    case DIM_INFORMATION_CONSTANT_COLUMNS:
        put(t, "left out: %s%s%s", m->left_out, m->left_out[0] != '\0' && a->left_out[0] != '\0' ? ", " : "", a->left_out);
        break;
    case DIM_INFORMATION_PARAMETRIC:
        put(t, m->o.method == DIM_INFORMATION_GAUSS ? "the value is that of a Gaussian copula, which was asked for and not checked: "
                                                      "dependence of another kind is not in it"
                                                    : "the value rests on a Gaussian copula that these rows cannot check");
        break;
    case DIM_INFORMATION_METHODS_DISAGREE: put_disagreement(m, info, t); break;
    case DIM_INFORMATION_TIME_LIMIT: put(t, "training stopped after max_seconds, %g, before the critics had learnt what they could",
                                             (double)m->o.max_seconds); break;
    case DIM_INFORMATION_NEGATIVE: put(t, "the estimate is %.4f, below 0 by more than its error; the value is 0", r->raw); break;
    case DIM_INFORMATION_DIFFERENCE: put(t, "the value is the difference of two lower bounds, which is not a bound: it is too "
                                              "high by as much of what z tells about x as these rows have not shown"); break;
    case DIM_INFORMATION_DITHERED: put(t, "equal values were put in random orders, which leaves the information as it is"); break;
    default: put(t, "%lld rows of %lld were used", (long long)m->n, (long long)m->given); break;
    }
}

static dim_status make_texts(const dim__mi *m, dim_information *info)
{
    const dim__mi_answer *a = &info->answers[0];
    for (int bit = 0; bit < 16; bit++)
        if (a->r.warnings >> bit & 1) {
            text t = { .used = 0 };
            explain(m, info, 1u << bit, &t);
            info->texts[bit] = dim__strdup(m->ctx, t.at);
            if (info->texts[bit] == NULL)
                return DIM_E_NOMEM;
        }
    if (m->sorted > 0) {
        char name[96];
        text t = { .used = 0 };
        put(&t, "the rows are sorted by %s, and are otherwise like independent ones; if they are in the order of time, say order SERIES",
            dim__mi_column_text(name, &m->side[m->sorted_side], &m->side[m->sorted_side].columns[m->sorted - 1]));
        info->sorted = dim__strdup(m->ctx, t.at);
    }
    return m->sorted > 0 && info->sorted == NULL ? DIM_E_NOMEM : DIM_OK;
}

int64_t dim__mi_remarks(const dim_information *info)
{
    int64_t count = info->sorted != NULL;
    for (int bit = 0; bit < 32; bit++)
        count += info->texts[bit] != NULL;
    return count;
}

const char *dim__mi_remark(const dim_information *info, int64_t i)
{
    if (info->sorted != NULL && i-- == 0)
        return info->sorted;
    for (int bit = 0; bit < 32; bit++)
        if (info->texts[bit] != NULL && i-- == 0)
            return info->texts[bit];
    return "";
}

/* ---- report ---------------------------------------------------------------------------------------------------------- */

static void put_side(const dim__mi *m, int k, text *t)
{
    static const char *const names[] = { "", "continuous", "discrete", "labels", "tied" };
    const dim__mi_side *s = &m->side[k];
    int64_t count[5] = { 0 };
    const char *comma = " ";
    if (s->given == 0)
        return;
    for (int64_t j = 0; j < s->d; j++)
        count[s->columns[j].kind]++;
    put(t, "%c  %lld column%s:", s->letter, (long long)s->given, s->given == 1 ? "" : "s");
    for (int kind = 1; kind < 5; kind++)
        if (count[kind] > 0) {
            put(t, "%s%lld %s", comma, (long long)count[kind], names[kind]);
            comma = ", ";
        }
    put(t, s->d == 0 ? " constant\n" : "\n");
}

static void put_range(const dim_information_result *r, text *t)
{
    if (isfinite(r->high))
        put(t, "[%.3f, %.3f]", r->low, r->high);
    else
        put(t, "at least %.3f", r->low);
}

static void put_answer(const dim__mi *m, const dim_information_result *r, text *t)
{
    const char *what = m->side[2].given > 0 ? "I(X;Y|Z)" : "I(X;Y)";
    if (r->verdict == DIM_INFORMATION_NONE) {
        put(t, "%s: no answer\n", what);
        return;
    }
    put(t, "%s = %.3f nats, %.4g %% interval ", what, r->value, 100 * (double)m->o.confidence);
    put_range(r, t);
    if (r->permutations > 0)
        put(t, ", p = %.4g (%u permutations)", r->p_value, r->permutations);
    put(t, "\n|rho| of a Gaussian pair with this information: %.2f\n", r->correlation);
}

static void put_all(const dim__mi *m, const dim_information *info, text *t)
{
    put(t, "rows  %lld used", (long long)m->n);
    if (m->n != m->given)
        put(t, " of %lld", (long long)m->given);
    put(t, "\n");
    for (int k = 0; k < DIM__MI_SIDES; k++)
        put_side(m, k, t);
    put_answer(m, &info->answers[0].r, t);
    for (int64_t k = 0; k < info->count; k++) {
        const dim__mi_answer *a = &info->answers[k];
        put(t, "%s %-9s", k == 0 ? "method   " : "candidate", dim__mi_method_name((int)a->r.method));
        if (a->r.verdict != DIM_INFORMATION_NONE) {
            put(t, "%.3f ", a->r.value);
            put_range(&a->r, t);
        }
        put(t, "%s%s", a->components ? " of independent components" : "", a->narrow ? ", by critics that see canonical pairs" : "");
        put(t, "%s%s%s\n", a->remark != NULL ? " (" : "", a->remark != NULL ? a->remark : "", a->remark != NULL ? ")" : "");
    }
    if (info->n_curve > 1) {
        put(t, "rows used");
        for (int64_t k = 0; k < info->n_curve; k++)
            put(t, "  %.0f: %.3f", info->curve[4 * k], info->curve[4 * k + 1]);
        put(t, "\n");
    }
    for (int64_t i = 0; i < dim__mi_remarks(info); i++)
        put(t, "note: %s\n", dim__mi_remark(info, i));
}

dim_status dim__mi_describe(const dim__mi *m, dim_information *info)
{
    DIM__TRY(make_texts(m, info));
    text *t = dim__calloc(m->ctx, 1, sizeof *t); /* kilobytes, which a small stack does not have */
    if (t == NULL)
        return DIM_E_NOMEM;
    put_all(m, info, t);
    info->report = dim__strdup(m->ctx, t->at);
    dim__free(m->ctx, t);
    return info->report == NULL ? DIM_E_NOMEM : DIM_OK;
}
