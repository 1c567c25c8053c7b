/* Monotone cubic pieces (Fritsch & Butland 1984) between the knots, straight lines beyond them.  Single ranks do not serve as
 * knots: the gaps between neighbouring rows differ by factors of hundreds by chance, and slopes would do so, too. */
#include "information/smooth.h"

#include "base/math.h"

enum { KNOTS = 48 };
static const double MOST = 1e6; /* where the straight lines end, so that what is made of them stays finite */

static void pick_knots(const double *x, const double *z, int64_t n, dim__smooth *s)
{
    double step = (z[n - 1] - z[0]) / (KNOTS - 1);
    for (int64_t k = 0; k < n; k++)
        if (k == n - 1 || n <= KNOTS || z[k] >= z[0] + step * (double)s->count) {
            s->x[s->count] = x[k];
            s->z[s->count++] = z[k];
        }
}

/* Halves first: the largest numbers differ by more than there are numbers. */
static double width(const dim__smooth *s, int64_t k) { return s->x[k + 1] / 2 - s->x[k] / 2; }
static double secant(const dim__smooth *s, int64_t k) { return (s->z[k + 1] - s->z[k]) / 2 / width(s, k); }

/* Two neighbours may be close by chance: a straight line goes on no steeper than a score of 1 from the end does. */
static double end_slope(const dim__smooth *s, int64_t end)
{
    int64_t step = end == 0 ? 1 : -1, k = end + step;
    double next = secant(s, end == 0 ? 0 : end - 1);
    while (k + step >= 0 && k + step < s->count && fabs(s->z[k] - s->z[end]) < 1)
        k += step;
    return fmin(next, (s->z[k] - s->z[end]) / 2 / (s->x[k] / 2 - s->x[end] / 2));
}

dim_status dim__smooth_make(dim_context *ctx, const double *x, const double *z, int64_t n, dim__smooth *s)
{
    *s = (dim__smooth){ .x = dim__calloc(ctx, 3 * (KNOTS + 1), sizeof(double)) };
    if (s->x == NULL)
        return DIM_E_NOMEM;
    s->z = s->x + KNOTS + 1;
    s->slope = s->z + KNOTS + 1;
    pick_knots(x, z, n, s);
    for (int64_t k = 0; k < s->count && s->count > 1; k++) {
        if (k == 0 || k == s->count - 1) {
            s->slope[k] = end_slope(s, k);
            continue;
        }
        double left = secant(s, k - 1), right = secant(s, k);
        double share = (1 + width(s, k) / (width(s, k - 1) + width(s, k))) / 3; /* of the left one in a harmonic mean */
        s->slope[k] = left > 0 && right > 0 ? 1 / (share / left + (1 - share) / right) : 0;
    }
    return DIM_OK;
}

void dim__smooth_free(dim_context *ctx, dim__smooth *s) { dim__free(ctx, s->x); }

double dim__smooth_at(const dim__smooth *s, double x, double *slope)
{
    int64_t low = 0, high = s->count - 1, end = x <= s->x[0] ? 0 : high;
    if (x <= s->x[0] || x >= s->x[high]) {
        double z = s->slope[end] > 0 ? s->z[end] + s->slope[end] * (x - s->x[end]) : s->z[end];
        *slope = fabs(z) < MOST ? s->slope[end] : 0;
        return fmin(fmax(z, -MOST), MOST);
    }
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        *(x < s->x[middle] ? &high : &low) = middle;
    }
    double h = 2 * width(s, low), t = (x / 2 - s->x[low] / 2) / width(s, low), u = 1 - t;
    double rise = s->z[high] - s->z[low], left = h * s->slope[low], right = h * s->slope[high];
    *slope = (6 * t * u * rise + u * (1 - 3 * t) * left + t * (3 * t - 2) * right) / h;
    return s->z[low] + t * t * (3 - 2 * t) * rise + t * u * (u * left - t * right);
}
