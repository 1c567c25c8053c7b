/* What the folds' critics say of other rows, and its derivatives: in double, with all pairs of the rows in blocks. */
#include "information/critic.h"

#include "base/math.h"
#include "kernels/gemm.h"

enum { BLOCK = 128 };

/* ---- one side through one critic -------------------------------------------------------------------------------------- */

typedef struct passage {         /* all arrays (rows of a kind, n) */
    dim_context *ctx;
    const dim__mi_critic *critic;
    int side;
    int64_t n, d, kept, width;
    const double *x;             /* (d) inputs of the critic */
    double *by_x;                /* (d) */
    double *pair, *by_pair;      /* (kept) */
    double *hidden[2], *by_hidden[2];
    double *out, *by_out;        /* (width) extended features */
    double *weights;             /* of a layer, in double */
} passage;

static bool make_passage(passage *p)
{
    const dim__mi_critic *c = p->critic;
    size_t n = (size_t)p->n, most = (size_t)dim__max64(p->d, DIM__MI_HIDDEN) + 1;
    p->kept = c->base.kept;
    p->width = dim__mi_critic_width(c, !c->residual);
    p->by_x = dim__calloc(p->ctx, (size_t)(p->d + 2 * p->kept + 4 * DIM__MI_HIDDEN + 2 * p->width) * sizeof(double), n);
    p->weights = dim__calloc(p->ctx, most * DIM__MI_HIDDEN, sizeof(double));
    if (p->by_x == NULL || p->weights == NULL)
        return false;
    p->pair = p->by_x + p->d * p->n;
    p->by_pair = p->pair + p->kept * p->n;
    double *at = p->by_pair + p->kept * p->n;
    for (int k = 0; k < 2; k++, at += 2 * DIM__MI_HIDDEN * p->n) {
        p->hidden[k] = at;
        p->by_hidden[k] = at + DIM__MI_HIDDEN * p->n;
    }
    p->out = at;
    p->by_out = at + p->width * p->n;
    return true;
}

static void end_passage(passage *p)
{
    dim__free(p->ctx, p->by_x);
    dim__free(p->ctx, p->weights);
}

static const double *layer(const passage *p, int number, int64_t *out, int64_t *in)
{
    const float *w = dim__mi_tower_layer(&p->critic->tower[p->side], number, out, in);
    for (int64_t i = 0; i < *out * *in + *out; i++)
        p->weights[i] = (double)w[i];
    return p->weights;
}

static void forward_layer(const passage *p, int number, const double *x, bool relu, double *y)
{
    int64_t out, in, n = p->n;
    const double *w = layer(p, number, &out, &in);
    dim__dgemm(p->ctx, false, false, out, n, in, 1, w, in, x, n, 0, y, n);
    for (int64_t k = 0; k < out; k++)
        for (int64_t i = 0; i < n; i++)
            y[k * n + i] = relu ? fmax(0, y[k * n + i] + w[out * in + k]) : y[k * n + i] + w[out * in + k];
}

/* by_x += W' by_y, which is 0 where y, if there was a ReLU, is. */
static void back_layer(const passage *p, int number, const double *y, double *by_y, double *by_x)
{
    int64_t out, in, n = p->n;
    const double *w = layer(p, number, &out, &in);
    for (int64_t i = 0; i < out * n && y != NULL; i++)
        by_y[i] = y[i] > 0 ? by_y[i] : 0;
    dim__dgemm(p->ctx, true, false, in, n, out, 1, w, in, by_y, n, 1, by_x, n);
}

/* Where a side's own part and the other's one stand. */
static double *own_row(const passage *p, double *rows, int64_t first, bool own)
{
    return rows + (first + ((p->side == 0) == own ? 0 : 1)) * p->n;
}

/* dim__mi_base_features() and what towers.c adds to them. */
static void forward(const passage *p)
{
    const dim__mi_base *b = &p->critic->base;
    int64_t n = p->n, d = b->d[p->side], tower = p->kept + 2;
    double *own = own_row(p, p->out, p->kept, true), *one = own_row(p, p->out, p->kept, false);
    dim__dgemm(p->ctx, false, false, p->kept, n, d, 1, b->direction[p->side], d, p->x, n, 0, p->pair, n);
    for (int64_t i = 0; i < n; i++)
        one[i] = 1;
    for (int64_t k = 0; k < p->kept; k++) {
        double rho = b->rho[k], rest = 1 - rho * rho, mean = 0;
        for (int64_t j = 0; j < d; j++)
            mean += b->direction[p->side][k * d + j] * b->mean[p->side][j];
        for (int64_t i = 0; i < n; i++) {
            double u = p->pair[k * n + i] -= mean;
            own[i] -= rho * rho * u * u / (2 * rest) + (p->side == 0 ? log(rest) / 2 : 0);
            p->out[k * n + i] = p->side == 0 ? rho * u / rest : u;
        }
    }
    if (!p->critic->residual)
        return;
    forward_layer(p, 0, p->x, true, p->hidden[0]);
    forward_layer(p, 1, p->hidden[0], true, p->hidden[1]);
    forward_layer(p, 2, p->hidden[1], false, p->out + (tower + p->side) * n);
    one = p->out + (tower + dim__mi_tower_one(p->side)) * n;
    for (int64_t i = 0; i < n; i++)
        one[i] = 1;
}

static void back(const passage *p)
{
    const dim__mi_base *b = &p->critic->base;
    int64_t n = p->n, d = b->d[p->side], tower = p->kept + 2;
    const double *own = own_row(p, p->by_out, p->kept, true);
    for (int64_t k = 0; k < p->kept; k++) {
        double rho = b->rho[k], rest = 1 - rho * rho;
        for (int64_t i = 0; i < n; i++)
            p->by_pair[k * n + i] = p->by_out[k * n + i] * (p->side == 0 ? rho / rest : 1) -
                                    own[i] * rho * rho * p->pair[k * n + i] / rest;
    }
    dim__dgemm(p->ctx, true, false, d, n, p->kept, 1, b->direction[p->side], d, p->by_pair, n, 0, p->by_x, n);
    if (!p->critic->residual)
        return;
    back_layer(p, 2, NULL, p->by_out + (tower + p->side) * n, p->by_hidden[1]);
    back_layer(p, 1, p->hidden[1], p->by_hidden[1], p->by_hidden[0]);
    back_layer(p, 0, p->hidden[0], p->by_hidden[0], p->by_x);
}

/* ---- what a narrow critic sees ---------------------------------------------------------------------------------------- */

typedef struct view {            /* of a side's inputs, (d, n) */
    double *x, *slope;
} view;

static dim_status look(dim_context *ctx, const dim__mi_narrow *narrow, int side, const dim__mi_side_rows *r, view *out)
{
    const dim__mi_base *b = &narrow->pairs;
    int64_t n = r->n, width = narrow->in.d[side], d = b->d[side];
    out->x = dim__calloc(ctx, 2 * (size_t)width * sizeof(double), (size_t)n);
    if (out->x == NULL)
        return DIM_E_NOMEM;
    out->slope = out->x + width * n;
    dim__dgemm(ctx, false, false, b->kept, n, d, 1, b->direction[side], d, r->x, n, 0, out->x, n);
    for (int64_t j = 0; j < width; j++) {
        const dim__mi_feature *f = &narrow->in.feature[side][j];
        double mean = 0;
        for (int64_t k = 0; k < d && f->kind == DIM__MI_PAIR; k++)
            mean += b->direction[side][f->column * d + k] * b->mean[side][k];
        for (int64_t i = 0; i < n; i++) {
            double *x = &out->x[j * n + i], *slope = &out->slope[j * n + i];
            *slope = 1;
            *x = f->kind == DIM__MI_PAIR ? dim__smooth_at(&f->curve, *x - mean, slope) : r->x[f->column * n + i];
        }
    }
    return DIM_OK;
}

/* r->gradient += share of what by (d, n) of the view leads to; by is changed. */
static void look_back(dim_context *ctx, const dim__mi_narrow *narrow, int side, const view *v, double *by, double share,
                      dim__mi_side_rows *r)
{
    const dim__mi_base *b = &narrow->pairs;
    int64_t n = r->n, d = b->d[side];
    for (int64_t j = 0; j < narrow->in.d[side]; j++)
        for (int64_t i = 0; i < n; i++) {
            by[j * n + i] *= v->slope[j * n + i];
            if (narrow->in.feature[side][j].kind == DIM__MI_SAME)
                r->gradient[narrow->in.feature[side][j].column * n + i] += share * by[j * n + i];
        }
    dim__dgemm(ctx, true, false, d, n, b->kept, share, b->direction[side], d, by, n, 1, r->gradient, n);
}

/* ---- all pairs -------------------------------------------------------------------------------------------------------- */

typedef struct pairs {
    dim_context *ctx;
    int64_t n, width;
    const double *x, *y;         /* (width, n) */
    double *by_x, *by_y;
    double *t;                   /* (BLOCK, n) */
    double *row, *most, *column; /* (n): ln of the sums of e^T over others; a column's largest so far; its sum, then the ln */
} pairs;

static int64_t make_block(const pairs *p, int64_t first)
{
    int64_t count = dim__min64(BLOCK, p->n - first);
    dim__dgemm(p->ctx, true, false, count, p->n, p->width, 1, p->x + first, p->n, p->y, p->n, 0, p->t, p->n);
    return count;
}

static double sum_up(const pairs *p)
{
    int64_t n = p->n;
    double sum = 0;
    for (int64_t j = 0; j < n; j++)
        p->most[j] = -(double)INFINITY;
    for (int64_t first = 0; first < n; first += BLOCK) {
        int64_t count = make_block(p, first);
        for (int64_t i = first; i < first + count; i++) {
            double *t = p->t + (i - first) * n, most = -(double)INFINITY, all = 0;
            sum += t[i];
            t[i] = -(double)INFINITY;
            for (int64_t j = 0; j < n; j++)
                most = fmax(most, t[j]);
            for (int64_t j = 0; j < n; j++) {
                all += exp(t[j] - most);
                if (t[j] > p->most[j]) {
                    p->column[j] *= exp(p->most[j] - t[j]);
                    p->most[j] = t[j];
                }
                p->column[j] += j == i ? 0 : exp(t[j] - p->most[j]);
            }
            p->row[i] = most + log(all);
        }
    }
    for (int64_t i = 0; i < n; i++) {
        p->column[i] = p->most[i] + log(p->column[i]);
        sum -= (p->row[i] + p->column[i]) / 2;
    }
    return sum / (double)n + log((double)(n - 1));
}

/* Derivatives of the mean by the scores, and on to the features. */
static void pairs_back(const pairs *p)
{
    int64_t n = p->n;
    for (int64_t first = 0; first < n; first += BLOCK) {
        int64_t count = make_block(p, first);
        for (int64_t i = first; i < first + count; i++) {
            double *t = p->t + (i - first) * n;
            for (int64_t j = 0; j < n; j++)
                t[j] = (j == i ? 1 : -(exp(t[j] - p->row[i]) + exp(t[j] - p->column[j])) / 2) / (double)n;
        }
        dim__dgemm(p->ctx, false, true, p->width, count, n, 1, p->y, n, p->t, n, 0, p->by_x + first, n);
        dim__dgemm(p->ctx, false, false, p->width, n, count, 1, p->x + first, n, p->t, n, 1, p->by_y, n);
    }
}

static dim_status score(const passage side[2], bool want, double *value)
{
    int64_t n = side[0].n;
    pairs p = { .ctx = side[0].ctx, .n = n, .width = side[0].width, .x = side[0].out, .y = side[1].out, .by_x = side[0].by_out,
                .by_y = side[1].by_out, .t = dim__calloc(side[0].ctx, (BLOCK + 3) * sizeof(double), (size_t)n) };
    if (p.t == NULL)
        return DIM_E_NOMEM;
    p.row = p.t + BLOCK * n;
    p.most = p.row + n;
    p.column = p.most + n;
    *value = sum_up(&p);
    if (want)
        pairs_back(&p);
    dim__free(p.ctx, p.t);
    return DIM_OK;
}

/* ---- all critics ------------------------------------------------------------------------------------------------------ */

/* Adds a critic's share to value and to the derivatives by the inputs. */
static dim_status add_critic(dim_context *ctx, const dim__mi_critic *c, dim__mi_side_rows rows[2], double share, bool want, double *value)
{
    passage p[2] = { { 0 } };
    view seen[2] = { { 0 } };
    double own = 0;
    dim_status status = DIM_OK;
    for (int side = 0; side < 2 && status == DIM_OK; side++) {
        dim__mi_side_rows *r = &rows[side];
        if (c->narrow != NULL)
            status = look(ctx, c->narrow, side, r, &seen[side]);
        p[side] = (passage){ .ctx = ctx, .critic = c, .side = side, .n = r->n, .d = c->tower[side].d,
                             .x = c->narrow != NULL ? seen[side].x : r->x };
        if (status == DIM_OK)
            status = make_passage(&p[side]) ? DIM_OK : DIM_E_NOMEM;
        if (status == DIM_OK)
            forward(&p[side]);
    }
    if (status == DIM_OK)
        status = score(p, want, &own);
    *value += share * own;
    for (int side = 0; side < 2 && status == DIM_OK && want; side++) {
        back(&p[side]);
        if (c->narrow != NULL)
            look_back(ctx, c->narrow, side, &seen[side], p[side].by_x, share, &rows[side]);
        for (int64_t i = 0; i < p[side].d * p[side].n && c->narrow == NULL; i++)
            rows[side].gradient[i] += share * p[side].by_x[i];
    }
    for (int side = 0; side < 2; side++) {
        end_passage(&p[side]);
        dim__free(ctx, seen[side].x);
    }
    return status;
}

dim_status dim__mi_gradient(dim_context *ctx, const dim__mi_fitted *f, const dim_tensor *x, const dim_tensor *y, double *value,
                            dim_tensor *grad_x, dim_tensor *grad_y)
{
    dim__mi_side_rows rows[2] = { { 0 } };
    dim_tensor *const to[2] = { grad_x, grad_y };
    bool want = grad_x != NULL || grad_y != NULL;
    double sum = 0;
    dim_status status = dim__mi_rows_make(ctx, f, 0, x, &rows[0]);
    if (status == DIM_OK)
        status = dim__mi_rows_make(ctx, f, 1, y, &rows[1]);
    for (int64_t k = 0; k < f->count && status == DIM_OK; k++)
        status = add_critic(ctx, &f->critic[k], rows, 1 / (double)f->count, want, &sum);
    for (int side = 0; side < 2 && status == DIM_OK; side++)
        if (to[side] != NULL)
            status = dim__mi_rows_back(ctx, f, side, &rows[side]);
    for (int side = 0; side < 2 && status == DIM_OK; side++)
        if (to[side] != NULL)
            dim__mi_rows_write(f, side, &rows[side], to[side]);
    if (status == DIM_OK && value != NULL)
        *value = sum;
    dim__mi_rows_free(ctx, &rows[0]);
    dim__mi_rows_free(ctx, &rows[1]);
    return status;
}

int64_t dim__mi_fitted_given(const dim__mi_fitted *f, int side) { return f->coordinates[side].given; }

void dim__mi_fitted_free(dim_context *ctx, dim__mi_fitted *f)
{
    if (f == NULL)
        return;
    for (int side = 0; side < 2; side++) {
        dim__free(ctx, f->coordinates[side].number);
        dim__free(ctx, f->coordinates[side].center);
        dim__free(ctx, f->coordinates[side].matrix);
    }
    dim__mi_inputs_free(ctx, &f->in);
    for (int64_t k = 0; k < f->count && f->critic != NULL; k++)
        dim__mi_critic_free(ctx, &f->critic[k]);
    dim__free(ctx, f->critic);
    dim__free(ctx, f);
}
