/* What the tests of tensors, NPY and datasets share: a context with an allocator that counts and fails on request, a
 * folder of its own, and files made of bytes. */
#ifndef DIM_DATA_TESTS_H
#define DIM_DATA_TESTS_H

#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "file_tests.h"
#include <dim/context.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct failing_memory {
    long calls, fail_at, live; /* fails at its fail_at-th call; 0 = never */
    size_t largest;            /* request so far */
} failing_memory;

static void *failing_take(void *user, size_t size, size_t align)
{
    failing_memory *m = user;
    if (size > m->largest)
        m->largest = size;
    if (++m->calls == m->fail_at || size > (size_t)1 << 40)
        return NULL;
    m->live++;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void failing_give(void *user, void *memory, size_t size)
{
    (void)size;
    ((failing_memory *)user)->live--;
    free(memory);
}

static inline dim_context *test_context(failing_memory *m)
{
    dim_context_options o;
    dim_context *ctx = NULL;
    DIM_OPTIONS_INIT(&o);
    memset(m, 0, sizeof *m);
    o.threads = 1;
    o.seed = 7;
    o.alloc = failing_take;
    o.free = failing_give;
    o.alloc_user = m;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    return ctx;
}

/* The status, and that the error text has these parts. */
static inline void assert_fails_with(dim_context *ctx, dim_status got, dim_status want, const char *part, const char *part2)
{
    if (got != want)
        print_message("status %d: %s\n", (int)got, dim_context_error(ctx));
    assert_int_equal(got, want);
    if ((part != NULL && strstr(dim_context_error(ctx), part) == NULL) ||
        (part2 != NULL && strstr(dim_context_error(ctx), part2) == NULL)) {
        print_message("\"%s\" lacks \"%s\" or \"%s\"\n", dim_context_error(ctx), part != NULL ? part : "",
                      part2 != NULL ? part2 : "");
        fail();
    }
}

/* Runs `create` with each of its allocations failing in turn, until one run needs no more.  create returns its status and
 * has released everything it made. */
static inline void fail_each_allocation(dim_context *ctx, failing_memory *m, dim_status (*create)(dim_context *))
{
    size_t before = dim_context_memory(ctx);
    long live = m->live;
    dim_status status = DIM_E_NOMEM;
    for (long n = 1; status != DIM_OK; n++) {
        m->calls = 0;
        m->fail_at = n;
        status = create(ctx);
        m->fail_at = 0;
        if (status != DIM_OK)
            assert_int_equal(status, DIM_E_NOMEM);
        else
            assert_true(n > 1 && m->calls < n); /* it did allocate, and nothing that failed went unnoticed */
        assert_int_equal(dim_context_memory(ctx), before);
        assert_int_equal(m->live, live);
        assert_true(n < 1000);
    }
}

#endif
