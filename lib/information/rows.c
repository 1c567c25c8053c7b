/* Rows that were not measured, as the inputs of critics, and derivatives on their way back.  Where a measured row has a rank,
 * these have the value of a smooth curve through the ranks. */
#include "information/critic.h"

#include "base/math.h"
#include "eval/eval.h"
#include "kernels/gemm.h"

dim_status dim__mi_coordinates_keep(dim_context *ctx, const dim__mi_side *s, dim__mi_coordinates *out)
{
    size_t d = (size_t)s->d;
    *out = (dim__mi_coordinates){ .given = s->given, .d = s->d, .number = dim__calloc(ctx, d, sizeof *out->number) };
    if (out->number == NULL)
        return DIM_E_NOMEM;
    for (int64_t j = 0; j < s->d; j++)
        out->number[j] = s->columns[j].number;
    if (s->matrix == NULL)
        return DIM_OK;
    out->center = dim__calloc(ctx, d, sizeof *out->center);
    out->matrix = dim__calloc(ctx, d, d * sizeof *out->matrix);
    if (out->center == NULL || out->matrix == NULL)
        return DIM_E_NOMEM;
    memcpy(out->center, s->center, d * sizeof *out->center);
    memcpy(out->matrix, s->matrix, d * d * sizeof *out->matrix);
    return DIM_OK;
}

/* ---- forward --------------------------------------------------------------------------------------------------------- */

static dim_status read_coordinates(dim_context *ctx, const dim__mi_coordinates *c, const dim_tensor *t, int64_t n, double *to)
{
    uint64_t key;
    double *own = c->matrix == NULL ? to : dim__calloc(ctx, (size_t)c->d * sizeof *own, (size_t)n);
    if (own == NULL)
        return DIM_E_NOMEM;
    for (int64_t j = 0; j < c->d; j++)
        for (int64_t i = 0; i < n; i++)
            own[j * n + i] = dim__mi_element(t, i, c->number[j], &key) - (c->center != NULL ? c->center[j] : 0);
    if (own != to) {
        dim__dgemm(ctx, false, false, c->d, n, c->d, 1, c->matrix, c->d, own, n, 0, to, n);
        dim__free(ctx, own);
    }
    return DIM_OK;
}

/* ((x - middle) / scale)^2, and its derivative; cut off as for the rows that were measured. */
static double square(const dim__mi_feature *f, int64_t j, double x, double *slope)
{
    double scale = f->matrix[f->d + j], away = scale > 0 ? (x - f->matrix[j]) / scale : 0;
    bool within = away * away < 1e200;
    *slope = scale > 0 && within ? 2 * away / scale : 0;
    return within ? away * away : 1e200;
}

/* Scores' rows solved by their covariance, (d, n); the caller frees it. */
static double *solved(dim_context *ctx, const dim__mi_feature *f, const dim__mi_side_rows *r)
{
    double *w = dim__calloc(ctx, (size_t)f->d * sizeof *w, (size_t)r->n);
    if (w == NULL)
        return NULL;
    memcpy(w, r->x + f->first * r->n, (size_t)(f->d * r->n) * sizeof *w);
    dim__cholesky_solve(ctx, f->matrix, f->d, f->d, w, r->n);
    return w;
}

static dim_status put_feature(dim_context *ctx, const dim__mi_feature *f, int64_t j, dim__mi_side_rows *r)
{
    int64_t n = r->n;
    double *x = r->x + j * n, *slope = r->slope + j * n, ignored;
    const double *own = r->coordinate + f->column * n;
    double *w = f->kind == DIM__MI_RADIUS ? solved(ctx, f, r) : NULL;
    if (f->kind == DIM__MI_RADIUS && w == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        double sum = f->kind == DIM__MI_SCORE ? own[i] : 0;
        for (int64_t k = 0; k < f->d; k++)
            sum += f->kind == DIM__MI_RADIUS ? r->x[(f->first + k) * n + i] * w[k * n + i]
                                             : square(f, k, r->coordinate[k * n + i], &ignored);
        if (f->kind == DIM__MI_LABEL)
            x[i] = own[i] >= f->label && own[i] <= f->label;
        else
            x[i] = dim__smooth_at(&f->curve, sum, &slope[i]);
    }
    dim__free(ctx, w);
    return DIM_OK;
}

dim_status dim__mi_rows_make(dim_context *ctx, const dim__mi_fitted *f, int side, const dim_tensor *t, dim__mi_side_rows *r)
{
    const dim__mi_coordinates *c = &f->coordinates[side];
    size_t n = (size_t)t->shape[0];
    int64_t d = f->in.d[side];
    *r = (dim__mi_side_rows){ .n = t->shape[0], .coordinate = dim__calloc(ctx, 3 * (size_t)c->d * sizeof(double), n),
                              .x = dim__calloc(ctx, 3 * (size_t)d * sizeof(double), n) };
    if (r->coordinate == NULL || r->x == NULL)
        return DIM_E_NOMEM;
    r->back = r->coordinate + c->d * r->n;
    r->own = r->back + c->d * r->n;
    r->slope = r->x + d * r->n;
    r->gradient = r->slope + d * r->n;
    DIM__TRY(read_coordinates(ctx, c, t, r->n, r->coordinate));
    for (int64_t j = 0; j < d; j++)
        DIM__TRY(put_feature(ctx, &f->in.feature[side][j], j, r));
    for (int64_t k = 0; k < d * r->n; k++) /* a sum of the largest numbers may be more than there are */
        if (!isfinite(r->x[k]) || !isfinite(r->slope[k]))
            return dim__fail(ctx, DIM_E_NUMERIC, "%c: row %lld is too far from the measured rows", "xy"[side], (long long)(k % r->n));
    return DIM_OK;
}

void dim__mi_rows_free(dim_context *ctx, dim__mi_side_rows *r)
{
    dim__free(ctx, r->coordinate);
    dim__free(ctx, r->x);
}

/* ---- back ------------------------------------------------------------------------------------------------------------ */

/* Derivatives by an input are led to the coordinates, or to the scores that a radius is made of. */
static dim_status lead_back(dim_context *ctx, const dim__mi_feature *f, int64_t j, dim__mi_side_rows *r)
{
    int64_t n = r->n;
    const double *from = r->gradient + j * n, *slope = r->slope + j * n;
    if (f->kind == DIM__MI_LABEL)
        return DIM_OK;
    for (int64_t i = 0; i < n && f->kind == DIM__MI_SCORE; i++)
        r->back[f->column * n + i] += from[i] * slope[i];
    for (int64_t k = 0; k < f->d && f->kind == DIM__MI_RAW_RADIUS; k++)
        for (int64_t i = 0; i < n; i++) {
            double inner;
            (void)square(f, k, r->coordinate[k * n + i], &inner);
            r->back[k * n + i] += from[i] * slope[i] * inner;
        }
    if (f->kind != DIM__MI_RADIUS)
        return DIM_OK;
    double *w = solved(ctx, f, r);
    if (w == NULL)
        return DIM_E_NOMEM;
    for (int64_t k = 0; k < f->d; k++)
        for (int64_t i = 0; i < n; i++)
            r->gradient[(f->first + k) * n + i] += 2 * from[i] * slope[i] * w[k * n + i];
    dim__free(ctx, w);
    return DIM_OK;
}

static void write_element(const dim_tensor *t, int64_t row, int64_t column, double value)
{
    char *p = t->data + (row * t->stride[0] + (t->rank > 1 ? column * t->stride[1] : 0)) * (int64_t)dim__dtype_size(t->dtype);
    float single = dim__to_float(value);
    if (t->dtype == DIM_F64)
        memcpy(p, &value, sizeof value);
    else
        memcpy(p, &single, sizeof single);
}

dim_status dim__mi_rows_back(dim_context *ctx, const dim__mi_fitted *f, int side, dim__mi_side_rows *r)
{
    const dim__mi_coordinates *c = &f->coordinates[side];
    for (int64_t j = f->in.d[side] - 1; j >= 0; j--) /* radii before the scores that they are made of */
        DIM__TRY(lead_back(ctx, &f->in.feature[side][j], j, r));
    if (c->matrix != NULL)
        dim__dgemm(ctx, true, false, c->d, r->n, c->d, 1, c->matrix, c->d, r->back, r->n, 0, r->own, r->n);
    return DIM_OK;
}

void dim__mi_rows_write(const dim__mi_fitted *f, int side, const dim__mi_side_rows *r, dim_tensor *out)
{
    const dim__mi_coordinates *c = &f->coordinates[side];
    const double *from = c->matrix != NULL ? r->own : r->back;
    for (int64_t j = 0; j < c->given; j++)
        for (int64_t i = 0; i < r->n; i++)
            write_element(out, i, j, 0); /* columns that were left out change nothing */
    for (int64_t j = 0; j < c->d; j++)
        for (int64_t i = 0; i < r->n; i++)
            write_element(out, i, c->number[j], from[j * r->n + i]);
}
