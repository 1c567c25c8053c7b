/* The loader: order, prefetch, errors of callbacks, and its thread. */
#include "data_tests.h"

#include "base/rng.h"
#include "data/loader.h"
#include <dim/dataset.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static failing_memory memory;
static dim_context *ctx;

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

/* Starting a thread, by the linker's --wrap: the call with that number fails. */
static long thread_calls, thread_fails_at;
int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    return ++thread_calls == thread_fails_at ? EAGAIN : __real_pthread_create(id, attr, fn, arg);
}

enum { FEATURES = 6 };

typedef struct source {
    int64_t fails, wrong;       /* samples that fail, or give a label that is too large; -1 = none */
    long pause_us;              /* a sample takes this long */
    atomic_int inside, calls;   /* calls at once, calls */
    atomic_bool together;       /* two calls were made at once */
    atomic_bool signals_open;   /* a call was made on another thread than `main`, with a signal not blocked */
    atomic_bool faults_blocked; /* or with one of a fault blocked */
    char *fault;                /* written to by each call; NULL = none */
    jmp_buf *_Atomic leave;     /* by which the next call on `main` leaves; NULL = it returns */
    pthread_t main;
} source;

static void source_init(source *s)
{
    memset(s, 0, sizeof *s);
    s->fails = s->wrong = -1;
    s->main = pthread_self();
}

/* Sample i: bytes that tell i, of class i. */
static int give_sample(void *user, int64_t index, void *image, int64_t *label)
{
    source *s = user;
    unsigned char *p = image;
    sigset_t blocked;
    if (atomic_fetch_add(&s->inside, 1) != 0)
        s->together = true;
    atomic_fetch_add(&s->calls, 1);
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    if (!pthread_equal(pthread_self(), s->main) &&
        (!sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGUSR1) || !sigismember(&blocked, SIGTERM)))
        s->signals_open = true;
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (sigismember(&blocked, faults[i]))
            s->faults_blocked = true;
    if (s->fault != NULL)
        *(volatile char *)s->fault = 1;
    jmp_buf *to = pthread_equal(pthread_self(), s->main) ? atomic_exchange(&s->leave, NULL) : NULL;
    if (to != NULL) {
        atomic_fetch_sub(&s->inside, 1);
        longjmp(*to, 1);
    }
    if (s->pause_us > 0)
        nanosleep(&(struct timespec){ 0, s->pause_us * 1000 }, NULL);
    for (int k = 0; k < FEATURES; k++)
        p[k] = (unsigned char)(index * 3 + k);
    *label = index == s->wrong ? 1000 : index;
    atomic_fetch_sub(&s->inside, 1);
    return index == s->fails ? -5 : 0;
}

static dim_dataset *callback_dataset(source *s, int64_t count)
{
    const int64_t shape[3] = { 1, 2, 3 };
    dim_dataset *ds;
    assert_int_equal(dim_dataset_from_callback(ctx, count, DIM_U8, 3, shape, count, give_sample, s, &ds), DIM_OK);
    return ds;
}

/* (N, 1, 2, 3) bytes in memory, with the same content as the callback's */
static dim_dataset *memory_dataset(int64_t count)
{
    dim_dataset *ds;
    dim_tensor *images, *labels;
    assert_int_equal(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ count, 1, 2, 3 }, &images), DIM_OK);
    assert_int_equal(dim_tensor_create(ctx, DIM_I64, 1, &count, &labels), DIM_OK);
    for (int64_t i = 0; i < count; i++) {
        ((int64_t *)dim_tensor_data(labels))[i] = i;
        for (int k = 0; k < FEATURES; k++)
            ((unsigned char *)dim_tensor_data(images))[i * FEATURES + k] = (unsigned char)(i * 3 + k);
    }
    assert_int_equal(dim_dataset_from_tensors(ctx, images, labels, &ds), DIM_OK);
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    return ds;
}

static dim_loader_options options(uint32_t batch)
{
    dim_loader_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = 11;
    o.batch = batch;
    return o;
}

static dim_loader *loader(dim_dataset *ds, const dim_loader_options *o)
{
    dim_loader *l = NULL;
    assert_fails_with(ctx, dim_loader_create(ds, o, &l), DIM_OK, NULL, NULL);
    return l;
}

/* The next batch: its samples' numbers into `samples`, its size returned; images and labels must tell the same. */
static int64_t next(dim_loader *l, int32_t *samples)
{
    dim_tensor *images, *labels;
    assert_fails_with(ctx, dim_loader_next(l, &images, &labels), DIM_OK, NULL, NULL);
    int64_t n = dim_tensor_size(images, 0);
    assert_int_equal(dim_tensor_rank(images), 4);
    assert_int_equal(dim_tensor_size(images, 1), 1);
    assert_int_equal(dim_tensor_size(images, 2), 2);
    assert_int_equal(dim_tensor_size(images, 3), 3);
    assert_int_equal(dim_tensor_dtype(images), DIM_U8);
    assert_int_equal(dim_tensor_is_contiguous(images), 1);
    assert_int_equal(dim_tensor_dtype(labels), DIM_I32);
    assert_int_equal(dim_tensor_rank(labels), 1);
    assert_int_equal(dim_tensor_size(labels, 0), n);
    for (int64_t i = 0; i < n; i++) {
        samples[i] = ((const int32_t *)dim_tensor_const_data(labels))[i];
        for (int k = 0; k < FEATURES; k++)
            assert_int_equal(((const unsigned char *)dim_tensor_const_data(images))[i * FEATURES + k],
                             (unsigned char)(samples[i] * 3 + k));
    }
    return n;
}

static void test_epochs(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        dim_dataset *ds = memory_dataset(23);
        dim_loader_options o = options(5);
        int32_t before[23] = { 0 };
        o.keep_last = (uint32_t)keep;
        dim_loader *l = loader(ds, &o);
        assert_int_equal(dim_loader_batches(l), keep ? 5 : 4);
        for (uint64_t epoch = 0; epoch < 4; epoch++) {
            int32_t order[25], seen[23] = { 0 };
            int64_t n = 0;
            for (int b = 0; b < 4 + keep; b++) {
                int64_t got = next(l, order + n);
                assert_int_equal(got, b == 4 ? 3 : 5);
                assert_int_equal(dim_loader_epoch(l), epoch);
                n += got;
            }
            for (int64_t i = 0; i < n; i++)
                assert_int_equal(seen[order[i]]++, 0); /* no sample twice; with 23 of 23, each once */
            assert_int_equal(n, keep ? 23 : 20);
            assert_memory_not_equal(order, before, 20 * sizeof *order);
            memcpy(before, order, sizeof before);
        }
        dim_loader_destroy(l);
        dim_dataset_destroy(ds);
    }
}

static void test_in_order(void **state)
{
    dim_dataset *ds = memory_dataset(7);
    dim_loader_options o = options(3);
    int32_t samples[3];
    (void)state;
    o.in_order = 1;
    o.keep_last = 1;
    dim_loader *l = loader(ds, &o);
    for (int b = 0; b < 9; b++) {
        int64_t n = next(l, samples);
        assert_int_equal(n, b % 3 == 2 ? 1 : 3);
        for (int i = 0; i < n; i++)
            assert_int_equal(samples[i], b % 3 * 3 + i);
    }
    dim_loader_destroy(l);
    dim_dataset_destroy(ds);
}

static void sequence(dim_dataset *ds, const dim_loader_options *o, int batches, int32_t *out)
{
    dim_loader *l = loader(ds, o);
    memset(out, 0xff, 256 * sizeof *out);
    for (int b = 0; b < batches; b++)
        out += next(l, out);
    dim_loader_destroy(l);
}

static void test_same_batches(void **state)
{
    source s;
    dim_dataset *in_memory = memory_dataset(23), *asked;
    dim_loader_options o = options(5);
    int32_t want[256], got[256];
    const uint32_t ahead[] = { 0, 1, 3, 20 };
    (void)state;
    source_init(&s);
    asked = callback_dataset(&s, 23);
    o.keep_last = 1;
    o.no_thread = 1;
    sequence(in_memory, &o, 18, want);
    for (int i = 0; i < 4; i++)
        for (int threadless = 0; threadless < 2; threadless++) {
            o.prefetch = ahead[i];
            o.no_thread = (uint32_t)threadless;
            s.pause_us = i == 2 ? 200 : 0;
            sequence(in_memory, &o, 18, got);
            assert_memory_equal(got, want, sizeof want);
            sequence(asked, &o, 18, got);
            assert_memory_equal(got, want, sizeof want);
        }
    o.seed = 12;
    sequence(in_memory, &o, 18, got);
    assert_memory_not_equal(got, want, sizeof want);
    o.seed = 0; /* the context's, 7 */
    sequence(in_memory, &o, 18, want);
    o.seed = 7;
    sequence(in_memory, &o, 18, got);
    assert_memory_equal(got, want, sizeof want);
    assert_false(s.together);
    assert_false(s.signals_open);
    dim_dataset_destroy(in_memory);
    dim_dataset_destroy(asked);
}

static void test_defaults(void **state)
{
    dim_dataset *ds = memory_dataset(70);
    int32_t samples[64];
    dim_loader *l;
    dim_tensor *images;
    (void)state;
    assert_int_equal(dim_loader_create(ds, NULL, &l), DIM_OK);
    assert_int_equal(dim_loader_batches(l), 1);
    assert_int_equal(dim_loader_epoch(l), 0);
    assert_int_equal(next(l, samples), 64);
    assert_int_equal(dim_loader_next(l, &images, NULL), DIM_OK); /* labels are not wanted */
    assert_int_equal(dim_loader_epoch(l), 1);
    assert_fails_with(ctx, dim_loader_next(l, NULL, NULL), DIM_E_INVALID, "images", NULL);
    assert_int_equal(dim_loader_next(NULL, &images, NULL), DIM_E_INVALID);
    assert_int_equal(dim_loader_epoch(NULL), 0);
    assert_int_equal(dim_loader_batches(NULL), 0);
    dim_loader_destroy(NULL);
    dim_loader_destroy(l);
    dim_dataset_destroy(ds);
}

static void test_options(void **state)
{
    dim_dataset *ds = memory_dataset(4);
    dim_loader_options o = options(5);
    dim_loader *const untouched = (dim_loader *)&memory;
    dim_loader *l = untouched;
    int32_t samples[4];
    (void)state;
    size_t before = dim_context_memory(ctx);
    assert_fails_with(ctx, dim_loader_create(ds, &o, &l), DIM_E_INVALID, "batch 5", "4 samples");
    assert_int_equal(dim_loader_create(ds, NULL, &l), DIM_E_INVALID); /* 64 by default */
    o.batch = 2;
    o.reserved0 = 1;
    assert_fails_with(ctx, dim_loader_create(ds, &o, &l), DIM_E_INVALID, "reserved0", NULL);
    o = options(2);
    o.in_order = 2;
    assert_fails_with(ctx, dim_loader_create(ds, &o, &l), DIM_E_INVALID, "in_order is 2", NULL);
    o = options(2);
    o.prefetch = 100000;
    assert_fails_with(ctx, dim_loader_create(ds, &o, &l), DIM_E_INVALID, "prefetch", "100000");
    o = options(2);
    o.size = 3;
    assert_int_equal(dim_loader_create(ds, &o, &l), DIM_E_INVALID);
    o = options(2);
    assert_int_equal(dim_loader_create(NULL, &o, &l), DIM_E_INVALID);
    assert_int_equal(dim_loader_create(ds, &o, NULL), DIM_E_INVALID);
    assert_ptr_equal(l, untouched);
    assert_int_equal(dim_context_memory(ctx), before);
    /* a caller of an older version, whose struct ended after `batch` */
    o.size = offsetof(dim_loader_options, in_order);
    o.in_order = 77;
    l = loader(ds, &o);
    assert_int_equal(next(l, samples), 2);
    dim_loader_destroy(l);
    /* a batch larger than the dataset, with keep_last: the whole dataset */
    o = options(UINT32_MAX);
    o.keep_last = 1;
    l = loader(ds, &o);
    assert_int_equal(dim_loader_batches(l), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(next(l, samples), 4);
    assert_int_equal(dim_loader_epoch(l), 2);
    dim_loader_destroy(l);
    dim_dataset_destroy(ds);
}

static void test_callback_errors(void **state)
{
    source s;
    dim_loader_options o = options(4);
    int32_t want[256], samples[4];
    dim_tensor *const untouched = (dim_tensor *)&memory;
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++)
        for (uint32_t threadless = 0; threadless < 2; threadless++) {
            source_init(&s);
            dim_dataset *ds = callback_dataset(&s, 20);
            int failures = 0;
            o.no_thread = threadless;
            sequence(ds, &o, 15, want);
            *(wrong ? &s.wrong : &s.fails) = 7;
            dim_loader *l = loader(ds, &o);
            for (int b = 0; b < 15; b++) {
                bool has = false;
                for (int i = 0; i < 4; i++)
                    has |= want[b * 4 + i] == 7;
                if (has) { /* this batch fails, and it alone */
                    dim_tensor *images = untouched, *labels = untouched;
                    assert_fails_with(ctx, dim_loader_next(l, &images, &labels), DIM_E_CALLBACK, "sample 7",
                                      wrong ? "label 1000" : "-5");
                    assert_true(images == untouched && labels == untouched);
                    failures++;
                } else {
                    assert_int_equal(next(l, samples), 4);
                    assert_memory_equal(samples, want + b * 4, sizeof samples);
                    assert_int_equal(dim_loader_epoch(l), b / 5);
                }
            }
            assert_int_equal(failures, 3);
            dim_loader_destroy(l);
            dim_dataset_destroy(ds);
        }
}

static void test_batches_stay(void **state)
{
    source s;
    source_init(&s);
    dim_dataset *ds = callback_dataset(&s, 40);
    dim_loader_options o = options(4);
    dim_tensor *images, *labels;
    unsigned char copy[4 * FEATURES];
    (void)state;
    o.prefetch = 2;
    dim_loader *l = loader(ds, &o);
    for (int b = 0; b < 25; b++) {
        assert_int_equal(dim_loader_next(l, &images, &labels), DIM_OK);
        memcpy(copy, dim_tensor_data(images), sizeof copy);
        /* The thread fills what it may, and leaves the batch that is held alone. */
        for (int wait = 0; wait < 50000 && s.calls < (b + 3) * 4; wait++)
            nanosleep(&(struct timespec){ 0, 100000 }, NULL);
        assert_int_equal(s.calls, (b + 3) * 4);
        assert_memory_equal(copy, dim_tensor_data(images), sizeof copy);
    }
    dim_loader_destroy(l);
    dim_dataset_destroy(ds);
}

static void test_no_allocation(void **state)
{
    dim_dataset *ds = memory_dataset(23);
    int32_t samples[5];
    (void)state;
    for (uint32_t threadless = 0; threadless < 2; threadless++) {
        dim_loader_options o = options(5);
        o.keep_last = 1;
        o.no_thread = threadless;
        dim_loader *l = loader(ds, &o);
        uint64_t before = dim_context_allocations(ctx);
        for (int b = 0; b < 20; b++)
            next(l, samples);
        assert_int_equal(dim_context_allocations(ctx), before);
        dim_loader_destroy(l);
    }
    dim_dataset_destroy(ds);
}

/* Two loaders and the caller read one callback's dataset; its calls come one at a time. */
static void test_shared_callback(void **state)
{
    source s;
    source_init(&s);
    s.pause_us = 20;
    dim_dataset *ds = callback_dataset(&s, 40);
    dim_loader_options o = options(4);
    int32_t samples[4];
    dim_tensor *image;
    (void)state;
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 2, 1, 2, 3 }, &image), DIM_OK);
    dim_loader *a = loader(ds, &o), *b = loader(ds, &o);
    for (int i = 0; i < 30; i++) {
        next(a, samples);
        next(b, samples);
        assert_int_equal(dim_dataset_read(ds, i, 2, image, NULL), DIM_OK);
        assert_true(((const float *)dim_tensor_const_data(image))[FEATURES] == (float)(unsigned char)(i * 3 + 3));
    }
    assert_false(s.together);
    dim_loader_destroy(a);
    dim_loader_destroy(b);
    dim_tensor_destroy(image);
    dim_dataset_destroy(ds);
}

static void test_destroy_any_time(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        source s;
        int32_t samples[8];
        source_init(&s);
        s.pause_us = round % 3 == 0 ? 0 : 300;
        dim_dataset *ds = callback_dataset(&s, 64);
        dim_loader_options o = options(8);
        o.prefetch = 1 + (uint32_t)round % 4;
        dim_loader *l = loader(ds, &o);
        dim_dataset_destroy(ds); /* the loader keeps it */
        for (int b = 0; b < round % 5; b++)
            next(l, samples);
        if (round % 7 == 0) /* until the thread has nothing left to do */
            nanosleep(&(struct timespec){ 0, 3000000 }, NULL);
        dim_loader_destroy(l);
        int calls = s.calls;
        nanosleep(&(struct timespec){ 0, 100000 }, NULL);
        assert_int_equal(s.calls, calls); /* nobody calls any more */
    }
}

static void test_signal_mask_restored(void **state)
{
    source s;
    sigset_t mask, before, after;
    (void)state;
    source_init(&s);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &mask, &before);
    dim_dataset *ds = callback_dataset(&s, 8);
    dim_loader_options o = options(2);
    int32_t samples[2];
    dim_loader *l = loader(ds, &o);
    next(l, samples);
    pthread_sigmask(SIG_SETMASK, &before, &after);
    assert_true(sigismember(&after, SIGUSR2) && !sigismember(&after, SIGUSR1));
    dim_loader_destroy(l);
    assert_true(s.calls >= 2);
    assert_false(s.signals_open);
    dim_dataset_destroy(ds);
}

static void test_context_outlived(void **state)
{
    failing_memory m;
    dim_context *other = test_context(&m);
    dim_tensor *features, *images, *labels;
    dim_dataset *ds;
    dim_loader *l;
    (void)state;
    assert_int_equal(dim_tensor_create(other, DIM_F32, 2, (int64_t[]){ 6, 3 }, &features), DIM_OK);
    for (int i = 0; i < 18; i++)
        ((float *)dim_tensor_data(features))[i] = (float)i;
    assert_int_equal(dim_dataset_from_tensors(other, features, NULL, &ds), DIM_OK);
    dim_loader_options o = options(2);
    o.in_order = 1;
    assert_int_equal(dim_loader_create(ds, &o, &l), DIM_OK);
    dim_context_destroy(other);
    dim_tensor_destroy(features);
    dim_dataset_destroy(ds);
    for (int b = 0; b < 5; b++) {
        assert_int_equal(dim_loader_next(l, &images, &labels), DIM_OK);
        assert_int_equal(dim_tensor_rank(images), 2);
        for (int i = 0; i < 6; i++)
            assert_true(((float *)dim_tensor_data(images))[i] == (float)(b % 3 * 6 + i));
        for (int i = 0; i < 2; i++)
            assert_int_equal(((int32_t *)dim_tensor_data(labels))[i], -1); /* has none */
    }
    dim_loader_destroy(l);
    assert_int_equal(m.live, 0);
}

static dim_dataset *lives_on;

static dim_status loader_life(dim_context *c)
{
    dim_loader *l = NULL;
    dim_tensor *images;
    dim_loader_options o = options(5);
    (void)c;
    o.keep_last = 1;
    dim_status status = dim_loader_create(lives_on, &o, &l);
    if (status == DIM_OK)
        status = dim_loader_next(l, &images, NULL);
    dim_loader_destroy(l);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    lives_on = memory_dataset(23);
    fail_each_allocation(ctx, &memory, loader_life);
    dim_dataset_destroy(lives_on);
}

/* Put at any batch, a loader goes on as another one that came there by itself; however many threads are at work. */
static void test_seek(void **state)
{
    enum { COUNT = 23, BATCH = 5, LAST = 40 }; /* epochs of 5 batches, the last one of 3 samples */
    int32_t want[LAST][BATCH], got[BATCH];
    int64_t size[LAST];
    (void)state;
    dim_dataset *ds = memory_dataset(COUNT);
    dim_loader_options o = options(BATCH);
    o.keep_last = 1;
    dim_loader *l = loader(ds, &o);
    for (int i = 0; i < LAST; i++)
        size[i] = next(l, want[i]);
    dim_loader_destroy(l);
    for (uint32_t workers = 0; workers < 4; workers++) { /* 0: none */
        dim__loader_info info;
        o.seed = 99;
        o.no_thread = workers == 0;
        o.workers = workers;
        o.prefetch = workers;
        l = loader(ds, &o);
        for (uint64_t k = 0; k < 60; k++) {
            uint64_t at = dim__mix(workers, k) % (LAST - 4);
            dim__loader_seek(l, &(dim__loader_position){ 11, at });
            assert_int_equal(dim_loader_epoch(l), at == 0 ? 0 : (at - 1) / 5);
            for (uint64_t n = at; n < at + k % 4; n++) {
                assert_int_equal(next(l, got), size[n]);
                assert_memory_equal(got, want[n], (size_t)size[n] * sizeof *got);
                assert_int_equal(dim_loader_epoch(l), n / 5);
                dim__loader_describe(l, &info);
                assert_int_equal(info.position.next, n + 1);
                assert_int_equal(info.position.seed, 11);
            }
        }
        dim_loader_destroy(l);
    }
    dim_dataset_destroy(ds);
}

/* Numbers at the end of what there is, as a forged checkpoint may have: the batches are those of a loader without threads. */
static void test_seek_to_the_end(void **state)
{
    enum { BATCH = 5, SOME = 12 };
    int32_t want[SOME][BATCH], got[BATCH];
    (void)state;
    dim_dataset *ds = memory_dataset(23);
    for (uint32_t workers = 0; workers < 4; workers++) {
        dim_loader_options o = options(BATCH);
        dim__loader_info info;
        o.no_thread = workers == 0;
        o.workers = workers;
        o.prefetch = 2 * workers;
        dim_loader *l = loader(ds, &o);
        for (uint64_t back = 0; back < 4; back++) {
            alarm(60); /* instead of waiting for ever */
            dim__loader_seek(l, &(dim__loader_position){ 11, UINT64_MAX - back });
            for (int i = 0; i < SOME; i++) {
                assert_int_equal(next(l, got), BATCH);
                if (workers == 0)
                    memcpy(want[i], got, sizeof got);
                else if (back == 3)
                    assert_memory_equal(got, want[i], sizeof got);
            }
            dim__loader_describe(l, &info);
            assert_int_equal(info.position.next, SOME - 1 - back);
            alarm(0);
        }
        dim_loader_destroy(l);
    }
    dim_dataset_destroy(ds);
}

static void test_no_threads(void **state)
{
    (void)state;
    dim_dataset *ds = memory_dataset(23);
    dim_loader_options o = options(5);
    dim_loader *const untouched = (dim_loader *)&memory;
    o.workers = 3;
    for (long n = 1; n <= 3; n++) { /* those started before are stopped */
        dim_loader *l = untouched;
        char after[64];
        snprintf(after, sizeof after, "a thread to give after %ld of the loader's 3 threads", n - 1);
        thread_calls = 0;
        thread_fails_at = n;
        assert_fails_with(ctx, dim_loader_create(ds, &o, &l), DIM_E_SYSTEM, after, strerror(EAGAIN));
        assert_ptr_equal(l, untouched);
        thread_fails_at = 0;
    }
    dim_context_options co;
    dim_context *other;
    DIM_OPTIONS_INIT(&co);
    co.threads = 2;
    thread_calls = 0;
    thread_fails_at = 1;
    assert_int_equal(dim_context_create(&co, &other), DIM_E_SYSTEM);
    thread_fails_at = 0;
    dim_dataset_destroy(ds);
}

static char *page;
static size_t page_size;
static volatile sig_atomic_t repairs;

static void repair(int number)
{
    (void)number;
    repairs++;
    mprotect(page, page_size, PROT_READ | PROT_WRITE);
}

/* A fault in the caller's function on a loader's thread gets to the caller's handler, which mends it. */
static void test_faults(void **state)
{
    struct sigaction action, before;
    source s;
    int32_t got[4];
    (void)state;
    void *memory_of_page = NULL;
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(posix_memalign(&memory_of_page, page_size, page_size), 0);
    page = memory_of_page;
    assert_int_equal(mprotect(page, page_size, PROT_NONE), 0);
    memset(&action, 0, sizeof action);
    action.sa_handler = repair;
    sigaction(SIGSEGV, &action, &before);
    source_init(&s);
    s.fault = page;
    dim_dataset *ds = callback_dataset(&s, 8);
    dim_loader_options o = options(4);
    dim_loader *l = loader(ds, &o);
    assert_int_equal(next(l, got), 4);
    assert_int_equal(repairs, 1);
    dim_loader_destroy(l);
    assert_false(s.faults_blocked);
    assert_false(s.signals_open);
    dim_dataset_destroy(ds);
    sigaction(SIGSEGV, &before, NULL);
    free(page);
}

/* longjmp() out of the caller's function, which is what an exception of C++ does: the next calls neither hang nor fail. */
static void test_left_callback(void **state)
{
    static jmp_buf out;
    static source s; /* static: the jump leaves them as they are */
    static dim_dataset *ds;
    static dim_loader *l;
    static int threads;
    int32_t got[4];
    (void)state;
    alarm(60);
    source_init(&s);
    ds = callback_dataset(&s, 8);
    if (setjmp(out) == 0) {
        s.leave = &out;
        dim_dataset_read(ds, 0, 8, NULL, NULL);
        fail();
    }
    assert_int_equal(dim_dataset_read(ds, 0, 8, NULL, NULL), DIM_OK);
    for (threads = 0; threads < 2; threads++) {
        dim_loader_options o = options(4);
        o.no_thread = !threads;
        l = loader(ds, &o);
        if (setjmp(out) == 0) {
            assert_int_equal(next(l, got), 4);
            if (threads) /* until nothing is prepared any more */
                nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
            s.leave = &out;
            if (threads)
                dim_dataset_read(ds, 0, 8, NULL, NULL);
            else
                next(l, got);
            fail();
        }
        for (int i = 0; i < 6; i++)
            assert_int_equal(next(l, got), 4);
        dim_loader_destroy(l);
    }
    if (setjmp(out) == 0) {
        s.leave = &out;
        dim_dataset_read(ds, 0, 8, NULL, NULL);
        fail();
    }
    dim_loader_options o = options(4);
    l = loader(ds, &o); /* whose thread waits now */
    dim_loader_destroy(l);
    dim_dataset_destroy(ds);
    alarm(0);
}

/* A fork while a loader's thread is in the caller's function: the child, which has no such thread, reads on its own. */
static void test_fork(void **state)
{
    source s;
    int code = -1;
    (void)state;
    source_init(&s);
    s.pause_us = 200000;
    dim_dataset *ds = callback_dataset(&s, 8);
    dim_loader_options o = options(4);
    dim_loader *l = loader(ds, &o);
    while (s.inside == 0)
        nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20); /* instead of waiting for ever */
        _exit(dim_dataset_read(ds, 0, 1, NULL, NULL) == DIM_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    dim_loader_destroy(l);
    dim_dataset_destroy(ds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_same_batches),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_callback_errors),
        cmocka_unit_test(test_batches_stay),
        cmocka_unit_test(test_no_allocation),
        cmocka_unit_test(test_shared_callback),
        cmocka_unit_test(test_destroy_any_time),
        cmocka_unit_test(test_signal_mask_restored),
        cmocka_unit_test(test_context_outlived),
        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_seek),
        cmocka_unit_test(test_seek_to_the_end),
        cmocka_unit_test(test_no_threads),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_left_callback),
        cmocka_unit_test(test_fork),
    };
    return cmocka_run_group_tests_name("loader", tests, setup, teardown);
}
