/* What all probes share: options, tensors as rows and labels, the result. */
#include "base/fields.h"
#include "base/math.h"
#include "eval/eval.h"
#include "kernels/kernels.h"
#include "tensor/tensor.h"

#include <float.h>
#include <inttypes.h>

static const int32_t MAX_LABEL = 999999; /* a table of so many finds a label's class */

_Static_assert(sizeof(size_t) != 8 || sizeof(dim_probe_options) == 8 + 8 * 4 + 8 + 4 * 4,
               "dim_probe_options has no hidden padding");
_Static_assert(sizeof(size_t) != 8 || sizeof(dim_probe_result) == 8 + 5 * 8 + 2 * 4 + 8 + 2 * 4,
               "dim_probe_result has no hidden padding");

#define X(kind, run) [DIM_PROBE_##kind] = run,
static const dim__probe_fn PROBES[] = {
#include "eval/probe_list.def"
};
#undef X

static const char *kind_name(int kind)
{
#define X(kind, run) [DIM_PROBE_##kind] = #kind,
    static const char *const names[] = {
#include "eval/probe_list.def"
    };
#undef X
    return kind >= 0 && kind < (int)(sizeof names / sizeof *names) ? names[kind] : NULL;
}

static const dim__range kinds = { .type = "dim_probe_kind", .name = kind_name };
static const dim__range runs = DIM__UP_TO(1000);
static const dim__range dropout = { -(double)FLT_MAX, 1 - (double)FLT_EPSILON / 2, "below 1, and negative for none", NULL, NULL };

#define F(member, kind, range, usual) DIM__QUIET(dim_probe_options, member, kind, range, usual)
static const dim__field fields[] = {
    F(kind, U32, &kinds, 0),
    F(k, U32, NULL, 20),
    F(validation, F32, &dim__fraction, 0),
    F(lambda, F32, &dim__not_negative, 0),
    F(epochs, U32, NULL, 0),
    F(batch, U32, NULL, 0),
    F(lr, F32, &dim__not_negative, 0),
    F(reserved0, U32, &dim__reserved, 0),
    F(runs, U32, &runs, 1),
    F(hidden, U32, &dim__width, 200),
    F(dropout, F32, &dropout, 0.1),
    F(reserved1, U32, &dim__reserved, 0),
};
#undef F
static const dim__table table = DIM__TABLE(dim_probe_options, fields);

static dim_status as_labels(dim_context *ctx, const char *name, const dim_tensor *t, int64_t n, int32_t **out)
{
    char text[128];
    const int64_t contiguous = 1;
    if (t->dtype != DIM_I32 && t->dtype != DIM_I64)
        return dim__fail(ctx, DIM_E_INVALID, "%s has dtype %s; it must be i32 or i64", name, dim__dtype_name(t->dtype));
    if (t->rank != 1 || t->shape[0] != n)
        return dim__fail(ctx, DIM_E_SHAPE, "%s has shape %s; it must be (%" PRId64 "), one for each row", name,
                         dim__shape_text(text, t->rank, t->shape), n);
    int64_t *wide = dim__calloc(ctx, (size_t)n, sizeof *wide);
    if (wide == NULL)
        return DIM_E_NOMEM;
    *out = dim__calloc(ctx, (size_t)n, sizeof **out);
    dim_status status = *out == NULL ? DIM_E_NOMEM : DIM_OK;
    dim__strided_copy(1, &n, DIM_I64, wide, &contiguous, t->dtype, t->data, t->stride);
    for (int64_t i = 0; status == DIM_OK && i < n; i++) {
        if (wide[i] < 0 || wide[i] > MAX_LABEL)
            status = dim__fail(ctx, DIM_E_INVALID, "%s: label %" PRId64 " of sample %" PRId64 " is not in 0 .. %d",
                               name, wide[i], i, (int)MAX_LABEL);
        else
            (*out)[i] = (int32_t)wide[i];
    }
    dim__free(ctx, wide);
    return status;
}

/* Numbers train's classes as dim__probe_data wants it, test's by them; *names becomes the caller's numbers of them. */
static dim_status number_classes(dim_context *ctx, int32_t *train, int64_t n, int32_t *test, int64_t m, int32_t **names,
                                 int64_t *classes)
{
    int32_t most = 0, count = 0;
    for (int64_t i = 0; i < n; i++)
        most = train[i] > most ? train[i] : most;
    int32_t *found = dim__calloc(ctx, (size_t)most + 1, sizeof *found); /* 1 + the class */
    *names = dim__calloc(ctx, (size_t)dim__min64(n, (int64_t)most + 1), sizeof **names);
    if (found == NULL || *names == NULL) {
        dim__free(ctx, found);
        return DIM_E_NOMEM;
    }
    for (int64_t i = 0; i < n; i++) {
        int32_t *class = found + train[i];
        if (*class == 0) {
            (*names)[count] = train[i];
            *class = ++count;
        }
        train[i] = *class - 1;
    }
    for (int64_t i = 0; i < m; i++)
        test[i] = test[i] <= most ? found[test[i]] - 1 : -1;
    dim__free(ctx, found);
    *classes = count;
    return DIM_OK;
}

/* Into the caller's struct of whatever size. */
static dim_status check_result_size(dim_context *ctx, const dim_probe_result *result, size_t *size)
{
    DIM__TRY(dim__struct_size(ctx, "dim_probe_result", result, sizeof *size, size));
    if (*size > sizeof *result)
        *size = sizeof *result;
    return DIM_OK;
}

dim_status dim__probe_run(dim_context *ctx, const dim_probe_options *options, const dim_tensor *train,
                          const dim_tensor *train_labels, const dim_tensor *test, const dim_tensor *test_labels,
                          dim_probe_result *result)
{
    dim_status status;
    dim_probe_options o;
    dim_probe_result r;
    size_t size;
    dim__matrix a = {0}, b = {0};
    int32_t *la = NULL, *lb = NULL, *names = NULL;
    DIM__TRY(dim__options_read(ctx, &table, options, &o));
    DIM__TRY(check_result_size(ctx, result, &size));
    DIM__TRY_OR(done, dim__matrix_of(ctx, "train", train, &a));
    DIM__TRY_OR(done, dim__matrix_of(ctx, "test", test, &b));
    if (a.d != b.d) {
        status = dim__fail(ctx, DIM_E_SHAPE, "train has %" PRId64 " features, but test has %" PRId64, a.d, b.d);
        goto done;
    }
    DIM__TRY_OR(done, as_labels(ctx, "train_labels", train_labels, a.n, &la));
    DIM__TRY_OR(done, as_labels(ctx, "test_labels", test_labels, b.n, &lb));
    dim__probe_data data = {.n = a.n, .m = b.n, .d = a.d, .train = a.x, .test = b.x, .train_labels = la,
                            .test_labels = lb};
    DIM__TRY_OR(done, number_classes(ctx, la, a.n, lb, b.n, &names, &data.classes));
    data.names = names;
    DIM_OPTIONS_INIT(&r);
    r.converged = r.runs = 1;
    DIM__TRY_OR(done, PROBES[o.kind](ctx, &o, &data, &r));
    memcpy((char *)result + sizeof r.size, (const char *)&r + sizeof r.size, size - sizeof r.size);
done:
    dim__free(ctx, a.owned);
    dim__free(ctx, b.owned);
    dim__free(ctx, la);
    dim__free(ctx, lb);
    dim__free(ctx, names);
    return status;
}
