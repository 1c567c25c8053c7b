/* All parameters by name: networks', under the name of their first application, and critics'. */
#include "io/network.h"
#include "train/objective.h"

#include <stdio.h>

enum { PREFIX = DIM__TAP_SIZE + 2 };

dim_status dim__objective_groups_make(dim_objective *obj, dim__objective_groups *out)
{
    *out = (dim__objective_groups){ .n = 0 };
    DIM__TRY(dim__objective_fix(obj));
    size_t most = (size_t)obj->n_trained + 1;
    out->list = dim__calloc(obj->ctx, 1, most * (sizeof *out->list + PREFIX));
    if (out->list == NULL)
        return DIM_E_NOMEM;
    char *prefix = (char *)(out->list + most);
    for (int64_t i = 0; i < obj->n_trained; i++) {
        const dim__trained *t = &obj->trained[i];
        if (t->network == NULL)
            continue;
        snprintf(prefix, PREFIX, "%s.", obj->applications[t->at].name);
        out->list[out->n++] = (dim__param_group){ prefix, &t->network->params };
        prefix += PREFIX;
    }
    out->list[out->n++] = (dim__param_group){ "", &obj->params };
    return DIM_OK;
}

void dim__objective_groups_free(dim_objective *obj, dim__objective_groups *groups) { dim__free(obj->ctx, groups->list); }

const char *dim__objective_full_name(const dim_objective *obj, const dim__param *param, char name[DIM__FULL_NAME_SIZE])
{
    const char *of = "";
    for (int64_t i = 0; i < obj->n_trained; i++) {
        const dim__trained *t = &obj->trained[i];
        for (int64_t k = 0; t->network != NULL && k < t->network->params.count; k++)
            of = t->network->params.list[k] == param ? obj->applications[t->at].name : of;
    }
    snprintf(name, DIM__FULL_NAME_SIZE, "%s%s%s", of, *of != '\0' ? "." : "", param->name);
    return name;
}

int dim__objective_parameter_count(dim_objective *obj)
{
    dim__objective_groups groups;
    if (dim__objective_groups_make(obj, &groups) != DIM_OK)
        return 0;
    int n = (int)dim__params_visible(groups.list, groups.n);
    dim__objective_groups_free(obj, &groups);
    return n;
}

const char *dim__objective_parameter_name(dim_objective *obj, int index)
{
    dim__objective_groups groups;
    if (dim__objective_groups_make(obj, &groups) != DIM_OK)
        return NULL;
    bool there = dim__params_at(groups.list, groups.n, index, obj->name) != NULL;
    dim__objective_groups_free(obj, &groups);
    return there ? obj->name : NULL;
}

dim_status dim__objective_get_parameter(dim_objective *obj, const char *name, dim_tensor **out)
{
    dim__objective_groups groups;
    DIM__TRY(dim__objective_groups_make(obj, &groups));
    dim_status status = dim__params_get_tensor(obj->ctx, groups.list, groups.n, name, out);
    dim__objective_groups_free(obj, &groups);
    return status;
}

dim_status dim__objective_set_parameter(dim_objective *obj, const char *name, const dim_tensor *values)
{
    dim__objective_groups groups;
    DIM__TRY(dim__objective_groups_make(obj, &groups));
    dim_status status = dim__params_set_tensor(obj->ctx, groups.list, groups.n, name, values);
    obj->same = false;
    dim__objective_groups_free(obj, &groups);
    return status;
}

/* What dim_encoder_open() finds in the file, as in a model's. */
static const dim_encoder *encoder_of(const dim_objective *obj)
{
    for (int64_t i = 0; i < obj->n_trained; i++)
        if (obj->trained[i].network != NULL && strcmp(obj->applications[obj->trained[i].at].name, "encoder") == 0)
            return obj->trained[i].network;
    return NULL;
}

dim_status dim__objective_save(dim_objective *obj, const char *path)
{
    dim__objective_groups groups;
    DIM__TRY(dim__objective_groups_make(obj, &groups));
    const dim_encoder *enc = encoder_of(obj);
    dim_status status = enc != NULL ? dim__network_save(enc, groups.list, groups.n, path)
                                    : dim__params_save(obj->ctx, groups.list, groups.n, NULL, 0, path);
    dim__objective_groups_free(obj, &groups);
    return status;
}

dim_status dim__objective_load(dim_objective *obj, const char *path)
{
    dim__objective_groups groups;
    DIM__TRY(dim__objective_groups_make(obj, &groups));
    dim_status status = dim__params_load(obj->ctx, groups.list, groups.n, "", path);
    obj->same = false;
    dim__objective_groups_free(obj, &groups);
    return status;
}
