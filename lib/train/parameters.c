/* All parameters by name: networks', under the name of their first application, and critics'. */
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
