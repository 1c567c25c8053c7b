/* <dim/information.h> */
#include "information/information.h"

#include <math.h>

dim_status dim_information_measure(dim_context *ctx, const dim_information_options *options, const dim_information_data *data,
                                   dim_information **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (data == NULL || out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_information_measure: %s is NULL", data == NULL ? "data" : "out");
    return dim__information_measure(ctx, options, data, out);
}

static dim_status give(const dim_information *info, int64_t i, dim_information_result *result)
{
    size_t size;
    DIM__TRY(dim__struct_size(info->ctx, "dim_information_result", result, sizeof size, &size));
    dim_information_result r = info->answers[i].r;
    r.size = size;
    memcpy(result, &r, size < sizeof r ? size : sizeof r);
    return DIM_OK;
}

dim_status dim_information_get_result(const dim_information *info, dim_information_result *result)
{
    if (info == NULL)
        return DIM_E_INVALID;
    if (result == NULL)
        return dim__fail(info->ctx, DIM_E_INVALID, "dim_information_get_result: result is NULL");
    return give(info, 0, result);
}

int64_t dim_information_candidates(const dim_information *info) { return info == NULL ? 0 : info->count; }

dim_status dim_information_get_candidate(const dim_information *info, int64_t i, dim_information_result *result)
{
    if (info == NULL)
        return DIM_E_INVALID;
    if (result == NULL)
        return dim__fail(info->ctx, DIM_E_INVALID, "dim_information_get_candidate: result is NULL");
    if (i < 0 || i >= info->count)
        return dim__fail(info->ctx, DIM_E_INVALID, "dim_information_get_candidate: i is %lld; there are %lld candidates",
                         (long long)i, (long long)info->count);
    return give(info, i, result);
}

dim_status dim_information_pointwise(const dim_information *info, dim_tensor *out)
{
    char text[128];
    if (info == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(info->ctx, DIM_E_INVALID, "dim_information_pointwise: out is NULL");
    if (out->dtype != DIM_F64 || out->rank != 1 || out->shape[0] != info->given)
        return dim__fail(info->ctx, DIM_E_SHAPE, "out is %s %s; it must be f64 (%lld)", dim__dtype_name(out->dtype),
                         dim__shape_text(text, out->rank, out->shape), (long long)info->given);
    DIM__TRY(dim__check_output(info->ctx, "out", out));
    char *data = out->data;
    int64_t step = out->stride[0] * (int64_t)sizeof(double);
    const double nan = (double)NAN;
    for (int64_t i = 0; i < info->given; i++)
        memcpy(data + i * step, &nan, sizeof nan);
    for (int64_t i = 0; i < info->n; i++)
        memcpy(data + info->rows[i] * step, &info->answers[0].pointwise[i], sizeof nan);
    return DIM_OK;
}

static dim_status table_of(const dim_information *info, const double *from, int rank, const int64_t *shape, dim_tensor **out)
{
    dim_tensor *t;
    DIM__TRY(dim__tensor_create(info->ctx, DIM_F64, rank, shape, &t));
    memcpy(t->data, from, (size_t)dim__tensor_count(t) * sizeof *from);
    *out = t;
    return DIM_OK;
}

dim_status dim_information_curve(const dim_information *info, dim_tensor **out)
{
    if (info == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(info->ctx, DIM_E_INVALID, "dim_information_curve: out is NULL");
    return table_of(info, info->curve, 2, (int64_t[]){ info->n_curve, 4 }, out);
}

dim_status dim_information_null(const dim_information *info, dim_tensor **out)
{
    if (info == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(info->ctx, DIM_E_INVALID, "dim_information_null: out is NULL");
    if (info->null == NULL)
        return dim__fail(info->ctx, DIM_E_STATE, "dim_information_null: permutations were not asked for, or the method has none for "
                                                 "such data");
    return table_of(info, info->null, 1, &info->n_null, out);
}

/* ---- gradients of critics -------------------------------------------------------------------------------------------- */

static dim_status check_rows(const dim_information *info, const dim__mi_fitted *f, int side, const dim_tensor *t, int64_t rows)
{
    static const char *const names[2] = { "x", "y" };
    char text[128];
    uint64_t key;
    int64_t columns = dim__mi_fitted_given(f, side);
    if (t->rank < 1 || t->rank > 2 || dim__mi_columns_of(t) != columns || t->shape[0] != rows || rows < 2)
        return dim__fail(info->ctx, DIM_E_SHAPE, "dim_information_gradient: %s has shape %s; it must be (n, %lld), n that of x and at "
                         "least 2", names[side], dim__shape_text(text, t->rank, t->shape), (long long)columns);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            if (!isfinite(dim__mi_element(t, i, j, &key)))
                return dim__fail(info->ctx, DIM_E_NUMERIC, "dim_information_gradient: %s: row %lld, column %lld is not finite",
                                 names[side], (long long)i, (long long)j);
    return DIM_OK;
}

static dim_status check_gradient(const dim_information *info, const char *name, const dim_tensor *of, const dim_tensor *grad)
{
    char text[128], want[128];
    if (grad == NULL)
        return DIM_OK;
    bool same = grad->rank == of->rank;
    for (int k = 0; k < of->rank && same; k++)
        same = grad->shape[k] == of->shape[k];
    if (!same || (grad->dtype != DIM_F32 && grad->dtype != DIM_F64))
        return dim__fail(info->ctx, DIM_E_SHAPE, "dim_information_gradient: %s is %s %s; it must be f32 or f64 %s", name,
                         dim__dtype_name(grad->dtype), dim__shape_text(text, grad->rank, grad->shape),
                         dim__shape_text(want, of->rank, of->shape));
    return dim__check_output(info->ctx, name, grad);
}

dim_status dim_information_gradient(const dim_information *info, const dim_tensor *x, const dim_tensor *y, double *value,
                                    dim_tensor *grad_x, dim_tensor *grad_y)
{
    const dim__mi_fitted *f = NULL;
    if (info == NULL)
        return DIM_E_INVALID;
    if (x == NULL || y == NULL)
        return dim__fail(info->ctx, DIM_E_INVALID, "dim_information_gradient: %s is NULL", x == NULL ? "x" : "y");
    for (int64_t k = 0; k < info->count && f == NULL; k++)
        f = info->answers[k].fitted;
    if (f == NULL)
        return dim__fail(info->ctx, DIM_E_STATE, "dim_information_gradient: this measurement, by %s, has no critics without a "
                         "condition; method critic trains them", dim__mi_method_name((int)info->answers[0].r.method));
    DIM__TRY(check_rows(info, f, 0, x, x->rank < 1 ? 0 : x->shape[0]));
    DIM__TRY(check_rows(info, f, 1, y, x->shape[0]));
    DIM__TRY(check_gradient(info, "grad_x", x, grad_x));
    DIM__TRY(check_gradient(info, "grad_y", y, grad_y));
    DIM__TRY(dim__check_apart(info->ctx, "grad_x", grad_x, "grad_y", grad_y));
    DIM__TRY(dim__check_apart(info->ctx, "grad_x", grad_x, "x", x));
    DIM__TRY(dim__check_apart(info->ctx, "grad_x", grad_x, "y", y));
    DIM__TRY(dim__check_apart(info->ctx, "grad_y", grad_y, "x", x));
    DIM__TRY(dim__check_apart(info->ctx, "grad_y", grad_y, "y", y));
    return dim__mi_gradient(info->ctx, f, x, y, value, grad_x, grad_y);
}

/* ---- texts ----------------------------------------------------------------------------------------------------------- */

const char *dim_information_report(const dim_information *info) { return info == NULL ? "" : info->report; }

const char *dim_information_warning_text(const dim_information *info, dim_information_warning bit)
{
    for (int k = 0; k < 32 && info != NULL; k++)
        if ((uint32_t)bit == 1u << k)
            return info->texts[k] != NULL ? info->texts[k] : "";
    return "";
}

int64_t dim_information_remarks(const dim_information *info) { return info == NULL ? 0 : dim__mi_remarks(info); }

const char *dim_information_remark(const dim_information *info, int64_t i) { return info == NULL ? "" : dim__mi_remark(info, i); }

const char *dim_information_candidate_remark(const dim_information *info, int64_t i)
{
    bool any = info != NULL && i >= 0 && i < info->count && info->answers[i].remark != NULL;
    return any ? info->answers[i].remark : "";
}

dim_information_kind dim_information_column_kind(const dim_information *info, char side, int64_t column)
{
    int k = side - 'x';
    bool any = info != NULL && k >= 0 && k < DIM__MI_SIDES && column >= 0 && column < info->columns[k];
    return any ? (dim_information_kind)info->kinds[k][column] : DIM_INFORMATION_KIND_AUTO;
}

dim_status dim_information_matrix(dim_context *ctx, const dim_information_options *options, const dim_information_data *data,
                                  dim_tensor *value, dim_tensor *low, dim_tensor *high, dim_tensor *p)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (data == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_information_matrix: data is NULL");
    return dim__information_matrix(ctx, options, data, (dim_tensor *const[DIM__MI_OUTPUTS]){ value, low, high, p });
}

const char *dim_information_method_name(dim_information_method method) { return dim__mi_method_name((int)method); }

void dim_information_destroy(dim_information *info) { dim__information_destroy(info); }
