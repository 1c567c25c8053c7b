/* Parameters and states by name: memory that graphs of all batch sizes share. */
#ifndef DIM_GRAPH_PARAM_H
#define DIM_GRAPH_PARAM_H

#include "graph/op.h"

/* How the memory is laid out compared with what is exported (PyTorch's layout). */
typedef enum dim__layout {
    DIM__LAYOUT_PLAIN = 0,
    DIM__LAYOUT_OHWI = 1, /* memory (O, H, W, I), exported (O, I, H, W) */
    DIM__LAYOUT_FLAT = 2, /* memory (O, H W C), exported (O, C H W): a linear layer on a flattened map */
    DIM__LAYOUT_HWC = 3   /* memory (H, W, C), exported (C, 1, H, W): one kernel a channel */
} dim__layout;

typedef enum dim__fill_kind {
    DIM__FILL_CONST = 0,  /* a */
    DIM__FILL_UNIFORM = 1,/* U(-a, a) */
    DIM__FILL_NORMAL = 2, /* N(0, a) */
    DIM__FILL_EYE = 3     /* 1 on the diagonal, U(-a, a) elsewhere: memory (rows, columns) */
} dim__fill_kind;

/* Groups of parameters by whose optimizer trains them.  From DIM__GROUPS on: nobody's. */
enum { DIM__GROUPS = 31, DIM__NOBODY = 31 };

typedef struct dim__param_spec {
    dim__shape shape;     /* of the memory */
    dim__layout layout;
    int64_t map[3];       /* FLAT: H, W, C */
    bool signal;          /* OHWI, HWC: H is 1 and is not exported */
    dim__fill_kind fill;
    float a;
    bool state;           /* not trained: running statistics and the like */
    bool hidden;          /* a state that is not part of saved weights */
    uint32_t group;       /* whose optimizer trains it: 0 the model's, up to DIM__NOBODY */
} dim__param_spec;

typedef struct dim__param {
    char *name;
    dim__param_spec spec;
    float *data;
    int64_t count;
} dim__param;

typedef struct dim__params {
    dim_context *ctx;
    dim__param **list;    /* in the order of declaration; the records do not move */
    int64_t count, capacity;
    uint64_t seed;
    int64_t most;         /* elements that they may have together, 0 = any number */
    bool too_many;        /* that was refused */
} dim__params;

void dim__params_init(dim__params *ps, dim_context *ctx, uint64_t seed);
void dim__params_free(dim__params *ps);
dim__param *dim__params_find(const dim__params *ps, const char *name);
/* The parameter of that name; made and filled at first use from (seed, name), so order does not matter.  NULL and an
 * error text when there is no memory or an existing one has another shape. */
dim__param *dim__params_get(dim__params *ps, const char *name, const dim__param_spec *spec);

/* Export shape, and copies between memory and the exported layout (contiguous f32). */
int dim__param_export_shape(const dim__param *p, int64_t shape[4]);
void dim__param_export(const dim__param *p, float *out);
void dim__param_import(dim__param *p, const float *in);

#endif
