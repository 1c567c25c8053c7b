/* The correlations of the units of two views (Barlow Twins, arXiv 2103.03230, equation 1), normalised as the authors' batch norm
 * does it: biased variances, epsilon 1e-5. */
#include "objective/losses/losses.h"

static const double EPS = 1e-5;

static dim__vid normalised(dim__graph *g, dim__vid x)
{
    dim__vid z = dim__loss_centred(g, x);
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    dim__shape s = *dim__shape_of(g, z);
    dim__vid var = dim__loss_column_dots(g, z, z, 1 / (double)s.d[0]);
    dim__vid factor = dim__emit_broadcast_mid(g, dim__emit_rsqrt(g, dim__emit_affine(g, var, 1, EPS)), s.d[0]);
    return dim__emit_mul(g, z, dim__emit_reshape(g, factor, s));
}

static dim__loss_nodes of_two(const dim__loss_in *in, dim__vid a, dim__vid b)
{
    dim__graph *g = in->scope.g;
    dim__vid x = normalised(g, a), y = normalised(g, b);
    if (dim__graph_status(g) != DIM_OK)
        return dim__loss_alone(DIM__NONE);
    double lambda = in->loss->o.redundancy, share = 1 / (double)dim__shape_of(g, x)->d[0];
    dim__vid own = dim__loss_column_dots(g, x, y, share), lack = dim__emit_affine(g, own, -1, 1);
    dim__vid invariance = dim__emit_sum_all(g, dim__emit_mul(g, lack, lack), 1);
    dim__vid all = dim__loss_cross_squares(g, x, y, share), on = dim__emit_sum_all(g, dim__emit_mul(g, own, own), -1);
    dim__vid redundancy = dim__emit_add(g, all, on), weighted = dim__emit_affine(g, redundancy, lambda, 0);
    return (dim__loss_nodes){
        .loss = dim__emit_add(g, invariance, weighted), .against = DIM__NONE, .n_reports = 2,
        .reports = { { ".invariance", DIM__LOSS_REPORT_SCALAR, invariance },
                     { ".redundancy", DIM__LOSS_REPORT_SCALAR, redundancy } },
    };
}

static dim__loss_nodes emit(const dim__loss_in *in) { return dim__loss_of_views(in, of_two); }

static void fill(dim_loss_options *o) { o->redundancy = o->redundancy != 0 ? o->redundancy : 5e-3f; }

const dim__loss_def dim__loss_barlow_twins = {
    .kind = DIM_LOSS_BARLOW_TWINS, .name = "barlow-twins", .least = 1, .most = 2, .options = DIM__LOSS_TAKES_REDUNDANCY,
    .fill = fill, .check = dim__loss_check_views, .emit = emit
};
