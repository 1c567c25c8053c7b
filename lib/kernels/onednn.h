/* oneDNN's primitives, found at run time: what convolutions and products in bf16 share.  As for its sgemm
 * (gemm_onednn.c) every call is made with one OpenMP thread from each of ours. */
#ifndef DIM_KERNELS_ONEDNN_H
#define DIM_KERNELS_ONEDNN_H

#include "kernels/gemm_backend.h"

#if defined(DIM_HAVE_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#endif

#if defined(DIM_HAVE_ONEDNN) && DNNL_VERSION_MAJOR == 2
#define DIM__ONEDNN_PRIMITIVES 1

#define DIM__ONEDNN_FUNCTIONS(X)                                                                                     \
    X(engine_create) X(engine_destroy) X(stream_create) X(stream_destroy) X(memory_create) X(memory_destroy)         \
    X(memory_set_data_handle) X(memory_desc_init_by_tag) X(memory_desc_init_by_strides) X(memory_desc_get_size)      \
    X(memory_desc_init_submemory) X(convolution_forward_desc_init) X(convolution_backward_data_desc_init)            \
    X(convolution_backward_weights_desc_init) X(matmul_desc_init)                                                    \
    X(primitive_desc_create) X(primitive_desc_destroy) X(primitive_desc_query) X(primitive_desc_query_md)            \
    X(primitive_attr_create) X(primitive_attr_destroy) X(primitive_attr_set_scratchpad_mode)                         \
    X(reorder_primitive_desc_create) X(primitive_create) X(primitive_destroy) X(primitive_execute)

typedef struct dim__plan_head { /* what plans of both kinds begin with */
    int64_t holds;
    bool conv;
} dim__plan_head;

/* Plans that are kept for their next use, some 100 KB each; and shapes that are remembered as not worth one. */
enum { DIM__KEEP_PLANS = 256 };

typedef struct dim__onednn {
#define X(name) __typeof__(dnnl_##name) *name;
    DIM__ONEDNN_FUNCTIONS(X)
#undef X
    dnnl_engine_t engine;
    struct dim__conv_plan *convs;
    struct dim__product_plan *products;
    int64_t n_plans, n_useless;   /* of both kinds; of convolutions without one */
} dim__onednn;

/* The context's; *out is NULL where the library lacks something. */
dim_status dim__onednn_of(dim_context *ctx, dim__onednn **out);

/* A memory object whose address is set when it is used. */
bool dim__onednn_memory(const dim__onednn *d, dnnl_memory_t *out, const dnnl_memory_desc_t *desc);

/* Whether a primitive is one of those that were measured to win: generated for AVX-512, not a plain loop or a sgemm. */
bool dim__onednn_is_fast(const dim__onednn *d, const_dnnl_primitive_desc_t desc);

/* Attributes of primitives whose scratch memory is ours. */
bool dim__onednn_attr(const dim__onednn *d, dnnl_primitive_attr_t *out);

static inline size_t dim__onednn_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Releases one. */
void dim__conv_plan_drop(dim_context *ctx, dim__onednn *d, struct dim__conv_plan *plan);
void dim__product_plan_drop(dim_context *ctx, dim__onednn *d, struct dim__product_plan *plan);

void dim__conv_plans_free(dim_context *ctx, dim__onednn *d);
void dim__product_plans_free(dim_context *ctx, dim__onednn *d);
#endif

#endif
