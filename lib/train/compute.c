/* A value, with frozen statistics or as a step has it. */
#include "kernels/kernels.h"
#include "train/objective.h"

/* Of these inputs one that must be given and was not, or NULL. */
static const dim__objective_input *missing(const dim_objective *obj, uint64_t inputs)
{
    for (int64_t i = 0; i < obj->n_inputs; i++)
        if ((inputs >> i & 1) != 0 && obj->inputs[i].o.kind == DIM_INPUT_GIVEN && obj->inputs[i].batch == NULL)
            return &obj->inputs[i];
    return NULL;
}

/* A value that overflows is delivered as it is; one that is not finite because what was given is not, is refused. */
static dim_status check_finite(const dim_objective *obj, const char *value, const dim__objective_program *p)
{
    char input[DIM__TAP_SIZE + 96];
    const float *x = dim__program_data(p->program, p->out);
    if (obj->ctx->kernels->finite(x, dim__count_of(dim__program_graph(p->program), p->out)) ||
        !dim__objective_bad_input(obj, p, input, sizeof input))
        return DIM_OK;
    return dim__fail(obj->ctx, DIM_E_NUMERIC, "'%s' is not finite: %s", value, input);
}

/* Whether the value can be computed and written to `out`. */
static dim_status check_value(dim_objective *obj, const char *value, bool as_in_step, const dim_tensor *out, dim__wanted *w)
{
    DIM__TRY(dim__objective_find(obj, value, strlen(value), &w->value));
    dim__side side = dim__objective_side(obj, w->value);
    if (side.labels)
        return dim__fail(obj->ctx, DIM_E_INVALID, "'%s' are labels: there is nothing to compute", value);
    uint64_t inputs = dim__objective_reads(obj, w->value);
    DIM__TRY(dim__objective_samples(obj, inputs, true, &w->samples));
    if (missing(obj, inputs) != NULL)
        return dim__fail(obj->ctx, DIM_E_STATE, "'%s' needs input '%s', which was not given", value, missing(obj, inputs)->name);
    if (w->samples < 0)
        w->samples = out->rank > 0 ? out->shape[0] / side.views : 0;
    DIM__TRY(dim__check_features(obj->ctx, "values", side.shape, w->samples * side.views, out));
    DIM__TRY(dim__check_output(obj->ctx, "value", out));
    DIM__TRY(dim__objective_fix(obj));
    if (as_in_step && w->samples < 2)
        return dim__fail(obj->ctx, DIM_E_SHAPE, "'%s' of %lld sample%s: a step has 2 at least", value, (long long)w->samples,
                         w->samples == 1 ? "" : "s");
    return DIM_OK;
}

static dim_status prepare(dim_objective *obj, const dim__wanted *w, dim__objective_program **out)
{
    DIM__TRY(dim__objective_compile(obj, w, out));
    return dim__objective_feed(obj, *out, w->samples, true);
}

dim_status dim__objective_compute(dim_objective *obj, const char *value, bool as_in_step, dim_tensor *out)
{
    dim__wanted w = { .mode = as_in_step ? DIM__OBJECTIVE_OBSERVE : DIM__OBJECTIVE_COMPUTE, .without = -1 };
    dim__objective_program *p = NULL;
    dim_status status = check_value(obj, value, as_in_step, out, &w);
    if (status == DIM_OK && w.samples == 0)
        return DIM_OK;
    if (status == DIM_OK)
        status = prepare(obj, &w, &p);
    if (as_in_step) /* with the statistics of all ranks */
        status = dim__objective_agree(obj, status, &w, p);
    if (status != DIM_OK)
        return status;
    dim__side side = dim__objective_side(obj, w.value);
    dim__program_forward(p->program, as_in_step ? obj->seed : 0, as_in_step ? obj->draws : 0);
    DIM__TRY(as_in_step ? dim__comm_status(obj->ctx, obj->comm) : DIM_OK);
    DIM__TRY(check_finite(obj, value, p));
    dim__deliver_features(side.shape, dim__program_data(p->program, p->out), 0, w.samples * side.views, out);
    obj->computed += !as_in_step;
    return DIM_OK;
}
