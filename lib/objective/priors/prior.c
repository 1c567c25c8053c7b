#include "objective/priors/prior.h"

#include "optim/optim.h"

static const dim__prior_def *const defs[] = {
#define X(KIND, name) [DIM_PRIOR_##KIND] = &dim__prior_##name,
#include "objective/priors/prior_list.def"
#undef X
};

const dim__prior_def *dim__prior_def_of(dim_prior_kind kind)
{
    bool known = (int)kind >= 0 && (size_t)kind < sizeof defs / sizeof *defs;
    return known ? defs[kind] : NULL;
}

const char *dim__prior_name(int kind)
{
    const dim__prior_def *def = dim__prior_def_of((dim_prior_kind)kind);
    return def != NULL ? def->name : NULL;
}

static const dim__range kinds = { .type = "dim_prior_kind", .name = dim__prior_name };

#define F(member, kind, range, usual) DIM__FIELD(dim_prior_options, member, kind, range, usual)
static const dim__field fields[] = {
    DIM__QUIET(dim_prior_options, kind, U32, &kinds, 0),
    F(sum_units, U32, &dim__switch, 0),
    F(minimax, U32, &dim__switch, 0),
    F(hidden1, U32, &dim__width, 1000),
    F(hidden2, U32, &dim__width, 200),
    F(gradient_penalty, F32, &dim__not_negative, 0),
};
#undef F
const dim__table dim__prior_table = DIM__TABLE(dim_prior_options, fields);

dim_status dim__prior_options(dim_context *ctx, const dim_prior_options *in, dim__prior_spec *out)
{
    dim__prior_spec spec = { .own_optimizer = false };
    dim_prior_options *o = &spec.o;
    DIM__TRY(dim__options_read(ctx, &dim__prior_table, in, o));
    if (o->optimizer != NULL) {
        spec.own_optimizer = true;
        DIM__TRY(dim__optim_options(ctx, o->optimizer, &spec.optimizer));
        o->optimizer = NULL;
    }
    *out = spec;
    return DIM_OK;
}
