/* Matrix product.  attr.matmul; attr.plan: that of a product in bf16, set by infer where both operands are that and the
 * processor multiplies it, or of one in f32 that is faster so.  An input 2, of passes/accumulate.c, is what the product is added
 * to: a matrix of its size, under any shape, or a vector for every row. */
#include "ops/ops.h"

#include "base/math.h"
#include "kernels/gemm.h"
#include "ops/product.h"

typedef struct matmul_sizes {
    int64_t m, n, k, k_of_b;
} matmul_sizes;

static matmul_sizes sizes_of(const dim__shape *a, const dim__shape *b, const dim__attr *attr)
{
    int64_t a_rows = dim__shape_rows(a), a_last = dim__shape_last(a);
    int64_t b_rows = dim__shape_rows(b), b_last = dim__shape_last(b);
    return (matmul_sizes){
        .m = attr->matmul.trans_a ? a_last : a_rows,
        .k = attr->matmul.trans_a ? a_rows : a_last,
        .k_of_b = attr->matmul.trans_b ? b_last : b_rows,
        .n = attr->matmul.trans_b ? b_rows : b_last,
    };
}

static dim__product_key key_of(const dim__attr *attr, matmul_sizes s, dim_dtype out)
{
    return (dim__product_key){ attr->matmul.trans_a, attr->matmul.trans_b, s.m, s.n, s.k, out == DIM__BF16, 0 };
}

static bool is_row(const dim__shape *onto, int64_t n) { return onto->rank == 1 && onto->d[0] == n; }

static dim_status matmul_infer(dim__infer *inf)
{
    char a[128], b[128];
    matmul_sizes s = sizes_of(&inf->in[0], &inf->in[1], inf->attr);
    DIM__TRY(dim__infer_types(inf, 0));
    if (s.k != s.k_of_b)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "matmul: %s%s and %s%s: inner sizes %lld and %lld differ",
                         dim__op_shape_text(a, &inf->in[0]), inf->attr->matmul.trans_a ? " transposed" : "",
                         dim__op_shape_text(b, &inf->in[1]), inf->attr->matmul.trans_b ? " transposed" : "", (long long)s.k,
                         (long long)s.k_of_b);
    inf->out[0] = dim__shape2(s.m, s.n);
    if (inf->n_in > 2 && dim__shape_count(&inf->in[2]) != s.m * s.n && !is_row(&inf->in[2], s.n))
        return dim__infer_fail(inf, 2, "the elements of the product or of one of its rows");
    if (inf->n_in > 2 && (inf->in_type[0] != DIM_F32 || inf->out_type[0] == DIM__BF16))
        return dim__infer_fail(inf, 0, "floats, and gives them, where the product is added to something");
    return dim__product_prepare(inf, key_of(inf->attr, s, inf->out_type[0]));
}

static void matmul_run(const dim__exec *e)
{
    matmul_sizes s = sizes_of(e->in_shape[0], e->in_shape[1], e->attr);
    dim__product_run(e, key_of(e->attr, s, e->out_type[0]));
}

static dim__product_form matmul_product(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr)
{
    matmul_sizes s = sizes_of(in[0], in[1], attr);
    (void)out;
    return (dim__product_form){ s.m, s.n, s.k, .plain = true, .trans_a = attr->matmul.trans_a != 0,
                                .trans_b = attr->matmul.trans_b != 0, .onto = true };
}

/* Gives a product the shape of the operand that it is the gradient of. */
static dim__vid shaped_like(dim__graph *g, dim__vid product, dim__vid operand)
{
    if (product == DIM__NONE || dim__shape_equal(dim__shape_of(g, product), dim__shape_of(g, operand)))
        return product;
    return dim__emit_reshape(g, product, *dim__shape_of(g, operand));
}

/* With C = op(A) op(B): d op(A) = dC op(B)^T and d op(B) = op(A)^T dC, each written so that the result comes out in the
 * operand's own layout. */
static dim__vid grad_of_a(dim__graph *g, dim__vid a, dim__vid b, dim__vid dc, bool ta, bool tb)
{
    dim__vid product = ta ? dim__emit_matmul(g, b, dc, tb, true) : dim__emit_matmul(g, dc, b, false, !tb);
    return shaped_like(g, product, a);
}

static dim__vid grad_of_b(dim__graph *g, dim__vid a, dim__vid b, dim__vid dc, bool ta, bool tb)
{
    dim__vid product = tb ? dim__emit_matmul(g, dc, a, true, ta) : dim__emit_matmul(g, a, dc, !ta, false);
    return shaped_like(g, product, b);
}

static void matmul_backward(dim__graph *g, const dim__node *node, const dim__vid *dout, dim__vid *din)
{
    dim__vid a = node->in[0], b = node->in[1], dc = dout[0];
    bool ta = node->attr.matmul.trans_a, tb = node->attr.matmul.trans_b;
    bool want_a = dim__wants_grad(g, a), want_b = dim__wants_grad(g, b);
    bool a_first = dim__count_of(g, a) < dim__count_of(g, b);
    if (want_a && a_first)
        din[0] = grad_of_a(g, a, b, dc, ta, tb);
    if (want_b)
        din[1] = grad_of_b(g, a, b, dc, ta, tb);
    if (want_a && !a_first)
        din[0] = grad_of_a(g, a, b, dc, ta, tb);
    if (node->n_in > 2 && dim__wants_grad(g, node->in[2]))
        din[2] = dim__count_of(g, node->in[2]) == dim__count_of(g, dc) ? shaped_like(g, dc, node->in[2])
                                                                       : dim__emit1(g, &dim__op_bias_grad, dc, NULL);
}

const dim__op dim__op_matmul = {
    .name = "matmul", .min_in = 2, .max_in = 3, .n_out = 1, .attr_size = DIM__ATTR_SIZE(matmul),
    .flags = DIM__OP_REPEATABLE | DIM__OP_PRODUCT | DIM__OP_INPLACE2 | DIM__OP_BF16_IN(3) | DIM__OP_BF16_OUT(1),
    .infer = matmul_infer, .workspace = dim__product_workspace, .backward = matmul_backward, .run = matmul_run,
    .product = matmul_product,
};

dim__vid dim__emit_matmul(dim__graph *g, dim__vid a, dim__vid b, bool trans_a, bool trans_b)
{
    dim__attr attr = { .matmul = { .trans_a = trans_a, .trans_b = trans_b } };
    return dim__emit2(g, &dim__op_matmul, a, b, &attr);
}
