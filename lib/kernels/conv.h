/* Convolutions by an accelerator, where one is there and is faster than products with a patch matrix (ops/conv.h). */
#ifndef DIM_KERNELS_CONV_H
#define DIM_KERNELS_CONV_H

#include "base/context.h"

typedef enum dim__conv_pass {
    DIM__CONV_FORWARD, /* y from x */
    DIM__CONV_DX,      /* dx from dy */
    DIM__CONV_DW       /* dw from x and dy; in bf16 only */
} dim__conv_pass;

typedef struct dim__conv_key { /* only int64_t, so that memory compares */
    int64_t pass;
    int64_t h, w, i;       /* input, NHWC */
    int64_t o, kh, kw;     /* weights, OHWI */
    int64_t oh, ow;        /* output, NHWC */
    int64_t stride_h, stride_w, pad_h, pad_w;
    int64_t bf16;          /* operands in bf16 with sums in f32: native only, else there is no plan */
    int64_t bf16_out;      /* the result, too; never of DW */
    int64_t images;        /* of DW, which sums over them; else 0 */
} dim__conv_key;

/* A convolution of one image, prepared; owned by the context and the same for the same key.  Batches go through it image
 * by image, so results depend neither on the batch nor on the threads; but each thread sums dw over its images at once. */
typedef struct dim__conv_plan dim__conv_plan;

/* *out is NULL where the accelerator is not there or would be slower for `images` of them. */
dim_status dim__conv_plan_get(dim_context *ctx, const dim__conv_key *key, int64_t images, const dim__conv_plan **out);
size_t dim__conv_plan_workspace(const dim_context *ctx, const dim__conv_plan *plan);
/* What is to be done with each image of a result as soon as it is written, on the thread that wrote it.  Where there are
 * `rooms`, one image each for every thread, the result is written there and nowhere else. */
typedef struct dim__conv_after {
    void (*fn)(void *arg, int64_t image, int thread);
    void *arg;
    void *rooms; /* or NULL */
} dim__conv_after;

/* FORWARD: x, weights -> y.  DX: dy, weights -> dx.  DW: x, dy -> dw, without `after`, which may be NULL elsewhere, too.  False
 * when the accelerator has no memory: the result is to be computed otherwise. */
bool dim__conv_plan_run(dim_context *ctx, const dim__conv_plan *plan, int64_t images, const void *in,
                        const void *weights, void *out, void *workspace, const dim__conv_after *after);

#endif
