#include "io/npy.h"

dim_status dim_tensor_load_npy(dim_context *ctx, const char *path, dim_tensor **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (path == NULL || out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_tensor_load_npy: %s is NULL", path == NULL ? "path" : "out");
    return dim__npy_load(ctx, path, out);
}

dim_status dim_tensor_save_npy(const dim_tensor *t, const char *path)
{
    if (t == NULL)
        return DIM_E_INVALID;
    if (path == NULL)
        return dim__fail(t->ctx, DIM_E_INVALID, "dim_tensor_save_npy: path is NULL");
    return dim__npy_save(t, path);
}
