/* L-BFGS (Nocedal and Wright, algorithm 7.4) for convex functions. */
#include "eval/eval.h"

#include <math.h>

enum { HISTORY = 10, FEW = 4, LARGE = 1 << 20, TRIES = 40 };

typedef struct lbfgs {
    int64_t n;
    double *gradient, *next, *next_gradient, *direction;
    double *s, *y;        /* (history, n): steps, and how the gradient changed */
    double rho[HISTORY];  /* 1 / (s.y) */
    int history, held, at; /* pairs at most, now, and the place of the next */
    double value, next_value;
} lbfgs;

static double dot(const double *a, const double *b, int64_t n)
{
    double sum[4] = {0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int l = 0; l < 4; l++)
            sum[l] += a[i + l] * b[i + l];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void add(double *x, double a, const double *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] += a * y[i];
}

static double largest(const double *x, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fabs(x[i]) > most ? fabs(x[i]) : most;
    return most;
}

/* The direction of descent: minus the inverse Hessian, as far as the pairs tell, times the gradient. */
static void find_direction(lbfgs *l)
{
    double alpha[HISTORY], *r = l->direction;
    const int64_t n = l->n;
    for (int64_t i = 0; i < n; i++)
        r[i] = -l->gradient[i];
    if (l->held == 0) {
        double length = sqrt(dot(r, r, n));
        for (int64_t i = 0; i < n && length > 1; i++)
            r[i] /= length;
        return;
    }
    for (int k = 1; k <= l->held; k++) {
        int i = (l->at - k + l->history) % l->history;
        alpha[i] = l->rho[i] * dot(l->s + i * n, r, n);
        add(r, -alpha[i], l->y + i * n, n);
    }
    int last = (l->at - 1 + l->history) % l->history;
    double scale = 1 / (l->rho[last] * dot(l->y + last * n, l->y + last * n, n));
    for (int64_t i = 0; i < n; i++)
        r[i] *= scale;
    for (int k = l->held; k >= 1; k--) {
        int i = (l->at - k + l->history) % l->history;
        add(r, alpha[i] - l->rho[i] * dot(l->y + i * n, r, n), l->s + i * n, n);
    }
}

/* A step along the direction after which the value has fallen and the slope is much flatter.  The function is convex: where
 * the slope is still steep the minimum is farther, where it has turned or the value has risen it is nearer.  The value's last
 * digits are noise, so a rise within them counts as none. */
static bool find_step(lbfgs *l, const double *x, dim__convex_fn fn, void *user)
{
    double slope = dot(l->gradient, l->direction, l->n), step = 1, low = 0, high = 0;
    double noise = 1e-7 * fabs(l->value);
    if (!(slope < 0))
        return false;
    for (int i = 0; i < TRIES; i++) {
        for (int64_t j = 0; j < l->n; j++)
            l->next[j] = x[j] + step * l->direction[j];
        l->next_value = fn(user, l->next, l->next_gradient);
        double there = dot(l->next_gradient, l->direction, l->n);
        bool fell = l->next_value <= l->value + 1e-4 * step * slope + noise;
        if (fell && fabs(there) <= -0.9 * slope)
            return true;
        if (fell && there < 0)
            low = step;
        else
            high = step;
        step = high > 0 ? (low + high) / 2 : 4 * step;
    }
    return false;
}

static void remember(lbfgs *l, const double *x)
{
    double *s = l->s + l->at * l->n, *y = l->y + l->at * l->n;
    for (int64_t i = 0; i < l->n; i++) {
        s[i] = l->next[i] - x[i];
        y[i] = l->next_gradient[i] - l->gradient[i];
    }
    double product = dot(s, y, l->n);
    if (!(product > 1e-12 * sqrt(dot(s, s, l->n) * dot(y, y, l->n))))
        return; /* rounding alone */
    l->rho[l->at] = 1 / product;
    l->at = (l->at + 1) % l->history;
    l->held += l->held < l->history;
}

static void minimise(lbfgs *l, double *x, dim__convex_fn fn, void *user, uint32_t iterations, double tolerance,
                     dim__lbfgs_result *out)
{
    l->value = fn(user, x, l->gradient);
    while (!(out->converged = largest(l->gradient, l->n) <= tolerance) && out->iterations < iterations) {
        find_direction(l);
        if (!find_step(l, x, fn, user)) {
            if (l->held == 0)
                return; /* even the steepest descent has no step: rounding is all that is left */
            l->held = 0;
            continue;
        }
        out->iterations++;
        remember(l, x);
        memcpy(x, l->next, (size_t)l->n * sizeof *x);
        double *old = l->gradient;
        l->gradient = l->next_gradient;
        l->next_gradient = old;
        l->value = l->next_value;
    }
}

dim_status dim__lbfgs(dim_context *ctx, int64_t n, double *x, dim__convex_fn fn, void *user, uint32_t iterations,
                      double tolerance, dim__lbfgs_result *out)
{
    dim_status status = DIM_E_NOMEM;
    lbfgs l = {.n = n, .history = n > LARGE ? FEW : HISTORY};
    *out = (dim__lbfgs_result){0};
    l.gradient = dim__calloc(ctx, (size_t)n, sizeof *x);
    l.next = dim__calloc(ctx, (size_t)n, sizeof *x);
    l.next_gradient = dim__calloc(ctx, (size_t)n, sizeof *x);
    l.direction = dim__calloc(ctx, (size_t)n, sizeof *x);
    l.s = dim__calloc(ctx, (size_t)n, (size_t)l.history * sizeof *x);
    l.y = dim__calloc(ctx, (size_t)n, (size_t)l.history * sizeof *x);
    if (l.gradient != NULL && l.next != NULL && l.next_gradient != NULL && l.direction != NULL && l.s != NULL &&
        l.y != NULL) {
        minimise(&l, x, fn, user, iterations, tolerance, out);
        status = DIM_OK;
    }
    double *all[] = {l.gradient, l.next, l.next_gradient, l.direction, l.s, l.y};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim__free(ctx, all[i]);
    return status;
}
