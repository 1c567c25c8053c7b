/* The library on a thread with the 128 KiB of stack that musl gives by default, below which nothing is mapped: the main flows.
 * Frames are bounded by tests/checks/stack.sh. */
#define _GNU_SOURCE /* pthread_setattr_default_np */

#include "base/pool.h"
#include "base/thread.h"

#include <dim/dim.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sanitized.h"

/* A sanitizer's frames are several times as large. */
enum { STACK = SANITIZED ? 1 << 20 : 128 << 10 };

static dim_context *ctx;
static dim_status failure;

/* On such a thread a failed assertion cannot go back to cmocka. */
#define OK(call)                                                                                     \
    do {                                                                                             \
        dim_status status_ = (call);                                                                 \
        if (status_ != DIM_OK) {                                                                     \
            failure = status_;                                                                       \
            print_error("%s:%d: %s: %s\n", __FILE__, __LINE__, dim_status_name(status_), dim_context_error(ctx)); \
            return NULL;                                                                             \
        }                                                                                            \
    } while (0)

static void on_small_stack(void *(*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t id;
    failure = DIM_OK;
    char *memory = mmap(NULL, STACK + 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(mprotect(memory + 65536, STACK, PROT_READ | PROT_WRITE), 0);
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstack(&attr, memory + 65536, STACK), 0);
    assert_int_equal(pthread_create(&id, &attr, fn, arg), 0);
    assert_int_equal(pthread_join(id, NULL), 0);
    pthread_attr_destroy(&attr);
    munmap(memory, STACK + 65536);
    assert_int_equal(failure, DIM_OK);
}

typedef struct preset {
    dim_encoder_kind kind;
    uint32_t side; /* 0 = vectors */
    const char *x;
    int64_t batch;
} preset;

static void *train(void *arg)
{
    const preset *p = arg;
    const int64_t image[4] = { p->batch, 3, p->side, p->side }, vector[2] = { p->batch, 64 };
    dim_context_options o;
    dim_encoder_options eo;
    dim_term_options to;
    dim_encoder *enc;
    dim_model *model;
    dim_tensor *x;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&eo);
    DIM_OPTIONS_INIT(&to);
    o.threads = 2;
    OK(dim_context_create(&o, &ctx));
    eo.kind = p->kind;
    eo.channels = p->side == 0 ? 64 : 3;
    eo.ndf = p->kind >= DIM_ENCODER_AMDIM32 && p->kind <= DIM_ENCODER_AMDIM128 ? 8 : 0;
    eo.depth = eo.ndf > 0 ? 1 : 0;
    to.x = p->x;
    to.units = 64;
    OK(dim_encoder_create(ctx, &eo, &enc));
    OK(dim_model_create(enc, NULL, &model));
    OK(dim_model_add_term(model, &to));
    OK(dim_tensor_create(ctx, p->side == 0 ? DIM_F32 : DIM_U8, p->side == 0 ? 2 : 4, p->side == 0 ? vector : image, &x));
    for (int64_t i = 0; i < dim_tensor_count(x); i++)
        if (p->side == 0)
            ((float *)dim_tensor_data(x))[i] = (float)(i * 31 % 101) / 101;
        else
            ((uint8_t *)dim_tensor_data(x))[i] = (uint8_t)(i * 31 % 251);
    OK(dim_model_step(model, x));
    OK(dim_model_evaluate(model, x));
    dim_tensor_destroy(x);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
    return NULL;
}

static void presets(void **state)
{
    static const preset all[] = {
        { DIM_ENCODER_CONV32, 32, NULL, 8 },   { DIM_ENCODER_CONV28, 28, NULL, 8 },    { DIM_ENCODER_CONV64, 64, NULL, 4 },
        { DIM_ENCODER_ALEX64, 64, NULL, 4 },   { DIM_ENCODER_INFOMAX32, 32, NULL, 4 }, { DIM_ENCODER_INFOMAX64, 64, NULL, 4 },
        { DIM_ENCODER_MLP, 0, "fc", 64 },      { DIM_ENCODER_AMDIM32, 32, NULL, 4 },   { DIM_ENCODER_AMDIM64, 64, NULL, 4 },
        { DIM_ENCODER_AMDIM128, 128, NULL, 2 }, { DIM_ENCODER_FOLDMULTIALEX64, 64, NULL, 2 },
        { DIM_ENCODER_RESNET19, 32, NULL, 4 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        on_small_stack(train, (void *)&all[i]);
}

/* Weights to a file and back, a checkpoint. */
static void *files(void *arg)
{
    dim_encoder *enc, *again;
    dim_model *model;
    dim_tensor *x, *fx, *rows;
    const int64_t image[4] = { 8, 3, 32, 32 };
    (void)arg;
    OK(dim_context_create(NULL, &ctx));
    OK(dim_encoder_create(ctx, NULL, &enc));
    OK(dim_encoder_save(enc, "small_stack.safetensors"));
    OK(dim_encoder_load(enc, "small_stack.safetensors"));
    OK(dim_encoder_open(ctx, "small_stack.safetensors", &again));
    OK(dim_tensor_create(ctx, DIM_U8, 4, image, &x));
    OK(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 8, 64 }, &fx));
    OK(dim_encoder_encode(again, x, NULL, fx));
    OK(dim_tensor_save_npy(fx, "small_stack.npy"));
    OK(dim_tensor_load_npy(ctx, "small_stack.npy", &rows));
    OK(dim_model_create(enc, NULL, &model));
    OK(dim_model_add_term(model, &(dim_term_options){ .size = sizeof(dim_term_options), .units = 64 }));
    OK(dim_model_step(model, x));
    OK(dim_checkpoint_save(model, NULL, "small_stack.checkpoint"));
    OK(dim_checkpoint_load(model, NULL, "small_stack.checkpoint"));
    dim_model_destroy(model);
    dim_tensor_destroy(rows);
    dim_tensor_destroy(fx);
    dim_tensor_destroy(x);
    dim_encoder_destroy(again);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
    return NULL;
}

static void round_trips(void **state)
{
    (void)state;
    on_small_stack(files, NULL);
    remove("small_stack.safetensors");
    remove("small_stack.npy");
    remove("small_stack.checkpoint");
}

static void *probe(void *arg)
{
    enum { N = 200, D = 96, CLASSES = 5 };
    dim_tensor *x, *labels;
    (void)arg;
    OK(dim_context_create(NULL, &ctx));
    OK(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, D }, &x));
    OK(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ N }, &labels));
    for (int i = 0; i < N * D; i++)
        ((float *)dim_tensor_data(x))[i] = (float)(i * 7919 % 1009) / 1009;
    for (int i = 0; i < N; i++)
        ((int32_t *)dim_tensor_data(labels))[i] = i % CLASSES;
    for (int kind = DIM_PROBE_KNN_COSINE; kind <= DIM_PROBE_MLP; kind++) {
        dim_probe_result result = { .size = sizeof result };
        OK(dim_probe_run(ctx, &(dim_probe_options){ .size = sizeof(dim_probe_options), .kind = (dim_probe_kind)kind }, x,
                         labels, x, labels, &result));
    }
    dim_tensor_destroy(labels);
    dim_tensor_destroy(x);
    dim_context_destroy(ctx);
    return NULL;
}

static void probes(void **state)
{
    (void)state;
    on_small_stack(probe, NULL);
}

/* ---- libdim's own threads ---------------------------------------------------------------------------------------- */

typedef struct seen {
    size_t stack[4];
    bool faults[4]; /* none of them is blocked */
    bool rest[4];   /* all others are */
} seen;

static void look(void *arg, int64_t begin, int64_t end, int thread)
{
    seen *s = arg;
    sigset_t set;
    pthread_attr_t attr;
    void *lowest;
    (void)begin;
    (void)end;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &lowest, &s->stack[thread]);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    s->faults[thread] = !sigismember(&set, SIGSEGV) && !sigismember(&set, SIGBUS) && !sigismember(&set, SIGFPE) &&
                        !sigismember(&set, SIGILL) && !sigismember(&set, SIGTRAP) && !sigismember(&set, SIGSYS);
    s->rest[thread] = sigismember(&set, SIGINT) && sigismember(&set, SIGALRM) && sigismember(&set, SIGUSR1);
}

/* Whatever the caller blocks, and however small the stacks are that threads have by default. */
static void workers(void **state)
{
    const dim_context_options o = { .size = sizeof o, .threads = 4, .gemm = DIM_GEMM_REFERENCE };
    seen s = { .stack = { 0 } };
    sigset_t all, old;
    pthread_attr_t attr, before;
    (void)state;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_getattr_default_np(&before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 128 << 10);
    assert_int_equal(pthread_setattr_default_np(&attr), 0);
    dim_status status = dim_context_create(&o, &ctx);
    pthread_setattr_default_np(&before);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    assert_int_equal(status, DIM_OK);
    dim__parallel(ctx, 4, 1, look, &s);
    for (int i = 1; i < 4; i++) {
        assert_true(s.stack[i] >= DIM__THREAD_STACK - 65536); /* less a guard */
        assert_true(s.faults[i] && s.rest[i]);
    }
    dim_context_destroy(ctx);
    pthread_attr_destroy(&attr);
}

#if DIM_HAVE_PNG
/* Images of a folder, decoded by this thread and augmented. */
static void *load(void *arg)
{
    const dim_augment_options ao = { .size = sizeof ao, .preset = DIM_AUGMENT_AMDIM32 };
    dim_loader_options lo = { .size = sizeof lo, .batch = 4, .no_thread = 1 };
    dim_dataset *data;
    dim_augment *aug;
    dim_loader *loader;
    dim_tensor *images, *bytes, *views;
    int64_t view[3];
    OK(dim_context_create(NULL, &ctx));
    OK(dim_dataset_open(ctx, arg, DIM_SPLIT_TRAIN, &data));
    OK(dim_augment_create(ctx, &ao, &aug));
    OK(dim_augment_shape(aug, (int64_t[]){ 3, 32, 32 }, view));
    OK(dim_loader_create(data, &lo, &loader));
    OK(dim_loader_next(loader, &images, NULL));
    OK(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ 4, 3, 32, 32 }, &bytes));
    OK(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 8, view[0], view[1], view[2] }, &views));
    OK(dim_augment_apply(aug, bytes, &(dim_augment_apply_options){ .size = sizeof(dim_augment_apply_options), .views = 2 },
                         views));
    dim_tensor_destroy(views);
    dim_tensor_destroy(bytes);
    dim_loader_destroy(loader);
    dim_augment_destroy(aug);
    dim_dataset_destroy(data);
    dim_context_destroy(ctx);
    return NULL;
}

/* The picture five times over, as a class. */
static void pictures(void **state)
{
    static const char *const folders[] = { "small_stack", "small_stack/train", "small_stack/train/class" };
    char bytes[4096], path[64];
    FILE *f = fopen(DIM_TEST_DATA "/shades/0.png", "rb");
    (void)state;
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof bytes, f);
    assert_true(size > 0 && feof(f));
    fclose(f);
    for (int i = 0; i < 3; i++)
        mkdir(folders[i], 0700);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%d.png", folders[2], i);
        f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(bytes, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
    }
    on_small_stack(load, "folder:small_stack");
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%d.png", folders[2], i);
        remove(path);
    }
    for (int i = 2; i >= 0; i--)
        rmdir(folders[i]);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets), cmocka_unit_test(round_trips), cmocka_unit_test(probes), cmocka_unit_test(workers),
#if DIM_HAVE_PNG
        cmocka_unit_test(pictures),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
