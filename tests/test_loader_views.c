/* Loaders with augmentation and several workers: the same batches whoever prepares them, and views as dim_augment_apply()
 * makes them. */
#include "data_tests.h"

#include <dim/augment.h>
#include <dim/dataset.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

enum { COUNT = 23, SIDE = 12, PIXELS = 3 * SIDE * SIDE, BATCH = 5, BATCHES = 18 };
static const int64_t sample_shape[3] = { 3, SIDE, SIDE };

static failing_memory memory;
static dim_context *ctx;
static dim_tensor *images; /* sample i is of class i */
static dim_dataset *data;

static int setup(void **state)
{
    const int64_t shape[4] = { COUNT, 3, SIDE, SIDE };
    dim_tensor *labels;
    (void)state;
    ctx = test_context(&memory);
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, 4, shape, &images), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_I32, 1, shape, &labels), DIM_OK);
    uint32_t noise = 1;
    for (int i = 0; i < COUNT * PIXELS; i++) {
        noise = noise * 1664525u + 1013904223u;
        ((uint8_t *)dim_tensor_data(images))[i] = (uint8_t)(noise >> 24);
    }
    for (int i = 0; i < COUNT; i++)
        ((int32_t *)dim_tensor_data(labels))[i] = i;
    assert_int_equal(dim_dataset_from_tensors(ctx, images, labels, &data), DIM_OK);
    dim_tensor_destroy(labels);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dim_dataset_destroy(data);
    dim_tensor_destroy(images);
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    return 0;
}

typedef struct source {
    int64_t fails;       /* this sample does; -1 = none */
    long pause_us;
    atomic_int inside, calls;
    atomic_bool together; /* two calls at once */
} source;

static int give_sample(void *user, int64_t index, void *image, int64_t *label)
{
    source *s = user;
    if (atomic_fetch_add(&s->inside, 1) != 0)
        s->together = true;
    if (s->pause_us > 0)
        nanosleep(&(struct timespec){ 0, s->pause_us * 1000 }, NULL);
    memcpy(image, (const uint8_t *)dim_tensor_const_data(images) + index * PIXELS, PIXELS);
    *label = index;
    atomic_fetch_sub(&s->inside, 1);
    atomic_fetch_add(&s->calls, 1);
    return index == s->fails ? 3 : 0;
}

static dim_dataset *callback_dataset(source *s)
{
    dim_dataset *ds;
    atomic_init(&s->inside, 0);
    atomic_init(&s->calls, 0);
    atomic_init(&s->together, false);
    s->fails = -1;
    s->pause_us = 0;
    assert_int_equal(dim_dataset_from_callback(ctx, COUNT, DIM_U8, 3, sample_shape, COUNT, give_sample, s, &ds), DIM_OK);
    return ds;
}

static dim_augment *augment(dim_augment_preset preset)
{
    dim_augment_options o;
    dim_augment *aug = NULL;
    DIM_OPTIONS_INIT(&o);
    o.preset = preset;
    assert_int_equal(dim_augment_create(ctx, &o, &aug), DIM_OK);
    return aug;
}

static dim_loader_options options(const dim_augment *aug, uint32_t views)
{
    dim_loader_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = 11;
    o.batch = BATCH;
    o.keep_last = 1;
    o.augment = aug;
    o.views = views;
    return o;
}

static dim_loader *loader(dim_dataset *ds, const dim_loader_options *o)
{
    dim_loader *l = NULL;
    assert_fails_with(ctx, dim_loader_create(ds, o, &l), DIM_OK, NULL, NULL);
    return l;
}

/* The next batch's views are those of its samples (by their labels) in its epoch. */
static void assert_views(dim_loader *l, const dim_augment *aug, uint32_t views, int64_t side)
{
    dim_tensor *got, *labels, *from, *want;
    int64_t index[BATCH];
    dim_augment_apply_options o;
    assert_fails_with(ctx, dim_loader_next(l, &got, &labels), DIM_OK, NULL, NULL);
    int64_t n = dim_tensor_size(labels, 0);
    const int64_t in[4] = { n, 3, SIDE, SIDE }, out[4] = { n * views, 3, side, side };
    assert_int_equal(dim_tensor_dtype(got), DIM_F32);
    assert_int_equal(dim_tensor_rank(got), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(dim_tensor_size(got, i), out[i]);
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, 4, in, &from), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, 4, out, &want), DIM_OK);
    for (int64_t i = 0; i < n; i++) {
        index[i] = ((const int32_t *)dim_tensor_const_data(labels))[i];
        memcpy((uint8_t *)dim_tensor_data(from) + i * PIXELS,
               (const uint8_t *)dim_tensor_const_data(images) + index[i] * PIXELS, PIXELS);
    }
    DIM_OPTIONS_INIT(&o);
    o.seed = 11;
    o.epoch = dim_loader_epoch(l);
    o.index = index;
    o.views = views;
    assert_int_equal(dim_augment_apply(aug, from, &o, want), DIM_OK);
    assert_true(dim_tensor_is_contiguous(got));
    assert_memory_equal(dim_tensor_const_data(got), dim_tensor_const_data(want),
                        (size_t)dim_tensor_count(want) * sizeof(float));
    dim_tensor_destroy(from);
    dim_tensor_destroy(want);
}

static void test_views(void **state)
{
    dim_augment *small = augment(DIM_AUGMENT_AMDIM32), *large = augment(DIM_AUGMENT_AMDIM64);
    (void)state;
    for (uint32_t views = 1; views <= 3; views++)
        for (uint32_t workers = 0; workers < 5; workers++) {
            dim_loader_options o = options(views == 2 ? large : small, views);
            o.workers = workers;
            o.no_thread = workers == 0;
            dim_loader *l = loader(data, &o);
            for (int b = 0; b < 12; b++)
                assert_views(l, o.augment, views, views == 2 ? 64 : SIDE);
            dim_loader_destroy(l);
        }
    dim_augment_destroy(small);
    dim_augment_destroy(large);
}

/* Without augmentation too, workers change nothing. */
static void sequence(dim_dataset *ds, const dim_loader_options *o, int32_t *out)
{
    dim_loader *l = loader(ds, o);
    for (int b = 0; b < BATCHES; b++) {
        dim_tensor *batch, *labels;
        assert_fails_with(ctx, dim_loader_next(l, &batch, &labels), DIM_OK, NULL, NULL);
        int64_t n = dim_tensor_size(labels, 0);
        const int32_t *label = dim_tensor_const_data(labels);
        for (int64_t i = 0; i < n; i++) {
            assert_memory_equal((const uint8_t *)dim_tensor_const_data(batch) + i * PIXELS,
                                (const uint8_t *)dim_tensor_const_data(images) + label[i] * PIXELS, PIXELS);
            *out++ = label[i];
        }
        assert_int_equal(dim_loader_epoch(l), b / 5);
    }
    dim_loader_destroy(l);
}

static void test_same_batches(void **state)
{
    int32_t want[BATCHES * BATCH] = { 0 }, got[BATCHES * BATCH] = { 0 };
    dim_loader_options o = options(NULL, 0);
    source s;
    dim_dataset *asked = callback_dataset(&s);
    (void)state;
    o.no_thread = 1;
    sequence(data, &o, want);
    o.no_thread = 0;
    for (uint32_t workers = 1; workers <= 8; workers *= 2)
        for (uint32_t prefetch = 0; prefetch < 20; prefetch += 6) {
            o.workers = workers;
            o.prefetch = prefetch;
            sequence(data, &o, got);
            assert_memory_equal(got, want, sizeof want);
            s.pause_us = prefetch == 6 ? 50 : 0;
            sequence(asked, &o, got);
            assert_memory_equal(got, want, sizeof want);
        }
    assert_false(s.together);
    dim_dataset_destroy(asked);
}

/* While the caller holds a batch, the workers prepare as many as prefetch says, and then wait. */
static void test_prepared_ahead(void **state)
{
    dim_augment *aug = augment(DIM_AUGMENT_AMDIM32);
    source s;
    dim_dataset *ds = callback_dataset(&s);
    (void)state;
    for (uint32_t workers = 1; workers <= 3; workers += 2) {
        dim_loader_options o = options(aug, 2);
        o.batch = 4;
        o.keep_last = 0;
        o.workers = workers;
        int ahead = workers == 3 ? 3 : 2; /* at least one for each worker */
        s.calls = 0;
        dim_loader *l = loader(ds, &o);
        for (int b = 0; b < 15; b++) {
            dim_tensor *batch;
            assert_int_equal(dim_loader_next(l, &batch, NULL), DIM_OK);
            float first = *(const float *)dim_tensor_const_data(batch);
            for (int wait = 0; wait < 50000 && s.calls < (b + 1 + ahead) * 4; wait++)
                nanosleep(&(struct timespec){ 0, 100000 }, NULL);
            nanosleep(&(struct timespec){ 0, 200000 }, NULL);
            assert_int_equal(s.calls, (b + 1 + ahead) * 4);
            assert_true(*(const float *)dim_tensor_const_data(batch) == first);
        }
        dim_loader_destroy(l);
    }
    dim_dataset_destroy(ds);
    dim_augment_destroy(aug);
}

/* A batch with a broken sample fails, and it alone. */
static void test_callback_errors(void **state)
{
    dim_augment *aug = augment(DIM_AUGMENT_AMDIM32);
    source s;
    dim_dataset *ds = callback_dataset(&s);
    (void)state;
    for (uint32_t workers = 0; workers <= 3; workers += 3) {
        dim_loader_options o = options(aug, 2);
        dim_tensor *batch, *labels;
        int failures = 0;
        o.workers = workers;
        o.no_thread = workers == 0;
        s.fails = 7;
        dim_loader *l = loader(ds, &o);
        for (int b = 0; b < 15; b++) {
            dim_status status = dim_loader_next(l, &batch, &labels);
            if (status != DIM_OK) {
                assert_fails_with(ctx, status, DIM_E_CALLBACK, "sample 7", NULL);
                failures++;
            } else {
                for (int64_t i = 0; i < dim_tensor_size(labels, 0); i++)
                    assert_int_not_equal(((const int32_t *)dim_tensor_const_data(labels))[i], 7);
            }
        }
        assert_int_equal(failures, 3);
        dim_loader_destroy(l);
    }
    dim_dataset_destroy(ds);
    dim_augment_destroy(aug);
}

/* The loader has a copy: what becomes of the augmentation is nothing to it. */
static void test_augment_outlived(void **state)
{
    dim_augment *aug = augment(DIM_AUGMENT_AMDIM32), *kept = augment(DIM_AUGMENT_AMDIM32);
    dim_loader_options o = options(aug, 2);
    dim_augment_op_options op;
    (void)state;
    DIM_OPTIONS_INIT(&op);
    op.op = DIM_AUGMENT_OP_RESIZE;
    op.height = 3;
    dim_loader *l = loader(data, &o);
    assert_views(l, kept, 2, SIDE);
    assert_int_equal(dim_augment_add(aug, &op), DIM_OK);
    for (int b = 0; b < 4; b++)
        assert_views(l, kept, 2, SIDE);
    dim_augment_destroy(aug);
    for (int b = 0; b < 4; b++)
        assert_views(l, kept, 2, SIDE);
    dim_loader_destroy(l);
    dim_augment_destroy(kept);
}

static void test_no_allocation(void **state)
{
    dim_augment *aug = augment(DIM_AUGMENT_AMDIM64);
    (void)state;
    for (uint32_t workers = 0; workers < 3; workers++) {
        dim_loader_options o = options(aug, 2);
        dim_tensor *batch, *labels;
        o.workers = workers;
        o.no_thread = workers == 0;
        dim_loader *l = loader(data, &o);
        uint64_t before = dim_context_allocations(ctx);
        for (int b = 0; b < 12; b++)
            assert_int_equal(dim_loader_next(l, &batch, &labels), DIM_OK);
        assert_int_equal(dim_context_allocations(ctx), before);
        dim_loader_destroy(l);
    }
    dim_augment_destroy(aug);
}

static void test_destroy_any_time(void **state)
{
    dim_augment *aug = augment(DIM_AUGMENT_AMDIM32);
    source s;
    dim_dataset *ds = callback_dataset(&s);
    (void)state;
    for (int round = 0; round < 60; round++) {
        dim_loader_options o = options(aug, 2);
        dim_tensor *batch;
        o.workers = 1 + (uint32_t)round % 4;
        s.pause_us = round % 3 == 0 ? 0 : 200;
        dim_loader *l = loader(ds, &o);
        for (int b = 0; b < round % 5; b++)
            assert_int_equal(dim_loader_next(l, &batch, NULL), DIM_OK);
        if (round % 7 == 0)
            nanosleep(&(struct timespec){ 0, 3000000 }, NULL);
        dim_loader_destroy(l);
        int calls = s.calls;
        nanosleep(&(struct timespec){ 0, 100000 }, NULL);
        assert_int_equal(s.calls, calls);
    }
    assert_false(s.together);
    dim_dataset_destroy(ds);
    dim_augment_destroy(aug);
}

static void refuse(dim_dataset *ds, const dim_loader_options *o, dim_status want, const char *part, const char *part2)
{
    dim_loader *l = NULL;
    assert_fails_with(ctx, dim_loader_create(ds, o, &l), want, part, part2);
    assert_null(l);
}

static void test_options(void **state)
{
    failing_memory m;
    dim_context *other = test_context(&m), *own = ctx;
    dim_augment *aug = augment(DIM_AUGMENT_AMDIM32);
    dim_dataset *floats, *vectors, *flat;
    dim_tensor *x, *v, *two;
    (void)state;
    ctx = other;
    dim_augment *foreign = augment(DIM_AUGMENT_AMDIM32);
    ctx = own;
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 8, 3, 8, 8 }, &x), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, 2, (int64_t[]){ 8, 3 }, &v), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ 8, 3, 8, 4 }, &two), DIM_OK);
    assert_int_equal(dim_dataset_from_tensors(ctx, x, NULL, &floats), DIM_OK);
    assert_int_equal(dim_dataset_from_tensors(ctx, v, NULL, &vectors), DIM_OK);
    assert_int_equal(dim_dataset_from_tensors(ctx, two, NULL, &flat), DIM_OK);
    size_t before = dim_context_memory(ctx);
    dim_loader_options o = options(NULL, 2);
    refuse(data, &o, DIM_E_INVALID, "views is 2", "augment is NULL");
    o = options(aug, 2000000);
    refuse(data, &o, DIM_E_INVALID, "views is 2000000", NULL);
    o = options(foreign, 2);
    refuse(data, &o, DIM_E_INVALID, "another context", NULL);
    o = options(aug, 2);
    refuse(floats, &o, DIM_E_INVALID, "f32 images", NULL);
    refuse(vectors, &o, DIM_E_INVALID, "u8 vectors", NULL);
    refuse(flat, &o, DIM_E_SHAPE, "shift 4", "8 x 4");
    o.workers = 100000;
    refuse(data, &o, DIM_E_INVALID, "workers is 100000", NULL);
    o.workers = 2;
    o.no_thread = 1;
    refuse(data, &o, DIM_E_INVALID, "workers is 2", "no_thread");
    assert_int_equal(dim_context_memory(ctx), before);
    /* A caller of an older version, whose struct ended before `augment`. */
    o = options(NULL, 0);
    o.size = offsetof(dim_loader_options, augment);
    memset(&o.augment, 0xff, sizeof o - o.size);
    dim_tensor *batch;
    dim_loader *l = loader(floats, &o);
    assert_int_equal(dim_loader_next(l, &batch, NULL), DIM_OK);
    assert_int_equal(dim_tensor_size(batch, 0), BATCH);
    dim_loader_destroy(l);
    dim_dataset_destroy(floats);
    dim_dataset_destroy(vectors);
    dim_dataset_destroy(flat);
    dim_tensor_destroy(x);
    dim_tensor_destroy(v);
    dim_tensor_destroy(two);
    dim_augment_destroy(foreign);
    dim_augment_destroy(aug);
    dim_context_destroy(other);
    assert_int_equal(m.live, 0);
}

static dim_augment *lives_on;

static dim_status loader_life(dim_context *c)
{
    dim_loader *l = NULL;
    dim_tensor *batch;
    dim_loader_options o = options(lives_on, 2);
    (void)c;
    o.workers = 3;
    dim_status status = dim_loader_create(data, &o, &l);
    if (status == DIM_OK)
        status = dim_loader_next(l, &batch, NULL);
    dim_loader_destroy(l);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    lives_on = augment(DIM_AUGMENT_AMDIM64);
    fail_each_allocation(ctx, &memory, loader_life);
    dim_augment_destroy(lives_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_same_batches),
        cmocka_unit_test(test_prepared_ahead),
        cmocka_unit_test(test_callback_errors),
        cmocka_unit_test(test_augment_outlived),
        cmocka_unit_test(test_no_allocation),
        cmocka_unit_test(test_destroy_any_time),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests_name("loader_views", tests, setup, teardown);
}
