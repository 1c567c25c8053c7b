#include "objective/critics/critics.h"

static const dim__critic_def *const defs[] = {
#define X(name) &dim__critic_##name,
#include "objective/critics/critic_list.def"
#undef X
};

const dim__critic_def *dim__critic_def_of(dim_critic kind)
{
    for (size_t i = 0; i < sizeof defs / sizeof *defs; i++)
        if (defs[i]->kind == kind)
            return defs[i];
    return NULL;
}

const char *dim__critic_name(int kind)
{
    const dim__critic_def *def = dim__critic_def_of((dim_critic)kind);
    return def != NULL ? def->name : NULL;
}
