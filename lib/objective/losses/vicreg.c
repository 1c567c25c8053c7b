/* Variance, invariance, covariance of two views (VICReg, arXiv 2105.04906, algorithm 1). */
#include "objective/losses/losses.h"

static const double EPS = 1e-4; /* of a variance, before its root */

typedef struct moments { /* of one view; unbiased, as the authors' are */
    dim__vid variance;   /* mean over units of max(0, 1 - sqrt(Var + eps)) */
    dim__vid covariance; /* sum of the squares off the diagonal, by the number of units */
} moments;

static moments moments_of(dim__graph *g, dim__vid x)
{
    if (dim__graph_status(g) != DIM_OK)
        return (moments){ DIM__NONE, DIM__NONE };
    dim__shape s = *dim__shape_of(g, x);
    double share = 1 / (double)(s.d[0] - 1), units = (double)s.d[1];
    dim__vid z = dim__loss_centred(g, x), var = dim__loss_column_dots(g, z, z, share);
    dim__vid safe = dim__emit_affine(g, var, 1, EPS), rsqrt = dim__emit_rsqrt(g, safe);
    dim__vid lack = dim__emit_relu(g, dim__emit_affine(g, dim__emit_mul(g, safe, rsqrt), -1, 1));
    dim__vid all = dim__loss_cross_squares(g, z, z, share), own = dim__emit_sum_all(g, dim__emit_mul(g, var, var), -1);
    return (moments){ dim__emit_sum_all(g, lack, 1 / units), dim__emit_affine(g, dim__emit_add(g, all, own), 1 / units, 0) };
}

static dim__loss_nodes of_two(const dim__loss_in *in, dim__vid a, dim__vid b)
{
    dim__graph *g = in->scope.g;
    const dim_loss_options *o = &in->loss->o;
    dim__vid d = dim__emit_add(g, a, dim__emit_affine(g, b, -1, 0));
    dim__vid invariance = dim__loss_mean(g, in->loss, dim__emit_mul(g, d, d), 1);
    moments of_a = moments_of(g, a), of_b = moments_of(g, b);
    dim__vid variance = dim__emit_add(g, of_a.variance, of_b.variance);
    dim__vid covariance = dim__emit_add(g, of_a.covariance, of_b.covariance);
    dim__vid first = dim__emit_affine(g, invariance, o->invariance, 0);
    dim__vid second = dim__emit_affine(g, variance, o->variance, 0);
    dim__vid third = dim__emit_affine(g, covariance, o->covariance, 0);
    dim__vid two = dim__emit_add(g, first, second);
    return (dim__loss_nodes){
        .loss = dim__emit_add(g, two, third), .against = DIM__NONE, .n_reports = 3,
        .reports = { { ".invariance", DIM__LOSS_REPORT_SCALAR, invariance }, { ".variance", DIM__LOSS_REPORT_SCALAR, variance },
                     { ".covariance", DIM__LOSS_REPORT_SCALAR, covariance } },
    };
}

static dim__loss_nodes emit(const dim__loss_in *in) { return dim__loss_of_views(in, of_two); }

static void fill(dim_loss_options *o)
{
    o->invariance = o->invariance != 0 ? o->invariance : 25;
    o->variance = o->variance != 0 ? o->variance : 25;
    o->covariance = o->covariance != 0 ? o->covariance : 1;
}

const dim__loss_def dim__loss_vicreg = {
    .kind = DIM_LOSS_VICREG, .name = "vicreg", .least = 1, .most = 2, .options = DIM__LOSS_TAKES_SUM | DIM__LOSS_TAKES_VICREG,
    .fill = fill, .check = dim__loss_check_views, .emit = emit
};
