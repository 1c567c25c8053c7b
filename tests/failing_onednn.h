/* For tests of what happens when oneDNN has no memory: its executions fail after the first few. */
#ifndef DIM_TESTS_FAILING_ONEDNN_H
#define DIM_TESTS_FAILING_ONEDNN_H

#include "kernels/gemm_backend.h"
#include "kernels/onednn.h"

#if defined(DIM_HAVE_ONEDNN)
#include <stdatomic.h>

static unsigned (*execute_really)(const struct dnnl_primitive *, struct dnnl_stream *, int, const dim__dnnl_arg *);
static atomic_int executions_left;

static inline unsigned execute_or_fail(const struct dnnl_primitive *primitive, struct dnnl_stream *stream, int n,
                                       const dim__dnnl_arg *args)
{
    return atomic_fetch_sub(&executions_left, 1) > 0 ? execute_really(primitive, stream, n, args) : 1;
}

/* Of this context, if it has one. */
static inline void fail_onednn(dim_context *ctx, int after)
{
    dim__onednn *d = ((dim__gemm_state *)ctx->gemm_state)->onednn;
    if (d == NULL)
        return;
    if (d->call.primitive_execute != execute_or_fail)
        execute_really = d->call.primitive_execute;
    d->call.primitive_execute = execute_or_fail;
    atomic_store(&executions_left, after);
}
#else
static inline void fail_onednn(dim_context *ctx, int after)
{
    (void)ctx;
    (void)after;
}
#endif

#endif
