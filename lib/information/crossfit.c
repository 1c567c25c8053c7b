/* Cross-fitting: every row is scored by a critic that was trained on others (folds.c). */
#include "information/critic.h"

#include "base/math.h"
#include "base/rng.h"
#include "information/special.h"
#include "kernels/kernels.h"

enum { HALVES = 3, FEW_COLUMNS = 10, ENOUGH = 2000, MOST_FOLDS = 20 };
/* Permutations, however few were asked for: they cost next to nothing here, and of few the least p of one fold is too large for three. */
enum { LEAST_ORDERS = 199 };

typedef struct crossfit {
    const dim__mi *m;
    dim__mi_inputs in;
    dim__mi_folds folds;
    dim__mi_critic *wide, *narrow; /* (folds); of a fold without narrow critic, that has no `narrow` */
    dim__mi_span span;
    double done;                 /* trainings, of `trainings` */
    double trainings;
    double p[MOST_FOLDS];        /* p-values of folds */
    int64_t n_p;
    int64_t asked;               /* permutations of a fold that has as many */
    dim__mi_crossfit *out;
} crossfit;

/* ---- scores ---------------------------------------------------------------------------------------------------------- */

typedef struct scores {
    double *pointwise, *influence, *inclusive; /* (n) of all rows; influence may be NULL: not wanted */
} scores;

/* Partners of others of the same fold, for which the critic stays as it is: n products a permutation.  x's rows are exchanged:
 * with a condition they are near in it, and what the critic sees of y and z stays together. */
static dim_status permute(crossfit *c, int fold, const dim__mi_rows *r, const float *x, const float *y, int64_t width, bool counts)
{
    const dim__mi *m = c->m;
    dim__mi part;
    dim__mi_orders orders = { .m = &part };
    int64_t count = 0, n = r->n_test, least = 0;
    double own = 0;
    int32_t *order = dim__calloc(m->ctx, (size_t)n, sizeof *order);
    dim_status status = dim__mi_subset(m, r->test, n, &part);
    part.o.permutations = (uint32_t)(m->series ? c->out->permutations : c->asked);
    part.o.seed = dim__mix(m->o.seed, DIM__MI_STREAM_FOLD_ORDER + (uint64_t)fold);
    if (status == DIM_OK)
        status = order == NULL ? DIM_E_NOMEM : dim__mi_orders_create(&part, &orders);
    count = orders.count; /* the fold's groups may have fewer orders, or more than those of another fold */
    for (int64_t b = 0; b <= count && status == DIM_OK; b++) {
        double sum = 0;
        dim__mi_order(&orders, b, order);
        for (int64_t i = 0; i < n; i++)
            sum += m->ctx->kernels->dot(x + order[i] * width, y + i * width, width);
        if (b == 0) {
            own = sum;
            continue;
        }
        least += sum >= dim__mi_least(own, 1e-6); /* products in single precision */
        if (counts && b <= c->out->permutations)
            c->out->null[b - 1] += sum / (double)m->n;
    }
    c->p[c->n_p++] = (double)(1 + least) / (double)(1 + count);
    dim__free(m->ctx, order);
    dim__mi_orders_free(&orders);
    dim__mi_free(&part);
    return status;
}

/* A critic that is nothing says nothing of any order.  Its strongest pair, which is too weak to be scored by, does. */
static dim_status permute_lone(crossfit *c, int fold, const dim__mi_rows *r, const dim__mi_critic *critic)
{
    const dim__mi *m = c->m;
    const dim__mi_inputs *in = critic->narrow != NULL ? &critic->narrow->in : &c->in;
    dim__mi_base pair = critic->base;
    pair.kept = 1;
    int64_t width = dim__mi_base_width(&pair), n = r->n_test;
    float *x = dim__calloc(m->ctx, (size_t)n, 2 * (size_t)width * sizeof *x), *y = DIM__BEHIND(x, n * width);
    if (x == NULL)
        return DIM_E_NOMEM;
    dim__mi_base_features(&pair, in, 0, r->test, n, x);
    dim__mi_base_features(&pair, in, 1, r->test, n, y);
    dim_status status = permute(c, fold, r, x, y, width, false);
    dim__free(m->ctx, x);
    return status;
}

/* fold: whose permutations are to be made, too; -1 = none. */
static dim_status score_rows(crossfit *c, const dim__mi_critic *critic, const dim__mi_rows *r, bool base_alone, int fold, scores to)
{
    const dim__mi *m = c->m;
    int64_t width = dim__mi_critic_width(critic, base_alone), n = r->n_test;
    float *x = dim__calloc(m->ctx, (size_t)n, 2 * (size_t)width * sizeof *x);
    double *found = dim__calloc(m->ctx, (size_t)n, 4 * sizeof *found), *weights = DIM__BEHIND(found, 3 * n);
    dim__mi_held_out out = { .pointwise = found, .inclusive = DIM__BEHIND(found, 2 * n) };
    out.influence = to.influence != NULL ? DIM__BEHIND(found, n) : NULL;
    dim_status status = x == NULL || found == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t i = 0; i < n && status == DIM_OK && m->weights != NULL; i++)
        weights[i] = m->weights[r->test[i]];
    if (status == DIM_OK)
        status = dim__mi_critic_features(m, critic, &c->in, r->test, n, base_alone, x, x + n * width);
    if (status == DIM_OK)
        status = dim__mi_held_out_score(m->ctx, x, x + n * width, m->weights != NULL ? weights : NULL, n, width, &out);
    if (status == DIM_OK && fold >= 0 && c->out->null != NULL)
        status = base_alone && critic->base.lone ? permute_lone(c, fold, r, critic)
                                                 : permute(c, fold, r, x, x + n * width, width, true);
    for (int64_t i = 0; i < n && status == DIM_OK; i++) {
        to.pointwise[r->test[i]] = out.pointwise[i];
        if (to.influence != NULL)
            to.influence[r->test[i]] = out.influence[i];
        to.inclusive[r->test[i]] = out.inclusive[i];
    }
    dim__free(m->ctx, x);
    dim__free(m->ctx, found);
    return status;
}

/* The next training's share of what the caller hears. */
static dim__mi_span next(crossfit *c)
{
    double step = (c->span.end - c->span.begin) / c->trainings, begin = c->span.begin + step * c->done++;
    return (dim__mi_span){ begin, begin + step };
}

/* Kinds of critics are chosen by their scores, and halves tell what is still missing: one that was cut leaves the answer open. */
static dim_status train(crossfit *c, const dim__mi_rows *r, uint64_t seed, dim__mi_critic *out)
{
    dim_status status = dim__mi_critic_train(c->m, &c->in, r, seed, next(c), out);
    c->out->cut |= out->cut;
    return status;
}

/* What many columns hold is easily lost among them, if it lies in a few pairs. */
static bool may_be_narrow(const crossfit *c, const dim__mi_base *base)
{
    const int64_t *d = c->in.plain;
    return d[0] + d[1] > FEW_COLUMNS && base->kept >= 1 && base->kept < dim__min64(d[0], d[1]);
}

static dim_status train_narrow(crossfit *c, const dim__mi_rows *r, const dim__mi_base *base, uint64_t seed, dim__mi_critic *out)
{
    const dim__mi *m = c->m;
    out->narrow = dim__calloc(m->ctx, 1, sizeof *out->narrow);
    if (out->narrow == NULL)
        return DIM_E_NOMEM;
    DIM__TRY(dim__mi_narrow_make(m, &c->in, base, out->narrow));
    return train(c, r, dim__mix(seed, DIM__MI_STREAM_NARROW), out);
}

static dim_status train_fold(crossfit *c, int fold)
{
    const dim__mi *m = c->m;
    dim__mi_rows r;
    dim__mi_folds_rows(&c->folds, fold, 1, &r);
    if (r.n_test < 2 || r.n_train < 16 || r.n_validation < 2)
        return dim__fail(m->ctx, DIM_E_UNSUPPORTED, "fold %d of %u has %lld rows to train on, %lld to validate and %lld to test: too few",
                         fold, m->o.folds, (long long)r.n_train, (long long)r.n_validation, (long long)r.n_test);
    uint64_t seed = dim__mix(m->o.seed, DIM__MI_STREAM_FOLD + (uint64_t)fold);
    DIM__TRY(train(c, &r, seed, &c->wide[fold]));
    if (may_be_narrow(c, &c->wide[fold].base))
        return train_narrow(c, &r, &c->wide[fold].base, seed, &c->narrow[fold]);
    c->done++;
    return DIM_OK;
}

/* Narrow critics are taken for all folds or for none, by what rows for validation say. */
static bool narrow_is_better(const crossfit *c)
{
    double wide = 0, narrow = 0;
    for (int fold = 0; fold < (int)c->m->o.folds; fold++) {
        if (c->narrow[fold].narrow == NULL)
            return false;
        wide += c->wide[fold].validation;
        narrow += c->narrow[fold].validation;
    }
    return narrow > wide;
}

static dim_status score_fold(crossfit *c, int fold)
{
    const dim__mi_critic *critic = c->out->narrow ? &c->narrow[fold] : &c->wide[fold];
    dim__mi_rows r;
    scores base = { c->out->base_pointwise, c->out->base_influence, c->out->base_inclusive };
    scores all = { c->out->pointwise, c->out->influence, c->out->inclusive };
    dim__mi_folds_rows(&c->folds, fold, 1, &r);
    c->out->ceiling = fmin(c->out->ceiling, log((double)r.n_test));
    c->out->hidden = fmax(c->out->hidden, critic->base.hidden);
    DIM__TRY(score_rows(c, &c->wide[fold], &r, true, -1, base));
    return score_rows(c, critic, &r, !critic->residual, fold, all);
}

/* A critic of the same kind by half the rows; of a fold whose half shows no pairs, a wide one. */
static dim_status train_half(crossfit *c, const dim__mi_rows *r, uint64_t seed, dim__mi_critic *out)
{
    const dim__mi *m = c->m;
    dim__mi_base base;
    if (!c->out->narrow)
        return train(c, r, seed, out);
    dim_status status = dim__mi_base_fit(m, &c->in, r->train, r->n_train, &base);
    if (status == DIM_OK)
        status = may_be_narrow(c, &base) ? train_narrow(c, r, &base, seed, out) : train(c, r, seed, out);
    dim__mi_base_free(m->ctx, &base);
    return status;
}

/* On the same test rows: how much the other half brought.  A critic that scores below 0 has learnt noise, of few rows much of it, and is
 * worth as much as one that has learnt nothing: that the other half keeps it from that is not information that more rows would add. */
static dim_status run_half(crossfit *c, int fold, double *half, double *difference, double *gain)
{
    const dim__mi *m = c->m;
    dim__mi_rows r;
    dim__mi_critic critic = { .residual = false };
    scores to = { half, half + m->n, half + 2 * m->n };
    double weights = 0, score[2] = { 0 }; /* of all, of half */
    dim__mi_folds_rows(&c->folds, fold, 0.5, &r);
    if (r.n_train < 16)
        return DIM_OK;
    dim_status status = train_half(c, &r, dim__mix(m->o.seed, DIM__MI_STREAM_HALF + (uint64_t)fold), &critic);
    if (status == DIM_OK)
        status = score_rows(c, &critic, &r, !critic.residual, -1, to);
    for (int64_t i = 0; i < r.n_test && status == DIM_OK; i++) {
        double w = m->weights != NULL ? m->weights[r.test[i]] : 1;
        score[0] += w * c->out->pointwise[r.test[i]];
        score[1] += w * to.pointwise[r.test[i]];
        weights += w;
    }
    for (int64_t i = 0; i < r.n_test && status == DIM_OK; i++) {
        int32_t row = r.test[i];
        difference[row] = (score[0] > 0 ? c->out->influence[row] : 0) - (score[1] > 0 ? to.influence[row] : 0);
    }
    *gain = weights > 0 ? (fmax(score[0], 0) - fmax(score[1], 0)) / weights : 0;
    dim__mi_critic_free(m->ctx, &critic);
    return status;
}

static dim_status find_gain(crossfit *c)
{
    const dim__mi *m = c->m;
    double *room = dim__calloc(m->ctx, (size_t)m->n, 4 * sizeof *room), gain[HALVES] = { 0 };
    dim_status status = room == NULL ? DIM_E_NOMEM : DIM_OK;
    int halves = (int)dim__min64(HALVES, (int64_t)m->o.folds);
    for (int64_t i = 0; i < m->n && status == DIM_OK; i++)
        room[i] = (double)NAN;
    for (int fold = 0; fold < halves && status == DIM_OK; fold++)
        status = run_half(c, fold, room + m->n, room, &gain[fold]);
    if (status == DIM_OK) { /* rows that were tested, and how each training went */
        double rows = dim__mi_error(m, room, NULL), trainings = dim__mi_deviation(gain, halves) / sqrt(halves);
        c->out->gain = dim__mi_mean(gain, halves);
        c->out->gain_error = sqrt((isnan(rows) ? 0 : rows * rows) + trainings * trainings);
    }
    dim__free(m->ctx, room);
    return status;
}

/* ---- all together ---------------------------------------------------------------------------------------------------- */

static bool make_room(crossfit *c)
{
    const dim__mi *m = c->m;
    double **const arrays[6] = { &c->out->pointwise, &c->out->influence, &c->out->inclusive,
                                 &c->out->base_pointwise, &c->out->base_influence, &c->out->base_inclusive };
    c->wide = dim__calloc(m->ctx, m->o.folds, 2 * sizeof *c->wide);
    c->narrow = DIM__BEHIND(c->wide, m->o.folds);
    bool room = c->wide != NULL;
    for (int k = 0; k < 6 && room; k++) {
        *arrays[k] = dim__calloc(m->ctx, (size_t)m->n, sizeof **arrays[k]);
        room = *arrays[k] != NULL;
        for (int64_t i = 0; i < m->n && room; i++)
            (*arrays[k])[i] = (double)NAN;
    }
    return room;
}

/* The critics that were taken, without the rows that they saw. */
static dim_status keep_critics(crossfit *c)
{
    dim_context *ctx = c->m->ctx;
    dim__mi_fitted *f = c->out->fitted = dim__calloc(ctx, 1, sizeof *f);
    if (f == NULL)
        return DIM_E_NOMEM;
    for (int side = 0; side < 2; side++)
        DIM__TRY(dim__mi_coordinates_keep(ctx, &c->m->side[side], &f->coordinates[side]));
    f->critic = dim__calloc(ctx, c->m->o.folds, sizeof *f->critic);
    if (f->critic == NULL)
        return DIM_E_NOMEM;
    f->in = c->in;
    c->in = (dim__mi_inputs){ .n = 0 };
    f->count = (int64_t)c->m->o.folds;
    memcpy(f->critic, c->out->narrow ? c->narrow : c->wide, (size_t)f->count * sizeof *f->critic);
    memset(c->out->narrow ? c->narrow : c->wide, 0, (size_t)f->count * sizeof *f->critic);
    dim__mi_inputs_forget(ctx, &f->in);
    for (int64_t k = 0; k < f->count; k++)
        if (f->critic[k].narrow != NULL)
            dim__mi_inputs_forget(ctx, &f->critic[k].narrow->in);
    return DIM_OK;
}

static dim_status run_all(crossfit *c, const uint32_t sides[2])
{
    const dim__mi *m = c->m;
    int folds = (int)m->o.folds;
    c->trainings = 2 * folds + HALVES;
    if (m->o.permutations > 0 && (sides[1] & 2) != 0) { /* of what y tells, not of what the condition does */
        DIM__TRY(dim__mi_orders_check(m, m->series ? m->n / folds : m->n));
        if (m->groups != NULL && m->n_groups < 5 * (int64_t)folds)
            return dim__fail(m->ctx, DIM_E_UNSUPPORTED, "permutations by critics need at least 5 groups in each of %d folds, but there are "
                             "%lld in all", folds, (long long)m->n_groups);
        c->asked = dim__max64((int64_t)m->o.permutations, LEAST_ORDERS);
        c->out->permutations = dim__mi_orders_count(m, c->asked, m->n / folds); /* the least of a fold */
        if (m->groups != NULL)
            c->out->permutations = dim__min64(c->out->permutations, dim__mi_orders_of(m->n_groups / folds, c->asked) - 1);
        c->out->null = dim__calloc(m->ctx, (size_t)c->out->permutations, sizeof *c->out->null);
        if (c->out->null == NULL)
            return DIM_E_NOMEM;
    }
    DIM__TRY(dim__mi_inputs_make(m, sides, &c->in));
    DIM__TRY(dim__mi_folds_make(m, &c->folds));
    c->out->labels = dim__mi_labels_alone(&c->in);
    c->out->ceiling = (double)INFINITY;
    for (int fold = 0; fold < folds; fold++)
        DIM__TRY(train_fold(c, fold));
    c->out->narrow = narrow_is_better(c);
    for (int fold = 0; fold < folds; fold++)
        DIM__TRY(score_fold(c, fold));
    DIM__TRY(find_gain(c));
    c->out->p_value = c->n_p > 0 ? dim__combined_p(c->p, c->n_p, 1 - 0.5 / (double)(1 + c->out->permutations)) : 1;
    c->out->score = dim__mi_weighted_mean(m, c->out->pointwise);
    c->out->inclusive_score = dim__mi_weighted_mean(m, c->out->inclusive);
    c->out->base_score = dim__mi_weighted_mean(m, c->out->base_pointwise);
    c->out->base_inclusive_score = dim__mi_weighted_mean(m, c->out->base_inclusive);
    DIM__TRY(dim__mi_progress(m, c->span.end, "critics"));
    return m->side[2].d == 0 ? keep_critics(c) : DIM_OK;
}

static void end(crossfit *c)
{
    dim_context *ctx = c->m->ctx;
    dim__mi_inputs_free(ctx, &c->in);
    for (int k = 0; k < 2 * (int)c->m->o.folds && c->wide != NULL; k++)
        dim__mi_critic_free(ctx, &c->wide[k]); /* narrow ones follow */
    dim__free(ctx, c->wide);
    dim__mi_folds_free(ctx, &c->folds);
}

dim_status dim__mi_crossfit_run(const dim__mi *m, const uint32_t sides[2], dim__mi_span span, dim__mi_crossfit *out)
{
    crossfit c = { .m = m, .out = out, .span = span };
    *out = (dim__mi_crossfit){ .score = 0 };
    dim_status status = make_room(&c) ? run_all(&c, sides) : DIM_E_NOMEM;
    end(&c);
    return status;
}

/* Some thousands of test rows say which coordinates are better. */
static dim_status score_base(crossfit *c, int fold)
{
    dim__mi_rows r;
    scores to = { c->out->pointwise, NULL, c->out->inclusive };
    dim__mi_folds_rows(&c->folds, fold, 1, &r);
    if (r.n_test < 2 || r.n_train < 16)
        return DIM_OK;
    int64_t step = (r.n_test + ENOUGH - 1) / ENOUGH;
    for (int64_t i = 0; i * step < r.n_test; i++)
        r.test[i] = r.test[i * step];
    r.n_test = (r.n_test + step - 1) / step;
    DIM__TRY(dim__mi_base_fit(c->m, &c->in, r.train, r.n_train, &c->wide[fold].base));
    return score_rows(c, &c->wide[fold], &r, true, -1, to);
}

dim_status dim__mi_crossfit_base(const dim__mi *m, double *inclusive)
{
    const uint32_t sides[2] = { 1, m->side[2].d > 0 ? 6 : 2 };
    dim__mi_crossfit out = { .score = 0 };
    crossfit c = { .m = m, .out = &out };
    dim_status status = make_room(&c) ? dim__mi_inputs_make(m, sides, &c.in) : DIM_E_NOMEM;
    if (status == DIM_OK)
        status = dim__mi_folds_make(m, &c.folds);
    for (int fold = 0; fold < (int)m->o.folds && status == DIM_OK; fold++)
        status = score_base(&c, fold);
    if (status == DIM_OK)
        memcpy(inclusive, out.inclusive, (size_t)m->n * sizeof *inclusive);
    end(&c);
    dim__mi_crossfit_free(m, &out);
    return status;
}

void dim__mi_crossfit_free(const dim__mi *m, dim__mi_crossfit *c)
{
    dim__free(m->ctx, c->pointwise);
    dim__free(m->ctx, c->influence);
    dim__free(m->ctx, c->inclusive);
    dim__free(m->ctx, c->base_pointwise);
    dim__free(m->ctx, c->base_influence);
    dim__free(m->ctx, c->base_inclusive);
    dim__free(m->ctx, c->null);
    dim__mi_fitted_free(m->ctx, c->fitted);
}
