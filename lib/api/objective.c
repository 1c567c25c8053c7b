/* <dim/objective.h>, <dim/comm.h> */
#include "train/objective.h"

/* Argument checks of one line. */
static dim_status need(const dim_objective *obj, const void *pointer, const char *function, const char *name)
{
    return pointer != NULL ? DIM_OK : dim__fail(obj->ctx, DIM_E_INVALID, "%s: %s is NULL", function, name);
}

#define NEED(pointer) DIM__TRY(need(obj, pointer, __func__, #pointer))

dim_status dim_objective_create(dim_context *ctx, const dim_objective_options *options, dim_objective **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_objective_create: out is NULL");
    return dim__objective_create(ctx, options, out);
}

dim_status dim_objective_communicate(dim_objective *obj, const dim_comm *comm)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(comm);
    return dim__objective_communicate(obj, comm);
}

dim_status dim_objective_add_input(dim_objective *obj, const dim_input_options *options)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(options);
    return dim__objective_add_input(obj, options);
}

dim_status dim_objective_apply(dim_objective *obj, dim_network *network, const char *of, const char *as)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(network);
    NEED(of);
    NEED(as);
    return dim__objective_apply(obj, network, of, as);
}

dim_status dim_objective_add_loss(dim_objective *obj, const dim_loss_options *options)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(options);
    return dim__objective_add_loss(obj, options);
}

dim_status dim_objective_add_player(dim_objective *obj, const dim_player_options *options)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(options);
    return dim__objective_add_player(obj, options);
}

dim_status dim_objective_give(dim_objective *obj, const char *player, const char *as)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(player);
    NEED(as);
    return dim__objective_give(obj, player, as);
}

dim_status dim_objective_minimise(dim_objective *obj, const char *player, const char *loss, float weight)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(player);
    NEED(loss);
    return dim__objective_minimise(obj, player, loss, weight);
}

dim_status dim_objective_set(dim_objective *obj, const char *input, dim_tensor *batch)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(input);
    return dim__objective_set(obj, input, batch);
}

dim_status dim_objective_step(dim_objective *obj)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    DIM__TRY(dim__objective_check_free(obj, __func__));
    return dim__objective_step(obj, DIM__REACH_ALL, -1);
}

dim_status dim_objective_evaluate(dim_objective *obj)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    DIM__TRY(dim__objective_check_free(obj, __func__));
    return dim__objective_evaluate(obj, -1);
}

dim_status dim_objective_compute(dim_objective *obj, const char *value, dim_tensor *out)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(value);
    NEED(out);
    return dim__objective_compute(obj, value, false, out);
}

dim_status dim_objective_evaluate_value(dim_objective *obj, const char *value, dim_tensor *out)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(value);
    NEED(out);
    return dim__objective_compute(obj, value, true, out);
}

dim_status dim_objective_gradient(dim_objective *obj, const char *loss, const char *input, dim_tensor *out)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(loss);
    NEED(input);
    NEED(out);
    return dim__objective_gradient(obj, loss, input, out);
}

int dim_objective_report_count(const dim_objective *obj) { return obj == NULL ? 0 : (int)obj->n_reports; }

const char *dim_objective_report_name(const dim_objective *obj, int index)
{
    return obj == NULL || index < 0 || index >= obj->n_reports ? NULL : obj->reports[index].name;
}

dim_status dim_objective_report(const dim_objective *obj, const char *name, double *value)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(name);
    NEED(value);
    if (!obj->reported)
        return dim__fail(obj->ctx, DIM_E_STATE, "reports come with the first step or evaluation");
    const dim__objective_report *r = dim__objective_find_report(obj, name, "");
    if (r == NULL)
        return dim__fail(obj->ctx, DIM_E_INVALID, "'%.80s' is not a report", name);
    *value = r->value;
    return DIM_OK;
}

uint64_t dim_objective_steps(const dim_objective *obj) { return obj == NULL ? 0 : obj->steps; }

int dim_objective_parameter_count(dim_objective *obj) { return obj == NULL ? 0 : dim__objective_parameter_count(obj); }

const char *dim_objective_parameter_name(dim_objective *obj, int index)
{
    return obj == NULL ? NULL : dim__objective_parameter_name(obj, index);
}

dim_status dim_objective_get_parameter(dim_objective *obj, const char *name, dim_tensor **out)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(name);
    NEED(out);
    return dim__objective_get_parameter(obj, name, out);
}

dim_status dim_objective_set_parameter(dim_objective *obj, const char *name, const dim_tensor *values)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(name);
    NEED(values);
    return dim__objective_set_parameter(obj, name, values);
}

dim_status dim_objective_save(dim_objective *obj, const char *path)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(path);
    return dim__objective_save(obj, path);
}

dim_status dim_objective_load(dim_objective *obj, const char *path)
{
    if (obj == NULL)
        return DIM_E_INVALID;
    NEED(path);
    return dim__objective_load(obj, path);
}

void dim_objective_destroy(dim_objective *obj)
{
    if (obj != NULL && obj->owner == NULL) /* else it lives as long as its owner */
        dim__objective_destroy(obj);
}
