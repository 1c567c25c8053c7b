/* <dim/checkpoint.h> */
#include "model/model.h"
#include <dim/checkpoint.h>

static dim_status check(const dim_model *model, const dim_loader *loader, const char *path, const char *function)
{
    if (path == NULL)
        return dim__fail(model->ctx, DIM_E_INVALID, "%s: path is NULL", function);
    if (loader != NULL && dim__loader_context(loader) != model->ctx)
        return dim__fail(model->ctx, DIM_E_INVALID, "%s: the loader belongs to another context than the model", function);
    return DIM_OK;
}

dim_status dim_checkpoint_save(dim_model *model, const dim_loader *loader, const char *path)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(check(model, loader, path, "dim_checkpoint_save"));
    return dim__checkpoint_save(model, loader, path);
}

dim_status dim_checkpoint_load(dim_model *model, dim_loader *loader, const char *path)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(check(model, loader, path, "dim_checkpoint_load"));
    return dim__checkpoint_load(model, loader, path);
}
