/* Normal scores, for the picture: what the library works on in place of values. */
#include "mi.h"

#include <math.h>
#include <stdlib.h>

typedef struct place {
    double value;
    int64_t row;
} place;

static int by_value(const void *a, const void *b)
{
    const place *p = a, *q = b;
    return p->value < q->value ? -1 : p->value > q->value;
}

/* Phi^-1 by bisection of erfc(): some thousand of them are drawn. */
static double quantile(double p)
{
    double low = -9, high = 9;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (0.5 * erfc(-middle / sqrt(2)) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

void mi_scores(const double *values, int64_t n, double *out)
{
    place *list = mi_alloc((size_t)n, sizeof *list);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(values[i]))
            list[count++] = (place){ values[i], i };
        out[i] = (double)NAN; /* it may be the same array */
    }
    qsort(list, (size_t)count, sizeof *list, by_value);
    for (int64_t i = 0, end; i < count; i = end) { /* equal values share the mean of their ranks */
        for (end = i + 1; end < count && list[end].value == list[i].value; end++)
            ;
        double score = quantile(((double)(i + end)) / 2 / (double)count);
        for (int64_t k = i; k < end; k++)
            out[list[k].row] = score;
    }
    free(list);
}
