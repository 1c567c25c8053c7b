/* Losses on features of one's own: no encoder, no model.  The features may come from any framework; here they are two
 * plain float arrays.  For every estimator: its value, and the gradients that a training step would use.
 *
 * Sample i has one global feature g[i] and L local ones, c[i][l] = rho g[i] + sqrt(1 - rho^2) noise. */
#include <dim/dim.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 64, L = 4, D = 8 };

static float normal(void) /* the sum of 12 uniform numbers is near enough */
{
    float sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (float)rand() / (float)RAND_MAX;
    return sum;
}

static void check(dim_context *ctx, dim_status status)
{
    if (status == DIM_OK)
        return;
    fprintf(stderr, "use_losses: %s: %s\n", dim_status_name(status), dim_context_error(ctx));
    exit(1);
}

static double norm(const float *x, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

int main(int argc, char **argv)
{
    static float g[N][D], c[N][L][D], grad_g[N][D], grad_c[N][L][D];
    static const char *const meaning[] = { "only comparable with itself", "lower bound of MI", "estimate of MI" };
    const float rho = 0.7f;
    dim_context *ctx = NULL;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("use_losses: each estimator's loss, value and gradients on random features; takes no arguments\n");
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (argc > 1) {
        fprintf(stderr, "use_losses: unknown argument '%s'; it takes none\n", argv[1]);
        return 2;
    }
    dim_status status = dim_context_create(NULL, &ctx);
    if (status != DIM_OK) {
        fprintf(stderr, "use_losses: no context: %s\n", dim_status_message(status));
        return 1;
    }
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < D; k++)
            g[i][k] = normal();
        for (int l = 0; l < L; l++)
            for (int k = 0; k < D; k++)
                c[i][l][k] = rho * g[i][k] + sqrtf(1 - rho * rho) * normal();
    }

    /* The arrays as tensors, without a copy: libdim reads and writes them in place. */
    const int64_t global_shape[] = { N, D }, local_shape[] = { N, L, D };
    dim_tensor *global, *local, *grad_global, *grad_local;
    check(ctx, dim_tensor_wrap(ctx, DIM_F32, 2, global_shape, NULL, g, NULL, NULL, &global));
    check(ctx, dim_tensor_wrap(ctx, DIM_F32, 3, local_shape, NULL, c, NULL, NULL, &local));
    check(ctx, dim_tensor_wrap(ctx, DIM_F32, 2, global_shape, NULL, grad_g, NULL, NULL, &grad_global));
    check(ctx, dim_tensor_wrap(ctx, DIM_F32, 3, local_shape, NULL, grad_c, NULL, NULL, &grad_local));

    printf("%d samples, %d locations, score = g . c / 2; true MI of a pair: %.3f nats\n\n", N, L,
           -0.5 * D * log(1 - (double)rho * (double)rho));
    printf("%-8s %9s %9s %9s %9s %9s %9s  %s\n", "", "loss", "value", "pos", "neg", "|grad g|", "|grad c|",
           "the value is");
    for (int kind = 0; dim_estimator_name((dim_estimator_kind)kind) != NULL; kind++) {
        dim_estimator *estimator = NULL;
        dim_estimator_options how;
        dim_estimate result;
        DIM_OPTIONS_INIT(&how);
        DIM_OPTIONS_INIT(&result);
        how.kind = (dim_estimator_kind)kind;
        how.scale = 0.5f;
        check(ctx, dim_estimator_create(ctx, &how, &estimator));
        check(ctx, dim_estimator_evaluate(estimator, global, local, NULL, &result, grad_global, grad_local));
        printf("%-8s %9.4f %9.4f %9.4f %9.4f %9.4f %9.4f  %s\n", dim_estimator_name(how.kind), result.loss,
               result.value, result.positive_mean, result.negative_mean, norm(&grad_g[0][0], N * D),
               norm(&grad_c[0][0][0], N * L * D), meaning[dim_estimator_bound(how.kind)]);
        dim_estimator_destroy(estimator);
    }

    dim_tensor_destroy(grad_local);
    dim_tensor_destroy(grad_global);
    dim_tensor_destroy(local);
    dim_tensor_destroy(global);
    dim_context_destroy(ctx);
    const int lost = ferror(stdout);
    if (fclose(stdout) != 0 || lost) {
        fprintf(stderr, "use_losses: cannot write to standard output\n");
        return 1;
    }
    return 0;
}
