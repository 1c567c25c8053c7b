#include "data/augment/augment.h"

static const dim__field fields[] = { DIM__QUIET(dim_augment_options, reserved0, U32, &dim__reserved, 0) };
static const dim__table table = DIM__TABLE(dim_augment_options, fields);

dim_status dim__augment_create(dim_context *ctx, const dim_augment_options *options, dim_augment **out)
{
    dim_augment_options o;
    DIM__TRY(dim__options_read(ctx, &table, options, &o));
    dim_augment *aug = dim__calloc(ctx, 1, sizeof *aug);
    if (aug == NULL)
        return DIM_E_NOMEM;
    aug->ctx = dim__context_retain(ctx);
    dim_status status = dim__augment_add_preset(aug, o.preset);
    if (status == DIM_OK)
        *out = aug;
    else
        dim__augment_destroy(aug);
    return status;
}

void dim__augment_destroy(dim_augment *aug)
{
    if (aug == NULL)
        return;
    dim_context *ctx = aug->ctx;
    dim__free(ctx, aug);
    dim__context_release(ctx);
}
