/* What the benchmarks that are programs of one file share. */
#ifndef DIM_TESTS_BENCH_TOOLS_H
#define DIM_TESTS_BENCH_TOOLS_H

#include <dim/dim.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Ends the program with the context's error unless the call succeeded. */
static inline void check(const dim_context *ctx, dim_status status)
{
    if (status == DIM_OK)
        return;
    fprintf(stderr, "%s: %s\n", dim_status_name(status), dim_context_error(ctx));
    exit(1);
}

#endif
