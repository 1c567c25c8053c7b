/* Refuses compilers' flags that assume away NaN and infinities: every check of numbers would be left out without a word.
 * lib/cmake/DimOptions.cmake takes such flags of a parent project back, so who reads this builds the sources in another way. */
#ifndef DIM_BASE_STRICT_MATH_H
#define DIM_BASE_STRICT_MATH_H

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "libdim cannot be compiled with -ffast-math, -Ofast or -ffinite-math-only: append -fno-fast-math"
#endif

/* gcc's names of what -funsafe-math-optimizations allows: sums of two parts, which are in nearest.c, would lose the second one. */
#if defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "libdim cannot be compiled with -funsafe-math-optimizations or -fassociative-math: append -fno-fast-math"
#endif

#endif
