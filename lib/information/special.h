/* Special functions of statistics, in double. */
#ifndef DIM_INFORMATION_SPECIAL_H
#define DIM_INFORMATION_SPECIAL_H

#include <stdint.h>

double dim__digamma(double x);         /* x > 0 */
double dim__normal_quantile(double p); /* Phi^-1; p in (0, 1) */
double dim__normal_tail(double x);     /* 1 - Phi(x) */
/* G(n) of Grassberger 2003: the mean of n G(n) over Poisson counts is that of n ln n of the true rate, nearly; n >= 1. */
double dim__grassberger(int64_t n);
/* P(X <= x) of a chi-square with `degrees` of freedom and noncentrality `shift`; shift 0 is the plain one. */
double dim__chi_square(double x, double degrees, double shift);
/* The noncentrality at which x is the quantile p; 0 where even the plain chi-square has less than p below x. */
double dim__chi_square_shift(double x, double degrees, double p);
/* One p-value of `count` that depend on each other in unknown ways (Liu & Xie 2020): 1/2 - atan(mean of tan(pi (1/2 - p))) / pi, which is
 * exact where they are independent, and where they are equal.  Above `most` they are taken as that: a single 1 would outweigh all. */
double dim__combined_p(const double *p, int64_t count, double most);

#endif
