/* A kind of layer: one descriptor in a file of this folder, and a line in layer_list.def. */
#ifndef DIM_NN_LAYERS_LAYER_H
#define DIM_NN_LAYERS_LAYER_H

#include "nn/stack.h"

typedef struct dim__layer_in { /* what a layer is emitted from */
    const dim__scope *scope;
    const dim__layer *l;
    const int64_t *shape;     /* of a sample of x */
    dim__vid x, from;
    int64_t units;            /* width that replaces `out` of a linear layer, or 0 */
} dim__layer_in;

struct dim__layer_def {
    const char *name;         /* of the parameters, with a number: "conv1" */
    bool from;                /* reads a second layer, which `from` of the options names */
    bool sized;               /* needs `out` */
    /* Fills in l->out, which is the input's shape so far, and defaults; refuses what does not fit.  NULL: the input's shape. */
    dim_status (*shape)(const dim__stack *s, dim__layer *l, const int64_t in[3]);
    dim__vid (*emit)(const dim__layer_in *e);
};

#define X(KIND, name) extern const dim__layer_def dim__layer_##name;
#include "nn/layers/layer_list.def"
#undef X

const dim__layer_def *dim__layer_def_of(dim_layer_kind kind); /* NULL for what is not a kind */
const char *dim__layer_name(int kind);                        /* likewise */

/* "layer 3 (conv1) on an input of ...: why". */
__attribute__((format(printf, 4, 5)))
dim_status dim__layer_fail(const dim__stack *s, const dim__layer *l, dim_status status, const char *format, ...);
dim_status dim__layer_wants_map(const dim__stack *s, const dim__layer *l, const int64_t in[3]);

/* Refuses what has not the shape of the layer that `from` names. */
dim_status dim__layer_same_as_from(const dim__stack *s, const dim__layer *l, const int64_t in[3]);

/* Of a signal, which has one axis: what is given for it twice must agree. */
dim_status dim__layer_check_one_axis(const dim__stack *s, const dim__layer *l);
/* For layers with a window: checks kernel, stride, padding and dilation, fills in l->window and, in the options, defaults.  A
 * layer's stride is 1 by default, or as its kernel. */
dim_status dim__layer_check_window(const dim__stack *s, dim__layer *l, const int64_t in[3], bool stride_is_kernel);
/* The same of a window that moves over the map; sets height and width of l->out. */
dim_status dim__layer_window(const dim__stack *s, dim__layer *l, const int64_t in[3], bool stride_is_kernel);
/* What two options of one axis each come to, for one who says it once: what they share, and what either has more. */
void dim__layer_split(int64_t h, int64_t w, uint32_t *both, uint32_t *more_h, uint32_t *more_w);
/* Sets height and width of l->out. */
void dim__layer_set_size(dim__layer *l, const int64_t in[3], int64_t height, int64_t width);
/* The border of a convolution as a layer before it where it is mirrored; the padding that is left goes into *window. */
dim__vid dim__layer_emit_border(const dim__layer_in *e, dim__window *window);

#endif
