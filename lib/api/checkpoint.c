/* <dim/checkpoint.h>, and checkpoints of <dim/objective.h> */
#include "model/model.h"
#include <dim/checkpoint.h>

static dim_status check(dim_context *ctx, const dim_loader *loader, const char *path, const char *function, const char *what)
{
    if (path == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "%s: path is NULL", function);
    if (loader != NULL && dim__loader_context(loader) != ctx)
        return dim__fail(ctx, DIM_E_INVALID, "%s: the loader belongs to another context than the %s", function, what);
    return DIM_OK;
}

static dim__saved of_model(dim_model *model)
{
    return (dim__saved){ model->obj, dim__settings_of_model, model, model->enc->made };
}

static dim__saved of_objective(dim_objective *obj) { return (dim__saved){ obj, dim__settings_of_objective, obj, NULL }; }

dim_status dim_checkpoint_save(dim_model *model, const dim_loader *loader, const char *path)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(check(model->ctx, loader, path, __func__, "model"));
    DIM__TRY(dim__model_fix(model));
    dim__saved what = of_model(model);
    return dim__checkpoint_save(&what, loader, path);
}

dim_status dim_checkpoint_load(dim_model *model, dim_loader *loader, const char *path)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(check(model->ctx, loader, path, __func__, "model"));
    DIM__TRY(dim__model_fix(model));
    dim__saved what = of_model(model);
    return dim__checkpoint_load(&what, loader, path);
}

dim_status dim_objective_checkpoint_save(dim_objective *obj, const dim_loader *loader, const char *path)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    DIM__TRY(check(obj->ctx, loader, path, __func__, "objective"));
    DIM__TRY(dim__objective_check_free(obj, __func__));
    dim__saved what = of_objective(obj);
    return dim__checkpoint_save(&what, loader, path);
}

dim_status dim_objective_checkpoint_load(dim_objective *obj, dim_loader *loader, const char *path)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    DIM__TRY(check(obj->ctx, loader, path, __func__, "objective"));
    DIM__TRY(dim__objective_check_free(obj, __func__));
    dim__saved what = of_objective(obj);
    return dim__checkpoint_load(&what, loader, path);
}
