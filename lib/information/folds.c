/* Which rows a critic is trained on, chosen by, and tested on.  Copies of a row, and rows of one group, are never parted, or the test
 * would know the training rows; folds of a series are stretches with gaps between them. */
#include "information/critic.h"

#include "base/math.h"
#include "base/rng.h"

enum { VALIDATION = 8 };

/* Whether rows with the same numbers are copies, by `different` rows: then a column of numbers repeats where the row does, and nowhere
 * else.  Of symbols, and of rounded numbers, rows are the same because there are few; in one fold, such a cell would not be among those
 * that the critic of that fold is trained on. */
static bool were_copied(const dim__mi *m, int64_t different)
{
    bool any = false;
    for (int k = 0; k < DIM__MI_SIDES; k++)
        for (int64_t j = 0; j < m->side[k].d; j++) {
            const dim__mi_column *c = &m->side[k].columns[j];
            bool numbers = c->kind == DIM_INFORMATION_KIND_CONTINUOUS || c->kind == DIM_INFORMATION_KIND_TIED;
            any = any || (numbers && 100 * c->distinct >= 99 * different);
        }
    return any;
}

static dim_status find_units(const dim__mi *m, dim__mi_folds *c)
{
    if (m->groups != NULL) {
        memcpy(c->unit, m->groups, (size_t)m->n * sizeof *c->unit);
        c->units = m->n_groups;
        return DIM_OK;
    }
    if (!m->series) {
        DIM__TRY(dim__mi_symbols(m, 7, false, c->unit, &c->units));
        if (were_copied(m, c->units))
            return dim__mi_part_atoms(m, c->unit, &c->units);
    }
    for (int64_t i = 0; i < m->n; i++)
        c->unit[i] = (int32_t)i;
    c->units = m->n;
    return DIM_OK;
}

/* Each unit's fold, so that folds have about the same number of rows. */
static dim_status part(const dim__mi *m, dim__mi_folds *c)
{
    int64_t folds = (int64_t)m->o.folds, *size = dim__calloc(m->ctx, (size_t)c->units, sizeof *size), rows = 0;
    int32_t *order = dim__calloc(m->ctx, (size_t)c->units, sizeof *order);
    bool room = size != NULL && order != NULL;
    for (int64_t i = 0; i < m->n && room; i++)
        size[c->unit[i]]++;
    for (int64_t u = 0; u < c->units && room; u++)
        order[u] = (int32_t)u;
    if (room && !m->series)
        dim__rng_permutation(order, c->units, m->o.seed, DIM__MI_STREAM_FOLD);
    for (int64_t k = 0; k < c->units && room; k++) {
        int64_t at = (2 * rows + size[order[k]]) * folds / (2 * m->n);
        c->fold[order[k]] = (int32_t)dim__min64(at, folds - 1);
        c->rank[order[k]] = (int32_t)k;
        rows += size[order[k]];
    }
    dim__free(m->ctx, size);
    dim__free(m->ctx, order);
    return room ? DIM_OK : DIM_E_NOMEM;
}

/* Whether a row of a series is so near to the test rows, or to the validation rows, that it would know of them. */
static bool near_stretch(const dim__mi *m, int64_t row, int64_t first, int64_t last)
{
    return m->series && row >= first - m->block && row < last + m->block && !(row >= first && row < last);
}

/* Units are in a random order; of those left when the fold's are taken out, every eighth validates, or of few every second. */
static bool validates(int64_t rank, int64_t before, int64_t own, int64_t every)
{
    return (rank < before ? rank : rank - own) % every == 0;
}

void dim__mi_folds_rows(const dim__mi_folds *c, int fold, double share, dim__mi_rows *r)
{
    const dim__mi *m = c->m;
    int64_t folds = (int64_t)m->o.folds, first = m->n * fold / folds, last = m->n * (fold + 1) / folds;
    int64_t rest = m->n - (last - first), span = rest / VALIDATION, own = 0, before = c->units;
    for (int64_t u = 0; u < c->units; u++) /* folds are stretches of the units' order */
        if (c->fold[u] == fold) {
            own++;
            before = dim__min64(before, c->rank[u]);
        }
    int64_t every = dim__max64(2, dim__min64(VALIDATION, (c->units - own) / 3));
    *r = (dim__mi_rows){ .test = c->memory };
    for (int64_t i = 0; i < m->n; i++)
        if (c->fold[c->unit[i]] == fold)
            r->test[r->n_test++] = (int32_t)i;
    if (m->series && r->n_test > 0) {
        first = r->test[0];
        last = r->test[r->n_test - 1] + 1;
    }
    int64_t v_first = m->series ? (last + span <= m->n ? last : first - span) : 0, v_last = v_first + span;
    r->validation = r->test + r->n_test;
    for (int64_t i = 0; i < m->n && m->series; i++)
        if (i >= v_first && i < v_last && !near_stretch(m, i, first, last))
            r->validation[r->n_validation++] = (int32_t)i;
    for (int64_t i = 0; i < m->n && !m->series; i++)
        if (c->fold[c->unit[i]] != fold && validates(c->rank[c->unit[i]], before, own, every))
            r->validation[r->n_validation++] = (int32_t)i;
    r->train = r->validation + r->n_validation;
    for (int64_t i = 0; i < m->n; i++) {
        int32_t u = c->unit[i];
        bool other = m->series ? !(i >= first && i < last) && !(i >= v_first && i < v_last) && !near_stretch(m, i, first, last) &&
                                     !near_stretch(m, i, v_first, v_last)
                               : c->fold[u] != fold && !validates(c->rank[u], before, own, every);
        float draw = 0;
        if (other && share < 1)
            dim__rng_uniform(&draw, 1, m->o.seed, DIM__MI_STREAM_HALF + (uint64_t)fold, m->series ? i / dim__max64(1, m->block) : u);
        if (other && (share >= 1 || (double)draw < share))
            r->train[r->n_train++] = (int32_t)i;
    }
}

dim_status dim__mi_folds_make(const dim__mi *m, dim__mi_folds *out)
{
    size_t n = (size_t)m->n;
    *out = (dim__mi_folds){ .m = m, .unit = dim__calloc(m->ctx, n, 4 * sizeof *out->unit) };
    if (out->unit == NULL)
        return DIM_E_NOMEM;
    out->fold = out->unit + m->n;
    out->rank = out->fold + m->n;
    out->memory = out->rank + m->n;
    DIM__TRY(find_units(m, out));
    return part(m, out);
}

void dim__mi_folds_free(dim_context *ctx, dim__mi_folds *f) { dim__free(ctx, f->unit); }
