/* <dim/model.h> */
#include "base/enums.h"
#include "model/model.h"

/* Argument checks of one line. */
static dim_status need(const dim_model *model, const void *pointer, const char *function, const char *name)
{
    return pointer != NULL ? DIM_OK : dim__fail(model->ctx, DIM_E_INVALID, "%s: %s is NULL", function, name);
}

dim_status dim_model_create(dim_encoder *enc, const dim_model_options *options, dim_model **out)
{
    if (enc == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "dim_model_create: out is NULL");
    return dim__model_create(enc, options, out);
}

dim_status dim_model_add_term(dim_model *model, const dim_term_options *term)
{
    return model == NULL ? DIM_E_INVALID : dim__model_add_term(model, term);
}

dim_status dim_model_add_prior(dim_model *model, const dim_prior *prior, float weight)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, prior, "dim_model_add_prior", "prior"));
    return dim__model_add_prior(model, &prior->spec, weight);
}

dim_status dim_model_set_optimizer(dim_model *model, const dim_optimizer_options *options)
{
    dim_optimizer_options checked;
    if (model == NULL)
        return DIM_E_INVALID;
    if (model->obj->fixed)
        return dim__fail(model->ctx, DIM_E_STATE, "the optimizer is fixed by the model's first use; set it before");
    DIM__TRY(dim__optim_options(model->ctx, options, &checked));
    model->optimizer = checked;
    return DIM_OK;
}

dim_status dim_model_step(dim_model *model, const dim_tensor *images)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, images, "dim_model_step", "images"));
    return dim__model_run(model, images, NULL, DIM__RUN_STEP);
}

dim_status dim_model_add_classifier(dim_model *model, const dim_classifier_options *options)
{
    return model == NULL ? DIM_E_INVALID : dim__model_add_classifier(model, options);
}

dim_status dim_model_step_labeled(dim_model *model, const dim_tensor *images, const dim_tensor *labels)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, images, "dim_model_step_labeled", "images"));
    DIM__TRY(need(model, labels, "dim_model_step_labeled", "labels"));
    if (model->n_classifiers == 0 && !model->obj->inputs[DIM__MODEL_LABELS].read)
        return dim__fail(model->ctx, DIM_E_INVALID, "dim_model_step_labeled: the model has no classifier, and no loss reads "
                         "'labels'");
    return dim__model_run(model, images, labels, DIM__RUN_LABELED);
}

dim_status dim_model_classify(dim_model *model, const char *name, const dim_tensor *images, dim_tensor *logits)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, images, "dim_model_classify", "images"));
    DIM__TRY(need(model, logits, "dim_model_classify", "logits"));
    return dim__model_classify(model, name, images, logits);
}

dim_status dim_model_evaluate(dim_model *model, const dim_tensor *images)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, images, "dim_model_evaluate", "images"));
    return dim__model_run(model, images, NULL, DIM__RUN_EVALUATE);
}

int dim_model_report_count(const dim_model *model) { return model == NULL ? 0 : (int)model->n_reports; }

const char *dim_model_report_name(const dim_model *model, int index)
{
    return model == NULL || index < 0 || index >= model->n_reports ? NULL : model->reports[index].name;
}

dim_status dim_model_report(const dim_model *model, const char *name, double *value)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, name, "dim_model_report", "name"));
    DIM__TRY(need(model, value, "dim_model_report", "value"));
    if (!model->reported)
        return dim__fail(model->ctx, DIM_E_STATE, "reports come with the first step or evaluation");
    for (int64_t i = 0; i < model->n_reports; i++)
        if (strcmp(model->reports[i].name, name) == 0) {
            *value = model->reports[i].value;
            return DIM_OK;
        }
    return dim__fail(model->ctx, DIM_E_INVALID, "'%.80s' is not a report", name);
}

dim_status dim_model_code_stats(const dim_model *model, float *mean, float *std)
{
    if (model == NULL)
        return DIM_E_INVALID;
    const int64_t *code = model->enc->stack.layers[model->enc->global].out;
    if (!model->reported)
        return dim__fail(model->ctx, DIM_E_STATE, "there are no statistics before the first step or evaluation");
    if (dim__is_map(code))
        return dim__fail(model->ctx, DIM_E_SHAPE, "the tap 'global' is a map; statistics are of a vector's units");
    if (mean != NULL)
        memcpy(mean, model->code_mean, (size_t)code[0] * sizeof *mean);
    if (std != NULL)
        memcpy(std, model->code_std, (size_t)code[0] * sizeof *std);
    return DIM_OK;
}

uint64_t dim_model_steps(const dim_model *model) { return model == NULL ? 0 : model->obj->steps; }

int dim_model_parameter_count(dim_model *model) { return model == NULL ? 0 : dim__objective_parameter_count(model->obj); }

const char *dim_model_parameter_name(dim_model *model, int index)
{
    return model == NULL ? NULL : dim__objective_parameter_name(model->obj, index);
}

dim_status dim_model_get_parameter(dim_model *model, const char *name, dim_tensor **out)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, name, "dim_model_get_parameter", "name"));
    DIM__TRY(need(model, out, "dim_model_get_parameter", "out"));
    return dim__objective_get_parameter(model->obj, name, out);
}

dim_status dim_model_set_parameter(dim_model *model, const char *name, const dim_tensor *values)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, name, "dim_model_set_parameter", "name"));
    DIM__TRY(need(model, values, "dim_model_set_parameter", "values"));
    return dim__objective_set_parameter(model->obj, name, values);
}

dim_status dim_model_save(dim_model *model, const char *path)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, path, "dim_model_save", "path"));
    return dim__objective_save(model->obj, path);
}

dim_status dim_model_load(dim_model *model, const char *path)
{
    if (model == NULL)
        return DIM_E_INVALID;
    DIM__TRY(need(model, path, "dim_model_load", "path"));
    return dim__objective_load(model->obj, path);
}

dim_objective *dim_model_objective(dim_model *model) { return model == NULL ? NULL : model->obj; }

void dim_model_destroy(dim_model *model) { dim__model_destroy(model); }

const char *dim_critic_name(dim_critic critic) { return dim__critic_name((int)critic); }

const char *dim_repeat_name(dim_repeat repeat) { return dim__repeat_name((int)repeat); }
const char *dim_shortcut_name(dim_shortcut shortcut) { return dim__shortcut_name((int)shortcut); }
