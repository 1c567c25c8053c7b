/* Losses between values. */
#include "train/objective.h"

#include "base/enums.h"

static const dim__range kinds = { .type = "dim_loss_kind", .name = dim__loss_name };
static const dim__field fields[] = {
    DIM__QUIET(dim_loss_options, kind, U32, &kinds, 0),
    DIM__FIELD(dim_loss_options, adversary, U32, &dim__adversary_range, 0),
    DIM__FIELD(dim_loss_options, sum_units, U32, &dim__switch, 0),
    DIM__QUIET(dim_loss_options, reserved0, U32, &dim__reserved, 0),
    DIM__FIELD(dim_loss_options, invariance, F32, &dim__not_negative, 0), /* defaults: dim__loss_def.fill() */
    DIM__FIELD(dim_loss_options, variance, F32, &dim__not_negative, 0),
    DIM__FIELD(dim_loss_options, covariance, F32, &dim__not_negative, 0),
    DIM__FIELD(dim_loss_options, redundancy, F32, &dim__not_negative, 0),
};
static const dim__table table = DIM__TABLE(dim_loss_options, fields);

/* Fails for an option that the kind does not take. */
static dim_status check_options(dim_context *ctx, const dim__loss_def *def, const dim_loss_options *o)
{
    const struct {
        const char *name;
        bool set;
        uint32_t bit;
    } taken[] = { { "sum_units", o->sum_units != 0, DIM__LOSS_TAKES_SUM },
                  { "adversary", o->adversary != 0, DIM__LOSS_TAKES_ADVERSARY },
                  { "term", o->term != NULL, DIM__LOSS_TAKES_TERM },
                  { "invariance", o->invariance != 0, DIM__LOSS_TAKES_VICREG },
                  { "variance", o->variance != 0, DIM__LOSS_TAKES_VICREG },
                  { "covariance", o->covariance != 0, DIM__LOSS_TAKES_VICREG },
                  { "redundancy", o->redundancy != 0, DIM__LOSS_TAKES_REDUNDANCY } };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (taken[i].set && (def->options & taken[i].bit) == 0)
            return dim__fail(ctx, DIM_E_INVALID, "loss '%s': %s is not an option of %s", o->name, taken[i].name, def->name);
    return DIM_OK;
}

static dim_status find_values(const dim_objective *obj, dim__objective_loss *l, const dim_loss_options *o)
{
    const char *const values[DIM__LOSS_VALUES] = { o->a, o->b, o->c };
    const dim__loss_def *def = l->loss.def;
    for (int k = 0; k < DIM__LOSS_VALUES; k++) {
        const char *v = values[k];
        if (v == NULL && k >= def->least)
            continue;
        if (v == NULL || k > l->n_of)
            return dim__fail(obj->ctx, DIM_E_INVALID, "loss '%s': %s needs %c", l->loss.name, def->name, 'a' + l->n_of);
        if (k >= def->most)
            return dim__fail(obj->ctx, DIM_E_INVALID, "loss '%s': %s does not take %c", l->loss.name, def->name, 'a' + k);
        if (k == 0 && def->critic && strncmp(v, "global:", 7) == 0) {
            l->whole = true;
            v += 7;
        }
        DIM__TRY(dim__objective_find(obj, v, strlen(v), &l->of[l->n_of++]));
    }
    return DIM_OK;
}

static dim_status check_sides(const dim_objective *obj, dim__objective_loss *l, const dim_loss_options *o)
{
    dim__side side[DIM__LOSS_VALUES] = { { .v = DIM__NONE } };
    const char *name = l->loss.name;
    int64_t views = 0;
    for (int k = 0; k < l->n_of; k++) {
        side[k] = dim__objective_side(obj, l->of[k]);
        if (side[k].labels && !(k == 1 && l->loss.def->labels))
            return dim__fail(obj->ctx, DIM_E_SHAPE, "loss '%s': %c cannot be labels", name, 'a' + k);
        if (!l->loss.def->critic && !side[k].labels && views != 0 && side[k].views != views)
            return dim__fail(obj->ctx, DIM_E_SHAPE, "loss '%s': its values have %lld and %lld views", name, (long long)views,
                             (long long)side[k].views);
        views = side[k].labels ? views : side[k].views;
    }
    side[0].whole = l->whole;
    if (l->whole && !dim__is_map(side[0].shape))
        return dim__fail(obj->ctx, DIM_E_SHAPE, "loss '%s': a is '%.40s', but that value is not a map", name, o->a);
    return l->loss.def->check != NULL ? l->loss.def->check(obj->ctx, &l->loss, side, o) : DIM_OK;
}

dim_status dim__objective_add_loss(dim_objective *obj, const dim_loss_options *options)
{
    dim__objective_loss l = { .n_of = 0 };
    dim_loss_options o;
    DIM__TRY(dim__options_read(obj->ctx, &table, options, &o));
    DIM__TRY(dim__objective_check_name(obj, "the loss's name", o.name));
    memcpy(l.loss.name, o.name, strlen(o.name) + 1);
    l.loss.def = dim__loss_def_of(o.kind);
    DIM__TRY(check_options(obj->ctx, l.loss.def, &o));
    DIM__TRY(find_values(obj, &l, &o));
    DIM__TRY(check_sides(obj, &l, &o));
    if (l.loss.def->fill != NULL)
        l.loss.def->fill(&o);
    l.loss.o = o;
    l.loss.o.name = l.loss.o.a = l.loss.o.b = l.loss.o.c = NULL;
    l.loss.o.term = NULL;
    return dim__objective_put_loss(obj, &l);
}

/* Labels are read with as many rows as the logits have: once for each of their views. */
static dim_status share_labels(dim_objective *obj, const dim__objective_loss *l)
{
    if (l->n_of < 2 || l->of[1].application >= 0 || !dim__is_label(&obj->inputs[l->of[1].index]))
        return DIM_OK;
    dim__objective_input *in = &obj->inputs[l->of[1].index];
    uint32_t views = (uint32_t)dim__objective_side(obj, l->of[0]).views;
    if (in->read && in->o.views != views)
        return dim__fail(obj->ctx, DIM_E_SHAPE, "loss '%s': its logits have %u views, but others with input '%s' have %u",
                         l->loss.name, views, in->name, in->o.views);
    in->read = true;
    in->o.views = views;
    return DIM_OK;
}

dim_status dim__objective_put_loss(dim_objective *obj, const dim__objective_loss *loss)
{
    DIM__TRY(dim__grow(obj->ctx, &obj->losses, &obj->cap_losses, obj->n_losses + 1, sizeof *obj->losses));
    DIM__TRY(dim__grow(obj->ctx, &obj->trained, &obj->cap_trained, obj->n_trained + 1, sizeof *obj->trained));
    DIM__TRY(share_labels(obj, loss));
    dim__objective_loss *l = &obj->losses[obj->n_losses];
    *l = *loss;
    l->trained = -1;
    if (l->loss.def->critic) {
        l->trained = obj->n_trained;
        obj->trained[obj->n_trained++] = (dim__trained){ NULL, obj->n_losses, DIM__NOBODY };
    }
    obj->n_losses++;
    return DIM_OK;
}
