/* The context's inside: what every layer may use of it. */
#ifndef DIM_BASE_CONTEXT_H
#define DIM_BASE_CONTEXT_H

#include "base/strict_math.h"
#include <dim/context.h>
#include <stdatomic.h>
#include <stdbool.h>

struct dim__pool;
struct dim__kernels;

/* Two paths and a reason.  Not on the stack, which may be small. */
enum { DIM__TEXT = 8192 + 512 };

struct dim_context {
    atomic_int refs;                    /* the caller's hold and one per live object */
    dim_alloc_fn alloc;
    dim_free_fn free;
    void *alloc_user;
    size_t memory;                      /* bytes held through the hooks */
    uint64_t allocations;
    dim_log_fn log;
    void *log_user;
    uint64_t seed;
    uint64_t draws;                     /* numbers streams that are drawn outside models */
    uint32_t threads;
    dim_executor executor;
    uint32_t disabled_passes;           /* a sum of dim_pass */
    int64_t recompute_from;             /* bytes at the peak of a graph that are worth DIM_PASS_RECOMPUTE and _ORDER */
    double recompute_worth;             /* per cent of the peak that the first per cent of extra work must save */
    dim_precision precision;
    struct dim__pool *pool;             /* NULL when threads == 1 */
    const struct dim__kernels *kernels; /* chosen at creation, see kernels/kernels.h */
    void *gemm_state;                   /* of kernels/, see kernels/gemm.h */
    void (*teardown)(dim_context *ctx); /* what is above base/ ends before the context does; NULL = nothing is */
    char describe[288];
    char error[512];
    char *text;                         /* DIM__TEXT bytes in which texts are put together; NULL while the context is made */
};

/* Whether a pass over graphs is to be done.  The reference executor does none but to leave out what nobody reads. */
static inline bool dim__pass_on(const dim_context *ctx, dim_pass pass)
{
    return (ctx->disabled_passes & (uint32_t)pass) == 0 &&
           (ctx->executor != DIM_EXECUTOR_REFERENCE || pass == DIM_PASS_DEAD);
}

/* Objects hold their context: retain at creation, release as the very last act of destruction. */
dim_context *dim__context_retain(dim_context *ctx);
void dim__context_release(dim_context *ctx);

/* Memory through the context's hooks, aligned to 64 bytes, not cleared.  NULL and an error text when there is none.
 * size 0 gives a valid block.  Only from the thread that uses the context. */
void *dim__alloc(dim_context *ctx, size_t size);
/* n * size bytes of zeros; NULL when the product overflows. */
void *dim__calloc(dim_context *ctx, size_t n, size_t size);
/* Grows an array to hold `need` elements at least, doubling; keeps the contents.  DIM_E_NOMEM leaves it as it was. */
dim_status dim__grow(dim_context *ctx, void *array, int64_t *capacity, int64_t need, size_t element);
void dim__free(dim_context *ctx, void *memory);
char *dim__strdup(dim_context *ctx, const char *text);

/* Sets the context's error text and returns status, so that a failure is one statement: return dim__fail(...). */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
dim_status dim__fail(dim_context *ctx, dim_status status, const char *format, ...);

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void dim__log(dim_context *ctx, dim_log_level level, const char *format, ...);

/* For functions that forward errors. */
#define DIM__TRY(call)                      \
    do {                                    \
        dim_status try_status_ = (call);    \
        if (try_status_ != DIM_OK)          \
            return try_status_;             \
    } while (0)

/* As DIM__TRY, going to the function's one cleanup label with `status` set. */
#define DIM__TRY_OR(label, call)            \
    do {                                    \
        status = (call);                    \
        if (status != DIM_OK)               \
            goto label;                     \
    } while (0)

/* The size that a caller's struct says it has.  DIM_E_INVALID, before anything else of it is read, when that is below
 * `least` or larger than any struct there is. */
dim_status dim__struct_size(dim_context *ctx, const char *what, const void *options, size_t least, size_t *size);

/* Copies the caller's options struct of any size into ours: missing tail zero, unknown tail must be zero (ABI rule 3).
 * options NULL = all zero.  The copy's size is set to `known`. */
dim_status dim__options_copy(dim_context *ctx, const char *what, void *copy, size_t known, const void *options);

#endif
