/* CRITIC: the held-out score of cross-fitted critics, and what their learning curve says is still missing. */
#include "information/critic.h"

#include "base/math.h"

#include <stdio.h>

enum { LEAST = 200 };

static bool accepts(const dim__mi *m, char why[128])
{
    if (m->n >= LEAST)
        return true;
    snprintf(why, 128, "%lld rows are too few to train on and to test; at least %d", (long long)m->n, LEAST);
    return false;
}

double dim__mi_critic_high(const dim__mi *m, const dim__mi_crossfit *c)
{
    double error = dim__mi_error(m, c->influence, NULL);
    double high = c->score + 2.5 * fmax(0, c->gain) + dim__mi_z(m) * sqrt(error * error + 6.25 * c->gain_error * c->gain_error);
    return fmax(high, c->hidden);
}

void dim__mi_critic_mark_cut(const dim__mi_crossfit *c, dim__mi_answer *a)
{
    if (c->cut == 0)
        return;
    a->cut = c->cut;
    a->r.warnings |= c->cut;
    a->r.verdict = DIM_INFORMATION_LOWER_BOUND;
    a->r.low = c->less_cut ? fmin(a->r.low, 0) : a->r.low; /* less is to be subtracted than there is */
    a->r.high = (double)INFINITY;
}

/* Of a difference, the lesser score may be too low by what it has not learnt, and the difference too high by as much. */
static double low_of(const dim__mi *m, const dim__mi_crossfit *c, double score, double error)
{
    double z = dim__mi_z(m);
    if (!c->difference)
        return score - z * error;
    double low = score - z * sqrt(error * error + 6.25 * c->gain_error * c->gain_error) - 2.5 * fmax(0, c->lesser_gain);
    return c->unlearnt ? fmin(low, 0) : low;
}

/* A held-out score is a lower bound.  If what is still missing falls as n^-g, it is gain / (2^g - 1): 1.5 gains for
 * g = 0.75 are the value, 2.5 for g = 0.5 the end of the interval. */
void dim__mi_critic_fill(const dim__mi *m, dim__mi_crossfit *c, dim__mi_answer *a)
{
    dim_information_result *r = &a->r;
    double error = dim__mi_error(m, c->influence, &r->effective_rows), z = dim__mi_z(m), gain = fmax(0, c->gain);
    double most = 0.5 * fmax(c->score, 0);
    r->bound = c->score;
    r->raw = c->score + (c->difference ? fmax(fmin(1.5 * c->gain, most), -most) : fmin(1.5 * gain, most));
    r->standard_error = error;
    r->low = low_of(m, c, c->score, error);
    r->high = dim__mi_critic_high(m, c);
    if (c->difference)
        r->warnings |= DIM_INFORMATION_DIFFERENCE;
    r->deficit = r->high - c->score - z * error;
    r->ceiling = c->ceiling;
    r->rows = m->n;
    if (gain > 0.1 * c->score + 0.02)
        r->warnings |= DIM_INFORMATION_NOT_CONVERGED;
    if (fmax(c->score - c->inclusive_score, c->above) > 0.1) {
        r->warnings |= DIM_INFORMATION_SATURATED;
        r->verdict = DIM_INFORMATION_LOWER_BOUND;
        /* With the own pair in both means, a mean of n rows is dominated by it: rows' shares in other means add nothing. */
        r->standard_error = dim__mi_error(m, c->inclusive, NULL);
        r->raw = c->inclusive_score;
        r->low = low_of(m, c, c->inclusive_score, r->standard_error);
        r->high = (double)INFINITY;
    }
    dim__mi_critic_mark_cut(c, a);
    a->narrow = c->narrow;
    a->fitted = c->fitted;
    c->fitted = NULL;
    if (c->null != NULL) {
        r->p_value = c->p_value;
        r->permutations = (uint32_t)c->permutations;
        a->null = c->null;
        c->null = NULL;
    }
    for (int64_t i = 0; i < m->n; i++)
        a->pointwise[i] = c->pointwise[i] + r->raw - c->score;
}

/* The base's own held-out score, where neither the critic beat it nor the Gaussian copula agrees with it. */
void dim__mi_critic_fill_base(const dim__mi *m, const dim__mi_crossfit *c, dim__mi_answer *a)
{
    dim_information_result *r = &a->r;
    double error = dim__mi_error(m, c->base_influence, &r->effective_rows), z = dim__mi_z(m);
    r->raw = r->bound = c->base_score;
    r->standard_error = error;
    r->low = c->base_score - z * error;
    r->high = fmax(dim__mi_critic_high(m, c), c->base_score + z * error);
    r->deficit = r->high - c->base_score - z * error;
    r->verdict = DIM_INFORMATION_ESTIMATE; /* what the critic's score was */
    r->warnings &= ~(uint32_t)DIM_INFORMATION_SATURATED;
    if (fmax(c->base_score - c->base_inclusive_score, c->base_above) > 0.1) {
        r->standard_error = dim__mi_error(m, c->base_inclusive, NULL);
        r->raw = c->base_inclusive_score;
        r->low = r->raw - z * r->standard_error;
        r->high = (double)INFINITY;
        r->warnings |= DIM_INFORMATION_SATURATED;
        r->verdict = DIM_INFORMATION_LOWER_BOUND;
    }
    for (int64_t i = 0; i < m->n; i++)
        a->pointwise[i] = c->base_pointwise[i] + r->raw - c->base_score;
}

/* Where they have shown no more than neighbours, they have hardly learnt what these see. */
void dim__mi_critic_allow_for(const dim_information_result *knn, dim_information_result *critic)
{
    bool both = knn->verdict == DIM_INFORMATION_ESTIMATE && critic->verdict == DIM_INFORMATION_ESTIMATE;
    double more = knn->high - critic->high;
    if (!both || !(knn->raw > critic->bound) || !(more > 0))
        return;
    critic->high += more;
    critic->deficit += more;
}

/* Whether the critic's rows differ from the base's by more than two standard errors and a hundredth; of a difference of scores, in either
 * direction: a base that does not see what z tells of x leaves too much to y. */
static dim_status compare_with_base(const dim__mi *m, dim__mi_crossfit *c)
{
    double *difference = dim__calloc(m->ctx, (size_t)m->n, sizeof *difference), gain = c->score - c->base_score;
    if (difference == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < m->n; i++)
        difference[i] = c->influence[i] - c->base_influence[i];
    gain = c->difference ? fabs(gain) : gain;
    c->beats_base = c->beats_base || gain > fmax(2 * dim__mi_error(m, difference, NULL), 0.01 + 0.01 * fmax(c->base_score, 0));
    dim__free(m->ctx, difference);
    return DIM_OK;
}

/* I(X;Y|Z) = I(X;(Y,Z)) - I(X;Z) on the same folds. */
static dim_status subtract(const dim__mi *m, dim__mi_crossfit *c)
{
    static const uint32_t sides[2] = { 1, 4 };
    dim__mi_crossfit less;
    dim_status status = dim__mi_crossfit_run(m, sides, (dim__mi_span){ 0.5, 1 }, &less);
    if (status == DIM_OK)
        status = compare_with_base(m, &less);
    for (int64_t i = 0; i < m->n && status == DIM_OK; i++) {
        c->pointwise[i] -= less.pointwise[i];
        c->influence[i] -= less.influence[i];
        c->inclusive[i] -= less.inclusive[i];
        c->base_pointwise[i] -= less.base_pointwise[i];
        c->base_influence[i] -= less.base_influence[i];
        c->base_inclusive[i] -= less.base_inclusive[i];
    }
    if (status == DIM_OK) { /* two scores that say no more than that there is much may differ by nothing */
        c->difference = true;
        c->above = fmax(c->score - c->inclusive_score, less.score - less.inclusive_score);
        c->base_above = fmax(c->base_score - c->base_inclusive_score, less.base_score - less.base_inclusive_score);
        c->base_most = fmax(c->base_score, less.base_score);
        c->score -= less.score;
        c->inclusive_score -= less.inclusive_score;
        c->base_score -= less.base_score;
        c->base_inclusive_score -= less.base_inclusive_score;
        c->gain -= less.gain;
        c->lesser_gain = less.gain;
        c->unlearnt = less.gain + less.gain_error > 0.1 * fmax(less.score, 0) + 0.02;
        c->gain_error = sqrt(c->gain_error * c->gain_error + less.gain_error * less.gain_error);
        c->cut |= less.cut;
        c->less_cut = less.cut != 0;
        c->beats_base = c->beats_base || less.beats_base;
        status = compare_with_base(m, c);
    }
    dim__mi_crossfit_free(m, &less);
    return status;
}

dim_status dim__mi_critic_measure(const dim__mi *m, dim__mi_crossfit *c)
{
    bool condition = m->side[2].d > 0;
    const uint32_t sides[2] = { 1, condition ? 6 : 2 };
    DIM__TRY(dim__mi_crossfit_run(m, sides, (dim__mi_span){ 0, condition ? 0.5 : 1 }, c));
    DIM__TRY(compare_with_base(m, c));
    return condition ? subtract(m, c) : DIM_OK;
}

static dim_status run(const dim__mi *m, dim__mi_answer *a)
{
    dim__mi turned;
    dim__mi_crossfit c = { .score = 0 };
    dim_status status = dim__mi_components(m, &turned, &a->components);
    if (status == DIM_OK)
        status = dim__mi_critic_measure(a->components ? &turned : m, &c);
    if (status == DIM_OK)
        dim__mi_critic_fill(m, &c, a);
    dim__mi_crossfit_free(m, &c);
    dim__mi_components_free(&turned);
    return status;
}

const dim__mi_method dim__mi_critic_method = { "critic", accepts, run, NULL };
