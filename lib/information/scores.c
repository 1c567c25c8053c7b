/* Ranks, normal scores and symbols: what methods work on instead of values.  An increasing function of a column has the
 * same ranks, so units, outliers and heavy tails are gone before anything is measured, and the information is the same.
 *
 * Equal values get the ranks of their block in a random order (dithers).  A value is a function of its rank then, and the
 * order within a block is independent of everything, so that does not change the information either. */
#include "information/information.h"

#include "base/math.h"
#include "base/pool.h"
#include "base/rng.h"
#include "information/sort.h"
#include "information/special.h"


bool dim__mi_has_ties(const dim__mi_column *c)
{
    return c->kind == DIM_INFORMATION_KIND_TIED || c->kind == DIM_INFORMATION_KIND_DISCRETE;
}

typedef struct score_task {
    const int32_t *code;
    const double *below; /* (distinct + 1): weight of the rows below each value, and of all */
    double least, *out;
} score_task;

static void mean_scores(void *arg, int64_t begin, int64_t end, int thread)
{
    const score_task *t = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        double share = (t->below[t->code[i]] + t->below[t->code[i] + 1]) / 2;
        t->out[i] = dim__normal_quantile(fmin(fmax(share, t->least), 1 - t->least)); /* beyond these, rows of no weight */
    }
}

/* (distinct + 1): share of the rows, or of their weights, below each value. */
static double *count_below(const dim__mi *m, const dim__mi_column *c)
{
    double *below = dim__calloc(m->ctx, (size_t)c->distinct + 1, sizeof *below);
    for (int64_t i = 0; i < m->n && below != NULL; i++)
        below[c->code[i] + 1] += m->weights != NULL ? m->weights[i] : 1;
    for (int64_t k = 0; k < c->distinct && below != NULL; k++)
        below[k + 1] += below[k];
    for (int64_t k = 0; k <= c->distinct && below != NULL; k++)
        below[k] /= below[c->distinct] > 0 && k < c->distinct ? below[c->distinct] : 1;
    if (below != NULL)
        below[c->distinct] = 1;
    return below;
}

dim_status dim__mi_scores(const dim__mi *m, const dim__mi_column *c, double *out)
{
    double *below = count_below(m, c);
    if (below == NULL)
        return DIM_E_NOMEM;
    score_task t = { c->code, below, 0.25 / (double)m->n, out };
    dim__parallel(m->ctx, m->n, 4096, mean_scores, &t);
    dim__free(m->ctx, below);
    return DIM_OK;
}

dim_status dim__mi_scores_kept(const dim__mi *m, const dim__mi_column *c, double **even, double *out)
{
    if (m->weights != NULL || c->distinct != m->n)
        return dim__mi_scores(m, c, out);
    for (int64_t i = 0; i < m->n && *even != NULL; i++)
        out[i] = (*even)[c->code[i]];
    if (*even != NULL)
        return DIM_OK;
    *even = dim__alloc(m->ctx, (size_t)m->n * sizeof **even);
    if (*even == NULL)
        return DIM_E_NOMEM;
    DIM__TRY(dim__mi_scores(m, c, out));
    for (int64_t i = 0; i < m->n; i++)
        (*even)[c->code[i]] = out[i];
    return DIM_OK;
}

typedef struct rank_task {
    const int32_t *rank;
    double n;
    float *out;
} rank_task;

static float score_of(int64_t rank, double n) { return (float)dim__normal_quantile(((double)rank + 0.5) / n); }

static void rank_scores(void *arg, int64_t begin, int64_t end, int thread)
{
    const rank_task *t = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        t->out[i] = score_of(t->rank[i], t->n);
}

static void score_ranks(const dim__mi *m, const int32_t *rank, int64_t n, float *out)
{
    rank_task t = { rank, (double)n, out };
    dim__parallel(m->ctx, n, 4096, rank_scores, &t);
}

/* Key of a row: its value first, then a random number that orders equal ones. */
static void order_keys(const dim__mi *m, const dim__mi_side *side, const dim__mi_column *c, uint32_t dither, uint64_t *key)
{
    uint64_t stream = dim__mix(DIM__MI_STREAM_DITHER + dither, dim__mix((uint64_t)side->letter, (uint64_t)c->number));
    for (int64_t i = 0; i < m->n; i += 4) {
        uint32_t word[4];
        dim__philox(m->o.seed, stream, (uint64_t)i / 4, word);
        for (int64_t k = i; k < i + 4 && k < m->n; k++)
            key[k] = (uint64_t)c->code[k] << 32 | word[k - i];
    }
}

dim_status dim__mi_dithered(const dim__mi *m, const dim__mi_side *side, const dim__mi_column *c, uint32_t dither, float *out)
{
    if (c->ready != NULL && dither < c->ready->dithers) {
        memcpy(out, c->ready->scores + (int64_t)dither * m->n, (size_t)m->n * sizeof *out);
        return DIM_OK;
    }
    if (c->distinct == m->n) { /* nothing to dither */
        score_ranks(m, c->code, m->n, out);
        return DIM_OK;
    }
    uint64_t *key = dim__calloc(m->ctx, (size_t)m->n, sizeof *key);
    int32_t *order = dim__calloc(m->ctx, (size_t)m->n, 2 * sizeof *order), *rank = DIM__BEHIND(order, m->n);
    bool room = key != NULL && order != NULL;
    if (room) {
        order_keys(m, side, c, dither, key);
        dim__sort_keys(key, m->n, order, rank);
        for (int64_t i = 0; i < m->n; i++)
            rank[order[i]] = (int32_t)i;
        score_ranks(m, rank, m->n, out);
    }
    dim__free(m->ctx, key);
    dim__free(m->ctx, order);
    return room ? DIM_OK : DIM_E_NOMEM;
}

static void even_scores(void *arg, int64_t begin, int64_t end, int thread)
{
    const rank_task *t = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        t->out[i] = score_of(i, t->n);
}

void dim__mi_even_scores(const dim__mi *m, int64_t n, float *out)
{
    rank_task t = { NULL, (double)n, out };
    dim__parallel(m->ctx, n, 4096, even_scores, &t);
}

dim_status dim__mi_symbols(const dim__mi *m, uint32_t sides, bool unordered_only, int32_t *code, int64_t *count)
{
    uint64_t *key = dim__calloc(m->ctx, (size_t)m->n, sizeof *key);
    int32_t *order = dim__calloc(m->ctx, (size_t)m->n, 2 * sizeof *order);
    bool room = key != NULL && order != NULL;
    *count = m->n > 0;
    for (int64_t i = 0; i < m->n; i++)
        code[i] = 0;
    for (int k = 0; k < DIM__MI_SIDES && room; k++)
        for (int64_t j = 0; j < m->side[k].d && *count < m->n; j++) {
            const dim__mi_column *c = &m->side[k].columns[j];
            if ((sides >> k & 1) == 0 || (unordered_only && c->kind != DIM_INFORMATION_KIND_UNORDERED))
                continue;
            if (*count == 1) { /* the first one's codes are numbers already */
                memcpy(code, c->code, (size_t)m->n * sizeof *code);
                *count = c->distinct;
                continue;
            }
            for (int64_t i = 0; i < m->n; i++)
                key[i] = (uint64_t)code[i] * (uint64_t)c->distinct + (uint64_t)c->code[i];
            dim__sort_keys(key, m->n, order, order + m->n);
            *count = dim__code_keys(key, m->n, order, code);
        }
    dim__free(m->ctx, key);
    dim__free(m->ctx, order);
    return room ? DIM_OK : DIM_E_NOMEM;
}
