/* Augmentation: every operation against torchvision's bytes, and what is drawn. */
#include "augment_tests.h"

#include <math.h>

static failing_memory memory;
static dim_context *ctx; /* of 1 thread */
static unsigned char *fixture;
static const unsigned char *at; /* in the fixture */

static int setup(void **state)
{
    (void)state;
    ctx = test_context(&memory);
    FILE *f = fopen(DIM_TEST_DATA "/augment.bin", "rb");
    fixture = malloc(1 << 20);
    if (f == NULL || fixture == NULL || fread(fixture, 1, 1 << 20, f) < 1000)
        return -1;
    return fclose(f);
}

static int teardown(void **state)
{
    (void)state;
    free(fixture);
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    return 0;
}

/* --- against torchvision ------------------------------------------------------------------------------------------ */

/* The numbers of make_augment.py. */
enum record_op { FLIP, TRANSLATE, CROP, BRIGHTNESS, CONTRAST, SATURATION, HUE, GRAY, RESIZE, CENTER, NORMALIZE, PIPELINE };
enum { IMAGES = 4, MOST = 3 * 32 * 32 };

typedef struct picture {
    int64_t shape[3];
    const uint8_t *pixels;
} picture;

typedef struct record {
    int32_t op, image, shape[3];
    double x[8];
    const unsigned char *result;
} record;

static int32_t read_i32(void)
{
    int32_t value;
    memcpy(&value, at, sizeof value);
    at += sizeof value;
    return value;
}

static int read_pictures(picture *pictures)
{
    at = fixture;
    assert_int_equal(read_i32(), IMAGES);
    for (int i = 0; i < IMAGES; i++) {
        for (int axis = 0; axis < 3; axis++)
            pictures[i].shape[axis] = read_i32();
        pictures[i].pixels = at;
        at += pictures[i].shape[0] * pictures[i].shape[1] * pictures[i].shape[2];
    }
    return read_i32();
}

static void read_record(record *r)
{
    r->op = read_i32();
    r->image = read_i32();
    for (int axis = 0; axis < 3; axis++)
        r->shape[axis] = read_i32();
    memcpy(r->x, at, sizeof r->x);
    r->result = at + sizeof r->x;
    at = r->result + r->shape[0] * r->shape[1] * r->shape[2] * (r->op >= NORMALIZE ? 4 : 1);
}

static void run_public(const dim_augment_op_options *o, const picture *from, dim_dtype dtype, void *out,
                       int64_t shape[3])
{
    dim_augment *aug = augment(ctx, DIM_AUGMENT_EMPTY);
    assert_int_equal(dim_augment_add(aug, o), DIM_OK);
    assert_int_equal(dim_augment_shape(aug, from->shape, shape), DIM_OK);
    dim_tensor *images = tensor(ctx, DIM_U8, 1, from->shape), *views = tensor(ctx, dtype, 1, shape);
    memcpy(dim_tensor_data(images), from->pixels, (size_t)dim_tensor_count(images));
    assert_int_equal(dim_augment_apply(aug, images, NULL, views), DIM_OK);
    memcpy(out, dim_tensor_data(views), (size_t)dim_tensor_count(views) * dim_dtype_size(dtype));
    dim_tensor_destroy(images);
    dim_tensor_destroy(views);
    dim_augment_destroy(aug);
}

static void run_resize(const record *r, const picture *from, uint8_t *out, int64_t shape[3])
{
    dim_augment_op_options o = op(r->op == RESIZE ? DIM_AUGMENT_OP_RESIZE : DIM_AUGMENT_OP_CENTER_CROP);
    o.height = (uint32_t)r->x[0];
    o.width = (uint32_t)r->x[1];
    run_public(&o, from, DIM_U8, out, shape);
}

static void run_crop(const record *r, const picture *from, uint8_t *out)
{
    dim__box box = { (int64_t)r->x[0], (int64_t)r->x[1], (int64_t)r->x[2], (int64_t)r->x[3] };
    int64_t h = (int64_t)r->x[4], w = (int64_t)r->x[5];
    void *scratch = malloc(dim__pixels_resize_scratch(from->shape, h, w));
    dim__pixels_resize(out, from->pixels, from->shape, &box, h, w, scratch);
    free(scratch);
}

static void run_pixels(const record *r, const picture *from, uint8_t *out, int64_t shape[3])
{
    float x = (float)r->x[0];
    memcpy(shape, from->shape, 3 * sizeof *shape);
    memcpy(out, from->pixels, (size_t)(shape[0] * shape[1] * shape[2]));
    switch (r->op) {
    case FLIP:
        dim__pixels_flip(out, from->pixels, shape);
        break;
    case TRANSLATE:
        dim__pixels_translate(out, from->pixels, shape, (int64_t)r->x[0], (int64_t)r->x[1]);
        break;
    case CROP:
        run_crop(r, from, out);
        shape[1] = (int64_t)r->x[4];
        shape[2] = (int64_t)r->x[5];
        break;
    case BRIGHTNESS:
        dim__pixels_brightness(out, shape, x);
        break;
    case CONTRAST:
        dim__pixels_contrast(out, shape, x);
        break;
    case SATURATION:
        dim__pixels_saturation(out, shape, x);
        break;
    case HUE:
        dim__pixels_hue(out, shape, x);
        break;
    case GRAY:
        dim__pixels_grayscale(out, shape);
        break;
    default:
        run_resize(r, from, out, shape);
        break;
    }
}

static void run_normalize(const record *r, const picture *from, float *out, int64_t shape[3])
{
    uint8_t a[MOST], b[MOST];
    picture image = *from;
    if (r->op == PIPELINE) {
        dim__pixels_flip(a, from->pixels, from->shape);
        dim__pixels_translate(b, a, from->shape, -3, 2);
        dim__pixels_hue(b, from->shape, -0.13f);
        dim__pixels_contrast(b, from->shape, 1.25f);
        dim__pixels_brightness(b, from->shape, 0.8f);
        dim__pixels_saturation(b, from->shape, 1.37f);
        image.pixels = b;
    }
    dim_augment_op_options o = op(DIM_AUGMENT_OP_NORMALIZE);
    for (int c = 0; c < 3; c++) {
        o.mean[c] = (float)r->x[c];
        o.std[c] = (float)r->x[3 + c];
    }
    run_public(&o, &image, DIM_F32, out, shape);
}

/* The tolerance is none: the same bytes, and the same floats to their last bit but one. */
static void test_torchvision(void **state)
{
    picture pictures[IMAGES];
    int n = read_pictures(pictures), seen[PIPELINE + 1] = { 0 };
    (void)state;
    assert_true(n > 100);
    for (int i = 0; i < n; i++) {
        record r;
        uint8_t bytes[MOST];
        float values[MOST];
        int64_t shape[3];
        read_record(&r);
        seen[r.op]++;
        if (r.op >= NORMALIZE)
            run_normalize(&r, &pictures[r.image], values, shape);
        else
            run_pixels(&r, &pictures[r.image], bytes, shape);
        for (int axis = 0; axis < 3; axis++)
            assert_int_equal(shape[axis], r.shape[axis]);
        for (int64_t k = 0; k < shape[0] * shape[1] * shape[2]; k++) {
            float want;
            if (r.op >= NORMALIZE) {
                memcpy(&want, r.result + 4 * k, 4);
                assert_true(fabsf(values[k] - want) <= 2.5e-7f * fmaxf(1, fabsf(want)));
            } else if (bytes[k] != r.result[k]) {
                fail_msg("record %d, operation %d, image %d, byte %d: %d, torchvision has %d", i, r.op, r.image, (int)k,
                         bytes[k], r.result[k]);
            }
        }
    }
    for (int i = 0; i <= PIPELINE; i++)
        assert_true(seen[i] >= IMAGES);
}

/* --- what is drawn ------------------------------------------------------------------------------------------------ */

enum { DRAWS = 20000 };

static void draw(const dim__augment_list *list, int place, uint64_t index, uint64_t view, const int64_t shape[3],
                 dim__augment_draw *out)
{
    dim__augment_key key = { 3, index % 7, index, view };
    dim__augment_draw_op(&list->op[place], place, &key, shape, out);
}

/* A share of n draws within five standard deviations of p. */
static void assert_share(int64_t count, int64_t n, double p)
{
    double share = (double)count / (double)n;
    if (fabs(share - p) > 5 * sqrt(p * (1 - p) / (double)n))
        fail_msg("a share of %g, %g expected", share, p);
}

static void test_draws_32(void **state)
{
    static const int64_t shape[3] = { 3, 32, 32 };
    dim_augment *aug = augment(ctx, DIM_AUGMENT_AMDIM32);
    int64_t done[4] = { 0 }, down[9] = { 0 }, right[9] = { 0 }, first[4] = { 0 }, orders[64] = { 0 }, both = 0;
    double low[4] = { 9, 9, 9, 9 }, high[4] = { -9, -9, -9, -9 }, sum[4] = { 0 };
    (void)state;
    assert_int_equal(aug->list.count, 4);
    for (uint64_t i = 0; i < DRAWS; i++) {
        dim__augment_draw d[4], other;
        for (int k = 0; k < 4; k++) {
            draw(&aug->list, k, i, 0, shape, &d[k]);
            done[k] += d[k].done;
        }
        draw(&aug->list, 0, i, 1, shape, &other);
        assert_true(other.done == d[0].done); /* the flip is the image's */
        draw(&aug->list, 1, i, 1, shape, &other);
        both += other.down == d[1].down && other.right == d[1].right; /* the translation the view's */
        assert_true(d[1].down >= -4 && d[1].down <= 4 && d[1].right >= -4 && d[1].right <= 4);
        down[d[1].down + 4]++;
        right[d[1].right + 4]++;
        const float x[4] = { d[2].brightness, d[2].contrast, d[2].saturation, d[2].hue };
        int mask = 0;
        for (int k = 0; k < 4; k++) {
            low[k] = fmin(low[k], (double)x[k]);
            high[k] = fmax(high[k], (double)x[k]);
            sum[k] += (double)x[k];
            mask |= 1 << d[2].order[k];
        }
        assert_int_equal(mask, 15);
        first[d[2].order[0]]++;
        orders[d[2].order[0] * 16 + d[2].order[1] * 4 + d[2].order[2]]++;
    }
    assert_share(done[0], DRAWS, 0.5);
    assert_share(done[1], DRAWS, 0.8);
    assert_share(done[2], DRAWS, 0.8);
    assert_share(done[3], DRAWS, 0.25);
    assert_share(both, DRAWS, 1.0 / 81);
    for (int i = 0; i < 9; i++) {
        assert_share(down[i], DRAWS, 1.0 / 9);
        assert_share(right[i], DRAWS, 1.0 / 9);
    }
    for (int k = 0; k < 4; k++) { /* uniform: the ends are reached, the mean is in the middle */
        double middle = k == 3 ? 0 : 1, half = k == 3 ? 0.2 : 0.4;
        assert_true(low[k] >= middle - half - 1e-6 && low[k] < middle - 0.99 * half);
        assert_true(high[k] <= middle + half + 1e-6 && high[k] > middle + 0.99 * half);
        assert_true(fabs(sum[k] / DRAWS - middle) < 5 * half / sqrt(3.0 * DRAWS));
        assert_share(first[k], DRAWS, 0.25);
    }
    int kinds = 0;
    for (int i = 0; i < 64; i++)
        if (orders[i] > 0) {
            kinds++;
            assert_share(orders[i], DRAWS, 1.0 / 24);
        }
    assert_int_equal(kinds, 24);
    dim_augment_destroy(aug);
}

static void test_draws_64(void **state)
{
    static const int64_t shape[3] = { 3, 96, 96 };
    dim_augment *aug = augment(ctx, DIM_AUGMENT_AMDIM64);
    int64_t wide = 0, places = 0;
    double area_sum = 0, area_low = 9, area_high = 0, place_sum[2] = { 0 }, with_area = 0, with_aspect = 0, apart = 0;
    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        dim__augment_draw d;
        draw(&aug->list, 1, i, 0, shape, &d);
        const dim__box *b = &d.box;
        assert_true(d.done);
        assert_true(b->top >= 0 && b->left >= 0 && b->height > 0 && b->width > 0);
        assert_true(b->top + b->height <= 96 && b->left + b->width <= 96);
        double area = (double)(b->height * b->width) / (96 * 96), aspect = (double)b->width / (double)b->height;
        assert_true(area > 0.29 && area <= 1 && aspect > 0.68 && aspect < 1.44); /* sides are whole pixels */
        area_sum += area;
        area_low = fmin(area_low, area);
        area_high = fmax(area_high, area);
        wide += b->width > b->height;
        if (b->height <= 86 && b->width <= 86) { /* the place within the room that there is, centred at 0 */
            double down = (double)b->top / (double)(96 - b->height) - 0.5;
            double right = (double)b->left / (double)(96 - b->width) - 0.5;
            places++;
            place_sum[0] += down;
            place_sum[1] += right;
            apart += down * right;
            with_area += down * (area - 0.5);
            with_aspect += right * log(aspect);
        }
    }
    /* Large boxes that are not square do not fit and are drawn again, so that the mean area lies below 0.65. */
    assert_true(area_sum / DRAWS > 0.55 && area_sum / DRAWS < 0.65);
    assert_true(area_low < 0.305 && area_high > 0.95);
    assert_true(wide > 0.45 * DRAWS && wide < 0.5 * DRAWS);
    /* Places are uniform, and independent of each other and of the sizes: sums of products of numbers below 0.5. */
    double bound = 5 * 0.25 * sqrt((double)places);
    assert_true(places > DRAWS / 3);
    assert_true(fabs(place_sum[0]) < 2 * bound && fabs(place_sum[1]) < 2 * bound);
    assert_true(fabs(apart) < bound && fabs(with_area) < bound && fabs(with_aspect) < bound);
    dim_augment_destroy(aug);
}

/* Boxes that never fit: torchvision's way out is the largest box of an allowed aspect in the middle. */
static void test_draws_extreme(void **state)
{
    static const int64_t flat[3] = { 1, 2, 100 }, tall[3] = { 1, 100, 2 }, dot[3] = { 3, 1, 1 };
    dim__augment_list list = { 0 };
    dim__augment_draw d;
    (void)state;
    list.op[0] = op(DIM_AUGMENT_OP_RESIZED_CROP);
    list.op[0].p = list.op[0].area_min = list.op[0].area_max = 1;
    list.op[0].aspect_min = 0.5f;
    list.op[0].aspect_max = 2;
    for (uint64_t i = 0; i < 50; i++) {
        draw(&list, 0, i, 0, flat, &d);
        assert_true(d.box.top == 0 && d.box.height == 2 && d.box.left == 48 && d.box.width == 4);
        draw(&list, 0, i, 0, tall, &d);
        assert_true(d.box.left == 0 && d.box.width == 2 && d.box.top == 48 && d.box.height == 4);
        draw(&list, 0, i, 0, dot, &d);
        assert_true(d.box.left == 0 && d.box.width == 1 && d.box.top == 0 && d.box.height == 1);
    }
    list.op[0] = op(DIM_AUGMENT_OP_COLOR_JITTER);
    list.op[0].brightness = 3; /* factors are not negative */
    float low = 9, high = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        draw(&list, 0, i, 0, dot, &d);
        low = fminf(low, d.brightness);
        high = fmaxf(high, d.brightness);
        assert_true(d.contrast == 1 && d.saturation == 1 && d.hue == 0);
    }
    assert_true(low >= 0 && low < 0.1f && high > 3.9f && high <= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torchvision),
        cmocka_unit_test(test_draws_32),
        cmocka_unit_test(test_draws_64),
        cmocka_unit_test(test_draws_extreme),
    };
    return cmocka_run_group_tests_name("augment", tests, setup, teardown);
}
