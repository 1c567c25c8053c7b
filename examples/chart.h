/* Charts of pages, as SVG in the page itself. */
#ifndef EXAMPLES_CHART_H
#define EXAMPLES_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct ex_bar {
    const char *group, *name;     /* bars of a group follow each other; group NULL = none */
    double value, deviation;      /* NaN = no value, or no whisker */
} ex_bar;

/* Bars from 0 to `high`, each with its number times `scale` in `unit`. */
void ex_chart_bars(FILE *to, const ex_bar *bars, int n, double high, double scale, const char *unit);

typedef struct ex_line {
    const char *name;
    const double *x, *y;          /* finite, x from low to high */
    int64_t n;
} ex_line;

/* Lines in one frame; x_name says what is below.  dots: marks each point. */
void ex_chart_lines(FILE *to, const ex_line *lines, int n, const char *x_name, const char *y_name, bool dots);

/* Points (n) by class, -1 for none; names[c] of the classes. */
void ex_chart_points(FILE *to, const double *x, const double *y, const int64_t *classes, int64_t n, const char *const *names,
                     int64_t n_classes);

/* Counts in bars of equal width from low to high. */
void ex_chart_histogram(FILE *to, const int64_t *counts, int n, double low, double high, const char *x_name);

/* Shares of each row: rows are what is true, columns what is said. */
void ex_chart_matrix(FILE *to, const int64_t *counts, int64_t n, const char *const *names);

#endif
