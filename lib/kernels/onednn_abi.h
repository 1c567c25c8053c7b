/* What libdim uses of oneDNN's C interface, versions 2 and 3, declared here rather than taken from its headers: a build then
 * needs none, and the library that is found at run time may be of either version.  Both are frozen: a soname keeps its ABI.
 * tests/test_onednn_abi.c compares all of this with the headers that are installed.
 *
 * oneDNN's enumerations are `unsigned` here, which is the type that C compilers give them; 0 is success. */
#ifndef DIM_KERNELS_ONEDNN_ABI_H
#define DIM_KERNELS_ONEDNN_ABI_H

#include <stddef.h>
#include <stdint.h>

struct dnnl_engine;
struct dnnl_stream;
struct dnnl_memory;
struct dnnl_primitive;
struct dnnl_primitive_desc;
struct dnnl_primitive_attr;

#if !defined(DIM__DNNL_TYPES) /* the test has oneDNN's own in their place */
/* A memory descriptor: 696 bytes of the caller's in version 2, an object of the library's in version 3.  Functions take its
 * address in both. */
typedef struct dim__md dim__md;
/* Version 2 describes an operation in memory of the caller's, before it makes a primitive of it. */
typedef void dim__dnnl2_convolution;
typedef void dim__dnnl2_matmul;

typedef struct dim__dnnl_version {
    int major, minor, patch;
    const char *hash;
    unsigned cpu_runtime, gpu_runtime;
} dim__dnnl_version;

typedef struct dim__dnnl_arg {
    int arg;
    struct dnnl_memory *memory;
} dim__dnnl_arg;
#endif

enum { DIM__DNNL2_MD_SIZE = 696, DIM__DNNL2_MD_OFFSET = 304 /* of its offset0, an int64_t */ };
enum { DIM__DNNL2_CONVOLUTION_SIZE = 5976, DIM__DNNL2_MATMUL_SIZE = 2800 };

/* In both versions the same. */
enum {
    DIM__DNNL_CPU = 1,
    DIM__DNNL_RUNTIME_SEQ = 1,
    DIM__DNNL_RUNTIME_OMP = 2,
    DIM__DNNL_BF16 = 2,
    DIM__DNNL_F32 = 3,
    DIM__DNNL_ANY = 1, /* layout */
    DIM__DNNL_FORWARD_TRAINING = 64,
    DIM__DNNL_CONVOLUTION_DIRECT = 1,
    DIM__DNNL_SCRATCHPAD_USER = 1,
    DIM__DNNL_STREAM_DEFAULT = 1,
    DIM__DNNL_QUERY_NAME = 8,
    DIM__DNNL_QUERY_WEIGHTS = 131,
    DIM__DNNL_QUERY_DIFF_WEIGHTS = 132,
    DIM__DNNL_QUERY_SCRATCHPAD = 136,
    DIM__DNNL_ARG_SRC = 1, /* and "from" */
    DIM__DNNL_ARG_DST = 17, /* and "to" */
    DIM__DNNL_ARG_WEIGHTS = 33,
    DIM__DNNL_ARG_SCRATCHPAD = 80,
    DIM__DNNL_ARG_DIFF_SRC = 129,
    DIM__DNNL_ARG_DIFF_DST = 145,
    DIM__DNNL_ARG_DIFF_WEIGHTS = 161
};
/* Only in version 3. */
enum { DIM__DNNL3_QUERY_OFFSET = 259 };

/* X(result, name without "dnnl_", parameters) */
#define DIM__DNNL_SGEMM(X)                                                                                            \
    X(const dim__dnnl_version *, version, (void))                                                                     \
    X(unsigned, sgemm, (char, char, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t, \
                        float, float *, int64_t))

/* Of both versions, but that the descriptors of memory are other things. */
#define DIM__DNNL_COMMON(X)                                                                                           \
    X(unsigned, engine_create, (struct dnnl_engine **, unsigned, size_t))                                             \
    X(unsigned, engine_destroy, (struct dnnl_engine *))                                                               \
    X(unsigned, stream_create, (struct dnnl_stream **, struct dnnl_engine *, unsigned))                               \
    X(unsigned, stream_destroy, (struct dnnl_stream *))                                                               \
    X(unsigned, memory_create, (struct dnnl_memory **, const dim__md *, struct dnnl_engine *, void *))                \
    X(unsigned, memory_destroy, (struct dnnl_memory *))                                                               \
    X(unsigned, memory_set_data_handle, (struct dnnl_memory *, void *))                                               \
    X(size_t, memory_desc_get_size, (const dim__md *))                                                                \
    X(unsigned, primitive_attr_create, (struct dnnl_primitive_attr **))                                               \
    X(unsigned, primitive_attr_destroy, (struct dnnl_primitive_attr *))                                               \
    X(unsigned, primitive_attr_set_scratchpad_mode, (struct dnnl_primitive_attr *, unsigned))                         \
    X(unsigned, primitive_desc_destroy, (struct dnnl_primitive_desc *))                                               \
    X(unsigned, primitive_desc_query, (const struct dnnl_primitive_desc *, unsigned, int, void *))                    \
    X(const dim__md *, primitive_desc_query_md, (const struct dnnl_primitive_desc *, unsigned, int))                  \
    X(unsigned, reorder_primitive_desc_create,                                                                        \
      (struct dnnl_primitive_desc **, const dim__md *, struct dnnl_engine *, const dim__md *, struct dnnl_engine *,   \
       const struct dnnl_primitive_attr *))                                                                           \
    X(unsigned, primitive_create, (struct dnnl_primitive **, const struct dnnl_primitive_desc *))                     \
    X(unsigned, primitive_destroy, (struct dnnl_primitive *))                                                         \
    X(unsigned, primitive_execute,                                                                                    \
      (const struct dnnl_primitive *, struct dnnl_stream *, int, const dim__dnnl_arg *))

#define DIM__DNNL_2(X)                                                                                                \
    X(unsigned, memory_desc_init_by_tag, (dim__md *, int, const int64_t *, unsigned, unsigned))                       \
    X(unsigned, memory_desc_init_by_strides, (dim__md *, int, const int64_t *, unsigned, const int64_t *))            \
    X(unsigned, memory_desc_init_submemory, (dim__md *, const dim__md *, const int64_t *, const int64_t *))           \
    X(unsigned, convolution_forward_desc_init,                                                                        \
      (dim__dnnl2_convolution *, unsigned, unsigned, const dim__md *, const dim__md *, const dim__md *,               \
       const dim__md *, const int64_t *, const int64_t *, const int64_t *))                                           \
    X(unsigned, convolution_backward_data_desc_init,                                                                  \
      (dim__dnnl2_convolution *, unsigned, const dim__md *, const dim__md *, const dim__md *, const int64_t *,        \
       const int64_t *, const int64_t *))                                                                             \
    X(unsigned, convolution_backward_weights_desc_init,                                                               \
      (dim__dnnl2_convolution *, unsigned, const dim__md *, const dim__md *, const dim__md *, const dim__md *,        \
       const int64_t *, const int64_t *, const int64_t *))                                                            \
    X(unsigned, matmul_desc_init,                                                                                     \
      (dim__dnnl2_matmul *, const dim__md *, const dim__md *, const dim__md *, const dim__md *))                      \
    X(unsigned, primitive_desc_create,                                                                                \
      (struct dnnl_primitive_desc **, const void *, const struct dnnl_primitive_attr *, struct dnnl_engine *,         \
       const struct dnnl_primitive_desc *))

#define DIM__DNNL_3(X)                                                                                                \
    X(unsigned, memory_desc_create_with_tag, (dim__md **, int, const int64_t *, unsigned, unsigned))                  \
    X(unsigned, memory_desc_create_with_strides, (dim__md **, int, const int64_t *, unsigned, const int64_t *))       \
    X(unsigned, memory_desc_create_submemory, (dim__md **, const dim__md *, const int64_t *, const int64_t *))        \
    X(unsigned, memory_desc_destroy, (dim__md *))                                                                     \
    X(unsigned, memory_desc_query, (const dim__md *, unsigned, void *))                                               \
    X(unsigned, convolution_forward_primitive_desc_create,                                                            \
      (struct dnnl_primitive_desc **, struct dnnl_engine *, unsigned, unsigned, const dim__md *, const dim__md *,     \
       const dim__md *, const dim__md *, const int64_t *, const int64_t *, const int64_t *, const int64_t *,          \
       const struct dnnl_primitive_attr *))                                                                           \
    X(unsigned, convolution_backward_data_primitive_desc_create,                                                      \
      (struct dnnl_primitive_desc **, struct dnnl_engine *, unsigned, const dim__md *, const dim__md *,               \
       const dim__md *, const int64_t *, const int64_t *, const int64_t *, const int64_t *,                           \
       const struct dnnl_primitive_desc *, const struct dnnl_primitive_attr *))                                       \
    X(unsigned, convolution_backward_weights_primitive_desc_create,                                                   \
      (struct dnnl_primitive_desc **, struct dnnl_engine *, unsigned, const dim__md *, const dim__md *,               \
       const dim__md *, const dim__md *, const int64_t *, const int64_t *, const int64_t *, const int64_t *,          \
       const struct dnnl_primitive_desc *, const struct dnnl_primitive_attr *))                                       \
    X(unsigned, matmul_primitive_desc_create,                                                                         \
      (struct dnnl_primitive_desc **, struct dnnl_engine *, const dim__md *, const dim__md *, const dim__md *,        \
       const dim__md *, const struct dnnl_primitive_attr *))

#define DIM__DNNL_POINTER(result, name, parameters) result(*name) parameters;
typedef struct dim__dnnl_sgemm { DIM__DNNL_SGEMM(DIM__DNNL_POINTER) } dim__dnnl_sgemm;
typedef struct dim__dnnl_common { DIM__DNNL_COMMON(DIM__DNNL_POINTER) } dim__dnnl_common;
typedef struct dim__dnnl_2 { DIM__DNNL_2(DIM__DNNL_POINTER) } dim__dnnl_2;
typedef struct dim__dnnl_3 { DIM__DNNL_3(DIM__DNNL_POINTER) } dim__dnnl_3;
#undef DIM__DNNL_POINTER

#endif
