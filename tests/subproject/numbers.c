/* In a parent project with -Ofast: libdim still sees NaN and infinities, adds in its own order, and loading it changes nothing
 * in how the process computes.  Compiled without the parent's flags. */
#include <dim/dim.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int fails(const char *what)
{
    fprintf(stderr, "FAIL: %s\n", what);
    return 1;
}

static dim_status evaluate(dim_context *ctx, dim_estimator *est, float bad, dim_estimate *result)
{
    float scores[16] = { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, bad, 1 };
    int64_t shape[2] = { 4, 4 };
    dim_tensor *t;
    dim_status status = dim_tensor_create(ctx, DIM_F32, 2, shape, &t);
    if (status != DIM_OK)
        return status;
    memcpy(dim_tensor_data(t), scores, sizeof scores);
    status = dim_estimator_evaluate_scores(est, t, result, NULL);
    dim_tensor_destroy(t);
    return status;
}

int main(void)
{
    volatile float smallest = FLT_MIN;
    dim_context *ctx;
    dim_estimator *est;
    dim_estimate result;
    DIM_OPTIONS_INIT(&result);
    int failed = 0;
    if (smallest / 2 == 0)
        failed |= fails("denormal numbers are 0 in this process");
    if (dim_context_create(NULL, &ctx) != DIM_OK || dim_estimator_create(ctx, NULL, &est) != DIM_OK)
        return fails("no estimator");
    if (evaluate(ctx, est, 0, &result) != DIM_OK || !isfinite(result.loss))
        failed |= fails("finite scores");
    if (evaluate(ctx, est, NAN, &result) != DIM_E_NUMERIC)
        failed |= fails("NaN is taken for a number");
    if (evaluate(ctx, est, INFINITY, &result) != DIM_E_NUMERIC)
        failed |= fails("infinity is taken for a number");
    dim_estimator_destroy(est);
    dim_context_destroy(ctx);
    return failed;
}
