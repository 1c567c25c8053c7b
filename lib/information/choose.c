/* Which methods are asked, and which one is believed. */
#include "information/information.h"

#include "base/math.h"
#include "base/rng.h"
#include "information/critic.h"

#include <stdio.h>

enum { CRITIC_ROWS = 500 }; /* that AUTO trains critics with */

const dim__mi_method *dim__mi_method_of(dim_information_method method)
{
    switch (method) {
#define X(kind, name) case DIM_INFORMATION_##kind: return &(name);
#include "information/methods.def"
#undef X
    default: return NULL;
    }
}

const char *dim__mi_method_name(int method)
{
    const dim__mi_method *m = dim__mi_method_of((dim_information_method)method);
    return m != NULL ? m->name : method == DIM_INFORMATION_AUTO ? "auto" : method == DIM_INFORMATION_CONSTANT ? "constant" : NULL;
}

/* ---- one method ------------------------------------------------------------------------------------------------------ */

/* Value of a part of the rows, for the curve. */
static dim_status curve_point(const dim__mi *m, const dim__mi_method *method, const int32_t *rows, int64_t n, dim__mi_answer *a)
{
    dim__mi part;
    dim__mi_answer one = { .r = { .size = sizeof one.r }, .pointwise = dim__calloc(m->ctx, (size_t)n, sizeof(double)) };
    char why[128];
    dim_status status = one.pointwise == NULL ? DIM_E_NOMEM : dim__mi_subset(m, rows, n, &part);
    if (one.pointwise == NULL)
        return status;
    if (status == DIM_OK && method->accepts(&part, why)) {
        status = method->run(&part, &one);
        double point[4] = { (double)n, one.r.raw, one.r.low, one.r.high };
        if (one.r.verdict != DIM_INFORMATION_NONE && isfinite(one.r.raw)) /* few groups may have nothing to say */
            memcpy(a->curve[a->n_curve++], point, sizeof point);
    }
    dim__mi_free(&part);
    dim__free(m->ctx, one.pointwise);
    return status;
}

/* A quarter and half of the rows; methods that looked at parts anyway have done it. */
static dim_status make_curve(const dim__mi *m, const dim__mi_method *method, dim__mi_answer *a)
{
    int32_t *rows = dim__calloc(m->ctx, (size_t)m->n, sizeof *rows);
    dim_status status = rows == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t i = 0; i < m->n && rows != NULL; i++)
        rows[i] = (int32_t)i;
    if (rows != NULL && !m->series && m->groups == NULL)
        dim__rng_permutation(rows, m->n, m->o.seed, DIM__MI_STREAM_CURVE);
    for (int parts = 4; parts >= 2 && status == DIM_OK && a->n_curve < parts; parts /= 2)
        if (m->n / parts >= DIM__MI_LEAST_ROWS)
            status = curve_point(m, method, rows, m->n / parts, a);
    dim__free(m->ctx, rows);
    return status;
}

static dim__mi_answer *new_answer(const dim__mi *m, dim_information *info, dim_information_method method)
{
    dim__mi_answer *a = &info->answers[info->count];
    *a = (dim__mi_answer){ .pointwise = dim__calloc(m->ctx, (size_t)m->n, sizeof(double)) };
    DIM_OPTIONS_INIT(&a->r);
    a->r.method = method;
    if (a->pointwise == NULL)
        return NULL;
    info->count++;
    return a;
}

static dim_status ask(const dim__mi *m, dim_information *info, dim_information_method method, dim__mi_answer **out)
{
    const dim__mi_method *how = dim__mi_method_of(method);
    char why[128];
    *out = NULL;
    if (!how->accepts(m, why))
        return DIM_OK;
    dim__mi_answer *a = new_answer(m, info, method);
    if (a == NULL)
        return DIM_E_NOMEM;
    DIM__TRY(how->run(m, a));
    if (a->n_curve == 0 && method != DIM_INFORMATION_CRITIC && !m->value_only) /* a critic's half has been trained already */
        DIM__TRY(make_curve(m, how, a));
    *out = a;
    return DIM_OK;
}

/* ---- all of them ----------------------------------------------------------------------------------------------------- */

static void believe(dim_information *info, dim__mi_answer *a)
{
    dim__mi_answer first = *a;
    for (; a > info->answers; a--)
        *a = a[-1];
    *a = first;
}

static dim_status nothing(const dim__mi *m, dim_information *info, dim_information_method method, uint32_t warnings)
{
    dim__mi_answer *a = new_answer(m, info, method);
    if (a == NULL)
        return DIM_E_NOMEM;
    a->r.warnings = warnings;
    a->r.rows = m->n;
    if (method != DIM_INFORMATION_CONSTANT)
        a->r.verdict = DIM_INFORMATION_NONE;
    for (int64_t i = 0; i < m->n; i++)
        a->pointwise[i] = method == DIM_INFORMATION_CONSTANT ? 0 : (double)NAN;
    return DIM_OK;
}

static dim_status ask_one(const dim__mi *m, dim_information *info)
{
    dim__mi_answer *a, *knn = NULL;
    char why[128];
    const dim__mi_method *method = dim__mi_method_of(m->o.method);
    if (!method->accepts(m, why))
        return dim__fail(m->ctx, DIM_E_UNSUPPORTED, "method %s: %s", method->name, why);
    DIM__TRY(ask(m, info, m->o.method, &a));
    if (m->o.method == DIM_INFORMATION_GAUSS && a->r.verdict == DIM_INFORMATION_ESTIMATE) /* nothing else was asked */
        a->r.warnings |= DIM_INFORMATION_PARAMETRIC;
    /* Critics do not see edges well.  Of few columns neighbours do, at next to no cost: the interval allows for it. */
    bool few = m->side[0].d + m->side[1].d + m->side[2].d <= 3 && m->weights == NULL;
    dim__mi quiet = *m; /* critics have said that all is done */
    quiet.o.progress = NULL;
    if (m->o.method == DIM_INFORMATION_CRITIC && few)
        DIM__TRY(ask(&quiet, info, DIM_INFORMATION_KNN, &knn));
    if (knn != NULL)
        dim__mi_critic_allow_for(&knn->r, &a->r);
    return DIM_OK;
}

/* Whether neighbours are asked first: up to three columns, or as many beside a discrete side, which is one label a row.  Not where most of
 * such labels were seen once: many columns are not a label. */
static dim_status few_columns(const dim__mi *m, bool *out)
{
    int64_t all = m->side[0].d + m->side[1].d + m->side[2].d;
    *out = all <= 3;
    for (int k = 0; k < 2; k++) {
        double seen = 1;
        *out = *out || (m->side[k].discrete && all - m->side[k].d <= 3);
        if (m->side[k].discrete && !m->side[1 - k].discrete && m->side[k].d > 1)
            DIM__TRY(dim__mi_coverage(m, 1u << k, &seen));
        if (seen < 0.9) {
            *out = false;
            return DIM_OK;
        }
    }
    *out = *out && m->weights == NULL;
    return DIM_OK;
}

/* Few columns: neighbours see every kind of dependence.  A Gaussian copula is asked for comparison, and because it knows
 * when one side is a function of the other. */
static dim_status ask_neighbors(const dim__mi *m, dim_information *info)
{
    dim__mi_answer *knn, *gauss;
    DIM__TRY(ask(m, info, DIM_INFORMATION_KNN, &knn));
    if (m->value_only)
        return DIM_OK;
    DIM__TRY(ask(m, info, DIM_INFORMATION_GAUSS, &gauss));
    if (knn == NULL || gauss == NULL)
        return DIM_OK;
    if ((gauss->r.warnings & DIM_INFORMATION_DETERMINISTIC) != 0) {
        knn->r.warnings |= DIM_INFORMATION_DETERMINISTIC | DIM_INFORMATION_SATURATED;
        knn->r.verdict = DIM_INFORMATION_LOWER_BOUND;
        knn->r.high = (double)INFINITY;
    }
    if (gauss->r.raw < knn->r.low - 0.01 || gauss->r.raw > knn->r.high + 0.01)
        gauss->remark = "the dependence is not that of a Gaussian copula";
    return DIM_OK;
}

/* ---- many columns ------------------------------------------------------------------------------------------------------ */

/* Whether the correlations' closed form says what the held-out rows say; these cannot speak against it above what they can
 * show (then it rests on the copula alone, and the interval is as wide as the rows leave it).  A held-out score that is lower
 * may be so for want of rows, too: then the margins decide. */
static dim_status agrees(const dim__mi *m, const dim__mi_crossfit *c, dim_information_result *gauss, bool *out)
{
    double error = dim__mi_error(m, c->base_influence, NULL), z = dim__mi_z(m), gap, gap_error;
    double train = dim__mi_worth(m) * (1 - 1 / (double)m->o.folds), pairs = (double)m->side[0].d * (double)m->side[1].d;
    bool blind = fmax(c->base_score, c->base_most) > c->ceiling - 2.5;
    bool above = fmax(c->base_score - c->base_inclusive_score, c->base_above) > 0.1;
    if (c->labels) { /* no base speaks for it or against it: critics do that have learnt something */
        gauss->warnings |= c->beats_base ? 0 : DIM_INFORMATION_PARAMETRIC;
        *out = !c->beats_base || gauss->raw <= dim__mi_critic_high(m, c);
        return DIM_OK;
    }
    if (blind || above)
        gauss->warnings |= DIM_INFORMATION_PARAMETRIC;
    if (above) {
        gauss->low = fmin(gauss->low, c->base_inclusive_score - z * dim__mi_error(m, c->base_inclusive, NULL));
        gauss->high = fmax(gauss->high, c->base_score + z * error);
    }
    *out = blind || fabs(gauss->raw - c->base_score) <= 3 * error + pairs / (2 * train) + 0.02;
    if (*out || gauss->raw < c->base_score || m->side[2].d > 0)
        return DIM_OK;
    DIM__TRY(dim__mi_margin_gap(m, &gap, &gap_error));
    *out = fabs(gap) <= 3 * gap_error + 0.02;
    return DIM_OK;
}

/* In the coordinates of m, which may be components. */
static dim_status compare_critic(const dim__mi *m, dim_information *info, dim__mi_answer *gauss, dim__mi_answer **chosen)
{
    dim__mi_crossfit c;
    bool fits = false;
    dim_status status = dim__mi_critic_measure(m, &c);
    dim__mi_answer *critic = status == DIM_OK ? new_answer(m, info, DIM_INFORMATION_CRITIC) : NULL;
    if (status == DIM_OK && critic == NULL)
        status = DIM_E_NOMEM;
    if (status == DIM_OK && gauss != NULL)
        status = agrees(m, &c, &gauss->r, &fits);
    if (status == DIM_OK) {
        dim__mi_critic_fill(m, &c, critic);
        critic->components = m->side[0].matrix != NULL || m->side[1].matrix != NULL || m->side[2].matrix != NULL;
        /* Of many columns the base's held-out score is low, and a critic may beat it without having shown more than a Gaussian
         * copula has.  With a condition less is as telling as more. */
        bool beaten = c.beats_base && !(fits && c.score <= gauss->r.raw && !c.difference);
        if (beaten && gauss != NULL)
            gauss->remark = "rows that were not trained on show more than a Gaussian copula";
        *chosen = critic;
        if (!beaten && fits) {
            gauss->r.high = fmax(gauss->r.high, dim__mi_critic_high(m, &c));
            *chosen = gauss;
            if (c.score <= gauss->r.raw)
                critic->remark = "it has shown less than a Gaussian copula has";
        } else if (!beaten) {
            dim__mi_critic_fill_base(m, &c, critic);
            if (gauss != NULL)
                gauss->remark = "rows that were not used for the correlations show another value";
        }
        dim__mi_critic_mark_cut(&c, *chosen); /* a copula that it has not refuted, too: it may have */
    }
    dim__mi_crossfit_free(m, &c);
    return status;
}

/* A Gaussian copula that neither held-out rows nor critics refute: single pairs of columns may.  m is in the coordinates
 * that the copula is of. */
static dim_status check_pairs(const dim__mi *m, dim__mi_answer *gauss)
{
    dim__mi_excess excess;
    DIM__TRY(dim__mi_find_excess(m, &excess));
    if (excess.value <= 3 * excess.error + 0.02)
        return DIM_OK;
    gauss->r.high = fmax(gauss->r.high, gauss->r.raw + excess.high);
    gauss->r.warnings |= DIM_INFORMATION_METHODS_DISAGREE;
    gauss->remark = "single pairs of columns show more than a Gaussian copula has; high allows for it";
    return DIM_OK;
}

/* The same method, of components. */
static dim_status ask_again(const dim__mi *turned, dim__mi_answer *a)
{
    const dim__mi_method *how = dim__mi_method_of(a->r.method);
    dim_information_result r = { .size = a->r.size, .method = a->r.method };
    a->r = r;
    a->n_curve = 0;
    a->components = true;
    memset(a->pointwise, 0, (size_t)turned->n * sizeof *a->pointwise);
    DIM__TRY(how->run(turned, a));
    return make_curve(turned, how, a);
}

static dim_status ask_critic(const dim__mi *m, dim_information *info, dim__mi_answer *gauss, dim__mi_answer **chosen)
{
    dim__mi turned;
    bool better;
    dim_status status = dim__mi_components(m, &turned, &better);
    if (status == DIM_OK && better && gauss != NULL)
        status = ask_again(&turned, gauss);
    if (status == DIM_OK)
        status = compare_critic(better ? &turned : m, info, gauss, chosen);
    if (status == DIM_OK && gauss != NULL && *chosen == gauss)
        status = check_pairs(better ? &turned : m, gauss);
    dim__mi_components_free(&turned);
    return status;
}

/* To be parted into folds. */
static bool too_few_groups(const dim__mi *m)
{
    return m->groups != NULL && m->n_groups < (m->o.permutations > 0 ? 5 : 4) * (int64_t)m->o.folds;
}

/* For as many correlations. */
static bool few_rows(const dim__mi *m)
{
    return dim__mi_worth(m) <= (double)(2 * (m->side[0].d + m->side[1].d + m->side[2].d) + 10);
}

/* A condition that a Gaussian copula does not see leaves dependence that is not there.  Neighbours see it, unless they err downward, which
 * shows as a value that rises with the rows. */
static bool refute(const dim_information_result *knn, const dim_information_result *gauss)
{
    return gauss->raw < knn->low || (gauss->raw > knn->high && knn->deficit <= 0.1 * fmax(knn->raw, 0) + 0.02);
}

/* A Gaussian copula, unless a critic shows more on rows that it was not trained on; and neighbours, which in few columns err
 * downward, if at all.  *chosen is NULL when none can take these columns. */
static dim_status choose_many(const dim__mi *m, dim_information *info, dim__mi_answer **chosen)
{
    dim__mi_answer *gauss, *knn = NULL;
    char why[128];
    DIM__TRY(ask(m, info, DIM_INFORMATION_GAUSS, &gauss));
    *chosen = gauss;
    bool certain = gauss != NULL && (gauss->r.warnings & DIM_INFORMATION_DETERMINISTIC) != 0;
    bool groups = too_few_groups(m);
    if (dim__mi_worth(m) >= CRITIC_ROWS && !certain && !groups)
        DIM__TRY(ask_critic(m, info, gauss, chosen));
    else if (gauss != NULL && !certain) {
        gauss->r.warnings |= DIM_INFORMATION_SMALL_SAMPLE | DIM_INFORMATION_PARAMETRIC;
        DIM__TRY(check_pairs(m, gauss));
    } else if (gauss == NULL && !groups && dim__mi_critic_method.accepts(m, why))
        DIM__TRY(ask(m, info, DIM_INFORMATION_CRITIC, chosen));
    if (m->side[0].d + m->side[1].d + m->side[2].d <= 6)
        DIM__TRY(ask(m, info, DIM_INFORMATION_KNN, &knn));
    if (gauss == NULL && *chosen != NULL && (*chosen)->r.method == DIM_INFORMATION_CRITIC && few_rows(m)) {
        (*chosen)->r.warnings |= DIM_INFORMATION_SMALL_SAMPLE;
        (*chosen)->r.verdict = DIM_INFORMATION_LOWER_BOUND;
        (*chosen)->r.high = (double)INFINITY;
    }
    if (knn != NULL && (knn->r.warnings & DIM_INFORMATION_UNDERSAMPLED) != 0 && *chosen != NULL) /* of a few rows */
        knn = NULL;
    info->contest = knn != NULL && *chosen != NULL && (*chosen)->r.method == DIM_INFORMATION_CRITIC;
    if (knn != NULL && (*chosen == NULL || (knn->r.verdict != DIM_INFORMATION_NONE &&
                                            knn->r.raw > (*chosen)->r.raw + 2 * (*chosen)->r.standard_error))) {
        knn->r.warnings |= *chosen != NULL ? (*chosen)->cut & DIM_INFORMATION_TIME_LIMIT : 0; /* with more time it may not have been */
        *chosen = knn;
    }
    if (m->side[2].d > 0 && knn != NULL && *chosen == gauss && !certain && refute(&knn->r, &gauss->r)) {
        gauss->remark = "neighbours show another value";
        *chosen = knn;
    }
    if (knn != NULL && *chosen != NULL && (*chosen)->r.method == DIM_INFORMATION_CRITIC)
        dim__mi_critic_allow_for(&knn->r, &(*chosen)->r);
    info->rivals = gauss != NULL && knn != NULL && (*chosen == gauss || *chosen == knn);
    return DIM_OK;
}

static dim_status ask_many(const dim__mi *m, dim_information *info)
{
    dim__mi_answer *chosen;
    DIM__TRY(choose_many(m, info, &chosen));
    if (chosen != NULL)
        believe(info, chosen);
    return DIM_OK;
}

/* ---- counts ------------------------------------------------------------------------------------------------------------ */

static bool has_labels(const dim__mi *m)
{
    for (int k = 0; k < DIM__MI_SIDES; k++)
        for (int64_t j = 0; j < m->side[k].d; j++)
            if (m->side[k].columns[j].kind == DIM_INFORMATION_KIND_UNORDERED)
                return true;
    return false;
}

/* Too many symbols were seen once.  Numbers have an order, by which nearness and correlations tell more than counts do; of labels
 * critics may.  Counts are still believed when they show more, with all that is uncertain about them; and beside a critic that
 * has found nothing, and is below 0 by its error, which tells that it learnt what is not there.  Of labels that were seen once, most of
 * them, nothing can be learnt: what critics show is not all. */
static dim_status ask_otherwise(const dim__mi *m, dim_information *info, dim__mi_answer *counts)
{
    dim__mi_answer *other = NULL;
    if (m->side[0].d + m->side[1].d + m->side[2].d <= 3)
        DIM__TRY(ask(m, info, DIM_INFORMATION_KNN, &other));
    if (other == NULL && !m->pairwise)
        DIM__TRY(choose_many(m, info, &other));
    if (other == NULL)
        return DIM_OK;
    bool wrong = other->r.method == DIM_INFORMATION_CRITIC && other->r.raw < -other->r.standard_error;
    if (wrong || (counts->r.verdict == DIM_INFORMATION_ESTIMATE && counts->r.low > other->r.raw)) {
        other->remark = wrong ? "it has learnt what is not there" : "counts show more";
        info->rivals = info->contest = false;
        return DIM_OK;
    }
    if (counts->r.verdict == DIM_INFORMATION_NONE && other->r.method == DIM_INFORMATION_CRITIC && has_labels(m)) {
        other->r.warnings |= DIM_INFORMATION_UNDERSAMPLED;
        other->r.verdict = DIM_INFORMATION_LOWER_BOUND;
        other->r.high = (double)INFINITY;
    }
    counts->remark = "too many symbols were seen once";
    believe(info, other);
    return DIM_OK;
}

/* Why no method can take these columns. */
static void give_reasons(const dim__mi *m, char to[DIM__MI_REASONS])
{
    static const dim_information_method methods[3] = { DIM_INFORMATION_KNN, DIM_INFORMATION_GAUSS, DIM_INFORMATION_CRITIC };
    for (int k = 0; k < 3; k++) {
        const dim__mi_method *method = dim__mi_method_of(methods[k]);
        char why[128];
        size_t used = strlen(to);
        if (method->accepts(m, why)) /* and was not asked */
            snprintf(why, sizeof why, method == &dim__mi_knn ? "it errs downward in more than 6 columns, and can be asked for by name"
                                                             : "groups are too few to part");
        snprintf(to + used, DIM__MI_REASONS - used, "%s%s: %s", used > 0 ? "; " : "", method->name, why);
    }
}

dim_status dim__mi_choose(const dim__mi *m, dim_information *info)
{
    dim__mi_answer *a = NULL;
    int64_t x = m->side[0].d, y = m->side[1].d, z = m->side[2].d;
    bool discrete_x = m->side[0].discrete, discrete_y = m->side[1].discrete, few;
    info->answers = dim__calloc(m->ctx, 8, sizeof *info->answers);
    if (info->answers == NULL)
        return DIM_E_NOMEM;
    if (dim__mi_least_worth(m) < DIM__MI_LEAST_ROWS)
        return nothing(m, info, m->o.method, DIM_INFORMATION_SMALL_SAMPLE);
    if (x == 0 || y == 0)
        return nothing(m, info, DIM_INFORMATION_CONSTANT, 0);
    if (m->groups != NULL && m->n_groups < 2)
        return nothing(m, info, m->o.method, DIM_INFORMATION_SMALL_SAMPLE);
    if (m->o.method != DIM_INFORMATION_AUTO)
        return ask_one(m, info);
    if (discrete_x && discrete_y && (z == 0 || m->side[2].discrete)) {
        DIM__TRY(ask(m, info, DIM_INFORMATION_DISCRETE, &a));
        if (a != NULL && (a->r.warnings & DIM_INFORMATION_UNDERSAMPLED) != 0)
            return ask_otherwise(m, info, a);
    } else {
        DIM__TRY(few_columns(m, &few));
        DIM__TRY(few ? ask_neighbors(m, info) : ask_many(m, info));
        if (few && info->count == 0 && !m->pairwise) /* labels against labels, given numbers */
            DIM__TRY(ask_many(m, info));
    }
    if (info->count == 0) {
        DIM__TRY(nothing(m, info, DIM_INFORMATION_AUTO, DIM_INFORMATION_SMALL_SAMPLE));
        give_reasons(m, info->answers[0].reasons);
    }
    if (a != NULL)
        believe(info, a);
    return DIM_OK;
}
