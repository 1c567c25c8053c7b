// One loss by its definition, through the installed library, from C++.
#include <dim/dim.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

int main()
{
    dim_context *raw = nullptr;
    if (dim_context_create(nullptr, &raw) != DIM_OK)
        return 1;
    std::unique_ptr<dim_context, void (*)(dim_context *)> ctx(raw, dim_context_destroy);

    std::vector<float> scores = {2.0f, -1.0f, 0.5f, 1.0f};
    const int64_t shape[2] = {2, 2};
    dim_tensor *t = nullptr;
    dim_estimator *est = nullptr;
    dim_estimator_options options;
    dim_estimate result;
    DIM_OPTIONS_INIT(&options);
    DIM_OPTIONS_INIT(&result);
    options.kind = DIM_ESTIMATOR_W1;
    bool ok = dim_estimator_create(ctx.get(), &options, &est) == DIM_OK &&
              dim_tensor_wrap(ctx.get(), DIM_F32, 2, shape, nullptr, scores.data(), nullptr, nullptr, &t) == DIM_OK &&
              dim_estimator_evaluate_scores(est, t, &result, nullptr) == DIM_OK &&
              std::fabs(result.value - 1.75) < 1e-6;
    if (!ok)
        std::fprintf(stderr, "%s\n", dim_context_error(ctx.get()));
    dim_tensor_destroy(t);
    dim_estimator_destroy(est);
    return ok ? 0 : 1;
}
