/* Inputs: what is given, and what is drawn. */
#include "train/objective.h"

#include <stdio.h>

static dim_status check_shape(dim_context *ctx, const char *name, const dim_input_options *o)
{
    const int64_t *s = o->shape;
    bool label = o->dtype == DIM_I32;
    if (label && (s[0] != 0 || s[1] != 0 || s[2] != 0))
        return dim__fail(ctx, DIM_E_SHAPE, "input '%s': labels are one number a sample; their shape is (0, 0, 0)", name);
    if (label)
        return DIM_OK;
    if (s[0] < 1 || s[0] > (1 << 24) || s[1] < 0 || s[2] < 0 || s[1] > 65536 || s[2] > 65536 || (s[1] == 0) != (s[2] == 0))
        return dim__fail(ctx, DIM_E_SHAPE, "input '%s' cannot have the shape (%lld, %lld, %lld): channels are 1 to 16777216, "
                         "sides at most 65536, and both 0 for a vector",
                         name, (long long)s[0], (long long)s[1], (long long)s[2]);
    return DIM_OK;
}

static dim_status check(dim_context *ctx, const char *name, dim_input_options *o)
{
    if ((int)o->kind < DIM_INPUT_GIVEN || o->kind > DIM_INPUT_ONE_HOT)
        return dim__fail(ctx, DIM_E_INVALID, "kind is %d, which is not a dim_input_kind", (int)o->kind);
    bool given = o->kind == DIM_INPUT_GIVEN;
    if (o->dtype != DIM_F32 && !(given && o->dtype == DIM_I32))
        return dim__fail(ctx, DIM_E_INVALID, "input '%s' has dtype %s; it must be f32%s", name, dim__dtype_name(o->dtype),
                         given ? ", or i32 for labels" : "");
    DIM__TRY(check_shape(ctx, name, o));
    if (o->kind == DIM_INPUT_ONE_HOT && (o->shape[1] != 0 || o->shape[0] < 2))
        return dim__fail(ctx, DIM_E_SHAPE, "input '%s': one-hot rows are vectors of 2 classes at least", name);
    if (o->views > DIM__MOST_VIEWS)
        return dim__fail(ctx, DIM_E_INVALID, "input '%s': views is %u; it must be %d at most", name, o->views,
                         DIM__MOST_VIEWS);
    if (o->views == 0)
        o->views = 1;
    if (o->dtype == DIM_I32 && o->views > 1)
        return dim__fail(ctx, DIM_E_INVALID, "input '%s': labels are one a sample, so views must be 1", name);
    if (o->want_gradient > 1)
        return dim__fail(ctx, DIM_E_INVALID, "want_gradient is %u; it is a switch, 0 or 1", o->want_gradient);
    if (o->want_gradient && (!given || o->dtype != DIM_F32))
        return dim__fail(ctx, DIM_E_INVALID, "input '%s': only an input that is given as f32 has a gradient", name);
    return DIM_OK;
}

dim_status dim__objective_add_input(dim_objective *obj, const dim_input_options *options)
{
    dim__objective_input in = { .batch = NULL };
    DIM__TRY(dim__options_copy(obj->ctx, "dim_input_options", &in.o, sizeof in.o, options));
    DIM__TRY(dim__objective_check_name(obj, "the input's name", in.o.name));
    if (obj->n_inputs == DIM__MOST_INPUTS)
        return dim__fail(obj->ctx, DIM_E_INVALID, "an objective has %d inputs at most", DIM__MOST_INPUTS);
    memcpy(in.name, in.o.name, strlen(in.o.name) + 1);
    in.o.name = NULL;
    DIM__TRY(check(obj->ctx, in.name, &in.o));
    return dim__objective_put_input(obj, &in);
}

dim_status dim__objective_put_input(dim_objective *obj, const dim__objective_input *in)
{
    DIM__TRY(dim__grow(obj->ctx, &obj->inputs, &obj->cap_inputs, obj->n_inputs + 1, sizeof *obj->inputs));
    obj->inputs[obj->n_inputs++] = *in;
    return DIM_OK;
}

/* A signal (C, 1, L) may come as (N, C, L). */
static bool shape_fits(const dim__objective_input *in, const dim_tensor *t)
{
    const int64_t *s = in->o.shape;
    if (dim__is_label(in))
        return t->rank == 1;
    if (!dim__is_map(s))
        return t->rank == 2 && t->shape[1] == s[0];
    if (s[1] == 1 && t->rank == 3)
        return t->shape[1] == s[0] && t->shape[2] == s[2];
    return t->rank == 4 && t->shape[1] == s[0] && t->shape[2] == s[1] && t->shape[3] == s[2];
}

static dim_status check_batch(const dim_objective *obj, const dim__objective_input *in, const dim_tensor *t)
{
    char text[128], wanted[96];
    const int64_t *s = in->o.shape;
    bool label = dim__is_label(in), bytes = in->o.kind == DIM_INPUT_GIVEN && !in->o.want_gradient;
    if (label ? t->dtype != DIM_I32 && t->dtype != DIM_I64 : t->dtype != DIM_F32 && !(bytes && t->dtype == DIM_U8))
        return dim__fail(obj->ctx, DIM_E_INVALID, "input '%s' is %s; it must be %s", in->name, dim__dtype_name(t->dtype),
                         label ? "i32 or i64" : bytes ? "f32 or u8" : "f32");
    if (label)
        snprintf(wanted, sizeof wanted, "(N)");
    else if (dim__is_map(s))
        snprintf(wanted, sizeof wanted, "(N, %lld, %lld, %lld)", (long long)s[0], (long long)s[1], (long long)s[2]);
    else
        snprintf(wanted, sizeof wanted, "(N, %lld)", (long long)s[0]);
    if (!shape_fits(in, t))
        return dim__fail(obj->ctx, DIM_E_SHAPE, "input '%s' has shape %s; it must be %s", in->name,
                         dim__shape_text(text, t->rank, t->shape), wanted);
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
