/* What the tests of probes share: a context whose memory can fail, tensors of arrays, and random numbers. */
#ifndef DIM_PROBE_TESTS_H
#define DIM_PROBE_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failing_alloc.h"
#include "eval/eval.h"
#include <dim/dim.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static failing memory;
static dim_context *ctx;

static inline int setup(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    o.blas_threads = 1; /* all on our threads, which the thread sanitizer can see into */
    o.alloc = take;
    o.free = give;
    o.alloc_user = &memory;
    return dim_context_create(&o, &ctx);
}

static inline int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    return memory.live == 0 ? 0 : -1;
}

static inline dim_tensor *wrap(dim_dtype dtype, void *x, int64_t n, int64_t d) /* d = 0: a vector */
{
    dim_tensor *t = NULL;
    const int64_t shape[2] = {n, d};
    assert_int_equal(dim_tensor_wrap(ctx, dtype, d == 0 ? 1 : 2, shape, NULL, x, NULL, NULL, &t), DIM_OK);
    return t;
}

static inline dim_tensor *load(const char *name)
{
    char path[512];
    dim_tensor *t = NULL;
    snprintf(path, sizeof path, "%s/%s", DIM_TEST_DATA, name);
    assert_int_equal(dim_tensor_load_npy(ctx, path, &t), DIM_OK);
    return t;
}

static uint32_t random_state;

static inline float uniform(void) /* [-0.5, 0.5) */
{
    random_state = random_state * 1664525u + 1013904223u;
    return (float)(random_state >> 8) / (float)(1 << 24) - 0.5f;
}

static inline float gauss(void)
{
    float sum = 0;
    for (int i = 0; i < 12; i++)
        sum += uniform();
    return sum;
}

static inline void expect(dim_status want, const char *says, dim_status got)
{
    if (got != want || strstr(dim_context_error(ctx), says) == NULL)
        fail_msg("%s: '%s', expected %s with '%s'", dim_status_name(got), dim_context_error(ctx), dim_status_name(want),
                 says);
}

#endif
