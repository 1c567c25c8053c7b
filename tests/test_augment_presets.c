/* AMDIM's ready lists: their test images against torchvision, what the lists for training draw, and normalisation. */
#include "augment_tests.h"

#include <math.h>

static failing_memory memory;
static dim_context *ctx; /* of 1 thread */

static int setup(void **state)
{
    (void)state;
    ctx = test_context(&memory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    return 0;
}

/* One image, as the fixture's script draws it. */
static dim_tensor *drawn(int64_t h, int64_t w)
{
    dim_tensor *t = tensor(ctx, DIM_U8, 1, (int64_t[]){ 3, h, w });
    uint8_t *p = dim_tensor_data(t);
    for (int64_t c = 0; c < 3; c++)
        for (int64_t y = 0; y < h; y++)
            for (int64_t x = 0; x < w; x++)
                *p++ = (uint8_t)(3 * x + 5 * y + x * x * (c + 1) / 40 + x * y / (9 + c) + 50 * c);
    return t;
}

static void compare(FILE *f, dim_augment_preset preset, int h, int w, int side, uint32_t hash)
{
    const int64_t shape[3] = { 3, side, side };
    dim_augment *aug = augment(ctx, preset);
    dim_tensor *image = drawn(h, w);
    dim_tensor *bytes = tensor(ctx, DIM_U8, 1, shape), *values = tensor(ctx, DIM_F32, 1, shape);
    assert_fails_with(ctx, dim_augment_apply(aug, image, NULL, bytes), DIM_OK, NULL, NULL);
    assert_fails_with(ctx, dim_augment_apply(aug, image, NULL, values), DIM_OK, NULL, NULL);
    const uint8_t *p = dim_tensor_const_data(bytes);
    const float *x = dim_tensor_const_data(values);
    uint32_t got = 2166136261u;
    for (int i = 0; i < 3 * side * side; i++) {
        int byte;
        float value;
        got = (got ^ p[i]) * 16777619u;
        if (i % 499 != 0)
            continue;
        assert_int_equal(fscanf(f, "%d %f", &byte, &value), 2);
        if (p[i] != byte || !(fabsf(x[i] - value) <= 2.5e-7f * fmaxf(1, fabsf(value))))
            fail_msg("preset %d, %d x %d, byte %d: %d, %.9g; torchvision has %d, %.9g", (int)preset, h, w, i, p[i],
                     (double)x[i], byte, (double)value);
    }
    if (got != hash)
        fail_msg("preset %d, %d x %d: some byte is not torchvision's", (int)preset, h, w);
    dim_tensor_destroy(image);
    dim_tensor_destroy(bytes);
    dim_tensor_destroy(values);
    dim_augment_destroy(aug);
}

/* The same bytes, and the same floats to their last bit but one. */
static void test_images(void **state)
{
    int h, w, side, n = 0;
    uint32_t hash;
    FILE *f = fopen(DIM_TEST_DATA "/augment_presets.txt", "r");
    (void)state;
    assert_non_null(f);
    for (; fscanf(f, " test %d %d %d %u", &h, &w, &side, &hash) == 4; n++)
        compare(f, side == 64 ? DIM_AUGMENT_AMDIM64_TEST : DIM_AUGMENT_AMDIM128_TEST, h, w, side, hash);
    assert_int_equal(n, 4);
    fclose(f);
}

/* Mean and standard deviation of CIFAR-10, STL-10 and ImageNet, as the authors' program has them. */
static void test_normalisation(void **state)
{
    static const double mean[3][3] = { { 125.3 / 255, 123.0 / 255, 113.9 / 255 },
                                       { 0.43, 0.42, 0.39 },
                                       { 0.485, 0.456, 0.406 } };
    static const double std[3][3] = { { 63.0 / 255, 62.1 / 255, 66.7 / 255 },
                                      { 0.27, 0.26, 0.27 },
                                      { 0.229, 0.224, 0.225 } };
    (void)state;
    for (int preset = DIM_AUGMENT_AMDIM32; preset <= DIM_AUGMENT_AMDIM128_TEST; preset++) {
        const int set = (preset - DIM_AUGMENT_AMDIM32) % 3;
        const int64_t in[3] = { 3, 32, 40 };
        int64_t shape[3];
        dim_augment *aug = augment(ctx, (dim_augment_preset)preset);
        dim_augment_apply_options o;
        DIM_OPTIONS_INIT(&o);
        o.views = 2;
        o.seed = 9;
        assert_int_equal(dim_augment_shape(aug, in, shape), DIM_OK);
        assert_int_equal(shape[1], set == 0 ? 32 : 32 << set);
        dim_tensor *image = drawn(in[1], in[2]);
        dim_tensor *bytes = tensor(ctx, DIM_U8, 2, shape), *values = tensor(ctx, DIM_F32, 2, shape);
        assert_fails_with(ctx, dim_augment_apply(aug, image, &o, bytes), DIM_OK, NULL, NULL);
        assert_fails_with(ctx, dim_augment_apply(aug, image, &o, values), DIM_OK, NULL, NULL);
        const uint8_t *p = dim_tensor_const_data(bytes);
        const float *x = dim_tensor_const_data(values);
        for (int64_t i = 0; i < dim_tensor_count(bytes); i++) {
            int64_t c = i / (shape[1] * shape[2]) % 3;
            assert_true(fabs(x[i] - (p[i] / 255.0 - mean[set][c]) / std[set][c]) < 1e-6);
        }
        dim_tensor_destroy(image);
        dim_tensor_destroy(bytes);
        dim_tensor_destroy(values);
        dim_augment_destroy(aug);
    }
}

/* ---- draws ---- */

enum { DRAWS = 10000, DRAWN = 6 }; /* numbers of a view: area, aspect, brightness, contrast, saturation, hue */

/* What is wanted of a number that is uniform in low .. high, but for the slack that whole pixels need. */
typedef struct uniform {
    const char *name;
    double low, high, slack;
} uniform;

static void numbers_of(const dim_augment *aug, const dim__augment_key *key, double x[DRAWN], bool done[4])
{
    static const int64_t shape[3] = { 3, 400, 400 };
    dim__augment_draw d[4];
    for (int k = 0; k < 4; k++) {
        dim__augment_draw_op(&aug->list.op[k], k, key, shape, &d[k]);
        done[k] = d[k].done;
    }
    x[0] = (double)(d[1].box.height * d[1].box.width) / (400.0 * 400);
    x[1] = (double)d[1].box.width / (double)d[1].box.height;
    const double jitter[4] = { d[2].brightness, d[2].contrast, d[2].saturation, d[2].hue };
    memcpy(x + 2, jitter, sizeof jitter);
}

static void assert_share(const char *what, int count, double p)
{
    double share = (double)count / DRAWS;
    if (fabs(share - p) > 5 * sqrt(p * (1 - p) / DRAWS))
        fail_msg("%s: a share of %g, %g expected", what, share, p);
}

static void draw_views(dim_augment_preset preset, double hue)
{
    const uniform wanted[DRAWN] = {
        { "area", 0.3, 1, 0.01 },      { "aspect", 0.7, 1.4, 0.01 },   { "brightness", 0.6, 1.4, 1e-6 },
        { "contrast", 0.6, 1.4, 1e-6 }, { "saturation", 0.6, 1.4, 1e-6 }, { "hue", -hue, hue, 1e-6 },
    };
    static const char *const ops[4] = { "flip", "crop", "jitter", "grayscale" };
    static const double p[4] = { 0.5, 1, 0.8, 0.25 };
    double low[DRAWN], high[DRAWN];
    int done[4] = { 0 }, apart[4] = { 0 }, same[DRAWN] = { 0 };
    dim_augment *aug = augment(ctx, preset);
    assert_int_equal(aug->list.count, 4);
    for (int k = 0; k < DRAWN; k++) {
        low[k] = INFINITY;
        high[k] = -INFINITY;
    }
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x[2][DRAWN];
        bool does[2][4];
        for (uint64_t view = 0; view < 2; view++)
            numbers_of(aug, &(dim__augment_key){ 5, i % 3, i, view }, x[view], does[view]);
        for (int k = 0; k < 4; k++) {
            done[k] += does[0][k];
            apart[k] += does[0][k] != does[1][k];
        }
        for (int k = 0; k < DRAWN; k++) {
            low[k] = fmin(low[k], x[0][k]);
            high[k] = fmax(high[k], x[0][k]);
            same[k] += x[0][k] == x[1][k];
        }
    }
    for (int k = 0; k < 4; k++) { /* the flip is the image's, all else each view's own */
        assert_share(ops[k], done[k], p[k]);
        assert_share("only one of two views", apart[k], k == 0 ? 0 : 2 * p[k] * (1 - p[k]));
    }
    for (int k = 0; k < DRAWN; k++) {
        const uniform *u = &wanted[k];
        double end = 0.03 * (u->high - u->low); /* reached but for this */
        if (low[k] < u->low - u->slack || high[k] > u->high + u->slack || low[k] > u->low + end ||
            high[k] < u->high - end)
            fail_msg("preset %d, %s: in [%g, %g], [%g, %g] expected", (int)preset, u->name, low[k], high[k], u->low,
                     u->high);
        assert_true(same[k] < DRAWS / 50);
    }
    dim_augment_destroy(aug);
}

static void test_draws(void **state)
{
    (void)state;
    draw_views(DIM_AUGMENT_AMDIM64, 0.2);
    draw_views(DIM_AUGMENT_AMDIM128, 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_normalisation),
        cmocka_unit_test(test_draws),
    };
    return cmocka_run_group_tests_name("augment_presets", tests, setup, teardown);
}
