/* Infomax of discrete codes: minus I(X; Y) = H(Y) - H(Y|X), of a class Y whose probabilities are the softmax of logits, or of two
 * of them minus I(A; B) = H(A) + H(B) - H(A, B), of the joint p(a, b) that is the mean of p(a|x) p(b|x) over the batch (Ji, Henriques
 * and Vedaldi 2019, arXiv 1807.06653, equation 3, without their symmetry).  All are sums, so nothing is estimated but means over
 * the batch.  Of a map each location is a code by itself, and the information is the mean over the locations.
 *
 * All in logarithms, of which none is infinite: that of a mean over the batch is a log-sum-exp, less log N. */
#include "base/comm.h"
#include "objective/losses/losses.h"

#include <math.h>

/* x (R, C) less the log-sum-exp of each row */
static dim__vid log_softmax(dim__graph *g, dim__vid x)
{
    x = dim__loss_below_maximum(g, x);
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    dim__shape s = *dim__shape_of(g, x);
    dim__vid lse = dim__emit_reshape(g, dim__emit_log_sum_exp(g, x), dim__shape2(s.d[0], 1));
    dim__vid all = dim__emit_reshape(g, dim__emit_broadcast_mid(g, lse, s.d[1]), s);
    return dim__emit_add(g, x, dim__emit_affine(g, all, -1, 0));
}

/* - scale times the sum of e^x x */
static dim__vid entropy(dim__graph *g, dim__vid x, double scale)
{
    return dim__emit_sum_all(g, dim__emit_mul(g, dim__emit_exp(g, x), x), -scale);
}

typedef struct code { /* of one side */
    dim__vid given, by_class; /* log p(y|x): (N, L, C), and (L C, N) */
    int64_t n, l, c;          /* samples of all ranks, locations, classes */
    dim__vid entropy;         /* H(Y), the mean over the locations */
} code;

/* x (L C, N): the entropy of the means over N, the mean over L */
static dim__vid entropy_of_means(dim__graph *g, dim__vid x, int64_t n, int64_t l)
{
    return entropy(g, dim__emit_affine(g, dim__emit_log_sum_exp(g, x), 1, -log((double)n)), 1 / (double)l);
}

static bool read_code(const dim__loss_in *in, int k, code *y)
{
    dim__graph *g = in->scope.g;
    dim__vid a = dim__emit_gather_ranks(g, dim__nn_rows(&in->scope, in->side[k].v));
    if (dim__graph_status(g) != DIM_OK)
        return false;
    y->n = in->samples * in->side[k].views * dim__ranks(g->comm);
    y->c = dim__shape_last(dim__shape_of(g, a));
    y->l = dim__count_of(g, a) / (y->n * y->c);
    y->given = log_softmax(g, a);
    dim__vid swapped = dim__emit_swap_last(g, dim__emit_reshape(g, y->given, dim__shape3(1, y->n, y->l * y->c)));
    y->by_class = dim__emit_reshape(g, swapped, dim__shape2(y->l * y->c, y->n));
    y->entropy = entropy_of_means(g, y->by_class, y->n, y->l);
    return true;
}

/* H(A, B): log p(a|x) + log p(b|x) of all pairs of classes at each location; one that is not a map has all of b's */
static dim__vid joint_entropy(dim__graph *g, const code *a, const code *b)
{
    int64_t n = a->n, l = b->l;
    dim__vid left = a->by_class;
    if (a->l != l)
        left = dim__emit_broadcast_mid(g, dim__emit_reshape(g, left, dim__shape2(1, a->c * n)), l);
    left = dim__emit_broadcast_mid(g, dim__emit_reshape(g, left, dim__shape2(l * a->c, n)), b->c);
    dim__vid right = dim__emit_broadcast_mid(g, dim__emit_reshape(g, b->by_class, dim__shape2(l, b->c * n)), a->c);
    dim__shape pairs = dim__shape2(l * a->c * b->c, n);
    dim__vid first = dim__emit_reshape(g, left, pairs), second = dim__emit_reshape(g, right, pairs);
    return entropy_of_means(g, dim__emit_add(g, first, second), n, l);
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__graph *g = in->scope.g;
    code y, other;
    dim__vid given;
    if (!read_code(in, 0, &y))
        return dim__loss_alone(DIM__NONE);
    if (in->side[1].v == DIM__NONE) {
        given = entropy(g, y.given, 1 / (double)(y.n * y.l));
    } else {
        if (!read_code(in, 1, &other))
            return dim__loss_alone(DIM__NONE);
        dim__vid joint = joint_entropy(g, &y, &other);
        given = dim__emit_add(g, joint, dim__emit_affine(g, other.entropy, -1, 0));
    }
    dim__vid loss = dim__emit_add(g, given, dim__emit_affine(g, y.entropy, -1, 0));
    return (dim__loss_nodes){ .ranks = DIM__LOSS_ALIKE, .loss = loss, .against = DIM__NONE, .n_reports = 3,
                              .reports = { { ".value", DIM__LOSS_REPORT_SCALAR, dim__emit_affine(g, loss, -1, 0) },
                                           { ".entropy", DIM__LOSS_REPORT_SCALAR, y.entropy },
                                           { ".given", DIM__LOSS_REPORT_SCALAR, given } } };
}

static dim_status check(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given)
{
    for (int k = 0; k < 1 + (given->b != NULL); k++)
        if (side[k].shape[0] < 2)
            return dim__fail(ctx, DIM_E_SHAPE, "loss '%s': %c has 1 class; a code needs 2 at least", loss->name, "ab"[k]);
    if (given->b == NULL || !dim__is_map(side[0].shape) ||
        (side[1].shape[1] == side[0].shape[1] && side[1].shape[2] == side[0].shape[2]))
        return DIM_OK;
    return dim__fail(ctx, DIM_E_SHAPE, "loss '%s': a is a map of %lld x %lld locations, so b must be one of as many; a vector with a map "
                     "goes as a", loss->name, (long long)side[0].shape[1], (long long)side[0].shape[2]);
}

const dim__loss_def dim__loss_discrete = {
    .kind = DIM_LOSS_DISCRETE, .name = "discrete", .least = 1, .most = 2, .check = check, .emit = emit
};
