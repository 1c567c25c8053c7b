/* A forked child has the memory of its parent, but not its threads. */
#include "base/pool.h"

#include <dim/dim.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static dim_context *context_of(uint32_t threads)
{
    dim_context_options o;
    dim_context *ctx = NULL;
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    o.gemm = DIM_GEMM_REFERENCE; /* the libraries' own threads are not what is tested */
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    return ctx;
}

/* Runs `child` in a child; a hang ends it. */
static void in_child(int (*child)(void *), void *arg)
{
    int status = -1;
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(20);
        _exit(child(arg));
    }
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_int_equal(status, 0);
}

typedef struct pieces {
    dim_context *ctx;
    int64_t begin[8], end[8];
} pieces;

static void note(void *arg, int64_t begin, int64_t end, int thread)
{
    pieces *p = arg;
    p->begin[thread] = begin;
    p->end[thread] = end;
}

/* The same pieces under the same numbers as in the parent. */
static int divide(void *arg)
{
    const pieces *before = arg;
    pieces now = { .ctx = before->ctx };
    for (int i = 0; i < 3; i++)
        dim__parallel(now.ctx, 1001, 1, note, &now);
    return memcmp(now.begin, before->begin, sizeof now.begin) != 0 || memcmp(now.end, before->end, sizeof now.end) != 0;
}

static int destroy(void *arg)
{
    dim_context_destroy(arg);
    return 0;
}

static void contexts(void **state)
{
    (void)state;
    pieces p = { .ctx = context_of(4) };
    in_child(destroy, p.ctx); /* before the threads have done anything */
    dim__parallel(p.ctx, 1001, 1, note, &p);
    assert_true(p.begin[3] > 0 && p.end[3] == 1001);
    in_child(divide, &p);
    in_child(destroy, p.ctx);
    dim__parallel(p.ctx, 1001, 1, note, &p); /* nothing changed here */
    dim_context_destroy(p.ctx);
}

typedef struct training {
    dim_context *ctx;
    dim_model *model;
    dim_tensor *x;
    double loss;
} training;

static double one_step(training *t)
{
    double loss = -1;
    if (dim_model_step(t->model, t->x) != DIM_OK || dim_model_report(t->model, "loss", &loss) != DIM_OK)
        return -1;
    return loss;
}

static int train(void *arg)
{
    training *t = arg;
    for (int i = 0; i < 3; i++)
        t->loss = one_step(t);
    double loss = t->loss;
    dim_model_destroy(t->model);
    dim_tensor_destroy(t->x);
    dim_context_destroy(t->ctx);
    return loss < 0 ? 1 : 0;
}

/* Steps in a child, then everything is destroyed there; the parent goes on. */
static void models(void **state)
{
    (void)state;
    training t = { .ctx = context_of(3) };
    const int64_t shape[2] = { 64, 32 };
    dim_encoder_options eo;
    dim_term_options to;
    dim_encoder *enc;
    DIM_OPTIONS_INIT(&eo);
    eo.kind = DIM_ENCODER_MLP;
    eo.channels = 32;
    eo.units = 8;
    eo.hidden[0] = 64;
    DIM_OPTIONS_INIT(&to);
    to.x = "fc";
    to.units = 16;
    assert_int_equal(dim_encoder_create(t.ctx, &eo, &enc), DIM_OK);
    assert_int_equal(dim_model_create(enc, NULL, &t.model), DIM_OK);
    dim_encoder_destroy(enc);
    assert_int_equal(dim_model_add_term(t.model, &to), DIM_OK);
    assert_int_equal(dim_tensor_create(t.ctx, DIM_F32, 2, shape, &t.x), DIM_OK);
    for (int i = 0; i < 64 * 32; i++)
        ((float *)dim_tensor_data(t.x))[i] = (float)(i * 31 % 101) / 101;
    assert_true(one_step(&t) > 0);
    in_child(train, &t);
    assert_true(one_step(&t) > 0);
    dim_model_destroy(t.model);
    dim_tensor_destroy(t.x);
    dim_context_destroy(t.ctx);
}

typedef struct loading {
    dim_context *ctx;
    dim_dataset *ds;
    dim_loader *loader;
    dim_status want;
} loading;

static int load(void *arg)
{
    loading *l = arg;
    dim_tensor *images = NULL, *mine = NULL;
    dim_loader *own;
    int bad = dim_loader_next(l->loader, &images, NULL) != l->want;
    bad += l->want != DIM_OK && strstr(dim_context_error(l->ctx), "fork") == NULL;
    dim_loader_destroy(l->loader);
    bad += dim_loader_create(l->ds, NULL, &own) != DIM_OK || dim_loader_next(own, &mine, NULL) != DIM_OK;
    dim_loader_destroy(own);
    dim_dataset_destroy(l->ds);
    dim_context_destroy(l->ctx);
    return bad;
}

static void loaders(void **state)
{
    (void)state;
    for (uint32_t no_thread = 0; no_thread < 2; no_thread++) {
        loading l = { .ctx = context_of(2), .want = no_thread ? DIM_OK : DIM_E_STATE };
        const int64_t shape[2] = { 1000, 4 };
        dim_loader_options o;
        dim_tensor *x, *images;
        DIM_OPTIONS_INIT(&o);
        o.no_thread = no_thread;
        o.workers = no_thread ? 0 : 2;
        assert_int_equal(dim_tensor_create(l.ctx, DIM_F32, 2, shape, &x), DIM_OK);
        assert_int_equal(dim_dataset_from_tensors(l.ctx, x, NULL, &l.ds), DIM_OK);
        dim_tensor_destroy(x);
        assert_int_equal(dim_loader_create(l.ds, &o, &l.loader), DIM_OK);
        assert_int_equal(dim_loader_next(l.loader, &images, NULL), DIM_OK);
        in_child(load, &l);
        assert_int_equal(dim_loader_next(l.loader, &images, NULL), DIM_OK);
        dim_loader_destroy(l.loader);
        dim_dataset_destroy(l.ds);
        dim_context_destroy(l.ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts),
        cmocka_unit_test(models),
        cmocka_unit_test(loaders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
