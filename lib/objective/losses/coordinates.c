/* Where a location is, from its features and the global ones (DIM, arXiv 1808.06670, section 4.3): cross-entropies of row and column,
 * summed.  Absolute: (i, j) from [c_ij ; g].  Relative: (i - i', j - j') from [c_ij ; c_i'j' ; g], where (i', j') is drawn evenly,
 * for each location anew.
 *
 * The network is that of the authors' program: the residual network of the dot critic, as wide as there are logits of rows and
 * columns together, with its layer norm over all of them. */
#include "objective/losses/losses.h"

static dim_status check(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given)
{
    (void)given;
    if (!dim__is_map(side[0].shape) || side[0].whole)
        return dim__fail(ctx, DIM_E_SHAPE, "loss '%s': a is %s; coordinates are of the locations of a map", loss->name,
                         side[0].whole ? "a whole map" : "a vector");
    if (dim__is_map(side[1].shape))
        return dim__fail(ctx, DIM_E_SHAPE, "loss '%s': b is a map; coordinates need a vector beside each location", loss->name);
    if (side[0].views != side[1].views)
        return dim__fail(ctx, DIM_E_SHAPE, "loss '%s': its values have %lld and %lld views", loss->name, (long long)side[0].views,
                         (long long)side[1].views);
    return DIM_OK;
}

typedef struct axes { /* classes along the height, along the width; a signal has no rows to tell apart */
    int64_t size[2], classes[2];
    int first;
} axes;

static axes axes_of(const int64_t shape[3], bool relative)
{
    axes x = { .size = { dim__map_height(shape), shape[2] }, .first = dim__is_signal(shape) };
    for (int k = x.first; k < 2; k++)
        x.classes[k] = relative ? 2 * x.size[k] - 1 : x.size[k];
    return x;
}

/* What the network reads of each location: (locations, features). */
static dim__vid inputs(const dim__loss_in *in, int64_t locations, int64_t rows, dim__vid from)
{
    dim__graph *g = in->scope.g;
    dim__vid c = dim__nn_rows(&in->scope, in->side[0].v), x = c;
    if (from != DIM__NONE)
        x = dim__emit_concat(g, x, dim__emit_gather(g, c, from));
    dim__vid all = dim__emit_broadcast_mid(g, in->side[1].v, rows / locations);
    return dim__emit_concat(g, x, dim__nn_rows(&in->scope, all));
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    static const char *const names[] = { ".row_accuracy", ".column_accuracy" };
    dim__graph *g = in->scope.g;
    bool relative = in->loss->o.relative != 0;
    axes x = axes_of(in->side[0].shape, relative);
    int64_t n = in->samples * in->side[0].views, each = x.size[0] * x.size[1], rows = n * each;
    dim__loss_nodes nodes = { .loss = DIM__NONE, .against = DIM__NONE };
    dim__vid from = relative ? dim__emit_random_location(g, n, each, each) : DIM__NONE;
    dim__vid logits = dim__emit_projection(&in->scope, inputs(in, n, rows, from), x.classes[0] + x.classes[1],
                                           DIM_SHORTCUT_IDENTITY);
    for (int k = x.first; k < 2 && dim__graph_status(g) == DIM_OK; k++) {
        dim__vid labels = dim__emit_place(g, from, rows, x.size[0], x.size[1], k);
        dim__vid loss = dim__emit_softmax_xent(g, dim__emit_slice(g, logits, k == 0 ? 0 : x.classes[0], x.classes[k]), labels);
        nodes.reports[nodes.n_reports].suffix = names[k];
        nodes.reports[nodes.n_reports].kind = DIM__LOSS_REPORT_SCALAR;
        nodes.reports[nodes.n_reports++].v = dim__emit_mean_rank(g, dim__emit_accuracy(g, dim__out(loss, 1), labels));
        nodes.loss = nodes.loss == DIM__NONE ? loss : dim__emit_add(g, nodes.loss, loss);
    }
    return nodes;
}

const dim__loss_def dim__loss_coordinates = {
    .kind = DIM_LOSS_COORDINATES, .name = "coordinates", .least = 2, .most = 2, .critic = true,
    .options = DIM__LOSS_TAKES_RELATIVE, .check = check, .emit = emit
};
