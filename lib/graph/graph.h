/* A static graph: values and nodes in the order in which they run.  Built once for one batch size, differentiated into
 * itself, then compiled into a program that runs without allocating. */
#ifndef DIM_GRAPH_GRAPH_H
#define DIM_GRAPH_GRAPH_H

#include "graph/emit.h"
#include "graph/param.h"

typedef enum dim__value_kind {
    DIM__TEMP,  /* made by a node */
    DIM__INPUT, /* filled by the caller before a run */
    DIM__PARAM, /* memory of a dim__param: weight or state */
    DIM__CONST  /* one float repeated */
} dim__value_kind;

typedef struct dim__value {
    dim__value_kind kind;
    dim_dtype dtype;
    dim__shape shape;
    dim__vid alias_of;   /* the value in whose memory this is, or DIM__NONE */
    int64_t offset;      /* elements of that before this */
    dim__param *param;   /* DIM__PARAM */
    float fill;          /* DIM__CONST */
    uint32_t reach;      /* what it depends on: bit k, a parameter of group k; DIM__REACH_INPUT, an input whose gradient is wanted */
    bool keep;           /* readable after the run */
    bool exact;          /* passes/precision.c leaves it in f32 */
} dim__value;

#define DIM__REACH_INPUT (UINT32_C(1) << 31)
#define DIM__REACH_ALL UINT32_MAX
static inline uint32_t dim__reach_of_group(uint32_t group) { return group < DIM__GROUPS ? UINT32_C(1) << group : 0; }

struct dim__graph {
    dim_context *ctx;
    struct dim__comm *comm;  /* the other ranks, whose samples are of one batch with this graph's; NULL = there are none */
    int64_t views;           /* that what is emitted now draws for, of each sample, all samples of one after the other */
    uint32_t aim;            /* dim__wants_grad(): the bits that the gradient being emitted is for */
    dim__value *values;
    int64_t n_values, cap_values;
    dim__node *nodes;
    int64_t n_nodes, cap_nodes;
    dim__node *deferred;     /* state updates, to run once the loss is known to be finite */
    int64_t n_deferred, cap_deferred;
    int64_t forward_nodes;   /* nodes before the gradient's; set by dim__graph_backward */
    int64_t gradient_nodes;  /* nodes before the deferred ones */
    dim__vid *grads;         /* of each value, after dim__graph_backward */
    int64_t n_grads;
    uint64_t next_stream;
    bool gradient;           /* there is one, or will be */
    bool no_bf16;            /* passes/precision.c leaves it alone: what the caller gave is not to be rounded */
    bool all_bf16;           /* passes/precision.c takes values and products of any size: for tests */
    dim_status status;       /* first failure */
};

dim_status dim__graph_create(dim_context *ctx, dim__graph **out);
void dim__graph_destroy(dim__graph *g);
dim_status dim__graph_status(const dim__graph *g);
void dim__graph_fail(dim__graph *g, dim_status status); /* the text is set by dim__fail */

dim__vid dim__graph_input(dim__graph *g, dim_dtype dtype, dim__shape shape, bool wants_grad);
/* The same value for the same param, which the first use decides the group of. */
dim__vid dim__graph_param(dim__graph *g, dim__param *param, uint32_t group);
void dim__graph_keep(dim__graph *g, dim__vid v);

/* The value in whose memory v is, v itself when it is no alias, and where in it; offset may be NULL. */
dim__vid dim__graph_origin(const dim__graph *g, dim__vid v, int64_t *offset);

dim__product_form dim__product_of(const dim__graph *g, const dim__node *node); /* of one whose op is a product */
double dim__flops_of(const dim__graph *g, const dim__node *node);

/* For passes: a new value; and a node's workspace and attributes anew, after its values have changed their types. */
dim__vid dim__graph_value(dim__graph *g, const dim__value *value);
dim_status dim__node_infer(dim__graph *g, dim__node *node);

/* Emits a node that writes a state, to run after the forward part and only when its loss is finite. */
void dim__graph_defer(dim__graph *g, const dim__op *op, int n_in, const dim__vid *in, const dim__attr *attr);

/* Without a gradient: emits the deferred nodes only (training-mode forward passes). */
dim_status dim__graph_finish(dim__graph *g);

#endif
