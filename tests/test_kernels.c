/* Every table of this processor against the reference table and, for the functions of C's library, against double. */
#include "kernels/kernels.h"

#include "base/cpu.h"
#include "base/math.h"
#include "sanitized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 1000, PAD = 8, COLUMNS = 100 };

static const int64_t sizes[] = { 0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 100, MOST };
enum { SIZES = sizeof sizes / sizeof *sizes };

static const dim__kernels *ref;
static const dim__kernels *table; /* under test */

static uint64_t state;

static float uniform(float low, float high)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (float)((double)(state >> 40) / (1 << 24));
}

static void fill(float *x, int64_t n, float low, float high)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = uniform(low, high);
}

/* |got - want| <= tolerance (|want| + scale) */
static void close_to(const char *what, int64_t i, double got, double want, double scale, double tolerance)
{
    if (isnan(want) ? isnan(got) : got == want || fabs(got - want) <= tolerance * (fabs(want) + scale))
        return;
    fail_msg("%s %s [%d]: %.9g, should be %.9g", table->name, what, (int)i, got, want);
}

static void all_close(const char *what, const float *got, const float *want, int64_t n, double scale, double tolerance)
{
    for (int64_t i = 0; i < n; i++)
        close_to(what, i, got[i], want[i], scale, tolerance);
    for (int64_t i = n; i < n + PAD; i++)
        if (got[i] != 77)
            fail_msg("%s %s wrote behind the end, n = %d", table->name, what, (int)n);
}

/* Inputs at any alignment of floats; results are followed by numbers that must stay. */
static float buffer[8][MOST + 2 * PAD], out[MOST + 2 * PAD], expected[MOST + 2 * PAD];

static float *fresh(int64_t n, int offset)
{
    for (int64_t i = 0; i < n + PAD; i++)
        out[offset + i] = 77;
    return out + offset;
}

#define ELEMENTWISE(name, tolerance, scale, ...)                    \
    do {                                                            \
        float *y = fresh(n, offset), *z = expected + offset;        \
        ref->name(z, __VA_ARGS__, n);                               \
        table->name(y, __VA_ARGS__, n);                             \
        all_close(#name, y, z, n, scale, tolerance);                \
    } while (0)

static void check_elementwise(int64_t n, int offset)
{
    const double ulp = 6e-8; /* half of one, the bound of one rounding */
    float *a = buffer[0] + offset, *b = buffer[1] + (offset * 3) % PAD;
    fill(a, n, -4, 4);
    fill(b, n, -4, 4);
    ELEMENTWISE(add, 0, 0, a, b);
    ELEMENTWISE(mul, 0, 0, a, b);
    ELEMENTWISE(affine, 2 * ulp, 10, a, 1.7f, -0.3f);
    ELEMENTWISE(relu, 0, 0, a);
    ELEMENTWISE(relu_grad, 0, 0, b, a);
    ELEMENTWISE(leaky, 0, 0, a, 0.2f);
    ELEMENTWISE(leaky_grad, 0, 0, b, a, 0.2f);
    ELEMENTWISE(sigmoid, 5 * ulp, 0, a);
    ELEMENTWISE(tanh, 5 * ulp, 0, a);
    ELEMENTWISE(softplus, 6 * ulp, 0, a);
    ELEMENTWISE(exp, 4 * ulp, 0, a);
    ELEMENTWISE(exp_shift, 16 * ulp, 0, a, 2.5f, 0.25f); /* |x - shift| <= 6.5 is rounded first */
    ELEMENTWISE(exp_from, 20 * ulp, 0, a, b); /* as is one of at most 8 */
    ELEMENTWISE(sigmoid_scale, 6 * ulp, 0, a, -3.0f);
    fill(b, n, 0, 1);
    ELEMENTWISE(sigmoid_grad, 4 * ulp, 0, a, b);
    ELEMENTWISE(tanh_grad, 6 * ulp, 0, a, b);

    float *y = fresh(n, offset), *z = expected + offset;
    memcpy(y, b, (size_t)n * sizeof *y);
    memcpy(z, b, (size_t)n * sizeof *z);
    ref->axpy(z, -0.7f, a, n);
    table->axpy(y, -0.7f, a, n);
    all_close("axpy", y, z, n, 4, 2 * ulp);

    /* on itself */
    y = fresh(n, offset);
    memcpy(y, a, (size_t)n * sizeof *y);
    ref->softplus(z, a, n);
    table->softplus(y, y, n);
    all_close("softplus in place", y, z, n, 0, 6 * ulp);
    y = fresh(n, offset);
    memcpy(y, a, (size_t)n * sizeof *y);
    ref->add(z, a, a, n);
    table->add(y, y, y, n);
    all_close("add in place", y, z, n, 0, 0);
}

/* Every upper half, and what lies between two of them. */
static void test_bf16(void **unused)
{
    static const uint32_t low[] = { 0, 1, 0x7fff, 0x8000, 0x8001, 0xffff };
    enum { LOWS = sizeof low / sizeof *low, BLOCK = 1000 };
    float x[BLOCK], back[BLOCK];
    uint16_t y[BLOCK + PAD], want[BLOCK + PAD];
    (void)unused;
    for (int64_t i = 0; i < LOWS * 65536;) {
        int64_t n = 0;
        for (; n < BLOCK - i % 3 && i < LOWS * 65536; n++, i++) {
            uint32_t bits = (uint32_t)(i / LOWS) << 16 | low[i % LOWS];
            memcpy(&x[n], &bits, sizeof bits);
        }
        memset(y, 0x55, sizeof y);
        table->to_bf16(y, x, n);
        ref->to_bf16(want, x, n);
        table->from_bf16(back, want, n);
        for (int64_t k = 0; k < n; k++) {
            uint32_t bits, have;
            memcpy(&bits, &x[k], sizeof bits);
            memcpy(&have, &back[k], sizeof have);
            if (y[k] != want[k] || have != (uint32_t)want[k] << 16)
                fail_msg("%s to_bf16(%08x): %04x, should be %04x", table->name, bits, y[k], want[k]);
            if (isnan(x[k]) != isnan(back[k]) || (!isnan(x[k]) && isfinite(back[k]) &&
                                                  fabs((double)back[k] - x[k]) > fabs((double)x[k]) / 256 + 1e-40))
                fail_msg("bf16 of %08x is %04x", bits, want[k]);
        }
        assert_int_equal(y[n], 0x5555);
    }
}

static void check_reductions(int64_t n, int offset)
{
    float *a = buffer[0] + offset, *b = buffer[1] + (offset * 5) % PAD;
    fill(a, n, -1, 1);
    fill(b, n, -1, 1);
    if (n > 20) { /* large numbers that cancel */
        a[1] = 3e7f;
        a[n - 2] = -3e7f;
        b[1] = b[n - 2] = 1;
    }
    double size = 0;
    for (int64_t i = 0; i < n; i++)
        size += fabsf(a[i]);
    close_to("sum", n, table->sum(a, n), ref->sum(a, n), size, 1e-14);
    close_to("sum_sq", n, table->sum_sq(a, n), ref->sum_sq(a, n), 0, 1e-14);
    close_to("dot", n, table->dot(a, b, n), ref->dot(a, b, n), size, 1e-14);
    close_to("max", n, table->max(a, n), ref->max(a, n), 0, 0);
    fill(a, n, -30, 30);
    close_to("sum_exp", n, table->sum_exp(a, 12.5f, n), ref->sum_exp(a, 12.5f, n), 0, 1e-6);
    close_to("sum_softplus", n, table->sum_softplus(a, -1, n), ref->sum_softplus(a, -1, n), 0, 3e-7);
    assert_true(table->finite(a, n));
    for (int64_t i = 0; i < n; i += n / 7 + 1) {
        static const float bad[] = { NAN, INFINITY, -INFINITY };
        for (int k = 0; k < 3; k++) {
            float kept = a[i];
            a[i] = bad[k];
            assert_false(table->finite(a, n));
            close_to("max", i, table->max(a, n), ref->max(a, n), 0, 0);
            a[i] = kept;
        }
    }
    assert_true(table->sum(a, n) == table->sum(a, n));
}

static void test_sizes_and_alignments(void **unused)
{
    (void)unused;
    for (int s = 0; s < SIZES; s++)
        for (int offset = 0; offset < PAD; offset++) {
            check_elementwise(sizes[s], offset);
            check_reductions(sizes[s], offset);
        }
}

/* An element's value does not depend on its place. */
static void test_place_does_not_matter(void **unused)
{
    (void)unused;
    void (*functions[])(float *, const float *, int64_t) = { table->sigmoid, table->tanh, table->softplus, table->exp };
    float x[100], y[100], one;
    fill(x, 100, -20, 20);
    for (int f = 0; f < 4; f++) {
        functions[f](y, x, 100);
        for (int i = 0; i < 100; i++) {
            functions[f](&one, x + i, 1);
            assert_memory_equal(&one, y + i, sizeof one);
        }
    }
}

/* Error in units of the last place of the float result. */
static double ulps(float got, double want)
{
    int exponent;
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf(got) && (double)got == (double)(float)want)
        return 0;
    frexp(want, &exponent);
    return fabs(got - want) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static void worst_error(const char *what, void (*f)(float *, const float *, int64_t), double (*exact)(double), float low,
                        float high, double bound)
{
    enum { BLOCK = 1000, BLOCKS = 300 };
    float x[BLOCK], y[BLOCK];
    double worst = 0, at = 0;
    for (int k = 0; k < BLOCKS; k++) {
        for (int i = 0; i < BLOCK; i++)
            x[i] = low + (high - low) * (float)(k * BLOCK + i) / (BLOCKS * BLOCK);
        f(y, x, BLOCK);
        for (int i = 0; i < BLOCK; i++) {
            double error = ulps(y[i], exact(x[i]));
            if (!(error <= worst)) {
                worst = error;
                at = x[i];
            }
        }
    }
    if (getenv("DIM_TEST_VERBOSE"))
        printf("%s %s on [%g, %g]: %.2f ulp at %.9g\n", table->name, what, low, high, worst, at);
    if (!(worst <= bound))
        fail_msg("%s %s is wrong by %.2f ulp at %.9g", table->name, what, worst, at);
}

static void test_errors_in_ulps(void **unused)
{
    (void)unused;
    static const float ranges[][2] = { { -1e-3f, 1e-3f }, { -1, 1 }, { -10, 10 }, { -104, -80 }, { -80, 80 }, { 80, 90 } };
    for (int r = 0; r < 6; r++) {
        float low = ranges[r][0], high = ranges[r][1];
        worst_error("exp", table->exp, exp, low, high, 1.1);
        worst_error("sigmoid", table->sigmoid, dim__sigmoid, low, high, 2.5);
        worst_error("tanh", table->tanh, tanh, low, high, 1.5);
        worst_error("softplus", table->softplus, dim__softplus, low, high, 3);
    }
}

typedef struct extreme {
    float x, exp, sigmoid, tanh, softplus;
} extreme;

static void test_extremes(void **unused)
{
    (void)unused;
    static const extreme cases[] = {
        { 0, 1, 0.5f, 0, 0.693147181f },
        { 100, INFINITY, 1, 1, 100 },
        { -100, 3.78350585e-44f, 3.78350585e-44f, -1, 3.78350585e-44f },
        { 88.7228317f, 3.40279852e+38f, 1, 1, 88.7228317f },  /* the last with a finite e^x */
        { 88.7228394f, INFINITY, 1, 1, 88.7228394f },
        { -103.9f, 1.40129846e-45f, 1.40129846e-45f, -1, 1.40129846e-45f },
        { -104.5f, 0, 0, -1, 0 },
        { 1e30f, INFINITY, 1, 1, 1e30f },
        { -1e30f, 0, 0, -1, 0 },
        { INFINITY, INFINITY, 1, 1, INFINITY },
        { -INFINITY, 0, 0, -1, 0 },
        { NAN, NAN, NAN, NAN, NAN },
        { 20, 485165195.4f, 1, 1, 20 },
        { 1e-30f, 1, 0.5f, 1e-30f, 0.693147181f },
        { 1e-44f, 1, 0.5f, 1e-44f, 0.693147181f },
    };
    enum { CASES = sizeof cases / sizeof *cases };
    float x[CASES], y[CASES];
    for (int i = 0; i < CASES; i++)
        x[i] = cases[i].x;
    table->exp(y, x, CASES);
    for (int i = 0; i < CASES; i++)
        close_to("exp of an extreme", i, y[i], cases[i].exp, 0, 3e-7);
    table->sigmoid(y, x, CASES);
    for (int i = 0; i < CASES; i++)
        close_to("sigmoid of an extreme", i, y[i], cases[i].sigmoid, 0, fabsf(x[i]) >= 20 ? 0 : 1e-7);
    table->tanh(y, x, CASES);
    for (int i = 0; i < CASES; i++)
        close_to("tanh of an extreme", i, y[i], cases[i].tanh, 0, 0);
    table->softplus(y, x, CASES);
    for (int i = 0; i < CASES; i++)
        close_to("softplus of an extreme", i, y[i], cases[i].softplus, 0, x[i] == 0 ? 1e-7 : 2e-7);
    table->relu(y, x, CASES);
    for (int i = 0; i < CASES; i++)
        close_to("relu of an extreme", i, y[i], x[i] < 0 ? 0 : x[i], 0, 0);
    table->leaky(y, x, 0.2f, CASES);
    for (int i = 0; i < CASES; i++)
        close_to("leaky of an extreme", i, y[i], x[i] > 0 ? x[i] : 0.2f * x[i], 0, 0);
}

static void test_nothing_to_reduce(void **unused)
{
    (void)unused;
    assert_true(table->sum(NULL, 0) == 0 && table->dot(NULL, NULL, 0) == 0 && table->finite(NULL, 0));
    assert_true(table->max(NULL, 0) == -INFINITY);
    table->exp(NULL, NULL, 0);
    table->add(NULL, NULL, NULL, 0);
}

/* ---- windows ---------------------------------------------------------------------------------------------------- */

/* Windows of h x w pixels of an image 4 pixels wide, with equal maxima and NaN. */
static void check_window(int64_t h, int64_t w, int64_t c, int offset)
{
    enum { SIZE = 16 * 67 + PAD };
    static float x[SIZE], dy[SIZE], got[SIZE], want[SIZE], dx[SIZE], dz[SIZE];
    float *image = x + offset, *y = got + (offset + 1) % PAD, *z = want;
    for (int64_t i = 0; i < 16 * c; i++) {
        image[i] = (float)(i * 7919 % 5) - 2; /* many are equal */
        if (i % 23 == 0)
            image[i] = NAN;
        dy[i] = (float)i + 1;
        dx[i] = dz[i] = 0.25f * (float)i;
    }
    table->window_max(y, image, h, w, 4 * c, c);
    ref->window_max(z, image, h, w, 4 * c, c);
    for (int64_t j = 0; j < c; j++)
        close_to("window_max", j, y[j], z[j], 0, 0);
    for (int64_t j = 0; j < c; j++)
        dz[j] = j % 4 == 3 ? NAN : (float)(j % 4) - 1; /* signs */
    table->window_extreme(y, image, dz, h, w, 4 * c, c);
    ref->window_extreme(z, image, dz, h, w, 4 * c, c);
    for (int64_t j = 0; j < c; j++)
        close_to("window_extreme", j, y[j], z[j], 0, 0);
    memcpy(dz, dx, sizeof dz);
    table->window_max(y, image, h, w, 4 * c, c);
    for (int set = 0; set < 2; set++) {
        table->window_max_grad(dx, dy, image, y, set, h, w, 4 * c, c);
        ref->window_max_grad(dz, dy, image, y, set, h, w, 4 * c, c);
        for (int64_t i = 0; i < 16 * c; i++)
            close_to("window_max_grad", i, dx[i], dz[i], 0, 0);
    }
    for (int64_t i = 0; i < 16 * c; i++) /* small whole numbers: the sums are exact */
        image[i] = isnan(image[i]) ? 3 : image[i];
    table->window_sum(y, image, 0.5f, h, w, 4 * c, c);
    ref->window_sum(z, image, 0.5f, h, w, 4 * c, c);
    for (int64_t j = 0; j < c; j++)
        close_to("window_sum", j, y[j], z[j], 0, 0);
    table->window_add(dx, dy, 0.5f, h, w, 4 * c, c);
    ref->window_add(dz, dy, 0.5f, h, w, 4 * c, c);
    for (int64_t i = 0; i < 16 * c; i++)
        close_to("window_add", i, dx[i], dz[i], 0, 0);
}

static void test_windows(void **unused)
{
    static const int64_t channels[] = { 1, 3, 8, 16, 33, 64, 67 };
    (void)unused;
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (int64_t h = 1; h <= 4; h++)
            for (int64_t w = 1; w <= 4; w++)
                check_window(h, w, channels[i], (int)((h * 4 + w) % PAD));
}

/* ---- neighbours ------------------------------------------------------------------------------------------------- */

/* The same bits as in plain C: of points apart, and of those that ask. */
static void check_near(int d, int k, int n, int32_t apart, int64_t first, bool shared)
{
    enum { POINTS = 3 * DIM__NEAR };
    const float *x[4];
    int32_t row[POINTS + DIM__NEAR];
    float at[4], low[4], high[4], got[8 * DIM__NEAR], want[8 * DIM__NEAR];
    for (int c = 0; c < d; c++) {
        x[c] = buffer[c] + c;
        fill(buffer[c] + c, POINTS + DIM__NEAR, -1, 1);
        for (int i = 0; i < POINTS; i += 5)
            buffer[c][c + i] = (float)(i % 3); /* some distances are equal */
        at[c] = x[c][3];
        low[c] = uniform(-1, 0.5f);
        high[c] = low[c] + uniform(0, 0.5f);
    }
    for (int i = 0; i < POINTS + DIM__NEAR; i++)
        row[i] = shared ? i * 29 % 5 : i * 29 % (POINTS + DIM__NEAR);
    for (int i = 0; i < k * DIM__NEAR; i++)
        got[i] = want[i] = INFINITY;
    dim__near s = { x, row, DIM__NEAR, apart, d, shared };
    for (int pass = 0; pass < 2; pass++) { /* into lists that are empty, and that are not */
        table->near_least(got, k, &s, first + pass * 7, n);
        ref->near_least(want, k, &s, first + pass * 7, n);
        assert_memory_equal(got, want, (size_t)k * DIM__NEAR * sizeof *got);
    }
    for (float eps = 0; eps < 2; eps += 0.3f)
        assert_int_equal(table->near_count(x, d, at, eps, first, n), ref->near_count(x, d, at, eps, first, n));
    for (int q = 0; q < DIM__NEAR; q++)
        got[q] = uniform(0, 0.1f);
    assert_int_equal(table->near_box(got, &s, low, high), ref->near_box(got, &s, low, high));
}

static void test_near(void **unused)
{
    (void)unused;
    for (int d = 1; d <= 4; d++)
        for (int k = 1; k <= 8; k++)
            for (int n = 0; n <= DIM__NEAR; n++)
                for (int32_t apart = 0; apart < 12; apart += 5) {
                    check_near(d, k, n, apart, DIM__NEAR, false); /* among themselves */
                    check_near(d, k, n, apart, 2 * DIM__NEAR, false);
                    check_near(d, k, n, 0, 2 * DIM__NEAR, true);
                }
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static void all_close_d(const char *what, const double *got, const double *want, int64_t n, double scale,
                        double tolerance)
{
    for (int64_t i = 0; i < n; i++)
        close_to(what, i, got[i], want[i], scale, tolerance);
}

static void check_rows(int64_t rows, int64_t c, int offset)
{
    const double eps = 1.2e-7;
    int64_t n = rows * c;
    float *x = buffer[0] + offset, *dy = buffer[1] + (offset + 3) % PAD, *s = buffer[2] + offset, *t = buffer[3];
    float *u = buffer[4] + offset, *y, *z = expected + offset;
    double got[2][MOST], want[2][MOST];
    fill(x, n, -2, 5);
    fill(dy, n, -1, 1);
    fill(s, c, 0.5f, 2);
    fill(t, c, -1, 1);
    fill(u, c, -1, 1);

    ref->add_bias(z, x, t, rows, c);
    table->add_bias(y = fresh(n, offset), x, t, rows, c);
    all_close("add_bias", y, z, n, 0, 0);
    if (n > 3)
        x[3] = NAN;
    ref->bias_relu(z, x, t, rows, c);
    table->bias_relu(y = fresh(n, offset), x, t, rows, c);
    all_close("bias_relu", y, z, n, 0, 0);
    fill(x, n, -2, 5);
    ref->col_affine(z, x, s, t, rows, c);
    table->col_affine(y = fresh(n, offset), x, s, t, rows, c);
    all_close("col_affine", y, z, n, 10, eps);
    const dim__bn_grad by = { .scale = s, .dy_mean = t, .x_mean = s, .slope = u };
    ref->bn_grad_apply(z, dy, x, &by, rows, c);
    table->bn_grad_apply(y = fresh(n, offset), dy, x, &by, rows, c);
    all_close("bn_grad_apply", y, z, n, 8, eps);
    memcpy(y = fresh(n, offset), x, (size_t)n * sizeof *x);
    table->bn_grad_apply(y, dy, y, &by, rows, c);
    all_close("bn_grad_apply in place", y, z, n, 8, eps);

    for (int64_t j = 0; j < c; j++)
        got[0][j] = want[0][j] = got[1][j] = want[1][j] = (double)j; /* sums are added to what is there */
    table->col_sum(got[0], x, rows, c);
    ref->col_sum(want[0], x, rows, c);
    all_close_d("col_sum", got[0], want[0], c, (double)rows, 1e-14);
    table->bn_grad_sums(got[0], got[1], dy, x, t, rows, c);
    ref->bn_grad_sums(want[0], want[1], dy, x, t, rows, c);
    all_close_d("bn_grad_sums dy", got[0], want[0], c, 10 * (double)rows, 1e-14);
    all_close_d("bn_grad_sums dyx", got[1], want[1], c, 10 * (double)rows, 1e-14);
    table->col_moments(got[0], got[1], x, rows, c);
    ref->col_moments(want[0], want[1], x, rows, c);
    all_close_d("mean", got[0], want[0], c, 1, 1e-14);
    all_close_d("m2", got[1], want[1], c, 1, 1e-13);
}

/* A matrix of `rows` rows, `more` apart, times vectors. */
static void check_products(int64_t rows, int64_t n, int64_t more, int offset)
{
    int64_t lda = n + more;
    float *a = buffer[0] + offset, *x = buffer[1] + (offset * 3) % PAD, *y;
    fill(a, rows * lda, -1, 1);
    fill(x, MOST, -1, 1);
    ref->dot_rows(expected, a, lda, x, rows, n);
    table->dot_rows(y = fresh(rows, offset), a, lda, x, rows, n);
    all_close("dot_rows", y, expected, rows, (double)n, 1.2e-7);
    for (int64_t i = 0; i < rows; i++) {
        float one;
        table->dot_rows(&one, a + i * lda, lda, x, 1, n);
        close_to("dot_rows of one", i, (double)one, (double)y[i], (double)n, 1.2e-7);
        if (FUSES_ALIKE)
            assert_memory_equal(&one, y + i, sizeof one);
    }
    for (int k = 1; k <= DIM__FEW && k <= rows; k++)
        for (int add = 0; add < 2; add++) { /* rows of two numbers of x each, times k rows of a */
            y = fresh(rows * lda, offset);
            for (int64_t j = 0; j < rows * lda; j++)
                y[j] = expected[j] = add ? (float)(j % 9) : j % lda < n ? NAN : 1;
            ref->few_rows(expected, lda, add, x, 2, 3, a, lda, rows, k, n);
            table->few_rows(y, lda, add, x, 2, 3, a, lda, rows, k, n);
            all_close("few_rows", y, expected, rows * lda, k + 9, 1.2e-7);
        }
    y = fresh(n, offset);
    for (int64_t j = 0; j < n; j++)
        y[j] = expected[j] = (float)j;
    ref->add_rows(expected, a, lda, x, 2, rows, n);
    table->add_rows(y, a, lda, x, 2, rows, n);
    all_close("add_rows", y, expected, n, (double)rows, 1.2e-7);
}

/* Rows that lie apart: of y by `more`, of what is read by twice that. */
static void check_scaled_rows(int64_t rows, int64_t c, int64_t more, int offset)
{
    int64_t ldy = c + more, ldx = c + 2 * more;
    float *x = buffer[0] + offset, *w = buffer[1] + (offset * 3) % PAD, *y = fresh(rows * ldy, offset);
    double got[MOST], want[MOST];
    fill(x, rows * ldx, -1, 1);
    fill(w, c, -1, 1);
    for (int64_t i = 0; i < rows * ldx; i += 5)
        x[i] = NAN;
    memcpy(y, w, (size_t)c * sizeof *y);
    memcpy(expected, w, (size_t)c * sizeof *y);
    ref->col_max(expected, x, ldx, rows, c);
    table->col_max(y, x, ldx, rows, c);
    all_close("col_max", y, expected, c, 0, 0);
    y = fresh(rows * ldy, offset);
    fill(x, rows * ldx, -1, 1);
    for (int64_t i = 0; i < rows * ldy; i++)
        y[i] = expected[i] = (float)(i % 7) - 3;
    ref->add_scaled(expected, ldy, x, ldx, w, rows, c);
    table->add_scaled(y, ldy, x, ldx, w, rows, c);
    all_close("add_scaled", y, expected, rows * ldy, 4, 1.2e-7);
    for (int64_t j = 0; j < c; j++)
        got[j] = want[j] = (double)j;
    ref->col_dot(want, x, ldx, y, ldy, rows, c);
    table->col_dot(got, x, ldx, y, ldy, rows, c);
    all_close_d("col_dot", got, want, c, 4 * (double)rows + (double)c, 1e-15);
}

static void check_layer_norm(int64_t rows, int64_t c, int offset)
{
    const double eps = 1.2e-7;
    int64_t n = rows * c;
    float *x = buffer[0] + offset, *dy = buffer[1] + (offset + 3) % PAD, *gamma = buffer[2] + offset, *beta = buffer[3];
    float mean[2][MOST], rstd[2][MOST], *y, *z = expected + offset;
    double got[2][MOST], want[2][MOST];
    fill(x, n, -2, 5);
    fill(dy, n, -1, 1);
    fill(gamma, c, 0.5f, 2);
    fill(beta, c, -1, 1);
    ref->layer_norm(z, mean[1], rstd[1], x, gamma, beta, 1e-5f, rows, c);
    table->layer_norm(y = fresh(n, offset), mean[0], rstd[0], x, gamma, beta, 1e-5f, rows, c);
    /* with one or two columns x - mean is 0 or so, and rstd large */
    double scale = c > 2 ? 8 : 400;
    all_close("layer_norm", y, z, n, scale, 2 * eps);
    for (int64_t i = 0; i < rows; i++) {
        close_to("layer_norm mean", i, mean[0][i], mean[1][i], 0, eps);
        close_to("layer_norm rstd", i, rstd[0][i], rstd[1][i], 0, eps);
    }
    for (int64_t j = 0; j < c; j++)
        got[0][j] = want[0][j] = got[1][j] = want[1][j] = (double)j;
    ref->layer_norm_grad(z, want[0], want[1], dy, x, mean[1], rstd[1], gamma, rows, c);
    table->layer_norm_grad(y = fresh(n, offset), got[0], got[1], dy, x, mean[1], rstd[1], gamma, rows, c);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < c; j++) /* terms of size rstd hat^2 cancel */
            close_to("layer_norm_grad", i, y[i * c + j], z[i * c + j], 16 * (double)rstd[1][i], 2 * eps);
    all_close("layer_norm_grad", y, y, n, 0, 0);
    all_close_d("dgamma", got[0], want[0], c, 4 * (double)rows, 2 * eps);
    all_close_d("dbeta", got[1], want[1], c, (double)rows, 1e-14);
}

static void test_rows(void **unused)
{
    (void)unused;
    for (int s = 0; s < SIZES; s++) {
        static const int64_t row_counts[] = { 1, 2, 3, 4, 5, 9 };
        for (int r = 0; r < 6; r++)
            if (sizes[s] * row_counts[r] <= MOST) {
                check_products(row_counts[r], sizes[s], (sizes[s] + 2) * row_counts[r] <= MOST ? 2 : 0, r);
                check_rows(row_counts[r], sizes[s], r);
                check_scaled_rows(row_counts[r], sizes[s], (sizes[s] + 6) * row_counts[r] <= MOST ? 3 : 0, r);
                if (sizes[s] > 0)
                    check_layer_norm(row_counts[r], sizes[s], s % PAD);
            }
    }
    check_rows(0, 5, 0);
}

/* Columns far from 0, where the difference of sums of squares in float would be noise. */
static void test_moments_do_not_cancel(void **unused)
{
    (void)unused;
    enum { ROWS = 333, C = 3 };
    static float x[ROWS * C];
    double mean[C], m2[C], exact_mean[C], exact_m2[C];
    for (int i = 0; i < ROWS; i++) {
        x[i * C] = 1e6f + (float)(i % 5);
        x[i * C + 1] = i == 0 ? 1e6f : 1 + uniform(-1e-3f, 1e-3f); /* the first is an outlier */
        x[i * C + 2] = 0.1f;
    }
    table->col_moments(mean, m2, x, ROWS, C);
    ref->col_moments(exact_mean, exact_m2, x, ROWS, C);
    all_close_d("mean", mean, exact_mean, C, 0, 1e-13);
    all_close_d("m2", m2, exact_m2, 2, 0, 1e-11);
    assert_true(m2[2] == 0 && mean[2] == (double)0.1f);
    x[7] = NAN;
    table->col_moments(mean, m2, x, ROWS, C);
    assert_true(isnan(mean[1]) && isnan(m2[1]) && !isnan(mean[0]));
}

static void test_adam(void **unused)
{
    (void)unused;
    for (int s = 0; s < SIZES; s++) {
        int64_t n = sizes[s];
        float *w[2] = { buffer[0], buffer[1] }, *m[2] = { buffer[2], buffer[3] }, *v[2] = { buffer[4], buffer[5] };
        float *g = buffer[6] + 1;
        fill(w[0], n, -1, 1);
        fill(m[0], n, -1, 1);
        fill(v[0], n, 0, 1);
        for (int k = 0; k < 3; k++) {
            fill(g, n, -1, 1);
            if (k == 0) {
                memcpy(w[1], w[0], sizeof buffer[0]);
                memcpy(m[1], m[0], sizeof buffer[0]);
                memcpy(v[1], v[0], sizeof buffer[0]);
            }
            ref->adam(w[0], m[0], v[0], g, 1e-3f, 0.9f, 0.999f, 1.5f, 1e-8f, 0.01f, 0.99f, 0.5f, n);
            table->adam(w[1], m[1], v[1], g, 1e-3f, 0.9f, 0.999f, 1.5f, 1e-8f, 0.01f, 0.99f, 0.5f, n);
        }
        for (int64_t i = 0; i < n; i++) {
            close_to("adam w", i, w[1][i], w[0][i], 1, 3e-7);
            close_to("adam m", i, m[1][i], m[0][i], 1, 3e-7);
            close_to("adam v", i, v[1][i], v[0][i], 1, 3e-7);
        }
    }
}

static void test_select(void **unused)
{
    (void)unused;
    dim_cpu_level best = dim__cpu_detect();
    assert_ptr_equal(dim__kernels_select(DIM_CPU_AUTO), dim__kernels_select(best));
    assert_non_null(dim__kernels_select(DIM_CPU_BASELINE));
    assert_non_null(dim__kernels_select(DIM_CPU_REFERENCE));
    assert_null(dim__kernels_select((dim_cpu_level)99));
    assert_null(dim__kernels_select((dim_cpu_level)-1));
    if (best < DIM_CPU_AVX512)
        assert_null(dim__kernels_select(DIM_CPU_AVX512));
    for (int level = DIM_CPU_BASELINE; level <= DIM_CPU_REFERENCE; level++) { /* no hole in a table */
        const dim__kernels *kernels = dim__kernels_select((dim_cpu_level)level);
        for (size_t at = 0; kernels != NULL && at < sizeof *kernels; at += sizeof(void *)) {
            void *entry;
            memcpy(&entry, (const char *)kernels + at, sizeof entry);
            assert_non_null(entry);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_and_alignments),
        cmocka_unit_test(test_place_does_not_matter),
        cmocka_unit_test(test_errors_in_ulps),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_nothing_to_reduce),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_near),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_moments_do_not_cancel),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_select),
    };
    int failed = 0;
    ref = dim__kernels_select(DIM_CPU_REFERENCE);
    for (int level = DIM_CPU_BASELINE; level <= DIM_CPU_REFERENCE; level++) {
        table = dim__kernels_select((dim_cpu_level)level);
        if (table == NULL)
            continue;
        state = 1;
        failed += cmocka_run_group_tests_name(table->name, tests, NULL, NULL);
    }
    return failed;
}
