#include "information/special.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

/* Upwards to x >= 10 by psi(x) = psi(x + 1) - 1/x, then the asymptotic series, whose first term left out is below
 * 5e-17 there (Abramowitz & Stegun 6.3.5, 6.3.18).  The terms are added with their rounding errors, lest the
 * difference near the root at 1.46 lose digits. */
double dim__digamma(double x)
{
    double sum = 0, lost = 0;
    while (x < 10) {
        double term = 1 / x - lost, next = sum + term;
        x += 1;
        lost = next - sum - term;
        sum = next;
    }
    double r = 1 / x, r2 = r * r;
    double series = r2 * (1.0 / 12 - r2 * (1.0 / 120 - r2 * (1.0 / 252 - r2 * (1.0 / 240 - r2 * (1.0 / 132 -
                    r2 * (691.0 / 32760 - r2 / 12))))));
    return log(x) - sum - (r / 2 + series - lost);
}

static double ratio(const double *top, const double *bottom, int n, double r)
{
    double a = top[n - 1], b = bottom[n - 1];
    for (int i = n - 2; i >= 0; i--) {
        a = a * r + top[i];
        b = b * r + bottom[i];
    }
    return a / b;
}

/* Wichura 1988, algorithm AS 241, PPND16. */
double dim__normal_quantile(double p)
{
    static const double a[8] = { 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
        1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4,
        2.5090809287301226727e3 };
    static const double b[8] = { 1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
        2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3 };
    static const double c[8] = { 1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
        3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2,
        7.74545014278341407640e-4 };
    static const double d[8] = { 1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
        1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9 };
    static const double e[8] = { 6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
        2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5,
        2.01033439929228813265e-7 };
    static const double f[8] = { 1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15 };
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return q * ratio(a, b, 8, 0.180625 - q * q);
    double r = sqrt(-log(q < 0 ? p : 1 - p));
    double z = r <= 5 ? ratio(c, d, 8, r - 1.6) : ratio(e, f, 8, r - 5);
    return q < 0 ? -z : z;
}

double dim__normal_tail(double x) { return erfc(x * 0.70710678118654752440) / 2; }

double dim__grassberger(int64_t n)
{
    double x = (double)n, half = (dim__digamma((x + 1) / 2) - dim__digamma(x / 2)) / 2;
    return dim__digamma(x) + (n % 2 == 0 ? half : -half);
}

/* The regularised incomplete gamma function P(a, x): its series below a + 1, else one minus the continued fraction
 * (Abramowitz & Stegun 6.5.29, 6.5.31; Lentz's evaluation). */
static double gamma_p(double a, double x)
{
    if (!(x > 0))
        return 0;
    double scale = exp(a * log(x) - x - lgamma(a));
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int i = 1; i < 10000 && term > sum * DBL_EPSILON / 4; i++)
            sum += term *= x / (a + i);
        return fmin(1, sum * scale);
    }
    double b = x + 1 - a, c = 1 / DBL_MIN, d = 1 / b, h = d;
    for (int i = 1; i < 10000; i++) {
        double an = -i * (i - a), step;
        b += 2;
        d = an * d + b;
        c = b + an / c;
        d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
        c = fabs(c) < DBL_MIN ? DBL_MIN : c;
        h *= step = c * d;
        if (fabs(step - 1) < DBL_EPSILON)
            break;
    }
    return fmax(0, 1 - h * scale);
}

/* A mixture of plain ones with `degrees` + 2 j, j Poisson of mean shift / 2: from the likeliest j outwards. */
double dim__chi_square(double x, double degrees, double shift)
{
    double mean = shift / 2;
    if (!(shift > 0))
        return gamma_p(degrees / 2, x / 2);
    double sum = 0, weight;
    int64_t middle = (int64_t)mean;
    for (int side = 0; side < 2; side++) {
        int64_t j = side == 0 ? middle : middle + 1;
        do {
            weight = exp((double)j * log(mean) - mean - lgamma((double)j + 1));
            sum += weight * gamma_p(degrees / 2 + (double)j, x / 2);
            j += side == 0 ? -1 : 1;
        } while (j >= 0 && weight >= 1e-17);
    }
    return sum < 1 ? sum : 1;
}

double dim__chi_square_shift(double x, double degrees, double p)
{
    double low = 0, high = 1;
    if (!(dim__chi_square(x, degrees, 0) > p))
        return 0;
    while (dim__chi_square(x, degrees, high) > p && high < 1e12)
        high *= 2;
    for (int i = 0; i < 100 && high - low > 1e-12 * high; i++) {
        double middle = (low + high) / 2;
        if (dim__chi_square(x, degrees, middle) > p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

double dim__combined_p(const double *p, int64_t count, double most)
{
    const double pi = 3.14159265358979323846;
    double mean = 0, least = most, largest = 0;
    for (int64_t k = 0; k < count; k++) {
        double one = fmin(p[k], most);
        mean += tan(pi * (0.5 - one)) / (double)count;
        least = fmin(least, one);
        largest = fmax(largest, one);
    }
    return fmin(fmax(0.5 - atan(mean) / pi, least), largest); /* between them, whatever is rounded: 0.05 of 0.05s */
}
