/* <dim/evaluation.h>: NDM, MINE and the decoder, on data of which the answer is known. */
#include "draws.h"
#include "evaluation/study.h"
#include "evaluation_tests.h"

/* ---- data ------------------------------------------------------------------------------------------------------------ */

/* (n, 2): normal units with correlation rho, so that their dependence is -1/2 log(1 - rho^2) */
static dim_tensor *correlated(int64_t n, double rho)
{
    dim_tensor *t = f32(2, (int64_t[]){ n, 2 });
    for (int64_t i = 0; i < n; i++) {
        double x = normal();
        floats(t)[2 * i] = (float)x;
        floats(t)[2 * i + 1] = (float)(rho * x + sqrt(1 - rho * rho) * normal());
    }
    return t;
}

/* One column of it. */
static dim_tensor *column(dim_tensor *t, int64_t j)
{
    dim_tensor *view;
    ok(dim_tensor_slice(t, 1, j, 1, 1, &view));
    return view;
}

static dim_evaluation_options options_of(uint32_t steps, uint32_t batch, float lr)
{
    dim_evaluation_options o;
    DIM_OPTIONS_INIT(&o);
    o.steps = steps;
    o.batch = batch;
    o.lr = lr;
    o.seed = 1;
    return o;
}

static dim_evaluation_estimate ndm(dim_tensor *codes, dim_evaluation_options o)
{
    dim_evaluation_estimate e;
    DIM_OPTIONS_INIT(&e);
    ok(dim_evaluation_ndm(ctx, &o, codes, &e));
    return e;
}

static dim_evaluation_estimate mine(dim_tensor *x, dim_tensor *z, dim_evaluation_options o)
{
    dim_evaluation_estimate e;
    DIM_OPTIONS_INIT(&e);
    ok(dim_evaluation_mine(ctx, &o, x, z, &e));
    return e;
}

/* ---- NDM ------------------------------------------------------------------------------------------------------------- */

static void test_ndm_of_known_dependence(void **state)
{
    (void)state;
    draws = 88172645463325252u;
    dim_tensor *codes = correlated(4000, 0.9), *apart = correlated(1000, 0);
    dim_evaluation_options o = options_of(200, 100, 1e-3f);
    dim_evaluation_estimate e = ndm(codes, o);
    printf("ndm %.4f +- %.4f, trained %.4f\n", e.value, e.standard_error, e.trained_value);
    assert_int_equal(e.trained, 3200);
    assert_int_equal(e.held_out, 800);
    near(e.value, 0.8304, 0.12);
    near(e.trained_value, e.value, 0.15);
    assert_true(e.standard_error > 0.01 && e.standard_error < 0.08);
    o.steps = 50;
    near(ndm(apart, o).value, 0, 0.02);
    dim_tensor_destroy(codes);
    dim_tensor_destroy(apart);
}

/* The option is the same as giving sigmoids, and another thing than giving the codes. */
static void test_ndm_of_sigmoids(void **state)
{
    (void)state;
    draws = 88172645463325252u;
    dim_tensor *codes = correlated(500, 0.9);
    dim_evaluation_options o = options_of(30, 50, 1e-3f);
    double plain = ndm(codes, o).value, value;
    o.sigmoid = 1;
    value = ndm(codes, o).value;
    o.sigmoid = 0;
    for (int i = 0; i < 1000; i++)
        floats(codes)[i] = (float)(1 / (1 + exp(-(double)floats(codes)[i])));
    near(value, ndm(codes, o).value, 1e-5);
    assert_true(fabs(value - plain) > 1e-2);
    dim_tensor_destroy(codes);
}

/* Permuting rows as a whole would leave the units as they are: then nothing could be told apart. */
static void test_every_unit_has_its_own_permutation(void **state)
{
    (void)state;
    draws = 88172645463325252u;
    dim_tensor *codes = f32(2, (int64_t[]){ 1000, 3 });
    for (int i = 0; i < 3000; i++) /* the third is the product of the others' signs: any two are independent */
        floats(codes)[i] = i % 3 < 2 ? (uniform() < 0.5 ? -1.0f : 1.0f) : floats(codes)[i - 1] * floats(codes)[i - 2];
    dim_evaluation_estimate e = ndm(codes, options_of(150, 100, 1e-3f));
    near(e.value, log(2), 0.1);
    dim_tensor_destroy(codes);
}

/* Few rows can be learnt by heart; on those that were held out that is worth nothing. */
static void test_held_out_rows_are_not_trained_on(void **state)
{
    (void)state;
    draws = 88172645463325252u;
    dim_tensor *codes = f32(2, (int64_t[]){ 60, 10 });
    for (int i = 0; i < 600; i++)
        floats(codes)[i] = (float)normal();
    dim_evaluation_estimate e = ndm(codes, options_of(150, 24, 1e-3f));
    printf("by heart: %.3f, trained %.3f\n", e.value, e.trained_value);
    assert_true(e.value < 0.5 && e.trained_value > 1); /* 12 rows, with an error of some 0.3 */
    dim_tensor_destroy(codes);
}

/* ---- MINE ------------------------------------------------------------------------------------------------------------ */

static void test_mine_of_known_information(void **state)
{
    (void)state;
    draws = 88172645463325252u;
    dim_tensor *pairs = correlated(2000, 0.9), *x = column(pairs, 0), *z = column(pairs, 1);
    dim_evaluation_options o = options_of(200, 100, 1e-3f);
    dim_evaluation_estimate e = mine(x, z, o);
    printf("mine %.4f +- %.4f, trained %.4f\n", e.value, e.standard_error, e.trained_value);
    near(e.value, 0.8304, 0.12);
    o = options_of(0, 0, 0);
    o.mine = DIM_MINE_CRITIC;
    e = mine(x, z, o);
    printf("critic %.4f +- %.4f\n", e.value, e.standard_error);
    near(e.value, 0.8304, 0.12);
    assert_true(isnan(e.trained_value));
    assert_int_equal(e.held_out, 2000);
    dim_tensor_destroy(x);
    dim_tensor_destroy(z);
    dim_tensor_destroy(pairs);
}

/* Units that depend on each other, but not on the input: codes stay whole when they are given to others. */
static void test_mine_takes_codes_as_they_are(void **state)
{
    (void)state;
    draws = 88172645463325252u;
    dim_tensor *z = correlated(1000, 0.95), *x = correlated(1000, 0);
    near(mine(x, z, options_of(60, 100, 1e-3f)).value, 0, 0.05);
    dim_tensor_destroy(x);
    dim_tensor_destroy(z);
}

/* A bright spot in one of four corners, and a code that has the half that it is in: log 2 of its log 4. */
static void test_mine_of_images(void **state)
{
    (void)state;
    draws = 88172645463325252u;
    dim_tensor *x, *z = f32(2, (int64_t[]){ 600, 1 });
    ok(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ 600, 1, 8, 8 }, &x));
    uint8_t *pixels = dim_tensor_data(x);
    for (int i = 0; i < 600; i++) {
        int at = (int)(4 * uniform());
        for (int k = 0; k < 64; k++)
            pixels[64 * i + k] = (uint8_t)(100 * uniform());
        pixels[64 * i + 9 + at % 2 * 5 + at / 2 * 40] = 255;
        floats(z)[i] = at / 2 ? 1.0f : -1.0f;
    }
    dim_evaluation_estimate e = mine(x, z, options_of(120, 64, 1e-3f));
    printf("images %.4f +- %.4f\n", e.value, e.standard_error);
    near(e.value, log(2), 0.1);
    dim_tensor_destroy(x);
    dim_tensor_destroy(z);
}

/* ---- the decoder ----------------------------------------------------------------------------------------------------- */

/* Images (n, 1, h, w) that two numbers make: how bright, and where from left to right. */
static void make_scenes(int64_t n, int64_t h, int64_t w, dim_tensor **codes, dim_tensor **images)
{
    *codes = f32(2, (int64_t[]){ n, 2 });
    *images = f32(4, (int64_t[]){ n, 1, h, w });
    for (int64_t i = 0; i < n; i++) {
        double bright = uniform(), place = uniform();
        floats(*codes)[2 * i] = (float)bright;
        floats(*codes)[2 * i + 1] = (float)place;
        for (int64_t k = 0; k < h * w; k++)
            floats(*images)[i * h * w + k] = (float)(1.8 * bright / (1 + fabs((double)(k % w) / (double)w - place) * 8) - 0.9);
    }
}

static double mean_square(dim_tensor *a, dim_tensor *b)
{
    double sum = 0;
    int64_t n = dim_tensor_count(a);
    for (int64_t i = 0; i < n; i++)
        sum += pow((double)floats(a)[i] - (double)floats(b)[i], 2) / (double)n;
    return sum;
}

static void test_a_decoder_learns(void **state)
{
    dim_tensor *codes, *images, *test_codes, *test_images, *made;
    dim_reconstruction r, other;
    double value;
    dim_ssim_options multi;
    (void)state;
    draws = 88172645463325252u;
    make_scenes(64, 12, 24, &codes, &images);
    make_scenes(20, 12, 24, &test_codes, &test_images);
    dim_evaluation_options o = options_of(60, 16, 2e-3f);
    DIM_OPTIONS_INIT(&r);
    DIM_OPTIONS_INIT(&multi);
    ok(dim_evaluation_reconstruct(ctx, &o, codes, images, test_codes, test_images, &r, &made));
    printf("decoder %.5f, trained %.5f, ssim %.3f %.3f %.3f\n", r.squared_error, r.trained_squared_error, r.ssim, r.ms_ssim,
           r.padded_ssim);
    near(r.squared_error, mean_square(made, test_images), 1e-9);
    assert_true(r.squared_error < 0.02); /* of a variance of 0.1 */
    near(r.trained_squared_error, r.squared_error, 0.02);
    ok(dim_evaluation_ssim(ctx, NULL, test_images, made, &value, NULL));
    assert_true(r.ssim == value && r.ssim > 0.5);
    multi.kind = DIM_SSIM_MULTI;
    ok(dim_evaluation_ssim(ctx, &multi, test_images, made, &value, NULL));
    assert_true(r.ms_ssim == value);
    multi.kind = DIM_SSIM_PADDED;
    ok(dim_evaluation_ssim(ctx, &multi, test_images, made, &value, NULL));
    assert_true(r.padded_ssim == value);
    dim_tensor_destroy(made);
    o.steps = 1; /* untrained, it is worse */
    DIM_OPTIONS_INIT(&other);
    ok(dim_evaluation_reconstruct(ctx, &o, codes, images, test_codes, test_images, &other, NULL));
    assert_true(other.squared_error > 3 * r.squared_error);
    dim_tensor_destroy(codes);
    dim_tensor_destroy(images);
    dim_tensor_destroy(test_codes);
    dim_tensor_destroy(test_images);
}

/* Images of other sizes, with channels, as bytes: they come back in their shape; smaller ones than a window have no SSIM. */
static void decode_shape(int64_t c, int64_t h, int64_t w)
{
    dim_evaluation_options o = options_of(1, 2, 0);
    dim_tensor *images, *made, *codes = make_codes(0, 3, 5);
    dim_reconstruction r;
    DIM_OPTIONS_INIT(&r);
    ok(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ 3, c, h, w }, &images));
    for (int64_t i = 0; i < 3 * c * h * w; i++)
        ((uint8_t *)dim_tensor_data(images))[i] = (uint8_t)(i * 7 % 256);
    ok(dim_evaluation_reconstruct(ctx, &o, codes, images, codes, images, &r, &made));
    for (int k = 0; k < 4; k++)
        assert_int_equal(dim_tensor_size(made, k), dim_tensor_size(images, k));
    double sum = 0;
    for (int64_t i = 0; i < 3 * c * h * w; i++)
        sum += pow((double)floats(made)[i] - ((double)(i * 7 % 256) / 127.5 - 1), 2);
    near(r.squared_error, sum / (double)(3 * c * h * w), 1e-6);
    assert_int_equal(isnan(r.ssim), h < 11 || w < 11);
    assert_int_equal(isnan(r.padded_ssim), 0);
    dim_tensor_destroy(codes);
    dim_tensor_destroy(images);
    dim_tensor_destroy(made);
}

static void test_shapes_of_images(void **state)
{
    (void)state;
    decode_shape(3, 32, 32);
    decode_shape(1, 28, 28);
    decode_shape(2, 8, 20);
}

/* ---- networks -------------------------------------------------------------------------------------------------------- */

/* "name (shape)" of weights, one after the other, of a network; no biases, and nothing of batch norm, whose weights have one axis. */
static void describe(char *text, dim_encoder *net)
{
    for (int i = 0; i < dim_encoder_parameter_count(net); i++) {
        size_t used = strlen(text);
        dim_tensor *weight;
        ok(dim_encoder_get_parameter(net, dim_encoder_parameter_name(net, i), &weight));
        for (int k = 0; dim_tensor_rank(weight) > 1 && k < dim_tensor_rank(weight); k++)
            used += (size_t)snprintf(text + used, 2000 - used, k == 0 ? "%s%d" : "%sx%d", k == 0 && used > 0 ? ", " : "",
                                     (int)dim_tensor_size(weight, k));
        dim_tensor_destroy(weight);
    }
}

static void check_decoder(int64_t c, int64_t h, int64_t w, const char *want)
{
    char got[2000] = "";
    dim__study s = { .ctx = ctx, .what = "reconstruct", .d = 64 };
    dim_encoder *net;
    ok(dim__decoder_make(&s, (int64_t[]){ 1, c, h, w }, &net));
    describe(got, net);
    assert_string_equal(got, want);
    dim_encoder_destroy(net);
}

static void check_dual(const dim__dual *how, dim__study s, const char *want)
{
    char got[2000] = "";
    s.ctx = ctx;
    ok(dim__study_sizes(&s, 4, 10));
    ok(dim__study_begin(&s));
    ok(how->prepare(&s));
    for (int64_t i = 0; i < s.obj->n_trained; i++)
        describe(got, s.obj->trained[i].network);
    assert_string_equal(got, want);
    dim__study_end(&s);
}

/* Layers as the authors have them. */
static void test_networks(void **state)
{
    dim_tensor *x;
    (void)state;
    check_decoder(3, 32, 32, "8192x64, 512x256x4x4, 256x128x4x4, 128x64x4x4, 3x64x3x3");
    check_decoder(1, 28, 28, "12544x64, 256x128x4x4, 128x64x4x4, 1x64x3x3");
    check_decoder(3, 64, 96, "24576x64, 1024x512x4x4, 512x256x4x4, 256x128x4x4, 128x64x4x4, 3x64x3x3");
    check_dual(&dim__dual_ndm, (dim__study){ .what = "ndm", .mixing = DIM__MIX_UNITS, .n = 10, .d = 64 },
               "1000x64, 200x1000, 1x200");
    x = f32(4, (int64_t[]){ 10, 3, 32, 32 });
    check_dual(&dim__dual_mine, (dim__study){ .what = "mine", .mixing = DIM__MIX_ROWS, .n = 10, .d = 64, .x = x },
               "64x3x4x4, 128x64x4x4, 256x128x4x4, 256x4096, 512x320, 128x512, 1x128");
    dim_tensor_destroy(x);
}

/* ---- what all have in common ------------------------------------------------------------------------------------------ */

static int stop_after(void *user, double fraction, const char *text)
{
    int *left = user;
    assert_true(fraction >= 0 && fraction < 1);
    assert_string_equal(text, "ndm");
    return --*left < 0;
}

static void test_progress_stops(void **state)
{
    int left = 3;
    dim_tensor *codes = make_codes(0, 40, 3);
    dim_evaluation_estimate e = { sizeof e, 7, 7, 7, 7, 7 };
    dim_evaluation_options o = options_of(10, 8, 0);
    (void)state;
    o.progress = stop_after;
    o.user = &left;
    expect(DIM_E_CALLBACK, "dim_evaluation_ndm: stopped by progress after 3 of 10 steps", dim_evaluation_ndm(ctx, &o, codes, &e));
    assert_true(e.value == 7);
    dim_tensor_destroy(codes);
}

/* The same bits again, another seed others; and with any number of threads the same to rounding. */
static void test_seeds(void **state)
{
    (void)state;
    draws = 88172645463325252u;
    dim_tensor *codes = correlated(300, 0.8);
    dim_evaluation_options o = options_of(20, 50, 1e-3f);
    double first = ndm(codes, o).value, again = ndm(codes, o).value;
    assert_true(first == again);
    for (uint32_t threads = 1; threads <= 2; threads++) {
        dim_context *kept = ctx;
        dim_context_options c;
        DIM_OPTIONS_INIT(&c);
        c.threads = threads;
        c.blas_threads = 1;
        ok(dim_context_create(&c, &ctx));
        printf("%u threads: %.17g, %.17g\n", threads, ndm(codes, o).value, first);
        near(ndm(codes, o).value, first, 1e-5);
        dim_context_destroy(ctx);
        ctx = kept;
    }
    o.seed = 2;
    assert_true(ndm(codes, o).value != first);
    dim_tensor_destroy(codes);
}

static void refuse(dim_status status, const char *text, dim_evaluation_options o, dim_tensor *x, dim_tensor *z)
{
    dim_evaluation_estimate e = { sizeof e, 7, 7, 7, 7, 7 };
    o.size = sizeof o;
    expect(status, text, x == NULL ? dim_evaluation_ndm(ctx, &o, z, &e) : dim_evaluation_mine(ctx, &o, x, z, &e));
    assert_true(e.value == 7);
}

#define REFUSE(status, text, x, z, ...) refuse(status, text, (dim_evaluation_options){ __VA_ARGS__ }, x, z)

static void test_what_is_refused(void **state)
{
    dim_tensor *z = make_codes(0, 40, 3), *few = make_codes(0, 10, 3), *one = make_codes(0, 40, 1), *x = make_codes(1, 40, 5), *map,
               *seven = make_codes(0, 7, 3), *labels;
    (void)state;
    REFUSE(DIM_E_SHAPE, "codes has 1 unit", NULL, one, .seed = 0);
    REFUSE(DIM_E_SHAPE, "of 10 rows 2 are held out and 8 are left; both must be 4 at least", NULL, few, .seed = 0);
    REFUSE(DIM_E_SHAPE, "7 rows are too few to train on and to hold out; at least 8", NULL, seven, .seed = 0);
    REFUSE(DIM_E_SHAPE, "batch is 33, but 32 rows are trained on", NULL, z, .batch = 33);
    REFUSE(DIM_E_INVALID, "a batch of 1", NULL, z, .batch = 1);
    REFUSE(DIM_E_INVALID, "held_out is 1", NULL, z, .held_out = 1);
    REFUSE(DIM_E_INVALID, "lr is -1", NULL, z, .lr = -1);
    REFUSE(DIM_E_INVALID, "sigmoid is 2", NULL, z, .sigmoid = 2);
    REFUSE(DIM_E_INVALID, "dim_evaluation_ndm: dim_evaluation_options.mine is set", NULL, z, .mine = DIM_MINE_CRITIC);
    REFUSE(DIM_E_INVALID, "mine is 2", x, z, .mine = (dim_mine_kind)2);
    REFUSE(DIM_E_INVALID, "dim_evaluation_mine: dim_evaluation_options.sigmoid is set", x, z, .sigmoid = 1);
    REFUSE(DIM_E_INVALID, "dim_evaluation_options.batch is set", x, z, .mine = DIM_MINE_CRITIC, .batch = 8);
    REFUSE(DIM_E_SHAPE, "z has shape (10, 3); it must be (40, d)", x, few, .seed = 0);
    ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ 40, 2, 3 }, &map));
    REFUSE(DIM_E_SHAPE, "x has shape (40, 2, 3)", map, z, .seed = 0);
    ok(dim_tensor_create(ctx, DIM_I32, 2, (int64_t[]){ 40, 1 }, &labels));
    REFUSE(DIM_E_INVALID, "x is i32; it must be f32 or u8", labels, z, .seed = 0);
    dim_tensor_destroy(labels);
    dim_tensor_destroy(seven);
    REFUSE(DIM_E_NUMERIC, "dim_evaluation_ndm: scores are not finite: training diverged", NULL, z, .batch = 8, .steps = 1, .lr = 1e30f);
    dim_tensor *huge = make_codes(0, 40, 3);
    for (int i = 0; i < 120; i++)
        floats(huge)[i] = i % 2 == 0 ? 1e30f : -1e30f;
    REFUSE(DIM_E_NUMERIC, "dim_evaluation_ndm: training diverged at step 0, in which codes are up to 1e+30 in magnitude; standardise "
           "them", NULL, huge, .steps = 1);
    REFUSE(DIM_E_NUMERIC, "dim_evaluation_mine: training diverged at step 0, in which codes are up to 1e+30 in magnitude and inputs up to ",
           x, huge, .steps = 1);
    dim_tensor_destroy(huge);
    floats(x)[11] = NAN;
    REFUSE(DIM_E_NUMERIC, "x has a value that is not finite in row 2", x, z, .steps = 1);
    floats(z)[1] = INFINITY;
    REFUSE(DIM_E_NUMERIC, "codes has a value that is not finite in row 0", NULL, z, .steps = 1);
    dim_tensor_destroy(map);
    dim_tensor_destroy(x);
    dim_tensor_destroy(one);
    dim_tensor_destroy(few);
    dim_tensor_destroy(z);
}

static void refuse_decoder(dim_status status, const char *text, dim_evaluation_options o, dim_tensor *const t[4])
{
    dim_tensor *made = NULL;
    o.size = sizeof o;
    expect(status, text, dim_evaluation_reconstruct(ctx, &o, t[0], t[1], t[2], t[3], NULL, &made));
    assert_null(made);
}

static void test_what_the_decoder_refuses(void **state)
{
    dim_tensor *z, *x, *odd, *wide, *large, *other = make_codes(0, 4, 3), *few = make_codes(0, 3, 2), *unused, *unknown;
    dim_evaluation_options plain = options_of(1, 2, 0), held = plain;
    (void)state;
    make_scenes(4, 8, 8, &z, &x);
    make_scenes(4, 8, 14, &unused, &wide);
    dim_tensor_destroy(unused);
    make_scenes(4, 9, 8, &unused, &odd);
    ok(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ 4, 1, 726, 726 }, &large)); /* 2 x 363 */
    held.held_out = 0.5f;
    refuse_decoder(DIM_E_INVALID, "held_out is set", held, (dim_tensor *[]){ z, x, z, x });
    refuse_decoder(DIM_E_SHAPE, "images are of 9 x 8; both sides must be even", plain, (dim_tensor *[]){ z, odd, z, odd });
    refuse_decoder(DIM_E_SHAPE, "images are of 726 x 726; the decoder would begin with 128 maps of 363 x 363, but 16777216 units",
                   plain, (dim_tensor *[]){ z, large, z, large });
    refuse_decoder(DIM_E_SHAPE, "images has shape (4, 1, 8, 8), but test_images (4, 1, 8, 14)", plain, (dim_tensor *[]){ z, x, z, wide });
    refuse_decoder(DIM_E_SHAPE, "3 codes of 4 images", plain, (dim_tensor *[]){ few, x, z, x });
    refuse_decoder(DIM_E_SHAPE, "codes has 2 units, but test_codes 3", plain, (dim_tensor *[]){ z, x, other, x });
    refuse_decoder(DIM_E_SHAPE, "images has shape (4, 3); it must be (N, C, H, W)", plain, (dim_tensor *[]){ z, other, z, x });
    ok(dim_tensor_create(ctx, DIM_F64, 4, (int64_t[]){ 4, 1, 8, 8 }, &unknown));
    refuse_decoder(DIM_E_INVALID, "test_images is f64; it must be f32 or u8", plain, (dim_tensor *[]){ z, x, z, unknown });
    refuse_decoder(DIM_E_NUMERIC, "the decoder's images are not finite: training diverged", options_of(1, 2, 3e38f),
                   (dim_tensor *[]){ z, x, z, x });
    dim_tensor_destroy(unknown);
    floats(x)[70] = 1.5f;
    refuse_decoder(DIM_E_INVALID, "a pixel of sample 1 of images is 1.5; it must be in [-1, 1]", plain, (dim_tensor *[]){ z, x, z, x });
    floats(x)[70] = NAN;
    refuse_decoder(DIM_E_NUMERIC, "images has a value that is not finite in row 1", plain, (dim_tensor *[]){ z, x, z, x });
    expect(DIM_E_INVALID, "no output", dim_evaluation_reconstruct(ctx, &plain, z, x, z, x, NULL, NULL));
    for (int i = 0; i < 8; i++)
        dim_tensor_destroy((dim_tensor *[]){ z, x, odd, wide, large, other, few, unused }[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ndm_of_known_dependence),
        cmocka_unit_test(test_ndm_of_sigmoids),
        cmocka_unit_test(test_every_unit_has_its_own_permutation),
        cmocka_unit_test(test_held_out_rows_are_not_trained_on),
        cmocka_unit_test(test_mine_of_known_information),
        cmocka_unit_test(test_mine_takes_codes_as_they_are),
        cmocka_unit_test(test_mine_of_images),
        cmocka_unit_test(test_a_decoder_learns),
        cmocka_unit_test(test_shapes_of_images),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_progress_stops),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_the_decoder_refuses),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
