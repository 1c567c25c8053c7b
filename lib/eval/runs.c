/* A probe that draws something, several times over. */
#include "base/rng.h"
#include "eval/eval.h"

#include <math.h>

static void add(dim_probe_result *to, const dim_probe_result *one)
{
    to->accuracy += one->accuracy;
    to->train_accuracy += one->train_accuracy;
    to->validation_accuracy += one->validation_accuracy;
    to->converged &= one->converged;
    to->edge |= one->edge;
}

dim_status dim__probe_runs(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data, dim__probe_one_fn one,
                           dim_probe_result *result)
{
    const double n = (double)o->runs;
    double mean = 0, square = 0; /* by Welford's updates: equal accuracies have a deviation of exactly 0 */
    dim_probe_options each = *o;
    for (uint32_t run = 0; run < o->runs; run++) {
        dim_probe_result r = {.size = sizeof r, .converged = 1};
        each.seed = dim__mix(o->seed != 0 ? o->seed : ctx->seed, run);
        DIM__TRY(one(ctx, &each, data, run, &r));
        if (run == 0)
            *result = r;
        else
            add(result, &r);
        double off = r.accuracy - mean;
        mean += off / ((double)run + 1);
        square += off * (r.accuracy - mean);
    }
    result->accuracy = mean;
    result->train_accuracy /= n;
    result->validation_accuracy /= n;
    result->accuracy_std = o->runs > 1 ? sqrt(square / (n - 1)) : 0;
    result->runs = o->runs;
    return DIM_OK;
}
