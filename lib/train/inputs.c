/* Inputs: what is given, and what is drawn. */
#include "base/enums.h"
#include "train/objective.h"

#include <math.h>
#include <stdio.h>

static dim_status check_shape(dim_context *ctx, const char *name, const dim_input_options *o)
{
    const int64_t *s = o->shape;
    bool label = o->dtype == DIM_I32;
    if (label && (s[0] != 0 || s[1] != 0 || s[2] != 0))
        return dim__fail(ctx, DIM_E_SHAPE, "input '%s': labels are one number a sample; their shape is (0, 0, 0)", name);
    if (label)
        return DIM_OK;
    if (s[0] < 1 || s[0] > (1 << 24) || s[1] < 0 || s[2] < 0 || s[1] > 65536 || s[2] > 65536 || (s[1] > 0 && s[2] == 0))
        return dim__fail(ctx, DIM_E_SHAPE, "input '%s' cannot have the shape (%lld, %lld, %lld): channels are 1 to 16777216, "
                         "sides at most 65536, the height 0 for a signal, both 0 for a vector",
                         name, (long long)s[0], (long long)s[1], (long long)s[2]);
    return DIM_OK;
}

static const dim__range views = DIM__UP_TO(8);
_Static_assert(DIM__MOST_VIEWS == 8, "as many as the table allows");
static const dim__field fields[] = {
    DIM__QUIET(dim_input_options, kind, U32, &dim__input_kind_range, 0),
    DIM__FIELD(dim_input_options, views, U32, &views, 1),
    DIM__QUIET(dim_input_options, want_gradient, U32, &dim__switch, 0),
    DIM__QUIET(dim_input_options, low, F32, &dim__finite, 0),
    DIM__QUIET(dim_input_options, high, F32, &dim__finite, 0),
};
static const dim__table table = DIM__TABLE(dim_input_options, fields);

static dim_status check(dim_context *ctx, const char *name, const dim_input_options *o)
{
    bool given = o->kind == DIM_INPUT_GIVEN;
    if (o->dtype != DIM_F32 && !(given && o->dtype == DIM_I32))
        return dim__fail(ctx, DIM_E_INVALID, "input '%s' has dtype %s; it must be f32%s", name, dim__dtype_name(o->dtype),
                         given ? ", or i32 for labels" : "");
    DIM__TRY(check_shape(ctx, name, o));
    if (o->kind == DIM_INPUT_ONE_HOT && (dim__is_map(o->shape) || o->shape[0] < 2))
        return dim__fail(ctx, DIM_E_SHAPE, "input '%s': one-hot rows are vectors of 2 classes at least", name);
    if (o->dtype == DIM_I32 && o->views > 1)
        return dim__fail(ctx, DIM_E_INVALID, "input '%s': labels are one a sample, so views must be 1", name);
    if (o->want_gradient && (!given || o->dtype != DIM_F32))
        return dim__fail(ctx, DIM_E_INVALID, "input '%s': only an input that is given as f32 has a gradient", name);
    if (o->kind != DIM_INPUT_UNIFORM && (o->low != 0 || o->high != 0))
        return dim__fail(ctx, DIM_E_INVALID, "input '%s' has low %g and high %g, which only DIM_INPUT_UNIFORM takes", name,
                         (double)o->low, (double)o->high);
    if ((o->low != 0 || o->high != 0) && !(o->low < o->high && isfinite(o->high - o->low)))
        return dim__fail(ctx, DIM_E_INVALID, "input '%s' cannot be drawn from %g to %g: low must be below high, and their "
                         "difference a float", name, (double)o->low, (double)o->high);
    return DIM_OK;
}

dim_status dim__objective_add_input(dim_objective *obj, const dim_input_options *options)
{
    dim__objective_input in = { .batch = NULL };
    DIM__TRY(dim__options_read(obj->ctx, &table, options, &in.o));
    DIM__TRY(dim__objective_check_name(obj, "the input's name", in.o.name));
    if (obj->n_inputs == DIM__MOST_INPUTS)
        return dim__fail(obj->ctx, DIM_E_INVALID, "an objective has %d inputs at most", DIM__MOST_INPUTS);
    memcpy(in.name, in.o.name, strlen(in.o.name) + 1);
    in.o.name = NULL;
    DIM__TRY(check(obj->ctx, in.name, &in.o));
    if (in.o.kind == DIM_INPUT_UNIFORM && in.o.low == 0 && in.o.high == 0)
        in.o.high = 1;
    return dim__objective_put_input(obj, &in);
}

dim_status dim__objective_put_input(dim_objective *obj, const dim__objective_input *in)
{
    DIM__TRY(dim__grow(obj->ctx, &obj->inputs, &obj->cap_inputs, obj->n_inputs + 1, sizeof *obj->inputs));
    obj->inputs[obj->n_inputs++] = *in;
    return DIM_OK;
}

static bool shape_fits(const dim__objective_input *in, const dim_tensor *t)
{
    return dim__is_label(in) ? t->rank == 1 : dim__sample_fits(t, in->o.shape);
}

static dim_status check_batch(const dim_objective *obj, const dim__objective_input *in, const dim_tensor *t)
{
    char text[128], wanted[DIM__BATCH_TEXT];
    bool label = dim__is_label(in), bytes = in->o.kind == DIM_INPUT_GIVEN && !in->o.want_gradient;
    if (label ? t->dtype != DIM_I32 && t->dtype != DIM_I64 : t->dtype != DIM_F32 && !(bytes && t->dtype == DIM_U8))
        return dim__fail(obj->ctx, DIM_E_INVALID, "input '%s' is %s; it must be %s", in->name, dim__dtype_name(t->dtype),
                         label ? "i32 or i64" : bytes ? "f32 or u8" : "f32");
    if (!shape_fits(in, t))
        return dim__fail(obj->ctx, DIM_E_SHAPE, "input '%s' has shape %s; it must be %s", in->name,
                         dim__shape_text(text, t->rank, t->shape),
                         label ? "(N)" : dim__batch_text(wanted, -1, in->o.shape));
    if (!label && t->shape[0] % (int64_t)in->o.views != 0)
        return dim__fail(obj->ctx, DIM_E_SHAPE, "input '%s': a batch of %lld does not hold %u views of each sample", in->name,
                         (long long)t->shape[0], in->o.views);
    return DIM_OK;
}

dim_status dim__objective_set(dim_objective *obj, const char *name, dim_tensor *batch)
{
    dim_tensor *view = NULL;
    int64_t i = dim__objective_find_input(obj, name);
    if (i < 0)
        return DIM_E_INVALID;
    if (batch != NULL) {
        DIM__TRY(check_batch(obj, &obj->inputs[i], batch));
        DIM__TRY(dim__tensor_view(batch, &view));
    }
    dim__tensor_destroy(obj->inputs[i].batch);
    obj->inputs[i].batch = view;
    return DIM_OK;
}
