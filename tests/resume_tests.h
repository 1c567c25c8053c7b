/* What tests of training that goes on share: worlds that must open. */
#ifndef DIM_TESTS_RESUME_TESTS_H
#define DIM_TESTS_RESUME_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resume_world.h"

static inline void ok(const world *w, dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(w->ctx));
}

static inline world opened(const plan *p)
{
    world w = { .ctx = NULL };
    ok(&w, world_open(&w, p));
    return w;
}

#endif
