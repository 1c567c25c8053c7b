/* How oneDNN is found, entered and left, and how long its plans are kept.  Built three times: alone, linked with libdnnl, and
 * run beside a libdnnl that is of no use (fake_onednn.c). */
#define _GNU_SOURCE /* RTLD_DEFAULT */

#include "base/cpu.h"
#include "kernels/conv.h"
#include "kernels/gemm_backend.h"
#include "kernels/onednn.h"
#include <dim/context.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static dim_context *ctx;

static int open_context(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    o.blas_threads = 1;
    return dim_context_create(&o, &ctx) == DIM_OK ? 0 : -1;
}

static int close_context(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    return 0;
}

static bool is_there(const char *file)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    bool good = library != NULL && dlsym(library, "dnnl_sgemm") != NULL;
    if (library != NULL)
        dlclose(library);
    return good;
}

/* Where a libdnnl is installed it is used. */
static void test_found(void **state)
{
    char name[32];
    bool there = is_there("libdnnl.so.2") || is_there("libdnnl.so.3");
    (void)state;
    for (int minor = 0; minor < 32 && !there; minor++) {
        snprintf(name, sizeof name, "libdnnl.so.3.%d", minor);
        there = is_there(name);
    }
    print_message("%s\n", dim_context_describe(ctx));
#if defined(DIM_HAVE_ONEDNN)
    assert_int_equal(strstr(dim_context_describe(ctx), "oneDNN") != NULL, there);
#else
    assert_null(strstr(dim_context_describe(ctx), "oneDNN"));
#endif
}

#if defined(DIM_HAVE_ONEDNN)
static dim__onednn *onednn(void) { return ((dim__gemm_state *)ctx->gemm_state)->onednn; }

/* One OpenMP thread inside, as many as before outside. */
static void test_guard(void **state)
{
    dim__onednn *d = onednn();
    dim__onednn_guard guard;
    (void)state;
    if (d == NULL || d->omp_get_threads == NULL)
        skip();
    int before = d->omp_get_threads();
    d->omp_set_threads(3);
    dim__onednn_enter(d, &guard);
    assert_int_equal(d->omp_get_threads(), 1);
    dim__onednn_leave(d, &guard);
    assert_int_equal(d->omp_get_threads(), 3);
    d->omp_set_threads(before);
}

/* Of a convolution for AVX-512, or NULL. */
static const dim__conv_plan *plan_of(int64_t side)
{
    const dim__conv_plan *plan;
    dim__conv_key k = { DIM__CONV_FORWARD, side, side, 32, 64, 3, 3, side, side, 1, 1, 1, 1, 0, 0, 0 };
    assert_int_equal(dim__conv_plan_get(ctx, &k, 64, &plan), DIM_OK);
    return plan;
}

/* A plan stays while somebody holds it; of those that nobody holds the latest stay. */
static void test_plans(void **state)
{
    enum { KEPT = 256 };
    (void)state;
    const dim__conv_plan *held = plan_of(8);
    if (held == NULL) {
        assert_true(onednn() == NULL || dim__cpu_detect() != DIM_CPU_AVX512);
        skip();
    }
    dim__plan_hold(ctx, held, 1);
    dim__plan_hold(ctx, held, 1);
    dim__plan_hold(ctx, held, -1);
    for (int64_t side = 9; side < 9 + KEPT + 20; side++) {
        assert_non_null(plan_of(side));
        dim__plans_trim(ctx);
        assert_int_equal(onednn()->n_idle, side - 8 < KEPT ? side - 8 : KEPT);
    }
    assert_ptr_equal(plan_of(8), held);
    dim__plan_hold(ctx, held, -1);
    dim__plans_trim(ctx);
    assert_int_equal(onednn()->n_idle, KEPT);
    dim__plans_forget(ctx);
    assert_int_equal(onednn()->n_idle, 0);
}

/* Shapes that are not worth a plan are remembered, and at last forgotten: here none can be made. */
static void test_useless(void **state)
{
    dim__onednn *d = onednn();
    (void)state;
    if (d == NULL)
        skip();
    dim__onednn_api none = *d->api;
    const dim__onednn_api *real = d->api;
    none.md_any = NULL; /* would crash: a shape that is remembered is not tried again */
    dim__plans_forget(ctx);
    for (int64_t side = 8; side < 8 + 300; side++) {
        dim__conv_key k = { DIM__CONV_FORWARD, side, side, 32, 64, 3, 3, side, side, 4096, 4096, 1, 1, 0, 0, 0 };
        const dim__conv_plan *plan;
        k.oh = k.ow = 7; /* which no stride of 4096 gives */
        assert_int_equal(dim__conv_plan_get(ctx, &k, 640, &plan), DIM_OK);
        assert_null(plan);
        assert_true(d->n_useless <= 256);
        d->api = &none;
        assert_int_equal(dim__conv_plan_get(ctx, &k, 640, &plan), DIM_OK);
        assert_null(plan);
        d->api = real;
    }
    assert_int_equal(d->n_useless, 256);
    dim__plans_forget(ctx);
    assert_int_equal(d->n_useless, 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
#if defined(DIM_HAVE_ONEDNN)
        cmocka_unit_test(test_guard),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_useless),
#endif
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
