/* Statistics of the code's units, for reports. */
#include "model/model.h"

static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__loss_nodes nodes = { .loss = DIM__NONE, .against = DIM__NONE, .n_reports = 2,
                              .reports = { { ".mean", DIM__LOSS_REPORT_MEAN, DIM__NONE },
                                           { ".std", DIM__LOSS_REPORT_MEAN, DIM__NONE } } };
    if (!dim__is_map(in->side[0].shape)) {
        nodes.reports[0].v = dim__emit_unit_stats(in->scope.g, in->side[0].v);
        nodes.reports[1].v = dim__out(nodes.reports[0].v, 1);
    }
    return nodes;
}

const dim__loss_def dim__loss_code = { .name = "code", .reports_only = true, .least = 1, .most = 1, .emit = emit };
