/* Eigenvalues of a symmetric matrix: Householder's reflections make it tridiagonal, and implicit QL steps with
 * Wilkinson's shift make that diagonal (Golub & Van Loan, Matrix Computations, 8.3). */
#include "evaluation/evaluation.h"

#include "base/math.h"
#include "base/pool.h"

#include <stdlib.h>

typedef struct reduction {
    double *a;
    int64_t n, first;       /* rows and columns from first on are what is left */
    double *v, *p;          /* (n): reflection I - 2 v v' / v'v; what the rest makes of v */
} reduction;

/* Four sums, so that the processor need not wait for one; the order does not depend on threads. */
static double dot(const double *x, const double *y, int64_t n)
{
    double s[4] = { 0, 0, 0, 0 };
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++)
            s[k] += x[i + k] * y[i + k];
    for (; i < n; i++)
        s[0] += x[i] * y[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static void multiply(void *arg, int64_t begin, int64_t end, int thread)
{
    const reduction *r = arg;
    int64_t left = r->n - r->first;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        r->p[r->first + i] = dot(r->a + (r->first + i) * r->n + r->first, r->v + r->first, left);
}

static void subtract(void *arg, int64_t begin, int64_t end, int thread)
{
    const reduction *r = arg;
    (void)thread;
    for (int64_t i = r->first + begin; i < r->first + end; i++) {
        double *row = r->a + i * r->n, v = r->v[i], p = r->p[i];
        for (int64_t j = r->first; j < r->n; j++)
            row[j] -= v * r->p[j] + p * r->v[j];
    }
}

/* a := a tridiagonal matrix with the same eigenvalues: diagonal (n), and beside it (n - 1). */
static void tridiagonal(dim_context *ctx, double *a, int64_t n, double *diagonal, double *beside, double *room)
{
    reduction r = { .a = a, .n = n, .v = diagonal, .p = room };
    for (int64_t k = 0; k + 2 < n; k++) {
        double square = 0, *v = r.v;
        r.first = k + 1;
        for (int64_t i = k + 1; i < n; i++) {
            v[i] = a[i * n + k];
            square += v[i] * v[i];
        }
        double length = sqrt(square), to = v[k + 1] > 0 ? -length : length;
        beside[k] = to;
        v[k + 1] -= to;
        square = dot(v + k + 1, v + k + 1, n - k - 1);
        if (!(square > 0))
            continue;
        double scale = 2 / square;
        int64_t left = n - k - 1, grain = 1 + 16384 / left;
        dim__parallel(ctx, left, grain, multiply, &r);
        for (int64_t i = k + 1; i < n; i++)
            r.p[i] *= scale;
        double half = scale / 2 * dot(r.p + k + 1, v + k + 1, left);
        for (int64_t i = k + 1; i < n; i++)
            r.p[i] -= half * v[i];
        dim__parallel(ctx, left, grain, subtract, &r);
    }
    if (n > 1)
        beside[n - 2] = a[(n - 1) * n + n - 2];
    for (int64_t i = 0; i < n; i++) /* only now: the reflections stood there */
        diagonal[i] = a[i * n + i];
}

/* One QL step on first .. last; d the diagonal, e beside it, e[last] is room. */
static void step(double *d, double *e, int64_t first, int64_t last)
{
    double g = (d[first + 1] - d[first]) / (2 * e[first]), s = 1, c = 1, p = 0;
    g = d[last] - d[first] + e[first] / (g + (g >= 0 ? hypot(g, 1) : -hypot(g, 1)));
    int64_t i = last - 1;
    for (; i >= first; i--) {
        double f = s * e[i], b = c * e[i], r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) { /* a matrix of two parts: what is left goes on by itself */
            d[i + 1] -= p;
            e[last] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
    }
    d[first] -= p;
    e[first] = g;
    e[last] = 0;
}

static int descending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a < b) - (a > b);
}

void dim__eigenvalues(dim_context *ctx, double *a, int64_t n, double *values, double *room)
{
    enum { MOST_STEPS = 60 }; /* two or three are usual */
    double most = 0, *e = room;
    for (int64_t i = 0; i < n * n; i++)
        most = fmax(most, fabs(a[i]));
    if (!(most > 0)) {
        memset(values, 0, (size_t)n * sizeof *values);
        return;
    }
    for (int64_t i = 0; i < n * n; i++) /* so that squares neither overflow nor vanish */
        a[i] /= most;
    tridiagonal(ctx, a, n, values, e, room + n);
    e[n - 1] = 0;
    for (int64_t first = 0; first < n; first++)
        for (int steps = 0; steps < MOST_STEPS; steps++) {
            int64_t last = first;
            while (last < n - 1 && fabs(e[last]) > 0x1p-53 * (fabs(values[last]) + fabs(values[last + 1])))
                last++;
            if (last == first)
                break;
            step(values, e, first, last);
        }
    for (int64_t i = 0; i < n; i++)
        values[i] *= most;
    qsort(values, (size_t)n, sizeof *values, descending);
}
