/* Layers with parameters: they emit ops and declare what they need under "<prefix><name>.weight" and the like. */
#ifndef DIM_NN_SCOPE_H
#define DIM_NN_SCOPE_H

#include "graph/graph.h"
#include "ops/ops.h"
#include <dim/encoder.h>

typedef struct dim__scope { /* where layers are emitted to */
    dim__graph *g;
    dim__params *params;
    char prefix[64];      /* of parameter names, "" or ending in a dot */
    bool training;        /* batch statistics, dropout and noise; else frozen ones */
    bool differentiated;  /* a gradient may go through what is emitted: it must keep what that needs */
    dim_init init;
    dim_layer_init layer_init; /* of the weights of linear and conv, unless DEFAULT */
    uint32_t group;       /* of the optimizer, see dim__param_spec */
} dim__scope;

enum { DIM__NAME_SIZE = 128 };

/* The same scope with more prefix, "x." for instance. */
dim__scope dim__scope_in(const dim__scope *scope, const char *more);

/* Parameter "<prefix><layer>.<what>" ("<prefix><what>" for an empty layer). */
dim__vid dim__nn_param(const dim__scope *scope, const char *layer, const char *what, const dim__param_spec *spec);

/* x (rows, I) -> (rows, out), PyTorch's Linear.  map: H, W, C when the rows are flattened maps, else NULL. */
dim__vid dim__nn_linear(const dim__scope *scope, const char *name, dim__vid x, int64_t out, bool bias, const int64_t *map);

typedef struct dim__filters { /* of a convolution, besides its window */
    int64_t out;          /* channels */
    bool signal;          /* weights are exported without a height, which is 1 */
    bool bias;
} dim__filters;
/* x (N, H, W, I) -> (N, OH, OW, out), PyTorch's Conv2d, or of a signal Conv1d */
dim__vid dim__nn_conv(const dim__scope *scope, const char *name, dim__vid x, const dim__window *window, const dim__filters *k);
/* The same with as many groups as channels */
dim__vid dim__nn_depthwise(const dim__scope *scope, const char *name, dim__vid x, const dim__window *window,
                           const dim__filters *k);
/* x (N, H, W, I) -> (N, height, width, out); PyTorch's ConvTranspose2d, or of a signal ConvTranspose1d */
dim__vid dim__nn_conv_transpose(const dim__scope *scope, const char *name, dim__vid x, const dim__window *window, int64_t height,
                                int64_t width, const dim__filters *k);

/* Per channel, the last axis; PyTorch's BatchNorm: epsilon 1e-5, momentum 0.1, running variance unbiased. */
dim__vid dim__nn_batch_norm(const dim__scope *scope, const char *name, dim__vid x);
dim__vid dim__nn_layer_norm(const dim__scope *scope, const char *name, dim__vid x); /* last axis; epsilon 1e-5 */

/* x seen as (rows, last). */
dim__vid dim__nn_rows(const dim__scope *scope, dim__vid x);

#endif
