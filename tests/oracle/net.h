/* Layers, in plain loops over (N, C, H, W). */
#ifndef DIM_TESTS_ORACLE_NET_H
#define DIM_TESTS_ORACLE_NET_H

#include "case.h"
#include "tape.h"

typedef struct value { /* rows x (C, H, W) */
    int rows;
    shape s;
    num *x;
} value;

static inline num *at(value v, int row, int c, int y, int x)
{
    int w = v.s.w > 0 ? v.s.w : 1, h = v.s.h > 0 ? v.s.h : 1;
    return &v.x[(((int64_t)row * v.s.c + c) * h + y) * w + x];
}

value new_value(int rows, shape s);

/* Where parameters come from: names are prefix + layer + "." + what. */
typedef struct world {
    oracle *o;
    char prefix[NAME];
    bool training;
} world;

num *weights(const world *w, const char *layer, const char *what, int64_t count);
/* What the pass makes of a running statistic. */
void move_state(const world *w, const char *layer, const char *what, const double *batch);
const double *state_of(const world *w, const char *layer, const char *what, int64_t count);

value linear(const world *w, const char *name, value x, int out, bool bias);
value batch_norm(const world *w, const char *name, value x);
value layer_norm(const world *w, const char *name, value x);
value rectified(value x, double slope);
value convolution(const world *w, const char *name, value x, const dim_layer_options *o, int out);
value flattened(value x);

/* Layers first .. last.  before[0] is what layer `first` reads: the output of the layer before it, or the first input; the others are
 * further inputs.  widen: so many units come out of the last linear layer; 0 = as it says.  d: the draws of application `app`; NULL
 * where nothing draws. */
void run_layers(const world *w, const net_spec *n, int first, int last, int widen, const value *before, value *out,
                draws *d, int app);

#endif
