/* Names of terms and classifiers. */
#include "model/model.h"

bool dim__model_name_taken(const dim_model *model, const char *name)
{
    for (int64_t i = 0; i < model->n_terms; i++)
        if (strcmp(model->terms[i].name, name) == 0)
            return true;
    for (int64_t i = 0; i < model->n_classifiers; i++)
        if (strcmp(model->classifiers[i].name, name) == 0)
            return true;
    return false;
}

/* Names end up in reports and weights, so they stay plain. */
dim_status dim__model_check_name(const dim_model *model, const char *name)
{
    DIM__TRY(dim__check_name(model->ctx, "the name", name, false));
    if (dim__model_name_taken(model, name) || strcmp(name, "encoder") == 0 || strcmp(name, "loss") == 0 ||
        strcmp(name, "lr") == 0 || strncmp(name, "prior", 5) == 0 || strcmp(name, "code") == 0 ||
        strcmp(name, "grad_norm") == 0)
        return dim__fail(model->ctx, DIM_E_INVALID, "the name '%s' is taken", name);
    return DIM_OK;
}
