/* A value with frozen statistics. */
#include "train/objective.h"

/* Inputs that the value depends on: whether one of them is given. */
static bool reads_given(const dim_objective *obj, dim__ref ref)
{
    if (ref.application < 0)
        return obj->inputs[ref.index].o.kind == DIM_INPUT_GIVEN || obj->inputs[ref.index].batch != NULL;
    const dim__application *a = &obj->applications[ref.application];
    for (int k = 0; k < a->n_of; k++)
        if (reads_given(obj, a->of[k]))
            return true;
    return false;
}

dim_status dim__objective_compute(dim_objective *obj, const char *value, dim_tensor *out)
{
    dim__wanted w = { .mode = DIM__OBJECTIVE_COMPUTE };
    dim__objective_program *p;
    DIM__TRY(dim__objective_find(obj, value, strlen(value), &w.value));
    dim__side side = dim__objective_side(obj, w.value);
    if (side.labels)
        return dim__fail(obj->ctx, DIM_E_INVALID, "'%s' are labels: there is nothing to compute", value);
    if (reads_given(obj, w.value)) {
        DIM__TRY(dim__objective_samples(obj, &w.samples));
        if (w.samples < 0)
            return dim__fail(obj->ctx, DIM_E_STATE, "'%s' needs an input that was not given", value);
    } else {
        w.samples = out->rank > 0 ? out->shape[0] / side.views : 0;
    }
    DIM__TRY(dim__check_features(obj->ctx, "values", side.shape, w.samples * side.views, out));
    DIM__TRY(dim__check_output(obj->ctx, "value", out));
    DIM__TRY(dim__objective_fix(obj));
    if (w.samples == 0)
        return DIM_OK;
    DIM__TRY(dim__objective_compile(obj, &w, &p));
    DIM__TRY(dim__objective_feed(obj, p, w.samples, true));
    dim__program_forward(p->program, 0, 0);
    dim__deliver_features(side.shape, dim__program_data(p->program, p->out), 0, w.samples * side.views, out);
    obj->computed++;
    return DIM_OK;
}
