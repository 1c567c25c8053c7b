/* A stack of layers, checked as it grows: what a builder makes and an encoder emits. */
#ifndef DIM_NN_STACK_H
#define DIM_NN_STACK_H

#include "base/fields.h"
#include "nn/scope.h"

enum { DIM__TAP_SIZE = 32 };

/* What a layer reads has a number: layers count from 0, the inputs down from -1. */
#define DIM__LAYER_INPUT(k) (-1 - (int64_t)(k))
enum { DIM__LAYER_NONE = -1 - DIM_MAX_INPUTS };

typedef struct dim__layer_def dim__layer_def; /* nn/layers/layer.h */

typedef struct dim__layer {
    const dim__layer_def *def;
    dim_layer_options o;      /* checked, defaults filled in; its strings are below */
    char name[DIM__TAP_SIZE]; /* of parameters */
    char tap[DIM__TAP_SIZE];  /* "" = unnamed */
    int64_t input;            /* layer or input that it reads */
    int64_t from;             /* the second one, or DIM__LAYER_NONE */
    int64_t out[3];           /* see dim__is_map() */
    dim__window window;       /* of layers that have one: what the options come to */
    int64_t crops[2];         /* height (0 of a signal) and width in crops, each of which `out` is of; both 0: samples are whole */
} dim__layer;

typedef struct dim__input {
    char name[DIM__TAP_SIZE];
    int64_t shape[3];         /* see dim__is_map() */
} dim__input;

typedef struct dim__stack {
    dim_context *ctx;
    dim__input inputs[DIM_MAX_INPUTS];
    int n_inputs;             /* the first is named "input" */
    dim__layer *layers;
    int64_t count, capacity;
} dim__stack;

extern const dim__table dim__layer_table;

/* Before the first layer, or later: layers read the inputs that there are when they are added. */
dim_status dim__stack_add_input(dim__stack *s, const char *name, const int64_t shape[3]);
dim_status dim__stack_add(dim__stack *s, const dim_layer_options *layer);
dim_status dim__stack_copy(const dim__stack *s, dim__stack *out);
void dim__stack_free(dim__stack *s);

/* Names end up in files and reports: letters, digits, '_', '-' and, where `dots`, '.'.  `what` begins the text. */
dim_status dim__check_name(dim_context *ctx, const char *what, const char *name, bool dots);
/* Widths whose first zero ends the list. */
dim_status dim__check_hidden(dim_context *ctx, const char *what, const uint32_t hidden[DIM_MAX_HIDDEN]);

/* Layer whose output has that tap name, or input of that name; else DIM__LAYER_NONE. */
int64_t dim__stack_tap(const dim__stack *s, const char *tap);
/* Of a layer or an input: the name that `from` has for it, and C, H, W. */
const char *dim__stack_name(const dim__stack *s, int64_t layer);
const int64_t *dim__stack_shape(const dim__stack *s, int64_t layer);

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
/* Of a graph's value: (N, H, W, C) or (N, C). */
static inline dim__shape dim__batch_shape(int64_t n, const int64_t shape[3])
{
    return dim__is_map(shape) ? dim__shape4(n, dim__map_height(shape), shape[2], shape[0]) : dim__shape2(n, shape[0]);
}
/* Whether values of these shapes lie alike: a signal is the same as an image of one row. */
static inline bool dim__same_sample(const int64_t a[3], const int64_t b[3])
{
    return a[0] == b[0] && a[2] == b[2] && dim__map_height(a) == dim__map_height(b);
}

/* Whether the layer's value has a sample for each crop of a sample: nothing outside the stack may read it. */
static inline bool dim__in_crops(const dim__layer *l) { return l->crops[1] > 0; }

/* Emits layers first .. last; out[i] is layer i's value, before[k] what layer first - 1 - k gave: input k, for first = 0.
 * Layers that no one needs cost nothing: they are removed as dead.  With units > 0 the last linear layer of the range gets
 * that width, and only the layers that lead to the last one are emitted. */
void dim__stack_emit(const dim__stack *s, const dim__scope *scope, const dim__vid *before, int64_t first, int64_t last,
                     int64_t units, dim__vid *out);
/* After all layers are emitted: what a layer or an input gave. */
static inline dim__vid dim__stack_value(int64_t layer, const dim__vid *inputs, const dim__vid *out)
{
    return layer < 0 ? inputs[DIM__LAYER_INPUT(layer)] : out[layer];
}

#endif
