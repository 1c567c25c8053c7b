/* What the tests of <dim/evaluation.h> share: data by formulas that fixtures/make_evaluation.py has, too, and its numbers. */
#ifndef DIM_TESTS_EVALUATION_TESTS_H
#define DIM_TESTS_EVALUATION_TESTS_H

#include "objective_tests.h"
#include <dim/evaluation.h>

#include <math.h>

static inline void near(double got, double want, double most)
{
    if (!(fabs(got - want) <= most))
        fail_msg("%.15g is not %.15g, by more than %g", got, want, most);
}

/* Numbers of a line of the fixture; their count. */
static inline int expected(const char *name, double *out, int most)
{
    char word[64];
    int n = -1;
    FILE *f = fopen(DIM_TEST_DATA "/evaluation.txt", "r");
    assert_non_null(f);
    while (fscanf(f, "%63s", word) == 1) {
        char *end;
        double x = strtod(word, &end);
        if (*end != '\0') {
            if (n >= 0)
                break;
            n = strcmp(word, name) == 0 ? 0 : -1;
        } else if (n >= 0 && n < most)
            out[n++] = x;
    }
    fclose(f);
    if (n <= 0)
        fail_msg("evaluation.txt has no numbers of '%s'", name);
    return n;
}

static inline float *floats(dim_tensor *t) { return dim_tensor_data(t); }

static inline dim_tensor *f32(int rank, const int64_t *shape)
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_F32, rank, shape, &t));
    return t;
}

/* Two batches of images (n, c, h, w). */
static inline void make_images(int64_t n, int64_t c, int64_t h, int64_t w, dim_tensor **a, dim_tensor **b)
{
    *a = f32(4, (int64_t[]){ n, c, h, w });
    *b = f32(4, (int64_t[]){ n, c, h, w });
    for (int64_t at = 0; at < n * c * h * w; at++) {
        int64_t x = at % w, y = at / w % h, k = at / w / h % c, i = at / w / h / c;
        int64_t t = llabs((3 * y + 2 * x + 5 * i + 9 * k) % 64 - 32), p = (31 * y + 17 * x + x * y % 53 + 7 * k + 13 * i) % 33,
                q = (13 * y + 29 * x + (x * y + 7) % 47 + 3 * k + i) % 33;
        floats(*a)[at] = (float)(3 * t + p - 64) / 64;
        floats(*b)[at] = (float)(2 * t + p + q - 64) / 64;
    }
}

/* (n, d), from row `first` on */
static inline dim_tensor *make_codes(int64_t first, int64_t n, int64_t d)
{
    dim_tensor *t = f32(2, (int64_t[]){ n, d });
    for (int64_t i = first; i < first + n; i++)
        for (int64_t j = 0; j < d; j++)
            floats(t)[(i - first) * d + j] = (float)((i * 73 + j * 37 + i * j % 59 + i * i * (j + 3) % 71) % 101 - 40) / 64;
    return t;
}

#endif
