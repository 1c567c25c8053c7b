/* The critic's base: canonical correlations of training rows, and with them the scores of a Gaussian copula,
 *
 *     T_0 = sum over pairs of rho u v / (1 - rho^2) - rho^2 (u^2 + v^2) / (2 (1 - rho^2)) - 1/2 ln(1 - rho^2).
 *
 * In many columns correlations are too large by chance.  They are debiased, and dropped where chance would give as much
 * (Bao, Hu, Pan & Zhou 2019). */
#include "information/critic.h"

#include "base/math.h"
#include "eval/eval.h"
#include "kernels/gemm.h"

static const double RIDGE = 1e-6; /* of scores' variances, which are about 1: columns that others explain */

typedef struct fitting {
    dim_context *ctx;
    const dim__mi_inputs *in;
    const int32_t *rows;
    int64_t n;
    double *z[2];      /* (d, n) centred training rows */
    double *l[2];      /* (d, d): Cholesky factors of their covariances */
    double *m;         /* (d_x, d_y): correlations of whitened sides */
    double *vectors;   /* (p, p), p the smaller d: rows are eigenvectors of m m' */
    double *values;    /* (p) */
} fitting;

/* ---- small matrices -------------------------------------------------------------------------------------------------- */

void dim__mi_solve_lower(const double *l, int64_t n, double *x, int64_t m)
{
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < i; k++)
            for (int64_t j = 0; j < m; j++)
                x[i * m + j] -= l[i * n + k] * x[k * m + j];
        for (int64_t j = 0; j < m; j++)
            x[i * m + j] /= l[i * n + i];
    }
}

void dim__mi_solve_upper(const double *l, int64_t n, double *x)
{
    for (int64_t i = n - 1; i >= 0; i--) {
        for (int64_t k = i + 1; k < n; k++)
            x[i] -= l[k * n + i] * x[k];
        x[i] /= l[i * n + i];
    }
}

static void transpose(const double *from, int64_t rows, int64_t columns, double *to)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

/* Eigenvalues of a symmetric matrix (n, n), which becomes diagonal, and its eigenvectors as rows: Jacobi's rotations. */
static void diagonalise(double *a, int64_t n, double *vectors)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            vectors[i * n + j] = i == j;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0, on = 0;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                *(i == j ? &on : &off) += a[i * n + j] * a[i * n + j];
        if (off <= 1e-30 * on)
            return;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                double apq = a[p * n + q];
                if (fabs(apq) <= 1e-300)
                    continue;
                double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
                double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
                for (int64_t k = 0; k < n; k++) {
                    double x = a[k * n + p], y = a[k * n + q];
                    a[k * n + p] = c * x - s * y;
                    a[k * n + q] = s * x + c * y;
                }
                for (int64_t k = 0; k < n; k++) {
                    double x = a[p * n + k], y = a[q * n + k], u = vectors[p * n + k], v = vectors[q * n + k];
                    a[p * n + k] = c * x - s * y;
                    a[q * n + k] = s * x + c * y;
                    vectors[p * n + k] = c * u - s * v;
                    vectors[q * n + k] = s * u + c * v;
                }
            }
    }
}

/* ---- fitting --------------------------------------------------------------------------------------------------------- */

static bool take(fitting *f, const dim__mi *m, dim__mi_base *b)
{
    for (int side = 0; side < 2; side++) {
        int64_t d = f->in->plain[side], stride = f->in->d[side];
        b->d[side] = d;
        b->mean[side] = dim__calloc(f->ctx, (size_t)d, sizeof(double));
        f->z[side] = dim__calloc(f->ctx, (size_t)d * sizeof(double), (size_t)f->n);
        f->l[side] = dim__calloc(f->ctx, (size_t)d * sizeof(double), (size_t)d);
        if (b->mean[side] == NULL || f->z[side] == NULL || f->l[side] == NULL)
            return false;
        double weights = 0;
        for (int64_t i = 0; i < f->n; i++) {
            double w = m->weights != NULL ? m->weights[f->rows[i]] : 1;
            weights += w;
            for (int64_t j = 0; j < d; j++)
                b->mean[side][j] += w * (double)f->in->x[side][f->rows[i] * stride + j];
        }
        for (int64_t j = 0; j < d; j++)
            b->mean[side][j] /= weights;
        for (int64_t i = 0; i < f->n; i++) {
            double w = sqrt(m->weights != NULL ? m->weights[f->rows[i]] * (double)f->n / weights : 1);
            for (int64_t j = 0; j < d; j++)
                f->z[side][j * f->n + i] = w * ((double)f->in->x[side][f->rows[i] * stride + j] - b->mean[side][j]);
        }
        dim__dgemm(f->ctx, false, true, d, d, f->n, 1 / (double)f->n, f->z[side], f->n, f->z[side], f->n, 0, f->l[side], d);
        for (int64_t j = 0; j < d; j++)
            f->l[side][j * d + j] += RIDGE;
        bool definite = false;
        if (dim__mi_factor(f->ctx, f->l[side], d, &definite) != DIM_OK)
            return false;
        if (!definite)
            for (int64_t i = 0; i < d * d; i++) /* cannot be: what is squared is finite, and the ridge is above rounding */
                f->l[side][i] = i % (d + 1) == 0;
    }
    return true;
}

/* m := L_x^-1 S_xy L_y'^-1, and the eigenvectors of m m' or m' m, whichever is smaller. */
static bool correlate(fitting *f)
{
    int64_t x = f->in->plain[0], y = f->in->plain[1], p = dim__min64(x, y);
    double *turned = dim__calloc(f->ctx, (size_t)x * sizeof(double), (size_t)y);
    double *square = dim__calloc(f->ctx, (size_t)p * sizeof(double), (size_t)p);
    f->m = dim__calloc(f->ctx, (size_t)x * sizeof(double), (size_t)y);
    f->vectors = dim__calloc(f->ctx, (size_t)p * sizeof(double), (size_t)p);
    f->values = dim__calloc(f->ctx, (size_t)p, sizeof(double));
    bool room = turned != NULL && square != NULL && f->m != NULL && f->vectors != NULL && f->values != NULL;
    if (room) {
        dim__dgemm(f->ctx, false, true, x, y, f->n, 1 / (double)f->n, f->z[0], f->n, f->z[1], f->n, 0, f->m, y);
        dim__mi_solve_lower(f->l[0], x, f->m, y);
        transpose(f->m, x, y, turned);
        dim__mi_solve_lower(f->l[1], y, turned, x);
        transpose(turned, y, x, f->m);
        dim__dgemm(f->ctx, x > y, x <= y, p, p, x <= y ? y : x, 1, f->m, y, f->m, y, 0, square, p);
        diagonalise(square, p, f->vectors);
        for (int64_t i = 0; i < p; i++)
            f->values[i] = square[i * p + i];
    }
    dim__free(f->ctx, turned);
    dim__free(f->ctx, square);
    return room;
}

/* What a squared correlation would be without the part that d_x and d_y columns of n rows show by chance; 0 = all of it. */
static double debias(double r2, double d_x, double d_y, double n)
{
    double a = d_x / n, b = d_y / n, c = (1 - a) * (1 - b), s = a * (1 - b) + b * (1 - a);
    double edge = sqrt(a * (1 - b)) + sqrt(b * (1 - a));
    if (!(a + b < 1) || !(r2 > 1.05 * edge * edge + 2 / n))
        return 0;
    return fmin((r2 - s + sqrt(fmax((r2 - s) * (r2 - s) - 4 * a * b * c, 0))) / (2 * c), 1 - 1e-9);
}

/* Directions of pair i: an eigenvector on the smaller side, what m makes of it on the other; both led back to the columns. */
static void direct(const fitting *f, int64_t i, dim__mi_base *b)
{
    int64_t x = f->in->plain[0], y = f->in->plain[1], p = dim__min64(x, y);
    double *u = b->direction[0] + b->kept * x, *v = b->direction[1] + b->kept * y;
    double *own = x <= y ? u : v, *other = x <= y ? v : u, r = sqrt(f->values[i]);
    memcpy(own, f->vectors + i * p, (size_t)p * sizeof *own);
    for (int64_t k = 0; k < (x <= y ? y : x); k++) {
        other[k] = 0;
        for (int64_t j = 0; j < p; j++)
            other[k] += own[j] * (x <= y ? f->m[j * y + k] : f->m[k * y + j]) / r;
    }
    dim__mi_solve_upper(f->l[0], x, u);
    dim__mi_solve_upper(f->l[1], y, v);
}

bool dim__mi_labels_alone(const dim__mi_inputs *in)
{
    bool all = true;
    for (int side = 0; side < 2; side++)
        for (int64_t j = 0; j < in->plain[side]; j++)
            all = all && in->feature[side] != NULL && in->feature[side][j].kind == DIM__MI_LABEL;
    return all;
}

dim_status dim__mi_base_fit(const dim__mi *m, const dim__mi_inputs *in, const int32_t *rows, int64_t n, dim__mi_base *b)
{
    fitting f = { .ctx = m->ctx, .in = in, .rows = rows, .n = n };
    int64_t p = dim__min64(in->plain[0], in->plain[1]);
    double worth = (double)n * dim__mi_worth(m) / (double)m->n; /* chance is that of as many independent rows */
    *b = (dim__mi_base){ .rho = dim__calloc(m->ctx, (size_t)p, sizeof(double)) };
    for (int side = 0; side < 2; side++)
        b->direction[side] = dim__calloc(m->ctx, (size_t)p * sizeof(double), (size_t)in->plain[side]);
    bool room = b->rho != NULL && b->direction[0] != NULL && b->direction[1] != NULL && take(&f, m, b) && correlate(&f);
    bool labels = dim__mi_labels_alone(in);
    for (int64_t k = 0; k < (labels ? dim__min64(p, 1) : p) && room && !b->lone; k++) {
        int64_t i = 0;
        for (int64_t j = 1; j < p; j++)
            i = f.values[j] > f.values[i] ? j : i;
        double t = labels ? 0 : debias(fmin(f.values[i], 1), (double)in->plain[0], (double)in->plain[1], worth);
        b->lone = k == 0 && !(t > 0) && f.values[i] > 1e-12;
        if (t > 0 || b->lone) {
            direct(&f, i, b);
            b->rho[b->kept] = sqrt(t > 0 ? t : fmin(f.values[i], 0.999));
        }
        b->kept += t > 0;
        f.values[i] = -1;
    }
    for (int side = 0; side < 2; side++) {
        dim__free(m->ctx, f.z[side]);
        dim__free(m->ctx, f.l[side]);
    }
    dim__free(m->ctx, f.m);
    dim__free(m->ctx, f.vectors);
    dim__free(m->ctx, f.values);
    return room ? DIM_OK : DIM_E_NOMEM;
}

void dim__mi_base_free(dim_context *ctx, dim__mi_base *b)
{
    for (int side = 0; side < 2; side++) {
        dim__free(ctx, b->mean[side]);
        dim__free(ctx, b->direction[side]);
    }
    dim__free(ctx, b->rho);
}

/* ---- features -------------------------------------------------------------------------------------------------------- */

void dim__mi_base_features(const dim__mi_base *b, const dim__mi_inputs *in, int side, const int32_t *rows, int64_t n, float *out)
{
    int64_t d = b->d[side], width = dim__mi_base_width(b);
    for (int64_t i = 0; i < n; i++) {
        const float *x = in->x[side] + rows[i] * in->d[side];
        float *to = out + i * width;
        double own = 0;
        for (int64_t k = 0; k < b->kept; k++) {
            double u = 0, rho = b->rho[k], rest = 1 - rho * rho;
            for (int64_t j = 0; j < d; j++)
                u += b->direction[side][k * d + j] * ((double)x[j] - b->mean[side][j]);
            own -= rho * rho * u * u / (2 * rest) + (side == 0 ? log(rest) / 2 : 0);
            to[k] = (float)(side == 0 ? rho * u / rest : u);
        }
        to[b->kept] = side == 0 ? (float)own : 1;
        to[b->kept + 1] = side == 0 ? 1 : (float)own;
    }
}
