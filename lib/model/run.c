/* A step or an evaluation: the objective's, with what only a model promises checked before. */
#include "model/model.h"

/* Classes of the images; -1 = it has none. */
static dim_status check_labels(const dim_model *model, const dim_tensor *labels, int64_t n)
{
    char text[128];
    if (labels->dtype != DIM_I32 && labels->dtype != DIM_I64)
        return dim__fail(model->ctx, DIM_E_SHAPE, "labels are %s; they must be i32 or i64",
                         dim__dtype_name(labels->dtype));
    if (labels->rank != 1 || labels->shape[0] != n)
        return dim__fail(model->ctx, DIM_E_SHAPE, "labels have shape %s; it must be (%lld)",
                         dim__shape_text(text, labels->rank, labels->shape), (long long)n);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i * labels->stride[0];
        int64_t label =
            labels->dtype == DIM_I32 ? ((const int32_t *)labels->data)[at] : ((const int64_t *)labels->data)[at];
        for (int64_t k = 0; k < model->n_classifiers; k++)
            if (label < -1 || label >= (int64_t)model->classifiers[k].o.classes)
                return dim__fail(model->ctx, DIM_E_INVALID, "label %lld of image %lld is outside [0, %u), and is not -1 for none",
                                 (long long)label, (long long)i, model->classifiers[k].o.classes);
    }
    return DIM_OK;
}

static dim_status check_batch(const dim_model *model, int64_t rows)
{
    if (rows % model->views != 0)
        return dim__fail(model->ctx, DIM_E_SHAPE, "a batch of %lld does not hold %lld views of each image",
                         (long long)rows, (long long)model->views);
    if (rows / model->views < 2)
        return dim__fail(model->ctx, DIM_E_SHAPE, "a batch of %lld has no negatives; it needs 2 images at least",
                         (long long)(rows / model->views));
    return DIM_OK;
}

/* Players that a step without labels moves: all but the classifiers'. */
static uint32_t unlabelled(const dim_model *model)
{
    uint32_t players = DIM__REACH_ALL;
    for (int64_t i = 0; i < model->n_classifiers; i++)
        players &= ~dim__reach_of_group((uint32_t)(1 + model->n_priors + i));
    return players;
}

static dim_status check_run(dim_model *model, const dim_tensor *images, const dim_tensor *labels, dim__run_mode mode)
{
    int64_t rows;
    DIM__TRY(dim__encoder_check_input(model->enc, 0, images, &rows));
    DIM__TRY(check_batch(model, rows));
    DIM__TRY(dim__model_fix(model));
    return mode == DIM__RUN_LABELED ? check_labels(model, labels, rows / model->views) : DIM_OK;
}

dim_status dim__model_run(dim_model *model, const dim_tensor *images, const dim_tensor *labels, dim__run_mode mode)
{
    dim_objective *obj = model->obj;
    dim_status status = check_run(model, images, labels, mode);
    if (status != DIM_OK)
        return dim__objective_refuse(obj, status);
    dim_tensor *given[DIM__MODEL_INPUTS] = { obj->inputs[DIM__MODEL_IMAGES].batch, obj->inputs[DIM__MODEL_LABELS].batch };
    obj->inputs[DIM__MODEL_IMAGES].batch = (dim_tensor *)images; /* for this call, so they are not held */
    obj->inputs[DIM__MODEL_LABELS].batch = (dim_tensor *)labels;
    status = mode == DIM__RUN_EVALUATE  ? dim__objective_evaluate(obj, DIM__MODEL_LABELS)
             : mode == DIM__RUN_LABELED ? dim__objective_step(obj, DIM__REACH_ALL, -1)
                                        : dim__objective_step(obj, unlabelled(model), DIM__MODEL_LABELS);
    obj->inputs[DIM__MODEL_IMAGES].batch = given[DIM__MODEL_IMAGES];
    obj->inputs[DIM__MODEL_LABELS].batch = given[DIM__MODEL_LABELS];
    if (status == DIM_OK)
        dim__model_collect(model, mode);
    return status;
}
