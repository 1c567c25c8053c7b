#include "data/augment/augment.h"

dim_status dim_augment_create(dim_context *ctx, const dim_augment_options *options, dim_augment **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_augment_create: out is NULL");
    return dim__augment_create(ctx, options, out);
}

dim_status dim_augment_add(dim_augment *aug, const dim_augment_op_options *op)
{
    if (aug == NULL)
        return DIM_E_INVALID;
    if (op == NULL)
        return dim__fail(aug->ctx, DIM_E_INVALID, "dim_augment_add: op is NULL");
    return dim__augment_add(aug, op);
}

dim_status dim_augment_shape(const dim_augment *aug, const int64_t image[3], int64_t view[3])
{
    if (aug == NULL)
        return DIM_E_INVALID;
    if (image == NULL || view == NULL)
        return dim__fail(aug->ctx, DIM_E_INVALID, "dim_augment_shape: %s is NULL", image == NULL ? "image" : "view");
    return dim__augment_shape(aug, image, view);
}

dim_status dim_augment_apply(const dim_augment *aug, const dim_tensor *images,
                             const dim_augment_apply_options *options, dim_tensor *out)
{
    if (aug == NULL)
        return DIM_E_INVALID;
    if (images == NULL || out == NULL)
        return dim__fail(aug->ctx, DIM_E_INVALID, "dim_augment_apply: %s is NULL", images == NULL ? "images" : "out");
    return dim__augment_apply(aug, images, options, out);
}

void dim_augment_destroy(dim_augment *aug)
{
    dim__augment_destroy(aug);
}
