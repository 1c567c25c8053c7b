/* Names of terms and classifiers. */
#include "model/model.h"

/* Reports, parameters and what the first use adds. */
static bool reserved(const char *name)
{
    static const char *const names[] = { "encoder", "loss", "lr", "code", "grad_norm" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return strncmp(name, "prior", 5) == 0;
}

bool dim__model_name_taken(const dim_model *model, const char *name)
{
    for (int64_t i = 0; i < model->n_terms; i++)
        if (strcmp(model->terms[i].name, name) == 0)
            return true;
    for (int64_t i = 0; i < model->n_classifiers; i++)
        if (strcmp(model->classifiers[i].name, name) == 0)
            return true;
    return reserved(name);
}

/* By what was added to the objective.  The names that it has from the start are of other kinds than terms and classifiers,
 * which could have them before there was an objective. */
static bool added(const dim_model *model, const char *name)
{
    return strcmp(name, "images") != 0 && strcmp(name, "labels") != 0 && strcmp(name, "model") != 0 &&
           dim__objective_has(model->obj, name);
}

/* Names end up in reports and weights, so they stay plain. */
dim_status dim__model_check_name(const dim_model *model, const char *name)
{
    DIM__TRY(dim__check_name(model->ctx, "the name", name, false));
    if (dim__model_name_taken(model, name) || added(model, name))
        return dim__fail(model->ctx, DIM_E_INVALID, "the name '%s' is taken", name);
    return DIM_OK;
}
