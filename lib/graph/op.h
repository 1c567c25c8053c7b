/* What an op is.
 *
 * A value is one tensor of the graph, a node one use of an op.  An op is one descriptor in one file plus one line in an
 * op_list.def.  Activations are NHWC, or (rows, channels); everything is f32 but indices (i32), and what passes/precision.c
 * stores in bf16 once the graph is complete. */
#ifndef DIM_GRAPH_OP_H
#define DIM_GRAPH_OP_H

#include "base/context.h"
#include "graph/attr.h"
#include <dim/tensor.h>

enum { DIM__MAX_IN = 8, DIM__MAX_OUT = 4 };

typedef int32_t dim__vid; /* id of a value in its graph */
#define DIM__NONE ((dim__vid)-1)

/* An element type that only values of graphs have: a float's upper half. */
#define DIM__BF16 ((dim_dtype)64)
size_t dim__value_size(dim_dtype type); /* bytes of an element */

typedef struct dim__shape {
    int rank;
    int64_t d[DIM__MAX_DIMS];
} dim__shape;

typedef struct dim__graph dim__graph;
typedef struct dim__node dim__node;

typedef struct dim__infer { /* shapes in, shapes out */
    dim_context *ctx;
    const struct dim__comm *comm;       /* of the graph */
    const char *op;
    uint32_t bf16;                      /* inputs that may be bf16 */
    int n_in;
    dim__shape in[DIM__MAX_IN];
    dim_dtype in_type[DIM__MAX_IN];
    dim__attr *attr;                    /* may be completed */
    dim__shape out[DIM__MAX_OUT];       /* to be set */
    dim_dtype out_type[DIM__MAX_OUT];   /* DIM_F32 unless set, or bf16 where passes/precision.c wants it */
    int64_t offset;                     /* of an alias: elements of input 0 before it */
} dim__infer;

typedef struct dim__exec { /* one node, ready to run */
    dim_context *ctx;
    struct dim__comm *comm;             /* the other ranks, whose samples are of one batch with ours; NULL = there are none */
    int n_in;
    void *in[DIM__MAX_IN];              /* distinct from out, but where the op's flags allow sharing */
    void *out[DIM__MAX_OUT];
    const dim__shape *in_shape[DIM__MAX_IN];
    const dim__shape *out_shape[DIM__MAX_OUT];
    dim_dtype in_type[DIM__MAX_IN];
    dim_dtype out_type[DIM__MAX_OUT];
    const dim__attr *attr;
    void *workspace;
    uint64_t seed;                      /* of the run; with stream and step it numbers random draws */
    uint64_t stream;                    /* of the node */
    uint64_t step;                      /* of the run */
} dim__exec;

enum dim__op_flags {
    DIM__OP_INPLACE0 = 1,    /* output 0 may lie on input 0 */
    DIM__OP_INPLACE1 = 2,    /* output 0 may lie on input 1 */
    DIM__OP_ELEMENTWISE = 4, /* output element i depends on elements i of the inputs only */
    DIM__OP_ALIAS = 8,       /* output 0 is input 0 under another shape, or a run of its rows: nothing runs */
    DIM__OP_RANDOM = 16,     /* draws numbers: the node gets a stream of its own, unless attr.stream names one */
    DIM__OP_EFFECT = 32,     /* writes input 0 (a state): never removed, runs after everything before it */
    DIM__OP_BY_ROW = 64,     /* row r of the outputs depends on row r of the inputs only, but those of WHOLE */
    DIM__OP_BY_SAMPLE = 128, /* the same of slices along the first axis */
    DIM__OP_PRODUCT = 256,   /* multiplies its first two inputs; after infer attr.plan is one or NULL (ops/product.h,
                              * ops/conv.h) */
    DIM__OP_INPLACE2 = 512,  /* output 0 may lie on input 2 */
    /* What passes may do with it. */
    DIM__OP_REPEATABLE = 1024, /* may run twice: output 0 is a function of inputs, step and stream, and what it costs is its
                                * bytes and `flops`; elementwise ops are that by themselves */
    DIM__OP_ACTIVATES = 2048,  /* can apply the (leaky) ReLU that follows it: attr.activation */
    DIM__OP_MAXIMUM = 4096,    /* output 0 is chosen from input 0, and the gradient finds it there by comparison */
    DIM__OP_RANKS = 8192       /* talks to the other ranks where there are some: each rank must run it, in the same order */
};
/* More flags, each with a mask of inputs or outputs. */
#define DIM__OP_WHOLE(inputs) ((uint64_t)(inputs) << 32)     /* inputs that every row or sample needs */
#define DIM__OP_BF16_IN(inputs) ((uint64_t)(inputs) << 40)   /* that `run` itself takes in f32 or bf16 (ops/tiles.h) */
#define DIM__OP_BF16_OUT(outputs) ((uint64_t)(outputs) << 48) /* DIM__MAX_OUT bits */

typedef struct dim__product_form { /* what an op with DIM__OP_PRODUCT comes to: a matrix (m, n) of sums of k terms */
    int64_t m, n, k;
    bool plain;                         /* it is op(input 0) op(input 1), as they lie, and nothing else */
    bool trans_a, trans_b;
    bool onto;                          /* an input 2 is what the product is added to */
} dim__product_form;

typedef struct dim__op {
    const char *name;
    uint8_t min_in, max_in, n_out;
    size_t attr_size;                               /* DIM__ATTR_SIZE(its member), or 0 for none */
    uint64_t flags;
    dim_status (*infer)(dim__infer *inf);           /* failures through dim__fail, naming sizes */
    size_t (*workspace)(const dim__infer *inf);     /* bytes, or NULL for none */
    /* Emits the gradients of the inputs: din[i], for those with dim__wants_grad(), from dout[k] (DIM__NONE where nothing
     * flows).  NULL = no gradient passes. */
    void (*backward)(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din);
    void (*run)(const dim__exec *e);                /* no allocation, cannot fail; NULL for an alias */
    /* Of those with DIM__OP_PRODUCT. */
    dim__product_form (*product)(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr);
    /* Multiplications and additions of other ops, where these are the work; NULL where it is the bytes that are moved. */
    double (*flops)(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr);
} dim__op;

/* Multiplications and additions of a run; 0 where it is the bytes that are the work. */
static inline double dim__op_flops(const dim__op *op, const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr)
{
    if ((op->flags & DIM__OP_PRODUCT) == 0)
        return op->flops != NULL ? op->flops(in, out, attr) : 0;
    dim__product_form form = op->product(in, out, attr);
    return 2 * (double)form.m * (double)form.n * (double)form.k;
}

#define DIM__OP_DECLARE(name) extern const dim__op dim__op_##name; /* of one in an op_list.def */

struct dim__node {
    const dim__op *op;
    int n_in;
    dim__vid in[DIM__MAX_IN];
    dim__vid out[DIM__MAX_OUT];
    dim__attr attr;
    uint64_t stream;
    size_t workspace;
};

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */

static inline int64_t dim__shape_count(const dim__shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        n *= s->d[i];
    return n;
}
static inline int64_t dim__shape_last(const dim__shape *s) { return s->rank > 0 ? s->d[s->rank - 1] : 1; }
static inline int64_t dim__shape_rows(const dim__shape *s) /* all but the last axis */
{
    int64_t n = 1;
    for (int i = 0; i + 1 < s->rank; i++)
        n *= s->d[i];
    return n;
}
static inline dim__shape dim__shape1(int64_t a) { return (dim__shape){ 1, { a } }; }
static inline dim__shape dim__shape2(int64_t a, int64_t b) { return (dim__shape){ 2, { a, b } }; }
static inline dim__shape dim__shape3(int64_t a, int64_t b, int64_t c) { return (dim__shape){ 3, { a, b, c } }; }
static inline dim__shape dim__shape4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (dim__shape){ 4, { a, b, c, d } };
}
static inline dim__shape dim__scalar(void) { return (dim__shape){ 0, { 0 } }; }
bool dim__shape_equal(const dim__shape *a, const dim__shape *b);
const char *dim__op_shape_text(char buffer[128], const dim__shape *s);

/* Most ops' infer: output 0 has the shape of input 0, all inputs agree. */
dim_status dim__infer_same(dim__infer *inf);
/* "relu: got (2, 3), wants rank 4" in one line; returns DIM_E_SHAPE. */
dim_status dim__infer_fail(const dim__infer *inf, int input, const char *wanted);
/* Output 0 has the shape of attr.shape; fails where that is not one. */
dim_status dim__infer_given(dim__infer *inf);
dim__attr dim__attr_given(dim__shape shape);
/* Every infer checks element types: all f32 but the inputs of mask `i32`.  dim__infer_same() does it, too. */
dim_status dim__infer_types(const dim__infer *inf, uint32_t i32);

#endif
