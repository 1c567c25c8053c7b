#include "io/params.h"

#include <math.h>
#include <stdio.h>

int64_t dim__params_visible(const dim__param_group *groups, int n)
{
    int64_t count = 0;
    for (int k = 0; k < n; k++)
        for (int64_t i = 0; i < groups[k].params->count; i++)
            count += !groups[k].params->list[i]->spec.hidden;
    return count;
}

dim__param *dim__params_at(const dim__param_group *groups, int n, int64_t index, char name[DIM__FULL_NAME_SIZE])
{
    for (int k = 0; k < n && index >= 0; k++)
        for (int64_t i = 0; i < groups[k].params->count; i++) {
            dim__param *p = groups[k].params->list[i];
            if (p->spec.hidden || index-- > 0)
                continue;
            snprintf(name, DIM__FULL_NAME_SIZE, "%s%s", groups[k].prefix, p->name);
            return p;
        }
    return NULL;
}

static dim_status find(dim_context *ctx, const dim__param_group *groups, int n, const char *name, dim__param **out)
{
    char full[DIM__FULL_NAME_SIZE];
    for (int64_t i = 0; (*out = dim__params_at(groups, n, i, full)) != NULL; i++)
        if (strcmp(full, name) == 0)
            return DIM_OK;
    return dim__fail(ctx, DIM_E_INVALID, "there is no parameter '%.100s'", name);
}

dim_status dim__params_get_tensor(dim_context *ctx, const dim__param_group *groups, int n, const char *name,
                                  dim_tensor **out)
{
    dim__param *p;
    int64_t shape[4];
    dim_tensor *t;
    DIM__TRY(find(ctx, groups, n, name, &p));
    int rank = dim__param_export_shape(p, shape);
    DIM__TRY(dim__tensor_create(ctx, DIM_F32, rank, shape, &t));
    dim__param_export(p, (float *)t->data);
    *out = t;
    return DIM_OK;
}

/* Whether a finite double became infinite as a float. */
static bool overflows(const dim_tensor *values, const int64_t *stride, const float *plain, int64_t count)
{
    for (int64_t i = 0; values->dtype == DIM_F64 && i < count; i++) {
        int64_t at = 0, rest = i;
        for (int k = 0; k < values->rank; k++) {
            at += rest / stride[k] * values->stride[k];
            rest %= stride[k];
        }
        if (isinf(plain[i]) && !isinf(((const double *)(const void *)values->data)[at]))
            return true;
    }
    return false;
}

dim_status dim__params_set_tensor(dim_context *ctx, const dim__param_group *groups, int n, const char *name,
                                  const dim_tensor *values)
{
    dim__param *p;
    int64_t shape[4], stride[4], step = 1;
    char a[128], b[128];
    DIM__TRY(find(ctx, groups, n, name, &p));
    int rank = dim__param_export_shape(p, shape);
    if (values->rank != rank || memcmp(shape, values->shape, (size_t)rank * sizeof *shape) != 0)
        return dim__fail(ctx, DIM_E_SHAPE, "values have shape %s, parameter '%s' has %s",
                         dim__shape_text(a, values->rank, values->shape), name, dim__shape_text(b, rank, shape));
    float *plain = dim__alloc(ctx, (size_t)p->count * sizeof *plain);
    if (plain == NULL)
        return DIM_E_NOMEM;
    for (int i = rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape[i];
    }
    dim__strided_copy(rank, shape, DIM_F32, plain, stride, values->dtype, values->data, values->stride);
    dim_status status = DIM_OK;
    if (overflows(values, stride, plain, p->count))
        status = dim__fail(ctx, DIM_E_NUMERIC, "parameter '%s': a value is too large for a float", name);
    else
        dim__param_import(p, plain);
    dim__free(ctx, plain);
    return status;
}

typedef struct bundle { /* all visible parameters as arrays in the exported layout */
    dim__array *arrays;
    char (*names)[DIM__FULL_NAME_SIZE];
    float *data;
    int64_t count;
} bundle;

static void bundle_free(dim_context *ctx, bundle *b)
{
    dim__free(ctx, b->arrays);
    dim__free(ctx, b->names);
    dim__free(ctx, b->data);
}

static dim_status bundle_make(dim_context *ctx, const dim__param_group *groups, int n, bundle *b)
{
    char name[DIM__FULL_NAME_SIZE];
    int64_t total = 0;
    *b = (bundle){ .count = dim__params_visible(groups, n) };
    for (int64_t i = 0; i < b->count; i++)
        total += dim__params_at(groups, n, i, name)->count;
    b->arrays = dim__calloc(ctx, (size_t)b->count, sizeof *b->arrays);
    b->names = dim__calloc(ctx, (size_t)b->count, sizeof *b->names);
    b->data = dim__calloc(ctx, (size_t)total, sizeof *b->data);
    if (b->arrays == NULL || b->names == NULL || b->data == NULL) {
        bundle_free(ctx, b);
        return DIM_E_NOMEM;
    }
    float *data = b->data;
    for (int64_t i = 0; i < b->count; i++) {
        dim__param *p = dim__params_at(groups, n, i, b->names[i]);
        b->arrays[i].name = b->names[i];
        b->arrays[i].rank = dim__param_export_shape(p, b->arrays[i].shape);
        b->arrays[i].data = data;
        data += p->count;
    }
    return DIM_OK;
}

dim_status dim__params_save(dim_context *ctx, const dim__param_group *groups, int n, const dim__meta *meta, int64_t n_meta,
                            const char *path)
{
    bundle b;
    char name[DIM__FULL_NAME_SIZE];
    DIM__TRY(bundle_make(ctx, groups, n, &b));
    for (int64_t i = 0; i < b.count; i++)
        dim__param_export(dim__params_at(groups, n, i, name), b.arrays[i].data);
    dim_status status = dim__weights_save(ctx, path, b.arrays, b.count, meta, n_meta);
    bundle_free(ctx, &b);
    return status;
}

dim_status dim__params_read(dim_context *ctx, const dim__param_group *groups, int n, const char *file_prefix,
                            dim__weights_file *file)
{
    bundle b;
    char name[DIM__FULL_NAME_SIZE];
    DIM__TRY(bundle_make(ctx, groups, n, &b));
    dim_status status = dim__weights_file_read(file, file_prefix, false, b.arrays, b.count);
    for (int64_t i = 0; status == DIM_OK && i < b.count; i++)
        dim__param_import(dim__params_at(groups, n, i, name), b.arrays[i].data);
    bundle_free(ctx, &b);
    return status;
}

dim_status dim__params_load(dim_context *ctx, const dim__param_group *groups, int n, const char *file_prefix,
                            const char *path)
{
    dim__weights_file *file;
    DIM__TRY(dim__weights_file_open(ctx, path, &file));
    dim_status status = dim__params_read(ctx, groups, n, file_prefix, file);
    dim__weights_file_close(file);
    return status;
}
