/* One loss by its definition, through the installed library. */
#include <dim/dim.h>

#include <math.h>
#include <stdio.h>

int main(void)
{
    static float scores[2][2] = {{2.0f, -1.0f}, {0.5f, 1.0f}};
    const int64_t shape[2] = {2, 2};
    dim_context *ctx = NULL;
    dim_tensor *t = NULL;
    dim_estimator *est = NULL;
    dim_estimator_options options;
    dim_estimate result;
    dim_status status = dim_context_create(NULL, &ctx);
    DIM_OPTIONS_INIT(&options);
    DIM_OPTIONS_INIT(&result);
    options.kind = DIM_ESTIMATOR_W1;
    if (status == DIM_OK)
        status = dim_estimator_create(ctx, &options, &est);
    if (status == DIM_OK)
        status = dim_tensor_wrap(ctx, DIM_F32, 2, shape, NULL, scores, NULL, NULL, &t);
    if (status == DIM_OK)
        status = dim_estimator_evaluate_scores(est, t, &result, NULL);
    if (status != DIM_OK)
        fprintf(stderr, "%s: %s\n", dim_status_name(status), dim_context_error(ctx));
    dim_tensor_destroy(t);
    dim_estimator_destroy(est);
    dim_context_destroy(ctx);
    /* E_pos[u] - E_neg[u] = 1.5 - (-0.25) */
    return status == DIM_OK && fabs(result.value - 1.75) < 1e-6 && strcmp(dim_version(), "0.1.0") == 0 ? 0 : 1;
}
