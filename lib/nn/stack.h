/* A stack of layers, checked as it grows: what a builder makes and an encoder emits. */
#ifndef DIM_NN_STACK_H
#define DIM_NN_STACK_H

#include "nn/net.h"

enum { DIM__TAP_SIZE = 32 };

typedef struct dim__layer_def dim__layer_def; /* nn/layers/layer.h */

typedef struct dim__layer {
    const dim__layer_def *def;
    dim_layer_options o;      /* checked, defaults filled in; its strings are below */
    char name[DIM__TAP_SIZE]; /* of parameters */
    char tap[DIM__TAP_SIZE];  /* "" = unnamed */
    int64_t input;            /* layer that it reads; -1 = the encoder's input */
    int64_t from;             /* second layer that it reads; -2 = none */
    int64_t out[3];           /* see dim__is_map() */
    dim__window window;       /* of layers that have one: what the options come to */
} dim__layer;

typedef struct dim__stack {
    dim_context *ctx;
    int64_t input[3];         /* see dim__is_map() */
    dim__layer *layers;
    int64_t count, capacity;
} dim__stack;

dim_status dim__stack_add(dim__stack *s, const dim_layer_options *layer);
dim_status dim__stack_copy(const dim__stack *s, dim__stack *out);
void dim__stack_free(dim__stack *s);

/* Names end up in files and reports: letters, digits, '_', '-' and, where `dots`, '.'.  `what` begins the text. */
dim_status dim__check_name(dim_context *ctx, const char *what, const char *name, bool dots);
/* Widths whose first zero ends the list. */
dim_status dim__check_hidden(dim_context *ctx, const char *what, const uint32_t hidden[DIM_MAX_HIDDEN]);

/* Layer whose output has that tap name: -1 for "input", -2 when there is none. */
int64_t dim__stack_tap(const dim__stack *s, const char *tap);
const int64_t *dim__stack_shape(const dim__stack *s, int64_t layer); /* C, H, W */

/* Shapes of a sample are C, H, W.  A signal has H = 0 and is a map of one row, whose windows are of one row, too.  A vector
 * has H = W = 0. */
static inline bool dim__is_map(const int64_t shape[3]) { return shape[2] > 0; }
static inline bool dim__is_signal(const int64_t shape[3]) { return shape[1] == 0 && shape[2] > 0; }
static inline int64_t dim__map_height(const int64_t shape[3]) { return shape[1] > 0 ? shape[1] : 1; }
static inline int64_t dim__map_width(const int64_t shape[3]) { return shape[2] > 0 ? shape[2] : 1; } /* 1 of a vector */
static inline int64_t dim__sample_size(const int64_t shape[3])
{
    return shape[0] * dim__map_height(shape) * dim__map_width(shape);
}

/* Emits layers first .. last; out[i] is layer i's value, x what layer first - 1 (the input, for 0) gave.  Layers that no
 * one needs cost nothing: they are removed as dead.  With units > 0 the last linear layer of the range gets that width, and
 * only the layers that lead to the last one are emitted. */
void dim__stack_emit(const dim__stack *s, const dim__net *net, dim__vid x, int64_t first, int64_t last, int64_t units,
                     dim__vid *out);

#endif
