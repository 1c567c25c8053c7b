/* What losses of two views without negatives share: which views are compared, and sums over a batch. */
#include "objective/losses/losses.h"

dim_status dim__loss_check_views(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given)
{
    if (dim__is_map(side[0].shape))
        return dim__fail(ctx, DIM_E_SHAPE, "loss '%s': %s compares vectors, but a is a map", loss->name, loss->def->name);
    if (given->b != NULL)
        return dim__loss_same_shape(ctx, loss, side, 2);
    return side[0].views > 1 ? DIM_OK
                             : dim__fail(ctx, DIM_E_INVALID, "loss '%s': %s needs b, or an a of several views; a has one",
                                         loss->name, loss->def->name);
}

static void add_scaled(dim__graph *g, dim__vid *sum, dim__vid more, double scale)
{
    dim__vid scaled = scale == 1 ? more : dim__emit_affine(g, more, scale, 0);
    *sum = *sum == DIM__NONE ? scaled : dim__emit_add(g, *sum, scaled);
}

static dim__loss_nodes of_all(const dim__loss_in *in, dim__loss_of_two emit, dim__vid a, dim__vid b)
{
    dim__vid all_a = dim__emit_gather_ranks(in->scope.g, a), all_b = dim__emit_gather_ranks(in->scope.g, b);
    dim__loss_nodes nodes = emit(in, all_a, all_b);
    nodes.ranks = DIM__LOSS_ALIKE;
    return nodes;
}

dim__loss_nodes dim__loss_of_views(const dim__loss_in *in, dim__loss_of_two emit)
{
    dim__graph *g = in->scope.g;
    const dim__side *side = in->side;
    int64_t views = side[0].views;
    if (side[1].v != DIM__NONE)
        return of_all(in, emit, side[0].v, side[1].v);
    dim__loss_nodes sum = dim__loss_alone(DIM__NONE);
    for (int64_t i = 0; i < views; i++)
        for (int64_t j = i + 1; j < views && dim__graph_status(g) == DIM_OK; j++) {
            dim__vid a = dim__emit_view_rows(g, side[0].v, i, views), b = dim__emit_view_rows(g, side[0].v, j, views);
            dim__loss_nodes of = of_all(in, emit, a, b);
            double share = 2 / (double)(views * (views - 1));
            bool first = sum.loss == DIM__NONE;
            add_scaled(g, &sum.loss, of.loss, share);
            for (int k = 0; k < of.n_reports; k++) {
                dim__vid so_far = first ? DIM__NONE : sum.reports[k].v;
                sum.reports[k] = of.reports[k];
                add_scaled(g, &so_far, of.reports[k].v, share);
                sum.reports[k].v = so_far;
            }
            sum.n_reports = of.n_reports;
            sum.ranks = of.ranks;
        }
    return sum;
}

/* (N, d) as one sample of N places, whose sum over the places is one over the batch. */
static dim__vid as_places(dim__graph *g, dim__vid x)
{
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    dim__shape s = *dim__shape_of(g, x);
    return dim__emit_reshape(g, x, dim__shape3(1, s.d[0], s.d[1]));
}

dim__vid dim__loss_centred(dim__graph *g, dim__vid x)
{
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    dim__shape s = *dim__shape_of(g, x);
    dim__vid less = dim__emit_sum_mid(g, as_places(g, x), -1 / (double)s.d[0]);
    return dim__emit_add_bias(g, x, dim__emit_reshape(g, less, dim__shape1(s.d[1])));
}

dim__vid dim__loss_column_dots(dim__graph *g, dim__vid a, dim__vid b, double scale)
{
    return dim__emit_sum_mid(g, as_places(g, dim__emit_mul(g, a, b)), scale);
}

/* |a' b|^2 = sum over pairs of rows n, m of (a_n . a_m) (b_n . b_m): with less rows than units that is less work. */
dim__vid dim__loss_cross_squares(dim__graph *g, dim__vid a, dim__vid b, double scale)
{
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    dim__shape s = *dim__shape_of(g, a);
    dim__vid first, second;
    if (s.d[0] < s.d[1]) {
        first = dim__emit_matmul(g, a, a, false, true);
        second = a == b ? first : dim__emit_matmul(g, b, b, false, true);
    } else {
        first = second = dim__emit_matmul(g, a, b, true, false);
    }
    return dim__emit_sum_all(g, dim__emit_mul(g, first, second), scale * scale);
}
