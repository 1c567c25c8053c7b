/* The constants of a node: what its op was emitted with besides inputs, and what passes note.
 *
 * Each op has one member of the union; its descriptor says which by its size (attr_size), and members are shared by ops of
 * one family.  Attributes are plain data: nodes are copied with them, and passes/recompute.c compares them as memory.  So a
 * member holds nothing but int64_t and double, or other structs without padding. */
#ifndef DIM_GRAPH_ATTR_H
#define DIM_GRAPH_ATTR_H

#include <dim/estimator.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { DIM__MAX_DIMS = 5 };

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

typedef struct dim__attr_conv { /* conv2d, conv2d_moments, conv2d_transpose, depthwise and their gradients */
    int64_t stride_h, stride_w;
    int64_t pad_h, pad_w;
    int64_t dilation_h, dilation_w; /* 1 = none */
    int64_t height, width;          /* of the result, where the inputs do not say it: conv2d_dx, conv2d_transpose; of the
                                     * kernel: conv2d_dw; depthwise_dx and _dw likewise */
    int64_t centred;                /* 1: only a batch norm reads the result, so that the gradient of the bias is zero */
    double eps;                     /* of frozen batch norm, or of the moments */
} dim__attr_conv;

typedef struct dim__attr_pool { /* max_pool, avg_pool and their gradients; occlude, which has the kernel alone */
    int64_t kernel_h, kernel_w;
    int64_t stride_h, stride_w;
    int64_t pad_h, pad_w;
    int64_t height, width;          /* of the result: avg_pool_grad */
} dim__attr_pool;

typedef struct dim__attr_norm { /* batch_norm, channel_affine, layer_norm and their gradients */
    double eps;
    int64_t rows;                   /* batch_norm_pooled_grad: of the map that was pooled */
    dim__attr_pool windows;         /* batch_norm_again: by which its input was pooled */
} dim__attr_norm;

typedef struct dim__attr_matmul {
    int64_t trans_a, trans_b;       /* 1: transposed */
} dim__attr_matmul;

typedef struct dim__attr_affine { /* scale x + shift */
    double scale, shift;
} dim__attr_affine;

typedef struct dim__attr_pad { /* pad2d */
    int64_t pad_h, pad_w;           /* pixels above and below, left and right */
    int64_t reflect;                /* 1: the mirrored image, 0: zeros */
} dim__attr_pad;

typedef struct dim__attr_upsample {
    int64_t factor_h, factor_w;
} dim__attr_upsample;

typedef struct dim__attr_shape { /* reshape, noise_normal, noise_uniform, fill_from: of the result */
    int64_t rank;
    int64_t d[DIM__MAX_DIMS];
    double scale;                   /* fill_from */
} dim__attr_shape;

typedef struct dim__attr_slice { /* slice, slice_grad: of the last axis */
    int64_t start, n;
    int64_t whole;                  /* slice_grad: size of the axis that was sliced */
} dim__attr_slice;

typedef struct dim__attr_view { /* view_rows, view_rows_grad, view_rows_add */
    int64_t view, views;            /* which, of how many */
} dim__attr_view;

typedef struct dim__attr_draw { /* derangement, random_location */
    int64_t n;
    int64_t locations;              /* random_location: of each of the n samples */
    int64_t times;                  /* random_location: draws for each sample */
} dim__attr_draw;

typedef struct dim__attr_crops { /* crop_rows */
    int64_t n, height, width;       /* of the maps that are cut */
    int64_t kernel_h, kernel_w;
    int64_t stride_h, stride_w;
} dim__attr_crops;

typedef struct dim__attr_place { /* place */
    int64_t rows;                   /* locations of all samples */
    int64_t height, width;
    int64_t axis;                   /* 0: along the height, 1: along the width */
} dim__attr_place;

typedef struct dim__attr_update { /* state_update: (1 - rate) state + rate factor value */
    double rate, factor;
} dim__attr_update;

typedef struct dim__attr_scores { /* the estimators' ops and nce_scores */
    int64_t samples;                /* 0 where positives and negatives are inputs of their own */
    int64_t wants[2];               /* *_grad of features y and x: whether their gradients are wanted */
    dim_estimator_options options;  /* checked, defaults filled in */
} dim__attr_scores;

#pragma GCC diagnostic pop

typedef struct dim__attr {
    union {
        dim__attr_conv conv;
        dim__attr_pool pool;
        dim__attr_norm norm;
        dim__attr_matmul matmul;
        dim__attr_affine affine;
        dim__attr_pad pad;
        dim__attr_upsample upsample;
        dim__attr_shape shape;
        dim__attr_slice slice;
        dim__attr_view view;
        dim__attr_draw draw;
        dim__attr_crops crops;
        dim__attr_place place;
        dim__attr_update update;
        dim__attr_scores scores;
        double slope;               /* leaky_relu: below zero */
        double rate;                /* dropout */
        double scale;               /* sum_all, sum_mid, kl_normal: of the sum */
        int64_t times;              /* broadcast_mid */
        int64_t rows;               /* scatter_add: of the result */
        int64_t type;               /* cast: dim_dtype of the result */
    };
    /* What any op may have. */
    struct {
        bool on;                    /* a (leaky) ReLU is applied to output 0: passes/fuse.c, of ops with DIM__OP_ACTIVATES */
        double slope;               /* below zero; 0 = a ReLU */
    } activation;
    uint64_t stream;                /* of random numbers: its number + 1; 0 = the node gets one of its own */
    int64_t views;                  /* with it, where several ranks draw for one batch: views that the numbers are for; else 0 */
    const void *plan;               /* of an accelerator, or NULL: set by infer of ops with DIM__OP_PRODUCT */
} dim__attr;

/* For a descriptor: bytes of its member of the union. */
#define DIM__ATTR_SIZE(member) sizeof((dim__attr *)0)->member

/* Whether two nodes of one op, whose attr_size is `size`, have the same constants.  What of the union lies beyond its member
 * is not looked at: nothing sets it. */
static inline bool dim__attr_equal(const dim__attr *a, const dim__attr *b, size_t size)
{
    return memcmp(a, b, size) == 0 && a->activation.on == b->activation.on &&
           a->activation.slope == b->activation.slope && a->stream == b->stream && a->views == b->views &&
           a->plan == b->plan;
}

#endif
