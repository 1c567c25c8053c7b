/* What the tests of losses on features share: a context that counts its memory, tensors, expectations. */
#ifndef DIM_TESTS_LOSS_TESTS_H
#define DIM_TESTS_LOSS_TESTS_H

#include <dim/estimator.h>
#include <dim/prior.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static long alloc_left = -1; /* allocations until failure; -1 = no limit */
static long live;

static inline void *counting_alloc(void *user, size_t size, size_t align)
{
    void *p;
    (void)user;
    if (alloc_left == 0 || size > (size_t)1 << 32)
        return NULL;
    if (alloc_left > 0)
        alloc_left--;
    if (posix_memalign(&p, align, size) != 0)
        return NULL;
    live++;
    return p;
}

static inline void counting_free(void *user, void *p, size_t size)
{
    (void)user;
    (void)size;
    live--;
    free(p);
}

static inline dim_context *context(uint32_t threads, dim_cpu_level cpu)
{
    dim_context_options o;
    dim_context *ctx = NULL;
    live = 0; /* one context at a time; a test that failed may have left something */
    alloc_left = -1;
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    o.blas_threads = 1;
    o.cpu = cpu;
    o.alloc = counting_alloc;
    o.free = counting_free;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    return ctx;
}

static inline dim_tensor *tensor(dim_context *ctx, int rank, const int64_t *dim, const float *data)
{
    dim_tensor *t = NULL;
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, rank, dim, &t), DIM_OK);
    if (data != NULL)
        memcpy(dim_tensor_data(t), data, (size_t)dim_tensor_count(t) * sizeof *data);
    return t;
}

/* A tensor whose axes lie in memory the other way round, filled with the same elements. */
static inline dim_tensor *reversed(dim_context *ctx, const dim_tensor *t)
{
    int64_t dim[DIM_MAX_RANK];
    int order[DIM_MAX_RANK], rank = dim_tensor_rank(t);
    dim_tensor *base, *view;
    for (int i = 0; i < rank; i++) {
        order[i] = rank - 1 - i;
        dim[i] = dim_tensor_size(t, rank - 1 - i);
    }
    base = tensor(ctx, rank, dim, NULL);
    assert_int_equal(dim_tensor_permute(base, order, &view), DIM_OK);
    dim_tensor_destroy(base);
    assert_int_equal(dim_tensor_copy(view, t), DIM_OK);
    return view;
}

static inline void expect(dim_context *ctx, dim_status status, dim_status want, const char *text)
{
    if (status != want || strstr(dim_context_error(ctx), text) == NULL)
        print_error("%s: %s, wanted %s and \"%s\"\n", dim_status_name(status), dim_context_error(ctx),
                    dim_status_name(want), text);
    assert_int_equal(status, want);
    assert_non_null(strstr(dim_context_error(ctx), text));
}

#endif
