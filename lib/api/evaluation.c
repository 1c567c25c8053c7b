/* <dim/evaluation.h> */
#include "evaluation/evaluation.h"

static dim_status need(dim_context *ctx, const void *pointer, const char *function, const char *name)
{
    return pointer != NULL ? DIM_OK : dim__fail(ctx, DIM_E_INVALID, "%s: %s is NULL", function, name);
}

#define NEED(pointer) DIM__TRY(need(ctx, pointer, __func__, #pointer))

dim_status dim_evaluation_ssim(dim_context *ctx, const dim_ssim_options *options, const dim_tensor *a, const dim_tensor *b,
                               double *mean, dim_tensor *each)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    NEED(a);
    NEED(b);
    if (mean == NULL && each == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_evaluation_ssim: mean and each are NULL: no output is wanted");
    return dim__evaluation_ssim(ctx, options, a, b, mean, each);
}

dim_status dim_evaluation_codes(dim_context *ctx, const dim_tensor *codes, dim_tensor *units, dim_code_statistics *out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    NEED(codes);
    NEED(out);
    return dim__evaluation_codes(ctx, codes, units, out);
}

dim_status dim_evaluation_alignment(dim_context *ctx, const dim_tensor *x, const dim_tensor *y, double *alignment)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    NEED(x);
    NEED(y);
    NEED(alignment);
    return dim__evaluation_alignment(ctx, x, y, alignment);
}

dim_status dim_evaluation_uniformity(dim_context *ctx, const dim_tensor *x, double *uniformity)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    NEED(x);
    NEED(uniformity);
    return dim__evaluation_uniformity(ctx, x, uniformity);
}

dim_status dim_evaluation_ndm(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *codes,
                              dim_evaluation_estimate *out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    NEED(codes);
    NEED(out);
    return dim__evaluation_ndm(ctx, options, codes, out);
}

dim_status dim_evaluation_mine(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *x, const dim_tensor *z,
                               dim_evaluation_estimate *out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    NEED(x);
    NEED(z);
    NEED(out);
    return dim__evaluation_mine(ctx, options, x, z, out);
}

dim_status dim_evaluation_reconstruct(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *codes,
                                      const dim_tensor *images, const dim_tensor *test_codes, const dim_tensor *test_images,
                                      dim_reconstruction *result, dim_tensor **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    NEED(codes);
    NEED(images);
    NEED(test_codes);
    NEED(test_images);
    if (result == NULL && out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_evaluation_reconstruct: result and out are NULL: no output is wanted");
    return dim__evaluation_reconstruct(ctx, options, codes, images, test_codes, test_images, result, out);
}
