/* Independent components of a side.  Normal scores of columns are blind to a rotation of heavy tails: a sum of such columns
 * has no normal score that is a sum.  An invertible linear map of a side changes nothing about what it tells, so that a side
 * may also be taken by what FastICA (Hyvarinen 1999: symmetric, tanh) finds, without a look at the other side. */
#include "information/critic.h"

#include "base/math.h"
#include "base/rng.h"
#include "information/sort.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

enum { MOST_COLUMNS = 128, MOST_ROWS = 10000, ROUNDS = 60, TURNS = 60, BLOCK = 2000 };
static const double ALIKE = 1e-5, /* directions have settled */ OWN = 1e-6; /* share of a column's variance that others do not explain */

typedef struct unmixing {
    dim_context *ctx;
    int64_t n, d;
    double *z;           /* (d, n) whitened */
    float *white, *g;    /* the same in single precision, BLOCK rows (d, BLOCK) after the others; (d, BLOCK) tanh of components */
    float *single;       /* (2 d, d) for products in single precision */
    double *r, *next, *square, *before; /* (d, d): rows of r are components' directions */
    double *l;           /* (d, d): factor of the columns' covariance */
    double *center, *scale; /* (d) */
} unmixing;

static bool fits(const dim__mi_side *s)
{
    bool numbers = s->d >= 2 && s->d <= MOST_COLUMNS;
    for (int64_t j = 0; j < s->d && numbers; j++)
        numbers = s->columns[j].kind == DIM_INFORMATION_KIND_CONTINUOUS || s->columns[j].kind == DIM_INFORMATION_KIND_TIED;
    return numbers;
}

/* Columns over their scale, some rows of them, and the factor of their covariance; false when one is next to none of its own. */
static dim_status standardise(unmixing *u, const dim__mi *m, const dim__mi_side *s, bool *usable)
{
    int32_t *rows = dim__calloc(u->ctx, (size_t)m->n, sizeof *rows);
    double *spare = dim__calloc(u->ctx, (size_t)m->n, sizeof *spare);
    bool room = rows != NULL && spare != NULL;
    *usable = room;
    if (room)
        dim__rng_permutation(rows, m->n, m->o.seed, DIM__MI_STREAM_COMPONENTS_ROWS);
    for (int64_t j = 0; j < u->d && *usable; j++) {
        double *z = u->z + j * u->n, mean = 0;
        dim__mi_scale(s->columns[j].value, m->n, spare, &u->center[j], &u->scale[j]);
        *usable = u->scale[j] > 0;
        for (int64_t i = 0; i < u->n && *usable; i++)
            mean += z[i] = fmin(fmax((s->columns[j].value[rows[i]] - u->center[j]) / u->scale[j], -1e100), 1e100);
        mean /= (double)u->n;
        for (int64_t i = 0; i < u->n; i++)
            z[i] -= mean;
        u->center[j] += mean * u->scale[j];
    }
    dim__free(u->ctx, rows);
    dim__free(u->ctx, spare);
    if (!*usable)
        return room ? DIM_OK : DIM_E_NOMEM;
    dim__dgemm(u->ctx, false, true, u->d, u->d, u->n, 1 / (double)u->n, u->z, u->n, u->z, u->n, 0, u->l, u->d);
    double *variance = u->square; /* not in use yet */
    for (int64_t j = 0; j < u->d; j++)
        variance[j] = u->l[j * u->d + j];
    DIM__TRY(dim__mi_factor(u->ctx, u->l, u->d, usable));
    for (int64_t j = 0; j < u->d && *usable; j++)
        *usable = u->l[j * u->d + j] * u->l[j * u->d + j] > OWN * variance[j];
    if (*usable)
        dim__mi_solve_lower(u->l, u->d, u->z, u->n);
    return DIM_OK;
}

/* r := (r r')^-1/2 r, by Newton's steps from below. */
static void orthogonalise(unmixing *u, double *r)
{
    int64_t d = u->d;
    double size = 0, away = 1;
    for (int64_t i = 0; i < d * d; i++)
        size += r[i] * r[i];
    for (int64_t i = 0; i < d * d; i++)
        r[i] /= sqrt(size); /* no singular value is above 1 */
    for (int turn = 0; turn < TURNS && away > 1e-12; turn++) {
        dim__dgemm(u->ctx, false, true, d, d, d, 1, r, d, r, d, 0, u->square, d);
        away = 0;
        for (int64_t i = 0; i < d * d; i++)
            away = fmax(away, fabs(u->square[i] - (i % (d + 1) == 0)));
        memcpy(u->before, r, (size_t)(d * d) * sizeof *r);
        dim__dgemm(u->ctx, false, false, d, d, d, -0.5, u->square, d, u->before, d, 1.5, r, d);
    }
}

/* One round: r := E[tanh(r z) z'] - diag(E[1 - tanh^2]) r, made orthogonal; how far directions moved. */
static double improve(unmixing *u)
{
    int64_t n = u->n, d = u->d;
    const dim__kernels *kernels = u->ctx->kernels;
    float *r = u->single, *mean = u->single + d * d;
    double moved = 0, *square = u->square; /* (d) of components' tanh, for now */
    for (int64_t i = 0; i < d * d; i++)
        r[i] = (float)u->r[i];
    memset(square, 0, (size_t)d * sizeof *square);
    for (int64_t first = 0; first < n; first += BLOCK) { /* of rows, so that all stays in the cache */
        int64_t some = dim__min64(BLOCK, n - first);
        const float *white = u->white + d * first;
        dim__gemm(u->ctx, false, false, d, some, d, 1, r, d, white, some, 0, u->g, some);
        kernels->tanh(u->g, u->g, d * some);
        dim__gemm(u->ctx, false, true, d, d, some, 1 / (float)n, u->g, some, white, some, first > 0, mean, d);
        for (int64_t j = 0; j < d; j++)
            square[j] += kernels->sum_sq(u->g + j * some, some);
    }
    for (int64_t j = 0; j < d; j++) {
        double slope = 1 - square[j] / (double)n;
        for (int64_t k = 0; k < d; k++)
            u->next[j * d + k] = (double)mean[j * d + k] - slope * u->r[j * d + k];
    }
    orthogonalise(u, u->next);
    for (int64_t j = 0; j < d; j++) {
        double same = 0;
        for (int64_t k = 0; k < d; k++)
            same += u->next[j * d + k] * u->r[j * d + k];
        moved = fmax(moved, 1 - fabs(same));
    }
    memcpy(u->r, u->next, (size_t)(d * d) * sizeof *u->r);
    return moved;
}

/* matrix := r L^-1 / scale */
static void put_together(const unmixing *u, double *matrix)
{
    int64_t d = u->d;
    for (int64_t j = 0; j < d; j++) {
        double *row = matrix + j * d;
        memcpy(row, u->r + j * d, (size_t)d * sizeof *row);
        dim__mi_solve_upper(u->l, d, row);
        for (int64_t k = 0; k < d; k++)
            row[k] /= u->scale[k];
    }
}

static dim_status unmix(const dim__mi *m, const dim__mi_side *s, double *center, double *matrix, bool *usable)
{
    unmixing u = { .ctx = m->ctx, .n = dim__min64(m->n, MOST_ROWS), .d = s->d, .center = center };
    size_t d = (size_t)s->d;
    u.z = dim__calloc(m->ctx, d * sizeof *u.z, (size_t)u.n);
    u.white = dim__calloc(m->ctx, d * sizeof *u.white, (size_t)u.n + BLOCK);
    u.single = dim__calloc(m->ctx, 2 * d, d * sizeof *u.single);
    u.r = dim__calloc(m->ctx, 5 * d + 1, d * sizeof *u.r);
    dim_status status = u.z == NULL || u.white == NULL || u.single == NULL || u.r == NULL ? DIM_E_NOMEM : DIM_OK;
    if (status == DIM_OK) {
        u.g = u.white + s->d * u.n;
        u.next = u.r + s->d * s->d;
        u.square = u.next + s->d * s->d;
        u.l = u.square + s->d * s->d;
        u.before = u.l + s->d * s->d;
        u.scale = u.before + s->d * s->d;
        status = standardise(&u, m, s, usable);
    }
    if (status == DIM_OK && *usable) {
        for (int64_t i = 0; i < s->d * s->d; i++) {
            float start;
            dim__rng_normal(&start, 1, m->o.seed, DIM__MI_STREAM_COMPONENTS, i);
            u.r[i] = (double)start;
        }
        orthogonalise(&u, u.r);
        float *to = u.white;
        for (int64_t first = 0; first < u.n; first += BLOCK)
            for (int64_t j = 0; j < s->d; j++)
                for (int64_t i = first; i < dim__min64(first + BLOCK, u.n); i++)
                    *to++ = (float)u.z[j * u.n + i];
        for (int round = 0; round < ROUNDS && improve(&u) > ALIKE; )
            round++;
        put_together(&u, matrix);
    }
    dim__free(m->ctx, u.z);
    dim__free(m->ctx, u.white);
    dim__free(m->ctx, u.single);
    dim__free(m->ctx, u.r);
    return status;
}

/* ---- a measurement of components -------------------------------------------------------------------------------------- */

static dim_status make_column(const dim__mi *m, const dim__mi_side *from, const double *row, const double *center, uint64_t *key,
                              int32_t *order, dim__mi_column *c)
{
    c->kind = DIM_INFORMATION_KIND_CONTINUOUS;
    c->value = dim__calloc(m->ctx, (size_t)m->n, sizeof *c->value);
    c->code = dim__calloc(m->ctx, (size_t)m->n, sizeof *c->code);
    if (c->value == NULL || c->code == NULL)
        return DIM_E_NOMEM;
    for (int64_t j = 0; j < from->d; j++)
        for (int64_t i = 0; i < m->n; i++)
            c->value[i] += row[j] * (from->columns[j].value[i] - center[j]);
    for (int64_t i = 0; i < m->n; i++)
        key[i] = dim__key_of_double(c->value[i]);
    dim__sort_keys(key, m->n, order, order + m->n);
    c->distinct = dim__code_keys(key, m->n, order, c->code);
    return DIM_OK;
}

/* to is the side as it was; replaced only when it has components. */
static dim_status turn_side(const dim__mi *m, const dim__mi_side *from, dim__mi_side *to)
{
    size_t d = (size_t)from->d;
    bool usable = false;
    dim__mi_side s = *from;
    uint64_t *key = dim__calloc(m->ctx, (size_t)m->n, sizeof *key);
    int32_t *order = dim__calloc(m->ctx, (size_t)m->n, 2 * sizeof *order);
    s.columns = dim__calloc(m->ctx, d, sizeof *s.columns);
    s.center = dim__calloc(m->ctx, d, sizeof *s.center);
    s.matrix = dim__calloc(m->ctx, d, d * sizeof *s.matrix);
    s.d = 0;
    bool room = key != NULL && order != NULL && s.columns != NULL && s.center != NULL && s.matrix != NULL;
    dim_status status = room ? unmix(m, from, s.center, s.matrix, &usable) : DIM_E_NOMEM;
    for (int64_t j = 0; j < from->d && status == DIM_OK && usable; j++, s.d++) {
        s.columns[j].number = from->columns[j].number;
        status = make_column(m, from, s.matrix + j * from->d, s.center, key, order, &s.columns[j]);
    }
    dim__free(m->ctx, key);
    dim__free(m->ctx, order);
    if (usable) {
        s.d = from->d; /* all are freed, also after a failure */
        *to = s;
        return status;
    }
    dim__free(m->ctx, s.columns);
    dim__free(m->ctx, s.center);
    dim__free(m->ctx, s.matrix);
    return status;
}

void dim__mi_components_free(dim__mi *turned)
{
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        dim__mi_side *s = &turned->side[k];
        if (s->matrix == NULL) /* the measurement's own */
            continue;
        for (int64_t j = 0; j < s->d; j++) {
            dim__free(turned->ctx, s->columns[j].value);
            dim__free(turned->ctx, s->columns[j].code);
        }
        dim__free(turned->ctx, s->columns);
        dim__free(turned->ctx, s->center);
        dim__free(turned->ctx, s->matrix);
    }
}

/* Whether a Gaussian base shows more of components, on rows that it was not fitted to. */
static dim_status compare(const dim__mi *m, const dim__mi *turned, bool *better)
{
    double *own = dim__calloc(m->ctx, (size_t)m->n, 2 * sizeof *own), *other = DIM__BEHIND(own, m->n), gain;
    dim_status status = own == NULL ? DIM_E_NOMEM : dim__mi_crossfit_base(m, own);
    if (status == DIM_OK)
        status = dim__mi_crossfit_base(turned, other);
    for (int64_t i = 0; i < m->n && status == DIM_OK; i++)
        own[i] = other[i] - own[i];
    if (status == DIM_OK) {
        gain = dim__mi_weighted_mean(m, own);
        *better = gain > fmax(2 * dim__mi_error(m, own, NULL), 0.01);
    }
    dim__free(m->ctx, own);
    return status;
}

dim_status dim__mi_components(const dim__mi *m, dim__mi *turned, bool *better)
{
    bool any = false;
    dim_status status = DIM_OK;
    *turned = *m;
    *better = false;
    for (int k = 0; k < DIM__MI_SIDES && status == DIM_OK; k++)
        if (fits(&m->side[k])) {
            status = turn_side(m, &m->side[k], &turned->side[k]);
            any = any || turned->side[k].matrix != NULL;
        }
    return status == DIM_OK && any ? compare(m, turned, better) : status;
}
