/**
 * @file context.h
 * @brief The context: allocator, log, threads, seed and last error of everything made from it.
 *
 * Every other object is created from a context and keeps it alive: a context that is destroyed while objects of it
 * exist is released with the last of them.  Contexts are independent of each other.  One context and its objects may
 * be used by one thread at a time; different contexts may be used by different threads at the same time.
 *
 * The rules that hold for all functions are in dim.h.
 */
#ifndef DIM_CONTEXT_H
#define DIM_CONTEXT_H

#include <dim/status.h>

DIM_BEGIN_DECLS

#define DIM_VERSION_MAJOR 0 /**< Version of these headers. */
#define DIM_VERSION_MINOR 1 /**< See DIM_VERSION_MAJOR. */
#define DIM_VERSION_PATCH 0 /**< See DIM_VERSION_MAJOR; dim_version() gives the version of the library in use. */

/** Opaque context. */
typedef struct dim_context dim_context;

/** Severity of a log message. */
typedef enum dim_log_level {
    DIM_LOG_INFO = 0,    /**< what is going on */
    DIM_LOG_WARNING = 1, /**< something that the caller should know, though the call goes on */
    DIM_LOG_LEVEL_FORCE_INT = 0x7fffffff
} dim_log_level;

/** Who multiplies matrices. */
typedef enum dim_gemm {
    DIM_GEMM_AUTO = 0,      /**< oneDNN where it is installed, but not for products at which OpenBLAS is faster;
                                 else the CBLAS */
    DIM_GEMM_BLAS = 1,      /**< the CBLAS that libdim is linked with */
    DIM_GEMM_ONEDNN = 2,    /**< oneDNN; DIM_E_UNSUPPORTED where its library is missing or the build leaves it out */
    DIM_GEMM_REFERENCE = 3, /**< plain C loops with double accumulation: slow, for checking */
    DIM_GEMM_FORCE_INT = 0x7fffffff
} dim_gemm;

/** Highest instruction set that libdim's own kernels may use; never more than the processor has. */
typedef enum dim_cpu_level {
    DIM_CPU_AUTO = 0,      /**< the best of this processor */
    DIM_CPU_BASELINE = 1,  /**< what the library was compiled for */
    DIM_CPU_AVX2 = 2,      /**< AVX2 and FMA */
    DIM_CPU_AVX512 = 3,    /**< AVX-512 F, BW, DQ, VL */
    DIM_CPU_REFERENCE = 4, /**< plain C loops with double accumulation: slow, for checking */
    DIM_CPU_LEVEL_FORCE_INT = 0x7fffffff
} dim_cpu_level;

/** How a compiled graph is executed. */
typedef enum dim_executor {
    DIM_EXECUTOR_PLANNED = 0,   /**< every buffer in one arena, shared by lifetime */
    DIM_EXECUTOR_REFERENCE = 1, /**< every value in a buffer of its own: the oracle of the planned one */
    DIM_EXECUTOR_FORCE_INT = 0x7fffffff
} dim_executor;

/** The number format in which activations are stored and multiplied. */
typedef enum dim_precision {
    DIM_PRECISION_F32 = 0,  /**< everything in single precision */
    /**
     * Activations, their gradients and the operands of matrix products and convolutions in bf16 (8 bits of mantissa),
     * where they are large enough to matter.  Sums, statistics, losses, scores, gradients of parameters, parameters and
     * what the caller sees stay in single precision, as does all that a stand-alone estimator or prior computes.
     * Inputs whose mean is hundreds of times their spread lose the spread: centre them.  Fast where the processor
     * multiplies bf16 (AVX512_BF16, AMX) and oneDNN is installed; correct, but slower than F32, elsewhere.
     */
    DIM_PRECISION_BF16 = 1,
    DIM_PRECISION_FORCE_INT = 0x7fffffff
} dim_precision;

/**
 * Passes that improve a compiled program, as bits of dim_context_options.disabled_passes.  Each can be left out, to
 * measure what it brings or to search for a fault.  Results stay the same, except for rounding where a pass says so.
 */
typedef enum dim_pass {
    /** Activations, biases and statistics of a batch norm become part of the op before them, and max pooling goes before
     * a batch norm.  Rounding may differ: two maxima that rounding made equal may differ now, and where a batch norm
     * takes a bias out again, the gradient of the bias is exactly zero instead of a rounding error. */
    DIM_PASS_FUSE = 1,
    DIM_PASS_DEAD = 2,    /**< values that nobody reads are not computed */
    DIM_PASS_INPLACE = 4, /**< results overwrite operands that are not needed any more */
    DIM_PASS_STREAM = 8,  /**< scores of large batches are made in blocks, see score_memory; rounding may differ */
    /** where memory is at its peak, the gradient computes values again that are cheaper to compute than to keep */
    DIM_PASS_RECOMPUTE = 16,
    DIM_PASS_ORDER = 32,  /**< losses and gradient are computed in orders that keep fewer bytes alive at once */
    DIM_PASS_ACCUMULATE = 64, /**< products are added to the other term of a sum as they are made; rounding may differ */
    DIM_PASS_FORCE_INT = 0x7fffffff
} dim_pass;

/**
 * @brief Allocates `size` bytes aligned to `align` (a power of two, at least 16).
 * @return NULL when there is no memory; libdim then fails with DIM_E_NOMEM and stays usable.
 */
typedef void *(*dim_alloc_fn)(void *user, size_t size, size_t align);
/** Releases what the matching dim_alloc_fn returned; `size` is what was asked for.  Never called with NULL. */
typedef void (*dim_free_fn)(void *user, void *memory, size_t size);
/** Receives one message without a newline, from inside a call that the caller made. */
typedef void (*dim_log_fn)(void *user, dim_log_level level, const char *message);

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_context_options {
    size_t size;            /**< set by DIM_OPTIONS_INIT */
    uint64_t seed;          /**< of initial weights, noise and permutations */
    uint32_t threads;       /**< that work on one call, the caller's included; 0 = one per processor, at most 256 */
    /**
     * Threads of the CBLAS.  0 leaves the process's setting alone: a CBLAS with several threads then threads each
     * product itself.  N > 0 sets N for the whole process, where the CBLAS can be told (OpenBLAS; BLIS is told per
     * call). With 1, libdim splits the work over its own threads, which is usually the fastest.
     */
    uint32_t blas_threads;
    dim_gemm gemm;          /**< who multiplies matrices */
    dim_cpu_level cpu;      /**< cap on the instruction set of libdim's own kernels */
    dim_executor executor;  /**< planned by default */
    uint32_t reserved0;     /**< must be 0; keeps the struct unpadded */
    dim_alloc_fn alloc;     /**< with `free`, or both NULL for the C library's */
    dim_free_fn free;       /**< see alloc */
    void *alloc_user;       /**< passed to alloc and free */
    dim_log_fn log;         /**< NULL = silent; libdim never prints */
    void *log_user;         /**< passed to log */
    uint32_t disabled_passes; /**< a sum of dim_pass: passes to leave out; 0 = none */
    dim_precision precision;  /**< single by default */
} dim_context_options;

/**
 * @brief Creates a context.
 * @param options NULL = defaults; copied
 * @param out     set only on DIM_OK; release with dim_context_destroy()
 * @return DIM_E_INVALID (out is NULL, or a bad option), DIM_E_NOMEM, DIM_E_SYSTEM (no threads), DIM_E_UNSUPPORTED (a
 *         backend that this build lacks).  A failure leaves no context to hold an error text, so options.log, if it is
 *         given and options.size is right, gets the text as a warning.
 *
 * Starts threads - 1 threads, which sleep between calls.  Thread-safe.
 */
DIM_API dim_status dim_context_create(const dim_context_options *options, dim_context **out);

/** @brief Gives up the caller's hold of a context; NULL is ignored. */
DIM_API void dim_context_destroy(dim_context *ctx);

/**
 * @brief What the last failing call of this context, or of an object of it, had to say.
 *
 * It names the argument and the values that clash; a control character in a name, or a byte that is not UTF-8, is shown as
 * \\x1b or the like.  Empty when nothing has failed yet; a call that succeeds does not
 * change it.
 * @return text owned by the context, valid until the next failing call; "" for NULL.
 */
DIM_API const char *dim_context_error(const dim_context *ctx);

/**
 * @brief One line on what the context computes with, for logs: version, instruction set, what multiplies matrices,
 * threads, passes left out or the reference executor, bf16.
 * @return text owned by the context, valid as long as it; "" for NULL.
 */
DIM_API const char *dim_context_describe(const dim_context *ctx);

/**
 * @brief Bytes that the context and its objects hold through the allocator now; 0 for NULL.
 *
 * Memory that a BLAS or oneDNN takes for itself is not counted.
 */
DIM_API size_t dim_context_memory(const dim_context *ctx);

/**
 * @brief Allocations made through the allocator so far; steady-state steps add none.  0 for NULL.
 */
DIM_API uint64_t dim_context_allocations(const dim_context *ctx);

/** @brief Name of a precision, such as "bf16"; NULL for a number that is not one.  Values count from 0 without gaps. */
DIM_API const char *dim_precision_name(dim_precision precision);

/** @brief Version of the library in use, such as "0.1.0"; a static string.  Thread-safe. */
DIM_API const char *dim_version(void);

DIM_END_DECLS

#endif
