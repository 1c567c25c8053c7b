/* <dim/evaluation.h>: similarity of images and statistics of codes, against scikit-image, PyTorch and NumPy. */
#include "evaluation_tests.h"

static void destroy(dim_tensor *a, dim_tensor *b)
{
    dim_tensor_destroy(a);
    dim_tensor_destroy(b);
}

/* ---- similarity of images -------------------------------------------------------------------------------------------- */

static void compare_with(const char *name, const int64_t shape[4], dim_ssim_options o)
{
    double want[8], got[8], mean, sum = 0;
    dim_tensor *a, *b, *each;
    int n = expected(name, want, 8);
    o.size = sizeof o;
    assert_int_equal(n, shape[0]);
    make_images(shape[0], shape[1], shape[2], shape[3], &a, &b);
    ok(dim_tensor_create(ctx, DIM_F64, 1, shape, &each));
    ok(dim_evaluation_ssim(ctx, &o, a, b, &mean, each));
    memcpy(got, dim_tensor_data(each), (size_t)n * sizeof *got);
    for (int i = 0; i < n; i++) {
        near(got[i], want[i], 1e-12);
        sum += got[i];
    }
    near(mean, sum / n, 1e-15);
    ok(dim_evaluation_ssim(ctx, &o, a, a, &mean, NULL));
    near(mean, 1, 1e-12);
    dim_tensor_destroy(each);
    destroy(a, b);
}

#define COMPARE(name, n, c, h, w, ...) compare_with(name, (int64_t[]){ n, c, h, w }, (dim_ssim_options){ __VA_ARGS__ })

static void test_ssim_is_that_of_others(void **state)
{
    (void)state;
    COMPARE("single", 3, 3, 32, 32, .window = 0);
    COMPARE("single-range-9", 3, 3, 32, 32, .window = 9, .sigma = 1, .range = 0.5f);
    COMPARE("single-large", 1, 2, 176, 181, .kind = DIM_SSIM_SINGLE);
    COMPARE("padded", 3, 3, 32, 32, .kind = DIM_SSIM_PADDED);
    COMPARE("padded", 3, 3, 32, 32, .kind = DIM_SSIM_PADDED, .range = 7); /* which it does not look at */
}

static void test_ms_ssim_is_that_of_others(void **state)
{
    (void)state;
    COMPARE("multi-32", 3, 3, 32, 32, .kind = DIM_SSIM_MULTI); /* two scales fit */
    COMPARE("multi-32", 3, 3, 32, 32, .kind = DIM_SSIM_MULTI, .scales = 2);
    COMPARE("single", 3, 3, 32, 32, .kind = DIM_SSIM_MULTI, .scales = 1);
    COMPARE("multi-large", 1, 2, 176, 181, .kind = DIM_SSIM_MULTI);
}

static void test_ms_ssim_of_odd_sides(void **state)
{
    (void)state;
    COMPARE("multi-5-7", 2, 1, 28, 37, .kind = DIM_SSIM_MULTI, .scales = 2, .window = 5, .sigma = 0.75f, .range = 1);
}

/* An image and its negative: structure is below 0 at the first scale, and no power of that is taken. */
static void test_opposites(void **state)
{
    dim_ssim_options o;
    dim_tensor *a, *b;
    double value;
    (void)state;
    make_images(2, 1, 32, 32, &a, &b);
    for (int64_t i = 0; i < 2 * 32 * 32; i++) {
        floats(b)[i] = 1 - floats(a)[i];
        floats(a)[i] += 1;
    }
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_SSIM_MULTI;
    ok(dim_evaluation_ssim(ctx, &o, a, b, &value, NULL));
    assert_true(value == 0);
    ok(dim_evaluation_ssim(ctx, NULL, a, b, &value, NULL));
    assert_true(value < 0);
    destroy(a, b);
}

static double ssim_of(dim_tensor *a, dim_tensor *b, float range)
{
    double value;
    const dim_ssim_options o = { .size = sizeof o, .range = range };
    ok(dim_evaluation_ssim(ctx, &o, a, b, &value, NULL));
    return value;
}

/* Pixels a hundred thousand ranges from 0: variances keep their digits.  A chequered image, and one with half its contrast: their
 * variances are 1/64 and 1/256, their covariance 1/128. */
static void test_pixels_far_from_zero(void **state)
{
    const double c2 = 0.03 * 0.03, want = (2.0 / 128 + c2) / (1.0 / 64 + 1.0 / 256 + c2);
    dim_tensor *a, *b;
    (void)state;
    make_images(1, 1, 32, 32, &a, &b);
    for (int64_t i = 0; i < 32 * 32; i++) {
        float sign = (i + i / 32) % 2 == 0 ? 1 : -1;
        floats(a)[i] = 0x1p17f + sign / 8;
        floats(b)[i] = 0x1p17f + sign / 16;
    }
    near(ssim_of(a, b, 1), want, 1e-8); /* the window sees some 1e-9 of a mean */
    destroy(a, b);
}

/* Units of pixels do not matter; and where the range is far from what the pixels have, nothing is below -1 or above 1. */
static void test_units_of_pixels(void **state)
{
    dim_tensor *a, *b;
    (void)state;
    make_images(1, 1, 32, 32, &a, &b);
    double want = ssim_of(a, b, 2);
    for (int way = -1; way <= 1; way += 2) {
        for (int64_t i = 0; i < 32 * 32; i++) {
            floats(a)[i] = ldexpf(floats(a)[i], way * (way < 0 ? 100 : 200));
            floats(b)[i] = ldexpf(floats(b)[i], way * (way < 0 ? 100 : 200));
        }
        near(ssim_of(a, b, ldexpf(2, 100 * way)), want, 1e-12);
    }
    for (int64_t i = 0; i < 32 * 32; i++) { /* one half is flat */
        floats(a)[i] = i % 32 < 16 ? floats(a)[i] : 1e30f;
        floats(b)[i] = i % 32 < 16 ? floats(b)[i] : 3e29f;
    }
    assert_true(fabs(ssim_of(a, b, 2)) <= 1);
    destroy(a, b);
}

/* Views of any strides are the images that they show. */
static void test_strides(void **state)
{
    dim_tensor *a, *b, *flat, *view;
    double want, got;
    (void)state;
    make_images(2, 3, 16, 20, &a, &b);
    flat = f32(4, (int64_t[]){ 2, 16, 20, 3 });
    ok(dim_tensor_permute(flat, (int[]){ 0, 3, 1, 2 }, &view));
    ok(dim_tensor_copy(view, a));
    ok(dim_evaluation_ssim(ctx, NULL, a, b, &want, NULL));
    ok(dim_evaluation_ssim(ctx, NULL, view, b, &got, NULL));
    assert_true(want == got);
    destroy(flat, view);
    destroy(a, b);
}

static void refuse_ssim(dim_status status, const char *text, dim_ssim_options o, dim_tensor *a, dim_tensor *b)
{
    double mean = 7;
    o.size = sizeof o;
    expect(status, text, dim_evaluation_ssim(ctx, &o, a, b, &mean, NULL));
    assert_true(mean == 7);
}

#define REFUSE(status, text, a, b, ...) refuse_ssim(status, text, (dim_ssim_options){ __VA_ARGS__ }, a, b)

static void test_ssim_refuses(void **state)
{
    dim_tensor *a, *b, *c, *d, *each;
    (void)state;
    make_images(2, 1, 16, 40, &a, &b);
    make_images(2, 1, 10, 40, &c, &d);
    REFUSE(DIM_E_SHAPE, "a is (2, 1, 16, 40) and b (2, 1, 10, 40)", a, c, .window = 0);
    REFUSE(DIM_E_SHAPE, "images of 10 x 40 are smaller than the window, 11", c, d, .window = 0);
    REFUSE(DIM_E_SHAPE, "scales is 2, but images of 16 x 40 have 1", a, b, .kind = DIM_SSIM_MULTI, .scales = 2);
    REFUSE(DIM_E_INVALID, "window is 8; it must be odd", a, b, .window = 8);
    REFUSE(DIM_E_INVALID, "window is 1; it must be odd", a, b, .window = 1);
    REFUSE(DIM_E_INVALID, "window is 1025", a, b, .window = 1025);
    REFUSE(DIM_E_INVALID, "sigma is -1", a, b, .sigma = -1);
    REFUSE(DIM_E_INVALID, "range is ", a, b, .range = NAN);
    REFUSE(DIM_E_INVALID, "kind is 3", a, b, .kind = (dim_ssim_kind)3);
    REFUSE(DIM_E_INVALID, "scales is 6", a, b, .kind = DIM_SSIM_MULTI, .scales = 6);
    REFUSE(DIM_E_INVALID, "scales is 2, but kind PADDED has one", a, b, .kind = DIM_SSIM_PADDED, .scales = 2);
    expect(DIM_E_INVALID, "no output", dim_evaluation_ssim(ctx, NULL, a, b, NULL, NULL));
    ok(dim_tensor_create(ctx, DIM_F64, 1, (int64_t[]){ 3 }, &each));
    expect(DIM_E_SHAPE, "each is f64 (3); it must be f64 (2)", dim_evaluation_ssim(ctx, NULL, a, b, NULL, each));
    floats(b)[16 * 40 + 3] = NAN;
    REFUSE(DIM_E_NUMERIC, "b has a value that is not finite in row 1", a, b, .window = 0);
    dim_tensor_destroy(each);
    destroy(a, b);
    destroy(c, d);
}

/* ---- codes ----------------------------------------------------------------------------------------------------------- */

static void describe_as(const char *name, dim_tensor *codes, int64_t n, int64_t d)
{
    double want[9];
    dim_code_statistics s;
    assert_int_equal(expected(name, want, 9), 9);
    DIM_OPTIONS_INIT(&s);
    ok(dim_evaluation_codes(ctx, codes, NULL, &s));
    const double got[8] = { s.rankme, s.effective, s.mean, s.deviation, s.least_deviation, s.most_deviation, s.correlation,
                            s.most_correlation };
    for (int i = 0; i < 8; i++)
        near(got[i], want[i], 1e-10 * (1 + want[i]));
    assert_int_equal(s.dead, (int64_t)want[8]);
    assert_int_equal(s.rows, n);
    assert_int_equal(s.units, d);
    dim_tensor_destroy(codes);
}

static void test_codes_are_those_of_numpy(void **state)
{
    (void)state;
    describe_as("tall", make_codes(0, 60, 8), 60, 8);
    describe_as("large", make_codes(0, 700, 33), 700, 33);
    dim_tensor *wide = make_codes(0, 9, 20);
    for (int64_t i = 0; i < 9; i++)
        floats(wide)[i * 20 + 5] = 3;
    describe_as("wide", wide, 9, 20);
}

/* Codes whose numbers are known. */
static void test_codes_in_closed_form(void **state)
{
    dim_code_statistics s;
    dim_tensor *x = f32(2, (int64_t[]){ 8, 3 }), *units;
    (void)state;
    /* The corners of a cube, 2, 2 and 1 wide, shifted: singular values 2 sqrt(2) (1, 1, 1/2) without the shift. */
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 3; j++)
            floats(x)[i * 3 + j] = (i >> j & 1 ? 1.0f : -1.0f) * (j == 2 ? 0.5f : 1);
    ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ 3, 3 }, &units));
    DIM_OPTIONS_INIT(&s);
    ok(dim_evaluation_codes(ctx, x, units, &s));
    double entropy = 2 * (0.4 + 1e-7) * log(0.4 + 1e-7) + (0.2 + 1e-7) * log(0.2 + 1e-7);
    near(s.rankme, exp(-entropy), 1e-12);
    near(s.effective, 2.25 * 2.25 / (1 + 1 + 1.0 / 16), 1e-12);
    near(s.correlation, 0, 1e-15);
    near(s.deviation, 2.5 / 3, 1e-15);
    for (int i = 0; i < 8; i++) { /* a copy of the first unit, negative and shifted; and a unit that is dead */
        floats(x)[i * 3 + 1] = 5 - 2 * floats(x)[i * 3];
        floats(x)[i * 3 + 2] = 0.1f;
    }
    ok(dim_evaluation_codes(ctx, x, units, &s));
    near(s.most_correlation, 1, 1e-12);
    near(s.effective, 1, 1e-12);
    assert_int_equal(s.dead, 1);
    assert_true(s.least_deviation == 0);
    const double *u = dim_tensor_data(units);
    near(u[3], 5, 1e-12);
    near(u[4], 2, 1e-12);
    near(u[2], 1, 1e-12);
    near(u[6], (double)0.1f, 0);
    assert_true(isnan(u[8]));
    memset(floats(x), 0, 24 * sizeof(float));
    ok(dim_evaluation_codes(ctx, x, units, &s));
    assert_true(s.rankme == 0 && s.effective == 0 && s.dead == 3 && isnan(s.correlation));
    destroy(x, units);
}

/* Of rows that are copies of one, and of units that are copies of others, there is one singular value. */
static void test_rankme_of_collapsed_codes(void **state)
{
    dim_code_statistics s;
    dim_tensor *x = f32(2, (int64_t[]){ 50, 40 });
    (void)state;
    for (int i = 0; i < 2000; i++)
        floats(x)[i] = (float)(1 + i % 40);
    DIM_OPTIONS_INIT(&s);
    ok(dim_evaluation_codes(ctx, x, NULL, &s));
    near(s.rankme, 1, 1e-4);
    assert_int_equal(s.dead, 40);
    dim_tensor_destroy(x);
}

static void test_the_sphere_is_that_of_the_paper(void **state)
{
    double want = 0, got = 0;
    dim_tensor *x = make_codes(0, 300, 8), *y = make_codes(1, 300, 8);
    (void)state;
    expected("alignment", &want, 1);
    ok(dim_evaluation_alignment(ctx, x, y, &got));
    near(got, want, 1e-12);
    expected("uniformity", &want, 1);
    ok(dim_evaluation_uniformity(ctx, x, &got));
    near(got, want, 1e-12);
    for (int i = 0; i < 2400; i++)
        floats(y)[i] = -3 * floats(x)[i];
    ok(dim_evaluation_alignment(ctx, x, y, &got));
    near(got, 4, 1e-12);
    destroy(x, y);
}

static void test_codes_refuse(void **state)
{
    double value;
    dim_code_statistics s;
    dim_tensor *x = make_codes(0, 5, 4), *y = make_codes(0, 5, 3), *one = make_codes(0, 1, 4), *units;
    (void)state;
    DIM_OPTIONS_INIT(&s);
    ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ 4, 2 }, &units));
    expect(DIM_E_SHAPE, "codes has 1 row", dim_evaluation_codes(ctx, one, NULL, &s));
    expect(DIM_E_SHAPE, "units is f64 (4, 2); it must be f64 (4, 3)", dim_evaluation_codes(ctx, x, units, &s));
    expect(DIM_E_SHAPE, "x has 5 rows of 4, but y has 5 of 3", dim_evaluation_alignment(ctx, x, y, &value));
    expect(DIM_E_SHAPE, "x has 1 row", dim_evaluation_uniformity(ctx, one, &value));
    memset(floats(x) + 8, 0, 4 * sizeof(float));
    expect(DIM_E_NUMERIC, "x: row 2 is all zeros", dim_evaluation_uniformity(ctx, x, &value));
    dim_tensor *whole = make_codes(7, 5, 4);
    expect(DIM_E_NUMERIC, "y: row 2 is all zeros", dim_evaluation_alignment(ctx, whole, x, &value));
    floats(whole)[13] = INFINITY;
    expect(DIM_E_NUMERIC, "codes has a value that is not finite in row 3", dim_evaluation_codes(ctx, whole, NULL, &s));
    dim_tensor_destroy(whole);
    destroy(x, y);
    destroy(one, units);
}

/* Threads change nothing, not a bit. */
static void test_threads(void **state)
{
    double values[2][14];
    (void)state;
    for (uint32_t threads = 1; threads <= 2; threads++) {
        dim_context_options o;
        dim_code_statistics s;
        dim_ssim_options multi;
        dim_tensor *a, *b, *x, *y;
        dim_context *kept = ctx;
        double *v = values[threads - 1];
        DIM_OPTIONS_INIT(&o);
        o.threads = threads;
        o.blas_threads = 1;
        ok(dim_context_create(&o, &ctx));
        make_images(7, 2, 33, 24, &a, &b);
        x = make_codes(0, 700, 150);
        y = make_codes(1, 700, 150);
        DIM_OPTIONS_INIT(&s);
        DIM_OPTIONS_INIT(&multi);
        multi.kind = DIM_SSIM_MULTI;
        ok(dim_evaluation_ssim(ctx, NULL, a, b, &v[0], NULL));
        ok(dim_evaluation_ssim(ctx, &multi, a, b, &v[1], NULL));
        ok(dim_evaluation_alignment(ctx, x, y, &v[2]));
        ok(dim_evaluation_uniformity(ctx, x, &v[3]));
        ok(dim_evaluation_codes(ctx, x, NULL, &s));
        memcpy(v + 4, &s.rankme, 8 * sizeof *v);
        v[12] = (double)s.dead;
        v[13] = (double)s.units;
        destroy(a, b);
        destroy(x, y);
        dim_context_destroy(ctx);
        ctx = kept;
    }
    assert_memory_equal(values[0], values[1], sizeof values[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ssim_is_that_of_others),
        cmocka_unit_test(test_ms_ssim_is_that_of_others),
        cmocka_unit_test(test_ms_ssim_of_odd_sides),
        cmocka_unit_test(test_opposites),
        cmocka_unit_test(test_pixels_far_from_zero),
        cmocka_unit_test(test_units_of_pixels),
        cmocka_unit_test(test_strides),
        cmocka_unit_test(test_ssim_refuses),
        cmocka_unit_test(test_codes_are_those_of_numpy),
        cmocka_unit_test(test_codes_in_closed_form),
        cmocka_unit_test(test_rankme_of_collapsed_codes),
        cmocka_unit_test(test_the_sphere_is_that_of_the_paper),
        cmocka_unit_test(test_codes_refuse),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
